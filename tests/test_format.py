"""The rules of DATA.md, one by one, on files that the writer made."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgb_fixtures.eeg.events import SZCORE_CODES, Event
from bgb_fixtures.eeg.kinds import category_of
from bgb_fixtures.errors import FormatError, SpecError, TargetError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.records import WindowRecord
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeContent = Callable[..., Content]

# The keys of R9: texts, numbers, events.
COLUMNS = (
    *("id", "category", "kind", "split", "subject", "recording"),
    *("onset", "n_clipped"),
    "events",
)
ARRAYS = ("signals", "labels", "scale", "offset")


def read_documents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    data = path.read_bytes()
    n_index, n_records = int(data[9:19]), int(data[20:30])
    middle = 96 + n_index
    return json.loads(data[96:middle]), json.loads(data[middle : middle + n_records])


def read_with_numpy(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a fixture as a stranger would who has DATA.md only."""
    data = path.read_bytes()
    magic, version, n_index, n_records, digest = data[:95].decode("ascii").split(" ")
    assert (magic, version, data[95:96]) == ("BGBFIX", "1", b"\n")  # R1
    middle, end = 96 + int(n_index), 96 + int(n_index) + int(n_records)
    assert hashlib.sha256(data[96:end]).hexdigest() == digest
    index, records = json.loads(data[96:middle]), json.loads(data[middle:end])  # R2
    assert not any(data[end : index["user_block"]])  # R3
    assert index["file_size"] == len(data)
    arrays, rest, place = {}, hashlib.sha256(), index["user_block"]
    for name, a in sorted(index["arrays"].items(), key=lambda kv: kv[1]["offset"]):
        part = data[a["offset"] : a["offset"] + a["length"]]
        assert hashlib.sha256(part).hexdigest() == a["sha256"]  # R7
        arrays[name] = np.frombuffer(part, a["dtype"]).reshape(a["shape"])  # R5
        rest.update(data[place : a["offset"]])
        place = a["offset"] + a["length"]
    rest.update(data[place:])
    assert rest.hexdigest() == index["rest_sha256"]
    return index | records, arrays


def test_a_reader_of_twenty_lines_agrees(small_fixture: Path) -> None:
    facts, arrays = read_with_numpy(small_fixture)
    fixture = load_fixture(small_fixture)
    np.testing.assert_array_equal(arrays["signals"], fixture.signals)
    np.testing.assert_array_equal(arrays["labels"], fixture.labels)
    np.testing.assert_array_equal(arrays["scale"], fixture.scale)
    np.testing.assert_array_equal(arrays["offset"], fixture.offset)
    assert facts["sfreq"] == fixture.sfreq
    assert tuple(facts["ch_names"]) == fixture.ch_names
    assert [w["id"] for w in facts["windows"]] == [w.id for w in fixture.windows]
    assert facts["counts"] == {"none": 1, "partial": 2, "full": 1}


def test_a_reader_with_h5py_agrees(small_fixture: Path) -> None:
    fixture = load_fixture(small_fixture)
    with h5py.File(small_fixture, "r") as file:
        for name in ARRAYS:
            np.testing.assert_array_equal(file[name][()], getattr(fixture, name))
        for name in COLUMNS[:6]:
            expected = [getattr(w, name) for w in fixture.windows]
            assert file[name].asstr()[()].tolist() == expected
        assert file["onset"][()].tolist() == [w.onset for w in fixture.windows]
        assert file["n_clipped"][()].tolist() == [w.n_clipped for w in fixture.windows]
        events = [json.loads(text) for text in file["events"][()]]
        assert events[0] == [
            {"onset": 0.5, "duration": 1.5, "tusz": "fnsz", "szcore": "sz_foc"}
        ]
        assert [len(e) for e in events] == [len(w.events) for w in fixture.windows]
        names = tuple(name.decode() for name in file.attrs["ch_names"])
        assert names == fixture.ch_names
        assert file.attrs["sfreq"] == fixture.sfreq


def test_r1_first_line(small_fixture: Path) -> None:
    data = small_fixture.read_bytes()
    assert re.fullmatch(
        rb"BGBFIX 1 [0-9]{10} [0-9]{10} [0-9a-f]{64}\n", data[: data.index(b"\n") + 1]
    )
    end = 96 + int(data[9:19]) + int(data[20:30])
    assert hashlib.sha256(data[96:end]).hexdigest() == data[31:95].decode()


def test_r2_documents_are_ascii_json_objects(small_fixture: Path) -> None:
    index, records = read_documents(small_fixture)
    assert isinstance(index, dict)
    assert isinstance(records, dict)
    data = small_fixture.read_bytes()
    assert data[: 96 + int(data[9:19]) + int(data[20:30])].isascii()


def test_r3_user_block_is_padded_with_zeros(small_fixture: Path) -> None:
    index, _ = read_documents(small_fixture)
    data = small_fixture.read_bytes()
    end = 96 + int(data[9:19]) + int(data[20:30])
    block = index["user_block"]
    assert data[end:block] == bytes(block - end)
    assert block >= 4096
    assert block.bit_count() == 1
    assert data[block : block + 8] == b"\x89HDF\r\n\x1a\n"


def test_r4_index_has_these_keys(small_fixture: Path) -> None:
    index, _ = read_documents(small_fixture)
    assert sorted(index) == [
        "arrays",
        "content_version",
        "counts",
        "file_size",
        "format_version",
        "name",
        "rest_sha256",
        "sfreq",
        "user_block",
    ]
    assert index["format_version"] == 1
    assert index["name"] == "small"
    assert index["content_version"] == 1
    assert index["sfreq"] == 256.0
    assert index["file_size"] == small_fixture.stat().st_size


def test_r5_arrays_have_these_dtypes_and_shapes(small_fixture: Path) -> None:
    arrays = read_documents(small_fixture)[0]["arrays"]
    assert {k: (a["dtype"], a["shape"], a["length"]) for k, a in arrays.items()} == {
        "signals": ("<f4", [4, 3, 512], 24576),
        "labels": ("|u1", [4, 512], 2048),
        "scale": ("<f4", [4, 3], 48),
        "offset": ("<f4", [4, 3], 48),
    }


def test_r5_microvolts_are_signals_times_scale_plus_offset(
    small_fixture: Path,
) -> None:
    fixture = load_fixture(small_fixture)
    # signals[0, 1, 0] = (1 / 8 - 4) = -3.875; scale 20, offset 1
    assert fixture.signals[0, 1, 0] == -3.875
    assert fixture.microvolts()[0, 1, 0] == -76.5


def test_r6_arrays_are_aligned_inside_the_file_and_apart(small_fixture: Path) -> None:
    index, _ = read_documents(small_fixture)
    places = sorted((a["offset"], a["length"]) for a in index["arrays"].values())
    assert all(offset % 4096 == 0 for offset, _ in places)
    borders = [index["user_block"], *(x for o, n in places for x in (o, o + n))]
    assert borders == sorted(borders)
    assert borders[-1] <= index["file_size"]


def test_r7_digests_cover_every_byte_behind_the_user_block_once(
    small_fixture: Path,
) -> None:
    index, _ = read_documents(small_fixture)
    data = np.frombuffer(small_fixture.read_bytes(), np.uint8)
    in_array = np.zeros(len(data), bool)
    for entry in index["arrays"].values():
        span = slice(entry["offset"], entry["offset"] + entry["length"])
        in_array[span] = True
        assert hashlib.sha256(data[span].tobytes()).hexdigest() == entry["sha256"]
    in_array[: index["user_block"]] = True
    assert hashlib.sha256(data[~in_array].tobytes()).hexdigest() == index["rest_sha256"]


def test_r8_records_have_these_keys(small_fixture: Path) -> None:
    _, records = read_documents(small_fixture)
    del records["windows"]
    assert records == {
        "ch_names": ["Fp1", "F3", "C3"],
        "montage": "10-20",
        "unit": "1",
        "profile": {"name": "zscore-1", "steps": ["by hand"]},
        "source": {"name": "synthetic"},
        "licence": {
            "name": "CC0-1.0",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/",
            "attribution": "none needed",
            "redistributable": True,
            "changes": "made for a test",
        },
        "spec": {"source": "synthetic"},
    }


def test_r9_windows_have_these_keys(small_fixture: Path) -> None:
    _, records = read_documents(small_fixture)
    assert records["windows"][3] == {
        "id": "w3",
        "category": "partial",
        "kind": "whole",
        "split": "dev",
        "subject": "sub-02",
        "recording": "rec-04",
        "onset": 30.0,
        "n_clipped": 0,
        "events": [
            {"onset": 0.25, "duration": 1.0, "tusz": "fnsz", "szcore": "sz_foc"}
        ],
    }


@pytest.mark.parametrize(
    ("n_ictal", "n_times", "category"),
    [
        pytest.param(0, 15360, "none", id="no-sample"),
        pytest.param(1, 15360, "partial", id="one-sample"),
        pytest.param(15206, 15360, "partial", id="just-below-99-percent"),
        pytest.param(15207, 15360, "full", id="just-above-99-percent"),
        pytest.param(99, 100, "full", id="99-percent"),
        pytest.param(15360, 15360, "full", id="all"),
    ],
)
def test_r10_category_by_share_of_ictal_samples(
    n_ictal: int, n_times: int, category: str
) -> None:
    assert category_of(n_ictal, n_times) == category


def test_r10_counts_are_those_of_the_windows(small_fixture: Path) -> None:
    index, _ = read_documents(small_fixture)
    assert index["counts"] == {"none": 1, "partial": 2, "full": 1}


def test_r11_kinds_follow_from_the_first_and_last_labels(small_fixture: Path) -> None:
    fixture = load_fixture(small_fixture)
    ends = {
        w.kind: (int(labels[0]), int(labels[-1]))
        for w, labels in zip(fixture.windows, fixture.labels, strict=True)
    }
    assert ends == {
        "onset": (0, 1),
        "ictal": (1, 1),
        "background": (0, 0),
        "whole": (0, 0),
    }


def test_r12_codes_come_in_these_pairs() -> None:
    assert SZCORE_CODES == {
        "seiz": "sz",
        "fnsz": "sz_foc",
        "gnsz": "sz_gen",
        "spsz": "sz_foc_a",
        "cpsz": "sz_foc_ia",
        "absz": "sz_gen_nm",
        "tnsz": "sz_gen_m_tonic",
        "cnsz": "sz_gen_m_clonic",
        "tcsz": "sz_gen_m_tonicClonic",
        "atsz": "sz_gen_m_atonic",
        "mysz": "sz_gen_m",
    }


def test_r13_labels_follow_from_events(small_fixture: Path) -> None:
    facts, arrays = read_with_numpy(small_fixture)
    expected = np.zeros((4, 512), np.uint8)
    expected[0, 128:512] = 1
    expected[1, 0:512] = 1
    expected[3, 64:320] = 1
    np.testing.assert_array_equal(arrays["labels"], expected)
    for window, labels in zip(facts["windows"], expected, strict=True):
        follows = np.zeros(512, np.uint8)
        for event in window["events"]:
            start = round(event["onset"] * 256)
            follows[start : start + round(event["duration"] * 256)] = 1
        np.testing.assert_array_equal(labels, follows)


def test_r14_root_group_holds_these_datasets_as_hard_links(
    small_fixture: Path,
) -> None:
    index, _ = read_documents(small_fixture)
    with h5py.File(small_fixture, "r") as file:
        assert sorted(file) == sorted((*ARRAYS, *COLUMNS))
        links = [file.get(name, getlink=True) for name in file]
        assert all(isinstance(link, h5py.HardLink) for link in links)
        assert all(len(file[name]) == 4 for name in file)
        for name in ARRAYS:
            entry, dataset = index["arrays"][name], file[name]
            assert dataset.id.get_offset() == entry["offset"]
            assert dataset.dtype == np.dtype(entry["dtype"])
            assert list(dataset.shape) == entry["shape"]


def test_r15_columns_have_these_dtypes(small_fixture: Path) -> None:
    with h5py.File(small_fixture, "r") as file:
        dtypes = {name: file[name].dtype.str for name in COLUMNS[:8]}
        assert file["events"].dtype.kind == "S"
    assert dtypes == {
        "id": "|S2",
        "category": "|S7",
        "kind": "|S10",
        "split": "|S5",
        "subject": "|S6",
        "recording": "|S6",
        "onset": "<f8",
        "n_clipped": "<i8",
    }


def test_r16_root_group_has_these_attributes(small_fixture: Path) -> None:
    with h5py.File(small_fixture, "r") as file:
        attributes = {name: np.asarray(file.attrs[name]) for name in file.attrs}
        assert not any(len(file[name].attrs) for name in file)
    assert {name: (a.dtype.str, a.tolist()) for name, a in attributes.items()} == {
        "sfreq": ("<f8", 256.0),
        "ch_names": ("|S3", [b"Fp1", b"F3", b"C3"]),
        "montage": ("|S5", b"10-20"),
        "unit": ("|S1", b"1"),
        "licence": ("|S7", b"CC0-1.0"),
        "format_version": ("<i8", 1),
        "content_version": ("<i8", 1),
    }


def test_r17_datasets_are_contiguous_aligned_and_without_times(
    small_fixture: Path,
) -> None:
    with h5py.File(small_fixture, "r") as file:
        for dataset in file.values():
            properties = dataset.id.get_create_plist()
            assert properties.get_layout() == h5py.h5d.CONTIGUOUS
            assert properties.get_nfilters() == 0
            assert properties.get_external_count() == 0
            assert dataset.id.get_offset() % 4096 == 0
        group = file["/"].id.get_create_plist()
        assert group.get_link_creation_order() == group.get_attr_creation_order() == 0
        infos = [h5py.h5o.get_info(dataset.id) for dataset in file.values()]
        assert {(i.atime, i.btime, i.ctime, i.mtime) for i in infos} == {(0, 0, 0, 0)}


def test_r18_same_content_gives_the_same_bytes(
    make_content: MakeContent, small_fixture: Path, tmp_path: Path
) -> None:
    again = write_fixture(make_content(), tmp_path / "small.h5")
    assert again.read_bytes() == small_fixture.read_bytes()


def test_r18_output_name_and_folder_do_not_show(
    make_content: MakeContent, small_fixture: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with a longer name"
    folder.mkdir()
    other = write_fixture(make_content(), folder / "another-name-for-it.hdf5")
    assert other.read_bytes() == small_fixture.read_bytes()


def test_r18_replaced_file_has_the_bytes_of_a_new_one(
    make_content: MakeContent, small_fixture: Path, tmp_path: Path
) -> None:
    path = tmp_path / "small.h5"
    write_fixture(make_content(name="larger", content_version=7), path)
    write_fixture(make_content(), path)
    assert path.read_bytes() == small_fixture.read_bytes()


def test_r20_reading_leaves_the_file_as_it_is(
    small_fixture: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy.h5"
    shutil.copy(small_fixture, path)
    path.chmod(0o444)
    before = path.stat()
    verify_fixture(path)
    load_fixture(path).signals[:] = 0
    after = path.stat()
    assert path.read_bytes() == small_fixture.read_bytes()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_r20_writer_moves_a_new_file_into_place(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = write_fixture(make_content(), tmp_path / "small.h5")
    inode = path.stat().st_ino
    with load_fixture(path) as old:
        signals = old.signals
        write_fixture(make_content(signals=np.zeros((4, 3, 512), np.float32)), path)
        assert path.stat().st_ino != inode
        assert signals[0, 1, 0] == -3.875
    assert [entry.name for entry in tmp_path.iterdir()] == ["small.h5"]


def test_r21_content_version_is_apart_from_format_version(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = write_fixture(make_content(content_version=7), tmp_path / "small.h5")
    assert path.read_bytes().startswith(b"BGBFIX 1 ")
    assert load_fixture(path).index.content_version == 7
    with h5py.File(path, "r") as file:
        assert file.attrs["format_version"] == 1
        assert file.attrs["content_version"] == 7


def test_verify_proves_both_sides(small_fixture: Path) -> None:
    proof = verify_fixture(small_fixture)
    assert proof.path == small_fixture
    assert proof.digest == small_fixture.read_bytes()[31:95].decode()
    assert proof.checks[1].startswith(
        "3 of 4 windows hold a seizure: 2 partial, 1 full"
    )


def test_long_user_block_is_read_too(make_content: MakeContent, tmp_path: Path) -> None:
    spec = {"note": ["x" * 60] * 1000}
    path = write_fixture(make_content(spec=spec), tmp_path / "long.h5")
    fixture = load_fixture(path)
    assert fixture.index.user_block == 131072
    assert fixture.records.spec == spec


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"signals": np.zeros((4, 3, 512), np.float64)},
            "array 'signals': expected float32, got float64",
            id="dtype",
        ),
        pytest.param(
            {"signals": np.full((4, 3, 512), np.nan, np.float32)},
            "window 0 holds a value that is not finite",
            id="nan",
        ),
        pytest.param({"windows": ()}, "none of its 0 windows", id="no-window"),
        pytest.param({"montage": "Méthode"}, "'Méthode' is not ASCII", id="not-ascii"),
    ],
)
def test_writer_refuses_content_that_no_fixture_can_hold(
    changes: dict[str, Any], message: str, make_content: MakeContent, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        write_fixture(make_content(**changes), tmp_path / "new.h5")
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses_what_its_reader_would_refuse_and_names_the_target(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = tmp_path / "new.h5"
    content = make_content(ch_names=("Fp1", "F3", "F3"))
    message = rf"^'{re.escape(str(path))}': records, ch_names: expected 3 different"
    with pytest.raises(FormatError, match=message):
        write_fixture(content, path)
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses_a_scale_of_zero(
    make_content: MakeContent, tmp_path: Path
) -> None:
    content = make_content(scale=np.zeros((4, 3), np.float32))
    with pytest.raises(FormatError, match=r"array 'scale' at \(0, 0\): expected more"):
        write_fixture(content, tmp_path / "new.h5")


def test_writer_leaves_other_files_alone(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = tmp_path / "thesis.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n and all the rest")
    with pytest.raises(TargetError, match="exists and is not a fixture"):
        write_fixture(make_content(), path)
    assert path.read_bytes() == b"\x89HDF\r\n\x1a\n and all the rest"
    assert list(tmp_path.iterdir()) == [path]


def test_writer_keeps_the_old_fixture_when_the_new_one_fails(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = write_fixture(make_content(), tmp_path / "small.h5")
    before = path.read_bytes()
    with pytest.raises(FormatError, match="different ids"):
        write_fixture(
            make_content(windows=(make_content().windows[0],) * 4), tmp_path / path
        )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(".", "is a folder", id="folder"),
        pytest.param("missing/new.h5", "folder", id="no-folder"),
        pytest.param("n" * 300, "cannot be written: File name too long", id="long"),
    ],
)
def test_writer_says_why_a_target_cannot_be_written(
    name: str, message: str, make_content: MakeContent, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=message):
        write_fixture(make_content(), tmp_path / name)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Draw contents whose labels, events, categories and kinds agree."""
    n_times = draw(st.integers(2, 300))
    n_windows = draw(st.integers(1, 4))
    n_channels = draw(st.integers(1, 3))
    sfreq = draw(st.sampled_from([100.0, 199.9, 250.0, 256.0, 500.0]))
    labels = np.zeros((n_windows, n_times), np.uint8)
    windows = []
    for row in range(n_windows):
        cuts = draw(
            st.lists(
                st.integers(0, n_times),
                min_size=0 if row else 2,
                max_size=6,
                unique=True,
            )
        )
        cuts.sort()
        spans = list(zip(cuts[::2], cuts[1::2], strict=False))
        for start, stop in spans:
            labels[row, start:stop] = 1
        category = category_of(int(labels[row].sum()), n_times)
        windows.append(
            WindowRecord(
                id=f"w{row}",
                category=category,
                kind={"none": "background", "partial": "whole", "full": "ictal"}[
                    category
                ],
                split=draw(st.sampled_from(["train", "dev", "eval"])),
                subject=f"sub-{row:02d}",
                recording=f"rec-{row:02d}",
                onset=draw(st.floats(0, 1e6)),
                n_clipped=draw(st.integers(0, 10**6)),
                events=tuple(
                    Event(
                        onset=start / sfreq,
                        duration=(stop - start) / sfreq,
                        label=draw(st.sampled_from(sorted(SZCORE_CODES))),
                    )
                    for start, stop in spans
                ),
            )
        )
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)
    json_values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    )
    return Content(
        name=draw(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)),
        content_version=draw(st.integers(1, 10**9)),
        sfreq=sfreq,
        ch_names=tuple(
            draw(st.lists(texts, min_size=n_channels, max_size=n_channels, unique=True))
        ),
        montage=draw(texts),
        unit=draw(st.sampled_from(["uV", "1"])),
        profile={"name": draw(texts), "steps": draw(st.lists(texts, max_size=3))},
        source={"name": draw(texts)},
        licence={
            "name": draw(texts),
            "url": draw(texts),
            "attribution": "two\nlines",
            "redistributable": draw(st.booleans()),
            "changes": "",
        },
        spec={"drawn": draw(json_values)},
        windows=tuple(windows),
        signals=rng.standard_normal((n_windows, n_channels, n_times), np.float32),
        labels=labels,
        scale=rng.uniform(0.1, 100, (n_windows, n_channels)).astype(np.float32),
        offset=rng.uniform(-5, 5, (n_windows, n_channels)).astype(np.float32),
    )


@settings(max_examples=40, deadline=None)
@given(content=contents())
def test_content_comes_back_as_it_was_written(
    content: Content, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round")
    path = write_fixture(content, folder / "any.h5")
    fixture = load_fixture(path)
    index, records = fixture.index, fixture.records
    assert (index.name, index.content_version) == (
        content.name,
        content.content_version,
    )
    assert index.sfreq == content.sfreq
    assert records.ch_names == content.ch_names
    assert (records.montage, records.unit) == (content.montage, content.unit)
    assert records.profile == content.profile
    assert records.source == content.source
    assert records.licence == content.licence
    assert records.spec == content.spec
    assert fixture.windows == content.windows
    np.testing.assert_array_equal(fixture.signals, content.signals)
    np.testing.assert_array_equal(fixture.labels, content.labels)
    np.testing.assert_array_equal(fixture.scale, content.scale)
    np.testing.assert_array_equal(fixture.offset, content.offset)
    shutil.rmtree(folder)
