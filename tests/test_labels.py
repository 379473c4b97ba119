"""A seizure never becomes background in silence: labels that somebody typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.edf import edf_bytes
from support.requests import load_recorded, recorded

from bgb_fixtures import load_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import SourceError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "onset\tduration\teventType\n"


def write_recording(path: Path, *rows: tuple[float, float, str]) -> None:
    """Write 60 s of noise at 64 Hz with a table of events beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    digital = rng.integers(-200, 200, (19, 60 * 64)).astype(np.int16)
    path.write_bytes(edf_bytes(MONTAGES["10-20"], digital, sfreq=64))
    table = "".join(f"{onset}\t{length}\t{label}\n" for onset, length, label in rows)
    path.with_suffix(".tsv").write_text(HEAD + table, encoding="utf-8")


def build(root: Path, **spec: Any) -> Any:
    """Build from a folder of recordings into `out.h5` above it."""
    request = recorded({"source": "edf", "window_length": 10, **spec})
    return build_fixture(request, root.parent / "out.h5", root=root)


def run(*words: object) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def anfall(tmp_path: Path) -> Path:
    """Make two recordings with one seizure at 20 s, spelt in two ways."""
    root = tmp_path / "data"
    write_recording(root / "a.edf", (20, 15, "Anfall"))
    write_recording(root / "b.edf", (20, 15, "anfall"))
    return root


def test_a_label_that_nothing_declares_leaves_its_recording_out(anfall: Path) -> None:
    report = build(anfall, label_pattern="A.fall")
    assert report.n_recordings == 1
    assert report.n_problems == {"annotation": 1}
    assert [(one.label, one.meaning, one.n) for one in report.labels] == [
        ("Anfall", "seiz", 1),
        ("anfall", "unknown", 1),
    ]


def test_no_window_of_that_recording_is_background(anfall: Path) -> None:
    answer = run(
        *("build", "--source", "edf", "--root", anfall, "--window-length", 10),
        *("--label-pattern", "A.fall", "--dry-run", "--json"),
    )
    windows = json.loads(answer.stdout)
    names = {w["recording"] for w in windows["windows"] + windows["passed_over"]}
    assert names == {"a.edf"}


@pytest.mark.parametrize("command", ["scan", "dry-run", "build"])
def test_labels_are_listed_with_what_they_were_read_as(
    anfall: Path, command: str
) -> None:
    write_recording(anfall / "c.edf", (0, 60, "bckg"), (5, 0, "note"))
    options = ["--source", "edf", "--root", anfall, "--label-pattern", "A.fall"]
    if command == "scan":
        answer = run("scan", *options)
    else:
        options += ["--window-length", 10, "--out", anfall.parent / "out.h5"]
        answer = run("build", *options, *["--dry-run"] * (command == "dry-run"))
    assert answer.exit_code == 0
    assert "labels read as seizures: 'Anfall' as seiz (1)\n" in answer.output
    assert "labels read as no seizure: 'bckg' (1)\n" in answer.output
    assert "labels skipped: 'note' (1)\n" in answer.output
    assert (
        "labels not declared, whose recordings are left out: 'anfall' (1). Declare "
        in (answer.output)
    )


def test_labels_are_declared_as_background_by_a_pattern(anfall: Path) -> None:
    write_recording(anfall / "c.edf", (5, 0, "eyes open"), (9, 0, "eyes closed"))
    report = build(anfall, label_pattern="[Aa]nfall", background_pattern="eyes .*")
    assert report.n_recordings == 3
    assert {one.label: one.meaning for one in report.labels} == {
        "Anfall": "seiz",
        "anfall": "seiz",
        "eyes open": "none",
        "eyes closed": "none",
    }


def test_what_both_patterns_match_is_a_seizure(anfall: Path) -> None:
    report = build(anfall, label_pattern="[Aa]nfall", background_pattern=".*")
    assert {one.meaning for one in report.labels} == {"seiz"}


def test_ignored_rows_do_not_say_that_there_is_no_seizure(anfall: Path) -> None:
    write_recording(anfall / "c.edf", (5, 0, "Recording starts"))
    write_recording(anfall / "d.edf", (5, 0, "Recording starts"), (0, 60, "bckg"))
    ignored = ["Recording starts", "anfall"]
    report = build(anfall, label_pattern="Anfall", ignore_labels=ignored)
    # Of b and c nothing is known.
    assert (report.n_recordings, report.n_problems) == (2, {"annotation": 2})


def test_a_known_type_that_the_pattern_leaves_out_is_not_background(
    anfall: Path,
) -> None:
    write_recording(anfall / "c.edf", (20, 15, "sz_foc"))
    report = build(anfall, label_pattern="Anfall|sz_gen")
    assert report.n_recordings == 1
    assert [one.label for one in report.labels if one.meaning == "unknown"] == [
        "anfall",
        "sz_foc",
    ]


def test_a_translated_label_is_listed_once(tmp_path: Path) -> None:
    for name in "ab":
        write_recording(tmp_path / "data" / f"{name}.edf", (20, 15, "sz_foc_ia"))
    answer = run("scan", "--source", "edf", "--root", tmp_path / "data")
    assert answer.output.count("sz_foc_ia") == 1
    assert "'sz_foc_ia' as cpsz (2)" in answer.output


def test_a_pattern_that_matches_nothing_lists_the_labels(anfall: Path) -> None:
    message = (
        r"Label pattern 'Anf' matches no label as a whole; labels here: 'Anfall' \(1\), "
        r"'anfall' \(1\)"
    )
    with pytest.raises(SourceError, match=message):
        build(anfall, label_pattern="Anf")
    with pytest.raises(SpecError, match=message):
        build(anfall, label_pattern="Anf", background_pattern=".*")


def test_the_refusal_names_all_labels_and_the_options(anfall: Path) -> None:
    write_recording(anfall / "c.edf", (1, 2, "x"), (20, 15, "y"), (40, 1, "x"))
    (anfall / "a.edf").unlink()
    (anfall / "b.edf").unlink()
    message = (
        r"c\.tsv', line 2: unknown eventType 'x'.* Undeclared labels: 'x' \(2\), "
        r"'y' \(1\)\. .* --label-pattern REGEX .* --background-pattern REGEX; "
        r".* --ignore-labels LABEL"
    )
    with pytest.raises(SourceError, match=message):
        build(anfall)


LABELS = ["seizure", "GTCS", "spasm", "crise", "Anfall", "focal seizure", "发作"]


@pytest.mark.parametrize("label", LABELS)
def test_a_pattern_may_be_the_label_itself(tmp_path: Path, label: str) -> None:
    write_recording(tmp_path / "data" / "a.edf", (20, 15, label), (40, 10, "note"))
    saved = tmp_path / "saved.toml"
    request = recorded({"source": "edf", "window_length": 10, "label_pattern": label})
    report = build_fixture(
        request, tmp_path / "out.h5", root=tmp_path / "data", save_spec=saved
    )
    assert load_fixture(report.path).records.spec["label_pattern"] == label
    assert load_recorded(saved).rules == request.rules
    (event,) = (w.events[0] for w in report.windows if w.kind == "ictal")
    assert (event.onset, event.duration) == (0, 10)


def test_kinds_that_exist_are_not_said_to_be_missing(tmp_path: Path) -> None:
    # 60 s, a seizure from 20 to 45 s: the window inside it leaves no room for others.
    write_recording(tmp_path / "data" / "a.edf", (20, 25, "sz"))
    report = build(tmp_path / "data", window_length=20)
    assert [w.kind for w in report.windows] == ["background", "ictal"]
    assert report.missing_kinds == ("whole",)
    assert report.crowded_kinds == {
        "onset": "overlap with a chosen window",
        "offset": "overlap with a chosen window",
    }
    words = ("build", "--source", "edf", "--root", tmp_path / "data")
    answer = run(*words, "--window-length", 20, "--out", tmp_path / "b.h5")
    assert "at this window length: whole\n" in answer.stderr
    assert (
        "kinds available but not chosen: onset, offset (overlap with a chosen window). "
        "To include one, set the number of every kind with --quota, for example --quota "
        "onset=1 --quota background=2\n"
    ) in answer.stderr


def test_annotations_of_another_length_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "data" / "a.edf"
    write_recording(path, (20, 15, "sz"))
    rows = "onset\tduration\teventType\trecordingDuration\n20\t15\tsz\t300\n"
    path.with_suffix(".tsv").write_text(rows, encoding="ascii")
    message = "recording 'a.edf': its annotations cover 300 s, but its file has 60 s"
    assert build(tmp_path / "data").other_lengths[0].startswith(message)
    words = ("build", "--source", "edf", "--root", tmp_path / "data", "--dry-run")
    assert message in run(*words, "--window-length", 10).stdout


def test_labels_of_a_bids_data_set_may_be_ones_own(tmp_path: Path) -> None:
    stem = tmp_path / "data" / "sub-1" / "eeg" / "sub-1_task-x_eeg.edf"
    write_recording(stem, (20, 15, "Anfall"))
    table = stem.with_suffix(".tsv")
    table.rename(stem.with_name("sub-1_task-x_events.tsv"))
    assert (
        build(tmp_path / "data", source="bids", label_pattern="An.*").n_recordings == 1
    )
