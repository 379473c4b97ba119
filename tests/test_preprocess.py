"""Processing profiles: from microvolts to model-ready values."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest

from bgb_fixtures.eeg.scaling import (
    PROFILES,
    Moments,
    Scaled,
    brain_go_brr_window,
    raw_1,
    resampled_length,
    standardise_brain_go_brr,
    zscore_1,
)
from bgb_fixtures.errors import MissingPackageError, SourceError

STEP = 2.0**-12


def make_eeg(
    n_channels: int, n_times: int, *, seed: int = 0, step: float = 0.125
) -> npt.NDArray[np.float64]:
    """Make coloured noise in microvolts, in multiples of `step`, with an offset."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 8, (n_channels, n_times)).cumsum(axis=1) % 80
    noise = drift + rng.normal(0, 20, (n_channels, n_times))
    return np.rint(noise / step) * step


def back_to_microvolts(scaled: Scaled) -> npt.NDArray[np.float64]:
    values = scaled.values.astype(np.float64)
    return values * scaled.scale[:, None] + scaled.offset[:, None]


def moments_of(*pieces: npt.NDArray[np.float64]) -> Moments:
    moments = Moments()
    for piece in pieces:
        moments.add(piece)
    return moments


def factors(
    *pieces: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    names = tuple(f"E{i}" for i in range(len(pieces[0])))
    return moments_of(*pieces).scale_and_offset(ch_names=names, where="a recording")


def test_every_profile_has_a_unit_and_says_its_steps() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {
        "raw-1": "raw-1",
        "zscore-1": "zscore-1",
        "brain-go-brr-3.1": "brain-go-brr-3.1",
    }
    assert [profile.unit for profile in PROFILES.values()] == ["uV", "1", "1"]
    assert all(profile.steps for profile in PROFILES.values())


# raw-1


def test_raw_1_keeps_microvolts() -> None:
    data_uv = make_eeg(3, 100)
    assert np.array_equal(raw_1(data_uv).values, data_uv)


def test_raw_1_gives_the_digital_values_back() -> None:
    # The header of CHB-MIT: -800..800 uV as -2048..2047, hence 1600 / 4095 uV a step.
    digital = np.arange(-2048, 2048)[None]
    data_uv = ((digital + 2048) * (1600 / 4095) - 800).astype(np.float64)
    obtained = raw_1(data_uv).values.astype(np.float64)
    assert np.array_equal(np.rint((obtained + 800) * (4095 / 1600)) - 2048, digital)


def test_raw_1_has_scale_one_offset_zero_and_nothing_clipped() -> None:
    scaled = raw_1(np.array([[1e6, 5.0], [-1e6, 5.0]]))
    assert (scaled.scale.tolist(), scaled.offset.tolist(), scaled.n_clipped) == (
        [1.0, 1.0],
        [0.0, 0.0],
        0,
    )


@pytest.mark.parametrize("field", ["values", "scale", "offset"])
def test_all_results_are_float32(field: str) -> None:
    data_uv = make_eeg(2, 100)
    results = [raw_1(data_uv), zscore_1(data_uv, *factors(data_uv))]
    assert [getattr(r, field).dtype for r in results] == [np.float32, np.float32]


# zscore-1


def test_scale_and_offset_are_standard_deviation_and_mean() -> None:
    # Mean 3, standard deviation 2; mean -10, standard deviation 0.5.
    data_uv = np.array([[1.0, 5.0, 1.0, 5.0], [-10.5, -9.5, -9.5, -10.5]])
    scale, offset = factors(data_uv)
    assert (scale.tolist(), offset.tolist()) == ([2.0, 0.5], [3.0, -10.0])


def test_scale_and_offset_are_multiples_of_2_to_the_minus_10() -> None:
    scale, offset = factors(make_eeg(4, 1000, step=1600 / 4095))
    assert (np.concatenate([scale, offset]) * 1024 % 1).tolist() == [0.0] * 8


def test_scale_and_offset_agree_with_numpy() -> None:
    data_uv = make_eeg(4, 10000, step=1600 / 4095)
    scale, offset = factors(data_uv)
    assert np.abs(scale - data_uv.std(axis=1)).max() < 2**-10
    assert np.abs(offset - data_uv.mean(axis=1)).max() < 2**-10


@pytest.mark.parametrize("step", [0.125, 1600 / 4095], ids=["0.125-uV", "chbmit"])
def test_moments_do_not_depend_on_how_the_signal_is_cut(step: float) -> None:
    data_uv = make_eeg(4, 10007, step=step)
    pieces = np.array_split(data_uv, 13, axis=1)[::-1]
    assert moments_of(*pieces) == moments_of(data_uv)


def test_moments_do_not_depend_on_the_order_of_addition() -> None:
    data_uv = make_eeg(4, 10007, step=1600 / 4095)
    assert moments_of(data_uv[:, ::-1]) == moments_of(data_uv)


def test_moments_of_a_very_large_signal_do_not_overflow() -> None:
    # 1 V in 2^-10 uV is 1e6 * 2^10; its square times 20000 has 75 bits.
    moments = moments_of(np.full((1, 20000), 1e6, np.float64))
    assert moments.squares == [20000 * (10**6 * 2**10) ** 2]


def test_no_seizure_free_signal_is_refused() -> None:
    with pytest.raises(
        SourceError, match=r"recording 'a' has no seizure-free signal .* raw-1"
    ):
        Moments().scale_and_offset(ch_names=("Fz",), where="recording 'a'")


@pytest.mark.parametrize(
    ("level", "swing"),
    [
        pytest.param(0.0, 0.0, id="zero"),
        pytest.param(40.1, 0.0, id="constant"),
        pytest.param(40.0, 2.0**-12, id="below-the-step"),
    ],
)
def test_a_flat_channel_is_refused_by_name(level: float, swing: float) -> None:
    data_uv = make_eeg(2, 100)
    data_uv[1] = level + swing * (np.arange(100) % 2)
    with pytest.raises(SourceError, match="recording 'a': channel Cz is flat"):
        moments_of(data_uv).scale_and_offset(
            ch_names=("Fz", "Cz"), where="recording 'a'"
        )


def test_zscore_1_subtracts_the_offset_and_divides_by_the_scale() -> None:
    data_uv = np.array([[3.0, 5.0, -1.0], [-10.0, -9.5, -11.0]])
    scaled = zscore_1(data_uv, np.array([2.0, 0.5]), np.array([3.0, -10.0]))
    assert scaled.values.tolist() == [[0.0, 1.0, -2.0], [0.0, 1.0, -2.0]]


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        pytest.param(0.4 * STEP, 0.0, id="down"),
        pytest.param(0.6 * STEP, STEP, id="up"),
        pytest.param(0.5 * STEP, 0.0, id="half-to-even-zero"),
        pytest.param(1.5 * STEP, 2 * STEP, id="half-to-even-two"),
        pytest.param(-0.6 * STEP, -STEP, id="negative"),
    ],
)
def test_zscore_1_rounds_to_multiples_of_2_to_the_minus_12(
    value: float, rounded: float
) -> None:
    scaled = zscore_1(np.array([[value]]), np.ones(1), np.zeros(1))
    assert scaled.values.tolist() == [[rounded]]


def test_zscore_1_clips_at_10_and_counts_what_it_clipped() -> None:
    values = [[9.999, 10.0, 10.001, 50.0], [-9.999, -10.0, -10.001, 0.0]]
    scaled = zscore_1(np.array(values), np.ones(2), np.zeros(2))
    assert np.abs(scaled.values).max() == 10.0
    assert scaled.n_clipped == 3


def test_zscore_1_leaves_its_input_as_it_was() -> None:
    data_uv = make_eeg(2, 100)
    before = data_uv.copy()
    zscore_1(data_uv, *factors(data_uv))
    assert np.array_equal(data_uv, before)


def test_zscore_1_gives_the_exact_step_of_synthetic_eeg_back() -> None:
    background, window = make_eeg(4, 20000), 3 * make_eeg(4, 5000, seed=1)
    scaled = zscore_1(window, *factors(background))
    steps = np.rint(back_to_microvolts(scaled) / 0.125) * 0.125
    kept = np.abs(scaled.values) < 10
    assert kept.mean() > 0.9
    assert np.array_equal(steps[kept], window[kept])


def test_clipped_samples_come_back_as_the_clip_and_not_as_they_were() -> None:
    scaled = zscore_1(np.array([[500.0]]), np.array([20.0]), np.array([4.0]))
    assert back_to_microvolts(scaled).tolist() == [[204.0]]


# brain-go-brr-3.1


def consumer(data_uv: npt.NDArray[np.float64], sfreq: float) -> npt.NDArray[np.float32]:
    """Do what consumer-contract.md, section 3, says, in the plainest way."""
    from scipy import signal

    x = data_uv.astype(np.float32).astype(np.float64)
    if sfreq != 256:
        x = signal.resample(x, round(x.shape[1] * 256 / sfreq), axis=1)
    b, a = signal.butter(3, [0.5 / 128, 120 / 128], btype="band")
    x = signal.lfilter(b, a, x, axis=1)
    b, a = signal.iirnotch(60, Q=30, fs=256)
    x = signal.lfilter(b, a, x, axis=1)
    x = (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-8)
    clipped: npt.NDArray[np.float32] = np.clip(x, -10, 10).astype(np.float32)
    return np.nan_to_num(clipped)


def with_spikes(data_uv: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    data_uv[:, 1000::3000] += 3000
    return data_uv


def test_brain_go_brr_equals_the_consumer_bit_by_bit() -> None:
    data_uv = with_spikes(make_eeg(19, 15360, step=1600 / 4095))
    whole = standardise_brain_go_brr(data_uv, sfreq=256.0)
    obtained = brain_go_brr_window(whole, start=0, stop=15360).values
    assert np.array_equal(obtained, consumer(data_uv, 256.0))


@pytest.mark.parametrize(
    ("sfreq", "n_times", "n_resampled"),
    [
        pytest.param(250.0, 15007, 15367, id="250-Hz"),
        pytest.param(400.0, 24001, 15361, id="400-Hz"),
    ],
)
def test_brain_go_brr_resamples_as_the_consumer_does(
    sfreq: float, n_times: int, n_resampled: int
) -> None:
    data_uv = with_spikes(make_eeg(19, n_times, step=1600 / 4095))
    whole = standardise_brain_go_brr(data_uv, sfreq=sfreq)
    obtained = brain_go_brr_window(whole, start=0, stop=n_resampled).values
    # Equal bit by bit on x86-64; the consumer transforms all channels at once, which
    # may use other instructions elsewhere: one float32 step at 10 is 1e-6.
    assert np.abs(obtained - consumer(data_uv, sfreq)).max() < 2e-6


def test_brain_go_brr_window_is_cut_out_of_the_processed_recording() -> None:
    data_uv = make_eeg(19, 15360)
    whole = standardise_brain_go_brr(data_uv, sfreq=256.0)
    obtained = brain_go_brr_window(whole, start=5000, stop=7560).values
    assert np.array_equal(obtained, consumer(data_uv, 256.0)[:, 5000:7560])


def test_an_excerpt_processed_alone_is_not_what_the_consumer_computes() -> None:
    data_uv = make_eeg(19, 15360)
    whole = standardise_brain_go_brr(data_uv[:, 5000:7560], sfreq=256.0)
    obtained = brain_go_brr_window(whole, start=0, stop=2560).values
    assert np.abs(obtained - consumer(data_uv, 256.0)[:, 5000:7560]).max() > 0.1


def test_brain_go_brr_counts_what_it_clips_in_each_window() -> None:
    data_uv = make_eeg(2, 15360, step=1600 / 4095)
    data_uv[0, 8000] = 30000
    whole = standardise_brain_go_brr(data_uv, sfreq=256.0)
    window = brain_go_brr_window(whole, start=7500, stop=8500)
    quiet = brain_go_brr_window(whole, start=2500, stop=3500)
    assert window.n_clipped == np.count_nonzero(np.abs(whole.values) > 10) > 0
    assert (quiet.n_clipped, np.abs(window.values).max()) == (0, 10)


def test_brain_go_brr_scale_and_offset_give_filtered_microvolts() -> None:
    from scipy import signal

    data_uv = make_eeg(3, 15360)
    whole = standardise_brain_go_brr(data_uv, sfreq=256.0)
    filtered = signal.lfilter(
        *signal.butter(3, [0.5, 120], btype="band", fs=256), data_uv
    )
    filtered = signal.lfilter(*signal.iirnotch(60, Q=30, fs=256), filtered)
    scaled = brain_go_brr_window(whole, start=0, stop=15360)
    assert np.abs(back_to_microvolts(scaled) - filtered).max() < 1e-4


def test_brain_go_brr_gives_a_flat_channel_finite_values() -> None:
    data_uv = make_eeg(3, 15360)
    data_uv[1] = 0
    whole = standardise_brain_go_brr(data_uv, sfreq=256.0)
    assert not brain_go_brr_window(whole, start=0, stop=15360).values[1].any()


@pytest.mark.parametrize(
    ("n_times", "sfreq", "n_resampled"),
    [
        pytest.param(15360, 256, 15360, id="as-it-is"),
        pytest.param(15000, 250, 15360, id="250-Hz"),
        pytest.param(15001, 250, 15361, id="rounds-to-the-nearest"),
        pytest.param(25, 512, 12, id="half-to-even"),
    ],
)
def test_resampled_length_is_rounded_as_the_consumer_does(
    n_times: int, sfreq: float, n_resampled: int
) -> None:
    assert resampled_length(n_times, sfreq=sfreq, to_sfreq=256) == n_resampled


def test_brain_go_brr_without_scipy_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    with pytest.raises(
        MissingPackageError, match=r'brain-go-brr-3.1 needs SciPy.*"bgb-fixtures\[build'
    ):
        standardise_brain_go_brr(make_eeg(1, 100), sfreq=256.0)


def test_brain_go_brr_says_when_it_does_not_equal_the_consumer() -> None:
    assert "only if the recording is the original whole one" in " ".join(
        PROFILES["brain-go-brr-3.1"].steps
    )
