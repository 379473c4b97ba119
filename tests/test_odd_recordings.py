"""Recordings as other tools write them, from a file to a fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.signal import resample_poly
from support.edf import LSB_UV, edf_bytes
from support.requests import load_recorded, recorded

from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.errors import ChannelNotFoundError, SourceError, SpecError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import load_spec, spec_to_toml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture

ELECTRODES = (
    *("Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz"),
    *("Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2"),
)
SFREQ = 64


def steps(n_signals: int, n_times: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return signals that rise by i + 1 steps a sample, from 0 to 999."""
    rise = np.arange(1, n_signals + 1)[:, None] * np.arange(n_times)
    return (rise % 1000).astype(np.int16)


def place(
    folder: Path,
    labels: Sequence[str] = ELECTRODES,
    *,
    name: str = "night",
    seconds: int = 60,
    seizure: tuple[float, float] = (22, 15),
    sfreq: int = SFREQ,
    **options: Any,
) -> None:
    """Write a recording with one seizure (onset, duration) in a table beside it."""
    folder.mkdir(exist_ok=True)
    digital = steps(len(labels), seconds * sfreq)
    raw = edf_bytes(labels, digital, sfreq=sfreq, **options)
    (folder / f"{name}.edf").write_bytes(raw)
    rows = f"{seizure[0]}\t{seizure[1]}\tsz\n"
    (folder / f"{name}.tsv").write_text(f"onset\tduration\teventType\n{rows}")


def build(folder: Path, **keys: Any) -> Fixture:
    """Build a fixture of windows of 10 s, and load it."""
    table = {"source": "edf", "window_length": 10, **keys}
    if "quotas" not in keys:
        table["per_kind"] = 1
    out = folder.parent / "out.h5"
    build_fixture(recorded(table), out, root=folder)
    return load_fixture(out)


def run(*arguments: str) -> str:
    """Return all that a command prints."""
    return CliRunner().invoke(main, list(arguments)).output


# Labels and references


def test_the_reference_electrode_is_a_row_of_zeros_and_the_records_say_so(
    tmp_path: Path,
) -> None:
    labels = [f"EEG {name}-Cz" for name in ELECTRODES if name != "Cz"]
    place(tmp_path / "in", labels)
    fixture = build(tmp_path / "in", montage=["Cz", "Cz-Pz", "Pz"], reference="Cz")
    assert not fixture.signals[:, 0].any()
    np.testing.assert_array_equal(fixture.signals[:, 1], -fixture.signals[:, 2])
    assert fixture.signals[:, 2].any()
    assert any(step.startswith("Cz: zero") for step in fixture.records.profile["steps"])
    assert fixture.records.spec["reference"] == "Cz"


def test_the_reference_electrode_is_not_interpolated(tmp_path: Path) -> None:
    place(tmp_path / "in", [f"EEG {name}-Cz" for name in ELECTRODES if name != "Cz"])
    with pytest.raises(ChannelNotFoundError, match=r"lacks Cz .* pass --reference Cz"):
        build(tmp_path / "in", missing="interpolate")


def test_a_reference_on_the_scalp_is_in_the_records(tmp_path: Path) -> None:
    place(tmp_path / "in", [f"EEG {name}-CPz" for name in ELECTRODES])
    fixture = build(tmp_path / "in", montage="10-20")
    assert fixture.records.source["assumptions"] == [
        "1 recording(s): electrodes are recorded against CPz"
    ]


def test_a_row_that_is_no_electrode_has_its_label_and_the_records_say_so(
    tmp_path: Path,
) -> None:
    place(tmp_path / "in", ["LA1", "LA2", "BTEleft SD"])
    fixture = build(tmp_path / "in", montage=["BTEleft SD", "LA2-LA1"])
    assert fixture.ch_names == ("BTEleft SD", "LA2-LA1")
    start = round(fixture.windows[0].onset * SFREQ)
    digital = steps(3, 60 * SFREQ)[:, start : start + 10 * SFREQ].astype(float)
    np.testing.assert_array_equal(fixture.signals[0, 0], digital[2] * LSB_UV)
    np.testing.assert_array_equal(
        fixture.signals[0, 1], (digital[1] - digital[0]) * LSB_UV
    )
    assert any("no electrode" in step for step in fixture.records.profile["steps"])


def test_a_fixture_of_such_rows_adapts_to_them(tmp_path: Path) -> None:
    place(tmp_path / "in", ["LA1", "LA2", "BTEleft SD"])
    fixture = build(tmp_path / "in", montage=["BTEleft SD", "LA1", "LA2"])
    adapted = fixture.adapt(montage=["LA1-LA2", "BTEleft SD"], window_length=5)
    assert adapted.ch_names == ("LA1-LA2", "BTEleft SD")
    np.testing.assert_array_equal(
        adapted.signals[0, 0], (fixture.signals[0, 1] - fixture.signals[0, 2])[:320]
    )
    with pytest.raises(
        ChannelNotFoundError, match=r"lacks LA3 .* BTEleft SD, LA1, LA2"
    ):
        fixture.adapt(montage=["LA3"])


def test_options_for_labels_are_keys_of_a_spec(tmp_path: Path) -> None:
    table = {
        "source": "edf",
        "label_format": "BIOLOGIC {electrode}",
        "reference": "cz",
        "montage": ["Cz-Pz"],
    }
    request = recorded(table)
    (tmp_path / "a.toml").write_text(spec_to_toml(request))
    assert load_recorded(tmp_path / "a.toml") == request
    assert (request.montage.label_format, request.montage.reference) == (
        "BIOLOGIC {electrode}",
        "Cz",
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param("label_format", "Fp1", r"\{electrode\} once", id="no-electrode"),
        pytest.param("reference", "REF", "expected the electrode", id="no-reference"),
        pytest.param("reference", 3, "1 to 32 characters of ASCII", id="number"),
    ],
)
def test_a_spec_with_a_bad_value_for_labels_is_refused(
    key: str, value: object, message: str
) -> None:
    with pytest.raises(SpecError, match=rf"^a test, {key}: .*{message}"):
        recorded({"source": "edf", key: value})


def test_the_form_of_labels_is_no_text_that_identifies_a_recording(
    tmp_path: Path,
) -> None:
    # 'BIOLOGIC' stands in every label of the file, and in the spec by request.
    place(tmp_path / "in", [f"BIOLOGIC {name}" for name in ELECTRODES])
    output = run(
        *("build", "--source", "edf", "--root", str(tmp_path / "in")),
        *("--window-length", "10", "--label-format", "BIOLOGIC {electrode}"),
        *("--out", str(tmp_path / "out.h5")),
    )
    assert "3 windows, 1 with a seizure" in output


# Units


def test_a_unit_that_the_header_does_not_name_is_stated_by_the_spec(
    tmp_path: Path,
) -> None:
    place(tmp_path / "in", unit=["?V", *["mV"] * 18])
    with pytest.raises(SourceError, match=r"signal 1 'Fp1', .* pass --unit uV"):
        build(tmp_path / "in", montage=["Fp1", "F3"])
    fixture = build(tmp_path / "in", montage=["Fp1", "F3"], unit="uV")
    start = round(fixture.windows[0].onset * SFREQ)
    # F3 rises twice as fast, and is in millivolts.
    assert fixture.signals[0, 0, 1] == (start + 1) % 1000 * LSB_UV
    assert fixture.signals[0, 1, 1] == 2 * (start + 1) % 1000 * LSB_UV * 1000
    assert fixture.records.source["assumptions"] == [
        "1 recording(s): the unit of channels whose header names none is that of the spec"
    ]
    assert fixture.records.spec["unit"] == "uV"


def test_a_unit_that_is_no_voltage_cannot_be_stated() -> None:
    with pytest.raises(SpecError, match=r"unit: expected one of 'uV', .* got 'Ohm'"):
        recorded({"source": "edf", "unit": "Ohm"})


# One recording that cannot be read


def add_contradiction(folder: Path, name: str) -> None:
    """Add a recording with two different channels of one name, and a seizure."""
    place(folder, [*ELECTRODES, "Fp1"], name=name)


def test_a_recording_that_contradicts_itself_is_left_out_and_reported(
    tmp_path: Path,
) -> None:
    # By its name it would be chosen first.
    add_contradiction(tmp_path / "in", "a")
    place(tmp_path / "in", name="b")
    out = tmp_path / "out.h5"
    request = recorded({"source": "edf", "window_length": 10})
    report = build_fixture(request, out, root=tmp_path / "in")
    (line,) = report.left_out
    assert "name the same channel but differ" in line
    assert "a.edf" in line
    assert {window.recording for window in report.windows} == {"rec-01"}
    (tmp_path / "in" / "a.edf").unlink()
    build_fixture(request, tmp_path / "without.h5", root=tmp_path / "in")
    assert out.read_bytes() == (tmp_path / "without.h5").read_bytes()


@pytest.mark.parametrize("profile", ["raw-1", "zscore-1"])
def test_a_spec_saved_after_a_recording_was_left_out_builds_the_same(
    tmp_path: Path, profile: str
) -> None:
    # Good, bad, good: what was read before the bad one is read again.
    place(tmp_path / "in", name="a", seizure=(22, 15))
    add_contradiction(tmp_path / "in", "b")
    place(tmp_path / "in", name="c", seizure=(22, 5))
    request = recorded({"source": "edf", "window_length": 10, "profile": profile})
    out, saved = tmp_path / "out.h5", tmp_path / "saved.toml"
    report = build_fixture(request, out, root=tmp_path / "in", save_spec=saved)
    assert len(report.left_out) == 1
    assert {window.recording for window in report.windows} == {"rec-01", "rec-02"}
    again = tmp_path / "again.h5"
    assert not build_fixture(load_spec(saved), again, root=tmp_path / "in").differing
    assert out.read_bytes() == again.read_bytes()


def test_a_strict_build_ends_at_a_recording_that_contradicts_itself(
    tmp_path: Path,
) -> None:
    add_contradiction(tmp_path / "in", "a")
    place(tmp_path / "in", name="b")
    request = recorded({"source": "edf", "window_length": 10})
    with pytest.raises(SourceError, match=r"differ, .* this recording \(--exclude\)"):
        build_fixture(request, tmp_path / "out.h5", root=tmp_path / "in", strict=True)
    assert not (tmp_path / "out.h5").exists()


def test_the_reason_is_the_error_where_no_other_recording_is_left(
    tmp_path: Path,
) -> None:
    add_contradiction(tmp_path / "in", "a")
    with pytest.raises(SourceError, match="name the same channel but differ"):
        build(tmp_path / "in")


def test_a_recording_can_be_left_out_by_name(tmp_path: Path) -> None:
    add_contradiction(tmp_path / "in", "a_Canary")
    place(tmp_path / "in", name="b")
    place(tmp_path / "in", name="c")
    request = recorded(
        {"source": "edf", "exclude": ["a_Canary.edf"], "window_length": 10}
    )
    out, saved = tmp_path / "out.h5", tmp_path / "saved.toml"
    build_fixture(request, out, root=tmp_path / "in", strict=True, save_spec=saved)
    assert b"Canary" not in out.read_bytes()
    fixture = load_fixture(out)
    assert fixture.records.source["assumptions"] == ["1 recording(s): left out by name"]
    assert load_recorded(saved).criteria.exclude == ("a_Canary.edf",)
    again = tmp_path / "again.h5"
    build_fixture(load_spec(saved), again, root=tmp_path / "in")
    assert out.read_bytes() == again.read_bytes()
    assert "out.h5: verified" in run("verify", str(out), "--spec", str(saved))


def test_a_recording_with_bad_annotations_can_be_left_out_by_name(
    tmp_path: Path,
) -> None:
    place(tmp_path / "in", name="a")
    place(tmp_path / "in", name="b")
    (tmp_path / "in" / "a.tsv").write_text("no table")
    request = recorded({"source": "edf", "exclude": ["a.edf"], "window_length": 10})
    report = build_fixture(
        request, tmp_path / "out.h5", root=tmp_path / "in", strict=True
    )
    assert report.n_problems == {"excluded": 1}


def test_a_name_that_no_recording_has_cannot_be_left_out(tmp_path: Path) -> None:
    place(tmp_path / "in", name="night")
    with pytest.raises(
        SpecError, match=r"no recording 'n1ght\.edf' .* mean 'night\.edf'"
    ):
        build(tmp_path / "in", exclude=["n1ght.edf"])


@pytest.mark.parametrize("names", ["a.edf", ["/a.edf"], ["a.edf", "a.edf"], [3]])
def test_names_to_leave_out_are_paths_below_the_root(names: object) -> None:
    with pytest.raises(SpecError, match="exclude: expected a list of different names"):
        recorded({"source": "edf", "exclude": names})


def test_a_checked_dry_run_prints_the_selection_that_a_build_takes(
    tmp_path: Path,
) -> None:
    add_contradiction(tmp_path / "in", "a")
    place(tmp_path / "in", name="b")
    arguments = (
        *("build", "--source", "edf", "--root", str(tmp_path / "in")),
        *("--window-length", "10", "--dry-run"),
    )
    assert "a.edf at " in run(*arguments)
    checked = run(*arguments, "--check")
    assert "a.edf at " not in checked
    assert "b.edf at " in checked
    assert "name the same channel but differ" in checked
    assert "checked: every window of the selection was read" in checked
    assert not list(tmp_path.glob("*.h5"))


def test_check_goes_with_a_dry_run() -> None:
    assert "--check applies to --dry-run" in run("build", "--check")


# What chose the windows of a saved spec


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"missing": "drop-window"}, id="drop-window"),
        pytest.param({"splits": ["train"]}, id="splits"),
        pytest.param({"missing": "interpolate"}, id="interpolate"),
        pytest.param({"montage": ["LA1", "Fp1-F7"]}, id="own-label"),
        pytest.param(
            {"label_format": "{electrode}", "reference": "FCz", "unit": "uV"},
            id="labels",
        ),
    ],
)
def test_a_saved_spec_reloads_whatever_chose_its_windows(
    tmp_path: Path, keys: dict[str, Any]
) -> None:
    place(tmp_path / "in", [*ELECTRODES, "LA1"], name="a")
    # By its name it would be chosen second.
    lacking = "Fp1" if "missing" in keys else ""
    labels = [name for name in (*ELECTRODES, "LA1") if name != lacking]
    place(tmp_path / "in", labels, name="b")
    request = recorded({"source": "edf", "window_length": 10, "per_kind": 1, **keys})
    out, saved = tmp_path / "out.h5", tmp_path / "saved.toml"
    build_fixture(request, out, root=tmp_path / "in", save_spec=saved)
    again = tmp_path / "again.h5"
    assert not build_fixture(load_spec(saved), again, root=tmp_path / "in").differing
    assert out.read_bytes() == again.read_bytes()
    assert "again.h5: verified" in run("verify", str(again), "--spec", str(saved))


# Rates that are no ratio of small integers


def test_a_rate_that_was_cut_off_is_read_as_the_one_that_is_asked_for(
    tmp_path: Path,
) -> None:
    # 85 samples in 0.33203125 s are 256 Hz; the header has room for 0.332031.
    place(tmp_path / "in", sfreq=85, seconds=180, duration="0.332031")
    fixture = build(tmp_path / "in", montage=["Fp1"], sfreq=256)
    starts = [round(window.onset * 256) for window in fixture.windows]
    for start, signal in zip(starts, fixture.signals, strict=True):
        # Samples as they are stored: nothing was resampled.
        expected = np.arange(start, start + 2560) % 1000 * LSB_UV
        np.testing.assert_array_equal(signal[0], expected)
    assert fixture.records.source["assumptions"] == [
        (
            "1 recording(s): 256.0001928 Hz in the header is read as 256 Hz, from where "
            "a ratio of integers leads to 256 Hz"
        )
    ]
    assert not any("resample" in step for step in fixture.records.profile["steps"])


def test_a_rate_with_a_large_ratio_is_resampled_as_scipy_does(tmp_path: Path) -> None:
    # 250 samples in 1.024 s are 244.140625 Hz.
    place(tmp_path / "in", ["Fp1", "F3"], sfreq=250, seconds=60, duration="1.024")
    fixture = build(tmp_path / "in", montage=["F3"], sfreq=256)
    stored = np.pad(steps(2, 250 * 60)[1] * LSB_UV, 15625, mode="edge")
    whole = resample_poly(stored, 16384, 15625)[16384:]
    for window, signal in zip(fixture.windows, fixture.signals, strict=True):
        start = round(window.onset * 256)
        np.testing.assert_allclose(signal[0], whole[start : start + 2560], atol=1e-3)
    assert "recordings of 244.141 Hz: scipy" in "".join(
        fixture.records.profile["steps"]
    )


@pytest.mark.parametrize(
    ("sfreq", "duration", "rate"),
    [
        pytest.param(85, "0.332031", r"256\.0001928", id="cut-off"),
        pytest.param(250, "1.024", r"244\.140625", id="clock-of-a-power-of-two"),
        pytest.param(32, "96", r"0\.3333333333", id="less-than-one-in-two-seconds"),
    ],
)
def test_without_a_rate_the_message_offers_one(
    tmp_path: Path, sfreq: int, duration: str, rate: str
) -> None:
    place(tmp_path / "in", sfreq=sfreq, duration=duration, seconds=180)
    with pytest.raises(SpecError, match=rf"at {rate} Hz, .* example --sfreq 256$"):
        build(tmp_path / "in")


def test_a_recording_without_a_rational_step_is_left_out(tmp_path: Path) -> None:
    # A second a day from 256 Hz, and the duration has room for another decimal.
    place(tmp_path / "in", name="a", sfreq=256, duration="1.00001")
    place(tmp_path / "in", name="b", sfreq=256)
    request = recorded({"source": "edf", "window_length": 10, "sfreq": 256})
    report = build_fixture(request, tmp_path / "out.h5", root=tmp_path / "in")
    (line,) = report.left_out
    assert "'a.edf', cannot resample 255.9974" in line
    assert {window.recording for window in report.windows} == {"rec-01"}


# EDF+D


def seconds_with_gaps() -> list[str]:
    """Return onsets of 60 records of a second: gaps of 10.5 s after 20 and 40 of them."""
    return [f"{second + 10.5 * (second // 20):g}" for second in range(60)]


def test_windows_between_gaps_are_read(tmp_path: Path) -> None:
    # The stretches are 0-20, 30.5-50.5 and 61-81 s; the seizure is in the last.
    place(tmp_path / "in", stamps=seconds_with_gaps(), seizure=(68, 6))
    fixture = build(tmp_path / "in", montage=["Fp1"], quotas={"whole": 1, "none": 2})
    assert [window.onset for window in fixture.windows] == [9, 39, 66]
    for second, signal in zip((9, 28.5, 45), fixture.signals, strict=True):
        stored = round(second * SFREQ)
        expected = np.arange(stored, stored + 10 * SFREQ) % 1000 * LSB_UV
        np.testing.assert_array_equal(signal[0], expected)
    ictal = np.flatnonzero(fixture.labels[2]) / SFREQ
    assert (ictal[0], ictal[-1]) == (2, 8 - 1 / SFREQ)


def test_gaps_between_records_of_two_seconds_are_where_the_stamps_say(
    tmp_path: Path,
) -> None:
    # The stretches are 0-40, 51-91 and 102-142 s, at 32 Hz.
    stamps = [f"{2 * record + 11 * (record // 20)}" for record in range(60)]
    place(tmp_path / "in", stamps=stamps, duration="2", seizure=(110, 6))
    fixture = build(tmp_path / "in", montage=["Fp1"], quotas={"whole": 1, "none": 2})
    assert [window.onset for window in fixture.windows] == [60, 108, 124]
    # Less the gaps before them; a second has 32 samples.
    for second, signal in zip((49, 86, 102), fixture.signals, strict=True):
        expected = np.arange(32 * second, 32 * second + 320) % 1000 * LSB_UV
        np.testing.assert_array_equal(signal[0], expected)
    ictal = np.flatnonzero(fixture.labels[1]) / 32
    assert (ictal[0], ictal[-1]) == (2, 8 - 1 / 32)


def test_windows_that_touch_a_gap_are_passed_over_and_a_dry_run_says_so(
    tmp_path: Path,
) -> None:
    place(tmp_path / "in", stamps=seconds_with_gaps(), seizure=(65, 10))
    output = run(
        *("build", "--source", "edf", "--root", str(tmp_path / "in"), "--dry-run"),
        *("--window-length", "10", "--montage", "Fp1", "--per-kind", "1"),
    )
    assert "in 1 recording: gap in the recording (EDF+D)" in output


def test_context_for_resampling_may_not_touch_a_gap_either(tmp_path: Path) -> None:
    place(tmp_path / "in", stamps=seconds_with_gaps(), seizure=(66, 10))
    keys = {"montage": ["Fp1"], "sfreq": 100, "window_length": 10}
    request = recorded({"source": "edf", "quotas": {"whole": 1, "none": 9}, **keys})
    with pytest.raises(SpecError, match=r"none 9 \(got [23]\)"):
        build_fixture(request, tmp_path / "out.h5", root=tmp_path / "in")


def test_a_profile_of_the_whole_recording_refuses_gaps(tmp_path: Path) -> None:
    place(tmp_path / "in", stamps=seconds_with_gaps(), seizure=(5, 10))
    with pytest.raises(SourceError, match=r"has gaps; use profile raw-1"):
        build(tmp_path / "in", profile="zscore-1")


def test_a_spec_saved_from_a_recording_with_gaps_builds_the_same(
    tmp_path: Path,
) -> None:
    place(tmp_path / "in", stamps=seconds_with_gaps(), seizure=(65, 10))
    request = recorded({"source": "edf", "window_length": 10, "montage": ["Fp1"]})
    out, saved = tmp_path / "out.h5", tmp_path / "saved.toml"
    build_fixture(request, out, root=tmp_path / "in", save_spec=saved)
    again = tmp_path / "again.h5"
    build_fixture(load_spec(saved), again, root=tmp_path / "in")
    assert out.read_bytes() == again.read_bytes()


def test_windows_around_a_gap_of_a_day_are_found(tmp_path: Path) -> None:
    # 8,640 windows of 10 s would lie in the gap.
    stamps = [f"{second + 86_400 * (second // 30)}" for second in range(60)]
    place(tmp_path / "in", stamps=stamps, seizure=(10, 6))
    fixture = build(tmp_path / "in", montage=["Fp1"], quotas={"whole": 1, "none": 2})
    assert [round(window.onset) for window in fixture.windows] == [8, 86433, 86443]
