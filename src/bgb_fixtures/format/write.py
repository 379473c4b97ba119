"""Write a fixture as the documents and arrays of the format.

Invariant: a written file has passed the checks of a reader.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.kinds import CATEGORIES
from bgb_fixtures.errors import FormatError, SpecError
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.layout import dump_json
from bgb_fixtures.format.records import (
    ARRAYS,
    COLUMNS,
    FORMAT_VERSION,
    NUMBER_COLUMNS,
    WindowRecord,
    event_to_json,
)
from bgb_fixtures.format.store import Draft, check_target, make_file
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Content", "write_draft", "write_fixture"]


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


def _attributes(content: Content) -> dict[str, Any]:
    return {
        "sfreq": np.float64(content.sfreq),
        "ch_names": np.array([n.encode("ascii") for n in content.ch_names]),
        "montage": np.bytes_(content.montage.encode("ascii")),
        "unit": np.bytes_(content.unit.encode("ascii")),
        "format_version": np.int64(FORMAT_VERSION),
        "content_version": np.int64(content.content_version),
        "licence": np.bytes_(content.licence["name"].encode("ascii")),
    }


def _check_content(content: Content) -> None:
    where = f"fixture {content.name!r}"
    if all(window.category == "none" for window in content.windows):
        msg = (
            f"{where}: none of its {len(content.windows)} windows holds a seizure "
            "(expected at least one)"
        )
        raise SpecError(msg)
    for name, (dtype, _) in ARRAYS.items():
        got = getattr(content, name).dtype
        if got != np.dtype(dtype):
            # A silent cast could overflow labels or round samples.
            msg = f"{where}: array {name!r}: expected {np.dtype(dtype)}, got {got}"
            raise SpecError(msg)
    bad = np.flatnonzero(~np.isfinite(content.signals).all(axis=(1, 2)))
    if len(bad):
        msg = f"{where}: window {int(bad[0])} holds a value that is not finite"
        raise SpecError(msg)


def write_fixture(content: Content, path: str | os.PathLike[str]) -> Path:
    """Write a fixture file; return its path.

    An existing fixture is replaced; any other file is not. SpecError if no window holds
    a seizure, a value is not finite, an array has another dtype, or a text is not
    ASCII; TargetError if the target cannot be written, which is then unchanged;
    FormatError if the content breaks a rule of the format.
    """
    target = Path(path)
    check_target(target)
    with new_file(target) as draft:
        write_draft(content, draft, target=target)
    return target


def write_draft(content: Content, path: Path, *, target: Path) -> None:
    """Write a fixture to `path` and verify it, before it is moved to `target`."""
    from bgb_fixtures.verify import verify_fixture

    _check_content(content)
    path.write_bytes(make_file(_draft(content)))
    try:
        verify_fixture(path)
    except FormatError as error:
        # The error names the temporary file, which will no longer exist.
        text = str(error).replace(str(path), str(target))
        raise type(error)(text) from None


def _draft(content: Content) -> Draft:
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
    try:
        draft = Draft(
            name=content.name,
            facts={
                "content_version": content.content_version,
                "sfreq": content.sfreq,
                "counts": {
                    category: sum(w.category == category for w in content.windows)
                    for category in CATEGORIES
                },
            },
            records=records,
            arrays={name: getattr(content, name) for name in ARRAYS},
            columns=_columns(content.windows),
            attributes=_attributes(content),
        )
    except UnicodeEncodeError as error:
        msg = f"fixture {content.name!r}: {error.object!r} is not ASCII"
        raise SpecError(msg) from error
    return draft
