"""``bgb-fixtures verify``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from bgb_fixtures.commands.common import Progress, print_json
from bgb_fixtures.errors import FixtureError, IntegrityError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["verify"]


@click.command(epilog="Example: bgb-fixtures verify real.h5 --against chbmit/1.0.0")
@click.argument("fixture", required=False)
@click.option(
    "--against",
    metavar="PATH",
    help="The recordings it was built from: search the fixture for their names, dates, "
    "headers and annotation texts.",
)
@click.option(
    "--spec",
    metavar="FILE",
    help="The spec that was saved with it (build --save-spec): report every difference.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def verify(
    fixture: str | None,
    against: str | None,
    spec: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Prove a fixture: every byte, every label, both sides of the file.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. Exit code 1
    if anything is wrong.
    """
    from bgb_fixtures.verify import verify_fixture

    differences: tuple[str, ...] = ()
    try:
        proof = verify_fixture(fixture)
        checks = list(proof.checks)
        if against is not None:
            checks.append(_search(proof.path, against))
        if spec is not None:
            differences = _differences(proof.path, spec)
            if differences:
                msg = f"{str(proof.path)!r} is not the fixture of spec {spec!r}:"
                raise IntegrityError("\n  ".join((msg, *differences)))
            checks.append(f"is the fixture of spec {spec!r}, byte by byte")
    except FixtureError as error:
        if as_json:
            answer: dict[str, object] = {"verified": False, "error": str(error)}
            if spec is not None:
                answer["differences"] = differences
            print_json(answer)
            sys.exit(1)
        raise
    if as_json:
        answer = {
            "verified": True,
            "path": str(proof.path),
            "digest": proof.digest,
            "checks": checks,
        }
        if spec is not None:
            answer["differences"] = differences
        print_json(answer)
        return
    click.echo(f"{proof.path}: verified")
    for check in checks:
        click.echo(f"  {check}")
    click.echo(f"  digest {proof.digest}")


def _search(path: Path, against: str) -> str:
    from bgb_fixtures.build.privacy import check_anonymous, texts_below

    with Progress("reading headers") as progress:
        texts = texts_below(against, progress=progress.show)
    for name in texts.unreadable:
        click.echo(f"cannot be read, so not compared: {name}", err=True)
    check_anonymous(path, texts)
    n = len(texts.origins)
    return f"holds none of the {n} texts that identify something in {against!r}"


def _differences(path: Path, spec: str) -> tuple[str, ...]:
    from bgb_fixtures.build.evidence import list_differences
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.request.recorded import Listing, RecordedRequest
    from bgb_fixtures.request.spec import load_spec

    request = load_spec(spec)
    if not (
        isinstance(request, RecordedRequest)
        and isinstance(request.selection, Listing)
        and request.selection.fixture is not None
    ):
        msg = (
            f"spec {spec!r} has no digests of a fixture to compare with; save one with "
            "bgb-fixtures build --save-spec FILE"
        )
        raise SpecError(msg)
    with load_fixture(path) as fixture:
        return list_differences(request, fixture)
