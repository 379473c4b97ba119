"""Recordings as other tools write them, from a file to a fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.edf import LSB_UV, edf_bytes
from support.requests import load_recorded, recorded

from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.errors import SourceError, SpecError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import spec_to_toml

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
    table = {"source": "edf", "window_length": 10, "per_kind": 1, **keys}
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
        pytest.param("reference", 3, "text matching", id="number"),
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
