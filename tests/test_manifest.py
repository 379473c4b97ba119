"""Twins that tell the truth: a fixture made of generated files says so, no other does."""

from __future__ import annotations

import json
import shutil
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from bgb_fixtures import load_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LICENCES = {
    "tusz": "TUH data use agreement",
    "chbmit": "ODC-By-1.0",
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a twin of each layout with a patient who has two recordings."""
    folder = tmp_path_factory.mktemp("twins")
    for layout in ("tusz", "chbmit", "bids"):
        write_corpus(layout, folder / layout, n_recordings=2, duration=20, seed=3)
    return folder


@pytest.fixture
def twin(twins: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy a twin, to change it."""

    def copy(layout: str) -> Path:
        return shutil.copytree(twins / layout, tmp_path / layout)

    return copy


def built(root: Path, source: str, out: Path, **changes: Any) -> Any:
    """Return the records of a fixture made of a folder."""
    montage = "double-banana" if source == "chbmit" else "10-20"
    spec = {"source": source, "window_length": 4, "montage": montage} | changes
    if source == "bids":
        spec["montage"] = "szcore-19"
    request = parse_spec(spec, where="test")
    return load_fixture(build_fixture(request, out, root=root).path).records


@pytest.mark.parametrize("layout", ["tusz", "chbmit", "bids"])
@pytest.mark.parametrize("profile", ["raw-1", "zscore-1"])
def test_a_fixture_made_of_a_twin_says_synthetic_cc0_and_the_layout(
    layout: str, profile: str, twins: Path, tmp_path: Path
) -> None:
    records = built(twins / layout, layout, tmp_path / "a.h5", profile=profile)

    assert records.source["name"] == layout
    assert records.source["synthetic"] == {
        "layout": layout,
        "recipe": json.loads((twins / layout / "synthetic.json").read_text())["recipe"],
        "seed": 3,
    }
    assert records.licence["name"] == "CC0-1.0"
    assert records.licence["redistributable"] is True
    assert records.licence["attribution"] == ""


def test_a_part_of_a_twin_is_known_too(twins: Path, tmp_path: Path) -> None:
    (edf,) = (twins / "tusz" / "edf" / "train").rglob("*.edf")

    for root in (twins / "tusz" / "edf", edf.parent, edf):
        records = built(root, "tusz", tmp_path / "a.h5")
        assert records.licence["name"] == "CC0-1.0", root


def test_a_twin_read_as_plain_edf_is_known_too(twins: Path, tmp_path: Path) -> None:
    records = built(twins / "tusz", "edf", tmp_path / "a.h5")

    assert records.source["name"] == "edf"
    assert records.source["synthetic"]["layout"] == "tusz"
    assert records.licence["name"] == "CC0-1.0"


def change_last_byte(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))


def add_a_comment(path: Path) -> None:
    path.write_bytes(b"# mine\n" + path.read_bytes())


@pytest.mark.parametrize(
    ("layout", "pattern", "change"),
    [
        pytest.param("tusz", "**/*.edf", change_last_byte, id="tusz-sample"),
        pytest.param("tusz", "**/*.csv", add_a_comment, id="tusz-annotation"),
        pytest.param("chbmit", "**/*_01.edf", change_last_byte, id="chbmit-sample"),
    ],
)
def test_one_file_that_differs_makes_it_patient_data_again(
    layout: str,
    pattern: str,
    change: Callable[[Path], None],
    twin: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    root = twin(layout)
    change(min(root.glob(pattern)))

    records = built(root, layout, tmp_path / "a.h5")

    assert LICENCES[layout] in records.licence["name"]
    assert "synthetic" not in records.source


def test_a_recording_that_the_manifest_does_not_list_is_patient_data(
    twin: Callable[[str], Path], tmp_path: Path
) -> None:
    root = twin("tusz")
    (patient,) = (root / "edf" / "train").iterdir()
    for path in sorted(patient.rglob("*.*")):
        if path.suffix != ".edf":
            text = path.read_text(encoding="ascii")
            path.write_text(text.replace("synthaaa", "aaaaaaaa"), encoding="ascii")
        path.rename(path.with_name(path.name.replace("synthaaa", "aaaaaaaa")))
    patient.rename(patient.with_name("aaaaaaaa"))

    records = built(root, "tusz", tmp_path / "a.h5")

    assert "TUH data use agreement" in records.licence["name"]
    assert records.licence["redistributable"] is False


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"what": "something else"}, id="what"),
        pytest.param({"recipe": "John Doe, 1961"}, id="recipe-is-a-text"),
        pytest.param({"layout": ["tusz"]}, id="layout"),
        pytest.param({"seed": True}, id="seed"),
        pytest.param({"sha256": []}, id="files"),
        pytest.param({"sha256": {"a.edf": "00"}}, id="digest"),
        pytest.param(None, id="no-json"),
    ],
)
def test_a_manifest_that_is_not_understood_counts_as_none(
    change: dict[str, Any] | None, twin: Callable[[str], Path], tmp_path: Path
) -> None:
    root = twin("tusz")
    manifest = root / "synthetic.json"
    text = "{"
    if change is not None:
        text = json.dumps(json.loads(manifest.read_text()) | change)
    manifest.write_text(text)

    records = built(root, "tusz", tmp_path / "a.h5")

    assert records.licence["redistributable"] is False


def test_a_saved_spec_of_a_twin_gives_the_same_bytes_again(
    twins: Path, tmp_path: Path
) -> None:
    words = ["build", "--source", "tusz", "--window-length", "4"]
    run(*words, "--root", twins / "tusz", "--out", tmp_path / "a.h5",
        "--save-spec", tmp_path / "a.toml")  # fmt: skip
    run("build", "--spec", tmp_path / "a.toml", "--root", twins / "tusz",
        "--out", tmp_path / "b.h5")  # fmt: skip

    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()

    saved = tomllib.loads((tmp_path / "a.toml").read_text())
    # Of profile raw-1 a spec has the bytes of the windows, not of whole files.
    assert all(part["start"] > 0 for part in saved["recordings"][0]["read"])


def run(*words: str | Path) -> None:
    assert main([*map(str, words)], standalone_mode=False) in (None, 0)


def test_info_report_and_export_say_synthetic_and_nothing_of_an_agreement(
    twins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.h5"
    built(twins / "tusz", "tusz", path)

    run("info", path)
    told = capsys.readouterr().out
    run("report", path, "-o", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    run("export", path, "--to", "npz", tmp_path / "npz")
    readme = (tmp_path / "npz" / "README.md").read_text(encoding="ascii")

    assert "source   synthetic, in the layout of tusz, recipe synthetic-" in told
    assert "licence  CC0-1.0 (https://creativecommons.org/" in told
    assert "NOT REDISTRIBUTABLE" not in told
    assert "synthetic, in the layout of tusz, recipe synthetic-" in page
    assert "The EEG is synthetic: nobody was recorded" in readme
    assert not (tmp_path / "npz" / "DO-NOT-REDISTRIBUTE.txt").exists()


def test_the_manifest_lists_every_file_with_its_digest(twins: Path) -> None:
    import hashlib

    for layout in ("tusz", "chbmit", "bids"):
        root = twins / layout
        manifest = json.loads((root / "synthetic.json").read_text(encoding="ascii"))
        assert manifest["sha256"] == {
            path.relative_to(root).as_posix(): hashlib.sha256(
                path.read_bytes()
            ).hexdigest()
            for path in root.rglob("*")
            if path.is_file() and path.name != "synthetic.json"
        }
        assert (manifest["layout"], manifest["seed"]) == (layout, 3)
        assert manifest["licence"] == "CC0-1.0"
