"""Hostile goldens are refused for the rule that they break, in little memory."""

from __future__ import annotations

import os
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hostile.golden_oracles import ORACLES
from hostile.goldens import GOOD, HOSTILE_GOLDENS, HostileGolden, good_golden

from bgb_fixtures.errors import FixtureError, FormatError
from bgb_fixtures.golden import compare_goldens, load_golden

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=file.name) for file in HOSTILE_GOLDENS]
)
def test_hostile_golden_is_refused_for_what_it_is(
    file: HostileGolden, tmp_path: Path
) -> None:
    path = tmp_path / "bad.npz"
    file.write(path)
    before = path.lstat()
    size = before.st_size if before.st_size < 2**28 else 0
    tracemalloc.start()
    try:
        with pytest.raises(FormatError) as caught:
            load_golden(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert re.search(file.message, message, re.DOTALL), message
    assert message.startswith(repr(str(path)))
    assert (message.isprintable(), len(message) < 1500) == (True, True)
    assert peak < 3 * size + 2**23
    after = path.lstat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_hostile_goldens_have_a_name_each() -> None:
    names = [file.name for file in HOSTILE_GOLDENS]
    assert len(set(names)) == len(names)


def test_every_rule_for_goldens_has_a_hostile_file() -> None:
    page = (ROOT / "DATA.md").read_text("utf-8")
    stated = set(re.findall(r"^\*\*(G[0-9]+)\. ", page, re.MULTILINE))
    broken = {rule for file in HOSTILE_GOLDENS for rule in file.rule.split()}
    # G9 is how goldens are compared.
    assert broken == stated - {"G9"}


def test_g9_tolerance_that_overflows_allows_no_infinity() -> None:
    golden = good_golden()
    wide = replace(golden.outputs["x.logits"].tolerance, rtol=1e300, atol=1e300)
    output = replace(golden.outputs["x.logits"], tolerance=wide)
    moved = output.array.copy()
    moved[0, 0] = np.inf
    recorded, obtained = (
        replace(golden, outputs={"x.logits": replace(output, array=array)})
        for array in (output.array, moved)
    )
    (change,) = compare_goldens(recorded, obtained).changes
    assert change.far is not None
    assert int(change.far.sum()) == 1


def test_the_good_golden_is_good(tmp_path: Path) -> None:
    path = tmp_path / "good.npz"
    path.write_bytes(GOOD)
    ORACLES["golden"](path)


# What is no regular file


def _link(there: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(there)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(Path.mkdir, "is a folder; expected a golden file", id="folder"),
        pytest.param(
            lambda path: path.symlink_to(path.name),
            "cannot be read: Too many levels of symbolic links",
            id="link-to-itself",
        ),
        pytest.param(_link("/dev/zero"), "is not a regular file", id="zero"),
        pytest.param(_link("/dev/full"), "is not a regular file", id="full"),
        pytest.param(
            getattr(os, "mkfifo", Path.mkdir), "a regular file|a folder", id="fifo"
        ),
        pytest.param(
            _link("/proc/self/status"), "is not a golden: it is not an npz", id="proc"
        ),
    ],
)
def test_what_is_no_file_is_no_golden(
    make: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.npz"
    make(path)
    if path.is_symlink() and not path.is_file() and not os.path.lexists(path):
        pytest.skip("not on this system")
    with pytest.raises(FixtureError, match=words):
        load_golden(path)
