"""Checks of what a model does with its input; no training in them.

Invariant: each check is a function of the subject; it returns what it measured, or
raises Failed or Skipped.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from bgb_fixtures.smoke.clips import clip_lengths
from bgb_fixtures.smoke.contract import find_contract
from bgb_fixtures.smoke.limits import describe_error
from bgb_fixtures.smoke.report import Failed, Skipped, list_names
from bgb_fixtures.smoke.state import set_seed
from bgb_fixtures.smoke.subject import RelativeAdam

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bgb_fixtures.smoke.subject import Subject

__all__ = [
    "alignment",
    "batch",
    "build",
    "channels",
    "cost",
    "device",
    "finite",
    "lengths",
    "logits",
    "repeat",
    "scale",
    "shape",
    "single",
    "state",
    "windows",
]

# Differences are given in units of the spread of the scores. Rounding in float32, with
# other kernels for another batch size included, stays below 1e-4 in all healthy models
# of tools/smoke_gallery.py.
SAME = 1e-4
CLOSE = 1e-2
MAX_CHANNELS = 32
PUSHES = 60
NEAR_S = 0.25
"""Seconds around a change in which some of its effect has to be."""
FAR_S = 1.5
"""Seconds from a change at which most of its effect may be: causal smoothing is late."""


def _spread(scores: torch.Tensor) -> float:
    """Return the unit of differences: the standard deviation, or what there is."""
    deviation = float((scores - scores.mean()).square().mean().sqrt())
    size = float(scores.square().mean().sqrt())
    return max(deviation, 1e-6 * size, 1e-30)


def _rms(difference: torch.Tensor) -> float:
    return float(difference.square().mean().sqrt())


def _module_name(model: nn.Module, module: nn.Module) -> str:
    names = {id(item): name for name, item in model.named_modules()}
    kind = type(module).__name__
    return f"{names[id(module)]} ({kind})" if names.get(id(module)) else kind


def _has_bad(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point() and not bool(value.isfinite().all())
    if isinstance(value, tuple | list):
        return any(map(_has_bad, value))
    return isinstance(value, dict) and any(map(_has_bad, value.values()))


@contextmanager
def first_bad_module(model: Any) -> Iterator[list[str]]:
    """Watch which module is the first to make a NaN or Inf.

    Parameters
    ----------
    model : object
        Only torch modules can be watched.

    Yields
    ------
    found : list of str
        Empty, or the name of that module.
    """
    found: list[str] = []

    def watch(module: nn.Module, inputs: Any, output: Any) -> None:
        # Children end before their parents, so the first is the innermost.
        if not found and _has_bad(output) and not _has_bad(inputs):
            found.append(_module_name(model, module))

    modules = model.modules() if isinstance(model, nn.Module) else ()
    handles = [module.register_forward_hook(watch) for module in modules]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def check_finite(subject: Subject, signals: torch.Tensor, what: str) -> None:
    """Refuse NaN and Inf in the output, and name where they come from.

    Parameters
    ----------
    subject : Subject
        The model.
    signals : torch.Tensor
        What it is shown.
    what : str
        What that is, in words.

    Raises
    ------
    Failed
        If the output is not finite.
    """
    with torch.no_grad(), first_bad_module(subject.model) as found:
        logits = subject.forward(signals)
    if bool(logits.isfinite().all()):
        return
    bad = ~logits.isfinite()
    kind = "NaN" if bool(logits.isnan().any()) else "Inf"
    share = float(bad.float().mean())
    msg = f"{what}: {kind} in {share:.1%} of the output"
    raise Failed(msg, place=found[0] if found else "")


def build(subject: Subject) -> str:
    """Look at what the factory gave."""
    model = subject.model
    if isinstance(model, type):
        msg = (
            f"got the class {model.__name__}, not a model; make one: {model.__name__}()"
        )
        raise Failed(msg)
    if not callable(model):
        msg = f"got {type(model).__name__}, which cannot be called"
        raise Failed(msg)
    if not subject.is_module:
        return f"{type(model).__name__}, a callable without parameters"
    lazy = [
        name
        for named in (model.named_parameters(), model.named_buffers())
        for name, item in named
        if is_lazy(item)
    ]
    if lazy:
        msg = (
            f"{len(lazy)} parameters have no shape yet (lazy modules): run the model "
            "once before, so that it has its weights"
        )
        raise Failed(msg, place=list_names(lazy))
    n_trainable = sum(parameter.numel() for parameter in subject.trainable.values())
    n_all = sum(parameter.numel() for parameter in model.parameters())
    kind = str(subject.dtype).removeprefix("torch.")
    return (
        f"{type(model).__name__}, {n_trainable} of {n_all} parameters trainable, {kind}"
    )


def shape(subject: Subject) -> str:
    """Find out the layout of the output."""
    try:
        return str(subject.find_contract())
    except Failed:
        raise
    except Exception as error:
        reason, place = describe_error(error)
        given = tuple(subject.windows.signals.shape)
        taken = _channels_taken(subject)
        hint = (
            f"it takes {taken} channels, and this fixture has {given[1]}"
            if taken
            else f"it was given {given}: windows, channels, samples"
        )
        msg = f"{hint}; {reason}"
        raise Failed(msg, place=place) from error


def _channels_taken(subject: Subject) -> int | None:
    """Return the number of channels that the model does not refuse."""
    signals = subject.windows.signals
    for n_channels in range(1, MAX_CHANNELS + 1):
        shown = signals[:, torch.arange(n_channels) % signals.shape[1]]
        try:
            with torch.no_grad():
                find_contract(subject.model, shown)
        except Exception:  # noqa: BLE001, S112 - it is a question
            continue
        return n_channels
    return None


def finite(subject: Subject) -> str:
    """Look for NaN and Inf in output and loss, in both modes."""
    contract = subject.known_contract()
    for train in (False, True):
        subject.reset()
        subject.mode(train=train)
        mode = "training mode" if train else "eval mode"
        check_finite(subject, subject.windows.signals, f"whole windows in {mode}")
    subject.reset()
    subject.mode(train=False)
    clips = subject.clips
    with torch.no_grad():
        output = subject.forward(clips.signals)
        loss = float(subject.loss(output, clips.labels))
    if not abs(loss) < float("inf"):
        msg = f"the loss of a finite output is {loss}"
        raise Failed(msg)
    values = contract.scores(output)
    return (
        f"loss {loss:.3g} at the start, scores {float(values.min()):.3g} to "
        f"{float(values.max()):.3g}"
    )


def windows(subject: Subject) -> str:
    """Compare the output for different windows."""
    subject.known_contract()
    subject.reset_warm()
    subject.mode(train=False)
    signals = subject.windows.signals
    scores = subject.scores(signals)
    other = subject.scores(signals.roll(1, dims=0).flip(-1))
    change = _rms(scores - other)
    size = _rms(scores)
    if change <= 1e-6 * max(size, 1e-30):
        msg = (
            f"three windows, and the same three reversed in time, give one output, "
            f"{float(scores.flatten()[0]):.4g}: the input has no effect"
        )
        raise Failed(msg)
    return f"scores change by {change:.3g} (root mean square)"


def channels(subject: Subject) -> str:
    """Change channels one by one, and their order."""
    subject.known_contract()
    subject.reset_warm()
    subject.mode(train=False)
    length = subject.clip_length
    signals = subject.windows.signals[:, :, :length]
    n_channels = signals.shape[1]
    if n_channels < 2:
        msg = "the fixture has one channel only"
        raise Skipped(msg)
    scores = subject.scores(signals)
    unit = _spread(scores)
    mixed = signals.roll(1, dims=1)
    order = _rms(subject.scores(mixed) - scores) / unit
    base = signals[:1]
    # Each channel in turn gets what is in the next window.
    changed = base.repeat(n_channels, 1, 1)
    index = torch.arange(n_channels)
    changed[index, index] = signals[1] * 3 + 1
    single = subject.scores(torch.cat([base, changed]))
    effects = (single[1:] - single[:1]).reshape(n_channels, -1).square().mean(1).sqrt()
    names = subject.fixture.ch_names
    dead = [names[i] for i in range(n_channels) if float(effects[i]) / unit < 1e-6]
    if order >= SAME and not dead:
        return f"another order changes the scores by {order:.2g} of their spread"
    reason = (
        f"another order of the {n_channels} channels gives the same output "
        f"(difference {order:.1e} of the spread): are they averaged away?"
        if order < SAME
        else f"no effect on the output: {', '.join(dead)}"
    )
    if not subject.trainable:
        msg = f"for information, as this model is not trained: {reason}"
        raise Skipped(msg)
    raise Failed(reason)


def alignment(subject: Subject) -> str:
    """Change the input at one time, and see when the output changes."""
    if not subject.known_contract().per_sample:
        msg = "one output per window has no times"
        raise Skipped(msg)
    subject.reset_warm()
    subject.mode(train=False)
    n_times = subject.n_times
    sfreq = subject.fixture.sfreq
    width = max(min(round(0.5 * sfreq), n_times // 16), 1)
    near = round(NEAR_S * sfreq)
    base, other = subject.windows.signals[0], subject.windows.signals[1]
    starts = [int(n_times * place) for place in (0.07, 0.23, 0.4, 0.66, 0.83)]
    signals = torch.stack([base] * (len(starts) + 1))
    for row, at in enumerate(starts, start=1):
        signals[row, :, at : at + width] = 3 * other[:, at : at + width].flip(-1) + 1
    scores = subject.scores(signals)
    response = (scores[1:] - scores[:1]).abs()
    if float(response.max()) <= 1e-6 * _spread(scores):
        msg = "a change of half a second has no effect; see windows and channels"
        raise Skipped(msg)
    shares, lags = [], []
    for row, at in zip(response, starts, strict=True):
        around = row[max(at - near, 0) : at + width + near]
        shares.append(float(around.max() / row.max().clamp_min(1e-30)))
        energy = torch.cumsum(nn.functional.pad(row, (1, 0)), 0)
        best = int(torch.argmax(energy[width:] - energy[:-width]))
        lags.append((best - at) / sfreq)
    if median(shares) < 0.1 or median(map(abs, lags)) > FAR_S:
        msg = (
            f"changes of {width / sfreq:g} s in the input change the output most "
            f"{', '.join(f'{lag:+.2f}' for lag in lags)} s from there: is the output shifted, reversed or reshaped?"
        )
        raise Failed(msg)
    return f"for information: the effect of a change lies {median(lags):+.2f} s from it"


def logits(subject: Subject) -> str:
    """Look whether any output of the run is below, and any above zero."""
    contract = subject.known_contract()
    subject.reset_warm()
    subject.mode(train=False)
    signals = subject.windows.signals
    with torch.no_grad():
        output = subject.forward(signals)
        subject.forward(signals * 1000)
        subject.forward(signals * 0)
    if contract.two_classes:
        total = output.double().sum(contract.class_axis)
        if float(output.min()) >= 0 and float((total - 1).abs().max()) < 1e-3:
            msg = "the two outputs add up to 1: probabilities, not logits"
            raise Failed(msg)
        return "two outputs that do not add up to 1"
    low, high = _reach(subject)
    if low >= 0 or high <= 0:
        probabilities = low >= 0 and high <= 1 + 1e-6
        what = (
            "probabilities, not logits; the loss takes their sigmoid a second time"
            if probabilities
            else f"never {'below' if low >= 0 else 'above'} zero, so one answer only"
        )
        msg = f"outputs lie in [{low:.3g}, {high:.3g}], "
        if subject.trainable:
            msg += f"even when trained to leave that side of zero: {what}"
            raise Failed(msg)
        msg += what
        if probabilities:
            raise Failed(msg)
        msg = f"for information, as this model is not trained: {msg}"
        raise Skipped(msg)
    return f"outputs of this run lie in [{low:.3g}, {high:.3g}]"


def _reach(subject: Subject) -> tuple[float, float]:
    """Return the range of all outputs; if one-sided, after trying to leave that side."""

    def seen() -> tuple[float, float]:
        lows, highs = zip(*subject.seen, strict=True)
        return min(lows), max(highs)

    low, high = seen()
    if not subject.trainable or low < 0 < high:
        return low, high
    # A few windows may all be scored on one side; a bias can be learned all the same.
    sign = 1 if low >= 0 else -1
    signals = subject.windows.signals[:, :, : subject.clip_length]
    subject.mode(train=True)
    optimizer = RelativeAdam(subject.model, rate=0.05)
    for _ in range(PUSHES):
        output = subject.forward(signals)
        low, high = seen()
        if low < 0 < high or not output.requires_grad:
            break
        (sign * output.mean()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return seen()


def batch(subject: Subject) -> str:
    """Change the other windows of a batch."""
    subject.known_contract()
    subject.reset_warm()
    subject.mode(train=False)
    signals = subject.windows.signals[:, :, : subject.clip_length]
    scores = subject.scores(signals)
    unit = _spread(scores)
    changed = signals.clone()
    changed[1:] = 10 * signals[1:].flip(0) + 1
    alone = _rms(subject.scores(changed)[0] - scores[0]) / unit
    if alone > SAME:
        msg = (
            f"other windows in the batch change the first one's scores by {alone:.2g} "
            "of their spread: statistics over the batch in eval mode?"
        )
        raise Failed(msg)
    turned = _rms(subject.scores(signals.roll(1, 0)).roll(-1, 0) - scores) / unit
    if turned > CLOSE:
        msg = f"the order of the windows changes scores by {turned:.2g} of their spread"
        raise Failed(msg)
    return f"other windows change nothing (difference {alone:.1e} of the spread)"


def repeat(subject: Subject) -> str:
    """Give the same input again, at once and after another."""
    contract = subject.known_contract()
    subject.reset()
    subject.mode(train=False)
    signals = subject.windows.signals[:, :, : subject.clip_length].clone()
    kept = signals.clone()
    with torch.no_grad():
        subject.model(signals)
    if not torch.equal(signals, kept):
        largest = float((signals - kept).abs().max())
        msg = f"the model writes into its input (largest change {largest:.3g})"
        raise Failed(msg)
    first = subject.scores(kept)
    again = subject.scores(kept)
    subject.scores(kept.flip(0) * 2)
    later = subject.scores(kept)
    unit = _spread(first)
    for what, scores in (("at once", again), ("after another input", later)):
        difference = _rms(scores - first) / unit
        if not difference <= SAME:
            msg = (
                f"the same input again, {what}, differs by {difference:.2g} of the "
                "spread of the scores: dropout or a state that is kept?"
            )
            raise Failed(msg, place=_random_module(subject))
    kind = "same" if torch.equal(first, later) else "same but for rounding"
    return f"{kind}, {contract.layout}"


def _random_module(subject: Subject) -> str:
    """Name the first module whose output differs at the same input, if one does."""
    outputs: dict[int, torch.Tensor] = {}
    found: list[str] = []

    def watch(module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or found:
            return
        before = outputs.setdefault(id(module), output.detach().clone())
        if before.shape == output.shape and not torch.allclose(
            before, output, rtol=1e-4, atol=1e-6
        ):
            found.append(_module_name(subject.model, module))

    if not subject.is_module:
        return ""
    handles = [item.register_forward_hook(watch) for item in subject.model.modules()]
    try:
        signals = subject.windows.signals[:, :, : subject.clip_length]
        for _ in range(2):
            subject.scores(signals)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def single(subject: Subject) -> str:
    """Give one window alone."""
    subject.known_contract()
    subject.reset()
    subject.mode(train=False)
    signals = subject.windows.signals[:, :, : subject.clip_length]
    many = subject.scores(signals)
    one = subject.scores(signals[:1])
    difference = _rms(one[0] - many[0]) / _spread(many)
    if not difference <= CLOSE:
        msg = f"alone, a window's scores differ by {difference:.2g} of their spread"
        raise Failed(msg)
    return f"difference {difference:.1e} of the spread"


def lengths(subject: Subject) -> str:
    """Give shorter windows."""
    contract = subject.known_contract()
    subject.reset()
    subject.mode(train=False)
    taken, wrong, refused = [], [], []
    for length in clip_lengths(subject.n_times):
        signals = subject.windows.signals[:, :, :length]
        try:
            with torch.no_grad():
                output = contract.tensor(subject.model(signals.clone()))
        except Exception as error:  # noqa: BLE001 - whatever a model raises
            refused.append((length, describe_error(error)[0]))
            continue
        try:
            contract.check_shape(output, n_windows=len(signals), n_times=length)
        except Failed as error:
            wrong.append(error)
            continue
        if not bool(output.isfinite().all()):
            msg = f"NaN or Inf in the output for windows of {subject.seconds(length)}"
            raise Failed(msg)
        taken.append(subject.seconds(length))
    if taken:
        return f"takes {', '.join(taken)} too"
    # A model that pools may round one odd length down, but not all of them.
    if wrong:
        raise wrong[-1]
    only = subject.seconds(subject.n_times)
    reason = f"; {refused[0][0]} samples: {refused[0][1]:.150}" if refused else ""
    msg = f"takes windows of {only} only{reason}"
    raise Skipped(msg)


def state(subject: Subject) -> str:
    """Save, load into an untrained model, and compare."""
    if not subject.is_module or not subject.model.state_dict():
        msg = "the model has no state dict, or an empty one"
        raise Skipped(msg)
    subject.known_contract()
    subject.reset_warm()
    model = subject.model
    signals = subject.windows.signals[:, :, : subject.clip_length]
    model.eval()
    expected = subject.scores(signals)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    note = ""
    try:
        saved = torch.load(buffer, weights_only=True)
    except Exception:  # noqa: BLE001 - torch raises several kinds
        buffer.seek(0)
        saved = torch.load(buffer, weights_only=False)
        note = "; it needs weights_only=False"
    subject.reset()
    copies = [("the untrained model", model)]
    if subject.make_model is not None:
        # Another seed: what is drawn at random and not saved differs.
        set_seed(subject.seed + 1)
        copies.append(("a newly made model", subject.make_model()))
    for what, target in copies:
        try:
            target.load_state_dict(saved)
        except Exception as error:
            reason, place = describe_error(error)
            msg = f"the checkpoint does not load into {what}: {reason}"
            raise Failed(msg, place=place) from error
        target.to(subject.device).eval()
        with torch.no_grad():
            output = subject.known_contract().tensor(target(signals.clone()))
            obtained = subject.known_contract().scores(output).double()
        difference = _rms(obtained - expected) / _spread(expected)
        if not difference <= SAME:
            msg = (
                f"{what} with the saved state differs by {difference:.2g} of the "
                "spread of the scores: some state is neither parameter nor buffer"
            )
            raise Failed(msg)
    size = buffer.getbuffer().nbytes
    return f"saved, loaded into {' and '.join(w for w, _ in copies)}, {size / 1e6:.2f} MB{note}"


def scale(subject: Subject) -> str:
    """Give input of another scale, and flat channels."""
    subject.known_contract()
    subject.reset()
    subject.mode(train=False)
    signals = subject.windows.signals[:, :, : subject.clip_length]
    flat = signals.clone()
    flat[:, 0] = 0
    for what, shown in (
        ("values times 1e-6 (volts for microvolts)", signals * 1e-6),
        ("values times 1000", signals * 1000),
        ("one flat channel", flat),
        ("all channels flat", signals * 0),
    ):
        check_finite(subject, shown, what)
    return "finite at 1e-6, at 1000, with one and with all channels flat"


def device(subject: Subject) -> str:
    """Compare with half precision and with the CPU."""
    subject.known_contract()
    kind = subject.device.type
    if kind == "cpu":
        msg = "runs on the CPU; see --device"
        raise Skipped(msg)
    subject.reset()
    subject.mode(train=False)
    signals = subject.windows.signals[:, :, : subject.clip_length]
    expected = subject.scores(signals).cpu()
    with torch.autocast(kind, dtype=torch.float16), torch.no_grad():
        half = subject.forward(signals)
    if not bool(half.isfinite().all()):
        msg = "NaN or Inf under autocast to float16"
        raise Failed(msg)
    contract = subject.known_contract()
    unit = _spread(expected)
    rough = _rms(contract.scores(half).double().cpu() - expected) / unit
    if not subject.is_module:
        return f"float16 differs by {rough:.1e} of the spread"
    try:
        subject.model.to("cpu")
        with torch.no_grad():
            output = contract.tensor(subject.model(signals.cpu()))
        difference = _rms(contract.scores(output).double() - expected) / unit
    finally:
        subject.model.to(subject.device)
    if difference > CLOSE:
        msg = f"CPU and {kind} differ by {difference:.2g} of the spread of the scores"
        raise Failed(msg)
    return f"CPU differs by {difference:.1e} of the spread, float16 by {rough:.1e}"


def cost(subject: Subject) -> str:
    """Measure time, and the memory that backward needs."""
    subject.known_contract()
    subject.reset()
    subject.mode(train=False)
    window = subject.windows.signals[:1]

    def seconds(run: Any) -> float:
        times = []
        for _ in range(3):
            start = perf_counter()
            run()
            if subject.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(perf_counter() - start)
        return median(times)

    n_threads = torch.get_num_threads()
    threads = "1 thread" if n_threads == 1 else f"{n_threads} threads"
    forward = 1e3 * seconds(lambda: subject.scores(window))
    text = f"a window takes {forward:.1f} ms forward ({threads})"
    if not subject.trainable:
        return text
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def train() -> None:
        subject.forward(window).square().mean().backward()  # type: ignore[no-untyped-call]

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        subject.forward(window)
    both = 1e3 * seconds(train)
    return (
        f"{text}, {both:.1f} ms with backward, which keeps "
        f"{sum(kept.values()) / 1e6:.1f} MB"
    )
