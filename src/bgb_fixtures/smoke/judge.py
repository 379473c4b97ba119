"""Judge the checks and find out which failure explains which.

Invariant: a check that raises or hangs is one FAIL; a check that fails because of
another failed check is a SKIP that names its cause.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch

from bgb_fixtures.errors import FixtureError
from bgb_fixtures.smoke.catalogue import CAUSES, NEEDED, WARM
from bgb_fixtures.smoke.checks import CHECKS
from bgb_fixtures.smoke.limits import TimeLimitExceeded, describe_error, time_limit
from bgb_fixtures.smoke.loading import raise_import_failure
from bgb_fixtures.smoke.report import CheckResult, Failed, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.smoke.detector import Detector

__all__ = ["Judge", "Outcome", "attempt", "consequence"]


class Judge:
    """Judge that runs each check at most once and attributes failures to their causes.

    `known` has verdicts from an earlier process. `on_start` is called with the name of
    a check before it runs, `on_verdict` with its verdict before failures are
    attributed.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        known: Iterable[CheckResult] = (),
        on_start: Callable[[str], None] | None = None,
        on_verdict: Callable[[CheckResult], None] | None = None,
    ) -> None:
        self._detector = detector
        self._verdicts = {result.name: result for result in known}
        self._on_start = on_start
        self._on_verdict = on_verdict

    def result(self, name: str) -> CheckResult:
        """Return the result of a check: SKIP if another failure explains its own."""
        verdict = self._verdict(name)
        if verdict.status != "FAIL":
            return verdict
        for cause in CAUSES[name]:
            other = self.result(cause)
            root = other.name if other.status == "FAIL" else other.cause
            if root:
                return consequence(name, root)
        return verdict

    def _verdict(self, name: str) -> CheckResult:
        """Return the verdict of a check before failures are attributed to causes."""
        if name not in self._verdicts:
            for needed in NEEDED[: NEEDED.index(name)] if name in NEEDED else NEEDED:
                if self._verdict(needed).status == "FAIL":
                    return consequence(name, needed)
            if name in WARM:
                self._verdict("gradients")
            if self._on_start is not None:
                self._on_start(name)
            self._verdicts[name] = verdict = self._run(name)
            if self._on_verdict is not None:
                self._on_verdict(verdict)
        return self._verdicts[name]

    def _run(self, name: str) -> CheckResult:
        detector = self._detector

        def run() -> str:
            with torch.enable_grad():
                detector.reset()
                return CHECKS[name](detector)

        outcome = attempt(name, run, limit=detector.budget.time_limit)
        if outcome.timed_out and detector.budget.is_slow:
            # A slow model is not faulty, but cannot be distinguished from a hang here.
            return dataclasses.replace(outcome.result, status="SKIP")
        return outcome.result


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of running user code: a result, and the value if it passed."""

    result: CheckResult
    value: Any = None
    timed_out: bool = False


def attempt(name: str, run: Callable[[], Any], *, limit: float) -> Outcome:
    """Run user code as a part of check `name`, for at most `limit` seconds.

    Raises MissingPackageError if a library cannot be imported, as that says nothing
    about the detector.
    """
    start = perf_counter()
    status: Literal["PASS", "FAIL", "SKIP"] = "FAIL"
    value, place, cause, timed_out = None, "", "", False
    try:
        with time_limit(limit):
            value = run()
        status, reason = "PASS", str(value)
    except Skipped as skipped:
        status, reason, cause = "SKIP", str(skipped), skipped.cause
    except Failed as failed:
        reason, place = failed.reason, failed.place
    except TimeLimitExceeded as error:
        timed_out = True
        reason, place = f"did not return within {limit:g} s", describe_error(error)[1]
    except FixtureError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code
        raise_import_failure(error)
        reason, place = describe_error(error)
    seconds = perf_counter() - start
    result = CheckResult(
        name=name,
        status=status,
        reason=reason,
        place=place,
        cause=cause,
        seconds=seconds,
    )
    return Outcome(result=result, value=value, timed_out=timed_out)


def consequence(name: str, cause: str) -> CheckResult:
    """Return the SKIP of a check that failed because of another failed check."""
    reason = f"not checked because the check {cause} failed"
    return CheckResult(name=name, status="SKIP", reason=reason, cause=cause)
