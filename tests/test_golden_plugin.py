"""The life of a golden, from outside: what another project's tests see."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.fft
import pytest
import torch  # noqa: F401 (neither it nor numpy.fft bears a second import in one process)
from support import warm

from bgb_fixtures.errors import SpecError, TargetError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.golden import (
    GoldenChecker,
    load_golden,
    make_golden,
    write_golden,
)
from bgb_fixtures.golden.check import Log, update
from bgb_fixtures.golden.ci import _VARIABLES, ci_variable
from bgb_fixtures.golden.names import file_name_of
from bgb_fixtures.golden.record import fixture_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What the first consumer runs its tests with.
STRICT = ("--strict-markers", "--strict-config", "-p", "no:warnings")
# Its plugin costs more than all that is tested here, in each run.
FAST = ("-p", "no:hypothesispytest")
UPDATE = "--bgb-golden-update"


@pytest.fixture
def outside(
    pytester: pytest.Pytester, small_fixture: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project of its own on a developer's machine, with a small fixture file."""
    # Wherever these tests run: this is no CI service.
    monkeypatch.setenv("CI", "false")
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
    """Run the tests of the project in this process; xdist starts its own from it."""
    return outside.runpytest_inprocess(*STRICT, *FAST, *args)


def test_whole_life_of_a_golden(outside: pytest.Pytester) -> None:
    path = outside.path / "golden" / "test_it" / "test_logits.logits.npz"
    write_test(outside, "np.arange(3.0)")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "*golden 'logits' was missing and is now written: golden/test_it/test_logits."
                "logits.npz (logits float64 (3,); *kB). Check it, commit it and rerun the test"
            ),
            "goldens: 1 written",
        ]
    )
    first = path.read_bytes()
    run(outside).assert_outcomes(passed=1)
    write_test(outside, "np.arange(3.0) + [0, 0, 0.5]")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*golden 'logits' no longer matches: golden/test_it/test_logits.logits.npz",
            "*'logits': 1 of 3 values differ (33.3%)",
            "*greatest absolute difference 0.5 at (2,): expected 2, got 2.5",
            "*if this change is intended: pytest --bgb-golden-update test_it.py::test_log*",
            "goldens: 1 differed",
        ]
    )
    assert path.read_bytes() == first
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*updated goldens*",
            "golden/test_it/test_logits.logits.npz: 'logits': 1 of 3 values differ*",
            "goldens: 1 updated",
        ]
    )
    run(outside).assert_outcomes(passed=1)
    second = path.stat()
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*updated goldens*")
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
            (
                "*golden 'logits' is missing: golden/test_it/test_logits.logits.npz. "
                "Goldens are not written under CI (CI is set): "
                "run this test on your machine and commit*"
            )
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
    result.stderr.fnmatch_lines(
        [
            "*--bgb-golden-update is refused under CI (CI is set). Run it on your machine*"
        ]
    )
    assert not (outside.path / "golden").exists()
    run(outside, "--bgb-golden-update-in-ci").assert_outcomes(passed=1)
    run(outside).assert_outcomes(passed=1)


# As Azure Pipelines, Jenkins, TeamCity, Bitbucket and AWS CodeBuild set them.
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TF_BUILD", "True"),
        ("JENKINS_URL", "http://jenkins"),
        ("TEAMCITY_VERSION", "2024.1"),
        ("BITBUCKET_COMMIT", "7f77778"),
        ("CODEBUILD_BUILD_ARN", "arn:aws:codebuild"),
        ("BUILD_NUMBER", "12"),
    ],
)
def test_services_that_do_not_set_ci_are_ci(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_ci(monkeypatch)
    monkeypatch.setenv(variable, value)
    assert ci_variable() == variable


def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all variables away, as these tests may run on a CI service."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("value", ["0", "false", "False", "no", "off"])
def test_ci_that_is_switched_off_outweighs_every_service(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_ci(monkeypatch)
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("CI", value)
    assert ci_variable() is None


def test_empty_variables_are_no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    no_ci(monkeypatch)
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("BUILD_NUMBER", "")
    assert ci_variable() is None


# What pytest-rerunfailures does: log the failed attempt as a rerun, and try once more.
RERUN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        for report in reports:
            if report.failed:
                report.outcome = "rerun"
                item.ihook.pytest_runtest_logreport(report=report)
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_rerun_does_not_accept_what_this_run_wrote(outside: pytest.Pytester) -> None:
    outside.makeconftest(RERUN)
    write_test(outside, "np.arange(3.0)")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*golden 'logits' was written by this run, so it proves nothing: golden/*",
            "goldens: 1 written",
        ]
    )
    run(outside).assert_outcomes(passed=1)


def test_golden_of_an_adapted_fixture_is_that_of_the_command_line(
    outside: pytest.Pytester, small_fixture: Path
) -> None:
    with (outside.path / "tox.ini").open("a") as file:
        file.write("\nbgb_window_length = 1\nbgb_montage = C3, Fp1\n")
    outside.makepyfile(
        test_it="""
        def test_out(golden, smoke_fixture):
            golden.check("x", smoke_fixture.labels, fixture=smoke_fixture)
        """
    )
    # In processes of their own: adapting loads modules that bear no second import.
    outside.runpytest_subprocess(*STRICT, *FAST).assert_outcomes(failed=1)
    outside.runpytest_subprocess(*STRICT, *FAST).assert_outcomes(passed=1)
    golden = load_golden(outside.path / "golden" / "test_it" / "test_out.x.npz")
    adapted = load_fixture(small_fixture).adapt(window_length=1, montage=["C3", "Fp1"])
    assert golden.fixture == fixture_state(adapted)
    other = outside.runpytest_subprocess(*FAST, "-o", "bgb_window_length=2")
    found = "in another shape (found 2 s at 256 Hz, montage custom, *; expected 1 s at "
    advice = "in pytest --bgb-window-length 1), or "
    other.stdout.fnmatch_lines([f"*{found}*{advice}*"])


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
    names = sorted(path.name for path in folder.iterdir())
    assert [name.partition(".")[0] for name in names] == [
        f"test_size-{size}" for size in range(6)
    ]
    run(outside, "-n", "2").assert_outcomes(passed=6)
    (folder / names[3]).unlink()
    result = run(outside, "-n", "2", UPDATE)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        ["*updated goldens*", f"golden/test_it/{names[3]}: new", "goldens: 1 written"]
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(
            lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
            "IntegrityError: '*.npz': *changed after the file was written*",
            id="flipped",
        ),
        pytest.param(
            lambda _: b"",
            "FormatError: '*.npz' is not a golden: it is emp*",
            id="empty",
        ),
        pytest.param(
            lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "FormatError: '*.npz' is not a golden: it is a git-lfs pointer; run 'git lfs*",
            id="lfs",
        ),
        pytest.param(
            lambda data: (
                b"<<<<<<< HEAD\n" + data + b"\n=======\n" + data + b"\n>>>>>>> x\n"
            ),
            "FormatError: '*.npz' is not a golden: it holds git conflict markers (first at "
            "byte 0), as git merged it as text; record it again*",
            id="conflict",
        ),
        pytest.param(
            lambda _: b"BGBGLD 1 0000000100 0000000100 " + b"0" * 64 + b"\n",
            "FormatError: '*.npz' is not a golden: it is a golden of format 1 (HDF5), which*",
            id="format-1",
        ),
    ],
)
def test_damaged_golden_fails_in_one_line_and_is_replaced_on_request(
    outside: pytest.Pytester, damage: Callable[[bytes], bytes], words: str
) -> None:
    write_test(outside, "np.ones(3)")
    run(outside, UPDATE).assert_outcomes(passed=1)
    path = outside.path / "golden" / "test_it" / "test_logits.logits.npz"
    good = path.read_bytes()
    path.write_bytes(damage(good))
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E  *{words}"])
    assert sum(line.startswith("E ") for line in result.outlines) == 1
    assert not any("store.py" in line for line in result.outlines)
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_logits.logits.npz: it could not be read (*"])
    assert path.read_bytes() == good


def test_file_that_is_no_golden_is_not_replaced(outside: pytest.Pytester) -> None:
    write_test(outside, "np.ones(3)")
    path = outside.path / "golden" / "test_it" / "test_logits.logits.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, a=np.ones(3))
    before = path.read_bytes()
    result = run(outside, UPDATE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*is not a golden: it is an npz or zip file, but not a golden*"]
    )
    assert path.read_bytes() == before


def test_update_leaves_a_golden_within_tolerance_as_it_is(
    outside: pytest.Pytester,
) -> None:
    path = outside.path / "golden" / "test_it" / "test_logits.logits.npz"
    write_test(outside, "np.ones(3, np.float32)")
    run(outside, UPDATE).assert_outcomes(passed=1)
    before = path.read_bytes()
    write_test(outside, "np.ones(3, np.float32) + np.float32(1e-6)")
    result = run(outside, UPDATE)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*updated*")
    assert path.read_bytes() == before
    # What the test says of it is part of the golden.
    write_test(outside, "np.ones(3, np.float32), rtol=0.5")
    result = run(outside, UPDATE)
    result.stdout.fnmatch_lines(
        ["*'logits': allowed 0.0001 + 0.0001 x |expected| -> 0 + 0.5 x |expected|"]
    )
    assert path.read_bytes() != before


def test_update_on_another_machine_leaves_a_golden_that_matches(
    tmp_path: Path,
) -> None:
    golden = make_golden(np.ones(3), name="x")
    there = dataclasses.replace(golden, environment={"numpy": "1.0", "threads": "64"})
    path = write_golden(there, tmp_path / "x.npz")
    before = path.read_bytes()
    assert update(golden, path, fixture=None, nan_ok=False) == ""
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"test": "test_other"}, "it was made for 'test_it'", id="test"),
        pytest.param(
            {"fixture": None},
            "it was recorded with fixture 'small', now without a fixture",
            id="fixture",
        ),
    ],
)
def test_update_rewrites_what_a_golden_says_of_its_origin(
    changes: dict[str, Any], words: str, small_fixture: Path, tmp_path: Path
) -> None:
    fixture = load_fixture(small_fixture)
    golden = make_golden(np.ones(4), name="x", fixture=fixture)
    path = write_golden(dataclasses.replace(golden, test="test_it"), tmp_path / "x.npz")
    changed = dataclasses.replace(golden, **{"test": "test_it"} | changes)
    note = update(changed, path, fixture=None, nan_ok=False)
    assert note == f"{path}: {words}"
    assert load_golden(path).test == changed.test


def test_update_rewrites_another_threshold(small_fixture: Path, tmp_path: Path) -> None:
    fixture = load_fixture(small_fixture)
    values = np.zeros((4, 512))
    before, after = (
        make_golden(values, name="x", fixture=fixture, threshold=threshold)
        for threshold in (0.5, 0.25)
    )
    path = write_golden(before, tmp_path / "x.npz")
    note = update(after, path, fixture=fixture, nan_ok=False)
    assert note == f"{path}: 'x': threshold 0.5 -> 0.25"


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "golden").write_text("a file")
    golden = make_golden(1, name="x")
    with pytest.raises(
        TargetError, match=r"golden/test_it' cannot be created: Not a d"
    ):
        update(
            golden,
            tmp_path / "golden" / "test_it" / "x.npz",
            fixture=None,
            nan_ok=False,
        )


# Two tests, two files


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("test_out[1]", "test_out_1"), id="parameter-and-underscore"),
        pytest.param(("test_act[relu]", "test_act[ReLU]"), id="case-of-a-parameter"),
        pytest.param(("TestA::test_x", "Testa::test_x"), id="case-of-a-class"),
        pytest.param(("test_x", "test_X"), id="case-of-a-function"),
        pytest.param(("A::test_x", "A.test_x"), id="class-and-dot"),
        pytest.param(("t[" + "x" * 300 + "]", "t[" + "x" * 301 + "]"), id="long"),
        pytest.param(("t[a/b]", "t[a:b]"), id="odd-characters"),
    ],
)
def test_no_two_tests_share_a_file_even_where_case_is_ignored(
    names: tuple[str, str],
) -> None:
    files = [file_name_of(test, "out") for test in names]
    assert len({file.lower() for file in files}) == 2
    assert max(map(len, files)) < 180


def test_names_of_plain_tests_are_readable() -> None:
    assert file_name_of("test_logits", "out") == "test_logits.out.npz"
    # SHA-256 of "TestUNet::test_it[half-2]", a NUL byte and "out".
    digest = hashlib.sha256(b"TestUNet::test_it[half-2]\0out").hexdigest()[:12]
    assert file_name_of("TestUNet::test_it[half-2]", "out") == (
        f"TestUNet.test_it-half-2.out.{digest}.npz"
    )


def test_two_keys_that_differ_in_case_have_files_of_their_own() -> None:
    files = [file_name_of("test_it", name).lower() for name in ("out", "Out")]
    assert len(set(files)) == 2


def test_parameter_and_name_no_longer_share_a_golden(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        test_it="""
        import numpy as np, pytest

        @pytest.mark.parametrize("n", [1, 2])
        def test_out(golden, n): golden.check("x", np.full(3, float(n)))

        def test_out_1(golden): golden.check("x", np.full(3, 99.0))
        """
    )
    run(outside).assert_outcomes(failed=3)
    run(outside).assert_outcomes(passed=3)
    assert len(list((outside.path / "golden" / "test_it").iterdir())) == 3


def test_golden_of_another_test_is_refused_until_it_is_updated(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(test_it="def test_one(golden): golden.check('x', 1)")
    run(outside, UPDATE).assert_outcomes(passed=1)
    folder = outside.path / "golden" / "test_it"
    (folder / "test_one.x.npz").rename(folder / "test_two.x.npz")
    outside.makepyfile(test_it="def test_two(golden): golden.check('x', 1)")
    result = run(outside)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "*test_two.x.npz' was made for another test (found 'test_one', golden 'x'; "
                "expected 'test_two', golden 'x'). If the test was renamed: pytest --bgb-gold*"
            )
        ]
    )
    run(outside, UPDATE).assert_outcomes(passed=1)
    run(outside).assert_outcomes(passed=1)


def test_one_file_for_two_tests_of_a_run_is_an_error(tmp_path: Path) -> None:
    log = Log()
    options: dict[str, Any] = {"folder": tmp_path, "updating": True, "log": log}
    GoldenChecker(nodeid="test_a.py::test_x", **options).check("out", 1)
    with pytest.raises(
        SpecError, match=r"two tests share this golden .'test_a.py::test_x' and"
    ):
        # As if a digest of two names were the same.
        GoldenChecker(nodeid="test_b.py::test_x", **options).check("out", 2)


# Unused goldens

UNUSED, PRUNE = "--bgb-golden-unused", "--bgb-golden-prune"


@pytest.fixture
def two_files(outside: pytest.Pytester) -> pytest.Pytester:
    """Goldens of three tests in two files: a and b of test_one, c, d."""
    outside.makepyfile(
        test_it="""
        def test_one(golden):
            golden.check("a", 1)
            golden.check("b", 2)

        def test_threshold(golden):
            golden.check("d", 3)
        """,
        test_other="def test_two(golden): golden.check('c', 3)",
    )
    run(outside, UPDATE).assert_outcomes(passed=3)
    return outside


def listed(result: pytest.RunResult) -> list[str]:
    """Return the lines about unused goldens."""
    return [line for line in result.outlines if line.startswith("golden/")]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_golden_that_a_test_no_longer_asks_for_is_listed(
    two_files: pytest.Pytester, workers: str
) -> None:
    two_files.path.joinpath("golden", "notes.npz").write_bytes(b"not one of ours")
    two_files.makepyfile(
        test_it="""
        def test_one(golden): golden.check("a", 1)
        def test_threshold(golden): golden.check("d", 3)
        """
    )
    result = run(two_files, "-n", workers, UNUSED)
    result.assert_outcomes(passed=3)
    assert listed(result) == [
        (
            "golden/test_it/test_one.b.npz: of test_it.py::test_one, which passed without "
            "asking for 'b'"
        )
    ]


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    "selection",
    [
        pytest.param(("-k", "two"), id="k"),
        pytest.param(("-m", "slow", "-p", "no:cacheprovider"), id="m"),
        pytest.param(("--deselect", "test_it.py::test_one"), id="deselect"),
        pytest.param(("test_other.py",), id="file"),
        pytest.param(("test_it.py::test_threshold",), id="one-test"),
        pytest.param(("--ignore", "test_it.py"), id="ignore"),
        pytest.param(("-x", "-k", "one"), id="x"),
        pytest.param(("--collect-only",), id="collect-only"),
    ],
)
def test_goldens_of_tests_that_did_not_run_are_never_called_unused(
    two_files: pytest.Pytester, selection: tuple[str, ...], workers: str
) -> None:
    two_files.makeini("[pytest]\nmarkers = slow\n")
    result = run(two_files, "-n", workers, UNUSED, *selection)
    assert "none" in result.outlines or "not known" in result.stdout.str()
    assert listed(result) == []


def test_goldens_of_tests_that_fail_or_skip_are_never_called_unused(
    two_files: pytest.Pytester,
) -> None:
    two_files.makepyfile(
        test_it="""
        import pytest

        def test_one(golden): assert False
        def test_threshold(golden): pytest.skip("today")
        """,
        test_other="def test_two(golden: 'a syntax error'",
    )
    result = run(two_files, UNUSED, "--continue-on-collection-errors")
    assert listed(result) == []


def test_last_failed_calls_nothing_unused(two_files: pytest.Pytester) -> None:
    two_files.makepyfile(
        test_it="""
        def test_one(golden): assert False
        def test_threshold(golden): golden.check("d", 3)
        """
    )
    run(two_files).assert_outcomes(passed=2, failed=1)
    assert listed(run(two_files, "--lf", UNUSED)) == []


@pytest.mark.parametrize("workers", ["0", "2"])
def test_deleted_and_renamed_tests_are_told_from_each_other(
    two_files: pytest.Pytester, workers: str
) -> None:
    two_files.makepyfile(
        test_it="""
        def test_thresholds(golden): golden.check("d", 3)
        """
    )
    (two_files.path / "test_other.py").unlink()
    result = run(two_files, "-n", workers, UNUSED)
    assert listed(result) == [
        "golden/test_it/test_one.a.npz: of test_it.py::test_one, which is gone",
        "golden/test_it/test_one.b.npz: of test_it.py::test_one, which is gone",
        (
            "golden/test_it/test_threshold.d.npz: of test_it.py::test_threshold, which is "
            "gone; test_it.py::test_thresholds has none (renamed?)"
        ),
        "golden/test_other/test_two.c.npz: of test_two in a test file that is gone",
    ]
    assert len(list((two_files.path / "golden").rglob("*.npz"))) == 5


def test_prune_lists_and_removes_and_leaves_the_rest(
    two_files: pytest.Pytester,
) -> None:
    two_files.makepyfile(test_it="def test_threshold(golden): golden.check('d', 3)")
    (two_files.path / "test_other.py").unlink()
    result = run(two_files, PRUNE)
    assert len(listed(result)) == 3
    result.stdout.fnmatch_lines(["removed 3 goldens"])
    left = [path.name for path in (two_files.path / "golden").rglob("*")]
    assert sorted(left) == ["test_it", "test_threshold.d.npz"]
    result = run(two_files, PRUNE)
    assert (listed(result), "none" in result.outlines) == ([], True)


def test_prune_is_refused_under_ci(
    two_files: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(two_files, PRUNE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--bgb-golden-prune is refused under CI (CI is set)*"]
    )


def test_summary_counts_what_happened(two_files: pytest.Pytester) -> None:
    two_files.makepyfile(
        test_it="""
        def test_one(golden): golden.check("a", 7)
        def test_threshold(golden): golden.check("d", 3)
        def test_new(golden): golden.check("e", 3)
        def test_odd(golden): golden.check("f", object())
        """
    )
    result = run(two_files)
    result.stdout.fnmatch_lines(["goldens: 1 written, 1 differed, 1 refused"])
    (two_files.path / "test_it.py").unlink()
    result = run(two_files)
    assert not [line for line in result.outlines if line.startswith("goldens:")]


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
    names = sorted(path.name for path in folder.iterdir())
    assert [name.rsplit(".", 2)[0] for name in names] == [
        "TestModel.test_all.loss",
        "TestModel.test_all.out",
    ]
    golden = load_golden(folder / names[1])
    assert golden.test == "TestModel::test_all"
    assert sorted(golden.outputs) == ["out.aux.n", "out.aux.ok", "out.logits"]


def test_name_can_be_used_once_in_a_test(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        "def test_it(golden):\n    golden.check('a', 1)\n    golden.check('a', 1)\n"
    )
    result = run(outside, UPDATE)
    result.stdout.fnmatch_lines(["*golden 'a' was already checked in this test; use*"])


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
    path = outside.path / "golden" / "test_it" / "test_logits.logits.npz"
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
            "*weights changed: `2` (of 2 modules with weights)",
            "*same input, weights changed; first differs at `2` (Conv1d)",
        ]
    )


def test_model_with_another_layout_is_run_in_it_and_told_if_it_is_not(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        test_it="""
        import os
        import torch

        class Imaging(torch.nn.Module):
            def forward(self, x):
                assert x.ndim == 4
                return x.mean(dim=(1, 2))

        def test_model(golden, smoke_fixture):
            layout = os.environ["LAYOUT"]
            golden.check_model("net", Imaging().eval(), smoke_fixture, layout=layout)
        """
    )
    outside._monkeypatch.setenv("LAYOUT", "BCT")
    run(outside).stdout.fnmatch_lines(
        [
            (
                "*The windows have 3 channels, 2 s at 256 Hz (512 samples). It runs with "
                "--layout B1CT: pass that (in Python layout='B1CT')"
            )
        ]
    )
    outside._monkeypatch.setenv("LAYOUT", "B1CT")
    run(outside).assert_outcomes(failed=1)
    run(outside).assert_outcomes(passed=1)
    outside._monkeypatch.setenv("LAYOUT", "B1TC")
    run(outside).stdout.fnmatch_lines(
        [
            "*for another layout of the input (found B1TC, expected B1CT). Pass --layout *"
        ]
    )


# Randomness

NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(3, 4, 3, padding=1)
        self.drop = torch.nn.Dropout(0.5)
        self.head = torch.nn.Conv1d(4, 1, 1)
        self.calls = 0

    def forward(self, x):
        return self.head(self.drop(self.conv(x)))[:, 0]
"""


def run_apart() -> pytest.RunResult:
    """Run the tests of the project in a process of their own; torch is seeded in this."""
    code, printed = warm.run("-m", "pytest", *STRICT, *FAST)
    return pytest.RunResult(code, printed.splitlines(), [], 0)


def test_unseeded_weights_are_called_random_and_the_message_says_how_to_seed(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        test_it=NET
        + """
def test_net(golden, smoke_fixture):
    golden.check_model("net", Net().eval(), smoke_fixture)
"""
    )
    run_apart().assert_outcomes(failed=1)
    result = run_apart()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*golden 'net' no longer matches*",
            (
                "*the weights are random: every module has different weights, and torch "
                "was not seeded. Call torch.manual_seed(0) before you create the model*"
            ),
        ]
    )
    result.stdout.no_fnmatch_line("*if this change is intended*")


def test_weights_of_another_seed_get_another_word(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        test_it=NET
        + """
def test_net(golden, smoke_fixture):
    import os
    torch.manual_seed(int(os.environ["SEED"]))
    golden.check_model("net", Net().eval(), smoke_fixture)
"""
    )
    outside._monkeypatch.setenv("SEED", "1")
    run(outside).assert_outcomes(failed=1)
    run(outside).assert_outcomes(passed=1)
    outside._monkeypatch.setenv("SEED", "2")
    run(outside).stdout.fnmatch_lines(
        [
            "*environment: torch seed: recorded 1, here 2",
            "*if these weights come from another checkpoint: pytest*-update*",
        ]
    )


@pytest.mark.parametrize("option", [(), (UPDATE,)])
def test_random_output_is_not_written_and_its_module_is_named(
    outside: pytest.Pytester, option: tuple[str, ...]
) -> None:
    outside.makepyfile(
        test_it=NET
        + """
def test_net(golden, smoke_fixture):
    torch.manual_seed(0)
    golden.check_model("net", Net().train(), smoke_fixture)
"""
    )
    result = run(outside, *option)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "*golden 'net' is not written: the output is random: a run with another random "
                "seed differs ('net': * of 2048 values); same input, no weights; first differs "
                "at `drop` (Dropout). `drop` is in train mode: call model.eval()"
            )
        ]
    )
    assert not (outside.path / "golden").exists()


def test_output_that_became_random_is_called_so(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        test_it=NET
        + """
def test_net(golden, smoke_fixture):
    import os
    torch.manual_seed(0)
    model = Net().eval()
    model.drop.train("TRAIN" in os.environ)
    before = torch.get_rng_state()
    try:
        golden.check_model("net", model, smoke_fixture)
    finally:
        # A dropout may draw; looking for it must not.
        assert "TRAIN" in os.environ or torch.equal(before, torch.get_rng_state())
"""
    )
    run(outside).assert_outcomes(failed=1)
    run(outside).assert_outcomes(passed=1)
    outside._monkeypatch.setenv("TRAIN", "1")
    result = run(outside)
    result.stdout.fnmatch_lines(
        [
            "*golden 'net' no longer matches*",
            "*the output is random: *at `drop` (Dropout)*",
        ]
    )
    result.stdout.no_fnmatch_line("*if this change is intended*")


def test_model_that_keeps_state_is_written_and_checked(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        test_it=NET
        + """
class Counting(Net):
    def forward(self, x):
        self.calls += 1
        return super().forward(x) + self.calls

def test_net(golden, smoke_fixture):
    import os
    torch.manual_seed(0)
    model = Counting().eval()
    model.calls = int(os.environ.get("CALLS", 0))
    golden.check_model("net", model, smoke_fixture)
"""
    )
    run(outside).assert_outcomes(failed=1)
    run(outside).assert_outcomes(passed=1)
    outside._monkeypatch.setenv("CALLS", "5")
    run(outside).stdout.fnmatch_lines(
        ["*the output is not repeatable: runs with the same random seed differ*"]
    )


# Events


def test_events_have_a_golden_of_their_own(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        test_it="""
        import os
        from bgb_fixtures import Event

        def test_events(golden, smoke_fixture):
            shift = float(os.environ.get("SHIFT", 0))
            found = [[Event(onset=0.5, duration=1.5 + shift, label="fnsz")], [(0, 2)], [], []]
            golden.check_events("found", found, fixture=smoke_fixture)

        def test_recording(golden):
            golden.check_events("found", [(10, 5.5), (3.25, 2)])
        """
    )
    run(outside).assert_outcomes(failed=2)
    run(outside).assert_outcomes(passed=2)
    outside._monkeypatch.setenv("SHIFT", "-0.25")
    result = run(outside)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*'found': events 2 -> 2 (1 shifted)",
            "*allowed shift 0.001 s (default for events)",
            "*w0: shifted 0.50-2.00 s: start +0.00 s, end -0.25 s fnsz (labelled fnsz 0.50*",
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
            golden = {"bgb_fixtures.golden", "bgb_fixtures.golden.session"}
            assert ours == {"bgb_fixtures", "bgb_fixtures.pytest_plugin", *golden}
            assert not {"numpy", "h5py", "torch"} & sys.modules.keys()
        """
    )
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)
