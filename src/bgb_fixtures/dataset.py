"""Torch Datasets: over a fixture file, and of synthetic windows without any file.

Invariant: a FixtureDataset pickles as its fixture does, never as data, and each process
maps the file for itself; a file that changed since is refused. Item i of a
SyntheticDataset follows from its arguments and i alone.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

try:
    import torch
    from torch.utils.data import Dataset
except ImportError as error:
    from bgb_fixtures.errors import MissingPackageError

    _message = (
        "the Datasets need PyTorch, which is not installed; "
        'run: pip install "bgb-fixtures[torch]"'
    )
    raise MissingPackageError(_message) from error

from bgb_fixtures.errors import SpecError
from bgb_fixtures.fixture import LABELS, Fixture, load_fixture, reduce_labels

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["FixtureDataset", "SyntheticDataset"]

Item: TypeAlias = tuple[torch.Tensor, torch.Tensor]
Labels: TypeAlias = Literal["sample", "any", "majority"]


def _check_labels(labels: str) -> None:
    if labels not in LABELS:
        msg = f"unknown labels {labels!r}; allowed: {', '.join(map(repr, LABELS))}"
        raise SpecError(msg)


class FixtureDataset(Dataset[Item]):
    """Give the windows of a fixture one by one, for a DataLoader.

    Parameters
    ----------
    source : str, path, Fixture or None
        As for `load_fixture`, or a loaded fixture or a selection of one.
    split : str or None
        Only the windows of this split; None gives all.
    labels : str
        ``"sample"``, ``"any"`` or ``"majority"``, as in `Fixture.window_labels`.

    Raises
    ------
    SpecError
        If no window is in `split`, or `labels` is unknown.

    Notes
    -----
    Items are `(signals, labels)`, both float32: shapes (n_channels, n_times) and
    (n_times,), or () for labels per window. They share memory with a private map, so a
    transform that writes in place changes what this process sees later; clone first.

    Examples
    --------
    >>> from bgb_fixtures.dataset import FixtureDataset
    >>> signals, labels = FixtureDataset("smoke", split="train")[0]
    >>> signals.shape, labels.dtype
    (torch.Size([19, 15360]), torch.float32)
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Fixture | None = None,
        *,
        split: str | None = None,
        labels: Labels = "sample",
    ) -> None:
        _check_labels(labels)
        fixture = source if isinstance(source, Fixture) else load_fixture(source)
        self.fixture = fixture if split is None else fixture.select(split=split)
        self.labels = labels
        self._map()

    def _map(self) -> None:
        self._signals = torch.from_numpy(self.fixture.signals)
        self._labels = torch.from_numpy(self.fixture.window_labels(self.labels))

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._signals)

    def __getitem__(self, item: int) -> Item:
        """Return signals and labels of one window as float32 tensors."""
        return self._signals[item], self._labels[item].to(torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: the fixture pickles as path and digest."""
        return {"fixture": self.fixture, "labels": self.labels}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the file again, in the process that unpickles."""
        self.fixture = state["fixture"]
        self.labels = state["labels"]
        self._map()


class SyntheticDataset(Dataset[Item]):
    """Give windows of synthetic EEG with known seizures, generated when asked for.

    Parameters
    ----------
    n_windows : int
        Number of items, at least 1.
    seed : int
        In [0, 2^32); other seeds are other subjects.
    ictal_share : float
        Share of the windows that hold a seizure, in [0, 1]; kept by the first n items
        for every n.
    window_length : float
        Seconds, from 8 to 600, a multiple of 1/16.
    labels : str
        ``"sample"``, ``"any"`` or ``"majority"``, as in `Fixture.window_labels`.

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Notes
    -----
    Items are `(signals, labels)`, both float32: shapes (19, n_times) at 256 Hz in
    profile zscore-1, and (n_times,), or () for labels per window. Item i is the window
    i of ``bgb-fixtures build --windows N --seed K`` with the same share, by recipe
    synthetic-2: onset, offset, whole and ictal in turn, every type of seizure four times
    in 40 windows with one, and every second window without a seizure with an artefact.
    Each item is another subject, takes about 0.1 s on one core and is not kept; build a
    fixture to read the same windows often.

    Examples
    --------
    >>> from bgb_fixtures.dataset import SyntheticDataset
    >>> signals, labels = SyntheticDataset(8, seed=1, window_length=10)[0]
    >>> signals.shape, labels.max().item()
    (torch.Size([19, 2560]), 1.0)
    """

    def __init__(
        self,
        n_windows: int,
        *,
        seed: int = 0,
        ictal_share: float = 0.5,
        window_length: float = 60.0,
        labels: Labels = "sample",
    ) -> None:
        from bgb_fixtures.request.compose import check_request

        _check_labels(labels)
        check_request(
            n_windows, seed=seed, ictal_share=ictal_share, window_length=window_length
        )
        self.n_windows = n_windows
        self.seed = seed
        self.ictal_share = ictal_share
        self.window_length = window_length
        self.labels = labels

    def __iter__(self) -> Iterator[Item]:
        """Generate each window once, in order."""
        return (self[item] for item in range(self.n_windows))

    def __len__(self) -> int:
        """Return the number of windows."""
        return self.n_windows

    def __getitem__(self, item: int) -> Item:
        """Generate one window: signals and labels as float32 tensors."""
        from bgb_fixtures.build import synthesise
        from bgb_fixtures.request.compose import compose_window

        index = operator.index(item) + (self.n_windows if item < 0 else 0)
        if not 0 <= index < self.n_windows:
            msg = f"item {item} is not in [0, {self.n_windows})"
            raise IndexError(msg)
        content = synthesise(
            compose_window(
                index,
                seed=self.seed,
                ictal_share=self.ictal_share,
                window_length=self.window_length,
            )
        )
        values = reduce_labels(content.labels, self.labels).astype("float32")
        return torch.from_numpy(content.signals[0]), torch.from_numpy(values)[0]
