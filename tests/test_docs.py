"""Code in the documents runs: blocks with a comment ``<!-- run -->`` before them.

Blocks of a document run in order, in one namespace and one empty folder: Python as it is,
of a console the lines that begin with ``$``. Output that a console block shows is compared
with what the commands print: ``...`` stands for any text, and numbers with a decimal point
may differ. Other marks:

- ``<!-- run: fails -->``: the last command of the block exits with code 1;
- ``<!-- run: file NAME -->``: the block is written to this file;
- ``<!-- run: edit NAME -->``: lines of the file are replaced, ``-`` by ``+``;
- ``<!-- run: ci NAME -->``: a workflow, written to this file; its commands run under CI,
  except those of pip;
- ``<!-- run: pytest -->``: the block passes as a test file of its own, beside the files of
  the document;
- ``<!-- run: needs NAME -->``: the document is skipped if library NAME is missing.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from click.testing import CliRunner
from support import warm

from bgb_fixtures.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def run_command(line: str, *, ci: bool = False) -> tuple[int, str]:
    """Run a command line of a document in the current folder; return code and output."""
    words = shlex.split(line, comments=True)
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {
        "COLUMNS": "80",
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",  # for textconv of git
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "someone" for who in ("AUTHOR", "COMMITTER")},
        **{
            f"GIT_{who}_EMAIL": "someone@example.org" for who in ("AUTHOR", "COMMITTER")
        },
        "CI": "true" if ci else "false",
    }
    if words[0] == "bgb-fixtures":
        # In this process, which has imported everything before.
        result = CliRunner(env=environment).invoke(main, words[1:])
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result.exit_code, result.output
    if words[0] == "pytest":
        # -P: as with the installed command, the current folder is not on the import path.
        return warm.run("-P", "-m", *words, environment=environment)
    if shutil.which(words[0]) is None:
        pytest.skip(f"needs {words[0]}")
    done = subprocess.run(
        line,
        shell=True,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


MEASURED = re.compile(r"\d+\.\d+(e[+-]\d+)?")


def show(text: str) -> str:
    """Return output as it is compared: without measured numbers and widths of lines."""
    return re.sub(r"=+", "=", MEASURED.sub("#.#", text))


def run_console(block: Block, _namespace: dict[str, Any]) -> None:
    place = f"{block.path}, line {block.line}"
    head, *parts = re.split(r"^\$ ", block.code, flags=re.MULTILINE)
    assert not head, f"{place}: text before the first command"
    for number, part in enumerate(parts, 1):
        command, _, shown = part.replace("\\\n", " ").partition("\n")
        fails = block.how == FAILS and number == len(parts)
        code, printed = run_command(command)
        assert code == int(fails), f"{place}: {command}\n{printed}"
        same = doctest.OutputChecker().check_output(
            show(shown), show(printed), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        assert same or not shown, f"{place}: {command}\n{printed}"


def write_file(block: Block, namespace: dict[str, Any]) -> None:
    del namespace
    path = Path(block.how.split()[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.code, encoding="utf-8")


def edit_file(block: Block, namespace: dict[str, Any]) -> None:
    del namespace
    path = Path(block.how.split()[1])
    old, new = (
        "".join(
            f"{line[1:]}\n"
            for line in block.code.splitlines()
            if line[:1] in (sign, " ")
        )
        for sign in "-+"
    )
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{block.path}, line {block.line}: not in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def run_workflow(block: Block, namespace: dict[str, Any]) -> None:
    write_file(block, namespace)
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    [job] = yaml.safe_load(block.code)["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    for command in commands:
        if not command.startswith("pip "):
            code, printed = run_command(command, ci=True)
            assert code == 0, f"{block.path}, line {block.line}: {command}\n{printed}"


FAILS = "fails"
FILE = "file "
# By the first word of the mark, or else the language of the block.
RUNNERS: dict[str, Callable[[Block, dict[str, Any]], None]] = {
    "python": run_python,
    "console": run_console,
    "file": write_file,
    "edit": edit_file,
    "ci": run_workflow,
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


@pytest.fixture
def _own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a document imported: others have modules of the same names."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


# Optional libraries warn of their own affairs when they are imported.
@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("_warm_smoke", "_own_modules")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_code_of_the_document_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [block for block in blocks_of(path) if block.how != "pytest"]
    for block in blocks:
        how, *names = block.how.split() or [""]
        for name in names if how == "needs" else ():
            pytest.importorskip(name, reason=f"{path.name} needs {name}")
    # The documents speak to a person at a machine; under CI no golden is written.
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": path.stem}
    for block in blocks:
        word = block.how.partition(" ")[0]
        RUNNERS[word if word in RUNNERS else block.language](block, namespace)


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
