"""The measures on signals whose answer is known, and the generator held to them.

What needs real EEG is printed by `tools/realism.py` and reported in DATA.md.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import realism
from measures import hardness as hard
from measures import onsets, ranges, signals, transfer, windows
from measures.epochs import take_epochs
from threadpoolctl import threadpool_limits

from bgb_fixtures.synthetic import SEIZURE_TYPES

pytest.importorskip("sklearn", reason="the classifiers are those of scikit-learn")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SFREQ = 256

BACKGROUND = [q.name for q in ranges.QUANTITIES if q.of_piece is not None]
ALL = [q.name for q in ranges.QUANTITIES]


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
    return ranges.Piece(bipolar_uv=data)


def _change(before: Any, during: Any) -> Any:
    return ranges.Change(label="seiz", before=_piece(before), during=_piece(during))


def _window(data: Any, *spans: tuple[int, int], subject: str = "sub-01") -> Any:
    return windows.Window(
        name="w",
        subject=subject,
        bipolar_uv=data,
        electrodes_uv=None,
        ready=data.astype(np.float32),
        events=tuple(("seiz", start, stop) for start, stop in spans),
    )


# Measures of one signal ---------------------------------------------------------------


def test_white_noise_has_exponent_zero() -> None:
    assert ranges.exponent(_piece(_noise())) == pytest.approx(0, abs=0.05)


def test_power_that_falls_with_the_square_of_frequency_has_exponent_two() -> None:
    noise = _noise()
    freqs = np.fft.rfftfreq(noise.shape[1], 1 / SFREQ)
    spectrum = np.fft.rfft(noise) / np.maximum(freqs, 0.5)
    data = np.fft.irfft(spectrum, noise.shape[1])
    assert ranges.exponent(_piece(data)) == pytest.approx(2, abs=0.1)


def test_alpha_is_measured_in_decibels_over_the_fit() -> None:
    # In a Hann segment of N = 512 samples, a sine of amplitude A stands A^2 N / 6 over
    # white noise of variance 1: 85.3, 19.3 dB; 0.5 Hz of 8-13 Hz is one bin.
    piece = _piece(_noise() + _sine(10, 40))
    assert ranges.alpha_db(piece) == pytest.approx(19.3, abs=1)


def test_rms_of_a_sine_is_its_amplitude_over_the_square_root_of_two() -> None:
    assert ranges.rms_uv(_piece(100 * _sine(5))) == pytest.approx(70.7, abs=0.5)


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
    assert ranges.rms_uv(_piece(data)) < 3


def test_share_of_slow_waves_compares_powers() -> None:
    piece = _piece(_sine(4) + _sine(16))
    assert ranges.slow_share(piece) == pytest.approx(0.5, abs=0.01)


def test_share_of_fast_waves_compares_powers() -> None:
    piece = _piece(2 * _sine(10) + _sine(40))
    assert ranges.fast_share(piece) == pytest.approx(0.2, abs=0.01)


def test_autocorrelation_of_a_sine_is_the_cosine_of_its_step() -> None:
    # 16 Hz turns by pi / 8 in a sample.
    assert ranges.lag1(_piece(_sine(16))) == pytest.approx(0.9239, abs=0.002)


def test_unrest_of_a_signal_that_is_thrice_as_loud_every_other_second() -> None:
    # RMS 1, 3, 1, 3, ...: mean 2, standard deviation 1.
    loudness = np.repeat([1.0, 3.0] * 5, SFREQ)
    piece = _piece(_sine(10) * loudness)
    assert ranges.rms_cv(piece) == pytest.approx(0.5, abs=0.02)


def test_kurtosis_of_gaussian_noise_is_three() -> None:
    assert ranges.kurtosis(_piece(_noise())) == pytest.approx(3, abs=0.1)


def test_kurtosis_of_a_sine_is_one_and_a_half() -> None:
    assert ranges.kurtosis(_piece(_sine(10))) == pytest.approx(1.5, abs=0.02)


def test_share_of_theta_compares_powers() -> None:
    piece = _piece(_sine(6) + _sine(16))
    assert ranges.theta_share(piece) == pytest.approx(0.5, abs=0.01)


def test_lopsided_signal_has_skewness() -> None:
    # The square of a normal number: skewness sqrt(8); the mean is filtered away.
    smooth = signals.band_pass(_noise(), low=1, high=20)
    piece = _piece(smooth**2 / smooth.std() ** 2)
    assert ranges.skewness(_piece(smooth)) < 0.2
    assert 1.2 < ranges.skewness(piece) < 3.5


def test_loudest_derivation_is_measured_in_decibels() -> None:
    loudness = np.array([10.0] + [1.0] * 17)[:, None]
    assert ranges.loudest_db(_piece(loudness * _sine(5))) == pytest.approx(20, abs=0.1)


def test_fast_activity_of_independent_electrodes_has_negative_chain_correlation() -> (
    None
):
    piece = _piece(windows.to_bipolar(_noise(19)) + 5 * _sine(5, 40))
    assert ranges.fast_neighbour_correlation(piece) == pytest.approx(-0.5, abs=0.05)


def test_neighbours_of_independent_electrodes_share_half_with_opposite_sign() -> None:
    piece = _piece(windows.to_bipolar(_noise(19)))
    assert ranges.neighbour_correlation(piece) == pytest.approx(-0.5, abs=0.03)


def test_homologous_derivations_are_mirror_images() -> None:
    # Fp1-F7 F7-T3 T3-T5 T5-O1, the same on the right, Fp1-F3 ... likewise, midline.
    lateral, medial = _noise(4, seed=1), _noise(4, seed=2)
    data = np.vstack([lateral, lateral, medial, medial, _noise(2)])
    assert ranges.homologous_correlation(_piece(data)) == pytest.approx(1)


@pytest.mark.parametrize("measure", ["near_correlation", "far_correlation"])
def test_average_reference_alone_makes_a_correlation_of_one_eighteenth(
    measure: str,
) -> None:
    electrodes = _noise(19)
    piece = ranges.Piece(
        bipolar_uv=windows.to_bipolar(electrodes), electrodes_uv=electrodes
    )
    assert getattr(ranges, measure)(piece) == pytest.approx(-1 / 18, abs=0.02)


def test_distance_correlation_needs_electrodes() -> None:
    assert np.isnan(ranges.near_correlation(_piece(_noise())))


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        pytest.param([1.0, 1.0, 1.0, 1.0], 1.0, id="flat"),
        pytest.param([0.0, 5.0, 0.0, 0.0], 0.0, id="one-line"),
        pytest.param([3.0, 0.0, 3.0, 0.0], 0.5, id="two-lines-of-four"),
    ],
)
def test_spectral_entropy(power: list[float], expected: float) -> None:
    assert signals.spectral_entropy(np.array(power)) == pytest.approx(expected)


# Measures of a seizure ----------------------------------------------------------------


@pytest.mark.parametrize("measure", ["rms_ratio", "line_length_ratio"])
def test_ratio_is_that_of_the_four_most_changed_derivations(measure: str) -> None:
    loudness = np.array([3.0] * 4 + [1.5] * 14)[:, None]
    change = _change(_sine(5), loudness * _sine(5))
    assert getattr(ranges, measure)(change) == pytest.approx(3, abs=0.01)


def test_loudness_of_a_seizure_is_that_of_the_median_derivation() -> None:
    loudness = np.array([100.0] * 4 + [20.0] * 14)[:, None]
    change = _change(10 * _sine(5), loudness * _sine(5))
    assert ranges.ictal_rms_uv(change) == pytest.approx(14.1, abs=0.2)
    assert ranges.median_rms_ratio(change) == pytest.approx(2, abs=0.01)


def test_alpha_that_loses_to_slow_waves_changes_by_decibels() -> None:
    # Of all power, 1/2 before and 1/10 in the seizure.
    change = _change(_sine(10) + _sine(3), _sine(10) + 3 * _sine(3))
    assert ranges.alpha_change_db(change) == pytest.approx(-7, abs=0.1)


def test_rank_falls_when_one_waveform_is_in_all_derivations() -> None:
    # From 18 equal eigenvalues, entropy log 18, to one.
    assert ranges.rank_change(_change(_noise(), _sine(3))) == pytest.approx(
        -2.9, abs=0.1
    )


def test_rhythm_that_doubles_its_frequency_moves_by_an_octave() -> None:
    during = np.hstack([_sine(4), _sine(6), _sine(8)])
    change = _change(_noise(), during)
    assert ranges.centroid_shift(change) == pytest.approx(1, abs=0.02)


def test_centroid_of_a_short_seizure_is_not_measured() -> None:
    assert np.isnan(ranges.centroid_shift(_change(_noise(), _sine(4, 5))))


def test_steady_sine_is_all_in_one_line() -> None:
    change = _change(_noise(), _sine(3, 20))
    assert ranges.sharpest_line(change) == pytest.approx(1, abs=0.01)


def test_entropy_falls_when_noise_becomes_a_sine() -> None:
    assert ranges.entropy_change(_change(_noise(), _sine(3))) < -0.5


def test_correlation_rises_when_one_waveform_is_in_all_derivations() -> None:
    change = _change(_noise(), _sine(3))
    assert ranges.correlation_change(change) == pytest.approx(1, abs=0.05)


# Which stretches are compared ---------------------------------------------------------


def test_background_is_cut_from_what_is_seizure_free() -> None:
    # 25 s, seizure of 10 s, 5 s: two pieces before, none after.
    window = _window(_noise(seconds=40), (25 * SFREQ, 35 * SFREQ))
    pieces = ranges.background_pieces([window])
    assert [piece.bipolar_uv.shape for piece in pieces] == [(18, 2560), (18, 2560)]


def test_seizure_is_compared_with_the_ten_seconds_before_it() -> None:
    data = _noise(seconds=40)
    window = _window(data, (15 * SFREQ, 25 * SFREQ))
    (change,) = ranges.seizure_changes([window])
    np.testing.assert_array_equal(
        change.before.bipolar_uv, data[:, 5 * SFREQ : 15 * SFREQ]
    )


def test_seizure_at_the_start_is_compared_with_its_own_subject() -> None:
    ictal = _window(5 * _sine(3), (0, 2560))
    own = _window(2 * _sine(3))
    other = _window(_sine(3), subject="sub-02")
    (change,) = ranges.seizure_changes([ictal, own, other])
    assert ranges.rms_ratio(change) == pytest.approx(2.5, abs=0.01)


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
    quantity = ranges.Quantity("q", 1, 3, "[T]")
    cell = ranges.judge(quantity, [np.array(values) for values in samples])
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
    assert hard.area_under_curve(scores, ictal) == expected


def test_area_of_one_class_is_not_a_number() -> None:
    assert np.isnan(hard.area_under_curve([1, 2], [0, 0]))


def test_separation_takes_the_better_sign() -> None:
    assert hard.separation([1, 2, 3, 4], [1, 1, 0, 0]) == 1


def test_epoch_is_ictal_from_half_of_its_samples() -> None:
    # Epochs of 512 samples: 256 ictal, 255 ictal, none.
    window = _window(_noise(seconds=6), (0, 256), (512, 767))
    assert hard.epoch_labels(window).tolist() == [True, False, False]


def test_line_length_of_a_ramp_is_its_step() -> None:
    ramp = np.tile(np.arange(1024.0) * 0.25, (18, 1))
    features = hard.single_features(ramp + 1e-3 * _noise(18, 4))
    np.testing.assert_allclose(features["line length"], [0.25, 0.25], atol=1e-3)


def test_louder_background_is_counted_against_the_quietest_seizure() -> None:
    # Epochs of 2 s: loudness 1, 5, seizure 3, seizure 9.
    loudness = np.repeat([1.0, 5.0, 3.0, 9.0], 512)
    window = _window(_sine(5, 8) * loudness, (1024, 1536), (1536, 2048))
    assert hard.louder_background([window]) == 0.5


def _toy_windows(make: Callable[..., Any]) -> Any:
    spans = ((10 * SFREQ, 26 * SFREQ),)
    blank = [
        _window(np.zeros((18, 40 * SFREQ)), *spans, subject=f"sub-{i}")
        for i in range(4)
    ]
    return make(blank)


def test_classifier_finds_a_sine_in_subjects_it_never_saw() -> None:
    found = hard.leave_subjects_out(_toy_windows(windows.make_sine_on_noise))
    assert [hit for _, hit in found.seizures] == [True] * 4


def test_classifier_is_at_chance_in_white_noise() -> None:
    found = hard.leave_subjects_out(_toy_windows(windows.make_white_noise))
    assert found.area == pytest.approx(0.5, abs=0.2)


def test_untrained_networks_are_the_same_every_time() -> None:
    toys = _toy_windows(windows.make_sine_on_noise)
    first = hard.untrained_separations(toys, n_inits=2)
    second = hard.untrained_separations(toys, n_inits=2)
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
    return [ranges.measure(windows) for windows in generated]


@pytest.fixture(scope="module")
def of_white_noise(generated: Any) -> Any:
    return ranges.measure(windows.make_white_noise(generated[0]))


@pytest.fixture(scope="module")
def of_sine_on_noise(generated: Any) -> Any:
    return ranges.measure(windows.make_sine_on_noise(generated[0]))


@pytest.fixture(scope="module")
def hardness(generated: Any) -> Any:
    return hard.hardness(generated[0], n_inits=20)


@pytest.mark.parametrize(
    "quantity", [pytest.param(q, id=q.name) for q in ranges.QUANTITIES]
)
def test_every_seed_lies_where_real_eeg_does(quantity: Any, of_seeds: Any) -> None:
    cell = ranges.judge(quantity, [values[quantity.name] for values in of_seeds])
    assert cell.mark in ("", "~"), cell


def _names_out(values: Any) -> set[str]:
    return {
        quantity.name
        for quantity in ranges.QUANTITIES
        if ranges.judge(quantity, [values[quantity.name]]).mark == "OUT"
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
    toys = windows.make_sine_on_noise(generated[0])
    scores = [hard.single_features(toy.ready)["total power"] for toy in toys]
    ictal = [hard.epoch_labels(toy) for toy in toys]
    area = hard.separation(np.concatenate(scores), np.concatenate(ictal))
    assert area > hard.AIMS["best single feature"][1]


@pytest.mark.parametrize("name", hard.AIMS)
def test_default_fixture_is_hard_enough_and_can_be_learned(
    name: str, hardness: Any
) -> None:
    low, high = hard.AIMS[name]
    assert low <= hardness[name] <= high, f"{name}: {hardness[name]:.3f}"


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Any:
    return windows.read_real(shared_data)


@pytest.fixture(scope="module")
def of_real(real: Any) -> Any:
    return ranges.measure(real)


@pytest.mark.edf
@pytest.mark.parametrize("name", BACKGROUND)
def test_real_excerpts_lie_in_the_ranges(name: str, of_real: Any) -> None:
    quantity = ranges.QUANTITIES[ALL.index(name)]
    assert ranges.judge(quantity, [of_real[name]]).mark in ("", "~", "-")


# A classifier carried over ------------------------------------------------------------


@pytest.fixture(scope="module")
def real_and_synthetic() -> tuple[Any, Any]:
    """Return epochs of two toys: a sine that seizures have in one, of 3 and of 12 Hz."""
    slow = _toy_windows(windows.make_sine_on_noise)
    fast = [
        dataclasses.replace(
            toy, bipolar_uv=toy.bipolar_uv + 60 * _sine(12, 40) * toy.ictal
        )
        for toy in _toy_windows(windows.make_white_noise)
    ]
    return take_epochs(slow), take_epochs(fast)


def test_no_epoch_lies_across_a_border() -> None:
    # Before 5 s two epochs, in 7 s three, after it in 4 s two.
    epochs = take_epochs([_window(_noise(seconds=16), (5 * SFREQ, 12 * SFREQ))])
    assert epochs.ictal.tolist() == [False] * 2 + [True] * 3 + [False] * 2


def test_features_are_finite_and_have_a_name_each() -> None:
    epochs = take_epochs(_toy_windows(windows.make_white_noise))
    assert epochs.features.shape == (4 * 20, len(set(epochs.names)))
    assert np.isfinite(epochs.features).all()


def test_features_without_amplitude_do_not_depend_on_the_gain() -> None:
    data = windows.to_bipolar(20 * _noise(19))
    one, ten = (take_epochs([_window(gain * data)]) for gain in (1, 10))
    free = one.scale_free
    np.testing.assert_allclose(one.features[:, free], ten.features[:, free], atol=1e-4)
    assert (np.abs(one.features - ten.features)[:, ~free].min(axis=0) > 0.9).all()


def test_shift_of_alpha_to_the_front_is_seen() -> None:
    front = np.array(
        [[3.0 if n.startswith("Fp") else 1.0] for n in windows.DERIVATIONS]
    )
    epochs = take_epochs([_window(front * _sine(10, 40) + 0.1 * _noise())])
    column = epochs.names.index("alpha, front to back")
    # 20 log10(3) dB, in units of ten.
    np.testing.assert_allclose(epochs.features[:, column], 0.954, atol=0.02)


@pytest.mark.parametrize("kind", transfer.CLASSIFIERS)
def test_classifier_carries_over_to_the_same_seizures(
    kind: str, real_and_synthetic: tuple[Any, Any]
) -> None:
    slow, _ = real_and_synthetic
    areas = transfer.transfer(slow, slow, scale_free=False)
    assert areas["synthetic to real"][kind] == pytest.approx(1)
    assert areas["synthetic to sub-2"][kind] == pytest.approx(1)


@pytest.mark.parametrize("kind", transfer.CLASSIFIERS)
def test_pink_noise_is_told_from_white_noise(
    kind: str, real_and_synthetic: tuple[Any, Any]
) -> None:
    slow, fast = real_and_synthetic
    assert transfer.tell_apart(slow, fast, ictal=False)["mean"][kind] > 0.95
    assert transfer.tell_apart(slow, slow, ictal=False)["mean"][kind] < 0.8


def test_feature_that_gives_a_toy_away_comes_first(
    real_and_synthetic: tuple[Any, Any],
) -> None:
    slow, fast = real_and_synthetic
    gaps = transfer.feature_gaps(slow, fast, ictal=False)
    assert gaps[0][0] == pytest.approx(0.5, abs=0.01)
    names = [name for gap, name, *_ in gaps if gap > 0.45]
    assert "exponent" in names
    assert "rms, left to right" not in names


def test_change_at_onset_has_the_sign_of_the_toy(
    real_and_synthetic: tuple[Any, Any],
) -> None:
    slow, fast = real_and_synthetic
    assert transfer.onset_changes(slow)["share of delta"] > 0.95
    assert transfer.onset_changes(fast)["share of delta"] < 0.05


@pytest.mark.parametrize("delay", [0.0, 2.0])
def test_onset_is_seen_where_the_signal_changes(delay: float) -> None:
    loudness = np.where(np.arange(40 * SFREQ) < (15 + delay) * SFREQ, 1.0, 4.0)
    window = _window(_noise() * loudness, (15 * SFREQ, 30 * SFREQ))
    # Frames of half a second see it up to a quarter early.
    assert onsets.visible_onsets(window) == [pytest.approx(delay - 0.1, abs=0.3)]


@pytest.mark.parametrize("seed", range(5))
def test_seizure_in_which_nothing_changes_is_not_seen_at_its_onset(seed: int) -> None:
    window = _window(_noise(seed=seed), (15 * SFREQ, 30 * SFREQ))
    (delay,) = onsets.visible_onsets(window)
    assert not abs(delay) <= 1


def test_onset_without_background_before_it_is_left_out() -> None:
    window = _window(_noise(), (3 * SFREQ, 10 * SFREQ))
    assert onsets.visible_onsets(window) == []


# Windows by number --------------------------------------------------------------------


@pytest.fixture(scope="module")
def composed() -> Any:
    """Compose 80 windows of 20 s: four seizures of every type."""
    return windows.standardise(windows.compose_windows(80, seed=41))


@pytest.fixture(scope="module")
def found(composed: Any) -> dict[str, list[bool]]:
    """Say by type which seizures a classifier finds in subjects it never saw."""
    by_type: dict[str, list[bool]] = {}
    for name, hit in hard.leave_subjects_out(composed).seizures:
        by_type.setdefault(name.split()[-1], []).append(hit)
    return by_type


def test_types_are_balanced(found: dict[str, list[bool]]) -> None:
    assert {label: len(hits) for label, hits in found.items()} == dict.fromkeys(
        SEIZURE_TYPES, 4
    )


# A seizure shorter than the epochs of 2 s is not asked for.
@pytest.mark.parametrize("label", [x for x in SEIZURE_TYPES if x != "mysz"])
def test_most_seizures_of_every_type_are_found(
    found: dict[str, list[bool]], label: str
) -> None:
    assert sum(found[label]) >= 2


def test_nearly_all_onsets_are_visible_within_a_second(composed: Any) -> None:
    more = windows.compose_windows(80, seed=42)
    delays = [x for w in [*composed, *more] for x in onsets.visible_onsets(w)]
    assert len(delays) > 30
    assert np.mean(np.abs(delays) <= 1) >= 0.95


@pytest.fixture(scope="module")
def changes_by_type(composed: Any) -> dict[str, dict[str, float]]:
    epochs = take_epochs(composed)
    changes = {}
    for label in SEIZURE_TYPES[:4]:
        own = ~epochs.ictal | (epochs.labels == label)
        part = dataclasses.replace(
            epochs, features=epochs.features[own], ictal=epochs.ictal[own]
        )
        changes[label] = transfer.onset_changes(part)
    return changes


# What real seizures of this kind do, by the sign: alpha falls, slow waves grow, and the
# derivations grow less alike.
@pytest.mark.parametrize(
    ("feature", "low", "high"),
    [
        pytest.param("share of alpha", 0, 0.5, id="alpha"),
        pytest.param("alpha over the line, back", 0, 0.5, id="posterior-alpha"),
        pytest.param("log uV delta", 0.75, 1, id="delta"),
        pytest.param("log uV gamma", 0.75, 1, id="gamma"),
        pytest.param("rank (entropy)", 0.5, 1, id="rank"),
        pytest.param("first eigenvalue", 0, 0.55, id="eigenvalue"),
    ],
)
@pytest.mark.parametrize("label", ["fnsz", "cpsz"])
def test_onset_of_a_focal_seizure_has_the_sign_of_real_ones(
    changes_by_type: dict[str, dict[str, float]],
    label: str,
    feature: str,
    low: float,
    high: float,
) -> None:
    assert low <= changes_by_type[label][feature] <= high


# The command --------------------------------------------------------------------------


def test_command_prints_what_it_can_without_real_eeg(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(realism, "REAL", tmp_path / "none")
    assert realism.main(["--transfer", "tiny"]) == 0
    printed = capsys.readouterr().out
    assert "First sight after the label" in printed
    assert "no real excerpts" in printed


def test_command_prints_both_tables_of_a_fixture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(realism, "REAL", tmp_path / "none")
    realism.show_fixture("tiny", [], n_inits=2)
    printed = capsys.readouterr().out
    assert "kurtosis" in printed
    assert "best single feature" in printed
    assert "sine on noise" in printed


@pytest.mark.edf
def test_command_prints_how_far_a_classifier_carries_over(
    capsys: pytest.CaptureFixture[str], real: Any
) -> None:
    theirs = take_epochs(real)
    ours = take_epochs(windows.compose_windows(12, seed=43))
    realism.show_transfer([ours], theirs)
    realism.show_gaps(ours, theirs)
    printed = capsys.readouterr().out
    assert "synthetic to chb03" in printed
    assert "Real or synthetic? Ictal" in printed
    assert "What a seizure changes" in printed
