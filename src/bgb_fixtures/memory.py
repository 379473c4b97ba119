"""Fixtures in memory: adapted or generated windows without a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bgb_fixtures.eeg.kinds import CATEGORIES
from bgb_fixtures.fixture import Fixture
from bgb_fixtures.format.layout import ArrayEntry
from bgb_fixtures.format.records import ARRAYS, Index, Records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.fixture import Rows, Store
    from bgb_fixtures.format.content import Content

__all__ = ["fixture_in_memory"]


def fixture_in_memory(content: Content, *, path: Path, digest: str) -> Fixture:
    """Return a fixture with this content; `digest` identifies its origin.

    `path` is the file that was adapted or the name of the source, for messages.
    """
    return Fixture(_MemoryStore.of(content, path=path, digest=digest))


@dataclass(frozen=True, eq=False)
class _MemoryStore:
    """Arrays and records that belong to this process."""

    path: Path
    index: Index
    arrays: dict[str, npt.NDArray[Any]]
    content_records: Records
    shared: bool = False

    @classmethod
    def of(cls, content: Content, *, path: Path, digest: str) -> _MemoryStore:
        arrays = {name: getattr(content, name) for name in ARRAYS}
        entries = {
            name: ArrayEntry(
                dtype=array.dtype.str,
                shape=array.shape,
                offset=0,
                length=array.nbytes,
                sha256="",
            )
            for name, array in arrays.items()
        }
        categories = [window.category for window in content.windows]
        index = Index(
            name=content.name,
            content_version=content.content_version,
            sfreq=content.sfreq,
            counts={name: categories.count(name) for name in CATEGORIES},
            user_block=0,
            file_size=0,
            arrays=entries,
            rest_sha256="",
            digest=digest,
            records_span=(0, 0),
        )
        records = Records(
            ch_names=content.ch_names,
            montage=content.montage,
            unit=content.unit,
            profile=content.profile,
            source=content.source,
            licence=content.licence,
            spec=content.spec,
            windows=content.windows,
        )
        return cls(path, index, arrays, records)

    def array(self, name: str) -> npt.NDArray[Any]:
        return self.arrays[name]

    def records(self) -> Records:
        return self.content_records

    def private(self) -> Store:
        """Return a store of the same windows that returns copies of the arrays."""
        return _MemoryStore(
            self.path, self.index, self.arrays, self.content_records, shared=True
        )

    def reduce(
        self, rows: Rows | None
    ) -> tuple[Callable[..., Fixture], tuple[Any, ...]]:
        """Pickle all data, because there is no file to map again."""
        parts = (self.path, self.index, self.arrays, self.content_records)
        return _restore, (*parts, rows)


def _restore(
    path: Path,
    index: Index,
    arrays: dict[str, npt.NDArray[Any]],
    records: Records,
    rows: Rows | None,
) -> Fixture:
    return Fixture(_MemoryStore(path, index, arrays, records), rows)
