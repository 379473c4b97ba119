"""Checks of the user's own loss and training step.

Invariant: as for `behaviour`. What a loss wants is read from its value and its gradient
at logits that are chosen here, so that neither the model nor chance plays a part; a
training step is made to see such logits by a hook on the model's output.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.training import list_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.smoke.clips import Clips
    from bgb_fixtures.smoke.subject import Subject

__all__ = ["loss", "step"]

RIGHT = (1.0, 2.0, 4.0, 8.0, 16.0)
WRONG = 30.0
"""Logits; the sigmoid of the last is 1 in float32."""
ENOUGH = 0.6
"""Loss of right logits, as a share of that of logits of zero, at most. Label smoothing by
0.2 gives 0.47, cross-entropy of a second sigmoid 0.70."""
SHIFT_S = 0.25
N_STEPS = 25
JUNK = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a loss says to given scores.

    Attributes
    ----------
    value : float or None
        The loss; None if the step does not return it.
    pull : torch.Tensor or None
        The direction in which it wants each score to go; None if that was not seen.
    """

    value: float | None
    pull: torch.Tensor | None


def _signs(labels: torch.Tensor) -> torch.Tensor:
    return 2 * labels - 1


def _judge(
    react: Callable[[torch.Tensor], Reaction], clips: Clips, sfreq: float
) -> str:
    """Judge a loss by what it says to chosen scores."""
    signs = _signs(clips.labels)
    zero = react(signs * 0)
    shift = ""
    if zero.pull is not None:
        shift = _judge_pull(zero.pull.double(), clips.labels, sfreq)
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
        value, pull = reaction.value, reaction.pull
        bad_pull = pull is not None and not bool(pull.isfinite().all())
        if bad_pull or (value is not None and not abs(value) < float("inf")):
            what = "gradient" if bad_pull else "loss"
            msg = f"{what} of NaN or Inf at {where}: log of a probability of 0?"
            raise Failed(msg)
    if zero.value is None or wrong.value is None:
        return f"{shift or 'pull not seen'}; returns no loss"
    values = [item.value for item in right if item.value is not None]
    if min(values) >= zero.value:
        msg = (
            f"right logits cost {min(values):.3g}, logits of zero {zero.value:.3g}, "
            f"wrong ones {wrong.value:.3g}: expected right < zero; is a sign wrong?"
        )
        raise Failed(msg)
    faint = (
        wrong.pull is None
        or zero.pull is None
        or (float(wrong.pull.abs().mean()) < 0.01 * float(zero.pull.abs().mean()))
    )
    if faint and min(values) > ENOUGH * zero.value > 0:
        msg = (
            f"the best logits cost {min(values):.3g}, logits of zero {zero.value:.3g}, "
            "and wrong ones are hardly pulled back: is the sigmoid taken twice?"
        )
        raise Failed(msg)
    return (
        f"right logits cost {min(values):.3g}, zero {zero.value:.3g}, wrong "
        f"{wrong.value:.3g}{shift and '; '}{shift}"
    )


def _judge_pull(pull: torch.Tensor, labels: torch.Tensor, sfreq: float) -> str:
    """Judge in which direction scores of zero are pulled, and whose labels that follows."""
    if not float(pull.abs().max()):
        msg = "the loss has no gradient at logits of zero"
        raise Failed(msg)
    truth = labels.double() - labels.double().mean()
    pull = pull - pull.mean()
    unit = float(truth.norm() * pull.norm())
    now = float((truth * pull).sum()) / unit if unit else 0.0
    lag = 0
    if labels.ndim == 2:
        spectrum = torch.fft.rfft(truth).conj() * torch.fft.rfft(pull)
        n_times = labels.shape[1]
        match = torch.fft.irfft(spectrum, n_times).sum(0) / (unit or 1.0)
        # The best lag; of equals, the one nearest to none.
        best = torch.nonzero(match >= match.max() - 1e-6).flatten()
        signed = torch.where(best > n_times // 2, best - n_times, best)
        lag = int(signed[signed.abs().argmin()])
        if abs(lag) >= SHIFT_S * sfreq and float(match.max()) > max(now, 0) + 0.05:
            msg = (
                f"follows the labels shifted by {lag / sfreq:+.2f} s (correlation "
                f"{float(match.max()):.2f}, in place {now:.2f}), or circularly so in "
                f"clips of {n_times / sfreq:g} s"
            )
            if now > -0.95:
                raise Failed(msg)
    if now <= 0:
        msg = (
            "ictal scores are pulled down and background scores up (correlation with "
            f"the labels {now:.2f}): is a sign wrong?"
        )
        raise Failed(msg)
    seen = f"follows the labels (correlation {now:.2f})"
    return f"{seen}, for information: shifted by {lag / sfreq:+.3f} s" if lag else seen


def loss(subject: Subject) -> str:
    """Ask the user's loss about chosen logits."""
    contract = subject.known_contract()
    clips = subject.windows if contract.per_sample else subject.clips

    def react(scores: torch.Tensor) -> Reaction:
        leaf = scores.detach().clone().requires_grad_()
        value = subject.loss(contract.from_scores(leaf), clips.labels)
        if value.requires_grad:
            value.backward()  # type: ignore[no-untyped-call]
        pull = None if leaf.grad is None else -leaf.grad
        if pull is None:
            msg = "the loss has no gradient: detached, or taken of numbers?"
            raise Failed(msg)
        return Reaction(value=float(value.detach()), pull=pull)

    return _judge(react, clips, subject.fixture.sfreq)


class _ForcedOutput:
    """Make the model give chosen scores, and note the gradient that comes back."""

    def __init__(self, subject: Subject, scores: torch.Tensor) -> None:
        self._contract = subject.known_contract()
        self._wanted = self._contract.from_scores(scores)
        self.pull: torch.Tensor | None = None
        self.calls = 0
        self.missed = ""

    def _note(self, gradient: torch.Tensor) -> None:
        score = self._contract.scores(gradient.detach())
        pull = -score / 2 if self._contract.two_classes else -score
        self.pull = pull if self.pull is None else self.pull + pull

    def hook(self, _module: Any, _inputs: Any, output: Any) -> Any:
        """Replace the logits in the model's output, in value but not in graph."""
        self.calls += 1
        entry = self._contract.entry
        logits = output if entry is None else output[entry]
        if logits.shape != self._wanted.shape:
            self.missed = f"it gives the model other windows: {tuple(logits.shape)}"
            return None
        forced = logits + (self._wanted.to(logits.dtype) - logits).detach()
        if forced.requires_grad:
            forced.register_hook(self._note)
        if entry is None:
            return forced
        if isinstance(output, Mapping):
            return {**output, entry: forced}
        return tuple(forced if i == entry else item for i, item in enumerate(output))


def _bind(subject: Subject) -> Callable[[Clips], Any]:
    """Return the user's step with its model; made anew if the user gave a maker."""
    user_step = subject.user_step
    if user_step is None:
        msg = "no training step was given"
        raise Skipped(msg)
    model = subject.model
    try:
        inspect.signature(user_step).bind(None, None, None)
    except TypeError:
        made = user_step(model)
        if not callable(made):
            msg = (
                f"step(model) returned {type(made).__name__}; expected a function of "
                "(signals, labels), or give a step(model, signals, labels)"
            )
            raise Failed(msg) from None
        return lambda clips: made(clips.signals.clone(), subject.targets(clips.labels))
    return lambda clips: user_step(
        model, clips.signals.clone(), subject.targets(clips.labels)
    )


def _value(returned: Any) -> float | None:
    if isinstance(returned, dict):
        returned = returned.get("loss")
    if isinstance(returned, torch.Tensor) and returned.numel() == 1:
        return float(returned.detach())
    return float(returned) if isinstance(returned, int | float) else None


def _fresh(subject: Subject) -> Callable[[Clips], Any]:
    subject.reset()
    subject.mode(train=True)
    for parameter in subject.model.parameters():
        parameter.grad = None
    return _bind(subject)


def _check_old_gradients(subject: Subject, clips: Clips) -> None:
    """Refuse a step in which gradients from before live on."""
    run = _fresh(subject)
    junk = {}
    for name, parameter in subject.trainable.items():
        junk[name] = JUNK * torch.randn_like(parameter)
        parameter.grad = junk[name].clone()
    run(clips)
    along = total = 0.0
    for name, parameter in subject.trainable.items():
        if parameter.grad is not None:
            along += float((parameter.grad * junk[name]).sum())
            total += float(parameter.grad.square().sum())
    size = sum(float(item.square().sum()) for item in junk.values())
    if total and along / (total * size) ** 0.5 > 0.5:
        msg = "gradients from before the step are still in it: call zero_grad"
        raise Failed(msg)


def _check_moves(subject: Subject, clips: Clips) -> tuple[list[float], str]:
    """Refuse a step that leaves parameters where they are."""
    run = _fresh(subject)
    before = {name: item.detach().clone() for name, item in subject.trainable.items()}
    values = []
    has_gradient: set[str] = set()
    for _ in range(N_STEPS):
        subject.mode(train=True)
        values.append(_value(run(clips)))
        has_gradient |= {
            name
            for name, item in subject.trainable.items()
            if item.grad is not None and bool(item.grad.any())
        }
    now = subject.trainable
    still = [name for name, item in now.items() if torch.equal(item, before[name])]
    bad = [name for name, item in now.items() if not bool(item.isfinite().all())]
    if bad:
        msg = f"{len(bad)} parameters are NaN or Inf after {N_STEPS} steps"
        raise Failed(msg, place=list_names(bad))
    if len(still) == len(before):
        why = (
            "they have gradients, so does the optimizer hold other parameters, or "
            "never step?"
            if has_gradient
            else "none has a gradient: is backward never called?"
        )
        msg = f"no parameter moves in {N_STEPS} steps; {why}"
        raise Failed(msg)
    if still:
        msg = (
            f"{len(still)} of {len(before)} trainable parameters do not move in "
            f"{N_STEPS} steps: are they missing in the optimizer?"
        )
        raise Failed(msg, place=list_names(still))
    known = [value for value in values if value is not None]
    return known, f"{len(before)} parameters move"


def step(subject: Subject) -> str:
    """Run the user's training step, and ask it about chosen logits."""
    subject.known_contract()
    if not subject.trainable:
        msg = "the model has no parameters to train"
        raise Skipped(msg)
    clips = subject.clips

    def react(scores: torch.Tensor) -> Reaction:
        run = _fresh(subject)
        forced = _ForcedOutput(subject, scores)
        handle = subject.model.register_forward_hook(forced.hook)
        try:
            returned = run(clips)
        finally:
            handle.remove()
        if forced.missed or not forced.calls:
            raise Skipped(forced.missed or "it does not call the model it is given")
        return Reaction(value=_value(returned), pull=forced.pull)

    values, moves = _check_moves(subject, clips)
    _check_old_gradients(subject, clips)
    try:
        judged = _judge(react, clips, subject.fixture.sfreq)
    except Skipped as skipped:
        judged = f"labels not judged, as {skipped}"
    trend = ""
    if len(values) == N_STEPS:
        first, last = values[0], sum(values[-3:]) / 3
        trend = f"; loss {first:.3g} -> {last:.3g} in {N_STEPS} steps"
        if not last < first:
            msg = (
                f"the loss does not fall in {N_STEPS} steps: {first:.4g} -> {last:.4g}"
            )
            raise Failed(msg)
    return f"{moves}{trend}; {judged}"
