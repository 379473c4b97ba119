"""Write one of each kind of file, or read such a folder: a step of tools/compat.py.

Runs in the environment to be tried. ``write FOLDER`` writes the files; ``read FOLDER``
proves them and prints, as JSON, a digest of what each holds. Both print versions.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import runpy
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from bgb_fixtures import load_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.export import export_fixture
from bgb_fixtures.fixture import packaged_dir
from bgb_fixtures.golden import load_golden, make_golden, verify_golden, write_golden
from bgb_fixtures.golden.store import is_golden
from bgb_fixtures.request.spec import load_spec, parse_spec
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = Path(__file__).parents[1] / "tests" / "data"


def versions() -> dict[str, str]:
    """Return what this environment is.

    Returns
    -------
    versions : dict of str to str
        Version by name; packages that are not installed are left out.
    """
    found = {"python": platform.python_version(), "hdf5": h5py.version.hdf5_version}
    for name in ("numpy", "h5py", "click", "scipy", "mne", "pyedflib", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write(folder: Path) -> None:
    """Write one of each kind of file.

    Parameters
    ----------
    folder : pathlib.Path
        Must not exist.
    """
    (folder / "corpus").mkdir(parents=True)
    for name in ("smoke", "tiny"):
        build_fixture(load_spec(packaged_dir() / f"{name}.toml"), folder / f"{name}.h5")
    for layout in ("chbmit", "tusz", "bids"):
        write_corpus(layout, folder / "corpus" / layout, n_recordings=4, duration=40)
    _build_recordings(folder, "raw-1")
    if find_spec("scipy") is not None:
        # Same bytes only where scipy is the same.
        _build_recordings(folder, "resampled", sfreq=200)
    export_fixture(folder / "tiny.h5", "npz", folder / "npz")
    _run_kept_script(folder / "kept")
    tiny = load_fixture(folder / "tiny.h5")
    values = {"microvolts": tiny.microvolts()[0, 0], "share": tiny.labels.mean()}
    write_golden(make_golden(values, name="golden"), folder / "golden.h5")


def _build_recordings(folder: Path, name: str, **facts: Any) -> None:
    spec = parse_spec(
        {
            "name": name,
            "source": "chbmit",
            "montage": "double-banana",
            "profile": "raw-1",
            "window_length": 10,
            **facts,
        },
        where=name,
    )
    root = folder / "corpus" / "chbmit"
    build_fixture(spec, folder / f"{name}.h5", root=root)


def _run_kept_script(folder: Path) -> None:
    before = sys.argv
    sys.argv = ["make_format_1.py", str(folder)]
    runpy.run_path(str(KEPT / "format-1" / "make_format_1.py"), run_name="__main__")
    sys.argv = before


def read(folder: Path) -> dict[str, str]:
    """Prove every file of a folder and digest what a reader gets of it.

    Parameters
    ----------
    folder : pathlib.Path
        What `write` wrote, here or elsewhere.

    Returns
    -------
    digests : dict of str to str
        SHA-256 by file, relative to `folder`.
    """
    digests = {}
    for path in sorted(folder.rglob("*.h5")):
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
    verify_golden(path)
    golden = load_golden(path)
    for key, output in sorted(golden.outputs.items()):
        yield key.encode() + np.asarray(output.array).tobytes()


def main() -> None:
    """Do what the command line says."""
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
