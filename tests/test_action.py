"""The GitHub action and the workflows: their steps, run by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def run_steps(folder: Path, **given: str) -> list[subprocess.CompletedProcess[str]]:
    """Run the steps behind the installation as a runner does, until one fails."""
    action = load(ROOT / "action.yml")
    inputs = {name: item.get("default") for name, item in action["inputs"].items()}
    inputs |= given
    done = []
    for step in action["runs"]["steps"]:
        if step["name"] == "Install" or "run" not in step:
            continue
        values = {
            key: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: inputs[m[1]], text)
            for key, text in step["env"].items()
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done.append(
            subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
                cwd=folder,
                env=os.environ | values | {"PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
        )
        if done[-1].returncode:
            break
    return done


def test_steps_of_the_action_pass_for_a_detector_that_works(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    done = run_steps(
        ROOT,
        target="tools.reference_models:make_tcn",
        fixture="tiny",
        junit=str(report),
        options="--skip learns --time-limit 60",
    )
    assert [step.returncode for step in done] == [0, 0], done[-1].stderr
    assert (
        '<testsuite name="smoke tools.reference_models:make_tcn"'
        in report.read_text("utf-8")
    )


def test_steps_of_the_action_fail_for_a_detector_that_does_not(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def model(signals):\n    return signals[:, 0] * 0\n"
    )
    done = run_steps(tmp_path, target="mine:model", fixture="tiny", junit="report.xml")
    assert [step.returncode for step in done] == [0, 1]
    assert (tmp_path / "report.xml").exists()


def test_action_installs_what_every_option_of_smoke_needs() -> None:
    # --sfreq resamples with SciPy.
    action = load(ROOT / "action.yml")
    assert action["inputs"]["package"]["default"] == "bgb-fixtures[torch,build]"


@pytest.mark.parametrize("name", ["target", "fixture", "junit"])
def test_no_input_of_the_action_is_run_by_the_shell(name: str, tmp_path: Path) -> None:
    given = {"target": "mine:model", name: "$(touch hacked); touch hacked"}
    run_steps(tmp_path, **given)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_yaml_with_jobs_and_the_least_rights(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["steps"]


def test_citation_names_the_version_that_is_released() -> None:
    citation = load(ROOT / "CITATION.cff")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {citation['version']} - {citation['date-released']}" in changelog
