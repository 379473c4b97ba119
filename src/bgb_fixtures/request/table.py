"""The tables of a spec, checked value by value.

Invariant: an error names the spec, the key, the value and the allowed values.
"""

from __future__ import annotations

import difflib
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from bgb_fixtures.errors import SpecError, shorten

if TYPE_CHECKING:
    import re
    from collections.abc import Collection

__all__ = ["Table"]

_MOST_HINTS = 5


class Table:
    """A table of a spec, whose keys are taken one by one and must all be known.

    Parameters
    ----------
    value : object
        The parsed value, which must be a table.
    where : str
        The spec, for messages.
    path : str
        Path of keys to the table, with a trailing dot; empty at the top level.

    Raises
    ------
    SpecError
        If the value is not a table; from the methods, if a key or value is invalid.
    """

    def __init__(self, value: object, *, where: str, path: str = "") -> None:
        if not isinstance(value, dict):
            problem = f"{path or 'top level'}: expected a table, got {value!r}"
            msg = f"{where}, {shorten(problem)}"
            raise SpecError(msg)
        self._value = dict(value)
        self._where = where
        self._path = path

    def expect(self, known: Collection[str], *, of: str = "") -> None:
        """Reject unknown keys first, so that a typo is reported as a typo."""
        unknown = sorted(self._value.keys() - known)
        if unknown:
            hints = ""
            for key in unknown[:_MOST_HINTS]:
                close = difflib.get_close_matches(key, known, n=1)
                hints += f"; did you mean {self._path + close[0]!r}?" if close else ""
            names = ", ".join(repr(self._path + key) for key in unknown)
            msg = f"{self._where}: unknown key {shorten(names)}{of}{hints}"
            raise SpecError(msg)

    def fail(self, key: str, expected: str, got: object) -> NoReturn:
        """Raise SpecError with the expected and the found value of a key."""
        found = "nothing" if got is None else repr(got)
        problem = f"{self._path}{key}: expected {expected}, got {found}"
        msg = f"{self._where}, {shorten(problem, most=1500)}"
        raise SpecError(msg)

    def take(self, key: str, default: Any = None) -> Any:
        """Take the value of a key without a check."""
        return self._value.pop(key, default)

    def text(self, key: str, allowed: tuple[str, ...], default: Any = None) -> str:
        """Take a text that must be one of `allowed`."""
        value = self.take(key, default)
        if value not in allowed:
            self.fail(key, "one of " + ", ".join(map(repr, allowed)), value)
        return str(value)

    def word(self, key: str, pattern: re.Pattern[str], default: object = None) -> str:
        """Take a text that matches a pattern."""
        return self.check_word(key, self.take(key, default), pattern)

    def check_word(self, key: str, value: object, pattern: re.Pattern[str]) -> str:
        """Check that a value is a text that matches a pattern."""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.fail(key, f"text matching {pattern.pattern}", value)
        return value

    def text_like(self, key: str, pattern: re.Pattern[str]) -> str | None:
        """Take a text that matches a pattern; None if the key is missing."""
        value = self.take(key)
        return None if value is None else self.check_word(key, value, pattern)

    def integer(self, key: str, *, least: int, most: int, default: Any = None) -> int:
        """Take a whole number."""
        value = self.take(key, default)
        if type(value) is not int or not least <= value <= most:
            self.fail(key, f"an integer in [{least}, {most}]", value)
        return value

    def seconds(
        self,
        key: str,
        *,
        least: float,
        most: float,
        default: Any = None,
    ) -> float:
        """Take a number."""
        return self.number(key, self.take(key, default), least=least, most=most)

    def number(self, key: str, value: object, *, least: float, most: float) -> float:
        """Check that a value is a number."""
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not isfinite(value)
            or not least <= value <= most
        ):
            self.fail(key, f"a number in [{least:g}, {most:g}]", value)
        return float(value)

    def rate(self, key: str, *, least: float, most: float) -> float | None:
        """Take a sampling frequency in Hz; None if the key is missing."""
        value = self.take(key)
        return (
            None if value is None else self.number(key, value, least=least, most=most)
        )

    def count(self, key: str) -> int | None:
        """Take a whole number above 0; None if the key is missing."""
        if key not in self._value:
            return None
        return self.integer(key, least=1, most=10**5)

    def words(self, key: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """Take a list of distinct texts that match a pattern."""
        value = self.take(key, [])
        if (
            not isinstance(value, list | tuple)
            or not all(isinstance(v, str) and pattern.fullmatch(v) for v in value)
            or len(set(value)) < len(value)
        ):
            self.fail(
                key, f"a list of different texts matching {pattern.pattern}", value
            )
        return tuple(value)

    def table(self, key: str) -> Table:
        """Take a table; empty if the key is missing."""
        return Table(self.take(key, {}), where=self._where, path=f"{self._path}{key}.")

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
            Table(item, where=self._where, path=f"{self._path}{key}[{i}].")
            for i, item in enumerate(value)
        ]
