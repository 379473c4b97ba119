"""The page of a comparison: what it says and shows, and that it stands alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.golden.compare import Comparison, compare_goldens
from bgb_fixtures.golden.page import comparison_to_page
from bgb_fixtures.golden.record import make_golden

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


def test_equal_outputs_hold(fixture: Fixture) -> None:
    page = page_of(compare(fixture, np.zeros((4, 512), np.float32)), fixture)
    assert "<strong>Holds.</strong>" in page
    assert "<svg" not in page


def test_window_that_moved_is_drawn_and_the_others_are_not(fixture: Fixture) -> None:
    logits = np.zeros((4, 512), np.float32)
    logits[3, 100:110] = 2
    page = page_of(compare(fixture, logits), fixture)
    assert "<strong>Does not hold any more.</strong>" in page
    assert "bgb-fixtures golden update a:b" in page
    assert "logits: 1 of 4 windows moved" in page
    assert "<h3>w3: whole, fnsz</h3>" in page
    assert "10 samples out of tolerance" in page
    assert "<h3>w0" not in page
    # The seizure of w3 lies at 0.25 to 1.25 s of 2 s; the picture is 592 wide from 44.
    assert '<rect x="118.0" y="2" width="296.0"' in page


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
