"""Checks that train: gradients, a step, and whether a few windows can be learned.

Invariant: as for `behaviour`. Learning is judged by change, and against the same scores
read with labels that are shifted by seconds; no figure depends on a model's scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bgb_fixtures.smoke.report import Failed, Skipped, list_names
from bgb_fixtures.smoke.subject import RelativeAdam, auc

if TYPE_CHECKING:
    from bgb_fixtures.smoke.subject import Subject

__all__ = ["control_auc", "gradients", "learns", "update"]

RATES = (0.02, 0.005, 0.08)
MAX_STEPS = 60
EVERY = 5
# A single weight per channel reaches 0.82 here, models that cannot learn 0.56.
ENOUGH = 0.75
MARGIN = 0.15
FALL = 0.95
"""Loss at the end, as a share of that at the start, at most."""


def _need_trainable(subject: Subject) -> None:
    subject.known_contract()
    if not subject.is_module or not list(subject.model.parameters()):
        msg = "the model has no parameters to train"
        raise Skipped(msg)


def gradients(subject: Subject) -> str:
    """Collect the gradients of a few training steps."""
    _need_trainable(subject)
    frozen = [
        name
        for name, item in subject.model.named_parameters()
        if not item.requires_grad
    ]
    if frozen and (not subject.allow_frozen or not subject.trainable):
        msg = (
            f"{len(frozen)} parameters are frozen (requires_grad=False); if that is "
            "meant, allow it (--allow-frozen)"
        )
        raise Failed(msg, place=list_names(frozen))
    found = subject.warm.gradients
    bad = [name for name, size in found.items() if not size < float("inf")]
    if bad:
        msg = f"{len(bad)} of {len(found)} parameters get a gradient of NaN or Inf"
        raise Failed(msg, place=list_names(bad))
    dead = [name for name, size in found.items() if size == 0]
    if dead:
        msg = (
            f"{len(dead)} of {len(found)} parameters get no gradient, or zero, in "
            f"{len(subject.warm.losses)} steps"
        )
        raise Failed(msg, place=list_names(dead))
    note = f", {len(frozen)} frozen" if frozen else ""
    return f"all {len(found)} alive{note}; the weakest {min(found.values()):.1e}"


def update(subject: Subject) -> str:
    """Compare parameters before and after a few training steps."""
    _need_trainable(subject)
    state = subject.warm.state
    if state is None:
        msg = "needs gradients that are finite; see gradients"
        raise Skipped(msg)
    before = {name: item.detach().clone() for name, item in subject.trainable.items()}
    state.restore()
    after = subject.trainable
    still = [name for name, item in after.items() if torch.equal(item, before[name])]
    bad = [name for name, item in after.items() if not bool(item.isfinite().all())]
    if bad:
        msg = f"{len(bad)} of {len(after)} parameters are NaN or Inf after training"
        raise Failed(msg, place=list_names(bad))
    if still:
        msg = f"{len(still)} of {len(after)} parameters did not move"
        raise Failed(msg, place=list_names(still))
    losses = " -> ".join(f"{value:.3g}" for value in subject.warm.losses)
    return f"all {len(after)} moved; loss {losses}"


def control_auc(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the best AUC that the scores reach on labels shifted by seconds.

    Parameters
    ----------
    scores, labels : torch.Tensor, shape (n_clips, n_times) or (n_clips,)
        Labels per clip are shifted to the next clip.

    Returns
    -------
    area : float
        In [0, 1].
    """
    if labels.ndim == 1 or not bool((labels.amin(1) < labels.amax(1)).any()):
        return auc(scores, labels.roll(1, 0))
    n_times = labels.shape[1]
    return max(
        auc(scores, labels.roll(n_times * quarter // 4, 1)) for quarter in (1, 2, 3)
    )


def learns(subject: Subject) -> str:
    """Overfit a few clips, at several rates; stop when ictal scores are on top."""
    _need_trainable(subject)
    if not subject.trainable:
        msg = "every parameter is frozen; see gradients"
        raise Skipped(msg)
    _ = subject.warm
    clips = subject.clips
    best = note = ""
    reached = -1.0
    for rate in RATES:
        subject.reset()
        for parameter in subject.model.parameters():
            parameter.grad = None
        optimizer = RelativeAdam(subject.model, rate=rate)
        losses: list[float] = []
        for step in range(1, MAX_STEPS + 1):
            subject.mode(train=True)
            loss = subject.loss(subject.forward(clips.signals), clips.labels)
            losses.append(float(loss.detach()))
            if not abs(losses[-1]) < float("inf"):
                break
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % EVERY:
                continue
            subject.mode(train=False)
            scores = subject.scores(clips.signals)
            area, control = auc(scores, clips.labels), control_auc(scores, clips.labels)
            fell = losses[-1] <= losses[0] - (1 - FALL) * abs(losses[0])
            text = (
                f"AUC {area:.2f} after {step} steps (labels shifted by seconds: "
                f"{control:.2f}), loss {losses[0]:.3g} -> {losses[-1]:.3g}"
            )
            if area >= ENOUGH and area - control >= MARGIN and fell:
                n_times = clips.signals.shape[2]
                n_clips = len(clips.labels)
                return f"{text}, {n_clips} clips of {subject.seconds(n_times)}"
            if area > reached:
                best, reached = text, area
        subject.mode(train=True)
        in_training = auc(subject.scores(clips.signals), clips.labels)
        if in_training - reached > MARGIN:
            note = (
                f"; in training mode it is {in_training:.2f}: eval mode does something "
                "else (statistics of a batch norm?)"
            )
    msg = (
        f"expected AUC {ENOUGH} and {MARGIN} more than with shifted labels; "
        f"best of {len(RATES)} rates: {best or 'the loss became NaN or Inf'}{note}"
    )
    raise Failed(msg)
