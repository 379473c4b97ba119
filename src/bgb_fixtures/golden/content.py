"""What a golden holds, as frozen values; made by a run or read from a file.

Invariant: a run that is checked and a file that was recorded have the same shape, so
that comparing needs to know neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "STATISTICS",
    "Call",
    "FixtureState",
    "Golden",
    "ModelState",
    "Output",
    "Tolerance",
    "Trace",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Say how far a value may lie from the recorded one.

    Attributes
    ----------
    rtol, atol : float
        A value is close if ``|obtained - expected| <= atol + rtol * |expected|``.
    source : str
        Where the numbers come from, in words.
    """

    rtol: float
    atol: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Hold one array that the code under test gave.

    Attributes
    ----------
    array : numpy.ndarray
        The values; bfloat16 as float32, which holds each of them exactly.
    dtype : str
        Dtype as the code under test had it, such as ``"bfloat16"``.
    tolerance : Tolerance
        How far values may lie from these.
    threshold : float or None
        Above it, a value is a detection; None: the values are no detector's output per
        sample.
    """

    array: npt.NDArray[Any]
    dtype: str
    tolerance: Tolerance
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureState:
    """Say which windows of which fixture went in.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        Its content version.
    digest : str
        SHA-256 of its index and records, which hold the digests of all else.
    windows : tuple of str
        Ids of the windows, in the order of axis 0 of the outputs.
    """

    name: str
    content_version: int
    digest: str
    windows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """Say which model it was.

    Attributes
    ----------
    digest : str
        SHA-256 of the state dict: names, dtypes, shapes and bytes, in order of the names.
    n_parameters : int
        Parameters, counted as numbers.
    """

    digest: str
    n_parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Describe one call of one module.

    Attributes
    ----------
    name : str
        Path of the module in the model, such as ``"body.2"``; empty: the model itself,
        of which only the input is kept.
    kind : str
        Name of its class.
    settings : str
        What it prints of itself, ``extra_repr()``; at most 120 characters.
    training : bool
        Whether it was in train mode.
    weights : str
        SHA-256 of its own parameters and buffers before the call; empty if it has none.
    dtypes, shapes : tuple
        Of its inputs and of its outputs: the first dtype of each, all shapes of each.
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
        """The module in words."""
        return f"`{self.name}` ({self.kind})" if self.name else "the model's input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Hold what the modules of a model took and gave, in order of execution.

    Attributes
    ----------
    calls : tuple of Call
        The first is the model itself.
    statistics : numpy.ndarray of float64, shape (n_calls, 2, 8)
        `STATISTICS` of the inputs (0) and of the outputs (1) of each call.
    samples : numpy.ndarray of float64, shape (n_calls, 2, 32)
        Values at fixed places of both, half of them at the borders of the last axis.
    n_calls : int
        Calls that the model made; more than `calls` if it made too many to keep.
    """

    calls: tuple[Call, ...]
    statistics: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float64]
    n_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """Hold what the code under test gave, and under which circumstances.

    Attributes
    ----------
    name : str
        What it is called.
    outputs : mapping of str to Output
        By key; nested dicts have keys such as ``"logits.onset"``.
    environment : mapping of str to str
        Versions, device, processor, threads, flags.
    fixture : FixtureState or None
        What went in, if it was windows of a fixture.
    model : ModelState or None
        The model, if one was run here.
    trace : Trace or None
        Its modules.
    path : pathlib.Path or None
        Where it was read from; not part of its value.
    """

    name: str
    outputs: Mapping[str, Output]
    environment: Mapping[str, str]
    fixture: FixtureState | None = None
    model: ModelState | None = None
    trace: Trace | None = None
    path: Path | None = field(default=None, compare=False)
