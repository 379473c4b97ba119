"""Bytes of a file that are read piece by piece, wherever it lies.

Invariant: a read gives exactly the bytes that were asked for, or a `SourceError`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bgb_fixtures.corpora.remote.web import WebPath, is_web_address, open_web
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    import os

__all__ = [
    "ByteSource",
    "CorpusPath",
    "LocalFile",
    "corpus_path",
    "is_there",
    "open_bytes",
]

CorpusPath: TypeAlias = Path | WebPath
"""Where a file or folder of a corpus lies."""


def corpus_path(path: str | os.PathLike[str] | WebPath) -> CorpusPath:
    """Return the place that a user named.

    Parameters
    ----------
    path : str, path or WebPath
        A path, or an address that begins with ``http://`` or ``https://``.

    Returns
    -------
    place : path or WebPath
        Of an address, its corpus was found already.

    Raises
    ------
    FetchError
        If an address is in no corpus.
    """
    if isinstance(path, WebPath):
        return path
    if isinstance(path, str) and is_web_address(path):
        return open_web(path)
    return Path(path)


def is_there(place: CorpusPath) -> bool:
    """Say whether a file or a folder exists.

    Parameters
    ----------
    place : path or WebPath
        As a user named it.

    Returns
    -------
    there : bool
        False if it is certain that there is none.

    Raises
    ------
    SourceError
        If this user may not know, or the system does not take the name.
    """
    try:
        return place.exists()
    except OSError as error:
        msg = f"{str(place)!r} cannot be reached: {error.strerror}"
        raise SourceError(msg) from error


class ByteSource(Protocol):
    """Bytes that are read piece by piece: of a file, or of a web address."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def read(self, start: int, stop: int) -> bytes:
        """Return exactly the bytes `[start, stop)`, or raise SourceError."""

    def close(self) -> None:
        """Give back what is held open."""


class LocalFile:
    """Read an ordinary file as a `ByteSource`.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    SourceError
        If it is no readable file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = str(path)
        try:
            # A pipe or a device would block or never end.
            if not Path(path).is_file():
                msg = f"{self.name!r}: there is no such file; expected an EDF file"
                raise SourceError(msg)
            # Unbuffered: a buffer reads more than was asked for.
            self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115
        except OSError as error:
            msg = f"{self.name!r} cannot be opened: {error.strerror}"
            raise SourceError(msg) from error
        self.size = self._file.seek(0, 2)

    def read(self, start: int, stop: int) -> bytes:
        """Read the bytes `[start, stop)`.

        Parameters
        ----------
        start, stop : int
            Positions in the file.

        Returns
        -------
        data : bytes
            `stop - start` bytes.

        Raises
        ------
        SourceError
            If the file does not give them.
        """
        parts: list[bytes] = []
        missing = stop - start
        try:
            self._file.seek(start)
            while missing:
                # One call gives all of it, but for signals and network shares.
                part = self._file.read(missing)
                if not part:
                    msg = (
                        f"{self.name!r}: expected {stop - start} bytes at {start}, got "
                        f"{stop - start - missing}; the file changed while it was read"
                    )
                    raise SourceError(msg)
                parts.append(part)
                missing -= len(part)
        except OSError as error:
            msg = (
                f"{self.name!r} cannot be read at {stop - missing}: {error.strerror}; "
                "check the disk or the network share"
            )
            raise SourceError(msg) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_bytes(path: CorpusPath) -> ByteSource:
    """Open a file of a corpus to read pieces of it.

    Parameters
    ----------
    path : path or WebPath
        The file.

    Returns
    -------
    source : ByteSource
        To be closed by the caller.

    Raises
    ------
    SourceError
        If it is no readable file.
    """
    return path.open_ranges() if isinstance(path, WebPath) else LocalFile(path)
