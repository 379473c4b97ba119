"""Measure how far the same detector's logits lie apart when only the machine differs.

Prints, for each reference model and dtype, the largest difference over the windows of
`smoke` in units of the root mean square of the logits, when the number of threads, the
convolution kernels, the batch size or the processor's instructions change. The default
tolerances in `bgb_fixtures.golden.tolerance` are about 10 to 30 times the largest of
these. Usage: ``python tools/tolerances.py``
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch
from reference_models import make_tcn, make_unet

from bgb_fixtures import load_fixture

MODELS = {"unet": make_unet, "tcn": make_tcn}
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# What ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA allow: newest, older, oldest.
PROCESSORS = (
    ("", ""),
    ("avx2", "AVX2"),
    ("default", "SSE41"),
)


def logits(name: str, dtype: torch.dtype, *, batch: int) -> torch.Tensor:
    """Return the logits of a model over all windows of `smoke`, in float64."""
    signals, _ = load_fixture().tensors()
    model = MODELS[name]().to(dtype)
    with torch.inference_mode():
        parts = [model(part.to(dtype)) for part in signals.split(batch)]
    return torch.cat(parts).double()


def measure() -> dict[str, torch.Tensor]:
    """Return logits by model, dtype and setting, on this processor."""
    results = {}
    for name, dtype in product(MODELS, DTYPES):
        for threads, onednn, batch in (
            (1, True, 6), (2, True, 6), (1, False, 6), (1, True, 1), (2, False, 1),
        ):  # fmt: skip
            torch.set_num_threads(threads)
            with torch.backends.mkldnn.flags(enabled=onednn):
                setting = f"threads {threads}, oneDNN {onednn}, batch {batch}"
                key = f"{name}/{str(dtype).removeprefix('torch.')}/{setting}"
                results[key] = logits(name, dtype, batch=batch)
    return results


def main() -> None:
    """Measure on each processor level in a process of its own, then compare."""
    if len(sys.argv) == 2:
        np.savez(sys.argv[1], **{k: v.numpy() for k, v in measure().items()})
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for aten, onednn in PROCESSORS:
            path = Path(folder) / f"{aten or 'newest'}.npz"
            extra = {"ATEN_CPU_CAPABILITY": aten, "ONEDNN_MAX_CPU_ISA": onednn}
            environment = os.environ | {k: v for k, v in extra.items() if v}
            subprocess.run([sys.executable, __file__, path], env=environment, check=True)
            with np.load(path) as file:
                runs[path.stem] = dict(file)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    base = runs["newest"]
    first = "threads 1, oneDNN True, batch 6"
    for name, dtype in product(MODELS, DTYPES):
        prefix = f"{name}/{str(dtype).removeprefix('torch.')}"
        reference = base[f"{prefix}/{first}"]
        rms = float(np.sqrt(np.mean(reference**2)))
        exact = base[f"{name}/float64/{first}"]
        print(f"\n{prefix}: root mean square {rms:.3f}")
        rounding = np.abs(reference - exact).max() / rms
        print(f"  {'against float64':48} {rounding:.1e}")
        for level, results in runs.items():
            for key, value in results.items():
                if key.startswith(f"{prefix}/"):
                    spread = np.abs(value - reference).max() / rms
                    print(f"  {level:8} {key.removeprefix(prefix + '/'):39} {spread:.1e}")


if __name__ == "__main__":
    main()
