"""Run the checks on a model.

Invariant: the model, its training modes and the global random generators are restored
afterwards, whatever happens.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

try:
    import torch
except ImportError as error:
    from bgb_fixtures.errors import MissingPackageError

    _message = (
        "smoke needs PyTorch, which is not installed; "
        'run: pip install "bgb-fixtures[torch]"'
    )
    raise MissingPackageError(_message) from error

from bgb_fixtures.errors import SmokeError, SpecError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.smoke.catalogue import CAN_SKIP, CAUSES
from bgb_fixtures.smoke.checks import CHECKS
from bgb_fixtures.smoke.clips import choose_windows
from bgb_fixtures.smoke.contract import find_contract
from bgb_fixtures.smoke.detector import Detector
from bgb_fixtures.smoke.judge import Judge, attempt, consequence
from bgb_fixtures.smoke.limits import describe_error
from bgb_fixtures.smoke.loading import (
    find_factory,
    needs_one_argument,
)
from bgb_fixtures.smoke.options import NOTE, Declaration
from bgb_fixtures.smoke.report import CheckResult, Failed, SmokeReport
from bgb_fixtures.smoke.snapshot import kept_random_state, set_seed

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterator, Sequence

    Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

__all__ = [
    "SmokeOptions",
    "assert_smoke",
    "load_model",
    "run_checks",
    "run_smoke",
    "select_checks",
]


def run_checks(
    judge: Judge,
    detector: Detector,
    names: Sequence[str],
    *,
    on_result: Callable[[CheckResult], None] | None = None,
) -> list[CheckResult]:
    """Run checks one after the other and restore the model at the end.

    After a failure, the checks that may fail because of it are run next.
    """
    results: list[CheckResult] = []
    waiting = list(names)
    # A warning of the model is not a failure, whatever filters pytest has set.
    with kept_random_state(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            while waiting:
                name = waiting.pop(0)
                result = judge.result(name)
                results.append(result)
                if on_result is not None:
                    on_result(result)
                if result.status == "FAIL":
                    waiting.sort(key=lambda other: name not in CAUSES[other])
        finally:
            detector.initial.restore()
    return results


def select_checks(
    skip: Collection[str], *, loss: object, step: object
) -> tuple[str, ...]:
    """Return the checks to run, without `loss` or `step` if the user passed None."""
    unknown = sorted(set(skip) - set(CAN_SKIP))
    if unknown:
        msg = (
            f"check {unknown[0]!r} cannot be skipped; these can: {', '.join(CAN_SKIP)}"
        )
        raise SpecError(msg)
    absent = {"loss": loss is None, "step": step is None}
    return tuple(
        name for name in CHECKS if name not in skip and not absent.get(name, False)
    )


def load_model(
    value: Any, *, config: dict[str, Any], fixture: Fixture, declared: Declaration
) -> tuple[Any, Callable[[], Any] | None]:
    """Return a model and its factory, from a class, a function or the model itself.

    The factory is None if `value` is the model. A function of one argument is a
    detector if it returns logits for windows; otherwise it is a factory that lacks an
    argument. Raises Failed if there is no model.
    """
    if not config and needs_one_argument(value):
        reason = _why_no_detector(value, fixture, declared)
        if not reason:
            return value, None
        try:
            find_factory(value, config)
        except Failed as failed:
            msg = f"{failed.reason}. It is not a detector either: {reason}"
            raise Failed(msg) from None
    make = find_factory(value, config)
    return (value if make is None else make()), make


def _why_no_detector(value: Any, fixture: Fixture, declared: Declaration) -> str:
    """Return why a function returns no logits for windows; empty if it does."""
    rows = choose_windows(fixture.labels)
    try:
        find_contract(
            value,
            torch.from_numpy(fixture.signals[rows]),
            declared=declared,
            sfreq=fixture.sfreq,
            undo=lambda: None,
        )
    except Failed as failed:
        return failed.reason
    except Exception as error:  # noqa: BLE001 - it is a question
        return describe_error(error)[0]
    return ""


def run_smoke(
    model: Any,
    *,
    loss: Loss | None = None,
    step: Callable[..., Any] | None = None,
    fixture: str | os.PathLike[str] | Fixture | None = None,
    device: str | torch.device | None = None,
    make_model: Callable[[], Any] | None = None,
    layout: str | None = None,
    output: str | int | None = None,
    positive_classes: Sequence[int] = (),
    skip: Collection[str] = (),
    allow_frozen: bool = False,
    allow_unused: Sequence[str] = (),
    time_limit: float = 30.0,
    seed: int = 0,
) -> SmokeReport:
    """Check on a few windows whether a detector works.

    Parameters
    ----------
    model : torch.nn.Module, callable, or class or function that makes one
        Maps signals to raw logits. Signals are (B, C, T); (B, 1, C, T), (B, T, C) and
        patches (B, C, S, 200) are detected. Logits are per sample, (B, T), per time step,
        (B, S), or per window, (B,), with any axes of size 1, and with an axis of classes
        if there are several, background first. The first entry of a tuple is used; in a
        dict, ``logits`` or the first entry that fits.
    loss : callable or None
        Your loss: `loss(logits, labels)` returns a tensor with one number. Labels are
        float32, or int64 for several classes. None: balanced cross-entropy, not checked.
    step : callable or None
        Your training step: `step(model, signals, labels)`, or `make_step(model)`, which
        returns a `step(signals, labels)` with its own optimizer and is called for each
        part of the check. One call runs forward, backward and one optimizer step. If it
        returns a number, this is the loss.
    fixture : str, path, Fixture or None
        As for `load_fixture`. None: the packaged ``smoke``.
    device : str, torch.device or None
        Device that the model is moved to for the run. None: its current device.
    make_model : callable or None
        Creates the model again, to load its checkpoint into it. None: `model`, if that
        is a class or function.
    layout : str or None
        Axes of the input, such as ``"B1CT"``, ``"BTC"`` or ``"BCS200"`` for patches of
        200 samples. None: detected.
    output : str, int or None
        Key or index of the logits in a dict or tuple. None: detected.
    positive_classes : sequence of int
        Classes that are seizures, numbered from 0; empty: all but the first.
    skip : collection of str
        Names of checks to skip.
    allow_frozen : bool
        Whether parameters with ``requires_grad=False`` are intended.
    allow_unused : sequence of str
        Patterns, as of `fnmatch`, of parameters or modules that may be unused or frozen.
    time_limit : float
        Seconds per check. For a slow model, checks do less or are skipped to stay below
        it. In the main thread of a POSIX process, Python code is stopped at the limit.
        Other threads, and C code that does not return, cannot be stopped;
        ``bgb-fixtures smoke`` can, because it ends its child process.
    seed : int
        Seed for the global generators before each check.

    Returns
    -------
    report : SmokeReport
        One result per check.

    Raises
    ------
    SpecError
        If a check to skip or a layout is unknown, or the fixture does not hold both
        classes.
    FixtureError
        If the fixture cannot be loaded.
    MissingPackageError
        If a library that the detector needs cannot be imported.

    Notes
    -----
    Parameters, buffers, plain attributes, gradients, training modes and the global
    generators are restored afterwards. The state of an optimizer inside `step` is not.

    Examples
    --------
    >>> from torch import nn
    >>> from bgb_fixtures.smoke import run_smoke
    >>> report = run_smoke(nn.Conv1d(19, 1, 65, padding=32), fixture="tiny")
    >>> report.contract
    'one logit per sample, (B, 1, T)'
    """
    start = perf_counter()
    names = select_checks(skip, loss=loss, step=step)
    declared = Declaration(
        layout=layout,
        output=None if output is None else str(output),
        positive_classes=tuple(positive_classes),
        allow_frozen=allow_frozen,
        allow_unused=tuple(allow_unused),
    )
    loaded = fixture if isinstance(fixture, Fixture) else load_fixture(fixture)

    def build() -> tuple[Any, Callable[[], Any] | None]:
        set_seed(seed)
        return load_model(model, config={}, fixture=loaded, declared=declared)

    with kept_random_state():
        built = attempt("build", build, limit=time_limit)
    contract = ""
    if built.result.status == "FAIL":
        rest = [consequence(name, "build") for name in names if name != "build"]
        results = [built.result, *rest]
    else:
        made, make = built.value
        with _moved(made, device):
            detector = Detector(
                made,
                fixture=loaded,
                declared=declared,
                device=None if device is None else torch.device(device),
                loss=loss,
                step=step,
                make_model=make_model or make,
                seed=seed,
                time_limit=time_limit,
            )
            results = run_checks(Judge(detector), detector, names)
            contract = "" if detector.contract is None else str(detector.contract)
    return SmokeReport(
        model=getattr(model, "__name__", type(model).__name__),
        contract=contract,
        checks=tuple(results),
        seconds=perf_counter() - start,
        note=NOTE,
    )


@contextmanager
def _moved(model: Any, device: str | torch.device | None) -> Iterator[None]:
    """Move a module to a device temporarily."""
    first = None
    if device is not None and isinstance(model, torch.nn.Module):
        first = next(model.parameters(), None)
        model.to(device)
    back = None if first is None else first.device
    try:
        yield
    finally:
        if back is not None:
            model.to(back)


class SmokeOptions(TypedDict, total=False):
    """The options of `run_smoke`, for the signature of `assert_smoke`."""

    loss: Loss | None
    step: Callable[..., Any] | None
    fixture: str | os.PathLike[str] | Fixture | None
    device: str | torch.device | None
    make_model: Callable[[], Any] | None
    layout: str | None
    output: str | int | None
    positive_classes: Sequence[int]
    skip: Collection[str]
    allow_frozen: bool
    allow_unused: Sequence[str]
    time_limit: float
    seed: int


def assert_smoke(model: Any, **options: Unpack[SmokeOptions]) -> SmokeReport:
    """Raise an error with the full table if a detector does not work.

    Parameters
    ----------
    model : torch.nn.Module, callable, or class or function that makes one
        As for `run_smoke`.
    **options
        As for `run_smoke`.

    Returns
    -------
    report : SmokeReport
        The report, if no check failed.

    Raises
    ------
    SmokeError
        If a check failed; an AssertionError.
    MissingPackageError
        If a library that the detector needs cannot be imported.
    """
    __tracebackhide__ = True
    report = run_smoke(model, **options)
    if not report.passed:
        msg = f"{report.summary}\n{report}"
        raise SmokeError(msg)
    return report
