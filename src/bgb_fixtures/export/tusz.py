"""The windows of a fixture as recordings in the tree of TUSZ 2.0.3.

Invariant: a label of a window is ictal exactly if its time lies in a row of the
annotation files; what a sample lost on its way to 16 bits is stated.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bgb_fixtures.edf_writer import (
    DIGITAL,
    PHYSICAL,
    EdfChannel,
    import_pyedflib,
    write_edf,
)
from bgb_fixtures.events import mask_to_spans
from bgb_fixtures.export.layout import (
    EDF_FOLDER,
    Layout,
    edf_name,
    group_recordings,
    split_problems,
)
from bgb_fixtures.montage import MONTAGES
from bgb_fixtures.tusz_files import TCP_PAIRS, write_annotations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.h5 import WindowRecord
    from bgb_fixtures.loader import Fixture

__all__ = ["LAYOUT"]

_PAIRS = tuple(
    pair
    for pair in TCP_PAIRS
    if "A1" not in pair.split("-") and "A2" not in pair.split("-")
)
# A moment that no person was ever recorded at by this program; midnight as in TUSZ.
_START = datetime(2015, 1, 1)  # noqa: DTZ001 (the EDF header has no time zone)
_GRID_UV = 0.125
_CLIP = 10.0
_NONE = np.empty(0, np.int32)


class _Steps(NamedTuple):
    """One channel in 16 bits, and what the largest of its samples lost."""

    digital: npt.NDArray[np.int32]
    physical: tuple[float, float]
    on_grid: bool
    lost_uv: float


def _problems(fixture: Fixture) -> list[str]:
    records, sfreq = fixture.records, fixture.sfreq
    n_times = fixture.signals.shape[2]
    problems = []
    if records.ch_names != MONTAGES["10-20"]:
        problems.append(
            f"its channels are those of montage {records.montage!r}, "
            f"{', '.join(records.ch_names)}; expected electrodes, all 19 of montage "
            "'10-20': TUSZ has no bipolar recordings, readers compute them"
        )
    if sfreq != int(sfreq) or n_times % int(sfreq):
        problems.append(
            f"its windows have {n_times} samples at {sfreq:g} Hz; expected whole "
            "seconds of a whole number of Hz, for EDF records of 1 s"
        )
    elif 10**9 % int(sfreq):
        problems.append(
            f"its rate is {sfreq:g} Hz; expected one whose samples lie on decimal "
            "fractions of a second, as annotation files have them"
        )
    return problems + split_problems(fixture)


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    import_pyedflib()
    rows: list[str] = []
    channels: list[_Steps] = []
    for recording in group_recordings(fixture):
        for token, row in enumerate(recording.rows):
            name = edf_name(recording, token)
            path = folder / "edf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            window_channels = _channels(fixture, row)
            write_edf(
                path,
                [
                    EdfChannel(
                        label=f"EEG {ch_name.upper()}-REF",
                        digital=steps.digital,
                        sfreq=int(fixture.sfreq),
                        physical=steps.physical,
                    )
                    for ch_name, steps in zip(
                        fixture.ch_names, window_channels, strict=True
                    )
                ],
                start=_START,
            )
            _write_labels(path, fixture, row)
            rows.append(_table_row(name, fixture.windows[row]))
            # What the notes count needs no samples.
            channels += [steps._replace(digital=_NONE) for steps in window_channels]
            done(len(rows))
    return _notes(fixture, channels, rows)


def _table_row(name: str, window: WindowRecord) -> str:
    seizures = ", ".join(
        f"{e.label} {e.onset:g}-{e.onset + e.duration:g}" for e in window.events
    )
    return f"| {name} | {window.id} | {seizures or 'none'} |"


def _write_labels(path: Path, fixture: Fixture, row: int) -> None:
    sfreq = fixture.sfreq
    typed = []
    for event in fixture.windows[row].events:
        # Counted in samples, as the mask is: a sum of two fractions may miss one.
        start = round(event.onset * sfreq)
        stop = start + round(event.duration * sfreq)
        typed.append((start / sfreq, stop / sfreq, event.label))
    write_annotations(
        path,
        duration=fixture.signals.shape[2] / sfreq,
        channels=dict.fromkeys(_PAIRS, typed),
        seizures=[
            (start / sfreq, stop / sfreq)
            for start, stop in mask_to_spans(fixture.labels[row])
        ],
    )


def _channels(fixture: Fixture, row: int) -> list[_Steps]:
    scaled = fixture.records.profile["name"] == "zscore-1"
    values = fixture.signals[row].astype(np.float64)
    scales, offsets = (
        array[row].astype(np.float64) for array in (fixture.scale, fixture.offset)
    )
    return [
        _to_steps(
            value * scale + offset,
            # zscore-1 rounds to multiples of 2^-12 and clips at 10.
            rounding_uv=scale * 2.0**-13 if scaled else 0.0,
            clipped=np.abs(value) >= _CLIP if scaled else np.zeros(len(value), bool),
        )
        for value, scale, offset in zip(values, scales, offsets, strict=True)
    ]


def _to_steps(
    data_uv: npt.NDArray[np.float64],
    *,
    rounding_uv: float,
    clipped: npt.NDArray[np.bool_],
) -> _Steps:
    """Return a channel in 16 bits, with the calibration that loses least.

    Synthetic EEG was generated on a grid of 0.125 uV. Where every sample lies as near to
    it as rounding allows, the nearest step is the value that was generated. Else the 16
    bits cover the range of the channel, between whole microvolts.
    """
    low, high = data_uv.min(), data_uv.max()
    largest = np.float32(max(abs(low), abs(high)))
    slack_uv = rounding_uv + float(np.spacing(largest))
    digital = np.rint(data_uv / _GRID_UV)
    lost = np.abs(digital * _GRID_UV - data_uv)
    on_grid = (
        # A coarser scale would find any value near the grid.
        4 * slack_uv < _GRID_UV
        and PHYSICAL[0] <= low
        and high <= PHYSICAL[1]
        and bool((lost[~clipped] <= slack_uv).all())
    )
    physical = PHYSICAL
    if not on_grid:
        physical = (float(np.floor(low)), float(np.ceil(high)))
        if physical[0] == physical[1]:
            physical = (physical[0], physical[1] + 1)
        step = (physical[1] - physical[0]) / (DIGITAL[1] - DIGITAL[0])
        digital = np.rint((data_uv - physical[0]) / step) + DIGITAL[0]
        lost = np.abs((digital - DIGITAL[0]) * step + physical[0] - data_uv)
    return _Steps(digital.astype(np.int32), physical, on_grid, float(lost.max()))


def _notes(fixture: Fixture, channels: list[_Steps], rows: list[str]) -> str:
    fitted = [steps for steps in channels if not steps.on_grid]
    n_clipped = sum(window.n_clipped for window in fixture.windows)
    samples = (
        "Steps of 0.125 uV, on which the windows were generated: every sample is the one "
        f"that was generated, except the {n_clipped} that the fixture clips."
    )
    if fitted:
        lost_uv = max(steps.lost_uv for steps in fitted)
        samples = (
            "The 16 bits of a channel of a file cover its own range, between whole "
            f"microvolts; {len(channels) - len(fitted)} of {len(channels)} channels have "
            "steps of 0.125 uV instead, on which they were generated. Against the "
            f"microvolts of the fixture no sample is off by more than {lost_uv:.2g} uV."
        )
    filtered = (
        "\n- These are filtered microvolts, as the profile says, not those of the "
        "recording."
        if fixture.records.profile["name"] == "brain-go-brr-3.1"
        else ""
    )
    return f"""\
## Worth knowing

- One EDF file per window, records of 1 s. A patient is a subject of the fixture, a session
  one of its recordings, a token a window of it. Every date is 2015-01-01.
- {samples}{filtered}
- `EEG FP1-REF` and the folder `{EDF_FOLDER}` are those of TUSZ for recordings without A1
  and A2; what the electrodes were measured against, the fixture does not say.
- Seizures of a fixture are not told apart by channel: in `.csv` all {len(_PAIRS)} pairs
  of the montage have them from start to end. `.csv_bi` of a window with seizures has only
  `seiz` rows, of one without a `bckg` row. Times have four decimals, or as many as it
  takes to hit the sample.

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
