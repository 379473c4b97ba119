"""Settings that affect last digits: versions, device, CPU, threads, flags, seed.

Invariant: no host name, user name or path is included. Torch is described only if the
program has already imported it.
"""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["UNSEEDED", "describe_environment", "environment_changes", "uses_tf32"]

UNSEEDED = "not set"
"""The torch seed of a program that never seeded torch."""


def describe_environment(device: str = "cpu") -> dict[str, str]:
    """Return the settings that affect the last digits of results, in printable ASCII.

    `device` is the device of the model, such as ``"cuda:0"``.
    """
    facts = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "processor": _instructions(),
    }
    scipy = sys.modules.get("scipy")
    if scipy is not None:
        facts["scipy"] = str(scipy.__version__)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "__version__"):
        facts |= _describe_torch(torch, device)
    return {key: _ascii(value) for key, value in facts.items()}


def _ascii(text: str) -> str:
    kept = "".join(c if " " <= c <= "~" else "?" for c in text)
    return kept or "unknown"


def _instructions() -> str:
    """Return the newest instruction set that numpy found, such as AVX512_SPR."""
    found: Any = np.show_config(mode="dicts")
    extensions = found.get("SIMD Extensions", {})
    names = extensions.get("found") or extensions.get("baseline") or ["unknown"]
    return str(names[-1])


def _describe_torch(torch: Any, device: str) -> dict[str, str]:
    kind = device.partition(":")[0]
    facts = {
        "torch": str(torch.__version__),
        "device": kind,
        "threads": str(torch.get_num_threads()),
        "torch instructions": str(torch.backends.cpu.get_cpu_capability()),
        "mkl": _on(torch.backends.mkl.is_available()),
        "oneDNN": _on(getattr(torch.backends.mkldnn, "enabled", True)),
        "deterministic": _on(torch.are_deterministic_algorithms_enabled()),
        "float32 products": str(torch.get_float32_matmul_precision()),
        "torch seed": _seed(torch),
    }
    if kind == "cuda":
        facts |= {
            "device": f"cuda: {torch.cuda.get_device_name(device)}",
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),
            "cudnn deterministic": _on(torch.backends.cudnn.deterministic),
            "cudnn benchmark": _on(torch.backends.cudnn.benchmark),
            "tf32": _on(_allows_tf32(torch)),
        }
    return facts


def _allows_tf32(torch: Any) -> bool:
    convolution, product = torch.backends.cudnn, torch.backends.cuda.matmul
    try:
        return bool(convolution.allow_tf32 or product.allow_tf32)
    except RuntimeError:
        # torch raises this if the program has used the newer setting.
        precisions = (convolution.conv.fp32_precision, product.fp32_precision)
        return "tf32" in precisions


def _on(flag: object) -> str:
    return "on" if flag else "off"


def _seed(torch: Any) -> str:
    seed = int(torch.initial_seed())
    # Without a seed, torch starts from a random number of up to 64 bits.
    return str(seed) if 0 <= seed < 2**32 else UNSEEDED


def uses_tf32(environment: Mapping[str, str]) -> bool:
    """Return whether TF32 may have been used for float32; False on a CPU."""
    return environment.get("tf32") == "on"


def environment_changes(
    recorded: Mapping[str, str], here: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Return (name, recorded, current) of each change; ``"-"`` if missing."""
    keys = [*here, *(key for key in recorded if key not in here)]
    return [
        (key, recorded.get(key, "-"), here.get(key, "-"))
        for key in keys
        if recorded.get(key) != here.get(key)
    ]
