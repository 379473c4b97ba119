"""Read, process and label the chosen windows of a fixture.

Invariant: a window has the same values as if its whole recording had been processed; a
sample is labelled ictal if its time lies in an event; no stored sample is read twice.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.events import clip_events, events_to_mask, merge_spans
from bgb_fixtures.eeg.kinds import category_of
from bgb_fixtures.eeg.scaling import (
    BRAIN_GO_BRR,
    ZSCORE_1,
    Moments,
    brain_go_brr_window,
    raw_1,
    standardise_brain_go_brr,
    zscore_1,
)
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bgb_fixtures.build.quotas import Window
    from bgb_fixtures.corpora.recording import Licence, Recording
    from bgb_fixtures.eeg.montage import Montage
    from bgb_fixtures.eeg.scaling import Profile, Scaled
    from bgb_fixtures.eeg.signal import Signal

__all__ = ["Origin", "Part", "Pseudonyms", "number_names", "read_content"]

_CHUNK_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A recording that is ready to be read, and the windows to read from it.

    `windows` are (row in the fixture, window). `announce` receives the spans of stored
    samples that will be read, in order. `scaled_with` names, for messages, the
    recording or subject whose background sets the scale.
    """

    recording: Recording
    windows: tuple[tuple[int, Window], ...]
    signal: Signal
    announce: Callable[[Iterable[tuple[int, int]]], None]
    scaled_with: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Metadata of a fixture besides its windows; see `Content`.

    `source` and `licence` are called after all windows have been read.
    """

    name: str
    content_version: int
    window_length: float
    montage: Montage
    profile: Profile
    steps: tuple[str, ...]
    source: Callable[[], dict[str, Any]]
    licence: Callable[[], Licence]
    spec: dict[str, Any]


def read_content(
    groups: Iterable[Sequence[Part]],
    origin: Origin,
    *,
    names: Pseudonyms,
    n_times: int,
    sfreq: float,
    progress: Callable[[int, int], None] | None = None,
) -> Content:
    """Read and process windows, group by group; a group shares scale and offset.

    A group is read completely before the next one is requested. `progress` is called
    with (steps done, steps in total). A step is a window, or a recording whose
    statistics profile zscore-1 computes.
    """
    n_windows, n_channels = names.n_windows, len(origin.montage.ch_names)
    signals = np.empty((n_windows, n_channels, n_times), np.float32)
    labels = np.empty((n_windows, n_times), np.uint8)
    scale = np.empty((n_windows, n_channels), np.float32)
    offset = np.empty((n_windows, n_channels), np.float32)
    records: dict[int, WindowRecord] = {}
    n_steps = n_windows + len(names.recordings) * (origin.profile is ZSCORE_1)
    steps = itertools.count(1)

    def tick() -> None:
        if progress is not None:
            progress(next(steps), n_steps)

    for row, window, scaled in _iter_scaled(groups, origin, n_times=n_times, tick=tick):
        recording = window.recording
        signals[row] = scaled.values
        scale[row], offset[row] = scaled.scale, scaled.offset
        events = clip_events(
            recording.events, start=window.start, n_times=n_times, sfreq=sfreq
        )
        labels[row] = events_to_mask(events, sfreq=sfreq, n_times=n_times)
        records[row] = WindowRecord(
            id=f"win-{row + 1:02d}",
            category=category_of(int(labels[row].sum()), n_times),
            kind=window.kind,
            split=recording.split,
            subject=names.subjects[recording.subject],
            recording=names.recordings[recording.name],
            onset=window.start / sfreq,
            n_clipped=scaled.n_clipped,
            events=events,
        )
        tick()
    changes = (
        f"windows of {origin.window_length:g} s, montage {origin.montage.name}, "
        f"profile {origin.profile.name}; subjects and recordings renamed"
    )
    return Content(
        name=origin.name,
        content_version=origin.content_version,
        sfreq=sfreq,
        ch_names=origin.montage.ch_names,
        montage=origin.montage.name,
        unit=origin.profile.unit,
        profile={"name": origin.profile.name, "steps": list(origin.steps)},
        source=origin.source(),
        licence=asdict(origin.licence()) | {"changes": changes},
        spec=origin.spec,
        windows=tuple(records[row] for row in range(n_windows)),
        signals=signals,
        labels=labels,
        scale=scale,
        offset=offset,
    )


def number_names(names: Iterable[str], word: str) -> dict[str, str]:
    """Return the names in a fixture, such as ``"rec-01"``, in sorted order of `names`."""
    ordered = sorted(set(names))
    return {name: f"{word}-{i:02d}" for i, name in enumerate(ordered, 1)}


class Pseudonyms:
    """Names of the selected subjects and recordings in a fixture."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.n_windows = len(windows)
        self.subjects = number_names((w.recording.subject for w in windows), "sub")
        self.recordings = number_names((w.recording.name for w in windows), "rec")


def _iter_scaled(
    groups: Iterable[Sequence[Part]],
    origin: Origin,
    *,
    n_times: int,
    tick: Callable[[], None],
) -> Iterator[tuple[int, Window, Scaled]]:
    """Yield (row, window, processed signal)."""
    for group in groups:
        if origin.profile is ZSCORE_1:
            yield from _iter_zscored(group, origin, n_times=n_times, tick=tick)
            continue
        for part in group:
            read = _reader(part, origin.profile, n_times=n_times)
            for row, window in part.windows:
                yield row, window, read(window.start, window.start + n_times)


def _reader(
    part: Part, profile: Profile, *, n_times: int
) -> Callable[[int, int], Scaled]:
    """Return a function that reads `[start, stop)` for a profile without a scale."""
    signal = part.signal
    if profile is BRAIN_GO_BRR:
        whole = standardise_brain_go_brr(
            signal.read(0, signal.n_times), sfreq=signal.sfreq
        )
        return lambda start, stop: brain_go_brr_window(whole, start=start, stop=stop)
    starts = [window.start for _, window in part.windows]
    part.announce(signal.needs(start, start + n_times) for start in starts)
    return lambda start, stop: raw_1(signal.read(start, stop))


def _iter_zscored(
    group: Sequence[Part],
    origin: Origin,
    *,
    n_times: int,
    tick: Callable[[], None],
) -> Iterator[tuple[int, Window, Scaled]]:
    """Yield the windows of recordings that share a scale, set by their background."""
    moments = Moments()
    for part in group:
        background = [*_seizure_free(part.signal, part.recording)]
        windows = [(w.start, w.start + n_times) for _, w in part.windows]
        part.announce(part.signal.needs(*span) for span in (*background, *windows))
        for start, stop in background:
            moments.add(part.signal.read(start, stop))
        tick()
    factors = moments.scale_and_offset(
        ch_names=origin.montage.ch_names, where=group[0].scaled_with
    )
    for part in group:
        for row, window in part.windows:
            data_uv = part.signal.read(window.start, window.start + n_times)
            yield row, window, zscore_1(data_uv, *factors)


def _seizure_free(signal: Signal, recording: Recording) -> Iterator[tuple[int, int]]:
    """Yield seizure-free spans `[start, stop)` in samples, each at most a minute."""
    spans = merge_spans(event.span(signal.sfreq) for event in recording.events)
    borders = [0, *(sample for span in spans for sample in span), signal.n_times]
    step = round(_CHUNK_S * signal.sfreq)
    for start, stop in zip(borders[::2], borders[1::2], strict=True):
        for piece in range(start, stop, step):
            yield piece, min(piece + step, stop)
