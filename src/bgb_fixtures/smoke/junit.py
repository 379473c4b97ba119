"""Write a report as JUnit XML, which CI services show as tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from bgb_fixtures.errors import TargetError

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures.smoke.report import SmokeReport

__all__ = ["write_error", "write_junit"]

_INVALID = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that XML 1.0 cannot hold."""


def _text(value: str) -> str:
    return _INVALID.sub("?", value)


def write_junit(report: SmokeReport, path: Path) -> None:
    """Write one test case per check, with the reason if it was skipped."""
    suite = _suite(report.model, tests=len(report.checks), seconds=report.seconds)
    suite.set("failures", str(len(report.failed)))
    suite.set("skipped", str(sum(c.status == "SKIP" for c in report.checks)))
    for check in report.checks:
        case = _case(suite, report.model, check.name, seconds=check.seconds)
        if check.status == "FAIL":
            place = f" [at {check.place}]" if check.place else ""
            element = ET.SubElement(case, "failure", message=_text(check.reason))
            element.text = _text(f"{check.reason}{place}")
        elif check.status == "SKIP":
            ET.SubElement(case, "skipped", message=_text(check.reason))
        else:
            ET.SubElement(case, "system-out").text = _text(check.reason)
    _write(suite, path)


def write_error(model: str, message: str, path: Path) -> None:
    """Write a suite with one error, if the environment prevents any check."""
    suite = _suite(model, tests=1, seconds=0)
    suite.set("errors", "1")
    case = _case(suite, model, "build", seconds=0)
    ET.SubElement(case, "error", message=_text(message))
    _write(suite, path)


def _suite(model: str, *, tests: int, seconds: float) -> ET.Element:
    attributes = {"name": _text(f"smoke {model}"), "time": f"{seconds:.3f}"}
    counts = {"tests": str(tests), "failures": "0", "errors": "0", "skipped": "0"}
    return ET.Element("testsuite", attributes | counts)


def _case(suite: ET.Element, model: str, name: str, *, seconds: float) -> ET.Element:
    time = f"{seconds:.3f}"
    return ET.SubElement(
        suite, "testcase", classname=_text(model), name=name, time=time
    )


def _write(suite: ET.Element, path: Path) -> None:
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        msg = f"{str(path)!r} cannot be written: {error.strerror}"
        raise TargetError(msg) from error
