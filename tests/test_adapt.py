"""Adapted fixtures: cut, resampled and re-referenced exactly, with labels from events."""

from __future__ import annotations

import json
import math
import pickle
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import ChannelNotFoundError, SpecError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.memory import fixture_in_memory
from bgb_fixtures.request.spec import parse_spec
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

CHAINS = MONTAGES["double-banana-16"]


def steps(n_windows: int, n_channels: int, n_times: int) -> npt.NDArray[np.float32]:
    """Make whole microvolts that tell window, channel and sample apart."""
    rng = np.random.default_rng(1)
    return rng.integers(-200, 200, (n_windows, n_channels, n_times)).astype(np.float32)


def fixture_of(
    *events: tuple[float, float, str],
    kind: str = "whole",
    seconds: float = 10,
    sfreq: float = 256,
    ch_names: tuple[str, ...] = MONTAGES["10-20"],
    path: Any = "made.h5",
) -> Fixture:
    """Make a fixture in microvolts: a window with events, and one of background."""
    n_times = round(seconds * sfreq)
    held = tuple(Event(onset=a, duration=b - a, label=c) for a, b, c in events)
    mask = np.zeros((2, n_times), np.uint8)
    for event in held:
        mask[
            0,
            round(event.onset * sfreq) : round((event.onset + event.duration) * sfreq),
        ] = 1
    share = mask[0].mean()
    category = "none" if share == 0 else "full" if share >= 0.99 else "partial"
    window: dict[str, Any] = {
        "split": "train", "subject": "sub-01", "n_clipped": 0, "onset": 100.0
    }  # fmt: skip
    content = Content(
        name="made",
        content_version=1,
        sfreq=sfreq,
        ch_names=ch_names,
        montage="10-20",
        unit="uV",
        profile={"name": "raw-1", "steps": ["float32"]},
        source={"name": "chbmit"},
        licence={
            "name": "CC0-1.0",
            "url": "https://example.org",
            "attribution": "",
            "redistributable": True,
            "changes": "windows of 10 s",
        },
        spec={"name": "made"},
        windows=(
            WindowRecord(
                id="win-01", category=category, kind=kind if held else "background",
                recording="rec-01", events=held, **window,
            ),
            WindowRecord(
                id="win-02", category="none", kind="background", recording="rec-02",
                events=(), **window,
            ),
        ),
        signals=steps(2, len(ch_names), n_times),
        labels=mask,
        scale=np.ones((2, len(ch_names)), np.float32),
        offset=np.zeros((2, len(ch_names)), np.float32),
    )  # fmt: skip
    return fixture_in_memory(content, path=path, digest="0" * 64)


@pytest.fixture(scope="module")
def smoke() -> Fixture:
    """Load the packaged fixture; do not write into it."""
    return load_fixture("smoke")


# Cutting


def test_windows_are_cut_from_the_start_and_the_rest_is_dropped(smoke: Fixture) -> None:
    adapted = smoke.adapt(window_length=25)
    assert adapted.signals.shape == (36, 19, 6400)
    assert np.array_equal(adapted.signals[1], smoke.signals[0, :, 6400:12800])
    assert np.array_equal(adapted.labels[1], smoke.labels[0, 6400:12800])
    assert [w.id for w in adapted.windows[:3]] == [
        "win-01.01",
        "win-01.02",
        "win-02.01",
    ]
    assert [w.onset for w in adapted.windows[:3]] == [
        smoke.windows[0].onset,
        smoke.windows[0].onset + 25,
        smoke.windows[1].onset,
    ]


def test_a_stride_of_the_window_length_is_no_stride() -> None:
    fixture = load_fixture("tiny")
    assert len(fixture.adapt(window_length=10, stride=10)) == len(fixture)


def test_a_stride_makes_windows_overlap_or_leaves_gaps() -> None:
    fixture = fixture_of((4, 6, "fnsz"))
    dense = fixture.adapt(window_length=4, stride=1.5)
    assert [w.onset for w in dense.windows[:5]] == [100, 101.5, 103, 104.5, 106]
    assert len(dense) == 10
    wide = fixture.adapt(window_length=2, stride=4)
    assert [w.onset for w in wide.windows[:3]] == [100, 104, 108]


def test_events_are_clipped_and_shifted_and_labels_follow() -> None:
    adapted = fixture_of((3, 7.5, "fnsz")).adapt(window_length=5)
    first, second = adapted.windows[:2]
    assert first.events == (Event(onset=3, duration=2, label="fnsz"),)
    assert second.events == (Event(onset=0, duration=2.5, label="fnsz"),)
    assert adapted.labels.sum(axis=1).tolist() == [512, 640, 0, 0]
    assert adapted.index.counts == {"none": 2, "partial": 2, "full": 0}


@pytest.mark.parametrize(
    ("length", "kinds"),
    [
        pytest.param(
            2, ["background", "onset", "ictal", "offset", "background"], id="2"
        ),
        pytest.param(5, ["onset", "offset"], id="5"),
        pytest.param(10, ["whole"], id="10"),
        pytest.param(
            1, ["background"] * 3 + ["ictal"] * 4 + ["background"] * 3, id="1"
        ),
    ],
)
def test_kinds_are_derived_again(length: float, kinds: list[str]) -> None:
    adapted = fixture_of((3, 7, "fnsz")).adapt(window_length=length)
    assert [w.kind for w in adapted.windows if w.recording == "rec-01"] == kinds


@pytest.mark.parametrize(
    ("kind", "events", "expected"),
    [
        pytest.param("onset", (8, 10, "fnsz"), ["background", "ictal"], id="goes on"),
        pytest.param(
            "offset", (0, 2, "fnsz"), ["ictal", "background"], id="began before"
        ),
        pytest.param("whole", (0, 10, "fnsz"), ["ictal", "ictal"], id="all of it"),
    ],
)
def test_what_lies_beyond_the_window_is_known_from_its_kind(
    kind: str, events: tuple[float, float, str], expected: list[str]
) -> None:
    adapted = fixture_of(events, kind=kind).adapt(window_length=2, stride=8)
    assert [w.kind for w in adapted.windows[:2]] == expected
    pieces = fixture_of(events, kind=kind).adapt(window_length=4, stride=6)
    kinds = [w.kind for w in pieces.windows[:2]]
    assert (
        kinds
        == {
            "onset": ["background", "onset"],
            "offset": ["offset", "background"],
            "whole": ["ictal", "ictal"],
        }[kind]
    )


def test_a_window_one_sample_shorter_than_the_seizure_is_full() -> None:
    fixture = fixture_of((0, 4, "fnsz"), kind="offset")
    adapted = fixture.adapt(window_length=1023 / 256)
    assert adapted.windows[0].category == "full"
    assert adapted.windows[1].category == "partial"
    assert adapted.labels[1].sum() == 1


def test_a_cut_at_the_border_of_a_seizure_separates_the_classes() -> None:
    adapted = fixture_of((5, 10, "fnsz"), kind="onset").adapt(window_length=5)
    assert [w.category for w in adapted.windows[:2]] == ["none", "full"]
    assert adapted.windows[0].events == ()


def test_artefacts_stay_where_the_spec_says(smoke: Fixture) -> None:
    row = next(i for i, w in enumerate(smoke.windows) if w.kind == "artefact")
    window = smoke.windows[row]
    spec = smoke.records.spec["recordings"][int(window.recording[4:]) - 1]
    spans = [
        (a["onset"] - window.onset, a["onset"] - window.onset + a["duration"])
        for a in spec["artefacts"]
    ]
    adapted = smoke.take([row]).adapt(window_length=2)
    for i, piece in enumerate(adapted.windows):
        held = any(b > 2 * i and a < 2 * i + 2 for a, b in spans)
        assert piece.kind == ("artefact" if held else "background")


def test_a_selection_is_adapted_as_the_whole_is(smoke: Fixture) -> None:
    whole = smoke.adapt(window_length=10, montage="tcp-20")
    part = smoke.select(split="dev").adapt(window_length=10, montage="tcp-20")
    rows = [i for i, w in enumerate(whole.windows) if w.split == "dev"]
    assert np.array_equal(part.signals, whole.signals[rows])
    assert [w.id for w in part.windows] == [whole.windows[i].id for i in rows]


# Rates


@pytest.mark.parametrize("rate", [128, 200, 250, 500, 512])
def test_resampling_is_that_of_scipy_over_the_whole_window(rate: int) -> None:
    from scipy.signal import resample_poly

    fixture = fixture_of((4, 6, "fnsz"))
    adapted = fixture.adapt(sfreq=rate, window_length=5)
    ratio = Fraction(rate, 256)
    # The last sample repeated on both sides, a whole number of seconds.
    padded = np.pad(fixture.signals[0].astype(float), ((0, 0), (256, 256)), mode="edge")
    whole = resample_poly(padded, ratio.numerator, ratio.denominator, axis=1)
    expected = whole[:, rate : rate + 10 * rate].astype(np.float32)
    assert adapted.signals.shape == (4, 19, 5 * rate)
    obtained = np.concatenate([adapted.signals[0], adapted.signals[1]], axis=1)
    np.testing.assert_allclose(obtained, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("rate", [100, 128, 200, 250, 300, 500, 512, 1024])
@pytest.mark.parametrize("old", [200, 250, 256, 300])
def test_labels_are_the_samples_whose_time_lies_in_an_event(
    rate: int, old: int
) -> None:
    start, stop = 3 * old + 7, 6 * old + 11
    fixture = fixture_of((start / old, stop / old, "cpsz"), sfreq=old)
    adapted = fixture.adapt(sfreq=rate, window_length=5)
    times = [Fraction(i, rate) for i in range(10 * rate)]
    expected = [Fraction(start, old) <= t < Fraction(stop, old) for t in times]
    assert adapted.labels[:2].reshape(-1).tolist() == [int(e) for e in expected]


def test_a_rate_above_twice_the_band_is_said_in_the_steps(smoke: Fixture) -> None:
    steps = smoke.take([0]).adapt(sfreq=512).records.profile["steps"]
    assert any("resample_poly from 256 to 512 Hz" in step for step in steps)


def test_a_band_pass_is_that_of_a_build() -> None:
    from bgb_fixtures.eeg.filter import BandPassedSignal
    from bgb_fixtures.eeg.signal import ArraySignal

    fixture = fixture_of((4, 6, "fnsz"))
    adapted = fixture.adapt(band_pass=(0.5, 40))
    inner = ArraySignal(fixture.signals[0].astype(float), sfreq=256)
    expected = BandPassedSignal(inner, (0.5, 40)).read(0, 2560)
    assert np.array_equal(adapted.signals[0], expected.astype(np.float32))


# Montages


def test_derivations_are_those_of_mne(smoke: Fixture) -> None:
    mne = pytest.importorskip("mne")
    row = smoke.take([0])
    adapted = row.adapt(montage="double-banana", profile="raw-1")
    info = mne.create_info(list(row.ch_names), 256, "eeg")
    electrodes = row.adapt(profile="raw-1").signals[0].astype(float)
    raw = mne.io.RawArray(electrodes, info, verbose="error")
    pairs = [name.split("-") for name in MONTAGES["double-banana"]]
    anodes, cathodes = [a for a, _ in pairs], [b for _, b in pairs]
    names = list(MONTAGES["double-banana"])
    derived = mne.set_bipolar_reference(
        raw, anodes, cathodes, ch_name=names, drop_refs=False, verbose="error"
    ).get_data(names)
    assert np.array_equal(adapted.signals[0], derived.astype(np.float32))


def test_microvolts_of_synthetic_eeg_are_those_that_were_generated(
    smoke: Fixture,
) -> None:
    adapted = smoke.adapt(profile="raw-1")
    on_grid = adapted.signals * 8
    clipped = np.abs(smoke.signals) >= 10
    assert np.array_equal(on_grid[~clipped], np.rint(on_grid)[~clipped])


def test_names_may_be_typed_in_any_case_and_both_systems(smoke: Fixture) -> None:
    row = smoke.take([0])
    one = row.adapt(montage=["T7-P7", "fp1-f7", "CZ"])
    other = row.adapt(montage=["T3-T5", "Fp1-F7", "Cz"])
    assert one.ch_names == ("T3-T5", "Fp1-F7", "Cz")
    assert np.array_equal(one.signals, other.signals)


def test_channels_can_be_named_in_the_10_10_system(smoke: Fixture) -> None:
    adapted = smoke.take([0]).adapt(montage="chbmit-18", names="10-10", profile="raw-1")
    assert adapted.ch_names[:4] == ("Fp1-F7", "F7-T7", "T7-P7", "P7-O1")
    again = adapted.adapt(montage=["F7-T3"])
    assert np.array_equal(again.microvolts(), adapted.microvolts()[:, 1:2])
    assert again.ch_names == ("F7-T7",)


def test_the_average_reference_sums_to_zero(smoke: Fixture) -> None:
    adapted = smoke.take([0]).adapt(montage="average", profile="raw-1")
    assert adapted.ch_names[0] == "Fp1-Avg"
    assert np.abs(adapted.signals.sum(axis=1)).max() < 0.01


def test_electrodes_cannot_be_computed_from_derivations(smoke: Fixture) -> None:
    banana = smoke.take([0]).adapt(montage="double-banana")
    message = r"fixture 'smoke' lacks Fp1, .* cannot be computed from differences"
    with pytest.raises(ChannelNotFoundError, match=message):
        banana.adapt(montage="10-20")


# Profiles


def test_a_cut_keeps_the_values_and_their_scale(smoke: Fixture) -> None:
    adapted = smoke.adapt(window_length=10)
    assert np.array_equal(adapted.scale[0], smoke.scale[0])
    assert np.array_equal(adapted.signals[:6, 0].reshape(-1), smoke.signals[0, 0])


def test_rescaled_windows_are_standardised_by_the_background_of_their_subject(
    smoke: Fixture,
) -> None:
    adapted = smoke.adapt(montage="tcp-20")
    subject = adapted.windows[0].subject
    rows = [i for i, w in enumerate(adapted.windows) if w.subject == subject]
    free = np.concatenate(
        [adapted.microvolts()[i][:, adapted.labels[i] == 0] for i in rows], axis=1
    )
    np.testing.assert_allclose(free.std(axis=1), adapted.scale[0], rtol=2e-3)
    np.testing.assert_allclose(free.mean(axis=1), adapted.offset[0], atol=0.2)


def test_a_recording_without_background_is_scaled_by_that_of_all() -> None:
    fixture = fixture_of((0, 10, "fnsz"), kind="ictal")
    adapted = fixture.adapt(profile="zscore-1")
    background = fixture.signals[1].astype(float)
    np.testing.assert_allclose(adapted.scale[0], background.std(axis=1), atol=1e-3)
    assert np.array_equal(adapted.scale[0], adapted.scale[1])


def test_clipped_samples_stay_counted(smoke: Fixture) -> None:
    adapted = smoke.adapt(window_length=20)
    n_clipped = sum(w.n_clipped for w in adapted.windows)
    assert n_clipped == int((np.abs(smoke.signals) >= 10).sum()) > 0


# Few windows


def test_a_balanced_choice_has_as_many_windows_of_each_class(smoke: Fixture) -> None:
    adapted = smoke.adapt(window_length=4, balanced=True)
    n_ictal = sum(w.category != "none" for w in adapted.windows)
    assert 2 * n_ictal == len(adapted)


def test_a_small_choice_has_both_classes_and_is_the_same_each_time(
    smoke: Fixture,
) -> None:
    one = smoke.adapt(window_length=4, n_windows=8, balanced=True)
    other = smoke.adapt(window_length=4, n_windows=8, balanced=True)
    assert [w.id for w in one.windows] == [w.id for w in other.windows]
    assert sum(w.category != "none" for w in one.windows) == 4
    assert len({w.subject for w in one.windows}) > 4


def test_two_windows_hold_both_classes(smoke: Fixture) -> None:
    adapted = smoke.adapt(window_length=1, n_windows=2)
    assert sorted(w.category == "none" for w in adapted.windows) == [False, True]


# Twice, and elsewhere


@settings(max_examples=30, deadline=None)
@given(
    first=st.sampled_from([2, 2.5, 5, 10]),
    second=st.sampled_from([0.5, 1, 1.25, 2.5]),
    montage=st.sampled_from([None, "tcp-20", "double-banana-16", "chbmit-18"]),
)
def test_two_steps_equal_one_where_the_algebra_is_exact(
    first: float, second: float, montage: str | None
) -> None:
    fixture = fixture_of((3.25, 7, "fnsz"))
    if first % second:
        second = first / 2
    twice = fixture.adapt(window_length=first, montage=montage).adapt(
        window_length=second
    )
    once = fixture.adapt(window_length=second, montage=montage)
    assert np.array_equal(twice.signals, once.signals)
    assert np.array_equal(twice.labels, once.labels)
    assert [(w.onset, w.category, w.kind, w.events) for w in twice.windows] == [
        (w.onset, w.category, w.kind, w.events) for w in once.windows
    ]


def test_an_adapted_fixture_pickles_with_its_arrays(smoke: Fixture) -> None:
    adapted = smoke.adapt(window_length=4, sfreq=200).take([0, 9, 10])
    again = pickle.loads(pickle.dumps(adapted))
    assert np.array_equal(again.signals, adapted.signals)
    assert again.windows == adapted.windows
    assert again.in_memory


def test_writing_into_an_adapted_fixture_changes_nothing_else(smoke: Fixture) -> None:
    adapted = smoke.take([0]).adapt(window_length=60)
    before = smoke.signals[0].copy()
    adapted.signals[:] = 0
    assert np.array_equal(smoke.signals[0], before)


def test_records_say_what_was_done_and_from_which_fixture(smoke: Fixture) -> None:
    records = smoke.adapt(window_length=4, sfreq=200, montage="tcp-20").records
    assert records.spec["adapted"] == [
        {
            "from": smoke.index.digest,
            "window_length": 4,
            "sfreq": 200,
            "montage": "tcp-20",
        }
    ]
    assert records.licence["changes"].endswith(
        "adapted: windows of 4 s at 200 Hz, montage tcp-20, profile zscore-1"
    )


def test_a_real_fixture_can_be_adapted(chbmit: Path, tmp_path: Path) -> None:
    request = parse_spec(
        {"source": "chbmit", "window_length": 10, "per_kind": 1}, where="test"
    )
    path = build_fixture(request, tmp_path / "real.h5", root=chbmit).path
    with load_fixture(path) as real:
        adapted = real.adapt(window_length=2, sfreq=200, montage="double-banana-16")
    assert adapted.signals.shape == (len(real) * 5, 16, 400)
    assert adapted.records.unit == "uV"
    assert {w.subject for w in adapted.windows} == {w.subject for w in real.windows}


# The command


def run(*words: str) -> Any:
    return CliRunner().invoke(main, list(words))


def test_the_command_writes_the_same_bytes_for_the_same_request(tmp_path: Path) -> None:
    files = [tmp_path / "a.h5", tmp_path / "b.h5"]
    options = ("--window-length", "2", "--sfreq", "200", "--montage", "tcp-20")
    for file in files:
        done = run("adapt", "tiny", *options, "--out", str(file))
        assert done.exit_code == 0, done.output
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "2 s at 200 Hz" in done.output
    proof = verify_fixture(files[0])
    with load_fixture(files[0]) as written, load_fixture("tiny") as tiny:
        adapted = tiny.adapt(window_length=2, sfreq=200, montage="tcp-20")
        assert np.array_equal(written.signals, adapted.signals)
        assert np.array_equal(written.labels, adapted.labels)
        assert written.windows == adapted.windows
        assert written.records == adapted.records
        assert written.records.spec["adapted"][0]["from"] == tiny.index.digest
    assert proof.digest == written.index.digest


def test_the_command_answers_scripts(tmp_path: Path) -> None:
    # Seizures of tiny lie at 4-10, 0-5 and 0-10 s of its first three windows.
    out = str(tmp_path / "a.h5")
    done = run("adapt", "tiny", "--window-length", "2", "--out", out, "--json")
    assert json.loads(done.stdout) == {
        "n_positive": 11,
        "n_windows": 25,
        "path": out,
        "replaced": False,
        "sfreq": 256.0,
        "shape": [25, 19, 512],
    }


def test_a_rate_of_0_is_refused_and_not_taken_for_none(tmp_path: Path) -> None:
    words = ["adapt", "tiny", "--window-length", "4", "--sfreq", "0"]
    result = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "a.h5")])
    assert result.exit_code == 1
    assert "sfreq" in result.stderr
    assert not (tmp_path / "a.h5").exists()


def test_the_command_without_a_change_is_wrong_usage(tmp_path: Path) -> None:
    done = run("adapt", "tiny", "--out", str(tmp_path / "a.h5"))
    assert done.exit_code == 2
    assert "nothing to adapt; pass an option such as --window-length 4" in done.output


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"window_length": 61},
            r"window_length: expected at most 60 s, .*smoke\.h5', got 61 s",
            id="longer than the window",
        ),
        pytest.param(
            {"window_length": 1.001},
            r"1\.001 s is not a whole number of samples at 256 Hz; the nearest are 1 "
            r"s and 1\.00390625 s",
            id="no whole number of samples",
        ),
        pytest.param(
            {"stride": 0.001},
            r"stride: 0\.001 s is not a whole number of samples at 256 Hz; the "
            r"nearest are 0\.00390625 s",
            id="stride below a sample",
        ),
        pytest.param(
            {"window_length": 0}, "window_length: expected seconds", id="zero"
        ),
        pytest.param(
            {"window_length": float("nan")}, "expected seconds greater than 0", id="NaN"
        ),
        pytest.param(
            {"sfreq": 0},
            r"^sfreq: expected a rate from 1 to 20000 Hz, got 0",
            id="no rate",
        ),
        pytest.param(
            {"sfreq": 20001}, r"a rate from 1 to 20000 Hz, got 20001", id="high rate"
        ),
        pytest.param({"sfreq": math.nan}, r"1 to 20000 Hz, got nan", id="nan rate"),
        pytest.param(
            {"sfreq": 257.123457},
            r"cannot resample 256\.0 Hz",
            id="no ratio of integers",
        ),
        pytest.param(
            {"montage": "tcp20"},
            r"unknown montage 'tcp20'; did you mean 'tcp-20'\? Montages: ",
            id="unknown montage",
        ),
        pytest.param(
            {"montage": ["Fp1-F9x"]}, "unknown electrode 'F9x'", id="unknown row"
        ),
        pytest.param(
            {"montage": ["Fz1"]},
            r"unknown electrode 'Fz1'; did you mean 'F",
            id="typed wrong",
        ),
        pytest.param({"montage": []}, "list of at least one row", id="no rows"),
        pytest.param(
            {"montage": ["Fp1", "FP1"]}, "'Fp1' is listed twice", id="a row twice"
        ),
        pytest.param({"montage": "tcp-22"}, "lacks A1-T3, T4-A2", id="ears"),
        pytest.param(
            {"profile": "raw"},
            "expected one of 'raw-1', 'zscore-1', got 'raw'",
            id="profile",
        ),
        pytest.param(
            {"profile": "brain-go-brr-3.1"}, "needs whole recordings", id="whole"
        ),
        pytest.param(
            {"band_pass": (1, 200)},
            "a band-pass filter needs 0 < low < high < 128 Hz",
            id="band",
        ),
        pytest.param(
            {"stride": 3},
            "stride needs a window_length shorter than the windows of the fixture",
            id="stride without cuts",
        ),
        pytest.param(
            {"n_windows": 0}, "n_windows: expected an integer from 1 to 18", id="none"
        ),
        pytest.param(
            {"n_windows": 19},
            "expected an integer from 1 to 18, got 19",
            id="too many",
        ),
        pytest.param(
            {"n_windows": 16, "balanced": True},
            "16 cannot be balanced",
            id="unbalanced",
        ),
        pytest.param(
            {"names": "10-5"}, "names: expected one of '10-20', '10-10'", id="names"
        ),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_line(
    smoke: Fixture, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((SpecError, ChannelNotFoundError), match=message) as caught:
        smoke.adapt(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--window-length 30",
            "--window-length: expected at most ",
        ),
        (
            "--n-windows 9",
            "--n-windows: expected an integer from 1",
        ),
        ("--stride 3", "--stride needs a --window-length shorter than the windows of "),
    ],
)
def test_the_command_names_the_option_of_a_wrong_value(
    words: str, message: str, tmp_path: Path
) -> None:
    done = run("adapt", "tiny", *words.split(), "--out", str(tmp_path / "a.h5"))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"Error: {message}")


def test_a_cut_that_leaves_no_seizure_is_refused() -> None:
    fixture = fixture_of((9, 10, "fnsz"), kind="onset")
    with pytest.raises(
        SpecError, match=r"no window with a seizure is left with windows of .* 4 s"
    ):
        fixture.adapt(window_length=4)


def test_background_alone_stays_background(smoke: Fixture) -> None:
    adapted = smoke.select(category="none").adapt(window_length=10)
    assert {w.category for w in adapted.windows} == {"none"}
    with pytest.raises(SpecError, match="balanced: expected windows with and without"):
        smoke.select(category="none").adapt(window_length=10, balanced=True)


def test_windows_of_a_whole_recording_profile_can_only_be_cut() -> None:
    fixture = fixture_of((4, 6, "fnsz"))
    fixture.records.profile["name"] = "brain-go-brr-3.1"
    assert len(fixture.adapt(window_length=5)) == 4
    with pytest.raises(SpecError, match="its windows can be cut, but not changed"):
        fixture.adapt(sfreq=128)
