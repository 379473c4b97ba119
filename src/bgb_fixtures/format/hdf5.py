"""Check that the HDF5 side of a file agrees with its index and records.

Invariant: a file that passes holds exactly the expected datasets and attributes, at the
positions in the index. Importing this module does not import h5py.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import FormatError
from bgb_fixtures.format.layout import PAGE, Layout, fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import h5py
    import numpy.typing as npt

__all__ = ["check_attributes", "check_structure", "open_hdf5"]

_MAX_ATTRIBUTE = 32 * 1024
# Raised by h5py for invalid structures.
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
    """Open the HDF5 side of a file for reading."""
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
    """Check that the root group has exactly these datasets, plainly stored."""
    import h5py

    expected = sorted((*layout.arrays, *columns))
    names: list[str] = sorted(file)
    if names != expected:
        fail(where, "HDF5 datasets", str(expected), names)
    creation = file["/"].id.get_create_plist()
    if creation.get_link_creation_order() or creation.get_attr_creation_order():
        fail(where, "HDF5 root group", "no creation order", "one")
    for name in expected:
        link = file.get(name, getlink=True)
        dataset = file[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(dataset, h5py.Dataset):
            msg = f"{where}: HDF5 object {name!r}: expected a hard-linked dataset"
            raise FormatError(msg)
        _check_storage(dataset, name, file_size=layout.file_size, where=where)
        stated: tuple[object, ...]
        got: tuple[object, ...]
        if name in layout.arrays:
            entry = layout.arrays[name]
            stated = (entry.dtype, entry.shape, entry.offset)
            got = (dataset.dtype.str, dataset.shape, dataset.id.get_offset())
        else:
            dtype, shape = columns[name]
            if dtype == "|S" and dataset.dtype.kind == "S":
                dtype = np.array(dataset[()].tolist()).dtype.str
            stated = (dtype, shape)
            got = (dataset.dtype.str, dataset.shape)
        if stated != got:
            msg = f"{where}: HDF5 dataset {name!r}: expected {stated}, got {got}"
            raise FormatError(msg)
        if not _is_type(dataset.id.get_type(), dataset.dtype):
            fail(where, f"HDF5 dataset {name!r}", f"plain {dataset.dtype.str}", "other")


def _is_type(got: h5py.h5t.TypeID, dtype: np.dtype[Any]) -> bool:
    """Say whether a type is exactly h5py's type for a dtype, including the padding."""
    import h5py

    # Rebuilt from its text, because a dtype can carry UTF-8 metadata.
    expected = h5py.h5t.py_create(np.dtype(dtype.str), logical=True)
    return not got.committed() and bool(got == expected)


def _check_storage(
    dataset: h5py.Dataset, name: str, *, file_size: int, where: str
) -> None:
    import h5py

    # Checked first: to get the shape of a virtual dataset, libhdf5 opens the files that
    # it names, and would wait if one of them is a FIFO.
    creation = dataset.id.get_create_plist()
    plain = (
        creation.get_layout() == h5py.h5d.CONTIGUOUS
        and creation.get_external_count() == 0
        and creation.get_attr_creation_order() == 0
        and len(dataset.attrs) == 0
    )
    if plain:
        offset = dataset.id.get_offset()
        n_bytes = prod(dataset.shape) * dataset.dtype.itemsize
        plain = n_bytes == 0 or (
            offset is not None and offset % PAGE == 0 and offset + n_bytes <= file_size
        )
    if not plain:
        msg = (
            f"{where}: HDF5 dataset {name!r}: expected contiguous data inside the "
            f"file, aligned to {PAGE} bytes, without attributes"
        )
        raise FormatError(msg)
    info = h5py.h5o.get_info(dataset.id)
    # Old object headers store one time, which libhdf5 reports as the change time.
    if info.atime or info.btime or info.ctime or info.mtime:
        fail(where, f"HDF5 dataset {name!r}", "no time", "one")


def check_attributes(
    file: h5py.File,
    attributes: Mapping[str, np.generic | npt.NDArray[Any]],
    *,
    where: str,
) -> None:
    """Check that the root group has exactly these attributes."""
    if sorted(file.attrs) != sorted(attributes):
        msg = (
            f"{where}: HDF5 attributes: expected {sorted(attributes)}, "
            f"got {sorted(file.attrs)}"
        )
        raise FormatError(msg)
    for name, expected in attributes.items():
        stored = file.attrs.get_id(name)
        if stored.get_storage_size() >= _MAX_ATTRIBUTE:
            size = stored.get_storage_size()
            fail(where, f"HDF5 attribute {name!r}", "less than 32 KiB", size)
        if not _is_type(stored.get_type(), expected.dtype):
            msg = (
                f"{where}: HDF5 attribute {name!r}: expected dtype "
                f"{expected.dtype.str}, got {stored.dtype.str}"
            )
            raise FormatError(msg)
        got = np.asarray(file.attrs[name]).tolist()
        if got != expected.tolist():
            msg = (
                f"{where}: HDF5 attribute {name!r}: records say "
                f"{expected.tolist()!r}, got {got!r}"
            )
            raise FormatError(msg)
