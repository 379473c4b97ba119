"""What it costs to generate windows, and to give a fixture to other programs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench_load import write_windows
from bench_measure import Row, Table, compare
from threadpoolctl import threadpool_limits

from bgb_fixtures import load_fixture
from bgb_fixtures.build import build_fixture
from bgb_fixtures.export import export_fixture
from bgb_fixtures.fixture import packaged_dir
from bgb_fixtures.report import write_report
from bgb_fixtures.request.spec import load_spec
from bgb_fixtures.request.synthetic import SyntheticRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench_measure import Bench

__all__ = ["bench_export", "bench_generate"]

LAYOUTS = ("npz", "safetensors", "brain-go-brr", "edf", "bids", "tusz")


def bench_generate(bench: Bench) -> list[Table]:
    """Generate a packaged fixture, and a window alone."""
    from bgb_fixtures.dataset import SyntheticDataset

    name = bench.pick("smoke", "tiny")
    spec = load_spec(packaged_dir() / f"{name}.toml")
    assert isinstance(spec, SyntheticRequest)
    n_windows = sum(len(recording.windows) for recording in spec.recordings)
    dataset = SyntheticDataset(40, seed=7)
    build, one = (
        f"build {name}: generate {n_windows} windows, write, verify",
        f"SyntheticDataset: one window of {dataset[39][0].shape[-1] / 256:g} s, alone",
    )
    with threadpool_limits(1):
        medians = bench.medians(
            {
                build: lambda: build_fixture(spec, bench.folder / f"{name}.h5"),
                one: lambda: dataset[39],
            },
            seconds=2,
        )
    length = spec.window_length
    return [
        Table(
            title="synthetic EEG, one thread",
            rows=(
                Row(name=build, value=medians[build]),
                Row(
                    name=f"the same, per window of {length:g} s",
                    value=medians[build] / n_windows,
                ),
                Row(name=one, value=medians[one]),
            ),
        )
    ]


def bench_export(bench: Bench) -> list[Table]:
    """Export the default fixture to each layout, and write its report."""
    fixture = load_fixture(bench.pick("smoke", "tiny"))
    layouts = bench.pick(LAYOUTS, ("npz", "edf"))
    out = bench.folder / "out"

    def exporter(layout: str) -> Callable[[], None]:
        def export() -> None:
            export_fixture(fixture, layout, out)
            shutil.rmtree(out)

        return export

    medians = bench.medians({f"--to {name}": exporter(name) for name in layouts})
    page, source = bench.folder / "report.html", fixture.path
    if bench.tiny:
        source = bench.folder / "one.h5"
        write_windows(source, 1)
    return [
        Table(
            title=f"bgb-fixtures export, {len(fixture)} windows",
            rows=compare(medians),
        ),
        Table(
            title=f"bgb-fixtures report, {len(fixture)} windows",
            rows=compare(
                bench.medians(
                    {"one page": lambda: write_report(source, page)}, rounds=1
                )
            ),
        ),
    ]
