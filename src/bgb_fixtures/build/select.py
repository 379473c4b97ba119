"""Choose the windows of a fixture before any sample is read.

Invariant: of the signal files, only headers are read, and only those of recordings that
are about to be chosen or whose annotations do not state their duration.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.build.quotas import (
    FILLED,
    Choice,
    Window,
    choose_windows,
    count_candidates,
    find_obstacles,
    iter_passed_over,
)
from bgb_fixtures.build.signals import native_signal, processed_signal
from bgb_fixtures.corpora.find import (
    check_splits,
    named_recordings,
    problem_lines,
    usable_recordings,
)
from bgb_fixtures.corpora.labels import say_unmatched, sum_labels
from bgb_fixtures.eeg.events import seconds_to_sample
from bgb_fixtures.eeg.kinds import KINDS
from bgb_fixtures.eeg.resample import resampling_ratio
from bgb_fixtures.eeg.scaling import resampled_length
from bgb_fixtures.eeg.signal import ArraySignal
from bgb_fixtures.errors import (
    ChannelNotFoundError,
    SourceError,
    SpecError,
    counted,
)
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
"""Relative tolerance of rates: an EDF record duration has only eight characters."""
_SAME_LENGTH_S = 1
"""Annotations round the duration of a recording to a second."""
MAX_MISSING = 4
"""If more rows are missing, the recording has another montage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Properties of a recording's rows, from its header.

    `sfreq` is the recording's own rate in Hz, `n_times` its length in samples, and
    `interpolated` the missing electrodes that the request allows to interpolate.
    `stretches` are the spans `[start, stop)` between its gaps, in samples.
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
        """Say whether the samples needed for a window `[start, stop)` touch a gap."""
        if len(self.stretches) < 2:
            return False
        # A quick test finds most of them: a night-long gap has thousands of windows.
        first, last = (place * self.sfreq / sfreq for place in span)
        if not any(a <= first + 1 and last - 1 <= b for a, b in self.stretches):
            return True
        # A signal without data, to find out which samples would be read.
        empty = ArraySignal(np.broadcast_to(0.0, (1, self.n_times)), sfreq=self.sfreq)
        signal = processed_signal(empty, sfreq=sfreq, band_pass=request.band_pass)
        start, stop = signal.needs(*span)
        return not any(a <= start and stop <= b for a, b in self.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The chosen windows, and the reasons why others were not chosen.

    Attributes
    ----------
    request : RecordedRequest
        The request.
    sfreq : float
        Sampling frequency of the fixture in Hz.
    windows : tuple of Window
        Chosen windows, in the order of the fixture.
    headers : dict of str to Header
        Headers of the recordings that were opened, by name.
    recordings : tuple of Recording
        All usable recordings of the corpus.
    left_out : dict of str to SourceError
        Recordings that turned out to be unusable, by name, with the error.
    problems : tuple of Finding
        Recordings that the corpus reported as unusable.
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
        """The recordings of the chosen windows, in the order of the fixture."""
        return tuple({w.recording.name: w.recording for w in self.windows}.values())

    @property
    def missing_kinds(self) -> tuple[str, ...]:
        """Kinds of window that can be requested but do not exist."""
        return tuple(k for k in self._unchosen if k not in self.crowded_kinds)

    @property
    def crowded_kinds(self) -> dict[str, str]:
        """Kinds of window that exist but were not chosen, with the reason."""
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
        """Recordings whose annotations state another duration, one line each."""
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
        """Meaning and number of occurrences of each free-text label."""
        return sum_labels(
            [r.labels for r in self.recordings] + [p.labels for p in self.problems]
        )

    @property
    def interpolated(self) -> dict[str, tuple[str, ...]]:
        """Chosen recordings with interpolated electrodes, by name."""
        found = {r.name: self.headers[r.name].interpolated for r in self.chosen}
        return {name: electrodes for name, electrodes in found.items() if electrodes}

    @property
    def problem_lines(self) -> tuple[str, ...]:
        """Number of recordings that the corpus reported as unusable, by reason."""
        return tuple(problem_lines(self.problems))

    @property
    def left_out_lines(self) -> tuple[str, ...]:
        """Problems of the recordings that cannot be used, one line each.

        Recordings that lack the same channels share a line.
        """
        lacking: Counter[str] = Counter()
        lines = []
        for error in self.left_out.values():
            if isinstance(error, ChannelNotFoundError) and error.missing:
                lacking[", ".join(error.missing)] += 1
            else:
                lines.append(str(error))
        lines += [
            f"{counted(count, 'recording')}: no {missing} (--missing "
            f"{self.request.missing})"
            for missing, count in sorted(lacking.items())
        ]
        return tuple(lines)

    def iter_passed_over(self) -> Iterator[tuple[Window, str]]:
        """Yield each candidate not chosen, sorted by recording, with the reason."""
        if self._choice is not None:
            usable = [r for r in self.recordings if r.name in self._sizes]
            for window, reason in iter_passed_over(
                usable, self._sizes, self._choice, sfreq=self.sfreq
            ):
                header = self.headers.get(window.recording.name)
                span = (window.start, window.start + self.n_times)
                if header and header.touches_gap(self.request, self.sfreq, span):
                    yield window, "gap in the recording (EDF+D)"
                else:
                    yield window, reason

    def iter_unused(self) -> Iterator[tuple[Recording, str]]:
        """Yield each recording without a chosen window, by name, with the reason."""
        for recording in self.recordings:
            if recording.name in self.left_out:
                yield recording, str(self.left_out[recording.name])
            elif self._choice is not None and (
                self._sizes.get(recording.name, 0) < self.n_times
            ):
                yield recording, "shorter than a window"


def select_windows(
    request: RecordedRequest,
    opened: OpenRecordings,
    *,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Selection:
    """Choose windows, opening only the recordings needed for the choice.

    With `strict`, the first unusable recording raises an error; otherwise another
    recording replaces it if possible. `progress` is called with (recordings done,
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
            # An additional annotation file could take precedence over those compared.
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
    splits = [q.split for q in request.selection.quotas if q.split is not None]
    check_splits(splits, [*recordings, *problems])
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
    """Choose windows again after a recording turned out to be unusable."""
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
    """Open a recording and return the properties of the requested rows."""
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
    """Return the samples per window; SpecError if that is not a whole number."""
    try:
        return window_samples(request.window_length, sfreq)
    except SpecError as error:
        if request.rate is not None or sfreq == round(sfreq):
            raise
        # 256.0002 Hz is 256 Hz with a truncated record duration. For other rates
        # suggest 256 Hz, which most detectors expect.
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
    """Choose windows, read their headers, and choose again if the lengths differ."""

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
                is_usable=lambda window: self._fits(window, sfreq, n_times),
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
            # Header lengths override annotated lengths. Windows that do not fit were
            # skipped at once, so another round is rarely needed.
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
        """Say whether the recording is usable and the window fits between its gaps."""
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
        """Return the header, read once; None if the recording cannot be used."""
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
        """Return the length in samples of each recording that may hold a window."""
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
            # Every recording with a seizure failed, so report the first failure.
            return self._left_out[wanted[0]]
        labels = Counter(e.label for r in self._recordings for e in r.events)
        msg = (
            f"source {request.source!r}: no window of {request.window_length:g} s "
            "with a seizure found in "
            f"{counted(len(self._recordings), 'annotated recording')} with "
            f"{counted(labels.total(), 'seizure')}"
        )
        if labels and types and not wanted:
            listed = ", ".join(f"{n} {label}" for label, n in sorted(labels.items()))
            msg += f" ({listed}); none has a requested type ({', '.join(types)})"
        elif labels:
            longest = self._longest([r for r in self._recordings if r.events])
            msg += "; use a shorter --window-length"
            if longest is not None:
                msg += f" (the longest recording with a seizure has {longest:g} s)"
        found = sum_labels(recording.labels for recording in self._recordings)
        unmatched = say_unmatched(request.rules, found)
        msg += f". {unmatched}" if unmatched else ""
        return SpecError(msg + self._say_left_out())

    def _longest(self, recordings: Sequence[Recording]) -> float | None:
        """Return the length of the longest recording in seconds.

        None if it is not shorter than a window, or if a length is unknown.
        """
        lengths = []
        for recording in recordings:
            header = self._headers.get(recording.name)
            length = header.n_times / header.sfreq if header else recording.duration
            if length is None or length >= self._request.window_length:
                return None
            lengths.append(length)
        return max(lengths, default=None)

    def _say_left_out(self) -> str:
        if not self._left_out:
            return ""
        first = next(iter(self._left_out.values()))
        skipped = counted(len(self._left_out), "recording")
        return f". {skipped} skipped, the first: {first}"

    def _unmet(
        self,
        choice: Choice,
        usable: Sequence[Recording],
        sizes: Mapping[str, int],
        *,
        sfreq: float,
    ) -> SpecError:
        """Return an error that names the unmet quotas and the windows available."""
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
        longest = self._longest(self._recordings)
        if longest is not None:
            msg += f"; the longest recording has {longest:g} s"
        kinds = {kind for quota in choice.unmet for kind in kinds_of_quota(quota.word)}
        passed_over = Counter(
            (window.kind, reason)
            for window, reason in iter_passed_over(usable, sizes, choice, sfreq=sfreq)
            if window.kind in kinds and reason != FILLED
        )
        if passed_over:
            msg += ". Not chosen: " + "; ".join(
                f"{counted(n, f'{kind} window')}: {reason}"
                for (kind, reason), n in sorted(passed_over.items())
            )
        return SpecError(msg + self._say_left_out())


def _quota_name(quota: Quota) -> str:
    return quota.word if quota.split is None else f"{quota.split}:{quota.word}"
