"""Annotations: labelled stretches of a recording, in seconds as written in the file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

__all__ = ["NOT_SEIZURES", "Annotations", "LabelCount", "Span", "to_nanosecond"]

NOT_SEIZURES = ("none", "ignored", "start", "end", "unknown")
"""Meanings of a label besides the TUSZ code of a seizure."""

_NANOSECOND = Decimal("1e-9")
_WIDE = Context(prec=400)


def to_nanosecond(seconds: Decimal) -> Decimal:
    """Round seconds to the nanosecond, to remove the noise of binary floats.

    For example, programs write 15.299999999999999 for 0.1 + 15.2.
    """
    exponent = seconds.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -9:
        return seconds.quantize(_NANOSECOND, context=_WIDE)
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One labelled stretch.

    `start` and `stop` are seconds from the start of the recording, exactly as written;
    `stop` is None if the file has no end. `line` counts from 1; 0 if the file does not
    consist of lines.
    """

    start: Decimal
    stop: Decimal | None
    label: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """The stretches in an annotation file, in order, and the duration if stated."""

    spans: tuple[Span, ...]
    duration: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """Number of occurrences and meaning of a label.

    `meaning` is the TUSZ code of a seizure, or one of `NOT_SEIZURES`: no seizure,
    ignored, a start or end mark, or unknown.
    """

    label: str
    meaning: str
    n: int
