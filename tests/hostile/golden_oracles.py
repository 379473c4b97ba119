"""Read a golden, and compare with the bytes of the file.

Invariant: what a file holds is taken from its bytes with none of the code that reads it;
the second reader is numpy.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.golden import compare_goldens, describe_comparison, load_golden
from bgb_fixtures.golden.as_text import describe_golden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["ORACLES"]


def _golden(path: Path) -> None:
    golden = load_golden(path)
    # What accepts a golden must not stumble over it later.
    assert compare_goldens(golden, golden).equal, "a golden differs from itself"
    assert "\n" in "\n".join(describe_golden(golden, as_text=True))
    describe_comparison(compare_goldens(golden, golden))
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None, "a damaged entry was accepted"
        names = file.namelist()
        assert len(set(names)) == len(names), "an entry was accepted twice"
        assert all(".." not in name for name in names), "a path was accepted"
    with np.load(path, allow_pickle=False) as seen:
        document = json.loads(seen["golden.json"])
        assert sorted(golden.outputs) == sorted(document["outputs"]), "other outputs"
        for key, output in golden.outputs.items():
            same = seen[key].tobytes() == output.array.tobytes()
            assert same, f"{key!r} is not what the file holds"
            assert seen[key].shape == output.array.shape, f"{key!r} has another shape"
        if golden.trace is not None:
            samples = seen["trace/samples"].tobytes()
            assert samples == golden.trace.samples.tobytes(), "another trace"


ORACLES: Mapping[str, Callable[[Path], object]] = {"golden": _golden}
