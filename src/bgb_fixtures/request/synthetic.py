"""A request for synthetic EEG: recordings to generate, and windows to cut from them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from bgb_fixtures.eeg.events import seconds_to_sample
from bgb_fixtures.eeg.filter import check_band_pass
from bgb_fixtures.eeg.resample import resampling_ratio
from bgb_fixtures.eeg.scaling import PROFILES
from bgb_fixtures.errors import Key, SpecError
from bgb_fixtures.request.samples import window_samples
from bgb_fixtures.request.table import SPLIT
from bgb_fixtures.synthetic import (
    ARTEFACT_KINDS,
    FIRST_RECIPE,
    RECIPES,
    SEIZURE_TYPES,
    SFREQ,
    STATES,
)
from bgb_fixtures.synthetic.scenario import Artefact, Scenario, Seizure

if TYPE_CHECKING:
    from bgb_fixtures.eeg.events import Event
    from bgb_fixtures.eeg.montage import Montage
    from bgb_fixtures.eeg.scaling import Profile
    from bgb_fixtures.request.table import Table

__all__ = [
    "MAX_SYNTHETIC_S",
    "RecordingSpec",
    "SyntheticRequest",
    "parse_synthetic",
    "synthetic_to_json",
]

MAX_SYNTHETIC_S = 3600.0
LEAST_SFREQ, MOST_SFREQ = 100, 1024
LEAST_SEIZURE_S = 0.25  # one spike and its wave, the shortest pattern
LEAST_AMPLITUDE, MOST_AMPLITUDE = 0.1, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSpec(Scenario):
    """One recording to generate, with the onsets of its windows in seconds.

    All recordings of a subject have the same split.
    """

    split: str
    windows: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticRequest:
    """A request for a fixture of synthetic EEG, valid and resolved.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        From 1; increased when a fixture of this name gets other samples.
    window_length : float
        Seconds.
    sfreq : float
        Hz, in [100, 1024]. EEG is generated at 256 Hz and resampled, so it contains no
        frequencies above 128 Hz.
    band_pass : tuple of float or None
        Edges of a filter in Hz.
    montage : Montage
        Rows of the fixture.
    profile : Profile
        Conversion of microvolts to values.
    seed : int
        Seed of every random stream.
    recipe : str
        Version of the generator, one of `bgb_fixtures.synthetic.RECIPES`.
    recordings : tuple of RecordingSpec
        Recordings to generate, in the order of the fixture.
    """

    source: ClassVar[str] = "synthetic"

    name: str
    content_version: int = 1
    window_length: float = 60.0
    sfreq: float = float(SFREQ)
    band_pass: tuple[float, float] | None = None
    montage: Montage
    profile: Profile = PROFILES["zscore-1"]
    seed: int = 0
    recipe: str = FIRST_RECIPE
    recordings: tuple[RecordingSpec, ...]

    def __post_init__(self) -> None:
        window_samples(self.window_length, self.sfreq)
        up, down = resampling_ratio(SFREQ, self.sfreq)
        if self.band_pass is not None:
            check_band_pass(self.band_pass, sfreq=self.sfreq)
        splits: dict[int, str] = {}
        for recording in self.recordings:
            known = splits.setdefault(recording.subject, recording.split)
            if known != recording.split:
                msg = (
                    f": subject {recording.subject} is in split {known!r} and in "
                    f"{recording.split!r}; expected one split per subject"
                )
                raise SpecError(Key("recordings"), msg)
            # The ends in seconds were checked, but may not fall on a sample at this
            # rate.
            n_times = seconds_to_sample(recording.duration, SFREQ) * up // down
            for onset in recording.windows:
                if seconds_to_sample(onset, self.sfreq) + self.n_times > n_times:
                    msg = (
                        f": a window at {onset:g} s has no last sample at "
                        f"{self.sfreq:g} Hz (found {recording.duration:g} s of signal); "
                        "use a longer duration"
                    )
                    raise SpecError(Key("recordings"), msg)

    @property
    def n_times(self) -> int:
        """Samples per window."""
        return window_samples(self.window_length, self.sfreq)

    def check_positive(self) -> None:
        """Raise SpecError unless some window holds part of a seizure."""
        for recording in self.recordings:
            for onset in recording.windows:
                for event in recording.events:
                    end = event.onset + event.duration
                    if event.onset < onset + self.window_length and end > onset:
                        return
        n_events = sum(len(recording.events) for recording in self.recordings)
        msg = (
            f": expected at least one window with a seizure; got {n_events} events, "
            "none of them inside a window"
        )
        raise SpecError(Key("recordings"), msg)


def parse_synthetic(table: Table, *, window_length: float) -> dict[str, Any]:
    """Take the keys of a synthetic spec only, as fields of the request."""
    # A spec without a recipe predates the second recipe.
    recipe = table.text("recipe", RECIPES, FIRST_RECIPE)
    recordings = tuple(
        _parse_recording(item, window_length=window_length, recipe=recipe)
        for item in table.tables("recordings")
    )
    if not recordings:
        table.fail("recordings", "at least one recording to generate", [])
    return {
        "sfreq": table.rate("sfreq", least=LEAST_SFREQ, most=MOST_SFREQ)
        or float(SFREQ),
        "seed": table.integer("seed", least=0, most=2**32 - 1, default=0),
        "recipe": recipe,
        "recordings": recordings,
    }


def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def _parse_amplitude(table: Table) -> float:
    value = table.take("amplitude", 1)
    return table.number("amplitude", value, least=LEAST_AMPLITUDE, most=MOST_AMPLITUDE)


def _parse_event(table: Table, *, duration: float) -> Seizure:
    table.expect(_names(Seizure))
    onset = table.seconds("onset", least=0, most=duration - LEAST_SEIZURE_S)
    return Seizure(
        onset=onset,
        duration=table.seconds(
            "duration", least=LEAST_SEIZURE_S, most=duration - onset
        ),
        label=table.text("label", SEIZURE_TYPES),
        amplitude=_parse_amplitude(table),
    )


def _parse_artefact(table: Table, *, duration: float, recipe: str) -> Artefact:
    table.expect(_names(Artefact))
    onset = table.seconds("onset", least=0, most=duration - 1 / SFREQ)
    return Artefact(
        onset=onset,
        duration=table.seconds("duration", least=1 / SFREQ, most=duration - onset),
        kind=table.text("kind", ARTEFACT_KINDS[recipe]),
        amplitude=_parse_amplitude(table),
    )


def _parse_recording(
    table: Table, *, window_length: float, recipe: str
) -> RecordingSpec:
    table.expect(_names(RecordingSpec))
    duration = table.seconds("duration", least=window_length, most=MAX_SYNTHETIC_S)
    onsets = table.take("windows", [0])
    if not isinstance(onsets, list) or not onsets:
        table.fail("windows", "a list of at least one onset in seconds", onsets)
    windows = tuple(
        table.number(
            f"windows[{i}]", onset, least=0, most=duration - window_length, unit=" s"
        )
        for i, onset in enumerate(onsets)
    )
    if any(b < a + window_length for a, b in itertools.pairwise(windows)):
        table.fail("windows", f"onsets in order, {window_length:g} s apart", onsets)
    events = tuple(
        _parse_event(item, duration=duration) for item in table.tables("events")
    )
    for before, after in itertools.pairwise(events):
        if after.onset < before.onset + before.duration:
            table.fail("events", "events in order, without overlap", after.onset)
    return RecordingSpec(
        subject=table.integer("subject", least=1, most=999),
        split=table.word("split", SPLIT, "train"),
        duration=duration,
        events=events,
        windows=windows,
        artefacts=tuple(
            _parse_artefact(item, duration=duration, recipe=recipe)
            for item in table.tables("artefacts")
        ),
        state=table.text("state", STATES, "awake"),
    )


def synthetic_to_json(request: SyntheticRequest) -> dict[str, Any]:
    """Return the keys of a synthetic spec as JSON values."""
    value: dict[str, Any] = {}
    if request.sfreq != SFREQ:
        value["sfreq"] = request.sfreq
    if request.band_pass is not None:
        value["band_pass"] = list(request.band_pass)
    if request.recipe != FIRST_RECIPE:
        value["recipe"] = request.recipe
    return value | {
        "seed": request.seed,
        "recordings": [_recording_to_json(r) for r in request.recordings],
    }


def _recording_to_json(recording: RecordingSpec) -> dict[str, Any]:
    value: dict[str, Any] = {
        "subject": recording.subject,
        "split": recording.split,
        "duration": recording.duration,
        "windows": list(recording.windows),
        "events": [
            {"onset": event.onset, "duration": event.duration, "label": event.label}
            | _amplitude_to_json(event)
            for event in recording.events
        ],
    }
    if recording.artefacts:
        value["artefacts"] = [
            {
                "onset": artefact.onset,
                "duration": artefact.duration,
                "kind": artefact.kind,
            }
            | _amplitude_to_json(artefact)
            for artefact in recording.artefacts
        ]
    if recording.state != "awake":
        value["state"] = recording.state
    return value


def _amplitude_to_json(part: Event | Artefact) -> dict[str, float]:
    amplitude = getattr(part, "amplitude", 1.0)
    return {} if amplitude == 1 else {"amplitude": amplitude}
