"""Write the fixture of format version 1 that every later release must read.

``python tests/data/format-1/make_format_1.py FOLDER`` wrote ``fixture.h5`` with the writer
of that time. Every value follows from the formulas below, so that a reader's test needs
nothing but this page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture

N_WINDOWS, N_CHANNELS, N_TIMES, SFREQ = 4, 2, 64, 32.0
# Window, category, kind, split, ictal samples [start, stop).
WINDOWS = (
    ("w-onset", "partial", "onset", "train", 16, 64),
    ("w-ictal", "full", "ictal", "train", 0, 64),
    ("w-artefact", "none", "artefact", "dev", 0, 0),
    ("w-whole", "partial", "whole", "dev", 8, 40),
)


def _fixture() -> Content:
    labels = np.zeros((N_WINDOWS, N_TIMES), np.uint8)
    windows = []
    for row, (name, category, kind, split, start, stop) in enumerate(WINDOWS):
        labels[row, start:stop] = 1
        event = Event(
            onset=start / SFREQ, duration=(stop - start) / SFREQ, label="cpsz"
        )
        windows.append(
            WindowRecord(
                id=name,
                category=category,
                kind=kind,
                split=split,
                subject=f"sub-{1 + row // 2:02d}",
                recording=f"rec-{1 + row:02d}",
                onset=2.5 * row,
                n_clipped=row,
                events=(event,) if stop > start else (),
            )
        )
    # -8, -7.875, ... 55.875: all different, exact in float32.
    values = np.arange(N_WINDOWS * N_CHANNELS * N_TIMES) / 8 - 8
    return Content(
        name="format-1",
        content_version=3,
        sfreq=SFREQ,
        ch_names=("Fp1-F7", "Fz"),
        montage="mixed",
        unit="1",
        profile={"name": "zscore-1", "steps": ["counted up by 1/8"]},
        source={"name": "by hand", "nested": {"list": [1, 2.5, None, True, "x"]}},
        licence={
            "name": "CC0-1.0",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/",
            "attribution": "none needed",
            "redistributable": True,
            "changes": "two\nlines",
        },
        spec={"source": "by hand"},
        windows=tuple(windows),
        signals=values.astype(np.float32).reshape(N_WINDOWS, N_CHANNELS, N_TIMES),
        labels=labels,
        scale=np.array([[20.0, 0.5]] * N_WINDOWS, np.float32),
        offset=np.array([[1.0, -3.0]] * N_WINDOWS, np.float32),
    )


def main() -> None:
    """Write the file into the folder that was named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_fixture(_fixture(), folder / "fixture.h5")


if __name__ == "__main__":
    main()
