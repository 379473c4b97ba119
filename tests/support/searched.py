"""A corpus as tests look at it: its recordings, what is wrong with others, open ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from bgb_fixtures.corpora import open_corpus
from bgb_fixtures.corpora.find import iter_findings, named_recordings, usable_recordings
from bgb_fixtures.corpora.opened import OpenRecordings
from bgb_fixtures.eeg.montage import Montage, find_montage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.recording import Finding, Licence, Recording
    from bgb_fixtures.eeg.signal import Signal

__all__ = ["Searched", "search", "search_named"]


class _Opened:
    """A signal that a test reads inside a block."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal

    def __enter__(self) -> Signal:
        return self._signal

    def __exit__(self, *_: object) -> None:
        pass


class Searched:
    """A corpus, its usable recordings, and the problems of the others."""

    def __init__(self, corpus: Corpus, *, strict: bool = False) -> None:
        self.corpus = corpus
        self._strict = strict
        self.opened = OpenRecordings(corpus)
        self.problems: tuple[Finding, ...] = ()

    @property
    def licence(self) -> Licence:
        return self.corpus.licence

    def recordings(self, progress: Any = None) -> tuple[Recording, ...]:
        """Return what can be used; keep what is wrong with the others."""
        found, self.problems = usable_recordings(
            self.corpus, strict=self._strict, progress=progress
        )
        return found

    def named_recordings(
        self, names: Collection[str], *, sha256: Mapping[str, str]
    ) -> tuple[Recording, ...]:
        return named_recordings(self.corpus, names, sha256=sha256)

    def findings(self, progress: Any = None) -> Iterator[Finding]:
        return iter_findings(self.corpus, progress)

    def open(self, recording: Recording, montage: Montage | str) -> _Opened:
        """Open a recording for a montage, at once."""
        if isinstance(montage, str):
            montage = find_montage(montage)
        return _Opened(self.opened.open(recording).signal(montage))

    def assumptions(self, recording: Recording) -> tuple[str, ...]:
        """Return what was assumed about a recording."""
        return self.opened.open(recording).assumptions

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.close()


def search(
    kind: type[Corpus], root: Any, *, strict: bool = False, **options: Any
) -> Searched:
    """Return a corpus of a class, ready to be looked at."""
    return Searched(kind(root, **options), strict=strict)


def search_named(
    name: str, root: Any, *, strict: bool = False, **options: Any
) -> Searched:
    """Return a corpus by the name of its source, ready to be looked at."""
    return Searched(open_corpus(name, root, **options), strict=strict)
