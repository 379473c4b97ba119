"""Demonstrate all steps in half a minute: build, verify, load, train one step.

Run by ``make demo``. Prints the result and duration of each step.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import perf_counter


def main() -> None:
    """Build the default fixture in a temporary folder and use it."""
    clock = _Clock()
    import torch
    from torch import nn

    from bgb_fixtures import load_fixture
    from bgb_fixtures.cli import main as bgb_fixtures

    clock.say("imported torch, numpy, h5py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "smoke.h5"
        bgb_fixtures(["build", "--out", str(path)], standalone_mode=False)
        clock.say("built the default fixture: bgb-fixtures build --out smoke.h5")
        bgb_fixtures(["verify", str(path)], standalone_mode=False)
        clock.say("verified it: bgb-fixtures verify smoke.h5")
        packaged = load_fixture()
        same = path.read_bytes() == packaged.path.read_bytes()
        verdict = "the same bytes" if same else "OTHER BYTES"
        clock.say(f"compared it with the packaged fixture: {verdict}")

    signals, labels = packaged.tensors()
    clock.say(
        f"loaded {tuple(signals.shape)} {signals.dtype} and "
        f"{tuple(labels.shape)} {labels.dtype}, {labels.mean().item():.1%} ictal"
    )
    again = perf_counter()
    load_fixture().tensors()
    print(f"  (a second load of the unchanged file: {perf_counter() - again:.6f} s)")

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(signals.shape[1], 16, 15, padding=7),
        nn.GELU(),
        nn.Conv1d(16, 16, 15, padding=14, dilation=2),
        nn.GELU(),
        nn.Conv1d(16, 1, 1),
    )
    # The first four windows of split train contain both classes.
    logits = model(signals[:4]).squeeze(1)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, labels[:4])
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad is not None and bool(p.grad.any()) for p in model.parameters()]
    clock.say(
        f"ran a small network forward and backward on 4 windows: loss {loss.item():.3f}"
        f", {sum(gradients)} of {len(gradients)} parameters have a gradient"
    )
    print(f"done in {clock.total():.1f} s")
    if not same:
        sys.exit("the fixture built here is not the packaged one; please report this")


class _Clock:
    """Clock that prints each step with its duration."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()

    def say(self, text: str) -> None:
        """Print a step and the time since the last call."""
        now = perf_counter()
        print(f"{now - self._last:7.3f} s  {text}", flush=True)
        self._last = perf_counter()

    def total(self) -> float:
        """Return the seconds since the start."""
        return perf_counter() - self._start


if __name__ == "__main__":
    main()
