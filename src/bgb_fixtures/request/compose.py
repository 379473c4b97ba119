"""Compose synthetic recordings for any number of windows from a seed.

Invariant: window i depends only on seed, share, length and i, and for every n the first
n windows have the requested share of windows with a seizure.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import Key, SpecError
from bgb_fixtures.request.spec import parse_spec
from bgb_fixtures.request.synthetic import (
    LEAST_SEIZURE_S,
    RecordingSpec,
    SyntheticRequest,
)
from bgb_fixtures.synthetic import RECIPE
from bgb_fixtures.synthetic.scenario import Artefact, Seizure
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MOST_WINDOWS",
    "base_request",
    "check_windows",
    "compose_recording",
    "compose_request",
]

MOST_WINDOWS = 999
_KINDS = ("onset", "offset", "whole", "ictal")
"""Kinds of the windows with a seizure, used in turn."""
_TYPES = {
    # Kind -> types of ten windows of this kind; in forty windows every type occurs four
    # times. An atonic or myoclonic seizure is too short to fill a window; a myoclonic
    # seizure lies inside it.
    "onset": "cpsz fnsz gnsz spsz tcsz cnsz tnsz tnsz absz atsz",
    "offset": "cpsz fnsz gnsz spsz tcsz cnsz tnsz absz absz atsz",
    "whole": "mysz mysz mysz mysz atsz atsz absz tnsz tcsz cnsz",
    "ictal": "cpsz cpsz fnsz fnsz gnsz gnsz spsz spsz tcsz cnsz",
}
_SHORT_S = {"absz": (4, 20), "atsz": (2.5, 10), "mysz": (0.5, 2), "tnsz": (8, 25)}
"""Shortest and longest seizure in seconds, for types shorter than a window."""
_ARTEFACTS = {
    "awake": (
        "muscle",
        "movement",
        "chewing",
        "blink",
        "focal-spikes",
        "pop",
        "spike-waves",
        "saccade",
        "electrode",
        "drift",
    ),
    "sleep": ("spindles", "k-complexes", "focal-spikes"),
}
"""State -> patterns that a detector may mistake for a seizure."""
_BESIDE = ("muscle", "movement", "pop", "electrode")
"""Artefacts in a window with a seizure, before, after or during it."""
_SHORT_WINDOW_S = 8.0
_GRID = 16
"""Borders are multiples of 1/16 s, which four decimals represent exactly."""


def compose_request(
    n_windows: int, *, seed: int = 0, ictal_share: float = 0.5, **keys: Any
) -> SyntheticRequest:
    """Compose the request for synthetic windows, each from another subject.

    With 5 or more windows, the last fifth is in split ``"dev"``, which then holds a
    window with a seizure if any two consecutive windows do. `keys` are keys of a spec:
    window_length, sfreq, band_pass, montage, names, profile, name. SpecError if a value
    is outside its range.
    """
    check_windows(n_windows, seed=seed, ictal_share=ictal_share)
    if n_windows > MOST_WINDOWS:
        msg = f": expected at most {MOST_WINDOWS} in a file, got {n_windows}"
        raise SpecError(Key("windows"), msg)
    base = base_request(seed=seed, **keys)
    n_dev = n_windows // 5
    return replace(
        base,
        recordings=tuple(
            compose_recording(
                i,
                seed=seed,
                ictal_share=ictal_share,
                window_length=base.window_length,
                split="dev" if i >= n_windows - n_dev else "train",
            )
            for i in range(n_windows)
        ),
    )


def base_request(*, seed: int, **keys: Any) -> SyntheticRequest:
    """Return a request without recordings; `keys` are keys of a spec.

    SpecError if a value is outside its range.
    """
    length = keys.get("window_length", 60.0)
    if not _is_number(length) or not 1 <= length <= 600 or length * _GRID % 1:
        msg = f": expected 1 to 600 s, a multiple of 1/16 s, got {length!r}"
        raise SpecError(Key("window_length"), msg)
    # Validated by the parser of spec files, which requires a recording.
    recording = {
        "subject": 1,
        "duration": length,
        "events": [{"onset": 0, "duration": length, "label": "fnsz"}],
    }
    spec = {
        "source": "synthetic",
        "seed": seed,
        "recipe": RECIPE,
        "recordings": [recording],
    } | keys
    request = parse_spec(spec)
    assert isinstance(request, SyntheticRequest)
    return replace(request, recordings=())


def check_windows(n_windows: int, *, seed: int, ictal_share: float) -> None:
    """Check the number of windows, the seed and the share."""
    if type(n_windows) is not int or n_windows < 1:
        msg = f": expected an integer of at least 1, got {n_windows!r}"
        raise SpecError(Key("windows"), msg)
    if type(seed) is not int or not 0 <= seed < 2**32:
        msg = f": expected an integer from 0 to 4294967295, got {seed!r}"
        raise SpecError(Key("seed"), msg)
    if not _is_number(ictal_share) or not 0 <= ictal_share <= 1:
        msg = f": expected a number from 0 to 1, got {ictal_share!r}"
        raise SpecError(Key("ictal_share"), msg)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def compose_recording(
    index: int,
    *,
    seed: int,
    ictal_share: float,
    window_length: float,
    split: str = "train",
) -> RecordingSpec:
    """Compose the recording that window `index` is cut from, of subject `index` + 1.

    It is longer than its only window, to include seizure-free signal for scaling and
    the rest of a seizure. Windows with a seizure are onset, offset, whole and ictal in
    turn; every second window without a seizure holds an artefact.
    """
    family = Streams.of_seed(seed, RECIPE).child("compose")
    streams = family.child(str(index))
    share = Fraction(repr(float(ictal_share)))
    n_before = math.ceil(index * share)
    positive = math.ceil((index + 1) * share) > n_before
    # The recording has signal for scaling before the window, and the rest of a seizure
    # after it. A window of a few seconds needs relatively more of both.
    brief = window_length < _SHORT_WINDOW_S
    before, after, least = (
        (_SHORT_WINDOW_S, _SHORT_WINDOW_S, 1.0)
        if brief
        else (window_length / 3, window_length / 12, 0.0)
    )
    first = _grid(math.floor, before)
    end = first + window_length + _grid(math.ceil, after)
    state = "sleep" if streams.chance("sleep", 0.3) else "awake"
    events: tuple[Seizure, ...] = ()
    if positive:
        kind = _KINDS[n_before % len(_KINDS)]
        turn, place = divmod(n_before // len(_KINDS), 10)
        label = _shuffled(family.child(f"types/{turn}"), kind)[place]
        if label == "absz":
            state = "awake"
        events = (
            _place_seizure(
                streams, kind, label, first=first, length=window_length, end=end
            ),
        )
    artefacts: tuple[Artefact, ...] = ()
    if streams.chance("beside", 0.5) if positive else (index - n_before) % 2:
        kinds = _BESIDE if positive else _ARTEFACTS[state]
        part = streams.between(
            "artefact length", *((0.1, 0.4) if positive else (0.2, 0.5))
        )
        free = streams.between("artefact onset", 0, 1 - part)
        artefacts = (
            Artefact(
                onset=first + _grid(round, free * window_length),
                duration=max(_grid(round, part * window_length), least),
                kind=kinds[int(streams.between("artefact", 0, len(kinds)))],
                amplitude=round(streams.between("artefact size", 1, 1.8), 2),
            ),
        )
    return RecordingSpec(
        subject=index + 1,
        split=split,
        duration=end,
        events=events,
        windows=(first,),
        artefacts=artefacts,
        state=state,
    )


def _grid(how: Callable[[float], int], seconds: float) -> float:
    return how(seconds * _GRID) / _GRID


def _shuffled(streams: Streams, kind: str) -> list[str]:
    """Return the ten types of a kind in a random order."""
    types = _TYPES[kind].split()
    order = streams.uniforms(kind, len(types)).argsort(kind="stable")
    return [types[i] for i in order]


def _place_seizure(
    streams: Streams, kind: str, label: str, *, first: float, length: float, end: float
) -> Seizure:
    """Place a seizure so that the window [first, first + length) has its kind."""
    # A short window is cut from a seizure after its build-up.
    run_up = length if length >= _SHORT_WINDOW_S else 3 * _SHORT_WINDOW_S

    def share(name: str, low: float, high: float, of: float) -> float:
        return max(_grid(round, streams.between(name, low, high) * of), 1 / _GRID)

    start, stop = {
        "onset": (first + share("onset", 0.2, 0.8, length), end),
        "offset": (
            first - share("before", 0.05, 0.15, run_up),
            first + share("end", 0.2, 0.8, length),
        ),
        "whole": (
            first + share("onset", 0.1, 0.4, length),
            first + share("end", 0.55, 0.9, length),
        ),
        "ictal": (first - share("before", 0.05, 0.15, run_up), end),
    }[kind]
    if label in _SHORT_S:
        lasts = max(_grid(round, streams.between("lasts", *_SHORT_S[label])), 0.5)
        if kind == "onset":
            start = max(start, first + length - share("inside", 0.4, 0.8, lasts))
            stop = min(stop, start + lasts)
        elif kind == "offset":
            stop = min(stop, first + share("inside", 0.4, 0.8, lasts))
            start = max(start, stop - lasts)
        else:
            stop = min(stop, start + lasts)
    stop = max(stop, start + LEAST_SEIZURE_S)
    return Seizure(onset=start, duration=stop - start, label=label)
