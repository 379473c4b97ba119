"""Tab-separated tables of events, as in SzCORE and BIDS-EEG.

References
----------
SzCORE, https://epilepsybenchmarks.com/contribute; Brain Imaging Data Structure, task
events, https://bids-specification.readthedocs.io.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.corpora.table import read_table
from bgb_fixtures.eeg.events import SZCORE_CODES
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures.eeg.annotations import Annotations
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["parse_events_tsv", "szcore_label"]

_NOT_SEIZURES = ("bckg", "impd")
"""Background, and impedance checks (according to the events.json of SeizeIT2)."""
# 'sz_gen_m' is any generalised motor seizure; it stands for mysz only when writing.
_TUSZ_CODES = {s: code for code, s in SZCORE_CODES.items() if code != "mysz"}
_MOST_PARTS = max(szcore.count("_") + 1 for szcore in _TUSZ_CODES)


def szcore_label(label: str) -> str | None:
    """Return the TUSZ code of an eventType; None if it is not a seizure."""
    if label in SZCORE_CODES:
        return label
    if label in _NOT_SEIZURES:
        return None
    # The list of SzCORE itself has 'sz_gen:' for 'sz_gen'. Parts beyond the most
    # detailed TUSZ type are ignored; the split is bounded because a label can be very
    # long.
    parts = label.removesuffix(":").split("_", _MOST_PARTS)[:_MOST_PARTS]
    if parts[0] == "sz":
        while "_".join(parts) not in _TUSZ_CODES:
            parts.pop()
        return _TUSZ_CODES["_".join(parts)]
    msg = (
        f"unknown eventType {label!r}: expected 'bckg', a seizure ('sz', 'sz_foc', "
        "...), or a TUSZ code"
    )
    raise ValueError(msg)


def parse_events_tsv(path: Path, rules: AnnotationRules = NO_RULES) -> Annotations:
    """Read a table of events; BIDS uses tabs and no quotes."""
    return read_table(path, rules, separators=("\t",), quotes=False).annotations()
