"""A few training steps, with their gradients and the resulting state.

Some healthy heads are initialised to zero, so where that matters a model is judged
after these steps.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch import nn

from bgb_fixtures.smoke.optimizer import RelativeAdam
from bgb_fixtures.smoke.output import list_entries, to_tensor
from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.snapshot import ModelSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bgb_fixtures.smoke.clips import Clips
    from bgb_fixtures.smoke.detector import Detector

__all__ = ["WarmUp", "warm_up"]

STEPS = 3
MORE_STEPS = 12
"""Further steps for a model whose output does not yet depend on its input."""
EVERY = 4
RATE = 0.02


@dataclass
class WarmUp:
    """The result of a few training steps.

    `gradients` has the largest magnitude of each trainable parameter's gradient over
    all steps: NaN if one was not finite, 0 if there was none. `auxiliary` names the
    parameters that affect only other entries of the output. `ignores_input` states
    whether, in `state`, the output is the same for any input. `error` is the exception
    of a failed step.
    """

    losses: list[float] = field(default_factory=list)
    gradients: dict[str, float] = field(default_factory=dict)
    auxiliary: list[str] = field(default_factory=list)
    state: ModelSnapshot | None = None
    ignores_input: bool = False
    error: BaseException | None = None


def warm_up(detector: Detector) -> WarmUp:
    """Take a few training steps and store any exception except TimeLimitExceeded."""
    warm = WarmUp(gradients=dict.fromkeys(detector.trainable, 0.0))
    try:
        detector.need_gradients()
        if detector.trainable:
            with _plain_averages(detector.model):
                is_finite = _train(detector, warm)
            if is_finite:
                warm.state = ModelSnapshot(detector.model)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code
        warm.error = error
    return warm


@contextmanager
def _plain_averages(model: nn.Module) -> Iterator[None]:
    """Make batch norms average all batches equally, so that a few are enough.

    With the usual momentum of 0.1, the output of a deep network in eval mode is close
    to zero until about thirty batches were seen. Norms that never update are not
    changed.
    """
    norms = [
        (module, module.momentum)
        for module in model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.momentum
    ]
    for module, _ in norms:
        module.momentum = None
    try:
        yield
    finally:
        for module, momentum in norms:
            module.momentum = momentum


def _train(detector: Detector, warm: WarmUp) -> bool:
    """Take the steps; return whether all gradients were finite."""
    clips, budget = detector.clips, detector.budget
    detector.reset()
    detector.forget_gradients()
    optimizer = RelativeAdam(detector.model, rate=RATE)

    def step() -> None:
        start = perf_counter()
        detector.mode(train=True)
        loss = detector.loss(detector.forward(clips.signals), clips.labels)
        warm.losses.append(float(loss.detach()))
        if not loss.requires_grad:
            msg = (
                "the loss has no gradient: is the loss or the output detached, or "
                "computed under torch.no_grad()?"
            )
            raise Failed(msg)
        loss.backward()  # type: ignore[no-untyped-call]
        _note_gradients(detector, warm)
        optimizer.step()
        budget.step_s = perf_counter() - start

    for number in range(1, STEPS + 1):
        step()
        if not all(size < torch.inf for size in warm.gradients.values()):
            return False
        is_long = number * budget.step_s > 2 * budget.short_s
        if is_long and all(warm.gradients.values()):
            break
    warm.auxiliary = _find_auxiliary(detector, warm, clips)
    losses = list(warm.losses)
    for number in range(MORE_STEPS):
        if number % EVERY == 0:
            warm.ignores_input = _ignores_input(detector)
            if not warm.ignores_input:
                break
        step()
    warm.losses = losses
    return True


def _ignores_input(detector: Detector) -> bool:
    detector.mode(train=False)
    try:
        return detector.ignores_input(detector.probe(passes=2))
    except Skipped:
        return False  # Too slow to decide.


def _note_gradients(detector: Detector, warm: WarmUp) -> None:
    for name, parameter in detector.trainable.items():
        if parameter.grad is not None and warm.gradients[name] < torch.inf:
            gradient = parameter.grad.detach()
            size = float(gradient.abs().max()) if gradient.numel() else 1.0
            finite = size < torch.inf
            warm.gradients[name] = (
                max(warm.gradients[name], size) if finite else torch.nan
            )


def _find_auxiliary(detector: Detector, warm: WarmUp, clips: Clips) -> list[str]:
    """Return the parameters without a gradient that affect other output entries."""
    dead = {name for name, size in warm.gradients.items() if size == 0}
    if not dead:
        return []
    entries = list_entries(detector.known_contract().run(detector.model, clips.signals))
    logits = detector.output.pick(entries)
    total = sum(
        item.float().sum()
        for item in map(to_tensor, entries.values())
        if isinstance(item, torch.Tensor)
        and item is not logits
        and item.requires_grad
        and item.is_floating_point()
    )
    if not isinstance(total, torch.Tensor):
        return []
    parameters = {n: item for n, item in detector.trainable.items() if n in dead}
    found: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
        total, list(parameters.values()), allow_unused=True
    )
    return [
        name
        for name, gradient in zip(parameters, found, strict=True)
        if gradient is not None and bool(gradient.any())
    ]
