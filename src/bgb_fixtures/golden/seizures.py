"""From logits per sample to what a clinician would see: detections, and their score.

Invariant: a detection is a run above the threshold; runs less than a second apart are
one, and what is then shorter than a second is none. Both sides are treated alike.
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
    "detection_changes",
    "find_detections",
    "guess_threshold",
    "per_sample",
    "score_events",
]

Span = tuple[int, int]
_SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionChange:
    """Say how one detection differs.

    Attributes
    ----------
    what : str
        ``"gained"``, ``"lost"`` or ``"shifted"``.
    before, after : tuple of int or None
        `[start, stop)` in samples.
    """

    what: str
    before: Span | None
    after: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Hold an event score.

    Attributes
    ----------
    sensitivity, precision, f1 : float
        NaN where there is nothing to divide by.
    false_alarms_per_day : float
        False detections, for a day of such windows.
    """

    sensitivity: float
    precision: float
    f1: float
    false_alarms_per_day: float


def per_sample(
    array: npt.NDArray[Any], *, n_windows: int, n_times: int
) -> npt.NDArray[Any] | None:
    """Return values as (n_windows, n_times), if they are one per sample.

    Parameters
    ----------
    array : numpy.ndarray
        An output.
    n_windows, n_times : int
        Windows that went in, and their length.

    Returns
    -------
    values : numpy.ndarray, shape (n_windows, n_times), or None
        A view; None if the array has another shape, or is not of floats. Axes of size 1
        between do not matter.
    """
    shape = array.shape
    if array.dtype.kind != "f" or len(shape) < 2:
        return None
    if shape[0] != n_windows or shape[-1] != n_times or set(shape[1:-1]) - {1}:
        return None
    return array.reshape(n_windows, n_times)


def guess_threshold(array: npt.NDArray[Any]) -> float:
    """Return the threshold of a detector's output.

    Parameters
    ----------
    array : numpy.ndarray of float
        Its values.

    Returns
    -------
    threshold : float
        0.5 if all values lie in [0, 1], as probabilities do; else 0, as for logits.
    """
    finite = array[np.isfinite(array)]
    probable = finite.size > 0 and finite.min() >= 0 and finite.max() <= 1
    return 0.5 if probable else 0.0


def find_detections(
    values: npt.NDArray[Any], *, threshold: float, sfreq: float
) -> list[Span]:
    """Return the detections of one window.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (n_times,)
        Logits or probabilities; NaN is no detection.
    threshold : float
        Values above it are ictal.
    sfreq : float
        Sampling frequency in Hz.

    Returns
    -------
    spans : list of tuple of int
        `[start, stop)` in samples.
    """
    shortest = round(_SHORTEST_S * sfreq)
    joined: list[Span] = []
    for start, stop in mask_to_spans(np.asarray(values > threshold, np.uint8)):
        if joined and start - joined[-1][1] < shortest:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return [(start, stop) for start, stop in joined if stop - start >= shortest]


def detection_changes(
    before: Sequence[Span], after: Sequence[Span]
) -> list[DetectionChange]:
    """Return which detections were gained, lost or shifted.

    Parameters
    ----------
    before, after : sequence of tuple of int
        Detections of the same window.

    Returns
    -------
    changes : list of DetectionChange
        In order of time. Detections that overlap are the same one; each is paired with
        the first that it overlaps.
    """
    changes = []
    left = list(after)
    for span in before:
        match = next((s for s in left if s[0] < span[1] and span[0] < s[1]), None)
        if match is None:
            changes.append(DetectionChange(what="lost", before=span, after=None))
            continue
        left.remove(match)
        if match != span:
            changes.append(DetectionChange(what="shifted", before=span, after=match))
    changes += [DetectionChange(what="gained", before=None, after=s) for s in left]
    return sorted(changes, key=lambda c: c.before or c.after or (0, 0))


def score_events(
    labels: npt.NDArray[np.uint8], detections: Sequence[Sequence[Span]], *, sfreq: float
) -> Score | None:
    """Score detections against labels, by events with the SzCORE rules.

    Parameters
    ----------
    labels : numpy.ndarray of uint8, shape (n_windows, n_times)
        1 = seizure.
    detections : sequence of sequence of tuple of int
        Per window, `[start, stop)` in samples.
    sfreq : float
        Sampling frequency in Hz.

    Returns
    -------
    score : Score or None
        Counts are summed over windows, which are scored apart. None if `timescoring`
        is not installed.

    References
    ----------
    Dan et al. 2024, "SzCORE", Epilepsia, https://doi.org/10.1111/epi.18113; its rules
    are the defaults of `timescoring.scoring.EventScoring`.
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
