"""A recording in 16-bit steps of 0.125 microvolts.

Invariant: the same scenario, seed and recipe give the same integers on every machine.
Floats differ in the last bits between versions of numpy, kernels of BLAS and
processors, so a recording is accepted only if every sample is far enough from a
rounding boundary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import RECIPE
from bgb_fixtures.synthetic.head import ELECTRODES
from bgb_fixtures.synthetic.recipes import get_recipe, make_subject
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipes import Subject
    from bgb_fixtures.synthetic.scenario import Scenario

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
    """A synthetic recording at 256 Hz.

    `digital`, int16 of shape (21, n_times), has steps of `LSB_UV` against `reference`
    (``"AR"``: average of the 19; ``"LE"``: mean of A1 and A2). `salt` is the number of
    rejected drafts of the amplifier noise. No sample is closer to a rounding boundary
    than `margin`, one of 2e-8, 2e-7, ... steps.
    """

    digital: npt.NDArray[np.int16]
    ch_names: tuple[str, ...]
    reference: str
    recipe: str
    salt: int
    margin: float


def generate(
    scenario: Scenario, *, seed: int, run: int = 1, recipe: str = RECIPE
) -> SyntheticRecording:
    """Generate a recording; `run` numbers the recordings of one subject, from 1."""
    subject = make_subject(seed=seed, number=scenario.subject, recipe=recipe)
    streams = Streams.of_seed(seed, recipe).child(
        f"sub-{scenario.subject}/run-{int(run)}"
    )
    potentials = get_recipe(recipe).draw(scenario, subject, streams)
    digital, salt, margin = _digitise(potentials, subject, streams)
    return SyntheticRecording(
        digital=digital,
        ch_names=ELECTRODES,
        reference=subject.reference,
        recipe=recipe,
        salt=salt,
        margin=margin,
    )


def _digitise(
    potentials: Array, subject: Subject, streams: Streams
) -> tuple[npt.NDArray[np.int16], int, float]:
    """Add amplifier noise and round; redraw if a sample is close to a boundary.

    Only this noise depends on the salt, so another draft is cheap.
    """
    n_times = potentials.shape[1]
    digital = np.empty(potentials.shape, dtype=np.int16)
    salt = 0
    while True:
        here = streams.child(f"salt-{salt}")
        margin = 0.5
        for start in range(0, n_times, _PIECE):
            part = slice(start, min(start + _PIECE, n_times))
            noise = here.child(f"piece-{start}").normals(
                "floor", len(ELECTRODES), part.stop - part.start
            )
            piece = potentials[:, part] + subject.floor_uv * noise
            piece /= LSB_UV
            rounded = np.rint(piece)
            piece -= rounded
            margin = min(margin, 0.5 - float(np.abs(piece, out=piece).max()))
            digital[:, part] = np.clip(rounded, -32768, 32767)
        if margin >= LEAST_MARGIN:
            return digital, salt, _power_of_ten(margin)
        salt += 1


def _power_of_ten(margin: float) -> float:
    """Return the largest of 2e-8, 2e-7, ... that does not exceed the margin.

    The margin itself differs between machines. Its decade does not, unless the margin
    is on one of the few boundaries; finer steps would have more of them.
    """
    decades = (2e-8, 2e-7, 2e-6, 2e-5, 2e-4, 2e-3, 2e-2, 2e-1)
    return max(decade for decade in decades if decade <= margin)
