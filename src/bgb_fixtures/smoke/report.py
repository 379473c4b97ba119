"""What a smoke run says: one result a check, and all of them as a table or as JSON.

Invariant: this module imports nothing heavy; the parent of a run in a child process
uses it too.
"""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CheckResult",
    "Failed",
    "Skipped",
    "SmokeReport",
    "TableWriter",
    "list_names",
]

_WIDTH = 92
_INDENT = 16
"""Columns of the table; reasons begin at this one."""


class Failed(Exception):  # noqa: N818 - a verdict, not an error of the program
    """The verdict of a check that failed.

    Parameters
    ----------
    reason : str
        What was found, and what was expected.
    place : str
        Module, parameter or line that it was found at; empty if there is none.
    """

    def __init__(self, reason: str, *, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Skipped(Exception):  # noqa: N818 - as above
    """The verdict of a check that has nothing to judge; the message says why."""


def list_names(names: list[str]) -> str:
    """Write the first few names, and how many more there are.

    Parameters
    ----------
    names : list of str
        At least one.

    Returns
    -------
    text : str
        Separated by commas.
    """
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Say how one check ended.

    Attributes
    ----------
    name : str
        Name of the check.
    status : str
        ``"PASS"``, ``"FAIL"`` or ``"SKIP"``.
    reason : str
        What was measured, found or missing.
    place : str
        Module, parameter or line of the failure; empty if there is none.
    seconds : float
        Time that it took.
    """

    name: str
    status: Literal["PASS", "FAIL", "SKIP"]
    reason: str
    place: str = ""
    seconds: float = 0.0


class TableWriter:
    """Write results as lines of a table; checks skipped for one reason share a line.

    Parameters
    ----------
    write : callable
        Takes the text of one result.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._skipped: list[CheckResult] = []

    def add(self, result: CheckResult) -> None:
        """Write a result, or keep it if the next may share its line.

        Parameters
        ----------
        result : CheckResult
            The next one.
        """
        if self._skipped and result.reason != self._skipped[0].reason:
            self.end()
        if result.status == "SKIP":
            self._skipped.append(result)
        else:
            self._write_row(result.status, [result.name], result)

    def end(self) -> None:
        """Write what was kept."""
        if self._skipped:
            names = [result.name for result in self._skipped]
            self._write_row("SKIP", names, self._skipped[0])
            self._skipped = []

    def _write_row(self, status: str, names: list[str], result: CheckResult) -> None:
        place = f" [at {result.place}]" if result.place else ""
        others = f" (and {', '.join(names[1:])})" if names[1:] else ""
        time = f" ({result.seconds:.2f} s)" if status != "SKIP" else ""
        lines = textwrap.wrap(
            f"{result.reason}{place}{others}{time}",
            width=_WIDTH - _INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        head = f"{status}  {names[0]:<{_INDENT - 6}}"
        self._write(f"\n{'':{_INDENT}}".join([f"{head}{lines[0]}", *lines[1:]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeReport:
    """Hold what a smoke run found.

    Attributes
    ----------
    model : str
        Name of the model's class, or how it was asked for.
    contract : str
        What goes in and what comes out, as found out; empty if it could not be.
    checks : tuple of CheckResult
        In the order of the run.
    seconds : float
        Time of the whole run.
    """

    model: str
    contract: str
    checks: tuple[CheckResult, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.status == "FAIL")

    def __getitem__(self, name: str) -> CheckResult:
        """Return the result of a check."""
        for check in self.checks:
            if check.name == name:
                return check
        known = ", ".join(check.name for check in self.checks)
        msg = f"no check {name!r} in this report; checks: {known}"
        raise KeyError(msg)

    @property
    def summary(self) -> str:
        """One line: how many checks ended how, and the time."""
        counts = {
            word: sum(check.status == status for check in self.checks)
            for status, word in (
                ("PASS", "passed"),
                ("FAIL", "failed"),
                ("SKIP", "skipped"),
            )
        }
        parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        verdict = "alive" if self.passed else "NOT alive"
        return f"{self.model} is {verdict}: {parts}, in {self.seconds:.1f} s"

    def __str__(self) -> str:
        """Write the whole report as a table."""
        lines = [f"contract: {self.contract}"] if self.contract else []
        table = TableWriter(lines.append)
        for check in self.checks:
            table.add(check)
        table.end()
        return "\n".join([*lines, self.summary])

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values.

        Returns
        -------
        answer : dict
            The attributes, and ``passed``.
        """
        return {
            "passed": self.passed,
            "model": self.model,
            "contract": self.contract,
            "seconds": round(self.seconds, 3),
            "checks": [
                {**asdict(check), "seconds": round(check.seconds, 3)}
                for check in self.checks
            ],
        }
