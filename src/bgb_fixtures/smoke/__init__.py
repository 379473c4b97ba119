"""Checks of a detector's behaviour on windows with known seizures.

The steps of a run: `loading` imports the detector, `contract` detects its input
(`layout`) and output (`output`), `detector` wraps it, `checks` test it, `judge` finds
which failure explains which, `runner` runs all of this, and `report` formats the
results. `supervisor` runs these steps in a separate process (`child`); `szcore` checks
programs and containers instead.

Invariant: importing this package imports no third-party module; each public name loads
its module, and with it torch, on first use.
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
