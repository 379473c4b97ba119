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
from bgb_fixtures.synthetic.streams import (
    SLOW_STEP,
    interpolate,
    shaped_noise,
    slow_noise,
)
from bgb_fixtures.synthetic.waves import fast_length

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_2.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_2.subject import Subject
    from bgb_fixtures.synthetic.streams import Streams

    Array = npt.NDArray[np.float64]
    Maker = Callable[[Canvas, Subject, Streams, int, int], None]

__all__ = [
    "EMG_FIELDS",
    "add_artefact",
    "add_electrode_trouble",
    "add_eyes",
    "add_restlessness",
    "add_sleep",
    "add_tension",
    "add_transients",
    "flatten",
    "pop",
    "sway",
    "tense",
]

_BLINK = weights(
    {"Fp1": 1.0, "Fp2": 0.98, "F7": 0.36, "F8": 0.36, "F3": 0.34, "F4": 0.34}
    | {"Fz": 0.3, "C3": 0.08, "C4": 0.08, "Cz": 0.08, "T3": 0.05, "T4": 0.05}
)
_SACCADE = weights(
    {"F7": -1.0, "F8": 1.0, "Fp1": -0.35, "Fp2": 0.35, "F3": -0.25, "F4": 0.25}
    | {"T3": -0.3, "T4": 0.3}
)
EMG_FIELDS = {
    # Gasser 2005: muscle activity is largest at frontal and temporal electrodes.
    "left": weights(
        {"T3": 1.0, "F7": 0.85, "A1": 0.7, "T5": 0.5, "Fp1": 0.35, "F3": 0.2}
        | {"C3": 0.14, "P3": 0.12, "O1": 0.15},
        other=0.07,
    ),
    "right": weights(
        {"T4": 1.0, "F8": 0.85, "A2": 0.7, "T6": 0.5, "Fp2": 0.35, "F4": 0.2}
        | {"C4": 0.14, "P4": 0.12, "O2": 0.15},
        other=0.07,
    ),
    "front": weights(
        {"Fp1": 1.0, "Fp2": 1.0, "F7": 0.55, "F8": 0.55, "F3": 0.4, "F4": 0.4}
        | {"Fz": 0.3, "T3": 0.2, "T4": 0.2},
        other=0.07,
    ),
    "neck": weights(
        {"O1": 1.0, "O2": 1.0, "T5": 0.8, "T6": 0.8, "P3": 0.12, "P4": 0.12}
        | {"A1": 0.6, "A2": 0.6, "Pz": 0.08},
        other=0.07,
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


# Events that every recording has ------------------------------------------------------


def add_eyes(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add opening and closing of the eyes, blinks and drowsiness."""
    n = canvas.n_times // seconds(6) + 2
    spans = np.cumsum(seconds(6) + seconds(24) * streams.uniforms("eyes", n))
    closed = streams.chance("eyes closed first", 0.6)
    before, knots = 0, []
    for i, after in enumerate(spans.astype(np.int64)):
        value = 1.0 if closed else 0.25
        knots += [(before + 100.0, value), (after - 100.0, value)]
        if not closed:
            here = streams.child(f"open-{i}")
            gap = 60 / subject.blinks_per_min
            times = _times(here, before + 128, int(after) - 128, gap * 0.4, gap * 1.6)
            _blinks(canvas, subject, here, times, 1.0)
        before, closed = int(after), not closed
        if before >= canvas.n_times:
            break
    canvas.alpha[:] *= canvas.points(*knots)
    if streams.chance("drowsy", 0.35):
        _doze(canvas, streams.child("drowsy"))


def _doze(canvas: Canvas, streams: Streams) -> None:
    """Add a period of drowsiness: less alpha, more theta and slow eye movements."""
    n = canvas.n_times
    start = streams.between("start", -0.2, 0.8) * n
    stop = start + seconds(streams.between("length", 15, 60))
    edge = seconds(2)
    depth = canvas.points((start, 0), (start + edge, 1), (stop - edge, 1), (stop, 0))
    canvas.alpha[:] *= 1 - 0.85 * depth
    canvas.theta[:] *= 1 + streams.between("theta", 0.3, 1.2) * depth
    roll = slow_noise(streams, "roll", n_rows=1, n_times=n, tau=1.2)[0]
    size = streams.between("roll size", 8, 35)
    canvas.add(0, _SACCADE, interpolate(size * depth * roll, n))


def add_tension(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add occasional bursts of head muscle activity, as in awake people."""
    here = streams.child("tension")
    for time in _now_and_then(canvas, here, 60 / subject.tensions_per_min):
        if _in_seizure(canvas, time):  # It has its own muscle activity.
            continue
        burst = here.child(f"burst-{time}")
        stop = time + seconds(burst.between("length", 0.3, 5))
        quieter = replace(canvas, amplitude=burst.between("amplitude", 0.15, 1.4))
        _make_muscle(quieter, subject, burst, time, stop)


def add_restlessness(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add occasional movements: slow swings of different size at the electrodes."""
    here = streams.child("movement")
    for time in _now_and_then(canvas, here, 60 / subject.movements_per_min):
        if _in_seizure(canvas, time):
            continue
        move = here.child(f"move-{time}")
        stop = time + seconds(move.between("length", 0.6, 4))
        sway(
            canvas, move, time, stop, size_uv=15 + 125 * move.between("size", 0, 1) ** 2
        )


def add_transients(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add benign single sharp or asymmetric waves anywhere on the head."""
    here = streams.child("transients")
    times = _now_and_then(canvas, here, 60 / subject.transients_per_min)
    n = len(times)
    loudness = np.exp(0.5 * here.normals("size", n)) * 1.8 * subject.rms_uv
    widths = SFREQ * (0.014 + 0.04 * np.square(here.uniforms("width", n)))
    slow = here.uniforms("slow", n)
    sign = np.where(here.uniforms("sign", n) < 0.75, -1.0, 1.0)
    places = here.normals("place", n, 3) * np.array([1, 1, 0.6]) + np.array([0, 0, 0.5])
    for i, time in enumerate(times):
        if _in_seizure(canvas, time):
            continue
        place = places[i] / np.sqrt(np.sum(places[i] * places[i]) + 1e-9)
        course = np.zeros(seconds(1.2))
        at, width, size = 80.0, widths[i], sign[i] * loudness[i]
        add_bumps(
            course,
            at=np.array([at, at + 2.4 * width, at + 55]),
            width=np.array([width, 1.5 * width, 18.0]),
            size=size * np.array([1.0, -0.35, 0.7 * slow[i]]),
        )
        canvas.add(time - 80, patch(place, sigma=14 + 14 * slow[i]), course)


def add_electrode_trouble(canvas: Canvas, streams: Streams) -> None:
    """Make one electrode in every fifth recording bad throughout."""
    if streams.chance("bad electrode", 0.2):
        here = streams.child("bad electrode")
        _make_electrode_noise(canvas, here, 0, canvas.n_times)


def add_sleep(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add spindles, vertex waves and K-complexes throughout a recording in sleep."""
    here = streams.child("sleep")
    for time in _asleep(canvas, here, 7):
        _spindle(canvas, subject, here.child(f"spindle-{time}"), time)
    here = streams.child("sleep waves")
    for time in _asleep(canvas, here, 15):
        _k_complex(canvas, subject, here.child(f"wave-{time}"), time)
    here = streams.child("vertex waves")
    for time in _asleep(canvas, here, 10):
        _vertex_wave(canvas, subject, here.child(f"wave-{time}"), time)


def _asleep(canvas: Canvas, streams: Streams, gap: float) -> list[int]:
    """Return samples about `gap` seconds apart, except those in a seizure."""
    times = _now_and_then(canvas, streams, gap)
    return [time for time in times if not _in_seizure(canvas, time)]


def _in_seizure(canvas: Canvas, time: int) -> bool:
    return float(canvas.alpha[time // SLOW_STEP]) < 0.97


def _now_and_then(canvas: Canvas, streams: Streams, gap: float) -> list[int]:
    """Return samples of the recording about `gap` seconds apart, the first anywhere."""
    n = int(canvas.n_times / (0.2 * gap * SFREQ)) + 3
    gaps = 0.2 + 1.6 * streams.uniforms("gaps", n)
    times = np.floor((np.cumsum(gaps) - 1.8) * (gap * SFREQ))
    return [int(time) for time in times if 0 <= time < canvas.n_times]


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


# Building blocks, also for seizures ---------------------------------------------------


def tense(
    canvas: Canvas,
    streams: Streams,
    field: str,
    start: int,
    envelope: Array,
    *,
    size_uv: float,
) -> None:
    """Add muscle activity in one of `EMG_FIELDS`, with a random gain per electrode."""
    uneven = streams.normals("uneven", len(ELECTRODES))
    uneven = np.exp(0.65 * np.clip(uneven, -1.6, 1.2) - 0.15)
    canvas.add_emg(start, EMG_FIELDS[field] * uneven, size_uv * envelope)


def sway(
    canvas: Canvas, streams: Streams, start: int, stop: int, *, size_uv: float
) -> None:
    """Add cable movement: slow swings at some electrodes, and a step at a loose one."""
    n = stop - start
    edge = max(n // 4, 1)
    envelope = ramps(n, (0, 0), (edge, 1), (n - edge, 0.8), (n, 0))
    rows = shaped_noise(
        streams,
        "sway",
        n_rows=3,
        n_fft=fast_length(n),
        power=lambda f: np.square(f) / (1 + np.power(f / 0.5, 4.2)),
        band=(0.3, 12),
    )[:, :n]
    for i, row in enumerate(rows):
        uneven = np.exp(0.6 * streams.normals(f"uneven {i}", len(ELECTRODES)) - 0.3)
        # Prefer electrodes close to the face and its muscles.
        place = streams.normals(f"place {i}", 3) + np.array([0, 0.5, 0])
        place /= np.sqrt(np.sum(place * place))
        place[2] = abs(place[2])
        field = patch(place, sigma=30) * uneven
        canvas.add(start, field, size_uv * envelope * row)


def pop(
    canvas: Canvas, streams: Streams, time: int, stop: int, *, size_uv: float
) -> None:
    """Add an electrode pop: a step that decays within a second, cut off at `stop`."""
    topography = np.zeros(len(ELECTRODES))
    topography[int(streams.between("electrode", 0, N_SCALP))] = 1.0
    decay = SFREQ * streams.between("decay", 0.05, 0.4)
    n = min(seconds(3), stop - time)
    course = np.exp(-np.arange(n) / decay) * ramps(
        n, (0, 0.4), (1, 1), (n - 2, 1), (n, 0)
    )
    sign = 1.0 if streams.chance("sign", 0.5) else -1.0
    canvas.add(time, topography, sign * size_uv * course)


def flatten(canvas: Canvas, streams: Streams, start: int, stop: int) -> None:
    """Flatten one electrode that has lost contact."""
    electrode = int(streams.between("electrode", 0, N_SCALP))
    edge = SLOW_STEP
    gain = canvas.points(
        (start, 1), (start + edge, 0.02), (stop - edge, 0.02), (stop, 1)
    )
    canvas.contact[electrode] *= gain


# Artefacts by kind --------------------------------------------------------------------


def _blinks(
    canvas: Canvas,
    subject: Subject,
    streams: Streams,
    times: list[int],
    size: float,
) -> None:
    n = len(times)
    width = SFREQ * (0.06 + 0.035 * streams.uniforms("width", n))
    inside = np.clip(times, 0, canvas.n_times - 1).astype(np.int64) // SLOW_STEP
    # There are no blinks while the EEG is suppressed after a convulsion.
    awake = np.clip(2 * canvas.cortex[:N_SCALP].mean(axis=0)[inside] - 0.6, 0, 1)
    height = (
        subject.blink_uv * size * awake * (0.7 + 0.5 * streams.uniforms("height", n))
    )
    course = np.zeros(canvas.n_times)
    at = np.array(times, dtype=np.float64)
    add_bumps(course, at=at, width=width, size=height)
    # The lid opens more slowly than it closes, and the amplifier overshoots.
    add_bumps(course, at=at + 1.4 * width, width=1.5 * width, size=0.4 * height)
    add_bumps(course, at=at + 6 * width, width=2.4 * width, size=-0.18 * height)
    canvas.add(0, _BLINK, course)


def _make_blink(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    _blinks(canvas, subject, streams, _times(streams, start, stop, 0.45, 1.5), 1.2)


def _make_saccade(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    times = _times(streams, start, stop, 0.5, 1.6)
    sizes = 35 + 45 * streams.uniforms("size", len(times))
    decay = streams.between("decay", 0.4, 0.8) * SFREQ
    sign = 1.0 if streams.chance("side", 0.5) else -1.0
    n = seconds(5)
    step = np.exp(-np.arange(n) / decay) * ramps(n, (0, 0), (10, 1))
    for time, size in zip(times, sizes, strict=True):
        canvas.add(time, _SACCADE, sign * size * step)
        sign = -sign


def _make_pop(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    # The same electrode pops repeatedly.
    topography = np.zeros(len(ELECTRODES))
    topography[int(streams.between("electrode", 0, N_SCALP))] = 1.0
    times = _times(streams, start, stop, 0.7, 4)
    sizes = 90 + 160 * streams.uniforms("size", len(times))
    decays = SFREQ * (0.08 + 0.35 * streams.uniforms("decay", len(times)))
    n = seconds(4)
    for time, size, decay in zip(times, sizes, decays, strict=True):
        course = np.exp(-np.arange(n) / decay) * ramps(n, (0, 0.4), (1, 1))
        canvas.add(time, topography, size * course)


def _make_electrode(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    _make_electrode_noise(canvas, streams, start, stop)


def _make_electrode_noise(
    canvas: Canvas, streams: Streams, start: int, stop: int
) -> None:
    """Add hum, broadband noise or drift to one electrode in `[start, stop)`."""
    n = stop - start
    electrode = int(streams.between("electrode", 0, N_SCALP))
    kind = ("hum", "hiss", "wander")[int(streams.between("kind", 0, 3))]
    edge = min(seconds(0.5), n // 4 + 1)
    envelope = ramps(n, (0, 0), (edge, 1), (n - edge, 1), (n, 0))
    unrest = slow_noise(streams, "unrest", n_rows=1, n_times=n, tau=1.5)
    envelope = envelope * interpolate(np.exp(0.5 * unrest - 0.12), n)[0]
    if kind == "hum":
        mains = 60 if streams.chance("mains", 0.7) else 50
        turn = np.arange(start, stop) * mains % SFREQ
        course = np.sin(np.arange(SFREQ) * (2 * np.pi / SFREQ))[turn]
        size = streams.between("size", 6, 35)
    else:
        slope = 0.2 if kind == "hiss" else 2.0
        course = shaped_noise(
            streams,
            "noise",
            n_rows=1,
            n_fft=fast_length(n),
            power=lambda f: 1 / (0.3 + np.power(f, slope)),
            band=(0.3, 110),
        )[0, :n]
        size = streams.between("size", 4, 16 if kind == "hiss" else 40)
    topography = np.zeros(len(ELECTRODES))
    topography[electrode] = 1.0
    canvas.add(start, topography, size * envelope * course)


def _make_movement(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    size = streams.between("size", 60, 180)
    sway(canvas, streams, start, stop, size_uv=size)
    quieter = replace(canvas, amplitude=0.6 * canvas.amplitude)
    _make_muscle(quieter, subject, streams.child("muscle"), start, stop)
    for time in _times(streams, start, stop, 0.8, 4):
        here = streams.child(f"pop-{time}")
        pop(canvas, here, time, stop, size_uv=here.between("size", 50, 200))


def _make_muscle(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    n = stop - start
    names = list(EMG_FIELDS)
    favourite = int(streams.between("field", 0, len(names)))
    size = streams.between("size", 14, 45)
    unrest = slow_noise(streams, "unrest", n_rows=len(names), n_times=n, tau=0.3)
    for i, name in enumerate(names):
        here = streams.child(name)
        # Muscle bursts have no rectangular envelope and do not all start together.
        begin = here.between("begin", 0, 0.25 if i != favourite else 0.02) * n
        full = begin + here.between("rise", 0.05, 0.3) * n
        hold = full + here.between("hold", 0.1, 0.9) * (n - full)
        envelope = ramps(n, (begin, 0), (full, 1), (hold, 0.7), (n, 0))
        envelope = envelope * interpolate(np.exp(0.5 * unrest[i] - 0.12), n)
        share = 1.0 if i == favourite else here.between("share", 0.1, 0.7)
        tense(canvas, here, name, start, envelope, size_uv=share * size)


def _make_chewing(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    rate = streams.between("rate", 1.2, 1.8)
    times = _times(streams, start, stop, 0.8 / rate, 1.2 / rate)
    sizes = 16 + 26 * streams.uniforms("size", len(times))
    lengths = 0.22 + 0.2 * streams.uniforms("length", len(times))
    jaw = patch(direction(*REGIONS["MF"]), sigma=42)
    fields = [
        side * np.exp(0.4 * streams.normals(f"uneven {name}", len(ELECTRODES)))
        for name, side in (
            ("left", streams.between("left", 0.5, 1) * EMG_FIELDS["left"]),
            ("right", streams.between("right", 0.5, 1) * EMG_FIELDS["right"]),
        )
    ]
    for time, size, length in zip(times, sizes, lengths, strict=True):
        n = seconds(length)
        turn = np.sin(np.arange(n) * (np.pi / n))
        for field in fields:
            canvas.add_emg(time, field, size * turn)
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
        course = interpolate(slow_noise(here, "sway", n_rows=1, n_times=n, tau=0.4), n)[
            0
        ]
        field = patch(direction(*REGIONS[f"{side}A"]), sigma=20)
        canvas.add(start, field, here.between("size", 60, 170) * envelope * course)


def _make_focal_spikes(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    times = _times(streams, start, stop, 0.4, 3.5)
    n = len(times)
    sizes = (90 + 110 * streams.uniforms("size", n)) * (1 + 0.5 * subject.childhood)
    # A spike lasts 20-70 ms, a sharp wave up to 200 ms; a focus has one of the two.
    width = SFREQ * streams.between("width", 0.03, 0.1) / 2.355
    slow = streams.between("slow", 0.3, 0.7)
    course = np.zeros(stop - start + seconds(2))
    at = np.array(times, dtype=np.float64) - start
    add_bumps(course, at=at, width=width, size=-sizes)
    add_bumps(course, at=at + 2.4 * width, width=1.3 * width, size=0.35 * sizes)
    add_bumps(course, at=at + 0.24 * SFREQ, width=0.075 * SFREQ, size=-slow * sizes)
    canvas.add(start, patch(direction(*REGIONS[subject.focus]), sigma=12), course)


def _make_spike_waves(
    canvas: Canvas, _subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    runs = _times(streams, start, stop, 2.5, 5.5)
    spikes, domes = np.zeros((2, stop - start + seconds(3)))
    for i, run in enumerate(runs):
        here = streams.child(f"run-{i}")
        n = 1 + int(here.between("number", 0, 4))
        rhythm = np.arange(n) * (0.92 + 0.16 * here.uniforms("rhythm", n))
        at = run - start + SFREQ * 0.3 * rhythm
        sizes = here.between("size", 120, 240) * (0.75 + 0.4 * here.uniforms("each", n))
        add_bumps(spikes, at=at, width=4.4, size=-sizes)
        add_bumps(spikes, at=at + 10, width=5, size=0.35 * sizes)
        add_bumps(domes, at=at + 42, width=16, size=-0.85 * sizes)
    for region, gain, dome in (
        ("MF", 1.0, 1.0),
        ("LF", 0.6, 0.6),
        ("RF", 0.65, 0.6),
        ("MC", 0.3, 0.5),
        ("LP", 0.15, 0.35),
        ("RP", 0.15, 0.35),
    ):
        lag = int(streams.between(f"lag {region}", 0, 4))
        field = patch(direction(*REGIONS[region]), sigma=24)
        canvas.add(start + lag, field, gain * spikes + dome * domes)


def _spindle(canvas: Canvas, subject: Subject, streams: Streams, time: int) -> None:
    n = seconds(streams.between("length", 0.6, 1.6))
    frequency = streams.between("frequency", 11.8, 14) - 0.6 * subject.childhood
    size = streams.between("size", 28, 55) * (1 + 0.4 * subject.childhood)
    t = np.arange(n) / SFREQ
    turn = 2 * np.pi * (frequency * t - 0.3 * t * t)
    hump = np.sin(np.arange(n) * (np.pi / n))
    side = streams.between("side", -0.3, 0.3)
    for region, gain in (
        ("MC", 1.0),
        ("LC", 0.8 + side),
        ("RC", 0.8 - side),
        ("MF", 0.6),
        ("LF", 0.35 + side),
        ("RF", 0.35 - side),
    ):
        phase = streams.between(f"phase {region}", -0.7, 0.7)
        course = gain * size * hump * np.sqrt(hump) * np.sin(turn + phase)
        canvas.add(time, patch(direction(*REGIONS[region]), sigma=15), 0.6 * course)


def _k_complex(canvas: Canvas, subject: Subject, streams: Streams, time: int) -> None:
    size = streams.between("size", 110, 200) * (1 + 0.4 * subject.childhood)
    course = np.zeros(seconds(2.5))
    lead = seconds(0.35)
    add_bumps(
        course,
        at=np.array([lead, lead + 62.0, lead + 150.0]),
        width=np.array([17.0, 36.0, 50.0]),
        size=size * np.array([-1.0, 0.8, -0.15]),
    )
    for region, gain in (
        ("MC", 1.0),
        ("MF", 0.9),
        ("LF", 0.35),
        ("RF", 0.35),
        ("LP", 0.3),
        ("RP", 0.3),
    ):
        lag = int(streams.between(f"lag {region}", 0, 6))
        field = patch(direction(*REGIONS[region]), sigma=24)
        canvas.add(time + lag - lead, field, 0.5 * gain * course)


def _vertex_wave(canvas: Canvas, subject: Subject, streams: Streams, time: int) -> None:
    size = streams.between("size", 50, 140) * (1 + 0.5 * subject.childhood)
    course = np.zeros(seconds(1.2))
    lead = seconds(0.3)
    add_bumps(
        course,
        at=np.array([lead, lead + 26.0]),
        width=np.array([9.0, 15.0]),
        size=size * np.array([-1.0, 0.35]),
    )
    field = patch(direction(*REGIONS["MC"]), sigma=streams.between("width", 14, 24))
    canvas.add(time - lead, field, course)


def _make_spindles(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    for time in _times(streams, start, stop, 2, 4.5):
        _spindle(canvas, subject, streams.child(f"spindle-{time - start}"), time)


def _make_k_complexes(
    canvas: Canvas, subject: Subject, streams: Streams, start: int, stop: int
) -> None:
    for time in _times(streams, start, stop, 3.5, 8):
        here = streams.child(f"wave-{time - start}")
        _k_complex(canvas, subject, here, time)
        _spindle(canvas, subject, here, time + seconds(0.5))


_MAKERS: dict[str, Maker] = {
    "blink": _make_blink,
    "chewing": _make_chewing,
    "drift": _make_drift,
    "electrode": _make_electrode,
    "focal-spikes": _make_focal_spikes,
    "k-complexes": _make_k_complexes,
    "movement": _make_movement,
    "muscle": _make_muscle,
    "pop": _make_pop,
    "saccade": _make_saccade,
    "spike-waves": _make_spike_waves,
    "spindles": _make_spindles,
}
