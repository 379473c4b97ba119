"""Fixtures and options for other projects' tests.

Invariant: pytest loads this module in every run of every project that has this package
installed, so importing it imports nothing but pytest; each fixture imports what it
needs when a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from bgb_fixtures.loader import Fixture

__all__ = ["background_windows", "seizure_windows", "smoke_batch", "smoke_fixture"]

_BATCH = (("partial", 2), ("none", 2))
"""Category and number of windows in `smoke_batch`: both classes inside the windows."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names another fixture file."""
    parser.getgroup("bgb-fixtures").addoption(
        "--bgb-fixture",
        metavar="NAME_OR_PATH",
        default=None,
        help="fixture file behind smoke_fixture and smoke_batch "
        "[the packaged smoke]; see also BGB_FIXTURES_DIR",
    )


def _load(config: pytest.Config) -> Fixture:
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.loader import load_fixture

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
