"""``bgb-fixtures verify``."""

from __future__ import annotations

import sys

import click

from bgb_fixtures.commands.common import print_json
from bgb_fixtures.errors import FixtureError

__all__ = ["verify"]


@click.command(epilog="Example: bgb-fixtures verify real.h5")
@click.argument("fixture", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def verify(fixture: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Prove a fixture: every byte, every label, both sides of the file.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. Exit code 1
    if anything is wrong.
    """
    from bgb_fixtures.verify import verify_fixture

    try:
        proof = verify_fixture(fixture)
    except FixtureError as error:
        if as_json:
            answer = {"verified": False, "error": str(error)}
            print_json(answer)
            sys.exit(1)
        raise
    if as_json:
        answer = {
            "verified": True,
            "path": str(proof.path),
            "digest": proof.digest,
            "checks": proof.checks,
        }
        print_json(answer)
        return
    click.echo(f"{proof.path}: verified")
    for check in proof.checks:
        click.echo(f"  {check}")
    click.echo(f"  digest {proof.digest}")
