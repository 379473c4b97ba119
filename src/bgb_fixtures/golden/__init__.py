"""Golden outputs: outputs of a detector, recorded once and compared in later runs.

Invariant: importing this package imports nothing; each public name loads its module on
first use. Reading, writing and comparing need numpy; running a model needs torch.
"""

from __future__ import annotations

from bgb_fixtures import lazy_names

# Not from typing: as in bgb_fixtures.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from bgb_fixtures.golden.check import GoldenChecker
    from bgb_fixtures.golden.compare import Comparison, compare_goldens
    from bgb_fixtures.golden.content import Golden
    from bgb_fixtures.golden.record import make_golden, run_model
    from bgb_fixtures.golden.report import describe_comparison
    from bgb_fixtures.golden.store import load_golden, write_golden

__all__ = [
    "Comparison",
    "Golden",
    "GoldenChecker",
    "compare_goldens",
    "describe_comparison",
    "load_golden",
    "make_golden",
    "run_model",
    "write_golden",
]

_MODULES = {
    "Comparison": "compare",
    "Golden": "content",
    "GoldenChecker": "check",
    "compare_goldens": "compare",
    "describe_comparison": "report",
    "load_golden": "store",
    "make_golden": "record",
    "run_model": "record",
    "write_golden": "store",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
