"""What it costs to open a fixture, beside other files, and for many windows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from bench_measure import Table, compare, growth
from support.small import small_content

from bgb_fixtures import fixture as loader
from bgb_fixtures import load_fixture
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench_measure import Bench

__all__ = ["bench_load", "bench_windows", "first_load", "write_windows"]

SFREQ = 256


def first_load(path: Path) -> object:
    """Load as a new process does: check every digest, prove the labels.

    Parameters
    ----------
    path : pathlib.Path
        A fixture.

    Returns
    -------
    tensors : tuple of torch.Tensor
        Signals and labels.
    """
    loader._proved.clear()
    return load_fixture(path).tensors()


def bench_load(bench: Bench) -> list[Table]:
    """Open the default fixture and give float32 tensors, warm page cache."""
    path = loader.find_fixture(bench.pick("smoke", "tiny"))
    fixture = load_fixture(path)
    signals, labels = np.array(fixture.signals), np.array(fixture.labels)
    ways: dict[str, Callable[[], object]] = {
        "bgb-fixtures": lambda: load_fixture(path).tensors(),
        "bgb-fixtures, verify=False": lambda: load_fixture(
            path, verify=False
        ).tensors(),
        "bgb-fixtures, arrays only": lambda: load_fixture(path).signals,
        **_other_ways(path, signals, labels, folder=bench.folder),
        "bgb-fixtures, first load (every digest)": lambda: first_load(path),
    }
    n_bytes = signals.nbytes + labels.nbytes
    return [
        Table(
            title=(
                f"open a fixture and give float32 tensors: {len(signals)} windows, "
                f"{n_bytes / 1e6:.1f} MB, warm page cache"
            ),
            rows=compare(bench.medians(ways)),
        )
    ]


def _other_ways(
    path: Path, signals: Any, labels: Any, *, folder: Path
) -> dict[str, Callable[[], object]]:
    """Write the same arrays for other readers; return how each gives tensors."""
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

    def to_float(y: Any) -> object:
        # By numpy, as ours are: torch would wake its threads for it.
        return torch.from_numpy(y.astype(np.float32))

    def to_tensors(x: Any, y: Any) -> object:
        return torch.from_numpy(x), to_float(y)

    def safetensors() -> object:
        loaded = load_file(folder / "arrays.st")
        return loaded["signals"], to_float(loaded["labels"].numpy())

    def torch_load() -> object:
        loaded = torch.load(folder / "arrays.pt", mmap=True, weights_only=True)
        return loaded["signals"], to_float(loaded["labels"].numpy())

    def npy_map() -> object:
        # Mode "c" as ours: copy-on-write, so that tensors are writable.
        return to_tensors(
            np.load(folder / "signals.npy", mmap_mode="c"),
            np.load(folder / "labels.npy", mmap_mode="c"),
        )

    def npz(name: str) -> object:
        with np.load(folder / name) as loaded:
            return to_tensors(loaded["signals"], loaded["labels"])

    def h5py_map() -> object:
        with h5py.File(path, "r") as file:
            places = [
                (
                    file[name].id.get_offset(),
                    file[name].shape,
                    file[name].dtype,
                )
                for name in ("signals", "labels")
            ]
        return to_tensors(
            *(
                np.memmap(path, dtype, mode="c", offset=offset, shape=shape)
                for offset, shape, dtype in places
            )
        )

    def h5py_read() -> object:
        with h5py.File(path, "r") as file:
            return to_tensors(file["signals"][()], file["labels"][()])

    def stand_in() -> object:
        return (
            torch.randn(signals.shape),
            torch.randint(0, 2, labels.shape).to(torch.float32),
        )

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


def write_windows(path: Path, n_windows: int) -> None:
    """Write windows of 1 s, 19 channels at 256 Hz, every other one with a seizure.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    n_windows : int
        How many.
    """
    ch_names = MONTAGES["10-20"]
    rng = np.random.default_rng(0)
    one = rng.standard_normal((1, len(ch_names), SFREQ)).astype(np.float32)
    labels = np.zeros((n_windows, SFREQ), np.uint8)
    labels[::2, SFREQ // 2 :] = 1
    windows = tuple(
        WindowRecord(
            id=f"w{i}",
            category="none" if i % 2 else "partial",
            kind="background" if i % 2 else "onset",
            split="train",
            subject="sub-01",
            recording="rec-01",
            onset=float(i),
            n_clipped=0,
            events=() if i % 2 else (Event(onset=0.5, duration=0.5, label="fnsz"),),
        )
        for i in range(n_windows)
    )
    content = replace(
        small_content(),
        name="bench",
        sfreq=float(SFREQ),
        ch_names=ch_names,
        unit="uV",
        profile={"name": "raw-1", "steps": ["noise"]},
        windows=windows,
        signals=np.tile(one, (n_windows, 1, 1)),
        labels=labels,
        scale=np.ones((n_windows, len(ch_names)), np.float32),
        offset=np.zeros((n_windows, len(ch_names)), np.float32),
    )
    write_fixture(content, path)


def bench_windows(bench: Bench) -> list[Table]:
    """Load 1 to 10,000 windows of 1 s (19,456 bytes of signal each)."""
    from bgb_fixtures.dataset import FixtureDataset

    sizes = bench.pick((1, 10, 100, 1000, 10_000), (1, 10))
    paths = {size: bench.folder / f"{size}.h5" for size in sizes}
    for size, path in paths.items():
        write_windows(path, size)
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
    # Of a process without torch; pages of the file count, though processes share them.
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
        times = bench.medians(
            {str(size): lambda w=work, s=size: w(s) for size in sizes},  # type: ignore[misc]
            seconds=0.3,
        )
        medians = {size: times[str(size)] for size in sizes}
        tables.append(growth(title, medians, unit="window", peaks=peaks.get(title)))
    return tables
