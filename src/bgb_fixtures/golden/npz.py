"""The container of a golden: a byte-reproducible npz file.

Invariant: each content has exactly one valid file, and `unpack` accepts no other. So a
file cannot hide anything: there is no compressed, encrypted, overlapping or unlisted
entry, and no byte that the digest does not cover.

Layout: a ZIP archive (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) whose
entries are stored, dated 1980-01-01, and carry neither extra fields nor comments. The
first entry is `golden.json`; the others are NPY files, version 1.0
(https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), sorted by
name. The comment of the archive, which ends the file, has the format version and the
SHA-256 of every byte before that digest.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from math import prod
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bgb_fixtures.errors import FormatError, FormatVersionError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

__all__ = [
    "DOCUMENT",
    "MAX_ARRAYS",
    "VERSION",
    "begins_or_ends_right",
    "pack",
    "read_array",
    "unpack",
]

VERSION = 2
"""Version of the format; version 1 was an HDF5 file and was never released."""
DOCUMENT = "golden.json"
"""The first entry: everything but the arrays."""
# Signature, version needed, flags, method, time, date, CRC-32, two sizes, two lengths.
_LOCAL = Struct("<4s5H3I2H")
# The creator's version, then the same fields; then comment, disk, attributes, offset.
_CENTRAL = Struct("<4s6H3I5H2I")
_END = Struct("<4s4H2IH")
_ZIP_2_0, _UNIX, _MODE = 20, 3, 0o100644
# 1980-01-01 as in MS-DOS: years since 1980, month and day in 7, 4 and 5 bits.
_DATE = 0 << 9 | 1 << 5 | 1
_COMMENT = b"bgb-fixtures golden %d sha256 "
_TAIL = re.compile(
    rb"bgb-fixtures golden ([1-9]\d{0,3}) sha256 ([0-9a-f]{64})\Z", re.DOTALL
)
_LONGEST_TAIL = 128
MAX_ARRAYS = 1026
"""Maximum number of arrays in a file: 1024 outputs and the two of a trace."""
_AGAIN = "copy or check it out again, or record it again"


class _Entry(NamedTuple):
    """Offsets of one entry: its header begins at `start`, its content at `first`."""

    name: str
    start: int
    first: int
    stop: int
    crc: int


def pack(document: bytes, arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return the file that holds a document and arrays by name."""
    contents = {DOCUMENT: document}
    names = {f"{name}.npy": name for name in arrays}
    for file_name, name in sorted(names.items()):
        array = np.asarray(arrays[name], order="C")
        head = _npy_head(array.dtype.str, array.shape)
        contents[file_name] = head + array.tobytes()
    parts: list[bytes] = []
    entries, place = [], 0
    for name, content in contents.items():
        crc = zlib.crc32(content)
        head = _local(name, crc, len(content))
        first = place + len(head)
        entries.append(_Entry(name, place, first, first + len(content), crc))
        parts += [head, content]
        place = first + len(content)
    parts.append(_directory(entries))
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    return b"".join([*parts, digest.encode("ascii")])


def _npy_head(stored: str, shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': {stored!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    # The 10 bytes before the text, the text and a line feed add up to a multiple of 64.
    size = -(-(10 + len(text) + 1) // 64) * 64 - 10
    line = text.ljust(size - 1).encode("ascii") + b"\n"
    return b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little") + line


def _local(name: str, crc: int, size: int) -> bytes:
    text = name.encode("ascii")
    sizes = (crc, size, size, len(text), 0)
    return _LOCAL.pack(b"PK\3\4", _ZIP_2_0, 0, 0, 0, _DATE, *sizes) + text


def _directory(entries: list[_Entry]) -> bytes:
    """Return the bytes that follow the entries, without the digest at the end."""
    parts = []
    for name, start, first, stop, crc in entries:
        text, size = name.encode("ascii"), stop - first
        made_by = _UNIX << 8 | _ZIP_2_0
        facts = (crc, size, size, len(text), 0, 0, 0, 0, _MODE << 16, start)
        head = (made_by, _ZIP_2_0, 0, 0, 0, _DATE)
        parts.append(_CENTRAL.pack(b"PK\1\2", *head, *facts) + text)
    directory = b"".join(parts)
    n, place = len(entries), entries[-1].stop
    comment = _COMMENT % VERSION
    n_comment = len(comment) + 64
    end = _END.pack(b"PK\5\6", 0, 0, n, n, len(directory), place, n_comment)
    return directory + end + comment


def begins_or_ends_right(data: bytes) -> bool:
    """Return whether a file begins or ends like a golden, even if it is damaged."""
    begins = data[:4] == b"PK\3\4" and data[_LOCAL.size :].startswith(DOCUMENT.encode())
    return begins or _TAIL.search(data, max(len(data) - _LONGEST_TAIL, 0)) is not None


def unpack(data: bytes, *, where: str) -> dict[str, memoryview]:
    """Return the entries of a file by name, without copying them.

    Raises FormatError if the file has another structure, FormatVersionError if it has
    another format version, and IntegrityError if its bytes changed after it was
    written.
    """
    tail = _TAIL.search(data, max(len(data) - _LONGEST_TAIL, 0))
    if tail is None:
        msg = f"{where}: the end of the file is missing or damaged; {_AGAIN}"
        raise IntegrityError(msg)
    if int(tail[1]) != VERSION:
        msg = (
            f"{where}: unknown format version (found {int(tail[1])}, this release reads "
            f"{VERSION}). Upgrade bgb-fixtures."
        )
        raise FormatVersionError(msg)
    _check_digest(data, tail, where=where)
    entries = list(_walk(data, where=where))
    expected = _directory(entries)
    if data[entries[-1].stop : len(data) - 64] != expected:
        msg = (
            f"{where}: the directory of the archive does not list the entries as "
            "written by this package"
        )
        raise FormatError(msg)
    for entry in entries:
        if zlib.crc32(memoryview(data)[entry.first : entry.stop]) != entry.crc:
            msg = f"{where}: entry {entry.name!r}: wrong CRC-32"
            raise FormatError(msg)
    view = memoryview(data)
    return {entry.name: view[entry.first : entry.stop] for entry in entries}


def _check_digest(data: bytes, tail: re.Match[bytes], *, where: str) -> None:
    view = memoryview(data)
    obtained = hashlib.sha256(view[:-64]).hexdigest()
    if obtained == tail[2].decode("ascii"):
        return
    what = "its bytes"
    try:
        for entry in _walk(data, where=where):
            if zlib.crc32(view[entry.first : entry.stop]) != entry.crc:
                name = entry.name.removesuffix(".npy")
                what = f"{name!r} (bytes {entry.first} to {entry.stop})"
                break
    except FormatError:
        # The headers themselves are damaged.
        what = "the structure of the archive"
    msg = (
        f"{where}: {what} changed after the file was written (found SHA-256 "
        f"{obtained[:12]}, expected {tail[2][:12].decode('ascii')}); {_AGAIN}"
    )
    raise IntegrityError(msg)


def _walk(data: bytes, *, where: str) -> Iterator[_Entry]:
    """Yield the entries in file order; fail if one differs in layout from `pack`."""
    place, before = 0, ""
    n_entries = 0
    while data[place : place + 4] == b"PK\3\4":
        what = f"{where}: entry at byte {place}"
        n_entries += 1
        if n_entries > 1 + MAX_ARRAYS:
            msg = f"{what}: expected at most {MAX_ARRAYS} arrays, found more"
            raise FormatError(msg)
        _, _, flags, method, _, _, crc, stored, size, n_name, _ = _LOCAL.unpack_from(
            data, place
        )
        first = place + _LOCAL.size + n_name
        text = data[place + _LOCAL.size : first]
        if flags & 1 or method:
            how = "encrypted" if flags & 1 else "compressed"
            msg = f"{what}: {how} (expected neither compression nor encryption)"
            raise FormatError(msg)
        name = text.decode("ascii", "replace")
        if not text.isascii() or data[place:first] != _local(name, crc, size):
            msg = f"{what}: header {text[:80]!r} is not as written by this package"
            raise FormatError(msg)
        if stored != size or first + size > len(data):
            msg = f"{what}: {name!r:.160} has {size} bytes, more than the file"
            raise FormatError(msg)
        if (name <= before and before != DOCUMENT) or (name == DOCUMENT) != (
            place == 0
        ):
            msg = f"{what}: {name!r:.160} is duplicated or out of order"
            raise FormatError(msg)
        yield _Entry(name, place, first, first + size, crc)
        place, before = first + size, name
    if not before:
        msg = f"{where}: expected the entry {DOCUMENT!r} first, found none"
        raise FormatError(msg)


def read_array(
    content: memoryview, stored: str, shape: tuple[int, ...], *, where: str, what: str
) -> npt.NDArray[Any]:
    """Return a copy of the array in an NPY entry, whose dtype and shape are known."""
    head = _npy_head(stored, shape)
    n_bytes = prod(shape) * np.dtype(stored).itemsize
    if content.nbytes != len(head) + n_bytes or content[: len(head)] != head:
        msg = (
            f"{where}: {what}: the array is not {stored} with shape {shape}, as "
            f"{DOCUMENT} says"
        )
        raise FormatError(msg)
    array = np.frombuffer(content, np.dtype(stored), offset=len(head))
    return array.reshape(shape).copy()
