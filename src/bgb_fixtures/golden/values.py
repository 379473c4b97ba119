"""From what a test holds in its hands to arrays by key.

Invariant: no value changes on the way, and what has no name, or no plain numeric dtype,
is refused rather than guessed at. Torch is not imported: who has a tensor has it already.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bgb_fixtures.errors import SpecError

__all__ = [
    "DTYPES",
    "MAX_BYTES",
    "Value",
    "check_size",
    "count_nan",
    "device_of",
    "flatten_values",
]

DTYPES = {
    # dtype of the code under test -> dtype in the file
    "bool": "|b1",
    "int8": "|i1",
    "uint8": "|u1",
    "int16": "<i2",
    "uint16": "<u2",
    "int32": "<i4",
    "uint32": "<u4",
    "int64": "<i8",
    "uint64": "<u8",
    "float16": "<f2",
    "bfloat16": "<f4",
    "float32": "<f4",
    "float64": "<f8",
}
MAX_BYTES = 64 * 2**20
"""Most bytes that the outputs of a golden can have: it is kept in memory, and in git."""
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_MAX_KEY = 128

Value = tuple[npt.NDArray[Any], str]
"""An array as it is stored, and its dtype as the code under test had it."""


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _n_bytes(value: Any) -> int:
    if _is_tensor(value):
        # bfloat16 is stored in four bytes.
        return int(value.numel()) * max(int(value.element_size()), 4)
    return int(np.asarray(value).nbytes)


def _leaves(value: object, name: str) -> dict[str, object]:
    if isinstance(value, Mapping):
        if not value:
            msg = f"{name!r} is an empty dict; expected at least one output"
            raise SpecError(msg)
        leaves: dict[str, object] = {}
        for key, item in value.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                msg = (
                    f"{name!r} has the key {key!r:.80}; expected letters, digits, _ . -"
                )
                raise SpecError(msg)
            for path, leaf in _leaves(item, f"{name}.{key}").items():
                if path in leaves or len(path) > _MAX_KEY:
                    msg = (
                        f"{path!r:.160} is the name of two outputs, or longer than "
                        f"{_MAX_KEY} characters; rename one"
                    )
                    raise SpecError(msg)
                leaves[path] = leaf
        return leaves
    if isinstance(value, list | tuple):
        example = ", ".join(f"'name{i}': out[{i}]" for i in range(min(len(value), 3)))
        msg = (
            f"{name!r} is a {type(value).__name__} of {len(value)}; a golden keeps outputs "
            f"by name: give a dict, such as {{{example}}}"
        )
        raise SpecError(msg)
    return {name: value}


def _to_value(leaf: Any, name: str) -> Value:
    if _is_tensor(leaf):
        return _tensor_to_value(leaf, name)
    if not isinstance(leaf, np.ndarray | np.generic | bool | int | float):
        msg = (
            f"{name!r} is a {type(leaf).__name__}; expected an array, a tensor, a number, "
            "or a dict of these"
        )
        raise SpecError(msg)
    array = np.asarray(leaf)
    if array.dtype.name not in DTYPES:
        msg = f"{name!r} has dtype {array.dtype}; a golden holds {', '.join(DTYPES)}"
        raise SpecError(msg)
    return np.array(array, DTYPES[array.dtype.name], order="C"), array.dtype.name


def _tensor_to_value(tensor: Any, name: str) -> Value:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in DTYPES or tensor.is_sparse or tensor.is_quantized:
        msg = (
            f"{name!r} is a tensor of dtype {dtype}, layout {tensor.layout}; a golden "
            f"holds plain tensors of {', '.join(DTYPES)}"
        )
        raise SpecError(msg)
    plain = tensor.detach().cpu()
    # numpy has no bfloat16; each of its values is a float32.
    plain = plain.float() if dtype == "bfloat16" else plain
    return np.array(plain.numpy(), DTYPES[dtype], order="C"), dtype


def flatten_values(value: object, *, name: str) -> dict[str, Value]:
    """Return arrays by key.

    Parameters
    ----------
    value : array, tensor, number, or nested dict of these
        What the code under test gave.
    name : str
        Key of a single value; begins the keys of a dict.

    Returns
    -------
    values : dict of str to tuple
        Array as it is stored, a copy, and dtype as it was; in the order of the dict.

    Raises
    ------
    SpecError
        If it is a list or anything else without names, has a dtype that a file cannot
        hold, or all of it is larger than `MAX_BYTES`.
    """
    leaves = _leaves(value, name)
    for key, leaf in leaves.items():
        if leaf is None:
            msg = f"{key!r} is None; expected an array, a tensor or a number"
            raise SpecError(msg)
    check_size({key: _n_bytes(leaf) for key, leaf in leaves.items()})
    return {key: _to_value(leaf, key) for key, leaf in leaves.items()}


def check_size(sizes: Mapping[str, int]) -> None:
    """Refuse outputs that are too large.

    Parameters
    ----------
    sizes : mapping of str to int
        Bytes of each output.

    Raises
    ------
    SpecError
        If they have more than `MAX_BYTES` together; names the largest.
    """
    total = sum(sizes.values())
    if total > MAX_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        msg = (
            f"outputs of {total / 2**20:.0f} MiB ({largest!r}: "
            f"{sizes[largest] / 2**20:.0f} MiB); a golden holds at most "
            f"{MAX_BYTES // 2**20} MiB: check fewer windows, or every n-th value"
        )
        raise SpecError(msg)


def device_of(value: object) -> str:
    """Return where the first tensor of a value lies.

    Parameters
    ----------
    value : array, tensor, number, or nested dict of these
        What the code under test gave.

    Returns
    -------
    device : str
        Such as ``"cuda:0"``; ``"cpu"`` if there is no tensor.
    """
    if isinstance(value, Mapping):
        devices = [device_of(item) for item in value.values()]
        return next((device for device in devices if device != "cpu"), "cpu")
    return str(value.device) if _is_tensor(value) else "cpu"  # type: ignore[attr-defined]


def count_nan(array: npt.NDArray[Any]) -> int:
    """Return how many values are NaN.

    Parameters
    ----------
    array : numpy.ndarray
        Any dtype.

    Returns
    -------
    n_nan : int
        0 for integers.
    """
    return int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0
