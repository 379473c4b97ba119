"""Summaries of how the free-text labels of recordings were interpreted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.annotations import NOT_SEIZURES, LabelCount
from bgb_fixtures.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["label_lines", "say_unmatched", "sum_labels"]

_MOST_LABELS = 10
_READ_AS = {
    "start": "labels read as the start of a seizure",
    "end": "labels read as the end of a seizure",
    "none": "labels read as no seizure",
    "ignored": "labels skipped",
    "unknown": "labels not declared, whose recordings are left out",
}
_ADVICE = (
    ". Declare them with --label-pattern or --background-pattern, or skip their rows "
    "with --ignore-labels"
)


def sum_labels(of_recordings: Iterable[Sequence[LabelCount]]) -> tuple[LabelCount, ...]:
    """Return how often each label occurs in all of the recordings, sorted by label."""
    counts: Counter[tuple[str, str]] = Counter()
    for labels in of_recordings:
        for one in labels:
            counts[one.label, one.meaning] += one.n
    return tuple(
        LabelCount(label=label, meaning=meaning, n=n)
        for (label, meaning), n in sorted(counts.items())
    )


def label_lines(labels: Sequence[LabelCount]) -> Iterator[str]:
    """Yield lines that say which labels are seizures and which are not."""
    seizures = [one for one in labels if one.meaning not in NOT_SEIZURES]
    if seizures:
        yield f"labels read as seizures: {_listed(seizures)}"
    for meaning, words in _READ_AS.items():
        found = [one for one in labels if one.meaning == meaning]
        if found:
            advice = _ADVICE if meaning == "unknown" else ""
            yield f"{words}: {_listed(found)}{advice}"


def say_unmatched(rules: AnnotationRules, labels: Sequence[LabelCount]) -> str:
    """Return a text that lists the labels found if none matches the seizure pattern."""
    if rules.label_pattern is None or any(
        one.meaning == "start" or one.meaning not in NOT_SEIZURES for one in labels
    ):
        return ""
    return (
        f"Label pattern {rules.label_pattern!r} matches no label as a whole; labels "
        f"here: {_listed(labels) or 'none'}"
    )


def _listed(labels: Sequence[LabelCount]) -> str:
    listed = ", ".join(_shown(one) for one in labels[:_MOST_LABELS])
    if len(labels) > _MOST_LABELS:
        listed += f" and {len(labels) - _MOST_LABELS} more (--json has all)"
    return listed


def _shown(one: LabelCount) -> str:
    is_translated = one.meaning not in (*NOT_SEIZURES, one.label)
    meaning = f" as {one.meaning}" if is_translated else ""
    return f"{shorten(repr(one.label), 80)}{meaning} ({one.n})"
