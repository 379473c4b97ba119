"""All hostile files: each breaks one rule, or is strange and right all the same.

Every module that is imported here adds its own; ``tests/test_hostile.py`` reads them.
"""

from __future__ import annotations

from hostile import fixtures, hdf5, places, sources  # noqa: F401
from hostile.file import HOSTILE, Hostile

__all__ = ["HOSTILE", "Hostile"]
