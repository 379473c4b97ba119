"""Draw the spectra of a window as a small SVG.

Invariant: the same numbers give the same text; lines differ in dash pattern as well as
in colour.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from bgb_fixtures.report.plot import REGION_COLOURS
from bgb_fixtures.report.statistics import LOWEST_HZ, Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["draw_spectrum", "spectrum_limits"]

_WIDTH, _HEIGHT = 360, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 14, 26, 36
_DASHES = {"left": "none", "right": "6 3", "midline": "1.5 3"}
_TICKS_HZ = (0.5, 1, 2, 5, 10, 20, 50, 100)
_MOST_DB = 70.0
"""Maximum range of the drawing in dB, as silence would flatten everything else."""


def spectrum_limits(statistics: Sequence[Statistics]) -> tuple[float, float]:
    """Return (low, high) in dB for all spectra: multiples of 10, at most 70 apart."""
    values = [
        (float(spectrum.min()), float(spectrum.max()))
        for numbers in statistics
        for spectrum in numbers.spectra.values()
        if len(spectrum)
    ]
    if not values:
        return 0.0, 10.0
    high = 10.0 * math.floor(max(high for _, high in values) / 10 + 1)
    low = 10.0 * math.floor(min(low for low, _ in values) / 10)
    return max(low, high - _MOST_DB), high


def draw_spectrum(
    numbers: Statistics, limits: tuple[float, float], *, where: str
) -> str:
    """Return an ``<svg>`` with a line per region of the head over log frequency."""
    low, high = limits
    last = float(numbers.frequencies[-1]) if len(numbers.frequencies) else 1.0
    # A single frequency still needs an axis.
    octaves = math.log2(max(last / LOWEST_HZ, 2.0))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x_of(hertz: float) -> float:
        return _LEFT + (right - _LEFT) * math.log2(hertz / LOWEST_HZ) / octaves

    def y_of(decibels: float) -> float:
        share = (min(max(decibels, low), high) - low) / (high - low)
        return bottom - (bottom - _TOP) * share

    regions = ", ".join(numbers.spectra)
    alternative = f"Spectra of window {where}: {regions}, {LOWEST_HZ:g} to {last:g} Hz"
    parts = [
        (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{escape(alternative)}">'
        )
    ]
    for tick in range(int(low), int(high) + 1, 10 if high - low <= 40 else 20):
        y = y_of(tick)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#e2e2df"/>'
            f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>'
        )
    for hertz in _TICKS_HZ:
        if hertz <= last:
            x = x_of(hertz)
            parts.append(
                f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="#e2e2df"/>'
                f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">'
                f"{hertz:g}</text>"
            )
    for i, (region, spectrum) in enumerate(numbers.spectra.items()):
        line = f'stroke="{REGION_COLOURS[region]}" stroke-dasharray="{_DASHES[region]}"'
        points = " ".join(
            f"{x_of(hertz):.1f},{y_of(decibels):.1f}"
            for hertz, decibels in zip(
                numbers.frequencies.tolist(), spectrum.tolist(), strict=True
            )
        )
        x = _LEFT + 95 * i
        parts.append(
            f'<polyline points="{points}" fill="none" {line} stroke-width="1.5"/>'
            f'<path d="M{x} 12h26" {line} stroke-width="2"/>'
            f'<text x="{x + 31}" y="16">{region}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + right) // 2}" y="{_HEIGHT - 4}" text-anchor="middle">'
        f'frequency, Hz</text><text transform="translate(13 {(_TOP + bottom) // 2}) '
        'rotate(-90)" text-anchor="middle">dB re 1 µV²/Hz</text></svg>'
    )
    return "".join(parts)
