"""What several test files share: a small content, files of it, corpora, the real data."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support import warm
from support.small import N_TIMES, SFREQ, small_content
from threadpoolctl import threadpool_limits

from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.format.content import Content

# Under xdist each core has its process already: threads of BLAS and torch that wait for
# each other would slow them several times. Children inherit the variables.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
threadpool_limits(1)


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection, which took 7 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session")
def make_content() -> Callable[..., Content]:
    """Make the content of `small_content`; fields given by name are replaced."""

    def make(**changes: Any) -> Content:
        return dataclasses.replace(small_content(), **changes)

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
    signals = np.zeros((4, 19, N_TIMES), np.float32)
    signals[0, 0] = 50 * np.sin(2 * np.pi * 10 * np.arange(N_TIMES) / SFREQ)
    content = make_content(
        ch_names=MONTAGES["10-20"],
        unit="uV",
        signals=signals,
        scale=np.ones((4, 19), np.float32),
        offset=np.zeros((4, 19), np.float32),
    )
    return write_fixture(content, tmp_path_factory.mktemp("banana") / "banana.h5")


@pytest.fixture(scope="session")
def chbmit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a twin of CHB-MIT: two cases of two recordings; do not change it."""
    path = tmp_path_factory.mktemp("twins") / "chbmit"
    return as_recorded(write_corpus("chbmit", path, n_recordings=4, duration=30).path)


@pytest.fixture(scope="session")
def tusz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a twin of TUSZ: a subject in each split; do not change it."""
    path = tmp_path_factory.mktemp("twins") / "tusz"
    return as_recorded(write_corpus("tusz", path, n_recordings=6, duration=30).path)


def as_recorded(root: Path) -> Path:
    """Remove the manifest of a twin, so that it counts as the real corpus."""
    (root / "synthetic.json").unlink()
    return root


@pytest.fixture
def _warm_smoke(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the process of ``bgb-fixtures smoke`` as a fork that has torch already."""
    start = SimpleNamespace(**vars(subprocess) | {"Popen": warm.Popen})
    monkeypatch.setattr("bgb_fixtures.smoke.supervisor.subprocess", start)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Find the folder of real recordings, or skip."""
    path = Path(__file__).parents[1].parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs the real recordings in ../shared/data")
    return path
