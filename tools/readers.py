"""Read our files with the HDF5 readers of this environment and compare the arrays.

For the table of readers in DATA.md. Create a separate environment and run it there:
``pip install h5py pyfive netCDF4 tables h5netcdf hdf5storage``, ``pip install --no-deps .``,
``python tools/readers.py [FILE ...]``; without files, the packaged ones and the kept one.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures import load_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
FILES = (
    ROOT / "fixtures" / "smoke.h5",
    ROOT / "fixtures" / "tiny.h5",
    ROOT / "tests" / "data" / "format-1" / "fixture.h5",
)
ARRAYS = ("signals", "labels", "scale", "offset")


def _mapping(module: str, *args: Any, **kwargs: Any) -> Callable[[Path], Any]:
    def read(path: Path) -> dict[str, Any]:
        package: Any = importlib.import_module(module)
        with package.File(str(path), *args, **kwargs) as file:
            return {name: file[name][()] for name in ARRAYS}

    return read


def _pyfive_bytes(path: Path) -> dict[str, Any]:
    pyfive: Any = importlib.import_module("pyfive")
    file = pyfive.File(io.BytesIO(path.read_bytes()))
    return {name: file[name][()] for name in ARRAYS}


def _netcdf(path: Path) -> dict[str, Any]:
    netcdf: Any = importlib.import_module("netCDF4")
    with netcdf.Dataset(str(path)) as file:
        file.set_auto_mask(False)
        return {name: file[name][:] for name in ARRAYS}


def _tables(path: Path) -> dict[str, Any]:
    tables: Any = importlib.import_module("tables")
    with tables.open_file(str(path)) as file:
        return {name: file.get_node(f"/{name}").read() for name in ARRAYS}


def _hdf5storage(path: Path) -> dict[str, Any]:
    storage: Any = importlib.import_module("hdf5storage")
    return {n: storage.read(path=f"/{n}", filename=str(path)) for n in ARRAYS}


# Name, package, function that reads all four arrays.
READERS: tuple[tuple[str, str, Callable[[Path], Any]], ...] = (
    ("h5py", "h5py", _mapping("h5py")),
    ("netCDF4", "netCDF4", _netcdf),
    ("PyTables", "tables", _tables),
    ("h5netcdf over h5py", "h5netcdf", _mapping("h5netcdf", phony_dims="sort")),
    (
        "h5netcdf over pyfive",
        "h5netcdf",
        _mapping("h5netcdf", phony_dims="sort", backend="pyfive"),
    ),
    ("hdf5storage", "hdf5storage", _hdf5storage),
    ("pyfive", "pyfive", _mapping("pyfive")),
    ("pyfive, from bytes in memory", "pyfive", _pyfive_bytes),
)


def _judge(read: Callable[[Path], Any], path: Path) -> str:
    fixture = load_fixture(path)
    try:
        got = read(path)
    except Exception as error:  # noqa: BLE001, a reader may fail in any way
        return f"{type(error).__name__}: {error}"
    wrong = [
        name
        for name in ARRAYS
        if not np.array_equal(np.asarray(got[name]), getattr(fixture, name))
    ]
    return f"WRONG VALUES in {', '.join(wrong)}" if wrong else "right"


def _rows(paths: list[Path]) -> Iterator[str]:
    yield "| reader | version | " + " | ".join(path.stem for path in paths) + " |"
    yield "| --- |" + " --- |" * (1 + len(paths))
    for name, package, read in READERS:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        verdicts = " | ".join(_judge(read, path) for path in paths)
        yield f"| {name} | {version} | {verdicts} |"


def main() -> None:
    """Print the table."""
    for row in _rows([Path(name) for name in sys.argv[1:]] or list(FILES)):
        print(row)


if __name__ == "__main__":
    main()
