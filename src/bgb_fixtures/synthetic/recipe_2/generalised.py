"""Generalised seizures: the whole head takes part, usually with a frontal maximum.

Frequencies and phases follow Drury & Henry 1993 and the seizure types of the ILAE; an
absence is regular at 3 per second and starts and stops abruptly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import patch
from bgb_fixtures.synthetic.recipe_2.body import add_movement, add_muscle, excite, jerks
from bgb_fixtures.synthetic.recipe_2.discharge import (
    Zone,
    add_broad,
    add_complexes,
    add_rhythm,
)
from bgb_fixtures.synthetic.recipe_2.seizure import add_slowing, dim, shape_envelope
from bgb_fixtures.synthetic.shapes import ramps, seconds
from bgb_fixtures.synthetic.streams import interpolate, slow_noise

if TYPE_CHECKING:
    from bgb_fixtures.synthetic.recipe_2.seizure import Seizure

__all__ = [
    "absence",
    "atonic",
    "clonic",
    "generalised",
    "myoclonic",
    "tonic",
    "tonic_clonic",
]

_GAINS = {
    "MF": 1.0, "LF": 0.8, "RF": 0.8, "LA": 0.6, "RA": 0.6, "LT": 0.45, "RT": 0.45,
    "MC": 0.6, "LC": 0.55, "RC": 0.55, "LP": 0.4, "RP": 0.4, "LO": 0.4, "RO": 0.4,
}  # fmt: skip
_CORNERS = ("LF", "RF", "LP", "RP")


def _zones(seizure: Seizure, *, lag: float = 0.02, front: float = 1.0) -> list[Zone]:
    """Return zones all over the head, with delays of up to `lag` seconds.

    A `front` above 1 increases the frontal ones further; one side may be larger.
    """
    more = 0.85 + 0.3 * seizure.streams.uniforms("zone gains", len(_GAINS))
    lags = lag * seizure.streams.uniforms("zone lags", len(_GAINS))
    lean = seizure.draw("lean", -0.12, 0.12)
    leans = {"L": 1 + lean, "R": 1 - lean, "M": 1.0}
    return [
        Zone(
            region=name,
            gain=float(gain**front * more[i] * leans[name[0]]),
            lag=float(lags[i]),
            sigma=16,
        )
        for i, (name, gain) in enumerate(_GAINS.items())
    ]


def generalised(seizure: Seizure) -> None:
    """Add irregular spike-waves and polyspike-waves that slow down."""
    draw, length = seizure.draw, seizure.length
    size = seizure.loudness(150, 450)
    zones = _zones(seizure, lag=0.03, front=draw("front", 0.6, 1.3))
    envelope = shape_envelope(
        seizure,
        begin=draw("begin", 0.5, 0.8),
        peak=draw("peak", 0.3, 0.6),
        end=draw("end", 0.5, 0.9),
        rise=draw("rise", 0.2, 0.6),
    )
    add_complexes(
        seizure,
        "complexes",
        zones,
        frequency=(
            (0, draw("first", 2.8, 4)),
            (0.45, draw("middle", 2.2, 3)),
            (1, draw("last", 1.5, 2.2)),
        ),
        envelope=envelope,
        size_uv=size,
        spikes=(1, 3) if seizure.chance("polyspikes", 0.5) else (1, 2),
        fwhm=draw("fwhm", 0.03, 0.05),
        dome=draw("dome", 0.9, 1.2),
        jitter=draw("jitter", 0.05, 0.12),
        unrest=draw("unrest", 0.1, 0.22),
    )
    add_broad(
        seizure,
        zones,
        everywhere=draw("everywhere", 0.2, 0.5),
        envelope=envelope,
        size_uv=size * draw("broad", 0.08, 0.24),
        peak_hz=(draw("early peak", 2, 4), draw("late peak", 1.2, 2.4)),
    )
    dim(seizure, (-0.2, 1), (0.6, 0.75), (length, 0.65), (length + 12, 1))
    excite(seizure, envelope, muscle=0.85, size_uv=(8, 90), movement=0.5)
    add_slowing(seizure, _CORNERS, size_uv=0.25 * size, rise=0.5, tau=10)


def absence(seizure: Seizure) -> None:
    """Add regular spike-waves at 3 per second that begin and end abruptly."""
    draw, length = seizure.draw, seizure.length
    size = seizure.loudness(210, 480)
    zones = _zones(seizure, lag=0.015)
    envelope = shape_envelope(
        seizure, begin=0.85, peak=0.3, end=0.85, rise=0.15, fall=0.25
    )
    add_complexes(
        seizure,
        "complexes",
        zones,
        frequency=(
            (0, draw("first", 3.2, 3.8)),
            (0.25, draw("middle", 2.9, 3.2)),
            (1, draw("last", 2.5, 2.8)),
        ),
        envelope=envelope,
        size_uv=size,
        spikes=(1, 2) if seizure.chance("double", 0.3) else (1, 1),
        fwhm=draw("fwhm", 0.028, 0.04),
        dome=draw("dome", 0.65, 0.9),
        jitter=0.02,
        unrest=0.08,
    )
    add_broad(
        seizure,
        zones,
        everywhere=0.1,
        envelope=envelope,
        size_uv=size * draw("broad", 0.03, 0.08),
        peak_hz=(draw("early peak", 2, 4), draw("late peak", 1.2, 2.4)),
    )
    dim(seizure, (-0.1, 1), (0.2, 0.8), (length, 0.8), (length + 0.5, 1), rest=0.8)
    if seizure.chance("eyelids", 0.3):  # They flutter with the spikes.
        add_muscle(seizure, envelope, size_uv=draw("flutter", 2, 8), share=0.2)


def tonic(seizure: Seizure) -> None:
    """Add attenuation, a fast rhythm that grows and slows down, and muscle activity."""
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    size = seizure.loudness(26, 85)
    zones = _zones(seizure, front=1.2)
    quiet = min(draw("quiet", 0.5, 2) / length, 0.25) * n
    peak = draw("peak", 0.5, 0.8) * n
    envelope = ramps(
        n, (-1, 0), (0.3 * quiet, 0.3), (quiet, 0.45), (peak, 1), (0.9 * n, 0.8), (n, 0)
    )
    add_rhythm(
        seizure,
        "recruiting",
        zones,
        frequency=(
            (0, draw("first", 17, 25)),
            (0.5, draw("middle", 12, 16)),
            (1, draw("last", 8, 11)),
        ),
        envelope=envelope,
        size_uv=size,
        purity=draw("purity", 0.1, 0.45),
        together=draw("together", 0.5, 0.8),
    )
    add_broad(
        seizure,
        zones,
        everywhere=0.3,
        envelope=envelope,
        size_uv=size * draw("broad", 0.8, 1.6),
        peak_hz=(draw("early peak", 2.5, 5), draw("late peak", 1.5, 3.5)),
        fall=draw("broad fall", 1.7, 2.7),
    )
    muscle = seizure.scale("muscle size", 10, 60)
    add_muscle(seizure, np.sqrt(envelope), size_uv=muscle, share=0.8)
    if seizure.chance("moves", 0.5):
        add_movement(seizure, envelope, size_uv=seizure.scale("movement size", 40, 160))
    dim(seizure, (-0.1, 1), (0.25, 0.4), (min(2, 0.3 * length), 0.4),
        (min(3, 0.5 * length), 0.7), (length, 0.7), (length + 8, 1), alpha=0.1)  # fmt: skip
    slow = ("LF", "RF", "MF", "MC")
    add_slowing(seizure, slow, size_uv=0.6 * size, rise=0.5, tau=8)


def clonic(seizure: Seizure) -> None:
    """Add polyspike-waves, each with a jerk, at a decreasing rate."""
    draw, length = seizure.draw, seizure.length
    size = seizure.loudness(90, 330)
    zones = _zones(seizure)
    envelope = shape_envelope(
        seizure, begin=0.65, peak=draw("peak", 0.3, 0.5), end=0.8, rise=0.3, fall=0.4
    )
    phase = add_complexes(
        seizure,
        "complexes",
        zones,
        frequency=((0, draw("first", 2.2, 3.4)), (1, draw("last", 0.9, 1.6))),
        envelope=envelope,
        size_uv=size,
        spikes=(1, 3),
        fwhm=draw("fwhm", 0.035, 0.05),
        dome=1.1,
        jitter=0.12,
        unrest=0.25,
    )
    add_broad(
        seizure,
        zones,
        everywhere=0.3,
        envelope=envelope,
        size_uv=size * draw("broad", 0.15, 0.35),
        peak_hz=(draw("early peak", 2, 4), draw("late peak", 1.2, 2.4)),
    )
    add_muscle(
        seizure,
        jerks(phase, envelope, decay=draw("decay", 0.06, 0.11)),
        size_uv=seizure.scale("muscle size", 25, 110),
        share=0.8,
        unrest=0.25,
    )
    add_movement(seizure, envelope, size_uv=seizure.scale("movement size", 40, 160))
    dim(seizure, (-0.2, 1), (0.5, 0.7), (length, 0.6), (length + 12, 1), alpha=0.1)
    add_slowing(seizure, _CORNERS, size_uv=0.28 * size, rise=0.6, tau=12)


def tonic_clonic(seizure: Seizure) -> None:
    """Add a tonic phase masked by muscle, a clonic phase and postictal suppression."""
    draw, n = seizure.draw, seizure.n_times
    turn = round(draw("tonic", 0.26, 0.4) * n)
    cross = min(seconds(1.5), turn // 4)
    zones = _zones(seizure)
    size = seizure.loudness(36, 110)
    tonic_part = ramps(
        turn + cross, (-1, 0), (0.02 * turn, 0.25), (0.15 * turn, 0.4), (0.8 * turn, 1),
        (turn, 0.9), (turn + cross, 0),
    )  # fmt: skip
    add_rhythm(
        seizure,
        "tonic",
        zones,
        frequency=(
            (0, draw("tonic first", 15, 22)),
            (0.4, draw("tonic middle", 10, 13)),
            (1, draw("tonic last", 6.5, 8.5)),
        ),
        envelope=tonic_part,
        size_uv=size,
        sharpness=(0.1, 0.8),
        purity=draw("purity", 0.1, 0.4),
        together=draw("together", 0.4, 0.8),
    )
    rest = n - turn
    edge = min(seconds(0.5), rest // 8)
    clonic_part = ramps(
        rest, (-1, 0), (cross, 0.7), (0.3 * rest, 1), (rest - edge, 0.8), (rest, 0)
    )
    phase = add_complexes(
        seizure,
        "clonic",
        zones,
        frequency=(
            (0, draw("clonic first", 3.6, 5)),
            (0.4, draw("clonic middle", 2, 2.8)),
            (1, draw("clonic last", 0.7, 1.2)),
        ),
        envelope=clonic_part,
        size_uv=2.2 * size,
        spikes=(1, 3),
        fwhm=draw("fwhm", 0.035, 0.05),
        dome=1.0,
        jitter=0.1,
        unrest=0.25,
        offset=turn,
    )
    # The EEG is suppressed between two jerks, for longer towards the end.
    beat = np.minimum(jerks(phase, np.ones(rest), decay=0.25), 1)
    gate = ramps(rest, (0, 0.8), (0.5 * rest, 0.3), (rest, 0.08))
    gated = clonic_part * (gate + (1 - gate) * beat)
    whole = np.concatenate([tonic_part[:turn], gated])
    add_broad(
        seizure,
        zones,
        everywhere=0.5,
        envelope=whole,
        size_uv=size * draw("broad", 1, 2),
        peak_hz=(draw("early peak", 2.5, 5), draw("late peak", 1.2, 2.5)),
        fall=draw("broad fall", 2.2, 3.2),
    )
    muscle = seizure.scale("muscle size", 45, 160)
    tense = np.power(tonic_part, 0.8)
    add_muscle(seizure, tense, size_uv=muscle, share=0.95, unrest=0.3)
    add_muscle(
        seizure,
        jerks(phase, clonic_part, decay=draw("decay", 0.06, 0.1)),
        size_uv=1.2 * muscle,
        share=0.95,
        unrest=0.2,
        offset=turn,
    )
    add_movement(seizure, whole, size_uv=seizure.scale("movement size", 60, 200))
    _fall_silent(seizure)


def _fall_silent(seizure: Seizure) -> None:
    """Suppress the background after a convulsion, then let it return as slow waves."""
    draw, length, stop = seizure.draw, seizure.length, seizure.stop
    flat, back = draw("suppression", 8, 25), draw("recovery", 25, 45)
    deep = draw("depth", 0.08, 0.25)
    dim(
        seizure,
        (-0.1, 1),
        (0.25, 0.45),
        (min(2.5, 0.3 * length), 0.45),
        (min(4, 0.4 * length), 0.75),
        (length - min(2.4, 0.08 * length), 0.5),
        (length + draw("fade", 0.3, 1.5), deep),
        (length + flat, deep),
        (length + flat + back, 0.8),
        (length + flat + back + 60, 1),
        alpha=0.03,
        rest=flat + back,
    )
    slow = (*_CORNERS, "MC")
    add_slowing(seizure, slow, size_uv=45, rise=flat + back, tau=40, peak_hz=1.1)
    # Deep breaths move the cables during the suppression.
    breath, n = seizure.streams.child("breath"), seconds(flat)
    course = slow_noise(breath, "course", n_rows=1, n_times=n, tau=0.5)[0]
    hush = ramps(n, (0, 0), (SFREQ, 1), (n - SFREQ, 1), (n, 0))
    place = breath.normals("place", 3) * np.array([1, 1, 0.2])
    place /= np.sqrt(np.sum(place * place))
    size = draw("breath", 3, 10)
    seizure.canvas.add(
        stop, patch(place, sigma=40), size * hush * interpolate(course, n)
    )


def myoclonic(seizure: Seizure) -> None:
    """Add one to five jerks with polyspike-waves, over in two seconds."""
    draw, length = seizure.draw, seizure.length
    zones = [zone for zone in _zones(seizure, lag=0.01) if zone.region[1] in "FCPA"]
    envelope = shape_envelope(seizure, begin=1, peak=0.4, end=0.9, rise=0.06, fall=0.15)
    phase = add_complexes(
        seizure,
        "complexes",
        zones,
        frequency=((0, draw("first", 2, 2.8)), (1, draw("last", 2, 2.8))),
        envelope=envelope,
        size_uv=seizure.loudness(150, 400),
        spikes=(2, 4),
        fwhm=draw("fwhm", 0.028, 0.04),
        dome=0.9,
        jitter=0.04,
    )
    course = jerks(phase, envelope, decay=draw("decay", 0.06, 0.12))
    add_muscle(seizure, course, size_uv=seizure.scale("muscle size", 25, 90), share=0.8)
    dim(seizure, (-0.1, 1), (0.1, 0.85), (length, 0.85), (length + 0.5, 1), rest=1)


def atonic(seizure: Seizure) -> None:
    """Add spike-waves, then attenuation with fast activity during the head drop."""
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    zones = _zones(seizure)
    half = max(draw("half", 0.35, 0.6) * n, 2)
    late = 0.5 * (half + n)
    envelope = ramps(
        n, (-1, 0), (min(0.04 * n, 20), 1), (half, 0.8), (late, 0.3), (n, 0)
    )
    add_complexes(
        seizure,
        "complexes",
        zones,
        frequency=((0, draw("first", 2.4, 3.4)), (1, draw("last", 1.5, 2.2))),
        envelope=envelope,
        size_uv=seizure.loudness(130, 410),
        spikes=(1, 3),
        dome=1.1,
        jitter=0.08,
        unrest=0.2,
    )
    fading = ramps(n, (0, 0), (half, 0.6), (0.8 * n, 1), (n, 0))
    add_rhythm(
        seizure,
        "fast",
        zones[:5],
        frequency=((0, 20), (1, draw("fast", 13, 18))),
        envelope=fading,
        size_uv=draw("fast size", 8, 20),
    )
    dim(seizure, (-0.1, 1), (0.3 * length, 0.8), (0.6 * length, 0.4), (length, 0.4),
        (length + 2, 1))  # fmt: skip
    if length > 1.5:
        add_movement(seizure, fading, size_uv=seizure.scale("movement size", 40, 150))
