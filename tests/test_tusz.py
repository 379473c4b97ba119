"""TUSZ: annotation files of both versions, splits, labels, and whole builds."""

from __future__ import annotations

import os
import random
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.searched import Searched, search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.tusz.corpus import TuszCorpus
from bgb_fixtures.corpora.twin import CorpusReport, write_corpus
from bgb_fixtures.edf.writer import EdfChannel, write_edf
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import AnnotationError, ChannelNotFoundError, SourceError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

HEAD = """\
# version = csv_v1.0.0
# bname = {stem}
# duration = {duration} secs
# montage_file = $NEDC_NFC/lib/nedc_eas_default_montage.txt
#
channel,start_time,stop_time,label,confidence
"""
STEM = "aaaaaajy_s001_t000"
FOLDER = "edf/train/aaaaaajy/s001_2002/01_tcp_ar"
# Order of the corpus, without the ears.
ELECTRODES = (
    "FP1", "FP2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T3",
    "T4", "T5", "T6", "FZ", "CZ", "PZ",
)  # fmt: skip


def csv_text(
    *rows: str, stem: str = STEM, duration: str = "300.00", head: str = HEAD
) -> str:
    return head.format(stem=stem, duration=duration) + "".join(f"{r}\n" for r in rows)


def put(root: Path, path: str, text: str | None = None) -> Path:
    """Write a file; without a text an empty one, which stands for a recording."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text or "", encoding="utf-8")
    return target


def annotated(root: Path, suffix: str, text: str, folder: str = FOLDER) -> Searched:
    """Make a corpus of one recording that has one annotation file."""
    put(root, f"{folder}/{STEM}.edf")
    put(root, f"{folder}/{STEM}{suffix}", text)
    return search(TuszCorpus, root, strict=True)


def events(source: Searched) -> list[tuple[str, float, float]]:
    (recording,) = source.recordings()
    return [(e.label, e.onset, e.duration) for e in recording.events]


# Annotation files of version 2


def test_types_are_the_union_over_channels_for_each_label(tmp_path: Path) -> None:
    text = csv_text(
        "FP1-F7,0.0000,61.2500,bckg,1.0000",
        "FP1-F7,61.2500,98.7500,fnsz,1.0000",
        "F7-T3,64.1000,95.3000,fnsz,1.0000",
        "T3-T5,96.0000,99.1000,fnsz,1.0000",
        "T3-T5,120.0000,130.5000,gnsz,1.0000",
        "P4-O2,0.0000,300.0000,bckg,1.0000",
    )
    assert events(annotated(tmp_path, ".csv", text)) == [
        ("fnsz", 61.25, 37.85),
        ("gnsz", 120.0, 10.5),
    ]


def test_seizures_of_two_types_may_overlap(tmp_path: Path) -> None:
    text = csv_text("C3-CZ,10.0,30.0,cpsz,1.0", "CZ-C4,20.0,40.0,gnsz,1.0")
    assert events(annotated(tmp_path, ".csv", text)) == [
        ("cpsz", 10.0, 20.0),
        ("gnsz", 20.0, 20.0),
    ]


def test_csv_bi_has_seizures_without_a_type(tmp_path: Path) -> None:
    text = csv_text("TERM,36.8868,183.3055,seiz,1.0000")
    assert events(annotated(tmp_path, ".csv_bi", text)) == [("seiz", 36.8868, 146.4187)]


def test_background_row_that_ends_early_says_nothing_of_the_rest(
    tmp_path: Path,
) -> None:
    # As in half of the real files without seizures: 1.05 of 300 s.
    source = annotated(tmp_path, ".csv_bi", csv_text("TERM,0.0,1.0492,bckg,1.0000"))
    (recording,) = source.recordings()
    assert (recording.duration, recording.events) == (300.0, ())


def test_file_with_seizures_needs_no_background_rows(tmp_path: Path) -> None:
    source = annotated(tmp_path, ".csv_bi", csv_text("TERM,5.0,9.0,seiz,1.0000"))
    (recording,) = source.recordings()
    assert recording.duration == 300.0


def test_types_come_before_seizure_or_not(tmp_path: Path) -> None:
    put(tmp_path, f"{FOLDER}/{STEM}.csv_bi", csv_text("TERM,10.0,30.5,seiz,1.0"))
    source = annotated(tmp_path, ".csv", csv_text("FP1-F7,10.0,30.0,tcsz,1.0"))
    assert events(source) == [("tcsz", 10.0, 20.0)]


@pytest.mark.parametrize(
    ("csv", "csv_bi", "message"),
    [
        pytest.param(
            "FP1-F7,10.0,30.0,tcsz,1.0",
            "TERM,0.0,300.0,bckg,1.0",
            r"_t000\.csv': has a seizure at 10-30 s that is not in 'aaaaaajy_s001_t000\.csv_bi'",
            id="csv-alone",
        ),
        pytest.param(
            "FP1-F7,10.0,30.0,tcsz,1.0",
            "TERM,10.0,30.0,seiz,1.0\nTERM,50.0,60.0,seiz,1.0",
            r"_t000\.csv_bi': has a seizure at 50-60 s that is not in '.*\.csv'",
            id="csv-bi-alone",
        ),
    ],
)
def test_csv_and_csv_bi_that_contradict_each_other_are_refused(
    tmp_path: Path, csv: str, csv_bi: str, message: str
) -> None:
    put(tmp_path, f"{FOLDER}/{STEM}.csv_bi", csv_text(csv_bi))
    source = annotated(tmp_path, ".csv", csv_text(csv))
    with pytest.raises(AnnotationError, match=message):
        source.recordings()


def test_non_epileptic_seizure_is_not_a_seizure(tmp_path: Path) -> None:
    put(tmp_path, f"{FOLDER}/{STEM}.csv_bi", csv_text("TERM,10.0,30.0,seiz,1.0"))
    source = annotated(tmp_path, ".csv", csv_text("FP1-F7,10.0,30.0,nesz,1.0"))
    assert events(source) == []


@pytest.mark.parametrize(
    ("label", "szcore"),
    [
        pytest.param("fnsz", "sz_foc", id="focal"),
        pytest.param("gnsz", "sz_gen", id="generalized"),
        pytest.param("spsz", "sz_foc_a", id="simple-partial"),
        pytest.param("cpsz", "sz_foc_ia", id="complex-partial"),
        pytest.param("absz", "sz_gen_nm", id="absence"),
        pytest.param("tnsz", "sz_gen_m_tonic", id="tonic"),
        pytest.param("cnsz", "sz_gen_m_clonic", id="clonic"),
        pytest.param("tcsz", "sz_gen_m_tonicClonic", id="tonic-clonic"),
        pytest.param("atsz", "sz_gen_m_atonic", id="atonic"),
        pytest.param("mysz", "sz_gen_m", id="myoclonic"),
        pytest.param("seiz", "sz", id="without-a-type"),
    ],
)
def test_every_seizure_label_keeps_its_code(
    tmp_path: Path, label: str, szcore: str
) -> None:
    source = annotated(tmp_path, ".csv", csv_text(f"FP1-F7,1.0,2.0,{label},1.0"))
    ((recording),) = source.recordings()
    assert [(e.label, e.szcore) for e in recording.events] == [(label, szcore)]


def test_older_header_with_a_map_file_and_blanks_is_read(tmp_path: Path) -> None:
    head = (
        "# version = csv_v1.0.0\r\n# bname = {stem}\r\n# duration = {duration} secs\r\n"
        "# map file: $NEDC_NFC/lib/nedc_eas_default_montage.txt\r\n#\r\n"
        "channel, start_time, stop_time, label, confidence\r\n"
    )
    text = csv_text("TERM, 5.0000, 9.0000, seiz, 1.0000 \r", "\r", head=head)
    assert events(annotated(tmp_path, ".csv_bi", text)) == [("seiz", 5.0, 4.0)]


ROW = "TERM,36.8868,183.3055,seiz,1.0000"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "", "line 1: expected '# version = csv_v1.0.0', got None", id="empty"
        ),
        pytest.param(
            csv_text(ROW).replace("csv_v1", "csv_v2"),
            r"line 1: expected '# version = csv_v1\.0\.0', got 'csv_v2\.0\.0'",
            id="other-version",
        ),
        pytest.param(
            csv_text(ROW, stem="aaaaaajy_s001_t001"),
            "belongs to another recording: '# bname = aaaaaajy_s001_t001'",
            id="other-recording",
        ),
        pytest.param(
            csv_text(ROW, duration="long"),
            r"expected '# duration = 301\.00 secs', got 'long secs'",
            id="duration",
        ),
        pytest.param(
            csv_text(ROW).replace("# bname", "# duration = 5 secs\n# bname"),
            "line 4: second value of 'duration'",
            id="two-durations",
        ),
        pytest.param(
            csv_text(ROW).replace(",confidence", ""),
            "line 6: expected the columns channel,start_time,.* got 'channel,start",
            id="columns",
        ),
        pytest.param(
            csv_text(), "holds no row; a recording without seizures", id="none"
        ),
        pytest.param(
            csv_text("TERM,36.8868,183.3055,seiz"),
            "line 7: expected 5 values, got 4",
            id="cut-off",
        ),
        pytest.param(
            csv_text(ROW, "TERM,190.0,nan,seiz,1.0"),
            "line 8: stop_time: expected seconds, got 'nan'",
            id="not-a-number",
        ),
        pytest.param(
            csv_text("TERM,1_0,20.0,seiz,1.0"),
            "line 7: start_time: expected seconds, got '1_0'",
            id="underscore",
        ),
        pytest.param(
            csv_text("TERM,36.89,36.10,seiz,1.0"),
            r"line 7: seizure stops at 36\.10 s; expected after its start, 36\.89 s",
            id="backwards",
        ),
        pytest.param(
            csv_text("TERM,9.0,8.0,bckg,1.0"),
            r"line 7: stops at 8\.0 s, before its start, 9\.0 s",
            id="background-backwards",
        ),
        pytest.param(
            csv_text("TERM,-1.0,8.0,seiz,1.0"),
            r"line 7: seizure starts at -1\.0 s; expected at least 0 s",
            id="before-the-start",
        ),
        pytest.param(
            csv_text("TERM,299.0,300.02,seiz,1.0"),
            r"line 7: seizure stops at 300\.02 s, after the end of the recording: "
            r"300\.00 s",
            id="behind-the-end",
        ),
        pytest.param(
            csv_text("TERM,1.0,8.0,spkz,1.0"),
            "line 7: unknown label 'spkz'; expected a seizure or background",
            id="unknown-label",
        ),
    ],
)
def test_csv_that_is_not_certain_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    source = annotated(tmp_path, ".csv_bi", text)
    with pytest.raises(AnnotationError, match=rf"_t000\.csv_bi'.*{message}"):
        source.recordings()


def test_an_end_that_was_rounded_up_is_inside(tmp_path: Path) -> None:
    text = csv_text("TERM,290.0,300.0079,seiz,1.0")
    assert events(annotated(tmp_path, ".csv_bi", text)) == [("seiz", 290.0, 10.0079)]


# Annotation files of version 1.5

TSE = """\
version = tse_v1.0.0

0.0000 61.2500 bckg 1.0000
61.2500 98.7500 fnsz 1.0000
98.7500\t300.0000 bckg 1.0000
"""
LBL = """\
version = lbl_v1.0.0

montage =  0, FP1-F7: EEG FP1-REF --  EEG F7-REF
montage =  1, F8-T4 : EEG F8-REF -- EEG T4-REF

number_of_levels = 1

level[0] = 1

symbols[0] = {0: '(null)', 1: 'bckg', 2: 'seiz', 3: 'fnsz', 4: 'gnsz'}

label = {0, 0, 0.0000, 61.2500, 0, [0.0, 1.0, 0.0, 0.0, 0.0]}
label = {0, 0, 61.2500, 98.7500, 0, [0.0, 0.0, 0.0, 1.0, 0.0]}
label = {0, 0, 90.0000, 99.7500, 1, [0.0, 0.0, 0.0, 1.0, 0.0]}
label = {0, 0, 99.7500, 300.0000, 1, [0.0, 1.0, 0.0, 0.0, 0.0]}
"""
OLD = "edf/dev_test/01_tcp_ar/002/00000258/s002_2003_07_21"


def test_tse_has_the_types_of_version_1_5(tmp_path: Path) -> None:
    source = annotated(tmp_path, ".tse", TSE)
    assert events(source) == [("fnsz", 61.25, 37.5)]
    # It does not say how long the recording is; a header does.
    assert source.recordings()[0].duration is None


def test_lbl_is_the_union_over_channels(tmp_path: Path) -> None:
    assert events(annotated(tmp_path, ".lbl", LBL)) == [("fnsz", 61.25, 38.5)]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        pytest.param(".tse_bi", TSE.replace("fnsz", "seiz"), id="tse-bi"),
        pytest.param(
            ".lbl_bi",
            LBL.replace("0.0, 0.0, 0.0, 1.0, 0.0]", "0.0, 0.0, 1.0, 0.0, 0.0]"),
            id="lbl-bi",
        ),
    ],
)
def test_binary_files_of_version_1_5_have_no_types(
    tmp_path: Path, suffix: str, text: str
) -> None:
    (event,) = events(annotated(tmp_path, suffix, text))
    assert event[:2] == ("seiz", 61.25)


def test_tse_is_compared_with_tse_bi(tmp_path: Path) -> None:
    put(tmp_path, f"{FOLDER}/{STEM}.tse_bi", TSE.replace("fnsz", "bckg"))
    with pytest.raises(
        AnnotationError, match=r"\.tse': has a seizure at 61\.25-98\.75"
    ):
        annotated(tmp_path, ".tse", TSE).recordings()


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        pytest.param(
            ".tse", "", "expected 'version = tse_v1.0.0', got None", id="empty"
        ),
        pytest.param(
            ".tse",
            TSE.replace("98.7500 fnsz", "fnsz"),
            "line 4: expected 'start stop label probability', got '61.2500 fnsz 1.0000'",
            id="tse-cut-off",
        ),
        pytest.param(
            ".tse",
            TSE.replace("fnsz", "focal"),
            "line 4: unknown label 'focal'",
            id="tse-label",
        ),
        pytest.param(
            ".lbl", TSE, "expected 'version = lbl_v1.0.0', got 'version = tse", id="tse"
        ),
        pytest.param(
            ".lbl",
            LBL.replace("symbols[0]", "symbols[1]"),
            "line 12: level 0 has no 'symbols",
            id="lbl-symbols",
        ),
        pytest.param(
            ".lbl",
            LBL.replace("0.0, 0.0, 0.0, 1.0, 0.0]", "0.0, 1.0, 0.0, 1.0, 0.0]"),
            "line 13: expected a probability for each of 5 symbols and one above",
            id="lbl-two-labels",
        ),
        pytest.param(
            ".lbl",
            LBL.replace("{0, 0, 61.2500, 98.7500, 0,", "{0, 0, 61.2500, 98.7500,"),
            "line 13: expected .level, sublevel, start, stop, channel, .probabilities",
            id="lbl-cut-off",
        ),
        pytest.param(
            ".lbl",
            LBL.replace("number_of", "numbers_of"),
            "line 6: cannot be understood: 'numbers_of_levels = 1'",
            id="lbl-other",
        ),
    ],
)
def test_file_of_version_1_5_that_is_not_certain_is_refused(
    tmp_path: Path, suffix: str, text: str, message: str
) -> None:
    source = annotated(tmp_path, suffix, text)
    with pytest.raises(AnnotationError, match=message):
        source.recordings()


# Trees, subjects and splits


@pytest.mark.parametrize(
    ("path", "subject", "split"),
    [
        pytest.param(
            "edf/dev/aaaaaajy/s001_2002_12_23/02_tcp_le/aaaaaajy_s001_t000",
            "aaaaaajy",
            "dev",
            id="2.0.0",
        ),
        pytest.param(
            "edf/train/aaaaaajy/s001_2002/03_tcp_ar_a/aaaaaajy_s001_t012",
            "aaaaaajy",
            "train",
            id="2.0.3",
        ),
        pytest.param(f"{OLD}/00000258_s002_t000", "00000258", "dev", id="1.5-dev-test"),
        pytest.param(
            "edf/dev/01_tcp_ar/002/00000258/s002_2003_07_21/00000258_s002_t000",
            "00000258",
            "dev",
            id="1.5.2-dev",
        ),
        pytest.param(
            "train/dev_test_notes/aaaaaajy_s001_t000", "aaaaaajy", "train", id="part"
        ),
    ],
)
def test_subject_and_split_of_each_layout(
    tmp_path: Path, path: str, subject: str, split: str
) -> None:
    put(tmp_path, f"{path}.edf")
    put(tmp_path, f"{path}.tse", TSE)
    (recording,) = search(TuszCorpus, tmp_path, strict=True).recordings()
    assert (recording.subject, recording.split) == (subject, split)


def make_splits(root: Path) -> Path:
    """Make a corpus with one recording in each split."""
    for split in ("train", "dev", "eval"):
        stem = f"aaaaa{split[:3]}_s001_t000"
        folder = f"edf/{split}/aaaaa{split[:3]}/s001_2002/01_tcp_ar"
        put(root, f"{folder}/{stem}.edf")
        put(root, f"{folder}/{stem}.csv", csv_text(ROW, stem=stem))
    return root


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        pytest.param((), ["dev", "train"], id="by-default"),
        pytest.param(("eval",), ["eval"], id="by-name"),
        pytest.param(("train", "eval"), ["eval", "train"], id="two"),
    ],
)
def test_eval_is_offered_only_if_it_is_asked_for_by_name(
    tmp_path: Path, splits: tuple[str, ...], expected: list[str]
) -> None:
    recordings = search(TuszCorpus, make_splits(tmp_path), splits=splits).recordings()
    assert [recording.split for recording in recordings] == expected


def test_a_corpus_of_eval_alone_is_refused_and_says_why(tmp_path: Path) -> None:
    root = make_splits(tmp_path) / "edf" / "eval"
    message = "1 recording: in split eval, not used without --split eval"
    with pytest.raises(SourceError, match=message):
        search(TuszCorpus, root).recordings()


@pytest.mark.parametrize(
    "below",
    [
        pytest.param("edf/train", id="split"),
        pytest.param("edf/train/aaaaatra", id="patient"),
        pytest.param("edf/train/aaaaatra/s001_2002/01_tcp_ar", id="session"),
        pytest.param(
            "edf/train/aaaaatra/s001_2002/01_tcp_ar/aaaaatra_s001_t000.edf",
            id="one-file",
        ),
    ],
)
def test_root_may_be_a_part_of_the_corpus(tmp_path: Path, below: str) -> None:
    root = make_splits(tmp_path) / below
    (recording,) = search(TuszCorpus, root).recordings()
    assert (recording.subject, recording.split) == ("aaaaatra", "train")


def test_one_file_does_not_bring_its_neighbours(tmp_path: Path) -> None:
    annotated(tmp_path, ".csv", csv_text(ROW))
    other = f"{FOLDER}/aaaaaajy_s001_t001"
    put(tmp_path, f"{other}.edf")
    put(tmp_path, f"{other}.csv", csv_text(ROW, stem="aaaaaajy_s001_t001"))
    (recording,) = search(TuszCorpus, tmp_path / f"{FOLDER}/{STEM}.edf").recordings()
    assert recording.name == f"{STEM}.edf"


def test_a_recording_in_no_split_is_not_taken(tmp_path: Path) -> None:
    source = annotated(tmp_path, ".csv", csv_text(ROW), folder="mine")
    with pytest.raises(
        AnnotationError, match="not in a folder 'train', 'dev' or 'eval'"
    ):
        source.recordings()


def test_a_name_that_does_not_say_whose_recording_it_is_is_refused(
    tmp_path: Path,
) -> None:
    put(tmp_path, "edf/train/night.edf")
    put(tmp_path, "edf/train/night.csv", csv_text(ROW, stem="night"))
    with pytest.raises(AnnotationError, match="expected a name like 'aaaaaajy_s001"):
        search(TuszCorpus, tmp_path, strict=True).recordings()


def test_recording_without_an_annotation_file_is_unannotated(tmp_path: Path) -> None:
    root = make_splits(tmp_path)
    put(root, f"{FOLDER}/{STEM}.edf")
    source = search(TuszCorpus, root)
    assert len(source.recordings()) == 2
    assert [(p.name, p.problem) for p in source.problems] == [
        ("edf/eval/aaaaaeva/s001_2002/01_tcp_ar/aaaaaeva_s001_t000.edf", "split"),
        (f"{FOLDER}/{STEM}.edf", "unannotated"),
    ]


def test_annotated_recording_without_a_file_is_missing(tmp_path: Path) -> None:
    root = make_splits(tmp_path)
    put(root, f"{FOLDER}/{STEM}.csv", csv_text(ROW))
    source = search(TuszCorpus, root, splits=("train",))
    source.recordings()
    (missing,) = (p for p in source.problems if p.problem == "no-signal")
    assert (missing.name, missing.has_signal) == (f"{FOLDER}/{STEM}.edf", False)


def test_other_files_of_the_corpus_are_passed_over(tmp_path: Path) -> None:
    root = make_splits(tmp_path)
    for name in ("AAREADME.txt", "DOCS/seizures_types_v02.csv", "DOCS/01_tcp.txt"):
        put(root, name, "some text\n")
    # What macOS leaves beside each file that it copies to another disk.
    put(root, f"{FOLDER}/._{STEM}.edf")
    put(root, f"{FOLDER}/._{STEM}.csv", "\0\5\26\7")
    source = search(TuszCorpus, root, splits=("train", "dev", "eval"))
    assert (len(source.recordings()), source.problems) == (3, ())


def test_one_bad_recording_is_left_out_and_said(tmp_path: Path) -> None:
    root = make_splits(tmp_path)
    annotated(root, ".csv", csv_text("TERM,1.0,8.0,spkz,1.0"))
    source = search(TuszCorpus, root)
    assert len(source.recordings()) == 2
    (bad,) = (p for p in source.problems if p.problem == "annotation")
    assert "line 7: unknown label 'spkz'" in bad.message
    assert "\n" not in bad.message


def test_nothing_depends_on_the_order_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_splits(tmp_path)
    annotated(root, ".csv", csv_text("TERM,1.0,8.0,spkz,1.0"))
    scandir = os.scandir

    class Shuffled:
        def __init__(self, path: str | Path) -> None:
            with scandir(path) as entries:
                self._entries: list[os.DirEntry[str]] = list(entries)
            random.Random(str(path)).shuffle(self._entries)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self._entries[::-1])

        def __exit__(self, *_: object) -> None:
            pass

    before = list(search(TuszCorpus, root).findings())
    monkeypatch.setattr(os, "scandir", Shuffled)
    assert list(search(TuszCorpus, root).findings()) == before
    names = [finding.name for finding in before]
    assert names == sorted(names)
    assert len(names) == 4


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    root = make_splits(tmp_path)
    (root / "edf" / "train" / "again").symlink_to(root / "edf")
    assert len(search(TuszCorpus, root).recordings()) == 2


def test_licence_forbids_to_give_fixtures_to_others(tmp_path: Path) -> None:
    licence = search(TuszCorpus, make_splits(tmp_path)).licence
    assert not licence.redistributable
    assert licence.name == "TUH data use agreement"
    assert "Shah" in licence.attribution
    assert "Obeid, I. & Picone, J." in licence.attribution


# Signals


def ramp(step: int, n_times: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    return (np.arange(n_times) * step % 2000).astype(np.int16)


def put_edf(
    root: Path,
    labels: Sequence[str],
    *,
    seconds: int = 10,
    sfreq: int = 250,
    trends: Sequence[str] = (),
) -> Searched:
    """Write a recording; signal i rises by i + 1 digital steps of 0.125 uV a sample."""
    put(root, f"{FOLDER}/{STEM}.csv", csv_text("FP1-F7,2.0,5.0,fnsz,1.0"))
    channels = [
        EdfChannel(label=label, digital=ramp(i + 1, seconds * sfreq), sfreq=sfreq)
        for i, label in enumerate(labels)
    ]
    channels += [
        EdfChannel(label=label, digital=ramp(7, seconds), sfreq=1, unit="sec")
        for label in trends
    ]
    start = datetime(2015, 1, 1, 9, 0, 0)  # noqa: DTZ001
    write_edf(root / f"{FOLDER}/{STEM}.edf", channels, start=start)
    return search(TuszCorpus, root)


def first_steps(source: Searched, montage: str) -> list[float]:
    """Return by how many digital steps each row rises from sample 0 to 1."""
    (recording,) = source.recordings()
    with source.open(recording, montage) as signal:
        values = signal.read(0, 2)
    return [float(row[1] - row[0]) / 0.125 for row in values]


@pytest.mark.parametrize(
    "suffix", [pytest.param("REF", id="ar"), pytest.param("LE", id="le")]
)
def test_labels_with_either_reference_are_electrodes(
    tmp_path: Path, suffix: str
) -> None:
    source = put_edf(tmp_path, [f"EEG {name}-{suffix}" for name in ELECTRODES])
    # Fp1 is signal 1, F3 3, C3 5, P3 7, F7 11, T3 13, T5 15, O1 9, Fz 17, ...
    assert first_steps(source, "10-20")[:9] == [1, 3, 5, 7, 11, 13, 15, 9, 17]


def test_c3p_and_other_prefixes_are_not_the_electrode(tmp_path: Path) -> None:
    extras = [
        "EEG C3P-REF", "EEG C4P-REF", "EEG A1-REF", "EEG T1-REF", "EEG SP1-REF",
        "EEG 20-REF", "EEG EKG1-REF", "EEG ROC-REF", "EMG-REF", "PHOTIC-REF",
        "PHOTIC PH", "DC1-DC", "EEG OZ-LE", "EEG PG1-LE",
    ]  # fmt: skip
    labels = [*extras, *(f"EEG {name}-REF" for name in ELECTRODES)]
    steps = first_steps(put_edf(tmp_path, labels), "10-20")
    # C3 is the fifth of the electrodes.
    assert steps[2] == len(extras) + 5


def test_trends_at_one_sample_a_second_do_not_disturb(tmp_path: Path) -> None:
    labels = [f"EEG {name}-REF" for name in ELECTRODES]
    source = put_edf(tmp_path, labels, trends=("IBI", "BURSTS", "SUPPR"))
    (recording,) = source.recordings()
    with source.open(recording, "10-20") as signal:
        assert (signal.sfreq, signal.n_times) == (250.0, 2500)
        # Across the border of two records.
        values = signal.read(249, 252)
    assert [float(v) / 0.125 for v in values[0]] == [249, 250, 251]


@pytest.mark.parametrize("sfreq", [250, 256, 400, 512, 1000])
def test_any_rate_of_the_corpus_is_read(tmp_path: Path, sfreq: int) -> None:
    source = put_edf(tmp_path, [f"EEG {n}-REF" for n in ELECTRODES], sfreq=sfreq)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        assert (signal.sfreq, signal.n_times) == (sfreq, 10 * sfreq)


def test_recording_without_fz_and_pz_is_refused_and_names_them(tmp_path: Path) -> None:
    labels = [f"EEG {n}-REF" for n in ELECTRODES if n not in ("FZ", "PZ")]
    source = put_edf(tmp_path, labels)
    (recording,) = source.recordings()
    with pytest.raises(ChannelNotFoundError, match="lacks Fz, Pz"):
        source.open_and_close(recording, "10-20")


def test_reserved_text_edf_is_plain_edf(tmp_path: Path) -> None:
    source = put_edf(tmp_path, [f"EEG {name}-REF" for name in ELECTRODES])
    path = tmp_path / f"{FOLDER}/{STEM}.edf"
    raw = bytearray(path.read_bytes())
    raw[192:236] = b"EDF".ljust(44)
    path.write_bytes(raw)
    assert first_steps(source, "10-20")[0] == 1


def test_seizure_behind_the_end_of_the_file_is_refused(tmp_path: Path) -> None:
    source = put_edf(tmp_path, [f"EEG {n}-REF" for n in ELECTRODES], seconds=4)
    (recording,) = source.recordings()
    message = r"_t000\.csv': seizure of 'aaaaaajy_s001_t000\.edf' ends at 5 s, .* 4 s"
    with pytest.raises(AnnotationError, match=message):
        source.open_and_close(recording, "10-20")


def test_files_of_a_recording_are_its_signal_and_its_annotations(
    tmp_path: Path,
) -> None:
    source = put_edf(tmp_path, [f"EEG {n}-REF" for n in ELECTRODES], seconds=4)
    (recording,) = source.recordings()
    assert recording.located.signal.endswith(f"/{STEM}.edf")
    (annotations,) = recording.located.annotations
    assert annotations.endswith(f"/{STEM}.csv")


# A whole corpus


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> CorpusReport:
    root = tmp_path_factory.mktemp("twin") / "tusz"
    return write_corpus("tusz", root, n_recordings=6, duration=20, seed=3)


def test_twin_is_read_as_it_was_written(twin: CorpusReport) -> None:
    source = search(TuszCorpus, twin.path, splits=("train", "dev", "eval"))
    obtained = [(r.name, r.split, r.duration, r.events) for r in source.recordings()]
    assert obtained == [
        (r.name, r.split, r.duration, r.events) for r in twin.recordings
    ]


@pytest.fixture
def build_twin(twin: CorpusReport, tmp_path: Path) -> Callable[..., Path]:
    def build(**options: Any) -> Path:
        given = {"source": "tusz", "window_length": 5.0, "montage": "10-20"}
        spec = parse_spec(given | options, where="test")
        return build_fixture(spec, tmp_path / "out.h5", root=twin.path).path

    return build


def test_fixture_of_the_twin_has_its_types_labels_and_splits(
    twin: CorpusReport, build_twin: Callable[..., Path]
) -> None:
    import pyedflib

    asked = {r.name: r for r in twin.recordings if r.split != "eval"}
    with load_fixture(build_twin(per_kind=9)) as fixture:
        assert {w.split for w in fixture.windows} == {"train", "dev"}
        assert fixture.records.licence["name"] == "CC0-1.0"
        names = dict(
            zip(
                sorted({w.recording for w in fixture.windows}),
                sorted(asked),
                strict=True,
            )
        )
        for window, labels, signal in zip(
            fixture.windows, fixture.labels, fixture.signals, strict=True
        ):
            recording = asked[names[window.recording]]
            assert window.split == recording.split
            start = round(window.onset * 256)
            mask = np.zeros(20 * 256, np.uint8)
            for event in recording.events:
                # Multiples of 1/16 s: whole samples.
                first = round(event.onset * 256)
                mask[first : first + round(event.duration * 256)] = 1
            assert np.array_equal(labels, mask[start : start + 1280])
            assert {e.label for e in window.events} <= {
                e.label for e in recording.events
            }
            with pyedflib.EdfReader(str(twin.path / recording.name)) as reader:
                index = [
                    i
                    for i, label in enumerate(reader.getSignalLabels())
                    if label.startswith("EEG FP1-")
                ]
                digital = reader.readSignal(index[0], start, 1280, digital=True)
            assert np.array_equal(signal[0], np.float32(digital * 0.125))


def test_fixture_of_eval_has_to_be_asked_for(build_twin: Callable[..., Path]) -> None:
    with load_fixture(build_twin(splits=["eval"])) as fixture:
        assert {w.split for w in fixture.windows} == {"eval"}


# The real formats


@pytest.mark.edf
def test_real_annotations_are_read(shared_data: Path) -> None:
    source = search(TuszCorpus, shared_data / "tusz-format" / "noise-edf", strict=True)
    recordings = source.recordings()
    assert [(r.split, r.duration) for r in recordings] == [
        ("dev", 1275.0),
        ("dev", 305.0),
        ("dev", 1181.0),
        ("dev", 1563.0),
        ("dev", 720.0),
        ("dev", 1265.0),
        ("dev", 300.0),
        ("train", 2249.0),
        ("train", 293.0),
    ]
    assert recordings[4].events == (
        Event(onset=224.0071, duration=34.9733, label="seiz"),
        Event(onset=408.9508, duration=21.9917, label="seiz"),
    )
    assert {r.subject for r in recordings} == {"aaaaahln", "aaaaaool", "aaaaakpu"}


@pytest.mark.edf
def test_real_annotations_that_pass_the_end_of_the_file_are_refused(
    shared_data: Path,
) -> None:
    source = search(TuszCorpus, shared_data / "tusz-format" / "noise-edf")
    with_seizures = [r for r in source.recordings() if r.events]
    for recording in with_seizures:
        with pytest.raises(AnnotationError, match="but the file holds 2 s"):
            source.open_and_close(recording, "double-banana")
    assert len(with_seizures) == 4


@pytest.mark.edf
@pytest.mark.parametrize(
    ("suffix", "label"),
    [
        (".csv", "fnsz"),
        (".csv_bi", "seiz"),
        (".tse", "fnsz"),
        (".tse_bi", "seiz"),
        (".lbl", "fnsz"),
    ],
)
def test_typed_example_of_each_format_says_the_same(
    shared_data: Path, tmp_path: Path, suffix: str, label: str
) -> None:
    stem = "zzzzzzza_s001_t000"
    example = shared_data / "tusz-format" / "typed-examples" / f"{stem}{suffix}"
    put(tmp_path, f"edf/train/{stem}.edf")
    put(tmp_path, f"edf/train/{stem}{suffix}", example.read_text(encoding="utf-8"))
    (recording,) = search(TuszCorpus, tmp_path, strict=True).recordings()
    assert recording.events == (Event(onset=61.25, duration=37.5, label=label),)
