"""The page of a comparison: what it says and shows, and that it stands alone."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.golden.compare import Comparison, compare_goldens
from bgb_fixtures.golden.page import comparison_to_page
from bgb_fixtures.golden.record import make_events_golden, make_golden

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@pytest.fixture
def fixture(small_fixture: Path) -> Fixture:
    return load_fixture(small_fixture)


def compare(
    fixture: Fixture, logits: npt.NDArray[np.float32], name: str = "logits"
) -> Comparison:
    """Compare logits that are 0 everywhere with others."""
    before = np.zeros_like(fixture.labels, dtype=np.float32)
    return compare_goldens(
        make_golden(before, name=name, fixture=fixture, atol=0.5),
        make_golden(logits, name=name, fixture=fixture, atol=0.5),
    )


def page_of(comparison: Comparison, fixture: Fixture) -> str:
    advice = "bgb-fixtures golden update a:b"
    return comparison_to_page(comparison, fixture=fixture, advice=advice).decode()


def test_equal_outputs_match(fixture: Fixture) -> None:
    page = page_of(compare(fixture, np.zeros((4, 512), np.float32)), fixture)
    assert "<strong>Matches.</strong>" in page
    assert "Equal within tolerance: 1 output." in page
    assert "<svg" not in page


def test_window_that_moved_is_drawn_and_the_others_are_not(fixture: Fixture) -> None:
    logits = np.zeros((4, 512), np.float32)
    logits[3, 100:110] = 2
    page = page_of(compare(fixture, logits), fixture)
    assert "<strong>No longer matches.</strong>" in page
    assert "bgb-fixtures golden update a:b" in page
    assert "logits: 1 of 4 windows moved, worst first" in page
    assert ">w3: whole, fnsz</h3>" in page
    assert "10 values out of tolerance" in page
    assert ">w0:" not in page
    # The labels 0, 0.5 and 2 take 3 characters: the picture begins at 8 + 3 * 7.2 = 29.6
    # and ends at 390. The seizure of w3 is at 0.25 to 1.25 of 2 s.
    assert '<rect x="74.7" y="2" width="180.2"' in page
    # One mark, from bin 58 to bin 64 of 300.
    assert page.count('height="5" fill="#1d1d1f"/>') == 2


def test_names_of_windows_are_links_and_there_is_a_way_back(fixture: Fixture) -> None:
    page = page_of(compare(fixture, np.ones((4, 512), np.float32)), fixture)
    for row in range(4):
        assert page.count(f'<a href="#c0-w{row}">w{row}</a>') == 1
        assert page.count(f'id="c0-w{row}"') == 1
    assert page.count('<a href="#c0">Back to the list</a>') == 4
    assert page.count('<h2 id="c0">') == 1


def test_worst_window_comes_first(fixture: Fixture) -> None:
    logits = np.zeros((4, 512), np.float32)
    logits[0, 5], logits[2, 5], logits[3, 5] = 1, 9, 4
    page = page_of(compare(fixture, logits), fixture)
    assert re.findall(r'<a href="#c0-w\d">(w\d)</a>', page) == ["w2", "w3", "w0"]
    assert re.findall(r'<h3 id="[^"]+">(w\d):', page) == ["w2", "w3", "w0"]


def test_threshold_is_a_line_with_its_value_in_every_picture(fixture: Fixture) -> None:
    # Probabilities, so that the threshold is 0.5.
    page = page_of(compare(fixture, np.full((4, 512), 0.9, np.float32)), fixture)
    pictures = re.findall(r"<svg.*?</svg>", page)
    assert len(pictures) == 8
    assert all('class="threshold"' in picture for picture in pictures)
    assert all(">0.5</text>" in picture for picture in pictures)
    assert "Dotted: detection threshold 0.5." in page


def test_all_windows_have_one_scale_with_a_switch_to_their_own(
    fixture: Fixture,
) -> None:
    logits = np.zeros((4, 512), np.float32)
    logits[0], logits[1] = -8, 1
    page = page_of(compare(fixture, logits), fixture)
    common = re.findall(r'<div class="common">(.*?)</div>', page)
    own = re.findall(r'<div class="own">(.*?)</div>', page)
    assert [">-8</text>" in picture for picture in common] == [True, True]
    assert [">1</text>" in picture for picture in common] == [True, True]
    assert [">-8</text>" in picture for picture in own] == [True, False]
    assert '<input type="checkbox" class="switch" id="own0">' in page
    assert '<label for="own0">Scale each window separately</label>' in page


def test_no_label_is_cut_off(fixture: Fixture) -> None:
    logits = np.full((4, 512), -0.000012345678, np.float32)
    logits[:, ::2] = -123456.789
    page = page_of(compare(fixture, logits), fixture)
    texts = re.findall(
        r'<text x="([\d.]+)" [^>]*text-anchor="end">([^<]+)</text>', page
    )
    assert len(texts) >= 16
    for x, text in texts:
        # No glyph of the font is wider than 0.6 of its size of 12.
        assert float(x) - 7.2 * len(text) >= 0, text


def test_labels_do_not_lie_on_each_other(fixture: Fixture) -> None:
    logits = np.zeros((4, 512), np.float32)
    logits[1] = 100
    page = page_of(compare(fixture, logits), fixture)
    (picture, *_) = re.findall(r"<svg.*?</svg>", page)
    heights = re.findall(r'y="([\d.]+)" text-anchor="end">(?!2 s)', picture)
    places = sorted(map(float, heights))
    assert len(places) == 3
    assert min(b - a for a, b in pairwise(places)) >= 12


def test_two_goldens_without_their_fixture_are_drawn_too(fixture: Fixture) -> None:
    comparison = compare(fixture, np.ones((4, 512), np.float32))
    page = comparison_to_page(comparison, fixture=None, advice="").decode()
    assert "The two goldens differ." in page
    assert page.count("<svg") == 8
    assert ">2 s</text>" in page
    assert "labelled seizure" not in page


def test_changed_events_are_drawn_as_bars(fixture: Fixture) -> None:
    goldens = [
        make_events_golden(events, name="found", fixture=fixture, atol=None)
        for events in (
            [[(0.5, 1)], [], [], []],
            [[(0.5, 1)], [], [(0, 1), (1.5, 0.25)], []],
        )
    ]
    page = page_of(compare_goldens(*goldens), fixture)
    assert "found: 1 of 4 windows changed, worst first" in page
    assert page.count("<svg") == 1
    assert "Events in window w2: 0 recorded, 2 now" in page
    assert page.count('height="18"') == 2


def test_style_of_the_page_prints_two_windows_to_a_page(fixture: Fixture) -> None:
    page = page_of(compare(fixture, np.ones((4, 512), np.float32)), fixture)
    assert ".lines .card:nth-child(2n):not(:last-child) { break-after: page; }" in page
    assert '<section class="pictures lines">' in page


def test_page_says_what_the_report_in_words_says(fixture: Fixture) -> None:
    page = page_of(compare(fixture, np.ones((4, 512), np.float32)), fixture)
    assert "&#x27;logits&#x27;: 2048 of 2048 values differ (100.0%)" in page


def test_page_loads_and_runs_nothing(fixture: Fixture) -> None:
    page = page_of(compare(fixture, np.ones((4, 512), np.float32)), fixture)
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_names_are_escaped(fixture: Fixture) -> None:
    same = compare(fixture, np.zeros((4, 512), np.float32))
    recorded = dataclasses.replace(same.recorded, name="<b>")
    page = page_of(dataclasses.replace(same, recorded=recorded), fixture)
    assert "<h1>Golden &lt;b&gt;</h1>" in page


def test_values_that_are_not_finite_do_not_end_the_drawing(fixture: Fixture) -> None:
    logits = np.full((4, 512), np.nan, np.float32)
    page = page_of(compare(fixture, logits), fixture)
    assert "nan" not in page.partition("<svg")[2].lower()
