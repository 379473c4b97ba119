"""Text files of annotations: lines, decimal numbers, and errors with file and line."""

from __future__ import annotations

import re
import stat
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.eeg.annotations import to_nanosecond
from bgb_fixtures.errors import AnnotationError, SourceError, shorten

if TYPE_CHECKING:
    from bgb_fixtures.corpora.places import CorpusPath

__all__ = [
    "fail",
    "parse_time",
    "problem_at",
    "read_lines",
    "read_text",
    "read_whole",
]

_NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,2})?")
# The longest real file, with rows for 22 channels over hours, has less than 1 MB.
_LARGEST_BYTES = 64 * 2**20


def problem_at(path: CorpusPath, line: int, problem: str) -> AnnotationError:
    """Return an error about a place in a file."""
    where = f", line {line}" if line else ""
    return AnnotationError(f"{str(path)!r}{where}: {shorten(problem)}")


def fail(path: CorpusPath, line: int, problem: str) -> NoReturn:
    """Raise an error about a place in a file."""
    raise problem_at(path, line, problem)


def read_whole(path: CorpusPath) -> bytes:
    """Return the bytes of an annotation file."""
    if not isinstance(path, Path):
        try:
            return path.read_bytes()
        except SourceError as error:
            # A file missing on the server is a problem of its recordings only.
            raise AnnotationError(str(error)) from error
    try:
        status = path.stat()
        # Reading would block on a pipe and never end on some devices.
        if not stat.S_ISREG(status.st_mode):
            fail(path, 0, "expected annotations, which are in ordinary files")
        if status.st_size > _LARGEST_BYTES:
            fail(path, 0, f"expected annotations, at most {_LARGEST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        fail(path, 0, f"cannot be read: {error.strerror}")


def read_text(path: CorpusPath) -> str:
    """Return the text of an annotation file, without a byte order mark."""
    raw = read_whole(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = "is not UTF-8 text; save the file in this encoding ('CSV UTF-8')"
        fail(path, raw.count(b"\n", 0, error.start) + 1, problem)


def read_lines(path: CorpusPath) -> list[str]:
    """Return the lines of an annotation file, without blanks at their ends."""
    # Not splitlines(), which also splits at separators that may occur in a label.
    return [line.rstrip() for line in read_text(path).split("\n")]


def parse_time(text: str, what: str, *, path: CorpusPath, line: int) -> Decimal:
    """Parse a time in seconds, rounded to the nanosecond."""
    # Decimal() also accepts 'NaN', 'Infinity' and '1_0'.
    if not _NUMBER.fullmatch(text):
        fail(path, line, f"{what}: expected seconds, got {text!r}")
    return to_nanosecond(Decimal(text))
