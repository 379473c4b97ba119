"""Choose windows of annotated recordings to fill the quotas of a request.

Invariant: the choice depends only on annotations, durations, the request and the set of
unusable windows, so the same request on the same files chooses the same windows.
Candidates are generated one by one and not stored, because a corpus has a million.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.events import merge_spans, seconds_to_sample
from bgb_fixtures.eeg.kinds import kind_of
from bgb_fixtures.request.recorded import SELECTABLE_KINDS, kinds_of_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bgb_fixtures.corpora.recording import Recording
    from bgb_fixtures.request.recorded import Criteria, Quota

__all__ = [
    "FILLED",
    "Choice",
    "Window",
    "choose_windows",
    "count_candidates",
    "find_obstacles",
    "iter_passed_over",
]

FILLED = "quota already filled"
"""Reason for a window that could have been chosen as well."""
_BACKGROUND = "background"
_WITH_SEIZURE = tuple(kind for kind in SELECTABLE_KINDS if kind != _BACKGROUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of a recording.

    Attributes
    ----------
    recording : Recording
        The recording that contains it.
    start : int
        First sample.
    kind : str
        One of `SELECTABLE_KINDS`, or ``"artefact"``.
    types : tuple of str
        Labels of the seizures inside, sorted.
    """

    recording: Recording
    start: int
    kind: str
    types: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Choice:
    """The chosen windows, with their counts per quota, subject and type.

    Attributes
    ----------
    criteria : Criteria
        Quotas and limits of the request.
    n_times : int
        Length of a window in samples.
    windows : list of Window
        Without overlap; finally sorted by split, recording name and start.
    counts : collections.Counter of Quota
        Windows chosen for each quota.
    """

    criteria: Criteria
    n_times: int
    windows: list[Window] = field(default_factory=list)
    counts: Counter[Quota] = field(default_factory=Counter)
    _starts: dict[str, list[int]] = field(default_factory=dict)
    _subjects: Counter[str] = field(default_factory=Counter)
    _types: Counter[str] = field(default_factory=Counter)

    @property
    def unmet(self) -> tuple[Quota, ...]:
        """Quotas for which there are too few windows."""
        quotas = self.criteria.all_quotas
        return tuple(q for q in quotas if self.counts[q] < q.n_windows)

    def add(self, window: Window, quota: Quota) -> None:
        """Choose a window."""
        self.windows.append(window)
        self.counts[quota] += 1
        self._starts.setdefault(window.recording.name, []).append(window.start)
        self._subjects[window.recording.subject] += 1
        self._types.update(window.types)

    def holds(self, window: Window) -> bool:
        """Say whether a window was chosen."""
        return window.start in self._starts.get(window.recording.name, ())

    def obstacle(self, window: Window) -> str | None:
        """Return why a window cannot be added to the chosen ones; None if it can."""
        criteria = self.criteria
        if criteria.types and not set(window.types) <= set(criteria.types):
            return "seizure of another type"
        starts = self._starts.get(window.recording.name, ())
        if any(abs(window.start - start) < self.n_times for start in starts):
            return "overlap with a chosen window"
        of_subject = self._subjects[window.recording.subject]
        if criteria.per_subject is not None and of_subject >= criteria.per_subject:
            return f"--per-subject limit of {criteria.per_subject} reached"
        of_type = max((self._types[label] for label in window.types), default=0)
        if criteria.per_type is not None and of_type >= criteria.per_type:
            return f"--per-type limit of {criteria.per_type} reached"
        return None


@dataclass(frozen=True, slots=True)
class _Searched:
    """A recording prepared for the search for windows, with lengths in samples."""

    recording: Recording
    size: int
    n_times: int
    sfreq: float
    min_distance: int
    """Minimum distance of background from seizures, in samples."""

    def iter_windows(self, kind: str) -> Iterator[Window]:
        """Yield candidate windows of a kind, the best of every stretch first."""
        events = [(e.span(self.sfreq), e.label) for e in self.recording.events]
        spans = merge_spans(span for span, _ in events)
        if kind == _BACKGROUND:
            far = self.min_distance
            near = merge_spans(
                (max(a - far, 0), min(b + far, self.size)) for a, b in spans
            )
            borders = [0, *(sample for span in near for sample in span), self.size]
            stretches = [
                _tiles(a, b, n_times=self.n_times)
                for a, b in zip(borders[::2], borders[1::2], strict=True)
            ]
        else:
            stretches = [self._around(a, b, kind) for a, b in spans]
        last = self.size - self.n_times
        seen: set[int] = set()
        for asked in chain.from_iterable(zip_longest(*stretches)):
            if asked is None:
                continue
            start = min(max(asked, 0), last)
            if start in seen:
                continue
            seen.add(start)
            if kind_of(spans, start=start, n_times=self.n_times) == kind:
                stop = start + self.n_times
                types = {label for (a, b), label in events if b > start and a < stop}
                yield Window(
                    recording=self.recording,
                    start=start,
                    kind=kind,
                    types=tuple(sorted(types)),
                )

    def _around(self, a: int, b: int, kind: str) -> Iterator[int]:
        """Yield the candidate starts of windows around one seizure `[a, b)`."""
        n_times = self.n_times
        middle = (a + b) // 2
        around = middle - n_times // 2
        # A border in the middle of the window leaves context on both sides; if a
        # seizure is too short for this, the window ends or starts in the middle of the
        # seizure.
        if kind == "onset":
            yield from (a - n_times // 2, middle - n_times)
        elif kind == "offset":
            yield from (b - n_times // 2, middle)
        elif kind == "whole" or b - a < n_times:
            yield around
        else:
            yield from _tiles(a, b, n_times=n_times)


def _tiles(a: int, b: int, *, n_times: int) -> Iterator[int]:
    """Yield the starts of windows side by side in `[a, b)`, from its middle outwards.

    The middle is far from seizure borders, and from the start of the recording, which
    may be flat or contain filter transients.
    """
    if b - a < n_times:
        return
    middle = (a + b - n_times) // 2
    yield middle
    for step in range(n_times, b - a, n_times):
        if middle - step >= a:
            yield middle - step
        if middle + step <= b - n_times:
            yield middle + step


def _searched(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    *,
    sfreq: float,
    n_times: int,
    criteria: Criteria,
    seed: int | None = None,
) -> list[_Searched]:
    """Return the recordings that are long enough, in the order of the search."""
    long_enough = [r for r in recordings if sizes[r.name] >= n_times]
    far = seconds_to_sample(criteria.min_distance, sfreq)

    def place(recording: Recording) -> tuple[bool, bytes, str]:
        # A digest gives the same order on every machine, independent of other
        # recordings.
        text = b"" if seed is None else f"{seed}:{recording.name}".encode()
        digest = hashlib.sha256(text).digest()
        return recording.split != "train", digest, recording.name

    return [
        _Searched(recording, sizes[recording.name], n_times, sfreq, far)
        for recording in sorted(long_enough, key=place)
    ]


def choose_windows(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    *,
    sfreq: float,
    n_times: int,
    criteria: Criteria,
    is_usable: Callable[[Window], bool] = lambda _: True,
) -> Choice:
    """Choose windows to fill the quotas.

    Notes
    -----
    Each quota is filled from as many recordings as possible. Quotas of windows with a
    seizure take turns, the one with the fewest candidates first, so that no quota uses
    up the seizures; background is chosen last. If a quota stays short, the choice
    starts again with that quota first. A chosen window is never exchanged, so with few
    candidates a quota can stay short although a search through all combinations would
    fill it.
    """
    searched = _searched(
        recordings,
        sizes,
        sfreq=sfreq,
        n_times=n_times,
        criteria=criteria,
        seed=criteria.seed,
    )
    counts: Counter[tuple[str, str]] = Counter(
        (one.recording.split, kind)
        for one in searched
        if one.recording.events
        for kind in _WITH_SEIZURE
        for _ in one.iter_windows(kind)
    )

    def n_candidates(quota: Quota) -> int:
        return sum(
            n
            for (split, kind), n in counts.items()
            if kind in kinds_of_quota(quota.word) and quota.split in (None, split)
        )

    order = sorted(criteria.all_quotas, key=n_candidates)

    def fill() -> Choice:
        choice = Choice(criteria=criteria, n_times=n_times)
        _fill(choice, order, searched, counts, is_usable=is_usable)
        return choice

    best = fill()
    for _ in range(len(order)):
        if not best.unmet:
            break
        order.sort(key=lambda quota: quota not in best.unmet)
        again = fill()
        if len(again.windows) <= len(best.windows):
            break
        best = again
    best.windows.sort(
        key=lambda w: (
            w.recording.split != "train",
            w.recording.split,
            w.recording.name,
            w.start,
        )
    )
    return best


def _fill(
    choice: Choice,
    order: Sequence[Quota],
    searched: Sequence[_Searched],
    counts: Counter[tuple[str, str]],
    *,
    is_usable: Callable[[Window], bool],
) -> None:
    """Let quotas choose in turn: windows with a seizure first, then background."""
    for with_seizure in (True, False):
        queues = {
            quota: _Queue(quota, searched, counts)
            for quota in order
            if (kinds_of_quota(quota.word) != (_BACKGROUND,)) == with_seizure
        }
        for turn in range(max((q.n_windows for q in queues), default=0)):
            for quota, queue in queues.items():
                if turn >= quota.n_windows:
                    continue
                window = queue.next_free(choice, is_usable)
                if window is not None:
                    choice.add(window, quota)


class _Queue:
    """The candidates for a quota, taken in turn from its kinds and recordings."""

    def __init__(
        self,
        quota: Quota,
        searched: Sequence[_Searched],
        counts: Counter[tuple[str, str]],
    ) -> None:
        kinds = kinds_of_quota(quota.word)
        n_of_kind: Counter[str] = Counter()
        for (_, kind), n in counts.items():
            n_of_kind[kind] += n
        self._queues = deque(
            deque(
                one.iter_windows(kind)
                for one in searched
                if quota.split in (None, one.recording.split)
                and (kind == _BACKGROUND or one.recording.events)
            )
            for kind in sorted(kinds, key=lambda kind: n_of_kind[kind])
        )

    def next_free(
        self, choice: Choice, is_usable: Callable[[Window], bool]
    ) -> Window | None:
        """Take the best free window of the next recording, then requeue it."""
        for _ in range(len(self._queues)):
            queue = self._queues[0]
            self._queues.rotate(-1)
            while queue:
                candidates = queue.popleft()
                for window in candidates:
                    if choice.obstacle(window) is None and is_usable(window):
                        queue.append(candidates)
                        return window
        return None


def count_candidates(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    *,
    sfreq: float,
    n_times: int,
    criteria: Criteria,
) -> Counter[tuple[str, str]]:
    """Count the candidate windows by split and kind."""
    searched = _searched(
        recordings, sizes, sfreq=sfreq, n_times=n_times, criteria=criteria
    )
    return Counter(
        (one.recording.split, kind)
        for one in searched
        for kind in SELECTABLE_KINDS
        for _ in one.iter_windows(kind)
    )


def find_obstacles(
    kinds: Sequence[str],
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    choice: Choice,
    *,
    sfreq: float,
) -> dict[str, str]:
    """Return why the first window of each kind was not chosen, for kinds that exist."""
    searched = _searched(
        recordings,
        sizes,
        sfreq=sfreq,
        n_times=choice.n_times,
        criteria=choice.criteria,
    )
    found = {}
    for kind in kinds:
        windows = (window for one in searched for window in one.iter_windows(kind))
        first = next(windows, None)
        if first is not None:
            found[kind] = choice.obstacle(first) or "its recording cannot be used"
    return found


def iter_passed_over(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    choice: Choice,
    *,
    sfreq: float,
) -> Iterator[tuple[Window, str]]:
    """Yield each window that was not chosen, with the reason."""
    full = (
        FILLED
        if choice.criteria.quotas
        else f"--per-kind limit of {choice.criteria.per_kind} reached"
    )
    wanted = {
        (quota.split, kind)
        for quota in choice.criteria.all_quotas
        for kind in kinds_of_quota(quota.word)
    }
    for one in _searched(
        recordings,
        sizes,
        sfreq=sfreq,
        n_times=choice.n_times,
        criteria=choice.criteria,
    ):
        split = one.recording.split
        for kind in SELECTABLE_KINDS:
            asked = {(None, kind), (split, kind)} & wanted
            for window in one.iter_windows(kind):
                if not choice.holds(window):
                    obstacle = choice.obstacle(window) or full
                    yield window, obstacle if asked else "not requested by any quota"
