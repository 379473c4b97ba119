"""Conversion of the values that a test checks to arrays by key.

Invariant: no value is changed and none is dropped silently. A value that cannot be
stored by name or position in a plain dtype is refused with a one-line error. Torch is
never imported here: a program that has a tensor has already imported it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import SpecError
from bgb_fixtures.golden.dtypes import MAX_TEXT, NUMPY, TORCH

__all__ = [
    "MAX_BYTES",
    "MAX_OUTPUTS",
    "Value",
    "check_size",
    "count_nan",
    "device_of",
    "events_to_value",
    "flatten_values",
    "items_of",
]

MAX_BYTES = 64 * 2**20
"""Maximum size of all outputs of a golden in bytes: it is held in memory and in git."""
MAX_OUTPUTS = 1024
_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_KEY = 128
_MAX_DEPTH = 16


class Value(NamedTuple):
    """An array as stored, its original dtype, and the dtype that sets its tolerance."""

    array: npt.NDArray[Any]
    dtype: str
    basis: str


def flatten_values(
    value: object, *, name: str, keep: Sequence[str] | None = None
) -> dict[str, Value]:
    """Return copies of all arrays in a value by key, in the order of the value.

    A single value has the key `name`; dict keys, fields and positions are appended
    after a dot. `keep` selects keys of the outermost level. Raises SpecError if a value
    cannot be stored, two outputs have the same key, or their total size exceeds
    `MAX_BYTES`.
    """
    if keep is not None:
        value = _pick(value, keep, name=name)
    leaves: dict[str, object] = {}
    for key, leaf in _leaves(value, name, depth=0):
        if key in leaves or len(key) > _MAX_KEY:
            msg = (
                f"{key!r:.160} names two outputs, or has more than {_MAX_KEY} "
                "characters; rename one"
            )
            raise SpecError(msg)
        leaves[key] = leaf
        if len(leaves) > MAX_OUTPUTS:
            msg = (
                f"{name!r} has more than {MAX_OUTPUTS} entries; check fewer, or put "
                "the numbers into an array"
            )
            raise SpecError(msg)
    check_size({key: _n_bytes(leaf) for key, leaf in leaves.items()})
    return {key: _to_value(leaf, key) for key, leaf in leaves.items()}


def items_of(value: object) -> Iterator[tuple[object, object]] | None:
    """Return the items of a dict or list, or the fields of a dataclass or named tuple.

    The result is None for anything else, and for a list of numbers, which is one value.
    """
    if isinstance(value, Mapping):
        return iter(value.items())
    if is_dataclass(value) and not isinstance(value, type):
        return ((field.name, getattr(value, field.name)) for field in fields(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return iter(zip(value._fields, value, strict=True))
    if isinstance(value, list | tuple) and not _is_table(value):
        return iter(enumerate(value))
    return None


def _is_table(value: object) -> bool:
    """Return whether a list holds Python numbers of one type, in rows of one length."""
    try:
        first: Any = value
        for _ in range(_MAX_DEPTH):
            if type(first) not in (list, tuple) or not first:
                break
            first = first[0]
        if type(first) not in (bool, int, float):
            return False
        array = np.array(value)
    except (ValueError, OverflowError):
        return False
    allowed: dict[str, set[object]] = {"b": {bool}, "i": {int}, "f": {int, float}}
    kinds = {type(number) for number in _numbers(value)}
    return kinds <= allowed.get(array.dtype.kind, set())


def _numbers(value: Any) -> Iterator[object]:
    """Yield the numbers in nested lists."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(item)
    else:
        yield value


def _part(key: object, name: str) -> str:
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(int(key))
    if isinstance(key, str) and _PART.fullmatch(key):
        return key
    msg = (
        f"{name!r} has the key {key!r:.80}; expected an integer, or 1 to 64 letters, "
        "digits, _ . or -"
    )
    raise SpecError(msg)


def _leaves(value: object, name: str, *, depth: int) -> Iterator[tuple[str, object]]:
    items = items_of(value)
    if depth > _MAX_DEPTH:
        msg = f"{name!r:.160} is nested deeper than {_MAX_DEPTH} levels"
        raise SpecError(msg)
    if items is not None:
        n_items = 0
        for key, item in items:
            n_items += 1
            yield from _leaves(item, f"{name}.{_part(key, name)}", depth=depth + 1)
        if n_items == 0 and depth == 0:
            msg = (
                f"{name!r} is an empty {type(value).__name__}; expected at least one "
                "output"
            )
            raise SpecError(msg)
        if n_items == 0:
            yield name, _Empty()
    elif isinstance(value, np.ma.MaskedArray) and value.dtype.name in NUMPY:
        # Masked values have no meaning, so they must not be compared.
        mask = np.ma.getmaskarray(value)
        data = np.array(value.data)
        data[mask] = np.zeros((), data.dtype)
        yield f"{name}.mask", mask
        yield name, data
    else:
        yield name, value


class _Empty:
    """A dict or list without entries."""


def _pick(value: object, keep: Sequence[str], *, name: str) -> dict[str, object]:
    """Return the entries of the outermost level that `keep` selects."""
    if isinstance(keep, str):
        msg = f"keep={keep!r}: expected a sequence of keys, such as keep=({keep!r},)"
        raise SpecError(msg)
    items = items_of(value)
    if items is None:
        msg = (
            f"output {name!r} is of type {type(value).__name__}, which has no entries "
            "to select; drop --keep (in Python keep=)"
        )
        raise SpecError(msg)
    known = {_part(key, name): item for key, item in items}
    unknown = [key for key in keep if key not in known]
    if unknown or not keep:
        msg = (
            f"{name!r} has no entry {', '.join(map(repr, unknown)) or 'to keep'}; its "
            f"entries: {', '.join(map(repr, known))}"
        )
        raise SpecError(msg)
    return {key: item for key, item in known.items() if key in keep}


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _n_bytes(value: Any) -> int:
    if _is_tensor(value):
        return int(value.numel()) * int(value.element_size())
    return int(value.nbytes) if isinstance(value, np.ndarray) else 0


def _to_value(leaf: Any, name: str) -> Value:
    if leaf is None or isinstance(leaf, _Empty):
        dtype = "None" if leaf is None else "empty"
        return Value(np.zeros(0, np.uint8), dtype, dtype)
    if _is_tensor(leaf):
        return _tensor_to_value(leaf, name)
    if isinstance(leaf, str):
        if len(leaf) > MAX_TEXT or "\0" in leaf:
            msg = (
                f"{name!r} is a string that a golden cannot hold (found {len(leaf)} "
                f"characters, expected at most {MAX_TEXT} and no NUL)"
            )
            raise SpecError(msg)
        return Value(np.array(leaf, f"<U{max(len(leaf), 1)}"), "str", "str")
    if not isinstance(
        leaf, np.ndarray | np.generic | bool | int | float | complex | list | tuple
    ):
        msg = (
            f"{name!r} is of type {type(leaf).__name__}; expected arrays, tensors, numbers, "
            "strings or None, or dicts, lists or dataclasses of these"
        )
        raise SpecError(msg)
    array = np.asarray(leaf)
    if array.dtype.kind == "U":
        if array.dtype.itemsize > 4 * MAX_TEXT:
            msg = (
                f"{name!r} has strings with more than {MAX_TEXT} characters; shorten "
                "them"
            )
            raise SpecError(msg)
        width = max(array.dtype.itemsize // 4, 1)
        return Value(np.array(array, f"<U{width}", order="C"), "str", "str")
    dtype = array.dtype.name
    if dtype not in NUMPY:
        msg = f"{name!r} has dtype {dtype}; a golden holds {', '.join(NUMPY)}, strings"
        raise SpecError(msg)
    # A Python float may come from a float32 tensor: float(loss).
    basis = dtype
    if not isinstance(leaf, np.ndarray | np.generic):
        basis = {"float64": "float32", "complex128": "complex64"}.get(dtype, dtype)
    return Value(np.array(array, NUMPY[dtype], order="C"), dtype, basis)


def _tensor_to_value(tensor: Any, name: str) -> Value:
    torch: Any = sys.modules["torch"]
    dtype = str(tensor.dtype).removeprefix("torch.")
    stored = (NUMPY | TORCH).get(dtype)
    if tensor.is_meta:
        msg = (
            f"{name!r} is a tensor on the meta device, which has no values; run the "
            "model on a real device"
        )
        raise SpecError(msg)
    if stored is None or tensor.layout is not torch.strided or tensor.is_nested:
        msg = (
            f"{name!r} is a tensor of dtype {dtype} and layout {tensor.layout}; a golden "
            f"holds plain tensors of {', '.join((*NUMPY, *TORCH))}"
        )
        raise SpecError(msg)
    try:
        plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
        if dtype in TORCH:
            bits = {"|u1": torch.uint8, "<u2": torch.int16, "<u4": torch.int32}[stored]
            array = plain.view(bits).numpy().view(stored)
        else:
            array = plain.numpy()
    except Exception as error:
        # Subclasses of tensors may raise any error here.
        msg = (
            f"{name!r} is of type {type(tensor).__name__} and cannot be turned into an array: "
            f"{str(error).partition('.')[0]!r:.200}"
        )
        raise SpecError(msg) from error
    return Value(np.array(array, stored, order="C"), dtype, dtype)


def events_to_value(
    events: object, *, name: str, n_windows: int | None
) -> tuple[Value, tuple[str, ...]]:
    """Return events as rows of (window, onset, duration), in seconds, and their labels.

    With `n_windows`, `events` has one list per window; otherwise it is one list. An
    event is (onset, duration), (onset, duration, label) or an `Event`.
    """
    found = type(events).__name__
    if not isinstance(events, list | tuple):
        msg = f"{name!r} is of type {found}; expected a list of events"
        raise SpecError(msg)
    if n_windows is not None and len(events) != n_windows:
        msg = (
            f"{name!r} has {len(events)} entries; expected {n_windows} lists of "
            "events, one per window of the fixture"
        )
        raise SpecError(msg)
    per_window = [events] if n_windows is None else events
    rows = []
    for window, listed in enumerate(per_window):
        where = repr(name) if n_windows is None else f"{name!r}[{window}]"
        if not isinstance(listed, list | tuple):
            msg = (
                f"{where} is of type {type(listed).__name__}; expected a list of events"
            )
            raise SpecError(msg)
        rows += [(window, *_event(event, where)) for event in listed]
    rows.sort()
    array = np.array([row[:3] for row in rows], "<f8").reshape(-1, 3)
    return Value(array, "events", "events"), tuple(row[3] for row in rows)


def _event(event: object, where: str) -> tuple[float, float, str]:
    if isinstance(event, Event):
        event = (event.onset, event.duration, event.label)
    parts = list(event) if isinstance(event, list | tuple | np.ndarray) else []
    label = parts.pop() if len(parts) == 3 else ""
    numbers = [
        float(part)
        for part in parts
        if isinstance(part, int | float | np.integer | np.floating)
        and not isinstance(part, bool)
        and np.isfinite(part)
    ]
    if (
        len(parts) != 2
        or len(numbers) != 2
        or numbers[1] < 0
        or not isinstance(label, str)
        or not re.fullmatch(r"[ -~]{0,32}", label)
    ):
        msg = (
            f"{where}: expected an Event, (onset, duration) or (onset, duration, label) "
            f"with finite seconds and a duration of at least 0, found {event!r:.80}"
        )
        raise SpecError(msg)
    return numbers[0], numbers[1], label


def check_size(sizes: Mapping[str, int]) -> None:
    """Raise SpecError if the total size of the outputs exceeds `MAX_BYTES`."""
    total = sum(sizes.values())
    if total > MAX_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        msg = (
            f"the outputs are too large for a golden (found {total / 2**20:.0f} MiB, "
            f"expected at most {MAX_BYTES // 2**20} MiB; {largest!r} has "
            f"{sizes[largest] / 2**20:.0f} MiB). Check fewer windows or every n-th value"
        )
        if len(sizes) > 1:
            msg += ", or name what to keep: keep=(...)"
        raise SpecError(msg)


def device_of(value: object) -> str:
    """Return the device of the first tensor not on the CPU, otherwise ``"cpu"``."""
    items = items_of(value)
    if items is not None:
        devices = [device_of(item) for _, item in items]
        return next((device for device in devices if device != "cpu"), "cpu")
    return str(value.device) if _is_tensor(value) else "cpu"  # type: ignore[attr-defined]


def count_nan(array: npt.NDArray[Any]) -> int:
    """Return how many values are NaN."""
    return int(np.isnan(array).sum()) if array.dtype.kind in "fc" else 0
