"""The generator: its streams, its head, its labels, its statistics, and its bytes."""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
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
from bgb_fixtures.synthetic import ARTEFACT_KINDS, SEIZURE_TYPES
from bgb_fixtures.synthetic import recording as recording_module
from bgb_fixtures.synthetic.artefacts import add_artefact
from bgb_fixtures.synthetic.canvas import Canvas
from bgb_fixtures.synthetic.head import (
    ELECTRODES,
    REGIONS,
    direction,
    electrode_positions,
    mixing_matrix,
    patch,
)
from bgb_fixtures.synthetic.recording import generate
from bgb_fixtures.synthetic.scenario import Artefact, Seizure
from bgb_fixtures.synthetic.seizures import add_seizure
from bgb_fixtures.synthetic.streams import Streams, shaped_noise
from bgb_fixtures.synthetic.subject import make_subject

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.eeg.events import Event

    Array = npt.NDArray[np.float64]

FIXTURES = Path(__file__).parents[1] / "fixtures"
RAW = [13779750097198103699, 11282808226495437392, 1508054065566629531]
SEEDS = (11, 12, 13, 14, 15)
# Of the int16 arrays of every recording of tiny.toml, and of the file tiny.h5.
TINY_SAMPLES = "f0f5f88b33bef8606f6f158f434347a333e3df6000dd9a8879772f55decf435f"
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
) -> RecordingSpec:
    return RecordingSpec(
        subject=subject,
        split="train",
        duration=duration,
        events=events,
        windows=(0,),
        artefacts=artefacts,
        state=state,
    )


def bipolar(spec: RecordingSpec, *, seed: int) -> Array:
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
    streams = Streams.of_seed(5)
    before = streams.uniforms("a", 4)
    streams.normals("b", 100)

    assert np.array_equal(streams.uniforms("a", 4), before)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(Streams.of_seed(0), Streams.of_seed(1), id="seed"),
        pytest.param(
            Streams.of_seed(0).child("sub-1"),
            Streams.of_seed(0).child("sub-2"),
            id="subject",
        ),
    ],
)
def test_streams_of_different_names_differ(one: Streams, other: Streams) -> None:
    assert not np.array_equal(one.raw("x", 2), other.raw("x", 2))


def test_normals_have_mean_zero_and_variance_one() -> None:
    values = Streams.of_seed(0).normals("x", 200_000)

    assert abs(values.mean()) < 0.01
    assert abs(values.var() - 1) < 0.01


def test_uniforms_lie_in_the_half_open_interval() -> None:
    values = Streams.of_seed(0).uniforms("x", 100_000)

    assert values.min() >= 0
    assert values.max() < 1
    assert abs(values.mean() - 0.5) < 0.005


def test_shaped_noise_has_unit_variance_and_its_band_only() -> None:
    noise = shaped_noise(
        Streams.of_seed(0),
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
        Streams.of_seed(2).child("seizure"),
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


@pytest.mark.parametrize("kind", ARTEFACT_KINDS)
def test_artefact_lies_where_it_was_asked_for(kind: str) -> None:
    canvas = Canvas.blank(60 * 256)
    add_artefact(
        canvas,
        make_subject(seed=2, number=3),
        Streams.of_seed(2).child("artefact"),
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
    streams = Streams.of_seed(2)
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
        streams = Streams.of_seed(6).child(f"seizure-{number}")
        add_seizure(canvas, subject, streams, label="cpsz", start=256, stop=10 * 256)
        left, right = canvas.scalp_uv[[4, 15], : 5 * 256].std(axis=1)  # F7, F8
        sides.append(("L" if left > right else "R", subject.focus_side))

    assert {heard for heard, _ in sides} == {"L", "R"}
    assert all(heard == focus for heard, focus in sides)


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
    assert np.min(slopes) > 0.6
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
    digest.update(generate(recording, seed=spec.seed, run=run).digital.tobytes())
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


def run_child(*args: str, cwd: Path, env: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(FIXTURES / "tiny.toml"), *args],
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
    assert run_child("", cwd=tmp_path, env=env) == [TINY_SAMPLES]


@pytest.mark.skipif(not DISPATCHED, reason="numpy dispatches nothing on this processor")
def test_samples_are_the_same_without_newer_cpu_features(tmp_path: Path) -> None:
    # The child checks that they are off: numpy ignores a name that it does not know.
    off = " ".join(DISPATCHED)
    env = {"NPY_DISABLE_CPU_FEATURES": off, "OPENBLAS_CORETYPE": "Nehalem"}

    assert run_child(off, cwd=tmp_path, env=env) == [TINY_SAMPLES]


def test_samples_of_recipe_synthetic_1_are_frozen() -> None:
    # Another digest is another recipe: raise RECIPE and the content version.
    spec = load_synthetic(FIXTURES / "tiny.toml")
    digest = hashlib.sha256()
    for run, recording in enumerate(spec.recordings, 1):
        digest.update(generate(recording, seed=0, run=run).digital.tobytes())

    assert digest.hexdigest() == TINY_SAMPLES


def test_file_is_the_same_in_another_process_and_folder(tmp_path: Path) -> None:
    here = build_fixture(load_spec(FIXTURES / "tiny.toml"), tmp_path / "one.h5").path
    folder = tmp_path / "other"
    folder.mkdir()
    env = {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
    told, _ = run_child("", "two.h5", cwd=folder, env=env)

    assert told == hashlib.sha256(here.read_bytes()).hexdigest()


def test_margin_is_kept_and_recorded() -> None:
    generated = generate(ask(duration=10), seed=0)

    assert generated.recipe == "synthetic-1"
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
        recordings=recordings,
    )


def test_content_keeps_recipe_seed_salt_and_margin() -> None:
    two = request(ask(duration=2), ask(duration=2, subject=2), montage="10-20")
    source = synthesise(two).source

    assert (source["recipe"], source["seed"]) == ("synthetic-1", 4)
    assert [set(kept) for kept in source["recordings"]] == [
        {"salt", "margin"},
        {"salt", "margin"},
    ]


def test_bipolar_rows_are_exact_differences() -> None:
    referential = synthesise(request(ask(duration=2), montage="10-20"))
    differences = synthesise(request(ask(duration=2), montage="double-banana"))
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
