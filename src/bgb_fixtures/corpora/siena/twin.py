"""The layout of Siena 1.0.0: clock times of seizures in one list per patient.

Invariant: seizure times and registrations are whole seconds, so the lists, the table of
patients and the signals agree to the sample; every recording holds a seizure, and all
seizures of a patient have one type.

References
----------
Siena Scalp EEG Database 1.0.0, https://physionet.org/content/siena-scalp-eeg/1.0.0/
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpora.siena.subjects import SUBJECT_INFO
from bgb_fixtures.corpora.twin.layout import Layout
from bgb_fixtures.corpora.twin.physionet import write_digests, write_lines
from bgb_fixtures.edf.writer import EdfChannel
from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.corpora.twin.plan import PlannedRecording

__all__ = ["CH_NAMES", "LAYOUT"]

# Those of the database's 29 electrodes that the generator has, in its order.
CH_NAMES = (
    "Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz", "Fp2", "F4", "C4",
    "P4", "O2", "F8", "T4", "T6",
)  # fmt: skip
_COLUMNS = (
    "patient_id", "age_years", "gender", "seizure", "localization", "lateralization",
    "eeg_channel", "number_seizures", "rec_time_minutes",
)  # fmt: skip
_SFREQ = 512
_FIRST_PATIENT = 81
_NOTES = """\
- Patients are numbered from PN81, as the database has none beyond PN17; with `--cases`
  they have the requested names. Ages and places in subject_info.csv are
  invented.
- 19 electrodes (`EEG Fp1`), of the 29 of the database, and a channel `MK` of zeros. Like
  the database, the files name no reference.
- The EEG is generated at 256 Hz and resampled to 512 Hz: it holds nothing above 128 Hz.
- Lists are as most of the database are. Its slips (a wrong hour, a name with the letter O
  for a zero) are not imitated.
- SHA256SUMS.txt lists the files that the database has. With it the folder can be served
  by any web server that answers ranges, and read like the database. Over the web the
  manifest is not read: a fixture built from an address carries the licence and the
  citation of the real database.
"""
# TUSZ code -> type in subject_info.csv: focal with impaired awareness, focal aware, and
# focal to bilateral tonic-clonic, which in TUSZ only has the code of any focal seizure.
_KINDS = {"cpsz": "IAS", "spsz": "WIAS", "fnsz": "FBTC"}


def _case(planned: PlannedRecording) -> str:
    return planned.case or f"PN{_FIRST_PATIENT + planned.patient}"


def _file_name(planned: PlannedRecording) -> str:
    return f"{_case(planned)}-{planned.take + 1}.edf"


def _edf_name(planned: PlannedRecording) -> str:
    """Return the path of a recording inside the corpus."""
    return f"{_case(planned)}/{_file_name(planned)}"


def _channels(digital: npt.NDArray[np.int16]) -> list[EdfChannel]:
    rows = dict(zip(ELECTRODES, digital, strict=True))
    channels = [
        EdfChannel(label=f"EEG {name}", digital=rows[name], sfreq=_SFREQ)
        for name in CH_NAMES
    ]
    zeros = np.zeros(digital.shape[1], np.int16)
    return [*channels, EdfChannel(label="MK", digital=zeros, sfreq=_SFREQ)]


def _write_lists(root: Path, plan: Sequence[PlannedRecording]) -> None:
    """Write the list of each patient and the lists of the database."""
    table = [",".join(_COLUMNS)]
    for case, group in groupby(plan, key=_case):
        recordings = list(group)
        write_lines(root / case / f"Seizures-list-{case}.txt", _list(recordings))
        first = recordings[0]
        events = [event for planned in recordings for event in planned.spec.events]
        row = (
            case,
            20 + first.patient % 50,
            ("Female", "Male")[first.patient % 2],
            _KINDS[events[0].label],
            "T",
            {"L": "Left", "R": "Right"}.get(first.subject.focus_side, "Bilateral"),
            len(CH_NAMES),
            len(events),
            round(sum(planned.spec.duration for planned in recordings) / 60),
        )
        table.append(",".join(map(str, row)))
    write_lines(root / SUBJECT_INFO, table)
    write_lines(root / "RECORDS", map(_edf_name, plan))
    write_digests(root)


def _list(recordings: Sequence[PlannedRecording]) -> list[str]:
    lines = [
        f"Sampling rate of data: {_SFREQ} Hz",
        "*************************",
        "",
        "Channels in EDF Files:",
        "**********************",
        *(f"Channel {i}: {name}" for i, name in enumerate(CH_NAMES, 1)),
        "",
    ]
    number = 0
    for planned in recordings:
        ends = _clock(planned.start, planned.spec.duration)
        for event in planned.spec.events:
            number += 1
            stops = _clock(planned.start, event.onset + event.duration)
            lines += [
                f"Seizure n {number}",
                f"File name: {_file_name(planned)}",
                f"Registration start time: {_clock(planned.start)}",
                f"Registration end time: {ends}",
                f"Seizure start time: {_clock(planned.start, event.onset)}",
                f"Seizure end time: {stops}",
                "",
            ]
    return lines


def _clock(start: datetime, later: float = 0) -> str:
    return f"{start + timedelta(seconds=later):%H.%M.%S}"


LAYOUT = Layout(
    title="the Siena Scalp EEG Database 1.0.0",
    notes=_NOTES,
    splits=("train",),
    steps_per_s=1,
    edf_name=_edf_name,
    iter_channels=lambda _, pieces: map(_channels, pieces),
    write_annotations=None,
    write_lists=_write_lists,
    rates=(_SFREQ,),
    case_form=r"PN[0-9]{2}",
    types=tuple(_KINDS),
)
