"""``bgb-fixtures smoke``: the checks in a process of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner

from bgb_fixtures.cli import main
from bgb_fixtures.smoke.catalogue import SENTENCES

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.usefixtures("_warm_smoke")

MODELS = """
import os, signal, sys, time
from torch import nn
import torch

print("printed at import")

def make_detector():
    print("printed by the factory")
    os.system("echo printed by another process")
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(19, 4, 33, padding=16), nn.GELU(), nn.Conv1d(4, 1, 1))

def make_wide(n_channels, width=4):
    return nn.Sequential(nn.Conv1d(n_channels, width, 5, padding=2), nn.Conv1d(width, 1, 1))

def make_fixed():
    "A detector for 16 channels and 4 s at 128 Hz, with one logit per window."
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(16, 4, 33, padding=16), nn.GELU(), nn.Flatten(), nn.Linear(4 * 512, 1)
    )

def make_broken():
    raise RuntimeError("weights are missing")

class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = make_detector()

    def forward(self, x):
        return self.net(x)

class Stuck(Base):
    def forward(self, x):
        out = super().forward(x)
        if out.requires_grad:
            out.register_hook(self.hang)
        return out

    def hang(self, gradient):
        # As C code that does not return: no signal comes through.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)

class Crashes(Base):
    def forward(self, x):
        if len(x) == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().forward(x)

class Constant(Base):
    def forward(self, x):
        return super().forward(x) * 0

Constants = (1, 2)

def bad_loss(logits, labels):
    return -nn.functional.binary_cross_entropy_with_logits(logits[:, 0], labels)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package of models, as the current one."""
    package = tmp_path / "my"
    package.mkdir()
    (package / "models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def smoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["smoke", *arguments, "--fixture", "tiny"])


def smoke_json(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(smoke(*arguments, "--json").stdout)
    return answer


def check(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in answer["checks"] if item["name"] == name)


@pytest.mark.usefixtures("project")
def test_healthy_model_of_the_current_folder_passes() -> None:
    result = smoke("my.models:make_detector")
    assert result.exit_code == 0
    assert "PASS  learns" in result.stdout
    assert "my.models:make_detector works: 17 passed, 1 skipped" in result.stdout


@pytest.mark.usefixtures("project")
def test_json_answer_holds_though_the_model_prints() -> None:
    result = smoke("my.models:make_detector", "--json")
    answer = json.loads(result.stdout)
    assert answer["passed"] is True
    assert answer["contract"] == "one logit per sample, (B, 1, T)"
    asked = [name for name in SENTENCES if name not in ("loss", "step")]
    assert [item["name"] for item in answer["checks"]] == asked


@pytest.mark.usefixtures("project")
def test_dead_model_fails_with_exit_code_1() -> None:
    result = smoke("my.models:Constant")
    assert result.exit_code == 1
    assert "FAIL  windows" in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param(
            "my.modles:make", "module 'my.modles' is neither in", id="no-module"
        ),
        pytest.param(
            "my.modles:make",
            "(needed for 'my.modles:make'); did you mean 'my.models'?",
            id="misspelt-module",
        ),
        pytest.param("myy.models:make", "did you mean 'my'?", id="misspelt-package"),
        pytest.param(
            "my.models:make_detectr", "did you mean 'make_detector'?", id="no-name"
        ),
        # Constants is closer, but it is a tuple.
        pytest.param(
            "my.models:Constats", "did you mean 'Constant'?", id="not-a-detector"
        ),
        pytest.param(
            "my.models:make_wide",
            "make_wide(n_channels, width=4) needs n_channels: pass --config FILE",
            id="needs-arguments",
        ),
        pytest.param(
            "my.models:make_broken", "RuntimeError: weights are missing", id="raises"
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_built_is_said_in_one_line(target: str, reason: str) -> None:
    built = check(smoke_json(target), "build")
    assert built["status"] == "FAIL"
    assert reason in built["reason"]
    assert "\n" not in built["reason"]


@pytest.mark.usefixtures("project")
def test_target_that_cannot_be_imported_has_exit_code_1() -> None:
    assert smoke("my.modles:make_detector").exit_code == 1
    unlike = smoke("quite_another:make_detector")
    assert unlike.exit_code == 1
    assert "did you mean" not in unlike.output


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("c.toml", "n_channels = 19\nwidth = 3\n", id="toml"),
        pytest.param("c.json", '{"n_channels": 19, "width": 3}', id="json"),
    ],
)
def test_config_gives_the_factory_its_arguments(
    project: Path, name: str, text: str
) -> None:
    (project / name).write_text(text)
    answer = smoke_json("my.models:make_wide", "--config", name)
    assert check(answer, "build")["status"] == "PASS"


def test_config_that_does_not_fit_is_said(project: Path) -> None:
    (project / "c.toml").write_text("n_channels = 19\ndepth = 3\n")
    built = check(smoke_json("my.models:make_wide", "--config", "c.toml"), "build")
    assert "got an unexpected keyword argument 'depth'" in built["reason"]


def test_config_that_is_no_toml_is_refused(project: Path) -> None:
    (project / "c.toml").write_text("n_channels: 19\n")
    result = smoke("my.models:make_wide", "--config", "c.toml")
    assert result.exit_code == 1
    assert "Error: config 'c.toml': Expected '='" in result.stderr


@pytest.mark.usefixtures("project")
def test_check_that_never_returns_is_ended_and_the_others_run() -> None:
    answer = smoke_json("my.models:Stuck", "--time-limit", "2", "--skip", "cost")
    stuck = check(answer, "gradients")
    assert stuck["status"] == "FAIL"
    assert stuck["reason"] == "did not return within 2 s; its process was ended"
    assert stuck["place"].startswith(os.path.join("my", "models.py:"))  # noqa: PTH118
    assert stuck["place"].endswith(" in hang")
    learns = check(answer, "learns")
    assert learns["reason"] == "not checked: a training step does not return"
    assert learns["cause"] == "gradients"
    assert check(answer, "state")["status"] == "PASS"


@pytest.mark.usefixtures("project")
def test_model_that_crashes_fails_its_check_and_the_others_run() -> None:
    answer = smoke_json("my.models:Crashes", "--skip", "cost")
    crashed = check(answer, "single")
    assert crashed["reason"] == "the process was ended by SIGSEGV"
    assert check(answer, "state")["status"] == "PASS"


@pytest.mark.usefixtures("project")
def test_loss_by_import_path_is_checked() -> None:
    answer = smoke_json("my.models:make_detector", "--loss", "my.models:bad_loss")
    assert check(answer, "loss")["status"] == "FAIL"
    assert "is a sign wrong?" in check(answer, "loss")["reason"]


@pytest.mark.usefixtures("project")
def test_loss_that_is_not_there_fails_and_the_others_run() -> None:
    answer = smoke_json("my.models:make_detector", "--loss", "my.models:los")
    assert "has no 'los'" in check(answer, "loss")["reason"]
    assert check(answer, "learns")["status"] == "PASS"


@pytest.mark.usefixtures("project")
def test_target_of_another_form_is_wrong_usage() -> None:
    result = smoke("my.models")
    assert result.exit_code == 2
    assert "expected MODULE:NAME, as in my.models:make_detector" in result.stderr


def test_seed_beyond_its_range_is_told_the_range() -> None:
    result = smoke("my.models:make", "--seed", "-1")
    assert result.exit_code == 2
    assert "expected 0 to 4294967295, got -1" in result.stderr


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="has this device")
@pytest.mark.usefixtures("project")
def test_device_that_is_not_available_is_no_verdict() -> None:
    result = smoke("my.models:make_detector", "--device", "mps")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: device 'mps' is not available on this machine or in this build of torch\n"
    )


@pytest.mark.usefixtures("project")
def test_file_name_as_target_is_told_the_import_path() -> None:
    reason = check(smoke_json("my.models.py:make_detector"), "build")["reason"]
    assert reason.endswith("; write my.models:make_detector, without .py")


@pytest.mark.usefixtures("project")
def test_fixture_is_adapted_to_the_shape_that_a_detector_takes() -> None:
    shape = ("--window-length", "4", "--sfreq", "128", "--montage", "double-banana-16")
    checked = smoke_json("my.models:make_fixed", *shape, "--skip", "learns")
    assert check(checked, "shape")["status"] == "PASS"
    assert "(B,)" in checked["contract"] or "per window" in checked["contract"]


@pytest.mark.usefixtures("project")
def test_shape_that_the_fixture_cannot_take_is_one_line() -> None:
    result = smoke("my.models:make_fixed", "--window-length", "700")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --window-length: expected at most")
    assert "700" in result.stderr


def test_shape_options_do_not_go_with_a_program() -> None:
    result = smoke("--command", "true {edf} {tsv}", "--sfreq", "200")
    assert result.exit_code == 2
    assert "--sfreq does not apply to --command" in result.stderr


@pytest.mark.usefixtures("project")
def test_missing_fixture_is_one_line() -> None:
    result = CliRunner().invoke(
        main, ["smoke", "my.models:make_detector", "--fixture", "nope"]
    )
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no fixture 'nope'")


def test_help_has_a_sentence_for_every_check() -> None:
    text = " ".join(CliRunner().invoke(main, ["smoke", "--help"]).stdout.split())
    assert all(f"{name} {sentence}" in text for name, sentence in SENTENCES.items())


def test_help_refers_to_no_file_that_is_not_installed() -> None:
    text = " ".join(CliRunner().invoke(main, ["smoke", "--help"]).stdout.split())
    assert "docs/" not in text
    assert "valid file, finds at least half of the seizures, marks less than" in text
