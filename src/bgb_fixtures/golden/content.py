"""What a golden holds, as frozen values: made by a run, or read from a file.

Invariant: a run that is checked and a file that was recorded have the same form, so the
comparison needs to know neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bgb_fixtures.golden.dtypes import to_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "MAX_CALLS",
    "N_SAMPLES",
    "PLAIN",
    "STATISTICS",
    "Call",
    "FixtureState",
    "Golden",
    "ModelState",
    "Output",
    "Tolerance",
    "Trace",
]

PLAIN = "BCT"
"""The axes of windows as a fixture has them: windows, channels, time."""
STATISTICS = (
    "n_nan",
    "n_infinite",
    "minimum",
    "quarter",
    "median",
    "three quarters",
    "maximum",
    "root mean square",
)
"""What a trace keeps of a tensor: two counts, then statistics of the finite values."""
N_SAMPLES = 32
"""Values of a tensor that a trace keeps as they are."""
MAX_CALLS = 512
"""Most calls that a trace keeps: with it, a trace stays under 1 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a value may be from the recorded one.

    A value is close if ``|obtained - expected| <= atol + rtol * |expected|``. `source`
    says in words where the numbers come from. `basis` is the dtype whose default they
    are, empty if they were stated.
    """

    rtol: float
    atol: float
    source: str
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One value that the code under test returned.

    `array` has the form of the file (bfloat16 as uint16, for example), `dtype` is the
    name of the dtype in the code under test. Above `threshold` a value per sample is a
    detection; None if the values are no detector's output. `labels` has the labels of
    the rows of dtype ``"events"``.
    """

    array: npt.NDArray[Any]
    dtype: str
    tolerance: Tolerance
    threshold: float | None = None
    labels: tuple[str, ...] = ()

    @property
    def numbers(self) -> npt.NDArray[Any]:
        """Return the values in a dtype that numpy can compute with."""
        return to_numbers(self.array, self.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureState:
    """Which windows of which fixture went in, in the order of axis 0 of the outputs.

    `digest` is the SHA-256 of index and records of the fixture, which hold the digests
    of everything else, or of what it was adapted from and how. `sfreq` is in Hz,
    `n_times` in samples, `profile` the name of the processing profile.
    """

    name: str
    content_version: int
    digest: str
    windows: tuple[str, ...]
    sfreq: float
    n_times: int
    montage: str
    profile: str

    @property
    def shape(self) -> str:
        """Return in words what `Fixture.adapt` would change."""
        return (
            f"{self.n_times / self.sfreq:g} s at {self.sfreq:g} Hz, montage "
            f"{self.montage}, profile {self.profile}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """Which model it was.

    `digest` is the SHA-256 of the state dict: names, dtypes, shapes and bytes, in order
    of the names. `n_parameters` counts numbers.
    """

    digest: str
    n_parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one module.

    `name` is the path of the module, such as ``"body.2"``; it is empty for the model
    itself, of which only the input is kept. `settings` is its ``extra_repr()``.
    `weights` is the SHA-256 of its own parameters and buffers before the call, empty
    if it has none. `dtypes` and `shapes` are those of the inputs and of the outputs.
    """

    name: str
    kind: str
    settings: str
    training: bool
    weights: str
    dtypes: tuple[str, str]
    shapes: tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]

    @property
    def title(self) -> str:
        """Return name and class for messages."""
        return f"`{self.name}` ({self.kind})" if self.name else "the model's input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What the modules of a model received and returned, in order of execution.

    `statistics` has the shape (n_calls, 2, 8) and `samples` (n_calls, 2, 32), both
    float64; axis 1 is inputs, outputs. `n_calls` exceeds the calls kept if the model
    made too many.
    """

    calls: tuple[Call, ...]
    statistics: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float64]
    n_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What the code under test returned, and in which environment.

    `name` is its key in the test, `test` the test it was made for (class, function and
    parameters), empty if it was recorded from the command line. Keys of `outputs` begin
    with the name: ``"logits"``, or ``"out.logits"`` from a dict. `layout` has the axes in
    which a model got the windows, as `smoke --layout` takes them. `path` is where it was
    read from and no part of its value.
    """

    name: str
    outputs: Mapping[str, Output]
    environment: Mapping[str, str]
    test: str = ""
    fixture: FixtureState | None = None
    layout: str = PLAIN
    model: ModelState | None = None
    trace: Trace | None = None
    path: Path | None = field(default=None, compare=False)
