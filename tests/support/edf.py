"""EDF files in memory, and byte sources that write down what is read of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["LSB_UV", "MemorySource", "edf_bytes"]

LSB_UV = 0.125
"""Microvolts of a digital step in the files of `edf_bytes`."""


@dataclass(kw_only=True)
class MemorySource:
    """Bytes in memory that write down what is read of them."""

    data: bytes
    name: str = "made.edf"
    reads: list[tuple[int, int]] = field(default_factory=list)
    closed: bool = False

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, stop: int) -> bytes:
        assert 0 <= start <= stop <= len(self.data)
        assert not self.closed
        self.reads.append((start, stop))
        return self.data[start:stop]

    def close(self) -> None:
        self.closed = True


def edf_bytes(
    labels: Sequence[str],
    digital: npt.NDArray[np.int16],
    *,
    sfreq: int,
    patient: str = "X X X X",
    unit: str | Sequence[str] = "uV",
    duration: str = "1",
    stamps: Sequence[str] | None = None,
) -> bytes:
    """Return an EDF file; EDF+D if there are `stamps`, the onset of each record.

    `digital` has shape (n_signals, n_records * sfreq), in steps of `LSB_UV`; the header
    has 256 bytes, and 256 for each signal. A record has `sfreq` samples and lasts
    `duration`, one second.
    """
    units = [unit] * len(labels) if isinstance(unit, str) else list(unit)
    reserved = ""
    if stamps is not None:
        labels, units, reserved = [*labels, "EDF Annotations"], [*units, ""], "EDF+D"
        tals = [
            f"+{stamp}\x14\x14\0".encode().ljust(2 * sfreq, b"\0") for stamp in stamps
        ]
        inside = np.frombuffer(b"".join(tals), "<i2")
        digital = np.concatenate([digital, inside[None]])
    n_signals = len(labels)
    n_records = digital.shape[1] // sfreq
    fields: list[tuple[int, Sequence[object]]] = [
        (8, ["0"]), (80, [patient]), (80, ["Startdate X X X X"]),
        (8, ["01.01.85"]), (8, ["00.00.00"]), (8, [256 * (n_signals + 1)]),
        (44, [reserved]), (8, [n_records]), (8, [duration]), (4, [n_signals]),
        (16, labels), (80, [""] * n_signals), (8, units),
        (8, ["-4096"] * n_signals), (8, ["4095.875"] * n_signals),
        (8, ["-32768"] * n_signals), (8, ["32767"] * n_signals),
        (80, [""] * n_signals), (8, [sfreq] * n_signals), (32, [""] * n_signals),
    ]  # fmt: skip
    header = "".join(str(v).ljust(width) for width, values in fields for v in values)
    records = digital.astype("<i2").reshape(n_signals, n_records, sfreq)
    return header.encode("latin-1") + records.swapaxes(0, 1).tobytes()
