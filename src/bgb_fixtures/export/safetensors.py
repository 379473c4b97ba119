"""One safetensors file with the whole content of a fixture.

Invariant: the file is written without a library, tensors follow each other without
gaps, and each has one row per window.

References
----------
safetensors, "Format", https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.export.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture

__all__ = ["LAYOUT"]

_DTYPES = {"<f4": "F32", "|u1": "U8"}
# Size of the first field in bytes, and alignment of the tensors.
_WORD = 8
_NOTES = """\
## Use

    import json
    from safetensors import safe_open

    with safe_open("windows.safetensors", "pt") as file:
        signals, labels = file.get_tensor("signals"), file.get_tensor("labels")
        ch_names = json.loads(file.metadata()["ch_names"])

| tensor | dtype, shape | what it is |
| --- | --- | --- |
| signals | float32, (n_windows, n_channels, n_times) | see unit |
| labels | uint8, (n_windows, n_times) | 1 = seizure, 0 = background |
| scale, offset | float32, (n_windows, n_channels) | microvolts = signals * scale + offset |

| metadata, text | what it is |
| --- | --- |
| name, content_version, digest | of the fixture |
| ch_names | JSON, names of the channels, in order |
| sfreq | Hz |
| montage, unit | of signals; unit is uV, or 1 for none |
| records | JSON, one record per window and its seizures, source, steps, licence |
"""


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    index, windows = fixture.index, fixture.windows
    records = asdict(fixture.records) | {"windows": [asdict(w) for w in windows]}
    metadata = {
        "name": index.name,
        "content_version": str(index.content_version),
        "digest": index.digest,
        "ch_names": json.dumps(fixture.ch_names),
        "sfreq": f"{fixture.sfreq!r}",
        "montage": fixture.records.montage,
        "unit": fixture.records.unit,
        "records": json.dumps(records, sort_keys=True),
    }
    # Put labels last, so that every float32 tensor is aligned.
    arrays = {
        name: np.ascontiguousarray(array)
        for name, array in (
            ("signals", fixture.signals),
            ("scale", fixture.scale),
            ("offset", fixture.offset),
            ("labels", fixture.labels),
        )
    }
    header: dict[str, object] = {"__metadata__": metadata}
    stop = 0
    for name, array in arrays.items():
        start, stop = stop, stop + array.nbytes
        header[name] = {
            "dtype": _DTYPES[array.dtype.str],
            "shape": array.shape,
            "data_offsets": [start, stop],
        }
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % _WORD)
    with (folder / "windows.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(_WORD, "little"))
        file.write(text)
        for array in arrays.values():
            file.write(array.data)
    done(len(windows))
    return _NOTES


LAYOUT = Layout(
    title="one safetensors file",
    problems=lambda _: [],
    write=_write,
)
