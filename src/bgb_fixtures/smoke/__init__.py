"""Is this detector alive? Checks of its behaviour on a few windows with known seizures.

Invariant: importing this package imports no third-party module; each public name loads
its module, and with it torch, at first use.
"""

from __future__ import annotations

# Not from typing: as in bgb_fixtures.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bgb_fixtures.smoke.report import CheckResult, SmokeReport
    from bgb_fixtures.smoke.runner import assert_smoke, run_smoke

__all__ = ["CheckResult", "SmokeReport", "assert_smoke", "run_smoke"]

_MODULES = {
    "CheckResult": "report",
    "SmokeReport": "report",
    "assert_smoke": "runner",
    "run_smoke": "runner",
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
