"""The content of a golden as frozen dataclasses, made by a run or read from a file.

Invariant: a new run and a recorded file have the same form, so the comparison does not
depend on where a golden comes from.
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
"""Axes of the windows in a fixture: windows, channels, time."""
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
"""Summary of a tensor in a trace: two counts, then statistics of the finite values."""
N_SAMPLES = 32
"""Number of values of a tensor that a trace stores unchanged."""
MAX_CALLS = 512
"""Maximum number of calls in a trace, which keeps a trace below 1 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The allowed difference from a recorded value.

    A value is close if ``|obtained - expected| <= atol + rtol * |expected|``. `source`
    is a description of where the numbers come from. `basis` is the dtype whose default
    they are; empty if they were stated by the user.
    """

    rtol: float
    atol: float
    source: str
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One value that the code under test returned.

    `array` has the dtype used in the file (uint16 for bfloat16, for example), `dtype`
    is the name of the dtype in the code under test. A sample whose value exceeds
    `threshold` is a detection; None if the values are not the output of a detector.
    `labels` has the label of each row if `dtype` is ``"events"``.
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
    """The fixture and windows used as input, in the order of axis 0 of the outputs.

    `digest` is the SHA-256 of index and records of the fixture, which hold the digests
    of everything else; for an adapted fixture, that of the original and the adaptation.
    `sfreq` is in Hz, `n_times` in samples, and `profile` is the name of the processing
    profile.
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
        """Describe the properties that `Fixture.adapt` changes."""
        return (
            f"{self.n_times / self.sfreq:g} s at {self.sfreq:g} Hz, montage "
            f"{self.montage}, profile {self.profile}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """The identity of a model.

    `digest` is the SHA-256 of the state dict: names, dtypes, shapes and bytes, sorted
    by name. `n_parameters` is the number of scalar parameters.
    """

    digest: str
    n_parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one module.

    `name` is the path of the module, such as ``"body.2"``; it is empty for the model
    itself, whose output is not stored. `settings` is its ``extra_repr()``. `weights` is
    the SHA-256 of its own parameters and buffers before the call, empty if it has none.
    `dtypes` and `shapes` are those of the inputs and of the outputs.
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
    """Inputs and outputs of the modules of a model, in order of execution.

    `statistics` has the shape (n_calls, 2, 8) and `samples` (n_calls, 2, 32), both
    float64; axis 1 is inputs, outputs. `n_calls` exceeds the number of stored calls if
    the model made more than `MAX_CALLS`.
    """

    calls: tuple[Call, ...]
    statistics: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float64]
    n_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """The outputs of the code under test and the environment that computed them.

    `name` is its key in the test. `test` is the test it was made for (class, function
    and parameters), empty if it was recorded from the command line. Keys of `outputs`
    begin with the name: ``"logits"``, or ``"out.logits"`` from a dict. `layout` has the
    axes of the model's input, in the notation of `smoke --layout`. `path` is the file
    it was read from and is not part of its value.
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
