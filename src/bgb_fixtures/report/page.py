"""The page: summary, table of kinds, and every window with pictures and numbers.

Invariant: a page is written completely or not at all; all text from the fixture is
escaped; windows are drawn only if the whole fixture was verified.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.kinds import KINDS
from bgb_fixtures.eeg.montage import resolve_montage
from bgb_fixtures.errors import (
    ChannelNotFoundError,
    FormatError,
    MissingPackageError,
    SourceError,
    SpecError,
)
from bgb_fixtures.fixture import Fixture, find_fixture, load_fixture
from bgb_fixtures.format.records import FORMAT_VERSION
from bgb_fixtures.report.html import (
    check_page_target,
    make_document,
    write_page,
)
from bgb_fixtures.report.plot import describe_part, draw_windows
from bgb_fixtures.report.spectrum import draw_spectrum, spectrum_limits
from bgb_fixtures.report.statistics import Statistics, measure_window
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from bgb_fixtures.format.records import WindowRecord

__all__ = ["Report", "write_report"]

_MONTAGE = "double-banana"
_PAGE_SIZE_IN = (6.4, 6.8)
_DPI = 170
_N_COLOURS = 64
"""Colours per picture: a quarter of the bytes, with no visible change."""
_STYLE = """
@media print {
  /* Two windows a page, on A4 and on Letter: the numbers stand beside the traces. */
  .window { display: grid; grid-template-columns: 106mm 1fr; column-gap: 5mm; }
  .window > header { grid-column: 1 / -1; }
  .window img { width: 106mm; }
  .window .numbers { display: block; margin: 0; }
  .window .numbers svg { width: 100%; margin-bottom: 3mm; }
  .window .shown { grid-column: 2; }
  .window .scroll { grid-column: 1; grid-row: 2 / span 2; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Summary of what was written.

    Attributes
    ----------
    path : pathlib.Path
        The page.
    n_windows : int
        Windows of the fixture.
    size : int
        Bytes of the page.
    redistributable : bool
        Whether fixture and page may be passed on.
    problem : str or None
        Why the fixture is not verified, and no window drawn; None if it is.
    """

    path: Path
    n_windows: int
    size: int
    redistributable: bool
    problem: str | None


def write_report(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    local_use: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Write a self-contained HTML page about a fixture.

    Parameters
    ----------
    source : str, path or None
        As for `load_fixture`.
    out : str or path
        File to write, with suffix ``.html``. An existing page is replaced.
    local_use : bool
        Required for a fixture that is not redistributable. The page must stay on this
        machine, and states this.
    progress : callable or None
        Called with (windows done, windows in total), first with 0 done.

    Returns
    -------
    report : Report
        What was written, and whether the fixture was verified.

    Raises
    ------
    SpecError
        If `out` has another suffix or is the fixture, or the fixture may not be
        redistributed and `local_use` is false.
    TargetError
        If the page cannot be written.
    MissingPackageError
        If matplotlib is not installed.
    FormatError
        If the index or records of the fixture are invalid.
    FixtureNotFoundError
        If there is no such fixture.
    """
    found = find_fixture(source)
    target = _check_target(Path(out), found)
    _check_drawing()
    with load_fixture(found, verify=False) as fixture:
        redistributable = bool(fixture.records.licence["redistributable"])
        if not redistributable and not local_use:
            msg = (
                f"fixture {str(fixture.path)!r} is not redistributable (licence "
                f"{fixture.records.licence['name']!r}), and a page is easily passed on. "
                "To write it for this machine only, add --local-use (in Python "
                "local_use=True)"
            )
            raise SpecError(msg)
        checks, problem = _verify(fixture)
        parts = [_summary(fixture, checks, problem), _kinds(fixture)]
        if problem is None:
            parts.append(_windows(fixture, progress))
        parts.append("</main>")
        page = make_document(
            f"Fixture {fixture.index.name}: report", parts, style=_STYLE
        )
        n_windows = len(fixture)
    write_page(target, page)
    return Report(
        path=target,
        n_windows=n_windows,
        size=len(page),
        redistributable=redistributable,
        problem=problem,
    )


def _check_target(target: Path, found: Path) -> Path:
    check_page_target(target)
    if target.exists() and target.samefile(found):
        msg = f"{str(target)!r} is the fixture itself; name another file for the page"
        raise SpecError(msg)
    return target


def _check_drawing() -> None:
    try:
        import matplotlib as _  # noqa: F401, ICN001
    except ImportError as error:
        msg = (
            "reports need matplotlib, which is not installed; "
            'run: pip install "bgb-fixtures[report]"'
        )
        raise MissingPackageError(msg) from error


def _verify(fixture: Fixture) -> tuple[tuple[str, ...], str | None]:
    """Return the checks made and None, or no checks and why the fixture is invalid."""
    try:
        proof = verify_fixture(fixture.path)
    except FormatError as error:
        # Do not show paths of this machine on a page that may be shared.
        return (), str(error).replace(str(fixture.path), fixture.path.name)
    if proof.digest != fixture.index.digest:
        return (), "the file changed while it was read"
    return proof.checks, None


def _summary(fixture: Fixture, checks: tuple[str, ...], problem: str | None) -> str:
    index, records = fixture.index, fixture.records
    licence = records.licence
    n_windows, n_channels, n_times = fixture.signals.shape
    unit = "microvolts"
    if records.unit == "1":
        unit = "z-scores (no unit): microvolts = value * scale + offset"
    lines = [f"<header><h1>Fixture {escape(index.name)}</h1>"]
    if not licence["redistributable"]:
        lines.append(
            '<p class="notice bad"><strong>Not redistributable.</strong> This page shows '
            "data that may not be passed on: keep it on this machine, and delete it "
            f"when it is not needed any more. Licence: {escape(licence['name'])}.</p>"
        )
    if problem is None:
        items = "".join(f"<li>{escape(check)}</li>" for check in checks)
        lines.append(
            '<div class="notice good"><strong>Verified.</strong> The file is complete and '
            f"agrees with itself. Checked when this page was written:<ul>{items}</ul></div>"
        )
    else:
        lines.append(
            '<div class="notice bad"><strong>Not verified.</strong> '
            f"{escape(problem)}<p>No window is drawn: the samples may not be those "
            "that were recorded here. Copy or build the file again.</p></div>"
        )
    lines.append(
        f'<div class="notice plain"><strong>Origin.</strong> {_origin(records.source, records.spec)}'
        "</div>"
    )
    arrays = "".join(
        f"<li>{escape(name)} <code>{entry.sha256}</code></li>"
        for name, entry in sorted(index.arrays.items())
    )
    steps = "".join(f"<li>{escape(step)}</li>" for step in records.profile["steps"])
    facts = [
        (
            "File",
            (
                f"{escape(fixture.path.name)}, {index.file_size / 1e6:.1f} MB, content "
                f"version {index.content_version}, format version {FORMAT_VERSION}"
            ),
        ),
        (
            "Signals",
            (
                f"{n_windows} windows of {n_times / index.sfreq:g} s, {n_channels} channels, "
                f"{index.sfreq:g} Hz, stored as {unit}"
            ),
        ),
        (
            "Montage",
            f"{escape(records.montage)}: {escape(', '.join(records.ch_names))}",
        ),
        ("Profile", f"{escape(records.profile['name'])}<ul>{steps}</ul>"),
        ("Licence", _licence(licence)),
        (
            "Attribution",
            escape(licence["attribution"]).replace("\n", "<br>") or "none is asked for",
        ),
        ("Changes", escape(licence["changes"]).replace("\n", "<br>")),
        ("Source", _source(records.source)),
        ("Digest", f"<code>{index.digest}</code> (SHA-256 of index and records)"),
        (
            "Digests of arrays",
            f"<ul>{arrays}<li>all else <code>{index.rest_sha256}</code></li></ul>",
        ),
    ]
    lines.append("</header><main><h2>What it is</h2>")
    lines.append('<dl class="facts">')
    lines += [f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts]
    lines.append("</dl>")
    provenance = {"source": records.source, "spec": records.spec}
    text = json.dumps(provenance, indent=1, sort_keys=True)
    lines.append(
        "<details><summary>Provenance in full: source and request</summary>"
        f"<pre>{escape(text)}</pre></details>"
    )
    return "\n".join(lines)


def _licence(licence: dict[str, Any]) -> str:
    name, url = escape(licence["name"]), escape(licence["url"])
    # A link in the records could be a javascript: URL.
    if licence["url"].startswith(("https://", "http://")):
        return f'<a href="{url}" rel="noreferrer">{name}</a> ({url})'
    return f"{name} ({url})" if url else name


def _source(source: dict[str, Any]) -> str:
    name = str(source["name"])
    twin = source.get("synthetic")
    if isinstance(twin, dict):
        name = f"synthetic, in the layout of {twin.get('layout', 'unknown')}"
        source = source | twin
    plain = [
        f"{key} {value}"
        for key, value in sorted(source.items())
        if key not in ("name", "layout") and isinstance(value, str | int | float)
    ]
    return escape(", ".join([name, *plain]))


def _origin(source: dict[str, Any], spec: dict[str, Any]) -> str:
    """Describe the origin stated in the file, and how far it can be trusted."""
    name = escape(str(source["name"]))
    if name == "synthetic":
        origin = "synthetic EEG from a generator, not recorded from a patient"
    elif isinstance(source.get("synthetic"), dict):
        origin = (
            f"synthetic recordings in the layout of {name}, not part of {name} and not "
            "recorded from a patient"
        )
    else:
        origin = f"recordings, read as source {name}"
    if spec.get("adapted"):
        origin += ", in windows adapted from another fixture"
    advice = "compare its digest below with one published by somebody whom you trust"
    if name == "synthetic" and not spec.get("adapted"):
        advice += (
            ", or generate it again from its spec: "
            "<code>bgb-fixtures verify --rebuild</code>"
        )
    return (
        f"The file states: {origin}.<p>These checks do not prove it, because anyone can "
        f"write a file that passes them. To trust it, {advice}.</p>"
    )


def _kinds(fixture: Fixture) -> str:
    seconds = fixture.signals.shape[2] / fixture.sfreq
    lines = [
        '<h2 id="kinds">Categories and kinds</h2>',
        (
            '<table class="stack"><thead><tr><th scope="col">Category</th>'
            '<th scope="col">Kind</th><th scope="col" class="number">Windows</th>'
            '<th scope="col" class="number">Seconds</th>'
            '<th scope="col" class="number">Ictal seconds</th>'
            '<th scope="col">Which</th></tr></thead><tbody>'
        ),
    ]
    for category, kinds in KINDS.items():
        for kind in kinds:
            windows = [
                window
                for window in fixture.windows
                if (window.category, window.kind) == (category, kind)
            ]
            ictal = sum(event.duration for w in windows for event in w.events)
            which = ", ".join(
                f'<a href="#w-{escape(w.id)}">{escape(w.id)}</a>' for w in windows
            )
            lines.append(
                f'<tr><td data-name="Category">{category}</td>'
                f'<th scope="row" data-name="Kind">{kind}</th>'
                f'<td class="number" data-name="Windows">{len(windows)}</td>'
                '<td class="number" data-name="Seconds">'
                f"{_seconds(len(windows) * seconds)}</td>"
                f'<td class="number" data-name="Ictal seconds">{_seconds(ictal)}</td>'
                f'<td data-name="Which">{which or "none"}</td></tr>'
            )
    lines.append("</tbody></table>")
    return "\n".join(lines)


def _windows(fixture: Fixture, progress: Callable[[int, int], None] | None) -> str:
    n_windows = len(fixture)
    if progress is not None:
        progress(0, n_windows)
    montage = _choose_montage(fixture)
    statistics = [measure_window(fixture, row) for row in range(n_windows)]
    limits = spectrum_limits(statistics)
    shown = f"montage {montage}" if montage else "channels as stored"
    lines = [
        "<h2>Windows</h2>",
        (
            f'<p class="muted">Traces: at most 15 s of each window in microvolts, {shown}; '
            "negative is up, seizures are shaded. Spectrograms: the whole window, the same "
            "channels; seizures are a bar at the top, dashed lines enclose the part shown as "
            "traces. Spectra and numbers are computed from the stored channels in "
            "microvolts, without a filter. Excess kurtosis has no unit and is 0 for a normal "
            'distribution.<span class="narrow"> Move a page sideways to see all of it.'
            "</span></p>"
        ),
        '<div class="grid">',
    ]
    for row, numbers in enumerate(statistics):
        window = fixture.windows[row]
        picture, alternative, part = _picture(fixture, row, montage)
        spectrum = draw_spectrum(numbers, limits, where=window.id)
        lines.append(_card(window, picture, alternative, part, spectrum, numbers))
        if progress is not None:
            progress(row + 1, n_windows)
    lines.append("</div>")
    return "\n".join(lines)


def _choose_montage(fixture: Fixture) -> str | None:
    try:
        resolve_montage(fixture.ch_names, _MONTAGE, where=str(fixture.path))
    except (ChannelNotFoundError, SourceError):
        return None
    return _MONTAGE


def _picture(fixture: Fixture, row: int, montage: str | None) -> tuple[str, str, str]:
    """Return a window as a PNG in base64, its description, and the part shown."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    picture = BytesIO()
    # Ignore the user's matplotlibrc.
    with style.context("default"):
        figure = draw_windows(fixture, [row], montage=montage, page_size=_PAGE_SIZE_IN)
        figure.dpi = _DPI
        # Do not use savefig, which draws everything twice.
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    small = image.quantize(_N_COLOURS, dither=Image.Dither.NONE)
    # Level 9 takes five times as long and saves 5 %.
    small.save(picture, format="PNG", compress_level=7)
    start, stop = figure.subfigs[0].axes[0].get_xlim()
    window = fixture.windows[row]
    alternative = (
        f"EEG of window {window.id}, kind {window.kind}, {_seizures(window)}: traces "
        f"from {_seconds(start)} to {_seconds(stop)} s, spectrograms of the whole window"
    )
    part = describe_part(start, stop - start, fixture.signals.shape[2] / fixture.sfreq)
    return base64.b64encode(picture.getvalue()).decode("ascii"), alternative, part


def _card(
    window: WindowRecord,
    picture: str,
    alternative: str,
    part: str,
    spectrum: str,
    numbers: Statistics,
) -> str:
    name = escape(window.id)
    kurtosis = "none: all channels are constant"
    if numbers.kurtosis is not None and numbers.peak is not None:
        ch_name, value = numbers.peak
        kurtosis = (
            f"{_signed(numbers.kurtosis)}, highest {_signed(value)} ({escape(ch_name)})"
        )
    rows = [
        ("RMS", f"{numbers.rms_uv:.1f} µV"),
        ("Ictal", f"{100 * numbers.ictal_share:.1f} %"),
        (
            "Clipped samples",
            f"{window.n_clipped} ({100 * numbers.clipped_share:.4f} %)",
        ),
        ("Excess kurtosis, median", kurtosis),
    ]
    table = "".join(
        f'<tr><th scope="row">{head}</th><td>{value}</td></tr>' for head, value in rows
    )
    width, height = (round(inches * _DPI) for inches in _PAGE_SIZE_IN)
    return "\n".join(
        [
            f'<article class="card window" id="w-{name}" aria-labelledby="h-{name}">',
            (
                f'<header><h3 id="h-{name}">{name}: {window.kind}, {window.category}</h3>'
                f'<span class="muted">{escape(window.split)}, {escape(window.subject)}, '
                f"{escape(window.recording)}, from {_seconds(window.onset)} s</span>"
                f"<span>{escape(_seizures(window))}</span></header>"
            ),
            # Make the scrolling region reachable with the keyboard.
            (
                f'<div class="scroll" tabindex="0" role="group" aria-label="Page of {name}">'
                f'<img width="{width}" height="{height}" alt="{escape(alternative)}" '
                f'src="data:image/png;base64,{picture}"></div>'
            ),
            f'<p class="muted shown">Traces: {part}. Spectrograms: the whole window.</p>',
            f'<div class="numbers">{spectrum}<table><tbody>{table}</tbody></table></div>',
            '<footer><a href="#kinds">Back to the table</a></footer>',
            "</article>",
        ]
    )


def _seizures(window: WindowRecord) -> str:
    if not window.events:
        return "no seizure"
    spans = [
        f"{event.label} {_seconds(event.onset)}-{_seconds(event.onset + event.duration)} s"
        for event in window.events
    ]
    return f"seizure {', '.join(spans)}"


def _seconds(value: float) -> str:
    """Format a number with at most two decimals and without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _signed(value: float) -> str:
    # Use a minus sign as wide as the plus, and avoid -0.0.
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", "\N{MINUS SIGN}")
