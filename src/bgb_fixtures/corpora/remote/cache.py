"""Cache pieces of remote files in a local folder.

Invariant: a piece read from the cache has exactly the bytes that were saved, because
its name contains their digest. Invalid files in the folder are ignored, and fetched
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from bgb_fixtures.corpora.remote.http import Piece
from bgb_fixtures.errors import TargetError
from bgb_fixtures.staging import new_file

__all__ = ["KeptPiece", "WebCache", "default_cache"]

VARIABLE = "BGB_FIXTURES_CACHE"
"""Environment variable that names the folder."""
_NAME = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9a-f]{64})")


def default_cache() -> Path:
    """Return ``BGB_FIXTURES_CACHE``, or a folder in the cache folder of the system."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    from platformdirs import user_cache_path

    folder = user_cache_path("bgb-fixtures", appauthor=False)
    if not folder.is_absolute():
        msg = f"this user has no home folder for a cache; set {VARIABLE} to a folder"
        raise TargetError(msg)
    return folder


class KeptPiece(NamedTuple):
    """Path of a cached piece, and the bytes it holds according to its name."""

    start: int
    stop: int
    path: Path


class WebCache:
    """A local cache of pieces of remote files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder_of(self, url: str) -> Path:
        """Return the folder for the pieces of one file; it may not exist yet."""
        return self._folder / hashlib.sha256(url.encode("utf-8")).hexdigest()

    def find(self, url: str) -> list[KeptPiece]:
        """Return the cached pieces of a file by position, without reading them."""
        folder = self.folder_of(url)
        try:
            names = [path.name for path in folder.iterdir()]
        except OSError:
            return []
        matches = filter(None, map(_NAME.fullmatch, names))
        return sorted(KeptPiece(int(m[1]), int(m[2]), folder / m[0]) for m in matches)

    def load(self, url: str, kept: KeptPiece) -> Piece | None:
        """Read a piece; None if it is damaged or belongs to another address."""
        try:
            # Reading a pipe would block.
            raw = kept.path.read_bytes() if kept.path.is_file() else b""
        except OSError:
            return None
        if not kept.path.name.endswith(hashlib.sha256(raw).hexdigest()):
            return None
        head, _, data = raw.partition(b"\n")
        try:
            facts = json.loads(head)
            piece = Piece(
                start=kept.start,
                data=data,
                size=int(facts["size"]),
                version=str(facts["version"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        right = facts.get("url") == url and piece.stop == kept.stop <= piece.size
        return piece if right else None

    def save(self, url: str, piece: Piece) -> KeptPiece:
        """Write a piece; TargetError if that fails."""
        facts = {"size": piece.size, "url": url, "version": piece.version}
        raw = json.dumps(facts, sort_keys=True).encode("ascii") + b"\n" + piece.data
        folder = self.folder_of(url)
        digest = hashlib.sha256(raw).hexdigest()
        path = folder / f"{piece.start}-{piece.stop}-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with new_file(path) as draft:
                draft.write_bytes(raw)
        except OSError as error:
            msg = (
                f"the cache {str(self._folder)!r} cannot be written: "
                f"{error.strerror or error}; make room in it, or set {VARIABLE} to "
                "another folder"
            )
            raise TargetError(msg) from error
        return KeptPiece(piece.start, piece.stop, path)
