"""Run the checks in a child process, and kill it if it hangs.

Invariant: this module imports nothing heavy. Whether the model hangs in C code, crashes
or exits, each check gets a result and no process outlives the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import Key, MissingPackageError, SpecError
from bgb_fixtures.smoke.catalogue import NEEDED, SENTENCES
from bgb_fixtures.smoke.limits import is_library, show_path
from bgb_fixtures.smoke.options import NOTE, Declaration
from bgb_fixtures.smoke.report import CheckResult, SmokeReport

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Request", "run_supervised"]

START_S = 120.0
"""Seconds for the process to start and to import torch from a cold disk."""
GRACE_S = 3.0
"""Seconds after the limit within which the child stops Python code itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run: `target` and the options of the command line."""

    target: str
    config: str | None = None
    fixture: str | None = None
    shape: dict[str, Any] = field(default_factory=dict)
    """Arguments of `Fixture.adapt`."""
    device: str | None = None
    loss: str | None = None
    step: str | None = None
    declared: Declaration = field(default_factory=Declaration)
    names: tuple[str, ...] = tuple(SENTENCES)
    time_limit: float = 30.0
    seed: int = 0

    def selected(self) -> list[str]:
        """Return the checks to run; ``loss`` and ``step`` only if the user has one."""
        absent = {"loss": self.loss is None, "step": self.step is None}
        return [name for name in self.names if not absent.get(name, False)]

    def to_json(self) -> dict[str, Any]:
        """Return the request and its declared properties as one flat JSON object."""
        values = asdict(self)
        return {**values.pop("declared"), **values}


class _Child:
    """One process that runs checks."""

    def __init__(self, request: dict[str, Any]) -> None:
        # A process group of its own, so that processes started by the model end with
        # it.
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
        """Return the next message, or None at the end; queue.Empty after `timeout`."""
        return self._messages.get(timeout=timeout)

    def end(self) -> int:
        """Kill the process if it still runs and return its exit status."""
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

    def wait_for_end(self) -> int:
        """Return the exit status of a process that has closed its stdout."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        return self.end()


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


class _Run:
    """Results so far, from successive child processes."""

    def __init__(
        self, request: Request, on_result: Callable[[CheckResult], None] | None
    ) -> None:
        self._request = request
        self._on_result = on_result
        self.selected = request.selected()
        self.results: dict[str, CheckResult] = {}
        self.verdicts: dict[str, CheckResult] = {}
        """Verdicts before causes are attributed; includes unselected checks."""
        self.stopped: list[str] = []
        self.contract = ""
        self.is_slow = False

    @property
    def is_complete(self) -> bool:
        """Whether every selected check has a result."""
        return not set(self.selected) - set(self.results)

    def add(self, result: CheckResult) -> None:
        """Store a result and pass it on."""
        if result.name in self.selected and result.name not in self.results:
            self.results[result.name] = result
            if self._on_result is not None:
                self._on_result(result)

    def follow(self, trace: Path) -> bool:
        """Run checks in one child process; return whether the run is finished."""
        request = self._request
        child = _Child(
            {
                **request.to_json(),
                "names": self.selected,
                "known": [asdict(verdict) for verdict in self.verdicts.values()],
                "stopped": self.stopped,
                "trace": str(trace),
            }
        )
        running, began, timeout = "build", perf_counter(), START_S
        timed_out, status = False, 0
        try:
            while True:
                message = child.next(timeout)
                if message is None:
                    status = child.wait_for_end()
                    break
                event = message.pop("event")
                if event == "end":
                    return True
                if event == "error":
                    parts = [Key(p) if is_key else p for p, is_key in message["parts"]]
                    if message["environment"]:
                        raise MissingPackageError("".join(parts))
                    raise SpecError(*parts)
                if event == "start":
                    running, began = message["name"], perf_counter()
                    timeout = request.time_limit + GRACE_S
                elif event == "waiting":
                    # Other programs slow the check down. The child limits how long it
                    # waits.
                    timeout = GRACE_S
                elif event == "contract":
                    self.contract, self.is_slow = message["text"], message["slow"]
                elif event == "verdict":
                    verdict = CheckResult(**message)
                    self.verdicts[verdict.name] = verdict
                else:
                    self.add(CheckResult(**message))
        except queue.Empty:
            timed_out = True
        finally:
            child.end()
        limit = f"{request.time_limit:g} s"
        self.verdicts[running] = CheckResult(
            name=running,
            # A slow model is not faulty, but cannot be distinguished from a hang here.
            status="SKIP" if timed_out and self.is_slow else "FAIL",
            reason=(
                f"did not return within {limit}; its process was ended"
                if timed_out
                else _describe_end(status)
            ),
            place=_read_trace(trace) if timed_out else "",
            seconds=perf_counter() - began,
        )
        self.stopped.append(running)
        if running in NEEDED:
            self.add(self.verdicts[running])
        return running in NEEDED


def run_supervised(
    request: Request, *, on_result: Callable[[CheckResult], None] | None = None
) -> SmokeReport:
    """Run checks in a child process, restarting it after any that hangs or crashes.

    Raises SpecError if the request is invalid (no such fixture or config), and
    MissingPackageError if a library that the detector needs cannot be imported, or if
    the device is not available.
    """
    start = perf_counter()
    run = _Run(request, on_result)
    with tempfile.TemporaryDirectory() as folder:
        while not run.is_complete:
            if run.follow(Path(folder) / "trace.txt"):
                break
    cause = next((n for n in NEEDED if n in run.results and n in run.stopped), "build")
    for name in run.selected:
        reason = "not checked: the detector could not be built or run"
        run.add(CheckResult(name=name, status="SKIP", reason=reason, cause=cause))
    return SmokeReport(
        model=request.target,
        contract=run.contract,
        checks=tuple(run.results.values()),
        seconds=perf_counter() - start,
        note=NOTE,
    )
