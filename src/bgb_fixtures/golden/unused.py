"""Goldens that no test uses any longer, after a test or check was deleted or renamed.

Invariant: a golden is reported as unused only if its test file no longer exists, or if
the file was collected completely and the test either no longer exists or passed without
using the golden.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.errors import FixtureError
from bgb_fixtures.golden.names import SUFFIX, as_stored
from bgb_fixtures.golden.store import is_golden, load_golden

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from bgb_fixtures.golden.content import Golden

__all__ = ["Collected", "Unused", "find_unused", "remove_unused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The tests that pytest collected and ran.

    `tests` maps each test file to its tests, including deselected ones, and whether
    each uses the fixture `golden`. `complete` has the files whose tests were all
    collected. `passed` has pairs (file, test), `used` the golden files that tests used,
    and `written` those of them that this run wrote.
    """

    tests: Mapping[Path, Mapping[str, bool]]
    complete: AbstractSet[Path]
    passed: AbstractSet[tuple[Path, str]]
    used: AbstractSet[Path]
    written: AbstractSet[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """An unused golden and the reason why it counts as unused."""

    path: Path
    reason: str


def find_unused(collected: Collected) -> list[Unused]:
    """Return the unused goldens next to the collected test files, sorted by path."""
    goldens = {
        path: golden
        for folder in {file.parent for file in collected.complete}
        for path, golden in _goldens_below(folder / "golden")
    }
    owners = {
        (path.parent.name, golden.test)
        for path, golden in goldens.items()
        if path not in collected.written
    }
    without = [
        (file, test)
        for file, tests in collected.tests.items()
        for test, asks in tests.items()
        if asks and (file.stem, as_stored(test)) not in owners
    ]
    unused = []
    for path, golden in sorted(goldens.items()):
        reason = _reason(path, golden, collected, without)
        if reason:
            unused.append(Unused(path=path, reason=reason))
    return unused


def _goldens_below(folder: Path) -> Iterator[tuple[Path, Golden]]:
    """Yield the goldens of tests; skip files that cannot be read."""
    for path in folder.glob(f"*/*{SUFFIX}"):
        if is_golden(path):
            try:
                golden = load_golden(path)
            except FixtureError:
                continue
            if golden.test:
                yield path, golden


def _reason(
    path: Path,
    golden: Golden,
    collected: Collected,
    without: list[tuple[Path, str]],
) -> str:
    """Return why a golden is unused; empty if it is used or if this is unknown."""
    if path in collected.used:
        return ""
    folder, stem = path.parent.parent.parent, path.parent.name
    file = next(
        (f for f in collected.complete if (f.parent, f.stem) == (folder, stem)), None
    )
    if file is None:
        if any(folder.glob(f"{stem}.*")):
            return ""
        near = _nearest(golden.test, without)
        return f"of {golden.test} in a test file that is gone{near}"
    named = {as_stored(test): test for test in collected.tests.get(file, {})}
    if golden.test in named:
        if (file, named[golden.test]) not in collected.passed:
            return ""
        return (
            f"of {file.name}::{golden.test}, which passed without asking for "
            f"{golden.name!r}"
        )
    near = _nearest(golden.test, [(f, test) for f, test in without if f == file])
    return f"of {file.name}::{golden.test}, which is gone{near}"


def _nearest(test: str, without: list[tuple[Path, str]]) -> str:
    """Return a hint with the test without a golden whose name is closest."""

    def bare(name: str) -> str:
        # Every test name has this prefix, so it says nothing about similarity.
        return re.sub(r"test_?", "", name, flags=re.IGNORECASE)

    names = {bare(as_stored(name)): (file, as_stored(name)) for file, name in without}
    close = difflib.get_close_matches(bare(test), names, n=1, cutoff=0.6)
    if not close:
        return ""
    file, name = names[close[0]]
    return f"; {file.name}::{name} has none (renamed?)"


def remove_unused(unused: list[Unused]) -> None:
    """Remove the files of unused goldens and the folders that become empty."""
    for golden in unused:
        golden.path.unlink()
        if not any(golden.path.parent.iterdir()):
            golden.path.parent.rmdir()
