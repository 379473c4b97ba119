"""Recordings, annotations and specs that are refused for one thing each.

What ``tests/test_edf.py``, ``test_edf_source.py``, ``test_chbmit.py``, ``test_siena.py``,
``test_tusz.py``, ``test_bids.py``, ``test_web.py``, ``test_saved_spec.py`` and ``test_spec.py``
hold already is not here again.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hostile import source_seeds as seeds
from hostile.file import TB, add

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _add(
    oracle: str,
    name: str,
    message: str,
    make: Callable[[], bytes],
    *,
    error: str = "AnnotationError",
) -> None:
    def write(path: Path, _: object) -> None:
        path.write_bytes(make())

    add(f"{oracle}-{name}", "", oracle, message, write, error=error)


# EDF: headers


def _add_field(field: str, text: str | bytes, message: str) -> None:
    def make() -> bytes:
        return seeds.set_field(seeds.edf_seeds()[0], field, text)

    name = f"{field}-{text!r}".replace(" ", "-")
    _add("edf", name, f"{field}: {message}", make, error="SourceError")


for _text, _message in (
    ("-1", "expected at least 1, got -1"),
    ("", "expected an integer, got ''"),
    (b"\0\0\0\0", "expected an integer, got ''"),
    ("4.0", r"expected an integer, got '4\.0'"),
    ("\xb2", "expected an integer, got '\xb2'"),
    ("1 1", "expected an integer, got '1 1'"),
):
    _add_field("number of signals", _text, _message)
for _text, _message in (
    ("-1280", "expected 1280 for 4 signals, got -1280"),
    ("99999999", "expected 1280 for 4 signals, got 99999999"),
):
    _add_field("header bytes", _text, _message)
for _text, _message in (
    ("1e300", "expected a decimal number, got '1e300'"),
    ("1,5", "expected a decimal number, got '1,5'"),
    ("0x1", "expected a decimal number, got '0x1'"),
):
    _add_field("record duration", _text, _message)
_add_field("number of records", "1e9", "expected an integer, got '1e9'")


def _cut(stop: int) -> Callable[[], bytes]:
    return lambda: seeds.edf_seeds()[0][:stop]


for _stop, _message in (
    (255, "is not an EDF file: found 255 bytes"),
    (256, "ends inside its header: expected 1280 bytes of header, got 256"),
    (1279, "ends inside its header: expected 1280 bytes of header, got 1279"),
):
    _add("edf", f"cut-{_stop}", _message, _cut(_stop), error="SourceError")
_add("edf", "cut-1280", "", _cut(1280), error="")


def _of_9999() -> bytes:
    data = seeds.set_field(seeds.edf_seeds()[0], "number of signals", "9999")
    return seeds.set_field(data, "header bytes", "2560000")


_add(
    "edf",
    "9999-signals",
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
    "samples per record: expected records of at most 268435456 bytes, got 400000008",
    _large_records,
    error="SourceError",
)
# Windows at both ends and in the middle are read.
_add("edf", "terabyte", "", lambda: seeds.sparse(seeds.edf_seeds()[0], TB), error="")
# Some writers pad with zero bytes.
_add(
    "edf",
    "version-nul",
    "",
    lambda: seeds.set_field(seeds.edf_seeds()[0], "version", b"0\0\0\0\0\0\0\0"),
    error="",
)
_add(
    "edf",
    "many-channels",
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

    _add("edf", name, message, make, error=error or "SourceError")


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
    f"{_PHYSICAL} maximum: expected a value other than the minimum .-800., got "
    "'-8.0e2'",
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
    "reference-of-one", 1, "label", "EEG F3-LE", r"mixes references \('LE', 'REF'\)"
)
_add_signal(
    "rate-of-one",
    3,
    "samples per record",
    "8",
    "signal 4 'EEG P3-REF', samples per record: expected 4 as in 'EEG Fp1-REF', got 8",
)
# Eight characters of it are 0.
_add(
    "edf",
    "no-time",
    "record duration: expected more than 0 s, because there are samples, got '0'",
    lambda: seeds.set_field(seeds.edf_seeds()[4], "record duration", "0.0000000001"),
    error="SourceError",
)


def _twins() -> bytes:
    signals = [{"label": f"EEG {e}-REF"} for e in (*seeds.ELECTRODES, "Fp1")]
    return seeds.make_edf(signals)


_add(
    "edf",
    "twins",
    "signals 1 'EEG Fp1-REF' and 20 'EEG Fp1-REF' .* differ, first at sample 0",
    _twins,
    error="SourceError",
)

# EDF+D: when records start


def _add_onset(name: str, onset: bytes, message: str) -> None:
    def make() -> bytes:
        return seeds.with_onsets(b"+0\x14\x14", onset, reserved="EDF+D")

    _add("window", name, message, make, error="SourceError")


_NO_ONSET = "record 2, 'EDF Annotations': expected the onset of the record"
_add_onset("onset-exponent", b"+1e0\x14\x14", _NO_ONSET)
_add_onset("onset-digits", b"+%s\x14\x14" % (b"1" * 50), _NO_ONSET)
_add_onset("onset-sign", b"1\x14\x14", _NO_ONSET)
_add_onset("onset-arabic", "+\u0661\x14\x14".encode(), _NO_ONSET)
_add_onset("onset-text", b"+1\x14x\x14", _NO_ONSET)
_add_onset(
    "onset-back",
    b"-1\x14\x14",
    r"record 2: starts at -1 s, expected 1 s: this recording \(EDF\+D\) has gaps",
)


def _long_onset() -> bytes:
    stamp = b"+" + b"1" * 5000 + b"\x14\x14"
    return seeds.make_edf(
        [{}, {"label": "EDF Annotations", "samples per record": "3000"}],
        n_records=1,
        tals=[stamp],
        reserved="EDF+D",
    )


# Python turns at most 4300 digits into a number.
_add(
    "window",
    "onset-of-5000-digits",
    "record 1, 'EDF Annotations': expected the onset of the record",
    _long_onset,
    error="SourceError",
)

# Annotations inside EDF+


def _add_tal(
    name: str, tal: bytes, message: str, *, error: str = "AnnotationError"
) -> None:
    def make() -> bytes:
        return seeds.with_onsets(
            b"+0\x14\x14\0", b"+1\x14\x14\0" + tal, b"+2\x14\x14\0"
        )

    _add("tal", name, message, make, error=error)


_NO_TAL = r"record 2, 'EDF Annotations': expected '\+onset"
_add_tal("open", b"+1.5\x151\x14Sz", _NO_TAL)
_add_tal("no-sign", b"1.5\x14Sz\x14\0", _NO_TAL)
_add_tal("exponent", b"+1e5\x14Sz\x14\0", _NO_TAL)
_add_tal("digits", b"+9999999999\x14Sz\x14\0", _NO_TAL)
_add_tal("nan", b"+nan\x14Sz\x14\0", _NO_TAL)
_add_tal("negative", b"+1\x15-1\x14Sz\x14\0", _NO_TAL)
_add_tal("no-duration", b"+1\x15\x14Sz\x14\0", _NO_TAL)
_add_tal("arabic", "+\u0661\x14Sz\x14\0".encode(), _NO_TAL)
_add_tal("text-alone", b"Seizure of somebody\0", _NO_TAL)
_add_tal(
    "before-the-start",
    b"-5\x151\x14Sz\x14\0",
    "line 2: seizure starts at -5 s; expected at least 0 s",
)
_add_tal(
    "no-length",
    b"+1\x150\x14Sz\x14\0",
    "line 2: seizure stops at 1 s; expected after its start, 1 s",
)
_add_tal("bad-utf-8", b"+1\x14\xed\xa0\x80\xff\x14\0", "", error="")
_add_tal("no-text", b"+1\x14\x14\x14\x14\0", "", error="")
_add(
    "tal",
    "terabyte",
    "expected at most 1073741824 bytes of annotations in 10000000 records, got",
    lambda: seeds.sparse(seeds.tal_seeds()[0], TB),
)
_add("tal", "no-record", "", lambda: seeds.tal_seeds()[0][: 256 * 4], error="")

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
    _add(_run, "terabyte", _TOO_LARGE, _hole(_data))
# A number at one place of each table of times.
_PLACES = {
    "csv": (seeds.CSV, b"36.8868,bckg", b"%s,bckg", "line 7: stop_time"),
    "tse": (seeds.TSE, b"36.8868 bckg", b"%s bckg", "line 3: stop"),
    "lbl": (seeds.LBL, b"36.8868, 0, [1", b"%s, 0, [1", "line 9: stop"),
    "tsv": (seeds.TSV, b"40.25", b"%s", "line 2: duration"),
}
_BOMBS = (
    ("exponent", b"1e999999"),
    ("digits", b"9" * _MEGABYTE),
    ("arabic", "\u0663".encode()),
    ("nul", b"3\x006"),
)
for _run, (_data, _old, _new, _where) in _PLACES.items():
    for _name, _number in _BOMBS:
        _message = f"{_where}: expected seconds, got '.{{1,620}}$"
        _add(_run, _name, _message, _put(_data, _old, _new % _number))

# Patterns must not try all ways to match a million blanks.
_add(
    "csv",
    "blanks",
    "",
    _put(seeds.CSV, b"#\n", b"#" + b" " * _MEGABYTE + b"!\n"),
    error="",
)
_add(
    "csv",
    "name-escape",
    r"belongs to another recording: '# bname = \\x1b\[2J'",
    _put(seeds.CSV, b"aaaaaajy_s001_t000", b"\x1b[2J"),
)
_add(
    "csv",
    "no-time",
    r"expected '# duration = 301\.00 secs', got '0\.00 secs'",
    lambda: seeds.CSV.replace(b"301.00", b"0.00").replace(b"fnsz", b"bckg"),
)
_add(
    "summary",
    "overlap-of-a-moment",
    "line 27: seizure starts at 1493.999999999 s, before the one listed above it ends",
    _put(seeds.SUMMARY, b" 1600 ", b" 1493.999999999 "),
)
# Rounding explains 0.01 s.
_add(
    "tsv",
    "moment-after-the-end",
    r"line 3: seizure stops at 3600\.011 s, after the end of the recording: 3600\.00 s",
    _put(seeds.TSV, b"100\t10\t", b"100\t3500.011\t"),
)
_add(
    "csv",
    "long-label",
    "line 8: unknown label 'xxx.{1,700}$",
    _put(seeds.CSV, b"fnsz", b"x" * _MEGABYTE),
)
_add(
    "csv",
    "utf-16",
    "line 1: is not UTF-8 text",
    lambda: seeds.CSV.decode().encode("utf-16"),
)
# Only a line feed ends a line here.
_add(
    "csv",
    "carriage-returns",
    r"line 1: expected '# version = csv_v1\.0\.0', got 'csv_v1\.0\.0\\r# bname",
    lambda: seeds.CSV.replace(b"\n", b"\r"),
)
_add(
    "tse",
    "long-version",
    r"line 1: expected 'version = tse_v1\.0\.0', got 'version = tse.{1,700}$",
    _put(seeds.TSE, b"1.0.0", b"1." * (_MEGABYTE // 2)),
)
_add("tse", "bom", "", lambda: b"\xef\xbb\xbf" + seeds.TSE, error="")
# Python turns at most 4300 digits into a number.
_add(
    "lbl",
    "level-of-5000-digits",
    "line 9: expected {level, sublevel, start, stop, channel,",
    _put(seeds.LBL, b"label = {0", b"label = {" + b"1" * 5000),
)
# These blanks must not reach the message.
_add(
    "lbl",
    "probabilities-of-ideographs",
    r"line 10: expected a probability for each .* got '0\.8,\\u30000\.2, 0\.8'",
    _put(seeds.LBL, b"[0.0, 0.2, 0.8]", "[0.8,\u30000.2, 0.8]".encode()),
)
_add(
    "lbl",
    "level-arabic",
    "line 9: expected {level, sublevel, start, stop, channel,",
    _put(seeds.LBL, b"label = {0", b"label = {" + "\u0660".encode()),
)
# Patterns must not try all ways to match a million brackets.
_add(
    "lbl",
    "brackets",
    r"line 9: cannot be understood: 'label = {\[\[.{1,700}$",
    _put(seeds.LBL, b"label = {", b"label = {" + b"[" * _MEGABYTE),
)
_add(
    "lbl",
    "probabilities",
    "line 9: expected a probability for each of 3 symbols",
    _put(seeds.LBL, b"[1.0", b"[1.0" + b",0" * 300_000),
)
_add(
    "tsv",
    "negative-recording",
    "line 2: recordingDuration: expected more than 0 s, got -3600",
    lambda: seeds.TSV.replace(b"3600.00", b"-3600"),
)
# A million parts of a type come before the unknown type.
_add(
    "tsv",
    "type-of-a-million-parts",
    "line 3: unknown eventType 'x'",
    lambda: seeds.TSV.replace(b"sz_foc_ia", b"sz" + b"_" * _MEGABYTE).replace(
        b"\tsz\t", b"\tx\t"
    ),
)
_add(
    "tsv",
    "type-escape",
    r"line 2: unknown eventType '\\x1b\[2J'",
    _put(seeds.TSV, b"sz_foc_ia", b"\x1b[2J"),
)


def _wide() -> bytes:
    head = b"onset\tduration\teventType" + b"\tx" * 200_000
    return head + b"\n0\t1\tbckg" * 20_000


_add("tsv", "wide", "", _wide, error="")
_add(
    "tsv",
    "rows-of-one-value",
    "line 2: expected an eventType or label, got none",
    lambda: b"onset\tduration\teventType\n" + b"0\n" * 350_000,
)
_add(
    "summary",
    "blanks",
    "line 18: cannot be understood: 'Seizure Start .{1,700}$",
    _put(seeds.SUMMARY, b"Seizure Start ", b"Seizure Start " + b" " * _MEGABYTE + b"!"),
)
_add(
    "summary",
    "digits",
    "line 18: cannot be understood: 'Seizure Start Time: 999.{1,700}$",
    _put(seeds.SUMMARY, b"2996", b"9" * _MEGABYTE),
)
_add(
    "summary",
    "count-of-a-million-digits",
    "line 17: cannot be understood: 'Number of Seizures in File: 111",
    _put(seeds.SUMMARY, b"File: 1\n", b"File: " + b"1" * _MEGABYTE + b"\n"),
)
_add(
    "summary",
    "name-escape",
    r"line 14: expected the name of an EDF file, got 'chb01_03\.edf\\x1b\[2J'",
    _put(seeds.SUMMARY, b"chb01_03.edf", b"chb01_03.edf\x1b[2J"),
)


def _words(*words: int) -> Callable[[], bytes]:
    return lambda: struct.pack(f"<{len(words)}H", *words)


_add(
    "sidecar",
    "text-behind-the-end",
    "byte 4: the file ends before its end mark",
    _words((63 << 10) + 1023, 1),
)
_add(
    "sidecar",
    "half-an-interval",
    "byte 4: the file ends before its end mark",
    _words(59 << 10, 1),
)
_add(
    "sidecar",
    "two-starts",
    "byte 2: start and end of seizures do not take turns",
    _words((32 << 10) + 9, (32 << 10) + 9, 0),
)
# Patterns must not try all ways to match a million blanks.
_add(
    "siena",
    "blanks",
    "line 10: cannot be understood: 'Seizure n .{1,800}$",
    _put(seeds.SIENA, b"Seizure n 1", b"Seizure n" + b" " * _MEGABYTE + b"x"),
)
# Two parts of a pattern match these digits.
_add(
    "siena",
    "digits-in-a-name",
    "line 11: expected the name of an EDF file of PN00, got 'PN1{1,600}",
    _put(seeds.SIENA, b"PN00-1.edf", b"PN" + b"1" * _MEGABYTE + b",1.edf"),
)
_add(
    "siena",
    "long-time",
    "line 14: start of a seizure: expected one clock time .{1,800}$",
    _put(seeds.SIENA, b"19.58.36", b"19.58.36" * (_MEGABYTE // 8)),
)
_add(
    "siena",
    "superscript",
    "line 14: start of a seizure: .* got '\xb29.58.36'",
    _put(seeds.SIENA, b"19.58.36", b"\xb29.58.36"),
)
_add(
    "subjects",
    "digits",
    "line 2: number_seizures: expected a number, got '555.{1,700}$",
    _put(seeds.SUBJECTS, b",5,198", b"," + b"5" * _MEGABYTE + b",198"),
)
_add(
    "licence",
    "deep",
    "is not valid JSON: maximum recursion depth exceeded",
    lambda: b'{"License":' + b"[" * 100_000,
    error="SourceError",
)
_add(
    "licence",
    "digits",
    "is not valid JSON: Exceeds the limit",
    lambda: b'{"License":' + b"1" * _MEGABYTE + b"}",
    error="SourceError",
)
_add("licence", "list", "", lambda: b'["CC0"]', error="")
_add(
    "participants",
    "two-splits",
    "line 1: expected a column split, once",
    _put(seeds.PARTICIPANTS, b"sex", b"split"),
)
_add(
    "participants",
    "wide",
    "",
    lambda: (
        b"participant_id\tsplit"
        + b"\tx" * 200_000
        + b"".join(b"\ns%d\tdev" % i for i in range(20_000))
    ),
    error="",
)

# What says which files and windows: lists of digests, and specs


def _add_digests(name: str, line: bytes, message: str) -> None:
    def make() -> bytes:
        return seeds.DIGESTS + line + b"\n"

    _add("digests", name, f"line 6: {message}", make, error="FetchError")


_DIGEST = b"ab" * 32
_add_digests("deep", _DIGEST + b" " + b"a/" * 17 + b"b", "expected a SHA-256")
_add_digests("long-name", _DIGEST + b" " + b"a" * 1001, "expected a SHA-256")
_add_digests("long-line", b"a" * _MEGABYTE, "expected .* got 'a{100}'")
_add_digests("escape", _DIGEST + b" a\x1b[2J", "expected a SHA-256")
# The separator of lines must not reach the message.
_add(
    "spec",
    "key-of-two-lines",
    r"sha256\.chb01/a\\u2028b\.txt: expected a SHA-256",
    lambda: seeds.SPEC_OF_LISTED + '"chb01/a\u2028b.txt" = "ab"\n'.encode(),
    error="SpecError",
)
# tomllib needs a gigabyte for this key.
_add(
    "spec",
    "long-key",
    "keys of at most 16 parts and numbers of at most 1000 digits",
    lambda: b"a." * 15_000 + b"a = 1\n",
    error="SpecError",
)
_add(
    "spec",
    "deep",
    "is not TOML: maximum recursion depth exceeded",
    lambda: b"montage = " + b"[" * 5000,
    error="SpecError",
)
_add(
    "spec",
    "digits",
    "keys of at most 16 parts and numbers of at most 1000 digits",
    lambda: b"seed = " + b"1" * _MEGABYTE,
    error="SpecError",
)
_add(
    "spec",
    "terabyte",
    "expected a spec, at most 16777216 bytes",
    _hole(seeds.SPEC_OF_FILES),
    error="SpecError",
)
_add(
    "spec",
    "pattern-of-repeats",
    "label_pattern: expected a regular expression, got 'a{99",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"a{99999999999999999999}"),
    error="SpecError",
)
# re needs seconds for this pattern.
_add(
    "spec",
    "pattern-of-a-megabyte",
    "label_pattern: expected a regular expression, got 'xxx.{1,1600}$",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"x" * 900_000),
    error="SpecError",
)
_add(
    "spec",
    "pattern-nested",
    "label_pattern: expected a regular expression, got '",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"(" * 3000 + b")" * 3000),
    error="SpecError",
)
# Python warns of this pattern.
_add(
    "spec",
    "pattern-that-may-change",
    "",
    _put(seeds.SPEC_OF_FILES, b"seizure( [0-9]+)?", b"[[a]sz"),
    error="",
)
_add(
    "spec",
    "many-keys",
    "unknown key 'k0', 'k1', .{1,900}$",
    lambda: seeds.SPEC_OF_FILES + b"".join(b"k%d = 1\n" % i for i in range(20_000)),
    error="SpecError",
)
_add(
    "spec",
    "saved-deep",
    "is not TOML: maximum recursion depth exceeded",
    _put(seeds.SAVED_SPEC, b"[fixture]", b"fixture = " + b"{a=" * 5000),
    error="SpecError",
)
_add(
    "spec",
    "saved-terabyte",
    "expected a spec, at most 16777216 bytes",
    _hole(seeds.SAVED_SPEC),
    error="SpecError",
)
_add(
    "spec",
    "saved-digits",
    "keys of at most 16 parts and numbers of at most 1000 digits",
    _put(seeds.SAVED_SPEC, b"42399744", b"1" * _MEGABYTE),
    error="SpecError",
)
_add(
    "spec",
    "saved-exabyte",
    r"recordings\[0\]\.size: expected an integer from 1 to 281474976710656, got 1",
    _put(seeds.SAVED_SPEC, b"42399744", b"1" + b"0" * 18),
    error="SpecError",
)
_add(
    "spec",
    "saved-backwards",
    r"recordings\[0\]\.read\[0\]\.stop: expected an integer from 6145 to .* got 6143",
    _put(seeds.SAVED_SPEC, b"stop = 18000", b"stop = 6143"),
    error="SpecError",
)
_add(
    "spec",
    "saved-many-ranges",
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
    r"sha256: expected names of files .* got '\.\./chb01-summary\.txt'",
    _put(seeds.SAVED_SPEC, b'"chb01/chb01-summary', b'"../chb01-summary'),
    error="SpecError",
)
