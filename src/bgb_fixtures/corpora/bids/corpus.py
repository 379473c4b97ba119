"""BIDS-EEG data sets whose events follow SzCORE.

Invariant: only what `dataset_description.json` states of the licence counts, and only if
it is a licence that is known to let others have the data; its free text stays out of
fixtures.

References
----------
Brain Imaging Data Structure, https://bids-specification.readthedocs.io; SzCORE,
https://epilepsybenchmarks.com/contribute.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.bids.events import parse_events_tsv, szcore_label
from bgb_fixtures.corpora.corpus import Corpus
from bgb_fixtures.corpora.recording import EDF_SUFFIXES, Licence, Located, Recording
from bgb_fixtures.corpora.seizures import label_counts, seizures_of
from bgb_fixtures.corpora.text import fail, problem_at, read_lines, read_whole
from bgb_fixtures.errors import AnnotationError, SourceError
from bgb_fixtures.request.annotations import NO_RULES

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from bgb_fixtures.request.annotations import AnnotationRules

__all__ = ["BidsCorpus"]

_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")
_EVENTS = "_events.tsv"
# How the licences are written in real data sets -> SPDX name and address. Licences that
# forbid derived works or trade are not in this list: whether a fixture may be given to
# others under them is for a person to say.
_LICENCES = (
    (
        r"CC-?0(?:-1\.0)?|CREATIVE-COMMONS-(?:ZERO|CC0).*|PUBLIC-DOMAIN",
        "CC0-1.0",
        "https://creativecommons.org/publicdomain/zero/1.0/",
    ),
    (
        r"PDDL(?:-1\.0)?",
        "PDDL-1.0",
        "https://opendatacommons.org/licenses/pddl/1-0/",
    ),
    (
        r"CC-BY-4\.0|CREATIVE-COMMONS-ATTRIBUTION-4\.0(?:-INTERNATIONAL)?",
        "CC-BY-4.0",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    (
        r"CC-BY-SA-4\.0",
        "CC-BY-SA-4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    (
        r"ODC-?BY(?:-V?1\.0)?|OPEN-DATA-COMMONS-ATTRIBUTION-LICENSE(?:-V?1\.0)?",
        "ODC-By-1.0",
        "https://opendatacommons.org/licenses/by/1-0/",
    ),
    (
        r"ODBL(?:-V?1\.0)?",
        "ODbL-1.0",
        "https://opendatacommons.org/licenses/odbl/1-0/",
    ),
)
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
# Data that is not the recordings themselves (BIDS, common principles).
_NOT_RAW = ("code", "derivatives", "sourcedata", "stimuli")


class BidsCorpus(Corpus):
    """Recordings of a BIDS data set, of one subject of it, or one of them.

    Subjects have a split if ``participants.tsv`` has a column ``split``, else it is
    ``train``. `rules` say what labels of one's own mean. SourceError if the lists of the
    data set cannot be read.
    """

    title = "BIDS-EEG"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        splits: Sequence[str] = (),
        rules: AnnotationRules = NO_RULES,
    ) -> None:
        super().__init__(root, splits=splits, rules=rules)
        dataset = _find_dataset(self.folder)
        self._licence = _read_licence(dataset)
        self._split_of = _read_splits(dataset)

    @property
    def licence(self) -> Licence:
        """What the data set states; unknown if it states nothing that is known."""
        return self._licence

    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Find recordings and their tables of events, by the entities in their names."""
        located: dict[str, Located] = {}
        only = None if self.folder.is_dir() else _entities(self.folder.name)
        for below, names in self._walk(located, wanted=wanted, skip=_NOT_RAW):
            signals: dict[str, str] = {}
            events: dict[str, str] = {}
            for name in names:
                entities = _entities(name)
                if entities is None or only not in (None, entities):
                    continue
                found = events if name.endswith(_EVENTS) else signals
                found[entities] = name
            folder = f"{self.top}/{below}"
            for entities in signals.keys() | events.keys():
                signal = signals.get(entities, f"{entities}_eeg.edf")
                located[f"{below}{signal}"] = Located(
                    signal=f"{folder}{signal}" if entities in signals else "",
                    annotations=(f"{folder}{events[entities]}",)
                    if entities in events
                    else (),
                )
        return located

    def split_of(self, name: str) -> str:
        """Return the split of the subject; empty if the table does not know it."""
        split = self._split_of.get(_subject(name), "" if self._split_of else "train")
        return split if isinstance(split, str) else ""

    def annotate(self, name: str, located: Located) -> Recording:
        """Read the table of events of a recording."""
        path = Path(located.annotations[0])
        annotations = parse_events_tsv(path)
        events = seizures_of(annotations, szcore_label, path=path, rules=self.rules)
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


def _entities(name: str) -> str | None:
    """Return what names the recording that a file belongs to: all before the suffix."""
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


def _read_licence(dataset: Path) -> Licence:
    value: object = None
    path = dataset / "dataset_description.json"
    if path.is_file():
        raw = read_whole(path)
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError) as error:
            msg = f"{str(path)!r} is no JSON that can be read: {error}"
            raise SourceError(msg) from error
    stated: object = None
    doi: object = None
    if isinstance(value, dict):
        stated, doi = value.get("License"), value.get("DatasetDOI")
    match = _DOI.fullmatch(doi.strip()) if isinstance(doi, str) else None
    attribution = f"https://doi.org/{match[1]}" if match else ""
    key = (
        re.sub(r"[\s_-]+", "-", stated.strip()).upper()
        if isinstance(stated, str)
        else ""
    )
    for pattern, name, url in _LICENCES:
        if re.fullmatch(pattern, key):
            return Licence(
                name=name, url=url, attribution=attribution, redistributable=True
            )
    return Licence(
        name="unknown", url="", attribution=attribution, redistributable=False
    )


def _read_splits(dataset: Path) -> dict[str, str | AnnotationError]:
    """Return subject -> split, if the list of participants has them.

    What is wrong with the row of one participant is its error.
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
