"""Make the bytes of a fixture file, and check where it may be written.

Invariant: the same content gives the same bytes, with HDF5 1.14 and 2.0.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import SpecError, TargetError
from bgb_fixtures.format.layout import (
    FORMAT_VERSION,
    LINE_LENGTH,
    MAGIC,
    PAGE,
    ArrayEntry,
    Layout,
    array_gaps,
    dump_json,
    encode_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Draft", "check_target", "make_file"]

# Space reserved for the index, whose numbers are known after the arrays are written.
_INDEX_ROOM = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The content of a file in its stored form.

    `facts` are the entries of the index besides the name and the layout, `records` the
    second document, `arrays` the arrays that readers map, `columns` the arrays that
    only the HDF5 side holds, and `attributes` the attributes of the HDF5 root group.
    """

    name: str
    facts: Mapping[str, Any]
    records: bytes
    arrays: Mapping[str, npt.NDArray[Any]]
    columns: Mapping[str, npt.NDArray[Any]]
    attributes: Mapping[str, Any]


def _make_hdf5(draft: Draft, *, user_block: int) -> tuple[BytesIO, dict[str, int]]:
    """Return the file with an empty user block, and the offset of each mapped array."""
    # Imported here, because reading recordings and scanning a corpus do not need it.
    import h5py

    # In memory, because libhdf5 2.0.0 crashes with a segmentation fault when it closes
    # a file after a failed write, for example on a full disk.
    image = BytesIO()
    offsets = {}
    with h5py.File(
        image,
        "w",
        userblock_size=user_block,
        alignment_threshold=1,
        alignment_interval=PAGE,
    ) as file:
        for name, value in draft.attributes.items():
            file.attrs[name] = value
        for name, array in draft.arrays.items():
            data = np.asarray(array, order="C")
            dataset = file.create_dataset(name, data=data, track_times=False)
            offsets[name] = dataset.id.get_offset()
        for name, column in draft.columns.items():
            file.create_dataset(name, data=column, track_times=False)
    return image, offsets


def _digest(file: memoryview, spans: Sequence[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    for start, stop in spans:
        digest.update(file[start:stop])
    return digest.hexdigest()


def make_file(draft: Draft) -> memoryview:
    """Return all bytes of the file."""
    needed = LINE_LENGTH + len(draft.records) + _INDEX_ROOM
    user_block = max(PAGE, 1 << (needed - 1).bit_length())
    image, offsets = _make_hdf5(draft, user_block=user_block)
    file = image.getbuffer()
    entries = {
        name: ArrayEntry(
            dtype=array.dtype.str,
            shape=array.shape,
            offset=offsets[name],
            length=array.nbytes,
            sha256=_digest(file, [(offsets[name], offsets[name] + array.nbytes)]),
        )
        for name, array in draft.arrays.items()
    }
    layout = Layout(
        user_block=user_block,
        file_size=len(file),
        arrays=entries,
        rest_sha256="",
        digest="",
        records_span=(0, 0),
    )
    index = dump_json(
        {
            **draft.facts,
            "format_version": FORMAT_VERSION,
            "name": draft.name,
            "user_block": user_block,
            "file_size": layout.file_size,
            "arrays": {
                name: {
                    "dtype": entry.dtype,
                    "shape": list(entry.shape),
                    "offset": entry.offset,
                    "length": entry.length,
                    "sha256": entry.sha256,
                }
                for name, entry in entries.items()
            },
            "rest_sha256": _digest(file, array_gaps(layout)),
        }
    )
    head = encode_line(index, draft.records) + index + draft.records
    if len(head) > user_block:
        msg = f"fixture {draft.name!r}: its index needs {len(index)} bytes"
        raise SpecError(msg)
    file[: len(head)] = head
    return file


def check_target(path: Path) -> None:
    """Check that a file may be written at `path`, before the work for it begins."""
    try:
        _check_target(path)
    except OSError as error:
        if isinstance(error, TargetError):
            raise
        msg = f"{str(path)!r} cannot be written: {error.strerror}"
        raise TargetError(msg) from error


def _check_target(path: Path) -> None:
    if path.is_dir() or not path.name:
        msg = f"{str(path)!r} is a folder; expected the name of a file to write"
        raise TargetError(msg)
    if path.exists() and not path.is_file():
        msg = f"{str(path)!r} is not a regular file; choose another name"
        raise TargetError(msg)
    if not path.parent.is_dir():
        msg = (
            f"{str(path)!r} cannot be written: folder {str(path.parent)!r} does not "
            "exist. Create it first"
        )
        raise TargetError(msg)
    if path.exists():
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                msg = (
                    f"{str(path)!r} exists and is not a fixture, so it is not "
                    "replaced. Choose another name, or remove it first"
                )
                raise TargetError(msg)
