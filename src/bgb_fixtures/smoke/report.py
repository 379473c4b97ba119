"""Report of a smoke run: one result per check, as a table or as JSON.

Invariant: this module imports nothing heavy, as the parent process of a run in a child
process also uses it.
"""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from bgb_fixtures.smoke.catalogue import NEEDED

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
"""Column of the table in which the reasons begin."""


class Failed(Exception):  # noqa: N818 - a verdict, not an error of the program
    """The verdict of a check that failed: what was found, what was expected, and where."""

    def __init__(self, reason: str, *, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Skipped(Exception):  # noqa: N818 - as above
    """The verdict of a check that has nothing to judge; the message states the reason.

    `cause` names the failed check because of which it was skipped, if any.
    """

    def __init__(self, reason: str, *, cause: str = "") -> None:
        super().__init__(reason)
        self.cause = cause


def list_names(names: list[str]) -> str:
    """Return the first few names, and how many more there are, as text."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Describe the result of one check.

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
    cause : str
        Name of the failed check because of which this check was skipped; otherwise
        empty.
    seconds : float
        Duration in seconds.
    """

    name: str
    status: Literal["PASS", "FAIL", "SKIP"]
    reason: str
    place: str = ""
    cause: str = ""
    seconds: float = 0.0


class TableWriter:
    """Writer of a table of results; checks skipped for the same reason share a line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._skipped: list[CheckResult] = []

    def add(self, result: CheckResult) -> None:
        """Write a result, or hold it back if the next one may share its line."""
        if self._skipped and result.reason != self._skipped[0].reason:
            self.end()
        if result.status == "SKIP":
            self._skipped.append(result)
        else:
            self._write_row(result.status, [result.name], result)

    def end(self) -> None:
        """Write the results that were held back."""
        if self._skipped:
            names = [result.name for result in self._skipped]
            self._write_row("SKIP", names, self._skipped[0])
            self._skipped = []

    def _write_row(self, status: str, names: list[str], result: CheckResult) -> None:
        place = f" [at {result.place}]" if result.place else ""
        others = f" (same for {', '.join(names[1:])})" if names[1:] else ""
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
    """Describe the result of a smoke run.

    Attributes
    ----------
    model : str
        Name of the model's class, or its import path, program or image.
    contract : str
        Input and output as detected; empty if detection failed.
    checks : tuple of CheckResult
        Results in the order of the run. A failed check is followed by the checks that
        were skipped because of it.
    seconds : float
        Time of the whole run.
    note : str
        What such a run cannot find, shown after a pass; empty if there is nothing to add.
    """

    model: str
    contract: str
    checks: tuple[CheckResult, ...]
    seconds: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether at least one check passed and none failed."""
        return self.verdict == "works"

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.status == "FAIL")

    @property
    def verdict(self) -> str:
        """``"works"``, ``"fails"``, or ``"was not checked"``.

        Building and running the model alone does not count as ``"works"``.
        """
        if self.failed:
            return "fails"
        passed = {check.name for check in self.checks if check.status == "PASS"}
        return "works" if passed - {*NEEDED} else "was not checked"

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
        """One line with the verdict, the numbers of checks by result, and the time."""
        counts = {
            word: sum(check.status == status for check in self.checks)
            for status, word in (
                ("PASS", "passed"),
                ("FAIL", "failed"),
                ("SKIP", "skipped"),
            )
        }
        parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        return f"{self.model} {self.verdict}: {parts}, in {self.seconds:.1f} s"

    @property
    def last_lines(self) -> str:
        """The summary and, after a pass, what such a run cannot find."""
        note = textwrap.fill(self.note, _WIDTH) if self.passed else ""
        return f"{self.summary}\n{note}".rstrip()

    def __str__(self) -> str:
        """Return the whole report as a table."""
        lines = [f"contract: {self.contract}"] if self.contract else []
        table = TableWriter(lines.append)
        for check in self.checks:
            table.add(check)
        table.end()
        return "\n".join([*lines, self.last_lines])

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values.

        Returns
        -------
        answer : dict
            The attributes, ``passed`` and ``verdict``.
        """
        return {
            "passed": self.passed,
            "verdict": self.verdict,
            "model": self.model,
            "contract": self.contract,
            "seconds": round(self.seconds, 3),
            "note": self.note,
            "checks": [
                {**asdict(check), "seconds": round(check.seconds, 3)}
                for check in self.checks
            ],
        }
