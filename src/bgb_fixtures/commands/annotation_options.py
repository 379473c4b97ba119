"""Options of ``scan`` and ``build`` for reading annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from bgb_fixtures.commands.common import usage_error
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = [
    "annotation_options",
    "given_options",
    "labels_to_json",
    "rules_from_options",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def _columns(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Split ROLE=NAME,ROLE=NAME at commas and equals signs."""
    columns: dict[str, str] = {}
    for pair in ",".join(values).split(",") if values else ():
        role, equals, name = (part.strip() for part in pair.partition("="))
        if not equals or not name or role in columns:
            msg = (
                "expected ROLE=NAME, separated by commas, and each role once, such as "
                f"start=Beginn,end=Ende,label=Ereignis; got {pair!r}"
            )
            raise click.BadParameter(msg)
        columns[role] = name
    return columns


def _experts(
    _: click.Context, __: click.Parameter, value: str | None
) -> str | int | None:
    """Parse a number as how many experts must agree, anything else as a name."""
    return int(value) if value is not None and value.isdecimal() else value


_OPTIONS = (
    click.option(
        "--annotations",
        metavar="PATH",
        help="Annotation file or folder [beside or inside the recordings] (edf only).",
    ),
    click.option(
        "--label-pattern",
        metavar="REGEX",
        help="Labels that mean a seizure; the pattern must match the whole label "
        "[SzCORE and TUSZ codes] (edf and bids only). Also reads annotations "
        "inside EDF+ files.",
    ),
    click.option(
        "--background-pattern",
        metavar="REGEX",
        help="Labels that mean background; the pattern must match the whole label "
        "['bckg'] (edf and bids only). A recording with any other label is "
        "skipped.",
    ),
    click.option(
        "--ignore-labels",
        multiple=True,
        metavar="LABEL",
        help="Skip rows with exactly this label; repeatable (edf and bids only).",
    ),
    click.option(
        "--start-label",
        metavar="LABEL",
        help="Label of the event that marks the start of a seizure; requires "
        "--end-label (edf and bids only).",
    ),
    click.option(
        "--end-label",
        metavar="LABEL",
        help="Label of the event that marks the end of a seizure; requires "
        "--start-label (edf and bids only).",
    ),
    click.option(
        "--columns",
        multiple=True,
        callback=_columns,
        metavar="ROLE=NAME,...",
        help="Columns of tables by name: start, end, duration, label, and file for one "
        "table of all recordings; such as start=Beginn,end=Ende,label=Ereignis [onset or "
        "start, duration or end, eventType or label] (edf and bids only).",
    ),
    click.option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="Decimal mark of tables [detected; 1,234 alone is ambiguous] (edf only).",
    ),
    click.option(
        "--per-second",
        callback=_experts,
        metavar="EXPERT|N",
        help="Tables have a 0/1 column per recording and a row per second: the table of "
        "this expert counts, or seconds on which at least N tables agree (edf only).",
    ),
)


def annotation_options(command: _Command) -> _Command:
    """Add the options to a command, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the user passed, in the form of a spec."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in options.items()
        if value not in (None, (), {})
    }


def rules_from_options(options: dict[str, Any]) -> AnnotationRules:
    """Return the rules described by options; raise UsageError if they are invalid."""
    from bgb_fixtures.request.annotation_rules import parse_rules
    from bgb_fixtures.request.table import Table

    try:
        return parse_rules(Table(given_options(options)))
    except SpecError as error:
        raise usage_error(error) from error


def labels_to_json(labels: Iterable[LabelCount]) -> list[dict[str, Any]]:
    """Return the labels, their meanings and their counts as JSON values."""
    return [{"label": one.label, "meaning": one.meaning, "n": one.n} for one in labels]
