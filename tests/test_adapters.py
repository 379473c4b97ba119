"""Adapters: what MNE, PyTorch and Hugging Face datasets get of a fixture."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import mne
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bgb_fixtures.adapters import (
    category_sampler,
    tensor_dataset,
    to_mne_epochs,
    to_mne_raw,
)
from bgb_fixtures.dataset import FixtureDataset
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import MissingPackageError, SpecError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

# Row 6 of smoke: two seizures.
ROW = 6


@pytest.fixture(scope="module")
def smoke() -> Fixture:
    return load_fixture()


@pytest.fixture
def make_montage(
    make_content: Callable[..., Content], tmp_path: Path
) -> Callable[[str], Fixture]:
    """Make a fixture of four windows of 2 s, silent, with the channels of a montage."""

    def make(montage: str) -> Fixture:
        ch_names = MONTAGES[montage]
        shape = (4, len(ch_names))
        content = make_content(
            ch_names=ch_names,
            montage=montage,
            signals=np.zeros((*shape, 512), np.float32),
            scale=np.ones(shape, np.float32),
            offset=np.zeros(shape, np.float32),
        )
        return load_fixture(write_fixture(content, tmp_path / "made.h5"))

    return make


# MNE


def test_raw_is_in_volts(smoke: Fixture) -> None:
    raw = to_mne_raw(smoke, ROW)

    assert raw.info["sfreq"] == 256.0
    assert tuple(raw.ch_names) == MONTAGES["10-20"]
    np.testing.assert_allclose(
        raw.get_data(), smoke.microvolts()[ROW] * 1e-6, rtol=1e-6
    )


def test_raw_has_seizures_as_annotations(smoke: Fixture) -> None:
    annotations = to_mne_raw(smoke, ROW).annotations

    assert annotations.onset.tolist() == [12.0, 40.0]
    assert annotations.duration.tolist() == [9.5, 1.5]
    assert annotations.description.tolist() == ["absz", "mysz"]


def test_raw_of_a_selection_is_the_window_at_that_place(smoke: Fixture) -> None:
    raw = to_mne_raw(smoke.select(split="dev"), 1)

    assert raw.annotations.description.tolist() == ["spsz"]
    assert raw.annotations.onset.tolist() == [14.0]


def test_raw_without_a_seizure_has_no_annotation(smoke: Fixture) -> None:
    assert len(to_mne_raw(smoke, 7).annotations) == 0


def test_raw_survives_a_file_of_mne(smoke: Fixture, tmp_path: Path) -> None:
    to_mne_raw(smoke, ROW).save(tmp_path / "window_raw.fif")

    raw = mne.io.read_raw_fif(tmp_path / "window_raw.fif")

    assert raw.annotations.description.tolist() == ["absz", "mysz"]
    assert raw.annotations.onset.tolist() == [12.0, 40.0]


def test_row_that_is_not_there_is_refused(smoke: Fixture) -> None:
    with pytest.raises(SpecError, match=r"rows \[18\] are not in \[0, 18\)"):
        to_mne_raw(smoke, 18)


@pytest.mark.parametrize(
    ("montage", "ch_name"), [("10-20", "T3"), ("szcore-19", "T3-Avg")]
)
def test_electrode_has_its_place_on_the_head(
    montage: str, ch_name: str, make_montage: Callable[[str], Fixture]
) -> None:
    raw = to_mne_raw(make_montage(montage), 0)

    assert tuple(raw.ch_names) == MONTAGES[montage]
    x, y, z = raw.copy().pick([ch_name]).info["chs"][0]["loc"][:3]
    # Left of the centre by the radius of a head, in metres.
    assert -0.10 < x < -0.07
    assert abs(y) < 0.03
    assert abs(z) < 0.05
    assert len(raw.get_montage().get_positions()["ch_pos"]) == 19


def test_derivations_have_no_place(make_montage: Callable[[str], Fixture]) -> None:
    raw = to_mne_raw(make_montage("double-banana"), 0)

    assert raw.get_montage() is None


def test_epochs_are_windows_by_category(smoke: Fixture) -> None:
    epochs = to_mne_epochs(smoke)

    assert epochs.get_data(copy=False).shape == (18, 19, 15360)
    assert {name: len(epochs[name]) for name in epochs.event_id} == {
        "none": 12,
        "partial": 5,
        "full": 1,
    }
    np.testing.assert_allclose(
        epochs[ROW].get_data(copy=False)[0], smoke.microvolts()[ROW] * 1e-6, rtol=1e-6
    )


def test_epochs_know_the_seizures_of_each_window(smoke: Fixture) -> None:
    found = to_mne_epochs(smoke).get_annotations_per_epoch()

    assert [tuple(map(float, part[:2])) for part in found[ROW]] == [
        (12.0, 9.5),
        (40.0, 1.5),
    ]
    assert [part[2] for part in found[ROW]] == ["absz", "mysz"]
    assert found[7] == []
    assert len(to_mne_epochs(smoke).get_montage().get_positions()["ch_pos"]) == 19


def test_epochs_of_a_selection_have_its_categories_only(smoke: Fixture) -> None:
    assert to_mne_epochs(smoke.select(category="full")).event_id == {"full": 2}


def test_missing_mne_names_the_extra(
    smoke: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mne", None)

    with pytest.raises(MissingPackageError, match=r'"bgb-fixtures\[build\]"'):
        to_mne_raw(smoke, 0)


# PyTorch


def test_tensor_dataset_holds_windows_and_labels(smoke: Fixture) -> None:
    dataset = tensor_dataset(smoke)

    signals, labels = dataset[ROW]
    assert isinstance(dataset, TensorDataset)
    assert len(dataset) == 18
    assert (signals.shape, labels.shape) == ((19, 15360), (15360,))
    assert (signals.dtype, labels.dtype) == (torch.float32, torch.float32)


def test_tensor_dataset_may_hold_a_label_per_window(smoke: Fixture) -> None:
    _, labels = tensor_dataset(smoke.select(split="dev"), labels="any").tensors

    assert labels.tolist() == [0.0, 1.0, 0.0]


def test_sampler_draws_each_category_equally_often() -> None:
    train = FixtureDataset("smoke", split="train")
    generator = torch.Generator().manual_seed(0)

    sampler = category_sampler(train, num_samples=3000, generator=generator)

    drawn = [train.fixture.windows[row].category for row in sampler]
    shares = {name: drawn.count(name) / 3000 for name in ("partial", "full", "none")}
    # Four standard deviations of a share of one third: 0.034.
    assert shares == pytest.approx({"partial": 1 / 3, "full": 1 / 3, "none": 1 / 3}, abs=0.034)  # fmt: skip


def test_sampler_feeds_a_loader_of_a_tensor_dataset(smoke: Fixture) -> None:
    dataset = tensor_dataset(smoke)

    loader = DataLoader(dataset, batch_size=6, sampler=category_sampler(smoke))

    assert [len(signals) for signals, _ in loader] == [6, 6, 6]


def test_sampler_of_no_draws_is_refused(smoke: Fixture) -> None:
    with pytest.raises(SpecError, match="num_samples: expected at least 1, got 0"):
        category_sampler(smoke, num_samples=0)


@pytest.mark.parametrize(
    "adapter",
    [
        pytest.param(tensor_dataset, id="tensor_dataset"),
        pytest.param(category_sampler, id="category_sampler"),
    ],
)
def test_missing_torch_names_the_extra(
    adapter: Callable[[Fixture], object],
    smoke: Fixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils", None)

    with pytest.raises(MissingPackageError, match=r'"bgb-fixtures\[torch\]"'):
        adapter(smoke)


# Hugging Face


@pytest.mark.filterwarnings("default")
def test_hugging_face_datasets_read_the_file_as_it_is(
    smoke: Fixture, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets", reason="needs Hugging Face datasets")

    rows = datasets.load_dataset(
        "hdf5", data_files=str(smoke.path), split="train", cache_dir=str(tmp_path)
    )

    assert len(rows) == 18
    row = rows.with_format("numpy")[ROW]
    assert (row["id"], row["category"]) == (b"win-07", b"partial")
    np.testing.assert_array_equal(row["labels"], smoke.labels[ROW])
    np.testing.assert_array_equal(row["signals"], smoke.signals[ROW])
