"""Write one of each kind of file, or read such a folder: a step of tools/compat.py.

Runs in the environment to test. ``write FOLDER`` writes the files; ``read FOLDER``
verifies them and prints, as JSON, a digest of the content of each. Both print versions.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import runpy
import shutil
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from bgb_fixtures import load_fixture
from bgb_fixtures.cli import main as command
from bgb_fixtures.golden import load_golden, make_golden, write_golden
from bgb_fixtures.golden.store import is_golden
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = Path(__file__).parents[1] / "tests" / "data"


def versions() -> dict[str, str]:
    """Return the versions of the installed packages."""
    found = {"python": platform.python_version(), "hdf5": h5py.version.hdf5_version}
    for name in ("numpy", "h5py", "click", "scipy", "mne", "edfio", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def run(*words: object) -> None:
    """Run bgb-fixtures with its output redirected to stderr."""
    with redirect_stdout(sys.stderr):
        command([str(word) for word in words], standalone_mode=False)


def write(folder: Path) -> None:
    """Write one of each kind of file to a new folder."""
    (folder / "corpus").mkdir(parents=True)
    for name in ("smoke", "tiny"):
        run("build", "--spec", name, "--out", folder / f"{name}.h5")
    for layout in ("chbmit", "tusz", "bids"):
        out = folder / "corpus" / layout
        run(
            "corpus",
            "--layout",
            layout,
            "--out",
            out,
            "--recordings",
            4,
            "--duration",
            40,
        )
    root = folder / "corpus" / "chbmit"
    build = ("build", "--source", "chbmit", "--root", root, "--window-length", 10)
    run(*build, "--out", folder / "raw-1.h5")
    if find_spec("scipy") is not None:
        # The bytes are the same only with the same version of scipy.
        run(*build, "--out", folder / "resampled.h5", "--sfreq", 200)
    run("export", folder / "tiny.h5", "--to", "npz", folder / "npz")
    for script in ("format-1/make_format_1.py", "golden-2/make_golden_2.py"):
        sys.argv = [script, str(folder / "kept")]
        runpy.run_path(str(KEPT / script), run_name="__main__")
    tiny = load_fixture(folder / "tiny.h5")
    values = {"microvolts": tiny.microvolts()[0, 0], "share": tiny.labels.mean()}
    write_golden(make_golden(values, name="golden"), folder / "golden.npz")


def read(folder: Path) -> dict[str, str]:
    """Verify every file in a folder; return a digest of the content of each."""
    digests = {}
    # An export is an npz file, too.
    paths = [*folder.rglob("*.h5"), *filter(is_golden, folder.rglob("*.npz"))]
    for path in sorted(paths):
        digest = hashlib.sha256()
        for part in _golden(path) if is_golden(path) else _fixture(path):
            digest.update(part)
        digests[str(path.relative_to(folder))] = digest.hexdigest()
    return digests


def _fixture(path: Path) -> Iterator[bytes]:
    verify_fixture(path)
    fixture = load_fixture(path)
    yield fixture.signals.tobytes()
    yield fixture.labels.tobytes()
    yield fixture.microvolts().tobytes()
    yield repr(fixture.records).encode()


def _golden(path: Path) -> Iterator[bytes]:
    for key, output in sorted(load_golden(path).outputs.items()):
        yield key.encode() + np.asarray(output.array).tobytes()


def main() -> None:
    """Run the command line."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    answer: dict[str, Any] = {"versions": versions()}
    if what == "write":
        shutil.rmtree(folder, ignore_errors=True)
        write(folder)
    else:
        answer["digests"] = read(folder)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
