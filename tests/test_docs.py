"""Code in the documents runs: blocks with a comment ``<!-- run -->`` before them.

Blocks of a document run in order, in one namespace and one empty folder: Python as it is,
of a console the lines ``$ bgb-fixtures ...``. ``<!-- run: pytest -->``: as a test file of
its own. Both run beside the files that ``<!-- run: file NAME -->`` marks. ``<!-- run: needs NAME -->``: the document is skipped where the library NAME is
not installed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bgb_fixtures.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^<!-- run(?:: (?P<how>[^>]+?))? -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """One block of code to run."""

    path: Path
    line: int
    how: str
    language: str
    code: str


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            path=path,
            line=text.count("\n", 0, match.start("code")),
            how=match["how"] or "",
            language=match["language"],
            code=match["code"],
        )
        for match in BLOCK.finditer(text)
    ]


def run_python(block: Block, namespace: dict[str, Any]) -> None:
    # Blank lines before it, so that a traceback shows the line of the document.
    source = "\n" * block.line + block.code
    exec(compile(source, str(block.path), "exec"), namespace)  # noqa: S102 (ours)


def run_console(block: Block, _namespace: dict[str, Any]) -> None:
    commands = re.findall(r"^\$ (.*)$", block.code.replace("\\\n", " "), re.MULTILINE)
    for command in commands:
        program, *arguments = shlex.split(command, comments=True)
        assert program == "bgb-fixtures", f"{block.path}, line {block.line}: {command}"
        main(arguments, standalone_mode=False)


FILE = "file "
RUNNERS: dict[str, Callable[[Block, dict[str, Any]], None]] = {
    "python": run_python,
    "console": run_console,
}
DOCUMENTS = [
    path
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    if blocks_of(path)
]
TEST_FILES = [
    pytest.param(block, id=f"{path.name}-{block.line}")
    for path in DOCUMENTS
    for block in blocks_of(path)
    if block.how == "pytest"
]


# Optional libraries warn of their own affairs when they are imported.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_code_of_the_document_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = []
    for block in blocks_of(path):
        if block.how.startswith(FILE):
            (tmp_path / block.how.removeprefix(FILE)).write_text(block.code, "utf-8")
        elif block.how != "pytest":
            blocks.append(block)
    for block in blocks:
        for name in block.how.removeprefix("needs ").split():
            pytest.importorskip(name, reason=f"{path.name} needs {name}")
    # The documents speak to a person at a machine; under CI no golden is written.
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": path.stem}
    for block in blocks:
        RUNNERS[block.language](block, namespace)


@pytest.fixture(scope="module")
def _torch() -> None:
    # pytester forgets what was first imported in its time, and torch bears no second
    # import: so it is imported before.
    pytest.importorskip("torch", reason="the test files of the documents need torch")


@pytest.mark.usefixtures("_torch")
@pytest.mark.parametrize("block", TEST_FILES)
def test_test_file_of_the_document_passes(
    block: Block, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(test_document=block.code)
    for other in blocks_of(block.path):
        if other.how.startswith(FILE):
            name = other.how.removeprefix(FILE)
            (pytester.path / name).write_text(other.code, encoding="utf-8")
    pytester.syspathinsert()

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == block.code.count("def test_")


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))], ids=lambda p: p.name
)
def test_every_mark_of_the_document_has_a_block(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert text.count("<!-- run") == len(blocks_of(path))
