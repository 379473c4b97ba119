"""``bgb-fixtures scan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.annotation_options import (
    annotation_options,
    labels_to_json,
    rules_from_options,
)
from bgb_fixtures.commands.common import (
    Progress,
    opened_root,
    print_json,
    say,
    usage_error,
)
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from bgb_fixtures.corpora.scan import Scan

__all__ = ["scan"]

# Show at most a screen of messages; --json lists all of them.
_MOST_SHOWN = 20


@click.command(epilog="Example: bgb-fixtures scan --source tusz --root tusz/v2.0.3/edf")
@click.option(
    "--source",
    required=True,
    metavar="NAME",
    help=(
        "Layout of the corpus: chbmit, tusz, siena, bids, or edf (any EDF or BDF "
        "files)."
    ),
)
@click.option(
    "--root",
    required=True,
    metavar="PATH",
    help="Folder of the corpus or a part of it, or one recording; also a web address "
    "(chbmit and siena only).",
)
@annotation_options
@click.option(
    "--strict", is_flag=True, help="Exit with code 1 if an annotation is invalid."
)
@click.option("--json", "as_json", is_flag=True, help="Print every recording as JSON.")
@click.pass_context
def scan(
    ctx: click.Context,
    /,
    source: str,
    root: str,
    annotations: str | None,
    strict: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    **options: Any,
) -> None:
    """Count the recordings, subjects and seizures in a corpus.

    Counts by split and seizure type, with the seconds of seizure. Reads only the
    annotations. Annotated recordings without an EDF or BDF file are counted, and listed
    under "no signal". Unusable recordings are counted with the reason. The exit code is
    1 if no recording is usable.
    """
    from bgb_fixtures.corpora import open_corpus
    from bgb_fixtures.corpora.scan import scan_corpus

    try:
        corpus = open_corpus(
            source,
            opened_root(source, root) or root,
            annotations=annotations,
            rules=rules_from_options(options),
        )
    except SpecError as error:
        raise usage_error(error) from error
    with Progress("scanning") as progress:
        found = scan_corpus(corpus, progress.show)
    if as_json:
        print_json(
            {
                "source": source,
                "totals": found.totals,
                "by_split": found.by_split,
                "by_type": found.by_type,
                "problems": found.problems,
                "labels": labels_to_json(found.labels),
                "recordings": found.recordings,
            }
        )
    else:
        click.echo(_describe(found, source))
        _show_bad(found)
    if not found.totals["n_usable"]:
        say(f"nothing can be used: {_advice(found, source)}")
        ctx.exit(1)
    if strict and found.bad:
        ctx.exit(1)


def _describe(scan: Scan, source: str) -> str:
    from bgb_fixtures.corpora.corpus import BLIND_SPLIT
    from bgb_fixtures.corpora.labels import label_lines
    from bgb_fixtures.corpora.recording import PROBLEMS

    totals = scan.totals
    summary = (
        f"annotated recordings: {totals['n_recordings']}, with seizures: "
        f"{totals['n_with_seizures']}; subjects: {totals['n_subjects']}; usable: "
        f"{totals['n_usable']}"
    )
    lines = [
        summary,
        "",
        *_table(
            ("split", "recordings", "hours", "seizures", "seizure s", "no signal"),
            [
                (
                    split,
                    f"{sums['n_recordings']}",
                    _hours(sums),
                    f"{sums['n_seizures']}",
                    f"{sums['seizure_seconds']:.1f}",
                    f"{sums['n_signal_missing']}",
                )
                for split, sums in (*scan.by_split.items(), ("all", totals))
            ],
        ),
    ]
    if totals["n_without_duration"]:
        lines += ["+: the duration of some recordings is unknown"]
    annotated = [r for r in scan.recordings if r["subject"] is not None]
    # Source edf uses the name of a file if neither prefix nor folder names a subject.
    if (
        source == "edf"
        and len(annotated) > 1
        and all(r["subject"] == r["name"] for r in annotated)
    ):
        alone = (
            f"{len(annotated)} recordings directly in the folder: each counts as a "
            "subject of its own"
        )
        lines.append(alone)
    if scan.by_type:
        lines += [
            "",
            *_table(
                ("type", "seizures", "seizure s"),
                [
                    (label, f"{sums['n_seizures']}", f"{sums['seizure_seconds']:.1f}")
                    for label, sums in scan.by_type.items()
                ],
            ),
        ]
    if scan.problems:
        lines += ["", "cannot be used:"]
        lines += [
            f"{n:>7}  {PROBLEMS[key].format(split=BLIND_SPLIT)}"
            for key, n in scan.problems.items()
        ]
    if scan.labels:
        lines += ["", *label_lines(scan.labels)]
    return "\n".join(lines)


def _advice(scan: Scan, source: str) -> str:
    """Return advice for the most frequent reason why recordings are unusable."""
    if not scan.problems:
        return (
            "there is no recording here; give the folder that holds the recordings with "
            "--root, or what they are with --source"
        )
    most = max(scan.problems, key=lambda key: scan.problems[key])
    is_free_text = source in ("bids", "edf")
    if most == "annotation" and any(one.meaning == "unknown" for one in scan.labels):
        return (
            (
                "labels are not declared; say which are seizures with --label-pattern, and "
                "which are none with --background-pattern"
            )
            if is_free_text
            else "the labels are not those of this --source"
        )
    return {
        "annotation": "the messages above say what is wrong with the annotations"
        + "; --columns names columns of tables" * is_free_text,
        "unannotated": (
            "say where the annotations are with --annotations PATH, or that they are in "
            "the recordings with --label-pattern"
            if source == "edf"
            else "fetch the annotation files, or give the folder above with --root"
        ),
        "no-signal": "fetch the EDF or BDF files of the annotated recordings",
        "split": "build uses recordings in split eval only with --split eval",
    }[most]


def _hours(sums: dict[str, int | float]) -> str:
    """Format hours, with a plus if some annotations have no duration."""
    more = "+" if sums["n_without_duration"] else ""
    return f"{sums['recorded_seconds'] / 3600:.2f}{more}"


def _show_bad(scan: Scan) -> None:
    for recording in scan.bad[:_MOST_SHOWN]:
        say(recording["message"])
    if len(scan.bad) > _MOST_SHOWN:
        n_more = len(scan.bad) - _MOST_SHOWN
        say(f"... and {n_more} more; --json lists all")


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (heads, *rows)
    ]
