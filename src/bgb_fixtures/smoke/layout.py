"""Input layouts of a detector: the order of the axes, or patches.

Invariant: `arrange` and `restore` are inverses of each other; neither changes a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke.limits import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import torch

__all__ = ["InputLayout", "advise_shape", "describe_windows", "layouts_to_try"]

_PATCHES = re.compile(r"BCS([1-9][0-9]{0,6})")
_UNCOMMON = ("BC1T", "BCT1", "B1TC", "BTC1", "BT1C")
"""Tried for advice only, as a detector for another shape may run in one by chance."""
_ADVICE_S = 2.0
"""Seconds after which no further layout is tried for advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLayout:
    """The arrangement of windows (B, C, T) in the input of the detector.

    `axes` has one letter per axis: B, C, T and any number of 1. For patches it is BCS,
    and the input is (B, C, S, patch) with `patch` samples per patch.
    """

    axes: str = "BCT"
    patch: int = 0
    as_numpy: bool = False

    @classmethod
    def parse(cls, text: str) -> InputLayout:
        """Return the layout that a text such as ``"B1CT"`` or ``"BCS200"`` describes."""
        axes = re.sub(r"[\s(),]", "", text).upper()
        patches = _PATCHES.fullmatch(axes)
        if patches:
            return cls(axes="BCS", patch=int(patches[1]))
        if axes.startswith("B") and sorted(axes.replace("1", "")) == ["B", "C", "T"]:
            return cls(axes=axes)
        msg = (
            f"layout {text!r}: expected the axes of the input, batch first, such as "
            "BCT, B1CT, BTC, or BCS200 for patches of 200 samples"
        )
        raise SpecError(msg)

    @property
    def code(self) -> str:
        """The text that `parse` reads."""
        return f"{self.axes}{self.patch or ''}"

    def whole(self, n_times: int) -> int:
        """Return `n_times` rounded down to whole patches, but at least one patch."""
        if self.patch > n_times:
            msg = (
                f"layout {self.code}: the windows have {n_times} samples; expected at "
                "least one patch"
            )
            raise SpecError(msg)
        return n_times - n_times % self.patch if self.patch else n_times

    def arrange(self, signals: torch.Tensor) -> Any:
        """Return windows (B, C, T) in this layout."""
        if self.patch:
            arranged = signals.reshape(*signals.shape[:2], -1, self.patch)
        else:
            arranged = signals.permute(["BCT".index(a) for a in self.axes if a != "1"])
            for axis, letter in enumerate(self.axes):
                if letter == "1":
                    arranged = arranged.unsqueeze(axis)
        return arranged.cpu().numpy() if self.as_numpy else arranged

    def restore(self, arranged: torch.Tensor) -> torch.Tensor:
        """Return an input as (B, C, T), or unchanged if it is not in this layout."""
        if self.patch:
            return arranged.flatten(2) if arranged.ndim == 4 else arranged
        ones = [axis for axis, letter in enumerate(self.axes) if letter == "1"]
        if arranged.ndim != len(self.axes) or any(arranged.shape[a] != 1 for a in ones):
            return arranged
        letters = self.axes.replace("1", "")
        squeezed = arranged.squeeze(ones) if ones else arranged
        return squeezed.permute([letters.index(letter) for letter in "BCT"])

    def __str__(self) -> str:
        """Return the axes as text, such as ``(B, 1, C, T)``."""
        patch = f", {self.patch}" if self.patch else ""
        kind = " of numpy" if self.as_numpy else ""
        return f"({', '.join(self.axes)}{patch}){kind}"


def layouts_to_try(sfreq: float, n_times: int, *, numpy: bool) -> list[InputLayout]:
    """Return the common layouts for `n_times` samples, the most common first.

    Layouts in which a detector for other channels could run by chance are excluded.
    """
    patches = [n for n in dict.fromkeys((200, round(sfreq))) if 0 < n <= n_times]
    layouts = [
        *map(InputLayout.parse, ("BCT", "B1CT", "BTC")),
        *(InputLayout(axes="BCS", patch=patch) for patch in patches),
    ]
    if numpy:
        layouts += [
            InputLayout(axes=item.axes, patch=item.patch, as_numpy=True)
            for item in layouts
        ]
    return layouts


def describe_windows(n_channels: int, n_times: int, sfreq: float) -> str:
    """Return a sentence with the shape of the windows."""
    return (
        f"The windows have {n_channels} channels, {n_times / sfreq:g} s at {sfreq:g} Hz "
        f"({n_times} samples)"
    )


def advise_shape(
    n_channels: int,
    n_times: int,
    sfreq: float,
    *,
    tried: Sequence[InputLayout],
    runs: Callable[[InputLayout], bool],
) -> str:
    """Describe the windows that a detector failed on, and options that may help.

    `runs` returns whether the detector runs in a layout; it is called for layouts that
    are not in `tried`.
    """
    windows = describe_windows(n_channels, n_times, sfreq)
    deadline = Deadline(_ADVICE_S)

    def first(layouts: Iterable[InputLayout]) -> InputLayout | None:
        fitting = (
            layout
            for layout in layouts
            if layout not in tried and not deadline.is_over and runs(layout)
        )
        return next(fitting, None)

    common = first(layouts_to_try(sfreq, n_times, numpy=False))
    if common is not None:
        return (
            f"{windows}. It runs with --layout {common.code}: pass that (in Python "
            f"layout={common.code!r})"
        )
    other = first(map(InputLayout.parse, _UNCOMMON))
    order = (
        ""
        if other is None
        else "; if only the order of its axes is another, pass --layout "
        f"{other.code}, in which it runs"
    )
    return (
        f"{windows}. If the detector takes another shape, pass --montage, "
        f"--window-length or --sfreq (in Python Fixture.adapt){order}"
    )
