"""Units of voltage, as headers of recordings write them."""

from __future__ import annotations

import re

__all__ = ["UNITS", "microvolts_in", "says_no_unit"]

UNITS = ("uV", "mV", "V", "nV")
"""What the samples of channels may be taken to be in, where a header does not say it."""
# The field of EDF has eight characters: 'microVol' is one of them. The micro sign is read
# byte by byte: of Latin-1, of UTF-8 (there is a Greek mu as well), and of code page 437.
_UNIT = re.compile(
    "(?P<prefix>u|\xb5|\xc2\xb5|\xce\xbc|\xe6|mu|micro|m|milli|n|nano)?"
    "v(?:ol(?:ts?)?)?",
    re.IGNORECASE,
)
_MICROVOLTS = {"": 1e6, "m": 1e3, "milli": 1e3, "n": 1e-3, "nano": 1e-3}
# Nothing, or no letter that says what it is: '', '?V', '.V'.
_NO_UNIT = re.compile(r"[^A-Za-z0-9%]*V?|n/a", re.IGNORECASE)


def microvolts_in(unit: str) -> float | None:
    """Return how many microvolts a unit is; None if it is none, or can mean two."""
    match = _UNIT.fullmatch(unit)
    if match is None or _is_mega(unit):
        return None
    return _MICROVOLTS.get((match["prefix"] or "").lower(), 1.0)


def says_no_unit(unit: str) -> bool:
    """Say whether a text leaves the unit open, so that a request may state it."""
    if microvolts_in(unit) is not None:
        return False
    return _is_mega(unit) or _NO_UNIT.fullmatch(unit) is not None


def _is_mega(unit: str) -> bool:
    """Say whether a text is megavolts, or millivolts in capitals; 'UV' has one meaning."""
    return unit.startswith(("MV", "Mv"))
