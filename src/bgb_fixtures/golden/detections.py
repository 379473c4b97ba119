"""Detections from values per sample, and their event score.

Invariant: a detection is a run of samples above the threshold. Runs less than a second
apart are merged, then runs shorter than a second are dropped. Recorded and obtained
outputs are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.events import mask_to_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = [
    "DetectionChange",
    "Score",
    "Span",
    "detection_changes",
    "find_detections",
    "guess_threshold",
    "pair_spans",
    "per_sample",
    "score_events",
]

Span = tuple[float, float]
"""Start and end in a window: in samples for detections, in seconds for events."""
_SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionChange:
    """A difference in one detection: gained, lost or shifted; spans are in samples."""

    what: str
    before: Span | None
    after: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An event score; a rate is NaN where its denominator is 0."""

    sensitivity: float
    precision: float
    f1: float
    false_alarms_per_day: float


def per_sample(
    numbers: npt.NDArray[Any], *, n_windows: int, n_times: int
) -> npt.NDArray[Any] | None:
    """Return floats as (n_windows, n_times), or None if there is not one per sample.

    Axes of size 1 between the first and the last are removed.
    """
    shape = numbers.shape
    if numbers.dtype.kind != "f" or len(shape) < 2:
        return None
    if shape[0] != n_windows or shape[-1] != n_times or set(shape[1:-1]) - {1}:
        return None
    return numbers.reshape(n_windows, n_times)


def guess_threshold(numbers: npt.NDArray[Any]) -> float:
    """Return 0.5 if all values are in [0, 1] like probabilities, otherwise 0."""
    finite = numbers[np.isfinite(numbers)]
    probable = finite.size > 0 and finite.min() >= 0 and finite.max() <= 1
    return 0.5 if probable else 0.0


def find_detections(
    values: npt.NDArray[Any], *, threshold: float, sfreq: float
) -> list[tuple[int, int]]:
    """Return the detections of one window in samples from values (n_times,)."""
    shortest = round(_SHORTEST_S * sfreq)
    joined: list[tuple[int, int]] = []
    for start, stop in mask_to_spans(np.asarray(values > threshold, np.uint8)):
        if joined and start - joined[-1][1] < shortest:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return [(start, stop) for start, stop in joined if stop - start >= shortest]


def pair_spans(
    before: Sequence[Span], after: Sequence[Span], *, atol: float = 0.0
) -> list[tuple[int | None, int | None]]:
    """Pair the spans of one window by position; None marks a missing partner.

    Spans whose ends both agree within `atol` are paired first. Then each remaining span
    is paired with the first unpaired one that it overlaps.
    """
    left = list(range(len(after)))
    pairs: dict[int, int] = {}
    for same in (_close, _overlap):
        for i, span in enumerate(before):
            if i in pairs:
                continue
            match = next((j for j in left if same(span, after[j], atol)), None)
            if match is not None:
                pairs[i] = match
                left.remove(match)
    found: list[tuple[float, int | None, int | None]] = [
        (span[0], i, pairs.get(i)) for i, span in enumerate(before)
    ]
    found += [(after[j][0], None, j) for j in left]
    return [(i, j) for _, i, j in sorted(found, key=lambda item: item[0])]


def _close(a: Span, b: Span, atol: float) -> bool:
    return abs(a[0] - b[0]) <= atol and abs(a[1] - b[1]) <= atol


def _overlap(a: Span, b: Span, _: float) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def detection_changes(
    before: Sequence[Span], after: Sequence[Span]
) -> list[DetectionChange]:
    """Return which detections of one window were gained, lost or shifted, in order."""
    changes = []
    for i, j in pair_spans(before, after):
        a = None if i is None else before[i]
        b = None if j is None else after[j]
        if a != b:
            what = "gained" if a is None else "lost" if b is None else "shifted"
            changes.append(DetectionChange(what=what, before=a, after=b))
    return changes


def score_events(
    labels: npt.NDArray[np.uint8],
    detections: Sequence[Sequence[tuple[int, int]]],
    *,
    sfreq: float,
) -> Score | None:
    """Score detections in samples against labels, using the SzCORE rules for events.

    `labels` has the shape (n_windows, n_times). Windows are scored separately and their
    counts are summed. The result is None if `timescoring` is not installed. Rules: Dan
    et al. 2024, "SzCORE", Epilepsia, https://doi.org/10.1111/epi.18113, the defaults of
    `timescoring.scoring.EventScoring`.
    """
    try:
        from timescoring.annotations import Annotation
        from timescoring.scoring import EventScoring
    except ImportError:
        return None
    n_true = n_hit = n_false = 0
    for row, spans in zip(labels, detections, strict=True):
        parts = []
        for marked in (mask_to_spans(row), spans):
            seconds = [(start / sfreq, stop / sfreq) for start, stop in marked]
            parts.append(Annotation(seconds, sfreq, len(row)))
        result = EventScoring(*parts)
        n_true += int(result.refTrue)
        n_hit += int(result.tp)
        n_false += int(result.fp)
    days = labels.size / sfreq / 86400
    return Score(
        sensitivity=_ratio(n_hit, n_true),
        precision=_ratio(n_hit, n_hit + n_false),
        f1=_ratio(2 * n_hit, n_true + n_hit + n_false),
        false_alarms_per_day=n_false / days,
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
