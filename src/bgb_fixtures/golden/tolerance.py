"""How far a value may lie from a recorded one, by dtype and device, as measured.

Invariant: each default is a measured spread times a stated factor, and a golden stores
numbers, so that a later release does not move what was recorded.

Notes
-----
Spread: the largest difference of any of 276,480 logits, in units of the root mean square
of all, when only threads, convolution kernels, batch size or the processor's
instruction set change; ``python tools/tolerances.py`` prints it for two small detectors
(U-Net and TCN, torch 2.13, AVX-512, AVX2 and SSE4). CUDA: a small TCN on an H100 against
the CPU, logits of scale 3.2 (float32 1.7e-6, TF32 1.2e-3, bfloat16 2.7e-2).

========  ============  ============  =======  ======
dtype     CPU, largest  CUDA          default  factor
========  ============  ============  =======  ======
float64   1.1e-14       not measured  1e-12        90
float32   8.1e-6        5.3e-7        1e-4         12
TF32      -             3.8e-4        1e-2         26
float16   6.9e-3        not measured  5e-2          7
bfloat16  5.5e-2        8.4e-3        2e-1          4
========  ============  ============  =======  ======

Integers and booleans are exact. Training mode and deeper or less well conditioned models
spread further; then state a tolerance.
"""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.content import Tolerance

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["RELATIVE", "default_tolerance", "relative_default", "root_mean_square"]

RELATIVE = {
    "float64": 1e-12,
    "float32": 1e-4,
    "tf32": 1e-2,
    "float16": 5e-2,
    "bfloat16": 2e-1,
}
"""Allowed difference in units of the root mean square, by dtype as it was computed."""


def relative_default(dtype: str, *, tf32: bool) -> float:
    """Return the allowed difference in units of the root mean square.

    Parameters
    ----------
    dtype : str
        Dtype of the values.
    tf32 : bool
        Whether float32 was computed with TF32 on a GPU.

    Returns
    -------
    relative : float
        0 for integers and booleans.
    """
    if dtype == "float32" and tf32:
        return RELATIVE["tf32"]
    return RELATIVE.get(dtype, 0.0)


def root_mean_square(array: npt.NDArray[Any]) -> float:
    """Return the root mean square of the finite values.

    Parameters
    ----------
    array : numpy.ndarray of float
        Any shape.

    Returns
    -------
    scale : float
        0 if no value is finite.
    """
    values = array.astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0
    # Divided first, as squares of large values would overflow.
    largest = float(np.abs(values).max())
    if largest == 0:
        return 0.0
    return largest * float(np.sqrt(np.mean((values / largest) ** 2)))


def default_tolerance(
    array: npt.NDArray[Any], dtype: str, *, device: str, tf32: bool
) -> Tolerance:
    """Return the default tolerance of an array.

    Parameters
    ----------
    array : numpy.ndarray
        The recorded values.
    dtype : str
        Their dtype in the code under test.
    device : str
        ``"cpu"`` or ``"cuda"``, for the words.
    tf32 : bool
        Whether float32 was computed with TF32.

    Returns
    -------
    tolerance : Tolerance
        `rtol` from the table; `atol` the same times the root mean square of the
        values, rounded to two digits.
    """
    relative = relative_default(dtype, tf32=tf32)
    if relative == 0:
        return Tolerance(rtol=0.0, atol=0.0, source=f"{dtype} is exact")
    scale = root_mean_square(array)
    name = "float32 with TF32" if dtype == "float32" and tf32 else dtype
    return Tolerance(
        rtol=relative,
        atol=_two_digits(relative * scale),
        source=(
            f"default for {name} on {device}: {relative:g} of the root mean square "
            f"{scale:.3g}"
        ),
    )


def _two_digits(value: float) -> float:
    if value == 0:
        return 0.0
    return float(f"{value:.1e}") if floor(log10(value)) > -300 else value
