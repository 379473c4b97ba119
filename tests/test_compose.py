"""Any number of synthetic windows from a seed: balance, kinds, independence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bgb_fixtures.eeg.events import merge_spans
from bgb_fixtures.eeg.kinds import kind_of
from bgb_fixtures.errors import SpecError
from bgb_fixtures.request.compose import compose_recording, compose_request
from bgb_fixtures.request.spec import parse_spec, spec_to_json
from bgb_fixtures.synthetic import SEIZURE_TYPES

if TYPE_CHECKING:
    from bgb_fixtures.request.synthetic import RecordingSpec


def kind(recording: RecordingSpec, window_length: float = 60.0) -> str:
    """Say of what kind the one window of a recording is."""
    (onset,) = recording.windows
    return kind_of(
        merge_spans(event.span(256) for event in recording.events),
        start=round(onset * 256),
        n_times=round(window_length * 256),
        artefacts=[artefact.span(256) for artefact in recording.artefacts],
    )


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        pytest.param(0.5, [1, 0, 1, 0, 1, 0], id="half"),
        pytest.param(1 / 3, [1, 0, 0, 1, 0, 0], id="third"),
        pytest.param(0.0, [0, 0, 0, 0, 0, 0], id="none"),
        pytest.param(1.0, [1, 1, 1, 1, 1, 1], id="all"),
    ],
)
def test_share_is_kept_from_the_first_window_on(
    share: float, expected: list[int]
) -> None:
    recordings = [
        compose_recording(i, seed=0, ictal_share=share, window_length=60)
        for i in range(6)
    ]
    assert [int(bool(r.events)) for r in recordings] == expected


@pytest.mark.parametrize("window_length", [1.0, 2.5, 7.9375, 8.0, 10.0, 60.0])
@pytest.mark.parametrize("seed", range(5))
def test_kinds_come_in_turn(seed: int, window_length: float) -> None:
    recordings = [
        compose_recording(i, seed=seed, ictal_share=1, window_length=window_length)
        for i in range(8)
    ]
    assert [kind(r, window_length) for r in recordings] == [
        "onset", "offset", "whole", "ictal",
        "onset", "offset", "whole", "ictal",
    ]  # fmt: skip


def test_every_second_window_without_a_seizure_holds_an_artefact() -> None:
    recordings = [
        compose_recording(i, seed=1, ictal_share=0, window_length=60) for i in range(4)
    ]
    assert [kind(r) for r in recordings] == [
        "background", "artefact", "background", "artefact",
    ]  # fmt: skip


def test_forty_windows_with_a_seizure_hold_every_type_four_times() -> None:
    recordings = [
        compose_recording(i, seed=2, ictal_share=1, window_length=60) for i in range(40)
    ]
    counts = Counter(event.label for r in recordings for event in r.events)
    assert counts == dict.fromkeys(SEIZURE_TYPES, 4)


def test_types_that_are_short_in_life_are_short_in_a_window() -> None:
    longest = {"absz": 20, "atsz": 10, "mysz": 2, "tnsz": 25}
    recordings = [
        compose_recording(i, seed=3, ictal_share=1, window_length=60) for i in range(80)
    ]
    events = [event for r in recordings for event in r.events]
    assert all(e.duration <= longest.get(e.label, 600) for e in events)


def test_some_windows_with_a_seizure_hold_an_artefact_and_some_are_asleep() -> None:
    recordings = [
        compose_recording(i, seed=4, ictal_share=1, window_length=60) for i in range(40)
    ]
    assert 10 <= sum(bool(r.artefacts) for r in recordings) <= 30
    assert 4 <= sum(r.state == "sleep" for r in recordings) <= 20
    assert all(r.state == "awake" for r in recordings if r.events[0].label == "absz")


@pytest.mark.parametrize("window_length", [1.0, 4.0])
@pytest.mark.parametrize("share", [0, 1])
def test_short_window_is_cut_from_a_longer_recording(
    share: float, window_length: float
) -> None:
    for i in range(80):  # window 74 has a seizure of the shortest length
        recording = compose_recording(
            i, seed=0, ictal_share=share, window_length=window_length
        )
        assert recording.windows == (8.0,)
        assert recording.duration == 16 + window_length
        # No event of a fraction of a second, in which nothing can be seen.
        assert all(e.duration >= 0.25 and e.onset >= 0 for e in recording.events)
        assert all(artefact.duration >= 1 for artefact in recording.artefacts)
        ends = [e.onset + e.duration for e in recording.events]
        ends += [a.onset + a.duration for a in recording.artefacts]
        assert all(end <= recording.duration for end in ends)


def test_composed_spec_names_its_recipe() -> None:
    assert compose_request(2, seed=1).recipe == "synthetic-2"


def test_window_follows_from_its_index_alone() -> None:
    first, *_, last = compose_request(10, seed=7).recordings
    assert first == compose_recording(0, seed=7, ictal_share=0.5, window_length=60)
    alone = compose_recording(9, seed=7, ictal_share=0.5, window_length=60, split="dev")
    assert last == alone


def test_seeds_differ() -> None:
    assert (
        compose_request(2, seed=1).recordings != compose_request(2, seed=2).recordings
    )


def test_last_fifth_is_dev_with_subjects_of_its_own() -> None:
    recordings = compose_request(10, seed=0).recordings
    assert [r.split for r in recordings] == ["train"] * 8 + ["dev"] * 2
    assert len({r.subject for r in recordings}) == 10


def test_composed_spec_is_one_that_a_file_could_hold() -> None:
    spec = compose_request(12, seed=3)
    assert parse_spec(spec_to_json(spec), where="here") == spec


def test_seizure_free_signal_is_left_to_scale_by() -> None:
    recording = compose_recording(3, seed=0, ictal_share=1, window_length=60)
    assert kind(recording) == "ictal"
    assert recording.events[0].onset >= 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"n_windows": 0}, "windows: .* at least 1, got 0", id="none"),
        pytest.param({"n_windows": 1000}, "windows: .* at most 999", id="many"),
        pytest.param({"n_windows": 2.0}, r"windows: .* got 2\.0", id="float"),
        pytest.param({"seed": -1}, "seed: .* 0 to 4294967295, got -1", id="seed"),
        pytest.param(
            {"ictal_share": 1.5}, r"ictal_share: .* 0 to 1, got 1\.5", id="share"
        ),
        pytest.param({"window_length": 0.5}, "window_length: .*1 to 600 s", id="short"),
        pytest.param({"window_length": 10.03}, "length: .*1/16 s", id="off-grid"),
    ],
)
def test_request_that_cannot_be_met_is_refused(
    arguments: dict[str, float], message: str
) -> None:
    request = {"n_windows": 4, "seed": 0} | arguments
    n_windows = request.pop("n_windows")
    with pytest.raises(SpecError, match=message):
        compose_request(n_windows, **request)  # type: ignore[arg-type]
