"""How a detector wants its windows: the order of the axes, or patches.

Invariant: `arrange` and `restore` are inverse to each other, and neither changes a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    import torch

__all__ = ["InputLayout", "layouts_to_try"]

_PATCHES = re.compile(r"BCS([1-9][0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLayout:
    """Say how windows (B, C, T) are arranged before the detector gets them.

    `axes` has one letter per axis, B, C, T and any number of 1, or is BCS for patches of
    `patch` samples: (B, C, S, patch).
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
        """Return how many of `n_times` samples such an input can hold."""
        return n_times - n_times % self.patch if self.patch else n_times

    def arrange(self, signals: torch.Tensor) -> Any:
        """Return windows (B, C, T) as the detector wants them."""
        if self.patch:
            arranged = signals.reshape(*signals.shape[:2], -1, self.patch)
        else:
            arranged = signals.permute(["BCT".index(a) for a in self.axes if a != "1"])
            for axis, letter in enumerate(self.axes):
                if letter == "1":
                    arranged = arranged.unsqueeze(axis)
        return arranged.cpu().numpy() if self.as_numpy else arranged

    def restore(self, arranged: torch.Tensor) -> torch.Tensor:
        """Return what the detector got as (B, C, T); as it is if it has other axes."""
        if self.patch:
            return arranged.flatten(2) if arranged.ndim == 4 else arranged
        ones = [axis for axis, letter in enumerate(self.axes) if letter == "1"]
        if arranged.ndim != len(self.axes) or any(arranged.shape[a] != 1 for a in ones):
            return arranged
        letters = self.axes.replace("1", "")
        squeezed = arranged.squeeze(ones) if ones else arranged
        return squeezed.permute([letters.index(letter) for letter in "BCT"])

    def __str__(self) -> str:
        """Write the axes, as in ``(B, 1, C, T)``."""
        patch = f", {self.patch}" if self.patch else ""
        kind = " of numpy" if self.as_numpy else ""
        return f"({', '.join(self.axes)}{patch}){kind}"


def layouts_to_try(sfreq: float, *, numpy: bool) -> list[InputLayout]:
    """Return the layouts that are common, the most common first.

    Those in which a detector for other channels could run by chance are not among them.
    """
    patches = dict.fromkeys((200, round(sfreq)))
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
