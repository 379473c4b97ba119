"""Exports: what other programs find, read by their rules."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import mne
import numpy as np
import pyedflib
import pytest
from support.requests import load_synthetic
from support.searched import search

from bgb_fixtures.cli import main
from bgb_fixtures.commands.export import export as export_command
from bgb_fixtures.corpora.tusz.corpus import TuszCorpus
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import MissingPackageError, SpecError, TargetError
from bgb_fixtures.export import LAYOUTS, export_fixture
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.synthetic.head import ELECTRODES
from bgb_fixtures.synthetic.recording import generate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from bgb_fixtures.format.content import Content

Exports = dict[str, Path]
ALL = sorted(LAYOUTS)
TRAIN = [
    "fixtaaab_s001_t000", "fixtaaac_s001_t000", "fixtaaad_s001_t000",
    "fixtaaae_s001_t000", "fixtaaaf_s001_t000", "fixtaaag_s001_t000",
    "fixtaaai_s001_t000",
]  # fmt: skip
DEV = ["fixtaaah_s001_t000"]
LABELS_10_20 = [
    "EEG FP1-REF", "EEG F3-REF", "EEG C3-REF", "EEG P3-REF", "EEG F7-REF",
    "EEG T3-REF", "EEG T5-REF", "EEG O1-REF", "EEG FZ-REF", "EEG CZ-REF",
    "EEG PZ-REF", "EEG FP2-REF", "EEG F4-REF", "EEG C4-REF", "EEG P4-REF",
    "EEG F8-REF", "EEG T4-REF", "EEG T6-REF", "EEG O2-REF",
]  # fmt: skip
SEIZURES = {"seiz", "gnsz", "fnsz", "cpsz", "absz", "spsz", "tcsz", "tnsz", "mysz"}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The packaged fixture in every layout; do not change it."""
    folder = tmp_path_factory.mktemp("exports")
    return {name: export_fixture("smoke", name, folder / name).path for name in ALL}


@pytest.fixture(scope="module")
def make_fixture(
    make_content: Callable[..., Content], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Write a fixture of 19 channels and four windows of 60 s; or with changes.

    Windows are w0 (partial), w1 (full), w2 (none) in train and w3 (partial) in dev.
    """

    def make(
        *, seconds: float = 60, sfreq: float = 256.0, uv: bool = False, **changes: Any
    ) -> Path:
        n_times = int(seconds * sfreq)
        spans = [(n_times // 2, n_times), (0, n_times), (0, 0), (5, n_times - 5)]
        spans = changes.pop("spans", spans)
        content = make_content()
        labels = np.zeros((4, n_times), np.uint8)
        windows = []
        splits = changes.pop("splits", ["train", "train", "train", "dev"])
        subjects = changes.pop("subjects", ["sub-01", "sub-01", "sub-02", "sub-03"])
        for row, (start, stop) in enumerate(spans):
            labels[row, start:stop] = 1
            windows.append(
                WindowRecord(
                    id=f"w{row}",
                    category=_category(start, stop, n_times),
                    kind=_kind(start, stop, n_times),
                    split=splits[row],
                    subject=subjects[row],
                    recording=f"rec-{row + 1:02d}",
                    onset=0.0,
                    n_clipped=0,
                    events=_events(start, stop, sfreq),
                )
            )
        rng = np.random.default_rng(0)
        defaults = {
            "windows": tuple(windows),
            "labels": labels,
            "sfreq": sfreq,
            "ch_names": MONTAGES["10-20"],
            "signals": rng.normal(0, 1, (4, 19, n_times)).astype(np.float32),
            "scale": np.full((4, 19), 1.0 if uv else 20.0, np.float32),
            "offset": np.zeros((4, 19), np.float32),
        }
        if uv:
            defaults |= {"unit": "uV", "profile": {"name": "raw-1", "steps": ["-"]}}
        path = tmp_path_factory.mktemp("made") / "made.h5"
        return write_fixture(
            make_content(**({"source": content.source} | defaults | changes)), path
        )

    return make


def _category(start: int, stop: int, n_times: int) -> str:
    share = (stop - start) / n_times
    return "none" if share == 0 else "full" if share >= 0.99 else "partial"


def _kind(start: int, stop: int, n_times: int) -> str:
    if stop == start:
        return "background"
    if (stop - start) / n_times >= 0.99:
        return "ictal"
    return "onset" if stop == n_times else "offset" if start == 0 else "whole"


def _events(start: int, stop: int, sfreq: float) -> tuple[Event, ...]:
    if stop == start:
        return ()
    return (Event(onset=start / sfreq, duration=(stop - start) / sfreq, label="fnsz"),)


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Any layout


@pytest.mark.parametrize("layout", ALL)
def test_same_fixture_gives_the_same_bytes_in_another_folder(
    layout: str, exports: Exports, tmp_path: Path
) -> None:
    again = export_fixture("smoke", layout, tmp_path / "again").path

    assert _digests(again) == _digests(exports[layout])


@pytest.mark.parametrize("layout", ALL)
def test_readme_says_licence_digest_and_windows(layout: str, exports: Exports) -> None:
    text = (exports[layout] / "README.md").read_text()

    assert "CC0-1.0, https://creativecommons.org/publicdomain/zero/1.0/" in text
    assert f"- digest: {load_fixture().index.digest}\n" in text
    assert "- windows: 18, of 19 channels and 60 s at 256 Hz\n" in text
    assert "The EEG is synthetic: nobody was recorded" in text


@pytest.mark.parametrize("layout", ALL)
def test_no_file_tells_where_or_by_whom_it_was_made(
    layout: str, exports: Exports
) -> None:
    words = [str(exports[layout].parent).encode(), b"edfio"]

    told = [
        (path.name, word)
        for path in exports[layout].rglob("*")
        if path.is_file() and path.suffix != ".npz"
        for word in words
        if word in path.read_bytes()
    ]
    assert told == []


def test_a_selection_exports_its_windows_only(tmp_path: Path) -> None:
    chosen = load_fixture().select(category="full")

    report = export_fixture(chosen, "npz", tmp_path / "out")

    with np.load(report.path / "windows.npz") as data:
        assert list(data["id"]) == ["win-09"]
        assert data["labels"].all()
    assert "- windows: 1 of its 18, of" in (report.path / "README.md").read_text()


@pytest.mark.parametrize("layout", ALL)
def test_folder_with_files_is_left_as_it_is(layout: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")

    with pytest.raises(TargetError, match=r"'.*mine' is a folder that is not empty"):
        export_fixture("smoke", layout, tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    export_fixture("tiny", "npz", tmp_path / "out")

    assert sorted(p.name for p in tmp_path.joinpath("out").iterdir()) == [
        "README.md",
        "windows.npz",
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(OSError(28, "No space left on device"), TargetError, id="full"),
        pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="interrupt"),
    ],
)
@pytest.mark.parametrize(
    "layout", ["brain-go-brr", "brain-go-brr-3", "tusz", "edf", "bids"]
)
def test_nothing_is_left_when_it_fails_half_way(
    layout: str, error: BaseException, expected: type[BaseException], tmp_path: Path
) -> None:
    def fail(done: int, _total: int) -> None:
        if done > 1:
            raise error

    with pytest.raises(expected, match=r"out' cannot be written: No space left|^$"):
        export_fixture("smoke", layout, tmp_path / "out", progress=fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", ALL)
def test_progress_counts_windows_to_the_last(layout: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    export_fixture(
        "smoke", layout, tmp_path / "out", progress=lambda *step: seen.append(step)
    )

    assert (seen[0], seen[-1]) == ((0, 18), (18, 18))


def test_unknown_layout_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError,
        match=r"'fif'; layouts: 'brain-go-brr', 'brain-go-brr-3', 'tusz', 'edf', 'bids', 'npz', 'safe",
    ):
        export_fixture("smoke", "fif", tmp_path / "out")


def test_command_offers_every_layout() -> None:
    (option,) = [p for p in export_command.params if p.name == "layout"]

    assert list(getattr(option.type, "choices", ())) == list(LAYOUTS)


# Licence


RESTRICTED = {
    "name": "TUH EEG data use agreement",
    "url": "https://isip.piconepress.com/projects/nedc/",
    "attribution": "Shah et al. (2018)",
    "redistributable": False,
    "changes": "cut into windows",
}


@pytest.mark.parametrize("layout", ALL)
def test_restricted_fixture_is_refused(
    layout: str, make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_fixture(licence=RESTRICTED)

    with pytest.raises(
        SpecError,
        match=r"is not redistributable \(licence 'TUH .*--local-use \(in Python local_use=True\)$",
    ):
        export_fixture(path, layout, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", ALL)
def test_restricted_fixture_for_local_use_carries_a_notice(
    layout: str, make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_fixture(licence=RESTRICTED)

    export_fixture(path, layout, tmp_path / "out", local_use=True)

    notice = (tmp_path / "out" / "DO-NOT-REDISTRIBUTE.txt").read_text()
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "does not let it be passed on" in notice
    assert f"digest {load_fixture(path).index.digest}" in notice
    assert "**Not redistributable: see DO-NOT-REDISTRIBUTE.txt.** TUH EEG" in readme
    assert "- Shah et al. (2018)\n" in readme


def test_free_fixture_has_no_notice(exports: Exports) -> None:
    assert list(exports["npz"].glob("DO-NOT*")) == []


# npz


def test_npz_holds_all_of_the_fixture_without_pickle(exports: Exports) -> None:
    fixture = load_fixture()

    with np.load(exports["npz"] / "windows.npz", allow_pickle=False) as data:
        got = dict(data)
    assert sorted(got) == [
        "category", "ch_names", "id", "kind", "labels", "offset", "onset", "recording",
        "records", "scale", "sfreq", "signals", "split", "subject", "unit",
    ]  # fmt: skip
    np.testing.assert_array_equal(got["signals"], fixture.signals)
    np.testing.assert_array_equal(got["labels"], fixture.labels)
    np.testing.assert_array_equal(got["scale"], fixture.scale)
    np.testing.assert_array_equal(got["offset"], fixture.offset)
    assert tuple(got["ch_names"][:3]) == ("Fp1", "F3", "C3")
    assert (float(got["sfreq"]), str(got["unit"])) == (256.0, "1")
    assert list(got["split"]) == ["train"] * 15 + ["dev"] * 3
    assert list(got["onset"][:3]) == [0.0, 120.0, 60.0]


@pytest.mark.parametrize("layout", ["brain-go-brr-3", "npz"])
def test_npz_files_hold_no_date_and_no_system(layout: str, exports: Exports) -> None:
    told = {
        (entry.date_time, entry.create_system)
        for path in exports[layout].rglob("*.npz")
        for entry in zipfile.ZipFile(path).infolist()
    }

    assert told == {((1980, 1, 1, 0, 0, 0), 3)}


def test_npz_records_tell_the_seizures_of_a_window(exports: Exports) -> None:
    with np.load(exports["npz"] / "windows.npz") as data:
        records = json.loads(str(data["records"]))

    assert records["windows"][6]["events"] == [
        {"onset": 12.0, "duration": 9.5, "label": "absz"},
        {"onset": 40.0, "duration": 1.5, "label": "mysz"},
    ]
    assert records["licence"]["name"] == "CC0-1.0"


def test_npz_takes_any_montage_and_length(small_fixture: Path, tmp_path: Path) -> None:
    export_fixture(small_fixture, "npz", tmp_path / "out")

    with np.load(tmp_path / "out" / "windows.npz") as data:
        assert data["signals"].shape == (4, 3, 512)


# brain-go-brr-3: its dataset classes, written again from what is known of them


class WindowDataset:
    """What EEGWindowDataset does with a cache: names in, items out."""

    def __init__(self, edf_files: Sequence[Path], cache_dir: Path) -> None:
        self._caches = [cache_dir / f"{edf.stem}_windows.npz" for edf in edf_files]
        index = json.loads((cache_dir / "_dataset_index.json").read_text())
        self.index_is_taken = [Path(name).name for name in index["files"]] == [
            edf.name for edf in edf_files
        ]
        counts = index["window_counts"]
        if not self.index_is_taken:
            counts = [len(np.load(cache)["windows"]) for cache in self._caches]
        self._places = [(i, k) for i, n in enumerate(counts) for k in range(n)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, item: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        file, window = self._places[item]
        with np.load(self._caches[file]) as data:
            return data["windows"][window], data["labels"][window]


def is_valid_manifest(cache_dir: Path, manifest: Mapping[str, Any]) -> bool:
    """Not empty, and at most 5 % of the entries name a file that is not there."""
    keys = ("partial_seizure", "full_seizure", "no_seizure")
    entries = [entry for key in keys for entry in manifest[key]]
    there = {path.name for path in cache_dir.glob("*.npz")}
    missing = [entry for entry in entries if entry["cache_file"] not in there]
    return bool(entries) and len(missing) <= 0.05 * len(entries)


def balanced_places(cache_dir: Path) -> list[tuple[Path, int]]:
    """What BalancedSeizureDataset draws: all partial, 0.3 times full, 2.5 times none."""
    manifest = json.loads((cache_dir / "manifest.json").read_text())
    partial = manifest["partial_seizure"]
    if not partial:
        msg = "No partial seizure windows found in manifest!"
        raise ValueError(msg)
    rng = np.random.default_rng(42)
    drawn = list(partial)
    for key, ratio in (("full_seizure", 0.3), ("no_seizure", 2.5)):
        n = min(int(ratio * len(partial)), len(manifest[key]))
        drawn += [
            manifest[key][i] for i in rng.choice(len(manifest[key]), n, replace=False)
        ]
    return [(cache_dir / d["cache_file"], d["window_idx"]) for d in drawn]


def manifest_of(cache_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """What its scan of a cache finds, from the labels in it."""
    found: dict[str, list[dict[str, Any]]] = {
        "partial_seizure": [],
        "full_seizure": [],
        "no_seizure": [],
    }
    for path in sorted(cache_dir.glob("*.npz")):
        for i, labels in enumerate(np.load(path)["labels"]):
            share = float((labels > 0).mean())
            key = "partial_seizure" if 0 < share < 0.99 else "full_seizure"
            key = "no_seizure" if share == 0 else key
            found[key].append({"cache_file": path.name, "window_idx": i})
    return found


@pytest.mark.parametrize(
    ("split", "expected"),
    [pytest.param("train", TRAIN, id="train"), pytest.param("dev", DEV, id="dev")],
)
def test_its_splits_find_the_names_of_empty_files(
    split: str, expected: list[str], exports: Exports
) -> None:
    found = sorted((exports["brain-go-brr-3"] / "edf" / split).glob("**/*.edf"))

    assert [path.stem for path in found] == expected
    assert [path.stat().st_size for path in found] == [0] * len(expected)


def test_its_patients_are_in_one_split(exports: Exports) -> None:
    root = exports["brain-go-brr-3"] / "edf"

    # A patient is the stem up to the first underscore.
    train, dev = (
        {path.stem.split("_")[0] for path in (root / split).glob("**/*.edf")}
        for split in ("train", "dev")
    )
    assert len(train) == 7
    assert dev == {"fixtaaah"}
    assert train.isdisjoint(dev)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_its_index_is_taken_as_it_is(split: str, exports: Exports) -> None:
    root = exports["brain-go-brr-3"]
    files = sorted((root / "edf" / split).glob("**/*.edf"))

    assert WindowDataset(files, root / "cache" / split).index_is_taken


def test_its_dataset_gives_the_windows_of_train(exports: Exports) -> None:
    root, fixture = exports["brain-go-brr-3"], load_fixture()
    files = sorted((root / "edf" / "train").glob("**/*.edf"))

    dataset = WindowDataset(files, root / "cache" / "train")

    assert len(dataset) == 15
    for row in range(15):
        window, labels = dataset[row]
        assert (str(window.dtype), str(labels.dtype)) == ("float32", "float32")
        np.testing.assert_array_equal(window, fixture.signals[row])
        np.testing.assert_array_equal(labels, fixture.labels[row])


def test_its_dataset_needs_a_name_only(exports: Exports) -> None:
    cache = exports["brain-go-brr-3"] / "cache" / "train"

    dataset = WindowDataset([Path("fixtaaab_s001_t000.edf")], cache)

    assert len(dataset) == 2
    window, labels = dataset[0]
    assert window.shape == (19, 15360)
    # win-01: a seizure from 38 s to the end at 60 s
    assert (labels.sum(), labels[9727], labels[9728]) == (5632, 0, 1)


def test_its_dataset_of_fewer_files_counts_them_anew(exports: Exports) -> None:
    root = exports["brain-go-brr-3"]
    files = sorted((root / "edf" / "train").glob("**/*.edf"))[:3]

    dataset = WindowDataset(files, root / "cache" / "train")

    assert (dataset.index_is_taken, len(dataset)) == (False, 6)


def test_its_index_counts_the_windows_of_each_file(exports: Exports) -> None:
    cache = exports["brain-go-brr-3"] / "cache" / "train"

    index = json.loads((cache / "_dataset_index.json").read_text())

    assert index["window_counts"] == [2, 2, 2, 2, 2, 2, 3]
    assert [Path(name).stem for name in index["files"]] == TRAIN


def test_its_index_is_in_the_order_of_the_names(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_fixture(subjects=["sub-02", "sub-01", "sub-02", "sub-03"])

    root = export_fixture(path, "brain-go-brr-3", tmp_path / "out").path

    files = sorted((root / "edf" / "train").glob("**/*.edf"))
    assert [p.stem for p in files] == [
        "fixtaaab_s001_t000",
        "fixtaaac_s001_t000",
        "fixtaaac_s002_t000",
    ]
    assert WindowDataset(files, root / "cache" / "train").index_is_taken


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_its_manifest_is_valid_and_right(split: str, exports: Exports) -> None:
    cache = exports["brain-go-brr-3"] / "cache" / split

    manifest = json.loads((cache / "manifest.json").read_text())

    assert is_valid_manifest(cache, manifest)
    assert manifest == manifest_of(cache)


def test_its_manifest_names_the_full_window(exports: Exports) -> None:
    path = exports["brain-go-brr-3"] / "cache" / "train" / "manifest.json"

    assert json.loads(path.read_text())["full_seizure"] == [
        {"cache_file": "fixtaaaf_s001_t000_windows.npz", "window_idx": 0}
    ]


def test_its_balanced_sampling_is_exercised_in_full(exports: Exports) -> None:
    cache = exports["brain-go-brr-3"] / "cache" / "train"

    places = balanced_places(cache)

    # 4 partial, int(0.3 * 4) full, int(2.5 * 4) none
    assert len(places) == len(set(places)) == 15
    ictal = [np.load(path)["labels"][i].any() for path, i in places]
    # Beyond 0.5 its pos_weight would fall back to 1.
    assert sum(ictal) / len(places) == pytest.approx(5 / 15)


def test_its_evaluation_finds_the_windows_of_dev(exports: Exports) -> None:
    root, fixture = exports["brain-go-brr-3"], load_fixture()
    files = list((root / "edf" / "dev").glob("**/*.edf"))

    dataset = WindowDataset(files, root / "cache" / "test")

    assert len(dataset) == 3
    np.testing.assert_array_equal(dataset[1][0], fixture.signals[16])
    assert {
        float(labels.max()) for _, labels in map(dataset.__getitem__, range(3))
    } == {
        0.0,
        1.0,
    }


def test_its_cache_is_not_compressed(exports: Exports) -> None:
    cache = exports["brain-go-brr-3"] / "cache"

    kinds = {
        entry.compress_type
        for path in cache.glob("*/*.npz")
        for entry in zipfile.ZipFile(path).infolist()
    }
    assert kinds == {zipfile.ZIP_STORED}


def test_values_of_zscore_1_are_called_like_not_equal(exports: Exports) -> None:
    text = (exports["brain-go-brr-3"] / "README.md").read_text()

    assert "**Like, not equal, to what the detector computes.**" in text
    assert "Train has 4 partial, 1 full and 10 without a seizure" in text
    assert "takes 4, 1 and 10 of them." in text


def test_values_of_its_own_profile_are_called_so(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_fixture(profile={"name": "brain-go-brr-3.1", "steps": ["-"]})

    export_fixture(path, "brain-go-brr-3", tmp_path / "out")

    text = (tmp_path / "out" / "README.md").read_text()
    assert (
        "**The values that the detector computes** (profile brain-go-brr-3.1)" in text
    )
    assert "With fewer than 4 partial windows it never draws a full one." in text


def test_split_eval_is_what_its_evaluation_reads(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_fixture(splits=["train", "train", "eval", "dev"])

    export_fixture(path, "brain-go-brr-3", tmp_path / "out")

    names = [p.name for p in (tmp_path / "out" / "cache" / "test").glob("*.npz")]
    assert names == ["fixtaaac_s001_t000_windows.npz"]
    assert sorted(p.name for p in (tmp_path / "out" / "cache").iterdir()) == [
        "dev",
        "test",
        "train",
    ]


def test_recordings_of_a_patient_are_sessions(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    export_fixture(make_fixture(), "brain-go-brr-3", tmp_path / "out")

    names = sorted(p.name for p in (tmp_path / "out" / "cache" / "train").glob("*.npz"))
    assert names == [
        "fixtaaab_s001_t000_windows.npz",
        "fixtaaab_s002_t000_windows.npz",
        "fixtaaac_s001_t000_windows.npz",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"seconds": 10}, r"2560 samples at 256 Hz; expected 15360", id="10 s"),
        pytest.param({"sfreq": 250.0}, r"15000 samples at 250 Hz; expected", id="250 Hz"),
        pytest.param(
            {"uv": True},
            r"'raw-1', in uV; the cache holds z-scores, .*--profile zscore-1 or",
            id="microvolts",
        ),
        pytest.param(
            {"splits": ["train"] * 4}, r"no window in split dev; the detector", id="no dev"
        ),
        pytest.param(
            {"splits": ["dev"] * 4}, r"no window in split train; the", id="no train"
        ),
        pytest.param(
            {"splits": ["train", "train", "dev", "test"]},
            r"it has split 'test'; expected train, dev, eval",
            id="unknown split",
        ),
        pytest.param(
            {"subjects": ["sub-01", "sub-02", "sub-03", "sub-01"]},
            r"subject 'sub-01' is in splits dev, train; expected one",
            id="subject in two splits",
        ),
        pytest.param(
            {"splits": ["dev", "train", "train", "dev"],
             "subjects": ["sub-04", "sub-01", "sub-02", "sub-03"]},
            r"no window of split train has category 'partial'",
            id="nothing partial",
        ),
    ],
)  # fmt: skip
def test_what_the_detector_cannot_take_is_refused(
    changes: dict[str, Any],
    message: str,
    make_fixture: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = make_fixture(**changes)

    with pytest.raises(SpecError, match=message):
        export_fixture(path, "brain-go-brr-3", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_all_reasons_of_a_refusal_are_in_one_message(
    small_fixture: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        SpecError,
        match=r"small.h5' does not fit layout 'brain-go-brr-3':\n  its channels are those "
        r"of montage '10-20', Fp1, F3, C3; expected all 19 .*\n  its windows have 512 samp",
    ):
        export_fixture(small_fixture, "brain-go-brr-3", tmp_path / "out")


# tusz


class Row(NamedTuple):
    """One row of an annotation file."""

    channel: str
    start: str
    stop: str
    label: str


def read_rows(path: Path) -> list[Row]:
    lines = [line for line in path.read_text().splitlines() if line[:1] != "#"]
    return [Row(*row[:4]) for row in list(csv.reader(lines))[1:]]


def labels_as_the_consumer_reads(path: Path, n_times: int) -> npt.NDArray[np.uint8]:
    """All channels united; int() cuts the fraction of a sample off."""
    labels = np.zeros(n_times, np.uint8)
    for row in read_rows(path):
        if row.label in SEIZURES:
            labels[int(float(row.start) * 256) : int(float(row.stop) * 256)] = 1
    return labels


def edf_files(root: Path) -> list[Path]:
    return sorted((root / "edf").glob("**/*.edf"))


def test_tusz_tree_has_a_file_per_window(exports: Exports) -> None:
    names = [
        p.relative_to(exports["tusz"]).as_posix() for p in edf_files(exports["tusz"])
    ]

    assert len(names) == 18
    assert names[0] == ("edf/dev/fixtaaah/s001_2015/03_tcp_ar_a/fixtaaah_s001_t000.edf")
    assert names[-1] == (
        "edf/train/fixtaaai/s001_2015/03_tcp_ar_a/fixtaaai_s001_t002.edf"
    )


def test_tusz_signals_are_the_electrodes_in_microvolts(exports: Exports) -> None:
    with pyedflib.EdfReader(str(edf_files(exports["tusz"])[0])) as reader:
        assert reader.getSignalLabels() == LABELS_10_20
        assert {reader.getPhysicalDimension(i) for i in range(19)} == {"uV"}
        assert {reader.getSampleFrequency(i) for i in range(19)} == {256.0}
        assert reader.file_duration == 60


@pytest.mark.parametrize(
    ("row", "name", "recording", "start", "n_clipped"),
    [
        pytest.param(10, "train/fixtaaag", 5, 0, 0, id="nothing clipped"),
        pytest.param(8, "train/fixtaaaf", 4, 40, 26, id="26 samples clipped"),
    ],
)
def test_tusz_samples_are_those_generated(
    row: int, name: str, recording: int, start: int, n_clipped: int, exports: Exports
) -> None:
    spec = load_synthetic("smoke")
    order = [ELECTRODES.index(ch_name) for ch_name in MONTAGES["10-20"]]
    asked = spec.recordings[recording]
    expected = generate(asked, seed=0, run=1).digital[order]
    folder = exports["tusz"] / "edf" / name

    with pyedflib.EdfReader(str(min(folder.glob("**/*.edf")))) as reader:
        obtained = np.array([reader.readSignal(i, digital=True) for i in range(19)])

    differ = obtained != expected[:, start * 256 : (start + 60) * 256]
    assert load_fixture().windows[row].n_clipped == n_clipped
    assert differ.sum() == n_clipped


def test_tusz_says_that_samples_are_those_generated(exports: Exports) -> None:
    text = (exports["tusz"] / "README.md").read_text()

    assert "every sample is the one that was generated, except the 251 that" in text


def test_mne_reads_the_microvolts_of_the_fixture(exports: Exports) -> None:
    path = exports["tusz"] / "edf/train/fixtaaag/s001_2015/03_tcp_ar_a"

    raw = mne.io.read_raw_edf(path / "fixtaaag_s001_t000.edf", verbose="error")

    # zscore-1 rounds by half of scale * 2^-12, below 0.02 uV; win-11 is not clipped.
    np.testing.assert_allclose(
        raw.get_data() * 1e6, load_fixture().microvolts()[10], rtol=0, atol=0.02
    )


def test_tusz_windows_off_the_grid_lose_half_a_step_of_their_range(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    signals = rng.normal(30, 100, (4, 19, 2560)).astype(np.float32)
    signals[0, 0] = 0.3
    path = make_fixture(seconds=10, uv=True, signals=signals)

    root = export_fixture(path, "tusz", tmp_path / "out").path

    name = "edf/train/fixtaaab/s001_2015/03_tcp_ar_a/fixtaaab_s001_t000.edf"
    with pyedflib.EdfReader(str(root / name)) as reader:
        obtained = np.array([reader.readSignal(i) for i in range(19)])
        low, high = reader.getPhysicalMinimum(1), reader.getPhysicalMaximum(1)
    assert (low, high) == (np.floor(signals[0, 1].min()), np.ceil(signals[0, 1].max()))
    # About 900 uV in 65535 steps: half of one is 0.007 uV.
    np.testing.assert_allclose(obtained, signals[0], rtol=0, atol=0.0085)
    stated = re.search(
        r"0 of 76 channels have steps of 0\.125 .* off by more than (0\.00\d+) uV",
        (root / "README.md").read_text().replace("\n", " "),
    )
    assert stated is not None
    assert 0.005 < float(stated[1]) < 0.0085


def test_tusz_windows_of_whole_microvolts_come_back_exactly(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(2)
    signals = rng.integers(-800, 800, (4, 19, 2560)).astype(np.float32) / 8
    path = make_fixture(seconds=10, uv=True, signals=signals)

    root = export_fixture(path, "tusz", tmp_path / "out").path

    name = "edf/dev/fixtaaad/s001_2015/03_tcp_ar_a/fixtaaad_s001_t000.edf"
    with pyedflib.EdfReader(str(root / name)) as reader:
        obtained = np.array([reader.readSignal(i) for i in range(19)])
    np.testing.assert_array_equal(obtained, signals[3])


def test_tusz_beyond_the_grid_of_4096_uv_is_not_cut_off(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    signals = np.zeros((4, 19, 2560), np.float32)
    signals[0, 0, 0] = 30000.0
    path = make_fixture(seconds=10, uv=True, signals=signals)

    root = export_fixture(path, "tusz", tmp_path / "out").path

    with pyedflib.EdfReader(str(edf_files(root)[1])) as reader:
        assert reader.readSignal(0)[0] == pytest.approx(30000.0)


def test_tusz_labels_are_those_of_the_fixture(exports: Exports) -> None:
    # dev first, then train with sub-08 (the last three windows) at its end
    order = [15, 16, 17, *range(15)]
    fixture = load_fixture()

    for row, path in zip(order, edf_files(exports["tusz"]), strict=True):
        labels = labels_as_the_consumer_reads(path.with_suffix(".csv"), 15360)
        np.testing.assert_array_equal(labels, fixture.labels[row])


@pytest.mark.parametrize("span", [(1, 2560), (1283, 1284), (7, 2559), (0, 1)], ids=str)
def test_tusz_border_on_any_sample_survives(
    span: tuple[int, int], make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    spans = [span, (0, 2560), (0, 0), (0, 0)]
    path = make_fixture(seconds=10, uv=True, spans=spans)

    root = export_fixture(path, "tusz", tmp_path / "out").path

    name = root / "edf/train/fixtaaab/s001_2015/03_tcp_ar_a/fixtaaab_s001_t000.csv"
    labels = labels_as_the_consumer_reads(name, 2560)
    assert np.flatnonzero(labels).tolist() == list(range(*span))


def test_tusz_border_on_any_sample_is_read_by_the_source_of_this_package(
    make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    spans = [(1283, 1284), (7, 2559), (0, 0), (0, 0)]
    path = make_fixture(seconds=10, uv=True, spans=spans)

    root = export_fixture(path, "tusz", tmp_path / "out").path

    events = [r.events for r in search(TuszCorpus, root).recordings() if r.events]
    assert [event.span(256) for (event,) in events] == [(1283, 1284), (7, 2559)]


def test_tusz_source_of_this_package_finds_all_that_was_written(
    exports: Exports,
) -> None:
    recordings = search(TuszCorpus, exports["tusz"]).recordings()

    found = {
        (r.subject, r.split, e.label, e.onset, e.duration)
        for r in recordings
        for e in r.events
    }
    assert len(recordings) == 18
    assert found == {
        ("fixtaaab", "train", "cpsz", 38.0, 22.0),
        ("fixtaaac", "train", "fnsz", 0.0, 32.0),
        ("fixtaaad", "train", "tcsz", 10.0, 42.0),
        ("fixtaaae", "train", "absz", 12.0, 9.5),
        ("fixtaaae", "train", "mysz", 40.0, 1.5),
        ("fixtaaaf", "train", "gnsz", 0.0, 60.0),
        ("fixtaaah", "dev", "spsz", 14.0, 34.0),
    }


def test_tusz_rows_of_a_window_with_two_seizures(exports: Exports) -> None:
    folder = exports["tusz"] / "edf/train/fixtaaae/s001_2015/03_tcp_ar_a"

    typed = read_rows(folder / "fixtaaae_s001_t000.csv")
    binary = read_rows(folder / "fixtaaae_s001_t000.csv_bi")

    assert typed[:5] == [
        Row("FP1-F7", "0.0000", "12.0000", "bckg"),
        Row("FP1-F7", "12.0000", "21.5000", "absz"),
        Row("FP1-F7", "21.5000", "40.0000", "bckg"),
        Row("FP1-F7", "40.0000", "41.5000", "mysz"),
        Row("FP1-F7", "41.5000", "60.0000", "bckg"),
    ]
    assert len({row.channel for row in typed}) == 20
    assert binary == [
        Row("TERM", "12.0000", "21.5000", "seiz"),
        Row("TERM", "40.0000", "41.5000", "seiz"),
    ]


def test_tusz_window_that_begins_in_a_seizure_has_no_empty_row(
    exports: Exports,
) -> None:
    folder = exports["tusz"] / "edf/train/fixtaaac/s001_2015/03_tcp_ar_a"

    assert read_rows(folder / "fixtaaac_s001_t000.csv")[:2] == [
        Row("FP1-F7", "0.0000", "32.0000", "fnsz"),
        Row("FP1-F7", "32.0000", "60.0000", "bckg"),
    ]


def test_tusz_window_without_seizure_is_background(exports: Exports) -> None:
    folder = exports["tusz"] / "edf/train/fixtaaac/s001_2015/03_tcp_ar_a"

    assert read_rows(folder / "fixtaaac_s001_t001.csv_bi") == [
        Row("TERM", "0.0000", "60.0000", "bckg")
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {
                "montage": "double-banana",
                "ch_names": MONTAGES["double-banana"],
                "signals": np.zeros((4, 18, 15360), np.float32),
                "scale": np.ones((4, 18), np.float32),
                "offset": np.zeros((4, 18), np.float32),
            },
            r"montage 'double-banana', Fp1-F7.*TUSZ has no bipolar recordings",
            id="bipolar",
        ),
        pytest.param(
            {"seconds": 2.5, "uv": True}, r"640 samples at 256 Hz; expected whole", id="2.5 s"
        ),
        pytest.param(
            {"sfreq": 300.0, "uv": True}, r"300 Hz; expected one whose samples", id="300 Hz"
        ),
    ],
)  # fmt: skip
def test_what_tusz_cannot_hold_is_refused(
    changes: dict[str, Any],
    message: str,
    make_fixture: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = make_fixture(**changes)

    with pytest.raises(SpecError, match=message):
        export_fixture(path, "tusz", tmp_path / "out")


@pytest.mark.parametrize("layout", ["tusz", "edf", "bids"])
def test_missing_edfio_names_the_extra(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "edfio", None)

    with pytest.raises(MissingPackageError, match=r'"bgb-fixtures\[build\]"'):
        export_fixture("smoke", layout, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# The command


class Answer(NamedTuple):
    """What the command said."""

    code: int | str | None
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run the command; click's own runner keeps stderr apart from 8.2 on only."""

    def run(*arguments: str | Path) -> Answer:
        with pytest.raises(SystemExit) as done:
            main(["export", *map(str, arguments)], prog_name="bgb-fixtures")
        return Answer(done.value.code, *capsys.readouterr())

    return run


def test_command_writes_and_says_what(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("smoke", "--to", "brain-go-brr-3", tmp_path / "out")

    assert answer.code == 0
    assert answer.out.startswith(
        f"wrote {tmp_path / 'out'}: 18 windows in 24 files, 25.8 MB; how to use them: "
    )
    assert answer.err == ""


def test_command_answers_in_json(run: Callable[..., Answer], tmp_path: Path) -> None:
    answer = run("tiny", "--to", "npz", tmp_path / "out", "--json")

    value = json.loads(answer.out)
    assert (value["layout"], value["n_windows"], value["n_files"]) == ("npz", 5, 2)
    assert value["redistributable"] is True
    assert value["path"] == str(tmp_path / "out")


def test_command_warns_of_a_restricted_export(
    run: Callable[..., Answer], make_fixture: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_fixture(licence=RESTRICTED)

    answer = run(path, "--to", "npz", tmp_path / "out", "--local-use")

    assert answer.code == 0
    assert answer.err.startswith("do not pass it on: ")


def test_command_fails_in_one_line_per_problem(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("tiny", "--to", "brain-go-brr-3", tmp_path / "out")

    assert answer.code == 1
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert lines[0].startswith("Error: fixture ")
    assert [line[:5] for line in lines[1:]] == ["  its", "  it "]


def test_command_used_wrongly_ends_with_2(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run("smoke", "--to", "fif", tmp_path / "out")

    assert answer.code == 2
    assert (
        "'fif' is not one of 'brain-go-brr', 'brain-go-brr-3', 'tusz', " in answer.err
    )
