"""Cortical signals in a seizure: rhythms, spike-waves, slow broadband activity.

One waveform copied to all channels is easily recognised as synthetic. So each zone has
its own phase, waveform and variability, and in most seizures most of the power is
broadband activity without a peak in the spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES, N_SCALP, mix, mixing_matrix, patch
from bgb_fixtures.synthetic.recipe_2.seizure import near
from bgb_fixtures.synthetic.shapes import add_bumps, ramps
from bgb_fixtures.synthetic.streams import (
    Streams,
    interpolate,
    shaped_noise,
    slow_noise,
)
from bgb_fixtures.synthetic.waves import (
    count_cycles,
    cycle_times,
    fast_length,
    first_cycle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_2.seizure import Seizure

    Array = npt.NDArray[np.float64]
    Knots = Sequence[tuple[float, float]]

__all__ = ["Zone", "add_broad", "add_complexes", "add_rhythm"]

_SPIKE_GAP_S = (0.045, 0.08)  # between the spikes of one complex


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of the cortex that takes part in a discharge."""

    region: str
    gain: float = 1.0
    begin: float = 0.0  # share of the seizure at which it is recruited
    end: float = 1.0  # share of the seizure at which it falls silent
    lag: float = 0.0  # delay in seconds relative to the others
    sigma: float = 18.0  # degrees

    def presence(self, n_times: int) -> Array:
        """Return the participation of the zone over time, 0 to 1, (n_times,)."""
        rise, fall = min(2.0 * SFREQ, 0.2 * n_times), min(0.7 * SFREQ, 0.1 * n_times)
        begin, end = self.begin * n_times, self.end * n_times
        knots = [(begin, 0.0 if self.begin else 1.0), (begin + rise, 1.0)]
        if self.end < 1:
            silent = max(end, begin + rise)
            knots += [(max(end - fall, begin + rise), 1.0), (silent, 0.0)]
        return ramps(n_times, *knots)


def add_rhythm(
    seizure: Seizure,
    name: str,
    zones: Sequence[Zone],
    *,
    frequency: Knots,
    envelope: Array,
    size_uv: float,
    sharpness: tuple[float, float] = (0.1, 0.6),
    purity: float = 0.3,
    together: float = 0.4,
    jitter: float = 0.14,
) -> None:
    """Add an oscillation whose phase and amplitude drift in each zone.

    A `purity` of 1 is a single frequency, 0 is narrow-band noise; `together` is the
    share of the drift that all zones have in common. Sharpness increases from the first
    to the second value.
    """
    n = len(envelope)
    streams = seizure.streams.child(name)
    phase = count_cycles(streams, n, frequency, jitter=jitter)
    turn = np.exp(2j * np.pi * (phase - np.floor(phase)))
    pace = np.gradient(phase) * SFREQ if n > 1 else np.zeros(n)
    n_rows = len(zones) + 1
    unrest = slow_noise(streams, "unrest", n_rows=2 * n_rows, n_times=n, tau=0.3)
    wander = (unrest[:n_rows] + 1j * unrest[n_rows:]) / np.sqrt(2)
    waxing = slow_noise(streams, "waxing", n_rows=n_rows, n_times=n, tau=1.2)
    waxing = np.exp(0.2 * waxing[:1] + 0.2 * waxing[1:])
    sharp = ramps(n, (0, sharpness[0]), (n, sharpness[1]))
    rows, fields = [], []
    for i, zone in enumerate(zones):
        here = streams.child(f"zone-{i}")
        own = np.sqrt(together) * wander[0] + np.sqrt(1 - together) * wander[i + 1]
        own = (purity + np.sqrt(1 - purity**2) * own) * waxing[i]
        phasor = interpolate(own, n) * turn
        if zone.lag:
            phasor = phasor * np.exp(-2j * np.pi * zone.lag * pace)
        wave = -phasor.imag - sharp * _harmonics(phasor, here)
        rows.append(zone.gain * size_uv * envelope * zone.presence(n) * wave)
        fields.append(patch(near(zone.region, here, "centre", 0.08), sigma=zone.sigma))
    seizure.add(0, np.stack(fields, axis=1), np.stack(rows))


def _harmonics(phasor: Array, streams: Streams) -> Array:
    """Return the second and third harmonics of a phasor, which follow its phase."""
    second, third = (
        streams.between("second", 0.2, 0.6),
        streams.between("third", 0.05, 0.3),
    )
    turns = streams.uniforms("turns", 2) * np.array([1.6, 2.2])
    size = np.abs(phasor) + 1e-9
    square = phasor * phasor / size
    cube = square * phasor / size
    total = (
        second * np.exp(1j * turns[0]) * square + third * np.exp(1j * turns[1]) * cube
    )
    harmonics: Array = total.imag
    return harmonics


def add_complexes(
    seizure: Seizure,
    name: str,
    zones: Sequence[Zone],
    *,
    frequency: Knots,
    envelope: Array,
    size_uv: float,
    spikes: tuple[int, int] = (1, 1),
    fwhm: float = 0.04,
    dome: float = 0.8,
    jitter: float = 0.05,
    unrest: float = 0.15,
    offset: int = 0,
) -> Array:
    """Add spikes of fixed duration and slow waves that fill the cycle; return the phase.

    `spikes` are the minimum and maximum number per cycle, `unrest` is the standard
    deviation of the logarithm of its amplitude, and `offset` is the start in samples
    from the onset. Spike and wave have their own gains in every zone; `size_uv` is the
    amplitude of a spike at the electrode where all zones together are largest.
    """
    n = len(envelope)
    streams = seizure.streams.child(name)
    phase = count_cycles(streams, n, frequency, jitter=jitter)
    n_cycles = len(cycle_times(phase)) - 1
    cycle = np.clip(
        np.floor(phase).astype(np.int64) - first_cycle(phase), 0, n_cycles - 1
    )
    sizes = np.exp(unrest * streams.normals("sizes", n_cycles))
    sharp, slow = _spikes_and_domes(streams, phase, sizes, spikes=spikes, fwhm=fwhm)
    rows, fields = [], []
    for i, zone in enumerate(zones):
        here = streams.child(f"zone-{i}")
        each = np.exp(0.8 * unrest * here.normals("cycles", n_cycles))[cycle]
        if n > 17:  # from cycle to cycle without a step
            each = np.convolve(each, np.full(17, 1 / 17), mode="same")
        wave = here.between("spike", 0.7, 1.3) * sharp
        wave += dome * here.between("wave", 0.75, 1.25) * slow
        lag = min(round(zone.lag * SFREQ), n)
        wave = np.concatenate([np.full(lag, wave[0]), wave[: n - lag]])
        rows.append(zone.gain * size_uv * envelope * zone.presence(n) * each * wave)
        fields.append(patch(near(zone.region, here, "centre", 0.06), sigma=zone.sigma))
    topography = np.stack(fields, axis=1)
    # Zones add up, so scale the largest electrode to the intended amplitude.
    gains = np.array([zone.gain for zone in zones])
    topography /= np.abs((topography * gains)[:N_SCALP].sum(axis=1)).max()
    seizure.add(offset, topography, np.stack(rows))
    return phase


def _spikes_and_domes(
    streams: Streams,
    phase: Array,
    sizes: Array,
    *,
    spikes: tuple[int, int],
    fwhm: float,
) -> tuple[Array, Array]:
    """Return the spikes and the slow waves of a discharge, each (n_times,), negative."""
    times = cycle_times(phase)
    n_cycles = len(sizes)
    fewest, most = spikes
    # Most complexes have the minimum number of spikes.
    number = np.square(streams.uniforms("spikes", n_cycles)) * (most + 1 - fewest)
    counts = fewest + np.floor(number)
    low, high = _SPIKE_GAP_S
    gaps = (low + (high - low) * streams.uniforms("gaps", n_cycles)) * SFREQ
    sharp = np.zeros(len(phase))
    width = fwhm * SFREQ / 2.355
    for i in range(most):
        there = counts > i
        at = (times[:-1] + i * gaps)[there]
        each = 0.8 + 0.4 * streams.uniforms(f"spike {i}", n_cycles)
        size = ((1 - 0.12 * i) * sizes * each)[there]
        # Add a narrow tip to a broader base, as the spectrum of a single bump ends
        # abruptly.
        add_bumps(sharp, at=at, width=width, size=-0.65 * size)
        add_bumps(sharp, at=at - 0.2 * width, width=0.35 * width, size=-0.45 * size)
        add_bumps(sharp, at=at + 2.1 * width, width=1.3 * width, size=0.4 * size)
    taken = (0.03 * SFREQ + gaps * counts) / np.diff(times)
    cycle = np.clip(
        np.floor(phase).astype(np.int64) - first_cycle(phase), 0, n_cycles - 1
    )
    begin = np.minimum(taken, 0.6)[cycle]
    share = np.clip((phase - np.floor(phase) - begin) / (1 - begin), 0, 1)
    hump = np.sin(np.pi * share)
    slow = -sizes[cycle] * hump * np.sqrt(np.maximum(hump, 0))
    slow -= slow.mean()  # amplifiers do not pass a steady potential
    return sharp, slow


def _broad_spectrum(peak_hz: float, fall: float) -> Callable[[Array], Array]:
    def power(f: Array) -> Array:
        x = f / peak_hz
        rise: Array = np.square(x) / (0.5 + np.power(x, 2 + fall))
        rise += 0.0015 / (1 + np.power(x, 1.2))
        rise /= 1 + np.power(f / 70, 6.0)
        return rise

    return power


def add_broad(
    seizure: Seizure,
    zones: Sequence[Zone],
    *,
    everywhere: float,
    envelope: Array,
    size_uv: float,
    peak_hz: tuple[float, float],
    fall: float = 3.0,
) -> None:
    """Add irregular broadband activity that differs between electrodes.

    `size_uv` is its RMS where the zones are largest; over the whole head it is at least
    the share `everywhere` of that. The maximum of the spectrum moves from the first to
    the second value of `peak_hz`. Above it, power falls with the exponent `fall` up to
    70 Hz, without an abrupt end.
    """
    n = len(envelope)
    streams = seizure.streams.child("broad")

    noise = np.zeros((len(ELECTRODES), n))
    late = np.arange(n) / n
    for name, peak, weight in zip(
        ("early", "late"), peak_hz, (1 - late, late), strict=True
    ):
        noise += (
            np.sqrt(weight)
            * shaped_noise(
                streams,
                name,
                n_rows=len(ELECTRODES),
                n_fft=fast_length(n),
                power=_broad_spectrum(peak, fall),
                band=(0.5, 100),
            )[:, :n]
        )
    # Use discrete values, so that each mixing matrix is computed once and cached.
    sigma = 24.0 + 9 * int(streams.between("width", 0, 3))
    mirror = 0.2 + 0.3 * int(streams.between("mirror", 0, 3))
    activity = mix(mixing_matrix(sigma, mirror=mirror), noise)
    # Make the waves asymmetric, as in real EEG: the negative half is sharper.
    activity -= streams.between("lopsided", 0.05, 0.25) * (np.square(activity) - 1)
    unrest = slow_noise(streams, "unrest", n_rows=len(ELECTRODES), n_times=n, tau=0.5)
    common = slow_noise(streams, "common", n_rows=1, n_times=n, tau=0.7)
    fields = [
        patch(near(zone.region, streams, f"centre {i}", 0.15), sigma=zone.sigma + 8)
        for i, zone in enumerate(zones)
    ]
    gains = np.array([zone.gain for zone in zones])
    topography = np.maximum(np.stack(fields, axis=1), 0) * gains
    topography *= (1 - everywhere) / topography[:N_SCALP].sum(axis=1).max()
    there = everywhere + mix(topography, np.stack([z.presence(n) for z in zones]))
    there *= np.exp(0.25 * streams.normals("uneven", len(ELECTRODES)))[:, None]
    activity *= there * interpolate(np.exp(0.3 * unrest + 0.25 * common - 0.15), n)
    seizure.add(0, np.eye(len(ELECTRODES)), size_uv * envelope * activity)
