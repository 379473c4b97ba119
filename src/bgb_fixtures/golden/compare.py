"""Comparison of obtained with recorded outputs: keys, dtype, shape and values.

Invariant: a changed key, dtype or shape is a difference whatever the tolerance; NaN
equals NaN only in the same place, and an infinity equals only the same infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.content import Golden, Output, Tolerance
from bgb_fixtures.golden.detections import pair_spans
from bgb_fixtures.golden.dtypes import widen
from bgb_fixtures.golden.environment import environment_changes, uses_tf32
from bgb_fixtures.golden.tolerance import relative_default, root_mean_square

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = [
    "Change",
    "Comparison",
    "EventChange",
    "Extreme",
    "compare_goldens",
    "distances",
    "far_apart",
]

_Event = tuple[float, float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The greatest difference in an array, with its index and both values."""

    difference: float
    index: tuple[int, ...]
    expected: complex
    obtained: complex


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChange:
    """A difference in one event: gained, lost, shifted or relabelled.

    `before` and `after` are (onset, duration, label), with onset and duration in
    seconds.
    """

    window: int
    what: str
    before: tuple[float, float, str] | None
    after: tuple[float, float, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference between one output and the recorded one.

    `what` is ``"missing"``, ``"new"``, ``"dtype"``, ``"shape"``, ``"values"`` or
    ``"events"``. `expected` and `obtained` are dtypes or shapes as text. `far` marks
    the values out of tolerance; `absolute` and `relative` are the greatest differences
    among finite numbers. `not_finite` has an item for each way in which NaN or infinity
    appeared, disappeared or changed sign: a description, the number of values, and the
    first index.
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
    events: tuple[EventChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison.

    `environment` lists each setting that differs: name, recorded value, current value.
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
    """Return a mask of the values that are out of tolerance; the shapes are equal.

    A value that is NaN or infinite in only one of the arrays is out of tolerance.
    """
    exact = tolerance.rtol == tolerance.atol == 0
    if expected.dtype.kind == "U" or (expected.dtype.kind not in "fc" and exact):
        # Do not convert to float64, whose 53 bits cannot hold all integers.
        return np.asarray(expected != obtained)
    a, b = widen(expected), widen(obtained)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(b - a) <= tolerance.atol + tolerance.rtol * np.abs(a)
    finite = np.isfinite(a) & np.isfinite(b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.asarray(~np.where(finite, close, same))


def distances(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return absolute differences; infinite where only one number is finite."""
    wide = widen(a), widen(b)
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.nan_to_num(np.abs(wide[1] - wide[0]), nan=np.inf)
    same = (wide[0] == wide[1]) | (np.isnan(wide[0]) & np.isnan(wide[1]))
    return np.where(same, 0.0, found)


def _place(array: npt.NDArray[Any], flat: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, array.shape))


def _extreme(
    differences: npt.NDArray[np.float64], a: npt.NDArray[Any], b: npt.NDArray[Any]
) -> Extreme | None:
    if differences.size == 0 or np.isnan(differences).all():
        return None
    place = _place(differences, int(np.nanargmax(differences)))
    return Extreme(
        difference=float(differences[place]),
        index=place,
        expected=a[place].item(),
        obtained=b[place].item(),
    )


def _not_finite(
    a: npt.NDArray[Any], b: npt.NDArray[Any]
) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    ways = {
        "NaN, recorded as a number": nan_b & ~nan_a,
        "a number, recorded as NaN": nan_a & ~nan_b,
        "infinite, recorded as finite": np.isinf(b) & np.isfinite(a),
        "finite, recorded as infinite": np.isinf(a) & np.isfinite(b),
        "infinite with another sign": np.isinf(a) & np.isinf(b) & (a != b),
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
    if expected.dtype == "events":
        return _compare_events(key, expected, obtained, tolerance)
    if expected.array.shape != obtained.array.shape:
        return Change(
            key=key,
            what="shape",
            expected=str(expected.array.shape),
            obtained=str(obtained.array.shape),
        )
    a, b = expected.numbers, obtained.numbers
    far = far_apart(a, b, tolerance)
    if not far.any():
        return None
    if a.dtype.kind == "U":
        return Change(key=key, what="values", tolerance=tolerance, far=far)
    a, b = widen(a), widen(b)
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


def _compare_events(
    key: str, expected: Output, obtained: Output, tolerance: Tolerance
) -> Change | None:
    sides = [_by_window(side) for side in (expected, obtained)]
    changes = []
    for window in sorted(sides[0].keys() | sides[1].keys()):
        before, after = (side.get(window, []) for side in sides)
        spans = [[(e[0], e[0] + e[1]) for e in side] for side in (before, after)]
        for i, j in pair_spans(spans[0], spans[1], atol=tolerance.atol):
            a = None if i is None else before[i]
            b = None if j is None else after[j]
            what = _event_change(a, b, tolerance.atol)
            if what:
                changes.append(EventChange(window=window, what=what, before=a, after=b))
    if not changes:
        return None
    return Change(key=key, what="events", tolerance=tolerance, events=tuple(changes))


def _by_window(side: Output) -> dict[int, list[_Event]]:
    events: dict[int, list[_Event]] = {}
    rows = side.array.tolist()
    for (window, onset, duration), label in zip(rows, side.labels, strict=True):
        events.setdefault(int(window), []).append((onset, duration, label))
    return events


def _event_change(a: _Event | None, b: _Event | None, atol: float) -> str:
    """Return how an event changed; empty if unchanged."""
    if a is None or b is None:
        return "gained" if a is None else "lost"
    # Compute the ends first: rounding makes the difference of two sums differ from the
    # sum of the differences.
    if max(abs(a[0] - b[0]), abs((a[0] + a[1]) - (b[0] + b[1]))) > atol:
        return "shifted"
    return "relabelled" if a[2] != b[2] else ""


def _tolerance(
    recorded: Output,
    environments: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    rtol: float | None,
    atol: float | None,
) -> Tolerance:
    """Return the stated tolerance, or the recorded one, which is widened for TF32."""
    stored = recorded.tolerance
    if rtol is not None or atol is not None:
        return Tolerance(
            rtol=stored.rtol if rtol is None else rtol,
            atol=stored.atol if atol is None else atol,
            source="stated by this check",
        )
    needed = relative_default(
        stored.basis, tf32=any(uses_tf32(side) for side in environments)
    )
    if needed > stored.rtol:
        return Tolerance(
            rtol=needed,
            atol=needed * root_mean_square(recorded.numbers),
            source=f"default for {stored.basis} with TF32, which one side used",
            basis=stored.basis,
        )
    return stored


def compare_goldens(
    recorded: Golden,
    obtained: Golden,
    *,
    rtol: float | None = None,
    atol: float | None = None,
) -> Comparison:
    """Compare two goldens.

    Parameters
    ----------
    recorded, obtained : Golden
        Expected and obtained outputs.
    rtol, atol : float or None
        Tolerances for all outputs, instead of the recorded ones. For events, `atol` is in
        seconds.

    Returns
    -------
    comparison : Comparison
        `equal` if every output is within tolerance.
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
