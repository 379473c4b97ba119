"""Output of a detector: logits per sample, step or window, for one or more classes.

Invariant: whatever the axes, `scores` returns one number per sample, step or window,
higher for ictal ones. An ambiguous output is never reshaped.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch

from bgb_fixtures.smoke.report import Failed

__all__ = ["Entry", "OutputContract", "describe", "list_entries", "read_axes"]

Entry: TypeAlias = str | int | None
"""Key or index of the logits in a dict or tuple; None where the output is a tensor."""

MAX_CLASSES = 32
"""An axis with more values than this, the same for every length, is features."""
MAX_CLASSES_UNSURE = 16
"""Limit for a model that accepts only one length: more values are time steps."""
FINE_STEP = 8
"""Number of samples; a step shorter than this must divide the window evenly."""

_WORDS = {1: "one logit", 2: "two logits"}


def to_tensor(value: Any) -> Any:
    """Return a numpy array as a tensor, and anything else unchanged."""
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def describe(value: Any) -> str:
    """Return the shape and dtype of an array, or the type of anything else, as text."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return type(value).__name__


def list_entries(output: Any) -> dict[Entry, Any]:
    """Return the entries of an output by key or index; a single tensor under None."""
    if isinstance(output, Mapping):
        return dict(output)
    if isinstance(output, tuple | list):
        return dict(enumerate(output))
    if is_dataclass(output) and not isinstance(output, type):
        return {item.name: getattr(output, item.name) for item in fields(output)}
    return {None: output}


def read_axes(
    shape: tuple[int, ...],
    *,
    n_windows: int,
    n_times: int,
    half: tuple[int, ...] | None,
) -> str | None:
    """Return a letter per axis (B, T samples, S steps, K classes, 1); None if invalid.

    `half` is the shape for windows of half the length; None if unknown.
    """
    if not shape or shape[0] != n_windows:
        return None
    letters = ["B"]
    for axis, size in enumerate(shape[1:], start=1):
        grows = half is not None and len(half) == len(shape) and half[axis] != size
        if size == 1:
            letters.append("1")
        elif size == n_times:
            letters.append("T")
        elif grows or (half is None and size > MAX_CLASSES_UNSURE):
            letters.append("S")
        else:
            letters.append("K")
    sizes = dict(zip(letters, shape, strict=True))
    most = MAX_CLASSES if half is not None else MAX_CLASSES_UNSURE
    rest = [letter for letter in letters[1:] if letter != "1"]
    if len(rest) != len(set(rest)) or {"S", "T"} <= set(rest):
        return None
    if sizes.get("K", 1) > most or not _is_step(sizes.get("S"), n_times):
        return None
    return "".join(letters)


def _is_step(n_steps: int | None, n_times: int) -> bool:
    if n_steps is None:
        return True
    return n_steps * FINE_STEP <= n_times or n_times % n_steps == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputContract:
    """Meaning of the axes of the logits, their entry, and the seizure classes."""

    axes: str
    n_classes: int = 1
    positive: tuple[int, ...] = (0,)
    entry: Entry = None
    step: float = 1.0
    """Samples per value along the time axis."""
    others: tuple[Entry, ...] = ()
    """Other entries that could be the logits."""
    is_numpy: bool = False
    sfreq: float = 256.0

    @property
    def per_window(self) -> bool:
        """Whether there is one score per window, without a time axis."""
        return "T" not in self.axes and "S" not in self.axes

    @property
    def time_axis(self) -> int:
        """The axis of samples or steps; valid unless `per_window`."""
        return max(self.axes.find("T"), self.axes.find("S"))

    @property
    def class_axis(self) -> int:
        """The axis of the classes; valid only if there are several."""
        return self.axes.index("K")

    def n_steps(self, n_times: int) -> int:
        """Return the number of time steps in the scores of a window of `n_times`."""
        return n_times if "T" in self.axes else round(n_times / self.step)

    def pick(self, output: Any) -> torch.Tensor:
        """Return the logits from the output of the model, in training or eval mode."""
        entries = list_entries(output)
        if None in entries:
            value = entries[None]
        elif self.entry in entries:
            value = entries[self.entry]
        else:
            tensors = (to_tensor(item) for item in entries.values())
            value = next(
                (
                    item
                    for item in tensors
                    if isinstance(item, torch.Tensor) and item.ndim == len(self.axes)
                ),
                output,
            )
        value = to_tensor(value)
        if not isinstance(value, torch.Tensor):
            msg = f"returned {describe(value)} this time, not a tensor"
            raise Failed(msg)
        return value

    def replace(self, output: Any, logits: torch.Tensor) -> Any:
        """Return a copy of the output, of the same type, with other logits."""
        if isinstance(output, tuple):
            index = self.entry if isinstance(self.entry, int) else 0
            items = [logits if i == index else v for i, v in enumerate(output)]
            return output._make(items) if hasattr(output, "_make") else tuple(items)
        if isinstance(output, Mapping | list):
            changed: Any = copy.copy(output)
            changed[self.entry] = logits
            return changed
        if is_dataclass(output) and not isinstance(output, type):
            return replace(output, **{str(self.entry): logits})
        return logits

    def check_shape(
        self, tensor: torch.Tensor, *, n_windows: int, n_times: int
    ) -> None:
        """Fail if the shape of the logits does not match the axes."""
        n_steps = self.n_steps(n_times)
        sizes = {
            "B": n_windows,
            "T": n_times,
            "S": n_steps,
            "K": self.n_classes,
            "1": 1,
        }
        expected = tuple(sizes[letter] for letter in self.axes)
        obtained = tuple(tensor.shape)
        # A convolution without padding may return one step less.
        slack = {self.time_axis} if "S" in self.axes else set()
        right = len(obtained) == len(expected) and all(
            found == size or (axis in slack and abs(found - size) <= 1)
            for axis, (found, size) in enumerate(zip(obtained, expected, strict=True))
        )
        if not right:
            msg = (
                f"{n_windows} windows of {n_times} samples: expected output "
                f"{expected} as {self.layout}, got {obtained}"
            )
            raise Failed(msg)

    def scores(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the log odds of a seizure, (n_windows, n_steps) or (n_windows,)."""
        if self.n_classes > 1:
            tensor = self._reduce_classes(tensor)
        return tensor.flatten(1) if not self.per_window else tensor.flatten()

    def _reduce_classes(self, tensor: torch.Tensor) -> torch.Tensor:
        classes = tensor.unbind(self.class_axis)
        ictal = [classes[index] for index in self.positive]
        rest = [item for i, item in enumerate(classes) if i not in self.positive]
        if len(ictal) == len(rest) == 1:
            return ictal[0] - rest[0]
        score = torch.logsumexp(torch.stack(ictal), 0)
        return score - torch.logsumexp(torch.stack(rest), 0) if rest else score

    def from_scores(self, scores: torch.Tensor) -> torch.Tensor:
        """Return logits, with all their axes, that correspond to `scores`."""
        if self.n_classes > 1:
            n_ictal = len(self.positive)
            n_rest = self.n_classes - n_ictal
            half = scores / 2 if n_rest else scores
            ictal = half - math.log(n_ictal)
            rest = -half - math.log(max(n_rest, 1))
            scores = torch.stack(
                [ictal if i in self.positive else rest for i in range(self.n_classes)],
                dim=self.axes.replace("1", "").index("K"),
            )
        for axis, letter in enumerate(self.axes):
            if letter == "1":
                scores = scores.unsqueeze(axis)
        return scores

    def scores_of_gradient(self, gradient: torch.Tensor) -> torch.Tensor:
        """Convert a gradient with respect to logits to one with respect to scores.

        This is the chain rule through `from_scores`, in which every seizure class rises
        by the same amount as every other class falls.
        """
        if self.n_classes > 1:
            weights = [-0.5] * self.n_classes
            for index in self.positive:
                weights[index] = 0.5 if len(self.positive) < self.n_classes else 1.0
            classes = gradient.unbind(self.class_axis)
            pairs = zip(weights, classes, strict=True)
            gradient = torch.stack([weight * item for weight, item in pairs]).sum(0)
        return gradient.flatten(1) if not self.per_window else gradient.flatten()

    def reduce_labels(self, labels: torch.Tensor, n_steps: int | None) -> torch.Tensor:
        """Reduce labels per sample to labels per score, ictal if any of its samples is.

        `n_steps` is the number of time steps per window; None for the expected number.
        """
        if self.per_window:
            return labels.amax(1)
        n_times = labels.shape[1]
        count = n_steps or self.n_steps(n_times)
        if count == n_times:
            return labels
        edges = torch.linspace(0, n_times, count + 1).round().long().tolist()
        spans = itertools.pairwise(edges)
        return torch.stack([labels[:, a:b].amax(1) for a, b in spans], 1)

    @property
    def layout(self) -> str:
        """The axes as text, such as ``(B, 1, T)`` or ``(B, 2)``."""
        letters = [str(self.n_classes) if a == "K" else a for a in self.axes]
        return f"({', '.join(letters)}{',' if len(letters) == 1 else ''})"

    def __str__(self) -> str:
        """Describe the output."""
        what = _WORDS.get(self.n_classes, f"{self.n_classes} logits")
        if self.n_classes == 2 and self.positive == (1,):
            what += " (background, seizure)"
        elif self.n_classes > 1:
            classes = ", ".join(map(str, self.positive))
            what += f" (seizure: class {classes})"
        per = "window" if self.per_window else "sample"
        if "S" in self.axes:
            per = f"{self.step:g} samples ({self.step / self.sfreq:.3g} s)"
        where = "" if self.entry is None else f", entry {self.entry!r} of the output"
        if self.others:
            names = " or ".join(repr(str(name)) for name in self.others)
            where += f" (--output: {names} instead)"
        return f"{what} per {per}, {self.layout}{where}"
