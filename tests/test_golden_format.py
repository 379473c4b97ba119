"""The rules for golden files in DATA.md, one by one, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import math
import pickle
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from bgb_fixtures.errors import (
    FixtureNotFoundError,
    FormatError,
    FormatVersionError,
    IntegrityError,
    TargetError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.golden import (
    Golden,
    load_golden,
    make_golden,
    run_model,
    write_golden,
)
from bgb_fixtures.golden import store as golden_store
from bgb_fixtures.golden.content import Output, Tolerance
from bgb_fixtures.golden.npz import MAX_ARRAYS
from bgb_fixtures.golden.record import make_events_golden
from bgb_fixtures.golden.store import encode_golden, is_golden, is_replaceable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

    MakeContent = Callable[..., Content]


@pytest.fixture(scope="module")
def path(small_fixture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a golden of a model with a trace; do not change that file."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv1d(3, 1, 5, padding=2), torch.nn.Flatten(1)
    )
    golden = run_model(model.eval(), load_fixture(small_fixture), name="logits")
    return write_golden(golden, tmp_path_factory.mktemp("golden") / "logits.npz")


def read_document(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        document: dict[str, Any] = json.loads(archive.read("golden.json"))
    return document


def round_trip(value: Any, tmp_path: Path) -> Output:
    golden = make_golden(value, name="x")
    return load_golden(write_golden(golden, tmp_path / "x.npz")).outputs["x"]


# The rules


def test_g1_zip_tools_read_it(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.flag_bits, entry.extra, entry.comment) == (0, b"", b"")
            assert (entry.create_system, entry.external_attr >> 16) == (3, 0o100644)


def test_g1_git_takes_it_for_binary(path: Path) -> None:
    # git looks for a NUL byte in the first 8000.
    assert b"\0" in path.read_bytes()[:30]


def test_g2_comment_has_the_version_and_the_digest_of_all_bytes_before_it(
    path: Path,
) -> None:
    data = path.read_bytes()
    digest = hashlib.sha256(data[:-64]).hexdigest()
    assert data.endswith(b"bgb-fixtures golden 2 sha256 " + digest.encode())
    with zipfile.ZipFile(path) as archive:
        assert archive.comment == data[-len(archive.comment) :]


def test_g3_entries_are_the_document_and_sorted_arrays(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [
            "golden.json",
            "logits.npy",
            "trace/samples.npy",
            "trace/statistics.npy",
        ]


def test_g3_numpy_reads_it(path: Path) -> None:
    golden = load_golden(path)
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["logits"], golden.outputs["logits"].array)
        assert golden.trace is not None
        np.testing.assert_array_equal(arrays["trace/samples"], golden.trace.samples)
        assert json.loads(arrays["golden.json"])["name"] == "logits"


def test_g3_headers_are_those_of_numpy(path: Path) -> None:
    with zipfile.ZipFile(path) as archive, archive.open("logits.npy") as file:
        assert np.lib.format.read_magic(file) == (1, 0)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    assert (shape, fortran, dtype.str) == ((4, 512), False, "<f4")


def test_g3_nothing_is_unpickled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    load_golden(path)


def test_g4_document_has_these_keys(path: Path) -> None:
    document = read_document(path)
    assert sorted(document) == [
        *("environment", "fixture", "model", "name", "outputs", "test", "trace")
    ]
    assert (document["name"], document["test"]) == ("logits", "")


def test_g4_environment_holds_no_name_of_this_machine(path: Path) -> None:
    import getpass
    import platform

    environment = read_document(path)["environment"]
    expected = {"numpy", "torch", "device", "threads", "processor", "torch seed"}
    assert expected <= environment.keys()
    text = json.dumps(environment)
    assert platform.node() not in text
    assert f'"{getpass.getuser()}' not in text
    assert "/" not in text


def test_g5_outputs_have_dtype_form_tolerance_and_threshold(path: Path) -> None:
    output = read_document(path)["outputs"]["logits"]
    assert (output["dtype"], output["stored"], output["shape"]) == (
        "float32",
        "<f4",
        [4, 512],
    )
    assert (output["tolerance"]["rtol"], output["tolerance"]["basis"]) == (
        1e-4,
        "float32",
    )
    assert output["tolerance"]["source"].startswith(
        "default for float32 on cpu: 0.0001"
    )
    assert (output["threshold"], output["labels"]) == (0.0, [])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(np.float32(0.1), id="scalar"),
        pytest.param(np.zeros((0, 3), np.float32), id="empty"),
        pytest.param(np.zeros((1,) * 32, np.int8), id="many-axes"),
        pytest.param(np.array([1 + 2j, complex(math.nan, -0.0)]), id="complex"),
        pytest.param(np.array(["T3", "", "\U0001f9e0"]), id="strings"),
    ],
)
def test_g5_arrays_of_any_shape_and_dtype_come_back(value: Any, tmp_path: Path) -> None:
    obtained = round_trip(value, tmp_path).array
    assert (obtained.dtype, obtained.shape) == (value.dtype, value.shape)
    np.testing.assert_array_equal(obtained, value)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("bfloat16", "<u2"),
        ("complex32", "<u4"),
        ("float8_e4m3fn", "|u1"),
        ("float8_e5m2", "|u1"),
    ],
)
def test_g5_what_numpy_lacks_is_stored_bit_by_bit(
    dtype: str, stored: str, tmp_path: Path
) -> None:
    values = torch.tensor([1.0, 1 / 3, -240.0, math.nan]).to(getattr(torch, dtype))
    output = round_trip(values, tmp_path)
    assert (output.dtype, output.array.dtype.str) == (dtype, stored)
    bits = {"<u2": torch.int16, "<u4": torch.int32, "|u1": torch.uint8}[stored]
    expected = values.view(bits).numpy().view(stored)
    np.testing.assert_array_equal(output.array, expected)
    with np.load(tmp_path / "x.npz") as arrays:
        np.testing.assert_array_equal(arrays["x"], expected)


def test_g5_none_and_empty_lists_come_back(tmp_path: Path) -> None:
    golden = make_golden({"loss": None, "found": []}, name="x")
    outputs = load_golden(write_golden(golden, tmp_path / "x.npz")).outputs
    assert {key: output.dtype for key, output in outputs.items()} == {
        "x.loss": "None",
        "x.found": "empty",
    }


def test_g6_events_are_rows_with_labels(small_fixture: Path, tmp_path: Path) -> None:
    events = [[(0.5, 1.5, "fnsz")], [], [], [(1, 0.25), (0.25, 1)]]
    fixture = load_fixture(small_fixture)
    golden = make_events_golden(events, name="found", fixture=fixture, atol=None)
    path = write_golden(golden, tmp_path / "x.npz")
    output = load_golden(path).outputs["found"]
    assert output.array.tolist() == [[0, 0.5, 1.5], [3, 0.25, 1], [3, 1, 0.25]]
    assert output.labels == ("fnsz", "", "")
    with np.load(path) as arrays:
        assert arrays["found"].shape == (3, 3)


def test_g7_fixture_and_model_are_named_by_digest(
    path: Path, small_fixture: Path
) -> None:
    document = read_document(path)
    assert document["fixture"] == {
        "name": "small",
        "content_version": 1,
        "digest": small_fixture.read_bytes()[31:95].decode(),
        "windows": ["w0", "w1", "w2", "w3"],
        "sfreq": 256.0,
        "n_times": 512,
        "montage": "10-20",
        "profile": "zscore-1",
    }
    torch.manual_seed(0)
    convolution = torch.nn.Conv1d(3, 1, 5)
    digest = hashlib.sha256()
    for name, shape in (("bias", "(1,)"), ("weight", "(1, 3, 5)")):
        tensor = convolution.get_parameter(name).detach().numpy()
        digest.update(f"0.{name}\0torch.float32\0{shape}\0".encode() + tensor.tobytes())
    assert document["model"] == {"digest": digest.hexdigest(), "n_parameters": 16}


def test_g7_layout_is_there_if_windows_went_in_with_other_axes(path: Path) -> None:
    assert "layout" not in read_document(path)
    golden = load_golden(path)
    assert golden.layout == "BCT"
    write_golden(replace(golden, layout="B1CT"), path)
    assert read_document(path)["layout"] == "B1CT"
    assert load_golden(path).layout == "B1CT"


def test_g8_trace_lists_the_calls(path: Path) -> None:
    trace = read_document(path)["trace"]
    assert trace["n_calls"] == 3
    call = trace["calls"][1]
    assert (call["name"], call["kind"], call["training"]) == ("0", "Conv1d", False)
    assert call["settings"] == "3, 1, kernel_size=(5,), stride=(1,), padding=(2,)"
    assert call["shapes"] == [[[4, 3, 512]], [[4, 1, 512]]]
    assert call["dtypes"] == ["float32", "float32"]
    assert len(call["weights"]) == 64


def test_g10_a_golden_of_a_number_is_small(tmp_path: Path) -> None:
    path = write_golden(make_golden(0.25, name="loss"), tmp_path / "loss.npz")
    assert path.stat().st_size < 4096


# Bytes


def test_same_content_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = write_golden(load_golden(path), tmp_path / "other-name.npz")
    assert again.read_bytes() == path.read_bytes()


def test_order_of_the_outputs_does_not_matter() -> None:
    goldens = [
        Golden(
            name="x",
            outputs={
                key: make_golden(1, name=key).outputs[key]
                for key in (names if turned else reversed(names))
            },
            environment={},
        )
        for names in [("x.a", "x.a-b", "x.B")]
        for turned in (False, True)
    ]
    assert encode_golden(goldens[0]) == encode_golden(goldens[1])


@settings(max_examples=30, deadline=None)
@given(
    arrays=st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
        st_numpy.arrays(
            st.sampled_from(["<f2", "<f4", "<f8", "|b1", "|u1", "<i4", "<u8", "<c16"]),
            st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_outputs_come_back_as_they_were_written(
    arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> None:
    golden = Golden(
        name="drawn",
        test="TestA::test_b[1]",
        outputs={
            key: Output(
                array=array,
                dtype=array.dtype.name,
                tolerance=Tolerance(rtol=0.1, atol=2.0, source="drawn"),
                threshold=-1.5,
            )
            for key, array in arrays.items()
        },
        environment={"python": "3"},
    )
    path = write_golden(golden, tmp_path_factory.mktemp("drawn") / "x.npz")
    loaded = load_golden(path)
    assert loaded.test == golden.test
    assert loaded.outputs.keys() == arrays.keys()
    with np.load(path) as seen:
        for key, array in arrays.items():
            assert loaded.outputs[key].array.tobytes() == array.tobytes()
            assert loaded.outputs[key].array.shape == array.shape
            assert loaded.outputs[key].tolerance == golden.outputs[key].tolerance
            assert seen[key].tobytes() == array.tobytes()
            assert (seen[key].dtype, seen[key].shape) == (array.dtype, array.shape)


# What is refused


def test_missing_golden_says_how_to_record_it(tmp_path: Path) -> None:
    with pytest.raises(
        FixtureNotFoundError,
        match=r"golden '.*none.npz' is missing; record it with bgb-fixtures golden",
    ):
        load_golden(tmp_path / "none.npz")


def test_name_with_a_nul_is_no_golden() -> None:
    with pytest.raises(FixtureNotFoundError, match=r"golden 'a\\x00b' is missing"):
        load_golden("a\0b")


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    good = encode_golden(make_golden(np.arange(3), name="x"))
    bad = tmp_path / "bad.npz"
    for place in range(len(good)):
        data = bytearray(good)
        data[place] ^= 1
        bad.write_bytes(data)
        with pytest.raises(FormatError, match=r"^'.*bad\.npz'"):
            load_golden(bad)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    good = encode_golden(make_golden(np.arange(3), name="x"))
    bad = tmp_path / "bad.npz"
    for size in range(len(good)):
        bad.write_bytes(good[:size])
        with pytest.raises(FormatError, match=r"^'.*bad\.npz'"):
            load_golden(bad)
        # A cut golden is replaced by an update; so is an empty file.
        assert is_replaceable(bad) is (size == 0 or size >= 41)


def test_damaged_array_is_named(path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"logits.npy") + 500] ^= 1
    bad = tmp_path / "bad.npz"
    bad.write_bytes(data)
    with pytest.raises(
        IntegrityError,
        match=r"bad.npz': 'logits' \(bytes \d+ to \d+\) changed after the file was "
        r"written \(found SHA-256 [0-9a-f]{12}, expected [0-9a-f]{12}\); copy or check",
    ):
        load_golden(bad)


def test_newer_format_version_asks_for_an_upgrade(path: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.npz"
    newer.write_bytes(path.read_bytes().replace(b"golden 2 sha", b"golden 13 sha"))
    with pytest.raises(
        FormatVersionError,
        match=r"newer.npz': unknown format version \(found 13, this release reads 2\). Upgr",
    ):
        load_golden(newer)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "it is empty; record it again", id="empty"),
        pytest.param(
            b"BGBGLD 1 0000000100 0000000100 " + b"0" * 64 + b"\n",
            r"a golden of format 1 \(HDF5\), which is no longer read; delete it and",
            id="format-1",
        ),
        pytest.param(b"BGBFIX 1 ", "it is a fixture; show it with bgb-", id="fixture"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "a git-lfs pointer; run 'git lfs pull'",
            id="lfs",
        ),
        pytest.param(
            b"x\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n",
            r"git conflict markers \(first at byte 1\), as git merged it as text; record",
            id="conflict",
        ),
        pytest.param(b"hello world, all", "it is not an npz file", id="text"),
    ],
)
def test_what_is_no_golden_is_called_what_it_is(
    data: bytes, words: str, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(data)
    with pytest.raises(FormatError, match=rf"bad.npz' is not a golden: .*{words}"):
        load_golden(bad)
    assert not is_golden(bad)


def test_plain_npz_is_no_golden(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", x=np.ones(3))
    with pytest.raises(FormatError, match="it is an npz or zip file, but not a golden"):
        load_golden(tmp_path / "plain.npz")


def test_golden_that_was_saved_again_by_a_zip_tool_is_refused(
    path: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.npz"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(again, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry), zipfile.ZIP_DEFLATED)
    with pytest.raises(IntegrityError, match="the end of the file is missing or damag"):
        load_golden(again)


def test_more_outputs_than_allowed_are_not_written(tmp_path: Path) -> None:
    output = make_golden(1, name="x").outputs["x"]
    many = {f"x.{i}": output for i in range(MAX_ARRAYS + 1)}
    golden = Golden(name="x", outputs=many, environment={})
    with pytest.raises(
        FormatError, match=r"x\.npz': .*at most 1026 arrays, found more"
    ):
        write_golden(golden, tmp_path / "x.npz")
    assert list(tmp_path.iterdir()) == []


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    # A header of 26 bytes that claims 4 GB.
    head = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 2**32 - 1, 2**32 - 1, 11, 0
    )
    data = head + b"golden.json" + b"bgb-fixtures golden 2 sha256 "
    bad = tmp_path / "bad.npz"
    bad.write_bytes(data + hashlib.sha256(data).hexdigest().encode())
    with pytest.raises(FormatError, match="has 4294967295 bytes, more than the file"):
        load_golden(bad)


# Writing


def test_golden_does_not_replace_a_fixture(
    path: Path, make_content: MakeContent, tmp_path: Path
) -> None:
    target = write_fixture(make_content(), tmp_path / "mine.h5")
    before = target.read_bytes()
    with pytest.raises(
        TargetError, match="exists and is not a golden, so it is not re"
    ):
        write_golden(load_golden(path), target)
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", id="lfs"),
        pytest.param(b"<<<<<<< HEAD\n", id="conflict"),
        pytest.param(b"BGBGLD 1 ", id="format-1"),
    ],
)
def test_golden_replaces_what_is_left_of_one(
    path: Path, old: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "mine.npz"
    target.write_bytes(old)
    write_golden(load_golden(path), target)
    assert target.read_bytes() == path.read_bytes()


def test_failed_write_leaves_the_old_golden(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write_golden(load_golden(path), tmp_path / "mine.npz")

    def refuse(*_: object, **__: object) -> None:
        msg = "mine.npz: no"
        raise FormatError(msg)

    monkeypatch.setattr(golden_store, "_parse", refuse)
    with pytest.raises(FormatError, match=r"mine\.npz: no"):
        write_golden(make_golden(1, name="other"), target)
    assert target.read_bytes() == path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["mine.npz"]


@pytest.mark.parametrize("name", ["check", "compare", "record", "report", "store"])
def test_goldens_need_neither_h5py_nor_torch(name: str) -> None:
    code = (
        f"import sys, bgb_fixtures.golden.{name}\n"
        "heavy = {'h5py', 'torch', 'click', 'timescoring', 'bgb_fixtures.build',\n"
        "         'bgb_fixtures.format.store', 'bgb_fixtures.format.hdf5'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_in_memory_file_is_what_is_written(path: Path) -> None:
    with np.load(io.BytesIO(encode_golden(load_golden(path)))) as arrays:
        assert arrays["logits"].shape == (4, 512)
