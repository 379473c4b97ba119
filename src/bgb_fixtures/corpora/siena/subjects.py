"""The table ``subject_info.csv`` of Siena: type and number of seizures per patient."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.bids.events import szcore_label
from bgb_fixtures.corpora.text import fail, read_whole
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    from bgb_fixtures.corpora.places import CorpusPath

__all__ = ["SUBJECT_INFO", "SubjectInfo", "parse_subject_info"]

SUBJECT_INFO = "subject_info.csv"
# Types per patient -> SzCORE eventType, as in epilepsy2bids, load_annotations.
_TYPES = {"IAS": "sz_foc_ia", "WIAS": "sz_foc_a", "FBTC": "sz_foc_f2b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectInfo:
    """Type and number of seizures of one patient, from ``subject_info.csv``.

    Age and gender are not stored. The recorded minutes are not stored either, because
    they are wrong for four patients: for PN14 by three hours, as a typo in its list,
    and for PN03 by twelve.

    Attributes
    ----------
    line : int
        Line of the file, from 1.
    label : str
        TUSZ code of all seizures of the patient.
    n_seizures : int
        Number of seizures; equal to the number in the list, for all 14 patients.
    """

    line: int
    label: str
    n_seizures: int


def parse_subject_info(path: CorpusPath) -> dict[str, SubjectInfo | AnnotationError]:
    """Read type and number of seizures of each patient."""
    text = read_whole(path).decode("latin-1")
    # In the real file, the first line has blanks after its commas.
    rows = [[value.strip() for value in line.split(",")] for line in text.split("\n")]
    try:
        places = [
            rows[0].index(name) for name in ("patient_id", "seizure", "number_seizures")
        ]
    except ValueError:
        problem = (
            "expected the columns patient_id, seizure and number_seizures, separated "
            "by commas. Fetch the file again"
        )
        fail(path, 1, problem)
    subjects: dict[str, SubjectInfo | AnnotationError] = {}
    for line, row in enumerate(rows[1:], 2):
        if any(row):
            values = dict(enumerate(row))
            patient, kind, count = (values.get(place, "") for place in places)
            if isinstance(subjects.get(patient), AnnotationError):
                continue
            try:
                if patient in subjects:
                    fail(path, line, f"second row for {patient!r}; expected one")
                subjects[patient] = _subject(kind, count, path=path, line=line)
            except AnnotationError as error:
                subjects[patient] = error
    return subjects


def _subject(kind: str, count: str, *, path: CorpusPath, line: int) -> SubjectInfo:
    if kind not in _TYPES:
        fail(path, line, f"seizure: expected one of {', '.join(_TYPES)}, got {kind!r}")
    if not re.fullmatch("[0-9]{1,4}", count):
        fail(path, line, f"number_seizures: expected a number, got {count!r}")
    label = szcore_label(_TYPES[kind])
    return SubjectInfo(line=line, label=label or "seiz", n_seizures=int(count))
