"""Detect by trial how a detector takes its windows and what it returns.

Invariant: only this module guesses. All others use the contract.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parameter import is_lazy

from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke.layout import InputLayout, advise_shape, layouts_to_try
from bgb_fixtures.smoke.limits import describe_error
from bgb_fixtures.smoke.output import (
    Entry,
    OutputContract,
    describe,
    list_entries,
    read_axes,
    to_tensor,
)
from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.smoke.options import Declaration

__all__ = ["Contract", "Unfit", "find_contract", "has_lazy_parameters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The input layout and the output of a detector."""

    layout: InputLayout
    output: OutputContract

    def run(self, model: Any, signals: torch.Tensor) -> Any:
        """Run the model on windows (B, C, T) and return its output unchanged."""
        return model(self.layout.arrange(signals))

    def __str__(self) -> str:
        """Describe the output, and the input unless it is (B, C, T)."""
        plain = self.layout == InputLayout()
        return str(self.output) if plain else f"input {self.layout}; {self.output}"


class Unfit(Failed):
    """The verdict on a model that runs in no layout: the error and advice."""

    def __init__(self, failed: Failed, advice: str) -> None:
        super().__init__(f"{failed.reason}. {advice}", place=failed.place)
        self.without_advice = failed.reason


def has_lazy_parameters(model: Any) -> bool:
    """Return whether a model has lazy parameters or buffers, still without a shape."""
    if not isinstance(model, torch.nn.Module):
        return False
    return any(map(is_lazy, (*model.parameters(), *model.buffers())))


def find_contract(
    model: Any,
    signals: torch.Tensor,
    *,
    declared: Declaration,
    sfreq: float,
    undo: Callable[[], None],
    advise: bool = True,
) -> Contract:
    """Run a model on windows (B, C, T) in one layout after the other until one fits.

    `signals` has at least three windows, so that no other axis is mistaken for theirs.
    `undo` restores the model after each attempt. Raises Failed if no layout fits, with
    the error in the first layout and, unless `advise` is False, options that change the
    shape of the input. An ImportError from the model is not caught.
    """
    _, n_channels, n_times = signals.shape
    if declared.layout is None:
        numpy = not isinstance(model, torch.nn.Module)
        layouts = layouts_to_try(sfreq, n_times, numpy=numpy)
    else:
        layouts = [InputLayout.parse(declared.layout)]
    lazy = has_lazy_parameters(model)

    def read(layout: InputLayout) -> Contract:
        # A lazy layer takes its shape from its first input, even in a wrong layout.
        tried = copy.deepcopy(model) if lazy else model
        shown = signals[:, :, : layout.whole(n_times)]
        return _read(tried, shown, layout, declared=declared, sfreq=sfreq)

    def runs(layout: InputLayout) -> bool:
        try:
            read(layout)
        except Exception:  # noqa: BLE001 - whatever a model raises
            return False
        finally:
            undo()
        return True

    reasons: list[tuple[InputLayout, Failed | Exception]] = []
    for layout in layouts:
        try:
            return read(layout)
        except (ImportError, SpecError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model raises
            reasons.append((layout, error))
        undo()
    # Report the first layout in which the model ran, otherwise the first layout.
    unreadable = (item for _, item in reasons if isinstance(item, Failed))
    failed = next(unreadable, None)
    if failed is not None:
        raise failed
    failed = _explain(reasons, signals)
    if not advise:
        raise failed
    advice = advise_shape(n_channels, n_times, sfreq, tried=layouts, runs=runs)
    raise Unfit(failed, advice)


def _explain(
    reasons: list[tuple[InputLayout, Failed | Exception]], signals: torch.Tensor
) -> Failed:
    """Return why the first layout does not fit."""
    layout, error = reasons[0]
    reason, place = describe_error(error)
    shape = tuple(layout.arrange(signals[:, :, : layout.whole(signals.shape[2])]).shape)
    codes = ", ".join(dict.fromkeys(item.code for item, _ in reasons))
    others = f". It fails in every common layout ({codes})" if len(reasons) > 1 else ""
    msg = f"input {shape}, as {layout}: {reason}{others}"
    return Failed(msg, place=place)


def _read(
    model: Any,
    signals: torch.Tensor,
    layout: InputLayout,
    *,
    declared: Declaration,
    sfreq: float,
) -> Contract:
    """Run a model in one layout and interpret its output."""
    n_windows, _, n_times = signals.shape
    output = model(layout.arrange(signals))
    entries = list_entries(output)
    if not entries:
        msg = f"returns an empty {type(output).__name__}; expected a tensor of logits"
        raise Failed(msg)
    half: dict[Entry, Any] | None = None

    def axes_of(entry: Entry) -> str | None:
        nonlocal half
        value = to_tensor(entries[entry])
        if not isinstance(value, torch.Tensor):
            return None
        shape = tuple(value.shape)
        sizes = {size for size in shape[1:] if size not in (1, n_times)}
        if not sizes or (len(sizes) == 1 and 2 in sizes) or n_times in shape[1:]:
            return read_axes(shape, n_windows=n_windows, n_times=n_times, half=shape)
        if half is None:
            half = _run_on_half(model, signals, layout)
        other = to_tensor(half.get(entry))
        found = tuple(other.shape) if isinstance(other, torch.Tensor) else None
        return read_axes(shape, n_windows=n_windows, n_times=n_times, half=found)

    entry, others = _choose_entry(entries, axes_of, declared.output)
    value = to_tensor(entries[entry])
    axes = axes_of(entry)
    if not isinstance(value, torch.Tensor) or axes is None:
        raise _unreadable(entries, entry, n_windows, n_times)
    if not value.dtype.is_floating_point:
        name = str(value.dtype).removeprefix("torch.")
        msg = f"gives {name}; expected floating-point logits"
        raise Failed(msg)
    sizes = dict(zip(axes, value.shape, strict=True))
    n_classes = sizes.get("K", 1)
    return Contract(
        layout=layout,
        output=OutputContract(
            axes=axes,
            n_classes=n_classes,
            positive=_positive_classes(declared.positive_classes, n_classes),
            entry=entry,
            step=n_times / sizes["S"] if "S" in sizes else 1.0,
            others=others,
            is_numpy=not isinstance(entries[entry], torch.Tensor),
            sfreq=sfreq,
        ),
    )


def _run_on_half(
    model: Any, signals: torch.Tensor, layout: InputLayout
) -> dict[Entry, Any]:
    """Return the entries for windows of half the length; empty if the model fails."""
    try:
        n_times = layout.whole(signals.shape[2] // 2)
        return list_entries(model(layout.arrange(signals[:, :, :n_times])))
    except Exception:  # noqa: BLE001 - whatever a model raises
        return {}


def _choose_entry(
    entries: dict[Entry, Any],
    axes_of: Callable[[Entry], str | None],
    declared: str | None,
) -> tuple[Entry, tuple[Entry, ...]]:
    """Return the entry of the logits and the other entries that could be logits.

    By convention, the logits are the first entry of a tuple. In a dict they are the
    entry ``logits``, otherwise the first one with valid axes.
    """
    if declared is not None:
        for entry in entries:
            if str(entry) == declared and entry is not None:
                return entry, ()
        if None in entries:
            msg = f"the output is a single value, {describe(entries[None])}; drop --output"
            raise Failed(msg)
        known = ", ".join(f"{key!r}: {describe(v)}" for key, v in entries.items())
        msg = f"the output has no entry {declared!r} (--output); it has {known}"
        raise Failed(msg)
    if None in entries:
        return None, ()
    if 0 in entries:
        return 0, ()
    fitting = [entry for entry in entries if axes_of(entry) is not None]
    if not fitting:
        return next(iter(entries)), ()
    if "logits" in fitting:
        return "logits", ()
    return fitting[0], tuple(fitting[1:])


def _unreadable(
    entries: dict[Entry, Any], entry: Entry, n_windows: int, n_times: int
) -> Failed:
    value = entries[entry]
    where = "" if entry is None else f"entry {entry!r} of the output is "
    if not isinstance(to_tensor(value), torch.Tensor):
        return Failed(
            f"{where or 'returns '}{describe(value)}; expected a tensor of logits"
        )
    few = n_times - value.shape[-1] if value.ndim > 1 else 0
    hint = ""
    if 0 < few < n_times // 8:
        hint = (
            f": {few} samples short, as a convolution without padding makes it. Pad the "
            "input or the output"
        )
    return Failed(
        f"{where or 'output is '}{describe(value)}{hint}; expected one logit per sample "
        f"{(n_windows, n_times)}, per step (B, S) or per window (B,), with an axis for "
        "classes if there are several"
    )


def _positive_classes(declared: tuple[int, ...], n_classes: int) -> tuple[int, ...]:
    """Return the seizure classes; the default is all but the first."""
    wrong = [index for index in declared if not 0 <= index < n_classes]
    if wrong:
        known = "one class (0)" if n_classes == 1 else f"classes 0 to {n_classes - 1}"
        msg = f"--positive-class {wrong[0]}: the output has {known}"
        raise SpecError(msg)
    if n_classes == 1:
        return (0,)
    return tuple(sorted(set(declared))) or tuple(range(1, n_classes))
