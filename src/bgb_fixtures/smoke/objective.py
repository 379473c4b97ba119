"""Checks of the user's own loss and training step.

Invariant: as for `behaviour`. What a loss wants is read from its value and its gradient
at logits that are chosen here, so that neither the model nor chance plays a part; a
training step is made to see such logits by a hook on the model's output. What the step gives the
model is compared with the clips, so that a label is judged with what was shown.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.smoke.given import is_constant, match_clips
from bgb_fixtures.smoke.report import Failed, Skipped, list_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.smoke.clips import Clips
    from bgb_fixtures.smoke.given import Given
    from bgb_fixtures.smoke.subject import Subject

__all__ = ["loss", "step"]

RIGHT = (1.0, 2.0, 4.0, 8.0, 16.0)
WRONG = 30.0
"""Logits; the sigmoid of the last is 1 in float32."""
ENOUGH = 0.6
"""Loss of right logits, as a share of that of logits of zero, at most. Label smoothing by
0.2 gives 0.47, cross-entropy of a second sigmoid 0.70."""
SHIFT_S = 0.25
NO_MATTER = 0.05
"""Correlation of pull and labels; every loss of tools/smoke_gallery.py that sees the
labels in place reaches 1.00."""
N_STEPS = 25
N_LOOKS = 3
"""Steps in which the input is compared with the labels: a shuffle may change nothing."""
BETTER = 0.02
"""Correlation."""
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
    size = float(pull.norm())
    pull = pull - pull.mean()
    # What is left of equal values is rounding, which has a direction of its own.
    pull = pull * (float(pull.norm()) > 1e-5 * size)
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
    if abs(now) < NO_MATTER:
        msg = (
            f"the pull on the scores has correlation {now:.2f} with the labels: the "
            "loss does not depend on which samples are ictal"
        )
        raise Failed(msg)
    if now < 0:
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
    """Make the model give chosen scores, and note the gradient that comes back.

    The scores are those of the clips, so they go where the step moved the clips.
    """

    def __init__(self, subject: Subject, clips: Clips, scores: torch.Tensor) -> None:
        self._contract = subject.known_contract()
        self._model = subject.model
        self._clips = clips
        self._min_lag = max(round(SHIFT_S * subject.fixture.sfreq), 1)
        self._scores = scores
        self.pull: torch.Tensor | None = None
        self.raw_pull: torch.Tensor | None = None
        """By row of the input, not by clip."""
        self.given: list[Given] = []
        self.constant = False
        self.calls = 0
        self.missed = ""

    def _note(self, gradient: torch.Tensor, given: Given) -> None:
        score = self._contract.scores(gradient.detach())
        raw = -score / 2 if self._contract.two_classes else -score
        pull = given.bring_back(raw)
        self.pull = pull if self.pull is None else self.pull + pull
        self.raw_pull = raw if self.raw_pull is None else self.raw_pull + raw

    def hook(self, _module: Any, args: Any, kwargs: Any, output: Any) -> Any:
        """Replace the logits in the model's output, in value but not in graph."""
        self.calls += 1
        shown = [
            item
            for item in (*args, *kwargs.values())
            if isinstance(item, torch.Tensor) and item.is_floating_point()
        ]
        self.constant |= bool(shown) and all(map(is_constant, shown))
        entry = self._contract.entry
        logits = output if entry is None else output[entry]
        given = match_clips(
            shown[0] if shown else logits, self._clips.signals, min_lag=self._min_lag
        )
        self.given.append(given)
        wanted = self._contract.from_scores(given.follow(self._scores))
        if logits.shape != wanted.shape:
            self.missed = f"it gives the model other windows: {tuple(logits.shape)}"
            return None
        forced = logits + (wanted.to(logits.dtype) - logits).detach()
        if forced.requires_grad:
            forced.register_hook(lambda gradient: self._note(gradient, given))
        if entry is None:
            return forced
        if isinstance(output, Mapping):
            return {**output, entry: forced}
        return tuple(forced if i == entry else item for i, item in enumerate(output))

    def watch(self, run: Callable[[Clips], Any]) -> Any:
        """Run one step with the hook in place; return what the step returns."""
        handle = self._model.register_forward_hook(self.hook, with_kwargs=True)
        try:
            return run(self._clips)
        finally:
            handle.remove()


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


def _match(pull: torch.Tensor, labels: torch.Tensor) -> float:
    both = torch.stack([pull.flatten().double(), labels.flatten().double()])
    return float(torch.corrcoef(both)[0, 1].nan_to_num())


def _check_input(subject: Subject, clips: Clips) -> str:
    """Refuse a step that shows the model something else than the labels are of."""
    run = _fresh(subject)
    recognised = False
    for _ in range(N_LOOKS):
        subject.mode(train=True)
        forced = _ForcedOutput(subject, clips, clips.labels * 0)
        forced.watch(run)
        if forced.constant:
            msg = "the model is shown a constant, not the clips"
            raise Failed(msg)
        recognised |= any(given.n_recognised for given in forced.given)
        if forced.pull is None or forced.raw_pull is None:
            continue
        in_place = _match(forced.raw_pull, clips.labels)
        if in_place > _match(forced.pull, clips.labels) + BETTER:
            raise Failed(_say_moved(forced.given, subject.fixture.sfreq, in_place))
    if recognised or not forced.calls:
        return ""
    return (
        "; for information: what the model is shown resembles none of the clips, so "
        "whether the labels are of it is not judged"
    )


def _say_moved(found: list[Given], sfreq: float, in_place: float) -> str:
    """Say what was moved without its labels, of the first row that was."""
    rows = [
        (row, int(origin), int(lag))
        for given in found
        for row, (origin, lag) in enumerate(zip(given.origins, given.lags, strict=True))
        if int(origin) != row or int(lag)
    ]
    others = [item for item in rows if item[0] != item[1]]
    where = f"(the pull's correlation with the labels as given is {in_place:.2f})"
    if others:
        row, origin, _ = others[0]
        return f"window {origin} was shown with the labels of window {row} {where}"
    row, _, lag = rows[0]
    return (
        f"window {row} was shown {lag / sfreq:+.2f} s from its labels, or circularly "
        f"so {where}"
    )


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


@contextmanager
def _largest_gradients(
    parameters: dict[str, torch.nn.Parameter],
) -> Iterator[dict[str, torch.Tensor]]:
    """Note the largest magnitude of each value's gradient, whenever it is set to zero."""
    largest = {name: torch.zeros_like(item) for name, item in parameters.items()}

    def watch(name: str) -> Callable[[torch.Tensor], None]:
        def note(gradient: torch.Tensor) -> None:
            largest[name] = torch.maximum(largest[name], gradient.detach().abs())

        return note

    handles = [
        item.register_hook(watch(name))  # type: ignore[no-untyped-call]
        for name, item in parameters.items()
    ]
    try:
        yield largest
    finally:
        for handle in handles:
            handle.remove()


def _too_small_to_move(
    before: dict[str, torch.Tensor],
    now: dict[str, torch.nn.Parameter],
    gradients: dict[str, torch.Tensor],
) -> list[str]:
    """Return the parameters whose steps round to nothing, judged by those that move.

    The gradient of a bias before a batch norm is only rounding, about 1e-9. With plain
    gradient descent it moves the bias by less than the next float32.
    """
    moved = {name: (item.detach() - before[name]).abs() for name, item in now.items()}
    rates = [
        float(moved[name].max() / gradients[name].max())
        for name in now
        if bool(moved[name].any()) and bool(gradients[name].any())
    ]
    if not rates:
        return []
    rate = median(rates) / N_STEPS
    return [
        name
        for name, old in before.items()
        if not bool(moved[name].any())
        and bool(gradients[name].any())
        # Most of its values: rounding has no steady direction, so that even a value near
        # zero moves by less than its largest gradient says.
        and float((rate * gradients[name] <= _ulp(old)).double().mean()) > 0.5
    ]


def _ulp(values: torch.Tensor) -> torch.Tensor:
    size = values.abs()
    return torch.nextafter(size, torch.full_like(size, torch.inf)) - size


def _check_moves(subject: Subject, clips: Clips) -> tuple[list[float], str]:
    """Refuse a step that leaves parameters where they are."""
    run = _fresh(subject)
    before = {name: item.detach().clone() for name, item in subject.trainable.items()}
    values = []
    with _largest_gradients(subject.trainable) as gradients:
        for _ in range(N_STEPS):
            subject.mode(train=True)
            values.append(_value(run(clips)))
    has_gradient = any(bool(size.any()) for size in gradients.values())
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
    excused = _too_small_to_move(before, now, gradients)
    still = [name for name in still if name not in excused]
    if still:
        msg = (
            f"{len(still)} of {len(before)} trainable parameters do not move in "
            f"{N_STEPS} steps: are they missing in the optimizer?"
        )
        raise Failed(msg, place=list_names(still))
    known = [value for value in values if value is not None]
    small = ""
    if excused:
        small = (
            f", {len(excused)} have gradients too small to change them in float32 "
            f"({list_names(excused)}): biases before a norm?"
        )
    return known, f"{len(before) - len(excused)} parameters move{small}"


def step(subject: Subject) -> str:
    """Run the user's training step, and ask it about chosen logits."""
    subject.known_contract()
    if not subject.trainable:
        msg = "the model has no parameters to train"
        raise Skipped(msg)
    clips = subject.clips

    def react(scores: torch.Tensor) -> Reaction:
        run = _fresh(subject)
        forced = _ForcedOutput(subject, clips, scores)
        returned = forced.watch(run)
        if forced.missed or not forced.calls:
            raise Skipped(forced.missed or "it does not call the model it is given")
        return Reaction(value=_value(returned), pull=forced.pull)

    unknown = _check_input(subject, clips)
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
    return f"{moves}{trend}; {judged}{unknown}"
