"""What holds for all inputs: events and masks, spans, windows, moments."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgb_fixtures.build.quotas import choose_windows
from bgb_fixtures.corpora.recording import Recording
from bgb_fixtures.eeg.events import (
    Event,
    clip_events,
    events_to_mask,
    mask_to_spans,
    merge_spans,
)
from bgb_fixtures.eeg.kinds import kind_of
from bgb_fixtures.eeg.scaling import Moments
from bgb_fixtures.request.recorded import Criteria

if TYPE_CHECKING:
    from random import Random

RATES = st.sampled_from([100.0, 128.0, 199.8, 250.0, 256.0, 400.0, 512.0, 1000.0])
masks = st.lists(st.integers(0, 1), max_size=200)
# Seconds with four decimals, as TUSZ writes them.
seconds = st.integers(0, 200_000).map(lambda n: n / 10_000)
spans = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=8)


@st.composite
def seizures(draw: st.DrawFn) -> Event:
    duration = draw(st.integers(1, 100_000)) / 10_000
    return Event(onset=draw(seconds), duration=duration, label="seiz")


@given(mask=masks, sfreq=RATES)
def test_mask_to_events_to_mask_is_the_same_mask(mask: list[int], sfreq: float) -> None:
    events = [
        Event(onset=start / sfreq, duration=(stop - start) / sfreq, label="seiz")
        for start, stop in mask_to_spans(mask)
    ]
    assert events_to_mask(events, sfreq=sfreq, n_times=len(mask)).tolist() == mask


@given(events=st.lists(seizures(), max_size=5), sfreq=RATES, start=st.integers(0, 2000))
def test_labels_of_a_window_follow_the_definition_sample_by_sample(
    events: list[Event], sfreq: float, start: int
) -> None:
    clipped = clip_events(events, start=start, n_times=300, sfreq=sfreq)
    labels = events_to_mask(clipped, sfreq=sfreq, n_times=300)
    # Exact decimals: i / sfreq in [onset, onset + duration).
    rate = Fraction(str(sfreq))
    stretches = [
        (Fraction(str(e.onset)), Fraction(str(e.onset)) + Fraction(str(e.duration)))
        for e in events
    ]
    times = [(start + i) / rate for i in range(300)]
    assert labels.tolist() == [
        int(any(onset <= time < end for onset, end in stretches)) for time in times
    ]


@given(events=st.lists(seizures(), max_size=5), sfreq=RATES, start=st.integers(0, 2000))
def test_clipped_events_lie_inside_the_window_and_hold_a_sample(
    events: list[Event], sfreq: float, start: int
) -> None:
    clipped = clip_events(events, start=start, n_times=300, sfreq=sfreq)
    for event in clipped:
        assert event.onset >= 0
        assert round(event.duration * sfreq) >= 1
        assert event.onset + event.duration <= 300 / sfreq + 1e-9


@given(spans=spans)
def test_merged_spans_cover_the_same_samples_without_touching(
    spans: list[tuple[int, int]],
) -> None:
    merged = merge_spans(spans)
    covered = {i for start, stop in spans for i in range(start, stop)}
    assert {i for start, stop in merged for i in range(start, stop)} == covered
    assert all(a[1] < b[0] for a, b in itertools.pairwise(merged))


@given(spans=spans)
def test_spans_of_a_mask_are_its_merged_spans(spans: list[tuple[int, int]]) -> None:
    mask = np.zeros(300, np.uint8)
    for start, stop in spans:
        mask[start:stop] = 1
    assert mask_to_spans(mask) == merge_spans(spans)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    duration = draw(st.integers(1, 300))
    borders = sorted(draw(st.sets(st.integers(0, duration), max_size=8)))
    events = tuple(
        Event(onset=float(a), duration=float(b - a), label="seiz")
        for a, b in zip(borders[::2], borders[1::2], strict=False)
    )
    return Recording(
        name=draw(st.text("abcdefgh", min_size=1, max_size=6)),
        subject="s",
        split="train",
        duration=duration,
        events=events,
    )


@given(
    recordings=st.lists(recordings(), max_size=4, unique_by=lambda r: r.name),
    n_times=st.integers(2, 80),
    per_kind=st.integers(1, 5),
    order=st.randoms(use_true_random=False),
)
def test_chosen_windows_keep_every_promise(
    recordings: list[Recording], n_times: int, per_kind: int, order: Random
) -> None:
    sizes = {r.name: int(r.duration or 0) for r in recordings}
    shuffled = list(recordings)
    order.shuffle(shuffled)
    limits = Criteria(per_kind=per_kind)
    windows, again = (
        choose_windows(some, sizes, sfreq=1.0, n_times=n_times, criteria=limits).windows
        for some in (recordings, shuffled)
    )
    assert windows == again
    for window in windows:
        spans = merge_spans(event.span(1.0) for event in window.recording.events)
        assert 0 <= window.start <= sizes[window.recording.name] - n_times
        assert kind_of(spans, start=window.start, n_times=n_times) == window.kind
    for a, b in itertools.combinations(windows, 2):
        assert a.recording != b.recording or abs(a.start - b.start) >= n_times
    kinds = [window.kind for window in windows]
    assert all(kinds.count(kind) <= per_kind for kind in kinds)


@given(recording=recordings(), n_times=st.integers(2, 80))
def test_a_recording_with_a_seizure_gives_a_window_with_a_seizure(
    recording: Recording, n_times: int
) -> None:
    sizes = {recording.name: int(recording.duration or 0)}
    windows = choose_windows(
        [recording], sizes, sfreq=1.0, n_times=n_times, criteria=Criteria(per_kind=1)
    ).windows
    possible = bool(recording.events) and sizes[recording.name] >= n_times
    assert any(window.kind != "background" for window in windows) == possible


@given(
    values=st.lists(st.integers(-20_000, 20_000), min_size=2, max_size=200),
    cut=st.integers(1, 199),
)
def test_moments_are_exact_and_independent_of_the_pieces(
    values: list[int], cut: int
) -> None:
    # Values in steps of 1/8 uV, as the synthetic source has them.
    data_uv = np.array([values]) / 8
    whole, pieces = Moments(), Moments()
    whole.add(data_uv)
    for piece in np.split(data_uv, [min(cut, len(values))], axis=1):
        pieces.add(piece)
    assert whole == pieces
    assert whole.sums == [sum(values) * 2**7]
    assert whole.squares == [sum(v * v for v in values) * 2**14]


@pytest.mark.parametrize("sfreq", [250, 256, 512])
def test_whole_second_borders_are_sample_exact_over_a_day(sfreq: int) -> None:
    ends = [
        Event(onset=0, duration=t, label="seiz").span(sfreq)[1]
        for t in range(1, 86401, 977)
    ]
    assert ends == [t * sfreq for t in range(1, 86401, 977)]
