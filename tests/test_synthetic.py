"""The generator: its streams, its head, its labels, its statistics, and its bytes."""

from __future__ import annotations

import hashlib
import importlib
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.requests import load_synthetic

from bgb_fixtures.build import build_fixture, synthesise
from bgb_fixtures.eeg.montage import find_montage
from bgb_fixtures.eeg.scaling import PROFILES
from bgb_fixtures.request.spec import load_spec
from bgb_fixtures.request.synthetic import RecordingSpec, SyntheticRequest
from bgb_fixtures.synthetic import ARTEFACT_KINDS, RECIPE, RECIPES, SEIZURE_TYPES
from bgb_fixtures.synthetic import recording as recording_module
from bgb_fixtures.synthetic.head import (
    ELECTRODES,
    REGIONS,
    direction,
    electrode_positions,
    mixing_matrix,
    patch,
)
from bgb_fixtures.synthetic.recipe_2.artefacts import (
    add_artefact,
    add_electrode_trouble,
    flatten,
)
from bgb_fixtures.synthetic.recipe_2.canvas import Canvas
from bgb_fixtures.synthetic.recipe_2.seizures import add_seizure
from bgb_fixtures.synthetic.recipe_2.subject import Subject
from bgb_fixtures.synthetic.recipe_2.subject import make_subject as draw_subject
from bgb_fixtures.synthetic.recording import generate
from bgb_fixtures.synthetic.scenario import Artefact, Scenario, Seizure
from bgb_fixtures.synthetic.streams import Streams, shaped_noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from bgb_fixtures.eeg.events import Event

    Array = npt.NDArray[np.float64]

FIXTURES = Path(__file__).parents[1] / "fixtures"
RAW = [13779750097198103699, 11282808226495437392, 1508054065566629531]
SEEDS = (11, 12, 13, 14, 15)
# Recipe -> digest of the int16 arrays of every recording of its spec of tiny.
SPECS = {"synthetic-1": "specs/tiny-1.toml", "synthetic-2": "tiny.toml"}
SAMPLES = {
    "synthetic-1": "f0f5f88b33bef8606f6f158f434347a333e3df6000dd9a8879772f55decf435f",
    "synthetic-2": "bef16443f47d8aba5cb91f72480cfc4484750902ad63f29dff48b8b133ecdbe4",
}
CHAINS = (
    ("Fp1", "F7", "T3", "T5", "O1"),
    ("Fp2", "F8", "T4", "T6", "O2"),
    ("Fp1", "F3", "C3", "P3", "O1"),
    ("Fp2", "F4", "C4", "P4", "O2"),
    ("Fz", "Cz", "Pz"),
)


def ask(
    *,
    subject: int = 1,
    duration: float = 60,
    events: tuple[Event, ...] = (),
    artefacts: tuple[Artefact, ...] = (),
    state: str = "awake",
) -> Scenario:
    return Scenario(
        subject=subject,
        duration=duration,
        events=events,
        artefacts=artefacts,
        state=state,
    )


def make_subject(*, seed: int, number: int) -> Subject:
    return draw_subject(Streams.of_seed(seed, RECIPE).child(f"sub-{number}"))


def listed(spec: Scenario) -> RecordingSpec:
    return RecordingSpec(
        subject=spec.subject,
        split="train",
        duration=spec.duration,
        events=spec.events,
        windows=(0,),
    )


def bipolar(spec: Scenario, *, seed: int) -> Array:
    """Return a generated recording in microvolts, longitudinal bipolar."""
    generated = generate(spec, seed=seed)
    row = {name: 0.125 * generated.digital[i] for i, name in enumerate(ELECTRODES)}
    pairs = [pair for chain in CHAINS for pair in pairwise(chain)]
    return np.array([row[a] - row[b] for a, b in pairs])


def spectrum(data: Array) -> tuple[Array, Array]:
    """Return frequencies and the mean power of 2 s pieces with a Hann window."""
    pieces = data[:, : data.shape[1] // 512 * 512].reshape(len(data), -1, 512)
    window = np.hanning(512)
    power = np.square(np.abs(np.fft.rfft(pieces * window, axis=2))).mean(axis=1)
    return np.arange(257) / 2, power


def band_pass(data: Array, low: float, high: float) -> Array:
    coefficients = np.fft.rfft(data, axis=1)
    f = np.fft.rfftfreq(data.shape[1], 1 / 256)
    coefficients[:, (f < low) | (f > high)] = 0
    filtered: Array = np.fft.irfft(coefficients, data.shape[1], axis=1)
    return filtered


def correlations(data: Array) -> Array:
    r: Array = np.atleast_2d(np.corrcoef(data))
    return r


# Streams ------------------------------------------------------------------------------


def test_stream_of_a_name_is_frozen() -> None:
    words = Streams("synthetic-1/0").child("sub-1").raw("example", 3)

    assert words.dtype == np.uint64
    assert [int(word) for word in words] == RAW


def test_stream_does_not_depend_on_what_was_drawn_before() -> None:
    streams = Streams.of_seed(5, RECIPE)
    before = streams.uniforms("a", 4)
    streams.normals("b", 100)

    assert np.array_equal(streams.uniforms("a", 4), before)


def test_threads_draw_what_one_thread_draws() -> None:
    def draw(number: int) -> bytes:
        return Streams.of_seed(number, RECIPE).raw("a", 500).tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(draw, range(400))] == [*map(draw, range(400))]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_fork_draws_while_another_thread_of_its_parent_does() -> None:
    streams = Streams.of_seed(5, RECIPE)
    stop = threading.Event()

    def draw() -> None:
        while not stop.is_set():
            streams.raw("long", 200_000)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(5):
            if not (child := os.fork()):
                # SIGALRM ends a fork that waits for a lock of the thread.
                signal.alarm(5)
                streams.raw("short", 4)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            Streams.of_seed(0, RECIPE),
            Streams.of_seed(1, RECIPE),
            id="seed",
        ),
        pytest.param(
            Streams.of_seed(0, RECIPE).child("sub-1"),
            Streams.of_seed(0, RECIPE).child("sub-2"),
            id="subject",
        ),
    ],
)
def test_streams_of_different_names_differ(one: Streams, other: Streams) -> None:
    assert not np.array_equal(one.raw("x", 2), other.raw("x", 2))


def test_normals_have_mean_zero_and_variance_one() -> None:
    values = Streams.of_seed(0, RECIPE).normals("x", 200_000)

    assert abs(values.mean()) < 0.01
    assert abs(values.var() - 1) < 0.01


def test_uniforms_lie_in_the_half_open_interval() -> None:
    values = Streams.of_seed(0, RECIPE).uniforms("x", 100_000)

    assert values.min() >= 0
    assert values.max() < 1
    assert abs(values.mean() - 0.5) < 0.005


def test_shaped_noise_has_unit_variance_and_its_band_only() -> None:
    noise = shaped_noise(
        Streams.of_seed(0, RECIPE),
        "x",
        n_rows=50,
        n_fft=4096,
        power=np.ones_like,
        band=(8, 12),
    )
    power = np.square(np.abs(np.fft.rfft(noise, axis=1))).sum(axis=0)
    f = np.fft.rfftfreq(4096, 1 / 256)

    assert abs(noise.var() - 1) < 0.1
    assert power[(f < 7.9) | (f > 12.1)].max() < 1e-9 * power.max()


# Head ---------------------------------------------------------------------------------


def test_electrodes_are_unit_vectors_with_the_ears_below() -> None:
    positions = dict(zip(ELECTRODES, electrode_positions(), strict=True))

    assert np.allclose(np.linalg.norm(electrode_positions(), axis=1), 1)
    assert np.allclose(positions["Cz"], [0, 0, 1])
    assert positions["A1"][2] < positions["T3"][2] < positions["C3"][2]


@pytest.mark.parametrize(
    ("left", "right"),
    [("Fp1", "Fp2"), ("F7", "F8"), ("T3", "T4"), ("O1", "O2"), ("A1", "A2")],
)
def test_right_electrode_mirrors_the_left(left: str, right: str) -> None:
    positions = dict(zip(ELECTRODES, electrode_positions(), strict=True))

    assert np.allclose(positions[left] * [-1, 1, 1], positions[right])
    assert positions[left][0] < 0


@pytest.mark.parametrize(
    ("region", "electrode"),
    [("LT", "T3"), ("RT", "T4"), ("LF", "F3"), ("RP", "P4"), ("LO", "O1")],
)
def test_patch_is_seen_best_by_the_electrode_above_it(
    region: str, electrode: str
) -> None:
    potential = patch(direction(*REGIONS[region]), sigma=15)

    assert ELECTRODES[int(np.argmax(potential))] == electrode
    assert potential.max() == 1.0
    assert np.sort(potential)[-6] < 0.7


def test_wider_patch_reaches_further() -> None:
    narrow = patch(direction(*REGIONS["LC"]), sigma=11)
    wide = patch(direction(*REGIONS["LC"]), sigma=42)

    assert np.sum(wide > 0.3) > np.sum(narrow > 0.3)


def test_sources_that_act_on_both_sides_make_them_alike() -> None:
    left, right = ELECTRODES.index("T3"), ELECTRODES.index("T4")
    alone, both = mixing_matrix(20.0), mixing_matrix(20.0, mirror=0.6)

    assert (both @ both)[left, right] > (alone @ alone)[left, right] + 0.3
    assert np.allclose(np.diag(both @ both), 1)


def test_mixing_matrix_is_a_symmetric_root_with_unit_variance() -> None:
    mixing = mixing_matrix(20.0)
    variances = np.diag(mixing @ mixing)

    assert np.allclose(mixing, mixing.T)
    assert np.allclose(variances, 1)


# Subjects -----------------------------------------------------------------------------


def test_subject_follows_from_seed_and_number() -> None:
    one, again = (make_subject(seed=3, number=4) for _ in range(2))
    other = make_subject(seed=3, number=5)

    assert one.alpha_hz == again.alpha_hz
    assert np.array_equal(one.gains, again.gains)
    assert one.alpha_hz != other.alpha_hz


def test_subjects_mix_references_and_sides_and_mains() -> None:
    subjects = [make_subject(seed=0, number=number) for number in range(1, 41)]

    assert {subject.reference for subject in subjects} == {"AR", "LE"}
    assert {subject.focus for subject in subjects} == {"LT", "RT", "LF", "RF"}
    assert {subject.mains_hz for subject in subjects} == {50.0, 60.0}


def test_half_of_the_subjects_are_children_with_a_slower_louder_eeg() -> None:
    subjects = [make_subject(seed=0, number=number) for number in range(1, 101)]
    children = [subject for subject in subjects if subject.age < 10]
    adults = [subject for subject in subjects if subject.age > 18]

    assert 15 < len(children) < 45
    assert np.median([s.alpha_hz for s in children]) < 8.5
    assert np.median([s.alpha_hz for s in adults]) > 9.5
    assert np.median([s.rms_uv for s in children]) > 1.3 * np.median(
        [s.rms_uv for s in adults]
    )


def test_reference_is_what_the_subject_says() -> None:
    subjects = {make_subject(seed=0, number=n).reference: n for n in range(1, 11)}
    average = generate(ask(subject=subjects["AR"], duration=5), seed=0)
    ears = generate(ask(subject=subjects["LE"], duration=5), seed=0)
    scalp_uv = 0.125 * average.digital[:19].mean(axis=0)
    ears_uv = 0.125 * ears.digital[19:].mean(axis=0)

    assert (average.reference, ears.reference) == ("AR", "LE")
    # Not 0, as electrodes differ in gain and noise.
    assert scalp_uv.std() < 0.1 * 0.125 * average.digital.std()
    assert ears_uv.std() < 0.1 * 0.125 * ears.digital.std()


# Seizures and artefacts ---------------------------------------------------------------


def seizure_alone(label: str, *, start: int, stop: int) -> Canvas:
    canvas = Canvas.blank(60 * 256)
    add_seizure(
        canvas,
        make_subject(seed=2, number=3),
        Streams.of_seed(2, RECIPE).child("seizure"),
        label=label,
        start=start,
        stop=stop,
    )
    return canvas


@pytest.mark.parametrize("label", SEIZURE_TYPES)
def test_seizure_begins_at_its_first_sample(label: str) -> None:
    canvas = seizure_alone(label, start=4001, stop=8003)
    activity = np.abs(canvas.scalp_uv).max(axis=0)

    assert not activity[:4001].any()
    assert not canvas.emg_uv[:, :4001].any()
    assert activity[4001:4017].all()


@pytest.mark.parametrize("label", SEIZURE_TYPES)
def test_muscle_of_a_seizure_ends_with_it(label: str) -> None:
    canvas = seizure_alone(label, start=4001, stop=8003)

    assert not canvas.emg_uv[:, 8003:].any()


def test_nothing_follows_an_absence() -> None:
    canvas = seizure_alone("absz", start=4001, stop=8003)

    assert np.abs(canvas.scalp_uv[:, 7990:8003]).max() > 0
    assert not canvas.scalp_uv[:, 8003:].any()


# An atonic seizure ends in attenuation.
@pytest.mark.parametrize("label", [x for x in SEIZURE_TYPES if x != "atsz"])
def test_seizure_goes_on_until_its_last_second(label: str) -> None:
    canvas = seizure_alone(label, start=4001, stop=8003)
    envelope = np.abs(canvas.scalp_uv).max(axis=0)

    assert envelope[8003 - 256 : 8003].max() > 0.1 * envelope[4001:8003].max()


@pytest.mark.parametrize("label", SEIZURE_TYPES)
def test_seizure_is_more_than_one_waveform_copied(label: str) -> None:
    canvas = seizure_alone(label, start=4001, stop=8003)
    values = np.linalg.svd(canvas.scalp_uv[:19, 4001:8003], compute_uv=False)

    assert np.sum(values[1:] ** 2) > 0.02 * np.sum(values**2)


@pytest.mark.parametrize("label", SEIZURE_TYPES)
@pytest.mark.parametrize("length", [64, 512, 9000])
def test_seizure_of_any_length_is_finite(label: str, length: int) -> None:
    canvas = seizure_alone(label, start=1000, stop=1000 + length)

    assert np.isfinite(canvas.scalp_uv).all()
    assert np.abs(canvas.scalp_uv).max() < 900


@pytest.mark.parametrize("kind", ARTEFACT_KINDS[RECIPE])
def test_artefact_lies_where_it_was_asked_for(kind: str) -> None:
    canvas = Canvas.blank(60 * 256)
    add_artefact(
        canvas,
        make_subject(seed=2, number=3),
        Streams.of_seed(2, RECIPE).child("artefact"),
        kind=kind,
        start=20 * 256,
        stop=30 * 256,
    )
    activity = np.abs(canvas.scalp_uv).max(axis=0) + canvas.emg_uv.max(axis=0)

    # Half a second before: the slope of a blink or K-complex that peaks at its onset.
    assert activity[: 20 * 256 - 128].max() < 1e-3
    assert activity[20 * 256 : 30 * 256].max() > 10
    assert activity[36 * 256 :].max() < 1


@pytest.mark.parametrize(
    ("kind", "loudest"),
    [
        pytest.param("blink", {"Fp1", "Fp2"}, id="blink"),
        pytest.param("saccade", {"F7", "F8"}, id="saccade"),
        pytest.param("k-complexes", {"Fz", "Cz"}, id="k-complexes"),
        pytest.param("spindles", {"Cz"}, id="spindles"),
    ],
)
def test_artefact_is_largest_at_its_electrodes(kind: str, loudest: set[str]) -> None:
    canvas = Canvas.blank(30 * 256)
    streams = Streams.of_seed(2, RECIPE)
    subject = make_subject(seed=2, number=3)
    add_artefact(canvas, subject, streams, kind=kind, start=0, stop=30 * 256)
    size = canvas.scalp_uv.std(axis=1)

    assert ELECTRODES[int(np.argmax(size))] in loudest


def test_amplitude_scales_a_seizure() -> None:
    def size(amplitude: float) -> float:
        event = Seizure(onset=20, duration=20, label="gnsz", amplitude=amplitude)
        data_uv = bipolar(ask(events=(event,)), seed=1)
        return float(data_uv[:, 25 * 256 : 35 * 256].std())

    assert size(0.1) < size(1.0) < 0.6 * size(3.0)


def test_absence_runs_at_three_per_second() -> None:
    canvas = seizure_alone("absz", start=2048, stop=2048 + 10 * 256)
    fz = ELECTRODES.index("Fz")
    f, power = spectrum(canvas.scalp_uv[fz : fz + 1, 2048 : 2048 + 10 * 256])
    peak = f[int(np.argmax(power[0]))]

    assert 2.5 <= peak <= 3.5


def test_convulsion_is_followed_by_suppression() -> None:
    event = Seizure(onset=20, duration=42, label="tcsz")
    data_uv = bipolar(ask(duration=90, events=(event,)), seed=4)
    before, after = (
        np.median(band_pass(data_uv[:, a * 256 : b * 256], 1, 25).std(axis=1))
        for a, b in ((2, 12), (63, 71))
    )

    assert after < 5
    assert after < 0.4 * before


def test_focal_seizure_is_on_the_side_of_the_focus() -> None:
    sides = []
    for number in range(1, 9):
        subject = make_subject(seed=6, number=number)
        canvas = Canvas.blank(40 * 256)
        streams = Streams.of_seed(6, RECIPE).child(f"seizure-{number}")
        add_seizure(canvas, subject, streams, label="cpsz", start=256, stop=10 * 256)
        left, right = canvas.scalp_uv[[4, 15], : 5 * 256].std(axis=1)  # F7, F8
        sides.append(("L" if left > right else "R", subject.focus_side))

    assert {heard for heard, _ in sides} == {"L", "R"}
    assert all(heard == focus for heard, focus in sides)


def test_posterior_rhythm_goes_down_in_a_seizure() -> None:
    canvas = seizure_alone("cpsz", start=4001, stop=8003)
    alpha = np.repeat(canvas.alpha, 16)

    assert alpha[:3900].min() == 1
    assert alpha[5000:8000].max() < 0.3
    assert alpha[-1] == 1


@pytest.mark.parametrize("label", ["cpsz", "gnsz", "tcsz"])
def test_spectrum_of_a_discharge_has_no_wall(label: str) -> None:
    canvas = seizure_alone(label, start=2048, stop=2048 + 30 * 256)
    f, power = spectrum(canvas.scalp_uv[:19, 2048 : 2048 + 30 * 256])
    mean = power.mean(axis=0)
    below = mean[(f >= 18) & (f <= 21)].mean()
    above = mean[(f >= 24) & (f <= 27)].mean()

    # A power of three falls by 3.5 dB from 19.5 to 25.5 Hz.
    assert 10 * np.log10(below / above) < 6


def test_zones_of_a_focal_seizure_have_phases_of_their_own() -> None:
    canvas = seizure_alone("cpsz", start=2048, stop=2048 + 30 * 256)
    r = correlations(canvas.scalp_uv[:19, 2048 : 2048 + 30 * 256])

    assert np.median(np.abs(r[np.triu_indices(19, 1)])) < 0.5


def test_absence_is_alike_all_over_the_head() -> None:
    canvas = seizure_alone("absz", start=2048, stop=2048 + 10 * 256)
    data = canvas.scalp_uv[:19, 2048 : 2048 + 10 * 256]
    values = np.linalg.svd(data, compute_uv=False) ** 2

    assert values[0] > 0.8 * values.sum()
    assert data.std(axis=1).min() > 0.08 * data.std(axis=1).max()


def focal_seizures(n: int) -> Iterator[tuple[Canvas, str]]:
    """Yield canvases with a temporal seizure from 4 to 24 s, and its side."""
    for number in range(1, n + 1):
        subject = make_subject(seed=9, number=number)
        canvas = Canvas.blank(40 * 256)
        streams = Streams.of_seed(9, RECIPE).child(f"seizure-{number}")
        add_seizure(
            canvas, subject, streams, label="cpsz", start=4 * 256, stop=24 * 256
        )
        yield canvas, subject.focus_side


def test_slow_waves_stay_where_most_focal_seizures_were() -> None:
    left, right = ELECTRODES.index("T3"), ELECTRODES.index("T4")
    there = 0
    for canvas, side in focal_seizures(20):
        after = canvas.scalp_uv[:, 24 * 256 : 30 * 256].std(axis=1)
        own, other = (left, right) if side == "L" else (right, left)
        there += bool(after[own] > 10 and after[own] > 2 * after[other])

    assert there >= 12


def test_some_focal_seizures_bring_movement_and_lost_contacts() -> None:
    flat = [
        canvas.contact[:, :].min() < 0.1 and canvas.contact[:, : 4 * 16].min() == 1
        for canvas, _ in focal_seizures(60)
    ]

    assert 1 <= sum(flat) <= 15


def test_muscle_does_not_begin_like_a_rectangle() -> None:
    rises = []
    for i in range(10):
        canvas = Canvas.blank(12 * 256)
        add_artefact(
            canvas,
            make_subject(seed=2, number=3),
            Streams.of_seed(2, RECIPE).child(f"muscle-{i}"),
            kind="muscle",
            start=2 * 256,
            stop=10 * 256,
        )
        size = canvas.emg_uv.max(axis=0)
        rises.append(np.flatnonzero(size > 0.5 * size.max())[0] / 256 - 2)

    assert min(rises) > 0.05
    assert np.median(rises) > 0.3


def test_muscle_is_uneven_over_the_electrodes() -> None:
    canvas = seizure_alone("tnsz", start=4001, stop=8003)
    size = canvas.emg_uv[:19, 6000]

    assert size.max() > 5 * np.median(size)


def test_every_fifth_recording_has_a_bad_electrode() -> None:
    # The seventh of a second that hum, hiss or wander at one electrode alone.
    bad = 0
    for number in range(1, 61):
        canvas = Canvas.blank(512)
        add_electrode_trouble(canvas, Streams.of_seed(1, RECIPE).child(f"{number}"))
        bad += bool(np.abs(canvas.scalp_uv).max() > 0)

    assert 5 <= bad <= 20


def test_flat_electrode_shows_next_to_nothing() -> None:
    canvas = Canvas.blank(20 * 256)
    flatten(canvas, Streams.of_seed(3, RECIPE), 5 * 256, 15 * 256)
    (row,) = np.flatnonzero(canvas.contact.min(axis=1) < 1)

    assert canvas.contact[row, 6 * 16 : 14 * 16].max() <= 0.03
    assert canvas.contact[row, : 5 * 16].min() == 1


# Statistics, for any seed -------------------------------------------------------------


@pytest.fixture(scope="module")
def background() -> dict[int, list[Array]]:
    """Seizure-free bipolar recordings of six subjects per seed."""
    return {
        seed: [bipolar(ask(subject=s, duration=40), seed=seed) for s in range(1, 7)]
        for seed in SEEDS
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_background_falls_as_a_power_of_frequency(
    background: dict[int, list[Array]], seed: int
) -> None:
    slopes = []
    for data in background[seed]:
        f, power = spectrum(data)
        used = ((f >= 2) & (f <= 40)) & ~((f >= 7) & (f <= 14))
        fit = np.polyfit(np.log(f[used]), np.log(power[:, used].T), 1)
        slopes.append(-fit[0])

    assert 1.3 < np.median(slopes) < 3.6
    # Where muscle or a bad electrode hisses; in real excerpts 0.18 to 2.5.
    assert np.quantile(slopes, 0.05) > 0.18
    assert np.max(slopes) < 4.2


@pytest.mark.parametrize("seed", SEEDS)
def test_background_has_the_size_of_scalp_eeg(
    background: dict[int, list[Array]], seed: int
) -> None:
    sizes = [band_pass(data, 0.7, 45).std(axis=1) for data in background[seed]]

    assert 9.6 < np.median(sizes) < 66
    assert np.min(sizes) > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_background_is_slow_with_a_fast_remainder(
    background: dict[int, list[Array]], seed: int
) -> None:
    slow, fast = [], []
    for data in background[seed]:
        f, power = spectrum(data)
        slow.append(
            power[:, (f >= 1) & (f < 8)].sum() / power[:, (f >= 1) & (f < 40)].sum()
        )
        fast.append(
            power[:, (f >= 30) & (f < 45)].sum() / power[:, (f >= 1) & (f < 45)].sum()
        )

    assert 0.61 < np.median(slow) < 0.97
    assert 0.004 < np.median(fast) < 0.07


@pytest.mark.parametrize("seed", SEEDS)
def test_background_waxes_and_wanes(
    background: dict[int, list[Array]], seed: int
) -> None:
    variations, kurtoses = [], []
    for data in background[seed]:
        filtered = band_pass(data, 0.7, 45)
        seconds = filtered.reshape(18, -1, 256).std(axis=2)
        variations.append(seconds.std(axis=1) / seconds.mean(axis=1))
        scaled = filtered / filtered.std(axis=1, keepdims=True)
        kurtoses.append(np.mean(scaled**4, axis=1))

    # Stationary Gaussian noise of this spectrum has 0.10 to 0.15, and 3.
    assert 0.28 < np.median(variations) < 0.63
    assert 3.3 < np.median(kurtoses) < 11


@pytest.mark.parametrize("seed", SEEDS)
def test_background_is_volume_conducted(
    background: dict[int, list[Array]], seed: int
) -> None:
    chain, homologous = [], []
    for data in background[seed]:
        r = correlations(band_pass(data, 0.7, 45))
        chain += [r[i, i + 1] for i in (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14)]
        homologous += [r[i, i + 4] for i in (0, 1, 2, 3, 8, 9, 10, 11)]

    # Independent electrodes have -0.5 in a chain, and 0 left to right.
    assert -0.07 < np.median(chain) < 0.55
    assert 0.1 < np.median(homologous) < 0.75


@pytest.mark.parametrize("seed", SEEDS)
def test_alpha_stands_out_over_the_back_of_the_head(
    background: dict[int, list[Array]], seed: int
) -> None:
    peaks = []
    for data in background[seed]:
        f, power = spectrum(data)
        mean = power[[3, 7, 11, 15]].mean(axis=0)
        used = ((f >= 2) & (f <= 40)) & ~((f >= 7) & (f <= 14))
        slope, level = np.polyfit(np.log(f[used]), np.log(mean[used]), 1)
        alpha = (f >= 8) & (f <= 13)
        excess = np.log(mean[alpha]) - (level + slope * np.log(f[alpha]))
        peaks.append(10 / np.log(10) * excess.max())

    assert 2.5 < np.median(peaks) < 14


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("label", ["cpsz", "gnsz", "absz", "tcsz", "spsz"])
def test_seizure_stands_out_as_real_ones_do(seed: int, label: str) -> None:
    ratios, lines = [], []
    for number in range(1, 4):
        event = Seizure(onset=15, duration=30, label=label)
        spec = ask(subject=number, duration=46, events=(event,))
        data = band_pass(bipolar(spec, seed=seed), 0.7, 45)
        before, during = data[:, : 14 * 256], data[:, 15 * 256 : 45 * 256]
        ratios.append(np.sort(during.std(axis=1) / before.std(axis=1))[-4:].mean())
        steps = [np.abs(np.diff(part)).mean(axis=1) for part in (during, before)]
        lines.append(np.sort(steps[0] / steps[1])[-4:].mean())

    assert 1.3 < np.median(ratios) < 18
    assert 1.2 < np.median(lines) < 20


@pytest.mark.parametrize("seed", SEEDS)
def test_focal_seizure_slows_down(seed: int) -> None:
    falls = []
    for number in range(1, 7):
        event = Seizure(onset=5, duration=45, label="cpsz")
        spec = ask(subject=number, duration=55, events=(event,))
        data = band_pass(bipolar(spec, seed=seed), 2, 12)
        thirds = (data[:, 5 * 256 : 20 * 256], data[:, 35 * 256 : 50 * 256])
        loud = np.argsort(thirds[1].std(axis=1))[-4:]
        centroids = []
        for third in thirds:
            f, power = spectrum(third[loud])
            centroids.append(np.mean((power * f).sum(axis=1) / power.sum(axis=1)))
        falls.append(np.log2(centroids[0] / centroids[1]))

    assert 0.2 < np.median(falls) < 1.2


@pytest.mark.parametrize("seed", SEEDS)
def test_focal_seizure_hardly_raises_the_correlation_of_channels(seed: int) -> None:
    changes = []
    upper = np.triu_indices(18, 1)
    for number in range(1, 7):
        event = Seizure(onset=20, duration=30, label="cpsz")
        spec = ask(subject=number, duration=55, events=(event,))
        data = band_pass(bipolar(spec, seed=seed), 0.7, 45)
        during, before = (
            np.median(np.abs(correlations(part)[upper]))
            for part in (data[:, 20 * 256 : 50 * 256], data[:, : 19 * 256])
        )
        changes.append(during - before)

    assert -0.1 < np.median(changes) < 0.13


def test_sleep_has_less_alpha_than_wakefulness() -> None:
    ratios = []
    for number in range(1, 7):
        shares = []
        for state in ("sleep", "awake"):
            data = bipolar(ask(subject=number, state=state), seed=8)
            f, power = spectrum(data[[3, 7, 11, 15]])
            low = power[:, (f >= 2) & (f < 7)].sum()
            shares.append(power[:, (f >= 8) & (f < 11.5)].sum() / low)
        ratios.append(shares[0] / shares[1])

    assert np.median(ratios) < 0.5


def test_no_second_comes_twice() -> None:
    # A block is 64 s of a periodic noise; 60 s of it are used before the next begins.
    data = band_pass(bipolar(ask(duration=130), seed=3), 1, 30)
    seconds = [data[:, s * 256 : (s + 4) * 256].ravel() for s in (0, 60, 64)]
    r = correlations(np.array(seconds))

    assert np.abs(r - np.eye(3)).max() < 0.3


def test_recordings_of_one_subject_differ() -> None:
    spec = ask(duration=4)
    first, second = (generate(spec, seed=0, run=run) for run in (1, 2))

    assert not np.array_equal(first.digital, second.digital)


# Bytes --------------------------------------------------------------------------------

CHILD = """
import hashlib, sys
from pathlib import Path
from bgb_fixtures.request.spec import load_spec
from bgb_fixtures.synthetic.recording import generate
spec = load_spec(sys.argv[1])
digest = hashlib.sha256()
for run, recording in enumerate(spec.recordings, 1):
    generated = generate(recording, seed=spec.seed, run=run, recipe=spec.recipe)
    digest.update(generated.digital.tobytes())
off = sys.argv[2].split()
if off:
    try:
        from numpy._core._multiarray_umath import __cpu_features__ as features
    except ImportError:
        from numpy.core._multiarray_umath import __cpu_features__ as features
    assert not any(features[name] for name in off), off
if len(sys.argv) > 3:
    from bgb_fixtures.build import build_fixture
    build_fixture(spec, sys.argv[3])
    print(hashlib.sha256(Path(sys.argv[3]).read_bytes()).hexdigest())
print(digest.hexdigest())
"""


def numpy_features() -> tuple[dict[str, bool], list[str]]:
    """Return what numpy knows of this processor, and what it dispatches to."""
    core = "numpy._core" if hasattr(np, "_core") else "numpy.core"  # numpy 1.26
    umath = importlib.import_module(f"{core}._multiarray_umath")
    features: dict[str, bool] = umath.__cpu_features__
    return features, [name for name in umath.__cpu_dispatch__ if features[name]]


FEATURES, DISPATCHED = numpy_features()


def run_child(
    *args: str, cwd: Path, env: dict[str, str], recipe: str = RECIPE
) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(FIXTURES / SPECS[recipe]), *args],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"PYTHONHASHSEED": "1"}, id="hash-seed"),
        pytest.param({"TZ": "Pacific/Chatham"}, id="time-zone"),
        pytest.param({"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}, id="locale"),
        pytest.param({"OPENBLAS_NUM_THREADS": "1"}, id="one-thread"),
        pytest.param({"OPENBLAS_CORETYPE": "Prescott"}, id="blas-prescott"),
        pytest.param({"OPENBLAS_CORETYPE": "Nehalem"}, id="blas-nehalem"),
        pytest.param(
            {"OPENBLAS_CORETYPE": "Haswell"},
            id="blas-haswell",
            marks=pytest.mark.skipif(
                not FEATURES.get("AVX2"), reason="this processor has no AVX2"
            ),
        ),
        pytest.param(
            {"OPENBLAS_CORETYPE": "SkylakeX"},
            id="blas-skylakex",
            marks=pytest.mark.skipif(
                not FEATURES.get("AVX512_SKX"), reason="this processor has no AVX-512"
            ),
        ),
    ],
)
def test_samples_are_the_same_in_another_environment(
    tmp_path: Path, env: dict[str, str]
) -> None:
    assert run_child("", cwd=tmp_path, env=env) == [SAMPLES[RECIPE]]


@pytest.mark.skipif(not DISPATCHED, reason="numpy dispatches nothing on this processor")
@pytest.mark.parametrize("recipe", RECIPES)
def test_samples_are_the_same_without_newer_cpu_features(
    tmp_path: Path, recipe: str
) -> None:
    # The child checks that they are off: numpy ignores a name that it does not know.
    off = " ".join(DISPATCHED)
    env = {"NPY_DISABLE_CPU_FEATURES": off, "OPENBLAS_CORETYPE": "Nehalem"}

    told = run_child(off, cwd=tmp_path, env=env, recipe=recipe)

    assert told == [SAMPLES[recipe]]


@pytest.mark.parametrize("recipe", RECIPES)
def test_samples_of_a_recipe_are_frozen(recipe: str) -> None:
    # Another digest is another recipe, and another content version of the fixtures.
    spec = load_synthetic(FIXTURES / SPECS[recipe])
    digest = hashlib.sha256()
    for run, recording in enumerate(spec.recordings, 1):
        generated = generate(recording, seed=0, run=run, recipe=recipe)
        digest.update(generated.digital.tobytes())

    assert digest.hexdigest() == SAMPLES[recipe]


def test_file_is_the_same_in_another_process_and_folder(tmp_path: Path) -> None:
    here = build_fixture(load_spec(FIXTURES / "tiny.toml"), tmp_path / "one.h5").path
    folder = tmp_path / "other"
    folder.mkdir()
    env = {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
    told, _ = run_child("", "two.h5", cwd=folder, env=env)

    assert told == hashlib.sha256(here.read_bytes()).hexdigest()


def test_margin_is_kept_and_recorded() -> None:
    generated = generate(ask(duration=10), seed=0)

    assert generated.recipe == RECIPE
    assert generated.salt == 0
    assert generated.margin in {2e-8, 2e-7, 2e-6, 2e-5}


def test_sample_too_close_to_a_rounding_border_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 5376 samples: the closest lies 1e-4 from a border on average.
    monkeypatch.setattr(recording_module, "LEAST_MARGIN", 2e-4)
    generated = generate(ask(duration=1), seed=0)

    assert generated.salt > 0
    assert generated.margin >= 2e-4


def test_only_the_noise_of_the_amplifier_depends_on_the_salt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = generate(ask(duration=1), seed=0)
    monkeypatch.setattr(recording_module, "LEAST_MARGIN", 2e-4)
    second = generate(ask(duration=1), seed=0)
    difference_uv = 0.125 * (first.digital.astype(float) - second.digital)

    assert 0.4 < difference_uv.std() < 1.0


# The source and the fixtures ----------------------------------------------------------


def request(*recordings: RecordingSpec, montage: str) -> SyntheticRequest:
    return SyntheticRequest(
        name="made",
        window_length=2.0,
        montage=find_montage(montage),
        profile=PROFILES["raw-1"],
        seed=4,
        recipe=RECIPE,
        recordings=recordings,
    )


def test_content_keeps_recipe_seed_salt_and_margin() -> None:
    two = request(
        listed(ask(duration=2)), listed(ask(duration=2, subject=2)), montage="10-20"
    )
    source = synthesise(two).source

    assert (source["recipe"], source["seed"]) == (RECIPE, 4)
    assert [set(kept) for kept in source["recordings"]] == [
        {"salt", "margin"},
        {"salt", "margin"},
    ]


def test_bipolar_rows_are_exact_differences() -> None:
    referential = synthesise(request(listed(ask(duration=2)), montage="10-20"))
    differences = synthesise(request(listed(ask(duration=2)), montage="double-banana"))
    (electrodes,), (rows,) = referential.signals, differences.signals
    names = list(referential.ch_names)

    assert np.array_equal(
        rows[0], electrodes[names.index("Fp1")] - electrodes[names.index("F7")]
    )
    assert np.array_equal(electrodes * 8, np.rint(electrodes * 8))


def test_generator_imports_numpy_only() -> None:
    code = (
        "import sys\n"
        "from bgb_fixtures.synthetic.recording import generate\n"
        "heavy = {'h5py', 'mne', 'edfio', 'torch', 'scipy', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "print([m for m in sys.modules if m.startswith('bgb_fixtures.build')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["[]", "[]"]
