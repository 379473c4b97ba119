"""Our own goldens: the processing chain, labels and events, two small detectors."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.golden import (
    Golden,
    compare_goldens,
    describe_comparison,
    load_golden,
)
from bgb_fixtures.golden.check import refuse_difference

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "fixtures" / "golden"
NAMES = (
    *("exact", "filtered", "events"),
    *("unet", "tcn", "unet-seizures", "tcn-seizures"),
)


@pytest.fixture(scope="module")
def makers() -> dict[str, Callable[[], Golden]]:
    """Import the script that made the goldens, for what it makes."""
    pytest.importorskip("torch", reason="needs the extra torch")
    script: Any = importlib.import_module("make_goldens")
    goldens: dict[str, Callable[[], Golden]] = script.GOLDENS
    return goldens


def test_every_golden_has_a_maker(makers: dict[str, Callable[[], Golden]]) -> None:
    assert tuple(makers) == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.npz")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_golden_matches(name: str, makers: dict[str, Callable[[], Golden]]) -> None:
    fixture = (
        load_fixture().select(split="dev") if name[:4] in ("unet", "tcn") else None
    )
    comparison = compare_goldens(load_golden(FOLDER / f"{name}.npz"), makers[name]())
    refuse_difference(
        comparison, fixture=fixture, advice="python tools/make_goldens.py"
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["unet", "tcn"])
def test_detectors_match_whatever_the_threads_and_kernels(
    name: str, threads: int, makers: dict[str, Callable[[], Golden]]
) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        # As set_flags does; the context manager warns about other devices.
        torch._C._set_mkldnn_enabled(False)
        obtained = makers[name]()
    finally:
        torch.set_num_threads(before)
        torch._C._set_mkldnn_enabled(True)
    recorded = load_golden(FOLDER / f"{name}.npz")
    assert compare_goldens(recorded, obtained).changes == ()


@pytest.mark.parametrize("name", ["unet", "tcn"])
def test_weights_of_the_detectors_are_the_same_everywhere(
    name: str, makers: dict[str, Callable[[], Golden]]
) -> None:
    recorded, obtained = load_golden(FOLDER / f"{name}.npz").model, makers[name]().model
    assert recorded == obtained
    assert recorded is not None
    assert 30_000 < recorded.n_parameters < 50_000


@pytest.mark.parametrize("name", ["unet", "tcn"])
def test_changed_post_processing_is_told_in_seizures(
    name: str, makers: dict[str, Callable[[], Golden]]
) -> None:
    from reference_models import find_seizures

    from bgb_fixtures.golden.record import make_events_golden

    del makers
    fixture = load_fixture().select(split="dev")
    logits = load_golden(FOLDER / f"{name}.npz").outputs[name].array
    # A higher threshold: events end earlier, and some are lost.
    found = find_seizures(logits, threshold=1.5 if name == "tcn" else 0.5, sfreq=256)
    obtained = make_events_golden(
        found, name=f"{name}-seizures", fixture=fixture, atol=0.02
    )
    recorded = load_golden(FOLDER / f"{name}-seizures.npz")
    text = describe_comparison(compare_goldens(recorded, obtained), fixture=fixture)
    head = text.splitlines()
    line = next(line for line in head if "-seizures': events" in line)
    assert "lost" in line
    assert "gained" not in line
    assert any(line.startswith("    win-") and " lost " in line for line in head)


def test_goldens_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) < 2**20


def test_recorded_with_the_packaged_fixture() -> None:
    smoke = load_fixture()
    for name in NAMES[3:]:
        state = load_golden(FOLDER / f"{name}.npz").fixture
        assert state is not None
        assert state.digest == smoke.index.digest
