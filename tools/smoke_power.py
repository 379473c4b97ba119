"""Measure whether the smoke checks find each known fault, without false alarms.

Usage: ``python tools/smoke_power.py [--seeds N] [--alone] [--fixture NAME] [--only WORD]``.
A fault counts as found if the intended check fails with the right reason, and no other
check fails. With ``--alone``, every check also runs alone on every entry and must give
the same result as in the full run. The exit code is 1 if a fault is missed or a healthy
detector fails.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from smoke_gallery import (
    HEALTHY,
    INFORMATION,
    INTERFACES,
    MODEL_FAULTS,
    TRAINING_FAULTS,
    Entry,
)

from bgb_fixtures.smoke import run_smoke
from bgb_fixtures.smoke.catalogue import CAN_SKIP

if TYPE_CHECKING:
    from collections.abc import Collection

    from bgb_fixtures.smoke import SmokeReport

PARTS = {
    "faults of a model": MODEL_FAULTS,
    "faults of a loss or a training step": TRAINING_FAULTS,
    "for information only": INFORMATION,
    "healthy detectors, losses and steps": HEALTHY,
    "healthy, other inputs, outputs and kinds": INTERFACES,
}


def run_entry(
    entry: Entry, *, seed: int, fixture: str, skip: Collection[str] = ()
) -> SmokeReport:
    """Run the checks on one entry; `seed` is for both its weights and the run."""
    with warnings.catch_warnings():
        # Quantisation and TorchScript are deprecated but still in use.
        warnings.simplefilter("ignore")
        torch.manual_seed(1000 + seed)
        return run_smoke(
            entry.make(),
            make_model=entry.make,
            fixture=fixture,
            seed=seed,
            skip=skip,
            **entry.options,
        )


def problems(entry: Entry, report: SmokeReport) -> list[str]:
    """Return unexpected results: other checks that failed, or a missing text."""
    failed = [check.name for check in report.failed]
    expected = [entry.found_by] if entry.found_by else []
    found = [] if failed == expected else [f"failed: {failed}, expected: {expected}"]
    shown = report.failed if entry.found_by else report.checks
    if not any(entry.says in check.reason for check in shown):
        found.append(f"no check says {entry.says!r}")
    return found


def check_alone(
    entry: Entry, report: SmokeReport, name: str, *, seed: int, fixture: str
) -> str:
    """Run one check alone and return any difference from the full run."""
    skip = [other for other in CAN_SKIP if other != name]
    alone = run_entry(entry, seed=seed, fixture=fixture, skip=skip)[name]
    full = report[name]
    if (alone.status, alone.cause) == (full.status, full.cause):
        return ""
    return (
        f"{name} alone: {alone.status} {alone.cause or alone.reason}; "
        f"in the full run: {full.status} {full.cause or full.reason}"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fixture", default="smoke")
    parser.add_argument("--only", default="", help="entries whose name has this in it")
    parser.add_argument("--alone", action="store_true", help="each check alone, too")
    options = parser.parse_args()
    wrong = 0
    for title, entries in PARTS.items():
        chosen = [entry for entry in entries if options.only in entry.name]
        print(f"\n{title}: {len(chosen)}, {options.seeds} seeds each")
        right = 0
        for entry in chosen:
            start = perf_counter()
            by: Counter[str] = Counter()
            notes = []
            for seed in range(options.seeds):
                report = run_entry(entry, seed=seed, fixture=options.fixture)
                by.update(check.name for check in report.failed)
                found = problems(entry, report)
                right += not found
                if options.alone:
                    alone = (
                        check_alone(
                            entry, report, c.name, seed=seed, fixture=options.fixture
                        )
                        for c in report.checks
                        if c.name in CAN_SKIP
                    )
                    differences = [text for text in alone if text]
                    wrong += bool(differences)
                    found += differences
                notes += [f"seed {seed}: {text}" for text in found]
            names = ", ".join(f"{name} {count}" for name, count in by.most_common())
            mean = (perf_counter() - start) / options.seeds
            print(f"  {entry.name:40} {mean:5.2f} s  {names or '-'}", flush=True)
            for note in notes[:5]:
                print(f"      {note}")
        total = len(chosen) * options.seeds
        wrong += total - right
        print(f"  as expected: {right} of {total}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
