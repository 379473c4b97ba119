"""PyTorch Datasets of the windows of a fixture file, or of generated windows.

Invariant: a FixtureDataset pickles like its fixture, never as data, and each process
maps the file itself; a file that has changed is rejected. Item i of a SyntheticDataset
depends only on its arguments and i.
"""

from __future__ import annotations

import operator
from dataclasses import replace
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
    from collections.abc import Iterator, Sequence

__all__ = ["FixtureDataset", "SyntheticDataset"]

Item: TypeAlias = tuple[torch.Tensor, torch.Tensor]
Labels: TypeAlias = Literal["sample", "any", "majority"]


def _check_labels(labels: str) -> None:
    if labels not in LABELS:
        msg = f"unknown labels {labels!r}; allowed: {', '.join(map(repr, LABELS))}"
        raise SpecError(msg)


class FixtureDataset(Dataset[Item]):
    """Return the windows of a fixture one by one, for a ``DataLoader``.

    Parameters
    ----------
    source : str, path, Fixture or None
        As for `load_fixture`, or a loaded fixture or a selection of one.
    split : str or None
        Use only the windows of this split. None: all.
    labels : str
        ``"sample"``, ``"any"`` or ``"majority"``, as in `Fixture.window_labels`.

    Raises
    ------
    SpecError
        If no window is in `split`, or `labels` is unknown.

    Notes
    -----
    Items are `(signals, labels)`, both float32: shapes (n_channels, n_times) and
    (n_times,), or () for labels per window. Each item is a copy, which takes about 0.1 ms
    for 60 s of 19 channels, so a transform may write in place without affecting later
    epochs or other processes. (`Fixture.signals` and `Fixture.tensors` are views.)

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
        return self._signals[item].clone(), self._labels[item].to(torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle; the fixture is pickled as path and digest."""
        return {"fixture": self.fixture, "labels": self.labels}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the file again, in the process that unpickles."""
        self.fixture = state["fixture"]
        self.labels = state["labels"]
        self._map()


class SyntheticDataset(Dataset[Item]):
    """Generate windows of synthetic EEG with known seizures on demand.

    Parameters
    ----------
    n_windows : int
        Number of items, at least 1.
    seed : int
        Seed in [0, 2^32); another seed gives other subjects.
    ictal_share : float
        Share of windows that hold part of a seizure, in [0, 1]. The first n items have
        this share for every n.
    window_length : float
        Seconds, from 1 to 600, a multiple of 1/16.
    sfreq : float
        Hz, from 100 to 1024; rates other than 256 need SciPy.
    montage : str or sequence of str
        Name of a montage, or rows such as ``"Fp1-F7"`` and ``"Cz"``.
    profile : str
        ``"zscore-1"`` (scaled and clipped) or ``"raw-1"`` (microvolts).
    band_pass : tuple of float or None
        Edges in Hz of a zero-phase filter; needs SciPy.
    labels : str
        ``"sample"``, ``"any"`` or ``"majority"``, as in `Fixture.window_labels`.

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Notes
    -----
    Items are `(signals, labels)`, both float32: shapes (n_channels, n_times) and
    (n_times,), or () for labels per window. Item i is window i of
    ``bgb-fixtures build --windows N`` and of `bgb_fixtures.synthetic_fixture` with the
    same arguments, in split ``"train"``. It is generated each time, which takes about
    0.1 s on one core for 60 s; build a fixture to read the same windows often. Of 40
    windows with a seizure, each type has four.

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
        sfreq: float = 256.0,
        montage: str | Sequence[str] = "10-20",
        profile: str = "zscore-1",
        band_pass: tuple[float, float] | None = None,
        labels: Labels = "sample",
    ) -> None:
        from bgb_fixtures.eeg.montage import split_rows
        from bgb_fixtures.request.compose import base_request, check_windows

        _check_labels(labels)
        check_windows(n_windows, seed=seed, ictal_share=ictal_share)
        self.n_windows = n_windows
        self.ictal_share = ictal_share
        self.labels = labels
        self._request = base_request(
            seed=seed,
            window_length=window_length,
            sfreq=sfreq,
            montage=split_rows(montage),
            profile=profile,
            band_pass=band_pass,
        )

    def __iter__(self) -> Iterator[Item]:
        """Generate each window once, in order."""
        return (self[item] for item in range(self.n_windows))

    def __len__(self) -> int:
        """Return the number of windows."""
        return self.n_windows

    def __getitem__(self, item: int) -> Item:
        """Generate one window: signals and labels as float32 tensors."""
        from bgb_fixtures.build import synthesise
        from bgb_fixtures.request.compose import compose_recording

        index = operator.index(item) + (self.n_windows if item < 0 else 0)
        if not 0 <= index < self.n_windows:
            msg = f"item {item} is not in [0, {self.n_windows})"
            raise IndexError(msg)
        request = self._request
        recording = compose_recording(
            index,
            seed=request.seed,
            ictal_share=self.ictal_share,
            window_length=request.window_length,
        )
        content = synthesise(replace(request, recordings=(recording,)))
        values = reduce_labels(content.labels, self.labels).astype("float32")
        return torch.from_numpy(content.signals[0]), torch.from_numpy(values)[0]
