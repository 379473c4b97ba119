"""What it costs to check a detector, and how far its logits spread on one machine."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from bench_measure import TOOLS, Row, Table, compare
from reference_models import make_tcn, make_unet
from tolerances import PROCESSORS

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
    from collections.abc import Callable, Sequence

    from bench_measure import Bench
    from torch import nn

    from bgb_fixtures.fixture import Fixture

__all__ = ["bench_golden", "bench_smoke", "bench_tolerances", "write_logits"]

MODELS: dict[str, Callable[[], nn.Module]] = {"U-Net": make_unet, "TCN": make_tcn}
SETTINGS = ((1, True, 2), (2, False, 1))
"""Threads, oneDNN, windows at a time; ``tools/tolerances.py`` tries more of them."""


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
            # The command judges in a process of its own, whose peak is not known here.
            rows=compare(
                medians,
                peaks={n: p for n, p in peaks.items() if not n.startswith("bgb-fix")},
            ),
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
    path = write_golden(golden, bench.folder / f"{name}.npz")
    untraced = make_golden(forward(), name="logits", fixture=fixture)
    plain = write_golden(untraced, bench.folder / "plain.npz")
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


def write_logits(path: str, fixture: str, dtypes: Sequence[str]) -> None:
    """Write the logits of both detectors by dtype and setting, on this processor.

    Parameters
    ----------
    path : str
        The npz file to write.
    fixture : str
        Name of a fixture; its first two windows go in.
    dtypes : sequence of str
        Of the weights and signals.
    """
    signals, _ = load_fixture(fixture).take(range(2)).tensors()
    results = {}
    for (name, make), dtype in product(MODELS.items(), dtypes):
        kind = getattr(torch, dtype)
        model = make().to(kind)
        for threads, onednn, batch in SETTINGS:
            torch.set_num_threads(threads)
            # Not flags(): that would also set what is for TF32, which warns.
            torch.backends.mkldnn.set_flags(onednn)  # type: ignore[no-untyped-call]
            with torch.inference_mode():
                logits = [
                    model(signals[start : start + batch].to(kind)).double().numpy()
                    for start in range(0, len(signals), batch)
                ]
            key = f"{name}/{dtype}/{threads}/{onednn}/{batch}"
            results[key] = np.concatenate(logits)
    np.savez(path, allow_pickle=False, **results)


def bench_tolerances(bench: Bench) -> list[Table]:
    """Spread of the logits by dtype, over processors, threads, kernels, batch size."""
    dtypes = bench.pick(tuple(RELATIVE), ("float32",))
    dtypes = tuple(dtype for dtype in dtypes if dtype != "tf32")
    arguments = ("logits.npz", bench.pick("smoke", "tiny"), dtypes)
    runs = []
    for aten, onednn in bench.pick(tuple(PROCESSORS.values()), (("", ""),)):
        environment = {"ATEN_CPU_CAPABILITY": aten, "ONEDNN_MAX_CPU_ISA": onednn}
        bench.process(
            "import os, sys\n"
            f"os.environ |= { ({k: v for k, v in environment.items() if v})!r}\n"
            f"sys.path.insert(0, {str(TOOLS)!r})\n"
            f"import bench_models\nbench_models.write_logits(*{arguments!r})"
        )
        with np.load(bench.folder / "logits.npz") as file:
            runs.append(dict(file))
    rows = []
    for name, dtype in product(MODELS, dtypes):
        logits = [
            run[key]
            for run in runs
            for key in run
            if key.startswith(f"{name}/{dtype}/")
        ]
        rms = float(np.sqrt(np.mean(logits[0] ** 2)))
        largest = max(float(np.abs(other - logits[0]).max()) for other in logits)
        rows.append(
            Row(
                name=f"{name}, {dtype}",
                value=largest / rms,
                unit="rms",
                note=f"allowed by default: {RELATIVE[dtype]:g}",
            )
        )
    return [
        Table(
            title=(
                "largest difference of logits, in units of their root mean square, when "
                "instructions, threads, kernels or batch size change"
            ),
            rows=tuple(rows),
        )
    ]
