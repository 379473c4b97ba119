"""Hostile files of all kinds are refused for the rule that they break, or read right.

The files are made by ``tests/hostile`` and read in a child process whose time and memory
are limited.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hostile.files import HOSTILE, Hostile
from hostile.format_seeds import Seeds, make_seeds
from hostile.worker import Worker, read_here

from bgb_fixtures.corpora.text import read_whole
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    """Make the good files that the hostile ones are made of."""
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    """Start a reader in a child process; in this one where ``READ_HERE`` is set.

    Coverage and mutants are measured in this process.
    """
    here = nullcontext(SimpleNamespace(read=read_here))
    with here if "READ_HERE" in os.environ else Worker(limit_s=60) as started:
        yield started


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in HOSTILE])
def test_hostile_file_is_refused_for_what_it_is_or_read_right(
    file: Hostile, seeds: Seeds, worker: Any, tmp_path: Path
) -> None:
    path = tmp_path / "bad.h5"
    file.make(path, seeds)
    before = path.lstat()
    outcome, message = worker.read(file.opener, path)
    assert outcome == (file.error or "accepted"), message[:500]
    assert re.search(file.message, message, re.DOTALL), message[:500]
    after = path.lstat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_hostile_files_have_a_name_each() -> None:
    names = [file.name for file in HOSTILE]
    assert len(set(names)) == len(names)


def test_every_rule_of_the_format_has_a_hostile_file() -> None:
    page = (ROOT / "DATA.md").read_text("utf-8")
    # Those for goldens (G) are in test_hostile_goldens.py.
    stated = re.findall(r"^\*\*(R[0-9]+)\. ", page, re.MULTILINE)
    assert stated[0] == "R1"
    broken = {rule for file in HOSTILE for rule in file.rules.split()}
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipe_among_annotations_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "night.tsv"
    os.mkfifo(path)
    with pytest.raises(AnnotationError, match=r"night\.tsv': .* ordinary files"):
        read_whole(path)
