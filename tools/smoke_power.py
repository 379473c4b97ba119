"""Measure whether the smoke checks bite: kill rate of each known fault, false alarms.

Usage: ``python tools/smoke_power.py [--seeds N] [--fixture NAME] [--only WORD]``. Exit
code 1 if a fault survives or a healthy model is accused.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from smoke_gallery import FAULTS, HEALTHY, INFORMATION, TRAINING_FAULTS, Entry

from bgb_fixtures.smoke import run_smoke

if TYPE_CHECKING:
    from bgb_fixtures.smoke import SmokeReport

PARTS = {
    "faults of a model": FAULTS,
    "faults of a loss or a training step": TRAINING_FAULTS,
    "for information only": INFORMATION,
    "healthy": HEALTHY,
}


def run_entry(entry: Entry, *, seed: int, fixture: str) -> SmokeReport:
    """Run the checks on one model of the gallery.

    Parameters
    ----------
    entry : Entry
        Which.
    seed : int
        Of its weights and of the run.
    fixture : str
        Name or path.

    Returns
    -------
    report : SmokeReport
        What the checks say.
    """
    torch.manual_seed(1000 + seed)
    return run_smoke(
        entry.make(), make_model=entry.make, fixture=fixture, seed=seed, **entry.options
    )


def is_as_expected(entry: Entry, report: SmokeReport) -> bool:
    """Tell whether the right check failed, or none of a model that is not broken.

    Parameters
    ----------
    entry : Entry
        The model.
    report : SmokeReport
        What the checks say.

    Returns
    -------
    expected : bool
        True if so.
    """
    failed = {check.name for check in report.failed}
    if entry.found_by:
        return bool(failed & set(entry.found_by))
    said = any(entry.says in check.reason for check in report.checks)
    return not failed and said


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fixture", default="smoke")
    parser.add_argument("--only", default="", help="entries whose name has this in it")
    options = parser.parse_args()
    missed = 0
    for title, entries in PARTS.items():
        chosen = [entry for entry in entries if options.only in entry.name]
        print(f"\n{title}: {len(chosen)}, {options.seeds} seeds each")
        right = 0
        for entry in chosen:
            start = perf_counter()
            reports = [
                run_entry(entry, seed=seed, fixture=options.fixture)
                for seed in range(options.seeds)
            ]
            good = [is_as_expected(entry, report) for report in reports]
            right += sum(good)
            by = Counter(check.name for report in reports for check in report.failed)
            names = ", ".join(f"{name} {count}" for name, count in by.most_common())
            mean = (perf_counter() - start) / options.seeds
            print(
                f"  {entry.name:34} {sum(good)}/{options.seeds}  {mean:5.2f} s  "
                f"{names or '-'}",
                flush=True,
            )
            for report, ok in zip(reports, good, strict=True):
                if not ok:
                    shown = report.failed if not entry.found_by else report.checks
                    print("\n".join(f"      {check}" for check in shown))
                    break
        total = len(chosen) * options.seeds
        missed += total - right
        print(f"  as expected: {right} of {total}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
