"""What moved, in the field's words: windows, factors, seconds, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import SpecError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.golden import compare_goldens, describe_comparison, make_golden
from bgb_fixtures.golden.detections import pair_spans
from bgb_fixtures.golden.record import make_events_golden

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@pytest.fixture
def fixture(small_fixture: Path) -> Fixture:
    """Load the small fixture: 4 windows of 512 samples at 256 Hz."""
    return load_fixture(small_fixture)


def logits(seed: int = 0) -> npt.NDArray[np.float32]:
    """Return values per sample of four windows, no two alike."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 512)).astype(np.float32)


def motion(before: Any, after: Any, fixture: Fixture | None) -> list[str]:
    """Return the sentences between the tolerance and the list of windows."""
    goldens = [make_golden(v, name="out", fixture=fixture) for v in (before, after)]
    text = describe_comparison(compare_goldens(*goldens), fixture=fixture)
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("  allowed"))
    found = [s.strip() for s in lines[first + 1 :] if "recorded as" not in s]
    stop = next((i for i, s in enumerate(found) if s.startswith("windows")), len(found))
    return found[:stop]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (1, "the outputs are rolled by +1 window: w0 now has the output of w3"),
        (-1, "the outputs are rolled by -1 window: w0 now has the output of w1"),
        (2, "the outputs are rolled by +2 windows: w0 now has the output of w2"),
    ],
)
def test_rolled_windows_are_reported_as_such(
    step: int, words: str, fixture: Fixture
) -> None:
    assert motion(logits(), np.roll(logits(), step, axis=0), fixture) == [words]


def test_rolled_values_per_window_are_seen_too(fixture: Fixture) -> None:
    before = np.array([1.0, 5.0, 2.0, 7.0])
    assert motion(before, np.roll(before, 1), fixture) == [
        "the outputs are rolled by +1 window: w0 now has the output of w3"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda v: v * 2, "every value is multiplied by 2", id="twice"),
        pytest.param(lambda v: -v, "every value is multiplied by -1", id="sign"),
        pytest.param(
            lambda v: v * 1e-6, "every value is multiplied by 1e-06", id="volts"
        ),
        pytest.param(
            lambda v: v + 0.5, "every value is changed by adding 0.5", id="offset"
        ),
        pytest.param(
            lambda v: v / 4 - 1,
            "every value is multiplied by 0.25 and changed by adding -1",
            id="both",
        ),
    ],
)
@pytest.mark.parametrize("with_windows", [True, False])
def test_change_of_scale_is_reported_as_a_factor(
    change: Any, words: str, with_windows: bool, fixture: Fixture
) -> None:
    windows = fixture if with_windows else None
    assert motion(logits(), change(logits()), windows) == [words]


def test_complex_factor_is_reported(fixture: Fixture) -> None:
    before = logits() + 1j * logits(1)
    assert motion(before, before * 1j, fixture) == ["every value is multiplied by 0+1j"]


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (1, "the output is shifted in time: 0.003906 s later (1 sample)"),
        (32, "the output is shifted in time: 0.125 s later (32 samples)"),
        (-64, "the output is shifted in time: 0.25 s earlier (64 samples)"),
    ],
)
def test_shift_in_time_is_reported_in_seconds(
    samples: int, words: str, fixture: Fixture
) -> None:
    before = logits()
    after = np.zeros_like(before)
    if samples > 0:
        after[:, samples:] = before[:, :-samples]
    else:
        after[:, :samples] = before[:, -samples:]
    assert motion(before, after, fixture) == [words]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(logits(7), id="other-values"),
        pytest.param(np.zeros((4, 512), np.float32), id="zeros"),
        pytest.param(np.full((4, 512), np.nan, np.float32), id="nan"),
        pytest.param(logits() + (np.arange(512) == 3), id="one-sample"),
    ],
)
def test_what_no_sentence_explains_has_none(after: Any, fixture: Fixture) -> None:
    assert motion(logits(), after.astype(np.float32), fixture) == []


def test_constant_output_is_neither_shifted_nor_scaled(fixture: Fixture) -> None:
    constant = np.ones((4, 512), np.float32)
    assert motion(constant, 2 * constant, fixture) == []


# Events


def events(
    before: Any, after: Any, fixture: Fixture | None = None, **options: Any
) -> str:
    goldens = [
        make_events_golden(found, name="out", fixture=fixture, atol=options.get("atol"))
        for found in (before, after)
    ]
    return describe_comparison(compare_goldens(*goldens), fixture=fixture)


def test_equal_events_say_nothing() -> None:
    assert events([(1, 2), (5.5, 3)], [(5.5, 3), (1, 2)]) == ""


def test_events_are_gained_lost_shifted_and_relabelled() -> None:
    before = [(1, 2), (10, 5), (20, 5, "fnsz"), (40, 2)]
    after = [(10, 5), (12, 1), (20, 5, "gnsz"), (40.5, 2.25)]
    assert events(before, after).splitlines() == [
        "'out': events 4 -> 4 (1 gained, 1 lost, 1 shifted, 1 relabelled)",
        "  allowed shift 0.001 s (default for events)",
        "    lost 1.00-3.00 s",
        "    gained 12.00-13.00 s",
        "    20.00-25.00 s: label changed (found 'gnsz', expected 'fnsz')",
        "    shifted 40.00-42.00 s: start +0.50 s, end +0.75 s",
    ]


def test_no_event_at_all_is_a_value_of_its_own() -> None:
    assert events([], []) == ""
    assert events([], [(3, 4)]).startswith("'out': events 0 -> 1 (1 gained)")
    assert events([(3, 4)], []).startswith("'out': events 1 -> 0 (1 lost)")


def test_exact_events_equal_themselves_whatever_their_sums_round_to() -> None:
    # 0.1 + 0.2 - 0.1 - 0.2 is 2.8e-17.
    assert (
        events([(0.1, 0.2), (2.0**65, 0.5)], [(0.1, 0.2), (2.0**65, 0.5)], atol=0) == ""
    )


def test_tolerance_of_events_is_in_seconds() -> None:
    assert events([(1, 2)], [(1.0005, 2)]) == ""
    assert "start +0.0039 s" in events([(1, 2)], [(1.00390625, 2)])
    assert events([(1, 2)], [(1.25, 2)], atol=0.25) == ""
    assert "(stated when recorded)" in events([(1, 2)], [(1.5, 2)], atol=0.25)


def test_events_by_window_name_the_window_its_label_and_the_score(
    fixture: Fixture,
) -> None:
    pytest.importorskip("timescoring", reason="needs the extra score")
    # Labelled: w0 0.5-2 s, w1 all of 2 s, w2 none, w3 0.25-1.25 s.
    right = [[(0.5, 1.5)], [(0, 2)], [], [(0.25, 1)]]
    wrong = [[], [(0, 2)], [(0.5, 1)], [(0.25, 1)]]
    assert events(right, wrong, fixture).splitlines()[2:] == [
        "    w0: lost 0.50-2.00 s (labelled fnsz 0.50-2.00 s)",
        "    w2: gained 0.50-1.50 s (no seizure)",
        (
            "  score (SzCORE events): sensitivity 1.00 -> 0.67, precision 1.00 -> 0.67, "
            "F1 1.00 -> 0.67, false alarms per day 0 -> 10800"
        ),
    ]


def test_events_of_our_own_class_are_taken() -> None:
    event = Event(onset=1.0, duration=2.0, label="fnsz")
    assert events([event], [(1, 2, "fnsz")]) == ""
    assert events([event], [np.array([1, 2])]).count("label changed") == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"a": 1}, "'out' is of type dict; expected a list of", id="dict"),
        pytest.param([(1,)], r"'out': expected an Event, .* found \(1,\)", id="one"),
        pytest.param([(1, -2)], "a duration of at least 0", id="negative"),
        pytest.param([(1, float("nan"))], "with finite seconds", id="nan"),
        pytest.param([("a", 2)], "with finite seconds", id="text"),
        pytest.param([(1, 2, 3)], r"found \(1, 2, 3\)", id="label"),
        pytest.param([(1, 2, "x" * 33)], "expected an Event", id="long-label"),
        pytest.param([True], "found True", id="bool"),
    ],
)
def test_what_are_no_events_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make_events_golden(value, name="out", fixture=None, atol=None)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[], []], "'out' has 2 entries; expected 4 lists of events, one per window"),
        ([[], [], (1, 2), []], r"'out'\[2\]: expected an Event, .* found 1"),
        ([[], [], 3, []], r"'out'\[2\] is of type int; expected a list of events"),
    ],
)
def test_events_by_window_have_one_list_each(
    value: Any, message: str, fixture: Fixture
) -> None:
    with pytest.raises(SpecError, match=message):
        make_events_golden(value, name="out", fixture=fixture, atol=None)


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        pytest.param([(0, 1)], [(0, 1)], [(0, 0)], id="same"),
        # The second is the same one, though the first overlaps, too.
        pytest.param(
            [(0, 10), (5, 15)], [(5, 15)], [(0, None), (1, 0)], id="same-before-overlap"
        ),
        pytest.param([(0, 1)], [(1, 2)], [(0, None), (None, 0)], id="touching"),
        pytest.param([(3, 3)], [(3, 3)], [(0, 0)], id="without-length"),
        pytest.param(
            [(0, 4), (5, 9)], [(3, 6)], [(0, 0), (1, None)], id="one-over-both"
        ),
    ],
)
def test_spans_are_paired_by_place_then_by_overlap(
    before: Any, after: Any, pairs: Any
) -> None:
    assert pair_spans(before, after) == pairs
