"""Sources of recordings with events, behind one protocol.

Invariant: `recordings()` reads annotations only; a signal is touched by `open()` at the
earliest, and then the header and the records asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.events import Event

__all__ = ["Licence", "Recording", "Signal", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Say what may be done with the data of a source.

    Attributes
    ----------
    name : str
        Short name, an SPDX identifier where there is one.
    url : str
        Where its text is.
    attribution : str
        What to cite; may be empty.
    redistributable : bool
        Whether a fixture made from the source may be given to others.
    """

    name: str
    url: str
    attribution: str
    redistributable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Hold what the annotations say of one recording.

    Attributes
    ----------
    name : str
        The source's own name, e.g. ``"chb01/chb01_03.edf"``; unique, the order of
        recordings, and never written to a fixture.
    subject : str
        The source's own subject; never written to a fixture.
    split : str
        ``"train"`` where the source has no splits.
    duration : float or None
        Seconds, if the annotations say so.
    events : tuple of Event
        All seizures, in order of onset; empty if it is annotated as seizure-free.
    """

    name: str
    subject: str
    split: str
    duration: float | None
    events: tuple[Event, ...]


class Signal(Protocol):
    """An opened recording: its header is read, its samples are not."""

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz of the rows of the montage."""

    @property
    def n_times(self) -> int:
        """Number of samples in the recording."""

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start)."""

    def __enter__(self) -> Self:
        """Return the signal itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file behind the signal."""


class Source(Protocol):
    """A corpus, or a generator that stands for one."""

    @property
    def licence(self) -> Licence:
        """What may be done with its data."""

    @property
    def identity(self) -> dict[str, Any]:
        """What else the records of a fixture keep of it, as JSON values."""

    def recordings(self) -> Sequence[Recording]:
        """Return every annotated recording, sorted by name, from annotations alone."""

    def open(self, recording: Recording, montage: str) -> Signal:
        """Open one recording for a montage; read its header and check it."""
