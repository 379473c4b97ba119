"""Timer of the benchmarks: medians of interleaved runs, peaks of processes, tables.

Invariant: the rows of a table are measured alternately, so that other load on the
machine affects all of them alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Bench", "Row", "Table", "compare", "format_tables", "growth"]

T = TypeVar("T")
# The benchmarks use the small test data and the web server of the tests.
_TOOLS = Path(__file__).parent
_PATHS = [str(_TOOLS), str(_TOOLS.parent / "tests")]
sys.path.append(_PATHS[1])
MOST_RUNS = 60
"""Maximum number of runs of one way per round."""
# Print the peak at exit, as commands end with sys.exit(). Use the peak of the current
# memory map, as the counter of getrusage() survives exec() and includes the parent.
_PRELUDE = """\
import atexit as _atexit
@_atexit.register
def _tell():
    import sys
    try:
        with open("/proc/self/status") as status:
            found = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    except OSError:
        found = []
    print("", *found, file=sys.stderr, sep="\\npeak ")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement: a median, the ratio to the first row, the peak of a process."""

    name: str
    value: float
    unit: str = "ms"
    ratio: float | None = None
    peak_mib: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Benchmark in an empty folder; if `tiny`, everything is small and runs once."""

    folder: Path
    tiny: bool = False

    def pick(self, full: T, tiny: T) -> T:
        """Return the size for a full or a tiny benchmark."""
        return tiny if self.tiny else full

    def medians(
        self,
        ways: Mapping[str, Callable[[], object]],
        *,
        seconds: float = 0.5,
        rounds: int = 5,
    ) -> dict[str, float]:
        """Return the median time of each way in ms, after an uncounted run.

        Each way runs for about `seconds`, and at least once per round.
        """
        times: dict[str, list[float]] = {name: [] for name in ways}
        if not self.tiny:
            for run in ways.values():
                run()
        for _ in range(self.pick(rounds, 1)):
            for name, run in ways.items():
                until = perf_counter() + self.pick(seconds / rounds, 0)
                for _ in range(MOST_RUNS):
                    start = perf_counter()
                    run()
                    stop = perf_counter()
                    times[name].append(1e3 * (stop - start))
                    if stop >= until:
                        break
        return {name: statistics.median(values) for name, values in times.items()}

    def process(self, code: str) -> float | None:
        """Run Python code in a new process in the folder; return its peak in MiB.

        The peak is the largest resident memory; None if the system does not report it.
        """
        paths = [*filter(None, [os.environ.get("PYTHONPATH")]), *_PATHS]
        done = subprocess.run(
            [sys.executable, "-c", _PRELUDE + code],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            msg = f"{code!r} ended with {done.returncode}: {done.stderr[-2000:]}"
            raise RuntimeError(msg)
        _, _, peak = done.stderr.rpartition("\npeak ")
        return int(peak) / 1024 if peak.strip().isdecimal() else None

    def processes(
        self, codes: Mapping[str, str], *, seconds: float = 0.0, rounds: int = 5
    ) -> tuple[dict[str, float], dict[str, float | None]]:
        """Return the median times of some processes in ms, and their peaks in MiB."""
        peaks: dict[str, float | None] = {}

        def run(name: str) -> None:
            peaks[name] = self.process(codes[name])

        ways = {name: lambda name=name: run(name) for name in codes}
        return self.medians(ways, seconds=seconds, rounds=rounds), peaks

    def let_settle(self) -> None:
        """Wait until new files count as unchanged; before that, loads verify them."""
        time.sleep(self.pick(2.1, 0))


def compare(
    medians: Mapping[str, float],
    *,
    peaks: Mapping[str, float | None] | None = None,
    notes: Mapping[str, str] | None = None,
) -> tuple[Row, ...]:
    """Return rows, in ms and MiB, with their ratio to the first."""
    reference = next(iter(medians.values()))
    return tuple(
        Row(
            name=name,
            value=value,
            ratio=value / reference,
            peak_mib=(peaks or {}).get(name),
            note=(notes or {}).get(name, ""),
        )
        for name, value in medians.items()
    )


def growth(
    title: str,
    medians: Mapping[int, float],
    *,
    unit: str,
    peaks: Mapping[int, float | None] | None = None,
) -> Table:
    """Return a table of times in ms by size, which states how they grow.

    `unit` is the unit of the sizes: ``"s"``, or a word in the singular.
    """
    plural = unit if unit == "s" else f"{unit}s"
    names = {size: f"{size:,} {unit if size == 1 else plural}" for size in medians}
    rows = compare(
        {names[size]: value for size, value in medians.items()},
        peaks={names[size]: peak for size, peak in (peaks or {}).items()},
        notes={
            names[size]: f"{format_time(value / size)} per {unit}"
            for size, value in medians.items()
        },
    )
    first, last = list(pairwise(medians))[-1]
    note = (
        f"last step: {last / first:.3g} times as many take "
        f"{medians[last] / medians[first]:.2g} times as long"
    )
    return Table(title=title, rows=rows, note=note)


# Formatting of numbers


def format_time(milliseconds: float) -> str:
    """Format three digits in a suitable unit: ``"3.05 us"``, ``"12.5 ms"``."""
    for factor, unit in ((1e-3, "s"), (1, "ms"), (1e3, "us")):
        if milliseconds * factor >= 1:
            return f"{milliseconds * factor:.3g} {unit}"
    return f"{milliseconds * 1e6:.3g} ns"


def format_number(value: float) -> str:
    """Format three digits, without an exponent from 0.001 to a million."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}" if value >= 0.001 or value == 0 else f"{value:.1e}"


def format_ratio(ratio: float) -> str:
    """Format a ratio with its significant digits: ``"0.35 x"``, ``"208 x"``."""
    if ratio < 0.95:
        return f"{ratio:.2g} x"
    return f"{ratio:.1f} x" if ratio < 9.95 else f"{ratio:.0f} x"


def format_tables(tables: Sequence[Table]) -> str:
    """Format tables in columns, each after an empty line."""
    lines = []
    for table in tables:
        lines += ["", table.title]
        lines += [_format_row(row) for row in table.rows]
        lines += [f"  {table.note}"] if table.note else []
    return "\n".join(lines)


def _format_row(row: Row) -> str:
    value = f"{format_number(row.value)} {row.unit:<3}"
    ratio = "" if row.ratio is None else format_ratio(row.ratio)
    peak = "" if row.peak_mib is None else f"{row.peak_mib:.0f} MiB"
    return f"  {row.name:<44}{value:>14}{ratio:>10}{peak:>10}  {row.note}".rstrip()
