"""Losses and training steps with one fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from smoke_gallery.entry import SFREQ, Base, Entry, WindowClassifier, bce
from smoke_gallery.interfaces import OneChannelImage, PerSecond

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TRAINING_FAULTS", "step_maker", "two_class"]


def step_maker(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = bce,
    *,
    signals_of: Callable[[torch.Tensor], torch.Tensor] = lambda signals: signals,
    labels_of: Callable[[torch.Tensor], torch.Tensor] = lambda labels: labels,
    parameters_of: Callable[[nn.Module], Any] = lambda model: model.parameters(),
    zero: bool = True,
    backward: bool = True,
    move: bool = True,
    rate: float = 1e-3,
) -> Callable[[nn.Module], Callable[[torch.Tensor, torch.Tensor], Any]]:
    """Return a factory of training steps that differ from a correct one in one way."""

    def make_step(model: nn.Module) -> Callable[[torch.Tensor, torch.Tensor], Any]:
        optimizer = torch.optim.Adam(parameters_of(model), lr=rate)

        def step(signals: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            if zero:
                optimizer.zero_grad()
            value = loss(model(signals_of(signals)), labels_of(labels))
            if backward:
                value.backward()  # type: ignore[no-untyped-call]
            if move:
                optimizer.step()
            return value.detach()

        return step

    return make_step


def wrong_sign(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return -bce(logits, labels)


def swapped_classes(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits, 1 - labels)


def sigmoid_twice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits.sigmoid(), labels)


def shifted_labels(labels: torch.Tensor) -> torch.Tensor:
    return labels.roll(10 * SFREQ, -1)


def late_labels(labels: torch.Tensor) -> torch.Tensor:
    return functional.pad(labels, (2 * SFREQ, 0))[..., : labels.shape[-1]]


def shifted_signals(signals: torch.Tensor) -> torch.Tensor:
    return signals.roll(-2 * SFREQ, -1)


def shuffled(signals: torch.Tensor) -> torch.Tensor:
    return signals[torch.randperm(len(signals))]


def log_of_zero(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    p = logits.sigmoid()
    return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()


def not_reduced(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits, labels, reduction="none")


def detached(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits.detach(), labels)


def two_class(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of two logits."""
    return functional.cross_entropy(logits, labels)


def head_only(model: nn.Module) -> Any:
    return model.head.parameters()  # type: ignore[union-attr]


def other_model(_model: nn.Module) -> Any:
    return Base().parameters()


def next_labels(labels: torch.Tensor) -> torch.Tensor:
    return labels.roll(1, 0)


def reversed_channels(signals: torch.Tensor) -> torch.Tensor:
    return signals.flip(1)


def make_stale_step(model: nn.Module) -> Any:
    """Make a step that uses the labels of the previous batch, like a queue."""
    inner = step_maker()(model)
    waiting: list[torch.Tensor] = []

    def step(signals: torch.Tensor, labels: torch.Tensor) -> Any:
        waiting.append(labels)
        return inner(signals, waiting.pop(0) if len(waiting) > 1 else labels)

    return step


def make_validating_step(model: nn.Module) -> Any:
    """Make a step that validates first and does not return to training mode."""
    inner = step_maker()(model)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> Any:
        model.eval()
        with torch.no_grad():
            model(signals[:1])
        return inner(signals, labels)

    return step


TRAINING_FAULTS = tuple(
    Entry(name=name, make=make, found_by=next(iter(options)), options=options, says=says)
    for make, name, options, says in (
        (Base, "loss of the wrong sign", {"loss": wrong_sign}, "is a sign wrong?"),
        (Base, "loss of swapped classes", {"loss": swapped_classes}, "is a sign wrong?"),
        (Base, "loss: sigmoid twice", {"loss": sigmoid_twice}, "applied twice"),
        (Base, "loss: labels shifted by a stride",
         {"loss": lambda x, y: bce(x, shifted_labels(y))}, "shifted by +10.00 s"),
        (Base, "loss: log of 0", {"loss": log_of_zero}, "log of a probability of 0"),
        (Base, "loss not reduced", {"loss": not_reduced}, "expected one number"),
        (Base, "loss detached", {"loss": detached}, "has no gradient"),
        (Base, "loss: labels as bytes", {"loss": lambda x, y: bce(x, y.byte())}, ""),
        (PerSecond, "loss of the wrong sign, per second", {"loss": wrong_sign},
         "is a sign wrong?"),
        (Base, "step: wrong sign", {"step": step_maker(wrong_sign)}, "is a sign wrong?"),
        (WindowClassifier, "step: wrong sign, windows", {"step": step_maker(wrong_sign)},
         "is a sign wrong?"),
        (Base, "step: sigmoid twice", {"step": step_maker(sigmoid_twice)}, "applied twice"),
        (Base, "step: labels shifted by a stride",
         {"step": step_maker(labels_of=shifted_labels)}, "or circularly so"),
        (Base, "step: labels 2 s late", {"step": step_maker(labels_of=late_labels)},
         "shifted by +2.00 s"),
        (PerSecond, "step: labels 2 s late, per second",
         {"step": step_maker(labels_of=lambda y: y.roll(2, -1))}, "shifted by +2.00 s"),
        (Base, "step: labels of the next window",
         {"step": step_maker(labels_of=next_labels)}, "labels of other windows"),
        (WindowClassifier, "step: labels of the next window, windows",
         {"step": step_maker(labels_of=next_labels)}, "labels of other windows"),
        (Base, "step: labels of the previous batch", {"step": make_stale_step},
         "labels of the previous batch"),
        (WindowClassifier, "step: labels of the previous batch, windows",
         {"step": make_stale_step}, "labels of the previous batch"),
        (Base, "step: labels as bytes",
         {"step": step_maker(labels_of=lambda labels: labels.byte())}, ""),
        (Base, "step: signals shifted, labels not",
         {"step": step_maker(signals_of=shifted_signals)}, "from its labels"),
        (Base, "step: signals shuffled, labels not",
         {"step": step_maker(signals_of=shuffled)}, "with the labels of window"),
        (OneChannelImage, "step: signals shuffled, (B, 1, C, T)",
         {"step": step_maker(two_class, signals_of=shuffled)},
         "with the labels of window"),
        (Base, "step: channels reversed",
         {"step": step_maker(signals_of=reversed_channels)},
         "reorders the channels: O2 is in place of Fp1"),
        (Base, "step: trains in eval mode", {"step": make_validating_step},
         "trains in eval mode"),
        (Base, "step: signals zeroed", {"step": step_maker(signals_of=torch.zeros_like)},
         "a constant"),
        (Base, "step: no zero_grad", {"step": step_maker(zero=False)}, "call zero_grad"),
        (Base, "step: no backward", {"step": step_maker(backward=False)},
         "backward() never called"),
        (Base, "step: no optimizer step", {"step": step_maker(move=False)},
         "no parameter changes"),
        (Base, "step: optimizer of another model",
         {"step": step_maker(parameters_of=other_model)}, "hold other parameters"),
        (Base, "step: optimizer of the head only",
         {"step": step_maker(parameters_of=head_only)}, "missing from the optimizer"),
        (Base, "step: rate of 100", {"step": step_maker(rate=100.0)}, ""),
    )
)  # fmt: skip
