"""Options with which several commands adapt a fixture before they use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from bgb_fixtures.commands.common import known_word
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.fixture import Fixture

__all__ = [
    "adapted",
    "adapting_options",
    "given_options",
    "layout_option",
    "parse_montage",
    "shape_options",
]

_CommandT = TypeVar("_CommandT", bound="Callable[..., Any]")
_KEYS = (
    *("window_length", "sfreq", "montage", "profile", "band_pass", "stride"),
    *("n_windows", "balanced", "names"),
)


def parse_montage(
    context: click.Context, param: click.Parameter, value: str | None
) -> str | list[str] | None:
    """Return the name of a montage, or a list from rows separated by commas."""
    from bgb_fixtures.eeg.montage import split_rows

    rows = None if value is None else split_rows(value)
    return rows if isinstance(rows, list) else known_word(context, param, rows)


def shape_options(command: _CommandT) -> _CommandT:
    """Add the options that give windows another length, rate, montage or profile."""
    for option in (
        click.option(
            "--profile",
            callback=known_word,
            metavar="NAME",
            help="Adapt to raw-1 (microvolts) or zscore-1 (standardised) [unchanged].",
        ),
        click.option(
            "--montage",
            callback=parse_montage,
            metavar="NAME",
            help="Adapt to a montage, such as tcp-20 or double-banana-16, or to rows "
            "separated by commas [unchanged].",
        ),
        click.option(
            "--sfreq",
            type=float,
            metavar="HZ",
            help="Resample to this rate [unchanged].",
        ),
        click.option(
            "--window-length",
            type=float,
            metavar="SECONDS",
            help="Cut windows of this length [unchanged].",
        ),
    ):
        command = option(command)
    return command


def _code_of_layout(
    _: click.Context, __: click.Parameter, value: str | None
) -> str | None:
    from bgb_fixtures.smoke.layout import InputLayout

    if value is None:
        return None
    try:
        return InputLayout.parse(value).code
    except SpecError as error:
        raise click.BadParameter(str(error)) from error


def layout_option(default: str) -> Callable[[_CommandT], _CommandT]:
    """Return the option that sets the axes of a detector's input."""
    return click.option(
        "--layout",
        callback=_code_of_layout,
        metavar="AXES",
        help="Axes of the input: BCT, B1CT, BTC, ..., or BCS200 for patches of 200 "
        f"samples [{default}].",
    )


def adapting_options(command: _CommandT) -> _CommandT:
    """Add every option of `Fixture.adapt`."""
    for option in (
        click.option(
            "--names",
            type=click.Choice(["10-20", "10-10"]),
            help="Name channels T3-T5 (10-20) or T7-P7 (10-10) [unchanged].",
        ),
        click.option(
            "--balanced",
            is_flag=True,
            help="Keep as many windows with a seizure as without.",
        ),
        click.option(
            "--n-windows", type=int, metavar="N", help="Keep N windows, spread evenly."
        ),
        click.option(
            "--stride",
            type=float,
            metavar="SECONDS",
            help="With --window-length: time between the starts of consecutive new "
            "windows within an original window [the window length].",
        ),
        click.option(
            "--band-pass",
            type=float,
            nargs=2,
            metavar="LOW HIGH",
            help="Band-pass filter between two frequencies in Hz, without delay.",
        ),
    ):
        command = option(command)
    return shape_options(command)


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `Fixture.adapt` that the user passed."""
    return {
        key: value
        for key, value in options.items()
        # A flag that was not passed is False. Compare by identity, as 0 == False.
        if key in _KEYS and value is not None and value is not False
    }


def adapted(fixture: Fixture, options: dict[str, Any]) -> Fixture:
    """Return a fixture adapted by the options that the user passed."""
    given = given_options(options)
    return fixture.adapt(**given) if given else fixture
