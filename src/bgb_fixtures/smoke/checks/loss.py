"""The check of the user's loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.smoke.checks.demands import Reaction, judge_loss
from bgb_fixtures.smoke.report import Failed, Skipped

if TYPE_CHECKING:
    import torch

    from bgb_fixtures.smoke.detector import Detector

__all__ = ["loss"]


def loss(detector: Detector) -> str:
    """Evaluate the user's loss and its gradient for chosen logits."""
    if detector.user_loss is None:
        msg = "no loss was passed; add --loss"
        raise Skipped(msg)
    output = detector.output
    clips = detector.clips if output.per_window else detector.windows

    def react(scores: torch.Tensor) -> Reaction:
        leaf = scores.detach().clone().requires_grad_()
        value = detector.loss(output.from_scores(leaf), clips.labels)
        if value.requires_grad:
            value.backward()  # type: ignore[no-untyped-call]
        if leaf.grad is None:
            msg = "the loss has no gradient: is it detached, or computed from plain numbers?"
            raise Failed(msg)
        return Reaction(value=float(value.detach()), descent=-leaf.grad)

    return judge_loss(react, clips, step_s=detector.step_seconds(clips))
