"""Goldens: what can be recorded, what counts as different, and how it is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from bgb_fixtures.errors import GoldenMismatchError, SpecError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.golden import (
    Golden,
    compare_goldens,
    describe_comparison,
    make_golden,
)
from bgb_fixtures.golden import values as golden_values
from bgb_fixtures.golden.check import assert_holds, save
from bgb_fixtures.golden.content import Output, Tolerance
from bgb_fixtures.golden.record import check_windows
from bgb_fixtures.golden.seizures import (
    detection_changes,
    find_detections,
    guess_threshold,
    score_events,
)
from bgb_fixtures.golden.tolerance import default_tolerance
from bgb_fixtures.golden.values import flatten_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

    MakeContent = Callable[..., Content]


@pytest.fixture
def fixture(small_fixture: Path) -> Fixture:
    """Load the small fixture: 4 windows of 512 samples at 256 Hz."""
    return load_fixture(small_fixture)


def golden_of(value: Any, **options: Any) -> Golden:
    return make_golden(value, name="out", **options)


def report(before: Any, after: Any, **options: Any) -> str:
    """Describe what two values differ in; empty if they do not."""
    a, b = golden_of(before, **options), golden_of(after, **options)
    comparison = compare_goldens(a, b)
    return describe_comparison(comparison, fixture=options.get("fixture"))


# What can be recorded


@pytest.mark.parametrize(
    ("value", "dtype", "stored"),
    [
        pytest.param(True, "bool", "|b1", id="bool"),
        pytest.param(7, "int64", "<i8", id="int"),
        pytest.param(0.5, "float64", "<f8", id="float"),
        pytest.param(np.float32(2), "float32", "<f4", id="numpy-scalar"),
        pytest.param(np.arange(3, dtype=">i2"), "int16", "<i2", id="big-endian"),
        pytest.param(torch.ones(2, 3), "float32", "<f4", id="tensor"),
        pytest.param(torch.ones(2).half(), "float16", "<f2", id="half"),
        pytest.param(torch.ones(2).bfloat16(), "bfloat16", "<f4", id="bfloat16"),
        pytest.param(torch.ones(2, requires_grad=True), "float32", "<f4", id="graph"),
        pytest.param(torch.ones(2, 3).T, "float32", "<f4", id="strided"),
        pytest.param(np.zeros((0, 3)), "float64", "<f8", id="empty"),
    ],
)
def test_arrays_tensors_and_numbers_can_be_recorded(
    value: Any, dtype: str, stored: str
) -> None:
    array, obtained = flatten_values(value, name="out")["out"]
    assert (obtained, array.dtype.str) == (dtype, stored)
    assert array.shape == np.shape(value)
    assert array.flags["C_CONTIGUOUS"]


def test_what_is_recorded_does_not_change_with_its_source() -> None:
    source = np.zeros(3)
    array, _ = flatten_values(source, name="out")["out"]
    source[:] = 1
    assert not array.any()


def test_nested_dicts_get_dotted_keys() -> None:
    values = flatten_values({"a": 1, "b": {"c": 2.0, "d": {"e": True}}}, name="out")
    assert list(values) == ["out.a", "out.b.c", "out.b.d.e"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            [torch.zeros(2), torch.ones(2)],
            r"'out' is a list of 2; .* give a dict, such as \{'name0': out\[0\], 'name1'",
            id="list",
        ),
        pytest.param((1,), "'out' is a tuple of 1", id="tuple"),
        pytest.param({"a": [1]}, "'out.a' is a list of 1", id="list-inside"),
        pytest.param({}, "'out' is an empty dict", id="empty-dict"),
        pytest.param({"a": None}, "'out.a' is None", id="none"),
        pytest.param("text", "'out' is a str; expected an array, a tensor", id="text"),
        pytest.param({3: 1}, "'out' has the key 3; expected letters", id="number-key"),
        pytest.param({"a/b": 1}, "'out' has the key 'a/b'", id="slash"),
        pytest.param(
            {"a.b": 1, "a": {"b": 2}},
            "'out.a.b' is the name of two outputs",
            id="twice",
        ),
        pytest.param(np.array(["x"]), "'out' has dtype <U1", id="strings"),
        pytest.param(np.array([None]), "'out' has dtype object", id="objects"),
        pytest.param(torch.zeros(2, dtype=torch.complex64), "complex64", id="complex"),
        pytest.param(torch.zeros(2).to_sparse(), "sparse_coo", id="sparse"),
        pytest.param(2**70, "'out' has dtype object", id="huge-int"),
    ],
)
def test_what_no_golden_can_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        flatten_values(value, name="out")


def test_output_larger_than_memory_should_hold_is_refused_before_it_is_copied() -> None:
    # Expanded: a gigabyte that takes four bytes.
    huge = {"logits": torch.zeros(1).expand(2**28), "score": 1.0}
    with pytest.raises(
        SpecError,
        match=r"outputs of 1024 MiB \('out.logits': 1024 MiB\); a golden holds at most "
        "64 MiB: check fewer windows, or every n-th value",
    ):
        flatten_values(huge, name="out")


def test_limit_is_for_all_outputs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_values, "MAX_BYTES", 2**20)
    with pytest.raises(SpecError, match=r"outputs of 2 MiB \('out.b': 1 MiB\)"):
        flatten_values({"a": np.zeros(2**16), "b": np.zeros(2**17)}, name="out")


def test_half_precision_nan_is_not_recorded_unless_meant(tmp_path: Path) -> None:
    logits = torch.tensor([[1.0, 2.0], [math.nan, math.nan]]).half()
    with pytest.raises(
        SpecError,
        match=r"'out': 2 of 4 float16 values are NaN, first at \(1, 0\); values above "
        "65504 overflow float16. A golden would keep that as right: mend it, or say that "
        r"NaN is meant \(nan_ok=True, --nan-ok\)",
    ):
        save(golden_of(logits), tmp_path / "out.h5", nan_ok=False)
    assert list(tmp_path.iterdir()) == []


# What counts as different


def test_equal_outputs_say_nothing() -> None:
    assert report({"a": torch.ones(3)}, {"a": torch.ones(3)}) == ""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param({"a": 1}, {"b": 1}, "'out.a': recorded, and not", id="missing"),
        pytest.param({"a": 1}, {"a": 1, "b": 1}, "'out.b': given, and not", id="new"),
        pytest.param(
            np.ones(2, np.float32),
            np.ones(2),
            "'out': dtype float32 recorded, got float64",
            id="dtype",
        ),
        pytest.param(
            torch.ones(2).bfloat16(),
            torch.ones(2),
            "'out': dtype bfloat16 recorded, got float32",
            id="bfloat16",
        ),
        pytest.param(1, True, "'out': dtype int64 recorded, got bool", id="bool"),
        pytest.param(
            np.ones((1, 2)),
            np.ones(2),
            r"'out': shape \(1, 2\) recorded, got \(2,\)",
            id="shape",
        ),
        pytest.param(
            np.zeros((0, 3)),
            np.zeros((0, 2)),
            r"'out': shape \(0, 3\) recorded, got \(0, 2\)",
            id="empty",
        ),
    ],
)
def test_key_dtype_and_shape_are_never_waved_through(
    before: Any, after: Any, message: str
) -> None:
    wide = {"rtol": 1e6, "atol": 1e6}
    comparison = compare_goldens(golden_of(before, **wide), golden_of(after, **wide))
    assert not comparison.equal
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(describe_comparison(comparison))


def test_message_has_what_assert_close_has() -> None:
    before = np.zeros((3, 200), np.float64)
    before[:, ::2] = 2.0
    after = before.copy()
    after[1, 2] += 0.5
    after[2, 100] -= 0.25
    after[0, 1] = 0.125
    assert report(before, after, rtol=1e-3, atol=1e-2).splitlines() == [
        "'out': 3 of 600 values differ (0.5%)",
        "  greatest absolute difference 0.5 at (1, 2): expected 2, got 2.5",
        "  greatest relative difference 0.25 at (1, 2): expected 2, got 2.5",
        "  allowed 0.01 + 0.001 x |expected| (asked for when recorded)",
    ]


def test_integers_are_exact_beyond_what_floats_can_tell() -> None:
    before, after = np.array([2**53, 5]), np.array([2**53 + 1, 5])
    assert report(before, after).startswith("'out': 1 of 2 values differ")


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param([NAN, 1], [1, 1], "numbers where NaN was recorded: 1", id="gone"),
        pytest.param([1, 1], [1, NAN], "NaN where numbers were recorded: 1", id="came"),
        pytest.param([1, 1], [1, INF], "infinity where finite numbers", id="infinite"),
        pytest.param([INF, 1], [1, 1], "finite numbers where infinity", id="finite"),
        pytest.param([INF, 1], [-INF, 1], "infinity of the other sign: 1", id="sign"),
        pytest.param([NAN, 1], [1, NAN], "NaN where numbers", id="moved"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_and_infinity_are_compared_by_position(
    before: list[float], after: list[float], words: str, dtype: type
) -> None:
    text = report(np.array(before, dtype), np.array(after, dtype), rtol=10.0, atol=1e30)
    assert words in text


def test_nan_and_infinity_in_the_same_places_are_equal() -> None:
    values = np.array([NAN, INF, -INF, 1.0], np.float16)
    assert report(values, values.copy()) == ""


def test_half_precision_differences_do_not_overflow() -> None:
    before, after = np.float16(60000), np.float16(-60000)
    assert "greatest absolute difference 1.2e+05 at ()" in report(before, after)


def test_changed_environment_stands_first() -> None:
    before = golden_of(np.ones(2))
    after = golden_of(np.zeros(2))
    changed = {**after.environment, "threads": "64", "numpy": "9.9.9"}
    after = Golden(name="out", outputs=after.outputs, environment=changed)
    lines = describe_comparison(compare_goldens(before, after)).splitlines()
    assert lines[0] == f"environment: numpy: recorded {np.__version__}, here 9.9.9"
    assert lines[1].startswith("environment: threads: recorded ")
    assert lines[2].startswith("'out': 2 of 2")


# Tolerances


@pytest.mark.parametrize(
    ("dtype", "tf32", "rtol", "atol"),
    [
        pytest.param("float64", False, 1e-12, 2e-12, id="float64"),
        pytest.param("float32", False, 1e-4, 2e-4, id="float32"),
        pytest.param("float32", True, 1e-2, 2e-2, id="tf32"),
        pytest.param("float16", False, 5e-2, 1e-1, id="float16"),
        pytest.param("bfloat16", False, 2e-1, 4e-1, id="bfloat16"),
        pytest.param("int64", False, 0.0, 0.0, id="int"),
    ],
)
def test_default_tolerance_is_in_units_of_the_root_mean_square(
    dtype: str, tf32: bool, rtol: float, atol: float
) -> None:
    values = np.array([2.0, -2.0, np.nan, np.inf])
    tolerance = default_tolerance(values, dtype, device="cpu", tf32=tf32)
    assert (tolerance.rtol, tolerance.atol) == (rtol, atol)


def test_default_tolerance_says_where_it_comes_from() -> None:
    tolerance = default_tolerance(np.array([3.2]), "float32", device="cuda", tf32=True)
    assert tolerance.source == (
        "default for float32 with TF32 on cuda: 0.01 of the root mean square 3.2"
    )


def test_tolerance_of_the_check_replaces_the_recorded_one() -> None:
    before, after = golden_of(np.array([1.0])), golden_of(np.array([1.1]))
    assert not compare_goldens(before, after).equal
    assert compare_goldens(before, after, atol=0.2).equal


def test_tf32_on_either_side_widens_a_default_but_not_what_was_asked_for() -> None:
    def tf32(golden: Golden) -> Golden:
        environment = {**golden.environment, "tf32": "on"}
        return Golden(name="out", outputs=golden.outputs, environment=environment)

    one, other = np.float32(1), np.float32(1.005)
    assert not compare_goldens(golden_of(one), golden_of(other)).equal
    assert compare_goldens(golden_of(one), tf32(golden_of(other))).equal
    strict = golden_of(one, rtol=1e-4)
    assert not compare_goldens(strict, tf32(golden_of(other))).equal


# Windows, detections, score


def test_message_names_the_windows_that_moved(fixture: Fixture) -> None:
    logits = np.full((4, 512), -1.0)
    moved = logits.copy()
    moved[3, 128:130] += 0.25
    assert report(logits, moved, fixture=fixture).splitlines()[4:6] == [
        "  windows moved: 1 of 4",
        "    w3 (dev, partial whole fnsz): 2 values, largest 0.25 at 0.50 s",
    ]


def test_message_tells_what_became_of_the_seizures(fixture: Fixture) -> None:
    pytest.importorskip("timescoring", reason="needs the extra score")
    # Labels: w0 0.5-2 s, w1 all, w2 none, w3 0.25-1.25 s; 256 samples are a second.
    before = np.full((4, 512), -1.0)
    before[0, 128:512] = 1
    before[1, 0:300] = 1
    before[3, 64:320] = 1
    after = before.copy()
    after[0, 128:512] = -1
    after[1, 300:512] = 1
    after[2, 100:400] = 1
    assert report(before, after, fixture=fixture).splitlines()[8:] == [
        "  detections above 0: 3 -> 3 (1 gained, 1 lost, 1 shifted)",
        "    w0: lost 0.50-2.00 s (labelled fnsz 0.50-2.00 s)",
        (
            "    w1: shifted 0.00-1.17 s: start +0.00 s, end +0.83 s (labelled fnsz "
            "0.00-2.00 s)"
        ),
        "    w2: gained 0.39-1.56 s (no seizure)",
        (
            "  score (SzCORE events): sensitivity 1.00 -> 0.67, precision 1.00 -> 0.67, "
            "F1 1.00 -> 0.67, false alarms per day 0 -> 10800"
        ),
    ]


def test_other_shapes_are_told_without_seizures(fixture: Fixture) -> None:
    before, after = np.zeros((4, 2)), np.ones((4, 2))
    text = report(before, after, fixture=fixture)
    assert "windows moved: 4 of 4" in text
    assert "detections" not in text


@pytest.mark.parametrize(
    ("values", "spans"),
    [
        pytest.param([(0, 10)], [(0, 10)], id="one-second"),
        pytest.param([(0, 9)], [], id="too-short"),
        pytest.param([(0, 10), (19, 30)], [(0, 30)], id="gap-below-a-second"),
        pytest.param([(0, 10), (20, 30)], [(0, 10), (20, 30)], id="gap-of-a-second"),
        pytest.param([(0, 6), (8, 12)], [(0, 12)], id="joined-then-long-enough"),
    ],
)
def test_detections_are_runs_of_a_second_or_more(
    values: list[tuple[int, int]], spans: list[tuple[int, int]]
) -> None:
    row = np.full(40, -1.0)
    for start, stop in values:
        row[start:stop] = 1
    assert find_detections(row, threshold=0, sfreq=10) == spans


def test_nan_is_no_detection() -> None:
    assert find_detections(np.full(40, np.nan), threshold=0, sfreq=10) == []


def test_detections_that_overlap_are_the_same_one() -> None:
    changes = detection_changes([(0, 10), (20, 30)], [(5, 12), (20, 30), (35, 40)])
    assert [(c.what, c.before, c.after) for c in changes] == [
        ("shifted", (0, 10), (5, 12)),
        ("gained", None, (35, 40)),
    ]


def test_probabilities_have_the_threshold_one_half() -> None:
    assert guess_threshold(np.array([0.0, 0.4, 1.0])) == 0.5
    assert guess_threshold(np.array([-0.1, 0.4])) == 0.0


def test_score_is_none_without_timescoring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timescoring.annotations", None)
    assert score_events(np.zeros((1, 10), np.uint8), [[]], sfreq=10) is None


# What went in


def test_golden_of_another_content_version_is_refused(
    fixture: Fixture, make_content: MakeContent, tmp_path: Path
) -> None:
    newer = write_fixture(make_content(content_version=2), tmp_path / "newer.h5")
    logits = np.zeros((4, 512))
    before = golden_of(logits, fixture=fixture)
    with pytest.raises(
        GoldenMismatchError,
        match=r"golden 'out' was recorded with fixture 'small', content version 1, digest "
        r"[0-9a-f]{12}; this is 'small', content version 2, .* record the golden again",
    ):
        check_windows(before, load_fixture(newer))


def test_golden_of_other_windows_is_refused(fixture: Fixture) -> None:
    logits = np.zeros((2, 512))
    before = golden_of(logits, fixture=fixture.take([0, 1]))
    with pytest.raises(
        GoldenMismatchError, match=r"with 2 windows .*\(w0, w1 \.\.\.\)"
    ):
        check_windows(before, fixture.take([2, 3]))


def test_report_of_a_failed_check_says_how_to_accept_it() -> None:
    output = Output(
        array=np.zeros(2),
        dtype="float64",
        tolerance=Tolerance(rtol=0.0, atol=0.0, source="by hand"),
    )
    recorded = Golden(name="out", outputs={"out": output}, environment={})
    with pytest.raises(
        GoldenMismatchError,
        match=r"(?s)golden 'out' does not hold any more: in memory\n.*'out': 2 of 2 .*"
        "if this change is meant: do this",
    ):
        assert_holds(recorded, golden_of(np.ones(2)), fixture=None, advice="do this")
