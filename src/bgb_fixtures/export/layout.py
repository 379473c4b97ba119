"""Definition of a layout, and names of files that several layouts use.

Invariant: a name depends only on the records of the fixture, and no two recordings
share a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.eeg.events import Event
    from bgb_fixtures.fixture import Fixture

__all__ = [
    "EDF_FOLDER",
    "SPLITS",
    "Layout",
    "RecordingRows",
    "edf_name",
    "event_spans",
    "group_recordings",
    "patient_name",
    "split_problems",
    "subject_problems",
    "write_npz",
]

SPLITS = ("train", "dev", "eval")
"""Splits that TUSZ has."""

EDF_FOLDER = "03_tcp_ar_a"
"""Folder of TUSZ for recordings without the electrodes A1 and A2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A layout to export to.

    Attributes
    ----------
    title : str
        Name of the format.
    problems : callable
        (fixture) -> why the fixture cannot be exported to it; empty if it can.
    write : callable
        (fixture, folder, done): write the files into an empty folder and return
        Markdown for the README. `done` is called with the number of windows written.
    """

    title: str
    problems: Callable[[Fixture], list[str]]
    write: Callable[[Fixture, Path, Callable[[int], None]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRows:
    """The windows from one recording.

    Attributes
    ----------
    split : str
        Split of the subject.
    patient : str
        Name of the subject: at least eight letters, and not a patient of TUSZ.
    session : int
        Number of the recording among those of the subject, from 1.
    rows : tuple of int
        Positions in the fixture, in its order.
    """

    split: str
    patient: str
    session: int
    rows: tuple[int, ...]


def group_recordings(fixture: Fixture) -> list[RecordingRows]:
    """Return the windows of a fixture by recording."""
    rows: dict[tuple[str, str, str], list[int]] = {}
    for row, window in enumerate(fixture.windows):
        key = (window.subject, window.recording, window.split)
        rows.setdefault(key, []).append(row)
    sessions: dict[str, count[int]] = {}
    recordings = [
        RecordingRows(
            split=split,
            patient=patient_name(int(subject.removeprefix("sub-"))),
            session=next(sessions.setdefault(subject, count(1))),
            rows=tuple(found),
        )
        for (subject, _, split), found in rows.items()
    ]
    return sorted(recordings, key=lambda r: (r.patient, r.session))


def patient_name(number: int) -> str:
    """Return a name in the style of TUSZ: only letters, without underscore."""
    rest = number
    letters = ""
    while rest or len(letters) < 4:
        rest, digit = divmod(rest, len(ascii_lowercase))
        letters = ascii_lowercase[digit] + letters
    return f"fixt{letters}"


def edf_name(recording: RecordingRows, token: int) -> str:
    """Return the path of an EDF file as in TUSZ 2.0.3; `token` counts from 0."""
    session = f"s{recording.session:03d}"
    return (
        f"{recording.split}/{recording.patient}/{session}_2015/{EDF_FOLDER}/"
        f"{recording.patient}_{session}_t{token:03d}.edf"
    )


def split_problems(fixture: Fixture) -> list[str]:
    """Return a line for each reason why the splits of a fixture do not fit TUSZ."""
    unknown = sorted({window.split for window in fixture.windows} - set(SPLITS))
    problems = []
    if unknown:
        names = ", ".join(map(repr, unknown))
        problems.append(f"it has split {names}; expected {', '.join(SPLITS)}")
    return problems + subject_problems(fixture)


def subject_problems(fixture: Fixture) -> list[str]:
    """Return a line for each subject in more than one split."""
    of_subject: dict[str, set[str]] = {}
    for window in fixture.windows:
        of_subject.setdefault(window.subject, set()).add(window.split)
    return [
        f"subject {subject!r} is in splits {', '.join(sorted(splits))}; expected one"
        for subject, splits in sorted(of_subject.items())
        if len(splits) > 1
    ]


def event_spans(fixture: Fixture, row: int) -> list[tuple[int, int, Event]]:
    """Return (start, stop, event) in samples of each seizure of a window."""
    sfreq = fixture.sfreq
    spans = []
    for event in fixture.windows[row].events:
        start = round(event.onset * sfreq)
        spans.append((start, start + round(event.duration * sfreq), event))
    return spans


def write_npz(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write a byte-reproducible, uncompressed npz file."""
    from zipfile import ZipFile, ZipInfo

    with ZipFile(path, "w") as archive:
        for key, array in arrays.items():
            entry = ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            # The default depends on the operating system.
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(
                    file,
                    np.asarray(array, order="C"),
                    version=(1, 0),
                    allow_pickle=False,
                )
