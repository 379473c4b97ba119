"""Check that the HDF5 side of a file says what its index and records say.

Invariant: a file that passes holds nothing but what was asked for, where the index says
it is. Importing this imports no h5py.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.container import PAGE, Layout
from bgb_fixtures.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import h5py

__all__ = ["check_attributes", "check_structure", "open_hdf5"]

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


@contextmanager
def open_hdf5(path: Path, *, where: str) -> Iterator[h5py.File]:
    """Open the HDF5 side of a file for reading.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    where : str
        The file, for messages.

    Yields
    ------
    file : h5py.File
        What h5py raises meanwhile becomes a FormatError.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except FormatError:
        raise
    except _H5PY_ERRORS as error:
        msg = f"{where}: the HDF5 side cannot be read: {error}"
        raise FormatError(msg) from error


def check_structure(
    file: h5py.File,
    layout: Layout,
    *,
    columns: Mapping[str, tuple[str, tuple[int, ...]]],
    where: str,
) -> None:
    """Check that the root group holds these datasets, plainly stored, and no other.

    Parameters
    ----------
    file : h5py.File
        The open file.
    layout : Layout
        Its arrays must lie where this says.
    columns : mapping of str to tuple
        Dtype and shape of each further dataset; ``"|S"`` stands for any width.
    where : str
        The file, for messages.

    Raises
    ------
    FormatError
        If anything is missing, additional or stored otherwise.
    """
    import h5py

    expected = sorted((*layout.arrays, *columns))
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
        _check_storage(dataset, name, where=where)
        stated: tuple[object, ...]
        got: tuple[object, ...]
        dtype = dataset.dtype.str
        if name in layout.arrays:
            entry = layout.arrays[name]
            # Without values there is no place, and HDF5 names none that means anything.
            place = entry.offset if entry.length else None
            there = dataset.id.get_offset() if entry.length else None
            stated = (entry.dtype, entry.shape, place)
            got = (dtype, dataset.shape, there)
        else:
            stated = columns[name]
            # Texts have the width of the longest.
            got = (dtype[:2] if dtype.startswith("|S") else dtype, dataset.shape)
        if stated != got:
            msg = f"{where}: HDF5 dataset {name!r}: expected {stated}, got {got}"
            raise FormatError(msg)


def _check_storage(dataset: h5py.Dataset, name: str, *, where: str) -> None:
    offset = dataset.id.get_offset() if dataset.size else 0
    plain = (
        dataset.chunks is None
        and not dataset.is_virtual
        and dataset.external is None
        and offset is not None
        and offset % PAGE == 0
        and len(dataset.attrs) == 0
    )
    if not plain:
        msg = (
            f"{where}: HDF5 dataset {name!r}: expected contiguous data inside the "
            f"file on a multiple of {PAGE} bytes, without attributes"
        )
        raise FormatError(msg)


def check_attributes(
    file: h5py.File, attributes: Mapping[str, Any], *, where: str
) -> None:
    """Check that the root group has these attributes and no other.

    Parameters
    ----------
    file : h5py.File
        The open file.
    attributes : mapping of str to object
        Expected values, texts as bytes.
    where : str
        The file, for messages.

    Raises
    ------
    FormatError
        If a name or a value differs.
    """
    if sorted(file.attrs) != sorted(attributes):
        msg = (
            f"{where}: HDF5 attributes: expected {sorted(attributes)}, "
            f"got {sorted(file.attrs)}"
        )
        raise FormatError(msg)
    for name, expected in attributes.items():
        got = np.asarray(file.attrs[name]).tolist()
        if got != expected:
            msg = (
                f"{where}: HDF5 attribute {name!r}: records say {expected!r}, "
                f"got {got!r}"
            )
            raise FormatError(msg)
