"""SVG pictures of one window for the page of a comparison.

Invariant: no label in a picture is cut off, and recorded and obtained values differ in
pattern as well as in colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Self

import numpy as np

from bgb_fixtures.eeg.events import mask_to_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.golden.windows import Windows

    Array = npt.NDArray[np.float64]

__all__ = ["Scale", "draw_events", "draw_lines"]

# Text of 12 units is legible on a phone, where a picture is 340 pixels wide.
_WIDTH, _HEIGHT, _TOP, _BOTTOM, _RIGHT = 400, 190, 8, 24, 10
_CHARACTER = 7.2
"""Width of a character at 12 units, rounded up."""
_LINE = 13
"""Height of a line of text at 12 units."""
_N_BINS = 300
# Blue and vermilion of Okabe and Ito, which can be distinguished with any colour
# vision. The blue is darkened so that they also differ in grey.
_RECORDED, _OBTAINED = "#00467a", "#d55e00"
_FAR, _GRID, _SEIZURE = "#1d1d1f", "#55555c", "#f3c969"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The values at the lower and the upper edge of a picture."""

    low: float
    high: float

    @classmethod
    def of(cls, parts: Sequence[Array], threshold: float | None) -> Self:
        """Return a scale that includes all lines, after binning, and the threshold."""
        values = [_bins(row) for part in parts for row in np.atleast_2d(part)]
        shown = np.concatenate([*values, [] if threshold is None else [threshold]])
        shown = shown[np.isfinite(shown)]
        low, high = (shown.min(), shown.max()) if len(shown) else (0.0, 0.0)
        if low == high:
            low, high = low - 1, high + 1
        return cls(low=float(low), high=float(high))

    def labels(self) -> tuple[str, str]:
        """Format both values with enough digits to tell them apart."""
        for n_digits in range(3, 18):
            shown = (f"{self.low:.{n_digits}g}", f"{self.high:.{n_digits}g}")
            if shown[0] != shown[1]:
                break
        return shown


def _bins(values: Array) -> Array:
    """Return the means of short segments; NaN where no value is finite."""
    stretches = np.array_split(values, min(_N_BINS, len(values)))
    finite = [stretch[np.isfinite(stretch)] for stretch in stretches]
    return np.array([part.mean() if len(part) else np.nan for part in finite])


class _Frame:
    """The frame of a picture, with the positions of seconds and labels."""

    def __init__(self, windows: Windows, labels: Sequence[str], height: int) -> None:
        self.seconds = windows.n_times / windows.sfreq
        self.left = 8 + _CHARACTER * max(map(len, labels))
        self.right = _WIDTH - _RIGHT
        self.height = height
        self.bottom = height - _BOTTOM

    def x(self, second: float) -> float:
        share = min(max(second / self.seconds, 0.0), 1.0)
        return self.left + (self.right - self.left) * share

    def start(self, alternative: str, windows: Windows, row: int) -> list[str]:
        """Return the start of the picture: labelled seizures and the time axis."""
        parts = [
            (
                f'<svg viewBox="0 0 {_WIDTH} {self.height}" role="img" '
                f'aria-label="{escape(alternative)}">'
            )
        ]
        events = () if windows.records is None else windows.records[row].events
        for event in events:
            left = self.x(event.onset)
            width = self.x(event.onset + event.duration) - left
            parts.append(
                f'<rect x="{left:.1f}" y="2" width="{width:.1f}" '
                f'height="{self.bottom - 2}" fill="{_SEIZURE}" fill-opacity="0.45"/>'
            )
        parts.append(
            f'<path d="M{self.left:.1f} {self.bottom}H{self.right}" stroke="{_GRID}" '
            'stroke-width="0.5"/>'
        )
        for second, anchor in ((0.0, "start"), (self.seconds, "end")):
            parts.append(
                f'<text x="{self.x(second):.1f}" y="{self.height - 8}" '
                f'text-anchor="{anchor}">{second:g} s</text>'
            )
        return parts

    def label(self, text: str, y: float) -> str:
        return (
            f'<text x="{self.left - 4:.1f}" y="{y + 3:.1f}" text-anchor="end">'
            f"{escape(text)}</text>"
        )


def draw_lines(
    before: Array,
    after: Array,
    far: npt.NDArray[np.bool_],
    *,
    windows: Windows,
    row: int,
    scale: Scale,
    threshold: float | None,
) -> str:
    """Draw the recorded and obtained values per sample of one window."""
    labels = scale.labels()
    shown = labels if threshold is None else (*labels, f"{threshold:g}")
    frame = _Frame(windows, shown, _HEIGHT)
    upper, lower = _TOP, frame.bottom - 12

    def y_of(value: float) -> float:
        return lower - (lower - upper) * (value - scale.low) / (scale.high - scale.low)

    alternative = (
        f"Output in window {windows.ids[row]}, recorded and now, between {labels[0]} and "
        f"{labels[1]}"
    )
    parts = frame.start(alternative, windows, row)
    ticks = [(y_of(scale.low), labels[0]), (y_of(scale.high), labels[1])]
    if threshold is not None:
        y = y_of(threshold)
        ticks.append((y, f"{threshold:g}"))
        parts.append(
            f'<path class="threshold" d="M{frame.left:.1f} {y:.1f}H{frame.right}" '
            f'stroke="{_FAR}" stroke-dasharray="1.5 3" stroke-width="1.2"/>'
        )
    parts += [frame.label(text, y) for y, text in _apart(ticks)]
    styles = (
        f'stroke="{_RECORDED}" stroke-width="1.6" stroke-dasharray="5 3"',
        f'stroke="{_OBTAINED}" stroke-width="1.1"',
    )
    for values, style in zip((before, after), styles, strict=True):
        line = _bins(values)
        middles = (np.arange(len(line)) + 0.5) * frame.seconds / len(line)
        points = " ".join(
            f"{frame.x(second):.1f},{y_of(value):.1f}"
            for second, value in zip(middles.tolist(), line.tolist(), strict=True)
            if np.isfinite(value)
        )
        parts.append(f'<polyline points="{points}" fill="none" {style}/>')
    marks = np.array_split(far, min(_N_BINS, len(far)))
    width = (frame.right - frame.left) / len(marks)
    parts += [
        f'<rect x="{frame.left + start * width:.1f}" y="{frame.bottom - 5}" '
        f'width="{max((stop - start) * width, 1):.1f}" height="5" fill="{_FAR}"/>'
        for start, stop in mask_to_spans(np.array([m.any() for m in marks], np.uint8))
    ]
    return "".join([*parts, "</svg>"])


def _apart(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Move labels up, starting with the lowest, so that they do not overlap."""
    moved: list[tuple[float, str]] = []
    for y, text in sorted(set(ticks), reverse=True):
        moved.append((min(y, moved[-1][0] - _LINE) if moved else y, text))
    return moved


def draw_events(
    before: Sequence[tuple[float, float]],
    after: Sequence[tuple[float, float]],
    *,
    windows: Windows,
    row: int,
) -> str:
    """Draw the events of one window, in seconds, as bars: recorded above obtained."""
    frame = _Frame(windows, ("recorded", "now"), 90)
    alternative = (
        f"Events in window {windows.ids[row]}: {len(before)} recorded, {len(after)} now"
    )
    parts = frame.start(alternative, windows, row)
    rows = ((before, "recorded", _RECORDED, 12), (after, "now", _OBTAINED, 38))
    for spans, name, colour, y in rows:
        parts.append(frame.label(name, y + 9))
        for start, stop in spans:
            left = frame.x(start)
            width = max(frame.x(stop) - left, 1)
            parts.append(
                f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="18" '
                f'fill="{colour}"/>'
            )
    return "".join([*parts, "</svg>"])
