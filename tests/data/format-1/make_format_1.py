"""Write the files of format version 1 that every later release must read.

``python tests/data/format-1/make_format_1.py FOLDER`` wrote ``fixture.h5`` and ``golden.h5`` with
the writer of that time. Every value follows from the formulas below, so that a reader's
test needs nothing but this page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.golden import Golden, write_golden
from bgb_fixtures.golden.content import (
    Call,
    FixtureState,
    ModelState,
    Output,
    Tolerance,
    Trace,
)

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


def _golden() -> Golden:
    exact = Tolerance(rtol=0.0, atol=0.0, source="by hand")
    close = Tolerance(rtol=1e-5, atol=1e-4, source="by hand")
    logits = np.array([[0.5, -0.0, np.inf], [np.nan, 1e-40, -2.0]], np.float32)
    shapes = (((2, 3),), ((2, 3),))
    call = Call(
        name="body.0",
        kind="Linear",
        settings="in_features=3, out_features=3",
        training=False,
        weights="ab" * 32,
        dtypes=("float32", "bfloat16"),
        shapes=shapes,
    )
    return Golden(
        name="format-1",
        outputs={
            "logits": Output(
                array=logits, dtype="float32", tolerance=close, threshold=0.5
            ),
            # 1.0078125 = 1 + 2^-7 is the number after 1 in bfloat16.
            "half": Output(
                array=np.array([1.0, 1.0078125], np.float32),
                dtype="bfloat16",
                tolerance=close,
            ),
            "found": Output(
                array=np.array([True, False]), dtype="bool", tolerance=exact
            ),
        },
        environment={"python": "3.11.7", "numpy": "2.4.6", "device": "cpu"},
        fixture=FixtureState(
            name="format-1",
            content_version=3,
            digest="cd" * 32,
            windows=("w-onset", "w-ictal"),
        ),
        model=ModelState(digest="ef" * 32, n_parameters=12),
        trace=Trace(
            calls=(call,),
            statistics=np.arange(16, dtype=np.float64).reshape(1, 2, 8),
            samples=np.arange(64, dtype=np.float64).reshape(1, 2, 32) / 4,
            n_calls=2,
        ),
    )


def main() -> None:
    """Write both files into the folder that was named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_fixture(_fixture(), folder / "fixture.h5")
    write_golden(_golden(), folder / "golden.h5")


if __name__ == "__main__":
    main()
