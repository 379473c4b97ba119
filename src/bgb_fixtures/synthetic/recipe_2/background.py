"""Ongoing activity: cortex at rest, its rhythms, muscle tone, drift, heart.

Invariant: it is generated in blocks of at most 64 s, and the last 4 s of each block
fade into the next, because an inverse Fourier transform is periodic. So no second is
repeated, and an hour needs no more memory than its samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import (
    ELECTRODES,
    N_SCALP,
    REGIONS,
    direction,
    mix,
    mixing_matrix,
    patch,
    weights,
)
from bgb_fixtures.synthetic.shapes import add_bumps
from bgb_fixtures.synthetic.streams import (
    SLOW_STEP,
    Streams,
    interpolate,
    shaped_noise,
    slow_noise,
)
from bgb_fixtures.synthetic.waves import fast_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_2.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_2.subject import Subject

    Array = npt.NDArray[np.float64]

__all__ = ["add_background"]

_BLOCK = 64 * SFREQ
_FADE = 4 * SFREQ
_N = len(ELECTRODES)
# Highest frequency in Hz, width of a patch in degrees, and the remaining share of the
# subject's synchrony of both sides: fast activity is more local (Srinivasan 2007).
_BANDS = ((8.0, 24.0, 1.0), (20.0, 15.0, 0.4), (110.0, 9.0, 0.0))
_OWN, _COMMON = 0.42, 0.34  # deviation of the logarithm of gains
_HEART = weights({"A1": -1.0, "A2": 0.8, "T3": -0.4, "T4": 0.3, "T5": -0.3, "T6": 0.2})


def add_background(
    canvas: Canvas, subject: Subject, streams: Streams, *, state: str
) -> None:
    """Add all ongoing activity to a canvas in place."""
    for number, part in enumerate(_blocks(canvas.n_times)):
        length = part.stop - part.start
        block = _Block(
            streams=streams.child(f"block-{number}"),
            subject=subject,
            asleep=state == "sleep",
            n_fft=min(fast_length(length), _BLOCK),
        )
        first = part.start // SLOW_STEP
        points = slice(first, first + length // SLOW_STEP + 2)
        cortex = _cortex(block)
        cortex += _rhythms(block, canvas.theta[points])
        cortex = cortex[:, :length]
        cortex *= interpolate(canvas.cortex[:, points], length)
        if not block.asleep:
            gain = interpolate(canvas.alpha[points], length)
            cortex += _alpha(block)[:, :length] * gain
        cortex += _muscle(block)[:, :length] * (
            interpolate(_tone(block), length) + canvas.emg_uv[:, part]
        )
        cortex += _drift(block)[:, :length]
        _fade(cortex, first=number == 0, last=part.stop == canvas.n_times)
        canvas.scalp_uv[:, part] += cortex
    _add_heart(canvas, subject, streams)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A block of background: its subject, its state and its random streams."""

    streams: Streams
    subject: Subject
    asleep: bool
    n_fft: int  # samples of the periodic noise, of which the last 4 s are not used

    def slow(self, name: str, n_rows: int, *, tau: float) -> Array:
        """Return slow noise at 16 Hz."""
        return slow_noise(
            self.streams, name, n_rows=n_rows, n_times=self.n_fft, tau=tau
        )

    def waxing(self, name: str, n_rows: int, *, tau: float, depth: float) -> Array:
        """Return log-normal gains of mean square 1, (n_rows, n_fft)."""
        noise = self.slow(name, n_rows, tau=tau)
        return interpolate(np.exp(depth * noise - depth * depth), self.n_fft)

    def rhythm(self, name: str, n_rows: int, centre: float, half_width: float) -> Array:
        """Return noise around a frequency, with unit variance, (n_rows, n_fft)."""

        def power(f: Array) -> Array:
            x = (f - centre) / half_width
            return 1 / np.square(1 + x * x)

        return shaped_noise(
            self.streams,
            name,
            n_rows=n_rows,
            n_fft=self.n_fft,
            power=power,
            band=(max(0.4, centre - 9 * half_width), centre + 9 * half_width),
        )


def _blocks(n_times: int) -> Iterator[slice]:
    """Yield the samples of blocks, which overlap by the duration of the fade."""
    hop = _BLOCK - _FADE
    for number in range(max(1, -(-(n_times - _FADE) // hop))):
        yield slice(number * hop, min(number * hop + _BLOCK, n_times))


def _fade(block: Array, *, first: bool, last: bool) -> None:
    """Fade a block in and out, so that the power of overlapping blocks adds up to 1."""
    turn = np.arange(_FADE) * (0.5 * np.pi / _FADE)
    if not first:
        block[:, :_FADE] *= np.sin(turn)[: block.shape[1]]
    if not last:
        block[:, -_FADE:] *= np.cos(turn)


def _aperiodic(exponent: float) -> Callable[[Array], Array]:
    """Return 1 / (1 + f^exponent) with the high-pass and low-pass of an amplifier."""

    def power(f: Array) -> Array:
        low: Array = np.power(f / 0.5, 4.0)
        high = np.power(f / 90.0, 8.0)
        low /= (1 + low) * (1 + high) * (1 + np.power(f, exponent))
        return low

    return power


def _cortex(block: _Block) -> Array:
    """Return the aperiodic activity of a block in microvolts, (21, n_fft).

    Log-normal gains that vary over time give the kurtosis and variability of real EEG.
    """
    subject = block.subject
    power = _aperiodic(subject.exponent + (0.3 if block.asleep else 0.0))
    frequencies = np.arange(1, 90 * 16) / 16
    density = power(frequencies)
    rms = subject.rms_uv * (1.35 if block.asleep else 1.0)
    gains = (_unrest(block, "slow"), _unrest(block, "fast"))
    total = np.zeros((_N, block.n_fft))
    low = 0.0
    for high, sigma, kept in _BANDS:
        inside = (frequencies >= low) & (frequencies < high)
        share = density[inside].sum() / density.sum()
        noise = shaped_noise(
            block.streams,
            f"to {high:g} Hz",
            n_rows=_N,
            n_fft=block.n_fft,
            power=power,
            band=(max(low, 0.1), high),
        )
        mirror = round(5 * kept * subject.synchrony) / 5
        activity = mix(mixing_matrix(sigma, mirror=mirror), noise)
        if low == 0:
            activity -= subject.lopsided * (np.square(activity) - 1)
        activity *= gains[low > 0]
        activity *= rms * np.sqrt(share)
        total += activity
        low = high
    total *= subject.profile[:, None]
    return total


def _unrest(block: _Block, name: str) -> Array:
    """Return log-normal gains of the electrodes that vary over time, mean square 1.

    They are similar at neighbouring electrodes and partly shared by the whole head.
    """
    own = block.slow(f"{name} quick", _N, tau=0.5)
    own += block.slow(f"{name} slow", _N, tau=2.5)
    common = block.slow(f"{name} common", 1, tau=2.0)
    exponent = _OWN * np.sqrt(0.5) * mix(mixing_matrix(24.0), own) + _COMMON * common
    return interpolate(np.exp(exponent - (_OWN**2 + _COMMON**2)), block.n_fft)


def _alpha(block: _Block) -> Array:
    """Return the posterior rhythm in microvolts, partly independent on each side."""
    subject = block.subject
    regions = {"LO": 1.0, "RO": 1.0, "LP": 0.3, "RP": 0.3, "LQ": 0.4, "RQ": 0.4}
    rows = block.rhythm(
        "alpha", len(regions) + 2, subject.alpha_hz, subject.alpha_width_hz
    )
    left = np.array([region[0] == "L" for region in regions])
    side = 0.55 * rows[0] + np.sqrt(1 - 0.55**2) * rows[1]
    rows = 0.7 * np.where(left[:, None], rows[0], side) + np.sqrt(1 - 0.7**2) * rows[2:]
    both = block.waxing("alpha waxing", 1, tau=0.9, depth=0.4)
    own = block.waxing("alpha of a side", 2, tau=0.6, depth=0.3)
    rows *= both * np.where(left[:, None], own[0], own[1])
    size = np.where(left, subject.alpha_left, 1.0) * np.array(list(regions.values()))
    topography = _fields(regions, sigma=12) * size
    # Neighbouring patches add up, so scale the largest electrode to the intended
    # amplitude.
    loudest = np.sqrt(np.square(topography[:N_SCALP]).sum(axis=1)).max()
    return mix(topography * (subject.alpha_uv / loudest), rows)


def _rhythms(block: _Block, drowsy: Array) -> Array:
    """Return theta, mu, frontal beta and the slow waves of a focus in microvolts.

    `drowsy` is the gain of theta at 16 Hz.
    """
    subject = block.subject
    theta = block.rhythm("theta", 7, subject.theta_hz, 1.1)
    theta = 0.6 * theta[0] + 0.8 * theta[1:]
    theta *= block.waxing("theta waxing", 1, tau=1.2, depth=0.5)
    lacking = block.n_fft // SLOW_STEP + 2 - len(drowsy)
    theta *= interpolate(np.pad(drowsy, (0, max(lacking, 0)), mode="edge"), block.n_fft)
    beta = block.rhythm("beta", 6, 19.0, 4.0)
    beta = 0.5 * beta[0] + np.sqrt(0.75) * beta[1:]
    beta *= block.waxing("beta waxing", 1, tau=1.0, depth=0.4)
    mu = block.rhythm("mu", 2, subject.alpha_hz + 0.7, 0.8)
    mu *= block.waxing("mu waxing", 2, tau=1.2, depth=0.7)
    slowing = block.rhythm("slowing", 2, 1.9, 0.8)
    slowing *= block.waxing("slowing waxing", 1, tau=2.5, depth=0.5)
    near = "A" if subject.focus_lobe == "temporal" else "C"
    return mix(
        np.concatenate(
            [
                subject.theta_uv
                * _fields(("MF", "MC", "LC", "RC", "LT", "RT"), sigma=22),
                subject.beta_uv * _fields(("LF", "RF", "MF", "LC", "RC"), sigma=17),
                (0 if block.asleep else subject.mu_uv)
                * _fields(("LC", "RC"), sigma=13),
                subject.slowing_uv
                * _fields((subject.focus, subject.focus_side + near), sigma=16),
            ],
            axis=1,
        ),
        np.concatenate([theta, beta, mu, slowing]),
    )


def _fields(regions: Iterable[str], *, sigma: float) -> Array:
    """Return the potentials of patches in regions, (21, n_regions)."""
    fields = [patch(direction(*REGIONS[name]), sigma=sigma) for name in regions]
    return np.stack(fields, axis=1)


def _tone(block: _Block) -> Array:
    """Return the RMS of resting muscle at 16 Hz, which varies over seconds."""
    waves = block.slow("tone", _N, tau=4.0)
    return block.subject.tone_uv[:, None] * np.exp(0.35 * waves - 0.06)


def _muscle(block: _Block) -> Array:
    """Return spiky, fast muscle noise of unit RMS, mostly independent by electrode."""

    def power(f: Array) -> Array:
        rise: Array = np.power(f / 26.0, 3.0)
        rise /= (1 + rise) * (1 + np.power(f / 80.0, 4.0))
        return rise

    noise = shaped_noise(
        block.streams,
        "muscle",
        n_rows=_N,
        n_fft=block.n_fft,
        power=power,
        band=(8, 120),
    )
    unrest = block.slow("muscle unrest", _N, tau=0.05)
    noise *= interpolate(np.exp(0.3 * unrest - 0.09), block.n_fft)
    own = 0.78
    return mix(own * np.eye(_N) + np.sqrt(1 - own**2) * mixing_matrix(9.0), noise)


def _drift(block: _Block) -> Array:
    """Return the drift below 0.4 Hz due to sweat and cable movement."""

    def power(f: Array) -> Array:
        return 1 / (0.003 + f * f)

    noise = shaped_noise(
        block.streams,
        "drift",
        n_rows=_N,
        n_fft=block.n_fft // SLOW_STEP,
        power=power,
        band=(0.03, 0.4),
        sfreq=SFREQ / SLOW_STEP,
    )
    # One more point than the period has, which repeats the first one.
    noise = np.concatenate([noise, noise[:, :2]], axis=1)
    return block.subject.drift_uv * interpolate(noise, block.n_fft)


def _add_heart(canvas: Canvas, subject: Subject, streams: Streams) -> None:
    """Add the QRS complexes that are visible at ears and temples."""
    if subject.ecg_uv == 0:
        return
    seconds = canvas.n_times / SFREQ
    n_beats = int(seconds * subject.heart_hz * 1.2) + 4
    jitter = 0.04 * streams.normals("heart", n_beats)
    beats = np.cumsum((1 + jitter) * (SFREQ / subject.heart_hz))
    course = np.zeros(canvas.n_times)
    add_bumps(course, at=beats, width=2.5, size=subject.ecg_uv)
    add_bumps(course, at=beats + 7, width=3.0, size=-0.35 * subject.ecg_uv)
    add_bumps(course, at=beats + 65, width=14.0, size=0.2 * subject.ecg_uv)
    canvas.add(0, _HEART, course)
