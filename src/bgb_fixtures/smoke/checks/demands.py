"""Judgement of a loss, shared by the checks `loss` and `step`.

A loss is judged by its value and gradient at scores that are chosen here, so that the
result depends neither on the model nor on chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.smoke.clips import Clips

__all__ = ["SHIFT_S", "Reaction", "correlate", "judge_descent", "judge_loss"]

RIGHT = (1.0, 2.0, 4.0, 8.0, 16.0)
WRONG = 30.0
"""Logits; the sigmoid of the last is 1 in float32."""
ENOUGH = 0.6
"""Maximum loss of right logits, relative to the loss of logits of zero.

Label smoothing by 0.2 gives 0.47, cross-entropy of a second sigmoid 0.70.
"""
SHIFT_S = 0.25
NO_MATTER = 0.05
"""Correlation of the gradient with the labels below which they have no effect.

Every loss of tools/smoke_gallery.py that gets the labels in place reaches 1.00.
"""
CLEARER = 0.05
"""Margin by which other labels must correlate better than those in place."""
OPPOSITE = -0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """The reaction of a loss to chosen scores.

    `value` is the loss; None if the step does not return it. `descent` is the negative
    gradient with respect to the scores, the direction in which gradient descent moves
    them; None if no gradient was observed.
    """

    value: float | None
    descent: torch.Tensor | None


def correlate(descent: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the correlation of two tensors of equal shape; 0 if one is constant."""
    both = torch.stack([descent.flatten().double(), labels.flatten().double()])
    return float(torch.corrcoef(both)[0, 1].nan_to_num())


def judge_loss(
    react: Callable[[torch.Tensor], Reaction], clips: Clips, *, step_s: float
) -> str:
    """Judge a loss by its reaction to chosen scores; a label lasts `step_s` seconds."""
    signs = 2 * clips.labels - 1
    zero = react(signs * 0)
    seen = ""
    if zero.descent is not None:
        seen = judge_descent(zero.descent.double(), clips.labels, step_s=step_s)
    right = [react(signs * size) for size in RIGHT]
    wrong = react(-signs * WRONG)
    for reaction, where in (
        (zero, "logits of zero"),
        *(
            (item, f"right logits of {size:g}")
            for item, size in zip(right, RIGHT, strict=True)
        ),
        (wrong, f"wrong logits of {WRONG:g}"),
    ):
        _refuse_bad(reaction, where)
    if zero.value is None or wrong.value is None:
        return f"{seen or 'gradient not observed'}; returns no loss"
    values = [item.value for item in right if item.value is not None]
    if min(values) >= zero.value:
        msg = (
            f"the loss is {min(values):.3g} for right logits, {zero.value:.3g} for "
            f"zeros, {wrong.value:.3g} for wrong ones (expected right < zeros): is a "
            "sign wrong?"
        )
        raise Failed(msg)
    if _is_faint(wrong, zero) and min(values) > ENOUGH * zero.value > 0:
        msg = (
            f"the loss is {min(values):.3g} for the best logits and {zero.value:.3g} "
            "for zeros, and wrong logits have almost no gradient: is the sigmoid "
            "applied twice?"
        )
        raise Failed(msg)
    return (
        f"the loss is {min(values):.3g} for right logits, {zero.value:.3g} for zeros, "
        f"{wrong.value:.3g} for wrong ones{seen and '; '}{seen}"
    )


def _refuse_bad(reaction: Reaction, where: str) -> None:
    value, descent = reaction.value, reaction.descent
    bad = descent is not None and not bool(descent.isfinite().all())
    if bad or (value is not None and not abs(value) < float("inf")):
        what = "gradient" if bad else "loss"
        msg = f"{what} is NaN or Inf at {where}: log of a probability of 0?"
        raise Failed(msg)


def _is_faint(wrong: Reaction, zero: Reaction) -> bool:
    """Return whether wrong scores have a gradient close to zero."""
    if wrong.descent is None or zero.descent is None:
        return True
    sizes = [float(item.abs().mean()) for item in (wrong.descent, zero.descent)]
    return sizes[0] < 0.01 * sizes[1]


def judge_descent(
    descent: torch.Tensor,
    labels: torch.Tensor,
    *,
    step_s: float,
    previous: torch.Tensor | None = None,
) -> str:
    """Judge which labels the direction of descent from scores of zero follows.

    `previous` has the labels of the previous batch; None if there was none.
    """
    if not float(descent.abs().max()):
        msg = "the loss has no gradient at logits of zero"
        raise Failed(msg)
    size = float(descent.norm())
    descent = descent - descent.mean()
    # If all values were equal, only rounding is left, whose direction is arbitrary.
    descent = descent * (float(descent.norm()) > 1e-5 * size)
    now = correlate(descent, labels)
    lag, lagged = _best_lag(descent, labels) if labels.ndim == 2 else (0, now)
    if abs(lag) * step_s < SHIFT_S:
        lagged = now
    rolls = {k: correlate(descent, labels.roll(k, 0)) for k in range(1, len(labels))}
    roll = max(rolls, key=lambda k: rolls[k], default=0)
    rolled = rolls.get(roll, -1.0)
    stale = -1.0 if previous is None else correlate(descent, previous)
    best = max(lagged, rolled, stale)
    if best > max(now, 0) + CLEARER and now > OPPOSITE:
        in_place = f"(correlation {best:.2f}, in place {now:.2f})"
        if stale >= best - 1e-3:
            msg = f"follows the labels of the previous batch {in_place}"
        elif rolled >= best - 1e-3:
            msg = (
                f"follows the labels of other windows, {roll} further in the batch "
                f"{in_place}: are labels and windows in the same order?"
            )
        else:
            length = labels.shape[1] * step_s
            msg = (
                f"follows the labels shifted by {lag * step_s:+.2f} s {in_place}, or "
                f"circularly so in clips of {length:g} s"
            )
        raise Failed(msg)
    if abs(now) < NO_MATTER:
        msg = (
            f"the gradient with respect to the scores has correlation {now:.2f} with "
            "the labels: the loss does not depend on which samples are ictal"
        )
        raise Failed(msg)
    if now < 0:
        msg = (
            "gradient descent lowers ictal scores and raises background scores "
            f"(correlation with the labels {now:.2f}): is a sign wrong?"
        )
        raise Failed(msg)
    seen = f"follows the labels (correlation {now:.2f})"
    if lag:
        return f"{seen}, shifted by {lag * step_s:+.3f} s, which is accepted"
    return seen


def _best_lag(descent: torch.Tensor, labels: torch.Tensor) -> tuple[int, float]:
    """Return the circular shift of the labels, in steps, that correlates best."""
    truth = labels.double() - labels.double().mean()
    unit = float(truth.norm() * descent.norm()) or 1.0
    spectrum = torch.fft.rfft(truth).conj() * torch.fft.rfft(descent.double())
    n_steps = labels.shape[1]
    match = torch.fft.irfft(spectrum, n_steps).sum(0) / unit
    # Among equally good lags, take the one closest to 0.
    best = torch.nonzero(match >= match.max() - 1e-6).flatten()
    signed = torch.where(best > n_steps // 2, best - n_steps, best)
    return int(signed[signed.abs().argmin()]), float(match.max())
