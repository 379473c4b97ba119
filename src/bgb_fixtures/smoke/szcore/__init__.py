"""The contract of SzCORE: a program reads an EDF file and writes a TSV of seizures.

Invariant: the program sees only EDF files, without labels; each check gets a result,
whatever the program does or writes.
"""

from __future__ import annotations

from bgb_fixtures.smoke.szcore.check import run_command, run_image

__all__ = ["run_command", "run_image"]
