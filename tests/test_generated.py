"""Synthetic windows without a file: every length, rate and montage, as a build has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bgb_fixtures import load_fixture, synthetic_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import SpecError
from bgb_fixtures.request.compose import compose_request

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = [
    pytest.param({"window_length": 1}, (4, 19, 256), id="one-second"),
    pytest.param({"window_length": 4, "sfreq": 200}, (4, 19, 800), id="EEGNet"),
    pytest.param({"window_length": 12, "sfreq": 512}, (4, 19, 6144), id="12s-512Hz"),
    pytest.param({"window_length": 8, "montage": "tcp-22"}, (4, 22, 2048), id="tcp-22"),
    pytest.param(
        {"window_length": 10, "band_pass": (0.5, 40)}, (4, 19, 2560), id="filtered"
    ),
    pytest.param(
        {"window_length": 2.5, "montage": ["t7-p7", "CZ"]}, (4, 2, 640), id="rows"
    ),
]


@pytest.mark.parametrize(("asked", "shape"), SHAPES)
def test_windows_have_the_shape_that_is_asked_for(
    asked: dict[str, Any], shape: tuple[int, ...]
) -> None:
    fixture = synthetic_fixture(4, seed=2, **asked)
    assert fixture.signals.shape == shape
    assert fixture.signals.dtype == np.float32
    assert fixture.labels.shape == (shape[0], shape[2])
    assert np.isfinite(fixture.signals).all()
    assert fixture.window_labels("any").tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(("asked", "shape"), SHAPES)
def test_windows_are_those_that_a_build_writes(
    asked: dict[str, Any], shape: tuple[int, ...], tmp_path: Path
) -> None:
    generated = synthetic_fixture(4, seed=2, **asked)
    keys: dict[str, Any] = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asked.items()
    }
    build_fixture(compose_request(4, seed=2, **keys), tmp_path / "a.h5")
    with load_fixture(tmp_path / "a.h5") as built:
        assert built.signals.shape == shape
        np.testing.assert_array_equal(built.signals, generated.signals)
        np.testing.assert_array_equal(built.labels, generated.labels)
        assert built.windows == generated.windows


def test_one_window_is_the_same_in_any_number_of_them() -> None:
    four = synthetic_fixture(4, seed=6, window_length=4)
    two = synthetic_fixture(2, seed=6, window_length=4)
    np.testing.assert_array_equal(four.signals[:2], two.signals)


@pytest.mark.parametrize("length", [1, 2, 4, 7.5])
def test_short_windows_with_a_seizure_show_at_least_a_quarter_of_a_second(
    length: float,
) -> None:
    fixture = synthetic_fixture(20, seed=9, window_length=length, ictal_share=1)
    ictal_s = fixture.labels.sum(axis=1) / fixture.sfreq
    assert ictal_s.min() >= 0.25


def test_share_of_0_is_background_alone() -> None:
    fixture = synthetic_fixture(3, window_length=4, ictal_share=0)
    assert not fixture.labels.any()
    assert {window.category for window in fixture.windows} == {"none"}


def test_rates_above_256_hz_hold_nothing_above_128_hz_and_say_so() -> None:
    fixture = synthetic_fixture(2, window_length=4, sfreq=512, profile="raw-1")
    power = np.abs(np.fft.rfft(fixture.signals * np.hanning(2048), axis=-1)) ** 2
    hz = np.fft.rfftfreq(2048, 1 / 512)
    assert power[..., hz > 135].sum() < 1e-4 * power[..., hz > 1].sum()
    steps = fixture.records.profile["steps"]
    assert "generated at 256 Hz: nothing above 128 Hz" in steps


def test_microvolts_of_a_derivation_are_the_difference_of_its_electrodes() -> None:
    asked: dict[str, Any] = {"seed": 4, "window_length": 4, "profile": "raw-1"}
    electrodes = synthetic_fixture(2, **asked)
    pairs = synthetic_fixture(2, montage="double-banana-16", **asked)
    for row, name in enumerate(MONTAGES["double-banana-16"]):
        plus, minus = map(electrodes.ch_names.index, name.split("-"))
        expected = electrodes.signals[:, plus] - electrodes.signals[:, minus]
        np.testing.assert_allclose(pairs.signals[:, row], expected, atol=1e-3)


def test_channels_are_named_as_asked() -> None:
    fixture = synthetic_fixture(2, window_length=1, montage="tcp-20", names="10-10")
    assert fixture.ch_names[2] == "T7-P7"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"window_length": 0.5}, r"expected 1 to 600 s, .* got 0\.5"),
        ({"sfreq": 99}, "sfreq: expected a number from 100 to 1024 Hz, got 99"),
        ({"window_length": 1.0625, "sfreq": 200}, "whole number of samples"),
        ({"montage": "tcp"}, "'tcp-20', 'tcp-22', or a list of rows, got 'tcp'"),
        ({"profile": "zscore"}, "did you mean 'zscore-1'|'zscore-1'"),
        ({"band_pass": (0.5, 130)}, "high < 128 Hz"),
        ({"ictal_share": 2}, "ictal_share"),
    ],
)
def test_what_cannot_be_generated_is_refused(
    asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        synthetic_fixture(2, **asked)
