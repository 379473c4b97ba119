"""The life of a golden, from outside: what another project's tests see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bgb_fixtures.golden import load_golden

if TYPE_CHECKING:
    from pathlib import Path

# What the first consumer runs its tests with.
STRICT = ("--strict-markers", "--strict-config", "-p", "no:warnings")
UPDATE = "--bgb-golden-update"


@pytest.fixture
def outside(
    pytester: pytest.Pytester, small_fixture: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project of its own on a developer's machine, with a small fixture file."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeini(f"[pytest]\naddopts = --bgb-fixture={small_fixture}\n")
    return pytester


def write_test(outside: pytest.Pytester, value: str) -> None:
    outside.makepyfile(
        test_it=f"""
        import numpy as np

        def test_logits(golden):
            golden.check("logits", {value})
        """
    )


def run(outside: pytest.Pytester, *args: str) -> pytest.RunResult:
    return outside.runpytest_subprocess(*STRICT, *args)


def test_whole_life_of_a_golden(outside: pytest.Pytester) -> None:
    path = outside.path / "golden" / "test_it" / "test_logits.logits.h5"
    write_test(outside, "np.arange(3.0)")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*there was no golden 'logits'; it is written now: golden/test_it/test_lo*"]
    )
    first = path.read_bytes()
    run(outside).assert_outcomes(passed=1)
    write_test(outside, "np.arange(3.0) + [0, 0, 0.5]")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*golden 'logits' does not hold any more: golden/test_it/test_logits.logits.h5",
            "*'logits': 1 of 3 values differ (33.3%)",
            "*greatest absolute difference 0.5 at (2,): expected 2, got 2.5",
            "*if this change is meant: pytest --bgb-golden-update*",
        ]
    )
    assert path.read_bytes() == first
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*goldens that were updated*",
            "golden/test_it/test_logits.logits.h5: 'logits': 1 of 3 values differ*",
        ]
    )
    run(outside).assert_outcomes(passed=1)
    second = path.stat()
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*goldens that were updated*")
    assert path.stat().st_mtime_ns == second.st_mtime_ns


def test_under_ci_no_golden_is_written(
    outside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    write_test(outside, "1.0")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*there is no golden 'logits': golden/test_it/test_logits.logits.h5. Under CI*"
        ]
    )
    assert not (outside.path / "golden").exists()


def test_under_ci_updating_is_refused_unless_asked_for(
    outside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    write_test(outside, "1.0")
    result = run(outside, UPDATE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--bgb-golden-update is refused under CI*"])
    assert not (outside.path / "golden").exists()
    run(outside, "--bgb-golden-update-in-ci").assert_outcomes(passed=1)
    run(outside).assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["", "0", "false", "False"])
def test_ci_that_is_off_is_no_ci(
    value: str, outside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", value)
    write_test(outside, "1.0")
    run(outside, UPDATE).assert_outcomes(passed=1)


def test_life_under_xdist_is_the_same(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        test_it="""
        import numpy as np, pytest

        @pytest.mark.parametrize("size", range(6))
        def test_size(golden, size):
            golden.check("ones", np.ones(size))
        """
    )
    run(outside, "-n", "2").assert_outcomes(failed=6)
    folder = outside.path / "golden" / "test_it"
    names = [f"test_size_{size}.ones.h5" for size in range(6)]
    assert sorted(path.name for path in folder.iterdir()) == names
    run(outside, "-n", "2").assert_outcomes(passed=6)
    (folder / names[3]).unlink()
    result = run(outside, "-n", "2", UPDATE)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        ["*goldens that were updated*", "golden/test_it/test_size_3.ones.h5: new"]
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_goldens_that_no_test_used_are_listed(
    outside: pytest.Pytester, workers: str
) -> None:
    outside.makepyfile(
        test_it="""
        def test_one(golden):
            golden.check("a", 1)
            golden.check("b", 2)
        """,
        test_other="def test_two(golden): golden.check('c', 3)",
    )
    run(outside, UPDATE).assert_outcomes(passed=2)
    outside.path.joinpath("golden", "notes.h5").write_bytes(b"not one of ours")
    outside.makepyfile(test_it="def test_one(golden): golden.check('a', 1)")
    result = run(outside, "-n", workers, "--bgb-golden-unused")
    result.assert_outcomes(passed=2)
    listed = [line for line in result.outlines if line.endswith(".h5")]
    assert listed == [str(outside.path / "golden" / "test_it" / "test_one.b.h5")]


def test_damaged_golden_fails_and_is_written_again_on_request(
    outside: pytest.Pytester,
) -> None:
    write_test(outside, "np.ones(3)")
    run(outside, UPDATE).assert_outcomes(passed=1)
    path = outside.path / "golden" / "test_it" / "test_logits.logits.h5"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*IntegrityError: *test_logits.logits.h5': HDF5 structures*"]
    )
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_logits.logits.h5: was damaged, written again*"])


def test_dicts_and_several_goldens_in_one_test(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        test_it="""
        import numpy as np

        class TestModel:
            def test_all(self, golden):
                golden.check("out", {"logits": np.ones(3), "aux": {"n": 2, "ok": True}})
                golden.check("loss", 0.25)
        """
    )
    run(outside, UPDATE).assert_outcomes(passed=1)
    run(outside).assert_outcomes(passed=1)
    folder = outside.path / "golden" / "test_it"
    assert sorted(path.name for path in folder.iterdir()) == [
        "TestModel.test_all.loss.h5",
        "TestModel.test_all.out.h5",
    ]
    outputs = load_golden(folder / "TestModel.test_all.out.h5").outputs
    assert sorted(outputs) == ["out.aux.n", "out.aux.ok", "out.logits"]


def test_name_can_be_used_once_in_a_test(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        "def test_it(golden):\n    golden.check('a', 1)\n    golden.check('a', 1)\n"
    )
    result = run(outside, UPDATE)
    result.stdout.fnmatch_lines(["*golden 'a' was checked before in this test; give*"])


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "x" * 65])
def test_name_must_be_fit_for_a_file(name: str, outside: pytest.Pytester) -> None:
    outside.makepyfile(f"def test_it(golden): golden.check({name!r}, 1)")
    result = run(outside, UPDATE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected 1 to 64 letters, digits, _ or -*"])


def test_test_names_that_differ_in_odd_characters_have_files_of_their_own(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.parametrize("text", ["a/b", "a:b", "a b", "long" * 60, "long" * 61])
        def test_text(golden, text):
            golden.check("size", len(text))
        """
    )
    run(outside, UPDATE).assert_outcomes(passed=5)
    run(outside).assert_outcomes(passed=5)
    names = [path.name for path in (outside.path / "golden" / "test_it").iterdir()]
    assert len(set(names)) == 5
    assert max(map(len, names)) < 150


def test_nan_is_not_written_unless_meant(outside: pytest.Pytester) -> None:
    write_test(outside, "np.array([1.0, np.nan])")
    result = run(outside, UPDATE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'logits': 1 of 2 float64 values are NaN, first at*"])
    assert not (outside.path / "golden").exists()
    write_test(outside, "np.array([1.0, np.nan]), nan_ok=True")
    run(outside, UPDATE).assert_outcomes(passed=1)
    run(outside).assert_outcomes(passed=1)


def test_numpy_project_needs_no_torch(outside: pytest.Pytester) -> None:
    # As if torch were not installed.
    outside.makeconftest("import sys\nsys.modules['torch'] = None\n")
    write_test(outside, "{'a': np.ones(3, np.float32), 'b': True, 'c': 1.5}")
    run(outside).assert_outcomes(failed=1)
    run(outside).assert_outcomes(passed=1)
    path = outside.path / "golden" / "test_it" / "test_logits.logits.h5"
    assert "torch" not in load_golden(path).environment


def test_torch_model_is_traced_and_the_message_names_the_module(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        test_it="""
        import torch

        def make(bias):
            torch.manual_seed(0)
            model = torch.nn.Sequential(
                torch.nn.Conv1d(3, 4, 3, padding=1), torch.nn.ReLU(),
                torch.nn.Conv1d(4, 1, 1), torch.nn.Flatten(1),
            )
            with torch.no_grad():
                model[2].bias += bias
            return model.eval()

        def test_model(golden, smoke_fixture):
            import os
            golden.check_model("net", make(float(os.environ["BIAS"])), smoke_fixture)

        def test_tensor(golden, smoke_fixture):
            signals, _ = smoke_fixture.tensors()
            with torch.no_grad():
                golden.check("half", make(0.0)(signals).bfloat16(), fixture=smoke_fixture)
        """
    )
    outside._monkeypatch.setenv("BIAS", "0")
    run(outside).assert_outcomes(failed=2)
    run(outside).assert_outcomes(passed=2)
    outside._monkeypatch.setenv("BIAS", "2")
    result = run(outside)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*'net': 2048 of 2048 values differ (100.0%)",
            "*windows moved: 4 of 4",
            "*where it began:",
            "*weights changed: `2` (of 2 modules that have any)",
            "*same input, weights changed; first differs at `2` (Conv1d)",
        ]
    )


def test_plugin_loads_nothing_for_tests_that_use_none_of_it(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("bgb_fixtures")}
            assert ours == {"bgb_fixtures", "bgb_fixtures.pytest_plugin"}
            assert not {"numpy", "h5py", "torch"} & sys.modules.keys()
        """
    )
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)
