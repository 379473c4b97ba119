"""Load a fixture: checked, mapped into memory, private to the process.

Invariant: the arrays of a `Fixture` come from a file whose layout was checked. Unless
the caller passed `verify=False`, every digest was verified and the labels were compared
with the records. The file is never written.
"""

from __future__ import annotations

import os
import time
from functools import cache, cached_property
from operator import index as as_int
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

import numpy as np

from bgb_fixtures.eeg.events import events_to_mask
from bgb_fixtures.eeg.kinds import CATEGORIES, category_of
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
    Index,
    Records,
    WindowRecord,
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
    "Rows",
    "Store",
    "find_fixture",
    "load_fixture",
    "packaged_dir",
    "reduce_labels",
]

Rows: TypeAlias = "range | tuple[int, ...]"
"""Rows of a file that a fixture shows, in its order."""
PACKAGED = ("smoke", "tiny")
LABELS = ("sample", "any", "majority")
"""Forms of the labels: one per sample, or one per window reduced by a rule."""
# A change within the clock's granularity does not change mtime, so a file younger than
# this is verified at every load.
_SETTLED_S = 2.0
# Files that this process has verified completely: file status -> index.
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
        If no fixture has that name and no file that path.
    FormatError
        If the operating system denies access.
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
    looked = (
        f", and no fixture of that name in BGB_FIXTURES_DIR={folder!r}"
        if folder
        else ""
    )
    names = ", ".join(map(repr, PACKAGED))
    msg = (
        f"no fixture {str(path)!r}: no such file{looked}. {_suggest(path)}Packaged "
        f"fixtures: {names}"
    )
    raise FixtureNotFoundError(msg)


def _suggest(path: Path) -> str:
    """Return a "Did you mean ...?" question with a similar name, or an empty string."""
    import difflib

    file = Path(f"{path}.h5")
    if _exists(file):
        return f"Did you mean {str(file)!r}? "
    close = difflib.get_close_matches(str(path).lower(), PACKAGED, n=1)
    return f"Did you mean {close[0]!r}? " if close else ""


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # ValueError: the name contains a NUL byte.
        return False
    except OSError as error:
        msg = f"{str(path)!r:.300} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    return True


def _packaged(name: str) -> Path:
    path = packaged_dir() / f"{name}.h5"
    if not _exists(path):
        msg = (
            f"the packaged fixture {name!r} is missing from this installation; "
            "reinstall bgb-fixtures, or build it: bgb-fixtures build"
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
        ``"sample"``: unchanged; ``"any"``: 1 if any sample is ictal; ``"majority"``:
        1 if more than half of the samples are.

    Returns
    -------
    values : numpy.ndarray of uint8, shape (n_windows, n_times) or (n_windows,)
        1 = seizure.

    Raises
    ------
    SpecError
        If `how` has another value.
    """
    if how == "sample":
        return labels
    if how == "any":
        return np.asarray(labels.any(axis=1), np.uint8)
    if how == "majority":
        return np.asarray(labels.mean(axis=1) > 0.5, np.uint8)
    msg = f"unknown labels {how!r}; allowed: {', '.join(map(repr, LABELS))}"
    raise SpecError(msg)


class Store(Protocol):
    """Storage of a fixture's arrays and records: a mapped file, or memory."""

    @property
    def path(self) -> Path:
        """The file; for an adapted fixture, the file that was adapted."""

    @property
    def index(self) -> Index:
        """Layout, name, versions and counts of the whole fixture."""

    @property
    def shared(self) -> bool:
        """Whether other fixtures share the arrays, so that a caller must get copies."""

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array with all windows."""

    def records(self) -> Records:
        """Return the records that describe the windows."""

    def private(self) -> Store:
        """Return a store of the same windows whose arrays may be written."""

    def reduce(
        self, rows: Rows | None
    ) -> tuple[Callable[..., Fixture], tuple[Any, ...]]:
        """Return the callable and arguments that restore the windows, for pickle."""


class _FileStore:
    """A mapped file, or a file that was read into memory."""

    # Each loaded fixture has a private map.
    shared = False

    def __init__(self, path: Path, index: Index, buffer: Mapped) -> None:
        self.path = path
        self.index = index
        self._buffer = buffer
        # The working directory may change before this is pickled.
        self._absolute = str(path if path.is_absolute() else path.absolute())

    def array(self, name: str) -> npt.NDArray[Any]:
        entry = self.index.arrays[name]
        return np.ndarray(entry.shape, entry.dtype, self._buffer, entry.offset)

    def records(self) -> Records:
        return parse_records(self._buffer, self.index, where=repr(str(self.path)))

    def private(self) -> Store:
        load, arguments = self.reduce(None)
        return load(*arguments)._open_store()

    def reduce(
        self, rows: Rows | None
    ) -> tuple[Callable[..., Fixture], tuple[Any, ...]]:
        """Pickle as path, digest and rows; the process that unpickles maps the file."""
        mode = "copy" if isinstance(self._buffer, bytearray) else "mmap"
        return _load_again, (self._absolute, self.index.digest, mode, rows)


class Fixture:
    """Hold the windows of a fixture, or a selection of them.

    Returned by `load_fixture`, `Fixture.adapt` and `synthetic_fixture`.

    Attributes
    ----------
    path : pathlib.Path
        The file; for an adapted fixture, the file that was adapted.
    index : Index
        Layout, name, versions and counts of the whole fixture.
    """

    def __init__(self, store: Store, rows: Rows | None = None) -> None:
        self.path = store.path
        self.index = store.index
        self._store: Store | None = store
        self._rows = rows

    def __reduce__(self) -> tuple[Callable[..., Fixture], tuple[object, ...]]:
        """Pickle so that another process gets the same windows."""
        return self._open_store().reduce(self._rows)

    def _open_store(self) -> Store:
        if self._store is None:
            msg = f"fixture {str(self.path)!r} is closed; load it again"
            raise FixtureError(msg)
        return self._store

    def _array(self, name: str) -> npt.NDArray[Any]:
        store = self._open_store()
        whole = array = store.array(name)
        if self._rows is not None:
            array = array[_as_index(self._rows)]
        # Indexing with a list of rows has already copied them.
        copied = array is not whole and array.base is None
        return array.copy() if store.shared and not copied else array

    @cached_property
    def signals(self) -> npt.NDArray[np.float32]:
        """Model-ready signal, shape (n_windows, n_channels, n_times).

        The unit is `records.unit`. This is a private copy-on-write map: writing to it
        changes only the view of this process, never the file.
        """
        return self._array("signals")

    @cached_property
    def labels(self) -> npt.NDArray[np.uint8]:
        """Labels per sample, 1 = seizure, shape (n_windows, n_times)."""
        return self._array("labels")

    @cached_property
    def records(self) -> Records:
        """The records of the whole file, parsed on first use."""
        return self._open_store().records()

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
    def in_memory(self) -> bool:
        """Whether the arrays are in memory, because they were adapted or generated."""
        return not isinstance(self._open_store(), _FileStore)

    @property
    def rows(self) -> Rows:
        """Row of each window in the file."""
        whole = range(self.index.arrays["signals"].shape[0])
        return whole if self._rows is None else self._rows

    @property
    def scale(self) -> npt.NDArray[np.float32]:
        """Microvolts per unit of `signals`, shape (n_windows, n_channels)."""
        return self._array("scale")

    @property
    def offset(self) -> npt.NDArray[np.float32]:
        """Microvolts at which `signals` is 0, shape (n_windows, n_channels)."""
        return self._array("offset")

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.rows)

    def __repr__(self) -> str:
        """Return the name, the shape, and the file or the file it was adapted from."""
        _, n_channels, n_times = self.index.arrays["signals"].shape
        place = repr(str(self.path))
        store = self._store
        if store is not None and not isinstance(store, _FileStore):
            adapted = "adapted" in self.records.spec
            place = f"in memory, adapted from {place}" if adapted else "in memory"
        return (
            f"<Fixture {self.index.name!r}: {len(self)}x{n_channels}x{n_times} "
            f"at {self.sfreq:g} Hz, {place}>"
        )

    def private(self) -> Fixture:
        """Return the same windows with arrays that no other fixture shares.

        Returns
        -------
        fixture : Fixture
            A new map of the file, or copies of arrays in memory, made on first use.
        """
        return Fixture(self._open_store().private(), self._rows)

    def whole(self) -> Fixture:
        """Return a fixture with all windows of the file.

        Returns
        -------
        fixture : Fixture
            All windows, in file order.
        """
        return Fixture(self._open_store())

    def take(self, rows: Sequence[int]) -> Fixture:
        """Return a fixture with some of the windows.

        Parameters
        ----------
        rows : sequence of int
            Indices in this fixture, at least 0, in the order of the result.

        Returns
        -------
        fixture : Fixture
            A view if the rows are contiguous in the file, otherwise a copy.

        Raises
        ------
        SpecError
            If there is no such row.
        """
        own = self.rows
        wrong = [row for row in rows if not 0 <= row < len(own)]
        if wrong:
            msg = f"rows {wrong} are not in [0, {len(own)}) of {self!r}"
            raise SpecError(msg)
        chosen = Fixture(
            self._open_store(), _as_range([own[as_int(row)] for row in rows])
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
            Value of this field of `WindowRecord`; None matches every value.

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
            msg = f"no window with {asked} in {str(self.path)!r}; found {there}"
            raise SpecError(msg)
        return self.take(rows)

    def adapt(
        self,
        *,
        window_length: float | None = None,
        sfreq: float | None = None,
        montage: str | Sequence[str] | None = None,
        profile: str | None = None,
        band_pass: tuple[float, float] | None = None,
        stride: float | None = None,
        n_windows: int | None = None,
        balanced: bool = False,
        names: str | None = None,
    ) -> Fixture:
        """Return these windows with another length, rate, montage or scale, in memory.

        Parameters
        ----------
        window_length : float or None
            Seconds, at most the current length. Windows are cut from the start of each
            window, and a shorter remainder is dropped. None: unchanged.
        sfreq : float or None
            Sampling frequency in Hz. Each window is resampled as a whole, with a
            polyphase filter (SciPy), before it is cut. None: unchanged.
        montage : str, sequence of str or None
            A key of `bgb_fixtures.eeg.montage.MONTAGES`, or rows such as ``"Fp1-F7"``,
            in any case and with old or new electrode names. The rows must be exactly
            computable from the channels of this fixture. None: unchanged.
        profile : str or None
            ``"raw-1"`` (microvolts) or ``"zscore-1"``. None: unchanged.
        band_pass : tuple of float or None
            Edges in Hz of a zero-phase filter, applied to each whole window (SciPy).
        stride : float or None
            Seconds between the starts of consecutive windows cut from one window; needs
            a shorter `window_length`. None: `window_length`.
        n_windows : int or None
            Number of windows to keep, spread evenly over windows with and without a
            seizure; the same every time. None: all.
        balanced : bool
            Whether to keep as many windows with a seizure as without.
        names : str or None
            ``"10-20"`` names channels ``T3-T5``, ``"10-10"`` names them ``T7-P7``.
            None: unchanged.

        Returns
        -------
        fixture : Fixture
            A fixture with its own arrays. Events are clipped and shifted, labels are
            computed from them at the new rate, and categories and kinds are derived
            again. Ids name the original window (``"win-05.03"``), and `records` lists
            the steps.

        Raises
        ------
        SpecError
            If a value is outside its range, a length is not a whole number of samples,
            a row is unknown, or no window with a seizure would remain.
        ChannelNotFoundError
            If the montage cannot be computed from these channels.
        MissingPackageError
            If SciPy is required and not installed.

        Examples
        --------
        >>> from bgb_fixtures import load_fixture
        >>> fixture = load_fixture().adapt(window_length=4, montage="tcp-20")
        >>> fixture.signals.shape
        (270, 20, 1024)
        """
        from bgb_fixtures.adapt import adapt_fixture

        return adapt_fixture(
            self,
            window_length=window_length,
            sfreq=sfreq,
            montage=montage,
            profile=profile,
            band_pass=band_pass,
            stride=stride,
            n_windows=n_windows,
            balanced=balanced,
            names=names,
        )

    def window_labels(self, labels: str) -> npt.NDArray[np.uint8]:
        """Return the labels per sample or per window.

        Parameters
        ----------
        labels : str
            ``"sample"``: one label per sample. ``"any"``: 1 if any sample of the window
            is ictal. ``"majority"``: 1 if most samples are.

        Returns
        -------
        values : numpy.ndarray of uint8, shape (n_windows, n_times) or (n_windows,)
            1 = seizure.

        Raises
        ------
        SpecError
            If `labels` has another value.
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
            0 and 1, as float because ``BCEWithLogitsLoss`` requires it.

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
        # NumPy does the cast: torch would start its threads for it, which takes longer.
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
        """Drop the references of this object; arrays and tensors in use stay valid.

        The file is unmapped when its last array is gone. Metadata that was already read
        stays available.
        """
        self._store = None
        self.__dict__.pop("signals", None)
        self.__dict__.pop("labels", None)

    def __enter__(self) -> Self:
        """Return the fixture itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the fixture."""
        self.close()


def _as_range(rows: list[int]) -> Rows:
    if rows and rows == list(range(rows[0], rows[0] + len(rows))):
        return range(rows[0], rows[0] + len(rows))
    return tuple(rows)


def _load_again(
    path: str,
    digest: str,
    mode: Literal["mmap", "copy"],
    rows: Rows | None,
) -> Fixture:
    # The first process verified the arrays; an equal digest means that the file is
    # still the same.
    fixture = load_fixture(Path(path), mode=mode, verify=False)
    if fixture.index.digest != digest:
        msg = (
            f"{path!r} changed since it was loaded (found digest "
            f"{fixture.index.digest}, expected {digest}); load it again"
        )
        raise IntegrityError(msg)
    return fixture if rows is None else fixture.take(rows)


def _as_index(rows: Rows) -> slice | list[int]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else list(rows)


def _check_labels(fixture: Fixture, *, where: str) -> None:
    """Verify that each window's category and events agree with its labels."""
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
        None: the packaged ``smoke``. Otherwise a name (``"smoke"``, ``"tiny"``, or a file
        in the folder named by ``BGB_FIXTURES_DIR``) or a path.
    mode : str
        ``"mmap"``: map the file, private and copy-on-write. ``"copy"``: read it into
        memory, in case the file may shrink while it is in use.
    verify : bool
        Whether to check every digest and label, once per process for an unchanged
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
        If the file is not a fixture or violates a rule of the format.
    FormatVersionError
        If this release cannot read its format version.
    IntegrityError
        If its bytes do not match their digests.
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
    fixture = Fixture(_FileStore(path, index, buffer))
    if verify:
        identity = file_identity(status)
        if mode == "copy" or _proved.get(identity) is not index:
            check_digests(buffer, index, where=where)
            _check_labels(fixture, where=where)
            changed = max(status.st_mtime_ns, status.st_ctime_ns) / 1e9
            if time.time() - changed > _SETTLED_S:
                _proved[identity] = index
    return fixture
