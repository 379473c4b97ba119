"""``bgb-fixtures export``."""

from __future__ import annotations

import click

from bgb_fixtures.commands.common import Progress, print_json
from bgb_fixtures.errors import counted

__all__ = ["export"]


@click.command(
    epilog="Example: bgb-fixtures export smoke --to brain-go-brr smoke-cache"
)
@click.argument("fixture")
@click.option(
    "--to",
    "layout",
    required=True,
    type=click.Choice(
        (
            "brain-go-brr",
            "brain-go-brr-3",
            "tusz",
            "edf",
            "bids",
            "npz",
            "safetensors",
        )
    ),
    help="brain-go-brr: the cache of brain-go-brr-v2 4.x, as pairs of memory-mapped "
    "npy files, with empty EDF files for its file search. brain-go-brr-3: its "
    "npz cache of 3.x. tusz: one EDF file per window with .csv and .csv_bi in "
    "the tree of TUSZ. edf: one EDF+C file per window, with annotations. bids: a "
    "BIDS-EEG data set with the events of SzCORE. npz, safetensors: one file.",
)
@click.argument("out", metavar="DIR")
@click.option(
    "--local-use",
    is_flag=True,
    help="Export a fixture that may not be redistributed, for use on this machine "
    "only; a notice in the folder says so.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(
    fixture: str,
    layout: str,
    out: str,
    local_use: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a fixture in the layout that another program reads.

    FIXTURE is a name or a path, DIR a new folder. The same fixture gives the same bytes.
    What a layout cannot hold truthfully is refused; README.md in DIR says what is in it,
    what to know before use, licence, attribution, and the digest of the fixture.
    """
    from bgb_fixtures.export import NOTICE_NAME, export_fixture

    with Progress("exporting") as progress:
        report = export_fixture(
            fixture, layout, out, local_use=local_use, progress=progress.show
        )
    files = [path for path in report.path.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    if as_json:
        answer = {
            "path": str(report.path),
            "layout": layout,
            "n_windows": report.n_windows,
            "n_files": len(files),
            "size": size,
            "redistributable": report.redistributable,
        }
        print_json(answer)
        return
    click.echo(
        f"wrote {report.path}: {counted(report.n_windows, 'window')} in {len(files)} files, "
        f"{size / 1e6:.1f} MB; how to use them: {report.path / 'README.md'}"
    )
    if not report.redistributable:
        click.echo(f"do not pass it on: {report.path / NOTICE_NAME}", err=True)
