"""What it costs to read and to build from a long EDF recording, by length of window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_load import first_load
from bench_measure import TOOLS, Table, compare, growth
from bench_recording import (
    CHANNELS,
    SFREQ,
    WAYS,
    WINDOW_S,
    window_start,
    write_recording,
)

from bgb_fixtures import load_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.edf.records import EdfFile
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.montage import find_montage
from bgb_fixtures.request.recorded import Criteria, RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench_measure import Bench

__all__ = ["bench_edf", "bench_length", "build_windows"]


class _CountingFile(LocalFile):
    """Counts the bytes that were asked for."""

    n_read = 0

    def read(self, start: int, stop: int) -> bytes:
        self.n_read += stop - start
        return super().read(start, stop)


def bench_edf(bench: Bench) -> list[Table]:
    """Read one window of 60 s of a long recording."""
    path = bench.folder / "recording.edf"
    minutes = bench.pick(60, 3)
    write_recording(path, minutes=minutes)
    ways = {name: lambda read=read: read(path) for name, read in WAYS.items()}
    peaks = {
        name: bench.process(
            "from pathlib import Path\nimport sys\n"
            f"sys.path.insert(0, {str(TOOLS)!r})\n"
            f"import bench_recording\nbench_recording.{read.__name__}(Path({path.name!r}))"
        )
        for name, read in WAYS.items()
    }
    counting = _CountingFile(path)
    start = window_start(path) * SFREQ
    with EdfFile(counting) as edf:
        edf.read_uv(range(len(CHANNELS)), start, start + WINDOW_S * SFREQ)
    n_bytes = path.stat().st_size
    share = f"reads {100 * counting.n_read / n_bytes:.2g} % of the bytes"
    return [
        Table(
            title=(
                f"one window of {WINDOW_S} s of {minutes} min x {len(CHANNELS)} channels "
                f"of EDF, {n_bytes / 1e6:.1f} MB, warm page cache"
            ),
            rows=compare(
                bench.medians(ways), peaks=peaks, notes={"bgb-fixtures": share}
            ),
        )
    ]


def build_windows(root: Path | str, path: Path | str, *, window_length: float) -> None:
    """Build one window of each kind from the recordings in a folder.

    Parameters
    ----------
    root : str or path
        Folder of EDF recordings and their annotations.
    path : str or path
        The fixture to write.
    window_length : float
        Seconds.
    """
    spec = RecordedRequest(
        name="bench",
        source="edf",
        montage=find_montage("double-banana"),
        window_length=window_length,
        selection=Criteria(per_kind=1),
    )
    build_fixture(spec, path, root=root)


def bench_length(bench: Bench) -> list[Table]:
    """Build from an EDF recording, and load, by length of window."""
    root = bench.folder / "recordings"
    root.mkdir()
    minutes = bench.pick(60, 3)
    write_recording(root / "recording.edf", minutes=minutes)
    onset, duration = 20 * minutes, 20 * minutes
    (root / "recording.tsv").write_text(
        f"onset\tduration\teventType\n{onset}\t{duration}\tsz\n", encoding="ascii"
    )
    sizes = bench.pick((1, 10, 60, 300, 600), (1, 10))
    paths = {size: bench.folder / f"{size}.h5" for size in sizes}

    def build(size: int) -> None:
        build_windows(root, paths[size], window_length=size)

    peaks = {
        size: bench.process(
            f"import sys\nsys.path.insert(0, {str(TOOLS)!r})\nimport bench_edf\n"
            f"bench_edf.build_windows('recordings', 'peak.h5', window_length={size})"
        )
        for size in sizes
    }
    works: dict[str, Callable[[int], object]] = {
        "build one window of each kind, 18 derivations, from the EDF recording": build,
        "open them and give float32 tensors": lambda size: load_fixture(
            paths[size]
        ).tensors(),
        "the same in a process that never loaded them": lambda size: first_load(
            paths[size]
        ),
    }
    tables = []
    for title, work in works.items():
        times = bench.medians(
            {str(size): lambda w=work, s=size: w(s) for size in sizes},  # type: ignore[misc]
            seconds=0.3,
        )
        if work is build:
            bench.let_settle()
        medians = {size: times[str(size)] for size in sizes}
        tables.append(
            growth(title, medians, unit="s", peaks=peaks if work is build else None)
        )
    return tables
