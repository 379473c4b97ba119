"""``bgb-fixtures info``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.common import print_json

if TYPE_CHECKING:
    from bgb_fixtures.fixture import Fixture

__all__ = ["info"]


@click.command(epilog="Example: bgb-fixtures info smoke")
@click.argument("file", required=False, metavar="[FIXTURE_OR_GOLDEN]")
@click.option(
    "--text",
    "as_text",
    is_flag=True,
    help=(
        "Print text for git diff (textconv): depends on the content only, and never "
        "fails."
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def info(
    file: str | None,
    as_text: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what a fixture or a golden holds.

    FIXTURE_OR_GOLDEN is the name or path of a fixture, or the path of a golden; without
    it, the packaged fixture smoke. Of a fixture, index, records and licence are checked
    and shown; its arrays are not checked (see verify).
    """
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.golden.store import is_golden

    try:
        show = _show_golden if file and is_golden(Path(file)) else _show_fixture
        value = show(file, as_text=as_text, as_json=as_json)
    except FixtureError as error:
        if not as_text:
            raise
        # git aborts the whole diff if textconv fails, and passes the path of a
        # temporary file.
        value = str(error).replace(str(file), "this file")
    if as_json:
        print_json(value)
    else:
        click.echo(value)


def _show_golden(path: str | None, *, as_text: bool, as_json: bool) -> Any:
    from bgb_fixtures.golden.as_text import describe_golden, golden_to_json
    from bgb_fixtures.golden.store import load_golden

    golden = load_golden(str(path))
    if as_json:
        return golden_to_json(golden)
    return "\n".join(describe_golden(golden, as_text=as_text))


def _show_fixture(source: str | None, *, as_text: bool, as_json: bool) -> Any:
    from bgb_fixtures.fixture import load_fixture

    with load_fixture(source, verify=False) as loaded:
        if as_json:
            return {"index": asdict(loaded.index), "records": asdict(loaded.records)}
        return _describe(loaded, as_text=as_text)


def _seconds(value: float) -> str:
    """Format seconds with at most three decimals and without trailing zeros."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _describe(fixture: Fixture, *, as_text: bool) -> str:
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
        (
            "licence",
            licence["name"] + (f" ({licence['url']})" if licence["url"] else ""),
        ),
    ]
    if not licence["redistributable"]:
        facts.append(("", "NOT REDISTRIBUTABLE: do not publish this file"))
    facts += [("cite", part) for part in licence["attribution"].splitlines()]
    facts += [("changes", licence["changes"]), ("digest", index.digest)]
    if as_text:
        facts = [fact for fact in facts if fact[0] != "file"]
        facts += [
            ("array", f"{name} {list(entry.shape)} sha256 {entry.sha256}")
            for name, entry in sorted(index.arrays.items())
        ]
        facts.append(("spec", json.dumps(records.spec, sort_keys=True)))
    lines = [f"{key:<9}{value}" for key, value in facts]
    legend = [] if as_text else ["", *_legend(fixture)]
    return "\n".join([*lines, "", *_table(fixture), *legend])


def _describe_source(source: dict[str, Any]) -> str:
    """Return the name of the source with its human-readable facts."""
    parts = [str(source.get("name", "unknown"))]
    twin = source.get("synthetic")
    if isinstance(twin, dict):
        parts = [f"synthetic, in the layout of {twin.get('layout', 'unknown')}"]
        source = source | twin
    parts += [f"{key} {source[key]}" for key in ("recipe", "seed") if key in source]
    parts += map(str, source.get("assumptions", ()))
    for name, electrodes in sorted(source.get("interpolated", {}).items()):
        parts.append(f"{' and '.join(electrodes)} of {name} interpolated")
    return ", ".join(parts)


def _legend(fixture: Fixture) -> list[str]:
    """Explain the columns of the table and the codes in it."""
    from bgb_fixtures.eeg.events import TYPE_NAMES

    records = fixture.records
    present = {event.label for window in records.windows for event in window.events}
    codes = [f"{code} = {text}" for code, text in TYPE_NAMES.items() if code in present]
    return [
        "start: seconds from the start of the recording",
        "category: none = no ictal sample, full = at least 99 %, partial = between",
        "kind: onset/offset = a seizure begins/ends inside, whole = both, ictal = throughout,",
        "  background = no seizure, artefact = no seizure, with an artefact",
        "clipped: samples cut off at 10 standard deviations, in all channels together"
        if records.unit == "1"
        else "clipped: samples cut off by the profile, in all channels together",
        *([f"codes, as in TUSZ: {', '.join(codes)}"] if codes else []),
        "montage: what each channel is; Fp1-F7 is Fp1 minus F7",
    ]


def _table(fixture: Fixture) -> list[str]:
    heads = (
        "id", "split", "subject", "recording", "start s", "category", "kind",
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
