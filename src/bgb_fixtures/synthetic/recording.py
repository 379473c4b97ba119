"""All of it together: a recording in 16-bit steps of 0.125 microvolts.

Invariant: the same request gives the same integers on every machine. Floats differ in
the last bits between versions of numpy, kernels of BLAS and processors; a recording is
taken only if no sample lies so close to a rounding border that this could matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.events import seconds_to_sample
from bgb_fixtures.synthetic import RECIPE, SFREQ
from bgb_fixtures.synthetic.artefacts import (
    add_artefact,
    add_eyes,
    add_sleep,
    add_tension,
)
from bgb_fixtures.synthetic.background import add_background, floor_noise
from bgb_fixtures.synthetic.canvas import Canvas
from bgb_fixtures.synthetic.head import ELECTRODES, N_SCALP
from bgb_fixtures.synthetic.seizures import add_seizure
from bgb_fixtures.synthetic.streams import Streams
from bgb_fixtures.synthetic.subject import make_subject

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.synthetic.scenario import Scenario
    from bgb_fixtures.synthetic.subject import Subject

    Array = npt.NDArray[np.float64]

__all__ = ["LSB_UV", "SyntheticRecording", "generate"]

LSB_UV = 0.125
"""Microvolts per step: a power of two, exact in float32; EDF -4096 .. 4095.875 uV."""

LEAST_MARGIN = 2e-8
"""Steps. Between numpy 2.4 and numpy 1.26 without AVX2 and FMA, on another kernel of
BLAS, samples differ by 2e-13 (median) to 2e-10 steps (largest), measured on `smoke`."""

_PIECE = 2**16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SyntheticRecording:
    """Hold a synthetic recording.

    Attributes
    ----------
    digital : numpy.ndarray of int16, shape (21, n_times)
        Steps of `LSB_UV`, against the reference of the subject, at 256 Hz.
    ch_names : tuple of str
        The 19 of montage 10-20 in its order, then A1 and A2.
    reference : str
        ``"AR"``: average of the 19; ``"LE"``: mean of A1 and A2.
    recipe : str
        Version of the generator.
    salt : int
        From 0; how many drafts of the amplifier noise were refused.
    margin : float
        2e-8, 2e-7, ... steps: no sample is closer than this to a rounding border.
    """

    digital: npt.NDArray[np.int16]
    ch_names: tuple[str, ...]
    reference: str
    recipe: str
    salt: int
    margin: float


def generate(recording: Scenario, *, seed: int, run: int = 1) -> SyntheticRecording:
    """Generate a recording.

    Parameters
    ----------
    recording : Scenario
        Subject, duration, state, seizures (of 0.25 s or more) and artefacts; its
        windows do not matter.
    seed : int
        Of the fixture or corpus, from 0.
    run : int
        Tells recordings of one subject apart, from 1.

    Returns
    -------
    generated : SyntheticRecording
        The same on every machine.

    Notes
    -----
    Closed-form source time courses in a head of three shells: the design, with sources
    for every number, is described in DATA.md.
    """
    n_times = seconds_to_sample(recording.duration, SFREQ)
    subject = make_subject(seed=seed, number=recording.subject)
    streams = Streams.of_seed(seed).child(f"sub-{recording.subject}/run-{int(run)}")
    potentials = _potentials(recording, subject, streams, n_times)
    digital, salt, margin = _digitise(potentials, subject, streams)
    return SyntheticRecording(
        digital=digital,
        ch_names=ELECTRODES,
        reference=subject.reference,
        recipe=RECIPE,
        salt=salt,
        margin=margin,
    )


def _potentials(
    recording: Scenario, subject: Subject, streams: Streams, n_times: int
) -> Array:
    """Return everything but the noise of the amplifier, against the reference."""
    canvas = Canvas.blank(n_times)
    for i, event in enumerate(recording.events):
        start, stop = event.span(SFREQ)
        add_seizure(
            replace(canvas, amplitude=getattr(event, "amplitude", 1.0)),
            subject,
            streams.child(f"seizure-{i}"),
            label=event.label,
            start=start,
            stop=stop,
        )
    for i, artefact in enumerate(recording.artefacts):
        start, stop = artefact.span(SFREQ)
        add_artefact(
            replace(canvas, amplitude=artefact.amplitude),
            subject,
            streams.child(f"artefact-{i}"),
            kind=artefact.kind,
            start=start,
            stop=stop,
        )
    if recording.state == "sleep":
        add_sleep(canvas, subject, streams)
    else:
        add_eyes(canvas, subject, streams)
        add_tension(canvas, subject, streams)
    add_background(canvas, subject, streams, state=recording.state)
    potentials = canvas.scalp_uv
    reference = (
        potentials[:N_SCALP] if subject.reference == "AR" else potentials[N_SCALP:]
    )
    potentials -= reference.mean(axis=0)
    potentials *= subject.gains[:, None]
    _add_mains(potentials, subject, streams)
    return potentials


def _add_mains(potentials: Array, subject: Subject, streams: Streams) -> None:
    """Add the power line: one phase, and a gain for each electrode."""
    gains = subject.mains_uv * streams.uniforms("mains", len(ELECTRODES))
    # Integers, so that hour-long recordings keep the phase to the last bit.
    turn = np.arange(potentials.shape[1]) * int(subject.mains_hz) % SFREQ
    sine = np.sin(np.arange(SFREQ) * (2 * np.pi / SFREQ))
    potentials += gains[:, None] * sine[turn]


def _digitise(
    potentials: Array, subject: Subject, streams: Streams
) -> tuple[npt.NDArray[np.int16], int, float]:
    """Add the noise of the amplifier and round; draw it again if a sample is close.

    Only this noise depends on the salt: another draft costs little.
    """
    n_times = potentials.shape[1]
    digital = np.empty(potentials.shape, dtype=np.int16)
    salt = 0
    while True:
        here = streams.child(f"salt-{salt}")
        margin = 0.5
        for start in range(0, n_times, _PIECE):
            part = slice(start, min(start + _PIECE, n_times))
            piece = potentials[:, part] + floor_noise(
                subject, here.child(f"piece-{start}"), part.stop - part.start
            )
            piece /= LSB_UV
            rounded = np.rint(piece)
            piece -= rounded
            margin = min(margin, 0.5 - float(np.abs(piece, out=piece).max()))
            digital[:, part] = np.clip(rounded, -32768, 32767)
        if margin >= LEAST_MARGIN:
            return digital, salt, _power_of_ten(margin)
        salt += 1


def _power_of_ten(margin: float) -> float:
    """Return the largest of 2e-8, 2e-7, ... that the margin reaches.

    The margin itself differs between machines; its decade does not, unless it lies
    on one of a few borders. Finer steps would have more borders.
    """
    decades = (2e-8, 2e-7, 2e-6, 2e-5, 2e-4, 2e-3, 2e-2, 2e-1)
    return max(decade for decade in decades if decade <= margin)
