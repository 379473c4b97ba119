"""Tables of events as programs, spreadsheets and experts write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.edf import edf_bytes
from support.requests import load_recorded, recorded
from support.searched import Searched, search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.bids.corpus import BidsCorpus
from bgb_fixtures.corpora.plain.corpus import PlainCorpus
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import AnnotationError, SourceError, SpecError
from bgb_fixtures.request.annotation_rules import AnnotationRules

if TYPE_CHECKING:
    from pathlib import Path

SEIZURE = (Event(onset=20.5, duration=15.25, label="seiz"),)


def recording(path: Path, *, seconds: int = 60) -> Path:
    """Write noise at 64 Hz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    digital = rng.integers(-200, 200, (19, seconds * 64)).astype(np.int16)
    path.write_bytes(edf_bytes(MONTAGES["10-20"], digital, sfreq=64))
    return path


def table(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def seizures(found: Searched) -> dict[str, list[tuple[float, float, str]]]:
    return {
        r.name: [(e.onset, round(e.onset + e.duration, 9), e.label) for e in r.events]
        for r in found.recordings()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    recording(tmp_path / "data" / "a.edf")
    return tmp_path / "data"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("onset,duration,label\n20.5,15.25,sz\n", id="commas"),
        pytest.param("start;end;label\n20,5;35,75;sz\n", id="semicolons"),
        pytest.param("Start\tEnd\tLabel\n20,5\t35,75\tsz\n", id="tabs"),
        pytest.param('start,end,label\n"20,5","35,75",sz\n', id="quotes"),
        pytest.param("\ufeffonset;duration;label\r\n20,5;15,25;sz\r\n", id="bom-crlf"),
        pytest.param("LABEL;Duration;ONSET\nsz;15.25;20.5\n", id="any-case-and-order"),
        pytest.param("start (s);end [s];label\n20,5;35,75;sz\n", id="units"),
        pytest.param("onset,duration,description\n20.5,15.25,sz\n", id="description"),
        pytest.param("start,end,duration,label\n20.5,35.75,15.25,sz\n", id="both"),
        pytest.param(
            "start;end;label;channel;\n\n20,5;35,75;sz;Fp1;;\n;;;\n", id="empty-cells"
        ),
        pytest.param("start_time,stop_time,label\n20.5,35.75,seiz\n", id="tusz-names"),
        pytest.param(
            "onset,duration,eventType,label\n20.5,15.25,sz,left\n", id="standard-first"
        ),
    ],
)
def test_a_csv_beside_a_recording_is_read(root: Path, text: str) -> None:
    table(root / "a.csv", text)
    (found,) = search(PlainCorpus, root).recordings()
    assert found.events == SEIZURE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "start;end;label\n1,234;2,345;sz\n",
            r"line 2: '1,234' may be 1\.234 or 1234; .* --decimal ,",
            id="thousands-or-decimals",
        ),
        pytest.param(
            "start;end;label\n20,5;35.75;sz\n",
            r"line 2: '35\.75' has a decimal point, unlike '20,5' in line 2",
            id="two-marks",
        ),
        pytest.param(
            "start;end;label\n1.234,5;2.000,5;sz\n",
            r"line 2: expected seconds without a separator of thousands, got '1\.234,5'",
            id="thousands",
        ),
        pytest.param(
            "start,end,label\n20,5,35,75,sz\n",
            "line 2: expected 3 values, got 5; a decimal comma needs other separators",
            id="commas-in-commas",
        ),
        pytest.param(
            "start,end,duration,label\n20,35,20,sz\n",
            r"line 2: ends at 35 s, and by its duration at 40 s",
            id="end-and-duration-differ",
        ),
        pytest.param(
            "start,end,label\n20,15,sz\n",
            r"line 2: seizure stops at 15 s; expected after its start, 20 s",
            id="end-is-no-duration",
        ),
        pytest.param(
            "start,end,label,event\n20,35,sz,x\n",
            r"line 1: .* one for the label; got .*--columns label=NAME",
            id="two-labels",
        ),
        pytest.param(
            "Beginn;Ende;Ereignis\n20,5;35,75;sz\n",
            r"line 1: expected the columns .* got 'Beginn', 'Ende', 'Ereignis'\. Name "
            "others with --columns start=NAME,end=NAME,label=NAME",
            id="other-names",
        ),
        pytest.param(
            'start,end,label\n20,35,"sz\n', r"line 2: is not a table: ", id="open-quote"
        ),
        pytest.param(
            "start,end,label\n00:20,00:35,sz\n", "onset: expected", id="clock"
        ),
        pytest.param("start,end,label\n20,35,\n", "line 2: expected an ev", id="label"),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_refused(
    root: Path, text: str, message: str
) -> None:
    table(root / "a.csv", text)
    with pytest.raises(AnnotationError, match=rf"a\.csv', .*{message}"):
        search(PlainCorpus, root, strict=True).recordings()


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        pytest.param("start;end;label\n1,234;2,345;sz\n", {"decimal": ","}, id="asked"),
        # The other number shows what the comma is.
        pytest.param("start;end;label\n1,234;2,3450;sz\n", {}, id="shown"),
        pytest.param("start;end;label\n1.234;2.345;sz\n", {"decimal": "."}, id="point"),
    ],
)
def test_a_decimal_comma_that_is_certain_is_read(
    root: Path, text: str, rules: dict[str, Any]
) -> None:
    table(root / "a.csv", text)
    assert seizures(search(PlainCorpus, root, **rules)) == {
        "a.edf": [(1.234, 2.345, "seiz")]
    }


def test_columns_of_other_names_are_given(root: Path) -> None:
    table(root / "a.csv", "Beginn;Ende;Ereignis\n20,5;35,75;Anfall\n")
    columns = (("end", "Ende"), ("label", "Ereignis"), ("start", "Beginn"))
    found = search(PlainCorpus, root, columns=columns, label_pattern="Anfall")
    assert found.recordings()[0].events == SEIZURE


@pytest.mark.parametrize(
    ("onset", "duration", "expected"),
    [
        pytest.param("20.1", "15.299999999999999", (20.1, 35.4), id="pandas"),
        pytest.param(
            "15.038933333332999", "15", (15.038933333, 30.038933333), id="bids"
        ),
        # 20 s, but for the noise of a binary number: the sample at 20 s is ictal.
        pytest.param("20.000000000000004", "1e1", (20.0, 30.0), id="noise"),
        pytest.param(f"20.{'3' * 60}", "1", (20.333333333, 21.333333333), id="long"),
    ],
)
def test_times_are_read_to_the_nanosecond(
    root: Path, onset: str, duration: str, expected: tuple[float, float]
) -> None:
    table(root / "a.tsv", f"onset\tduration\teventType\n{onset}\t{duration}\tsz\n")
    ((start, stop, _),) = seizures(search(PlainCorpus, root))["a.edf"]
    assert (start, stop) == expected


def test_one_table_may_name_all_recordings(tmp_path: Path) -> None:
    for name in ("p1/a.edf", "p1/b.edf", "p2/c.edf", "p2/d.edf"):
        recording(tmp_path / "data" / name)
    lists = table(
        tmp_path / "lists.csv",
        "file;start;end;label\np1/a.edf;20;35;sz\nb;0;60;bckg\nC:\\eeg\\c.edf;1;2;sz\n"
        "b;5;6;sz\nmissing.edf;3;4;sz\n",
    )
    found = search(PlainCorpus, tmp_path / "data", annotations=lists)
    assert seizures(found) == {
        "p1/a.edf": [(20, 35, "seiz")],
        "p1/b.edf": [(5, 6, "seiz")],
        "p2/c.edf": [(1, 2, "seiz")],
    }
    # A recording that the table does not name is not free of seizures.
    assert {p.name: p.problem for p in found.problems} == {
        "missing.edf": "no-signal",
        "p2/d.edf": "unannotated",
    }


def test_a_pattern_reads_no_annotations_inside_what_a_table_leaves_out(
    tmp_path: Path,
) -> None:
    for name in ("a.edf", "b.edf", "c.edf"):
        recording(tmp_path / "data" / name)
    lists = table(
        tmp_path / "lists.csv",
        "file,start,end,label\na,20,35,seizure\nb,0,60,bckg\n",
    )
    found = search(
        PlainCorpus, tmp_path / "data", annotations=lists, label_pattern="seizure"
    )
    assert seizures(found) == {"a.edf": [(20, 35, "seiz")], "b.edf": []}
    (problem,) = found.problems
    assert (problem.problem, problem.message) == (
        "unannotated",
        f"recording 'c.edf' has no row in {str(lists)!r}",
    )


def test_a_row_of_background_needs_no_end_to_say_that_there_is_no_seizure(
    root: Path,
) -> None:
    lists = table(root.parent / "lists.csv", "file,start,end,label\na,0,,bckg\n")
    found = search(PlainCorpus, root, annotations=lists)
    assert seizures(found) == {"a.edf": []}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "file,onset,duration,label\nb,0,,bckg\na,30,40,sz\n",
            ", line 3: seizure of 'a.edf' ends at 70 s, but the file holds 60 s. "
            "Correct the line (is 40 an end instead of a duration?), fetch",
            id="duration",
        ),
        pytest.param(
            "file,onset,duration,label\na,30,20,sz\na,50,12,sz\n",
            ", line 3: seizure of 'a.edf' ends at 62 s, but the file holds 60 s. "
            "Correct the line, fetch",
            id="no-end",
        ),
        pytest.param(
            "file,start,end,duration,label\na,30,70,n/a,sz\n",
            ", line 2: seizure of 'a.edf' ends at 70 s, but the file holds 60 s. "
            "Correct the line, fetch",
            id="end",
        ),
        pytest.param(
            "file,onset,duration,label\na,30,0,on\na,70,0,off\n",
            ", line 3: seizure of 'a.edf' ends at 70 s, but the file holds 60 s. "
            "Correct the line, fetch",
            id="marks",
        ),
    ],
)
def test_a_seizure_after_the_end_of_its_recording_names_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    recording(tmp_path / "data" / "a.edf")
    lists = table(tmp_path / "long.csv", text)
    marks: Any = {"start_label": "on", "end_label": "off"} if "off" in text else {}
    found = search(PlainCorpus, tmp_path / "data", annotations=lists, **marks)
    (one,) = found.recordings()
    with (
        pytest.raises(AnnotationError) as raised,
        found.open(one, "10-20"),
    ):
        pass
    assert str(raised.value) == (
        f"{str(lists)!r}{problem} the recording again, or exclude it with "
        "--exclude 'a.edf'"
    )


def test_a_file_name_that_two_recordings_have_is_refused(tmp_path: Path) -> None:
    for name in ("p1/a.edf", "p2/a.edf"):
        recording(tmp_path / "data" / name)
    lists = table(tmp_path / "lists.csv", "file,start,end,label\na,20,35,sz\n")
    message = r"lists\.csv', line 2: may be about 'p1/a\.edf' or 'p2/a\.edf': 'a'"
    with pytest.raises(SourceError, match=message):
        search(PlainCorpus, tmp_path / "data", annotations=lists).recordings()


def test_one_table_without_names_is_refused_for_two_recordings(root: Path) -> None:
    recording(root / "b.edf")
    lists = table(root / "lists.csv", "Datei,start,end,label\na,20,35,sz\n")
    with pytest.raises(SourceError, match=r"a column that names the file: --columns"):
        search(PlainCorpus, root, annotations=lists).recordings()
    columns = (("file", "Datei"),)
    found = search(PlainCorpus, root, annotations=lists, columns=columns)
    assert seizures(found) == {"a.edf": [(20, 35, "seiz")]}


def test_both_files_of_tusz_are_one_annotation(root: Path) -> None:
    head = "# version = csv_v1.0.0\nchannel,start_time,stop_time,label,confidence\n"
    table(root / "a.csv", f"{head}FP1-F7,20.5,35.75,fnsz,1\n")
    table(root / "a.csv_bi", f"{head}TERM,20.5,35.75,seiz,1\n")
    assert search(PlainCorpus, root).recordings()[0].events == SEIZURE


# Two marks

MARKS: Any = {"start_label": "Seizure start", "end_label": "Seizure end"}


def test_a_seizure_lies_between_two_marks(root: Path) -> None:
    rows = "20.5,,Seizure start\n35.75,,Seizure end\n40,0,Seizure start\n44,0,Seizure end\n"
    table(root / "a.csv", f"onset,duration,label\n{rows}")
    found = search(PlainCorpus, root, **MARKS)
    assert seizures(found) == {"a.edf": [(20.5, 35.75, "seiz"), (40, 44, "seiz")]}
    assert [
        (one.label, one.meaning, one.n) for one in found.recordings()[0].labels
    ] == [
        ("Seizure end", "end", 2),
        ("Seizure start", "start", 2),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            "20,,Seizure start\n",
            "line 2: 'Seizure start' at 20 s has no end",
            id="open",
        ),
        pytest.param(
            "20,,Seizure end\n",
            "line 2: 'Seizure end' at 20 s ends a seizure that no mark starts",
            id="end-alone",
        ),
        pytest.param(
            "20,,Seizure start\n25,,Seizure start\n30,,Seizure end\n",
            "line 3: 'Seizure start' at 25 s follows 'Seizure start' at 20 s",
            id="two-starts",
        ),
        pytest.param(
            "20,5,Seizure start\n30,,Seizure end\n",
            "line 2: 'Seizure start' at 20 s has a duration",
            id="duration",
        ),
    ],
)
def test_marks_that_do_not_pair_are_refused(
    root: Path, rows: str, message: str
) -> None:
    table(root / "a.csv", f"onset,duration,label\n{rows}")
    with pytest.raises(AnnotationError, match=message):
        search(PlainCorpus, root, strict=True, **MARKS).recordings()


def test_a_seizure_without_an_end_names_the_options(root: Path) -> None:
    table(root / "a.csv", "onset,duration,label\n20,,Beginn\n35,,Ende\n")
    rules: Any = {"label_pattern": "Beginn", "background_pattern": "Ende"}
    with pytest.raises(AnnotationError, match=r"no end.*--start-label and --end-label"):
        search(PlainCorpus, root, strict=True, **rules).recordings()


# A column per recording, a row per second


@pytest.fixture
def helsinki(tmp_path: Path) -> Path:
    """Make two recordings of 60 s, and what three experts say of each second."""
    root = tmp_path / "h"
    for name in ("eeg1.edf", "eeg2.edf"):
        recording(root / name)
    for expert, start in (("A", 20), ("B", 22), ("C", 30)):
        rows = "".join(f"{int(start <= s < 40)},0\n" for s in range(60))
        table(root / f"annotations_2017_{expert}.csv", f"1,2\n{rows}")
    return root


@pytest.mark.parametrize(
    ("per_second", "start"),
    [
        pytest.param("A", 20, id="expert"),
        pytest.param("annotations_2017_C", 30, id="table"),
        pytest.param(1, 20, id="any"),
        pytest.param(2, 22, id="majority"),
        pytest.param(3, 30, id="all"),
    ],
)
def test_seconds_of_experts_become_seizures(
    helsinki: Path, per_second: str | int, start: int
) -> None:
    found = search(PlainCorpus, helsinki, per_second=per_second)
    assert seizures(found) == {"eeg1.edf": [(start, 40, "seiz")], "eeg2.edf": []}


def test_a_fixture_is_built_from_experts_and_from_its_saved_spec(
    helsinki: Path, tmp_path: Path
) -> None:
    request = recorded({"source": "edf", "window_length": 10, "per_second": 2})
    saved = tmp_path / "saved.toml"
    first = build_fixture(request, tmp_path / "1.h5", root=helsinki, save_spec=saved)
    again = build_fixture(load_recorded(saved), tmp_path / "2.h5", root=helsinki)
    assert first.path.read_bytes() == again.path.read_bytes()
    assert {w.kind for w in first.windows} == {"ictal", "background"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            "1,2\n0,0\n2,0\n", "line 3: column '1': expected 0 or 1, got '2'", id="2"
        ),
        pytest.param("1,2\n0,0\n,0\n0,0\n", "line 3: column '1': .* got ''", id="gap"),
        pytest.param(
            "1,2\n0,0\n", "column '1': expected as many seconds in each", id="short"
        ),
    ],
)
def test_seconds_that_are_not_certain_are_refused(
    helsinki: Path, change: str, message: str
) -> None:
    table(helsinki / "annotations_2017_B.csv", change)
    found = search(PlainCorpus, helsinki, per_second=2, strict=True)
    with pytest.raises(AnnotationError, match=message):
        found.recordings()


def test_a_file_longer_than_its_seconds_is_refused(helsinki: Path) -> None:
    recording(helsinki / "eeg1.edf", seconds=90)
    found = search(PlainCorpus, helsinki, per_second="A")
    (first, _) = found.recordings()
    with pytest.raises(SourceError, match=r"has 60 seconds for recording 'eeg1\.edf'"):
        found.open_and_close(first, "10-20")


@pytest.mark.parametrize(
    ("per_second", "message"),
    [
        pytest.param(4, "expected at least 4 tables", id="too-many"),
        pytest.param("D", "expected one table of expert 'D'", id="unknown"),
    ],
)
def test_experts_that_are_not_there_are_refused(
    helsinki: Path, per_second: str | int, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        search(PlainCorpus, helsinki, per_second=per_second).recordings()


# Options and specs

RULES = {
    "start_label": "an",
    "end_label": "ab",
    "columns": {"start": "Beginn", "end": "Ende", "label": "Ereignis"},
    "decimal": ",",
}


def test_every_rule_survives_a_spec() -> None:
    request = recorded({"source": "edf", **RULES})
    assert request.rules == AnnotationRules(
        start_label="an",
        end_label="ab",
        columns=(("end", "Ende"), ("label", "Ereignis"), ("start", "Beginn")),
        decimal=",",
    )


def test_options_say_the_same_as_a_spec(root: Path) -> None:
    table(root / "a.csv", "Beginn;Ende;Ereignis\n20,125;;an\n35,250;;ab\n")
    words = ["scan", "--source", "edf", "--root", str(root), "--json", "--decimal", ","]
    words += ["--columns", "start=Beginn,end=Ende,label=Ereignis"]
    words += ["--start-label", "an", "--end-label", "ab"]
    answer = json.loads(CliRunner().invoke(main, words).stdout)
    assert answer["recordings"][0]["events"] == [
        {"onset": 20.125, "duration": 15.125, "label": "seiz"}
    ]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        pytest.param({"start_label": "a"}, "start_label requires end_label", id="a"),
        pytest.param(
            {"start_label": "a", "end_label": "a"},
            "end_label: expected a label different from",
            id="same",
        ),
        pytest.param(
            {"columns": {"begin": "x"}},
            r"columns: expected .* got \['begin'\]",
            id="role",
        ),
        pytest.param(
            {"columns": {"start": "x", "end": "x"}}, "columns: expected", id="one-twice"
        ),
        pytest.param({"decimal": ";"}, "decimal: expected '.' or ','", id="mark"),
        pytest.param({"per_second": 0}, "per_second: expected the name", id="nobody"),
        pytest.param(
            {"per_second": 1, "label_pattern": "x"},
            "label_pattern cannot be combined with per_second, whose tables",
            id="labels-of-seconds",
        ),
        pytest.param(
            {"ignore_labels": "x"}, "ignore_labels: expected a list", id="text"
        ),
        pytest.param(
            {"source": "bids", "per_second": 1},
            "per_second applies to source edf only; drop it",
            id="bids-seconds",
        ),
        pytest.param(
            {"source": "bids", "columns": {"file": "x"}},
            "columns: BIDS names its files",
            id="bids-file",
        ),
        pytest.param(
            {"source": "tusz", "columns": {"label": "x"}},
            "columns applies to source edf and bids only; drop it",
            id="tusz",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    rules: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=rf"a test[,:] {message}"):
        recorded({"source": "edf", **rules})


# BIDS


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    """Make a data set of two subjects without a table of events."""
    root = tmp_path / "bids"
    for subject in ("sub-1", "sub-2"):
        recording(root / subject / "eeg" / f"{subject}_task-x_eeg.edf")
    table(root / "dataset_description.json", "{}")
    return root


HEAD = "onset\tduration\teventType\n"


def test_a_table_of_events_is_inherited(bids: Path) -> None:
    table(bids / "task-x_events.tsv", f"{HEAD}5\t10\tsz\n")
    table(bids / "sub-2" / "sub-2_task-x_events.tsv", f"{HEAD}0\t60\tbckg\n")
    table(bids / "sub-2" / "sub-2_task-y_events.tsv", f"{HEAD}1\t2\tsz\n")
    found = search(BidsCorpus, bids)
    assert seizures(found) == {
        "sub-1/eeg/sub-1_task-x_eeg.edf": [(5, 15, "seiz")],
        "sub-2/eeg/sub-2_task-x_eeg.edf": [],
    }
    assert [p.name for p in found.problems] == ["sub-2/sub-2_task-y_eeg.edf"]


def test_the_tables_above_a_part_of_a_data_set_are_inherited(bids: Path) -> None:
    table(bids / "events.tsv", f"{HEAD}5\t10\tsz\n")
    assert seizures(search(BidsCorpus, bids / "sub-1")) == {
        "eeg/sub-1_task-x_eeg.edf": [(5, 15, "seiz")]
    }
    path = bids / "sub-2" / "eeg" / "sub-2_task-x_eeg.edf"
    assert seizures(search(BidsCorpus, path)) == {path.name: [(5, 15, "seiz")]}


def test_two_tables_in_one_folder_that_apply_are_refused(bids: Path) -> None:
    table(bids / "task-x_events.tsv", f"{HEAD}5\t10\tsz\n")
    table(bids / "sub-1_events.tsv", f"{HEAD}5\t10\tsz\n")
    message = (
        r"sub-1_task-x_eeg\.edf' inherits 2 tables of events: 'sub-1_events\.tsv', "
    )
    with pytest.raises(AnnotationError, match=message):
        search(BidsCorpus, bids, strict=True).recordings()


def test_other_columns_of_bids_are_given(bids: Path) -> None:
    rows = "onset\tduration\ttrial_type\n5\t10\tseizure\n"
    table(bids / "task-x_events.tsv", rows)
    rules: Any = {"columns": (("label", "trial_type"),), "label_pattern": "seizure"}
    assert len(seizures(search(BidsCorpus, bids, **rules))) == 2


def test_a_check_of_impedances_is_no_seizure(bids: Path) -> None:
    table(bids / "task-x_events.tsv", f"{HEAD}0\t60\tbckg\n5\t3\timpd\n")
    assert set(map(tuple, seizures(search(BidsCorpus, bids)).values())) == {()}


def test_the_refusal_tells_what_events_json_says_of_a_label(bids: Path) -> None:
    table(bids / "task-x_events.tsv", f"{HEAD}5\t3\tphot\n")
    levels = {"eventType": {"Levels": {"phot": "photic stimulation"}}}
    table(bids / "task-x_events.json", json.dumps(levels))
    message = "events.json of the data set says 'phot': 'photic stimulation'"
    with pytest.raises(AnnotationError, match=message):
        search(BidsCorpus, bids, strict=True).recordings()


def test_a_fixture_of_an_inherited_table_is_built_again(
    bids: Path, tmp_path: Path
) -> None:
    table(bids / "task-x_events.tsv", f"{HEAD}5\t10\tsz\n")
    request = recorded({"source": "bids", "window_length": 10})
    saved, root = tmp_path / "saved.toml", bids / "sub-1"
    first = build_fixture(request, tmp_path / "1.h5", root=root, save_spec=saved)
    again = build_fixture(load_recorded(saved), tmp_path / "2.h5", root=root)
    assert first.path.read_bytes() == again.path.read_bytes()
