"""Categories and kinds of windows, from the ictal samples in and around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CATEGORIES", "KINDS", "Category", "category_of", "kind_of"]

Category = Literal["none", "partial", "full"]
CATEGORIES = ("none", "partial", "full")
KINDS = {
    # category -> possible kinds
    "none": ("background", "artefact"),
    "partial": ("onset", "offset", "whole"),
    "full": ("ictal",),
}


def category_of(n_ictal: int, n_times: int) -> Category:
    """Return ``"none"``, ``"partial"`` or, from 99 % of ictal samples, ``"full"``.

    The limit is that of brain-go-brr-v2 (cache_utils.py).
    """
    if n_ictal == 0:
        return "none"
    return "full" if n_ictal / n_times >= 0.99 else "partial"


def kind_of(
    spans: Sequence[tuple[int, int]],
    *,
    start: int,
    n_times: int,
    artefacts: Sequence[tuple[int, int]] = (),
) -> str:
    """Return the kind of a window from ictal and artefact spans in samples."""
    stop = start + n_times
    inside = [(a, b) for a, b in spans if b > start and a < stop]
    n_ictal = sum(min(b, stop) - max(a, start) for a, b in inside)
    category = category_of(n_ictal, n_times)
    if category == "none":
        held = any(b > start and a < stop for a, b in artefacts)
        return "artefact" if held else "background"
    if category == "full":
        return "ictal"
    if inside[-1][1] > stop:
        return "onset"
    return "whole" if inside[0][0] >= start else "offset"
