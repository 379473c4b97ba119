"""``bgb-fixtures smoke --command``: programs as SzCORE runs them."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bgb_fixtures import load_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke.szcore import run_command
from bgb_fixtures.smoke.szcore.table import BrokenRule, read_events

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures import Fixture
    from bgb_fixtures.smoke import SmokeReport

pytest.importorskip("timescoring", reason="the score needs timescoring")
pytest.importorskip("edfio", reason="EDF files need edfio")

# Every detector is this program: MODE says what it does.
DETECTOR = """
import os, subprocess, sys, time
from pathlib import Path

mode, edf, tsv = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
truth = {
    "win-01": [(38, 22)], "win-03": [(0, 32)], "win-05": [(10, 42)],
    "win-07": [(12, 9.5), (40, 1.5)], "win-17": [(14, 34)],
}.get(edf.stem, [])
if mode == "crash":
    print("weights are missing", file=sys.stderr)
    sys.exit(3)
if mode == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["PID_FILE"]).write_text(str(child.pid))
    time.sleep(600)
if mode == "silent":
    sys.exit()
if mode == "peek":
    names = sorted(p.name for p in edf.parent.parent.rglob("*") if p.is_file())
    Path(os.environ["PID_FILE"]).write_text(" ".join(names))
if mode == "nothing":
    truth = []
if mode == "everything":
    truth = [(0, 60)]
if mode.startswith("background ") and not truth:
    truth = [(0, float(mode.split()[1]))]
if mode == "shifted 60":
    truth = [(onset + 60, length) for onset, length in truth]
if mode == "shifted 20":
    truth = [(onset + 20, min(length, 40 - onset)) for onset, length in truth
             if onset < 40]
names = "onset duration eventType confidence channels dateTime recordingDuration"
if mode == "columns":
    names = names.replace("eventType", "event_type")
rows = [(f"{a:.2f}", f"{b:.2f}", "sz") for a, b in truth]
rows = rows or [("0.00", "60.00", "bckg")]
lines = [(*row, "n/a", "n/a", "2015-01-01 00:00:00", "60.00") for row in rows]
text = "".join("\\t".join(line) + "\\n" for line in [names.split(), *lines])
tsv.write_text(text)
"""
HEAD = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
REST = "\tn/a\tn/a\t2015-01-01 00:00:00\t60.00\n"


@pytest.fixture
def detector(tmp_path: Path) -> str:
    path = tmp_path / "my detector.py"
    path.write_text(DETECTOR, encoding="utf-8")
    return shlex.join([sys.executable, str(path), "MODE", "{edf}", "{tsv}"])


@pytest.fixture
def few() -> Fixture:
    # cpsz 38-60; artefact; tcsz 10-52; background; spsz 14-48
    return load_fixture("smoke").take([0, 1, 4, 5, 16])


def run(detector: str, mode: str, few: Fixture) -> SmokeReport:
    command = detector.replace("MODE", shlex.quote(mode))
    return run_command(command, fixture=few, time_limit=60)


def test_perfect_detector_passes_every_check(detector: str, few: Fixture) -> None:
    report = run(detector, "perfect", few)

    assert [check.status for check in report.checks] == ["PASS"] * 8
    assert "100% of the seizures found" in report["found"].reason
    assert report["alarms"].reason == "0.0% of the background is marked (limit 50%)"
    assert "begin +0.0 s from the seizures" in report["onsets"].reason


@pytest.mark.parametrize(
    ("seconds", "status", "reason"),
    [
        # Half of the background of these windows is 101 s, in two windows 50.5 s each.
        pytest.param(
            "50.49",
            "PASS",
            "49.9% of the background is marked (limit 50%)",
            id="just-below",
        ),
        pytest.param(
            "50.50",
            "FAIL",
            "50.0% of the background is marked; expected less than 50%: the program finds "
            "everything",
            id="half",
        ),
    ],
)
def test_marked_background_is_shown_so_that_it_agrees_with_the_limit(
    detector: str, few: Fixture, seconds: str, status: str, reason: str
) -> None:
    report = run(detector, f"background {seconds}", few)

    assert (report["alarms"].status, report["alarms"].reason) == (status, reason)


@pytest.mark.parametrize(
    ("mode", "name", "reason"),
    [
        pytest.param("nothing", "found", "the program finds nothing", id="nothing"),
        pytest.param("everything", "alarms", "finds everything", id="everything"),
        pytest.param(
            "shifted 60", "times", "from 98 s to 120 s, outside", id="by-60-s"
        ),
        pytest.param("shifted 20", "onsets", "begin +20.0 s from", id="by-20-s"),
        pytest.param("columns", "columns", "line 1 is 'onset", id="columns"),
        pytest.param(
            "crash", "program", "exit code 3; its last line: weights", id="crash"
        ),
        pytest.param("silent", "program", "wrote no file at {tsv}", id="no-file"),
    ],
)
def test_bad_detector_fails_one_check_for_its_reason(
    detector: str, few: Fixture, mode: str, name: str, reason: str
) -> None:
    report = run(detector, mode, few)

    assert [check.name for check in report.failed] == [name]
    assert reason in report[name].reason


def test_checks_behind_a_crash_are_skipped(detector: str, few: Fixture) -> None:
    report = run(detector, "crash", few)

    assert [check.status for check in report.checks] == ["FAIL"] + ["SKIP"] * 7


def test_hanging_detector_is_killed_with_what_it_started(
    detector: str, few: Fixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pid"))

    report = run_command(detector.replace("MODE", "hang"), fixture=few, time_limit=2)

    assert "did not return within 2 s" in report["program"].reason
    assert report["program"].place == "win-01.edf"
    assert is_gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


def is_gone(pid: int) -> bool:
    """Wait until a process is no more; as a zombie it is not."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            pass
        time.sleep(0.1)
    return False


def test_detector_sees_no_truth_beside_its_files(
    detector: str, few: Fixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PID_FILE", str(tmp_path / "names"))

    run(detector, "peek", few.take([0, 1]))

    names = (tmp_path / "names").read_text(encoding="utf-8")
    assert names == "win-01.edf win-01.tsv win-02.edf"


def test_files_are_what_szcore_takes(few: Fixture, tmp_path: Path) -> None:
    import pyedflib

    program = tmp_path / "copy.py"
    program.write_text(
        "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3])", encoding="utf-8"
    )
    command = shlex.join(
        [sys.executable, str(program), "{edf}", "{tsv}", str(tmp_path / "seen.edf")]
    )

    run_command(command, fixture=few, time_limit=60)

    with pyedflib.EdfReader(str(tmp_path / "seen.edf")) as reader:
        labels = reader.getSignalLabels()
        rate, duration = reader.getSampleFrequency(0), reader.file_duration
    assert " ".join(labels) == (
        "Fp1-Avg F3-Avg C3-Avg P3-Avg O1-Avg F7-Avg T3-Avg T5-Avg Fz-Avg Cz-Avg Pz-Avg "
        "Fp2-Avg F4-Avg C4-Avg P4-Avg O2-Avg F8-Avg T4-Avg T6-Avg"
    )
    assert (rate, duration) == (256, 60)


@pytest.mark.parametrize(
    ("text", "events"),
    [
        pytest.param("0\t60\tbckg" + REST, [], id="background"),
        pytest.param("1.5\t2\tsz_foc_ia" + REST, [(1.5, 3.5)], id="typed"),
        pytest.param("59.00\t1.01\tsz" + REST, [(59.0, 60.0)], id="rounded-end"),
        pytest.param(
            "1\t2\tsz" + REST + "2\t3\tsz" + REST, [(1.0, 3.0), (2.0, 5.0)], id="two"
        ),
    ],
)
def test_valid_table_gives_its_events(
    tmp_path: Path, text: str, events: list[tuple[float, float]]
) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(HEAD + text, encoding="utf-8")

    assert read_events(path, duration=60) == events


@pytest.mark.parametrize(
    ("text", "rule", "match"),
    [
        pytest.param("", "columns", "the file is empty", id="empty"),
        pytest.param(HEAD.replace("\t", ","), "columns", "line 1 is", id="commas"),
        pytest.param("\ufeff" + HEAD, "columns", "line 1 is", id="byte-order-mark"),
        pytest.param(HEAD + "1 2 sz", "columns", "line 2: found 1 tab-separated", id="spaces"),
        pytest.param(HEAD + "1\t2\tsz", "columns", "line 2: found 3 tab-separated", id="short"),
        pytest.param(HEAD + "1e1\t2\tsz" + REST, "values", "onset is '1e1'", id="1e1"),
        pytest.param(HEAD + "1\tnan\tsz" + REST, "values", "duration is", id="nan"),
        pytest.param(
            HEAD + "1\t2\tsz\t1.2\tn/a\tn/a\t60\n", "values", "confidence is '1.2'",
            id="confidence",
        ),
        pytest.param(
            HEAD + "1\t2\tsz\tn/a\t\tn/a\t60\n", "values", "channels is ''",
            id="channels",
        ),
        pytest.param(
            HEAD + "1\t2\tsz\tn/a\tn/a\t2015-1-1 0:0:0\t60\n", "values",
            "dateTime is '2015-1-1 0:0:0'", id="date",
        ),
        pytest.param(HEAD, "types", "the file has no row", id="no-row"),
        pytest.param(HEAD + "1\t2\tseiz" + REST, "types", "'seiz'", id="tusz-code"),
        pytest.param(
            HEAD + "0\t60\tbckg" + REST + "1\t2\tsz" + REST, "types", "2 rows",
            id="bckg-and-sz",
        ),
        pytest.param(HEAD + "0\t9\tbckg" + REST, "times", "bckg from 0 s", id="bckg"),
        pytest.param(HEAD + "-1\t2\tsz" + REST, "times", "from -1 s", id="before"),
        pytest.param(HEAD + "50\t11\tsz" + REST, "times", "to 61 s", id="after"),
        pytest.param(HEAD + "1\t0\tsz" + REST, "times", "lasts 0 s", id="no-length"),
        pytest.param(
            HEAD + "1\t2\tsz\tn/a\tn/a\tn/a\t61\n", "times", "recordingDuration is 61",
            id="length-of-recording",
        ),
    ],
)  # fmt: skip
def test_table_that_breaks_a_rule_is_refused_by_it(
    tmp_path: Path, text: str, rule: str, match: str
) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BrokenRule, match=match) as caught:
        read_events(path, duration=60)

    assert caught.value.rule == rule


def test_fixture_that_szcore_does_not_take_is_refused(
    detector: str, few: Fixture
) -> None:
    with pytest.raises(SpecError, match="no window has a seizure"):
        run(detector, "perfect", few.take([1, 3]))


def test_command_line_prints_a_table_and_exits_with_0(detector: str) -> None:
    command = detector.replace("MODE", "perfect")

    result = CliRunner().invoke(main, ["smoke", "--command", command])

    assert result.exit_code == 0, result.output
    assert "PASS  found     83% of the seizures found" in result.output
    assert "works: 8 passed" in result.output


def test_failed_check_exits_with_1_and_json_says_which(
    detector: str,
) -> None:
    command = detector.replace("MODE", "crash")

    result = CliRunner().invoke(main, ["smoke", "--json", "--command", command])

    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["passed"] is False
    assert answer["checks"][0]["status"] == "FAIL"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        pytest.param([], "expected one of TARGET, --command and", id="neither"),
        pytest.param(
            ["a:b", "--command", "true {edf} {tsv}"], "expected one of", id="both"
        ),
        pytest.param(
            ["--image", "a/b:1", "--command", "true {edf} {tsv}"],
            "expected one of",
            id="image-and-command",
        ),
        pytest.param(
            ["--image", "a/b:1", "--layout", "BTC"],
            "--layout does not apply to --image",
            id="option-of-target",
        ),
        pytest.param(["--command", "true {edf}"], "lacks {tsv}", id="no-place"),
        pytest.param(["--command", "true '{edf}"], "cannot split", id="quote"),
        pytest.param(
            ["--command", "no-such-program {edf} {tsv}"], "not found", id="absent"
        ),
        pytest.param(
            ["--command", "true {edf} {tsv}", "--seed", "1"],
            "--seed does not apply to --command",
            id="option",
        ),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], match: str) -> None:
    result = CliRunner().invoke(main, ["smoke", *arguments])

    assert result.exit_code == 2
    assert match in " ".join(result.output.replace("\u2502", " ").split())
