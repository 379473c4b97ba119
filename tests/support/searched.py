"""A corpus as tests look at it: its recordings, what is wrong with others, open ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bgb_fixtures.corpora.find import (
    annotation_digests,
    iter_findings,
    named_recordings,
    usable_recordings,
)
from bgb_fixtures.corpora.opened import OpenRecordings
from bgb_fixtures.eeg.montage import Montage, find_montage
from bgb_fixtures.request.annotation_rules import RULE_KEYS, AnnotationRules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.opened import OpenRecording
    from bgb_fixtures.corpora.recording import Finding, Licence, Recording
    from bgb_fixtures.eeg.signal import Signal

__all__ = ["Searched", "search"]


class Searched:
    """A corpus, its usable recordings, and the problems of the others.

    `problems` are those of the last call of `recordings`.
    """

    def __init__(self, corpus: Corpus, *, strict: bool = False) -> None:
        self.corpus = corpus
        self.problems: tuple[Finding, ...] = ()
        self._strict = strict
        self._opened: dict[str, OpenRecording] = {}

    @property
    def licence(self) -> Licence:
        return self.corpus.licence

    def findings(
        self, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Finding]:
        return iter_findings(self.corpus, progress)

    def recordings(
        self, progress: Callable[[int, int], None] | None = None
    ) -> tuple[Recording, ...]:
        """Return what can be used; keep what is wrong with the others."""
        found, self.problems = usable_recordings(
            self.corpus, strict=self._strict, progress=progress
        )
        return found

    def named_recordings(
        self, names: Collection[str], *, sha256: Mapping[str, str]
    ) -> tuple[Recording, ...]:
        return named_recordings(self.corpus, names, sha256=sha256)

    def annotation_digests(self, recordings: Collection[Recording]) -> dict[str, str]:
        return annotation_digests(self.corpus, recordings)

    @contextmanager
    def open(self, recording: Recording, montage: Montage | str) -> Iterator[Signal]:
        """Open a recording for the rows of a montage."""
        if isinstance(montage, str):
            montage = find_montage(montage)
        with OpenRecordings(self.corpus) as opened:
            one = self._opened[recording.name] = opened.open(recording)
            yield one.signal(montage)

    def open_and_close(self, recording: Recording, montage: Montage | str) -> None:
        """Open a recording, which may be refused, and read no sample of it."""
        with self.open(recording, montage):
            pass

    def assumptions(self, recording: Recording) -> tuple[str, ...]:
        """Return what was assumed about a recording when it was last opened."""
        return self._opened[recording.name].assumptions


def search(
    kind: type[Corpus], root: Any, *, strict: bool = False, **options: Any
) -> Searched:
    """Return a corpus of a class, ready to be looked at; options may be rules."""
    given = {key: options.pop(key) for key in RULE_KEYS if key in options}
    if given:
        options["rules"] = AnnotationRules(**given)
    return Searched(kind(root, **options), strict=strict)
