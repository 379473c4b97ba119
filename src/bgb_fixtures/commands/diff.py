"""``bgb-fixtures diff``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.common import print_json, say

if TYPE_CHECKING:
    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.content import Golden

__all__ = ["diff"]


@click.command(epilog="Example: bgb-fixtures diff old.npz new.npz --html page.html")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option(
    "--fixture",
    metavar="NAME_OR_PATH",
    help=(
        "Fixture that both goldens were recorded with [found by its name] (goldens "
        "only)."
    ),
)
@click.option(
    "--html",
    metavar="FILE",
    help="Also write the comparison as an HTML page (goldens only).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def diff(
    before: str,
    after: str,
    fixture: str | None,
    html: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what changed between two fixtures or two goldens.

    A and B are names or paths of fixtures, or paths of goldens. Exit code 0 if they are
    the same (up to one grid step in fixtures that were filtered, and within the
    tolerance of A in goldens), otherwise 1.
    """
    from bgb_fixtures.errors import SpecError
    from bgb_fixtures.golden.store import is_golden

    goldens = [is_golden(Path(path)) for path in (before, after)]
    if goldens[0] != goldens[1]:
        kinds = ["a golden" if golden else "a fixture" for golden in goldens]
        msg = (
            f"{before!r} is {kinds[0]} and {after!r} is {kinds[1]}; expected two files of "
            "one kind"
        )
        raise SpecError(msg)
    if goldens[0]:
        answer, lines = _diff_goldens(before, after, fixture=fixture, html=html)
    elif html is not None or fixture is not None:
        msg = (
            "--html and --fixture apply to goldens only; for a fixture, use "
            "bgb-fixtures report"
        )
        raise click.UsageError(msg)
    else:
        answer, lines = _diff_fixtures(before, after)
    if as_json:
        print_json(answer)
    else:
        click.echo("\n".join(lines))
    sys.exit(0 if answer["verdict"] in ("same", "rounding") else 1)


def _diff_fixtures(before: str, after: str) -> tuple[dict[str, Any], list[str]]:
    from bgb_fixtures.diff import describe_diff, diff_fixtures, diff_to_json
    from bgb_fixtures.fixture import load_fixture

    with load_fixture(before) as a, load_fixture(after) as b:
        found = diff_fixtures(a, b)
    return diff_to_json(found), describe_diff(found)


def _diff_goldens(
    before: str, after: str, *, fixture: str | None, html: str | None
) -> tuple[dict[str, Any], list[str]]:
    from bgb_fixtures.golden.compare import compare_goldens
    from bgb_fixtures.golden.report import comparison_to_json
    from bgb_fixtures.golden.store import load_golden

    if html is not None:
        from bgb_fixtures.report.html import check_page_target

        check_page_target(Path(html))
    a, b = load_golden(before), load_golden(after)
    b, names = _pair_only_outputs(a, b)
    comparison = compare_goldens(a, b)
    windows = _find_windows(a, b, fixture)
    if html is not None:
        from bgb_fixtures.golden.page import comparison_to_page
        from bgb_fixtures.report.html import write_page

        write_page(
            Path(html), comparison_to_page(comparison, fixture=windows, advice="")
        )
        say(f"wrote {html}")
    facts = _facts(a, b)
    answer = comparison_to_json(comparison, fixture=windows)
    same = answer["equal"] and not facts
    answer["verdict"] = "same" if same else "different"
    answer["names"] = names and dict(zip(("before", "after"), names, strict=True))
    answer["facts"] = {name: {"before": x, "after": y} for name, x, y in facts}
    if comparison.equal and not same:
        answer["summary"] = f"different: {', '.join(name for name, _, _ in facts)}"
    lines = [answer["summary"]]
    if names is not None:
        lines.append(
            f"names: {names[0]!r} is compared with {names[1]!r}, the only output of the "
            "other golden"
        )
    lines += answer["text"].splitlines()
    return answer, [*lines, *(f"{name}: {x} -> {y}" for name, x, y in facts)]


def _pair_only_outputs(a: Golden, b: Golden) -> tuple[Golden, tuple[str, str] | None]:
    """Return `b` with its only output named as in `a`, and both names if they differed.

    Outputs are named after their golden, so that the same output has two names in two
    goldens. If there are several, `b` is returned as it is.
    """
    from dataclasses import replace

    if len(a.outputs) != 1 or len(b.outputs) != 1:
        return b, None
    [before], [after] = a.outputs, b.outputs
    entries = before.removeprefix(a.name), after.removeprefix(b.name)
    if before == after or entries[0] != entries[1]:
        return b, None
    return replace(b, outputs={before: b.outputs[after]}), (before, after)


def _facts(a: Golden, b: Golden) -> list[tuple[str, str, str]]:
    from bgb_fixtures.golden.report import allowed

    facts = []
    if a.fixture != b.fixture:
        words = [
            "none"
            if g.fixture is None
            else f"{len(g.fixture.windows)} windows of {g.fixture.name}, content version "
            f"{g.fixture.content_version}, digest {g.fixture.digest[:12]}"
            for g in (a, b)
        ]
        facts.append(("fixture", words[0], words[1]))
    for key in a.outputs.keys() & b.outputs.keys():
        x, y = a.outputs[key].tolerance, b.outputs[key].tolerance
        # Ignore atol of default tolerances: it depends on the values, compared
        # elsewhere.
        if (x.rtol, x.basis) != (y.rtol, y.basis) or (not x.basis and x.atol != y.atol):
            facts.append(
                (
                    f"tolerance of {key!r}",
                    allowed(x, a.outputs[key].dtype),
                    allowed(y, b.outputs[key].dtype),
                )
            )
    return sorted(facts)


def _find_windows(a: Golden, b: Golden, source: str | None) -> Fixture | None:
    """Load the windows of two goldens from `source`, or by name if available."""
    from bgb_fixtures.errors import FixtureError, SpecError
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.golden.record import fixture_digest

    state = a.fixture
    if state is None or state != b.fixture:
        if source is not None:
            msg = (
                "--fixture does not apply, because the goldens were recorded with "
                "different fixtures; drop it"
            )
            raise SpecError(msg)
        return None
    try:
        fixture = load_fixture(source or state.name)
    except FixtureError:
        if source is not None:
            raise
        return None
    digest = fixture_digest(fixture)
    if state.digest not in (digest, fixture.index.digest):
        if source is not None:
            msg = (
                f"{str(fixture.path)!r} is not the fixture of the goldens (found digest "
                f"{digest[:12]}, expected {state.digest[:12]})"
            )
            raise SpecError(msg)
        return None
    rows = {window.id: row for row, window in enumerate(fixture.windows)}
    return fixture.take([rows[name] for name in state.windows])
