"""Generate recordings, and cut the windows of a synthetic request from them.

Invariant: a window holds the digital values that an EDF file of the same recording would
hold, times 0.125 microvolts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.build.quotas import Window
from bgb_fixtures.build.read import Origin, Part, Pseudonyms, read_content
from bgb_fixtures.build.signals import processed_signal, signal_steps
from bgb_fixtures.corpora.recording import CC0, Recording
from bgb_fixtures.eeg.average import AveragedSignal
from bgb_fixtures.eeg.events import merge_spans, seconds_to_sample
from bgb_fixtures.eeg.kinds import kind_of
from bgb_fixtures.eeg.montage import resolve_montage
from bgb_fixtures.request.spec import spec_to_json
from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.recording import LSB_UV, generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from bgb_fixtures.eeg.montage import Row
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.format.write import Content
    from bgb_fixtures.request.synthetic import RecordingSpec, SyntheticRequest

__all__ = ["read_synthetic", "synthetic_windows"]


class _GeneratedSignal:
    """The rows of a montage over a generated recording."""

    def __init__(self, digital: npt.NDArray[np.int16], rows: Sequence[Row]) -> None:
        self._digital = digital
        self._rows = rows
        self.sfreq = float(SFREQ)

    @property
    def n_times(self) -> int:
        return int(self._digital.shape[1])

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        return start, stop

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, exact multiples of 0.125."""
        data = np.empty((len(self._rows), stop - start))
        for i, row in enumerate(self._rows):
            data[i] = self._digital[row.plus[0], start:stop]
            if row.minus:
                data[i] -= self._digital[row.minus[0], start:stop]
        return data * LSB_UV


def read_synthetic(
    request: SyntheticRequest,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Content:
    """Generate the windows of a request, which may all be seizure-free."""
    recordings = _recordings(request)
    windows = synthetic_windows(request)
    names = Pseudonyms(windows)
    profile = request.profile
    between = signal_steps(
        request.montage,
        rates=[SFREQ],
        sfreq=request.sfreq,
        band_pass=request.band_pass,
    )
    if request.sfreq > SFREQ:
        between.append(f"generated at {SFREQ} Hz: nothing above {SFREQ // 2} Hz")
    place = profile.extra_steps_at
    # The accepted draft of each recording, by its place in the spec.
    drafts: dict[int, dict[str, float]] = {}

    def identity() -> dict[str, Any]:
        return {
            "name": request.source,
            "recipe": request.recipe,
            "seed": request.seed,
            "recordings": [drafts[index] for index in sorted(drafts)],
        }

    return read_content(
        _iter_groups(recordings, windows, request, drafts),
        Origin(
            name=request.name,
            content_version=request.content_version,
            window_length=request.window_length,
            montage=request.montage,
            profile=profile,
            steps=(*profile.steps[:place], *between, *profile.steps[place:]),
            source=identity,
            licence=lambda: CC0,
            spec=spec_to_json(request),
        ),
        names=names,
        n_times=request.n_times,
        sfreq=request.sfreq,
        progress=progress,
    )


def synthetic_windows(request: SyntheticRequest) -> list[Window]:
    """Return the windows that a request lists, in the order of the fixture."""
    return [
        _window(recording, spec, onset, request)
        for recording, spec in zip(
            _recordings(request), request.recordings, strict=True
        )
        for onset in spec.windows
    ]


def _recordings(request: SyntheticRequest) -> list[Recording]:
    return [
        Recording(
            # Four digits, so that names sort in the order of the spec.
            name=f"recording-{i:04d}",
            subject=f"subject-{spec.subject:03d}",
            split=spec.split,
            duration=spec.duration,
            events=spec.events,
        )
        for i, spec in enumerate(request.recordings, 1)
    ]


def _window(
    recording: Recording, spec: RecordingSpec, onset: float, request: SyntheticRequest
) -> Window:
    sfreq = request.sfreq
    start = seconds_to_sample(onset, sfreq)
    spans = merge_spans(event.span(sfreq) for event in recording.events)
    artefacts = [artefact.span(sfreq) for artefact in spec.artefacts]
    kind = kind_of(spans, start=start, n_times=request.n_times, artefacts=artefacts)
    return Window(recording=recording, start=start, kind=kind)


def _iter_groups(
    recordings: Sequence[Recording],
    windows: Sequence[Window],
    request: SyntheticRequest,
    drafts: dict[int, dict[str, float]],
) -> Iterator[list[Part]]:
    """Yield the recordings grouped by subject, because a subject has one scale."""
    rows: dict[str, list[int]] = {}
    for row, window in enumerate(windows):
        rows.setdefault(window.recording.name, []).append(row)
    subjects: dict[str, list[int]] = {}
    for index, recording in enumerate(recordings):
        subjects.setdefault(recording.subject, []).append(index)
    for subject, indices in subjects.items():
        group = []
        for run, index in enumerate(indices, 1):
            recording = recordings[index]
            one = generate(
                request.recordings[index],
                seed=request.seed,
                run=run,
                recipe=request.recipe,
            )
            drafts[index] = {"salt": one.salt, "margin": one.margin}
            channels = resolve_montage(
                one.ch_names, request.montage, where=recording.name
            )
            signal: Signal = _GeneratedSignal(one.digital, channels)
            if request.montage.averaged:
                signal = AveragedSignal(signal)
            signal = processed_signal(
                signal, sfreq=request.sfreq, band_pass=request.band_pass
            )
            part = Part(
                recording=recording,
                windows=tuple((row, windows[row]) for row in rows[recording.name]),
                signal=signal,
                announce=lambda _: None,
                scaled_with=f"subject {subject!r}",
            )
            group.append(part)
        yield group
