"""Write the golden of format version 2 that every later release must read.

``python tests/data/golden-2/make_golden_2.py FOLDER`` wrote ``golden.npz`` with the writer
of that time. Every value is written out below, so that a reader's test needs nothing but
this page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bgb_fixtures.golden import Golden, write_golden
from bgb_fixtures.golden.content import (
    Call,
    FixtureState,
    ModelState,
    Output,
    Tolerance,
    Trace,
)

EXACT = Tolerance(rtol=0.0, atol=0.0, source="by hand")
CLOSE = Tolerance(rtol=1e-5, atol=1e-4, source="by hand", basis="float32")


def _golden() -> Golden:
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
        name="out",
        test="TestDetector::test_out[half-2]",
        outputs={
            "out.logits": Output(
                array=logits, dtype="float32", tolerance=CLOSE, threshold=0.5
            ),
            # 0x3f81 is 1.0078125 = 1 + 2^-7, the number after 1 in bfloat16.
            "out.half": Output(
                array=np.array([0x3F80, 0x3F81], np.uint16),
                dtype="bfloat16",
                tolerance=CLOSE,
            ),
            "out.found": Output(
                array=np.array([True, False]), dtype="bool", tolerance=EXACT
            ),
            "out.spectrum": Output(
                array=np.array(1 - 2j), dtype="complex128", tolerance=EXACT
            ),
            "out.names": Output(
                array=np.array(["Fz", "Fp1-F7"]), dtype="str", tolerance=EXACT
            ),
            "out.loss": Output(
                array=np.zeros(0, np.uint8), dtype="None", tolerance=EXACT
            ),
            "out.seizures": Output(
                array=np.array([[0, 0.25, 1.5], [1, 0, 2]]),
                dtype="events",
                tolerance=EXACT,
                labels=("cpsz", ""),
            ),
        },
        environment={"python": "3.11.7", "numpy": "2.4.6", "device": "cpu"},
        fixture=FixtureState(
            name="format-1",
            content_version=3,
            digest="cd" * 32,
            windows=("w-onset", "w-ictal"),
            sfreq=32.0,
            n_times=64,
            montage="10-20",
            profile="zscore-1",
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
    """Write the file into the folder that was named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_golden(_golden(), folder / "golden.npz")


if __name__ == "__main__":
    main()
