"""Read fixtures, and compare with the bytes of the file.

Invariant: what a file holds is taken from its bytes with none of the code that reads it.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["ORACLES"]


def _strict(text: bytes) -> Any:
    """Return a JSON document; no key may stand twice, no number may be infinite."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "accepted a key that stands twice"
        return dict(pairs)

    def finite(number: str) -> float:
        assert np.isfinite(float(number)), f"accepted the number {number[:40]}"
        return float(number)

    return json.loads(
        text.decode("ascii"),
        object_pairs_hook=unique,
        parse_constant=finite,
        parse_float=finite,
    )


def _index(data: bytes) -> Any:
    return _strict(data[96 : 96 + int(data[9:19])])


def _records(data: bytes) -> Any:
    start = 96 + int(data[9:19])
    return _strict(data[start : start + int(data[20:30])])


def _raw_arrays(data: bytes) -> dict[str, tuple[Any, bytes]]:
    """Return what the index says of each array, and its bytes, without any check."""
    return {
        name: (entry, data[entry["offset"] : entry["offset"] + entry["length"]])
        for name, entry in _index(data)["arrays"].items()
    }


def _check_layout(fixture: Fixture, data: bytes) -> None:
    """Check that each array is its bytes in the file, and shares none of them."""
    assert len(data) == fixture.index.file_size, "another size"
    buffer = np.frombuffer(fixture._open_store()._buffer, np.uint8)  # type: ignore[attr-defined]
    spans = []
    for name, (entry, raw) in _raw_arrays(data).items():
        array = getattr(fixture, name)
        spans.append((entry["offset"], entry["offset"] + entry["length"]))
        first = array.ctypes.data - buffer.ctypes.data
        inside = 0 <= first <= len(buffer) - array.nbytes
        assert inside, f"array {name!r} lies outside the file"
        same = array.tobytes() == raw and list(array.shape) == entry["shape"]
        assert same, f"array {name!r} is not what the file holds"
    spans.sort()
    apart = all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert apart, "arrays share bytes"


def _check_records(fixture: Fixture, data: bytes) -> None:
    """Check what the windows are said to be, and that events lie on their samples."""
    parsed = fixture.windows  # Refuses what no other reader can read.
    windows = _records(data)["windows"]
    assert len({window["id"] for window in windows}) == len(windows), "an id twice"
    n_times = fixture.labels.shape[1]
    for said, window in zip(windows, parsed, strict=True):
        assert said["id"] == window.id, "another id"
        assert type(said["n_clipped"]) is int, "n_clipped is no integer"
        texts = (said[key] for key in ("id", "kind", "split", "subject", "recording"))
        assert all(text.isprintable() for text in texts), "a text of two lines"
        for event in said["events"]:
            start, length = (
                event[key] * fixture.sfreq for key in ("onset", "duration")
            )
            off = max(abs(start - round(start)), abs(length - round(length)))
            assert off < 0.01, f"an event between samples: {event}"
            inside = 0 <= round(start) < round(start) + round(length) <= n_times
            assert inside, f"an event outside the window: {event}"


def _check_labels(fixture: Fixture, data: bytes) -> None:
    """Derive labels, categories and counts from the events once more."""
    index, records = _index(data), _records(data)
    labels, counts = fixture.labels, dict.fromkeys(("none", "partial", "full"), 0)
    assert (labels <= 1).all(), "labels other than 0 and 1"
    for row, window in zip(labels, records["windows"], strict=True):
        expected = np.zeros(labels.shape[1], np.uint8)
        for event in window["events"]:
            start = round(event["onset"] * index["sfreq"])
            stop = start + round(event["duration"] * index["sfreq"])
            expected[start:stop] = 1
        share = float(row.mean())
        category = "none" if share == 0 else "full" if share >= 0.99 else "partial"
        counts[category] += 1
        right = bool((row == expected).all()) and category == window["category"]
        assert right, f"labels of {window['id']} do not follow from its events"
    assert counts == index["counts"], "counts do not follow from the labels"
    assert counts["partial"] + counts["full"] > 0, "no window with a seizure"


def _load(path: Path) -> None:
    with load_fixture(path) as fixture:
        data = path.read_bytes()
        _check_layout(fixture, data)
        _check_records(fixture, data)
        _check_labels(fixture, data)


def _trust(path: Path) -> None:
    with load_fixture(path, verify=False) as fixture:
        data = path.read_bytes()
        _check_layout(fixture, data)
        fixture.microvolts()
        _check_records(fixture, data)


def _verify(path: Path) -> None:
    import h5py

    verify_fixture(path)
    _load(path)
    with h5py.File(path) as file, load_fixture(path) as fixture:
        for name in ("signals", "labels", "scale", "offset"):
            array = getattr(fixture, name)
            assert file[name][()].tobytes() == array.tobytes(), f"HDF5 {name!r} differs"
            assert np.isfinite(array).all(), f"{name!r} is not finite"


ORACLES: Mapping[str, Callable[[Path], object]] = {
    "load": _load,
    "trust": _trust,
    "verify": _verify,
}
