"""Prove a fixture: every byte, every label, and that its HDF5 side says the same.

Invariant: `verify_fixture` returns only if each statement that it lists was checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.errors import FormatError
from bgb_fixtures.h5 import (
    ARRAYS,
    COLUMNS,
    FORMAT_VERSION,
    NUMBER_COLUMNS,
    PAGE,
    event_to_json,
)
from bgb_fixtures.loader import Fixture, load_fixture

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import h5py

__all__ = ["Proof", "verify_fixture"]


# What h5py raises for structures that it cannot make sense of.
_H5PY_ERRORS = (
    OSError,
    RuntimeError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    MemoryError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """List what was checked.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    digest : str
        SHA-256 of index and records, which hold the digests of all else.
    checks : tuple of str
        One sentence each.
    """

    path: Path
    digest: str
    checks: tuple[str, ...]


def verify_fixture(source: str | os.PathLike[str] | None = None) -> Proof:
    """Check everything that can be checked of a fixture.

    Parameters
    ----------
    source : str, path or None
        As for `load_fixture`.

    Returns
    -------
    proof : Proof
        What was checked.

    Raises
    ------
    FormatError
        If a rule of the format is broken or both sides of the file disagree.
    IntegrityError
        If bytes changed.
    FixtureNotFoundError
        If there is no such fixture.
    """
    # mode="copy" checks whatever this process verified before.
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
                f"{index.file_size} bytes, each under a SHA-256 that agrees",
                (
                    f"{n_positive} of {len(fixture)} windows hold a seizure: "
                    f"{index.counts['partial']} partial, {index.counts['full']} full, "
                    f"{index.counts['none']} none, as the labels say"
                ),
                "labels follow from the events, sample by sample",
                "signals, scale and offset are finite, scale above 0",
                "the HDF5 side says the same as index and records",
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
    import h5py

    try:
        with h5py.File(fixture.path, "r") as file:
            _check_structure(file, fixture, where=where)
            _check_values(file, fixture, where=where)
    except FormatError:
        raise
    except _H5PY_ERRORS as error:
        msg = f"{where}: the HDF5 side cannot be read: {error}"
        raise FormatError(msg) from error


def _check_structure(file: h5py.File, fixture: Fixture, *, where: str) -> None:
    import h5py

    expected = sorted((*ARRAYS, *COLUMNS))
    names: list[str] = sorted(file)
    if names != expected:
        msg = f"{where}: HDF5 datasets: expected {expected}, got {names}"
        raise FormatError(msg)
    for name in expected:
        link = file.get(name, getlink=True)
        dataset = file[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(dataset, h5py.Dataset):
            msg = f"{where}: HDF5 object {name!r}: expected a dataset, hard-linked"
            raise FormatError(msg)
        plain = (
            dataset.chunks is None
            and not dataset.is_virtual
            and dataset.external is None
            and dataset.id.get_offset() is not None
            and dataset.id.get_offset() % PAGE == 0
            and len(dataset.attrs) == 0
        )
        if not plain:
            msg = (
                f"{where}: HDF5 dataset {name!r}: expected contiguous data inside the "
                f"file on a multiple of {PAGE} bytes, without attributes"
            )
            raise FormatError(msg)
        stated: tuple[object, ...]
        got: tuple[object, ...]
        if name in ARRAYS:
            entry = fixture.index.arrays[name]
            stated = (entry.dtype, entry.shape, entry.offset)
            got = (dataset.dtype.str, dataset.shape, dataset.id.get_offset())
        else:
            dtype = dataset.dtype.str
            stated = (NUMBER_COLUMNS.get(name, "|S"), (len(fixture),))
            # Texts have the width of the longest.
            got = (dtype[:2] if dtype.startswith("|S") else dtype, dataset.shape)
        if stated != got:
            msg = f"{where}: HDF5 dataset {name!r}: expected {stated}, got {got}"
            raise FormatError(msg)


def _check_values(file: h5py.File, fixture: Fixture, *, where: str) -> None:
    index, records = fixture.index, fixture.records
    attributes = {
        "sfreq": index.sfreq,
        "ch_names": [name.encode() for name in records.ch_names],
        "montage": records.montage.encode(),
        "unit": records.unit.encode(),
        "format_version": FORMAT_VERSION,
        "content_version": index.content_version,
        "licence": records.licence["name"].encode(),
    }
    if sorted(file.attrs) != sorted(attributes):
        msg = (
            f"{where}: HDF5 attributes: expected {sorted(attributes)}, "
            f"got {sorted(file.attrs)}"
        )
        raise FormatError(msg)
    for name, expected in attributes.items():
        got = np.asarray(file.attrs[name]).tolist()
        if got != expected:
            msg = f"{where}: HDF5 attribute {name!r}: records say {expected!r}, got {got!r}"
            raise FormatError(msg)
    for name in COLUMNS:
        column = file[name][()].tolist()
        for row, window in enumerate(records.windows):
            expected = getattr(window, name)
            got = column[row]
            if isinstance(got, bytes):
                got = json.loads(got) if name == "events" else got.decode("ascii")
            if name == "events":
                expected = [event_to_json(event) for event in expected]
            if got != expected:
                msg = (
                    f"{where}: HDF5 column {name!r}, row {row}: records say "
                    f"{expected!r}, got {got!r}"
                )
                raise FormatError(msg)
