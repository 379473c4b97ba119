"""Export the windows of a fixture as recordings in the folder layout of TUSZ 2.0.3.

Invariant: a sample of a window is labelled ictal exactly if its time lies in a row of
the annotation files; the loss by rounding samples to 16 bits is stated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.corpora.tusz.write import TCP_PAIRS, write_annotations
from bgb_fixtures.edf.steps import (
    START,
    Steps,
    describe_steps,
    edf_channels,
    samples_problems,
    window_steps,
)
from bgb_fixtures.edf.writer import import_edfio, write_edf
from bgb_fixtures.eeg.events import mask_to_spans
from bgb_fixtures.eeg.montage import MONTAGES, proper_rows
from bgb_fixtures.export.layout import (
    EDF_FOLDER,
    Layout,
    edf_name,
    event_spans,
    group_recordings,
    split_problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.format.records import WindowRecord

__all__ = ["LAYOUT"]

_PAIRS = tuple(
    pair
    for pair in TCP_PAIRS
    if "A1" not in pair.split("-") and "A2" not in pair.split("-")
)


def _problems(fixture: Fixture) -> list[str]:
    records, sfreq = fixture.records, fixture.sfreq
    problems = []
    if proper_rows(records.ch_names) != MONTAGES["10-20"]:
        problems.append(
            f"its channels are those of montage {records.montage!r}, "
            f"{', '.join(records.ch_names)}; expected electrodes, all 19 of montage "
            "'10-20': TUSZ has no bipolar recordings, readers compute them"
        )
    off_grid = samples_problems(fixture)
    problems += off_grid
    if not off_grid and 10**9 % int(sfreq):
        problems.append(
            f"its rate is {sfreq:g} Hz; expected one whose samples lie on decimal "
            "fractions of a second, as annotation files have them"
        )
    return problems + split_problems(fixture)


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    import_edfio()
    rows: list[str] = []
    channels: list[Steps] = []
    for recording in group_recordings(fixture):
        for token, row in enumerate(recording.rows):
            name = edf_name(recording, token)
            path = folder / "edf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            steps = window_steps(fixture, row)
            write_edf(
                path,
                edf_channels(
                    [
                        f"EEG {ch_name.upper()}-REF"
                        for ch_name in proper_rows(fixture.ch_names)
                    ],
                    steps,
                    sfreq=fixture.sfreq,
                ),
                start=START,
            )
            _write_labels(path, fixture, row)
            rows.append(_table_row(name, fixture.windows[row]))
            channels += [channel.summary() for channel in steps]
            done(len(rows))
    return _notes(fixture, channels, rows)


def _table_row(name: str, window: WindowRecord) -> str:
    seizures = ", ".join(
        f"{e.label} {e.onset:g}-{e.onset + e.duration:g}" for e in window.events
    )
    return f"| {name} | {window.id} | {seizures or 'none'} |"


def _write_labels(path: Path, fixture: Fixture, row: int) -> None:
    sfreq = fixture.sfreq
    typed = [
        (start / sfreq, stop / sfreq, event.label)
        for start, stop, event in event_spans(fixture, row)
    ]
    write_annotations(
        path,
        duration=fixture.signals.shape[2] / sfreq,
        channels=dict.fromkeys(_PAIRS, typed),
        seizures=[
            (start / sfreq, stop / sfreq)
            for start, stop in mask_to_spans(fixture.labels[row])
        ],
    )


def _notes(fixture: Fixture, channels: list[Steps], rows: list[str]) -> str:
    return f"""\
## Worth knowing

- One EDF file per window, records of 1 s. A patient is a subject of the fixture, a session
  one of its recordings, a token a window of it. Every date is 2015-01-01.
- {describe_steps(fixture, channels)}
- `EEG FP1-REF` and the folder `{EDF_FOLDER}` are those of TUSZ for recordings without A1
  and A2; what the electrodes were measured against, the fixture does not say.
- Seizures of a fixture are not told apart by channel: in `.csv` all {len(_PAIRS)} pairs
  of the montage have them from start to end. For a window with seizures, `.csv_bi` has
  only `seiz` rows; for one without, a single `bckg` row. Times have four decimals, or as
  many as it takes to hit the sample.

## Files

Type (TUSZ code), start and end in seconds from the start of the file.

| file in `edf/` | window | seizures |
| --- | --- | --- |
{chr(10).join(rows)}
"""


LAYOUT = Layout(
    title="EDF recordings and annotations in the tree of TUSZ 2.0.3",
    problems=_problems,
    write=_write,
)
