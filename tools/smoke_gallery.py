"""Detectors that are broken in one known way each, and detectors that are not.

Shared by tools/smoke_power.py and the tests, to measure whether the smoke checks bite.
Invariant: no check knows this file; a fault counts as found only if one of the checks
that it names fails. The models take float32 (n_windows, 19, n_times), n_times a multiple
of 16, at 256 Hz, and what is random in them comes from torch's global generator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAULTS", "HEALTHY", "INFORMATION", "TRAINING_FAULTS", "Entry"]

N_CHANNELS = 19
N_TIMES = 15360
SFREQ = 256
WIDTH = 16
LATE = 38
"""Samples, 0.15 s: below what the checks call a fault."""
bce = functional.binary_cross_entropy_with_logits


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model of the gallery.

    Attributes
    ----------
    name : str
        What it is, or what is wrong with it.
    make : callable
        Makes the model.
    found_by : tuple of str
        Checks of which one must fail; empty for a healthy model.
    options : dict
        ``loss`` or ``step`` for `run_smoke`.
    says : str
        What the report has to say, of what is for information only.
    """

    name: str
    make: Callable[[], Any]
    found_by: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    says: str = ""


class Base(nn.Module):
    """A small dilated CNN at a quarter of the rate; the faults are changes to it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 16, stride=4, padding=6)
        self.body = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, 5, padding=2 * d, dilation=d) for d in (1, 4, 16)
        )
        self.head = nn.ConvTranspose1d(WIDTH, 1, 8, stride=4, padding=2)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to (n_windows, width, n_times / 4)."""
        x = functional.gelu(self.stem(x))
        for layer in self.body:
            x = x + functional.gelu(layer(x))
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to logits (n_windows, n_times)."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits[:, 0]


# Faults that a model alone shows.


class ConstantOutput(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 0 + self.head.weight.mean()


class DetachedFeatures(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(x).detach()


class NoGradForward(Base):
    @torch.no_grad()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


class FrozenLayer(Base):
    def __init__(self) -> None:
        super().__init__()
        self.stem.requires_grad_(requires_grad=False)


class UnusedLayer(Base):
    def __init__(self) -> None:
        super().__init__()
        self.extra = nn.Linear(WIDTH, WIDTH)


class DeadRelu(Base):
    def __init__(self) -> None:
        super().__init__()
        nn.init.constant_(list(self.body.parameters())[3], -1e4)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.stem(x))
        for layer in self.body:
            x = functional.relu(layer(x))
        return x


class NanAtLargeInput(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        power = x.square().mean(-1, keepdim=True).exp()
        return super().features(x * power / (1 + power))


class NanAtFlatChannel(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(
            (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)
        )


class InfinityInside(Base):
    def __init__(self) -> None:
        super().__init__()
        self.stem.weight.data.mul_(1e38)


class BatchMeanLeaks(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = super().features(x)
        return x - x.mean(0, keepdim=True)


class BatchStatisticsInEval(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(WIDTH, track_running_stats=False)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.norm(super().features(x))
        return out


class SoftmaxOverBatch(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = super().features(x)
        return x * x.softmax(0)


class DropoutInEval(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(super().features(x), 0.2)


class NoiseInEval(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x + 0.1 * torch.randn_like(x))


class StateAcrossCalls(Base):
    def __init__(self) -> None:
        super().__init__()
        self.memory: torch.Tensor | float = 0.0

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = super().features(x)
        out = x + self.memory
        self.memory = x.detach().mean()
        return out


class SigmoidAtTheEnd(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).sigmoid()


class ReluAtTheEnd(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


class SoftmaxOfTwo(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = super().forward(x)
        return torch.stack([-score, score], 1).softmax(1)


class SoftmaxOverTime(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).softmax(-1)


class WrongLength(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, :-7]


class QuarterRate(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x).mean(1)


class ClassNumbers(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (super().forward(x) > 0).long()


class FixedLength(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = super().forward(x)[:, None]
        return functional.interpolate(logits, size=N_TIMES)[:, 0]


class UnsavedStatistics(Base):
    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(1, N_CHANNELS, 1)
        self.power = torch.ones(1, N_CHANNELS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.mean = 0.8 * self.mean + 0.2 * x.mean((0, 2), keepdim=True)
            self.power = 0.8 * self.power + 0.2 * x.square().mean((0, 2), keepdim=True)
        return super().forward((x - self.mean) / (self.power + 1e-6).sqrt())


class UnsavedProjection(Base):
    def __init__(self) -> None:
        super().__init__()
        mix = torch.randn(N_CHANNELS, N_CHANNELS) / N_CHANNELS**0.5
        self.mix: torch.Tensor
        self.register_buffer("mix", mix, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(self.mix @ x)


class ChannelsAveraged(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.mean(1, keepdim=True).expand_as(x))


class ChannelsDropped(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.cat([x[:, :16], x[:, :3]], 1))


class ShiftedOutput(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).roll(4 * SFREQ, -1)


class ReversedOutput(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).flip(-1)


class ReshapedNotTransposed(Base):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(N_CHANNELS, N_CHANNELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n_windows, n_channels, n_times = x.shape
        mixed = self.mix(x.reshape(n_windows, n_times, n_channels))
        return super().forward(mixed.transpose(1, 2))


class WritesIntoInput(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x -= x.mean(-1, keepdim=True)
        return super().forward(x)


class SqueezesBatch(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(x)).squeeze()
        return logits


class StatisticsNeverUpdated(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(WIDTH, momentum=0.0)
        self.norm.running_mean.fill_(50.0)  # type: ignore[union-attr]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = super().features(x)
        return functional.relu(self.norm(x * 0.1))


class RootOfZero(Base):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = super().features(x)
        return (x * (x > 0)).square().sqrt()


class OneAnswerPerWindow(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = super().forward(x)
        return logits.mean(-1, keepdim=True).expand_as(logits)


class CheckpointOfOtherNames(Base):
    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        state = super().state_dict(*args, **kwargs)
        return {f"model.{name}": value for name, value in state.items()}


class RaisesInBackward(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = super().forward(x)
        if logits.requires_grad:
            logits.register_hook(self._raise)  # type: ignore[no-untyped-call]
        return logits

    @staticmethod
    def _raise(_gradient: torch.Tensor) -> None:
        raise RuntimeError("backward is not written yet")  # noqa: EM101, TRY003


FAULTS = (
    Entry(name="constant output", make=ConstantOutput, found_by=("windows",)),
    Entry(name="features detached", make=DetachedFeatures, found_by=("gradients",)),
    Entry(name="forward under no_grad", make=NoGradForward, found_by=("gradients",)),
    Entry(name="frozen layer", make=FrozenLayer, found_by=("gradients",)),
    Entry(name="unused layer", make=UnusedLayer, found_by=("gradients",)),
    Entry(name="dead ReLU", make=DeadRelu, found_by=("gradients",)),
    Entry(name="gradient of sqrt(0)", make=RootOfZero, found_by=("gradients",)),
    Entry(name="raises in backward", make=RaisesInBackward, found_by=("gradients",)),
    Entry(name="NaN at large input", make=NanAtLargeInput, found_by=("scale",)),
    Entry(name="NaN at a flat channel", make=NanAtFlatChannel, found_by=("scale",)),
    Entry(name="Inf inside", make=InfinityInside, found_by=("finite",)),
    Entry(name="mean over the batch in eval", make=BatchMeanLeaks, found_by=("batch",)),
    Entry(
        name="batch statistics in eval", make=BatchStatisticsInEval, found_by=("batch",)
    ),
    Entry(name="softmax over the batch", make=SoftmaxOverBatch, found_by=("batch",)),
    Entry(name="dropout in eval", make=DropoutInEval, found_by=("repeat",)),
    Entry(name="noise in eval", make=NoiseInEval, found_by=("repeat",)),
    Entry(name="state kept across calls", make=StateAcrossCalls, found_by=("repeat",)),
    Entry(name="writes into its input", make=WritesIntoInput, found_by=("repeat",)),
    Entry(name="sigmoid at the end", make=SigmoidAtTheEnd, found_by=("logits",)),
    Entry(name="softmax of two classes", make=SoftmaxOfTwo, found_by=("logits",)),
    Entry(name="softmax over time", make=SoftmaxOverTime, found_by=("logits",)),
    Entry(name="ReLU at the end", make=ReluAtTheEnd, found_by=("logits",)),
    Entry(name="output 7 samples short", make=WrongLength, found_by=("shape",)),
    Entry(name="output at a quarter rate", make=QuarterRate, found_by=("shape",)),
    Entry(name="class numbers, not logits", make=ClassNumbers, found_by=("shape",)),
    Entry(name="output length fixed", make=FixedLength, found_by=("lengths",)),
    Entry(name="squeezes a batch of one", make=SqueezesBatch, found_by=("single",)),
    Entry(name="statistics not saved", make=UnsavedStatistics, found_by=("state",)),
    Entry(name="projection not saved", make=UnsavedProjection, found_by=("state",)),
    Entry(
        name="checkpoint of other names",
        make=CheckpointOfOtherNames,
        found_by=("state",),
    ),
    Entry(name="channels averaged away", make=ChannelsAveraged, found_by=("channels",)),
    Entry(name="three channels dropped", make=ChannelsDropped, found_by=("channels",)),
    Entry(name="output 4 s late", make=ShiftedOutput, found_by=("alignment",)),
    Entry(name="output reversed in time", make=ReversedOutput, found_by=("alignment",)),
    Entry(
        name="reshape for transpose", make=ReshapedNotTransposed, found_by=("alignment",)
    ),
    Entry(name="one answer per window", make=OneAnswerPerWindow, found_by=("learns",)),
    Entry(
        name="norm statistics not updated",
        make=StatisticsNeverUpdated,
        found_by=("learns",),
    ),
)  # fmt: skip


# Faults of a loss or of a training step.


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
    """Return a maker of training steps, with one thing done otherwise."""

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


def head_only(model: nn.Module) -> Any:
    return model.head.parameters()  # type: ignore[union-attr]


def other_model(_model: nn.Module) -> Any:
    return Base().parameters()


TRAINING_FAULTS = tuple(
    Entry(name=name, make=Base, found_by=(next(iter(options)),), options=options)
    for name, options in (
        ("loss of the wrong sign", {"loss": wrong_sign}),
        ("loss of swapped classes", {"loss": swapped_classes}),
        ("loss: sigmoid twice", {"loss": sigmoid_twice}),
        (
            "loss: labels shifted by a stride",
            {"loss": lambda x, y: bce(x, shifted_labels(y))},
        ),
        ("loss: log of 0", {"loss": log_of_zero}),
        ("loss not reduced", {"loss": not_reduced}),
        ("loss detached", {"loss": detached}),
        ("loss: labels as bytes", {"loss": lambda x, y: bce(x, y.byte())}),
        ("step: wrong sign", {"step": step_maker(wrong_sign)}),
        ("step: sigmoid twice", {"step": step_maker(sigmoid_twice)}),
        (
            "step: labels shifted by a stride",
            {"step": step_maker(labels_of=shifted_labels)},
        ),
        ("step: labels 2 s late", {"step": step_maker(labels_of=late_labels)}),
        (
            "step: labels as bytes",
            {"step": step_maker(labels_of=lambda labels: labels.byte())},
        ),
        (
            "step: signals shifted, labels not",
            {"step": step_maker(signals_of=shifted_signals)},
        ),
        (
            "step: signals shuffled, labels not",
            {"step": step_maker(signals_of=shuffled)},
        ),
        ("step: signals zeroed", {"step": step_maker(signals_of=torch.zeros_like)}),
        ("step: no zero_grad", {"step": step_maker(zero=False)}),
        ("step: no backward", {"step": step_maker(backward=False)}),
        ("step: no optimizer step", {"step": step_maker(move=False)}),
        (
            "step: optimizer of another model",
            {"step": step_maker(parameters_of=other_model)},
        ),
        (
            "step: optimizer of the head only",
            {"step": step_maker(parameters_of=head_only)},
        ),
        ("step: rate of 100", {"step": step_maker(rate=100.0)}),
    )
)


# What is no fault, but has to be said.


class LineLength:
    """Line length summed over channels, in numpy: the order of channels is no matter."""

    def __call__(self, x: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Map (n_windows, 19, n_times) to scores (n_windows, n_times)."""
        steps = np.abs(np.diff(x.numpy().astype(np.float64), axis=-1, prepend=0))
        total = np.cumsum(steps.sum(1), axis=-1)
        length = total - np.pad(total, ((0, 0), (SFREQ, 0)))[:, : -SFREQ or None]
        scores: np.ndarray[Any, np.dtype[np.float64]] = np.log(length + 1e-6) - 6
        return scores


class SlightlyLate(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).roll(LATE, -1)


def slightly_late(labels: torch.Tensor) -> torch.Tensor:
    return labels.roll(LATE, -1)


INFORMATION = (
    Entry(name="numpy: channels summed", make=LineLength, says="for information"),
    Entry(name="output 0.15 s late", make=SlightlyLate, says="+0.1"),
    Entry(
        name="step: labels 0.15 s late",
        make=Base,
        options={"step": step_maker(labels_of=slightly_late)},
        says="+0.148 s",
    ),
)


# Healthy models of many kinds.


def conv_block(n_in: int, n_out: int, kernel: int) -> nn.Sequential:
    """Make convolution, batch norm, ReLU; the length stays."""
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2),
        nn.BatchNorm1d(n_out),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """U-Net with batch norm and dropout; logits (B, 1, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            conv_block(a, b, 7) for a, b in ((N_CHANNELS, 12), (12, 16), (16, 24))
        )
        self.up = nn.ModuleList(conv_block(a, b, 5) for a, b in ((40, 16), (28, 12)))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv1d(12, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [self.down[0](x)]
        for block in list(self.down)[1:]:
            levels.append(block(functional.max_pool1d(levels[-1], 4)))
        x = self.drop(levels.pop())
        for block in self.up:
            x = functional.interpolate(x, scale_factor=4.0)
            x = block(torch.cat([x, levels.pop()], 1))
        logits: torch.Tensor = self.head(x)
        return logits


class Tcn(nn.Module):
    """Causal TCN with weight norm and dropout; logits (B, T)."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.gain = gain
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 1)
        self.layers = nn.ModuleList(
            norm(nn.Conv1d(WIDTH, WIDTH, 7, dilation=4**power)) for power in range(4)
        )
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv1d(WIDTH, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for power, layer in enumerate(self.layers):
            padded = functional.pad(x, (6 * 4**power, 0))
            x = x + self.drop(functional.relu(layer(padded)))
        logits: torch.Tensor = self.gain * self.head(x)
        return logits[:, 0]


def loud_tcn() -> nn.Module:
    """Make a TCN that begins at a loss of about 100."""
    model = Tcn()
    with torch.no_grad():
        model.head.weight.mul_(600)
    return model


class DilatedCnn(nn.Module):
    """Dilated CNN with group norm and two logits; (B, 2, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 8, stride=4, padding=2)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(WIDTH, WIDTH, 3, padding=d, dilation=d),
                nn.GroupNorm(4, WIDTH),
                nn.ELU(),
            )
            for d in (1, 2, 4, 8)
        )
        self.head = nn.ConvTranspose1d(WIDTH, 2, 4, stride=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = x + layer(x)
        logits: torch.Tensor = self.head(x)
        return logits


class Gru(nn.Module):
    """GRU over frames of 1/4 s, both ways; logits (B, T, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(N_CHANNELS, WIDTH, 64, stride=64)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * WIDTH, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = functional.relu(self.frames(x)).transpose(1, 2)
        logits: torch.Tensor = self.head(self.gru(frames)[0])
        return logits.flatten(1).unsqueeze(-1)


class CausalGru(Gru):
    """The same, one way only."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(WIDTH, 2 * WIDTH, batch_first=True)


class Transformer(nn.Module):
    """Transformer over patches of 1/2 s with learned positions; logits (B, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv1d(N_CHANNELS, 32, 128, stride=128)
        self.positions = nn.Parameter(0.02 * torch.randn(1, N_TIMES // 128, 32))
        layer = nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.1, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).transpose(1, 2)
        tokens = self.layers(tokens + self.positions[:, : tokens.shape[1]])
        logits: torch.Tensor = self.head(tokens)
        return logits.flatten(1)


class EegNet(nn.Module):
    """EEGNet's layers, two classes a window, (B, 2); its linear layer fixes the length."""

    def __init__(self) -> None:
        super().__init__()
        self.temporal = nn.Conv2d(1, 4, (1, 65), padding=(0, 32), bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.spatial = nn.Conv2d(4, 8, (N_CHANNELS, 1), groups=4, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, (1, 17), padding=(0, 8), groups=8, bias=False)
        self.point = nn.Conv2d(8, 8, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.25)
        self.head = nn.Linear(8 * (N_TIMES // 4 // 64), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Every fourth sample, for speed.
        x = self.norm1(self.temporal(x[:, None, :, ::4]))
        x = functional.elu(self.norm2(self.spatial(x)))
        x = self.drop(functional.avg_pool2d(x, (1, 8)))
        x = functional.elu(self.norm3(self.point(self.depth(x))))
        x = self.drop(functional.avg_pool2d(x, (1, 8)))
        logits: torch.Tensor = self.head(x.flatten(1))
        return logits


class WindowClassifier(nn.Module):
    """Convolutions and a mean over time; one logit a window, (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(N_CHANNELS, WIDTH, 9, stride=4),
            nn.ReLU(),
            nn.Conv1d(WIDTH, WIDTH, 9, stride=4),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
        )
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.layers(x)[..., 0])
        return logits[:, 0]


class NumpyDetector:
    """Line length against a threshold, channels weighted; numpy in and out."""

    def __call__(self, x: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Map (n_windows, 19, n_times) to scores (n_windows, n_times)."""
        signals = x.detach().numpy().astype(np.float64)
        weights = np.linspace(1, 2, N_CHANNELS)
        steps = np.abs(np.diff(signals, axis=-1, prepend=signals[..., :1]))
        total = np.cumsum(np.einsum("c,nct->nt", weights, steps), axis=-1)
        shifted = np.pad(total, ((0, 0), (SFREQ, 0)))[:, : total.shape[1]]
        scores: np.ndarray[Any, np.dtype[np.float64]]
        scores = np.log(total - shifted + 1e-3) - 7
        return scores


class ZeroHead(Base):
    """The base with a head that begins at zero, and blocks that begin as identity."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.head.weight)
        nn.init.constant_(self.head.bias, -2.0)  # type: ignore[arg-type]
        self.gains = nn.Parameter(torch.zeros(len(self.body)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.stem(x))
        for gain, layer in zip(self.gains, self.body, strict=True):
            x = x + gain * functional.gelu(layer(x))
        return x


class WithExtras(Base):
    """The base, which returns a dict with its features beside the logits."""

    def forward(self, x: torch.Tensor) -> Any:
        features = self.features(x)
        return {"features": features, "logits": self.head(features)[:, 0]}


class Standardising(Base):
    """The base behind a standardisation of each window by its own statistics."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return super().features((x - mean) / (deviation + 1e-6))


class DeepSigmoids(nn.Module):
    """Six layers of tanh, an old-fashioned net that learns slowly; (B, T, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 16, stride=16)
        self.layers = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, 3, padding=1) for _ in range(6)
        )
        self.head = nn.ConvTranspose1d(WIDTH, 2, 16, stride=16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        logits: torch.Tensor = self.head(x)
        return logits.transpose(1, 2)


class Spectral(nn.Module):
    """Log band power of a short-time Fourier transform and a linear layer; (B, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.taper: torch.Tensor
        self.register_buffer("taper", torch.hann_window(SFREQ))
        self.norm = nn.LayerNorm(N_CHANNELS * 30)
        self.head = nn.Linear(N_CHANNELS * 30, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n_windows, n_channels, n_times = x.shape
        spectrum = torch.stft(
            x.flatten(0, 1), SFREQ, SFREQ // 4, window=self.taper, return_complex=True
        )
        power = (spectrum[:, 1:31].abs().square() + 1e-3).log()
        power = power.reshape(n_windows, n_channels * 30, -1).transpose(1, 2)
        scores = self.head(self.norm(power)).transpose(1, 2)
        return functional.interpolate(scores, n_times, mode="linear")[:, 0]


def focal(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    plain = bce(logits, labels, reduction="none")
    return ((1 - torch.exp(-plain)) ** 2 * plain).mean()


def dice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    p = logits.sigmoid()
    return 1 - (2 * (p * labels).sum() + 1) / (p.sum() + labels.sum() + 1)


def smoothed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits, labels * 0.8 + 0.1)


def weighted(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits, labels, pos_weight=torch.tensor(8.0))


def brier(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (logits.sigmoid() - labels).square().mean()


def two_class(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, labels)


def make_clipped_step(model: nn.Module) -> Any:
    """Make a step with SGD, clipped gradients, a schedule, and zero_grad at the end."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 5))

    def step(signals: torch.Tensor, labels: torch.Tensor) -> None:
        value = dice(model(signals), labels) + bce(model(signals), labels)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

    return step


def plain_step(model: nn.Module, signals: torch.Tensor, labels: torch.Tensor) -> float:
    """Take one step of gradient descent, with an optimizer that is made each time."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    optimizer.zero_grad()
    value = two_class(model(signals), labels)
    value.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(value)


def augmented(signals: torch.Tensor) -> torch.Tensor:
    gain = 0.7 + 0.6 * torch.rand(len(signals), 1, 1)
    noise = torch.randn_like(signals) * signals.std(-1, keepdim=True)
    return gain * signals + 0.3 * noise


def make_shuffling_step(model: nn.Module) -> Any:
    """Make a step that shuffles and shifts clips, and their labels with them."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> float:
        order = torch.randperm(len(signals))
        lag = int(torch.randint(signals.shape[-1], (1,)))
        optimizer.zero_grad()
        logits = model(signals[order].roll(lag, -1))
        value = bce(logits, labels[order].roll(lag, -1))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(value.detach())

    return step


def make_plain_sgd_step(model: nn.Module) -> Any:
    """Make a step with momentum at a low rate, which rounding of float32 swallows."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> float:
        optimizer.zero_grad()
        value = bce(model(signals)[:, 0], labels)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(value.detach())

    return step


HEALTHY = (
    Entry(name="U-Net, batch norm", make=UNet),
    Entry(name="TCN, causal, weight norm", make=Tcn),
    Entry(name="TCN that starts at a loss of 100", make=loud_tcn),
    Entry(name="dilated CNN, two classes", make=DilatedCnn),
    Entry(name="GRU, both ways", make=Gru),
    Entry(name="GRU, one way", make=CausalGru),
    Entry(name="transformer", make=Transformer),
    Entry(name="EEGNet-like, fixed length", make=EegNet),
    Entry(name="window classifier", make=WindowClassifier),
    Entry(name="numpy detector", make=NumpyDetector),
    Entry(name="head that starts at zero", make=ZeroHead),
    Entry(name="dict with features", make=WithExtras),
    Entry(name="standardises each window", make=Standardising),
    Entry(name="deep tanh net", make=DeepSigmoids),
    Entry(name="spectral features, linear", make=Spectral),
    Entry(name="plain CNN", make=Base),
    Entry(name="focal loss", make=Base, options={"loss": focal}),
    Entry(name="dice loss", make=Base, options={"loss": dice}),
    Entry(name="smoothed labels", make=Base, options={"loss": smoothed}),
    Entry(name="weighted loss", make=Base, options={"loss": weighted}),
    Entry(name="Brier loss", make=Base, options={"loss": brier}),
    Entry(name="Adam step", make=Base, options={"step": step_maker()}),
    Entry(name="slow Adam step", make=Base, options={"step": step_maker(rate=1e-5)}),
    Entry(name="clipped SGD step", make=Base, options={"step": make_clipped_step}),
    Entry(
        name="augmenting step",
        make=Base,
        options={"step": step_maker(signals_of=augmented)},
    ),
    Entry(
        name="step that shuffles and shifts",
        make=Base,
        options={"step": make_shuffling_step},
    ),
    Entry(
        name="plain SGD step, biases before norms",
        make=UNet,
        options={"step": make_plain_sgd_step},
    ),
    Entry(
        name="two classes with step",
        make=DilatedCnn,
        options={"step": plain_step, "loss": two_class},
    ),
    Entry(
        name="windows with step",
        make=WindowClassifier,
        options={"step": step_maker(), "loss": bce},
    ),
)  # fmt: skip
