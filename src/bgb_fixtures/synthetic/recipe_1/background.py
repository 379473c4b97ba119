"""Ongoing activity: cortex at rest, its rhythms, muscle tone, amplifier.

Invariant: it is generated in blocks of 64 s, and the last 4 s of each block fade into
the next, because an inverse Fourier transform is periodic. So no second is repeated,
and an hour needs no more memory than its samples.
"""

from __future__ import annotations

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
    Streams,
    interpolate,
    shaped_noise,
    slow_noise,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_1.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_1.subject import Subject

    Array = npt.NDArray[np.float64]

__all__ = ["add_background"]

_BLOCK = 64 * SFREQ
_FADE = 4 * SFREQ
_SPLIT_HZ = 14.0
_OWN, _COMMON = 0.38, 0.36  # deviation of the logarithm of gains
# Resting muscle tone and the heart reach both ears and temples.
_TONE = weights(
    dict.fromkeys(("T3", "T4", "F7", "F8", "A1", "A2"), 1.0)
    | dict.fromkeys(("Fp1", "Fp2", "T5", "T6"), 0.7),
    other=0.5,
)
_HEART = weights({"A1": -1.0, "A2": 0.8, "T3": -0.4, "T4": 0.3, "T5": -0.3, "T6": 0.2})


def add_background(
    canvas: Canvas, subject: Subject, streams: Streams, *, state: str
) -> None:
    """Add all ongoing activity to a canvas in place."""
    hop = _BLOCK - _FADE
    n_blocks = -(-canvas.n_times // hop)
    for number in range(n_blocks):
        start = number * hop
        stop = min(start + _BLOCK, canvas.n_times)
        part = slice(start, stop)
        length = stop - start
        here = streams.child(f"block-{number}")
        cortex = _cortex(subject, here, state=state)[:, :length]
        if state == "awake":
            cortex += _alpha(subject, here)[:, :length] * canvas.eyes_closed[part]
            cortex += _mu(subject, here)[:, :length]
        cortex += _slowing(subject, here)[:, :length]
        cortex *= canvas.background[part]
        cortex += _muscle(here)[:, :length] * (
            canvas.emg_uv[:, part] + (subject.emg_uv * _TONE)[:, None]
        )
        cortex += _drift(subject, here)[:, :length]
        turn = np.arange(_FADE) * (0.5 * np.pi / _FADE)
        if number > 0:
            cortex[:, :_FADE] *= np.sin(turn[:length])
        if number < n_blocks - 1 and length > hop:
            cortex[:, hop:] *= np.cos(turn[: length - hop])
        canvas.scalp_uv[:, part] += cortex
    _add_heart(canvas, subject, streams)


def _aperiodic(exponent: float) -> Callable[[Array], Array]:
    """Return 1 / (1 + f^chi) with the high-pass and low-pass of an amplifier."""

    def power(f: Array) -> Array:
        low: Array = np.power(f / 0.45, 4.0)
        high = np.power(f / 90.0, 8.0)
        low /= (1 + low) * (1 + high) * (1 + np.power(f, exponent))
        return low

    return power


def _cortex(subject: Subject, streams: Streams, *, state: str) -> Array:
    """Return the aperiodic activity of one block in microvolts.

    Slow activity is coherent over wide patches, fast activity only within the reach of
    volume conduction (Srinivasan 2007), so each has its own mixing matrix. Log-normal
    gains that vary over time give the kurtosis and variability of real EEG.
    """
    power = _aperiodic(subject.exponent + (0.35 if state == "sleep" else 0.0))
    frequencies = np.arange(1, 90 * 64) / 64
    density = power(frequencies)
    share = density[frequencies < _SPLIT_HZ].sum() / density.sum()
    rms = subject.rms_uv * (1.3 if state == "sleep" else 1.0)
    total = np.zeros((len(ELECTRODES), _BLOCK))
    for name, band, sigma, part in (
        ("slow", (0.1, _SPLIT_HZ), 20.0, share),
        ("fast", (_SPLIT_HZ, 110.0), 9.0, 1 - share),
    ):
        noise = shaped_noise(
            streams, name, n_rows=len(ELECTRODES), n_fft=_BLOCK, power=power, band=band
        )
        activity = mix(mixing_matrix(sigma), noise)
        activity *= _unrest(streams.child(name))
        total += (rms * np.sqrt(part)) * activity
    return total


def _unrest(streams: Streams) -> Array:
    """Return log-normal gains of the electrodes that vary over time, mean square 1.

    They are similar at neighbouring electrodes and partly shared by the whole head.
    """
    n_rows = len(ELECTRODES)
    own = slow_noise(streams, "quick", n_rows=n_rows, n_times=_BLOCK, tau=0.6)
    own += slow_noise(streams, "slow", n_rows=n_rows, n_times=_BLOCK, tau=2.5)
    common = slow_noise(streams, "common", n_rows=1, n_times=_BLOCK, tau=2.0)
    exponent = _OWN * np.sqrt(0.5) * mix(mixing_matrix(20.0), own) + _COMMON * common
    return interpolate(np.exp(exponent - (_OWN**2 + _COMMON**2)), _BLOCK)


def _resonance(centre: float, half_width: float) -> Callable[[Array], Array]:
    def power(f: Array) -> Array:
        x = (f - centre) / half_width
        return 1 / np.square(1 + x * x)

    return power


def _alpha(subject: Subject, streams: Streams) -> Array:
    """Return the posterior rhythm in microvolts; patches share three quarters of it."""
    regions = {"LO": 1.0, "RO": 1.0, "LP": 0.25, "RP": 0.25, "LQ": 0.3, "RQ": 0.3}
    rows = shaped_noise(
        streams,
        "alpha",
        n_rows=len(regions) + 1,
        n_fft=_BLOCK,
        power=_resonance(subject.alpha_hz, subject.alpha_width_hz),
        band=(5, 16),
    )
    rows = 0.75 * rows[0] + np.sqrt(1 - 0.75**2) * rows[1:]
    waxing = slow_noise(streams, "alpha waxing", n_rows=1, n_times=_BLOCK, tau=0.9)
    rows *= interpolate(np.exp(0.4 * waxing - 0.16), _BLOCK)
    left = np.array([subject.alpha_left if r[0] == "L" else 1.0 for r in regions])
    size = subject.alpha_uv * left * np.array(list(regions.values()))
    fields = [patch(direction(*REGIONS[r]), sigma=15) for r in regions]
    topography = np.stack(fields, axis=1) * size
    # Neighbouring patches add up, so scale the largest electrode to the intended
    # amplitude.
    common = np.abs(topography[:N_SCALP].sum(axis=1)).max()
    return mix(topography * (subject.alpha_uv / common), rows)


def _mu(subject: Subject, streams: Streams) -> Array:
    """Return central mu, independent on either side, and frontal beta."""
    mu = shaped_noise(
        streams,
        "mu",
        n_rows=2,
        n_fft=_BLOCK,
        power=_resonance(subject.alpha_hz + 0.6, 0.7),
        band=(5, 18),
    )
    beta = shaped_noise(
        streams,
        "beta",
        n_rows=3,
        n_fft=_BLOCK,
        power=_resonance(19, 4),
        band=(12, 30),
    )
    rows = np.concatenate([subject.mu_uv * mu, subject.beta_uv * beta])
    waxing = slow_noise(streams, "mu waxing", n_rows=5, n_times=_BLOCK, tau=1.5)
    rows *= interpolate(np.exp(0.6 * waxing - 0.36), _BLOCK)
    fields = [
        patch(direction(*REGIONS[r]), sigma=14) for r in ("LC", "RC", "LF", "RF", "MF")
    ]
    return mix(np.stack(fields, axis=1), rows)


def _slowing(subject: Subject, streams: Streams) -> Array:
    """Return intermittent slow waves over the focus, as between seizures."""
    row = shaped_noise(
        streams,
        "slowing",
        n_rows=1,
        n_fft=_BLOCK,
        power=_resonance(1.9, 0.7),
        band=(0.5, 4.5),
    )
    waxing = slow_noise(streams, "slowing waxing", n_rows=1, n_times=_BLOCK, tau=3.0)
    row *= subject.slowing_uv * interpolate(np.exp(0.7 * waxing - 0.49), _BLOCK)
    topography: Array = patch(direction(*REGIONS[subject.focus]), sigma=20)
    return topography[:, None] * row


def _muscle(streams: Streams) -> Array:
    """Return spiky muscle noise above 20 Hz, with unit RMS at each electrode."""

    def power(f: Array) -> Array:
        rise: Array = np.power(f / 28.0, 4.0)
        rise /= (1 + rise) * (1 + np.power(f / 75.0, 4.0))
        return rise

    noise = shaped_noise(
        streams,
        "muscle",
        n_rows=len(ELECTRODES),
        n_fft=_BLOCK,
        power=power,
        band=(14, 120),
    )
    unrest = slow_noise(
        streams, "muscle unrest", n_rows=len(ELECTRODES), n_times=_BLOCK, tau=0.05
    )
    noise *= interpolate(np.exp(0.5 * unrest - 0.25), _BLOCK)
    return mix(mixing_matrix(9.0), noise)


def _drift(subject: Subject, streams: Streams) -> Array:
    """Return the drift below 0.4 Hz due to sweat and cable movement."""

    def power(f: Array) -> Array:
        return 1 / (0.003 + f * f)

    noise = shaped_noise(
        streams,
        "drift",
        n_rows=len(ELECTRODES),
        n_fft=_BLOCK // 16,
        power=power,
        band=(0.03, 0.4),
        sfreq=SFREQ / 16,
    )
    # One more point than the period has, which repeats the first one.
    noise = np.concatenate([noise, noise[:, :2]], axis=1)
    return subject.drift_uv * interpolate(noise, _BLOCK)


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
