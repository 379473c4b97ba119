"""Readers that share no code with ours get the same arrays out of every file.

h5py and the command-line tools of HDF5 go the way of the HDF5 side, with libhdf5; ours maps
what the user block says.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from bgb_fixtures.build import build_fixture
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format.records import COLUMNS, event_to_json
from bgb_fixtures.golden import load_golden
from bgb_fixtures.request.compose import compose_request

if TYPE_CHECKING:
    import numpy.typing as npt

ROOT = Path(__file__).parents[1]
ARRAYS = {"signals": "<f4", "labels": "|u1", "scale": "<f4", "offset": "<f4"}
DTYPES = {"onset": "<f8", "n_clipped": "<i8"}
GOLDENS = [
    *sorted((ROOT / "fixtures" / "golden").glob("*.npz")),
    *sorted((ROOT / "tests" / "data").glob("*/golden.npz")),
]


@pytest.fixture(scope="module", params=["smoke", "tiny", "kept", "small", "generated"])
def fixture(
    request: pytest.FixtureRequest,
    small_fixture: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Fixture:
    """Load each fixture of the corpus in turn."""
    path = {
        "smoke": ROOT / "fixtures" / "smoke.h5",
        "tiny": ROOT / "fixtures" / "tiny.h5",
        "kept": ROOT / "tests" / "data" / "format-1" / "fixture.h5",
        "small": small_fixture,
        "generated": tmp_path_factory.mktemp("generated") / "three.h5",
    }[request.param]
    if not path.exists():
        build_fixture(compose_request(3, seed=11, window_length=8), path)
    return load_fixture(path)


def arrays_of(fixture: Fixture) -> dict[str, npt.NDArray[np.generic]]:
    return {name: getattr(fixture, name) for name in ARRAYS}


def columns_of(fixture: Fixture) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {
        name: [getattr(window, name) for window in fixture.windows] for name in COLUMNS
    }
    columns["events"] = [[event_to_json(e) for e in w.events] for w in fixture.windows]
    return columns


def hdf5_tool(*command: str | Path) -> str:
    """Run a tool of HDF5, or skip."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"needs {command[0]} (Debian: hdf5-tools)")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dump(path: Path, name: str, dtype: str, folder: Path) -> npt.NDArray[np.generic]:
    """Return the values that h5dump writes, as a flat array."""
    target = folder / "values"
    hdf5_tool("h5dump", "-d", f"/{name}", "-b", "FILE", "-o", target, path)
    return np.fromfile(target, dtype)


def test_h5py_gets_the_same_arrays(fixture: Fixture) -> None:
    with h5py.File(fixture.path) as file:
        got = {name: file[name][()] for name in ARRAYS}
    for name, expected in arrays_of(fixture).items():
        np.testing.assert_array_equal(got[name], expected, err_msg=name)


def test_h5py_gets_the_same_records(fixture: Fixture) -> None:
    with h5py.File(fixture.path) as file:
        got = {
            name: [v.decode() if isinstance(v, bytes) else v for v in file[name][()]]
            for name in COLUMNS
        }
    got["events"] = [json.loads(text) for text in got["events"]]
    assert got == columns_of(fixture)


def test_h5dump_gets_the_same_arrays(fixture: Fixture, tmp_path: Path) -> None:
    for name, expected in arrays_of(fixture).items():
        got = dump(fixture.path, name, ARRAYS[name], tmp_path)
        np.testing.assert_array_equal(got, expected.ravel(), err_msg=name)


def test_h5dump_gets_the_same_columns(fixture: Fixture, tmp_path: Path) -> None:
    for name, expected in columns_of(fixture).items():
        # Texts are as wide as the longest.
        n_bytes = hdf5_tool("h5ls", "-v", f"{fixture.path}/{name}")
        (width,) = re.findall(r"(\d+)-byte null-padded ASCII", n_bytes) or [""]
        got = dump(fixture.path, name, DTYPES.get(name, f"S{width}"), tmp_path).tolist()
        texts = [v.decode() if isinstance(v, bytes) else v for v in got]
        values = [json.loads(text) for text in texts] if name == "events" else texts
        assert values == expected, name


def test_h5ls_lists_the_same_shapes(fixture: Fixture) -> None:
    listed = dict(
        re.findall(
            r"^(\w+) +Dataset \{(.+)\}$", hdf5_tool("h5ls", fixture.path), re.MULTILINE
        )
    )
    n = str(len(fixture))
    shapes = {
        name: ", ".join(map(str, array.shape))
        for name, array in arrays_of(fixture).items()
    }
    assert listed == dict.fromkeys(COLUMNS, n) | shapes


def test_h5dump_shows_rate_and_channels(fixture: Fixture) -> None:
    sfreq = hdf5_tool("h5dump", "-a", "/sfreq", fixture.path)
    ch_names = hdf5_tool("h5dump", "-y", "-w", "0", "-a", "/ch_names", fixture.path)
    assert re.findall(r"\(0\): (.+)", sfreq) == [f"{fixture.sfreq:g}"]
    shown = re.sub(r"\\000", "", ch_names)
    assert tuple(re.findall(r'"([^"]+)"[,\n]', shown)) == fixture.ch_names


@pytest.mark.parametrize(
    "path", GOLDENS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_numpy_and_unzip_get_the_same_outputs_of_a_golden(
    path: Path, tmp_path: Path
) -> None:
    unzip = shutil.which("unzip")
    if unzip is not None:
        subprocess.run([unzip, "-q", path, "-d", tmp_path], check=True)
    with np.load(path, allow_pickle=False) as arrays:
        for key, output in load_golden(path).outputs.items():
            np.testing.assert_array_equal(arrays[key], output.array, err_msg=key)
            if unzip is not None:
                seen = np.load(tmp_path / f"{key}.npy", allow_pickle=False)
                np.testing.assert_array_equal(seen, output.array, err_msg=key)


def test_reader_that_ignores_the_user_block_would_be_seen() -> None:
    # What pyfive 1.3.0 gives: the bytes one user block before the array.
    fixture = load_fixture(ROOT / "fixtures" / "tiny.h5")
    entry = fixture.index.arrays["labels"]
    shifted = np.fromfile(
        fixture.path,
        np.uint8,
        count=entry.length,
        offset=entry.offset - fixture.index.user_block,
    )
    assert not np.array_equal(shifted, fixture.labels.ravel())
    assert shifted.max() > 1
