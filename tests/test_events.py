"""Labels: sample i is ictal exactly if i / sfreq lies in [onset, onset + duration)."""

from __future__ import annotations

import numpy as np
import pytest

from bgb_fixtures.eeg.events import (
    SZCORE_CODES,
    Event,
    clip_events,
    events_to_mask,
    mask_to_spans,
    merge_spans,
    seconds_to_sample,
)


def seizure(onset: float, duration: float, label: str = "seiz") -> Event:
    return Event(onset=onset, duration=duration, label=label)


@pytest.mark.parametrize(
    ("onset", "duration", "sfreq", "span"),
    [
        pytest.param(10, 5, 256, (2560, 3840), id="whole-seconds"),
        pytest.param(0, 1, 256, (0, 256), id="at-the-start-of-the-recording"),
        # 36.1 s * 256 Hz = 9241.6: sample 9241 lies before the onset, 9242 after it.
        pytest.param(36.1, 1, 256, (9242, 9498), id="between-two-samples"),
        # 36.1 s * 250 Hz = 9025 exactly: that sample is ictal.
        pytest.param(36.1, 1, 250, (9025, 9275), id="on-a-sample"),
        # 4.35 * 100 is 434.99999999999994 in binary, 435 in decimal.
        pytest.param(4.35, 1, 100, (435, 535), id="decimal-not-binary-onset"),
        # 0.1 + 0.2 is 0.30000000000000004 in binary: a stop of 31 would be wrong.
        pytest.param(0.1, 0.2, 100, (10, 30), id="decimal-not-binary-end"),
        pytest.param(1 / 256, 2 / 256, 256, (1, 3), id="fractions-of-256"),
        pytest.param(1.001, 0.001, 256, (257, 257), id="between-samples-is-empty"),
        pytest.param(1, 0.0001, 256, (256, 257), id="shorter-than-a-sample-on-one"),
        pytest.param(13688, 143, 256, (3504128, 3540736), id="hours-into-a-recording"),
    ],
)
def test_span_holds_the_samples_whose_time_lies_in_the_event(
    onset: float, duration: float, sfreq: float, span: tuple[int, int]
) -> None:
    assert seizure(onset, duration).span(sfreq) == span


@pytest.mark.parametrize(
    ("seconds", "sfreq", "sample"),
    [
        pytest.param(0, 256, 0, id="zero"),
        pytest.param(36.1, 256, 9242, id="rounds-up"),
        pytest.param(2.3, 100, 230, id="decimal-not-binary"),
        pytest.param(1.5, 199.8, 300, id="fractional-rate"),
    ],
)
def test_seconds_to_sample_gives_the_first_sample_not_before(
    seconds: float, sfreq: float, sample: int
) -> None:
    assert seconds_to_sample(seconds, sfreq) == sample


@pytest.mark.parametrize(
    ("spans", "merged"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(5, 9), (0, 2)], [(0, 2), (5, 9)], id="sorted"),
        pytest.param([(0, 4), (4, 8)], [(0, 8)], id="touching-become-one"),
        pytest.param([(0, 5), (3, 8)], [(0, 8)], id="overlapping-become-one"),
        pytest.param([(0, 9), (3, 5)], [(0, 9)], id="one-inside-the-other"),
        pytest.param([(3, 3), (5, 6)], [(5, 6)], id="empty-is-dropped"),
    ],
)
def test_merged_spans_neither_overlap_nor_touch(
    spans: list[tuple[int, int]], merged: list[tuple[int, int]]
) -> None:
    assert merge_spans(spans) == merged


# A recording of 20 s at 8 Hz, 160 samples; windows of 4 s, 32 samples.
@pytest.mark.parametrize(
    ("events", "start", "clipped"),
    [
        pytest.param([seizure(1, 2)], 0, [(1.0, 2.0)], id="inside"),
        pytest.param([seizure(0, 1)], 0, [(0.0, 1.0)], id="window-at-the-very-start"),
        pytest.param([seizure(18, 2)], 128, [(2.0, 2.0)], id="seizure-at-the-very-end"),
        pytest.param([seizure(2, 9)], 32, [(0.0, 4.0)], id="clipped-on-both-sides"),
        pytest.param([seizure(2, 4)], 32, [(0.0, 2.0)], id="clipped-at-the-start"),
        pytest.param([seizure(6, 4)], 32, [(2.0, 2.0)], id="clipped-at-the-end"),
        pytest.param([seizure(0, 4)], 32, [], id="ends-where-the-window-begins"),
        pytest.param([seizure(8, 2)], 32, [], id="begins-where-the-window-ends"),
        pytest.param(
            [seizure(5, 1), seizure(7, 3)],
            32,
            [(1.0, 1.0), (3.0, 1.0)],
            id="two-seizures",
        ),
        pytest.param(
            [seizure(5, 1), seizure(6, 1)],
            32,
            [(1.0, 1.0), (2.0, 1.0)],
            id="touching-seizures-stay-two-events",
        ),
        pytest.param(
            [seizure(7, 1), seizure(5, 1)],
            32,
            [(1.0, 1.0), (3.0, 1.0)],
            id="sorted-by-onset",
        ),
        # 4.3 s * 8 Hz = 34.4: the first ictal sample is 35, 3 samples into the window.
        pytest.param([seizure(4.3, 1)], 32, [(0.375, 1.0)], id="onset-on-a-sample"),
    ],
)
def test_clipped_events_are_relative_to_the_window(
    events: list[Event], start: int, clipped: list[tuple[float, float]]
) -> None:
    obtained = clip_events(events, start=start, n_times=32, sfreq=8)
    assert [(event.onset, event.duration) for event in obtained] == clipped


def test_clipping_keeps_the_label_of_each_event() -> None:
    events = [seizure(5, 1, "absz"), seizure(7, 1, "mysz")]
    obtained = clip_events(events, start=32, n_times=32, sfreq=8)
    assert [event.label for event in obtained] == ["absz", "mysz"]


@pytest.mark.parametrize(
    ("events", "labels"),
    [
        pytest.param([], [0, 0, 0, 0, 0, 0, 0, 0], id="none"),
        pytest.param([seizure(0.5, 0.5)], [0, 0, 1, 1, 0, 0, 0, 0], id="one"),
        pytest.param([seizure(0, 2)], [1, 1, 1, 1, 1, 1, 1, 1], id="whole-window"),
        pytest.param(
            [seizure(0, 0.25), seizure(1.75, 0.25)],
            [1, 0, 0, 0, 0, 0, 0, 1],
            id="first-and-last-sample",
        ),
        pytest.param(
            [seizure(0.5, 0.5), seizure(1, 0.5)],
            [0, 0, 1, 1, 1, 1, 0, 0],
            id="touching",
        ),
        pytest.param(
            [seizure(0.5, 1), seizure(1, 0.25)],
            [0, 0, 1, 1, 1, 1, 0, 0],
            id="overlapping",
        ),
    ],
)
def test_labels_are_one_inside_events_and_zero_elsewhere(
    events: list[Event], labels: list[int]
) -> None:
    obtained = events_to_mask(events, sfreq=4, n_times=8)
    assert obtained.tolist() == labels


def test_labels_are_uint8() -> None:
    assert events_to_mask([], sfreq=4, n_times=8).dtype == np.uint8


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        pytest.param([0, 0, 0], [], id="none"),
        pytest.param([1, 1, 1], [(0, 3)], id="all"),
        pytest.param([1, 0, 1], [(0, 1), (2, 3)], id="first-and-last-sample"),
        pytest.param([0, 1, 1, 0], [(1, 3)], id="inside"),
        pytest.param([], [], id="empty"),
    ],
)
def test_spans_are_the_runs_of_ones(
    labels: list[int], spans: list[tuple[int, int]]
) -> None:
    assert mask_to_spans(np.array(labels, np.uint8)) == spans


def test_every_seizure_label_of_the_corpus_has_its_szcore_code() -> None:
    # The nine labels that brain-go-brr counts as a seizure.
    expected = {
        "seiz": "sz",
        "gnsz": "sz_gen",
        "fnsz": "sz_foc",
        "cpsz": "sz_foc_ia",
        "absz": "sz_gen_nm",
        "spsz": "sz_foc_a",
        "tcsz": "sz_gen_m_tonicClonic",
        "tnsz": "sz_gen_m_tonic",
        "mysz": "sz_gen_m",
    }
    assert {label: SZCORE_CODES[label] for label in expected} == expected


def test_event_knows_its_szcore_code() -> None:
    assert seizure(1, 2, "cpsz").szcore == "sz_foc_ia"
