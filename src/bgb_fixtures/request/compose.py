"""Any number of windows from a seed: which recordings to ask the generator for.

Invariant: window i follows from seed, share, length and i alone, and the first n windows
hold the asked share of windows with a seizure, for every n.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bgb_fixtures.errors import SpecError
from bgb_fixtures.request.spec import parse_spec
from bgb_fixtures.request.synthetic import (
    LEAST_SEIZURE_S,
    RecordingSpec,
    SyntheticRequest,
)
from bgb_fixtures.synthetic.scenario import Artefact, Seizure
from bgb_fixtures.synthetic.streams import Streams

__all__ = [
    "MOST_WINDOWS",
    "base_request",
    "check_windows",
    "compose_recording",
    "compose_request",
]

MOST_WINDOWS = 999
_KINDS = ("onset", "offset", "whole", "ictal")
"""Kinds of the windows with a seizure, in turn."""
_LONG_TYPES = ("cpsz", "fnsz", "tcsz", "gnsz", "spsz", "tnsz")
_SHORT_TYPES = ("absz", "mysz", "cnsz", "atsz")
"""May also start and end inside a window."""
_ARTEFACTS = (
    "muscle",
    "chewing",
    "focal-spikes",
    "blink",
    "spike-waves",
    "pop",
    "saccade",
    "spindles",
)
_SHORT_S = 8.0
_GRID = 16
"""Borders lie on multiples of 1/16 s, which annotation files with four decimals keep."""


def compose_request(
    n_windows: int, *, seed: int = 0, ictal_share: float = 0.5, **keys: Any
) -> SyntheticRequest:
    """Compose the request for synthetic windows, each of another subject.

    From 5 windows on, the last fifth is split ``"dev"``, which then holds a window with a
    seizure if any two windows in a row do. `keys` are those of a spec: window_length,
    sfreq, band_pass, montage, names, profile, name. SpecError if a value is outside its
    range.
    """
    check_windows(n_windows, seed=seed, ictal_share=ictal_share)
    if n_windows > MOST_WINDOWS:
        msg = f"windows: expected at most {MOST_WINDOWS} in a file, got {n_windows}"
        raise SpecError(msg)
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
    """Return a request without recordings; `keys` are those of a spec.

    SpecError if a value is outside its range.
    """
    length = keys.get("window_length", 60.0)
    if not _is_number(length) or not 1 <= length <= 600 or length * _GRID % 1:
        msg = (
            "window length: expected seconds in [1, 600], a multiple of 1/16 s, got "
            f"{length!r}"
        )
        raise SpecError(msg)
    # Checked where the values of a file are, which holds a recording.
    recording = {
        "subject": 1,
        "duration": length,
        "events": [{"onset": 0, "duration": length, "label": "fnsz"}],
    }
    spec = {"source": "synthetic", "seed": seed, "recordings": [recording]} | keys
    request = parse_spec(spec, where="request")
    assert isinstance(request, SyntheticRequest)
    return replace(request, recordings=())


def check_windows(n_windows: int, *, seed: int, ictal_share: float) -> None:
    """Check how many windows are asked for, and how they are drawn."""
    if type(n_windows) is not int or n_windows < 1:
        msg = f"windows: expected an integer of at least 1, got {n_windows!r}"
        raise SpecError(msg)
    if type(seed) is not int or not 0 <= seed < 2**32:
        msg = f"seed: expected an integer in [0, 4294967295], got {seed!r}"
        raise SpecError(msg)
    if not _is_number(ictal_share) or not 0 <= ictal_share <= 1:
        msg = f"ictal share: expected a number in [0, 1], got {ictal_share!r}"
        raise SpecError(msg)


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
    """Compose the recording that window `index` is cut from."""
    streams = Streams.of_seed(seed).child(f"compose/{index}")
    share = Fraction(repr(float(ictal_share)))
    n_before = math.ceil(index * share)
    positive = math.ceil((index + 1) * share) > n_before

    def grid(name: str, low: float, high: float, *, of: float = window_length) -> float:
        return round(streams.between(name, low, high) * of * _GRID) / _GRID

    def pick(name: str, choices: tuple[str, ...]) -> str:
        return choices[int(streams.between(name, 0, len(choices)))]

    # Before the window lies signal to scale by, behind it the rest of a seizure. A
    # window of a few seconds is cut from a recording of some more.
    before = window_length / 3 if window_length >= _SHORT_S else _SHORT_S
    after = window_length / 12 if window_length >= _SHORT_S else _SHORT_S
    first = math.floor(before * _GRID) / _GRID
    end = first + window_length + math.ceil(after * _GRID) / _GRID
    margin = window_length if window_length >= _SHORT_S else 3 * _SHORT_S
    events: tuple[Seizure, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    state = "awake"
    if positive:
        kind = _KINDS[n_before % len(_KINDS)]
        types = _LONG_TYPES + (_SHORT_TYPES if kind == "whole" else ())
        start, stop = {
            "onset": (first + grid("start", 0.2, 0.8), end),
            "offset": (
                first - grid("start", 0.05, 0.15, of=margin),
                first + grid("stop", 0.2, 0.8),
            ),
            "whole": (
                first + grid("start", 0.1, 0.4),
                first + grid("stop", 0.55, 0.9),
            ),
            "ictal": (first - grid("start", 0.05, 0.15, of=margin), end),
        }[kind]
        label = pick("type", types)
        if label in _SHORT_TYPES:
            longest = 1.5 if label == "mysz" else 12.0
            stop = min(stop, start + longest)
        stop = max(stop, start + LEAST_SEIZURE_S)
        events = (Seizure(onset=start, duration=stop - start, label=label),)
    else:
        if (index - n_before) % 2:
            start = grid("start", 0.1, 0.5)
            duration = max(grid("duration", 0.1, 0.3), 1.0)
            artefacts = (
                Artefact(
                    onset=first + start,
                    duration=duration,
                    kind=pick("artefact", _ARTEFACTS),
                ),
            )
        state = "sleep" if streams.between("state", 0, 1) < 0.25 else "awake"
    return RecordingSpec(
        subject=index + 1,
        split=split,
        duration=end,
        events=events,
        windows=(first,),
        artefacts=artefacts,
        state=state,
    )
