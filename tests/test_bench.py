"""The benchmark runs, whole and small, and its arithmetic is right; no clock is judged."""

from __future__ import annotations

import functools
import importlib
import json
import platform
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
PARTS = [
    "load", "adapt", "windows", "process", "pytest", "edf", "write", "length", "build",
    "scan", "remote", "generate", "export", "smoke", "golden", "tolerances",
]  # fmt: skip


@pytest.fixture(scope="module")
def bench() -> Any:
    """Import the script; it needs what `make test` installs."""
    pytest.importorskip("safetensors", reason="needs the dependency group test")
    return importlib.import_module("bench")


@pytest.fixture(scope="module")
def timer(bench: Any) -> Any:  # noqa: ARG001
    return importlib.import_module("bench_timer")


@pytest.fixture(scope="module")
def figures(bench: Any) -> Callable[[str], Any]:
    """Return the answer in JSON to a trial of a part, which runs once."""

    @functools.cache
    def run(part: str) -> Any:
        with redirect_stdout(StringIO()) as printed:
            bench.main(["--tiny", "--json", part])
        return json.loads(printed.getvalue())

    return run


def test_every_part_is_tried_here(bench: Any) -> None:
    assert list(bench.PARTS) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_part_gives_figures(part: str, figures: Callable[[str], Any]) -> None:
    answer = figures(part)
    assert list(answer["parts"]) == [part]
    tables = answer["parts"][part]
    assert tables
    for table in tables:
        names = [row["name"] for row in table["rows"]]
        assert len(set(names)) == len(names) > 0
        assert all(row["value"] >= 0 for row in table["rows"])


def test_machine_is_described_without_its_name(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "node", lambda: "secret-host")
    machine = bench.describe_machine()
    assert {"processor", "cores", "memory", "system", "python"} < machine.keys()
    assert {"numpy", "h5py", "torch", "safetensors", "mne", "pyedflib"} < machine.keys()
    text = json.dumps(machine)
    assert "secret-host" not in text
    assert str(Path.home()) not in text


def test_unknown_part_is_named_with_those_there_are(
    bench: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(["nonsense"])
    assert (
        "unknown part 'nonsense'; parts: load, adapt, windows"
        in capsys.readouterr().err
    )


def test_a_busy_machine_is_reported(
    bench: Any,
    timer: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = timer.Table(title="nothing", rows=timer.compare({"pass": 1.0}))
    monkeypatch.setattr(bench, "PARTS", ["nothing"])
    monkeypatch.setattr(bench, "measure", lambda *_, **__: [table])
    monkeypatch.setattr(bench, "load_average", lambda: 3.04)
    bench.main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("processor ")
    assert lines[-1] == "other programs were running: load 3.0 at the start"


def test_growth_says_what_a_unit_costs(timer: Any) -> None:
    table = timer.growth("load", {1: 2.0, 10: 30.0}, unit="window", peaks={10: 32.0})
    assert [(row.name, row.ratio, row.peak_mib, row.note) for row in table.rows] == [
        ("1 window", 1.0, None, "2 ms per window"),
        ("10 windows", 15.0, 32.0, "3 ms per window"),
    ]
    assert table.note == "last step: 10 times as many take 15 times as long"


def test_rows_are_aligned_and_say_what_there_is(timer: Any) -> None:
    rows = timer.compare(
        {"ours": 0.0612, "theirs": 12.75}, peaks={"theirs": 254.6}, notes={"ours": "!"}
    )
    text = timer.format_tables([timer.Table(title="open", rows=rows, note="so")])
    assert [line.split() for line in text.splitlines()] == [
        [],
        ["open"],
        ["ours", "0.0612", "ms", "1.0", "x", "!"],
        ["theirs", "12.8", "ms", "208", "x", "255", "MiB"],
        ["so"],
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (5.5e-5, "5.5e-05"),
        (0.0612, "0.0612"),
        (1.6, "1.60"),
        (99.99, "100."),
        (1234.5, "1234"),
    ],
)
def test_numbers_have_three_digits(timer: Any, value: float, text: str) -> None:
    assert timer.format_number(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.00002, "20 ns"),
        (0.00305, "3.05 us"),
        (12.5, "12.5 ms"),
        (2400.0, "2.4 s"),
    ],
)
def test_times_have_the_unit_that_suits(
    timer: Any, milliseconds: float, text: str
) -> None:
    assert timer.format_time(milliseconds) == text


def test_a_process_that_fails_says_why(timer: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"ended with 1: .*no such luck"):
        timer.Bench(folder=tmp_path).process("raise SystemExit('no such luck')")


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc: the peak is not known"
)
def test_peak_is_of_the_process_itself(timer: Any, tmp_path: Path) -> None:
    peak = timer.Bench(folder=tmp_path).process("bytearray(200 * 2**20)")
    assert 200 < peak < 240
    assert timer.Bench(folder=tmp_path).process("pass") < 40


def test_ways_take_turns(timer: Any, tmp_path: Path) -> None:
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) for name in "ab"}
    medians = timer.Bench(folder=tmp_path).medians(ways, seconds=0, rounds=2)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert list(medians) == ["a", "b"]


def test_another_checkout_is_measured_with_the_same_code(
    bench: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "before" / "src" / "bgb_fixtures"
    shutil.copytree(ROOT / "src" / "bgb_fixtures", package)
    (tmp_path / "before" / "fixtures").symlink_to(ROOT / "fixtures")
    with (package / "fixture.py").open("a") as file:
        file.write("\n\nimport time\n\ntime.sleep(1)\n")
    options = ["--tiny", "--json", "--against", str(tmp_path / "before")]
    bench.main([*options, "process"])
    (table,) = json.loads(capsys.readouterr().out)["parts"]["process"]
    assert table["title"].endswith("\nthis checkout, and that of before")
    assert [row["name"] for row in table["rows"]] == [
        *("python -c pass", "  there"),
        *("load_fixture(), no torch", "  there"),
    ]
    here, there = table["rows"][2:]
    assert there["value"] > here["value"] + 500
    assert here["ratio"] == here["value"] / there["value"]
    assert there["ratio"] is None


def test_checkout_without_the_package_is_refused(
    bench: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(["--against", str(tmp_path), "load"])
    assert "holds no src/bgb_fixtures" in capsys.readouterr().err


def test_build_says_how_often_a_recording_is_opened_and_read(
    figures: Callable[[str], Any],
) -> None:
    (table,) = figures("build")["parts"]["build"]
    names = [row["name"] for row in table["rows"]]
    assert names == ["raw-1", "zscore-1", "zscore-1, 0.5-70 Hz"]
    for row in table["rows"]:
        assert re.fullmatch(
            r"[1-9]\S* opens per recording, [1-9]\S* % of the bytes read", row["note"]
        )
