"""Does this detector work? Checks of its behaviour on windows with known seizures.

The way of a detector: `loading` imports it, `contract` finds out what goes in (`layout`)
and what comes out (`output`), `detector` holds it behind that contract, `checks` judge
it, `runner` finds the cause of what fails, and `report` words it. `supervisor` does that
in a process of its own (`child`); `szcore` checks programs and containers instead.

Invariant: importing this package imports no third-party module; each public name loads
its module, and with it torch, at first use.
"""

from __future__ import annotations

from bgb_fixtures import lazy_names

# Not from typing: as in bgb_fixtures.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from bgb_fixtures.smoke.report import CheckResult, SmokeReport
    from bgb_fixtures.smoke.runner import assert_smoke, run_smoke

__all__ = ["CheckResult", "SmokeReport", "assert_smoke", "run_smoke"]

_MODULES = {
    "CheckResult": "report",
    "SmokeReport": "report",
    "assert_smoke": "runner",
    "run_smoke": "runner",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
