"""Optimizer of the checks, with one learning rate that suits every detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

__all__ = ["RelativeAdam"]


def _as_real(tensor: torch.Tensor) -> torch.Tensor:
    """Return a view as real numbers, two per complex value."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


class RelativeAdam:
    """Adam with steps of `rate` times the root mean square of each tensor.

    Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980. Adam does not depend on the
    scale of the loss, and relative steps do not depend on the scale of the weights. So
    one rate suits models that start at a loss of 0.7 and of 100. Parameters of less
    than 32 bits are updated in float32, as 1e-20 and the squares of small gradients are
    zero in float16. torch.optim is not used because creating the first optimizer
    imports torch's compiler, which takes 0.9 s.
    """

    def __init__(self, model: nn.Module, *, rate: float) -> None:
        self._steps = 0
        self._entries = []
        for parameter in model.parameters():
            if not parameter.requires_grad:
                continue
            values = _as_real(parameter.detach())
            exact = values if values.element_size() >= 4 else values.float()
            size = float(exact.square().mean().sqrt()) if exact.numel() else 0.0
            self._entries.append(
                (
                    parameter,
                    values,
                    exact,
                    rate * max(size, 0.02),
                    torch.zeros_like(exact),
                    torch.zeros_like(exact),
                )
            )

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and clear the gradient."""
        self._steps += 1
        first, second = 1 - 0.9**self._steps, 1 - 0.99**self._steps
        for parameter, values, exact, rate, mean, square in self._entries:
            if parameter.grad is None:
                continue
            gradient = _as_real(parameter.grad).to(exact.dtype)
            parameter.grad = None
            mean.lerp_(gradient, 0.1)
            square.lerp_(gradient.square(), 0.01)
            root = (square / second).sqrt_().add_(1e-20)
            exact.sub_(rate / first * mean / root)
            if exact is not values:
                values.copy_(exact)
