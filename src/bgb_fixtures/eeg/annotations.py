"""Annotations: labelled stretches of a recording, in seconds as the file shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["NOT_SEIZURES", "Annotations", "LabelCount", "Span"]

NOT_SEIZURES = ("none", "ignored", "unknown")
"""What a label can mean besides the TUSZ code of a seizure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One labelled stretch.

    `start` and `stop` are seconds from the start of the recording, exactly as written;
    `stop` is None if the file gives no end. `line` counts from 1; 0 if the file is not
    made of lines.
    """

    start: Decimal
    stop: Decimal | None
    label: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """What an annotation file says: stretches in its order, and the duration if stated."""

    spans: tuple[Span, ...]
    duration: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """How often a label occurs, and what it was read as.

    `meaning` is the TUSZ code of a seizure, or one of `NOT_SEIZURES`: no seizure, skipped,
    or neither declared nor known.
    """

    label: str
    meaning: str
    n: int
