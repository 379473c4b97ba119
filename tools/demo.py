"""Show the whole way in half a minute: build, verify, load, train one step.

Run by ``make demo``. Prints what each step did and how long it took.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import perf_counter


def main() -> None:
    """Build the default fixture in a temporary folder and use it."""
    start = perf_counter()
    import torch
    from torch import nn

    from bgb_fixtures import load_fixture
    from bgb_fixtures.build import build_fixture
    from bgb_fixtures.request.spec import load_default_spec
    from bgb_fixtures.verify import verify_fixture

    clock = _Clock(start)
    clock.say("imported torch, numpy, h5py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "smoke.h5"
        report = build_fixture(load_default_spec(), path)
        n_positive = sum(window.category != "none" for window in report.windows)
        clock.say(
            f"built {path.name}: {len(report.windows)} windows of synthetic EEG, "
            f"{n_positive} with a seizure, {path.stat().st_size / 1e6:.1f} MB"
        )
        proof = verify_fixture(path)
        clock.say(f"verified it: {proof.checks[0]}")
        packaged = load_fixture()
        same = path.read_bytes() == packaged.path.read_bytes()
        clock.say(
            "compared it with the packaged one: "
            + ("the same bytes" if same else "OTHER BYTES")
        )

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
    # The first four windows of train hold both classes.
    logits = model(signals[:4]).squeeze(1)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, labels[:4])
    loss.backward()  # type: ignore[no-untyped-call]
    alive = sum(
        parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        for parameter in model.parameters()
    )
    clock.say(
        f"ran a small network forward and backward on 4 windows: loss {loss.item():.3f}"
        f", {alive} of {len(list(model.parameters()))} parameters have a gradient"
    )
    print(f"done in {perf_counter() - start:.1f} s")
    if not same:
        sys.exit("the fixture built here is not the packaged one; please report this")


class _Clock:
    """Print each step with the time it took."""

    def __init__(self, start: float) -> None:
        self._last = start

    def say(self, text: str) -> None:
        """Print what was done since the last call."""
        now = perf_counter()
        print(f"{now - self._last:7.3f} s  {text}", flush=True)
        self._last = perf_counter()


if __name__ == "__main__":
    main()
