"""Hostile files of our format, made by code: each breaks one rule of DATA.md.

Used by ``tests/test_hostile.py``; every module that is imported adds its own.
"""

from __future__ import annotations

import hostile_goldens  # noqa: F401

import hostile.fixtures
import hostile.hdf5
import hostile.places  # noqa: F401
from hostile.file import HOSTILE, Hostile

__all__ = ["HOSTILE", "Hostile"]
