"""The layout of BIDS-EEG as SzCORE takes it: 19 channels against their average, 256 Hz.

Invariant: times are multiples of 1/4 s, which the two decimals of the events hold
exactly, and fall on samples.

References
----------
Brain Imaging Data Structure, https://bids-specification.readthedocs.io; SzCORE,
https://epilepsybenchmarks.com/contribute.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpus.layout import Layout
from bgb_fixtures.edf_writer import EdfChannel, write_edf
from bgb_fixtures.synthetic import RECIPE, SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.corpus.plan import PlannedRecording

__all__ = ["CH_NAMES", "LAYOUT"]

# The order that SzCORE asks for; O1 and O2 sit elsewhere than in montage 10-20.
CH_NAMES = (
    "Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz", "Fp2", "F4",
    "C4", "P4", "O2", "F8", "T4", "T6",
)  # fmt: skip
_NOTES = """\
- `Fp1-Avg` and so on: the 19 electrodes against their average, rounded to 0.125 uV.
- There is one session to a subject; runs follow each other. Date and time are invented.
- SzCORE takes recordings of at least one minute: ask for `--duration 60` or more.
"""
_TASK = "szMonitoring"
_EVENT_COLUMNS = (
    "onset", "duration", "eventType", "confidence", "channels", "dateTime",
    "recordingDuration",
)  # fmt: skip


def _subject(planned: PlannedRecording) -> str:
    return f"sub-{planned.patient + 1:02d}"


def _edf_name(planned: PlannedRecording) -> str:
    """Return the path of a recording inside the corpus."""
    subject = _subject(planned)
    return (
        f"{subject}/ses-01/eeg/{subject}_ses-01_task-{_TASK}_run-{planned.take + 1:02d}"
        "_eeg.edf"
    )


def _write_recording(
    root: Path, planned: PlannedRecording, digital: npt.NDArray[np.int16]
) -> None:
    """Write the EDF file of a recording, its sidecars and its events."""
    path = root / _edf_name(planned)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_edf(path, _channels(digital), start=planned.start)
    sidecar = {
        "TaskName": _TASK,
        "TaskDescription": "Synthetic EEG with seizures; nobody was recorded.",
        "EEGReference": "common average of the 19 electrodes",
        "EEGPlacementScheme": "10-20",
        "EEGChannelCount": len(CH_NAMES),
        "ECGChannelCount": 0,
        "EMGChannelCount": 0,
        "EOGChannelCount": 0,
        "MISCChannelCount": 0,
        "TriggerChannelCount": 0,
        "SamplingFrequency": SFREQ,
        "PowerLineFrequency": int(planned.subject.mains_hz),
        "RecordingDuration": planned.spec.duration,
        "RecordingType": "continuous",
        "SoftwareFilters": "n/a",
        "HardwareFilters": "n/a",
    }
    _write_json(path.with_suffix(".json"), sidecar)
    stem = path.name.removesuffix("_eeg.edf")
    _write_table(
        path.with_name(f"{stem}_channels.tsv"),
        ("name", "type", "units", "sampling_frequency", "reference"),
        [(f"{name}-Avg", "EEG", "uV", str(SFREQ), "Avg") for name in CH_NAMES],
    )
    _write_table(
        path.with_name(f"{stem}_events.tsv"), _EVENT_COLUMNS, _event_rows(planned)
    )


def _channels(digital: npt.NDArray[np.int16]) -> list[EdfChannel]:
    rows = {
        name: row.astype(np.int32)
        for name, row in zip(ELECTRODES, digital, strict=True)
    }
    n = len(CH_NAMES)
    total = sum(rows[name] for name in CH_NAMES)
    # x - mean(x), rounded in whole numbers; n is odd, so nothing lies half way.
    return [
        EdfChannel(
            label=f"{name}-Avg", digital=(2 * (n * rows[name] - total) + n) // (2 * n)
        )
        for name in CH_NAMES
    ]


def _event_rows(planned: PlannedRecording) -> list[tuple[str, ...]]:
    spec = planned.spec
    events = [(e.onset, e.duration, e.szcore) for e in spec.events]
    return [
        (
            f"{onset:.2f}",
            f"{duration:.2f}",
            code,
            "n/a",
            "n/a",
            f"{planned.start:%Y-%m-%d %H:%M:%S}",
            f"{spec.duration:.2f}",
        )
        for onset, duration, code in events or [(0.0, spec.duration, "bckg")]
    ]


def _write_lists(root: Path, plan: Sequence[PlannedRecording]) -> None:
    """Write the description of the data set, its participants and event columns."""
    description = {
        "Name": "Synthetic EEG with seizures",
        "BIDSVersion": "1.9.0",
        "DatasetType": "raw",
        "License": "CC0",
        "Authors": ["The bgb-fixtures authors"],
        "GeneratedBy": [
            {
                "Name": "bgb-fixtures",
                "Description": f"synthetic: made by a generator, recipe {RECIPE}",
            }
        ],
    }
    _write_json(root / "dataset_description.json", description)
    subjects = sorted({_subject(planned) for planned in plan})
    _write_table(root / "participants.tsv", ("participant_id",), zip(subjects))
    codes = sorted({(e.szcore, e.label) for p in plan for e in p.spec.events})
    columns = {
        "eventType": {
            "Description": "Type of the event; seizures begin with sz.",
            "Levels": {
                "bckg": "the whole recording, which holds no seizure",
                **{szcore: f"seizure, TUSZ code {label}" for szcore, label in codes},
            },
        },
        "confidence": {"Description": "Not given: the generator knows its seizures."},
        "channels": {"Description": "Not given: an event is one of the recording."},
        "dateTime": {"Description": "Start of the recording; invented."},
        "recordingDuration": {
            "Description": "Length of the recording.",
            "Units": "s",
        },
    }
    _write_json(root / f"task-{_TASK}_events.json", columns)


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(f"{json.dumps(value, indent=2)}\n".encode("ascii"))


def _write_table(
    path: Path, columns: Sequence[str], rows: Iterable[tuple[str, ...]]
) -> None:
    lines = [columns, *rows]
    path.write_bytes("".join("\t".join(r) + "\n" for r in lines).encode("ascii"))


LAYOUT = Layout(
    title="a BIDS-EEG data set as SzCORE takes it",
    notes=_NOTES,
    splits=("train",),
    steps_per_s=4,
    edf_name=_edf_name,
    write_recording=_write_recording,
    write_lists=_write_lists,
)
