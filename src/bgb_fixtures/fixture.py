"""Load a fixture: checked, mapped into memory, private to the process.

Invariant: arrays that a `Fixture` shows belong to a file whose layout was checked, and,
unless the caller said `verify=False`, whose every byte has its digest and whose labels
bear out the counts. The file is never written.
"""

from __future__ import annotations

import os
import time
from functools import cache, cached_property
from operator import index as as_int
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from bgb_fixtures.eeg.events import events_to_mask
from bgb_fixtures.errors import (
    FixtureError,
    FixtureNotFoundError,
    FormatError,
    IntegrityError,
    MissingPackageError,
    SpecError,
)
from bgb_fixtures.format.map import Mapped, check_digests, file_identity, read_file
from bgb_fixtures.format.records import (
    CATEGORIES,
    Index,
    Records,
    WindowRecord,
    category_of,
    parse_index,
    parse_records,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import torch

__all__ = [
    "LABELS",
    "Fixture",
    "find_fixture",
    "load_fixture",
    "packaged_dir",
    "reduce_labels",
]

PACKAGED = ("smoke", "tiny")
LABELS = ("sample", "any", "majority")
"""Ways to give labels: per sample, or one per window."""
# A change within the clock's granularity leaves mtime as it was: a file younger than
# this is checked at every load.
_SETTLED_S = 2.0
# What a file's status was, and its index, when this process had checked all of it.
_proved: dict[tuple[int, ...], Index] = {}


@cache
def packaged_dir() -> Path:
    """Return the folder of the fixtures that ship with this package.

    Returns
    -------
    folder : pathlib.Path
        Inside the package as installed; the checkout's ``fixtures/`` for an editable
        install.
    """
    installed = Path(__file__).parent / "fixtures"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "fixtures"


def find_fixture(source: str | os.PathLike[str] | None) -> Path:
    """Return the path of a fixture from a name or a path.

    Parameters
    ----------
    source : str, path or None
        None: the packaged ``smoke``. A str: a packaged name, then the stem of a file in
        the folder that ``BGB_FIXTURES_DIR`` names, else a path.

    Returns
    -------
    path : pathlib.Path
        An existing path.

    Raises
    ------
    FixtureNotFoundError
        If there is nothing of that name or at that path.
    FormatError
        If the system does not let us look.
    """
    if source is None:
        source = "smoke"
    folder = os.environ.get("BGB_FIXTURES_DIR")
    if isinstance(source, str):
        if source in PACKAGED:
            return _packaged(source)
        if folder and Path(source).name == source:
            path = Path(folder) / f"{source.removesuffix('.h5')}.h5"
            if _exists(path):
                return path
    path = Path(source)
    if _exists(path):
        return path
    names = ", ".join(repr(known) for known in PACKAGED)
    looked = f", nor one of that name in BGB_FIXTURES_DIR={folder!r}" if folder else ""
    msg = f"no fixture {str(path)!r}: no such file{looked}; packaged fixtures: {names}"
    raise FixtureNotFoundError(msg)


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # ValueError: a NUL in the name.
        return False
    except OSError as error:
        msg = f"{str(path)!r:.300} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    return True


def _packaged(name: str) -> Path:
    path = packaged_dir() / f"{name}.h5"
    if not _exists(path):
        msg = (
            f"the packaged fixture {name!r} is not in this installation; "
            "install bgb-fixtures again, or build it: bgb-fixtures build"
        )
        raise FixtureNotFoundError(msg)
    return path


def reduce_labels(labels: npt.NDArray[np.uint8], how: str) -> npt.NDArray[np.uint8]:
    """Return labels per sample or per window.

    Parameters
    ----------
    labels : numpy.ndarray of uint8, shape (n_windows, n_times)
        1 = ictal.
    how : str
        ``"sample"``: as they are; ``"any"``: 1 if any sample is ictal; ``"majority"``:
        1 if more than half of the samples are.

    Returns
    -------
    values : numpy.ndarray of uint8, shape (n_windows, n_times) or (n_windows,)
        1 = seizure.

    Raises
    ------
    SpecError
        If `how` is none of these.
    """
    if how == "sample":
        return labels
    if how == "any":
        return np.asarray(labels.any(axis=1), np.uint8)
    if how == "majority":
        return np.asarray(labels.mean(axis=1) > 0.5, np.uint8)
    msg = f"unknown labels {how!r}; allowed: {', '.join(map(repr, LABELS))}"
    raise SpecError(msg)


class Fixture:
    """Hold the windows of one fixture file, or a selection of them.

    Made by `load_fixture`, not by hand.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    index : Index
        Layout, name, versions and counts of the whole file.
    """

    def __init__(
        self,
        *,
        path: Path,
        index: Index,
        buffer: Mapped,
        rows: range | tuple[int, ...] | None = None,
    ) -> None:
        self.path = path
        self.index = index
        self._buffer: Mapped | None = buffer
        self._rows = rows
        # What a relative path means may change before this is pickled.
        self._absolute = str(path if path.is_absolute() else path.absolute())

    def __reduce__(self) -> tuple[Callable[..., Fixture], tuple[object, ...]]:
        """Pickle as path, digest and rows; the process that unpickles maps the file."""
        mode = "copy" if isinstance(self._open_buffer(), bytearray) else "mmap"
        return _load_again, (self._absolute, self.index.digest, mode, self._rows)

    def _open_buffer(self) -> Mapped:
        if self._buffer is None:
            msg = f"fixture {str(self.path)!r} is closed; load it again"
            raise FixtureError(msg)
        return self._buffer

    def _array(self, name: str) -> npt.NDArray[Any]:
        entry = self.index.arrays[name]
        array: npt.NDArray[Any] = np.ndarray(
            entry.shape, entry.dtype, self._open_buffer(), entry.offset
        )
        return array if self._rows is None else array[_as_index(self._rows)]

    @cached_property
    def signals(self) -> npt.NDArray[np.float32]:
        """Model-ready signal, shape (n_windows, n_channels, n_times).

        Unit as `records.unit` says. A private copy-on-write map: writing changes this
        process' view only, never the file.
        """
        return self._array("signals")

    @cached_property
    def labels(self) -> npt.NDArray[np.uint8]:
        """Labels per sample, 1 = seizure, shape (n_windows, n_times)."""
        return self._array("labels")

    @cached_property
    def records(self) -> Records:
        """The records of the whole file, parsed at first use."""
        where = repr(str(self.path))
        return parse_records(self._open_buffer(), self.index, where=where)

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Channel names in array order."""
        return self.records.ch_names

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz."""
        return self.index.sfreq

    @property
    def windows(self) -> tuple[WindowRecord, ...]:
        """One record per row of `signals`."""
        windows = self.records.windows
        return windows if self._rows is None else tuple(windows[i] for i in self._rows)

    @property
    def rows(self) -> range | tuple[int, ...]:
        """Rows of the file that this fixture shows."""
        whole = range(self.index.arrays["signals"].shape[0])
        return whole if self._rows is None else self._rows

    @property
    def scale(self) -> npt.NDArray[np.float32]:
        """Microvolts per unit of `signals`, shape (n_windows, n_channels)."""
        return self._array("scale")

    @property
    def offset(self) -> npt.NDArray[np.float32]:
        """Microvolts at 0 of `signals`, shape (n_windows, n_channels)."""
        return self._array("offset")

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.rows)

    def __repr__(self) -> str:
        """Name the fixture, its shape and its file."""
        _, n_channels, n_times = self.index.arrays["signals"].shape
        return (
            f"<Fixture {self.index.name!r}: {len(self)}x{n_channels}x{n_times} "
            f"at {self.sfreq:g} Hz, {str(self.path)!r}>"
        )

    def take(self, rows: Sequence[int]) -> Fixture:
        """Return a fixture with some of the windows.

        Parameters
        ----------
        rows : sequence of int
            Positions in this fixture, in the wanted order, not negative.

        Returns
        -------
        fixture : Fixture
            A view where the rows are a run of the file, else a copy of their data.

        Raises
        ------
        SpecError
            If a row is not there.
        """
        own = self.rows
        wrong = [row for row in rows if not 0 <= row < len(own)]
        if wrong:
            msg = f"rows {wrong} are not in [0, {len(own)}) of {self!r}"
            raise SpecError(msg)
        chosen = Fixture(
            path=self.path,
            index=self.index,
            buffer=self._open_buffer(),
            rows=_as_range([own[as_int(row)] for row in rows]),
        )
        if "records" in self.__dict__:
            chosen.__dict__["records"] = self.records
        return chosen

    def select(
        self,
        *,
        split: str | None = None,
        category: str | None = None,
        kind: str | None = None,
        subject: str | None = None,
    ) -> Fixture:
        """Return a fixture with the windows that match every given value.

        Parameters
        ----------
        split, category, kind, subject : str or None
            Value of that field of `WindowRecord`; None matches all.

        Returns
        -------
        fixture : Fixture
            The matching windows in file order; at least one.

        Raises
        ------
        SpecError
            If no window matches; the message names the values that exist.
        """
        wanted = {
            key: value
            for key, value in (
                ("split", split),
                ("category", category),
                ("kind", kind),
                ("subject", subject),
            )
            if value is not None
        }
        windows = self.windows
        rows = [
            row
            for row, window in enumerate(windows)
            if all(getattr(window, key) == value for key, value in wanted.items())
        ]
        if not rows:
            there = "; ".join(
                f"{key}: {', '.join(sorted({getattr(w, key) for w in windows}))}"
                for key in wanted
            )
            asked = ", ".join(f"{key}={value!r}" for key, value in wanted.items())
            msg = f"no window with {asked} in {str(self.path)!r}; there are {there}"
            raise SpecError(msg)
        return self.take(rows)

    def window_labels(self, labels: str) -> npt.NDArray[np.uint8]:
        """Return the labels per sample or per window, as `reduce_labels` does.

        Parameters
        ----------
        labels : str
            ``"sample"``, ``"any"`` or ``"majority"``.

        Returns
        -------
        values : numpy.ndarray of uint8, shape (n_windows, n_times) or (n_windows,)
            1 = seizure.

        Raises
        ------
        SpecError
            If `labels` is none of these.
        """
        return reduce_labels(self.labels, labels)

    def tensors(
        self, *, labels: Literal["sample", "any", "majority"] = "sample"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return signals and labels as float32 tensors.

        Parameters
        ----------
        labels : str
            As in `window_labels`.

        Returns
        -------
        signals : torch.Tensor of float32, shape (n_windows, n_channels, n_times)
            Shares memory with `signals`.
        labels : torch.Tensor of float32, shape (n_windows, n_times) or (n_windows,)
            0 and 1; float, as BCEWithLogitsLoss needs them.

        Raises
        ------
        MissingPackageError
            If torch is not installed.
        """
        try:
            import torch
        except ModuleNotFoundError as error:
            msg = (
                "tensors need PyTorch, which is not installed; "
                'run: pip install "bgb-fixtures[torch]"'
            )
            raise MissingPackageError(msg) from error
        # Cast by numpy: torch would wake its threads for it, which costs more.
        values = self.window_labels(labels).astype(np.float32)
        return torch.from_numpy(self.signals), torch.from_numpy(values)

    def microvolts(self) -> npt.NDArray[np.float32]:
        """Return the signals in microvolts.

        Returns
        -------
        signals_uv : numpy.ndarray of float32, shape (n_windows, n_channels, n_times)
            signals * scale + offset, computed in float64. Clipped samples stay clipped.
        """
        signals_uv = self.signals.astype(np.float64)
        signals_uv *= self.scale[:, :, None]
        signals_uv += self.offset[:, :, None]
        return signals_uv.astype(np.float32)

    def close(self) -> None:
        """Drop this object's references; arrays and tensors elsewhere stay valid.

        The mapping goes with the last array that shows it. What this object was asked
        before, apart from the arrays, it still knows.
        """
        self._buffer = None
        self.__dict__.pop("signals", None)
        self.__dict__.pop("labels", None)

    def __enter__(self) -> Self:
        """Return the fixture itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the fixture."""
        self.close()


def _as_range(rows: list[int]) -> range | tuple[int, ...]:
    if rows and rows == list(range(rows[0], rows[0] + len(rows))):
        return range(rows[0], rows[0] + len(rows))
    return tuple(rows)


def _load_again(
    path: str,
    digest: str,
    mode: Literal["mmap", "copy"],
    rows: range | tuple[int, ...] | None,
) -> Fixture:
    # The arrays were proved in the first process; the digest says that it is still
    # that file.
    fixture = load_fixture(Path(path), mode=mode, verify=False)
    if fixture.index.digest != digest:
        msg = (
            f"{path!r} is another file than the one that was loaded: expected digest "
            f"{digest}, got {fixture.index.digest}; load it again"
        )
        raise IntegrityError(msg)
    return fixture if rows is None else fixture.take(rows)


def _as_index(rows: range | tuple[int, ...]) -> slice | list[int]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else list(rows)


def _check_labels(fixture: Fixture, *, where: str) -> None:
    """Prove that each window's category and events follow from its labels."""
    n_times = fixture.labels.shape[1]
    for row, window in enumerate(fixture.windows):
        labels = fixture.labels[row]
        n_ictal = int(np.count_nonzero(labels))
        if n_ictal and int(labels.max()) != 1:
            msg = (
                f"{where}: labels of window {window.id!r}: expected 0 and 1, "
                f"got {int(labels.max())}"
            )
            raise FormatError(msg)
        category = category_of(n_ictal, n_times)
        if category != window.category:
            msg = (
                f"{where}: window {window.id!r} is recorded as {window.category!r}, "
                f"but {n_ictal} of its {n_times} labels are ictal: {category!r}. "
                f"Categories: {', '.join(CATEGORIES)}"
            )
            raise FormatError(msg)
        expected = events_to_mask(window.events, sfreq=fixture.sfreq, n_times=n_times)
        if not np.array_equal(labels, expected):
            sample = int(np.flatnonzero(labels != expected)[0])
            msg = (
                f"{where}: window {window.id!r}, sample {sample}: label "
                f"{int(labels[sample])}, but its events say {int(expected[sample])}"
            )
            raise FormatError(msg)
        border = {"onset": -1, "offset": 0}.get(window.kind)
        if border is not None and not labels[border]:
            end = "last" if border else "first"
            msg = (
                f"{where}: window {window.id!r} is recorded as {window.kind!r}, but "
                f"its {end} label is not ictal"
            )
            raise FormatError(msg)


def load_fixture(
    source: str | os.PathLike[str] | None = None,
    *,
    mode: Literal["mmap", "copy"] = "mmap",
    verify: bool = True,
) -> Fixture:
    """Load a fixture by name or path.

    Parameters
    ----------
    source : str, path or None
        None: the packaged ``smoke``. Else a known name (``"smoke"``, ``"tiny"``, then a
        file in the folder that ``BGB_FIXTURES_DIR`` names), else a path.
    mode : str
        ``"mmap"``: map the file, private and copy-on-write; ``"copy"``: read it, for
        file systems whose files may shrink while mapped.
    verify : bool
        Check every digest and prove the labels, once per process for an unchanged
        file. False trusts the arrays; the index is always checked.

    Returns
    -------
    fixture : Fixture
        Signals, labels and records.

    Raises
    ------
    FixtureNotFoundError
        If there is no such name or file.
    FormatError
        If the file is not a fixture or breaks a rule of the format.
    FormatVersionError
        If its format is newer than this release.
    IntegrityError
        If its bytes are not those that were written.
    SpecError
        If `mode` is unknown.
    """
    if mode not in ("mmap", "copy"):
        msg = f"unknown mode {mode!r}; allowed: 'mmap', 'copy'"
        raise SpecError(msg)
    path = find_fixture(source)
    where = repr(str(path))
    index, buffer, status = read_file(
        path, parse_index, mode=mode, known=_proved, where=where
    )
    fixture = Fixture(path=path, index=index, buffer=buffer)
    if verify:
        identity = file_identity(status)
        if mode == "copy" or _proved.get(identity) is not index:
            check_digests(buffer, index, where=where)
            _check_labels(fixture, where=where)
            changed = max(status.st_mtime_ns, status.st_ctime_ns) / 1e9
            if time.time() - changed > _SETTLED_S:
                _proved[identity] = index
    return fixture
