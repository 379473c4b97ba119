"""Twins closer to their corpora: TUSZ 1.5, Siena, rates, names of cases, long recordings.

test_corpus.py has what holds for every layout, and the layouts in detail.
"""

from __future__ import annotations

import csv
import re
import tracemalloc
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyedflib
import pytest
from support.searched import search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.chbmit.corpus import ChbmitCorpus
from bgb_fixtures.corpora.siena.corpus import SienaCorpus
from bgb_fixtures.corpora.tusz.corpus import TuszCorpus
from bgb_fixtures.corpora.tusz.lbl import parse_lbl
from bgb_fixtures.corpora.tusz.tse import parse_tse
from bgb_fixtures.corpora.twin import CorpusReport, write_corpus
from bgb_fixtures.corpora.twin.pieces import cut, iter_pieces
from bgb_fixtures.corpora.twin.plan import plan_recordings
from bgb_fixtures.corpora.twin.rates import RATES, change_rate
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec
from bgb_fixtures.request.synthetic import RecordingSpec
from bgb_fixtures.synthetic.recording import generate
from bgb_fixtures.synthetic.scenario import Artefact

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures.corpora.twin.plan import PlannedRecording


@pytest.fixture(scope="module")
def old_tusz(tmp_path_factory: pytest.TempPathFactory) -> CorpusReport:
    """Write a twin of TUSZ 1.5 whose patients have 250, 256 and 400 Hz."""
    root = tmp_path_factory.mktemp("twins") / "tusz-1.5"
    return write_corpus(
        "tusz-1.5", root, n_recordings=6, duration=40, seed=2, rates=[250, 256, 400]
    )


@pytest.fixture(scope="module")
def siena(tmp_path_factory: pytest.TempPathFactory) -> CorpusReport:
    """Write a twin of Siena: three patients, one of each type."""
    root = tmp_path_factory.mktemp("twins") / "siena"
    return write_corpus("siena", root, n_recordings=7, duration=30, seed=2)


def truth(report: CorpusReport) -> dict[str, list[tuple[float, float, str]]]:
    return {
        r.name: [(e.onset, e.duration, e.label) for e in r.events]
        for r in report.recordings
    }


def spans_of(path: Path) -> list[tuple[float, float, str]]:
    """Return the seizures of an annotation file of TUSZ 1.5, united over channels."""
    parse = parse_lbl if path.suffix.startswith(".lbl") else parse_tse
    found: list[tuple[float, float, str]] = []
    spans = [s for s in parse(path).spans if s.label != "bckg"]
    for span in sorted(spans, key=lambda s: (s.start, -(s.stop or 0))):
        start, stop = float(span.start), float(span.stop or 0)
        if not found or start >= found[-1][1]:
            found.append((start, stop, span.label))
    return found


# TUSZ 1.5


def test_old_tusz_tree_has_the_names_of_the_corpus(old_tusz: CorpusReport) -> None:
    names = [
        path.relative_to(old_tusz.path).as_posix()
        for path in old_tusz.path.rglob("*.*")
        if path.name not in ("README.md", "synthetic.json")
    ]
    pattern = (
        r"edf/(train|dev)/(01_tcp_ar|02_tcp_le)/000/(9900000[0-9])/s001_2015_01_01/"
        r"\3_s001_t00[0-2]\.(edf|tse|tse_bi|lbl|lbl_bi)"
    )

    assert [name for name in names if not re.fullmatch(pattern, name)] == []
    assert len(names) == 5 * 6
    assert {r.split for r in old_tusz.recordings} == {"train", "dev"}


def test_old_tusz_annotation_files_say_the_same_seizures(
    old_tusz: CorpusReport,
) -> None:
    for recording in old_tusz.recordings:
        edf = old_tusz.path / recording.name
        typed = [(e.onset, e.onset + e.duration, e.label) for e in recording.events]
        plain = [(start, stop, "seiz") for start, stop, _ in typed]

        assert spans_of(edf.with_suffix(".tse")) == typed
        assert spans_of(edf.with_suffix(".tse_bi")) == plain
        assert spans_of(edf.with_suffix(".lbl")) == typed
        assert spans_of(edf.with_suffix(".lbl_bi")) == plain


def test_old_tusz_tse_covers_the_recording_without_a_gap(
    old_tusz: CorpusReport,
) -> None:
    for path in old_tusz.path.rglob("*.tse*"):
        head, empty, *rows = path.read_text(encoding="ascii").splitlines()
        assert (head, empty) == ("version = tse_v1.0.0", "")
        borders = [row.split()[:2] for row in rows]
        assert borders[0][0] == "0.0000"
        assert borders[-1][1] == "40.0000"
        assert all(one[1] == other[0] for one, other in pairwise(borders))


def test_old_tusz_is_read_as_it_was_written(old_tusz: CorpusReport) -> None:
    found = {
        r.name: [(e.onset, e.duration, e.label) for e in r.events]
        for r in search(TuszCorpus, old_tusz.path).recordings()
    }

    assert found == truth(old_tusz)


@pytest.mark.parametrize("kept", [".tse", ".tse_bi", ".lbl", ".lbl_bi"])
def test_old_tusz_is_read_from_each_kind_of_file_alone(
    kept: str, tmp_path: Path
) -> None:
    report = write_corpus("tusz-1.5", tmp_path / "t", n_recordings=1, duration=20)
    for path in report.path.rglob("*.*"):
        if path.suffix in {".tse", ".tse_bi", ".lbl", ".lbl_bi"} - {kept}:
            path.unlink()

    (recording,) = search(TuszCorpus, report.path).recordings()

    (event,) = report.recordings[0].events
    assert [(e.onset, e.duration) for e in recording.events] == [
        (event.onset, event.duration)
    ]


# Rates


def test_patients_take_rates_in_turn(old_tusz: CorpusReport) -> None:
    rates = {r.name.split("/")[4]: r.sfreq for r in old_tusz.recordings}

    assert sorted(rates.values()) == [250, 256, 400]
    for recording in old_tusz.recordings:
        with pyedflib.EdfReader(str(old_tusz.path / recording.name)) as edf:
            assert edf.getSampleFrequencies()[0] == recording.sfreq
            assert edf.getNSamples()[0] == 40 * recording.sfreq
            # Electrodes and the electrocardiogram; trends have 1 Hz.
            assert set(edf.getSampleFrequencies()) <= {recording.sfreq, 1}


def test_borders_of_seizures_are_samples_at_every_rate(
    old_tusz: CorpusReport,
) -> None:
    times = [
        time
        for r in old_tusz.recordings
        for e in r.events
        for time in (e.onset, e.duration)
    ]

    assert times
    assert all(time * rate == int(time * rate) for time in times for rate in RATES)


def test_a_fixture_takes_recordings_of_all_rates(
    old_tusz: CorpusReport, tmp_path: Path
) -> None:
    spec = {"source": "tusz", "window_length": 10, "sfreq": 256, "per_kind": 3}
    build_fixture(parse_spec(spec, where="test"), tmp_path / "a.h5", root=old_tusz.path)

    fixture = load_fixture(tmp_path / "a.h5")
    assert fixture.signals.shape[1:] == (19, 2560)
    assert fixture.records.source["synthetic"]["layout"] == "tusz-1.5"


@pytest.mark.parametrize("sfreq", [250, 400, 512])
@pytest.mark.parametrize("hz", [0.5, 10, 47, 80])
def test_another_rate_keeps_a_sine_to_two_steps(sfreq: int, hz: float) -> None:
    def sine(rate: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        wave: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = 8000 * np.sin(
            2 * np.pi * hz * np.arange(20 * rate) / rate
        )
        return wave

    digital = np.rint(sine(256)).astype(np.int16)[None]

    (resampled,) = change_rate(digital, sfreq)

    inner = slice(sfreq, -sfreq)
    assert resampled.shape == (20 * sfreq,)
    assert np.abs(resampled - sine(sfreq))[inner].max() < 3


@pytest.mark.parametrize("sfreq", RATES)
@pytest.mark.parametrize("value", [-32768, -1, 0, 1, 4095, 32767])
def test_another_rate_keeps_a_constant_exactly(sfreq: int, value: int) -> None:
    digital = np.full((2, 512), value, np.int16)

    np.testing.assert_array_equal(
        change_rate(digital, sfreq), np.full((2, 2 * sfreq), value, np.int16)
    )


def test_another_rate_clips_what_leaves_the_16_bits() -> None:
    digital = np.full((1, 512), -32768, np.int16)
    digital[0, 200:] = 32767

    (resampled,) = change_rate(digital, 512)

    # It rings to either side, and does not wrap round.
    assert resampled[:380].max() < 0 < resampled[420:].min()


# Siena


def test_siena_tree_has_the_names_of_the_database(siena: CorpusReport) -> None:
    names = {p.relative_to(siena.path).as_posix() for p in siena.path.rglob("*.*")}

    assert names == {
        "PN81/PN81-1.edf", "PN81/PN81-2.edf", "PN81/PN81-3.edf",
        "PN81/Seizures-list-PN81.txt",
        "PN82/PN82-1.edf", "PN82/PN82-2.edf", "PN82/Seizures-list-PN82.txt",
        "PN83/PN83-1.edf", "PN83/PN83-2.edf", "PN83/Seizures-list-PN83.txt",
        "README.md", "SHA256SUMS.txt", "subject_info.csv", "synthetic.json",
    }  # fmt: skip


def test_siena_is_read_as_it_was_written(siena: CorpusReport) -> None:
    found = search(SienaCorpus, siena.path)

    assert {
        r.name: [(e.onset, e.duration, e.label) for e in r.events]
        for r in found.recordings()
    } == truth(siena)
    assert found.problems == ()


def test_every_recording_of_siena_holds_a_seizure_of_the_type_of_its_patient(
    siena: CorpusReport,
) -> None:
    types: dict[str, set[str]] = {}
    for recording in siena.recordings:
        assert recording.events
        patient = recording.name.split("/")[0]
        types.setdefault(patient, set()).update(e.label for e in recording.events)

    assert types == {"PN81": {"cpsz"}, "PN82": {"spsz"}, "PN83": {"fnsz"}}
    with (siena.path / "subject_info.csv").open(encoding="ascii") as file:
        rows = {row["patient_id"]: row for row in csv.DictReader(file)}
    assert [row["seizure"] for row in rows.values()] == ["IAS", "WIAS", "FBTC"]
    for patient, row in rows.items():
        listed = siena.path / patient / f"Seizures-list-{patient}.txt"
        text = listed.read_text(encoding="ascii")
        assert text.count("Seizure n ") == int(row["number_seizures"])


def test_siena_has_19_electrodes_at_512_hz(siena: CorpusReport) -> None:
    with pyedflib.EdfReader(str(siena.path / "PN81" / "PN81-1.edf")) as edf:
        assert edf.getSignalLabels() == [
            "EEG Fp1", "EEG F3", "EEG C3", "EEG P3", "EEG O1", "EEG F7", "EEG T3",
            "EEG T5", "EEG Fz", "EEG Cz", "EEG Pz", "EEG Fp2", "EEG F4", "EEG C4",
            "EEG P4", "EEG O2", "EEG F8", "EEG T4", "EEG T6", "MK",
        ]  # fmt: skip
        assert set(edf.getSampleFrequencies()) == {512}


def test_siena_builds_a_fixture_that_says_synthetic(
    siena: CorpusReport, tmp_path: Path
) -> None:
    spec = {"source": "siena", "window_length": 10}
    build_fixture(parse_spec(spec, where="test"), tmp_path / "a.h5", root=siena.path)

    records = load_fixture(tmp_path / "a.h5").records
    assert records.source["synthetic"]["layout"] == "siena"
    assert records.licence["name"] == "CC0-1.0"


# Names of cases


def test_cases_have_the_names_that_were_asked_for(tmp_path: Path) -> None:
    report = write_corpus(
        "chbmit",
        tmp_path / "c",
        n_recordings=5,
        duration=20,
        cases=["chb01", "chb21"],
    )

    assert [r.name for r in report.recordings] == [
        "chb01/chb01_01.edf", "chb01/chb01_02.edf", "chb01/chb01_03.edf",
        "chb21/chb21_01.edf", "chb21/chb21_02.edf",
    ]  # fmt: skip
    assert (report.path / "chb21" / "chb21-summary.txt").is_file()
    assert "--cases chb01,chb21" in (report.path / "README.md").read_text()
    found = search(ChbmitCorpus, report.path).recordings()
    assert {r.name: [(e.onset, e.duration) for e in r.events] for r in found} == {
        r.name: [(e.onset, e.duration) for e in r.events] for r in report.recordings
    }


def test_cases_of_siena_have_the_names_that_were_asked_for(tmp_path: Path) -> None:
    report = write_corpus(
        "siena", tmp_path / "s", n_recordings=2, duration=20, cases=["PN00", "PN13"]
    )

    assert [r.name for r in report.recordings] == ["PN00/PN00-1.edf", "PN13/PN13-1.edf"]
    assert len(search(SienaCorpus, report.path).recordings()) == 2


# Long recordings


def plan(duration: int, *, n: int = 6, seed: int = 0) -> tuple[PlannedRecording, ...]:
    return plan_recordings(
        n_recordings=n,
        duration=duration,
        seed=seed,
        splits=("train", "dev", "eval"),
        steps_per_s=16,
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("duration", [301, 960, 1800, 3600])
def test_no_seizure_or_artefact_lies_on_a_border_between_pieces(
    duration: int, seed: int
) -> None:
    for planned in plan(duration, n=12, seed=seed):
        borders = cut(planned.spec)

        assert borders[0] == 0
        assert borders[-1] == duration
        assert all(60 <= stop - start <= 600 for start, stop in pairwise(borders))
        for border in borders[1:-1]:
            for event in planned.spec.events:
                # The slowing after a seizure lasts for up to a minute.
                assert not (
                    event.onset < border + 4
                    and border < event.onset + event.duration + 60
                )
            for artefact in planned.spec.artefacts:
                assert not (
                    artefact.onset < border + 4
                    and border < artefact.onset + artefact.duration
                )


def test_a_border_that_falls_into_a_seizure_waits_for_a_minute_after_it() -> None:
    spec = RecordingSpec(
        subject=1,
        split="train",
        duration=900.0,
        events=(Event(onset=200.0, duration=50.5, label="fnsz"),),
        artefacts=(Artefact(onset=311.0, duration=5.0, kind="blink"),),
        windows=(),
    )

    # 240 s is in the seizure; from 311 s on the artefact is in the way, up to 316 s.
    assert cut(spec) == [0, 316, 556, 796, 900]


def test_a_recording_of_five_minutes_is_the_one_that_the_generator_gives() -> None:
    (planned, *_) = plan(300, n=1)

    (piece,) = iter_pieces(planned)

    np.testing.assert_array_equal(
        piece, generate(planned.spec, seed=0, run=planned.take + 1).digital
    )


def test_pieces_of_a_long_recording_join_without_a_step() -> None:
    (planned, *_) = plan(700, n=1, seed=5)
    borders = cut(planned.spec)

    pieces = list(iter_pieces(planned))

    assert [piece.shape[1] / 256 for piece in pieces] == [
        stop - start for start, stop in pairwise(borders)
    ]
    whole = np.concatenate(pieces, axis=1).astype(np.int64)
    steps = np.abs(np.diff(whole, axis=1))
    for border in borders[1:-1]:
        at = border * 256
        # No larger than around it, from sample to sample and in its power.
        around = steps[:, at - 5 * 256 : at + 9 * 256]
        assert (
            steps[:, at - 2 : at + 2] <= np.quantile(around, 0.999, axis=1)[:, None]
        ).all()
        faded, before = (
            np.diff(whole[:19, start * 256 : (start + 4) * 256]).std()
            for start in (border, border - 4)
        )
        assert 0.6 < faded / before < 1.7


def test_seizures_of_a_long_recording_are_where_the_annotations_say(
    tmp_path: Path,
) -> None:
    report = write_corpus("chbmit", tmp_path / "c", n_recordings=1, duration=700)
    (recording,) = report.recordings
    with pyedflib.EdfReader(str(report.path / recording.name)) as edf:
        data = np.stack([edf.readSignal(i) for i in range(23)])

    assert data.shape == (23, 700 * 256)
    power = np.diff(data).reshape(23, -1)[:, : 699 * 256].reshape(23, 699, 256)
    per_second = (power**2).mean(axis=(0, 2))
    ictal = np.zeros(699, bool)
    for event in recording.events:
        ictal[int(event.onset) + 1 : int(event.onset + event.duration)] = True
    assert np.median(per_second[ictal]) > 1.5 * np.median(per_second[~ictal])


def test_memory_does_not_grow_with_the_length_of_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silence(spec: RecordingSpec, **_: object) -> SimpleNamespace:
        n_times = int(spec.duration) * 256
        return SimpleNamespace(digital=np.zeros((21, n_times), np.int16))

    monkeypatch.setattr("bgb_fixtures.corpora.twin.pieces.generate", silence)
    peaks = []
    # The EDF file of half an hour at 512 Hz has 41 MB, and a piece of it 5 to 7 MB.
    for duration in (600, 1800):
        tracemalloc.start()
        write_corpus(
            "tusz",
            tmp_path / f"{duration}",
            n_recordings=1,
            duration=duration,
            rates=[512],
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.4 * peaks[0] < 90e6
