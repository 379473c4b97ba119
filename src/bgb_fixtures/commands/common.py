"""What several commands share.

Invariant: importing this imports click and nothing that is heavy.
"""

from __future__ import annotations

import difflib
import json
import sys
from typing import Any, Self

import click

__all__ = ["Progress", "known_word", "print_json"]


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


class Progress:
    """A bar on stderr, for people only.

    Parameters
    ----------
    label : str
        What goes on.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def show(self, done: int, total: int) -> None:
        """Move the bar.

        Parameters
        ----------
        done, total : int
            Steps done, steps in all.
        """
        if not sys.stderr.isatty():
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
