"""Opening a file: what happens to it meanwhile, and what the system refuses."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from bgb_fixtures import fixture as loader
from bgb_fixtures.errors import FormatError, IntegrityError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format import map as mapping
from bgb_fixtures.format.map import read_file
from bgb_fixtures.format.records import Index, parse_index
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

    MakeContent = Callable[..., Content]


@pytest.fixture
def path(small_fixture: Path, tmp_path: Path) -> Path:
    """Copy the small fixture, so that a test may change it."""
    target = tmp_path / "mine.h5"
    shutil.copy(small_fixture, target)
    return target


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        pytest.param("mmap", "expected 155928 bytes, but the file shrank", id="mmap"),
        pytest.param("copy", "expected 155928 bytes, got 4096", id="copy"),
    ],
)
def test_file_that_shrinks_after_its_index_was_read_is_refused(
    mode: str, message: str, path: Path
) -> None:
    def parse_and_cut(buffer: Any, /, *, size: int, where: str) -> Index:
        index = parse_index(buffer, size=size, where=where)
        os.truncate(path, 4096)
        return index

    with pytest.raises(IntegrityError, match=f"^'it': {message}"):
        read_file(path, parse_and_cut, mode=mode, known={}, where="'it'")


def test_file_that_the_system_does_not_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"^'it' cannot be read: No such file"):
        read_file(
            tmp_path / "none.h5", parse_index, mode="mmap", known={}, where="'it'"
        )


def test_file_larger_than_memory_is_refused(path: Path) -> None:
    def give_up(_: Any, /, *, size: int, where: str) -> Index:
        raise MemoryError(size, where)

    with pytest.raises(FormatError, match=r"^'it' cannot be read: it does not fit"):
        read_file(path, give_up, mode="mmap", known={}, where="'it'")


@pytest.fixture
def one_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for a file system that shows no change, and files that settle at once."""
    monkeypatch.setattr(loader, "_SETTLED_S", -1.0)
    monkeypatch.setattr(loader, "_proved", {})
    for module in (loader, mapping):
        monkeypatch.setattr(module, "file_identity", lambda _: (1,))


@pytest.mark.usefixtures("one_identity")
@pytest.mark.parametrize("mode", ["mmap", "copy"])
def test_another_file_of_the_same_identity_is_read_anew(
    mode: Any, path: Path, make_content: MakeContent
) -> None:
    load_fixture(path, mode=mode)
    write_fixture(make_content(name="other", montage="double-banana"), path)
    fixture = load_fixture(path, mode=mode)
    assert fixture.index.name == "other"
    assert fixture.records.montage == "double-banana"


@pytest.mark.usefixtures("one_identity")
@pytest.mark.parametrize("mode", ["mmap", "copy"])
def test_index_of_a_proved_file_is_not_parsed_again(mode: Any, path: Path) -> None:
    index = load_fixture(path).index
    fixture = load_fixture(path, mode=mode)
    assert fixture.index is index
    assert fixture.signals[0, 1, 0] == -3.875
