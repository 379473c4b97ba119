"""Data of one's own: licence, attribution, and subjects for validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.edf import edf_bytes
from support.requests import load_recorded, recorded

from bgb_fixtures import load_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures import Fixture

CC_BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make one recording of each of three subjects, with a seizure at 20 s."""
    root = tmp_path / "data"
    digital = np.random.default_rng(1).integers(-200, 200, (19, 3840)).astype(np.int16)
    for subject in ("sub-1", "sub-2", "sub-3"):
        path = root / subject / "eeg" / f"{subject}_task-x_eeg.edf"
        path.parent.mkdir(parents=True)
        path.write_bytes(edf_bytes(MONTAGES["10-20"], digital, sfreq=64))
        table = path.with_name(f"{subject}_task-x_events.tsv")
        table.write_text("onset\tduration\teventType\n20\t15\tsz\n", encoding="ascii")
    return root


def build(root: Path, name: str = "out.h5", **spec: Any) -> Fixture:
    request = recorded({"source": "edf", "window_length": 10, **spec})
    saved = root.parent / f"{name}.toml"
    report = build_fixture(request, root.parent / name, root=root, save_spec=saved)
    return load_fixture(report.path)


def run(*words: object) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize("source", ["edf", "bids"])
def test_a_licence_is_stated_for_data_of_ones_own(root: Path, source: str) -> None:
    fixture = build(root, source=source, licence="cc by 4.0", attribution="We, 2026")
    licence = fixture.records.licence
    assert (licence["name"], licence["url"]) == ("CC-BY-4.0", CC_BY)
    assert (licence["attribution"], licence["redistributable"]) == ("We, 2026", True)
    words = ("export", fixture.path, "--to", "npz", root.parent / "npz")
    assert run(*words).exit_code == 0


def test_a_licence_that_is_not_known_lets_nobody_have_the_data(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fixture = build(root, licence="for our group only")
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage() == (
        "licence 'for our group only' is not known to allow redistribution, so the "
        "fixture is marked not redistributable. Known: CC0-1.0, PDDL-1.0, CC-BY-4.0, "
        "CC-BY-SA-4.0, ODC-By-1.0, ODbL-1.0"
    )
    licence = fixture.records.licence
    assert (licence["name"], licence["redistributable"]) == (
        "for our group only",
        False,
    )
    words = ("export", fixture.path, "--to", "npz", root.parent / "npz")
    assert "licence 'for our group only'" in run(*words).output


def test_an_unknown_licence_says_how_to_state_one(root: Path) -> None:
    fixture = build(root)
    assert "licence  unknown\n" in run("info", fixture.path).stdout
    words = ("export", fixture.path, "--to", "npz", root.parent / "npz")
    assert "is stated with build --licence" in run(*words).output


def test_the_licence_of_a_data_set_is_kept(root: Path) -> None:
    description = root / "dataset_description.json"
    description.write_text('{"License": "CC0"}', encoding="ascii")
    with pytest.raises(
        SpecError, match=r"expected 'CC0-1\.0', which the data set itself"
    ):
        build(root, source="bids", licence="CC-BY-4.0")
    fixture = build(root, source="bids", licence="CC0", attribution="We, 2026")
    licence = fixture.records.licence
    assert (licence["name"], licence["attribution"]) == ("CC0-1.0", "We, 2026")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"source": "tusz", "licence": "CC0"},
            "licence applies to source edf",
            id="tusz",
        ),
        pytest.param(
            {"source": "chbmit", "attribution": "x"},
            "attribution applies to source edf",
            id="chb",
        ),
        pytest.param({"licence": "©"}, "licence: expected at most 1000", id="ascii"),
        pytest.param({"licence": 4}, "licence: expected at most 1000", id="number"),
        pytest.param({"attribution": ""}, "attribution: expected at most", id="empty"),
        pytest.param(
            {"dev_subjects": "sub-1"}, "dev_subjects: expected a list", id="text"
        ),
        pytest.param(
            {"dev_subjects": ["a", "a"]}, "dev_subjects: expected a list", id="twice"
        ),
        pytest.param(
            {"source": "tusz", "dev_subjects": ["a"]},
            "dev_subjects cannot be used with source tusz, which defines",
            id="tusz-split",
        ),
    ],
)
def test_statements_that_make_no_sense_are_refused(
    spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=f"a test[,:] {message}"):
        recorded({"source": "edf", **spec})


def test_subjects_are_put_aside_for_validation(root: Path) -> None:
    fixture = build(
        root, dev_subjects=["sub-2"], quotas={"dev": {"ictal": 1, "none": 1}}
    )
    assert {w.split for w in fixture.windows} == {"dev"}
    assert len({w.subject for w in fixture.windows}) == 1
    both = build(root, "both.h5", dev_subjects=["sub-2", "sub-3"], per_kind=3)
    splits = {w.subject: w.split for w in both.windows}
    assert sorted(splits.values()) == ["dev", "dev", "train"]


def test_the_fixture_does_not_say_who_was_put_aside(root: Path) -> None:
    fixture = build(root, dev_subjects=["sub-2"], splits=["dev"])
    assert "dev_subjects" not in fixture.records.spec
    assert {w.split for w in fixture.windows} == {"dev"}


def test_a_saved_spec_repeats_the_statements(root: Path, tmp_path: Path) -> None:
    first = build(root, dev_subjects=["sub-2"], splits=["dev"], licence="CC0")
    saved = load_recorded(tmp_path / "out.h5.toml")
    assert (saved.dev_subjects, saved.licence) == (("sub-2",), "CC0")
    again = build_fixture(saved, tmp_path / "again.h5", root=root)
    assert again.path.read_bytes() == first.path.read_bytes()


def test_a_subject_that_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(
        SpecError, match=r"subject 'sub-4', .*\? Subjects here: 'sub-1', "
    ):
        build(root, dev_subjects=["sub-4"])


def test_a_data_set_with_splits_keeps_them(root: Path) -> None:
    rows = "".join(f"sub-{i}\ttrain\n" for i in (1, 2, 3))
    table = root / "participants.tsv"
    table.write_text(f"participant_id\tsplit\n{rows}", encoding="ascii")
    with pytest.raises(SpecError, match=r"participants\.tsv' says the split of each"):
        build(root, source="bids", dev_subjects=["sub-2"])


def test_options_say_the_same(root: Path) -> None:
    words = ["--source", "edf", "--root", root, "--window-length", 10]
    words += ["--licence", "CC0", "--attribution", "We", "--dev-subject", "sub-1"]
    words += ["--dev-subject", "sub-3", "--out", root.parent / "out.h5"]
    assert run("build", *words).exit_code == 0
    fixture = load_fixture(root.parent / "out.h5")
    assert fixture.records.licence["attribution"] == "We"
    assert "dev" in {w.split for w in fixture.windows}
