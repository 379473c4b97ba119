"""Convert annotations to seizures, for any vocabulary of labels.

Invariant: a label that is neither known to be a seizure nor known not to be one is an
error, so a seizure never silently becomes background.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.text import fail, problem_at
from bgb_fixtures.eeg.annotations import NOT_SEIZURES, LabelCount, Span
from bgb_fixtures.eeg.events import Event, merge_spans
from bgb_fixtures.errors import AnnotationError, shorten
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.eeg.annotations import Annotations
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["label_counts", "merge_by_label", "seizures_of"]

# Durations are written with two decimals, times with up to four.
_SLACK = Decimal("0.01")
_MOST_LABELS = 10
_REMARKS = ("comment", "note", "remark")
"""Labels without information about seizures. Such rows are skipped, so that a recording
with no other rows does not count as seizure-free."""


def seizures_of(
    annotations: Annotations,
    vocabulary: Callable[[str], str | None],
    *,
    path: CorpusPath,
    rules: AnnotationRules | None = None,
) -> tuple[Event, ...]:
    """Return the seizures among labelled stretches, in order of onset.

    `vocabulary` maps a label to the TUSZ code of a seizure, or None; it raises
    ValueError for an unknown label. If labels are free text, `rules` take precedence.
    Overlapping or touching stretches with the same code, for example on several
    channels, become one event. AnnotationError if there is no stretch, a label is
    unknown, or a seizure has no end or is not within the recording.
    """
    meanings = _meanings(annotations, vocabulary, rules or NO_RULES)
    for span in annotations.spans:
        if meanings[span.label] == "unknown":
            problem = _unknown_label(span.label, vocabulary, rules or NO_RULES)
            where = problem_at(path, span.line, problem)
            labels = _counted(annotations, meanings)
            advice = "" if rules is None else _advice(labels)
            msg = f"{where}{advice}"
            raise AnnotationError(msg, labels=labels)
    if all(meaning == "ignored" for meaning in meanings.values()):
        problem = (
            "holds no row; a recording without seizures has one that says so ('bckg')"
        )
        if meanings:
            problem = (
                "holds only rows with ignored labels, so whether it has seizures is "
                "unknown"
            )
        fail(path, 0, problem)
    found = _between_marks(annotations, meanings, path=path)
    for span in annotations.spans:
        meaning = meanings[span.label]
        if meaning not in NOT_SEIZURES:
            stop = _end_of_seizure(span, annotations.duration, path=path)
            found.append((meaning, span.start, stop))
        elif meaning == "none" and span.stop is not None and span.stop < span.start:
            problem = f"stops at {span.stop} s, before its start, {span.start} s"
            fail(path, span.line, problem)
    return merge_by_label(found)


def label_counts(
    annotations: Annotations,
    vocabulary: Callable[[str], str | None],
    rules: AnnotationRules,
) -> tuple[LabelCount, ...]:
    """Return the meaning and number of occurrences of each label, sorted by label."""
    return _counted(annotations, _meanings(annotations, vocabulary, rules))


def _counted(
    annotations: Annotations, meanings: Mapping[str, str]
) -> tuple[LabelCount, ...]:
    counts = Counter(span.label for span in annotations.spans)
    return tuple(
        LabelCount(label=label, meaning=meanings[label], n=counts[label])
        for label in sorted(counts)
    )


def _meanings(
    annotations: Annotations,
    vocabulary: Callable[[str], str | None],
    rules: AnnotationRules,
) -> dict[str, str]:
    return {
        label: _meaning(label, vocabulary, rules)
        for label in dict.fromkeys(span.label for span in annotations.spans)
    }


def _meaning(
    label: str, vocabulary: Callable[[str], str | None], rules: AnnotationRules
) -> str:
    """Return the meaning of a label, as in `LabelCount`."""
    if label in rules.ignore_labels:
        return "ignored"
    if label == rules.start_label:
        return "start"
    if label == rules.end_label:
        return "end"
    try:
        known = vocabulary(label) or "none"
    except ValueError:
        known = "unknown"
    # Checked first, so that a label that matches both patterns is a seizure.
    if rules.is_seizure(label):
        return "seiz" if known in NOT_SEIZURES else known
    if rules.is_background(label):
        return "none"
    if known == "unknown" and label.lower() in _REMARKS:
        return "ignored"
    # A known seizure type that the pattern does not match must not become background.
    is_left_out = rules.label_pattern is not None and known != "none"
    return "unknown" if is_left_out else known


def _unknown_label(
    label: str, vocabulary: Callable[[str], str | None], rules: AnnotationRules
) -> str:
    """Return a message about the first unknown label."""
    if rules.label_pattern is None:
        try:
            vocabulary(label)
        except ValueError as error:
            return str(error)
    return (
        f"label {label!r} is not declared: the label pattern {rules.label_pattern!r} "
        "does not match it as a whole, and no rule declares it as background"
    )


def _advice(labels: Sequence[LabelCount]) -> str:
    """Return a list of the unknown labels, and the options that declare them."""
    unknown = [one for one in labels if one.meaning == "unknown"]
    listed = ", ".join(f"{one.label!r} ({one.n})" for one in unknown[:_MOST_LABELS])
    if len(unknown) > _MOST_LABELS:
        listed += f" and {len(unknown) - _MOST_LABELS} more"
    return (
        f". Undeclared labels: {shorten(listed)}. Declare seizures with "
        "--label-pattern REGEX and background with --background-pattern REGEX; skip "
        "rows with --ignore-labels LABEL. For a seizure between two marks, use "
        "--start-label and --end-label"
    )


def _between_marks(
    annotations: Annotations, meanings: Mapping[str, str], *, path: CorpusPath
) -> list[tuple[str, Decimal, Decimal]]:
    """Return the seizures between start and end marks, which must alternate."""
    # At equal times, the end comes first: one seizure follows another.
    marks = sorted(
        (
            span
            for span in annotations.spans
            if meanings[span.label] in ("start", "end")
        ),
        key=lambda span: (span.start, meanings[span.label]),
    )
    found = []
    begun: Span | None = None
    for span in marks:
        at = f"{span.label!r} at {span.start} s"
        if span.stop not in (None, span.start):
            problem = f"{at} has a duration; expected a mark without one"
            fail(path, span.line, problem)
        if meanings[span.label] == "start":
            if begun is not None:
                problem = (
                    f"{at} follows {begun.label!r} at {begun.start} s; expected an end "
                    "between them"
                )
                fail(path, span.line, problem)
            begun = span
        elif begun is None:
            fail(path, span.line, f"{at} ends a seizure that no mark starts")
        else:
            seizure = Span(
                start=begun.start, stop=span.start, label=begun.label, line=begun.line
            )
            stop = _end_of_seizure(seizure, annotations.duration, path=path)
            found.append(("seiz", begun.start, stop))
            begun = None
    if begun is not None:
        problem = f"{begun.label!r} at {begun.start} s has no end after it"
        fail(path, begun.line, problem)
    return found


def _end_of_seizure(
    span: Span, duration: Decimal | None, *, path: CorpusPath
) -> Decimal:
    """Return the end of a seizure; AnnotationError if it is not in the recording."""
    start, stop = span.start, span.stop
    if stop is None:
        problem = (
            f"seizure at {start} s has no end; expected a duration. If another label marks "
            "the end, give both with --start-label and --end-label"
        )
        fail(path, span.line, problem)
    if start < 0:
        fail(path, span.line, f"seizure starts at {start} s; expected at least 0 s")
    if stop <= start:
        problem = f"seizure stops at {stop} s; expected after its start, {start} s"
        fail(path, span.line, problem)
    if duration is not None and stop > duration + _SLACK:
        problem = (
            f"seizure stops at {stop} s, after the end of the recording: {duration} s"
        )
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
