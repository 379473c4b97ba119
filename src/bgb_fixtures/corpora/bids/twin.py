"""The layout of BIDS-EEG for SzCORE: 19 channels against their average, 256 Hz.

Invariant: times are multiples of 1/4 s, which the two decimals of the events represent
exactly, and fall on samples.

References
----------
Brain Imaging Data Structure, https://bids-specification.readthedocs.io; SzCORE,
https://epilepsybenchmarks.com/contribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpora.bids.write import (
    TASK,
    EegSidecar,
    write_dataset,
    write_sidecars,
    write_table,
)
from bgb_fixtures.corpora.manifest import MANIFEST_NAME
from bgb_fixtures.corpora.twin.layout import Layout
from bgb_fixtures.edf.writer import EdfChannel
from bgb_fixtures.synthetic import RECIPE, SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.corpora.twin.plan import PlannedRecording

__all__ = ["CH_NAMES", "LAYOUT"]

# The order required by SzCORE; O1 and O2 have other positions than in montage 10-20.
CH_NAMES = (
    "Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz", "Fp2", "F4",
    "C4", "P4", "O2", "F8", "T4", "T6",
)  # fmt: skip
_NOTES = """\
- `Fp1-Avg` and so on: the 19 electrodes against their average, rounded to 0.125 uV.
- There is one session to a subject; runs follow each other. Date and time are invented.
- SzCORE takes recordings of at least one minute: ask for `--duration 60` or more.
"""


def _subject(planned: PlannedRecording) -> str:
    return f"sub-{planned.patient + 1:02d}"


def _edf_name(planned: PlannedRecording) -> str:
    """Return the path of a recording inside the corpus."""
    subject = _subject(planned)
    return (
        f"{subject}/ses-01/eeg/{subject}_ses-01_task-{TASK}_run-{planned.take + 1:02d}"
        "_eeg.edf"
    )


def _write_beside(path: Path, planned: PlannedRecording) -> None:
    """Write the sidecars and the events of a recording."""
    spec = planned.spec
    write_sidecars(
        path,
        EegSidecar(
            ch_names=[f"{name}-Avg" for name in CH_NAMES],
            description="Synthetic EEG with seizures; nobody was recorded.",
            reference="common average of the 19 electrodes",
            short_reference="Avg",
            sfreq=SFREQ,
            mains_hz=int(planned.subject.mains_hz),
            duration=spec.duration,
        ),
        start=planned.start,
        events=[(f"{e.onset:.2f}", f"{e.duration:.2f}", e.szcore) for e in spec.events],
    )


def _channels(digital: npt.NDArray[np.int16]) -> list[EdfChannel]:
    rows = {
        name: row.astype(np.int32)
        for name, row in zip(ELECTRODES, digital, strict=True)
    }
    n = len(CH_NAMES)
    total = sum(rows[name] for name in CH_NAMES)
    # x - mean(x), rounded with integer arithmetic; n is odd, so there are no ties.
    return [
        EdfChannel(
            label=f"{name}-Avg", digital=(2 * (n * rows[name] - total) + n) // (2 * n)
        )
        for name in CH_NAMES
    ]


def _write_lists(root: Path, plan: Sequence[PlannedRecording]) -> None:
    """Write the description of the data set, its participants and event columns."""
    description: dict[str, object] = {
        "Name": "Synthetic EEG with seizures",
        "License": "CC0",
        "Authors": ["The bgb-fixtures authors"],
        "GeneratedBy": [
            {
                "Name": "bgb-fixtures",
                "Description": f"synthetic: made by a generator, recipe {RECIPE}",
            }
        ],
    }
    write_dataset(
        root,
        description,
        codes=[(e.szcore, e.label) for p in plan for e in p.spec.events],
        confidence="Not given: the generator knows its seizures.",
    )
    (root / ".bidsignore").write_bytes(f"{MANIFEST_NAME}\n".encode("ascii"))
    subjects = sorted({_subject(planned) for planned in plan})
    write_table(root / "participants.tsv", ("participant_id",), zip(subjects))


LAYOUT = Layout(
    title="a BIDS-EEG data set as SzCORE takes it",
    notes=_NOTES,
    splits=("train",),
    steps_per_s=4,
    edf_name=_edf_name,
    iter_channels=lambda _, pieces: map(_channels, pieces),
    write_annotations=_write_beside,
    write_lists=_write_lists,
)
