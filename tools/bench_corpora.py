"""Benchmarks of scanning a corpus and of building from a remote one."""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.request import urlopen

from bench_recordings import SFREQ, command, command_code, edf_header
from bench_timer import Row, Table, growth

if TYPE_CHECKING:
    from pathlib import Path

    from bench_timer import Bench
    from support.loopback import Loopback

__all__ = ["remote", "scan"]

SCAN_S = 30
ELECTRODES = [
    "FP1",
    "FP2",
    "F3",
    "F4",
    "C3",
    "C4",
    "P3",
    "P4",
    "O1",
    "O2",
    "F7",
    "F8",
    "T3",
    "T4",
    "T5",
    "T6",
    "A1",
    "A2",
    "FZ",
    "CZ",
    "PZ",
]
_CSV = """\
# version = csv_v1.0.0
# bname = {stem}
# duration = {seconds}.00 secs
#
channel,start_time,stop_time,label,confidence
"""
_BACKGROUND = f"TERM,0.0000,{SCAN_S}.0000,bckg,1.0000\n"
_SEIZURE = "FP1-F7,12.0000,24.5000,fnsz,1.0000\nF7-T3,13.0000,24.5000,fnsz,1.0000\n"


def _add_recordings(root: Path, first: int, stop: int) -> None:
    """Write recordings in the layout of TUSZ; every fifth has a seizure.

    The EDF files consist of a header and, if the file system supports it, a sparse
    rest.
    """
    labels = [f"EEG {name}-REF" for name in ELECTRODES]
    header = edf_header(labels, n_records=SCAN_S)
    n_bytes = len(header) + SCAN_S * len(labels) * 2 * SFREQ
    for number in range(first, stop):
        # Four recordings per subject, whose names are letters as in the corpus.
        digits = f"{number // 4:08d}"
        subject = "".join(chr(ord("a") + int(digit)) for digit in digits)
        stem = f"{subject}_s001_t{number % 4:03d}"
        folder = root / "train" / subject / "s001_2002" / "01_tcp_ar"
        folder.mkdir(parents=True, exist_ok=True)
        rows = _BACKGROUND if number % 5 else _SEIZURE
        (folder / f"{stem}.csv").write_text(
            _CSV.format(stem=stem, seconds=SCAN_S) + rows, encoding="ascii"
        )
        with (folder / f"{stem}.edf").open("wb") as file:
            file.write(header)
            file.truncate(n_bytes)


def scan(bench: Bench) -> list[Table]:
    """Run ``scan`` and ``build --dry-run`` on 10 to 10,000 recordings."""
    root = bench.folder / "edf"
    source = ("--source", "tusz", "--root", root)
    codes = {
        f"bgb-fixtures {name}, source tusz, from process start to end": command_code(
            *words
        )
        for name, words in {
            "scan": ("scan", *source),
            "build --dry-run": (
                *("build", *source, "--window-length", 10, "--dry-run"),
            ),
        }.items()
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


# A corpus on the web


def remote(bench: Bench) -> list[Table]:
    """Build 1, 10 and 100 windows of 10 s from recordings of hours on a slow server."""
    from support.loopback import Loopback

    corpus = bench.folder / "chbmit"
    recordings, seconds = bench.pick((4, 3600), (3, 60))
    command(
        *("corpus", "--layout", "chbmit", "--out", corpus),
        *("--recordings", recordings, "--duration", seconds),
    )
    rows: list[Row] = []
    delay_s, rate = bench.pick((0.05, 10e6), (0.0, None))
    with Loopback(corpus, delay_s=delay_s, bytes_per_s=rate) as server:
        for n_windows in bench.pick((1, 10, 100), (1, 2)):
            rows += _remote_rows(n_windows, server, bench)
    note = (
        f"a server on this machine that takes {delay_s * 1000:g} ms for every request"
        + (f" and gives {rate / 1e6:g} MB/s" if rate else "")
        + "; measured once"
    )
    title = f"windows of 10 s from {bench.pick('an hour', 'a minute')} each, by HTTP"
    return [Table(title=title, rows=tuple(rows), note=note)]


def _remote_rows(n_windows: int, server: Loopback, bench: Bench) -> list[Row]:
    """Measure three ways to get the same windows."""
    folder = bench.folder / f"{n_windows}"
    folder.mkdir()
    os.environ["BGB_FIXTURES_CACHE"] = str(folder / "cache")
    words = ["build", "--source", "chbmit", "--window-length", 10]
    words += ["--montage", "double-banana", "--quota", "onset=1"]
    words += ["--quota", f"background={n_windows - 1}"] if n_windows > 1 else []

    def from_web() -> None:
        command(*words, "--root", server.url, "--out", folder / "web.h5")

    def from_copy() -> None:
        for name in names:
            target = folder / "copy" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with urlopen(server.url + name) as answer:
                target.write_bytes(answer.read())
        command(*words, "--root", folder / "copy", "--out", folder / "copy.h5")

    rows: list[Row] = []
    names: list[str] = []
    for name, run in {
        "ranges": from_web,
        "again, from the cache": from_web,
        "their recordings downloaded": from_copy,
    }.items():
        before, n_bytes = len(server.requests), server.n_sent
        start = perf_counter()
        run()
        value = (perf_counter() - start) * 1000
        requests = server.requests[before:]
        # The size of a download of whole files.
        asked = {request.path for request in requests if "/" in request.path}
        names = names or sorted(asked)
        megabytes = (server.n_sent - n_bytes) / 1e6
        rows.append(
            Row(
                name=f"windows, {n_windows}: {name}",
                value=value,
                ratio=value / rows[0].value if rows else 1.0,
                note=f"{megabytes:.2f} MB, {len(requests)} requests",
            )
        )
    return rows
