"""Convert windows of a fixture to the 16 bits of EDF.

Invariant: a window that was generated on a grid of 0.125 uV gets exactly its generated
values; the rounding error of any other sample is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.edf.writer import DIGITAL, PHYSICAL, EdfChannel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture

__all__ = [
    "GRID_UV",
    "START",
    "Steps",
    "describe_steps",
    "edf_channels",
    "label_problems",
    "samples_problems",
    "to_steps",
    "window_steps",
    "window_uv",
]

# An invented date; midnight as in TUSZ.
START = datetime(2015, 1, 1)  # noqa: DTZ001 (the EDF header has no time zone)
"""Start of every recording, for headers that must have one."""

GRID_UV = 0.125
"""Synthetic EEG is generated in steps of this many microvolts."""

_CLIP = 10.0
_LABEL = 16
_NONE = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """One channel in 16 bits, and its largest rounding error.

    Attributes
    ----------
    digital : numpy.ndarray of int32, shape (n_times,)
        Values within 16 bits.
    physical : tuple of float
        Microvolts at the digital limits.
    on_grid : bool
        Whether a step is `GRID_UV`, the grid on which the samples were generated.
    lost_uv : float
        The largest difference from the microvolts of the fixture.
    """

    digital: npt.NDArray[np.int32]
    physical: tuple[float, float]
    on_grid: bool
    lost_uv: float

    def summary(self) -> Steps:
        """Return a copy without samples, for `describe_steps`."""
        return replace(self, digital=_NONE)


def samples_problems(fixture: Fixture) -> list[str]:
    """Return the reasons why windows cannot be written as EDF records of 1 s."""
    sfreq, n_times = fixture.sfreq, fixture.signals.shape[2]
    if sfreq != int(sfreq) or n_times % int(sfreq):
        problem = (
            f"its windows have {n_times} samples at {sfreq:g} Hz; expected whole "
            "seconds of a whole number of Hz, for EDF records of 1 s"
        )
        return [problem]
    return []


def label_problems(labels: Sequence[str]) -> list[str]:
    """Return the problems of channel names that do not fit into an EDF header."""
    return [
        f"the label {label!r} has {len(label)} characters; EDF has room for {_LABEL}"
        for label in labels
        if len(label) > _LABEL
    ]


def window_uv(fixture: Fixture, row: int) -> npt.NDArray[np.float64]:
    """Return a window in microvolts."""
    scale, offset = (
        array[row].astype(np.float64)[:, None]
        for array in (fixture.scale, fixture.offset)
    )
    return np.asarray(fixture.signals[row].astype(np.float64) * scale + offset)


def window_steps(fixture: Fixture, row: int) -> list[Steps]:
    """Return the channels of a window in 16 bits, with the smallest rounding error.

    Notes
    -----
    Synthetic EEG was generated on a grid of 0.125 uV. If every sample of a channel is
    as near to this grid as rounding allows, the nearest step is the generated value.
    Otherwise the 16 bits cover the range of the channel.
    """
    scaled = fixture.records.profile["name"] == "zscore-1"
    values = fixture.signals[row]
    return [
        to_steps(
            data_uv,
            # zscore-1 rounds to multiples of 2^-12 and clips at 10.
            rounding_uv=float(scale) * 2.0**-13 if scaled else 0.0,
            clipped=np.abs(value) >= _CLIP if scaled else None,
        )
        for data_uv, value, scale in zip(
            window_uv(fixture, row), values, fixture.scale[row], strict=True
        )
    ]


def to_steps(
    data_uv: npt.NDArray[np.float64],
    *,
    rounding_uv: float = 0.0,
    clipped: npt.NDArray[np.bool_] | None = None,
) -> Steps:
    """Return one channel in 16 bits, with the most precise calibration."""
    low, high = data_uv.min(), data_uv.max()
    largest = np.float32(max(abs(low), abs(high)))
    slack_uv = rounding_uv + float(np.spacing(largest))
    near = slice(None) if clipped is None else ~clipped
    digital = np.rint(data_uv / GRID_UV)
    lost = np.abs(digital * GRID_UV - data_uv)
    on_grid = (
        # With a coarser scale, any value would be near the grid.
        4 * slack_uv < GRID_UV
        and PHYSICAL[0] <= low
        and high <= PHYSICAL[1]
        and bool((lost[near] <= slack_uv).all())
    )
    physical = PHYSICAL
    if not on_grid:
        physical = (float(np.floor(low)), float(np.ceil(high)))
        if physical[0] == physical[1]:
            physical = (physical[0], physical[1] + 1)
        step = (physical[1] - physical[0]) / (DIGITAL[1] - DIGITAL[0])
        digital = np.rint((data_uv - physical[0]) / step) + DIGITAL[0]
        lost = np.abs((digital - DIGITAL[0]) * step + physical[0] - data_uv)
    return Steps(
        digital=digital.astype(np.int32),
        physical=physical,
        on_grid=on_grid,
        lost_uv=float(lost.max()),
    )


def edf_channels(
    labels: Sequence[str], steps: Sequence[Steps], *, sfreq: float
) -> list[EdfChannel]:
    """Return the signals of an EDF file."""
    return [
        EdfChannel(
            label=label,
            digital=channel.digital,
            sfreq=int(sfreq),
            physical=channel.physical,
        )
        for label, channel in zip(labels, steps, strict=True)
    ]


def describe_steps(fixture: Fixture, steps: Sequence[Steps]) -> str:
    """Return a sentence for a README about rounding to 16 bits."""
    fitted = [channel for channel in steps if not channel.on_grid]
    n_clipped = sum(window.n_clipped for window in fixture.windows)
    text = (
        "Steps of 0.125 uV, on which the windows were generated: every sample is the one "
        f"that was generated, except the {n_clipped} that the fixture clips."
    )
    if fitted:
        lost_uv = max(channel.lost_uv for channel in fitted)
        text = (
            "The 16 bits of a channel of a file cover its own range, between whole "
            f"microvolts; {len(steps) - len(fitted)} of {len(steps)} channels have "
            "steps of 0.125 uV instead, on which they were generated. Against the "
            f"microvolts of the fixture no sample is off by more than {lost_uv:.2g} uV."
        )
    filtered = (
        "\n- These are filtered microvolts, as the profile says, not those of the "
        "recording."
        if fixture.records.profile["name"] == "brain-go-brr-3.1"
        else ""
    )
    return text + filtered
