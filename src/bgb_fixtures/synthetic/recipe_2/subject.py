"""Parameters that are constant over the recordings of one subject.

Half of the subjects are children, whose EEG is larger and slower and has more theta.
Ranges are those of the literature (Niedermeyer's tables of the EEG by age, section 3.2
of the design of the generator), widened so that some recordings are at the extremes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic.head import ELECTRODES, electrode_positions

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.synthetic.streams import Streams

    Array = npt.NDArray[np.float64]

__all__ = ["Subject", "make_subject"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """Parameters of a subject; amplitudes in microvolts, rates in Hz."""

    reference: str  # "AR", average of the 19, or "LE", mean of the ears
    focus_side: str  # "L" or "R"
    focus_lobe: str  # "temporal" or "frontal"
    age: float  # years
    exponent: float  # of the background spectrum
    rms_uv: float  # of the background at an electrode
    synchrony: float  # of slow sources on both sides, 0 to 1
    profile: Array  # of the background over the electrodes, (21,), mean square 1
    lopsided: float  # how much sharper the negative half of slow waves is
    slowing_uv: float  # over the focus between seizures
    alpha_hz: float  # posterior rhythm with eyes closed
    alpha_width_hz: float
    alpha_uv: float
    alpha_left: float  # amplitude on the left relative to the right
    theta_hz: float  # while awake and drowsy
    theta_uv: float
    beta_uv: float  # frontal; much of it is medication
    mu_uv: float  # central
    tone_uv: Array  # muscle at rest at each electrode, (21,)
    mains_hz: float
    mains_uv: float
    heart_hz: float
    ecg_uv: float  # QRS at the ears
    drift_uv: float  # below 0.4 Hz
    floor_uv: float  # white noise of the amplifier
    blink_uv: float
    blinks_per_min: float  # while the eyes are open
    tensions_per_min: float  # bursts of muscle while awake
    movements_per_min: float  # of head and cables while awake
    transients_per_min: float  # benign sharp or asymmetric waves
    gains: Array  # of the electrodes, about 1, (21,)

    @property
    def focus(self) -> str:
        """Region of the focus, a key of `bgb_fixtures.synthetic.head.REGIONS`."""
        return self.focus_side + ("T" if self.focus_lobe == "temporal" else "F")

    @property
    def childhood(self) -> float:
        """1 at 4 years, 0 from 16 years on."""
        return min(max((16 - self.age) / 12, 0.0), 1.0)


_TONE = {
    # Relative muscle tone at rest; 0.35 elsewhere (Gasser 2005: temples and forehead).
    **dict.fromkeys(("T3", "T4", "F7", "F8", "A1", "A2"), 1.0),
    **dict.fromkeys(("Fp1", "Fp2"), 0.8),
    **dict.fromkeys(("T5", "T6", "O1", "O2"), 0.5),
}


def make_subject(streams: Streams) -> Subject:
    """Draw the parameters of a subject."""
    draw, coin, n = streams.between, streams.chance, len(ELECTRODES)

    def scale(name: str, low: float, high: float) -> float:
        return float(np.exp(draw(name, np.log(low), np.log(high))))

    age = draw("age", 4, 15) if coin("child", 0.5) else draw("age", 15, 70)
    young = min(max((16 - age) / 12, 0.0), 1.0)
    tone = np.array([_TONE.get(name, 0.35) for name in ELECTRODES])
    uneven = np.exp(0.8 * streams.normals("tone", n) - 0.2)
    return Subject(
        reference="AR" if coin("reference", 0.6) else "LE",
        focus_side="L" if coin("focus side", 0.5) else "R",
        focus_lobe="temporal" if coin("focus lobe", 0.7) else "frontal",
        age=age,
        exponent=draw("exponent", 1.6, 2.5),
        rms_uv=scale("rms", 9, 22) * (1 + 0.9 * young),
        synchrony=draw("synchrony", 0.1, 0.8),
        profile=_profile(streams),
        lopsided=draw("lopsided", 0, 0.18),
        slowing_uv=draw("slowing", 8, 24) if coin("slow focus", 0.35) else 2.0,
        alpha_hz=draw("alpha frequency", 8.8, 11.2) - 2.2 * young,
        alpha_width_hz=draw("alpha width", 0.5, 1.1),
        alpha_uv=scale("alpha size", 6, 22) * (1 + 0.7 * young),
        alpha_left=draw("alpha left", 0.75, 1),
        theta_hz=draw("theta frequency", 4.6, 7),
        theta_uv=scale("theta size", 2, 6.5) * (1 + 1.2 * young),
        beta_uv=draw("beta", 5, 11) if coin("medication", 0.3) else draw("beta", 1, 5),
        mu_uv=draw("mu", 0.5, 5),
        tone_uv=scale("emg", 0.4, 3.4) * tone * uneven,
        mains_hz=60.0 if coin("mains frequency", 0.7) else 50.0,
        mains_uv=scale("mains", 0.1, 2.5),
        heart_hz=draw("heart rate", 58, 90) / 60 * (1 + 0.35 * young),
        ecg_uv=max(0.0, draw("ecg", -3, 6)),
        drift_uv=scale("drift", 3, 20),
        floor_uv=draw("floor", 0.4, 0.7),
        blink_uv=scale("blink", 90, 280),
        blinks_per_min=draw("blink rate", 5, 20),
        tensions_per_min=draw("tensions", 0.5, 3.5),
        movements_per_min=scale("movements", 0.3, 4) * (1 + young),
        transients_per_min=scale("transients", 4, 30),
        gains=1 + 0.08 * streams.normals("gains", n),
    )


def _profile(streams: Streams) -> Array:
    """Return the amplitude of the background over the head: a gradient and patches."""
    places = electrode_positions()
    frontal = streams.between("frontal", -0.12, 0.35)
    axis = streams.normals("patchy axis", 3)
    tilt = places @ axis / np.sqrt(np.sum(axis * axis))
    level = frontal * places[:, 1] + 0.12 * tilt
    level += 0.14 * streams.normals("patchy", len(places))
    profile: Array = np.exp(level)
    profile /= np.sqrt(np.mean(profile * profile))
    return profile
