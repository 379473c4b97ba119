"""Detectors with one fault, which shows without a loss or training step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from smoke_gallery.entry import N_CHANNELS, N_TIMES, SFREQ, WIDTH, Base, Entry
from smoke_gallery.interfaces import OneChannelImage, Patches, PerSecond, TimeFirst

__all__ = ["MODEL_FAULTS"]


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


class DeadBranch(Base):
    """The base in parallel with a branch whose ReLU is always zero."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Conv1d(WIDTH, WIDTH, 1)
        nn.init.constant_(self.branch.bias, -1e4)  # type: ignore[arg-type]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = super().features(x)
        return x + functional.relu(self.branch(x))


class UnusedDecoder(Base):
    """A decoder and a mask token from pretraining, which the detector does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, WIDTH))
        self.decoder = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 64))


class FrozenFilters(Base):
    """Constant filters, stored as a frozen parameter."""

    def __init__(self) -> None:
        super().__init__()
        eye = torch.eye(N_CHANNELS)[..., None]
        self.filters = nn.Parameter(eye, requires_grad=False)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(functional.conv1d(x, self.filters))


class VoltsForMicrovolts(Base):
    """Weights that expect microvolts, after a conversion to volts."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x * 1e-6)


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


class LogSoftmaxOverTime(Base):
    """Two classes, (B, 2, T), normalised over the time axis."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = super().forward(x)
        return torch.stack([-score, score], 1).log_softmax(-1)


class SigmoidOfTwo(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = super().forward(x)
        return torch.stack([-score, score], 1).sigmoid()


class SigmoidOfImage(OneChannelImage):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).sigmoid()


class SoftmaxOverWindows(nn.Module):
    """One score per window, normalised over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(N_CHANNELS, 1, 15, stride=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.conv(x)
        return scores.abs().mean((1, 2)).softmax(0)


class WrongLength(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, :-7]


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


class SecondsLate(PerSecond):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).roll(4, -1)


class TimeFirstReversed(TimeFirst):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).flip(-1)


class PatchesAveraged(Patches):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.mean(1, keepdim=True).expand_as(x))


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


class CannotLearn(Base):
    """Scores that are an extremely oscillating function of the logits, by a bug."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = super().forward(x)
        return 1e-3 * torch.sin(1e4 * logits)


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


MODEL_FAULTS = (
    Entry(name="constant output", make=ConstantOutput, found_by="windows"),
    Entry(name="dead ReLU", make=DeadRelu, found_by="windows", says="the input has no"),
    Entry(name="norm statistics not updated", make=StatisticsNeverUpdated,
          found_by="windows", says="unlike in training mode"),
    Entry(name="features detached", make=DetachedFeatures, found_by="gradients"),
    Entry(name="forward under no_grad", make=NoGradForward, found_by="gradients"),
    Entry(name="frozen layer", make=FrozenLayer, found_by="gradients", says="frozen"),
    Entry(name="frozen filters", make=FrozenFilters, found_by="gradients",
          says="1 of 11 parameters are frozen"),
    Entry(name="unused layer", make=UnusedLayer, found_by="gradients"),
    Entry(name="unused decoder and mask token", make=UnusedDecoder, found_by="gradients",
          says="5 of 15 parameters have no gradient"),
    Entry(name="dead ReLU in a branch", make=DeadBranch, found_by="gradients"),
    Entry(name="gradient of sqrt(0)", make=RootOfZero, found_by="gradients"),
    Entry(name="raises in backward", make=RaisesInBackward, found_by="gradients"),
    Entry(name="volts for microvolts", make=VoltsForMicrovolts, found_by="scale",
          says="do the weights expect microvolts?"),
    Entry(name="NaN at large input", make=NanAtLargeInput, found_by="scale"),
    Entry(name="NaN at a flat channel", make=NanAtFlatChannel, found_by="scale"),
    Entry(name="Inf inside", make=InfinityInside, found_by="finite"),
    Entry(name="mean over the batch in eval", make=BatchMeanLeaks, found_by="batch"),
    Entry(name="batch statistics in eval", make=BatchStatisticsInEval, found_by="batch"),
    Entry(name="softmax over the batch", make=SoftmaxOverBatch, found_by="batch"),
    Entry(name="softmax of scores over the batch", make=SoftmaxOverWindows,
          found_by="batch"),
    Entry(name="dropout in eval", make=DropoutInEval, found_by="repeat",
          says="random numbers are drawn in eval mode"),
    Entry(name="noise in eval", make=NoiseInEval, found_by="repeat"),
    Entry(name="state kept across calls", make=StateAcrossCalls, found_by="repeat",
          says="keeps state between calls"),
    Entry(name="writes into its input", make=WritesIntoInput, found_by="repeat"),
    Entry(name="sigmoid at the end", make=SigmoidAtTheEnd, found_by="logits"),
    Entry(name="sigmoid of two classes", make=SigmoidOfTwo, found_by="logits"),
    Entry(name="sigmoid, (B, 1, C, T)", make=SigmoidOfImage, found_by="logits"),
    Entry(name="softmax of two classes", make=SoftmaxOfTwo, found_by="logits",
          says="sum to 1 over the classes"),
    Entry(name="softmax over time", make=SoftmaxOverTime, found_by="logits",
          says="sum to 1 over time"),
    Entry(name="log-softmax over time", make=LogSoftmaxOverTime, found_by="logits",
          says="log-softmax over the wrong axis"),
    Entry(name="ReLU at the end", make=ReluAtTheEnd, found_by="logits"),
    Entry(name="output 7 samples short", make=WrongLength, found_by="shape"),
    Entry(name="class numbers, not logits", make=ClassNumbers, found_by="shape"),
    Entry(name="output length fixed", make=FixedLength, found_by="lengths"),
    Entry(name="squeezes a batch of one", make=SqueezesBatch, found_by="single"),
    Entry(name="statistics not saved", make=UnsavedStatistics, found_by="state"),
    Entry(name="projection not saved", make=UnsavedProjection, found_by="state"),
    Entry(name="checkpoint of other names", make=CheckpointOfOtherNames,
          found_by="state"),
    Entry(name="channels averaged away", make=ChannelsAveraged, found_by="channels"),
    Entry(name="channels averaged, patches", make=PatchesAveraged, found_by="channels"),
    Entry(name="three channels dropped", make=ChannelsDropped, found_by="channels"),
    Entry(name="output 4 s late", make=ShiftedOutput, found_by="alignment"),
    Entry(name="output 4 steps of 1 s late", make=SecondsLate, found_by="alignment"),
    Entry(name="output reversed in time", make=ReversedOutput, found_by="alignment"),
    Entry(name="output reversed, (B, T, C)", make=TimeFirstReversed,
          found_by="alignment"),
    Entry(name="reshape for transpose", make=ReshapedNotTransposed,
          found_by="alignment"),
    Entry(name="one answer per window", make=OneAnswerPerWindow, found_by="alignment",
          says="one answer for the whole window"),
    Entry(name="cannot learn", make=CannotLearn, found_by="learns"),
)  # fmt: skip
