"""Checks of the device, and of time and memory."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.smoke.checks.measure import close, rms, show_difference, spread
from bgb_fixtures.smoke.report import Failed, Skipped

if TYPE_CHECKING:
    from bgb_fixtures.smoke.detector import Detector

__all__ = ["cost", "device"]

ROUNDS = 3


def device(detector: Detector) -> str:
    """Compare the output with that in half precision and that on the CPU."""
    detector.known_contract()
    kind = detector.device.type
    if kind == "cpu":
        msg = "the model runs on the CPU; to check a GPU, pass --device"
        raise Skipped(msg)
    signals = detector.probe(passes=3)
    detector.reset()
    detector.mode(train=False)
    expected = detector.scores(signals).cpu()
    with torch.autocast(kind, dtype=torch.float16), torch.no_grad():
        half = detector.forward(signals)
    if not bool(half.isfinite().all()):
        msg = "NaN or Inf under autocast to float16"
        raise Failed(msg)
    contract = detector.known_contract()
    unit = spread(detector, expected)
    rough = rms(contract.output.scores(half).double().cpu() - expected) / unit
    if not detector.is_module:
        return f"difference in float16: {show_difference(rough)}"
    try:
        detector.model.to("cpu")
        with torch.no_grad():
            logits = contract.output.pick(contract.run(detector.model, signals.cpu()))
        difference = rms(contract.output.scores(logits).double() - expected) / unit
    finally:
        detector.model.to(detector.device)
    if difference > close(detector):
        msg = (
            f"CPU and {kind} give different outputs (difference "
            f"{show_difference(difference)})"
        )
        raise Failed(msg)
    return (
        f"difference on the CPU: {show_difference(difference)}; in float16: "
        f"{show_difference(rough)}"
    )


def cost(detector: Detector) -> str:
    """Measure the time of a pass and the memory for the backward pass."""
    window = detector.whole(passes=2)[:1]
    detector.reset()
    detector.mode(train=False)

    def seconds(run: Any) -> float:
        times: list[float] = []
        # Measure only once if a pass is slow.
        while len(times) < ROUNDS and sum(times) < detector.budget.short_s / ROUNDS:
            start = perf_counter()
            run()
            if detector.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(perf_counter() - start)
        return median(times)

    n_threads = torch.get_num_threads()
    threads = "1 thread" if n_threads == 1 else f"{n_threads} threads"
    forward = 1e3 * seconds(lambda: detector.scores(window))
    text = f"a window takes {forward:.1f} ms forward ({threads})"
    if detector.why_no_gradients() or not detector.trainable:
        return text
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def train() -> None:
        logits = detector.forward(window)
        if logits.requires_grad:
            logits.square().mean().backward()  # type: ignore[no-untyped-call]

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        detector.forward(window)
    both = 1e3 * seconds(train)
    return (
        f"{text}, {both:.1f} ms with backward, which keeps "
        f"{sum(kept.values()) / 1e6:.1f} MB"
    )
