"""Electrode names in both systems, and the channel labels of recordings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ALIASES",
    "AVERAGE",
    "ELECTRODES_10_20",
    "compile_label_format",
    "electrode_name",
    "is_scalp",
    "parse_formatted",
    "parse_label",
    "rename_row",
    "without_numbers",
]

AVERAGE = "Avg"
"""The second term of a row against the common average of all electrodes."""
ELECTRODES_10_20 = (
    *("Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz"),
    *("Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2"),
)
"""The 19 electrodes, in the order of the first consumer (brain-go-brr-v2, constants.py)."""
ALIASES = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
"""Name in the 10-10 system -> name in the 10-20 system for the same electrode."""
_NEW_NAMES = {old: new for new, old in ALIASES.items()}
_ELECTRODES = {name.lower(): name for name in (*ELECTRODES_10_20, "A1", "A2")}
_ELECTRODES |= {new.lower(): old for new, old in ALIASES.items()}
# Any electrode of the 10-10 system. This tells bipolar channels (T7-FT9, although no
# montage here has FT9) from referential ones (CS2, LE or A1).
_SCALP = re.compile(r"(?:FP|AF|F|FT|FC|T|TP|C|CP|P|PO|O|I)(?:Z|\d{1,2})", re.IGNORECASE)
# An electrode against another electrode, or against any name of a reference. A prefix
# may name the kind of channel, and dots may pad the electrode to a fixed width
# (PhysioNet).
_EARS = r"\(?[AM]1\s*[+/,]?\s*[AM]2\)?(?:\s*/\s*2)?"
_LABEL = re.compile(
    rf"(?:(?:EEG|POL)(?:\s+|\s*[-:_]\s*))?(?P<anode>[A-Z]+\d*Z?)\.*"
    rf"(?:\s*[-/_]\s*(?P<cathode>{_EARS}|[A-Z][A-Z0-9]*))?",
    re.IGNORECASE,
)
_RUNNING_NUMBER = re.compile(r"-(?:0|[1-9][0-9]?)")
_FORMAT_FIELDS = ("{electrode}", "{reference}")


def electrode_name(text: str) -> str | None:
    """Return this package's name of an electrode, such as ``"Fp1"`` for ``"FP1"``.

    `text` is a name of the 10-20 or 10-10 system, or A1 or A2, in any case; T7, T8, P7
    and P8 become T3, T4, T5 and T6. None if it is not an electrode.
    """
    known = _ELECTRODES.get(text.lower())
    if known is not None or not _SCALP.fullmatch(text):
        return known
    return text.upper().replace("FP", "Fp").replace("Z", "z")


def is_scalp(text: str) -> bool:
    """Say whether a text names a scalp electrode of the 10-10 system."""
    return _SCALP.fullmatch(text) is not None


def parse_label(label: str) -> tuple[str | None, str]:
    """Split 'EEG FP1-REF' into ('Fp1', 'REF') and 'T8-P8' into ('T4', 'T6')."""
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        return None, ""
    return electrode_name(match["anode"]), _reference_name(match["cathode"] or "")


def without_numbers(labels: Sequence[str]) -> list[str]:
    """Return labels without the running numbers that a reader adds to duplicates.

    MNE counts from 0: 'T8-P8-0' and 'T8-P8-1'. If there is no 'P3-0', the number in
    'P3-01' is part of the label.
    """
    there = set(labels)
    bases = []
    for label in labels:
        base, hyphen, number = label.rpartition("-")
        counted = _RUNNING_NUMBER.fullmatch(hyphen + number) and f"{base}-0" in there
        bases.append(base if counted else label)
    return bases


def _reference_name(text: str) -> str:
    return electrode_name(text) or re.sub(r"\s", "", text).upper()


def compile_label_format(text: str) -> re.Pattern[str]:
    """Return the pattern of whole labels of a form such as ``"POL {electrode}"``.

    The form must contain ``{electrode}`` once and may contain ``{reference}`` once;
    otherwise ValueError.
    """
    parts = re.split(r"(\{[^{}]*\})", text)
    fields = parts[1::2]
    if (
        any(re.search(r"[{}]", part) for part in parts[::2])
        or not set(fields) <= set(_FORMAT_FIELDS)
        or fields.count("{electrode}") != 1
        or fields.count("{reference}") > 1
    ):
        msg = "expected {electrode} once and {reference} at most once"
        raise ValueError(msg)
    groups = dict(
        zip(_FORMAT_FIELDS, (r"(?P<anode>.+?)", r"(?P<cathode>.+?)"), strict=True)
    )
    return re.compile("".join(groups.get(part, re.escape(part)) for part in parts))


def parse_formatted(label: str, pattern: re.Pattern[str]) -> tuple[str | None, str]:
    """Split a label by `compile_label_format`; other names are left unchanged."""
    match = pattern.fullmatch(label.strip())
    if match is None:
        return None, ""
    anode = match["anode"].strip()
    cathode = match.groupdict().get("cathode") or ""
    return electrode_name(anode) or anode, _reference_name(cathode)


def rename_row(row: str, *, system: str) -> str:
    """Return a row with the names of a system, such as ``"T7-P7"`` for ``"T3-T5"``.

    `row` has names of the 10-20 system; `system` is ``"10-20"`` or ``"10-10"``.
    """
    if system == "10-20":
        return row
    return "-".join(_NEW_NAMES.get(part, part) for part in row.split("-"))
