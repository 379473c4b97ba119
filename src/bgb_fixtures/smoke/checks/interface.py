"""Checks of the model that the factory returns, and of its input and output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.parameter import is_lazy

from bgb_fixtures.eeg.montage import MONTAGES, proper_rows, resolve_montage
from bgb_fixtures.errors import SourceError
from bgb_fixtures.smoke.checks.measure import check_finite
from bgb_fixtures.smoke.contract import Unfit, find_contract
from bgb_fixtures.smoke.limits import Deadline
from bgb_fixtures.smoke.optimizer import RelativeAdam
from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.smoke.detector import Detector

__all__ = ["build", "finite", "logits", "shape"]

MAX_CHANNELS = 32
LENGTHS_S = (1, 2, 4, 5, 8, 10, 12, 15, 20, 30)
PUSHES = 60
"""Maximum training steps to move an output of one sign to the other side of zero."""
SUM_SLACK = 1e-3
"""Largest difference from 1 of a sum of probabilities in float32."""


def build(detector: Detector) -> str:
    """Describe what the factory returned."""
    model = detector.model
    if not callable(model):
        msg = f"got {type(model).__name__}, which cannot be called"
        raise Failed(msg)
    if not detector.is_module:
        return f"{type(model).__name__}, a callable without parameters"
    parameters = list(model.parameters())
    kind = str(detector.dtype).removeprefix("torch.")
    name = type(model).__name__
    n_lazy = sum(map(is_lazy, parameters))
    if n_lazy:
        return (
            f"{name}, {n_lazy} of {len(parameters)} parameter tensors take their "
            f"shape from the first window (lazy modules), {kind}"
        )
    n_trainable = sum(parameter.numel() for parameter in detector.trainable.values())
    n_all = sum(parameter.numel() for parameter in parameters)
    return f"{name}, {n_trainable} of {n_all} parameters trainable, {kind}"


def shape(detector: Detector) -> str:
    """Detect the layout of the input and of the output."""
    try:
        return str(detector.find_contract())
    except Failed as failed:
        hint = _channels_taken(detector) or _length_taken(detector)
        if not hint:
            raise
        reason = failed.without_advice if isinstance(failed, Unfit) else failed.reason
        msg = f"{hint}; {reason}"
        raise Failed(msg, place=failed.place) from failed


def _runs(detector: Detector, signals: torch.Tensor) -> bool:
    """Return whether the model gives logits for windows of another shape."""
    detector.reset()
    detector.mode(train=False)
    try:
        with torch.no_grad():
            find_contract(
                detector.model,
                signals.to(detector.device, detector.dtype),
                declared=detector.declared,
                sfreq=detector.fixture.sfreq,
                undo=detector.reset,
                advise=False,
            )
    except Exception:  # noqa: BLE001 - it is a question
        return False
    return True


def _channels_taken(detector: Detector) -> str:
    """Return a sentence with the number of channels that the model accepts, or ""."""
    signals = torch.from_numpy(
        detector.fixture.signals[[0, 1, 2][: len(detector.fixture)]]
    )
    n_there = signals.shape[1]
    for n_channels in range(1, MAX_CHANNELS + 1):
        index = torch.arange(n_channels) % n_there
        if n_channels != n_there and _runs(detector, signals[:, index]):
            montages = " or ".join(_montages(detector.fixture, n_channels))
            such_as = f", such as {montages}" if montages else ""
            return (
                f"it accepts {n_channels} channels, but this fixture has {n_there}: pass "
                f"--montage with {n_channels} rows{such_as}, or --fixture with another "
                "fixture (in Python Fixture.adapt, or fixture=...)"
            )
    return ""


def _montages(fixture: Fixture, n_rows: int) -> Iterator[str]:
    """Yield the montages with this many rows that can be computed from a fixture."""
    own = proper_rows(fixture.ch_names)
    for name, rows in MONTAGES.items():
        if len(rows) == n_rows:
            try:
                resolve_montage(own, name, where="", what="fixture")
            except SourceError:
                continue
            yield name


def _length_taken(detector: Detector) -> str:
    """Return a sentence with the shorter window that the model accepts, or ""."""
    fixture = detector.fixture
    signals = torch.from_numpy(fixture.signals[[0, 1, 2][: len(fixture)]])
    there = signals.shape[2] / fixture.sfreq
    for seconds in LENGTHS_S:
        n_times = round(seconds * fixture.sfreq)
        if seconds < there and _runs(detector, signals[:, :, :n_times]):
            return (
                f"it accepts windows of {seconds} s, but this fixture has {there:g} s: "
                f"pass --window-length {seconds} (in Python Fixture.adapt)"
            )
    return ""


def finite(detector: Detector) -> str:
    """Check output and loss for NaN and Inf, in training and eval mode."""
    signals = detector.whole(passes=2)
    for train in (False, True):
        detector.reset()
        # Batch norm in training mode needs more than one value.
        shown = signals if not train or len(signals) > 1 else signals.repeat(2, 1, 1)
        detector.mode(train=train)
        mode = "training mode" if train else "eval mode"
        logits = check_finite(detector, shown, f"whole windows in {mode}")
        if not train:
            output = logits
    labels = detector.windows.labels[: len(signals)]
    loss = float(detector.loss(output, labels).detach())
    if not abs(loss) < float("inf"):
        msg = f"the loss of a finite output is {loss}"
        raise Failed(msg)
    values = detector.output.scores(output)
    return (
        f"loss {loss:.3g} at the start, scores {float(values.min()):.3g} to "
        f"{float(values.max()):.3g}"
    )


@dataclass
class _Range:
    """The range of the outputs, and what it indicates."""

    is_single: bool
    """Whether there is one class; of several, only the differences matter."""
    low: float = math.inf
    high: float = -math.inf

    def add(self, outputs: torch.Tensor) -> None:
        """Extend the range."""
        low, high = torch.aminmax(outputs.detach())
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))

    @property
    def is_probabilities(self) -> bool:
        """Whether all outputs are in [0, 1]."""
        return self.low >= 0 and self.high <= 1 + 1e-6

    def is_suspicious(self) -> bool:
        """Return whether logits would be expected to have a wider range."""
        one_sided = self.low >= 0 or self.high <= 0
        return one_sided if self.is_single else self.is_probabilities

    def __str__(self) -> str:
        return f"outputs lie in [{self.low:.3g}, {self.high:.3g}]"


def logits(detector: Detector) -> str:
    """Check whether the output is normalised, or stays on one side of zero."""
    signals = detector.probe(passes=4, least=2)
    detector.reset_warm()
    detector.mode(train=False)
    seen = _Range(is_single=detector.output.n_classes == 1)
    with torch.no_grad():
        output = detector.forward(signals)
        for item in (output, *map(detector.forward, (signals * 1000, signals * 0))):
            seen.add(item)
    note = _judge_sums(detector, output.double())
    if note or not seen.is_suspicious():
        return note or str(seen)
    can_train = not detector.why_no_gradients() and bool(detector.trainable)
    if can_train:
        _push(detector, signals, seen)
        if not seen.is_suspicious():
            return f"{seen} after some training"
    side = "below" if seen.low >= 0 else "above"
    what = f"never {side} zero, so the answer is always the same"
    if seen.is_probabilities:
        what = "probabilities, not logits; the loss applies the sigmoid a second time"
    if can_train:
        msg = f"{seen}, even when trained to leave that side of zero: {what}"
        raise Failed(msg)
    if seen.is_probabilities:
        msg = f"{seen}: {what}"
        raise Failed(msg)
    return f"not judged, as there are no parameters to train: {seen}: {what}"


def _judge_sums(detector: Detector, output: torch.Tensor) -> str:
    """Fail if the output is normalised over an axis, or return an accepted reason."""
    slack = max(SUM_SLACK, 16 * torch.finfo(detector.dtype).eps)
    names = {
        "B": "the windows of the batch",
        "K": "the classes",
        "T": "time",
        "S": "the steps in time",
    }
    axes = detector.output.axes
    for letter in (letter for letter in "KTSB" if letter in axes):
        axis = axes.index(letter)
        if output.shape[axis] < 2:
            continue
        where = f"over {names[letter]} (axis {axis})"
        sums = output.sum(axis)
        if float(output.min()) >= 0 and float((sums - 1).abs().max()) < slack:
            msg = (
                f"outputs sum to 1 {where}: a softmax, so probabilities and not logits"
            )
            if letter != "K":
                msg += ", over the wrong axis"
            raise Failed(msg)
        logs = torch.logsumexp(output, axis)
        if float(output.max()) <= slack and float(logs.abs().max()) < slack:
            if letter == "K":
                return (
                    f"log-probabilities {where}: right for NLLLoss, and CrossEntropyLoss "
                    "leaves them as they are"
                )
            msg = f"exponentials sum to 1 {where}: a log-softmax over the wrong axis"
            raise Failed(msg)
    return ""


def _push(detector: Detector, signals: torch.Tensor, seen: _Range) -> None:
    """Train the output to cross zero.

    A healthy model may score a few windows on one side of zero, but can learn a bias.
    """
    sign = 1 if seen.low >= 0 else -1
    detector.mode(train=True)
    optimizer = RelativeAdam(detector.model, rate=0.05)
    deadline = Deadline(detector.budget.long_s)
    for n_pushes in range(PUSHES):
        if deadline.is_over:
            step_s = deadline.spent / n_pushes
            detector.budget.skip("training step", PUSHES, step_s, deadline.seconds)
        output = detector.forward(signals)
        seen.add(output)
        if not seen.is_suspicious() or not output.requires_grad:
            return
        # For several classes, any value outside of [0, 1] is enough.
        (sign * output.float().mean()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
