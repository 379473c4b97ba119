"""What a corpus holds: counts, problems, and the command that shows them."""

from __future__ import annotations

import json
import os
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bgb_fixtures.cli import main
from bgb_fixtures.corpora import open_corpus
from bgb_fixtures.corpora.scan import scan_corpus
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.request.annotation_rules import AnnotationRules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = """\
# version = csv_v1.0.0
# bname = {stem}
# duration = 300.00 secs
#
channel,start_time,stop_time,label,confidence
"""


def put(
    root: Path, split: str, subject: str, *rows: str, signal: bool = True, take: int = 0
) -> None:
    """Write one recording of TUSZ; without rows it is not annotated."""
    stem = f"{subject}_s001_t{take:03d}"
    folder = root / "edf" / split / subject / "s001_2002" / "01_tcp_ar"
    folder.mkdir(parents=True, exist_ok=True)
    if rows:
        text = HEAD.format(stem=stem) + "".join(f"{row}\n" for row in rows)
        (folder / f"{stem}.csv").write_text(text, encoding="ascii")
    if signal:
        (folder / f"{stem}.edf").touch()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Make seven recordings of five subjects, one of them for each kind of trouble."""
    root = tmp_path / "tusz"
    put(
        root,
        "train",
        "aaaaaaaa",
        "FP1-F7,10.0,30.0,fnsz,1.0",
        "F7-T3,20.0,35.5,fnsz,1.0",
        "C3-CZ,30.0,40.0,gnsz,1.0",
    )
    put(root, "train", "aaaaaaaa", "FP1-F7,0.0,300.0,bckg,1.0", take=1)
    put(root, "train", "aaaaaaab", "FP1-F7,5.0,6.25,gnsz,1.0", signal=False)
    put(root, "train", "aaaaaaac", "FP1-F7,5.0,4.0,gnsz,1.0")
    put(root, "train", "aaaaaaac", take=1)
    put(root, "dev", "aaaaaaad", "FP1-F7,0.0,300.0,bckg,1.0")
    put(root, "eval", "aaaaaaae", "FP1-F7,7.0,8.0,absz,1.0")
    return root


def scan_json(*args: object) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["scan", "--json", *map(str, args)])
    answer: dict[str, Any] = json.loads(result.stdout)
    # The answer is complete even if nothing in it can be used.
    assert result.exit_code == (0 if answer["totals"]["n_usable"] else 1)
    return answer


def test_totals_count_what_is_annotated(corpus: Path) -> None:
    assert scan_json("--source", "tusz", "--root", corpus)["totals"] == {
        "n_recordings": 5,
        "n_with_seizures": 3,
        "n_seizures": 4,
        # 10-40 s (two types overlap), 1.25 s and 1 s.
        "seizure_seconds": 32.25,
        "recorded_seconds": 1500.0,
        "n_signal_missing": 1,
        "n_without_duration": 0,
        "n_subjects": 4,
        "n_usable": 3,
    }


def test_counts_by_split_and_type(corpus: Path) -> None:
    answer = scan_json("--source", "tusz", "--root", corpus)
    assert {
        split: (sums["n_recordings"], sums["n_seizures"], sums["seizure_seconds"])
        for split, sums in answer["by_split"].items()
    } == {"train": (3, 3, 31.25), "dev": (1, 0, 0.0), "eval": (1, 1, 1.0)}
    assert answer["by_type"] == {
        "fnsz": {"n_seizures": 1, "seizure_seconds": 25.5},
        "gnsz": {"n_seizures": 2, "seizure_seconds": 11.25},
        "absz": {"n_seizures": 1, "seizure_seconds": 1.0},
    }


def test_every_recording_is_listed_with_what_became_of_it(corpus: Path) -> None:
    recordings = scan_json("--source", "tusz", "--root", corpus)["recordings"]
    obtained = [
        (r["name"].rpartition("/")[2][:18], r["split"], r["signal"], r["problem"])
        for r in recordings
    ]
    assert obtained == [
        ("aaaaaaad_s001_t000", "dev", "present", None),
        ("aaaaaaae_s001_t000", "eval", "present", "split"),
        ("aaaaaaaa_s001_t000", "train", "present", None),
        ("aaaaaaaa_s001_t001", "train", "present", None),
        ("aaaaaaab_s001_t000", "train", "missing", "no-signal"),
        ("aaaaaaac_s001_t000", "train", "present", "annotation"),
        ("aaaaaaac_s001_t001", "train", "present", "unannotated"),
    ]
    assert recordings[2] == {
        "name": "edf/train/aaaaaaaa/s001_2002/01_tcp_ar/aaaaaaaa_s001_t000.edf",
        "subject": "aaaaaaaa",
        "split": "train",
        "signal": "present",
        "duration": 300.0,
        "n_seizures": 2,
        "seizure_seconds": 30.0,
        "events": [
            {"onset": 10.0, "duration": 25.5, "label": "fnsz"},
            {"onset": 30.0, "duration": 10.0, "label": "gnsz"},
        ],
        "problem": None,
        "message": None,
    }
    assert "line 6: seizure stops at 4.0 s" in recordings[5]["message"]
    assert recordings[5]["n_seizures"] is None


def test_no_recording_is_opened(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: LocalFile, path: str) -> None:  # noqa: ARG001
        pytest.fail(f"{path} was opened")

    monkeypatch.setattr(LocalFile, "__init__", refuse)
    scan_json("--source", "tusz", "--root", corpus)


def test_people_get_a_table_and_the_reasons(corpus: Path) -> None:
    args = ["scan", "--source", "tusz", "--root", str(corpus)]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.stdout.startswith(
        "annotated recordings: 5, with seizures: 3; subjects: 4"
    )
    assert ["train", "3", "0.25", "3", "31.2", "1"] in lines
    assert ["all", "5", "0.42", "4", "32.2", "1"] in lines
    assert ["gnsz", "2", "11.2"] in lines
    assert "      1  annotated, but its EDF or BDF file is missing" in result.stdout
    reason = "in split eval, not used without --split eval"
    assert f"      1  {reason}\n" in result.stdout
    assert "+" not in result.stdout
    (message,) = result.stderr.splitlines()
    assert message.endswith("expected after its start, 5.0 s")


def test_many_bad_recordings_are_cut_short(tmp_path: Path) -> None:
    for i in range(25):
        put(tmp_path, "train", "aaaaaaac", "FP1-F7,5.0,4.0,gnsz,1.0", take=i)
    args = ["scan", "--source", "tusz", "--root", str(tmp_path)]
    lines = CliRunner().invoke(main, args).stderr.splitlines()
    assert len(lines) == 22
    assert lines[-2] == "... and 5 more; --json lists all"
    assert lines[-1].startswith("nothing can be used: ")


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_strict_fails_for_a_bad_annotation(corpus: Path, as_json: list[str]) -> None:
    args = ["scan", "--source", "tusz", "--root", str(corpus), "--strict", *as_json]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 1
    assert "aaaaaaac_s001_t000" in result.output


def test_strict_passes_for_what_is_only_not_there(corpus: Path) -> None:
    bad = next(corpus.rglob("aaaaaaac_s001_t000.csv"))
    bad.unlink()
    args = ["scan", "--source", "tusz", "--root", str(corpus), "--strict"]
    assert CliRunner().invoke(main, args).exit_code == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        pytest.param(["--root", "."], 2, "Missing option '--source'", id="no-source"),
        pytest.param(["--source", "tusz"], 2, "Missing option '--root'", id="no-root"),
        pytest.param(
            ["--source", "tuz", "--root", "."], 2, "did you mean 'tusz'", id="slip"
        ),
        pytest.param(
            ["--source", "tusz", "--root", ".", "--label-pattern", "x"],
            2,
            "--label-pattern applies to --source edf and bids only; drop it",
            id="option-of-another-source",
        ),
        pytest.param(
            ["--source", "tusz", "--root", "nowhere"],
            1,
            "'nowhere': no such folder or file",
            id="nowhere",
        ),
    ],
)
def test_wrong_request_is_refused(args: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(main, ["scan", *args])
    assert result.exit_code == code
    assert message in result.stderr


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    answer = scan_json("--source", "tusz", "--root", tmp_path)
    assert (answer["totals"]["n_recordings"], answer["recordings"]) == (0, [])


def test_progress_is_told_for_each_recording(corpus: Path) -> None:
    steps: list[tuple[int, int]] = []
    scan_corpus(
        open_corpus("tusz", corpus), lambda done, total: steps.append((done, total))
    )
    assert steps == [(i, 7) for i in range(1, 8)]


def test_a_folder_that_cannot_be_listed_does_not_end_the_scan(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if path.name == "dev":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan_corpus(open_corpus("tusz", corpus))
    first = found.bad[0]
    assert first["name"] == "edf/dev/"
    assert "cannot be listed: Permission denied" in first["message"]
    assert found.totals["n_recordings"] == 4


@pytest.mark.parametrize("layout", ["tusz", "chbmit", "bids"])
def test_every_twin_is_scanned_in_any_order_of_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    report = write_corpus(layout, tmp_path / layout, n_recordings=6, duration=20)
    scandir = os.scandir

    class Shuffled:
        def __init__(self, path: str | Path) -> None:
            with scandir(path) as entries:
                self._entries: list[os.DirEntry[str]] = list(entries)
            random.Random(str(path)).shuffle(self._entries)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self._entries)

        def __exit__(self, *_: object) -> None:
            pass

    before = scan_corpus(open_corpus(layout, report.path))
    monkeypatch.setattr(os, "scandir", Shuffled)
    assert scan_corpus(open_corpus(layout, report.path)) == before
    assert before.totals["n_recordings"] == 6
    expected = [(r.name, len(r.events)) for r in report.recordings]
    assert [(r["name"], r["n_seizures"]) for r in before.recordings] == expected


def test_edf_files_with_a_pattern_are_scanned(tmp_path: Path) -> None:
    (tmp_path / "a.edf").touch()
    table = "onset\tduration\teventType\n3\t2\tAnfall\n"
    (tmp_path / "a.tsv").write_text(table, encoding="ascii")
    args = ["--source", "edf", "--root", tmp_path, "--label-pattern", "Anfall"]
    totals = scan_json(*args)["totals"]
    assert (totals["n_seizures"], totals["n_without_duration"]) == (1, 1)


def test_hours_of_recordings_without_a_duration_have_a_plus_and_its_meaning(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.edf").touch()
    (tmp_path / "a.tsv").write_text(TABLE, encoding="ascii")
    result = CliRunner().invoke(
        main, ["scan", "--source", "edf", "--root", str(tmp_path)]
    )
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["all", "1", "0.00+", "1", "2.0", "0"] in lines
    assert "\n+: the duration of some recordings is unknown\n" in result.stdout


def test_annotations_of_edf_files_may_be_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "data" / "a.edf"
    path.parent.mkdir()
    path.touch()
    table = tmp_path / "list.tsv"
    table.write_text("onset\tduration\teventType\n3\t2\tsz\n", encoding="ascii")
    args = ["--source", "edf", "--root", path, "--annotations", table]
    assert scan_json(*args)["totals"]["seizure_seconds"] == 2.0


TABLE = "onset\tduration\teventType\n3\t2\tsz\n"
ALONE = "2 recordings directly in the folder: each counts as a subject of its own"


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        pytest.param(("a.edf", "b.edf"), True, id="no-subject"),
        pytest.param(("a.edf",), False, id="one"),
        pytest.param(("sub-1_a.edf", "sub-2_a.edf"), False, id="prefix"),
        pytest.param(("p1/a.edf", "p2/a.edf"), False, id="folders"),
        pytest.param(("a.edf", "b.edf", "p2/a.edf"), False, id="some"),
    ],
)
def test_recordings_that_each_count_as_a_subject_are_told(
    tmp_path: Path, names: tuple[str, ...], is_told: bool
) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        path.with_suffix(".tsv").write_text(TABLE, encoding="ascii")
    (tmp_path / "unannotated.edf").touch()
    args = ["scan", "--source", "edf", "--root", str(tmp_path)]
    result = CliRunner().invoke(main, args)
    assert (f"\n{ALONE}" in result.stdout) == is_told


ANNEX = "/annex/objects/MD5E-s43008--0123456789abcdef0123456789abcdef.edf\n"
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 43008\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "its file is a link to nothing", id="link"),
        pytest.param(ANNEX, "only a pointer .*'git annex get'", id="annex"),
        pytest.param(LFS, "only a pointer .*'git lfs pull'", id="lfs"),
    ],
)
def test_a_file_that_was_not_fetched_counts_as_no_signal(
    tmp_path: Path, content: str | None, message: str
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.tsv").write_text(TABLE, encoding="ascii")
    (tmp_path / "b.edf").touch()
    if content is None:
        (tmp_path / "a.edf").symlink_to("../.git/annex/objects/x.edf")
    else:
        (tmp_path / "a.edf").write_text(content, encoding="ascii")
    answer = scan_json("--source", "edf", "--root", tmp_path)
    assert answer["problems"] == {"no-signal": 1}
    assert answer["totals"]["n_signal_missing"] == 1
    assert re.search(message, answer["recordings"][0]["message"])


def test_a_link_to_nothing_is_not_asked_for_annotations_inside(tmp_path: Path) -> None:
    (tmp_path / "a.edf").symlink_to("nowhere.edf")
    corpus = open_corpus("edf", tmp_path, rules=AnnotationRules(label_pattern="x"))
    assert scan_corpus(corpus).problems == {"no-signal": 1}


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        pytest.param({}, "give the folder that holds the recordings", id="nothing"),
        pytest.param({"a.edf": ""}, "--annotations PATH", id="unannotated"),
        pytest.param(
            {"a.edf": "", "a.tsv": TABLE.replace("sz", "Anfall")},
            "with --label-pattern, and which are none with --background-pattern",
            id="labels",
        ),
        pytest.param(
            {"a_events.tsv": TABLE}, "fetch the EDF or BDF files", id="absent"
        ),
        pytest.param({"a.edf": "", "a.tsv": "x\n"}, "--columns names", id="columns"),
    ],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_scan_fails_and_says_what_helps_if_nothing_can_be_used(
    tmp_path: Path, files: dict[str, str], advice: str, as_json: list[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    args = ["scan", "--source", "edf", "--root", str(tmp_path), *as_json]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("nothing can be used: ")
    assert advice in last


@pytest.mark.edf
def test_real_summaries_hold_141_seizures(shared_data: Path) -> None:
    root = shared_data / "chbmit-annotations"
    totals = scan_json("--source", "chbmit", "--root", root)["totals"]
    assert (totals["n_recordings"], totals["n_seizures"]) == (459, 141)
    assert totals["n_signal_missing"] == 459
    assert totals["n_usable"] == 0


@pytest.mark.edf
def test_real_annotations_of_tusz_are_counted(shared_data: Path) -> None:
    root = shared_data / "tusz-format" / "noise-edf"
    answer = scan_json("--source", "tusz", "--root", root)
    assert (answer["totals"]["n_recordings"], answer["problems"]) == (9, {})
    assert answer["by_split"]["dev"]["n_seizures"] == 4
