"""Which windows a fixture will hold, before any sample is read.

Invariant: headers are read of the recordings that are about to be chosen, and of those
whose annotations do not say how long they are; nothing else of a signal is touched.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bgb_fixtures.build.signals import open_native, resampling_steps
from bgb_fixtures.build.windows import (
    Choice,
    Limits,
    Window,
    choose_windows,
    count_candidates,
    iter_passed_over,
    kind_of,
)
from bgb_fixtures.eeg.events import merge_spans, seconds_to_sample
from bgb_fixtures.eeg.scaling import (
    BRAIN_GO_BRR,
    BRAIN_GO_BRR_SFREQ,
    resampled_length,
)
from bgb_fixtures.errors import ChannelNotFoundError, SourceError, SpecError
from bgb_fixtures.format.records import KINDS
from bgb_fixtures.request.spec import SELECTABLE_KINDS, kinds_of_quota, window_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bgb_fixtures.corpora import Recording, Source
    from bgb_fixtures.corpora.corpus import Finding
    from bgb_fixtures.request.spec import FixtureSpec, Quota

__all__ = [
    "Header",
    "Plan",
    "check_profile",
    "check_rates",
    "fixed_sfreq",
    "open_header",
    "plan_windows",
]

MAX_MISSING = 4
"""More rows than this are another montage, not a missing electrode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Hold what the header of a recording says.

    Attributes
    ----------
    sfreq : float
        Its own sampling frequency in Hz.
    n_times : int
        Its samples.
    interpolated : tuple of str
        Electrodes that it lacks, and that the spec allows to interpolate.
    """

    sfreq: float
    n_times: int
    interpolated: tuple[str, ...] = ()

    def n_times_at(self, spec: FixtureSpec, sfreq: float) -> int:
        """Return how many samples there are at another rate.

        Parameters
        ----------
        spec : FixtureSpec
            Its profile says how to resample.
        sfreq : float
            The rate in Hz.

        Returns
        -------
        n_times : int
            Samples.
        """
        if self.sfreq == sfreq:
            return self.n_times
        if spec.profile == BRAIN_GO_BRR:
            return resampled_length(self.n_times, sfreq=self.sfreq, to_sfreq=sfreq)
        up, down = resampling_steps(self.sfreq, sfreq)
        return self.n_times * up // down


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Hold the windows that were chosen, and why nothing else was.

    Attributes
    ----------
    spec : FixtureSpec
        The request.
    sfreq : float
        Sampling frequency of the fixture in Hz.
    windows : tuple of Window
        In the order of the fixture.
    headers : dict of str to Header
        Of the recordings that were opened, by name.
    recordings : tuple of Recording
        All that the source offered.
    left_out : dict of str to SourceError
        Recordings that cannot be used, by name, and why.
    problems : tuple of Finding
        Recordings that the source did not offer.
    """

    spec: FixtureSpec
    sfreq: float
    windows: tuple[Window, ...]
    headers: dict[str, Header] = field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()
    left_out: dict[str, SourceError] = field(default_factory=dict)
    problems: tuple[Finding, ...] = ()
    _sizes: dict[str, int] = field(default_factory=dict)
    _choice: Choice | None = None

    @property
    def missing_kinds(self) -> tuple[str, ...]:
        """Kinds of window that could be asked for and are not there."""
        kinds = {window.kind for window in self.windows}
        return tuple(kind for kind in SELECTABLE_KINDS if kind not in kinds)

    @property
    def interpolated(self) -> dict[str, tuple[str, ...]]:
        """Chosen recordings with interpolated electrodes, by name."""
        names = dict.fromkeys(window.recording.name for window in self.windows)
        found = {n: self.headers[n].interpolated for n in names if n in self.headers}
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
            f"{self.spec.missing!r})"
            for missing, count in sorted(lacking.items())
        ]
        return tuple(lines)

    def iter_passed_over(self) -> Iterator[tuple[Window, str]]:
        """Yield each window that could be had and was not chosen, and why.

        Yields
        ------
        window : Window
            Ordered by recording name.
        reason : str
            A clause.
        """
        if self._choice is not None:
            usable = [r for r in self.recordings if r.name in self._sizes]
            yield from iter_passed_over(
                usable, self._sizes, self._choice, sfreq=self.sfreq
            )

    def iter_unused(self) -> Iterator[tuple[Recording, str]]:
        """Yield each recording that gives no window at all, and why.

        Yields
        ------
        recording : Recording
            Ordered by name.
        reason : str
            A clause or a sentence.
        """
        shortest = window_samples(self.spec, self.sfreq)
        for recording in self.recordings:
            if recording.name in self.left_out:
                yield recording, str(self.left_out[recording.name])
            elif self._choice is not None and (
                self._sizes.get(recording.name, 0) < shortest
            ):
                yield recording, "is shorter than a window"


def plan_windows(
    spec: FixtureSpec,
    source: Source,
    recordings: Sequence[Recording],
    *,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Choose windows, and open only the recordings that are needed for that.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    source : Source
        Where the recordings come from.
    recordings : sequence of Recording
        Those it offers.
    strict : bool
        Whether a recording that cannot be used is an error at once. Else another one
        takes its place, if there is one.
    progress : callable or None
        Called with (headers read, headers to read) where annotations do not say how
        long recordings are, then with (headers read, recordings in all).

    Returns
    -------
    plan : Plan
        At least one window with a seizure; for the synthetic source, what it lists.

    Raises
    ------
    SpecError
        If a quota was not filled or no window holds a seizure.
    SourceError
        If there is no recording, or none that can be used.
    ChannelNotFoundError
        If a chosen recording lacks a channel, and the spec does not say what to do.
    """
    check_profile(spec)
    if spec.source == "synthetic":
        return _listed(spec, recordings)
    if not recordings:
        msg = f"source {spec.source!r}: there is no annotated recording under --root"
        raise SourceError(msg)
    return _Planner(spec, source, recordings, strict=strict, progress=progress).plan()


def check_profile(spec: FixtureSpec) -> None:
    """Raise SpecError if a profile is not for the montage or the rate of a spec.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    """
    if spec.profile != BRAIN_GO_BRR:
        return
    if spec.montage != "10-20":
        msg = (
            f"profile {BRAIN_GO_BRR!r} is what brain-go-brr computes from 19 electrodes "
            f"and feeds to its model: montage '10-20', got {spec.montage!r}"
        )
        raise SpecError(msg)
    if spec.sfreq not in (None, BRAIN_GO_BRR_SFREQ):
        msg = f"profile {BRAIN_GO_BRR!r} has 256 Hz, got sfreq {spec.sfreq:g} Hz"
        raise SpecError(msg)


def fixed_sfreq(spec: FixtureSpec) -> float | None:
    """Return the rate of a fixture, if it does not depend on the recordings.

    Parameters
    ----------
    spec : FixtureSpec
        The request.

    Returns
    -------
    sfreq : float or None
        Hz; None: the one that all recordings have.
    """
    return BRAIN_GO_BRR_SFREQ if spec.profile == BRAIN_GO_BRR else spec.sfreq


def open_header(source: Source, recording: Recording, spec: FixtureSpec) -> Header:
    """Read the header of a recording that is needed for a spec.

    Parameters
    ----------
    source : Source
        Where it comes from.
    recording : Recording
        One of the source.
    spec : FixtureSpec
        The request.

    Returns
    -------
    header : Header
        What it says.

    Raises
    ------
    SourceError
        If the recording cannot give the montage, or ends before a seizure does.
    """
    signal, interpolated = open_native(source, recording, spec)
    with signal:
        header = Header(
            sfreq=signal.sfreq, n_times=signal.n_times, interpolated=interpolated
        )
    _check_events(recording, header)
    return header


def check_rates(
    spec: FixtureSpec, headers: Mapping[str, Header], *, sfreq: float
) -> None:
    """Raise SpecError if recordings would be resampled, and nothing asks for that.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    headers : mapping of str to Header
        Of the recordings, by name.
    sfreq : float
        Rate of the fixture in Hz.
    """
    if fixed_sfreq(spec) is not None:
        return
    for name in sorted(headers):
        rate = headers[name].sfreq
        if rate != sfreq:
            msg = (
                f"the chosen recordings have different rates: {sfreq:g} Hz, and "
                f"{rate:g} Hz in {name!r}; say which one is wanted, for example "
                f"--sfreq {sfreq:g}: recordings of another are resampled"
            )
            raise SpecError(msg)


def _listed(spec: FixtureSpec, recordings: Sequence[Recording]) -> Plan:
    sfreq = spec.sfreq or 256.0
    n_times = window_samples(spec, sfreq)
    windows = []
    for recording, wanted in zip(recordings, spec.recordings, strict=True):
        spans = merge_spans(event.span(sfreq) for event in recording.events)
        artefacts = [artefact.span(sfreq) for artefact in wanted.artefacts]
        for onset in wanted.windows:
            start = seconds_to_sample(onset, sfreq)
            kind = kind_of(spans, start=start, n_times=n_times, artefacts=artefacts)
            windows.append(Window(recording=recording, start=start, kind=kind))
    return Plan(
        spec=spec, sfreq=sfreq, windows=tuple(windows), recordings=tuple(recordings)
    )


class _Planner:
    """Chooses, reads the headers of what was chosen, and chooses again if they differ."""

    def __init__(
        self,
        spec: FixtureSpec,
        source: Source,
        recordings: Sequence[Recording],
        *,
        strict: bool,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._spec = spec
        self._source = source
        self._recordings = sorted(recordings, key=lambda recording: recording.name)
        self._strict = strict
        self._progress = progress
        self._headers: dict[str, Header] = {}
        self._left_out: dict[str, SourceError] = {}

    def plan(self) -> Plan:
        spec = self._spec
        sfreq = self._sfreq()
        n_times = window_samples(spec, sfreq)
        sizes = self._sizes(sfreq)
        limits = _limits(spec)
        while True:
            usable = [r for r in self._recordings if r.name in sizes]
            choice = choose_windows(
                usable,
                sizes,
                sfreq=sfreq,
                n_times=n_times,
                limits=limits,
                can_be_had=lambda window: self._fits(window, sfreq, n_times),
            )
            chosen = {window.recording.name for window in choice.windows}
            of_chosen = {name: self._headers[name] for name in chosen}
            check_rates(spec, of_chosen, sfreq=sfreq)
            stated = {
                name: header.n_times_at(spec, sfreq)
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
        if spec.quotas and choice.unmet:
            raise self._unmet(choice, usable, sizes, sfreq=sfreq)
        if all(window.kind in KINDS["none"] for window in choice.windows):
            raise self._no_positive()
        return Plan(
            spec=spec,
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
        return window.start + n_times <= header.n_times_at(self._spec, sfreq)

    def _header(self, recording: Recording) -> Header | None:
        """Read a header, once; None if the recording cannot be used."""
        name = recording.name
        if name in self._headers or name in self._left_out:
            return self._headers.get(name)
        try:
            header = open_header(self._source, recording, self._spec)
        except ChannelNotFoundError as error:
            if self._spec.missing == "error" and 0 < len(error.missing) <= MAX_MISSING:
                msg = (
                    f"{error} Say what to do with such recordings: --missing drop-window "
                    "takes others, --missing interpolate computes electrodes from their "
                    "neighbours"
                )
                raise ChannelNotFoundError(msg, missing=error.missing) from error
            if self._strict or self._spec.missing != "drop-window":
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
        length = self._spec.window_length
        return [
            r for r in self._recordings if r.duration is None or r.duration >= length
        ]

    def _sfreq(self) -> float:
        """Return the rate of the fixture, in Hz."""
        spec = self._spec
        with_seizure = [r for r in self._long_enough() if r.events]
        if not with_seizure:
            raise self._no_positive()
        fixed = fixed_sfreq(spec)
        if fixed is not None:
            return fixed
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
                sizes[recording.name] = header.n_times_at(self._spec, sfreq)
            if self._progress is not None:
                self._progress(done, len(unknown))
        for recording in self._long_enough():
            if recording.duration is not None and recording.name not in self._left_out:
                sizes[recording.name] = seconds_to_sample(recording.duration, sfreq)
        return sizes

    def _no_positive(self) -> SpecError | SourceError:
        spec = self._spec
        wanted = [
            recording.name
            for recording in self._recordings
            if any(not spec.types or e.label in spec.types for e in recording.events)
        ]
        if wanted and all(name in self._left_out for name in wanted):
            # The reason in itself, where nothing else is left.
            return self._left_out[wanted[0]]
        n_events = sum(len(recording.events) for recording in self._recordings)
        msg = (
            f"source {spec.source!r}: no window of {spec.window_length:g} s with a "
            f"seizure can be had: {len(self._recordings)} annotated recordings with "
            f"{n_events} seizures"
        )
        if n_events and spec.types:
            labels = Counter(e.label for r in self._recordings for e in r.events)
            msg += f" ({_listing(labels)}); wanted are types {', '.join(spec.types)}"
        elif n_events:
            msg += "; use a shorter --window-length"
        return SpecError(msg + self._say_left_out())

    def _say_left_out(self) -> str:
        if not self._left_out:
            return ""
        first = next(iter(self._left_out.values()))
        return f". {len(self._left_out)} recordings left out, the first: {first}"

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
        there = count_candidates(usable, sizes, sfreq=sfreq, n_times=choice.n_times)
        splits = sorted({split for split, _ in there})
        counts = "; ".join(
            f"{split}: "
            + ", ".join(f"{kind} {there[split, kind]}" for kind in SELECTABLE_KINDS)
            for split in splits
        )
        msg = (
            f"source {self._spec.source!r}: quotas that were not filled: {short}. "
            f"Candidates of {self._spec.window_length:g} s, some of which overlap: "
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


def _limits(spec: FixtureSpec) -> Limits:
    return Limits(
        quotas=spec.quotas or Limits.per_kind(spec.per_kind).quotas,
        types=spec.types,
        per_subject=spec.per_subject,
        per_type=spec.per_type,
        seed=spec.seed,
    )


def _quota_name(quota: Quota) -> str:
    return quota.word if quota.split is None else f"{quota.split}:{quota.word}"


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))


def _check_events(recording: Recording, header: Header) -> None:
    for event in recording.events:
        # Annotations round to 0.1 ms, so an end may lie a fraction of a sample outside.
        if event.span(header.sfreq)[1] > header.n_times + 1:
            msg = (
                f"recording {recording.name!r}: a seizure ends at "
                f"{event.onset + event.duration:g} s and the recording at "
                f"{header.n_times / header.sfreq:g} s; check that the annotations "
                "belong to this file"
            )
            raise SourceError(msg)
