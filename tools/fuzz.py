"""Mutate valid files for a given time, and look for failures of the readers.

    make fuzz SECONDS=600 SEED=1
    python tools/fuzz.py --replay build/findings/fixture.load.seed1.n42

The files, their mutations and the properties required of every reader are those of the
property tests (``tests/hostile``). Each target gets the same time; an input depends
only on the seed, the target and its number. The smallest input per finding is saved.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from hostile.properties import TARGETS, Tally, hunt
from hostile.worker import FINDING, Worker

ROUND = 100
"""Number of inputs of a target per round."""


def table(tally: Tally, seconds: float) -> str:
    """Return the outcomes by target and oracle, and by kind of mutation."""
    lines = []
    for title, part in (("reader", slice(0, 2)), ("mutation", slice(2, 3))):
        rows: dict[str, Counter[str]] = {}
        for key, n in tally.outcomes.items():
            rows.setdefault(" ".join(key[part]), Counter())[key[3]] += n
        lines.append(f"{title:26}{'reads':>9}{'accepted':>10}  refused")
        for name, outcomes in sorted(rows.items()):
            errors = [f"{n} {error}" for error, n in sorted(outcomes.items())]
            refused = ", ".join(text for text in errors if "accepted" not in text)
            counts = f"{outcomes.total():>9}{outcomes['accepted']:>10}"
            lines.append(f"{name:26}{counts}  {refused}".rstrip())
        lines.append("")
    lines.append(
        f"{tally.inputs} inputs, {tally.outcomes.total()} reads, "
        f"{len(tally.findings)} findings, {seconds:.0f} s"
    )
    return "\n".join(lines)


def fuzz(
    names: list[str], *, seed: int, seconds: float, inputs: float, findings: Path
) -> int:
    """Fuzz until the time or the inputs are used up; return the number of findings."""
    tally, begin = Tally(), time.monotonic()
    spent, rounds = dict.fromkeys(names, 0.0), Counter(dict.fromkeys(names, 0))
    with tempfile.TemporaryDirectory() as folder, Worker() as worker:
        while tally.inputs < inputs and (now := time.monotonic()) - begin < seconds:
            turns = spent if seconds < float("inf") else rounds
            name = min(names, key=lambda name: turns[name])
            path = Path(folder) / f"input{TARGETS[name].suffix}"
            finding = hunt(
                name,
                TARGETS[name],
                read=worker.read,
                path=path,
                seed=f"{seed}.{rounds[name]}",
                examples=int(min(ROUND, inputs - tally.inputs)),
                tally=tally,
            )
            if finding is not None:
                kept = f"{name}.{finding.oracle}.seed{seed}.n{len(tally.findings)}"
                findings.mkdir(parents=True, exist_ok=True)
                (findings / kept).write_bytes(finding.data)
                print(f"{kept} ({finding.kind}): {finding.message}", flush=True)
            rounds[name] += 1
            spent[name] += time.monotonic() - now
    print(table(tally, time.monotonic() - begin))
    return len(tally.findings)


def replay(path: Path) -> bool:
    """Read an input again with the target in its file name."""
    with Worker() as worker:
        outcome, message = worker.read(path.name.split(".")[1], path.absolute())
    print(f"{path.name}: {outcome}: {message}")
    return outcome == FINDING


def main() -> int:
    """Run the command line; return 1 if something was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, help="Time to spend [60].")
    parser.add_argument("--inputs", type=float, help="Inputs to try at most.")
    parser.add_argument("--seed", type=int, default=0, help="Choose other inputs [0].")
    parser.add_argument(
        "--target", action="append", choices=TARGETS, help="Only this target."
    )
    parser.add_argument(
        "--findings",
        type=Path,
        default=Path("build/findings"),
        metavar="FOLDER",
        help="Where to keep inputs that found something [build/findings].",
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="Read a kept input once more."
    )
    options = parser.parse_args()
    if options.replay is not None:
        return replay(options.replay)
    return bool(
        fuzz(
            options.target or list(TARGETS),
            seed=options.seed,
            seconds=options.seconds or (float("inf") if options.inputs else 60),
            inputs=options.inputs or float("inf"),
            findings=options.findings,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
