"""Run a program on the windows of a fixture, and judge what it wrote.

Invariant: a check fails for one reason; what cannot be judged because of another failure
is skipped, and says so.
"""

from __future__ import annotations

import tempfile
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
from bgb_fixtures.golden.seizures import score_events
from bgb_fixtures.smoke.report import CheckResult, Failed, Skipped, SmokeReport
from bgb_fixtures.smoke.szcore.program import run_program, split_command
from bgb_fixtures.smoke.szcore.table import RULES, BrokenRule, read_events

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["run_command"]

_SFREQ = 256.0
_LEAST_S = 60.0
_FOUND = 0.5
"""Share of the seizures that has to be found."""
_MARKED = 0.5
"""Share of the background from which on a program marks everything."""
_ONSET_S = 10.0
"""Seconds that half of the onsets may be away from those of the seizures."""

_Events = list[tuple[float, float]]
_GOOD = {
    "columns": "the seven columns, with a tab between",
    "values": "numbers are numbers, and times are times",
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
    """Check a program that reads an EDF file and writes a TSV file, as SzCORE runs it.

    Parameters
    ----------
    command : str
        Such as ``"my-detector {edf} {tsv}"``; split into words as a shell does.
    fixture : str, path, Fixture or None
        As for `load_fixture`, or a loaded one; None: the packaged ``smoke``.
    time_limit : float
        Seconds for each file.
    on_result : callable or None
        Called with each result as it comes.

    Returns
    -------
    report : SmokeReport
        Checks ``program``, ``columns``, ``values``, ``types``, ``times``, ``found``,
        ``alarms`` and ``onsets``.

    Raises
    ------
    SpecError
        If the command is not one, or the fixture is not what SzCORE takes.
    MissingPackageError
        If timescoring or edfio is not installed.
    FixtureError
        If the fixture cannot be loaded.

    References
    ----------
    Dan et al. 2024, "SzCORE", Epilepsia, https://doi.org/10.1111/epi.18113.
    """
    began = perf_counter()
    words = split_command(command)
    if find_spec("timescoring") is None:
        msg = (
            "smoke --command needs timescoring, which is not installed; "
            'run: pip install "bgb-fixtures[build,score]"'
        )
        raise MissingPackageError(msg)
    loaded = fixture if isinstance(fixture, Fixture) else load_fixture(fixture)
    _check_fixture(loaded)
    results: list[CheckResult] = []

    def check(name: str, judge: Callable[[], str]) -> bool:
        start = perf_counter()
        result = _judge(name, judge, start=start)
        results.append(result)
        if on_result is not None:
            on_result(result)
        return result.status == "PASS"

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        edfs = _export(loaded, folder)
        tsvs = [folder / "tsv" / f"{edf.stem}.tsv" for edf in edfs]
        ran = check("program", lambda: _run(words, edfs, tsvs, time_limit=time_limit))
        events, broken = _read(tsvs if ran else [], loaded)
    for rule in RULES:
        check(rule, lambda rule=rule: _judge_rule(rule, broken, ran=ran))  # type: ignore[misc]
    valid = ran and not broken
    masks = _to_masks(events, loaded) if valid else None
    check("found", lambda: _found(masks, loaded))
    some = check("alarms", lambda: _alarms(masks, loaded))
    check("onsets", lambda: _onsets(events if valid else None, loaded, some=some))
    return SmokeReport(
        model=command,
        contract="EDF (19 channels, 256 Hz, common average) -> TSV of events",
        checks=tuple(results),
        seconds=perf_counter() - began,
    )


def _judge(name: str, judge: Callable[[], str], *, start: float) -> CheckResult:
    try:
        reason = judge()
    except Skipped as skipped:
        return CheckResult(name=name, status="SKIP", reason=str(skipped))
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
        problems.append("channels are not the 19 electrodes")
    if fixture.sfreq != _SFREQ:
        problems.append(f"its rate is {fixture.sfreq:g} Hz, not {_SFREQ:g} Hz")
    if duration < _LEAST_S:
        problems.append(f"windows have {duration:g} s, not {_LEAST_S:g} s or more")
    if not fixture.labels.any():
        problems.append("no window has a seizure")
    if problems:
        msg = (
            f"fixture {str(fixture.path)!r} is not what SzCORE takes: "
            f"{'; '.join(problems)}"
        )
        raise SpecError(msg)


def _export(fixture: Fixture, folder: Path) -> list[Path]:
    """Write the EDF files, and nothing of the truth beside them."""
    with tempfile.TemporaryDirectory() as temporary:
        # It stays on this machine, and not for long.
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


def _run(
    words: list[str], edfs: list[Path], tsvs: list[Path], *, time_limit: float
) -> str:
    longest = 0.0
    for edf, tsv in zip(edfs, tsvs, strict=True):
        start = perf_counter()
        run_program(words, edf, tsv, time_limit=time_limit)
        longest = max(longest, perf_counter() - start)
    return f"ran on {len(edfs)} files, at most {longest:.2f} s for one"


def _read(
    tsvs: list[Path], fixture: Fixture
) -> tuple[list[_Events], dict[str, list[str]]]:
    """Return the events of each file, and of each broken rule what is wrong."""
    duration = fixture.signals.shape[2] / fixture.sfreq
    events: list[_Events] = []
    broken: dict[str, list[str]] = {}
    for tsv in tsvs:
        try:
            events.append(read_events(tsv, duration=duration))
        except BrokenRule as error:
            broken.setdefault(error.rule, []).append(f"{tsv.name}: {error.reason}")
    return events, broken


def _judge_rule(rule: str, broken: dict[str, list[str]], *, ran: bool) -> str:
    if not ran:
        msg = "not judged: the program did not run to its end on every file"
        raise Skipped(msg)
    if rule in broken:
        first, *others = broken[rule]
        more = f" (and {len(others)} more files)" if others else ""
        raise Failed(first + more)
    before = RULES[: RULES.index(rule)]
    if any(name in broken for name in before):
        msg = "not judged in every file: a rule before it is broken"
        raise Skipped(msg)
    return _GOOD[rule]


def _to_masks(events: list[_Events], fixture: Fixture) -> npt.NDArray[np.uint8]:
    """Return what is marked, per sample; events that overlap become one."""
    masks = np.zeros(fixture.labels.shape, np.uint8)
    for mask, spans in zip(masks, events, strict=True):
        for start, stop in spans:
            mask[round(start * fixture.sfreq) : round(stop * fixture.sfreq)] = 1
    return masks


def _need(masks: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8]:
    if masks is None:
        msg = "not judged: there are no valid events of every file"
        raise Skipped(msg)
    return masks


def _found(masks: npt.NDArray[np.uint8] | None, fixture: Fixture) -> str:
    marked = _need(masks)
    if not marked.any():
        msg = "no event in any file: the program finds nothing"
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


def _alarms(masks: npt.NDArray[np.uint8] | None, fixture: Fixture) -> str:
    marked = _need(masks)
    background = fixture.labels == 0
    if not background.any():
        msg = "the fixture has no background"
        raise Skipped(msg)
    share = float(marked[background].mean())
    text = f"{share:.0%} of the background is marked"
    if share >= _MARKED:
        msg = f"{text}; expected less than {_MARKED:.0%}: the program finds everything"
        raise Failed(msg)
    return text


def _onsets(events: list[_Events] | None, fixture: Fixture, *, some: bool) -> str:
    if events is None or not some:
        msg = "not judged: there are no valid events, or they are everywhere"
        raise Skipped(msg)
    offsets = []
    for window, spans in zip(fixture.windows, events, strict=True):
        # The beginning of a seizure that runs into the window is not in it.
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
            f"{text}, and half of them more than {away:.1f} s away; expected "
            f"{_ONSET_S:g} s at most: onsets are seconds from the start of the file"
        )
        raise Failed(msg)
    return text
