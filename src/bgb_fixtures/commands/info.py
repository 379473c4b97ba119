"""``bgb-fixtures info``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.common import print_json

if TYPE_CHECKING:
    from bgb_fixtures.fixture import Fixture

__all__ = ["info"]


@click.command(epilog="Example: bgb-fixtures info smoke")
@click.argument("fixture", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="Print index and records as JSON."
)
def info(fixture: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show what a fixture holds, and its licence.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. Index and
    records are checked; the arrays are not (see verify).
    """
    from bgb_fixtures.fixture import load_fixture

    with load_fixture(fixture, verify=False) as loaded:
        if as_json:
            value = {"index": asdict(loaded.index), "records": asdict(loaded.records)}
            print_json(value)
        else:
            click.echo(_describe(loaded))


def _seconds(value: float) -> str:
    """Show milliseconds at most, and no zeros at the end."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _describe(fixture: Fixture) -> str:
    from bgb_fixtures.eeg.kinds import CATEGORIES
    from bgb_fixtures.format.records import FORMAT_VERSION

    index, records = fixture.index, fixture.records
    licence = records.licence
    n_windows, n_channels, n_times = fixture.signals.shape
    unit = "dimensionless" if records.unit == "1" else records.unit
    facts = [
        ("fixture", f"{index.name}, content version {index.content_version}"),
        (
            "file",
            f"{fixture.path} ({index.file_size / 1e6:.1f} MB, format version {FORMAT_VERSION})",
        ),
        (
            "signals",
            (
                f"{n_windows} windows x {n_channels} channels x {n_times} samples "
                f"({n_times / index.sfreq:g} s at {index.sfreq:g} Hz), {unit}"
            ),
        ),
        ("profile", records.profile["name"]),
        ("montage", f"{records.montage}: {' '.join(records.ch_names)}"),
        (
            "counts",
            ", ".join(
                f"{index.counts[name]} {name}"
                for name in CATEGORIES
                if index.counts[name]
            ),
        ),
        ("source", _describe_source(records.source)),
        ("licence", f"{licence['name']} ({licence['url']})"),
    ]
    if not licence["redistributable"]:
        facts.append(("", "NOT REDISTRIBUTABLE: do not publish this file"))
    facts += [("cite", part) for part in licence["attribution"].splitlines()]
    facts += [("changes", licence["changes"]), ("digest", index.digest)]
    lines = [f"{key:<9}{value}" for key, value in facts]
    return "\n".join([*lines, "", *_table(fixture)])


def _describe_source(source: dict[str, Any]) -> str:
    """Name the source, and what of its state a person can read."""
    parts = [str(source.get("name", "unknown"))]
    parts += [f"{key} {source[key]}" for key in ("recipe", "seed") if key in source]
    parts += map(str, source.get("assumptions", ()))
    for name, electrodes in sorted(source.get("interpolated", {}).items()):
        parts.append(f"{' and '.join(electrodes)} of {name} interpolated")
    return ", ".join(parts)


def _table(fixture: Fixture) -> list[str]:
    heads = (
        "id", "split", "subject", "recording", "onset s", "category", "kind",
        "clipped", "seizures in the window: code start-stop s",
    )  # fmt: skip
    rows = [
        (
            w.id,
            w.split,
            w.subject,
            w.recording,
            _seconds(w.onset),
            w.category,
            w.kind,
            str(w.n_clipped),
            ", ".join(
                f"{e.label} {_seconds(e.onset)}-{_seconds(e.onset + e.duration)}"
                for e in w.events
            ),
        )
        for w in fixture.windows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]
