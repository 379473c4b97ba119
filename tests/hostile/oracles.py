"""All oracles: each reads a file with the package and judges what came of it.

An oracle raises the package's own error if that refuses the file, and fails an assertion
if the package accepted it and what it gave is not what the bytes of the file say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostile import container_oracles, golden_oracles, source_oracles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["ORACLES"]

ORACLES: Mapping[str, Callable[[Path], object]] = {
    **container_oracles.ORACLES,
    **golden_oracles.ORACLES,
    **source_oracles.ORACLES,
}
