"""Run the checks, each on its own, and collect what they say.

Invariant: a check that raises or takes too long is a FAIL and no more; whatever happens,
the model, its modes and the global generators are afterwards as they were before.
"""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import TYPE_CHECKING, Any

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
from bgb_fixtures.smoke import behaviour, objective, training
from bgb_fixtures.smoke.catalogue import CAN_SKIP, SENTENCES
from bgb_fixtures.smoke.limits import TimeLimitExceeded, describe_error, time_limit
from bgb_fixtures.smoke.report import CheckResult, Failed, Skipped, SmokeReport
from bgb_fixtures.smoke.state import kept_random_state
from bgb_fixtures.smoke.subject import Subject

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection

__all__ = ["CHECKS", "assert_smoke", "run_check", "run_checks", "run_smoke"]

_MODULES = (behaviour, training, objective)
CHECKS: dict[str, Callable[[Subject], str]] = {
    name: next(vars(module)[name] for module in _MODULES if name in module.__all__)
    for name in SENTENCES
}
"""Name -> check, in the order of the run."""


def run_check(name: str, subject: Subject, *, time_limit_s: float) -> CheckResult:
    """Run one check.

    Parameters
    ----------
    name : str
        A key of `CHECKS`.
    subject : Subject
        The model.
    time_limit_s : float
        Seconds.

    Returns
    -------
    result : CheckResult
        How it ended.
    """
    start = perf_counter()
    status, reason, place = "PASS", "", ""
    try:
        with time_limit(time_limit_s), torch.enable_grad():
            subject.reset()
            reason = CHECKS[name](subject)
    except Skipped as skipped:
        status, reason = "SKIP", str(skipped)
    except Failed as failed:
        status, reason, place = "FAIL", failed.reason, failed.place
        place = (
            place or describe_error(failed.__cause__)[1] if failed.__cause__ else place
        )
    except TimeLimitExceeded as error:
        _, place = describe_error(error)
        status, reason = "FAIL", f"did not return within {time_limit_s:g} s"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a model raises
        status = "FAIL"
        reason, place = describe_error(error)
    return CheckResult(
        name=name,
        status=status,  # type: ignore[arg-type]
        reason=reason,
        place=place,
        seconds=perf_counter() - start,
    )


def run_checks(
    subject: Subject,
    names: Collection[str],
    *,
    time_limit_s: float,
    on_start: Callable[[str], None] | None = None,
    on_result: Callable[[CheckResult], None] | None = None,
) -> list[CheckResult]:
    """Run checks one after the other; put everything back at the end.

    Parameters
    ----------
    subject : Subject
        The model.
    names : collection of str
        Keys of `CHECKS`.
    time_limit_s : float
        Seconds, for each.
    on_start, on_result : callable or None
        Called with the name before, and with the result after, each check.

    Returns
    -------
    results : list of CheckResult
        In order.
    """
    results: list[CheckResult] = []
    # A warning of the model is no failure, whatever filters pytest set.
    with kept_random_state(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            if on_start is not None:
                on_start(name)
            result = run_check(name, subject, time_limit_s=time_limit_s)
            results.append(result)
            if on_result is not None:
                on_result(result)
            if name == "build" and result.status == "FAIL":
                break
        subject.initial.restore()
    return results


def select_checks(
    skip: Collection[str], *, loss: object, step: object
) -> tuple[str, ...]:
    """Return the names of the checks to run.

    Parameters
    ----------
    skip : collection of str
        Names to leave out.
    loss, step : object
        What the user gave, or None.

    Returns
    -------
    names : tuple of str
        In order.

    Raises
    ------
    SpecError
        If a name to leave out is unknown, or no other check can do without it.
    """
    unknown = sorted(set(skip) - set(CAN_SKIP))
    if unknown:
        msg = f"cannot skip {unknown[0]!r}; can skip: {', '.join(CAN_SKIP)}"
        raise SpecError(msg)
    absent = {"loss": loss is None, "step": step is None}
    return tuple(
        name for name in CHECKS if name not in skip and not absent.get(name, False)
    )


def run_smoke(
    model: Any,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    step: Callable[..., Any] | None = None,
    fixture: str | os.PathLike[str] | Fixture | None = None,
    device: str | torch.device | None = None,
    make_model: Callable[[], Any] | None = None,
    skip: Collection[str] = (),
    allow_frozen: bool = False,
    time_limit: float = 30.0,
    seed: int = 0,
) -> SmokeReport:
    """Find out whether a detector is alive, from its behaviour on a few windows.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Maps signals (B, C, T) to raw logits: (B, T), (B, 1, T) or (B, T, 1); two classes
        (B, 2, T) or (B, T, 2), background first; or per window (B,), (B, 1) or (B, 2).
        Of a tuple the first entry is taken, of a dict the only one that fits.
    loss : callable or None
        Your loss: `loss(logits, labels)` gives a tensor with one number. Labels are
        float32, for two classes int64. None: balanced cross-entropy, not checked.
    step : callable or None
        Your training step: `step(model, signals, labels)`, or `make_step(model)` that
        returns a `step(signals, labels)` with an optimizer of its own, which is made
        anew for each part of the check. One call is forward, backward and one step of
        the optimizer; what it returns, if a number, is taken for the loss.
    fixture : str, path, Fixture or None
        As for `load_fixture`; None takes the packaged ``smoke``.
    device : str, torch.device or None
        Where the model is moved to for the run; None: where it is.
    make_model : callable or None
        Builds the model anew, to load its checkpoint into.
    skip : collection of str
        Names of checks to leave out.
    allow_frozen : bool
        Whether parameters with ``requires_grad=False`` are meant to be so.
    time_limit : float
        Seconds for each check. In the main thread of a POSIX process, Python code is
        stopped at the limit; elsewhere, and inside a call into C that does not return,
        a check cannot be stopped from within: ``bgb-fixtures smoke`` runs in a process
        of its own, which it ends.
    seed : int
        Of the global generators before each check.

    Returns
    -------
    report : SmokeReport
        One result a check.

    Raises
    ------
    SpecError
        If a check to leave out is unknown, or the fixture has no two classes to learn.
    FixtureError
        If the fixture cannot be loaded.

    Notes
    -----
    Afterwards parameters, buffers, plain attributes, gradients, training modes and the
    global generators are as they were. Of an optimizer that `step` brings along, the
    parameters are, its own state is not.

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
    loaded = fixture if isinstance(fixture, Fixture) else load_fixture(fixture)
    moved_from = None
    if device is not None and isinstance(model, torch.nn.Module):
        first = next(model.parameters(), None)
        moved_from = None if first is None else first.device
        model.to(device)
    try:
        subject = Subject(
            model,
            fixture=loaded,
            device=None if device is None else torch.device(device),
            loss=loss,
            step=step,
            make_model=make_model,
            seed=seed,
            allow_frozen=allow_frozen,
            training=True,
        )
        results = run_checks(subject, names, time_limit_s=time_limit)
    finally:
        if moved_from is not None:
            model.to(moved_from)
    return SmokeReport(
        model=getattr(model, "__name__", type(model).__name__),
        contract="" if subject.contract is None else str(subject.contract),
        checks=tuple(results),
        seconds=perf_counter() - start,
    )


def assert_smoke(model: Any, **options: Any) -> SmokeReport:
    """Fail a test, with the whole table, if a detector is not alive.

    Parameters
    ----------
    model : torch.nn.Module or callable
        As for `run_smoke`.
    **options
        As for `run_smoke`.

    Returns
    -------
    report : SmokeReport
        If all checks passed or were skipped.

    Raises
    ------
    SmokeError
        If a check failed; an AssertionError.
    """
    __tracebackhide__ = True
    report = run_smoke(model, **options)
    if not report.passed:
        msg = f"{report.summary}\n{report}"
        raise SmokeError(msg)
    return report
