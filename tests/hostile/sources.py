"""Hostile recordings and annotations, made by code: each is refused for one thing.

What ``tests/test_edf.py``, ``test_edf_source.py``, ``test_chbmit.py``, ``test_siena.py``,
``test_tusz.py``, ``test_bids.py``, ``test_web.py``, ``test_saved_spec.py`` and ``test_spec.py``
hold already is not here again. Used by ``tests/test_hostile_sources.py``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostile import source_seeds as seeds

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HOSTILE_SOURCES", "HostileSource"]

TB = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileSource:
    """Describe one hostile file.

    Attributes
    ----------
    name : str
        Unique.
    breaks : str
        What is wrong with it.
    run : str
        Key of ``fuzz.RUNS``: how it is opened.
    error : str
        Class of the error; empty if it is to be read, with the right data.
    message : str
        Pattern that the message must hold.
    make : callable
        Returns its bytes.
    """

    name: str
    breaks: str
    run: str
    error: str
    message: str
    make: Callable[[], bytes]


HOSTILE_SOURCES: list[HostileSource] = []


def _add(
    run: str,
    name: str,
    breaks: str,
    message: str,
    make: Callable[[], bytes],
    *,
    error: str = "AnnotationError",
) -> None:
    HOSTILE_SOURCES.append(
        HostileSource(
            name=f"{run}-{name}",
            breaks=breaks,
            run=run,
            error=error,
            message=message,
            make=make,
        )
    )


# EDF: headers


def _add_field(field: str, text: str | bytes, message: str, breaks: str) -> None:
    def make() -> bytes:
        return seeds.set_field(seeds.edf_seeds()[0], field, text)

    name = f"{field}-{text!r}".replace(" ", "-")
    _add("edf", name, breaks, f"{field}: {message}", make, error="SourceError")


for _text, _message, _breaks in (
    ("-1", "expected at least 1, got -1", "less signals than none"),
    ("", "expected an integer, got ''", "no number"),
    (b"\0\0\0\0", "expected an integer, got ''", "no number, in binary"),
    ("4.0", r"expected an integer, got '4\.0'", "a fraction"),
    ("\xb2", "expected an integer, got '\xb2'", "a digit that is not ASCII"),
    ("1 1", "expected an integer, got '1 1'", "two numbers"),
):
    _add_field("number of signals", _text, _message, _breaks)
for _text, _message, _breaks in (
    ("-1280", "expected 1280 for 4 signals, got -1280", "a header before the file"),
    ("99999999", "expected 1280 for 4 signals, got 99999999", "behind the file"),
):
    _add_field("header bytes", _text, _message, _breaks)
for _text, _message, _breaks in (
    ("1e300", "expected a decimal number, got '1e300'", "an exponent too far"),
    ("1,5", "expected a decimal number, got '1,5'", "a comma"),
    ("0x1", "expected a decimal number, got '0x1'", "not decimal"),
):
    _add_field("record duration", _text, _message, _breaks)
_add_field("number of records", "1e9", "expected an integer, got '1e9'", "an exponent")


def _cut(stop: int) -> Callable[[], bytes]:
    return lambda: seeds.edf_seeds()[0][:stop]


for _stop, _message in (
    (255, "is not an EDF file: 255 bytes"),
    (256, "ends inside its header: expected 1280 bytes of header, got 256"),
    (1279, "ends inside its header: expected 1280 bytes of header, got 1279"),
):
    _breaks = "cut off at a border"
    _add("edf", f"cut-{_stop}", _breaks, _message, _cut(_stop), error="SourceError")
_add("edf", "cut-1280", "a header and nothing else", "", _cut(1280), error="")


def _of_9999() -> bytes:
    data = seeds.set_field(seeds.edf_seeds()[0], "number of signals", "9999")
    return seeds.set_field(data, "header bytes", "2560000")


_add(
    "edf",
    "9999-signals",
    "more signals than the file has room for",
    "ends inside its header: expected 2560000 bytes of header, got 1420",
    _of_9999,
    error="SourceError",
)


def _large_records() -> bytes:
    data = seeds.set_signal(seeds.edf_seeds()[0], 0, "samples per record", "99999999")
    data = seeds.set_signal(data, 2, "samples per record", "99999999")
    return seeds.sparse(data, TB)


_add(
    "edf",
    "large-records",
    "records that fill the memory, in a file with a hole",
    "samples per record: expected records of at most 268435456 bytes, got 400000008",
    _large_records,
    error="SourceError",
)
_add(
    "edf",
    "terabyte",
    "a hole of 1 TB, of which windows at both ends and in the middle are read",
    "",
    lambda: seeds.sparse(seeds.edf_seeds()[0], TB),
    error="",
)
_add(
    "edf",
    "version-nul",
    "padding of a kind that some writers use",
    "",
    lambda: seeds.set_field(seeds.edf_seeds()[0], "version", b"0\0\0\0\0\0\0\0"),
    error="",
)
_add(
    "edf",
    "many-channels",
    "9999 channels, none of which is asked for",
    r"lacks Fp1-F7, .* its 9999 channels: EEG Fp1, EEG Fp1, .{1,900} EEG Fp1\.$",
    lambda: seeds.make_edf([{"samples per record": "1"}] * 9999, n_records=1),
    error="ChannelNotFoundError",
)

# EDF: signals that a montage needs


def _add_signal(
    name: str, index: int, field: str, text: str, message: str, *, error: str = ""
) -> None:
    def make() -> bytes:
        return seeds.set_signal(seeds.edf_seeds()[4], index, field, text)

    breaks = f"{field}: {text!r}"
    _add("edf", name, breaks, message, make, error=error or "SourceError")


_PHYSICAL = "signal 1 'EEG Fp1-REF', physical"
_DIGITAL = "signal 1 'EEG Fp1-REF', digital"
_add_signal(
    "physical-hex",
    0,
    "physical minimum",
    "0x10",
    f"{_PHYSICAL} minimum: expected a decimal number, got '0x10'",
)
_add_signal(
    "physical-exponent",
    0,
    "physical maximum",
    "1e400",
    f"{_PHYSICAL} maximum: expected a decimal number, got '1e400'",
)
_add_signal(
    "physical-zero",
    0,
    "physical maximum",
    "-8.0e2",
    f"{_PHYSICAL} maximum: expected another value than the minimum .-800., got '-8.0e2'",
)
_add_signal(
    "digital-blank",
    0,
    "digital minimum",
    "",
    f"{_DIGITAL} minimum: expected an integer, got ''",
)
_add_signal(
    "digital-huge",
    0,
    "digital maximum",
    "99999999",
    rf"{_DIGITAL} maximum: expected a value in \[-32768, 32767\], got 99999999",
)
_add_signal(
    "unit-escape",
    0,
    "physical dimension",
    "\x1b[2J",
    rf"{_PHYSICAL} dimension: expected uV, mV or V, got '\\x1b\[2J'",
)
_add_signal(
    "label-escape",
    0,
    "label",
    "\x1b[2J",
    r"lacks .* its 19 channels: '\\x1b\[2J', EEG F3-REF",
    error="ChannelNotFoundError",
)
_add_signal(
    "label-twice",
    1,
    "label",
    "EEG Fp1-REF",
    "lacks .* for montage 'double-banana'",
    error="ChannelNotFoundError",
)
_add_signal(
    "reference-of-one",
    1,
    "label",
    "EEG F3-LE",
    r"mixes references \('LE', 'REF'\)",
)
_add_signal(
    "rate-of-one",
    3,
    "samples per record",
    "8",
    "signal 4 'EEG P3-REF', samples per record: expected 4 as in 'EEG Fp1-REF', got 8",
)
_add(
    "edf",
    "no-time",
    "a duration that is nothing in eight characters",
    "record duration: expected more than 0 s, as there are samples, got '0'",
    lambda: seeds.set_field(seeds.edf_seeds()[4], "record duration", "0.0000000001"),
    error="SourceError",
)


def _twins() -> bytes:
    signals = [{"label": f"EEG {e}-REF"} for e in (*seeds.ELECTRODES, "Fp1")]
    return seeds.make_edf(signals)


_add(
    "edf",
    "twins",
    "two signals of one name with other samples",
    "signals 1 'EEG Fp1-REF' and 20 'EEG Fp1-REF' .* differ, first at sample 0",
    _twins,
    error="SourceError",
)

# EDF+D: when records start


def _add_onset(name: str, onset: bytes, message: str, breaks: str) -> None:
    def make() -> bytes:
        return seeds.with_onsets(b"+0\x14\x14", onset, reserved="EDF+D")

    _add("window", name, breaks, message, make, error="SourceError")


_NO_ONSET = "record 2, 'EDF Annotations': expected the onset of the record"
_add_onset("onset-exponent", b"+1e0\x14\x14", _NO_ONSET, "an exponent")
_add_onset("onset-digits", b"+%s\x14\x14" % (b"1" * 50), _NO_ONSET, "50 digits")
_add_onset("onset-sign", b"1\x14\x14", _NO_ONSET, "no sign")
_add_onset("onset-arabic", "+\u0661\x14\x14".encode(), _NO_ONSET, "no ASCII")
_add_onset("onset-text", b"+1\x14x\x14", _NO_ONSET, "a text in its place")
_add_onset(
    "onset-back",
    b"-1\x14\x14",
    r"record 2: starts at -1 s, expected 1 s: this recording \(EDF\+D\) has gaps",
    "time that runs back",
)


def _long_onset() -> bytes:
    stamp = b"+" + b"1" * 5000 + b"\x14\x14"
    return seeds.make_edf(
        [{}, {"label": "EDF Annotations", "samples per record": "3000"}],
        n_records=1,
        tals=[stamp],
        reserved="EDF+D",
    )


_add(
    "window",
    "onset-of-5000-digits",
    "more digits than Python turns into a number",
    "record 1, 'EDF Annotations': expected the onset of the record",
    _long_onset,
    error="SourceError",
)

# Annotations inside EDF+


def _add_tal(
    name: str, tal: bytes, message: str, breaks: str, *, error: str = "AnnotationError"
) -> None:
    def make() -> bytes:
        return seeds.with_onsets(
            b"+0\x14\x14\0", b"+1\x14\x14\0" + tal, b"+2\x14\x14\0"
        )

    _add("tal", name, breaks, message, make, error=error)


_NO_TAL = r"record 2, 'EDF Annotations': expected '\+onset"
_add_tal("open", b"+1.5\x151\x14Sz", _NO_TAL, "no end of a text")
_add_tal("no-sign", b"1.5\x14Sz\x14\0", _NO_TAL, "no sign")
_add_tal("exponent", b"+1e5\x14Sz\x14\0", _NO_TAL, "an exponent")
_add_tal("digits", b"+9999999999\x14Sz\x14\0", _NO_TAL, "more than 30 years")
_add_tal("nan", b"+nan\x14Sz\x14\0", _NO_TAL, "no number")
_add_tal("negative", b"+1\x15-1\x14Sz\x14\0", _NO_TAL, "a negative duration")
_add_tal("no-duration", b"+1\x15\x14Sz\x14\0", _NO_TAL, "a duration left out")
_add_tal("arabic", "+\u0661\x14Sz\x14\0".encode(), _NO_TAL, "digits, not ASCII")
_add_tal("text-alone", b"Seizure of somebody\0", _NO_TAL, "a text without a time")
_add_tal(
    "before-the-start",
    b"-5\x151\x14Sz\x14\0",
    "line 2: seizure starts at -5 s; expected at least 0 s",
    "a seizure before the recording",
)
_add_tal(
    "no-length",
    b"+1\x150\x14Sz\x14\0",
    "line 2: seizure stops at 1 s; expected after its start, 1 s",
    "a seizure of no time",
)
_add_tal("bad-utf-8", b"+1\x14\xed\xa0\x80\xff\x14\0", "", "no UTF-8", error="")
_add_tal("no-text", b"+1\x14\x14\x14\x14\0", "", "nothing said four times", error="")
_add(
    "tal",
    "terabyte",
    "a hole of 1 TB where annotations may be",
    "expected at most 1073741824 bytes of annotations in 10000000 records, got",
    lambda: seeds.sparse(seeds.tal_seeds()[0], TB),
)
_add(
    "tal",
    "no-record",
    "annotations of no time at all",
    "",
    lambda: seeds.tal_seeds()[0][: 256 * 4],
    error="",
)

# Annotations in files of their own


def _put(data: bytes, old: bytes, new: bytes) -> Callable[[], bytes]:
    return lambda: data.replace(old, new, 1)


def _hole(data: bytes) -> Callable[[], bytes]:
    return lambda: seeds.sparse(data, TB)


_MEGABYTE = 10**6
_TOO_LARGE = "expected annotations, at most 67108864 bytes"
_TEXT_SEEDS = {
    "csv": seeds.CSV,
    "tse": seeds.TSE,
    "lbl": seeds.LBL,
    "tsv": seeds.TSV,
    "summary": seeds.SUMMARY,
    "sidecar": seeds.sidecar(1, 2),
    "siena": seeds.SIENA,
    "subjects": seeds.SUBJECTS,
    "licence": seeds.DESCRIPTION,
    "participants": seeds.PARTICIPANTS,
}
for _run, _data in _TEXT_SEEDS.items():
    _add(_run, "terabyte", "a hole of 1 TB", _TOO_LARGE, _hole(_data))
# A number at one place of each table of times.
_PLACES = {
    "csv": (seeds.CSV, b"36.8868,bckg", b"%s,bckg", "line 7: stop_time"),
    "tse": (seeds.TSE, b"36.8868 bckg", b"%s bckg", "line 3: stop"),
    "lbl": (seeds.LBL, b"36.8868, 0, [1", b"%s, 0, [1", "line 9: stop"),
    "tsv": (seeds.TSV, b"40.25", b"%s", "line 2: duration"),
}
_BOMBS = (
    ("exponent", b"1e999999", "an exponent that fills the memory"),
    ("digits", b"9" * _MEGABYTE, "a million digits"),
    ("arabic", "\u0663".encode(), "a digit that is not ASCII"),
    ("nul", b"3\x006", "a zero byte"),
)
for _run, (_data, _old, _new, _where) in _PLACES.items():
    for _name, _number, _breaks in _BOMBS:
        _message = f"{_where}: expected seconds, got '.{{1,620}}$"
        _add(_run, _name, _breaks, _message, _put(_data, _old, _new % _number))

_add(
    "csv",
    "blanks",
    "a comment with a million blanks, which many patterns match",
    "",
    _put(seeds.CSV, b"#\n", b"#" + b" " * _MEGABYTE + b"!\n"),
    error="",
)
_add(
    "csv",
    "name-escape",
    "a name that a terminal would obey",
    r"belongs to another recording: '# bname = \\x1b\[2J'",
    _put(seeds.CSV, b"aaaaaajy_s001_t000", b"\x1b[2J"),
)
_add(
    "csv",
    "no-time",
    "a recording of no time, with background in it",
    r"expected '# duration = 301\.00 secs', got '0\.00 secs'",
    lambda: seeds.CSV.replace(b"301.00", b"0.00").replace(b"fnsz", b"bckg"),
)
_add(
    "summary",
    "overlap-of-a-moment",
    "a seizure that starts a moment before the one above ends",
    "line 27: seizure starts at 1493.999999999 s, before the one listed above it ends",
    _put(seeds.SUMMARY, b" 1600 ", b" 1493.999999999 "),
)
_add(
    "tsv",
    "moment-after-the-end",
    "a seizure that ends a moment after what rounding explains",
    r"line 3: seizure stops at 3600\.011 s, after the recording does: 3600\.00 s",
    _put(seeds.TSV, b"100\t10\t", b"100\t3500.011\t"),
)
_add(
    "csv",
    "long-label",
    "a label of a megabyte",
    "line 8: unknown label 'xxx.{1,700}$",
    _put(seeds.CSV, b"fnsz", b"x" * _MEGABYTE),
)
_add(
    "csv",
    "utf-16",
    "another encoding",
    "line 1: is no text in UTF-8",
    lambda: seeds.CSV.decode().encode("utf-16"),
)
_add(
    "csv",
    "carriage-returns",
    "one line to us",
    r"line 1: expected '# version = csv_v1\.0\.0', got 'csv_v1\.0\.0\\r# bname",
    lambda: seeds.CSV.replace(b"\n", b"\r"),
)
_add(
    "tse",
    "long-version",
    "a version of a megabyte",
    r"line 1: expected 'version = tse_v1\.0\.0', got 'version = tse.{1,700}$",
    _put(seeds.TSE, b"1.0.0", b"1." * (_MEGABYTE // 2)),
)
_add(
    "tse", "bom", "a byte order mark", "", lambda: b"\xef\xbb\xbf" + seeds.TSE, error=""
)
_add(
    "lbl",
    "level-of-5000-digits",
    "more digits than Python turns into a number",
    "line 9: expected {level, sublevel, start, stop, channel,",
    _put(seeds.LBL, b"label = {0", b"label = {" + b"1" * 5000),
)
_add(
    "lbl",
    "probabilities-of-ideographs",
    "blanks that a message must not hold",
    r"line 10: expected a probability for each .* got '0\.8,\\u30000\.2, 0\.8'",
    _put(seeds.LBL, b"[0.0, 0.2, 0.8]", "[0.8,\u30000.2, 0.8]".encode()),
)
_add(
    "lbl",
    "level-arabic",
    "a digit that is not ASCII",
    "line 9: expected {level, sublevel, start, stop, channel,",
    _put(seeds.LBL, b"label = {0", b"label = {" + "\u0660".encode()),
)
_add(
    "lbl",
    "brackets",
    "a million brackets, which many patterns match",
    r"line 9: cannot be understood: 'label = {\[\[.{1,700}$",
    _put(seeds.LBL, b"label = {", b"label = {" + b"[" * _MEGABYTE),
)
_add(
    "lbl",
    "probabilities",
    "300 000 probabilities",
    "line 9: expected a probability for each of 3 symbols",
    _put(seeds.LBL, b"[1.0", b"[1.0" + b",0" * 300_000),
)
_add(
    "tsv",
    "negative-recording",
    "a recording that ends before it starts",
    "line 2: recordingDuration: expected more than 0 s, got -3600",
    lambda: seeds.TSV.replace(b"3600.00", b"-3600"),
)
_add(
    "tsv",
    "type-of-a-million-parts",
    "parts that no type of TUSZ has, before an unknown one",
    "line 3: unknown eventType 'x'",
    lambda: seeds.TSV.replace(b"sz_foc_ia", b"sz" + b"_" * _MEGABYTE).replace(
        b"\tsz\t", b"\tx\t"
    ),
)
_add(
    "tsv",
    "type-escape",
    "a type that a terminal would obey",
    r"line 2: unknown eventType '\\x1b\[2J'",
    _put(seeds.TSV, b"sz_foc_ia", b"\x1b[2J"),
)


def _wide() -> bytes:
    head = b"onset\tduration\teventType" + b"\tx" * 200_000
    return head + b"\n0\t1\tbckg" * 20_000


_add(
    "tsv", "wide", "200 000 columns of 20 000 rows that end early", "", _wide, error=""
)
_add(
    "summary",
    "blanks",
    "a million blanks in a line that matters",
    "line 18: cannot be understood: 'Seizure Start .{1,700}$",
    _put(seeds.SUMMARY, b"Seizure Start ", b"Seizure Start " + b" " * _MEGABYTE + b"!"),
)
_add(
    "summary",
    "digits",
    "a million digits",
    "line 18: cannot be understood: 'Seizure Start Time: 999.{1,700}$",
    _put(seeds.SUMMARY, b"2996", b"9" * _MEGABYTE),
)
_add(
    "summary",
    "count-of-a-million-digits",
    "a count that is no number of seizures",
    "line 17: cannot be understood: 'Number of Seizures in File: 111",
    _put(seeds.SUMMARY, b"File: 1\n", b"File: " + b"1" * _MEGABYTE + b"\n"),
)
_add(
    "summary",
    "name-escape",
    "a name that a terminal would obey",
    r"line 14: expected the name of an EDF file, got 'chb01_03\.edf\\x1b\[2J'",
    _put(seeds.SUMMARY, b"chb01_03.edf", b"chb01_03.edf\x1b[2J"),
)


def _words(*words: int) -> Callable[[], bytes]:
    return lambda: struct.pack(f"<{len(words)}H", *words)


_add(
    "sidecar",
    "text-behind-the-end",
    "a text longer than the file",
    "byte 4: the file ends before its end mark",
    _words((63 << 10) + 1023, 1),
)
_add(
    "sidecar",
    "half-an-interval",
    "a long interval cut off",
    "byte 4: the file ends before its end mark",
    _words(59 << 10, 1),
)
_add(
    "sidecar",
    "two-starts",
    "a start after a start",
    "byte 2: start and end of seizures do not take turns",
    _words((32 << 10) + 9, (32 << 10) + 9, 0),
)
_add(
    "siena",
    "blanks",
    "a heading with a million blanks, which many patterns match",
    "line 10: cannot be understood: 'Seizure n .{1,800}$",
    _put(seeds.SIENA, b"Seizure n 1", b"Seizure n" + b" " * _MEGABYTE + b"x"),
)
_add(
    "siena",
    "digits-in-a-name",
    "a name of a million digits, which two parts of a pattern match",
    "line 11: expected the name of an EDF file of PN00, got 'PN1{1,600}",
    _put(seeds.SIENA, b"PN00-1.edf", b"PN" + b"1" * _MEGABYTE + b",1.edf"),
)
_add(
    "siena",
    "long-time",
    "a time of a megabyte",
    "line 14: start of a seizure: expected one time by the clock .{1,800}$",
    _put(seeds.SIENA, b"19.58.36", b"19.58.36" * (_MEGABYTE // 8)),
)
_add(
    "siena",
    "superscript",
    "digits that are not ASCII",
    "line 14: start of a seizure: .* got '\xb29.58.36'",
    _put(seeds.SIENA, b"19.58.36", b"\xb29.58.36"),
)
_add(
    "subjects",
    "digits",
    "a million seizures, in digits",
    "line 2: number_seizures: expected a number, got '555.{1,700}$",
    _put(seeds.SUBJECTS, b",5,198", b"," + b"5" * _MEGABYTE + b",198"),
)
_add(
    "licence",
    "deep",
    "JSON nested 100 000 deep",
    "is no JSON that can be read: maximum recursion depth exceeded",
    lambda: b'{"License":' + b"[" * 100_000,
    error="SourceError",
)
_add(
    "licence",
    "digits",
    "a number of a million digits",
    "is no JSON that can be read: Exceeds the limit",
    lambda: b'{"License":' + b"1" * _MEGABYTE + b"}",
    error="SourceError",
)
_add("licence", "list", "a list", "", lambda: b'["CC0"]', error="")
_add(
    "participants",
    "two-splits",
    "two columns of one name",
    "line 1: expected a column split, once",
    _put(seeds.PARTICIPANTS, b"sex", b"split"),
)
_add(
    "participants",
    "wide",
    "200 000 columns of 20 000 rows that end early",
    "",
    lambda: (
        b"participant_id\tsplit"
        + b"\tx" * 200_000
        + b"".join(b"\ns%d\tdev" % i for i in range(20_000))
    ),
    error="",
)

# What says which files and windows: lists of digests, and specs


def _add_digests(name: str, line: bytes, message: str, breaks: str) -> None:
    def make() -> bytes:
        return seeds.DIGESTS + line + b"\n"

    _add("digests", name, breaks, f"line 6: {message}", make, error="FetchError")


_DIGEST = b"ab" * 32
_add_digests(
    "deep", _DIGEST + b" " + b"a/" * 17 + b"b", "expected a SHA-256", "17 folders deep"
)
_add_digests(
    "long-name", _DIGEST + b" " + b"a" * 1001, "expected a SHA-256", "1001 characters"
)
_add_digests(
    "long-line", b"a" * _MEGABYTE, "expected .* got 'a{100}'", "a line of a megabyte"
)
_add_digests(
    "escape", _DIGEST + b" a\x1b[2J", "expected a SHA-256", "what a terminal would obey"
)
_add(
    "spec",
    "key-of-two-lines",
    "a name with a separator of lines, which a message must not hold",
    r"sha256\.chb01/a\\u2028b\.txt: expected text matching",
    lambda: seeds.SPEC_OF_LISTED + '"chb01/a\u2028b.txt" = "ab"\n'.encode(),
    error="SpecError",
)
_add(
    "spec",
    "long-key",
    "a key of 15 000 parts, for which a gigabyte is needed",
    "keys of at most 16 parts and numbers of at most 1000 digits",
    lambda: b"a." * 15_000 + b"a = 1\n",
    error="SpecError",
)
_add(
    "spec",
    "deep",
    "lists nested 5000 deep",
    "is not TOML: maximum recursion depth exceeded",
    lambda: b"montage = " + b"[" * 5000,
    error="SpecError",
)
_add(
    "spec",
    "digits",
    "a number of a million digits",
    "keys of at most 16 parts and numbers of at most 1000 digits",
    lambda: b"seed = " + b"1" * _MEGABYTE,
    error="SpecError",
)
_add(
    "spec",
    "terabyte",
    "a hole of 1 TB",
    "expected a spec, at most 16777216 bytes",
    _hole(seeds.SPEC_OF_FILES),
    error="SpecError",
)
_add(
    "spec",
    "pattern-of-repeats",
    "more repeats than a pattern can have",
    "label_pattern: expected a regular expression, got 'a{99",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"a{99999999999999999999}"),
    error="SpecError",
)
_add(
    "spec",
    "pattern-of-a-megabyte",
    "a pattern for which seconds are needed",
    "label_pattern: expected a regular expression, got 'xxx.{1,1600}$",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"x" * 900_000),
    error="SpecError",
)
_add(
    "spec",
    "pattern-nested",
    "groups nested 3000 deep",
    "label_pattern: expected a regular expression, got '",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"(" * 3000 + b")" * 3000),
    error="SpecError",
)
_add(
    "spec",
    "pattern-that-may-change",
    "a pattern of which Python warns",
    "",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"[[a]sz"),
    error="",
)
_add(
    "spec",
    "many-keys",
    "100 000 unknown keys",
    "unknown key 'k0', 'k1', .{1,900}$",
    lambda: seeds.SPEC_OF_FILES + b"".join(b"k%d = 1\n" % i for i in range(20_000)),
    error="SpecError",
)
_add(
    "spec",
    "saved-deep",
    "tables nested 5000 deep in the digests of a fixture",
    "is not TOML: maximum recursion depth exceeded",
    _put(seeds.SAVED_SPEC, b"[fixture]", b"fixture = " + b"{a=" * 5000),
    error="SpecError",
)
_add(
    "spec",
    "saved-terabyte",
    "a hole of 1 TB",
    "expected a spec, at most 16777216 bytes",
    _hole(seeds.SAVED_SPEC),
    error="SpecError",
)
_add(
    "spec",
    "saved-digits",
    "a recording of a number of bytes that has a million digits",
    "keys of at most 16 parts and numbers of at most 1000 digits",
    _put(seeds.SAVED_SPEC, b"42399744", b"1" * _MEGABYTE),
    error="SpecError",
)
_add(
    "spec",
    "saved-exabyte",
    "a recording of an exabyte",
    r"recordings\[0\]\.size: expected an integer in \[1, 281474976710656\], got 1",
    _put(seeds.SAVED_SPEC, b"42399744", b"1" + b"0" * 18),
    error="SpecError",
)
_add(
    "spec",
    "saved-backwards",
    "bytes that end before they begin",
    r"recordings\[0\]\.read\[0\]\.stop: expected an integer in \[6145, .* got 6143",
    _put(seeds.SAVED_SPEC, b"stop = 18000", b"stop = 6143"),
    error="SpecError",
)
_add(
    "spec",
    "saved-many-ranges",
    "20 000 times the same bytes",
    r"recordings\[0\]\.read: expected each range once, got '1-2 20000 times'",
    _put(
        seeds.SAVED_SPEC,
        b"read = [\n",
        b"read = [\n"
        + b'{start = 1, stop = 2, sha256 = "%s"},' % (b"ab" * 32) * 20_000,
    ),
    error="SpecError",
)
_add(
    "spec",
    "saved-file-above-the-root",
    "an annotation file that is not in the corpus",
    r"sha256: expected names of files .* got '\.\./chb01-summary\.txt'",
    _put(seeds.SAVED_SPEC, b'"chb01/chb01-summary', b'"../chb01-summary'),
    error="SpecError",
)
