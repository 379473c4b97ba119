"""Return the windows that a spec lists by recording name; nothing is chosen.

Invariant: exactly the listed windows are returned, in that order; a recording that does
not contain them, or whose annotations differ from the spec, is an error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bgb_fixtures.build.quotas import Window
from bgb_fixtures.build.select import Selection, check_rates, count_samples, read_header
from bgb_fixtures.eeg.events import merge_spans, seconds_to_sample
from bgb_fixtures.eeg.kinds import KINDS, kind_of
from bgb_fixtures.errors import SourceError, SpecError, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bgb_fixtures.corpora.opened import OpenRecordings
    from bgb_fixtures.corpora.recording import Recording
    from bgb_fixtures.request.recorded import (
        ListedRecording,
        Listing,
        RecordedRequest,
    )

__all__ = ["select_listed"]

_SAME_S = 1e-4
"""Annotations have four decimals, so times that differ by less are equal."""


def select_listed(
    request: RecordedRequest,
    listing: Listing,
    recordings: Sequence[Recording],
    opened: OpenRecordings,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Selection:
    """Return the windows that a request lists; `recordings` are those that it names.

    SpecError if a window is not within its recording, rates differ, a subject is in two
    splits, or no window holds a seizure; SourceError if a recording cannot be used or
    its seizures differ from the listing.
    """
    by_name = {r.name: r for r in _assign_splits(listing, recordings)}
    for i, listed in enumerate(listing.recordings):
        _check_seizures(listed, by_name[listed.name], where=f"recordings[{i}]")
    headers = {}
    for done, name in enumerate(by_name, 1):
        headers[name] = read_header(opened, by_name[name], request)
        if progress is not None:
            progress(done, len(by_name))
    sfreq = request.rate or headers[listing.recordings[0].name].sfreq
    check_rates(request, headers, sfreq=sfreq)
    n_times = count_samples(request, sfreq)
    windows = []
    for i, listed in enumerate(listing.recordings):
        size = headers[listed.name].n_times_at(request, sfreq)
        for k, onset in enumerate(listed.windows):
            start = seconds_to_sample(onset, sfreq)
            if start + n_times > size:
                msg = (
                    f"recordings[{i}] {listed.name!r}, windows[{k}]: expected a window "
                    f"of {request.window_length:g} s inside the recording, which ends at "
                    f"{size / sfreq:g} s; got {start / sfreq:g} to "
                    f"{(start + n_times) / sfreq:g} s"
                )
                raise SpecError(msg)
            windows.append(
                _window(by_name[listed.name], start, n_times=n_times, sfreq=sfreq)
            )
    if all(window.kind in KINDS["none"] for window in windows):
        msg = (
            f"the spec lists {counted(len(windows), 'window')}, none with a seizure; "
            "expected at least one"
        )
        raise SpecError(msg)
    return Selection(
        request=request,
        sfreq=sfreq,
        windows=tuple(windows),
        headers=headers,
        recordings=tuple(by_name[name] for name in sorted(by_name)),
    )


def _window(recording: Recording, start: int, *, n_times: int, sfreq: float) -> Window:
    events = [(event.span(sfreq), event.label) for event in recording.events]
    spans = merge_spans(span for span, _ in events)
    inside = {c for (a, b), c in events if b > start and a < start + n_times}
    return Window(
        recording=recording,
        start=start,
        kind=kind_of(spans, start=start, n_times=n_times),
        types=tuple(sorted(inside)),
    )


def _assign_splits(
    listing: Listing, recordings: Sequence[Recording]
) -> tuple[Recording, ...]:
    """Assign the listed splits to recordings; SpecError if a subject has two splits."""
    splits = {listed.name: listed.split for listed in listing.recordings}
    assigned = tuple(
        replace(recording, split=splits.get(recording.name) or recording.split)
        for recording in recordings
    )
    first: dict[str, Recording] = {}
    for recording in assigned:
        other = first.setdefault(recording.subject, recording)
        if any(splits.values()) and other.split != recording.split:
            msg = (
                f"recordings {other.name!r} and {recording.name!r} belong to one "
                f"subject, but are in splits {other.split!r} and {recording.split!r}; "
                "expected one split a subject"
            )
            raise SpecError(msg)
    return assigned


def _check_seizures(listed: ListedRecording, found: Recording, *, where: str) -> None:
    if listed.seizures is None:
        return
    annotated = sorted((e.onset, e.onset + e.duration) for e in found.events)
    if len(annotated) == len(listed.seizures) and all(
        abs(one - other) < _SAME_S
        for pair, wanted in zip(annotated, listed.seizures, strict=True)
        for one, other in zip(pair, wanted, strict=True)
    ):
        return
    msg = (
        f"{where} {listed.name!r}: the spec has {_spans(listed.seizures)}, but the "
        f"annotations have {_spans(annotated)}. Is it another version of the corpus? "
        "Correct one of the two"
    )
    raise SourceError(msg)


def _spans(seizures: Sequence[tuple[float, float]]) -> str:
    spans = ", ".join(f"{start:.10g}-{stop:.10g} s" for start, stop in seizures)
    return f"seizures at {spans}" if spans else "no seizures"
