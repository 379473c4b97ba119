"""Checks that train: gradients, updates, and whether a few windows can be learned.

Learning is judged by changes, and in comparison with the same scores against labels
shifted by seconds; no threshold depends on the scale of a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bgb_fixtures.smoke.limits import Deadline
from bgb_fixtures.smoke.optimizer import RelativeAdam
from bgb_fixtures.smoke.report import Failed, Skipped, list_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bgb_fixtures.smoke.detector import Detector

__all__ = ["gradients", "group_names", "learns", "update"]

RATES = (0.02, 0.005, 0.08)
MAX_STEPS = 60
EVERY = 5
FEWEST_STEPS = 10
"""Minimum number of steps, within which most healthy models learn."""
# A model with one weight per channel reaches 0.82 here, models that cannot learn 0.56.
ENOUGH = 0.75
MARGIN = 0.15
FALL = 0.95
"""Maximum loss at the end, relative to the loss at the start."""


def group_names(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Replace parameter names by paths of modules whose parameters are all in `names`.

    `known` has the names of all parameters. Of nested modules, the outermost is named.
    Other names are kept.
    """
    wanted, groups = set(names), list[str]()
    others = [name.split(".") for name in known if name not in wanted]
    for name in known:
        if name not in wanted:
            continue
        parts = name.split(".")
        lengths = (
            length
            for length in range(1, len(parts) + 1)
            if not any(other[:length] == parts[:length] for other in others)
        )
        group = ".".join(parts[: next(lengths)])
        if group not in groups:
            groups.append(group)
    return groups


def gradients(detector: Detector) -> str:
    """Collect the gradients of a few training steps; name modules without any."""
    detector.need_gradients()
    allows = detector.declared.allows_unused
    known = [name for name, _ in detector.model.named_parameters()]
    frozen = [name for name in detector.frozen if not allows(name)]
    if not detector.trainable:
        _refuse_unused(known, frozen=frozen or known, dead=[])
    warm = detector.warm
    if warm.error is not None:
        raise warm.error
    bad = [name for name, size in warm.gradients.items() if not size < float("inf")]
    if bad:
        msg = f"{len(bad)} of {len(known)} parameters have a NaN or Inf gradient"
        raise Failed(msg, place=list_names(bad))
    silent = [name for name, size in warm.gradients.items() if size == 0]
    dead = [n for n in silent if n not in warm.auxiliary and not allows(n)]
    _refuse_unused(
        known, frozen=[] if detector.declared.allow_frozen else frozen, dead=dead
    )
    alive = [size for size in warm.gradients.values() if size > 0]
    weakest = f"; the smallest has values up to {min(alive):.1e}" if alive else ""
    notes = [f"{len(detector.frozen)} frozen"] if detector.frozen else []
    if warm.auxiliary:
        groups = list_names(group_names(warm.auxiliary, known))
        notes.append(
            f"{groups} only affects other entries of the output, which have no labels here"
        )
    allowed = len(silent) - len(warm.auxiliary)
    if allowed:
        notes.append(f"{allowed} without, as allowed by --allow-unused")
    text = "".join(f", {note}" for note in notes)
    return f"{len(alive)} parameters have a gradient{text}{weakest}"


def _refuse_unused(known: list[str], *, frozen: list[str], dead: list[str]) -> None:
    """Fail with all parameters that are not trained, grouped by module."""
    parts = []
    if dead:
        parts.append(
            f"{len(dead)} of {len(known)} parameters have no gradient, or a zero "
            "gradient"
        )
    if frozen:
        parts.append(
            f"{len(frozen)} of {len(known)} parameters are frozen (requires_grad=False)"
        )
    if not parts:
        return
    options = " or ".join(
        [
            *(["--allow-frozen"] if frozen and not dead else []),
            "--allow-unused PATTERN",
        ]
    )
    msg = f"{', and '.join(parts)}; if that is intended, pass {options}"
    raise Failed(msg, place=list_names(group_names([*dead, *frozen], known)))


def update(detector: Detector) -> str:
    """Compare the parameters that have a gradient before and after training steps."""
    detector.need_gradients()
    warm = detector.warm
    if warm.state is None:
        msg = "needs finite gradients; see the check gradients"
        raise Skipped(msg)
    alive = {name for name, size in warm.gradients.items() if size > 0}
    if not alive:
        msg = "no parameter has a gradient; see the check gradients"
        raise Skipped(msg)
    detector.reset()
    before = {name: item.detach().clone() for name, item in detector.trainable.items()}
    warm.state.restore()
    after = {name: item for name, item in detector.trainable.items() if name in alive}
    still = [name for name, item in after.items() if torch.equal(item, before[name])]
    bad = [name for name, item in after.items() if not bool(item.isfinite().all())]
    if bad:
        msg = f"{len(bad)} of {len(after)} parameters are NaN or Inf after training"
        raise Failed(msg, place=list_names(bad))
    if still:
        msg = f"{len(still)} of {len(after)} parameters did not change"
        raise Failed(msg, place=list_names(still))
    losses = " -> ".join(f"{value:.3g}" for value in warm.losses)
    return f"all {len(after)} parameters changed; loss {losses}"


def auc(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the area under the ROC curve, with ties counted by half.

    The labels must contain both classes, 0 and 1. The result is 0 if a score is not
    finite.
    """
    flat, positive = scores.detach().double().flatten(), labels.flatten() > 0.5
    if not bool(flat.isfinite().all()):
        return 0.0
    _, inverse, counts = torch.unique(flat, return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    rank = (ends - (counts - 1) / 2.0)[inverse]
    n_ictal = int(positive.sum())
    n_background = positive.numel() - n_ictal
    above = float(rank[positive].sum()) - n_ictal * (n_ictal + 1) / 2
    return above / (n_ictal * n_background)


def control_auc(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the highest AUC of the scores for shifted labels.

    Labels with a time axis are shifted by quarters of the clip, labels per clip to the
    next clip.
    """
    if labels.ndim == 1 or not bool((labels.amin(1) < labels.amax(1)).any()):
        return auc(scores, labels.roll(1, 0))
    n_times = labels.shape[1]
    return max(
        auc(scores, labels.roll(n_times * quarter // 4, 1)) for quarter in (1, 2, 3)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """Progress at one learning rate: the best AUC, its control, and the loss."""

    area: float
    control: float
    first: float
    last: float
    steps: int

    @property
    def fell(self) -> bool:
        return self.last <= self.first - (1 - FALL) * abs(self.first)

    @property
    def learned(self) -> bool:
        beats_control = self.area - self.control >= MARGIN
        return self.area >= ENOUGH and beats_control and self.fell

    def __str__(self) -> str:
        return (
            f"AUC {self.area:.2f} after {self.steps} steps (labels shifted by seconds: "
            f"{self.control:.2f}), loss {self.first:.3g} -> {self.last:.3g}"
        )

    def explain(self) -> str:
        """Describe the first condition that is not met."""
        if self.area < ENOUGH:
            return f"ictal scores do not rise above background (expected AUC {ENOUGH})"
        if self.area - self.control < MARGIN:
            return (
                "labels shifted by seconds fit the scores as well (expected an AUC lower "
                f"by {MARGIN})"
            )
        return (
            f"the loss does not fall (expected at most {FALL:g} of the loss at the "
            "start)"
        )


def learns(detector: Detector) -> str:
    """Overfit a few clips at several rates; stop once ictal scores rank highest."""
    detector.need_gradients()
    detector.need_training()
    if not detector.trainable:
        msg = "every parameter is frozen; see the check gradients"
        raise Skipped(msg)
    clips = detector.clips
    budget = detector.budget
    expected_s = budget.expect_step(len(clips.signals))
    _ = detector.warm
    budget.n_steps(MAX_STEPS, least=FEWEST_STEPS, expected_s=expected_s)
    deadline = Deadline(budget.long_s)
    best: _Progress | None = None
    note = ""
    for rate in RATES:
        detector.reset()
        detector.forget_gradients()
        optimizer = RelativeAdam(detector.model, rate=rate)
        losses: list[float] = []
        reached = 0.0
        for step in range(1, MAX_STEPS + 1):
            if deadline.is_over:
                _give_up(deadline, best, len(losses))
            detector.mode(train=True)
            loss = detector.loss(detector.forward(clips.signals), clips.labels)
            losses.append(float(loss.detach()))
            if not abs(losses[-1]) < float("inf"):
                break
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % EVERY:
                continue
            detector.mode(train=False)
            scores = detector.scores(clips.signals)
            now = _Progress(
                area=auc(scores, clips.labels),
                control=control_auc(scores, clips.labels),
                first=losses[0],
                last=losses[-1],
                steps=step,
            )
            if now.learned:
                length = detector.seconds(clips.signals.shape[2])
                return f"{now}, {len(clips.labels)} clips of {length}"
            reached = max(reached, now.area)
            if best is None or now.area > best.area:
                best = now
        detector.mode(train=True)
        in_training = auc(detector.scores(clips.signals), clips.labels)
        if in_training - reached > MARGIN:
            note = (
                f"; in training mode it is {in_training:.2f}: eval mode behaves "
                "differently (statistics of a batch norm?)"
            )
    if best is None:
        msg = f"the loss becomes NaN or Inf at each of {len(RATES)} rates"
        raise Failed(msg)
    msg = f"{best.explain()}; best of {len(RATES)} rates: {best}{note}"
    raise Failed(msg)


def _give_up(deadline: Deadline, best: _Progress | None, n_steps: int) -> None:
    reached = f"; so far {best}" if best else ""
    msg = (
        f"too slow: {n_steps} steps took the {deadline.seconds:g} s planned for this "
        f"check{reached}; raise --time-limit"
    )
    raise Skipped(msg)
