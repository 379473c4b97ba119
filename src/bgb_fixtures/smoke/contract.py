"""Find out what a model gives: the shape of its output, from its behaviour.

Invariant: whatever the layout, `scores` gives one number per sample or per window, the
higher the more ictal; nothing is reshaped that could be read in two ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Contract", "find_contract"]

PER_SAMPLE = ("(B, T)", "(B, 1, T)", "(B, T, 1)", "(B, 2, T)", "(B, T, 2)")
PER_WINDOW = ("(B,)", "(B, 1)", "(B, 2)")


def _axes(layout: str) -> list[str]:
    return layout.strip("()").replace(",", " ").split()


def _shape(layout: str, n_windows: int, n_times: int) -> tuple[int, ...]:
    sizes = {"B": n_windows, "T": n_times}
    return tuple(sizes.get(word) or int(word) for word in _axes(layout))


def _to_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return type(value).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Say what a model's output is.

    Attributes
    ----------
    layout : str
        One of `PER_SAMPLE` or `PER_WINDOW`, with B windows and T samples.
    entry : str, int or None
        Key or index of the tensor in a dict or tuple; None if the output is a tensor.
    """

    layout: str
    entry: str | int | None = None

    @property
    def per_sample(self) -> bool:
        """Whether there is a logit for every sample, not one for the window."""
        return self.layout in PER_SAMPLE

    @property
    def two_classes(self) -> bool:
        """Whether there are two logits, background first, then seizure."""
        return "2" in self.layout

    @property
    def class_axis(self) -> int:
        """The axis of the two classes; only where there are two."""
        return _axes(self.layout).index("2")

    def tensor(self, output: Any) -> torch.Tensor:
        """Take the tensor out of what the model returned.

        Parameters
        ----------
        output : object
            As the model returned it.

        Returns
        -------
        tensor : torch.Tensor
            Logits in `layout`.
        """
        value = _to_tensor(output if self.entry is None else output[self.entry])
        if not isinstance(value, torch.Tensor):
            msg = f"returned {_describe(value)} this time, not a tensor"
            raise Failed(msg)
        return value

    def check_shape(
        self, tensor: torch.Tensor, *, n_windows: int, n_times: int
    ) -> None:
        """Refuse a tensor of another shape than the layout says.

        Parameters
        ----------
        tensor : torch.Tensor
            Logits.
        n_windows, n_times : int
            Size of the input.

        Raises
        ------
        Failed
            If the shape differs.
        """
        expected = _shape(self.layout, n_windows, n_times)
        if tuple(tensor.shape) != expected:
            msg = (
                f"{n_windows} windows of {n_times} samples: expected output "
                f"{expected} as {self.layout}, got {tuple(tensor.shape)}"
            )
            raise Failed(msg)

    def scores(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return one logit per sample or window.

        Parameters
        ----------
        tensor : torch.Tensor
            Logits in `layout`.

        Returns
        -------
        scores : torch.Tensor, shape (n_windows, n_times) or (n_windows,)
            Log odds of a seizure.
        """
        if self.two_classes:
            background, seizure = tensor.unbind(self.class_axis)
            return seizure - background
        axes = _axes(self.layout)
        return tensor.squeeze(axes.index("1")) if "1" in axes else tensor

    def from_scores(self, scores: torch.Tensor) -> torch.Tensor:
        """Return logits in `layout` that have these scores.

        Parameters
        ----------
        scores : torch.Tensor, shape (n_windows, n_times) or (n_windows,)
            Log odds of a seizure.

        Returns
        -------
        tensor : torch.Tensor
            Logits in `layout`.
        """
        if self.two_classes:
            return torch.stack([-scores / 2, scores / 2], dim=self.class_axis)
        axes = _axes(self.layout)
        return scores.unsqueeze(axes.index("1")) if "1" in axes else scores

    def __str__(self) -> str:
        """Say in words what comes out."""
        what = "two logits (background, seizure)" if self.two_classes else "one logit"
        per = "sample" if self.per_sample else "window"
        where = "" if self.entry is None else f", entry {self.entry!r} of the output"
        return f"{what} per {per}, {self.layout}{where}"


def _layout_of(value: Any, n_windows: int, n_times: int) -> str | None:
    value = _to_tensor(value)
    if not isinstance(value, torch.Tensor):
        return None
    for layout in (*PER_SAMPLE, *PER_WINDOW):
        if tuple(value.shape) == _shape(layout, n_windows, n_times):
            return layout
    return None


def find_contract(
    forward: Callable[[torch.Tensor], Any], signals: torch.Tensor
) -> Contract:
    """Run a model once and find out what its output means.

    Parameters
    ----------
    forward : callable
        The model.
    signals : torch.Tensor of float32, shape (n_windows, n_channels, n_times)
        At least 3 windows, so that no other size can be taken for theirs.

    Returns
    -------
    contract : Contract
        The layout.

    Raises
    ------
    Failed
        If the output fits no layout, or several entries of a dict do.
    """
    n_windows, _, n_times = signals.shape
    output = forward(signals)
    entry: str | int | None = None
    value = output
    if isinstance(output, Mapping):
        fitting = [
            key for key, item in output.items() if _layout_of(item, n_windows, n_times)
        ]
        if len(fitting) != 1:
            found = ", ".join(f"{key!r}: {_describe(v)}" for key, v in output.items())
            msg = (
                f"returns a dict of which {len(fitting)} entries could be the logits "
                f"({found}); return a tensor, or a dict with one"
            )
            raise Failed(msg)
        entry = fitting[0]
        value = output[entry]
    elif isinstance(output, tuple | list):
        if not output:
            msg = f"returns an empty {type(output).__name__}; expected a tensor"
            raise Failed(msg)
        entry, value = 0, output[0]
    if not isinstance(_to_tensor(value), torch.Tensor):
        first = "" if entry is None else f" whose entry {entry!r} is"
        msg = (
            f"returns {type(output).__name__ if first else ''}{first} "
            f"{type(value).__name__}; expected a tensor of logits"
        )
        raise Failed(" ".join(msg.split()))
    layout = _layout_of(value, n_windows, n_times)
    if layout is None:
        msg = (
            f"{n_windows} windows {tuple(signals.shape)} gave output "
            f"{tuple(value.shape)}; expected one logit per sample "
            f"{_shape('(B, T)', n_windows, n_times)}, also (B, 1, T), (B, T, 1), two "
            "classes (B, 2, T) or (B, T, 2), or per window (B,), (B, 1) or (B, 2)"
        )
        raise Failed(msg)
    dtype = _to_tensor(value).dtype
    if not dtype.is_floating_point:
        name = str(dtype).removeprefix("torch.")
        msg = f"gives {name}; expected floating-point logits"
        raise Failed(msg)
    return Contract(layout=layout, entry=entry)
