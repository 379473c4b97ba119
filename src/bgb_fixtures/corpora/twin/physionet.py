"""Files at the root of a PhysioNet database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["write_digests", "write_lines"]


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of ASCII."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("ascii"))


def write_digests(root: Path) -> None:
    """Write SHA256SUMS.txt of all existing files; call this last."""
    lines = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        # With one blank, as on PhysioNet.
        lines.append(f"{digest} {path.relative_to(root).as_posix()}")
    lines.sort(key=lambda line: line.partition(" ")[2])
    write_lines(root / "SHA256SUMS.txt", lines)
