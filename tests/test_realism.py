"""The measures on signals whose answer is known, and the generator held to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import realism
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SFREQ = 256

BACKGROUND = [q.name for q in realism.QUANTITIES if q.of_piece is not None]
ALL = [q.name for q in realism.QUANTITIES]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    # Beside other test processes, threads of BLAS spin: 2 s of work took a minute.
    with threadpool_limits(limits=1):
        yield


def _noise(n_rows: int = 18, seconds: int = 40, *, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((n_rows, seconds * SFREQ))


def _sine(hz: float, seconds: float = 10) -> Any:
    """Return a sine of amplitude 1 in 18 derivations."""
    t = np.arange(round(seconds * SFREQ)) / SFREQ
    return np.tile(np.sin(2 * np.pi * hz * t), (18, 1))


def _piece(data: Any) -> Any:
    return realism.Piece(bipolar_uv=data)


def _change(before: Any, during: Any) -> Any:
    return realism.Change(label="seiz", before=_piece(before), during=_piece(during))


def _window(data: Any, *spans: tuple[int, int], subject: str = "sub-01") -> Any:
    return realism.Window(
        name="w",
        subject=subject,
        bipolar_uv=data,
        electrodes_uv=None,
        ready=data.astype(np.float32),
        events=tuple(("seiz", start, stop) for start, stop in spans),
    )


# Measures of one signal ---------------------------------------------------------------


def test_white_noise_has_exponent_zero() -> None:
    assert realism.exponent(_piece(_noise())) == pytest.approx(0, abs=0.05)


def test_power_that_falls_with_the_square_of_frequency_has_exponent_two() -> None:
    noise = _noise()
    freqs = np.fft.rfftfreq(noise.shape[1], 1 / SFREQ)
    spectrum = np.fft.rfft(noise) / np.maximum(freqs, 0.5)
    data = np.fft.irfft(spectrum, noise.shape[1])
    assert realism.exponent(_piece(data)) == pytest.approx(2, abs=0.1)


def test_alpha_is_measured_in_decibels_over_the_fit() -> None:
    # In a Hann segment of N = 512 samples, a sine of amplitude A stands A^2 N / 6 over
    # white noise of variance 1: 85.3, 19.3 dB; 0.5 Hz of 8-13 Hz is one bin.
    piece = _piece(_noise() + _sine(10, 40))
    assert realism.alpha_db(piece) == pytest.approx(19.3, abs=1)


def test_rms_of_a_sine_is_its_amplitude_over_the_square_root_of_two() -> None:
    assert realism.rms_uv(_piece(100 * _sine(5))) == pytest.approx(70.7, abs=0.5)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(100 * _sine(60), id="mains"),
        pytest.param(100 + 0 * _sine(5), id="offset"),
        pytest.param(100 * _sine(0.2), id="drift"),
    ],
)
def test_rms_leaves_out(data: Any) -> None:
    # Of 100 uV; a little remains at the ends, where 10 s are all there is.
    assert realism.rms_uv(_piece(data)) < 3


def test_share_of_slow_waves_compares_powers() -> None:
    piece = _piece(_sine(4) + _sine(16))
    assert realism.slow_share(piece) == pytest.approx(0.5, abs=0.01)


def test_share_of_fast_waves_compares_powers() -> None:
    piece = _piece(2 * _sine(10) + _sine(40))
    assert realism.fast_share(piece) == pytest.approx(0.2, abs=0.01)


def test_autocorrelation_of_a_sine_is_the_cosine_of_its_step() -> None:
    # 16 Hz turns by pi / 8 in a sample.
    assert realism.lag1(_piece(_sine(16))) == pytest.approx(0.9239, abs=0.002)


def test_unrest_of_a_signal_that_is_thrice_as_loud_every_other_second() -> None:
    # RMS 1, 3, 1, 3, ...: mean 2, standard deviation 1.
    loudness = np.repeat([1.0, 3.0] * 5, SFREQ)
    piece = _piece(_sine(10) * loudness)
    assert realism.rms_cv(piece) == pytest.approx(0.5, abs=0.02)


def test_kurtosis_of_gaussian_noise_is_three() -> None:
    assert realism.kurtosis(_piece(_noise())) == pytest.approx(3, abs=0.1)


def test_kurtosis_of_a_sine_is_one_and_a_half() -> None:
    assert realism.kurtosis(_piece(_sine(10))) == pytest.approx(1.5, abs=0.02)


def test_neighbours_of_independent_electrodes_share_half_with_opposite_sign() -> None:
    piece = _piece(realism.to_bipolar(_noise(19)))
    assert realism.neighbour_correlation(piece) == pytest.approx(-0.5, abs=0.03)


def test_homologous_derivations_are_mirror_images() -> None:
    # Fp1-F7 F7-T3 T3-T5 T5-O1, the same on the right, Fp1-F3 ... likewise, midline.
    lateral, medial = _noise(4, seed=1), _noise(4, seed=2)
    data = np.vstack([lateral, lateral, medial, medial, _noise(2)])
    assert realism.homologous_correlation(_piece(data)) == pytest.approx(1)


@pytest.mark.parametrize("measure", ["near_correlation", "far_correlation"])
def test_average_reference_alone_makes_a_correlation_of_one_eighteenth(
    measure: str,
) -> None:
    electrodes = _noise(19)
    piece = realism.Piece(
        bipolar_uv=realism.to_bipolar(electrodes), electrodes_uv=electrodes
    )
    assert getattr(realism, measure)(piece) == pytest.approx(-1 / 18, abs=0.02)


def test_distance_correlation_needs_electrodes() -> None:
    assert np.isnan(realism.near_correlation(_piece(_noise())))


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        pytest.param([1.0, 1.0, 1.0, 1.0], 1.0, id="flat"),
        pytest.param([0.0, 5.0, 0.0, 0.0], 0.0, id="one-line"),
        pytest.param([3.0, 0.0, 3.0, 0.0], 0.5, id="two-lines-of-four"),
    ],
)
def test_spectral_entropy(power: list[float], expected: float) -> None:
    assert realism.spectral_entropy(np.array(power)) == pytest.approx(expected)


# Measures of a seizure ----------------------------------------------------------------


@pytest.mark.parametrize("measure", ["rms_ratio", "line_length_ratio"])
def test_ratio_is_that_of_the_four_most_changed_derivations(measure: str) -> None:
    loudness = np.array([3.0] * 4 + [1.5] * 14)[:, None]
    change = _change(_sine(5), loudness * _sine(5))
    assert getattr(realism, measure)(change) == pytest.approx(3, abs=0.01)


def test_rhythm_that_doubles_its_frequency_moves_by_an_octave() -> None:
    during = np.hstack([_sine(4), _sine(6), _sine(8)])
    change = _change(_noise(), during)
    assert realism.centroid_shift(change) == pytest.approx(1, abs=0.02)


def test_centroid_of_a_short_seizure_is_not_measured() -> None:
    assert np.isnan(realism.centroid_shift(_change(_noise(), _sine(4, 5))))


def test_steady_sine_is_all_in_one_line() -> None:
    change = _change(_noise(), _sine(3, 20))
    assert realism.sharpest_line(change) == pytest.approx(1, abs=0.01)


def test_entropy_falls_when_noise_becomes_a_sine() -> None:
    assert realism.entropy_change(_change(_noise(), _sine(3))) < -0.5


def test_correlation_rises_when_one_waveform_is_in_all_derivations() -> None:
    change = _change(_noise(), _sine(3))
    assert realism.correlation_change(change) == pytest.approx(1, abs=0.05)


# Which stretches are compared ---------------------------------------------------------


def test_background_is_cut_from_what_is_seizure_free() -> None:
    # 25 s, seizure of 10 s, 5 s: two pieces before, none after.
    window = _window(_noise(seconds=40), (25 * SFREQ, 35 * SFREQ))
    pieces = realism.background_pieces([window])
    assert [piece.bipolar_uv.shape for piece in pieces] == [(18, 2560), (18, 2560)]


def test_seizure_is_compared_with_the_ten_seconds_before_it() -> None:
    data = _noise(seconds=40)
    window = _window(data, (15 * SFREQ, 25 * SFREQ))
    (change,) = realism.seizure_changes([window])
    np.testing.assert_array_equal(
        change.before.bipolar_uv, data[:, 5 * SFREQ : 15 * SFREQ]
    )


def test_seizure_at_the_start_is_compared_with_its_own_subject() -> None:
    ictal = _window(5 * _sine(3), (0, 2560))
    own = _window(2 * _sine(3))
    other = _window(_sine(3), subject="sub-02")
    (change,) = realism.seizure_changes([ictal, own, other])
    assert realism.rms_ratio(change) == pytest.approx(2.5, abs=0.01)


# Ranges -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param([[1.0, 2.0, 3.0]], "", id="in-range"),
        pytest.param([[0.0, 0.0, 2.0, 2.0, 2.0]], "~", id="two-of-five-out"),
        pytest.param([[0.0, 0.0, 2.0]], "OUT", id="median-out"),
        pytest.param([[2.0], [2.0], [9.0]], "OUT", id="one-seed-out"),
        pytest.param([[]], "-", id="nothing-measured"),
    ],
)
def test_mark_of_a_cell(samples: list[list[float]], expected: str) -> None:
    quantity = realism.Quantity("q", "q", 1, 3, "[T]")
    cell = realism.judge(quantity, [np.array(values) for values in samples])
    assert cell.mark == expected


# Hardness -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "ictal", "expected"),
    [
        # 2 > 1, 4 > 1, 4 > 3, but 2 < 3.
        pytest.param([1, 2, 3, 4], [0, 1, 0, 1], 0.75, id="three-pairs-of-four"),
        pytest.param([1, 2, 3, 4], [1, 1, 0, 0], 0.0, id="upside-down"),
        pytest.param([7, 7, 7], [0, 1, 0], 0.5, id="ties-count-half"),
        pytest.param([1, 2, 2, 3], [0, 0, 1, 1], 0.875, id="one-tie-of-four-pairs"),
    ],
)
def test_area_under_curve(scores: list[int], ictal: list[int], expected: float) -> None:
    assert realism.area_under_curve(scores, ictal) == expected


def test_area_of_one_class_is_not_a_number() -> None:
    assert np.isnan(realism.area_under_curve([1, 2], [0, 0]))


def test_separation_takes_the_better_sign() -> None:
    assert realism.separation([1, 2, 3, 4], [1, 1, 0, 0]) == 1


def test_epoch_is_ictal_from_half_of_its_samples() -> None:
    # Epochs of 512 samples: 256 ictal, 255 ictal, none.
    window = _window(_noise(seconds=6), (0, 256), (512, 767))
    assert realism.epoch_labels(window).tolist() == [True, False, False]


def test_line_length_of_a_ramp_is_its_step() -> None:
    ramp = np.tile(np.arange(1024.0) * 0.25, (18, 1))
    features = realism.single_features(ramp + 1e-3 * _noise(18, 4))
    np.testing.assert_allclose(features["line length"], [0.25, 0.25], atol=1e-3)


def test_louder_background_is_counted_against_the_quietest_seizure() -> None:
    # Epochs of 2 s: loudness 1, 5, seizure 3, seizure 9.
    loudness = np.repeat([1.0, 5.0, 3.0, 9.0], 512)
    window = _window(_sine(5, 8) * loudness, (1024, 1536), (1536, 2048))
    assert realism.louder_background([window]) == 0.5


def _toy_windows(make: Callable[..., Any]) -> Any:
    spans = ((10 * SFREQ, 26 * SFREQ),)
    blank = [
        _window(np.zeros((18, 40 * SFREQ)), *spans, subject=f"sub-{i}")
        for i in range(4)
    ]
    return make(blank)


def test_classifier_finds_a_sine_in_subjects_it_never_saw() -> None:
    found = realism.leave_one_subject_out(_toy_windows(realism.make_sine_on_noise))
    assert [hit for _, hit in found.seizures] == [True] * 4


def test_classifier_is_at_chance_in_white_noise() -> None:
    found = realism.leave_one_subject_out(_toy_windows(realism.make_white_noise))
    assert found.area == pytest.approx(0.5, abs=0.2)


def test_untrained_networks_are_the_same_every_time() -> None:
    windows = _toy_windows(realism.make_sine_on_noise)
    first = realism.untrained_separations(windows, n_inits=2)
    second = realism.untrained_separations(windows, n_inits=2)
    assert {k: v.tolist() for k, v in first.items()} == {
        k: v.tolist() for k, v in second.items()
    }


# The generator ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated() -> Any:
    """Build the default fixture with five seeds."""
    return [realism.build_seed(seed) for seed in range(5)]


@pytest.fixture(scope="module")
def of_seeds(generated: Any) -> Any:
    return [realism.measure(windows) for windows in generated]


@pytest.fixture(scope="module")
def of_white_noise(generated: Any) -> Any:
    return realism.measure(realism.make_white_noise(generated[0]))


@pytest.fixture(scope="module")
def of_sine_on_noise(generated: Any) -> Any:
    return realism.measure(realism.make_sine_on_noise(generated[0]))


@pytest.fixture(scope="module")
def hardness(generated: Any) -> Any:
    return realism.hardness(generated[0], n_inits=10)


@pytest.mark.parametrize(
    "quantity", [pytest.param(q, id=q.name) for q in realism.QUANTITIES]
)
def test_every_seed_lies_where_real_eeg_does(quantity: Any, of_seeds: Any) -> None:
    cell = realism.judge(quantity, [values[quantity.name] for values in of_seeds])
    assert cell.mark in ("", "~"), cell


def _names_out(values: Any) -> set[str]:
    return {
        quantity.name
        for quantity in realism.QUANTITIES
        if realism.judge(quantity, [values[quantity.name]]).mark == "OUT"
    }


def test_white_noise_fails_the_same_table(of_white_noise: Any) -> None:
    assert _names_out(of_white_noise) >= {
        "exponent of 1/f, 2-40 Hz",
        "share of 1-8 Hz",
        "share of 30-45 Hz",
        "autocorrelation at 1/256 s",
        "CV of the RMS of 1 s",
        "kurtosis",
        "correlation in a chain",
        "ictal RMS / before, top 4",
        "ictal line length / before, top 4",
    }


def test_sine_on_noise_fails_the_same_table(of_sine_on_noise: Any) -> None:
    assert _names_out(of_sine_on_noise) >= {
        "exponent of 1/f, 2-40 Hz",
        "CV of the RMS of 1 s",
        "kurtosis",
        "correlation in a chain",
        "centroid shift in seizure, octaves",
        "sharpest line in seizure, share",
        "|correlation|, seizure - before",
    }


def test_sine_on_noise_is_found_by_its_power_alone(generated: Any) -> None:
    windows = realism.make_sine_on_noise(generated[0])
    scores = [realism.single_features(w.ready)["total power"] for w in windows]
    ictal = [realism.epoch_labels(w) for w in windows]
    area = realism.separation(np.concatenate(scores), np.concatenate(ictal))
    assert area > realism.AIMS["best single feature"][1]


@pytest.mark.parametrize(
    "name", [name for name in realism.AIMS if "real excerpts" not in name]
)
def test_default_fixture_is_hard_enough_and_can_be_learned(
    name: str, hardness: Any
) -> None:
    low, high = realism.AIMS[name]
    assert low <= hardness[name] <= high, f"{name}: {hardness[name]:.3f}"


@pytest.mark.edf
@pytest.mark.parametrize("name", BACKGROUND)
def test_real_excerpts_lie_in_the_ranges(name: str, shared_data: Path) -> None:
    quantity = realism.QUANTITIES[ALL.index(name)]
    values = realism.measure(realism.read_real(shared_data))
    assert realism.judge(quantity, [values[name]]).mark in ("", "~", "-")


# The command --------------------------------------------------------------------------


def test_json_holds_every_quantity_of_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without electrodes two quantities are not measured.
    windows = realism.to_bipolar_windows(_toy_windows(realism.make_white_noise))
    monkeypatch.setattr(realism, "_default_windows", lambda _: ("toy", windows))
    assert realism.main(["--seeds", "--quick", "--json"]) == 0
    # parse_constant is called for NaN, which is not JSON.
    report = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert list(report["plausible"]) == ALL
    assert report["plausible"]["kurtosis"]["range"] == [3.3, 11]
    assert set(report["hard"]["columns"]) >= {"toy", "white noise", "sine on noise"}
