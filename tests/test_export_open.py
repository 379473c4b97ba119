"""Exports in formats of everybody, read back by the libraries of those formats."""

from __future__ import annotations

import csv
import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mne
import numpy as np
import pyedflib
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
from support.searched import search

from bgb_fixtures.corpora.bids.corpus import BidsCorpus
from bgb_fixtures.edf.annotations import read_edf_annotations
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import SpecError
from bgb_fixtures.export import export_fixture
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bgb_fixtures.format.content import Content

SZCORE_19 = [
    "Fp1-Avg", "F3-Avg", "C3-Avg", "P3-Avg", "O1-Avg", "F7-Avg", "T3-Avg", "T5-Avg",
    "Fz-Avg", "Cz-Avg", "Pz-Avg", "Fp2-Avg", "F4-Avg", "C4-Avg", "P4-Avg", "O2-Avg",
    "F8-Avg", "T4-Avg", "T6-Avg",
]  # fmt: skip
# Row 6 of smoke: two seizures, nothing clipped.
ROW = 6
EDF_NAME = "train/win-07.edf"
BIDS_STEM = "sub-04/ses-01/eeg/sub-04_ses-01_task-szMonitoring_run-01"
BIDS_BACKGROUND = "sub-04/ses-01/eeg/sub-04_ses-01_task-szMonitoring_run-02"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The packaged fixture in the open formats; do not change it."""
    folder = tmp_path_factory.mktemp("open")
    return {
        name: export_fixture("smoke", name, folder / name).path
        for name in ("edf", "bids", "safetensors")
    }


@pytest.fixture
def make_window(
    make_content: Callable[..., Content], tmp_path: Path
) -> Callable[..., Path]:
    """Write a fixture of one window of 2 s of electrodes with the seizures given."""

    def make(spans: Sequence[tuple[int, int]] = ((128, 512),), **changes: Any) -> Path:
        sfreq = changes.get("sfreq", 256.0)
        n_times = changes.pop("n_times", 512)
        ch_names = changes.get("ch_names", MONTAGES["10-20"])
        labels = np.zeros((1, n_times), np.uint8)
        for start, stop in spans:
            labels[0, start:stop] = 1
        window = WindowRecord(
            id="w0",
            category="partial",
            kind="whole",
            split="train",
            subject="sub-01",
            recording="rec-01",
            onset=0.0,
            n_clipped=0,
            events=tuple(
                Event(onset=a / sfreq, duration=(b - a) / sfreq, label="fnsz")
                for a, b in spans
            ),
        )
        shape = (1, len(ch_names))
        rng = np.random.default_rng(0)
        content = make_content(
            **{
                "windows": (window,),
                "labels": labels,
                "ch_names": ch_names,
                "unit": "uV",
                "profile": {"name": "raw-1", "steps": ["-"]},
                "signals": rng.normal(0, 30, (*shape, n_times)).astype(np.float32),
                "scale": np.ones(shape, np.float32),
                "offset": np.zeros(shape, np.float32),
            }
            | changes
        )
        return write_fixture(content, tmp_path / "made.h5")

    return make


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="ascii") as file:
        return list(csv.DictReader(file, delimiter="\t"))


# safetensors


def test_safetensors_library_reads_all_arrays(exports: dict[str, Path]) -> None:
    fixture = load_fixture()

    got = safetensors.numpy.load_file(exports["safetensors"] / "windows.safetensors")

    assert sorted(got) == ["labels", "offset", "scale", "signals"]
    np.testing.assert_array_equal(got["signals"], fixture.signals)
    np.testing.assert_array_equal(got["labels"], fixture.labels)
    np.testing.assert_array_equal(got["scale"], fixture.scale)
    np.testing.assert_array_equal(got["offset"], fixture.offset)


def test_safetensors_for_torch_have_their_dtypes(exports: dict[str, Path]) -> None:
    got = safetensors.torch.load_file(exports["safetensors"] / "windows.safetensors")

    assert {name: str(tensor.dtype) for name, tensor in got.items()} == {
        "labels": "torch.uint8",
        "offset": "torch.float32",
        "scale": "torch.float32",
        "signals": "torch.float32",
    }


def test_safetensors_metadata_say_what_it_is(exports: dict[str, Path]) -> None:
    path = exports["safetensors"] / "windows.safetensors"

    with safetensors.safe_open(path, "np") as file:
        metadata = file.metadata()

    assert sorted(metadata) == [
        "ch_names", "content_version", "digest", "montage", "name", "records", "sfreq",
        "unit",
    ]  # fmt: skip
    assert json.loads(metadata["ch_names"])[:3] == ["Fp1", "F3", "C3"]
    assert (metadata["name"], metadata["sfreq"], metadata["unit"]) == (
        "smoke",
        "256.0",
        "1",
    )
    assert metadata["digest"] == load_fixture().index.digest
    assert json.loads(metadata["records"])["windows"][ROW]["events"] == [
        {"onset": 12.0, "duration": 9.5, "label": "absz"},
        {"onset": 40.0, "duration": 1.5, "label": "mysz"},
    ]


def test_safetensors_begin_on_a_multiple_of_eight(exports: dict[str, Path]) -> None:
    with (exports["safetensors"] / "windows.safetensors").open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length)

    assert length % 8 == 0
    assert header.startswith(b'{"__metadata__":{')


def test_safetensors_of_a_selection_hold_its_windows(tmp_path: Path) -> None:
    chosen = load_fixture().select(category="partial")

    export_fixture(chosen, "safetensors", tmp_path / "out")

    got = safetensors.numpy.load_file(tmp_path / "out" / "windows.safetensors")
    assert got["signals"].shape == (5, 19, 15360)
    np.testing.assert_array_equal(got["labels"], chosen.labels)


# edf


def test_edf_has_a_file_per_window(exports: dict[str, Path]) -> None:
    names = [p.relative_to(exports["edf"]).as_posix() for p in exports["edf"].rglob("*.edf")]  # fmt: skip

    assert len(names) == 18
    assert {name.split("/")[0] for name in names} == {"train", "dev"}
    assert EDF_NAME in names


def test_edf_is_edf_plus_without_gaps(exports: dict[str, Path]) -> None:
    head = (exports["edf"] / EDF_NAME).read_bytes()[:256]

    assert head[192:197] == b"EDF+C"
    assert head[8:88].rstrip() == b"X X X X"
    assert head[88:168].rstrip() == b"Startdate 01-JAN-2015 X X X"


def test_edf_annotations_are_the_seizures(exports: dict[str, Path]) -> None:
    with pyedflib.EdfReader(str(exports["edf"] / EDF_NAME)) as edf:
        onsets, durations, texts = edf.readAnnotations()

    assert onsets.tolist() == [12.0, 40.0]
    assert durations.tolist() == [9.5, 1.5]
    assert texts.tolist() == ["absz", "mysz"]


def test_edf_without_a_seizure_is_background_from_start_to_end(
    exports: dict[str, Path],
) -> None:
    with pyedflib.EdfReader(str(exports["edf"] / "train/win-08.edf")) as edf:
        onsets, durations, texts = edf.readAnnotations()

    assert (onsets.tolist(), durations.tolist(), texts.tolist()) == (
        [0.0],
        [60.0],
        ["bckg"],
    )


def test_edf_samples_are_on_the_grid_and_where_the_fixture_has_them(
    exports: dict[str, Path],
) -> None:
    with pyedflib.EdfReader(str(exports["edf"] / EDF_NAME)) as edf:
        data_uv = np.stack([edf.readSignal(i) for i in range(19)])
        labels = edf.getSignalLabels()

    assert labels[:3] == ["EEG Fp1", "EEG F3", "EEG C3"]
    assert (data_uv % 0.125 == 0).all()
    # zscore-1 rounds to 2^-12 of a scale, which is below 100 uV.
    np.testing.assert_allclose(data_uv, load_fixture().microvolts()[ROW], atol=0.0125)


def test_edf_is_read_by_mne_with_channels_and_seizures(
    exports: dict[str, Path],
) -> None:
    raw = mne.io.read_raw_edf(exports["edf"] / EDF_NAME, infer_types=True)

    assert tuple(raw.ch_names) == MONTAGES["10-20"]
    assert raw.annotations.description.tolist() == ["absz", "mysz"]
    assert raw.annotations.onset.tolist() == [12.0, 40.0]
    np.testing.assert_allclose(
        raw.get_data() * 1e6, load_fixture().microvolts()[ROW], atol=0.0125
    )


@pytest.mark.parametrize(
    "span",
    [
        pytest.param((1, 2), id="second-sample"),
        pytest.param((3, 509), id="off-tenths-of-ms"),
        pytest.param((0, 501), id="from-the-first"),
        pytest.param((511, 512), id="last"),
    ],
)
def test_edf_border_on_any_sample_survives(
    span: tuple[int, int], make_window: Callable[..., Path], tmp_path: Path
) -> None:
    export_fixture(make_window([span]), "edf", tmp_path / "out")

    (event,) = read_edf_annotations(tmp_path / "out" / "train" / "w0.edf").spans
    start, stop = Fraction(event.start), Fraction(str(event.stop))
    ictal = [i for i in range(512) if start <= Fraction(i, 256) < stop]
    assert ictal == list(range(*span))


def test_edf_holds_more_seizures_than_seconds(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    spans = [(0, 16), (32, 48), (64, 80), (96, 112), (128, 144)]

    export_fixture(make_window(spans), "edf", tmp_path / "out")

    with pyedflib.EdfReader(str(tmp_path / "out" / "train" / "w0.edf")) as edf:
        onsets, durations, texts = edf.readAnnotations()
    assert onsets.tolist() == [0.0, 0.125, 0.25, 0.375, 0.5]
    assert durations.tolist() == [0.0625] * 5
    assert texts.tolist() == ["fnsz"] * 5


def test_edf_and_bids_take_a_bipolar_montage(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_window(ch_names=MONTAGES["double-banana"], montage="double-banana")

    export_fixture(path, "edf", tmp_path / "edf")
    export_fixture(path, "bids", tmp_path / "bids")

    edf = mne.io.read_raw_edf(tmp_path / "edf" / "train" / "w0.edf", infer_types=True)
    assert tuple(edf.ch_names) == MONTAGES["double-banana"]
    (name,) = (tmp_path / "bids").rglob("*_eeg.edf")
    assert tuple(mne.io.read_raw_edf(name).ch_names) == MONTAGES["double-banana"]


@pytest.mark.parametrize("layout", ["edf", "bids"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"n_times": 640}, r"640 samples at 256 Hz; expected whole", id="2.5 s"),
        pytest.param(
            {"ch_names": ("electrode-number-one",), "montage": "custom"},
            r"electrode-number-one' has 2\d characters; EDF has room for 16",
            id="long name",
        ),
    ],
)  # fmt: skip
def test_what_edf_cannot_hold_is_refused(
    changes: dict[str, Any],
    message: str,
    layout: str,
    make_window: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = make_window(**changes)

    with pytest.raises(SpecError, match=message):
        export_fixture(path, layout, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_edf_rate_beyond_the_steps_of_annotations_is_refused(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_window(sfreq=12000.0, n_times=12000, spans=[(3, 9)])

    with pytest.raises(SpecError, match=r"12000 Hz; expected less than 10000 Hz"):
        export_fixture(path, "edf", tmp_path / "out")


# bids


def test_bids_channels_are_those_of_szcore(exports: dict[str, Path]) -> None:
    stem = exports["bids"] / BIDS_STEM

    with pyedflib.EdfReader(f"{stem}_eeg.edf") as edf:
        assert edf.getSignalLabels() == SZCORE_19
        assert edf.getFileDuration() == 60
    table = read_table(Path(f"{stem}_channels.tsv"))
    assert [row["name"] for row in table] == SZCORE_19
    assert {(row["type"], row["units"], row["reference"]) for row in table} == {
        ("EEG", "uV", "Avg")
    }


def test_bids_samples_are_against_the_average(exports: dict[str, Path]) -> None:
    raw = mne.io.read_raw_edf(exports["bids"] / f"{BIDS_STEM}_eeg.edf")

    data_uv = load_fixture().microvolts()[ROW].astype(np.float64)
    data_uv -= data_uv.mean(axis=0)
    # Half a step of 0.125 uV, and what zscore-1 rounds.
    np.testing.assert_allclose(
        raw.get_data("Fp1-Avg")[0] * 1e6, data_uv[0], atol=0.0875
    )
    np.testing.assert_allclose(raw.get_data("O1-Avg")[0] * 1e6, data_uv[7], atol=0.0875)


def test_bids_windows_off_the_grid_are_averaged_before_they_are_rounded(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_window()

    export_fixture(path, "bids", tmp_path / "out")

    (name,) = (tmp_path / "out").rglob("*_eeg.edf")
    got = mne.io.read_raw_edf(name).get_data("O2-Avg")[0] * 1e6
    data_uv = load_fixture(path).signals[0].astype(np.float64)
    # 16 bits over some 200 uV: a step of 0.003 uV.
    np.testing.assert_allclose(got, data_uv[18] - data_uv.mean(axis=0), atol=0.002)
    text = (tmp_path / "out" / "README.md").read_text()
    assert "which moves no sample by more than 0.00" in text


def test_bids_events_are_rows_of_szcore(exports: dict[str, Path]) -> None:
    text = (exports["bids"] / f"{BIDS_STEM}_events.tsv").read_bytes()

    assert text == (
        b"onset\tduration\teventType\tconfidence\tchannels\tdateTime\t"
        b"recordingDuration\n"
        b"12.00\t9.50\tsz_gen_nm\tn/a\tn/a\t2015-01-01 00:00:00\t60.00\n"
        b"40.00\t1.50\tsz_gen_m\tn/a\tn/a\t2015-01-01 00:00:00\t60.00\n"
    )


def test_bids_window_without_a_seizure_has_one_row_of_background(
    exports: dict[str, Path],
) -> None:
    (row,) = read_table(exports["bids"] / f"{BIDS_BACKGROUND}_events.tsv")

    assert (row["onset"], row["duration"], row["eventType"]) == (
        "0.00",
        "60.00",
        "bckg",
    )


def test_bids_time_has_the_decimals_that_its_sample_needs(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    export_fixture(make_window([(1, 257)]), "bids", tmp_path / "out")

    (name,) = (tmp_path / "out").rglob("*_events.tsv")
    (row,) = read_table(name)
    assert (row["onset"], row["duration"]) == ("0.00390625", "1.00")


def test_bids_lists_name_subjects_licence_and_origin(exports: dict[str, Path]) -> None:
    root = exports["bids"]
    description = json.loads((root / "dataset_description.json").read_text())

    assert read_table(root / "participants.tsv")[5:7] == [
        {"participant_id": "sub-06", "split": "train"},
        {"participant_id": "sub-07", "split": "dev"},
    ]
    assert (description["License"], description["DatasetType"]) == ("CC0-1.0", "raw")
    assert load_fixture().index.digest in description["GeneratedBy"][0]["Description"]


def test_bids_is_read_by_the_source_of_this_package(exports: dict[str, Path]) -> None:
    source = search(BidsCorpus, exports["bids"])
    recordings = source.recordings()

    found = {
        (r.subject, r.split, e.label, e.onset, e.duration)
        for r in recordings
        for e in r.events
    }
    assert len(recordings) == 18
    assert source.licence.redistributable
    assert {
        ("sub-04", "train", "absz", 12.0, 9.5),
        ("sub-05", "train", "gnsz", 0.0, 60.0),
        ("sub-07", "dev", "spsz", 14.0, 34.0),
    } <= found


def test_bids_events_give_timescoring_the_labels(exports: dict[str, Path]) -> None:
    annotations = pytest.importorskip(
        "timescoring.annotations", reason="needs timescoring: the scoring of SzCORE"
    )
    rows = read_table(exports["bids"] / f"{BIDS_STEM}_events.tsv")

    events = [
        (float(row["onset"]), float(row["onset"]) + float(row["duration"]))
        for row in rows
        if row["eventType"].startswith("sz")
    ]
    mask = annotations.Annotation(events, 256, 15360).mask
    np.testing.assert_array_equal(mask, load_fixture().labels[ROW])


@pytest.mark.filterwarnings("default")
def test_bids_is_read_by_mne_bids(exports: dict[str, Path]) -> None:
    mne_bids = pytest.importorskip("mne_bids", reason="needs mne-bids")

    raw = mne_bids.read_raw_bids(
        mne_bids.BIDSPath(
            root=exports["bids"],
            subject="04",
            session="01",
            task="szMonitoring",
            run="01",
            datatype="eeg",
            suffix="eeg",
        )
    )

    assert raw.ch_names == SZCORE_19
    assert raw.annotations.onset.tolist() == [12.0, 40.0]


def test_bids_says_what_szcore_would_not_take(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_window(ch_names=("Fp1", "F3"), montage="custom", sfreq=128.0)

    export_fixture(path, "bids", tmp_path / "out")

    assert (
        "- SzCORE takes recordings of at least 60 s, not 4 s; 256 Hz, not 128 Hz; the 19 "
        "electrodes against their average, not these channels.\n"
    ) in (tmp_path / "out" / "README.md").read_text()


def test_bids_of_smoke_lacks_nothing_that_szcore_asks_for(
    exports: dict[str, Path],
) -> None:
    assert "SzCORE takes" not in (exports["bids"] / "README.md").read_text()


def test_bids_notice_of_a_restricted_export_is_none_of_its_files(
    make_window: Callable[..., Path], tmp_path: Path
) -> None:
    licence = {
        "name": "TUH EEG data use agreement",
        "url": "https://isip.piconepress.com/projects/nedc/",
        "attribution": "Shah et al. (2018)",
        "redistributable": False,
        "changes": "cut into windows",
    }

    export_fixture(
        make_window(licence=licence), "bids", tmp_path / "out", local_use=True
    )

    root = tmp_path / "out"
    assert (root / ".bidsignore").read_text() == "DO-NOT-REDISTRIBUTE.txt\n"
    assert (root / "DO-NOT-REDISTRIBUTE.txt").exists()
    description = json.loads((root / "dataset_description.json").read_text())
    assert description["HowToAcknowledge"] == "Shah et al. (2018)"
    assert not search(BidsCorpus, root).licence.redistributable


def test_bids_subject_in_two_splits_is_refused(
    make_content: Callable[..., Content], tmp_path: Path
) -> None:
    content = make_content()
    windows = tuple(
        dataclasses.replace(window, subject="sub-01") for window in content.windows
    )
    path = write_fixture(make_content(windows=windows), tmp_path / "made.h5")

    with pytest.raises(SpecError, match=r"subject 'sub-01' is in splits dev, train"):
        export_fixture(path, "bids", tmp_path / "out")
