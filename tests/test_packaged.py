"""The fixtures that ship: what DATA.md and the contract say of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.requests import load_synthetic

from bgb_fixtures.build import build_fixture
from bgb_fixtures.eeg.events import clip_events, events_to_mask
from bgb_fixtures.fixture import Fixture, load_fixture, packaged_dir
from bgb_fixtures.request.spec import load_spec
from bgb_fixtures.synthetic.recording import generate
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    import numpy.typing as npt

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def smoke() -> Fixture:
    return load_fixture()


@pytest.mark.parametrize("name", ["smoke", "tiny"])
def test_packaged_file_is_what_its_spec_builds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "again.h5"
    build_fixture(load_spec(packaged_dir() / f"{name}.toml"), path)
    assert path.read_bytes() == load_fixture(name).path.read_bytes()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        pytest.param(
            "smoke-1",
            "5a921859a8a4fee022d72090bbcc8c094160ac12f3fdeda3d780c9728ccd4bc7",
            id="smoke-1",
        ),
        pytest.param(
            "tiny-1",
            "11b15a569cf55a33f3ce7bb855883cb0c794b037c9671ffce8a47a4f814d66be",
            id="tiny-1",
        ),
    ],
)
def test_content_version_1_can_still_be_built(
    name: str, digest: str, tmp_path: Path
) -> None:
    path = tmp_path / "again.h5"
    build_fixture(load_spec(name), path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", ["smoke", "tiny"])
def test_packaged_file_is_proved(name: str) -> None:
    assert len(verify_fixture(name).checks) == 5


@pytest.mark.parametrize("name", ["smoke", "tiny"])
def test_data_card_states_size_and_digest_of_the_packaged_file(name: str) -> None:
    data = load_fixture(name).path.read_bytes()
    card = (ROOT / "DATA.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|`]+) \| (.+) \|$", card, re.MULTILINE))
    column = ["smoke", "tiny"].index(name)
    digest = hashlib.sha256(data).hexdigest()
    assert rows["size"].split(" | ")[column] == f"{len(data):,} bytes"
    assert rows["SHA-256 of the file"].split(" | ")[column] == f"`{digest}`"
    assert f"  download_size: {len(data)}\n" in card


def test_smoke_is_composed_as_promised(smoke: Fixture) -> None:
    held = [
        (w.split, w.category, w.kind, " ".join(event.label for event in w.events))
        for w in smoke.windows
    ]

    assert held == [
        ("train", "partial", "onset", "cpsz"),
        ("train", "none", "artefact", ""),
        ("train", "partial", "offset", "fnsz"),
        ("train", "none", "artefact", ""),
        ("train", "partial", "whole", "tcsz"),
        ("train", "none", "background", ""),
        ("train", "partial", "whole", "absz mysz"),
        ("train", "none", "artefact", ""),
        ("train", "full", "ictal", "gnsz"),
        ("train", "none", "artefact", ""),
        ("train", "none", "artefact", ""),
        ("train", "none", "background", ""),
        ("train", "none", "background", ""),
        ("train", "none", "artefact", ""),
        ("train", "none", "background", ""),
        ("dev", "none", "artefact", ""),
        ("dev", "partial", "whole", "spsz"),
        ("dev", "none", "background", ""),
    ]


def test_splits_share_no_subject_and_train_comes_first(smoke: Fixture) -> None:
    splits = [w.split for w in smoke.windows]
    assert splits == ["train"] * 15 + ["dev"] * 3
    train = {w.subject for w in smoke.windows if w.split == "train"}
    dev = {w.subject for w in smoke.windows if w.split == "dev"}
    assert not train & dev
    assert len(train | dev) >= 6


def test_dev_windows_are_contiguous(smoke: Fixture) -> None:
    dev = smoke.select(split="dev").windows
    assert {w.recording for w in dev} == {"rec-08"}
    assert [w.onset for w in dev] == [0, 60, 120]


@pytest.mark.parametrize("n", [2, 4, 8])
def test_first_windows_hold_both_classes(smoke: Fixture, n: int) -> None:
    seizures = smoke.labels[:n].any(axis=1)
    assert seizures.any()
    assert not seizures.all()


def test_first_recording_by_name_holds_a_seizure(smoke: Fixture) -> None:
    first = min(w.recording for w in smoke.windows)
    assert any(w.events for w in smoke.windows if w.recording == first)


def test_borders_survive_four_decimals(smoke: Fixture) -> None:
    events = [event for w in smoke.windows for event in w.events]
    borders = [t for e in events for t in (e.onset, e.onset + e.duration)]
    assert all((t * 16).is_integer() for t in borders)


def test_ictal_share_is_that_of_the_card(smoke: Fixture) -> None:
    assert smoke.labels.mean() == pytest.approx(0.186, abs=0.0005)
    assert load_fixture("tiny").labels.mean() == pytest.approx(0.42, abs=0.0005)


def test_clipped_samples_are_those_of_the_card(smoke: Fixture) -> None:
    assert sum(w.n_clipped for w in smoke.windows) == 251
    assert int((abs(smoke.signals) == 10).sum()) >= 251


def test_tiny_holds_each_kind_but_whole() -> None:
    kinds = [w.kind for w in load_fixture("tiny").windows]
    assert kinds == ["onset", "offset", "ictal", "background", "artefact"]


def test_smoke_labels_follow_from_the_spec(smoke: Fixture) -> None:
    spec = load_synthetic(packaged_dir() / "smoke.toml")
    expected = [
        events_to_mask(
            clip_events(r.events, start=int(onset * 256), n_times=15360, sfreq=256),
            sfreq=256,
            n_times=15360,
        )
        for r in spec.recordings
        for onset in r.windows
    ]

    assert np.array_equal(smoke.labels, np.array(expected))


def test_some_hard_negative_is_louder_than_the_quietest_seizure(smoke: Fixture) -> None:
    def loudness(data: npt.NDArray[np.float32]) -> float:
        seconds = np.asarray(data, dtype=np.float64)[:, : data.shape[1] // 256 * 256]
        return float(seconds.reshape(19, -1, 256).std(axis=2).mean(axis=0).max())

    seizures = [
        loudness(smoke.signals[i][:, smoke.labels[i] == 1])
        for i, window in enumerate(smoke.windows)
        if window.category != "none"
    ]
    negatives = [
        loudness(smoke.signals[i])
        for i, window in enumerate(smoke.windows)
        if window.kind == "artefact"
    ]

    assert sum(negative > min(seizures) for negative in negatives) >= 3


def test_microvolts_come_back_to_the_step() -> None:
    tiny = load_fixture("tiny")
    recording = load_synthetic(packaged_dir() / "tiny.toml").recordings[2]
    digital = generate(recording, seed=0).digital[:19, :2560]
    back = np.asarray(tiny.microvolts()[3], dtype=np.float64)
    # 2^-12 of a standard deviation is far below half a step of 0.125 uV.
    assert np.abs(back - 0.125 * digital).max() < 0.0625
    assert np.array_equal(np.rint(back / 0.125), digital)
