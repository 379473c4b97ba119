"""``bgb-fixtures card``."""

from __future__ import annotations

import click

from bgb_fixtures.commands.common import print_json

__all__ = ["card"]


@click.command(epilog="Example: bgb-fixtures card --check DATA.md")
@click.argument("path", metavar="[FILE]", default="DATA.md")
@click.option(
    "--check", is_flag=True, help="Change nothing; exit code 1 if a part is stale."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def card(
    context: click.Context,
    path: str,
    check: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write what the data card says of the packaged fixtures.

    FILE is the card, DATA.md of this folder if not said. Only what stands between
    '<!-- generated: NAME -->' and '<!-- end -->' is written: sizes, digests, counts,
    shares, windows.
    """
    from bgb_fixtures.card import write_card

    stale = write_card(path, check=check)
    if as_json:
        print_json({"path": path, "stale": stale, "written": bool(stale) and not check})
    elif not stale:
        click.echo(f"{path}: up to date")
    elif check:
        click.echo(
            f"{path}: stale: {', '.join(stale)}; run: bgb-fixtures card {path}",
            err=True,
        )
    else:
        click.echo(f"{path}: wrote {', '.join(stale)}")
    if stale and check:
        context.exit(1)
