"""The dtypes that a golden can hold, and how each is stored in a file for numpy.

Invariant: a stored array has exactly the bits that the code under test returned. Values
of a dtype that numpy lacks are stored as unsigned integers of the same width, together
with the name of the dtype.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_TEXT", "NUMPY", "TORCH", "is_stored_as", "to_numbers", "widen"]

NUMPY = {
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
    "float32": "<f4",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}
"""Dtypes that numpy has -> how they are stored."""
TORCH = {
    "bfloat16": "<u2",
    "complex32": "<u4",
    "float8_e4m3fn": "|u1",
    "float8_e4m3fnuz": "|u1",
    "float8_e5m2": "|u1",
    "float8_e5m2fnuz": "|u1",
    "float8_e8m0fnu": "|u1",
}
"""Dtypes that only torch has -> unsigned integers of the same width."""
_SPECIAL = {
    # Rows of window, onset and duration in seconds.
    "events": "<f8",
    # Stored as arrays of shape (0,), as there is no value.
    "None": "|u1",
    "empty": "|u1",
}
MAX_TEXT = 1000
"""Maximum length of a string in characters."""
_TEXT = re.compile(r"<U([1-9]\d{0,3})")


def is_stored_as(dtype: str, stored: str) -> bool:
    """Return whether `stored` is the numpy dtype string used to store `dtype`."""
    if dtype == "str":
        text = _TEXT.fullmatch(stored)
        return text is not None and int(text[1]) <= MAX_TEXT
    return (NUMPY | TORCH | _SPECIAL).get(dtype) == stored


def to_numbers(array: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    """Return stored values in a dtype that numpy can compute with."""
    flat = array.reshape(-1)
    if dtype == "bfloat16":
        # A bfloat16 is the upper half of a float32.
        return (flat.astype(np.uint32) << 16).view(np.float32).reshape(array.shape)
    if dtype == "complex32":
        parts = flat.view(np.float16).astype(np.float32)
        return parts.view(np.complex64).reshape(array.shape)
    if dtype.startswith("float8"):
        return np.asarray(_float8(dtype)[array])
    return array


def widen(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return numbers as float64 or complex128."""
    # numpy warns about signalling NaN, which a file or uninitialised memory may
    # contain.
    with np.errstate(invalid="ignore"):
        return numbers.astype(
            np.complex128 if numbers.dtype.kind == "c" else np.float64
        )


@cache
def _float8(dtype: str) -> npt.NDArray[np.float32]:
    """Return the 256 values of an 8-bit float, indexed by its bits.

    The formats are those of https://onnx.ai/onnx/technical/float8.html and, for e8m0, of
    the OCP Microscaling Formats (MX) specification 1.0.
    """
    code = np.arange(256)
    if dtype == "float8_e8m0fnu":
        values = 2.0 ** (code - 127)
        return np.where(code == 0xFF, np.nan, values).astype(np.float32)
    n_mantissa = 3 if "e4m3" in dtype else 2
    n_exponent = 7 - n_mantissa
    bias = 2 ** (n_exponent - 1) - 1 + dtype.endswith("uz")
    exponent = code >> n_mantissa & 2**n_exponent - 1
    mantissa = code & 2**n_mantissa - 1
    # A value with exponent 0 is subnormal: it has no implicit leading one.
    fraction = np.where(exponent > 0, 1.0, 0.0) + mantissa / 2**n_mantissa
    values = fraction * 2.0 ** (np.maximum(exponent, 1) - bias)
    if dtype == "float8_e5m2":
        top = exponent == 2**n_exponent - 1
        values = np.where(top, np.where(mantissa > 0, np.nan, np.inf), values)
    elif dtype == "float8_e4m3fn":
        values = np.where(code & 0x7F == 0x7F, np.nan, values)
    values = np.where(code >= 0x80, -values, values)
    if dtype.endswith("uz"):
        # Its only NaN has the bits of minus zero.
        values = np.where(code == 0x80, np.nan, values)
    return values.astype(np.float32)
