"""Run a program or a container on the windows of a fixture and judge its output.

Invariant: a check fails for one reason; a check that cannot be judged because of
another failure is skipped and names that failure.
"""

from __future__ import annotations

import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.events import mask_to_spans
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import MissingPackageError, SpecError
from bgb_fixtures.export import export_fixture
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.golden.detections import score_events
from bgb_fixtures.smoke.report import CheckResult, Failed, Skipped, SmokeReport
from bgb_fixtures.smoke.szcore.container import find_engine, pull_image, run_container
from bgb_fixtures.smoke.szcore.program import run_program, split_command
from bgb_fixtures.smoke.szcore.table import RULES, BrokenRule, read_events

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import numpy.typing as npt

    _RunOne = Callable[[Path, Path], None]

__all__ = ["run_command", "run_image"]

_SFREQ = 256.0
_LEAST_S = 60.0
_FOUND = 0.5
"""Minimum share of the seizures to find."""
_MARKED = 0.5
"""Share of the background from which a program is considered to mark everything."""
_ONSET_S = 10.0
"""Maximum median distance in seconds between onsets and those of the seizures."""

_NOTE = (
    "A pass means that it can be submitted; it says nothing about its performance on "
    "patients."
)
_DID_NOT_END = "not checked: the program did not finish on every file"
_Events = list[tuple[float, float]]
_GOOD = {
    "columns": "the seven columns, separated by tabs",
    "values": "numbers and times have the right form",
    "types": "eventType is sz... or bckg; one row bckg where there is no seizure",
    "times": "all events lie inside their recording",
}


def run_command(
    command: str,
    *,
    fixture: str | os.PathLike[str] | Fixture | None = None,
    time_limit: float = 30.0,
    on_result: Callable[[CheckResult], None] | None = None,
) -> SmokeReport:
    """Check a program that reads an EDF file and writes a TSV file of seizures.

    `command`, such as ``"my-detector {edf} {tsv}"``, is split like in a shell. The
    checks are ``program``, ``columns``, ``values``, ``types``, ``times``, ``found``,
    ``alarms`` and ``onsets``; `time_limit` is in seconds per file.
    """
    words = split_command(command)

    def start() -> _RunOne:
        return partial(run_program, words, time_limit=time_limit)

    return _check(command, start, fixture, on_result)


def run_image(
    image: str,
    *,
    fixture: str | os.PathLike[str] | Fixture | None = None,
    time_limit: float = 30.0,
    on_result: Callable[[CheckResult], None] | None = None,
) -> SmokeReport:
    """Check a container image, run in the same way as in the SzCORE benchmark.

    The checks are those of `run_command`. All of them are skipped if neither Docker nor
    Podman is running.
    """

    def start() -> _RunOne:
        engine = find_engine()
        pull_image(engine, image)
        return partial(run_container, engine, image, time_limit=time_limit)

    return _check(image, start, fixture, on_result)


def _check(
    name: str,
    start: Callable[[], _RunOne],
    fixture: str | os.PathLike[str] | Fixture | None,
    on_result: Callable[[CheckResult], None] | None,
) -> SmokeReport:
    """Run a program or container on every window as an EDF file and judge its output.

    The rules are those of Dan et al. 2024, "SzCORE", Epilepsia,
    https://doi.org/10.1111/epi.18113.
    """
    began = perf_counter()
    if find_spec("timescoring") is None:
        msg = (
            "smoke --command and --image need timescoring, which is not installed; "
            'run: pip install "bgb-fixtures[build,score]"'
        )
        raise MissingPackageError(msg)
    loaded = fixture if isinstance(fixture, Fixture) else load_fixture(fixture)
    _check_fixture(loaded)
    results: list[CheckResult] = []

    def check(name: str, judge: Callable[[], str]) -> bool:
        result = _judge(name, judge)
        results.append(result)
        if on_result is not None:
            on_result(result)
        return result.status == "PASS"

    # A container may leave files that we have no permission to remove.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        edfs = _export(loaded, folder)
        tsvs = [folder / "tsv" / f"{edf.stem}.tsv" for edf in edfs]
        ran = check("program", lambda: _run(start, edfs, tsvs))
        events, broken = _read(tsvs if ran else [], loaded)
    why_not = None
    if not ran:
        failed = results[0].status == "FAIL"
        reason = _DID_NOT_END if failed else "not checked: the program was not run"
        why_not = Skipped(reason, cause="program" if failed else "")
    for rule in RULES:
        check(rule, lambda rule=rule: _judge_rule(rule, broken, why_not))  # type: ignore[misc]
    valid = ran and not broken
    masks = _to_masks(events, loaded) if valid else None
    cause = next((item.name for item in results if item.status == "FAIL"), "")
    check("found", lambda: _found(masks, loaded, cause))
    some = check("alarms", lambda: _alarms(masks, loaded, cause))
    if ran and not some:
        cause = cause or "alarms"
    shown = events if valid and some else None
    check("onsets", lambda: _onsets(shown, loaded, cause))
    return SmokeReport(
        model=name,
        contract="EDF (19 channels, 256 Hz, common average) -> TSV of events",
        checks=tuple(results),
        seconds=perf_counter() - began,
        note=_NOTE,
    )


def _judge(name: str, judge: Callable[[], str]) -> CheckResult:
    start = perf_counter()
    try:
        reason = judge()
    except Skipped as skipped:
        return CheckResult(
            name=name, status="SKIP", reason=str(skipped), cause=skipped.cause
        )
    except Failed as failed:
        return CheckResult(
            name=name,
            status="FAIL",
            reason=failed.reason,
            place=failed.place,
            seconds=perf_counter() - start,
        )
    seconds = perf_counter() - start
    return CheckResult(name=name, status="PASS", reason=reason, seconds=seconds)


def _check_fixture(fixture: Fixture) -> None:
    duration = fixture.signals.shape[2] / fixture.sfreq
    problems = []
    if fixture.ch_names not in {MONTAGES["10-20"], MONTAGES["szcore-19"]}:
        problems.append(
            "its channels are not the 19 electrodes; adapt it with montage 10-20"
        )
    if fixture.sfreq != _SFREQ:
        problems.append(f"its rate is {fixture.sfreq:g} Hz, expected {_SFREQ:g} Hz")
    if duration < _LEAST_S:
        problems.append(
            f"its windows last {duration:g} s, expected at least {_LEAST_S:g} s"
        )
    if not fixture.labels.any():
        problems.append("no window has a seizure")
    if problems:
        msg = (
            f"fixture {str(fixture.path)!r} cannot be used for SzCORE: "
            f"{'; '.join(problems)}"
        )
        raise SpecError(msg)


def _export(fixture: Fixture, folder: Path) -> list[Path]:
    """Write the EDF files without their labels."""
    with tempfile.TemporaryDirectory() as temporary:
        # Local use is fine: the export is temporary and stays on this machine.
        report = export_fixture(
            fixture, "bids", Path(temporary) / "bids", local_use=True
        )
        (folder / "edf").mkdir()
        (folder / "tsv").mkdir()
        paths = []
        runs: dict[str, int] = {}
        for window in fixture.windows:
            runs[window.subject] = run = runs.get(window.subject, 0) + 1
            [source] = report.path.glob(
                f"{window.subject}/*/eeg/*_run-{run:02d}_eeg.edf"
            )
            path = folder / "edf" / f"{window.id}.edf"
            source.rename(path)
            paths.append(path)
    return paths


def _run(start: Callable[[], _RunOne], edfs: list[Path], tsvs: list[Path]) -> str:
    run_one = start()
    longest = 0.0
    for edf, tsv in zip(edfs, tsvs, strict=True):
        begin = perf_counter()
        run_one(edf, tsv)
        longest = max(longest, perf_counter() - begin)
    return f"ran on {len(edfs)} files, at most {longest:.2f} s for one"


def _read(
    tsvs: list[Path], fixture: Fixture
) -> tuple[list[_Events], dict[str, list[str]]]:
    """Return the events of each valid file, and the errors by broken rule."""
    duration = fixture.signals.shape[2] / fixture.sfreq
    events: list[_Events] = []
    broken: dict[str, list[str]] = {}
    for tsv in tsvs:
        try:
            events.append(read_events(tsv, duration=duration))
        except BrokenRule as error:
            broken.setdefault(error.rule, []).append(f"{tsv.name}: {error.reason}")
    return events, broken


def _judge_rule(
    rule: str, broken: dict[str, list[str]], why_not: Skipped | None
) -> str:
    if why_not is not None:
        raise why_not
    if rule in broken:
        first, *others = broken[rule]
        more = f" (and {len(others)} more files)" if others else ""
        raise Failed(first + more)
    cause = next((name for name in RULES[: RULES.index(rule)] if name in broken), "")
    if cause:
        msg = f"not checked in every file because the check {cause} failed"
        raise Skipped(msg, cause=cause)
    return _GOOD[rule]


def _to_masks(events: list[_Events], fixture: Fixture) -> npt.NDArray[np.uint8]:
    """Return a mask per sample of the marked events; overlapping ones are merged."""
    masks = np.zeros(fixture.labels.shape, np.uint8)
    for mask, spans in zip(masks, events, strict=True):
        for start, stop in spans:
            mask[round(start * fixture.sfreq) : round(stop * fixture.sfreq)] = 1
    return masks


def _need(masks: npt.NDArray[np.uint8] | None, cause: str) -> npt.NDArray[np.uint8]:
    if masks is None:
        msg = "not checked: not every file has valid events"
        raise Skipped(msg, cause=cause)
    return masks


def _found(masks: npt.NDArray[np.uint8] | None, fixture: Fixture, cause: str) -> str:
    marked = _need(masks, cause)
    if not marked.any():
        msg = "no file has an event: the program finds nothing"
        raise Failed(msg)
    detections = [mask_to_spans(mask) for mask in marked]
    score = score_events(fixture.labels, detections, sfreq=fixture.sfreq)
    if score is None:
        msg = "timescoring cannot be imported"
        raise Skipped(msg)
    text = f"{score.sensitivity:.0%} of the seizures found (SzCORE event rules)"
    if score.sensitivity < _FOUND:
        msg = f"{text}; expected at least {_FOUND:.0%}"
        raise Failed(msg)
    return f"{text}, F1 {score.f1:.2f}"


def _alarms(masks: npt.NDArray[np.uint8] | None, fixture: Fixture, cause: str) -> str:
    marked = _need(masks, cause)
    background = fixture.labels == 0
    if not background.any():
        msg = "the fixture has no background"
        raise Skipped(msg)
    n_marked, n = int(np.count_nonzero(marked[background])), int(background.sum())
    # Rounded down, so that a share below the limit is never shown as the limit.
    text = f"{n_marked * 1000 // n / 10:.1f}% of the background is marked"
    if n_marked / n >= _MARKED:
        msg = f"{text}; expected less than {_MARKED:.0%}: the program finds everything"
        raise Failed(msg)
    return f"{text} (limit {_MARKED:.0%})"


def _onsets(events: list[_Events] | None, fixture: Fixture, cause: str) -> str:
    if events is None:
        msg = "not checked: there are no valid events, or everything is marked"
        raise Skipped(msg, cause=cause)
    offsets = []
    for window, spans in zip(fixture.windows, events, strict=True):
        # A seizure that began before the window has no onset in it.
        for onset in [event.onset for event in window.events if event.onset > 0]:
            offsets += sorted((start - onset for start, _ in spans), key=abs)[:1]
    if not offsets:
        msg = "no event in a file in which a seizure begins"
        raise Skipped(msg)
    away = median(map(abs, offsets))
    middle = median(offsets)
    text = f"events begin {middle:+.1f} s from the seizures (median, nearest)"
    if away > _ONSET_S:
        msg = (
            f"{text}, half of them more than {away:.1f} s away (expected at most "
            f"{_ONSET_S:g} s): onsets are seconds from the start of the file"
        )
        raise Failed(msg)
    return text
