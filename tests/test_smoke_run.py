"""run_smoke and assert_smoke in a test's own process."""

from __future__ import annotations

import functools
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from bgb_fixtures import load_fixture
from bgb_fixtures.errors import FixtureNotFoundError, SmokeError, SpecError
from bgb_fixtures.smoke import SmokeReport, assert_smoke, run_smoke
from bgb_fixtures.smoke.limits import TimeLimitExceeded, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable


class Detector(nn.Module):
    """A small CNN with everything that can be left changed."""

    def __init__(
        self, shape: Callable[[torch.Tensor], Any] = lambda x: x[:, 0]
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(19, 12, 33, padding=16)
        self.norm = nn.BatchNorm1d(12)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv1d(12, 1, 1)
        self.shape = shape
        self.n_calls = 0
        self.largest = torch.zeros(1)
        self.history: list[int] = []

    def forward(self, x: torch.Tensor) -> Any:
        self.n_calls += 1
        self.history.append(len(x))
        self.largest = torch.maximum(self.largest, x.abs().max())
        return self.shape(self.head(self.drop(torch.relu(self.norm(self.conv(x))))))


def run(model: Any, **options: Any) -> SmokeReport:
    return run_smoke(model, fixture="tiny", **options)


def make(shape: Callable[[torch.Tensor], Any] = lambda x: x[:, 0]) -> Detector:
    torch.manual_seed(0)
    return Detector(shape)


LAYOUTS = [
    pytest.param(lambda x: x[:, 0], "one logit per sample, (B, T)", id="B-T"),
    pytest.param(lambda x: x, "one logit per sample, (B, 1, T)", id="B-1-T"),
    pytest.param(
        lambda x: x.transpose(1, 2), "one logit per sample, (B, T, 1)", id="B-T-1"
    ),
    pytest.param(
        lambda x: torch.cat([-x, x], 1),
        "two logits (background, seizure) per sample, (B, 2, T)",
        id="B-2-T",
    ),
    pytest.param(
        lambda x: torch.cat([-x, x], 1).transpose(1, 2),
        "two logits (background, seizure) per sample, (B, T, 2)",
        id="B-T-2",
    ),
    pytest.param(lambda x: x.mean((1, 2)), "one logit per window, (B,)", id="B"),
    pytest.param(lambda x: x.mean(2), "one logit per window, (B, 1)", id="B-1"),
    pytest.param(
        lambda x: torch.cat([-x, x], 1).mean(2),
        "two logits (background, seizure) per window, (B, 2)",
        id="B-2",
    ),
    pytest.param(
        lambda x: (x[:, 0], x),
        "one logit per sample, (B, T), entry 0 of the output",
        id="tuple",
    ),
    pytest.param(
        lambda x: {"features": x.repeat(1, 3, 1), "logits": x},
        "one logit per sample, (B, 1, T), entry 'logits' of the output",
        id="dict",
    ),
]


@pytest.mark.parametrize(("shape", "contract"), LAYOUTS)
def test_layout_of_the_output_is_found_out(
    shape: Callable[[torch.Tensor], Any], contract: str
) -> None:
    report = run(make(shape))
    assert report.contract == contract
    assert report.failed == ()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        pytest.param(
            lambda x: x[:, 0, :-3],
            r"\(3, 2557\) float32: 3 samples short, as a convolution without padding",
            id="short",
        ),
        pytest.param(
            lambda x: x.mean(2).repeat(1, 128),
            r"\(3, 128\) float32; expected",
            id="features",
        ),
        pytest.param(
            lambda x: {"a": "yes", "b": x[:1]},
            "entry 'a' of the output is str",
            id="dict",
        ),
        pytest.param(lambda _: (), "an empty tuple; expected a tensor", id="empty"),
        pytest.param(
            lambda x: ("yes", x), "entry 0 of the output is str; expected", id="words"
        ),
        pytest.param(lambda _: None, "returns NoneType; expected", id="none"),
        pytest.param(lambda x: (x[:, 0] > 0).int(), "gives int32; expected", id="int"),
    ],
)
def test_output_that_can_be_read_in_no_way_is_refused(
    shape: Callable[[torch.Tensor], Any], reason: str
) -> None:
    shown = run(make(shape))["shape"]
    assert shown.status == "FAIL"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(shown.reason)


def test_checks_that_need_the_shape_are_skipped_without_it() -> None:
    report = run(make(lambda _: None))
    assert {check.status for check in report.checks[2:]} == {"SKIP"}


@pytest.mark.parametrize(
    ("n_channels", "montages"),
    [
        pytest.param(18, ", such as double-banana or chbmit-18", id="two-montages"),
        pytest.param(16, ", such as double-banana-16", id="one-montage"),
        # tcp-22 needs the electrodes A1 and A2, which the fixture lacks.
        pytest.param(22, "", id="montage-that-cannot-be-computed"),
        pytest.param(23, "", id="no-montage"),
    ],
)
def test_other_number_of_channels_is_said_with_the_montages_that_have_it(
    n_channels: int, montages: str
) -> None:
    shown = run(nn.Conv1d(n_channels, 1, 5, padding=2))["shape"]
    assert shown.reason.startswith(
        f"it accepts {n_channels} channels, but this fixture has 19: pass --montage with "
        f"{n_channels} rows{montages}, or --fixture with another fixture (in Python "
        "Fixture.adapt, or fixture=...); input (3, 19, 2560), as (B, C, T): RuntimeError: "
    )
    assert "If the detector takes another shape" not in shown.reason


def test_other_length_is_said_with_the_option_that_cuts_it() -> None:
    model = nn.Sequential(
        nn.Conv1d(19, 1, 5, padding=2), nn.Flatten(), nn.Linear(1024, 1)
    )
    shown = run(model)["shape"]
    assert shown.reason.startswith(
        "it accepts windows of 4 s, but this fixture has 10 s: pass --window-length 4 (in "
        "Python Fixture.adapt); "
    )


def test_table_says_differences_in_words() -> None:
    report = run(nn.Conv1d(19, 1, 5, padding=2))
    assert report["batch"].reason == (
        "other windows in the batch have no effect (difference 0)"
    )
    assert report["single"].reason.startswith(
        "a window alone gives the same output as in a batch (difference "
    )
    assert report["channels"].reason.endswith(
        " times the standard deviation of the outputs)"
    )
    assert report["alignment"].reason == (
        "the output changes 0 s after the input; up to 1.5 s is accepted"
    )
    words = " ".join(check.reason for check in report.checks)
    assert "spread" not in words
    assert "for information" not in words


def test_plain_callable_passes_and_what_needs_parameters_is_skipped() -> None:
    weights = np.arange(1.0, 20.0)[:, None]

    def detect(x: torch.Tensor) -> Any:
        return (np.abs(x.numpy()) * weights).sum(1) - 200

    report = run(detect)
    assert report.failed == ()
    assert report.model == "detect"
    assert report["learns"].status == "SKIP"


@pytest.mark.parametrize("maker", [Detector, make, functools.partial(make)])
def test_class_or_function_makes_the_model_and_makes_it_again(maker: Any) -> None:
    report = run(maker)
    assert report.failed == ()
    assert (
        "loaded into the untrained model and a newly created" in report["state"].reason
    )


def test_function_that_needs_arguments_is_no_detector_and_says_so() -> None:
    def make_wide(n_channels: int) -> nn.Module:
        return nn.Conv1d(n_channels, 1, 5, padding=2)

    report = run(make_wide)
    assert "needs n_channels: pass --config" in report["build"].reason
    assert "It is not a detector either: " in report["build"].reason
    assert {check.cause for check in report.checks[1:]} == {"build"}


def test_model_is_afterwards_as_it_was() -> None:
    model = make()
    model.train()
    model.drop.eval()
    model(torch.randn(2, 19, 64)).mean().backward()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [parameter.grad for parameter in model.parameters()]
    values = [gradient.clone() for gradient in gradients if gradient is not None]
    identity = [id(parameter) for parameter in model.parameters()]
    largest = model.largest.clone()
    run(model)
    assert all(torch.equal(value, state[n]) for n, value in model.state_dict().items())
    assert [id(parameter) for parameter in model.parameters()] == identity
    assert all(
        parameter.grad is gradient
        for parameter, gradient in zip(model.parameters(), gradients, strict=True)
    )
    assert all(
        torch.equal(value, gradient)
        for value, gradient in zip(values, gradients, strict=True)
        if gradient is not None
    )
    assert (model.training, model.drop.training, model.norm.training) == (
        True, False, True,
    )  # fmt: skip
    assert (model.n_calls, model.history) == (1, [2])
    assert torch.equal(model.largest, largest)
    assert not model.conv._forward_hooks


def test_weights_of_a_recurrent_layer_stay_where_it_keeps_them() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(19, 8, batch_first=True)
            self.head = nn.Linear(8, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(self.gru(x.transpose(1, 2)[:, ::32])[0])
            return out.repeat_interleave(32, 1)

    model = Recurrent()
    run(model, skip=("learns",))
    flat: list[torch.Tensor] = model.gru._flat_weights  # type: ignore[assignment]
    assert [id(w) for w in flat] == [id(p) for p in model.gru.parameters()]


def test_global_generators_are_afterwards_as_they_were() -> None:
    model = make()

    def draw() -> tuple[float, ...]:
        return (random.random(), np.random.rand(), torch.rand(1).item())  # noqa: NPY002

    def seed() -> None:
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002
        torch.manual_seed(5)

    seed()
    expected = draw()
    seed()
    run(model)
    assert draw() == expected


def test_same_seed_gives_the_same_report() -> None:
    first, second = run(make(), seed=3), run(make(), seed=3)
    timed = {"cost"}
    assert [
        (check.name, check.status, check.reason)
        for check in first.checks
        if check.name not in timed
    ] == [
        (check.name, check.status, check.reason)
        for check in second.checks
        if check.name not in timed
    ]


def test_model_is_trained_although_the_caller_is_in_no_grad() -> None:
    with torch.no_grad():
        report = run(make())
    assert report["learns"].status == "PASS"


class Loops(Detector):
    def forward(self, x: torch.Tensor) -> Any:
        if len(x) == 1:
            while True:
                try:
                    time.sleep(0.001)
                except Exception:  # noqa: BLE001, S112
                    continue
        return super().forward(x)


def test_check_that_loops_is_stopped_and_the_others_run() -> None:
    report = run(Loops(), time_limit=1.0)
    assert report["single"].status == "FAIL"
    assert report["single"].reason == "did not return within 1 s"
    assert "test_smoke_run.py" in report["single"].place
    assert report["state"].status == "PASS"


def test_alarm_of_another_is_left_running() -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 50)
    try:
        with time_limit(10):
            pass
        left, _ = signal.getitimer(signal.ITIMER_REAL)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 40 < left <= 50


def test_time_limit_stops_a_block() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit(0.05):
        time.sleep(5)


def test_error_in_a_model_names_the_line_of_the_user() -> None:
    class Broken(Detector):
        def forward(self, x: torch.Tensor) -> Any:
            if self.training:
                msg = "no such branch"
                raise ValueError(msg)
            return super().forward(x)

    report = run(Broken())
    [failed] = report.failed
    assert failed.name == "finite"
    assert failed.reason == "ValueError: no such branch"
    assert "test_smoke_run.py" in failed.place
    assert failed.place.endswith(" in forward")
    assert report["gradients"].cause == "finite"
    assert report["batch"].status == "PASS"


def test_module_that_makes_the_first_nan_is_named() -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sqrt()

    model = nn.Sequential(nn.Conv1d(19, 4, 5, padding=2), Root(), nn.Conv1d(4, 1, 1))
    report = run(model)
    assert report["finite"].status == "FAIL"
    assert report["finite"].place == "1 (Root)"


def test_unused_parameters_are_named_by_module_in_one_failure() -> None:
    model = make()
    model.unused = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model.token = nn.Parameter(torch.zeros(3))
    report = run(model)
    [failed] = report.failed
    assert failed.name == "gradients"
    assert failed.reason.startswith(
        "5 of 11 parameters have no gradient, or a zero gradient; if"
    )
    assert failed.place == "token, unused"
    assert report["update"].reason.startswith("all 6 parameters changed")


@pytest.mark.parametrize("patterns", [("unused", "token"), ("unused.*", "tok*")])
def test_unused_parameters_can_be_allowed_by_name(patterns: tuple[str, ...]) -> None:
    model = make()
    model.unused = nn.Linear(3, 3)
    model.token = nn.Parameter(torch.zeros(3))
    assert run(model, allow_unused=patterns).failed == ()
    assert run(model, allow_unused=patterns[:1])["gradients"].place == "token"


def test_frozen_parameters_fail_unless_they_are_meant() -> None:
    model = make()
    model.conv.requires_grad_(requires_grad=False)
    report = run(model)
    assert [check.name for check in report.failed] == ["gradients"]
    assert report["gradients"].place == "conv"
    assert run(model, allow_frozen=True).failed == ()
    assert run(model, allow_unused=["conv"]).failed == ()


def test_healthy_model_passes_update_without_the_check_of_gradients() -> None:
    model = make()
    model.conv.bias.requires_grad_(False)  # type: ignore[union-attr]
    report = run(model, skip=("gradients",))
    assert report["update"].reason.startswith("all 5 parameters changed")


def test_check_can_be_left_out() -> None:
    report = run(make(), skip=("channels",))
    assert "channels" not in {check.name for check in report.checks}


def test_unknown_check_to_leave_out_is_refused() -> None:
    with pytest.raises(
        SpecError, match="check 'chanels' cannot be skipped; these can: loss, finite"
    ):
        run(make(), skip=("chanels",))


def test_missing_fixture_is_refused() -> None:
    with pytest.raises(FixtureNotFoundError, match=r"no fixture 'nope\.h5'"):
        run_smoke(make(), fixture="nope.h5")


def test_loaded_fixture_is_taken() -> None:
    fixture = load_fixture("tiny")
    assert run_smoke(make(), fixture=fixture).failed == ()


def test_fixture_of_short_windows_and_few_channels_works(small_fixture: Any) -> None:
    torch.manual_seed(0)
    report = run_smoke(nn.Conv1d(3, 1, 9, padding=4), fixture=small_fixture)
    assert report["shape"].status == report["gradients"].status == "PASS"


def test_assert_smoke_returns_the_report_of_a_healthy_model() -> None:
    report = assert_smoke(make(), fixture="tiny")
    assert report.passed


def test_assert_smoke_fails_with_the_table() -> None:
    model = make(lambda x: x[:, 0].sigmoid())
    with pytest.raises(SmokeError, match=r"FAIL  logits    outputs lie in"):
        assert_smoke(model, fixture="tiny")


def test_failing_assert_smoke_reads_well_in_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from torch import nn
        from bgb_fixtures.smoke import assert_smoke

        def test_it():
            model = nn.Sequential(nn.Conv1d(19, 1, 5, padding=2), nn.Sigmoid())
            assert_smoke(model, fixture="tiny", skip=["learns"])
        """
    )
    # The plugin of hypothesis costs more than the run.
    options = ("-p", "no:warnings", "-p", "no:hypothesispytest")
    result = pytester.runpytest_inprocess(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*SmokeError: Sequential fails: * 1 failed*", "*FAIL  logits *"]
    )
    result.stdout.no_fnmatch_line("*runner.py:*")


def make_step(
    model: nn.Module,
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(signals), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss

    return step


def direct_step(model: nn.Module, signals: torch.Tensor, labels: torch.Tensor) -> Any:
    return make_step(model)(signals, labels)


@pytest.mark.parametrize("step", [make_step, direct_step])
def test_training_step_may_be_made_or_given(step: Any) -> None:
    report = run(make(), step=step)
    assert report["step"].status == "PASS"
    assert "follows the labels (correlation 1.00)" in report["step"].reason


def test_maker_of_a_step_that_returns_no_function_is_refused() -> None:
    shown = run(make(), step=lambda _: 3, skip=("learns",))["step"]
    assert shown.reason.startswith("step(model) returned int; expected a function of")


def test_shift_of_the_labels_is_measured() -> None:
    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        late = labels.roll(768, -1)
        return nn.functional.binary_cross_entropy_with_logits(logits, late)

    reason = run(make(), loss=loss, skip=("learns",))["loss"].reason
    assert reason.startswith("follows the labels shifted by +3.00 s")


def test_two_class_loss_gets_class_numbers() -> None:
    model = make(lambda x: torch.cat([-x, x], 1))
    report = run(model, loss=nn.functional.cross_entropy)
    assert report["loss"].status == "PASS"


def test_report_as_json_has_only_plain_values() -> None:
    answer = run(make()).to_json()
    assert answer["passed"] is True
    assert answer["verdict"] == "works"
    assert set(answer["checks"][0]) == {
        "name", "status", "reason", "place", "cause", "seconds",
    }  # fmt: skip


def test_unknown_result_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no check 'nonsense' in this report; checks:"):
        run(make(lambda _: None))["nonsense"]


def test_smoke_package_loads_nothing_before_a_name_is_used() -> None:
    code = "import sys, bgb_fixtures.smoke; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from bgb_fixtures.errors import MissingPackageError\n"
        "try:\n"
        "    from bgb_fixtures.smoke import run_smoke\n"
        "except MissingPackageError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert 'pip install "bgb-fixtures[torch]"' in done.stdout


def make_step_shown(
    shown: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]:
    def step(
        model: nn.Module, signals: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        return make_step(Shown(model, shown))(signals, labels)

    return step


class Shown(nn.Module):
    """A model behind something that is done to its input."""

    def __init__(
        self, model: nn.Module, shown: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        super().__init__()
        self.model = model
        self.shown = shown

    def forward(self, x: torch.Tensor) -> Any:
        return self.model(self.shown(x))


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        pytest.param(
            lambda x: x.roll(512, -1),
            r"the model receives window 0 shifted \+2\.00 s from its labels",
            id="shifted",
        ),
        pytest.param(
            lambda x: x.flip(0),
            "the model receives window 3 with the labels of window 0",
            id="turned",
        ),
        pytest.param(
            lambda x: x[torch.randperm(len(x))],
            "the model receives window . with the labels of window .",
            id="shuffled",
        ),
        pytest.param(
            torch.zeros_like,
            "the model receives a constant instead of the clips",
            id="zero",
        ),
    ],
)
def test_step_that_shows_other_signals_than_the_labels_are_of_fails(
    shown: Callable[[torch.Tensor], torch.Tensor], reason: str
) -> None:
    result = run_smoke(make(), step=make_step_shown(shown), skip=("learns",))["step"]
    assert result.status == "FAIL"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(result.reason)


def test_step_whose_input_resembles_no_clip_is_told_so() -> None:
    shown_noise = make_step_shown(torch.randn_like)

    def step(model: nn.Module, signals: torch.Tensor, labels: torch.Tensor) -> None:
        shown_noise(model, signals, labels)

    result = run(make(), step=step, skip=("learns",))["step"]
    assert result.status == "PASS"
    assert "the step alters its input too much" in result.reason


def test_gradient_too_small_for_float32_is_no_missing_parameter() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(19, 8, 9, padding=4),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Conv1d(8, 1, 1),
        nn.Flatten(1),
    )

    def make_slow_step(model: nn.Module) -> Any:
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

        def step(signals: torch.Tensor, labels: torch.Tensor) -> None:
            optimizer.zero_grad()
            logits = model(signals)
            nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        return step

    result = run(model, step=make_slow_step, skip=("learns",))["step"]
    assert result.status == "PASS"
    assert "too small to change them in float32 (0.bias)" in result.reason


def test_lazy_module_is_checked_and_stays_lazy() -> None:
    model = nn.Sequential(nn.LazyConv1d(8, 5, padding=2), nn.LazyConv1d(1, 1))
    report = assert_smoke(model, fixture="tiny")
    assert report["build"].reason.startswith(
        "Sequential, 4 of 4 parameter tensors take"
    )
    assert all(map(is_lazy, model.parameters()))


def test_loss_without_labels_is_said_to_ignore_them() -> None:
    reason = run(make(), loss=lambda x, _: x.mean(), skip=("learns",))["loss"].reason
    assert reason.endswith("the loss does not depend on which samples are ictal")


def test_number_of_threads_is_afterwards_as_it_was() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        report = run(make())
        after = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    assert after == 2
    assert "(1 thread)" in report["cost"].reason
