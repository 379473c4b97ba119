"""Measure the claims of the README, compared with common alternatives and by size.

    python tools/bench.py [PART ...]
    python tools/bench.py --against OTHER PART ...

Times are medians within one run on one machine; only ratios are comparable between
machines. Without a part, all are measured (about five minutes). A part is a function
from `Bench` to tables. ``--against`` measures the package of another checkout with the
same code, alternating with this one.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_timer import Bench, Row, Table, format_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULES = {
    "bench_load": ("load", "adapt", "windows", "process", "pytest"),
    "bench_recordings": ("edf", "write", "length", "build"),
    "bench_corpora": ("scan", "remote"),
    "bench_models": ("generate", "export", "smoke", "golden", "tolerances"),
}
PARTS = {part: module for module, parts in MODULES.items() for part in parts}
PACKAGES = (
    "bgb-fixtures", "numpy", "h5py", "torch", "safetensors", "mne", "edfio", "pyedflib",
    "pytest",
)  # fmt: skip
TURNS = 3
"""Number of runs of each checkout with ``--against``."""


def describe_machine() -> dict[str, str]:
    """Return facts that affect the results, without host name, user name or path."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    } | {name: _version(name) for name in PACKAGES}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()


def _memory() -> str:
    try:
        n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{n_bytes / 2**30:.0f} GiB"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def load_average() -> float:
    """Return the load average over the last minute; 0 if unknown."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def measure(part: str, *, tiny: bool) -> list[Table]:
    """Return the tables of a part."""
    # Each part imports what it measures, so its process is free of others' imports.
    run = getattr(importlib.import_module(PARTS[part]), part)
    with tempfile.TemporaryDirectory() as folder:
        tables: list[Table] = run(Bench(folder=Path(folder).resolve(), tiny=tiny))
    return tables


def measure_against(part: str, other: Path, *, tiny: bool) -> list[Table]:
    """Return the tables of a part with ratios of this checkout to another.

    A ratio below 1 means that this checkout is faster. Peaks and notes are shown for
    both.
    """
    sources = (Path(__file__).parents[1] / "src", other.resolve() / "src")
    runs: list[list[Any]] = [[], []]
    for _ in range(1 if tiny else TURNS):
        for source, answers in zip(sources, runs, strict=True):
            command = [sys.executable, __file__, part, "--json", *["--tiny"] * tiny]
            environment = os.environ | {"PYTHONPATH": str(source)}
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, check=True
            )
            answers.append(json.loads(done.stdout)["parts"][part])
    return [
        Table(
            title=f"{table['title']}\nthis checkout, and that of {other.name}",
            rows=tuple(
                row
                for i in range(len(table["rows"]))
                for row in _pair(
                    *([run[t]["rows"][i] for run in side] for side in runs)
                )
            ),
        )
        for t, table in enumerate(runs[0][0])
    ]


def _pair(these: list[dict[str, Any]], those: list[dict[str, Any]]) -> tuple[Row, Row]:
    """Return the median rows of this and the other checkout, with their ratio."""
    this, that = (
        statistics.median(r["value"] for r in rows) for rows in (these, those)
    )
    return (
        Row(**these[-1] | {"value": this, "ratio": this / that}),
        Row(**those[-1] | {"name": "  there", "value": that, "ratio": None}),
    )


def main(args: Sequence[str]) -> None:
    """Run the named parts, or all, and print their tables."""
    parser = argparse.ArgumentParser(description="Measure what the README claims.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--tiny", action="store_true", help="Once and small: does it still run?"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="Another checkout of this project to compare with.",
    )
    options = parser.parse_args(args)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; parts: {', '.join(PARTS)}")
    if options.against and not (options.against / "src" / "bgb_fixtures").is_dir():
        parser.error(f"{str(options.against)!r} holds no src/bgb_fixtures")
    machine = describe_machine()
    busy = load_average()
    if not options.json:
        print(", ".join(f"{key} {value}" for key, value in machine.items()))
        print(f"\n{'':46}{'median':>10}{'ratio':>14}{'peak':>10}")
    results = {}
    for part in options.parts or PARTS:
        if options.against is None:
            tables = measure(part, tiny=options.tiny)
        else:
            tables = measure_against(part, options.against, tiny=options.tiny)
        results[part] = [asdict(table) for table in tables]
        if not options.json:
            print(format_tables(tables), flush=True)
    if options.json:
        print(
            json.dumps({"machine": machine, "load": busy, "parts": results}, indent=1)
        )
    elif busy > 0.5:
        # Other programs disturb a long run more often, which also affects ratios.
        print(f"\nother programs were running: load {busy:.1f} at the start")


if __name__ == "__main__":
    main(sys.argv[1:])
