"""Known-positive EEG windows for smoke tests of seizure detectors.

Invariant: importing this package imports nothing but the standard library's basics;
each public name loads its own module at first use.
"""

from __future__ import annotations

# Not from typing: importing that takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.events import Event
    from bgb_fixtures.h5 import WindowRecord
    from bgb_fixtures.loader import Fixture, load_fixture

__version__ = "0.1.0"
__all__ = ["Event", "Fixture", "FixtureError", "WindowRecord", "load_fixture"]

_MODULES = {
    "Event": "events",
    "Fixture": "loader",
    "FixtureError": "errors",
    "WindowRecord": "h5",
    "load_fixture": "loader",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
