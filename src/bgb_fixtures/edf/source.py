"""Read the bytes of a file piece by piece.

Invariant: a read returns exactly the requested bytes, or raises SourceError.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    import os

__all__ = ["ByteSource", "HashedSource", "LocalFile"]

_CHUNK = 2**20


class ByteSource(Protocol):
    """The bytes of a local or remote file, read piece by piece."""

    @property
    def name(self) -> str:
        """Name for messages."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Return exactly the bytes `[start, stop)`, or raise SourceError."""

    def close(self) -> None:
        """Release open resources."""


class LocalFile:
    """A regular file as a `ByteSource`; SourceError if it is not readable."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = str(path)
        try:
            # Reading a pipe or a device could block or never end.
            if not Path(path).is_file():
                msg = f"{self.name!r}: no such file; expected an EDF file"
                raise SourceError(msg)
            # Unbuffered, because a buffer reads more than requested.
            self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115
        except OSError as error:
            msg = f"{self.name!r} cannot be opened: {error.strerror}"
            raise SourceError(msg) from error
        self.size = self._file.seek(0, 2)

    def read(self, start: int, stop: int) -> bytes:
        """Return exactly the bytes `[start, stop)`, or raise SourceError."""
        parts: list[bytes] = []
        missing = stop - start
        try:
            self._file.seek(start)
            while missing:
                # One call suffices, except after signals and on network shares.
                part = self._file.read(missing)
                if not part:
                    msg = (
                        f"{self.name!r}: expected {stop - start} bytes at {start}, found "
                        f"{stop - start - missing}; the file changed while it was read"
                    )
                    raise SourceError(msg)
                parts.append(part)
                missing -= len(part)
        except OSError as error:
            msg = (
                f"{self.name!r} cannot be read at byte {stop - missing}: "
                f"{error.strerror}. Check the disk or the network share"
            )
            raise SourceError(msg) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class HashedSource:
    """A `ByteSource` that computes the SHA-256 of the whole file while it is read.

    Reads must be in increasing order. Skipped bytes are read for the digest and
    dropped, so that no byte is read twice.
    """

    def __init__(self, inner: ByteSource) -> None:
        self._inner = inner
        self._digest = hashlib.sha256()
        self._hashed = 0
        self.name = inner.name
        self.size = inner.size

    def read(self, start: int, stop: int) -> bytes:
        """Return exactly the bytes `[start, stop)`, or raise SourceError."""
        self._skip_to(start)
        data = self._inner.read(start, stop)
        if stop > self._hashed:
            self._digest.update(memoryview(data)[self._hashed - start :])
            self._hashed = stop
        return data

    def _skip_to(self, place: int) -> None:
        while self._hashed < place:
            stop = min(self._hashed + _CHUNK, place)
            self._digest.update(self._inner.read(self._hashed, stop))
            self._hashed = stop

    def sha256(self) -> str:
        """Return the digest of the whole file, after reading the remaining bytes."""
        self._skip_to(self.size)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._inner.close()
