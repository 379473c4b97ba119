"""Parameters that are constant over the recordings of one subject.

Ranges follow the table in section 3.2 of the design of the generator, which has values
measured on, or known for, adults and older children.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.synthetic.streams import Streams

__all__ = ["Subject", "make_subject"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """Parameters of a subject; amplitudes in microvolts, rates in Hz."""

    reference: str  # "AR", average of the 19, or "LE", mean of the ears
    focus_side: str  # "L" or "R"
    focus_lobe: str  # "temporal" or "frontal"
    exponent: float  # of the background spectrum
    rms_uv: float  # of the background at an electrode
    slowing_uv: float  # over the focus between seizures
    alpha_hz: float  # posterior rhythm with eyes closed
    alpha_width_hz: float
    alpha_uv: float
    alpha_left: float  # amplitude on the left relative to the right
    beta_uv: float  # frontal
    mu_uv: float  # central
    emg_uv: float  # muscle tone at rest
    mains_hz: float
    mains_uv: float
    heart_hz: float
    ecg_uv: float  # QRS at the ears
    drift_uv: float  # below 0.4 Hz
    floor_uv: float  # white noise of the amplifier
    blink_uv: float
    blinks_per_min: float  # while the eyes are open
    tensions_per_min: float  # bursts of muscle while awake
    gains: npt.NDArray[np.float64]  # of the 21 electrodes, about 1

    @property
    def focus(self) -> str:
        """Region of the focus, a key of `bgb_fixtures.synthetic.head.REGIONS`."""
        return self.focus_side + ("T" if self.focus_lobe == "temporal" else "F")


def make_subject(streams: Streams) -> Subject:
    """Draw the parameters of a subject."""
    draw, coin = streams.between, streams.chance

    return Subject(
        reference="AR" if coin("reference", 0.6) else "LE",
        focus_side="L" if coin("focus side", 0.5) else "R",
        focus_lobe="temporal" if coin("focus lobe", 0.7) else "frontal",
        exponent=draw("exponent", 1.6, 2.6),
        rms_uv=draw("rms", 12, 26),
        slowing_uv=draw("slowing", 3, 14),
        alpha_hz=draw("alpha frequency", 8.6, 11.2),
        alpha_width_hz=draw("alpha width", 0.45, 0.9),
        alpha_uv=draw("alpha size", 7, 18),
        alpha_left=draw("alpha left", 0.85, 1),
        beta_uv=draw("beta", 2, 5),
        mu_uv=draw("mu", 1.5, 5),
        emg_uv=draw("emg", 0.5, 2.2),
        mains_hz=60.0 if coin("mains frequency", 0.7) else 50.0,
        mains_uv=draw("mains", 0.2, 2),
        heart_hz=draw("heart rate", 58, 95) / 60,
        ecg_uv=max(0.0, draw("ecg", -2, 6)),
        drift_uv=draw("drift", 3, 18),
        floor_uv=draw("floor", 0.4, 0.6),
        blink_uv=draw("blink", 60, 140),
        blinks_per_min=draw("blink rate", 8, 20),
        tensions_per_min=draw("tensions", 0.8, 3),
        gains=1 + 0.08 * streams.normals("gains", len(ELECTRODES)),
    )
