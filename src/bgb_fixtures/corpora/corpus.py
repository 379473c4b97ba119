"""Base class of corpora: find recordings, read annotations, check a file.

Invariant: a corpus is immutable; results are returned as values of `corpora.recording`.
Nothing depends on the order in which a folder lists its files.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bgb_fixtures.corpora.places import (
    corpus_path,
    is_there,
    is_web_address,
    list_folder,
)
from bgb_fixtures.corpora.recording import Located
from bgb_fixtures.errors import SourceError, SpecError
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bgb_fixtures.corpora.opened import OpenRecording
    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.recording import Licence, Recording
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.edf.header import EdfHeader
    from bgb_fixtures.eeg.events import Event
    from bgb_fixtures.eeg.montage import Row
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["BLIND_SPLIT", "Corpus", "leads_to", "list_folder"]

BLIND_SPLIT = "eval"
"""Not for tuning (AAREADME of TUSZ), so this split has to be requested by name."""


def leads_to(folder: str, wanted: Collection[str] | None) -> bool:
    """Say whether a folder can contain a wanted recording; None: all are wanted."""
    return wanted is None or any(name.startswith(folder) for name in wanted)


class Corpus(ABC):
    """Recordings in files below a folder or a web address, or one recording.

    `splits` are the splits to use; empty: all but ``eval``. `rules` define how
    free-text annotations are read. If the corpus has no splits, recordings of
    `dev_subjects` are in split ``dev``. SourceError if `root` does not exist, SpecError
    if this corpus cannot be read over the web.
    """

    title: ClassVar[str]
    sought: ClassVar[str] = "EDF files"
    """Description of a recording of this corpus, for messages."""
    on_web: ClassVar[bool] = False
    """Whether a root may be a web address."""
    why_unannotated: ClassVar[str] = "has no annotation file"
    """Message for a recording without annotations."""
    advice_unannotated: ClassVar[str] = "Check --source and --root"
    """Message for a corpus without annotations."""

    def __init__(
        self,
        root: str | os.PathLike[str] | WebPath,
        *,
        splits: Sequence[str] = (),
        rules: AnnotationRules = NO_RULES,
        dev_subjects: Collection[str] = (),
    ) -> None:
        place = self.open_root(root)
        if not is_there(place):
            # Path normalises 's3://' to 's3:/'.
            is_other = isinstance(place, Path) and ":/" in str(place)
            hint = "; a web address begins with https://" if is_other else ""
            msg = f"{str(place)!r}: no such folder or file{hint}"
            raise SourceError(msg)
        self.root = place
        self.splits = tuple(splits)
        self.rules = rules
        self.dev_subjects = frozenset(dev_subjects)

    @classmethod
    def open_root(cls, root: str | os.PathLike[str] | WebPath) -> CorpusPath:
        """Return the root that a user named; for an address, fetch its list."""
        is_local = isinstance(root, str | os.PathLike) and not is_web_address(root)
        if not (cls.on_web or is_local):
            msg = (
                f"{cls.title} cannot be read over the web, unlike chbmit and siena "
                f"(found {str(root)!r}). Download it and pass the folder"
            )
            raise SpecError(msg)
        return corpus_path(root)

    @property
    def folder(self) -> Path:
        """The root of a local corpus."""
        if not isinstance(self.root, Path):
            raise TypeError(self.root)
        return self.root

    @property
    def top(self) -> Path:
        """The folder to search: the root, or the folder of the requested recording."""
        return self.folder if self.folder.is_dir() else self.folder.parent

    def offers(self, split: str) -> bool:
        """Say whether recordings of a split are requested."""
        return split in self.splits if self.splits else split != BLIND_SPLIT

    @property
    @abstractmethod
    def licence(self) -> Licence:
        """Licence of the data."""

    @abstractmethod
    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Return the files of every recording by name, without reading a signal.

        With `wanted`, folders that hold none of these recordings may be skipped.
        """

    @abstractmethod
    def annotate(self, name: str, located: Located) -> Recording:
        """Read annotations; AnnotationError if they are invalid or ambiguous."""

    @abstractmethod
    def split_of(self, name: str) -> str:
        """Return the split of a recording; empty if unknown."""

    def annotation_name(self, name: str, located: Located, path: str) -> str:  # noqa: ARG002
        """Return the corpus' own name of an annotation file of a recording."""
        return path.removeprefix(f"{self.top}/")

    def place_of(self, address: str) -> CorpusPath:
        """Return the path of a file that `find` located."""
        return Path(address) if isinstance(self.root, Path) else self.root.at(address)

    def late_end(
        self,
        recording: Recording,
        event: Event,  # noqa: ARG002
        *,
        length: float,  # noqa: ARG002
    ) -> tuple[str, str]:
        """Return where a seizure ends after its file of `length` seconds, and a remedy.

        Both are parts of a message.
        """
        located = recording.located
        return located.place or repr(located.annotations[0]), "Fetch the file again"

    # The next methods cover known properties of the EDF files of a corpus.

    def labels_of(self, header: EdfHeader) -> list[str]:
        """Return the signal labels of a file, with known errors corrected."""
        return [signal.label for signal in header.signals]

    def assumptions(self, recording: Recording, header: EdfHeader) -> list[str]:  # noqa: ARG002
        """Return assumptions made about the header, without identifying text."""
        return []

    def check(  # noqa: B027
        self, opened: OpenRecording, rows: Sequence[Row]
    ) -> None:
        """Compare a file, and the channels of some rows, with the annotations.

        SourceError if they differ, or if a channel must not be used.
        """

    def checked_signal(
        self,
        signal: Signal,
        rows: Sequence[Row],  # noqa: ARG002
        *,
        where: str,  # noqa: ARG002
    ) -> Signal:
        """Return a signal whose samples are checked while they are read."""
        return signal

    def _walk(
        self,
        located: dict[str, Located],
        *,
        wanted: Collection[str] | None = None,
        skip: Sequence[str] = (),
    ) -> Iterator[tuple[str, list[str]]]:
        """Yield (path from the root with ``/`` at its end, sorted names of its files).

        A folder that cannot be listed is recorded in `located`; top-level folders in
        `skip` are skipped. Hidden files do not count: macOS leaves ``._name.edf``
        beside ``name.edf``. If the root is a file, only its folder is listed.
        """
        pending = [""]
        # Data managers create links, so they are followed, but each folder only once.
        seen = set()
        while pending:
            below = pending.pop()
            folder = self.top / below
            files: list[str] = []
            folders: list[str] = []
            try:
                status = folder.stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if not entry.name.startswith("."):
                            (folders if entry.is_dir() else files).append(entry.name)
            except OSError as error:
                msg = f"{str(folder)!r} cannot be listed: {error.strerror}"
                if not below:
                    raise SourceError(msg) from error
                located[below] = Located(error=msg)
                continue
            yield below, sorted(files)
            if self.folder.is_dir():
                pending += [
                    f"{below}{name}/"
                    for name in sorted(folders, reverse=True)
                    if (below or name not in skip)
                    and leads_to(f"{below}{name}/", wanted)
                ]
