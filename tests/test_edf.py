"""EDF and BDF: strict headers, exact records, and two other readers as witnesses."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.edf import MemorySource

from bgb_fixtures.edf.records import EdfFile, MontageSignal
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.montage import Row
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A signal of a generated file; samples count up from `first`."""

    label: str = "EEG Fp1"
    unit: str = "uV"
    pmin: str = "-800"
    pmax: str = "800"
    dmin: str = "-2048"
    dmax: str = "2047"
    spr: int = 4
    spr_text: str | None = None
    first: int = 0
    raw: bytes | None = None


def pad(text: str, width: int) -> bytes:
    return text.encode("latin-1").ljust(width)


def make_edf(
    *channels: Channel,
    n_records: int = 3,
    duration: str = "1",
    declared: str | None = None,
    version: bytes = b"0       ",
    header_bytes: str | None = None,
    n_signals: str | None = None,
    reserved: str = "",
    patient: str = "X X X X",
    date: str = "01.01.85",
    time: str = "00.00.00",
    records: bytes | None = None,
    tail: bytes = b"",
    width: int = 2,
) -> bytes:
    header = version + pad(patient, 80) + pad("Startdate X X X X", 80)
    header += pad(date, 8) + pad(time, 8)
    header += pad(header_bytes or str(256 * (len(channels) + 1)), 8)
    header += pad(reserved, 44) + pad(declared or str(n_records), 8)
    header += pad(duration, 8) + pad(n_signals or str(len(channels)), 4)
    for width_of, texts in (
        (16, [c.label for c in channels]),
        (80, ["" for _ in channels]),
        (8, [c.unit for c in channels]),
        (8, [c.pmin for c in channels]),
        (8, [c.pmax for c in channels]),
        (8, [c.dmin for c in channels]),
        (8, [c.dmax for c in channels]),
        (80, ["" for _ in channels]),
        (8, [c.spr_text or str(c.spr) for c in channels]),
        (32, ["" for _ in channels]),
    ):
        header += b"".join(pad(text, width_of) for text in texts)
    if records is None:
        records = b"".join(
            (c.first + r * c.spr + i).to_bytes(width, "little", signed=True)
            for r in range(n_records)
            for c in channels
            for i in range(c.spr)
        )
    return header + records + tail


def open_bytes(data: bytes) -> EdfFile:
    return EdfFile(MemorySource(data=data))


@pytest.mark.parametrize(
    ("duration", "step"),
    [
        pytest.param("0.332031", Fraction(1, 10**6), id="fills-its-field"),
        pytest.param("10.24001", Fraction(1, 10**5), id="two-digits-before-the-point"),
        pytest.param("1.024", Fraction(0), id="has-room"),
        pytest.param("10000000", Fraction(0), id="whole-number"),
    ],
)
def test_last_decimal_of_a_record_duration_counts_only_where_the_field_ends(
    duration: str, step: Fraction
) -> None:
    edf = open_bytes(make_edf(Channel(), duration=duration))
    assert edf.header.duration_step == step


# Where samples lie


@pytest.mark.parametrize(
    ("start", "stop", "first_record", "last_record"),
    [
        pytest.param(0, 4, 0, 1, id="first-record"),
        pytest.param(3, 5, 0, 2, id="across-a-border"),
        pytest.param(4, 8, 1, 2, id="whole-second-record"),
        pytest.param(11, 12, 2, 3, id="last-sample"),
        pytest.param(0, 12, 0, 3, id="all"),
    ],
)
def test_read_touches_the_header_and_the_covering_records_only(
    start: int, stop: int, first_record: int, last_record: int
) -> None:
    # Two signals of 4 samples: header 3 x 256 bytes, records of 16 bytes.
    memory = MemorySource(data=make_edf(Channel(), Channel(first=100)))
    EdfFile(memory).read_digital([0], start, stop)
    assert memory.reads == [
        (0, 256),
        (256, 768),
        (768 + 16 * first_record, 768 + 16 * last_record),
    ]


def test_read_gives_the_samples_asked_for_in_the_order_asked_for() -> None:
    edf = open_bytes(make_edf(Channel(), Channel(first=100)))
    obtained = edf.read_digital([1, 0], 3, 6)
    assert obtained.dtype == np.int32
    assert obtained.tolist() == [[103, 104, 105], [3, 4, 5]]


def test_signals_of_other_rates_do_not_shift_those_asked_for() -> None:
    edf = open_bytes(
        make_edf(Channel(spr=1, first=50), Channel(spr=6), Channel(spr=3, first=-9))
    )
    assert edf.read_digital([2], 2, 7).tolist() == [[-7, -6, -5, -4, -3]]


@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    n_records=st.integers(1, 5),
    width=st.sampled_from([2, 3]),
    data=st.data(),
)
def test_any_window_of_any_signal_is_the_slice_of_the_whole(
    sizes: list[int], n_records: int, width: int, data: st.DataObject
) -> None:
    channels = [Channel(spr=n, first=-5 * i) for i, n in enumerate(sizes)]
    version = {2: b"0       ", 3: b"\xffBIOSEMI"}[width]
    edf = open_bytes(
        make_edf(*channels, n_records=n_records, width=width, version=version)
    )
    index = data.draw(st.integers(0, len(sizes) - 1))
    n_times = n_records * sizes[index]
    start = data.draw(st.integers(0, n_times))
    stop = data.draw(st.integers(start, n_times))
    expected = list(range(-5 * index + start, -5 * index + stop))
    assert edf.read_digital([index], start, stop).tolist() == [expected]


def test_extreme_values_of_16_bits_come_back() -> None:
    records = b"\x00\x80\xff\x7f\xff\xff\x00\x00"
    edf = open_bytes(make_edf(Channel(), n_records=1, records=records))
    assert edf.read_digital([0], 0, 4).tolist() == [[-32768, 32767, -1, 0]]


def test_extreme_values_of_24_bits_come_back() -> None:
    records = b"\x00\x00\x80\xff\xff\x7f\xff\xff\xff\x00\x00\x00"
    data = make_edf(Channel(), n_records=1, records=records, version=b"\xffBIOSEMI")
    obtained = open_bytes(data).read_digital([0], 0, 4)
    assert obtained.tolist() == [[-8388608, 8388607, -1, 0]]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"declared": "-1"}, id="still-recording"),
        pytest.param({"declared": "2"}, id="too-few-declared"),
        pytest.param({"declared": "9"}, id="too-many-declared"),
        pytest.param({"tail": b"1234567"}, id="bytes-after-the-last-record"),
    ],
)
def test_the_complete_records_in_the_file_count(changes: dict[str, Any]) -> None:
    edf = open_bytes(make_edf(Channel(), **changes))
    assert edf.header.n_records == 3
    assert edf.read_digital([0], 8, 12).tolist() == [[8, 9, 10, 11]]


def test_a_truncated_record_does_not_count() -> None:
    edf = open_bytes(make_edf(Channel())[:-1])
    assert edf.header.n_records == 2


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        pytest.param(9, 13, id="behind-the-end"),
        pytest.param(-1, 3, id="before-the-start"),
        pytest.param(5, 4, id="backwards"),
    ],
)
def test_window_outside_the_recording_is_refused(start: int, stop: int) -> None:
    edf = open_bytes(make_edf(Channel()))
    message = rf"'made\.edf': samples \[{start}, {stop}\) are not in .* records .* 12"
    with pytest.raises(SourceError, match=message):
        edf.read_digital([0], start, stop)


def test_sfreq_is_exact_for_odd_record_durations() -> None:
    edf = open_bytes(make_edf(Channel(spr=1228), n_records=1, duration="9.59375"))
    assert edf.header.record_duration == Fraction(307, 32)
    assert edf.sfreq([0]) == 128.0


# Scale


def test_microvolts_follow_the_one_formula() -> None:
    # CHB-MIT: 1600 uV over 4095 steps; digital 0 is half a step above 0 uV.
    edf = open_bytes(make_edf(Channel(first=-2), n_records=1))
    obtained = edf.read_uv([0], 0, 4)
    steps = np.array([2046, 2047, 2048, 2049], np.float64)
    assert obtained.tolist() == [(steps * 1600.0 / 4095.0 - 800.0).tolist()]
    assert obtained[0, 2] == pytest.approx(0.19536, abs=1e-5)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        pytest.param("uV", 1.0, id="uV"),
        pytest.param("\xb5V", 1.0, id="micro-sign-latin-1"),
        pytest.param("\xc2\xb5V", 1.0, id="micro-sign-utf-8"),
        pytest.param("\xce\xbcV", 1.0, id="greek-mu-utf-8"),
        pytest.param("\xe6V", 1.0, id="micro-sign-code-page-437"),
        pytest.param("uv", 1.0, id="lower-case"),
        pytest.param("UV", 1.0, id="capitals"),
        pytest.param("muV", 1.0, id="muV"),
        pytest.param("microV", 1.0, id="microV"),
        pytest.param("microVol", 1.0, id="microvolts-cut-off"),
        pytest.param("uVolt", 1.0, id="uVolt"),
        pytest.param("nV", 0.001, id="nV"),
        pytest.param("mV", 1000.0, id="mV"),
        pytest.param("mv", 1000.0, id="mv"),
        pytest.param("V", 1000000.0, id="V"),
        pytest.param("Volts", 1000000.0, id="Volts"),
    ],
)
def test_units_of_voltage_become_microvolts(unit: str, expected: float) -> None:
    channel = Channel(unit=unit, pmin="-10", pmax="10", dmin="-10", dmax="10", first=1)
    assert open_bytes(make_edf(channel)).read_uv([0], 0, 1).tolist() == [[expected]]


@pytest.mark.parametrize("unit", ["", "?V", ".V", "\xb0V", "-", "n/a", "MV"])
def test_a_unit_that_a_header_leaves_open_can_be_stated(unit: str) -> None:
    channel = Channel(unit=unit, pmin="-10", pmax="10", dmin="-10", dmax="10", first=1)
    data = make_edf(channel)
    with pytest.raises(SourceError, match=r"in microvolts, pass --unit uV$"):
        open_bytes(data).read_uv([0], 0, 1)
    edf = EdfFile(MemorySource(data=data), unit="mV")
    assert edf.read_uv([0], 0, 1).tolist() == [[1000.0]]
    assert edf.calibration(0).unit_assumed


@pytest.mark.parametrize("unit", ["DegC", "%", "Ohm", "kV", "uV/cm", "BPM"])
def test_a_unit_that_is_no_voltage_stays_refused(unit: str) -> None:
    edf = EdfFile(MemorySource(data=make_edf(Channel(unit=unit))), unit="uV")
    with pytest.raises(SourceError, match="expected uV, mV or V, got") as error:
        edf.read_uv([0], 0, 1)
    assert "--unit" not in str(error.value)


def test_a_unit_that_a_header_states_is_not_replaced() -> None:
    channel = Channel(unit="uV", pmin="-10", pmax="10", dmin="-10", dmax="10", first=1)
    edf = EdfFile(MemorySource(data=make_edf(channel)), unit="mV")
    assert edf.read_uv([0], 0, 1).tolist() == [[1.0]]
    assert not edf.calibration(0).unit_assumed


@pytest.mark.parametrize(
    ("pmin", "pmax"),
    [
        pytest.param("-.5", "+.5", id="without-leading-zero"),
        pytest.param("-5e-1", "5E-01", id="exponent"),
        pytest.param("-0.50", "0.5", id="decimal"),
    ],
)
def test_numbers_are_read_in_every_form_that_is_one(pmin: str, pmax: str) -> None:
    channel = Channel(pmin=pmin, pmax=pmax, dmin="-10", dmax="+10", first=4)
    obtained = open_bytes(make_edf(channel)).read_uv([0], 0, 1)
    assert obtained[0, 0] == pytest.approx(0.2, abs=1e-15)


def test_negative_gain_turns_the_signal_over() -> None:
    channel = Channel(pmin="10", pmax="-10", dmin="-10", dmax="10", first=1)
    assert open_bytes(make_edf(channel)).read_uv([0], 0, 2).tolist() == [[-1.0, -2.0]]


def test_microvolts_of_a_window_are_those_of_its_samples() -> None:
    one_to_one = {"pmin": "-100", "pmax": "100", "dmin": "-100", "dmax": "100"}
    edf = open_bytes(make_edf(Channel(**one_to_one), Channel(**one_to_one, first=50)))  # type: ignore[arg-type]
    obtained = edf.read_uv([1, 0], 3, 6)
    assert obtained.tolist() == [[53.0, 54.0, 55.0], [3.0, 4.0, 5.0]]
    assert obtained.dtype == np.float64


def test_one_sample_in_a_record_is_enough() -> None:
    one_to_one = {"pmin": "-100", "pmax": "100", "dmin": "-100", "dmax": "100"}
    edf = open_bytes(make_edf(Channel(**one_to_one, spr=1, first=7)))  # type: ignore[arg-type]
    assert edf.read_uv([0], 0, 3).tolist() == [[7.0, 8.0, 9.0]]


def test_samples_outside_the_digital_range_are_scaled_like_others() -> None:
    channel = Channel(pmin="-10", pmax="10", dmin="-10", dmax="10", first=11)
    assert open_bytes(make_edf(channel)).read_uv([0], 0, 1).tolist() == [[11.0]]


DIGITAL = "signal 1 'EEG Fp1', digital"
PHYSICAL = "signal 1 'EEG Fp1', physical"


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        pytest.param(
            Channel(pmin="800"),
            f"{PHYSICAL} maximum: expected a value other than the minimum .800., got "
            "'800'",
            id="physical-equal",
        ),
        pytest.param(
            Channel(dmin="2047"),
            f"{DIGITAL} maximum: expected more than the minimum .2047., got '2047'",
            id="digital-equal",
        ),
        pytest.param(
            Channel(dmin="2047", dmax="-2048"),
            f"{DIGITAL} maximum: expected more than the minimum .2047., got '-2048'",
            id="digital-reversed",
        ),
        pytest.param(
            Channel(dmax="65535"),
            rf"{DIGITAL} maximum: expected a value in \[-32768, 32767\], got 65535",
            id="digital-unsigned",
        ),
        pytest.param(
            Channel(dmax="32768"),
            rf"{DIGITAL} maximum: expected a value in \[-32768, 32767\], got 32768",
            id="digital-maximum-one-too-large",
        ),
        pytest.param(
            Channel(dmin="-32769"),
            rf"{DIGITAL} minimum: expected a value in \[-32768, 32767\], got -32769",
            id="digital-minimum-one-too-small",
        ),
        pytest.param(
            Channel(dmax="2047.5"),
            f"{DIGITAL} maximum: expected an integer, got '2047.5'",
            id="digital-fraction",
        ),
        pytest.param(
            Channel(pmax="nan"),
            f"{PHYSICAL} maximum: expected a decimal number, got 'nan'",
            id="nan",
        ),
        pytest.param(
            Channel(pmin="-inf"),
            f"{PHYSICAL} minimum: expected a decimal number, got '-inf'",
            id="inf",
        ),
        pytest.param(
            Channel(pmax="1e999"),
            f"{PHYSICAL} maximum: expected a decimal number, got '1e999'",
            id="overflow",
        ),
        pytest.param(
            Channel(pmax=""),
            f"{PHYSICAL} maximum: expected a decimal number, got ''",
            id="blank",
        ),
        pytest.param(
            Channel(pmax="800,0"),
            f"{PHYSICAL} maximum: expected a decimal number, got '800,0'",
            id="comma",
        ),
        pytest.param(
            Channel(dmin="-2_048"),
            f"{DIGITAL} minimum: expected an integer, got '-2_048'",
            id="underscore",
        ),
        pytest.param(
            Channel(unit=""),
            f"{PHYSICAL} dimension: expected uV, mV or V, got ''",
            id="unit-blank",
        ),
        pytest.param(
            Channel(unit="DegC"),
            f"{PHYSICAL} dimension: expected uV, mV or V, got 'DegC'",
            id="unit-no-voltage",
        ),
        pytest.param(
            Channel(spr=0),
            "signal 1 'EEG Fp1', samples per record: expected at least 1, got 0",
            id="no-samples",
        ),
    ],
)
def test_a_signal_that_cannot_be_scaled_is_refused_when_asked_for(
    channel: Channel, message: str
) -> None:
    edf = open_bytes(make_edf(channel, Channel(label="EEG F3")))
    with pytest.raises(SourceError, match=rf"'made\.edf', {message}; repair the head"):
        edf.read_uv([0], 0, 4)


def test_impossible_limits_of_a_signal_nobody_asks_for_do_no_harm() -> None:
    dummy = Channel(label="-", unit="?", pmin="nan", pmax="", dmin="0", dmax="0")
    edf = open_bytes(make_edf(dummy, Channel(first=7)))
    assert edf.read_digital([1], 0, 2).tolist() == [[7, 8]]
    assert edf.read_uv([1], 0, 2).shape == (1, 2)


def test_a_signal_without_samples_has_none_to_read() -> None:
    edf = open_bytes(make_edf(Channel(spr=0), Channel(label="EEG F3")))
    message = "signal 1 'EEG Fp1', samples per record: expected at least 1, got 0"
    with pytest.raises(SourceError, match=message):
        edf.read_digital([0], 0, 0)


def test_signals_of_different_rates_are_refused_together() -> None:
    edf = open_bytes(make_edf(Channel(), Channel(label="ECG", spr=8)))
    message = "signal 2 'ECG', samples per record: expected 4 as in 'EEG Fp1', got 8"
    with pytest.raises(SourceError, match=message):
        edf.read_digital([0, 1], 0, 4)


def test_record_duration_of_zero_is_refused_for_samples() -> None:
    edf = open_bytes(make_edf(Channel(), duration="0"))
    with pytest.raises(SourceError, match="record duration: expected more than 0 s"):
        edf.sfreq([0])


# Headers


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", r"is not an EDF file: found 0 bytes", id="empty"),
        pytest.param(b"0       ", r"is not an EDF file: found 8 bytes", id="short"),
        pytest.param(
            b"<!DOCTYPE html>".ljust(600),
            r"is not an EDF file: expected version '0'.* got b'<!DOCTYP'; fetch",
            id="web-page",
        ),
        pytest.param(
            make_edf(Channel(), version=b"1       "),
            r"expected version '0'.* got b'1 ",
            id="version-1",
        ),
        pytest.param(
            make_edf(Channel(), header_bytes="768"),
            r"header bytes: expected 512 for 1 signals, got 768; repair",
            id="header-bytes-wrong",
        ),
        pytest.param(
            make_edf(Channel(), n_signals="0"),
            r"number of signals: expected at least 1, got 0",
            id="no-signals",
        ),
        pytest.param(
            make_edf(Channel(), n_signals="1_0"),
            r"number of signals: expected an integer, got '1_0'",
            id="signals-underscore",
        ),
        pytest.param(
            make_edf(Channel(), Channel())[:700],
            r"ends inside its header: expected 768 bytes of header, got 700",
            id="cut-in-the-header",
        ),
        pytest.param(
            make_edf(Channel())[:256],
            r"ends inside its header: expected 512 bytes of header, got 256",
            id="cut-before-the-signals",
        ),
        pytest.param(
            make_edf(Channel(), header_bytes="5I2"),
            r"header bytes: expected an integer, got '5I2'",
            id="header-bytes-text",
        ),
        pytest.param(
            make_edf(Channel(), declared="3X"),
            r"number of records: expected an integer, got '3X'",
            id="records-and-a-letter",
        ),
        pytest.param(
            make_edf(Channel(), duration="nan"),
            r"record duration: expected a decimal number, got 'nan'",
            id="duration-nan",
        ),
        pytest.param(
            make_edf(Channel(), duration="-1"),
            r"record duration: expected at least 0 s, got '-1'",
            id="duration-negative",
        ),
        pytest.param(
            make_edf(Channel(), declared="many"),
            r"number of records: expected an integer, got 'many'",
            id="records-text",
        ),
        pytest.param(
            make_edf(Channel(), Channel(label="F3", spr_text="4.0")),
            r"signal 2 'F3', samples per record: expected an integer, got '4\.0'",
            id="samples-fraction",
        ),
        pytest.param(
            make_edf(Channel(spr_text="-4")),
            r"signal 1 'EEG Fp1', samples per record: expected at least 0, got -4",
            id="samples-negative",
        ),
        pytest.param(
            make_edf(Channel(spr=0)),
            r"samples per record: expected samples in at least one signal, got 0",
            id="no-samples-at-all",
        ),
    ],
)
def test_a_header_that_does_not_say_where_samples_lie_is_refused(
    data: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=rf"^'made\.edf'.*{message}"):
        open_bytes(data)


def test_a_refused_file_is_closed() -> None:
    memory = MemorySource(data=b"")
    with pytest.raises(SourceError, match="not an EDF file"):
        EdfFile(memory)
    assert memory.closed


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"date": "01:01:85"}, id="date-with-colons"),
        pytest.param({"date": ""}, id="date-blank"),
        pytest.param({"time": "23.59.75"}, id="75-seconds"),
        pytest.param({"patient": "Zo\xeb \xff\xfe"}, id="patient-not-ascii"),
        pytest.param({"reserved": "EDF"}, id="reserved-text-of-TUH"),
    ],
)
def test_fields_that_no_sample_depends_on_cannot_fail(changes: dict[str, str]) -> None:
    edf = open_bytes(make_edf(Channel(), **changes))  # type: ignore[arg-type]
    assert edf.read_digital([0], 0, 2).tolist() == [[0, 1]]


def test_blanks_and_nuls_pad_fields_and_nothing_else_does() -> None:
    channel = Channel(label=" X1\t\0", unit="uV\0")
    edf = open_bytes(make_edf(channel, declared="3\0", reserved="\0"))
    assert edf.header.signals[0].label == "X1\t"
    assert edf.header.signals[0].dimension == "uV"
    assert edf.header.declared_records == 3


def test_start_time_stays_text() -> None:
    edf = open_bytes(make_edf(Channel(), time="23.59.75"))
    assert edf.header.starttime == "23.59.75"


def test_nothing_about_the_patient_is_kept() -> None:
    edf = open_bytes(make_edf(Channel(), patient="CANARY F 02-MAY-1951 Name"))
    assert "CANARY" not in repr(edf.header)


# EDF+ with gaps


def edf_with_onsets(
    *onsets: bytes, reserved: str = "EDF+D", duration: str = "1"
) -> bytes:
    """Records of 4 samples and 16 bytes of annotations that begin with an onset."""
    channels = (Channel(), Channel(label="EDF Annotations", spr=8))
    records = b"".join(
        np.arange(4 * r, 4 * r + 4, dtype="<i2").tobytes() + onset.ljust(16, b"\0")
        for r, onset in enumerate(onsets)
    )
    return make_edf(
        *channels,
        n_records=len(onsets),
        records=records,
        reserved=reserved,
        duration=duration,
    )


def test_discontinuous_file_without_a_gap_is_read() -> None:
    edf = open_bytes(edf_with_onsets(b"+0.5\x14\x14", b"+1.5\x14\x14", b"+2.5\x14\x14"))
    assert edf.read_digital([0], 3, 12).tolist() == [[3, 4, 5, 6, 7, 8, 9, 10, 11]]


def test_onsets_count_in_the_duration_of_a_record() -> None:
    onsets = (b"+0\x14\x14", b"+0.25\x14\x14", b"+0.5\x14\x14")
    edf = open_bytes(edf_with_onsets(*onsets, duration="0.25"))
    assert edf.read_digital([0], 7, 9).tolist() == [[7, 8]]


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        pytest.param(2, 9, id="inside-the-window"),
        pytest.param(8, 12, id="before-the-window"),
    ],
)
def test_gap_is_refused(start: int, stop: int) -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+1\x14\x14", b"+7\x14\x14"))
    message = r"record 3: starts at 7 s, expected 2 s: this recording \(EDF\+D\)"
    with pytest.raises(SourceError, match=message):
        edf.read_digital([0], start, stop)


def test_gap_is_refused_whatever_follows_the_mark() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+7\x14\x14", reserved="EDF+D X"))
    with pytest.raises(SourceError, match="record 2: starts at 7 s, expected 1 s"):
        edf.read_digital([0], 0, 8)


def test_gap_of_a_bdf_file_is_refused() -> None:
    channels = (Channel(spr=1), Channel(label="BDF Annotations", spr=3))
    records = b"".join(
        bytes(3) + onset.ljust(9, b"\0") for onset in (b"+0\x14\x14", b"+7\x14\x14")
    )
    data = make_edf(
        *channels, version=b"\xffBIOSEMI", reserved="BDF+D", records=records
    )
    with pytest.raises(SourceError, match="record 2: starts at 7 s, expected 1 s"):
        open_bytes(data).read_digital([0], 0, 2)


def test_gap_behind_the_window_does_no_harm() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+1\x14\x14", b"+7\x14\x14"))
    assert edf.read_digital([0], 6, 8).tolist() == [[6, 7]]


@pytest.mark.parametrize(
    "onsets",
    [
        pytest.param([0.202312, 1.202311999999, 2.202312000001], id="noise"),
        pytest.param([0.30000000000000004, 1.3000000000000003, 2.3], id="17-digits"),
        pytest.param([0, 1.124, 1.876], id="below-half-a-sample"),
    ],
)
def test_an_onset_within_half_a_sample_is_no_gap(onsets: list[float]) -> None:
    # Samples are 0.25 s apart.
    stamps = [f"+{onset!r}\x14\x14".encode() for onset in onsets]
    channels = (Channel(), Channel(label="EDF Annotations", spr=16))
    records = b"".join(
        np.arange(4 * r, 4 * r + 4, dtype="<i2").tobytes() + stamp.ljust(32, b"\0")
        for r, stamp in enumerate(stamps)
    )
    data = make_edf(*channels, n_records=3, records=records, reserved="EDF+D")
    assert open_bytes(data).read_digital([0], 3, 9).tolist() == [[3, 4, 5, 6, 7, 8]]
    assert len(open_bytes(data).find_stretches([0])) == 1


def test_an_onset_half_a_sample_away_is_a_gap() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+1.125\x14\x14"))
    with pytest.raises(SourceError, match=r"starts at 1\.125 s, expected 1 s"):
        edf.read_digital([0], 0, 8)


GAPPED = (b"+5\x14\x14", b"+6\x14\x14", b"+9\x14\x14", b"+10\x14\x14", b"+20\x14\x14")


def test_stretches_between_gaps_are_found() -> None:
    edf = open_bytes(edf_with_onsets(*GAPPED))
    assert [tuple(s) for s in edf.find_stretches([0])] == [
        (0, 2, 0),
        (2, 4, 4),
        (4, 5, 15),
    ]


def test_samples_between_gaps_count_in_the_time_of_the_recording() -> None:
    edf = open_bytes(edf_with_onsets(*GAPPED))
    signal = MontageSignal(edf, (Row(ch_name="A", plus=(0,)),), between_gaps=True)
    assert signal.stretches == ((0, 8), (16, 24), (60, 64))
    assert signal.n_times == 64
    # 4 samples a second; those of the file are numbered from 0 to 19.
    unit = signal.read(0, 1)[0, 0] - signal.read(1, 2)[0, 0]
    first = signal.read(0, 1)[0, 0]
    numbers = np.rint((first - signal.read(17, 23)[0]) / unit)
    assert numbers.tolist() == [9, 10, 11, 12, 13, 14]
    assert signal.needs(60, 64) == (16, 20)


@pytest.mark.parametrize("span", [(7, 9), (10, 12), (12, 17), (0, 64), (63, 65)])
def test_a_window_that_touches_a_gap_is_refused(span: tuple[int, int]) -> None:
    edf = open_bytes(edf_with_onsets(*GAPPED))
    signal = MontageSignal(edf, (Row(ch_name="A", plus=(0,)),), between_gaps=True)
    message = r"overlap a gap; this recording \(EDF\+D\) is continuous in 0-2 s, 4-6 s, 15-16 s"
    with pytest.raises(SourceError, match=message):
        signal.read(*span)


@pytest.mark.parametrize("span", [(-1, 2), (11, 13), (12, 16)])
def test_samples_outside_a_recording_without_gaps_are_said_not_to_be_in_it(
    span: tuple[int, int],
) -> None:
    signal = MontageSignal(
        open_bytes(make_edf(Channel())), (Row(ch_name="A", plus=(0,)),)
    )
    message = rf"samples \[{span[0]}, {span[1]}\) are not in the recording; .*: 12"
    with pytest.raises(SourceError, match=message):
        signal.read(*span)


def test_time_that_runs_back_is_refused() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+7\x14\x14", b"+3\x14\x14"))
    with pytest.raises(SourceError, match="record 3: starts at 3 s, expected 8 s"):
        edf.find_stretches([0])


def test_a_gap_of_years_is_refused() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+10000001\x14\x14"))
    with pytest.raises(
        SourceError, match="record 2: starts at 10000001 s, expected 1 s"
    ):
        edf.find_stretches([0])


def test_a_clock_that_drifts_makes_stretches_that_differ_by_less_than_a_sample() -> (
    None
):
    # A millisecond a record: after 125 records half a sample of 0.25 s.
    stamps = [b"+%.3f\x14\x14" % (1.001 * record) for record in range(300)]
    edf = open_bytes(edf_with_onsets(*stamps))
    stretches = edf.find_stretches([0])
    assert [s.first for s in stretches] == [0, 125, 250]
    assert edf.read_digital([0], 500, 1000).shape == (1, 500)


def test_discontinuous_file_without_onsets_is_refused_and_keeps_its_texts() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"CANARY"))
    with pytest.raises(SourceError, match="record 2, 'EDF Annotations'") as caught:
        edf.read_digital([0], 0, 8)
    assert "CANARY" not in str(caught.value)


def test_the_first_record_is_named_if_it_has_no_onset_to_count_from() -> None:
    edf = open_bytes(edf_with_onsets(b"", b"+1\x14\x14"))
    with pytest.raises(SourceError, match="record 1, 'EDF Annotations'"):
        edf.read_digital([0], 4, 8)


@pytest.mark.parametrize(
    "onset", [b"1\x14\x14", b"+1\x14x\x14"], ids=["no-sign", "a-text-at-once"]
)
def test_what_only_looks_like_the_onset_of_a_record_is_none(onset: bytes) -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", onset))
    with pytest.raises(SourceError, match="record 2, 'EDF Annotations'"):
        edf.read_digital([0], 0, 8)


def test_discontinuous_file_without_annotations_is_refused() -> None:
    edf = open_bytes(make_edf(Channel(), reserved="EDF+D"))
    with pytest.raises(SourceError, match="no signal 'EDF Annotations'"):
        edf.read_digital([0], 0, 8)


def test_onsets_of_a_continuous_file_are_not_read() -> None:
    edf = open_bytes(edf_with_onsets(b"+0\x14\x14", b"+9\x14\x14", reserved="EDF+C"))
    assert edf.read_digital([0], 3, 5).tolist() == [[3, 4]]


# Rows of a montage


def test_rows_are_channels_and_differences() -> None:
    one_to_one = {"pmin": "-100", "pmax": "100", "dmin": "-100", "dmax": "100"}
    edf = open_bytes(
        make_edf(Channel(**one_to_one, first=10), Channel(**one_to_one, first=3))  # type: ignore[arg-type]
    )
    rows = (Row(ch_name="A", plus=(1,)), Row(ch_name="A-B", plus=(0,), minus=(1,)))
    signal = MontageSignal(edf, rows)
    assert (signal.sfreq, signal.n_times) == (4.0, 12)
    assert signal.read(0, 2).tolist() == [[3.0, 4.0], [7.0, 7.0]]
    assert signal.read(3, 5).tolist() == [[6.0, 7.0], [7.0, 7.0]]


def test_difference_of_extreme_values_does_not_wrap_around() -> None:
    # 32767 less -32768 needs 17 bits.
    channel = {"pmin": "-32768", "pmax": "32767", "dmin": "-32768", "dmax": "32767"}
    records = np.array([32767, -32768, -32768, 32767], "<i2").tobytes()
    two = (Channel(**channel, spr=2), Channel(**channel, spr=2))  # type: ignore[arg-type]
    edf = open_bytes(make_edf(*two, n_records=1, records=records))
    signal = MontageSignal(edf, (Row(ch_name="A-B", plus=(0,), minus=(1,)),))
    assert signal.read(0, 2).tolist() == [[65535.0, -65535.0]]


def test_repeated_label_with_equal_samples_is_one_channel() -> None:
    edf = open_bytes(make_edf(Channel(first=5), Channel(), Channel(first=5)))
    signal = MontageSignal(edf, (Row(ch_name="A", plus=(0, 2)),))
    assert signal.read(0, 4).tolist() == edf.read_uv([0], 0, 4).tolist()


def test_repeated_label_with_other_samples_is_refused() -> None:
    records = np.array([0, 1, 2, 3, 0, 1, 9, 3], "<i2").tobytes()
    channel = Channel(label="T8-P8")
    edf = open_bytes(make_edf(channel, channel, n_records=1, records=records))
    signal = MontageSignal(edf, (Row(ch_name="T4-T6", plus=(0, 1)),))
    message = "signals 1 'T8-P8' and 2 'T8-P8' .* differ, first at sample 2"
    with pytest.raises(SourceError, match=message):
        signal.read(0, 4)


def test_repeated_label_that_is_subtracted_is_checked_as_well() -> None:
    records = np.array([0, 1, 2, 3, 0, 1, 2, 9], "<i2").tobytes()
    channel = Channel(label="A2")
    edf = open_bytes(make_edf(channel, channel, n_records=1, records=records))
    signal = MontageSignal(edf, (Row(ch_name="A1-A2", plus=(0,), minus=(0, 1)),))
    with pytest.raises(SourceError, match="differ, first at sample 3"):
        signal.read(2, 4)


def test_montage_is_refused_at_opening_if_a_row_cannot_be_scaled() -> None:
    edf = open_bytes(make_edf(Channel(unit="")))
    with pytest.raises(SourceError, match=r"'made\.edf', .* physical dimension"):
        MontageSignal(edf, (Row(ch_name="A", plus=(0,)),))


# Files


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.edf': no such file"):
        LocalFile(tmp_path / "nowhere.edf")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        LocalFile(tmp_path)


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "made.edf"
    path.write_bytes(make_edf(Channel()))
    with EdfFile(LocalFile(path)) as edf:
        path.write_bytes(make_edf(Channel(), n_records=1))
        message = "expected 24 bytes at 512, found 8; the file changed"
        with pytest.raises(SourceError, match=message):
            edf.read_digital([0], 0, 12)


def test_a_file_that_the_system_does_not_open_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.edf"
    path.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    message = r"made\.edf' cannot be opened: Permission denied"
    with pytest.raises(SourceError, match=message):
        LocalFile(path)


class Share:
    """A file on a network share: three bytes at a time, and then perhaps none."""

    def __init__(self, data: bytes, *, fails_at: int) -> None:
        self._data, self._place, self._fails_at = data, 0, fails_at

    def seek(self, place: int) -> None:
        self._place = place

    def read(self, size: int) -> bytes:
        if self._place >= self._fails_at:
            raise OSError(5, "Input/output error")
        part = self._data[self._place : self._place + min(size, 3)]
        self._place += len(part)
        return part


def on_a_share(path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> LocalFile:
    path.write_bytes(b"0123456789")
    source = LocalFile(path)
    source.close()
    share = Share(path.read_bytes(), fails_at=fails_at)
    monkeypatch.setattr(source, "_file", share)
    return source


def test_bytes_that_come_in_parts_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = on_a_share(tmp_path / "a", monkeypatch, 99)
    assert source.read(1, 9) == b"12345678"
    assert source.read(4, 4) == b""
    assert source.size == 10


def test_a_share_that_goes_away_is_named_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = on_a_share(tmp_path / "made.edf", monkeypatch, 6)
    message = (
        r"made\.edf' cannot be read at byte 7: Input/output error\. Check the disk"
    )
    with pytest.raises(SourceError, match=message):
        source.read(1, 9)


# Witnesses


def write_with_pyedflib(
    path: Path, digital: npt.NDArray[np.int32], *, bdf: bool = False
) -> None:
    import pyedflib

    kind = pyedflib.FILETYPE_BDFPLUS if bdf else pyedflib.FILETYPE_EDFPLUS
    bound = 1 << (23 if bdf else 15)
    with pyedflib.EdfWriter(str(path), len(digital), file_type=kind) as writer:
        for i in range(len(digital)):
            writer.setSignalHeader(
                i,
                {
                    "label": f"EEG {i}",
                    "dimension": "uV",
                    "sample_frequency": 256,
                    "physical_min": -3000.5 - i,
                    "physical_max": 2999.25 + i,
                    "digital_min": -bound,
                    "digital_max": bound - 1,
                    "transducer": "",
                    "prefilter": "",
                },
            )
        writer.writeSamples(list(digital), digital=True)


def assert_pyedflib_agrees(path: Path) -> None:
    """Compare every signal, digital and in the unit of the file, with pyedflib."""
    import pyedflib

    with pyedflib.EdfReader(str(path)) as reader, EdfFile(LocalFile(path)) as edf:
        labels = [signal.label for signal in edf.header.signals]
        kept = [
            i for i, label in enumerate(labels) if not label.endswith(" Annotations")
        ]
        assert [labels[i] for i in kept] == reader.getSignalLabels()
        for theirs, ours in enumerate(kept):
            n_times = int(reader.getNSamples()[theirs])
            expected = reader.readSignal(theirs, digital=True)
            assert np.array_equal(edf.read_digital([ours], 0, n_times)[0], expected)
            assert edf.sfreq([ours]) == pytest.approx(
                reader.getSampleFrequency(theirs), rel=1e-12
            )


def assert_mne_agrees(path: Path, *, n_channels: int) -> None:
    """Compare the first channels in microvolts with mne."""
    import mne

    reader = {".edf": mne.io.read_raw_edf, ".bdf": mne.io.read_raw_bdf}[path.suffix]
    raw = reader(path, verbose="ERROR", stim_channel=None)
    expected = raw.get_data(picks=list(range(n_channels))) * 1e6
    with EdfFile(LocalFile(path)) as edf:
        obtained = edf.read_uv(range(n_channels), 0, expected.shape[1])
        assert edf.sfreq(range(n_channels)) == raw.info["sfreq"]
    # Orders of the same operations differ by some 1e-12 in float64 (and mne goes
    # through volts); the digital step is larger than 1e-4.
    np.testing.assert_allclose(obtained, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    "bdf", [pytest.param(False, id="edf"), pytest.param(True, id="bdf")]
)
def test_pyedflib_and_mne_read_the_same_of_a_generated_file(
    tmp_path: Path, bdf: bool
) -> None:
    bound = {False: 1 << 15, True: 1 << 23}[bdf]
    rng = np.random.default_rng(1)
    digital = rng.integers(-bound, bound, (4, 256 * 5), dtype=np.int32)
    path = tmp_path / {False: "made.edf", True: "made.bdf"}[bdf]
    write_with_pyedflib(path, digital, bdf=bdf)
    with EdfFile(LocalFile(path)) as edf:
        assert np.array_equal(edf.read_digital(range(4), 0, 1280), digital)
    assert_pyedflib_agrees(path)
    assert_mne_agrees(path, n_channels=4)


REAL = [
    *(f"chbmit-mini/chb01/chb01_{name}.edf" for name in ("03", "04", "18", "21")),
    "chbmit-chunks/chb01_18_1710-1720_preictal.edf",
    "chbmit-chunks/chb01_18_1730-1740_ictal.edf",
    "chbmit-chunks/chb01_21_317-327_preictal.edf",
    "chbmit-chunks/chb01_21_337-347_ictal.edf",
    "chbmit-chunks/chb03_01_352-362_preictal.edf",
    "chbmit-chunks/chb03_01_372-382_ictal.edf",
    "chbmit-chunks/chb03_02_721-731_preictal.edf",
    "chbmit-chunks/chb03_02_741-751_ictal.edf",
    "chbmit-chunks/chb03_03_422-432_preictal.edf",
    "chbmit-chunks/chb03_03_442-452_ictal.edf",
    "chbmit-chunks/chb03_04_2152-2162_preictal.edf",
    "chbmit-chunks/chb03_04_2172-2182_ictal.edf",
]
ODD = [
    "edf-odd/esl-epfl_szcore/unipolar.edf",
    "edf-odd/holgern_pyedflib/test_generator_datarec_generator_0_5.bdf",
    "edf-odd/holgern_pyedflib/test_subsecond.edf",
    "edf-odd/mne-tools_mne-python/duplicate_channel_labels.edf",
    "edf-odd/mne-tools_mne-python/test.edf",
    "edf-odd/mne-tools_mne-python/test_bdf_stim_channel.bdf",
    "edf-odd/mne-tools_mne-python/test_edf_stim_channel.edf",
    "edf-odd/mne-tools_mne-python/test_uneven_samp.edf",
    "edf-odd/the-siesta-group_edfio/short_psg.edf",
]


@pytest.mark.edf
@pytest.mark.parametrize("name", [*REAL, *ODD])
def test_pyedflib_reads_the_same_of_a_real_file(shared_data: Path, name: str) -> None:
    assert_pyedflib_agrees(shared_data / name)


@pytest.mark.edf
@pytest.mark.parametrize("name", REAL)
def test_mne_reads_the_same_of_a_real_file(shared_data: Path, name: str) -> None:
    assert_mne_agrees(shared_data / name, n_channels=23)


@pytest.mark.edf
def test_mne_reads_the_same_of_19_electrodes(shared_data: Path) -> None:
    assert_mne_agrees(shared_data / ODD[0], n_channels=19)


@pytest.mark.edf
def test_a_shifted_header_is_refused(shared_data: Path) -> None:
    name = "edf-odd/bids-standard_bids-examples/sub-01_task-pullstand_eeg.edf"
    with pytest.raises(SourceError, match=r"pullstand_eeg\.edf'.*expected"):
        EdfFile(LocalFile(shared_data / name))


@pytest.mark.edf
def test_a_file_of_annotations_only_has_no_samples_to_give(shared_data: Path) -> None:
    name = "edf-odd/the-siesta-group_edfio/SC4001EC-Hypnogram.edf"
    with EdfFile(LocalFile(shared_data / name)) as edf:
        with pytest.raises(SourceError, match="record duration: expected more than 0"):
            edf.sfreq([0])
        with pytest.raises(SourceError, match="'EDF Annotations', physical dimension"):
            edf.read_uv([0], 0, 1)
