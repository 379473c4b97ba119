"""Test data loader workers with every start method and several numbers of workers.

Uses the fixture `smoke`. Prints, for each combination, whether two epochs gave the same
bytes as this process, and how much memory the file takes in each worker after all have
read it completely (/proc/self/smaps, Linux). Usage: ``python tools/concurrency.py``;
the exit code is 1 if any byte differed.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import re
import sys
import warnings
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

from bgb_fixtures.dataset import FixtureDataset

if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.synchronize import Barrier

METHODS = ("fork", "spawn", "forkserver")
WORKERS = (1, 4, 8)
KEYS = ("Rss", "Shared_Clean", "Private_Clean", "Private_Dirty")


class Memory(Dataset[dict[str, int]]):
    """Data set with one item per worker: the memory that the file takes in it.

    Memory is measured after all workers have read the whole file. The number of parties
    of the barrier is the number of workers.
    """

    def __init__(
        self, data: FixtureDataset, together: Barrier, *, n_workers: int
    ) -> None:
        self.data = data
        self.together = together
        self.n_workers = n_workers

    def __len__(self) -> int:
        """Return the number of workers."""
        return self.n_workers

    def __getitem__(self, item: int) -> dict[str, int]:
        """Read every window, wait for the other workers and measure memory in kB."""
        before = self._written()
        for row in range(len(self.data)):
            signals, labels = self.data[row]
            float(signals.sum() + labels.sum())
        self.together.wait(60)
        # Each mapping has a block: a line with addresses and the path, then its sizes.
        blocks = Path("/proc/self/smaps").read_text().split("VmFlags:")
        name = f" {self.data.fixture.path}\n"
        table = "\n".join(block for block in blocks if name in block)
        figures = {key: _sum(table, key) for key in KEYS}
        figures["grown"] = self._written() - before
        self.together.wait(60)
        return figures

    def _written(self) -> int:
        return _sum(Path("/proc/self/smaps_rollup").read_text(), "Private_Dirty")


def _sum(table: str, key: str) -> int:
    return sum(map(int, re.findall(rf"^{key}: +(\d+) kB$", table, re.MULTILINE)))


def _digest(batches: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for signals, labels in batches:
        digest.update(signals.numpy().tobytes())
        digest.update(labels.numpy().tobytes())
    return digest.hexdigest()


def _row(method: str, n_workers: int, data: FixtureDataset, expected: str) -> bool:
    start = perf_counter()
    context = multiprocessing.get_context(method)
    equal = True
    # Use two windows, so that three or more workers outnumber the windows.
    few = FixtureDataset(data.fixture.take([0, 16]))
    wanted = _digest(few[i] for i in range(len(few)))
    for dataset, persistent, digests in (
        (data, True, [expected, expected]),
        (few, False, [wanted]),
    ):
        loader = DataLoader(
            dataset,
            num_workers=n_workers,
            multiprocessing_context=context,
            persistent_workers=persistent,
        )
        equal = equal and [_digest(loader) for _ in digests] == digests
        del loader
    seconds = perf_counter() - start
    memory = DataLoader(
        Memory(data, context.Barrier(n_workers), n_workers=n_workers),
        batch_size=None,
        num_workers=n_workers,
        multiprocessing_context=context,
    )
    workers = list(memory)
    figures = [min(w[key] for w in workers) for key in ("Rss", "Shared_Clean")]
    worst = ("Private_Clean", "Private_Dirty", "grown")
    figures += [max(w[key] for w in workers) for key in worst]
    cells = (method, n_workers, _verdict(equal=equal), *figures, f"{seconds:.1f}")
    print("|", " | ".join(map(str, cells)), "|", flush=True)
    return equal


def _verdict(*, equal: bool) -> str:
    return "equal" if equal else "DIFFER"


def main() -> None:
    """Print the table."""
    # More workers than cores are intended.
    warnings.filterwarnings("ignore", "This DataLoader will create")
    torch.set_num_threads(1)
    data = FixtureDataset("smoke")
    expected = _digest(data[i] for i in range(len(data)))
    size = data.fixture.path.stat().st_size // 1024
    print(f"{data.fixture!r}, {size} kB; memory in kB per worker, the worst of them\n")
    print(
        "| start | workers | epochs | file in memory | shared | private, clean "
        "| private, written | all of the process: written while reading | s |"
    )
    print("| --- |" + " --- |" * 8)
    equal = expected == _digest(DataLoader(data))
    print(f"| - | 0 | {_verdict(equal=equal)} | | | | | | |")
    for method in METHODS:
        for n_workers in WORKERS:
            equal = _row(method, n_workers, data, expected) and equal
    sys.exit(not equal)


if __name__ == "__main__":
    main()
