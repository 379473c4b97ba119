"""Start ``python -m MODULE`` as a fork of a process that has imported torch already.

Importing torch takes a second, and dozens of tests start a process that needs it. The
server of `multiprocessing` imports it once for each worker of the tests; its forks get
the arguments, folder, environment and streams that a new process would have.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import runpy
import subprocess
import sys
from multiprocessing.reduction import DupFd
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Popen", "run"]

PRELOAD = ["torch", "h5py", "pytest"]
"""Not our package: pytest warns of a plugin that it did not import itself."""


@functools.cache
def _import_path(variable: str) -> list[str]:
    """Return the import path of a new process, which does not have that of pytest."""
    return list(
        json.loads(
            subprocess.check_output(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    "import json, sys; print(json.dumps(sys.path))",
                ],
                env=os.environ | {"PYTHONPATH": variable},
            )
        )
    )


class _Fork:
    """What `subprocess.Popen` does, for the arguments ``[python, *flags, "-m", ...]``.

    The only flag is ``-P``; the streams are inherited, pipes of text in UTF-8, or for
    `stderr` STDOUT.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
        **_text: Any,
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        environment = dict(os.environ if env is None else env)
        start = list(arguments).index("-m") + 1
        flags = {*arguments[1 : start - 1]}
        assert flags <= {"-P"}, "flags that a fork cannot have: use subprocess.Popen"
        folder = [] if flags else [os.getcwd()]  # noqa: PTH109
        self.stdin = self.stdout = None
        theirs = [0, 1, 2]
        if stdin == subprocess.PIPE:
            theirs[0], ours = os.pipe()
            self.stdin = os.fdopen(ours, "w", encoding="utf-8")
        if stdout == subprocess.PIPE:
            ours, theirs[1] = os.pipe()
            self.stdout = os.fdopen(ours, encoding="utf-8")
        if stderr == subprocess.STDOUT:
            theirs[2] = theirs[1]
        self._process = context.Process(
            target=_run,
            kwargs={
                "streams": [_Stream(stream) for stream in theirs],
                "arguments": list(arguments[start:]),
                "path": [*folder, *_import_path(environment.get("PYTHONPATH", ""))],
                "environment": environment,
                "folder": os.getcwd(),  # noqa: PTH109
                "own_session": start_new_session,
            },
        )
        self._process.start()
        for stream in {*theirs} - {0, 1, 2}:
            os.close(stream)
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raise TimeoutExpired if that takes longer than `timeout`."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status


class _Stream:
    """A file descriptor that is passed to the new process."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _receive, (DupFd(self._number),)


def _receive(passed: Any) -> int:
    return int(passed.detach())


def _run(
    *,
    streams: list[int],
    arguments: list[str],
    path: list[str],
    environment: dict[str, str],
    folder: str,
    own_session: bool,
) -> None:
    """Become ``python -m`` with these arguments."""
    if own_session:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    module, *sys.argv[1:] = arguments
    if "torch" in sys.modules:
        # Another state of its random numbers in each process.
        sys.modules["torch"].seed()
    sys.path[:] = path
    runpy.run_module(module, run_name="__main__", alter_sys=True)


# Windows cannot fork.
CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()
Popen: Any = _Fork if CAN_FORK else subprocess.Popen


def run(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run ``python`` with these arguments; return its exit code and all that it prints."""
    process = Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    with process.stdout:
        printed = process.stdout.read()
    return process.wait(), printed
