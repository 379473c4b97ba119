"""Kinds of windows, and which of them are chosen."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from bgb_fixtures.build.quotas import (
    Choice,
    Window,
    choose_windows,
    count_candidates,
    iter_passed_over,
)
from bgb_fixtures.corpora.recording import Recording
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.kinds import category_of, kind_of
from bgb_fixtures.request.recorded import Criteria, Quota

# Recordings here have 1 sample a second, so that seconds are samples.
SFREQ = 1.0


def make_recording(
    name: str,
    *seizures: tuple[float, float],
    duration: float | None = 1000,
    split: str = "train",
    subject: str | None = None,
    label: str = "seiz",
) -> Recording:
    """Make a recording with seizures from onset to end, in seconds."""
    return Recording(
        name=name,
        subject=subject or name,
        split=split,
        duration=duration,
        events=tuple(
            Event(onset=onset, duration=end - onset, label=label)
            for onset, end in seizures
        ),
    )


def choose(
    *recordings: Recording, n_times: int = 60, per_kind: int = 2
) -> list[tuple[str, str, int]]:
    """Choose windows; return (kind, recording, start) of each."""
    sizes = {r.name: int(r.duration or 0) for r in recordings}
    choice = choose_windows(
        recordings,
        sizes,
        sfreq=SFREQ,
        n_times=n_times,
        criteria=Criteria(per_kind=per_kind),
    )
    return [(w.kind, w.recording.name, w.start) for w in choice.windows]


@pytest.mark.parametrize(
    ("n_ictal", "category"),
    [
        pytest.param(0, "none", id="none"),
        pytest.param(1, "partial", id="one-sample"),
        pytest.param(989, "partial", id="below-0.99"),
        pytest.param(990, "full", id="0.99"),
        pytest.param(1000, "full", id="all"),
    ],
)
def test_category_is_the_share_of_ictal_samples(n_ictal: int, category: str) -> None:
    assert category_of(n_ictal, 1000) == category


# The window is [100, 200).
@pytest.mark.parametrize(
    ("spans", "kind"),
    [
        pytest.param([], "background", id="no-seizure"),
        pytest.param([(50, 100), (200, 250)], "background", id="touched-from-outside"),
        pytest.param([(150, 250)], "onset", id="begins-inside"),
        pytest.param([(199, 250)], "onset", id="begins-at-the-last-sample"),
        pytest.param([(50, 150)], "offset", id="ends-inside"),
        pytest.param([(50, 101)], "offset", id="ends-after-the-first-sample"),
        pytest.param([(120, 150)], "whole", id="inside"),
        pytest.param([(100, 150)], "whole", id="begins-with-the-window"),
        pytest.param([(150, 200)], "whole", id="ends-with-the-window"),
        pytest.param([(110, 120), (130, 140)], "whole", id="two-inside"),
        pytest.param([(50, 250)], "ictal", id="fills-the-window"),
        pytest.param([(100, 200)], "ictal", id="is-the-window"),
        pytest.param([(101, 250)], "ictal", id="fills-0.99-of-it"),
        pytest.param([(102, 250)], "onset", id="fills-0.98-of-it"),
        pytest.param([(50, 110), (190, 250)], "onset", id="one-ends-and-one-begins"),
        pytest.param([(50, 110), (150, 160)], "offset", id="one-ends-and-one-is-whole"),
    ],
)
def test_kind_follows_from_the_borders_inside_the_window(
    spans: list[tuple[int, int]], kind: str
) -> None:
    assert kind_of(spans, start=100, n_times=100) == kind


def test_a_long_seizure_gives_every_kind_but_whole() -> None:
    # 300-500 s in 1000 s. Onset and offset have their border in the middle; ictal and
    # background windows lie in the middle of their stretch.
    assert choose(make_recording("a", (300, 500))) == [
        ("background", "a", 120),
        ("onset", "a", 270),
        ("ictal", "a", 370),
        ("offset", "a", 470),
        ("background", "a", 720),
    ]


def test_a_short_seizure_is_cut_in_its_middle_for_onset_and_offset() -> None:
    # 500-520 s: a window of 60 s around its onset holds it whole.
    assert choose(make_recording("a", (500, 520)), per_kind=1) == [
        ("background", "a", 220),
        ("onset", "a", 450),
        ("offset", "a", 510),
    ]


def test_kinds_share_the_seizures() -> None:
    # Without turns, onset and offset would use up both seizures.
    obtained = choose(make_recording("a", (500, 520)), make_recording("b", (500, 520)))
    assert [kind for kind, _, _ in obtained if kind != "background"] == [
        "onset",
        "offset",
        "whole",
    ]


def test_windows_of_a_kind_come_from_different_recordings() -> None:
    recordings = [
        make_recording(name, (200, 400), (600, 800)) for name in ("a", "b", "c")
    ]
    onsets = [w for w in choose(*recordings, per_kind=3) if w[0] == "onset"]
    assert onsets == [("onset", "a", 170), ("onset", "b", 170), ("onset", "c", 170)]


def test_a_recording_gives_a_second_window_when_there_is_no_other() -> None:
    recordings = [make_recording("a", (200, 400), (600, 800)), make_recording("b")]
    onsets = [w for w in choose(*recordings) if w[0] == "onset"]
    assert onsets == [("onset", "a", 170), ("onset", "a", 570)]


def test_background_is_taken_as_often_as_asked_even_from_one_stretch() -> None:
    # The middle of [0, 300) first, then outwards side by side, but for [200, 300), which
    # lies in the onset window [250, 350).
    recording = make_recording("a", (300, 1000))
    obtained = choose(recording, n_times=100, per_kind=3)
    assert [w for w in obtained if w[0] == "background"] == [
        ("background", "a", 0),
        ("background", "a", 100),
    ]


def test_each_stretch_gives_a_background_window_before_one_gives_two() -> None:
    obtained = choose(make_recording("a", (400, 500)))
    assert [w for w in obtained if w[0] == "background"] == [
        ("background", "a", 170),
        ("background", "a", 720),
    ]


def test_background_gives_way_to_windows_with_a_seizure() -> None:
    # [0, 10) lies in the onset window [5, 15), so background is not taken from there.
    recordings = [
        make_recording("a", (10, 50), duration=50),
        make_recording("b", duration=10),
    ]
    obtained = choose(*recordings, n_times=10)
    assert [w for w in obtained if w[0] in ("onset", "background")] == [
        ("onset", "a", 5),
        ("background", "b", 0),
    ]


@pytest.mark.parametrize("per_kind", [1, 2, 5, 40])
def test_there_are_at_most_so_many_of_each_kind(per_kind: int) -> None:
    recordings = [make_recording(n, (200, 400), (600, 630)) for n in ("a", "b", "c")]
    kinds = [kind for kind, _, _ in choose(*recordings, per_kind=per_kind)]
    assert max(kinds.count(kind) for kind in kinds) <= per_kind


def test_chosen_windows_do_not_overlap() -> None:
    recording = make_recording("a", (100, 130), (150, 160), (300, 420), (431, 900))
    obtained = choose(recording, per_kind=40)
    starts = [start for _, _, start in obtained]
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 60


def test_chosen_windows_are_of_the_kind_that_they_say() -> None:
    recording = make_recording("a", (100, 130), (150, 160), (300, 420), (431, 900))
    spans = [(100, 130), (150, 160), (300, 420), (431, 900)]
    obtained = choose(recording, per_kind=40)
    assert [kind for kind, _, _ in obtained] == [
        kind_of(spans, start=start, n_times=60) for _, _, start in obtained
    ]


def test_the_choice_does_not_depend_on_the_order_of_the_recordings() -> None:
    recordings = [
        make_recording("a", (100, 300)),
        make_recording("b", (500, 520), (700, 900)),
        make_recording("c"),
        make_recording("d", (400, 470)),
    ]
    choices = {tuple(choose(*order)) for order in itertools.permutations(recordings)}
    assert len(choices) == 1


def test_windows_are_ordered_by_recording_and_start() -> None:
    obtained = choose(make_recording("b", (300, 500)), make_recording("a", (300, 500)))
    places = [(name, start) for _, name, start in obtained]
    assert places == sorted(places)


def test_a_recording_one_window_long_gives_that_window() -> None:
    assert choose(make_recording("a", duration=60)) == [("background", "a", 0)]


def test_a_recording_shorter_than_the_window_gives_none() -> None:
    assert choose(make_recording("a", (10, 30), duration=59)) == []


def test_a_seizure_at_the_very_start_of_a_recording_has_no_onset_window_before_it() -> (
    None
):
    obtained = choose(make_recording("a", (0, 30)), per_kind=1)
    assert [w for w in obtained if w[0] != "background"] == [
        ("offset", "a", 15),
    ]


def test_a_seizure_at_the_very_end_of_a_recording_ends_its_last_window() -> None:
    # A window of 60 s before the end would hold it whole; onset comes first in a tie.
    obtained = choose(make_recording("a", (980, 1000)), per_kind=1)
    assert [w for w in obtained if w[0] != "background"] == [("onset", "a", 930)]


def test_touching_seizures_are_one_stretch() -> None:
    # 300-400 and 400-500 s: no border at 400 s.
    assert choose(make_recording("a", (300, 400), (400, 500)), per_kind=1) == [
        ("background", "a", 120),
        ("onset", "a", 270),
        ("ictal", "a", 370),
        ("offset", "a", 470),
    ]


def test_a_recording_full_of_seizure_gives_ictal_windows_only() -> None:
    obtained = choose(make_recording("a", (0, 300), duration=300), per_kind=9)
    assert obtained == [("ictal", "a", start) for start in (0, 60, 120, 180, 240)]


def test_no_recordings_give_no_windows() -> None:
    assert choose() == []


def test_a_window_remembers_its_recording() -> None:
    recording = make_recording("a", duration=60)
    choice = choose_windows(
        [recording], {"a": 60}, sfreq=SFREQ, n_times=60, criteria=Criteria(per_kind=1)
    )
    assert choice.windows == [Window(recording=recording, start=0, kind="background")]


# Quotas and limits


def quotas(**wanted: int) -> tuple[Quota, ...]:
    """Make quotas; `dev_none=2` is for split dev."""
    made = []
    for place, n_windows in wanted.items():
        split, _, word = place.rpartition("_")
        made.append(Quota(word=word, n_windows=n_windows, split=split or None))
    return tuple(made)


def fill(
    *recordings: Recording, n_times: int = 60, wanted: dict[str, int], **limits: Any
) -> Choice:
    sizes = {r.name: int(r.duration or 0) for r in recordings}
    return choose_windows(
        recordings,
        sizes,
        sfreq=SFREQ,
        n_times=n_times,
        criteria=Criteria(quotas=quotas(**wanted), **limits),
    )


def test_a_quota_of_a_kind_is_met_exactly() -> None:
    choice = fill(make_recording("a", (300, 500)), wanted={"onset": 1, "background": 3})
    kinds = sorted(window.kind for window in choice.windows)
    assert kinds == ["background", "background", "background", "onset"]
    assert choice.unmet == ()


def test_a_quota_of_a_category_takes_its_kinds_in_turn() -> None:
    # Whole is not to be had from a seizure of 200 s; onset and offset are.
    choice = fill(make_recording("a", (300, 500)), wanted={"partial": 2, "full": 1})
    assert [window.kind for window in choice.windows] == ["onset", "ictal", "offset"]


def test_a_quota_of_a_split_takes_from_that_split() -> None:
    recordings = [
        make_recording("a", (300, 500), split="dev"),
        make_recording("b", (300, 500)),
    ]
    choice = fill(*recordings, wanted={"onset": 1, "dev_onset": 1, "dev_none": 1})
    assert [(w.kind, w.recording.name) for w in choice.windows] == [
        ("onset", "b"),
        ("background", "a"),
        ("onset", "a"),
    ]


def test_train_comes_first_and_then_splits_by_name() -> None:
    recordings = [make_recording(name, split=name) for name in ("dev", "x", "train")]
    choice = fill(*recordings, wanted={"none": 3})
    assert [w.recording.split for w in choice.windows] == ["train", "dev", "x"]


def test_what_is_short_is_known() -> None:
    choice = fill(make_recording("a", (300, 500)), wanted={"whole": 2, "none": 1})
    assert [(quota.word, choice.counts[quota]) for quota in choice.unmet] == [
        ("whole", 0)
    ]


def test_a_quota_that_stays_short_may_begin() -> None:
    # Onset has fewer candidates and begins; with "a" it would leave nothing to ictal.
    recordings = [make_recording("a", (300, 500)), make_recording("b", (300, 350))]
    choice = fill(*recordings, wanted={"onset": 1, "ictal": 1}, per_subject=1)
    assert [(w.kind, w.recording.name) for w in choice.windows] == [
        ("ictal", "a"),
        ("onset", "b"),
    ]


def test_train_is_asked_first() -> None:
    recordings = [
        make_recording("a", (300, 500), split="dev"),
        make_recording("b", (300, 500)),
    ]
    choice = fill(*recordings, wanted={"onset": 1})
    assert [w.recording.split for w in choice.windows] == ["train"]


def test_a_subject_gives_no_more_than_its_limit() -> None:
    recordings = [
        make_recording("a1", (300, 500), subject="a"),
        make_recording("a2", (300, 500), subject="a"),
        make_recording("b", (300, 500)),
    ]
    choice = fill(*recordings, wanted={"onset": 3, "none": 3}, per_subject=2)
    assert Counter(w.recording.subject for w in choice.windows) == {"a": 2, "b": 2}


def test_a_type_gives_no_more_than_its_limit() -> None:
    recordings = [
        make_recording("a", (300, 500), label="fnsz"),
        make_recording("b", (300, 500), label="fnsz"),
        make_recording("c", (300, 500), label="gnsz"),
    ]
    choice = fill(*recordings, wanted={"onset": 3, "none": 2}, per_type=1)
    types = [window.types for window in choice.windows if window.types]
    assert types == [("fnsz",), ("gnsz",)]
    assert sum(not window.types for window in choice.windows) == 2


def test_only_wanted_types_are_taken_and_background_of_all() -> None:
    recordings = [
        make_recording("a", (300, 500), label="fnsz"),
        make_recording("b", (300, 500), label="gnsz"),
    ]
    choice = fill(*recordings, wanted={"partial": 9, "none": 2}, types=("gnsz",))
    assert {w.recording.name for w in choice.windows if w.types} == {"b"}
    assert {w.recording.name for w in choice.windows if not w.types} == {"a", "b"}


def test_a_seed_draws_other_recordings_and_always_the_same() -> None:
    recordings = [make_recording(f"r{i}", (300, 500)) for i in range(9)]

    def drawn(seed: int | None, *given: Recording) -> list[str]:
        choice = fill(*given, wanted={"onset": 3}, seed=seed)
        return [window.recording.name for window in choice.windows]

    assert drawn(None, *recordings) == ["r0", "r1", "r2"]
    # By SHA-256 of "1:r0", "1:r1", ...: the same on every machine.
    assert drawn(1, *recordings) == drawn(1, *reversed(recordings))
    assert len({tuple(drawn(seed, *recordings)) for seed in range(9)}) > 5


def test_a_draw_does_not_depend_on_recordings_that_come_to_the_corpus() -> None:
    few = [make_recording(f"r{i}", (300, 500)) for i in range(4)]
    many = [*few, make_recording("new")]
    choices = [fill(*given, wanted={"onset": 2}, seed=5) for given in (few, many)]
    assert choices[0].windows == choices[1].windows


@pytest.mark.parametrize(
    ("min_distance", "starts"),
    [
        # Between 0 and 300, and between 500 and 1000: tiles of 60 around the middle.
        pytest.param(
            0, {0, 60, 120, 180, 240, 540, 600, 660, 720, 780, 840, 900}, id="0"
        ),
        # Between 0 and 230, and between 570 and 1000.
        pytest.param(70, {25, 85, 145, 575, 635, 695, 755, 815, 875, 935}, id="70"),
        pytest.param(400, {920}, id="one-end"),
    ],
)
def test_background_keeps_its_distance_from_seizures(
    min_distance: float, starts: set[int]
) -> None:
    choice = choose_windows(
        [make_recording("a", (300, 500))],
        {"a": 1000},
        sfreq=SFREQ,
        n_times=60,
        criteria=Criteria(
            quotas=(Quota(word="background", n_windows=20),), min_distance=min_distance
        ),
    )
    assert {window.start for window in choice.windows} == starts


# What there is, and why it was passed over


def test_candidates_are_counted_by_split_and_kind() -> None:
    recordings = [
        make_recording("a", (300, 500)),
        make_recording("b", duration=130, split="dev"),
        make_recording("c", duration=59),
    ]
    sizes = {r.name: int(r.duration or 0) for r in recordings}
    assert count_candidates(
        recordings, sizes, sfreq=SFREQ, n_times=60, criteria=Criteria()
    ) == {
        # Tiles of 60 s around the middle: 5 in 300 s, 3 in 200, 7 in 500, 1 in 130.
        ("train", "onset"): 1,
        ("train", "offset"): 1,
        ("train", "ictal"): 3,
        ("train", "background"): 12,
        ("dev", "background"): 1,
    }


def test_every_candidate_is_chosen_or_passed_over_with_a_reason() -> None:
    recordings = [
        make_recording("a", (300, 500), label="fnsz", subject="one"),
        make_recording("b", (300, 500), label="gnsz", subject="two"),
    ]
    choice = fill(
        *recordings, wanted={"onset": 1, "none": 1}, types=("fnsz",), per_subject=1
    )
    sizes = {"a": 1000, "b": 1000}
    passed = list(iter_passed_over(recordings, sizes, choice, sfreq=SFREQ))
    there = count_candidates(
        recordings, sizes, sfreq=SFREQ, n_times=60, criteria=choice.criteria
    )
    assert len(passed) + len(choice.windows) == there.total()
    reasons = Counter((w.recording.name, w.kind, reason) for w, reason in passed)
    limit = "--per-subject limit of 1 reached"
    assert reasons == {
        ("a", "offset", "not requested by any quota"): 1,
        ("a", "ictal", "not requested by any quota"): 3,
        # The onset, 270-330 s, reaches into one tile.
        ("a", "background", "overlap with a chosen window"): 1,
        ("a", "background", limit): 11,
        ("b", "onset", "seizure of another type"): 1,
        ("b", "offset", "not requested by any quota"): 1,
        ("b", "ictal", "not requested by any quota"): 3,
        ("b", "background", limit): 11,
    }


def test_a_full_quota_is_a_reason() -> None:
    recording = make_recording("a", duration=300)
    choice = fill(recording, wanted={"none": 2})
    passed = list(iter_passed_over([recording], {"a": 300}, choice, sfreq=SFREQ))
    assert [reason for _, reason in passed] == ["quota already filled"] * 3


def test_without_quotas_the_limit_per_kind_is_a_reason() -> None:
    recording = make_recording("a", duration=300)
    choice = fill(recording, wanted={}, per_kind=3)
    passed = list(iter_passed_over([recording], {"a": 300}, choice, sfreq=SFREQ))
    assert [reason for _, reason in passed] == ["--per-kind limit of 3 reached"] * 2
