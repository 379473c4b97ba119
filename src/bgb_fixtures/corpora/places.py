"""Where the files of a corpus are: on this machine, or at a web address.

Invariant: nothing of the HTTP client is imported before an address is named.
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
    """Return the place that a user named; of an address, fetch the list of its corpus."""
    if isinstance(path, str) and is_web_address(path):
        from bgb_fixtures.corpora.remote.web import open_web

        return open_web(path)
    return Path(path) if isinstance(path, str | os.PathLike) else path


def is_there(place: CorpusPath) -> bool:
    """Say whether a file or folder exists; SourceError if that cannot be known."""
    try:
        return place.exists()
    except OSError as error:
        msg = f"{str(place)!r} cannot be reached: {error.strerror}"
        raise SourceError(msg) from error


def list_folder(folder: CorpusPath) -> list[CorpusPath]:
    """Return what is in a folder, sorted by name, without hidden files.

    macOS leaves ``._name.edf`` beside ``name.edf``. SourceError if it cannot be listed.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        msg = f"{str(folder)!r} cannot be listed: {error.strerror}"
        raise SourceError(msg) from error


def open_bytes(path: CorpusPath) -> ByteSource:
    """Open a file to read pieces of it; SourceError if it is not readable."""
    return LocalFile(path) if isinstance(path, Path) else path.open_ranges()
