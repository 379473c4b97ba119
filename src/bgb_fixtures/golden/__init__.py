"""Golden outputs: does the detector still do what it did, and if not, where it began.

Invariant: importing this package imports nothing; each public name loads its module at
first use. Reading and comparing need numpy, recording h5py, running a model torch.
"""

from __future__ import annotations

# Not from typing: as in bgb_fixtures.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bgb_fixtures.golden.check import GoldenChecker
    from bgb_fixtures.golden.compare import Comparison, compare_goldens
    from bgb_fixtures.golden.content import Golden
    from bgb_fixtures.golden.record import make_golden, run_model
    from bgb_fixtures.golden.report import describe_comparison
    from bgb_fixtures.golden.store import load_golden, verify_golden, write_golden

__all__ = [
    "Comparison",
    "Golden",
    "GoldenChecker",
    "compare_goldens",
    "describe_comparison",
    "load_golden",
    "make_golden",
    "run_model",
    "verify_golden",
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
    "verify_golden": "store",
    "write_golden": "store",
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
