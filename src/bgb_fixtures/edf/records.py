"""Read samples of an EDF or BDF file, from exactly the records that a window needs.

Invariant: a read returns the values in the file for the requested signals, or raises a
SourceError with file, place and value. It reads only the header and the records that
cover it, and an announced record is read only once.

References
----------
European Data Format, https://www.edfplus.info/specs/edf.html; EDF+,
https://www.edfplus.info/specs/edfplus.html; BDF,
https://www.biosemi.com/faq/file_format.htm.
"""

from __future__ import annotations

import hashlib
import re
from bisect import insort
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self

import numpy as np

from bgb_fixtures.edf.header import (
    ADVICE,
    fail_field,
    parse_header,
    read_header_bytes,
    scale_to_uv,
    signal_calibration,
)
from bgb_fixtures.eeg.resample import steppable_rate
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    import numpy.typing as npt

    from bgb_fixtures.edf.header import Calibration, EdfHeader
    from bgb_fixtures.edf.source import ByteSource
    from bgb_fixtures.eeg.montage import Row

__all__ = [
    "ANNOTATION_LABELS",
    "MOST_SECONDS",
    "EdfFile",
    "MontageSignal",
    "RecordReader",
    "Stretch",
]

ANNOTATION_LABELS = ("EDF Annotations", "BDF Annotations")
"""Labels of annotation signals (EDF+, section 2.2.1)."""
_SKIPPED = 64
"""Records per read when skipping; a few hundred kilobytes."""
# The first annotation of an EDF+ record is the start of the record.
# Writers that use binary floats give it up to 17 digits.
_RECORD_ONSET = re.compile(rb"([+-][0-9]{1,9}(?:\.[0-9]{0,40})?)\x14\x14")
MOST_SECONDS = 10**7
"""Longest time from the first to the last record of a file with gaps: four months."""
_MOST_STRETCHES = 8
"""Stretches that a message lists at most."""


class Stretch(NamedTuple):
    """Records `[first, last)` without a gap, and the onset of the first in seconds.

    The onset is relative to the onset of the first record of the file.
    """

    first: int
    last: int
    onset: Fraction


class _Held(NamedTuple):
    """Records `[first, last)` that a later read needs, and their bytes."""

    first: int
    last: int
    raw: bytes


class RecordReader:
    """Read whole records of one file, each at most once if the reads are announced.

    If `in_order`, skipped records are read as well, for the digest of the whole file.
    """

    def __init__(
        self, source: ByteSource, header: EdfHeader, *, in_order: bool = False
    ) -> None:
        self._source = source
        self._header = header
        self._in_order = in_order
        self._next = 0
        self._reads_to_come: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._held: list[_Held] = []

    def announce(self, spans: Iterable[tuple[int, int]]) -> None:
        """Announce the spans of records `[first, last)` that will be read, in order.

        Records in more than one span are held until their last read.
        """
        steps = np.zeros(self._header.n_records + 1, np.int32)
        for first, last in spans:
            steps[first] += 1
            steps[last] -= 1
        self._reads_to_come = np.cumsum(steps[:-1], dtype=np.int32)

    def read(self, first: int, last: int) -> bytes:
        """Return the bytes of records `[first, last)`."""
        parts = []
        place = first
        for held in [h for h in self._held if h.first < last and h.last > first]:
            parts.append(self._fetch(place, max(held.first, place)))
            stop = min(held.last, last)
            parts.append(self._cut(held, max(held.first, place), stop))
            place = stop
        parts.append(self._fetch(place, last))
        parts = [part for part in parts if part]
        raw = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._reads_to_come.size:
            self._keep(_Held(first, last, raw))
        return raw

    def _fetch(self, first: int, last: int) -> bytes:
        if first >= last:
            return b""
        while self._in_order and self._next < first:
            # In pieces, because hours may lie between two reads.
            start, stop = self._next, min(self._next + _SKIPPED, first)
            raw = self._read(start, stop)
            self._hold(_Held(start, stop, raw))
        return self._read(first, last)

    def _read(self, first: int, last: int) -> bytes:
        self._next = max(self._next, last)
        header = self._header
        return self._source.read(
            header.header_bytes + first * header.record_bytes,
            header.header_bytes + last * header.record_bytes,
        )

    def _cut(self, held: _Held, first: int, last: int) -> bytes:
        size = self._header.record_bytes
        if (first, last) == held[:2]:
            return held.raw
        return held.raw[(first - held.first) * size : (last - held.first) * size]

    def _keep(self, done: _Held) -> None:
        """Hold records of a read that will be read again; drop all others."""
        first, last, _ = done
        to_come = self._reads_to_come[first:last]
        np.maximum(to_come - 1, 0, out=to_come)
        kept: list[_Held] = []
        for held in self._held:
            for a, b in ((held.first, first), (last, held.last)):
                a, b = max(a, held.first), min(b, held.last)  # noqa: PLW2901
                if a < b:
                    kept.append(_Held(a, b, self._cut(held, a, b)))
        self._held = kept
        self._hold(done)

    def _hold(self, done: _Held) -> None:
        """Hold the records of a read that are still announced."""
        to_come = self._reads_to_come[done.first : done.last] > 0
        edges = np.flatnonzero(np.diff(np.concatenate(([0], to_come, [0]))))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            a, b = done.first + int(start), done.first + int(stop)
            insort(self._held, _Held(a, b, self._cut(done, a, b)))


class EdfFile:
    """An open EDF or BDF file whose header has been read.

    `header` and `raw_header` are the parsed header and its bytes; `unit` is the unit of
    signals for which the header names none. If `in_order`, all bytes are read in order,
    for the digest of the whole file. If the file is not EDF or BDF, the source is
    closed and SourceError raised.
    """

    def __init__(
        self, source: ByteSource, *, in_order: bool = False, unit: str | None = None
    ) -> None:
        self._source = source
        self._unit = unit
        try:
            self.raw_header = read_header_bytes(source)
            self.header = parse_header(
                self.raw_header, size=source.size, name=source.name
            )
        except BaseException:
            source.close()
            raise
        self._reader = RecordReader(source, self.header, in_order=in_order)
        self._calibrations: dict[int, Calibration] = {}
        self._origin: Fraction | None = None
        self._onsets: dict[int, Fraction] = {}
        self._stretches: tuple[Stretch, ...] = (
            Stretch(0, self.header.n_records, Fraction(0)),
        )
        self._digests: dict[tuple[int, int], str] | None = None
        self._expected: Mapping[tuple[int, int], str] | None = None

    @property
    def name(self) -> str:
        """The file, for messages."""
        return self._source.name

    @property
    def source(self) -> ByteSource:
        """The bytes of the file."""
        return self._source

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
        """Return the common number of samples per record of some signals, at least 1.

        SourceError if they have no samples, or different numbers.
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
                    "channels with different rates cannot share a window: exclude "
                    "this recording (--exclude)"
                )
                raise SourceError(msg)
        return rates[first]

    def sfreq(self, indices: Sequence[int]) -> float:
        """Return the common sampling frequency of some signals in Hz."""
        duration = self.header.record_duration
        if duration == 0:
            expected = "more than 0 s, because there are samples"
            fail_field(self.name, "record duration", expected=expected, got="0")
        return float(self.samples_per_record(indices) / duration)

    def calibration(self, index: int) -> Calibration:
        """Return the calibration of a signal; SourceError if the header is invalid."""
        if index not in self._calibrations:
            found = signal_calibration(
                self.header, index, name=self.name, unit=self._unit
            )
            self._calibrations[index] = found
        return self._calibrations[index]

    def announce(
        self, indices: Sequence[int], spans: Iterable[tuple[int, int]]
    ) -> None:
        """Announce the spans `[start, stop)` of samples that will be read, in order.

        Records in several spans are then read once; see `RecordReader.announce`.
        """
        n_samples = self.samples_per_record(indices)
        self._reader.announce(
            (start // n_samples, -(-stop // n_samples)) for start, stop in spans
        )

    def record_digests(
        self, expected: Mapping[tuple[int, int], str] | None = None
    ) -> None:
        """Start to record the SHA-256 of the header and the bytes of every read.

        With `expected`, digests by bytes `[start, stop)`, a read with another digest or
        without an expected one raises SourceError before its samples are used.
        """
        self._digests = {}
        self._expected = expected

    @property
    def digests(self) -> dict[tuple[int, int], str]:
        """Bytes `[start, stop)` of each read since `record_digests` -> their SHA-256."""
        return dict(self._digests or {})

    def read_digital(
        self, indices: Sequence[int], start: int, stop: int
    ) -> npt.NDArray[np.int32]:
        """Return samples `[start, stop)` as stored, int32, shape (n_signals, n_times).

        SourceError if the samples are not in the recording, or there is a gap before or
        in them.
        """
        records, skipped = self._read_records(indices, start, stop)
        digital = np.empty((len(indices), stop - start), np.int32)
        for row, values in zip(digital, records, strict=True):
            row[:] = values.reshape(-1)[skipped : skipped + stop - start]
        return digital

    def read_uv(
        self, indices: Sequence[int], start: int, stop: int
    ) -> npt.NDArray[np.float64]:
        """Return samples `[start, stop)` in microvolts, shape (n_signals, n_times).

        SourceError if a signal cannot be scaled, or as in `read_digital`.
        """
        calibrations = [self.calibration(index) for index in indices]
        records, skipped = self._read_records(indices, start, stop)
        whole = np.empty((len(indices), *records[0].shape), np.float64)
        for row, values in zip(whole, records, strict=True):
            row[:] = values
        whole = whole.reshape(len(indices), -1)
        scale_to_uv(whole, calibrations)
        return whole[:, skipped : skipped + stop - start]

    def _read_records(
        self, indices: Sequence[int], start: int, stop: int
    ) -> tuple[list[npt.NDArray[np.int16 | np.int32]], int]:
        """Return each signal, (n_records, n_samples), and how many samples to skip."""
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
        raw = self._reader.read(first, last)
        self._digest(first, last, raw)
        if header.discontinuous and raw:
            tolerance = header.record_duration / n_samples / 2
            self._check_no_gap(raw, first=first, tolerance=tolerance)
        per_record = header.record_bytes // header.sample_bytes
        records = _decode(raw, header.sample_bytes).reshape(-1, per_record)
        offsets = [header.signals[index].offset for index in indices]
        of_signals = [records[:, offset : offset + n_samples] for offset in offsets]
        return of_signals, start - first * n_samples

    def _digest(self, first: int, last: int, raw: bytes) -> None:
        if self._digests is None:
            return
        header = self.header
        start, stop = (
            header.header_bytes + record * header.record_bytes
            for record in (first, last)
        )
        # Never of the header alone, which would let anyone confirm a guessed name.
        digest = hashlib.sha256(self.raw_header + raw).hexdigest()
        self._digests[start, stop] = digest
        if self._expected is None:
            return
        expected = self._expected.get((start, stop))
        if expected is None:
            msg = (
                f"{self.name!r}, bytes {start}-{stop}: the spec has no SHA-256 for "
                "these bytes, which its windows need. Was it edited, or saved by "
                "another release of bgb-fixtures? Save it again, or build without the "
                "digests"
            )
            raise SourceError(msg)
        if digest != expected:
            msg = (
                f"{self.name!r}, header and bytes {start}-{stop}: expected SHA-256 "
                f"{expected} as in the spec, found {digest}. Is it another version of "
                "the corpus? Fetch the file again, or build without the digests"
            )
            raise SourceError(msg)

    def iter_signal_bytes(self, indices: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Yield (record, bytes) of some signals per record, to read annotations."""
        header = self.header
        for record in range(header.n_records):
            base = header.header_bytes + record * header.record_bytes
            for index in indices:
                signal = header.signals[index]
                start = base + signal.offset * header.sample_bytes
                n_bytes = signal.samples_per_record * header.sample_bytes
                yield record, self._source.read(start, start + n_bytes)

    def find_stretches(self, indices: Sequence[int]) -> tuple[Stretch, ...]:
        """Find the stretches of records without a gap, by their time stamps.

        A file that is not marked discontinuous is one stretch. Only time stamps are
        read: two without a gap, and some more per gap. An onset that differs by less
        than half a sample from the expected onset is not a gap. SourceError if times
        decrease.
        """
        header = self.header
        if header.discontinuous and header.n_records:
            tolerance = header.record_duration / self.samples_per_record(indices) / 2
            self._stretches = tuple(self._iter_stretches(tolerance))
        return self._stretches

    def _iter_stretches(self, tolerance: Fraction) -> Iterator[Stretch]:
        header = self.header
        onset = self._read_onset

        def lag(a: int, b: int) -> Fraction:
            return onset(b) - onset(a) - (b - a) * header.record_duration

        self._origin = onset(0)
        start, place = 0, 0
        last = header.n_records - 1
        while place < last:
            # Bisect for the next gap: all remaining records, then half of them ...
            step = last - place
            while step > 1 and abs(lag(start, place + step)) >= tolerance:
                step //= 2
            place += step
            behind = lag(start, place)
            if abs(behind) >= tolerance:
                yield Stretch(start, place, onset(start) - self._origin)
                if behind < 0 or onset(place) - self._origin > MOST_SECONDS:
                    self._fail_gap(place, onset(place), onset(place) - behind)
                start = place
        yield Stretch(start, header.n_records, onset(start) - self._origin)

    def _stamps(self) -> tuple[int, int]:
        """Return the bytes `[begin, end)` of a record with its time stamp."""
        header = self.header
        label = next((s for s in header.signals if s.label in ANNOTATION_LABELS), None)
        if label is None:
            msg = (
                f"{self.name!r} is marked EDF+D (records with gaps) but has no signal "
                f"'EDF Annotations' that says where they are; {ADVICE}"
            )
            raise SourceError(msg)
        begin = label.offset * header.sample_bytes
        return begin, begin + label.samples_per_record * header.sample_bytes

    def _read_onset(self, record: int) -> Fraction:
        """Return the start of a record in seconds, read once."""
        if record not in self._onsets:
            begin, end = self._stamps()
            base = self.header.header_bytes + record * self.header.record_bytes
            stamp = self._source.read(base + begin, base + end)
            self._onsets[record] = self._record_onset(stamp, record=record)
        return self._onsets[record]

    def _check_no_gap(self, raw: bytes, *, first: int, tolerance: Fraction) -> None:
        """Check that the time stamps of records match their positions in the stretch.

        Each record is compared with the first record of the stretch instead of its
        neighbour, because a gap before a window would shift it against the annotations.
        """
        header = self.header
        begin, end = self._stamps()
        if self._origin is None:
            self._origin = (
                self._record_onset(raw[begin:end], record=0)
                if first == 0
                else self._read_onset(0)
            )
        stretch = max(s for s in self._stretches if s.first <= first)
        for i in range(len(raw) // header.record_bytes):
            base = i * header.record_bytes
            onset = self._record_onset(raw[base + begin : base + end], record=first + i)
            expected = self._origin + stretch.onset
            expected += (first + i - stretch.first) * header.record_duration
            if abs(onset - expected) >= tolerance:
                self._fail_gap(first + i, onset, expected)

    def _fail_gap(self, record: int, onset: Fraction, expected: Fraction) -> NoReturn:
        msg = (
            f"{self.name!r}, record {record + 1}: starts at {float(onset):.10g} s, "
            f"expected {float(expected):.10g} s: this recording (EDF+D) has gaps; use "
            "profile raw-1, which reads windows between them, or other recordings"
        )
        raise SourceError(msg)

    def _record_onset(self, annotations: bytes, *, record: int) -> Fraction:
        match = _RECORD_ONSET.match(annotations)
        if match is None:
            # The message does not show the bytes, because annotations may name people.
            msg = (
                f"{self.name!r}, record {record + 1}, 'EDF Annotations': expected the "
                f"onset of the record, as in every record of EDF+D; {ADVICE}"
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
    # In the upper three bytes of an int32, the sign bit is in place for the shift.
    return wide.reshape(-1).view("<i4") >> 8


class MontageSignal:
    """The rows of a montage over an open EDF file, in microvolts.

    `rows` come from `resolve_montage` with the labels of the file; `to_sfreq` is the rate
    in Hz that they will be resampled to, if any. With `between_gaps`, sample numbers
    follow the time of the recording, and samples in gaps (EDF+D) cannot be read;
    otherwise a gap is an error. SourceError if a signal that a row needs cannot be
    scaled, or the rates of the signals differ.
    """

    def __init__(
        self,
        edf: EdfFile,
        rows: Sequence[Row],
        *,
        to_sfreq: float | None = None,
        between_gaps: bool = False,
    ) -> None:
        self._edf = edf
        self._rows = rows
        terms = {i for row in rows for i in (*row.plus, *row.minus)}
        for index in sorted(terms):
            edf.calibration(index)
        # In the order of the rows, so that rows that are channels need no copy.
        first = [row.plus[0] for row in rows if row.plus]
        self._indices = list(dict.fromkeys([*first, *sorted(terms)]))
        self.header_sfreq = self._sfreq = edf.sfreq(self._indices)
        if to_sfreq is not None:
            header = edf.header
            precision = header.duration_step / header.record_duration
            self._sfreq = steppable_rate(
                self.header_sfreq, to_sfreq, precision=precision
            )
        n_samples = edf.samples_per_record(self._indices)
        self.stretches: tuple[tuple[int, int], ...] = (
            (0, edf.header.n_records * n_samples),
        )
        self._shifts: tuple[int, ...] = (0,)
        if between_gaps:
            found = edf.find_stretches(self._indices)
            starts = [
                round(s.onset * n_samples / edf.header.record_duration) for s in found
            ]
            self.stretches = tuple(
                (start, start + (s.last - s.first) * n_samples)
                for start, s in zip(starts, found, strict=True)
            )
            self._shifts = tuple(
                s.first * n_samples - start
                for start, s in zip(starts, found, strict=True)
            )
        self.unit_assumed = any(edf.calibration(i).unit_assumed for i in terms)

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz: of the header, or a near rate to resample from."""
        return self._sfreq

    @property
    def n_times(self) -> int:
        """Number of samples up to the end of the last complete record, with gaps."""
        return self.stretches[-1][1]

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return the samples of the file, which has no gaps, that `[start, stop)` are.

        SourceError if they touch a gap.
        """
        for (first, last), shift in zip(self.stretches, self._shifts, strict=True):
            if first <= start and stop <= last:
                return start + shift, stop + shift
        if len(self.stretches) == 1:
            return start, stop
        listed = ", ".join(
            f"{first / self.sfreq:g}-{last / self.sfreq:g} s"
            for first, last in self.stretches[:_MOST_STRETCHES]
        )
        more = " ..." if len(self.stretches) > _MOST_STRETCHES else ""
        msg = (
            f"{self._edf.name!r}: {start / self.sfreq:g} to {stop / self.sfreq:g} s "
            f"overlap a gap; this recording (EDF+D) is continuous in {listed}{more}"
        )
        raise SourceError(msg)

    def announce(self, spans: Iterable[tuple[int, int]]) -> None:
        """Announce the spans `[start, stop)` of file samples to be read, in order."""
        self._edf.announce(self._indices, spans)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start).

        SourceError if the samples are not in the recording, or two channels have the
        same label but different samples.
        """
        start, stop = self.needs(start, stop)
        values = self._edf.read_uv(self._indices, start, stop)
        places = {index: place for place, index in enumerate(self._indices)}
        plus, minus = (
            [self._place(values, places, term, start) for term in terms]
            for terms in zip(
                *((row.plus, row.minus) for row in self._rows), strict=True
            )
        )
        if not any(row.minus for row in self._rows) and plus == [*range(len(plus))]:
            return values[: len(plus)]
        data_uv = values[[first or 0 for first in plus]]
        for row, (first, second) in enumerate(zip(plus, minus, strict=True)):
            if first is None:
                data_uv[row] = 0
            if second is not None:
                data_uv[row] -= values[second]
        return data_uv

    def _place(
        self,
        values: npt.NDArray[np.float64],
        places: dict[int, int],
        indices: tuple[int, ...],
        start: int,
    ) -> int | None:
        """Return the row with the values of a term, whose signals must all be equal."""
        if not indices:
            return None
        first, *others = indices
        for other in others:
            differs = np.flatnonzero(values[places[first]] != values[places[other]])
            if len(differs):
                signals = self._edf.header.signals
                msg = (
                    f"{self._edf.name!r}: signals {first + 1} "
                    f"{signals[first].label!r} and {other + 1} "
                    f"{signals[other].label!r} name the same channel but differ, "
                    f"first at sample {start + int(differs[0])}; which one is right "
                    "is unknown: exclude this recording (--exclude)"
                )
                raise SourceError(msg)
        return places[first]
