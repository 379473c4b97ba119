"""Mutate good files with a fixed seed, and see that no reader is crashed or fooled.

Invariant: an input depends on the seed, the target and its number only; whatever is
read is read in a child process whose time and memory are limited.

    make fuzz SECONDS=600 SEED=1
    python tools/fuzz.py --replay build/findings/fixture.load.seed1.n42

Every reader is one `Target`; to add one, write a function that returns it, and name it
in `TARGETS`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import fuzz_format
import fuzz_sources
from fuzz_target import Target

from bgb_fixtures.errors import FixtureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "RUNS",
    "TARGETS",
    "Report",
    "Target",
    "Worker",
    "fuzz",
    "main",
    "read_here",
]

LIMIT_S = 10.0
"""Seconds that one input may take."""
LIMIT_BYTES = 128 * 2**20
"""Bytes that one input may allocate, beyond four times its size."""
_LONGEST_MESSAGE = 4000
_START_S = 120.0

RUNS: Mapping[str, Callable[[Path], object]] = {**fuzz_format.RUNS, **fuzz_sources.RUNS}
TARGETS = (*fuzz_format.TARGETS, *fuzz_sources.TARGETS)


# What the child does


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
    # What a reader must not do, to test that it is noticed.
    "crash": _crash,
    "hang": _hang,
    "allocate": _allocate,
    "stumble": _stumble,
}


def _outcome(run: Callable[[Path], object], path: Path) -> tuple[str, str]:
    """Return the class and the message of what a run raised; what is no refusal is a finding."""
    try:
        run(path)
    except FixtureError as error:
        text = str(error)
        if isinstance(error.__cause__, MemoryError):
            return "Finding", f"allocated more than {LIMIT_BYTES} bytes: {text}"
        if not text.replace("\n", "").isprintable() or len(text) > _LONGEST_MESSAGE:
            return "Finding", f"message not fit to print: {text[:300]!r}"
        return type(error).__name__, text
    except BaseException as error:  # noqa: BLE001
        return "Finding", f"{type(error).__name__}: {error}"[:1000]
    return "accepted", ""


def read_here(name: str, path: Path) -> tuple[str, str]:
    """Open a file in this process, and say what came of it as `Worker.run` does.

    Parameters
    ----------
    name : str
        Key of `RUNS`.
    path : pathlib.Path
        The file.

    Returns
    -------
    outcome, message : str
        As of `Worker.run`.
    """
    return _outcome(RUNS[name], path)


def _used() -> int:
    """Return the bytes of private memory that this process has, or 0 if unknown."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return 0
    return 1024 * int(status.partition("VmData:")[2].split()[0])


def _serve(budget: int) -> None:
    """Answer requests, one a line, until there are no more."""
    import h5py  # noqa: F401

    try:
        import resource
    except ModuleNotFoundError:
        pass  # Windows: time is limited all the same.
    else:
        if _used():
            resource.setrlimit(resource.RLIMIT_DATA, (_used() + budget,) * 2)
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        name, path = json.loads(line)
        run = RUNS.get(name) or _BROKEN[name]
        answers.write(json.dumps(_outcome(run, Path(path))) + "\n")
        answers.flush()


class Worker:
    """Run readers in a child process; a child that dies or hangs is replaced.

    Parameters
    ----------
    limit_s : float
        Seconds that one input may take.
    budget : int
        Bytes that it may allocate (where the system can limit that: Linux).
    """

    def __init__(self, *, limit_s: float = LIMIT_S, budget: int = LIMIT_BYTES) -> None:
        self._limit_s = limit_s
        self._budget = budget
        self._child: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__)), "--serve", str(self._budget)]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | threads,
            text=True,
        )

    def run(self, name: str, path: Path) -> tuple[str, str]:
        """Open a file in the child.

        Parameters
        ----------
        name : str
            Key of `RUNS`.
        path : pathlib.Path
            The file.

        Returns
        -------
        outcome : str
            ``"accepted"``, the class of the error, or ``"Finding"``.
        message : str
            What the error said.
        """
        if self._child is None:
            self._child = self._start()
            if self._answer(_START_S) != "ready\n":
                msg = "the child does not start; run tools/fuzz.py --serve 0 to see why"
                raise RuntimeError(msg)
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps([name, str(path)]) + "\n")
        self._child.stdin.flush()
        line = self._answer(self._limit_s)
        if line is None:
            self.close()
            return "Finding", f"no answer within {self._limit_s:g} s"
        if not line:
            code = self._child.wait()
            self.close()
            return "Finding", f"the process died with exit code {code}"
        outcome, message = json.loads(line)
        return outcome, message

    def _answer(self, limit_s: float) -> str | None:
        """Return the next line; an empty one if the child died, None if it hangs."""
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
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()


# Fuzzing


@dataclass(slots=True, kw_only=True)
class Report:
    """Count what was tried.

    Attributes
    ----------
    inputs : int
        Files made.
    outcomes : collections.Counter
        By target, run, kind of mutation and outcome.
    findings : list of str
        One line each.
    seconds : float
        Time taken.
    """

    inputs: int = 0
    outcomes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def table(self) -> str:
        """Return runs by outcome, and kinds of mutation by outcome, as text."""
        lines = []
        for title, key in (("reader", slice(0, 2)), ("mutation", slice(2, 3))):
            rows = Counter[tuple[str, str]]()
            for path, n in self.outcomes.items():
                rows[" ".join(path[key]), path[3]] += n
            columns = sorted({outcome for _, outcome in rows})
            lines.append(f"{title:22}" + "".join(f"{c:>20}" for c in columns))
            lines += [
                f"{name:22}" + "".join(f"{rows[name, c]:>20}" for c in columns)
                for name in sorted({name for name, _ in rows})
            ]
            lines.append("")
        total = sum(self.outcomes.values())
        lines.append(
            f"{self.inputs} inputs, {total} reads, {len(self.findings)} findings, "
            f"{self.seconds:.0f} s"
        )
        return "\n".join(lines)


def _try(
    target: Target, kind: str, data: bytes, *, worker: Worker, path: Path
) -> list[tuple[str, str, str]]:
    """Read one input in all ways; return run, outcome and message of each."""
    path.write_bytes(data)
    outcomes = []
    changed = kind in target.unsigned and data not in target.seeds
    for run in target.runs:
        outcome, message = worker.run(run, path)
        if outcome == "Finding":
            # Once more in a new child: the memory that earlier inputs took is no finding.
            worker.close()
            outcome, message = worker.run(run, path)
        if outcome == "accepted" and changed and run != "trust":
            outcome, message = "Finding", "accepted, although bytes changed"
        outcomes.append((run, outcome, message))
    return outcomes


def fuzz(
    *,
    seed: int,
    seconds: float = float("inf"),
    inputs: float = float("inf"),
    findings: Path | None = None,
    targets: tuple[Callable[[Path], Target], ...] = TARGETS,
) -> Report:
    """Try mutations of all targets, each for the same time.

    Parameters
    ----------
    seed : int
        The same seed makes the same inputs.
    seconds, inputs : float
        When to stop: time, and inputs over all targets. Without a time they take turns.
    findings : pathlib.Path or None
        Folder for inputs that found something; made when it is needed.
    targets : tuple of callable
        What to fuzz.

    Returns
    -------
    report : Report
        What was tried, and what was found.
    """
    report = Report()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Worker() as worker:
        ready = [make(Path(folder)) for make in targets]
        numbers, spent = [0] * len(ready), [0.0] * len(ready)
        while report.inputs < inputs and (now := time.monotonic()) - begin < seconds:
            turns = spent if seconds < float("inf") else [float(n) for n in numbers]
            which = turns.index(min(turns))
            target, number = ready[which], numbers[which]
            numbers[which] += 1
            rng = random.Random(f"{seed}.{target.name}.{number}")
            kind, data = target.mutate(rng, rng.choice(target.seeds))
            report.inputs += 1
            path = Path(folder) / f"input{target.suffix}"
            for run, outcome, message in _try(
                target, kind, data, worker=worker, path=path
            ):
                report.outcomes[target.name, run, kind, outcome] += 1
                if outcome != "Finding":
                    continue
                name = f"{target.name}.{run}.seed{seed}.n{number}"
                report.findings.append(f"{name} ({kind}): {message}")
                if findings is not None:
                    findings.mkdir(parents=True, exist_ok=True)
                    (findings / name).write_bytes(data)
            spent[which] += time.monotonic() - now
    report.seconds = time.monotonic() - begin
    return report


def _replay(path: Path) -> int:
    """Read an input once more, in the way that its name says."""
    run = path.name.split(".")[1]
    with Worker() as worker:
        outcome, message = worker.run(run, path.absolute())
    print(f"{path.name}: {outcome}: {message}")
    return outcome == "Finding"


def main() -> int:
    """Run what the command line says.

    Returns
    -------
    code : int
        1 if something was found.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inputs", type=float, default=float("inf"))
    parser.add_argument(
        "--target", action="append", metavar="NAME", help="Only this one"
    )
    parser.add_argument("--findings", type=Path, default=Path("build/findings"))
    parser.add_argument("--replay", type=Path, metavar="FILE")
    parser.add_argument("--serve", type=int, metavar="BYTES", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        _serve(options.serve)
        return 0
    if options.replay is not None:
        return _replay(options.replay)
    report = fuzz(
        seed=options.seed,
        seconds=options.seconds,
        inputs=options.inputs,
        findings=options.findings,
        targets=tuple(
            make
            for make in TARGETS
            if options.target is None
            or make.__name__.removesuffix("_target") in options.target
        ),
    )
    print(report.table())
    for finding in report.findings[:50]:
        print(finding)
    return bool(report.findings)


if __name__ == "__main__":
    sys.exit(main())
