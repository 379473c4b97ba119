"""The Dataset: items, pickles, and DataLoaders under each way to start a process."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from bgb_fixtures.build import build_fixture
from bgb_fixtures.dataset import FixtureDataset, SyntheticDataset
from bgb_fixtures.errors import FixtureNotFoundError, IntegrityError, SpecError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.request.compose import compose_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content


def items_of(dataset: FixtureDataset) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [dataset[i] for i in range(len(dataset))]


def test_items_are_float32(small_fixture: Path) -> None:
    dataset = FixtureDataset(small_fixture)
    signals, labels = dataset[3]
    assert len(dataset) == 4
    assert (signals.dtype, tuple(signals.shape)) == (torch.float32, (3, 512))
    assert (labels.dtype, tuple(labels.shape)) == (torch.float32, (512,))
    assert labels.sum().item() == 256
    assert signals[0, 0].item() == load_fixture(small_fixture).signals[3, 0, 0]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param("any", [1.0, 1.0, 0.0, 1.0], id="any"),
        pytest.param("majority", [1.0, 1.0, 0.0, 0.0], id="majority"),
    ],
)
def test_labels_per_window_are_scalars(
    labels: Any, expected: list[float], small_fixture: Path
) -> None:
    items = [y for _, y in items_of(FixtureDataset(small_fixture, labels=labels))]
    assert [y.item() for y in items] == expected
    assert {(y.dtype, tuple(y.shape)) for y in items} == {(torch.float32, ())}


def test_split_chooses_windows(small_fixture: Path) -> None:
    assert len(FixtureDataset(small_fixture, split="train")) == 3
    assert len(FixtureDataset(small_fixture, split="dev")) == 1


def test_selection_of_a_fixture_is_a_source(small_fixture: Path) -> None:
    chosen = load_fixture(small_fixture).select(category="partial")
    dataset = FixtureDataset(chosen)
    assert [y.sum().item() for _, y in items_of(dataset)] == [384, 256]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"labels": "all"}, "unknown labels 'all'; allowed", id="labels"),
        pytest.param({"split": "test"}, "no window with split='test'", id="split"),
    ],
)
def test_wrong_requests_are_refused(
    options: dict[str, Any], message: str, small_fixture: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        FixtureDataset(small_fixture, **options)


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [1, 2], [3, 0], [2]], ids=str)
def test_pickle_is_small_and_gives_the_same_windows(
    rows: list[int], small_fixture: Path
) -> None:
    dataset = FixtureDataset(load_fixture(small_fixture).take(rows))
    text = pickle.dumps(dataset)
    again = pickle.loads(text)
    assert len(text) < 2000
    assert len(again) == len(rows)
    for before, after in zip(items_of(dataset), items_of(again), strict=True):
        assert torch.equal(before[0], after[0])
        assert torch.equal(before[1], after[1])


def test_pickle_works_from_another_folder(
    small_fixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_fixture.parent)
    text = pickle.dumps(FixtureDataset("small.h5"))
    monkeypatch.chdir(tmp_path)
    assert len(pickle.loads(text)) == 4


def test_pickle_of_a_replaced_file_is_refused(
    make_content: Callable[..., Content], small_fixture: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.h5"
    shutil.copy(small_fixture, path)
    text = pickle.dumps(FixtureDataset(path))
    write_fixture(make_content(signals=np.zeros((4, 3, 512), np.float32)), path)
    with pytest.raises(IntegrityError, match=r"mine.h5' changed since it was loaded"):
        pickle.loads(text)


def test_pickle_finds_its_file_after_a_change_of_folder(
    small_fixture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_fixture.parent)
    dataset = FixtureDataset(small_fixture.name)
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(again[0][0], dataset[0][0])


@pytest.mark.parametrize("mode", ["mmap", "copy"])
def test_fixture_pickles_as_path_digest_and_rows(
    mode: Any, small_fixture: Path
) -> None:
    chosen = load_fixture(small_fixture, mode=mode).select(category="partial")
    text = pickle.dumps(chosen)
    again = pickle.loads(text)
    assert len(text) < 2000
    assert [w.id for w in again.windows] == ["w0", "w3"]
    assert np.array_equal(again.signals, chosen.signals)
    assert pickle.dumps(again) == text


def test_pickle_of_a_removed_file_is_refused(
    small_fixture: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.h5"
    shutil.copy(small_fixture, path)
    text = pickle.dumps(FixtureDataset(path))
    path.unlink()
    with pytest.raises(FixtureNotFoundError, match=r"no fixture '.*mine.h5'"):
        pickle.loads(text)


# forkserver and spawn start an interpreter and import torch: one test each.
@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_give_the_same_batches_as_this_process(
    method: str, small_fixture: Path
) -> None:
    dataset = FixtureDataset(small_fixture)
    workers = DataLoader(
        dataset, batch_size=1, num_workers=2, multiprocessing_context=method
    )
    batches = list(workers)
    assert [tuple(x.shape) for x, _ in batches] == [(1, 3, 512)] * 4
    assert torch.equal(torch.cat([x for x, _ in batches]), dataset.fixture.tensors()[0])
    assert torch.equal(torch.cat([y for _, y in batches]), dataset.fixture.tensors()[1])


@pytest.mark.parametrize("labels", ["sample", "any"])
def test_what_is_written_into_an_item_is_not_seen_again(labels: Any) -> None:
    dataset = FixtureDataset("tiny", labels=labels)
    signals, values = (part.clone() for part in dataset[0])
    item = dataset[0]
    item[0].add_(1)
    item[1].mul_(0).sub_(7)
    assert torch.equal(dataset[0][0], signals)
    assert torch.equal(dataset[0][1], values)
    assert np.array_equal(dataset.fixture.signals[0], signals.numpy())


def test_a_transform_in_place_gives_workers_and_this_process_the_same_epochs() -> None:
    class Shifted(FixtureDataset):
        def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
            signals, labels = super().__getitem__(item)
            return signals.add_(1), labels

    dataset = Shifted("tiny")
    for n_workers in (0, 2):
        loader = DataLoader(dataset, batch_size=5, num_workers=n_workers)
        for _ in range(2):
            ((signals, _),) = loader
            assert torch.equal(signals, torch.from_numpy(dataset.fixture.signals) + 1)


def test_synthetic_items_are_what_a_build_with_the_same_seed_holds(
    tmp_path: Path,
) -> None:
    path = tmp_path / "four.h5"
    build_fixture(compose_request(4, seed=5, window_length=8), path)
    dataset = SyntheticDataset(4, seed=5, window_length=8)
    signals, labels = load_fixture(path).tensors()
    # Last first: an item does not depend on those asked for before.
    for item in (3, 0):
        x, y = dataset[item]
        assert torch.equal(x, signals[item])
        assert torch.equal(y, labels[item])
        assert x.dtype == y.dtype == torch.float32


def test_synthetic_balance_is_guaranteed() -> None:
    dataset = SyntheticDataset(6, ictal_share=0.5, window_length=8, labels="any")
    assert [int(y) for _, y in dataset] == [1, 0, 1, 0, 1, 0]


def test_synthetic_dataset_works_in_workers() -> None:
    dataset = SyntheticDataset(4, window_length=8)
    loader = DataLoader(dataset, batch_size=2, num_workers=1)
    shapes = [(tuple(x.shape), tuple(y.shape)) for x, y in loader]
    assert shapes == [((2, 19, 2048), (2, 2048))] * 2


def test_synthetic_items_count_from_the_end_too() -> None:
    dataset = SyntheticDataset(2, window_length=8)
    assert torch.equal(dataset[-1][0], dataset[1][0])
    with pytest.raises(IndexError, match=r"item 2 is not in \[0, 2\)"):
        dataset[2]


def test_synthetic_dataset_of_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match=r"windows: .* at least 1, got 0"):
        SyntheticDataset(0)
