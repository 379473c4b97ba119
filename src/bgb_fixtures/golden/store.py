"""Golden files: what DATA.md says of them, as code, on top of the container.

Invariant: what `load_golden` returns obeys rules G1 to G7 of DATA.md, and every byte of
its file has its digest. Nothing is unpickled.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import FixtureNotFoundError, FormatError
from bgb_fixtures.format.layout import (
    GOLDEN,
    MAX_DOCUMENTS,
    NAME,
    TEXT,
    Buffer,
    Layout,
    check_digest,
    check_int,
    check_keys,
    check_number,
    check_overlap,
    check_text,
    check_texts,
    dump_json,
    fail,
    parse_entry,
    parse_head,
    parse_json,
)
from bgb_fixtures.format.map import Mapped, check_digests, read_file
from bgb_fixtures.golden.content import (
    STATISTICS,
    Call,
    FixtureState,
    Golden,
    ModelState,
    Output,
    Tolerance,
    Trace,
)
from bgb_fixtures.golden.values import DTYPES, MAX_BYTES

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = [
    "MAX_CALLS",
    "N_SAMPLES",
    "is_golden",
    "load_golden",
    "verify_golden",
    "write_golden",
]

N_SAMPLES = 32
MAX_CALLS = 512
"""Most calls that a trace keeps: with it, a trace stays under 1 MB."""
_OUTPUT = "output."
_TRACE = {
    "trace.statistics": (2, len(STATISTICS)),
    "trace.samples": (2, N_SAMPLES),
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_EMPTY_OR_TEXT = re.compile(r"[ -~]*")
_DTYPE = re.compile(r"[a-z0-9_]{1,20}|")
_MAX_FILE = MAX_BYTES + 3 * MAX_DOCUMENTS
_RECORDS_KEYS = frozenset(["outputs", "environment", "fixture", "model", "trace"])
_OUTPUT_KEYS = frozenset(["dtype", "tolerance", "threshold"])
_TOLERANCE_KEYS = frozenset(["rtol", "atol", "source"])
_FIXTURE_KEYS = frozenset(["name", "content_version", "digest", "windows"])
_MODEL_KEYS = frozenset(["digest", "n_parameters"])
_TRACE_KEYS = frozenset(["calls", "n_calls"])
_CALL_KEYS = frozenset(
    ["name", "kind", "settings", "training", "weights", "dtypes", "shapes"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index(Layout):
    name: str


def write_golden(golden: Golden, path: str | os.PathLike[str]) -> Path:
    """Write a golden file.

    Parameters
    ----------
    golden : Golden
        What to write.
    path : str or path
        Target. An older golden there is replaced; any other file is not.

    Returns
    -------
    path : pathlib.Path
        The target.

    Raises
    ------
    TargetError
        If the target cannot be written; it is then as it was before.
    FormatError
        If the content breaks a rule of the format.
    """
    # Here, as h5py takes 40 ms to import and readers do without.
    from bgb_fixtures.format.store import Draft, store

    records = dump_json(_records_to_json(golden))
    arrays = {_OUTPUT + key: output.array for key, output in golden.outputs.items()}
    if golden.trace is not None:
        arrays["trace.statistics"] = golden.trace.statistics
        arrays["trace.samples"] = golden.trace.samples
    draft = Draft(
        kind=GOLDEN,
        name=golden.name,
        facts={},
        records=records,
        arrays=arrays,
        columns={"records": np.array(records)},
        attributes={
            "name": np.bytes_(golden.name.encode("ascii")),
            "format_version": np.int64(GOLDEN.version),
        },
    )
    return store(draft, path, prove=verify_golden)


def _records_to_json(golden: Golden) -> dict[str, Any]:
    trace = golden.trace
    return {
        "outputs": {
            key: {
                "dtype": output.dtype,
                "tolerance": asdict(output.tolerance),
                "threshold": output.threshold,
            }
            for key, output in golden.outputs.items()
        },
        "environment": dict(golden.environment),
        "fixture": None if golden.fixture is None else asdict(golden.fixture),
        "model": None if golden.model is None else asdict(golden.model),
        "trace": None
        if trace is None
        else {
            "calls": [asdict(call) for call in trace.calls],
            "n_calls": trace.n_calls,
        },
    }


def is_golden(path: Path) -> bool:
    """Return whether a file begins as a golden does.

    Parameters
    ----------
    path : pathlib.Path
        Any path.

    Returns
    -------
    golden : bool
        False if there is no such file.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(GOLDEN.magic)) == GOLDEN.magic


def load_golden(path: str | os.PathLike[str]) -> Golden:
    """Load a golden file; every digest is checked.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    golden : Golden
        Its content, in memory.

    Raises
    ------
    FixtureNotFoundError
        If there is no such file.
    FormatError
        If it is no golden, is too large, or breaks a rule of the format.
    FormatVersionError
        If its format is newer than this release.
    IntegrityError
        If its bytes are not those that were written.
    """
    golden, _ = _load(Path(path))
    return golden


def verify_golden(path: str | os.PathLike[str]) -> Golden:
    """Check everything that can be checked of a golden file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    golden : Golden
        Its content.

    Raises
    ------
    FormatError
        If a rule of the format is broken or both sides of the file disagree.
    """
    from bgb_fixtures.format.hdf5 import check_attributes, check_structure, open_hdf5

    path = Path(path)
    where = repr(str(path))
    golden, layout = _load(path)
    attributes = {
        "name": np.bytes_(golden.name.encode()),
        "format_version": np.int64(GOLDEN.version),
    }
    start, stop = layout.records_span
    with open_hdf5(path, where=where) as file:
        check_structure(file, layout, columns={"records": ("|S", ())}, where=where)
        check_attributes(file, attributes, where=where)
        with path.open("rb") as plain:
            plain.seek(start)
            if file["records"][()] != plain.read(stop - start):
                msg = f"{where}: HDF5 dataset 'records' is not the records themselves"
                raise FormatError(msg)
    return golden


def _load(path: Path) -> tuple[Golden, Layout]:
    where = repr(str(path))
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        # ValueError: a NUL in the name.
        msg = f"no golden {where}: no such file; record it: bgb-fixtures golden record"
        raise FixtureNotFoundError(msg) from error
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    if size > _MAX_FILE:
        msg = (
            f"{where} has {size / 2**20:.0f} MiB; a golden has at most "
            f"{_MAX_FILE // 2**20} MiB and is read into memory: record fewer windows"
        )
        raise FormatError(msg)
    # Copied, as some systems do not replace a mapped file, and update would have to.
    index, buffer, _ = read_file(path, _parse_index, mode="copy", known={}, where=where)
    check_digests(buffer, index, where=where)
    return _parse_records(buffer, index, path=path, where=where), index


def _parse_index(buffer: Buffer, /, *, size: int, where: str) -> _Index:
    head = parse_head(
        buffer, kind=GOLDEN, keys=frozenset(["name"]), size=size, where=where
    )
    entries = head.index["arrays"]
    if type(entries) is not dict:
        fail(where, "index, arrays", "an object", entries)
    arrays = {}
    for name, entry in entries.items():
        what = f"index, array {name!r:.160}"
        if not name.startswith(_OUTPUT) and name not in _TRACE:
            fail(where, what, f"'{_OUTPUT}KEY' or one of {sorted(_TRACE)}", name)
        key = name.removeprefix(_OUTPUT)
        check_text(key, where=where, what=what, pattern=_NAME)
        dtypes = ("<f8",) if name in _TRACE else tuple(sorted(set(DTYPES.values())))
        arrays[name] = parse_entry(
            entry, dtypes=dtypes, head=head, where=where, what=what
        )
    check_overlap(arrays, where=where)
    if not arrays.keys() - _TRACE.keys():
        fail(where, "index, arrays", "at least one output", sorted(arrays))
    total = sum(entry.length for name, entry in arrays.items() if name not in _TRACE)
    if total > MAX_BYTES:
        fail(where, "index, arrays", f"outputs of at most {MAX_BYTES} bytes", total)
    return _Index(
        name=check_text(
            head.index["name"], where=where, what="index, name", pattern=_NAME
        ),
        user_block=head.user_block,
        file_size=head.file_size,
        arrays=arrays,
        rest_sha256=head.rest_sha256,
        digest=head.digest,
        records_span=head.records_span,
    )


def _array(buffer: Mapped, index: Layout, name: str) -> npt.NDArray[Any]:
    entry = index.arrays[name]
    array: npt.NDArray[Any] = np.ndarray(entry.shape, entry.dtype, buffer, entry.offset)
    return array


def _parse_records(buffer: Mapped, index: _Index, *, path: Path, where: str) -> Golden:
    start, stop = index.records_span
    value = parse_json(bytes(buffer[start:stop]), where=where, what="records")
    check_keys(value, _RECORDS_KEYS, where=where, what="records")
    names = frozenset(
        name.removeprefix(_OUTPUT) for name in index.arrays if name.startswith(_OUTPUT)
    )
    outputs = check_keys(value["outputs"], names, where=where, what="records, outputs")
    return Golden(
        name=index.name,
        outputs={
            key: _parse_output(
                output,
                _array(buffer, index, _OUTPUT + key),
                where=where,
                what=f"records, output {key!r}",
            )
            for key, output in outputs.items()
        },
        environment=_parse_environment(value["environment"], where=where),
        fixture=_parse_fixture(value["fixture"], where=where),
        model=_parse_model(value["model"], where=where),
        trace=_parse_trace(value["trace"], buffer, index, where=where),
        path=path,
    )


def _parse_output(
    value: object, array: npt.NDArray[Any], *, where: str, what: str
) -> Output:
    output = check_keys(value, _OUTPUT_KEYS, where=where, what=what)
    dtype = output["dtype"]
    if type(dtype) is not str or DTYPES.get(dtype) != array.dtype.str:
        fail(where, f"{what}, dtype", f"one that is stored as {array.dtype.str}", dtype)
    if dtype == "bfloat16" and (array.view(np.uint32) & 0xFFFF).any():
        fail(where, what, "values of bfloat16", "more digits than it has")
    if dtype == "bool" and (array.view(np.uint8) > 1).any():
        fail(where, what, "bytes 0 and 1", int(array.view(np.uint8).max()))
    what = f"{what}, tolerance"
    tolerance = check_keys(output["tolerance"], _TOLERANCE_KEYS, where=where, what=what)
    threshold = output["threshold"]
    if threshold is not None:
        threshold = check_number(threshold, where=where, what=what, least=-1e9)
    return Output(
        array=array,
        dtype=dtype,
        tolerance=Tolerance(
            rtol=check_number(tolerance["rtol"], where=where, what=what, most=1e300),
            atol=check_number(tolerance["atol"], where=where, what=what, most=1e300),
            source=check_text(tolerance["source"], where=where, what=what),
        ),
        threshold=threshold,
    )


def _parse_environment(value: object, *, where: str) -> Mapping[str, str]:
    what = "records, environment"
    if type(value) is not dict:
        fail(where, what, "an object", value)
    for key, text in value.items():
        check_text(key, where=where, what=what)
        check_text(text, where=where, what=f"{what}, {key}")
    return value


def _parse_fixture(value: object, *, where: str) -> FixtureState | None:
    if value is None:
        return None
    what = "records, fixture"
    fixture = check_keys(value, _FIXTURE_KEYS, where=where, what=what)
    return FixtureState(
        name=check_text(fixture["name"], where=where, what=what, pattern=NAME),
        content_version=check_int(
            fixture["content_version"], where=where, what=what, least=1
        ),
        digest=check_digest(fixture["digest"], where=where, what=what),
        windows=tuple(check_texts(fixture["windows"], where=where, what=what)),
    )


def _parse_model(value: object, *, where: str) -> ModelState | None:
    if value is None:
        return None
    what = "records, model"
    model = check_keys(value, _MODEL_KEYS, where=where, what=what)
    return ModelState(
        digest=check_digest(model["digest"], where=where, what=what),
        n_parameters=check_int(model["n_parameters"], where=where, what=what),
    )


def _parse_trace(
    value: object, buffer: Mapped, index: Layout, *, where: str
) -> Trace | None:
    there = [name for name in _TRACE if name in index.arrays]
    if value is None:
        if there:
            fail(where, "records, trace", f"an object, as there is {there[0]!r}", None)
        return None
    trace = check_keys(value, _TRACE_KEYS, where=where, what="records, trace")
    calls = trace["calls"]
    if type(calls) is not list or not 0 < len(calls) <= MAX_CALLS:
        fail(where, "records, trace", f"a list of 1 to {MAX_CALLS} calls", calls)
    for name, shape in _TRACE.items():
        entry = index.arrays.get(name)
        if entry is None or entry.shape != (len(calls), *shape):
            expected = f"shape {(len(calls), *shape)}"
            fail(where, f"index, array {name!r}", expected, entry and entry.shape)
    n_calls = check_int(
        trace["n_calls"], where=where, what="records, trace", least=len(calls)
    )
    return Trace(
        calls=tuple(
            _parse_call(call, where=where, what=f"records, trace, calls[{i}]")
            for i, call in enumerate(calls)
        ),
        statistics=_array(buffer, index, "trace.statistics"),
        samples=_array(buffer, index, "trace.samples"),
        n_calls=n_calls,
    )


def _parse_call(value: object, *, where: str, what: str) -> Call:
    call = check_keys(value, _CALL_KEYS, where=where, what=what)
    if type(call["training"]) is not bool:
        fail(where, f"{what}, training", "true or false", call["training"])
    for key in ("dtypes", "shapes"):
        if type(call[key]) is not list or len(call[key]) != 2:
            fail(where, f"{what}, {key}", "a list of 2", call[key])
    dtypes = [
        check_text(d, where=where, what=f"{what}, dtypes", pattern=_DTYPE)
        for d in call["dtypes"]
    ]
    weights = call["weights"]
    if weights != "":
        check_digest(weights, where=where, what=f"{what}, weights")
    shapes = [
        _parse_shapes(side, where=where, what=f"{what}, shapes")
        for side in call["shapes"]
    ]
    return Call(
        name=check_text(
            call["name"], where=where, what=f"{what}, name", pattern=_EMPTY_OR_TEXT
        ),
        kind=check_text(call["kind"], where=where, what=f"{what}, kind", pattern=TEXT),
        settings=check_text(
            call["settings"],
            where=where,
            what=f"{what}, settings",
            pattern=_EMPTY_OR_TEXT,
        ),
        training=call["training"],
        weights=weights,
        dtypes=(dtypes[0], dtypes[1]),
        shapes=(shapes[0], shapes[1]),
    )


def _parse_shapes(
    value: object, *, where: str, what: str
) -> tuple[tuple[int, ...], ...]:
    if type(value) is not list or not all(type(shape) is list for shape in value):
        fail(where, what, "a list of lists of sizes", value)
    shapes = tuple(
        tuple(check_int(size, where=where, what=what) for size in shape)
        for shape in value
    )
    # Factor by factor: the product of many thousand sizes would take minutes.
    if any(
        n_values >= 2**62
        for shape in shapes
        if 0 not in shape
        for n_values in accumulate(shape, mul)
    ):
        fail(where, what, "fewer than 2^62 values", value)
    return shapes
