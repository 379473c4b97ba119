"""Montages, and how each of their rows follows from the channels of a recording.

Invariant: a row is either a channel of the recording or an exact difference of two
with the same reference; whatever cannot be computed exactly is refused. The common
average of ``szcore-19`` is taken afterwards, from such rows.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.channels import (
    AVERAGE,
    ELECTRODES_10_20,
    electrode_name,
    is_scalp,
    parse_label,
    rename_row,
)
from bgb_fixtures.errors import (
    ChannelNotFoundError,
    SourceError,
    SpecError,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MONTAGES",
    "SYSTEMS",
    "Montage",
    "Row",
    "find_montage",
    "montage_rows",
    "proper_rows",
    "resolve_montage",
    "row_electrodes",
    "split_rows",
]

SYSTEMS = ("10-20", "10-10")
"""Names that the rows of a montage can have: T3-T5, or T7-P7."""
_TCP_20 = (
    *("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
    *("T3-C3", "C3-Cz", "Cz-C4", "C4-T4"),
    *("Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2"),
)

_CHAINS = (
    *("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
    *("Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2"),
)
MONTAGES: dict[str, tuple[str, ...]] = {
    "10-20": ELECTRODES_10_20,
    # The 10-20 electrodes against their average.
    "average": tuple(f"{electrode}-{AVERAGE}" for electrode in ELECTRODES_10_20),
    "double-banana": (*_CHAINS, "Fz-Cz", "Cz-Pz"),
    # Without midline, in the order of BIOT (ycq091044/BIOT, datasets/CHB-MIT/config.ini)
    # and of the bipolar channels of LaBraM (utils.py), whose data CBraMod takes.
    "double-banana-16": _CHAINS,
    # The 18 derivations of CHB-MIT in the order of its files, the second T8-P8 and those
    # to FT9 and FT10 left out, as most projects on this database read them.
    "chbmit-18": (
        *("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp1-F3", "F3-C3", "C3-P3", "P3-O1"),
        *("Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
        *("Fz-Cz", "Cz-Pz"),
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
"""Names of the rows of each montage, in the 10-20 system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Montage:
    """The rows that are wanted, and other names that channels of recordings may have.

    Attributes
    ----------
    name : str
        A key of `MONTAGES`, or ``"custom"`` for a list of rows.
    derivations : tuple of str
        Electrodes, derivations such as ``"Fp1-F7"``, or all electrodes against their
        common average; named in the 10-20 system.
    aliases : tuple of tuple of str
        (label, other) pairs: a channel with exactly this label is read as if it had the
        other one.
    system : str
        One of `SYSTEMS`, for the names of channels on output.
    """

    name: str
    derivations: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    system: str = "10-20"

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Names of the channels in array order, in the system that was asked for."""
        return tuple(rename_row(row, system=self.system) for row in self.derivations)

    @property
    def averaged(self) -> bool:
        """Whether the rows are against the common average of all of them."""
        return all(name.endswith(f"-{AVERAGE}") for name in self.derivations)

    @property
    def rows(self) -> tuple[str, ...]:
        """What is read from a recording: electrodes where an average follows."""
        if self.averaged:
            return tuple(name.removesuffix(f"-{AVERAGE}") for name in self.derivations)
        return self.derivations


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The channels of a recording that give one row of a montage.

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


def row_electrodes(ch_name: str) -> tuple[str, ...]:
    """Return the one or two electrodes that a row of a montage is made of."""
    return tuple(part for part in ch_name.split("-") if part != AVERAGE)


def proper_rows(ch_names: Sequence[str]) -> tuple[str, ...]:
    """Return names of channels in the 10-20 system: T3-T5 for T7-P7, in any case.

    A name that is no electrode or derivation stays as it is.
    """
    return tuple(
        "-".join(electrode_name(part) or part for part in name.split("-"))
        for name in ch_names
    )


def find_montage(
    rows: str | Sequence[str],
    *,
    aliases: Sequence[tuple[str, str]] = (),
    system: str = "10-20",
) -> Montage:
    """Return a montage by a name in `MONTAGES`, or of rows in any case and both systems.

    `aliases` are (label, other) pairs; `system` says how channels are named on output.
    SpecError if there is no such montage, or a row is unknown or there twice.
    """
    for label, other in aliases:
        if parse_label(other)[0] is None:
            msg = (
                f"alias of {label!r}: expected a label such as 'Fp1', 'EEG FP1-REF' or "
                f"'FP1-F7', got {other!r}"
            )
            raise SpecError(msg)
    if system not in SYSTEMS:
        msg = f"names: expected one of {', '.join(map(repr, SYSTEMS))}, got {system!r}"
        raise SpecError(msg)
    name = rows if isinstance(rows, str) else "custom"
    if isinstance(rows, str):
        proper = montage_rows(rows)
    else:
        proper = tuple(map(_proper_row, rows))
    for row, written in zip(proper, rows if name == "custom" else proper, strict=True):
        if proper.count(row) > 1:
            msg = f"montage: {written!r} is there twice; expected different rows"
            raise SpecError(msg)
    if not proper:
        msg = "montage: expected a name or a list of at least one row, got []"
        raise SpecError(msg)
    return Montage(name=name, derivations=proper, aliases=tuple(aliases), system=system)


def split_rows(montage: str | Sequence[str]) -> str | list[str]:
    """Return the name of a montage, or the rows that a text separates by commas."""
    if not isinstance(montage, str):
        return list(montage)
    if montage in MONTAGES:
        return montage
    rows = [row.strip() for row in montage.split(",")]
    if len(rows) > 1 or any(map(electrode_name, montage.split("-"))):
        return rows
    return montage


def _proper_row(row: str) -> str:
    """Return a row in the names of the 10-20 system."""
    parts = row.split("-")
    names = [electrode_name(part.strip()) for part in parts]
    if len(parts) > 2 or None in names or len(set(names)) < len(names):
        expected = "expected an electrode such as 'Fp1' or the difference of two"
        msg = f"montage: {expected} such as 'Fp1-F7', got {row!r}"
        unknown = [p for p, name in zip(parts, names, strict=True) if name is None]
        if unknown:
            listed = ", ".join(map(repr, unknown))
            msg += f": no electrode is called {listed}"
            close = difflib.get_close_matches(
                unknown[0].strip().upper(),
                [name.upper() for name in ELECTRODES_10_20],
                n=1,
            )
            if close:
                msg += f"; did you mean {electrode_name(close[0])!r}?"
        raise SpecError(msg)
    return "-".join(map(str, names))


def montage_rows(montage: str) -> tuple[str, ...]:
    """Return the channel names of a montage in array order; SpecError if unknown."""
    try:
        return MONTAGES[montage]
    except KeyError:
        known = ", ".join(map(repr, MONTAGES))
        close = difflib.get_close_matches(montage.lower(), MONTAGES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        msg = f"unknown montage {montage!r}{hint} Montages: {known}"
        raise SpecError(msg) from None


def _shown(labels: Sequence[str]) -> str:
    """Return labels for a message; a broken file can have thousands of anything."""
    shown = (label if label.isprintable() else repr(label) for label in labels)
    return shorten(", ".join(shown))


def resolve_montage(
    labels: Sequence[str],
    montage: Montage | str,
    *,
    where: str,
    what: str = "recording",
) -> tuple[Row, ...]:
    """Find the channels that each row of a montage is computed from."""
    if isinstance(montage, str):
        montage = find_montage(montage)
    ch_names = montage.rows
    referential: dict[str, list[int]] = {}
    references: dict[str, set[str]] = {}
    bipolar: dict[tuple[str, str], list[int]] = {}
    exact: dict[tuple[str, str], list[int]] = {}
    aliases = dict(montage.aliases)
    for index, label in enumerate(labels):
        anode, cathode = parse_label(aliases.get(label, label))
        if anode is None:
            continue
        exact.setdefault((anode, cathode), []).append(index)
        if is_scalp(cathode):
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
            f"{what} {where!r} lacks {', '.join(missing)} for montage "
            f"{montage.name!r}; "
            f"its {len(labels)} channels: {_shown(labels)}."
        )
        if bipolar and any("-" not in name for name in missing):
            msg += (
                " Its channels are bipolar: electrodes against a common reference "
                "cannot be computed from differences (18 pairs have rank 16). "
            )
            msg += (
                "Ask for --montage double-banana."
                if what == "recording"
                else "Adapt a fixture that holds electrodes."
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
            f"{what} {where!r} mixes references ({named}); their differences "
            "are not exact. Use recordings with one reference."
        )
        raise SourceError(msg)
    return tuple(rows)
