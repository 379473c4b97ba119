"""The CHB-MIT Scalp EEG Database: recordings, and known errors of their files.

Invariant: usable recordings have valid, unambiguous annotations. A recording without an
entry in the summary of its case is unannotated, not seizure-free; a summary that
contradicts its sidecar or the recording is an AnnotationError.

References
----------
CHB-MIT Scalp EEG Database 1.0.0, https://physionet.org/content/chbmit/1.0.0/
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.cases import CaseCorpus
from bgb_fixtures.corpora.chbmit.loops import LoopCheckedSignal
from bgb_fixtures.corpora.chbmit.summary import SummaryEntry, iter_entries
from bgb_fixtures.corpora.chbmit.wfdb import parse_sidecar
from bgb_fixtures.corpora.recording import Licence
from bgb_fixtures.corpora.text import fail

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.recording import Located, Recording
    from bgb_fixtures.edf.header import EdfHeader
    from bgb_fixtures.eeg.montage import Row
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.errors import AnnotationError

__all__ = ["ChbmitCorpus"]

_log = logging.getLogger(__name__)

_LICENCE = Licence(
    name="ODC-By-1.0",
    url="https://opendatacommons.org/licenses/by/1-0/",
    # The citation requested by https://physionet.org/content/chbmit/1.0.0/.
    attribution=(
        "Guttag, J. (2010). CHB-MIT Scalp EEG Database (version 1.0.0). PhysioNet. "
        "https://doi.org/10.13026/C2K01R\n"
        "Shoeb, A. (2009). Application of Machine Learning to Epileptic Seizure Onset "
        "Detection and Treatment. PhD thesis, Massachusetts Institute of Technology.\n"
        "Goldberger, A. et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet. "
        "Circulation 101(23), e215-e220."
    ),
    redistributable=True,
)
# chb12_28 and chb12_29 have a zero in place of the letter: '01' for 'O1'.
_LABEL_SLIPS = {"01": "O1"}


class ChbmitCorpus(CaseCorpus[SummaryEntry]):
    """CHB-MIT recordings below a folder or an address, or one recording."""

    title = "CHB-MIT"
    address = "https://physionet.org/files/chbmit/1.0.0/"
    prefix = "chb"
    list_pattern = re.compile(r"(chb[0-9]+)-summary\.txt", re.IGNORECASE)
    list_form = "chbNN-summary.txt"
    case_form = "chbNN"
    list_of_case = "summary of its case"
    # The same person, recorded one and a half years later (database description).
    same_subject = {"chb21": "chb01"}  # noqa: RUF012

    @property
    def licence(self) -> Licence:
        """ODC-By 1.0, with the citation that the database requests."""
        return _LICENCE

    def _parse(
        self,
        path: CorpusPath,
        case: str,  # noqa: ARG002
        names: Collection[str],  # noqa: ARG002
    ) -> dict[str, SummaryEntry | AnnotationError]:
        # A second entry for a file is an error, which replaces the first in the dict.
        return dict(iter_entries(path))

    def _witnesses(
        self, folder: CorpusPath, file_name: str, present: Collection[str]
    ) -> tuple[CorpusPath, ...]:
        sidecar = f"{file_name}.seizures"
        return (folder / sidecar,) if sidecar in present else ()

    def _label(self, case: str, entry: SummaryEntry, located: Located) -> str:  # noqa: ARG002
        summary, *sidecars = map(self.place_of, located.annotations)
        for sidecar in sidecars:
            _check_sidecar(sidecar, summary, entry)
        return "seiz"

    def labels_of(self, header: EdfHeader) -> list[str]:
        """Return the labels of a file, with the typos of this database corrected."""
        return [_LABEL_SLIPS.get(label, label) for label in super().labels_of(header)]

    def assumptions(self, recording: Recording, header: EdfHeader) -> list[str]:
        """Return which labels were corrected."""
        found = []
        for signal in header.signals:
            if signal.label in _LABEL_SLIPS:
                read = _LABEL_SLIPS[signal.label]
                found.append(f"label {signal.label!r} is read as {read!r}")
                _log.warning(
                    "%s: channel label %r read as %r (a slip of this database)",
                    recording.name,
                    signal.label,
                    read,
                )
        return found

    def checked_signal(
        self, signal: Signal, rows: Sequence[Row], *, where: str
    ) -> Signal:
        """Return a signal whose chains of derivations are checked against each other."""
        return LoopCheckedSignal(signal, [row.ch_name for row in rows], where=where)


def _check_sidecar(
    sidecar: CorpusPath, summary: CorpusPath, entry: SummaryEntry
) -> None:
    """Compare sidecar and summary, which rounds to whole seconds."""
    listed = [(Fraction(start), Fraction(end)) for start, end in entry.seizures]
    seen = parse_sidecar(sidecar)
    agree = len(listed) == len(seen) and all(
        abs(a - b) < 1
        for one, other in zip(listed, seen, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    if not agree:
        problem = (
            f"{entry.file_name!r} has {_spans(listed)}, and its sidecar "
            f"{sidecar.name!r} has {_spans(seen)}; one of the two is wrong"
        )
        fail(summary, entry.line, problem)


def _spans(seizures: Sequence[tuple[Fraction, Fraction]]) -> str:
    spans = ", ".join(f"{float(a):g}-{float(b):g} s" for a, b in seizures)
    return f"seizures at {spans}" if spans else "no seizures"
