"""What stays the same over the recordings of one subject.

Invariant: a subject follows from seed and number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.synthetic.head import ELECTRODES
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Subject", "make_subject"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """Hold the parameters of a subject.

    Attributes
    ----------
    reference : str
        ``"AR"``, average of the 19, or ``"LE"``, mean of the ears.
    focus_side, focus_lobe : str
        ``"L"`` or ``"R"``; ``"temporal"`` or ``"frontal"``.
    exponent, rms_uv : float
        Slope of the background spectrum, and its size at an electrode.
    slowing_uv : float
        Slow waves over the focus between seizures.
    alpha_hz, alpha_width_hz, alpha_uv : float
        Posterior rhythm with eyes closed.
    alpha_left : float
        Its size on the left relative to the right.
    beta_uv, mu_uv : float
        Frontal beta and central mu rhythm.
    emg_uv : float
        Muscle tone at rest.
    mains_hz, mains_uv : float
        Interference of the power line.
    heart_hz, ecg_uv : float
        Heart rate, and its QRS at the ears.
    drift_uv, floor_uv : float
        Slow drift below 0.4 Hz, and white noise of the amplifier.
    blink_uv, blinks_per_min : float
        Of open eyes.
    tensions_per_min : float
        Bursts of muscle while awake.
    gains : numpy.ndarray of float64, shape (21,)
        Of the electrodes, about 1.
    """

    reference: str
    focus_side: str
    focus_lobe: str
    exponent: float
    rms_uv: float
    slowing_uv: float
    alpha_hz: float
    alpha_width_hz: float
    alpha_uv: float
    alpha_left: float
    beta_uv: float
    mu_uv: float
    emg_uv: float
    mains_hz: float
    mains_uv: float
    heart_hz: float
    ecg_uv: float
    drift_uv: float
    floor_uv: float
    blink_uv: float
    blinks_per_min: float
    tensions_per_min: float
    gains: npt.NDArray[np.float64]

    @property
    def focus(self) -> str:
        """Region of the focus, a key of `bgb_fixtures.synthetic.head.REGIONS`."""
        return self.focus_side + ("T" if self.focus_lobe == "temporal" else "F")


def make_subject(*, seed: int, number: int) -> Subject:
    """Return the parameters of a subject.

    Parameters
    ----------
    seed : int
        Of the fixture.
    number : int
        Of the subject, from 1.

    Returns
    -------
    subject : Subject
        Ranges after the table in section 3.2 of the design of the generator: what is
        measured on, or known of, adults and older children.
    """
    streams = Streams.of_seed(seed).child(f"sub-{int(number)}")
    draw = streams.between

    def coin(name: str, chance: float) -> bool:
        return draw(name, 0, 1) < chance

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
