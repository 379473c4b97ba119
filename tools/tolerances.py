"""Measure how much the logits of a detector differ between machines.

Prints, for each reference model and dtype, the largest difference over the windows of
`smoke` in units of the root mean square of the logits, when the number of threads, the
convolution kernels, the batch size or the processor's instructions change. The default
tolerances in `bgb_fixtures.golden.tolerance` are derived from these measurements.
Usage: ``python tools/tolerances.py`` (3 minutes on two cores).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from reference_models import make_tcn, make_unet

from bgb_fixtures import load_fixture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DTYPES", "measure_all"]

MODELS = {"U-Net": make_unet, "TCN": make_tcn}
DTYPES = ("float64", "float32", "bfloat16", "float16")
SETTINGS = {
    # name -> threads, oneDNN, windows per batch
    "1 thread": (1, True, 6),
    "2 threads": (2, True, 6),
    "without oneDNN": (1, False, 6),
    "batch of 1": (1, True, 1),
    "all three": (2, False, 1),
}
PROCESSORS = {
    # name -> ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA
    "newest": ("", ""),
    "AVX2": ("avx2", "AVX2"),
    "SSE4": ("default", "SSE41"),
}

Logits = dict[str, npt.NDArray[np.float64]]


def logits(
    name: str, dtype: str, *, fixture: str, batch: int
) -> npt.NDArray[np.float64]:
    """Return the logits of a model over all windows of a fixture."""
    signals, _ = load_fixture(fixture).tensors()
    kind: torch.dtype = getattr(torch, dtype)
    model = MODELS[name]().to(kind)
    with torch.inference_mode():
        parts = [
            model(signals[start : start + batch].to(kind)).double().numpy()
            for start in range(0, len(signals), batch)
        ]
    return np.concatenate(parts)


def write_logits(path: str, fixture: str, dtypes: Sequence[str]) -> None:
    """Write logits by model, dtype and setting on this processor."""
    warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
    results: Logits = {}
    for name, dtype, setting in product(MODELS, dtypes, SETTINGS):
        threads, onednn, batch = SETTINGS[setting]
        torch.set_num_threads(threads)
        with torch.backends.mkldnn.flags(enabled=onednn):
            results[f"{name}/{dtype}/{setting}"] = logits(
                name, dtype, fixture=fixture, batch=batch
            )
    np.savez(path, allow_pickle=False, **results)


def measure_all(
    dtypes: Sequence[str] = DTYPES,
    *,
    processors: Iterable[str] | None = None,
    fixture: str = "smoke",
) -> dict[tuple[str, str], tuple[float, dict[str, float]]]:
    """Return (model, dtype) -> the RMS of the logits, and the largest differences.

    Differences are in units of the RMS, by setting or processor, relative to one thread
    with the newest instructions. Each processor setting runs in its own process.
    """
    runs: dict[str, Logits] = {}
    with tempfile.TemporaryDirectory() as folder:
        for processor in processors or PROCESSORS:
            path = str(Path(folder) / f"{processor}.npz")
            names = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")
            chosen = zip(names, PROCESSORS[processor], strict=True)
            environment = os.environ | {key: value for key, value in chosen if value}
            command = [sys.executable, __file__, path, fixture, *dtypes]
            subprocess.run(command, env=environment, check=True)
            with np.load(path) as file:
                runs[processor] = dict(file)
    spreads = {}
    for name, dtype in product(MODELS, dtypes):
        reference = runs["newest"][f"{name}/{dtype}/1 thread"]
        rms = float(np.sqrt(np.mean(reference**2)))
        differences: dict[str, float] = {}
        for processor, setting in product(runs, SETTINGS):
            other = runs[processor][f"{name}/{dtype}/{setting}"]
            column = setting if processor == "newest" else processor
            largest = float(np.abs(other - reference).max()) / rms
            differences[column] = max(differences.get(column, 0.0), largest)
        spreads[name, dtype] = rms, differences
    return spreads


def main() -> None:
    """Print a table: a row for each model and dtype."""
    if len(sys.argv) > 1:
        write_logits(sys.argv[1], sys.argv[2], sys.argv[3:])
        return
    spreads = measure_all()
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print("largest difference from 1 thread on the newest instructions, in rms")
    columns = [*SETTINGS, *(name for name in PROCESSORS if name != "newest")]
    print(f"{'':15}{'rms':>7}", *(f"{column:>15}" for column in columns))
    for (name, dtype), (rms, differences) in spreads.items():
        values = (f"{differences[column]:15.1e}" for column in columns)
        print(f"{name + ', ' + dtype:15}{rms:7.3f}", *values)


if __name__ == "__main__":
    main()
