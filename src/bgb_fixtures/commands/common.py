"""What several commands share.

Invariant: importing this imports click and nothing that is heavy.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from typing import Any, Self

import click

__all__ = ["QUIET", "Progress", "known_word", "print_json", "say"]

QUIET = "bgb_fixtures.quiet"
"""Where a context keeps whether the user asked for no more than the answer."""


def known_word(
    _: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Refuse a word that is not known; a slip of the pen gets a suggestion.

    Parameters
    ----------
    _ : click.Context
        Not used.
    param : click.Parameter
        Its name says which words are known.
    value : str or None
        What the user typed.

    Returns
    -------
    value : str or None
        The same.

    Raises
    ------
    click.BadParameter
        If the word is not known.
    """
    from bgb_fixtures.montage import MONTAGES
    from bgb_fixtures.spec import PROFILES, SOURCES

    name = str(param.name)
    words = {"source": SOURCES, "montage": tuple(MONTAGES), "profile": PROFILES}[name]
    if value is not None and value not in words:
        close = difflib.get_close_matches(value.lower(), words, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(map(repr, words))
        msg = f"unknown {name} {value!r}; {hint}{name.title()}s: {known}"
        raise click.BadParameter(msg)
    return value


def say(message: str) -> None:
    """Tell people something on stderr, unless they asked to be told the answer only.

    Warnings that change what may be done with the answer are not for this.

    Parameters
    ----------
    message : str
        What is told.
    """
    if not _is_quiet():
        click.echo(message, err=True)


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def _is_plain() -> bool:
    """Tell whether a terminal wants text only: no colour, no cursor that moves."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


class Progress:
    """A bar on stderr, for people only; one line where the terminal wants text only.

    Parameters
    ----------
    label : str
        What goes on.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._told = False

    def __enter__(self) -> Self:
        return self

    def show(self, done: int, total: int) -> None:
        """Move the bar.

        Parameters
        ----------
        done, total : int
            Steps done, steps in all.
        """
        if not sys.stderr.isatty() or _is_quiet():
            return
        if _is_plain():
            if not self._told:
                click.echo(f"{self._label} ...", err=True)
            self._told = True
            return
        if self._bar is None:
            self._bar = click.progressbar(
                length=total, label=self._label, file=sys.stderr
            )
        self._bar.update(done - self._bar.pos)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()


def print_json(answer: object) -> None:
    """Print an answer for scripts, on stdout.

    Parameters
    ----------
    answer : object
        JSON values.
    """
    click.echo(json.dumps(answer, indent=2, sort_keys=True))
