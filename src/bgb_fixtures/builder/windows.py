"""Which stretches of annotated recordings to keep.

Invariant: the choice depends on annotations, durations and the request alone, so the
same request on the same files chooses the same windows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain, product, zip_longest
from typing import TYPE_CHECKING

from bgb_fixtures.events import merge_spans
from bgb_fixtures.h5 import category_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
        One of `SELECTABLE_KINDS`, or ``"artefact"``.
    """

    recording: Recording
    start: int
    kind: str


def kind_of(
    spans: Sequence[tuple[int, int]],
    *,
    start: int,
    n_times: int,
    artefacts: Sequence[tuple[int, int]] = (),
) -> str:
    """Return the kind of a window.

    Parameters
    ----------
    spans : sequence of tuple of int
        Ictal samples of the recording, `[start, stop)`, sorted and merged.
    start, n_times : int
        First sample and length of the window.
    artefacts : sequence of tuple of int
        Samples of the artefacts that a synthetic recording was asked to hold.

    Returns
    -------
    kind : str
        Without an ictal sample ``"artefact"`` if one of `artefacts` lies inside, else
        ``"background"``. ``"ictal"`` for category ``full``,
        ``"whole"`` if every event starts and ends inside, ``"onset"`` if the last
        event goes on behind the window, else ``"offset"``.
    """
    stop = start + n_times
    inside = [(a, b) for a, b in spans if b > start and a < stop]
    n_ictal = sum(min(b, stop) - max(a, start) for a, b in inside)
    category = category_of(n_ictal, n_times)
    if category == "none":
        held = any(b > start and a < stop for a, b in artefacts)
        return "artefact" if held else "background"
    if category == "full":
        return "ictal"
    if inside[-1][1] > stop:
        return "onset"
    return "whole" if inside[0][0] >= start else "offset"


def _candidates(
    spans: Sequence[tuple[int, int]], *, n_recording: int, n_times: int
) -> dict[str, list[int]]:
    """Return the starts of good windows of each kind, the best of every stretch first."""
    # kind -> the starts for each stretch, a seizure or the time between two
    found: dict[str, list[list[int]]] = {kind: [] for kind in SELECTABLE_KINDS}
    for a, b in spans:
        middle = (a + b) // 2
        around = middle - n_times // 2
        # A border in the middle of the window leaves context on both sides; a seizure
        # too short for that is cut in its own middle.
        found["onset"].append([a - n_times // 2, middle - n_times])
        found["offset"].append([b - n_times // 2, middle])
        found["whole"].append([around])
        found["ictal"].append(_tiles(a, b, n_times=n_times) or [around])
    borders = [0, *(sample for span in spans for sample in span), n_recording]
    for a, b in zip(borders[::2], borders[1::2], strict=True):
        found["background"].append(_tiles(a, b, n_times=n_times))
    last = n_recording - n_times
    good: dict[str, list[int]] = {}
    for kind, stretches in found.items():
        in_turn = chain.from_iterable(zip_longest(*stretches))
        starts = [min(max(start, 0), last) for start in in_turn if start is not None]
        good[kind] = [
            start
            for start in dict.fromkeys(starts)
            if kind_of(spans, start=start, n_times=n_times) == kind
        ]
    return good


def _tiles(a: int, b: int, *, n_times: int) -> list[int]:
    """Return the starts of windows side by side in `[a, b)`, from its middle outwards.

    The middle is far from borders, and from the start of the recording, where flat
    beginnings and filter transients lie.
    """
    middle = (a + b - n_times) // 2
    before = (middle - a) // n_times
    starts = range(middle - before * n_times, b - n_times + 1, n_times)
    return sorted(starts, key=lambda start: abs(start - middle))


def choose_windows(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    *,
    sfreq: float,
    n_times: int,
    per_kind: int,
) -> list[Window]:
    """Choose up to `per_kind` windows of each kind.

    Parameters
    ----------
    recordings : sequence of Recording
        In any order.
    sizes : mapping of str to int
        Samples in each recording, by its name.
    sfreq : float
        Sampling frequency in Hz.
    n_times : int
        Length of a window in samples.
    per_kind : int
        The most windows of one kind.

    Returns
    -------
    windows : list of Window
        Without overlap, ordered by recording name and start.

    Notes
    -----
    Each kind is filled from as many recordings as there are. The kinds with a seizure
    take turns, the one with the fewest candidates first, so that none uses up the
    seizures; background takes what is left.
    """
    # kind -> the candidates of each recording
    queues: dict[str, deque[Iterator[Window]]] = {k: deque() for k in SELECTABLE_KINDS}
    n_candidates = dict.fromkeys(SELECTABLE_KINDS, 0)
    for recording in sorted(recordings, key=lambda r: r.name):
        size = sizes[recording.name]
        if size < n_times:
            continue
        spans = merge_spans(event.span(sfreq) for event in recording.events)
        found = _candidates(spans, n_recording=size, n_times=n_times)
        for kind, starts in found.items():
            n_candidates[kind] += len(starts)
            queues[kind].append(
                iter([Window(recording=recording, start=s, kind=kind) for s in starts])
            )
    with_seizure = sorted(SELECTABLE_KINDS[:-1], key=lambda kind: n_candidates[kind])
    chosen: list[Window] = []
    taken: dict[str, list[int]] = {recording.name: [] for recording in recordings}
    for kinds in (with_seizure, SELECTABLE_KINDS[-1:]):
        for _, kind in product(range(per_kind), kinds):
            window = _next_free(queues[kind], taken, n_times=n_times)
            if window is not None:
                chosen.append(window)
                taken[window.recording.name].append(window.start)
    return sorted(chosen, key=lambda w: (w.recording.name, w.start))


def _next_free(
    queue: deque[Iterator[Window]], taken: Mapping[str, list[int]], *, n_times: int
) -> Window | None:
    """Take the best free window of the next recording, which then queues up again."""
    while queue:
        candidates = queue.popleft()
        for window in candidates:
            starts = taken[window.recording.name]
            if all(abs(window.start - start) >= n_times for start in starts):
                queue.append(candidates)
                return window
    return None
