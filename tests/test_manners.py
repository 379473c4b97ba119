"""How the command line behaves: quiet, verbose, plain terminals, completion, help."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from bgb_fixtures import build
from bgb_fixtures.build import BuildReport
from bgb_fixtures.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHIM = '#!/bin/sh\nexec "{python}" -m bgb_fixtures "$@"\n'
COMPLETE = """
eval "$(_BGB_FIXTURES_COMPLETE=bash_source bgb-fixtures)"
COMP_WORDS=({words}) COMP_CWORD={place}
_bgb_fixtures_completion bgb-fixtures
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def commands() -> Iterator[list[str]]:
    """Yield the words of every command, of those in groups too."""
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        yield [name]
        if isinstance(command, click.Group):
            yield from ([name, inner] for inner in command.list_commands(context))


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments), prog_name="bgb-fixtures")
    return stop.value.code


def seen_on_a_terminal(*arguments: str | Path, **variables: str) -> str:
    """Return what a terminal of 80 columns gets on stderr."""
    pty = pytest.importorskip("pty", reason="needs a terminal of POSIX")
    terminal, slave = pty.openpty()
    known = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    subprocess.run(
        [sys.executable, "-m", "bgb_fixtures", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=known | {"TERM": "xterm"} | variables,
        check=True,
    )
    # So that there is something to read where nothing was written.
    os.write(slave, b"end")
    os.close(slave)
    shown: str = os.read(terminal, 10_000).decode()
    os.close(terminal)
    return shown.removesuffix("end")


# Help


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_of_a_command_has_an_example_of_it(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(*words, "--help") == 0
    assert f"Example: bgb-fixtures {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [pytest.param([], id="all"), pytest.param(["golden"], id="golden")]
)
def test_list_of_commands_cuts_no_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(*words, "--help") == 0
    listed = capsys.readouterr().out.split("Commands:")[1].splitlines()
    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_of_a_command_gives_defaults_in_one_way_and_no_formula(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    run(*words, "--help")
    text = capsys.readouterr().out
    assert re.findall(r"\[[^]]*(?:x[<>]|[<>]=?x|default:)[^]]*\]", text) == []


def test_help_ends_with_what_few_need(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    described = capsys.readouterr().out.split("Options:")[0]
    assert described.split()[-1] == "lines."
    assert described.index("NO_COLOR") > described.index("COMPLETE")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("golden check a:b --batch-size 0", "expected at least 1, got 0"),
        ("golden check a:b --rtol -1", "expected at least 0, got -1.0"),
        ("smoke a:b --time-limit 0", "expected more than 0, got 0.0"),
        ("smoke a:b --positive-class 1 --positive-class -2", "at least 0, got -2"),
        ("plot tiny --out a.png --dpi 700", "expected 20 to 600, got 700"),
    ],
)
def test_number_out_of_range_is_wrong_usage(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words.split()) == 2
    assert message in capsys.readouterr().err


def test_help_says_how_to_be_quiet_verbose_and_completed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert (
        "-q, --quiet Print only results, warnings and errors; goes before COMMAND."
        in text
    )
    assert (
        "-v, --verbose Show the package's log messages on stderr; goes before COMMAND."
        in text
    )
    assert 'eval "$(_BGB_FIXTURES_COMPLETE=bash_source bgb-fixtures)"' in text


# Quiet and verbose


@pytest.fixture
def _incomplete_build(small_fixture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `build` find no window of kind whole, and log that it looked."""
    report = BuildReport(
        path=small_fixture, windows=(), missing_kinds=("whole",), n_recordings=4
    )

    def build_fixture(*_: object, **__: object) -> BuildReport:
        logging.getLogger("bgb_fixtures.build").info("4 recordings can be used")
        return report

    monkeypatch.setattr(build, "build_fixture", build_fixture)


@pytest.mark.usefixtures("_incomplete_build")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(
            [],
            "kinds of window not found in the 4 annotated recordings at this window "
            "length: whole\n",
            id="neither",
        ),
        pytest.param(["-q"], "", id="quiet"),
        pytest.param(
            ["-v"],
            "INFO bgb_fixtures.build: 4 recordings can be used\n"
            "kinds of window not found in the 4 annotated recordings at this window "
            "length: whole\n",
            id="verbose",
        ),
    ],
)
def test_stderr_holds_what_was_asked_for_and_stdout_the_answer(
    capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert run(*options, "build", "--source", "chbmit", "--root", "x") == 0
    captured = capsys.readouterr()
    assert captured.err == told
    assert captured.out.startswith("wrote ")


def test_quiet_does_not_hide_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("--quiet", "info", str(tmp_path / "none.h5")) == 1
    assert capsys.readouterr().err.startswith("Error: no fixture ")


def test_verbose_ends_with_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("bgb_fixtures")
    assert run("--verbose", "info", "tiny") == 0
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)
    assert capsys.readouterr().err == ""


def test_quiet_and_verbose_exclude_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("-q", "-v", "info") == 2
    assert "--quiet and --verbose exclude each other" in capsys.readouterr().err


# Terminals


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"NO_COLOR": "1"}, id="NO_COLOR"),
        pytest.param({"TERM": "dumb"}, id="TERM=dumb"),
    ],
)
def test_a_plain_terminal_gets_lines_without_codes(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    arguments = ["build", "--windows", "2", "--window-length", "8", "--out"]
    shown = seen_on_a_terminal(*arguments, tmp_path / "a.h5", **variables)
    assert shown == "building ...\r\n"


def test_an_empty_no_color_counts_as_none(tmp_path: Path) -> None:
    # https://no-color.org: "when present and not an empty string".
    arguments = ["build", "--windows", "2", "--window-length", "8", "--out"]
    shown = seen_on_a_terminal(*arguments, tmp_path / "a.h5", NO_COLOR="")
    assert "100%" in shown


def test_quiet_shows_no_progress_on_a_terminal(tmp_path: Path) -> None:
    arguments = ["-q", "build", "--windows", "2", "--window-length", "8", "--out"]
    assert seen_on_a_terminal(*arguments, tmp_path / "a.h5") == ""


# Completion


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("bgb-fixtures ve", "verify", id="command"),
        pytest.param("bgb-fixtures golden upd", "update", id="inner-command"),
        pytest.param("bgb-fixtures verify --ag", "--against", id="option"),
        pytest.param(
            "bgb-fixtures export smoke --to b",
            "brain-go-brr brain-go-brr-3 bids",
            id="word",
        ),
    ],
)
def test_bash_completes(tmp_path: Path, words: str, expected: str) -> None:
    shim = tmp_path / "bgb-fixtures"
    shim.write_text(SHIM.format(python=sys.executable), encoding="utf-8")
    shim.chmod(0o755)
    script = COMPLETE.format(words=words, place=len(words.split()) - 1)
    try:
        done = subprocess.run(
            ["bash", "-c", script],
            env=os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("needs bash")
    assert done.stderr == ""
    assert done.stdout.split() == expected.split()
