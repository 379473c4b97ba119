"""EDF and BDF files: exactly the records that a window needs.

Invariant: a read gives what the file says for the channels asked for, or a `SourceError`
that names file, place and value; nothing is guessed, and a read touches no byte beside
the header and the records that cover it.

References
----------
European Data Format, https://www.edfplus.info/specs/edf.html; EDF+,
https://www.edfplus.info/specs/edfplus.html; BDF,
https://www.biosemi.com/faq/file_format.htm.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Self

import numpy as np

from bgb_fixtures.edf.header import (
    ADVICE,
    fail_field,
    read_header,
    signal_calibration,
)
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import numpy.typing as npt

    from bgb_fixtures.edf.byte_source import ByteSource
    from bgb_fixtures.eeg.montage import Row

__all__ = ["ANNOTATION_LABELS", "EdfFile", "MontageSignal"]

ANNOTATION_LABELS = ("EDF Annotations", "BDF Annotations")
"""Labels of signals that hold texts (EDF+, section 2.2.1)."""
# The first annotation of a record of EDF+ tells when the record starts.
_RECORD_ONSET = re.compile(rb"([+-][0-9]{1,9}(?:\.[0-9]{0,12})?)\x14\x14")


class EdfFile:
    """An open EDF or BDF file: its header is read, its samples are not.

    Parameters
    ----------
    source : ByteSource
        The file; closed together with this object.

    Attributes
    ----------
    header : EdfHeader
        Its header.

    Raises
    ------
    SourceError
        If it is not an EDF or BDF file; the source is closed then.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        try:
            self.header = read_header(source)
        except BaseException:
            source.close()
            raise

    @property
    def name(self) -> str:
        """The file, for messages."""
        return self._source.name

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def samples_per_record(self, indices: Sequence[int]) -> int:
        """Return the samples per record that some signals share.

        Parameters
        ----------
        indices : sequence of int
            Signals, from 0; at least one.

        Returns
        -------
        n_samples : int
            At least 1.

        Raises
        ------
        SourceError
            If they differ, or there are none.
        """
        signals = {i: self.header.signals[i] for i in indices}
        rates = {i: signal.samples_per_record for i, signal in signals.items()}
        first = indices[0]
        for i, n_samples in rates.items():
            field = f"signal {i + 1} {signals[i].label!r}, samples per record"
            if n_samples == 0:
                fail_field(self.name, field, expected="at least 1", got=0)
            if n_samples != rates[first]:
                expected = f"{rates[first]} as in {signals[first].label!r}"
                msg = (
                    f"{self.name!r}, {field}: expected {expected}, got {n_samples}; "
                    "channels of different rates cannot go into one window: leave "
                    "this recording out"
                )
                raise SourceError(msg)
        return rates[first]

    def sfreq(self, indices: Sequence[int]) -> float:
        """Return the sampling frequency that some signals share.

        Parameters
        ----------
        indices : sequence of int
            Signals, from 0; at least one.

        Returns
        -------
        sfreq : float
            Hz.

        Raises
        ------
        SourceError
            If they have none, or different ones.
        """
        duration = self.header.record_duration
        if duration == 0:
            expected = "more than 0 s, as there are samples"
            fail_field(self.name, "record duration", expected=expected, got="0")
        return float(self.samples_per_record(indices) / duration)

    def read_digital(
        self, indices: Sequence[int], start: int, stop: int
    ) -> npt.NDArray[np.int32]:
        """Read samples as they are stored.

        Parameters
        ----------
        indices : sequence of int
            Signals of one rate, from 0; at least one.
        start, stop : int
            Samples `[start, stop)` at that rate.

        Returns
        -------
        digital : numpy.ndarray of int32, shape (n_signals, stop - start)
            Stored integers, in the order of `indices`.

        Raises
        ------
        SourceError
            If the recording does not have these samples, or has a gap before or in
            them.
        """
        records, skipped = self._read_records(indices, start, stop)
        digital = np.empty((len(indices), stop - start), np.int32)
        for row, values in zip(digital, records, strict=True):
            row[:] = values.reshape(-1)[skipped : skipped + stop - start]
        return digital

    def _read_records(
        self, indices: Sequence[int], start: int, stop: int
    ) -> tuple[list[npt.NDArray[np.int16 | np.int32]], int]:
        """Return whole records of each signal, and how many samples to skip."""
        header = self.header
        n_samples = self.samples_per_record(indices)
        n_times = header.n_records * n_samples
        if not 0 <= start <= stop <= n_times:
            msg = (
                f"{self.name!r}: samples [{start}, {stop}) are not in the recording; it "
                f"has {header.n_records} complete records of {n_samples} samples: "
                f"{n_times}"
            )
            raise SourceError(msg)
        first, last = start // n_samples, -(-stop // n_samples)
        raw = self._source.read(
            header.header_bytes + first * header.record_bytes,
            header.header_bytes + last * header.record_bytes,
        )
        if header.discontinuous and raw:
            self._check_no_gap(raw, first=first)
        per_record = header.record_bytes // header.sample_bytes
        records = _decode(raw, header.sample_bytes).reshape(-1, per_record)
        offsets = [header.signals[index].offset for index in indices]
        of_signals = [records[:, offset : offset + n_samples] for offset in offsets]
        return of_signals, start - first * n_samples

    def read_uv(
        self, indices: Sequence[int], start: int, stop: int
    ) -> npt.NDArray[np.float64]:
        """Read samples in microvolts.

        Parameters
        ----------
        indices : sequence of int
            Signals of one rate, from 0; at least one.
        start, stop : int
            Samples `[start, stop)` at that rate.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_signals, stop - start)
            Microvolts, in the order of `indices`.

        Raises
        ------
        SourceError
            If a signal cannot be scaled, or as in `read_digital`.
        """
        scales = [signal_calibration(self.header, i, name=self.name) for i in indices]
        records, skipped = self._read_records(indices, start, stop)
        whole = np.empty((len(indices), *records[0].shape), np.float64)
        for row, scale, values in zip(whole, scales, records, strict=True):
            scale.apply(values, row)
        return whole.reshape(len(indices), -1)[:, skipped : skipped + stop - start]

    def read_signal_bytes(self, index: int, record: int) -> bytes:
        """Read the bytes of one signal in one record, for signals that hold texts.

        Parameters
        ----------
        index : int
            Signal, from 0.
        record : int
            Record, from 0.

        Returns
        -------
        raw : bytes
            As they are stored.

        Raises
        ------
        SourceError
            If the file does not give them.
        """
        header = self.header
        signal = header.signals[index]
        start = (
            header.header_bytes
            + record * header.record_bytes
            + signal.offset * header.sample_bytes
        )
        n_bytes = signal.samples_per_record * header.sample_bytes
        return self._source.read(start, start + n_bytes)

    def _check_no_gap(self, raw: bytes, *, first: int) -> None:
        """Check that records lie where sample counting from the start puts them.

        Each is compared with the first record of the file, not with its neighbour: a
        gap before a window would move it against the annotations.
        """
        header = self.header
        label = next((s for s in header.signals if s.label in ANNOTATION_LABELS), None)
        if label is None:
            msg = (
                f"{self.name!r} is marked EDF+D (records with gaps) and has no signal "
                f"'EDF Annotations' that says where; {ADVICE}"
            )
            raise SourceError(msg)
        begin = label.offset * header.sample_bytes
        end = begin + label.samples_per_record * header.sample_bytes
        zero = self._source.read(header.header_bytes + begin, header.header_bytes + end)
        origin = self._record_onset(zero, record=0)
        for i in range(len(raw) // header.record_bytes):
            base = i * header.record_bytes
            onset = self._record_onset(raw[base + begin : base + end], record=first + i)
            expected = origin + (first + i) * header.record_duration
            if onset != expected:
                msg = (
                    f"{self.name!r}, record {first + i + 1}: starts at "
                    f"{float(onset):g} s, expected {float(expected):g} s: this "
                    "recording (EDF+D) has gaps; use recordings without"
                )
                raise SourceError(msg)

    def _record_onset(self, annotations: bytes, *, record: int) -> Fraction:
        match = _RECORD_ONSET.match(annotations)
        if match is None:
            # The bytes themselves stay out of the message: annotations may name people.
            msg = (
                f"{self.name!r}, record {record + 1}, 'EDF Annotations': expected the "
                f"onset of the record, as every record of EDF+D has it; {ADVICE}"
            )
            raise SourceError(msg)
        return Fraction(match[1].decode("ascii"))


def _decode(raw: bytes, sample_bytes: int) -> npt.NDArray[np.int16 | np.int32]:
    """Return little-endian two's complement integers of 2 or 3 bytes."""
    if sample_bytes == 2:
        return np.frombuffer(raw, "<i2")
    parts = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(parts), 4), np.uint8)
    wide[:, 1:] = parts
    # In the upper three bytes of an int32 the sign is in place; the shift keeps it.
    return wide.reshape(-1).view("<i4") >> 8


class MontageSignal:
    """The rows of a montage over an EDF file: a `Signal` of the builder.

    Parameters
    ----------
    edf : EdfFile
        The file; closed together with this object.
    rows : sequence of Row
        From `resolve_montage` with the labels of the file.

    Raises
    ------
    SourceError
        If a signal that a row needs cannot be scaled, or their rates differ.
    """

    def __init__(self, edf: EdfFile, rows: Sequence[Row]) -> None:
        self._edf = edf
        self._rows = rows
        self._indices = sorted({i for row in rows for i in (*row.plus, *row.minus)})
        for index in self._indices:
            signal_calibration(edf.header, index, name=edf.name)
        self._sfreq = edf.sfreq(self._indices)

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz."""
        return self._sfreq

    @property
    def n_times(self) -> int:
        """Samples in all complete records."""
        return self._edf.header.n_records * self._edf.samples_per_record(self._indices)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Read samples `[start, stop)`.

        Parameters
        ----------
        start, stop : int
            Samples.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts, in the order of the rows.

        Raises
        ------
        SourceError
            If they are not in the recording, or two channels have one label and
            different samples.
        """
        values = self._edf.read_uv(self._indices, start, stop)
        channels = dict(zip(self._indices, values, strict=True))
        data_uv = np.empty((len(self._rows), stop - start), np.float64)
        for i, row in enumerate(self._rows):
            data_uv[i] = self._term(channels, row.plus, start=start)
            if row.minus:
                data_uv[i] -= self._term(channels, row.minus, start=start)
        return data_uv

    def _term(
        self,
        channels: dict[int, npt.NDArray[np.float64]],
        indices: tuple[int, ...],
        *,
        start: int,
    ) -> npt.NDArray[np.float64]:
        first, *others = indices
        for other in others:
            differs = np.flatnonzero(channels[first] != channels[other])
            if len(differs):
                signals = self._edf.header.signals
                msg = (
                    f"{self._edf.name!r}: signals {first + 1} {signals[first].label!r} "
                    f"and {other + 1} {signals[other].label!r} stand for the same "
                    f"channel and differ, first at sample {start + int(differs[0])}; "
                    "which one is right is not known: leave this recording out"
                )
                raise SourceError(msg)
        return channels[first]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._edf.close()
