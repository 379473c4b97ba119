"""Derive, resample and filter the signal of an open recording as requested."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bgb_fixtures.eeg.average import AveragedSignal
from bgb_fixtures.eeg.filter import BandPassedSignal
from bgb_fixtures.eeg.interpolate import (
    MAX_INTERPOLATED,
    InterpolatedSignal,
    spline_weights,
)
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.eeg.resample import ResampledSignal
from bgb_fixtures.errors import ChannelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.corpora.opened import OpenRecording
    from bgb_fixtures.eeg.montage import Montage
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.request.recorded import RecordedRequest

__all__ = ["native_signal", "processed_signal", "signal_steps"]


def native_signal(
    opened: OpenRecording, request: RecordedRequest
) -> tuple[Signal, tuple[str, ...]]:
    """Return the requested rows at the recording's rate, and interpolated electrodes.

    Missing electrodes are interpolated from their neighbours only if the request allows
    it. SourceError if the montage cannot be computed from the recording.
    """
    montage = request.montage
    # A profile with a rate of its own does its own resampling.
    to_sfreq = request.sfreq if request.profile.sfreq is None else None
    how: dict[str, Any] = {
        "to_sfreq": to_sfreq,
        "between_gaps": not request.profile.whole,
    }
    interpolated: tuple[str, ...] = ()
    try:
        signal = opened.signal(montage, **how)
    except ChannelNotFoundError:
        if request.missing != "interpolate":
            raise
        interpolated = _missing_electrodes(opened, montage)
        if not 0 < len(interpolated) <= MAX_INTERPOLATED:
            raise
        present = [name for name in MONTAGES["10-20"] if name not in interpolated]
        signal = InterpolatedSignal(
            opened.signal(
                replace(montage, name="custom", derivations=tuple(present)),
                **how,
            ),
            montage.rows,
            present=present,
            weights=spline_weights(interpolated),
        )
    if montage.averaged:
        signal = AveragedSignal(signal)
    return signal, interpolated


def _missing_electrodes(opened: OpenRecording, montage: Montage) -> tuple[str, ...]:
    try:
        opened.signal(replace(montage, name="10-20", derivations=MONTAGES["10-20"]))
    except ChannelNotFoundError as error:
        return error.missing
    return ()


def processed_signal(
    signal: Signal, *, sfreq: float, band_pass: tuple[float, float] | None
) -> Signal:
    """Resample a signal to `sfreq` and filter it; unchanged if neither applies."""
    if signal.sfreq != sfreq:
        signal = ResampledSignal(signal, sfreq)
    if band_pass is not None:
        signal = BandPassedSignal(signal, band_pass)
    return signal


def signal_steps(
    montage: Montage,
    *,
    rates: Sequence[float],
    sfreq: float,
    band_pass: tuple[float, float] | None = None,
    interpolated: bool = False,
) -> list[str]:
    """Return the processing steps between channels and profile, in order.

    `rates` are the sampling frequencies of the chosen recordings, and `sfreq` is the
    sampling frequency of the fixture, all in Hz.
    """
    steps = []
    if montage.reference is not None:
        steps.append(
            f"{montage.reference}: zero, as the spec says that all other electrodes are "
            "recorded against it"
        )
    if montage.own_labels:
        steps.append("rows that are no electrode: channels by the label that they have")
    if interpolated:
        steps.append(
            "electrodes that a recording lacks: spherical splines over the others of "
            "the 19 (mne interpolate_bads, accurate), weights rounded to multiples of "
            "2^-20; source, interpolated, says which"
        )
    if montage.averaged:
        steps.append("minus the mean of all rows, in float64")
    others = sorted({rate for rate in rates if rate != sfreq})
    if others:
        named = ", ".join(f"{rate:g}" for rate in others)
        steps.append(
            f"recordings of {named} Hz: scipy.signal.resample_poly to {sfreq:g} Hz, as "
            "over the whole recording, its last sample repeated beyond its ends"
        )
    if band_pass is not None:
        low, high = band_pass
        steps.append(
            f"band-pass {low:g}-{high:g} Hz: symmetric FIR, Hamming window, as over the "
            "whole recording, its last sample repeated beyond its ends"
        )
    return steps
