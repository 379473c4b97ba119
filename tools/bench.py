"""Measure what the README claims, each beside what people use today.

Medians within one run on one machine; ratios are what travels. Usage:
``python tools/bench.py [load] [process] [edf] [generate] [smoke]``; without a name, all parts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

EDF_HOURS = 1
EDF_CHANNELS = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured way of doing a thing.

    Attributes
    ----------
    name : str
        What was done.
    seconds : float
        Median.
    """

    name: str
    seconds: float


def median_seconds(run: Callable[[], object], *, n: int) -> float:
    """Return the median time of `n` runs, after one run that is not counted.

    Parameters
    ----------
    run : callable
        What to measure.
    n : int
        Number of runs.

    Returns
    -------
    seconds : float
        Median.
    """
    run()
    times = []
    for _ in range(n):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return statistics.median(times)


def show(title: str, rows: list[Row]) -> None:
    """Print a table; ratios are to its first row.

    Parameters
    ----------
    title : str
        What the rows have in common.
    rows : list of Row
        The first is ours.
    """
    print(f"\n{title}")
    width = max(len(row.name) for row in rows)
    for row in rows:
        ratio = row.seconds / rows[0].seconds
        print(f"  {row.name:<{width}}  {row.seconds * 1e3:10.3f} ms  {ratio:9.1f} x")


def bench_load(folder: Path) -> None:
    """Open the default fixture and give float32 tensors, warm page cache."""
    import h5py
    import torch
    from safetensors.torch import load_file, save_file

    from bgb_fixtures import load_fixture
    from bgb_fixtures.loader import find_fixture

    path = find_fixture("smoke")
    fixture = load_fixture(path)
    signals, labels = np.array(fixture.signals), np.array(fixture.labels)
    arrays = {"signals": torch.from_numpy(signals), "labels": torch.from_numpy(labels)}
    files = {
        suffix: folder / f"arrays.{suffix}" for suffix in ("st", "pt", "npz", "z.npz")
    }
    save_file(arrays, files["st"])
    torch.save(arrays, files["pt"])
    np.savez(files["npz"], signals=signals, labels=labels)
    np.savez_compressed(files["z.npz"], signals=signals, labels=labels)
    np.save(folder / "signals.npy", signals)
    np.save(folder / "labels.npy", labels)

    def from_numpy(x: object, y: object) -> object:
        return torch.as_tensor(x), torch.as_tensor(y).to(torch.float32)

    def safetensors() -> object:
        loaded = load_file(files["st"])
        return loaded["signals"], loaded["labels"].to(torch.float32)

    def torch_load() -> object:
        loaded = torch.load(files["pt"], mmap=True, weights_only=True)
        return loaded["signals"], loaded["labels"].to(torch.float32)

    def npy_map() -> object:
        # mode "c" as ours: copy-on-write, so that tensors are writable.
        return from_numpy(
            np.load(folder / "signals.npy", mmap_mode="c"),
            np.load(folder / "labels.npy", mmap_mode="c"),
        )

    def npz(name: str) -> object:
        with np.load(files[name]) as loaded:
            return from_numpy(loaded["signals"], loaded["labels"])

    def h5py_read() -> object:
        with h5py.File(path, "r") as file:
            return from_numpy(file["signals"][()], file["labels"][()])

    def stand_in() -> object:
        return (
            torch.randn(signals.shape),
            torch.randint(0, 2, labels.shape).to(torch.float32),
        )

    def first_load() -> object:
        from bgb_fixtures import loader

        loader._proved.clear()
        return load_fixture(path).tensors()

    n_bytes = (signals.nbytes + labels.nbytes) / 1e6
    show(
        f"open + float32 tensors, {len(signals)} windows, {n_bytes:.1f} MB, warm",
        [
            Row(name=name, seconds=median_seconds(run, n=n))
            for name, run, n in (
                ("bgb-fixtures", lambda: load_fixture(path).tensors(), 300),
                (
                    "bgb-fixtures, verify=False",
                    lambda: load_fixture(path, verify=False).tensors(),
                    300,
                ),
                ("safetensors load_file", safetensors, 300),
                ("np.load(mmap_mode='c'), two files", npy_map, 300),
                ("torch.load(mmap=True)", torch_load, 300),
                ("h5py read", h5py_read, 30),
                ("npz", lambda: npz("npz"), 15),
                ("torch.randn stand-in, random labels", stand_in, 15),
                ("npz compressed", lambda: npz("z.npz"), 3),
                ("bgb-fixtures, first load (every digest)", first_load, 15),
            )
        ],
    )


def bench_process(_folder: Path) -> None:
    """Start a process, import, load."""
    code = {
        "python -c pass": "pass",
        "import bgb_fixtures": "import bgb_fixtures",
        "import numpy": "import numpy",
        "load_fixture(), no torch": (
            "import bgb_fixtures; bgb_fixtures.load_fixture().signals[0, 0, 0]"
        ),
        "import h5py": "import h5py",
        "import torch": "import torch",
        "load_fixture().tensors()": (
            "import bgb_fixtures; bgb_fixtures.load_fixture().tensors()"
        ),
        "import mne, mne.io": "import mne; mne.io.read_raw_edf",
    }
    show(
        "a fresh process, warm page cache (ratios to an empty one)",
        [
            Row(
                name=name,
                seconds=median_seconds(
                    lambda text=text: subprocess.run(  # type: ignore[misc]
                        [sys.executable, "-c", text], check=True
                    ),
                    n=7,
                ),
            )
            for name, text in code.items()
        ],
    )


def write_hour_edf(path: Path) -> None:
    """Write an hour of 23-channel EDF at 256 Hz, 42.4 MB of noise.

    Parameters
    ----------
    path : pathlib.Path
        The file to write.
    """
    names = EDF_CHANNELS.split()
    n_records = 3600 * EDF_HOURS

    def field(value: object, size: int) -> bytes:
        return str(value).encode("ascii").ljust(size)

    head = (
        field(0, 8) + field("X X X X", 80) + field("Startdate X X X X", 80)
        + b"01.01.8500.00.00" + field(256 * (len(names) + 1), 8) + field("", 44)
        + field(n_records, 8) + field(1, 8) + field(len(names), 4)
    )  # fmt: skip
    columns = (
        (names, 16), ([""] * 23, 80), (["uV"] * 23, 8), ([-800] * 23, 8),
        ([800] * 23, 8), ([-2048] * 23, 8), ([2047] * 23, 8), ([""] * 23, 80),
        ([256] * 23, 8), ([""] * 23, 32),
    )  # fmt: skip
    for values, size in columns:
        head += b"".join(field(value, size) for value in values)
    noise = np.random.default_rng(0).integers(-2048, 2048, 23 * 256 * 60, np.int16)
    with path.open("wb") as file:
        file.write(head)
        for _ in range(n_records // 60):
            file.write(noise.astype("<i2").tobytes())


def bench_edf(folder: Path) -> None:
    """Read one 60 s window of an hour of 23-channel EDF."""
    import mne
    import pyedflib

    from bgb_fixtures.builder.sources.byte_source import LocalFile
    from bgb_fixtures.builder.sources.edf import EdfFile

    path = folder / "hour.edf"
    write_hour_edf(path)
    start, stop = 1800 * 256, 1860 * 256
    head = 256 * 24

    def ours() -> object:
        with EdfFile(LocalFile(path)) as edf:
            return edf.read_uv(range(23), start, stop)

    def plain_numpy() -> object:
        with path.open("rb") as file:
            file.read(head)
            file.seek(head + 1800 * 23 * 512)
            records = np.frombuffer(file.read(60 * 23 * 512), "<i2")
        digital = records.reshape(60, 23, 256).swapaxes(0, 1).reshape(23, -1)
        return (digital + 2048.0) * (1600 / 4095) - 800

    def with_pyedflib() -> object:
        with pyedflib.EdfReader(str(path)) as reader:
            return [reader.readSignal(i, start, stop - start) for i in range(23)]

    def mne_lazy() -> object:
        raw = mne.io.read_raw_edf(path, preload=False, verbose="error")
        return raw.get_data(start=start, stop=stop)

    def mne_preload() -> object:
        raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
        return raw.get_data(start=start, stop=stop)

    show(
        "one 60 s window of 1 h x 23 channels x 256 Hz EDF (42.4 MB), warm",
        [
            Row(name=name, seconds=median_seconds(run, n=n))
            for name, run, n in (
                ("bgb-fixtures", ours, 30),
                ("plain numpy, seek + read", plain_numpy, 30),
                ("pyedflib readSignal", with_pyedflib, 15),
                ("mne preload=False", mne_lazy, 15),
                ("mne preload=True", mne_preload, 3),
            )
        ],
    )


def bench_generate(folder: Path) -> None:
    """Generate the default fixture."""
    from bgb_fixtures.builder import build_fixture
    from bgb_fixtures.spec import load_default_spec

    spec = load_default_spec()
    n_windows = sum(len(recording.windows) for recording in spec.recordings)
    seconds = median_seconds(lambda: build_fixture(spec, folder / "smoke.h5"), n=3)
    show(
        f"build the default fixture ({n_windows} windows of 60 s), write and verify it",
        [
            Row(name="in all", seconds=seconds),
            Row(name="per window", seconds=seconds / n_windows),
        ],
    )


def bench_smoke(folder: Path) -> None:
    """Run all smoke checks on a small U-Net and a TCN, from process start to end."""
    tools = str(Path(__file__).parent)
    package = folder / "my_models.py"
    package.write_text(
        f"import sys\nsys.path.insert(0, {tools!r})\n"
        "from reference_models import Tcn, UNet\n"
    )

    def run(code: str) -> None:
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    both = (
        "from my_models import Tcn, UNet\n"
        "from bgb_fixtures.smoke import assert_smoke\n"
        "assert_smoke(UNet()), assert_smoke(Tcn())"
    )

    def command() -> None:
        for name in ("UNet", "Tcn"):
            run(
                "from bgb_fixtures.cli import main\n"
                f"main(['smoke', 'my_models:{name}'])"
            )

    show(
        "smoke checks of a U-Net (41k parameters) and a TCN (39k), imports included",
        [
            Row(name=name, seconds=median_seconds(work, n=3))
            for name, work in (
                ("assert_smoke on both, one process", lambda: run(both)),
                ("bgb-fixtures smoke, once for each", command),
                ("import torch alone", lambda: run("import torch")),
            )
        ],
    )


PARTS: dict[str, Callable[[Path], None]] = {
    "load": bench_load,
    "process": bench_process,
    "edf": bench_edf,
    "generate": bench_generate,
    "smoke": bench_smoke,
}


def main(names: list[str]) -> None:
    """Run the named parts, or all.

    Parameters
    ----------
    names : list of str
        Keys of `PARTS`.
    """
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"unknown part {unknown[0]!r}; parts: {', '.join(PARTS)}")
    for name in names or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
