"""The detector under test, wrapped in its contract and shared by all checks.

Invariant: each check starts with the model in its initial state and the generators
seeded, and its changes to the model are undone before the next check. Nothing that a
check caches here changes the verdict of another check.
"""

from __future__ import annotations

import copy
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from bgb_fixtures.smoke.budget import Budget
from bgb_fixtures.smoke.clips import (
    N_CLIPS,
    Clips,
    choose_clips,
    choose_windows,
    clip_lengths,
)
from bgb_fixtures.smoke.contract import Contract, find_contract, has_lazy_parameters
from bgb_fixtures.smoke.limits import TimeLimitExceeded
from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.snapshot import ModelSnapshot, set_seed
from bgb_fixtures.smoke.warmup import WarmUp, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.smoke.options import Declaration
    from bgb_fixtures.smoke.output import OutputContract

__all__ = ["Detector"]

LARGE = 20_000_000
"""Number of parameters from which a pass in one thread takes seconds."""
SMALL_S = 0.3
"""Seconds for three windows in one thread, below which more threads are not tried."""


class Detector:
    """A model with its contract, and the windows and clips for its input.

    If `device` is None, the device of the model's parameters is used. If `loss` is
    None, it is binary cross-entropy with equal weight for both classes. `can_train` is
    False if a training step is known to hang.
    """

    def __init__(
        self,
        model: Any,
        *,
        fixture: Fixture,
        declared: Declaration,
        device: torch.device | None = None,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
        step: Callable[..., Any] | None = None,
        make_model: Callable[[], Any] | None = None,
        seed: int = 0,
        time_limit: float = 30.0,
        can_train: bool = True,
    ) -> None:
        # Lazy layers get their shape in a copy, so that the user's model is not
        # changed.
        self.is_lazy = has_lazy_parameters(model)
        self.model = copy.deepcopy(model) if self.is_lazy else model
        self.fixture = fixture
        self.declared = declared
        self.user_loss = loss
        self.user_step = step
        self.make_model = make_model
        self.seed = seed
        tensors = [*model.parameters(), *model.buffers()] if self.is_module else []
        self.device = device or (tensors[0].device if tensors else torch.device("cpu"))
        floating = [tensor.dtype for tensor in tensors if tensor.is_floating_point()]
        self.dtype = floating[0] if floating else torch.float32
        self.contract: Contract | None = None
        self.clip_length = 0
        self.budget = Budget(
            time_limit=time_limit, n_parameters=sum(t.numel() for t in self._sized)
        )
        self._clip_steps: int | None = None
        self._can_train = can_train
        self._warm: WarmUp | None = None
        self.initial = ModelSnapshot(self.model)

    # Properties of the model.

    @property
    def is_module(self) -> bool:
        """Whether the model is a torch module."""
        return isinstance(self.model, nn.Module)

    @property
    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that require a gradient, by name."""
        if not self.is_module:
            return {}
        return {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }

    @property
    def _sized(self) -> list[torch.Tensor]:
        """The parameters that have a shape already."""
        parameters = self.model.parameters() if self.is_module else ()
        return [item for item in parameters if not is_lazy(item)]

    @property
    def frozen(self) -> list[str]:
        """Names of the parameters that require no gradient."""
        if not self.is_module:
            return []
        named = self.model.named_parameters()
        return [name for name, parameter in named if not parameter.requires_grad]

    @property
    def hookable(self) -> list[nn.Module]:
        """The modules that a hook can watch: those that are not TorchScript."""
        modules = self.model.modules() if self.is_module else ()
        return [m for m in modules if not isinstance(m, torch.jit.ScriptModule)]

    @property
    def quantised(self) -> list[nn.Module]:
        """The modules with quantised weights, which have no gradients."""
        modules = self.model.modules() if self.is_module else ()
        return [m for m in modules if ".quantized" in type(m).__module__]

    def why_no_gradients(self) -> str:
        """Return why this model cannot have gradients; empty if it can."""
        if not self.is_module or not list(self.model.parameters()):
            return "the model has no parameters to train"
        if self.quantised:
            kinds = ", ".join(sorted({type(m).__name__ for m in self.quantised}))
            return f"quantised modules have no gradients ({kinds})"
        if self.output.is_numpy:
            return "the output is a numpy array, which has no gradients"
        return ""

    def need_gradients(self) -> None:
        """Skip the check if this model cannot have gradients."""
        reason = self.why_no_gradients()
        if reason:
            raise Skipped(reason)

    def need_training(self) -> None:
        """Skip the check if a training step is known to hang."""
        if not self._can_train:
            msg = "not checked: a training step does not return"
            raise Skipped(msg, cause="gradients")

    # Input.

    @property
    def n_times(self) -> int:
        """Samples per window; if the input is patches, those in whole patches only."""
        n_times = int(self.fixture.signals.shape[2])
        return n_times if self.contract is None else self.contract.layout.whole(n_times)

    @cached_property
    def windows(self) -> Clips:
        """Three windows: one partly ictal, one seizure-free, one with a seizure."""
        rows = choose_windows(self.fixture.labels)
        labels = torch.from_numpy(self.fixture.labels[rows, : self.n_times])
        reduced = self.output.reduce_labels(labels, None)
        return self._move(self.fixture.signals[rows, :, : self.n_times], reduced)

    @cached_property
    def clips(self) -> Clips:
        """A few clips to learn from, as short as the model allows; fewer if slow."""
        length = self.clip_length
        per_clip = 2 if self.output.per_window else 1
        n_clips = self.budget.n_clips((N_CLIPS, 2, 1), per_clip=per_clip)
        places = choose_clips(
            self.fixture.labels,
            length=length,
            per_window=self.output.per_window,
            n_clips=n_clips,
            name=str(self.fixture.path),
        )
        signals = [self.fixture.signals[row, :, at : at + length] for row, at in places]
        labels = [self.fixture.labels[row, at : at + length] for row, at in places]
        reduced = self.output.reduce_labels(
            torch.from_numpy(np.stack(labels)), self._clip_steps
        )
        return self._move(np.stack(signals), reduced)

    def _move(self, signals: npt.NDArray[np.float32], labels: torch.Tensor) -> Clips:
        return Clips(
            signals=torch.from_numpy(signals).to(self.device, self.dtype),
            labels=labels.to(self.device, torch.float32),
        )

    def seconds(self, n_times: int) -> str:
        """Format a number of samples as seconds, with the unit."""
        return f"{n_times / self.fixture.sfreq:g} s"

    def step_seconds(self, clips: Clips) -> float:
        """Return the duration of one label in seconds."""
        n_times = clips.signals.shape[2]
        n_steps = 1 if self.output.per_window else clips.labels.shape[1]
        return n_times / n_steps / self.fixture.sfreq

    # Parts of the input that fit into the time limit.

    def whole(self, *, passes: int, least: int = 1) -> torch.Tensor:
        """Return up to three whole windows, as many as `passes` allow in the time."""
        self.known_contract()
        each_s = self.budget.window_s
        n_rows = self.budget.n_rows(passes, least=least, each_s=each_s)
        return self.windows.signals[:n_rows]

    def probe(self, *, passes: int, least: int = 1) -> torch.Tensor:
        """Return up to three clips, as many as `passes` allow in the time."""
        self.known_contract()
        each_s = self.budget.clip_s
        n_rows = self.budget.n_rows(passes, least=least, each_s=each_s)
        return self.windows.signals[:n_rows, :, : self.clip_length]

    # States of the model.

    def reset(self) -> None:
        """Restore the initial state of the model and seed the generators."""
        self.initial.restore()
        set_seed(self.seed)

    def reset_warm(self) -> None:
        """Set the model to its state after a few training steps, if available.

        A head that is initialised to zero is healthy, but has no effect before the
        first step. A network whose ReLUs happen to die in these steps is judged in its
        initial state.
        """
        try:
            warm = self.warm
        except Skipped:
            warm = WarmUp()
        self.reset()
        if warm.state is not None and not warm.ignores_input:
            warm.state.restore()

    def mode(self, *, train: bool) -> None:
        """Set training or eval mode if the model is a torch module."""
        if self.is_module:
            self.model.train(train)

    # Contract of the model.

    def find_contract(self) -> Contract:
        """Detect the input and output of the model, and measure the time of a pass."""
        self.reset()
        self.mode(train=False)
        rows = choose_windows(self.fixture.labels)
        signals = torch.from_numpy(self.fixture.signals[rows])
        signals = signals.to(self.device, self.dtype)
        threads = torch.get_num_threads()
        # A large model needs all threads from the first pass.
        is_large = sum(tensor.numel() for tensor in self._sized) > LARGE
        torch.set_num_threads(threads if is_large else 1)
        start = perf_counter()
        with torch.no_grad():
            contract = find_contract(
                self.model,
                signals,
                declared=self.declared,
                sfreq=self.fixture.sfreq,
                undo=self.reset,
            )
            one_s = perf_counter() - start
            # Set this early: if the check times out from here on, the model is slow,
            # not hanging.
            self.contract = contract
            self.budget.window_s = one_s / len(signals)
            signals = signals[:, :, : contract.layout.whole(signals.shape[2])]
            if self.is_lazy:
                contract.run(self.model, signals)
                self.initial = ModelSnapshot(self.model)
            taken = self._choose_threads(contract, signals, threads, one_s=one_s)
        self.budget.window_s = taken / len(signals)
        self._find_clip_length()
        return contract

    def _choose_threads(
        self, contract: Contract, signals: torch.Tensor, threads: int, *, one_s: float
    ) -> float:
        """Set torch to one thread if that is fast enough, or faster; return the time.

        The threads of a small model wait for each other. With other processes on two
        cores, two threads took 28 s for a run that took 2 s in one thread.
        """
        if one_s <= SMALL_S / 4:
            return one_s
        if self.budget.is_slow:
            torch.set_num_threads(threads)
            return one_s
        # The first pass may include compilation, or have tried several layouts.
        torch.set_num_threads(1 if one_s <= SMALL_S else threads)
        start = perf_counter()
        contract.run(self.model, signals)
        again_s = perf_counter() - start
        if again_s > one_s:
            torch.set_num_threads(1)
        return min(again_s, one_s)

    def _find_clip_length(self) -> None:
        """Find the shortest clip, among the lengths to try, that the model accepts."""
        self.reset()
        self.mode(train=False)
        output = self.output
        multiple = self.known_contract().layout.patch or round(output.step)
        budget = self.budget
        self.clip_length, budget.clip_s = self.n_times, budget.window_s
        if budget.is_slow:
            return
        for length in clip_lengths(self.n_times, multiple=multiple):
            signals = self.windows.signals[:, :, :length]
            start = perf_counter()
            try:
                with torch.no_grad():
                    logits = self.forward(signals)
            except Exception:  # noqa: BLE001, S112 - whatever a model raises
                continue
            taken = perf_counter() - start
            if taken > SMALL_S / 4:
                # The first pass with a new length may include compilation.
                start = perf_counter()
                self.scores(signals)
                taken = min(taken, perf_counter() - start)
            self.clip_length, budget.clip_s = length, taken / len(signals)
            if not output.per_window:
                self._clip_steps = int(logits.shape[output.time_axis])
            return

    def known_contract(self) -> Contract:
        """Return the contract; skip the check if it was not found."""
        if self.contract is None:
            msg = "needs the shape of the output, which is unknown"
            raise Skipped(msg)
        return self.contract

    @property
    def output(self) -> OutputContract:
        """The output contract; skip the check if the contract was not found."""
        return self.known_contract().output

    # Output.

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the logits, with all their axes, for windows (B, C, T)."""
        contract = self.known_contract()
        logits = contract.output.pick(contract.run(self.model, signals.clone()))
        contract.output.check_shape(
            logits, n_windows=signals.shape[0], n_times=signals.shape[2]
        )
        return logits

    def scores(self, signals: torch.Tensor) -> torch.Tensor:
        """Return float64 log odds of a seizure, (B, n_steps) or (B,), without graph."""
        with torch.no_grad():
            return self.output.scores(self.forward(signals)).double()

    def effect(self, signals: torch.Tensor) -> float:
        """Return how much other input changes the scores, relative to their RMS.

        The other input is the same windows in another order and reversed in time.
        """
        scores = self.scores(signals)
        change = scores - self.scores(signals.roll(1, dims=0).flip(-1))
        size = float(scores.square().mean().sqrt())
        return float(change.square().mean().sqrt()) / max(size, 1e-30)

    def ignores_input(self, signals: torch.Tensor) -> bool:
        """Return whether the scores do not depend on the input."""
        return self.effect(signals) <= 1e-6

    def targets(self, labels: torch.Tensor) -> torch.Tensor:
        """Return labels in the form for a loss: class indices if there are classes."""
        output = self.output
        if output.n_classes == 1:
            return labels
        ictal = output.positive[0]
        rest = (i for i in range(output.n_classes) if i not in output.positive)
        return torch.where(labels > 0.5, ictal, next(rest, ictal))

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss: the user's, or the balanced cross-entropy."""
        if self.user_loss is not None:
            value: Any = self.user_loss(logits, self.targets(labels))
            if not isinstance(value, torch.Tensor):
                msg = f"the loss gives {type(value).__name__}; expected a tensor"
                raise Failed(msg)
            if value.numel() != 1:
                shape = tuple(value.shape)
                msg = f"the loss gives shape {shape}; expected one number"
                raise Failed(msg)
            return value
        scores = self.output.scores(logits)
        # Cross-entropy overflows in float16 where it does not in float32.
        scores = scores if scores.dtype == torch.float64 else scores.float()
        share = labels.mean().clamp(1e-3, 1 - 1e-3)
        weight = torch.where(labels > 0.5, 0.5 / share, 0.5 / (1 - share))
        return nn.functional.binary_cross_entropy_with_logits(
            scores, labels.to(scores.dtype), weight.to(scores.dtype)
        )

    # Training.

    @property
    def warm(self) -> WarmUp:
        """Result of a few training steps, run once; skip the check if they hang."""
        self.need_training()
        if self._warm is None:
            try:
                self._warm = warm_up(self)
            except TimeLimitExceeded:
                self._can_train = False
                raise
        return self._warm

    def forget_gradients(self) -> None:
        """Clear the gradients of all parameters."""
        for parameter in self.model.parameters():
            parameter.grad = None
