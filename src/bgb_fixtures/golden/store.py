"""Reading and writing of golden files, as specified in DATA.md.

Invariant: every golden that `load_golden` returns obeys rules G1 to G7 of DATA.md, and
every byte of its file has been checked. A golden is written completely or not at all.
Nothing is unpickled.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import asdict
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import (
    FixtureNotFoundError,
    FormatError,
    SpecError,
    TargetError,
)
from bgb_fixtures.format.layout import (
    NAME,
    TEXT,
    check_digest,
    check_int,
    check_keys,
    check_number,
    check_text,
    check_texts,
    dump_json,
    fail,
    parse_json,
)
from bgb_fixtures.golden import npz
from bgb_fixtures.golden.content import (
    MAX_CALLS,
    N_SAMPLES,
    PLAIN,
    STATISTICS,
    Call,
    FixtureState,
    Golden,
    ModelState,
    Output,
    Tolerance,
    Trace,
)
from bgb_fixtures.golden.dtypes import is_stored_as
from bgb_fixtures.golden.values import MAX_BYTES, MAX_OUTPUTS
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = [
    "describe_stranger",
    "encode_golden",
    "is_golden",
    "is_replaceable",
    "load_golden",
    "write_golden",
]

MAX_DOCUMENT = 4 * 2**20
"""Maximum size of `golden.json` in bytes."""
_MAX_FILE = MAX_BYTES + 2 * MAX_DOCUMENT
# numpy 1.26 allows at most this many axes.
_MAX_RANK = 32
_TRACE = {
    # A key cannot hold a slash, so no output has these names.
    "trace/statistics": (2, len(STATISTICS)),
    "trace/samples": (2, N_SAMPLES),
}
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_EMPTY_OR_TEXT = re.compile(r"[ -~]*")
_DTYPE = re.compile(r"[A-Za-z0-9_]{0,20}")
_LABEL = re.compile(r"[ -~]{0,32}")
_RECORDS_KEYS = frozenset(
    ["name", "test", "outputs", "environment", "fixture", "model", "trace"]
)
_OUTPUT_KEYS = frozenset(
    ["dtype", "stored", "shape", "tolerance", "threshold", "labels"]
)
_TOLERANCE_KEYS = frozenset(["rtol", "atol", "source", "basis"])
_FIXTURE_KEYS = frozenset(
    [
        *("name", "content_version", "digest", "windows"),
        *("sfreq", "n_times", "montage", "profile"),
    ]
)
_MODEL_KEYS = frozenset(["digest", "n_parameters"])
_TRACE_KEYS = frozenset(["calls", "n_calls"])
_CALL_KEYS = frozenset(
    ["name", "kind", "settings", "training", "weights", "dtypes", "shapes"]
)
_LONGEST_LAYOUT = 16
_LFS = b"version https://git-lfs"
_OLD = b"BGBGLD "
_CONFLICT = re.compile(rb"(?:^|\n)<{7} .{1,200}\n", re.DOTALL)


def write_golden(golden: Golden, path: str | os.PathLike[str]) -> Path:
    """Write a golden file.

    Parameters
    ----------
    golden : Golden
        Golden to write.
    path : str or path
        Target. An existing golden is replaced, also if it is damaged; any other file is
        not.

    Returns
    -------
    path : pathlib.Path
        The target.

    Raises
    ------
    TargetError
        If the target cannot be written. It is unchanged then.
    FormatError
        If the content violates a rule of the format.
    """
    target = Path(path)
    data = encode_golden(golden)
    # Read it back first, so that an unreadable file is never written.
    _parse(data, path=target, where=repr(str(target)))
    _check_target(target)
    with new_file(target) as draft:
        draft.write_bytes(data)
    return target


def encode_golden(golden: Golden) -> bytes:
    """Return the bytes of the file that holds a golden."""
    arrays = {key: output.array for key, output in golden.outputs.items()}
    if golden.trace is not None:
        arrays["trace/statistics"] = golden.trace.statistics
        arrays["trace/samples"] = golden.trace.samples
    return npz.pack(dump_json(_to_json(golden)), arrays)


def _to_json(golden: Golden) -> dict[str, Any]:
    trace = golden.trace
    # Omit the key for the default layout: such goldens keep the bytes that they had
    # before the key was introduced.
    layout = {} if golden.layout == PLAIN else {"layout": golden.layout}
    return layout | {
        "name": golden.name,
        "test": golden.test,
        "outputs": {
            key: {
                "dtype": output.dtype,
                "stored": output.array.dtype.str,
                "shape": list(output.array.shape),
                "tolerance": asdict(output.tolerance),
                "threshold": output.threshold,
                "labels": list(output.labels),
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


def _check_target(path: Path) -> None:
    try:
        if path.is_dir() or not path.name:
            msg = f"{str(path)!r} is a folder; expected the name of a file to write"
            raise TargetError(msg)
        if not path.parent.is_dir():
            msg = (
                f"{str(path)!r} cannot be written: folder {str(path.parent)!r} does "
                "not exist. Create it first"
            )
            raise TargetError(msg)
        if path.exists() and not is_replaceable(path):
            msg = (
                f"{str(path)!r} exists and is not a golden, so it is not replaced. "
                "Choose another name, or remove it first"
            )
            raise TargetError(msg)
    except OSError as error:
        if isinstance(error, TargetError):
            raise
        msg = f"{str(path)!r} cannot be written: {error.strerror}"
        raise TargetError(msg) from error


def is_golden(path: Path) -> bool:
    """Return whether the content of a file is that of a golden, even a damaged one."""
    try:
        return path.is_file() and npz.begins_or_ends_right(_read_ends(path))
    except (OSError, ValueError):
        # ValueError: a NUL in the name.
        return False


def is_replaceable(path: Path) -> bool:
    """Return whether a file is a golden, or what git or a full disk left of one."""
    if not path.is_file():
        return False
    ends = _read_ends(path)
    return (
        npz.begins_or_ends_right(ends)
        or not ends
        or ends.startswith((_LFS, _OLD, b"<<<<<<< "))
    )


def _read_ends(path: Path) -> bytes:
    """Return the first and the last bytes of a file."""
    with path.open("rb") as file:
        head = file.read(4096)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 4096, min(size, len(head))))
        return head + file.read(4096)


def describe_stranger(data: bytes) -> str:
    """Return what a file is that is not a golden, and what to do."""
    again = "record it again, for example with pytest --bgb-golden-update"
    conflict = _CONFLICT.search(data)
    if not data:
        return f"it is empty; {again}"
    if conflict is not None and b"\n>>>>>>> " in data:
        return (
            f"it holds git conflict markers (first at byte {conflict.start()}), as git "
            f"merged it as text; {again}. To avoid it, put the line '**/golden/**/*.npz "
            "-text -merge' into .gitattributes"
        )
    if data.startswith(_LFS):
        return "it is a git-lfs pointer; run 'git lfs pull' to get the file itself"
    if data.startswith(_OLD):
        return (
            "it is a golden of format 1 (HDF5), which is no longer read; delete it and "
            "record it again"
        )
    if data.startswith(b"BGBFIX "):
        return "it is a fixture; show it with bgb-fixtures info"
    if data.startswith(b"PK\3\4"):
        return "it is an npz or zip file, but not a golden"
    return "it is not an npz file"


def load_golden(path: str | os.PathLike[str]) -> Golden:
    """Load a golden and check every byte.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    golden : Golden
        Content of the file, in memory.

    Raises
    ------
    FixtureNotFoundError
        If there is no such file.
    FormatError
        If it is not a golden, is too large, or violates a rule of the format.
    FormatVersionError
        If this release cannot read its format version.
    IntegrityError
        If its bytes do not match its digest.
    """
    path = Path(path)
    where = repr(str(path))
    return _parse(_read(path, where=where), path=path, where=where)


def _read(path: Path, *, where: str) -> bytes:
    # O_NONBLOCK, as opening a FIFO would wait for a writer forever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        # ValueError: a NUL in the name.
        msg = f"golden {where} is missing; record it with bgb-fixtures golden record"
        raise FixtureNotFoundError(msg) from error
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            msg = f"{where} is {kind}; expected a golden file"
            raise FormatError(msg)
        if status.st_size > _MAX_FILE:
            msg = (
                f"{where} is too large for a golden (found {status.st_size / 2**20:.0f} "
                f"MiB, expected at most {_MAX_FILE // 2**20} MiB)"
            )
            raise FormatError(msg)
        with os.fdopen(handle, "rb", closefd=False) as file:
            # Files in /proc report a size of 0 bytes.
            return file.read(status.st_size or 4096)
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    finally:
        os.close(handle)


def _parse(data: bytes, *, path: Path, where: str) -> Golden:
    if not npz.begins_or_ends_right(data):
        msg = f"{where} is not a golden: {describe_stranger(data)}"
        raise FormatError(msg)
    entries = npz.unpack(data, where=where)
    document = entries.pop(npz.DOCUMENT)
    if document.nbytes > MAX_DOCUMENT:
        fail(where, npz.DOCUMENT, f"at most {MAX_DOCUMENT} bytes", document.nbytes)
    value = parse_json(bytes(document), where=where, what=npz.DOCUMENT)
    layout = _parse_layout(value, where=where)
    check_keys(value, _RECORDS_KEYS, where=where, what=npz.DOCUMENT)
    outputs = value["outputs"]
    if type(outputs) is not dict or not 0 < len(outputs) <= MAX_OUTPUTS:
        fail(where, "outputs", f"an object with 1 to {MAX_OUTPUTS} keys", outputs)
    for key in outputs:
        check_text(key, where=where, what="outputs", pattern=_KEY)
    names = {f"{key}.npy" for key in outputs}
    if value["trace"] is not None:
        names |= {f"{name}.npy" for name in _TRACE}
    if entries.keys() != names:
        missing, unlisted = (
            ", ".join(sorted(side)[:3])[:160] or "none"
            for side in (names - entries.keys(), entries.keys() - names)
        )
        msg = (
            f"{where}: the arrays do not match {npz.DOCUMENT} (missing: {missing!r}, "
            f"unlisted: {unlisted!r})"
        )
        raise FormatError(msg)
    golden = Golden(
        name=check_text(value["name"], where=where, what="name", pattern=_KEY),
        test=check_text(
            value["test"], where=where, what="test", pattern=_EMPTY_OR_TEXT
        ),
        outputs={
            key: _parse_output(
                output, entries[f"{key}.npy"], where=where, what=f"output {key!r}"
            )
            for key, output in outputs.items()
        },
        environment=_parse_environment(value["environment"], where=where),
        fixture=_parse_fixture(value["fixture"], where=where),
        layout=layout,
        model=_parse_model(value["model"], where=where),
        trace=_parse_trace(value["trace"], entries, where=where),
        path=path,
    )
    n_bytes = sum(output.array.nbytes for output in golden.outputs.values())
    if n_bytes > MAX_BYTES:
        fail(where, "outputs", f"at most {MAX_BYTES} bytes", n_bytes)
    n_windows = 1 if golden.fixture is None else len(golden.fixture.windows)
    for key, output in golden.outputs.items():
        rows = output.array[:, 0] if output.dtype == "events" else np.zeros(0)
        if ((rows < 0) | (rows >= n_windows) | (rows % 1 != 0)).any():
            fail(where, f"output {key!r}", f"windows 0 to {n_windows - 1}", rows.max())
    return golden


def _parse_output(
    value: object, content: memoryview, *, where: str, what: str
) -> Output:
    output = check_keys(value, _OUTPUT_KEYS, where=where, what=what)
    dtype, stored = output["dtype"], output["stored"]
    if type(dtype) is not str or type(stored) is not str:
        fail(where, f"{what}, dtype", "texts", [dtype, stored])
    if not is_stored_as(dtype, stored):
        fail(where, f"{what}, stored", f"a form of {dtype!r:.40}", stored)
    shape = _parse_shape(output["shape"], where=where, what=f"{what}, shape")
    array = npz.read_array(content, stored, shape, where=where, what=what)
    if dtype == "bool" and (array.view(np.uint8) > 1).any():
        fail(where, what, "bytes 0 and 1", int(array.view(np.uint8).max()))
    if dtype == "str" and (array.reshape(-1).view(np.uint32) > 0x10FFFF).any():
        fail(where, what, "code points of Unicode", "others")
    if dtype in ("None", "empty") and shape != (0,):
        fail(where, f"{what}, shape", "(0,)", shape)
    threshold = output["threshold"]
    if threshold is not None:
        threshold = check_number(
            threshold, where=where, what=f"{what}, threshold", least=-1e9
        )
    return Output(
        array=array,
        dtype=dtype,
        tolerance=_parse_tolerance(output["tolerance"], where=where, what=what),
        threshold=threshold,
        labels=_parse_events(output["labels"], array, dtype, where=where, what=what),
    )


def _parse_events(
    labels: object, array: npt.NDArray[Any], dtype: str, *, where: str, what: str
) -> tuple[str, ...]:
    """Check rows of (window, onset, duration) and return their labels."""
    n_labels = len(array) if dtype == "events" else 0
    if type(labels) is not list or len(labels) != n_labels:
        fail(where, f"{what}, labels", f"a list of {n_labels}", labels)
    for label in labels:
        check_text(label, where=where, what=f"{what}, labels", pattern=_LABEL)
    if dtype == "events":
        if array.ndim != 2 or array.shape[1] != 3:
            fail(where, f"{what}, shape", "(n_events, 3)", array.shape)
        if not np.isfinite(array).all() or (array[:, 2] < 0).any():
            fail(where, what, "finite events with a duration of at least 0", "others")
    return tuple(labels)


def _parse_tolerance(value: object, *, where: str, what: str) -> Tolerance:
    what = f"{what}, tolerance"
    tolerance = check_keys(value, _TOLERANCE_KEYS, where=where, what=what)
    return Tolerance(
        rtol=check_number(tolerance["rtol"], where=where, what=what, most=1e300),
        atol=check_number(tolerance["atol"], where=where, what=what, most=1e300),
        source=check_text(tolerance["source"], where=where, what=what),
        basis=check_text(
            tolerance["basis"], where=where, what=f"{what}, basis", pattern=_DTYPE
        ),
    )


def _parse_environment(value: object, *, where: str) -> Mapping[str, str]:
    what = "environment"
    if type(value) is not dict:
        fail(where, what, "an object", value)
    for key, text in value.items():
        check_text(key, where=where, what=what)
        check_text(text, where=where, what=f"{what}, {key}")
    return value


def _parse_fixture(value: object, *, where: str) -> FixtureState | None:
    if value is None:
        return None
    what = "fixture"
    fixture = check_keys(value, _FIXTURE_KEYS, where=where, what=what)
    sfreq = check_number(fixture["sfreq"], where=where, what=f"{what}, sfreq")
    if sfreq == 0:
        fail(where, f"{what}, sfreq", "more than 0 Hz", sfreq)
    return FixtureState(
        name=check_text(fixture["name"], where=where, what=what, pattern=NAME),
        content_version=check_int(
            fixture["content_version"], where=where, what=what, least=1
        ),
        digest=check_digest(fixture["digest"], where=where, what=what),
        windows=tuple(check_texts(fixture["windows"], where=where, what=what)),
        sfreq=sfreq,
        n_times=check_int(
            fixture["n_times"], where=where, what=f"{what}, n_times", least=1
        ),
        montage=check_text(fixture["montage"], where=where, what=f"{what}, montage"),
        profile=check_text(fixture["profile"], where=where, what=f"{what}, profile"),
    )


def _parse_layout(document: object, *, where: str) -> str:
    """Remove the input layout from a document and return it; the default is "BCT"."""
    if type(document) is not dict or "layout" not in document:
        return PLAIN
    from bgb_fixtures.smoke.layout import InputLayout

    layout = document.pop("layout")
    try:
        code = InputLayout.parse(layout).code if type(layout) is str else ""
    except SpecError:
        code = ""
    if code != layout or code == PLAIN or len(code) > _LONGEST_LAYOUT:
        fail(where, "layout", "axes such as B1CT", layout)
    return code


def _parse_model(value: object, *, where: str) -> ModelState | None:
    if value is None:
        return None
    what = "model"
    model = check_keys(value, _MODEL_KEYS, where=where, what=what)
    return ModelState(
        digest=check_digest(model["digest"], where=where, what=what),
        n_parameters=check_int(model["n_parameters"], where=where, what=what),
    )


def _parse_trace(
    value: object, entries: Mapping[str, memoryview], *, where: str
) -> Trace | None:
    if value is None:
        return None
    trace = check_keys(value, _TRACE_KEYS, where=where, what="trace")
    calls = trace["calls"]
    if type(calls) is not list or not 0 < len(calls) <= MAX_CALLS:
        fail(where, "trace", f"a list of 1 to {MAX_CALLS} calls", calls)
    arrays = [
        npz.read_array(
            entries[f"{name}.npy"], "<f8", (len(calls), *shape), where=where, what=name
        )
        for name, shape in _TRACE.items()
    ]
    n_calls = check_int(trace["n_calls"], where=where, what="trace", least=len(calls))
    return Trace(
        calls=tuple(
            _parse_call(call, where=where, what=f"trace, calls[{i}]")
            for i, call in enumerate(calls)
        ),
        statistics=arrays[0],
        samples=arrays[1],
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
    if type(value) is not list:
        fail(where, what, "a list of lists of sizes", value)
    return tuple(_parse_shape(shape, where=where, what=what) for shape in value)


def _parse_shape(value: object, *, where: str, what: str) -> tuple[int, ...]:
    """Return the sizes of a shape; the product of the nonzero ones is below 2^59."""
    if type(value) is not list or len(value) > _MAX_RANK:
        fail(where, what, f"a list of at most {_MAX_RANK} sizes", value)
    shape = tuple(check_int(size, where=where, what=what) for size in value)
    # numpy itself raises an error for larger products, even if one size is 0.
    if any(n >= 2**59 for n in accumulate((size for size in shape if size), mul)):
        fail(where, what, "sizes with a product below 2^59", value)
    return shape
