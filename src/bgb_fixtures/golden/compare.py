"""Compare what the code gave with what was recorded: keys, dtype, shape, then values.

Invariant: a changed key, dtype or shape is a difference, whatever the tolerance; NaN
equals NaN only in the same place, and infinity only the same infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.content import Golden, Output, Tolerance
from bgb_fixtures.golden.environment import environment_changes, uses_tf32
from bgb_fixtures.golden.tolerance import relative_default, root_mean_square

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["Change", "Comparison", "Extreme", "compare_goldens", "far_apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """Hold the greatest difference of an array.

    Attributes
    ----------
    difference : float
        Absolute or relative, not signed.
    index : tuple of int
        Where.
    expected, obtained : float
        The values there.
    """

    difference: float
    index: tuple[int, ...]
    expected: float
    obtained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Say how one output differs from the recorded one.

    Attributes
    ----------
    key : str
        Which output.
    what : str
        ``"missing"``, ``"new"``, ``"dtype"``, ``"shape"`` or ``"values"``.
    expected, obtained : str
        Dtype or shape, recorded and now; empty otherwise.
    tolerance : Tolerance or None
        What was allowed, for values.
    far : numpy.ndarray of bool or None
        Which values left tolerance.
    absolute, relative : Extreme or None
        Greatest differences among finite values; relative to the recorded value.
    not_finite : tuple of tuple
        For each way in which NaN or infinity came, went or changed sign: words, number
        of places, first place.
    """

    key: str
    what: str
    expected: str = ""
    obtained: str = ""
    tolerance: Tolerance | None = None
    far: npt.NDArray[np.bool_] | None = None
    absolute: Extreme | None = None
    relative: Extreme | None = None
    not_finite: tuple[tuple[str, int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Hold the result of a comparison.

    Attributes
    ----------
    recorded, obtained : Golden
        Both sides.
    changes : tuple of Change
        One for each output that differs.
    environment : tuple of tuple of str
        Name, recorded value, value here, of whatever differs.
    """

    recorded: Golden
    obtained: Golden
    changes: tuple[Change, ...]
    environment: tuple[tuple[str, str, str], ...]

    @property
    def equal(self) -> bool:
        """Whether all outputs are within tolerance."""
        return not self.changes


def far_apart(
    expected: npt.NDArray[Any], obtained: npt.NDArray[Any], tolerance: Tolerance
) -> npt.NDArray[np.bool_]:
    """Return which values are not close.

    Parameters
    ----------
    expected, obtained : numpy.ndarray
        Of the same shape.
    tolerance : Tolerance
        What is allowed between finite values.

    Returns
    -------
    far : numpy.ndarray of bool
        True where values differ by more, or NaN or infinity stand in one only.
    """
    if expected.dtype.kind != "f":
        if tolerance.rtol == tolerance.atol == 0:
            # Not in float64, which has 53 bits only.
            return np.asarray(expected != obtained)
        expected, obtained = _as_float(expected), _as_float(obtained)
    a, b = _as_float(expected), _as_float(obtained)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(b - a) <= tolerance.atol + tolerance.rtol * np.abs(a)
    finite = np.isfinite(a) & np.isfinite(b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.asarray(~np.where(finite, close, same))


def _as_float(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return array.astype(np.float64)


def _place(array: npt.NDArray[Any], flat: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, array.shape))


def _extreme(
    differences: npt.NDArray[np.float64],
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
) -> Extreme | None:
    if differences.size == 0 or np.isnan(differences).all():
        return None
    place = _place(differences, int(np.nanargmax(differences)))
    return Extreme(
        difference=float(differences[place]),
        index=place,
        expected=float(a[place]),
        obtained=float(b[place]),
    )


def _not_finite(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]
) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    ways = {
        "NaN where numbers were recorded": nan_b & ~nan_a,
        "numbers where NaN was recorded": nan_a & ~nan_b,
        "infinity where finite numbers were recorded": np.isinf(b) & np.isfinite(a),
        "finite numbers where infinity was recorded": np.isinf(a) & np.isfinite(b),
        "infinity of the other sign": np.isinf(a) & np.isinf(b) & (a != b),
    }
    return tuple(
        (words, int(there.sum()), _place(a, int(there.argmax())))
        for words, there in ways.items()
        if there.any()
    )


def _compare_output(
    key: str, expected: Output, obtained: Output, tolerance: Tolerance
) -> Change | None:
    if expected.dtype != obtained.dtype:
        return Change(
            key=key, what="dtype", expected=expected.dtype, obtained=obtained.dtype
        )
    if expected.array.shape != obtained.array.shape:
        return Change(
            key=key,
            what="shape",
            expected=str(expected.array.shape),
            obtained=str(obtained.array.shape),
        )
    far = far_apart(expected.array, obtained.array, tolerance)
    if not far.any():
        return None
    a, b = _as_float(expected.array), _as_float(obtained.array)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        absolute = np.where(finite, np.abs(b - a), np.nan)
        relative = np.where(a == 0, np.nan, absolute / np.abs(a))
    return Change(
        key=key,
        what="values",
        tolerance=tolerance,
        far=far,
        absolute=_extreme(absolute, a, b),
        relative=_extreme(relative, a, b),
        not_finite=_not_finite(a, b),
    )


def _tolerance(
    recorded: Output,
    environments: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    rtol: float | None,
    atol: float | None,
) -> Tolerance:
    """Return what is allowed: as asked for, else as recorded, wider for TF32."""
    stored = recorded.tolerance
    if rtol is not None or atol is not None:
        return Tolerance(
            rtol=stored.rtol if rtol is None else rtol,
            atol=stored.atol if atol is None else atol,
            source="asked for by this check",
        )
    tf32 = any(map(uses_tf32, environments))
    needed = relative_default(recorded.dtype, tf32=tf32)
    if stored.source.startswith("default") and needed > stored.rtol:
        return Tolerance(
            rtol=needed,
            atol=needed * root_mean_square(recorded.array),
            source=f"default for {recorded.dtype} with TF32, which is on in one of both",
        )
    return stored


def compare_goldens(
    recorded: Golden,
    obtained: Golden,
    *,
    rtol: float | None = None,
    atol: float | None = None,
) -> Comparison:
    """Compare a run with what was recorded, or two files.

    Parameters
    ----------
    recorded, obtained : Golden
        Before and after.
    rtol, atol : float or None
        Tolerances that replace the recorded ones, for all outputs.

    Returns
    -------
    comparison : Comparison
        `equal` if nothing left tolerance.
    """
    changes = []
    environments = (recorded.environment, obtained.environment)
    for key, expected in recorded.outputs.items():
        if key not in obtained.outputs:
            changes.append(Change(key=key, what="missing"))
            continue
        tolerance = _tolerance(expected, environments, rtol=rtol, atol=atol)
        change = _compare_output(key, expected, obtained.outputs[key], tolerance)
        if change is not None:
            changes.append(change)
    changes += [
        Change(key=key, what="new")
        for key in obtained.outputs
        if key not in recorded.outputs
    ]
    return Comparison(
        recorded=recorded,
        obtained=obtained,
        changes=tuple(changes),
        environment=tuple(environment_changes(*environments)),
    )
