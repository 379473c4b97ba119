"""Any EDF, EDF+ and BDF files, with annotations beside them, elsewhere, or inside."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.searched import search

from bgb_fixtures.corpora import open_corpus
from bgb_fixtures.corpora.plain.corpus import PlainCorpus
from bgb_fixtures.edf.annotations import annotation_texts, read_edf_annotations
from bgb_fixtures.edf.header import header_texts
from bgb_fixtures.edf.records import EdfFile
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.annotations import Span
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import AnnotationError, SourceError, SpecError
from bgb_fixtures.request.annotation_rules import AnnotationRules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ELECTRODES = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz", "Fp2", "F4",
    "C4", "P4", "F8", "T4", "T6", "O2",
)  # fmt: skip
TSV = "onset\tduration\teventType\n"
SEIZURE = f"{TSV}3.5\t4.25\tsz\n"
CSV_BI = """\
# version = csv_v1.0.0
# bname = night
# duration = 10.00 secs
#
channel,start_time,stop_time,label,confidence
TERM,3.5000,7.7500,seiz,1.0000
"""
ANNOTATION_SAMPLES = 60
EVENT = (Event(onset=3.5, duration=4.25, label="seiz"),)


def make_edf(
    path: Path,
    *,
    seconds: int = 10,
    tals: Sequence[bytes] | None = None,
    bdf: bool = False,
    reserved: str = "EDF+C",
) -> Path:
    """Write 19 electrodes at 128 Hz; signal i rises by i + 1 steps a sample.

    With `tals`, one for each record, there is a signal of annotations between the
    third and the fourth electrode.
    """
    width = 3 if bdf else 2
    kind = "BDF" if bdf else "EDF"
    labels = list(ELECTRODES)
    if tals is not None:
        labels.insert(3, f"{kind} Annotations")
    inside = [label not in ELECTRODES for label in labels]
    n = len(labels)
    header = b"\xffBIOSEMI" if bdf else b"0".ljust(8)
    header += b"M-17 F 01-JAN-1990 Zoe_Canary".ljust(80)
    header += b"Startdate 02-FEB-2012 Adm-77 Tech_Canary XLTEK".ljust(80)
    header += b"02.02.1202.03.04" + str(256 * (n + 1)).encode().ljust(8)
    text = reserved if tals is not None else "24BIT" if bdf else ""
    header += text.encode().ljust(44) + str(seconds).encode().ljust(8)
    header += b"1".ljust(8) + str(n).encode().ljust(4)
    for field, size in (
        ([label.encode() for label in labels], 16),
        ([b"AgCl Ser.No. 4711"] * n, 80),
        ([b"" if i else b"uV" for i in inside], 8),
        ([b"-4096"] * n, 8),
        ([b"4095.875"] * n, 8),
        ([b"-32768"] * n, 8),
        ([b"32767"] * n, 8),
        ([b"HP:0.1Hz"] * n, 80),
        ([str(ANNOTATION_SAMPLES if i else 128).encode() for i in inside], 8),
        ([b""] * n, 32),
    ):
        header += b"".join(value.ljust(size) for value in field)
    body = bytearray()
    for record in range(seconds):
        for i, annotated in enumerate(inside):
            if annotated:
                assert tals is not None
                body += tals[record].ljust(ANNOTATION_SAMPLES * width, b"\0")
                continue
            step = 1 + ELECTRODES.index(labels[i])
            samples = (128 * record + np.arange(128)) * step % 1000
            raw = samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width]
            body += raw.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + body)
    return path


def stamps(*texts: bytes, first: float = 0.0, seconds: int = 10) -> list[bytes]:
    """Return the annotations of each record; the texts are in the second one."""
    tals = [f"+{first + i:g}\x14\x14".encode() + b"\0" for i in range(seconds)]
    tals[1] += b"".join(texts)
    return tals


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# Annotations beside the recordings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("night.tsv", SEIZURE, id="tsv"),
        pytest.param("night_events.tsv", SEIZURE, id="events-tsv"),
        pytest.param("night.csv_bi", CSV_BI, id="csv-bi"),
    ],
)
@pytest.mark.parametrize(
    "bdf", [pytest.param(False, id="edf"), pytest.param(True, id="bdf")]
)
def test_annotations_are_found_by_name(
    tmp_path: Path, name: str, text: str, bdf: bool
) -> None:
    signal_path = make_edf(tmp_path / f"night.{'bdf' if bdf else 'edf'}", bdf=bdf)
    write(tmp_path / name, text)
    source = search(PlainCorpus, tmp_path, strict=True)
    (recording,) = source.recordings()
    assert recording.events == EVENT
    assert (recording.name, recording.split) == (signal_path.name, "train")
    with source.open(recording, "10-20") as signal:
        assert (signal.sfreq, signal.n_times) == (128.0, 1280)
        values = signal.read(130, 132)
    # Fp1 rises by one step of 0.125 uV a sample, O2 by 19.
    assert [float(v) for v in values[0]] == [130 * 0.125, 131 * 0.125]
    assert [float(v) for v in values[18]] == [130 * 19 % 1000 * 0.125, 489 * 0.125]


def test_only_three_columns_are_needed_and_others_do_no_harm(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    table = "note\teventType\tduration\tonset\nx\tsz_foc\t4.25\t3.5\ny\tbckg\tn/a\t9\n"
    write(tmp_path / "a.tsv", table)
    (recording,) = search(PlainCorpus, tmp_path, strict=True).recordings()
    assert recording.events == (Event(onset=3.5, duration=4.25, label="fnsz"),)
    assert recording.duration is None


def test_labels_of_ones_own_need_a_pattern(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    write(tmp_path / "a.tsv", f"{TSV}3.5\t4.25\tAnfall links\n8\t0\tAugen auf\n")
    with pytest.raises(AnnotationError, match="unknown eventType 'Anfall links'"):
        search(PlainCorpus, tmp_path, strict=True).recordings()
    options: Any = {"label_pattern": "Anfall.*", "background_pattern": "Augen.*"}
    source = search(PlainCorpus, tmp_path, **options)
    assert source.recordings()[0].events == EVENT


def test_a_pattern_has_to_match_the_whole_label(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    write(tmp_path / "a.tsv", f"{TSV}1\t2\tno seizure\n3.5\t4.25\tseizure\n")
    source = search(PlainCorpus, tmp_path, label_pattern="seizure")
    with pytest.raises(SourceError, match=r"Undeclared labels: 'no seizure' \(1\)"):
        source.recordings()
    options: Any = {"label_pattern": "seizure", "background_pattern": "no seizure"}
    assert search(PlainCorpus, tmp_path, **options).recordings()[0].events == EVENT


def test_a_code_that_matches_keeps_its_type(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    write(tmp_path / "a.tsv", f"{TSV}1\t2\tsz_gen_nm\n5\t1\ttcsz\n")
    source = search(PlainCorpus, tmp_path, label_pattern=".*sz.*")
    assert [e.label for e in source.recordings()[0].events] == ["absz", "tcsz"]


def test_annotations_of_a_recording_that_lasts_for_years_are_refused(
    tmp_path: Path,
) -> None:
    tals = [*stamps()[:9], b"+10000000\x14\x14\0"]
    path = make_edf(tmp_path / "a.edf", tals=tals, reserved="EDF+D")
    message = r"record 10: ends 10000001 s .* expected at most 10000000 s"
    with pytest.raises(AnnotationError, match=message):
        read_edf_annotations(path)


def test_annotations_inside_a_recording_with_gaps_last_as_long_as_it_does(
    tmp_path: Path,
) -> None:
    tals = stamps()
    # Eight records, and two more a minute later, with a seizure in them.
    tals[8] = b"+68\x14\x14\0+68.5\x151\x14Anfall\x14\0"
    tals[9] = b"+69\x14\x14\0"
    path = make_edf(tmp_path / "a.edf", tals=tals, reserved="EDF+D")
    assert read_edf_annotations(path).duration == 70
    (recording,) = search(PlainCorpus, tmp_path, label_pattern="Anfall").recordings()
    assert recording.events == (Event(onset=68.5, duration=1, label="seiz"),)


def test_recording_without_annotations_is_unannotated(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    with pytest.raises(SourceError, match=r"NAME\.tsv.* pass --label-pattern REGEX"):
        search(PlainCorpus, tmp_path).recordings()


def test_recording_without_given_annotations_is_said_to_have_none_there(
    tmp_path: Path,
) -> None:
    make_edf(tmp_path / "in" / "a.edf")
    (tmp_path / "notes").mkdir()
    message = (
        r"'a.edf' has no annotation file in '.*notes' \(looked for NAME\.tsv, .*\)\. "
        "Check --annotations and --root$"
    )
    with pytest.raises(SourceError, match=message):
        search(
            PlainCorpus, tmp_path / "in", annotations=tmp_path / "notes"
        ).recordings()


def test_annotated_recording_without_a_file_is_missing(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    write(tmp_path / "a.tsv", SEIZURE)
    write(tmp_path / "b_events.tsv", SEIZURE)
    # A table of anything else.
    write(tmp_path / "participants.tsv", "id\n1\n")
    source = search(PlainCorpus, tmp_path)
    source.recordings()
    assert [(p.name, p.problem) for p in source.problems] == [("b.edf", "no-signal")]


def test_two_files_of_annotations_are_refused(tmp_path: Path) -> None:
    make_edf(tmp_path / "night.edf")
    write(tmp_path / "night.tsv", SEIZURE)
    write(tmp_path / "night.csv_bi", CSV_BI)
    message = r"has 2 files of annotations: 'night\.tsv', 'night\.csv_bi'; which one"
    with pytest.raises(AnnotationError, match=message):
        search(PlainCorpus, tmp_path, strict=True).recordings()


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        pytest.param("sub-07_run-1.edf", "sub-07", id="bids-name"),
        pytest.param("p12/night/a.edf", "p12", id="folder"),
        pytest.param("a.edf", "a.edf", id="alone"),
    ],
)
def test_subject_of_a_file(tmp_path: Path, path: str, subject: str) -> None:
    make_edf(tmp_path / path)
    write((tmp_path / path).with_suffix(".tsv"), SEIZURE)
    (recording,) = search(PlainCorpus, tmp_path).recordings()
    assert (recording.name, recording.subject) == (path, subject)


def test_labels_of_siena_without_a_reference_are_taken_to_share_one(
    tmp_path: Path,
) -> None:
    # 'EEG Fp1' beside 'EEG Fc1', 'EKG EKG', 'SPO2', 'HR', 'MK' and '1'.
    path = make_edf(tmp_path / "a.edf")
    write(tmp_path / "a.tsv", SEIZURE)
    raw = bytearray(path.read_bytes())
    for i, name in enumerate(ELECTRODES):
        raw[256 + 16 * i : 272 + 16 * i] = f"EEG {name}".encode().ljust(16)
    path.write_bytes(raw)
    source = search(PlainCorpus, tmp_path)
    (recording,) = source.recordings()
    with source.open(recording, "double-banana") as signal:
        assert signal.read(0, 1).shape == (18, 1)
    (assumption,) = source.assumptions(recording)
    assert assumption.startswith("no reference is named")


# Annotations elsewhere


def test_one_recording_and_one_file_of_annotations(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf")
    make_edf(tmp_path / "b.edf")
    annotations = write(tmp_path / "other" / "my-list.tsv", SEIZURE)
    source = search(PlainCorpus, path, annotations=annotations)
    (recording,) = source.recordings()
    assert (recording.name, recording.events) == ("a.edf", EVENT)
    assert recording.located.signal == str(path)
    assert recording.located.annotations == (str(annotations),)


def test_one_file_of_annotations_for_two_recordings_is_refused(tmp_path: Path) -> None:
    make_edf(tmp_path / "a.edf")
    make_edf(tmp_path / "b.edf")
    annotations = write(tmp_path / "other.tsv", SEIZURE)
    with pytest.raises(SourceError, match=r"is one file, but .* holds 2 recordings"):
        search(PlainCorpus, tmp_path, annotations=annotations).recordings()


@pytest.mark.parametrize(
    "where",
    [pytest.param("p1/a.tsv", id="same-folders"), pytest.param("a.tsv", id="flat")],
)
def test_folder_of_annotations(tmp_path: Path, where: str) -> None:
    make_edf(tmp_path / "data" / "p1" / "a.edf")
    write(tmp_path / "lists" / where, SEIZURE)
    source = search(PlainCorpus, tmp_path / "data", annotations=tmp_path / "lists")
    assert source.recordings()[0].events == EVENT


def test_a_flat_name_that_two_recordings_have_says_nothing(tmp_path: Path) -> None:
    for folder in ("p1", "p2"):
        make_edf(tmp_path / "data" / folder / "a.edf")
    write(tmp_path / "lists" / "a.tsv", SEIZURE)
    source = search(PlainCorpus, tmp_path / "data", annotations=tmp_path / "lists")
    assert [f.problem for f in source.findings()] == ["unannotated", "unannotated"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("nowhere", "no such file or folder", id="missing"),
        pytest.param("x" * 300, "xx' cannot be reached: File name", id="impossible"),
        pytest.param("list.xlsx", r"ends in one of \.tsv, \.csv_bi, \.csv", id="excel"),
    ],
)
def test_annotations_that_cannot_be_read_are_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    write(tmp_path / "list.xlsx", "x")
    with pytest.raises(SourceError, match=message):
        search(PlainCorpus, make_edf(tmp_path / "a.edf"), annotations=tmp_path / name)


# Annotations inside


def seizures_inside(path: Path, pattern: str = "Seizure") -> tuple[Event, ...]:
    options: Any = {
        "label_pattern": pattern,
        "background_pattern": "Eyes open|Lead off|Cap on",
    }
    source = search(PlainCorpus, path, **options, strict=True)
    (recording,) = source.recordings()
    assert recording.duration == 10.0
    return recording.events


@pytest.mark.parametrize(
    "bdf", [pytest.param(False, id="edf-plus"), pytest.param(True, id="bdf-plus")]
)
def test_texts_that_match_are_seizures(tmp_path: Path, bdf: bool) -> None:
    tals = stamps(b"+3.5\x154.25\x14Seizure\x14\0", b"+5\x14Eyes open\x14\0")
    path = make_edf(tmp_path / "a.edf", tals=tals, bdf=bdf)
    assert seizures_inside(path) == EVENT


def test_one_stamp_may_have_several_texts(tmp_path: Path) -> None:
    tals = stamps(b"+3.5\x154.25\x14Lead off\x14Seizure\x14\0")
    assert seizures_inside(make_edf(tmp_path / "a.edf", tals=tals)) == EVENT


def test_start_after_a_fraction_of_a_second_is_subtracted(tmp_path: Path) -> None:
    tals = stamps(b"+3.894531\x154.25\x14Seizure\x14\0", first=0.394531)
    assert seizures_inside(make_edf(tmp_path / "a.edf", tals=tals)) == EVENT


def test_texts_before_the_start_are_legal_if_they_are_no_seizure(
    tmp_path: Path,
) -> None:
    tals = stamps(b"-5\x14Cap on\x14\0", b"+3.5\x154.25\x14Seizure\x14\0")
    assert seizures_inside(make_edf(tmp_path / "a.edf", tals=tals)) == EVENT


def test_recording_with_other_texts_only_has_no_seizure(tmp_path: Path) -> None:
    tals = stamps(b"+5\x14Eyes open\x14\0")
    assert seizures_inside(make_edf(tmp_path / "a.edf", tals=tals)) == ()


def test_text_in_another_code_page_is_matched(tmp_path: Path) -> None:
    tals = stamps(b"+3.5\x154.25\x14Anf\xe4lle\x14\0")
    path = make_edf(tmp_path / "a.edf", tals=tals)
    assert seizures_inside(path, "Anfälle") == EVENT


@pytest.mark.parametrize(
    ("tals", "message"),
    [
        pytest.param(
            None, "holds no annotations: it has no signal 'EDF Annotations'", id="plain"
        ),
        pytest.param(
            stamps(),
            "holds no annotation at all, so it cannot be distinguished",
            id="none",
        ),
        pytest.param(
            stamps(b"+3.5\x14Seizure\x14\0"),
            r"line 2: seizure at 3\.5 s has no end; expected a duration",
            id="no-duration",
        ),
        pytest.param(
            stamps(b"-1\x154\x14Seizure\x14\0"),
            "seizure starts at -1 s; expected at least 0 s",
            id="before-the-start",
        ),
        pytest.param(
            stamps(b"+8\x154\x14Seizure\x14\0"),
            "seizure stops at 12 s, after the end of the recording: 10 s",
            id="behind-the-end",
        ),
        pytest.param(
            stamps(b"3.5\x154.25\x14Seizure of Zoe\x14\0"),
            r"record 2, 'EDF Annotations': expected '\+onset",
            id="no-sign",
        ),
    ],
)
def test_annotations_inside_that_are_not_certain_are_refused(
    tmp_path: Path, tals: list[bytes] | None, message: str
) -> None:
    path = make_edf(tmp_path / "a.edf", tals=tals)
    with pytest.raises(AnnotationError, match=message) as raised:
        seizures_inside(path)
    assert "Zoe" not in str(raised.value)


def test_a_file_that_is_no_edf_is_said_and_left_out(tmp_path: Path) -> None:
    tals = stamps(b"+3.5\x154.25\x14Seizure\x14\0")
    make_edf(tmp_path / "a.edf", tals=tals)
    write(tmp_path / "b.edf", "x" * 300)
    source = search(PlainCorpus, tmp_path, label_pattern="Seizure")
    assert [r.name for r in source.recordings()] == ["a.edf"]
    (problem,) = source.problems
    assert "b.edf' is not an EDF file" in problem.message


def test_annotations_are_read_without_the_samples(tmp_path: Path) -> None:
    tals = stamps(b"+3.5\x154.25\x14Seizure\x14\0")
    path = make_edf(tmp_path / "a.edf", tals=tals)
    spans = read_edf_annotations(path).spans
    assert [(float(s.start), s.label) for s in spans] == [(3.5, "Seizure")]


# What may tell who was recorded


def test_texts_of_header_and_annotations_are_found_for_the_search(
    tmp_path: Path,
) -> None:
    tals = stamps(b"+5\x14Zoe woke up\x14\0", b"+6\x14\xe4\x14Broken \x15\0")
    path = make_edf(tmp_path / "a.edf", tals=tals)
    with EdfFile(LocalFile(path)) as edf:
        of_header = header_texts(edf.raw_header)
        inside = annotation_texts(edf)
    assert of_header.recording == (
        "M-17 F 01-JAN-1990 Zoe_Canary",
        "Startdate 02-FEB-2012 Adm-77 Tech_Canary XLTEK",
        "02.02.12",
        "02.03.04",
        "EDF+C",
    )
    assert {"Fp1", "AgCl Ser.No. 4711", "HP:0.1Hz"} <= set(of_header.signals)
    assert inside == ("Zoe woke up", "ä", "Broken")


def test_plain_edf_has_no_annotation_texts(tmp_path: Path) -> None:
    with EdfFile(LocalFile(make_edf(tmp_path / "a.edf"))) as edf:
        assert annotation_texts(edf) == ()


# The blind split of TUSZ


@pytest.mark.parametrize(
    ("root", "ending"),
    [
        pytest.param(".", "csv_bi", id="corpus"),
        pytest.param("edf/eval", "tse", id="split"),
        pytest.param("edf/eval/aaa/s001/01_tcp_ar", "csv_bi", id="session"),
        pytest.param("edf/eval/aaa/s001/01_tcp_ar/a.edf", "tse", id="recording"),
    ],
)
def test_what_looks_like_the_blind_split_of_tusz_is_refused(
    tmp_path: Path, root: str, ending: str
) -> None:
    folder = tmp_path / "edf" / "eval" / "aaa" / "s001" / "01_tcp_ar"
    write(folder / f"a.{ending}", CSV_BI)
    make_edf(folder / "a.edf")
    with pytest.raises(SourceError, match=r"looks like TUSZ, .* use --source tusz"):
        search(PlainCorpus, tmp_path / root).recordings()


def test_a_folder_eval_of_another_corpus_is_taken(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    make_edf(tmp_path / "eval" / "night.edf")
    write(tmp_path / "eval" / "night.tsv", SEIZURE)
    assert [r.name for r in search(PlainCorpus, tmp_path).recordings()] == [
        "eval/night.edf"
    ]


def test_a_root_may_be_a_text(tmp_path: Path) -> None:
    make_edf(tmp_path / "night.edf")
    write(tmp_path / "night.tsv", SEIZURE)
    assert [r.name for r in search(PlainCorpus, str(tmp_path)).recordings()] == [
        "night.edf"
    ]


def test_licence_is_not_known(tmp_path: Path) -> None:
    licence = search(PlainCorpus, tmp_path).licence
    assert (licence.name, licence.attribution) == ("unknown", "")
    assert not licence.redistributable


# Which source, and its options


def test_sources_are_found_by_name(tmp_path: Path) -> None:
    write(tmp_path / "chb01-summary.txt", "")
    write(tmp_path / "Seizures-list-PN00.txt", "")
    names = ("bids", "chbmit", "edf", "siena", "tusz")
    titles = [open_corpus(name, tmp_path).title for name in names]
    assert titles == ["BIDS-EEG", "CHB-MIT", "EDF", "Siena", "TUSZ"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        pytest.param(
            "tuzs", {}, "unknown source 'tuzs'; did you mean 'tusz'", id="slip"
        ),
        pytest.param(
            "tusz",
            {"annotations": "x"},
            "annotations applies to source edf only",
            id="annotations",
        ),
        pytest.param(
            "siena",
            {"label_pattern": "x"},
            "label_pattern applies to source edf and bids only",
            id="pattern",
        ),
        pytest.param(
            "edf",
            {"label_pattern": "("},
            r"label_pattern: expected a regular expression, got '\('",
            id="no-pattern",
        ),
    ],
)
def test_wrong_request_is_refused(
    tmp_path: Path, name: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        open_corpus(
            name,
            tmp_path,
            annotations=options.get("annotations"),
            rules=AnnotationRules(label_pattern=options.get("label_pattern")),
        )


@pytest.mark.parametrize("name", ["bids", "chbmit", "edf", "siena", "tusz"])
def test_root_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="nowhere': no such folder or file"):
        open_corpus(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["tusz", "chbmit", "siena", "bids", "edf"])
def test_root_that_the_system_refuses_is_said_in_one_line(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="xx' cannot be reached: File name too long"):
        open_corpus(name, tmp_path / ("x" * 300))


def test_root_that_is_another_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "x")
    with pytest.raises(SourceError, match="expected a folder, or an EDF or BDF file"):
        search(PlainCorpus, path)


@pytest.mark.edf
def test_real_file_that_starts_after_a_fraction_of_a_second(shared_data: Path) -> None:
    # mne gives 1.951172 s for the first annotation: 2.345703 s less 0.394531 s.
    path = shared_data / "edf-odd" / "holgern_pyedflib" / "test_subsecond.edf"
    spans = read_edf_annotations(path).spans
    assert len(spans) == 4
    assert (float(spans[0].start), spans[0].label) == (1.9511719, "XLSpike")


@pytest.mark.edf
def test_real_file_of_annotations_only(shared_data: Path) -> None:
    path = shared_data / "edf-odd" / "the-siesta-group_edfio" / "SC4001EC-Hypnogram.edf"
    spans = read_edf_annotations(path).spans
    assert len(spans) == 154
    assert spans[1] == Span(
        start=Decimal(30630), stop=Decimal(30750), label="Sleep stage 1", line=1
    )
