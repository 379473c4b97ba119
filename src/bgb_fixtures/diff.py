"""Compare two fixtures: windows, labels, values per channel, metadata.

Invariant: two fixtures are the same only if every window has the same record, labels
and values. After filters or resampling, values may differ by one grid step, which is
then reported.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.format.records import WindowRecord

__all__ = [
    "ChannelChange",
    "FixtureDiff",
    "WindowChange",
    "describe_diff",
    "diff_fixtures",
    "diff_to_json",
    "sum_up",
]

# After these steps of a profile, library versions may differ in the last digit, because
# they multiply floats in another order. One grid step is then not a change of content.
_ROUNDED = re.compile(r"resample|band-pass|filter|FIR|butter|iirnotch")
_GRIDS = {"zscore-1": 2.0**-12}
"""Profile -> grid of its values; other profiles have the grid of float32."""
_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChange:
    """The differences in one channel of one window.

    `n_beyond_grid` of the `n_different` values differ by more than one grid step. The
    greatest difference is `largest` as stored, or `largest_uv` in microvolts, at `at`
    seconds from the start of the window.
    """

    channel: str
    n_different: int
    n_beyond_grid: int
    largest: float
    largest_uv: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChange:
    """The differences in one window.

    `facts` has (field of the record, before, after). The `n_labels` labels that differ
    are within `labels_span`, in seconds. `not_compared` is the reason if values were
    not compared.
    """

    id: str
    facts: tuple[tuple[str, str, str], ...]
    n_labels: int
    labels_span: tuple[float, float] | None
    channels: tuple[ChannelChange, ...]
    not_compared: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.facts or self.n_labels or self.channels or self.not_compared)

    @property
    def rounded(self) -> bool:
        """Whether only values differ, and by at most one grid step."""
        return (
            not (self.facts or self.n_labels or self.not_compared)
            and bool(self.channels)
            and not any(channel.n_beyond_grid for channel in self.channels)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureDiff:
    """The differences between two fixtures.

    `facts` has (name, before, after) for metadata of the whole file. `removed` and
    `added` are ids of windows in only one file; `windows` are the differing windows in
    both files, and `n_same` counts the equal windows. `grid` is the grid of the values,
    in words. `rounding_allowed` is whether the values were filtered or resampled.
    """

    facts: tuple[tuple[str, str, str], ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    windows: tuple[WindowChange, ...]
    n_same: int
    grid: str
    rounding_allowed: bool

    @property
    def verdict(self) -> str:
        """``"same"``, ``"rounding"`` or ``"different"``."""
        if self.facts or self.removed or self.added:
            return "different"
        if not self.windows:
            return "same"
        rounded = all(window.rounded for window in self.windows)
        return "rounding" if rounded and self.rounding_allowed else "different"


def diff_fixtures(a: Fixture, b: Fixture) -> FixtureDiff:
    """Compare two fixtures; windows are paired by id, channels by name."""
    rows_a = {window.id: row for row, window in enumerate(a.windows)}
    rows_b = {window.id: row for row, window in enumerate(b.windows)}
    shared = [name for name in rows_a if name in rows_b]
    profile = a.records.profile
    windows = [
        _diff_window(a, rows_a[name], b, rows_b[name], grid=_GRIDS.get(profile["name"]))
        for name in shared
    ]
    grid = "2^-12" if profile["name"] in _GRIDS else "of float32"
    steps = [*profile["steps"], *b.records.profile["steps"]]
    return FixtureDiff(
        facts=tuple(_facts(a, b)),
        removed=tuple(name for name in rows_a if name not in rows_b),
        added=tuple(name for name in rows_b if name not in rows_a),
        windows=tuple(window for window in windows if window.changed),
        n_same=sum(not window.changed for window in windows),
        grid=grid,
        rounding_allowed=any(_ROUNDED.search(step) for step in steps),
    )


def _facts(a: Fixture, b: Fixture) -> list[tuple[str, str, str]]:
    facts = []
    for name in ("name", "content_version", "sfreq"):
        before, after = getattr(a.index, name), getattr(b.index, name)
        if before != after:
            facts.append((name, str(before), str(after)))
    for name in ("ch_names", "montage", "unit", "profile", "source", "licence", "spec"):
        facts += _changes(getattr(a.records, name), getattr(b.records, name), name)
    return facts


def _changes(before: Any, after: Any, name: str) -> list[tuple[str, str, str]]:
    """Return (path, before, after) of the differing values of nested objects."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys([*before, *after])
        return [
            change
            for key in keys
            for change in _changes(before.get(key), after.get(key), f"{name}.{key}")
        ]
    if isinstance(before, list) and isinstance(after, list):
        if len(before) == len(after):
            return [
                change
                for i, pair in enumerate(zip(before, after, strict=True))
                for change in _changes(*pair, f"{name}[{i}]")
            ]
        return [(name, f"{len(before)} entries", f"{len(after)} entries")]
    return [] if before == after else [(name, _words(before), _words(after))]


def _words(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return str(value)


def _diff_window(
    a: Fixture, i: int, b: Fixture, j: int, *, grid: float | None
) -> WindowChange:
    before, after = a.windows[i], b.windows[j]
    facts = _record_changes(before, after)
    n_labels, span, why = 0, None, ""
    channels: tuple[ChannelChange, ...] = ()
    if a.labels.shape[1] != b.labels.shape[1] or a.sfreq != b.sfreq:
        why = (
            f"{a.labels.shape[1]} samples at {a.sfreq:g} Hz and {b.labels.shape[1]} at "
            f"{b.sfreq:g} Hz"
        )
    else:
        places = np.flatnonzero(a.labels[i] != b.labels[j])
        n_labels = len(places)
        if n_labels:
            span = (places[0] / a.sfreq, (places[-1] + 1) / a.sfreq)
        channels = tuple(_diff_channels(a, i, b, j, grid=grid))
    return WindowChange(
        id=before.id,
        facts=tuple(facts),
        n_labels=n_labels,
        labels_span=span,
        channels=channels,
        not_compared=why,
    )


def _record_changes(
    before: WindowRecord, after: WindowRecord
) -> list[tuple[str, str, str]]:
    changes = []
    for field in fields(before):
        x, y = getattr(before, field.name), getattr(after, field.name)
        if x != y:
            if field.name == "events":
                x, y = (
                    ", ".join(
                        f"{e.label} {e.onset:g}-{e.onset + e.duration:g} s"
                        for e in side
                    )
                    or "none"
                    for side in (x, y)
                )
            changes.append((field.name, str(x), str(y)))
    return changes


def _diff_channels(
    a: Fixture, i: int, b: Fixture, j: int, *, grid: float | None
) -> list[ChannelChange]:
    changes = []
    columns = {name: column for column, name in enumerate(b.ch_names)}
    for row, name in enumerate(a.ch_names):
        if name not in columns:
            continue
        x = a.signals[i, row]
        y = b.signals[j, columns[name]]
        factors = (
            (float(a.scale[i, row]), float(a.offset[i, row])),
            (float(b.scale[j, columns[name]]), float(b.offset[j, columns[name]])),
        )
        if factors[0] == factors[1] and np.array_equal(x, y):
            continue
        changes.append(_diff_values(x, y, factors, name, grid=grid, sfreq=a.sfreq))
    return changes


def _diff_values(
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    factors: Sequence[tuple[float, float]],
    name: str,
    *,
    grid: float | None,
    sfreq: float,
) -> ChannelChange:
    u, v = x.astype(np.float64), y.astype(np.float64)
    difference = np.abs(v - u)
    step = np.spacing(np.maximum(np.abs(x), np.abs(y))).astype(np.float64)
    allowed = np.maximum(step, grid or 0.0)
    microvolts = [
        values * scale + offset
        for values, (scale, offset) in zip((u, v), factors, strict=True)
    ]
    difference_uv = np.abs(microvolts[1] - microvolts[0])
    # Another scale or offset changes the microvolts of every sample: not rounding.
    beyond = difference > allowed if factors[0] == factors[1] else difference_uv > 0
    return ChannelChange(
        channel=name,
        n_different=int(np.count_nonzero(x != y)),
        n_beyond_grid=int(np.count_nonzero(beyond)),
        largest=float(difference.max()),
        largest_uv=float(difference_uv.max()),
        at=float(np.argmax(difference_uv)) / sfreq,
    )


def diff_to_json(diff: FixtureDiff) -> dict[str, Any]:
    """Return a diff as JSON values."""

    def pairs(facts: Sequence[tuple[str, str, str]]) -> Mapping[str, Any]:
        return {name: {"before": x, "after": y} for name, x, y in facts}

    return {
        "verdict": diff.verdict,
        "summary": sum_up(diff),
        "facts": pairs(diff.facts),
        "removed": list(diff.removed),
        "added": list(diff.added),
        "windows": [
            asdict(window) | {"facts": pairs(window.facts)} for window in diff.windows
        ],
        "n_same": diff.n_same,
        "grid": diff.grid,
        "rounding_allowed": diff.rounding_allowed,
    }


def sum_up(diff: FixtureDiff) -> str:
    """Return a summary of a diff in one sentence."""
    if diff.verdict == "same":
        return f"the same: {diff.n_same} windows, every value and label"
    if diff.verdict == "rounding":
        return (
            "the same except for rounding: some values differ by one grid step, as "
            "with other versions of scipy and numpy after filtering or resampling"
        )
    n_shared = diff.n_same + len(diff.windows)
    parts = [
        f"{len(diff.windows)} of {n_shared} windows changed" if diff.windows else "",
        f"{len(diff.removed)} removed" if diff.removed else "",
        f"{len(diff.added)} added" if diff.added else "",
    ]
    windows = ", ".join(part for part in parts if part) or "no window changed"
    names = list(
        dict.fromkeys(re.split(r"[.\[]", name)[0] for name, _, _ in diff.facts)
    )
    if not names:
        return f"different: {windows}"
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    return f"different: {windows}; {listed} differ{'s' * (len(names) == 1)}"


def describe_diff(diff: FixtureDiff) -> list[str]:
    """Return a diff as lines: a summary, then windows, then metadata of the files."""
    lines = [sum_up(diff)]
    if diff.removed:
        lines.append(f"windows only in the first: {', '.join(diff.removed)}")
    if diff.added:
        lines.append(f"windows only in the second: {', '.join(diff.added)}")
    for window in diff.windows:
        lines += _describe_window(window, diff)
    if diff.windows and diff.n_same:
        verb = "window is" if diff.n_same == 1 else "windows are"
        lines.append(f"{diff.n_same} {verb} the same")
    return lines + [
        f"{name}: {before} -> {after}" for name, before, after in diff.facts
    ]


def _describe_window(window: WindowChange, diff: FixtureDiff) -> list[str]:
    lines = [f"{window.id}:"]
    lines += [f"  {name}: {before} -> {after}" for name, before, after in window.facts]
    if window.labels_span is not None:
        start, stop = window.labels_span
        lines.append(
            f"  labels: {window.n_labels} differ, between {start:.3f} and {stop:.3f} s"
        )
    if window.not_compared:
        lines.append(f"  values not compared: {window.not_compared}")
    channels = sorted(window.channels, key=lambda c: c.largest_uv, reverse=True)
    for channel in channels[:_MOST]:
        words = f"  {channel.channel}: {channel.n_different} values differ"
        if channel.n_beyond_grid == 0:
            words += f", all by one grid step ({diff.grid})"
        lines.append(
            f"{words}; largest {channel.largest:.3g} ({channel.largest_uv:.3g} uV) at "
            f"{channel.at:.3f} s"
        )
    if len(channels) > _MOST:
        lines.append(
            f"  and {len(channels) - _MOST} more channels, with smaller differences"
        )
    return lines
