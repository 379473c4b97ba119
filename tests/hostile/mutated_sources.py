"""Mutations of recordings, annotation files and corpora, as Hypothesis strategies."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from hostile import source_seeds as seeds
from hostile.mutated_containers import change_bytes, places

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "mutated_edf",
    "mutated_folder",
    "mutated_sidecar",
    "mutated_tals",
    "mutated_text",
]

_NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "00",
    "1.",
    ".5",
    "+1",
    "1e3",
    "1E-99",
    "1e99",
    "1e999999",
    "-1e999999",
    "0x10",
    "1_0",
    "nan",
    "inf",
    "-Infinity",
    "1,5",
    "0.0000001",
    "4294967296",
    "9223372036854775808",
    "999999999",
    "9999999999",
    "-999999999",
    "999999999.999999999999",
    "0.000000000001",
]
_FEW = st.sampled_from([1, 1, 2, 4])

# Texts

_TOKENS = [
    *(b"\0", b"\x1b[2J", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\n", b"\t"),
    *(b'"', b"'", b"#", b",", b"=", b":", b"{", b"}", b"[", b"]", b"..", b"/", b"\\"),
    *("\u0663".encode(), "\u00b2".encode(), "\u2028".encode(), "\u017f".encode()),
    *(b"\xc3", b"\xed\xa0\x80", b"a" * 300, b"[" * 3000, b"(" * 3000, b'{"a":' * 3000),
]
_RUNS = [
    *(b" ", b"\t", b"1", b"a", b"[", b"]", b"(", b",", b"=", b":", b"{", b"'", b"_"),
    *(b"1 ", b" 1", b"[]", b"] ", b"1,", b"a ", b"1:'", b"\n", b"0\n", b". ", b"/"),
    *(b"\0", b"\xc2\xa0", b"-", b"1.", b"#\n", b"# "),
]
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")


def _lines(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    for _ in range(draw(st.sampled_from([1, 1, 2, 5]))):
        i, j = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        how = draw(st.sampled_from(["remove", "insert", "swap", "cut", "append"]))
        if how == "remove" and len(lines) > 1:
            del lines[i]
        elif how == "insert":
            lines.insert(i, lines[j])
        elif how == "swap":
            lines[i], lines[j] = lines[j], lines[i]
        elif how == "cut":
            lines[i] = lines[i][: draw(places(len(lines[i]) + 1))]
        else:
            lines[i] += lines[j]
    return b"\n".join(lines)


def _near(draw: st.DrawFn, number: bytes) -> bytes:
    """Draw a number near this one, or at a border."""
    value = float(number) if len(number) < 18 else 0.0
    near = [value + 1, value - 1, -value, value * 1000, value + 1e-9, value / 7]
    if draw(st.booleans()):
        return f"{draw(st.sampled_from(near)):.12g}".encode()
    if draw(st.integers(0, 29)) == 29:
        return b"1" * draw(st.sampled_from([30, 5000, 10**6]))
    return draw(st.sampled_from(_NUMBERS)).encode()


def _numbers(draw: st.DrawFn, data: bytes) -> bytes:
    for _ in range(draw(_FEW)):
        if matches := list(_NUMBER.finditer(data)):
            match = draw(st.sampled_from(matches))
            number = _near(draw, match[0])
            data = data[: match.start()] + number + data[match.end() :]
    return data


def _tokens(draw: st.DrawFn, data: bytes) -> bytes:
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        at = draw(places(len(data) + 1))
        rest = data[at + draw(st.sampled_from([0, 0, 1])) :]
        data = data[:at] + draw(st.sampled_from(_TOKENS)) + rest
    return data


def _encoding(draw: st.DrawFn, data: bytes) -> bytes:
    text = data.decode("latin-1")
    how = draw(st.sampled_from(["bom", "ends", "utf", "case", "digits", "blanks"]))
    if how == "bom":
        return b"\xef\xbb\xbf" + data
    if how == "ends":
        ends = [b"\r\n", b"\r", b"\n\n", b"\0\n"]
        return data.replace(b"\n", draw(st.sampled_from(ends)))
    if how == "utf":
        names = ["utf-16", "utf-32", "utf-16-be", "utf-7"]
        return text.encode(draw(st.sampled_from(names)))
    if how == "case":
        return text.swapcase().encode("latin-1")
    if how == "digits":
        digits = str.maketrans("0123456789", "".join(map(chr, range(0x660, 0x66A))))
        return text.translate(digits).encode()
    blanks = ["\u00a0", "\u3000", "\t", "  ", ""]
    return text.replace(" ", draw(st.sampled_from(blanks))).encode()


def _long(draw: st.DrawFn, data: bytes) -> bytes:
    """Insert a long run of one thing: patterns must not try all ways to match it."""
    run = draw(st.sampled_from(_RUNS))
    size = draw(st.sampled_from([1000, 30_000, 30_000, 30_000, 10**6]))
    at = draw(places(len(data) + 1))
    # After a word or a mark, where a pattern goes on.
    ends = [match.end() for match in re.finditer(rb"[A-Za-z]+|[=:,#{\[]", data)]
    if ends:
        at = draw(st.just(at) | st.sampled_from(ends))
    return data[:at] + run * (size // len(run)) + data[at:]


def _many(draw: st.DrawFn, data: bytes) -> bytes:
    """Repeat some lines of the file, up to 100 kB."""
    lines = data.split(b"\n")
    i = draw(st.integers(0, len(lines) - 1))
    j = i + draw(st.sampled_from([1, 1, 2, 5]))
    end = draw(st.sampled_from([b"\n", b"\n", b" ", b","]))
    piece = b"\n".join(lines[i:j]) + end
    times = draw(st.sampled_from([3, 1000, 100_000])) // len(piece) + 1
    return b"\n".join([*lines[:i], piece * times, *lines[j:]])


_TEXT_KINDS: dict[str, Callable[[st.DrawFn, bytes], bytes]] = {
    "lines": _lines,
    "numbers": _numbers,
    "tokens": _tokens,
    "encoding": _encoding,
    "long": _long,
    "many": _many,
    "bytes": change_bytes,
}


@st.composite
def mutated_text(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw one mutation of a text, or two of different kinds."""
    kind = draw(st.sampled_from(list(_TEXT_KINDS)))
    data = _TEXT_KINDS[kind](draw, good)
    if len(data) < 10**5 and draw(st.integers(0, 3)) == 3:
        more = draw(st.sampled_from([_lines, _numbers, _tokens]))
        data = more(draw, data)
    return kind, data


# EDF and BDF

_FIELD_TEXTS = [
    *_NUMBERS,
    *("", "many", "1 2", "2\0", "\0", "\xb2", "\xffBIOSEMI", "2", "3", "5", "9999"),
    *("99999999", "1e300", "9e99", "9e-99", "1e-9", "0.1", "-0.5", "1000000", "65535"),
    *("-32768", "32767", "32768", "8388607", "-8388608", "EDF+C", "EDF+D", "BDF+D"),
    *("EDF Annotations", "uV", "mV", "V", "\xb5V", "DegC", "EEG Fp1", "Fp1", "\x1b[2J"),
]
_TAL_PIECES = [
    *(b"\0", b"\x14", b"\x15", b"\x14\x14", b"\x14\0", b"+", b"-", b".", b"+1"),
    *(b"+1e5\x14", b"+999999999999\x14a\x14", b"+0." + b"1" * 30 + b"\x14\x14", b"nan"),
    *(b"+1\x15-1\x14a\x14\0", b"+1\x15\x14a\x14\0", b"+\xd9\xa3\x14a\x14\0", b"\xc3"),
    *(b"+1\x150\x14a\x14\0", b"-5\x1510\x14a\x14\0", b"+2\x14\xed\xa0\x80\x14\0"),
    b"1\x14a\x14\0",
]


def _header_size(data: bytes) -> int:
    return 256 * (int(data[252:256]) + 1)


def _field(draw: st.DrawFn, data: bytes) -> bytes:
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        name = draw(st.sampled_from(list(seeds.FIELDS)))
        data = seeds.set_field(data, name, draw(st.sampled_from(_FIELD_TEXTS)))
    return data


def _signal(draw: st.DrawFn, data: bytes) -> bytes:
    n_signals = int(data[252:256])
    for _ in range(draw(_FEW)):
        name = draw(st.sampled_from(list(seeds.SIGNAL_FIELDS)))
        i = draw(st.integers(0, n_signals - 1))
        data = seeds.set_signal(data, i, name, draw(st.sampled_from(_FIELD_TEXTS)))
    return data


def _header(draw: st.DrawFn, data: bytes) -> bytes:
    """Change single bytes of the header."""
    size = _header_size(data)
    return change_bytes(draw, data[:size]).ljust(size)[:size] + data[size:]


def _count(draw: st.DrawFn, data: bytes) -> bytes:
    """Say another number of signals, and a length that fits it."""
    count = draw(st.sampled_from([0, 1, 2, 9, 100, 9998, 9999]))
    size = 256 * (count + 1)
    data = seeds.set_field(data, "number of signals", str(count))
    data = seeds.set_field(data, "header bytes", str(size))
    if draw(st.booleans()):
        text = draw(st.sampled_from([b" ", b"1       ", b"\0", b"EEG Fp1 "]))
        short = max(size - len(data), 0)
        data += (text * (short // len(text) + 1))[:short]
        data += bytes(draw(st.sampled_from([0, 1, 4000])))
    return data


def _size(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut off or add at a border; or after a hole, which takes no room."""
    header = _header_size(data)
    borders = [0, 8, 252, 256, 512, header, header + 2, len(data) - 16, len(data)]
    at = draw(st.sampled_from(borders)) + draw(st.sampled_from([-1, 0, 0, 1]))
    how = draw(st.sampled_from(["cut", "add", "hole", "large"]))
    if how == "cut":
        return data[: max(at, 0)]
    if how == "add":
        return data + draw(st.binary(min_size=1, max_size=8)) * draw(_FEW)
    if how == "hole":
        return seeds.sparse(data, draw(st.sampled_from([2**20, 2**40, 2**40 + 7])))
    i = draw(st.integers(0, int(data[252:256]) - 1))
    text = draw(st.sampled_from(["99999999", "1000000", "40000000"]))
    return seeds.sparse(seeds.set_signal(data, i, "samples per record", text), 2**40)


def _samples(draw: st.DrawFn, data: bytes) -> bytes:
    """Change samples, which no reader may notice."""
    changed = bytearray(data)
    header = _header_size(data)
    for _ in range(draw(st.sampled_from([1, 8, 40]))):
        at = header + draw(places(len(changed) - header))
        changed[at] = draw(st.sampled_from([0, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    return bytes(changed)


def _tal(draw: st.DrawFn, data: bytes) -> bytes:
    """Change what is near the marks of annotations."""
    changed = bytearray(data)
    header = _header_size(data)
    for _ in range(draw(_FEW)):
        marks = [i for i in range(header, len(data)) if data[i] in (0x14, 0x15)]
        near = draw(st.sampled_from(marks or [header])) + draw(st.integers(-4, 3))
        piece = draw(st.sampled_from(_TAL_PIECES))
        at = max(near, header)
        changed[at : at + len(piece)] = piece
    return bytes(changed[: len(data)])


def _long_tal(draw: st.DrawFn, _: bytes) -> bytes:
    """Make room for one long annotation."""
    n_samples = draw(st.sampled_from([3000, 10_000, 100_000]))
    pieces = [b"1", b"\0", b"\x14", b"a\x14", b"+0\x14a\x14\0", b"\x15", b"+1\0"]
    heads = [b"+0\x14\x14\0", b"+0", b"", b"+0\x14", b"+0.", b"-0\x14\x14"]
    piece, head = draw(st.sampled_from(pieces)), draw(st.sampled_from(heads))
    tail = draw(st.sampled_from([b"", b"\x14\x14", b"\x14a\x14\0"]))
    middle = piece * ((2 * n_samples - len(head) - len(tail)) // len(piece))
    return seeds.make_edf(
        [{}, {"label": "EDF Annotations", "samples per record": str(n_samples)}],
        n_records=draw(st.sampled_from([1, 2])),
        tals=[(head + middle + tail)[: 2 * n_samples]] * 2,
        reserved=draw(st.sampled_from(["EDF+C", "EDF+D"])),
    )


_EDF_KINDS: dict[str, Callable[[st.DrawFn, bytes], bytes]] = {
    "field": _field,
    "signal": _signal,
    "header": _header,
    "count": _count,
    "size": _size,
    "samples": _samples,
    "tal": _tal,
    "long-tal": _long_tal,
}


@st.composite
def mutated_edf(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw a mutation of an EDF file."""
    kind = draw(st.sampled_from(list(_EDF_KINDS)))
    return kind, _EDF_KINDS[kind](draw, good)


@st.composite
def mutated_tals(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw a mutation of an EDF+ file, mostly of its annotations."""
    others = ["long-tal", "samples", "signal", "field", "size"]
    kind = draw(st.sampled_from(["tal", "tal", "tal", *others]))
    return kind, _EDF_KINDS[kind](draw, good)


# Other files


@st.composite
def mutated_sidecar(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw a mutation of a file of 16-bit words."""
    kind = draw(st.sampled_from(["words", "bytes", "many"]))
    if kind == "bytes":
        return kind, change_bytes(draw, good)
    words = list(struct.unpack(f"<{len(good) // 2}H", good[: len(good) // 2 * 2]))
    for _ in range(draw(_FEW)):
        code = draw(st.sampled_from([0, 1, 32, 33, 59, 60, 61, 62, 63]))
        at = draw(st.integers(0, len(words)))
        values = [code << 10, (code << 10) + 1023, 0xFFFF, 0x8000, 0, 1]
        words[at : at + draw(st.integers(0, 1))] = [draw(st.sampled_from(values))]
    if kind == "many":
        at = draw(st.integers(0, len(words) - 1))
        words[at:at] = words[at : at + 4] * 20_000
    return kind, struct.pack(f"<{len(words)}H", *words)


@st.composite
def mutated_folder(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw a corpus with one or two files mutated, swapped, lost or emptied."""
    files = seeds.unpack(good)
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        name = draw(st.sampled_from([name for name in files if name != "SOURCE"]))
        how = draw(st.integers(0, 9))
        if how == 0 and len(files) > 2:
            del files[name]
        elif how == 1:
            files[name] = files[draw(st.sampled_from(list(files)))]
        elif how == 2:
            files[name] = draw(st.sampled_from([b"", b"\0", b"x"]))
        elif name.endswith(".edf") and len(files[name]) > 512:
            with suppress(ValueError):
                mutated = draw(mutated_edf(files[name]))[1]
                files[name] = seeds.split_sparse(mutated)[0]
        elif name.endswith(".seizures"):
            files[name] = draw(mutated_sidecar(files[name] or b"\0\0"))[1]
        else:
            files[name] = draw(mutated_text(files[name]))[1]
    return files["SOURCE"].decode(), seeds.pack(files)
