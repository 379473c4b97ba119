"""Benchmarks of generating, exporting, reporting, and checking a detector."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import tolerances as spread
import torch
from bench_recordings import command
from bench_timer import Row, Table, compare
from reference_models import make_tcn, make_unet
from threadpoolctl import threadpool_limits

from bgb_fixtures import load_fixture
from bgb_fixtures.golden import (
    compare_goldens,
    load_golden,
    make_golden,
    run_model,
    write_golden,
)
from bgb_fixtures.golden.tolerance import RELATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench_timer import Bench
    from torch import nn

    from bgb_fixtures.fixture import Fixture

__all__ = ["export", "generate", "golden", "smoke", "tolerances"]

MODELS: dict[str, Callable[[], nn.Module]] = {"U-Net": make_unet, "TCN": make_tcn}


def generate(bench: Bench) -> list[Table]:
    """Measure generating a packaged fixture and a single window."""
    from bgb_fixtures.dataset import SyntheticDataset

    name = bench.pick("smoke", "tiny")
    n_windows = len(load_fixture(name))
    dataset = SyntheticDataset(40, seed=7)
    whole = f"build {name}: generate {n_windows} windows, write, verify"
    one = f"SyntheticDataset: one window of {dataset[39][0].shape[-1] / 256:g} s, alone"
    ways: dict[str, Callable[[], object]] = {
        whole: lambda: command(
            "build", "--spec", name, "--out", bench.folder / f"{name}.h5"
        ),
        one: lambda: dataset[39],
    }
    with threadpool_limits(1):
        medians = bench.medians(ways, seconds=2)
    rows = (
        Row(name=whole, value=medians[whole]),
        Row(name="the same, per window", value=medians[whole] / n_windows),
        Row(name=one, value=medians[one]),
    )
    return [Table(title="synthetic EEG, one thread", rows=rows)]


def export(bench: Bench) -> list[Table]:
    """Measure exporting the default fixture to each layout and writing its report."""
    layouts = ["npz", "safetensors", "brain-go-brr", "edf", "bids", "tusz"]
    layouts = bench.pick(layouts, ["npz", "edf"])
    name = bench.pick("smoke", "tiny")
    out = bench.folder / "out"

    def exporter(layout: str) -> Callable[[], None]:
        def run() -> None:
            command("export", name, "--to", layout, out)
            shutil.rmtree(out)

        return run

    ways = {f"--to {layout}": exporter(layout) for layout in layouts}
    page = bench.folder / "report.html"
    report = {"one page": lambda: command("report", name, "--out", page)}
    return [
        Table(
            title=f"bgb-fixtures export, {len(load_fixture(name))} windows",
            rows=compare(bench.medians(ways)),
        ),
        Table(
            title=f"bgb-fixtures report, {len(load_fixture(name))} windows",
            rows=compare(bench.medians(report, rounds=1)),
        ),
    ]


def smoke(bench: Bench) -> list[Table]:
    """Measure all smoke checks on a small U-Net and a TCN, with process start."""
    code = (
        "from bgb_fixtures.cli import main\n"
        "main(['smoke', 'reference_models:{}'{}], standalone_mode=False)"
    )
    fixture = bench.pick("", ", '--fixture', 'tiny'")
    codes = {
        "assert_smoke on both, one process": (
            "from reference_models import Tcn, UNet\n"
            "from bgb_fixtures.smoke import assert_smoke\n"
            "assert_smoke(UNet()), assert_smoke(Tcn())"
        ),
        "bgb-fixtures smoke, U-Net": code.format("UNet", fixture),
        "bgb-fixtures smoke, TCN": code.format("Tcn", fixture),
        "import torch alone": "import torch",
    }
    if bench.tiny:
        codes = {"bgb-fixtures smoke, TCN": codes["bgb-fixtures smoke, TCN"]}
    medians, peaks = bench.processes(codes, rounds=3)
    # The command runs the checks in a child process, whose peak is unknown here.
    peaks = {name: None if "smoke," in name else peak for name, peak in peaks.items()}
    sizes = ", ".join(
        f"{name} {sum(p.numel() for p in make().parameters()) / 1e3:.0f}k parameters"
        for name, make in MODELS.items()
    )
    title = f"smoke checks, imports included ({sizes})"
    return [Table(title=title, rows=compare(medians, peaks=peaks))]


def golden(bench: Bench) -> list[Table]:
    """Measure recording and checking outputs of both detectors on three windows."""
    fixture = load_fixture(bench.pick("smoke", "tiny")).take(range(3))
    return [
        _golden_table(bench, name, MODELS[name](), fixture)
        for name in bench.pick(tuple(MODELS), ("TCN",))
    ]


def _golden_table(bench: Bench, name: str, model: nn.Module, fixture: Fixture) -> Table:
    signals, _ = fixture.tensors()

    def forward() -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = model(signals)
        return logits

    made = run_model(model, fixture, name="logits")
    untraced = make_golden(forward(), name="logits", fixture=fixture)
    path = write_golden(made, bench.folder / f"{name}.npz")
    plain = write_golden(untraced, bench.folder / "plain.npz")
    medians = bench.medians(
        {
            "the model alone": forward,
            "run it, keep outputs and trace": lambda: run_model(
                model, fixture, name="logits"
            ),
            "write the golden": lambda: write_golden(made, path),
            "load it and compare": lambda: compare_goldens(load_golden(path), made),
        },
        seconds=1,
    )
    n_bytes, n_plain = (file.stat().st_size for file in (path, plain))
    note = f"{n_bytes / 1e3:.0f} kB, {(n_bytes - n_plain) / 1e3:.0f} kB of it the trace"
    return Table(
        title=f"golden of a {name}, {len(fixture)} windows",
        rows=compare(medians, notes={"write the golden": note}),
    )


def tolerances(bench: Bench) -> list[Table]:
    """Show how much logits differ; ``tools/tolerances.py`` documents the method."""
    dtypes = bench.pick(spread.DTYPES, spread.DTYPES[:1])
    spreads = spread.measure_all(
        dtypes,
        processors=bench.pick(None, ("newest",)),
        fixture=bench.pick("smoke", "tiny"),
    )
    rows = tuple(
        Row(
            name=f"{name}, {dtype}",
            value=max(columns.values()),
            unit="rms",
            note=f"allowed by default: {RELATIVE[dtype]:g}",
        )
        for (name, dtype), (_, columns) in spreads.items()
    )
    title = (
        "largest difference of logits, in units of their root mean square, when "
        "instructions, threads, kernels or batch size change"
    )
    return [Table(title=title, rows=rows)]
