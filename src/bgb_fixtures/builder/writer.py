"""Write a fixture: reproducible bytes, moved into place when they are complete.

Invariant: the target is the old complete file or the new complete file, never a part
of one, and what is written has passed the checks that a reader makes.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from bgb_fixtures.errors import FormatError, SpecError, TargetError
from bgb_fixtures.h5 import (
    ARRAYS,
    CATEGORIES,
    COLUMNS,
    FORMAT_VERSION,
    LINE_LENGTH,
    MAGIC,
    NUMBER_COLUMNS,
    PAGE,
    WindowRecord,
    array_gaps,
    dump_json,
    encode_line,
    event_to_json,
    parse_index,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Content", "write_fixture"]

# Room for the index, whose numbers are known only after the arrays are written.
_INDEX_ROOM = 4096
_CHUNK = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Hold everything that goes into a fixture file.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        Which samples.
    sfreq : float
        Sampling frequency in Hz.
    ch_names : tuple of str
        Channel names in array order.
    montage, unit : str
        Name of the montage; ``"uV"`` or ``"1"``.
    profile, source, licence, spec : dict
        As in `bgb_fixtures.h5.Records`.
    windows : tuple of WindowRecord
        One per row.
    signals : numpy.ndarray of float32, shape (n_windows, n_channels, n_times)
        Model-ready signal.
    labels : numpy.ndarray of uint8, shape (n_windows, n_times)
        1 = seizure.
    scale, offset : numpy.ndarray of float32, shape (n_windows, n_channels)
        microvolts = signals * scale + offset.
    """

    name: str
    content_version: int
    sfreq: float
    ch_names: tuple[str, ...]
    montage: str
    unit: str
    profile: dict[str, Any]
    source: dict[str, Any]
    licence: dict[str, Any]
    spec: dict[str, Any]
    windows: tuple[WindowRecord, ...]
    signals: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]


def _window_to_json(window: WindowRecord) -> dict[str, Any]:
    value = {name: getattr(window, name) for name in COLUMNS}
    return value | {"events": [event_to_json(event) for event in window.events]}


def _columns(windows: Sequence[WindowRecord]) -> dict[str, npt.NDArray[Any]]:
    """Return the records of the windows as one array per field."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in COLUMNS:
        values = [getattr(window, name) for window in windows]
        if name == "events":
            values = [
                json.dumps([event_to_json(e) for e in events], sort_keys=True)
                for events in values
            ]
        if name in NUMBER_COLUMNS:
            columns[name] = np.array(values, NUMBER_COLUMNS[name])
        else:
            columns[name] = np.array([v.encode("ascii") for v in values])
    return columns


def _write_hdf5(
    path: Path, content: Content, *, user_block: int
) -> dict[str, tuple[int, int]]:
    """Write the HDF5 side; return offset and length of each mapped array."""
    places = {}
    with h5py.File(
        path,
        "x",
        userblock_size=user_block,
        alignment_threshold=1,
        alignment_interval=PAGE,
    ) as file:
        file.attrs["sfreq"] = np.float64(content.sfreq)
        file.attrs["ch_names"] = np.array([n.encode("ascii") for n in content.ch_names])
        file.attrs["montage"] = np.bytes_(content.montage.encode("ascii"))
        file.attrs["unit"] = np.bytes_(content.unit.encode("ascii"))
        file.attrs["format_version"] = np.int64(FORMAT_VERSION)
        file.attrs["content_version"] = np.int64(content.content_version)
        file.attrs["licence"] = np.bytes_(content.licence["name"].encode("ascii"))
        for name in ARRAYS:
            data = np.ascontiguousarray(getattr(content, name))
            dataset = file.create_dataset(name, data=data, track_times=False)
            places[name] = (dataset.id.get_offset(), data.nbytes)
        for name, column in _columns(content.windows).items():
            file.create_dataset(name, data=column, track_times=False)
    return places


def _digest(path: Path, spans: Sequence[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start, stop in spans:
            file.seek(start)
            for place in range(start, stop, _CHUNK):
                digest.update(file.read(min(_CHUNK, stop - place)))
    return digest.hexdigest()


def _index_json(
    path: Path,
    content: Content,
    places: dict[str, tuple[int, int]],
    *,
    user_block: int,
) -> dict[str, Any]:
    counts = {c: sum(w.category == c for w in content.windows) for c in CATEGORIES}
    arrays = {
        name: {
            "dtype": ARRAYS[name][0],
            "shape": list(getattr(content, name).shape),
            "offset": offset,
            "length": length,
            "sha256": _digest(path, [(offset, offset + length)]),
        }
        for name, (offset, length) in places.items()
    }
    return {
        "format_version": FORMAT_VERSION,
        "name": content.name,
        "content_version": content.content_version,
        "sfreq": content.sfreq,
        "counts": counts,
        "user_block": user_block,
        "file_size": path.stat().st_size,
        "arrays": arrays,
        "rest_sha256": "0" * 64,
    }


def _write_user_block(path: Path, content: Content, records: bytes) -> None:
    needed = LINE_LENGTH + len(records) + _INDEX_ROOM
    user_block = max(PAGE, 1 << (needed - 1).bit_length())
    places = _write_hdf5(path, content, user_block=user_block)
    value = _index_json(path, content, places, user_block=user_block)
    # A first index, to have the gaps between the arrays from the code that readers use.
    draft = dump_json(value)
    with path.open("r+b") as file:
        file.write(encode_line(draft, records) + draft + records)
    with path.open("rb") as file:
        head = file.read(user_block + PAGE)
    index = parse_index(head, size=value["file_size"], where=f"{str(path)!r}")
    value["rest_sha256"] = _digest(path, array_gaps(index))
    document = dump_json(value)
    with path.open("r+b") as file:
        file.write(encode_line(document, records) + document + records)
        file.flush()
        os.fsync(file.fileno())


def _check_content(content: Content) -> None:
    where = f"fixture {content.name!r}"
    if all(window.category == "none" for window in content.windows):
        msg = (
            f"{where}: none of its {len(content.windows)} windows holds a seizure; "
            "expected at least one"
        )
        raise SpecError(msg)
    for name, (dtype, _) in ARRAYS.items():
        got = getattr(content, name).dtype
        if got != np.dtype(dtype):
            # A silent cast could wrap labels around or round samples.
            msg = f"{where}: array {name!r}: expected {np.dtype(dtype)}, got {got}"
            raise SpecError(msg)
    bad = np.flatnonzero(~np.isfinite(content.signals).all(axis=(1, 2)))
    if len(bad):
        msg = f"{where}: window {int(bad[0])} holds a value not finite"
        raise SpecError(msg)


def _check_target(path: Path) -> None:
    if path.is_dir():
        msg = f"{str(path)!r} is a folder; expected the name of a file to write"
        raise TargetError(msg)
    if path.exists() and not path.is_file():
        msg = f"{str(path)!r} is not a regular file; choose another name"
        raise TargetError(msg)
    if not path.parent.is_dir():
        msg = (
            f"{str(path)!r} cannot be written: there is no folder {str(path.parent)!r}"
        )
        raise TargetError(msg)
    if path.exists():
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                msg = (
                    f"{str(path)!r} exists and is not a fixture; it is left as it is. "
                    "Choose another name, or remove it first"
                )
                raise TargetError(msg)


def write_fixture(content: Content, path: str | os.PathLike[str]) -> Path:
    """Write a fixture file.

    Parameters
    ----------
    content : Content
        What to write.
    path : str or path
        Target. An older fixture there is replaced; any other file is not.

    Returns
    -------
    path : pathlib.Path
        The target.

    Raises
    ------
    SpecError
        If no window holds a seizure, a value is not finite, an array has another
        dtype, or a text is not ASCII.
    TargetError
        If the target cannot be written; it is then as it was before.
    FormatError
        If the content breaks a rule of the format.

    Notes
    -----
    The HDF5 settings are those of DATA.md: with them the same content gives the same
    bytes on HDF5 1.14 and 2.0.
    """
    from bgb_fixtures.verify import verify_fixture

    target = Path(path)
    _check_content(content)
    records = dump_json(
        {
            "ch_names": list(content.ch_names),
            "montage": content.montage,
            "unit": content.unit,
            "profile": content.profile,
            "source": content.source,
            "licence": content.licence,
            "spec": content.spec,
            "windows": [_window_to_json(window) for window in content.windows],
        }
    )
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        _check_target(target)
        _write_user_block(temporary, content, records)
        verify_fixture(temporary)
        temporary.replace(target)
        _sync_folder(target.parent)
    except TargetError:
        raise
    except FormatError as error:
        # It names the file that it read; that one is gone by then.
        text = str(error).replace(str(temporary), str(target))
        raise type(error)(text) from None
    except UnicodeEncodeError as error:
        msg = f"fixture {content.name!r}: {error.object!r} is not ASCII"
        raise SpecError(msg) from error
    except (OSError, RuntimeError) as error:
        # h5py raises RuntimeError when the disk is full.
        reason = getattr(error, "strerror", None) or error
        msg = f"{str(target)!r} cannot be written: {reason}"
        raise TargetError(msg) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target


def _sync_folder(folder: Path) -> None:
    # The new name is durable once its folder is; Windows cannot open folders.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
