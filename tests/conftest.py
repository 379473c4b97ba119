"""What several test files share: a small content, a file of it, the real data."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bgb_fixtures.builder.writer import Content, write_fixture
from bgb_fixtures.events import Event
from bgb_fixtures.h5 import WindowRecord
from bgb_fixtures.montage import MONTAGES

if TYPE_CHECKING:
    from collections.abc import Callable

# Under xdist each core has its process already: threads of BLAS and torch that wait for
# each other would slow them several times. Children inherit the variables.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
threadpool_limits(1)

SFREQ = 256.0
N_TIMES = 512
# kind -> (category, ictal samples as [start, stop)), each window 2 s long
SMALL = {
    "onset": ("partial", 128, 512),
    "ictal": ("full", 0, 512),
    "background": ("none", 0, 0),
    "whole": ("partial", 64, 320),
}


def _small_content() -> Content:
    labels = np.zeros((len(SMALL), N_TIMES), np.uint8)
    windows = []
    for row, (kind, (category, start, stop)) in enumerate(SMALL.items()):
        labels[row, start:stop] = 1
        event = Event(
            onset=start / SFREQ, duration=(stop - start) / SFREQ, label="fnsz"
        )
        windows.append(
            WindowRecord(
                id=f"w{row}",
                category=category,
                kind=kind,
                split="train" if row < 3 else "dev",
                subject="sub-01" if row < 3 else "sub-02",
                recording=f"rec-{row + 1:02d}",
                onset=10.0 * row,
                n_clipped=0,
                events=(event,) if stop > start else (),
            )
        )
    # Multiples of 1/8 in [-4, 4): small, exact, and different in every row.
    values = np.arange(len(SMALL) * 3)[:, None] + 37 * np.arange(N_TIMES)
    signals = (values % 64 / 8 - 4).astype(np.float32)
    return Content(
        name="small",
        content_version=1,
        sfreq=SFREQ,
        ch_names=("Fp1", "F3", "C3"),
        montage="10-20",
        unit="1",
        profile={"name": "zscore-1", "steps": ["by hand"]},
        source={"name": "synthetic"},
        licence={
            "name": "CC0-1.0",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/",
            "attribution": "none needed",
            "redistributable": True,
            "changes": "made for a test",
        },
        spec={"source": "synthetic"},
        windows=tuple(windows),
        signals=signals.reshape(len(SMALL), 3, N_TIMES),
        labels=labels,
        scale=np.full((len(SMALL), 3), 20.0, np.float32),
        offset=np.array([[0.0, 1.0, -2.0]] * len(SMALL), np.float32),
    )


@pytest.fixture(scope="session")
def make_content() -> Callable[..., Content]:
    """Make a small content: 4 windows, 3 channels, 512 samples at 256 Hz.

    Windows w0 to w3 are of kind onset, ictal, background (train, sub-01) and whole (dev,
    sub-02). Fields given by name are replaced.
    """

    def make(**changes: Any) -> Content:
        return dataclasses.replace(_small_content(), **changes)

    return make


@pytest.fixture(scope="session")
def small_fixture(
    make_content: Callable[..., Content], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Write the small content to a file; do not change that file."""
    path = tmp_path_factory.mktemp("small") / "small.h5"
    return write_fixture(make_content(), path)


@pytest.fixture(scope="session")
def banana_fixture(
    make_content: Callable[..., Content], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Write the small content with all 19 channels, in microvolts.

    They are silent, but for a sine of 10 Hz and 50 uV in Fp1 of window w0.
    """
    signals = np.zeros((len(SMALL), 19, N_TIMES), np.float32)
    signals[0, 0] = 50 * np.sin(2 * np.pi * 10 * np.arange(N_TIMES) / SFREQ)
    content = make_content(
        ch_names=MONTAGES["10-20"],
        unit="uV",
        signals=signals,
        scale=np.ones((len(SMALL), 19), np.float32),
        offset=np.zeros((len(SMALL), 19), np.float32),
    )
    return write_fixture(content, tmp_path_factory.mktemp("banana") / "banana.h5")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Find the folder of real recordings, or skip."""
    path = Path(__file__).parents[1].parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs the real recordings in ../shared/data")
    return path
