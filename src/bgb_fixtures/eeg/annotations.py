"""Annotations: labelled stretches of a recording, in seconds as the file shows them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

__all__ = ["NOT_SEIZURES", "Annotations", "LabelCount", "Span", "to_nanosecond"]

NOT_SEIZURES = ("none", "ignored", "start", "end", "unknown")
"""What a label can mean besides the TUSZ code of a seizure."""

_NANOSECOND = Decimal("1e-9")
_WIDE = Context(prec=400)


def to_nanosecond(seconds: Decimal) -> Decimal:
    """Round seconds to the nanosecond, so that the noise of binary floats moves no border.

    15.299999999999999 is what programs write of 0.1 + 15.2.
    """
    exponent = seconds.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -9:
        return seconds.quantize(_NANOSECOND, context=_WIDE)
    return seconds


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
    the mark of a start or an end, or neither declared nor known.
    """

    label: str
    meaning: str
    n: int
