"""Benchmarks of reading recordings and of building from them.

Invariant: each reader imports its own dependencies, so that they count in the peak
memory of its process only. Builds use the command line, which other versions also have.
"""

from __future__ import annotations

import importlib
import json
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from bench_timer import Table, compare, growth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from bench_timer import Bench

__all__ = ["build", "edf", "length", "write"]

SFREQ = 256
CHANNELS = [
    "FP1-F7",
    "F7-T7",
    "T7-P7",
    "P7-O1",
    "FP1-F3",
    "F3-C3",
    "C3-P3",
    "P3-O1",
    "FP2-F4",
    "F4-C4",
    "C4-P4",
    "P4-O2",
    "FP2-F8",
    "F8-T8",
    "T8-P8",
    "P8-O2",
    "FZ-CZ",
    "CZ-PZ",
    "P7-T7",
    "T7-FT9",
    "FT9-FT10",
    "FT10-T8",
    "VNS",
]
N_HEADER = 256 * (len(CHANNELS) + 1)
N_RECORD = 2 * SFREQ * len(CHANNELS)
WINDOW_S = 60


def edf_header(labels: Sequence[str], *, n_records: int) -> bytes:
    """Return an EDF header for records of 1 s at 256 Hz, with steps of 0.39 uV."""

    def field(value: object, size: int) -> bytes:
        return str(value).encode("ascii").ljust(size)

    n = len(labels)
    columns = (
        (labels, 16), ([""] * n, 80), (["uV"] * n, 8), ([-800] * n, 8), ([800] * n, 8),
        ([-2048] * n, 8), ([2047] * n, 8), ([""] * n, 80), ([SFREQ] * n, 8),
        ([""] * n, 32),
    )  # fmt: skip
    return (
        field(0, 8) + field("X X X X", 80) + field("Startdate X X X X", 80)
        + b"01.01.8500.00.00" + field(256 * (n + 1), 8) + field("", 44)
        + field(n_records, 8) + field(1, 8) + field(n, 4)
        + b"".join(field(v, size) for values, size in columns for v in values)
    )  # fmt: skip


def write_recording(path: Path, *, minutes: int) -> None:
    """Write 23 channels of noise; an hour takes 42.4 MB.

    Chains between the same two electrodes have equal sums, as in real recordings.
    """
    rng = np.random.default_rng(0)
    pairs = [[*name.split("-"), "reference"][:2] for name in CHANNELS]
    names = dict.fromkeys(name for pair in pairs for name in pair)
    noise = {name: rng.integers(-500, 500, SFREQ * 60) for name in names}
    rows = np.stack([noise[a] - noise[b] for a, b in pairs])
    # A record has one second of each channel.
    minute = rows.reshape(len(CHANNELS), 60, SFREQ).swapaxes(0, 1).astype("<i2")
    with path.open("wb") as file:
        file.write(edf_header(CHANNELS, n_records=60 * minutes))
        for _ in range(minutes):
            file.write(minute.tobytes())


def command(*words: object) -> None:
    """Run bgb-fixtures in this process and discard its output."""
    from bgb_fixtures.cli import main

    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        main([str(word) for word in words], standalone_mode=False)


def command_code(*words: object) -> str:
    """Return Python code that runs bgb-fixtures in a new process."""
    args = [str(word) for word in words]
    return f"from bgb_fixtures.cli import main\nmain({args!r}, standalone_mode=False)"


def local_file() -> Any:
    """Return the class that reads local files, in this and in earlier checkouts."""
    for name in ("source", "byte_source"):
        with suppress(ModuleNotFoundError):
            return importlib.import_module(f"bgb_fixtures.edf.{name}").LocalFile
    msg = "bgb_fixtures.edf has no module with LocalFile"
    raise ModuleNotFoundError(msg)


# One window of a long recording


def window_start(path: Path) -> int:
    """Return the start of the window to read, the last but one, in seconds."""
    return (path.stat().st_size - N_HEADER) // N_RECORD - 2 * WINDOW_S


def read_ours(path: Path) -> tuple[int, npt.NDArray[np.float64]]:
    """Read a window with bgb-fixtures; return the number of bytes read and the data."""
    from bgb_fixtures.edf.records import EdfFile

    class Counting(local_file()):  # type: ignore[misc]
        n_read = 0

        def read(self, start: int, stop: int) -> Any:
            self.n_read += stop - start
            return super().read(start, stop)

    start = window_start(path) * SFREQ
    source = Counting(path)
    with EdfFile(source) as file:
        data = file.read_uv(range(len(CHANNELS)), start, start + WINDOW_S * SFREQ)
    return source.n_read, data


def read_numpy(path: Path) -> npt.NDArray[np.float64]:
    """Read a window of a file with known layout, without any checks."""
    with path.open("rb") as file:
        file.read(N_HEADER)
        file.seek(N_HEADER + window_start(path) * N_RECORD)
        records = np.frombuffer(file.read(WINDOW_S * N_RECORD), "<i2")
    digital = records.reshape(WINDOW_S, len(CHANNELS), SFREQ).swapaxes(0, 1)
    return (digital.reshape(len(CHANNELS), -1) + 2048.0) * (1600 / 4095) - 800


def read_pyedflib(path: Path) -> Any:
    """Read a window with pyedflib."""
    import pyedflib

    start = window_start(path) * SFREQ
    with pyedflib.EdfReader(str(path)) as reader:
        rows = range(len(CHANNELS))
        return np.stack([reader.readSignal(i, start, WINDOW_S * SFREQ) for i in rows])


def read_edfio(path: Path) -> Any:
    """Read a window with edfio."""
    import edfio

    start = window_start(path)
    signals = edfio.read_edf(path, lazy_load_data=True).signals
    return np.stack([s.get_data_slice(start, start + WINDOW_S) for s in signals])


def read_mne(path: Path, *, preload: bool = False) -> Any:
    """Read a window with MNE."""
    import mne

    start = window_start(path) * SFREQ
    raw = mne.io.read_raw_edf(path, preload=preload, verbose="error")
    return 1e6 * raw.get_data(start=start, stop=start + WINDOW_S * SFREQ)


def read_mne_all(path: Path) -> Any:
    """Read a window with MNE after the whole recording."""
    return read_mne(path, preload=True)


WAYS: dict[str, Callable[[Path], Any]] = {
    "bgb-fixtures": read_ours,
    "plain numpy, seek + read, no check": read_numpy,
    "mne preload=False": read_mne,
    "edfio, lazy_load_data": read_edfio,
    "pyedflib readSignal": read_pyedflib,
    "mne preload=True": read_mne_all,
}


def edf(bench: Bench) -> list[Table]:
    """Measure reading one window of 60 s from a long recording."""
    path = bench.folder / "recording.edf"
    minutes = bench.pick(60, 3)
    write_recording(path, minutes=minutes)
    ways = {name: lambda read=read: read(path) for name, read in WAYS.items()}
    peaks = {
        name: bench.process(
            "from pathlib import Path\nimport bench_recordings\n"
            f"bench_recordings.{read.__name__}(Path({path.name!r}))"
        )
        for name, read in WAYS.items()
    }
    n_bytes = path.stat().st_size
    share = 100 * read_ours(path)[0] / n_bytes
    title = (
        f"one window of {WINDOW_S} s of {minutes} min x {len(CHANNELS)} channels of EDF, "
        f"{n_bytes / 1e6:.1f} MB, warm page cache"
    )
    notes = {"bgb-fixtures": f"reads {share:.2g} % of the bytes"}
    return [
        Table(title=title, rows=compare(bench.medians(ways), peaks=peaks, notes=notes))
    ]


# Building


def write_ours(path: Path, digital: npt.NDArray[np.int16]) -> None:
    """Write a window in the same way as exports and twins."""
    from bgb_fixtures.edf.steps import START
    from bgb_fixtures.edf.writer import EdfChannel, write_edf

    channels = [
        EdfChannel(label=f"EEG {i}", digital=row) for i, row in enumerate(digital)
    ]
    write_edf(path, channels, start=START)


def write_pyedflib(path: Path, digital: npt.NDArray[np.int16]) -> None:
    """Write a window with pyedflib."""
    import pyedflib

    headers = [
        {
            "label": f"EEG {i}",
            "dimension": "uV",
            "sample_frequency": SFREQ,
            "physical_min": -4096,
            "physical_max": 4095.875,
            "digital_min": -32768,
            "digital_max": 32767,
            "transducer": "",
            "prefilter": "",
        }
        for i in range(len(digital))
    ]
    with pyedflib.EdfWriter(
        str(path), len(digital), file_type=pyedflib.FILETYPE_EDF
    ) as writer:
        writer.setSignalHeaders(headers)
        writer.writeSamples([*digital.astype(np.int32)], digital=True)


def write_mne(path: Path, digital: npt.NDArray[np.int16]) -> None:
    """Write a window with MNE."""
    import mne

    info = mne.create_info([f"EEG {i}" for i in range(len(digital))], SFREQ, "eeg")
    raw = mne.io.RawArray(digital * 0.125e-6, info, verbose="error")
    raw.export(path, physical_range=(-4096, 4095.875), overwrite=True, verbose="error")


def write(bench: Bench) -> list[Table]:
    """Measure writing windows of 60 s and 19 channels as EDF files."""
    rng = np.random.default_rng(0)
    n_windows = bench.pick(18, 2)
    shape = (n_windows, 19, WINDOW_S * SFREQ)
    windows = rng.integers(-3000, 3000, shape, np.int16)
    path = bench.folder / "window.edf"

    def all_windows(one: Callable[[Path, npt.NDArray[np.int16]], None]) -> None:
        for window in windows:
            one(path, window)

    ways = {
        "bgb-fixtures": lambda: all_windows(write_ours),
        "pyedflib EdfWriter": lambda: all_windows(write_pyedflib),
        "mne export": lambda: all_windows(write_mne),
    }
    title = f"{n_windows} windows of {WINDOW_S} s, 19 channels, to EDF"
    return [Table(title=title, rows=compare(bench.medians(ways, rounds=3)))]


def length(bench: Bench) -> list[Table]:
    """Measure building from an EDF recording, and loading, by window length."""
    from bench_load import first_load

    from bgb_fixtures import load_fixture

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

    def words(size: int, out: Path) -> list[object]:
        return [
            *("build", "--source", "edf", "--root", root, "--out", out),
            *("--window-length", size, "--per-kind", 1, "--montage", "double-banana"),
        ]

    peaks = {
        size: bench.process(command_code(*words(size, bench.folder / "peak.h5")))
        for size in sizes
    }
    works: dict[str, Callable[[int], object]] = {
        "build one window of each kind, 18 derivations, from the EDF recording": (
            lambda size: command(*words(size, paths[size]))
        ),
        "open them and give float32 tensors": lambda size: load_fixture(
            paths[size]
        ).tensors(),
        "the same in a process that never loaded them": lambda size: first_load(
            paths[size]
        ),
    }
    tables: list[Table] = []
    for title, work in works.items():
        ways = {str(size): lambda w=work, s=size: w(s) for size in sizes}
        times = bench.medians(ways, seconds=0.3)
        medians = {size: times[str(size)] for size in sizes}
        tables.append(growth(title, medians, unit="s", peaks=None if tables else peaks))
        if len(tables) == 1:
            bench.let_settle()
    return tables


_SPY = """\
import json
from pathlib import Path
from bench_recordings import local_file
LocalFile = local_file()
opens, read, opened = [], LocalFile.read, LocalFile.__init__
def spy_open(self, path):
    opens.append([str(path), 0])
    self.spy = opens[-1]
    opened(self, path)
def spy_read(self, start, stop):
    self.spy[1] += stop - start
    return read(self, start, stop)
LocalFile.__init__, LocalFile.read = spy_open, spy_read
"""


def _write_corpus(root: Path, *, recordings: int, minutes: int, window_s: int) -> str:
    """Write recordings in the layout of CHB-MIT; return a spec with two windows each.

    A seizure begins in the first window; the second one has none.
    """
    onset = 30 * minutes
    seizure = (onset, onset + window_s)
    spec = 'name = "bench"\nsource = "chbmit"\nmontage = "double-banana"\n'
    spec += f"window_length = {window_s}\n"
    for i in range(1, recordings + 1):
        case, name = f"chb{i:02d}", f"chb{i:02d}_01.edf"
        (root / case).mkdir(parents=True)
        write_recording(root / case / name, minutes=minutes)
        (root / case / f"{case}-summary.txt").write_text(
            f"File Name: {name}\nNumber of Seizures in File: 1\n"
            f"Seizure Start Time: {seizure[0]} seconds\n"
            f"Seizure End Time: {seizure[1]} seconds\n",
            encoding="ascii",
        )
        spec += (
            f'[[recordings]]\nname = "{case}/{name}"\nseizures = [{list(seizure)}]\n'
            f"windows = [{onset - 5}, 10]\n"
        )
    return spec


def build(bench: Bench) -> list[Table]:
    """Measure building 18 windows of 60 s from recordings of an hour, by profile."""
    n_recordings, minutes = bench.pick((9, 60), (2, 3))
    root = bench.folder / "corpus"
    spec = _write_corpus(
        root, recordings=n_recordings, minutes=minutes, window_s=bench.pick(60, 10)
    )
    n_bytes = sum(path.stat().st_size for path in root.rglob("*.edf"))
    out, told = bench.folder / "out.h5", bench.folder / "opens.json"
    codes: dict[str, str] = {}
    notes: dict[str, str] = {}
    for name, keys in {
        "raw-1": 'profile = "raw-1"\n',
        "zscore-1": 'profile = "zscore-1"\n',
        "zscore-1, 0.5-70 Hz": 'profile = "zscore-1"\nband_pass = [0.5, 70.0]\n',
    }.items():
        path = bench.folder / f"{len(codes)}.toml"
        path.write_text(keys + spec, encoding="ascii")
        words = ("build", "--spec", path, "--root", root, "--out", out)
        codes[name] = command_code(*words)
        bench.process(
            f"{_SPY}{codes[name]}\nPath({str(told)!r}).write_text(json.dumps(opens))"
        )
        opens = json.loads(told.read_text(encoding="utf-8"))
        n_read = sum(size for _, size in opens)
        notes[name] = (
            f"{len(opens) / n_recordings:.3g} opens per recording, "
            f"{100 * n_read / n_bytes:.3g} % of the bytes read"
        )
    medians, peaks = bench.processes(codes, rounds=3)
    title = (
        f"bgb-fixtures build, {2 * n_recordings} windows from {n_recordings} recordings "
        f"of {minutes} min x {len(CHANNELS)} channels, {n_bytes / 1e6:.0f} MB, from "
        "process start to end"
    )
    return [Table(title=title, rows=compare(medians, peaks=peaks, notes=notes))]
