"""Fixtures and options for other projects' tests.

Invariant: pytest loads this module in every run of every project that has this package
installed, so importing it imports only pytest; each fixture imports its dependencies
when a test requests it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bgb_fixtures.golden.session import GoldenSession, add_golden_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.check import GoldenChecker

__all__ = [
    "background_windows",
    "golden",
    "seizure_windows",
    "smoke_batch",
    "smoke_fixture",
]

_SHAPE = {
    "window_length": ("SECONDS", "Cut windows of this length [unchanged]."),
    "sfreq": ("HZ", "Resample windows to this rate [unchanged]."),
    "montage": (
        "NAME",
        "Montage of the windows, or rows separated by commas [unchanged].",
    ),
    "profile": ("NAME", "Profile of the windows: raw-1 or zscore-1 [unchanged]."),
    "labels": ("HOW", "Labels of smoke_batch: sample, any or majority [sample]."),
}
"""Options and ini values that change the shape of the fixtures."""
_NUMBERS = ("window_length", "sfreq")
_LABELS = ("sample", "any", "majority")
_LABELS_IN_WORDS = "sample, any or majority"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a fixture file and manage goldens."""
    group = parser.getgroup("bgb-fixtures")
    group.addoption(
        "--bgb-fixture",
        metavar="NAME_OR_PATH",
        default=None,
        help="Fixture for smoke_fixture and smoke_batch, a name or a path [smoke]. "
        "Names are also looked up in BGB_FIXTURES_DIR.",
    )
    parser.addini(
        "bgb_fixture",
        "Fixture for smoke_fixture and smoke_batch, a name or a path [smoke].",
    )
    for name, (metavar, text) in _SHAPE.items():
        option = f"--bgb-{name.replace('_', '-')}"
        group.addoption(option, metavar=metavar, default=None, help=text)
        parser.addini(f"bgb_{name}", text)
    add_golden_options(group)


_GOLDENS = pytest.StashKey["GoldenSession"]()
_REQUESTED = pytest.StashKey["dict[str, str]"]()
_SHAPED = pytest.StashKey["Fixture"]()


def pytest_configure(config: pytest.Config) -> None:
    """Resolve paths before a test can change the folder; track the use of goldens."""
    config.stash[_REQUESTED] = _requested(config)
    config.stash[_GOLDENS] = GoldenSession.begin(config)


def _requested(config: pytest.Config) -> dict[str, str]:
    """Return the requested fixture and shape, with absolute paths.

    The command line takes precedence over the ini file. A path on the command line is
    relative to the folder where pytest was started, or, like paths in the ini file, to
    rootdir.
    """
    import os

    folder = os.environ.get("BGB_FIXTURES_DIR", "")
    if folder and not os.path.isabs(folder):  # noqa: PTH117 (pathlib would be an import)
        os.environ["BGB_FIXTURES_DIR"] = str(config.invocation_params.dir / folder)
    requested = {}
    for name in ("fixture", *_SHAPE):
        option = config.getoption(f"--bgb-{name.replace('_', '-')}")
        value = option if option is not None else config.getini(f"bgb_{name}")
        if value:
            requested[name] = str(value)
            origin = _origin(config, name)
            if name in _NUMBERS and not _is_positive(requested[name]):
                msg = (
                    f"{origin}: expected a number greater than 0, got "
                    f"{requested[name]!r}"
                )
                raise pytest.UsageError(msg)
            if name == "labels" and requested[name] not in _LABELS:
                msg = f"{origin}: expected {_LABELS_IN_WORDS}, got {requested[name]!r}"
                raise pytest.UsageError(msg)
    if "fixture" in requested:
        for place in (config.invocation_params.dir, config.rootpath):
            if (place / requested["fixture"]).is_file():
                requested["fixture"] = str(place / requested["fixture"])
                break
    return requested


def _origin(config: pytest.Config, name: str) -> str:
    """Return the option or ini name that set a value."""
    option = f"--bgb-{name.replace('_', '-')}"
    given = config.getoption(option) is not None
    return option if given else f"bgb_{name} in {config.inipath}"


def _is_positive(text: str) -> bool:
    try:
        # This also rejects NaN.
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


def _load(config: pytest.Config) -> Fixture:
    """Return the fixture in the requested shape, adapted once per session."""
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.shaped import load_shaped

    requested = config.stash[_REQUESTED]
    try:
        if _SHAPED not in config.stash:
            config.stash[_SHAPED] = load_shaped(requested)
        return config.stash[_SHAPED].private()
    except FixtureError as error:
        given = [f"{_origin(config, name)} {requested[name]}" for name in requested]
        source = f" (from {', '.join(given)})" if given else ""
        message = f"{error}{source}"
    pytest.fail(message, pytrace=False)


@pytest.fixture
def smoke_fixture(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    """All windows of the fixture: `signals`, `labels`, `windows`, `tensors()`.

    It is private to each test: changes made by one test are not visible in others.
    """
    with _load(request.config) as fixture:
        yield fixture


@pytest.fixture
def smoke_batch(
    request: pytest.FixtureRequest, smoke_fixture: Fixture
) -> tuple[torch.Tensor, torch.Tensor]:
    """Four train windows, 2 with a seizure and 2 without, as float32 `(signals, labels)`.

    Partly ictal windows come before fully ictal ones.
    """
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.shaped import batch_of, label_kind

    requested = request.config.stash[_REQUESTED]
    try:
        return batch_of(smoke_fixture).tensors(labels=label_kind(requested))
    except FixtureError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


@pytest.fixture
def seizure_windows(smoke_fixture: Fixture) -> Fixture:
    """Return the windows that hold a seizure (partial or full)."""
    windows = smoke_fixture.windows
    return smoke_fixture.take(
        [row for row, window in enumerate(windows) if window.category != "none"]
    )


@pytest.fixture
def background_windows(smoke_fixture: Fixture) -> Fixture:
    """Return the windows without a seizure."""
    windows = smoke_fixture.windows
    rows = [row for row, window in enumerate(windows) if window.category == "none"]
    if not rows:
        pytest.fail(
            f"{str(smoke_fixture.path)!r} has no window without a seizure",
            pytrace=False,
        )
    return smoke_fixture.take(rows)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> GoldenChecker:
    """Check outputs against recorded ones: `check`, `check_model` and `check_events`.

    They are files in ``golden/TEST_FILE/`` beside the test file. The first run writes one
    and fails, except under CI; ``--bgb-golden-update`` rewrites those that changed.
    """
    return request.config.stash[_GOLDENS].checker(request)
