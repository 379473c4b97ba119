"""BIDS-EEG data sets whose events follow SzCORE.

Invariant: the licence comes only from `dataset_description.json`, and only if it is
known to allow redistribution; free text of that file never enters a fixture.

References
----------
Brain Imaging Data Structure, https://bids-specification.readthedocs.io; SzCORE,
https://epilepsybenchmarks.com/contribute.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.bids.events import parse_events_tsv, szcore_label
from bgb_fixtures.corpora.corpus import Corpus
from bgb_fixtures.corpora.licences import UNKNOWN_LICENCE, find_licence
from bgb_fixtures.corpora.recording import EDF_SUFFIXES, Licence, Located, Recording
from bgb_fixtures.corpora.seizures import label_counts, seizures_of
from bgb_fixtures.corpora.text import fail, problem_at, read_lines, read_whole
from bgb_fixtures.errors import (
    AnnotationError,
    Key,
    SourceError,
    SpecError,
    shorten,
)
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["BidsCorpus"]

_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")
_EVENTS = "_events.tsv"
_SIDECAR = "_events.json"
_DOI = re.compile(
    r"(?:https?://doi\.org/|doi:)?(10\.[0-9]{4,9}/[A-Za-z0-9._;()/:-]{1,100})"
)
_LISTS = ("dataset_description.json", "participants.tsv")
_SPLITS = {
    "train": "train",
    "dev": "dev",
    "validation": "dev",
    "eval": "eval",
    "test": "eval",
}
# Folders without raw recordings (BIDS, common principles).
_NOT_RAW = ("code", "derivatives", "sourcedata", "stimuli")


class BidsCorpus(Corpus):
    """Recordings of a BIDS data set, of one subject, or one recording.

    The split of a subject is in the column ``split`` of ``participants.tsv``; without
    this column, it is ``train``. `rules` define the meaning of custom labels.
    SourceError if the lists of the data set cannot be read.
    """

    title = "BIDS-EEG"
    sought = "files sub-*_eeg.edf and sub-*_eeg.bdf"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        splits: Sequence[str] = (),
        rules: AnnotationRules = NO_RULES,
        dev_subjects: Collection[str] = (),
    ) -> None:
        super().__init__(root, splits=splits, rules=rules, dev_subjects=dev_subjects)
        self._dataset = _find_dataset(self.folder)
        self._licence = _read_licence(self._dataset)
        self._split_of = _read_splits(self._dataset)
        if dev_subjects and self._split_of:
            msg = (
                f": {str(self._dataset / 'participants.tsv')!r} says the split of each "
                f"subject; drop {', '.join(sorted(dev_subjects))}"
            )
            raise SpecError(Key("dev_subjects"), shorten(msg))

    @property
    def licence(self) -> Licence:
        """The licence that the data set states; unknown if not recognised."""
        return self._licence

    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Find recordings and their tables of events by the entities in file names."""
        located: dict[str, Located] = {}
        only = None if self.folder.is_dir() else _entities(self.folder.name)
        folders = dict(self._walk(located, wanted=wanted, skip=_NOT_RAW))
        above = self._above()
        tables = above | {
            f"{self.top}/{below}": _by_subject(names, _EVENTS)
            for below, names in folders.items()
        }
        unused: dict[str, Located] = {}
        used = set()
        for below, names in folders.items():
            folder = f"{self.top}/{below}"
            levels = [f"{self.top}/{part}" for part in _parts(below)] + [*above]
            signals = {
                entities: name
                for name in names
                if (entities := _entities(name)) is not None
                and not name.endswith(_EVENTS)
                and only in (None, entities)
            }
            for entities, signal in signals.items():
                found = next(_applying(tables, levels, entities), [])
                used |= {*found}
                located[f"{below}{signal}"] = Located(
                    signal=f"{folder}{signal}",
                    annotations=tuple(found),
                    error=_say_several(f"{below}{signal}", found),
                )
            for name in names:
                entities = _entities(name) if name.endswith(_EVENTS) else None
                if entities is not None and only in (None, entities):
                    unused[f"{below}{entities}_eeg.edf"] = Located(
                        annotations=(f"{folder}{name}",)
                    )
        # An unused table belongs to a missing recording, unless recordings inherit it.
        for name, one in unused.items():
            if not used.intersection(one.annotations):
                located.setdefault(name, one)
        return located

    def _above(self) -> dict[str, dict[str, list[str]]]:
        """Return the tables of events in the folders above the root, the nearest first."""
        folders = [
            folder
            for folder in self.top.resolve().parents
            if folder.is_relative_to(self._dataset)
        ]
        return {f"{folder}/": _names_in(f"{folder}/", _EVENTS) for folder in folders}

    def annotation_name(self, name: str, located: Located, path: str) -> str:
        """Return the path of a table from the root, or from the data set above it."""
        shown = super().annotation_name(name, located, path)
        return shown.removeprefix(f"{self._dataset}/")

    def split_of(self, name: str) -> str:
        """Return the split of the subject; empty if the subject is not in the table."""
        split = self._split_of.get(_subject(name), "" if self._split_of else "train")
        return split if isinstance(split, str) else ""

    def annotate(self, name: str, located: Located) -> Recording:
        """Read the table of events of a recording."""
        path = Path(located.annotations[0])
        annotations = parse_events_tsv(path, self.rules)
        try:
            events = seizures_of(annotations, szcore_label, path=path, rules=self.rules)
        except AnnotationError as error:
            if not error.labels:
                raise
            folder = Path(located.signal or path).parent
            msg = f"{error}{self._explained(folder, name, error.labels)}"
            raise AnnotationError(msg, labels=error.labels) from error
        split = self._split_of.get(_subject(name))
        if isinstance(split, AnnotationError):
            raise split
        if self._split_of and split is None:
            fail(path, 0, "its subject has no split in 'participants.tsv'")
        duration = annotations.duration
        return Recording(
            name=name,
            subject=_subject(name),
            split=self.split_of(name),
            duration=None if duration is None else float(duration),
            events=events,
            located=located,
            labels=label_counts(annotations, szcore_label, self.rules),
        )

    def _explained(self, folder: Path, name: str, labels: Sequence[LabelCount]) -> str:
        """Return the descriptions (Levels) of unknown labels in the data set."""
        column = dict(self.rules.columns).get("label", "eventType")
        entities = _entities(name.rpartition("/")[2]) or ""
        above = (p for p in folder.resolve().parents if p.is_relative_to(self._dataset))
        files = {f"{p}/": _names_in(f"{p}/", _SIDECAR) for p in (folder, *above)}
        said: dict[str, object] = {}
        for places in _applying(files, list(files), entities):
            value = _read_json(Path(places[0]))
            described = value.get(column) if isinstance(value, dict) else None
            meant = described.get("Levels") if isinstance(described, dict) else None
            # The nearest file takes precedence.
            said = (meant if isinstance(meant, dict) else {}) | said
        words = [
            f"{one.label!r}: {said[one.label]!r}"
            for one in labels
            if one.meaning == "unknown" and isinstance(said.get(one.label), str)
        ]
        return shorten(
            f". The events.json of the data set says {', '.join(words)}"
        ) * bool(words)


def _by_subject(names: Iterable[str], ending: str) -> dict[str, list[str]]:
    """Return the names with this ending by the subject that they begin with, if any."""
    found: dict[str, list[str]] = {}
    for name in names:
        if name.endswith(ending) or name == ending.removeprefix("_"):
            found.setdefault(_subject(name), []).append(name)
    return found


def _names_in(folder: str, ending: str) -> dict[str, list[str]]:
    try:
        names = sorted(path.name for path in Path(folder).iterdir())
    except OSError:
        return {}
    return _by_subject(names, ending)


def _parts(below: str) -> list[str]:
    """Return a path that ends with ``/`` and its parents, down to the empty path."""
    names = below.split("/")[:-1]
    return ["".join(f"{n}/" for n in names[:k]) for k in range(len(names), -1, -1)]


def _applying(
    files: Mapping[str, Mapping[str, Sequence[str]]],
    levels: Sequence[str],
    entities: str,
) -> Iterator[list[str]]:
    """Yield the files of each folder that apply to a recording, the nearest first.

    A file applies to the recordings below its folder whose names have all of its entities
    (BIDS, the inheritance principle). In one folder, the file with the most entities
    takes precedence.
    """
    known = {*entities.split("_")}
    for level in levels:
        of_level = files[level]
        near = (*of_level.get(_subject(entities), ()), *of_level.get("", ()))
        names = [n for n in near if known.issuperset(n.split("_")[:-1])]
        most = max((name.count("_") for name in names), default=0)
        if names:
            yield [f"{level}{name}" for name in names if name.count("_") == most]


def _say_several(name: str, paths: Sequence[str]) -> str:
    if len(paths) < 2:
        return ""
    files = ", ".join(repr(Path(path).name) for path in paths)
    return (
        f"recording {name!r} inherits {len(paths)} tables of events: {files}; which "
        "one applies is unknown: keep one"
    )


def _entities(name: str) -> str | None:
    """Return the entities in a file name: everything before the suffix."""
    if not _SUBJECT.match(name):
        return None
    if name.endswith(_EVENTS):
        return name.removesuffix(_EVENTS)
    stem, dot, suffix = name.rpartition(".")
    if (dot + suffix).lower() in EDF_SUFFIXES and stem.endswith("_eeg"):
        return stem.removesuffix("_eeg")
    return None


def _subject(name: str) -> str:
    match = _SUBJECT.match(name.rpartition("/")[2])
    return match[0] if match else ""


def _find_dataset(root: Path) -> Path:
    """Return the folder with the lists of the data set: the root or one above."""
    folder = root.resolve()
    # data set / subject / session / eeg / file
    for candidate in (folder, *list(folder.parents)[:4]):
        if any((candidate / name).is_file() for name in _LISTS):
            return candidate
    return folder


def _read_json(path: Path) -> object:
    raw = read_whole(path)
    try:
        value: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        msg = f"{str(path)!r} is not valid JSON: {error}"
        raise SourceError(msg) from error
    return value


def _read_licence(dataset: Path) -> Licence:
    path = dataset / "dataset_description.json"
    value = _read_json(path) if path.is_file() else None
    stated: object = None
    doi: object = None
    if isinstance(value, dict):
        stated, doi = value.get("License"), value.get("DatasetDOI")
    match = _DOI.fullmatch(doi.strip()) if isinstance(doi, str) else None
    attribution = f"https://doi.org/{match[1]}" if match else ""
    known = find_licence(stated) if isinstance(stated, str) else None
    return replace(known or UNKNOWN_LICENCE, attribution=attribution)


def _read_splits(dataset: Path) -> dict[str, str | AnnotationError]:
    """Return subject -> split, if the list of participants has splits.

    An invalid row of a participant is replaced by its error.
    """
    path = dataset / "participants.tsv"
    if not path.is_file():
        return {}
    rows = [line.split("\t") for line in read_lines(path)]
    columns = rows[0]
    if "split" not in columns:
        return {}
    needed = ("participant_id", "split")
    for name in needed:
        if columns.count(name) != 1:
            fail(path, 1, f"expected a column {name}, once")
    places = [columns.index(name) for name in needed]
    splits: dict[str, str | AnnotationError] = {}
    for number, row in enumerate(rows[1:], 2):
        if row == [""]:
            continue
        subject, split = (row[i] if i < len(row) else "" for i in places)
        split = split.strip()
        if isinstance(splits.get(subject), AnnotationError):
            continue
        if subject in splits:
            problem = f"{subject!r} for a second time"
            splits[subject] = problem_at(path, number, problem)
        elif split in _SPLITS:
            splits[subject] = _SPLITS[split]
        else:
            known = ", ".join(map(repr, _SPLITS))
            problem = f"split: expected one of {known}, got {split!r}"
            splits[subject] = problem_at(path, number, problem)
    return splits
