"""A comparison as a page: what differs, window by window, and where it began.

Invariant: the page says what the report in words says, and shows the values beside it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.golden.report import describe_comparison
from bgb_fixtures.golden.seizures import per_sample
from bgb_fixtures.report.document import make_document

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.format.records import WindowRecord
    from bgb_fixtures.golden.compare import Change, Comparison

    Array = npt.NDArray[np.float64]

__all__ = ["comparison_to_page"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 170, 44, 22
_N_BINS = 300
_RECORDED, _OBTAINED, _FAR = "#1b4f8f", "#9c2f2f", "#7a1f1f"


def comparison_to_page(
    comparison: Comparison, *, fixture: Fixture | None, advice: str
) -> bytes:
    """Return a comparison as a page that needs no other file.

    Parameters
    ----------
    comparison : Comparison
        What was compared, equal or not.
    fixture : Fixture or None
        The windows that went in; with them, each window that moved is drawn.
    advice : str
        The command that accepts a change that was meant.

    Returns
    -------
    page : bytes
        UTF-8; the same comparison gives the same page.
    """
    recorded = comparison.recorded
    text = describe_comparison(comparison, fixture=fixture)
    if comparison.equal:
        notice = (
            '<p class="notice good"><strong>Holds.</strong> Every output is within '
        )
        notice += "tolerance.</p>"
    else:
        notice = (
            '<p class="notice bad"><strong>Does not hold any more.</strong> If this '
        )
        notice += f"change is meant: <code>{escape(advice)}</code></p>"
    parts = [
        f"<header><h1>Golden {escape(recorded.name)}</h1>{notice}</header><main>",
        "<h2>Outputs</h2><ul>",
        *(
            f"<li>{escape(key)}: {escape(output.dtype)} {list(output.array.shape)}, "
            f"allowed {output.tolerance.atol:g} + {output.tolerance.rtol:g} x |recorded| "
            f"({escape(output.tolerance.source)})</li>"
            for key, output in recorded.outputs.items()
        ),
        "</ul>",
    ]
    if text:
        parts.append(f"<h2>What differs</h2><pre>{escape(text)}</pre>")
    if fixture is not None:
        for change in comparison.changes:
            parts += _windows(change, comparison, fixture)
    parts.append("</main>")
    return make_document(f"Golden {recorded.name}: comparison", parts)


def _windows(change: Change, comparison: Comparison, fixture: Fixture) -> list[str]:
    """Draw the windows in which an output with a value per sample moved."""
    n_windows, n_times = fixture.labels.shape
    if change.far is None:
        return []
    recorded, obtained = (
        per_sample(side.outputs[change.key].array, n_windows=n_windows, n_times=n_times)
        for side in (comparison.recorded, comparison.obtained)
    )
    if recorded is None or obtained is None:
        return []
    far = change.far.reshape(n_windows, n_times)
    rows = np.flatnonzero(far.any(axis=1))
    parts = [
        f"<h2>{escape(change.key)}: {len(rows)} of {n_windows} windows moved</h2>",
        (
            '<p class="muted">Blue, dashed: recorded. Red: now. Yellow: labelled seizure. '
            "Marks below: samples out of tolerance. Values are means of short stretches."
            "</p>"
        ),
        '<div class="grid">',
    ]
    for row in rows:
        window = fixture.windows[row]
        before, after = (
            np.asarray(side[row], np.float64) for side in (recorded, obtained)
        )
        codes = ", ".join(event.label for event in window.events) or "no seizure"
        parts.append(
            f'<section class="card"><header><h3>{escape(window.id)}: '
            f"{escape(window.kind)}, {escape(codes)}</h3>"
            f'<span class="muted">{escape(window.split)}, {escape(window.subject)}; '
            f"{int(far[row].sum())} samples out of tolerance</span></header>"
            f"{_draw(before, after, far[row], window, fixture.sfreq)}</section>"
        )
    return [*parts, "</div>"]


def _bins(values: Array) -> Array:
    """Return means of short stretches, NaN where nothing is finite."""
    stretches = np.array_split(values, min(_N_BINS, len(values)))
    finite = [stretch[np.isfinite(stretch)] for stretch in stretches]
    return np.array([part.mean() if len(part) else np.nan for part in finite])


def _draw(
    before: Array,
    after: Array,
    far: npt.NDArray[np.bool_],
    window: WindowRecord,
    sfreq: float,
) -> str:
    seconds = len(before) / sfreq
    lines = [_bins(before), _bins(after)]
    shown = np.concatenate(lines)
    shown = shown[np.isfinite(shown)]
    low, high = (shown.min(), shown.max()) if len(shown) else (0.0, 0.0)
    if low == high:
        low, high = low - 1, high + 1
    bottom = _HEIGHT - _BOTTOM

    def x_of(second: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 4) * second / seconds

    def y_of(value: float) -> float:
        return bottom - 10 - (bottom - 16) * (value - low) / (high - low)

    alternative = (
        f"Output in window {window.id}, recorded and now, {low:.3g} to {high:.3g}"
    )
    parts = [
        (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{escape(alternative)}">'
        )
    ]
    for event in window.events:
        left = x_of(event.onset)
        width = x_of(event.onset + event.duration) - left
        parts.append(
            f'<rect x="{left:.1f}" y="2" width="{width:.1f}" height="{bottom - 2}" '
            'fill="#f3c969" fill-opacity="0.35"/>'
        )
    parts += [
        f'<text x="{_LEFT - 5}" y="{y_of(value) + 4:.1f}" text-anchor="end">'
        f"{value:.3g}</text>"
        for value in (low, high)
    ]
    for second in (0.0, seconds):
        anchor = "end" if second else "start"
        parts.append(
            f'<text x="{x_of(second):.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">'
            f"{second:g} s</text>"
        )
    styles = (f'stroke="{_RECORDED}" stroke-dasharray="5 3"', f'stroke="{_OBTAINED}"')
    for line, style in zip(lines, styles, strict=True):
        middles = (np.arange(len(line)) + 0.5) * seconds / len(line)
        points = " ".join(
            f"{x_of(second):.1f},{y_of(value):.1f}"
            for second, value in zip(middles.tolist(), line.tolist(), strict=True)
            if np.isfinite(value)
        )
        parts.append(f'<polyline points="{points}" fill="none" {style}/>')
    marks = np.array_split(far, min(_N_BINS, len(far)))
    width = (_WIDTH - _LEFT - 4) / len(marks)
    for i, mark in enumerate(marks):
        if mark.any():
            parts.append(
                f'<rect x="{_LEFT + i * width:.1f}" y="{bottom - 4}" '
                f'width="{max(width, 1):.1f}" height="4" fill="{_FAR}"/>'
            )
    return "".join([*parts, "</svg>"])
