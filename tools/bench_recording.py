"""A long EDF recording, and ways to read one window of it.

Invariant: each way imports what it needs itself, so that a process that uses one shows
what that one needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = [
    "CHANNELS",
    "SFREQ",
    "WAYS",
    "WINDOW_S",
    "edf_header",
    "window_start",
    "write_recording",
]

SFREQ = 256
CHANNELS = [
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4",
    "F4-C4", "C4-P4", "P4-O2", "FP2-F8", "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ",
    "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "VNS",
]  # fmt: skip
N_HEADER = 256 * (len(CHANNELS) + 1)
N_RECORD = 2 * SFREQ * len(CHANNELS)
WINDOW_S = 60


def edf_header(labels: Sequence[str], *, n_records: int) -> bytes:
    """Return the header of an EDF file of records of 1 s at 256 Hz, steps of 0.39 uV.

    Parameters
    ----------
    labels : sequence of str
        Of the signals.
    n_records : int
        Seconds.

    Returns
    -------
    header : bytes
        256 for the file and for each signal.
    """

    def field(value: object, size: int) -> bytes:
        return str(value).encode("ascii").ljust(size)

    n = len(labels)
    columns = (
        (labels, 16), ([""] * n, 80), (["uV"] * n, 8), ([-800] * n, 8), ([800] * n, 8),
        ([-2048] * n, 8), ([2047] * n, 8), ([""] * n, 80), ([SFREQ] * n, 8),
        ([""] * n, 32),
    )  # fmt: skip
    return (
        field(0, 8) + field("X X X X", 80) + field("Startdate X X X X", 80)
        + b"01.01.8500.00.00" + field(256 * (n + 1), 8) + field("", 44)
        + field(n_records, 8) + field(1, 8) + field(n, 4)
        + b"".join(field(v, size) for values, size in columns for v in values)
    )  # fmt: skip


def write_recording(path: Path, *, minutes: int) -> None:
    """Write 23 channels of noise; an hour of it has 42.4 MB.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    minutes : int
        Its length.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(-2048, 2048, len(CHANNELS) * SFREQ * 60, np.int16)
    with path.open("wb") as file:
        file.write(edf_header(CHANNELS, n_records=60 * minutes))
        for _ in range(minutes):
            file.write(noise.astype("<i2").tobytes())


def window_start(path: Path) -> int:
    """Return where each way reads: the last but one window, in seconds.

    Parameters
    ----------
    path : pathlib.Path
        The recording.

    Returns
    -------
    start : int
        Seconds.
    """
    return (path.stat().st_size - N_HEADER) // N_RECORD - 2 * WINDOW_S


def read_ours(path: Path) -> npt.NDArray[np.float64]:
    """Read a window with bgb-fixtures."""
    from bgb_fixtures.edf.records import EdfFile
    from bgb_fixtures.edf.source import LocalFile

    start = window_start(path) * SFREQ
    with EdfFile(LocalFile(path)) as edf:
        return edf.read_uv(range(len(CHANNELS)), start, start + WINDOW_S * SFREQ)


def read_numpy(path: Path) -> npt.NDArray[np.float64]:
    """Read a window of a file whose layout is known: nothing is checked."""
    with path.open("rb") as file:
        file.read(N_HEADER)
        file.seek(N_HEADER + window_start(path) * N_RECORD)
        records = np.frombuffer(file.read(WINDOW_S * N_RECORD), "<i2")
    digital = records.reshape(WINDOW_S, len(CHANNELS), SFREQ).swapaxes(0, 1)
    return (digital.reshape(len(CHANNELS), -1) + 2048.0) * (1600 / 4095) - 800


def read_pyedflib(path: Path) -> Any:
    """Read a window with pyedflib."""
    import pyedflib

    start = window_start(path) * SFREQ
    with pyedflib.EdfReader(str(path)) as reader:
        rows = range(len(CHANNELS))
        return np.stack([reader.readSignal(i, start, WINDOW_S * SFREQ) for i in rows])


def read_mne(path: Path, *, preload: bool = False) -> Any:
    """Read a window with MNE."""
    import mne

    start = window_start(path) * SFREQ
    raw = mne.io.read_raw_edf(path, preload=preload, verbose="error")
    return 1e6 * raw.get_data(start=start, stop=start + WINDOW_S * SFREQ)


def read_mne_all(path: Path) -> Any:
    """Read a window with MNE after the whole recording."""
    return read_mne(path, preload=True)


WAYS: dict[str, Callable[[Path], Any]] = {
    "bgb-fixtures": read_ours,
    "plain numpy, seek + read, no check": read_numpy,
    "mne preload=False": read_mne,
    "pyedflib readSignal": read_pyedflib,
    "mne preload=True": read_mne_all,
}
