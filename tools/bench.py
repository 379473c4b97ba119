"""Measure what the README claims, each beside what people use today, and how cost grows.

Medians within one run on one machine; ratios are what travels. Usage:
``python tools/bench.py [--json] [PART ...]``; without a part, all of them (about five
minutes). A part is a function from `Bench` to tables, named in `PARTS`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from bench_edf import bench_edf, bench_length
from bench_load import bench_load, bench_windows
from bench_make import bench_export, bench_generate
from bench_measure import Bench, Row, Table
from bench_models import bench_golden, bench_smoke, bench_tolerances
from bench_process import bench_process, bench_pytest
from bench_remote import bench_remote
from bench_scan import bench_scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTS: dict[str, Callable[[Bench], list[Table]]] = {
    "load": bench_load,
    "windows": bench_windows,
    "process": bench_process,
    "pytest": bench_pytest,
    "edf": bench_edf,
    "length": bench_length,
    "scan": bench_scan,
    "remote": bench_remote,
    "generate": bench_generate,
    "export": bench_export,
    "smoke": bench_smoke,
    "golden": bench_golden,
    "tolerances": bench_tolerances,
}
PACKAGES = (
    "bgb-fixtures", "numpy", "h5py", "torch", "safetensors", "mne", "pyedflib", "pytest",
)  # fmt: skip


def describe_machine() -> dict[str, str]:
    """Return what the figures depend on; no name of a host, user or path.

    Returns
    -------
    machine : dict of str to str
        Processor, cores, memory, system, Python and packages.
    """
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": f"{_system()}, {platform.machine()}",
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


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def load_average() -> float:
    """Return how busy the machine is.

    Returns
    -------
    load : float
        Programs that wanted to run over the last minute; 0 where nobody counts.
    """
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def format_number(value: float) -> str:
    """Show three digits, without an exponent from 0.001 to a million.

    Parameters
    ----------
    value : float
        At least 0.

    Returns
    -------
    text : str
        Such as ``"0.0612"``, ``"12.8"``, ``"1234"``.
    """
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}" if value >= 0.001 or value == 0 else f"{value:.1e}"


def format_ratio(ratio: float) -> str:
    """Show a ratio with the digits that mean something.

    Parameters
    ----------
    ratio : float
        At least 0.

    Returns
    -------
    text : str
        Such as ``"0.35 x"``, ``"1.5 x"``, ``"208 x"``.
    """
    if ratio < 0.95:
        return f"{ratio:.2g} x"
    return f"{ratio:.1f} x" if ratio < 9.95 else f"{ratio:.0f} x"


def format_tables(tables: Sequence[Table]) -> str:
    """Lay out tables in columns.

    Parameters
    ----------
    tables : sequence of Table
        Of one part.

    Returns
    -------
    text : str
        Without a line break at its end.
    """
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


def main(args: Sequence[str]) -> None:
    """Run the named parts, or all, and print what they measured.

    Parameters
    ----------
    args : sequence of str
        Of the command line.
    """
    parser = argparse.ArgumentParser(description="Measure what the README claims.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--tiny", action="store_true", help="once and small: does it still run?"
    )
    options = parser.parse_args(args)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; parts: {', '.join(PARTS)}")
    machine = describe_machine()
    busy = load_average()
    if not options.json:
        print(", ".join(f"{key} {value}" for key, value in machine.items()))
        print(f"\n{'':46}{'median':>10}{'ratio':>14}{'peak':>10}")
    results = {}
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            tables = PARTS[name](Bench(folder=Path(folder), tiny=options.tiny))
        results[name] = [asdict(table) for table in tables]
        if not options.json:
            print(format_tables(tables), flush=True)
    if options.json:
        answer = {"machine": machine, "load": busy, "parts": results}
        print(json.dumps(answer, indent=1))
    elif busy > 0.5:
        # What runs for long meets the others more often: ratios suffer, too.
        print(f"\nother programs were running: load {busy:.1f} at the start")


if __name__ == "__main__":
    main(sys.argv[1:])
