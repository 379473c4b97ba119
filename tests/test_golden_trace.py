"""Where a difference began: five seeded faults, and what a trace is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from bgb_fixtures.errors import SpecError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.golden import (
    Golden,
    compare_goldens,
    describe_comparison,
    load_golden,
    run_model,
    write_golden,
)
from bgb_fixtures.golden.report import first_difference_of
from bgb_fixtures.golden.trace import Tracer

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures.golden.first_difference import FirstDifference


class Block(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, 5, padding=2)
        self.norm = nn.BatchNorm1d(n_out)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.act(self.norm(self.conv(x)))
        return out


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block1 = Block(3, 8)
        self.block2 = Block(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.block2(self.block1(x))
        return out


class Detector(nn.Module):
    """Takes (n, 3, n_times), gives logits (n, n_times)."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = 1.0
        self.encoder = Encoder()
        self.body = nn.Sequential(
            nn.Conv1d(8, 8, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(8, 8, 3, padding=1),
            nn.Dropout(0.5),
            nn.Tanh(),
        )
        self.head = nn.Conv1d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.body(self.encoder(self.gain * x)))
        return logits[:, 0]


def make_detector() -> Detector:
    torch.manual_seed(5)
    model = Detector()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            nn.init.uniform_(buffer, -0.5, 0.5)
    return model.eval()


@pytest.fixture
def fixture(small_fixture: Path) -> Fixture:
    """Load the small fixture: 4 windows, 3 channels, 512 samples."""
    return load_fixture(small_fixture)


@pytest.fixture
def recorded(fixture: Fixture) -> Golden:
    """Run the detector as it should be."""
    return run_model(make_detector(), fixture, name="logits")


def find(recorded: Golden, model: nn.Module, fixture: Fixture) -> FirstDifference:
    """Say where the traces part; the outputs must have left tolerance."""
    comparison = compare_goldens(recorded, run_model(model, fixture, name="logits"))
    assert not comparison.equal
    origin = first_difference_of(comparison)
    assert origin is not None
    return origin


# The five faults


def test_changed_weight_is_found(recorded: Golden, fixture: Fixture) -> None:
    model = make_detector()
    with torch.no_grad():
        model.get_parameter("body.2.weight")[3, 2, 1] += 0.5
    origin = find(recorded, model, fixture)
    assert origin.module == "body.2"
    assert (origin.inputs_equal, origin.weights_equal) == (True, False)
    assert not origin.all_weights_changed
    assert origin.lines == (
        "weights changed: `body.2` (of 7 modules with weights)",
        "same input, weights changed; first differs at `body.2` (Conv1d)",
    )


def test_dropped_layer_is_found_though_all_behind_it_are_renamed(
    recorded: Golden, fixture: Fixture
) -> None:
    model = make_detector()
    del model.body[2]
    origin = find(recorded, model, fixture)
    assert origin.module == "body.2"
    assert origin.lines[:2] == (
        "same weights in all 7 modules with weights",
        (
            "`body.2` (Conv1d(8, 8, kernel_size=(3,), stride=(1,), padding=(1,))) ran when "
            "recorded and no longer runs"
        ),
    )


def test_layer_made_an_identity_is_found(recorded: Golden, fixture: Fixture) -> None:
    model = make_detector()
    model.body[1] = nn.Identity()
    origin = find(recorded, model, fixture)
    assert origin.module == "body.1"
    assert origin.lines[2] == (
        "it was `body.1` (GELU(approximate='none')) and is `body.1` (Identity)"
    )


def test_changed_padding_is_found(recorded: Golden, fixture: Fixture) -> None:
    model = make_detector()
    model.encoder.block2.conv.padding_mode = "replicate"
    origin = find(recorded, model, fixture)
    assert origin.module == "encoder.block2.conv"
    assert (origin.inputs_equal, origin.weights_equal) == (True, True)
    assert origin.lines[:2] == (
        "same weights in all 7 modules with weights",
        "same input, same weights; first differs at `encoder.block2.conv` (Conv1d)",
    )
    assert "padding_mode=replicate" in origin.lines[2]


def test_train_mode_is_found(recorded: Golden, fixture: Fixture) -> None:
    model = make_detector().train()
    origin = find(recorded, model, fixture)
    assert origin.module == "encoder.block1.norm"
    assert (origin.inputs_equal, origin.weights_equal) == (True, True)
    assert origin.lines[1:3] == (
        "same input, same weights; first differs at `encoder.block1.norm` (BatchNorm1d)",
        "it was in eval mode and is in train mode",
    )
    assert origin.lines[3].startswith("also now in train mode: `encoder.block1.conv`")


def test_changed_normalisation_in_the_model_is_found(
    recorded: Golden, fixture: Fixture
) -> None:
    model = make_detector()
    model.gain = 0.5
    origin = find(recorded, model, fixture)
    assert (origin.module, origin.inputs_equal) == ("encoder.block1.conv", False)
    assert origin.lines[1] == (
        "the input to `encoder.block1.conv` (Conv1d) differs, but the model's input and "
        "every earlier output are unchanged: look at the code between them"
    )


def test_changed_normalisation_of_the_input_is_found(
    recorded: Golden, fixture: Fixture
) -> None:
    fixture.signals[:] *= 2
    origin = find(recorded, make_detector(), fixture)
    assert (origin.module, origin.inputs_equal) == ("", False)
    assert origin.lines[1] == (
        "the model's input already differs: root mean square 2.31, median -0.0625 "
        "recorded; root mean square 4.62, median -0.125 now"
    )


# Other changes


def test_code_between_two_modules_is_named_by_both(
    recorded: Golden, fixture: Fixture
) -> None:
    model = make_detector()
    model.encoder.block2.conv.register_forward_pre_hook(
        lambda _module, args: (args[0] + 1,), prepend=True
    )
    origin = find(recorded, model, fixture)
    assert origin.lines[1] == (
        "the input to `encoder.block2.conv` (Conv1d) differs, but `encoder.block1.act` "
        "(ReLU) and every earlier output are unchanged: look at the code between them"
    )


def test_what_follows_the_last_module_is_said_to_be_there(
    recorded: Golden, fixture: Fixture
) -> None:
    model = make_detector()
    model.register_forward_hook(lambda _module, _args, out: -out)
    origin = find(recorded, model, fixture)
    assert origin.module is None
    assert origin.lines[1] == (
        "the output of every traced module is within tolerance; the difference arises "
        "after them, or in windows that were not traced"
    )


def test_other_weights_everywhere_begin_at_the_first(
    recorded: Golden, fixture: Fixture
) -> None:
    torch.manual_seed(6)
    origin = find(recorded, Detector().eval(), fixture)
    assert origin.module == "encoder.block1.conv"
    assert len(origin.weights_changed) == 7
    assert origin.all_weights_changed


def test_another_architecture_is_called_that(
    recorded: Golden, fixture: Fixture
) -> None:
    torch.manual_seed(6)
    other = nn.Sequential(nn.Conv1d(3, 1, 9, padding=4), nn.Flatten(1))
    origin = find(recorded, other, fixture)
    assert origin.lines[0] == (
        "this is a different model: 13 module calls recorded, 3 now, most of them "
        "different"
    )
    assert not origin.all_weights_changed


def test_other_dtype_inside_is_found(recorded: Golden, fixture: Fixture) -> None:
    model = make_detector()
    model.head.register_forward_hook(lambda _module, _args, out: out.double())
    comparison = compare_goldens(recorded, run_model(model, fixture, name="logits"))
    text = describe_comparison(comparison)
    assert "'logits': dtype changed (found float64, expected float32)" in text
    assert (
        "it returned float32 [(4, 1, 512)] and now returns float64 [(4, 1, 512)]"
        in text
    )


def test_rounding_is_no_fault(recorded: Golden, fixture: Fixture) -> None:
    model = make_detector()
    model.gain = 1 + 2**-22
    again = run_model(model, fixture, name="logits")
    comparison = compare_goldens(recorded, again)
    assert comparison.equal
    origin = first_difference_of(comparison)
    assert origin is not None
    assert origin.module is None


def test_model_on_the_meta_device_is_refused_in_one_line(fixture: Fixture) -> None:
    with pytest.raises(
        SpecError, match=r"^'x': the model is on the meta device, where"
    ):
        run_model(make_detector().to("meta"), fixture, name="x")


# What a trace is


def test_tensors_inside_dataclasses_and_named_tuples_are_seen() -> None:
    @dataclasses.dataclass
    class Pair:
        first: torch.Tensor
        second: torch.Tensor

    class Splitting(nn.Module):
        def forward(self, x: torch.Tensor) -> Pair:
            return Pair(x + 1, x[:1])

    with Tracer(Splitting()) as tracer:
        tracer._model(torch.ones(2, 3))
    assert tracer.trace().calls[1].shapes[1] == ((2, 3), (1, 3))


def test_tracing_changes_no_output_and_leaves_no_hook() -> None:
    model, batch = make_detector(), torch.ones(2, 3, 64)
    with torch.no_grad():
        plain = model(batch)
        with Tracer(model):
            traced = model(batch)
    assert torch.equal(plain, traced)
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in model.modules()
    )


def test_calls_are_kept_in_order_of_execution(recorded: Golden) -> None:
    assert recorded.trace is not None
    assert [call.name for call in recorded.trace.calls] == [
        "",
        *("encoder.block1.conv", "encoder.block1.norm", "encoder.block1.act"),
        *("encoder.block2.conv", "encoder.block2.norm", "encoder.block2.act"),
        *("body.0", "body.1", "body.2", "body.3", "body.4"),
        "head",
    ]


def test_statistics_are_those_of_the_tensor() -> None:
    model = nn.Identity()
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0, torch.nan, torch.inf]])
    with Tracer(model) as tracer:
        model(values)
    trace = tracer.trace()
    np.testing.assert_allclose(
        trace.statistics[1, 1], [1, 1, 1, 1.75, 2.5, 3.25, 4, 7.5**0.5]
    )
    assert trace.samples.shape == (2, 2, 32)


def test_samples_hold_both_borders_of_the_last_axis() -> None:
    values = torch.zeros(2, 8, 1000)
    values[..., 0], values[..., 1], values[..., -2], values[..., -1] = 1, 2, 3, 4
    with Tracer(nn.Identity()) as tracer:
        tracer._model(values)
    samples = tracer.trace().samples[1, 0]
    assert [int((samples == value).sum()) for value in (1, 2, 3, 4)] == [4, 4, 4, 4]


def test_weights_are_those_before_the_call() -> None:
    model, batch = make_detector().train(), torch.randn(2, 3, 64)
    weights = []
    for _ in range(2):
        model.load_state_dict(make_detector().state_dict())
        with Tracer(model) as tracer:
            model(batch)
        weights.append([call.weights for call in tracer.trace().calls])
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("model", "n_calls"),
    [
        pytest.param(nn.LSTM(8, 4), 2, id="tuple-of-tuples"),
        pytest.param(nn.Sequential(*[nn.Linear(8, 8)] * 3), 4, id="shared-module"),
        pytest.param(nn.TransformerEncoderLayer(8, 2, dropout=0), 9, id="attention"),
        pytest.param(nn.Linear(8, 2), 2, id="model-that-is-a-leaf"),
    ],
)
def test_modules_of_many_kinds_can_be_traced(model: nn.Module, n_calls: int) -> None:
    with Tracer(model) as tracer:
        model(torch.ones(5, 3, 8))
    assert len(tracer.trace().calls) == n_calls


def test_long_traces_are_cut_and_stay_below_a_megabyte(
    fixture: Fixture, tmp_path: Path
) -> None:
    layers = [
        layer for _ in range(400) for layer in (nn.Conv1d(3, 3, 1), nn.Identity())
    ]
    model = nn.Sequential(*layers)
    golden = run_model(model, fixture.take([0]), name="deep")
    assert golden.trace is not None
    assert (len(golden.trace.calls), golden.trace.n_calls) == (512, 801)
    path = write_golden(golden, tmp_path / "deep.npz")
    assert path.stat().st_size - 3 * 512 * 4 < 2**20


def test_trace_comes_back_as_it_was_written(recorded: Golden, tmp_path: Path) -> None:
    trace = load_golden(write_golden(recorded, tmp_path / "a.npz")).trace
    assert trace is not None
    assert recorded.trace is not None
    assert trace.calls == recorded.trace.calls
    np.testing.assert_array_equal(trace.statistics, recorded.trace.statistics)
    np.testing.assert_array_equal(trace.samples, recorded.trace.samples)
