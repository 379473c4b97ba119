"""Checks of how the output depends on the input: scale, windows, channels, time."""

from __future__ import annotations

import copy
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bgb_fixtures.smoke.checks.measure import (
    check_finite,
    module_name,
    rms,
    same,
    show_difference,
    spread,
)
from bgb_fixtures.smoke.clips import clip_lengths
from bgb_fixtures.smoke.limits import describe_error
from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.snapshot import set_seed

if TYPE_CHECKING:
    from bgb_fixtures.smoke.detector import Detector

__all__ = ["alignment", "channels", "lengths", "scale", "windows"]

NEAR_S = 0.25
"""Seconds around a change within which it must have some effect."""
FAR_S = 1.5
"""Largest delay in seconds of most of the effect, as causal smoothing adds a delay."""
FEWEST_STEPS = 8
"""Minimum number of time steps in the output to locate an effect in time."""
AMPLITUDES = {
    1e6: "microvolts",
    1e3: "a larger unit",
    1e-3: "a smaller unit",
    1e-6: "volts",
}
IGNORED = 1e-4
"""Change of the scores, relative to their RMS, below which the input has no effect."""
RESPONDS = 1e-2
EXACT = 1e-9
"""Difference in units of the spread that exceeds rounding in float64."""


def scale(detector: Detector) -> str:
    """Run the model on scaled input and on flat channels."""
    signals = detector.probe(passes=6)
    detector.reset()
    detector.mode(train=False)
    flat = signals.clone()
    flat[:, 0] = 0
    for what, shown in (
        ("values times 1e-6 (volts for microvolts)", signals * 1e-6),
        ("values times 1000", signals * 1000),
        ("one flat channel", flat),
        ("all channels flat", signals * 0),
    ):
        check_finite(detector, shown, what)
    detector.reset_warm()
    detector.mode(train=False)
    # With a single window the other input is its time reversal, which has the same
    # spectrum, so a model of spectra would not respond.
    effect = detector.effect(signals) if len(signals) > 1 else RESPONDS
    if effect < IGNORED and _has_gradient(detector, signals):
        for factor, unit in AMPLITUDES.items():
            other = detector.effect(signals * factor)
            if other > max(RESPONDS, 100 * effect):
                deviation = float(signals.float().std())
                msg = (
                    "outputs do not change at this amplitude (standard deviation "
                    f"{deviation:.2g} in the unit of the fixture), but at {factor:g} "
                    f"times this amplitude they do: do the weights expect {unit}?"
                )
                raise Failed(msg)
    return (
        "the output is finite for input times 1e-6, times 1000, and with one or all "
        "channels flat"
    )


def _has_gradient(detector: Detector, signals: torch.Tensor) -> bool:
    """Return whether the scores have a gradient with respect to the input.

    The gradient is zero if a layer is dead, but only small if the input is too small.
    The result is True for models without gradients.
    """
    if detector.why_no_gradients():
        return True
    leaf = signals.clone().requires_grad_()
    scores = detector.output.scores(detector.forward(leaf))
    if not scores.requires_grad:
        return False
    weights = torch.linspace(1, 2, scores.numel(), device=scores.device)
    total = (scores.flatten().float() * weights).sum()
    found: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
        total, [leaf], allow_unused=True
    )
    return found[0] is not None and bool(found[0].any())


def windows(detector: Detector) -> str:
    """Compare the output for different windows."""
    signals = detector.whole(passes=2, least=2)
    detector.reset_warm()
    detector.mode(train=False)
    if not detector.ignores_input(signals):
        effect = detector.effect(signals)
        return (
            f"other windows change the outputs by {effect:.2g} times their size (RMS)"
        )
    score = float(detector.scores(signals).flatten()[0])
    msg = (
        f"{len(signals)} windows, forward and reversed in time, all give the output "
        f"{score:.4g}: the input has no effect"
    )
    place = _first_constant_input(detector, signals)
    if _responds_in_training(detector, signals):
        msg += ", unlike in training mode (statistics of a batch norm?)"
    raise Failed(msg, place=place)


def _responds_in_training(detector: Detector, signals: torch.Tensor) -> bool:
    """Return whether the scores depend on the input in training mode, seed fixed."""
    detector.mode(train=True)
    scores = []
    for shown in (signals, _others(signals)):
        set_seed(detector.seed)
        scores.append(detector.scores(shown))
    return rms(scores[1] - scores[0]) > RESPONDS * rms(scores[0])


def _others(signals: torch.Tensor) -> torch.Tensor:
    """Return the windows in another order, reversed in time."""
    return signals.roll(1, dims=0).flip(-1)


def _first_constant_input(detector: Detector, signals: torch.Tensor) -> str:
    """Return the first module whose input is the same for different windows."""
    before: dict[nn.Module, torch.Tensor] = {}
    now: dict[nn.Module, torch.Tensor] = {}
    for inputs, shown in ((before, signals), (now, _others(signals))):

        def note(
            module: nn.Module, args: Any, inputs: dict[nn.Module, torch.Tensor] = inputs
        ) -> None:
            tensors = (item for item in args if isinstance(item, torch.Tensor))
            first = next(tensors, None)
            if first is not None:
                inputs.setdefault(module, first.detach().clone())

        handles = [item.register_forward_pre_hook(note) for item in detector.hookable]
        try:
            detector.scores(shown)
        finally:
            for handle in handles:
                handle.remove()
    for module, value in now.items():
        other = before.get(module)
        if other is not None and other.shape == value.shape:
            exact = value.double()
            if rms(exact - other.double()) <= 1e-6 * rms(exact):
                return module_name(detector.model, module)
    return ""


def channels(detector: Detector) -> str:
    """Change channels one by one, then their order, and compare the outputs."""
    names = detector.fixture.ch_names
    n_channels = len(names)
    if n_channels < 2:
        msg = "the fixture has only one channel"
        raise Skipped(msg)
    signals = detector.probe(passes=2, least=2)
    detector.reset_warm()
    detector.mode(train=False)
    scores = detector.scores(signals)
    unit = spread(detector, scores)
    order = rms(detector.scores(signals.roll(1, dims=1)) - scores) / unit
    # Replace each channel in turn by the one in the next window.
    n_tried = min(n_channels, int(detector.budget.short_s / detector.budget.clip_s))
    tried = torch.linspace(0, n_channels - 1, n_tried).round().long()
    base = signals[:1]
    changed = base.repeat(n_tried, 1, 1)
    changed[torch.arange(n_tried), tried] = signals[1, tried] * 3 + 1
    alone = detector.scores(torch.cat([base, changed]))
    effects = (alone[1:] - alone[:1]).reshape(n_tried, -1).square().mean(1).sqrt()
    dead = [
        names[index]
        for index, effect in zip(tried.tolist(), effects.tolist(), strict=True)
        if effect / unit < 1e-6
    ]
    if order < same(detector) and not dead and detector.is_module:
        order = _order_in_double(detector, signals)
        if order > EXACT:
            return (
                "reordering the channels changes the outputs, if little before training "
                f"(difference {show_difference(order)})"
            )
    if order >= same(detector) and not dead:
        few = f"; {n_tried} of {n_channels} were tried" if n_tried < n_channels else ""
        return (
            "reordering the channels changes the outputs (difference "
            f"{show_difference(order)}){few}"
        )
    reason = (
        f"reordering the {n_channels} channels gives the same output (difference "
        f"{show_difference(order)}): are they averaged?"
        if order < same(detector)
        else f"no effect on the output: {', '.join(dead)}"
    )
    if not detector.trainable:
        msg = f"not judged, as there are no parameters to train: {reason}"
        raise Skipped(msg)
    raise Failed(reason)


def _order_in_double(detector: Detector, signals: torch.Tensor) -> float:
    """Return the effect of another channel order, in float64 to reduce rounding."""
    contract = detector.known_contract()
    try:
        model = copy.deepcopy(detector.model).double()
        with torch.no_grad():
            scores, other = (
                contract.output.scores(contract.output.pick(contract.run(model, shown)))
                for shown in (signals.double(), signals.double().roll(1, dims=1))
            )
    except Exception:  # noqa: BLE001 - not every model runs in float64
        return 0.0
    return rms(other - scores) / spread(detector, scores.double())


def alignment(detector: Detector) -> str:
    """Change the input at one time and find out when the output changes."""
    output = detector.output
    if output.per_window:
        msg = "one output per window has no time axis"
        raise Skipped(msg)
    n_times = detector.n_times
    sfreq = detector.fixture.sfreq
    n_steps = output.n_steps(n_times)
    if n_steps < FEWEST_STEPS:
        msg = f"too few outputs per window ({n_steps}) to locate an effect in time"
        raise Skipped(msg)
    places = (0.07, 0.23, 0.4, 0.66, 0.83)
    rows = detector.whole(passes=3, least=2)
    detector.reset_warm()
    detector.mode(train=False)
    width = max(min(round(0.5 * sfreq), n_times // 16), 1)
    base, other = rows[0], rows[1]
    starts = [int(n_times * place) for place in places[: 2 * len(rows) - 1]]
    signals = torch.stack([base] * (len(starts) + 1))
    for row, at in enumerate(starts, start=1):
        signals[row, :, at : at + width] = 3 * other[:, at : at + width].flip(-1) + 1
    scores = detector.scores(signals)
    response = (scores[1:] - scores[:1]).abs()
    if float(response.max()) <= 1e-6 * spread(detector, scores):
        msg = (
            "changing half a second has no effect; see the checks windows and channels"
        )
        raise Skipped(msg)
    # From here on, times are in steps of the output, of one or more samples.
    step_s = n_times / response.shape[1] / sfreq
    if bool((response.amin(1) > 0.9 * response.amax(1)).all()):
        msg = (
            "changing half a second changes the output equally at all times: is it "
            "one answer for the whole window?"
        )
        raise Failed(msg)
    wide = max(round(width / sfreq / step_s), 1)
    near = max(round(NEAR_S / step_s), 1)
    shares, lags = [], []
    for row, start in zip(response, starts, strict=True):
        at = int(start / sfreq / step_s)
        around = row[max(at - near, 0) : at + wide + near]
        shares.append(float(around.max() / row.max().clamp_min(1e-30)))
        energy = torch.cumsum(nn.functional.pad(row, (1, 0)), 0)
        best = int(torch.argmax(energy[wide:] - energy[:-wide]))
        # The lag is from the middle of the change to the middle of its effect.
        middle = (start + width / 2) / sfreq
        lags.append((best + wide / 2) * step_s - middle)
    if median(shares) < 0.1 or median(map(abs, lags)) > max(FAR_S, 1.5 * step_s):
        msg = (
            f"changing {width / sfreq:g} s of the input changes the output most "
            f"{', '.join(f'{lag:+.2f}' for lag in lags)} s from there: is the output "
            "shifted, reversed or reshaped?"
        )
        raise Failed(msg)
    lag = median(lags)
    shown = "0 s" if abs(lag) < 0.005 else f"{lag:+.2f} s"
    return f"the output changes {shown} after the input; up to {FAR_S:g} s is accepted"


def lengths(detector: Detector) -> str:
    """Run the model on shorter windows."""
    contract = detector.known_contract()
    rows = detector.whole(passes=3)
    detector.reset()
    detector.mode(train=False)
    taken, wrong, refused = [], [], []
    multiple = contract.layout.patch or 1
    for length in clip_lengths(detector.n_times, multiple=multiple):
        signals = rows[:, :, :length]
        try:
            with torch.no_grad():
                logits = contract.output.pick(
                    contract.run(detector.model, signals.clone())
                )
        except Exception as error:  # noqa: BLE001 - whatever a model raises
            refused.append((length, describe_error(error)[0]))
            continue
        try:
            contract.output.check_shape(logits, n_windows=len(signals), n_times=length)
        except Failed as error:
            wrong.append(error)
            continue
        if not bool(logits.isfinite().all()):
            msg = f"NaN or Inf in the output for windows of {detector.seconds(length)}"
            raise Failed(msg)
        taken.append(detector.seconds(length))
    if taken:
        return f"also accepts windows of {', '.join(taken)}"
    # A model with pooling may round one odd length down, but not all of them.
    if wrong:
        raise wrong[-1]
    only = detector.seconds(detector.n_times)
    reason = f"; {refused[0][0]} samples: {refused[0][1]:.150}" if refused else ""
    msg = f"accepts only windows of {only}{reason}"
    raise Skipped(msg)
