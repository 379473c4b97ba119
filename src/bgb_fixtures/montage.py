"""Montages, and how each of their rows follows from the channels of a recording.

Invariant: a row is either a channel of the recording or an exact difference of two
with the same reference; whatever cannot be had exactly is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.errors import ChannelNotFoundError, SourceError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALIASES", "MONTAGES", "Row", "montage_rows", "resolve_montage"]

MONTAGES: dict[str, tuple[str, ...]] = {
    # The order of the first consumer (brain-go-brr-v2, constants.py).
    "10-20": (
        "Fp1",
        "F3",
        "C3",
        "P3",
        "F7",
        "T3",
        "T5",
        "O1",
        "Fz",
        "Cz",
        "Pz",
        "Fp2",
        "F4",
        "C4",
        "P4",
        "F8",
        "T4",
        "T6",
        "O2",
    ),
    "double-banana": (
        "Fp1-F7",
        "F7-T3",
        "T3-T5",
        "T5-O1",
        "Fp2-F8",
        "F8-T4",
        "T4-T6",
        "T6-O2",
        "Fp1-F3",
        "F3-C3",
        "C3-P3",
        "P3-O1",
        "Fp2-F4",
        "F4-C4",
        "C4-P4",
        "P4-O2",
        "Fz-Cz",
        "Cz-Pz",
    ),
}
ALIASES = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
"""New name -> old name, for reading only."""

_ELECTRODES = {name.lower(): name for name in MONTAGES["10-20"]}
_ELECTRODES |= {new.lower(): old for new, old in ALIASES.items()}
# Any electrode of the 10-10 system: T7-FT9 is bipolar, though FT9 is in no montage here,
# while CS2, LE or A1 are references.
_SCALP = re.compile(r"(?:FP|AF|F|FT|FC|T|TP|C|CP|P|PO|O|I)(?:Z|\d{1,2})", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:EEG\s+)?(?P<anode>[A-Z]+\d*Z?)(?:\s*-\s*(?P<cathode>[A-Z]+\d*Z?))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Say which channels of a recording give one row of a montage.

    Attributes
    ----------
    ch_name : str
        Name in the montage.
    plus : tuple of int
        Channel indices that all hold the first term; more than one only if the
        recording repeats a label, and then their samples must be equal.
    minus : tuple of int
        The same for the term to subtract; empty if there is none.
    """

    ch_name: str
    plus: tuple[int, ...]
    minus: tuple[int, ...] = ()


def montage_rows(montage: str) -> tuple[str, ...]:
    """Return the channel names of a montage.

    Parameters
    ----------
    montage : str
        A key of `MONTAGES`.

    Returns
    -------
    ch_names : tuple of str
        Names in array order.

    Raises
    ------
    SpecError
        If there is no such montage.
    """
    try:
        return MONTAGES[montage]
    except KeyError:
        known = " and ".join(repr(name) for name in MONTAGES)
        msg = f"unknown montage {montage!r}; montages: {known}"
        raise SpecError(msg) from None


def _parse_label(label: str) -> tuple[str | None, str]:
    """Split 'EEG FP1-REF' into ('Fp1', 'REF') and 'T8-P8' into ('T4', 'T6')."""
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        return None, ""
    cathode = match["cathode"] or ""
    return (
        _ELECTRODES.get(match["anode"].lower()),
        _ELECTRODES.get(cathode.lower(), cathode.upper()),
    )


def resolve_montage(
    labels: Sequence[str], montage: str, *, where: str
) -> tuple[Row, ...]:
    """Find the channels that each row of a montage is computed from.

    Parameters
    ----------
    labels : sequence of str
        Channel labels as the recording writes them.
    montage : str
        A key of `MONTAGES`.
    where : str
        The recording, for messages.

    Returns
    -------
    rows : tuple of Row
        One per row of the montage, in its order.

    Raises
    ------
    ChannelNotFoundError
        If the recording cannot give every row exactly.
    SourceError
        If the electrodes are measured against different references.
    SpecError
        If there is no such montage.
    """
    ch_names = montage_rows(montage)
    referential: dict[str, list[int]] = {}
    references: dict[str, set[str]] = {}
    bipolar: dict[tuple[str, str], list[int]] = {}
    for index, label in enumerate(labels):
        anode, cathode = _parse_label(label)
        if anode is None:
            continue
        if _SCALP.fullmatch(cathode):
            bipolar.setdefault((anode, cathode), []).append(index)
        else:
            referential.setdefault(anode, []).append(index)
            references.setdefault(anode, set()).add(cathode)
    rows, missing = [], []
    for ch_name in ch_names:
        anode, _, cathode = ch_name.partition("-")
        if not cathode:
            if anode in referential:
                rows.append(Row(ch_name=ch_name, plus=tuple(referential[anode])))
            else:
                missing.append(ch_name)
        elif (anode, cathode) in bipolar:
            rows.append(Row(ch_name=ch_name, plus=tuple(bipolar[anode, cathode])))
        elif anode in referential and cathode in referential:
            rows.append(
                Row(
                    ch_name=ch_name,
                    plus=tuple(referential[anode]),
                    minus=tuple(referential[cathode]),
                )
            )
        else:
            missing.append(ch_name)
    if missing:
        msg = (
            f"recording {where!r} lacks {', '.join(missing)} for montage {montage!r}; "
            f"its {len(labels)} channels: {', '.join(labels)}."
        )
        if bipolar and any("-" not in name for name in missing):
            msg += (
                " Its channels are bipolar: electrodes against a common reference "
                "cannot be computed from differences (18 pairs have rank 16). "
                "Ask for --montage double-banana."
            )
        raise ChannelNotFoundError(msg)
    used = {
        reference
        for row in rows
        for part in row.ch_name.split("-")
        if row.minus or "-" not in row.ch_name
        for reference in references[part]
    }
    if len(used) > 1:
        named = ", ".join(repr(name) if name else "none" for name in sorted(used))
        msg = (
            f"recording {where!r} mixes references ({named}); their differences "
            "are not exact. Use recordings with one reference."
        )
        raise SourceError(msg)
    return tuple(rows)
