"""Plan the recordings of a corpus: patients, splits, seizures and their times.

Invariant: a plan depends only on the request; no patient is in two splits, the first
recording of each split holds a seizure, and seizures start and end on a grid of times
that the annotation files of the layout represent exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count, cycle, islice, repeat
from math import gcd
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import Key, SpecError
from bgb_fixtures.request.synthetic import MAX_SYNTHETIC_S, RecordingSpec
from bgb_fixtures.synthetic import FIRST_RECIPE, SFREQ
from bgb_fixtures.synthetic.recipes import make_subject
from bgb_fixtures.synthetic.scenario import Artefact
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bgb_fixtures.synthetic.recipes import Subject

__all__ = ["MAX_RECORDINGS", "PlannedRecording", "plan_recordings"]

MAX_RECORDINGS = 999
MIN_DURATION_S, MAX_DURATION_S = 10, int(MAX_SYNTHETIC_S)
# A seizure lasts at least 4 s and stays 3 s from either end of the recording: detectors
# need 3 s, and windows must contain its onset and its end.
_LEAST_S, _MARGIN_S = 4, 3
_TWO_FROM_S = 60
# An invented date; midnight as in TUSZ.
_EPOCH = datetime(2015, 1, 1)  # noqa: DTZ001 (the EDF header has no time zone)
_PAUSE = timedelta(seconds=7)

SEIZURES = {
    # TUSZ code -> shortest and longest duration in seconds, from the literature as
    # listed in the design of the generator. The codes are those used in TUSZ 2.0.3
    # except mysz, which lasts less than 2 s.
    "cpsz": (30, 90),
    "gnsz": (15, 60),
    "fnsz": (20, 70),
    "absz": (6, 20),
    "tcsz": (45, 90),
    "spsz": (20, 45),
    "tnsz": (10, 25),
}
# State of a recording without a seizure -> patterns that a detector may mistake for
# one.
_NEGATIVES = {
    "awake": (
        "chewing",
        "focal-spikes",
        "saccade",
        "muscle",
        "spike-waves",
        "pop",
        "blink",
        "drift",
    ),
    "sleep": ("spindles", "k-complexes", "focal-spikes"),
}
_NEGATIVE_EVERY_S = 20
# Splits of the recordings. The first six give every split both classes; after them,
# train gets the most, as in TUSZ (63, 25 and 12 %).
_FIRST = (0, 1, 2, 0, 1, 2)
_THEN = (0, 0, 1, 0, 0, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecording:
    """The plan of one recording.

    Attributes
    ----------
    patient : int
        Index of the patient, from 0, over all splits.
    take : int
        Index of the recording, from 0, among those of the patient.
    subject : Subject
        The parameters of the patient.
    seed : int
        Seed of the corpus.
    spec : RecordingSpec
        The request to the generator.
    start : datetime.datetime
        Invented start; recordings of a patient follow each other.
    without : tuple of str
        Electrodes that the file lacks.
    sfreq : int
        Hz.
    case : str
        Chosen name of the patient; empty: the layout chooses the name.
    """

    patient: int
    take: int
    subject: Subject
    seed: int
    spec: RecordingSpec
    start: datetime
    without: tuple[str, ...] = ()
    sfreq: int = SFREQ
    case: str = ""


def plan_recordings(
    *,
    n_recordings: int,
    duration: float,
    seed: int,
    splits: tuple[str, ...],
    steps_per_s: int,
    rates: tuple[int, ...] = (SFREQ,),
    cases: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
) -> tuple[PlannedRecording, ...]:
    """Plan the recordings of a corpus; patients take rates, cases and types in turn.

    With `types` a patient has seizures of one type, and one in every recording.
    """
    _check_number("recordings", n_recordings, 1, MAX_RECORDINGS)
    _check_number("seed", seed, 0, 2**32 - 1)
    why = (
        f"; a seizure of {_LEAST_S} s with {_MARGIN_S} s on either side is the shortest"
        if 0 < duration < MIN_DURATION_S
        else ""
    )
    _check_number("duration", duration, MIN_DURATION_S, MAX_DURATION_S, why)
    # Recordings and seizures do not depend on the recipe that generates the samples.
    streams = Streams.of_seed(seed, FIRST_RECIPE).child("corpus")
    seizure_types = _cycle_types(streams)
    # Seizures start and end on samples at each of the rates.
    steps_per_s = gcd(steps_per_s, *rates)
    numbers = {wanted: _numbers(seed, wanted) for wanted in ("AR", "LE")}
    plan: list[PlannedRecording] = []
    patient = 0
    for split, in_split in zip(splits, _share(n_recordings, len(splits)), strict=True):
        for i, size in enumerate(_patient_sizes(in_split, len(cases))):
            if types:
                seizure_types = repeat(types[patient % len(types)])
            # TUSZ has both references; a third of the patients has the rarer one.
            number = next(numbers["LE" if patient % 3 == 1 else "AR"])
            for take in range(size):
                here = streams.child(f"{patient}-{take}")
                events: tuple[Event, ...] = ()
                artefacts: tuple[Artefact, ...] = ()
                state = "awake"
                if types or take == i % size:
                    events = _place_seizures(
                        seizure_types,
                        here,
                        duration=int(duration),
                        steps_per_s=steps_per_s,
                    )
                else:
                    state = "sleep" if here.between("state", 0, 1) < 0.3 else "awake"
                    artefacts = _place_negatives(here, state, duration=int(duration))
                plan.append(
                    PlannedRecording(
                        patient=patient,
                        take=take,
                        subject=make_subject(seed=seed, number=number),
                        seed=seed,
                        spec=RecordingSpec(
                            subject=number,
                            split=split,
                            duration=float(duration),
                            events=events,
                            windows=(),
                            artefacts=artefacts,
                            state=state,
                        ),
                        start=_EPOCH + take * (timedelta(seconds=duration) + _PAUSE),
                        sfreq=rates[patient % len(rates)],
                        case=cases[patient] if cases else "",
                    )
                )
            patient += 1
    return tuple(plan)


def _check_number(
    name: str, value: float, least: int, most: int, why: str = ""
) -> None:
    if isinstance(value, bool) or value != value // 1 or not least <= value <= most:
        msg = f": expected a whole number from {least} to {most}, got {value:.12g}"
        raise SpecError(Key(name), msg + why)


def _share(n_recordings: int, n_splits: int) -> list[int]:
    """Return how many recordings each split gets."""
    if n_splits == 1:
        return [n_recordings]
    order = list(
        islice((s for s in chain(_FIRST, cycle(_THEN)) if s < n_splits), n_recordings)
    )
    return [order.count(split) for split in range(n_splits)]


def _patient_sizes(n_recordings: int, n_patients: int = 0) -> list[int]:
    """Distribute recordings evenly among patients; by default at most three each."""
    n_patients = n_patients or -(-n_recordings // 3)
    return [
        n_recordings // n_patients + (i < n_recordings % n_patients)
        for i in range(n_patients)
    ]


def _numbers(seed: int, reference: str) -> Iterator[int]:
    """Yield the numbers of the generator's subjects that have this reference."""
    for number in count(1):
        if make_subject(seed=seed, number=number).reference == reference:
            yield number


def _cycle_types(streams: Streams) -> Iterator[str]:
    """Yield every type in turn, starting at a random one."""
    codes = list(SEIZURES)
    first = int(streams.between("first type", 0, len(codes)))
    for i in count(first):
        yield codes[i % len(codes)]


def _place_seizures(
    codes: Iterator[str], streams: Streams, *, duration: int, steps_per_s: int
) -> tuple[Event, ...]:
    """Place one seizure, or occasionally two, into a recording."""
    two = duration >= _TWO_FROM_S and streams.between("two", 0, 1) < 1 / 3
    n_events = 2 if two else 1
    slot = duration * steps_per_s // n_events
    margin = _MARGIN_S * steps_per_s
    events = []
    for i, code in enumerate(islice(codes, n_events)):
        shortest, longest = SEIZURES[code]
        # At most half of the time is ictal. In a short recording, seizures get shorter
        # but do not all have the same duration.
        floor = _LEAST_S * steps_per_s
        most = min(longest * steps_per_s, max(floor, slot // 2), slot - 2 * margin)
        least = max(floor, min(shortest * steps_per_s, 2 * most // 3))
        length = int(streams.between(f"duration {i}", least, most + 1))
        room = slot - 2 * margin - length
        onset = i * slot + margin + int(streams.between(f"onset {i}", 0, room + 1))
        events.append(
            Event(
                onset=onset / steps_per_s,
                duration=length / steps_per_s,
                label=code,
            )
        )
    return tuple(events)


def _place_negatives(
    streams: Streams, state: str, *, duration: int
) -> tuple[Artefact, ...]:
    """Place patterns that resemble seizures, about every 20 s."""
    kinds = _NEGATIVES[state]
    n = max(1, duration // _NEGATIVE_EVERY_S)
    first = int(streams.between("first kind", 0, len(kinds)))
    artefacts = []
    for i in range(n):
        length = int(streams.between(f"length {i}", 2, 7))
        slot = duration // n
        onset = i * slot + int(streams.between(f"onset {i}", 0, slot - length + 1))
        kind = kinds[(first + i) % len(kinds)]
        artefacts.append(
            Artefact(onset=float(onset), duration=float(length), kind=kind)
        )
    return tuple(artefacts)
