"""Targets of the fuzzer for what the package writes: fixtures and goldens.

Invariant: what is accepted is held against the bytes of the file, with none of the code
that read it. Used by ``tools/fuzz.py``.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from fuzz_target import Target, require
from hostile import format_seeds as seeds

from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.golden.check import assert_holds
from bgb_fixtures.golden.store import load_golden, verify_golden
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

__all__ = ["RUNS", "TARGETS"]


# What the child does


def _raw_arrays(data: bytes) -> dict[str, tuple[Any, bytes]]:
    """Return what the index says of each array, and its bytes, without any check."""
    index = json.loads(data[96 : 96 + int(data[9:19])])
    return {
        name: (entry, data[entry["offset"] : entry["offset"] + entry["length"]])
        for name, entry in index["arrays"].items()
    }


def _check_fixture(fixture: Fixture, path: Path) -> None:
    """Hold a loaded fixture against the bytes of its file, with none of its code."""
    data = path.read_bytes()
    require(holds=len(data) == fixture.index.file_size, otherwise="size")
    buffer = np.frombuffer(fixture._open_store()._buffer, np.uint8)  # type: ignore[attr-defined]
    spans = []
    for name, (entry, raw) in _raw_arrays(data).items():
        array = getattr(fixture, name)
        spans.append((entry["offset"], entry["offset"] + entry["length"]))
        first = array.ctypes.data - buffer.ctypes.data
        inside = first >= 0 and first + array.nbytes <= len(buffer)
        require(holds=inside, otherwise=f"array {name!r} lies outside the file")
        right = array.tobytes() == raw and list(array.shape) == entry["shape"]
        require(holds=right, otherwise=f"array {name!r} is not what the file holds")
    spans.sort()
    apart = all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    require(holds=apart, otherwise="arrays share bytes")


def _check_labels(fixture: Fixture, path: Path) -> None:
    """Derive the labels once more: counts, categories and events must bear them out."""
    index, records = seeds.split(path.read_bytes())
    labels, counts = fixture.labels, dict.fromkeys(("none", "partial", "full"), 0)
    require(holds=bool((labels <= 1).all()), otherwise="labels other than 0 and 1")
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
        require(holds=right, otherwise=f"labels of {window['id']} do not follow")
    right = counts == index["counts"] and counts["partial"] + counts["full"] > 0
    require(holds=right, otherwise="counts do not follow from the labels")


def _run_load(path: Path) -> None:
    with load_fixture(path) as fixture:
        _check_fixture(fixture, path)
        _check_labels(fixture, path)


def _run_trust(path: Path) -> None:
    with load_fixture(path, verify=False) as fixture:
        _check_fixture(fixture, path)
        fixture.microvolts()
        len(fixture.windows)


def _run_verify(path: Path) -> None:
    verify_fixture(path)
    _run_load(path)
    import h5py

    with h5py.File(path) as file, load_fixture(path) as fixture:
        for name in ("signals", "labels", "scale", "offset"):
            array = getattr(fixture, name)
            right = file[name][()].tobytes() == array.tobytes()
            require(holds=right, otherwise=f"HDF5 dataset {name!r} differs")
            require(holds=bool(np.isfinite(array).all()), otherwise="not finite")


def _run_golden(path: Path) -> None:
    golden = load_golden(path)
    for name, (entry, raw) in _raw_arrays(path.read_bytes()).items():
        array = (
            golden.outputs[name.removeprefix("output.")].array
            if name.startswith("output.")
            else getattr(golden.trace, name.removeprefix("trace."))
        )
        right = array.tobytes() == raw and list(array.shape) == entry["shape"]
        require(holds=right, otherwise=f"array {name!r} is not what the file holds")


def _run_verify_golden(path: Path) -> None:
    verify_golden(path)
    _run_golden(path)


def _run_compare(path: Path) -> None:
    """Compare a golden with itself, but for one value that is not finite now."""
    golden = load_golden(path)
    obtained = copy.deepcopy(golden)
    obtained.outputs["logits"].array.flat[0] = np.inf
    assert_holds(golden, obtained, fixture=None, advice="record it again")


RUNS: Mapping[str, Callable[[Path], object]] = {
    # key -> opens a file, raises a FixtureError to refuse it, or a FindingError
    "load": _run_load,
    "trust": _run_trust,
    "verify": _run_verify,
    "golden": _run_golden,
    "verify-golden": _run_verify_golden,
    "compare-golden": _run_compare,
}


# How inputs are made

_NUMBERS = [
    *(0, 1, -1, 2, 7, 255, 256, 4095, 4096, 4097, 8192, 2**20),
    *(2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**61, 2**62 - 1, 2**62, 2**63, 2**64),
    *(10**18, 10**400, -(2**63), 0.5, 1.0, 4096.0, 1e-320, 1e308, -0.0),
]
_VALUES: list[Any] = [
    None,
    True,
    False,
    "",
    "x",
    "\0",
    "\ud800",
    "\x1b[2J",
    [],
    {},
    [[]],
    {"": 0},
]
_TOKENS = [
    *(b"NaN", b"-Infinity", b"1e999", b"\xef\xbb\xbf", b"\xff", b"\0", b"[" * 5000),
    *(b'{"a":' * 3000, b"1" * 5000, b'"\\ud800"', b"true", b"null", b",", b"}", b'"'),
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values inside a document."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    inner = [place for key in keys for place in _places(value[key], (*path, key))]
    return [*([path] if path else []), *inner]


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _near(rng: Random, value: Any) -> Any:
    """Return a value near this one, or at a border."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or abs(value) > 2**64:
        return copy.deepcopy(rng.choice([*_NUMBERS, *_VALUES]))
    return rng.choice(
        [
            *(value + 1, value - 1, value * 2, -value, float(value), str(value)),
            *(value + 4096, value - 4096, value + 2**64),
            *(copy.deepcopy(rng.choice(_NUMBERS)), rng.choice(_VALUES)),
        ]
    )


def _change_json(rng: Random, document: dict[str, Any]) -> None:
    """Change, delete, insert, move or copy one value of a document."""
    place = rng.choice(_places(document))
    parent, key = _at(document, place[:-1]), place[-1]
    how = rng.randrange(6)
    if how <= 1:
        parent[key] = _near(rng, parent[key])
    elif how == 2:
        del parent[key]
    elif how == 3:
        value = _near(rng, None)
        if isinstance(parent, dict):
            parent[rng.choice(["", "x", "name", "offset", "\ud800"])] = value
        else:
            parent.insert(rng.randrange(len(parent) + 1), value)
    elif how == 4:
        other = rng.choice(_places(document))
        parent[key] = copy.deepcopy(_at(document, other))
    elif isinstance(parent, list):
        parent += copy.deepcopy(parent[: rng.randrange(1, 4)])
    else:
        value = parent.pop(key)
        parent[str(key) + rng.choice(["", "x", "\0", " "])] = value


def _change_bytes(rng: Random, data: bytes) -> bytes:
    """Flip, delete, insert or repeat some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        place = rng.randrange(len(changed) + 1)
        how = rng.randrange(5)
        if how == 0 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            del changed[place : place + rng.choice([1, 1, 4, 64])]
        elif how == 2:
            changed[place:place] = rng.choice(_TOKENS)
        elif how == 3:
            changed[place : place + 1] = bytes([rng.randrange(256)])
        else:
            length = rng.choice([1, 8, 100])
            changed[place:place] = changed[place : place + length]
    return bytes(changed)


def _sign_if_possible(data: bytes, index: Any, records: Any) -> bytes:
    """Give a file the digests that it needs; where they cannot be had, of the texts."""
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        return seeds.sign(data, index, records)
    return seeds.join(data, seeds.dump(index), seeds.dump(records))


def _mutate_index(rng: Random, data: bytes) -> bytes:
    index, records = seeds.split(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        _change_json(rng, index)
    if rng.random() < 0.5:
        return seeds.join(data, seeds.dump(index), seeds.dump(records))
    return _sign_if_possible(data, index, records)


def _mutate_layout(rng: Random, data: bytes) -> bytes:
    """Give arrays other shapes, places and lengths that may fit together."""
    index, records = seeds.split(data)
    entries = list(index["arrays"].values())
    pages = len(data) // 4096 + 2
    sizes = [0, 1, 2, 3, 8, 2**31, 2**51 + 3, 2**61]
    if rng.random() < 0.5:
        # One size is another one wherever it stands, as the axes have to agree.
        old = rng.choice([size for entry in entries for size in entry["shape"]])
        new = rng.choice([*sizes, max(old, 1) * 2, max(old - 1, 1)])
        for entry in entries:
            entry["shape"] = [new if s == old else s for s in entry["shape"]]
    for entry in rng.sample(entries, rng.choice([1, 1, 2, len(entries)])):
        shape = entry["shape"]
        if shape and rng.random() < 0.2:
            shape[rng.randrange(len(shape))] = rng.choice(sizes)
        if rng.random() < 0.7:
            places = [rng.choice(entries)["offset"], 4096 * rng.randrange(pages)]
            entry["offset"] = rng.choice([*places, 4096 * (pages - 2)])
    for entry in entries:
        size = {"f2": 2, "f4": 4, "f8": 8, "i8": 8}.get(entry["dtype"][1:], 1)
        length = functools.reduce(lambda a, b: a * b, entry["shape"], size)
        if rng.random() < 0.9:
            entry["length"] = rng.choice([length, length, length, length % 2**64])
    return _sign_if_possible(data, index, records)


def _mutate_records(rng: Random, data: bytes) -> bytes:
    index, records = seeds.split(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        _change_json(rng, records)
    return seeds.join(data, seeds.dump(index), seeds.dump(records))


def _mutate_texts(rng: Random, data: bytes) -> bytes:
    """Change the text of a document, so that it may be no JSON any more."""
    texts = [seeds.dump(part) for part in seeds.split(data)]
    which = rng.randrange(2)
    texts[which] = _change_bytes(rng, texts[which])
    return seeds.join(data, *texts)


def _mutate_keys(rng: Random, data: bytes) -> bytes:
    """Write one key twice."""
    texts = [seeds.dump(part) for part in seeds.split(data)]
    which = rng.randrange(2)
    parts = texts[which].split(b", ")
    place = rng.randrange(len(parts))
    parts.insert(place, parts[place].lstrip(b"{[").rstrip(b"}]"))
    texts[which] = b", ".join(parts)
    return seeds.join(data, *texts)


def _mutate_line(rng: Random, data: bytes) -> bytes:
    return _change_bytes(rng, data[:96]) + data[96:]


def _mutate_arrays(rng: Random, data: bytes) -> bytes:
    """Write odd values into an array."""
    index, records = seeds.split(data)
    entry = rng.choice([e for e in index["arrays"].values() if e["length"]])
    changed = bytearray(data)
    for _ in range(rng.choice([1, 2, 64])):
        odd = rng.choice([np.nan, np.inf, -np.inf, 0, -0.0, 1e-45, 3e38, -1])
        value = rng.choice([struct.pack("<f", odd), b"\1", b"\0", b"\2", b"\xff"])
        start = entry["offset"] + rng.randrange(entry["length"] // len(value) or 1)
        changed[start : start + len(value)] = value
    return seeds.sign(bytes(changed), index, records)


def _mutate_seizure(rng: Random, data: bytes) -> bytes:
    """Move a seizure in labels and events alike: what no reader of arrays may refuse."""
    index, records = seeds.split(data)
    if "labels" not in index["arrays"]:
        return _mutate_arrays(rng, data)
    n_times = index["arrays"]["labels"]["shape"][1]
    start = rng.randrange(n_times)
    stop = rng.randrange(start, n_times) + 1
    labels = bytes(start) + b"\1" * (stop - start) + bytes(n_times - stop)
    category = "full" if (stop - start) / n_times >= 0.99 else "partial"
    window = records["windows"][3]
    window |= {"category": category}
    window |= {"kind": "ictal" if category == "full" else "whole"}
    window["events"][0] |= {"onset": start / 256, "duration": (stop - start) / 256}
    index["counts"] = {
        name: sum(w["category"] == name for w in records["windows"])
        for name in ("none", "partial", "full")
    }
    place = index["arrays"]["labels"]["offset"] + 3 * n_times
    changed = data[:place] + labels + data[place + n_times :]
    return seeds.sign(changed, index, records)


def _gaps(data: bytes) -> list[int]:
    """List the bytes of the HDF5 structures: behind the user block, not zero."""
    index, _ = seeds.split(data)
    spans = [(e["offset"], e["offset"] + e["length"]) for e in index["arrays"].values()]
    return [
        place
        for place in range(index["user_block"], len(data))
        if data[place] and not any(start <= place < stop for start, stop in spans)
    ]


_known_gaps: dict[bytes, list[int]] = {}


def _mutate_hdf5(rng: Random, data: bytes) -> bytes:
    """Change addresses, sizes, types and flags of the HDF5 structures."""
    gaps = _known_gaps.get(data)
    if gaps is None:
        gaps = _known_gaps[data] = _gaps(data)
    index, records = seeds.split(data)
    changed = bytearray(data)
    block = index["user_block"]
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        place = rng.choice(gaps)
        how = rng.randrange(5)
        if how == 0:
            changed[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            changed[place] = rng.choice([0, 1, 2, 3, 4, 5, 8, 16, 127, 128, 255])
        elif how == 2:
            # Addresses and sizes lie on multiples of 8.
            start = place // 8 * 8
            near = int.from_bytes(data[start : start + 8], "little")
            value = rng.choice(
                [
                    *(0, 1, 8, near + 8, near - 8, near * 2, len(data), len(data) - 8),
                    *(place - block, block, 2**32 - 1, 2**63 - 1, 2**64 - 1),
                ]
            )
            changed[start : start + 8] = (value % 2**64).to_bytes(8, "little")
        elif how == 3:
            source = rng.choice(gaps)
            piece = data[source : source + rng.choice([8, 16, 40, 64])]
            changed[place : place + len(piece)] = piece
        else:
            piece = rng.randbytes(rng.choice([2, 4, 8, 32]))
            changed[place : place + len(piece)] = piece
    return seeds.sign(bytes(changed[: len(data)]), index, records)


def _mutate_raw(rng: Random, data: bytes) -> bytes:
    """Change bytes anywhere, cut off, or add; nothing is signed."""
    how = rng.randrange(4)
    if how == 0:
        return data[: rng.randrange(len(data))]
    if how == 1:
        return data + rng.randbytes(rng.choice([1, 8, 4096]))
    return _change_bytes(rng, data)


_MUTATIONS: Mapping[str, Callable[[Random, bytes], bytes]] = {
    "line": _mutate_line,
    "index": _mutate_index,
    "layout": _mutate_layout,
    "records": _mutate_records,
    "texts": _mutate_texts,
    "keys": _mutate_keys,
    "arrays": _mutate_arrays,
    "seizure": _mutate_seizure,
    "hdf5": _mutate_hdf5,
    "raw": _mutate_raw,
}


def mutate_container(rng: Random, data: bytes) -> tuple[str, bytes]:
    """Return a mutation of a file of ours.

    Parameters
    ----------
    rng : random.Random
        Chooses.
    data : bytes
        A good file.

    Returns
    -------
    kind : str
        Which part was mutated.
    mutated : bytes
        The file, signed unless the kind is ``"raw"`` or ``"line"``.
    """
    kind = rng.choice(list(_MUTATIONS))
    return kind, _MUTATIONS[kind](rng, data)


# Targets


def fixture_target(folder: Path) -> Target:
    """Return the target for fixtures."""
    good = seeds.make_seeds(folder).fixture
    return Target(
        name="fixture",
        seeds=(good, seeds.roomy(good, 2**16)),
        mutate=mutate_container,
        runs=("load", "trust", "verify"),
        unsigned=frozenset(["raw", "line"]),
    )


def golden_target(folder: Path) -> Target:
    """Return the target for golden files."""
    good = seeds.make_seeds(folder).golden
    return Target(
        name="golden",
        seeds=(good, seeds.roomy(good, 2**16)),
        mutate=mutate_container,
        runs=("golden", "verify-golden"),
        unsigned=frozenset(["raw", "line"]),
    )


TARGETS: tuple[Callable[[Path], Target], ...] = (fixture_target, golden_target)
