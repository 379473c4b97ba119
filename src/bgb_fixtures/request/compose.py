"""Any number of windows from a seed: which recordings to ask the generator for.

Invariant: window i follows from seed, share, length and i alone, and the first n windows
hold the asked share of windows with a seizure, for every n.
"""

from __future__ import annotations

import math
from fractions import Fraction

from bgb_fixtures.errors import SpecError
from bgb_fixtures.request.spec import (
    FixtureSpec,
    RecordingSpec,
    parse_spec,
    spec_to_json,
)
from bgb_fixtures.synthetic import RECIPE
from bgb_fixtures.synthetic.scenario import Artefact, Seizure
from bgb_fixtures.synthetic.streams import Streams

__all__ = [
    "MOST_WINDOWS",
    "check_request",
    "compose_recording",
    "compose_spec",
    "compose_window",
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
_GRID = 16
"""Borders lie on multiples of 1/16 s, which annotation files with four decimals keep."""


def compose_spec(
    n_windows: int,
    *,
    seed: int,
    ictal_share: float = 0.5,
    window_length: float = 60.0,
    profile: str = "zscore-1",
    montage: str = "10-20",
    name: str = "synthetic",
) -> FixtureSpec:
    """Compose the spec of a fixture of synthetic windows, a subject for each.

    From 5 windows on, the last fifth is split ``"dev"``, which then holds a window with a
    seizure if any two windows in a row do. The window length is in seconds.
    """
    check_request(
        n_windows, seed=seed, ictal_share=ictal_share, window_length=window_length
    )
    if n_windows > MOST_WINDOWS:
        msg = f"windows: expected at most {MOST_WINDOWS} in a file, got {n_windows}"
        raise SpecError(msg)
    if ictal_share == 0:
        msg = "ictal share: expected more than 0, as a fixture holds a seizure; got 0"
        raise SpecError(msg)
    n_dev = n_windows // 5
    spec = FixtureSpec(
        name=name,
        source="synthetic",
        window_length=float(window_length),
        montage=montage,
        profile=profile,
        seed=seed,
        recipe=RECIPE,
        recordings=tuple(
            compose_recording(
                i,
                seed=seed,
                ictal_share=ictal_share,
                window_length=window_length,
                split="dev" if i >= n_windows - n_dev else "train",
            )
            for i in range(n_windows)
        ),
    )
    # Profile, montage and name are checked where those of a file are.
    return parse_spec(spec_to_json(spec), where="request")


def compose_window(
    index: int, *, seed: int, ictal_share: float, window_length: float
) -> FixtureSpec:
    """Compose the spec of one window, as `compose_spec` has it at `index`."""
    return FixtureSpec(
        name="synthetic",
        source="synthetic",
        window_length=float(window_length),
        montage="10-20",
        profile="zscore-1",
        seed=seed,
        recipe=RECIPE,
        recordings=(
            compose_recording(
                index, seed=seed, ictal_share=ictal_share, window_length=window_length
            ),
        ),
    )


def check_request(
    n_windows: int, *, seed: int, ictal_share: float, window_length: float
) -> None:
    """Check what windows are asked for: the error names the value and its range."""
    if type(n_windows) is not int or n_windows < 1:
        msg = f"windows: expected an integer of at least 1, got {n_windows!r}"
        raise SpecError(msg)
    if type(seed) is not int or not 0 <= seed < 2**32:
        msg = f"seed: expected an integer in [0, 4294967295], got {seed!r}"
        raise SpecError(msg)
    if not 0 <= ictal_share <= 1:
        msg = f"ictal share: expected a number in [0, 1], got {ictal_share!r}"
        raise SpecError(msg)
    if not 8 <= window_length <= 600 or window_length * _GRID % 1:
        msg = (
            "window length: expected seconds in [8, 600], a multiple of 1/16 s, got "
            f"{window_length!r}"
        )
        raise SpecError(msg)


def compose_recording(
    index: int,
    *,
    seed: int,
    ictal_share: float,
    window_length: float,
    split: str = "train",
) -> RecordingSpec:
    """Compose the recording that window `index` is cut from, of subject `index` + 1.

    It is longer than its one window by signal to scale by, and by the rest of a seizure.
    Windows with a seizure are onset, offset, whole and ictal in turn; every second
    window without one holds an artefact.
    """
    streams = Streams.of_seed(seed, RECIPE).child(f"compose/{index}")
    share = Fraction(repr(float(ictal_share)))
    n_before = math.ceil(index * share)
    positive = math.ceil((index + 1) * share) > n_before

    def grid(name: str, low: float, high: float) -> float:
        return round(streams.between(name, low, high) * window_length * _GRID) / _GRID

    def pick(name: str, choices: tuple[str, ...]) -> str:
        return choices[int(streams.between(name, 0, len(choices)))]

    # Before the window lies signal to scale by, behind it the rest of a seizure.
    first = math.floor(window_length / 3 * _GRID) / _GRID
    end = first + window_length + math.ceil(window_length / 12 * _GRID) / _GRID
    events: tuple[Seizure, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    state = "awake"
    if positive:
        kind = _KINDS[n_before % len(_KINDS)]
        types = _LONG_TYPES + (_SHORT_TYPES if kind == "whole" else ())
        start, stop = {
            "onset": (first + grid("start", 0.2, 0.8), end),
            "offset": (
                first - grid("start", 0.05, 0.15),
                first + grid("stop", 0.2, 0.8),
            ),
            "whole": (
                first + grid("start", 0.1, 0.4),
                first + grid("stop", 0.55, 0.9),
            ),
            "ictal": (first - grid("start", 0.05, 0.15), end),
        }[kind]
        label = pick("type", types)
        if label in _SHORT_TYPES:
            longest = 1.5 if label == "mysz" else 12.0
            stop = min(stop, start + longest)
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
