"""Adapt the windows of a fixture to another length, rate, montage or scale.

Invariant: every step that can be exact is exact: samples are cut, channels subtracted,
and events clipped and shifted by the exact times of samples; labels, categories and
kinds follow from the events. The same fixture and the same arguments give the same
result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.channels import AVERAGE, rename_row
from bgb_fixtures.eeg.events import Event, events_to_mask, merge_spans
from bgb_fixtures.eeg.filter import BandPassedSignal, check_band_pass
from bgb_fixtures.eeg.kinds import category_of, kind_of
from bgb_fixtures.eeg.montage import (
    SYSTEMS,
    Montage,
    find_montage,
    has_own_labels,
    proper_rows,
    split_rows,
)
from bgb_fixtures.eeg.resample import RATES, ResampledSignal, resampling_ratio
from bgb_fixtures.eeg.rows import derive_rows
from bgb_fixtures.eeg.scaling import CLIP, PROFILES, Moments, Scaled, raw_1, zscore_1
from bgb_fixtures.eeg.signal import ArraySignal
from bgb_fixtures.errors import Key, SpecError
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.records import adapted_digest
from bgb_fixtures.memory import fixture_in_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from bgb_fixtures.eeg.scaling import Profile
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.format.records import WindowRecord

__all__ = ["adapt_fixture", "adapted_content"]

_GRID_UV = 0.125
"""Synthetic EEG is generated in steps of this many microvolts."""
_FINEST_UV = 500.0
"""From this scale on, steps of scale * 2^-12 no longer resolve steps of `_GRID_UV`."""
_WANTED = ("raw-1", "zscore-1")


@dataclass(frozen=True, slots=True)
class _Cut:
    """A window of the result: samples `[start, start + n_times)` of a file's row."""

    row: int
    number: int
    start: int
    n_times: int
    spans: tuple[tuple[int, int, str], ...]
    kind: str

    @property
    def n_ictal(self) -> int:
        """Ictal samples of the window."""
        merged = merge_spans((start, stop) for start, stop, _ in self.spans)
        return sum(stop - start for start, stop in merged)


def adapt_fixture(fixture: Fixture, **options: Any) -> Fixture:
    """Return an adapted fixture in memory; see `Fixture.adapt` for the options."""
    content = adapted_content(fixture, **options)
    digest = adapted_digest(content.spec, content.windows)
    return fixture_in_memory(content, path=fixture.path, digest=digest)


def adapted_content(
    fixture: Fixture,
    *,
    window_length: float | None = None,
    sfreq: float | None = None,
    montage: str | Sequence[str] | None = None,
    profile: str | None = None,
    band_pass: tuple[float, float] | None = None,
    stride: float | None = None,
    n_windows: int | None = None,
    balanced: bool = False,
    names: str | None = None,
) -> Content:
    """Return the content of an adapted fixture; see `Fixture.adapt` for the arguments."""
    asked: dict[str, Any] = {
        # Normalised, so that equal requests have equal digests: 4 and 4.0, or rows as
        # text and as a list.
        "window_length": None if window_length is None else float(window_length),
        "sfreq": None if sfreq is None else float(sfreq),
        "montage": None if montage is None else split_rows(montage),
        "profile": profile,
        "band_pass": None if band_pass is None else [*map(float, band_pass)],
        "stride": None if stride is None else float(stride),
        "n_windows": n_windows,
        "balanced": balanced or None,
        "names": names,
    }
    adaptation = {key: value for key, value in asked.items() if value is not None}
    target = _Target(
        fixture,
        window_length=window_length,
        sfreq=sfreq,
        montage=montage,
        profile=profile,
        band_pass=band_pass,
        stride=stride,
        names=names,
    )
    cuts = [cut for row in fixture.rows for cut in target.cuts(row)]
    cuts = _choose(cuts, n_windows=n_windows, balanced=balanced)
    had_seizure = any(window.category != "none" for window in fixture.windows)
    if had_seizure and not any(cut.n_ictal for cut in cuts):
        msg = (
            f"fixture {str(fixture.path)!r}: no window with a seizure is left with "
            f"windows of {target.window_length:g} s every {target.stride:g} s. Use "
            "another length or stride"
        )
        raise SpecError(msg)
    return target.content(cuts, adaptation)


class _Target:
    """The windows, rows, rate and profile of an adapted fixture."""

    def __init__(
        self,
        fixture: Fixture,
        *,
        window_length: float | None,
        sfreq: float | None,
        montage: str | Sequence[str] | None,
        profile: str | None,
        band_pass: tuple[float, float] | None,
        stride: float | None,
        names: str | None,
    ) -> None:
        # All windows of the file: unselected windows contribute to the scale.
        self._fixture = whole = fixture.whole()
        records = whole.records
        self._windows = records.windows
        self._old_sfreq = whole.sfreq
        self._n_old = whole.signals.shape[2]
        self.sfreq = whole.sfreq if sfreq is None else _check_rate(sfreq)
        self._ratio = resampling_ratio(whole.sfreq, self.sfreq)
        length = self._n_old / whole.sfreq
        self.window_length = length if window_length is None else float(window_length)
        self.stride = self.window_length if stride is None else float(stride)
        up, down = self._ratio
        self._n_whole = self._n_old * up // down
        self.n_times = self._samples(self.window_length, "window_length")
        self._step = self._samples(self.stride, "stride")
        if self.n_times > self._n_whole:
            msg = (
                f": expected at most {length:g} s, the length of the windows of fixture "
                f"{str(whole.path)!r}, got {self.window_length:g} s"
            )
            raise SpecError(Key("window_length"), msg)
        if stride not in (None, self.window_length) and self.n_times == self._n_whole:
            msg = " shorter than the windows of the fixture"
            raise SpecError(Key("stride"), " needs a ", Key("window_length"), msg)
        self.montage = _find_montage(whole, montage, names)
        self._rederives = montage is not None
        self._band_pass = band_pass
        if band_pass is not None:
            check_band_pass(band_pass, sfreq=self.sfreq)
        self.profile = _find_profile(whole, profile)
        self._resamples = self.sfreq != whole.sfreq
        self._rescales = self.profile.name != records.profile["name"] or (
            self.profile.name == "zscore-1"
            and (self._rederives or self._band_pass is not None)
        )
        self._artefacts = _artefact_times(whole)
        changed = self._rederives or self._resamples or self._band_pass is not None
        if changed and self.profile.whole and self.profile.name not in _WANTED:
            msg = (
                f"profile {self.profile.name!r} of fixture {str(whole.path)!r} was "
                "computed over whole recordings: its windows can be cut, but not "
                "changed in any other way. Pass profile='raw-1' or 'zscore-1'"
            )
            raise SpecError(msg)

    def _samples(self, seconds: float, what: str) -> int:
        """Return seconds as a whole number of samples at the new rate."""
        if not math.isfinite(seconds) or seconds <= 0:
            msg = f": expected seconds greater than 0, got {seconds!r}"
            raise SpecError(Key(what), msg)
        exact = _exact(seconds) * _exact(self.sfreq)
        if exact.denominator == 1:
            return int(exact)
        below, above = math.floor(exact), math.ceil(exact)
        near = [n / self.sfreq for n in (below, above) if n]
        msg = (
            f": {seconds:g} s is not a whole number of samples at {self.sfreq:g} Hz; "
            f"the nearest are {' and '.join(f'{s:.10g} s' for s in near)}"
        )
        raise SpecError(Key(what), msg)

    def cuts(self, row: int) -> Iterator[_Cut]:
        """Yield the windows cut from one window of the file, with their events."""
        window = self._windows[row]
        spans, borders = self._event_spans(window)
        rate = _exact(self.sfreq)
        artefacts = [
            (math.ceil(a * rate), math.ceil(b * rate))
            for a, b in self._artefacts.get(row, ())
        ]
        starts = range(0, self._n_whole - self.n_times + 1, self._step)
        for number, start in enumerate(starts, 1):
            stop = start + self.n_times
            inside = tuple(
                (max(a, start) - start, min(b, stop) - start, label)
                for a, b, label in spans
                if b > start and a < stop
            )
            kind = kind_of(
                borders, start=start, n_times=self.n_times, artefacts=artefacts
            )
            if (
                kind == "background"
                and window.kind == "artefact"
                and not self._artefacts
            ):
                # The position of the artefact in the window is not recorded.
                kind = "artefact"
            yield _Cut(row, number, start, self.n_times, inside, kind)

    def _event_spans(
        self, window: WindowRecord
    ) -> tuple[list[tuple[int, int, str]], list[tuple[int, int]]]:
        """Return samples and labels of events at the new rate, and merged borders.

        The borders of an event that continues outside the window reach one sample
        beyond it, so that a piece at the edge of the window gets the correct kind.
        """
        old = [
            (start, start + round(event.duration * self._old_sfreq), event.label)
            for event in window.events
            for start in (round(event.onset * self._old_sfreq),)
        ]
        spans = [
            (self._sample(start), self._sample(stop), label)
            for start, stop, label in old
        ]
        merged = merge_spans((a, b) for a, b, _ in spans)
        if merged and merged[0][0] == 0 and window.kind != "whole":
            merged[0] = (-1, merged[0][1])
        last = self._sample(self._n_old)
        if merged and merged[-1][1] == last and window.kind in ("onset", "ictal"):
            merged[-1] = (merged[-1][0], last + 1)
        return [span for span in spans if span[1] > span[0]], merged

    def _sample(self, sample: int) -> int:
        """Return the first sample at the new rate that is not before an old sample."""
        up, down = self._ratio
        return -(-sample * up // down)

    def content(self, cuts: Sequence[_Cut], adaptation: dict[str, Any]) -> Content:
        """Return signals, labels and records of some windows."""
        n_channels = len(self.montage.derivations)
        signals = np.empty((len(cuts), n_channels, self.n_times), np.float32)
        labels = np.empty((len(cuts), self.n_times), np.uint8)
        scale = np.empty((len(cuts), n_channels), np.float32)
        offset = np.empty((len(cuts), n_channels), np.float32)
        places = {(cut.row, cut.number): i for i, cut in enumerate(cuts)}
        n_clipped = {}
        for cut, scaled in self._iter_scaled(cuts):
            place = places[cut.row, cut.number]
            signals[place] = scaled.values
            scale[place], offset[place] = scaled.scale, scaled.offset
            n_clipped[place] = scaled.n_clipped
        windows = []
        for place, cut in enumerate(cuts):
            windows.append(self._record(cut, n_clipped[place]))
            labels[place] = events_to_mask(
                windows[-1].events, sfreq=self.sfreq, n_times=self.n_times
            )
        return Content(
            name=self._fixture.index.name,
            content_version=self._fixture.index.content_version,
            sfreq=self.sfreq,
            ch_names=self.montage.ch_names,
            montage=self.montage.name,
            unit=self.profile.unit,
            profile={"name": self.profile.name, "steps": self._steps()},
            source=self._fixture.records.source,
            licence=self._licence(),
            spec=self._spec(adaptation),
            windows=tuple(windows),
            signals=signals,
            labels=labels,
            scale=scale,
            offset=offset,
        )

    def _record(self, cut: _Cut, n_clipped: int) -> WindowRecord:
        window = self._windows[cut.row]
        n_cuts = len(range(0, self._n_whole - self.n_times + 1, self._step))
        own = self.n_times == self._n_whole
        number = f"{cut.number:0{max(2, len(str(n_cuts)))}d}"
        return replace(
            window,
            id=window.id if own else f"{window.id}.{number}",
            category=category_of(cut.n_ictal, self.n_times),
            kind=cut.kind,
            onset=window.onset + cut.start / self.sfreq,
            n_clipped=n_clipped,
            events=tuple(
                Event(
                    onset=start / self.sfreq,
                    duration=(stop - start) / self.sfreq,
                    label=label,
                )
                for start, stop, label in sorted(cut.spans)
            ),
        )

    def _iter_scaled(self, cuts: Sequence[_Cut]) -> Iterator[tuple[_Cut, Scaled]]:
        """Yield the samples of each window, row by row of the file."""
        by_row: dict[int, list[_Cut]] = {}
        for cut in cuts:
            by_row.setdefault(cut.row, []).append(cut)
        if not (
            self._rederives or self._resamples or self._rescales or self._band_pass
        ):
            for row, of_row in by_row.items():
                yield from self._iter_exact(row, of_row)
            return
        if not self._rescales:
            for row, of_row in by_row.items():
                yield from self._iter_of_row(row, of_row, self._own_factors(row))
            return
        if self.profile.name == "raw-1":
            for row, of_row in by_row.items():
                yield from self._iter_of_row(row, of_row, None)
            return
        groups: dict[str, list[int]] = {}
        for row in by_row:
            groups.setdefault(self._scaled_with(row), []).append(row)
        for key, rows in groups.items():
            factors = self._background_factors(key)
            for row in rows:
                yield from self._iter_of_row(row, by_row[row], factors)

    def _iter_exact(
        self, row: int, cuts: Iterable[_Cut]
    ) -> Iterator[tuple[_Cut, Scaled]]:
        """Yield windows that are only cut, with the unchanged values of the fixture."""
        signals = self._fixture.signals[row]
        scale, offset = self._fixture.scale[row], self._fixture.offset[row]
        for cut in cuts:
            values = signals[:, cut.start : cut.start + cut.n_times]
            yield (
                cut,
                Scaled(
                    values=values,
                    scale=scale,
                    offset=offset,
                    n_clipped=self._n_clipped(row, cut),
                ),
            )

    def _iter_of_row(
        self,
        row: int,
        cuts: Iterable[_Cut],
        factors: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None,
    ) -> Iterator[tuple[_Cut, Scaled]]:
        signal = self._signal(row)
        data_uv = signal.read(0, signal.n_times)
        for cut in cuts:
            part = data_uv[:, cut.start : cut.start + cut.n_times]
            scaled = raw_1(part) if factors is None else zscore_1(part, *factors)
            lost = self._n_clipped(row, cut)
            yield cut, replace(scaled, n_clipped=max(scaled.n_clipped, lost))

    def _n_clipped(self, row: int, cut: _Cut) -> int:
        """Return how many samples of a window are already clipped in the fixture."""
        if self._windows[row].n_clipped == 0:
            return 0
        up, down = self._ratio
        start = cut.start * down // up
        stop = -(-(cut.start + cut.n_times) * down // up)
        part = self._fixture.signals[row][:, start:stop]
        return int(np.count_nonzero(np.abs(part) >= CLIP))

    def _signal(self, row: int) -> Signal:
        """Return one window in microvolts, with the rows, rate and band requested."""
        fixture = self._fixture
        data_uv = fixture.signals[row].astype(np.float64)
        if fixture.records.unit != "uV":
            data_uv *= fixture.scale[row].astype(np.float64)[:, None]
            data_uv += fixture.offset[row].astype(np.float64)[:, None]
            if _on_grid(fixture, row):
                # This restores the generated values, except for clipped samples.
                data_uv = np.rint(data_uv / _GRID_UV) * _GRID_UV
        if self._rederives:
            data_uv = derive_rows(
                data_uv, fixture.ch_names, self.montage, where=fixture.index.name
            )
        signal: Signal = ArraySignal(data_uv, sfreq=fixture.sfreq)
        if self._resamples:
            signal = ResampledSignal(signal, self.sfreq)
        if self._band_pass is not None:
            signal = BandPassedSignal(signal, self._band_pass)
        return signal

    def _own_factors(
        self, row: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        if self.profile.name == "raw-1":
            return None
        factors = (self._fixture.scale[row], self._fixture.offset[row])
        return factors[0].astype(np.float64), factors[1].astype(np.float64)

    def _scaled_with(self, row: int) -> str:
        """Return the recording (synthetic: the subject) that shares a row's scale."""
        window = self._windows[row]
        synthetic = self._fixture.records.source.get("name") == "synthetic"
        return window.subject if synthetic else window.recording

    def _background_factors(
        self, key: str
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return scale and offset from the seizure-free samples of some windows.

        These are the windows that share the scale `key`, or all windows of the fixture
        if those have no seizure-free sample.
        """
        rows = range(len(self._windows))
        own = [row for row in rows if self._scaled_with(row) == key]
        for group in (own, rows):
            moments = Moments()
            for row in group:
                for start, stop in self._seizure_free(row):
                    moments.add(self._signal(row).read(start, stop))
            if moments.n_times:
                break
        return moments.scale_and_offset(
            ch_names=self.montage.ch_names, where=f"fixture {str(self._fixture.path)!r}"
        )

    def _seizure_free(self, row: int) -> Iterator[tuple[int, int]]:
        spans, _ = self._event_spans(self._windows[row])
        merged = merge_spans((start, stop) for start, stop, _ in spans)
        borders = [0, *(sample for span in merged for sample in span), self._n_whole]
        for start, stop in zip(borders[::2], borders[1::2], strict=True):
            if stop > start:
                yield start, stop

    def _steps(self) -> list[str]:
        """Return the processing steps of the samples, in order."""
        old = self._fixture.records.profile
        steps = [*old["steps"], "adapted from a fixture:"]
        if self._rederives:
            steps.append(f"rows of montage {self.montage.name}, differences in float64")
        if self.montage.averaged and self._rederives:
            steps.append("minus the mean of all rows, in float64")
        if self._resamples:
            steps.append(
                f"scipy.signal.resample_poly from {self._old_sfreq:g} to {self.sfreq:g} "
                "Hz over each window, its last sample repeated beyond its ends"
            )
        if self._band_pass is not None:
            low, high = self._band_pass
            steps.append(
                f"band-pass {low:g}-{high:g} Hz over each window: symmetric FIR, Hamming "
                "window, its last sample repeated beyond its ends"
            )
        steps.append(f"windows of {self.window_length:g} s every {self.stride:g} s")
        if self._rescales and self.profile.name == "zscore-1":
            steps.append(
                "offset and scale = mean and standard deviation, per channel, of the "
                "seizure-free samples in the fixture that the old scale was shared by; "
                "of all windows where there are none"
            )
        if not (self._rederives or self._resamples or self._rescales):
            return steps
        steps.append(
            "float32"
            if self.profile.name == "raw-1"
            else "(microvolts - offset) / scale, rounded to multiples of 2^-12, clipped "
            "to [-10, 10]; float32"
        )
        return steps

    def _licence(self) -> dict[str, Any]:
        licence = self._fixture.records.licence
        changes = (
            f"{licence['changes']}; adapted: windows of {self.window_length:g} s at "
            f"{self.sfreq:g} Hz, montage {self.montage.name}, profile "
            f"{self.profile.name}"
        )
        return licence | {"changes": changes}

    def _spec(self, adaptation: dict[str, Any]) -> dict[str, Any]:
        """Return the spec of the fixture, with the adaptations made since."""
        spec = self._fixture.records.spec
        step = {"from": self._fixture.index.digest, **adaptation}
        return spec | {"adapted": [*spec.get("adapted", []), step]}


def _exact(value: float) -> Fraction:
    return Fraction(repr(float(value)))


def _check_rate(sfreq: float) -> float:
    least, most = RATES
    if not math.isfinite(sfreq) or not least <= sfreq <= most:
        msg = f": expected a rate from {least} to {most} Hz, got {sfreq!r}"
        raise SpecError(Key("sfreq"), msg)
    return float(sfreq)


def _find_profile(fixture: Fixture, profile: str | None) -> Profile:
    own = fixture.records.profile["name"]
    if profile is None or profile == own:
        if own not in PROFILES:
            msg = f"profile {own!r} of fixture {str(fixture.path)!r} is unknown"
            raise SpecError(msg)
        return PROFILES[own]
    if profile not in PROFILES:
        known = ", ".join(map(repr, _WANTED))
        msg = f": expected one of {known}, got {profile!r}"
        raise SpecError(Key("profile"), msg)
    if profile not in _WANTED:
        msg = (
            f": {profile!r} needs whole recordings, but a fixture has only windows; "
            "build it from the recordings: bgb-fixtures build --profile"
        )
        raise SpecError(Key("profile"), msg)
    return PROFILES[profile]


def _find_montage(
    fixture: Fixture, montage: str | Sequence[str] | None, names: str | None
) -> Montage:
    """Return the rows requested, with their names in the requested convention."""
    here = fixture.ch_names
    own = proper_rows(here)
    renamed = tuple(rename_row(row, system="10-10") for row in own)
    system = names or ("10-10" if here == renamed != own else "10-20")
    if montage is None:
        if system not in SYSTEMS:
            find_montage("10-20", system=system)
        name = fixture.records.montage
        return Montage(name=name, derivations=own, system=system)
    return find_montage(
        split_rows(montage), system=system, own_labels=has_own_labels(here)
    )


def _on_grid(fixture: Fixture, row: int) -> bool:
    """Say whether samples were generated in steps that the scale still resolves."""
    records = fixture.records
    adapted = records.spec.get("adapted", [])
    return (
        records.source.get("name") == "synthetic"
        and not any("sfreq" in step or "band_pass" in step for step in adapted)
        and not any(name.endswith(f"-{AVERAGE}") for name in records.ch_names)
        and float(fixture.scale[row].max()) < _FINEST_UV
    )


def _artefact_times(
    fixture: Fixture,
) -> dict[int, tuple[tuple[Fraction, Fraction], ...]]:
    """Return (start, stop) of artefacts in seconds by row; empty if not in the spec."""
    records = fixture.records
    recordings = records.spec.get("recordings", [])
    if records.source.get("name") != "synthetic" or not recordings:
        return {}
    found = {}
    for row, window in enumerate(records.windows):
        number = int(window.recording.removeprefix("rec-")) - 1
        if number >= len(recordings):
            return {}
        found[row] = tuple(
            (onset, onset + _exact(artefact["duration"]))
            for artefact in recordings[number].get("artefacts", [])
            for onset in (_exact(artefact["onset"]) - _exact(window.onset),)
        )
    return found


def _choose(
    cuts: Sequence[_Cut], *, n_windows: int | None, balanced: bool
) -> list[_Cut]:
    """Return some windows, spread evenly over those with and without a seizure."""
    ictal = [cut for cut in cuts if cut.n_ictal]
    free = [cut for cut in cuts if not cut.n_ictal]
    if n_windows is None and not balanced:
        return list(cuts)
    if n_windows is None:
        n_ictal = n_free = min(len(ictal), len(free))
    elif type(n_windows) is not int or not 1 <= n_windows <= len(cuts):
        msg = f": expected an integer from 1 to {len(cuts)}, got {n_windows!r}"
        raise SpecError(Key("n_windows"), msg)
    else:
        share = 0.5 if balanced else len(ictal) / len(cuts)
        n_ictal = math.ceil(n_windows * share) if ictal else 0
        n_ictal = min(max(n_ictal, n_windows - len(free)), len(ictal))
        if free and n_windows > 1:
            n_ictal = min(n_ictal, n_windows - 1)
        n_free = n_windows - n_ictal
    if balanced and (n_ictal > len(ictal) or n_free > len(free) or not n_ictal):
        msg = (
            f": expected windows with and without a seizure, found {len(ictal)} and "
            f"{len(free)}"
        )
        raise SpecError(Key("balanced"), msg)
    if balanced and abs(n_ictal - n_free) > 1:
        msg = (
            f": {n_windows} cannot be balanced (found {len(ictal)} windows with a "
            f"seizure and {len(free)} without)"
        )
        raise SpecError(Key("n_windows"), msg)
    kept = {id(cut) for cut in (*_spread(ictal, n_ictal), *_spread(free, n_free))}
    return [cut for cut in cuts if id(cut) in kept]


def _spread(cuts: Sequence[_Cut], n_wanted: int) -> list[_Cut]:
    """Return `n_wanted` evenly spaced windows."""
    return [cuts[i * len(cuts) // n_wanted] for i in range(n_wanted)]
