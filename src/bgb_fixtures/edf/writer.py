"""Write EDF, plain or EDF+ with annotations, with edfio.

Invariant: digital values are written unchanged, and a failed write is an error. The
header contains no name, no time of this machine and no version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.errors import MissingPackageError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import ModuleType

    import numpy.typing as npt

__all__ = [
    "DIGITAL",
    "PHYSICAL",
    "TICKS_PER_S",
    "EdfAnnotation",
    "EdfChannel",
    "import_edfio",
    "write_edf",
    "write_edf_pieces",
]

DIGITAL = (-32768, 32767)
"""Digital limits of every signal: the full 16 bits."""

PHYSICAL = (-4096.0, 4095.875)
"""Physical limits for steps of 0.125, which are exact in 8 characters of the header."""

TICKS_PER_S = 10_000
"""Times of annotations are multiples of 0.1 ms."""

# Position of the number of records in the header.
_N_RECORDS = slice(236, 244)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfAnnotation:
    """An EDF+ annotation: times in units of 1 / `TICKS_PER_S` s, and ASCII text."""

    onset: int
    duration: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdfChannel:
    """One signal of an EDF file: whole seconds of 16-bit samples at `sfreq` Hz.

    `label` has at most 16 ASCII characters and `unit` 8; `physical` are the values at
    digital -32768 and 32767, each exact in binary and at most 8 characters long.
    """

    label: str
    digital: npt.NDArray[np.int16] | npt.NDArray[np.int32]
    sfreq: int = 256
    unit: str = "uV"
    physical: tuple[float, float] = PHYSICAL


def import_edfio() -> ModuleType:
    """Return edfio."""
    try:
        import edfio
    except ImportError as error:
        msg = (
            "EDF files are written with edfio, which is not installed; "
            'run: pip install "bgb-fixtures[build]"'
        )
        raise MissingPackageError(msg) from error
    return edfio


def write_edf(
    path: Path,
    channels: Sequence[EdfChannel],
    *,
    start: datetime,
    annotations: Sequence[EdfAnnotation] = (),
) -> None:
    """Write one EDF file of records of one second; EDF+C if it has annotations."""
    # Not written by edfio, whose array.tofile misses an error in the last few bytes.
    path.write_bytes(_encode(path, channels, start=start, annotations=annotations))


def write_edf_pieces(
    path: Path, pieces: Iterable[Sequence[EdfChannel]], *, start: datetime
) -> None:
    """Write one EDF file like `write_edf`, with only one piece at a time in memory."""
    n_records = 0
    with path.open("wb") as file:
        for channels in pieces:
            data = _encode(path, channels, start=start)
            # Reuse the first header, because only the number of records differs.
            header = 256 * (len(channels) + 1)
            file.write(memoryview(data)[header if n_records else 0 :])
            n_records += int(data[_N_RECORDS])
        file.seek(_N_RECORDS.start)
        file.write(f"{n_records:<8}".encode("ascii"))


def _encode(
    path: Path,
    channels: Sequence[EdfChannel],
    *,
    start: datetime,
    annotations: Sequence[EdfAnnotation] = (),
) -> bytes:
    """Return an EDF file of records of one second."""
    edfio = import_edfio()
    for channel in channels:
        # Checked before the cast to int16, which would overflow.
        low, high = int(channel.digital.min()), int(channel.digital.max())
        if low < DIGITAL[0] or high > DIGITAL[1]:
            msg = (
                f"recording {path.name!r}, channel {channel.label!r}: digital values "
                f"from {low} to {high} do not fit into EDF; expected "
                f"{DIGITAL[0]} to {DIGITAL[1]}"
            )
            raise SourceError(msg)
    edf = edfio.Edf(
        [
            edfio.EdfSignal.from_digital(
                np.ascontiguousarray(channel.digital, dtype=np.int16),
                channel.sfreq,
                label=channel.label,
                physical_dimension=channel.unit,
                physical_range=channel.physical,
                digital_range=DIGITAL,
            )
            for channel in channels
        ],
        recording=edfio.Recording(startdate=start.date()),
        starttime=start.time(),
        data_record_duration=1,
        # Without annotations write plain EDF, as in the corpora; EDF+ adds a signal.
        annotations=[
            edfio.EdfAnnotation(
                annotation.onset / TICKS_PER_S,
                annotation.duration / TICKS_PER_S,
                annotation.text,
            )
            for annotation in annotations
        ]
        or None,
    )
    data: bytes = edf.to_bytes()
    return data
