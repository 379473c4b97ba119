"""Focal seizures: the zone of onset and the spread.

Frequencies, spread and postictal changes follow epilepsydiagnosis.org (ILAE), temporal
and frontal lobe; the TUSZ codes are fnsz, cpsz and spsz. The range of amplitudes is
wide, as real seizures range from barely visible to many times the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import REGIONS, direction, patch
from bgb_fixtures.synthetic.recipe_2.body import excite
from bgb_fixtures.synthetic.recipe_2.discharge import (
    Zone,
    add_broad,
    add_complexes,
    add_rhythm,
)
from bgb_fixtures.synthetic.recipe_2.seizure import add_slowing, dim, shape_envelope
from bgb_fixtures.synthetic.shapes import ramps, seconds

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_2.seizure import Seizure

    Array = npt.NDArray[np.float64]
    Range = tuple[float, float]

__all__ = ["focal", "focal_aware", "focal_temporal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    """Ranges of a focal seizure type; "s" is the side of the focus, "o" the other."""

    home: str  # region where it begins
    # Region -> its gain, and the share of the seizure at which it is recruited.
    spread: dict[str, tuple[Range, float]]
    loudness_uv: Range
    frequency: tuple[tuple[float, Range], ...]  # share of the seizure, Hz
    begin: Range  # envelope after the initial rise
    purity: Range
    sharpness: tuple[Range, Range]  # at onset and at the end
    broad: Range  # amplitude of the broadband activity relative to the rhythm
    everywhere: Range  # share of it over the whole head
    muscle: float
    muscle_uv: Range
    movement: float
    attenuation: bool = True  # some begin with attenuation or fast activity


_TEMPORAL = _Pattern(
    home="sT",
    spread={
        "sA": ((0.5, 1), 0.03),
        "sQ": ((0.4, 0.9), 0.08),
        "sF": ((0.4, 0.8), 0.15),
        "sP": ((0.2, 0.6), 0.2),
        "oT": ((0.3, 0.8), 0.3),
        "oF": ((0.2, 0.6), 0.4),
    },
    loudness_uv=(32, 118),
    frequency=(
        (0, (3.6, 7.6)),
        (0.25, (3.1, 5.8)),
        (0.65, (2.2, 4.4)),
        (1, (1.5, 2.9)),
    ),
    begin=(0.45, 0.75),
    purity=(0.1, 0.6),
    sharpness=((0.1, 0.5), (0.3, 0.9)),
    broad=(0.7, 1.6),
    everywhere=(0.25, 0.8),
    muscle=0.92,
    muscle_uv=(8, 110),
    movement=0.5,
)
_FRONTAL = _Pattern(
    home="sF",
    spread={
        "sC": ((0.4, 0.9), 0.05),
        "MF": ((0.4, 0.9), 0.08),
        "sA": ((0.3, 0.8), 0.15),
        "oF": ((0.3, 0.8), 0.25),
        "sP": ((0.2, 0.5), 0.3),
    },
    loudness_uv=(30, 112),
    frequency=((0, (5.5, 11)), (0.2, (4.5, 7.5)), (0.55, (3.2, 5)), (1, (1.8, 3.4))),
    begin=(0.45, 0.75),
    purity=(0.1, 0.6),
    sharpness=((0.1, 0.3), (0.4, 1)),
    broad=(0.7, 1.6),
    everywhere=(0.25, 0.7),
    muscle=0.95,
    muscle_uv=(14, 150),
    movement=0.7,
)
_AWARE = {
    # Region in which a small seizure begins -> regions to which it may spread.
    lobe: _Pattern(
        home=f"s{lobe}",
        spread={f"s{neighbour}": ((0.4, 0.8), 0.25)},
        loudness_uv=(34, 80),
        frequency=((0, (6, 12)), (0.35, (4.2, 6.5)), (1, (2.2, 3.8))),
        begin=(0.55, 0.9),
        purity=(0.2, 0.6),
        sharpness=((0.2, 0.5), (0.9, 1.4)),
        broad=(0.4, 1),
        everywhere=(0.06, 0.15),
        muscle=0.75,
        muscle_uv=(5, 40),
        movement=0.2,
        attenuation=False,
    )
    for lobe, neighbour in {"C": "P", "F": "C", "P": "Q", "T": "A"}.items()
}


def focal_temporal(seizure: Seizure) -> None:
    """Add a focal seizure with impaired awareness, from the temporal lobe."""
    _add_focal(seizure, _TEMPORAL)


def focal(seizure: Seizure) -> None:
    """Add a focal seizure from the lobe of the subject's focus."""
    temporal = seizure.subject.focus_lobe == "temporal"
    _add_focal(seizure, _TEMPORAL if temporal else _FRONTAL)


def focal_aware(seizure: Seizure) -> None:
    """Add a focal aware seizure: a small field, easily missed."""
    _add_focal(seizure, _AWARE["CFPT"[int(seizure.draw("lobe", 0, 4))]])


def _add_focal(seizure: Seizure, pattern: _Pattern) -> None:
    draw, side = seizure.draw, seizure.subject.focus_side
    size = seizure.loudness(*pattern.loudness_uv)
    zones = _zones(seizure, pattern)
    begin = _begin(seizure, pattern, zones[0], size)
    envelope = shape_envelope(
        seizure,
        begin=begin,
        peak=draw("peak", 0.3, 0.7),
        end=draw("end", 0.55, 0.95),
        rise=draw("rise", 0.25, 0.7),
        fall=draw("fall", 0.4, 2.5),
    )
    if seizure.chance("bursts", 0.3):
        envelope *= _gaps(seizure)
    first, last = pattern.sharpness
    add_rhythm(
        seizure,
        "rhythm",
        zones,
        frequency=[
            (share, draw(f"frequency at {share:g}", *hz))
            for share, hz in pattern.frequency
        ],
        envelope=envelope,
        size_uv=size * draw("rhythm", 0.6, 1.2),
        sharpness=(draw("sharp at first", *first), draw("sharp at last", *last)),
        purity=draw("purity", *pattern.purity),
        together=draw("together", 0.2, 0.7),
        jitter=draw("jitter", 0.07, 0.17),
    )
    add_broad(
        seizure,
        zones,
        everywhere=draw("everywhere", *pattern.everywhere),
        envelope=envelope,
        size_uv=size * draw("broad", *pattern.broad),
        peak_hz=(draw("early peak", 2.4, 4.6), draw("late peak", 1.1, 2.2)),
        fall=draw("broad fall", 2.5, 4),
    )
    excite(
        seizure,
        envelope,
        muscle=pattern.muscle,
        size_uv=pattern.muscle_uv,
        movement=pattern.movement,
    )
    if seizure.chance("slowing", 0.9):
        _slow_down(
            seizure, [zone.region for zone in zones[:3] if zone.region[0] == side], size
        )


def _zones(seizure: Seizure, pattern: _Pattern) -> list[Zone]:
    """Return the zones, the onset zone first; the other side may stop earlier."""
    draw, side = seizure.draw, seizure.subject.focus_side
    sides = {"s": side, "o": "R" if side == "L" else "L"}
    sooner = draw("sooner", 0.4, 1.1)
    end = 1 - draw("other side stops", 0.05, 0.3) * seizure.chance("uneven end", 0.5)
    zones = [Zone(region=side + pattern.home[1], sigma=17)]
    for name, (gain, begin) in pattern.spread.items():
        zones.append(
            Zone(
                region=sides.get(name[0], name[0]) + name[1],
                gain=draw(f"gain {name}", *gain),
                begin=begin * sooner,
                end=end if name[0] == "o" else 1.0,
                lag=draw(f"lag {name}", 0.01, 0.045),
                sigma=24 if name[1] == "P" else 18,
            )
        )
    return zones


def _begin(seizure: Seizure, pattern: _Pattern, home: Zone, size_uv: float) -> float:
    """Add one of four onset patterns; return the initial envelope of the rhythm.

    The patterns are the rhythm itself; low-voltage fast activity at the focus, with
    attenuation elsewhere; attenuation everywhere; or one large slow wave.
    """
    n, draw, length = seizure.n_times, seizure.draw, seizure.length
    way = draw("way", 0, 1)
    if way < 0.5 or not pattern.attenuation:
        small = not pattern.attenuation
        field = patch(direction(*REGIONS[home.region]), sigma=24) if small else None
        dim(seizure, (-0.2, 1), (0.8, 0.8), (length, 0.75), (length + 6, 1),
            alpha=draw("alpha", 0.3, 0.8) if small else 0.15, topography=field)  # fmt: skip
        return draw("begin", *pattern.begin)
    fast_s = min(draw("fast", 1.5, 5), 0.3 * length)
    quiet = draw("quiet", 0.3, 0.6) if way < 0.85 else 0.75
    dim(seizure, (-0.1, 1), (0.3, quiet), (fast_s, quiet), (fast_s + 1.5, 0.8),
        (length, 0.75), (length + 6, 1))  # fmt: skip
    around = Zone(region=home.region, gain=0.65, sigma=30)
    if way < 0.85:
        stop = min(seconds(1.6 * fast_s), n)
        add_rhythm(
            seizure,
            "fast",
            (home, around),
            frequency=((0, draw("fast first", 18, 28)), (1, draw("fast last", 7, 12))),
            envelope=ramps(
                stop, (-1, 0), (0.08 * stop, 0.7), (0.6 * stop, 1), (stop, 0)
            ),
            size_uv=max(0.4 * size_uv, 18),
        )
        return draw("begin", 0.15, 0.3)
    stop = min(seconds(1.2), n)
    add_complexes(
        seizure,
        "first wave",
        (home, around),
        frequency=((0, 1.2), (1, 1.2)),
        envelope=ramps(stop, (-1, 0), (12, 1), (stop, 0)),
        size_uv=1.3 * size_uv,
        fwhm=0.07,
        dome=1.0,
    )
    return draw("begin", 0.3, 0.5)


def _gaps(seizure: Seizure) -> Array:
    """Return a gain that splits the last part of a seizure into bursts, (n_times,)."""
    n = seizure.n_times
    first = seizure.draw("first gap", 0.7, 0.88) * n
    knots = [(first, 1.0)]
    step = (n - first) / 9
    for i in range(3):
        begin = first + (3 * i + seizure.draw(f"gap {i}", 0.6, 1.2)) * step
        knots += [(begin, 1.0), (begin + 0.3 * step, 0.15)]
        knots += [(begin + 1.1 * step, 0.15), (begin + 1.5 * step, 1.0)]
    return ramps(n, *knots)


def _slow_down(seizure: Seizure, regions: list[str], size_uv: float) -> None:
    """Add postictal slow waves and attenuation in the regions of a seizure."""
    canvas, stop = seizure.canvas, seizure.stop
    tau = seizure.draw("slowing tau", 7, 22)
    size = size_uv * seizure.draw("slowing size", 0.5, 0.9)
    add_slowing(seizure, regions, size_uv=size, rise=0.4, tau=tau)
    loss = 1 - canvas.points(
        (stop - SFREQ, 1),
        (stop + SFREQ, seizure.draw("after", 0.4, 0.8)),
        (stop + seconds(tau), 0.7),
        (stop + seconds(3 * tau), 1),
    )
    fields = [patch(direction(*REGIONS[region]), sigma=30) for region in regions]
    canvas.cortex[:] *= 1 - np.clip(np.sum(fields, axis=0), 0, 1)[:, None] * loss
