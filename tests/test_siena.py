"""Siena: lists by the clock with all their irregularities, witnesses, whole builds."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.signal import resample_poly
from support.searched import Searched, search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.siena.corpus import SienaCorpus
from bgb_fixtures.corpora.siena.lists import parse_seizure_list
from bgb_fixtures.corpora.siena.subjects import SubjectInfo, parse_subject_info
from bgb_fixtures.edf.writer import EdfChannel, write_edf
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES, resolve_montage
from bgb_fixtures.errors import AnnotationError, ChannelNotFoundError, SourceError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

# fmt: off
# The order of the files of the database, which call two channels of the heart '1', '2'.
LABELS = (
    "EEG Fp1", "EEG F3", "EEG C3", "EEG P3", "EEG O1", "EEG F7", "EEG T3", "EEG T5",
    "EEG Fc1", "EEG F9", "EEG Fz", "EEG CZ", "EEG Pz", "EEG FP2", "EEG F4", "EEG C4",
    "EEG P4", "EEG O2", "EEG F8", "EEG T4", "EEG T6", "EKG EKG", "SPO2", "HR", "1", "2",
    "MK",
)
# Where each row of 10-20 lies in that order; written by hand.
ROWS = (0, 1, 2, 3, 5, 6, 7, 4, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 17)
# The lists have a '1' for O1, blanks, and a line end of another kind.
CHANNELS = (
    "Fp1      \r", "F3", "C3", "P3", "1      \r", "F7", "T3", "T5", "Fc1", "F9", "Fz",
    "Cz", "Pz", "Fp2", "F4", "C4", "P4", "O2", "F8", "T4", "T6", "EKG 1    \r", "EKG 2",
)
# fmt: on
DAY = ("10.00.00", "10.02.00")
INFO_HEAD = (
    "patient_id, age_years, gender, seizure, localization, lateralization, "
    "eeg_channel, number_seizures, rec_time_minutes"
)


def seizure(
    name: str | None,
    start: str = "10.00.20",
    end: str = "10.00.40",
    *,
    registration: tuple[str, str] | None = DAY,
    heading: str = "Seizure n 1",
) -> str:
    lines = [heading]
    if name is not None:
        lines.append(f"File name: {name}")
    if registration is not None:
        lines += [
            f"Registration start time: {registration[0]}",
            f"Registration end time:  {registration[1]}",
        ]
    lines += [f"Seizure start time: {start}", f"Seizure end time: {end}"]
    return "\n".join(lines) + "\n\n"


def write_list(
    folder: Path,
    *blocks: str,
    patient: str = "PN00",
    channels: tuple[str, ...] = CHANNELS,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"Seizures-list-{patient}.txt"
    head = f"{patient}\n\nData Sampling Rate: 512 Hz\n\nChannels in EDF files:\n"
    # In the database the numbers have gaps.
    head += "".join(f"Channel {2 * n}: {name}\n" for n, name in enumerate(channels, 1))
    path.write_bytes((head + "\n" + "".join(blocks)).encode("latin-1"))
    return path


def write_info(root: Path, *rows: str) -> Path:
    path = root / "subject_info.csv"
    path.write_text("\n".join((INFO_HEAD, *rows, "")), encoding="ascii")
    return path


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def times_of(path: Path, name: str) -> tuple[tuple[int, int], ...]:
    """Return the seizures that a list gives for one file."""
    entry = parse_seizure_list(path).entries[name]
    if isinstance(entry, AnnotationError):
        raise entry
    return entry.seizures


# Times by the clock


@pytest.mark.parametrize(
    ("registration", "start", "end", "expected"),
    [
        pytest.param(
            ("19.39.33", "20.22.58"), "19.58.36", "19.59.46", (1143, 1213), id="plain"
        ),
        pytest.param(
            ("15.51.31", "19.00.00"), "16:13.23", "16:14:26", (1312, 1375), id="colons"
        ),
        pytest.param(
            ("9.39.33", "9.50.00"), "9.40.33", "9.41.33", (60, 120), id="one-digit"
        ),
        pytest.param(
            ("21.11.29", "00.41.49"), "23.39.09", "23.40.18", (8860, 8929),
            id="registration-past-midnight",
        ),
        pytest.param(
            ("23.00.00", "00.30.00"), "23.59.30", "00.00.45", (3570, 3645),
            id="seizure-and-registration-past-midnight",
        ),
        pytest.param(
            ("19.00.44", "08.29.41"), "07.53.17", "07.54.31", (46353, 46427),
            id="seizure-next-morning",
        ),
        pytest.param(
            ("23.00.00", "00.00.00"), "23.59.00", "00.00.00", (3540, 3600),
            id="both-end-at-midnight",
        ),
        pytest.param(DAY, "10.00.00", "10.02.00", (0, 120), id="all-of-it"),
    ],
)  # fmt: skip
def test_seizures_lie_where_the_clock_says(
    tmp_path: Path,
    registration: tuple[str, str],
    start: str,
    end: str,
    expected: tuple[int, int],
) -> None:
    path = write_list(
        tmp_path, seizure("PN00-1.edf", start, end, registration=registration)
    )
    assert times_of(path, "PN00-1.edf") == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            seizure("PN00-1.edf", heading="Seizure n 2 (in sleep):"), id="in-sleep"
        ),
        pytest.param(seizure("PN00-1.edf", heading="Seizure n1 "), id="no-blank"),
        pytest.param(
            seizure("PN00-1.edf").replace(": ", ":").replace("\n", " \r\n"),
            id="no-blank-behind-colons",
        ),
        pytest.param(
            seizure("PN00-1.edf").replace("Seizure start", "Start").replace(
                "Seizure end", "End"
            ),
            id="start-time-alone",
        ),
        pytest.param(
            seizure("PN00-1.edf").replace("time:", "time :").upper().replace(
                "PN00-1.EDF", "PN00-1.edf"
            ),
            id="case",
        ),
        pytest.param(
            seizure("PN00-1.edf") + "Perch\xe9 no? Fp1, F7\n Zone of onset: T3\nEnd of list\n",
            id="other-lines",
        ),
    ],
)  # fmt: skip
def test_lines_of_every_kind_are_read(tmp_path: Path, text: str) -> None:
    assert times_of(write_list(tmp_path, text), "PN00-1.edf") == ((20, 40),)


def test_two_seizures_share_a_file_named_before_the_first(tmp_path: Path) -> None:
    # As in PN01.
    head = (
        "File name: PN00-1.edf\nRegistration start time: 10.00.00\n"
        "Registration end time: 10.02.00\n\n"
    )
    first = seizure(None, registration=None)
    second = seizure(None, "10.01.00", "10.01.30", registration=None)
    path = write_list(tmp_path, head, first, second)
    assert times_of(path, "PN00-1.edf") == ((20, 40), (60, 90))
    assert parse_seizure_list(path).n_seizures == 2


def test_second_seizure_of_a_file_may_leave_the_registration_out(
    tmp_path: Path,
) -> None:
    # As in PN12.
    path = write_list(
        tmp_path,
        seizure("PN00-1.2.edf"),
        seizure("PN00-1.2.edf", "10.01.00", "10.01.30", registration=None),
        seizure(
            "PN00-3.edf",
            "12.00.20",
            "12.00.30",
            registration=("12.00.00", "12.01.00"),
        ),
    )
    assert times_of(path, "PN00-1.2.edf") == ((20, 40), (60, 90))
    assert times_of(path, "PN00-3.edf") == ((20, 30),)


def test_time_that_is_torn_apart_counts_if_another_line_says_it(
    tmp_path: Path,
) -> None:
    # As in PN10, where '1 6.49.25' stands once and '16.49.25' twice.
    torn = seizure(
        "PN10-7.8.9.edf", "17.35.13", "17.36.01", registration=("1 6.49.25", "20.59.16")
    )
    whole = seizure(
        "PN10-7.8.9.edf", "18.20.24", "18.20.42", registration=("16.49.25", "20.59.16")
    )
    path = write_list(tmp_path, torn, whole, patient="PN10")
    assert times_of(path, "PN10-7.8.9.edf") == ((2748, 2796), (5459, 5477))


def test_time_that_is_torn_apart_is_refused_if_nothing_confirms_it(
    tmp_path: Path,
) -> None:
    torn = seizure("PN10-1.edf", registration=("1 0.00.00", "10.02.00"))
    path = write_list(tmp_path, torn, patient="PN10")
    message = r"registration start: expected a clock time .* got '1 0\.00\.00'"
    with pytest.raises(AnnotationError, match=message):
        times_of(path, "PN10-1.edf")


# What is not certain

# write_list writes 29 lines: heading, name, registration and seizure are in 30 to 35.
ONE = seizure("PN00-1.edf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            seizure(
                "PN00-1.edf", "18.28.29", "19.29.29",
                registration=("18.15.44", "18.57.13"),
            ),
            r"line 35: seizure ends at 19\.29\.29; expected within the registration "
            r"from 18\.15\.44 to 18\.57\.13\. If you know the right value, correct "
            "your copy of the list; otherwise exclude",
            id="an-hour-late-as-PN00-3",
        ),
        pytest.param(
            seizure("PN00-1.edf", "09.59.59", "10.00.40"),
            r"line 34: seizure starts at 09\.59\.59; expected within the registration",
            id="before-the-registration",
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.00.40", "10.00.20"),
            r"line 35: seizure ends at 10\.00\.20; expected after its start, 10\.00\.40",
            id="end-before-start",
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.00.20", "10.00.20"),
            "line 35: seizure ends at .* expected after its start",
            id="no-time-passes",
        ),
        pytest.param(
            seizure(
                "PN00-1.edf", "10.30.00", "11.30.10",
                registration=("10.00.00", "12.00.00"),
            ),
            r"line 35: seizure lasts 3610 s, from 10\.30\.00 to 11\.30\.10; expected at "
            "most 1800 s, so an hour may be mistyped",
            id="an-hour-long-inside",
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.00.20", "10.00.40 opure 10.00.30"),
            r"line 35: end of a seizure: expected one clock time .* got '10\.00\.40 opure",
            id="two-ends-as-PN10-2",
        ),
        pytest.param(
            seizure(
                "PN00-1.edf",
                "10.00.20 (CLINICAL ONSET); 10.00.26 (ELECTRIC ONSET)",
            ),
            r"line 34: start of a seizure: expected one .* got '10\.00\.20 \(CLINICAL",
            id="two-onsets-as-PN10-3",
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.00.20 (CLINICAL ONSET)"),
            "line 34: start of a seizure: expected one clock time",
            id="clinical-onset-alone-as-PN10-4.5.6",
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.0 0.20"),
            r"line 34: start of a seizure: .* got '10\.0 0\.20'",
            id="torn-apart",
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.00.60"),
            r"line 34: start of a seizure: .* got '10\.00\.60'",
            id="sixty-seconds",
        ),
        pytest.param(
            seizure("PN00-1.edf", "24.00.20"), "got '24.00.20'", id="hour-24"
        ),
        pytest.param(
            seizure("PN00-1.edf", "10.60.20"), "got '10.60.20'", id="sixty-minutes"
        ),
        pytest.param(
            seizure("PN00-1.edf", ""), "line 34: start of a seizure: .* got ''", id="-"
        ),
        pytest.param(
            ONE.replace("Seizure end time: 10.00.40\n", ""),
            "line 30: the seizure lacks its end time",
            id="no-end",
        ),
        pytest.param(
            ONE + "Seizure end time: 10.00.50\n",
            r"line 37: second end time of one seizure: '10\.00\.50'",
            id="second-end",
        ),
        pytest.param(
            ONE.replace("Seizure end time", "Seizure ends"),
            r"line 35: cannot be understood: 'Seizure ends: 10\.00\.40'; expected for",
            id="unknown-line",
        ),
        pytest.param(
            ONE.replace("Registration end time:  10.02.00\n", ""),
            "line 30: 'PN00-1.edf' lacks 'Registration end time:'",
            id="no-end-of-registration",
        ),
        pytest.param(
            seizure("PN00-1.edf", registration=("10.00.00", "10.00.00")),
            "line 33: expected some time to pass in the registration from",
            id="empty-registration",
        ),
        pytest.param(
            seizure("PN00-1.edf", registration=("10.00.00", "?")),
            r"line 33: registration end: expected a clock time .* got '\?'",
            id="no-clock",
        ),
        pytest.param(
            ONE
            + seizure(
                "PN00-1.edf", "10.01.00", "10.01.10",
                registration=("10.00.10", "10.02.00"),
            ),
            r"line 39: registration start of 'PN00-1\.edf': expected 10\.00\.00 as in "
            r"another line, got '10\.00\.10'",
            id="two-registrations",
        ),
        pytest.param(
            ONE + seizure("PN00-1.edf", "10.00.30", "10.01.00"),
            r"line 41: seizure starts at 10\.00\.30, before the one listed above it ends",
            id="overlap",
        ),
        pytest.param(ONE + ONE, "before the one listed above it ends", id="twice"),
    ],
)  # fmt: skip
def test_a_recording_that_is_not_certain_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write_list(tmp_path, text)
    with pytest.raises(AnnotationError, match=rf"list-PN00\.txt'.*{message}"):
        times_of(path, "PN00-1.edf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "", "expected the list of a patient of Siena, .* none", id="empty"
        ),
        pytest.param(
            ONE + seizure(None),
            "line 37: names no file, so the recording of this seizure is unknown",
            id="no-file",
        ),
        pytest.param(
            seizure("PN01-1.edf"),
            "line 31: expected the name of an EDF file of PN00, got 'PN01-1.edf'",
            id="of-another-patient",
        ),
        pytest.param(
            seizure("../PN00-1.edf"),
            r"line 31: expected the name of an EDF file of PN00, got '\.\./PN00-1",
            id="path",
        ),
        pytest.param(
            ONE + "File name: PN00-2.edf\n",
            "line 37: expected the name of one file, got 'PN00-1.edf', 'PN00-2.edf'",
            id="two-files",
        ),
    ],
)
def test_a_list_that_leaves_open_whose_seizures_it_tells_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(AnnotationError, match=message):
        parse_seizure_list(write_list(tmp_path, text))


# Names of files


@pytest.mark.parametrize(
    ("patient", "written", "name"),
    [
        pytest.param("PN06", "PNO6-1.edf", "PN06-1.edf", id="letter-o"),
        pytest.param("PN01", "PN01.edf", "PN01-1.edf", id="no-number"),
        pytest.param("PN11", "PN11-.edf", "PN11-1.edf", id="hyphen-without-number"),
    ],
)
def test_slip_in_the_name_of_a_file_is_put_right(
    tmp_path: Path, patient: str, written: str, name: str
) -> None:
    write_list(tmp_path / patient, seizure(written), patient=patient)
    touch(tmp_path / patient, name)
    (recording,) = search(SienaCorpus, tmp_path).recordings()
    assert (recording.name, recording.subject) == (f"{patient}/{name}", patient)


def test_name_without_number_is_no_certain_one_of_two_files(tmp_path: Path) -> None:
    write_list(tmp_path / "PN01", seizure("PN01.edf"), patient="PN01")
    touch(tmp_path / "PN01", "PN01-1.edf", "PN01-2.edf")
    source = search(SienaCorpus, tmp_path)
    with pytest.raises(SourceError, match=r"no usable Siena recording \(1 recording: "):
        source.recordings()
    assert [(p.name, p.problem) for p in source.findings()] == [
        ("PN01/PN01-1.edf", "unannotated"),
        ("PN01/PN01-2.edf", "unannotated"),
        ("PN01/PN01.edf", "no-signal"),
    ]


def test_letter_o_and_zero_in_two_blocks_name_one_file(tmp_path: Path) -> None:
    path = write_list(
        tmp_path,
        seizure("PNO6-1.edf"),
        seizure("PN06-1.edf", "10.01.00", "10.01.30"),
        patient="PN06",
    )
    assert times_of(path, "PN06-1.edf") == ((20, 40), (60, 90))


# subject_info.csv


def test_types_are_those_of_the_patient_and_nothing_else_is_kept(
    tmp_path: Path,
) -> None:
    path = write_info(
        tmp_path,
        "PN00,55,Male,IAS,T,R,29,5,198",
        "PN10,25,Male,FBTC,F,Bilateral,20,10,1002",
        "PN14,49,Male,WIAS,T,L,29,4,1408",
    )
    # sz_foc_ia, sz_foc_f2b and sz_foc_a of SzCORE.
    assert parse_subject_info(path) == {
        "PN00": SubjectInfo(line=2, label="cpsz", n_seizures=5),
        "PN10": SubjectInfo(line=3, label="fnsz", n_seizures=10),
        "PN14": SubjectInfo(line=4, label="spsz", n_seizures=4),
    }


def one_patient(root: Path) -> Path:
    write_list(root / "PN00", seizure("PN00-1.edf"))
    touch(root / "PN00", "PN00-1.edf")
    return root


@pytest.mark.parametrize(
    "below",
    [
        pytest.param("", id="database"),
        pytest.param("PN00", id="patient"),
        pytest.param("PN00/PN00-1.edf", id="one-file"),
    ],
)
def test_type_is_found_from_every_root(tmp_path: Path, below: str) -> None:
    write_info(one_patient(tmp_path), "PN00,55,Male,IAS,T,R,29,1,198")
    (recording,) = search(SienaCorpus, tmp_path / below).recordings()
    assert recording.events == (Event(onset=20.0, duration=20.0, label="cpsz"),)
    assert (recording.duration, recording.split) == (120.0, "train")


def test_without_subject_info_the_type_is_not_known(tmp_path: Path) -> None:
    (recording,) = search(SienaCorpus, one_patient(tmp_path)).recordings()
    assert recording.events == (Event(onset=20.0, duration=20.0, label="seiz"),)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            ["PN00,55,Male,IAS,T,R,29,2,198"],
            r"list-PN00\.txt': lists 1 seizure, but 'subject_info\.csv', line 2, has 2 "
            "for PN00; a seizure may be missing in any recording of it",
            id="one-seizure-more",
        ),
        pytest.param(
            ["PN00,55,Male,XYZ,T,R,29,1,198"],
            r"info\.csv', line 2: seizure: expected one of IAS, WIAS, FBTC, got 'XYZ'",
            id="unknown-type",
        ),
        pytest.param(
            ["PN00,55,Male,IAS,T,R,29"],
            r"info\.csv', line 2: number_seizures: expected a number, got ''",
            id="short-row",
        ),
        pytest.param(
            ["PN00,55,Male,IAS,T,R,29,1,198", "PN00,55,Male,WIAS,T,R,29,1,198"],
            r"info\.csv', line 3: second row for 'PN00'; expected one",
            id="second-row",
        ),
        pytest.param(
            ["PN01,55,Male,IAS,T,R,29,1,198"],
            r"info\.csv': expected a row for PN00, found none",
            id="no-row",
        ),
    ],
)
def test_patient_who_is_not_certain_is_refused(
    tmp_path: Path, rows: list[str], message: str
) -> None:
    write_info(one_patient(tmp_path), *rows)
    with pytest.raises(AnnotationError, match=message):
        search(SienaCorpus, tmp_path, strict=True).recordings()


def test_subject_info_without_its_columns_is_refused(tmp_path: Path) -> None:
    (one_patient(tmp_path) / "subject_info.csv").write_text("a;b\n", encoding="ascii")
    with pytest.raises(
        AnnotationError, match="line 1: expected the columns patient_id"
    ):
        search(SienaCorpus, tmp_path, strict=True).recordings()


def test_message_about_a_row_does_not_tell_of_the_patient(tmp_path: Path) -> None:
    path = write_info(tmp_path, "PN00,55,Male,XYZ,T,R,29,1,198")
    error = parse_subject_info(path)["PN00"]
    assert "55" not in str(error).removeprefix(repr(str(path)))
    assert "Male" not in str(error)


# Recordings


def test_recordings_are_read_from_annotations_alone_and_sorted(tmp_path: Path) -> None:
    # No header could be read from empty files.
    write_list(tmp_path / "PN10", seizure("PN10-10.edf"), patient="PN10")
    write_list(
        tmp_path / "PN00",
        seizure("PN00-2.edf"),
        seizure("PN00-1.edf", registration=("9.00.00", "11.00.00")),
    )
    touch(tmp_path / "PN10", "PN10-10.edf")
    touch(tmp_path / "PN00", "PN00-1.edf", "PN00-2.edf")
    recordings = search(SienaCorpus, tmp_path).recordings()
    assert [(r.name, r.duration, len(r.events)) for r in recordings] == [
        ("PN00/PN00-1.edf", 7200.0, 1),
        ("PN00/PN00-2.edf", 120.0, 1),
        ("PN10/PN10-10.edf", 120.0, 1),
    ]


def test_one_bad_entry_does_not_touch_the_others(tmp_path: Path) -> None:
    write_list(
        tmp_path,
        seizure("PN00-1.edf"),
        seizure("PN00-2.edf", "10.00.40", "10.00.20"),
        seizure("PN00-3.edf").replace("Seizure end", "Seizure ende"),
        seizure("PN00-4.edf"),
    )
    touch(tmp_path, *(f"PN00-{i}.edf" for i in range(1, 5)))
    source = search(SienaCorpus, tmp_path)
    assert [r.name for r in source.recordings()] == [
        "PN00/PN00-1.edf",
        "PN00/PN00-4.edf",
    ]
    assert [(p.name, p.problem) for p in source.problems] == [
        ("PN00/PN00-2.edf", "annotation"),
        ("PN00/PN00-3.edf", "annotation"),
    ]


def test_recording_without_entry_is_unannotated(tmp_path: Path) -> None:
    touch(one_patient(tmp_path) / "PN00", "PN00-9.edf")
    source = search(SienaCorpus, tmp_path)
    source.recordings()
    (problem,) = source.problems
    assert problem.message == (
        "recording 'PN00/PN00-9.edf' has no entry in the seizure list of its patient"
    )


def test_patient_without_a_list_is_unannotated(tmp_path: Path) -> None:
    touch(one_patient(tmp_path) / "PN03", "PN03-1.edf")
    source = search(SienaCorpus, tmp_path)
    source.recordings()
    assert [(p.name, p.problem) for p in source.problems] == [
        ("PN03/PN03-1.edf", "unannotated")
    ]


def test_unreadable_list_is_said_of_each_of_its_recordings(tmp_path: Path) -> None:
    write_list(one_patient(tmp_path) / "PN03", patient="PN03")
    touch(tmp_path / "PN03", "PN03-1.edf", "PN03-2.edf")
    source = search(SienaCorpus, tmp_path)
    assert len(source.recordings()) == 1
    assert [p.name for p in source.problems] == ["PN03/PN03-1.edf", "PN03/PN03-2.edf"]


def test_lists_of_several_patients_may_lie_in_one_folder(tmp_path: Path) -> None:
    write_list(tmp_path, seizure("PN00-1.edf"))
    write_list(tmp_path, seizure("PN03-1.edf"), patient="PN03")
    touch(tmp_path, "PN00-1.edf", "PN03-1.edf")
    source = search(SienaCorpus, tmp_path)
    assert [r.subject for r in source.recordings()] == ["PN00", "PN03"]
    assert source.problems == ()


def test_the_same_recording_in_two_folders_is_not_certain(tmp_path: Path) -> None:
    write_list(one_patient(tmp_path) / "PN00 copy", seizure("PN00-1.edf"))
    touch(tmp_path / "PN00 copy", "PN00-1.edf")
    with pytest.raises(AnnotationError, match=r"'PN00/PN00-1\.edf' is also in another"):
        search(SienaCorpus, tmp_path, strict=True).recordings()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("nowhere", "nowhere': no such folder or file", id="none"),
        pytest.param("empty", r"no Seizures-list-PNxx\.txt found in it or", id="-"),
        pytest.param("RECORDS", "RECORDS': expected a folder of Siena", id="no-edf"),
        pytest.param(
            "a.edf", r"no Seizures-list-PNxx\.txt found in it, so ", id="no-list"
        ),
    ],
)
def test_root_without_annotations_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path, "RECORDS", "a.edf")
    with pytest.raises(SourceError, match=message):
        search(SienaCorpus, tmp_path / name)


def test_licence_lets_fixtures_be_given_to_others_and_says_what_to_cite(
    tmp_path: Path,
) -> None:
    licence = search(SienaCorpus, one_patient(tmp_path)).licence
    assert (licence.name, licence.redistributable) == ("CC-BY-4.0", True)
    assert "https://doi.org/10.13026/5d4a-j060" in licence.attribution
    assert "Processes 8(7), 846" in licence.attribution


@pytest.mark.parametrize("below", ["", "PN00", "PN00/PN00-1.edf"])
def test_names_of_annotation_files_do_not_depend_on_the_root(
    tmp_path: Path, below: str
) -> None:
    write_info(one_patient(tmp_path), "PN00,55,Male,IAS,T,R,29,1,198")
    source = search(SienaCorpus, tmp_path / below)
    (recording,) = source.recordings()
    assert list(source.annotation_digests([recording])) == [
        "PN00/Seizures-list-PN00.txt",
        "subject_info.csv",
    ]


def test_of_recordings_asked_for_by_name_only_their_list_is_read(
    tmp_path: Path,
) -> None:
    one_patient(tmp_path)
    (tmp_path / "PN03" / "Seizures-list-PN03.txt").mkdir(parents=True)
    source = search(SienaCorpus, tmp_path)
    (recording,) = source.named_recordings(["PN00/PN00-1.edf"], sha256={})
    assert recording.name == "PN00/PN00-1.edf"
    assert source.problems == ()


# Signals


def made_digital(seconds: int, n_signals: int) -> npt.NDArray[np.int16]:
    """Slow waves of another rate in each channel, shape (n_signals, 512 * seconds)."""
    times = np.arange(512 * seconds) / 512
    rates = 1 + np.arange(n_signals)[:, None]
    return np.round(900 * np.sin(2 * np.pi * rates * times)).astype(np.int16)


def write_recording(
    path: Path,
    seconds: int,
    *,
    clock: tuple[int, int, int] = (10, 0, 0),
    labels: tuple[str, ...] = LABELS,
) -> None:
    """Write an EDF file at 512 Hz in steps of 1/8 uV, as those of the database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = [
        EdfChannel(label=label, digital=row, sfreq=512)
        for label, row in zip(labels, made_digital(seconds, len(labels)), strict=True)
    ]
    write_edf(path, channels, start=datetime(2016, 1, 1, *clock))  # noqa: DTZ001


def one_recording(root: Path, seconds: int = 120, **options: Any) -> Searched:
    write_list(root / "PN00", seizure("PN00-1.edf"))
    write_recording(root / "PN00" / "PN00-1.edf", seconds, **options)
    return search(SienaCorpus, root)


def test_rows_are_found_by_label_at_512_hz(tmp_path: Path) -> None:
    source = one_recording(tmp_path)
    with source.open(source.recordings()[0], "10-20") as signal:
        assert (signal.sfreq, signal.n_times) == (512.0, 61440)
        obtained = signal.read(1000, 1100)
    digital = made_digital(120, len(LABELS))[list(ROWS), 1000:1100]
    assert np.array_equal(obtained, digital / 8)


def test_channel_1_of_the_list_is_o1_and_that_is_recorded(tmp_path: Path) -> None:
    source = one_recording(tmp_path)
    (recording,) = source.recordings()
    source.open_and_close(recording, "10-20")
    # Channel '1' of the file is another one, of the heart.
    assert source.assumptions(recording) == ("channel '1' of the annotations is 'O1'",)


def test_derivations_from_an_unstated_reference_are_recorded_as_assumed(
    tmp_path: Path,
) -> None:
    source = one_recording(tmp_path)
    (recording,) = source.recordings()
    source.open_and_close(recording, "double-banana")
    assert source.assumptions(recording)[1] == (
        "no reference is named; derivations are differences of channels that are taken "
        "to share one"
    )


def test_slip_in_a_name_is_said_and_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_list(tmp_path / "PN11", seizure("PN11-.edf"), patient="PN11")
    write_recording(tmp_path / "PN11" / "PN11-1.edf", 120)
    source = search(SienaCorpus, tmp_path)
    with caplog.at_level(logging.WARNING):
        (recording,) = source.recordings()
        source.open_and_close(recording, "10-20")
    assert caplog.messages == ["PN11/PN11-1.edf: is called 'PN11-.edf' in the list"]
    assert source.assumptions(recording)[0] == (
        "a slip in the name of the file in the annotations is put right; clock and "
        "length agree"
    )


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(120, id="to-the-second"),
        pytest.param(140, id="20-s-longer-as-in-18-recordings"),
        pytest.param(180, id="a-minute-longer"),
        pytest.param(60, id="a-minute-shorter"),
    ],
)
def test_file_may_be_a_little_longer_or_shorter_than_its_list_says(
    tmp_path: Path, seconds: int
) -> None:
    source = one_recording(tmp_path, seconds)
    with source.open(source.recordings()[0], "10-20") as signal:
        assert signal.n_times == 512 * seconds


@pytest.mark.parametrize(
    ("seconds", "clock", "message"),
    [
        pytest.param(
            120, (10, 0, 10),
            r"line 30: registration starts at 10\.00\.00, but the header of "
            r"'PN00-1\.edf' says '10\.00\.10'; expected the same, .* by clock time",
            id="clock-10-s-off-as-PN05-3",
        ),
        pytest.param(
            120, (13, 0, 0), r"'13\.00\.00'", id="clock-3-h-off-as-PN14-3"
        ),
        pytest.param(
            181, (10, 0, 0),
            r"line 30: registration lasts 120 s, and 'PN00-1\.edf' holds 181 s; expected "
            "a difference of at most 60 s",
            id="longer",
        ),
        pytest.param(59, (10, 0, 0), "holds 59 s; expected a difference", id="shorter"),
        pytest.param(
            30, (10, 0, 0),
            r"seizure of 'PN00-1\.edf' ends at 40 s, but the file holds 30 s",
            id="cut-off-in-the-seizure",
        ),
    ],
)  # fmt: skip
def test_file_that_contradicts_its_list_is_refused(
    tmp_path: Path, seconds: int, clock: tuple[int, int, int], message: str
) -> None:
    source = one_recording(tmp_path, seconds, clock=clock)
    (recording,) = source.recordings()
    with pytest.raises(AnnotationError, match=message):
        source.open_and_close(recording, "10-20")


def test_channel_that_the_list_leaves_out_is_not_used(tmp_path: Path) -> None:
    channels = tuple(name for name in CHANNELS if name not in ("Fz", "F4"))
    write_list(tmp_path, seizure("PN00-1.edf"), channels=channels)
    write_recording(tmp_path / "PN00-1.edf", 120)
    source = search(SienaCorpus, tmp_path)
    (recording,) = source.recordings()
    with pytest.raises(ChannelNotFoundError, match="the list leaves Fz, F4 out") as e:
        source.open_and_close(recording, "10-20")
    assert e.value.missing == ("Fz", "F4")


def test_list_without_channels_leaves_none_out(tmp_path: Path) -> None:
    write_list(tmp_path, seizure("PN00-1.edf"), channels=())
    write_recording(tmp_path / "PN00-1.edf", 120)
    source = search(SienaCorpus, tmp_path)
    with source.open(source.recordings()[0], "10-20") as signal:
        assert signal.read(0, 1).shape == (19, 1)


# Builds


def build(root: Path, out: Path, **options: Any) -> Path:
    spec = parse_spec({"source": "siena", "window_length": 10.0, **options}, where="t")
    return build_fixture(spec, out, root=root).path


def test_build_at_256_hz_resamples_as_scipy_does(tmp_path: Path) -> None:
    root = tmp_path / "siena"
    one_recording(root)
    write_info(root, "PN00,55,Male,IAS,T,R,29,1,198")
    out = build(root, tmp_path / "out.h5", sfreq=256, per_kind=1)
    # The whole recording, its ends held for longer than the filter reaches.
    whole = made_digital(120, len(LABELS))[list(ROWS)] / 8
    padded = np.pad(whole, ((0, 0), (100, 100)), mode="edge")
    expected = resample_poly(padded, 1, 2, axis=1)[:, 50:-50]
    with load_fixture(out) as fixture:
        assert (fixture.sfreq, fixture.ch_names) == (256.0, MONTAGES["10-20"])
        assert {w.kind for w in fixture.windows} >= {"onset", "offset", "background"}
        for window, signals, labels in zip(
            fixture.windows, fixture.signals, fixture.labels, strict=True
        ):
            start = round(window.onset * 256)
            np.testing.assert_allclose(
                signals, expected[:, start : start + 2560], rtol=0, atol=1e-4
            )
            times = window.onset + np.arange(2560) / 256
            assert np.array_equal(labels, (times >= 20) & (times < 40))
            assert {event.label for event in window.events} <= {"cpsz"}


def test_build_without_a_rate_keeps_512_hz(tmp_path: Path) -> None:
    root = tmp_path / "siena"
    one_recording(root)
    with load_fixture(build(root, tmp_path / "out.h5", per_kind=1)) as fixture:
        assert (fixture.sfreq, fixture.signals.shape[1:]) == (512.0, (19, 5120))
        window, signals = fixture.windows[0], fixture.signals[0]
        start = round(window.onset * 512)
        digital = made_digital(120, len(LABELS))[list(ROWS), start : start + 5120]
        assert np.array_equal(signals, (digital / 8).astype(np.float32))
        licence = fixture.records.licence
        assert (licence["name"], licence["redistributable"]) == ("CC-BY-4.0", True)


def test_build_takes_another_recording_for_one_whose_clock_is_wrong(
    tmp_path: Path,
) -> None:
    root = tmp_path / "siena"
    write_list(root, seizure("PN00-1.edf"), seizure("PN00-2.edf"))
    write_recording(root / "PN00-1.edf", 120, clock=(9, 0, 0))
    write_recording(root / "PN00-2.edf", 120)
    spec = parse_spec({"source": "siena", "window_length": 10.0}, where="t")
    report = build_fixture(spec, tmp_path / "out.h5", root=root)
    (line,) = report.left_out
    assert "the header of 'PN00-1.edf' says '09.00.00'" in line
    assert {window.kind for window in report.windows} >= {"onset", "offset"}


# The real database


@pytest.mark.edf
def test_real_list_of_pn00(shared_data: Path, tmp_path: Path) -> None:
    source_root = shared_data / "siena-format"
    for name in ("PN00/Seizures-list-PN00.txt", "subject_info.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((source_root / name).read_bytes())
    touch(tmp_path / "PN00", *(f"PN00-{i}.edf" for i in range(1, 6)))
    source = search(SienaCorpus, tmp_path)
    assert [
        (r.name[-10:], r.duration, r.events[0].onset, r.events[0].duration)
        for r in source.recordings()
    ] == [
        ("PN00-1.edf", 2605.0, 1143.0, 70.0),
        ("PN00-2.edf", 2282.0, 1220.0, 54.0),
        ("PN00-4.edf", 2082.0, 1006.0, 74.0),
        ("PN00-5.edf", 2123.0, 904.0, 67.0),
    ]
    assert {e.label for r in source.recordings() for e in r.events} == {"cpsz"}
    (problem,) = source.problems
    assert problem.name == "PN00/PN00-3.edf"
    assert "line 58: seizure ends at 19.29.29; expected within" in problem.message
    assert parse_seizure_list(tmp_path / "PN00/Seizures-list-PN00.txt").n_seizures == 5


@pytest.mark.edf
def test_real_table_of_patients_has_47_seizures(shared_data: Path) -> None:
    subjects = parse_subject_info(shared_data / "siena-format" / "subject_info.csv")
    counts = [s.n_seizures for s in subjects.values() if isinstance(s, SubjectInfo)]
    assert (len(counts), sum(counts)) == (14, 47)


@pytest.mark.edf
@pytest.mark.parametrize(
    ("name", "registration", "times"),
    [
        pytest.param(
            "PN00-2.edf", ("02.18.17", "02.18.19"), ("02.18.17", "02.18.18"), id="2"
        ),
        pytest.param(
            "PN00-5.edf", ("22.22.04", "22.22.06"), ("22.22.04", "22.22.05"), id="5"
        ),
    ],
)
def test_real_headers_have_the_clock_of_the_real_list_and_give_every_montage(
    shared_data: Path,
    tmp_path: Path,
    name: str,
    registration: tuple[str, str],
    times: tuple[str, str],
) -> None:
    # The clocks are those of the real list; the noise lasts 2 s.
    real = shared_data / "siena-format" / "PN00"
    write_list(tmp_path, seizure(name, *times, registration=registration))
    (tmp_path / name).write_bytes((real / name).read_bytes())
    source = search(SienaCorpus, tmp_path)
    (recording,) = source.recordings()
    for montage in ("10-20", "szcore-19", "double-banana"):
        with source.open(recording, montage) as signal:
            assert (signal.sfreq, signal.n_times) == (512.0, 1024)
            assert np.isfinite(signal.read(0, 1024)).all()


@pytest.mark.edf
def test_real_file_of_two_seconds_of_noise_is_not_taken_for_its_recording(
    shared_data: Path,
) -> None:
    source = search(SienaCorpus, shared_data / "siena-format")
    recording = next(r for r in source.recordings() if r.name.endswith("PN00-2.edf"))
    with pytest.raises(AnnotationError, match="ends at 1274 s, but the file holds 2 s"):
        source.open_and_close(recording, "10-20")


def test_labels_of_the_files_resolve_without_the_ekg(tmp_path: Path) -> None:
    rows = resolve_montage(LABELS, "10-20", where=str(tmp_path))
    assert tuple(row.plus for row in rows) == tuple((i,) for i in ROWS)
