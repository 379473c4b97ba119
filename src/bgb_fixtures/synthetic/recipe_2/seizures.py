"""The pattern of each TUSZ code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.synthetic.recipe_2.focal import focal, focal_aware, focal_temporal
from bgb_fixtures.synthetic.recipe_2.generalised import (
    absence,
    atonic,
    clonic,
    generalised,
    myoclonic,
    tonic,
    tonic_clonic,
)
from bgb_fixtures.synthetic.recipe_2.seizure import Seizure

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.synthetic.recipe_2.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_2.subject import Subject
    from bgb_fixtures.synthetic.streams import Streams

__all__ = ["add_seizure"]

_PATTERNS: dict[str, Callable[[Seizure], None]] = {
    "absz": absence,
    "atsz": atonic,
    "cnsz": clonic,
    "cpsz": focal_temporal,
    "fnsz": focal,
    "gnsz": generalised,
    "mysz": myoclonic,
    "spsz": focal_aware,
    "tcsz": tonic_clonic,
    "tnsz": tonic,
}


def add_seizure(
    canvas: Canvas,
    subject: Subject,
    streams: Streams,
    *,
    label: str,
    start: int,
    stop: int,
) -> None:
    """Add a seizure with ictal samples `[start, stop)`, and its postictal changes."""
    _PATTERNS[label](Seizure(canvas, subject, streams, start, stop))
