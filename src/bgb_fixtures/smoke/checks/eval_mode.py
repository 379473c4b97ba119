"""Checks that in eval mode the output is a function of one window only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.smoke.checks.measure import (
    close,
    module_name,
    rms,
    same,
    show_difference,
    spread,
)
from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.snapshot import set_seed

if TYPE_CHECKING:
    from torch import nn

    from bgb_fixtures.smoke.detector import Detector

__all__ = ["batch", "repeat", "single"]

BY_BATCH = "dynamic quantisation uses one scale for the whole batch"


def repeat(detector: Detector) -> str:
    """Repeat an input, at once and after another input, and compare the outputs."""
    signals = detector.probe(passes=4).clone()
    detector.reset()
    detector.mode(train=False)
    kept = signals.clone()
    contract = detector.known_contract()
    with torch.no_grad():
        logits = contract.output.pick(contract.run(detector.model, signals))
    if not torch.equal(signals, kept):
        largest = float((signals - kept).abs().max())
        msg = (
            f"the model modifies its input in place (largest change {largest:.3g}); "
            "copy it first"
        )
        raise Failed(msg)
    first = contract.output.scores(logits).double()
    again = detector.scores(kept)
    detector.scores(kept.flip(0) * 2)
    later = detector.scores(kept)
    unit = spread(detector, first)
    for what, scores in (("at once", again), ("after another input", later)):
        difference = rms(scores - first) / unit
        if not difference <= same(detector):
            why, place = _explain(detector, kept)
            msg = (
                f"the same input again, {what}, gives another output (difference "
                f"{show_difference(difference)}): {why}"
            )
            raise Failed(msg, place=place)
    rounding = "" if torch.equal(first, later) else ", except for rounding"
    return f"the same input gives the same output{rounding}"


def _explain(detector: Detector, signals: torch.Tensor) -> tuple[str, str]:
    """Return the cause, random numbers or a stored state, and the module."""
    outputs = []
    for shown in (signals, signals.flip(0) * 2, signals):
        set_seed(detector.seed)
        outputs.append(detector.scores(shown))
    if rms(outputs[2] - outputs[0]) <= same(detector) * spread(detector, outputs[0]):
        return (
            "random numbers are drawn in eval mode; dropout(..., training=True)?",
            _changing_module(detector, signals),
        )
    return "the model keeps state between calls", _changing_module(detector, signals)


def _changing_module(detector: Detector, signals: torch.Tensor) -> str:
    """Return the first module whose output differs for the same input, or ""."""
    outputs: dict[int, torch.Tensor] = {}
    found: list[str] = []

    def watch(module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or found:
            return
        before = outputs.setdefault(id(module), output.detach().clone())
        if before.shape == output.shape and not torch.allclose(
            before, output, rtol=1e-4, atol=1e-6
        ):
            found.append(module_name(detector.model, module))

    handles = [module.register_forward_hook(watch) for module in detector.hookable]
    try:
        for _ in range(2):
            detector.scores(signals)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def single(detector: Detector) -> str:
    """Run the model on a single window and compare with the batch."""
    signals = detector.probe(passes=2, least=2)
    detector.reset()
    detector.mode(train=False)
    many = detector.scores(signals)
    one = detector.scores(signals[:1])
    if _is_scaled_by_batch(detector):
        return f"a window alone is accepted; its output is not compared: {BY_BATCH}"
    difference = rms(one[0] - many[0]) / spread(detector, many)
    if not difference <= close(detector):
        msg = (
            "a window alone gives another output than in a batch (difference "
            f"{show_difference(difference)})"
        )
        raise Failed(msg)
    return (
        "a window alone gives the same output as in a batch (difference "
        f"{show_difference(difference)})"
    )


def _is_scaled_by_batch(detector: Detector) -> bool:
    return any(".dynamic" in type(module).__module__ for module in detector.quantised)


def batch(detector: Detector) -> str:
    """Change the other windows of a batch and compare the output."""
    if _is_scaled_by_batch(detector):
        raise Skipped(BY_BATCH)
    signals = detector.probe(passes=3, least=2)
    detector.reset_warm()
    detector.mode(train=False)
    scores = detector.scores(signals)
    unit = spread(detector, scores)
    changed = signals.clone()
    changed[1:] = 10 * signals[1:].flip(0) + 1
    alone = rms(detector.scores(changed)[0] - scores[0]) / unit
    if not alone <= same(detector):
        msg = (
            "other windows in the batch change the output of the first one (difference "
            f"{show_difference(alone)}): statistics over the batch in eval mode?"
        )
        raise Failed(msg)
    turned = rms(detector.scores(signals.roll(1, 0)).roll(-1, 0) - scores) / unit
    if not turned <= close(detector):
        msg = (
            "the order of the windows in the batch changes their outputs (difference "
            f"{show_difference(turned)})"
        )
        raise Failed(msg)
    return (
        "other windows in the batch have no effect (difference "
        f"{show_difference(alone)})"
    )
