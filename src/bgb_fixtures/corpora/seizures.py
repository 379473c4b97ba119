"""From annotations to seizures, whatever the labels are.

Invariant: a label that is neither a known seizure nor known to be none is an error: a
seizure never becomes background in silence.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.text import fail
from bgb_fixtures.eeg.events import Event, merge_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.eeg.annotations import Annotations, Span

__all__ = ["merge_by_label", "seizures_of"]

# Durations are written with two decimals, times with up to four.
_SLACK = Decimal("0.01")


def seizures_of(
    annotations: Annotations, meaning: Callable[[str], str | None], *, path: CorpusPath
) -> tuple[Event, ...]:
    """Return the seizures among labelled stretches, in order of onset.

    `meaning` maps a label to the TUSZ code of a seizure, or None; it raises ValueError
    for an unknown label. Stretches of one code that touch, for example on several
    channels, become one event. AnnotationError if there is no stretch at all, a label is
    unknown, or a seizure has no end or is not within the recording.
    """
    if not annotations.spans:
        problem = (
            "holds no row; a recording without seizures has one that says so ('bckg')"
        )
        fail(path, 0, problem)
    codes: dict[str, str | None] = {}
    found = []
    for span in annotations.spans:
        if span.label not in codes:
            try:
                codes[span.label] = meaning(span.label)
            except ValueError as error:
                fail(path, span.line, str(error))
        code = codes[span.label]
        if code is not None:
            stop = _end_of_seizure(span, annotations.duration, path=path)
            found.append((code, span.start, stop))
        elif span.stop is not None and span.stop < span.start:
            problem = f"stops at {span.stop} s, before its start, {span.start} s"
            fail(path, span.line, problem)
    return merge_by_label(found)


def _end_of_seizure(
    span: Span, duration: Decimal | None, *, path: CorpusPath
) -> Decimal:
    """Return the end of a seizure that lies in the recording."""
    start, stop = span.start, span.stop
    if stop is None:
        fail(path, span.line, f"seizure at {start} s has no end; expected a duration")
    if start < 0:
        fail(path, span.line, f"seizure starts at {start} s; expected at least 0 s")
    if stop <= start:
        problem = f"seizure stops at {stop} s; expected after its start, {start} s"
        fail(path, span.line, problem)
    if duration is not None and stop > duration + _SLACK:
        problem = f"seizure stops at {stop} s, after the recording does: {duration} s"
        fail(path, span.line, problem)
    return stop


def merge_by_label(
    stretches: Iterable[tuple[str, Decimal, Decimal]],
) -> tuple[Event, ...]:
    """Return the union of (label, start, stop) stretches per label, in order of onset."""
    events = [
        Event(onset=float(start), duration=float(stop - start), label=label)
        for label, group in groupby(sorted(stretches), key=lambda item: item[0])
        for start, stop in merge_spans((start, stop) for _, start, stop in group)
    ]
    return tuple(sorted(events, key=lambda e: (e.onset, e.duration, e.label)))
