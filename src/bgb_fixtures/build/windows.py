"""Which stretches of annotated recordings to keep.

Invariant: the choice depends on annotations, durations, the request and what cannot be
had, so the same request on the same files chooses the same windows. Windows that are not chosen are
made one by one and forgotten: a corpus has a million of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.events import merge_spans
from bgb_fixtures.format.records import category_of
from bgb_fixtures.request.spec import SELECTABLE_KINDS, Quota, kinds_of_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bgb_fixtures.corpora import Recording

__all__ = [
    "Choice",
    "Limits",
    "Window",
    "choose_windows",
    "count_candidates",
    "iter_passed_over",
    "kind_of",
]

_BACKGROUND = "background"
_WITH_SEIZURE = tuple(kind for kind in SELECTABLE_KINDS if kind != _BACKGROUND)


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
    types : tuple of str
        Labels of the seizures inside, sorted.
    """

    recording: Recording
    start: int
    kind: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Say what may be chosen.

    Attributes
    ----------
    quotas : tuple of Quota
        How many windows of each kind or category, at most.
    types : tuple of str
        Windows with a seizure hold only these; empty: any.
    per_subject, per_type : int or None
        At most so many windows of one subject, with one type of seizure.
    seed : int or None
        None: recordings are asked in order of their names, split ``"train"`` first;
        else in an order that is drawn, the same on every machine.
    """

    quotas: tuple[Quota, ...]
    types: tuple[str, ...] = ()
    per_subject: int | None = None
    per_type: int | None = None
    seed: int | None = None

    @classmethod
    def per_kind(cls, n_windows: int) -> Limits:
        """Ask for so many windows of each kind.

        Parameters
        ----------
        n_windows : int
            At least 1.

        Returns
        -------
        limits : Limits
            Without other limits.
        """
        kinds = SELECTABLE_KINDS
        return cls(quotas=tuple(Quota(word=k, n_windows=n_windows) for k in kinds))


@dataclass(slots=True, kw_only=True)
class Choice:
    """Hold the windows that were chosen, and count what the limits count.

    Attributes
    ----------
    limits : Limits
        What was asked for.
    n_times : int
        Length of a window in samples.
    windows : list of Window
        Without overlap; at the end ordered by split, recording name and start.
    counts : collections.Counter of Quota
        Windows chosen for each quota.
    """

    limits: Limits
    n_times: int
    windows: list[Window] = field(default_factory=list)
    counts: Counter[Quota] = field(default_factory=Counter)
    _starts: dict[str, list[int]] = field(default_factory=dict)
    _subjects: Counter[str] = field(default_factory=Counter)
    _types: Counter[str] = field(default_factory=Counter)

    @property
    def unmet(self) -> tuple[Quota, ...]:
        """Quotas for which there are too few windows."""
        quotas = self.limits.quotas
        return tuple(q for q in quotas if self.counts[q] < q.n_windows)

    def add(self, window: Window, quota: Quota) -> None:
        """Choose a window.

        Parameters
        ----------
        window : Window
            One that `obstacle` says nothing against.
        quota : Quota
            For which it counts.
        """
        self.windows.append(window)
        self.counts[quota] += 1
        self._starts.setdefault(window.recording.name, []).append(window.start)
        self._subjects[window.recording.subject] += 1
        self._types.update(window.types)

    def holds(self, window: Window) -> bool:
        """Say whether a window was chosen.

        Parameters
        ----------
        window : Window
            Any.

        Returns
        -------
        held : bool
            Whether it was.
        """
        return window.start in self._starts.get(window.recording.name, ())

    def obstacle(self, window: Window) -> str | None:
        """Return why a window cannot be chosen beside those that are.

        Parameters
        ----------
        window : Window
            Any.

        Returns
        -------
        reason : str or None
            None if it can.
        """
        limits = self.limits
        if limits.types and not set(window.types) <= set(limits.types):
            return "holds a seizure of another type"
        starts = self._starts.get(window.recording.name, ())
        if any(abs(window.start - start) < self.n_times for start in starts):
            return "overlaps a chosen window"
        of_subject = self._subjects[window.recording.subject]
        if limits.per_subject is not None and of_subject >= limits.per_subject:
            return "its subject has as many windows as the limit allows"
        of_type = max((self._types[label] for label in window.types), default=0)
        if limits.per_type is not None and of_type >= limits.per_type:
            return "its type of seizure has as many windows as the limit allows"
        return None


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
        return "artefact" if held else _BACKGROUND
    if category == "full":
        return "ictal"
    if inside[-1][1] > stop:
        return "onset"
    return "whole" if inside[0][0] >= start else "offset"


@dataclass(frozen=True, slots=True)
class _Searched:
    """A recording as samples, ready to be searched for windows."""

    recording: Recording
    size: int
    n_times: int
    sfreq: float

    def iter_windows(self, kind: str) -> Iterator[Window]:
        """Yield good windows of a kind, the best of every stretch first."""
        events = [(e.span(self.sfreq), e.label) for e in self.recording.events]
        spans = merge_spans(span for span, _ in events)
        if kind == _BACKGROUND:
            borders = [0, *(sample for span in spans for sample in span), self.size]
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
        """Yield the starts for one seizure `[a, b)`."""
        n_times = self.n_times
        middle = (a + b) // 2
        around = middle - n_times // 2
        # A border in the middle of the window leaves context on both sides; a seizure
        # too short for that is cut in its own middle.
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

    The middle is far from borders, and from the start of the recording, where flat
    beginnings and filter transients lie.
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
    seed: int | None,
) -> list[_Searched]:
    """Return the recordings that hold a window, in the order in which they are asked."""
    long_enough = [r for r in recordings if sizes[r.name] >= n_times]

    def place(recording: Recording) -> tuple[bool, bytes, str]:
        # A digest gives the same order on every machine, whatever else is in the corpus.
        text = b"" if seed is None else f"{seed}:{recording.name}".encode()
        digest = hashlib.sha256(text).digest()
        return recording.split != "train", digest, recording.name

    return [
        _Searched(recording, sizes[recording.name], n_times, sfreq)
        for recording in sorted(long_enough, key=place)
    ]


def choose_windows(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    *,
    sfreq: float,
    n_times: int,
    limits: Limits,
    can_be_had: Callable[[Window], bool] = lambda _: True,
) -> Choice:
    """Choose windows to fill the quotas.

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
    limits : Limits
        What is asked for.
    can_be_had : callable
        Asked for each window that is about to be chosen; where it says no, the next
        candidate is taken.

    Returns
    -------
    choice : Choice
        Its windows do not overlap, and are ordered by split (``"train"`` first),
        recording name and start.

    Notes
    -----
    Each quota is filled from as many recordings as there are. Those with a seizure take
    turns, the one with the fewest candidates first, so that none uses up the seizures;
    background takes what is left. If a quota stays short, it is put first and all begin
    again. Nothing that was chosen is exchanged afterwards, so a quota can stay short
    that a search through all combinations would fill; with few candidates that happens.
    """
    searched = _searched(
        recordings, sizes, sfreq=sfreq, n_times=n_times, seed=limits.seed
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

    order = sorted(limits.quotas, key=n_candidates)

    def fill() -> Choice:
        choice = Choice(limits=limits, n_times=n_times)
        _fill(choice, order, searched, counts, can_be_had=can_be_had)
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
    can_be_had: Callable[[Window], bool],
) -> None:
    """Let quotas choose in turn; those with a seizure before background."""
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
                window = queue.next_free(choice, can_be_had)
                if window is not None:
                    choice.add(window, quota)


class _Queue:
    """The candidates for a quota: recordings take turns, and so do its kinds."""

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
        self, choice: Choice, can_be_had: Callable[[Window], bool]
    ) -> Window | None:
        """Take the best free window of the next recording; it then queues up again."""
        for _ in range(len(self._queues)):
            queue = self._queues[0]
            self._queues.rotate(-1)
            while queue:
                candidates = queue.popleft()
                for window in candidates:
                    if choice.obstacle(window) is None and can_be_had(window):
                        queue.append(candidates)
                        return window
        return None


def count_candidates(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    *,
    sfreq: float,
    n_times: int,
) -> Counter[tuple[str, str]]:
    """Count the windows that there are to choose from.

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

    Returns
    -------
    counts : collections.Counter
        By (split, kind). Windows of different kinds may overlap.
    """
    searched = _searched(recordings, sizes, sfreq=sfreq, n_times=n_times, seed=None)
    return Counter(
        (one.recording.split, kind)
        for one in searched
        for kind in SELECTABLE_KINDS
        for _ in one.iter_windows(kind)
    )


def iter_passed_over(
    recordings: Sequence[Recording],
    sizes: Mapping[str, int],
    choice: Choice,
    *,
    sfreq: float,
) -> Iterator[tuple[Window, str]]:
    """Yield each window that was not chosen, and why.

    Parameters
    ----------
    recordings : sequence of Recording
        As given to `choose_windows`.
    sizes : mapping of str to int
        As given to `choose_windows`.
    choice : Choice
        What it returned.
    sfreq : float
        Sampling frequency in Hz.

    Yields
    ------
    window : Window
        Ordered by recording name.
    reason : str
        A clause, for example ``"overlaps a chosen window"``.
    """
    wanted = {
        (quota.split, kind)
        for quota in choice.limits.quotas
        for kind in kinds_of_quota(quota.word)
    }
    for one in _searched(
        recordings, sizes, sfreq=sfreq, n_times=choice.n_times, seed=None
    ):
        split = one.recording.split
        for kind in SELECTABLE_KINDS:
            asked = {(None, kind), (split, kind)} & wanted
            for window in one.iter_windows(kind):
                if not choice.holds(window):
                    reason = choice.obstacle(window) if asked else None
                    yield (
                        window,
                        reason
                        or ("its quota is full" if asked else "no quota asks for it"),
                    )
