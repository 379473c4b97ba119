"""Write EDF, plain or EDF+ with annotations, with pyedflib.

Invariant: a digital value on disk is the one given, as the file proves when it is read
back; the header holds no name, no clock of this machine and no version.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.errors import MissingPackageError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    "import_pyedflib",
    "write_edf",
]

DIGITAL = (-32768, 32767)
"""Digital limits of every signal: all of the 16 bits."""

# Of limits that are not exact in binary, such as 3276.7, pyedflib 0.1.36 writes
# '3276.699' and 0.1.42 '3276.7'.
PHYSICAL = (-4096.0, 4095.875)
"""Physical limits for steps of 0.125: exact, and within 8 characters of the header."""

TICKS_PER_S = 10_000
"""Times of annotations are whole numbers of 0.1 ms, as the library writes them."""

_MOST_ANNOTATION_SIGNALS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfAnnotation:
    """Hold one annotation of an EDF+ file.

    Attributes
    ----------
    onset, duration : int
        From the start of the file, in units of 1 / `TICKS_PER_S` seconds.
    text : str
        At most 40 ASCII characters.
    """

    onset: int
    duration: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdfChannel:
    """Hold one signal of an EDF file.

    Attributes
    ----------
    label : str
        At most 16 ASCII characters.
    digital : numpy.ndarray of int, shape (n_records * sfreq,)
        Whole seconds of samples, within the 16 bits of EDF.
    sfreq : int
        Hz.
    unit : str
        Physical dimension, at most 8 ASCII characters.
    physical : tuple of float
        Values at digital -32768 and 32767, in that unit; each exact in binary and at
        most 8 characters long. By default a step is 0.125.
    """

    label: str
    digital: npt.NDArray[np.int16] | npt.NDArray[np.int32]
    sfreq: int = 256
    unit: str = "uV"
    physical: tuple[float, float] = PHYSICAL


def import_pyedflib() -> ModuleType:
    """Return pyedflib."""
    try:
        import pyedflib
    except ImportError as error:
        msg = (
            "EDF files are written with pyedflib, which is not installed; "
            'run: pip install "bgb-fixtures[build]"'
        )
        raise MissingPackageError(msg) from error
    module: ModuleType = pyedflib
    return module


def write_edf(
    path: Path,
    channels: Sequence[EdfChannel],
    *,
    start: datetime,
    annotations: Sequence[EdfAnnotation] = (),
) -> None:
    """Write one EDF file of records of one second."""
    pyedflib = import_pyedflib()
    for channel in channels:
        low, high = int(channel.digital.min()), int(channel.digital.max())
        if low < DIGITAL[0] or high > DIGITAL[1]:
            msg = (
                f"recording {path.name!r}, channel {channel.label!r}: digital values "
                f"from {low} to {high} do not fit into EDF; expected "
                f"{DIGITAL[0]} to {DIGITAL[1]}"
            )
            raise SourceError(msg)
    n_records = len(channels[0].digital) // channels[0].sfreq
    # The library drops what goes beyond one annotation per record and signal.
    n_annotation_signals = -(-len(annotations) // n_records)
    if n_annotation_signals > _MOST_ANNOTATION_SIGNALS:
        msg = (
            f"recording {path.name!r}: {len(annotations)} annotations in {n_records} s; "
            f"expected at most {_MOST_ANNOTATION_SIGNALS} per second"
        )
        raise SourceError(msg)
    # Plain EDF, as the corpora are: EDF+ adds a signal of annotations.
    writer = pyedflib.EdfWriter(
        str(path),
        len(channels),
        file_type=pyedflib.FILETYPE_EDFPLUS if annotations else pyedflib.FILETYPE_EDF,
    )
    try:
        with warnings.catch_warnings():
            # pyedflib 0.1.36 warns of a key that only its own defaults have.
            warnings.simplefilter("ignore", DeprecationWarning)
            writer.setStartdatetime(start)
            writer.setSignalHeaders([_signal_header(channel) for channel in channels])
            if annotations:
                writer.set_number_of_annotation_signals(n_annotation_signals)
            writer.writeSamples(
                [np.ascontiguousarray(c.digital, dtype=np.int32) for c in channels],
                digital=True,
            )
            for annotation in annotations:
                writer.writeAnnotation(
                    annotation.onset / TICKS_PER_S,
                    annotation.duration / TICKS_PER_S,
                    annotation.text,
                )
    except OSError as error:
        # The library says no more than 'Unknown error ...: -1'.
        raise OSError(_not_in_full(path)) from error
    finally:
        writer.close()
    # What is lost when its buffers are written, the library does not report at all.
    if not _is_written(path, channels, annotations):
        raise OSError(_not_in_full(path))


def _not_in_full(path: Path) -> str:
    return f"{path.name!r} cannot be written in full; is the disk full?"


def _is_written(
    path: Path,
    channels: Sequence[EdfChannel],
    annotations: Sequence[EdfAnnotation],
) -> bool:
    """Return whether a file reads as what was to be written."""
    pyedflib = import_pyedflib()
    try:
        # First, as the library prints what it thinks of another size.
        if path.stat().st_size != _stated_size(path):
            return False
        with pyedflib.EdfReader(str(path)) as reader:
            onsets, durations, texts = reader.readAnnotations()
            found = [
                EdfAnnotation(
                    onset=round(onset * TICKS_PER_S),
                    duration=round(duration * TICKS_PER_S),
                    text=str(text),
                )
                for onset, duration, text in zip(onsets, durations, texts, strict=True)
            ]
            return (
                found == list(annotations)
                and reader.getSignalLabels() == [channel.label for channel in channels]
                and all(
                    np.array_equal(reader.readSignal(i, digital=True), channel.digital)
                    for i, channel in enumerate(channels)
                )
            )
    except (OSError, ValueError):
        return False


def _stated_size(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(256)
        n_signals = int(head[252:])
        file.seek(256 + 216 * n_signals)
        n_samples = sum(int(file.read(8)) for _ in range(n_signals))
    return 256 * (n_signals + 1) + 2 * int(head[236:244]) * n_samples


def _signal_header(channel: EdfChannel) -> dict[str, str | int | float]:
    return {
        "label": channel.label,
        "dimension": channel.unit,
        "sample_frequency": channel.sfreq,
        "physical_min": channel.physical[0],
        "physical_max": channel.physical[1],
        "digital_min": DIGITAL[0],
        "digital_max": DIGITAL[1],
        "transducer": "",
        "prefilter": "",
    }
