"""Convert a fixture to MNE Raw and Epochs, or to a PyTorch Dataset.

Invariant: MNE objects are in volts, with seizures as annotations; mne and torch are
imported only when they are needed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bgb_fixtures.eeg.kinds import CATEGORIES
from bgb_fixtures.eeg.montage import row_electrodes
from bgb_fixtures.errors import MissingPackageError, SpecError
from bgb_fixtures.fixture import Fixture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    import numpy.typing as npt
    import torch
    from torch.utils.data import TensorDataset, WeightedRandomSampler

    from bgb_fixtures.dataset import FixtureDataset

__all__ = ["category_sampler", "tensor_dataset", "to_mne_epochs", "to_mne_raw"]

_UV_PER_V = 1e6


def _import_mne() -> ModuleType:
    try:
        import mne
    except ImportError as error:
        msg = (
            "Raw and Epochs need MNE-Python, which is not installed; "
            'run: pip install "bgb-fixtures[build]"'
        )
        raise MissingPackageError(msg) from error
    module: ModuleType = mne
    return module


def _import_torch_data() -> ModuleType:
    try:
        from torch.utils import data
    except ImportError as error:
        msg = (
            "Datasets and samplers need PyTorch, which is not installed; "
            'run: pip install "bgb-fixtures[torch]"'
        )
        raise MissingPackageError(msg) from error
    module: ModuleType = data
    return module


def to_mne_raw(fixture: Fixture, row: int) -> Any:
    """Return one window as an MNE recording.

    Parameters
    ----------
    fixture : Fixture
        A loaded fixture, or a selection of one.
    row : int
        Index of the window in `fixture`, at least 0.

    Returns
    -------
    raw : mne.io.RawArray
        In volts. Each seizure is an annotation with its TUSZ code, in seconds from the
        start of the window. Electrodes, also against the average, have the positions of
        MNE's ``standard_1020`` (``colin27_1020`` since MNE 1.13). If the montage has
        derivations, no channel has a position. No date is set.

    Raises
    ------
    SpecError
        If there is no such row.
    MissingPackageError
        If mne is not installed.

    Examples
    --------
    >>> from bgb_fixtures import load_fixture
    >>> from bgb_fixtures.adapters import to_mne_raw
    >>> to_mne_raw(load_fixture("smoke"), 6).annotations.description.tolist()
    ['absz', 'mysz']
    """
    mne = _import_mne()
    window = fixture.take([row])
    raw = mne.io.RawArray(_volts(window)[0], _info(mne, fixture), verbose="error")
    _set_positions(mne, raw, fixture.ch_names)
    return raw.set_annotations(_annotations(mne, window))


def to_mne_epochs(fixture: Fixture) -> Any:
    """Return all windows as MNE epochs.

    Parameters
    ----------
    fixture : Fixture
        A loaded fixture, or a selection of one.

    Returns
    -------
    epochs : mne.EpochsArray
        In volts, one epoch per window, named after its category: ``epochs["partial"]``.
        Electrode positions are as in `to_mne_raw`. For each window,
        ``epochs.get_annotations_per_epoch()`` returns (onset, duration, TUSZ code) of its
        seizures, in seconds from the start of the window.

    Raises
    ------
    MissingPackageError
        If mne is not installed.

    Examples
    --------
    >>> from bgb_fixtures import load_fixture
    >>> from bgb_fixtures.adapters import to_mne_epochs
    >>> len(to_mne_epochs(load_fixture("smoke"))["partial"])
    5
    """
    mne = _import_mne()
    n_windows, _, n_times = fixture.signals.shape
    found = [window.category for window in fixture.windows]
    events = np.array(
        [
            (row * n_times, 0, CATEGORIES.index(category))
            for row, category in enumerate(found)
        ]
    )
    epochs = mne.EpochsArray(
        _volts(fixture),
        _info(mne, fixture),
        events=events.reshape(n_windows, 3),
        event_id={name: i for i, name in enumerate(CATEGORIES) if name in found},
        verbose="error",
    )
    _set_positions(mne, epochs, fixture.ch_names)
    return epochs.set_annotations(_annotations(mne, fixture))


def _volts(fixture: Fixture) -> npt.NDArray[np.float64]:
    return fixture.microvolts().astype(np.float64) / _UV_PER_V


def _info(mne: ModuleType, fixture: Fixture) -> Any:
    return mne.create_info(list(fixture.ch_names), fixture.sfreq, "eeg")


def _annotations(mne: ModuleType, fixture: Fixture) -> Any:
    """Return the seizures, in seconds from the start of the first window."""
    length = fixture.signals.shape[2] / fixture.sfreq
    events = [
        (row * length + event.onset, event.duration, event.label)
        for row, window in enumerate(fixture.windows)
        for event in window.events
    ]
    onsets, durations, labels = zip(*events, strict=True) if events else ((), (), ())
    return mne.Annotations(onsets, durations, labels)


def _set_positions(mne: ModuleType, instance: Any, ch_names: Sequence[str]) -> None:
    electrodes = [row_electrodes(ch_name) for ch_name in ch_names]
    if any(len(pair) > 1 for pair in electrodes):
        return
    # MNE recognises an electrode only by its plain name: 'Fp1', not 'Fp1-Avg'.
    names = {ch: pair[0] for ch, pair in zip(ch_names, electrodes, strict=True)}
    instance.rename_channels(names)
    # MNE 1.13 renamed standard_1020, and its old name causes a warning.
    known = mne.channels.get_builtin_montages()
    montage = "colin27_1020" if "colin27_1020" in known else "standard_1020"
    instance.set_montage(montage, on_missing="ignore")
    instance.rename_channels({name: ch_name for ch_name, name in names.items()})


def tensor_dataset(
    fixture: Fixture, *, labels: Literal["sample", "any", "majority"] = "sample"
) -> TensorDataset:
    """Return the windows as a PyTorch ``TensorDataset``.

    Parameters
    ----------
    fixture : Fixture
        A loaded fixture, or a selection of one.
    labels : str
        As in `Fixture.tensors`.

    Returns
    -------
    dataset : torch.utils.data.TensorDataset
        Holds the tensors of `Fixture.tensors`. Pickling it copies the data, so prefer
        `FixtureDataset` for spawned workers.

    Raises
    ------
    SpecError
        If `labels` is unknown.
    MissingPackageError
        If torch is not installed.
    """
    data = _import_torch_data()
    dataset: TensorDataset = data.TensorDataset(*fixture.tensors(labels=labels))
    return dataset


def category_sampler(
    dataset: FixtureDataset | Fixture,
    *,
    num_samples: int | None = None,
    generator: torch.Generator | None = None,
) -> WeightedRandomSampler:
    """Return a sampler that draws every existing category equally often.

    Parameters
    ----------
    dataset : FixtureDataset or Fixture
        Source of the categories. For a `tensor_dataset`, pass its fixture.
    num_samples : int or None
        Number of draws per epoch, at least 1. None: the number of windows.
    generator : torch.Generator or None
        Random number generator. None: the global one of torch.

    Returns
    -------
    sampler : torch.utils.data.WeightedRandomSampler
        A sampler with replacement. Windows of a category are equally likely.

    Raises
    ------
    SpecError
        If `num_samples` is not at least 1.
    MissingPackageError
        If torch is not installed.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from bgb_fixtures.adapters import category_sampler
    >>> from bgb_fixtures.dataset import FixtureDataset
    >>> train = FixtureDataset("smoke", split="train")
    >>> len(DataLoader(train, batch_size=5, sampler=category_sampler(train)))
    3
    """
    data = _import_torch_data()
    fixture = dataset if isinstance(dataset, Fixture) else dataset.fixture
    found = [window.category for window in fixture.windows]
    if num_samples is None:
        num_samples = len(found)
    if num_samples < 1:
        msg = f"num_samples: expected at least 1, got {num_samples!r}"
        raise SpecError(msg)
    counts = Counter(found)
    sampler: WeightedRandomSampler = data.WeightedRandomSampler(
        [1 / counts[category] for category in found], num_samples, generator=generator
    )
    return sampler
