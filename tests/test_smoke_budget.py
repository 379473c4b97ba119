"""Slow detectors: less is done, or skipped with the reason; only what hangs fails."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import nn

from bgb_fixtures.smoke import run_smoke
from bgb_fixtures.smoke.budget import Budget
from bgb_fixtures.smoke.limits import Stopwatch
from bgb_fixtures.smoke.report import Skipped


def make_budget(window_s: float, **more: Any) -> Budget:
    budget = Budget(time_limit=30.0, n_parameters=0)
    budget.window_s = budget.clip_s = window_s
    for key, value in more.items():
        setattr(budget, key, value)
    return budget


def test_fast_detector_gets_three_windows() -> None:
    assert make_budget(0.01).n_rows(5, least=1, each_s=0.01) == 3


def test_slower_detector_gets_as_many_windows_as_three_seconds_allow() -> None:
    # 4 passes of 2 windows of 0.3 s are 2.4 s, of 3 windows 3.6 s.
    assert make_budget(0.3).n_rows(4, least=1, each_s=0.3) == 2


def test_check_that_needs_more_than_that_is_skipped_with_the_figures() -> None:
    expected = (
        r"too slow: 8 passes of 0\.5 s would take longer than the 3 s planned for this "
        r"check; raise --time-limit"
    )
    with pytest.raises(Skipped, match=expected):
        make_budget(0.5).n_rows(4, least=2, each_s=0.5)


def test_slow_detector_learns_from_fewer_clips() -> None:
    # A step of 4 clips of 0.5 s takes 5 passes of each: 10 s; of 2 clips 5 s.
    assert make_budget(0.5).n_clips((4, 2, 1), per_clip=1) == 2


def test_step_that_would_take_too_long_is_skipped() -> None:
    with pytest.raises(Skipped, match=r"too slow: one training step of 15 s would"):
        make_budget(3.0).n_clips((4, 2, 1), per_clip=1)


def test_measured_step_counts_for_more_than_the_expected_one() -> None:
    budget = make_budget(0.01, step_s=0.5)
    assert budget.n_steps(60, least=10, expected_s=0.001) == 24
    with pytest.raises(Skipped, match=r"too slow: 30 training steps of 0\.5 s"):
        budget.n_steps(60, least=30, expected_s=0.001)


class Sleeps(nn.Module):
    """A healthy detector that takes a while for each window."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(19, 1, 33, padding=16)
        self.seconds = seconds

    def forward(self, x: Any) -> Any:
        time.sleep(self.seconds * len(x))
        return self.conv(x)[:, 0]


def test_slow_detector_fails_no_check_and_ends_in_time() -> None:
    torch.manual_seed(0)
    start = time.monotonic()
    report = run_smoke(Sleeps(0.03), fixture="tiny", time_limit=1.0)
    assert report.failed == ()
    assert "too slow" in report["repeat"].reason
    assert time.monotonic() - start < 15


def test_code_that_shares_a_busy_processor_is_waiting_and_does_not_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall, processor = 0.0, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: wall)
    monkeypatch.setattr(time, "process_time", lambda: processor)
    watch = Stopwatch()
    judged = {}
    for what, wall_s, processor_s in (
        ("shared", 12.0, 4.0), ("sleeps", 12.0, 0.5), ("spins", 12.0, 11.5),
        ("forever", 41.0, 8.0),
    ):  # fmt: skip
        wall, processor = wall_s, processor_s
        judged[what] = watch.is_waiting(10.0)
    assert judged == {
        "shared": True, "sleeps": False, "spins": False, "forever": False,
    }  # fmt: skip
