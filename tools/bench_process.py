"""What a new process pays: for imports, for its first load, for the pytest plugin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench_measure import Table, compare

if TYPE_CHECKING:
    from bench_measure import Bench

__all__ = ["bench_process", "bench_pytest"]

_LOAD = "import bgb_fixtures; fixture = bgb_fixtures.load_fixture"
CODES = {
    "python -c pass": "pass",
    "import bgb_fixtures": "import bgb_fixtures",
    "bgb-fixtures --help": (
        "from bgb_fixtures.cli import main; main(['--help'], standalone_mode=False)"
    ),
    "import numpy": "import numpy",
    "load_fixture(), no torch": f"{_LOAD}(); fixture.signals[0, 0, 0]",
    "load_fixture(verify=False), no torch": (
        f"{_LOAD}(verify=False); fixture.signals[0, 0, 0]"
    ),
    "import h5py": "import h5py",
    "import mne, mne.io": "import mne; mne.io.read_raw_edf",
    "import torch": "import torch",
    "load_fixture().tensors()": f"{_LOAD}().tensors()",
}


def bench_process(bench: Bench) -> list[Table]:
    """Start a process, import, load."""
    names = bench.pick(tuple(CODES), ("python -c pass", "load_fixture(), no torch"))
    medians, peaks = bench.processes({name: CODES[name] for name in names})
    return [
        Table(
            title="a new process, from start to end, warm page cache",
            rows=compare(medians, peaks=peaks),
        )
    ]


def bench_pytest(bench: Bench) -> list[Table]:
    """Run one empty test in a project that only has this package installed."""
    path = bench.folder / "test_nothing.py"
    path.write_text("def test_nothing():\n    pass\n", encoding="ascii")
    run = "import pytest; assert pytest.main(['-q', '-p', 'no:cacheprovider'{}]) == 0"
    codes = {
        "without the plugin": run.format(", '-p', 'no:bgb-fixtures'"),
        "with the plugin": run.format(""),
    }
    medians, peaks = bench.processes(codes, rounds=9)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [
        Table(
            title=f"pytest on one empty test, Python {version}",
            rows=compare(medians, peaks=peaks),
        )
    ]
