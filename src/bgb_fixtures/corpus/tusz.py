"""The layout of TUSZ 2.0.3: splits, patients, referential recordings, CSV annotations.

Invariant: times are multiples of 1/16 s, which four decimals hold exactly; `.csv` (per
channel, with the type) and `.csv_bi` (whole recording, seizure or not) say the same.

References
----------
Shah et al. (2018), The Temple University Hospital Seizure Detection Corpus, Frontiers in
Neuroinformatics 12:83, https://doi.org/10.3389/fninf.2018.00083.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpus.edf import EdfChannel, write_edf
from bgb_fixtures.corpus.layout import Layout
from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.corpus.plan import PlannedRecording
    from bgb_fixtures.events import Event

__all__ = ["LAYOUT", "TCP_PAIRS"]

_STEPS_PER_S = 16
# The temporal central parasagittal montage, in the order of the corpus.
TCP_PAIRS = (
    "FP1-F7", "F7-T3", "T3-T5", "T5-O1", "FP2-F8", "F8-T4", "T4-T6", "T6-O2", "A1-T3",
    "T3-C3", "C3-CZ", "CZ-C4", "C4-T4", "T4-A2", "FP1-F3", "F3-C3", "C3-P3", "P3-O1",
    "FP2-F4", "F4-C4", "C4-P4", "P4-O2",
)  # fmt: skip
_NOTES = """\
- Patients are named synthaaa, synthaab, ...; every year is 2015.
- A patient with the average reference is in 01_tcp_ar (`EEG FP1-REF`), one with linked
  ears in 02_tcp_le (`EEG FP1-LE`). Beside the electrodes there are A1, A2, an ECG and,
  in 01_tcp_ar, the trends IBI, BURSTS and SUPPR at 1 Hz, all zero.
- `.csv` has rows for each pair of the TCP montage. All pairs take part in a generalised
  seizure from its start to its end. In a focal one the pairs on the side of the focus
  do; those of the other side join in after two fifths of it (fnsz, cpsz) or never
  (spsz), as the generator lets seizures spread.
- `.csv_bi` of a recording with seizures has only `seiz` rows, of one without a `bckg` row.
- Steps of 0.125 uV, where the corpus has 0.15 to 0.9 uV.
"""
# Signals in the order in which files of the corpus have them.
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
# Focal type -> numerator and denominator of the share of a seizure after which it has
# reached the other side; None: it stays on its side.
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


def _write_recording(
    root: Path, planned: PlannedRecording, digital: npt.NDArray[np.int16]
) -> None:
    """Write the EDF file of a recording and its two annotation files."""
    path = root / _edf_name(planned)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_edf(path, _channels(planned, digital), start=planned.start)
    head = (
        "# version = csv_v1.0.0\n"
        f"# bname = {path.stem}\n"
        f"# duration = {planned.spec.duration:.2f} secs\n"
        "# montage_file = $NEDC_NFC/lib/nedc_eas_default_montage.txt\n"
        "#\n"
        "channel,start_time,stop_time,label,confidence\n"
    )
    for suffix, rows in (
        (".csv", _typed_rows(planned)),
        (".csv_bi", _binary_rows(planned)),
    ):
        text = head + "".join(
            f"{channel},{start:.4f},{stop:.4f},{label},1.0000\n"
            for channel, start, stop, label in rows
        )
        path.with_suffix(suffix).write_bytes(text.encode("ascii"))


def _channels(
    planned: PlannedRecording, digital: npt.NDArray[np.int16]
) -> list[EdfChannel]:
    reference = planned.subject.reference
    rows = {n.upper(): row for n, row in zip(ELECTRODES, digital, strict=True)}
    absent = {name.upper() for name in planned.without}
    channels = [
        EdfChannel(label=f"EEG {name}-{_SUFFIXES[reference]}", digital=rows[name])
        for name in _ORDERS[reference]
        if name not in absent
    ]
    n_times = digital.shape[1]
    channels.append(
        EdfChannel(label=_ECG_LABELS[reference], digital=_ecg(planned, n_times))
    )
    if reference == "AR":
        zeros = np.zeros(n_times // SFREQ, dtype=np.int16)
        channels += [
            EdfChannel(label=label, digital=zeros, sfreq=1, unit=unit)
            for label, unit in _TRENDS
        ]
    return channels


def _ecg(planned: PlannedRecording, n_times: int) -> npt.NDArray[np.int32]:
    """Return an electrocardiogram in whole steps, the same on every machine."""
    lengths, slopes = zip(*_BEAT, strict=True)
    beat = np.cumsum(np.repeat(np.array(slopes, dtype=np.int32), lengths))
    period = int(SFREQ / planned.subject.heart_hz)
    streams = Streams.of_seed(planned.seed).child(
        f"corpus/ecg/{planned.patient}-{planned.take}"
    )
    course = np.zeros(n_times + 2 * period, dtype=np.int32)
    at = 0
    for word in streams.raw("beats", n_times // period + 2):
        if at + len(beat) > len(course):
            break
        course[at : at + len(beat)] = beat
        # A heart at rest varies by some percent; a beat never overlaps the next.
        at += max(len(beat), period + int(word) % 13 - 6)
    return course[:n_times]


def _typed_rows(
    planned: PlannedRecording,
) -> list[tuple[str, float, float, str]]:
    """Return (channel, start, stop, label), each channel from start to end."""
    side = planned.subject.focus_side
    rows = []
    for pair in TCP_PAIRS:
        before = 0.0
        for event in planned.spec.events:
            start = _joins(event, pair, side=side)
            if start is None:
                continue
            stop = event.onset + event.duration
            rows += [(pair, before, start, "bckg"), (pair, start, stop, event.label)]
            before = stop
        rows.append((pair, before, planned.spec.duration, "bckg"))
    return rows


def _joins(event: Event, pair: str, *, side: str) -> float | None:
    """Return when a pair of electrodes takes part in a seizure, if it does."""
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


def _binary_rows(
    planned: PlannedRecording,
) -> list[tuple[str, float, float, str]]:
    rows = [
        ("TERM", e.onset, e.onset + e.duration, "seiz") for e in planned.spec.events
    ]
    return rows or [("TERM", 0.0, planned.spec.duration, "bckg")]


LAYOUT = Layout(
    title="the TUH EEG Seizure Corpus (TUSZ) 2.0.3",
    notes=_NOTES,
    splits=("train", "dev", "eval"),
    steps_per_s=_STEPS_PER_S,
    edf_name=_edf_name,
    write_recording=_write_recording,
    write_lists=None,
)
