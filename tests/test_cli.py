"""The command line: answers on stdout, messages on stderr, exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
import pytest
from support.requests import recorded

from bgb_fixtures import __version__, build
from bgb_fixtures.build import BuildReport
from bgb_fixtures.cli import main
from bgb_fixtures.commands.common import with_options
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.errors import Key, SpecError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

SPEC = """
name = "little"
source = "synthetic"
window_length = 4
[[recordings]]
subject = 1
split = "train"
duration = 12
windows = [0, 8]
events = [{ onset = 2, duration = 4.5, label = "absz" }]
"""


@dataclass(frozen=True)
class Answer:
    code: int | str | None
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call the command with arguments, as the console script does."""

    def call(*arguments: str | Path) -> Answer:
        code: int | str | None = 0
        try:
            main([str(a) for a in arguments], prog_name="bgb-fixtures")
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return Answer(code=code, out=captured.out, err=captured.err)

    return call


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    path = tmp_path / "little.toml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "bgb_fixtures", *map(str, arguments)]


# Help


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_help_of_every_command_has_an_example(
    run: Callable[..., Answer], name: str
) -> None:
    answer = run(name, "--help")
    assert answer.code == 0
    assert f"Example: bgb-fixtures {name}" in answer.out


def test_help_lists_the_commands(run: Callable[..., Answer]) -> None:
    listed = run("-h").out.split("Commands:")[1].splitlines()
    assert [line.split()[0] for line in listed if line] == main.list_commands(
        click.Context(main)
    )


def test_help_of_build_states_the_defaults_as_they_are(
    run: Callable[..., Answer],
) -> None:
    # Lines may end behind the hyphen of a name.
    text = " ".join(run("build", "--help").out.split()).replace("- ", "-")
    spec = recorded({"source": "chbmit"})
    assert (spec.window_length, spec.criteria.per_kind) == (60, 2)
    assert (spec.montage.name, spec.profile.name) == ("double-banana", "raw-1")
    assert (spec.name, spec.sfreq) == ("chbmit", None)
    assert "Length of a window [60]." in text
    assert "(onset, offset, whole, ictal, background) [2]; not with --quota." in text
    assert "double-banana [default for chbmit]" in text
    assert "10-20 only) [raw-1; with --windows zscore-1]" in text
    assert "[the name of the source]" in text
    assert "resampled [the rate that the recordings share; with --windows 256]" in text
    assert (spec.criteria.seed, spec.missing, spec.splits) == (None, "error", ())
    assert "visit recordings in a seeded random order [by name]" in text
    assert "(drop-window), or compute the electrode from its neighbours" in text
    assert "neighbours (interpolate) [error]" in text
    assert "Kinds and categories without a quota get no windows" in text
    assert "repeatable [all but eval]" in text


def test_version_is_printed(run: Callable[..., Answer]) -> None:
    assert run("--version").out == f"bgb-fixtures, version {__version__}\n"


# build


def test_build_says_what_it_wrote(
    run: Callable[..., Answer], spec_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "a.h5"
    answer = run("build", "--spec", spec_file, "--out", target)
    assert answer == Answer(
        code=0,
        out=f"wrote {target}: 2 windows, 1 with a seizure, 0.3 MB\n",
        err="",
    )


@pytest.mark.parametrize("command", ["build", "adapt"])
def test_replacing_a_fixture_is_said(
    command: str, run: Callable[..., Answer], spec_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "a.h5"
    words = ["build", "--spec", spec_file, "--out", target]
    if command == "adapt":
        words = ["adapt", "tiny", "--window-length", "4", "--out", target]
    first = json.loads(run(*words, "--json").out)
    assert first["replaced"] is False
    assert run(*words).out.startswith(f"replaced {target}: ")
    assert json.loads(run(*words, "--json").out)["replaced"] is True
    helped = " ".join(run(command, "--help").out.split())
    assert "an existing fixture is replaced" in helped


def test_build_names_the_file_after_the_fixture_in_this_folder(
    run: Callable[..., Answer],
    spec_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run("build", "--spec", spec_file).code == 0
    assert [path.name for path in folder.iterdir()] == ["little.h5"]


def test_build_without_a_spec_takes_the_packaged_one_and_none_of_this_folder(
    run: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smoke.toml").write_text("not = a spec", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    answer = run("build")
    assert answer.out.startswith("wrote smoke.h5: 18 windows, 6 with a seizure, ")
    assert (answer.code, answer.err) == (0, "")


def test_build_lists_the_kinds_that_it_did_not_find(
    run: Callable[..., Answer], small_fixture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = BuildReport(
        path=small_fixture,
        windows=(),
        missing_kinds=("offset", "whole"),
        n_recordings=4,
    )
    monkeypatch.setattr(build, "build_fixture", lambda *_, **__: report)
    answer = run("build", "--source", "chbmit", "--root", "x")
    assert answer.code == 0
    assert answer.err == (
        "kinds of window not found in the 4 annotated recordings at this window length: "
        "offset, whole\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["--source", "chmit", "--root", "x"],
            "unknown source 'chmit'; did you mean 'chbmit'? "
            "Sources: 'bids', 'chbmit', 'edf', 'siena', 'tusz'",
            id="misspelt-source",
        ),
        pytest.param(
            ["--source", "chbmit", "--root", "x", "--montage", "Double_Banana"],
            "unknown montage 'Double_Banana'; did you mean 'double-banana'?",
            id="misspelt-montage",
        ),
        pytest.param(
            ["--source", "chbmit", "--root", "x", "--profile", "zscore"],
            "unknown profile 'zscore'; did you mean 'zscore-1'?",
            id="misspelt-profile",
        ),
        pytest.param(
            ["--source", "physionet", "--root", "x"],
            "unknown source 'physionet'. Sources: 'bids'",
            id="a-word-that-is-like-none",
        ),
        pytest.param(
            ["--source", "chbmit"], "source 'chbmit' needs --root PATH", id="no-root"
        ),
        pytest.param(["--root", "x"], "--root needs --source NAME", id="no-source"),
        pytest.param(
            ["--window-length", "10"],
            "--window-length needs --windows N (synthetic EEG) or --source NAME --root "
            "PATH (recordings). To change the default fixture, use bgb-fixtures adapt",
            id="option-of-neither",
        ),
        pytest.param(
            ["--seed", "3", "--ictal-share", "0.3"],
            "--ictal-share, --seed need --windows N",
            id="options-of-neither",
        ),
        pytest.param(
            ["--source", "synthetic"],
            "--source synthetic needs --windows N",
            id="synthetic",
        ),
        pytest.param(
            ["--source", "chbmit", "--root", "x", "--windows", "4", "--seed", "1"],
            "--windows applies to synthetic EEG only",
            id="windows-of-recordings",
        ),
        pytest.param(
            ["--windows", "4", "--per-kind", "1"],
            "--per-kind applies to recordings only",
            id="kinds-of-windows",
        ),
        pytest.param(
            ["--windows", "0"],
            "Invalid value for '--windows': expected an integer of at least 1, got 0",
            id="no-windows",
        ),
        pytest.param(
            ["--windows", "4", "--ictal-share", "0"],
            "--ictal-share 0 gives no window with a seizure; a fixture needs at least one",
            id="no-seizure",
        ),
        pytest.param(
            ["--windows", "4", "--ictal-share", "2"],
            "Invalid value for '--ictal-share': expected a number from 0 to 1, got 2.0",
            id="share",
        ),
        pytest.param(
            ["--spec", "a.toml", "--montage", "10-20", "--per-kind", "3"],
            "--spec already describes the build; drop --montage, --per-kind, or write "
            "it into the spec",
            id="spec-and-options",
        ),
        pytest.param(
            ["--source", "chbmit", "--root", "x", "--per-kind", "0"],
            "Invalid value for '--per-kind': expected an integer from 1 to 100000, got 0",
            id="out-of-range",
        ),
        pytest.param(
            ["--source", "chbmit", "--root", "x", "--sfreq", "fast"],
            "'fast' is not a valid float",
            id="no-number",
        ),
        pytest.param(["--sorce", "chbmit"], "--source", id="misspelt-option"),
        pytest.param(["real.h5"], "unexpected extra argument", id="extra-argument"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_to_do(
    run: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run("build", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []


def test_windows_are_generated_without_a_spec(
    run: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run("build", "--windows", "4", "--seed", "5", "--window-length", "8")
    assert answer.code == 0
    assert answer.out.startswith("wrote synthetic.h5: 4 windows, 2 with a seizure")
    assert "synthetic-2, seed 5" in run("info", "synthetic.h5").out


@pytest.mark.parametrize(
    "window", [pytest.param("1", id="number"), pytest.param("w0", id="id")]
)
def test_plot_names_a_window_by_number_or_id(
    run: Callable[..., Answer], banana_fixture: Path, tmp_path: Path, window: str
) -> None:
    target = tmp_path / "w.svg"
    answer = run("plot", banana_fixture, "--window", window, "--out", target)
    assert (answer.code, answer.out) == (0, f"wrote {target}\n")
    assert "w0: onset, fnsz" in target.read_text("utf-8")


def test_plot_takes_rows_as_montage(
    run: Callable[..., Answer], banana_fixture: Path, tmp_path: Path
) -> None:
    target = tmp_path / "w.svg"
    words = ("--window", "1", "--montage", "Fp1-F7,Cz", "--out", target)
    answer = run("plot", banana_fixture, *words)
    assert (answer.code, answer.out) == (0, f"wrote {target}\n")


def test_plot_of_a_window_that_is_not_there_names_those_that_are(
    run: Callable[..., Answer], banana_fixture: Path, tmp_path: Path
) -> None:
    answer = run("plot", banana_fixture, "--window", "5", "--out", tmp_path / "w.png")
    assert answer.code == 1
    assert "expected a number from 1 to 4, or an id: w0, w1, w2, w3" in answer.err
    assert list(tmp_path.glob("*.png")) == []


def test_an_unknown_command_exits_with_2(run: Callable[..., Answer]) -> None:
    answer = run("infos")
    assert answer.code == 2
    assert "No such command 'infos'" in answer.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("name = ", "little.toml' is not TOML: ", id="not-TOML"),
        pytest.param(
            SPEC.replace("4.5", "-1"),
            "duration: expected a number from",
            id="bad-value",
        ),
        pytest.param(
            SPEC.replace("windows = [0, 8]", "windows = [8]"),
            "expected at least one window with a seizure",
            id="no-positive-window",
        ),
    ],
)
def test_a_spec_that_cannot_be_built_is_one_line_and_exits_with_1(
    run: Callable[..., Answer],
    spec_file: Path,
    tmp_path: Path,
    text: str,
    message: str,
) -> None:
    spec_file.write_text(text, encoding="utf-8")
    answer = run("build", "--spec", spec_file, "--out", tmp_path / "a.h5")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert message in answer.err
    assert not (tmp_path / "a.h5").exists()


def test_a_fixture_given_as_a_spec_is_recognised(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    answer = run("build", "--spec", small_fixture)
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "small.h5' is a fixture, not a spec (TOML); build --save-spec" in answer.err


def test_a_spec_given_as_a_fixture_is_recognised(
    run: Callable[..., Answer], spec_file: Path
) -> None:
    answer = run("info", spec_file)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.endswith(
        "little.toml' is not a fixture: if it is a spec, build it with bgb-fixtures "
        "build --spec\n"
    )


def test_a_spec_that_is_not_there_is_one_line_and_exits_with_1(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    path = tmp_path / "none.toml"
    assert run("build", "--spec", path) == Answer(
        code=1,
        out="",
        err=f"Error: spec {str(path)!r} cannot be read: No such file or directory; "
        "packaged specs: smoke, tiny, smoke-1, tiny-1, chbmit-smoke\n",
    )


def test_a_file_that_is_no_fixture_is_not_overwritten(
    run: Callable[..., Answer], spec_file: Path
) -> None:
    answer = run("build", "--spec", spec_file, "--out", spec_file)
    assert (answer.code, spec_file.read_text(encoding="utf-8")) == (1, SPEC)
    assert "exists and is not a fixture, so it is not replaced" in answer.err


# info


def test_info_shows_facts_and_a_table(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    answer = run("info", small_fixture)
    facts, table, legend = answer.out.split("\n\n")
    assert legend.splitlines() == [
        "start: seconds from the start of the recording",
        "category: none = no ictal sample, full = at least 99 %, partial = between",
        "kind: onset/offset = a seizure begins/ends inside, whole = both, ictal = throughout,",
        "  background = no seizure, artefact = no seizure, with an artefact",
        "clipped: samples cut off at 10 standard deviations, in all channels together",
        "codes, as in TUSZ: fnsz = focal",
        "montage: what each channel is; Fp1-F7 is Fp1 minus F7",
    ]
    assert (answer.code, answer.err) == (0, "")
    assert facts.splitlines()[0] == "fixture  small, content version 1"
    assert facts.splitlines()[2:9] == [
        "signals  4 windows x 3 channels x 512 samples (2 s at 256 Hz), dimensionless",
        "profile  zscore-1",
        "montage  10-20: Fp1 F3 C3",
        "counts   1 none, 2 partial, 1 full",
        "source   synthetic",
        "licence  CC0-1.0 (https://creativecommons.org/publicdomain/zero/1.0/)",
        "cite     none needed",
    ]
    assert [line.split() for line in table.splitlines()[1:]] == [
        [
            "w0",
            "train",
            "sub-01",
            "rec-01",
            "0",
            "partial",
            "onset",
            "0",
            "fnsz",
            "0.5-2",
        ],
        ["w1", "train", "sub-01", "rec-02", "10", "full", "ictal", "0", "fnsz", "0-2"],
        ["w2", "train", "sub-01", "rec-03", "20", "none", "background", "0"],
        [
            "w3",
            "dev",
            "sub-02",
            "rec-04",
            "30",
            "partial",
            "whole",
            "0",
            "fnsz",
            "0.25-1.25",
        ],
    ]


def test_info_for_git_diff_has_no_legend(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    assert run("info", small_fixture, "--text").out.count("\n\n") == 1


def test_info_shows_long_times_in_full(
    run: Callable[..., Answer], make_content: Callable[..., Content], tmp_path: Path
) -> None:
    content = make_content()
    windows = [replace(content.windows[0], onset=13688.00390625), *content.windows[1:]]
    path = write_fixture(make_content(windows=tuple(windows)), tmp_path / "a.h5")
    assert " 13688.004 " in run("info", path).out


def test_info_warns_of_a_fixture_that_must_not_be_published(
    run: Callable[..., Answer], make_content: Callable[..., Content], tmp_path: Path
) -> None:
    licence = make_content().licence | {"redistributable": False}
    path = write_fixture(make_content(licence=licence), tmp_path / "a.h5")
    assert "NOT REDISTRIBUTABLE: do not publish this file" in run("info", path).out


def test_info_as_json_is_index_and_records(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    value = json.loads(run("info", small_fixture, "--json").out)
    assert sorted(value) == ["index", "records"]
    assert value["index"]["counts"] == {"none": 1, "partial": 2, "full": 1}
    assert value["records"]["windows"][0]["events"] == [
        {"onset": 0.5, "duration": 1.5, "label": "fnsz"}
    ]


@pytest.mark.parametrize("name", ["info", "verify"])
def test_a_fixture_that_is_not_there_is_one_line_and_exits_with_1(
    run: Callable[..., Answer], tmp_path: Path, name: str
) -> None:
    answer = run(name, tmp_path / "none.h5")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert answer.err.startswith("Error: no fixture ")


# verify


def test_verify_says_what_it_checked(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    answer = run("verify", small_fixture)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{small_fixture}: verified\n")
    assert "3 of 4 windows hold a seizure: 2 partial, 1 full, 1 none" in answer.out


def test_verify_as_json_has_the_digest(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    value = json.loads(run("verify", small_fixture, "--json").out)
    assert (value["verified"], value["path"]) == (True, str(small_fixture))
    assert value["digest"].encode() in small_fixture.read_bytes()[:96]


@pytest.fixture
def broken(small_fixture: Path, tmp_path: Path) -> Path:
    content = bytearray(small_fixture.read_bytes())
    content[-1] ^= 1
    path = tmp_path / "broken.h5"
    path.write_bytes(content)
    return path


def test_verify_of_a_changed_file_is_one_line_and_exits_with_1(
    run: Callable[..., Answer], broken: Path
) -> None:
    answer = run("verify", broken)
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "expected SHA-256" in answer.err


def test_verify_of_a_changed_file_as_json_says_so_on_stdout(
    run: Callable[..., Answer], broken: Path
) -> None:
    answer = run("verify", broken, "--json")
    value = json.loads(answer.out)
    assert (answer.code, answer.err, value["verified"]) == (1, "", False)
    assert "expected SHA-256" in value["error"]


# Recordings in files: select, build, look back


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a synthetic corpus in the layout of TUSZ: 6 recordings of 20 s."""
    root = tmp_path_factory.mktemp("twin") / "tusz"
    return write_corpus("tusz", root, n_recordings=6, duration=20, seed=3).path


@pytest.fixture
def of_twin(run: Callable[..., Answer], twin: Path) -> Callable[..., Answer]:
    def call(*arguments: str | Path) -> Answer:
        where = ("--source", "tusz", "--root", twin, "--window-length", "5")
        return run("build", *where, *arguments)

    return call


def test_a_dry_run_lists_windows_and_reasons_and_writes_nothing(
    of_twin: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = of_twin("--dry-run", "--quota", "onset=1", "--quota", "dev:none=1")
    assert (answer.code, answer.err) == (0, "")
    first, *lines = answer.out.splitlines()
    assert first.startswith(
        "selection: 2 windows of 5 s at 256 Hz, 1 with a seizure, from 2"
    )
    assert [line.split()[:2] for line in lines[:2]] == [
        ["onset", "train"],
        ["background", "dev"],
    ]
    assert lines[2] == "not selected:"
    assert any(line.endswith("not requested by any quota") for line in lines[3:])
    reason = "in split eval, not used without --split eval"
    assert f"  2 recordings: {reason}" in lines
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_one_window_counts_in_the_singular(
    of_twin: Callable[..., Answer],
) -> None:
    answer = of_twin("--dry-run", "--quota", "onset=1")
    assert answer.out.startswith(
        "selection: 1 window of 5 s at 256 Hz, 1 with a seizure, from 1 of 4 recordings "
        "(2 file headers read)\n"
    )
    assert "1 windows" not in answer.out


def test_a_dry_run_of_synthetic_eeg_reads_no_header(
    run: Callable[..., Answer],
) -> None:
    answer = run("build", "--windows", "2", "--window-length", "8", "--dry-run")
    assert answer.out.splitlines()[0] == (
        "selection: 2 windows of 8 s at 256 Hz, 1 with a seizure, from 2 of 2 recordings"
    )


def test_a_dry_run_sends_no_control_character_of_a_name_to_the_terminal(
    run: Callable[..., Answer], twin: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a\x07b"
    folder.mkdir()
    for path in sorted(twin.rglob("*_t000.*")):
        if "train" in path.parts and path.suffix in (".edf", ".csv_bi"):
            shutil.copy(path, folder)
    where = ("--source", "edf", "--root", tmp_path, "--window-length", "5")
    answer = run("build", *where, "--dry-run")
    assert (answer.code, "\x07" in answer.out) == (0, False)
    assert "'a\\x07b/" in answer.out


def test_a_dry_run_as_json_holds_every_candidate(
    of_twin: Callable[..., Answer],
) -> None:
    value = json.loads(of_twin("--dry-run", "--json", "--per-kind", "1").out)
    assert value["sfreq"] == 256
    assert {w["kind"] for w in value["windows"]} >= {"background"}
    for window in (*value["windows"], *value["passed_over"]):
        assert window["recording"].endswith(".edf")
        assert window["types"] == [] or window["kind"] != "background"
    assert all(window["reason"] for window in value["passed_over"])
    assert len(value["unused_recordings"]) >= 1


def test_options_of_recordings_are_the_keys_of_a_spec(
    of_twin: Callable[..., Answer], tmp_path: Path
) -> None:
    target = tmp_path / "a.h5"
    answer = of_twin(
        *("--quota", "train:partial=1", "--quota", "none=2", "--split", "train"),
        *("--per-subject", "3", "--per-type", "3", "--seed", "9", "--sfreq", "128"),
        *("--montage", "Cz,Fp1-F7", "--missing", "drop-window"),
        *("--band-pass", "1", "40", "--alias", "EEG 1=CZ", "--out", target),
    )
    assert answer.code == 0
    with load_fixture(target) as fixture:
        assert fixture.records.spec == {
            "name": "tusz",
            "content_version": 1,
            "source": "tusz",
            "window_length": 5,
            "montage": ["Cz", "Fp1-F7"],
            "profile": "raw-1",
            "sfreq": 128,
            "quotas": {"train": {"partial": 1}, "none": 2},
            "splits": ["train"],
            "per_subject": 3,
            "per_type": 3,
            "seed": 9,
            "missing": "drop-window",
            "band_pass": [1, 40],
            "aliases": {"EEG 1": "CZ"},
        }
        assert fixture.signals.shape == (3, 2, 640)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["--quota", "onset"],
            "'--quota': expected WORD=N, such as onset=4 or dev:none=2; got 'onset'",
            id="quota",
        ),
        pytest.param(["--quota", "onset=x"], "onset=4 or dev:none=2", id="number"),
        pytest.param(
            ["--quota", "dev:onest=1"],
            "'--quota': unknown kind or category 'onest'; did you mean 'onset'?",
            id="kind",
        ),
        pytest.param(
            ["--quota", "dev=2", "--quota", "dev:none=1"],
            "Invalid value for '--quota': 'none' is given",
            id="split-and-kind",
        ),
        pytest.param(
            ["--quota", "onset=1", "--quota", "onset=2"],
            "Invalid value for '--quota': given twice: 'onset'",
            id="two",
        ),
        pytest.param(
            ["--quota", "onset=1", "--per-kind", "3"],
            "Error: --per-kind cannot be combined with --quota; drop one",
            id="quota-and-per-kind",
        ),
        pytest.param(
            ["--quota", "none=2"],
            "Error: the quotas request no window with a seizure; a fixture needs at "
            "least one: add for example --quota partial=1\n",
            id="quota-without-a-seizure",
        ),
        pytest.param(
            ["--alias", "Fp1"],
            "Invalid value for '--alias': expected LABEL=OTHER; got 'Fp1'",
            id="alias",
        ),
        pytest.param(
            ["--window-length", "-3"],
            "'--window-length': expected a number from 1 to 3600 s, got -3\n",
            id="length",
        ),
        pytest.param(
            ["--type", "fzns"],
            "Invalid value for '--type': unknown seizure type 'fzns'; did you mean "
            "'fnsz'? Expected one of: seiz, fnsz, gnsz, ",
            id="type",
        ),
        pytest.param(
            ["--name", "a b"],
            "Invalid value for '--name': expected lower-case letters, digits, '.', '_'",
            id="name",
        ),
        pytest.param(
            ["--licence", "CC0-1.0"],
            "Error: --licence applies to --source edf and bids only: tusz states its own",
            id="licence",
        ),
        pytest.param(
            ["--dev-subject", "x"],
            "Error: --dev-subject cannot be used with --source tusz, which defines its "
            "own splits",
            id="dev-subject",
        ),
        pytest.param(["--missing", "zeros"], "'zeros' is not one of", id="missing"),
        pytest.param(["--montage", "Fp1,Fp1-XX"], "unknown electrode 'XX'", id="rows"),
        pytest.param(
            ["--annotations", "x"],
            "--annotations applies to --source edf",
            id="annotations",
        ),
        pytest.param(
            ["--label-pattern", "x"],
            "Error: --label-pattern applies to --source edf and bids only; drop it",
            id="pattern",
        ),
    ],
)
def test_wrong_options_of_recordings_exit_with_2(
    of_twin: Callable[..., Answer], arguments: list[str], message: str
) -> None:
    answer = of_twin(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_build_answers_scripts_in_json(
    of_twin: Callable[..., Answer], tmp_path: Path
) -> None:
    target = tmp_path / "a.h5"
    answer = of_twin("--quota", "onset=1", "--json", "--out", target)
    value = json.loads(answer.out)
    assert (value["path"], value["n_windows"], value["n_positive"]) == (
        str(target),
        1,
        1,
    )
    assert value["problems"] == {"split": 2}


def test_a_quota_that_cannot_be_met_is_one_line_and_exits_with_1(
    of_twin: Callable[..., Answer],
) -> None:
    answer = of_twin("--dry-run", "--quota", "full=99")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "quotas not filled: full 99 (got " in answer.err


def test_a_split_that_was_not_requested_is_said(of_twin: Callable[..., Answer]) -> None:
    answer = of_twin("--dry-run", "--split", "dev")
    assert "  2 recordings: in split train, not used without --split train" in (
        answer.out.splitlines()
    )


def test_a_limit_is_to_be_raised_for_kinds_that_it_keeps_out(
    of_twin: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = of_twin("--per-subject", "1", "--out", tmp_path / "a.h5")
    assert "(--per-subject limit of 1 reached). To include one, raise this limit\n" in (
        answer.err
    )


def test_keys_in_a_message_survive_copies_and_become_options() -> None:
    error = pickle.loads(pickle.dumps(SpecError(Key("per_kind"), ": expected 2")))
    assert str(error) == error.args[0] == "per_kind: expected 2"
    assert with_options(error) == "--per-kind: expected 2"


def test_one_of_two_splits_may_be_absent(of_twin: Callable[..., Answer]) -> None:
    answer = of_twin("--dry-run", "--split", "train", "--split", "held_out")
    assert answer.code == 0


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--split", "tranin"], id="split"),
        pytest.param(["--split", "dev", "--split", "tranin"], id="one-of-two"),
        pytest.param(["--quota", "tranin:offset=1"], id="quota"),
    ],
)
def test_a_misspelt_split_is_recognised(
    of_twin: Callable[..., Answer], words: list[str]
) -> None:
    answer = of_twin("--dry-run", *words)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "Error: no recording in split 'tranin'; did you mean 'train'? Splits here: "
        "'dev', 'eval', 'train'\n"
    )


def test_another_corpus_than_the_source_is_said_to_have_no_annotations(
    run: Callable[..., Answer], chbmit: Path
) -> None:
    answer = run("build", "--source", "tusz", "--root", chbmit, "--dry-run")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        f"Error: '{chbmit}' has no usable TUSZ recording (4 recordings: not annotated, "
        "which does not mean seizure-free). The first: recording 'chb81/chb81_01.edf' "
        "has no annotation file. Check --source and --root\n"
    )


def test_what_was_left_out_is_said_on_stderr(
    of_twin: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = of_twin("--out", tmp_path / "a.h5")
    assert answer.out.startswith(f"wrote {tmp_path / 'a.h5'}: ")
    reason = "in split eval, not used without --split eval"
    assert f"left out: 2 recordings: {reason}\n" in answer.err


def test_a_fixture_is_searched_for_what_identifies_its_recordings(
    run: Callable[..., Answer],
    of_twin: Callable[..., Answer],
    twin: Path,
    tmp_path: Path,
) -> None:
    target = tmp_path / "a.h5"
    of_twin("--out", target)
    answer = run("verify", target, "--against", twin)
    assert (answer.code, answer.err) == (0, "")
    assert f" identifying texts from '{twin}'\n" in answer.out


def test_a_fixture_that_tells_is_named_with_the_place_of_the_text(
    run: Callable[..., Answer],
    twin: Path,
    make_content: Callable[..., Content],
    tmp_path: Path,
) -> None:
    (path, *_) = sorted(twin.rglob("*.edf"))
    source = {"name": "tusz", "note": f"from {path.name}"}
    leak = write_fixture(make_content(source=source), tmp_path / "leak.h5")
    answer = run("verify", leak, "--against", twin)
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "characters of the path" in answer.err
    as_json = json.loads(run("verify", leak, "--against", twin, "--json").out)
    assert as_json["verified"] is False


# As a process of its own


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        command("--version"), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (
        f"bgb-fixtures, version {__version__}\n",
        "",
    )


def test_an_error_of_a_process_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        command("info", tmp_path / "none.h5"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_reader_that_closes_the_pipe_gets_no_traceback(small_fixture: Path) -> None:
    # As in `bgb-fixtures info x.h5 --json | head -1`.
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("info", small_fixture, "--json"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("sent", "code", "told"),
    [
        pytest.param("SIGINT", 1, "Aborted!", id="Ctrl-C"),
        # As a CI ends a job that was cancelled.
        pytest.param("SIGTERM", 143, "", id="cancelled"),
    ],
)
def test_an_end_while_writing_leaves_no_file_and_no_traceback(
    spec_file: Path, tmp_path: Path, sent: str, code: int, told: str
) -> None:
    # The signal comes at the worst time: the file is complete, but not yet moved.
    script = (
        "import os, signal, time, bgb_fixtures.verify as verify\n"
        "def interrupt(path):\n"
        f"    os.kill(os.getpid(), signal.{sent})\n"
        "    time.sleep(60)\n"
        "verify.verify_fixture = interrupt\n"
        "from bgb_fixtures.cli import run\n"
        "run()\n"
    )
    target = tmp_path / "a.h5"
    done = subprocess.run(
        [sys.executable, "-c", script, "build", "--spec", spec_file, "--out", target],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.strip() == told
    assert [path.name for path in tmp_path.iterdir()] == ["little.toml"]


def test_a_terminal_shows_progress_and_a_pipe_does_not(
    spec_file: Path, tmp_path: Path
) -> None:
    pty = pytest.importorskip("pty", reason="needs a terminal of POSIX")
    terminal, slave = pty.openpty()
    done = subprocess.run(
        command("build", "--spec", spec_file, "--out", tmp_path / "a.h5"),
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        check=True,
    )
    os.close(slave)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert "building" in shown
    assert "100%" in shown
    assert done.stdout.startswith("wrote ")


# On the real recordings


@pytest.mark.edf
def test_real_recordings_are_built_shown_and_proved(
    run: Callable[..., Answer], shared_data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "real.h5"
    root = shared_data / "chbmit-mini"
    answer = run(
        "build", "--source", "chbmit", "--root", root, "--window-length", "10",
        "--montage", "double-banana", "--profile", "raw-1", "--out", target,
    )  # fmt: skip
    assert answer.out.startswith(f"wrote {target}: 6 windows, 4 with a seizure, ")
    assert answer.err.endswith(": offset, whole\n")
    table = run("info", target).out.split("\n\n")[1].splitlines()
    assert [line.split()[6] for line in table[1:]] == [
        "onset", "ictal", "onset", "ictal", "background", "background",
    ]  # fmt: skip
    assert run("verify", target).code == 0


@pytest.mark.edf
def test_electrodes_from_real_bipolar_recordings_are_refused_and_no_file_is_left(
    run: Callable[..., Answer], shared_data: Path, tmp_path: Path
) -> None:
    answer = run(
        "build", "--source", "chbmit", "--root", shared_data / "chbmit-mini",
        "--window-length", "10", "--montage", "10-20", "--out", tmp_path / "a.h5",
    )  # fmt: skip
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "cannot be computed from differences (18 pairs have rank 16)" in answer.err
    assert list(tmp_path.iterdir()) == []
