"""Open a fixture file: check its layout, map its bytes, verify its digests.

Invariant: no array is mapped before the layout was checked, and nothing is written.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from typing import TYPE_CHECKING

from bgb_fixtures.errors import FormatError, IntegrityError
from bgb_fixtures.format.layout import (
    AGAIN,
    HDF5_SIGNATURE,
    LINE_LENGTH,
    PAGE,
    Layout,
    array_gaps,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bgb_fixtures.format.records import Index

__all__ = ["Mapped", "check_digests", "file_identity", "read_file"]

Mapped = mmap.mmap | bytearray
# Most user blocks end at one of these offsets. One read takes less time than the page
# faults of a map.
_USER_BLOCKS = (PAGE, 2 * PAGE, 4 * PAGE)
_HEAD = _USER_BLOCKS[-1] + PAGE


def file_identity(status: os.stat_result) -> tuple[int, ...]:
    """Return device, inode, size and times in ns, to recognise an unchanged file."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _read_index(
    handle: int,
    status: os.stat_result,
    parse: Callable[..., Index],
    *,
    known: Mapping[tuple[int, ...], Index],
    where: str,
) -> Index:
    layout = known.get(file_identity(status))
    if layout is not None:
        if layout.digest.encode() in os.read(handle, LINE_LENGTH):
            return layout
        os.lseek(handle, 0, os.SEEK_SET)
    head = os.read(handle, _HEAD)
    # A short read is the whole file. The status has no size for files in /proc.
    whole = len(head) < _HEAD or any(
        head.startswith(HDF5_SIGNATURE, place) for place in _USER_BLOCKS
    )
    return parse(
        head if whole else _map(handle, status, mmap.ACCESS_READ, where=where),
        size=status.st_size,
        where=where,
    )


def _map(handle: int, status: os.stat_result, access: int, *, where: str) -> mmap.mmap:
    try:
        return mmap.mmap(handle, status.st_size, access=access)
    except ValueError as error:
        msg = (
            f"{where}: expected {status.st_size} bytes, but the file shrank while it "
            "was read; read it again"
        )
        raise IntegrityError(msg) from error


def read_file(
    path: Path,
    parse: Callable[..., Index],
    *,
    mode: str,
    known: Mapping[tuple[int, ...], Index],
    where: str,
) -> tuple[Index, Mapped, os.stat_result]:
    """Open a file, check its layout, and map or read it."""
    try:
        return _read(path, parse, mode=mode, known=known, where=where)
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    except MemoryError as error:
        msg = (
            f"{where} cannot be read: it does not fit into memory. "
            "Free some memory, or load it with mode='mmap'"
        )
        raise FormatError(msg) from error


def _read(
    path: Path,
    parse: Callable[..., Index],
    *,
    mode: str,
    known: Mapping[tuple[int, ...], Index],
    where: str,
) -> tuple[Index, Mapped, os.stat_result]:
    # O_NONBLOCK, because opening a FIFO would wait for a writer forever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            msg = f"{where} is {kind}; expected a fixture file"
            raise FormatError(msg)
        layout = _read_index(handle, status, parse, known=known, where=where)
        if mode == "mmap":
            return layout, _map(handle, status, mmap.ACCESS_COPY, where=where), status
        buffer = bytearray(status.st_size)
        os.lseek(handle, 0, os.SEEK_SET)
        with open(handle, "rb", closefd=False) as file:
            n_read = file.readinto(buffer)
        if n_read != status.st_size:
            msg = f"{where}: expected {status.st_size} bytes, got {n_read}"
            raise IntegrityError(msg)
        return layout, buffer, status
    finally:
        os.close(handle)


def check_digests(buffer: Mapped, layout: Layout, *, where: str) -> None:
    """Verify the digests of all bytes after the user block."""
    with memoryview(buffer) as view:
        for name, entry in layout.arrays.items():
            with view[entry.offset : entry.offset + entry.length] as part:
                obtained = hashlib.sha256(part).hexdigest()
            if obtained != entry.sha256:
                msg = (
                    f"{where}: array {name!r} (bytes {entry.offset} to "
                    f"{entry.offset + entry.length}): expected SHA-256 {entry.sha256}, "
                    f"got {obtained}; the file changed after it was written: {AGAIN}"
                )
                raise IntegrityError(msg)
        rest = hashlib.sha256()
        for start, stop in array_gaps(layout):
            with view[start:stop] as part:
                rest.update(part)
    if rest.hexdigest() != layout.rest_sha256:
        msg = (
            f"{where}: HDF5 structures and padding: expected SHA-256 "
            f"{layout.rest_sha256}, got {rest.hexdigest()}; the file changed after it "
            f"was written: {AGAIN}"
        )
        raise IntegrityError(msg)
