"""What every corpus knows to do: find its recordings, read annotations, check a file.

Invariant: a corpus holds its root and nothing that changes; what was found is handed on
in the values of `corpora.recording`. Nothing depends on the order in which a folder lists
its files.
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
    from bgb_fixtures.eeg.montage import Row
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["BLIND_SPLIT", "Corpus", "leads_to", "list_folder"]

BLIND_SPLIT = "eval"
"""Nobody should tune on it (AAREADME of TUSZ), so it has to be requested by name."""


def leads_to(folder: str, wanted: Collection[str] | None) -> bool:
    """Say whether one of the wanted recordings can be below a folder; None: all are."""
    return wanted is None or any(name.startswith(folder) for name in wanted)


class Corpus(ABC):
    """Recordings in files below a folder or a web address, or one of them.

    `splits` are those to offer; empty: all but ``eval``. `rules` say how annotations in
    free text are read. Recordings of `dev_subjects` are in split ``dev``, where the corpus
    has no splits. SourceError if there is nothing at `root`, SpecError if this corpus
    cannot be read over the web.
    """

    title: ClassVar[str]
    sought: ClassVar[str] = "EDF files"
    """What counts as a recording, for messages."""
    on_web: ClassVar[bool] = False
    """Whether a root may be a web address."""
    why_unannotated: ClassVar[str] = (
        "has no annotation file: unannotated, which does not mean free of seizures"
    )
    """What is said of a recording without annotations."""

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
            # Path has made s3:/ of s3://.
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
        """Return the place that a user named; of an address, fetch its list."""
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
        """The root of a corpus that is not on the web."""
        if not isinstance(self.root, Path):
            raise TypeError(self.root)
        return self.root

    @property
    def top(self) -> Path:
        """The folder to look in: the root, or that of the one recording requested."""
        return self.folder if self.folder.is_dir() else self.folder.parent

    def offers(self, split: str) -> bool:
        """Say whether recordings of a split are requested."""
        return split in self.splits if self.splits else split != BLIND_SPLIT

    @property
    @abstractmethod
    def licence(self) -> Licence:
        """What may be done with the data."""

    @abstractmethod
    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Find the files of every recording, by its name; read no signal.

        With `wanted`, folders that hold none of these recordings may be left out.
        """

    @abstractmethod
    def annotate(self, name: str, located: Located) -> Recording:
        """Read the annotations of a recording; AnnotationError if they are not certain."""

    @abstractmethod
    def split_of(self, name: str) -> str:
        """Return the split of a recording; empty if it is not known."""

    def annotation_name(self, name: str, located: Located, path: str) -> str:  # noqa: ARG002
        """Return what the corpus calls an annotation file of a recording."""
        return path.removeprefix(f"{self.top}/")

    def place_of(self, address: str) -> CorpusPath:
        """Return the place of a file that `find` has located."""
        return Path(address) if isinstance(self.root, Path) else self.root.at(address)

    # What a corpus knows about its EDF files.

    def labels_of(self, header: EdfHeader) -> list[str]:
        """Return the labels of the signals of a file, known slips corrected."""
        return [signal.label for signal in header.signals]

    def assumptions(self, recording: Recording, header: EdfHeader) -> list[str]:  # noqa: ARG002
        """Return what was decided while the header was read; no text names anything."""
        return []

    def check(  # noqa: B027
        self, opened: OpenRecording, rows: Sequence[Row]
    ) -> None:
        """Compare a file, and the channels of some rows, with what annotations say.

        SourceError if they differ, or a channel may not be used.
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

        A folder that cannot be listed is noted in `located`; one that is in `skip` is
        passed over at the top. Hidden files do not count: macOS leaves ``._name.edf``
        beside ``name.edf``. Of a root that is a file only its folder is listed.
        """
        pending = [""]
        # Links are followed, as data managers make them, but never in circles.
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
