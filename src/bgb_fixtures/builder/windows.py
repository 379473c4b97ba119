"""Which stretches of annotated recordings to keep.

Invariant: the choice depends on annotations, durations and the request alone, so the
same request on the same files chooses the same windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.events import merge_spans
from bgb_fixtures.h5 import category_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.builder.sources import Recording

__all__ = ["SELECTABLE_KINDS", "Window", "choose_windows", "kind_of"]

SELECTABLE_KINDS = ("onset", "offset", "whole", "ictal", "background")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Name a stretch of a recording.

    Attributes
    ----------
    recording : Recording
        Where it lies.
    start : int
        First sample.
    kind : str
        One of `SELECTABLE_KINDS`.
    """

    recording: Recording
    start: int
    kind: str


def kind_of(spans: Sequence[tuple[int, int]], *, start: int, n_times: int) -> str:
    """Return the kind of a window.

    Parameters
    ----------
    spans : sequence of tuple of int
        Ictal samples of the recording, `[start, stop)`, sorted and merged.
    start, n_times : int
        First sample and length of the window.

    Returns
    -------
    kind : str
        ``"background"`` without an ictal sample, ``"ictal"`` for category ``full``,
        ``"whole"`` if every event starts and ends inside, ``"onset"`` if the last
        event goes on behind the window, else ``"offset"``.
    """
    stop = start + n_times
    inside = [(a, b) for a, b in spans if b > start and a < stop]
    n_ictal = sum(min(b, stop) - max(a, start) for a, b in inside)
    category = category_of(n_ictal, n_times)
    if category == "none":
        return "background"
    if category == "full":
        return "ictal"
    if inside[-1][1] > stop:
        return "onset"
    return "whole" if inside[0][0] >= start else "offset"


def _candidates(
    spans: Sequence[tuple[int, int]], *, n_recording: int, n_times: int
) -> list[tuple[str, int]]:
    """Return (kind, start) of one good window per kind and event, in order."""
    last = n_recording - n_times
    found: list[tuple[str, int]] = []
    for a, b in spans:
        # A border in the middle of the window leaves context on both sides.
        for kind, centre in (("onset", a), ("offset", b)):
            start = min(max(centre - n_times // 2, 0), last)
            found.append((kind, start))
        middle = min(max((a + b - n_times) // 2, 0), last)
        found += [("whole", middle), ("ictal", middle)]
    borders = [0, *(sample for span in spans for sample in span), n_recording]
    for a, b in zip(borders[::2], borders[1::2], strict=True):
        # The middle of the stretch: far from seizures, and from the start of the
        # recording, where flat beginnings and filter transients lie.
        if b - a >= n_times:
            found.append(("background", (a + b - n_times) // 2))
    return [
        (kind, start)
        for kind, start in found
        if kind_of(spans, start=start, n_times=n_times) == kind
    ]


def choose_windows(
    recordings: Sequence[Recording],
    sizes: Sequence[int],
    *,
    sfreq: float,
    n_times: int,
    per_kind: int,
) -> list[Window]:
    """Choose up to `per_kind` windows of each kind.

    Parameters
    ----------
    recordings : sequence of Recording
        In the order of the source.
    sizes : sequence of int
        Samples in each recording.
    sfreq : float
        Sampling frequency in Hz.
    n_times : int
        Length of a window in samples.
    per_kind : int
        The most windows of one kind.

    Returns
    -------
    windows : list of Window
        Without overlap, ordered by recording and start. Each kind is filled from as
        many different recordings as there are, the rare kinds first.
    """
    options: dict[str, list[list[Window]]] = {kind: [] for kind in SELECTABLE_KINDS}
    for recording, size in zip(recordings, sizes, strict=True):
        if size < n_times:
            continue
        spans = merge_spans(event.span(sfreq) for event in recording.events)
        of_kind: dict[str, list[Window]] = {}
        for kind, start in _candidates(spans, n_recording=size, n_times=n_times):
            window = Window(recording=recording, start=start, kind=kind)
            of_kind.setdefault(kind, []).append(window)
        for kind, windows in of_kind.items():
            options[kind].append(windows)
    chosen: list[Window] = []
    for kind in sorted(options, key=lambda k: sum(map(len, options[k]))):
        n_kind = 0
        for window in _one_each(options[kind]):
            if n_kind == per_kind:
                break
            if not any(_overlap(window, other, n_times) for other in chosen):
                chosen.append(window)
                n_kind += 1
    order = {recording.name: i for i, recording in enumerate(recordings)}
    return sorted(chosen, key=lambda w: (order[w.recording.name], w.start))


def _one_each(groups: list[list[Window]]) -> list[Window]:
    """Take the first window of every group, then the second of every group, ..."""
    longest = max(map(len, groups), default=0)
    return [group[i] for i in range(longest) for group in groups if i < len(group)]


def _overlap(a: Window, b: Window, n_times: int) -> bool:
    return a.recording.name == b.recording.name and abs(a.start - b.start) < n_times
