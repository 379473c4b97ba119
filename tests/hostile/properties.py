"""What holds for every reader: a mutated file is refused, or read as its bytes say.

`hunt` looks for a file for which that does not hold. The tests do so with some examples,
``make fuzz`` for as long as you like.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from hostile import format_seeds
from hostile import source_seeds as seeds
from hostile.goldens import GOOD
from hostile.mutated_containers import UNSIGNED, mutated_container
from hostile.mutated_goldens import mutated_golden
from hostile.mutated_sources import (
    mutated_edf,
    mutated_folder,
    mutated_sidecar,
    mutated_tals,
    mutated_text,
)
from hostile.worker import FINDING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS", "Finding", "Tally", "Target", "hunt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A kind of file: good ones, how they are mutated, and the oracles that read them."""

    good: Callable[[], tuple[bytes, ...]]
    mutated: Callable[[bytes], st.SearchStrategy[tuple[str, bytes]]]
    oracles: tuple[str, ...]
    suffix: str = ".in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The smallest file found for which an oracle fails."""

    target: str
    oracle: str
    kind: str
    message: str
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Tally:
    """What was tried: outcomes by (target, oracle, kind of mutation, outcome)."""

    inputs: int = 0
    outcomes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)


class _Mutated(NamedTuple):
    kind: str
    data: bytes

    def __repr__(self) -> str:
        return f"<{self.kind}: {len(self.data)} bytes>"


class _FindingError(AssertionError):
    pass


@cache
def _fixtures() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        good = format_seeds.make_seeds(Path(folder)).fixture
    return good, format_seeds.roomy(good, 2**16)


def _folders() -> tuple[bytes, ...]:
    return tuple(
        seeds.pack(files | {"SOURCE": source.encode()})
        for source, files in seeds.folder_seeds().items()
    )


_TEXTS = {
    "csv": (seeds.CSV, seeds.CSV_BI),
    "tse": (seeds.TSE,),
    "lbl": (seeds.LBL,),
    "tsv": (seeds.TSV, seeds.TSV_BACKGROUND),
    "summary": (seeds.SUMMARY,),
    "siena": (seeds.SIENA,),
    "subjects": (seeds.SUBJECTS,),
    "licence": (seeds.DESCRIPTION,),
    "participants": (seeds.PARTICIPANTS,),
    "digests": (seeds.DIGESTS,),
    "spec": seeds.SPECS,
}


def _text_target(name: str) -> Target:
    return Target(good=lambda: _TEXTS[name], mutated=mutated_text, oracles=(name,))


TARGETS = {
    "fixture": Target(
        good=_fixtures,
        mutated=mutated_container,
        oracles=("load", "trust", "verify"),
        suffix=".h5",
    ),
    "golden": Target(
        good=lambda: (GOOD,),
        mutated=mutated_golden,
        oracles=("golden",),
        suffix=".npz",
    ),
    "edf": Target(good=seeds.edf_seeds, mutated=mutated_edf, oracles=("edf",)),
    "tal": Target(good=seeds.tal_seeds, mutated=mutated_tals, oracles=("tal",)),
    "sidecar": Target(
        good=lambda: (seeds.sidecar(2996, 3036), seeds.sidecar(1, 2, 3, 70_000)),
        mutated=mutated_sidecar,
        oracles=("sidecar",),
    ),
    **{name: _text_target(name) for name in _TEXTS},
    "folder": Target(good=_folders, mutated=mutated_folder, oracles=("folder",)),
}


def hunt(
    name: str,
    target: Target,
    *,
    read: Callable[[str, Path], tuple[str, str]],
    path: Path,
    seed: str,
    examples: int,
    tally: Tally,
) -> Finding | None:
    """Try about so many mutations of a target; return the smallest file that fails.

    The same seed tries the same files. What `tally` has found already is counted, and
    does not fail again. `path` holds the last file that was read.
    """
    good = target.good()
    failed: list[Finding] = []

    @hypothesis.seed(f"{seed}.{name}")
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @hypothesis.given(
        st.sampled_from(good).flatmap(target.mutated).map(lambda m: _Mutated(*m))
    )
    def reader_refuses_or_reads_right(mutated: _Mutated) -> None:
        kind, data = mutated
        path.write_bytes(data)
        tally.inputs += 1
        for oracle in target.oracles:
            outcome, message = read(oracle, path)
            changed = kind in UNSIGNED and oracle != "trust" and data not in good
            if outcome == "accepted" and changed:
                outcome, message = FINDING, "accepted, although bytes changed"
            tally.outcomes[name, oracle, kind, outcome] += 1
            if outcome == FINDING and _key(oracle, message) not in tally.findings:
                failed.append(
                    Finding(
                        target=name,
                        oracle=oracle,
                        kind=kind,
                        message=message,
                        data=data,
                    )
                )
                raise _FindingError(message)

    try:
        reader_refuses_or_reads_right()
    except (_FindingError, Flaky):
        # Hypothesis reads the smallest file last. What failed once, and not again, is
        # a finding too: time and memory are never quite the same.
        finding = failed[-1]
        tally.findings[_key(finding.oracle, finding.message)] = finding
        return finding
    return None


def _key(oracle: str, message: str) -> tuple[str, str]:
    """Return the same key for messages that differ in their numbers alone."""
    return oracle, re.sub("[0-9]+", "0", message)[:80]
