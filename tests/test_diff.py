"""What changed between two fixtures, by window and channel."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bgb_fixtures.cli import main
from bgb_fixtures.diff import describe_diff, diff_fixtures
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.diff import FixtureDiff
    from bgb_fixtures.format.content import Content

    MakeContent = Callable[..., Content]
    Compare = Callable[[dict[str, Any], dict[str, Any]], FixtureDiff]


@pytest.fixture
def compare(make_content: MakeContent, tmp_path: Path) -> Compare:
    """Write two small fixtures with these changes, and compare them."""

    def compare(before: dict[str, Any], after: dict[str, Any]) -> FixtureDiff:
        paths = [
            write_fixture(make_content(**changes), tmp_path / f"{name}.h5")
            for name, changes in (("a", before), ("b", after))
        ]
        return diff_fixtures(load_fixture(paths[0]), load_fixture(paths[1]))

    return compare


def moved(content: Content, *changes: tuple[tuple[int, int, int], float]) -> Any:
    """Return the signals of a content with some values moved."""
    signals = content.signals.copy()
    for place, by in changes:
        signals[place] += np.float32(by)
    return signals


def test_equal_fixtures_are_the_same(compare: Compare) -> None:
    diff = compare({}, {})
    assert diff.verdict == "same"
    assert describe_diff(diff) == ["the same: 4 windows, every value and label"]


def test_values_are_told_by_window_and_channel(
    compare: Compare, make_content: MakeContent
) -> None:
    signals = moved(make_content(), ((0, 1, 256), 0.5), ((0, 1, 257), 0.25))
    diff = compare({}, {"signals": signals})
    assert diff.verdict == "different"
    # Scale is 20 uV per unit; sample 256 is at 1 s.
    assert describe_diff(diff) == [
        "different: 1 of 4 windows changed",
        "w0:",
        "  F3: 2 values differ; largest 0.5 (10 uV) at 1.000 s",
        "3 windows are the same",
    ]


def test_most_channels_are_summed_up(compare: Compare) -> None:
    from bgb_fixtures.eeg.montage import MONTAGES

    def wide(value: float) -> dict[str, Any]:
        return {
            "ch_names": MONTAGES["10-20"],
            "signals": np.full((4, 19, 512), value, np.float32),
            "scale": np.ones((4, 19), np.float32),
            "offset": np.zeros((4, 19), np.float32),
        }

    lines = describe_diff(compare(wide(0), wide(1)))
    assert lines[2] == "  Fp1: 512 values differ; largest 1 (1 uV) at 0.000 s"
    assert lines[7] == "  and 14 more channels, with smaller differences"


FILTERED = {"name": "zscore-1", "steps": ["band-pass 0.5-70 Hz: symmetric FIR"]}
GRID = 2.0**-12


def test_one_grid_step_after_a_filter_is_rounding(
    compare: Compare, make_content: MakeContent
) -> None:
    signals = moved(make_content(), ((2, 0, 7), GRID))
    diff = compare({"profile": FILTERED}, {"profile": FILTERED, "signals": signals})
    assert diff.verdict == "rounding"
    assert describe_diff(diff) == [
        (
            "the same except for rounding: some values differ by one grid step, as "
            "with other versions of scipy and numpy after filtering or resampling"
        ),
        "w2:",
        (
            "  Fp1: 1 values differ, all by one grid step (2^-12); largest 0.000244 "
            "(0.00488 uV) at 0.027 s"
        ),
        "3 windows are the same",
    ]


def test_two_grid_steps_are_a_difference(
    compare: Compare, make_content: MakeContent
) -> None:
    signals = moved(make_content(), ((2, 0, 7), 2 * GRID))
    diff = compare({"profile": FILTERED}, {"profile": FILTERED, "signals": signals})
    assert diff.verdict == "different"


def test_one_grid_step_without_a_filter_is_a_difference(
    compare: Compare, make_content: MakeContent
) -> None:
    # Exact algebra gives the same bytes everywhere.
    diff = compare({}, {"signals": moved(make_content(), ((2, 0, 7), GRID))})
    assert diff.verdict == "different"
    assert "all by one grid step (2^-12)" in describe_diff(diff)[2]


def test_grid_of_other_profiles_is_that_of_float32(
    compare: Compare, make_content: MakeContent
) -> None:
    profile = {"name": "brain-go-brr-3.1", "steps": ["butter(3, 0.5-120 Hz), lfilter"]}
    signals = make_content().signals.copy()
    signals[1, 1, 1] = np.nextafter(signals[1, 1, 1], np.float32(100))
    diff = compare({"profile": profile}, {"profile": profile, "signals": signals})
    assert (diff.verdict, diff.grid) == ("rounding", "of float32")


def test_other_scale_is_a_difference_though_values_are_equal(compare: Compare) -> None:
    scale = np.full((4, 3), 20.0, np.float32)
    scale[3, 2] = 21
    diff = compare({"profile": FILTERED}, {"profile": FILTERED, "scale": scale})
    assert diff.verdict == "different"
    channel = diff.windows[0].channels[0]
    assert (diff.windows[0].id, channel.channel) == ("w3", "C3")
    assert (channel.n_different, channel.largest, channel.largest_uv) == (0, 0.0, 4.0)


def test_labels_and_events_are_told(
    compare: Compare, make_content: MakeContent
) -> None:
    content = make_content()
    labels = content.labels.copy()
    labels[3, 64:96] = 0
    event = dataclasses.replace(
        content.windows[3].events[0], onset=0.375, duration=0.875
    )
    window = dataclasses.replace(content.windows[3], events=(event,), split="train")
    diff = compare({}, {"labels": labels, "windows": (*content.windows[:3], window)})
    assert describe_diff(diff) == [
        "different: 1 of 4 windows changed",
        "w3:",
        "  split: dev -> train",
        "  events: fnsz 0.25-1.25 s -> fnsz 0.375-1.25 s",
        "  labels: 32 differ, between 0.250 and 0.375 s",
        "3 windows are the same",
    ]


def test_facts_of_the_file_are_told_by_path(compare: Compare) -> None:
    diff = compare(
        {"spec": {"source": "synthetic", "seed": 1, "windows": [1, 2]}},
        {"content_version": 2, "spec": {"source": "synthetic", "windows": [1, 3]}},
    )
    assert describe_diff(diff) == [
        "different: no window changed; content_version and spec differ",
        "content_version: 1 -> 2",
        "spec.seed: 1 -> -",
        "spec.windows[1]: 2 -> 3",
    ]


def test_windows_are_paired_by_id(compare: Compare, make_content: MakeContent) -> None:
    content = make_content()
    renamed = dataclasses.replace(content.windows[2], id="new")
    order = [3, 0, 1, 2]
    windows = [content.windows[0], content.windows[1], renamed, content.windows[3]]
    diff = compare(
        {},
        {
            "windows": tuple(windows[i] for i in order),
            **{
                name: getattr(content, name)[order]
                for name in ("signals", "labels", "scale", "offset")
            },
        },
    )
    assert (diff.removed, diff.added, diff.windows) == (("w2",), ("new",), ())
    assert describe_diff(diff) == [
        "different: 1 removed, 1 added",
        "windows only in the first: w2",
        "windows only in the second: new",
    ]


def test_channels_are_paired_by_name(
    compare: Compare, make_content: MakeContent
) -> None:
    content = make_content()
    order = [2, 0, 1]
    diff = compare(
        {},
        {
            "ch_names": ("C3", "Fp1", "F3"),
            "signals": content.signals[:, order],
            "scale": content.scale[:, order],
            "offset": content.offset[:, order],
        },
    )
    assert diff.windows == ()
    assert describe_diff(diff) == [
        "different: no window changed; ch_names differs",
        "ch_names: Fp1 F3 C3 -> C3 Fp1 F3",
    ]


def test_windows_come_before_what_the_files_say(
    compare: Compare, make_content: MakeContent
) -> None:
    signals = moved(make_content(), ((0, 1, 256), 0.5))
    diff = compare(
        {}, {"signals": signals, "name": "other", "spec": {"seed": 2}, "montage": "a"}
    )
    assert [line.partition(":")[0] for line in describe_diff(diff)] == [
        *("different", "w0", "  F3", "3 windows are the same"),
        *("name", "montage", "spec.source", "spec.seed"),
    ]
    assert describe_diff(diff)[0] == (
        "different: 1 of 4 windows changed; name, montage and spec differ"
    )


def test_windows_of_other_length_are_not_compared_value_by_value(
    compare: Compare, make_content: MakeContent
) -> None:
    content = make_content()
    diff = compare({}, {"sfreq": 256.0, **_halved(content)})
    assert diff.windows[0].not_compared == "512 samples at 256 Hz and 256 at 256 Hz"
    assert (
        "  values not compared: 512 samples at 256 Hz and 256 at 256 Hz"
        in describe_diff(diff)
    )


def _halved(content: Content) -> dict[str, Any]:
    """Return the first half of window w1, which is ictal, four times."""
    event = dataclasses.replace(content.windows[1].events[0], onset=0.0, duration=1.0)
    windows = [
        dataclasses.replace(content.windows[1], id=f"w{i}", events=(event,))
        for i in range(4)
    ]
    return {
        "windows": tuple(windows),
        "labels": np.ones((4, 256), np.uint8),
        "signals": content.signals[:, :, :256],
    }


# The command


@dataclass(frozen=True)
class Answer:
    exit_code: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call the command with arguments, as the console script does."""

    def call(*arguments: object) -> Answer:
        code: int | str | None = 0
        try:
            main(["diff", *map(str, arguments)], prog_name="bgb-fixtures")
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return Answer(exit_code=code, stdout=captured.out, stderr=captured.err)

    return call


def test_command_tells_the_verdict_by_its_exit_code(
    run: Callable[..., Answer],
    make_content: MakeContent,
    small_fixture: Path,
    tmp_path: Path,
) -> None:
    other = write_fixture(make_content(content_version=2), tmp_path / "b.h5")
    answer = run(small_fixture, small_fixture)
    assert (answer.exit_code, answer.stdout.count("\n")) == (0, 1)
    answer = run(small_fixture, other)
    assert (answer.exit_code, answer.stdout) == (
        1,
        (
            "different: no window changed; content_version differs\n"
            "content_version: 1 -> 2\n"
        ),
    )


def test_command_speaks_json(
    run: Callable[..., Answer],
    make_content: MakeContent,
    small_fixture: Path,
    tmp_path: Path,
) -> None:
    signals = moved(make_content(), ((0, 1, 256), 0.5))
    other = write_fixture(make_content(signals=signals), tmp_path / "b.h5")
    answer = run(small_fixture, other, "--json")
    found = json.loads(answer.stdout)
    assert (answer.exit_code, found["verdict"], found["n_same"]) == (1, "different", 3)
    assert found["windows"][0]["id"] == "w0"
    assert found["windows"][0]["channels"] == [
        {
            "channel": "F3",
            "n_different": 1,
            "n_beyond_grid": 1,
            "largest": 0.5,
            "largest_uv": 10.0,
            "at": 1.0,
        }
    ]


def test_packaged_fixture_is_known_by_name(run: Callable[..., Answer]) -> None:
    answer = run("tiny", "tiny")
    assert answer.stdout == "the same: 5 windows, every value and label\n"


def test_missing_file_is_told(
    run: Callable[..., Answer], small_fixture: Path, tmp_path: Path
) -> None:
    answer = run(small_fixture, tmp_path / "none.h5")
    assert answer.exit_code == 1
    assert "none.h5': no such file" in answer.stderr
