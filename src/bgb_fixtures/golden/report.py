"""Text report of a comparison: numbers as in `assert_close`, then windows and seizures.

Invariant: a changed environment comes first. Every difference is shown beside the
allowed one, with enough digits to tell them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import counted
from bgb_fixtures.golden.compare import distances
from bgb_fixtures.golden.detections import (
    detection_changes,
    find_detections,
    per_sample,
    score_events,
)
from bgb_fixtures.golden.environment import uses_tf32
from bgb_fixtures.golden.first_difference import FirstDifference, find_first_difference
from bgb_fixtures.golden.motion import describe_motion
from bgb_fixtures.golden.tolerance import RELATIVE, relative_default
from bgb_fixtures.golden.windows import Windows, moved_rows, windows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.compare import Change, Comparison, EventChange, Extreme
    from bgb_fixtures.golden.content import Tolerance
    from bgb_fixtures.golden.detections import DetectionChange, Score, Span

__all__ = [
    "allowed",
    "comparison_to_json",
    "describe_comparison",
    "first_difference_of",
    "show_size",
    "sum_up",
]

_MOST = 8


def describe_comparison(
    comparison: Comparison, *, fixture: Fixture | None = None
) -> str:
    """Return a comparison as text; empty if outputs and environment are unchanged.

    With `fixture`, the input windows, the text includes their labels and the score.
    """
    windows = windows_of(comparison, fixture)
    lines = [
        f"environment: {name}: recorded {recorded}, here {here}"
        for name, recorded, here in comparison.environment
    ]
    for change in comparison.changes:
        lines += _describe_change(change, comparison, windows)
    first = first_difference_of(comparison) if comparison.changes else None
    if first is not None:
        lines += ["where it began:", *(f"  {line}" for line in first.lines)]
    return "\n".join(lines)


def sum_up(comparison: Comparison, *, fixture: Fixture | None = None) -> str:
    """Return a summary of a comparison in one sentence."""
    n = len(comparison.recorded.outputs)
    outputs = counted(n, "output")
    if comparison.equal:
        return f"equal within tolerance: {outputs}"
    windows = windows_of(comparison, fixture)
    parts = []
    for change in comparison.changes:
        words = {
            "missing": "is missing",
            "new": "is new",
            "dtype": "has another dtype",
            "shape": "has another shape",
            "values": "moved",
            "events": "has other events",
        }[change.what]
        rows = [] if windows is None else moved_rows(change, comparison, windows)
        where = f" in {len(rows)} of {len(windows or ())} windows" if rows else ""
        parts.append(f"{change.key!r} {words}{where}")
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return f"different: {', '.join(parts[:3])}{more} (of {outputs})"


def _describe_change(
    change: Change, comparison: Comparison, windows: Windows | None
) -> list[str]:
    key = change.key
    if change.what == "missing":
        return [f"{key!r}: recorded, but missing now"]
    if change.what == "new":
        return [f"{key!r}: new, not in the golden"]
    if change.what in ("dtype", "shape"):
        return [
            (
                f"{key!r}: {change.what} changed (found {change.obtained}, expected "
                f"{change.expected})"
            )
        ]
    if change.what == "events":
        return _describe_events(change, comparison, windows)
    lines = _describe_values(change, comparison)
    lines += [f"  {words}" for words in _describe_motion(change, comparison, windows)]
    if windows is not None:
        lines += _describe_windows(change, comparison, windows)
    return lines


def _describe_values(change: Change, comparison: Comparison) -> list[str]:
    far, tolerance = change.far, change.tolerance
    if far is None or tolerance is None:
        return []
    n_far = int(far.sum())
    lines = [
        f"{change.key!r}: {n_far} of {far.size} values differ ({n_far / far.size:.1%})"
    ]
    sides = [
        side.outputs[change.key].numbers
        for side in (comparison.recorded, comparison.obtained)
    ]
    if sides[0].dtype.kind == "U":
        place = tuple(int(i) for i in np.argwhere(far)[0])
        first, second = (str(side[place]) for side in sides)
        return [
            *lines,
            f"  first at {place}: expected {first!r:.120}, got {second!r:.120}",
        ]
    if change.absolute is not None:
        lines.append(f"  greatest absolute difference {_extreme(change.absolute)}")
    if change.relative is not None:
        lines.append(f"  greatest relative difference {_extreme(change.relative)}")
    lines.append(f"  {allowed(tolerance)} ({tolerance.source})")
    return lines + [
        f"  {words}: {n} values, first at {place}"
        for words, n, place in change.not_finite
    ]


def allowed(tolerance: Tolerance, dtype: str = "") -> str:
    """Return a tolerance as text."""
    if dtype == "events":
        return f"allowed shift {tolerance.atol:g} s"
    return f"allowed {tolerance.atol:g} + {tolerance.rtol:g} x |expected|"


def _extreme(extreme: Extreme) -> str:
    expected, obtained = _digits(extreme.expected, extreme.obtained)
    return (
        f"{extreme.difference:.3g} at {extreme.index}: expected {expected}, "
        f"got {obtained}"
    )


def _digits(a: complex, b: complex) -> tuple[str, str]:
    """Format two numbers with as many digits as it takes to tell them apart."""
    for n_digits in range(6, 18):
        shown = (f"{a:.{n_digits}g}", f"{b:.{n_digits}g}")
        if shown[0] != shown[1]:
            break
    return shown


def _describe_motion(
    change: Change, comparison: Comparison, windows: Windows | None
) -> list[str]:
    far, tolerance = change.far, change.tolerance
    if far is None or tolerance is None:
        return []
    ids = windows.ids if windows is not None and _is_by_window(far, windows) else None
    in_time = ids and windows and far.ndim > 1 and far.shape[-1] == windows.n_times
    return describe_motion(
        comparison.recorded.outputs[change.key].numbers,
        comparison.obtained.outputs[change.key].numbers,
        tolerance,
        windows=ids,
        sfreq=windows.sfreq if windows and in_time else None,
    )


def _is_by_window(far: npt.NDArray[np.bool_], windows: Windows) -> bool:
    return far.ndim > 0 and len(far) == len(windows)


def _describe_windows(
    change: Change, comparison: Comparison, windows: Windows
) -> list[str]:
    """List the windows out of tolerance, and changes in detections and score."""
    expected = comparison.recorded.outputs[change.key]
    a, b = expected.numbers, comparison.obtained.outputs[change.key].numbers
    far = change.far
    rows = moved_rows(change, comparison, windows)
    if not rows or far is None:
        return []
    lines = [f"  windows moved: {len(rows)} of {len(windows)}"]
    lines += [
        f"    {windows.title(row)}: {_moved(far[row], a[row], b[row], windows)}"
        for row in rows[:_MOST]
    ]
    lines += _and_more(len(rows))
    sizes = {"n_windows": len(windows), "n_times": windows.n_times}
    before, after = per_sample(a, **sizes), per_sample(b, **sizes)
    if before is None or after is None or expected.threshold is None:
        return lines
    return lines + _describe_seizures(before, after, expected.threshold, windows)


def _and_more(n: int) -> list[str]:
    return [f"    and {n - _MOST} more"] if n > _MOST else []


def _moved(
    far: npt.NDArray[np.bool_],
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    windows: Windows,
) -> str:
    n_far = int(far.sum())
    words = counted(n_far, "value")
    if a.dtype.kind == "U":
        return words
    difference = distances(a, b)
    place = np.unravel_index(int(difference.argmax()), difference.shape)
    words += f", largest difference {difference[place]:.3g}"
    if far.ndim and far.shape[-1] == windows.n_times:
        words += f" at {place[-1] / windows.sfreq:.2f} s"
    return words


def _describe_seizures(
    before: npt.NDArray[Any],
    after: npt.NDArray[Any],
    threshold: float,
    windows: Windows,
) -> list[str]:
    sfreq = windows.sfreq
    found = [
        [find_detections(row, threshold=threshold, sfreq=sfreq) for row in values]
        for values in (before, after)
    ]
    told = []
    counts = {"gained": 0, "lost": 0, "shifted": 0}
    for row, name in enumerate(windows.ids):
        for change in detection_changes(found[0][row], found[1][row]):
            counts[change.what] += 1
            told.append(f"    {name}: {_detection(change, row, windows)}")
    summary = ", ".join(f"{n} {what}" for what, n in counts.items())
    n_before, n_after = (sum(map(len, spans)) for spans in found)
    lines = [f"  detections above {threshold:g}: {n_before} -> {n_after} ({summary})"]
    lines += [*told[:_MOST], *_and_more(len(told))]
    return lines + _describe_score(found, windows)


def _describe_score(
    found: Sequence[Sequence[Sequence[tuple[int, int]]]], windows: Windows
) -> list[str]:
    if windows.labels is None:
        return []
    scores = [
        score_events(windows.labels, spans, sfreq=windows.sfreq) for spans in found
    ]
    if scores[0] is None or scores[1] is None:
        return ['  score: not computed; run: pip install "bgb-fixtures[score]"']
    return [f"  score (SzCORE events): {_scores(scores[0], scores[1])}"]


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


def _detection(change: DetectionChange, row: int, windows: Windows) -> str:
    before, after = (
        None if span is None else (span[0] / windows.sfreq, span[1] / windows.sfreq)
        for span in (change.before, change.after)
    )
    return _span_change(change.what, before, after) + _labelled(
        before or after or (0, 0), row, windows
    )


def _span_change(what: str, before: Span | None, after: Span | None) -> str:
    """Return how a span in seconds changed."""
    if before is not None and after is not None:
        start, stop = (new - old for new, old in zip(after, before, strict=True))
        return f"{what} {_seconds(before)}: start {_signed(start)} s, end {_signed(stop)} s"
    return f"{what} {_seconds(before or after or (0, 0))}"


def _signed(seconds: float) -> str:
    """Format seconds to two decimals, or more if a small shift needs them."""
    small = 0 < abs(seconds) < 0.005
    return f"{seconds:+.2g}" if small else f"{seconds:+.2f}"


def _labelled(span: Span, row: int, windows: Windows) -> str:
    if windows.records is None:
        return ""
    labelled = [
        f"{event.label} {_seconds((event.onset, event.onset + event.duration))}"
        for event in windows.records[row].events
        if event.onset < span[1] and span[0] < event.onset + event.duration
    ]
    return f" (labelled {', '.join(labelled)})" if labelled else " (no seizure)"


def _seconds(span: Span) -> str:
    return f"{span[0]:.2f}-{span[1]:.2f} s"


def _describe_events(
    change: Change, comparison: Comparison, windows: Windows | None
) -> list[str]:
    sides = [
        side.outputs[change.key] for side in (comparison.recorded, comparison.obtained)
    ]
    counts = {
        what: sum(event.what == what for event in change.events)
        for what in ("gained", "lost", "shifted", "relabelled")
    }
    summary = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    n_before, n_after = (len(side.array) for side in sides)
    lines = [f"{change.key!r}: events {n_before} -> {n_after} ({summary})"]
    tolerance = sides[0].tolerance if change.tolerance is None else change.tolerance
    lines.append(f"  {allowed(tolerance, 'events')} ({tolerance.source})")
    lines += [f"    {_event(event, windows)}" for event in change.events[:_MOST]]
    lines += _and_more(len(change.events))
    if windows is None:
        return lines
    found = []
    for side in sides:
        spans: list[list[tuple[int, int]]] = [[] for _ in windows.ids]
        for row, onset, duration in side.array.tolist():
            start, stop = (
                min(max(round(second * windows.sfreq), 0), windows.n_times)
                for second in (onset, onset + duration)
            )
            if start < stop:
                spans[int(row)].append((start, stop))
        found.append(spans)
    return lines + _describe_score(found, windows)


def _event(event: EventChange, windows: Windows | None) -> str:
    before, after = (
        None if side is None else (side[0], side[0] + side[1])
        for side in (event.before, event.after)
    )
    if event.what == "relabelled" and event.before and event.after and before:
        words = (
            f"{_seconds(before)}: label changed (found {event.after[2]!r}, expected "
            f"{event.before[2]!r})"
        )
    else:
        words = _span_change(event.what, before, after)
        label = (event.before or event.after or (0, 0, ""))[2]
        words += f" {label}" if label else ""
    if windows is None:
        return words
    place = _labelled(before or after or (0, 0), event.window, windows)
    return f"{windows.ids[event.window]}: {words}{place}"


def first_difference_of(comparison: Comparison) -> FirstDifference | None:
    """Return where the two traces diverge; None if either side has none."""
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
    return find_first_difference(before, after, relative=relative)


def show_size(n_bytes: int) -> str:
    """Format a number of bytes in kB or MB."""
    return f"{n_bytes / 1e3:.1f} kB" if n_bytes < 1e6 else f"{n_bytes / 1e6:.1f} MB"


def comparison_to_json(
    comparison: Comparison, *, fixture: Fixture | None = None
) -> dict[str, Any]:
    """Return a comparison as JSON values."""
    windows = windows_of(comparison, fixture)
    first = first_difference_of(comparison) if comparison.changes else None
    return {
        "equal": comparison.equal,
        "summary": sum_up(comparison, fixture=fixture),
        "environment": {
            name: {"recorded": recorded, "here": here}
            for name, recorded, here in comparison.environment
        },
        "changes": [
            _change_to_json(change, comparison, windows)
            for change in comparison.changes
        ],
        "origin": None
        if first is None
        else {
            "module": first.module,
            "inputs_equal": first.inputs_equal,
            "weights_equal": first.weights_equal,
            "weights_changed": list(first.weights_changed),
        },
        "text": describe_comparison(comparison, fixture=fixture),
    }


def _change_to_json(
    change: Change, comparison: Comparison, windows: Windows | None
) -> dict[str, Any]:
    answer: dict[str, Any] = {"key": change.key, "what": change.what}
    if change.what in ("dtype", "shape"):
        answer |= {"expected": change.expected, "obtained": change.obtained}
    if change.what == "events":
        answer["events"] = [
            {
                "window": event.window
                if windows is None
                else windows.ids[event.window],
                "what": event.what,
                "expected": event.before,
                "obtained": event.after,
            }
            for event in change.events
        ]
    if change.far is not None and change.tolerance is not None:
        rows = None if windows is None else moved_rows(change, comparison, windows)
        answer |= {
            "n_different": int(change.far.sum()),
            "n_values": int(change.far.size),
            "rtol": change.tolerance.rtol,
            "atol": change.tolerance.atol,
            "greatest_absolute": change.absolute and change.absolute.difference,
            "greatest_relative": change.relative and change.relative.difference,
            "not_finite": {words: n for words, n, _ in change.not_finite},
            "windows": None
            if rows is None or windows is None
            else [windows.ids[row] for row in rows],
        }
    return answer
