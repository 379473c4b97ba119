"""Each known fault is found by its check and no other; nothing healthy is accused.

One seed each; ``tools/smoke_power.py`` takes more.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra torch")
gallery: Any = importlib.import_module("smoke_gallery")
power: Any = importlib.import_module("smoke_power")


def cases(entries: Any) -> list[Any]:
    return [pytest.param(entry, id=entry.name.replace(" ", "-")) for entry in entries]


def problems(entry: Any) -> list[str]:
    report = power.run_entry(entry, seed=0, fixture="smoke")
    found: list[str] = power.problems(entry, report)
    return found


@pytest.mark.parametrize("entry", cases(gallery.FAULTS))
def test_fault_is_found_by_its_check_alone_and_worded(entry: Any) -> None:
    assert problems(entry) == []


@pytest.mark.parametrize("entry", cases(gallery.HEALTHY + gallery.INTERFACES))
def test_healthy_detector_passes(entry: Any) -> None:
    assert problems(entry) == []


@pytest.mark.parametrize("entry", cases(gallery.INFORMATION))
def test_what_is_no_fault_is_reported_and_no_failure(entry: Any) -> None:
    assert problems(entry) == []


def test_gallery_is_as_large_as_it_has_to_be() -> None:
    assert len(gallery.MODEL_FAULTS) >= 45
    assert len(gallery.TRAINING_FAULTS) >= 30
    assert len({entry.make for entry in gallery.HEALTHY}) >= 20
    assert len(gallery.INTERFACES) >= 25


def test_every_check_of_a_target_but_three_is_found_failing_somewhere() -> None:
    # `build` and `update` have tests of their own; `device` needs a GPU, and `cost`
    # only reports.
    found = {entry.found_by for entry in gallery.FAULTS}
    assert set(power.CAN_SKIP) - found == {"update", "device", "cost"}
