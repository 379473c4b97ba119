"""What it costs to check a detector, and how far its logits spread on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from bench_measure import TOOLS, Row, Table, compare
from reference_models import make_tcn, make_unet

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

    from bench_measure import Bench
    from torch import nn

    from bgb_fixtures.loader import Fixture

__all__ = ["bench_golden", "bench_smoke", "bench_tolerances"]

MODELS: dict[str, Callable[[], nn.Module]] = {"U-Net": make_unet, "TCN": make_tcn}
SETTINGS = (
    # threads, oneDNN, windows at a time; tools/tolerances.py tries more
    (1, True, 3),
    (2, True, 3),
    (1, False, 3),
    (2, False, 1),
)


def bench_smoke(bench: Bench) -> list[Table]:
    """Run all smoke checks on a small U-Net and a TCN, from process start to end."""
    (bench.folder / "my_models.py").write_text(
        f"import sys\nsys.path.insert(0, {str(TOOLS)!r})\n"
        "from reference_models import Tcn, UNet\n",
        encoding="utf-8",
    )
    command = (
        "from bgb_fixtures.cli import main\n"
        "main(['smoke', 'my_models:{}'{}], standalone_mode=False)"
    )
    both = (
        "from my_models import Tcn, UNet\n"
        "from bgb_fixtures.smoke import assert_smoke\n"
        "assert_smoke(UNet()), assert_smoke(Tcn())"
    )
    fixture = bench.pick("", ", '--fixture', 'tiny'")
    codes = {
        "assert_smoke on both, one process": both,
        "bgb-fixtures smoke, U-Net": command.format("UNet", fixture),
        "bgb-fixtures smoke, TCN": command.format("Tcn", fixture),
        "import torch alone": "import torch",
    }
    if bench.tiny:
        codes = {"bgb-fixtures smoke, TCN": codes["bgb-fixtures smoke, TCN"]}
    medians, peaks = bench.processes(codes, rounds=3)
    n_parameters = {
        name: round(sum(p.numel() for p in make().parameters()) / 1e3)
        for name, make in MODELS.items()
    }
    return [
        Table(
            title=(
                "smoke checks of a U-Net ({U-Net}k parameters) and a TCN ({TCN}k), "
                "imports included"
            ).format_map(n_parameters),
            rows=compare(medians, peaks=peaks),
        )
    ]


def bench_golden(bench: Bench) -> list[Table]:
    """Record and check the outputs of both detectors on three windows."""
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

    golden = run_model(model, fixture, name="logits")
    path = write_golden(golden, bench.folder / f"{name}.h5")
    untraced = make_golden(forward(), name="logits", fixture=fixture)
    plain = write_golden(untraced, bench.folder / "plain.h5")
    medians = bench.medians(
        {
            "the model alone": forward,
            "run it, keep outputs and trace": lambda: run_model(
                model, fixture, name="logits"
            ),
            "write the golden": lambda: write_golden(golden, path),
            "load it and compare": lambda: compare_goldens(load_golden(path), golden),
        },
        seconds=1,
    )
    n_bytes, n_plain = (file.stat().st_size for file in (path, plain))
    sizes = {
        "write the golden": (
            f"{n_bytes / 1e3:.0f} kB, of it {(n_bytes - n_plain) / 1e3:.0f} kB trace "
            "and state"
        )
    }
    return Table(
        title=f"golden of a {name}, {len(fixture)} windows",
        rows=compare(medians, notes=sizes),
    )


def bench_tolerances(bench: Bench) -> list[Table]:
    """Spread of the logits by dtype, when threads, kernels and batch size change."""
    signals, _ = load_fixture(bench.pick("smoke", "tiny")).take(range(3)).tensors()
    dtypes = ("float64", "float32", "bfloat16", "float16")
    spreads = {
        dtype: {name: _spread(make(), signals, dtype) for name, make in MODELS.items()}
        for dtype in bench.pick(dtypes, dtypes[:2])
    }
    return [
        Table(
            title=(
                "largest difference of logits on this CPU, in units of their root mean "
                "square, when threads, kernels and batch size change"
            ),
            rows=tuple(
                Row(
                    name=f"{name}, {dtype}",
                    value=spread,
                    unit="rms",
                    note=f"allowed by default: {RELATIVE[dtype]:g}",
                )
                for dtype, by_model in spreads.items()
                for name, spread in by_model.items()
            ),
        )
    ]


def _spread(model: nn.Module, signals: torch.Tensor, dtype: str) -> float:
    model = model.to(getattr(torch, dtype))
    signals = signals.to(getattr(torch, dtype))
    n_threads = torch.get_num_threads()
    logits = []
    try:
        for threads, onednn, batch in SETTINGS:
            torch.set_num_threads(threads)
            # Not flags(): that would also set what needs TF32, which warns.
            torch.backends.mkldnn.set_flags(onednn)  # type: ignore[no-untyped-call]
            with torch.inference_mode():
                parts = [
                    model(signals[start : start + batch]).double()
                    for start in range(0, len(signals), batch)
                ]
            logits.append(torch.cat(parts))
    finally:
        torch.set_num_threads(n_threads)
        torch.backends.mkldnn.set_flags(True)  # type: ignore[no-untyped-call]
    reference = logits[0]
    largest = max((other - reference).abs().max() for other in logits[1:])
    return float(largest / reference.square().mean().sqrt())
