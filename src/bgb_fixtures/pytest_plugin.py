"""Fixtures and options for other projects' tests.

Invariant: pytest loads this module in every run of every project that has this package
installed, so importing it imports nothing but pytest; each fixture imports what it
needs when a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    "window_length": ("SECONDS", "Cut windows of this length."),
    "sfreq": ("HZ", "Resample windows to this rate."),
    "montage": ("NAME", "Montage of the windows, or rows separated by commas."),
    "profile": ("NAME", "Profile of the windows: raw-1 or zscore-1."),
    "labels": ("HOW", "Labels of smoke_batch: sample, any or majority [sample]."),
}
"""Options and ini values that give smoke_fixture and the others another shape."""


class _Goldens:
    """What the tests of this process did with goldens."""

    def __init__(self) -> None:
        self.used: list[Path] = []
        self.notes: list[str] = []
        # Folders in which tests that were collected could keep goldens.
        self.folders: set[Path] = set()


_GOLDENS = pytest.StashKey[_Goldens]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name a fixture file and rule goldens."""
    group = parser.getgroup("bgb-fixtures")
    group.addoption(
        "--bgb-fixture",
        metavar="NAME_OR_PATH",
        default=None,
        help="fixture file behind smoke_fixture and smoke_batch "
        "[the packaged smoke]; see also BGB_FIXTURES_DIR",
    )
    parser.addini("bgb_fixture", "Fixture file behind smoke_fixture and smoke_batch.")
    for name, (metavar, text) in _SHAPE.items():
        option = f"--bgb-{name.replace('_', '-')}"
        group.addoption(option, metavar=metavar, default=None, help=text)
        parser.addini(f"bgb_{name}", text)
    group.addoption(
        "--bgb-golden-update",
        action="store_true",
        help="write the goldens of the tests that run again, and list what changed; "
        "refused under CI",
    )
    group.addoption(
        "--bgb-golden-update-in-ci",
        action="store_true",
        help="the same, under CI too",
    )
    group.addoption(
        "--bgb-golden-unused",
        action="store_true",
        help="list goldens beside the collected tests that this run did not use",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the fixture while the folder is known; refuse to update goldens under CI."""
    config.stash[_ASKED] = _asked(config)
    config.stash[_GOLDENS] = _Goldens()
    if not config.getoption("--bgb-golden-update"):
        return
    from bgb_fixtures.golden.check import under_ci

    if under_ci() and not config.getoption("--bgb-golden-update-in-ci"):
        msg = (
            "--bgb-golden-update is refused under CI (the variable CI is set); update "
            "on your machine, or say --bgb-golden-update-in-ci"
        )
        raise pytest.UsageError(msg)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember where goldens of the collected tests can be."""
    if session.config.getoption("--bgb-golden-unused"):
        folders = {item.path.parent / "golden" for item in session.items}
        session.config.stash[_GOLDENS].folders = folders


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker of xdist did to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    goldens = session.config.stash[_GOLDENS]
    if output is not None and (goldens.used or goldens.folders):
        output["bgb_goldens"] = (
            [str(path) for path in goldens.used],
            goldens.notes,
            [str(folder) for folder in goldens.folders],
        )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist did."""
    told = getattr(node, "workeroutput", {}).get("bgb_goldens")
    if told is None:
        return
    from pathlib import Path

    goldens = node.config.stash[_GOLDENS]
    goldens.used += map(Path, told[0])
    goldens.notes += told[1]
    goldens.folders |= set(map(Path, told[2]))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List what an update changed, and goldens that no test used."""
    goldens = config.stash[_GOLDENS]
    if goldens.notes:
        terminalreporter.section("goldens that were updated")
        for note in sorted(goldens.notes):
            terminalreporter.write_line(note)
    if not config.getoption("--bgb-golden-unused"):
        return
    from bgb_fixtures.golden.store import is_golden

    used = {path.resolve() for path in goldens.used}
    there = {path for folder in goldens.folders for path in folder.rglob("*.h5")}
    unused = sorted(p for p in there if p.resolve() not in used and is_golden(p))
    terminalreporter.section("goldens that this run did not use")
    for path in unused:
        terminalreporter.write_line(str(path))
    if not unused:
        terminalreporter.write_line("none")


_ASKED = pytest.StashKey["dict[str, str]"]()
_SHAPED = pytest.StashKey["Fixture"]()


def _asked(config: pytest.Config) -> dict[str, str]:
    """Return which fixture and shape were asked for; paths are absolute from here on.

    The command line comes before the ini file. A path on the command line is relative to
    the folder where pytest was started, or to its rootdir as in the ini file.
    """
    import os

    folder = os.environ.get("BGB_FIXTURES_DIR", "")
    if folder and not os.path.isabs(folder):  # noqa: PTH117 (pathlib would be an import)
        os.environ["BGB_FIXTURES_DIR"] = str(config.invocation_params.dir / folder)
    asked = {}
    for name in ("fixture", *_SHAPE):
        option = config.getoption(f"--bgb-{name.replace('_', '-')}")
        value = option if option is not None else config.getini(f"bgb_{name}")
        if value:
            asked[name] = str(value)
    if "fixture" in asked:
        for place in (config.invocation_params.dir, config.rootpath):
            if (place / asked["fixture"]).is_file():
                asked["fixture"] = str(place / asked["fixture"])
                break
    return asked


def _load(config: pytest.Config) -> Fixture:
    """Return the fixture in the shape that was asked for; adapted once per session."""
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.shaped import load_shaped

    asked = config.stash[_ASKED]
    try:
        if _SHAPED not in config.stash:
            config.stash[_SHAPED] = load_shaped(asked)
        return config.stash[_SHAPED].private()
    except FixtureError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


@pytest.fixture
def smoke_fixture(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    """All windows of the fixture: `signals`, `labels`, `windows`, `tensors()`.

    Private to each test: what one test writes into it, no other sees.
    """
    with _load(request.config) as fixture:
        yield fixture


@pytest.fixture
def smoke_batch(
    request: pytest.FixtureRequest, smoke_fixture: Fixture
) -> tuple[torch.Tensor, torch.Tensor]:
    """Four train windows, 2 with a seizure and 2 without, as float32 `(signals, labels)`.

    Windows that a seizure fills in part come before those that it fills.
    """
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.shaped import batch_of, label_kind

    asked = request.config.stash[_ASKED]
    try:
        return batch_of(smoke_fixture).tensors(labels=label_kind(asked))
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
    """Check outputs against recorded ones: `check`, and `check_model` with a trace.

    They lie in ``golden/TEST_FILE/`` beside the test file. The first run writes one and
    fails, except under CI; ``--bgb-golden-update`` writes it again.
    """
    from bgb_fixtures.golden.check import GoldenChecker

    config = request.config
    goldens = config.stash[_GOLDENS]
    return GoldenChecker(
        folder=request.path.parent / "golden" / request.path.stem,
        test=request.node.nodeid.partition("::")[2],
        updating=config.getoption("--bgb-golden-update")
        or config.getoption("--bgb-golden-update-in-ci"),
        used=goldens.used,
        notes=goldens.notes,
    )
