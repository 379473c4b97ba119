"""Draw windows as clinical EEG pages with spectrograms.

Invariant: the plot shows the window itself, in microvolts, filtered for display only;
seizures are shaded according to the labels, sample by sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.events import mask_to_spans
from bgb_fixtures.eeg.montage import find_montage, has_own_labels
from bgb_fixtures.eeg.rows import derive_rows
from bgb_fixtures.errors import Key, MissingPackageError, SpecError
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bgb_fixtures.fixture import Fixture

__all__ = [
    "REGION_COLOURS",
    "describe_part",
    "draw_windows",
    "region_of",
    "save_figure",
]

PAGE_LENGTH_S = 15.0
BAND_HZ = (0.8, 70.0)
"""Display filter, as common on clinical pages."""
GAINS_UV = (20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
"""Possible distances between adjacent traces in microvolts."""
PAGE_SIZE_IN = (11.0, 9.0)
REGION_COLOURS = {"left": "#1b4f8f", "right": "#9c2f2f", "midline": "#222222"}
"""Parts of the head, and their colours on white."""
_SHADE = "#f3c969"
DPI = 110
# suffix -> metadata to omit, so that the same picture gives the same file.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Creator": None, "Date": None},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One window, ready to draw: all of it, and the part to show in the traces."""

    title: str
    ch_names: tuple[str, ...]
    data_uv: npt.NDArray[np.float64]
    spans: list[tuple[int, int]]
    sfreq: float
    start: float
    length: float
    gain_uv: float

    @property
    def n_times(self) -> int:
        return int(self.data_uv.shape[1])

    @property
    def part(self) -> str:
        """Return which seconds of the window the traces show."""
        return describe_part(self.start, self.length, self.n_times / self.sfreq)


def draw_windows(
    fixture: Fixture,
    rows: Sequence[int],
    *,
    montage: str | Sequence[str] | None = "double-banana",
    start: float | None = None,
    length: float = PAGE_LENGTH_S,
    gain_uv: float | None = None,
    page_size: tuple[float, float] = PAGE_SIZE_IN,
    progress: Callable[[int, int], None] | None = None,
) -> Figure:
    """Draw windows of a fixture as clinical pages.

    Parameters
    ----------
    fixture : Fixture
        A loaded fixture.
    rows : sequence of int
        Positions of the windows in `fixture`, at least one; two a line.
    montage : str, sequence of str or None
        Name of a montage, such as ``"double-banana"`` (longitudinal bipolar), or rows
        such as ``"Fp1-F7"``; None: the channels of the fixture as they are.
    start : float or None
        First second of the page in the window; None: a third of a page before the
        first onset or end of a seizure, or 0.
    length : float
        Seconds on the page; at least 1, and no more than the window are shown.
    gain_uv : float or None
        Microvolts between adjacent traces; None: by the amplitude.
    page_size : tuple of float
        Width and height of a page, in inches.
    progress : callable or None
        Called with (windows drawn, windows in all).

    Returns
    -------
    figure : matplotlib.figure.Figure
        Per window the traces, a spectrogram for each side of the head, and the colour
        bar of both.

    Raises
    ------
    SpecError
        If `rows` is empty, or a row, `start`, `length` or `gain_uv` is not possible.
    ChannelNotFoundError
        If the montage cannot be computed from the channels of the fixture.
    MissingPackageError
        If matplotlib is not installed.

    Notes
    -----
    Negative is up, as on paper. 0.8-70 Hz are shown: a smooth mask on the spectrum of
    the mirrored window. The spectrograms take the mean power of the derivations of a
    side, in pieces of 2 s, of a quarter of the window if that is less.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = (
            "plots need matplotlib, which is not installed; "
            'run: pip install "bgb-fixtures[report]"'
        )
        raise MissingPackageError(msg) from error
    if not rows:
        msg = "no window to draw (found 0, expected at least 1)"
        raise SpecError(msg)
    pages = [
        _make_page(
            fixture, row, montage=montage, start=start, length=length, gain_uv=gain_uv
        )
        for row in rows
    ]
    n_columns = min(2, len(pages))
    n_lines = -(-len(pages) // n_columns)
    width, height = page_size
    figure = Figure(figsize=(width * n_columns, height * n_lines), layout="constrained")
    parts = figure.subfigures(n_lines, n_columns, squeeze=False).ravel()
    for i, (part, page) in enumerate(zip(parts, pages, strict=False), 1):
        _draw(part, page)
        if progress is not None:
            progress(i, len(pages))
    return figure


def save_figure(
    figure: Figure, path: str | os.PathLike[str], *, dpi: int = DPI
) -> Path:
    """Write a figure to a file, the same figure as the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        From `draw_windows`.
    path : str or path
        The picture to write: ``.png``, ``.pdf`` or ``.svg``.
    dpi : int
        Pixels per inch of a page of 11 x 9 inches.

    Returns
    -------
    path : pathlib.Path
        The picture.

    Raises
    ------
    SpecError
        If the suffix is another one.
    TargetError
        If the picture cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in _METADATA:
        msg = f"{str(target)!r}: expected a suffix of {', '.join(_METADATA)}"
        raise SpecError(msg)
    with new_file(target) as draft:
        figure.savefig(draft, format=suffix[1:], dpi=dpi, metadata=_METADATA[suffix])
    return target


def _make_page(
    fixture: Fixture,
    row: int,
    *,
    montage: str | Sequence[str] | None,
    start: float | None,
    length: float,
    gain_uv: float | None,
) -> _Page:
    window = fixture.take([row])
    record, sfreq = window.windows[0], window.sfreq
    seconds = window.labels.shape[1] / sfreq
    if not length >= 1:
        raise SpecError(Key("length"), f": expected at least 1 s, got {length:g}")
    length = min(length, seconds)
    spans = mask_to_spans(window.labels[0])
    if start is None:
        start = _first_border(spans, n_times=window.labels.shape[1]) / sfreq
        start = min(max(start - length / 3, 0.0), seconds - length)
    if not 0 <= start <= seconds - length:
        msg = (
            f": expected seconds from 0 to {seconds - length:g} for a page of "
            f"{length:g} s in a window of {seconds:g} s, got {start:g}"
        )
        raise SpecError(Key("start"), msg)
    data_uv, ch_names = window.microvolts()[0].astype(np.float64), window.ch_names
    if montage is not None:
        wanted = find_montage(montage, own_labels=has_own_labels(ch_names))
        data_uv = derive_rows(data_uv, ch_names, wanted, where=str(window.path))
        ch_names = wanted.ch_names
    data_uv = _band_pass(data_uv, sfreq)
    shown = data_uv[:, round(start * sfreq) : round((start + length) * sfreq)]
    if gain_uv is None:
        # A line may reach its neighbours but must not cross the page.
        typical = float(np.quantile(np.ptp(shown, axis=1), 0.7)) * 0.6
        gain_uv = next((g for g in GAINS_UV if g >= typical), GAINS_UV[-1])
    elif not 1 <= gain_uv <= 10_000:
        msg = f": expected microvolts from 1 to 10000, got {gain_uv:g}"
        raise SpecError(Key("gain"), msg)
    codes = ", ".join(event.label for event in record.events) or "no seizure"
    return _Page(
        title=f"{record.id}: {record.kind}, {codes}, {record.subject}",
        ch_names=ch_names,
        data_uv=data_uv,
        spans=spans,
        sfreq=sfreq,
        start=start,
        length=length,
        gain_uv=gain_uv,
    )


def _first_border(spans: list[tuple[int, int]], *, n_times: int) -> int:
    borders = [sample for span in spans for sample in span if 0 < sample < n_times]
    return borders[0] if borders else 0


def _band_pass(
    data_uv: npt.NDArray[np.float64], sfreq: float
) -> npt.NDArray[np.float64]:
    n_times = data_uv.shape[1]
    mirrored = np.concatenate([data_uv, data_uv[:, ::-1]], axis=1)
    frequencies = np.fft.rfftfreq(2 * n_times, 1 / sfreq)
    low, high = BAND_HZ
    with np.errstate(divide="ignore"):
        gain = 1 / (1 + (low / frequencies) ** 4) / (1 + (frequencies / high) ** 8)
    return np.fft.irfft(np.fft.rfft(mirrored) * gain, 2 * n_times)[:, :n_times]


def describe_part(start: float, length: float, seconds: float) -> str:
    """Describe which part of a window of `seconds` a page shows."""
    if length >= seconds:
        return f"the whole window, {seconds:g} s"
    return f"{start:.4g} to {start + length:.4g} s of {seconds:g} s"


def region_of(ch_name: str) -> str:
    """Return the side of the head on which a row lies.

    Parameters
    ----------
    ch_name : str
        An electrode or a derivation; its first number counts.

    Returns
    -------
    region : str
        ``"left"`` (odd), ``"right"`` (even) or ``"midline"`` (z, no number).
    """
    digits = [char for char in ch_name if char.isdigit()]
    if not digits:
        return "midline"
    return "left" if int(digits[0]) % 2 else "right"


def _draw(figure: Figure, page: _Page) -> None:
    regions = {region_of(name) for name in page.ch_names}
    # Midline rows get a spectrogram only if there are no others.
    sides = [side for side in REGION_COLOURS if side in regions]
    sides = [side for side in sides if side != "midline"] or sides
    # The narrow second column has the scale bar of the traces and, below, the colour
    # bar.
    grid = figure.add_gridspec(
        1 + len(sides), 2, height_ratios=[7] + [1] * len(sides), width_ratios=[45, 1]
    )
    traces, *spectrograms = (
        figure.add_subplot(grid[row, 0]) for row in range(1 + len(sides))
    )
    _draw_traces(traces, page)
    limits = None
    for axes, side in zip(spectrograms, sides, strict=True):
        limits = _draw_spectrogram(axes, page, side=side, limits=limits)
    spectrograms[-1].set_xlabel("time in the window, s", fontsize=8)
    bar = figure.colorbar(
        spectrograms[-1].collections[0],
        cax=figure.add_subplot(grid[1:, 1]),
        extend="both",
    )
    bar.set_label("dB re 1 µV²/Hz", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _draw_traces(axes: Axes, page: _Page) -> None:
    first = round(page.start * page.sfreq)
    last = round((page.start + page.length) * page.sfreq)
    times = np.arange(first, last) / page.sfreq
    places, place, before = [], 0.0, None
    for name in page.ch_names:
        # Leave a gap between chains of electrodes.
        if before is not None and _starts_chain(before, name):
            place += 0.6
        places.append(place)
        place, before = place + 1, name
    for name, y, trace in zip(page.ch_names, places, page.data_uv, strict=True):
        axes.plot(
            times,
            # The axis points down, so positive is down and negative is up.
            y + trace[first:last] / page.gain_uv,
            color=REGION_COLOURS[region_of(name)],
            linewidth=0.55,
        )
    _shade(axes, page)
    axes.set_ylim(places[-1] + 1.3, -1.3)
    axes.set_xlim(page.start, page.start + page.length)
    axes.set_yticks(places, page.ch_names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.grid(visible=True, color="#00000018", linewidth=0.6)
    axes.set_xticks(np.arange(np.ceil(page.start), page.start + page.length + 0.01,
                              1 if page.length <= 20 else 5))  # fmt: skip
    axes.set_xlabel("time in the window, s", fontsize=8)
    axes.set_title(
        f"{page.title}; {page.part};\n"
        f"negative up, {BAND_HZ[0]:g}-{BAND_HZ[1]:g} Hz, shaded = seizure",
        fontsize=9,
    )
    # Draw the scale bar in the margin that no trace reaches.
    x = page.start + page.length * 1.012
    axes.plot([x, x], [places[-1] - 1, places[-1]], color="black", linewidth=2,
              clip_on=False)  # fmt: skip
    axes.text(x + page.length * 0.006, places[-1] - 0.5, f"{page.gain_uv:g} µV",
              rotation=90, va="center", fontsize=8)  # fmt: skip


def _starts_chain(before: str, name: str) -> bool:
    return "-" in name and before.partition("-")[2] != name.partition("-")[0]


def _shade(axes: Axes, page: _Page) -> None:
    for start, stop in page.spans:
        axes.axvspan(start / page.sfreq, stop / page.sfreq, color=_SHADE, alpha=0.28,
                     linewidth=0)  # fmt: skip


def _draw_spectrogram(
    axes: Axes,
    page: _Page,
    *,
    side: str,
    limits: tuple[float, float] | None,
) -> tuple[float, float]:
    rows = [i for i, name in enumerate(page.ch_names) if region_of(name) == side]
    # Otherwise a window of a few seconds would be one segment, a column without width.
    quarter = max(page.n_times // 4, round(page.sfreq / 10))
    n_fft = min(round(2 * page.sfreq), quarter, page.n_times)
    starts = np.arange(0, page.n_times - n_fft + 1, max(n_fft // 8, 1))
    pieces = page.data_uv[rows][:, starts[:, None] + np.arange(n_fft)]
    spectra = np.fft.rfft(pieces * np.hanning(n_fft), axis=2)
    power = np.square(np.abs(spectra)).mean(axis=0)
    power *= 2 / (page.sfreq * np.square(np.hanning(n_fft)).sum())
    decibels = 10 * np.log10(np.maximum(power, 1e-6)).T
    frequencies = np.fft.rfftfreq(n_fft, 1 / page.sfreq)
    shown = (frequencies >= 0.5) & (frequencies <= 40)
    if limits is None:
        low, high = np.quantile(decibels[shown], [0.05, 0.995])
        limits = (float(low), float(high))
    axes.pcolormesh(
        (starts + n_fft / 2) / page.sfreq,
        frequencies[shown],
        decibels[shown],
        vmin=limits[0],
        vmax=limits[1],
        cmap="magma",
        shading="nearest",
        rasterized=True,
    )
    axes.set_xlim(0, page.n_times / page.sfreq)
    axes.set_ylabel(f"{side}, Hz", fontsize=8)
    axes.tick_params(labelsize=7)
    for start, stop in page.spans:
        axes.axvspan(start / page.sfreq, stop / page.sfreq, ymin=0.94, color=_SHADE)
    # A page that shows the whole window needs no markers.
    borders = (page.start, page.start + page.length)
    for border in borders if page.length * page.sfreq < page.n_times else ():
        axes.axvline(border, color="white", linewidth=0.8, linestyle="--")
    return limits
