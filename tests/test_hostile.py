"""Hostile files of all kinds are refused for the rule that they break, or read right.

The files are made by ``tests/hostile`` and opened in a child process whose time and
memory are limited, as ``tools/fuzz.py`` does; a few inputs of the latter are tried too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fuzz
import fuzz_format
import pytest
from hostile import files
from hostile.format_seeds import Seeds, make_seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    """Make the good files that the hostile ones are made of."""
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    """Start a reader in a child process; it may allocate 256 MiB.

    In this process where ``READ_HERE`` is set: coverage and mutants are measured here.
    """
    if "READ_HERE" in os.environ:
        yield SimpleNamespace(run=fuzz.read_here)
        return
    with fuzz.Worker(limit_s=60, budget=2**28) as started:
        yield started


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=file.name) for file in files.HOSTILE]
)
def test_hostile_file_is_refused_for_what_it_is_or_read_right(
    file: files.Hostile, seeds: Seeds, worker: Any, tmp_path: Path
) -> None:
    path = tmp_path / "bad.h5"
    file.make(path, seeds)
    before = path.lstat()
    outcome, message = worker.run(file.opener, path)
    assert (outcome, bool(re.search(file.message, message))) == (
        file.error or "accepted",
        True,
    ), message
    after = path.lstat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_every_rule_of_the_format_has_a_hostile_file() -> None:
    page = (ROOT / "DATA.md").read_text("utf-8")
    stated = re.findall(r"^\*\*([RG][0-9]+)\. ", page, re.MULTILINE)
    assert stated[0] == "R1"
    assert stated[-1] == "G10"
    broken = {rule for file in files.HOSTILE for rule in file.rules.split()}
    assert broken == set(stated)


def test_command_says_in_one_line_why_a_hostile_file_is_refused(
    seeds: Seeds, tmp_path: Path
) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(seeds.fixture[:-1])
    done = subprocess.run(
        [sys.executable, "-m", "bgb_fixtures", "verify", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "is truncated: expected 155928 bytes, got 155927" in done.stderr


# The fuzzer


def test_mutations_find_nothing() -> None:
    report = fuzz.fuzz(seed=0, inputs=200, targets=fuzz_format.TARGETS)
    assert report.findings == []
    assert report.inputs == 200
    # Every reader saw files to refuse and files to read.
    seen = {(run, outcome) for _, run, _, outcome in report.outcomes}
    for run in ("load", "trust", "verify", "golden"):
        assert {(run, "accepted"), (run, "FormatError")} <= seen


def test_a_seed_makes_the_same_inputs() -> None:
    first = fuzz.fuzz(seed=3, inputs=20)
    assert first.outcomes == fuzz.fuzz(seed=3, inputs=20).outcomes


@pytest.mark.parametrize(
    ("run", "message"),
    [
        pytest.param("crash", "the process died with exit code -11", id="crash"),
        pytest.param("hang", "no answer within 1 s", id="hang"),
        pytest.param("allocate", "MemoryError: ", id="allocate"),
        pytest.param("stumble", "KeyError: '.h5'", id="untyped-error"),
    ],
)
def test_worker_notices_what_a_reader_must_not_do_and_goes_on(
    run: str, message: str, tmp_path: Path
) -> None:
    with fuzz.Worker(limit_s=1) as worker:
        assert worker.run(run, tmp_path / "x.h5") == ("Finding", message)
        assert worker.run("stumble", tmp_path / "y.h6") == (
            "Finding",
            "KeyError: '.h6'",
        )


def test_finding_is_kept_and_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def target(_: Path) -> Any:
        return fuzz.Target(
            name="broken",
            seeds=(b"good",),
            mutate=lambda rng, seed: ("none", seed + rng.randbytes(1)),
            runs=("stumble",),
        )

    findings = tmp_path / "findings"
    report = fuzz.fuzz(seed=5, inputs=2, findings=findings, targets=(target,))
    assert report.findings[1] == "broken.stumble.seed5.n1 (none): KeyError: '.h5'"
    kept = findings / "broken.stumble.seed5.n1"
    assert kept.read_bytes()[:4] == b"good"
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--replay", str(kept)])
    assert fuzz.main() == 1
    assert capsys.readouterr().out.startswith("broken.stumble.seed5.n1: Finding: Key")
