"""The options that say how annotations are read, of ``scan`` and ``build``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.request.annotations import AnnotationRules

__all__ = [
    "annotation_options",
    "given_options",
    "labels_to_json",
    "rules_from_options",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_OPTIONS = (
    click.option(
        "--annotations",
        metavar="PATH",
        help="File or folder of annotations [beside or in the recordings] (edf only).",
    ),
    click.option(
        "--label-pattern",
        metavar="REGEX",
        help="Labels that are seizures; the pattern must match the whole label [SzCORE "
        "and TUSZ codes] (edf and bids only). With it, annotations inside EDF+ files are "
        "read, too.",
    ),
    click.option(
        "--background-pattern",
        metavar="REGEX",
        help="Labels that are no seizure; the pattern must match the whole label "
        "['bckg'] (edf and bids only). A recording with any other label is left out.",
    ),
    click.option(
        "--ignore-labels",
        multiple=True,
        metavar="LABEL",
        help="Skip rows with exactly this label; may be repeated (edf and bids only).",
    ),
)


def annotation_options(command: _Command) -> _Command:
    """Add the options to a command, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as a spec has them."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in options.items()
        if value not in (None, (), {})
    }


def rules_from_options(options: dict[str, Any]) -> AnnotationRules:
    """Return the rules that options describe; UsageError if they are not valid."""
    from bgb_fixtures.request.annotations import parse_rules
    from bgb_fixtures.request.table import Table

    try:
        return parse_rules(Table(given_options(options), where="options"))
    except SpecError as error:
        raise click.UsageError(str(error)) from error


def labels_to_json(labels: Iterable[LabelCount]) -> list[dict[str, Any]]:
    """Return what labels were read as, as JSON values."""
    return [{"label": one.label, "meaning": one.meaning, "n": one.n} for one in labels]
