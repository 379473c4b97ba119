"""Rows, rate and band: a window is what the whole recording would hold there."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.signal import resample_poly

from bgb_fixtures.corpora.chbmit.loops import LoopCheckedSignal
from bgb_fixtures.eeg.average import AveragedSignal
from bgb_fixtures.eeg.filter import BandPassedSignal
from bgb_fixtures.eeg.interpolate import InterpolatedSignal, spline_weights
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.eeg.resample import ResampledSignal, resampling_ratio, steppable_rate
from bgb_fixtures.eeg.signal import ArraySignal
from bgb_fixtures.errors import MissingPackageError, SourceError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bgb_fixtures.eeg.signal import Signal

ELECTRODES = MONTAGES["10-20"]


class MemorySignal(ArraySignal):
    """A recording in memory that refuses samples which it does not have."""

    def __init__(self, data_uv: npt.NDArray[np.float64], sfreq: float = 256.0) -> None:
        super().__init__(data_uv, sfreq=sfreq)
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        assert 0 <= start <= stop <= self.n_times
        self.reads.append((start, stop))
        return super().read(start, stop)


def noise(n_channels: int, n_times: int, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 30, (n_channels, n_times))


def sine(hz: float, *, sfreq: float, seconds: float = 20) -> npt.NDArray[np.float64]:
    times = np.arange(round(sfreq * seconds)) / sfreq
    return 50 * np.sin(2 * np.pi * hz * times)[None]


# Average


def test_the_average_of_all_rows_is_zero() -> None:
    data = AveragedSignal(MemorySignal(noise(19, 100))).read(10, 60)
    assert data.shape == (19, 50)
    np.testing.assert_allclose(data.mean(axis=0), 0, atol=1e-12)


def test_the_reference_cancels() -> None:
    data = noise(19, 100)
    other = data + noise(1, 100, seed=1)
    np.testing.assert_allclose(
        AveragedSignal(MemorySignal(data)).read(0, 100),
        AveragedSignal(MemorySignal(other)).read(0, 100),
        atol=1e-12,
    )


def test_the_average_of_three_rows_by_hand() -> None:
    signal = MemorySignal(np.array([[1.0], [2.0], [6.0]]))
    np.testing.assert_array_equal(
        AveragedSignal(signal).read(0, 1), [[-2.0], [-1.0], [3.0]]
    )


# Loops


def banana(n_times: int = 1000) -> npt.NDArray[np.float64]:
    """Make differences of 19 electrodes, rounded to steps as CHB-MIT has them."""
    electrodes = dict(zip(ELECTRODES, noise(19, n_times), strict=True))
    rows = [row.split("-") for row in MONTAGES["double-banana"]]
    exact = np.array([electrodes[a] - electrodes[b] for a, b in rows])
    return np.rint(exact / 0.3907) * 0.3907


def checked(data: npt.NDArray[np.float64]) -> LoopCheckedSignal:
    names = MONTAGES["double-banana"]
    return LoopCheckedSignal(MemorySignal(data), names, where="a.edf")


def test_rounded_differences_pass_the_loop_check() -> None:
    data = banana()
    np.testing.assert_array_equal(checked(data).read(0, 1000), data)


@pytest.mark.parametrize(
    "row", [i for i, name in enumerate(MONTAGES["double-banana"]) if "z" not in name]
)
def test_a_wrong_channel_in_a_loop_is_found(row: int) -> None:
    data = banana()
    data[row] = data[(row + 1) % 16]
    with pytest.raises(SourceError, match=r"'a.edf', 0 to 3.90625 s: .*same ends"):
        checked(data).read(0, 1000)


def test_an_inverted_channel_is_found() -> None:
    data = banana()
    data[2] *= -1
    with pytest.raises(SourceError, match=r"Fp1-F3 \+ F3-C3 .* T5-O1 have the same"):
        checked(data).read(0, 1000)


def test_a_moment_of_saturation_is_no_wrong_channel() -> None:
    data = banana()
    data[2, 100:115] = 800
    assert checked(data).read(0, 1000).shape == (18, 1000)


def test_rows_without_a_loop_are_not_checked() -> None:
    signal = LoopCheckedSignal(
        MemorySignal(noise(2, 10)), ("Fp1-F7", "F7-T3"), where="a.edf"
    )
    assert signal.read(0, 10).shape == (2, 10)


# Interpolation


def test_weights_sum_to_one_so_that_the_reference_stays() -> None:
    for weights in spline_weights(("Fz", "Pz")).values():
        assert weights.shape == (17,)
        assert weights.sum() == pytest.approx(1, abs=1e-4)


def test_weights_are_those_that_mne_applies() -> None:
    import mne

    data = noise(19, 50)
    info = mne.create_info(list(ELECTRODES), sfreq=256.0, ch_types="eeg")
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.set_montage("standard_1020", verbose="error")
    raw.info["bads"] = ["Fz", "Pz"]
    raw.interpolate_bads(mode="accurate", verbose="error")
    present = [name for name in ELECTRODES if name not in {"Fz", "Pz"}]
    inner = MemorySignal(data[[ELECTRODES.index(name) for name in present]])
    signal = InterpolatedSignal(
        inner, ELECTRODES, present=present, weights=spline_weights(("Fz", "Pz"))
    )
    np.testing.assert_allclose(signal.read(0, 50), raw.get_data(), atol=1e-3)


def test_derivations_are_taken_of_interpolated_electrodes() -> None:
    inner = MemorySignal(np.array([[1.0], [3.0]]))
    signal = InterpolatedSignal(
        inner,
        ("Fz-Cz", "Cz"),
        present=("Cz", "C3"),
        weights={"Fz": np.array([0.25, 0.75])},
    )
    # Fz = 0.25 * 1 + 0.75 * 3 = 2.5.
    np.testing.assert_array_equal(signal.read(0, 1), [[1.5], [1.0]])


# Rate


@pytest.mark.parametrize(
    ("rates", "steps"),
    [
        pytest.param((250, 256), (128, 125), id="250-to-256"),
        pytest.param((400, 256), (16, 25), id="400-to-256"),
        pytest.param((512, 256), (1, 2), id="512-to-256"),
        pytest.param((0.1, 1), (10, 1), id="decimal"),
        pytest.param((244.140625, 256), (16384, 15625), id="1024-MHz-clock"),
        pytest.param((255.99, 256), (25600, 25599), id="255.99-to-256"),
    ],
)
def test_rates_have_the_smallest_factors(
    rates: tuple[float, float], steps: tuple[int, int]
) -> None:
    assert resampling_ratio(*rates) == steps


def test_rates_without_a_small_ratio_are_refused() -> None:
    with pytest.raises(SpecError, match=r"255\.9999 Hz .* ratio 2560000/2559999"):
        resampling_ratio(255.9999, 256)


@pytest.mark.parametrize(
    ("sfreq", "precision", "expected"),
    [
        # 85 samples in 0.332031 s, which is 0.33203125 s cut off.
        pytest.param(85 / 0.332031, 1e-6 / 0.332031, 256.0, id="cut-off"),
        pytest.param(85 / 0.332031, 0, 85 / 0.332031, id="not-cut-off"),
        pytest.param(250.0, 1e-6, 250.0, id="exact-step"),
        pytest.param(1000 / 1.00058, 0, 999.4203362, id="four-milliseconds-a-day"),
    ],
)
def test_a_rate_is_moved_to_one_with_a_step_only_within_its_precision(
    sfreq: float, precision: float, expected: float
) -> None:
    rate = steppable_rate(sfreq, 256, precision=Fraction(precision))
    assert rate == pytest.approx(expected, rel=5e-8)
    assert abs(rate / sfreq - 1) <= max(precision, 5e-8)


def test_a_rate_with_a_step_can_be_resampled() -> None:
    rate = steppable_rate(1000 / 1.00058, 256, precision=Fraction(0))
    up, down = resampling_ratio(rate, 256)
    assert max(up, down) <= 2**15
    assert rate * up / down == pytest.approx(256, rel=1e-14)


@pytest.mark.parametrize("sfreq", [200, 250, 400, 512, 1000])
def test_a_resampled_window_is_cut_out_of_the_resampled_recording(sfreq: int) -> None:
    data = noise(2, sfreq * 20)
    signal = ResampledSignal(MemorySignal(data, sfreq), 256)
    up, down = resampling_ratio(sfreq, 256)
    # The same recording with its ends repeated for long.
    padded = np.pad(data, ((0, 0), (down * 40, down * 40)), mode="edge")
    whole = resample_poly(padded, up, down, axis=1)[:, up * 40 :]
    assert signal.n_times == 5120
    for start in (0, 1, 777, 5120 - 256):
        np.testing.assert_allclose(
            signal.read(start, start + 256), whole[:, start : start + 256], atol=1e-10
        )


@pytest.mark.parametrize("start", [0, 64, 3000, 5120 - 640])
def test_a_resampled_window_does_not_depend_on_where_it_is_cut(start: int) -> None:
    signal = ResampledSignal(MemorySignal(noise(1, 5000), 250), 256)
    pieces = [signal.read(start + i, start + i + 128) for i in range(0, 640, 128)]
    np.testing.assert_array_equal(
        signal.read(start, start + 640), np.concatenate(pieces, axis=1)
    )


@pytest.mark.parametrize("sfreq", [250, 400])
def test_a_sine_is_the_same_sine_at_the_new_rate(sfreq: int) -> None:
    signal = ResampledSignal(MemorySignal(sine(10, sfreq=sfreq), sfreq), 256)
    obtained = signal.read(512, 1536)
    np.testing.assert_allclose(obtained, sine(10, sfreq=256)[:, 512:1536], atol=0.1)


def test_a_constant_stays_constant_to_the_ends() -> None:
    signal = ResampledSignal(MemorySignal(np.full((1, 5000), 100.0), 250), 256)
    obtained = signal.read(0, signal.n_times)
    np.testing.assert_allclose(obtained, 100, atol=0.2)


# Band


@pytest.mark.parametrize(
    ("hz", "gain"),
    [
        pytest.param(0.05, 0, id="drift"),
        pytest.param(1, 1, id="lower-edge"),
        pytest.param(10, 1, id="middle"),
        pytest.param(40, 1, id="upper-edge"),
        pytest.param(60, 0, id="mains"),
    ],
)
def test_the_band_passes_and_nothing_else_does(hz: float, gain: float) -> None:
    data = sine(hz, sfreq=256, seconds=60)
    signal = BandPassedSignal(MemorySignal(data), (1, 40))
    middle = slice(20 * 256, 40 * 256)
    obtained = signal.read(middle.start, middle.stop)
    np.testing.assert_allclose(obtained, gain * data[:, middle], atol=0.5)


def test_a_filtered_window_does_not_depend_on_where_it_is_cut() -> None:
    signal = BandPassedSignal(MemorySignal(noise(2, 5120)), (0.5, 70))
    whole = signal.read(0, 5120)
    for start, stop in itertools.pairwise((0, 100, 2000, 5120)):
        np.testing.assert_allclose(
            signal.read(start, stop), whole[:, start:stop], atol=1e-9
        )


def test_a_band_above_half_the_rate_is_refused() -> None:
    with pytest.raises(SpecError, match=r"high < 128 Hz, .* got 1 and 130 Hz"):
        BandPassedSignal(MemorySignal(noise(1, 10)), (1, 130))


# All


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(AveragedSignal, id="averaged"),
        pytest.param(
            lambda inner: LoopCheckedSignal(inner, ["Cz"] * 2, where="a"), id="checked"
        ),
        pytest.param(lambda inner: ResampledSignal(inner, 128), id="half-the-rate"),
        pytest.param(lambda inner: ResampledSignal(inner, 250), id="another-rate"),
        pytest.param(lambda inner: ResampledSignal(inner, 1024), id="higher-rate"),
        pytest.param(lambda inner: BandPassedSignal(inner, (1, 40)), id="filtered"),
        pytest.param(
            lambda inner: BandPassedSignal(ResampledSignal(inner, 250), (1, 40)),
            id="resampled-and-filtered",
        ),
    ],
)
@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param((0, 2), id="at-the-start"),
        pytest.param((9, 11), id="inside"),
        pytest.param((18, 20), id="at-the-end"),
        pytest.param((0, 20), id="whole"),
    ],
)
def test_the_samples_that_a_read_needs_are_those_that_it_reads(
    make: Callable[[Signal], Signal], seconds: tuple[int, int]
) -> None:
    inner = MemorySignal(noise(2, 20 * 256))
    signal = make(inner)
    start, stop = (round(second * signal.sfreq) for second in seconds)
    needed = signal.needs(start, stop)
    assert inner.reads == []
    signal.read(start, stop)
    assert inner.reads == [needed]


@pytest.mark.parametrize(
    ("package", "call"),
    [
        pytest.param(
            "scipy.signal",
            lambda: ResampledSignal(MemorySignal(noise(1, 99)), 128).read(0, 9),
            id="resampling",
        ),
        pytest.param(
            "scipy.signal",
            lambda: BandPassedSignal(MemorySignal(noise(1, 99)), (1, 40)),
            id="filter",
        ),
        # Not what an earlier test has had computed.
        pytest.param(
            "mne", lambda: spline_weights.__wrapped__(("Fz",)), id="interpolation"
        ),
    ],
)
def test_a_package_that_is_not_there_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, package: str, call: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(MissingPackageError, match=r"bgb-fixtures\[build\]"):
        call()
