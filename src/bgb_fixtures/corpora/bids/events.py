"""Events in a table separated by tabs, as SzCORE and BIDS-EEG have them.

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
"""Background, and checks of impedances (SeizeIT2, whose events.json says so)."""
# 'sz_gen_m' is any generalised motor seizure, which only on the way out stands for mysz.
_TUSZ_CODES = {s: code for code, s in SZCORE_CODES.items() if code != "mysz"}
_MOST_PARTS = max(szcore.count("_") + 1 for szcore in _TUSZ_CODES)


def szcore_label(label: str) -> str | None:
    """Return the TUSZ code of an eventType if it is a seizure."""
    if label in SZCORE_CODES:
        return label
    if label in _NOT_SEIZURES:
        return None
    # The list of SzCORE itself has 'sz_gen:' for 'sz_gen'.
    # Further parts say more than any type of TUSZ does; there may be a million.
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
    """Read a table of events; BIDS has tabs, and no quotes."""
    return read_table(path, rules, separators=("\t",), quotes=False).annotations()
