"""The pytest plugin, from outside: what another project's tests see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import scipy.signal  # noqa: F401 (nor torch bears a second import in one process)
import torch  # noqa: F401

from bgb_fixtures import adapt
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.twin import write_corpus

if TYPE_CHECKING:
    from pathlib import Path

# What the first consumer runs its tests with.
STRICT = ("--strict-markers", "--strict-config", "-p", "no:warnings")
# Its plugin costs more than all that is tested here, in each run.
FAST = ("-p", "no:hypothesispytest")


@pytest.fixture
def outside(pytester: pytest.Pytester, small_fixture: Path) -> pytest.Pytester:
    """A project of its own, whose fixture file is a small one."""
    pytester.makeini(f"[pytest]\naddopts = --bgb-fixture={small_fixture}\n")
    return pytester


def run(project: pytest.Pytester, *args: str) -> pytest.RunResult:
    """Run the tests of a project in this process, where torch is loaded already."""
    return project.runpytest_inprocess(*FAST, *args)


def test_smoke_fixture_is_there_without_configuration(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        """
        def test_it(smoke_fixture):
            assert len(smoke_fixture.windows) == len(smoke_fixture.signals)
            assert smoke_fixture.labels.any()
        """
    )
    run(outside, *STRICT).assert_outcomes(passed=1)


def test_packaged_smoke_is_what_a_test_gets_without_an_option(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        def test_it(smoke_fixture):
            assert smoke_fixture.signals.shape == (18, 19, 15360)
        """
    )
    # As a user runs it: in a process of its own, with every plugin there is.
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)


def test_smoke_batch_holds_two_partial_and_two_none_windows_of_train(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import torch

        def test_it(smoke_batch):
            signals, labels = smoke_batch
            assert signals.shape == (4, 19, 15360)
            assert labels.shape == (4, 15360)
            assert signals.dtype == labels.dtype == torch.float32
            share = labels.mean(dim=1)
            assert ((share > 0) & (share < 0.99)).sum() == 2
            assert (share == 0).sum() == 2
        """
    )
    run(pytester, *STRICT).assert_outcomes(passed=1)


def test_seizure_and_background_windows_share_out_the_fixture(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile(
        """
        def test_it(smoke_fixture, seizure_windows, background_windows):
            assert all(labels.any() for labels in seizure_windows.labels)
            assert not background_windows.labels.any()
            n_windows = len(seizure_windows) + len(background_windows)
            assert n_windows == len(smoke_fixture)
        """
    )
    run(outside, *STRICT).assert_outcomes(passed=1)


def test_what_one_test_writes_no_other_sees(outside: pytest.Pytester) -> None:
    outside.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", [0, 1])
        def test_it(smoke_fixture, turn):
            assert smoke_fixture.signals[0, 0, 0] != 1e9
            smoke_fixture.signals[0, 0, 0] = 1e9
        """
    )
    run(outside, *STRICT).assert_outcomes(passed=2)


def test_plugin_lives_with_xdist(outside: pytest.Pytester) -> None:
    outside.makepyfile("def test_it(smoke_fixture): assert len(smoke_fixture) > 0")
    outside.runpytest_subprocess(*STRICT, *FAST, "-n", "1").assert_outcomes(passed=1)


def test_wrong_path_is_an_error_that_names_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(smoke_fixture): pass")
    result = run(pytester, "--bgb-fixture", "nowhere.h5")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no fixture 'nowhere.h5': no such file*"])


def test_batch_that_cannot_be_had_says_what_the_fixture_has(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_it(smoke_batch): pass")
    # The only seizure of split train in tiny is in three windows, and it has two others.
    result = run(pytester, "--bgb-fixture=tiny", "--bgb-window-length=1.001")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*1.001 s is not a whole number of samples at 256 Hz*"]
    )
    few = run(pytester, "--bgb-fixture=tiny", "--bgb-window-length=10")
    few.assert_outcomes(passed=1)


def test_batch_with_too_few_windows_names_quotas_that_are_enough(
    pytester: pytest.Pytester,
) -> None:
    root = write_corpus(
        "tusz", pytester.path / "tusz", n_recordings=6, duration=20, seed=3
    ).path

    corpus = ("--source", "tusz", "--root", str(root), "--window-length", "5")

    def build(name: str, quotas: str) -> None:
        with pytest.raises(SystemExit, match=r"^0$"):
            main(["build", *corpus, "--out", name, *quotas.split()])

    pytester.makepyfile("def test_it(smoke_batch): pass")
    build("few.h5", "--quota train:partial=2 --quota train:none=1")
    result = run(pytester, "--bgb-fixture=few.h5")
    result.assert_outcomes(errors=1)
    advice = "--quota train:partial=2 --quota train:none=2"
    needed = "smoke_batch needs 2 train windows with a seizure and 2 without"
    result.stdout.fnmatch_lines(
        [f"*{needed}; '*few.h5' has 2 and 1. Build it with {advice}"]
    )
    build("enough.h5", advice)
    run(pytester, "--bgb-fixture=enough.h5").assert_outcomes(passed=1)


def test_options_are_in_the_help(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--help")
    result.stdout.fnmatch_lines(["*--bgb-fixture=NAME_OR_PATH*"])
    result.stdout.fnmatch_lines(["*--bgb-window-length=SECONDS*"])


# Another shape


SHAPED = """
[pytest]
bgb_window_length = 4
bgb_sfreq = 200
bgb_montage = double-banana-16
bgb_profile = raw-1
bgb_labels = any
"""


def test_three_ini_lines_give_every_fixture_another_shape(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini(SHAPED)
    pytester.makepyfile(
        """
        def test_it(smoke_fixture, seizure_windows, background_windows):
            assert smoke_fixture.signals.shape == (270, 16, 800)
            assert smoke_fixture.sfreq == 200
            assert smoke_fixture.records.unit == "uV"
            assert seizure_windows.labels.any(axis=1).all()
            assert not background_windows.labels.any()
            assert len(seizure_windows) + len(background_windows) == 270

        def test_batch(smoke_batch):
            signals, labels = smoke_batch
            assert signals.shape == (4, 16, 800)
            assert sorted(labels.tolist()) == [0, 0, 1, 1]
        """
    )
    run(pytester, *STRICT).assert_outcomes(passed=2)


def test_the_same_lines_work_in_pyproject(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        bgb_window_length = "2"
        bgb_fixture = "tiny"
        """
    )
    pytester.makepyfile(
        """
        def test_it(smoke_fixture):
            assert smoke_fixture.signals.shape == (25, 19, 512)
        """
    )
    run(pytester, *STRICT).assert_outcomes(passed=1)


def test_the_command_line_comes_before_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini(SHAPED)
    pytester.makepyfile(
        """
        def test_it(smoke_fixture):
            assert smoke_fixture.signals.shape == (540, 19, 200)
        """
    )
    run(
        pytester, "--bgb-window-length=2", "--bgb-sfreq=100", "--bgb-montage=10-20"
    ).assert_outcomes(passed=1)


def test_a_montage_may_be_rows(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(smoke_fixture):
            assert smoke_fixture.ch_names == ("Fp1-F7", "T3-T5", "Cz")
        """
    )
    run(pytester, "--bgb-montage=FP1-F7, T7-P7, cz").assert_outcomes(passed=1)


def test_what_one_test_writes_into_a_shaped_fixture_no_other_sees(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini(SHAPED)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", [1, 2])
        def test_it(smoke_fixture, smoke_batch, turn):
            assert smoke_fixture.signals.any() and smoke_batch[0].any()
            assert smoke_fixture.labels.any() and smoke_fixture.scale.all()
            smoke_fixture.signals[:] = 0
            smoke_fixture.labels[:] = 0
            smoke_fixture.scale[:] = 0
            smoke_batch[0].zero_()
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_the_fixture_is_adapted_once_per_session(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, adapting = [], adapt.adapted_content

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(options)
        return adapting(*arguments, **options)

    monkeypatch.setattr(adapt, "adapted_content", counted)
    pytester.makeini(SHAPED)
    pytester.makepyfile(
        """
        def test_first(smoke_fixture): pass
        def test_second(smoke_batch): pass
        def test_third(seizure_windows): pass
        """
    )
    run(pytester).assert_outcomes(passed=3)
    assert len(made) == 1


@pytest.mark.parametrize("how", ["option", "ini", "folder"])
def test_a_path_stays_right_when_a_test_changes_the_folder(
    pytester: pytest.Pytester, small_fixture: Path, how: str
) -> None:
    folder = pytester.mkdir("data")
    (folder / "mine.h5").write_bytes(small_fixture.read_bytes())
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def elsewhere(tmp_path, monkeypatch):
            monkeypatch.chdir(tmp_path)

        def test_it(smoke_fixture):
            assert smoke_fixture.path.name == "mine.h5"
        """
    )
    arguments = {
        "option": ["--bgb-fixture=data/mine.h5"],
        "folder": ["--bgb-fixture=mine"],
    }
    if how == "ini":
        pytester.makeini("[pytest]\nbgb_fixture = data/mine.h5\n")
    if how == "folder":
        pytester._monkeypatch.setenv("BGB_FIXTURES_DIR", "data")
    run(pytester, *arguments.get(how, [])).assert_outcomes(passed=1)


def test_an_ini_path_is_relative_to_the_root_of_the_tests(
    pytester: pytest.Pytester, small_fixture: Path
) -> None:
    (pytester.mkdir("data") / "mine.h5").write_bytes(small_fixture.read_bytes())
    pytester.makeini("[pytest]\nbgb_fixture = data/mine.h5\n")
    below = pytester.mkdir("below")
    (below / "test_below.py").write_text(
        "def test_it(smoke_fixture): assert smoke_fixture.path.name == 'mine.h5'"
    )
    pytester.chdir()
    run(pytester, "--rootdir=.", "below").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("sfreq=abc", "sfreq: expected a number greater than 0, got 'abc'"),
        ("sfreq=nan", "sfreq: expected a number greater than 0, got 'nan'"),
        (
            "window-length=-4",
            "window-length: expected a number greater than 0, got '-4'",
        ),
        ("labels=each", "labels: expected sample, any or majority, got 'each'"),
    ],
)
def test_a_value_that_no_fixture_can_have_is_wrong_usage_of_pytest(
    pytester: pytest.Pytester, option: str, message: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess(f"--bgb-{option}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --bgb-{message}"])
    result.stderr.no_fnmatch_line("*Traceback*")
    name, value = option.replace("-", "_", 1).split("=")
    pytester.makeini(f"[pytest]\nbgb_{name} = {value}\n")
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = message.partition(":")[2]
    result.stderr.fnmatch_lines([f"ERROR: bgb_{name} in *tox.ini:{expected}"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "--bgb-montage=tcp20",
            "*unknown montage 'tcp20'; did you mean 'tcp-20'* (from --bgb-montage tcp20)*",
        ),
        (
            "--bgb-profile=raw",
            "*profile: expected *, got 'raw' (from --bgb-profile raw)*",
        ),
        (
            "--bgb-window-length=61",
            "*expected at most 60 s* (from --bgb-window-length 61)*",
        ),
    ],
)
def test_a_wrong_shape_is_an_error_of_the_test_in_one_line(
    pytester: pytest.Pytester, option: str, message: str
) -> None:
    pytester.makepyfile("def test_it(smoke_fixture): pass")
    result = run(pytester, option)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*Traceback*")
