"""``bgb-fixtures verify``."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from bgb_fixtures.commands.common import Progress, print_json, replaced_by
from bgb_fixtures.errors import FixtureError, IntegrityError, SpecError, counted

if TYPE_CHECKING:
    from bgb_fixtures.verify import Proof

__all__ = ["verify"]


@click.command(epilog="Example: bgb-fixtures verify real.h5 --against chbmit/1.0.0")
@click.argument("fixture", required=False, metavar="[FIXTURE_OR_GOLDEN]")
@click.option(
    "--against",
    metavar="PATH",
    help="Recordings that the fixture was built from: search the fixture for their names, "
    "dates, headers and annotation texts.",
)
@click.option(
    "--spec",
    metavar="FILE",
    help="Spec that was saved with it (build --save-spec): report every difference.",
)
@click.option(
    "--rebuild",
    is_flag=True,
    help="Rebuild the fixture from its own spec and compare every byte (synthetic "
    "only).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--plan",
    hidden=True,
    expose_value=False,
    callback=replaced_by("--spec FILE, with a spec from build --save-spec"),
)
def verify(
    fixture: str | None,
    against: str | None,
    spec: str | None,
    rebuild: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Verify a fixture or a golden: every byte, label and rule.

    FIXTURE_OR_GOLDEN is the name or path of a fixture, or the path of a golden; without
    it, the packaged fixture smoke. Exit code 1 if anything is wrong.
    """
    differences: tuple[str, ...] = ()
    try:
        proof = _prove(fixture)
        checks = list(proof.checks)
        if against is not None:
            checks.append(_search(proof.path, against))
        if spec is not None:
            differences = _differences(proof.path, spec)
            if differences:
                msg = f"{str(proof.path)!r} does not match spec {spec!r}:"
                raise IntegrityError("\n  ".join((msg, *differences)))
            checks.append(f"matches spec {spec!r} byte for byte")
        if rebuild:
            checks.append(_rebuild(proof.path))
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


def _prove(source: str | None) -> Proof:
    """Check a fixture or, by its content, a golden."""
    from bgb_fixtures.golden.store import is_golden
    from bgb_fixtures.verify import Proof, verify_fixture

    if source is None or not is_golden(Path(source)):
        return verify_fixture(source)
    from bgb_fixtures.golden.store import load_golden

    for name, value in click.get_current_context().params.items():
        if value and name not in ("fixture", "as_json"):
            msg = f"--{name} applies to fixtures only, but {source!r} is a golden"
            raise click.UsageError(msg)
    path = Path(source)
    n_outputs = len(load_golden(path).outputs)
    data = path.read_bytes()
    return Proof(
        path=path,
        digest=hashlib.sha256(data).hexdigest(),
        checks=(
            f"{len(data)} bytes, all covered by a matching SHA-256",
            (
                f"{counted(n_outputs, 'output')} with dtype, shape and "
                "tolerance as listed"
            ),
            "no compressed, encrypted or unlisted entry, no pickled object",
        ),
    )


def _search(path: Path, against: str) -> str:
    from bgb_fixtures.build.privacy import check_anonymous, texts_below

    with Progress("reading headers") as progress:
        texts = texts_below(against, progress=progress.show)
    for name in texts.unreadable:
        click.echo(f"cannot be read, so not compared: {name}", err=True)
    check_anonymous(path, texts)
    n = len(texts.origins)
    return f"holds none of the {n} identifying texts from {against!r}"


def _differences(path: Path, spec: str) -> tuple[str, ...]:
    from bgb_fixtures.build.digests import list_differences
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
            f"spec {spec!r} has no fixture digests to compare with; save such a spec "
            "with bgb-fixtures build --save-spec FILE"
        )
        raise SpecError(msg)
    with load_fixture(path) as fixture:
        return list_differences(request, fixture)


def _rebuild(path: Path) -> str:
    """Build a synthetic fixture again from the spec in its records, and compare."""
    from bgb_fixtures.build import build_fixture
    from bgb_fixtures.diff import describe_diff, diff_fixtures
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.request.spec import parse_spec

    with load_fixture(path) as fixture, TemporaryDirectory() as folder:
        records = fixture.records
        source = records.source.get("name")
        if source != "synthetic":
            msg = (
                f"{str(path)!r}: only a synthetic fixture can be rebuilt from its "
                f"spec alone (found source {source!r})"
            )
            raise SpecError(msg)
        if "adapted" in records.spec:
            msg = (
                f"{str(path)!r}: it was adapted from another fixture, so it cannot be "
                "rebuilt from its spec alone. Verify that fixture and adapt it again"
            )
            raise SpecError(msg)
        again = Path(folder) / path.name
        with Progress("building"):
            build_fixture(parse_spec(records.spec, where=f"{str(path)!r}, spec"), again)
        if again.read_bytes() == path.read_bytes():
            return "matches its spec: rebuilt, every byte is the same"
        with load_fixture(again) as other:
            lines = describe_diff(diff_fixtures(other, fixture))
    msg = f"{str(path)!r} does not match its spec; the spec builds a different file:"
    raise IntegrityError("\n  ".join((msg, *lines)))
