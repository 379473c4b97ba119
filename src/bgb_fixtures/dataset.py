"""A torch Dataset over a fixture.

Invariant: it pickles as path, digest and rows, never as data, and each process maps the
file for itself; a file that changed since is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

try:
    import torch
    from torch.utils.data import Dataset
except ImportError as error:
    from bgb_fixtures.errors import MissingPackageError

    _message = (
        "FixtureDataset needs PyTorch, which is not installed; "
        'run: pip install "bgb-fixtures[torch]"'
    )
    raise MissingPackageError(_message) from error

from bgb_fixtures.errors import IntegrityError, SpecError
from bgb_fixtures.loader import LABELS, Fixture, load_fixture

if TYPE_CHECKING:
    import os

__all__ = ["FixtureDataset"]


class FixtureDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
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
        labels: Literal["sample", "any", "majority"] = "sample",
    ) -> None:
        if labels not in LABELS:
            msg = f"unknown labels {labels!r}; allowed: {', '.join(map(repr, LABELS))}"
            raise SpecError(msg)
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

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return signals and labels of one window as float32 tensors."""
        return self._signals[item], self._labels[item].to(torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to map the same windows."""
        rows = self.fixture.rows
        whole = len(rows) == self.fixture.index.arrays["signals"].shape[0]
        return {
            "path": str(self.fixture.path.absolute()),
            "digest": self.fixture.index.digest,
            "rows": None if whole and isinstance(rows, range) else rows,
            "labels": self.labels,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the file again, in the process that unpickles."""
        # The arrays were proved in the first process; the digest says that it is
        # still that file.
        fixture = load_fixture(state["path"], verify=False)
        if fixture.index.digest != state["digest"]:
            msg = (
                f"{state['path']!r} is another file than the one that this dataset was "
                f"made from: expected digest {state['digest']}, got "
                f"{fixture.index.digest}; make the dataset again"
            )
            raise IntegrityError(msg)
        rows = state["rows"]
        self.fixture = fixture if rows is None else fixture.take(rows)
        self.labels = state["labels"]
        self._map()
