"""Child process that runs a model for the command line: ``python -m ...smoke.child``.

The request is read from stdin as one JSON object. Invariant: stdout carries only our
messages, one JSON object per line; whatever a model prints goes to stderr.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import threading
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from bgb_fixtures.smoke.limits import Stopwatch

if TYPE_CHECKING:
    from bgb_fixtures.smoke.report import CheckResult

__all__ = ["main"]

TRACE_AFTER_S = 1.0
"""Seconds after the limit until the stack of a check that still runs is written."""
WAITING_S = 1.0
"""Seconds between two requests for more time."""


class _Messages:
    """Sender of messages to the parent, which also watches the running check."""

    def __init__(self, out: TextIO, request: dict[str, Any]) -> None:
        self._out = out
        self._limit = float(request["time_limit"])
        self._trace = Path(request["trace"]).open("w", encoding="utf-8")  # noqa: SIM115
        self._lock = threading.Lock()
        self._watch: Stopwatch | None = None
        threading.Thread(target=self._report_waiting, daemon=True).start()

    def _report_waiting(self) -> None:
        """Request more time while other programs slow down the running check."""
        while True:
            time.sleep(WAITING_S)
            watch = self._watch
            if watch and watch.wall > self._limit and watch.is_waiting(self._limit):
                self.send("waiting")

    def send(self, event: str, **values: Any) -> None:
        """Write one message."""
        with self._lock:
            self._out.write(json.dumps({"event": event, **values}) + "\n")
            self._out.flush()

    def start(self, name: str) -> None:
        """Report that a check begins."""
        self.send("start", name=name)
        self._watch = Stopwatch()
        self._trace.seek(0)
        self._trace.truncate()
        # faulthandler uses a thread of its own, so this works even while C code holds
        # the GIL.
        faulthandler.dump_traceback_later(self._limit + TRACE_AFTER_S, file=self._trace)

    def verdict(self, verdict: CheckResult) -> None:
        """Report the verdict of a check before failures are attributed to causes."""
        faulthandler.cancel_dump_traceback_later()
        self._watch = None
        self.send("verdict", **asdict(verdict))

    def result(self, result: CheckResult) -> None:
        """Report the result of a check after failures are attributed to causes."""
        self.send("result", **asdict(result))


def _take_stdout() -> TextIO:
    """Reserve stdout for messages; redirect all printing, even by C code, to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    return out


def _run(request: dict[str, Any], messages: _Messages) -> None:
    import torch

    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.smoke.catalogue import NEEDED
    from bgb_fixtures.smoke.detector import Detector
    from bgb_fixtures.smoke.judge import Judge, attempt
    from bgb_fixtures.smoke.loading import find_device, import_object, read_config
    from bgb_fixtures.smoke.options import Declaration
    from bgb_fixtures.smoke.report import CheckResult
    from bgb_fixtures.smoke.runner import load_model, run_checks, select_checks
    from bgb_fixtures.smoke.snapshot import set_seed

    device = find_device(request["device"])
    fixture = load_fixture(request["fixture"])
    if request["shape"]:
        fixture = fixture.adapt(**request["shape"])
    config = read_config(Path(request["config"])) if request["config"] else {}
    limit = float(request["time_limit"])
    declared = Declaration(
        **{key: request[key] for key in Declaration.__slots__}
        | {
            "positive_classes": tuple(request["positive_classes"]),
            "allow_unused": tuple(request["allow_unused"]),
        }
    )

    def build() -> tuple[Any, Any]:
        set_seed(int(request["seed"]))
        value = import_object(request["target"])
        model, make = load_model(
            value, config=config, fixture=fixture, declared=declared
        )
        if isinstance(model, torch.nn.Module) and device is not None:
            model.to(device)
        return model, make

    messages.start("build")
    built = attempt("build", build, limit=limit)
    if built.result.status == "FAIL":
        messages.verdict(built.result)
        messages.result(built.result)
        return
    model, make = built.value
    stopped = set(request["stopped"])
    known = {item["name"]: CheckResult(**item) for item in request["known"]}
    users: dict[str, Any] = {"loss": None, "step": None}
    names = list(request["names"])
    for name in users:
        if request[name] is None:
            continue
        if name in stopped:
            messages.result(known[name])
            continue
        messages.start(name)
        found = attempt(name, partial(import_object, request[name]), limit=limit)
        users[name] = found.value
        if found.result.status == "FAIL":
            messages.verdict(found.result)
            messages.result(found.result)
            names = [other for other in names if other != name]
    if isinstance(users["loss"], type):
        users["loss"] = users["loss"]()
    detector = Detector(
        model,
        fixture=fixture,
        declared=declared,
        device=device,
        loss=users["loss"],
        step=users["step"],
        make_model=make,
        seed=int(request["seed"]),
        time_limit=limit,
        can_train="gradients" not in stopped,
    )
    judge = Judge(
        detector,
        # Rerun the checks whose findings every other check needs.
        known=[result for name, result in known.items() if name not in NEEDED],
        on_start=messages.start,
        on_verdict=messages.verdict,
    )
    wanted = select_checks((), loss=users["loss"], step=users["step"])

    def on_result(result: CheckResult) -> None:
        messages.result(result)
        if result.name == "shape":
            text = "" if detector.contract is None else str(detector.contract)
            messages.send("contract", text=text, slow=detector.budget.is_slow)

    run_checks(
        judge,
        detector,
        [name for name in wanted if name in names],
        on_result=on_result,
    )


def main() -> None:
    """Read the request, run the checks and send their results."""
    request = json.loads(sys.stdin.readline())
    messages = _Messages(_take_stdout(), request)
    from bgb_fixtures.errors import (
        FixtureError,
        Key,
        MissingPackageError,
        SpecError,
    )

    try:
        _run(request, messages)
    except FixtureError as error:
        is_missing = isinstance(error, MissingPackageError)
        parts = error.parts if isinstance(error, SpecError) else [str(error)]
        marked = [[part, isinstance(part, Key)] for part in parts]
        messages.send("error", parts=marked, environment=is_missing)
    messages.send("end")


if __name__ == "__main__":
    main()
