"""Seizure events and sample masks: two views of the same data, equal to the sample.

Invariant: a sample i is ictal exactly if its time i / sfreq lies in
[onset, onset + duration) of an event. All arithmetic uses the decimal number in a file
(36.1 is 361/10, not the nearest binary float), so no border moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "SZCORE_CODES",
    "TYPE_NAMES",
    "Event",
    "clip_events",
    "event_past_end",
    "events_to_mask",
    "mask_to_spans",
    "merge_spans",
    "sample_to_seconds",
    "seconds_to_sample",
    "seconds_to_span",
]

_NumberT = TypeVar("_NumberT", "int", "Fraction", "Decimal")

SZCORE_CODES = {
    # As in epilepsy2bids, load_annotations/tuh.py, except that mysz is sz_gen_m here:
    # sz_gen_nm_myoclonic of that file means myoclonic absence, and SzCORE has no code
    # for myoclonic seizures.
    "seiz": "sz",
    "fnsz": "sz_foc",
    "gnsz": "sz_gen",
    "spsz": "sz_foc_a",
    "cpsz": "sz_foc_ia",
    "absz": "sz_gen_nm",
    "tnsz": "sz_gen_m_tonic",
    "cnsz": "sz_gen_m_clonic",
    "tcsz": "sz_gen_m_tonicClonic",
    "atsz": "sz_gen_m_atonic",
    "mysz": "sz_gen_m",
}
"""TUSZ code -> SzCORE eventType, for every label that is a seizure."""

TYPE_NAMES = {
    "seiz": "seizure of unstated type",
    "fnsz": "focal",
    "gnsz": "generalised",
    "spsz": "simple partial",
    "cpsz": "complex partial",
    "absz": "absence",
    "tnsz": "tonic",
    "cnsz": "clonic",
    "tcsz": "tonic-clonic",
    "atsz": "atonic",
    "mysz": "myoclonic",
}
"""TUSZ code -> type of seizure in words, for the same labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Describe one seizure.

    Attributes
    ----------
    onset : float
        Seconds from the start of the recording (of the window, in a fixture).
    duration : float
        Seconds, greater than 0.
    label : str
        TUSZ code, a key of `SZCORE_CODES`; ``"seiz"`` if the type is unknown.
    """

    onset: float
    duration: float
    label: str

    @property
    def szcore(self) -> str:
        """The SzCORE ``eventType`` of this event."""
        return SZCORE_CODES[self.label]

    def span(self, sfreq: float) -> tuple[int, int]:
        """Return the ictal samples as half-open `[start, stop)`.

        Parameters
        ----------
        sfreq : float
            Sampling frequency in Hz.

        Returns
        -------
        span : tuple of int
            First ictal sample and first sample after the event.
        """
        return seconds_to_span(self.onset, self.duration, sfreq)


def _exact(value: float) -> Fraction:
    return Fraction(repr(float(value)))


def seconds_to_span(onset: float, duration: float, sfreq: float) -> tuple[int, int]:
    """Return the samples whose time lies in [onset, onset + duration)."""
    start, rate = _exact(onset), _exact(sfreq)
    return math.ceil(start * rate), math.ceil((start + _exact(duration)) * rate)


def seconds_to_sample(seconds: float, sfreq: float) -> int:
    """Return the first sample whose time is not before `seconds`."""
    return math.ceil(_exact(seconds) * _exact(sfreq))


def sample_to_seconds(sample: int, sfreq: float) -> float:
    """Return a time that `seconds_to_sample` converts to the same sample.

    The time has as few decimals as possible, and is at most 1e-9 s before the sample.
    """
    exact = Fraction(sample) / _exact(sfreq)
    seconds = float(exact)
    if seconds_to_sample(seconds, sfreq) == sample:
        return seconds
    # Truncate the decimals, because rounding to a binary float may exceed the sample.
    return float(Fraction(math.floor(exact * 10**9), 10**9))


def merge_spans(
    spans: Iterable[tuple[_NumberT, _NumberT]],
) -> list[tuple[_NumberT, _NumberT]]:
    """Return the union of half-open spans `[start, stop)` of samples, seconds or bytes.

    The result is sorted and its spans neither overlap nor touch; empty spans are dropped.
    """
    merged: list[tuple[_NumberT, _NumberT]] = []
    for start, stop in sorted(s for s in spans if s[1] > s[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def event_past_end(
    events: Iterable[Event], *, sfreq: float, n_times: int
) -> Event | None:
    """Return the first event that ends after a recording of `n_times` samples, if any.

    Annotations round to 0.1 ms, so an end may lie a fraction of a sample outside.
    """
    return next((e for e in events if e.span(sfreq)[1] > n_times + 1), None)


def clip_events(
    events: Iterable[Event], *, start: int, n_times: int, sfreq: float
) -> tuple[Event, ...]:
    """Return the part of each event inside a window, relative to that window."""
    clipped = []
    for event in events:
        first, last = event.span(sfreq)
        first, last = max(first - start, 0), min(last - start, n_times)
        if last > first:
            clipped.append(
                Event(
                    onset=first / sfreq,
                    duration=(last - first) / sfreq,
                    label=event.label,
                )
            )
    return tuple(sorted(clipped, key=lambda e: (e.onset, e.duration, e.label)))


def events_to_mask(
    events: Iterable[Event], *, sfreq: float, n_times: int
) -> npt.NDArray[np.uint8]:
    """Return the labels of a window from its events.

    Notes
    -----
    Onsets are rounded to the nearest sample, because clipped events lie on samples.
    """
    import numpy as np

    spans = []
    for event in events:
        start = round(event.onset * sfreq)
        spans.append((start, start + round(event.duration * sfreq)))
    labels = np.zeros(n_times, dtype=np.uint8)
    # Merged, because a file may list thousands of events that cover the same samples.
    for start, stop in merge_spans(spans):
        labels[start:stop] = 1
    return labels


def mask_to_spans(
    labels: Sequence[int] | npt.NDArray[np.uint8],
) -> list[tuple[int, int]]:
    """Return the runs of ictal samples as half-open spans."""
    import numpy as np

    padded = np.concatenate(([0], np.asarray(labels, dtype=np.int8), [0]))
    edges = np.flatnonzero(np.diff(padded))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
