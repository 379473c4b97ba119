"""``bgb-fixtures diff``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.common import print_json

if TYPE_CHECKING:
    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.content import Golden

__all__ = ["diff"]


@click.command(epilog="Example: bgb-fixtures diff smoke my-smoke.h5")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def diff(before: str, after: str, as_json: bool) -> None:  # noqa: FBT001
    """Say what changed between two fixtures or two goldens.

    A and B are names or paths of fixtures, or paths of goldens. Exit code 0 if they are
    the same (values that come out of filters may lie one grid step apart; outputs of
    goldens, within the tolerance of A), 1 if not.
    """
    from bgb_fixtures.errors import SpecError
    from bgb_fixtures.golden.store import is_golden

    goldens = [is_golden(Path(path)) for path in (before, after)]
    if goldens[0] != goldens[1]:
        kinds = ["a golden" if golden else "a fixture" for golden in goldens]
        msg = f"{before!r} is {kinds[0]} and {after!r} {kinds[1]}; give two files of one kind"
        raise SpecError(msg)
    answer, lines = (_diff_goldens if goldens[0] else _diff_fixtures)(before, after)
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


def _diff_goldens(before: str, after: str) -> tuple[dict[str, Any], list[str]]:
    from bgb_fixtures.golden.compare import compare_goldens
    from bgb_fixtures.golden.report import comparison_to_json
    from bgb_fixtures.golden.store import load_golden

    a, b = load_golden(before), load_golden(after)
    facts = _facts(a, b)
    fixture = None if a.fixture != b.fixture else _find_fixture(a)
    answer = comparison_to_json(compare_goldens(a, b), fixture=fixture)
    same = answer["equal"] and not facts
    answer["verdict"] = "same" if same else "different"
    answer["facts"] = {name: {"before": x, "after": y} for name, x, y in facts}
    verdict = "different"
    if same:
        verdict = f"the same within tolerance: {len(a.outputs)} outputs"
    lines = [verdict, *(f"{name}: {x} -> {y}" for name, x, y in facts)]
    return answer, [*lines, *answer["text"].splitlines()]


def _facts(a: Golden, b: Golden) -> list[tuple[str, str, str]]:
    facts = []
    if a.fixture != b.fixture:
        words = [
            "none"
            if g.fixture is None
            else f"{len(g.fixture.windows)} windows of {g.fixture.name} "
            f"version {g.fixture.content_version}, {g.fixture.digest[:12]}"
            for g in (a, b)
        ]
        facts.append(("fixture", words[0], words[1]))
    for key in a.outputs.keys() & b.outputs.keys():
        x, y = a.outputs[key].tolerance, b.outputs[key].tolerance
        if (x.rtol, x.atol) != (y.rtol, y.atol):
            facts.append(
                (
                    f"tolerance of {key}",
                    f"{x.atol:g} + {x.rtol:g} x |expected|",
                    f"{y.atol:g} + {y.rtol:g} x |expected|",
                )
            )
    return facts


def _find_fixture(golden: Golden) -> Fixture | None:
    """Find the windows of a golden, if this machine has them under their name."""
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.fixture import load_fixture

    state = golden.fixture
    if state is None:
        return None
    try:
        fixture = load_fixture(state.name)
    except FixtureError:
        return None
    if fixture.index.digest != state.digest:
        return None
    rows = {window.id: row for row, window in enumerate(fixture.windows)}
    return fixture.take([rows[name] for name in state.windows])
