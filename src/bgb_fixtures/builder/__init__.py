"""From a spec to a fixture file.

Invariant: nothing is written before every chosen window was read and checked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.builder.preprocess import (
    PROFILE_STEPS,
    PROFILE_UNITS,
    Moments,
    raw_1,
    zscore_1,
)
from bgb_fixtures.builder.windows import (
    SELECTABLE_KINDS,
    Window,
    choose_windows,
    kind_of,
)
from bgb_fixtures.builder.writer import Content, write_fixture
from bgb_fixtures.errors import SourceError, SpecError
from bgb_fixtures.events import (
    clip_events,
    events_to_mask,
    merge_spans,
    seconds_to_sample,
)
from bgb_fixtures.h5 import WindowRecord, category_of
from bgb_fixtures.montage import montage_rows
from bgb_fixtures.spec import spec_to_json, window_samples

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.builder.preprocess import Scaled
    from bgb_fixtures.builder.sources import Recording, Signal, Source
    from bgb_fixtures.spec import FixtureSpec

__all__ = ["BuildReport", "build_fixture"]

_CHUNK_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """Say what was built.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    windows : tuple of WindowRecord
        What it holds.
    missing_kinds : tuple of str
        Kinds of window that the source does not have at this window length.
    n_recordings : int
        Annotated recordings that the source offered.
    """

    path: Path
    windows: tuple[WindowRecord, ...]
    missing_kinds: tuple[str, ...]
    n_recordings: int


def build_fixture(
    spec: FixtureSpec,
    path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BuildReport:
    """Build a fixture file from a spec.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    path : str or path
        The file to write; an older fixture there is replaced.
    root : str, path or None
        Folder or file of the recordings; None for the synthetic source.
    progress : callable or None
        Called with (windows done, windows in all).

    Returns
    -------
    report : BuildReport
        What was built.

    Raises
    ------
    SpecError
        If the request cannot be met; for example no window would hold a seizure.
    SourceError
        If a chosen recording cannot be read with certainty.
    TargetError
        If the file cannot be written. In each case there is no new file.
    """
    source = _get_source(spec, root)
    recordings = source.recordings()
    windows, sfreq = _choose(spec, source, recordings)
    _check_positive(spec, windows, recordings)
    content = _read(spec, source, windows, sfreq=sfreq, progress=progress)
    target = write_fixture(content, path)
    kinds = {window.kind for window in windows}
    return BuildReport(
        path=target,
        windows=content.windows,
        missing_kinds=tuple(k for k in SELECTABLE_KINDS if k not in kinds),
        n_recordings=len(recordings),
    )


def _get_source(spec: FixtureSpec, root: str | os.PathLike[str] | None) -> Source:
    if spec.source == "synthetic":
        if root is not None:
            msg = f"source 'synthetic' reads no files; drop --root {str(root)!r}"
            raise SpecError(msg)
        from bgb_fixtures.builder.sources.synthetic import SyntheticSource

        return SyntheticSource(
            spec.recordings, seed=spec.seed or 0, sfreq=spec.sfreq or 256.0
        )
    if root is None:
        msg = (
            f"source {spec.source!r} needs --root: the folder of the database, of one "
            "case, or one EDF file"
        )
        raise SpecError(msg)
    from pathlib import Path

    from bgb_fixtures.builder.sources.chbmit import ChbmitSource

    return ChbmitSource(Path(root))


def _choose(
    spec: FixtureSpec, source: Source, recordings: Sequence[Recording]
) -> tuple[list[Window], float]:
    """Choose windows, and open only the recordings that are chosen."""
    if spec.source == "synthetic":
        return _listed_windows(spec, recordings), spec.sfreq or 256.0
    if not recordings:
        msg = f"source {spec.source!r}: there is no annotated recording under --root"
        raise SourceError(msg)
    # Durations from the annotations serve to plan; a header, once read, corrects them.
    headers: dict[str, tuple[float, int]] = {}
    for recording in recordings:
        if recording.duration is None:
            with source.open(recording, spec.montage) as signal:
                headers[recording.name] = (signal.sfreq, signal.n_times)
    sfreq = spec.sfreq
    if sfreq is None:
        first = next((r for r in recordings if r.events), recordings[0])
        with source.open(first, spec.montage) as signal:
            headers[first.name] = (signal.sfreq, signal.n_times)
            sfreq = signal.sfreq
    n_times = window_samples(spec, sfreq)
    while True:
        sizes = [
            headers[r.name][1]
            if r.name in headers
            else seconds_to_sample(r.duration or 0.0, sfreq)
            for r in recordings
        ]
        windows = choose_windows(
            recordings, sizes, sfreq=sfreq, n_times=n_times, per_kind=spec.per_kind
        )
        unread = {w.recording.name: w.recording for w in windows}
        unread = {k: r for k, r in unread.items() if k not in headers}
        for name, recording in unread.items():
            with source.open(recording, spec.montage) as signal:
                headers[name] = (signal.sfreq, signal.n_times)
        _check_rates(
            {w.recording.name: headers[w.recording.name][0] for w in windows},
            asked=spec.sfreq,
            sfreq=sfreq,
        )
        if not unread:
            return windows, sfreq


def _check_rates(rates: dict[str, float], *, asked: float | None, sfreq: float) -> None:
    other = {name: rate for name, rate in rates.items() if rate != sfreq}
    if not other:
        return
    name, rate = next(iter(other.items()))
    if asked is not None:
        msg = (
            f"recording {name!r} has {rate:g} Hz, asked for {asked:g} Hz; this release "
            "does not resample: ask for the native rate"
        )
    else:
        msg = (
            f"the chosen recordings have different rates: {sfreq:g} Hz, and "
            f"{rate:g} Hz in {name!r}; choose recordings of one rate with --root"
        )
    raise SpecError(msg)


def _listed_windows(spec: FixtureSpec, recordings: Sequence[Recording]) -> list[Window]:
    sfreq = spec.sfreq or 256.0
    n_times = window_samples(spec, sfreq)
    windows = []
    for recording, wanted in zip(recordings, spec.recordings, strict=True):
        spans = merge_spans(event.span(sfreq) for event in recording.events)
        for onset in wanted.windows:
            start = seconds_to_sample(onset, sfreq)
            kind = kind_of(spans, start=start, n_times=n_times)
            windows.append(Window(recording=recording, start=start, kind=kind))
    return windows


def _check_positive(
    spec: FixtureSpec, windows: Sequence[Window], recordings: Sequence[Recording]
) -> None:
    if any(window.kind != "background" for window in windows):
        return
    n_events = sum(len(recording.events) for recording in recordings)
    msg = (
        f"source {spec.source!r}: no window of {spec.window_length:g} s with a seizure "
        f"can be had: {len(recordings)} annotated recordings with {n_events} seizures"
    )
    if n_events:
        msg += "; use a shorter --window-length"
    raise SpecError(msg)


def _read(
    spec: FixtureSpec,
    source: Source,
    windows: Sequence[Window],
    *,
    sfreq: float,
    progress: Callable[[int, int], None] | None,
) -> Content:
    n_times = window_samples(spec, sfreq)
    ch_names = montage_rows(spec.montage)
    n_windows, n_channels = len(windows), len(ch_names)
    signals = np.empty((n_windows, n_channels, n_times), np.float32)
    labels = np.empty((n_windows, n_times), np.uint8)
    scale = np.empty((n_windows, n_channels), np.float32)
    offset = np.empty((n_windows, n_channels), np.float32)
    records: list[WindowRecord] = []
    pseudonyms = _Pseudonyms(windows)
    for recording, data_uv, group in _iter_scaled(
        spec, source, windows, sfreq=sfreq, n_times=n_times, ch_names=ch_names
    ):
        row = len(records)
        signals[row] = data_uv.values
        scale[row], offset[row] = data_uv.scale, data_uv.offset
        events = clip_events(
            recording.events, start=group.start, n_times=n_times, sfreq=sfreq
        )
        labels[row] = events_to_mask(events, sfreq=sfreq, n_times=n_times)
        records.append(
            WindowRecord(
                id=f"win-{row + 1:02d}",
                category=category_of(int(labels[row].sum()), n_times),
                kind=group.kind,
                split=recording.split,
                subject=pseudonyms.subjects[recording.subject],
                recording=pseudonyms.recordings[recording.name],
                onset=group.start / sfreq,
                n_clipped=data_uv.n_clipped,
                events=events,
            )
        )
        if progress is not None:
            progress(len(records), n_windows)
    return Content(
        name=spec.name,
        content_version=spec.content_version,
        sfreq=sfreq,
        ch_names=ch_names,
        montage=spec.montage,
        unit=PROFILE_UNITS[spec.profile],
        profile={"name": spec.profile, "steps": list(PROFILE_STEPS[spec.profile])},
        source={"name": spec.source, **_identity(source)},
        licence=asdict(source.licence) | {"changes": _changes(spec)},
        spec=spec_to_json(spec),
        windows=tuple(records),
        signals=signals,
        labels=labels,
        scale=scale,
        offset=offset,
    )


def _identity(source: Source) -> dict[str, Any]:
    """Return what a source says of its own state, if it says anything."""
    return dict(getattr(source, "identity", {}))


def _changes(spec: FixtureSpec) -> str:
    return (
        f"windows of {spec.window_length:g} s, montage {spec.montage}, "
        f"profile {spec.profile}; subjects and recordings renamed"
    )


class _Pseudonyms:
    """Names for the file: numbers in sorted order of those selected."""

    def __init__(self, windows: Sequence[Window]) -> None:
        subjects = sorted({w.recording.subject for w in windows})
        names = sorted({w.recording.name for w in windows})
        self.subjects = {s: f"sub-{i:02d}" for i, s in enumerate(subjects, 1)}
        self.recordings = {r: f"rec-{i:02d}" for i, r in enumerate(names, 1)}


def _iter_scaled(
    spec: FixtureSpec,
    source: Source,
    windows: Sequence[Window],
    *,
    sfreq: float,
    n_times: int,
    ch_names: tuple[str, ...],
) -> Iterator[tuple[Recording, Scaled, Window]]:
    """Yield each window, processed, in order."""
    by_recording = {
        name: list(group)
        for name, group in groupby(windows, key=lambda w: w.recording.name)
    }
    moments = _moments(spec, source, windows, sfreq=sfreq)
    for group in by_recording.values():
        recording = group[0].recording
        with source.open(recording, spec.montage) as signal:
            for window in group:
                data_uv = signal.read(window.start, window.start + n_times)
                if spec.profile == "raw-1":
                    yield recording, raw_1(data_uv), window
                    continue
                key = _scale_key(spec, recording)
                factors = moments[key].scale_and_offset(
                    ch_names=ch_names, where=f"recording {recording.name!r}"
                )
                yield recording, zscore_1(data_uv, *factors), window


def _scale_key(spec: FixtureSpec, recording: Recording) -> str:
    return recording.subject if spec.source == "synthetic" else recording.name


def _moments(
    spec: FixtureSpec, source: Source, windows: Sequence[Window], *, sfreq: float
) -> dict[str, Moments]:
    """Sum up the seizure-free signal that profile zscore-1 scales by."""
    moments: dict[str, Moments] = {}
    if spec.profile != "zscore-1":
        return {}
    for recording in {w.recording.name: w.recording for w in windows}.values():
        total = moments.setdefault(_scale_key(spec, recording), Moments())
        with source.open(recording, spec.montage) as signal:
            for piece in _iter_seizure_free(signal, recording, sfreq=sfreq):
                total.add(piece)
    return moments


def _iter_seizure_free(
    signal: Signal, recording: Recording, *, sfreq: float
) -> Iterator[npt.NDArray[np.float64]]:
    spans = merge_spans(event.span(sfreq) for event in recording.events)
    borders = [0, *(sample for span in spans for sample in span), signal.n_times]
    step = round(_CHUNK_S * sfreq)
    for start, stop in zip(borders[::2], borders[1::2], strict=True):
        for piece in range(start, stop, step):
            yield signal.read(piece, min(piece + step, stop))
