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

_BATCH = (("partial", 2), ("none", 2))
"""Category and number of windows in `smoke_batch`: both classes inside the windows."""


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
    """Refuse to update goldens under CI, where nobody looks at them."""
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


def _load(config: pytest.Config) -> Fixture:
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.fixture import load_fixture

    source: str | None = config.getoption("--bgb-fixture")
    try:
        return load_fixture(source)
    except FixtureError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


@pytest.fixture
def smoke_fixture(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    """All windows of the fixture: `signals`, `labels`, `windows`, `tensors()`.

    A map of its own for each test: what one test writes into it, no other sees.
    """
    with _load(request.config) as fixture:
        yield fixture


@pytest.fixture
def smoke_batch(smoke_fixture: Fixture) -> tuple[torch.Tensor, torch.Tensor]:
    """Four train windows, 2 partial and 2 none, as float32 `(signals, labels)`."""
    windows = smoke_fixture.windows
    rows: list[int] = []
    for category, wanted in _BATCH:
        found = [
            row
            for row, window in enumerate(windows)
            if window.split == "train" and window.category == category
        ][:wanted]
        if len(found) < wanted:
            pytest.fail(
                f"smoke_batch needs {wanted} train windows of category {category!r}; "
                f"{str(smoke_fixture.path)!r} has {len(found)}",
                pytrace=False,
            )
        rows += found
    return smoke_fixture.take(sorted(rows)).tensors()


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
