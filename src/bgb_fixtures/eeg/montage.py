"""Montages, and how to compute their rows from the channels of a recording.

Invariant: a row is either a channel of the recording or an exact difference of two
channels with the same reference; anything else is rejected. The common average of
``szcore-19`` is subtracted afterwards, from such rows.

The reference cancels in a difference, so it may be anything that the electrodes share:
``REF``, linked ears, or an electrode on the scalp.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.channels import (
    AVERAGE,
    ELECTRODES_10_20,
    compile_label_format,
    electrode_name,
    is_scalp,
    parse_formatted,
    parse_label,
    rename_row,
    without_numbers,
)
from bgb_fixtures.errors import (
    ChannelNotFoundError,
    Key,
    SourceError,
    SpecError,
    shorten,
    suggest,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = [
    "MONTAGES",
    "SYSTEMS",
    "Montage",
    "Row",
    "find_montage",
    "has_own_labels",
    "montage_rows",
    "proper_rows",
    "resolve_montage",
    "row_electrodes",
    "split_rows",
]

_NEAR = 0.8
"""Similarity from which a text counts as a mistyped name of a montage."""
_MONTAGE_NAME = re.compile(r"[a-z0-9-]*")
_OWN_LABEL = re.compile(r"(?! )[ -~]{1,64}(?<! )")
SYSTEMS = ("10-20", "10-10")
"""Naming systems of the rows of a montage: T3-T5, or T7-P7."""
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
    # and of the bipolar channels of LaBraM (utils.py), whose data CBraMod uses.
    "double-banana-16": _CHAINS,
    # The 18 derivations of CHB-MIT that most projects on this database use, in the
    # order of its files, without the second T8-P8 and those with FT9 and FT10.
    "chbmit-18": (
        *("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp1-F3", "F3-C3", "C3-P3", "P3-O1"),
        *("Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
        *("Fz-Cz", "Cz-Pz"),
    ),
    # The input of a SzCORE detector (https://epilepsybenchmarks.com/contribute); O1 and
    # O2 have other positions than in 10-20.
    "szcore-19": tuple(
        f"{electrode}-{AVERAGE}"
        for electrode in (
            *("Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz"),
            *("Fp2", "F4", "C4", "P4", "O2", "F8", "T4", "T6"),
        )
    ),
    # The transverse central parasagittal montage of TUSZ annotations, in its order;
    # tcp-20 is the same without the ear electrodes.
    "tcp-20": _TCP_20,
    "tcp-22": (*_TCP_20[:8], "A1-T3", *_TCP_20[8:12], "T4-A2", *_TCP_20[12:]),
}
"""Names of the rows of each montage, in the 10-20 system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Montage:
    """The requested rows, and how to read the channel labels of recordings.

    Attributes
    ----------
    name : str
        A key of `MONTAGES`, or ``"custom"`` for a list of rows.
    derivations : tuple of str
        Electrodes, derivations such as ``"Fp1-F7"``, or all electrodes against their
        common average, named in the 10-20 system; or labels of channels that are not
        such electrodes.
    aliases : tuple of tuple of str
        (label, other) pairs: a channel with exactly this label is read as if it had the
        other label.
    label_format : str or None
        Form of the labels, such as ``"POL {electrode}"``; None: the usual forms.
    reference : str or None
        The electrode that all others are recorded against, itself a row of zeros.
    system : str
        One of `SYSTEMS`, for the names of channels on output.
    """

    name: str
    derivations: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    label_format: str | None = None
    reference: str | None = None
    system: str = "10-20"

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Names of the channels in array order, in the requested naming system."""
        return tuple(rename_row(row, system=self.system) for row in self.derivations)

    @property
    def averaged(self) -> bool:
        """Whether the rows are referenced to their common average."""
        return all(name.endswith(f"-{AVERAGE}") for name in self.derivations)

    @property
    def rows(self) -> tuple[str, ...]:
        """Rows to read from a recording: electrodes if an average is subtracted."""
        if self.averaged:
            return tuple(name.removesuffix(f"-{AVERAGE}") for name in self.derivations)
        return self.derivations

    @property
    def own_labels(self) -> tuple[str, ...]:
        """Rows that are channel labels rather than electrodes."""
        return tuple(row for row in self.derivations if _is_own_label(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The channels of a recording from which one row of a montage is computed.

    Attributes
    ----------
    ch_name : str
        Name in the montage.
    plus : tuple of int
        Channel indices that all hold the first term; more than one only if the
        recording repeats a label, and then their samples must be equal. Empty for the
        reference electrode, which is zero.
    minus : tuple of int
        The same for the term to subtract; empty if there is none.
    reference : str
        Reference of the channels; empty if no label names it.
    """

    ch_name: str
    plus: tuple[int, ...]
    minus: tuple[int, ...] = ()
    reference: str = ""


def row_electrodes(ch_name: str) -> tuple[str, ...]:
    """Return the one or two electrodes in a row of a montage."""
    return tuple(part for part in ch_name.split("-") if part != AVERAGE)


def proper_rows(ch_names: Sequence[str]) -> tuple[str, ...]:
    """Return channel names in the 10-20 system, such as T3-T5 for t7-p7.

    A name that is neither an electrode nor a derivation is returned unchanged.
    """
    return tuple(
        "-".join(electrode_name(part) or part for part in name.split("-"))
        for name in ch_names
    )


def find_montage(
    rows: str | Sequence[str],
    *,
    aliases: Sequence[tuple[str, str]] = (),
    label_format: str | None = None,
    reference: str | None = None,
    system: str = "10-20",
    own_labels: bool = False,
) -> Montage:
    """Return a montage by its name in `MONTAGES`, or from rows in any case or system.

    `aliases` are (label, other) pairs; `system` determines the channel names on output;
    with `own_labels`, a row may be the label of a channel that is not an electrode.
    SpecError if the montage or a row is unknown, or a row is repeated.
    """
    for label, other in aliases:
        if parse_label(other)[0] is None:
            msg = (
                f": expected a label such as 'Fp1', 'EEG FP1-REF' or 'FP1-F7' for "
                f"{label!r}, got {other!r}"
            )
            raise SpecError(Key("aliases"), msg)
    if label_format is not None:
        try:
            compile_label_format(label_format)
        except ValueError as error:
            msg = (
                f": {error}, such as 'POL {{electrode}}' or "
                f"'{{electrode}}:{{reference}}'; got {label_format!r}"
            )
            raise SpecError(Key("label_format"), msg) from None
    if reference is not None:
        electrode = electrode_name(reference)
        if electrode is None:
            msg = (
                ": expected the electrode that all others are recorded against, such as "
                f"'Cz', got {reference!r}. Drop the option if the reference is not an "
                "electrode"
            )
            raise SpecError(Key("reference"), msg)
        reference = electrode
    if system not in SYSTEMS:
        msg = f": expected one of {', '.join(map(repr, SYSTEMS))}, got {system!r}"
        raise SpecError(Key("names"), msg)
    name = rows if isinstance(rows, str) else "custom"
    if isinstance(rows, str):
        proper = montage_rows(rows)
    else:
        proper = tuple(_proper_row(row, own_labels=own_labels) for row in rows)
    for row, written in zip(proper, rows if name == "custom" else proper, strict=True):
        if proper.count(row) > 1:
            msg = f": {written!r} is listed twice; expected different rows"
            raise SpecError(Key("montage"), msg)
    if not proper:
        msg = ": expected a name or a list of at least one row, got []"
        raise SpecError(Key("montage"), msg)
    return Montage(
        name=name,
        derivations=proper,
        aliases=tuple(aliases),
        label_format=label_format,
        reference=reference,
        system=system,
    )


def split_rows(montage: str | Sequence[str]) -> str | list[str]:
    """Return the name of a montage, or the rows in a comma-separated text.

    A single row is distinguished from a mistyped name by an electrode in it, or by a
    capital letter or another character that names of montages do not have.
    """
    if not isinstance(montage, str):
        return list(montage)
    # So that 'Double_Banana' is not read as a channel label.
    near = montage.lower().replace("_", "-")
    if difflib.get_close_matches(near, MONTAGES, n=1, cutoff=_NEAR):
        return montage
    rows = [row.strip() for row in montage.split(",")]
    if (
        len(rows) > 1
        or any(map(electrode_name, montage.split("-")))
        or not _MONTAGE_NAME.fullmatch(montage)
    ):
        return [row for row in rows if row]
    return montage


def _is_own_label(row: str) -> bool:
    """Say whether a row must be a channel label, because no part is an electrode."""
    parts = [part.strip() for part in row.split("-")]
    return not any(electrode_name(part) or part == AVERAGE for part in parts)


def _proper_row(row: str, *, own_labels: bool) -> str:
    """Return a row with names of the 10-20 system."""
    if own_labels and _OWN_LABEL.fullmatch(row) and _is_own_label(row):
        return row
    parts = row.split("-")
    names = [electrode_name(part.strip()) for part in parts]
    if len(parts) > 2 or None in names or len(set(names)) < len(names):
        expected = "expected an electrode such as 'Fp1' or the difference of two"
        msg = f": {expected} such as 'Fp1-F7', got {row!r}"
        unknown = [p for p, name in zip(parts, names, strict=True) if name is None]
        if unknown:
            listed = ", ".join(map(repr, unknown))
            msg += f": unknown electrode {listed}"
            close = difflib.get_close_matches(
                unknown[0].strip().upper(),
                [name.upper() for name in ELECTRODES_10_20],
                n=1,
            )
            if close:
                msg += f"; did you mean {electrode_name(close[0])!r}?"
        raise SpecError(Key("montage"), msg)
    return "-".join(map(str, names))


def montage_rows(montage: str) -> tuple[str, ...]:
    """Return the channel names of a montage in array order; SpecError if unknown."""
    try:
        return MONTAGES[montage]
    except KeyError:
        known = ", ".join(map(repr, MONTAGES))
        hint = suggest(montage.lower(), MONTAGES)
        msg = f": unknown montage {montage!r}{hint} Montages: {known}"
        raise SpecError(Key("montage"), msg) from None


def _shown(labels: Sequence[str]) -> str:
    """Return labels for a message, shortened: a broken file can have thousands."""
    shown = (label if label.isprintable() else repr(label) for label in labels)
    return shorten(", ".join(shown))


@dataclass(frozen=True, slots=True)
class _Found:
    """A row, and all references of its channels."""

    row: Row
    references: frozenset[str]


class _Channels:
    """The channels of a recording, indexed by their parsed labels.

    `exact` maps each pair of electrode and reference to its channels; `by_electrode`
    maps an electrode to its referential channels, by reference; `own` maps a whole
    label to its channels; `common` is the scalp electrode that all channels are
    referenced to, if any.
    """

    def __init__(self, labels: Sequence[str], montage: Montage) -> None:
        aliases = dict(montage.aliases)
        form = montage.label_format
        pattern = None if form is None else compile_label_format(form)
        parsed = [
            parse_label(aliases.get(label, base))
            if label in aliases or pattern is None
            else parse_formatted(base, pattern)
            for label, base in zip(labels, without_numbers(labels), strict=True)
        ]
        self.labels = labels
        self.unread = [
            label
            for label, (anode, _) in zip(labels, parsed, strict=True)
            if anode is None
        ]
        self.reference = montage.reference
        self.common = _common_electrode(parsed)
        self.bipolar = False
        self.exact: dict[tuple[str, str], list[int]] = {}
        self.by_electrode: dict[str, dict[str, list[int]]] = {}
        self.own: dict[str, list[int]] = {}
        for index, (anode, cathode) in enumerate(parsed):
            self.own.setdefault(labels[index], []).append(index)
            if anode is None:
                continue
            self.exact.setdefault((anode, cathode), []).append(index)
            if is_scalp(cathode) and cathode != self.common:
                self.bipolar = True
            else:
                of_electrode = self.by_electrode.setdefault(anode, {})
                of_electrode.setdefault(cathode, []).append(index)

    def references(self, electrode: str) -> frozenset[str]:
        """Return the references of an electrode's channels; empty if it has none."""
        given = self.reference
        if electrode == given and electrode not in self.by_electrode:
            return frozenset([electrode])
        # The requested reference applies to labels that do not name an electrode.
        return frozenset(
            given if given is not None and name in ("", "REF") else name
            for name in self.by_electrode.get(electrode, ())
        )

    def find(self, ch_name: str) -> _Found | None:
        """Return the channels of a row; None if there are none."""
        anode, _, cathode = ch_name.partition("-")
        if ch_name in self.by_electrode:
            anode, cathode = ch_name, ""
        elif (anode, cathode) in self.exact and cathode:
            # A pair of scalp electrodes, or a scalp electrode against an ear (T4-A2).
            plus = tuple(self.exact[anode, cathode])
            row = Row(ch_name=ch_name, plus=plus, reference=cathode)
            return _Found(row, frozenset([cathode]))
        of_terms = [self.references(part) for part in (anode, cathode) if part]
        if not all(of_terms):
            return self._find_own(ch_name)
        references = frozenset().union(*of_terms)
        row = Row(
            ch_name=ch_name,
            plus=self._term(anode),
            minus=self._term(cathode),
            reference=min(references),
        )
        return _Found(row, references)

    def _term(self, electrode: str) -> tuple[int, ...]:
        """Return the channels of an electrode; none for the reference, which is zero."""
        of_electrode = self.by_electrode.get(electrode, {})
        return tuple(sorted(i for found in of_electrode.values() for i in found))

    def _find_own(self, ch_name: str) -> _Found | None:
        """Return a channel by its whole label, or a difference of two such channels."""
        if not _is_own_label(ch_name):
            return None
        if ch_name in self.own:
            return _Found(
                Row(ch_name=ch_name, plus=tuple(self.own[ch_name])), frozenset()
            )
        for match in re.finditer("-", ch_name):
            first = self.own.get(ch_name[: match.start()].strip())
            second = self.own.get(ch_name[match.end() :].strip())
            if first and second:
                row = Row(ch_name=ch_name, plus=tuple(first), minus=tuple(second))
                return _Found(row, frozenset())
        return None

    def exact_pairs(self) -> list[str]:
        """Return the usual derivations that are exact despite mixed references."""
        names = dict.fromkeys((*MONTAGES["double-banana"], *MONTAGES["tcp-22"]))
        found = {name: self.find(name) for name in names}
        return [name for name, one in found.items() if one and len(one.references) == 1]


def _common_electrode(parsed: Sequence[tuple[str | None, str]]) -> str | None:
    """Return the scalp electrode that all others are referenced to, such as CPz."""
    pairs = [(a, c) for a, c in parsed if a is not None and is_scalp(a)]
    common = {cathode for _, cathode in pairs if is_scalp(cathode)}
    if len(common) != 1:
        return None
    electrode = common.pop()
    against = {(a, c) for a, c in pairs if a != electrode}
    # A single pair is a derivation.
    alike = len(against) > 1 and all(c == electrode for _, c in against)
    return electrode if alike else None


def resolve_montage(
    labels: Sequence[str],
    montage: Montage | str,
    *,
    where: str,
    what: str = "recording",
) -> tuple[Row, ...]:
    """Find the channels that each row of a montage is computed from.

    ChannelNotFoundError if a row has none, SourceError if a difference or the
    electrodes of a montage would mix references.
    """
    if isinstance(montage, str):
        montage = find_montage(montage)
    channels = _Channels(labels, montage)
    found = {ch_name: channels.find(ch_name) for ch_name in montage.rows}
    missing = tuple(name for name, one in found.items() if one is None)
    if missing:
        answer = _answer_missing(channels, montage, missing, what=what)
        electrodes = {part for row in missing for part in row_electrodes(row)}
        msg = (
            f"{what} {where!r} lacks {', '.join(missing)} for montage "
            f"{montage.name!r}; its {len(labels)} channels: {_shown(labels)}.{answer}"
        )
        # The reference electrode is zero, so nothing has to be interpolated.
        lacking = () if channels.common in electrodes else missing
        raise ChannelNotFoundError(msg, missing=lacking, answered=bool(answer))
    rows = [one for one in found.values() if one is not None]
    _check_references(channels, rows, where=f"{what} {where!r}")
    return tuple(one.row for one in rows)


def has_own_labels(ch_names: Sequence[str]) -> bool:
    """Say whether channels of a fixture are named by labels, not by electrodes."""
    rows = Montage(name="", derivations=proper_rows(ch_names))
    return bool(rows.own_labels)


def _check_references(
    channels: _Channels, rows: Sequence[_Found], *, where: str
) -> None:
    given = channels.reference
    if given is not None:
        _check_given_reference(channels, rows, given, where=where)
    # Single electrodes are compared with each other by an average or a model, so all
    # need the same reference. For a difference, its two terms must share a reference.
    mixed = {
        reference
        for one in rows
        if len(one.references) > 1
        for reference in one.references
    }
    alone = {r for one in rows if "-" not in one.row.ch_name for r in one.references}
    if mixed or len(alone) > 1:
        names = sorted(mixed | alone)
        named = ", ".join(repr(name) if name else "none" for name in names)
        pairs = ", ".join(channels.exact_pairs())
        advice = (
            f"These derivations are exact; request them with --montage: {pairs}"
            if pairs
            else "Use recordings with one reference"
        )
        msg = (
            f"{where} mixes references ({named}); differences between them are not "
            f"exact. {advice}."
        )
        raise SourceError(msg)


def _check_given_reference(
    channels: _Channels, rows: Sequence[_Found], given: str, *, where: str
) -> None:
    """Check that a requested reference agrees with the labels and is not a channel."""
    electrodes = {part for one in rows for part in one.row.ch_name.split("-")}
    named = {name for part in electrodes for name in channels.references(part)}
    if given in channels.by_electrode:
        problem = (
            f"it has a channel for {given}, which would be zero if {given} were the "
            "reference"
        )
    elif named - {given}:
        others = ", ".join(map(repr, sorted(named - {given})))
        problem = f"its labels name the reference {others}"
    elif not any(one.row.plus or one.row.minus for one in rows):
        problem = "every requested row would be zero"
    else:
        return
    msg = f"{where}: {problem}; drop --reference {given}"
    raise SourceError(msg)


def _answer_missing(
    channels: _Channels, montage: Montage, missing: Sequence[str], *, what: str
) -> str:
    """Suggest an option that provides the missing rows; empty if none is certain to."""
    electrodes = {part for row in missing for part in row_electrodes(row)}
    if channels.common in electrodes:
        return (
            f" They are recorded against {channels.common}: pass --reference "
            f"{channels.common} to take it as a row of zeros."
        )
    if what == "recording":
        answer = _suggest_names(channels, electrodes)
        if answer:
            return answer
    if channels.bipolar and any("-" not in name for name in missing):
        return (
            " Its channels are bipolar: electrodes against a common reference cannot be "
            "computed from differences (18 pairs have rank 16). "
        ) + (
            "Pass --montage double-banana."
            if what == "recording"
            else "Take a montage of its pairs, or a fixture that holds electrodes."
        )
    none_found = len(missing) == len(montage.rows) > 1
    if what == "recording" and none_found and channels.unread:
        return (
            " If these channels include them under other names, pass --label-format, "
            "such as 'POL {electrode}', or --alias LABEL=OTHER."
        )
    return ""


def _suggest_names(channels: _Channels, electrodes: Collection[str]) -> str:
    """Suggest a label format if labels contain the names of missing electrodes."""
    forms: dict[str, list[tuple[str, str]]] = {}
    for label in channels.unread:
        for electrode in sorted(electrodes):
            names = {electrode, rename_row(electrode, system="10-10")}
            word = "|".join(map(re.escape, sorted(names)))
            parts = re.split(rf"(?i)(?<![a-z0-9])(?:{word})(?![a-z0-9])", label)
            if len(parts) == 2 and not re.search("[{}]", label):
                form = "{electrode}".join(parts)
                forms.setdefault(form, []).append((label, electrode))
    if not forms:
        return ""
    form, pairs = max(forms.items(), key=lambda item: len(item[1]))
    if len(pairs) > 1:
        return f" Describe its labels: --label-format {shorten(form)!r}."
    ((label, electrode),) = pairs
    return (
        f" If {shorten(label)!r} is {electrode}, pass --alias "
        f"{shorten(label + '=' + electrode)!r}."
    )
