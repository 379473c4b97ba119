"""Benchmarks of loading a fixture, and of a new process."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from bench_timer import Table, compare, growth

from bgb_fixtures import fixture as loader
from bgb_fixtures import load_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench_timer import Bench

__all__ = ["adapt", "first_load", "load", "process", "pytest", "windows"]


FIRST = "bgb-fixtures, first load (every digest)"
FLOOR = "hashlib.sha256 of the file"


def first_load(path: Path) -> object:
    """Load like a new process: check every digest and verify the labels."""
    loader._proved.clear()
    return load_fixture(path).tensors()


def load(bench: Bench) -> list[Table]:
    """Measure opening the default fixture and making float32 tensors."""
    path = loader.find_fixture(bench.pick("smoke", "tiny"))
    fixture = load_fixture(path)
    signals, labels = np.array(fixture.signals), np.array(fixture.labels)
    image = path.read_bytes()
    ways: dict[str, Callable[[], object]] = {
        "bgb-fixtures": lambda: load_fixture(path).tensors(),
        "bgb-fixtures, verify=False": lambda: load_fixture(
            path, verify=False
        ).tensors(),
        "bgb-fixtures, arrays only": lambda: load_fixture(path).signals,
        **_other_ways(path, signals, labels, folder=bench.folder),
        FIRST: lambda: first_load(path),
        FLOOR: lambda: hashlib.sha256(image).hexdigest(),
    }
    n_bytes = signals.nbytes + labels.nbytes
    title = (
        f"open a fixture and give float32 tensors: {len(signals)} windows, "
        f"{n_bytes / 1e6:.1f} MB, warm page cache"
    )
    medians = bench.medians(ways)
    notes = {FIRST: f"{medians[FIRST] / medians[FLOOR]:.2f} x {FLOOR}"}
    return [Table(title=title, rows=compare(medians, notes=notes))]


def _other_ways(
    path: Path, signals: Any, labels: Any, *, folder: Path
) -> dict[str, Callable[[], object]]:
    """Write the same arrays for other readers; return functions that load tensors."""
    import h5py
    import torch
    from safetensors.torch import load_file, save_file

    arrays = {"signals": torch.from_numpy(signals), "labels": torch.from_numpy(labels)}
    save_file(arrays, folder / "arrays.st")
    torch.save(arrays, folder / "arrays.pt")
    np.savez(folder / "arrays.npz", signals=signals, labels=labels)
    np.savez_compressed(folder / "compressed.npz", signals=signals, labels=labels)
    np.save(folder / "signals.npy", signals)
    np.save(folder / "labels.npy", labels)

    def tensors(x: Any, y: Any) -> object:
        # Labels are converted by numpy, like ours, as torch would start its threads.
        y = torch.from_numpy(np.asarray(y).astype(np.float32))
        return (x if isinstance(x, torch.Tensor) else torch.from_numpy(x)), y

    def safetensors() -> object:
        loaded = load_file(folder / "arrays.st")
        return tensors(loaded["signals"], loaded["labels"].numpy())

    def torch_load() -> object:
        loaded = torch.load(folder / "arrays.pt", mmap=True, weights_only=True)
        return tensors(loaded["signals"], loaded["labels"].numpy())

    def npy_map() -> object:
        # Mode "c" (copy-on-write) like ours, so that tensors are writable.
        names = ("signals", "labels")
        return tensors(*(np.load(folder / f"{n}.npy", mmap_mode="c") for n in names))

    def npz(name: str) -> object:
        with np.load(folder / name) as loaded:
            return tensors(loaded["signals"], loaded["labels"])

    def h5py_map() -> object:
        with h5py.File(path, "r") as file:
            places: list[Any] = [
                (file[n].dtype, "c", file[n].id.get_offset(), file[n].shape)
                for n in ("signals", "labels")
            ]
        return tensors(*(np.memmap(path, *place) for place in places))

    def h5py_read() -> object:
        with h5py.File(path, "r") as file:
            return tensors(file["signals"][()], file["labels"][()])

    def stand_in() -> object:
        return torch.randn(signals.shape), torch.randint(0, 2, labels.shape).float()

    return {
        "safetensors load_file": safetensors,
        "np.load(mmap_mode='c'), two files": npy_map,
        "torch.load(mmap=True)": torch_load,
        "h5py, then map at its offsets": h5py_map,
        "h5py read": h5py_read,
        "npz": lambda: npz("arrays.npz"),
        "torch.randn stand-in, random labels": stand_in,
        "npz compressed": lambda: npz("compressed.npz"),
    }


def adapt(bench: Bench) -> list[Table]:
    """Measure adapting the default fixture and getting a batch for a test session."""
    name = bench.pick("smoke", "tiny")
    fixture = load_fixture(name)
    ways: dict[str, Callable[[], object]] = {
        "windows of 5 s, a cut alone": lambda: fixture.adapt(window_length=5),
        "4 s, tcp-20, microvolts": lambda: fixture.adapt(
            window_length=4, montage="tcp-20", profile="raw-1"
        ),
        "4 s, 200 Hz, tcp-20, microvolts": lambda: fixture.adapt(
            window_length=4, sfreq=200, montage="tcp-20", profile="raw-1"
        ),
        "the same, 8 windows": lambda: fixture.adapt(
            window_length=4, sfreq=200, montage="tcp-20", profile="raw-1", n_windows=8
        ),
    }
    title = f"adapt the whole fixture {name}, in this process"
    tables = [Table(title=title, rows=compare(bench.medians(ways)))]
    load = f"from bgb_fixtures import load_fixture\nf = load_fixture({name!r})\n"
    shape = "window_length=4, montage='tcp-20', profile='raw-1'"
    codes = {
        "load, and read every sample": f"{load}f.signals.sum()",
        "adapt to 4 s, tcp-20": f"{load}f.adapt({shape}).signals.sum()",
        "and to 200 Hz, with SciPy": f"{load}f.adapt({shape}, sfreq=200).signals.sum()",
    }
    medians, peaks = bench.processes(codes)
    tables.append(
        Table(title="adapt in a new process", rows=compare(medians, peaks=peaks))
    )
    (bench.folder / "test_batch.py").write_text(
        "import torch\n\n\ndef test_nothing():\n    pass\n\n\n"
        "def test_batch(smoke_batch):\n    pass\n"
    )
    run = (
        "import pytest; assert pytest.main(['-q', '-p', 'no:cacheprovider', "
        "'test_batch.py', {}]) == 0"
    )
    codes = {
        "torch and an empty test": run.format("'-k', 'nothing'"),
        "and smoke_batch": run.format(f"'--bgb-fixture', {name!r}"),
    }
    medians, peaks = bench.processes(codes)
    title = "pytest with torch imported"
    return [*tables, Table(title=title, rows=compare(medians, peaks=peaks))]


def windows(bench: Bench) -> list[Table]:
    """Measure loading 1 to 10,000 windows of 1 s."""
    from support.small import many_windows

    from bgb_fixtures.dataset import FixtureDataset
    from bgb_fixtures.format.write import write_fixture

    sizes = bench.pick((1, 10, 100, 1000, 10_000), (1, 10))
    paths = {size: bench.folder / f"{size}.h5" for size in sizes}
    for size, path in paths.items():
        write_fixture(many_windows(size), path)
    bench.let_settle()
    datasets = {size: FixtureDataset(path) for size, path in paths.items()}
    works: dict[str, Callable[[int], object]] = {
        "open, check the index, map": lambda size: load_fixture(paths[size]).signals,
        "the same, and float32 tensors (labels are converted)": lambda size: (
            load_fixture(paths[size]).tensors()
        ),
        "the same in a process that never loaded it (every digest and label)": (
            lambda size: first_load(paths[size])
        ),
        "one window of a FixtureDataset": lambda size: datasets[size][size - 1],
    }
    # The process does not import torch. Pages of the file count, although they are
    # shared.
    peaks = {
        title: {
            size: bench.process(
                "from bgb_fixtures import load_fixture\n"
                f"load_fixture({path.name!r}, verify={verify}).signals[-1].sum()"
            )
            for size, path in paths.items()
        }
        for title, verify in zip(tuple(works)[::2], (False, True), strict=True)
    }
    tables = []
    for title, work in works.items():
        ways = {str(size): lambda w=work, s=size: w(s) for size in sizes}
        times = bench.medians(ways, seconds=0.3)
        medians = {size: times[str(size)] for size in sizes}
        tables.append(growth(title, medians, unit="window", peaks=peaks.get(title)))
    return tables


_LOAD = "import bgb_fixtures; fixture = bgb_fixtures.load_fixture"
_CODES = {
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


def process(bench: Bench) -> list[Table]:
    """Measure the start of a process, import and loading."""
    names = bench.pick(tuple(_CODES), ("python -c pass", "load_fixture(), no torch"))
    medians, peaks = bench.processes({name: _CODES[name] for name in names})
    title = "a new process, from start to end, warm page cache"
    return [Table(title=title, rows=compare(medians, peaks=peaks))]


def pytest(bench: Bench) -> list[Table]:
    """Measure one empty test in a project that only has this package installed."""
    (bench.folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    run = "import pytest; assert pytest.main(['-q', '-p', 'no:cacheprovider'{}]) == 0"
    codes = {
        "without the plugin": run.format(", '-p', 'no:bgb-fixtures'"),
        "with the plugin": run.format(""),
    }
    medians, peaks = bench.processes(codes, rounds=9)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    title = f"pytest on one empty test, Python {version}"
    return [Table(title=title, rows=compare(medians, peaks=peaks))]
