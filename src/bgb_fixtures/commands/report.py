"""``bgb-fixtures report``."""

from __future__ import annotations

import click

from bgb_fixtures.commands.common import Progress, print_json
from bgb_fixtures.errors import counted

__all__ = ["report"]


@click.command(epilog="Example: bgb-fixtures report smoke -o report.html")
@click.argument("fixture", required=False)
@click.option(
    "-o", "--out", required=True, metavar="FILE", help="Page to write (.html)."
)
@click.option(
    "--local-use",
    is_flag=True,
    help="Show a fixture that may not be redistributed, for use on this machine only; "
    "the page says so.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def report(
    fixture: str | None,
    out: str,
    local_use: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a page that shows a fixture and all its windows.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. The page needs
    no other file and no network; the same fixture gives the same bytes. If the fixture
    cannot be verified, the page says why and shows no window, and the exit code is 1.
    """
    from bgb_fixtures.report import write_report

    with Progress("drawing") as progress:
        answer = write_report(fixture, out, local_use=local_use, progress=progress.show)
    if as_json:
        print_json(
            {
                "path": str(answer.path),
                "n_windows": answer.n_windows,
                "size": answer.size,
                "redistributable": answer.redistributable,
                "problem": answer.problem,
            }
        )
    elif answer.problem is not None:
        click.echo(
            f"wrote {answer.path} without windows: the fixture failed verification"
        )
    else:
        click.echo(
            f"wrote {answer.path}: {counted(answer.n_windows, 'window')}, "
            f"{answer.size / 1e6:.1f} MB"
        )
    if not answer.redistributable:
        click.echo("do not pass it on: the fixture is not redistributable", err=True)
    if answer.problem is not None:
        msg = f"the fixture failed verification: {answer.problem}"
        raise click.ClickException(msg)
