"""The check of the user's training step.

A hook on the model's output passes chosen logits to the step. The input that the step
passes to the model is compared with the clips, so that each label is judged with the
signal that it belongs to.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.smoke.checks.demands import (
    SHIFT_S,
    Reaction,
    correlate,
    judge_descent,
    judge_loss,
)
from bgb_fixtures.smoke.checks.learning import group_names
from bgb_fixtures.smoke.clips import Clips
from bgb_fixtures.smoke.recognise import Recognised, is_constant, recognise_clips
from bgb_fixtures.smoke.report import Failed, Skipped, list_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.smoke.detector import Detector

    RunStep = Callable[[Clips], Any]

__all__ = ["step"]

N_STEPS = 25
FEWEST_STEPS = 5
OTHER_STEPS = 15
"""Approximate number of further steps that the check takes."""
N_LOOKS = 3
"""Number of steps whose input is compared, as a single shuffle may change nothing."""
BETTER = 0.02
"""Correlation."""
JUNK = 1e3


def step(detector: Detector) -> str:
    """Run the user's training step, also with chosen logits."""
    detector.need_gradients()
    if not detector.trainable:
        msg = "the model has no parameters to train"
        raise Skipped(msg)
    if isinstance(detector.model, torch.jit.ScriptModule):
        msg = "TorchScript does not support hooks, so the step cannot be observed"
        raise Skipped(msg)
    clips = detector.clips
    n_steps = _n_steps(detector)
    notes = [_check_input(detector, clips), _check_mode(detector, clips)]
    values, moves = _check_moves(detector, clips, n_steps)
    _check_old_gradients(detector, clips)

    def react(scores: torch.Tensor) -> Reaction:
        run = _fresh(detector)
        probe = _StepProbe(detector, clips, scores)
        returned = probe.watch(run)
        if probe.missed or not probe.calls:
            raise Skipped(probe.missed or "it does not call the model it is given")
        return Reaction(value=_value(returned), descent=probe.descent)

    step_s = detector.step_seconds(clips)
    try:
        judged = judge_loss(react, clips, step_s=step_s)
        _check_previous(detector, clips, step_s)
    except Skipped as skipped:
        judged = f"labels not checked: {skipped}"
    trend = _judge_trend(values, n_steps)
    return f"{moves}{trend}; {judged}{''.join(notes)}"


def _n_steps(detector: Detector) -> int:
    """Return how many training steps there is time for."""
    _ = detector.warm
    affordable = detector.budget.n_steps(
        N_STEPS + OTHER_STEPS,
        least=FEWEST_STEPS + OTHER_STEPS,
        expected_s=detector.budget.expect_step(len(detector.clips.signals)),
    )
    return affordable - OTHER_STEPS


class _StepProbe:
    """Observer of the model in a step that forces chosen scores and records gradients.

    The scores belong to the clips, so they are moved to where the step moved the clips.
    """

    def __init__(self, detector: Detector, clips: Clips, scores: torch.Tensor) -> None:
        self._contract = detector.known_contract()
        self._model = detector.model
        self._clips = clips
        self._min_lag = max(round(SHIFT_S * detector.fixture.sfreq), 1)
        self._scores = scores
        self._samples_per_step = clips.signals.shape[2] / clips.labels.shape[-1]
        self.descent: torch.Tensor | None = None
        """Negative gradient by clip."""
        self.row_descent: torch.Tensor | None = None
        """Negative gradient by row of the input."""
        self.rows: list[Recognised] = []
        self.constant = False
        self.trained_in: set[bool] = set()
        """Whether the model was in training mode, in each pass with gradients."""
        self.calls = 0
        self.missed = ""

    def _note(self, gradient: torch.Tensor, rows: Recognised) -> None:
        output = self._contract.output
        values = output.scores_of_gradient(gradient.detach())
        descent = rows.bring_back(-values)
        self.descent = descent if self.descent is None else self.descent + descent
        before = self.row_descent
        self.row_descent = -values if before is None else before - values

    def hook(self, module: Any, args: Any, kwargs: Any, output: Any) -> Any:
        """Replace the logits in the model's output but keep their graph."""
        self.calls += 1
        if torch.is_grad_enabled():
            self.trained_in.add(module.training)
        shown = [
            item
            for item in (*args, *kwargs.values())
            if isinstance(item, torch.Tensor) and item.is_floating_point()
        ]
        self.constant |= bool(shown) and all(map(is_constant, shown))
        logits = self._contract.output.pick(output)
        given = self._contract.layout.restore(shown[0]) if shown else logits
        rows = recognise_clips(given, self._clips.signals, min_lag=self._min_lag)
        self.rows.append(rows)
        moved = rows.at_rate(self._samples_per_step)
        wanted = self._contract.output.from_scores(moved.follow(self._scores))
        if logits.shape != wanted.shape:
            self.missed = f"it passes other windows to the model: {tuple(logits.shape)}"
            return None
        forced = logits + (wanted.to(logits.dtype) - logits).detach()
        if forced.requires_grad:
            forced.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient: self._note(gradient, moved)
            )
        return self._contract.output.replace(output, forced)

    def watch(self, run: RunStep) -> Any:
        """Run one step with the hook in place; return what the step returns."""
        handle = self._model.register_forward_hook(self.hook, with_kwargs=True)
        try:
            return run(self._clips)
        finally:
            handle.remove()


def _bind(detector: Detector) -> RunStep:
    """Return the user's step bound to the model; call `make_step` for a new one."""
    user_step = detector.user_step
    if user_step is None:
        msg = "no training step was passed; add --step"
        raise Skipped(msg)
    model = detector.model
    try:
        inspect.signature(user_step).bind(None, None, None)
    except TypeError:
        made = user_step(model)
        if not callable(made):
            msg = (
                f"step(model) returned {type(made).__name__}; expected a function of "
                "(signals, labels), or pass a step(model, signals, labels)"
            )
            raise Failed(msg) from None
        return lambda clips: made(*_batch(detector, clips))
    return lambda clips: user_step(model, *_batch(detector, clips))


def _batch(detector: Detector, clips: Clips) -> tuple[Any, torch.Tensor]:
    """Return clips and labels in the form that the step gets."""
    signals = detector.known_contract().layout.arrange(clips.signals.clone())
    return signals, detector.targets(clips.labels)


def _value(returned: Any) -> float | None:
    if isinstance(returned, dict):
        returned = returned.get("loss")
    if isinstance(returned, torch.Tensor) and returned.numel() == 1:
        return float(returned.detach())
    return float(returned) if isinstance(returned, int | float) else None


def _fresh(detector: Detector) -> RunStep:
    detector.reset()
    detector.mode(train=True)
    detector.forget_gradients()
    return _bind(detector)


def _check_input(detector: Detector, clips: Clips) -> str:
    """Fail if the model gets other signals than those of the labels."""
    run = _fresh(detector)
    recognised = False
    orders: list[tuple[int, ...] | None] = []
    for _ in range(N_LOOKS):
        detector.mode(train=True)
        probe = _StepProbe(detector, clips, clips.labels * 0)
        probe.watch(run)
        if probe.constant:
            msg = "the model receives a constant instead of the clips"
            raise Failed(msg)
        recognised |= any(rows.n_recognised for rows in probe.rows)
        orders += [order for rows in probe.rows for order in rows.orders]
        if probe.descent is None or probe.row_descent is None:
            continue
        in_place = correlate(probe.row_descent, clips.labels)
        if in_place > correlate(probe.descent, clips.labels) + BETTER:
            raise Failed(_say_moved(probe.rows, detector.fixture.sfreq, in_place))
    if orders and None not in orders:
        raise Failed(_say_reordered(orders, detector.fixture.ch_names))
    if recognised or not probe.calls:
        return ""
    return (
        "; not checked: whether the labels belong to the windows, as the step alters its "
        "input too much"
    )


def _say_moved(found: list[Recognised], sfreq: float, in_place: float) -> str:
    """Describe the first row that was moved without its labels."""
    rows = [
        (row, int(origin), int(lag))
        for item in found
        for row, (origin, lag) in enumerate(zip(item.origins, item.lags, strict=True))
        if int(origin) != row or int(lag)
    ]
    others = [item for item in rows if item[0] != item[1]]
    where = f"(the gradient's correlation with the labels as given is {in_place:.2f})"
    if others:
        row, origin, _ = others[0]
        return (
            f"the model receives window {origin} with the labels of window {row} "
            f"{where}"
        )
    row, _, lag = rows[0]
    return (
        f"the model receives window {row} shifted {lag / sfreq:+.2f} s from its "
        f"labels, or circularly so {where}"
    )


def _say_reordered(
    orders: list[tuple[int, ...] | None], ch_names: tuple[str, ...]
) -> str:
    order = orders[0] or ()
    moved = [(place, name) for place, name in enumerate(order) if place != name]
    place, origin = moved[0]
    n_moved = f"{len(moved)} of {len(order)} channels"
    return (
        f"the step reorders the channels: {ch_names[origin]} is in place of "
        f"{ch_names[place]} ({n_moved} moved)"
    )


def _check_mode(detector: Detector, clips: Clips) -> str:
    """Fail if the step trains in eval mode; return whether it sets the mode itself."""

    def modes(*, train: bool) -> set[bool]:
        run = _fresh(detector)
        detector.mode(train=train)
        probe = _StepProbe(detector, clips, clips.labels * 0)
        probe.watch(run)
        return probe.trained_in

    if modes(train=True) == {False}:
        msg = (
            "the step trains in eval mode (no dropout, statistics of norms fixed), "
            "although the model was passed in training mode: call model.train() "
            "before the forward pass"
        )
        raise Failed(msg)
    try:
        seen = modes(train=False)
    except Exception:  # noqa: BLE001 - the output may be another one in eval mode
        seen = {False}
    if seen == {False}:
        return "; it does not call model.train(), so your loop must"
    return ""


def _check_previous(detector: Detector, clips: Clips, step_s: float) -> None:
    """Fail if the step uses the labels of the previous batch."""
    run = _fresh(detector)
    # As the other batch, use the same clips in the order in which labels differ most.
    n_clips = len(clips.labels)
    roll = min(
        range(1, n_clips),
        key=lambda k: correlate(clips.labels.roll(k, 0), clips.labels),
        default=0,
    )
    other = Clips(
        signals=clips.signals.roll(roll, 0), labels=clips.labels.roll(roll, 0)
    )
    run(clips)
    detector.mode(train=True)
    probe = _StepProbe(detector, other, other.labels * 0)
    probe.watch(run)
    if probe.descent is not None and not probe.missed:
        judge_descent(
            probe.descent.double(), other.labels, step_s=step_s, previous=clips.labels
        )


def _check_old_gradients(detector: Detector, clips: Clips) -> None:
    """Fail if the step does not clear the gradients of the previous step."""
    run = _fresh(detector)
    junk = {}
    for name, parameter in detector.trainable.items():
        junk[name] = JUNK * torch.randn_like(parameter)
        parameter.grad = junk[name].clone()
    run(clips)
    along = total = 0.0
    for name, parameter in detector.trainable.items():
        if parameter.grad is not None:
            along += float((parameter.grad * junk[name].conj()).sum().real)
            total += float(parameter.grad.abs().square().sum())
    size = sum(float(item.abs().square().sum()) for item in junk.values())
    if total and along / (total * size) ** 0.5 > 0.5:
        msg = "the gradients of the previous step are not cleared: call zero_grad()"
        raise Failed(msg)


@contextmanager
def _largest_gradients(
    parameters: dict[str, torch.nn.Parameter],
) -> Iterator[dict[str, torch.Tensor]]:
    """Record the largest gradient magnitude of each value, even if cleared later."""
    largest = {name: torch.zeros_like(item.abs()) for name, item in parameters.items()}

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
    n_steps: int,
) -> list[str]:
    """Return the parameters whose updates round to zero at the rate of those that move.

    The gradient of a bias before a batch norm is rounding error of about 1e-9. Plain
    gradient descent then moves the bias by less than the spacing of float32.
    """
    moved = {name: (item.detach() - before[name]).abs() for name, item in now.items()}
    rates = [
        float(moved[name].max() / gradients[name].max())
        for name in now
        if bool(moved[name].any()) and bool(gradients[name].any())
    ]
    if not rates:
        return []
    rate = median(rates) / n_steps
    return [
        name
        for name, old in before.items()
        if not bool(moved[name].any())
        and bool(gradients[name].any())
        # Require this of most values only: rounding errors have no constant direction,
        # so even a value near zero moves by less than its largest gradient suggests.
        and float((rate * gradients[name] <= _ulp(old)).double().mean()) > 0.5
    ]


def _ulp(values: torch.Tensor) -> torch.Tensor:
    size = values.abs()
    return torch.nextafter(size, torch.full_like(size, torch.inf)) - size


def _check_moves(
    detector: Detector, clips: Clips, n_steps: int
) -> tuple[list[float], str]:
    """Fail if the step leaves parameters unchanged."""
    run = _fresh(detector)
    # Parameters without a gradient in any loss are reported by `gradients`.
    alive = {name for name, size in detector.warm.gradients.items() if size}
    before = {
        name: item.detach().clone()
        for name, item in detector.trainable.items()
        if name in alive
    }
    values = []
    with _largest_gradients({n: detector.trainable[n] for n in before}) as gradients:
        for _ in range(n_steps):
            detector.mode(train=True)
            values.append(_value(run(clips)))
    has_gradient = any(bool(size.any()) for size in gradients.values())
    now = {name: item for name, item in detector.trainable.items() if name in before}
    still = [name for name, item in now.items() if torch.equal(item, before[name])]
    bad = [name for name, item in now.items() if not bool(item.isfinite().all())]
    if bad:
        msg = f"{len(bad)} parameters are NaN or Inf after {n_steps} steps"
        raise Failed(msg, place=list_names(bad))
    if len(still) == len(before):
        why = (
            "they have gradients: does the optimizer hold other parameters, or is "
            "optimizer.step() never called?"
            if has_gradient
            else "none has a gradient: is loss.backward() never called?"
        )
        msg = f"no parameter changes in {n_steps} steps; {why}"
        raise Failed(msg)
    excused = _too_small_to_move(before, now, gradients, n_steps)
    still = [name for name in still if name not in excused]
    if still:
        msg = (
            f"{len(still)} of {len(before)} trainable parameters do not change in "
            f"{n_steps} steps: are they missing from the optimizer?"
        )
        raise Failed(msg, place=list_names(group_names(still, detector.trainable)))
    known = [value for value in values if value is not None]
    small = ""
    if excused:
        small = (
            f", {len(excused)} have gradients too small to change them in float32 "
            f"({list_names(excused)}): biases before a norm?"
        )
    return known, f"{len(before) - len(excused)} parameters change{small}"


def _judge_trend(values: list[float], n_steps: int) -> str:
    """Fail if the step does not lower its own loss."""
    if len(values) < n_steps:
        return ""
    first, last = values[0], sum(values[-3:]) / 3
    if n_steps == N_STEPS and not last < first:
        msg = f"the loss does not fall in {n_steps} steps: {first:.4g} -> {last:.4g}"
        raise Failed(msg)
    return f"; loss {first:.3g} -> {last:.3g} in {n_steps} steps"
