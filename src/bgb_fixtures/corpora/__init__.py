"""Sources of recordings with events, behind one protocol.

Invariant: `recordings()` reads annotations only; a signal is touched by `open()` at the
earliest, and then the header and the records asked for. (Where the annotations are in
the recording, as in EDF+, they are read there, and nothing else of it.)
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.corpora.corpus import CorpusSource
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.edf.byte_source import CorpusPath
    from bgb_fixtures.eeg.events import Event
    from bgb_fixtures.eeg.montage import Montage

__all__ = [
    "SOURCE_NAMES",
    "Licence",
    "Recording",
    "Signal",
    "Source",
    "get_source",
    "open_root",
]

SOURCE_NAMES = ("bids", "chbmit", "edf", "siena", "tusz")
"""Sources of recordings in files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Say what may be done with the data of a source.

    Attributes
    ----------
    name : str
        Short name, an SPDX identifier where there is one.
    url : str
        Where its text is.
    attribution : str
        What to cite; may be empty.
    redistributable : bool
        Whether a fixture made from the source may be given to others.
    """

    name: str
    url: str
    attribution: str
    redistributable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Hold what the annotations say of one recording.

    Attributes
    ----------
    name : str
        The source's own name, e.g. ``"chb01/chb01_03.edf"``; unique, the order of
        recordings, and never written to a fixture.
    subject : str
        The source's own subject; never written to a fixture.
    split : str
        ``"train"`` where the source has no splits.
    duration : float or None
        Seconds, if the annotations say so.
    events : tuple of Event
        All seizures, in order of onset; empty if it is annotated as seizure-free.
    """

    name: str
    subject: str
    split: str
    duration: float | None
    events: tuple[Event, ...]


class Signal(Protocol):
    """An opened recording: its header is read, its samples are not."""

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz of the rows of the montage."""

    @property
    def n_times(self) -> int:
        """Number of samples in the recording."""

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start)."""

    def __enter__(self) -> Self:
        """Return the signal itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file behind the signal."""


class Source(Protocol):
    """A corpus, or a generator that stands for one."""

    @property
    def licence(self) -> Licence:
        """What may be done with its data."""

    def identity(self, names: Collection[str]) -> dict[str, Any]:
        """Return what else the records of a fixture with these recordings keep."""

    def recordings(self) -> Sequence[Recording]:
        """Return every annotated recording, sorted by name, from annotations alone."""

    def open(self, recording: Recording, montage: Montage | str) -> Signal:
        """Open one recording for a montage; read its header and check it."""


def get_source(
    name: str,
    root: str | os.PathLike[str] | WebPath,
    *,
    splits: Sequence[str] = (),
    annotations: str | os.PathLike[str] | None = None,
    label_pattern: str | None = None,
    strict: bool = False,
) -> CorpusSource:
    """Return a source of recordings in files.

    Parameters
    ----------
    name : str
        One of `SOURCE_NAMES`.
    root : str, path or WebPath
        Folder of the corpus or a part of it, or one recording; of ``chbmit`` and
        ``siena`` a web address, too.
    splits : sequence of str
        Splits to take recordings from; empty: all but ``eval``, which is kept blind
        and has to be asked for by name.
    annotations : str, path or None
        Source ``edf`` only: a file or folder of annotations; None: beside the
        recordings, or in them.
    label_pattern : str or None
        Source ``edf`` only: regular expression that matches the whole of each label
        that is a seizure; None: labels are SzCORE or TUSZ codes.
    strict : bool
        Whether one recording whose annotations are not certain is an error.

    Returns
    -------
    source : CorpusSource
        Nothing is read yet but names of files.

    Raises
    ------
    SpecError
        If there is no such source, or it has no such option.
    SourceError
        If there is nothing of that corpus at `root`.
    FetchError
        If a web address cannot be read with certainty.
    """
    from bgb_fixtures.corpora.plain import FilesSource

    if name == "edf":
        return FilesSource(
            root,
            splits=splits,
            annotations=None if annotations is None else Path(annotations),
            label_pattern=label_pattern,
            strict=strict,
        )
    for option, value in (
        ("annotations", annotations),
        ("label_pattern", label_pattern),
    ):
        if value is not None:
            msg = f"{option} is for source 'edf' only; drop it for source {name!r}"
            raise SpecError(msg)
    return _source_class(name)(root, splits=splits, strict=strict)


def open_root(name: str, root: str | os.PathLike[str] | WebPath) -> CorpusPath:
    """Return the place of a corpus, before a source of it is made.

    Parameters
    ----------
    name : str
        One of `SOURCE_NAMES`.
    root : str, path or WebPath
        As for `get_source`.

    Returns
    -------
    place : path or WebPath
        To be given to `get_source`.

    Raises
    ------
    SpecError
        If there is no such source, or it cannot be read over the web.
    FetchError
        If there is no corpus at a web address.
    """
    return _source_class(name).open_root(root)


def _source_class(name: str) -> type[CorpusSource]:
    # Modules of the sources import this one.
    from bgb_fixtures.corpora.bids.corpus import BidsSource
    from bgb_fixtures.corpora.chbmit.corpus import ChbmitSource
    from bgb_fixtures.corpora.plain import FilesSource
    from bgb_fixtures.corpora.siena import SienaSource
    from bgb_fixtures.corpora.tusz.corpus import TuszSource

    sources: dict[str, type[CorpusSource]] = {
        "bids": BidsSource,
        "chbmit": ChbmitSource,
        "edf": FilesSource,
        "siena": SienaSource,
        "tusz": TuszSource,
    }
    if name not in sources:
        close = difflib.get_close_matches(name.lower(), SOURCE_NAMES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(map(repr, SOURCE_NAMES))
        msg = f"unknown source {name!r}; {hint}Sources of recordings in files: {known}"
        raise SpecError(msg)
    return sources[name]
