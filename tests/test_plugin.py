"""The pytest plugin, from outside: what another project's tests see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# What the first consumer runs its tests with.
STRICT = ("--strict-markers", "--strict-config", "-p", "no:warnings")


@pytest.fixture
def outside(pytester: pytest.Pytester, small_fixture: Path) -> pytest.Pytester:
    """A project of its own, whose fixture file is a small one."""
    pytester.makeini(f"[pytest]\naddopts = --bgb-fixture={small_fixture}\n")
    return pytester


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
    outside.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)


def test_packaged_smoke_is_what_a_test_gets_without_an_option(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        def test_it(smoke_fixture):
            assert smoke_fixture.signals.shape == (18, 19, 15360)
        """
    )
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
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)


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
    outside.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)


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
    outside.runpytest_subprocess(*STRICT).assert_outcomes(passed=2)


def test_plugin_lives_with_xdist(outside: pytest.Pytester) -> None:
    outside.makepyfile("def test_it(smoke_fixture): assert len(smoke_fixture) > 0")
    outside.runpytest_subprocess(*STRICT, "-n", "1").assert_outcomes(passed=1)


def test_wrong_path_is_an_error_that_names_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(smoke_fixture): pass")
    result = pytester.runpytest_subprocess("--bgb-fixture", "nowhere.h5")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no fixture 'nowhere.h5': no such file*"])


def test_batch_that_cannot_be_had_says_what_the_fixture_has(
    outside: pytest.Pytester,
) -> None:
    outside.makepyfile("def test_it(smoke_batch): pass")
    result = outside.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*smoke_batch needs 2 train windows of category 'partial'*has 1*"]
    )


def test_options_are_in_the_help(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--help")
    result.stdout.fnmatch_lines(["*--bgb-fixture=NAME_OR_PATH*"])
