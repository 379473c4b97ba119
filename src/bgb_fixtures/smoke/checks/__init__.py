"""The checks: functions of a detector that return what they measured.

Invariant: a check raises Failed or Skipped, or returns a sentence. It starts from the
detector's initial state, and its verdict does not depend on earlier checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.smoke.catalogue import SENTENCES
from bgb_fixtures.smoke.checks import (
    eval_mode,
    interface,
    learning,
    loss,
    response,
    running,
    saving,
    step,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.smoke.detector import Detector

__all__ = ["CHECKS"]

_MODULES = (
    interface, eval_mode, response, learning, saving, running, loss, step,
)  # fmt: skip
CHECKS: dict[str, Callable[[Detector], str]] = {
    name: next(vars(module)[name] for module in _MODULES if name in module.__all__)
    for name in SENTENCES
}
"""Name -> check, in the order of a run."""
