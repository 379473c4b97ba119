"""The Siena Scalp EEG Database: recordings whose seizures are listed as clock times.

Invariant: usable recordings have valid, unambiguous annotations. A file whose clock or
length contradicts its list is an AnnotationError of that recording; a recording that is
not in a list is unannotated.

References
----------
Siena Scalp EEG Database 1.0.0, https://physionet.org/content/siena-scalp-eeg/1.0.0/
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.cases import CaseCorpus
from bgb_fixtures.corpora.recording import Licence
from bgb_fixtures.corpora.siena.lists import (
    LIST_NAME,
    clock_text,
    parse_clock,
    parse_seizure_list,
)
from bgb_fixtures.corpora.siena.subjects import SUBJECT_INFO, parse_subject_info
from bgb_fixtures.eeg.channels import electrode_name
from bgb_fixtures.errors import (
    AnnotationError,
    ChannelNotFoundError,
    counted,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bgb_fixtures.corpora.opened import OpenRecording
    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.recording import Located, Recording
    from bgb_fixtures.corpora.siena.lists import ListEntry
    from bgb_fixtures.corpora.siena.subjects import SubjectInfo
    from bgb_fixtures.edf.header import EdfHeader
    from bgb_fixtures.eeg.montage import Row

__all__ = ["SienaCorpus"]

_log = logging.getLogger(__name__)

_LICENCE = Licence(
    name="CC-BY-4.0",
    url="https://creativecommons.org/licenses/by/4.0/",
    # Citation requested by https://physionet.org/content/siena-scalp-eeg/1.0.0/.
    attribution=(
        "Detti, P. (2020). Siena Scalp EEG Database (version 1.0.0). PhysioNet. "
        "https://doi.org/10.13026/5d4a-j060\n"
        "Detti, P., Vatti, G. & Zabalo Manrique de Lara, G. (2020). EEG Synchronization "
        "Analysis for Seizure Prediction: A Study on Data of Noninvasive Recordings. "
        "Processes 8(7), 846. https://doi.org/10.3390/pr8070846\n"
        "Goldberger, A. et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet. "
        "Circulation 101(23), e215-e220."
    ),
    redistributable=True,
)
# In 22 of the 41 recordings the list and the file end together; in 18 the file
# continues for 20 s (from a public table of all headers). In PN05-3, whose clocks
# differ, it continues for 10 s (nm000385).
_LENGTH_SLACK_S = 60
# All lists have 'Channel 5: 1' where the files have 'EEG O1' (nm000385). Channels '1'
# and '2' of the files are 'EKG 1' and 'EKG 2' of the lists, so this correction must not
# be applied to labels of files.
_CHANNEL_SLIPS = {"1": "O1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """The entry of a recording, with the data of its list about the patient.

    `channels` are the only channels to use; `n_seizures` is the number of seizures in
    the list, over all recordings.
    """

    entry: ListEntry
    channels: tuple[str, ...]
    n_seizures: int

    @property
    def line(self) -> int:
        """Line of the list at which the entry begins, from 1."""
        return self.entry.line

    @property
    def duration(self) -> int:
        """Duration of the registration in seconds."""
        return self.entry.duration

    @property
    def seizures(self) -> tuple[tuple[int, int], ...]:
        """(start, end) in seconds from the start of the registration."""
        return self.entry.seizures


class SienaCorpus(CaseCorpus[_Listed]):
    """Siena recordings below a folder or an address, or one recording.

    Without ``subject_info.csv`` beside the folders of the patients, seizures are of
    unknown type, and a seizure missing from a list is not detected.
    """

    title = "Siena"
    address = "https://physionet.org/files/siena-scalp-eeg/1.0.0/"
    prefix = "PN"
    list_pattern = LIST_NAME
    list_form = "Seizures-list-PNxx.txt"
    case_form = "PNxx"
    list_of_case = "seizure list of its patient"

    @property
    def licence(self) -> Licence:
        """CC BY 4.0, with the citation that the database requests."""
        return _LICENCE

    @cached_property
    def _info(self) -> CorpusPath | None:
        info = self._database / SUBJECT_INFO
        return info if info.is_file() else None

    @cached_property
    def _subjects(self) -> dict[str, SubjectInfo | AnnotationError] | AnnotationError:
        """The table of patients, or the error if it cannot be read."""
        if self._info is None:
            return {}
        try:
            return parse_subject_info(self._info)
        except AnnotationError as error:
            return error

    def _parse(
        self, path: CorpusPath, case: str, names: Collection[str]
    ) -> dict[str, _Listed | AnnotationError]:
        found = parse_seizure_list(path)
        if isinstance(self._subjects, AnnotationError):
            raise self._subjects
        return {
            name: entry
            if isinstance(entry, AnnotationError)
            else _Listed(
                entry=entry, channels=found.channels, n_seizures=found.n_seizures
            )
            for name, entry in _by_file(found.entries, case, names).items()
        }

    def _witnesses(
        self,
        folder: CorpusPath,  # noqa: ARG002
        file_name: str,  # noqa: ARG002
        present: Collection[str],  # noqa: ARG002
    ) -> tuple[CorpusPath, ...]:
        return () if self._info is None else (self._info,)

    def annotation_name(self, name: str, located: Located, path: str) -> str:
        """Return the file's name in the list of digests, independent of the root."""
        if self.place_of(path) == self._info:
            return SUBJECT_INFO
        return super().annotation_name(name, located, path)

    def _label(self, case: str, entry: _Listed, located: Located) -> str:
        """Return the seizure type of a patient whose seizures are all in the list."""
        if self._info is None or isinstance(self._subjects, AnnotationError):
            return "seiz"
        info = self._subjects.get(case)
        if isinstance(info, AnnotationError):
            raise info
        if info is None:
            msg = (
                f"{str(self._info)!r}: expected a row for {case}, found none. Fetch "
                "the file again, or remove it to build without seizure types"
            )
            raise AnnotationError(msg)
        if entry.n_seizures != info.n_seizures:
            msg = (
                f"{located.annotations[0]!r}: lists "
                f"{counted(entry.n_seizures, 'seizure')}, but {SUBJECT_INFO!r}, line "
                f"{info.line}, has {info.n_seizures} for {case}; "
                "a seizure may be missing in any recording of it. Fetch both files again"
            )
            raise AnnotationError(msg)
        return info.label

    def check(self, opened: OpenRecording, rows: Sequence[Row]) -> None:
        """Compare clock, length and channels of a file with the list."""
        entry = opened.recording.located.entry.entry
        place = opened.recording.located.place
        file_name = opened.recording.name.partition("/")[2]
        starttime = opened.edf.header.starttime
        # PN14-3 has 16.17.45 in the list and 19.17.45 in the file; PN05-3 has 06.01.23
        # and 06.01.13 (nm000385). A wrong clock would shift the seizures.
        if parse_clock(starttime) != entry.start:
            msg = (
                f"{place}: registration starts at {clock_text(entry.start)}, but the "
                f"header of {file_name!r} says {starttime!r}; expected the same, "
                "because seizures are listed by clock time. Exclude this recording "
                "(--exclude)"
            )
            raise AnnotationError(msg)
        if abs(opened.duration - entry.duration) > _LENGTH_SLACK_S:
            msg = (
                f"{place}: registration lasts {entry.duration} s, and {file_name!r} "
                f"holds {opened.duration:g} s; expected a difference of at most "
                f"{_LENGTH_SLACK_S} s. Fetch the file again, or exclude it (--exclude)"
            )
            raise AnnotationError(msg)
        _check_channels(opened, rows)

    def assumptions(self, recording: Recording, header: EdfHeader) -> list[str]:  # noqa: ARG002
        """Return which typos of the lists were corrected."""
        found = []
        listed: _Listed = recording.located.entry
        if listed.entry.written != recording.name.partition("/")[2]:
            # Avoid the word 'list': it is part of a file name, which must not be in a
            # fixture.
            found.append(
                "a slip in the name of the file in the annotations is put right; clock "
                "and length agree"
            )
            _log.warning(
                "%s: is called %r in the list", recording.name, listed.entry.written
            )
        found += [
            f"channel {written!r} of the annotations is {_CHANNEL_SLIPS[written]!r}"
            for written in listed.channels
            if written in _CHANNEL_SLIPS
        ]
        return found


def _check_channels(opened: OpenRecording, rows: Sequence[Row]) -> None:
    """Raise ChannelNotFoundError if the list of usable channels lacks an electrode."""
    located = opened.recording.located
    channels = located.entry.channels
    listed = {electrode_name(_CHANNEL_SLIPS.get(name, name)) for name in channels}
    if not channels:
        return
    left_out = []
    for row in rows:
        for index in (*row.plus, *row.minus):
            label = opened.edf.header.signals[index].label
            electrode = electrode_name(label.upper().removeprefix("EEG").strip())
            if electrode is not None and electrode not in listed:
                left_out.append(electrode)
    if left_out:
        missing = tuple(dict.fromkeys(left_out))
        msg = (
            f"{located.place}: the list leaves {', '.join(missing)} out of the "
            f"channels of {opened.recording.name!r}, and says to ignore all others; "
            f"its {len(channels)} channels: {shorten(', '.join(map(repr, channels)))}."
        )
        raise ChannelNotFoundError(msg, missing=missing)


def _by_file(
    entries: dict[str, ListEntry | AnnotationError],
    patient: str,
    names: Collection[str],
) -> dict[str, ListEntry | AnnotationError]:
    """Return entries by the name of the existing file.

    The lists of PN01 and PN11 have 'PN01.edf' and 'PN11-.edf' for their only recording,
    'PN01-1.edf' and 'PN11-1.edf'. With one entry and one file, the match is
    unambiguous; clock and length are compared when the file is opened.
    """
    if len(entries) == len(names) == 1:
        ((written, entry),) = entries.items()
        if re.fullmatch(rf"{patient}-?\.edf", written, re.IGNORECASE):
            return dict.fromkeys(names, entry)
    return entries
