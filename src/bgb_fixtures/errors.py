"""The exceptions of this package, each also of a built-in type, and their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bgb_fixtures.eeg.annotations import LabelCount

__all__ = [
    "AnnotationError",
    "ChannelNotFoundError",
    "FetchError",
    "FixtureError",
    "FixtureNotFoundError",
    "FormatError",
    "FormatVersionError",
    "GoldenMismatchError",
    "IntegrityError",
    "Key",
    "MissingPackageError",
    "PrivacyError",
    "SmokeError",
    "SourceError",
    "SpecError",
    "TargetError",
    "counted",
    "shorten",
    "suggest",
]


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 window`` or ``2 windows``."""
    return f"{n} {noun}{'s' * (n != 1)}"


def suggest(value: str, known: Iterable[str]) -> str:
    """Return the end of a clause on an unknown word: the word that may be meant, or "."."""
    import difflib

    close = difflib.get_close_matches(value, [*known], n=1)
    return f"; did you mean {close[0]!r}?" if close else "."


def shorten(text: str, most: int = 600) -> str:
    """Return a text that is safe to show in a message.

    Parameters
    ----------
    text : str
        Any text, for example from a broken file.
    most : int
        Maximum number of characters to show, half of them from either end.

    Returns
    -------
    shown : str
        The text, shortened if it is longer than `most`, with non-printable characters
        escaped.
    """
    half = most // 2
    shown = text if len(text) <= most else f"{text[:half]} ... {text[-half:]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)


class FixtureError(Exception):
    """Base class of all errors that users of this package may handle."""


class Key(str):
    """A key of a spec, as a part of a message; commands show its option instead."""

    __slots__ = ()


class SpecError(FixtureError, ValueError):
    """The request for a fixture is wrong or cannot be met.

    Parameters
    ----------
    *parts : str
        Parts of the message, kept as `parts`. `Key` marks keys of the spec.
    """

    def __init__(self, *parts: str) -> None:
        super().__init__("".join(parts))
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the parts in copies and other processes."""
        return type(self), self.parts


class SourceError(FixtureError, ValueError):
    """A recording cannot be used."""


class AnnotationError(SourceError):
    """An annotation file is invalid or ambiguous; names file and line.

    Parameters
    ----------
    message : str
        Text of the message.
    labels : tuple of LabelCount
        If a label is the reason: all labels of the recording, with their meanings.
    """

    def __init__(self, message: str, *, labels: tuple[LabelCount, ...] = ()) -> None:
        super().__init__(message)
        self.labels = labels


class ChannelNotFoundError(SourceError, LookupError):
    """A recording lacks a channel that the montage needs.

    Parameters
    ----------
    message : str
        Text of the message.
    missing : tuple of str
        The rows of the montage that cannot be computed.
    answered : bool
        Whether the message names an option that helps.
    """

    def __init__(
        self, message: str, *, missing: tuple[str, ...] = (), answered: bool = False
    ) -> None:
        super().__init__(message)
        self.missing = missing
        self.answered = answered


class FetchError(FixtureError, RuntimeError):
    """A web server did not return what was expected; names the address and a remedy.

    It is not a SourceError, after which a build continues with another recording: the
    content of a fixture must not depend on network failures.
    """


class FixtureNotFoundError(FixtureError, FileNotFoundError):
    """No fixture with this name or path exists."""


class FormatError(FixtureError, ValueError):
    """A file is not a fixture, or breaks a rule of the format (DATA.md)."""


class FormatVersionError(FormatError):
    """A fixture has a format version that this release cannot read."""


class IntegrityError(FormatError):
    """The bytes of a fixture do not match their digests."""


class PrivacyError(FixtureError, ValueError):
    """A fixture holds text that identifies its source."""


class GoldenMismatchError(FixtureError, AssertionError):
    """An output differs from the recorded one, or none was recorded yet."""


class TargetError(FixtureError, OSError):
    """A file cannot be written at the requested path."""


class MissingPackageError(FixtureError, ImportError):
    """A required package or device is missing or cannot be used."""


class SmokeError(FixtureError, AssertionError):
    """A detector failed a smoke check; pytest reports this as a failure."""
