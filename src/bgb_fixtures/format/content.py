"""The content of a fixture, to be written to a file or used in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.format.records import WindowRecord

__all__ = ["Content"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything that a fixture file holds.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        Version of the samples.
    sfreq : float
        Sampling frequency in Hz.
    ch_names : tuple of str
        Channel names in array order.
    montage, unit : str
        Name of the montage; ``"uV"`` or ``"1"``.
    profile, source, licence, spec : dict
        As in `bgb_fixtures.format.records.Records`.
    windows : tuple of WindowRecord
        One per row.
    signals : numpy.ndarray of float32, shape (n_windows, n_channels, n_times)
        Model-ready signal.
    labels : numpy.ndarray of uint8, shape (n_windows, n_times)
        1 = seizure.
    scale, offset : numpy.ndarray of float32, shape (n_windows, n_channels)
        microvolts = signals * scale + offset.
    """

    name: str
    content_version: int
    sfreq: float
    ch_names: tuple[str, ...]
    montage: str
    unit: str
    profile: dict[str, Any]
    source: dict[str, Any]
    licence: dict[str, Any]
    spec: dict[str, Any]
    windows: tuple[WindowRecord, ...]
    signals: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
