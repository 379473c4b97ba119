"""Export a BIDS-EEG data set with the events of SzCORE, one recording per window.

Invariant: a fixture of the 19 electrodes is written in the order of SzCORE, against their
average; a time has two decimals, or more if needed to identify the sample.

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
    write_json,
    write_sidecars,
    write_table,
)
from bgb_fixtures.edf.steps import (
    GRID_UV,
    START,
    Steps,
    describe_steps,
    edf_channels,
    label_problems,
    samples_problems,
    to_steps,
    window_steps,
    window_uv,
)
from bgb_fixtures.edf.writer import import_edfio, write_edf
from bgb_fixtures.eeg.channels import AVERAGE
from bgb_fixtures.eeg.montage import MONTAGES, proper_rows
from bgb_fixtures.export.layout import Layout, event_spans, subject_problems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture

__all__ = ["LAYOUT"]

_SZCORE = MONTAGES["szcore-19"]
_SZCORE_SFREQ = 256.0
_SZCORE_LEAST_S = 60


def _problems(fixture: Fixture) -> list[str]:
    return (
        samples_problems(fixture)
        + label_problems(fixture.ch_names)
        + subject_problems(fixture)
    )


def _has_electrodes(fixture: Fixture) -> bool:
    return proper_rows(fixture.ch_names) == MONTAGES["10-20"]


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    import_edfio()
    rows: list[str] = []
    channels: list[Steps] = []
    averaging = _has_electrodes(fixture)
    sidecar = _sidecar(fixture)
    n_runs: dict[str, int] = {}
    for row, window in enumerate(fixture.windows):
        n_runs[window.subject] = run = n_runs.get(window.subject, 0) + 1
        name = (
            f"{window.subject}/ses-01/eeg/{window.subject}_ses-01_task-{TASK}"
            f"_run-{run:02d}_eeg.edf"
        )
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        steps = _averaged(fixture, row) if averaging else window_steps(fixture, row)
        write_edf(
            path,
            edf_channels(sidecar.ch_names, steps, sfreq=fixture.sfreq),
            start=START,
        )
        write_sidecars(
            path,
            sidecar,
            start=START,
            events=[
                (
                    _seconds(start / fixture.sfreq),
                    _seconds((stop - start) / fixture.sfreq),
                    event.szcore,
                )
                for start, stop, event in event_spans(fixture, row)
            ],
        )
        rows.append(f"| {name} | {window.id} | {window.split} | {window.category} |")
        channels += [channel.summary() for channel in steps]
        done(len(rows))
    _write_lists(fixture, folder)
    return _notes(fixture, channels, rows)


def _averaged(fixture: Fixture, row: int) -> list[Steps]:
    """Return the electrodes against their average, in the order of SzCORE."""
    order = [
        proper_rows(fixture.ch_names).index(name.partition("-")[0]) for name in _SZCORE
    ]
    steps = window_steps(fixture, row)
    if all(channel.on_grid for channel in steps):
        digital = np.stack([steps[i].digital for i in order])
        n, total = len(digital), digital.sum(axis=0)
        # x - mean(x), rounded with integer arithmetic; n is odd, so there are no ties.
        data_uv = (2 * (n * digital - total) + n) // (2 * n) * GRID_UV
    else:
        data_uv = window_uv(fixture, row)[order]
        data_uv -= data_uv.mean(axis=0)
    return [to_steps(channel) for channel in data_uv]


def _seconds(value: float) -> str:
    return np.format_float_positional(value, unique=True, min_digits=2)


def _sidecar(fixture: Fixture) -> EegSidecar:
    averaged = _has_electrodes(fixture) or proper_rows(fixture.ch_names) == _SZCORE
    return EegSidecar(
        ch_names=_SZCORE if averaged else fixture.ch_names,
        description=f"A window of fixture {fixture.index.name}, chosen for its labels.",
        reference=(
            "common average of the 19 electrodes"
            if averaged
            else "not stated; derivations are named as electrode-electrode"
        ),
        short_reference=AVERAGE if averaged else "n/a",
        sfreq=int(fixture.sfreq),
        mains_hz=None,
        duration=fixture.signals.shape[2] / fixture.sfreq,
    )


def _write_lists(fixture: Fixture, folder: Path) -> None:
    """Write the description of the data set, its participants and event columns."""
    index, licence = fixture.index, fixture.records.licence
    synthetic = fixture.records.is_synthetic
    cite = licence["attribution"]
    description: dict[str, object] = {
        "Name": f"Windows of fixture {index.name}",
        "License": licence["name"],
        **({"Authors": ["The bgb-fixtures authors"]} if synthetic else {}),
        **({"HowToAcknowledge": cite} if cite else {}),
        "GeneratedBy": [
            {
                "Name": "bgb-fixtures",
                "Description": f"export of the fixture with digest {index.digest}",
            }
        ],
    }
    write_dataset(
        folder,
        description,
        codes=[(e.szcore, e.label) for w in fixture.windows for e in w.events],
        confidence="Not given: a fixture holds labels, not how sure they are.",
    )
    splits = {window.subject: window.split for window in fixture.windows}
    write_table(
        folder / "participants.tsv", ("participant_id", "split"), sorted(splits.items())
    )
    column = {"split": {"Description": "Part of the fixture: for training or not."}}
    write_json(folder / "participants.json", column)
    if not licence["redistributable"]:
        # The notice is not a BIDS file.
        (folder / ".bidsignore").write_bytes(b"DO-NOT-REDISTRIBUTE.txt\n")


def _notes(fixture: Fixture, channels: list[Steps], rows: list[str]) -> str:
    samples = describe_steps(fixture, channels)
    if _has_electrodes(fixture):
        n_clipped = sum(window.n_clipped for window in fixture.windows)
        lost_uv = max(channel.lost_uv for channel in channels)
        steps = (
            "from the values that were generated, rounded to 0.125 uV"
            if all(channel.on_grid for channel in channels)
            else "in 16 bits over the range of a channel of a file, which moves no "
            f"sample by more than {lost_uv:.2g} uV"
        )
        samples = (
            f"`Fp1-Avg` and so on: the 19 electrodes against their average, {steps}; "
            f"the {n_clipped} samples that the fixture clips go into the average "
            "clipped."
        )
    return f"""\
## Use

    import mne

    raw = mne.io.read_raw_edf("{rows[0].split(" | ", maxsplit=1)[0][2:]}")

## Worth knowing

- {samples}
- One recording per window, and one session to a subject; runs are windows in the order
  of the fixture. Date and time are invented; every recording starts at the same moment.
- Seizures are told apart by SzCORE codes, over all channels. Times have two decimals, or
  as many as it takes to hit the sample.{_szcore_notes(fixture)}

## Files

| file | window | split | category |
| --- | --- | --- | --- |
{chr(10).join(rows)}
"""


def _szcore_notes(fixture: Fixture) -> str:
    """Return notes on properties that SzCORE would not accept."""
    duration = fixture.signals.shape[2] / fixture.sfreq
    found = []
    if duration < _SZCORE_LEAST_S:
        found.append(f"recordings of at least {_SZCORE_LEAST_S} s, not {duration:g} s")
    if fixture.sfreq != _SZCORE_SFREQ:
        found.append(f"{_SZCORE_SFREQ:g} Hz, not {fixture.sfreq:g} Hz")
    if not _has_electrodes(fixture) and proper_rows(fixture.ch_names) != _SZCORE:
        found.append("the 19 electrodes against their average, not these channels")
    return f"\n- SzCORE takes {'; '.join(found)}." if found else ""


LAYOUT = Layout(
    title="a BIDS-EEG data set with the events of SzCORE",
    problems=_problems,
    write=_write,
)
