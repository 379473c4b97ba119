"""The cache of brain-go-brr-v2 4.x, read by what its contract says of its readers.

The readers here are written from facts about its files of v3.8 to v4.4, none from its
code, and 4.x was not run: which file, which shape, which dtype, how items are numbered,
and how its validation puts windows on a time line.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from bgb_fixtures import load_fixture
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import SpecError
from bgb_fixtures.export import export_fixture
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bgb_fixtures.format.content import Content

SFREQ, N_TIMES = 256, 15360
KEYS = ("partial_seizure", "full_seizure", "no_seizure")


class Item(NamedTuple):
    """What all three of its dataset classes give."""

    window: npt.NDArray[np.float32]
    label: npt.NDArray[np.float32]
    file_id: str
    window_start_s: float


def open_pair(cache: Path, stem: str) -> tuple[Any, Any]:
    """Map the two files of a recording, read-only."""
    data = np.load(cache / f"{stem}_data.npy", mmap_mode="r")
    labels = np.load(cache / f"{stem}_labels.npy", mmap_mode="r")
    return data, labels


def stem_of(cache_file: str) -> str:
    """Remove the suffix as its code does: everywhere."""
    return Path(cache_file).stem.replace("_data", "")


def item(cache: Path, cache_file: str, index: int) -> Item:
    data, labels = open_pair(cache, stem_of(cache_file))
    return Item(data[index], labels[index], stem_of(cache_file), index * 10.0)


def edf_names(root: Path, split: str) -> list[Path]:
    return sorted((root / "edf" / split).glob("**/*.edf"))


def window_dataset(edfs: Sequence[Path], cache: Path) -> list[Item]:
    """EEGWindowDataset: the index, if it has the names in order; otherwise the shapes."""
    index = json.loads((cache / "_dataset_index.json").read_text())
    counts = index["window_counts"]
    if [Path(name).name for name in index["files"]] != [edf.name for edf in edfs]:
        counts = [len(open_pair(cache, edf.stem)[0]) for edf in edfs]
    return [
        item(cache, f"{edf.stem}_data.npy", k)
        for edf, n in zip(edfs, counts, strict=True)
        for k in range(n)
    ]


def validation_dataset(cache: Path, allowed: set[str]) -> list[Item]:
    """ValidationDataset: all windows of the manifest, files by name, windows by index."""
    manifest = json.loads((cache / "manifest.json").read_text())
    entries = sorted(
        (entry["cache_file"], entry["window_idx"])
        for key in KEYS
        for entry in manifest[key]
    )
    return [item(cache, *entry) for entry in entries if entry[0] in allowed]


def rescan(cache: Path) -> dict[str, list[dict[str, Any]]]:
    """What its scan writes into a manifest; a file without labels is left out."""
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in KEYS}
    for path in sorted(cache.glob("*_data.npy")):
        labels = np.load(cache / f"{stem_of(path.name)}_labels.npy")
        for k, row in enumerate(labels):
            share = float((row > 0).mean())
            key = KEYS[1] if share >= 0.99 else KEYS[0] if share > 0 else KEYS[2]
            found[key].append({"cache_file": path.name, "window_idx": k})
    return found


def stitched(items: Sequence[Item]) -> dict[str, npt.NDArray[np.float32]]:
    """The labels on a time line for each file, where later windows cover earlier ones."""
    lines = {}
    for file_id, group in groupby(items, key=lambda one: one.file_id):
        found = list(group)
        line = np.zeros(round((found[-1].window_start_s + 60) * SFREQ), np.float32)
        for one in found:
            start = round(one.window_start_s * SFREQ)
            line[start : start + N_TIMES] = one.label
        lines[file_id] = line
    return lines


def dev_files(root: Path, limit: int | None = None) -> list[Path]:
    """Return the dev files that it validates: with a limit of N, max(1, N // 5)."""
    edfs = edf_names(root, "dev")
    return edfs if limit is None else edfs[: max(1, limit // 5)]


def validated(root: Path, limit: int | None = None) -> list[Item]:
    allowed = {f"{edf.stem}_data.npy" for edf in dev_files(root, limit)}
    return validation_dataset(root / "cache" / "dev", allowed)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the packaged fixture; do not change it."""
    return export_fixture(
        "smoke", "brain-go-brr", tmp_path_factory.mktemp("e") / "out"
    ).path


class Wanted(NamedTuple):
    """A window to put into a fixture; ictal samples `[start, stop)`."""

    split: str
    subject: int
    recording: int
    onset: float
    ictal: tuple[int, int] = (0, 0)


@pytest.fixture
def export(make_content: Callable[..., Content], tmp_path: Path) -> Callable[..., Path]:
    """Export a fixture of some windows, of one value each: their number."""

    def run(*windows: Wanted) -> Path:
        n = len(windows)
        labels = np.zeros((n, N_TIMES), np.uint8)
        records = []
        for row, window in enumerate(windows):
            start, stop = window.ictal
            labels[row, start:stop] = 1
            share = (stop - start) / N_TIMES
            event = Event(
                onset=start / SFREQ, duration=(stop - start) / SFREQ, label="fnsz"
            )
            records.append(
                WindowRecord(
                    id=f"w{row}",
                    category="full" if share == 1 else "partial" if share else "none",
                    kind="ictal" if share == 1 else "whole" if share else "background",
                    split=window.split,
                    subject=f"sub-{window.subject:02d}",
                    recording=f"rec-{window.recording:02d}",
                    onset=window.onset,
                    n_clipped=0,
                    events=(event,) if share else (),
                )
            )
        content = make_content(
            windows=tuple(records),
            labels=labels,
            sfreq=float(SFREQ),
            ch_names=MONTAGES["10-20"],
            signals=np.broadcast_to(
                np.arange(n, dtype=np.float32)[:, None, None], (n, 19, N_TIMES)
            ),
            scale=np.full((n, 19), 20.0, np.float32),
            offset=np.zeros((n, 19), np.float32),
            source=make_content().source,
        )
        path = write_fixture(content, tmp_path / "a.h5")
        return export_fixture(path, "brain-go-brr", tmp_path / "out").path

    return run


PARTIAL = (2560, 5120)
TRAIN = Wanted("train", 1, 1, 0.0, PARTIAL)


def numbers(root: Path, split: str) -> list[tuple[str, list[int]]]:
    """Return stem and numbers of windows of each file, in the order of names."""
    return [
        (
            edf.stem,
            [int(w[0, 0]) for w in open_pair(root / "cache" / split, edf.stem)[0]],
        )
        for edf in edf_names(root, split)
    ]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_pair_of_files_has_the_shape_dtype_and_order_of_its_cache(
    split: str, root: Path
) -> None:
    cache = root / "cache" / split

    stems = [stem_of(path.name) for path in cache.glob("*_data.npy")]

    assert sorted(path.name for path in cache.iterdir()) == sorted(
        ["_dataset_index.json", "manifest.json"]
        + [f"{stem}_{what}.npy" for stem in stems for what in ("data", "labels")]
    )
    for stem in stems:
        data, labels = open_pair(cache, stem)
        n = len(data)
        assert (data.shape, labels.shape) == ((n, 19, 15360), (n, 15360))
        assert data.dtype == labels.dtype == np.dtype("<f4")
        assert data.flags.c_contiguous
        assert labels.flags.c_contiguous
        assert isinstance(data, np.memmap)
        assert set(np.unique(labels)) <= {0.0, 1.0}


def test_no_npz_and_no_stem_with_its_suffix_is_written(root: Path) -> None:
    assert list(root.rglob("*.npz")) == []
    assert [path for path in root.rglob("*.edf") if "_data" in path.stem] == []


def test_train_gives_every_window_and_label_of_the_fixture(root: Path) -> None:
    fixture = load_fixture().select(split="train")

    items = window_dataset(edf_names(root, "train"), root / "cache" / "train")

    assert len(items) == 15
    for one, signals, labels in zip(
        items, fixture.signals, fixture.labels, strict=True
    ):
        np.testing.assert_array_equal(one.window, signals)
        np.testing.assert_array_equal(one.label, labels)


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_manifest_is_what_a_rescan_finds(split: str, root: Path) -> None:
    cache = root / "cache" / split

    manifest = json.loads((cache / "manifest.json").read_text())

    assert manifest == rescan(cache)
    assert all((cache / e["cache_file"]).is_file() for k in KEYS for e in manifest[k])


def test_balanced_sampling_has_its_recipe_complete(root: Path) -> None:
    manifest = json.loads((root / "cache" / "train" / "manifest.json").read_text())

    # 4 partial, int(0.3 * 4) full and int(2.5 * 4) none
    assert [len(manifest[key]) for key in KEYS] == [4, 1, 10]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_index_has_the_names_in_order_and_counts_the_windows(
    split: str, root: Path
) -> None:
    cache = root / "cache" / split
    index = json.loads((cache / "_dataset_index.json").read_text())
    edfs = edf_names(root, "train" if split == "train" else "dev")

    assert [Path(name).name for name in index["files"]] == [edf.name for edf in edfs]
    assert index["window_counts"] == [len(open_pair(cache, e.stem)[0]) for e in edfs]


def test_dev_is_validated_on_the_time_line_it_was_recorded_on(root: Path) -> None:
    items = validated(root)

    lines = stitched(items)

    # Three windows that are no neighbours: 180 s, none laid over another.
    assert [len(line) / SFREQ for line in lines.values()] == [60, 60, 60]
    fixture = load_fixture().select(split="dev")
    # win-17 has the seizure, so it comes first.
    for line, row in zip(lines.values(), (1, 0, 2), strict=True):
        np.testing.assert_array_equal(line, fixture.labels[row])


def test_dev_holds_both_classes_with_and_without_a_limit_of_files(root: Path) -> None:
    for limit in (None, 3):
        labels = np.stack([one.label for one in validated(root, limit)])
        assert set(np.unique(labels)) == {0.0, 1.0}, limit
    assert len(dev_files(root, 3)) == 1


def test_evaluate_finds_the_windows_of_dev_in_any_order_of_files(root: Path) -> None:
    edfs = [*reversed(edf_names(root, "dev"))]

    items = window_dataset(edfs, root / "cache" / "test")

    assert [one.file_id for one in items] == [edf.stem for edf in edfs]
    assert [len(line) for line in stitched(items).values()] == [N_TIMES] * 3


def test_dev_windows_that_lie_10_s_apart_share_a_file(
    export: Callable[..., Path],
) -> None:
    root = export(
        TRAIN,
        Wanted("dev", 2, 2, 30.0, (2560, 15360)),
        Wanted("dev", 2, 2, 10.0, (7680, 15360)),
        Wanted("dev", 2, 2, 20.0, (5120, 15360)),
        Wanted("dev", 2, 2, 45.0),
    )

    # In time: 10, 20 and 30 s in one file; 45 s is 15 s later.
    assert [rows for _, rows in numbers(root, "dev")] == [[2, 3, 1], [4]]
    run, alone = stitched(validated(root)).values()
    assert (len(run) / SFREQ, len(alone) / SFREQ) == (80, 60)
    # Ictal from 40 s of the recording, 30 s of the file, to its end.
    assert [int(np.argmax(run)), int(run.sum())] == [7680, 12800]


@pytest.mark.parametrize("onsets", [(0, 60), (0, 9.99609375), (0, 0), (0, 20), (5, 14)])
def test_dev_windows_of_any_other_spacing_have_a_file_each(
    onsets: tuple[float, float], export: Callable[..., Path]
) -> None:
    root = export(TRAIN, *(Wanted("dev", 2, 2, onset, PARTIAL) for onset in onsets))

    assert [len(rows) for _, rows in numbers(root, "dev")] == [1, 1]


def test_windows_of_two_recordings_never_share_a_file(
    export: Callable[..., Path],
) -> None:
    root = export(
        TRAIN, Wanted("dev", 2, 2, 0.0, PARTIAL), Wanted("dev", 2, 3, 10.0, PARTIAL)
    )

    assert [rows for _, rows in numbers(root, "dev")] == [[1], [2]]


def test_the_first_file_of_a_split_holds_a_partly_ictal_window(
    export: Callable[..., Path],
) -> None:
    root = export(
        Wanted("train", 1, 1, 0.0),
        Wanted("train", 2, 2, 0.0, PARTIAL),
        Wanted("dev", 3, 3, 0.0),
        Wanted("dev", 4, 4, 0.0, (0, N_TIMES)),
        Wanted("dev", 5, 5, 0.0),
        Wanted("dev", 5, 6, 0.0),
        Wanted("dev", 5, 6, 90.0, PARTIAL),
    )

    assert numbers(root, "train")[0][1] == [1]
    # Of the patient with it, the recording with it; in that, the window.
    assert [rows for _, rows in numbers(root, "dev")] == [[6], [5], [4], [2], [3]]
    manifest = json.loads((root / "cache" / "dev" / "manifest.json").read_text())
    assert manifest["partial_seizure"][0]["cache_file"] == (
        f"{dev_files(root, 3)[0].stem}_data.npy"
    )


def test_a_patient_stays_one_patient(export: Callable[..., Path]) -> None:
    root = export(
        TRAIN,
        Wanted("dev", 2, 2, 0.0),
        Wanted("dev", 2, 3, 0.0, PARTIAL),
        Wanted("dev", 3, 4, 0.0),
    )

    stems = [stem for stem, _ in numbers(root, "dev")]

    assert stems == ["fixtaaac_s001_t000", "fixtaaac_s002_t000", "fixtaaad_s001_t000"]


def test_split_eval_is_what_evaluate_reads(export: Callable[..., Path]) -> None:
    root = export(
        TRAIN,
        Wanted("dev", 2, 2, 0.0, PARTIAL),
        Wanted("eval", 3, 3, 0.0),
        Wanted("eval", 3, 3, 70.0, PARTIAL),
    )

    items = window_dataset(edf_names(root, "eval"), root / "cache" / "test")

    assert [int(one.window[0, 0]) for one in items] == [3, 2]


def test_a_cache_without_a_partly_ictal_window_in_train_is_refused(
    export: Callable[..., Path],
) -> None:
    with pytest.raises(SpecError, match="no window of split train has category 'part"):
        export(Wanted("train", 1, 1, 0.0), Wanted("dev", 2, 2, 0.0, PARTIAL))


def test_readme_says_which_versions_were_read_and_that_none_was_run(
    root: Path,
) -> None:
    text = " ".join((root / "README.md").read_text(encoding="ascii").split())

    assert "from what its files of v3.8 to v4.4 say; 4.x itself was not run" in text
    assert "Its 3.x needs the layout `brain-go-brr-3`." in text
    assert "It maps them read-only" in text
