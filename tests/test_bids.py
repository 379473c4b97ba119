"""BIDS-EEG with SzCORE events: tables, codes, licences, splits, and whole builds."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.searched import Searched, search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.bids.corpus import BidsCorpus
from bgb_fixtures.corpora.bids.events import szcore_label
from bgb_fixtures.corpora.twin import CorpusReport, write_corpus
from bgb_fixtures.edf.writer import EdfChannel, write_edf
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import AnnotationError, SourceError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration"
)
STEM = "sub-01/ses-01/eeg/sub-01_ses-01_task-szMonitoring_run-00"


def row(
    onset: object, duration: object, event_type: str, recording: object = "60.00"
) -> str:
    end = f"n/a\tn/a\t2016-11-06 13:43:04\t{recording}"
    return f"{onset}\t{duration}\t{event_type}\t{end}"


def put(root: Path, path: str, text: str | None = None) -> Path:
    """Write a file; without a text an empty one, which stands for a recording."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text or "", encoding="utf-8")
    return target


def dataset(
    root: Path, *rows: str, stem: str = STEM, columns: str = COLUMNS
) -> Searched:
    """Make a data set of one recording."""
    put(root, f"{stem}_eeg.edf")
    put(root, f"{stem}_events.tsv", "\n".join([columns, *rows]) + "\n")
    return search(BidsCorpus, root, strict=True)


def events(source: Searched) -> list[tuple[str, float, float]]:
    (recording,) = source.recordings()
    return [(e.label, e.onset, e.duration) for e in recording.events]


# Tables of events


def test_seizures_and_duration_are_read(tmp_path: Path) -> None:
    source = dataset(
        tmp_path, row("10.25", "20.50", "sz_foc_ia"), row("40.00", "5.00", "sz")
    )
    (recording,) = source.recordings()
    assert recording.events == (
        Event(onset=10.25, duration=20.5, label="cpsz"),
        Event(onset=40.0, duration=5.0, label="seiz"),
    )
    assert (recording.subject, recording.split) == ("sub-01", "train")
    assert recording.duration == 60.0
    assert recording.name == f"{STEM}_eeg.edf"


def test_row_of_background_says_that_there_is_no_seizure(tmp_path: Path) -> None:
    source = dataset(tmp_path, row("0.00", "60.00", "bckg"))
    (recording,) = source.recordings()
    assert (recording.duration, recording.events) == (60.0, ())


def test_other_columns_may_be_missing_or_come_first(tmp_path: Path) -> None:
    source = dataset(
        tmp_path, "sz\tx\t5\t3.5", columns="eventType\tnote\tduration\tonset"
    )
    assert events(source) == [("seiz", 3.5, 5.0)]


def test_byte_order_mark_line_ends_and_empty_lines_do_no_harm(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    text = "\ufeff" + "\r\n".join([COLUMNS, row("5.00", "3.00", "sz"), "", ""])
    put(tmp_path, f"{STEM}_events.tsv", text)
    assert events(source) == [("seiz", 5.0, 3.0)]


def test_unknown_recording_duration_is_left_open(tmp_path: Path) -> None:
    source = dataset(tmp_path, row("5.00", "3.00", "sz", "n/a"))
    assert source.recordings()[0].duration is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            [], "holds no row; a recording without seizures has one", id="none"
        ),
        pytest.param(
            [row("5.00", "3.00", "sz"), row("n/a", "3.00", "sz")],
            "line 3: onset: expected seconds, got 'n/a'",
            id="no-onset",
        ),
        pytest.param(
            [row("5.00", "n/a", "sz_foc")],
            r"line 2: seizure at 5\.00 s has no end; expected a duration",
            id="no-end",
        ),
        pytest.param(
            [row("5.00", "0.00", "sz")],
            r"line 2: seizure stops at 5\.00 s; expected after its start",
            id="empty-seizure",
        ),
        pytest.param(
            [row("-5.00", "6.00", "sz")],
            r"line 2: seizure starts at -5\.00 s; expected at least 0 s",
            id="before-the-start",
        ),
        pytest.param(
            [row("55.00", "6.00", "sz")],
            r"line 2: seizure stops at 61\.00 s, after the end of the recording: "
            r"60\.00 s",
            id="behind-the-end",
        ),
        pytest.param(
            [row("5.00", "6.00", "sz"), row("15.00", "6.00", "sz", "61.00")],
            r"line 3: recordingDuration: expected 60\.00 as above, got 61\.00",
            id="two-durations",
        ),
        pytest.param(
            [row("5.00", "6.00", "seizure")],
            "line 2: unknown eventType 'seizure': expected 'bckg', a seizure",
            id="unknown-type",
        ),
        pytest.param(
            [row("5.00", "6.00", "n/a")],
            "line 2: expected an eventType or label, got none",
            id="no-type",
        ),
        pytest.param(
            ["5.00\t6.00\tsz\tn/a\tn/a\tn/a\t60.00\tmore"],
            "line 2: expected 7 values, got 8",
            id="too-many-values",
        ),
        pytest.param(
            [row("inf", "6.00", "sz")],
            "line 2: onset: expected seconds, got 'inf'",
            id="infinite",
        ),
    ],
)
def test_table_that_is_not_certain_is_refused(
    tmp_path: Path, rows: list[str], message: str
) -> None:
    source = dataset(tmp_path, *rows)
    with pytest.raises(AnnotationError, match=rf"_events\.tsv'.*{message}"):
        source.recordings()


@pytest.mark.parametrize(
    ("columns", "got"),
    [
        pytest.param("onset\tduration\ttrial_type", "'trial_type'", id="plain-bids"),
        pytest.param("onset,duration,eventType", "'onset,dur", id="commas"),
        pytest.param(
            "onset\tonset\tduration\teventType", "'onset', 'onset'", id="twice"
        ),
    ],
)
def test_table_without_the_columns_of_szcore_is_refused(
    tmp_path: Path, columns: str, got: str
) -> None:
    source = dataset(tmp_path, "1\t2\tsz", columns=columns)
    with pytest.raises(AnnotationError, match=f"line 1: expected the columns .*{got}"):
        source.recordings()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sz", "seiz"),
        ("sz_foc", "fnsz"),
        ("sz_foc_a", "spsz"),
        ("sz_foc_a_nm_sensory", "spsz"),
        ("sz_foc_ia_m_automatisms", "cpsz"),
        ("sz_foc_ua_m", "fnsz"),
        ("sz_foc_f2b", "fnsz"),
        ("sz_gen", "gnsz"),
        # The map of SzCORE itself has a colon in these two.
        ("sz_gen:", "gnsz"),
        ("sz_uo:", "seiz"),
        # Any generalised motor seizure, not only a myoclonic one.
        ("sz_gen_m", "gnsz"),
        ("sz_gen_m_tonic", "tnsz"),
        ("sz_gen_m_tonicClonic", "tcsz"),
        ("sz_gen_m_clonic", "cnsz"),
        ("sz_gen_m_atonic", "atsz"),
        ("sz_gen_nm_typical", "absz"),
        # Myoclonic absence: an absence.
        ("sz_gen_nm_myoclonic", "absz"),
        ("sz_uo_m_tonicClonic", "seiz"),
        ("tcsz", "tcsz"),
        ("bckg", None),
    ],
)
def test_code_becomes_the_next_wider_type_of_tusz(
    code: str, expected: str | None
) -> None:
    assert szcore_label(code) == expected


@pytest.mark.parametrize("code", ["szx", "SZ", "art", "nesz", ""])
def test_code_that_is_not_known_is_neither_seizure_nor_background(code: str) -> None:
    with pytest.raises(ValueError, match=f"unknown eventType {code!r}"):
        szcore_label(code)


# Data sets


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("sub-01/eeg/sub-01_task-rest", id="no-session"),
        pytest.param("sub-01/ses-02/eeg/sub-01_ses-02_task-a_run-3", id="session"),
        pytest.param("sub-01_task-a", id="flat"),
    ],
)
def test_events_are_found_beside_the_recording(tmp_path: Path, path: str) -> None:
    source = dataset(tmp_path, row("5.00", "6.00", "sz"), stem=path)
    (recording,) = source.recordings()
    assert recording.name == f"{path}_eeg.edf"


def test_bdf_is_taken_as_well(tmp_path: Path) -> None:
    source = dataset(tmp_path, row("5.00", "6.00", "sz"))
    (tmp_path / f"{STEM}_eeg.edf").rename(tmp_path / f"{STEM}_eeg.bdf")
    assert source.recordings()[0].name == f"{STEM}_eeg.bdf"


def test_derivatives_and_raw_sources_are_not_recordings(tmp_path: Path) -> None:
    source = dataset(tmp_path, row("5.00", "6.00", "sz"))
    for folder in ("derivatives/filtered", "sourcedata", "code"):
        put(tmp_path, f"{folder}/{STEM}_eeg.edf")
    assert len(list(source.findings())) == 1


def test_recordings_without_events_or_without_a_file_are_said(tmp_path: Path) -> None:
    source = dataset(tmp_path, row("5.00", "6.00", "sz"))
    put(tmp_path, "sub-02/eeg/sub-02_task-a_eeg.edf")
    put(
        tmp_path,
        "sub-03/eeg/sub-03_task-a_events.tsv",
        f"{COLUMNS}\n{row('5.00', '6.00', 'sz')}\n",
    )
    source.recordings()
    assert [(p.name, p.problem) for p in source.problems] == [
        ("sub-02/eeg/sub-02_task-a_eeg.edf", "unannotated"),
        ("sub-03/eeg/sub-03_task-a_eeg.edf", "no-signal"),
    ]


@pytest.mark.parametrize(
    "below",
    [pytest.param("sub-01", id="subject"), pytest.param(f"{STEM}_eeg.edf", id="file")],
)
def test_part_of_a_data_set_keeps_its_licence(tmp_path: Path, below: str) -> None:
    put(tmp_path, "dataset_description.json", '{"License": "CC0"}')
    dataset(tmp_path, row("5.00", "6.00", "sz"))
    put(tmp_path, f"{STEM.replace('run-00', 'run-01')}_eeg.edf")
    source = search(BidsCorpus, tmp_path / below)
    assert source.licence.name == "CC0-1.0"
    assert [r.name.rpartition("/")[2] for r in source.recordings()] == [
        "sub-01_ses-01_task-szMonitoring_run-00_eeg.edf"
    ]


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        pytest.param("CC0", "CC0-1.0", id="cc0"),
        pytest.param("CC-BY-4.0", "CC-BY-4.0", id="cc-by-spdx"),
        pytest.param("CC BY 4.0", "CC-BY-4.0", id="cc-by"),
        pytest.param("PDDL", "PDDL-1.0", id="pddl"),
        pytest.param("ODC-By 1.0", "ODC-By-1.0", id="odc-by"),
        pytest.param(
            "Open Data Commons Attribution License v1.0", "ODC-By-1.0", id="odc-by-long"
        ),
    ],
)
def test_licence_that_is_known_lets_fixtures_be_given_to_others(
    tmp_path: Path, stated: str, name: str
) -> None:
    value = {"License": stated, "DatasetDOI": "doi:10.13026/5d4a-j060"}
    put(tmp_path, "dataset_description.json", json.dumps(value))
    licence = search(BidsCorpus, tmp_path).licence
    assert (licence.name, licence.redistributable) == (name, True)
    assert licence.attribution == "https://doi.org/10.13026/5d4a-j060"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="no-description"),
        pytest.param({}, id="no-licence"),
        pytest.param({"License": "Custom TUH"}, id="custom"),
        pytest.param({"License": "not CC0"}, id="not"),
        pytest.param({"License": "CC-BY-NC-ND-4.0"}, id="no-derivatives"),
        pytest.param({"License": ["CC0"]}, id="no-text"),
        pytest.param([], id="no-object"),
    ],
)
def test_licence_that_is_not_known_forbids_it(tmp_path: Path, value: object) -> None:
    put(tmp_path, "sub-01/note", "")
    if value is not None:
        put(tmp_path, "dataset_description.json", json.dumps(value))
    licence = search(BidsCorpus, tmp_path).licence
    assert (licence.name, licence.redistributable) == ("unknown", False)


def test_free_text_of_the_description_stays_out(tmp_path: Path) -> None:
    value = {
        "License": "Zoe's own",
        "Authors": ["Zoe Canary"],
        "DatasetDOI": "ask zoe@canary",
    }
    put(tmp_path, "dataset_description.json", json.dumps(value))
    assert "anary" not in repr(search(BidsCorpus, tmp_path).licence)


def test_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "dataset_description.json", "{")
    with pytest.raises(
        SourceError, match=r"dataset_description\.json' is not valid JSON"
    ):
        search(BidsCorpus, tmp_path)


def with_splits(root: Path, table: str) -> Searched:
    for subject in ("sub-01", "sub-02", "sub-03"):
        dataset(
            root,
            row("5.00", "6.00", "sz"),
            stem=f"{subject}/eeg/{subject}_task-a",
        )
    put(root, "participants.tsv", table)
    return search(BidsCorpus, root)


def test_participants_may_have_splits(tmp_path: Path) -> None:
    source = with_splits(
        tmp_path,
        "participant_id\tage\tsplit\nsub-01\t9\tdev\nsub-02\t8\ttrain\nsub-03\t7\ttest\n",
    )
    assert [(r.subject, r.split) for r in source.recordings()] == [
        ("sub-01", "dev"),
        ("sub-02", "train"),
    ]
    assert [(p.name, p.split) for p in source.problems] == [
        ("sub-03/eeg/sub-03_task-a_eeg.edf", "eval")
    ]


def test_participant_without_a_split_is_not_taken(tmp_path: Path) -> None:
    source = with_splits(
        tmp_path, "participant_id\tsplit\nsub-01\tdev\nsub-02\ttrain\n"
    )
    assert len(source.recordings()) == 2
    (problem,) = source.problems
    assert "its subject has no split in 'participants.tsv'" in problem.message


def test_participants_without_a_column_split_are_all_train(tmp_path: Path) -> None:
    source = with_splits(tmp_path, "participant_id\tage\nsub-01\t9\n")
    assert {r.split for r in source.recordings()} == {"train"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(
            "sub-02\tmine",
            "line 3: split: expected one of 'train', .*'mine'",
            id="unknown",
        ),
        pytest.param(
            "sub-02\tdev\nsub-02\ttrain",
            "line 4: 'sub-02' for a second time",
            id="twice",
        ),
    ],
)
def test_split_that_is_not_certain_touches_one_subject(
    tmp_path: Path, row: str, message: str
) -> None:
    table = f"participant_id\tsplit\nsub-01\tdev\n{row}\nsub-03\ttrain\n"
    source = with_splits(tmp_path, table)
    assert [r.subject for r in source.recordings()] == ["sub-01", "sub-03"]
    (problem,) = source.problems
    assert re.search(rf"participants\.tsv', {message}", problem.message)


def test_splits_of_nobody_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        AnnotationError, match="line 1: expected a column participant_id"
    ):
        with_splits(tmp_path, "id\tsplit\nsub-01\tdev\n")


# Whole builds


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> CorpusReport:
    root = tmp_path_factory.mktemp("twin") / "bids"
    return write_corpus("bids", root, n_recordings=4, duration=20, seed=3)


def times(events: tuple[Event, ...]) -> list[tuple[float, float, str]]:
    """Return the seizures; of the type no more than SzCORE can say."""
    wider = {"sz_gen_m": "sz_gen"}
    return [(e.onset, e.duration, wider.get(e.szcore, e.szcore)) for e in events]


def test_twin_is_read_as_it_was_written(twin: CorpusReport) -> None:
    source = search(BidsCorpus, twin.path, strict=True)
    obtained = [
        (r.name, r.split, r.duration, times(r.events)) for r in source.recordings()
    ]
    assert obtained == [
        (r.name, r.split, r.duration, times(r.events)) for r in twin.recordings
    ]
    assert source.licence.redistributable


def test_fixture_of_the_twin_has_its_samples_and_labels(
    twin: CorpusReport, tmp_path: Path
) -> None:
    import pyedflib

    given = {
        "source": "bids",
        "window_length": 5,
        "montage": "10-20",
        "profile": "raw-1",
        "per_kind": 9,
    }
    spec = parse_spec(given, where="test")
    path = build_fixture(spec, tmp_path / "out.h5", root=twin.path).path
    with load_fixture(path) as fixture:
        names = sorted({w.recording for w in fixture.windows})
        asked = dict(zip(names, twin.recordings, strict=True))
        for window, labels, signal in zip(
            fixture.windows, fixture.labels, fixture.signals, strict=True
        ):
            recording = asked[window.recording]
            start = round(window.onset * 256)
            mask = np.zeros(20 * 256, np.uint8)
            for event in recording.events:
                first = round(event.onset * 256)
                mask[first : first + round(event.duration * 256)] = 1
            assert np.array_equal(labels, mask[start : start + 1280])
            with pyedflib.EdfReader(str(twin.path / recording.name)) as reader:
                # SzCORE has O1 where montage 10-20 has F7.
                assert reader.getLabel(4) == "O1-Avg"
                o1 = reader.readSignal(4, start, 1280, digital=True)
            assert np.array_equal(signal[7], np.float32(o1 * 0.125))


def test_window_file_of_szcore_is_a_recording(tmp_path: Path) -> None:
    # Onset relative to the window, recordingDuration 60.
    source = dataset(tmp_path, row("3.50", "56.50", "sz"))
    (tmp_path / f"{STEM}_eeg.edf").unlink()
    channels: list[Any] = [
        EdfChannel(label=f"{name}-Avg", digital=np.zeros(60 * 256, np.int16))
        for name in (
            "Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz", "Fp2",
            "F4", "C4", "P4", "O2", "F8", "T4", "T6",
        )
    ]  # fmt: skip
    start = datetime(2015, 1, 1, 9, 0, 0)  # noqa: DTZ001
    write_edf(tmp_path / f"{STEM}_eeg.edf", channels, start=start)
    (recording,) = source.recordings()
    with source.open(recording, "10-20") as signal:
        assert (signal.sfreq, signal.n_times) == (256.0, 15360)
