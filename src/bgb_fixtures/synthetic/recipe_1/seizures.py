"""Seizures: rhythms that start in a region, change, spread, and stop.

Invariant: every ictal signal is multiplied by an envelope that is zero outside `[start,
stop)`, so labels are exact to the sample. Postictal slowing and suppression are
outside.

A seizure is a discharge (one course of frequency over time) in several zones. Each zone
has its own delay, lag, phase drift and texture, because one waveform copied to all
channels is easily recognised as synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import N_SCALP, REGIONS, direction, mix, patch
from bgb_fixtures.synthetic.recipe_1.artefacts import EMG_FIELDS
from bgb_fixtures.synthetic.shapes import add_bumps, ramps, seconds
from bgb_fixtures.synthetic.streams import (
    Streams,
    interpolate,
    shaped_noise,
    slow_noise,
)
from bgb_fixtures.synthetic.waves import (
    count_cycles,
    cycle_times,
    fast_length,
    first_cycle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_1.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_1.subject import Subject

    Array = npt.NDArray[np.float64]
    Maker = Callable[["_Seizure"], None]
    Wave = Callable[[Array, Streams], Array]
    Knots = Sequence[tuple[float, float]]

__all__ = ["add_seizure"]


@dataclass(frozen=True, slots=True, eq=False)
class _Seizure:
    """Place and time of a seizure, the argument of every pattern below."""

    canvas: Canvas
    subject: Subject
    streams: Streams
    start: int
    stop: int

    @property
    def n_times(self) -> int:
        return self.stop - self.start

    @property
    def length(self) -> float:
        return self.n_times / SFREQ

    def draw(self, name: str, low: float, high: float) -> float:
        return self.streams.between(name, low, high)

    def chance(self, name: str, share: float) -> bool:
        return self.streams.between(name, 0, 1) < share


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    """A part of the cortex that takes part in a discharge."""

    regions: tuple[tuple[str, float], ...]
    gain: float = 1.0
    delay: float = 0.0  # seconds until it is recruited
    lag: float = 0.0  # delay in seconds relative to the others
    sigma: float = 20.0


def _zone(region: str, gain: float, **more: float) -> _Zone:
    return _Zone(regions=((region, 1.0),), gain=gain, **more)


def add_seizure(
    canvas: Canvas,
    subject: Subject,
    streams: Streams,
    *,
    label: str,
    start: int,
    stop: int,
) -> None:
    """Add a seizure and its postictal changes to a canvas."""
    _MAKERS[label](_Seizure(canvas, subject, streams, start, stop))


def _rhythmic(sharpness: Array) -> Wave:
    """Return a wave whose negative half becomes sharper during the seizure."""

    def wave(phase: Array, _streams: Streams) -> Array:
        turn = 2 * np.pi * phase
        harmonics = 0.42 * np.sin(2 * turn + 0.6) + 0.18 * np.sin(3 * turn + 1.1)
        return -np.sin(turn) - sharpness * harmonics

    return wave


def _spike_wave(*, fewest: int, most: int, fwhm: float, slow: float) -> Wave:
    """Return spikes of fixed duration and a slow wave in the rest of each cycle."""

    def wave(phase: Array, streams: Streams) -> Array:
        times = cycle_times(phase)
        n = len(times) - 1
        counts = fewest + np.floor(streams.uniforms("spikes", n) * (most + 1 - fewest))
        course = np.zeros(len(phase))
        width = fwhm * SFREQ / 2.355
        sizes = 1 + 0.2 * streams.normals("spike sizes", n)
        for i in range(most):
            here = counts > i
            at = times[:-1][here] + i * 0.075 * SFREQ
            size = sizes[here] * (1 - 0.15 * i)
            add_bumps(course, at=at, width=width, size=-size)
            add_bumps(course, at=at + 2.2 * width, width=1.3 * width, size=0.35 * size)
        taken = (0.035 + 0.075 * counts) * SFREQ / np.diff(times)
        cycle = np.clip(np.floor(phase).astype(np.int64) - first_cycle(phase), 0, n - 1)
        begin = np.minimum(taken, 0.65)[cycle]
        share = np.clip((phase - np.floor(phase) - begin) / (1 - begin), 0, 1)
        dome = np.sin(np.pi * share)
        course -= slow * dome * np.sqrt(np.maximum(dome, 0))
        course -= course.mean()  # amplifiers do not pass a steady potential
        return course

    return wave


def _discharge(
    seizure: _Seizure,
    name: str,
    zones: Sequence[_Zone],
    *,
    frequency: Knots,
    envelope: Array,
    wave: Wave,
    size_uv: float,
    offset: int = 0,
    jitter: float = 0.06,
    cycle_gain: float = 0.18,
    wander: float = 0.06,
    texture: float = 0.13,
) -> Array:
    """Add a discharge to all its zones and return its phase.

    Its length is that of the envelope; `offset` is its start in the seizure in samples.
    """
    n_times = len(envelope)
    streams = seizure.streams.child(name)
    phase = count_cycles(streams, n_times, frequency, jitter=jitter)
    slope = np.gradient(phase) * SFREQ if n_times > 1 else np.zeros(n_times)
    n_cycles = int(np.floor(phase[-1])) + 3
    together = streams.normals("cycles", n_cycles)
    waxing = slow_noise(streams, "waxing", n_rows=1, n_times=n_times, tau=1.5)[0]
    envelope = envelope * interpolate(np.exp(0.2 * waxing), n_times)
    for i, zone in enumerate(zones):
        delay = round(zone.delay * SFREQ)
        if delay >= n_times:
            continue
        here = streams.child(f"zone-{i}")
        sway = slow_noise(here, "wander", n_rows=1, n_times=n_times, tau=0.7)
        own = phase - zone.lag * slope + wander * interpolate(sway, n_times)[0]
        each = 0.6 * together + 0.8 * here.normals("cycles", n_cycles)
        gain = 1 + cycle_gain * np.interp(own, np.arange(n_cycles), each)
        recruited = ramps(n_times, (delay, 0), (delay + SFREQ, 1)) if delay else 1.0
        shape = zone.gain * size_uv * envelope * recruited
        centre = _blend(zone, here)
        rows = shaped_noise(
            here,
            "texture",
            n_rows=3,
            n_fft=fast_length(n_times),
            power=lambda f: 1 / (4 + f * f),
            band=(1.2, 22),
        )[:, :n_times]
        rows *= texture * shape
        fields = [centre] + [
            patch(_near(zone.regions[0][0], here, f"texture-{k}", 0.25), sigma=11)
            for k in range(3)
        ]
        rows = np.concatenate([(shape * gain * wave(own, here))[None], rows])
        first = seizure.start + offset
        seizure.canvas.scalp_uv[:, first : first + n_times] += mix(
            seizure.canvas.amplitude * np.stack(fields, axis=1), rows
        )
    return phase


def _near(region: str, streams: Streams, name: str, spread: float) -> Array:
    """Return a random direction near a region; `spread` is in radians."""
    vector = direction(*REGIONS[region]) + spread * streams.normals(name, 3)
    vector /= np.sqrt(np.sum(vector * vector))
    return vector


def _blend(zone: _Zone, streams: Streams) -> Array:
    """Return the field of a zone, with peak 1 and a random shape per seizure."""
    total = np.zeros(len(patch(direction(0, 0), sigma=20)))
    for region, weight in zone.regions:
        centre = _near(region, streams, f"centre {region}", 0.06)
        total += weight * patch(centre, sigma=zone.sigma)
    total /= np.abs(total[:N_SCALP]).max()
    return total


def _envelope(
    seizure: _Seizure,
    *,
    rise: float,
    begin: float,
    peak: float,
    end: float,
    fall: float,
) -> Array:
    """Return an envelope that rises to `begin`, then to 1 at `peak`, and falls."""
    n = seizure.n_times
    up = min(seconds(rise), n // 4)
    down = min(seconds(fall), n // 4)
    return ramps(n, (-1, 0), (up, begin), (peak * n, 1), (n - down, end), (n, 0))


def _dim(seizure: _Seizure, *knots: tuple[float, float]) -> None:
    """Scale the background by knots (seconds from the onset, gain), from and to 1."""
    canvas = seizure.canvas
    at = [(seizure.start + seconds(time), gain) for time, gain in knots]
    canvas.background[:] *= ramps(canvas.n_times, *at)


def _slowing(
    seizure: _Seizure,
    regions: Sequence[str],
    *,
    size_uv: float,
    rise: float,
    tau: float,
) -> None:
    """Add slow waves after a seizure that fade within some seconds."""
    up, n = seconds(rise), seconds(rise + 4 * tau)
    fade = np.exp(np.minimum(up - np.arange(n), 0) / (tau * SFREQ))
    fade *= ramps(n, (0, 0), (up, 1), (n - seconds(tau), 1), (n, 0))
    rows = shaped_noise(
        seizure.streams,
        "post-ictal",
        n_rows=len(regions),
        n_fft=fast_length(n),
        power=lambda f: np.square(f) / (1 + np.power(f / 1.6, 6.0)),
        band=(0.6, 4),
    )[:, :n]
    for region, row in zip(regions, rows, strict=True):
        field = patch(direction(*REGIONS[region]), sigma=22)
        seizure.canvas.add(seizure.stop, field, size_uv * fade * row)


def _emg(
    seizure: _Seizure, envelope: Array, *, size_uv: float, offset: int = 0
) -> None:
    """Add muscle activity to a seizure, on both sides and frontally."""
    for name, field in EMG_FIELDS.items():
        share = seizure.draw(f"emg {name}", 0.55, 1.0)
        seizure.canvas.add_emg(
            seizure.start + offset, field, share * size_uv * envelope
        )


def _jerks(phase: Array, envelope: Array, *, decay: float) -> Array:
    """Return the envelope of muscle bursts that start with each spike and decay."""
    times = np.floor(cycle_times(phase)).astype(np.int64)
    n = len(phase)
    kernel = np.exp(np.arange(seconds(8 * decay)) / (-decay * SFREQ))
    kernel *= np.minimum(np.arange(len(kernel)) / 5, 1)
    course = np.zeros(n)
    for time in times[(times >= 0) & (times < n)]:
        course[time : time + len(kernel)] += kernel[: n - time]
    return course * envelope


def _focal_temporal(seizure: _Seizure) -> None:
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    side = seizure.subject.focus_side
    other = "R" if side == "L" else "L"
    envelope = _envelope(
        seizure,
        rise=draw("rise", 0.3, 1),
        begin=draw("begin", 0.4, 0.6),
        peak=draw("peak", 0.45, 0.65),
        end=draw("end", 0.7, 0.95),
        fall=draw("fall", 0.3, 0.6),
    )
    if seizure.chance("bursts", 0.4):
        envelope = envelope * _gaps(seizure)
    _discharge(
        seizure,
        "discharge",
        (
            _zone(f"{side}T", 1.0, sigma=15),
            _zone(f"{side}A", 0.8, sigma=15, delay=0.04 * length + 1, lag=0.012),
            _zone(f"{side}Q", 0.6, delay=0.12 * length + 2, lag=0.02),
            _zone(f"{side}F", 0.5, delay=0.22 * length + 2, lag=0.025),
            _zone(f"{other}T", 0.6, delay=0.40 * length, lag=0.04),
            _zone(f"{other}F", 0.4, delay=0.55 * length, lag=0.05),
        ),
        frequency=(
            (0, draw("f0", 6.2, 8)),
            (0.25, draw("f1", 5.2, 6.2)),
            (0.65, draw("f2", 4, 4.8)),
            (1, draw("f3", 2.2, 3)),
        ),
        envelope=envelope,
        wave=_rhythmic(ramps(n, (0, 0.2), (n, draw("sharp", 0.8, 1.2)))),
        size_uv=draw("size", 65, 105),
        jitter=0.07,
        wander=0.09,
    )
    if seizure.chance("emg", 0.6):
        at = draw("emg onset", 0.3, 0.5)
        course = ramps(n, (at * n, 0), ((at + 0.1) * n, 1), (0.8 * n, 0.6), (n, 0))
        _emg(seizure, course, size_uv=draw("emg size", 8, 24))
    _dim(seizure, (-1, 1), (1.5, 0.85), (length, 0.8), (length + 8, 1))
    if seizure.chance("slowing", 0.7):
        regions = (f"{side}T", f"{side}F")
        _slowing(seizure, regions, size_uv=24, rise=1.5, tau=15)


def _gaps(seizure: _Seizure) -> Array:
    """Return a gain that splits the last fifth of a seizure into bursts."""
    n = seizure.n_times
    knots = [(0.8 * n, 1.0)]
    step = 0.2 * n / 9
    for i in range(3):
        begin = 0.8 * n + (3 * i + 1) * step
        knots += [(begin, 1.0), (begin + 0.3 * step, 0.15)]
        knots += [(begin + 1.2 * step, 0.15), (begin + 1.5 * step, 1.0)]
    return ramps(n, *knots)


def _focal_frontal(seizure: _Seizure) -> None:
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    side = seizure.subject.focus_side
    other = "R" if side == "L" else "L"
    envelope = _envelope(
        seizure,
        rise=draw("rise", 0.3, 0.8),
        begin=draw("begin", 0.2, 0.3),
        peak=draw("peak", 0.5, 0.7),
        end=draw("end", 0.7, 0.95),
        fall=draw("fall", 0.3, 0.6),
    )
    _discharge(
        seizure,
        "discharge",
        (
            _zone(f"{side}F", 1.0, sigma=17),
            _zone(f"{side}C", 0.6, delay=0.06 * length + 0.5, lag=0.008),
            _zone("MF", 0.7, delay=0.12 * length + 1, lag=0.01),
            _zone(f"{side}A", 0.5, delay=0.25 * length + 1, lag=0.02),
            _zone(f"{other}F", 0.55, delay=0.35 * length, lag=0.02),
        ),
        frequency=(
            (0, draw("f0", 15, 24)),
            (0.2, draw("f1", 10, 13)),
            (0.55, draw("f2", 5.5, 7.5)),
            (1, draw("f3", 3, 4)),
        ),
        envelope=envelope,
        wave=_rhythmic(ramps(n, (0, 0.1), (n, draw("sharp", 0.8, 1.2)))),
        size_uv=draw("size", 55, 95),
        jitter=0.08,
        wander=0.09,
    )
    course = ramps(n, (0.1 * n, 0), (0.35 * n, 1), (0.8 * n, 0.7), (n, 0))
    _emg(seizure, course, size_uv=draw("emg size", 8, 20))
    _dim(seizure, (-1, 1), (0.6, 0.7), (length, 0.85), (length + 5, 1))
    if seizure.chance("slowing", 0.7):
        _slowing(seizure, (f"{side}F",), size_uv=24, rise=1.5, tau=12)


def _focal(seizure: _Seizure) -> None:
    if seizure.subject.focus_lobe == "temporal":
        _focal_temporal(seizure)
    else:
        _focal_frontal(seizure)


def _focal_aware(seizure: _Seizure) -> None:
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    side = seizure.subject.focus_side
    lobe = "CFP"[int(draw("lobe", 0, 3))]
    neighbour = {"C": "P", "F": "C", "P": "Q"}[lobe]
    _discharge(
        seizure,
        "discharge",
        (
            _zone(side + lobe, 1.0, sigma=15),
            _zone(side + neighbour, 0.5, sigma=15, delay=0.4 * length, lag=0.02),
        ),
        frequency=(
            (0, draw("f0", 11, 15)),
            (0.4, 8),
            (1, draw("f1", 5, 6.5)),
        ),
        envelope=_envelope(
            seizure,
            rise=draw("rise", 0.3, 1),
            begin=draw("begin", 0.4, 0.6),
            peak=draw("peak", 0.5, 0.7),
            end=0.8,
            fall=draw("fall", 0.3, 0.6),
        ),
        wave=_rhythmic(ramps(n, (0, 0.2), (n, 0.9))),
        size_uv=draw("size", 36, 54),
        jitter=0.07,
        wander=0.07,
    )
    _dim(seizure, (-1, 1), (1, 0.95), (length, 0.92), (length + 4, 1))


def _generalised(seizure: _Seizure) -> None:
    draw, length = seizure.draw, seizure.length
    temple = "LT" if seizure.chance("temple", 0.5) else "RT"
    names = ("LF", "RF", "MF", "LP", "RP", temple)
    gains = 0.5 + 0.5 * seizure.streams.uniforms("gains", len(names))
    lags = 0.025 * seizure.streams.uniforms("lags", len(names))
    _discharge(
        seizure,
        "discharge",
        [
            _zone(name, float(gain), lag=float(lag), sigma=22)
            for name, gain, lag in zip(names, gains, lags, strict=True)
        ],
        frequency=((0, draw("f0", 3.2, 4.2)), (0.45, 2.6), (1, draw("f1", 1.6, 2))),
        envelope=_envelope(
            seizure,
            rise=draw("rise", 0.4, 1),
            begin=draw("begin", 0.5, 0.7),
            peak=draw("peak", 0.4, 0.6),
            end=0.7,
            fall=0.5,
        ),
        wave=_spike_wave(fewest=1, most=3, fwhm=draw("fwhm", 0.035, 0.055), slow=0.75),
        size_uv=draw("size", 110, 180),
        jitter=0.10,
        cycle_gain=0.28,
        wander=0.06,
        texture=0.16,
    )
    _dim(seizure, (-1, 1), (1, 0.8), (length, 0.7), (length + 12, 1))
    _slowing(seizure, ("LF", "RF", "LP", "RP"), size_uv=18, rise=1, tau=12)


def _absence(seizure: _Seizure) -> None:
    draw, length = seizure.draw, seizure.length
    front = _Zone(regions=(("MF", 1.0), ("LF", 0.8), ("RF", 0.8)), sigma=18)
    _discharge(
        seizure,
        "discharge",
        (
            front,
            _zone("LA", 0.35, lag=0.006, sigma=16),
            _zone("RA", 0.35, lag=0.006, sigma=16),
            _zone("LP", 0.3, lag=0.01),
            _zone("RP", 0.3, lag=0.01),
        ),
        frequency=((0, draw("f0", 3.3, 3.8)), (0.25, 3.1), (1, draw("f1", 2.5, 2.8))),
        envelope=_envelope(seizure, rise=0.25, begin=0.75, peak=0.3, end=0.8, fall=0.3),
        wave=_spike_wave(fewest=1, most=1, fwhm=draw("fwhm", 0.028, 0.042), slow=0.8),
        size_uv=draw("size", 200, 330),
        jitter=0.02,
        cycle_gain=0.12,
        wander=0.03,
        texture=0.09,
    )
    _dim(seizure, (-0.2, 1), (0.3, 0.8), (length, 0.8), (length + 0.5, 1))


def _recruiting_zones(seizure: _Seizure, *, temple: bool) -> list[_Zone]:
    names = ["MF", "LF", "RF", "LC", "RC"]
    if temple:
        names += ["LT" if seizure.chance("temple", 0.5) else "RT", "LP", "RP"]
    gains = 0.45 + 0.45 * seizure.streams.uniforms("gains", len(names))
    lags = 0.012 * seizure.streams.uniforms("lags", len(names))
    return [
        _zone(name, float(gain), lag=float(lag), sigma=20)
        for name, gain, lag in zip(names, gains, lags, strict=True)
    ]


def _tonic(seizure: _Seizure) -> None:
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    quiet = min(draw("quiet", 1, 3) / length, 0.3)
    envelope = ramps(
        n, (-1, 0), (quiet * n, 0.12), (0.7 * n, 1), (0.94 * n, 0.9), (n, 0)
    )
    _discharge(
        seizure,
        "discharge",
        _recruiting_zones(seizure, temple=False),
        frequency=((0, draw("f0", 19, 24)), (0.5, 14), (1, draw("f1", 9, 11))),
        envelope=envelope,
        wave=_rhythmic(ramps(n, (0, 0.1), (n, 0.6))),
        size_uv=draw("size", 55, 85),
        jitter=0.08,
        wander=0.1,
        texture=0.16,
    )
    _emg(seizure, np.sqrt(envelope), size_uv=draw("emg size", 10, 20))
    _dim(seizure, (-0.3, 1), (0.2, 0.4), (2.5, 0.4), (3.5, 0.8), (length + 8, 1))
    _slowing(seizure, ("LF", "RF", "MF", "MC"), size_uv=16, rise=1, tau=8)


def _clonic_wave(seizure: _Seizure) -> Wave:
    return _spike_wave(
        fewest=1, most=3, fwhm=seizure.draw("fwhm", 0.035, 0.05), slow=0.7
    )


def _clonic(seizure: _Seizure) -> None:
    draw, length = seizure.draw, seizure.length
    envelope = _envelope(seizure, rise=0.6, begin=0.6, peak=0.4, end=0.8, fall=0.4)
    phase = _discharge(
        seizure,
        "discharge",
        _recruiting_zones(seizure, temple=True),
        frequency=((0, draw("f0", 2.4, 3.2)), (1, draw("f1", 1.1, 1.6))),
        envelope=envelope,
        wave=_clonic_wave(seizure),
        size_uv=draw("size", 80, 130),
        jitter=0.1,
        cycle_gain=0.25,
    )
    jerks = _jerks(phase, envelope, decay=0.09)
    _emg(seizure, jerks, size_uv=draw("emg size", 25, 45))
    _dim(seizure, (-1, 1), (1, 0.75), (length, 0.6), (length + 12, 1))
    _slowing(seizure, ("LF", "RF", "LP", "RP"), size_uv=20, rise=1, tau=12)


def _tonic_clonic(seizure: _Seizure) -> None:
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    turn = round(draw("tonic", 0.26, 0.34) * n)
    cross = min(seconds(1), turn // 4)
    zones = _recruiting_zones(seizure, temple=True)
    size = draw("size", 60, 95)
    tonic = ramps(
        turn + cross, (-1, 0), (0.12 * turn, 0.15), (turn, 1), (turn + cross, 0)
    )
    _discharge(
        seizure,
        "tonic",
        zones,
        frequency=((0, draw("f0", 17, 22)), (0.4, 12), (1, 8)),
        envelope=tonic,
        wave=_rhythmic(ramps(turn + cross, (0, 0.1), (turn, 0.8))),
        size_uv=size,
        jitter=0.08,
        wander=0.1,
        texture=0.16,
    )
    rest = n - turn
    edge = min(seconds(0.5), rest // 8)
    clonic = ramps(
        rest, (-1, 0), (cross, 0.7), (0.3 * rest, 1), (rest - edge, 0.8), (rest, 0)
    )
    phase = _discharge(
        seizure,
        "clonic",
        zones,
        frequency=((0, draw("f1", 4.5, 5.5)), (0.45, 2.6), (1, draw("f2", 1, 1.3))),
        envelope=clonic,
        wave=_clonic_wave(seizure),
        size_uv=1.5 * size,
        offset=turn,
        jitter=0.08,
        cycle_gain=0.22,
    )
    emg = draw("emg size", 38, 60)
    _emg(seizure, np.power(tonic, 0.7), size_uv=emg)
    _emg(seizure, _jerks(phase, clonic, decay=0.09), size_uv=emg, offset=turn)
    flat = draw("suppression", 10, 20)
    back = draw("recovery", 25, 45)
    _dim(
        seizure,
        (-0.3, 1),
        (0.2, 0.4),
        (min(2.5, 0.3 * length), 0.4),
        (min(4, 0.4 * length), 0.75),
        (length - 0.2, 0.6),
        (length + 0.3, 0.12),
        (length + flat, 0.12),
        (length + flat + back, 0.8),
        (length + flat + back + 60, 1),
    )
    _slowing(
        seizure, ("LF", "RF", "LP", "RP", "MC"), size_uv=36, rise=flat + back, tau=40
    )


def _myoclonic(seizure: _Seizure) -> None:
    draw, length = seizure.draw, seizure.length
    envelope = _envelope(seizure, rise=0.1, begin=1, peak=0.4, end=0.9, fall=0.15)
    phase = _discharge(
        seizure,
        "discharge",
        (
            _Zone(regions=(("MF", 1.0), ("LC", 0.6), ("RC", 0.6)), sigma=22),
            _zone("LC", 0.45, lag=0.006),
            _zone("RC", 0.45, lag=0.006),
        ),
        frequency=((0, draw("f0", 2.1, 2.6)), (1, draw("f1", 2.1, 2.6))),
        envelope=envelope,
        wave=_spike_wave(fewest=2, most=3, fwhm=0.032, slow=0.7),
        size_uv=draw("size", 130, 210),
        jitter=0.04,
        wander=0.03,
    )
    jerks = _jerks(phase, envelope, decay=0.09)
    _emg(seizure, jerks, size_uv=draw("emg size", 25, 45))
    _dim(seizure, (-0.2, 1), (0.2, 0.85), (length, 0.85), (length + 0.5, 1))


def _atonic(seizure: _Seizure) -> None:
    draw, n, length = seizure.draw, seizure.n_times, seizure.length
    half = max(n // 2, 1)
    envelope = ramps(n, (-1, 0), (0.06 * n, 1), (half, 0.8), (0.75 * n, 0.25), (n, 0))
    _discharge(
        seizure,
        "discharge",
        _recruiting_zones(seizure, temple=False),
        frequency=((0, draw("f0", 2.6, 3.4)), (1, draw("f1", 1.6, 2.2))),
        envelope=envelope,
        wave=_spike_wave(fewest=1, most=3, fwhm=0.04, slow=0.9),
        size_uv=draw("size", 110, 180),
        jitter=0.06,
    )
    _dim(
        seizure,
        (-0.2, 1),
        (0.3 * length, 0.8),
        (0.6 * length, 0.4),
        (length, 0.4),
        (length + 2, 1),
    )


_MAKERS: dict[str, Maker] = {
    "absz": _absence,
    "atsz": _atonic,
    "cnsz": _clonic,
    "cpsz": _focal_temporal,
    "fnsz": _focal,
    "gnsz": _generalised,
    "mysz": _myoclonic,
    "spsz": _focal_aware,
    "tcsz": _tonic_clonic,
    "tnsz": _tonic,
}
