"""Goldens that break a rule of DATA.md."""

from __future__ import annotations

import h5py
import numpy as np
from hostile.file import (
    add,
    add_bytes,
    add_hdf5,
    add_index,
    add_records,
    replace_dataset,
    set_attribute,
    sparse,
)
from hostile.format_seeds import (
    Json,
    Seeds,
    dump,
    join,
    sign,
    split,
)


def _output(document: Json, key: str = "logits") -> Json:
    value: Json = document["outputs"][key]
    return value


def _array(index: Json, name: str = "output.logits") -> Json:
    value: Json = index["arrays"][name]
    return value


add_index(
    "G2",
    ("name", lambda i: i.update(name="a/b"), "index, name: expected text matching"),
    ("unknown-key", lambda i: i.update(sfreq=256), r"unknown keys \['sfreq'\]"),
    ("arrays-list", lambda i: i.update(arrays=[]), "index, arrays: expected an object"),
    (
        "no-output",
        lambda i: i.update(
            arrays={k: v for k, v in i["arrays"].items() if k[:6] != "output"}
        ),
        "at least one output",
    ),
    (
        "other-array",
        lambda i: i["arrays"].update(other=_array(i)),
        "expected 'output.KEY' or one of",
    ),
    (
        "path-as-key",
        lambda i: i["arrays"].update({"output.../../x": _array(i)}),
        "expected text matching",
    ),
    (
        "17-axes",
        lambda i: _array(i).update(shape=[1] * 17),
        "a list of at most 16 sizes",
    ),
    (
        "shape-bomb",
        lambda i: _array(i).update(shape=[2**40, 2**20]),
        "shape: expected sizes, those above 0 with a product below",
    ),
    (
        # numpy refuses such a shape with a ValueError of its own.
        "nothing-times-2^61",
        lambda i: _array(i, "output.empty").update(shape=[2**61, 0]),
        "shape: expected sizes, those above 0 with a product below",
    ),
    ("negative", lambda i: _array(i).update(shape=[-2, -48]), "sizes of at least 0"),
    ("outside", lambda i: _array(i).update(offset=2**40), "expected a place inside"),
    (
        "empty-elsewhere",
        lambda i: _array(i, "output.empty").update(offset=_array(i)["offset"]),
        "expected a place inside",
    ),
    (
        "overlap",
        lambda i: _array(i, "trace.samples").update(
            offset=_array(i, "trace.statistics")["offset"]
        ),
        "expected bytes behind those of",
    ),
    opener="golden",
)
add_index(
    "G3",
    ("object", lambda i: _array(i).update(dtype="|O"), r"dtype: expected .* got '\|O'"),
    ("record", lambda i: _array(i).update(dtype="<f4,<f4"), "dtype: expected .* got"),
    ("void", lambda i: _array(i).update(dtype="|V4"), "dtype: expected .* got"),
    opener="golden",
)


def _half_a_trace(data: bytes) -> bytes:
    index, records = split(data)
    del index["arrays"]["trace.samples"]
    return sign(data, index, records)


add_bytes(
    "golden-half-a-trace",
    "G2",
    "golden",
    r"array 'trace.samples': expected shape \(2, 2, 32\), got None",
    _half_a_trace,
)


def _flag_of_two(data: bytes) -> bytes:
    index, records = split(data)
    start = _array(index, "output.flags")["offset"]
    return sign(data[:start] + b"\2" + data[start + 1 :], index, records)


add_bytes("golden-flags-of-two", "G3", "golden", "bytes 0 and 1, got 2", _flag_of_two)
add_records(
    "G3",
    ("dtype", lambda r: _output(r).update(dtype="float64"), "is stored as <f4, got"),
    (
        "bfloat16",
        lambda r: _output(r).update(dtype="bfloat16"),
        "expected values of bfloat16, got 'more digits than it has'",
    ),
    (
        "dtype-list",
        lambda r: _output(r).update(dtype=[]),
        r"is stored as <f4, got \[\]",
    ),
    opener="golden",
)
add_records(
    "G4",
    ("more", lambda r: r.update(code="import os"), r"unknown keys \['code'\]"),
    (
        "environment",
        lambda r: r["environment"].update(numpy="1\x1b[2J"),
        "environment, numpy: expected text",
    ),
    (
        "environment-key",
        lambda r: r["environment"].update({"a\nb": "1"}),
        "records, environment: expected text",
    ),
    (
        "environment-list",
        lambda r: r.update(environment=[]),
        "environment: expected an",
    ),
    opener="golden",
)
add_records(
    "G5",
    (
        "negative-tolerance",
        lambda r: _output(r)["tolerance"].update(rtol=-1),
        "tolerance: expected a number in",
    ),
    (
        "tolerance-true",
        lambda r: _output(r)["tolerance"].update(atol=True),
        "tolerance: expected a number in",
    ),
    (
        "tolerance-10^400",
        lambda r: _output(r)["tolerance"].update(atol=10**400),
        "tolerance: expected a number in",
    ),
    ("no-tolerance", lambda r: _output(r).pop("tolerance"), r"keys \['tolerance'\]"),
    (
        "threshold",
        lambda r: _output(r).update(threshold="high"),
        "expected a number in",
    ),
    ("no-output", lambda r: r["outputs"].pop("flags"), r"missing keys \['flags'\]"),
    opener="golden",
)
add_records(
    "G6",
    ("digest", lambda r: r["fixture"].update(digest="ff"), "64 hexadecimal digits"),
    ("windows", lambda r: r["fixture"].update(windows="w0"), "a list of texts"),
    ("model", lambda r: r.update(model=[]), "records, model: expected an object"),
    (
        "parameters",
        lambda r: r["model"].update(n_parameters=-1),
        "records, model: expected an integer",
    ),
    opener="golden",
)
add_records(
    "G7",
    ("no-calls", lambda r: r["trace"].update(calls=[]), "a list of 1 to 512 calls"),
    (
        "calls-513",
        lambda r: r["trace"].update(calls=r["trace"]["calls"][:1] * 513),
        "a list of 1 to 512 calls",
    ),
    ("calls", lambda r: r["trace"]["calls"].pop(), "expected shape"),
    (
        "fewer-calls",
        lambda r: r["trace"].update(n_calls=1),
        "expected an integer in .2",
    ),
    (
        "training",
        lambda r: r["trace"]["calls"][0].update(training=1),
        r"calls\[0\], training: expected true or false",
    ),
    (
        "shapes",
        lambda r: r["trace"]["calls"][0].update(shapes=[[2**70], []]),
        "a list of lists of sizes",
    ),
    (
        # Their product has five million digits.
        "shape-of-300-thousand-sizes",
        lambda r: r["trace"]["calls"][0].update(shapes=[[[2**61] * 300_000], []]),
        r"fewer than 2\^62 values",
    ),
    ("no-trace", lambda r: r.update(trace=None), "expected an object, as there is"),
    opener="golden",
)
add_records(
    "G10",
    (
        "sides",
        lambda r: r["environment"].update(numpy="0.0.0"),
        "'records' is not the records themselves|'records': expected",
    ),
    opener="verify-golden",
)
add_hdf5(
    "G10",
    (
        "name",
        set_attribute("name", np.bytes_(b"logitz")),
        "'name': records say b'logits', got",
    ),
    (
        "version",
        set_attribute("format_version", 2),
        "'format_version': records say 1, got",
    ),
    ("more", lambda f: f.create_dataset("code", data=1), "HDF5 datasets: expected"),
    ("more-attributes", set_attribute("more", 1), "HDF5 attributes: expected"),
    (
        "records-variable",
        replace_dataset("records", dtype=h5py.string_dtype("ascii")),
        r"HDF5 dataset 'records': expected .*'\|O'",
    ),
    opener="verify-golden",
)


def _loose(data: bytes) -> bytes:
    """Allow so much that the sum overflows: infinity is still not 1."""
    index, records = split(data)
    _output(records)["tolerance"].update(rtol=1e300, atol=1e300)
    return join(data, dump(index), dump(records))


add_bytes(
    "golden-tolerance-that-overflows",
    "G8",
    "compare-golden",
    "1 of 96 values differ",
    _loose,
    error="GoldenMismatchError",
)


def _large_output(seeds: Seeds) -> bytes:
    index, records = split(seeds.golden)
    size = 2**26 + 4096
    _array(index).update(shape=[size // 4], length=size, offset=2**20)
    index["file_size"] = 100 * 2**20
    return join(seeds.golden, dump(index), dump(records))


add(
    "golden-larger-than-memory",
    "G9",
    "golden",
    "has 3072 MiB; a golden has at most 112 MiB",
    sparse(3 * 2**30, lambda seeds: seeds.golden),
)
add(
    "golden-outputs-of-65-MB",
    "G9",
    "golden",
    "outputs of at most 67108864 bytes, got",
    sparse(100 * 2**20, _large_output),
)
