"""HTML page of a comparison: what differs in each window, and in which module first.

Invariant: the page has all the content of the text report, with plots of the values.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.golden.compare import distances
from bgb_fixtures.golden.detections import per_sample
from bgb_fixtures.golden.drawing import Scale, draw_events, draw_lines
from bgb_fixtures.golden.dtypes import widen
from bgb_fixtures.golden.report import allowed, describe_comparison, sum_up
from bgb_fixtures.golden.windows import moved_rows, windows_of
from bgb_fixtures.report.html import make_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.compare import Change, Comparison
    from bgb_fixtures.golden.content import Golden
    from bgb_fixtures.golden.windows import Windows

__all__ = ["comparison_to_page"]

_STYLE = """
.card svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; }
.worst td, .worst th { padding-right: .8rem; }
.own, .switch:checked ~ .grid .common { display: none; }
.switch:checked ~ .grid .own { display: block; }
.switch { width: 1.1rem; height: 1.1rem; vertical-align: -.15rem; }
@media (min-width: 40rem) { svg text { font-size: 9px; } }
@media (max-width: 40rem) { .worst { font-size: .92rem; } }
@media print {
  svg text { font-size: 8px; }
  .switch, .switch + label { display: none; }
  .card svg { width: 100%; max-width: 175mm; margin: 0 auto; }
  .pictures { break-before: page; }
  .lines .card:nth-child(2n):not(:last-child) { break-after: page; }
}
"""


def comparison_to_page(
    comparison: Comparison, *, fixture: Fixture | None, advice: str
) -> bytes:
    """Return a comparison as a self-contained HTML page in UTF-8.

    With `fixture`, the input windows, labelled seizures are drawn. `advice` is the
    command that accepts an intended change; empty if there is none.
    """
    recorded = comparison.recorded
    windows = windows_of(comparison, fixture)
    parts = [
        f"<header><h1>Golden {escape(recorded.name)}</h1>",
        _notice(comparison, advice),
        f"<p>{escape(_sentence(comparison, fixture))}</p></header><main>",
    ]
    pictures: list[str] = []
    if windows is not None:
        for place, change in enumerate(comparison.changes):
            rows = _rows(change, comparison, windows)
            if rows:
                parts += _table(place, change, comparison, windows, rows)
                pictures += _cards(place, change, comparison, windows, rows)
    text = describe_comparison(comparison, fixture=fixture)
    if text:
        parts.append(f"<h2>What differs</h2><pre>{escape(text)}</pre>")
    parts += [*_facts(recorded), *pictures, "</main>"]
    title = f"Golden {recorded.name}: comparison"
    return make_document(title, parts, style=_STYLE)


def _notice(comparison: Comparison, advice: str) -> str:
    if comparison.equal:
        return (
            '<p class="notice good"><strong>Matches.</strong> Every output is within '
            "tolerance.</p>"
        )
    if not advice:
        return '<p class="notice bad"><strong>The two goldens differ.</strong></p>'
    return (
        '<p class="notice bad"><strong>No longer matches.</strong> If this change is '
        f"intended: <code>{escape(advice)}</code></p>"
    )


def _sentence(comparison: Comparison, fixture: Fixture | None) -> str:
    sentence = sum_up(comparison, fixture=fixture)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _facts(recorded: Golden) -> list[str]:
    outputs = "".join(
        f"<li>{escape(key)}: {escape(output.dtype)} {list(output.array.shape)}, "
        f"{allowed(output.tolerance, output.dtype)} "
        f"({escape(output.tolerance.source)})</li>"
        for key, output in recorded.outputs.items()
    )
    facts = [("Outputs", f"<ul>{outputs}</ul>")]
    if recorded.test:
        facts.append(("Test", escape(recorded.test)))
    if recorded.fixture is not None:
        state = recorded.fixture
        facts.append(
            (
                "Fixture",
                (
                    f"{escape(state.name)}, content version {state.content_version}, "
                    f"{len(state.windows)} windows, digest <code>{state.digest[:12]}</code>"
                ),
            )
        )
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return [f'<h2>What was recorded</h2><dl class="facts">{items}</dl>']


def _rows(change: Change, comparison: Comparison, windows: Windows) -> Sequence[int]:
    """Return the windows that can be drawn, the largest difference first."""
    if change.what == "events":
        counts: dict[int, int] = {}
        for event in change.events:
            counts[event.window] = counts.get(event.window, 0) + 1
        return sorted(counts, key=lambda row: -counts[row])
    sides = [
        per_sample(
            side.outputs[change.key].numbers,
            n_windows=len(windows),
            n_times=windows.n_times,
        )
        for side in (comparison.recorded, comparison.obtained)
        if change.far is not None
    ]
    if not sides or any(side is None for side in sides):
        return []
    return moved_rows(change, comparison, windows)


def _anchor(place: int, row: int) -> str:
    return f"c{place}-w{row}"


def _table(
    place: int,
    change: Change,
    comparison: Comparison,
    windows: Windows,
    rows: Sequence[int],
) -> list[str]:
    """List the windows out of tolerance, each with a link to its picture."""
    verb = "changed" if change.what == "events" else "moved"
    heads = ["Window", "What it holds"]
    heads += (
        ["Events changed"]
        if change.what == "events"
        else ["Values out of tolerance", "Largest difference"]
    )
    lines = [
        (
            f'<h2 id="c{place}">{escape(change.key)}: {len(rows)} of {len(windows)} '
            f"windows {verb}, worst first</h2>"
        ),
        '<table class="worst"><thead><tr>',
        *(f'<th scope="col">{head}</th>' for head in heads),
        "</tr></thead><tbody>",
    ]
    for row in rows:
        name = escape(windows.ids[row])
        cells = [
            f'<a href="#{_anchor(place, row)}">{name}</a>',
            escape(_holds(windows, row)),
        ]
        if change.far is None:
            cells.append(str(sum(event.window == row for event in change.events)))
        else:
            cells += [
                str(int(change.far[row].sum())),
                _largest(change, comparison, row),
            ]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return [*lines, "</tbody></table>"]


def _holds(windows: Windows, row: int) -> str:
    if windows.records is None:
        return "-"
    window = windows.records[row]
    codes = ", ".join(sorted({event.label for event in window.events}))
    return f"{window.kind}, {codes or 'no seizure'}"


def _largest(change: Change, comparison: Comparison, row: int) -> str:
    a, b = (
        side.outputs[change.key].numbers[row]
        for side in (comparison.recorded, comparison.obtained)
    )
    largest = float(distances(a, b).max())
    return f"{largest:.3g}" if np.isfinite(largest) else "not finite"


def _cards(
    place: int,
    change: Change,
    comparison: Comparison,
    windows: Windows,
    rows: Sequence[int],
) -> list[str]:
    """Draw the windows that are out of tolerance."""
    labelled = " Yellow: labelled seizure." if windows.records is not None else ""
    threshold = comparison.recorded.outputs[change.key].threshold
    dotted = "" if threshold is None else f" Dotted: detection threshold {threshold:g}."
    kind = "events" if change.what == "events" else "lines"
    parts = [f'<section class="pictures {kind}"><h2>{escape(change.key)}</h2>']
    if change.what == "events":
        parts.append(
            f'<p class="muted">Above, blue: recorded. Below, orange: now.{labelled}</p>'
        )
    else:
        parts.append(
            f'<p class="muted">Blue, dashed: recorded. Orange: now.{labelled}{dotted} '
            "Marks below: values out of tolerance. Lines are means of short "
            'stretches. All windows share one scale.</p><input type="checkbox" '
            f'class="switch" id="own{place}"> <label for="own{place}">Scale each '
            "window separately</label>"
        )
    parts.append('<div class="grid">')
    draw = _event_pictures if change.what == "events" else _line_pictures
    for row, picture in zip(rows, draw(change, comparison, windows, rows), strict=True):
        anchor = _anchor(place, row)
        parts.append(
            f'<article class="card" id="{anchor}" aria-labelledby="h-{anchor}">'
            f'<header><h3 id="h-{anchor}">{escape(windows.ids[row])}: '
            f"{escape(_holds(windows, row))}</h3>"
            f'<span class="muted">{escape(_where(change, windows, row))}</span></header>'
            f'{picture}<footer><a href="#c{place}">Back to the list</a></footer></article>'
        )
    return [*parts, "</div></section>"]


def _where(change: Change, windows: Windows, row: int) -> str:
    words = []
    if windows.records is not None:
        window = windows.records[row]
        words.append(f"{window.split}, {window.subject}")
    if change.far is not None:
        words.append(f"{int(change.far[row].sum())} values out of tolerance")
    return "; ".join(words)


def _line_pictures(
    change: Change, comparison: Comparison, windows: Windows, rows: Sequence[int]
) -> list[str]:
    recorded, obtained = (
        widen(side.outputs[change.key].numbers).reshape(len(windows), -1)
        for side in (comparison.recorded, comparison.obtained)
    )
    threshold = comparison.recorded.outputs[change.key].threshold
    assert change.far is not None
    far = change.far.reshape(len(windows), -1)
    common = Scale.of([recorded[rows], obtained[rows]], threshold)
    pictures = []
    for row in rows:
        own = Scale.of([recorded[row], obtained[row]], threshold)
        pictures.append(
            "".join(
                f'<div class="{name}">'
                + draw_lines(
                    recorded[row],
                    obtained[row],
                    far[row],
                    windows=windows,
                    row=row,
                    scale=scale,
                    threshold=threshold,
                )
                + "</div>"
                for name, scale in (("common", common), ("own", own))
            )
        )
    return pictures


def _event_pictures(
    change: Change, comparison: Comparison, windows: Windows, rows: Sequence[int]
) -> list[str]:
    sides = [
        [
            [
                (onset, onset + duration)
                for window, onset, duration in side.outputs[change.key].array.tolist()
                if window == row
            ]
            for row in rows
        ]
        for side in (comparison.recorded, comparison.obtained)
    ]
    return [
        draw_events(before, after, windows=windows, row=row)
        for row, before, after in zip(rows, *sides, strict=True)
    ]
