"""CHB-MIT: summaries with all their irregularities, sidecars, and whole builds."""

from __future__ import annotations

import logging
import struct
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.searched import Searched, search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.chbmit.corpus import ChbmitCorpus
from bgb_fixtures.corpora.chbmit.summary import parse_summary
from bgb_fixtures.corpora.chbmit.wfdb import parse_sidecar
from bgb_fixtures.corpora.opened import OpenRecordings
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import find_montage
from bgb_fixtures.errors import (
    AnnotationError,
    ChannelNotFoundError,
    SourceError,
    SpecError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

HEAD = """\
Data Sampling Rate: 256 Hz
*************************

Channels in EDF Files:
**********************
Channel 1: FP1-F7
Channel 2: -

"""
# The order of the files of the database; T8-P8 is there twice.
# fmt: off
LABELS = (
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1",
    "FP2-F4", "F4-C4", "C4-P4", "P4-O2", "FP2-F8", "F8-T8", "T8-P8", "P8-O2",
    "FZ-CZ", "CZ-PZ", "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8",
)
# chb12_28 and chb12_29: no reference is named, and a zero stands in '01'.
REFERENTIAL = (
    "F7", "T7", "P7", "-", "FP1", "F3", "C3", "P3", "01", "FZ", "CZ", "PZ", "FP2",
    "F4", "C4", "P4", "O2", "F8", "T8", "P8",
)
# fmt: on
# Where each row of double-banana lies in that order; written by hand.
BANANA = (0, 1, 2, 3, 12, 13, 14, 15, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17)


def entry(
    name: str,
    *seizures: tuple[object, object],
    clock: tuple[str, str] | None = None,
    count: int | None = None,
) -> str:
    lines = [f"File Name: {name}"]
    if clock is not None:
        lines += [f"File Start Time: {clock[0]}", f"File End Time: {clock[1]}"]
    lines.append(
        f"Number of Seizures in File: {len(seizures) if count is None else count}"
    )
    for start, end in seizures:
        lines += [
            f"Seizure Start Time: {start} seconds",
            f"Seizure End Time: {end} seconds",
        ]
    return "\n".join(lines) + "\n\n"


def write_summary(folder: Path, *entries: str, case: str = "chb01") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case}-summary.txt"
    path.write_text(HEAD + "".join(entries), encoding="ascii")
    return path


def write_edf(
    path: Path,
    seconds: int,
    *,
    labels: Sequence[str] = LABELS,
    declared: int | None = None,
) -> None:
    """Write an EDF file at 256 Hz; equal labels get equal samples."""
    n_signals = len(labels)
    header = b"0".ljust(168) + b"01.01.85" + b"00.00.00"
    header += str(256 * (n_signals + 1)).encode().ljust(8) + b"".ljust(44)
    header += str(declared or seconds).encode().ljust(8) + b"1".ljust(8)
    header += str(n_signals).encode().ljust(4)
    header += b"".join(label.encode().ljust(16) for label in labels)
    for text, width in (
        ("", 80),
        ("uV", 8),
        ("-800", 8),
        ("800", 8),
        ("-2048", 8),
        ("2047", 8),
        ("", 80),
        ("256", 8),
        ("", 32),
    ):
        header += text.encode().ljust(width) * n_signals
    path.write_bytes(header + made_digital(seconds, labels).tobytes())


def made_digital(seconds: int, labels: Sequence[str]) -> npt.NDArray[np.int16]:
    """Samples of `write_edf`, shape (records, signals, 256).

    Each bipolar channel is the difference of two electrodes, so that chains of them sum
    up to the same on every way; all electrodes are ramps of different steepness.
    """
    times = np.arange(256 * seconds)
    electrodes = sorted({part for label in labels for part in label.split("-")})
    ramps = {
        name: times * (3 * place**2 + 1) % 1501 - 750
        for place, name in enumerate(electrodes)
    }
    ramp = np.empty((len(labels), len(times)), np.int64)
    for row, label in zip(ramp, labels, strict=True):
        first, *second = label.split("-")
        if second and first:
            row[:] = ramps[first] - ramps[second[0]]
        else:
            row[:] = times * (labels.index(label) + 1) % 4001 - 2000
    records = ramp.reshape(len(labels), seconds, 256).swapaxes(0, 1)
    return np.ascontiguousarray(records, dtype="<i2")


def sidecar_bytes(*samples: int, note: bool = True, resolution: int = 256) -> bytes:
    """Write onset, end, onset, end, ... in samples as an annotation file of WFDB."""
    raw = b""
    if note:
        text = f"## time resolution: {resolution}".encode()
        raw += struct.pack("<HH", 22 << 10, (63 << 10) + len(text))
        raw += text + b"\0" * (len(text) % 2)
        # As in the database: back by one sample, and a note at plus one.
        raw += struct.pack("<HHHH", 59 << 10, 0xFFFF, 0xFFFF, 1)
    last = 0
    for i, sample in enumerate(samples):
        step = sample - last
        raw += struct.pack("<HHH", 59 << 10, step >> 16, step & 0xFFFF)
        raw += struct.pack("<H", (32 + i % 2) << 10)
        last = sample
    return raw + b"\0\0"


# Summaries


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            ["Seizure Start Time: 2996 seconds", "Seizure End Time: 3036 seconds"],
            [(2996, 3036)],
            id="unnumbered",
        ),
        pytest.param(
            ["Seizure 1 Start Time: 5 seconds", "Seizure 1 End Time: 6 seconds"],
            [(5, 6)],
            id="one-numbered",
        ),
        pytest.param(
            [
                "Seizure Start Time: 5 seconds",
                "Seizure End Time: 6 seconds",
                "Seizure Start Time: 7 seconds",
                "Seizure End Time: 9 seconds",
            ],
            [(5, 6), (7, 9)],
            id="unnumbered-repeated",
        ),
        pytest.param(
            [
                "Seizure 1 Start Time:  5 seconds",
                "Seizure 1 End Time:   6 seconds",
                "Seizure 2 Start Time:6 seconds",
                "Seizure 2 End Time: 9 seconds",
            ],
            [(5, 6), (6, 9)],
            id="several-blanks-and-touching",
        ),
        pytest.param(
            ["seizure start time: 5 Seconds", "SEIZURE END TIME : 6 second  "],
            [(5, 6)],
            id="case-and-trailing-blanks",
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_seizure_lines_of_every_kind_are_read(
    tmp_path: Path, lines: list[str], expected: list[tuple[int, int]]
) -> None:
    text = "File Name: chb01_03.edf\n"
    text += f"Number of Seizures in File: {len(expected)}\n"
    path = write_summary(tmp_path, text, "\n".join(lines))
    (obtained,) = parse_summary(path)
    assert [(int(a), int(b)) for a, b in obtained.seizures] == expected


def test_names_lists_and_line_ends_of_every_kind_are_read(tmp_path: Path) -> None:
    path = tmp_path / "chb12-summary.txt"
    text = (
        HEAD
        + entry("chb12_06.edf").replace("\n\n", "\n\n\n")
        + "Channels changed:\n*****\nChannel 1: 01\nChannel 2: .\n\n"
        + entry("chb02_16+.edf").replace(".edf\n", ".edf \n")
        + "Channels changed:\nChannel 1: FT9-FT10\n"
        + entry("chb17a_03.edf").strip()
    )
    path.write_bytes(text.replace("\n", "\r\n").encode() + b"\r\n\xe9\xb5")
    names = [found.file_name for found in parse_summary(path)]
    assert names == ["chb12_06.edf", "chb02_16+.edf", "chb17a_03.edf"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("14:32:50", "14:33:40", 50.0, id="plain"),
        pytest.param("00:46:38", "1:46:38", 3600.0, id="one-digit-hour"),
        pytest.param("23:24:44", "24:24:44", 3600.0, id="hours-from-24"),
        pytest.param("23:24:44", "0:24:44", 3600.0, id="past-midnight"),
        pytest.param("25:10:00", "26:10:00", 3600.0, id="both-from-24"),
        pytest.param("14:00:00", "14:00:00", None, id="no-time-passes"),
        pytest.param("14:00:00", "13:00:00", None, id="backwards"),
        pytest.param("14:00:00", "14:61:00", None, id="no-clock-time"),
        pytest.param("14:00:00", "", None, id="blank"),
    ],
)
def test_duration_comes_from_a_clock_that_makes_sense(
    tmp_path: Path, start: str, end: str, expected: float | None
) -> None:
    path = write_summary(tmp_path, entry("chb01_03.edf", clock=(start, end)))
    assert parse_summary(path)[0].duration == expected


def test_entry_without_clock_has_no_duration(tmp_path: Path) -> None:
    path = write_summary(tmp_path, entry("chb24_01.edf", (480, 505)))
    (obtained,) = parse_summary(path)
    assert obtained.duration is None
    assert obtained.seizures == ((Decimal(480), Decimal(505)),)


def test_times_with_decimals_are_exact(tmp_path: Path) -> None:
    write_summary(tmp_path, entry("chb01_03.edf", ("0.1", "36.4")))
    (tmp_path / "chb01_03.edf").touch()
    (recording,) = search(ChbmitCorpus, tmp_path).recordings()
    assert recording.events == (Event(onset=0.1, duration=36.3, label="seiz"),)


CLOCK = ("10:00:00", "10:01:00")
# HEAD has 8 lines: the entry begins in line 9, its clock is in 10 and 11, its count in
# 12, and its seizures follow.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            entry("chb01_03.edf", (5, 6), count=2, clock=CLOCK),
            "line 9: 'chb01_03.edf' declares 2 seizures, but lists start and end times of 1",
            id="count-too-high",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, 6), count=0, clock=CLOCK),
            "line 9: 'chb01_03.edf' declares 0 seizures, but lists start and end times of 1",
            id="count-too-low",
        ),
        pytest.param(
            "File Name: chb01_03.edf\n",
            "line 9: 'chb01_03.edf' lacks 'Number of Seizures in File:'",
            id="no-count",
        ),
        pytest.param(
            entry("chb01_03.edf") + "Number of Seizures in File: 0\n",
            "line 12: second count of seizures for 'chb01_03.edf'",
            id="two-counts",
        ),
        pytest.param(
            entry("chb01_03.edf", (6, 6), clock=CLOCK),
            "line 14: seizure ends at 6 s; expected after its start, 6 s",
            id="empty-seizure",
        ),
        pytest.param(
            entry("chb01_03.edf", (6, 5), clock=CLOCK),
            "line 14: seizure ends at 5 s; expected after its start, 6 s",
            id="end-before-start",
        ),
        pytest.param(
            entry("chb01_03.edf", (-1, 5), clock=CLOCK),
            "line 13: seizure starts at -1 s; expected at least 0 s",
            id="negative-start",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, 61), clock=CLOCK),
            "line 14: seizure ends at 61 s, after 'chb01_03.edf' does: .* duration of 60 s",
            id="behind-the-end",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, 9), (8, 12), clock=CLOCK),
            "line 15: seizure starts at 8 s, before .* ends, at 9 s",
            id="overlap",
        ),
        pytest.param(
            entry("chb01_03.edf", (20, 30), (5, 9), clock=CLOCK),
            "line 15: seizure starts at 5 s, before .* ends, at 30 s",
            id="out-of-order",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, 6), clock=CLOCK).replace("End Time: 6", "End: 6"),
            "line 14: cannot be understood: 'Seizure End: 6 seconds'; expected for",
            id="unknown-seizure-line",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, 6), clock=CLOCK).replace("6 sec", "6 minutes"),
            "line 14: cannot be understood: 'Seizure End Time: 6 minutes",
            id="other-unit",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, "1e3")),
            "line 12: cannot be understood: 'Seizure End Time: 1e3 seconds'",
            id="not-a-plain-number",
        ),
        pytest.param(
            entry("chb01_03.edf") + "Seizure Start Time: 5 seconds\n",
            "line 12: start time of a seizure of 'chb01_03.edf' without the other",
            id="start-alone",
        ),
        pytest.param(
            entry("chb01_03.edf", (5, 6), count=1).replace("Start Time", "End Time"),
            "line 12: expected a start and then an end time .* got end and end time",
            id="two-ends",
        ),
        pytest.param(
            entry("chb01_03.edf") + entry("chb01_03.edf"),
            "line 12: second entry for 'chb01_03.edf'; first in line 9",
            id="entry-twice",
        ),
        pytest.param(
            entry("../chb01_03.edf"),
            r"line 9: expected the name of an EDF file, got '\.\./chb01_03\.edf'",
            id="path-for-a-name",
        ),
        pytest.param(
            "Number of Seizures in File: 1\n" + entry("chb01_03.edf"),
            "line 9: 'Number of Seizures in File: 1' stands before the first",
            id="no-file-yet",
        ),
        pytest.param("", "expected the summary of a CHB-MIT case.*none", id="no-entry"),
    ],
)
def test_summary_that_is_not_certain_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write_summary(tmp_path, text)
    with pytest.raises(AnnotationError, match=rf"chb01-summary\.txt'.*{message}"):
        parse_summary(path)


# Sidecars


def test_sidecar_without_a_note_is_read(tmp_path: Path) -> None:
    # The bytes that wfdb-python writes for 2996-3036 s.
    raw = "00EC 0B00 00B4 0080 00EC 0000 0028 0084 0000"
    path = tmp_path / "chb01_03.edf.seizures"
    path.write_bytes(bytes.fromhex(raw))
    assert parse_sidecar(path) == ((Fraction(2996), Fraction(3036)),)


def test_sidecar_with_a_note_and_two_seizures_is_read(tmp_path: Path) -> None:
    path = tmp_path / "chb01_03.edf.seizures"
    path.write_bytes(sidecar_bytes(256, 512, 70000 * 256, 70010 * 256 + 128))
    assert parse_sidecar(path) == (
        (Fraction(1), Fraction(2)),
        (Fraction(70000), Fraction(140021, 2)),
    )


def test_short_intervals_and_modifiers_are_counted_right(tmp_path: Path) -> None:
    # Onset at 100 (interval in the word), NUM, SUB and CHN (which take no time), a rhythm
    # note of odd length, end at 100 + 156.
    words = [(32, 100), (60, 5), (61, 1), (62, 2), (63, 3)]
    raw = b"".join(struct.pack("<H", (code << 10) + n) for code, n in words)
    raw += b"abc\0" + struct.pack("<HH", (33 << 10) + 156, 0)
    path = tmp_path / "chb01_03.edf.seizures"
    path.write_bytes(raw)
    assert parse_sidecar(path) == ((Fraction(100, 256), Fraction(1)),)


def test_time_resolution_of_a_sidecar_is_used(tmp_path: Path) -> None:
    path = tmp_path / "chb01_03.edf.seizures"
    path.write_bytes(sidecar_bytes(1000, 2000, resolution=500))
    assert parse_sidecar(path) == ((Fraction(2), Fraction(4)),)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"", "byte 0: the file ends before its end mark", id="empty"),
        pytest.param(
            sidecar_bytes(256, 512)[:-4], "ends before its end mark", id="cut-off"
        ),
        pytest.param(
            sidecar_bytes(256, 512)[:-1], "ends before its end mark", id="half-a-word"
        ),
        pytest.param(
            sidecar_bytes(256), "the last seizure has no end", id="without-an-end"
        ),
        pytest.param(
            struct.pack("<HH", 33 << 10, 0),
            "byte 0: start and end of seizures do not take turns",
            id="end-first",
        ),
    ],
)
def test_sidecar_that_is_not_certain_is_refused(
    tmp_path: Path, raw: bytes, message: str
) -> None:
    path = tmp_path / "chb01_03.edf.seizures"
    path.write_bytes(raw)
    with pytest.raises(AnnotationError, match=rf"chb01_03\.edf\.seizures'.*{message}"):
        parse_sidecar(path)


def tree_with_sidecar(root: Path, raw: bytes, *seizures: tuple[object, object]) -> Path:
    write_summary(root, entry("chb01_03.edf", *seizures, clock=CLOCK))
    (root / "chb01_03.edf").touch()
    (root / "chb01_03.edf.seizures").write_bytes(raw)
    return root


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(sidecar_bytes(10 * 256, 50 * 256), id="exactly"),
        pytest.param(
            sidecar_bytes(10 * 256 - 200, 50 * 256 + 255), id="after-rounding"
        ),
    ],
)
def test_sidecar_agrees(tmp_path: Path, raw: bytes) -> None:
    root = tree_with_sidecar(tmp_path, raw, (10, 50))
    (recording,) = search(ChbmitCorpus, root).recordings()
    assert recording.events == (Event(onset=10.0, duration=40.0, label="seiz"),)


@pytest.mark.parametrize(
    ("raw", "seizures", "message"),
    [
        pytest.param(
            sidecar_bytes(11 * 256, 50 * 256),
            [(10, 50)],
            "seizures at 10-50 s, and its sidecar .* has seizures at 11-50 s",
            id="other-time",
        ),
        pytest.param(
            sidecar_bytes(2560, 5120, 10000, 12800),
            [(10, 20)],
            r"seizures at 10-20 s, .* has seizures at 10-20 s, 39\.0625-50 s",
            id="one-more",
        ),
        pytest.param(
            sidecar_bytes(2560, 12800),
            [],
            "no seizures, and its sidecar .* has seizures at 10-50 s",
            id="summary-has-none",
        ),
        pytest.param(
            sidecar_bytes(),
            [(10, 50)],
            "seizures at 10-50 s, and its sidecar .* has no seizures",
            id="sidecar-has-none",
        ),
    ],
)
def test_sidecar_that_disagrees_is_refused(
    tmp_path: Path, raw: bytes, seizures: list[tuple[int, int]], message: str
) -> None:
    root = tree_with_sidecar(tmp_path, raw, *seizures)
    pattern = rf"chb01-summary\.txt', line 9: 'chb01_03\.edf' has .*{message}"
    with pytest.raises(AnnotationError, match=pattern):
        search(ChbmitCorpus, root, strict=True).recordings()
    with pytest.raises(SourceError, match=pattern):
        search(ChbmitCorpus, root).recordings()


# Recordings


def make_tree(root: Path) -> Path:
    """Make a database of two cases and three recordings; the EDF files are empty."""
    write_summary(
        root / "chb21",
        entry("chb21_19.edf", (1288, 1344), clock=("23:30:00", "0:30:00")),
        case="chb21",
    )
    write_summary(
        root / "chb01",
        entry("chb01_03.edf", (10, 50), clock=CLOCK),
        entry("chb01_01.edf", clock=CLOCK),
    )
    for name in ("chb21/chb21_19", "chb01/chb01_03", "chb01/chb01_01"):
        (root / f"{name}.edf").touch()
    return root


def test_recordings_are_read_from_annotations_alone_and_sorted(tmp_path: Path) -> None:
    # No header could be read from empty files.
    recordings = search(ChbmitCorpus, make_tree(tmp_path)).recordings()
    assert [(r.name, r.duration, len(r.events)) for r in recordings] == [
        ("chb01/chb01_01.edf", 60.0, 0),
        ("chb01/chb01_03.edf", 60.0, 1),
        ("chb21/chb21_19.edf", 3600.0, 1),
    ]
    assert {r.split for r in recordings} == {"train"}


def test_chb21_is_the_subject_of_chb01(tmp_path: Path) -> None:
    recordings = search(ChbmitCorpus, make_tree(tmp_path)).recordings()
    assert {r.subject for r in recordings} == {"chb01"}


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        pytest.param("chb01", ["chb01/chb01_01.edf", "chb01/chb01_03.edf"], id="case"),
        pytest.param("chb01/chb01_03.edf", ["chb01/chb01_03.edf"], id="one-file"),
    ],
)
def test_root_may_be_one_case_or_one_file(
    tmp_path: Path, below: str, expected: list[str]
) -> None:
    recordings = search(ChbmitCorpus, make_tree(tmp_path) / below).recordings()
    assert [r.name for r in recordings] == expected


def test_cases_may_share_a_folder(tmp_path: Path) -> None:
    for case in ("chb01", "chb02"):
        text = entry(f"{case}_01.edf")
        (tmp_path / f"{case}-summary.txt").write_text(text, "utf-8")
        (tmp_path / f"{case}_01.edf").touch()
    source = search(ChbmitCorpus, tmp_path)
    names = [recording.name for recording in source.recordings()]
    assert names == ["chb01/chb01_01.edf", "chb02/chb02_01.edf"]
    assert source.problems == ()


def test_unannotated_and_absent_recordings_are_not_offered_but_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_tree(tmp_path)
    (root / "chb01" / "chb01_99.edf").touch()
    (root / "chb01" / "chb01_01.edf").unlink()
    with caplog.at_level(logging.INFO, "bgb_fixtures"):
        recordings = search(ChbmitCorpus, root).recordings()
    assert [r.name for r in recordings] == ["chb01/chb01_03.edf", "chb21/chb21_19.edf"]
    (message,) = caplog.messages
    assert message == (
        "CHB-MIT: 2 recordings can be used; 1 recording: annotated, but its EDF or BDF "
        "file is missing; 1 recording: not annotated, which does not mean seizure-free"
    )


def test_a_case_without_a_summary_is_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_tree(tmp_path)
    (root / "chb05").mkdir()
    with caplog.at_level(logging.INFO, "bgb_fixtures"):
        search(ChbmitCorpus, root)
    assert caplog.messages == ["CHB-MIT: chb05 has no summary, and so no annotations"]


def test_one_unannotated_file_is_refused(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    path = root / "chb01" / "chb01_99.edf"
    path.touch()
    with pytest.raises(
        SourceError, match="not annotated, which does not mean seizure-free"
    ):
        search(ChbmitCorpus, path).recordings()


def test_annotations_without_any_recording_are_refused(tmp_path: Path) -> None:
    write_summary(tmp_path, entry("chb01_01.edf"))
    message = r"has no usable CHB-MIT recording \(1 recording: annotated, but its EDF"
    with pytest.raises(SourceError, match=message):
        search(ChbmitCorpus, tmp_path).recordings()


def test_the_same_recording_in_two_folders_is_not_certain(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write_summary(root / "chb01_copy", entry("chb01_03.edf", (10, 50)))
    (root / "chb01_copy" / "chb01_03.edf").touch()
    source = search(ChbmitCorpus, root)
    names = [recording.name for recording in source.recordings()]
    assert names == ["chb01/chb01_01.edf", "chb21/chb21_19.edf"]
    (problem,) = source.problems
    assert problem.problem == "annotation"
    assert "'chb01/chb01_03.edf' is also in another folder" in problem.message


def test_one_bad_entry_does_not_touch_the_others(tmp_path: Path) -> None:
    write_summary(
        tmp_path,
        entry("chb01_01.edf", (5, 6), clock=CLOCK),
        entry("chb01_02.edf", (6, 5), clock=CLOCK),
        entry("chb01_03.edf", (7, 9), clock=CLOCK).replace("End", "Ende"),
        entry("chb01_04.edf", (9, 12), clock=CLOCK),
        entry("chb01_05.edf"),
        entry("chb01_05.edf", (1, 2)),
    )
    for i in range(1, 6):
        (tmp_path / f"chb01_0{i}.edf").touch()
    source = search(ChbmitCorpus, tmp_path)
    assert [r.name for r in source.recordings()] == [
        "chb01/chb01_01.edf",
        "chb01/chb01_04.edf",
    ]
    bad = [(p.name, p.message.partition(": ")[2]) for p in source.problems]
    assert [name[-6:-4] for name, _ in bad] == ["02", "03", "05"]
    assert bad[0][1] == "seizure ends at 5 s; expected after its start, 6 s"
    assert bad[2][1] == "second entry for 'chb01_05.edf'; first in line 37"


def test_an_unreadable_summary_is_said_of_each_of_its_recordings(
    tmp_path: Path,
) -> None:
    root = make_tree(tmp_path)
    (root / "chb01" / "chb01-summary.txt").write_text("nothing\n", encoding="ascii")
    source = search(ChbmitCorpus, root)
    assert [r.name for r in source.recordings()] == ["chb21/chb21_19.edf"]
    assert [p.name for p in source.problems] == [
        "chb01/chb01_01.edf",
        "chb01/chb01_03.edf",
    ]


def test_recordings_of_a_case_without_a_summary_are_unannotated(
    tmp_path: Path,
) -> None:
    root = make_tree(tmp_path)
    (root / "chb05").mkdir()
    (root / "chb05" / "chb05_13.edf").touch()
    source = search(ChbmitCorpus, root)
    source.recordings()
    assert [(p.name, p.problem) for p in source.problems] == [
        ("chb05/chb05_13.edf", "unannotated")
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("nowhere", "nowhere': no such folder or file", id="none"),
        pytest.param("s3://h/x", "file; a web address begins with https", id="s3"),
        pytest.param("empty", r"no chbNN-summary\.txt found in it or", id="empty"),
        pytest.param("RECORDS", "RECORDS': expected a folder of CHB-MIT", id="no-edf"),
        pytest.param(
            "a.edf", r"no chbNN-summary\.txt found in it, so ", id="no-summary"
        ),
    ],
)
def test_root_without_annotations_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "RECORDS").touch()
    (tmp_path / "a.edf").touch()
    with pytest.raises(SourceError, match=message):
        search(ChbmitCorpus, tmp_path / name)


def test_licence_lets_fixtures_be_given_to_others_and_says_what_to_cite(
    tmp_path: Path,
) -> None:
    licence = search(ChbmitCorpus, make_tree(tmp_path)).licence
    assert licence.name == "ODC-By-1.0"
    assert licence.redistributable
    assert "10.13026/C2K01R" in licence.attribution
    assert "Circulation 101(23), e215-e220" in licence.attribution


# Signals


def one_recording(
    root: Path, seconds: int, *seizures: tuple[int, int], **options: Any
) -> Searched:
    """Make a case of one recording, without clock."""
    write_summary(root, entry("chb01_03.edf", *seizures))
    write_edf(root / "chb01_03.edf", seconds, **options)
    return search(ChbmitCorpus, root)


def test_rows_are_found_by_label(tmp_path: Path) -> None:
    source = one_recording(tmp_path, 2)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        assert (signal.sfreq, signal.n_times) == (256.0, 512)
        obtained = signal.read(200, 300)
    # Steps of 1600/4095 uV from -800 uV at -2048.
    whole = made_digital(2, LABELS).swapaxes(0, 1).reshape(23, 512)
    digital = whole[list(BANANA), 200:300].astype(np.float64)
    expected = (digital + 2048.0) * 1600.0 / 4095.0 - 800.0
    assert np.array_equal(obtained, expected)


def test_electrodes_against_a_reference_are_refused_for_bipolar_files(
    tmp_path: Path,
) -> None:
    source = one_recording(tmp_path, 2)
    (recording,) = source.recordings()
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fp1.* bipolar.*rank 16"):
        source.open_and_close(recording, "10-20")


def test_zero_typed_for_the_letter_o_is_read_as_o1_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = one_recording(tmp_path, 1, labels=REFERENTIAL)
    (recording,) = source.recordings()
    caplog.clear()
    with OpenRecordings(source.corpus) as opened:
        for _ in range(2):
            signal = opened.open(recording).signal(find_montage("double-banana"))
            values = signal.read(0, 2)
    # P3 counts by 8 and '01' by 9 digital steps a sample: row P3-O1 by -1.
    assert values[11, 1] - values[11, 0] == pytest.approx(-1600 / 4095)
    assert caplog.messages == [
        "chb01/chb01_03.edf: channel label '01' read as 'O1' (a slip of this database)"
    ]


def test_derivations_from_an_unstated_reference_are_recorded_as_assumed(
    tmp_path: Path,
) -> None:
    source = one_recording(tmp_path, 1, labels=REFERENTIAL)
    (recording,) = source.recordings()
    source.open_and_close(recording, "double-banana")
    assert source.assumptions(recording) == (
        "label '01' is read as 'O1'",
        (
            "no reference is named; derivations are differences of channels that are "
            "taken to share one"
        ),
    )


def test_derivations_that_the_file_holds_assume_nothing(tmp_path: Path) -> None:
    source = one_recording(tmp_path, 1)
    (recording,) = source.recordings()
    source.open_and_close(recording, "double-banana")
    assert source.assumptions(recording) == ()


def test_seizure_behind_the_end_of_the_file_is_refused(tmp_path: Path) -> None:
    source = one_recording(tmp_path, 20, (10, 21))
    (recording,) = source.recordings()
    message = r"summary\.txt', line 9: seizure of 'chb01_03.edf' ends at 21 s, .* 20 s"
    with pytest.raises(AnnotationError, match=message):
        source.open_and_close(recording, "double-banana")


def test_a_file_shorter_than_its_header_says_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = one_recording(tmp_path, 5, declared=3600)
    (recording,) = source.recordings()
    caplog.clear()
    with OpenRecordings(source.corpus) as opened:
        for _ in range(2):
            opened.open(recording).signal(find_montage("double-banana"))
        assumptions = opened.open(recording).assumptions
    (message,) = caplog.messages
    assert message == (
        "chb01/chb01_03.edf: the header declares 3600 records, but the file holds 5 "
        "complete ones, which count"
    )
    assert assumptions == ("the complete records count, not those of the header",)


def test_derivations_from_a_stated_reference_assume_nothing(tmp_path: Path) -> None:
    # As in chb12_27.
    labels = [name if name == "-" else f"{name}-CS2" for name in REFERENTIAL]
    labels[labels.index("01-CS2")] = "O1-CS2"
    source = one_recording(tmp_path, 1, labels=labels)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        values = signal.read(0, 2)
    assert len(values) == 18
    assert source.assumptions(recording) == ()


def test_dummy_and_extra_channels_of_every_case_are_passed_over(
    tmp_path: Path,
) -> None:
    extras = (
        "-", ".", "-", "ECG", "VNS", "LOC-ROC", "EKG1-CHIN", "C2-CS2", "EKG1-EKG2",
        "LUE-RAE", "FC1-Ref", "CP6-Ref", "PZ-OZ", "--0", "--1",
    )  # fmt: skip
    source = one_recording(tmp_path, 1, labels=(*extras[:5], *LABELS, *extras[5:]))
    # Dummies have no scale: their digital limits are equal.
    path = tmp_path / "chb01_03.edf"
    raw = bytearray(path.read_bytes())
    n_signals = len(LABELS) + len(extras)
    digital_max = 256 + n_signals * (16 + 80 + 8 + 8 + 8 + 8)
    for i in (0, 1, 2):
        raw[digital_max + 8 * i : digital_max + 8 * (i + 1)] = b"-2048   "
    path.write_bytes(raw)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        assert signal.read(0, 9).shape == (18, 9)


def test_the_three_channels_of_ft9_and_ft10_may_be_absent(tmp_path: Path) -> None:
    # As in 31 of the files.
    labels = [label for label in LABELS if "FT" not in label]
    source = one_recording(tmp_path, 1, labels=labels)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        assert signal.read(0, 1).shape == (18, 1)


def test_flat_start_of_digital_zeros_is_half_a_step_above_zero(tmp_path: Path) -> None:
    source = one_recording(tmp_path, 2)
    path = tmp_path / "chb01_03.edf"
    raw = bytearray(path.read_bytes())
    raw[256 * 24 : 256 * 24 + 23 * 512] = bytes(23 * 512)
    path.write_bytes(raw)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        values = signal.read(0, 256)
    # (0 + 2048) * 1600 / 4095 - 800
    assert np.all(values == 0.19536019536019467)


def test_bytes_behind_the_last_record_are_no_samples(tmp_path: Path) -> None:
    # chb17b_69 has 256 of them.
    source = one_recording(tmp_path, 2)
    path = tmp_path / "chb01_03.edf"
    path.write_bytes(path.read_bytes() + bytes(256))
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        assert signal.n_times == 512


def test_entries_may_be_out_of_order(tmp_path: Path) -> None:
    # chb03_24 and chb03_25 are; chb10_89 would start before the file before it ends.
    write_summary(
        tmp_path,
        entry("chb01_25.edf", clock=("11:00:00", "12:00:00")),
        entry("chb01_24.edf", (5, 6), clock=("10:30:00", "11:30:00")),
    )
    for name in ("chb01_24.edf", "chb01_25.edf"):
        (tmp_path / name).touch()
    names = [
        recording.name for recording in search(ChbmitCorpus, tmp_path).recordings()
    ]
    assert names == ["chb01/chb01_24.edf", "chb01/chb01_25.edf"]


@pytest.mark.parametrize("name", ["chb02_16+.edf", "chb17a_03.edf", "chb17c_02.edf"])
def test_odd_file_names_are_recordings(tmp_path: Path, name: str) -> None:
    write_summary(tmp_path, entry(name, (5, 6)), case=name[:5])
    (tmp_path / name).touch()
    (recording,) = search(ChbmitCorpus, tmp_path).recordings()
    assert (recording.subject, len(recording.events)) == (name[:5], 1)


# Builds


def build(root: Path, out: Path, **options: Any) -> Path:
    given = {"source": "chbmit", "montage": "double-banana", "window_length": 10.0}
    spec = parse_spec(given | options, where="test")
    return build_fixture(spec, out, root=root).path


def labels_by_hand(
    onset: float, *seizures: tuple[int, int], seconds: int = 10
) -> npt.NDArray[np.uint8]:
    times = onset + np.arange(seconds * 256) / 256
    labels = np.zeros(len(times), np.uint8)
    for start, end in seizures:
        labels[(times >= start) & (times < end)] = 1
    return labels


def test_two_seizures_end_up_in_the_labels(tmp_path: Path) -> None:
    seizures = ((20, 40), (70, 90))
    one_recording(tmp_path, 120, *seizures)
    with load_fixture(build(tmp_path, tmp_path / "out.h5", per_kind=9)) as fixture:
        onsets = [window.onset for window in fixture.windows]
        assert {15.0, 65.0} <= set(onsets)
        for onset, labels in zip(onsets, fixture.labels, strict=True):
            assert np.array_equal(labels, labels_by_hand(onset, *seizures))


def test_seizure_at_the_very_end_of_the_recording(tmp_path: Path) -> None:
    one_recording(tmp_path, 30, (24, 30))
    with load_fixture(build(tmp_path, tmp_path / "out.h5")) as fixture:
        windows = [w for w in fixture.windows if w.category != "none"]
        assert [(w.onset, w.kind) for w in windows] == [(20.0, "whole")]
        assert windows[0].events == (Event(onset=4.0, duration=6.0, label="seiz"),)
        row = fixture.windows.index(windows[0])
        assert np.array_equal(fixture.labels[row], labels_by_hand(20.0, (24, 30)))


def test_window_at_the_very_start_of_the_recording(tmp_path: Path) -> None:
    one_recording(tmp_path, 40, (3, 38))
    with load_fixture(build(tmp_path, tmp_path / "out.h5")) as fixture:
        window = fixture.windows[0]
        assert (window.onset, window.kind) == (0.0, "onset")
        assert np.array_equal(fixture.labels[0], labels_by_hand(0.0, (3, 38)))
        # Digital -2000 is 48 steps above the minimum.
        assert fixture.signals[0, 0, 0] == np.float32(2048 * 1600 / 4095 - 800)


def test_recording_that_is_exactly_one_window_long(tmp_path: Path) -> None:
    one_recording(tmp_path, 10, (3, 10))
    with load_fixture(build(tmp_path, tmp_path / "out.h5")) as fixture:
        assert [(w.onset, w.category) for w in fixture.windows] == [(0.0, "partial")]
        assert np.array_equal(fixture.labels[0], labels_by_hand(0.0, (3, 10)))


def test_without_any_seizure_no_file_is_written(tmp_path: Path) -> None:
    one_recording(tmp_path, 30)
    with pytest.raises(SpecError, match="no window of 10 s with a seizure"):
        build(tmp_path, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_montage_that_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    one_recording(tmp_path, 30, (10, 20))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ChannelNotFoundError, match="Pass --montage double-banana"):
        build(tmp_path, tmp_path / "out.h5", montage="10-20")
    assert sorted(tmp_path.iterdir()) == before


def test_clock_that_is_too_long_is_corrected_by_the_header(tmp_path: Path) -> None:
    write_summary(tmp_path, entry("chb01_03.edf", (20, 30), clock=CLOCK))
    write_edf(tmp_path / "chb01_03.edf", 32)
    with load_fixture(build(tmp_path, tmp_path / "out.h5")) as fixture:
        assert max(window.onset for window in fixture.windows) <= 22.0


def test_only_chosen_recordings_are_opened_and_only_their_records_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_summary(
        tmp_path,
        entry("chb01_01.edf", (20, 40), clock=CLOCK),
        *(entry(f"chb01_0{i}.edf", clock=CLOCK) for i in range(2, 8)),
    )
    for i in range(1, 8):
        write_edf(tmp_path / f"chb01_0{i}.edf", 60)
    n_read: dict[str, int] = {}
    read = LocalFile.read

    def count(self: LocalFile, start: int, stop: int) -> bytes:
        n_read[self.name] = n_read.get(self.name, 0) + stop - start
        return read(self, start, stop)

    monkeypatch.setattr(LocalFile, "read", count)
    with load_fixture(build(tmp_path, tmp_path / "out.h5", per_kind=1)) as fixture:
        opened = {window.recording for window in fixture.windows}
        onsets = [window.onset for window in fixture.windows]
    assert len(n_read) == len(opened) <= 2
    # The header, 24 x 256 bytes, once. Each record of one second, 23 x 512 bytes, that a
    # window covers: 10, or 11 off the whole second.
    headers = len(opened) * 6144
    records = sum(10 if onset.is_integer() else 11 for onset in onsets)
    assert sum(n_read.values()) == headers + records * 11776


# The real database


@pytest.mark.edf
def test_all_real_summaries_hold_141_seizures_and_sidecars_agree(
    shared_data: Path, tmp_path: Path
) -> None:
    # Declared counts are compared while parsing. Empty files stand for the recordings.
    folder = shared_data / "chbmit-annotations"
    for summary in sorted(folder.glob("chb*/chb*-summary.txt")):
        case = tmp_path / summary.parent.name
        case.mkdir()
        for path in summary.parent.iterdir():
            (case / path.name).write_bytes(path.read_bytes())
        for found in parse_summary(summary):
            (case / found.file_name).touch()
    recordings = search(ChbmitCorpus, tmp_path).recordings()
    assert len(recordings) == 459
    assert sum(len(r.events) for r in recordings) == 141
    assert sum(bool(r.events) for r in recordings) == 99
    assert len({r.subject for r in recordings}) == 14
    # chb24 has no clock.
    assert sum(r.duration is None for r in recordings) == 12
    assert len(list(tmp_path.glob("chb*/*.seizures"))) == 5
    by_name = {r.name: r for r in recordings}
    (event,) = by_name["chb02/chb02_16+.edf"].events
    assert (event.onset, event.duration) == (2972.0, 81.0)
    # One of the lines with two blanks after the colon.
    assert by_name["chb12/chb12_29.edf"].events[4].onset == 1884.0


MINI = {
    "rec-01": ("chb01_03.edf", ((10, 50),)),
    "rec-02": ("chb01_04.edf", ((10, 37),)),
    "rec-03": ("chb01_18.edf", ((99, 99),)),
    "rec-04": ("chb01_21.edf", ((99, 99),)),
}


@pytest.mark.edf
def test_real_windows_hold_the_samples_and_seizures_of_the_database(
    shared_data: Path, tmp_path: Path
) -> None:
    import pyedflib

    root = shared_data / "chbmit-mini"
    with load_fixture(build(root, tmp_path / "real.h5")) as fixture:
        windows, signals, labels = fixture.windows, fixture.signals, fixture.labels
    assert {w.recording for w in windows} == set(MINI)
    assert {"onset", "ictal", "background"} <= {w.kind for w in windows}
    for window, obtained, mask in zip(windows, signals, labels, strict=True):
        name, seizures = MINI[window.recording]
        start = round(window.onset * 256)
        with pyedflib.EdfReader(str(root / "chb01" / name)) as reader:
            digital = [
                reader.readSignal(i, start, 2560, digital=True).astype(np.float64)
                for i in BANANA
            ]
        expected = (np.array(digital) + 2048.0) * 1600.0 / 4095.0 - 800.0
        assert np.array_equal(obtained, expected.astype(np.float32))
        assert np.array_equal(mask, labels_by_hand(window.onset, *seizures))


@pytest.mark.edf
def test_both_chains_of_a_real_hemisphere_sum_to_the_same(
    shared_data: Path, tmp_path: Path
) -> None:
    # Fp1 to O1 over the temple and over the vertex, Fp2 to O2 likewise. Eight roundings
    # and the noise of the amplifiers leave up to 13 steps of 0.39 uV here, while each
    # sum has a standard deviation of 170 to 600 steps: no channel is another one.
    root = shared_data / "chbmit-mini"
    with load_fixture(build(root, tmp_path / "real.h5")) as fixture:
        chains = fixture.signals[:, :16].reshape(-1, 4, 4, 2560).sum(axis=2)
    # Left temple, right temple, left vertex, right vertex.
    assert np.abs(chains[:, :2] - chains[:, 2:]).max() < 20 * 0.3908
    assert chains.std(axis=2).min() > 100 * 0.3908


def test_only_recordings_of_the_fixture_count_in_its_assumptions(
    tmp_path: Path,
) -> None:
    # Without clocks, both headers are read to know how long the recordings are.
    seizures = (entry("chb01_03.edf", (10, 30)), entry("chb01_04.edf", (20, 40)))
    write_summary(tmp_path, *seizures)
    write_edf(tmp_path / "chb01_03.edf", 30, labels=REFERENTIAL)
    write_edf(tmp_path / "chb01_04.edf", 60)

    path = build(tmp_path, tmp_path / "offset.h5", quotas={"offset": 1})
    with load_fixture(path) as fixture:
        assert fixture.records.source == {"name": "chbmit"}

    path = build(tmp_path, tmp_path / "ictal.h5", quotas={"onset": 2})
    with load_fixture(path) as fixture:
        assert fixture.records.source["assumptions"] == [
            "1 recording(s): label '01' is read as 'O1'",
            (
                "1 recording(s): no reference is named; derivations are differences of "
                "channels that are taken to share one"
            ),
        ]
