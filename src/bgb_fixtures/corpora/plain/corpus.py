"""EDF, EDF+ and BDF files of any origin, with annotations beside them or in them.

Invariant: each recording has exactly one annotation file, found by its name; two are
rejected. The licence is unknown, so fixtures built from such files are not
redistributable unless the request states one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.bids.events import szcore_label
from bgb_fixtures.corpora.corpus import BLIND_SPLIT, Corpus
from bgb_fixtures.corpora.licences import UNKNOWN_LICENCE
from bgb_fixtures.corpora.places import is_there
from bgb_fixtures.corpora.plain.experts import (
    choose_tables,
    match_columns,
    read_experts,
)
from bgb_fixtures.corpora.recording import EDF_SUFFIXES, Located, Recording
from bgb_fixtures.corpora.seizures import label_counts, seizures_of
from bgb_fixtures.corpora.table import EventTable, read_table
from bgb_fixtures.corpora.text import fail, read_text
from bgb_fixtures.corpora.tusz.csv import parse_csv
from bgb_fixtures.corpora.tusz.labels import tusz_label
from bgb_fixtures.edf.annotations import read_edf_annotations
from bgb_fixtures.eeg.annotations import Annotations
from bgb_fixtures.errors import AnnotationError, SourceError
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from bgb_fixtures.corpora.opened import OpenRecording
    from bgb_fixtures.corpora.recording import Licence
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.corpora.table import Row as TableRow
    from bgb_fixtures.eeg.events import Event
    from bgb_fixtures.eeg.montage import Row
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["PlainCorpus"]

_SUFFIXES = (".tsv", ".csv_bi", ".csv")
# Endings of annotation files beside 'night.edf' or 'night_eeg.edf'.
_ENDINGS = (".tsv", "_events.tsv", ".csv_bi", ".csv")
# Files with these endings are reported if their recording is missing; any other '.tsv'
# or '.csv' may be an unrelated table.
_SURE_ENDINGS = ("_events.tsv", ".csv_bi")
# Beside a recording in a folder 'eval', these indicate that the corpus is TUSZ.
_TUSZ_ENDINGS = (".csv_bi", ".tse", ".tse_bi")
_TUSZ_DEPTH = 4
"""Folder levels of TUSZ: split, subject, session, montage."""
_MOST_ROUNDED_S = 1
"""Tolerance in seconds between the number of rows of a table and the file's length."""
_NEAR_S = 1e-6
"""Tolerance in seconds of an end that was computed from onset and duration."""
_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")


class PlainCorpus(Corpus):
    """EDF, EDF+ and BDF files below a folder, or one file.

    `annotations` is an annotation file for a single recording, a table with a column
    that names the recordings, or a folder of files, either flat or with the same
    subfolders as the recordings; None: beside the recordings. Files are tables of
    events or TUSZ annotations. `rules` define how custom tables and labels are read.
    With a label pattern or marks, the annotations inside a recording (EDF+) are used if
    it has no annotation file, unless `annotations` is one file.

    The subject of a recording is the prefix of its name (``sub-01_...``), otherwise the
    name of its folder below the root, otherwise a subject of its own.
    """

    title = "EDF"
    sought = "files *.edf and *.bdf"

    def __init__(
        self,
        root: str | os.PathLike[str] | WebPath,
        *,
        splits: Sequence[str] = (),
        annotations: Path | None = None,
        rules: AnnotationRules = NO_RULES,
        dev_subjects: Collection[str] = (),
    ) -> None:
        super().__init__(root, splits=splits, rules=rules, dev_subjects=dev_subjects)
        if self.folder.is_file() and self.folder.suffix.lower() not in EDF_SUFFIXES:
            msg = f"{str(self.root)!r}: expected a folder, or an EDF or BDF file"
            raise SourceError(msg)
        if annotations is not None and not is_there(annotations):
            msg = f"annotations {str(annotations)!r}: no such file or folder"
            raise SourceError(msg)
        self._given = annotations
        self._is_one_file = annotations is not None and annotations.is_file()
        if annotations is not None and self._is_one_file:
            _check_parser(annotations)

    @property
    def why_unannotated(self) -> str:  # type: ignore[override]
        """Message for a recording without annotations."""
        if self.rules.per_second is not None:
            return "has no column in the tables of the experts"
        if self._is_one_file:
            return f"has no row in {str(self._given)!r}"
        place = "beside it" if self._given is None else f"in {str(self._given)!r}"
        names = ", ".join(f"NAME{ending}" for ending in _ENDINGS)
        return f"has no annotation file {place} (looked for {names})"

    @property
    def advice_unannotated(self) -> str:  # type: ignore[override]
        """Message for a corpus without annotations."""
        if self._given is not None or self.rules.per_second is not None:
            return "Check --annotations and --root"
        return (
            "If the annotations are elsewhere, pass --annotations PATH; if they are in "
            "the recordings (EDF+), pass --label-pattern REGEX; a 0/1 column per "
            "recording needs --per-second"
        )

    @property
    def licence(self) -> Licence:
        """Unknown; a request may state it."""
        return UNKNOWN_LICENCE

    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Find recordings, each with its annotation file."""
        located: dict[str, Located] = {}
        if self._given is not None:
            # In a flat folder of annotations, a file name is ambiguous if two
            # recordings share it, so all recordings have to be listed.
            wanted = None
        names = dict(self._walk(located, wanted=wanted))
        signals = [
            below + name
            for below, files in names.items()
            for name in files
            if name.lower().endswith(EDF_SUFFIXES)
        ]
        if self.folder.is_file():
            signals = [self.folder.name]
        entries: dict[str, _Rows | Annotations] = {}
        if self.rules.per_second is not None:
            found = self._take_experts(signals, located, entries)
        elif self._given is None:
            found = self._find_beside(signals, names)
        elif self._given.is_dir():
            found = self._find_in_folder(signals, self._given)
        else:
            found = self._take_file(signals, self._given, entries)
        self._refuse_blind(found, names)
        here = set(signals)
        # A recording that is not in a table of all recordings is unannotated.
        reads_inside = self.rules.reads_inside and not self._is_one_file
        for name, paths in found.items():
            signal = f"{self.top}/{name}" if name in here else ""
            inside = [signal] if signal and reads_inside else []
            entry = entries.get(name)
            error = located[name].error if name in located else ""
            if len(paths) > 1 and entry is None and not error:
                error = _say_ambiguous(name, paths)
            located[name] = Located(
                signal=signal,
                annotations=tuple(paths or inside),
                error=error,
                entry=entry,
            )
        return located

    def annotation_name(self, name: str, located: Located, path: str) -> str:
        """Return the path of an annotation file relative to the annotations folder."""
        given = self._given
        if given is None or path == located.signal:
            return super().annotation_name(name, located, path)
        if not given.is_dir():
            return Path(path).name
        return Path(path).relative_to(given).as_posix()

    def _refuse_blind(
        self, found: dict[str, list[str]], names: dict[str, list[str]]
    ) -> None:
        """Raise SourceError if recordings are in the blind split of TUSZ."""
        above = self.top.resolve().parts[-_TUSZ_DEPTH:]
        for name, paths in found.items():
            folder = name[: name.rfind("/") + 1]
            if BLIND_SPLIT not in (*above, *folder.split("/")):
                continue
            files = (*paths, *names.get(folder, ()))
            if any(file.lower().endswith(_TUSZ_ENDINGS) for file in files):
                msg = (
                    f"recording {name!r} below {str(self.root)!r} is in a folder "
                    f"{BLIND_SPLIT!r} and has annotations of TUSZ (.csv_bi, .tse): "
                    f"this looks like TUSZ, whose split {BLIND_SPLIT!r} is kept "
                    "blind; use --source tusz, which uses it only if requested by "
                    "name. If it is not TUSZ, rename the folder"
                )
                raise SourceError(msg)

    def _take_file(
        self,
        signals: list[str],
        given: Path,
        entries: dict[str, _Rows | Annotations],
    ) -> dict[str, list[str]]:
        """Assign one file to the only recording, or a table to those that it names."""
        table = None if _is_tusz(given) else read_table(given, self.rules)
        if table is not None and table.names_files:
            of_recordings = _rows_by_recording(table, signals)
            entries.update(of_recordings)
            missing: dict[str, list[str]] = {name: [] for name in signals}
            return missing | {name: [str(given)] for name in of_recordings}
        if len(signals) != 1:
            msg = (
                f"annotations {str(given)!r} is one file, but {str(self.root)!r} "
                f"holds {len(signals)} recordings; pass a folder of annotations, one "
                "recording, or a table with a column that names the file: --columns "
                "file=NAME"
            )
            raise SourceError(msg)
        return {signals[0]: [str(given)]}

    def _take_experts(
        self,
        signals: list[str],
        located: dict[str, Located],
        entries: dict[str, _Rows | Annotations],
    ) -> dict[str, list[str]]:
        """Assign the tables of experts: a column per recording, a row per second."""
        tables, least = choose_tables(
            self._given or self.top, self.rules.per_second or 1
        )
        columns = read_experts(tables, least)
        matched = match_columns(
            list(columns), {name: _stem_of(name) for name in signals}
        )
        found: dict[str, list[str]] = {name: [] for name in signals}
        for name, column in matched.items():
            found[name] = [str(path) for path in tables]
            value = columns[column]
            if isinstance(value, AnnotationError):
                located[name] = Located(error=str(value))
            else:
                entries[name] = value
        return found

    def _find_in_folder(self, signals: list[str], given: Path) -> dict[str, list[str]]:
        """Search the same subfolder of `given`, then `given` itself."""
        n_named = Counter(map(_stem_of, signals))
        found = {}
        for name in signals:
            folder = name[: name.rfind("/") + 1]
            places = [given / folder]
            # In a flat folder, a name shared by two recordings is ambiguous.
            if n_named[_stem_of(name)] == 1:
                places.append(given)
            found[name] = _first_found(places, name)
        return found

    def _find_beside(
        self, signals: list[str], names: dict[str, list[str]]
    ) -> dict[str, list[str]]:
        """Search beside the recordings; include annotated recordings without a file."""
        present = {below: set(files) for below, files in names.items()}
        found: dict[str, list[str]] = {}
        for name in signals:
            folder = name[: name.rfind("/") + 1]
            found[name] = _without_pair(
                [
                    f"{self.top}/{folder}{candidate}"
                    for candidate in _candidates(name)
                    if candidate in present[folder]
                ]
            )
        if self.folder.is_dir():
            used = {path for paths in found.values() for path in paths}
            for below, files in names.items():
                for file in files:
                    path = f"{self.top}/{below}{file}"
                    if path not in used and file.endswith(_SURE_ENDINGS):
                        stem = file.removesuffix(".csv_bi").removesuffix("_events.tsv")
                        found.setdefault(f"{below}{stem}.edf", []).append(path)
        return found

    def split_of(self, name: str) -> str:  # noqa: ARG002
        """Return ``"train"``: such files have no splits."""
        return "train"

    def annotate(self, name: str, located: Located) -> Recording:
        """Read the annotations of a recording, beside it or inside."""
        path = Path(located.annotations[0])
        inside = located.annotations[0] == located.signal
        vocabulary = szcore_label
        if isinstance(located.entry, Annotations):
            annotations = located.entry
        elif inside:
            annotations = read_edf_annotations(path)
        elif (rows := self._rows(located)) is not None:
            annotations = rows.annotations()
        else:
            annotations, vocabulary = parse_csv(path), tusz_label
        if inside and not annotations.spans:
            problem = (
                "holds no annotation at all, so it cannot be distinguished from a "
                "recording that nobody annotated. Pass an annotation file"
            )
            fail(path, 0, problem)
        events = seizures_of(annotations, vocabulary, path=path, rules=self.rules)
        duration = annotations.duration
        return Recording(
            name=name,
            subject=_subject(name),
            split="train",
            duration=None if duration is None else float(duration),
            events=events,
            located=located,
            labels=label_counts(annotations, vocabulary, self.rules),
        )

    def _rows(self, located: Located) -> _Rows | None:
        """Return the rows of a recording in a table; None if it has the TUSZ format."""
        if isinstance(located.entry, _Rows):
            return located.entry
        path = Path(located.annotations[0])
        if _is_tusz(path):
            return None
        table = read_table(path, self.rules)
        return _Rows(table, table.rows)

    def late_end(
        self, recording: Recording, event: Event, *, length: float
    ) -> tuple[str, str]:
        """Return the line where a seizure ends after its file, and a remedy."""
        located = recording.located
        inside = located.annotations[0] == located.signal
        if isinstance(located.entry, Annotations) or inside:
            return super().late_end(recording, event, length=length)
        path = Path(located.annotations[0])
        rows = self._rows(located)
        spans = (parse_csv(path) if rows is None else rows.annotations()).spans
        end = event.onset + event.duration
        near = (s for s in spans if abs(float(s.stop or s.start) - end) < _NEAR_S)
        span = next(near, None)
        if span is None:
            return super().late_end(recording, event, length=length)
        seconds = "" if rows is None else rows.duration_in(span.line)
        # Its duration may be an end if it would be a valid one.
        may_be_end = seconds and span.start < end - float(span.start) <= length
        hint = f" (is {seconds} an end instead of a duration?)" if may_be_end else ""
        return (
            f"{str(path)!r}, line {span.line}",
            f"Correct the line{hint}, fetch the recording again",
        )

    def check(self, opened: OpenRecording, rows: Sequence[Row]) -> None:  # noqa: ARG002
        """Raise SourceError if a file continues after the last second in the tables."""
        located = opened.recording.located
        if not isinstance(located.entry, Annotations):
            return
        header = opened.edf.header
        length = float(header.n_records * header.record_duration)
        seen = float(located.entry.duration or 0)
        if abs(length - seen) > _MOST_ROUNDED_S:
            msg = (
                f"{located.annotations[0]!r} has {seen:g} seconds for recording "
                f"{opened.recording.name!r}, but its file has {length:g} s; expected one "
                "row per second"
            )
            raise SourceError(msg)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table for one recording."""

    table: EventTable
    rows: tuple[TableRow, ...]

    def annotations(self) -> Annotations:
        """Return the rows as annotations."""
        return self.table.annotations(self.rows)

    def duration_in(self, line: int) -> str:
        """Return the duration in a line as written; empty if there is none."""
        text = next(row.text("duration") for row in self.rows if row.line == line)
        return "" if text == "n/a" else text


def _rows_by_recording(table: EventTable, signals: Sequence[str]) -> dict[str, _Rows]:
    """Return the rows of each recording named in a table, existing or not.

    A recording is named by its path from the root, its file name, or its stem.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for name in signals:
        file = name.rpartition("/")[2]
        for key in (name, name.rpartition(".")[0], file, _stem_of(name)):
            named[key].add(name)
    rows: dict[str, list[TableRow]] = defaultdict(list)
    for row in table.rows:
        text = row.text("file").replace("\\", "/").removeprefix("./")
        found = named.get(text) or named.get(text.rpartition("/")[2]) or {text}
        if not text or len(found) > 1:
            problem = f"may be about {' or '.join(map(repr, sorted(found)))}: {text!r}"
            if not text:
                problem = "names no recording"
            fail(table.path, row.line, f"{problem}; expected the path from the root")
        rows[next(iter(found))].append(row)
    return {name: _Rows(table, tuple(of_one)) for name, of_one in rows.items()}


def _is_tusz(path: Path) -> bool:
    """Say whether a file has the TUSZ format, which begins with a comment."""
    suffix = path.suffix.lower()
    return suffix == ".csv_bi" or (
        suffix == ".csv" and read_text(path).lstrip().startswith("#")
    )


def _without_pair(paths: list[str]) -> list[str]:
    """Drop the '.csv' of TUSZ if its '.csv_bi' is found, too."""
    has_pair = any(path.endswith(".csv_bi") for path in paths)
    return [
        path
        for path in paths
        if not (has_pair and path.endswith(".csv") and _is_tusz(Path(path)))
    ]


def _check_parser(path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        msg = f"annotations {str(path)!r}: expected a file that ends in one of {known}"
        raise SourceError(msg)


def _stem_of(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _candidates(name: str) -> list[str]:
    """Return the names that the annotation file of a recording may have."""
    stem = _stem_of(name)
    stems = dict.fromkeys((stem, stem.removesuffix("_eeg")))
    return [s + ending for s in stems for ending in _ENDINGS]


def _say_ambiguous(name: str, paths: Sequence[str]) -> str:
    files = ", ".join(repr(Path(path).name) for path in paths)
    return (
        f"recording {name!r} has {len(paths)} files of annotations: {files}; which "
        "one applies is unknown: keep one"
    )


def _first_found(places: Sequence[Path], name: str) -> list[str]:
    """Return the annotation files in the first folder that has any."""
    for place in places:
        found = [
            str(place / candidate)
            for candidate in _candidates(name)
            if (place / candidate).is_file()
        ]
        if found:
            return _without_pair(found)
    return []


def _subject(name: str) -> str:
    *folders, file_name = name.split("/")
    match = _SUBJECT.match(file_name)
    if match:
        return match[0]
    return folders[0] if folders else file_name
