"""Our own goldens: the processing chain, labels and events, two small detectors."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.golden import Golden, compare_goldens, load_golden, verify_golden
from bgb_fixtures.golden.check import assert_holds

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "fixtures" / "golden"
NAMES = ("exact", "filtered", "events", "unet", "tcn")


@pytest.fixture(scope="module")
def makers() -> dict[str, Callable[[], Golden]]:
    """Import the script that made the goldens, for what it makes."""
    pytest.importorskip("torch", reason="needs the extra torch")
    script: Any = importlib.import_module("make_goldens")
    goldens: dict[str, Callable[[], Golden]] = script.GOLDENS
    return goldens


def test_every_golden_has_a_maker(makers: dict[str, Callable[[], Golden]]) -> None:
    assert tuple(makers) == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.h5")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_golden_holds(name: str, makers: dict[str, Callable[[], Golden]]) -> None:
    fixture = load_fixture().select(split="dev") if name in ("unet", "tcn") else None
    assert_holds(
        load_golden(FOLDER / f"{name}.h5"),
        makers[name](),
        fixture=fixture,
        advice="python tools/make_goldens.py",
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["unet", "tcn"])
def test_detectors_hold_whatever_the_threads_and_kernels(
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
    recorded = load_golden(FOLDER / f"{name}.h5")
    assert compare_goldens(recorded, obtained).changes == ()


@pytest.mark.parametrize("name", ["unet", "tcn"])
def test_weights_of_the_detectors_are_the_same_everywhere(
    name: str, makers: dict[str, Callable[[], Golden]]
) -> None:
    recorded, obtained = load_golden(FOLDER / f"{name}.h5").model, makers[name]().model
    assert recorded == obtained
    assert recorded is not None
    assert 30_000 < recorded.n_parameters < 50_000


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_of_the_file_agree(name: str) -> None:
    verify_golden(FOLDER / f"{name}.h5")


def test_goldens_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.h5")) < 2**20


def test_recorded_with_the_packaged_fixture() -> None:
    smoke = load_fixture()
    for name in ("unet", "tcn"):
        state = load_golden(FOLDER / f"{name}.h5").fixture
        assert state is not None
        assert state.digest == smoke.index.digest
