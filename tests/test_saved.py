"""Saved plans: the same fixture from another copy of the corpus, or none."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click import ClickException
from hypothesis import given, settings
from hypothesis import strategies as st
from support import loopback

from bgb_fixtures.build import (
    build_fixture,
    build_from_plan,
    plan_fixture,
    repetition,
)
from bgb_fixtures.build.repetition import is_exact, list_differences
from bgb_fixtures.build.saved import (
    Outcome,
    Piece,
    SavedPlan,
    SavedRecording,
    SavedWindow,
    load_plan,
    plan_to_bytes,
    save_plan,
)
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.remote.web import open_web
from bgb_fixtures.errors import (
    AnnotationError,
    FixtureNotFoundError,
    FormatError,
    FormatVersionError,
    IntegrityError,
    SourceError,
    SpecError,
    TargetError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# In the twins of 30 s; both are used by the fixtures below, the third is not.
TRAIN = "edf/train/synthaaa/s001_2015/01_tcp_ar/synthaaa_s001_t000.edf"
DEV = "edf/dev/synthaab/s001_2015/02_tcp_le/synthaab_s001_t000.edf"
UNUSED = "edf/train/synthaaa/s001_2015/01_tcp_ar/synthaaa_s001_t001.edf"
EVAL = "edf/eval/synthaac/s001_2015/01_tcp_ar/synthaac_s001_t000.edf"
HEADER_BYTES = 256 * (25 + 1)
TUSZ = {"source": "tusz", "window_length": 4, "quotas": {"onset": 2, "none": 1}}


def build(request: dict[str, Any], root: Path, folder: Path, **options: Any) -> Path:
    """Build `a.h5` and save `plan.json` beside it."""
    spec = parse_spec(request, where="a test")
    plan = folder / "plan.json"
    build_fixture(spec, folder / "a.h5", root=root, plan_path=plan, **options)
    return plan


@pytest.fixture(scope="module")
def plan(tusz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a plan of three windows of TUSZ, beside its fixture; do not change it."""
    return build(TUSZ, tusz, tmp_path_factory.mktemp("plan"))


@pytest.fixture
def copy(tusz: Path, tmp_path: Path) -> Path:
    """Copy the twin of TUSZ to another place, to be changed."""
    return shutil.copytree(tusz, tmp_path / "elsewhere" / "v2")


@pytest.fixture
def changed(plan: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write the plan with one value replaced, or with a key added or removed."""

    def change(*path: str | int, to: object) -> Path:
        value = json.loads(plan.read_text())
        inner = value
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to
        if to is None:
            del inner[path[-1]]
        target = tmp_path / "changed.json"
        target.write_text(json.dumps(value))
        return target

    return change


def flip(path: Path, place: int) -> str:
    """Change one byte; return the digest that the file had."""
    raw = bytearray(path.read_bytes())
    before = hashlib.sha256(raw).hexdigest()
    raw[place] ^= 1
    path.write_bytes(raw)
    return before


# The same corpus elsewhere


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="raw-1"),
        pytest.param({"profile": "zscore-1"}, id="zscore-1"),
        pytest.param({"montage": "szcore-19"}, id="common-average"),
        pytest.param({"montage": ["Cz", "Fp1-F7"]}, id="derivations"),
        pytest.param({"sfreq": 200}, id="resampled"),
        pytest.param({"band_pass": [1, 40]}, id="filtered"),
        pytest.param({"profile": "brain-go-brr-3.1"}, id="brain-go-brr"),
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
    plan = build(TUSZ | change, tusz, tmp_path)
    report = build_from_plan(load_plan(plan), tmp_path / "b.h5", root=copy)
    assert report.differing == ()
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "a.h5").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="chosen"),
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
    plan = build(request, chbmit, tmp_path)
    copy = shutil.copytree(chbmit, tmp_path / "c")
    build_from_plan(load_plan(plan), tmp_path / "b.h5", root=copy)
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "a.h5").read_bytes()
    with load_fixture(tmp_path / "b.h5") as fixture:
        assert list_differences(load_plan(plan), fixture) == ()


def test_annotations_in_a_folder_of_their_own_are_found_again(
    tusz: Path, tmp_path: Path
) -> None:
    request = {"source": "edf", "window_length": 4, "per_kind": 1}
    root = tusz / "edf" / "train"
    notes = tmp_path / "notes"
    notes.mkdir()
    for path in root.rglob("*.csv_bi"):
        shutil.copy(path, notes)
    plan = build(request, root, tmp_path, annotations=notes)
    copy = shutil.copytree(root, tmp_path / "copy")
    other = notes.rename(tmp_path / "others")
    report = build_from_plan(
        load_plan(plan), tmp_path / "b.h5", root=copy, annotations=other
    )
    assert report.path.read_bytes() == (tmp_path / "a.h5").read_bytes()
    assert set(load_plan(plan).recordings[0].annotations) == {
        "synthaaa_s001_t000.csv_bi"
    }


def test_annotations_inside_the_recording_make_all_of_its_bytes_count(
    tmp_path: Path,
) -> None:
    run("export", "tiny", "--to", "edf", tmp_path / "edf")
    for path in (tmp_path / "edf").rglob("*.tsv"):
        path.unlink()
    request = {"source": "edf", "window_length": 2, "label_pattern": ".*sz"}
    plan = build(request, tmp_path / "edf", tmp_path)
    copy = shutil.copytree(tmp_path / "edf", tmp_path / "copies" / "edf")
    assert rebuilt(plan, copy).read_bytes() == (tmp_path / "a.h5").read_bytes()
    before = flip(copy / "train" / "win-01.edf", -200)
    with pytest.raises(
        AnnotationError, match=f"win-01.edf': expected SHA-256 {before}"
    ):
        rebuilt(plan, copy)


def test_a_plan_of_the_blind_split_works_as_its_spec_asked_for_it(
    tusz: Path, copy: Path, tmp_path: Path
) -> None:
    plan = build(TUSZ | {"splits": ["eval"], "quotas": {"onset": 1}}, tusz, tmp_path)
    build_from_plan(load_plan(plan), tmp_path / "b.h5", root=copy)
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "a.h5").read_bytes()


def test_a_plan_does_not_open_the_blind_split_by_a_name(
    changed: Callable[..., Path], copy: Path, tmp_path: Path
) -> None:
    path = changed("recordings", 1, "name", to=EVAL)
    value = json.loads(path.read_text())
    value["windows"] = [
        {**w, "recording": EVAL if w["recording"] == TRAIN else DEV}
        for w in value["windows"]
    ]
    annotations = {EVAL.replace(".edf", e): "0" * 64 for e in (".csv", ".csv_bi")}
    for name in annotations:
        annotations[name] = hashlib.sha256((copy / name).read_bytes()).hexdigest()
    value["recordings"][1]["annotations"] = annotations
    path.write_text(json.dumps(value))
    with pytest.raises(SourceError, match="in split 'eval', which is kept blind"):
        build_from_plan(load_plan(path), tmp_path / "b.h5", root=copy)


def test_the_plan_of_what_a_plan_gave_is_the_same(
    plan: Path, copy: Path, tmp_path: Path
) -> None:
    again = build(TUSZ, copy, tmp_path)
    assert again.read_bytes() == plan.read_bytes()


# What a plan holds


def test_what_a_plan_holds(plan: Path, tusz: Path) -> None:
    value = json.loads(plan.read_text())
    fixture = load_fixture(plan.with_name("a.h5"))
    assert value["plan_version"] == 1
    assert value["sfreq"] == 256
    assert value["spec"] == fixture.records.spec
    assert value["windows"][0] == {
        # The seizure begins at 3.625 s: in the middle of 4 s.
        "kind": "onset", "recording": TRAIN, "start": 416, "stop": 1440,
    }  # fmt: skip
    _, recording = value["recordings"]
    assert recording["name"] == TRAIN
    assert recording["size"] == (tusz / TRAIN).stat().st_size
    assert recording["annotations"] == {
        TRAIN.replace(".edf", end): hashlib.sha256(
            (tusz / TRAIN).with_suffix(end).read_bytes()
        ).hexdigest()
        for end in (".csv", ".csv_bi")
    }
    assert value["fixture"]["digest"] == fixture.index.digest


def test_the_header_has_no_digest_of_its_own(plan: Path, tusz: Path) -> None:
    # Who was recorded stands there: a digest would confirm a guess.
    *_, recording = load_plan(plan).recordings
    raw = (tusz / TRAIN).read_bytes()
    (first, second), *_ = (piece.ranges for piece in recording.pieces)
    assert first == (0, HEADER_BYTES)
    assert second[1] - second[0] > 4096
    hashed = raw[: first[1]] + raw[second[0] : second[1]]
    assert recording.pieces[0].sha256 == hashlib.sha256(hashed).hexdigest()


@pytest.mark.parametrize(
    ("ranges", "groups"),
    [
        pytest.param([(0, 9000)], [[(0, 9000)]], id="one"),
        pytest.param([(0, 900), (950, 960)], [[(0, 900), (950, 960)]], id="short"),
        pytest.param(
            [(0, 900), (950, 960), (1000, 6000), (7000, 12000)],
            [[(0, 900), (950, 960), (1000, 6000)], [(7000, 12000)]],
            id="a-time-stamp-between",
        ),
        pytest.param(
            [(0, 900), (1000, 6000), (7000, 7100)],
            [[(0, 900), (1000, 6000), (7000, 7100)]],
            id="short-end",
        ),
    ],
)
def test_bytes_are_grouped_until_they_cannot_be_guessed(
    ranges: list[tuple[int, int]], groups: list[list[tuple[int, int]]]
) -> None:
    assert repetition._group(ranges) == [tuple(group) for group in groups]


def test_a_plan_holds_no_path_of_the_machine_and_no_annotation(
    plan: Path, tusz: Path
) -> None:
    text = plan.read_text()
    assert str(tusz.parent) not in text
    assert "fnsz" not in text
    assert not text.count("3.625")


def test_seizures_and_digests_of_a_list_are_left_out(
    chbmit: Path, tmp_path: Path
) -> None:
    one = {"name": "chb81/chb81_01.edf", "windows": [1], "seizures": [[3, 16]]}
    request = {"source": "chbmit", "window_length": 4, "recordings": [one]}
    plan = build(request, chbmit, tmp_path)
    assert json.loads(plan.read_text())["spec"]["recordings"] == [
        {"name": "chb81/chb81_01.edf", "windows": [1.0]}
    ]


def test_an_older_plan_is_replaced_and_another_file_is_not(
    plan: Path, tmp_path: Path
) -> None:
    loaded = load_plan(plan)
    target = tmp_path / "plan.json"
    save_plan(loaded, target)
    save_plan(loaded, target)
    assert target.read_bytes() == plan.read_bytes()
    target.write_text("{}")
    with pytest.raises(TargetError, match=r"plan\.json' exists and is not a plan"):
        save_plan(loaded, target)
    assert target.read_text() == "{}"


def test_a_target_that_cannot_be_written_is_told_before_the_work(
    tusz: Path, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text("mine")
    with pytest.raises(TargetError, match=r"plan\.json' exists and is not a plan"):
        build(TUSZ, tusz, tmp_path)
    assert not (tmp_path / "a.h5").exists()


def test_a_plan_that_could_not_be_read_is_not_written(
    plan: Path, tmp_path: Path
) -> None:
    loaded = load_plan(plan)
    one, other = loaded.recordings
    odd = replace(loaded, recordings=(replace(one, name="a\nb.edf"), other))
    with pytest.raises(
        FormatError, match=r"name: expected a path .*, got 'a\\nb\.edf'"
    ):
        save_plan(odd, tmp_path / "p.json")
    assert not list(tmp_path.iterdir())


def test_a_plan_that_is_too_long_to_be_read_is_not_written(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_plan(plan)
    monkeypatch.setattr(
        "bgb_fixtures.build.saved.MAX_DOCUMENTS", plan.stat().st_size - 1
    )
    with pytest.raises(FormatError, match="the file: expected at most"):
        save_plan(loaded, tmp_path / "p.json")
    assert not list(tmp_path.iterdir())


def test_a_fixture_whose_plan_could_not_be_read_is_not_written(
    chbmit: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "edf" / "a\nb"
    folder.mkdir(parents=True)
    shutil.copy(chbmit / "chb81" / "chb81_01.edf", folder)
    (folder / "chb81_01.tsv").write_text("onset\tduration\teventType\n3\t13\tsz\n")
    request = {"source": "edf", "window_length": 4, "montage": "double-banana"}
    with pytest.raises(FormatError, match=r"plan\.json': recordings\[0\], name: "):
        build(request, tmp_path / "edf", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["edf"]


def test_fixture_and_plan_are_two_files(tusz: Path, tmp_path: Path) -> None:
    spec = parse_spec(TUSZ, where="a test")
    path = tmp_path / "a.h5"
    with pytest.raises(TargetError, match="fixture and plan need a file each"):
        build_fixture(spec, path, root=tusz, plan_path=path)


def test_another_way_to_the_fixture_is_no_place_for_the_plan(
    tusz: Path, tmp_path: Path
) -> None:
    spec = parse_spec(TUSZ, where="a test")
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / ".." / "a.h5"
    with pytest.raises(TargetError, match="fixture and plan need a file each"):
        build_fixture(spec, tmp_path / "a.h5", root=tusz, plan_path=other)
    assert [path.name for path in tmp_path.iterdir()] == ["sub"]


def test_synthetic_eeg_needs_no_plan(tmp_path: Path) -> None:
    one = {"subject": 1, "duration": 9, "events": [{"onset": 1, "duration": 5, "label": "fnsz"}]}  # fmt: skip
    request = {"source": "synthetic", "window_length": 9, "recordings": [one]}
    spec = parse_spec(request, where="a test")
    with pytest.raises(SpecError, match="source 'synthetic' needs no plan"):
        build_fixture(spec, tmp_path / "a.h5", plan_path=tmp_path / "p.json")


def test_a_plan_is_built_over_the_web_and_nothing_else_is_fetched(
    chbmit: Path, tmp_path: Path
) -> None:
    pytest.importorskip("requests", reason="needs the extra remote")
    one = {"name": "chb82/chb82_02.edf", "windows": [11.5]}
    request = {"source": "chbmit", "window_length": 4, "recordings": [one]}
    plan = load_plan(build(request, chbmit, tmp_path))
    with loopback.Loopback(chbmit) as server:
        root = open_web(server.url, cache=tmp_path / "cache")
        build_from_plan(plan, tmp_path / "b.h5", root=root)
        fetched = {request.path for request in server.requests}
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "a.h5").read_bytes()
    assert fetched == {
        "SHA256SUMS.txt",
        "chb82/chb82-summary.txt",
        "chb82/chb82_02.edf.seizures",
        "chb82/chb82_02.edf",
    }


# Another corpus


def rebuilt(plan: Path, root: Path) -> Path:
    path = root.parent / "b.h5"
    build_from_plan(load_plan(plan), path, root=root)
    return path


@pytest.fixture
def refused(copy: Path) -> Iterator[Path]:
    """Give the copy, and see that nothing was written."""
    yield copy
    assert not (copy.parent / "b.h5").exists()


def test_another_byte_in_a_used_record_is_refused(plan: Path, refused: Path) -> None:
    # The fourth second: the window lies at 1.625 to 5.625 s.
    flip(refused / TRAIN, HEADER_BYTES + 3 * 11270 + 5000)
    message = (
        rf"{TRAIN}', bytes .*: expected SHA-256 [0-9a-f]{{64}}, as in the plan, got "
        r"[0-9a-f]{64}\. Another version of the corpus\?"
    )
    with pytest.raises(SourceError, match=message):
        rebuilt(plan, refused)


def test_another_byte_in_the_header_is_refused(plan: Path, refused: Path) -> None:
    flip(refused / TRAIN, 20)
    with pytest.raises(SourceError, match=rf"{TRAIN}', bytes 0-{HEADER_BYTES} and "):
        rebuilt(plan, refused)


@pytest.mark.parametrize("ending", [".csv", ".csv_bi"])
def test_another_byte_in_an_annotation_file_is_refused(
    plan: Path, refused: Path, ending: str
) -> None:
    path = (refused / TRAIN).with_suffix(ending)
    before = flip(path, -2)
    message = rf"synthaaa_s001_t000\{ending}': expected SHA-256 {before}, got "
    with pytest.raises(AnnotationError, match=message):
        rebuilt(plan, refused)


def test_an_annotation_file_more_is_refused(plan: Path, refused: Path) -> None:
    path = (refused / TRAIN).with_suffix(".csv_bi")
    shutil.copy(path, path.with_suffix(".tse_bi"))
    message = (
        r"made with the annotation files .*; here are .*synthaaa_s001_t000\.tse_bi"
    )
    with pytest.raises(SourceError, match=message):
        rebuilt(plan, refused)


def test_an_annotation_file_less_is_refused(plan: Path, refused: Path) -> None:
    (refused / TRAIN).with_suffix(".csv").unlink()
    with pytest.raises(
        SourceError, match=r"annotation file '.*t000\.csv': the spec or plan"
    ):
        rebuilt(plan, refused)


def test_a_recording_that_is_longer_is_refused(plan: Path, refused: Path) -> None:
    path = refused / TRAIN
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(11270))
    message = rf"{TRAIN}': expected {size} bytes, as in the plan, got {size + 11270}"
    with pytest.raises(SourceError, match=message):
        rebuilt(plan, refused)


def test_a_recording_that_is_missing_is_named(plan: Path, refused: Path) -> None:
    for path in (refused / TRAIN).parent.glob("*_t000.*"):
        path.unlink()
    with pytest.raises(SourceError, match=rf"recording '{TRAIN}' is not below"):
        rebuilt(plan, refused)


def test_another_root_of_the_same_corpus_is_told(plan: Path, refused: Path) -> None:
    with pytest.raises(SourceError, match="give the root of TUSZ that its name is"):
        build_from_plan(load_plan(plan), refused.parent / "b.h5", root=refused / "edf")


def test_what_the_plan_does_not_use_may_be_anything(plan: Path, copy: Path) -> None:
    (copy / UNUSED).write_bytes(b"torn")
    (copy / UNUSED).with_suffix(".csv").unlink()
    # The last record, behind all windows.
    flip(copy / TRAIN, -1)
    again = rebuilt(plan, copy)
    assert again.read_bytes() == plan.with_name("a.h5").read_bytes()


def test_a_plan_of_another_source_is_refused(
    chbmit: Path, plan: Path, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=r"recording 'edf/.* is not below"):
        build_from_plan(load_plan(plan), tmp_path / "b.h5", root=chbmit)


# A plan that was changed


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        pytest.param(
            ("note",), "hello", r"the file: missing keys \[\], unknown keys \['note'\]",
            id="unknown-key",
        ),
        pytest.param(
            ("windows",), None, r"missing keys \['windows'\]", id="missing-key"
        ),
        pytest.param(
            ("plan_version",), True, "plan_version: expected 1, got True", id="true"
        ),
        pytest.param(
            ("sfreq",), 200, "expected 800 samples, as the spec asks", id="sfreq"
        ),
        pytest.param(("recordings",), [], "recordings: expected a list", id="empty"),
        pytest.param(
            ("recordings", 0, "name"), "../a.edf",
            r"recordings\[0\], name: expected a path from the root, with /, got '\.\./a",
            id="name-above-the-root",
        ),
        pytest.param(
            ("recordings", 0, "name"), "/etc/passwd", "name: expected a path from the",
            id="absolute-name",
        ),
        pytest.param(
            ("recordings", 0, "annotations"), {"/etc/passwd": "0" * 64},
            r"recordings\[0\], annotations: expected paths from the root, got '/etc",
            id="absolute-annotation",
        ),
        pytest.param(
            ("recordings", 0, "annotations"), {"a": "xy"},
            r"recordings\[0\], annotations, 'a': expected 64 hexadecimal digits, got 'xy'",
            id="no-digest",
        ),
        pytest.param(
            ("recordings", 0, "name"), "zzz", "recordings: expected different names in",
            id="order-of-names",
        ),
        pytest.param(
            ("recordings", 0, "size"), 10000,
            r"recordings\[0\], pieces\[0\], ranges: expected \[start, stop\] in order, "
            r"inside \[\d+, 10000\]",
            id="range-outside",
        ),
        pytest.param(
            ("recordings", 0, "pieces", 0, "ranges", 0), [0, 0],
            r"pieces\[0\], ranges: .* got \[0, 0\]",
            id="empty-range",
        ),
        pytest.param(
            ("windows", 0, "recording"), "another.edf",
            r"windows: expected windows of the recordings", id="unknown-recording",
        ),
        pytest.param(
            ("windows", 0, "start"), 5, r"windows\[0\]: expected 1024 samples",
            id="length-of-a-window",
        ),
        pytest.param(
            ("windows", 0, "kind"), "artefact",
            r"windows\[0\], kind: expected one of .*, got 'artefact'", id="kind",
        ),
        pytest.param(
            ("fixture", "arrays", "labels"), "0", "fixture, arrays, 'labels': expected",
            id="array-digest",
        ),
        pytest.param(
            ("spec", "sha256"), {"a": "0" * 64}, r"spec, sha256: expected none",
            id="spec",
        ),
        pytest.param(
            ("spec", "montage"), None,
            "spec: expected all keys, and none that is only checked", id="default",
        ),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused(
    changed: Callable[..., Path], path: tuple[str, ...], to: object, message: str
) -> None:
    with pytest.raises((FormatError, SpecError), match=rf"changed\.json'.*{message}"):
        load_plan(changed(*path, to=to))


def test_a_plan_of_another_release_is_told(changed: Callable[..., Path]) -> None:
    with pytest.raises(FormatVersionError, match="has version 2; this release reads 1"):
        load_plan(changed("plan_version", to=2))


def test_one_file_has_one_digest(chbmit: Path, tmp_path: Path) -> None:
    both = [
        {"name": "chb81/chb81_01.edf", "windows": [1]},
        {"name": "chb81/chb81_02.edf", "windows": [1]},
    ]
    request = {"source": "chbmit", "window_length": 4, "recordings": both}
    plan = build(request, chbmit, tmp_path)
    value = json.loads(plan.read_text())
    _, second = value["recordings"]
    (name,) = second["annotations"]
    second["annotations"][name] = "0" * 64
    plan.write_text(json.dumps(value))
    with pytest.raises(FormatError, match=rf"'{name}': expected .* as above, got '000"):
        load_plan(plan)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"", "expected a JSON object in ASCII", id="empty"),
        pytest.param(b"\x89HDF", "expected a JSON object in ASCII", id="binary"),
        pytest.param(b"[]", "expected a JSON object, got list", id="list"),
        pytest.param(b'{"a": 1, "a": 2}', "the key 'a' twice", id="twice"),
        pytest.param(b" " * (2**24 + 1), "at most 16777216 bytes", id="long"),
    ],
)
def test_a_file_that_is_no_plan_is_told(
    tmp_path: Path, text: bytes, message: str
) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(text)
    with pytest.raises(FormatError, match=rf"plan '.*p\.json': .*{message}"):
        load_plan(path)


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FixtureNotFoundError, match="there is no such file"):
        load_plan(tmp_path / "p.json")


def test_name_with_a_nul_is_no_plan() -> None:
    with pytest.raises(FixtureNotFoundError, match=r"plan 'a\\x00b': there is no such"):
        load_plan("a\0b")


def test_a_window_outside_the_recording_is_refused(
    changed: Callable[..., Path], copy: Path, tmp_path: Path
) -> None:
    plan = changed("windows", 0, "start", to=7000)
    value = json.loads(plan.read_text())
    value["windows"][0]["stop"] = 8024
    plan.write_text(json.dumps(value))
    message = (
        r"the plan, windows\[0\] of .*expected a window of 4 s inside the recording"
    )
    with pytest.raises(SpecError, match=message):
        build_from_plan(load_plan(plan), tmp_path / "b.h5", root=copy)


def test_a_kind_that_the_annotations_do_not_bear_out_is_refused(
    changed: Callable[..., Path], copy: Path, tmp_path: Path
) -> None:
    plan = changed("windows", 0, "kind", to="whole")
    message = r"windows\[0\] of .*: it says 'whole', and the annotations.*'onset'"
    with pytest.raises(FormatError, match=message):
        build_from_plan(load_plan(plan), tmp_path / "b.h5", root=copy)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        pytest.param(("arrays", "signals"), "array 'signals'", id="signals"),
        pytest.param(("arrays", "labels"), "array 'labels'", id="labels"),
        pytest.param(("records",), "records", id="records"),
        pytest.param(("digest",), "index and records", id="digest"),
    ],
)
def test_another_outcome_is_an_error_and_no_file(
    changed: Callable[..., Path], copy: Path, path: tuple[str, ...], what: str
) -> None:
    plan = changed("fixture", *path, to="0" * 64)
    message = (
        rf"b\.h5' would not be the fixture of the plan: {what}: "
        "expected SHA-256 0{64}, got "
    )
    with pytest.raises(IntegrityError, match=message):
        rebuilt(plan, copy)
    assert not (copy.parent / "b.h5").exists()


# Filtered data, which another scipy may change by a grid step


@pytest.fixture
def filtered(tusz: Path, tmp_path: Path) -> Callable[..., Path]:
    """Save the plan of a filtered fixture, with another digest of some array."""

    def run(*arrays: str) -> Path:
        plan = build(TUSZ | {"band_pass": [1, 40]}, tusz, tmp_path)
        value = json.loads(plan.read_text())
        for name in (*arrays, "digest"):
            where = value["fixture"]
            (where if name == "digest" else where["arrays"])[name] = "0" * 64
        plan.write_text(json.dumps(value))
        return plan

    return run


def test_filtered_samples_may_differ_and_that_is_said(
    filtered: Callable[..., Path], copy: Path
) -> None:
    plan = load_plan(filtered("signals"))
    report = build_from_plan(plan, copy.parent / "b.h5", root=copy)
    assert report.differing == ("signals",)
    assert report.path.is_file()


def test_a_plan_that_does_not_know_all_bytes_of_its_windows_is_refused(
    filtered: Callable[..., Path], copy: Path
) -> None:
    plan = filtered("signals")
    value = json.loads(plan.read_text())
    pieces = value["recordings"][0]["pieces"]
    pieces[0] = {"ranges": [[0, 1]], "sha256": hashlib.sha256(b"0").hexdigest()}
    plan.write_text(json.dumps(value))
    with pytest.raises(FormatError, match="no SHA-256 of all of the bytes 0-"):
        rebuilt(plan, copy)
    assert not (copy.parent / "b.h5").exists()


def test_labels_of_filtered_data_may_not_differ(
    filtered: Callable[..., Path], copy: Path
) -> None:
    plan = filtered("labels", "signals")
    with pytest.raises(IntegrityError, match="array 'labels': expected SHA-256 000"):
        rebuilt(plan, copy)


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
    plan = plan_fixture(parse_spec(TUSZ | change, where="a test"), root=tusz)
    name = plan.windows[0].recording.name
    headers = plan.headers | {name: replace(plan.headers[name], **header)}
    assert is_exact(replace(plan, headers=headers)) is exact


# Is it this fixture?


def test_a_fixture_has_no_difference_to_its_plan(plan: Path) -> None:
    with load_fixture(plan.with_name("a.h5")) as fixture:
        assert list_differences(load_plan(plan), fixture) == ()


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        pytest.param(
            ("spec", "name"), "other", "spec, name: plan 'other', fixture 'tusz'",
            id="spec",
        ),
        pytest.param(
            ("windows", 0, "kind"), "whole",
            "windows[0]: plan whole in rec-02 at 1.625 s, fixture onset in rec-02 at "
            "1.625 s",
            id="kind",
        ),
        pytest.param(
            ("fixture", "arrays", "scale"), "0" * 64,
            "array 'scale': plan SHA-256 " + "0" * 64 + ", fixture ",
            id="array",
        ),
        pytest.param(
            ("fixture", "digest"), "0" * 64, "digest: plan " + "0" * 64, id="digest"
        ),
        pytest.param(
            ("fixture", "records"), "0" * 64, "records: plan SHA-256 000", id="records"
        ),
    ],
)  # fmt: skip
def test_a_difference_is_told(
    plan: Path, changed: Callable[..., Path], path: tuple[str, ...], to: str, told: str
) -> None:
    other = load_plan(changed(*path, to=to))
    with load_fixture(plan.with_name("a.h5")) as fixture:
        (difference,) = list_differences(other, fixture)
    assert difference.startswith(told)


def test_order_and_number_of_windows_are_compared(plan: Path) -> None:
    value = json.loads(plan.read_text())
    loaded = load_plan(plan)
    with load_fixture(plan.with_name("a.h5")) as fixture:
        one = SavedPlan(
            spec=loaded.spec,
            sfreq=loaded.sfreq,
            recordings=loaded.recordings,
            windows=loaded.windows[::-1],
            fixture=loaded.fixture,
        )
        assert list_differences(one, fixture)[0].startswith("windows[0]: plan onset in")
    assert len(value["windows"]) == 3


# The commands


def run(*arguments: object) -> None:
    main([str(argument) for argument in arguments], standalone_mode=False)


def test_the_commands_save_build_and_verify(
    tusz: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--source", "tusz", "--window-length", 4, "--root", tusz)
    plan, one, other = (tmp_path / name for name in ("p.json", "a.h5", "b.h5"))
    run("build", *options, "--save-plan", plan, "--out", one)
    assert f"wrote {plan}: the plan; it names the recordings" in capsys.readouterr().out
    run("build", "--plan", plan, "--root", copy, "--out", other)
    assert "the same bytes as the fixture of the plan" in capsys.readouterr().out
    assert one.read_bytes() == other.read_bytes()
    run("verify", other, "--plan", plan)
    assert f"is the fixture of plan '{plan}', byte by byte" in capsys.readouterr().out


def test_verify_tells_scripts_that_nothing_differs(
    tusz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = build(TUSZ | {"quotas": {"onset": 1}}, tusz, tmp_path)
    run("verify", tmp_path / "a.h5", "--plan", plan, "--json")
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_a_plan_of_the_blind_split_is_told_for_what_it_is(
    tusz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = build(TUSZ | {"splits": ["eval"], "quotas": {"onset": 1}}, tusz, tmp_path)
    run("build", "--plan", plan, "--root", tusz, "--out", tmp_path / "b.h5")
    assert "split 'eval', which is kept blind" in capsys.readouterr().err


def test_build_tells_scripts_what_differs(
    filtered: Callable[..., Path],
    copy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = filtered("signals")
    arguments = ("build", "--plan", plan, "--root", copy, "--out", tmp_path / "b.h5")
    run(*arguments, "--json")
    assert json.loads(capsys.readouterr().out)["differing"] == ["signals"]
    run("-q", *arguments)
    assert "not the same bytes" in capsys.readouterr().err


def test_verify_tells_what_differs_and_exits_with_one(
    small_fixture: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        ClickException, match=r"is not the fixture of plan .*\n  spec, "
    ):
        run("verify", small_fixture, "--plan", plan)
    with pytest.raises(SystemExit) as end:
        run("verify", small_fixture, "--plan", plan, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert answer["verified"] is False
    assert "windows: plan 3, fixture 4" in answer["differences"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--spec", "a.toml"], "drop --spec", id="spec"),
        pytest.param(["--quota", "onset=1"], "drop --quota", id="quota"),
        pytest.param(["--name", "other"], "drop --name", id="name"),
        pytest.param(["--seed", "0"], "drop --seed", id="seed"),
        pytest.param(["--strict"], "drop --strict", id="strict"),
        pytest.param(["--dry-run"], "drop --dry-run", id="dry-run"),
        pytest.param(["--save-plan", "b.json"], "drop --save-plan", id="save-plan"),
    ],
)
def test_options_that_contradict_a_plan_are_wrong_usage(
    plan: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["build", "--plan", str(plan), "--root", ".", *options])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--plan", "PLAN"], "needs --root PATH", id="no-root"),
        pytest.param(
            ["--save-plan", "p.json"], "--save-plan is for recordings", id="synthetic"
        ),
        pytest.param(
            ["--source", "tusz", "--root", ".", "--save-plan", "p.json", "--dry-run"],
            "a plan holds digests of the bytes that are read, and --dry-run reads none",
            id="dry-run",
        ),
    ],
)
def test_what_a_plan_needs_is_told(
    plan: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["build", *(str(plan) if o == "PLAN" else o for o in options)])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


# Any plan


digests = st.text("0123456789abcdef", min_size=64, max_size=64)
source_names = st.lists(
    st.text(
        st.characters(exclude_categories=["C"], exclude_characters="\\/:."), min_size=1
    ),
    min_size=1,
    max_size=3,
).map("/".join)


@st.composite
def recordings(draw: st.DrawFn, name: str) -> SavedRecording:
    borders = draw(
        st.lists(st.integers(0, 10**12), min_size=2, max_size=8, unique=True)
    )
    borders.sort()
    spans = list(zip(borders[::2], borders[1::2], strict=False))
    return SavedRecording(
        name=name,
        size=max(borders) + draw(st.integers(0, 9)),
        # A digest that follows from the name: the same file has the same one.
        annotations={
            file: hashlib.sha256(file.encode()).hexdigest()
            for file in draw(st.sets(source_names, min_size=1, max_size=2))
        },
        pieces=tuple(Piece(ranges=(span,), sha256=draw(digests)) for span in spans),
    )


@st.composite
def plans(draw: st.DrawFn) -> SavedPlan:
    names = sorted(draw(st.sets(source_names, min_size=1, max_size=3)))
    sfreq = draw(st.sampled_from([250.0, 256.0, 400.0]))
    windows = []
    for name in [*names, *draw(st.lists(st.sampled_from(names), max_size=3))]:
        start = draw(st.integers(0, 10**9))
        windows.append(
            SavedWindow(
                recording=name,
                start=start,
                stop=start + round(4 * sfreq),
                kind=draw(st.sampled_from(["onset", "whole", "ictal", "background"])),
            )
        )
    return SavedPlan(
        spec=parse_spec(TUSZ, where="a test"),
        sfreq=sfreq,
        recordings=tuple(draw(recordings(name)) for name in names),
        windows=tuple(windows),
        fixture=Outcome(
            digest=draw(digests),
            records=draw(digests),
            arrays={
                name: draw(digests) for name in ("signals", "labels", "scale", "offset")
            },
        ),
    )


@settings(max_examples=50, deadline=None)
@given(plan=plans())
def test_any_plan_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, plan: SavedPlan
) -> None:
    path = tmp_path_factory.mktemp("any") / "p.json"
    save_plan(plan, path)
    assert load_plan(path) == plan
    assert plan_to_bytes(load_plan(path)) == path.read_bytes()
