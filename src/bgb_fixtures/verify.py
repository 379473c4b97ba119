"""Verify a fixture: every byte, every label, and agreement with its HDF5 side.

Invariant: `verify_fixture` returns only after checking every statement that it lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import FormatError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format.hdf5 import check_attributes, check_structure, open_hdf5
from bgb_fixtures.format.layout import check_keys, parse_json
from bgb_fixtures.format.records import (
    COLUMNS,
    FORMAT_VERSION,
    NUMBER_COLUMNS,
    parse_events,
)

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import h5py
    import numpy.typing as npt

__all__ = ["Proof", "verify_fixture"]

_EVENTS = frozenset(["events"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The list of checks that passed.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    digest : str
        SHA-256 of index and records, which contain the digests of everything else.
    checks : tuple of str
        One sentence each.
    """

    path: Path
    digest: str
    checks: tuple[str, ...]


def verify_fixture(source: str | os.PathLike[str] | None = None) -> Proof:
    """Run all checks of a fixture."""
    # mode="copy" repeats checks that this process already did.
    with load_fixture(source, mode="copy") as fixture:
        where = repr(str(fixture.path))
        _check_numbers(fixture, where=where)
        _check_hdf5(fixture, where=where)
        index = fixture.index
        n_positive = index.counts["partial"] + index.counts["full"]
        return Proof(
            path=fixture.path,
            digest=index.digest,
            checks=(
                f"{index.file_size} bytes, all covered by a matching SHA-256",
                (
                    f"{n_positive} of {len(fixture)} windows hold a seizure: "
                    f"{index.counts['partial']} partial, {index.counts['full']} full, "
                    f"{index.counts['none']} none, as the labels say"
                ),
                "labels follow from the events, sample by sample",
                "signals, scale and offset are finite, and scale is greater than 0",
                "the HDF5 side agrees with index and records",
            ),
        )


def _check_numbers(fixture: Fixture, *, where: str) -> None:
    for name in ("signals", "scale", "offset"):
        finite = np.isfinite(getattr(fixture, name))
        if not finite.all():
            place = tuple(int(i) for i in np.argwhere(~finite)[0])
            msg = f"{where}: array {name!r} at {place}: expected a finite number"
            raise FormatError(msg)
    if not (fixture.scale > 0).all():
        place = tuple(int(i) for i in np.argwhere(fixture.scale <= 0)[0])
        msg = (
            f"{where}: array 'scale' at {place}: expected more than 0, got "
            f"{float(fixture.scale[place])!r}"
        )
        raise FormatError(msg)


def _check_hdf5(fixture: Fixture, *, where: str) -> None:
    columns = {
        name: (NUMBER_COLUMNS.get(name, "|S"), (len(fixture),)) for name in COLUMNS
    }
    index, records = fixture.index, fixture.records
    attributes: dict[str, np.generic | npt.NDArray[Any]] = {
        "sfreq": np.float64(index.sfreq),
        "ch_names": np.array([name.encode() for name in records.ch_names]),
        "montage": np.bytes_(records.montage.encode()),
        "unit": np.bytes_(records.unit.encode()),
        "format_version": np.int64(FORMAT_VERSION),
        "content_version": np.int64(index.content_version),
        "licence": np.bytes_(records.licence["name"].encode()),
    }
    with open_hdf5(fixture.path, where=where) as file:
        check_structure(file, index, columns=columns, where=where)
        check_attributes(file, attributes, where=where)
        _check_columns(file, fixture, where=where)


def _check_columns(file: h5py.File, fixture: Fixture, *, where: str) -> None:
    for name in COLUMNS:
        column = file[name][()].tolist()
        for row, window in enumerate(fixture.windows):
            what = f"HDF5 column {name!r}, row {row}"
            expected, got = getattr(window, name), column[row]
            if name == "events":
                # As strict as for the records: no duplicate keys, and true is not 1.
                text = b'{"events":%s}' % got
                value = parse_json(text, where=where, what=what)
                value = check_keys(value, _EVENTS, where=where, what=what)
                got = parse_events(
                    value["events"], index=fixture.index, where=where, what=what
                )
            elif isinstance(got, bytes):
                got = got.decode("ascii")
            if got != expected:
                msg = f"{where}: {what}: records say {expected!r}, got {got!r}"
                raise FormatError(msg)
