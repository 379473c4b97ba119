"""Saved specs: the same fixture from another copy of the corpus, or none."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click import ClickException
from hypothesis import given, settings
from hypothesis import strategies as st
from support import loopback
from support.disk import Disk
from support.requests import listing_of, load_recorded, recorded

from bgb_fixtures.build import build_fixture, select_fixture
from bgb_fixtures.build.digests import is_exact, list_differences
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.remote.web import open_web
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.edf.writer import EdfChannel, write_edf
from bgb_fixtures.eeg.events import sample_to_seconds
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import (
    AnnotationError,
    FixtureError,
    IntegrityError,
    SourceError,
    SpecError,
    TargetError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.recorded import (
    Criteria,
    ListedRecording,
    Listing,
    Outcome,
    Quota,
    ReadBytes,
)
from bgb_fixtures.request.spec import load_spec, parse_spec, write_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.request.recorded import RecordedRequest

# In the twins of 30 s; both are used by the fixture below, the third is not.
TRAIN = "edf/train/synthaaa/s001_2015/01_tcp_ar/synthaaa_s001_t000.edf"
DEV = "edf/dev/synthaab/s001_2015/02_tcp_le/synthaab_s001_t000.edf"
UNUSED = "edf/train/synthaaa/s001_2015/01_tcp_ar/synthaaa_s001_t001.edf"
EVAL = "edf/eval/synthaac/s001_2015/01_tcp_ar/synthaac_s001_t000.edf"
# Of TRAIN: 25 signals; a record of one second has 22 at 256 Hz and 3 at 1 Hz.
HEADER_BYTES = 256 * (25 + 1)
RECORD_BYTES = 2 * (22 * 256 + 3)
TUSZ = {"source": "tusz", "window_length": 4, "quotas": {"onset": 2, "none": 1}}
ZEROS = "0" * 64
PROFILES = [
    pytest.param({}, id="raw-1"),
    pytest.param({"profile": "zscore-1"}, id="zscore-1"),
    pytest.param({"profile": "brain-go-brr-3.1"}, id="brain-go-brr"),
]


def build(request: dict[str, Any], root: Path, folder: Path, **options: Any) -> Path:
    """Build `a.h5` and save `saved.toml` beside it."""
    saved = folder / "saved.toml"
    build_fixture(
        recorded(request), folder / "a.h5", root=root, save_spec=saved, **options
    )
    return saved


def rebuilt(saved: Path, root: Path) -> Path:
    """Build `b.h5` beside the root."""
    path = root.parent / "b.h5"
    build_fixture(load_recorded(saved), path, root=root)
    return path


def toml(value: Any) -> str:
    """Return any JSON value as TOML."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {toml(v)}" for k, v in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def write(value: dict[str, Any], path: Path) -> Path:
    lines = (f"{key} = {toml(of_key)}\n" for key, of_key in value.items())
    path.write_text("".join(lines), encoding="utf-8")
    return path


def edited(saved: Path, target: Path, *path: str | int, to: object) -> Path:
    """Write a spec with one value replaced, added, or, if it is None, removed."""
    value = tomllib.loads(saved.read_text())
    inner: Any = value
    for key in path[:-1]:
        inner = inner[key]
    if to is None:
        del inner[path[-1]]
    elif path[-1] == "+":
        inner.append(to)
    else:
        inner[path[-1]] = to
    return write(value, target)


def flip(path: Path, place: int) -> str:
    """Change one byte; return the digest that the file had."""
    raw = bytearray(path.read_bytes())
    before = hashlib.sha256(raw).hexdigest()
    raw[place] ^= 1
    path.write_bytes(raw)
    return before


@pytest.fixture(scope="module")
def saved(tusz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the spec of three windows of TUSZ, beside its fixture; do not change it."""
    return build(TUSZ, tusz, tmp_path_factory.mktemp("saved"))


@pytest.fixture
def copy(tusz: Path, tmp_path: Path) -> Path:
    """Copy the twin of TUSZ to another place, to be changed."""
    return shutil.copytree(tusz, tmp_path / "elsewhere" / "v2")


@pytest.fixture
def changed(saved: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write the spec with one value changed, as `edited` does."""

    def change(*path: str | int, to: object) -> Path:
        return edited(saved, tmp_path / "changed.toml", *path, to=to)

    return change


# The same corpus elsewhere


@pytest.mark.parametrize(
    "change",
    [
        *PROFILES,
        pytest.param({"montage": "szcore-19"}, id="common-average"),
        pytest.param({"montage": ["Cz", "Fp1-F7"]}, id="derivations"),
        pytest.param({"sfreq": 200}, id="resampled"),
        pytest.param({"band_pass": [1, 40]}, id="filtered"),
        pytest.param(
            {
                "quotas": {"dev": {"onset": 1}, "none": 1},
                "splits": ["dev"],
                "per_subject": 2,
            },
            id="limits",
        ),
    ],
)
def test_another_copy_gives_the_same_bytes(
    tusz: Path, copy: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    request = load_recorded(build(TUSZ | change, tusz, tmp_path))
    report = build_fixture(request, tmp_path / "b.h5", root=copy)
    assert report.differing == ()
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "a.h5").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="chosen"),
        pytest.param({"profile": "zscore-1"}, id="zscore-1"),
        pytest.param(
            {
                "recordings": [
                    {"name": "chb82/chb82_02.edf", "windows": [11.5], "split": "dev"},
                    {"name": "chb81/chb81_01.edf", "windows": [20, 0]},
                ]
            },
            id="listed",
        ),
    ],
)
def test_another_copy_of_chbmit_gives_the_same_bytes(
    chbmit: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    request = {"source": "chbmit", "window_length": 4, **change}
    saved = build(request, chbmit, tmp_path)
    copy = shutil.copytree(chbmit, tmp_path / "c" / "copy")
    assert rebuilt(saved, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()
    with load_fixture(tmp_path / "a.h5") as fixture:
        assert list_differences(load_recorded(saved), fixture) == ()


@pytest.mark.parametrize("change", PROFILES)
def test_another_copy_of_bids_gives_the_same_bytes(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    root = write_corpus("bids", tmp_path / "bids", n_recordings=4, duration=30).path
    request = {"source": "bids", "window_length": 4, "per_kind": 1, **change}
    saved = build(request, root, tmp_path)
    copy = shutil.copytree(root, tmp_path / "c" / "copy")
    assert rebuilt(saved, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()


SIENA = """\
Data Sampling Rate: 256 Hz

Seizure n 1
File name: PN00-1.edf
Registration start time: 10.00.00
Registration end time: 10.00.40
Seizure start time: 10.00.10
Seizure end time: 10.00.20
"""


@pytest.mark.parametrize("change", PROFILES)
def test_another_copy_of_siena_gives_the_same_bytes(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = tmp_path / "siena" / "PN00"
    folder.mkdir(parents=True)
    (folder / "Seizures-list-PN00.txt").write_text(SIENA)
    noise = np.random.default_rng(0).integers(-800, 800, (19, 40 * 256))
    channels = [
        EdfChannel(label=f"EEG {name}", digital=row)
        for name, row in zip(MONTAGES["10-20"], noise, strict=True)
    ]
    start = datetime(2016, 1, 1, 10, 0, 0)  # noqa: DTZ001
    write_edf(folder / "PN00-1.edf", channels, start=start)
    request = {"source": "siena", "window_length": 4, "per_kind": 1, **change}
    saved = build(request, folder.parent, tmp_path)
    copy = shutil.copytree(folder.parent, tmp_path / "c" / "copy")
    assert rebuilt(saved, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()


@pytest.mark.parametrize("change", PROFILES)
def test_annotations_in_a_folder_of_their_own_are_found_again(
    tusz: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    request = {"source": "edf", "window_length": 4, "per_kind": 1, **change}
    root = tusz / "edf" / "train"
    notes = tmp_path / "notes"
    notes.mkdir()
    for path in root.rglob("*.csv_bi"):
        shutil.copy(path, notes)
    saved = load_recorded(build(request, root, tmp_path, annotations=notes))
    copy = shutil.copytree(root, tmp_path / "copy")
    other = notes.rename(tmp_path / "others")
    report = build_fixture(saved, tmp_path / "b.h5", root=copy, annotations=other)
    assert report.path.read_bytes() == (tmp_path / "a.h5").read_bytes()
    ((name, _),) = listing_of(saved).sha256
    assert name == "synthaaa_s001_t000.csv_bi"


def test_annotations_inside_the_recording_make_all_of_its_bytes_count(
    tmp_path: Path,
) -> None:
    run("export", "tiny", "--to", "edf", tmp_path / "edf")
    for path in (tmp_path / "edf").rglob("*.tsv"):
        path.unlink()
    request = {"source": "edf", "window_length": 2, "label_pattern": ".*sz"}
    saved = build(request, tmp_path / "edf", tmp_path)
    copy = shutil.copytree(tmp_path / "edf", tmp_path / "copies" / "edf")
    assert rebuilt(saved, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()
    before = flip(copy / "train" / "win-01.edf", -200)
    with pytest.raises(
        AnnotationError, match=f"win-01.edf': expected SHA-256 {before}"
    ):
        rebuilt(saved, copy)


@pytest.mark.parametrize(
    "change",
    [pytest.param({}, id="raw-1"), pytest.param({"profile": "zscore-1"}, id="zscore")],
)
def test_the_same_bytes_come_over_the_web_and_nothing_else_is_fetched(
    chbmit: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    pytest.importorskip("requests", reason="needs the extra remote")
    one = {"name": "chb82/chb82_02.edf", "windows": [11.5]}
    request = {"source": "chbmit", "window_length": 4, "recordings": [one], **change}
    saved = load_recorded(build(request, chbmit, tmp_path))
    with loopback.Loopback(chbmit) as server:
        root = open_web(server.url, cache=tmp_path / "cache")
        build_fixture(saved, tmp_path / "b.h5", root=root)
        fetched = {request.path for request in server.requests}
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "a.h5").read_bytes()
    assert fetched == {
        "SHA256SUMS.txt",
        "chb82/chb82-summary.txt",
        "chb82/chb82_02.edf.seizures",
        "chb82/chb82_02.edf",
    }


def test_a_saved_spec_of_the_blind_split_works_as_its_request_named_it(
    tusz: Path, copy: Path, tmp_path: Path
) -> None:
    saved = build(TUSZ | {"splits": ["eval"], "quotas": {"onset": 1}}, tusz, tmp_path)
    assert rebuilt(saved, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()


def test_a_saved_spec_does_not_open_the_blind_split_by_a_name(
    changed: Callable[..., Path], copy: Path, tmp_path: Path
) -> None:
    path = changed("recordings", 1, to={"name": EVAL, "windows": [9]})
    value = tomllib.loads(path.read_text())
    names = [
        name.replace(".edf", ending)
        for name in (TRAIN, EVAL)
        for ending in (".csv", ".csv_bi")
    ]
    value["sha256"] = {
        name: hashlib.sha256((copy / name).read_bytes()).hexdigest() for name in names
    }
    with pytest.raises(SourceError, match="in split 'eval', which is kept blind"):
        rebuilt(write(value, tmp_path / "eval.toml"), copy)


def test_the_spec_of_what_a_saved_spec_gave_is_the_same(
    saved: Path, copy: Path, tmp_path: Path
) -> None:
    again, from_saved = tmp_path / "again.toml", tmp_path / "from-saved.toml"
    build_fixture(recorded(TUSZ), tmp_path / "1.h5", root=copy, save_spec=again)
    request = load_spec(saved)
    build_fixture(request, tmp_path / "2.h5", root=copy, save_spec=from_saved)
    assert again.read_bytes() == from_saved.read_bytes() == saved.read_bytes()


# What a saved spec holds


def test_what_a_saved_spec_holds(saved: Path, tusz: Path) -> None:
    value = tomllib.loads(saved.read_text())
    fixture = load_fixture(saved.with_name("a.h5"))
    one, other = value.pop("recordings")
    assert one["name"] == TRAIN
    # The seizure begins at 3.625 s: in the middle of 4 s.
    assert one["windows"] == [1.625, 21.21875]
    assert one["size"] == (tusz / TRAIN).stat().st_size
    assert (other["name"], other["windows"]) == (DEV, [1.0])
    assert value.pop("sha256") == {
        name.replace(".edf", end): hashlib.sha256(
            (tusz / name).with_suffix(end).read_bytes()
        ).hexdigest()
        for name in (DEV, TRAIN)
        for end in (".csv", ".csv_bi")
    }
    of_fixture = value.pop("fixture")
    assert of_fixture.pop("digest") == fixture.index.digest
    assert of_fixture.pop("records") != fixture.index.digest
    assert of_fixture == {
        name: array.sha256 for name, array in fixture.index.arrays.items()
    }
    assert value.pop("chosen") == {"quotas": {"none": 1, "onset": 2}}
    # The rest is what the fixture keeps of its request.
    assert value | {"quotas": {"none": 1, "onset": 2}} == fixture.records.spec


def test_digests_are_of_the_header_and_the_records_of_each_window(
    saved: Path, tusz: Path
) -> None:
    # Who was recorded stands in the header: a digest of it would confirm a guess.
    recording, _ = listing_of(load_spec(saved)).recordings
    raw = (tusz / TRAIN).read_bytes()
    records = [(1, 6), (21, 26)]
    spans = [
        (HEADER_BYTES + a * RECORD_BYTES, HEADER_BYTES + b * RECORD_BYTES)
        for a, b in records
    ]
    assert recording.read == tuple(
        ReadBytes(
            start=start,
            stop=stop,
            sha256=hashlib.sha256(raw[:HEADER_BYTES] + raw[start:stop]).hexdigest(),
        )
        for start, stop in spans
    )
    assert hashlib.sha256(raw[:HEADER_BYTES]).hexdigest() not in saved.read_text()


def test_a_profile_of_the_whole_recording_has_the_digest_of_the_file(
    tusz: Path, tmp_path: Path
) -> None:
    saved = build(TUSZ | {"profile": "zscore-1"}, tusz, tmp_path)
    raw = (tusz / TRAIN).read_bytes()
    assert listing_of(load_spec(saved)).recordings[0].read == (
        ReadBytes(start=0, stop=len(raw), sha256=hashlib.sha256(raw).hexdigest()),
    )


def test_a_saved_spec_holds_no_path_of_the_machine_and_no_annotation(
    saved: Path, tusz: Path
) -> None:
    text = saved.read_text()
    assert str(tusz.parent) not in text
    assert "fnsz" not in text
    assert "3.625" not in text


def test_no_name_or_digest_of_a_saved_spec_is_in_the_fixture(
    saved: Path, copy: Path
) -> None:
    raw = rebuilt(saved, copy).read_bytes()
    assert b"synth" not in raw
    listing = listing_of(load_spec(saved))
    digests = [part.sha256 for one in listing.recordings for part in one.read]
    digests += [digest for _, digest in listing.sha256]
    assert [digest for digest in digests if digest.encode() in raw] == []


def test_seizures_and_digests_of_a_list_are_replaced_by_those_that_were_found(
    chbmit: Path, tmp_path: Path
) -> None:
    summary = "chb81/chb81-summary.txt"
    digest = hashlib.sha256((chbmit / summary).read_bytes()).hexdigest()
    one = {"name": "chb81/chb81_01.edf", "windows": [1], "seizures": [[3, 16]]}
    request = {
        "source": "chbmit",
        "window_length": 4,
        "recordings": [one],
        "sha256": {summary: digest},
    }
    value = tomllib.loads(build(request, chbmit, tmp_path).read_text())
    (recording,) = value["recordings"]
    assert recording.keys() == {"name", "windows", "size", "read"}
    assert value["sha256"].keys() == {summary, "chb81/chb81_01.edf.seizures"}
    assert value["sha256"][summary] == digest
    assert "chosen" not in value


def test_a_name_in_any_script_is_saved(chbmit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "edf" / "Ærø 患者 🧠"
    folder.mkdir(parents=True)
    shutil.copy(chbmit / "chb81" / "chb81_01.edf", folder / 'a "b" c.edf')
    (folder / 'a "b" c.tsv').write_text("onset\tduration\teventType\n3\t13\tsz\n")
    request = {"source": "edf", "window_length": 4, "montage": "double-banana"}
    saved = build(request, tmp_path / "edf", tmp_path)
    (recording,) = listing_of(load_spec(saved)).recordings
    assert recording.name == 'Ærø 患者 🧠/a "b" c.edf'
    copy = shutil.copytree(tmp_path / "edf", tmp_path / "copies" / "edf")
    assert rebuilt(saved, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()


# Together or not at all


def test_an_older_spec_is_replaced(saved: Path, tusz: Path, tmp_path: Path) -> None:
    build(TUSZ | {"name": "old"}, tusz, tmp_path)
    assert build(TUSZ, tusz, tmp_path).read_bytes() == saved.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("mine", id="text"),
        pytest.param("[tool.mine]\n", id="other-toml"),
        pytest.param("", id="empty"),
    ],
)
def test_a_file_that_is_no_spec_is_left_alone_before_the_work(
    tusz: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "saved.toml").write_text(text)
    with pytest.raises(TargetError, match=r"saved\.toml' exists and is not a spec"):
        build(TUSZ, tusz, tmp_path)
    assert (tmp_path / "saved.toml").read_text() == text
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("nowhere/s.toml", "folder '.*nowhere'", id="nowhere"),
        pytest.param("folder", "folder' is a folder; expected the name", id="folder"),
        pytest.param("x" * 300, "cannot be written: File name too long", id="long"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_the_work(
    tusz: Path, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(TargetError, match=message):
        build_fixture(
            recorded(TUSZ), tmp_path / "a.h5", root=tusz, save_spec=tmp_path / name
        )
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["a\nb", "a\udc80b"])
def test_a_fixture_whose_spec_could_not_be_read_is_not_written(
    chbmit: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "edf" / name
    folder.mkdir(parents=True)
    shutil.copy(chbmit / "chb81" / "chb81_01.edf", folder)
    (folder / "chb81_01.tsv").write_text("onset\tduration\teventType\n3\t13\tsz\n")
    request = {"source": "edf", "window_length": 4, "montage": "double-banana"}
    with pytest.raises(SpecError, match=r"spec '.*/saved\.toml'(, recordings| is not)"):
        build(request, tmp_path / "edf", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["edf"]
    build_fixture(recorded(request), tmp_path / "a.h5", root=tmp_path / "edf")


def test_a_fixture_whose_spec_would_be_too_long_to_be_read_is_not_written(
    saved: Path, tusz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = saved.stat().st_size
    monkeypatch.setattr("bgb_fixtures.request.spec.MAX_BYTES", size - 1)
    with pytest.raises(SpecError, match=r"saved\.toml': expected a spec, at most"):
        build(TUSZ, tusz, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.h5", "sub/../a.h5"])
def test_fixture_and_spec_are_two_files(tusz: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(TargetError, match="fixture and spec need different files"):
        build_fixture(
            recorded(TUSZ), tmp_path / "a.h5", root=tusz, save_spec=tmp_path / name
        )
    assert [path.name for path in tmp_path.iterdir()] == ["sub"]


def test_synthetic_eeg_needs_no_saved_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="synthetic EEG needs no saved spec"):
        build_fixture(
            load_spec("tiny"), tmp_path / "a.h5", save_spec=tmp_path / "s.toml"
        )
    assert not list(tmp_path.iterdir())


def pair(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, but for what the next run sweeps away."""
    paths = (path for path in folder.iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("old", [True, False], ids=["old-pair", "no-pair"])
@pytest.mark.parametrize("failing", ["a.h5", "saved.toml"])
def test_of_a_pair_that_cannot_be_published_nothing_is(
    tusz: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    *,
    old: bool,
) -> None:
    if old:
        build(TUSZ | {"name": "old"}, tusz, tmp_path)
    before = pair(tmp_path)
    move = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target.name == failing and self.parent.name.startswith("."):
            # Only as a draft: what was there before may be put back.
            monkeypatch.setattr(Path, "replace", move)
            raise OSError(28, "No space left on device")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    message = rf"{failing}' cannot be written: No space left"
    with pytest.raises(TargetError, match=message):
        build(TUSZ, tusz, tmp_path)
    assert pair(tmp_path) == before


@pytest.mark.parametrize("old", [True, False], ids=["old-pair", "no-pair"])
def test_of_a_pair_whose_fixture_tells_who_it_is_of_nothing_is_published(
    tusz: Path, tmp_path: Path, *, old: bool
) -> None:
    if old:
        build(TUSZ | {"name": "old"}, tusz, tmp_path)
    before = pair(tmp_path)
    with pytest.raises(FixtureError, match="characters of the path"):
        build(TUSZ | {"name": "synthaaa"}, tusz, tmp_path)
    assert pair(tmp_path) == before


def test_a_call_that_fails_leaves_the_old_pair_or_the_new_one(
    tusz: Path, tmp_path: Path
) -> None:
    old, work = tmp_path / "old", tmp_path / "work"
    old.mkdir()
    build(TUSZ | {"name": "old"}, tusz, old)

    def attempt(fail_at: int) -> tuple[dict[str, bytes], int]:
        """Build over the old pair while the k-th call fails."""
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(old, work)
        disk = Disk(work, fail_at)
        with pytest.MonkeyPatch.context() as patch, suppress(FixtureError):
            disk.watch(patch)
            build(TUSZ, tusz, work)
        return pair(work), len(disk.calls)

    new, n_calls = attempt(0)
    assert n_calls > 20
    names = {tuple(pair(old).values()): "old", tuple(new.values()): "new"}
    outcomes = [
        names.get(tuple(attempt(k)[0].values()), f"call {k}: half of it")
        for k in range(1, n_calls + 1)
    ]
    assert set(outcomes) == {"old", "new"}
    assert (outcomes[0], outcomes[-1]) == ("old", "new")


# Another corpus


@pytest.fixture
def refused(copy: Path) -> Iterator[Path]:
    """Give the copy, and see that nothing was written."""
    yield copy
    assert not (copy.parent / "b.h5").exists()


def test_another_byte_in_a_record_of_a_window_is_refused(
    saved: Path, refused: Path
) -> None:
    # The fourth second: the window lies at 1.625 to 5.625 s.
    flip(refused / TRAIN, HEADER_BYTES + 3 * RECORD_BYTES + 5000)
    start, stop = HEADER_BYTES + RECORD_BYTES, HEADER_BYTES + 6 * RECORD_BYTES
    message = (
        rf"{TRAIN}', header and bytes {start}-{stop}: expected SHA-256 [0-9a-f]{{64}} "
        r"as in the spec, found [0-9a-f]{64}\. Is it another version of the corpus\?"
    )
    with pytest.raises(SourceError, match=message):
        rebuilt(saved, refused)


def test_another_byte_in_the_header_is_refused(saved: Path, refused: Path) -> None:
    flip(refused / TRAIN, 20)
    with pytest.raises(SourceError, match=rf"{TRAIN}', header and bytes [0-9]+-"):
        rebuilt(saved, refused)


@pytest.mark.parametrize("profile", ["zscore-1", "brain-go-brr-3.1"])
def test_any_byte_counts_where_the_profile_depends_on_the_whole_recording(
    tusz: Path, refused: Path, tmp_path: Path, profile: str
) -> None:
    saved = build(TUSZ | {"profile": profile}, tusz, tmp_path)
    # In the last record, after all windows, and of no channel that is used.
    before = flip(refused / TRAIN, -1)
    message = (
        rf"{TRAIN}': expected SHA-256 {before} as in the spec, found [0-9a-f]{{64}}"
    )
    with pytest.raises(SourceError, match=message):
        rebuilt(saved, refused)


def test_the_context_of_a_filter_counts_as_well(
    tusz: Path, refused: Path, tmp_path: Path
) -> None:
    saved = build(TUSZ | {"band_pass": [1, 40]}, tusz, tmp_path)
    # The window begins in the second second.
    flip(refused / TRAIN, HEADER_BYTES + 5)
    with pytest.raises(
        SourceError, match=rf"{TRAIN}', header and bytes {HEADER_BYTES}-"
    ):
        rebuilt(saved, refused)


@pytest.mark.parametrize("ending", [".csv", ".csv_bi"])
def test_another_byte_in_an_annotation_file_is_refused(
    saved: Path, refused: Path, ending: str
) -> None:
    path = (refused / TRAIN).with_suffix(ending)
    before = flip(path, -2)
    message = rf"synthaaa_s001_t000\{ending}': expected SHA-256 {before}, got "
    with pytest.raises(AnnotationError, match=message):
        rebuilt(saved, refused)


def test_an_annotation_file_more_is_refused(saved: Path, refused: Path) -> None:
    path = (refused / TRAIN).with_suffix(".csv_bi")
    shutil.copy(path, path.with_suffix(".tse_bi"))
    message = (
        r"synthaaa_s001_t000\.tse_bi': the fixture of the spec was built without this "
        "annotation file"
    )
    with pytest.raises(SourceError, match=message):
        rebuilt(saved, refused)


def test_an_annotation_file_less_is_refused(saved: Path, refused: Path) -> None:
    (refused / TRAIN).with_suffix(".csv").unlink()
    with pytest.raises(
        SourceError, match=r"annotation file '.*t000\.csv': the spec has its SHA-256"
    ):
        rebuilt(saved, refused)


def test_a_recording_that_is_longer_is_refused(saved: Path, refused: Path) -> None:
    path = refused / TRAIN
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(RECORD_BYTES))
    message = (
        rf"{TRAIN}': expected {size} bytes as in the spec, found {size + RECORD_BYTES}"
    )
    with pytest.raises(SourceError, match=message):
        rebuilt(saved, refused)


def test_a_recording_that_is_missing_is_named(saved: Path, refused: Path) -> None:
    for path in (refused / TRAIN).parent.glob("*_t000.*"):
        path.unlink()
    with pytest.raises(SourceError, match=rf"recording '{TRAIN}' is not below"):
        rebuilt(saved, refused)


def test_another_root_of_the_same_corpus_is_told(saved: Path, refused: Path) -> None:
    with pytest.raises(SourceError, match="pass the root of TUSZ that its name is"):
        rebuilt(saved, refused / "edf")


def test_what_a_saved_spec_does_not_use_may_be_anything(
    saved: Path, copy: Path
) -> None:
    (copy / UNUSED).write_bytes(b"torn")
    (copy / UNUSED).with_suffix(".csv").unlink()
    # The last record, behind all windows.
    flip(copy / TRAIN, -1)
    assert rebuilt(saved, copy).read_bytes() == saved.with_name("a.h5").read_bytes()


def test_a_saved_spec_of_another_source_is_refused(
    chbmit: Path, saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=r"recording 'edf/.* is not below"):
        build_fixture(load_spec(saved), tmp_path / "b.h5", root=chbmit)


# A spec that was changed


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        pytest.param(
            ("note",), "hello", ": unknown key 'note'", id="unknown-key",
        ),
        pytest.param(
            ("recordings", 0, "length"), 4,
            r": unknown key 'recordings\[0\]\.length' for source 'tusz'",
            id="unknown-key-of-a-recording",
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "sha1"), "12",
            r": unknown key 'recordings\[0\]\.read\[0\]\.sha1'; did you mean .*sha256",
            id="unknown-key-of-a-range",
        ),
        pytest.param(
            ("chosen", "splits"), ["train"], ": unknown key 'chosen.splits'",
            id="unknown-key-of-criteria",
        ),
        pytest.param(
            ("fixture", "path"), "a.h5", ": unknown key 'fixture.path'",
            id="unknown-key-of-the-fixture",
        ),
        pytest.param(("recordings",), [], "sha256: expected none, as no", id="empty"),
        pytest.param(
            ("recordings", 0), "a.edf",
            r"recordings\[0\]: expected a table, got 'a\.edf'", id="no-table",
        ),
        pytest.param(
            ("recordings", 0, "name"), "../a.edf",
            r"recordings\[0\]\.name: expected the name .*, got '\.\./a\.edf'",
            id="name-above-the-root",
        ),
        pytest.param(
            ("recordings", 0, "name"), "/etc/passwd", r"recordings\[0\]\.name: expected",
            id="absolute-name",
        ),
        pytest.param(
            ("recordings", 0, "size"), "12",
            r"recordings\[0\]\.size: expected an integer from 1 to \d+, got '12'",
            id="size-as-text",
        ),
        pytest.param(
            ("recordings", 0, "size"), 0, r"recordings\[0\]\.size: .*, got 0", id="size-0"
        ),
        pytest.param(
            ("recordings", 0, "size"), 20000,
            r"recordings\[0\]\.read\[0\]\.stop: expected an integer from 17927 to 20000, "
            "got 74276",
            id="range-past-the-size",
        ),
        pytest.param(
            ("recordings", 0, "read"), 5,
            r"recordings\[0\]\.read: expected a list of tables, got 5", id="read-no-list"
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "start"), -1,
            r"read\[0\]\.start: expected an integer from 0 to \d+, got -1",
            id="range-before-the-file",
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "start"), True,
            r"read\[0\]\.start: expected an integer from .*, got True", id="start-true",
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "stop"), 17926,
            r"read\[0\]\.stop: expected an integer from 17927 to 344756, got 17926",
            id="empty-range",
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "sha256"), "xy",
            r"read\[0\]\.sha256: expected a SHA-256 .*, got 'xy'", id="no-digest",
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "sha256"), None,
            r"read\[0\]\.sha256: expected a SHA-256 .*, got nothing",
            id="missing-digest",
        ),
        pytest.param(
            ("recordings", 0, "read", "+"),
            {"start": 17926, "stop": 74276, "sha256": ZEROS},
            r"recordings\[0\]\.read: expected each range once, got '17926-74276 2 times'",
            id="range-twice",
        ),
        pytest.param(
            ("sha256", "/etc/passwd"), ZEROS,
            r"sha256: expected names of files .*, got '/etc/passwd'",
            id="absolute-annotation",
        ),
        pytest.param(
            ("sha256", "a"), "xy", r"sha256\.a: expected a SHA-256 .*, got 'xy'",
            id="no-annotation-digest",
        ),
        pytest.param(
            ("chosen",), [], r"chosen: expected a table, got \[\]", id="chosen-list"
        ),
        pytest.param(
            ("chosen", "quotas", "onsets"), 2, r"chosen\.quotas\.onsets: unknown kind",
            id="unknown-quota",
        ),
        pytest.param(
            ("fixture", "labels"), "0", r"fixture\.labels: expected a SHA-256",
            id="array-digest",
        ),
        pytest.param(
            ("fixture", "records"), None,
            r"fixture\.records: expected a SHA-256 .*, got nothing",
            id="missing-outcome",
        ),
        pytest.param(
            ("quotas",), {"onset": 1}, r"quotas: expected none, as \[\[recordings\]\] lists",
            id="criteria-beside-the-list",
        ),
    ],
)  # fmt: skip
def test_a_saved_spec_that_is_none_is_refused(
    changed: Callable[..., Path], path: tuple[str, ...], to: object, message: str
) -> None:
    with pytest.raises(SpecError, match=rf"^spec '.*changed\.toml'.*{message}"):
        load_spec(changed(*path, to=to))


@pytest.mark.parametrize("key", ["chosen", "fixture"])
def test_evidence_without_a_list_is_refused(
    changed: Callable[..., Path], key: str
) -> None:
    value = tomllib.loads(changed("recordings", to=None).read_text())
    del value["sha256"]
    del value["chosen" if key == "fixture" else "fixture"]
    with pytest.raises(SpecError, match=rf"{key}: expected none, as no \[\[recordings"):
        parse_spec(value, where="spec 'a.toml'")


@pytest.mark.parametrize(
    ("path", "to", "error", "message"),
    [
        pytest.param(
            ("recordings", 0, "size"), 344757, SourceError,
            rf"{TRAIN}': expected 344757 bytes as in the spec, found 344756", id="size"
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "sha256"), ZEROS, SourceError,
            rf"{TRAIN}', header and bytes 17926-74276: expected SHA-256 {ZEROS} as in",
            id="digest-of-a-range",
        ),
        pytest.param(
            ("recordings", 0, "read", 0, "start"), 6656, SourceError,
            rf"{TRAIN}', bytes 17926-74276: the spec has no SHA-256 for these bytes",
            id="range",
        ),
        pytest.param(
            ("recordings", 0, "read", "+"),
            {"start": 6656, "stop": 17926, "sha256": ZEROS}, SourceError,
            rf"{TRAIN}', bytes 6656-17926: the spec has their SHA-256, but no window",
            id="range-of-no-window",
        ),
        pytest.param(
            ("recordings", 0, "windows", 0), 8.0, SourceError,
            rf"{TRAIN}', bytes \d+-\d+: the spec has no SHA-256 for these bytes",
            id="window-in-other-records",
        ),
        pytest.param(
            ("recordings", 0, "windows", 0), 1.75, IntegrityError,
            r"b\.h5' would not be the fixture of the spec: array 'signals': expected",
            id="window-in-the-same-records",
        ),
        pytest.param(
            ("recordings", 0, "windows", 1), 27, SpecError,
            r"recordings\[0\] .*, windows\[1\]: expected a window of 4 s inside",
            id="window-past-the-end",
        ),
        pytest.param(
            ("sha256", DEV.replace(".edf", ".csv")), ZEROS, AnnotationError,
            rf"synthaab_s001_t000\.csv': expected SHA-256 {ZEROS}, got",
            id="annotation-digest",
        ),
        pytest.param(
            ("sha256", DEV.replace(".edf", ".csv")), None, SourceError,
            r"synthaab_s001_t000\.csv': the fixture of the spec was built without",
            id="annotation-left-out",
        ),
        pytest.param(
            ("sha256", "a.csv"), ZEROS, SourceError,
            "annotation file 'a.csv': the spec has its SHA-256, and no recording",
            id="annotation-of-nothing",
        ),
        pytest.param(
            ("name",), "other", IntegrityError,
            "the fixture of the spec: records: expected SHA-256", id="name",
        ),
        pytest.param(
            ("chosen", "quotas", "onset"), 3, IntegrityError,
            "the fixture of the spec: records: expected SHA-256", id="chosen",
        ),
        pytest.param(
            ("montage",), ["Fp1"], IntegrityError,
            "the fixture of the spec: array 'signals': expected SHA-256", id="montage",
        ),
        *(
            pytest.param(
                ("fixture", key), ZEROS, IntegrityError,
                rf"b\.h5' would not be the fixture of the spec: {what}: expected SHA-256 "
                f"{ZEROS}, found [0-9a-f]",
                id=f"outcome-{key}",
            )
            for key, what in (
                ("signals", "array 'signals'"), ("labels", "array 'labels'"),
                ("scale", "array 'scale'"), ("offset", "array 'offset'"),
                ("records", "records"), ("digest", "index and records"),
            )
        ),
    ],
)  # fmt: skip
def test_a_lie_of_a_saved_spec_is_refused_and_nothing_written(
    changed: Callable[..., Path],
    refused: Path,
    path: tuple[str, ...],
    to: object,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        rebuilt(changed(*path, to=to), refused)


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        pytest.param(
            ("sha256",), ZEROS, rf"{TRAIN}': expected SHA-256 {ZEROS} as in", id="digest"
        ),
        pytest.param(
            ("start",), 6656, rf"{TRAIN}': the spec has no SHA-256 of the whole file",
            id="range",
        ),
    ],
)  # fmt: skip
def test_a_lie_about_a_whole_file_is_refused(
    tusz: Path,
    refused: Path,
    tmp_path: Path,
    path: tuple[str, ...],
    to: object,
    message: str,
) -> None:
    saved = build(TUSZ | {"profile": "zscore-1"}, tusz, tmp_path)
    lie = edited(saved, tmp_path / "lie.toml", "recordings", 0, "read", 0, *path, to=to)
    with pytest.raises(SourceError, match=message):
        rebuilt(lie, refused)


def test_without_its_digests_a_saved_spec_is_a_plain_list(
    saved: Path, copy: Path, tmp_path: Path
) -> None:
    value = tomllib.loads(saved.read_text())
    for key in ("sha256", "chosen", "fixture"):
        del value[key]
    for recording in value["recordings"]:
        del recording["size"], recording["read"]
    flip(copy / TRAIN, HEADER_BYTES + 3 * RECORD_BYTES + 5000)
    path = rebuilt(write(value, tmp_path / "list.toml"), copy)
    with load_fixture(path) as fixture:
        assert [window.onset for window in fixture.windows] == [1.625, 21.21875, 1.0]


# Filtered data, which another scipy may change by a grid step


@pytest.fixture
def filtered(tusz: Path, tmp_path: Path) -> Callable[..., Path]:
    """Save the spec of a filtered fixture, with another digest of some array."""

    def make(*arrays: str) -> Path:
        saved = build(TUSZ | {"band_pass": [1, 40]}, tusz, tmp_path)
        for name in (*arrays, "digest"):
            edited(saved, saved, "fixture", name, to=ZEROS)
        return saved

    return make


def test_filtered_samples_may_differ_and_that_is_said(
    filtered: Callable[..., Path], copy: Path
) -> None:
    saved = load_spec(filtered("signals"))
    report = build_fixture(saved, copy.parent / "b.h5", root=copy)
    assert report.differing == ("signals",)
    assert report.path.is_file()


def test_filtered_data_of_other_bytes_is_refused(
    filtered: Callable[..., Path], refused: Path
) -> None:
    saved = filtered("signals")
    edited(saved, saved, "recordings", 0, "read", 0, "stop", to=6657)
    with pytest.raises(SourceError, match="the spec has no SHA-256 for these bytes"):
        rebuilt(saved, refused)


def test_labels_of_filtered_data_may_not_differ(
    filtered: Callable[..., Path], refused: Path
) -> None:
    saved = filtered("labels", "signals")
    with pytest.raises(IntegrityError, match="array 'labels': expected SHA-256 000"):
        rebuilt(saved, refused)


@pytest.mark.parametrize(
    ("change", "header", "exact"),
    [
        pytest.param({}, {}, True, id="raw-1"),
        pytest.param({"profile": "zscore-1"}, {}, True, id="zscore-1"),
        pytest.param({"montage": "szcore-19"}, {}, True, id="common-average"),
        pytest.param({"band_pass": [1, 40]}, {}, False, id="filtered"),
        pytest.param({"profile": "brain-go-brr-3.1"}, {}, False, id="brain-go-brr"),
        pytest.param({}, {"sfreq": 250.0}, False, id="resampled"),
        pytest.param({}, {"interpolated": ("Fz",)}, False, id="interpolated"),
    ],
)
def test_samples_may_differ_only_where_a_library_computes_them(
    tusz: Path, change: dict[str, Any], header: dict[str, Any], *, exact: bool
) -> None:
    selection = select_fixture(recorded(TUSZ | change), root=tusz)
    name = selection.windows[0].recording.name
    headers = selection.headers | {name: replace(selection.headers[name], **header)}
    assert is_exact(replace(selection, headers=headers)) is exact


# Is it this fixture?


def test_a_fixture_has_no_difference_to_its_spec(saved: Path) -> None:
    with load_fixture(saved.with_name("a.h5")) as fixture:
        assert list_differences(load_recorded(saved), fixture) == ()


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        pytest.param(
            ("name",), "other", ["spec, name: expected 'other', found 'tusz'"], id="spec",
        ),
        pytest.param(
            ("chosen", "quotas", "onset"), 3,
            ["spec, quotas: expected {'none': 1, 'onset': 3}, found {'none': 1, "],
            id="chosen",
        ),
        pytest.param(
            ("sfreq",), 200,
            [
                "spec, sfreq: expected 200.0, found None",
                "sfreq: expected 200 Hz, found 256 Hz",
            ],
            id="rate",
        ),
        pytest.param(
            ("recordings", 0, "windows", 0), 1.5,
            ["windows[0]: expected rec-02 at 1.5 s, found rec-02 at 1.625 s"],
            id="window",
        ),
        pytest.param(
            ("recordings", 0, "windows", "+"), 12, ["windows: expected 4, found 3"],
            id="more-windows",
        ),
        pytest.param(
            ("fixture", "scale"), ZEROS, [f"array 'scale': expected SHA-256 {ZEROS}, "],
            id="array",
        ),
        pytest.param(
            ("fixture", "digest"), ZEROS, [f"digest: expected {ZEROS}, found "],
            id="digest",
        ),
        pytest.param(
            ("fixture", "records"), ZEROS, [f"records: expected SHA-256 {ZEROS}, found "],
            id="records",
        ),
    ],
)  # fmt: skip
def test_a_difference_is_told(
    saved: Path,
    changed: Callable[..., Path],
    path: tuple[str, ...],
    to: object,
    told: list[str],
) -> None:
    other = load_recorded(changed(*path, to=to))
    with load_fixture(saved.with_name("a.h5")) as fixture:
        differences = list_differences(other, fixture)
    assert len(differences) == len(told)
    for difference, beginning in zip(differences, told, strict=True):
        assert difference.startswith(beginning)


def test_order_of_windows_is_compared(saved: Path, tmp_path: Path) -> None:
    value = tomllib.loads(saved.read_text())
    value["recordings"].reverse()
    other = load_recorded(write(value, tmp_path / "reversed.toml"))
    with load_fixture(saved.with_name("a.h5")) as fixture:
        assert list_differences(other, fixture) == (
            "windows[0]: expected rec-01 at 1 s, found rec-02 at 1.625 s",
            "windows[1]: expected rec-02 at 1.625 s, found rec-02 at 21.2188 s",
            "windows[2]: expected rec-02 at 21.2188 s, found rec-01 at 1 s",
        )


# The commands


def run(*arguments: object) -> None:
    main([str(argument) for argument in arguments], standalone_mode=False)


def test_the_commands_save_build_and_verify(
    tusz: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--source", "tusz", "--window-length", 4, "--root", tusz)
    saved, one, other = (tmp_path / name for name in ("s.toml", "a.h5", "b.h5"))
    run("build", *options, "--save-spec", saved, "--out", one)
    told = capsys.readouterr().out
    assert f"wrote {saved}: the spec, which names the recordings" in told
    run("build", "--spec", saved, "--root", copy, "--out", other)
    assert "identical to the fixture of the spec" in capsys.readouterr().out
    assert one.read_bytes() == other.read_bytes()
    run("verify", other, "--spec", saved)
    assert f"matches spec '{saved}' byte for byte" in capsys.readouterr().out


def test_scripts_are_told_where_the_spec_is_and_that_nothing_differs(
    tusz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--source", "tusz", "--window-length", 4, "--root", tusz)
    saved, one, other = (tmp_path / name for name in ("s.toml", "a.h5", "b.h5"))
    run("build", *options, "--save-spec", saved, "--out", one, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["spec"], "differing" in answer) == (str(saved), False)
    run("build", "--spec", saved, "--root", tusz, "--out", other, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["differing"], "spec" in answer) == ([], False)
    run("verify", other, "--spec", saved, "--json")
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_a_spec_of_the_blind_split_is_told_for_what_it_is(
    tusz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = build(TUSZ | {"splits": ["eval"], "quotas": {"onset": 1}}, tusz, tmp_path)
    run("build", "--spec", saved, "--root", tusz, "--out", tmp_path / "b.h5")
    assert "split 'eval', which is kept blind" in capsys.readouterr().err


def test_build_tells_what_differs(
    filtered: Callable[..., Path],
    copy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved = filtered("signals")
    arguments = ("build", "--spec", saved, "--root", copy, "--out", tmp_path / "b.h5")
    run(*arguments, "--json")
    assert json.loads(capsys.readouterr().out)["differing"] == ["signals"]
    run("-q", *arguments)
    assert (
        "not identical to the fixture of the spec: signals differ"
        in capsys.readouterr().err
    )


def test_verify_tells_what_differs_and_exits_with_one(
    small_fixture: Path, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ClickException, match=r"does not match spec .*\n  spec, "):
        run("verify", small_fixture, "--spec", saved)
    with pytest.raises(SystemExit) as end:
        run("verify", small_fixture, "--spec", saved, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert answer["verified"] is False
    assert "windows: expected 3, found 4" in answer["differences"]


@pytest.mark.parametrize("name", ["smoke", "chbmit-smoke"])
def test_a_spec_without_digests_of_a_fixture_proves_nothing(name: str) -> None:
    with pytest.raises(
        ClickException, match=f"spec '{name}' has no fixture digests .*--save-spec"
    ):
        run("verify", "smoke", "--spec", name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--quota", "onset=1"], "drop --quota", id="quota"),
        pytest.param(["--name", "other"], "drop --name", id="name"),
        pytest.param(["--seed", "0"], "drop --seed", id="seed"),
    ],
)
def test_options_that_contradict_a_saved_spec_are_wrong_usage(
    saved: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["build", "--spec", str(saved), "--root", ".", *options])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--spec", "SAVED"], "needs --root PATH", id="no-root"),
        pytest.param(
            ["--save-spec", "s.toml"], "--save-spec is for recordings", id="synthetic"
        ),
        pytest.param(
            ["--source", "tusz", "--root", ".", "--save-spec", "s.toml", "--dry-run"],
            "--save-spec goes with a build: a saved spec holds digests of the bytes",
            id="dry-run",
        ),
        pytest.param(
            ["--source", "tusz", "--root", ".", "--save-plan", "p.json"],
            "--save-plan was removed: plans became specs. Use --save-spec FILE",
            id="save-plan",
        ),
        pytest.param(
            ["--plan", "p.json", "--root", "."],
            "--plan was removed: plans became specs. Use --spec FILE, with a spec "
            "from --save-spec",
            id="plan",
        ),
    ],
)
def test_wrong_usage_is_told(
    saved: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["build", *(str(saved) if o == "SAVED" else o for o in options)])
    assert end.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_verify_names_what_took_the_place_of_plans(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["verify", "tiny", "--plan", "p.json"])
    assert end.value.code == 2
    told = "--plan was removed: plans became specs. Use --spec FILE, with a spec from"
    assert told in " ".join(capsys.readouterr().err.split())


# Any saved spec


digests = st.text("0123456789abcdef", min_size=64, max_size=64)
source_names = st.lists(
    st.text(
        st.characters(exclude_categories=["C"], exclude_characters="\\/:."), min_size=1
    ),
    min_size=1,
    max_size=3,
).map("/".join)


@st.composite
def recordings(draw: st.DrawFn, name: str) -> ListedRecording:
    borders = draw(
        st.lists(st.integers(0, 10**12), min_size=2, max_size=8, unique=True)
    )
    borders.sort()
    sfreq = draw(st.sampled_from([250.0, 256.0, 400.0]))
    first = draw(st.integers(0, 10**6))
    return ListedRecording(
        name=name,
        windows=tuple(
            sample_to_seconds(first + round(5 * i * sfreq), sfreq)
            for i in range(draw(st.integers(1, 3)))
        ),
        size=max(borders) + draw(st.integers(0, 9)),
        read=tuple(
            ReadBytes(start=start, stop=stop, sha256=draw(digests))
            for start, stop in zip(borders[::2], borders[1::2], strict=False)
        ),
    )


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    names = draw(st.lists(source_names, min_size=1, max_size=3, unique=True))
    chosen = Criteria(
        quotas=(Quota(word="onset", n_windows=draw(st.integers(1, 99))),),
        types=draw(st.sampled_from([(), ("fnsz", "gnsz")])),
        per_subject=draw(st.none() | st.integers(1, 9)),
        seed=draw(st.none() | st.integers(0, 2**32 - 1)),
    )
    return Listing(
        recordings=tuple(draw(recordings(name)) for name in names),
        sha256=tuple(sorted(draw(st.dictionaries(source_names, digests)).items())),
        chosen=draw(st.none() | st.just(chosen)),
        fixture=Outcome(
            digest=draw(digests),
            records=draw(digests),
            arrays={
                name: draw(digests) for name in ("signals", "labels", "scale", "offset")
            },
        ),
    )


@settings(max_examples=50, deadline=None)
@given(listing=listings())
def test_any_saved_spec_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, listing: Listing
) -> None:
    path = tmp_path_factory.mktemp("any") / "s.toml"
    request: RecordedRequest = replace(recorded(TUSZ), selection=listing)
    write_spec(request, path, target=path)
    assert load_spec(path) == request
    assert path.read_bytes().isascii()
