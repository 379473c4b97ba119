"""Body signals in a seizure: muscle, jerks, movement, lost contacts.

Invariant: they are confined to the ictal samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.recipe_2.artefacts import (
    EMG_FIELDS,
    flatten,
    pop,
    sway,
    tense,
)
from bgb_fixtures.synthetic.shapes import ramps, seconds
from bgb_fixtures.synthetic.streams import interpolate, slow_noise
from bgb_fixtures.synthetic.waves import cycle_times

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_2.seizure import Seizure

    Array = npt.NDArray[np.float64]

__all__ = ["add_movement", "add_muscle", "excite", "jerks"]


def excite(
    seizure: Seizure,
    envelope: Array,
    *,
    muscle: float,
    size_uv: tuple[float, float],
    movement: float,
) -> None:
    """Add muscle activity, with an amplitude in a range, and movement, at random."""
    n = seizure.n_times
    course = envelope / max(envelope.max(), 1e-9)
    if seizure.chance("muscle", muscle):
        late = 0.0 if seizure.chance("muscle at once", 0.6) else 0.4
        at = seizure.draw("muscle onset", 0, 1) * late * n
        rise = ramps(
            n, (at - 1, 0), (at + min(SFREQ, 0.2 * n), 1), (0.95 * n, 0.8), (n, 0)
        )
        size = seizure.scale("muscle size", *size_uv)
        add_muscle(seizure, rise * np.sqrt(course), size_uv=size)
    if seizure.chance("moves", movement):
        add_movement(seizure, course, size_uv=seizure.scale("movement size", 30, 160))


def add_muscle(
    seizure: Seizure,
    envelope: Array,
    *,
    size_uv: float,
    share: float = 0.6,
    unrest: float = 0.6,
    offset: int = 0,
) -> None:
    """Add activity of some muscles during a seizure, each with its own time course.

    Each of `EMG_FIELDS` takes part with probability `share`, and at least one does.
    `unrest` is the standard deviation of the logarithm of their amplitudes over time.
    """
    n = len(envelope)
    streams = seizure.streams.child(f"muscle {offset}")
    names = list(EMG_FIELDS)
    first = int(streams.between("first", 0, len(names)))
    waves = slow_noise(streams, "unrest", n_rows=len(names), n_times=n, tau=0.4)
    for i, name in enumerate(names):
        here = streams.child(name)
        if i != first and not here.chance("joins", share):
            continue
        gain = 1.0 if i == first else here.between("gain", 0.25, 1)
        gain *= 0.5 if name == "neck" else 1.0
        start = (
            0.0 if here.chance("at once", 0.5) else here.between("start", 0, 0.4) * n
        )
        join = ramps(n, (start - 1, 0.15), (start + min(seconds(1.5), n // 3 + 1), 1))
        course = envelope * join * interpolate(np.exp(unrest * waves[i] - 0.15), n)
        tense(
            seizure.canvas,
            here,
            name,
            seizure.start + offset,
            course,
            size_uv=gain * size_uv,
        )


def jerks(phase: Array, envelope: Array, *, decay: float) -> Array:
    """Return the RMS of muscle bursts that decay after each spike, (n_times,)."""
    times = np.floor(cycle_times(phase)).astype(np.int64)
    n = len(phase)
    kernel = np.exp(np.arange(seconds(8 * decay)) / (-decay * SFREQ))
    kernel *= np.minimum(np.arange(len(kernel)) / 5, 1)
    course = np.zeros(n)
    for time in times[(times >= 0) & (times < n)]:
        course[time : time + len(kernel)] += kernel[: n - time]
    return course * envelope


def add_movement(seizure: Seizure, envelope: Array, *, size_uv: float) -> None:
    """Add movement during a seizure: swings of cables, pops, a flat electrode."""
    n, canvas, start = len(envelope), seizure.canvas, seizure.start
    streams = seizure.streams.child("movement")
    for i in range(int(streams.between("number", 1, 2 + seizure.length / 8))):
        here = streams.child(f"swing-{i}")
        length = min(seconds(here.between("length", 0.8, 6)), n)
        first = int(here.between("start", 0, n - length + 1))
        middle = first + length // 2
        size = size_uv * here.between("size", 0.3, 1) * float(envelope[middle])
        sway(canvas, here, start + first, start + first + length, size_uv=size)
        if here.chance("pop", 0.4):
            pop(canvas, here, start + middle, seizure.stop, size_uv=2 * size)
    if n > seconds(6) and streams.chance("flat", 0.15):
        length = seconds(streams.between("flat length", 1, 5))
        first = start + int(streams.between("flat start", 0, n - length))
        flatten(canvas, streams, first, first + length)
