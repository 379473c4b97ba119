"""Clinical pages: what is drawn is the window, with its seizure, negative up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import ChannelNotFoundError, SpecError, TargetError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.report.plot import draw_windows, save_figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content


@pytest.fixture
def fixture(banana_fixture: Path) -> Fixture:
    """Four windows of 2 s, 19 channels; in w0 Fp1 alone has a sine of 10 Hz, 50 uV."""
    return load_fixture(banana_fixture)


def test_page_has_a_line_per_derivation_in_microvolts(fixture: Fixture) -> None:
    figure = draw_windows(fixture, [0], start=0, length=2, gain_uv=100)
    axes = figure.subfigs[0].axes[0]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == list(MONTAGES["double-banana"])
    # Fp1-F7 is Fp1 here: a sine of 50 uV at 100 uV a line.
    height = np.ptp(np.asarray(axes.lines[0].get_ydata(), float)[64:-64])
    assert height == pytest.approx(1.0, abs=0.03)
    # F7-T3 holds none of it.
    assert np.ptp(np.asarray(axes.lines[1].get_ydata(), float)) == pytest.approx(0)


def test_negative_is_up(fixture: Fixture) -> None:
    axes = draw_windows(fixture, [0]).subfigs[0].axes[0]
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_seizure_is_shaded_where_the_labels_say(fixture: Fixture) -> None:
    # w0 is ictal in samples [128, 512): 0.5 s to 2 s.
    axes = draw_windows(fixture, [0]).subfigs[0].axes[0]
    (shade,) = axes.patches
    left, right = shade.get_extents().transformed(axes.transData.inverted()).intervalx
    assert (left, right) == pytest.approx((0.5, 2.0))


def test_window_without_a_seizure_has_no_shade(fixture: Fixture) -> None:
    axes = draw_windows(fixture, [2]).subfigs[0].axes[0]
    assert not axes.patches


def test_page_begins_a_third_before_the_border(fixture: Fixture) -> None:
    axes = draw_windows(fixture, [0], length=1).subfigs[0].axes[0]
    assert axes.get_xlim() == pytest.approx((0.5 - 1 / 3, 1.5 - 1 / 3))


def test_title_says_which_part_of_the_window_is_shown(fixture: Fixture) -> None:
    part = draw_windows(fixture, [0], start=0.5, length=1).subfigs[0].axes[0]
    assert "; 0.5 to 1.5 s of 2 s;" in part.get_title()
    whole = draw_windows(fixture, [0]).subfigs[0].axes[0]
    assert "; the whole window, 2 s;" in whole.get_title()


def test_borders_of_the_page_are_marked_if_it_is_a_part(fixture: Fixture) -> None:
    part = draw_windows(fixture, [0], start=0.5, length=1).subfigs[0].axes[1]
    borders = [np.asarray(line.get_xdata()).tolist() for line in part.lines]
    assert borders == [[0.5] * 2, [1.5] * 2]
    assert not draw_windows(fixture, [0]).subfigs[0].axes[1].lines


def test_colour_bar_gives_both_spectrograms_their_unit(fixture: Fixture) -> None:
    _, left, right, bar = draw_windows(fixture, [0]).subfigs[0].axes
    limits = [axes.collections[0].get_clim() for axes in (left, right)]
    assert limits[0] == limits[1] == pytest.approx(bar.get_ylim())
    assert bar.get_ylabel() == "dB re 1 µV²/Hz"


def test_axes_of_time_have_their_unit(fixture: Fixture) -> None:
    traces, _, right, _ = draw_windows(fixture, [0]).subfigs[0].axes
    assert traces.get_xlabel() == right.get_xlabel() == "time in the window, s"


def test_four_windows_make_a_grid(fixture: Fixture) -> None:
    figure = draw_windows(fixture, [0, 1, 2, 3])
    assert len(figure.subfigs) == 4
    assert tuple(figure.get_size_inches()) == (22, 18)


def test_same_figure_gives_the_same_bytes(fixture: Fixture, tmp_path: Path) -> None:
    first = save_figure(draw_windows(fixture, [0]), tmp_path / "a.png")
    second = save_figure(draw_windows(fixture, [0]), tmp_path / "b.png")
    assert first.read_bytes()[:4] == b"\x89PNG"
    assert first.read_bytes() == second.read_bytes()


def test_average_montage_is_drawn_against_the_average() -> None:
    tiny = load_fixture("tiny")
    drawn = draw_windows(tiny, [0], montage="average").subfigs[0].axes[0]
    raw = tiny.adapt(montage="average", profile="raw-1")
    adapted = draw_windows(raw, [0], montage=None)
    for line, other in zip(drawn.lines, adapted.subfigs[0].axes[0].lines, strict=True):
        height, expected = (np.asarray(one.get_ydata(), float) for one in (line, other))
        np.testing.assert_allclose(height, expected, atol=1e-3)
    labels = [label.get_text() for label in drawn.get_yticklabels()]
    assert labels == list(MONTAGES["average"])


def test_rows_are_drawn_as_a_montage(fixture: Fixture) -> None:
    axes = draw_windows(fixture, [0], montage=["Fp1-F7", "Cz"]).subfigs[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Fp1-F7", "Cz"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"start": 3.0}, "start: .* from 0 to 0 for .* got 3", id="start"),
        pytest.param({"length": 0.5}, "length: .*at least 1 s, got 0.5", id="short"),
        pytest.param({"length": float("nan")}, "length: .*got nan", id="nan"),
        pytest.param({"gain_uv": 0.0}, "gain: .* from 1 to 10000, got 0", id="gain"),
        pytest.param({"montage": "laplace"}, "unknown montage 'laplace'", id="montage"),
    ],
)
def test_page_that_cannot_be_is_refused(
    fixture: Fixture, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        draw_windows(fixture, [0], **options)  # type: ignore[arg-type]


def test_row_that_is_not_there_is_refused(fixture: Fixture) -> None:
    with pytest.raises(SpecError, match=r"rows \[4\] are not in \[0, 4\)"):
        draw_windows(fixture, [4])


def test_no_row_is_refused(fixture: Fixture) -> None:
    with pytest.raises(SpecError, match="no window to draw"):
        draw_windows(fixture, [])


def test_montage_that_the_fixture_cannot_give_is_refused(small_fixture: Path) -> None:
    with pytest.raises(ChannelNotFoundError, match="lacks Fp1-F7"):
        draw_windows(load_fixture(small_fixture), [0])


def test_unknown_suffix_is_refused_before_anything_is_written(
    fixture: Fixture, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=r"'.*w.gif': .*\.png, \.pdf, \.svg"):
        save_figure(draw_windows(fixture, [0]), tmp_path / "w.gif")
    assert not (tmp_path / "w.gif").exists()


def test_folder_that_is_not_there_is_named(fixture: Fixture, tmp_path: Path) -> None:
    with pytest.raises(
        TargetError, match=r"nowhere.w\.png' cannot be written: No such"
    ):
        save_figure(draw_windows(fixture, [0]), tmp_path / "nowhere" / "w.png")


def test_channels_with_labels_of_their_own_are_drawn(
    make_content: Callable[..., Content], tmp_path: Path
) -> None:
    content = make_content(ch_names=("EEG EKG1-REF", "LA2", "C3"), montage="custom")
    path = write_fixture(content, tmp_path / "own.h5")
    figure = draw_windows(load_fixture(path), [0], montage=["LA2", "EEG EKG1-REF"])
    labels = [text.get_text() for text in figure.subfigs[0].axes[0].get_yticklabels()]
    assert labels == ["LA2", "EEG EKG1-REF"]
