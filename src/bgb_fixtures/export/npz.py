"""One npz file with the whole content of a fixture, for use with numpy only.

Invariant: no array needs pickle, and all except `ch_names`, `sfreq`, `unit` and
`records` have one row per window.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.export.layout import Layout, write_npz

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture

__all__ = ["LAYOUT"]

_TEXTS = ("id", "category", "kind", "split", "subject", "recording")
_NOTES = """\
## Use

    import json
    import numpy as np

    with np.load("windows.npz") as data:
        train = data["split"] == "train"
        signals, labels = data["signals"][train], data["labels"][train]
        records = json.loads(str(data["records"]))

| key | dtype, shape | what it is |
| --- | --- | --- |
| signals | float32, (n_windows, n_channels, n_times) | see unit |
| labels | uint8, (n_windows, n_times) | 1 = seizure, 0 = background |
| scale, offset | float32, (n_windows, n_channels) | microvolts = signals * scale + offset |
| ch_names | text, (n_channels,) | names of the channels, in order |
| sfreq | float64, () | Hz |
| unit | text, () | of signals: uV, or 1 for none |
| id, category, kind, split, subject, recording | text, (n_windows,) | of each window |
| onset | float64, (n_windows,) | start of the window in its recording, in seconds |
| records | JSON text, () | all of the above and the seizures, source, steps, licence |
"""


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    windows = fixture.windows
    records = asdict(fixture.records) | {"windows": [asdict(w) for w in windows]}
    write_npz(
        folder / "windows.npz",
        {
            "signals": fixture.signals,
            "labels": fixture.labels,
            "scale": fixture.scale,
            "offset": fixture.offset,
            "ch_names": np.array(fixture.ch_names),
            "sfreq": np.array(fixture.sfreq),
            "unit": np.array(fixture.records.unit),
            **{key: np.array([getattr(w, key) for w in windows]) for key in _TEXTS},
            "onset": np.array([w.onset for w in windows]),
            "records": np.array(json.dumps(records, sort_keys=True)),
        },
    )
    done(len(windows))
    return _NOTES


LAYOUT = Layout(
    title="one npz file for numpy",
    problems=lambda _: [],
    write=_write,
)
