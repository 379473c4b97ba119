"""A reviewer's side: diff of two goldens, verify, info, and what git shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bgb_fixtures.cli import main
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.golden import make_golden, write_golden
from bgb_fixtures.golden.record import make_events_golden
from bgb_fixtures.golden.store import encode_golden

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Answer:
    exit_code: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Answer]:
    """Run a command in an empty folder, as the console script does."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Answer:
        code: int | str | None = 0
        try:
            main([str(argument) for argument in arguments], prog_name="bgb-fixtures")
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return Answer(exit_code=code, stdout=captured.out, stderr=captured.err)

    return call


def logits_of(ictal: tuple[int, int] | None) -> npt.NDArray[np.float32]:
    """Return logits of the three dev windows of smoke, with a detection in win-17."""
    logits = np.full((3, 15360), -1.0, np.float32)
    if ictal is not None:
        logits[1, slice(*ictal)] = 1
    return logits


@pytest.fixture
def goldens(tmp_path: Path) -> tuple[Path, Path]:
    """Write a golden with the seizure of win-17, and one in which it is lost."""
    smoke = load_fixture().select(split="dev")
    return tuple(  # type: ignore[return-value]
        write_golden(
            make_golden(logits_of(ictal), name="logits", fixture=smoke),
            tmp_path / f"{name}.npz",
        )
        for name, ictal in (("a", (3584, 12288)), ("b", None))
    )


# diff


def test_diff_begins_with_a_sentence_and_tells_windows_and_seizures(
    run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    answer = run("diff", *goldens)
    lines = answer.stdout.splitlines()
    assert answer.exit_code == 1
    assert lines[:2] == [
        "different: 'logits' moved in 1 of 3 windows (of 1 output)",
        "'logits': 8704 of 46080 values differ (18.9%)",
    ]
    assert "    win-17: lost 14.00-48.00 s (labelled spsz 14.00-48.00 s)" in lines
    found = json.loads(run("diff", *goldens, "--json").stdout)
    assert found["changes"][0]["windows"] == ["win-17"]
    assert found["summary"] == lines[0]
    answer = run("diff", goldens[0], goldens[0])
    assert (answer.exit_code, answer.stdout) == (
        0,
        "equal within tolerance: 1 output\n",
    )


def test_diff_draws_the_page_of_golden_check_without_a_model(
    run: Callable[..., Answer], goldens: tuple[Path, Path], tmp_path: Path
) -> None:
    answer = run("diff", *goldens, "--html", "page.html")
    assert (answer.exit_code, answer.stderr) == (1, "wrote page.html\n")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "The two goldens differ." in page
    assert "win-17: whole, spsz</h3>" in page
    assert page.count("<svg") == 2


def test_diff_finds_the_windows_in_a_fixture_that_is_named(
    run: Callable[..., Answer], small_fixture: Path, tmp_path: Path
) -> None:
    fixture = load_fixture(small_fixture)
    for name, value in (("a", 0.0), ("b", 1.0)):
        golden = make_golden(np.full((4, 512), value), name="out", fixture=fixture)
        write_golden(golden, tmp_path / f"{name}.npz")
    without = run("diff", "a.npz", "b.npz").stdout
    assert "    w3: 512 values, largest difference 1 at 0.00 s" in without
    assert "  detections above 0.5: 0 -> 4 (4 gained, 0 lost, 0 shifted)" in without
    assert "labelled" not in without
    with_it = run("diff", "a.npz", "b.npz", "--fixture", small_fixture).stdout
    assert "    w0: gained 0.00-2.00 s (labelled fnsz 0.50-2.00 s)" in with_it
    answer = run("diff", "a.npz", "b.npz", "--fixture", "tiny")
    assert answer.exit_code == 1
    assert "is not the fixture of the goldens (found digest " in answer.stderr


def test_diff_of_events_tells_what_became_of_the_seizures(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    smoke = load_fixture().select(split="dev")
    for name, events in (
        ("a", [[], [(14, 34)], []]),
        ("b", [[], [(14.5, 34)], [(1, 2)]]),
    ):
        golden = make_events_golden(events, name="found", fixture=smoke, atol=None)
        write_golden(golden, tmp_path / f"{name}.npz")
    lines = run("diff", "a.npz", "b.npz").stdout.splitlines()
    assert lines[:2] == [
        "different: 'found' has other events (of 1 output)",
        "'found': events 1 -> 2 (1 gained, 1 shifted)",
    ]
    assert lines[3] == (
        "    win-17: shifted 14.00-48.00 s: start +0.50 s, end +0.50 s (labelled spsz "
        "14.00-48.00 s)"
    )


def test_goldens_of_two_fixtures_are_compared_by_value_alone(
    run: Callable[..., Answer], small_fixture: Path, tmp_path: Path
) -> None:
    for name, fixture in (("a", load_fixture(small_fixture)), ("b", None)):
        golden = make_golden(np.ones(4), name="out", fixture=fixture)
        write_golden(golden, tmp_path / f"{name}.npz")
    answer = run("diff", "a.npz", "b.npz")
    assert answer.exit_code == 1
    assert answer.stdout.startswith(
        "different: fixture\nfixture: 4 windows of small, content version 1, digest "
    )
    assert answer.stdout.endswith(" -> none\n")
    answer = run("diff", "a.npz", "b.npz", "--fixture", small_fixture)
    assert answer.exit_code == 1
    assert (
        "--fixture does not apply, because the goldens were recorded" in answer.stderr
    )


@pytest.mark.parametrize(
    ("other", "exit_code", "summary"),
    [
        pytest.param(1.0, 0, "equal within tolerance: 1 output", id="equal"),
        pytest.param(2.0, 1, "different: 'c' moved (of 1 output)", id="moved"),
    ],
)
def test_only_outputs_of_two_goldens_are_compared_under_different_names(
    run: Callable[..., Answer],
    tmp_path: Path,
    other: float,
    exit_code: int,
    summary: str,
) -> None:
    for name, value in (("c", 1.0), ("d", other)):
        write_golden(
            make_golden(np.full(3, value), name=name), tmp_path / f"{name}.npz"
        )
    answer = run("diff", "c.npz", "d.npz", "--html", "page.html")
    lines = answer.stdout.splitlines()
    assert answer.exit_code == exit_code
    assert lines[:2] == [
        summary,
        "names: 'c' is compared with 'd', the only output of the other golden",
    ]
    assert not any("missing" in line or "where it began" in line for line in lines)
    found = json.loads(run("diff", "c.npz", "d.npz", "--json").stdout)
    assert found["names"] == {"before": "c", "after": "d"}
    assert found["verdict"] == ("same" if exit_code == 0 else "different")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "is missing" not in page


def test_changed_tolerance_is_found_under_another_name(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    for name, rtol in (("c", 0.0), ("d", 0.5)):
        write_golden(make_golden(1.0, name=name, rtol=rtol), tmp_path / f"{name}.npz")
    answer = run("diff", "c.npz", "d.npz")
    assert answer.exit_code == 1
    assert answer.stdout.startswith("different: tolerance of 'c'\nnames: 'c' is ")


@pytest.mark.parametrize(
    ("before", "after", "exit_code", "summary"),
    [
        pytest.param(
            {"x": [1.0]},
            {"x": [1.0]},
            0,
            "equal within tolerance: 1 output",
            id="same-entry",
        ),
        pytest.param(
            {"x": [1.0]},
            {"y": [1.0]},
            1,
            "different: 'c.x' is missing, 'd.y' is new (of 1 output)",
            id="other-entry",
        ),
        pytest.param(
            {"x": [1.0], "y": [1.0]},
            {"x": [1.0]},
            1,
            "different: 'c.x' is missing, 'c.y' is missing, 'd.x' is new (of 2 outputs)",
            id="two-entries",
        ),
    ],
)
def test_entries_are_paired_only_if_the_name_of_the_golden_alone_differs(
    run: Callable[..., Answer],
    tmp_path: Path,
    before: dict[str, list[float]],
    after: dict[str, list[float]],
    exit_code: int,
    summary: str,
) -> None:
    for name, values in (("c", before), ("d", after)):
        arrays = {key: np.array(value) for key, value in values.items()}
        write_golden(make_golden(arrays, name=name), tmp_path / f"{name}.npz")
    answer = run("diff", "c.npz", "d.npz")
    assert (answer.exit_code, answer.stdout.splitlines()[0]) == (exit_code, summary)


def test_missing_fixture_that_is_named_is_an_error(
    run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    answer = run("diff", *goldens, "--fixture", "none.h5")
    assert answer.exit_code == 1
    assert "none.h5" in answer.stderr


def test_changed_tolerance_of_a_golden_is_a_difference(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    for name, rtol in (("a", 0.0), ("b", 0.5)):
        write_golden(make_golden(1.0, name="x", rtol=rtol), tmp_path / f"{name}.npz")
    answer = run("diff", "a.npz", "b.npz")
    assert (answer.exit_code, answer.stdout) == (
        1,
        (
            "different: tolerance of 'x'\n"
            "tolerance of 'x': allowed 0 + 0 x |expected| -> allowed 0 + 0.5 x |expected|\n"
        ),
    )


def test_two_kinds_of_file_are_not_compared(
    run: Callable[..., Answer], small_fixture: Path, goldens: tuple[Path, Path]
) -> None:
    answer = run("diff", small_fixture, goldens[0])
    assert answer.exit_code == 1
    assert "is a fixture and" in answer.stderr
    assert "is a golden; expected two files of one kind" in answer.stderr


def test_page_of_two_fixtures_is_refused_with_what_there_is_instead(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    answer = run("diff", small_fixture, small_fixture, "--html", "page.html")
    assert answer.exit_code == 2
    assert (
        "apply to goldens only; for a fixture, use bgb-fixtures report" in answer.stderr
    )


# verify


def test_verify_takes_a_golden(
    run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    answer = run("verify", goldens[0])
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{goldens[0]}: verified"
    size = goldens[0].stat().st_size
    assert lines[1] == f"  {size} bytes, all covered by a matching SHA-256"
    found = json.loads(run("verify", goldens[0], "--json").stdout)
    assert (found["verified"], len(found["checks"])) == (True, 3)


def test_verify_refuses_a_damaged_golden_in_one_line(
    run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    data = bytearray(goldens[0].read_bytes())
    data[5000] ^= 1
    goldens[0].write_bytes(data)
    answer = run("verify", goldens[0])
    assert (answer.exit_code, answer.stderr.count("\n")) == (1, 1)
    assert "'logits' (bytes " in answer.stderr
    assert "changed after the file was written" in answer.stderr


@pytest.mark.parametrize("option", ["--rebuild", "--against=.", "--spec=x"])
def test_what_only_fixtures_have_is_refused_for_a_golden(
    option: str, run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    answer = run("verify", goldens[0], option)
    assert answer.exit_code == 2
    assert (
        f"{option.partition('=')[0]} applies to fixtures only, but '" in answer.stderr
    )
    assert "a.npz' is a golden" in answer.stderr


# info


def test_info_shows_what_a_golden_holds(
    run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    lines = run("info", goldens[0]).stdout.splitlines()
    assert lines[:2] == [
        "golden   logits, format version 2",
        f"file     {goldens[0]} ({goldens[0].stat().st_size / 1e3:.1f} kB)",
    ]
    assert "test     recorded by bgb-fixtures golden" in lines
    assert (
        "windows  3 of 60 s at 256 Hz, montage 10-20, profile zscore-1: win-16 win-17 "
        "win-18"
    ) in lines
    assert "logits: float32 [3, 15360]" in lines
    assert (
        "  win-17: min -1, median 1, max 1; detections above 0: 14.00-48.00 s" in lines
    )
    assert "  win-18: min -1, median -1, max -1; detections above 0: none" in lines


def test_info_shows_small_values_and_events(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    value = {"loss": 0.25, "names": ["T3", "T4"], "z": 1j, "none": None}
    write_golden(make_golden(value, name="out"), tmp_path / "a.npz")
    text = run("info", "a.npz").stdout
    assert "out.loss: float64 []\n" in text
    assert "\n  0.25\n" in text
    assert "\n  'T3'\n" in text
    assert "\n  1j\n" in text
    assert "out.none: None [0]\n" in text
    events = make_events_golden([(1, 2.5, "fnsz")], name="x", fixture=None, atol=None)
    write_golden(events, tmp_path / "b.npz")
    assert "\n  1.000-3.500 s fnsz\n" in run("info", "b.npz").stdout


def test_info_of_a_golden_speaks_json(
    run: Callable[..., Answer], goldens: tuple[Path, Path]
) -> None:
    found = json.loads(run("info", goldens[0], "--json").stdout)
    assert (found["name"], found["format_version"]) == ("logits", 2)
    assert found["fixture"]["windows"] == ["win-16", "win-17", "win-18"]
    assert found["outputs"]["logits"]["shape"] == [3, 15360]
    assert len(found["outputs"]["logits"]["sha256"]) == 64


def test_text_depends_on_the_content_alone(
    run: Callable[..., Answer], goldens: tuple[Path, Path], tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere.npz"
    shutil.copy(goldens[0], moved)
    texts = [run("info", "--text", path).stdout for path in (goldens[0], moved)]
    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0]


def test_text_changes_with_every_value(
    run: Callable[..., Answer], goldens: tuple[Path, Path], tmp_path: Path
) -> None:
    smoke = load_fixture().select(split="dev")
    logits = logits_of((3584, 12288))
    logits[1, 5000] = 0.75
    other = make_golden(logits, name="logits", fixture=smoke)
    write_golden(other, tmp_path / "other.npz")
    before, after = (
        run("info", "--text", path).stdout.splitlines()
        for path in (goldens[0], tmp_path / "other.npz")
    )
    differing = [a for a, b in zip(before, after, strict=True) if a != b]
    assert any(line.startswith("  sha256 ") for line in differing)


def test_text_of_a_fixture_has_the_digests_of_its_arrays(
    run: Callable[..., Answer], small_fixture: Path
) -> None:
    text = run("info", "--text", small_fixture).stdout
    digest = load_fixture(small_fixture).index.arrays["signals"].sha256
    assert f"array    signals [4, 3, 512] sha256 {digest}\n" in text
    assert str(small_fixture) not in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "this file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"PK\3\4 and so on", "this file"),
    ],
)
def test_text_of_a_file_that_cannot_be_read_is_a_line_and_no_error(
    data: bytes, words: str, run: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    answer = run("info", "--text", "x.npz")
    assert (answer.exit_code, answer.stdout.count("\n")) == (0, 1)
    assert words in answer.stdout
    assert run("info", "x.npz").exit_code == 1


# git


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., str]:
    """Start a repository with the two lines of docs/golden.md; return git."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    folder = tmp_path / "repository"
    folder.mkdir()
    settings = {
        "user.name": "someone",
        "user.email": "someone@example.org",
        "diff.bgb.textconv": f"{sys.executable} -m bgb_fixtures info --text",
    }

    def git(*words: str, code: int = 0) -> str:
        options = [
            w for key, value in settings.items() for w in ("-c", f"{key}={value}")
        ]
        done = subprocess.run(
            ["git", *options, *words],
            cwd=folder,
            env=os.environ
            | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    git("init", "--quiet", "--initial-branch=main")
    return git


def commit(git: Callable[..., str], path: Path, value: object, words: str) -> None:
    path.write_bytes(encode_golden(make_golden(value, name="out")))
    git("add", ".")
    git("commit", "--quiet", "-m", words)


def test_git_takes_a_golden_for_binary_and_never_writes_conflict_markers(
    repository: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "repository" / "x.npz"
    commit(repository, path, 1.0, "one")
    repository("switch", "--quiet", "-c", "other")
    commit(repository, path, 2.0, "two")
    repository("switch", "--quiet", "main")
    commit(repository, path, 3.0, "three")
    ours = path.read_bytes()
    repository("merge", "other", code=1)
    # Without any attribute: the file is left as it was on this side.
    assert path.read_bytes() == ours
    assert "Binary files" in repository("diff", "HEAD~1", "HEAD")


def test_git_diff_shows_what_changed_in_a_golden(
    repository: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    page = (ROOT / "docs" / "golden.md").read_text("utf-8")
    (line,) = re.findall(r"^\$ echo '(.+)' >>? .gitattributes$", page, re.MULTILINE)
    (folder / ".gitattributes").write_text(f"{line}\n")
    path = folder / "tests" / "golden" / "test_it" / "test_out.out.npz"
    path.parent.mkdir(parents=True)
    commit(repository, path, {"loss": 0.25}, "one")
    commit(repository, path, {"loss": 0.75}, "two")
    shown = repository("diff", "HEAD~1").splitlines()
    assert "-  0.25" in shown
    assert "+  0.75" in shown
    path.write_bytes(b"")
    assert "-  0.75" in repository("diff").splitlines()
