"""The process in which a model of the command line runs: ``python -m ...smoke.child``.

Invariant: stdout carries our messages, one JSON object a line, and nothing that a model
prints: that goes to stderr. Reads its request, one JSON object, from stdin.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from bgb_fixtures.smoke.report import CheckResult
    from bgb_fixtures.smoke.subject import Subject

__all__ = ["main"]

TRACE_AFTER_S = 1.0
"""Seconds behind the limit at which the stack of a check that goes on is written."""


class _Messages:
    """Send messages to the parent, and watch over the running check."""

    def __init__(self, out: TextIO, request: dict[str, Any]) -> None:
        self._out = out
        self._limit = float(request["time_limit"])
        self._trace = Path(request["trace"]).open("w", encoding="utf-8")  # noqa: SIM115
        self._quiet = set(request["quiet"])

    def send(self, event: str, **values: Any) -> None:
        """Write one message."""
        self._out.write(json.dumps({"event": event, **values}) + "\n")
        self._out.flush()

    def start(self, name: str) -> None:
        """Say that a check begins."""
        self.send("start", name=name)
        self._trace.seek(0)
        self._trace.truncate()
        # Written by a thread of its own, even while C code holds the interpreter.
        faulthandler.dump_traceback_later(self._limit + TRACE_AFTER_S, file=self._trace)

    def result(self, result: CheckResult) -> None:
        """Say how a check ended."""
        faulthandler.cancel_dump_traceback_later()
        if result.name not in self._quiet:
            self.send("result", **asdict(result))


def _take_stdout() -> TextIO:
    """Keep stdout for us; send what is printed, by C code too, to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    return out


def _try(
    name: str, messages: _Messages, limit: float, run: Callable[[], Any]
) -> tuple[bool, Any]:
    """Run the user's code as a part of check `name`; report what goes wrong there."""
    from bgb_fixtures.smoke.limits import (
        TimeLimitExceeded,
        describe_error,
        time_limit,
    )
    from bgb_fixtures.smoke.report import CheckResult, Failed

    start = perf_counter()
    try:
        with time_limit(limit):
            return True, run()
    except TimeLimitExceeded as error:
        reason, place = f"did not return within {limit:g} s", describe_error(error)[1]
    except Failed as failed:
        reason, place = failed.reason, failed.place
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code
        reason, place = describe_error(error)
    messages.result(
        CheckResult(
            name=name,
            status="FAIL",
            reason=reason,
            place=place,
            seconds=perf_counter() - start,
        )
    )
    return False, None


def _device(name: str | None) -> torch.device | None:
    import torch

    from bgb_fixtures.errors import SpecError

    if name is None:
        return None
    there: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    if name in there and not there[name]():
        msg = f"device {name!r}: this machine, or this torch, has none"
        raise SpecError(msg)
    return torch.device(name)


def _run(request: dict[str, Any], messages: _Messages) -> None:
    import torch

    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.smoke.importing import find_factory, import_object, read_config
    from bgb_fixtures.smoke.runner import run_checks, select_checks
    from bgb_fixtures.smoke.state import set_seed
    from bgb_fixtures.smoke.subject import Subject

    device = _device(request["device"])
    fixture = load_fixture(request["fixture"])
    config = read_config(Path(request["config"])) if request["config"] else {}
    limit = float(request["time_limit"])

    def build() -> tuple[Any, Any]:
        set_seed(int(request["seed"]))
        value = import_object(request["target"])
        make = find_factory(value, config)
        model = value if make is None else make()
        if isinstance(model, torch.nn.Module) and device is not None:
            model.to(device)
        return model, make

    messages.start("build")
    built, answer = _try("build", messages, limit, build)
    if not built:
        return
    model, make = answer
    users: dict[str, Any] = {"loss": None, "step": None}
    names = list(request["names"])
    for name in users:
        if request[name] is None:
            continue
        find = partial(import_object, request[name])
        found, users[name] = _try(name, messages, limit, find)
        if not found:
            names = [other for other in names if other != name]
    if isinstance(users["loss"], type):
        users["loss"] = users["loss"]()
    subject = Subject(
        model,
        fixture=fixture,
        device=device,
        loss=users["loss"],
        step=users["step"],
        make_model=make,
        seed=int(request["seed"]),
        allow_frozen=bool(request["allow_frozen"]),
        training=bool(request["training"]),
    )
    wanted = select_checks((), loss=users["loss"], step=users["step"])

    def on_result(result: CheckResult) -> None:
        messages.result(result)
        if result.name == "shape":
            messages.send("contract", text=_contract(subject))

    run_checks(
        subject,
        [name for name in wanted if name in names],
        time_limit_s=limit,
        on_start=messages.start,
        on_result=on_result,
    )


def _contract(subject: Subject) -> str:
    return "" if subject.contract is None else str(subject.contract)


def main() -> None:
    """Read the request, run the checks, send what they say."""
    request = json.loads(sys.stdin.readline())
    messages = _Messages(_take_stdout(), request)
    from bgb_fixtures.errors import FixtureError

    try:
        _run(request, messages)
    except FixtureError as error:
        messages.send("error", message=str(error))
    messages.send("end")


if __name__ == "__main__":
    main()
