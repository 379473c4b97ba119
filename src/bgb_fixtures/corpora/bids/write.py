"""Write the files beside a BIDS-EEG recording, and the files of its data set.

Invariant: the files are ASCII and have the same bytes each time; events are in the
columns and codes of SzCORE.

References
----------
Brain Imaging Data Structure, https://bids-specification.readthedocs.io; SzCORE,
https://epilepsybenchmarks.com/contribute.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "TASK",
    "EegSidecar",
    "write_dataset",
    "write_json",
    "write_sidecars",
    "write_table",
]

TASK = "szMonitoring"
"""The task name that SzCORE requires."""

_EVENT_COLUMNS = (
    "onset", "duration", "eventType", "confidence", "channels", "dateTime",
    "recordingDuration",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EegSidecar:
    """Content of the JSON file and the table of channels beside a recording.

    Attributes
    ----------
    ch_names : sequence of str
        Labels of the EDF file, in its order; each is an EEG channel in microvolts.
    description : str
        Description of the task.
    reference : str
        Reference of all channels, in words.
    short_reference : str
        Reference for the column of the table, such as ``"Avg"``.
    sfreq : int
        Hz.
    mains_hz : int or None
        Frequency of the power line; None if unknown.
    duration : float
        Seconds of the recording.
    """

    ch_names: Sequence[str]
    description: str
    reference: str
    short_reference: str
    sfreq: int
    mains_hz: int | None
    duration: float


def write_sidecars(
    edf: Path,
    sidecar: EegSidecar,
    *,
    start: datetime,
    events: Sequence[tuple[str, str, str]],
) -> None:
    """Write the ``_eeg.json``, ``_channels.tsv`` and ``_events.tsv`` of a recording."""
    values = {
        "TaskName": TASK,
        "TaskDescription": sidecar.description,
        "EEGReference": sidecar.reference,
        "EEGPlacementScheme": "10-20",
        "EEGChannelCount": len(sidecar.ch_names),
        "ECGChannelCount": 0,
        "EMGChannelCount": 0,
        "EOGChannelCount": 0,
        "MISCChannelCount": 0,
        "TriggerChannelCount": 0,
        "SamplingFrequency": sidecar.sfreq,
        "PowerLineFrequency": "n/a" if sidecar.mains_hz is None else sidecar.mains_hz,
        "RecordingDuration": sidecar.duration,
        "RecordingType": "continuous",
        "SoftwareFilters": "n/a",
        "HardwareFilters": "n/a",
    }
    write_json(edf.with_suffix(".json"), values)
    stem = edf.name.removesuffix("_eeg.edf")
    write_table(
        edf.with_name(f"{stem}_channels.tsv"),
        ("name", "type", "units", "sampling_frequency", "reference"),
        [
            (name, "EEG", "uV", str(sidecar.sfreq), sidecar.short_reference)
            for name in sidecar.ch_names
        ],
    )
    length = f"{sidecar.duration:.2f}"
    write_table(
        edf.with_name(f"{stem}_events.tsv"),
        _EVENT_COLUMNS,
        [
            (*event, "n/a", "n/a", f"{start:%Y-%m-%d %H:%M:%S}", length)
            for event in events or [("0.00", length, "bckg")]
        ],
    )


def write_dataset(
    root: Path,
    description: dict[str, object],
    *,
    codes: Iterable[tuple[str, str]],
    confidence: str,
) -> None:
    """Write the descriptions of the data set and of the columns of its events."""
    head = {"Name": description["Name"], "BIDSVersion": "1.9.0", "DatasetType": "raw"}
    write_json(root / "dataset_description.json", head | description)
    columns = {
        "eventType": {
            "Description": "Type of the event; seizures begin with sz.",
            "Levels": {
                "bckg": "the whole recording, which holds no seizure",
                **{
                    szcore: f"seizure, TUSZ code {label}"
                    for szcore, label in sorted(set(codes))
                },
            },
        },
        "confidence": {"Description": confidence},
        "channels": {"Description": "Not given: an event is one of the recording."},
        "dateTime": {"Description": "Start of the recording; invented."},
        "recordingDuration": {
            "Description": "Length of the recording.",
            "Units": "s",
        },
    }
    write_json(root / f"task-{TASK}_events.json", columns)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_bytes(f"{json.dumps(value, indent=2)}\n".encode("ascii"))


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[tuple[str, ...]]
) -> None:
    """Write a table of tab-separated values."""
    lines = [columns, *rows]
    path.write_bytes("".join("\t".join(r) + "\n" for r in lines).encode("ascii"))
