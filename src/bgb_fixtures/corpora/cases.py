"""A database of cases: one folder per case, with a list of its seizures.

Invariant: if a list cannot be read, every recording of its case is an error; a
recording that is not in a list is unannotated.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from bgb_fixtures.corpora.corpus import Corpus, leads_to
from bgb_fixtures.corpora.places import list_folder
from bgb_fixtures.corpora.recording import Located, Recording
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import AnnotationError, SourceError
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    import os
    import re
    from collections.abc import Collection, Mapping, Sequence
    from decimal import Decimal

    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["CaseCorpus"]

_log = logging.getLogger(__name__)


class _Entry(Protocol):
    """Entry of one recording in a list."""

    @property
    def line(self) -> int:
        """Line of the list where the entry begins, from 1."""

    @property
    def duration(self) -> float | None:
        """Duration of the recording in seconds."""

    @property
    def seizures(self) -> Sequence[tuple[Decimal | int, Decimal | int]]:
        """(start, end) in seconds from the start of the recording, in order."""


_EntryT = TypeVar("_EntryT", bound=_Entry)


class CaseCorpus(Corpus, Generic[_EntryT]):
    """Recordings of a database of cases, or one recording."""

    on_web = True
    address: ClassVar[str]
    """Web address of the database."""
    prefix: ClassVar[str]
    """Prefix of the name of a case."""
    list_pattern: ClassVar[re.Pattern[str]]
    """Pattern of the name of a list; its group is the case."""
    list_form: ClassVar[str]
    """Form of the name of a list, for messages, as are the next two."""
    case_form: ClassVar[str]
    list_of_case: ClassVar[str]
    same_subject: ClassVar[Mapping[str, str]] = {}
    """Cases recorded from the same person as another case."""

    def __init__(
        self,
        root: str | os.PathLike[str] | WebPath,
        *,
        splits: Sequence[str] = (),
        rules: AnnotationRules = NO_RULES,
        dev_subjects: Collection[str] = (),
    ) -> None:
        super().__init__(root, splits=splits, rules=rules, dev_subjects=dev_subjects)
        self._only: str | None = None
        folder = self.root
        if folder.is_file():
            if folder.suffix.lower() != ".edf":
                msg = (
                    f"{str(folder)!r}: expected a folder of {self.title} or an EDF "
                    "file of it"
                )
                raise SourceError(msg)
            self._only = folder.name
            folder = folder.parent
        self._database, self._cases = self._find_cases(folder)
        if not any(path for _, path in self._cases):
            msg = (
                f"{str(folder)!r}: no {self.list_form} found in it"
                + ("" if self._only else f" or in its {self.case_form} folders")
                + ", so its recordings have no annotations. Fetch it from "
                f"{self.address}"
            )
            raise SourceError(msg)

    @property
    def why_unannotated(self) -> str:  # type: ignore[override]
        """Message for a recording without an entry in a list."""
        return f"has no entry in the {self.list_of_case}"

    @abstractmethod
    def _parse(
        self, path: CorpusPath, case: str, names: Collection[str]
    ) -> dict[str, _EntryT | AnnotationError]:
        """Read the list of a case, whose EDF files are `names`.

        Return entries by file name; an ambiguous entry is replaced by its error.
        Problems outside the entries are raised.
        """

    @abstractmethod
    def _witnesses(
        self, folder: CorpusPath, file_name: str, present: Collection[str]
    ) -> tuple[CorpusPath, ...]:
        """Return those files of the folder that also annotate the recording."""

    @abstractmethod
    def _label(self, case: str, entry: _EntryT, located: Located) -> str:
        """Compare an entry with other annotation files; return the seizure label."""

    def _find_cases(
        self, folder: CorpusPath
    ) -> tuple[CorpusPath, list[tuple[CorpusPath, CorpusPath | None]]]:
        """Return the folder of the cases, and each case as (folder, list or None)."""
        items = list_folder(folder)
        if here := self._lists_among(items):
            return folder.absolute().parent, [(folder, path) for path in here]
        cases: list[tuple[CorpusPath, CorpusPath | None]] = []
        for item in items:
            is_case = item.name.lower().startswith(self.prefix.lower())
            if not (is_case and item.is_dir()):
                continue
            try:
                found = self._lists_among(list_folder(item))
            except SourceError:
                # `find` reports this error with the recordings of the case.
                cases.append((item, None))
                continue
            cases += [(item, path) for path in found]
            if not found:
                cases.append((item, None))
                what = (self.title, item.name, self.list_of_case.partition(" of ")[0])
                _log.info("%s: %s has no %s, and so no annotations", *what)
        return folder, cases

    def _lists_among(self, items: Sequence[CorpusPath]) -> list[CorpusPath]:
        return [path for path in items if self.list_pattern.fullmatch(path.name)]

    def _case(self, folder: CorpusPath, path: CorpusPath | None) -> str:
        match = None if path is None else self.list_pattern.fullmatch(path.name)
        return self.prefix + (match[1] if match else folder.name)[len(self.prefix) :]

    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Find the recordings that have an entry in a list or an EDF file."""
        located: dict[str, Located] = {}
        n_lists = Counter(folder for folder, _ in self._cases)
        for folder, path in self._cases:
            case = self._case(folder, path)
            if not leads_to(f"{case}/", wanted):
                continue
            try:
                present = {item.name for item in list_folder(folder)}
            except SourceError as error:
                located[f"{case}/"] = Located(error=str(error))
                continue
            names = {
                name
                for name in present
                if name.lower().endswith(".edf")
                and (n_lists[folder] == 1 or name.lower().startswith(case.lower()))
            }
            entries: dict[str, _EntryT | AnnotationError] = {}
            if path is not None:
                try:
                    entries = self._parse(path, case, names)
                except AnnotationError as error:
                    entries = dict.fromkeys(names or {path.name}, error)
            for file_name in sorted(names | entries.keys()):
                if self._only not in (None, file_name):
                    continue
                name = f"{case}/{file_name}"
                entry = entries.get(file_name)
                annotations: tuple[CorpusPath, ...] = ()
                place = problem = ""
                if path is not None and entry is not None:
                    others = self._witnesses(folder, file_name, present)
                    annotations = (path, *others)
                if isinstance(entry, AnnotationError):
                    problem = str(entry)
                elif entry is not None:
                    place = f"{str(path)!r}, line {entry.line}"
                if name in located:
                    problem = (
                        f"{str(folder)!r}: {name!r} is also in another folder; remove "
                        "one of the two"
                    )
                located[name] = Located(
                    signal=str(folder / file_name) if file_name in names else "",
                    annotations=tuple(map(str, annotations)),
                    place=place,
                    error=problem,
                    entry=entry,
                )
        return located

    def annotation_name(self, name: str, located: Located, path: str) -> str:  # noqa: ARG002
        """Return the file's name in the list of digests, independent of the root."""
        return f"{name.partition('/')[0]}/{self.place_of(path).name}"

    def split_of(self, name: str) -> str:  # noqa: ARG002
        """Return ``"train"``: these databases have no splits."""
        return "train"

    def annotate(self, name: str, located: Located) -> Recording:
        """Return the recording of a list entry, with its seizures."""
        entry = located.entry
        case = name.partition("/")[0]
        label = self._label(case, entry, located)
        return Recording(
            name=name,
            subject=self.same_subject.get(case, case),
            split="train",
            duration=None if entry.duration is None else float(entry.duration),
            events=tuple(
                Event(onset=float(start), duration=float(stop - start), label=label)
                for start, stop in entry.seizures
            ),
            located=located,
        )
