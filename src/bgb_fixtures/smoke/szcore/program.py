"""Run somebody's program on one recording, and end it if it does not come back.

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

__all__ = ["run_program", "split_command"]

_PLACES = ("{edf}", "{tsv}")


def split_command(command: str) -> list[str]:
    """Split a command into its words, as a shell does, and look whether it can run.

    Parameters
    ----------
    command : str
        With the places ``{edf}`` and ``{tsv}``.

    Returns
    -------
    words : list of str
        The places still in them.

    Raises
    ------
    SpecError
        If quotes do not match, a place is missing, or there is no such program.
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
        msg = f"no program {words[0]!r} that can be run, on the PATH or as a file"
        raise SpecError(msg)
    return words


def run_program(words: list[str], edf: Path, tsv: Path, *, time_limit: float) -> None:
    """Run a program on one file.

    Parameters
    ----------
    words : list of str
        From `split_command`.
    edf, tsv : pathlib.Path
        What it reads, and what it shall write.
    time_limit : float
        Seconds until its whole process group is killed.

    Raises
    ------
    Failed
        If it cannot be started, does not return in time, ends with another exit code
        than 0, or writes no file.
    """
    filled = [w.replace("{edf}", str(edf)).replace("{tsv}", str(tsv)) for w in words]
    # Files, not pipes: a process that it leaves behind would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                filled,
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
            raise Failed(msg, place=edf.name) from error
        finally:
            _kill_group(process)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status:
        said = [line.strip() for line in text.splitlines() if line.strip()]
        last = f"; its last line: {said[-1]:.300}" if said else "; it printed nothing"
        msg = f"{_describe_end(status)}{last}"
        raise Failed(msg, place=edf.name)
    if not tsv.is_file():
        msg = "ended well, and wrote no file at {tsv}"
        raise Failed(msg, place=edf.name)


def _describe_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit code {status}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and of all that it started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        # Nothing is left; macOS says so by the second.
        pass
    process.wait()
