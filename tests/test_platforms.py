"""What other systems lack, taken away here: locks, folders that sync, signals, groups."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bgb_fixtures.cli import main
from bgb_fixtures.smoke.limits import TimeLimitExceeded, time_limit
from bgb_fixtures.staging import new_file, new_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No locks, and no folder can be opened."""
    of_files = os.open

    def files_only(path: str | Path, *rest: int, **options: int | None) -> int:
        # What the standard library opens to remove a folder, it does not on Windows.
        if "dir_fd" not in options and os.path.isdir(path):  # noqa: PTH112 (text)
            raise PermissionError(13, "Permission denied", str(path))
        return of_files(path, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "open", files_only)


@pytest.mark.usefixtures("windows")
def test_a_file_is_replaced_in_one_step_without_locks(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with new_file(target) as draft:
        draft.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.usefixtures("windows")
def test_a_folder_takes_the_place_of_an_empty_one_without_locks(
    tmp_path: Path,
) -> None:
    target = tmp_path / "a"
    target.mkdir()
    with new_folder(target) as draft:
        (draft / "b.txt").write_text("new")
    assert (target / "b.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.usefixtures("windows")
def test_a_run_without_locks_leaves_the_work_of_others_alone(tmp_path: Path) -> None:
    with new_file(tmp_path / "a.txt") as draft:
        draft.write_text("new")
        with new_file(tmp_path / "b.txt") as other:
            other.write_text("new")
        assert draft.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_a_limit_without_an_alarm_lets_code_finish_and_then_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(signal, "SIGALRM")
    times: list[float] = []

    def slow() -> None:
        with time_limit(0.01):
            time.sleep(0.05)
            times.append(time.monotonic())

    with pytest.raises(TimeLimitExceeded):
        slow()
    assert len(times) == 1


def test_smoke_ends_its_process_without_process_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="smoke needs torch")
    (tmp_path / "mine.py").write_text("def model(x):\n    return x[:, 0] * 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(os, "killpg")
    result = CliRunner().invoke(main, ["smoke", "mine:model", "--fixture", "tiny"])
    assert result.exit_code == 1, result.output
    assert "mine:model fails" in result.output
