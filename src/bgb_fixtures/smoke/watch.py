"""Run the checks in a process of its own, and end that if it does not come back.

Invariant: this module imports nothing heavy; whatever the model does, hang in C code,
crash, exit, each check gets a result, and no process is left behind.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke.catalogue import NEEDED, SENTENCES
from bgb_fixtures.smoke.limits import is_library, show_path
from bgb_fixtures.smoke.report import CheckResult, SmokeReport

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Request", "run_watched"]

START_S = 120.0
"""Seconds for the process to start and import torch, from a cold disk."""
GRACE_S = 3.0
"""Seconds behind the limit: within it, the child stops Python code itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Say what to run.

    Attributes
    ----------
    target : str
        ``module:name`` of the model or its factory.
    config, fixture, device, loss, step : str or None
        As the options of the command line.
    names : tuple of str
        Checks to run.
    time_limit : float
        Seconds for each.
    seed : int
        Of the generators.
    allow_frozen : bool
        Whether frozen parameters are meant.
    """

    target: str
    config: str | None = None
    fixture: str | None = None
    device: str | None = None
    loss: str | None = None
    step: str | None = None
    names: tuple[str, ...] = tuple(SENTENCES)
    time_limit: float = 30.0
    seed: int = 0
    allow_frozen: bool = False

    def asked(self) -> list[str]:
        """Return the names of the checks of this request.

        Returns
        -------
        names : list of str
            Without ``loss`` and ``step`` where the user gave none.
        """
        absent = {"loss": self.loss is None, "step": self.step is None}
        return [name for name in self.names if not absent.get(name, False)]


class _Child:
    """One process that runs checks."""

    def __init__(self, request: dict[str, Any]) -> None:
        # A group of its own, so that what the model started ends with it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bgb_fixtures.smoke.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._messages.put(json.loads(line))
        self._messages.put(None)

    def next(self, timeout: float) -> dict[str, Any] | None:
        """Return the next message; None if the process has ended.

        Raises
        ------
        queue.Empty
            If there was none in time.
        """
        return self._messages.get(timeout=timeout)

    def end(self) -> int:
        """End the process, whatever it does; return its exit status."""
        if self._process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        status = self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status


def _read_trace(path: Path) -> str:
    """Return the user's innermost line in a dump of faulthandler."""
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = line.strip().split('"')
        if len(parts) == 3 and not is_library(parts[1]):
            number, _, function = parts[2].removeprefix(", line ").partition(" in ")
            return f"{show_path(parts[1])}:{number} in {function}"
    return ""


def _describe_end(status: int) -> str:
    if status < 0:
        return f"the process was ended by {signal.Signals(-status).name}"
    return f"the process ended itself with exit code {status}"


def run_watched(
    request: Request, *, on_result: Callable[[CheckResult], None] | None = None
) -> SmokeReport:
    """Run checks in another process, anew behind each that does not come back.

    Parameters
    ----------
    request : Request
        What to run.
    on_result : callable or None
        Called with each result as it comes.

    Returns
    -------
    report : SmokeReport
        One result a check.

    Raises
    ------
    SpecError
        If the request cannot be met: no such fixture, device or config.
    """
    start = perf_counter()
    asked = request.asked()
    results: dict[str, CheckResult] = {}
    contract = ""
    training = True

    def add(result: CheckResult) -> None:
        if result.name in asked and result.name not in results:
            results[result.name] = result
            if on_result is not None:
                on_result(result)

    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.txt"
        while set(asked) - set(results):
            names = [name for name in asked if name not in results]
            quiet = [name for name in NEEDED if name in results]
            child = _Child(
                {
                    **{key: getattr(request, key) for key in Request.__slots__},
                    "names": [*NEEDED, *(n for n in names if n not in NEEDED)],
                    "quiet": quiet,
                    "training": training,
                    "trace": str(trace),
                }
            )
            running, began, timed_out = "build", perf_counter(), False
            timeout = START_S
            try:
                while True:
                    message = child.next(timeout)
                    if message is None or message["event"] == "end":
                        break
                    event = message.pop("event")
                    if event == "error":
                        raise SpecError(message["message"])
                    if event == "start":
                        running, began = message["name"], perf_counter()
                        timeout = request.time_limit + GRACE_S
                    elif event == "contract":
                        contract = message["text"]
                    else:
                        add(CheckResult(**message))
            except queue.Empty:
                timed_out = True
                message = None
            finally:
                status = child.end()
            if message is None:
                reason = (
                    f"did not return within {request.time_limit:g} s; its process was "
                    "ended"
                    if timed_out
                    else _describe_end(status)
                )
                add(
                    CheckResult(
                        name=running,
                        status="FAIL",
                        reason=reason,
                        place=_read_trace(trace) if timed_out else "",
                        seconds=perf_counter() - began,
                    )
                )
                training = training and running != "gradients"
            if message is not None or running in NEEDED:
                break
    for name in asked:
        reason = "not run: the model could not be built or run"
        add(CheckResult(name=name, status="SKIP", reason=reason))
    return SmokeReport(
        model=request.target,
        contract=contract,
        checks=tuple(results[name] for name in asked),
        seconds=perf_counter() - start,
    )
