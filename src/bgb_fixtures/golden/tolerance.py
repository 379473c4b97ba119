"""Default tolerances by dtype and device, derived from measurements.

Invariant: each default is a measured spread times a stated factor. A golden stores the
numbers, so that a later release does not change the tolerance of recorded values.

Spread: the largest difference of any of 276,480 logits, in units of the root mean square
of all, when only threads, convolution kernels, batch size or the processor's
instruction set change; ``python tools/tolerances.py`` prints it for two small detectors
(U-Net and TCN, torch 2.13, AVX-512, AVX2 and SSE4). CUDA: a small TCN on an H100,
compared with the CPU, logits of scale 3.2 (float32 1.7e-6, TF32 1.2e-3, bfloat16
2.7e-2).

========  ============  ============  =======  ======
dtype     CPU, largest  CUDA          default  factor
========  ============  ============  =======  ======
float64   1.1e-14       not measured  1e-12        90
float32   8.1e-6        5.3e-7        1e-4         12
TF32      -             3.8e-4        1e-2         26
float16   6.9e-3        not measured  5e-2          7
bfloat16  5.5e-2        8.4e-3        2e-1          4
========  ============  ============  =======  ======

Complex numbers use the default of their parts. A Python float uses the default of
float32, as it may come from a float32 tensor. Integers, booleans and the 8-bit floats,
which were not measured, are exact. Differences are larger in training mode and in
deeper or less well conditioned models, which need an explicit tolerance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.content import Tolerance
from bgb_fixtures.golden.dtypes import widen

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "EVENTS_ATOL_S",
    "RELATIVE",
    "default_tolerance",
    "relative_default",
    "root_mean_square",
]

RELATIVE = {
    "float64": 1e-12,
    "float32": 1e-4,
    "tf32": 1e-2,
    "float16": 5e-2,
    "bfloat16": 2e-1,
}
"""Allowed difference in units of the root mean square, by dtype of the computation."""
EVENTS_ATOL_S = 1e-3
"""Allowed shift of an event in seconds: a quarter of a sample at 256 Hz."""
_PARTS = {"complex128": "float64", "complex64": "float32", "complex32": "float16"}


def relative_default(dtype: str, *, tf32: bool) -> float:
    """Return the allowed difference in units of the root mean square; 0 means exact."""
    dtype = _PARTS.get(dtype, dtype)
    if dtype == "float32" and tf32:
        return RELATIVE["tf32"]
    return RELATIVE.get(dtype, 0.0)


def root_mean_square(numbers: npt.NDArray[Any]) -> float:
    """Return the root mean square of the finite values; 0 if there are none."""
    sizes = np.abs(widen(numbers))
    sizes = sizes[np.isfinite(sizes)]
    largest = float(sizes.max(initial=0.0))
    if largest == 0:
        return 0.0
    # Divide first, as the squares of large values would overflow.
    return largest * float(np.sqrt(np.mean((sizes / largest) ** 2)))


def default_tolerance(
    numbers: npt.NDArray[Any], dtype: str, *, basis: str, device: str, tf32: bool
) -> Tolerance:
    """Return the default tolerance of recorded numbers.

    `rtol` is the default of `basis`, and `atol` is `rtol` times the root mean square of
    `numbers`. `dtype` and `device` are used in the description only.
    """
    relative = relative_default(basis, tf32=tf32)
    if dtype == "events":
        return Tolerance(
            rtol=0.0, atol=EVENTS_ATOL_S, source="default for events", basis=dtype
        )
    if relative == 0:
        return Tolerance(rtol=0.0, atol=0.0, source=f"{dtype} is exact", basis=basis)
    name = dtype if dtype == basis else "a Python float, taken for float32"
    if tf32 and _PARTS.get(basis, basis) == "float32":
        name += " with TF32"
    scale = root_mean_square(numbers)
    return Tolerance(
        rtol=relative,
        atol=float(f"{relative * scale:.1e}"),
        source=(
            f"default for {name} on {device}: {relative:g} of the root mean square "
            f"{scale:.3g}"
        ),
        basis=basis,
    )
