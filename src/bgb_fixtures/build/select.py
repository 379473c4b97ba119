"""Which windows a fixture will hold, before any sample is read.

Invariant: headers are read of the recordings that are about to be chosen, and of those
whose annotations do not say how long they are; nothing else of a signal is touched.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.build.quotas import (
    Choice,
    Window,
    choose_windows,
    count_candidates,
    find_obstacles,
    iter_passed_over,
)
from bgb_fixtures.build.signals import native_signal, processed_signal
from bgb_fixtures.corpora.find import named_recordings, usable_recordings
from bgb_fixtures.corpora.labels import say_unmatched, sum_labels
from bgb_fixtures.eeg.events import seconds_to_sample
from bgb_fixtures.eeg.kinds import KINDS
from bgb_fixtures.eeg.resample import resampling_ratio
from bgb_fixtures.eeg.scaling import resampled_length
from bgb_fixtures.eeg.signal import ArraySignal
from bgb_fixtures.errors import ChannelNotFoundError, SourceError, SpecError
from bgb_fixtures.request.recorded import SELECTABLE_KINDS, Listing, kinds_of_quota
from bgb_fixtures.request.samples import window_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bgb_fixtures.corpora.opened import OpenRecordings
    from bgb_fixtures.corpora.recording import Finding, Recording
    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.request.recorded import Quota, RecordedRequest

__all__ = [
    "Header",
    "Selection",
    "check_rates",
    "count_samples",
    "read_header",
    "select_again",
    "select_windows",
]

_NEAR = 1e-5
"""Relative difference of rates; of a duration with eight characters, more is rare."""
_SAME_LENGTH_S = 1
"""Annotations round the length of a recording to a second."""
MAX_MISSING = 4
"""More rows than this are another montage, not a missing electrode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the header of a recording says about the rows of a request.

    `sfreq` is the recording's own rate in Hz, `n_times` its samples, and `interpolated`
    the electrodes that it lacks and that the request allows to interpolate. `stretches`
    are the samples `[start, stop)` between its gaps.
    """

    sfreq: float
    n_times: int
    interpolated: tuple[str, ...] = ()
    stretches: tuple[tuple[int, int], ...] = ()

    def n_times_at(self, request: RecordedRequest, sfreq: float) -> int:
        """Return the number of samples at another rate in Hz."""
        if self.sfreq == sfreq:
            return self.n_times
        if request.profile.sfreq is not None:
            return resampled_length(self.n_times, sfreq=self.sfreq, to_sfreq=sfreq)
        up, down = resampling_ratio(self.sfreq, sfreq)
        return self.n_times * up // down

    def touches_gap(
        self, request: RecordedRequest, sfreq: float, span: tuple[int, int]
    ) -> bool:
        """Say whether what a window `[start, stop)` is computed from touches a gap."""
        if len(self.stretches) < 2:
            return False
        # Most are found at a glance: a gap of a night has thousands of windows.
        first, last = (place * self.sfreq / sfreq for place in span)
        if not any(a <= first + 1 and last - 1 <= b for a, b in self.stretches):
            return True
        # Of no samples: only what would be read counts.
        empty = ArraySignal(np.broadcast_to(0.0, (1, self.n_times)), sfreq=self.sfreq)
        signal = processed_signal(empty, sfreq=sfreq, band_pass=request.band_pass)
        start, stop = signal.needs(*span)
        return not any(a <= start and stop <= b for a, b in self.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The windows that were chosen, and why nothing else was.

    Attributes
    ----------
    request : RecordedRequest
        What was asked for.
    sfreq : float
        Sampling frequency of the fixture in Hz.
    windows : tuple of Window
        In the order of the fixture.
    headers : dict of str to Header
        Of the recordings that were opened, by name.
    recordings : tuple of Recording
        All that the corpus offered.
    left_out : dict of str to SourceError
        Recordings that cannot be used, by name, and why.
    problems : tuple of Finding
        Recordings that the corpus did not offer.
    """

    request: RecordedRequest
    sfreq: float
    windows: tuple[Window, ...]
    headers: dict[str, Header] = field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()
    left_out: dict[str, SourceError] = field(default_factory=dict)
    problems: tuple[Finding, ...] = ()
    _sizes: dict[str, int] = field(default_factory=dict)
    _choice: Choice | None = None

    @property
    def n_times(self) -> int:
        """Samples per window."""
        return window_samples(self.request.window_length, self.sfreq)

    @property
    def chosen(self) -> tuple[Recording, ...]:
        """The recordings that give windows, in the order of the fixture."""
        return tuple({w.recording.name: w.recording for w in self.windows}.values())

    @property
    def missing_kinds(self) -> tuple[str, ...]:
        """Kinds of window that could be asked for and do not exist."""
        return tuple(k for k in self._unchosen if k not in self.crowded_kinds)

    @property
    def crowded_kinds(self) -> dict[str, str]:
        """Kinds of window that exist and were not chosen, and why."""
        if self._choice is None or not self._unchosen:
            return {}
        usable = [r for r in self.recordings if r.name in self._sizes]
        return find_obstacles(
            self._unchosen, usable, self._sizes, self._choice, sfreq=self.sfreq
        )

    @property
    def _unchosen(self) -> tuple[str, ...]:
        if isinstance(self.request.selection, Listing) or (
            self.request.selection.quotas
        ):
            return ()
        kinds = {window.kind for window in self.windows}
        return tuple(kind for kind in SELECTABLE_KINDS if kind not in kinds)

    @property
    def other_lengths(self) -> tuple[str, ...]:
        """Recordings whose annotations speak of another length, one line each."""
        lines = []
        for recording in self.recordings:
            header = self.headers.get(recording.name)
            if header is None or recording.duration is None:
                continue
            length = header.n_times / header.sfreq
            if abs(length - recording.duration) > _SAME_LENGTH_S:
                lines.append(
                    f"recording {recording.name!r}: its annotations cover "
                    f"{recording.duration:g} s, but its file has {length:g} s. Do "
                    "they belong to the same recording?"
                )
        return tuple(lines)

    @property
    def labels(self) -> tuple[LabelCount, ...]:
        """What labels in free text were read as, and how often they occur."""
        return sum_labels(
            [r.labels for r in self.recordings] + [p.labels for p in self.problems]
        )

    @property
    def interpolated(self) -> dict[str, tuple[str, ...]]:
        """Chosen recordings with interpolated electrodes, by name."""
        found = {r.name: self.headers[r.name].interpolated for r in self.chosen}
        return {name: electrodes for name, electrodes in found.items() if electrodes}

    @property
    def left_out_lines(self) -> tuple[str, ...]:
        """What is wrong with the recordings that cannot be used, one line each.

        Those that lack the same channels share one.
        """
        lacking: Counter[str] = Counter()
        lines = []
        for error in self.left_out.values():
            if isinstance(error, ChannelNotFoundError) and error.missing:
                lacking[", ".join(error.missing)] += 1
            else:
                lines.append(str(error))
        lines += [
            f"{count} recording{'s' * (count != 1)}: no {missing} (missing = "
            f"{self.request.missing!r})"
            for missing, count in sorted(lacking.items())
        ]
        return tuple(lines)

    def iter_passed_over(self) -> Iterator[tuple[Window, str]]:
        """Yield each candidate that was not chosen, by recording name, and why."""
        if self._choice is not None:
            usable = [r for r in self.recordings if r.name in self._sizes]
            for window, reason in iter_passed_over(
                usable, self._sizes, self._choice, sfreq=self.sfreq
            ):
                header = self.headers.get(window.recording.name)
                span = (window.start, window.start + self.n_times)
                if header and header.touches_gap(self.request, self.sfreq, span):
                    yield window, "touches a gap of the recording (EDF+D)"
                else:
                    yield window, reason

    def iter_unused(self) -> Iterator[tuple[Recording, str]]:
        """Yield each recording that gives no window at all, by name, and why."""
        for recording in self.recordings:
            if recording.name in self.left_out:
                yield recording, str(self.left_out[recording.name])
            elif self._choice is not None and (
                self._sizes.get(recording.name, 0) < self.n_times
            ):
                yield recording, "is shorter than a window"


def select_windows(
    request: RecordedRequest,
    opened: OpenRecordings,
    *,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Selection:
    """Choose windows; open only the recordings that are needed for that.

    `strict` makes a recording that cannot be used an error at once; otherwise another one
    takes its place, if there is one. `progress` is called with (recordings done,
    recordings in total). SpecError if a quota was not filled or no window holds a
    seizure, SourceError if no recording can be used.
    """
    if isinstance(request.selection, Listing):
        from bgb_fixtures.build.listed import select_listed

        listing = request.selection
        recordings = named_recordings(
            opened.corpus,
            [recording.name for recording in listing.recordings],
            sha256=dict(listing.sha256),
            # Another file could count in place of those that were compared.
            complete=listing.fixture is not None,
            progress=progress,
        )
        return select_listed(request, listing, recordings, opened, progress=progress)
    recordings, problems = usable_recordings(
        opened.corpus,
        exclude=request.selection.exclude,
        strict=strict,
        progress=progress,
    )
    selector = _Selector(request, recordings, opened, strict=strict, progress=progress)
    return replace(selector.select(), problems=problems)


def select_again(
    selection: Selection,
    opened: OpenRecordings,
    *,
    without: str,
    why: SourceError,
    progress: Callable[[int, int], None] | None = None,
) -> Selection:
    """Choose windows again after a recording turned out to be of no use."""
    selector = _Selector(
        selection.request,
        selection.recordings,
        opened,
        strict=False,
        progress=progress,
        headers={n: h for n, h in selection.headers.items() if n != without},
        left_out=selection.left_out | {without: why},
    )
    return replace(selector.select(), problems=selection.problems)


def read_header(
    opened: OpenRecordings, recording: Recording, request: RecordedRequest
) -> Header:
    """Open a recording and say what its header says about the rows of a request."""
    one = opened.open(recording)
    signal, interpolated = native_signal(one, request)
    if request.sfreq is not None and request.profile.sfreq is None:
        try:
            resampling_ratio(signal.sfreq, request.sfreq)
        except SpecError as error:
            msg = f"recording {recording.name!r}, {error}"
            raise SourceError(msg) from error
    return Header(
        sfreq=signal.sfreq,
        n_times=signal.n_times,
        interpolated=interpolated,
        stretches=one.stretches,
    )


def count_samples(request: RecordedRequest, sfreq: float) -> int:
    """Return the samples of a window; SpecError if that is not a whole number."""
    try:
        return window_samples(request.window_length, sfreq)
    except SpecError as error:
        if request.rate is not None or sfreq == round(sfreq):
            raise
        # 256.0002 Hz are 256, cut off; of others 256 is what most detectors take.
        near = round(sfreq) if abs(sfreq - round(sfreq)) < _NEAR * sfreq else 256
        msg = (
            f"{error}, the rate of the recordings; to resample them pass --sfreq, for "
            f"example --sfreq {near}"
        )
        raise SpecError(msg) from error


def check_rates(
    request: RecordedRequest, headers: Mapping[str, Header], *, sfreq: float
) -> None:
    """Raise SpecError if recordings would be resampled without a request to do so."""
    if request.rate is not None:
        return
    for name in sorted(headers):
        rate = headers[name].sfreq
        if rate != sfreq:
            msg = (
                f"the selected recordings have different rates (found {sfreq:.10g} Hz, "
                f"and {rate:.10g} Hz in {name!r}). Resample them to one rate, for "
                f"example --sfreq {sfreq:g}"
            )
            raise SpecError(msg)


class _Selector:
    """Chooses, reads the headers of what was chosen, and chooses again if they differ."""

    def __init__(
        self,
        request: RecordedRequest,
        recordings: Sequence[Recording],
        opened: OpenRecordings,
        *,
        strict: bool,
        progress: Callable[[int, int], None] | None,
        headers: Mapping[str, Header] | None = None,
        left_out: Mapping[str, SourceError] | None = None,
    ) -> None:
        self._request = request
        self._criteria = request.criteria
        self._opened = opened
        self._recordings = sorted(recordings, key=lambda recording: recording.name)
        self._strict = strict
        self._progress = progress
        self._headers = dict(headers or {})
        self._left_out = dict(left_out or {})

    def select(self) -> Selection:
        request = self._request
        sfreq = self._sfreq()
        n_times = count_samples(request, sfreq)
        sizes = self._sizes(sfreq)
        while True:
            usable = [r for r in self._recordings if r.name in sizes]
            choice = choose_windows(
                usable,
                sizes,
                sfreq=sfreq,
                n_times=n_times,
                criteria=self._criteria,
                can_be_had=lambda window: self._fits(window, sfreq, n_times),
            )
            chosen = {window.recording.name for window in choice.windows}
            of_chosen = {name: self._headers[name] for name in chosen}
            check_rates(request, of_chosen, sfreq=sfreq)
            stated = {
                name: header.n_times_at(request, sfreq)
                for name, header in self._headers.items()
                if name in sizes
            }
            if all(stated[name] == sizes[name] for name in stated) and (
                sizes.keys().isdisjoint(self._left_out)
            ):
                break
            # A header knows the length better than the annotations. Windows that do not
            # fit were passed over at once, so it is rare that a turn finds more.
            sizes |= stated
            for name in self._left_out:
                sizes.pop(name, None)
        if self._criteria.quotas and choice.unmet:
            raise self._unmet(choice, usable, sizes, sfreq=sfreq)
        if all(window.kind in KINDS["none"] for window in choice.windows):
            raise self._no_positive()
        return Selection(
            request=request,
            sfreq=sfreq,
            windows=tuple(choice.windows),
            headers=self._headers,
            recordings=tuple(self._recordings),
            left_out=self._left_out,
            _sizes=sizes,
            _choice=choice,
        )

    def _fits(self, window: Window, sfreq: float, n_times: int) -> bool:
        """Say whether a recording can be used, and is as long as a window needs."""
        header = self._header(window.recording)
        if self._progress is not None:
            n_read = len(self._headers) + len(self._left_out)
            self._progress(n_read, len(self._recordings))
        if header is None:
            return False
        stop = window.start + n_times
        return stop <= header.n_times_at(self._request, sfreq) and (
            not header.touches_gap(self._request, sfreq, (window.start, stop))
        )

    def _header(self, recording: Recording) -> Header | None:
        """Read a header, once; None if the recording cannot be used."""
        name = recording.name
        missing = self._request.missing
        if name in self._headers or name in self._left_out:
            return self._headers.get(name)
        try:
            header = read_header(self._opened, recording, self._request)
        except ChannelNotFoundError as error:
            few = 0 < len(error.missing) <= MAX_MISSING
            if missing == "error" and few and not error.answered:
                msg = (
                    f"{error} To skip such recordings, pass --missing drop-window; to "
                    "compute electrodes from their neighbours, pass --missing "
                    "interpolate"
                )
                raise ChannelNotFoundError(msg, missing=error.missing) from error
            if self._strict or missing != "drop-window":
                raise
            self._left_out[name] = error
            return None
        except SourceError as error:
            if self._strict:
                raise
            self._left_out[name] = error
            return None
        self._headers[name] = header
        return header

    def _long_enough(self) -> list[Recording]:
        length = self._request.window_length
        return [
            r for r in self._recordings if r.duration is None or r.duration >= length
        ]

    def _sfreq(self) -> float:
        """Return the rate of the fixture, in Hz."""
        with_seizure = [r for r in self._long_enough() if r.events]
        if not with_seizure:
            raise self._no_positive()
        if self._request.rate is not None:
            return self._request.rate
        for recording in with_seizure:
            header = self._header(recording)
            if header is not None:
                return header.sfreq
        raise self._no_positive()

    def _sizes(self, sfreq: float) -> dict[str, int]:
        """Return the samples of each recording that may hold a window."""
        sizes = {}
        unknown = [r for r in self._long_enough() if r.duration is None]
        for done, recording in enumerate(unknown, 1):
            header = self._header(recording)
            if header is not None:
                sizes[recording.name] = header.n_times_at(self._request, sfreq)
            if self._progress is not None:
                self._progress(done, len(unknown))
        for recording in self._long_enough():
            if recording.duration is not None and recording.name not in self._left_out:
                sizes[recording.name] = seconds_to_sample(recording.duration, sfreq)
        return sizes

    def _no_positive(self) -> SpecError | SourceError:
        request, types = self._request, self._criteria.types
        wanted = [
            recording.name
            for recording in self._recordings
            if any(not types or e.label in types for e in recording.events)
        ]
        if wanted and all(name in self._left_out for name in wanted):
            # The reason in itself, where nothing else is left.
            return self._left_out[wanted[0]]
        n_events = sum(len(recording.events) for recording in self._recordings)
        msg = (
            f"source {request.source!r}: no window of {request.window_length:g} s "
            f"with a seizure found in {len(self._recordings)} annotated recordings "
            f"with {n_events} seizures"
        )
        if n_events and types:
            labels = Counter(e.label for r in self._recordings for e in r.events)
            msg += f" ({_listing(labels)}); wanted are types {', '.join(types)}"
        elif n_events:
            msg += "; use a shorter --window-length"
        found = sum_labels(recording.labels for recording in self._recordings)
        unmatched = say_unmatched(request.rules, found)
        msg += f". {unmatched}" if unmatched else ""
        return SpecError(msg + self._say_left_out())

    def _say_left_out(self) -> str:
        if not self._left_out:
            return ""
        first = next(iter(self._left_out.values()))
        return f". {len(self._left_out)} recordings skipped, the first: {first}"

    def _unmet(
        self,
        choice: Choice,
        usable: Sequence[Recording],
        sizes: Mapping[str, int],
        *,
        sfreq: float,
    ) -> SpecError:
        """Say which quotas are short, and what there is."""
        short = ", ".join(
            f"{_quota_name(quota)} {quota.n_windows} (got {choice.counts[quota]})"
            for quota in choice.unmet
        )
        there = count_candidates(
            usable,
            sizes,
            sfreq=sfreq,
            n_times=choice.n_times,
            criteria=self._criteria,
        )
        splits = sorted({split for split, _ in there})
        counts = "; ".join(
            f"{split}: "
            + ", ".join(f"{kind} {there[split, kind]}" for kind in SELECTABLE_KINDS)
            for split in splits
        )
        msg = (
            f"source {self._request.source!r}: quotas not filled: {short}. Candidates "
            f"of {self._request.window_length:g} s, some of which overlap: "
            f"{counts or 'none'}"
        )
        reasons = Counter(
            reason
            for window, reason in iter_passed_over(usable, sizes, choice, sfreq=sfreq)
            if any(window.kind in kinds_of_quota(q.word) for q in choice.unmet)
        )
        reasons.pop("its quota is full", None)
        if reasons:
            msg += f". Of the kinds that are short: {_listing(reasons)}"
        return SpecError(msg + self._say_left_out())


def _quota_name(quota: Quota) -> str:
    return quota.word if quota.split is None else f"{quota.split}:{quota.word}"


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
