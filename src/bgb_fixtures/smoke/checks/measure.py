"""Measurement of differences, shared by the checks.

Differences are in units of the spread of the scores. Rounding in float32, including the
effect of other kernels for another batch size, stays below 1e-4 in all healthy models
of tools/smoke_gallery.py.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from bgb_fixtures.smoke.detector import Detector

__all__ = [
    "check_finite",
    "close",
    "module_name",
    "rms",
    "same",
    "show_difference",
    "spread",
]


def same(detector: Detector) -> float:
    """Return the largest difference due to rounding, in units of the spread."""
    return max(1e-4, 16 * torch.finfo(detector.dtype).eps)


def close(detector: Detector) -> float:
    """Return the largest difference due to another order of summation."""
    return max(1e-2, 64 * torch.finfo(detector.dtype).eps)


def spread(detector: Detector, scores: torch.Tensor) -> float:
    """Return the unit of differences: the standard deviation unless rounding is larger.

    Rounding is relative to the magnitude of the scores, which may vary only little.
    """
    deviation = float((scores - scores.mean()).square().mean().sqrt())
    size = float(scores.square().mean().sqrt())
    rounding = 8 * torch.finfo(detector.dtype).eps * size
    return max(deviation, rounding / same(detector), 1e-30)


def show_difference(difference: float) -> str:
    """Format a difference in units of the spread, with a self-explanatory unit."""
    if not difference:
        return "0"
    return f"{difference:.2g} times the standard deviation of the outputs"


def rms(difference: torch.Tensor) -> float:
    """Return the root mean square."""
    return float(difference.square().mean().sqrt())


def module_name(model: nn.Module, module: nn.Module) -> str:
    """Return the path of a module in the model, and its class."""
    names = {id(item): name for name, item in model.named_modules()}
    kind = type(module).__name__
    return f"{names[id(module)]} ({kind})" if names.get(id(module)) else kind


def check_finite(detector: Detector, signals: torch.Tensor, what: str) -> torch.Tensor:
    """Return the logits for `signals`; fail, naming `what`, unless all are finite."""
    with torch.no_grad(), _first_bad_module(detector) as found:
        logits = detector.forward(signals)
    if bool(logits.isfinite().all()):
        return logits
    kind = "NaN" if bool(logits.isnan().any()) else "Inf"
    share = float((~logits.isfinite()).float().mean())
    msg = f"{what}: {kind} in {share:.1%} of the output"
    raise Failed(msg, place=found[0] if found else "")


@contextmanager
def _first_bad_module(detector: Detector) -> Iterator[list[str]]:
    """Yield a list to hold the name of the first module that outputs NaN or Inf."""
    found: list[str] = []

    def watch(module: nn.Module, inputs: Any, output: Any) -> None:
        # Children return before their parents, so the first one is the innermost.
        if not found and _has_bad(output) and not _has_bad(inputs):
            found.append(module_name(detector.model, module))

    handles = [module.register_forward_hook(watch) for module in detector.hookable]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _has_bad(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point() and not bool(value.isfinite().all())
    if isinstance(value, tuple | list):
        return any(map(_has_bad, value))
    return isinstance(value, dict) and any(map(_has_bad, value.values()))
