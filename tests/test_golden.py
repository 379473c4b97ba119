"""Goldens: what can be recorded, what counts as different, and how it is reported."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch

from bgb_fixtures.adapt import adapted_content
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
from bgb_fixtures.golden.check import refuse_difference, save, size_note
from bgb_fixtures.golden.detections import (
    detection_changes,
    find_detections,
    guess_threshold,
    score_events,
)
from bgb_fixtures.golden.dtypes import TORCH, to_numbers
from bgb_fixtures.golden.record import check_windows, fixture_state
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
        pytest.param(torch.ones(2).bfloat16(), "bfloat16", "<u2", id="bfloat16"),
        pytest.param(np.complex64(1j), "complex64", "<c8", id="complex"),
        pytest.param(1j, "complex128", "<c16", id="python-complex"),
        pytest.param(torch.ones(2) * 1j, "complex64", "<c8", id="complex-tensor"),
        pytest.param((torch.ones(2) * 1j).conj(), "complex64", "<c8", id="conjugate"),
        pytest.param("spikes", "str", "<U6", id="string"),
        pytest.param("", "str", "<U1", id="empty-string"),
        pytest.param(np.array(["a", "bc"]), "str", "<U2", id="strings"),
        pytest.param([1.5, 2], "float64", "<f8", id="list-of-numbers"),
        pytest.param([[1, 2], [3, 4]], "int64", "<i8", id="rows-of-numbers"),
        pytest.param(torch.ones(2, requires_grad=True), "float32", "<f4", id="graph"),
        pytest.param(torch.ones(2, 3).T, "float32", "<f4", id="strided"),
        pytest.param(np.zeros((0, 3)), "float64", "<f8", id="empty"),
    ],
)
def test_arrays_tensors_and_numbers_can_be_recorded(
    value: Any, dtype: str, stored: str
) -> None:
    array, obtained, _ = flatten_values(value, name="out")["out"]
    assert (obtained, array.dtype.str) == (dtype, stored)
    assert array.shape == np.shape(value)
    assert array.flags["C_CONTIGUOUS"]


def test_what_is_recorded_does_not_change_with_its_source() -> None:
    source = np.zeros(3)
    array = flatten_values(source, name="out")["out"].array
    source[:] = 1
    assert not array.any()


def test_nested_dicts_get_dotted_keys() -> None:
    values = flatten_values({"a": 1, "b": {"c": 2.0, "d": {"e": True}}}, name="out")
    assert list(values) == ["out.a", "out.b.c", "out.b.d.e"]


class Point(NamedTuple):
    x: float
    y: Any


@dataclasses.dataclass
class Result:
    logits: Any
    loss: Any = None


class ModelOutput(OrderedDict[str, Any]):
    """As transformers has it: a dict that is used with attributes."""


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        pytest.param(
            [torch.zeros(2), 3], {"out.0": "float32", "out.1": "int64"}, id="list"
        ),
        pytest.param((True, 0.5), {"out.0": "bool", "out.1": "float64"}, id="tuple"),
        pytest.param(
            Point(1.0, "a"), {"out.x": "float64", "out.y": "str"}, id="named-tuple"
        ),
        pytest.param(
            Result(np.ones(2)),
            {"out.logits": "float64", "out.loss": "None"},
            id="dataclass",
        ),
        pytest.param(
            ModelOutput(logits=1, loss=None),
            {"out.logits": "int64", "out.loss": "None"},
            id="huggingface",
        ),
        pytest.param(
            {0: 1, 7: {-1: 2}}, {"out.0": "int64", "out.7.-1": "int64"}, id="int-keys"
        ),
        pytest.param(None, {"out": "None"}, id="none"),
        pytest.param(
            {"a": [], "b": 1}, {"out.a": "empty", "out.b": "int64"}, id="empty-list"
        ),
        pytest.param([[1, 2], [3]], {"out.0": "int64", "out.1": "int64"}, id="ragged"),
    ],
)
def test_containers_are_kept_by_name_or_position(
    value: Any, keys: dict[str, str]
) -> None:
    values = flatten_values(value, name="out")
    assert {key: value.dtype for key, value in values.items()} == keys


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            {}, "'out' is an empty dict; expected at least one", id="empty-dict"
        ),
        pytest.param(
            [], "'out' is an empty list; expected at least one", id="empty-list"
        ),
        pytest.param(
            b"text", "'out' is of type bytes; expected arrays, tensors", id="bytes"
        ),
        pytest.param({1.5}, "'out' is of type set; expected arrays", id="set"),
        pytest.param(
            {"a": object()}, "'out.a' is of type object; expected arrays", id="object"
        ),
        pytest.param(
            {1.5: 1}, "'out' has the key 1.5; expected an integer, or", id="float-key"
        ),
        pytest.param(
            {True: 1}, "'out' has the key True; expected an integer", id="bool-key"
        ),
        pytest.param({"a/b": 1}, "'out' has the key 'a/b'", id="slash"),
        pytest.param(
            {"a.b": 1, "a": {"b": 2}},
            "'out.a.b' names two outputs",
            id="twice",
        ),
        pytest.param({"1": 1, 1: 2}, "'out.1' names two outputs", id="twice-as-int"),
        pytest.param(
            "x" * 1001, r"found 1001 characters, expected at most 1000", id="long"
        ),
        pytest.param("a\0", "expected at most 1000 and no NUL", id="nul"),
        pytest.param(np.array([None]), "'out' has dtype object", id="objects"),
        pytest.param(np.datetime64(1, "s"), "'out' has dtype datetime64", id="time"),
        pytest.param(np.zeros(2, "i4,f4"), "'out' has dtype void", id="structured"),
        pytest.param(torch.zeros(2).to_sparse(), "sparse_coo", id="sparse"),
        pytest.param(
            torch.zeros(2, device="meta"),
            "'out' is a tensor on the meta device, which has no values; run the model on "
            "a real device",
            id="meta",
        ),
        pytest.param(2**70, "'out' has dtype object", id="huge-int"),
        pytest.param([None] * 1025, "more than 1024 entries", id="many"),
    ],
)
def test_what_no_golden_can_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        flatten_values(value, name="out")


def test_a_tensor_that_refuses_to_be_an_array_is_refused_in_one_line() -> None:
    class Refusing(torch.Tensor):
        def cpu(self, *_: Any, **__: Any) -> Any:
            msg = "no values.\nAt all."
            raise NotImplementedError(msg)

    tensor = torch.zeros(2).as_subclass(Refusing)
    with pytest.raises(
        SpecError,
        match=r"^'out' is of type Refusing and cannot be turned into an array: 'no val",
    ):
        flatten_values(tensor, name="out")


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(SpecError, match="nested deeper than 16 levels"):
        flatten_values(endless, name="out")


def test_mask_of_a_masked_array_is_kept_and_what_it_hides_is_not() -> None:
    masked = np.ma.array([1.0, np.nan, 3.0], mask=[False, True, False])
    values = flatten_values(masked, name="out")
    assert values["out.mask"].array.tolist() == [False, True, False]
    assert values["out"].array.tolist() == [1.0, 0.0, 3.0]


def test_changed_mask_is_a_difference_and_a_change_under_it_is_none() -> None:
    before = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    under = np.ma.array([1.0, 9.0, 3.0], mask=[False, True, False])
    other = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, True])
    assert report(before, under) == ""
    assert report(before, other).startswith("'out.mask': 1 of 3 values differ")


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("name", sorted(TORCH))
def test_numbers_of_each_torch_dtype_are_those_of_torch(name: str) -> None:
    if not hasattr(torch, name):
        pytest.skip(f"this torch has no {name}")
    # Every code there is, or of 32 bits, every code of the real part.
    codes = {
        "|u1": np.arange(2**8, dtype=np.uint8),
        "<u2": np.arange(2**16).astype(np.int16),
        "<u4": (np.arange(2**16) * (2**16 - 1)).astype(np.int32),
    }[TORCH[name]]
    tensor = torch.from_numpy(codes).view(getattr(torch, name))
    array, dtype, _ = flatten_values(tensor, name="out")["out"]
    assert (dtype, array.dtype.str) == (name, TORCH[name])
    wide = torch.complex64 if name == "complex32" else torch.float32
    np.testing.assert_array_equal(to_numbers(array, name), tensor.to(wide).numpy())


def test_scalar_of_a_torch_dtype_has_its_number() -> None:
    array, dtype, _ = flatten_values(torch.tensor(1.5).bfloat16(), name="x")["x"]
    assert (array.shape, float(to_numbers(array, dtype))) == ((), 1.5)


def test_keep_takes_the_named_entries_only() -> None:
    value = {"logits": 1, "hidden": {"a": 2}, "loss": 3}
    values = flatten_values(value, name="out", keep=("logits", "hidden"))
    assert list(values) == ["out.logits", "out.hidden.a"]
    assert list(flatten_values((4, "b"), name="out", keep=("1",))) == ["out.1"]


@pytest.mark.parametrize(
    ("value", "keep", "message"),
    [
        pytest.param(
            {"a": 1, "b": 2},
            ("c",),
            "'out' has no entry 'c'; its entries: 'a', 'b'",
            id="typo",
        ),
        pytest.param({"a": 1}, (), "'out' has no entry to keep", id="none"),
        pytest.param({"a": 1}, "a", r"keep='a': expected a sequence of keys", id="str"),
        pytest.param(
            np.ones(2),
            ("a",),
            "of type ndarray, which has no entries to select",
            id="array",
        ),
    ],
)
def test_keep_of_what_is_not_there_is_refused(
    value: Any, keep: Any, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        flatten_values(value, name="out", keep=keep)


def test_output_larger_than_memory_should_hold_is_refused_before_it_is_copied() -> None:
    # Expanded: a gigabyte that takes four bytes.
    huge = {"logits": torch.zeros(1).expand(2**28), "score": 1.0}
    with pytest.raises(
        SpecError,
        match=r"too large for a golden \(found 1024 MiB, expected at most 64 MiB; "
        r"'out.logits' has 1024 MiB\). Check fewer windows or every n-th value, or name "
        r"what to keep: keep=\(...\)",
    ):
        flatten_values(huge, name="out")


def test_limit_is_for_all_outputs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_values, "MAX_BYTES", 2**20)
    with pytest.raises(SpecError, match=r"found 2 MiB, .*'out.b' has 1 MiB"):
        flatten_values({"a": np.zeros(2**16), "b": np.zeros(2**17)}, name="out")


def test_half_precision_nan_is_not_recorded_unless_meant(tmp_path: Path) -> None:
    logits = torch.tensor([[1.0, 2.0], [math.nan, math.nan]]).half()
    with pytest.raises(
        SpecError,
        match=r"'out': 2 of 4 float16 values are NaN, first at \(1, 0\). Values above "
        "65504 overflow float16. This would make NaN the expected value: fix the model, "
        r"or allow it with nan_ok=True \(--nan-ok\)",
    ):
        save(golden_of(logits), tmp_path / "out.npz", nan_ok=False)
    assert list(tmp_path.iterdir()) == []


# What counts as different


def test_equal_outputs_say_nothing() -> None:
    assert report({"a": torch.ones(3)}, {"a": torch.ones(3)}) == ""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param(
            {"a": 1}, {"b": 1}, "'out.a': recorded, but missing", id="missing"
        ),
        pytest.param({"a": 1}, {"a": 1, "b": 1}, "'out.b': new, not in the", id="new"),
        pytest.param(
            np.ones(2, np.float32),
            np.ones(2),
            r"'out': dtype changed \(found float64, expected float32\)",
            id="dtype",
        ),
        pytest.param(
            torch.ones(2).bfloat16(),
            torch.ones(2),
            r"'out': dtype changed \(found float32, expected bfloat16\)",
            id="bfloat16",
        ),
        pytest.param(1, True, r"\(found bool, expected int64\)", id="bool"),
        pytest.param(None, 1, r"\(found int64, expected None\)", id="none"),
        pytest.param("a", 1, r"\(found int64, expected str\)", id="string"),
        pytest.param(
            np.ones((1, 2)),
            np.ones(2),
            r"'out': shape changed \(found \(2,\), expected \(1, 2\)\)",
            id="shape",
        ),
        pytest.param(
            np.zeros((0, 3)),
            np.zeros((0, 2)),
            r"'out': shape changed \(found \(0, 2\), expected \(0, 3\)\)",
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
        "  allowed 0.01 + 0.001 x |expected| (stated when recorded)",
    ]


def test_integers_are_exact_beyond_what_floats_can_tell() -> None:
    before, after = np.array([2**53, 5]), np.array([2**53 + 1, 5])
    assert report(before, after).startswith("'out': 1 of 2 values differ")


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param([NAN, 1], [1, 1], "a number, recorded as NaN: 1", id="gone"),
        pytest.param([1, 1], [1, NAN], "NaN, recorded as a number: 1", id="came"),
        pytest.param([1, 1], [1, INF], "infinite, recorded as finite", id="infinite"),
        pytest.param([INF, 1], [1, 1], "finite, recorded as infinite", id="finite"),
        pytest.param([INF, 1], [-INF, 1], "infinite with another sign: 1", id="sign"),
        pytest.param([NAN, 1], [1, NAN], "NaN, recorded as a number", id="moved"),
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


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param(
            12662.5, 12662.501, "at (): expected 12662.5, got 12662.501", id="float"
        ),
        pytest.param(0.25, 0.5, "at (): expected 0.25, got 0.5", id="short"),
        pytest.param(
            np.complex128(1 + 1j),
            np.complex128(1 + 1.0000001j),
            "expected 1+1j, got 1+1.0000001j",
            id="complex",
        ),
    ],
)
def test_numbers_that_differ_are_shown_with_digits_that_differ(
    before: Any, after: Any, words: str
) -> None:
    assert words in report(before, after, rtol=0.0)


def test_strings_are_shown_where_they_first_differ() -> None:
    text = report(["T3", "T4", "T5"], ["T3", "T8", "P7"])
    assert text.splitlines() == [
        "'out.1': 1 of 1 values differ (100.0%)",
        "  first at (): expected 'T4', got 'T8'",
        "'out.2': 1 of 1 values differ (100.0%)",
        "  first at (): expected 'T5', got 'P7'",
    ]


def test_complex_numbers_are_compared_by_distance() -> None:
    before = np.array([1 + 1j, complex(NAN, 0), 3])
    assert report(before, before + 1e-13) == ""
    text = report(before, before + np.array([0, 0, 0.5j]))
    assert "'out': 1 of 3 values differ" in text
    assert "greatest absolute difference 0.5 at (2,): expected 3+0j, got 3+0.5j" in text


def test_python_float_has_the_tolerance_of_float32() -> None:
    # What another number of threads makes of the sum of a float32 tensor.
    assert report({"loss": 12662.5}, {"loss": 12662.5 * (1 + 8e-8)}) == ""
    tolerance = golden_of(0.5).outputs["out"].tolerance
    assert (tolerance.rtol, tolerance.basis) == (1e-4, "float32")
    assert tolerance.source.startswith("default for a Python float, taken for float32")
    assert golden_of(np.float64(0.5)).outputs["out"].tolerance.rtol == 1e-12
    assert golden_of(0.5, rtol=1e-9).outputs["out"].tolerance.rtol == 1e-9


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
        pytest.param("complex64", False, 1e-4, 2e-4, id="complex64"),
        pytest.param("complex128", False, 1e-12, 2e-12, id="complex128"),
        pytest.param("float8_e5m2", False, 0.0, 0.0, id="float8"),
    ],
)
def test_default_tolerance_is_in_units_of_the_root_mean_square(
    dtype: str, tf32: bool, rtol: float, atol: float
) -> None:
    values = np.array([2.0, -2.0, np.nan, np.inf])
    tolerance = default_tolerance(values, dtype, basis=dtype, device="cpu", tf32=tf32)
    assert (tolerance.rtol, tolerance.atol) == (rtol, atol)


def test_default_tolerance_says_where_it_comes_from() -> None:
    tolerance = default_tolerance(
        np.array([3.2]), "float32", basis="float32", device="cuda", tf32=True
    )
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
        (
            "    w3 (dev, partial whole fnsz): 2 values, largest difference 0.25 at "
            "0.50 s"
        ),
    ]


def test_worst_window_comes_first(fixture: Fixture) -> None:
    logits = np.full((4, 512), -1.0)
    moved = logits.copy()
    moved[0, 3] += 0.25
    moved[2, 5] += 0.75
    lines = report(logits, moved, fixture=fixture).splitlines()
    assert [line.split()[0] for line in lines[5:7]] == ["w2", "w0"]


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
        match=r"^golden 'out' was made for another fixture \(found 'small', content version "
        r"2, digest [0-9a-f]{12}; expected 'small', content version 1, .*"
        r"It was recorded with another version or adaptation of 'small'. Use that one, or "
        r"record the golden again$",
    ):
        check_windows(before, load_fixture(newer))


def test_golden_of_other_windows_is_refused(fixture: Fixture) -> None:
    logits = np.zeros((2, 512))
    before = golden_of(logits, fixture=fixture.take([0, 1]))
    with pytest.raises(
        GoldenMismatchError,
        match=r"for other windows of fixture 'small' \(found 2: w2, w3; expected 2: w0, w1",
    ):
        check_windows(before, fixture.take([2, 3]))


def test_golden_of_another_fixture_names_the_one_to_use(fixture: Fixture) -> None:
    before = golden_of(np.zeros((5, 2560)), fixture=load_fixture("tiny"))
    with pytest.raises(
        GoldenMismatchError,
        match=r"It was recorded with 'tiny'. Pass --fixture tiny \(in pytest "
        r"--bgb-fixture tiny\), or record the golden again$",
    ):
        check_windows(before, fixture)


def test_golden_of_a_fixture_that_is_not_here_says_that_its_path_is_needed(
    fixture: Fixture,
) -> None:
    before = golden_of(np.zeros((4, 512)), fixture=fixture)
    with pytest.raises(
        GoldenMismatchError,
        match=r"It was recorded with 'small'. Pass --fixture \(in pytest --bgb-fixture\) "
        r"with the path of that file, or record the golden again$",
    ):
        check_windows(before, load_fixture("tiny"))


def test_golden_of_an_adapted_fixture_of_another_name_names_its_shape_too(
    fixture: Fixture,
) -> None:
    tiny = load_fixture("tiny").adapt(window_length=4, montage="tcp-20")
    before = golden_of(np.zeros((10, 1024)), fixture=tiny)
    with pytest.raises(
        GoldenMismatchError,
        match=r"Pass --fixture tiny --window-length 4 --montage tcp-20 \(in pytest "
        r"--bgb-fixture tiny --bgb-window-length 4 --bgb-montage tcp-20\), or ",
    ):
        check_windows(before, fixture)


@pytest.mark.parametrize(
    ("changes", "shape", "option"),
    [
        pytest.param(
            {"window_length": 1},
            "1 s at 256 Hz, montage 10-20, profile zscore-1",
            "--window-length 2",
            id="length",
        ),
        pytest.param(
            {"sfreq": 128},
            "2 s at 128 Hz, montage 10-20, profile zscore-1",
            "--sfreq 256",
            id="rate",
        ),
        pytest.param(
            {"montage": ["Fp1", "C3"]},
            "2 s at 256 Hz, montage custom, profile zscore-1",
            "--montage 10-20",
            id="montage",
        ),
        pytest.param(
            {"profile": "raw-1"},
            "2 s at 256 Hz, montage 10-20, profile raw-1",
            "--profile zscore-1",
            id="profile",
        ),
    ],
)
def test_golden_of_another_shape_is_refused(
    changes: dict[str, Any], shape: str, option: str, fixture: Fixture
) -> None:
    before = golden_of(np.zeros((4, 512)), fixture=fixture)
    message = (
        "golden 'out' was made for fixture 'small' in another shape (found "
        f"{shape}; expected 2 s at 256 Hz, montage 10-20, profile zscore-1). Pass "
        f"{option} (in Python Fixture.adapt, in pytest {option.replace('--', '--bgb-')}), "
        "or record the golden again"
    )
    with pytest.raises(GoldenMismatchError, match=f"^{re.escape(message)}$"):
        check_windows(before, fixture.adapt(**changes))


def test_golden_of_the_same_shape_is_of_the_same_fixture(fixture: Fixture) -> None:
    adapted = fixture.adapt(window_length=1, sfreq=128)
    before = golden_of(np.zeros((8, 128)), fixture=adapted)
    check_windows(before, fixture.adapt(window_length=1.0, sfreq=128.0))


def test_golden_of_windows_adapted_on_the_fly_is_that_of_the_file_that_adapt_writes(
    fixture: Fixture, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"window_length": 1, "montage": ["Fp1", "C3"]}
    path = write_fixture(adapted_content(fixture, **changes), tmp_path / "mine.h5")
    here, written = fixture.adapt(**changes), load_fixture(path)
    assert fixture_state(here) == fixture_state(written)
    rows = [1, 0]
    check_windows(
        golden_of(np.zeros((2, 256)), fixture=here.take(rows)), written.take(rows)
    )
    check_windows(golden_of(np.zeros((8, 256)), fixture=written), here)


def test_golden_that_names_an_adapted_file_by_its_own_digest_is_kept(
    fixture: Fixture, tmp_path: Path
) -> None:
    path = write_fixture(adapted_content(fixture, window_length=1), tmp_path / "a.h5")
    written = load_fixture(path)
    recorded = golden_of(np.zeros((8, 256)), fixture=written)
    assert recorded.fixture is not None
    old = dataclasses.replace(recorded.fixture, digest=written.index.digest)
    check_windows(dataclasses.replace(recorded, fixture=old), written)


def test_golden_of_another_filter_is_of_another_fixture(fixture: Fixture) -> None:
    before = golden_of(np.zeros((4, 512)), fixture=fixture.adapt(band_pass=(0.5, 40)))
    with pytest.raises(GoldenMismatchError, match="was made for another fixture"):
        check_windows(before, fixture.adapt(band_pass=(1, 40)))


def test_report_of_a_failed_check_says_how_to_accept_it() -> None:
    comparison = compare_goldens(golden_of(np.zeros(2)), golden_of(np.ones(2)))
    with pytest.raises(
        GoldenMismatchError,
        match=r"(?s)golden 'out' no longer matches: in memory\n.*'out': 2 of 2 .*"
        "if this change is intended: do this",
    ):
        refuse_difference(comparison, fixture=None, advice="do this")


# Size


def test_large_golden_says_which_entry_makes_it_so_and_what_to_keep() -> None:
    value = {"logits": np.zeros(10), "hidden": [np.zeros(10**6)], "loss": 1.0}
    assert size_note(golden_of(value)) == (
        "large for a repository: 8.0 MB; 'out.hidden.0' takes 8.0 MB. To keep less: "
        "keep=('logits', 'loss')"
    )
    assert size_note(golden_of(value, keep=("logits",))) == ""
    assert size_note(golden_of(np.zeros(10**6))) == (
        "large for a repository: 8.0 MB. Check fewer windows, or every n-th value"
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_signalling_nan_and_infinities_warn_of_nothing(
    dtype: Any, fixture: Fixture
) -> None:
    # Bits of a signalling NaN, beside both infinities; warnings are errors here.
    numbers = np.ones((4, 512), dtype)
    bits = {2: 0x7D00, 4: 0x7FA00000, 8: 0x7FA00000}[numbers.itemsize]
    numbers.view(f"u{min(numbers.itemsize, 4)}").flat[0] = bits
    numbers[1, :2] = np.inf, -np.inf
    before, after = (
        golden_of(numbers, fixture=fixture),
        golden_of(np.zeros_like(numbers), fixture=fixture),
    )
    assert compare_goldens(before, before).equal
    text = describe_comparison(compare_goldens(before, after), fixture=fixture)
    assert "recorded as NaN" in text


def test_equal_infinities_are_no_distance(fixture: Fixture) -> None:
    before = np.zeros((4, 512))
    before[2, 5] = np.inf
    after = before.copy()
    after[2, 9], after[1, 9] = 1, 3
    lines = report(before, after, fixture=fixture).splitlines()
    assert "w1 (train, full ictal fnsz): 1 value, largest difference 3" in lines[4]
    assert "w2 (train, none background): 1 value, largest difference 1" in lines[5]
