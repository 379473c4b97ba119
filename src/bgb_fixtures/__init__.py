"""Known-positive EEG windows for smoke tests of seizure detectors.

Invariant: importing this package imports only basic modules of the standard library;
each public name loads its own module on first use.
"""

from __future__ import annotations

# Not imported from typing, which takes longer than all other imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bgb_fixtures.eeg.events import Event
    from bgb_fixtures.errors import FixtureError
    from bgb_fixtures.fixture import Fixture, load_fixture
    from bgb_fixtures.format.records import WindowRecord
    from bgb_fixtures.generated import synthetic_fixture

__version__ = "0.2.0"
__all__ = [
    "Event",
    "Fixture",
    "FixtureError",
    "WindowRecord",
    "load_fixture",
    "synthetic_fixture",
]

_MODULES = {
    "Event": "eeg.events",
    "Fixture": "fixture",
    "FixtureError": "errors",
    "WindowRecord": "format.records",
    "load_fixture": "fixture",
    "synthetic_fixture": "generated",
}


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` that import names on first use (PEP 562).

    `modules` maps each public name to the module of the package that defines it.
    """

    def load(name: str) -> Any:
        if name not in modules:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        import sys
        from importlib import import_module

        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        import sys

        return sorted({*vars(sys.modules[package]), *modules})

    return load, names


__getattr__, __dir__ = lazy_names(__name__, _MODULES)
