"""``bgb-fixtures golden``: record, check, update; what a model may return."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bgb_fixtures.cli import main
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.golden import load_golden
from bgb_fixtures.golden.record import fixture_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODELS = """
import math
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(3, 1, 1)
        self.drop = torch.nn.Dropout(0.5)
        torch.nn.init.constant_(self.conv.weight, 0.25)
        torch.nn.init.constant_(self.conv.bias, {bias})

    def forward(self, x):
        return self.drop(self.conv(x))[:, 0]

class Listing(Net):
    def forward(self, x):
        return [super().forward(x), x]

class Wide(Net):
    def forward(self, x):
        logits = super().forward(x)
        return {{"logits": logits, "hidden": logits[:, None].expand(-1, 1200, -1)}}

class Dropping(Net):
    def forward(self, x):
        x = torch.nn.functional.dropout(self.conv(x), 0.5, training=True)
        return self.drop(x)[:, 0]

class Noisy(Net):
    def __init__(self):
        super().__init__()
        torch.seed()
        torch.nn.init.normal_(self.conv.weight)

class Pooled(Net):
    def forward(self, x):
        return {{"mean": super().forward(x).mean()}}

class HalfNan(Net):
    def forward(self, x):
        return (super().forward(x) * 1e6).half().float().sub(math.inf).half() * 0

class Huge(Net):
    def forward(self, x):
        return {{"features": x.mean(dim=(1, 2)).reshape(-1, 1).expand(-1, 10**7)}}

class Sized(Net):
    def __init__(self, gain):
        super().__init__()
        self.gain = gain * torch.rand(1)

    def forward(self, x):
        return self.gain * super().forward(x)

class Shared(torch.nn.Module):
    def forward(self, x):
        return {{"logits": x[:, 0], "window": x.amax(dim=(1, 2))}}

class Imaging(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 1, (3, 1))
        torch.nn.init.constant_(self.conv.weight, 0.25)
        torch.nn.init.constant_(self.conv.bias, {bias})

    def forward(self, x):
        if x.ndim != 4:
            raise ValueError("expected (B, 1, C, T)")
        return self.conv(x)[:, 0, 0]

class TimeFirst(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=2)

class Patched(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=(1, 3))

class Rows(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=0)

def make_with_another_fixture():
    from bgb_fixtures import load_fixture
    load_fixture("tiny").adapt(window_length=30)

class Counting(Net):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + self.calls

counting = Counting()

def bfloat16():
    return Net().bfloat16()

plain = lambda: lambda x: x.mean(dim=1)
broken = lambda: 1 / 0
number = 5
"""


@dataclass(frozen=True)
class Answer:
    exit_code: int | str | None
    stdout: str
    stderr: str


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Answer:
    """Call the command with arguments, as the console script does."""
    code: int | str | None = 0
    try:
        main([str(argument) for argument in arguments], prog_name="bgb-fixtures")
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return Answer(exit_code=code, stdout=captured.out, stderr=captured.err)


@pytest.fixture
def run(
    tmp_path: Path,
    small_fixture: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Answer]:
    """Run a command in a folder that holds models.py, on the small fixture."""
    (tmp_path / "my_models.py").write_text(MODELS.format(bias=0.5))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # Wherever these tests run: this is no CI service.
    monkeypatch.setenv("CI", "false")
    monkeypatch.delitem(sys.modules, "my_models", raising=False)

    def invoke(command: str, model: str = "my_models:Net", *args: str) -> Answer:
        fixed = ("golden", command, model, "--fixture", small_fixture)
        return call(capsys, *fixed, *args)

    return invoke


def change_bias(tmp_path: Path, bias: float) -> None:
    """Change the weights of the model, as an edit between two runs would."""
    (tmp_path / "my_models.py").write_text(MODELS.format(bias=f"{bias:.4f}"))
    sys.modules.pop("my_models", None)
    # Within one second, and with one size, Python would take the old bytecode.
    for path in (tmp_path / "__pycache__").glob("my_models*"):
        path.unlink()


def test_recorded_golden_holds(run: Callable[..., Answer], tmp_path: Path) -> None:
    answer = run("record", "my_models:Net", "--name", "net")
    assert answer.exit_code == 0
    assert answer.stdout.startswith("wrote golden/net.npz: ")
    assert "  net: float32 [4, 512], allowed " in answer.stdout
    assert "  trace: 3 module calls\n" in answer.stdout
    golden = load_golden(tmp_path / "golden" / "net.npz")
    assert golden.fixture is not None
    assert golden.fixture.windows == ("w0", "w1", "w2", "w3")
    answer = run("check", "my_models:Net", "--name", "net")
    assert (answer.exit_code, answer.stdout) == (0, "golden/net.npz: matches\n")


def test_name_is_that_of_the_factory_and_folder_can_be_chosen(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record", "my_models:Net", "--dir", "here/and/there").exit_code == 0
    assert (tmp_path / "here" / "and" / "there" / "Net.npz").is_file()


def test_model_runs_in_eval_mode(run: Callable[..., Answer], tmp_path: Path) -> None:
    assert run("record").exit_code == 0
    trace = load_golden(tmp_path / "golden" / "Net.npz").trace
    assert trace is not None
    assert not any(call.training for call in trace.calls)


def test_changed_model_is_told_and_fails(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record").exit_code == 0
    change_bias(tmp_path, 0.75)
    answer = run("check")
    assert answer.exit_code == 1
    lines = answer.stderr.splitlines()
    assert lines[0] == "Error: golden 'Net' no longer matches: golden/Net.npz"
    assert lines[1] == "'Net': 2048 of 2048 values differ (100.0%)"
    assert lines[-4:-1] == [
        "where it began:",
        "  weights changed: `conv` (of 1 module with weights)",
        "  same input, weights changed; first differs at `conv` (Conv1d)",
    ]
    # The same fixture, and not another golden.
    advice = (
        "if these weights come from another checkpoint: bgb-fixtures golden update "
        "my_models:Net --fixture "
    )
    assert lines[-1].startswith(advice)


def test_check_speaks_json(run: Callable[..., Answer], tmp_path: Path) -> None:
    assert run("record").exit_code == 0
    answer = run("check", "my_models:Net", "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["equal"]) == (0, True)
    change_bias(tmp_path, 0.75)
    answer = run("check", "my_models:Net", "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert found["changes"][0]["n_different"] == 2048
    assert found["changes"][0]["windows"] == ["w0", "w1", "w2", "w3"]
    assert found["changes"][0]["greatest_absolute"] == 0.25
    assert found["origin"] == {
        "module": "conv",
        "inputs_equal": True,
        "weights_equal": False,
        "weights_changed": ["conv"],
    }


def test_tolerance_of_a_check_can_be_stated(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record").exit_code == 0
    change_bias(tmp_path, 0.75)
    assert run("check", "my_models:Net", "--atol", "0.3").exit_code == 0


def test_update_says_what_changed_and_leaves_alone_what_did_not(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record").exit_code == 0
    answer = run("update")
    assert answer.stdout == "golden/Net.npz: matches; left as it is\n"
    change_bias(tmp_path, 0.75)
    answer = run("update")
    assert answer.exit_code == 0
    begin = "rewrote golden/Net.npz: 'Net': 2048 of 2048 values differ"
    assert answer.stdout.startswith(begin)
    assert run("check").exit_code == 0


def test_update_without_a_golden_says_that_it_wrote_a_new_one(
    run: Callable[..., Answer],
) -> None:
    assert run("update").stdout == "wrote golden/Net.npz: new\n"


def test_key_of_a_request_of_the_users_code_is_not_called_an_option(
    run: Callable[..., Answer],
) -> None:
    answer = run("record", "my_models:make_with_another_fixture")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: window_length: expected at most 10 s")


def test_update_with_a_named_fixture_says_which_one_it_replaced(
    run: Callable[..., Answer], tmp_path: Path, small_fixture: Path
) -> None:
    assert run("record").exit_code == 0
    other = load_fixture(small_fixture).select(split="dev")
    answer = run("update", "my_models:Net", "--split", "dev")
    assert answer.stdout == (
        "rewrote golden/Net.npz: it was recorded with other windows of fixture 'small' "
        "(4: w0, w1, w2, w3; now 1: w3)\n"
    )
    assert load_golden(tmp_path / "golden/Net.npz").fixture == fixture_state(other)
    answer = run("update", "my_models:Net", *SHAPE)
    assert "it was recorded with windows of 2 s at 256 Hz, montage" in answer.stdout
    assert "now 1 s at 128 Hz, montage" in answer.stdout


def test_update_does_not_replace_a_golden_of_a_fixture_that_was_not_named(
    run: Callable[..., Answer],
    small_fixture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(small_fixture, tmp_path / "small.h5")
    monkeypatch.setenv("BGB_FIXTURES_DIR", str(tmp_path))
    model = "my_models:Patched"
    layout = ("--layout", "BCS200")
    assert run("record", model, *layout).exit_code == 0
    path = tmp_path / "golden" / "Patched.npz"
    before = path.read_bytes()
    for options in ((), ("--split", "train")):
        answer = call(capsys, "golden", "update", model, *options)
        assert (answer.exit_code, answer.stdout) == (1, "")
        assert "was made for another fixture (found 'smoke', content" in answer.stderr
    assert answer.stderr.endswith(
        "It was recorded with 'small'. Pass --fixture small (in pytest --bgb-fixture "
        "small), or pass --fixture smoke to rewrite it with these windows\n"
    )
    assert path.read_bytes() == before
    answer = call(capsys, "golden", "update", model, "--fixture", "smoke")
    assert answer.exit_code == 0
    assert re.fullmatch(
        r"rewrote golden/Patched.npz: it was recorded with fixture 'small' \(content "
        r"version 1, digest [0-9a-f]{12}\), now with 'smoke' \(content version \d, "
        r"digest [0-9a-f]{12}\)\n",
        answer.stdout,
    )


def test_update_does_not_replace_a_golden_of_a_shape_that_was_not_named(
    run: Callable[..., Answer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--fixture", "tiny", "--window-length", "5")
    assert run("record", "my_models:plain", *options).exit_code == 0
    update = ("golden", "update", "my_models:plain")
    answer = call(capsys, *update)
    assert answer.exit_code == 1
    assert "Pass --fixture tiny --window-length 5" in answer.stderr
    answer = call(capsys, *update, *options)
    assert answer.stdout == "golden/plain.npz: matches; left as it is\n"


def test_record_does_not_replace_a_golden(run: Callable[..., Answer]) -> None:
    assert run("record").exit_code == 0
    answer = run("record")
    assert answer.exit_code == 1
    assert (
        "'golden/Net.npz' already exists. To rewrite it: bgb-fixtures golden update"
        in answer.stderr
    )


def test_check_without_a_golden_says_how_to_record_it(
    run: Callable[..., Answer],
) -> None:
    answer = run("check")
    assert answer.exit_code == 1
    advice = "golden 'golden/Net.npz' is missing. Record it: bgb-fixtures golden record my_models:"
    assert advice in answer.stderr


@pytest.mark.parametrize("command", ["record", "update"])
def test_under_ci_nothing_is_written_unless_asked_for(
    command: str,
    run: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    answer = run(command)
    assert answer.exit_code == 2
    assert (
        "goldens are not written under CI (CI is set). Record it on your"
        in answer.stderr
    )
    assert not (tmp_path / "golden").exists()
    assert run(command, "my_models:Net", "--in-ci").exit_code == 0


def test_golden_of_other_windows_is_refused(run: Callable[..., Answer]) -> None:
    assert run("record").exit_code == 0
    answer = run("check", "my_models:Net", "--split", "dev")
    assert answer.exit_code == 1
    assert (
        "was made for other windows of fixture 'small' (found 1: w3; exp"
        in answer.stderr
    )


SHAPE = ("--window-length", "1", "--sfreq", "128", "--montage", "C3,Fp1,F3")


def test_fixture_is_adapted_before_the_model_runs(
    run: Callable[..., Answer], tmp_path: Path, small_fixture: Path
) -> None:
    assert run("record", "my_models:Net", *SHAPE, "--profile", "raw-1").exit_code == 0
    golden = load_golden(tmp_path / "golden" / "Net.npz")
    assert golden.outputs["Net"].array.shape == (8, 128)
    adapted = load_fixture(small_fixture).adapt(
        window_length=1, sfreq=128, montage=["C3", "Fp1", "F3"], profile="raw-1"
    )
    assert golden.fixture == fixture_state(adapted)
    again = run("check", "my_models:Net", *SHAPE, "--profile", "raw-1")
    assert (again.exit_code, again.stderr) == (0, "")


def test_layout_is_recorded_so_that_check_and_update_need_no_option(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("record", "my_models:Imaging", "--layout", "b1ct")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "  input: layout B1CT\n" in answer.stdout
    golden = load_golden(tmp_path / "golden" / "Imaging.npz")
    assert golden.layout == "B1CT"
    assert golden.outputs["Imaging"].array.shape == (4, 512)
    assert golden.trace is not None
    assert golden.trace.calls[0].shapes[0] == ((4, 1, 3, 512),)
    assert run("check", "my_models:Imaging").exit_code == 0
    assert run("check", "my_models:Imaging", "--layout", "B1CT").exit_code == 0
    assert "left as it is" in run("update", "my_models:Imaging").stdout
    change_bias(tmp_path, 0.75)
    assert run("check", "my_models:Imaging").exit_code == 1
    assert run("update", "my_models:Imaging").exit_code == 0
    assert load_golden(tmp_path / "golden" / "Imaging.npz").layout == "B1CT"


def test_layout_of_patches_takes_as_many_whole_patches_as_there_are(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record", "my_models:Patched", "--layout", "BCS200").exit_code == 0
    golden = load_golden(tmp_path / "golden" / "Patched.npz")
    assert golden.outputs["Patched"].array.shape == (4, 2)


def test_check_with_another_layout_names_the_recorded_one(
    run: Callable[..., Answer],
) -> None:
    assert run("record", "my_models:Imaging", "--layout", "B1CT").exit_code == 0
    answer = run("check", "my_models:Imaging", "--layout", "BTC")
    assert answer.exit_code == 1
    assert answer.stderr.endswith(
        "was made for another layout of the input (found BTC, expected B1CT). Pass "
        "--layout B1CT (in Python layout='B1CT'), or record the golden again\n"
    )


def test_update_with_another_layout_records_it(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record", "my_models:TimeFirst").exit_code == 0
    answer = run("update", "my_models:TimeFirst", "--layout", "BTC")
    assert "it was recorded with layout BCT, now with BTC\n" in answer.stdout
    golden = load_golden(tmp_path / "golden" / "TimeFirst.npz")
    assert (golden.layout, golden.outputs["TimeFirst"].array.shape) == ("BTC", (4, 512))


def test_unknown_layout_is_wrong_usage(run: Callable[..., Answer]) -> None:
    answer = run("record", "my_models:Net", "--layout", "CT")
    assert answer.exit_code == 2
    assert "layout 'CT': expected the axes of the input" in answer.stderr


def test_model_that_takes_another_layout_is_told_which(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("record", "my_models:Imaging")
    assert answer.exit_code == 1
    assert "failed while it was run: ValueError: expected (B, 1, C, T)" in answer.stderr
    assert answer.stderr.endswith(
        "The windows have 3 channels, 2 s at 256 Hz (512 samples). It runs with --layout "
        "B1CT: pass that (in Python layout='B1CT')\n"
    )
    assert not (tmp_path / "golden").exists()


def test_model_that_takes_another_shape_is_told_what_the_windows_are(
    run: Callable[..., Answer],
) -> None:
    answer = run("record", "my_models:Net", "--montage", "Fp1,F3")
    assert answer.exit_code == 1
    # The line of this package that called the model is of no interest.
    assert "record.py" not in answer.stderr
    assert answer.stderr.endswith(
        "The windows have 2 channels, 2 s at 256 Hz (512 samples). If the detector takes "
        "another shape, pass --montage, --window-length or --sfreq (in Python "
        "Fixture.adapt)\n"
    )


def test_output_without_a_row_per_window_is_told_what_the_windows_are(
    run: Callable[..., Answer],
) -> None:
    answer = run("record", "my_models:Rows")
    assert answer.exit_code == 1
    assert "has shape (3, 512) for 4 windows; expected 4 on axis 0" in answer.stderr
    assert "The windows have 3 channels, 2 s at 256 Hz (512 samples)" in answer.stderr


def test_split_of_an_adapted_fixture_is_that_of_tests(
    run: Callable[..., Answer], tmp_path: Path, small_fixture: Path
) -> None:
    words = ("--window-length", "1", "--split", "dev")
    assert run("record", "my_models:Net", *words).exit_code == 0
    adapted = load_fixture(small_fixture).adapt(window_length=1)
    golden = load_golden(tmp_path / "golden" / "Net.npz")
    assert golden.fixture == fixture_state(adapted.select(split="dev"))


def test_golden_of_another_shape_is_refused(run: Callable[..., Answer]) -> None:
    assert run("record", "my_models:Net", "--window-length", "1").exit_code == 0
    answer = run("check")
    assert answer.exit_code == 1
    assert (
        "was made for fixture 'small' in another shape (found 2 s at 256 Hz, montage "
        "10-20, profile zscore-1; expected 1 s at 256 Hz, montage 10-20, profile "
        "zscore-1). Pass --window-length 1 (in Python Fixture.adapt, in pytest "
        "--bgb-window-length 1), or record the golden again\n"
    ) in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_advice_keeps_the_shape(run: Callable[..., Answer]) -> None:
    answer = run("check", "my_models:Net", *SHAPE)
    assert answer.exit_code == 1
    assert "--window-length 1.0 --sfreq 128.0 --montage C3,Fp1,F3" in answer.stderr


def test_shape_that_does_not_fit_is_refused_in_one_line(
    run: Callable[..., Answer],
) -> None:
    answer = run("record", "my_models:Net", "--window-length", "9")
    assert answer.exit_code == 1
    assert "--window-length: expected at most 2 s, the length of" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_golden_of_another_fixture_is_refused_before_the_model_runs(
    run: Callable[..., Answer],
) -> None:
    # tiny has 19 channels, and the model takes 3.
    assert run("record").exit_code == 0
    answer = run("check", "my_models:Net", "--fixture", "tiny")
    assert answer.exit_code == 1
    assert (
        "for another fixture (found 'tiny', content version 2, digest" in answer.stderr
    )
    assert "expected 'small', content version 1, digest" in answer.stderr


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param("Pooled", "expected 4 on axis 0, one row per window", id="scalar"),
        pytest.param("HalfNan", "float16 values are NaN, first at (0, 0)", id="nan"),
        pytest.param("Huge", "too large for a golden (found 153 MiB", id="huge"),
        pytest.param(
            "number", "is of type int; expected a model that can be called", id="number"
        ),
        pytest.param("Nett", "has no 'Nett'; did you mean 'Net'?", id="slip"),
    ],
)
def test_model_that_cannot_be_recorded_is_told_in_one_line(
    model: str, message: str, run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("record", f"my_models:{model}")
    assert answer.exit_code == 1
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "golden").exists()


@pytest.mark.parametrize(
    ("model", "exit_code", "message"),
    [
        pytest.param(
            "my_models",
            2,
            "Invalid value for 'MODEL': expected MODULE:NAME, as in my.models",
            id="no-colon",
        ),
        pytest.param(
            "nowhere:make", 1, "module 'nowhere' is neither in", id="no-module"
        ),
        pytest.param(
            "my_models.py:Net", 1, "; write my_models:Net, without .py\n", id="file"
        ),
    ],
)
def test_wrong_model_argument_is_told(
    model: str, exit_code: int, message: str, run: Callable[..., Answer]
) -> None:
    answer = run("record", model)
    assert answer.exit_code == exit_code
    assert message in answer.stderr


@pytest.mark.parametrize("command", ["record", "check", "update"])
def test_unknown_device_is_wrong_usage(
    command: str, run: Callable[..., Answer]
) -> None:
    assert run("record").exit_code == 0
    folder = () if command == "check" else ("--dir", "other")
    answer = run(command, "my_models:Net", "--device", "gpu", *folder)
    assert answer.exit_code == 2
    assert (
        "Invalid value for '--device': unknown device 'gpu'; expected for example cpu, "
        "cuda, cuda:1 or mps\n"
    ) in answer.stderr


def test_device_that_is_not_available_is_one_line(run: Callable[..., Answer]) -> None:
    answer = run("record", "my_models:Net", "--device", "cuda:99")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr == (
        "Error: device 'cuda:99' is not available on this machine or in this build of "
        "torch\n"
    )


def test_error_inside_the_model_is_one_line_that_says_where(
    run: Callable[..., Answer],
) -> None:
    answer = run("record", "my_models:broken")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "'my_models:broken' failed while it was made: ZeroDivision" in answer.stderr
    assert "my_models.py:" in answer.stderr


def test_error_at_import_is_one_line_that_says_where(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "torn.py").write_text("x = 1 / 0\n")
    answer = run("record", "torn:make")
    assert (answer.exit_code, answer.stderr.count("\n")) == (1, 1)
    assert (
        "'torn:make' failed while it was imported: ZeroDivisionError" in answer.stderr
    )


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        pytest.param("bfloat16", {"bfloat16": ("bfloat16", (4, 512))}, id="bfloat16"),
        pytest.param("plain", {"plain": ("float32", (4, 512))}, id="function"),
        pytest.param(
            "Shared",
            {
                "Shared.logits": ("float32", (4, 512)),
                "Shared.window": ("float32", (4,)),
            },
            id="dict-without-weights",
        ),
        pytest.param(
            "Listing",
            {
                "Listing.0": ("float32", (4, 512)),
                "Listing.1": ("float32", (4, 3, 512)),
            },
            id="list",
        ),
    ],
)
def test_models_of_other_kinds_are_recorded(
    model: str, outputs: dict[str, Any], run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record", f"my_models:{model}", "--batch-size", "3").exit_code == 0
    golden = load_golden(tmp_path / "golden" / f"{model}.npz")
    obtained = {k: (o.dtype, o.array.shape) for k, o in golden.outputs.items()}
    assert obtained == outputs
    assert run("check", f"my_models:{model}").exit_code == 0


def test_arguments_come_from_a_file_and_random_weights_are_seeded(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "net.toml").write_text("gain = 2.0\n")
    options = ("my_models:Sized", "--config", "net.toml")
    assert run("record", *options).exit_code == 0
    assert run("check", *options).exit_code == 0
    (tmp_path / "net.toml").write_text("gain = 2.5\n")
    assert run("check", *options).exit_code == 1
    assert "needs gain: pass --config FILE" in run("check", "my_models:Sized").stderr


def test_nan_is_recorded_when_meant(run: Callable[..., Answer]) -> None:
    assert run("record", "my_models:HalfNan", "--nan-ok").exit_code == 0
    assert run("check", "my_models:HalfNan").exit_code == 0


def test_missing_torch_is_told(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bgb_fixtures.commands.golden.find_spec", lambda _: None)
    answer = run("record")
    assert answer.exit_code == 1
    assert 'needs PyTorch, which is not installed; run: pip install "' in answer.stderr


@pytest.mark.parametrize("command", ["record", "check", "update"])
def test_help_ends_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = call(capsys, "golden", command, "--help")
    assert f"Example: bgb-fixtures golden {command} my.models:make_det" in answer.stdout
    assert "MODEL is an import path MODULE:NAME" in answer.stdout


def test_check_writes_a_page_equal_or_not(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record").exit_code == 0
    answer = run("check", "my_models:Net", "--html", "same.html")
    assert answer.exit_code == 0
    assert "Matches." in (tmp_path / "same.html").read_text("utf-8")
    change_bias(tmp_path, 0.75)
    answer = run("check", "my_models:Net", "--html", "other.html")
    assert answer.exit_code == 1
    assert "No longer matches" in (tmp_path / "other.html").read_text("utf-8")


def test_page_with_another_suffix_is_refused_before_the_model_runs(
    run: Callable[..., Answer],
) -> None:
    answer = run("check", "my_models:broken", "--html", "page.txt")
    assert answer.exit_code == 1
    assert "'page.txt': expected a name that ends in .html" in answer.stderr


def test_large_output_says_which_entry_it_is_and_what_to_keep(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("record", "my_models:Wide")
    assert answer.exit_code == 0
    assert answer.stderr == (
        "large for a repository: 9.8 MB; 'Wide.hidden' takes 9.8 MB. To keep less: "
        "--keep logits\n"
    )
    assert (tmp_path / "golden" / "Wide.npz").stat().st_size > 5e6


def test_keep_records_and_checks_only_what_was_named(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("record", "my_models:Wide", "--keep", "logits")
    assert (answer.exit_code, answer.stderr) == (0, "")
    golden = load_golden(tmp_path / "golden" / "Wide.npz")
    assert list(golden.outputs) == ["Wide.logits"]
    answer = run("check", "my_models:Wide")
    assert answer.exit_code == 1
    assert "'Wide.hidden': new, not in the golden" in answer.stderr
    assert run("check", "my_models:Wide", "--keep", "logits").exit_code == 0
    change_bias(tmp_path, 0.75)
    answer = run("check", "my_models:Wide", "--keep", "logits")
    assert answer.stderr.splitlines()[-1].endswith(
        "--keep logits. If they are random, call torch.manual_seed(0) right before "
        "you create the model"
    )
    answer = run("record", "my_models:Wide", "--keep", "logit", "--name", "other")
    assert "has no entry 'logit'; its entries: 'logits', 'hidden'" in answer.stderr
    answer = run("record", "my_models:Net", "--keep", "logits")
    assert answer.stderr == (
        "Error: output 'Net' is of type Tensor, which has no entries to select; drop "
        "--keep (in Python keep=)\n"
    )


@pytest.mark.parametrize("command", ["record", "update"])
def test_dropout_that_is_always_on_is_refused_and_named(
    command: str, run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run(command, "my_models:Dropping")
    assert answer.exit_code == 1
    assert answer.stderr.count("\n") == 1
    assert "golden 'Dropping' is not written: the output is random" in answer.stderr
    assert (
        "the input to `drop` (Dropout) differs, but `conv` (Conv1d) and every earlier "
        "output are unchanged: look at the code between them" in answer.stderr
    )
    assert not (tmp_path / "golden").exists()


def test_weights_that_no_seed_determines_are_refused(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("record", "my_models:Noisy")
    assert (answer.exit_code, answer.stderr) == (
        1,
        (
            "Error: golden 'Noisy' is not written: the weights are random: two models "
            "created with the same seed differ: weights changed: `conv` (of 1 module "
            "with weights). Draw the weights from the seeded generators of random, "
            "numpy or torch\n"
        ),
    )
    assert not (tmp_path / "golden").exists()


def test_model_that_counts_its_calls_is_recorded_with_a_warning(
    run: Callable[..., Answer],
) -> None:
    # A model, not a factory: the second run goes on where the first one ended.
    answer = run("record", "my_models:counting")
    assert answer.exit_code == 0
    assert answer.stderr.startswith(
        "warning: the output is not repeatable: runs with the same random seed differ"
    )
    assert "does the model keep state between calls?" in answer.stderr


def test_check_says_that_an_output_became_random(
    run: Callable[..., Answer],
) -> None:
    assert run("record", "my_models:Net", "--name", "net").exit_code == 0
    answer = run("check", "my_models:Dropping", "--name", "net")
    assert answer.exit_code == 1
    last = answer.stderr.splitlines()[-1]
    assert last.startswith(
        "the output is random: a run with another random seed differs"
    )


@pytest.mark.parametrize(
    ("left", "words"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1", "git-lfs", id="lfs"
        ),
    ],
)
def test_update_replaces_what_is_left_of_a_golden(
    left: bytes, words: str, run: Callable[..., Answer], tmp_path: Path
) -> None:
    assert run("record").exit_code == 0
    path = tmp_path / "golden" / "Net.npz"
    good = path.read_bytes()
    path.write_bytes(left)
    answer = run("check")
    assert answer.exit_code == 1
    assert words in answer.stderr
    assert answer.stderr.count("\n") == 1
    answer = run("update")
    assert answer.stdout.startswith("rewrote golden/Net.npz: it could not be read (")
    assert path.read_bytes() == good
