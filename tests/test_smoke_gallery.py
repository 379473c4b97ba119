"""Each known fault is found by its check and no other; nothing healthy is accused.

A check says the same alone as in the full run. One seed each; ``tools/smoke_power.py``
takes more.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import pytest

from bgb_fixtures.smoke.catalogue import NEEDED

pytest.importorskip("torch", reason="needs the extra torch")
gallery: Any = importlib.import_module("smoke_gallery")
power: Any = importlib.import_module("smoke_power")

LISTS = (gallery.FAULTS, gallery.HEALTHY, gallery.INTERFACES, gallery.INFORMATION)
ENTRIES = {entry.name: entry for entries in LISTS for entry in entries}
# One entry per check that fails in it, and healthy ones of every kind of output.
ALONE = (
    "dropout in eval", "constant output", "sigmoid at the end", "softmax over time",
    "unused decoder and mask token", "features detached", "squeezes a batch of one",
    "mean over the batch in eval", "volts for microvolts", "channels averaged away",
    "output 4 s late", "statistics not saved", "cannot learn", "Inf inside",
    "loss of the wrong sign", "step: labels of the next window",
    "plain CNN", "one logit per second", "four seizure types per window",
    "frozen filters, allowed", "dynamically quantised",
)  # fmt: skip


def cases(entries: Any) -> list[Any]:
    return [pytest.param(entry, id=entry.name.replace(" ", "-")) for entry in entries]


@functools.cache
def full_run(name: str) -> Any:
    return power.run_entry(ENTRIES[name], seed=0, fixture="smoke")


def problems(entry: Any) -> list[str]:
    found: list[str] = power.problems(entry, full_run(entry.name))
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


def test_window_of_a_dynamically_quantised_model_is_not_compared_with_a_batch() -> None:
    report = full_run("dynamically quantised")
    why = "dynamic quantisation uses one scale for the whole batch"
    assert (report["batch"].status, report["batch"].reason) == ("SKIP", why)
    assert report["single"].reason == (
        f"a window alone is accepted; its output is not compared: {why}"
    )


def test_gallery_is_as_large_as_it_has_to_be() -> None:
    assert len(gallery.MODEL_FAULTS) >= 45
    assert len(gallery.TRAINING_FAULTS) >= 30
    assert len({entry.make for entry in gallery.HEALTHY}) >= 20
    assert len(gallery.INTERFACES) >= 25
    assert len(ENTRIES) == sum(map(len, LISTS)), "two entries have the same name"


def test_every_check_of_a_target_but_three_is_found_failing_somewhere() -> None:
    # `build` and `update` have tests of their own; `device` needs a GPU, and `cost`
    # only reports.
    found = {entry.found_by for entry in gallery.FAULTS}
    assert set(power.CAN_SKIP) - found == {"update", "device", "cost"}


@pytest.mark.parametrize("name", ALONE)
def test_check_says_the_same_alone_as_in_the_full_run(name: str) -> None:
    report = full_run(name)
    judged = [check for check in report.checks if check.status == "FAIL" or check.cause]
    # Of those that pass, one in a while; tools/smoke_power.py --alone does them all.
    passing = [c for c in report.checks if c.status == "PASS" and c.name not in NEEDED]
    judged.append(passing[ALONE.index(name) % len(passing)])
    differences = [
        power.check_alone(ENTRIES[name], report, check.name, seed=0, fixture="smoke")
        for check in judged
        if check.name not in NEEDED
    ]
    assert [text for text in differences if text] == []
