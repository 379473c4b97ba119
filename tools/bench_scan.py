"""What it costs to look through a corpus, by the number of its recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_measure import growth
from bench_recording import edf_header

if TYPE_CHECKING:
    from pathlib import Path

    from bench_measure import Bench, Table

__all__ = ["bench_scan"]

SECONDS = 30
ELECTRODES = [
    "FP1", "FP2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T3", "T4",
    "T5", "T6", "A1", "A2", "FZ", "CZ", "PZ",
]  # fmt: skip
LABELS = [f"EEG {name}-REF" for name in ELECTRODES]
HEAD = """\
# version = csv_v1.0.0
# bname = {stem}
# duration = {seconds}.00 secs
#
channel,start_time,stop_time,label,confidence
"""
BACKGROUND = f"TERM,0.0000,{SECONDS}.0000,bckg,1.0000\n"
SEIZURE = "FP1-F7,12.0000,24.5000,fnsz,1.0000\nF7-T3,13.0000,24.5000,fnsz,1.0000\n"


def _add_recordings(root: Path, first: int, stop: int) -> None:
    """Write recordings as TUSZ has them; every fifth holds a seizure.

    The EDF files have their header and, where a file can be sparse, nothing else.
    """
    header = edf_header(LABELS, n_records=SECONDS)
    n_bytes = len(header) + SECONDS * len(LABELS) * 2 * 256
    for number in range(first, stop):
        # Four recordings of each subject; letters, as the corpus has them.
        digits = f"{number // 4:08d}"
        subject = "".join(chr(ord("a") + int(digit)) for digit in digits)
        stem = f"{subject}_s001_t{number % 4:03d}"
        folder = root / "train" / subject / "s001_2002" / "01_tcp_ar"
        folder.mkdir(parents=True, exist_ok=True)
        rows = BACKGROUND if number % 5 else SEIZURE
        (folder / f"{stem}.csv").write_text(
            HEAD.format(stem=stem, seconds=SECONDS) + rows, encoding="ascii"
        )
        with (folder / f"{stem}.edf").open("wb") as file:
            file.write(header)
            file.truncate(n_bytes)


def bench_scan(bench: Bench) -> list[Table]:
    """Run ``scan`` and ``build --dry-run`` on 10 to 10,000 recordings."""
    root = bench.folder / "edf"
    commands = {
        "scan": ["scan", "--source", "tusz", "--root", "edf"],
        "build --dry-run": [
            "build", "--source", "tusz", "--root", "edf", "--window-length", "10",
            "--dry-run",
        ],
    }  # fmt: skip
    codes = {
        f"bgb-fixtures {name}, source tusz, from process start to end": (
            f"from bgb_fixtures.cli import main\nmain({args!r}, standalone_mode=False)"
        )
        for name, args in commands.items()
    }
    medians: dict[str, dict[int, float]] = {title: {} for title in codes}
    peaks: dict[str, dict[int, float | None]] = {title: {} for title in codes}
    n_before = 0
    for size in bench.pick((10, 100, 1000, 10_000), (10, 20)):
        _add_recordings(root, n_before, size)
        n_before = size
        times, memory = bench.processes(codes, rounds=3)
        for title in codes:
            medians[title][size] = times[title]
            peaks[title][size] = memory[title]
    return [
        growth(title, medians[title], unit="recording", peaks=peaks[title])
        for title in codes
    ]
