"""Mutated files are refused, or read as their bytes say; ``make fuzz`` tries more."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fuzz
import pytest
from hostile.oracles import ORACLES
from hostile.properties import TARGETS, Finding, Tally, Target, hunt
from hostile.worker import FINDING, Worker, read_here
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    """Start a reader in a child process; in this one where ``READ_HERE`` is set.

    Coverage is measured in this process.
    """
    here = nullcontext(SimpleNamespace(read=read_here))
    with here if "READ_HERE" in os.environ else Worker() as started:
        yield started


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_are_refused_or_read_right(
    name: str, worker: Any, tmp_path: Path
) -> None:
    tally = Tally()
    path = tmp_path / f"smallest{TARGETS[name].suffix}"
    finding = hunt(
        name,
        TARGETS[name],
        read=worker.read,
        path=path,
        seed="0",
        examples=100,
        tally=tally,
    )
    assert finding is None, f"{finding}; see {path}"
    # Every oracle saw files to read and files to refuse.
    seen = {(oracle, outcome == "accepted") for _, oracle, _, outcome in tally.outcomes}
    assert {(o, read) for o in TARGETS[name].oracles for read in (True, False)} == seen


def test_every_oracle_is_used() -> None:
    used = {oracle for target in TARGETS.values() for oracle in target.oracles}
    # This one is asked about hostile files alone.
    assert used | {"window"} == set(ORACLES)


def test_a_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    def inputs(seed: str) -> list[bytes]:
        seen = []

        def read(_: str, path: Path) -> tuple[str, str]:
            seen.append(path.read_bytes())
            return "accepted", ""

        hunt(
            "csv",
            TARGETS["csv"],
            read=read,
            path=tmp_path / "x",
            seed=seed,
            examples=20,
            tally=Tally(),
        )
        return seen

    first = inputs("3")
    assert first == inputs("3")
    assert first != inputs("4")


@pytest.mark.parametrize(
    ("oracle", "message"),
    [
        pytest.param("crash", "the process died with exit code -11", id="crash"),
        pytest.param("hang", "no answer within 1 s", id="hang"),
        pytest.param("allocate", "MemoryError: ", id="allocate"),
        pytest.param("stumble", "KeyError: '.h5'", id="untyped-error"),
    ],
)
def test_worker_notices_what_a_reader_must_not_do_and_goes_on(
    oracle: str, message: str, tmp_path: Path
) -> None:
    with Worker(limit_s=1) as worker:
        assert worker.read(oracle, tmp_path / "x.h5") == (FINDING, message)
        assert worker.read("stumble", tmp_path / "y.h6") == (FINDING, "KeyError: '.h6'")


def _broken() -> Target:
    """Return a target whose reader stumbles over each file with the byte 0x80 or more."""
    return Target(
        good=lambda: (b"good",),
        mutated=lambda good: st.binary().map(lambda more: ("some", good + more)),
        oracles=("strict", "lax"),
    )


def _strict(oracle: str, path: Path) -> tuple[str, str]:
    ascii_only = path.read_bytes().isascii()
    if oracle == "lax" or ascii_only:
        return "accepted", ""
    return FINDING, f"KeyError: {len(path.read_bytes())}"


def test_the_smallest_input_is_found_and_not_found_again(tmp_path: Path) -> None:
    tally = Tally()
    options: dict[str, Any] = {
        "read": _strict,
        "path": tmp_path / "x",
        "examples": 200,
        "tally": tally,
    }
    finding = hunt("broken", _broken(), seed="1", **options)
    assert finding == Finding(
        target="broken",
        oracle="strict",
        kind="some",
        message="KeyError: 5",
        data=b"good\x80",
    )
    assert options["path"].read_bytes() == b"good\x80"
    # The same at another length is no other finding.
    assert hunt("broken", _broken(), seed="2", **options) is None
    assert tally.outcomes["broken", "strict", "some", FINDING] > 2


def test_file_accepted_although_it_changed_is_a_finding(tmp_path: Path) -> None:
    tally = Tally()
    finding = hunt(
        "fixture",
        TARGETS["fixture"],
        read=lambda *_: ("accepted", ""),
        path=tmp_path / "x",
        seed="0",
        examples=100,
        tally=tally,
    )
    assert finding is not None
    assert finding.oracle == "load"
    assert finding.kind in ("raw", "line")
    assert finding.message == "accepted, although bytes changed"


def test_finding_is_kept_and_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        fuzz, "Worker", lambda: nullcontext(SimpleNamespace(read=_strict))
    )
    monkeypatch.setitem(TARGETS, "broken", _broken())
    folder = tmp_path / "findings"
    options = ["--target", "broken", "--inputs", "200", "--findings", str(folder)]
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--seed", "5", *options])
    assert fuzz.main() == 1
    kept = folder / "broken.strict.seed5.n1"
    assert kept.read_bytes() == b"good\x80"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "broken.strict.seed5.n1 (some): KeyError: 5"
    assert " reads, 1 findings, " in lines[-1]
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--replay", str(kept)])
    assert fuzz.main() == 1
    assert capsys.readouterr().out == "broken.strict.seed5.n1: Finding: KeyError: 5\n"
