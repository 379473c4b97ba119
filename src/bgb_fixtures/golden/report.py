"""A comparison in words: as exact as `assert_close`, then in the language of the field.

Invariant: a changed environment stands first, and every number that decided is shown
beside the one that was allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.environment import uses_tf32
from bgb_fixtures.golden.origin import Origin, find_origin
from bgb_fixtures.golden.seizures import (
    detection_changes,
    find_detections,
    per_sample,
    score_events,
)
from bgb_fixtures.golden.tolerance import RELATIVE, relative_default

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.format.records import WindowRecord
    from bgb_fixtures.golden.compare import Change, Comparison, Extreme
    from bgb_fixtures.golden.seizures import DetectionChange, Score, Span

__all__ = ["comparison_to_json", "describe_comparison", "origin_of"]

_MOST = 8


def describe_comparison(
    comparison: Comparison, *, fixture: Fixture | None = None
) -> str:
    """Return a comparison in words.

    Parameters
    ----------
    comparison : Comparison
        What was compared.
    fixture : Fixture or None
        The windows that went in; with them, windows, seizures and score are told.

    Returns
    -------
    text : str
        Several lines; empty if nothing differs and the environment is the same.
    """
    lines = [
        f"environment: {name}: recorded {recorded}, here {here}"
        for name, recorded, here in comparison.environment
    ]
    for change in comparison.changes:
        lines += _describe_change(change, comparison, fixture)
    if comparison.changes:
        lines += _describe_origin(comparison)
    return "\n".join(lines)


def _describe_change(
    change: Change, comparison: Comparison, fixture: Fixture | None
) -> list[str]:
    key = change.key
    if change.what == "missing":
        return [f"{key!r}: recorded, and not given any more"]
    if change.what == "new":
        return [f"{key!r}: given, and not recorded"]
    if change.what in ("dtype", "shape"):
        return [
            f"{key!r}: {change.what} {change.expected} recorded, got {change.obtained}"
        ]
    lines = _describe_values(change)
    if fixture is not None:
        lines += _describe_windows(change, comparison, fixture)
    return lines


def _describe_values(change: Change) -> list[str]:
    far, tolerance = change.far, change.tolerance
    if far is None or tolerance is None:
        return []
    n_far = int(far.sum())
    lines = [
        f"{change.key!r}: {n_far} of {far.size} values differ ({n_far / far.size:.1%})"
    ]
    allowed = f"allowed {tolerance.atol:g} + {tolerance.rtol:g} x |expected|"
    if change.absolute is not None:
        lines.append(f"  greatest absolute difference {_extreme(change.absolute)}")
    if change.relative is not None:
        lines.append(f"  greatest relative difference {_extreme(change.relative)}")
    lines.append(f"  {allowed} ({tolerance.source})")
    lines += [
        f"  {words}: {n} values, first at {place}"
        for words, n, place in change.not_finite
    ]
    return lines


def _extreme(extreme: Extreme) -> str:
    return (
        f"{extreme.difference:.3g} at {extreme.index}: expected {extreme.expected:.6g}, "
        f"got {extreme.obtained:.6g}"
    )


def _describe_windows(
    change: Change, comparison: Comparison, fixture: Fixture
) -> list[str]:
    """Say which windows moved, what became of detections, and of the score."""
    n_windows, n_times = fixture.labels.shape
    far = change.far
    if far is None or far.ndim == 0 or len(far) != n_windows:
        return []
    expected = comparison.recorded.outputs[change.key]
    obtained = comparison.obtained.outputs[change.key]
    a = expected.array.astype(np.float64)
    b = obtained.array.astype(np.float64)
    rows = np.flatnonzero(far.reshape(n_windows, -1).any(axis=1))
    lines = [f"  windows moved: {len(rows)} of {n_windows}"]
    lines += [
        f"    {_window(fixture.windows[row])}: "
        + _moved(far[row], a[row], b[row], fixture.sfreq)
        for row in rows[:_MOST]
    ]
    lines += _and_more(len(rows))
    before = per_sample(expected.array, n_windows=n_windows, n_times=n_times)
    after = per_sample(obtained.array, n_windows=n_windows, n_times=n_times)
    if before is None or after is None or expected.threshold is None:
        return lines
    return lines + _describe_seizures(before, after, expected.threshold, fixture)


def _and_more(n: int) -> list[str]:
    return [f"    and {n - _MOST} more"] if n > _MOST else []


def _window(window: WindowRecord) -> str:
    codes = "".join(f" {code}" for code in sorted({e.label for e in window.events}))
    return f"{window.id} ({window.split}, {window.category} {window.kind}{codes})"


def _moved(
    far: npt.NDArray[np.bool_],
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    sfreq: float,
) -> str:
    with np.errstate(invalid="ignore"):
        difference = np.nan_to_num(np.abs(b - a), nan=np.inf)
    place = np.unravel_index(int(difference.argmax()), difference.shape)
    words = f"{int(far.sum())} values, largest {difference[place]:.3g}"
    # The last axis is time only if it is as long as the windows are.
    return (
        f"{words} at {place[-1] / sfreq:.2f} s"
        if far.ndim == 1 and far.size > 1
        else words
    )


def _describe_seizures(
    before: npt.NDArray[Any],
    after: npt.NDArray[Any],
    threshold: float,
    fixture: Fixture,
) -> list[str]:
    sfreq = fixture.sfreq
    found = [
        [find_detections(row, threshold=threshold, sfreq=sfreq) for row in values]
        for values in (before, after)
    ]
    told = []
    counts = {"gained": 0, "lost": 0, "shifted": 0}
    for row, window in enumerate(fixture.windows):
        for change in detection_changes(found[0][row], found[1][row]):
            counts[change.what] += 1
            told.append(f"    {window.id}: {_detection(change, window, sfreq)}")
    summary = ", ".join(f"{n} {what}" for what, n in counts.items())
    n_before, n_after = (sum(map(len, spans)) for spans in found)
    lines = [f"  detections above {threshold:g}: {n_before} -> {n_after} ({summary})"]
    lines += [*told[:_MOST], *_and_more(len(told))]
    scores = [score_events(fixture.labels, spans, sfreq=sfreq) for spans in found]
    if scores[0] is None or scores[1] is None:
        lines.append('  score: not computed; run: pip install "bgb-fixtures[score]"')
    else:
        lines.append(f"  score (SzCORE events): {_scores(scores[0], scores[1])}")
    return lines


def _scores(before: Score, after: Score) -> str:
    parts = {
        "sensitivity": (before.sensitivity, after.sensitivity, ".2f"),
        "precision": (before.precision, after.precision, ".2f"),
        "F1": (before.f1, after.f1, ".2f"),
        "false alarms per day": (
            before.false_alarms_per_day,
            after.false_alarms_per_day,
            ".0f",
        ),
    }
    return ", ".join(
        f"{name} {a:{form}} -> {b:{form}}" for name, (a, b, form) in parts.items()
    )


def _detection(change: DetectionChange, window: WindowRecord, sfreq: float) -> str:
    span = change.before or change.after
    if change.before and change.after:
        start, stop = (
            (new - old) / sfreq
            for new, old in zip(change.after, change.before, strict=True)
        )
        words = f"shifted {_seconds(change.before, sfreq)}: start {start:+.2f} s, end {stop:+.2f} s"
    else:
        words = f"{change.what} {_seconds(change.before or change.after, sfreq)}"
    labelled = [
        f"{event.label} {_seconds((start, stop), sfreq)}"
        for event in window.events
        for start, stop in [event.span(sfreq)]
        if span and start < span[1] and span[0] < stop
    ]
    return words + (
        f" (labelled {', '.join(labelled)})" if labelled else " (no seizure)"
    )


def _seconds(span: Span | None, sfreq: float) -> str:
    start, stop = span or (0, 0)
    return f"{start / sfreq:.2f}-{stop / sfreq:.2f} s"


def origin_of(comparison: Comparison) -> Origin | None:
    """Return where the traces of both sides part.

    Parameters
    ----------
    comparison : Comparison
        What was compared.

    Returns
    -------
    origin : Origin or None
        None if either side has no trace.
    """
    before, after = comparison.recorded.trace, comparison.obtained.trace
    if before is None or after is None:
        return None
    tf32 = any(
        uses_tf32(side.environment)
        for side in (comparison.recorded, comparison.obtained)
    )
    dtypes = {dtype for call in before.calls for dtype in call.dtypes}
    relative = max(
        (relative_default(d, tf32=tf32) for d in dtypes if d in RELATIVE),
        default=RELATIVE["float32"],
    )
    return find_origin(before, after, relative=relative)


def _describe_origin(comparison: Comparison) -> list[str]:
    origin = origin_of(comparison)
    if origin is None:
        return []
    return ["where it began:", *(f"  {line}" for line in origin.lines)]


def comparison_to_json(
    comparison: Comparison, *, fixture: Fixture | None = None
) -> dict[str, Any]:
    """Return a comparison as JSON values.

    Parameters
    ----------
    comparison : Comparison
        What was compared.
    fixture : Fixture or None
        The windows that went in.

    Returns
    -------
    answer : dict
        ``equal``, ``environment``, ``changes``, ``origin``, ``text``.
    """
    origin = origin_of(comparison) if comparison.changes else None
    return {
        "equal": comparison.equal,
        "environment": {
            name: {"recorded": recorded, "here": here}
            for name, recorded, here in comparison.environment
        },
        "changes": [_change_to_json(change, fixture) for change in comparison.changes],
        "origin": None
        if origin is None
        else {
            "module": origin.module,
            "inputs_equal": origin.inputs_equal,
            "weights_equal": origin.weights_equal,
            "weights_changed": list(origin.weights_changed),
        },
        "text": describe_comparison(comparison, fixture=fixture),
    }


def _change_to_json(change: Change, fixture: Fixture | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"key": change.key, "what": change.what}
    if change.what in ("dtype", "shape"):
        answer |= {"expected": change.expected, "obtained": change.obtained}
    if change.far is not None and change.tolerance is not None:
        answer |= {
            "n_different": int(change.far.sum()),
            "n_values": int(change.far.size),
            "rtol": change.tolerance.rtol,
            "atol": change.tolerance.atol,
            "greatest_absolute": change.absolute and change.absolute.difference,
            "greatest_relative": change.relative and change.relative.difference,
            "not_finite": {words: n for words, n, _ in change.not_finite},
            "windows": _moved_windows(change, fixture),
        }
    return answer


def _moved_windows(change: Change, fixture: Fixture | None) -> Sequence[str] | None:
    far = change.far
    if fixture is None or far is None or far.ndim == 0 or len(far) != len(fixture):
        return None
    rows = np.flatnonzero(far.reshape(len(far), -1).any(axis=1))
    return [fixture.windows[row].id for row in rows]
