"""Paths of the files of a corpus: local, or at a web address.

Invariant: the HTTP client is imported only when an address is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.edf.source import ByteSource

    CorpusPath: TypeAlias = Path | WebPath

__all__ = [
    "corpus_path",
    "is_there",
    "is_web_address",
    "list_folder",
    "open_bytes",
]


def is_web_address(text: object) -> bool:
    """Say whether a user named a web address."""
    return isinstance(text, str) and text.lower().startswith(("http://", "https://"))


def corpus_path(path: str | os.PathLike[str] | WebPath) -> CorpusPath:
    """Return the path that a user named; for an address, fetch its corpus' list."""
    if isinstance(path, str) and is_web_address(path):
        from bgb_fixtures.corpora.remote.web import open_web

        return open_web(path)
    return Path(path) if isinstance(path, str | os.PathLike) else path


def is_there(place: CorpusPath) -> bool:
    """Say whether a file or folder exists; SourceError if that cannot be determined."""
    try:
        return place.exists()
    except OSError as error:
        msg = f"{str(place)!r} cannot be reached: {error.strerror}"
        raise SourceError(msg) from error


def list_folder(folder: CorpusPath) -> list[CorpusPath]:
    """Return the contents of a folder, sorted by name, without hidden files.

    macOS leaves ``._name.edf`` beside ``name.edf``. SourceError if it cannot be listed.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        msg = f"{str(folder)!r} cannot be listed: {error.strerror}"
        raise SourceError(msg) from error


def open_bytes(path: CorpusPath) -> ByteSource:
    """Open a file for reading byte ranges; SourceError if it is not readable."""
    return LocalFile(path) if isinstance(path, Path) else path.open_ranges()
