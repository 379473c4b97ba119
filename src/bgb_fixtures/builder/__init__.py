"""From a spec to a fixture file.

Invariant: nothing is written before every chosen window was read and checked.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.builder.preprocess import (
    BRAIN_GO_BRR,
    BRAIN_GO_BRR_SFREQ,
    PROFILE_STEPS,
    PROFILE_UNITS,
    Moments,
    brain_go_brr_window,
    raw_1,
    resampled_length,
    standardise_brain_go_brr,
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
from bgb_fixtures.h5 import KINDS, WindowRecord, category_of
from bgb_fixtures.montage import montage_rows
from bgb_fixtures.spec import spec_to_json, window_samples

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from bgb_fixtures.builder.preprocess import Scaled
    from bgb_fixtures.builder.sources import Recording, Signal, Source
    from bgb_fixtures.spec import FixtureSpec

    _Factors: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

__all__ = ["BuildReport", "build_fixture", "synthesise"]

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
        Called with (steps done, steps in all); a step is a window, or a recording
        that profile zscore-1 sums up.

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
    _check_profile(spec)
    source = _get_source(spec, root)
    recordings = source.recordings()
    windows, sfreq = _choose(spec, source, recordings)
    if all(window.kind in KINDS["none"] for window in windows):
        raise _no_positive(spec, recordings)
    content = _read(spec, source, windows, sfreq=sfreq, progress=progress)
    target = write_fixture(content, path)
    kinds = {window.kind for window in windows}
    return BuildReport(
        path=target,
        windows=content.windows,
        missing_kinds=tuple(k for k in SELECTABLE_KINDS if k not in kinds),
        n_recordings=len(recordings),
    )


def synthesise(spec: FixtureSpec) -> Content:
    """Generate the windows of a synthetic spec, without a file.

    Parameters
    ----------
    spec : FixtureSpec
        Of the synthetic source; its windows may all be without a seizure.

    Returns
    -------
    content : Content
        What `build_fixture` would write.
    """
    _check_profile(spec)
    source = _get_source(spec, None)
    windows, sfreq = _choose(spec, source, source.recordings())
    return _read(spec, source, windows, sfreq=sfreq, progress=None)


def _check_profile(spec: FixtureSpec) -> None:
    if spec.profile != BRAIN_GO_BRR:
        return
    if spec.montage != "10-20":
        msg = (
            f"profile {BRAIN_GO_BRR!r} is what brain-go-brr computes from 19 electrodes "
            f"and feeds to its model: montage '10-20', got {spec.montage!r}"
        )
        raise SpecError(msg)
    if spec.sfreq not in (None, BRAIN_GO_BRR_SFREQ):
        msg = f"profile {BRAIN_GO_BRR!r} has 256 Hz, got sfreq {spec.sfreq:g} Hz"
        raise SpecError(msg)


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
    """Choose windows, and open only the recordings that are needed for that."""
    if spec.source == "synthetic":
        return _listed_windows(spec, recordings), spec.sfreq or 256.0
    if not recordings:
        msg = f"source {spec.source!r}: there is no annotated recording under --root"
        raise SourceError(msg)
    usable = sorted(
        (
            r
            for r in recordings
            if r.duration is None or r.duration >= spec.window_length
        ),
        key=lambda recording: recording.name,
    )
    first = next((recording for recording in usable if recording.events), None)
    if first is None:
        raise _no_positive(spec, recordings)
    headers = _Headers(source, spec.montage)
    sfreq = BRAIN_GO_BRR_SFREQ if spec.profile == BRAIN_GO_BRR else spec.sfreq
    if sfreq is None:
        sfreq = headers.read(first).sfreq
    n_times = window_samples(spec, sfreq)
    sizes = {
        recording.name: headers.read(recording).n_times_at(sfreq)
        if recording.duration is None
        else seconds_to_sample(recording.duration, sfreq)
        for recording in usable
    }
    while True:
        windows = choose_windows(
            usable, sizes, sfreq=sfreq, n_times=n_times, per_kind=spec.per_kind
        )
        chosen = {window.recording.name: window.recording for window in windows}
        stated = {
            name: headers.read(recording).n_times_at(sfreq)
            for name, recording in chosen.items()
        }
        if spec.profile != BRAIN_GO_BRR:
            _check_rates(spec, {n: headers.known[n].sfreq for n in chosen}, sfreq=sfreq)
        if all(sizes[name] == size for name, size in stated.items()):
            return windows, sfreq
        # A header knows the length better than the annotations. Each turn puts at least
        # one length right for good, so there are at most as many turns as recordings.
        sizes |= stated


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    sfreq: float
    n_times: int

    def n_times_at(self, sfreq: float) -> int:
        return resampled_length(self.n_times, sfreq=self.sfreq, to_sfreq=sfreq)


class _Headers:
    """The headers of the recordings that were opened, each read and checked once."""

    def __init__(self, source: Source, montage: str) -> None:
        self._source = source
        self._montage = montage
        self.known: dict[str, _Header] = {}

    def read(self, recording: Recording) -> _Header:
        if recording.name not in self.known:
            with self._source.open(recording, self._montage) as signal:
                header = _Header(sfreq=signal.sfreq, n_times=signal.n_times)
            _check_events(recording, header)
            self.known[recording.name] = header
        return self.known[recording.name]


def _check_events(recording: Recording, header: _Header) -> None:
    for event in recording.events:
        # Annotations round to 0.1 ms, so an end may lie a fraction of a sample outside.
        if event.span(header.sfreq)[1] > header.n_times + 1:
            msg = (
                f"recording {recording.name!r}: a seizure ends at "
                f"{event.onset + event.duration:g} s and the recording at "
                f"{header.n_times / header.sfreq:g} s; check that the annotations "
                "belong to this file"
            )
            raise SourceError(msg)


def _check_rates(spec: FixtureSpec, rates: dict[str, float], *, sfreq: float) -> None:
    for name, rate in rates.items():
        if rate == sfreq:
            continue
        if spec.sfreq is not None:
            msg = (
                f"recording {name!r} has {rate:g} Hz, asked for {sfreq:g} Hz; profile "
                f"{spec.profile!r} does not resample: ask for the native rate"
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
        artefacts = [artefact.span(sfreq) for artefact in wanted.artefacts]
        for onset in wanted.windows:
            start = seconds_to_sample(onset, sfreq)
            kind = kind_of(spans, start=start, n_times=n_times, artefacts=artefacts)
            windows.append(Window(recording=recording, start=start, kind=kind))
    return windows


def _no_positive(spec: FixtureSpec, recordings: Sequence[Recording]) -> SpecError:
    n_events = sum(len(recording.events) for recording in recordings)
    msg = (
        f"source {spec.source!r}: no window of {spec.window_length:g} s with a seizure "
        f"can be had: {len(recordings)} annotated recordings with {n_events} seizures"
    )
    if n_events:
        msg += "; use a shorter --window-length"
    return SpecError(msg)


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
    n_steps = n_windows + len(pseudonyms.recordings) * (spec.profile == "zscore-1")
    steps = itertools.count(1)

    def tick() -> None:
        if progress is not None:
            progress(next(steps), n_steps)

    for row, (window, scaled) in enumerate(
        _iter_scaled(spec, source, windows, n_times=n_times, tick=tick)
    ):
        recording = window.recording
        signals[row] = scaled.values
        scale[row], offset[row] = scaled.scale, scaled.offset
        events = clip_events(
            recording.events, start=window.start, n_times=n_times, sfreq=sfreq
        )
        labels[row] = events_to_mask(events, sfreq=sfreq, n_times=n_times)
        records.append(
            WindowRecord(
                id=f"win-{row + 1:02d}",
                category=category_of(int(labels[row].sum()), n_times),
                kind=window.kind,
                split=recording.split,
                subject=pseudonyms.subjects[recording.subject],
                recording=pseudonyms.recordings[recording.name],
                onset=window.start / sfreq,
                n_clipped=scaled.n_clipped,
                events=events,
            )
        )
        tick()
    return Content(
        name=spec.name,
        content_version=spec.content_version,
        sfreq=sfreq,
        ch_names=ch_names,
        montage=spec.montage,
        unit=PROFILE_UNITS[spec.profile],
        profile={"name": spec.profile, "steps": list(PROFILE_STEPS[spec.profile])},
        source={"name": spec.source, **source.identity},
        licence=asdict(source.licence) | {"changes": _changes(spec)},
        spec=spec_to_json(spec),
        windows=tuple(records),
        signals=signals,
        labels=labels,
        scale=scale,
        offset=offset,
    )


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
    n_times: int,
    tick: Callable[[], None],
) -> Iterator[tuple[Window, Scaled]]:
    """Yield each window and its processed signal, in order."""
    factors = _zscore_factors(spec, source, windows, tick=tick)
    for _, group in itertools.groupby(
        windows, key=lambda window: window.recording.name
    ):
        of_recording = list(group)
        recording = of_recording[0].recording
        with source.open(recording, spec.montage) as signal:
            read = _processed(spec, signal, factors.get(_scale_key(spec, recording)))
            for window in of_recording:
                yield window, read(window.start, window.start + n_times)


def _processed(
    spec: FixtureSpec, signal: Signal, factors: _Factors | None
) -> Callable[[int, int], Scaled]:
    """Return a function that reads `[start, stop)` as the profile wants it."""
    if spec.profile == BRAIN_GO_BRR:
        whole = standardise_brain_go_brr(
            signal.read(0, signal.n_times), sfreq=signal.sfreq
        )
        return lambda start, stop: brain_go_brr_window(whole, start=start, stop=stop)
    if factors is not None:
        return lambda start, stop: zscore_1(signal.read(start, stop), *factors)
    return lambda start, stop: raw_1(signal.read(start, stop))


def _scale_key(spec: FixtureSpec, recording: Recording) -> str:
    return recording.subject if spec.source == "synthetic" else recording.name


def _zscore_factors(
    spec: FixtureSpec,
    source: Source,
    windows: Sequence[Window],
    *,
    tick: Callable[[], None],
) -> dict[str, _Factors]:
    """Return scale and offset from the seizure-free signal, for profile zscore-1."""
    if spec.profile != "zscore-1":
        return {}
    moments: dict[str, Moments] = {}
    for recording in {w.recording.name: w.recording for w in windows}.values():
        total = moments.setdefault(_scale_key(spec, recording), Moments())
        with source.open(recording, spec.montage) as signal:
            for piece in _iter_seizure_free(signal, recording):
                total.add(piece)
        tick()
    ch_names = montage_rows(spec.montage)
    whose = "subject" if spec.source == "synthetic" else "recording"
    return {
        key: total.scale_and_offset(ch_names=ch_names, where=f"{whose} {key!r}")
        for key, total in moments.items()
    }


def _iter_seizure_free(
    signal: Signal, recording: Recording
) -> Iterator[npt.NDArray[np.float64]]:
    spans = merge_spans(event.span(signal.sfreq) for event in recording.events)
    borders = [0, *(sample for span in spans for sample in span), signal.n_times]
    step = round(_CHUNK_S * signal.sfreq)
    for start, stop in zip(borders[::2], borders[1::2], strict=True):
        for piece in range(start, stop, step):
            yield signal.read(piece, min(piece + step, stop))
