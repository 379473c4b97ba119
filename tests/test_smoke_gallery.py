"""The checks bite: each known fault is found by its check, no healthy model accused.

One seed each; ``tools/smoke_power.py`` does more.
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


def run(entry: Any) -> Any:
    return power.run_entry(entry, seed=0, fixture="smoke")


@pytest.mark.parametrize("entry", cases(gallery.FAULTS + gallery.TRAINING_FAULTS))
def test_fault_is_found_by_the_check_that_is_meant_for_it(entry: Any) -> None:
    failed = {check.name for check in run(entry).failed}
    assert failed & set(entry.found_by)


@pytest.mark.parametrize("entry", cases(gallery.HEALTHY))
def test_healthy_model_passes(entry: Any) -> None:
    assert run(entry).failed == ()


@pytest.mark.parametrize("entry", cases(gallery.INFORMATION))
def test_what_is_no_fault_is_said_and_no_failure(entry: Any) -> None:
    report = run(entry)
    assert report.failed == ()
    assert any(entry.says in check.reason for check in report.checks)


def test_gallery_is_as_large_as_it_has_to_be() -> None:
    assert len(gallery.FAULTS) >= 18
    assert len(gallery.TRAINING_FAULTS) >= 5
    assert len({entry.make for entry in gallery.HEALTHY}) >= 8
