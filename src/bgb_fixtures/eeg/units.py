"""Units of voltage, as written in headers of recordings."""

from __future__ import annotations

import re

__all__ = ["UNITS", "microvolts_in", "says_no_unit"]

UNITS = ("uV", "mV", "V", "nV")
"""Units that a request may state for channels whose header names none."""
# The EDF field has eight characters, so 'microVol' occurs. The micro sign occurs in the
# bytes of Latin-1, of UTF-8 (also as Greek mu) and of code page 437.
_UNIT = re.compile(
    "(?P<prefix>u|\xb5|\xc2\xb5|\xce\xbc|\xe6|mu|micro|m|milli|n|nano)?"
    "v(?:ol(?:ts?)?)?",
    re.IGNORECASE,
)
_MICROVOLTS = {"": 1e6, "m": 1e3, "milli": 1e3, "n": 1e-3, "nano": 1e-3}
# An empty text, or one without a known prefix: '', '?V', '.V'.
_NO_UNIT = re.compile(r"[^A-Za-z0-9%]*V?|n/a", re.IGNORECASE)


def microvolts_in(unit: str) -> float | None:
    """Return the microvolts in a unit; None if it is not a voltage, or ambiguous."""
    match = _UNIT.fullmatch(unit)
    if match is None or _is_mega(unit):
        return None
    return _MICROVOLTS.get((match["prefix"] or "").lower(), 1.0)


def says_no_unit(unit: str) -> bool:
    """Say whether a text leaves the unit unknown, so that a request may state it."""
    if microvolts_in(unit) is not None:
        return False
    return _is_mega(unit) or _NO_UNIT.fullmatch(unit) is not None


def _is_mega(unit: str) -> bool:
    """Say whether a text can mean megavolts or millivolts; 'UV' is unambiguous."""
    return unit.startswith(("MV", "Mv"))
