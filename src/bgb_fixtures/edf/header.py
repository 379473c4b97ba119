"""The header of an EDF or BDF file: positions and scaling of samples.

Invariant: every field that determines the position of samples or the scaling of a
requested signal is valid, or a `SourceError` names file, field and value. Only
`header_texts` reads fields about the patient and the date, for the search in finished
fixtures, so they can neither cause an error nor be disclosed. The time of day is
returned as written.

References
----------
European Data Format, https://www.edfplus.info/specs/edf.html; BDF,
https://www.biosemi.com/faq/file_format.htm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from bgb_fixtures.eeg.units import microvolts_in, says_no_unit
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.edf.source import ByteSource

__all__ = [
    "ADVICE",
    "Calibration",
    "EdfHeader",
    "EdfSignal",
    "HeaderTexts",
    "fail_field",
    "header_texts",
    "parse_header",
    "read_header_bytes",
    "scale_to_uv",
    "signal_calibration",
]

_BLOCK = 256
"""Bytes of the header before the signals, and per signal (EDF, table of the header)."""
_FIELDS = {
    "version": (0, 8),
    "patient": (8, 88),
    "recording": (88, 168),
    "startdate": (168, 176),
    "starttime": (176, 184),
    "header bytes": (184, 192),
    "reserved": (192, 236),
    "number of records": (236, 244),
    "record duration": (244, 252),
    "number of signals": (252, 256),
}
_SIGNAL_WIDTHS = {
    "label": 16,
    "transducer": 80,
    "physical dimension": 8,
    "physical minimum": 8,
    "physical maximum": 8,
    "digital minimum": 8,
    "digital maximum": 8,
    "prefiltering": 80,
    "samples per record": 8,
    "reserved": 32,
}
# int() and float() accept more than EDF allows: '1_0', 'nan', 'inf', '1e999'.
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
ADVICE = "repair the header, or exclude this recording (--exclude)"
"""Advice for a header that is invalid or ambiguous."""
_MOST_RECORD_BYTES = 256 * 2**20
"""Limit because a record is read as a whole. Real records have some KB, and a library
that many writers use (EDFlib) accepts at most 15 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfSignal:
    """The header fields of one signal.

    The limits remain text until the signal is used, because real files have dummy
    signals with invalid limits (CHB-MIT: up to five named ``-`` with digital min =
    max).

    Attributes
    ----------
    label, dimension : str
        Without padding, decoded as Latin-1.
    physical_min, physical_max, digital_min, digital_max : str
        As written, without padding.
    samples_per_record : int
        At least 0.
    offset : int
        Number of samples of other signals before this signal in a record.
    """

    label: str
    dimension: str
    physical_min: str
    physical_max: str
    digital_min: str
    digital_max: str
    samples_per_record: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfHeader:
    """The header fields that are needed to locate and scale samples.

    Attributes
    ----------
    header_bytes : int
        Position of the first record in bytes.
    sample_bytes : int
        2 in EDF, 3 in BDF.
    record_bytes : int
        Size of a record in bytes.
    record_duration : fractions.Fraction
        Seconds, exactly the decimal number in the file; at least 0.
    duration_step : fractions.Fraction
        Possible error of the duration in seconds, if its last decimals did not fit into
        the field; otherwise 0.
    declared_records : int
        Number of records in the header; -1 during a recording.
    n_records : int
        Number of complete records according to the size of the file.
    discontinuous : bool
        Whether records may have gaps between them (EDF+D, BDF+D).
    starttime : str
        Clock time at the first sample, as written and not checked; needed for
        annotations in clock times (Siena).
    signals : tuple of EdfSignal
        All signals, including annotation signals.
    """

    header_bytes: int
    sample_bytes: int
    record_bytes: int
    record_duration: Fraction
    duration_step: Fraction = Fraction(0)
    declared_records: int
    n_records: int
    discontinuous: bool
    starttime: str
    signals: tuple[EdfSignal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The conversion of the digital samples of one signal to microvolts.

    Attributes
    ----------
    physical_min, physical_max : float
        In the unit of the file; max < min is a valid negative gain.
    digital_min, digital_max : int
        Digital min < max.
    microvolts : float
        Microvolts per unit of the file.
    unit_assumed : bool
        Whether the unit was assumed because the header does not name it.
    """

    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    microvolts: float
    unit_assumed: bool = False


def scale_to_uv(
    values: npt.NDArray[np.float64], calibrations: Sequence[Calibration]
) -> None:
    """Convert stored values, one row per signal, to microvolts in place.

    Samples outside the digital range are scaled like all others: chb01_04 has some, and
    mne, pyedflib and edfio do the same.
    """
    digital_min, digital_span, physical_min, physical_span, microvolts = np.array(
        [
            (
                c.digital_min,
                c.digital_max - c.digital_min,
                c.physical_min,
                c.physical_max - c.physical_min,
                c.microvolts,
            )
            for c in calibrations
        ],
        np.float64,
    ).T[:, :, None]
    # In-place steps are four times as fast as one expression.
    values -= digital_min
    values *= physical_span
    values /= digital_span
    values += physical_min
    if (microvolts != 1).any():
        values *= microvolts


def fail_field(name: str, field: str, *, expected: str, got: object) -> NoReturn:
    """Raise an error about a field of a header."""
    msg = f"{name!r}, {field}: expected {expected}, got {got!r}; {ADVICE}"
    raise SourceError(msg)


def _text(raw: bytes) -> str:
    # NUL is not allowed as padding, but real writers use it.
    return raw.decode("latin-1").strip(" \0")


def _integer(text: str, *, name: str, field: str) -> int:
    if not _INTEGER.fullmatch(text):
        fail_field(name, field, expected="an integer", got=text)
    return int(text)


def _number(text: str, *, name: str, field: str) -> Fraction:
    if not _NUMBER.fullmatch(text):
        fail_field(name, field, expected="a decimal number", got=text)
    return Fraction(text)


def read_header_bytes(source: ByteSource) -> bytes:
    """Return the bytes of the whole header; SourceError if the file has none."""
    if source.size < _BLOCK:
        msg = (
            f"{source.name!r} is not an EDF file: found {source.size} bytes, expected "
            f"a header of at least {2 * _BLOCK}. Fetch the file again"
        )
        raise SourceError(msg)
    fixed = source.read(0, _BLOCK)
    n_signals = _count_signals(fixed, size=source.size, name=source.name)
    return fixed + source.read(_BLOCK, _BLOCK * (n_signals + 1))


def _count_signals(fixed: bytes, *, size: int, name: str) -> int:
    version = fixed[: _FIELDS["version"][1]]
    if _text(version) not in ("0", "\xffBIOSEMI"):
        msg = (
            f"{name!r} is not an EDF file: expected version '0' (or BDF's "
            f"'\\xffBIOSEMI') in its first 8 bytes, got {version!r}; fetch the file again"
        )
        raise SourceError(msg)
    field = "number of signals"
    n_signals = _integer(_fixed(fixed, field), name=name, field=field)
    if n_signals < 1:
        fail_field(name, field, expected="at least 1", got=n_signals)
    field = "header bytes"
    header_bytes = _integer(_fixed(fixed, field), name=name, field=field)
    if header_bytes != _BLOCK * (n_signals + 1):
        expected = f"{_BLOCK * (n_signals + 1)} for {n_signals} signals"
        fail_field(name, field, expected=expected, got=header_bytes)
    if header_bytes > size:
        msg = (
            f"{name!r}: the file ends inside its header: expected {header_bytes} bytes "
            f"of header, got {size} bytes in all; fetch the file again"
        )
        raise SourceError(msg)
    return n_signals


def _signal_columns(header: bytes) -> dict[str, list[str]]:
    """Return the texts of every field, one per signal."""
    # Decoded at once like `_text`: field by field would take as long as the samples.
    text = header.decode("latin-1")
    n_signals = len(header) // _BLOCK - 1
    columns: dict[str, list[str]] = {}
    start = _BLOCK
    for field, width in _SIGNAL_WIDTHS.items():
        stop = start + n_signals * width
        columns[field] = [
            text[i : i + width].strip(" \0") for i in range(start, stop, width)
        ]
        start = stop
    return columns


def _fixed(header: bytes, field: str) -> str:
    start, stop = _FIELDS[field]
    return _text(header[start:stop])


def parse_header(header: bytes, *, size: int, name: str) -> EdfHeader:
    """Parse and check the bytes of a header."""
    n_signals = _count_signals(header, size=size, name=name)
    columns = _signal_columns(header)
    field = "record duration"
    duration = _number(_fixed(header, field), name=name, field=field)
    if duration < 0:
        fail_field(name, field, expected="at least 0 s", got=_fixed(header, field))
    field = "number of records"
    declared = _integer(_fixed(header, field), name=name, field=field)
    signals = []
    offset = 0
    for i in range(n_signals):
        field = f"signal {i + 1} {columns['label'][i]!r}, samples per record"
        n_samples = _integer(columns["samples per record"][i], name=name, field=field)
        if n_samples < 0:
            fail_field(name, field, expected="at least 0", got=n_samples)
        signals.append(
            EdfSignal(
                label=columns["label"][i],
                dimension=columns["physical dimension"][i],
                physical_min=columns["physical minimum"][i],
                physical_max=columns["physical maximum"][i],
                digital_min=columns["digital minimum"][i],
                digital_max=columns["digital maximum"][i],
                samples_per_record=n_samples,
                offset=offset,
            )
        )
        offset += n_samples
    if offset == 0:
        field = "samples per record"
        fail_field(name, field, expected="samples in at least one signal", got=0)
    sample_bytes = 2 if _fixed(header, "version") == "0" else 3
    record_bytes = sample_bytes * offset
    if record_bytes > _MOST_RECORD_BYTES:
        expected = f"records of at most {_MOST_RECORD_BYTES} bytes"
        fail_field(name, "samples per record", expected=expected, got=record_bytes)
    return EdfHeader(
        header_bytes=len(header),
        sample_bytes=sample_bytes,
        record_bytes=record_bytes,
        record_duration=duration,
        duration_step=_last_place(_fixed(header, "record duration")),
        declared_records=declared,
        # The declared number is -1, too large or too small in real files; bytes after
        # the last complete record (CHB-MIT chb17b_69 has 256) are ignored.
        n_records=(size - len(header)) // record_bytes,
        # Other texts in this field have no meaning: TUH writes 'EDF'.
        discontinuous=_fixed(header, "reserved")[:5] in ("EDF+D", "BDF+D"),
        starttime=_fixed(header, "starttime"),
        signals=tuple(signals),
    )


def _last_place(text: str) -> Fraction:
    """Return the value of the last decimal if the number fills its field, else 0."""
    start, stop = _FIELDS["record duration"]
    whole, point, decimals = text.partition(".")
    if len(text) < stop - start or not point or not (whole + decimals).isdecimal():
        return Fraction(0)
    return Fraction(1, 10 ** len(decimals))


class HeaderTexts(NamedTuple):
    """Distinct texts of a header, without padding, decoded as Latin-1.

    Attributes
    ----------
    recording : tuple of str
        Patient, recording, date, time and reserved text; without empty texts.
    signals : tuple of str
        Label, transducer, prefiltering and reserved text of each signal.
    """

    recording: tuple[str, ...]
    signals: tuple[str, ...]


def header_texts(header: bytes) -> HeaderTexts:
    """Return the texts of a header that may say who was recorded, when and where."""
    columns = _signal_columns(header)
    recording = [
        _fixed(header, field)
        for field in ("patient", "recording", "startdate", "starttime", "reserved")
    ]
    signals = [
        text
        for field in ("label", "transducer", "prefiltering", "reserved")
        for text in columns[field]
    ]
    return HeaderTexts(
        *(tuple(dict.fromkeys(filter(None, texts))) for texts in (recording, signals))
    )


def signal_calibration(
    header: EdfHeader, index: int, *, name: str, unit: str | None = None
) -> Calibration:
    """Check a requested signal, and return its calibration.

    `unit` is the unit of its samples if the header does not name one.
    """
    signal = header.signals[index]
    where = f"signal {index + 1} {signal.label!r}"
    limits = ((signal.physical_min, "minimum"), (signal.physical_max, "maximum"))
    for text, end in limits:
        if not _NUMBER.fullmatch(text):
            field = f"{where}, physical {end}"
            fail_field(name, field, expected="a decimal number", got=text)
    physical = [float(text) for text, _ in limits]
    digital = [
        _integer(text, name=name, field=f"{where}, digital {end}")
        for text, end in (
            (signal.digital_min, "minimum"),
            (signal.digital_max, "maximum"),
        )
    ]
    if physical[0] == physical[1]:
        expected = f"a value other than the minimum ({signal.physical_min})"
        field = f"{where}, physical maximum"
        fail_field(name, field, expected=expected, got=signal.physical_max)
    if digital[0] >= digital[1]:
        expected = f"more than the minimum ({signal.digital_min})"
        field = f"{where}, digital maximum"
        fail_field(name, field, expected=expected, got=signal.digital_max)
    bound = 1 << (8 * header.sample_bytes - 1)
    for value, end in zip(digital, ("minimum", "maximum"), strict=True):
        if not -bound <= value < bound:
            expected = f"a value in [{-bound}, {bound - 1}]"
            fail_field(name, f"{where}, digital {end}", expected=expected, got=value)
    microvolts = microvolts_in(signal.dimension)
    unit_assumed = says_no_unit(signal.dimension)
    if unit_assumed and unit is not None:
        microvolts = microvolts_in(unit)
    if microvolts is None:
        # In EDF+ a blank unit means uncalibrated; volts or microvolts would be a guess.
        advice = "; if its samples are in microvolts, pass --unit uV"
        msg = (
            f"{name!r}, {where}, physical dimension: expected uV, mV or V, got "
            f"{signal.dimension!r}; {ADVICE}{advice if unit_assumed else ''}"
        )
        raise SourceError(msg)
    return Calibration(
        physical_min=physical[0],
        physical_max=physical[1],
        digital_min=digital[0],
        digital_max=digital[1],
        microvolts=microvolts,
        unit_assumed=unit_assumed,
    )
