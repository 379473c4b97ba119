"""File names of goldens.

Invariant: two tests, or two goldens of a test, never share a file, not even on a
case-insensitive file system: any name that is not plain lower case gets a digest.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    import os

__all__ = ["SUFFIX", "as_stored", "check_name", "file_name_of", "golden_path"]

SUFFIX = ".npz"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_PLAIN = re.compile(r"[a-z0-9_-]{1,80}")
_MOST_READABLE = 80


def check_name(name: str) -> None:
    """Raise SpecError if the name of a golden cannot be used as a file name."""
    if not _NAME.fullmatch(name):
        msg = (
            f"golden name {name!r:.80}: expected 1 to 64 letters, digits, _ or -, such as "
            "'logits'"
        )
        raise SpecError(msg)


def golden_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Return the path of a golden that is recorded from the command line."""
    check_name(name)
    return Path(folder) / f"{name}{SUFFIX}"


def file_name_of(test: str, name: str) -> str:
    """Return the file name of a golden of a test such as ``"TestUNet::test_it[2]"``.

    The result is ``test_it.logits.npz`` if both names are plain. Otherwise 12 digits of
    a SHA-256 are added: ``TestUNet.test_it-2.logits.0f3a5c7e9b1d.npz``.
    """
    if _PLAIN.fullmatch(test) and _PLAIN.fullmatch(name):
        return f"{test}.{name}{SUFFIX}"
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", test.replace("::", ".")).strip("-")
    digest = hashlib.sha256(f"{test}\0{name}".encode()).hexdigest()[:12]
    return f"{readable[:_MOST_READABLE]}.{name}.{digest}{SUFFIX}"


def as_stored(test: str) -> str:
    """Return the name of a test in printable ASCII, as stored in a golden."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in test)
