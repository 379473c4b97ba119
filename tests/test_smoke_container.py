"""``bgb-fixtures smoke --image``: a container, as the benchmark of SzCORE runs it.

The engine is a stand-in of that name on the PATH: it knows what ``docker run`` is told
and runs a script of ours in the place of the image.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bgb_fixtures import load_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.smoke.szcore import run_image

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures.smoke import SmokeReport

pytest.importorskip("timescoring", reason="the score needs timescoring")
pytest.importorskip("edfio", reason="EDF files need edfio")

ENGINE = """
import json, os, sys, time
from pathlib import Path

log = Path(os.environ["ENGINE_LOG"])
words = sys.argv[1:]
with log.open("a") as file:
    file.write(json.dumps(words) + "\\n")
if words[0] == "info":
    sys.exit(int(os.environ.get("ENGINE_INFO", "0")))
if words[:2] == ["image", "inspect"]:
    sys.exit(1 if "absent" in words[2] else 0)
if words[0] == "pull":
    print("pull access denied for " + words[1], file=sys.stderr)
    sys.exit(0 if "public" in words[1] else 1)
if words[0] == "rm":
    sys.exit()
assert words[0] == "run", words
image = words.pop()
flags = {"-e": [], "-v": []}
for key, value in zip(words[1:], words[2:]):
    if key in flags:
        flags[key].append(value)
env = dict(item.split("=", 1) for item in flags["-e"])
folders = {}
for item in flags["-v"]:
    place, inside, mode = item.split(":")
    folders[inside, mode] = Path(place)
data, output = folders["/data", "ro"], folders["/output", "rw"]
if image.startswith("hangs"):
    time.sleep(600)
if image.startswith("crashes"):
    print("weights are missing", file=sys.stderr)
    sys.exit(3)
assert [path.name for path in data.iterdir()] == [env["INPUT"]]
truth = {"win-01": [(38, 22)], "win-05": [(10, 42)], "win-17": [(14, 34)]}
rows = [(f"{a:.2f}", f"{b:.2f}", "sz") for a, b in truth.get(Path(env["INPUT"]).stem, [])]
names = "onset duration eventType confidence channels dateTime recordingDuration"
lines = [names.split()]
for row in rows or [("0.00", "60.00", "bckg")]:
    lines.append((*row, "n/a", "n/a", "2015-01-01 00:00:00", "60.00"))
if not image.startswith("silent"):
    text = "".join("\\t".join(line) + "\\n" for line in lines)
    (output / env["OUTPUT"]).write_text(text)
"""
ROWS = [0, 1, 4, 5, 16]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for Docker, and nothing else, on the PATH; return its log."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "engine.py").write_text(ENGINE, encoding="utf-8")
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "engine.py"}" "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("ENGINE_LOG", str(log))
    return log


def calls(log: Path) -> list[list[str]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def run(image: str, **options: Any) -> SmokeReport:
    fixture = load_fixture("smoke").take(ROWS)
    return run_image(image, fixture=fixture, **options)


def test_detector_in_an_image_is_run_as_the_benchmark_does_and_scored(
    engine: Path,
) -> None:
    report = run("me/detector:1", time_limit=60)

    assert [check.status for check in report.checks] == ["PASS"] * 8
    assert "100% of the seizures found" in report["found"].reason
    assert report.verdict == "works"
    runs = [words for words in calls(engine) if words[0] == "run"]
    assert len(runs) == len(ROWS)
    data, output = (word.split(":")[0] for word in runs[0] if word.count(":") == 2)
    name = runs[0][3]
    assert runs[0] == [
        "run", "--rm", "--name", name, "--network", "none",
        "-e", "INPUT=win-01.edf", "-e", "OUTPUT=win-01.tsv",
        "-v", f"{data}:/data:ro", "-v", f"{output}:/output:rw",
        "me/detector:1",
    ]  # fmt: skip


def test_output_file_is_there_and_anyone_may_write_it(
    engine: Path, tmp_path: Path
) -> None:
    script = tmp_path / "engine.py"
    look = 'print(oct((output / env["OUTPUT"]).stat().st_mode), file=log.open("a"))\n'
    text = ENGINE.replace("truth = {", look + "truth = {")
    script.write_text(text, encoding="utf-8")
    run("me/detector:1", time_limit=60)
    assert "0o100666" in engine.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        pytest.param(
            "crashes:1", "ended with exit code 3; its last line: weights", id="crashes"
        ),
        pytest.param("silent:1", "but wrote nothing to /output/$OUTPUT", id="silent"),
        pytest.param(
            "absent:1",
            "image 'absent:1' cannot be pulled: `docker pull` ended with exit code 1; "
            "its last line: pull access denied for absent:1",
            id="no-such-image",
        ),
    ],
)
@pytest.mark.usefixtures("engine")
def test_image_that_gives_nothing_fails_for_its_reason(image: str, reason: str) -> None:
    report = run(image, time_limit=60)
    assert [check.name for check in report.failed] == ["program"]
    assert reason in report["program"].reason
    assert {check.cause for check in report.checks[1:]} == {"program"}


def test_image_that_is_elsewhere_is_pulled(engine: Path) -> None:
    assert run("absent-public:1", time_limit=60).passed
    assert ["pull", "absent-public:1"] in calls(engine)


def test_container_that_hangs_is_removed_by_its_name(engine: Path) -> None:
    start = time.monotonic()
    report = run("hangs:1", time_limit=1)
    assert time.monotonic() - start < 30
    assert "did not return within 1 s" in report["program"].reason
    [started] = [words for words in calls(engine) if words[0] == "run"]
    assert ["rm", "--force", started[3]] in calls(engine)


def test_without_an_engine_nothing_is_judged_and_the_exit_code_is_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(main, ["smoke", "--image", "me/detector:1"])
    assert result.exit_code == 2, result.output
    text = " ".join(result.output.split())
    assert (
        "SKIP program containers cannot be run on this machine: no docker or podman on"
    ) in text
    assert "me/detector:1 was not checked: 8 skipped" in text


def test_engine_whose_daemon_does_not_run_is_told_apart_from_a_verdict(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_INFO", "1")
    report = run("me/detector:1")
    assert report.verdict == "was not checked"
    assert "`docker info` ended with exit code 1" in report["program"].reason
    assert calls(engine) == [["info"]]


def test_podman_is_taken_where_docker_is_not(engine: Path) -> None:
    folder = os.environ["PATH"]
    os.rename(f"{folder}/docker", f"{folder}/podman")  # noqa: PTH104
    assert run("me/detector:1", time_limit=60).passed
    assert calls(engine)[0] == ["info"]


@pytest.mark.usefixtures("engine")
def test_junit_file_has_a_case_per_check(tmp_path: Path) -> None:
    from xml.etree import ElementTree as ET

    path = tmp_path / "smoke.xml"
    arguments = ["smoke", "--image", "crashes:1", "--junit", str(path), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["verdict"] == "fails"
    suite = ET.parse(path).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (
        "8", "1", "7",
    )  # fmt: skip
    first = suite[0]
    assert (first.get("classname"), first.get("name")) == ("crashes:1", "program")
    assert "weights are missing [at win-01.edf]" in str(first[0].text)
