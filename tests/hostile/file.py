"""What a hostile file is, and how one is made from a good one.

Invariant: digests are computed again, so that the rule itself is what refuses a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py

from hostile.format_seeds import (
    Edit,
    Seeds,
    dump,
    enlarged,
    join,
    sign,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "ALIGNED",
    "HOSTILE",
    "TB",
    "Hostile",
    "add",
    "add_bytes",
    "add_hdf5",
    "add_index",
    "add_records",
    "replace_dataset",
    "set_attribute",
    "sparse",
]

TB = 2**40
ALIGNED = {"alignment_threshold": 1, "alignment_interval": 4096}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """A file that breaks one rule, or that is strange and right all the same."""

    name: str
    rules: str
    """Rules of DATA.md that it breaks, separated by blanks; empty if none is meant."""
    opener: str
    """Key of `hostile.oracles.ORACLES`: how it is read."""
    error: str
    """Class of the error; empty if the file is to be read, with the right data."""
    message: str
    """Pattern that the message must hold."""
    make: Callable[[Path, Seeds], object]
    """Write the file to a path, from the good files."""


HOSTILE: list[Hostile] = []


def add(
    name: str,
    rules: str,
    opener: str,
    message: str,
    make: Callable[[Path, Seeds], object],
    *,
    error: str = "FormatError",
) -> None:
    """Register a file."""
    HOSTILE.append(
        Hostile(
            name=name,
            rules=rules,
            opener=opener,
            error=error,
            message=message,
            make=make,
        )
    )


def add_bytes(
    name: str,
    rules: str,
    opener: str,
    message: str,
    change: Callable[[bytes], bytes],
    *,
    error: str = "FormatError",
) -> None:
    """Register a file out of the bytes of a good one."""

    def make(path: Path, seeds: Seeds) -> None:
        path.write_bytes(change(seeds.fixture))

    add(name, rules, opener, message, make, error=error)


def add_index(rules: str, *lies: tuple[str, Edit, str], opener: str = "trust") -> None:
    """Register indexes that lie; only the digest of the documents is right."""
    for name, edit, message in lies:

        def change(data: bytes, edit: Edit = edit) -> bytes:
            index, records = split(data)
            edit(index)
            return join(data, dump(index), dump(records))

        integrity = message.startswith(("is truncated", "byte "))
        error = "IntegrityError" if integrity else "FormatError"
        add_bytes(f"index-{name}", rules, opener, message, change, error=error)


def add_records(rules: str, *lies: tuple[str, Edit, str], opener: str = "load") -> None:
    """Register records that lie; all digests are right."""
    for name, edit, message in lies:

        def change(data: bytes, edit: Edit = edit) -> bytes:
            index, records = split(data)
            edit(records)
            if len(dump(records)) > 6000:
                return enlarged(data, 2**24, edit)
            return join(data, dump(index), dump(records))

        add_bytes(f"records-{name}", rules, opener, message, change)


def add_hdf5(
    rules: str,
    *changes: tuple[str, Callable[[h5py.File], object], str],
    opener: str = "verify",
) -> None:
    """Register files whose HDF5 side was changed with h5py, and signed again."""
    for name, change, message in changes:

        def make(
            path: Path,
            seeds: Seeds,
            change: Callable[[h5py.File], object] = change,
        ) -> None:
            path.write_bytes(seeds.fixture)
            with h5py.File(path, "r+", **ALIGNED) as file:
                change(file)
            changed = path.read_bytes()
            index, records = split(changed)
            index["file_size"] = len(changed)
            path.write_bytes(sign(changed, index, records))

        add(f"{opener}-hdf5-{name}", rules, opener, message, make)


# What several of them need


def replace_dataset(name: str, **options: Any) -> Callable[[h5py.File], None]:
    """Store a dataset with other options; its values stay."""

    def change(file: h5py.File) -> None:
        values = file[name][()]
        del file[name]
        file.create_dataset(name, **({"data": values} | options))

    return change


def set_attribute(name: str, value: object, dtype: Any = None) -> Any:
    """Give the file an attribute, or another one of this name."""
    return lambda file: file.attrs.create(name, value, dtype=dtype)


def sparse(size: int, head: Callable[[Seeds], bytes]) -> Callable[[Path, Seeds], None]:
    """Make a file of a size with only some bytes on the disk."""

    def make(path: Path, seeds: Seeds) -> None:
        path.write_bytes(head(seeds))
        os.truncate(path, size)

    return make
