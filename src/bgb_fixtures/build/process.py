"""From a plan to the content of a fixture: read, process, label.

Invariant: every window is processed as if its whole recording were, and its labels are
those samples whose time lies in an event.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.build.signals import open_native, process_signal, signal_steps
from bgb_fixtures.eeg.events import clip_events, events_to_mask, merge_spans
from bgb_fixtures.eeg.scaling import (
    BRAIN_GO_BRR,
    PROFILE_STEPS,
    PROFILE_UNITS,
    Moments,
    brain_go_brr_window,
    raw_1,
    standardise_brain_go_brr,
    zscore_1,
)
from bgb_fixtures.format.records import WindowRecord, category_of
from bgb_fixtures.format.write import Content
from bgb_fixtures.request.spec import (
    bare_spec,
    spec_montage,
    spec_to_json,
    window_samples,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from bgb_fixtures.build.plan import Plan
    from bgb_fixtures.build.windows import Window
    from bgb_fixtures.corpora import Recording, Signal, Source
    from bgb_fixtures.eeg.scaling import Scaled
    from bgb_fixtures.request.spec import FixtureSpec

    _Factors: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

__all__ = ["number_names", "read_content"]

_CHUNK_S = 60


def read_content(
    plan: Plan,
    source: Source,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Content:
    """Read and process the windows of a plan.

    Parameters
    ----------
    plan : Plan
        From `plan_windows`.
    source : Source
        The source that it was made for.
    progress : callable or None
        Called with (steps done, steps in all); a step is a window, or a recording
        that profile zscore-1 sums up.

    Returns
    -------
    content : Content
        What a fixture file holds.

    Raises
    ------
    SourceError
        If a recording cannot be read with certainty.
    """
    spec, windows, sfreq = plan.spec, plan.windows, plan.sfreq
    n_times = window_samples(spec, sfreq)
    ch_names = spec_montage(spec).ch_names
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
        _iter_scaled(plan, source, n_times=n_times, tick=tick)
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
        montage=spec_montage(spec).name,
        unit=PROFILE_UNITS[spec.profile],
        profile={"name": spec.profile, "steps": _steps(plan)},
        source={
            "name": spec.source,
            **source.identity(pseudonyms.recordings),
            **_interpolated(plan, pseudonyms),
        },
        licence=asdict(source.licence) | {"changes": _changes(spec)},
        spec=spec_to_json(bare_spec(spec, pseudonyms.recordings)),
        windows=tuple(records),
        signals=signals,
        labels=labels,
        scale=scale,
        offset=offset,
    )


def _changes(spec: FixtureSpec) -> str:
    return (
        f"windows of {spec.window_length:g} s, montage {spec_montage(spec).name}, "
        f"profile {spec.profile}; subjects and recordings renamed"
    )


def _steps(plan: Plan) -> list[str]:
    """Return what was done to the samples, in order."""
    names = {window.recording.name for window in plan.windows}
    between = signal_steps(
        plan.spec,
        # The profile of brain-go-brr resamples by itself, and says so.
        rates=[
            plan.headers[name].sfreq
            for name in names
            if name in plan.headers and plan.spec.profile != BRAIN_GO_BRR
        ],
        sfreq=plan.sfreq,
        interpolated=bool(plan.interpolated),
    )
    steps = list(PROFILE_STEPS[plan.spec.profile])
    # raw-1 ends with what is done last: the rounding to float32.
    place = len(steps) - 1 if plan.spec.profile == "raw-1" else 0
    return [*steps[:place], *between, *steps[place:]]


def _interpolated(plan: Plan, pseudonyms: _Pseudonyms) -> dict[str, Any]:
    found = {
        pseudonyms.recordings[name]: list(electrodes)
        for name, electrodes in plan.interpolated.items()
    }
    return {"interpolated": found} if found else {}


def number_names(names: Iterable[str], word: str) -> dict[str, str]:
    """Return the names that a fixture has for subjects or recordings.

    Parameters
    ----------
    names : iterable of str
        As the source has them; those that were selected, and no other.
    word : str
        ``"sub"`` or ``"rec"``.

    Returns
    -------
    numbers : dict of str to str
        Such as ``"rec-01"``, in sorted order of the names.
    """
    ordered = sorted(set(names))
    return {name: f"{word}-{i:02d}" for i, name in enumerate(ordered, 1)}


class _Pseudonyms:
    """Names for the file, of subjects and of recordings."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.subjects = number_names((w.recording.subject for w in windows), "sub")
        self.recordings = number_names((w.recording.name for w in windows), "rec")


def _iter_scaled(
    plan: Plan, source: Source, *, n_times: int, tick: Callable[[], None]
) -> Iterator[tuple[Window, Scaled]]:
    """Yield each window and its processed signal, in order."""
    spec = plan.spec
    factors = _zscore_factors(plan, source, tick=tick)
    for _, group in itertools.groupby(
        plan.windows, key=lambda window: window.recording.name
    ):
        of_recording = list(group)
        recording = of_recording[0].recording
        with _open(plan, source, recording) as signal:
            read = _processed(spec, signal, factors.get(_scale_key(spec, recording)))
            for window in of_recording:
                yield window, read(window.start, window.start + n_times)


def _open(plan: Plan, source: Source, recording: Recording) -> Signal:
    signal, _ = open_native(source, recording, plan.spec)
    if plan.spec.profile == BRAIN_GO_BRR:
        return signal
    try:
        return process_signal(signal, plan.spec, sfreq=plan.sfreq)
    except BaseException:
        signal.__exit__(None, None, None)
        raise


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
    plan: Plan, source: Source, *, tick: Callable[[], None]
) -> dict[str, _Factors]:
    """Return scale and offset from the seizure-free signal, for profile zscore-1."""
    spec = plan.spec
    if spec.profile != "zscore-1":
        return {}
    moments: dict[str, Moments] = {}
    for recording in {w.recording.name: w.recording for w in plan.windows}.values():
        total = moments.setdefault(_scale_key(spec, recording), Moments())
        with _open(plan, source, recording) as signal:
            for piece in _iter_seizure_free(signal, recording):
                total.add(piece)
        tick()
    ch_names = spec_montage(spec).ch_names
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
