"""Loading: names, modes, verification once per process, selections, tensors."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from bgb_fixtures import fixture as loader
from bgb_fixtures import synthetic_fixture
from bgb_fixtures.errors import (
    FixtureError,
    FixtureNotFoundError,
    FormatError,
    IntegrityError,
    MissingPackageError,
    SpecError,
)
from bgb_fixtures.fixture import Fixture, find_fixture, load_fixture
from bgb_fixtures.format import map as mapping
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.format.content import Content

    MakeContent = Callable[..., Content]


@pytest.fixture
def path(small_fixture: Path, tmp_path: Path) -> Path:
    """Copy the small fixture, so that a test may change it."""
    target = tmp_path / "mine.h5"
    shutil.copy(small_fixture, target)
    return target


@pytest.fixture
def fixture(small_fixture: Path) -> Fixture:
    """Load the small fixture."""
    return load_fixture(small_fixture)


@pytest.fixture
def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record each time that all digests of a file are checked."""
    calls: list[str] = []
    check = mapping.check_digests

    def counted(buffer: Any, index: Any, *, where: str) -> None:
        calls.append(where)
        check(buffer, index, where=where)

    monkeypatch.setattr(loader, "check_digests", counted)
    return calls


def make_old(path: Path) -> None:
    """Let the loader think that a file was changed long ago, as ctime cannot be set."""
    past = time.time() - 3600
    os.utime(path, (past, past))


@pytest.fixture
def settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file count as settled as soon as it is written."""
    monkeypatch.setattr(loader, "_SETTLED_S", -1.0)


# Names and paths


def test_packaged_smoke_is_there_and_known_positive() -> None:
    path = loader.packaged_dir() / "smoke.h5"
    assert path.is_file(), f"{path} is missing; build it: bgb-fixtures build"
    fixture = load_fixture()
    assert fixture.path == path
    assert fixture.signals.shape == (18, 19, 15360)
    assert fixture.index.counts == {"none": 12, "partial": 5, "full": 1}


def test_installed_package_has_its_fixtures_beside_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "__file__", str(tmp_path / "loader.py"))
    (tmp_path / "fixtures").mkdir()
    assert loader.packaged_dir.__wrapped__() == tmp_path / "fixtures"


def test_checkout_has_its_fixtures_at_its_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "src/bgb_fixtures/fixture.py"
    monkeypatch.setattr(loader, "__file__", str(code))
    assert loader.packaged_dir.__wrapped__() == tmp_path / "fixtures"


@pytest.fixture
def packaged(
    monkeypatch: pytest.MonkeyPatch, small_fixture: Path, tmp_path: Path
) -> Path:
    """Let a folder with a small smoke.h5 stand for the packaged fixtures."""
    folder = tmp_path / "packaged"
    folder.mkdir()
    shutil.copy(small_fixture, folder / "smoke.h5")
    monkeypatch.setattr(loader, "packaged_dir", lambda: folder)
    return folder


@pytest.mark.parametrize("source", [None, "smoke"], ids=["no-argument", "name"])
def test_packaged_name_comes_before_files(
    source: str | None, packaged: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("BGB_FIXTURES_DIR", str(path.parent))
    shutil.copy(path, "smoke")
    shutil.copy(path, "smoke.h5")
    assert load_fixture(source).path == packaged / "smoke.h5"


def test_path_object_is_never_a_name(
    packaged: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    shutil.copy(path, "smoke")
    assert load_fixture(Path("smoke")).path == Path("smoke")
    assert packaged.is_dir()


def test_packaged_fixture_that_is_missing_says_what_to_do(packaged: Path) -> None:
    assert packaged.is_dir()
    with pytest.raises(
        FixtureNotFoundError, match="'tiny' is missing from this installation"
    ):
        load_fixture("tiny")


@pytest.mark.parametrize("name", ["mine", "mine.h5"])
def test_name_is_looked_up_in_the_folder_of_the_environment(
    name: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BGB_FIXTURES_DIR", str(path.parent))
    assert find_fixture(name) == path


@pytest.mark.parametrize(
    ("name", "meant"),
    [("smok", "smoke"), ("Tiny", "tiny"), ("mine", "mine.h5"), ("a/mine", "a/mine.h5")],
)
def test_name_that_is_nearly_one_is_asked_about(
    name: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BGB_FIXTURES_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    for path in ("mine.h5", "a/mine.h5"):
        (tmp_path / path).touch()
    with pytest.raises(
        FixtureNotFoundError,
        match=f"no such file. Did you mean '{meant}'[?] Packaged fixtures: 'smoke', 'ti",
    ):
        find_fixture(name)


def test_name_that_is_nowhere_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BGB_FIXTURES_DIR", str(tmp_path))
    message = (
        rf"no fixture 'other': no such file, and no fixture of that name in "
        rf"BGB_FIXTURES_DIR='{tmp_path}'. "
        "Packaged fixtures: 'smoke', 'tiny'"
    )
    with pytest.raises(FixtureNotFoundError, match=message):
        find_fixture("other")


def test_relative_path_and_str_and_path_give_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    digests = {
        load_fixture(source).index.digest
        for source in ("mine.h5", "./mine.h5", str(path), path)
    }
    assert len(digests) == 1


# What a fixture shows


def test_fixture_shows_arrays_and_facts(fixture: Fixture, small_fixture: Path) -> None:
    assert fixture.signals.shape == (4, 3, 512)
    assert fixture.signals.dtype == np.float32
    assert fixture.labels.shape == (4, 512)
    assert fixture.labels.dtype == np.uint8
    assert fixture.labels.sum(axis=1).tolist() == [384, 512, 0, 256]
    assert fixture.ch_names == ("Fp1", "F3", "C3")
    assert fixture.sfreq == 256.0
    assert fixture.path == small_fixture
    assert [w.kind for w in fixture.windows] == [
        "onset",
        "ictal",
        "background",
        "whole",
    ]
    assert len(fixture) == 4
    assert repr(fixture) == f"<Fixture 'small': 4x3x512 at 256 Hz, '{small_fixture}'>"
    adapted = fixture.adapt(window_length=1)
    assert repr(adapted) == (
        "<Fixture 'small': 8x3x256 at 256 Hz, in memory, adapted from "
        f"'{small_fixture}'>"
    )
    assert repr(synthetic_fixture(2, window_length=4)) == (
        "<Fixture 'synthetic': 2x19x1024 at 256 Hz, in memory>"
    )


def test_as_many_full_as_partial_windows_are_positive_windows(
    make_content: MakeContent, tmp_path: Path
) -> None:
    whole = make_content()
    arrays = ("signals", "labels", "scale", "offset", "windows")
    content = make_content(**{name: getattr(whole, name)[:2] for name in arrays})
    fixture = load_fixture(write_fixture(content, tmp_path / "two.h5"))
    assert fixture.index.counts == {"none": 0, "partial": 1, "full": 1}


def test_microvolts_are_computed_from_scale_and_offset(fixture: Fixture) -> None:
    signals_uv = fixture.microvolts()
    assert signals_uv.dtype == np.float32
    # signals[0, :, 0] = -4, -3.875, -3.75; scale 20; offset 0, 1, -2
    assert signals_uv[0, :, 0].tolist() == [-80.0, -76.5, -77.0]


@pytest.mark.parametrize("mode", ["mmap", "copy"])
def test_modes_give_the_same_and_writing_stays_in_memory(mode: Any, path: Path) -> None:
    before = path.read_bytes()
    fixture = load_fixture(path, mode=mode)
    fixture.signals[0, 0, 0] = 99
    fixture.labels[:] = 7
    assert fixture.signals[0, 0, 0] == 99
    assert path.read_bytes() == before
    again = load_fixture(path, mode=mode)
    assert again.signals[0, 0, 0] == -4
    assert again.labels.max() == 1


def test_unknown_mode_is_refused(path: Path) -> None:
    with pytest.raises(SpecError, match="unknown mode 'read'; allowed: 'mmap', 'copy'"):
        load_fixture(path, mode="read")  # type: ignore[arg-type]


# Verification


def test_bad_array_is_refused_by_default_and_trusted_on_request(path: Path) -> None:
    start = load_fixture(path).index.arrays["signals"].offset
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\1")
    assert load_fixture(path, verify=False).signals.shape == (4, 3, 512)
    with pytest.raises(IntegrityError, match="array 'signals'"):
        load_fixture(path)


@pytest.mark.usefixtures("settle_at_once")
def test_unchanged_file_is_verified_once(path: Path, count_checks: list[str]) -> None:
    for _ in range(3):
        load_fixture(path)
    assert count_checks == [repr(str(path))]


@pytest.mark.usefixtures("settle_at_once")
def test_changed_file_is_verified_again(path: Path, count_checks: list[str]) -> None:
    load_fixture(path)
    make_old(path)
    load_fixture(path)
    assert len(count_checks) == 2


@pytest.mark.usefixtures("settle_at_once")
def test_file_that_went_bad_after_it_was_verified_is_refused(path: Path) -> None:
    index = load_fixture(path).index
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(index.arrays["labels"].offset)
        file.write(b"\1")
    # As a copying tool that keeps times would do; ctime still tells.
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(IntegrityError, match="array 'labels'"):
        load_fixture(path)


def test_young_file_is_verified_each_time(path: Path, count_checks: list[str]) -> None:
    make_old(path)
    load_fixture(path)
    load_fixture(path)
    assert len(count_checks) == 2


@pytest.mark.usefixtures("settle_at_once")
def test_copy_is_verified_each_time(path: Path, count_checks: list[str]) -> None:
    load_fixture(path)
    load_fixture(path, mode="copy")
    assert len(count_checks) == 2


@pytest.mark.usefixtures("settle_at_once")
def test_trusted_load_does_not_count_as_verified(
    path: Path, count_checks: list[str]
) -> None:
    load_fixture(path, verify=False)
    assert count_checks == []
    load_fixture(path)
    assert len(count_checks) == 1


# Pickles; those that a DataLoader makes are in test_dataset.py


@pytest.mark.parametrize("mode", ["mmap", "copy"])
def test_pickle_keeps_the_mode(mode: Any, path: Path) -> None:
    text = pickle.dumps(load_fixture(path, mode=mode))
    assert mode.encode() in text
    assert pickle.dumps(pickle.loads(text)) == text


def test_what_was_verified_is_not_verified_again_by_who_unpickles_it(
    path: Path, count_checks: list[str]
) -> None:
    again = pickle.loads(pickle.dumps(load_fixture(path)))
    assert again.labels.sum() == 1152
    assert len(count_checks) == 1


# Selections


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        pytest.param({}, ["w0", "w1", "w2", "w3"], id="all"),
        pytest.param({"split": "train"}, ["w0", "w1", "w2"], id="split"),
        pytest.param({"category": "partial"}, ["w0", "w3"], id="category"),
        pytest.param({"kind": "ictal"}, ["w1"], id="kind"),
        pytest.param({"subject": "sub-02"}, ["w3"], id="subject"),
        pytest.param({"category": "partial", "split": "dev"}, ["w3"], id="two"),
    ],
)
def test_select_gives_the_windows_that_match(
    wanted: dict[str, Any], ids: list[str], fixture: Fixture
) -> None:
    chosen = fixture.select(**wanted)
    rows = [int(name[1]) for name in ids]
    assert [w.id for w in chosen.windows] == ids
    np.testing.assert_array_equal(chosen.signals, fixture.signals[rows])
    np.testing.assert_array_equal(chosen.labels, fixture.labels[rows])
    assert len(chosen) == len(ids)


def test_select_of_a_run_shares_memory(fixture: Fixture) -> None:
    assert np.shares_memory(fixture.select(split="train").signals, fixture.signals)


def test_select_without_a_match_names_what_there_is(fixture: Fixture) -> None:
    message = (
        "no window with split='test', kind='onset' in .*small.h5'; found "
        "split: dev, train; kind: background, ictal, onset, whole"
    )
    with pytest.raises(SpecError, match=message):
        fixture.select(split="test", kind="onset")


def test_take_follows_the_order_asked_for(fixture: Fixture) -> None:
    chosen = fixture.take([3, 0])
    assert [w.id for w in chosen.windows] == ["w3", "w0"]
    assert chosen.labels.sum(axis=1).tolist() == [256, 384]
    assert chosen.scale.shape == (2, 3)
    assert chosen.microvolts()[1, 1, 0] == -76.5


def test_take_of_a_selection_counts_from_the_selection(fixture: Fixture) -> None:
    partial = fixture.select(category="partial")
    assert [w.id for w in partial.take([1]).windows] == ["w3"]
    assert partial.take([1]).rows == range(3, 4)


def test_take_accepts_numpy_integers(fixture: Fixture) -> None:
    chosen = fixture.take(np.flatnonzero([1, 0, 0, 1]).tolist())
    assert chosen.rows == (0, 3)


def test_selection_knows_the_records_that_were_parsed(fixture: Fixture) -> None:
    records = fixture.records
    assert fixture.take([0]).records is records


def test_selection_of_a_fixture_not_asked_for_records_parses_them_when_asked(
    small_fixture: Path,
) -> None:
    chosen = load_fixture(small_fixture, verify=False).take([2])
    assert "records" not in vars(chosen)
    assert chosen.windows[0].id == "w2"


@pytest.mark.parametrize("row", [-1, 4])
def test_take_refuses_rows_that_are_not_there(row: int, fixture: Fixture) -> None:
    with pytest.raises(SpecError, match=rf"rows \[{row}\] are not in \[0, 4\)"):
        fixture.take([row])


# Closing


def test_arrays_stay_valid_after_close(small_fixture: Path) -> None:
    with load_fixture(small_fixture) as fixture:
        signals, labels = fixture.signals, fixture.labels
        tensor, _ = fixture.tensors()
    assert signals[0, 1, 0] == -3.875
    assert labels.sum() == 1152
    assert tensor[0, 1, 0] == -3.875


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda f: f.signals, id="signals"),
        pytest.param(lambda f: f.labels, id="labels"),
        pytest.param(lambda f: f.scale, id="scale"),
        pytest.param(lambda f: f.records, id="records"),
        pytest.param(lambda f: f.take([0]), id="take"),
        pytest.param(lambda f: f.tensors(), id="tensors"),
        pytest.param(lambda f: f.microvolts(), id="microvolts"),
    ],
)
def test_closed_fixture_says_that_it_is_closed(
    ask: Callable[[Fixture], object], small_fixture: Path
) -> None:
    fixture = load_fixture(small_fixture, verify=False)
    fixture.close()
    with pytest.raises(FixtureError, match=r"small.h5' is closed; load it again"):
        ask(fixture)


@pytest.mark.parametrize("name", ["signals", "labels"])
def test_closed_fixture_gives_no_array_that_it_gave_before(
    name: str, small_fixture: Path
) -> None:
    with load_fixture(small_fixture) as fixture:
        assert len(getattr(fixture, name)) == 4
    with pytest.raises(FixtureError, match=r"small.h5' is closed; load it again"):
        getattr(fixture, name)


def test_selection_outlives_its_fixture(small_fixture: Path) -> None:
    with load_fixture(small_fixture) as fixture:
        chosen = fixture.take([3, 0])
    assert chosen.labels.sum(axis=1).tolist() == [256, 384]


def test_closed_fixture_still_has_length_and_repr(small_fixture: Path) -> None:
    fixture = load_fixture(small_fixture)
    fixture.close()
    fixture.close()
    assert len(fixture) == 4
    assert "4x3x512" in repr(fixture)


def test_arrays_stay_valid_after_the_file_is_replaced(
    path: Path, make_content: MakeContent
) -> None:
    fixture = load_fixture(path)
    write_fixture(make_content(signals=np.ones((4, 3, 512), np.float32)), path)
    assert fixture.signals[0, 1, 0] == -3.875
    assert fixture.windows[0].id == "w0"
    assert load_fixture(path).signals[0, 1, 0] == 1


def test_arrays_stay_valid_after_the_file_is_removed(path: Path) -> None:
    fixture = load_fixture(path)
    path.unlink()
    assert fixture.signals[0, 1, 0] == -3.875


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="needs a list of open files"
)
@pytest.mark.parametrize("mode", ["mmap", "copy"])
def test_no_open_file_of_a_copied_or_refused_fixture_stays(
    mode: Any, path: Path
) -> None:
    def n_open() -> int:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.exists()]
        return sum(link.resolve() == path for link in links)

    fixture = load_fixture(path, mode=mode)
    fixture.tensors()
    # Python's mmap keeps a duplicate of the descriptor as long as the map lives.
    assert n_open() == {"mmap": 1, "copy": 0}[mode]
    del fixture
    assert n_open() == 0
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FormatError, match="truncated"):
        load_fixture(path, mode=mode)
    assert n_open() == 0


# Tensors


def test_tensors_are_float32_and_share_memory(fixture: Fixture) -> None:
    signals, labels = fixture.tensors()
    assert signals.dtype == torch.float32
    assert labels.dtype == torch.float32
    assert tuple(signals.shape) == (4, 3, 512)
    assert tuple(labels.shape) == (4, 512)
    assert signals.data_ptr() == fixture.signals.ctypes.data
    signals[0, 0, 0] = 5
    assert fixture.signals[0, 0, 0] == 5


def test_labels_suit_the_loss_that_they_are_for(fixture: Fixture) -> None:
    _, labels = fixture.tensors()
    loss = torch.nn.BCEWithLogitsLoss()(torch.zeros(4, 512), labels)
    assert loss.item() == pytest.approx(0.6931472)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param("any", [1.0, 1.0, 0.0, 1.0], id="any"),
        # w3 is ictal in exactly half of its samples.
        pytest.param("majority", [1.0, 1.0, 0.0, 0.0], id="majority"),
    ],
)
def test_labels_per_window(
    labels: Any, expected: list[float], fixture: Fixture
) -> None:
    _, values = fixture.tensors(labels=labels)
    assert values.dtype == torch.float32
    assert values.tolist() == expected
    assert fixture.window_labels(labels).dtype == np.uint8


def test_unknown_labels_are_refused(fixture: Fixture) -> None:
    message = "unknown labels 'all'; allowed: 'sample', 'any', 'majority'"
    with pytest.raises(SpecError, match=message):
        fixture.tensors(labels="all")  # type: ignore[arg-type]


def test_tensors_without_torch_say_what_to_install(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match=r'pip install "bgb-fixtures\[torch'):
        fixture.tensors()


def test_without_torch_arrays_work_and_tensors_say_what_to_install(
    small_fixture: Path,
) -> None:
    code = """
import sys
sys.modules["torch"] = None
from bgb_fixtures import load_fixture
from bgb_fixtures.errors import MissingPackageError
fixture = load_fixture(sys.argv[1])
print(fixture.signals.shape, fixture.select(split="dev").labels.sum())
try:
    fixture.tensors()
except MissingPackageError as error:
    print(error)
try:
    import bgb_fixtures.dataset
except MissingPackageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(small_fixture)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "(4, 3, 512) 256",
        'tensors need PyTorch, which is not installed; run: pip install "bgb-fixtures[torch]"',
        'the Datasets need PyTorch, which is not installed; run: pip install "bgb-fixtures[torch]"',
    ]
