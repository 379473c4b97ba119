"""Write the annotation files of a TUSZ recording, with and without types.

These are `.csv` and `.csv_bi` in version 2, and `.tse`, `.tse_bi`, `.lbl` and `.lbl_bi`
in version 1.5.

Invariant: all files of a recording (per channel or per recording, with or without
types) agree; a time has four decimals, as in the corpus, or more if needed to read back
the same number.

References
----------
Shah et al. (2018), The Temple University Hospital Seizure Detection Corpus, Frontiers in
Neuroinformatics 12:83, https://doi.org/10.3389/fninf.2018.00083.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["TCP_PAIRS", "write_annotations", "write_annotations_1_5"]

# The temporal central parasagittal montage, in the order of the corpus.
TCP_PAIRS = (
    "FP1-F7", "F7-T3", "T3-T5", "T5-O1", "FP2-F8", "F8-T4", "T4-T6", "T6-O2", "A1-T3",
    "T3-C3", "C3-CZ", "CZ-C4", "C4-T4", "T4-A2", "FP1-F3", "F3-C3", "C3-P3", "P3-O1",
    "FP2-F4", "F4-C4", "C4-P4", "P4-O2",
)  # fmt: skip
"""Channels of `.csv` files; recordings without A1 and A2 lack the two ear channels."""


def write_annotations(
    edf: Path,
    *,
    duration: float,
    channels: Mapping[str, Sequence[tuple[float, float, str]]],
    seizures: Sequence[tuple[float, float]],
) -> None:
    """Write the `.csv` and the `.csv_bi` file of a recording."""
    head = (
        "# version = csv_v1.0.0\n"
        f"# bname = {edf.stem}\n"
        f"# duration = {duration:.2f} secs\n"
        "# montage_file = $NEDC_NFC/lib/nedc_eas_default_montage.txt\n"
        "#\n"
        "channel,start_time,stop_time,label,confidence\n"
    )
    typed = [
        (channel, *row)
        for channel, parts in channels.items()
        for row in _with_background(parts, duration=duration)
    ]
    binary = [("TERM", start, stop, "seiz") for start, stop in seizures]
    for suffix, rows in (
        (".csv", typed),
        (".csv_bi", binary or [("TERM", 0.0, duration, "bckg")]),
    ):
        text = head + "".join(
            f"{channel},{_seconds(start)},{_seconds(stop)},{label},1.0000\n"
            for channel, start, stop, label in rows
        )
        edf.with_suffix(suffix).write_bytes(text.encode("ascii"))


# Labels of the corpus; each file defines its own numbers.
_SYMBOLS = (
    "(null)", "spsw", "gped", "pled", "eybl", "artf", "bckg", "seiz", "fnsz", "gnsz",
    "spsz", "cpsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz", "nesz", "intr",
    "slow", "eyem", "chew", "shiv", "musc", "elpp", "elst",
)  # fmt: skip


def write_annotations_1_5(
    edf: Path,
    *,
    duration: float,
    reference: str,
    channels: Mapping[str, Sequence[tuple[float, float, str]]],
    seizures: Sequence[tuple[float, float, str]],
) -> None:
    """Write the `.tse`, `.tse_bi`, `.lbl` and `.lbl_bi` file of a recording."""
    for suffix, typed in (("", True), ("_bi", False)):
        whole = _with_background(
            seizures if typed else _untyped(seizures), duration=duration
        )
        tse = "version = tse_v1.0.0\n\n" + "".join(
            f"{_seconds(start)} {_seconds(stop)} {label} 1.0000\n"
            for start, stop, label in whole
        )
        edf.with_suffix(f".tse{suffix}").write_bytes(tse.encode("ascii"))
        rows = [
            (index, *row)
            for index, parts in enumerate(channels.values())
            for row in _with_background(
                parts if typed else _untyped(parts), duration=duration
            )
        ]
        lbl = _lbl_head(channels, reference) + "".join(
            f"label = {{0, 0, {_seconds(start)}, {_seconds(stop)}, {index}, "
            f"[{', '.join(str(float(label == name)) for name in _SYMBOLS)}]}}\n"
            for index, start, stop, label in rows
        )
        edf.with_suffix(f".lbl{suffix}").write_bytes(lbl.encode("ascii"))


def _untyped(
    parts: Iterable[tuple[float, float, str]],
) -> list[tuple[float, float, str]]:
    return [(start, stop, "seiz") for start, stop, _ in parts]


def _lbl_head(pairs: Iterable[str], reference: str) -> str:
    montage = []
    for index, pair in enumerate(pairs):
        anode, cathode = pair.split("-")
        montage.append(
            f"montage = {index:2d}, {pair}: EEG {anode}-{reference} -- "
            f"EEG {cathode}-{reference}\n"
        )
    symbols = ", ".join(f"{i}: '{name}'" for i, name in enumerate(_SYMBOLS))
    return (
        f"version = lbl_v1.0.0\n\n{''.join(montage)}\nnumber_of_levels = 1\n\n"
        f"level[0] = 1\n\nsymbols[0] = {{{symbols}}}\n\n"
    )


def _with_background(
    parts: Iterable[tuple[float, float, str]], *, duration: float
) -> Iterator[tuple[float, float, str]]:
    before = 0.0
    for start, stop, label in parts:
        if start > before:
            yield before, start, "bckg"
        yield start, stop, label
        before = max(before, stop)
    if before < duration:
        yield before, duration, "bckg"


def _seconds(value: float) -> str:
    # 1/256 s has eight decimals; with four, a border could move by a sample.
    return np.format_float_positional(value, unique=True, min_digits=4)
