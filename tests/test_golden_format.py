"""The rules for golden files in DATA.md, one by one, and what is refused."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from bgb_fixtures.errors import (
    FixtureError,
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
    verify_golden,
    write_golden,
)
from bgb_fixtures.golden import store as golden_store
from bgb_fixtures.golden.content import Output, Tolerance

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
    return write_golden(golden, tmp_path_factory.mktemp("golden") / "logits.h5")


def read_documents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    data = path.read_bytes()
    middle = 96 + int(data[9:19])
    return json.loads(data[96:middle]), json.loads(
        data[middle : middle + int(data[20:30])]
    )


def test_g1_first_line_has_a_word_of_its_own(path: Path) -> None:
    data = path.read_bytes()
    assert data.startswith(b"BGBGLD 1 ")
    stop = 96 + int(data[9:19]) + int(data[20:30])
    assert hashlib.sha256(data[96:stop]).hexdigest() == data[31:95].decode()


def test_g2_index_has_these_keys_and_arrays(path: Path) -> None:
    index, _ = read_documents(path)
    assert sorted(index) == [
        *("arrays", "file_size", "format_version", "name", "rest_sha256", "user_block")
    ]
    assert index["name"] == "logits"
    assert {
        name: (entry["dtype"], entry["shape"])
        for name, entry in index["arrays"].items()
    } == {
        "output.logits": ("<f4", [4, 512]),
        "trace.statistics": ("<f8", [3, 2, 8]),
        "trace.samples": ("<f8", [3, 2, 32]),
    }


def test_g2_every_byte_behind_the_user_block_has_one_digest(path: Path) -> None:
    index, _ = read_documents(path)
    data, place, rest = path.read_bytes(), index["user_block"], hashlib.sha256()
    for entry in sorted(index["arrays"].values(), key=lambda e: int(e["offset"])):
        assert entry["offset"] % 4096 == 0
        stop = entry["offset"] + entry["length"]
        digest = hashlib.sha256(data[entry["offset"] : stop]).hexdigest()
        assert digest == entry["sha256"]
        rest.update(data[place : entry["offset"]])
        place = stop
    rest.update(data[place:])
    assert rest.hexdigest() == index["rest_sha256"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(np.float32(0.1), id="scalar"),
        pytest.param(np.zeros((0, 3), np.float32), id="empty"),
        pytest.param(np.zeros((1,) * 16, np.int8), id="many-axes"),
    ],
)
def test_g2_arrays_of_any_shape_come_back(value: Any, tmp_path: Path) -> None:
    golden = load_golden(write_golden(make_golden(value, name="x"), tmp_path / "x.h5"))
    obtained = golden.outputs["x"].array
    assert (obtained.dtype, obtained.shape) == (value.dtype, value.shape)
    np.testing.assert_array_equal(obtained, value)


def test_g3_bfloat16_is_the_same_numbers_in_float32(tmp_path: Path) -> None:
    values = torch.tensor([1.0, 1 / 3, -2e38, math.inf, math.nan]).bfloat16()
    path = write_golden(make_golden(values, name="x"), tmp_path / "x.h5")
    output = load_golden(path).outputs["x"]
    assert (output.dtype, output.array.dtype.str) == ("bfloat16", "<f4")
    assert torch.equal(
        torch.from_numpy(output.array).bfloat16().view(torch.int16),
        values.view(torch.int16),
    )
    with h5py.File(path) as file:
        assert file["output.x"][1] == np.float32(0.333984375)


def test_g4_environment_holds_no_name_of_this_machine(path: Path) -> None:
    import getpass
    import platform

    environment = read_documents(path)[1]["environment"]
    assert {"numpy", "torch", "device", "threads", "processor"} <= environment.keys()
    text = json.dumps(environment)
    assert platform.node() not in text
    assert f'"{getpass.getuser()}' not in text
    assert "/" not in text


def test_g5_outputs_have_dtype_tolerance_and_threshold(path: Path) -> None:
    output = read_documents(path)[1]["outputs"]["logits"]
    assert output["dtype"] == "float32"
    assert output["tolerance"]["rtol"] == 1e-4
    assert output["tolerance"]["source"].startswith(
        "default for float32 on cpu: 0.0001"
    )
    assert output["threshold"] == 0.0


def test_g6_fixture_and_model_are_named_by_digest(
    path: Path, small_fixture: Path
) -> None:
    _, records = read_documents(path)
    assert records["fixture"] == {
        "name": "small",
        "content_version": 1,
        "digest": small_fixture.read_bytes()[31:95].decode(),
        "windows": ["w0", "w1", "w2", "w3"],
    }
    torch.manual_seed(0)
    convolution = torch.nn.Conv1d(3, 1, 5)
    digest = hashlib.sha256()
    for name, shape in (("bias", "(1,)"), ("weight", "(1, 3, 5)")):
        tensor = convolution.get_parameter(name).detach().numpy()
        digest.update(f"0.{name}\0torch.float32\0{shape}\0".encode() + tensor.tobytes())
    assert records["model"] == {"digest": digest.hexdigest(), "n_parameters": 16}


def test_g7_trace_lists_the_calls(path: Path) -> None:
    trace = read_documents(path)[1]["trace"]
    assert trace["n_calls"] == 3
    call = trace["calls"][1]
    assert (call["name"], call["kind"], call["training"]) == ("0", "Conv1d", False)
    assert call["settings"] == "3, 1, kernel_size=(5,), stride=(1,), padding=(2,)"
    assert call["shapes"] == [[[4, 3, 512]], [[4, 1, 512]]]
    assert call["dtypes"] == ["float32", "float32"]
    assert len(call["weights"]) == 64


def test_g10_hdf5_side_says_the_same(path: Path) -> None:
    data = path.read_bytes()
    middle = 96 + int(data[9:19])
    with h5py.File(path) as file:
        assert sorted(file) == [
            *("output.logits", "records", "trace.samples", "trace.statistics")
        ]
        assert file["records"][()] == data[middle : middle + int(data[20:30])]
        assert file.attrs["name"] == b"logits"
        assert file.attrs["format_version"] == 1
        np.testing.assert_array_equal(
            file["output.logits"][()], load_golden(path).outputs["logits"].array
        )


def test_g3_nothing_is_unpickled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    verify_golden(path)


def test_same_content_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = write_golden(load_golden(path), tmp_path / "other-name.h5")
    assert again.read_bytes() == path.read_bytes()


@settings(max_examples=30, deadline=None)
@given(
    arrays=st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
        st_numpy.arrays(
            st.sampled_from(["<f2", "<f4", "<f8", "|b1", "|u1", "<i4", "<u8"]),
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
    path = write_golden(golden, tmp_path_factory.mktemp("drawn") / "x.h5")
    loaded = load_golden(path)
    assert loaded.outputs.keys() == arrays.keys()
    for key, array in arrays.items():
        assert loaded.outputs[key].array.tobytes() == array.tobytes()
        assert loaded.outputs[key].array.shape == array.shape
        assert loaded.outputs[key].tolerance == golden.outputs[key].tolerance


# Damaged and hostile files


def test_missing_golden_says_how_to_record_it(tmp_path: Path) -> None:
    with pytest.raises(
        FixtureNotFoundError,
        match=r"no golden '.*none.h5': no such file; record it: bgb",
    ):
        load_golden(tmp_path / "none.h5")


def test_name_with_a_nul_is_no_golden() -> None:
    with pytest.raises(FixtureNotFoundError, match=r"no golden 'a\\x00b'"):
        load_golden("a\0b")


@pytest.mark.parametrize("share", [0.001, 0.01, 0.3, 0.5, 0.7, 0.99])
def test_one_changed_byte_anywhere_is_noticed(
    share: float, path: Path, tmp_path: Path
) -> None:
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 1
    bad = tmp_path / "bad.h5"
    bad.write_bytes(data)
    with pytest.raises(FixtureError, match=r"bad\.h5"):
        load_golden(bad)


def test_damaged_array_is_named(path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[read_documents(path)[0]["arrays"]["output.logits"]["offset"]] ^= 1
    bad = tmp_path / "bad.h5"
    bad.write_bytes(data)
    with pytest.raises(
        IntegrityError, match=r"array 'output.logits' \(bytes .*the file changed after"
    ):
        load_golden(bad)


@pytest.mark.parametrize("keep", [0, 50, 96, 5000, 0.5, 0.999])
def test_truncated_golden_is_refused(keep: float, path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    bad = tmp_path / "bad.h5"
    bad.write_bytes(data[: int(keep * len(data)) if 0 < keep < 1 else int(keep)])
    with pytest.raises(FormatError, match=r"bad\.h5"):
        load_golden(bad)


def test_newer_format_version_asks_for_an_upgrade(path: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.h5"
    newer.write_bytes(path.read_bytes().replace(b"BGBGLD 1 ", b"BGBGLD 2 ", 1))
    with pytest.raises(FormatVersionError, match=r"format version 2; this .* Upgrade"):
        load_golden(newer)


def test_golden_does_not_replace_a_fixture(
    path: Path, make_content: MakeContent, tmp_path: Path
) -> None:
    target = write_fixture(make_content(), tmp_path / "mine.h5")
    before = target.read_bytes()
    with pytest.raises(TargetError, match="exists and is not a golden; it is left as"):
        write_golden(load_golden(path), target)
    assert target.read_bytes() == before


def test_failed_write_leaves_the_old_golden(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write_golden(load_golden(path), tmp_path / "mine.h5")

    def refuse(path: Path) -> None:
        msg = f"{str(path)!r}: no"
        raise FormatError(msg)

    monkeypatch.setattr(golden_store, "verify_golden", refuse)
    with pytest.raises(FormatError, match=r"mine\.h5': no"):
        write_golden(make_golden(1, name="other"), target)
    assert target.read_bytes() == path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["mine.h5"]


@pytest.mark.parametrize("name", ["check", "compare", "record", "report", "store"])
def test_reading_and_comparing_load_neither_h5py_nor_torch(name: str) -> None:
    code = (
        f"import sys, bgb_fixtures.golden.{name}\n"
        "heavy = {'h5py', 'torch', 'click', 'timescoring', 'bgb_fixtures.build'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
