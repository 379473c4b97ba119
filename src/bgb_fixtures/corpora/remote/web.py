"""Corpora on the web: a folder described by a list of digests, and the files in it.

Invariant: only files in the list are requested. A file fetched as a whole has the
digest in the list; of other files exactly the needed bytes are fetched, each once.
Cached bytes are read without a request.
"""

from __future__ import annotations

import hashlib
import re
from functools import total_ordering
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import quote, unquote_to_bytes, urlsplit

from bgb_fixtures.corpora.remote.cache import WebCache, default_cache
from bgb_fixtures.corpora.remote.http import (
    FileChangedError,
    HttpSession,
    Piece,
)
from bgb_fixtures.errors import FetchError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bgb_fixtures.corpora.remote.cache import KeptPiece

__all__ = ["WebFile", "WebFolder", "WebPath", "open_web"]

_LIST = "SHA256SUMS.txt"
"""Every project on PhysioNet has this list of digests."""
_MOST_LIST_BYTES = 16 * 2**20
_MOST_WHOLE_BYTES = 64 * 2**20
"""Annotation files have less than 1 MB."""
_LEVELS = 3
"""The list is in the named folder, or up to two levels above: case and database."""
_HEAD_BYTES = 16384
"""Enough for an EDF header of up to 63 signals; CHB-MIT has at most 38."""
_MOST_PER_REQUEST = 4 * 2**20
"""Limits the bytes lost when a connection breaks."""
# sha256sum writes a blank, then a blank or a star; PhysioNet has only one blank.
_LINE = re.compile(r"([0-9a-f]{64}) [ *]?(?:\./)?(\S(?:.*\S)?)")
_MOST_CHARACTERS, _MOST_LEVELS = 1000, 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ADVICE = "pass a folder of a PhysioNet database, such as .../files/chbmit/1.0.0/"


def open_web(
    address: str,
    *,
    session: HttpSession | None = None,
    cache: Path | None = None,
) -> WebPath:
    """Find the corpus that contains an address, and read its list of files.

    FetchError if the list is missing or invalid, MissingPackageError without requests.
    """
    host, parts = _split_address(address)
    session = session or HttpSession()
    kept = WebCache(cache or default_cache())
    # The address of a recording is not a folder, so start with the folder above it.
    depth = len(parts) - (bool(parts) and parts[-1].lower().endswith(".edf"))
    bases = [(host, *parts[:n]) for n in range(depth, max(depth - _LEVELS, -1), -1)]
    addresses = [_address(base[0], base[1:]) + "/" for base in bases]
    # Cached lists first, so that a list two levels above is found without a network.
    for known in (True, False):
        for base, url in zip(bases, addresses, strict=True):
            digests = _read_list(url + _LIST, session, kept, known=known)
            if digests is not None:
                folder = WebFolder(url, digests, session=session, cache=kept)
                return WebPath(folder, parts[len(base) - 1 :])
    msg = (
        f"{address!r}: there is no {_LIST} here or in the two folders above, which "
        f"would say what files there are; {_ADVICE}"
    )
    raise FetchError(msg)


def _split_address(address: str) -> tuple[str, tuple[str, ...]]:
    """Return (scheme and host, names of the folders below it)."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        host = None
    if host is None or _CONTROL.search(address):
        msg = f"expected a web address, such as 'https://physionet.org/files/...'; {_ADVICE}"
        raise FetchError(msg)
    if "@" in parts.netloc:
        # The address is not shown, because messages end up in logs.
        msg = (
            f"an address of {host!r} with a user name or a password in it is "
            "rejected: drop the part before the '@'"
        )
        raise FetchError(msg)
    if "?" in address or "#" in address:
        msg = (
            f"an address of {host!r} with '?' or '#' is rejected: drop that character "
            "and everything after it"
        )
        raise FetchError(msg)
    host = f"[{host}]" if ":" in host else host
    try:
        names = [
            unquote_to_bytes(name).decode("utf-8")
            for name in parts.path.strip("/").split("/")
            if parts.path.strip("/")
        ]
    except UnicodeDecodeError:
        names = [".."]
    if not all(map(_is_name, names)):
        msg = f"{address!r}: expected a plain path, without '..' or '//'; {_ADVICE}"
        raise FetchError(msg)
    return f"{parts.scheme}://{host}{port}", tuple(names)


def _is_name(name: str) -> bool:
    """Say whether a text is the name of a single file or folder."""
    wrong = name in ("", ".", "..") or "/" in name or "\\" in name
    return not wrong and _CONTROL.search(name) is None


def _is_path(text: str) -> bool:
    # The depth is bounded, because every folder of the path is stored.
    names = text.split("/", _MOST_LEVELS)
    return len(text) <= _MOST_CHARACTERS and all(map(_is_name, names))


def _address(host: str, names: tuple[str, ...]) -> str:
    # Some servers read an unquoted plus sign as a blank (chb02_16+.edf).
    return "/".join([host, *(quote(name, safe="") for name in names)])


def _read_list(
    url: str, session: HttpSession, cache: WebCache, *, known: bool
) -> dict[str, str] | None:
    """Return the list, from the cache if `known`, else from the web; None if missing.

    It maps paths to digests; an invalid list is not cached.
    """
    if known:
        for kept in cache.find(url):
            piece = cache.load(url, kept)
            if piece is not None and len(piece.data) == piece.size:
                session.traffic.n_cached += piece.size
                return _parse_list(piece.data, where=url)
        return None
    try:
        raw = session.fetch_whole(url, most=_MOST_LIST_BYTES, may_be_absent=True)
    except SourceError:
        return None
    digests = _parse_list(raw, where=url)
    cache.save(url, Piece(start=0, data=raw, size=len(raw), version=""))
    return digests


def _parse_list(raw: bytes, *, where: str) -> dict[str, str]:
    """Return the path and the digest of each file."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"{where!r} is not text: byte {error.start} is not UTF-8; {_ADVICE}"
        raise FetchError(msg) from error
    digests: dict[str, str] = {}
    folders: set[str] = set()
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None or not _is_path(match[2]):
            msg = (
                f"{where!r}, line {number}: expected a SHA-256 and the path of a file "
                f"below this folder, got {line[:100]!r}; {_ADVICE}"
            )
            raise FetchError(msg)
        digest, path = match.groups()
        if digests.setdefault(path, digest) != digest:
            msg = f"{where!r}, line {number}: {path!r} has two digests; {_ADVICE}"
            raise FetchError(msg)
        folders.update(str(above) for above in PurePosixPath(path).parents)
    if both := sorted(folders & digests.keys()):
        msg = f"{where!r}: {both[0]!r} is a file and a folder; {_ADVICE}"
        raise FetchError(msg)
    return digests


class WebFolder:
    """A corpus on the web: fetches files that are in its list of SHA-256 digests."""

    def __init__(
        self,
        url: str,
        digests: dict[str, str],
        *,
        session: HttpSession,
        cache: WebCache,
    ) -> None:
        self.url = url
        self.session = session
        self.cache = cache
        self._digests = digests
        self._children: dict[tuple[str, ...], set[str]] = {(): set()}
        for path in digests:
            names = tuple(path.split("/"))
            for depth, name in enumerate(names):
                self._children.setdefault(names[:depth], set()).add(name)
        # Pieces that this session has already fetched or read from the cache.
        self._counted: set[Path] = set()

    def digest(self, names: tuple[str, ...]) -> str | None:
        """Return the SHA-256 of a file; None if it is not in the list."""
        return self._digests.get("/".join(names))

    def children(self, names: tuple[str, ...]) -> set[str] | None:
        """Return the names in a folder; None if it is not in the list."""
        return self._children.get(names)

    def load(self, url: str, kept: KeptPiece) -> Piece | None:
        """Read a piece from the cache and count it; None if it is damaged."""
        piece = self.cache.load(url, kept)
        if piece is not None and kept.path not in self._counted:
            self._counted.add(kept.path)
            self.session.traffic.n_cached += len(piece.data)
        return piece

    def save(self, url: str, piece: Piece) -> KeptPiece:
        """Save a fetched piece in the cache."""
        kept = self.cache.save(url, piece)
        self._counted.add(kept.path)
        return kept

    def whole(self, path: WebPath) -> bytes:
        """Fetch a file and check it against the list; FetchError if it differs."""
        digest = self.digest(path.parts)
        if digest is None:
            msg = f"{str(path)!r} is not in the list {self.url + _LIST!r}"
            raise SourceError(msg)
        url = str(path)
        for kept in self.cache.find(url):
            piece = self.load(url, kept)
            if piece is not None and _has_digest(piece.data, digest):
                return piece.data
        data = self.session.fetch_whole(url, most=_MOST_WHOLE_BYTES)
        if not _has_digest(data, digest):
            got = hashlib.sha256(data).hexdigest()
            msg = (
                f"{url!r}: expected SHA-256 {digest}, as {_LIST} says, got {got}; the "
                "file or the list changed: delete the list that was kept, folder "
                f"{str(self.cache.folder_of(self.url + _LIST))!r}, and if that does not "
                "help use another copy of this corpus"
            )
            raise FetchError(msg)
        self.save(url, Piece(start=0, data=data, size=len(data), version=""))
        return data


def _has_digest(data: bytes, digest: str) -> bool:
    return hashlib.sha256(data).hexdigest() == digest


@total_ordering
class WebPath:
    """The address of a file or folder, with the methods of `Path` that corpora use."""

    def __init__(self, folder: WebFolder, parts: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.parts = parts

    def __str__(self) -> str:
        """Return the address, without a trailing ``/`` for a folder."""
        return _address(self.folder.url.removesuffix("/"), self.parts)

    def __repr__(self) -> str:
        return f"WebPath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebPath) and str(self) == str(other)

    def __lt__(self, other: WebPath) -> bool:
        return (self.folder.url, self.parts) < (other.folder.url, other.parts)

    def __hash__(self) -> int:
        return hash(str(self))

    def __truediv__(self, below: str) -> Self:
        return type(self)(self.folder, (*self.parts, *below.strip("/").split("/")))

    @property
    def name(self) -> str:
        """Name of the file or folder, not percent-encoded."""
        if self.parts:
            return self.parts[-1]
        return unquote_to_bytes(self.folder.url.split("/")[-2]).decode("utf-8")

    @property
    def stem(self) -> str:
        """Name without suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The part of the name from its last dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Self:
        """The parent folder; the corpus itself at the top."""
        return type(self)(self.folder, self.parts[:-1])

    def with_name(self, name: str) -> Self:
        """Return the address of a file in the same folder."""
        return type(self)(self.folder, (*self.parts[:-1], name))

    def at(self, address: str) -> Self:
        """Return another address in the same corpus."""
        names = address.removeprefix(self.folder.url.removesuffix("/")).strip("/")
        parts = (unquote_to_bytes(name).decode("utf-8") for name in names.split("/"))
        return type(self)(self.folder, tuple(filter(None, parts)))

    def absolute(self) -> Self:
        """Return itself, because an address is always absolute."""
        return self

    def is_file(self) -> bool:
        """Say whether it is a file in the list."""
        return self.folder.digest(self.parts) is not None

    def is_dir(self) -> bool:
        """Say whether it is a folder with files in the list."""
        return self.folder.children(self.parts) is not None

    def exists(self) -> bool:
        """Say whether it is in the list."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[Self]:
        """Yield the contents of a folder, in any order."""
        children = self.folder.children(self.parts)
        if children is None:
            msg = f"{str(self)!r}: no such folder"
            raise SourceError(msg)
        for name in children:
            yield self / name

    def read_bytes(self) -> bytes:
        """Return the bytes of a file of at most 64 MiB, checked against the list."""
        return self.folder.whole(self)

    def sha256(self) -> str:
        """Return the digest of the file, which is fetched and checked."""
        return hashlib.sha256(self.read_bytes()).hexdigest()

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the text of a whole file, checked against the list."""
        text = self.read_bytes().decode(encoding)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def open_ranges(self) -> WebFile:
        """Open the file for reading byte ranges."""
        if not self.is_file():
            msg = f"{str(self)!r}: no such file; expected an EDF file"
            raise SourceError(msg)
        return WebFile(self)


class WebFile:
    """A `ByteSource` over HTTP; one request fetches the first 16 KiB."""

    def __init__(self, path: WebPath) -> None:
        self.name = str(path)
        self._folder = path.folder
        self._kept = self._folder.cache.find(self.name)
        self._version: str | None = None
        self._head = self._first()
        self.size = self._head.size

    def _first(self) -> Piece:
        """Return the first piece, which determines size and version."""
        for kept in self._kept:
            if kept.start == 0 and (piece := self._load(kept)) is not None:
                self._version = piece.version
                return piece
        piece = self._fetch(0, _HEAD_BYTES)
        self._version = piece.version
        return piece

    def _load(self, kept: KeptPiece) -> Piece | None:
        piece = self._folder.load(self.name, kept)
        # Pieces without a version come from files that were fetched as a whole.
        if piece is None or not piece.version:
            return None
        if self._version is not None and piece.version != self._version:
            self._refuse_change(
                f"{self.name!r}: pieces of two versions were kept: {self._version!r} and "
                f"{piece.version!r}"
            )
        return piece

    def _fetch(self, start: int, stop: int) -> Piece:
        size = None if self._version is None else self.size
        try:
            piece = self._folder.session.fetch_range(
                self.name, start, stop, size=size, version=self._version
            )
        except FileChangedError as error:
            self._refuse_change(str(error), error)
        self._kept.append(self._folder.save(self.name, piece))
        return piece

    def _refuse_change(self, problem: str, error: Exception | None = None) -> NoReturn:
        folder = str(self._folder.cache.folder_of(self.name))
        msg = (
            f"{problem}. Its cached pieces are in {folder!r}: delete that folder to "
            "fetch the file again"
        )
        raise FetchError(msg) from error

    def read(self, start: int, stop: int) -> bytes:
        """Read the bytes `[start, stop)`; FetchError if the server fails to."""
        if not 0 <= start <= stop <= self.size:
            msg = (
                f"{self.name!r}: requested bytes {start} to {stop}, but the file has "
                f"{self.size}"
            )
            raise SourceError(msg)
        parts = []
        while start < stop:
            piece = self._piece_at(start, stop)
            part = piece.data[start - piece.start : stop - piece.start]
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _piece_at(self, start: int, stop: int) -> Piece:
        """Return a piece with the byte `start`, from memory, the cache or the web."""
        if start < self._head.stop:
            return self._head
        for kept in self._kept:
            if kept.start <= start < kept.stop:
                piece = self._load(kept)
                if piece is not None:
                    return piece
        later = [kept.start for kept in self._kept if start < kept.start < stop]
        return self._fetch(start, min([stop, start + _MOST_PER_REQUEST, *later]))

    def close(self) -> None:
        """Do nothing, because connections are reused for the next file."""
