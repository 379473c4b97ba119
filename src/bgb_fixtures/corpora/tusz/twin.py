"""The layouts of TUSZ 2.0.3 and 1.5.2: splits, patients, recordings, annotations.

Invariant: times are multiples of 1/16 s, which four decimals represent exactly.
"""

from __future__ import annotations

from dataclasses import replace
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpora.tusz.write import (
    TCP_PAIRS,
    write_annotations,
    write_annotations_1_5,
)
from bgb_fixtures.corpora.twin.layout import Layout
from bgb_fixtures.corpora.twin.rates import RATES, change_rate
from bgb_fixtures.edf.writer import EdfChannel
from bgb_fixtures.synthetic import RECIPE, SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.corpora.twin.plan import PlannedRecording
    from bgb_fixtures.eeg.events import Event

__all__ = ["LAYOUT", "LAYOUT_1_5"]

_STEPS_PER_S = 16
_COMMON_NOTES = """\
- A patient with the average reference is in 01_tcp_ar (`EEG FP1-REF`), one with linked
  ears in 02_tcp_le (`EEG FP1-LE`). Beside the electrodes there are A1, A2, an ECG and,
  in 01_tcp_ar, the trends IBI, BURSTS and SUPPR at 1 Hz, all zero.
- At rates other than 256 Hz the EEG is resampled: it holds nothing above 128 Hz.
- Steps of 0.125 uV, where the corpus has 0.15 to 0.9 uV.
"""
_NOTES = f"""\
- Patients are named synthaaa, synthaab, ...; every year is 2015.
{_COMMON_NOTES}\
- `.csv` has rows for each pair of the TCP montage. All pairs take part in a generalised
  seizure from its start to its end. In a focal one the pairs on the side of the focus
  do; those of the other side join in after two fifths of it (fnsz, cpsz) or never
  (spsz), as the generator lets seizures spread.
- For a recording with seizures, `.csv_bi` has only `seiz` rows; for one without, a single
  `bckg` row.
"""
_NOTES_1_5 = f"""\
- Patients are numbered from 99000000; every year is 2015. There are splits train and dev.
{_COMMON_NOTES}\
- `.tse` has the type of a seizure and `.tse_bi` only `seiz`, for the whole recording;
  `.lbl` and `.lbl_bi` have the same for each pair of the TCP montage. All pairs take part
  in a generalised seizure from its start to its end. In a focal one the pairs on the side
  of the focus do; those of the other side join in after two fifths of it (fnsz, cpsz) or
  never (spsz), as the generator lets seizures spread.
"""
_FIRST_NUMBER = 99_000_000
# Signals in the order of the files of the corpus.
_ORDERS = {
    "AR": (
        "FP1", "FP2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T3",
        "T4", "T5", "T6", "A1", "A2", "FZ", "CZ", "PZ",
    ),
    "LE": (
        "FP1", "FP2", "F3", "F4", "C3", "C4", "A1", "A2", "P3", "P4", "O1", "O2", "F7",
        "F8", "T3", "T4", "T5", "T6", "FZ", "CZ", "PZ",
    ),
}  # fmt: skip
_FOLDERS = {"AR": "01_tcp_ar", "LE": "02_tcp_le"}
_SUFFIXES = {"AR": "REF", "LE": "LE"}
_ECG_LABELS = {"AR": "EEG EKG1-REF", "LE": "EEG EKG-LE"}
_TRENDS = (("IBI", "sec"), ("BURSTS", "brst/min"), ("SUPPR", "%"))
# Focal type -> fraction of the duration, as (numerator, denominator), after which the
# seizure has reached the other side; None: it stays on one side.
_SPREAD = {"fnsz": (2, 5), "cpsz": (2, 5), "spsz": None}
# One heartbeat as runs of (samples, steps of 0.125 uV per sample): P, Q, R, S, T wave.
_BEAT = (
    *((10, 64), (10, -64), (12, 0)),
    *((3, -200), (5, 1560), (6, -1400), (4, 300)),
    *((20, 0), (20, 90), (24, -75)),
)


def _patient(planned: PlannedRecording) -> str:
    letters = ""
    rest = planned.patient
    for _ in range(3):
        rest, letter = divmod(rest, len(ascii_lowercase))
        letters = ascii_lowercase[letter] + letters
    return f"synth{letters}"


def _edf_name(planned: PlannedRecording) -> str:
    """Return the path of a recording inside the corpus."""
    patient = _patient(planned)
    folder = _FOLDERS[planned.subject.reference]
    return (
        f"edf/{planned.spec.split}/{patient}/s001_{planned.start.year}/{folder}/"
        f"{patient}_s001_t{planned.take:03d}.edf"
    )


def _write_csv(path: Path, planned: PlannedRecording) -> None:
    """Write the two annotation files of a recording."""
    write_annotations(
        path,
        duration=planned.spec.duration,
        channels={pair: _seizures_of(pair, planned) for pair in TCP_PAIRS},
        seizures=[(e.onset, e.onset + e.duration) for e in planned.spec.events],
    )


def _edf_name_1_5(planned: PlannedRecording) -> str:
    """Return the path of a recording inside version 1.5.2 of the corpus."""
    patient = str(_FIRST_NUMBER + planned.patient)
    folder = _FOLDERS[planned.subject.reference]
    return (
        f"edf/{planned.spec.split}/{folder}/{patient[3:6]}/{patient}/"
        f"s001_{planned.start:%Y_%m_%d}/{patient}_s001_t{planned.take:03d}.edf"
    )


def _write_tse_and_lbl(path: Path, planned: PlannedRecording) -> None:
    """Write the four annotation files of a recording."""
    reference = _SUFFIXES[planned.subject.reference]
    write_annotations_1_5(
        path,
        duration=planned.spec.duration,
        reference=reference,
        channels={pair: _seizures_of(pair, planned) for pair in TCP_PAIRS},
        seizures=[
            (e.onset, e.onset + e.duration, e.label) for e in planned.spec.events
        ],
    )


def _iter_channels(
    planned: PlannedRecording, pieces: Iterable[npt.NDArray[np.int16]]
) -> Iterator[list[EdfChannel]]:
    # The whole row at 256 Hz is small. Pieces are resampled with a second on either
    # side, because a beat may lie across the border of two pieces.
    row = _ecg(planned, int(planned.spec.duration) * SFREQ).astype(np.int16)
    padded = np.pad(row, SFREQ, mode="edge")[None]
    start = 0
    for digital in pieces:
        stop = start + digital.shape[1] // planned.sfreq
        ecg = change_rate(padded[:, start * SFREQ : (stop + 2) * SFREQ], planned.sfreq)
        yield _channels(planned, digital, ecg[0, planned.sfreq : -planned.sfreq])
        start = stop


def _channels(
    planned: PlannedRecording,
    digital: npt.NDArray[np.int16],
    ecg: npt.NDArray[np.int16],
) -> list[EdfChannel]:
    sfreq = planned.sfreq
    reference = planned.subject.reference
    rows = {n.upper(): row for n, row in zip(ELECTRODES, digital, strict=True)}
    absent = {name.upper() for name in planned.without}
    channels = [
        EdfChannel(
            label=f"EEG {name}-{_SUFFIXES[reference]}",
            digital=rows[name],
            sfreq=sfreq,
        )
        for name in _ORDERS[reference]
        if name not in absent
    ]
    channels.append(EdfChannel(label=_ECG_LABELS[reference], digital=ecg, sfreq=sfreq))
    if reference == "AR":
        zeros = np.zeros(digital.shape[1] // sfreq, dtype=np.int16)
        channels += [
            EdfChannel(label=label, digital=zeros, sfreq=1, unit=unit)
            for label, unit in _TRENDS
        ]
    return channels


def _ecg(planned: PlannedRecording, n_times: int) -> npt.NDArray[np.int32]:
    """Return an electrocardiogram in integer steps, the same on every machine."""
    lengths, slopes = zip(*_BEAT, strict=True)
    beat = np.cumsum(np.repeat(np.array(slopes, dtype=np.int32), lengths))
    period = int(SFREQ / planned.subject.heart_hz)
    streams = Streams.of_seed(planned.seed, RECIPE).child(
        f"corpus/ecg/{planned.patient}-{planned.take}"
    )
    course = np.zeros(n_times + 2 * period, dtype=np.int32)
    at = 0
    for word in streams.raw("beats", n_times // period + 2):
        if at + len(beat) > len(course):
            break
        course[at : at + len(beat)] = beat
        # The resting heart rate varies by a few percent; beats never overlap.
        at += max(len(beat), period + int(word) % 13 - 6)
    return course[:n_times]


def _seizures_of(
    pair: str, planned: PlannedRecording
) -> list[tuple[float, float, str]]:
    """Return (start, stop, label) of the seizures in which a pair is involved."""
    side = planned.subject.focus_side
    starts = ((event, _joins(event, pair, side=side)) for event in planned.spec.events)
    return [
        (start, event.onset + event.duration, event.label)
        for event, start in starts
        if start is not None
    ]


def _joins(event: Event, pair: str, *, side: str) -> float | None:
    """Return when a seizure reaches a pair of electrodes; None if it does not."""
    if event.label not in _SPREAD:
        return event.onset
    # Odd numbers are on the left.
    digit = next(int(character) for character in pair if character.isdigit())
    if (digit % 2 == 1) == (side == "L"):
        return event.onset
    spread = _SPREAD[event.label]
    if spread is None:
        return None
    steps = round(event.duration * _STEPS_PER_S) * spread[0] // spread[1]
    return event.onset + steps / _STEPS_PER_S


LAYOUT = Layout(
    title="the TUH EEG Seizure Corpus (TUSZ) 2.0.3",
    notes=_NOTES,
    splits=("train", "dev", "eval"),
    steps_per_s=_STEPS_PER_S,
    edf_name=_edf_name,
    iter_channels=_iter_channels,
    write_annotations=_write_csv,
    write_lists=None,
    rates=(SFREQ, *(rate for rate in RATES if rate != SFREQ)),
)

LAYOUT_1_5 = replace(
    LAYOUT,
    title="the TUH EEG Seizure Corpus (TUSZ) 1.5.2",
    notes=_NOTES_1_5,
    splits=("train", "dev"),
    edf_name=_edf_name_1_5,
    write_annotations=_write_tse_and_lbl,
)
