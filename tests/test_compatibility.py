"""Kept files of every released format version, and the lowest dependencies."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.golden import compare_goldens, load_golden
from bgb_fixtures.golden.content import FixtureState, ModelState, Tolerance
from bgb_fixtures.verify import verify_fixture

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "data"
FORMAT_1, GOLDEN_2 = KEPT / "format-1", KEPT / "golden-2"
FIXTURES = [
    pytest.param(path, id=path.parent.name) for path in KEPT.glob("*/fixture.h5")
]
GOLDENS = [
    pytest.param(path, id=path.parent.name) for path in KEPT.glob("*/golden.npz")
]


@pytest.mark.parametrize("path", FIXTURES + GOLDENS)
def test_kept_file_is_as_it_was_released(path: Path) -> None:
    sums = (path.parent / "SHA256SUMS").read_text(encoding="ascii")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"{digest}  {path.name}" in sums.splitlines()


@pytest.mark.parametrize("path", FIXTURES)
def test_kept_fixture_is_proved(path: Path) -> None:
    assert len(verify_fixture(path).checks) == 5


@pytest.mark.parametrize("path", GOLDENS)
def test_kept_golden_is_proved_and_equals_itself(path: Path) -> None:
    golden = load_golden(path)
    assert compare_goldens(golden, golden).equal


def test_each_format_version_that_is_written_has_a_kept_file() -> None:
    from bgb_fixtures.format.layout import FORMAT_VERSION
    from bgb_fixtures.golden.npz import VERSION

    # A new version without a kept file of it fails here.
    assert (KEPT / f"format-{FORMAT_VERSION}" / "fixture.h5").is_file()
    assert (KEPT / f"golden-{VERSION}" / "golden.npz").is_file()


def test_fixture_of_format_1_holds_what_was_written() -> None:
    fixture = load_fixture(FORMAT_1 / "fixture.h5")
    records = fixture.records
    assert (fixture.index.name, fixture.index.content_version) == ("format-1", 3)
    assert fixture.sfreq == 32.0
    assert fixture.ch_names == ("Fp1-F7", "Fz")
    assert (records.montage, records.unit) == ("mixed", "1")
    assert records.profile == {"name": "zscore-1", "steps": ["counted up by 1/8"]}
    assert records.source == {
        "name": "by hand",
        "nested": {"list": [1, 2.5, None, True, "x"]},
    }
    assert records.licence["changes"] == "two\nlines"
    assert records.spec == {"source": "by hand"}


def test_arrays_of_format_1_hold_what_was_written() -> None:
    fixture = load_fixture(FORMAT_1 / "fixture.h5")
    labels = np.zeros((4, 64), np.uint8)
    labels[0, 16:] = 1
    labels[1, :] = 1
    labels[3, 8:40] = 1
    assert fixture.signals.shape == (4, 2, 64)
    assert fixture.signals[0, 0, :3].tolist() == [-8.0, -7.875, -7.75]
    assert fixture.signals[3, 1, 62:].tolist() == [55.75, 55.875]
    assert np.unique(np.diff(fixture.signals.ravel())).tolist() == [0.125]
    np.testing.assert_array_equal(fixture.labels, labels)
    # 55.875 * 0.5 - 3
    assert fixture.microvolts()[3, 1, 63] == 24.9375


def test_windows_of_format_1_hold_what_was_written() -> None:
    windows = load_fixture(FORMAT_1 / "fixture.h5").windows
    assert [(w.id, w.category, w.kind, w.split, w.subject) for w in windows] == [
        ("w-onset", "partial", "onset", "train", "sub-01"),
        ("w-ictal", "full", "ictal", "train", "sub-01"),
        ("w-artefact", "none", "artefact", "dev", "sub-02"),
        ("w-whole", "partial", "whole", "dev", "sub-02"),
    ]
    assert windows[3] == WindowRecord(
        id="w-whole",
        category="partial",
        kind="whole",
        split="dev",
        subject="sub-02",
        recording="rec-04",
        onset=7.5,
        n_clipped=3,
        events=(Event(onset=0.25, duration=1.0, label="cpsz"),),
    )


def test_golden_of_format_2_holds_what_was_written() -> None:
    golden = load_golden(GOLDEN_2 / "golden.npz")
    outputs = golden.outputs
    logits, half = outputs["out.logits"], outputs["out.half"]
    assert (golden.name, golden.test) == ("out", "TestDetector::test_out[half-2]")
    np.testing.assert_array_equal(
        logits.array,
        np.array([[0.5, 0.0, np.inf], [np.nan, 1e-40, -2.0]], np.float32),
    )
    assert np.signbit(logits.array[0, 1])
    assert (logits.dtype, logits.threshold) == ("float32", 0.5)
    assert logits.tolerance == Tolerance(
        rtol=1e-5, atol=1e-4, source="by hand", basis="float32"
    )
    assert (half.dtype, half.threshold) == ("bfloat16", None)
    assert half.numbers.tolist() == [1.0, 1.0078125]
    assert outputs["out.found"].array.tolist() == [True, False]
    assert outputs["out.spectrum"].array.item() == 1 - 2j
    assert outputs["out.names"].array.tolist() == ["Fz", "Fp1-F7"]
    assert outputs["out.loss"].dtype == "None"
    seizures = outputs["out.seizures"]
    assert seizures.array.tolist() == [[0, 0.25, 1.5], [1, 0, 2]]
    assert seizures.labels == ("cpsz", "")
    assert golden.environment["numpy"] == "2.4.6"
    assert golden.fixture == FixtureState(
        name="format-1",
        content_version=3,
        digest="cd" * 32,
        windows=("w-onset", "w-ictal"),
        sfreq=32.0,
        n_times=64,
        montage="10-20",
        profile="zscore-1",
    )
    assert golden.model == ModelState(digest="ef" * 32, n_parameters=12)


def test_trace_of_golden_format_2_holds_what_was_written() -> None:
    trace = load_golden(GOLDEN_2 / "golden.npz").trace
    assert trace is not None
    (call,) = trace.calls
    assert (call.name, call.kind, call.training) == ("body.0", "Linear", False)
    assert call.settings == "in_features=3, out_features=3"
    assert call.dtypes == ("float32", "bfloat16")
    assert call.shapes == (((2, 3),), ((2, 3),))
    assert trace.n_calls == 2
    assert trace.statistics[0, 1].tolist() == [8, 9, 10, 11, 12, 13, 14, 15]
    assert trace.samples[0, 1, 31] == 15.75


# Until a release writes another version.
@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("format-1/make_format_1.py", "fixture.h5"),
        ("golden-2/make_golden_2.py", "golden.npz"),
    ],
)
def test_this_release_writes_the_same_bytes(
    script: str, name: str, tmp_path: Path
) -> None:
    run(sys.executable, KEPT / script, tmp_path)
    kept = (KEPT / script).with_name(name)
    assert (tmp_path / name).read_bytes() == kept.read_bytes()


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def lowest_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with the lower bounds of the base dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    # edfio writes the EDF files that are read.
    (edfio,) = (
        text
        for text in project["optional-dependencies"]["build"]
        if text.startswith("edfio")
    )
    declared = (*project["dependencies"], edfio)
    bounds = [re.sub(r">=(.*)", r"==\1.*", text) for text in declared]
    folder = tmp_path_factory.mktemp("lowest") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    # Modules that are imported are compiled then: few of all.
    run(*pip, "--disable-pip-version-check", "--no-compile", *bounds)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "checkout.pth").write_text(str(ROOT / "src"), encoding="utf-8")
    return python


@pytest.mark.slow
def test_lowest_dependencies_write_and_read_the_same_bytes(
    lowest_python: Path, tmp_path: Path
) -> None:
    files = ROOT / "tools" / "compat_files.py"
    newest = json.loads(run(sys.executable, files, "write", tmp_path / "newest"))
    lowest = json.loads(run(lowest_python, files, "write", tmp_path / "lowest"))
    # Without scipy it resamples nothing.
    (tmp_path / "newest" / "resampled.h5").unlink()
    assert lowest["versions"]["numpy"].startswith("1.26.")
    assert newest["versions"]["numpy"] != lowest["versions"]["numpy"]
    assert contents(tmp_path / "lowest") == contents(tmp_path / "newest")
    there = json.loads(run(lowest_python, files, "read", tmp_path / "newest"))
    here = json.loads(run(sys.executable, files, "read", tmp_path / "lowest"))
    assert there["digests"] == here["digests"]
    assert sorted(here["digests"]) == [
        "golden.npz",
        "kept/fixture.h5",
        "kept/golden.npz",
        "raw-1.h5",
        "smoke.h5",
        "tiny.h5",
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, but the golden, which names its environment."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / "golden.npz"
    }
