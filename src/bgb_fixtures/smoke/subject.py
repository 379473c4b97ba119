"""The model under test with its data: what all checks share.

Invariant: a check finds the model in its first state, with the generators seeded, and
whatever a check does to it is undone before the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bgb_fixtures.smoke.clips import Clips, choose_windows, clip_lengths, cut_clips
from bgb_fixtures.smoke.contract import Contract, find_contract
from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.state import ModelState, set_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.fixture import Fixture

__all__ = ["RelativeAdam", "Subject", "auc"]

WARM_STEPS = 3
SMALL_S = 0.3
"""Seconds for three windows with one thread, for which others are not worth a trial."""


class RelativeAdam:
    """Adam whose steps are a share of each tensor's own size.

    Parameters
    ----------
    model : torch.nn.Module
        Its trainable parameters are stepped.
    rate : float
        Step, as a share of the root mean square of the parameter.

    Notes
    -----
    Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980. Adam does not see the scale of
    the loss; a step relative to the parameter does not see the scale of the weights
    either, so one rate does for models that start at a loss of 0.7 and of 100.
    torch.optim is not used: making its first optimizer imports its compiler, 0.9 s.
    """

    def __init__(self, model: nn.Module, *, rate: float) -> None:
        self._steps = 0
        self._entries = [
            (
                parameter,
                rate * max(float(parameter.detach().square().mean().sqrt()), 0.02),
                torch.zeros_like(parameter),
                torch.zeros_like(parameter),
            )
            for parameter in model.parameters()
            if parameter.requires_grad
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient, and forget the gradient."""
        self._steps += 1
        first, second = 1 - 0.9**self._steps, 1 - 0.99**self._steps
        for parameter, rate, mean, square in self._entries:
            gradient = parameter.grad
            if gradient is None:
                continue
            parameter.grad = None
            # So that neither huge nor tiny gradients leave float32 when squared.
            mean.lerp_(gradient, 0.1)
            square.lerp_(gradient.square(), 0.01)
            root = (square / second).sqrt_().add_(1e-20)
            parameter.sub_(rate / first * mean / root)


def auc(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the probability that an ictal score is above a background score.

    Parameters
    ----------
    scores, labels : torch.Tensor
        Of one shape; labels 0 and 1, both present.

    Returns
    -------
    area : float
        In [0, 1]; 0.5 says that the scores know nothing. Ties count half.
    """
    flat, positive = scores.detach().double().flatten(), labels.flatten() > 0.5
    if not bool(flat.isfinite().all()):
        return 0.0
    _, inverse, counts = torch.unique(flat, return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    rank = (ends - (counts - 1) / 2.0)[inverse]
    n_ictal = int(positive.sum())
    n_background = positive.numel() - n_ictal
    above = float(rank[positive].sum()) - n_ictal * (n_ictal + 1) / 2
    return above / (n_ictal * n_background)


@dataclass
class Warm:
    """What a few training steps did.

    Attributes
    ----------
    losses : list of float
        Before each step.
    gradients : dict
        Name of a parameter -> the largest magnitude of its gradient in any step; NaN if
        one was not finite, 0 if it never had any.
    state : ModelState
        Of the model after the steps.
    """

    losses: list[float] = field(default_factory=list)
    gradients: dict[str, float] = field(default_factory=dict)
    state: ModelState | None = None


class Subject:
    """Hold a model and what it is shown.

    Parameters
    ----------
    model : torch.nn.Module or callable
        The detector.
    fixture : Fixture
        Where the windows come from.
    device : torch.device or None
        Where the windows go; None: where the model's parameters are.
    loss : callable or None
        The user's, or None for binary cross-entropy in which both classes weigh the
        same.
    step : callable or None
        The user's training step.
    make_model : callable or None
        Builds the model anew.
    seed : int
        Set before each check.
    allow_frozen : bool
        Whether parameters may be frozen.
    training : bool
        False if a training step is known never to return.
    """

    def __init__(
        self,
        model: Any,
        *,
        fixture: Fixture,
        device: torch.device | None,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None,
        step: Callable[..., Any] | None,
        make_model: Callable[[], Any] | None,
        seed: int,
        allow_frozen: bool,
        training: bool,
    ) -> None:
        self.model = model
        self.fixture = fixture
        self.user_loss = loss
        self.user_step = step
        self.make_model = make_model
        self.seed = seed
        self.allow_frozen = allow_frozen
        tensors = [*model.parameters(), *model.buffers()] if self.is_module else []
        self.device = device or (tensors[0].device if tensors else torch.device("cpu"))
        floating = [tensor.dtype for tensor in tensors if tensor.is_floating_point()]
        self.dtype = floating[0] if floating else torch.float32
        self.contract: Contract | None = None
        self.found_length: int | None = None
        self._warm: Warm | None = None
        self._warm_tried = not training
        self.seen: list[tuple[float, float]] = []
        self.initial = ModelState(model)

    @property
    def is_module(self) -> bool:
        """Whether the model is a torch module."""
        return isinstance(self.model, nn.Module)

    @property
    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that want a gradient, by name."""
        if not self.is_module:
            return {}
        return {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }

    @cached_property
    def windows(self) -> Clips:
        """Three whole windows: with a seizure in part, without, with."""
        rows = choose_windows(self.fixture)
        return self._move(
            Clips(
                signals=torch.from_numpy(self.fixture.signals[rows]),
                labels=torch.from_numpy(self.fixture.labels[rows]).to(torch.float32),
            )
        )

    @property
    def n_times(self) -> int:
        """Samples of the fixture's windows."""
        return int(self.fixture.signals.shape[2])

    def seconds(self, n_times: int) -> str:
        """Write samples as seconds.

        Parameters
        ----------
        n_times : int
            Samples.

        Returns
        -------
        text : str
            With its unit.
        """
        return f"{n_times / self.fixture.sfreq:g} s"

    def _move(self, clips: Clips) -> Clips:
        return Clips(
            signals=clips.signals.to(self.device, self.dtype),
            labels=clips.labels.to(self.device),
        )

    def reset(self) -> None:
        """Put the model back into its first state and seed the generators."""
        self.initial.restore()
        set_seed(self.seed)

    def reset_warm(self) -> None:
        """Put the model into its state after a few training steps, where it has one.

        A head that starts at zero is healthy: what it does shows only after a step.
        """
        state = self._warm.state if self._warm is not None else None
        self.reset()
        if state is not None:
            state.restore()

    def mode(self, *, train: bool) -> None:
        """Set training or eval mode, where the model has one.

        Parameters
        ----------
        train : bool
            False for eval mode.
        """
        if self.is_module:
            self.model.train(train)

    def find_contract(self) -> Contract:
        """Find out what the model gives; once.

        Returns
        -------
        contract : Contract
            Its output.
        """
        if self.contract is None:
            self.mode(train=False)
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            start = perf_counter()
            with torch.no_grad():
                self.contract = find_contract(self.model, self.windows.signals.clone())
                self._choose_threads(threads, one_s=perf_counter() - start)
        return self.contract

    def _choose_threads(self, threads: int, *, one_s: float) -> None:
        """Leave torch one thread, if that is enough, or faster than all of them.

        The threads of a small model wait for each other. Beside other processes on two
        cores, two of them took 28 s for a run that one did in 2 s.
        """
        if threads == 1 or one_s <= SMALL_S:
            return
        torch.set_num_threads(threads)
        start = perf_counter()
        self.model(self.windows.signals.clone())
        if perf_counter() - start > one_s:
            torch.set_num_threads(1)

    def known_contract(self) -> Contract:
        """Return the contract, or skip the check.

        Returns
        -------
        contract : Contract
            Its output.

        Raises
        ------
        Skipped
            If it was not found.
        """
        if self.contract is None:
            msg = "needs the shape of the output, which is not known"
            raise Skipped(msg)
        return self.contract

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Run the model and return its logits in the contract's layout.

        Parameters
        ----------
        signals : torch.Tensor
            Shape (n_windows, n_channels, n_times); not changed.

        Returns
        -------
        logits : torch.Tensor
            Of the layout's shape.

        Raises
        ------
        Failed
            If they have another shape.
        """
        contract = self.known_contract()
        logits = contract.tensor(self.model(signals.clone()))
        contract.check_shape(
            logits, n_windows=signals.shape[0], n_times=signals.shape[2]
        )
        if logits.numel():
            with torch.no_grad():
                values = contract.scores(logits)
                low, high = torch.aminmax(values)
            self.seen.append((float(low), float(high)))
        return logits

    def scores(self, signals: torch.Tensor) -> torch.Tensor:
        """Run the model without gradients and return one score per sample or window.

        Parameters
        ----------
        signals : torch.Tensor
            Shape (n_windows, n_channels, n_times).

        Returns
        -------
        scores : torch.Tensor of float64, shape (n_windows, n_times) or (n_windows,)
            Log odds of a seizure.
        """
        with torch.no_grad():
            logits = self.forward(signals)
            return self.known_contract().scores(logits).double()

    def accepts(self, length: int) -> bool:
        """Tell whether the model gives its contract's output for another length.

        Parameters
        ----------
        length : int
            Samples.

        Returns
        -------
        accepted : bool
            Whatever it raises is a no.
        """
        try:
            self.scores(self.windows.signals[:, :, :length])
        except Exception:  # noqa: BLE001 - whatever a model raises
            return False
        return True

    @property
    def clip_length(self) -> int:
        """The shortest length that the model accepts, of those that are tried."""
        if self.found_length is None:
            self.mode(train=False)
            lengths = clip_lengths(self.n_times)
            self.found_length = next(filter(self.accepts, lengths), self.n_times)
        return self.found_length

    @cached_property
    def clips(self) -> Clips:
        """A few clips to learn from, as short as the model allows."""
        per_sample = self.known_contract().per_sample
        return self._move(
            cut_clips(self.fixture, length=self.clip_length, per_sample=per_sample)
        )

    def targets(self, labels: torch.Tensor) -> torch.Tensor:
        """Return labels as a loss wants them.

        Parameters
        ----------
        labels : torch.Tensor of float32
            0 and 1.

        Returns
        -------
        targets : torch.Tensor
            int64 class numbers for two logits, else float32.
        """
        return labels.long() if self.known_contract().two_classes else labels

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss: the user's, or the balanced cross-entropy.

        Parameters
        ----------
        logits : torch.Tensor
            In the contract's layout.
        labels : torch.Tensor of float32
            0 and 1.

        Returns
        -------
        loss : torch.Tensor, shape ()
            To be made smaller.
        """
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
        scores = self.known_contract().scores(logits)
        share = labels.mean().clamp(1e-3, 1 - 1e-3)
        weight = torch.where(labels > 0.5, 0.5 / share, 0.5 / (1 - share))
        return nn.functional.binary_cross_entropy_with_logits(
            scores, labels.to(scores.dtype), weight.to(scores.dtype)
        )

    @property
    def warm(self) -> Warm:
        """What a few training steps do; tried once, what they raise is raised once."""
        if self._warm is None:
            if self._warm_tried:
                msg = "needs a training step; see gradients"
                raise Skipped(msg)
            self._warm_tried = True
            self.reset()
            self._warm = self._warm_up()
        return self._warm

    def _warm_up(self) -> Warm:
        warm = Warm(gradients=dict.fromkeys(self.trainable, 0.0))
        if not self.trainable:
            return warm
        clips = self.clips
        self.reset()
        self.mode(train=True)
        for parameter in self.model.parameters():
            parameter.grad = None
        optimizer = RelativeAdam(self.model, rate=0.02)
        for _ in range(WARM_STEPS):
            loss = self.loss(self.forward(clips.signals), clips.labels)
            warm.losses.append(float(loss.detach()))
            loss.backward()  # type: ignore[no-untyped-call]
            for name, parameter in self.trainable.items():
                if parameter.grad is not None and warm.gradients[name] < torch.inf:
                    size = parameter.grad.detach().abs().max()
                    if not bool(size.isfinite()):
                        warm.gradients[name] = torch.nan
                    else:
                        warm.gradients[name] = max(warm.gradients[name], float(size))
            if not all(value < torch.inf for value in warm.gradients.values()):
                return warm
            optimizer.step()
        warm.state = ModelState(self.model)
        return warm
