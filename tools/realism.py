"""Show that the synthetic EEG is plausible, not too easy, and useful for real EEG.

Prints five tables. The first one has quantities measured on real scalp EEG (marks: [M]
measured on real excerpts, [S] from a source, [T] textbook) and the same quantities for
the packaged spec with several seeds, the fixture, real excerpts if ``../shared/data``
exists, white noise, and a sine with noise. The second one shows how hard it is to find
the seizures. The others need real excerpts and compare them with windows of
``build --windows``: does a classifier transfer, can it distinguish the two, and by
which features?

Run it from the repository root; it takes some minutes on two cores::

    python tools/realism.py                    # packaged fixture, seeds 1 to 4
    python tools/realism.py my.h5 --seeds 1 2  # another file, other seeds
    python tools/realism.py --quick            # two seeds, few networks and windows
    python tools/realism.py --transfer a.h5 b.h5  # the last tables, of these files

A cell is the median, followed in parentheses by the 10th and 90th percentiles over
segments of 10 s (over seizures), or by the minimum and maximum over several seeds. Its
mark is blank if the median is in range, ``~`` if it is but more than a quarter of the
segments are not, and ``OUT`` if the median of the column, or of any seed in it, is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from measures.epochs import take_epochs
from measures.hardness import AIMS, hardness
from measures.onsets import visible_onsets
from measures.ranges import QUANTITIES, Cell, judge, measure
from measures.transfer import feature_gaps, onset_changes, tell_apart, transfer
from measures.windows import (
    compose_windows,
    make_sine_on_noise,
    make_white_noise,
    read_fixture,
    read_real,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    from measures.epochs import Epochs
    from measures.windows import Window

    Array = npt.NDArray[np.float64]
    Areas = dict[str, dict[str, float]]

REAL = Path(__file__).parents[1].parent / "shared" / "data"


def build_seed(seed: int) -> list[Window]:
    """Build the packaged spec smoke with another seed and read it."""
    from bgb_fixtures.build import build_fixture
    from bgb_fixtures.request.spec import load_default_spec
    from bgb_fixtures.request.synthetic import SyntheticRequest

    default = load_default_spec()
    assert isinstance(default, SyntheticRequest)
    spec = dataclasses.replace(default, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed-{seed}.h5"
        build_fixture(spec, path)
        return read_fixture(path)


def show_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; the first column is left-justified."""
    table = [list(head), *map(list, rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    print(f"\n{title}")
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        print("  " + "  ".join(cells).rstrip())


def _spread(values: Sequence[float]) -> str:
    text = f"{np.median(values):.2f}"
    if len(values) > 1:
        text += f" ({min(values):.2f}..{max(values):.2f})"
    return text


def _show_cell(cell: Cell) -> str:
    if cell.mark == "-":
        return "-    "
    return f"{cell.median:.3g} ({cell.low:.3g}..{cell.high:.3g}) {cell.mark:<3}"


def show_plausible(columns: Mapping[str, Sequence[Mapping[str, Array]]]) -> None:
    """Print every quantity next to its range."""
    rows = []
    out = dict.fromkeys(columns, 0)
    for quantity in QUANTITIES:
        row = [quantity.name, f"{quantity.low:g}..{quantity.high:g} {quantity.source}"]
        for name, samples in columns.items():
            cell = judge(quantity, [sample[quantity.name] for sample in samples])
            out[name] += cell.mark == "OUT"
            row.append(_show_cell(cell))
        rows.append(row)
    rows.append(["rows out of range", "", *(f"{n}    " for n in out.values())])
    show_table("Plausible?", ["quantity", "real EEG", *columns], rows)


def show_hard(columns: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Print how hard the seizures are to find, next to the targets of the fixture."""
    rows = []
    for name in next(iter(columns.values()))[0]:
        aim = AIMS.get(name)
        row = [name, f"{aim[0]:g}..{aim[1]:g}" if aim else ""]
        for samples in columns.values():
            values = [sample[name] for sample in samples]
            bad = aim and not aim[0] <= np.median(values) <= aim[1]
            row.append(f"{_spread(values)} {'OUT' if bad else '   '}")
        rows.append(row)
    show_table("Hard enough? (epochs of 2 s)", ["measure", "aim", *columns], rows)


def show_transfer(sets: Sequence[Epochs], real: Epochs) -> None:
    """Print whether classifiers transfer to real EEG, and whether they recognise it."""
    tables = {
        "Does a classifier carry over? (area under the curve, all features)": [
            transfer(ours, real, scale_free=False) for ours in sets
        ],
        "The same without features of amplitude": [
            transfer(ours, real, scale_free=True) for ours in sets
        ],
        "Real or synthetic? Background, without amplitudes (0.5: cannot tell)": [
            tell_apart(ours, real, ictal=False) for ours in sets
        ],
        "Real or synthetic? Ictal, without amplitudes": [
            tell_apart(ours, real, ictal=True) for ours in sets
        ],
    }
    for title, found in tables.items():
        kinds = list(next(iter(found[0].values())))
        rows = [
            [row, *(_spread([areas[row][kind] for areas in found]) for kind in kinds)]
            for row in found[0]
        ]
        show_table(title, ["", *kinds], rows)


def show_gaps(ours: Epochs, real: Epochs, *, most: int = 12) -> None:
    """Print the features that reveal synthetic EEG, and those that change at onsets."""

    def quantiles(values: Array) -> str:
        return "{1:.2f} ({0:.2f}..{2:.2f})".format(*values)

    for title, ictal in (("background", False), ("ictal", True)):
        show_table(
            f"What gives it away, {title} (gap: of the patient in which it is least)",
            ["feature", "gap", "real", "synthetic"],
            [
                [name, f"{gap:.2f}", quantiles(theirs), quantiles(here)]
                for gap, name, theirs, here in feature_gaps(ours, real, ictal=ictal)[
                    :most
                ]
            ],
        )
    here = onset_changes(ours)
    patients = [_patient(real, name) for name in np.unique(real.subjects)]
    changes = [onset_changes(patient) for patient in patients]
    # The worst case is when all patients are far away on the same side of the synthetic
    # value.
    apart = {
        name: min(abs(change[name] - here[name]) for change in changes)
        for name in here
        if len({change[name] > here[name] for change in changes}) == 1
    }
    show_table(
        "What a seizure changes (above 0.5: it rises), the largest differences",
        ["feature", *np.unique(real.subjects), "synthetic"],
        [
            [name, *(f"{change[name]:.2f}" for change in changes), f"{here[name]:.2f}"]
            for name in sorted(apart, key=lambda name: -apart[name])[:most]
        ],
    )


def _patient(epochs: Epochs, name: str) -> Epochs:
    own = epochs.subjects == name
    return dataclasses.replace(
        epochs,
        features=epochs.features[own],
        ictal=epochs.ictal[own],
        subjects=epochs.subjects[own],
        labels=epochs.labels[own],
    )


def show_onsets(windows: Sequence[Window]) -> None:
    """Print the delay from the label of an onset until it is visible, by type."""
    found: dict[str, list[float]] = {}
    for window in windows:
        for delay in visible_onsets(window):
            found.setdefault(window.events[0][0], []).append(delay)
    found["all"] = [delay for delays in found.values() for delay in delays]
    show_table(
        "First sight after the label, s (10..90 %), and share within 1 s",
        ["type", "n", "seconds", "within 1 s"],
        [
            [
                label,
                str(len(delays)),
                "{1:.2f} ({0:.2f}..{2:.2f})".format(
                    *np.nanquantile(delays, (0.1, 0.5, 0.9))
                ),
                f"{np.mean(np.abs(delays) <= 1):.2f}",
            ]
            for label, delays in sorted(found.items())
        ],
    )


def show_fixture(path: str | None, seeds: Sequence[int], *, n_inits: int) -> None:
    """Print the first two tables: for seeds, a fixture, real EEG and toy signals."""
    from bgb_fixtures.fixture import find_fixture

    found = find_fixture(path)
    default = read_fixture(found)
    columns: dict[str, list[list[Window]]] = {}
    if seeds:
        name = "spec smoke, seeds " + " ".join(map(str, seeds))
        columns[name] = [build_seed(seed) for seed in seeds]
    columns[found.name] = [default]
    if REAL.is_dir():
        columns["real excerpts"] = [read_real(REAL)]
    columns["white noise"] = [make_white_noise(default)]
    columns["sine on noise"] = [make_sine_on_noise(default)]
    show_plausible(
        {key: [measure(windows) for windows in sets] for key, sets in columns.items()}
    )
    show_hard(
        {
            key: [hardness(windows, n_inits=n_inits) for windows in sets]
            for key, sets in columns.items()
        }
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; see the docstring of this module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fixture", nargs="?", help="file; default: the packaged one")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3, 4])
    parser.add_argument("--quick", action="store_true", help="2 seeds, 5 networks")
    parser.add_argument(
        "--transfer",
        nargs="+",
        metavar="FILE",
        help="only the tables that need real excerpts, of fixtures instead of seeds",
    )
    args = parser.parse_args(argv)
    seeds = args.seeds[:2] if args.quick else args.seeds
    if not args.transfer:
        show_fixture(args.fixture, seeds, n_inits=5 if args.quick else 20)
    if args.transfer:
        sets = [read_fixture(path) for path in args.transfer]
    else:
        n_windows = 30 if args.quick else 60
        sets = [compose_windows(n_windows, seed=seed) for seed in seeds]
    show_onsets([window for windows in sets for window in windows])
    if not REAL.is_dir():
        print(f"\nno real excerpts in {REAL}: the other tables are left out")
        return 0
    real = take_epochs(read_real(REAL))
    ours = [take_epochs(windows) for windows in sets]
    show_transfer(ours, real)
    show_gaps(_pooled(ours), real)
    return 0


def _pooled(sets: Sequence[Epochs]) -> Epochs:
    return dataclasses.replace(
        sets[0],
        features=np.vstack([epochs.features for epochs in sets]),
        ictal=np.concatenate([epochs.ictal for epochs in sets]),
        subjects=np.concatenate([epochs.subjects for epochs in sets]),
        labels=np.concatenate([epochs.labels for epochs in sets]),
    )


if __name__ == "__main__":
    sys.exit(main())
