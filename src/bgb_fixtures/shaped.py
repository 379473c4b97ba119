"""Load the fixture for the pytest plugin, in the requested shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from bgb_fixtures.errors import SpecError
from bgb_fixtures.fixture import Fixture, load_fixture

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["batch_of", "label_kind", "load_shaped"]

_NUMBERS = ("window_length", "sfreq")
_BATCH = 2
"""Number of windows with a seizure, and of windows without, in a batch."""


def load_shaped(requested: Mapping[str, str]) -> Fixture:
    """Return a fixture by name or path, adapted according to ini values as text."""
    fixture = load_fixture(requested.get("fixture"))
    options: dict[str, Any] = {}
    for name in ("window_length", "sfreq", "montage", "profile"):
        if name in requested:
            text = requested[name]
            options[name] = float(text) if name in _NUMBERS else text
    return fixture.adapt(**options) if options else fixture


def label_kind(requested: Mapping[str, str]) -> Literal["sample", "any", "majority"]:
    """Return the requested form of labels, which the plugin has validated."""
    return cast(
        "Literal['sample', 'any', 'majority']", requested.get("labels", "sample")
    )


def batch_of(fixture: Fixture) -> Fixture:
    """Return two train windows with a seizure and two without, in their order."""
    windows = fixture.windows
    train = [row for row, window in enumerate(windows) if window.split == "train"]
    # Partly ictal windows first, so that labels per sample hold both classes.
    ictal = [row for row in train if windows[row].category == "partial"]
    ictal += [row for row in train if windows[row].category == "full"]
    free = [row for row in train if windows[row].category == "none"]
    if min(len(ictal), len(free)) < _BATCH:
        msg = (
            f"smoke_batch needs {_BATCH} train windows with a seizure and {_BATCH} "
            f"without; {str(fixture.path)!r} has {len(ictal)} and {len(free)}. Build it "
            f"with --quota train:partial={_BATCH} --quota train:none={_BATCH}"
        )
        raise SpecError(msg)
    return fixture.take(sorted([*ictal[:_BATCH], *free[:_BATCH]]))
