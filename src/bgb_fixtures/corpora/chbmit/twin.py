"""The layout of CHB-MIT 1.0.0: bipolar recordings, summaries and sidecars.

Invariant: seizure times are whole seconds, so summary, sidecar and signal agree to the
sample.

References
----------
CHB-MIT Scalp EEG Database 1.0.0, https://physionet.org/content/chbmit/1.0.0/; WFDB
annotation files, https://physionet.org/physiotools/wag/annot-5.htm.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpora.chbmit.wfdb import encode_sidecar
from bgb_fixtures.corpora.twin.layout import Layout
from bgb_fixtures.corpora.twin.physionet import write_digests, write_lines
from bgb_fixtures.edf.writer import EdfChannel
from bgb_fixtures.eeg.channels import ALIASES
from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.corpora.twin.plan import PlannedRecording

__all__ = ["CH_NAMES", "LAYOUT"]

# The 23 signals of most files, in their order; T8-P8 occurs twice.
CH_NAMES = (
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4",
    "F4-C4", "C4-P4", "P4-O2", "FP2-F8", "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ",
    "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8",
)  # fmt: skip
_NOTES = """\
- Cases are numbered from chb81, as the database has none beyond chb24; with `--cases`
  they have the requested names.
- FT9 and FT10 are not among the electrodes of the generator. They are computed as
  (3 F7 - T7 + 6 A1) / 8 and its mirror image, which in the head model gives 91 to 97 %
  of the variance at those places. All other derivations are exact differences.
- Summaries do not name the type of a seizure, as those of the database do not; the
  table below does. Gender and age in SUBJECT-INFO are invented.
- SHA256SUMS.txt lists the files that the database has. With it the folder can be
  served by any web server that answers ranges, and read like the database:
  `bgb-fixtures build --source chbmit --root http://.../`.
- Steps of 0.125 uV over 16 bits, where the database has 0.39 uV over 12 bits.
- Over the web the manifest is not read: a fixture built from an address carries the
  licence and the citation of the real database.
"""
_FIRST_CASE = 81
_NEW_NAMES = {old: new for new, old in ALIASES.items()}


def _case(planned: PlannedRecording) -> str:
    return planned.case or f"chb{_FIRST_CASE + planned.patient}"


def _edf_name(planned: PlannedRecording) -> str:
    """Return the path of a recording inside the corpus."""
    return f"{_case(planned)}/{_case(planned)}_{planned.take + 1:02d}.edf"


def _write_sidecar(path: Path, planned: PlannedRecording) -> None:
    """Write the sidecar of a recording, if it holds seizures."""
    if planned.spec.events:
        sidecar = path.with_name(path.name + ".seizures")
        sidecar.write_bytes(encode_sidecar(planned.spec.events))


def _channels(digital: npt.NDArray[np.int16]) -> list[EdfChannel]:
    # Differences of two int16 values need 17 bits until they are checked.
    rows = {
        _NEW_NAMES.get(name, name).upper(): row.astype(np.int32)
        for name, row in zip(ELECTRODES, digital, strict=True)
    }
    # Best linear estimate from these three electrodes in the three-shell head model,
    # with weights rounded to eighths. Integer arithmetic gives the same result on every
    # machine.
    rows["FT9"] = (3 * rows["F7"] - rows["T7"] + 6 * rows["A1"] + 4) // 8
    rows["FT10"] = (3 * rows["F8"] - rows["T8"] + 6 * rows["A2"] + 4) // 8
    channels = []
    for ch_name in CH_NAMES:
        anode, cathode = ch_name.split("-")
        channels.append(EdfChannel(label=ch_name, digital=rows[anode] - rows[cathode]))
    return channels


def _write_lists(root: Path, plan: Sequence[PlannedRecording]) -> None:
    """Write the summary of each case and the lists of the database."""
    subjects = ["Case\tGender\tAge (years)", ""]
    for case, group in groupby(plan, key=_case):
        recordings = list(group)
        text = _summary(recordings)
        (root / case / f"{case}-summary.txt").write_bytes(text.encode("ascii"))
        patient = recordings[0].patient
        subjects.append(f"{case}\t{'FM'[patient % 2]}\t{8 + patient % 12:2d}")
    write_lines(root / "SUBJECT-INFO", subjects)
    write_lines(root / "RECORDS", [_edf_name(p) for p in plan])
    write_lines(
        root / "RECORDS-WITH-SEIZURES", [_edf_name(p) for p in plan if p.spec.events]
    )
    write_digests(root)


def _summary(recordings: Sequence[PlannedRecording]) -> str:
    lines = [
        f"Data Sampling Rate: {SFREQ} Hz",
        "*************************",
        "",
        "Channels in EDF Files:",
        "**********************",
        *(f"Channel {i}: {name}" for i, name in enumerate(CH_NAMES, 1)),
        "",
    ]
    for planned in recordings:
        spec = planned.spec
        clock = planned.start - planned.start.replace(hour=0, minute=0, second=0)
        # The real summaries have two styles: seizures are numbered only if there are
        # several (chb01), or always (chb08).
        numbered = len(spec.events) > 1 or planned.patient % 2 == 1
        lines += [
            f"File Name: {_edf_name(planned).split('/')[1]}",
            f"File Start Time: {_clock(clock)}",
            f"File End Time: {_clock(clock, spec.duration)}",
            f"Number of Seizures in File: {len(spec.events)}",
        ]
        for i, event in enumerate(spec.events, 1):
            name = f"Seizure {i}" if numbered else "Seizure"
            lines += [
                f"{name} Start Time: {event.onset:.0f} seconds",
                f"{name} End Time: {event.onset + event.duration:.0f} seconds",
            ]
        lines.append("")
    return "".join(f"{line}\n" for line in lines)


def _clock(since_midnight: timedelta, later: float = 0) -> str:
    """Return a clock time; hours continue beyond 24, as in the database."""
    seconds = int(since_midnight.total_seconds() + later)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


LAYOUT = Layout(
    title="the CHB-MIT Scalp EEG Database 1.0.0",
    notes=_NOTES,
    splits=("train",),
    steps_per_s=1,
    edf_name=_edf_name,
    iter_channels=lambda _, pieces: map(_channels, pieces),
    write_annotations=_write_sidecar,
    write_lists=_write_lists,
    case_form=r"chb[0-9]{2}",
)
