"""Summarise a corpus from its annotations alone.

Invariant: every recording that is annotated or has a file is in the result once; an
unusable recording does not affect the others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from bgb_fixtures.corpora.find import iter_findings
from bgb_fixtures.corpora.labels import sum_labels
from bgb_fixtures.corpora.recording import PROBLEMS
from bgb_fixtures.eeg.events import merge_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.recording import Finding
    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.eeg.events import Event

__all__ = ["Scan", "scan_corpus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The result of a scan, as JSON values.

    Attributes
    ----------
    totals : dict
        ``n_recordings`` (with valid annotations), ``n_with_seizures``, ``n_seizures``,
        ``n_subjects``, ``seizure_seconds`` (overlapping seizures count once),
        ``recorded_seconds`` (only recordings whose annotations state a duration),
        ``n_without_duration``, ``n_signal_missing``, and ``n_usable`` (recordings that
        a build may choose from without naming a split).
    by_split : dict
        Split -> the same keys without ``n_subjects`` and ``n_usable``.
    by_type : dict
        TUSZ code -> ``n_seizures`` and ``seizure_seconds``.
    problems : dict
        Key of `PROBLEMS` -> number of recordings.
    labels : tuple of LabelCount
        Interpretation of free-text labels.
    recordings : list of dict
        Sorted by name: ``name``, ``subject``, ``split``, ``signal`` (``"present"`` or
        ``"missing"``), ``duration``, ``n_seizures``, ``seizure_seconds``, ``events``,
        ``problem`` and ``message`` (None without one).
    """

    totals: dict[str, int | float]
    by_split: dict[str, dict[str, int | float]]
    by_type: dict[str, dict[str, int | float]]
    problems: dict[str, int]
    labels: tuple[LabelCount, ...]
    recordings: list[dict[str, Any]]

    @property
    def bad(self) -> list[dict[str, Any]]:
        """The recordings whose annotations are invalid or ambiguous."""
        return [r for r in self.recordings if r["problem"] == "annotation"]


class _Sums:
    """Counts and exact sums of recordings."""

    def __init__(self) -> None:
        self.n = Counter[str]()
        self.seizure_s = Fraction(0)
        self.recorded_s = Fraction(0)

    def add(self, finding: Finding) -> None:
        recording = finding.recording
        if recording is None:
            return
        self.n["n_recordings"] += 1
        self.n["n_with_seizures"] += bool(recording.events)
        self.n["n_seizures"] += len(recording.events)
        self.n["n_signal_missing"] += not finding.has_signal
        self.n["n_without_duration"] += recording.duration is None
        self.seizure_s += _ictal_seconds(recording.events)
        if recording.duration is not None:
            self.recorded_s += _exact(recording.duration)

    def to_json(self) -> dict[str, int | float]:
        keys = (
            "n_recordings",
            "n_with_seizures",
            "n_seizures",
            "n_signal_missing",
            "n_without_duration",
        )
        return {key: self.n[key] for key in keys} | {
            "seizure_seconds": float(self.seizure_s),
            "recorded_seconds": float(self.recorded_s),
        }


def _exact(seconds: float) -> Fraction:
    return Fraction(repr(seconds))


def _ictal_seconds(events: Iterable[Event]) -> Fraction:
    """Return the length of the union of some seizures."""
    spans = merge_spans(
        (_exact(e.onset), _exact(e.onset) + _exact(e.duration)) for e in events
    )
    return sum((stop - start for start, stop in spans), Fraction(0))


def scan_corpus(
    corpus: Corpus, progress: Callable[[int, int], None] | None = None
) -> Scan:
    """Scan the annotations of a corpus, without reading signals."""
    totals = _Sums()
    splits: dict[str, _Sums] = {}
    types: dict[str, list[Event]] = {}
    problems = Counter[str]()
    subjects = set()
    recordings = []
    labels: tuple[LabelCount, ...] = ()
    n_usable = 0
    for finding in iter_findings(corpus, progress):
        totals.add(finding)
        labels = sum_labels((labels, finding.labels)) if finding.labels else labels
        if finding.problem:
            problems[finding.problem] += 1
        else:
            n_usable += 1
        if finding.recording is not None:
            subjects.add(finding.recording.subject)
            splits.setdefault(finding.split, _Sums()).add(finding)
            for event in finding.recording.events:
                types.setdefault(event.label, []).append(event)
        recordings.append(_finding_to_json(finding))
    return Scan(
        totals=totals.to_json() | {"n_subjects": len(subjects), "n_usable": n_usable},
        by_split={split: splits[split].to_json() for split in sorted(splits)},
        by_type={
            label: {
                "n_seizures": len(events),
                "seizure_seconds": float(sum(_exact(e.duration) for e in events)),
            }
            for label, events in sorted(types.items())
        },
        problems={key: problems[key] for key in PROBLEMS if problems[key]},
        labels=labels,
        recordings=recordings,
    )


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    recording = finding.recording
    events = recording.events if recording is not None else ()
    return {
        "name": finding.name,
        "subject": None if recording is None else recording.subject,
        "split": finding.split or None,
        "signal": "present" if finding.has_signal else "missing",
        "duration": None if recording is None else recording.duration,
        "n_seizures": None if recording is None else len(events),
        "seizure_seconds": None if recording is None else float(_ictal_seconds(events)),
        "events": [
            {"onset": e.onset, "duration": e.duration, "label": e.label} for e in events
        ],
        "problem": finding.problem or None,
        "message": finding.message or None,
    }
