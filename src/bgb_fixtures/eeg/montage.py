"""Montages, and how each of their rows follows from the channels of a recording.

Invariant: a row is either a channel of the recording or an exact difference of two
with the same reference; whatever cannot be had exactly is refused. The common average
of ``szcore-19`` is taken afterwards, from such rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.errors import (
    ChannelNotFoundError,
    SourceError,
    SpecError,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ALIASES",
    "AVERAGE",
    "MONTAGES",
    "Montage",
    "Row",
    "electrode_name",
    "find_montage",
    "montage_rows",
    "resolve_montage",
    "row_electrodes",
]

_TCP_20 = (
    "Fp1-F7",
    "F7-T3",
    "T3-T5",
    "T5-O1",
    "Fp2-F8",
    "F8-T4",
    "T4-T6",
    "T6-O2",
    "T3-C3",
    "C3-Cz",
    "Cz-C4",
    "C4-T4",
    "Fp1-F3",
    "F3-C3",
    "C3-P3",
    "P3-O1",
    "Fp2-F4",
    "F4-C4",
    "C4-P4",
    "P4-O2",
)
AVERAGE = "Avg"
"""The second term of a row against the common average of all electrodes."""

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
    # What a SzCORE detector is given (https://epilepsybenchmarks.com/contribute); O1 and
    # O2 sit elsewhere than in 10-20.
    "szcore-19": tuple(
        f"{electrode}-{AVERAGE}"
        for electrode in (
            *("Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz"),
            *("Fp2", "F4", "C4", "P4", "O2", "F8", "T4", "T6"),
        )
    ),
    # The transverse central parasagittal montage of TUSZ annotations, in its order;
    # tcp-20 is the part without ears.
    "tcp-20": _TCP_20,
    "tcp-22": (*_TCP_20[:8], "A1-T3", *_TCP_20[8:12], "T4-A2", *_TCP_20[12:]),
}
ALIASES = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
"""New name -> old name, for reading only."""

_ELECTRODES = {name.lower(): name for name in (*MONTAGES["10-20"], "A1", "A2")}
_ELECTRODES |= {new.lower(): old for new, old in ALIASES.items()}
# Any electrode of the 10-10 system: T7-FT9 is bipolar, though FT9 is in no montage here,
# while CS2, LE or A1 are references.
_SCALP = re.compile(r"(?:FP|AF|F|FT|FC|T|TP|C|CP|P|PO|O|I)(?:Z|\d{1,2})", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:EEG\s+)?(?P<anode>[A-Z]+\d*Z?)(?:\s*-\s*(?P<cathode>[A-Z]+\d*Z?))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Montage:
    """Say which rows are wanted, and how recordings may call their channels.

    Attributes
    ----------
    name : str
        A key of `MONTAGES`, or ``"custom"`` for a list of rows.
    ch_names : tuple of str
        Names in array order: electrodes, derivations such as ``"Fp1-F7"``, or all
        electrodes against their common average.
    aliases : tuple of tuple of str
        (label, other) pairs: a channel with exactly this label is read as if it had the
        other one.
    """

    name: str
    ch_names: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def averaged(self) -> bool:
        """Whether the rows are against the common average of all of them."""
        return all(name.endswith(f"-{AVERAGE}") for name in self.ch_names)

    @property
    def rows(self) -> tuple[str, ...]:
        """What is read from a recording: electrodes where an average follows."""
        if self.averaged:
            return tuple(name.removesuffix(f"-{AVERAGE}") for name in self.ch_names)
        return self.ch_names


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


def electrode_name(text: str) -> str | None:
    """Return how this package calls an electrode.

    Parameters
    ----------
    text : str
        A name of the 10-20 or 10-10 system, or A1 or A2, in any case; T7, T8, P7 and P8
        are T3, T4, T5 and T6.

    Returns
    -------
    name : str or None
        For example ``"Fp1"`` for ``"FP1"``; None if it is no electrode.
    """
    known = _ELECTRODES.get(text.lower())
    if known is not None or not _SCALP.fullmatch(text):
        return known
    return text.upper().replace("FP", "Fp").replace("Z", "z")


def row_electrodes(ch_name: str) -> tuple[str, ...]:
    """Return the electrodes that a row of a montage is made of.

    Parameters
    ----------
    ch_name : str
        An electrode or a derivation, or an electrode against the average.

    Returns
    -------
    electrodes : tuple of str
        One, or two.
    """
    return tuple(part for part in ch_name.split("-") if part != AVERAGE)


def find_montage(
    rows: str | Sequence[str], *, aliases: Sequence[tuple[str, str]] = ()
) -> Montage:
    """Make a montage of a name or of a list of rows.

    Parameters
    ----------
    rows : str or sequence of str
        A key of `MONTAGES`, or electrodes and derivations by name.
    aliases : sequence of tuple of str
        (label, other) pairs, as in `Montage`.

    Returns
    -------
    montage : Montage
        The checked montage.

    Raises
    ------
    SpecError
        If there is no such montage, or a row is no electrode or derivation, or is
        there twice.
    """
    for label, other in aliases:
        if _parse_label(other)[0] is None:
            msg = (
                f"alias of {label!r}: expected a label such as 'Fp1', 'EEG FP1-REF' or "
                f"'FP1-F7', got {other!r}"
            )
            raise SpecError(msg)
    if isinstance(rows, str):
        return Montage(name=rows, ch_names=montage_rows(rows), aliases=tuple(aliases))
    for row in rows:
        _check_row(row)
        if list(rows).count(row) > 1:
            msg = f"montage: {row!r} is there twice; expected different rows"
            raise SpecError(msg)
    if not rows:
        msg = "montage: expected a name or a list of at least one row, got []"
        raise SpecError(msg)
    return Montage(name="custom", ch_names=tuple(rows), aliases=tuple(aliases))


def _check_row(row: str) -> None:
    parts = row.split("-")
    names = [electrode_name(part) for part in parts]
    if len(parts) > 2 or None in names or len(set(names)) < len(names):
        expected = "expected an electrode such as 'Fp1' or the difference of two"
        msg = f"montage: {expected} such as 'Fp1-F7', got {row!r}"
        unknown = [p for p, name in zip(parts, names, strict=True) if name is None]
        if len(parts) == 2 and unknown:
            listed = ", ".join(map(repr, unknown))
            msg += f": no electrode is called {listed}"
        raise SpecError(msg)
    proper = "-".join(map(str, names))
    if proper != row:
        msg = f"montage: write {proper!r} for {row!r}, as the file will name it"
        raise SpecError(msg)


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
        known = ", ".join(map(repr, MONTAGES))
        msg = f"unknown montage {montage!r}; montages: {known}"
        raise SpecError(msg) from None


def _parse_label(label: str) -> tuple[str | None, str]:
    """Split 'EEG FP1-REF' into ('Fp1', 'REF') and 'T8-P8' into ('T4', 'T6')."""
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        return None, ""
    cathode = match["cathode"] or ""
    return electrode_name(match["anode"]), electrode_name(cathode) or cathode.upper()


def _shown(labels: Sequence[str]) -> str:
    """Return labels for a message; a broken file can have thousands of anything."""
    shown = (label if label.isprintable() else repr(label) for label in labels)
    return shorten(", ".join(shown))


def resolve_montage(
    labels: Sequence[str], montage: Montage | str, *, where: str
) -> tuple[Row, ...]:
    """Find the channels that each row of a montage is computed from.

    Parameters
    ----------
    labels : sequence of str
        Channel labels as the recording writes them.
    montage : Montage or str
        What is wanted, or a key of `MONTAGES`.
    where : str
        The recording, for messages.

    Returns
    -------
    rows : tuple of Row
        One per row of the montage, in its order; against the reference of the recording
        where the montage is averaged.

    Raises
    ------
    ChannelNotFoundError
        If the recording cannot give every row exactly.
    SourceError
        If the electrodes are measured against different references.
    SpecError
        If there is no such montage.
    """
    if isinstance(montage, str):
        montage = find_montage(montage)
    ch_names = montage.rows
    referential: dict[str, list[int]] = {}
    references: dict[str, set[str]] = {}
    bipolar: dict[tuple[str, str], list[int]] = {}
    exact: dict[tuple[str, str], list[int]] = {}
    aliases = dict(montage.aliases)
    for index, label in enumerate(labels):
        anode, cathode = _parse_label(aliases.get(label, label))
        if anode is None:
            continue
        exact.setdefault((anode, cathode), []).append(index)
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
        elif (anode, cathode) in exact:
            # A pair of scalp electrodes, or one against an ear (T4-A2 of tcp-22).
            rows.append(Row(ch_name=ch_name, plus=tuple(exact[anode, cathode])))
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
            f"recording {where!r} lacks {', '.join(missing)} for montage "
            f"{montage.name!r}; "
            f"its {len(labels)} channels: {_shown(labels)}."
        )
        if bipolar and any("-" not in name for name in missing):
            msg += (
                " Its channels are bipolar: electrodes against a common reference "
                "cannot be computed from differences (18 pairs have rank 16). "
                "Ask for --montage double-banana."
            )
        raise ChannelNotFoundError(msg, missing=tuple(missing))
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
