"""The windows that a spec lists by the names of recordings: nothing is chosen.

Invariant: what is returned is what was asked for, in that order; a recording that cannot
give it, or whose annotations say something else, is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bgb_fixtures.build.plan import (
    Plan,
    check_profile,
    check_rates,
    fixed_sfreq,
    open_header,
)
from bgb_fixtures.build.windows import Window, kind_of
from bgb_fixtures.eeg.events import merge_spans, seconds_to_sample
from bgb_fixtures.errors import SourceError, SpecError
from bgb_fixtures.format.records import KINDS
from bgb_fixtures.request.spec import window_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bgb_fixtures.build.plan import Header
    from bgb_fixtures.corpora import Recording, Source
    from bgb_fixtures.request.spec import FixtureSpec, ListedRecording

__all__ = ["Place", "assign_splits", "place_windows", "plan_listed", "read_headers"]

_SAME_S = 1e-4
"""Annotations have four decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Say where one window is.

    Attributes
    ----------
    recording : Recording
        In which it lies.
    start : int
        First sample, at the rate of the fixture.
    where : str
        What asks for it, for messages.
    """

    recording: Recording
    start: int
    where: str


def plan_listed(
    spec: FixtureSpec,
    source: Source,
    recordings: Sequence[Recording],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Turn the windows that a spec lists into a plan.

    Parameters
    ----------
    spec : FixtureSpec
        The request; it lists recordings.
    source : Source
        Where they come from.
    recordings : sequence of Recording
        Those that it lists.
    progress : callable or None
        Called with (headers read, recordings in all).

    Returns
    -------
    plan : Plan
        At least one window with a seizure.

    Raises
    ------
    SpecError
        If a window lies outside its recording, rates differ, a subject is in two
        splits, or no window holds a seizure.
    SourceError
        If a recording cannot be used, or has other seizures than the spec says.
    """
    check_profile(spec)
    recordings = assign_splits(spec, recordings)
    by_name = {recording.name: recording for recording in recordings}
    for i, asked in enumerate(spec.listed):
        _check_seizures(asked, by_name[asked.name], where=f"recordings[{i}]")
    headers = read_headers(spec, source, recordings, progress=progress)
    first = headers[spec.listed[0].name].sfreq
    sfreq = fixed_sfreq(spec) or first
    check_rates(spec, headers, sfreq=sfreq)
    places = [
        Place(
            recording=by_name[asked.name],
            start=seconds_to_sample(onset, sfreq),
            where=f"recordings[{i}] {asked.name!r}, windows[{k}]",
        )
        for i, asked in enumerate(spec.listed)
        for k, onset in enumerate(asked.windows)
    ]
    return place_windows(spec, places, headers, sfreq=sfreq)


def assign_splits(
    spec: FixtureSpec, recordings: Sequence[Recording]
) -> tuple[Recording, ...]:
    """Give recordings the splits that a spec lists.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    recordings : sequence of Recording
        As the source has them.

    Returns
    -------
    recordings : tuple of Recording
        In the same order.

    Raises
    ------
    SpecError
        If a subject gets into two splits.
    """
    splits = {asked.name: asked.split for asked in spec.listed if asked.split}
    assigned = tuple(
        replace(recording, split=splits.get(recording.name, recording.split))
        for recording in recordings
    )
    first: dict[str, Recording] = {}
    for recording in assigned:
        other = first.setdefault(recording.subject, recording)
        if splits and other.split != recording.split:
            msg = (
                f"recordings {other.name!r} and {recording.name!r} are of one subject, "
                f"and in splits {other.split!r} and {recording.split!r}; expected one "
                "split a subject"
            )
            raise SpecError(msg)
    return assigned


def _check_seizures(asked: ListedRecording, found: Recording, *, where: str) -> None:
    if asked.seizures is None:
        return
    told = sorted((e.onset, e.onset + e.duration) for e in found.events)
    if len(told) == len(asked.seizures) and all(
        abs(one - other) < _SAME_S
        for pair, wanted in zip(told, asked.seizures, strict=True)
        for one, other in zip(pair, wanted, strict=True)
    ):
        return
    msg = (
        f"{where} {asked.name!r}: the spec has {_spans(asked.seizures)}, and the "
        f"annotations have {_spans(told)}. Another version of the corpus? Correct one "
        "of the two"
    )
    raise SourceError(msg)


def _spans(seizures: Sequence[tuple[float, float]]) -> str:
    spans = ", ".join(f"{start:.10g}-{stop:.10g} s" for start, stop in seizures)
    return f"seizures at {spans}" if spans else "no seizures"


def read_headers(
    spec: FixtureSpec,
    source: Source,
    recordings: Sequence[Recording],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Header]:
    """Read the headers of recordings of which each one is needed.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    source : Source
        Where they come from.
    recordings : sequence of Recording
        All of them.
    progress : callable or None
        Called with (headers read, recordings in all).

    Returns
    -------
    headers : dict of str to Header
        By name.

    Raises
    ------
    SourceError
        If one cannot be used.
    """
    headers = {}
    for done, recording in enumerate(recordings, 1):
        headers[recording.name] = open_header(source, recording, spec)
        if progress is not None:
            progress(done, len(recordings))
    return headers


def place_windows(
    spec: FixtureSpec,
    places: Sequence[Place],
    headers: dict[str, Header],
    *,
    sfreq: float,
) -> Plan:
    """Check windows that are given, and say of which kind they are.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    places : sequence of Place
        Where they are, in the order of the fixture.
    headers : dict of str to Header
        Of their recordings.
    sfreq : float
        Sampling frequency of the fixture in Hz.

    Returns
    -------
    plan : Plan
        At least one window with a seizure.

    Raises
    ------
    SpecError
        If a window lies outside its recording, or none holds a seizure.
    """
    n_times = window_samples(spec, sfreq)
    windows = []
    for place in places:
        recording, start = place.recording, place.start
        size = headers[recording.name].n_times_at(spec, sfreq)
        if start + n_times > size:
            msg = (
                f"{place.where}: expected a window of {spec.window_length:g} s inside "
                f"the recording, which ends at {size / sfreq:g} s; got {start / sfreq:g} "
                f"to {(start + n_times) / sfreq:g} s"
            )
            raise SpecError(msg)
        events = [(event.span(sfreq), event.label) for event in recording.events]
        spans = merge_spans(span for span, _ in events)
        inside = {c for (a, b), c in events if b > start and a < start + n_times}
        windows.append(
            Window(
                recording=recording,
                start=start,
                kind=kind_of(spans, start=start, n_times=n_times),
                types=tuple(sorted(inside)),
            )
        )
    if all(window.kind in KINDS["none"] for window in windows):
        msg = (
            f"none of the {len(windows)} windows that the spec lists holds a seizure; "
            "expected at least one"
        )
        raise SpecError(msg)
    recordings = {window.recording.name: window.recording for window in windows}
    return Plan(
        spec=spec,
        sfreq=sfreq,
        windows=tuple(windows),
        headers=headers,
        recordings=tuple(recordings[name] for name in sorted(recordings)),
    )
