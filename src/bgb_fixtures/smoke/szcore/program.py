"""Run a program on one recording and kill it if it does not return.

Invariant: no shell is involved, and no process that the program left in its group
survives the call.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_process", "run_program", "split_command"]

_PLACES = ("{edf}", "{tsv}")


def split_command(command: str) -> list[str]:
    """Split a command into words like a shell and check that it can run.

    ``{edf}`` and ``{tsv}`` are left in the words. Raises SpecError if quotes do not
    match, a placeholder is missing, or there is no such program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        msg = f"cannot split the command {command!r}: {error}"
        raise SpecError(msg) from error
    missing = [place for place in _PLACES if not any(place in w for w in words)]
    if missing:
        msg = (
            f"the command {command!r} lacks {' and '.join(missing)}; expected one such "
            'as "my-detector {edf} {tsv}"'
        )
        raise SpecError(msg)
    if shutil.which(words[0]) is None:
        msg = f"program {words[0]!r} not found, on the PATH or as a file"
        raise SpecError(msg)
    return words


def run_program(words: list[str], edf: Path, tsv: Path, *, time_limit: float) -> None:
    """Run a program that reads `edf` and writes `tsv`; raise Failed if it does not."""
    filled = [w.replace("{edf}", str(edf)).replace("{tsv}", str(tsv)) for w in words]
    run_process(filled, place=edf.name, time_limit=time_limit)
    if not tsv.is_file():
        msg = "ended with exit code 0, but wrote no file at {tsv}"
        raise Failed(msg, place=edf.name)


def run_process(words: list[str], *, place: str, time_limit: float) -> None:
    """Run a process for at most `time_limit` seconds, then kill its process group.

    Raises Failed, with `place`, if it cannot be started, does not return in time, or
    exits with a nonzero code.
    """
    # Use files, not pipes: a background process that it started would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"cannot be started: {error}"
            raise Failed(msg) from error
        try:
            status = process.wait(time_limit)
        except subprocess.TimeoutExpired as error:
            msg = f"did not return within {time_limit:g} s and was killed"
            raise Failed(msg, place=place) from error
        finally:
            _kill_group(process)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status:
        printed = [line.strip() for line in text.splitlines() if line.strip()]
        last = (
            f"; its last line: {printed[-1]:.300}"
            if printed
            else "; it printed nothing"
        )
        msg = f"{_describe_end(status)}{last}"
        raise Failed(msg, place=place)


def _describe_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit code {status}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all processes that it started, if any still run."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        # No process is left, which macOS reports as PermissionError.
        pass
    process.wait()
