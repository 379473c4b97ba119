"""Hostile recordings and annotations are refused for what they are, or read right.

The files are made by ``tests/hostile/sources.py`` and read as ``tools/fuzz.py`` does, in a
child process whose time and memory are limited; a few inputs of the latter are tried too.
"""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fuzz
import fuzz_sources
import pytest
from hostile import sources

from bgb_fixtures.corpora.text import read_whole
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    """Start a reader in a child process; here where ``READ_HERE`` is set."""
    if "READ_HERE" in os.environ:
        yield SimpleNamespace(run=fuzz.read_here)
        return
    with fuzz.Worker(limit_s=60) as started:
        yield started


@pytest.mark.parametrize(
    "file", [pytest.param(f, id=f.name) for f in sources.HOSTILE_SOURCES]
)
def test_hostile_source_is_refused_for_what_it_is_or_read_right(
    file: sources.HostileSource, worker: Any, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.in"
    path.write_bytes(file.make())
    outcome, message = worker.run(file.run, path)
    assert (outcome, message[:500]) == (file.error or "accepted", message[:500])
    assert re.search(file.message, message, re.DOTALL), message[:500]


def test_hostile_sources_have_a_name_each() -> None:
    names = [file.name for file in sources.HOSTILE_SOURCES]
    assert len(set(names)) == len(names)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipe_among_annotations_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "night.tsv"
    os.mkfifo(path)
    with pytest.raises(AnnotationError, match=r"night\.tsv': .* ordinary files"):
        read_whole(path)


def test_mutations_of_sources_find_nothing() -> None:
    report = fuzz.fuzz(seed=0, inputs=400, targets=fuzz_sources.TARGETS)
    assert report.findings == []
    # Every reader saw files to read and files to refuse.
    runs = {target.__name__ for target in fuzz_sources.TARGETS}
    accepted = {run for _, run, _, outcome in report.outcomes if outcome == "accepted"}
    refused = {run for _, run, _, outcome in report.outcomes if outcome != "accepted"}
    assert (accepted, refused) == (runs, runs)
