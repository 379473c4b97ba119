"""Measure how far the same detector's logits lie apart when only the machine differs.

Prints, for each reference model and dtype, the largest difference over the windows of
`smoke` in units of the root mean square of the logits, when the number of threads, the
convolution kernels, the batch size or the processor's instructions change. The default
tolerances in `bgb_fixtures.golden.tolerance` come from it.
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

import numpy as np
import numpy.typing as npt
import torch
from reference_models import make_tcn, make_unet

from bgb_fixtures import load_fixture

MODELS = {"unet": make_unet, "tcn": make_tcn}
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
SETTINGS = {
    # name -> threads, oneDNN, windows at a time
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

Results = dict[str, npt.NDArray[np.float64]]


def logits(name: str, dtype: torch.dtype, *, batch: int) -> npt.NDArray[np.float64]:
    """Return the logits of a model over all windows of `smoke`."""
    signals, _ = load_fixture().tensors()
    model = MODELS[name]().to(dtype)
    with torch.inference_mode():
        parts = [
            model(signals[start : start + batch].to(dtype)).double().numpy()
            for start in range(0, len(signals), batch)
        ]
    return np.concatenate(parts)


def short(dtype: torch.dtype) -> str:
    """Return the name of a dtype."""
    return str(dtype).removeprefix("torch.")


def measure(path: str) -> None:
    """Write logits by model, dtype and setting on this processor."""
    warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
    results: Results = {}
    for name, dtype in product(MODELS, DTYPES):
        for setting, (threads, onednn, batch) in SETTINGS.items():
            torch.set_num_threads(threads)
            with torch.backends.mkldnn.flags(enabled=onednn):
                key = f"{name}/{short(dtype)}/{setting}"
                results[key] = logits(name, dtype, batch=batch)
    np.savez(path, allow_pickle=False, **results)


def run_all() -> dict[str, Results]:
    """Measure on each kind of processor, in a process of its own."""
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for processor, (aten, onednn) in PROCESSORS.items():
            path = str(Path(folder) / f"{processor}.npz")
            extra = {"ATEN_CPU_CAPABILITY": aten, "ONEDNN_MAX_CPU_ISA": onednn}
            environment = os.environ | {k: v for k, v in extra.items() if v}
            command = [sys.executable, __file__, path]
            subprocess.run(command, env=environment, check=True)
            with np.load(path) as file:
                runs[processor] = dict(file)
    return runs


def main() -> None:
    """Print a table: a row for each model and dtype."""
    if len(sys.argv) == 2:
        measure(sys.argv[1])
        return
    runs = run_all()
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print(
        "largest difference from 1 thread on the newest instructions, in units of rms"
    )
    columns = ["against float64", *SETTINGS, "AVX2", "SSE4"]
    print(f"{'':15}{'rms':>7}", *(f"{column:>15}" for column in columns))
    for name, dtype in product(MODELS, DTYPES):
        prefix = f"{name}/{short(dtype)}"
        reference = runs["newest"][f"{prefix}/1 thread"]
        rms = float(np.sqrt(np.mean(reference**2)))
        others = [runs["newest"][f"{name}/float64/1 thread"]]
        others += [runs["newest"][f"{prefix}/{setting}"] for setting in SETTINGS]
        spreads = [float(np.abs(other - reference).max()) / rms for other in others]
        spreads += [
            max(
                float(np.abs(runs[processor][f"{prefix}/{s}"] - reference).max()) / rms
                for s in SETTINGS
            )
            for processor in ("AVX2", "SSE4")
        ]
        print(f"{prefix:15}{rms:7.3f}", *(f"{spread:15.1e}" for spread in spreads))


if __name__ == "__main__":
    main()
