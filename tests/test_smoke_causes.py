"""One fault gives one failure, and its consequences name it."""

from __future__ import annotations

import torch
from torch import nn

from bgb_fixtures.smoke import run_smoke
from bgb_fixtures.smoke.catalogue import CAUSES, NEEDED, SENTENCES, WARM


def test_every_check_comes_after_those_that_can_explain_it() -> None:
    order = list(SENTENCES)
    assert set(CAUSES) == set(order)
    late = [
        (name, cause)
        for name, causes in CAUSES.items()
        for cause in causes
        if order.index(cause) >= order.index(name)
    ]
    # `gradients` is asked for the state after some steps in which others look.
    assert late == []
    assert set(WARM) | set(NEEDED) <= set(order)


class Dropout(nn.Module):
    """Dropout that stays on in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(19, 8, 9, padding=4)
        self.head = nn.Conv1d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dropped = nn.functional.dropout(self.conv(x), 0.5)
        logits: torch.Tensor = self.head(dropped)
        return logits[:, 0]


def test_consequences_are_skipped_name_their_cause_and_come_right_after_it() -> None:
    torch.manual_seed(0)
    report = run_smoke(Dropout(), fixture="tiny")
    [failed] = report.failed
    assert failed.name == "repeat"
    assert failed.reason.endswith("random numbers are drawn in eval mode; dropout(..., "
                                  "training=True)?")  # fmt: skip
    consequences = [check for check in report.checks if check.cause]
    assert {check.cause for check in consequences} == {"repeat"}
    assert {check.status for check in consequences} == {"SKIP"}
    names = [check.name for check in report.checks]
    assert names[names.index("repeat") + 1] == "batch"
    text = " ".join(str(report).split())
    assert "SKIP batch not checked because the check repeat failed (same for" in text


def test_cause_that_is_left_out_still_explains_its_consequences() -> None:
    torch.manual_seed(0)
    report = run_smoke(Dropout(), fixture="tiny", skip=("repeat",))
    assert report.failed == ()
    assert report["batch"].cause == "repeat"
