"""How the benchmark measures: medians of interleaved runs, peaks of processes, growth.

Invariant: what stands in one table was measured in turns, so that whatever else the
machine did met all ways alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["TOOLS", "Bench", "Row", "Table", "compare", "fit_line", "growth"]

T = TypeVar("T")
TOOLS = Path(__file__).parent
"""Where this file is, and what it measures with."""
sys.path.append(str(TOOLS.parent / "tests"))
MOST_RUNS = 60
"""Runs of one way in one round."""
# At exit, as commands end with sys.exit(). Of the memory map that ends: the counter of
# getrusage(), which survives exec(), begins with the size of the parent.
_PEAK = """\
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
    """Hold one measured way of doing a thing.

    Attributes
    ----------
    name : str
        What was done.
    value : float
        Median, in `unit`.
    unit : str
        ``"ms"``, unless it is no time.
    ratio : float or None
        To the row that the table compares with.
    peak_mib : float or None
        Largest resident memory of a process that does this and nothing else, the
        interpreter and imports included, in MiB.
    note : str
        What else there is to say.
    """

    name: str
    value: float
    unit: str = "ms"
    ratio: float | None = None
    peak_mib: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Hold rows that belong together.

    Attributes
    ----------
    title : str
        What they have in common.
    rows : tuple of Row
        In order.
    note : str
        What follows from all rows.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Measure in a folder of its own.

    Attributes
    ----------
    folder : pathlib.Path
        An empty folder that somebody else removes.
    tiny : bool
        Do everything once and small: to see that it works, not how long it takes.
    """

    folder: Path
    tiny: bool = False

    def pick(self, full: T, tiny: T) -> T:
        """Return a size for a measurement, or the one for a trial.

        Parameters
        ----------
        full, tiny : object
            The two sizes.

        Returns
        -------
        size : object
            One of them.
        """
        return tiny if self.tiny else full

    def medians(
        self,
        ways: Mapping[str, Callable[[], object]],
        *,
        seconds: float = 0.5,
        rounds: int = 5,
    ) -> dict[str, float]:
        """Return the median time of each way, after one run that is not counted.

        Parameters
        ----------
        ways : mapping of str to callable
            What to measure.
        seconds : float
            For each way, over all rounds; each runs once per round at least.
        rounds : int
            How often the ways take turns.

        Returns
        -------
        medians : dict of str to float
            Milliseconds.
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
        """Run code in a new interpreter, in the folder.

        Parameters
        ----------
        code : str
            Python; what it prints is dropped.

        Returns
        -------
        peak_mib : float or None
            Its largest resident memory in MiB; None where the system does not tell.

        Raises
        ------
        RuntimeError
            If it fails; with what it wrote to stderr.
        """
        done = subprocess.run(
            [sys.executable, "-c", _PEAK + code],
            cwd=self.folder,
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
        """Return the median time and the peak of each of some processes.

        Parameters
        ----------
        codes : mapping of str to str
            As for `process`.
        seconds, rounds : float, int
            As for `medians`.

        Returns
        -------
        medians : dict of str to float
            Milliseconds from start to end.
        peaks : dict of str to float or None
            MiB, of the last run.
        """
        peaks: dict[str, float | None] = {}

        def runner(name: str) -> Callable[[], None]:
            def run() -> None:
                peaks[name] = self.process(codes[name])

            return run

        ways = {name: runner(name) for name in codes}
        return self.medians(ways, seconds=seconds, rounds=rounds), peaks

    def let_settle(self) -> None:
        """Wait until files just written count as unchanged: else each load checks all."""
        time.sleep(self.pick(2.1, 0))


def compare(
    medians: Mapping[str, float],
    *,
    peaks: Mapping[str, float | None] | None = None,
    notes: Mapping[str, str] | None = None,
    to: str | None = None,
) -> tuple[Row, ...]:
    """Return rows with ratios to one of them.

    Parameters
    ----------
    medians : mapping of str to float
        Milliseconds.
    peaks : mapping of str to float or None, or None
        MiB.
    notes : mapping of str to str or None
        What else to say.
    to : str or None
        What the others are compared with; None: the first.

    Returns
    -------
    rows : tuple of Row
        In the same order.
    """
    reference = medians[to or next(iter(medians))]
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
    """Return a table that shows how a cost grows.

    Parameters
    ----------
    title : str
        What was done.
    medians : mapping of int to float
        Milliseconds by size.
    unit : str
        What the sizes count: ``"s"``, or a word in the singular.
    peaks : mapping of int to float or None, or None
        MiB by size.

    Returns
    -------
    table : Table
        Ratios are to the smallest size. Each row says what one unit costs; the note has
        the fit by `fit_line`, and how much more the last step costs.
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
    fixed, each = fit_line(list(medians), list(medians.values()))
    (size_a, size_b) = list(pairwise(medians))[-1]
    note = (
        f"fit: {format_time(fixed)} + {format_time(each)} per {unit}; in the last step "
        f"{size_b / size_a:.3g} times as many take "
        f"{medians[size_b] / medians[size_a]:.2g} times as long"
    )
    return Table(title=title, rows=rows, note=note)


def format_time(milliseconds: float) -> str:
    """Show three digits in the unit that suits.

    Parameters
    ----------
    milliseconds : float
        At least 0.

    Returns
    -------
    text : str
        Such as ``"3.05 us"``, ``"12.5 ms"``, ``"0"``.
    """
    if milliseconds == 0:
        return "0"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.3g} s"
    if milliseconds >= 1:
        return f"{milliseconds:.3g} ms"
    if milliseconds >= 1e-3:
        return f"{milliseconds * 1e3:.3g} us"
    return f"{milliseconds * 1e6:.3g} ns"


def fit_line(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Fit a fixed cost and a cost per unit, neither below zero.

    Parameters
    ----------
    sizes, values : sequence of float
        Greater than 0.

    Returns
    -------
    fixed, each : float
        That make the sum of squares of relative errors least: else the largest size
        alone would decide.
    """
    weights = 1 / np.asarray(values, float)
    columns = np.stack([weights, weights * np.asarray(sizes, float)], axis=1)
    best: tuple[float, Any] | None = None
    for used in ([0, 1], [0], [1]):
        part = columns[:, used]
        found, *_ = np.linalg.lstsq(part, np.ones(len(part)), rcond=None)
        error = float(np.square(part @ found - 1).sum())
        if (found >= 0).all() and (best is None or error < best[0]):
            both = np.zeros(2)
            both[used] = found
            best = error, both
    if best is None:
        msg = f"sizes and values greater than 0 are expected, got {sizes}, {values}"
        raise ValueError(msg)
    fixed, each = best[1]
    return float(fixed), float(each)
