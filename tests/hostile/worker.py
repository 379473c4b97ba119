"""Read files in a child process whose time and memory are limited.

``python -m hostile.worker BYTES`` is that child; it answers one request per line.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bgb_fixtures.errors import FixtureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FINDING", "LIMIT_BYTES", "LIMIT_S", "Worker", "read_here"]

LIMIT_S = 10.0
"""Seconds that one input may take."""
LIMIT_BYTES = 128 * 2**20
"""Bytes that one input may allocate, where the system can limit that (Linux)."""
FINDING = "Finding"
"""Outcome of a read that did something that no reader may do."""
_LONGEST_MESSAGE = 4000
_START_S = 120.0


def _crash(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang(_: Path) -> None:
    while True:
        time.sleep(1)


def _allocate(_: Path) -> None:
    bytearray(2**40)


def _stumble(path: Path) -> None:
    raise KeyError(path.suffix)


_BROKEN: Mapping[str, Callable[[Path], object]] = {
    # What no reader may do, to test that the worker notices it.
    "crash": _crash,
    "hang": _hang,
    "allocate": _allocate,
    "stumble": _stumble,
}


def read_here(name: str, path: Path) -> tuple[str, str]:
    """Read a file in this process; return the outcome and the message."""
    from hostile.oracles import ORACLES

    try:
        (_BROKEN.get(name) or ORACLES[name])(path)
    except FixtureError as error:
        text = str(error)
        if isinstance(error.__cause__, MemoryError):
            return FINDING, f"allocated more than its limit: {text}"
        if not text.replace("\n", "").isprintable() or len(text) > _LONGEST_MESSAGE:
            return FINDING, f"message not fit to print: {text[:300]!r}"
        return type(error).__name__, text
    except BaseException as error:  # noqa: BLE001
        return FINDING, f"{type(error).__name__}: {error}"[:1000]
    return "accepted", ""


def _private_bytes() -> int:
    """Return the private memory of this process in bytes, or 0 if unknown."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return 0
    return 1024 * int(status.partition("VmData:")[2].split()[0])


def _serve(budget: int) -> None:
    """Answer requests, one per line, until stdin ends."""
    import h5py  # noqa: F401

    from hostile import oracles  # noqa: F401 (imported before memory is limited)

    try:
        import resource
    except ModuleNotFoundError:
        pass  # Windows: time is limited all the same.
    else:
        if used := _private_bytes():
            resource.setrlimit(resource.RLIMIT_DATA, (used + budget,) * 2)
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        name, path = json.loads(line)
        print(json.dumps(read_here(name, Path(path))), file=answers, flush=True)


class Worker:
    """Read files in a child process; replace a child that dies or hangs."""

    def __init__(self, *, limit_s: float = LIMIT_S, budget: int = LIMIT_BYTES) -> None:
        self._limit_s = limit_s
        self._budget = budget
        self._child: subprocess.Popen[str] | None = None

    def read(self, name: str, path: Path) -> tuple[str, str]:
        """Read a file; return the outcome and the message.

        The outcome is ``"accepted"``, the class of the error, or `FINDING`.
        """
        outcome, message = self._ask(name, path)
        if outcome == FINDING:
            # Memory that earlier inputs took is no finding: try a new child.
            self.close()
            outcome, message = self._ask(name, path)
        return outcome, message

    def _ask(self, name: str, path: Path) -> tuple[str, str]:
        if self._child is None:
            self._child = self._start()
            if self._answer(_START_S) != "ready\n":
                msg = (
                    "the child does not start; run python -m hostile.worker 0 in tests/"
                )
                raise RuntimeError(msg)
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps([name, str(path)]) + "\n")
        self._child.stdin.flush()
        line = self._answer(self._limit_s)
        if line is None:
            self.close()
            return FINDING, f"no answer within {self._limit_s:g} s"
        if not line:
            code = self._child.wait()
            self.close()
            return FINDING, f"the process died with exit code {code}"
        outcome, message = json.loads(line)
        return outcome, message

    def _start(self) -> subprocess.Popen[str]:
        tests = str(Path(__file__).parents[1])
        paths = [tests, *filter(None, [os.environ.get("PYTHONPATH")])]
        changes = {
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "hostile.worker", str(self._budget)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | changes,
            text=True,
        )

    def _answer(self, limit_s: float) -> str | None:
        """Return the next line: empty if the child died, None if it hangs."""
        assert self._child is not None
        assert self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            if not selector.select(limit_s):
                return None
        return self._child.stdout.readline()

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
