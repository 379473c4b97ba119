"""The tables of a spec, checked value by value.

Invariant: an error names the key, the value and the allowed values.
"""

from __future__ import annotations

import difflib
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from bgb_fixtures.errors import Key, SpecError, shorten, suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["SPLIT", "Form", "Table"]

_MOST_HINTS = 5


class Form(NamedTuple):
    """A pattern of allowed texts, and its description for messages."""

    pattern: re.Pattern[str]
    description: str

    def fits(self, value: object) -> bool:
        """Say whether a value is a text of this form."""
        return isinstance(value, str) and self.pattern.fullmatch(value) is not None


SPLIT = Form(
    re.compile(r"[a-z0-9_]{1,16}"), "1 to 16 lower-case letters, digits or '_'"
)


class Table:
    """A table of a spec, whose keys are taken one by one and must all be known.

    Parameters
    ----------
    value : object
        The parsed value, which must be a table.
    path : str
        Path of keys to the table, with a trailing dot; empty at the top level.

    Raises
    ------
    SpecError
        If the value is not a table; from the methods, if a key or value is invalid.
    """

    def __init__(self, value: object, *, path: str = "") -> None:
        self._path = path
        if not isinstance(value, dict):
            _fail(path.removesuffix(".") or "top level", "a table", value)
        self._value = dict(value)

    def expect(self, known: Collection[str], *, of: str = "") -> None:
        """Reject unknown keys first, so that a typo is reported as a typo."""
        unknown = sorted(self._value.keys() - known)
        if unknown:
            hints = ""
            for key in unknown[:_MOST_HINTS]:
                close = difflib.get_close_matches(key, known, n=1)
                hints += f"; did you mean {self._path + close[0]!r}?" if close else ""
            names = ", ".join(repr(self._path + key) for key in unknown)
            msg = f"unknown key {shorten(names)}{of}{hints}"
            raise SpecError(msg)

    def fail(self, key: str, expected: str, got: object) -> NoReturn:
        """Raise SpecError with the expected and the found value of a key."""
        _fail(f"{self._path}{key}", expected, got)

    def fail_unknown(
        self, key: str, what: str, value: str, known: Sequence[str]
    ) -> NoReturn:
        """Raise SpecError for a word that is not one of `known`, with a suggestion."""
        words = f"{suggest(value, known)} Expected one of: {', '.join(known)}"
        msg = f": unknown {what} {shorten(repr(value))}{words}"
        raise SpecError(Key(shorten(self._path + key)), msg)

    def take(self, key: str, default: Any = None) -> Any:
        """Take the value of a key without a check."""
        return self._value.pop(key, default)

    def text(self, key: str, allowed: tuple[str, ...], default: Any = None) -> str:
        """Take a text that must be one of `allowed`."""
        value = self.take(key, default)
        if value not in allowed:
            self.fail(key, "one of " + ", ".join(map(repr, allowed)), value)
        return str(value)

    def word(self, key: str, form: Form, default: object = None) -> str:
        """Take a text of a form."""
        return self.check_word(key, self.take(key, default), form)

    def check_word(self, key: str, value: Any, form: Form) -> str:
        """Check that a value is a text of a form."""
        if not form.fits(value):
            self.fail(key, form.description, value)
        return str(value)

    def text_like(self, key: str, form: Form) -> str | None:
        """Take a text of a form; None if the key is missing."""
        value = self.take(key)
        return None if value is None else self.check_word(key, value, form)

    def integer(self, key: str, *, least: int, most: int, default: Any = None) -> int:
        """Take a whole number."""
        value = self.take(key, default)
        if type(value) is not int or not least <= value <= most:
            self.fail(key, f"an integer from {least} to {most}", value)
        return value

    def seconds(
        self,
        key: str,
        *,
        least: float,
        most: float,
        default: Any = None,
    ) -> float:
        """Take a number of seconds."""
        value = self.take(key, default)
        return self.number(key, value, least=least, most=most, unit=" s")

    def number(
        self, key: str, value: object, *, least: float, most: float, unit: str = ""
    ) -> float:
        """Check that a value is a number."""
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not isfinite(value)
            or not least <= value <= most
        ):
            # Without the ".0" that a number of the command line has not.
            got = int(value) if isinstance(value, float) and value % 1 == 0 else value
            self.fail(key, f"a number from {least:g} to {most:g}{unit}", got)
        return float(value)

    def rate(self, key: str, *, least: float, most: float) -> float | None:
        """Take a sampling frequency in Hz; None if the key is missing."""
        value = self.take(key)
        if value is None:
            return None
        return self.number(key, value, least=least, most=most, unit=" Hz")

    def count(self, key: str) -> int | None:
        """Take a whole number above 0; None if the key is missing."""
        if key not in self._value:
            return None
        return self.integer(key, least=1, most=10**5)

    def words(self, key: str, form: Form | None = None) -> tuple[str, ...]:
        """Take a list of distinct texts, of any form if it is None."""
        value = self.take(key, [])
        if (
            not isinstance(value, list | tuple)
            or not all(isinstance(v, str) for v in value)
            or not (form is None or all(map(form.fits, value)))
            or len(set(value)) < len(value)
        ):
            each = "" if form is None else f" of {form.description}"
            self.fail(key, f"a list of different texts{each}", value)
        return tuple(value)

    def table(self, key: str) -> Table:
        """Take a table; empty if the key is missing."""
        return Table(self.take(key, {}), path=f"{self._path}{key}.")

    def is_table(self, key: str) -> bool:
        """Say whether the value of a key is a table."""
        return isinstance(self._value[key], dict)

    def names(self) -> list[str]:
        """Return the keys that have not been taken, sorted."""
        return sorted(self._value)

    def tables(self, key: str) -> list[Table]:
        """Take a list of tables; empty if the key is missing."""
        value = self.take(key, [])
        if not isinstance(value, list):
            self.fail(key, "a list of tables", value)
        return [
            Table(item, path=f"{self._path}{key}[{i}].") for i, item in enumerate(value)
        ]


def _fail(key: str, expected: str, got: object) -> NoReturn:
    found = "nothing" if got is None else repr(got)
    problem = shorten(f": expected {expected}, got {found}", most=1500)
    raise SpecError(Key(shorten(key)), problem)
