"""Events that may look like a seizure: artefacts, interictal discharges, sleep.

Invariant: amplitudes at the scalp are those of the literature, so that some events are
larger than the smallest seizure; nothing here is ever labelled as ictal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import (
    ELECTRODES,
    N_SCALP,
    REGIONS,
    direction,
    patch,
    weights,
)
from bgb_fixtures.synthetic.shapes import add_bumps, ramps, seconds
from bgb_fixtures.synthetic.streams import interpolate, slow_noise

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_1.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_1.subject import Subject
    from bgb_fixtures.synthetic.streams import Streams

    Array = npt.NDArray[np.float64]
    Maker = Callable[[Canvas, Subject, Streams, int, int], None]

__all__ = ["EMG_FIELDS", "add_artefact", "add_eyes", "add_sleep", "add_tension"]

_BLINK = weights(
    {"Fp1": 1.0, "Fp2": 0.98, "F7": 0.32, "F8": 0.32, "F3": 0.3, "F4": 0.3}
    | {"Fz": 0.27, "C3": 0.06, "C4": 0.06, "Cz": 0.06, "T3": 0.05, "T4": 0.05}
)
_SACCADE = weights(
    {"F7": -1.0, "F8": 1.0, "Fp1": -0.35, "Fp2": 0.35, "F3": -0.25, "F4": 0.25}
    | {"T3": -0.3, "T4": 0.3}
)
EMG_FIELDS = {
    # Gasser 2005: muscle activity is largest at frontal and temporal electrodes.
    "left": weights(
        {"T3": 1.0, "F7": 0.85, "A1": 0.7, "T5": 0.4, "Fp1": 0.4, "F3": 0.25}
        | {"C3": 0.2, "P3": 0.12, "O1": 0.12},
        other=0.06,
    ),
    "right": weights(
        {"T4": 1.0, "F8": 0.85, "A2": 0.7, "T6": 0.4, "Fp2": 0.4, "F4": 0.25}
        | {"C4": 0.2, "P4": 0.12, "O2": 0.12},
        other=0.06,
    ),
    "front": weights(
        {"Fp1": 1.0, "Fp2": 1.0, "F7": 0.6, "F8": 0.6, "F3": 0.45, "F4": 0.45}
        | {"Fz": 0.35, "T3": 0.2, "T4": 0.2},
        other=0.06,
    ),
}


def add_artefact(
    canvas: Canvas,
    subject: Subject,
    streams: Streams,
    *,
    kind: str,
    start: int,
    stop: int,
) -> None:
    """Add an artefact, or an event that resembles a seizure, to `[start, stop)`.

    The last blink, spike or step begins inside and may end slightly later.
    """
    _MAKERS[kind](canvas, subject, streams, start, stop)


def add_eyes(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add opening and closing of the eyes, and blinks while they are open."""
    n = canvas.n_times // seconds(8) + 2
    spans = np.cumsum(seconds(8) + seconds(20) * streams.uniforms("eyes", n))
    closed = streams.uniforms("eyes closed first", 1)[0] < 0.6
    before, knots = 0, []
    for i, after in enumerate(spans.astype(np.int64)):
        value = 1.0 if closed else 0.3
        knots += [(before + 100.0, value), (after - 100.0, value)]
        if not closed:
            here = streams.child(f"open-{i}")
            gap = 60 / subject.blinks_per_min
            times = _times(here, before + 128, int(after) - 128, gap * 0.4, gap * 1.6)
            _blinks(canvas, subject, here, times, 1.0)
        before, closed = int(after), not closed
        if before >= canvas.n_times:
            break
    canvas.eyes_closed[:] = ramps(canvas.n_times, *knots)


def add_tension(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add occasional bursts of head muscle activity, as in awake people."""
    here = streams.child("tension")
    gap = 60 / subject.tensions_per_min
    for time in _times(here, 0, canvas.n_times, 0.3 * gap, 1.7 * gap):
        if canvas.background[time] < 0.97:  # A seizure has its own muscle activity.
            continue
        burst = here.child(f"burst-{time}")
        stop = time + seconds(burst.between("length", 0.4, 4))
        quieter = replace(canvas, amplitude=burst.between("amplitude", 0.25, 1))
        _make_muscle(quieter, subject, burst, time, stop)


def add_sleep(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add spindles and K-complexes throughout a recording in sleep."""
    here = streams.child("sleep")
    for time in _times(here, 0, canvas.n_times, 5, 16):
        _spindle(canvas, subject, here.child(f"spindle-{time}"), time)
    here = streams.child("sleep waves")
    for time in _times(here, 0, canvas.n_times, 14, 40):
        _k_complex(canvas, here.child(f"wave-{time}"), time)


def _times(
    streams: Streams, start: int, stop: int, shortest: float, longest: float
) -> list[int]:
    """Return samples in [start, stop), separated by `shortest` to `longest` seconds.

    The first one is within half of the longest gap. Only plain arithmetic is used, so
    every machine gets the same samples.
    """
    n = int((stop - start) / (shortest * SFREQ)) + 2
    if stop <= start:
        return []
    gaps = shortest + (longest - shortest) * streams.uniforms("gaps", n)
    first = 0.5 * longest * streams.uniforms("first", 1)[0]
    first = min(first, 0.25 * (stop - start) / SFREQ)
    times = start + np.floor((first + np.cumsum(gaps) - gaps[0]) * SFREQ)
    return [int(time) for time in times if time < stop]


def _blinks(
    canvas: Canvas,
    subject: Subject,
    streams: Streams,
    times: list[int],
    size: Array | float,
) -> None:
    n = len(times)
    width = SFREQ * (0.055 + 0.035 * streams.uniforms("width", n))
    inside = np.clip(times, 0, canvas.n_times - 1).astype(np.int64)
    # There are no blinks while the EEG is suppressed after a convulsion.
    size = size * np.clip(2 * canvas.background[inside] - 0.6, 0, 1)
    height = subject.blink_uv * size * (0.65 + 0.6 * streams.uniforms("height", n))
    course = np.zeros(canvas.n_times)
    at = np.array(times, dtype=np.float64)
    add_bumps(course, at=at, width=width, size=height)
    # The lid opens more slowly than it closes, and the amplifier overshoots.
    add_bumps(course, at=at + 1.3 * width, width=1.25 * width, size=0.35 * height)
    add_bumps(course, at=at + 5.2 * width, width=2.2 * width, size=-0.16 * height)
    canvas.add(0, _BLINK, course)


def _make_blink(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    _blinks(canvas, subject, streams, _times(streams, start, stop, 0.45, 1.5), 1.1)


def _make_saccade(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    times = _times(streams, start, stop, 0.5, 1.6)
    sizes = 35 + 40 * streams.uniforms("size", len(times))
    decay = streams.between("decay", 0.4, 0.8) * SFREQ
    sign = 1.0 if streams.uniforms("side", 1)[0] < 0.5 else -1.0
    n = seconds(5)
    step = np.exp(-np.arange(n) / decay) * ramps(n, (0, 0), (8, 1))
    # The spike potential of the eye muscle, just before the eye moves.
    for time, size in zip(times, sizes, strict=True):
        canvas.add(time, _SACCADE, sign * size * step)
        sign = -sign


def _make_pop(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    electrode = int(streams.between("electrode", 0, N_SCALP))
    topography = np.zeros(len(ELECTRODES))
    topography[electrode] = 1.0
    times = _times(streams, start, stop, 0.7, 4)
    sizes = 80 + 120 * streams.uniforms("size", len(times))
    decays = SFREQ * (0.1 + 0.4 * streams.uniforms("decay", len(times)))
    n = seconds(4)
    for time, size, decay in zip(times, sizes, decays, strict=True):
        course = np.exp(-np.arange(n) / decay) * ramps(n, (0, 0.4), (1, 1))
        canvas.add(time, topography, size * course)


def _make_muscle(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    n = stop - start
    names = list(EMG_FIELDS)
    favourite = int(streams.between("field", 0, len(names)))
    # Muscles contract quickly and relax slowly.
    rise = min(seconds(0.3), n // 4 + 1)
    hold = streams.between("hold", 0.4, 0.75) * n
    unrest = slow_noise(streams, "unrest", n_rows=len(names), n_times=n, tau=0.25)
    envelope = ramps(n, (0, 0), (rise, 1), (max(hold, rise + 1.0), 0.8), (n, 0))
    envelope = envelope * np.exp(0.45 * interpolate(unrest, n))
    size = streams.between("size", 16, 40)
    for i, name in enumerate(names):
        share = 1.0 if i == favourite else 0.45
        canvas.add_emg(start, EMG_FIELDS[name], share * size * envelope[i])


def _make_chewing(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    rate = streams.between("rate", 1.2, 1.8)
    times = _times(streams, start, stop, 0.85 / rate, 1.15 / rate)
    sizes = 18 + 17 * streams.uniforms("size", len(times))
    lengths = 0.22 + 0.18 * streams.uniforms("length", len(times))
    sides = 0.6 + 0.4 * streams.uniforms("sides", 2)
    jaw = patch(direction(*REGIONS["MF"]), sigma=42)
    for time, size, length in zip(times, sizes, lengths, strict=True):
        n = seconds(length)
        turn = np.sin(np.arange(n) * (np.pi / n))
        canvas.add_emg(time, EMG_FIELDS["left"], sides[0] * size * turn)
        canvas.add_emg(time, EMG_FIELDS["right"], sides[1] * size * turn)
        # Jaw and tongue add a slow potential with every bite.
        slow = np.sin(np.arange(2 * n) * (np.pi / n))
        canvas.add(time, jaw, 0.9 * size * slow * ramps(2 * n, (0, 1), (2 * n, 0.2)))


def _make_drift(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    n = stop - start
    edge = min(seconds(1.5), n // 3 + 1)
    envelope = ramps(n, (0, 0), (edge, 1), (n - edge, 1), (n, 0))
    for side in ("L", "R"):
        here = streams.child(side)
        sway = interpolate(slow_noise(here, "sway", n_rows=1, n_times=n, tau=0.8), n)[0]
        field = patch(direction(*REGIONS[f"{side}A"]), sigma=20)
        canvas.add(start, field, here.between("size", 35, 80) * envelope * sway)


def _make_focal_spikes(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    times = _times(streams, start, stop, 0.4, 3.5)
    n = len(times)
    sizes = 60 + 60 * streams.uniforms("size", n)
    # A spike lasts 20-70 ms, a sharp wave up to 200 ms; a focus has one of the two.
    width = SFREQ * streams.between("width", 0.03, 0.1) / 2.355
    slow = streams.between("slow", 0.3, 0.6)
    course = np.zeros(stop - start + seconds(2))
    at = np.array(times, dtype=np.float64) - start
    add_bumps(course, at=at, width=width, size=-sizes)
    add_bumps(course, at=at + 2.4 * width, width=1.3 * width, size=0.3 * sizes)
    add_bumps(course, at=at + 0.24 * SFREQ, width=0.075 * SFREQ, size=-slow * sizes)
    canvas.add(start, patch(direction(*REGIONS[subject.focus]), sigma=11), course)


def _make_spike_waves(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    runs = _times(streams, start, stop, 3.0, 7.0)
    course = np.zeros(stop - start + seconds(3))
    for i, run in enumerate(runs):
        here = streams.child(f"run-{i}")
        n = 1 + int(here.between("number", 0, 4))
        at = (
            run
            - start
            + SFREQ * 0.3 * np.arange(n) * (0.92 + 0.16 * here.uniforms("rhythm", n))
        )
        sizes = here.between("size", 70, 140) * (0.75 + 0.4 * here.uniforms("each", n))
        add_bumps(course, at=at, width=4.4, size=-sizes)
        add_bumps(course, at=at + 10, width=5, size=0.3 * sizes)
        add_bumps(course, at=at + 42, width=16, size=-0.75 * sizes)
    for region, gain in (("MF", 1.0), ("LF", 0.55), ("RF", 0.6), ("MC", 0.35)):
        lag = int(streams.between(f"lag {region}", 0, 4))
        field = patch(direction(*REGIONS[region]), sigma=24)
        canvas.add(start + lag, field, 0.85 * gain * course)


def _spindle(canvas: Canvas, _subject: Subject, streams: Streams, time: int) -> None:
    n = seconds(streams.between("length", 0.6, 1.3))
    frequency = streams.between("frequency", 12.2, 13.8)
    size = streams.between("size", 18, 36)
    t = np.arange(n) / SFREQ
    turn = 2 * np.pi * (frequency * t - 0.25 * t * t)
    envelope = np.square(np.sin(np.arange(n) * (np.pi / n)))
    for region, gain in (("MC", 1.0), ("LC", 0.7), ("RC", 0.7), ("MF", 0.4)):
        phase = streams.between(f"phase {region}", -0.6, 0.6)
        course = gain * size * envelope * np.sin(turn + phase)
        canvas.add(time, patch(direction(*REGIONS[region]), sigma=15), 0.6 * course)


def _k_complex(canvas: Canvas, streams: Streams, time: int) -> None:
    n = seconds(2.5)
    size = streams.between("size", 70, 130)
    course = np.zeros(n)
    lead = seconds(0.35)
    at = np.array([lead, lead + 60, lead + 150])
    add_bumps(
        course,
        at=at.astype(np.float64),
        width=np.array([18.0, 34.0, 50.0]),
        size=size * np.array([-1.0, 0.75, -0.15]),
    )
    for region, gain in (("MC", 1.0), ("MF", 0.8), ("LF", 0.3), ("RF", 0.3)):
        lag = int(streams.between(f"lag {region}", 0, 6))
        field = patch(direction(*REGIONS[region]), sigma=26)
        canvas.add(time + lag - lead, field, 0.55 * gain * course)


def _make_spindles(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    for time in _times(streams, start, stop, 2.5, 5):
        _spindle(canvas, subject, streams.child(f"spindle-{time - start}"), time)


def _make_k_complexes(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    for time in _times(streams, start, stop, 3.5, 8):
        here = streams.child(f"wave-{time - start}")
        _k_complex(canvas, here, time)
        _spindle(canvas, subject, here, time + seconds(0.5))


_MAKERS: dict[str, Maker] = {
    "blink": _make_blink,
    "chewing": _make_chewing,
    "drift": _make_drift,
    "focal-spikes": _make_focal_spikes,
    "k-complexes": _make_k_complexes,
    "muscle": _make_muscle,
    "pop": _make_pop,
    "saccade": _make_saccade,
    "spike-waves": _make_spike_waves,
    "spindles": _make_spindles,
}
