"""What goes into a detector and what comes out, found out or declared."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke import run_smoke
from bgb_fixtures.smoke.layout import InputLayout
from bgb_fixtures.smoke.output import OutputContract

FEW = (
    "finite", "repeat", "batch", "single", "scale", "windows", "update", "logits",
    "channels", "alignment", "learns", "lengths", "state", "device", "cost", "loss",
    "step",
)  # fmt: skip


def contract_of(model: Any, **options: Any) -> str:
    report = run_smoke(model, fixture="tiny", skip=FEW, **options)
    assert report["shape"].status == "PASS", report["shape"].reason
    return report.contract


class Takes(nn.Module):
    """A detector that takes one layout only; `to_bct` brings it back to (B, C, T)."""

    def __init__(self, shape: tuple[int | None, ...], to_bct: Any) -> None:
        super().__init__()
        self.shape = shape
        self.to_bct = to_bct
        self.conv = nn.Conv1d(19, 1, 9, padding=4)

    def forward(self, x: Any) -> Any:
        sizes = zip(x.shape, self.shape, strict=False)
        if x.ndim != len(self.shape) or any(s not in (None, n) for n, s in sizes):
            msg = f"cannot take {tuple(x.shape)}"
            raise ValueError(msg)
        return self.conv(self.to_bct(x))[:, 0]


IMAGE = Takes((None, 1, 19, None), lambda x: x[:, 0])
TIME_FIRST = Takes((None, None, 19), lambda x: x.transpose(1, 2))
PATCHES = Takes((None, 19, None, 200), lambda x: x.flatten(2))


@pytest.mark.parametrize(
    ("model", "layout"),
    [
        pytest.param(IMAGE, "(B, 1, C, T)", id="image"),
        pytest.param(TIME_FIRST, "(B, T, C)", id="time-first"),
        pytest.param(PATCHES, "(B, C, S, 200)", id="patches"),
    ],
)
def test_layout_of_the_input_is_found_out(model: nn.Module, layout: str) -> None:
    assert contract_of(model) == f"input {layout}; one logit per sample, (B, T)"


@pytest.mark.parametrize("layout", ["B,1,T,C", "(b, 1, t, c)", "B1TC"])
def test_uncommon_layout_is_taken_if_declared(layout: str) -> None:
    model = Takes((None, 1, None, 19), lambda x: x[:, 0].transpose(1, 2))
    expected = "input (B, 1, T, C); one logit per sample, (B, T)"
    assert contract_of(model, layout=layout) == expected


def test_model_that_takes_no_layout_is_told_what_the_windows_are() -> None:
    model = Takes((None, 7, None), lambda x: x)
    reason = run_smoke(model, fixture="tiny", skip=FEW)["shape"].reason
    assert (
        "input (3, 19, 2560), as (B, C, T): ValueError: cannot take (3, 19," in reason
    )
    assert "It fails in every common layout (BCT, B1CT, BTC, BCS200, BCS256)" in reason
    assert reason.endswith(
        "The windows have 19 channels, 10 s at 256 Hz (2560 samples). If the detector "
        "takes another shape, pass --montage, --window-length or --sfreq (in Python "
        "Fixture.adapt)"
    )


def test_layout_that_is_not_common_but_fits_is_suggested_after_the_shape() -> None:
    model = Takes((None, 1, None, 19), lambda x: x[:, 0].transpose(1, 2))
    reason = run_smoke(model, fixture="tiny", skip=FEW)["shape"].reason
    assert reason.endswith(
        "pass --montage, --window-length or --sfreq (in Python Fixture.adapt); if only "
        "the order of its axes is another, pass --layout B1TC, in which it runs"
    )


def test_declared_layout_is_the_only_one_that_is_tried() -> None:
    report = run_smoke(TIME_FIRST, fixture="tiny", skip=FEW, layout="BCT")
    assert report["shape"].status == "FAIL"
    assert report["shape"].reason.endswith(
        "The windows have 19 channels, 10 s at 256 Hz (2560 samples). It runs with "
        "--layout BTC: pass that (in Python layout='BTC')"
    )


def test_patches_longer_than_the_windows_are_refused() -> None:
    with pytest.raises(
        SpecError,
        match=r"layout BCS4000: the windows have 2560 samples; expected at least one patch",
    ):
        run_smoke(TIME_FIRST, fixture="tiny", layout="BCS4000")


def test_unknown_layout_is_refused() -> None:
    with pytest.raises(SpecError, match="layout 'BTT': expected the axes of the input"):
        run_smoke(TIME_FIRST, fixture="tiny", layout="BTT")


@pytest.mark.parametrize("text", ["BCT", "B1CT", "BTC", "B1TC", "BCT1", "BCS8"])
def test_arranged_windows_can_be_restored(text: str) -> None:
    layout = InputLayout.parse(text)
    signals = torch.arange(2 * 3 * 16.0).reshape(2, 3, 16)
    assert torch.equal(layout.restore(layout.arrange(signals)), signals)


def test_patches_take_whole_patches_only() -> None:
    assert InputLayout.parse("BCS200").whole(2560) == 2400


def test_layout_of_other_axes_is_left_as_it_is() -> None:
    other = torch.zeros(2, 4)
    assert InputLayout.parse("B1CT").restore(other) is other


class Gives(nn.Module):
    """A detector whose per-sample features (B, 8, T) are made an output by `shape`."""

    def __init__(self, shape: Any, *, n_times: int | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv1d(19, 8, 9, padding=4)
        self.shape = shape
        self.n_times = n_times

    def forward(self, x: Any) -> Any:
        if self.n_times not in (None, x.shape[-1]):
            msg = "another length"
            raise ValueError(msg)
        return self.shape(self.conv(x))


def per_step(n_samples: int, n_classes: int = 1) -> Any:
    def shape(x: Any) -> Any:
        return nn.functional.avg_pool1d(x[:, :n_classes], n_samples).squeeze(1)

    return shape


@pytest.mark.parametrize(
    ("model", "contract"),
    [
        pytest.param(
            Gives(per_step(256)), "one logit per 256 samples (1 s), (B, S)", id="1-s"
        ),
        pytest.param(
            Gives(per_step(4)),
            "one logit per 4 samples (0.0156 s), (B, S)",
            id="rate-4",
        ),
        pytest.param(
            Gives(per_step(128, 2)),
            "two logits (background, seizure) per 128 samples (0.5 s), (B, 2, S)",
            id="two-per-step",
        ),
        pytest.param(
            Gives(lambda x: x[:, :5].mean(2)),
            "5 logits (seizure: class 1, 2, 3, 4) per window, (B, 5)",
            id="five-classes",
        ),
        pytest.param(
            Gives(lambda x: x[:, :4]),
            "4 logits (seizure: class 1, 2, 3) per sample, (B, 4, T)",
            id="four-per-sample",
        ),
        pytest.param(
            Gives(lambda x: x[:, :4].transpose(1, 2)),
            "4 logits (seizure: class 1, 2, 3) per sample, (B, T, 4)",
            id="time-then-classes",
        ),
        pytest.param(
            Gives(lambda x: x[:, :5].mean(2), n_times=2560),
            "5 logits (seizure: class 1, 2, 3, 4) per window, (B, 5)",
            id="classes-of-one-length",
        ),
        pytest.param(
            Gives(per_step(128), n_times=2560),
            "one logit per 128 samples (0.5 s), (B, S)",
            id="steps-of-one-length",
        ),
        pytest.param(
            Gives(lambda x: x[:, None, :1]),
            "one logit per sample, (B, 1, 1, T)",
            id="axes-of-one",
        ),
        pytest.param(
            Gives(lambda x: {"a": x[:, 0], "b": x[:, 1]}),
            "one logit per sample, (B, T), entry 'a' of the output (--output: 'b' "
            "instead)",
            id="first-of-two",
        ),
        pytest.param(
            Gives(lambda x: {"a": x[:, 0], "logits": x[:, 1]}),
            "one logit per sample, (B, T), entry 'logits' of the output",
            id="by-its-name",
        ),
    ],
)
def test_output_is_found_out(model: nn.Module, contract: str) -> None:
    assert contract_of(model) == contract


@pytest.mark.parametrize("output", ["b", 1])
def test_entry_of_the_output_can_be_declared(output: str | int) -> None:
    shape = (lambda x: {"a": x[:, 0], "b": x[:, 1]}) if output == "b" else (
        lambda x: (x[:, 0], x[:, 1])
    )  # fmt: skip
    expected = f"one logit per sample, (B, T), entry {output!r} of the output"
    assert contract_of(Gives(shape), output=output) == expected


def test_unknown_entry_is_refused_with_those_that_there_are() -> None:
    model = Gives(lambda x: {"a": x[:, 0], "b": 3})
    report = run_smoke(model, fixture="tiny", skip=FEW, output="c")
    assert report["shape"].reason == (
        "the output has no entry 'c' (--output); it has 'a': (3, 2560) float32, 'b': int"
    )


def test_entry_of_a_single_tensor_is_refused() -> None:
    report = run_smoke(Gives(lambda x: x[:, 0]), fixture="tiny", skip=FEW, output="c")
    assert report["shape"].reason == (
        "the output is a single value, (3, 2560) float32; drop --output"
    )


def test_classes_that_are_seizures_can_be_declared() -> None:
    model = Gives(lambda x: x[:, :4].mean(2))
    contract = contract_of(model, positive_classes=(0, 3))
    assert contract == "4 logits (seizure: class 0, 3) per window, (B, 4)"


def test_class_that_does_not_exist_is_refused() -> None:
    model = Gives(lambda x: x[:, :4].mean(2))
    with pytest.raises(
        SpecError, match="--positive-class 4: the output has classes 0 to 3"
    ):
        run_smoke(model, fixture="tiny", positive_classes=(4,))
    with pytest.raises(SpecError, match=r"--positive-class 3: the .* one class \(0\)"):
        run_smoke(Gives(lambda x: x[:, 0]), fixture="tiny", positive_classes=(3,))


def test_function_of_numpy_arrays_is_a_detector() -> None:
    def detect(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            raise TypeError
        return [np.abs(x).mean((1, 2)) - 1]

    assert contract_of(detect) == (
        "input (B, C, T) of numpy; one logit per window, (B,), entry 0 of the output"
    )


def contract(axes: str, **more: Any) -> OutputContract:
    return OutputContract(axes=axes, **more)


def test_score_of_two_classes_is_their_difference() -> None:
    two = contract("BK", n_classes=2, positive=(1,))
    assert two.scores(torch.tensor([[1.0, 3.0], [2.0, -1.0]])).tolist() == [2.0, -3.0]


def test_score_of_many_classes_is_the_log_odds_of_all_seizures() -> None:
    # Odds (e^ln 2 + e^ln 4) / e^ln 3 = 2.
    four = contract("BK", n_classes=3, positive=(1, 2))
    logits = torch.tensor([[3.0, 2.0, 4.0]]).log()
    assert four.scores(logits).tolist() == pytest.approx([np.log(2.0)])


@pytest.mark.parametrize(
    ("axes", "n_classes", "positive"),
    [
        ("BT", 1, (0,)), ("B1T", 1, (0,)), ("BT1", 1, (0,)), ("BKT", 2, (1,)),
        ("BTK", 4, (1, 2, 3)), ("BK1T", 3, (0,)), ("BKT", 3, (0, 1, 2)),
    ],
)  # fmt: skip
def test_logits_made_from_scores_have_these_scores(
    axes: str, n_classes: int, positive: tuple[int, ...]
) -> None:
    output = contract(axes, n_classes=n_classes, positive=positive)
    scores = torch.linspace(-3, 3, 10).reshape(2, 5)
    logits = output.from_scores(scores)
    output.check_shape(logits, n_windows=2, n_times=5)
    assert torch.allclose(output.scores(logits), scores, atol=1e-6)


def test_step_is_ictal_if_any_sample_of_it_is() -> None:
    labels = torch.tensor([[0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0]])
    steps = contract("BS", step=4)
    assert steps.reduce_labels(labels, None).tolist() == [[1, 0, 1]]


def test_window_is_ictal_if_any_sample_of_it_is() -> None:
    labels = torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]])
    assert contract("B1").reduce_labels(labels, None).tolist() == [1, 0]


@dataclasses.dataclass
class Result:
    """As some libraries return it."""

    logits: Any
    features: Any


class ResultDict(OrderedDict[str, Any]):
    """As transformers returns it: a dict whose entries are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class ResultTuple(NamedTuple):
    """A tuple whose entries are attributes, too."""

    logits: Any
    features: Any


@pytest.mark.parametrize(
    ("shape", "read"),
    [
        (lambda x: Result(x[:, 0], x), lambda output: output.logits),
        (
            lambda x: ResultDict(logits=x[:, 0], features=x),
            lambda output: output.logits,
        ),
        (lambda x: ResultTuple(x[:, 0], x), lambda output: output.logits),
        (lambda x: [x[:, 0], x], lambda output: output[0]),
    ],
    ids=["dataclass", "dict", "named-tuple", "list"],
)
def test_step_gets_the_output_in_the_type_that_it_knows(shape: Any, read: Any) -> None:
    def make_step(model: nn.Module) -> Any:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def step(signals: Any, labels: Any) -> Any:
            optimizer.zero_grad()
            logits = read(model(signals))
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            return loss

        return step

    skip = [name for name in FEW if name != "step"]
    report = run_smoke(Gives(shape), fixture="tiny", skip=skip, step=make_step)
    assert report["step"].status == "PASS", report["step"].reason
    assert "follows the labels (correlation 1.00)" in report["step"].reason
