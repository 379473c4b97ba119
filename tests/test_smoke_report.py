"""What a smoke run says: verdict, last lines, JUnit, and errors that are no verdict."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from torch import nn

from bgb_fixtures.cli import main
from bgb_fixtures.errors import MissingPackageError
from bgb_fixtures.smoke import CheckResult, SmokeReport, assert_smoke, run_smoke
from bgb_fixtures.smoke.junit import write_junit
from bgb_fixtures.smoke.runner import SmokeOptions

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("_warm_smoke")


def report_of(*statuses: str, **more: Any) -> SmokeReport:
    checks = tuple(
        CheckResult(name=f"c{i}", status=status, reason="because")  # type: ignore[arg-type]
        for i, status in enumerate(statuses)
    )
    return SmokeReport(model="m", contract="", checks=checks, seconds=1.25, **more)


@pytest.mark.parametrize(
    ("statuses", "passed", "summary"),
    [
        (("PASS", "SKIP"), True, "m works: 1 passed, 1 skipped, in 1.2 s"),
        (("PASS", "FAIL"), False, "m fails: 1 passed, 1 failed, in 1.2 s"),
        (("SKIP", "SKIP"), False, "m was not checked: 2 skipped, in 1.2 s"),
    ],
)
def test_verdict_is_works_fails_or_was_not_checked(
    statuses: tuple[str, ...], passed: object, summary: str
) -> None:
    report = report_of(*statuses)
    assert report.passed is passed
    assert report.summary == summary


def test_last_lines_say_what_smoke_cannot_know() -> None:
    lines = str(run_smoke(nn.Conv1d(19, 1, 9, padding=4), fixture="tiny")).splitlines()
    assert " ".join(lines[-2:]) == (
        "smoke cannot know which order of the channels and which scale trained weights "
        "expect. Record their output with `bgb-fixtures golden record` and check that."
    )


@pytest.mark.parametrize("status", ["FAIL", "SKIP"])
def test_what_smoke_cannot_know_is_said_only_after_a_pass(status: str) -> None:
    report = report_of(status, note="Some note.")
    assert report.last_lines == report.summary
    assert report_of("PASS", note="Some note.").last_lines.endswith("\nSome note.")


def test_assert_smoke_takes_the_options_of_run_smoke() -> None:
    parameters = list(inspect.signature(run_smoke).parameters)
    assert parameters == ["model", *SmokeOptions.__annotations__]


def test_assert_smoke_takes_a_class_and_a_function() -> None:
    class Detector(nn.Conv1d):
        def __init__(self) -> None:
            super().__init__(19, 1, 9, padding=4)

    def make() -> nn.Module:
        return Detector()

    assert assert_smoke(Detector, fixture="tiny").model == "Detector"
    assert assert_smoke(make, fixture="tiny").model == "make"


def test_junit_has_failures_skips_and_no_character_that_xml_lacks(
    tmp_path: Path,
) -> None:
    checks = (
        CheckResult(name="a", status="PASS", reason="fine", seconds=0.5),
        CheckResult(name="b", status="FAIL", reason="bad \x1b[1m", place="x.py:3"),
        CheckResult(name="c", status="SKIP", reason="follows from b", cause="b"),
    )
    report = SmokeReport(model="m:\x00f", contract="", checks=checks, seconds=2)
    write_junit(report, tmp_path / "out.xml")
    suite = ET.parse(tmp_path / "out.xml").getroot()[0]
    assert suite.attrib == {
        "name": "smoke m:?f", "time": "2.000", "tests": "3", "failures": "1",
        "errors": "0", "skipped": "1",
    }  # fmt: skip
    kinds = [[child.tag for child in case] for case in suite]
    assert kinds == [["system-out"], ["failure"], ["skipped"]]
    assert suite[1][0].text == "bad ?[1m [at x.py:3]"
    assert suite[2][0].get("message") == "follows from b"


MODELS = """
import os
from torch import nn

def needs_library():
    import library_with_broken_binary
    return nn.Conv1d(19, 1, 9, padding=4)

def needs_own_module():
    import my.helpers

def hangs_up(logits, labels):
    os._exit(7)
"""
LIBRARY = "raise OSError('libcudart.so.13: cannot open shared object file')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of models in the current folder, and a library that is broken."""
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "models.py").write_text(MODELS)
    (tmp_path / "my" / "audio.py").write_text("import library_with_broken_binary\n")
    (tmp_path / "my" / "absent.py").write_text("import library_that_is_not_there\n")
    (tmp_path / "my" / "ends.py").write_text("import os\nos._exit(7)\n")
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "library_with_broken_binary.py").write_text(LIBRARY)
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.syspath_prepend(str(library))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def smoke(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["smoke", *arguments, "--fixture", "tiny"])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            "my.audio:make",
            "'library_with_broken_binary' cannot be imported (my/audio.py:1 in <module>)"
            ": OSError: libcudart.so.13: cannot open shared object file",
            id="broken",
        ),
        pytest.param(
            "my.absent:make", "ModuleNotFoundError: No module named", id="not-installed"
        ),
        pytest.param(
            "my.models:needs_library", "(my/models.py:6 in needs_library)", id="factory"
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_library_that_cannot_be_imported_is_no_verdict(
    target: str, message: str
) -> None:
    result = smoke(target, "--junit", "out.xml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "a problem of the environment, not of the detector" in result.stderr
    suite = ET.parse("out.xml").getroot()[0]
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    assert message in str(suite[0][0].get("message"))


@pytest.mark.usefixtures("project")
def test_module_of_the_user_that_is_missing_is_a_verdict() -> None:
    result = smoke("my.models:needs_own_module", "--json")
    assert result.exit_code == 1
    built = json.loads(result.stdout)["checks"][0]
    assert built["reason"] == "ModuleNotFoundError: No module named 'my.helpers'"


@pytest.mark.usefixtures("project")
def test_library_that_a_factory_lacks_is_an_error_of_assert_smoke_too() -> None:
    def make() -> nn.Module:
        import library_with_broken_binary  # type: ignore[import-not-found]

        module: nn.Module = library_with_broken_binary.Module()
        return module

    with pytest.raises(MissingPackageError, match="not of the detector"):
        assert_smoke(make, fixture="tiny")


@pytest.mark.usefixtures("project")
def test_loss_whose_module_ends_the_process_fails_and_the_others_run() -> None:
    (answer,) = [
        json.loads(
            smoke(
                "torch.nn:Identity",
                "--loss",
                "my.ends:loss",
                "--json",
                "--skip",
                "learns",
            ).stdout
        )
    ]
    by_name = {check["name"]: check for check in answer["checks"]}
    assert by_name["loss"]["reason"] == "the process ended itself with exit code 7"
    assert by_name["build"]["status"] == "PASS"
    assert len(answer["checks"]) == 18


@pytest.mark.usefixtures("project")
def test_options_of_the_command_reach_the_detector(project: Path) -> None:
    (project / "shapes.py").write_text(
        "import torch\n"
        "from torch import nn\n\n"
        "class Detector(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv1d(19, 3, 9, padding=4)\n"
        "        self.spare = nn.Linear(2, 2)\n"
        "    def forward(self, x):\n"
        "        logits = self.conv(x[:, :, 0].transpose(1, 2)).mean(2)\n"
        "        return {'a': logits * 0, 'b': logits}\n"
    )
    result = smoke(
        "shapes:Detector", "--layout", "BT1C", "--output", "b",
        "--positive-class", "0", "--positive-class", "2", "--allow-unused", "spare",
        "--json",
    )  # fmt: skip
    answer = json.loads(result.stdout)
    assert answer["contract"] == (
        "input (B, T, 1, C); 3 logits (seizure: class 0, 2) per window, (B, 3), entry 'b' "
        "of the output"
    )
    assert result.exit_code == 0, answer


@pytest.mark.usefixtures("project")
def test_layout_that_is_none_is_wrong_usage() -> None:
    result = smoke("my.models:make", "--layout", "BCX")
    assert result.exit_code == 2
    assert "layout 'BCX': expected the axes of the input" in result.stderr


def test_detector_that_is_too_slow_for_every_check_was_not_checked() -> None:
    checks = tuple(
        CheckResult(name=name, status=status, reason="")  # type: ignore[arg-type]
        for name, status in (("build", "PASS"), ("shape", "PASS"), ("learns", "SKIP"))
    )
    report = SmokeReport(model="slow", contract="", checks=checks, seconds=1, note="")
    assert report.verdict == "was not checked"
