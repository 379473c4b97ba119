"""Goldens in tests: written once, compared in later runs, updated on request.

Invariant: a test passes only if its golden existed before this run and matched, or if
the user requested an update; nothing is accepted silently, and under CI nothing is
written without such a request.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import (
    FixtureError,
    FormatError,
    GoldenMismatchError,
    SpecError,
    TargetError,
)
from bgb_fixtures.golden.ci import ci_variable
from bgb_fixtures.golden.compare import compare_goldens
from bgb_fixtures.golden.content import PLAIN
from bgb_fixtures.golden.environment import UNSEEDED
from bgb_fixtures.golden.names import as_stored, check_name, file_name_of
from bgb_fixtures.golden.record import (
    check_layout,
    check_windows,
    listed,
    make_events_golden,
    make_golden,
    refuse_nan,
    run_model,
)
from bgb_fixtures.golden.report import (
    allowed,
    describe_comparison,
    first_difference_of,
    show_size,
)
from bgb_fixtures.golden.store import is_replaceable, load_golden, write_golden

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.compare import Comparison
    from bgb_fixtures.golden.content import FixtureState, Golden
    from bgb_fixtures.golden.randomness import Randomness

__all__ = [
    "GoldenChecker",
    "Log",
    "refuse_difference",
    "save",
    "size_note",
    "update",
]

_LARGE = 5_000_000
"""Size of a golden in bytes above which a warning is shown."""


class Log:
    """Log of what the tests of this process did with goldens.

    `entries` has the outcome, file and note of each check as plain strings, which can
    be sent to another process. Outcomes: ``matched``, ``written``, ``rerun`` (a test
    whose golden was written by this run), ``missing`` (not written, under CI),
    ``differed``, ``updated``, ``kept`` (an update with nothing to change) and
    ``refused``.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []
        self.written: set[Path] = set()
        self.tests: dict[Path, str] = {}


def save(golden: Golden, path: Path, *, nan_ok: bool) -> None:
    """Write a golden and create its folder if needed; refuse NaN unless `nan_ok`."""
    __tracebackhide__ = True
    if not nan_ok:
        refuse_nan(golden)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{str(path.parent)!r} cannot be created: {error.strerror}"
        raise TargetError(msg) from error
    write_golden(golden, path)


def size_note(
    golden: Golden,
    *,
    keep: Callable[[tuple[str, ...]], str] = "keep={!r}".format,
) -> str:
    """Return a warning that names the largest output of a large golden, otherwise "".

    `keep` formats the advice to keep only the entries with the given keys.
    """
    sizes = {key: output.array.nbytes for key, output in golden.outputs.items()}
    total = sum(sizes.values())
    if total <= _LARGE:
        return ""
    largest = max(sizes, key=lambda key: sizes[key])
    note = f"large for a repository: {show_size(total)}"
    # Sum the sizes per entry of the outermost level, as `keep` selects among those.
    parts: dict[str, int] = {}
    for key, size in sizes.items():
        part = key.removeprefix(golden.name).removeprefix(".").partition(".")[0]
        parts[part] = parts.get(part, 0) + size
    small = tuple(part for part, size in parts.items() if size <= _LARGE)
    if not small:
        return f"{note}. Check fewer windows, or every n-th value"
    return (
        f"{note}; {largest!r} takes {show_size(sizes[largest])}. To keep less: "
        f"{keep(small)}"
    )


def refuse_difference(
    comparison: Comparison,
    *,
    fixture: Fixture | None,
    advice: str,
    randomness: Randomness | None = None,
) -> None:
    """Raise GoldenMismatchError with the whole report unless all outputs match.

    `advice` says how to accept an intended change.
    """
    __tracebackhide__ = True
    if comparison.equal:
        return
    recorded = comparison.recorded
    lines = [
        f"golden {recorded.name!r} no longer matches: {_shown(recorded.path)}",
        describe_comparison(comparison, fixture=fixture),
    ]
    if randomness is not None:
        lines.append(str(randomness))
    else:
        lines.append(_advice(comparison, advice))
    msg = "\n".join(lines)
    raise GoldenMismatchError(msg)


def _advice(comparison: Comparison, advice: str) -> str:
    """Return how to accept a change, or that random weights would change again."""
    first = first_difference_of(comparison)
    if first is None or not first.all_weights_changed:
        return f"if this change is intended: {advice}"
    sides = (comparison.recorded.environment, comparison.obtained.environment)
    if any(side.get("torch seed") == UNSEEDED for side in sides):
        return (
            "the weights are random: every module has different weights, and torch "
            "was not seeded. Call torch.manual_seed(0) before you create the model, "
            f"or load a checkpoint; then, or if this is another checkpoint: {advice}"
        )
    return (
        f"if these weights come from another checkpoint: {advice}. If they are "
        "random, call torch.manual_seed(0) right before you create the model"
    )


def update(
    obtained: Golden, path: Path, *, fixture: Fixture | None, nan_ok: bool
) -> str:
    """Rewrite a golden unless the file still matches, and return what changed.

    The result is empty if the file was not touched.
    """
    if not path.exists():
        save(obtained, path, nan_ok=nan_ok)
        return f"{_shown(path)}: new"
    try:
        recorded = load_golden(path)
    except FormatError as error:
        if not is_replaceable(path):
            raise
        save(obtained, path, nan_ok=nan_ok)
        return f"{_shown(path)}: it could not be read ({error})"
    note = _reason_to_update(recorded, obtained, fixture=fixture)
    if note:
        save(obtained, path, nan_ok=nan_ok)
        return f"{_shown(path)}: {note}"
    return ""


def _reason_to_update(
    recorded: Golden, obtained: Golden, *, fixture: Fixture | None
) -> str:
    if recorded.fixture != obtained.fixture:
        return _other_windows(recorded.fixture, obtained.fixture)
    if recorded.layout != obtained.layout:
        return (
            f"it was recorded with layout {recorded.layout}, now with {obtained.layout}"
        )
    if (recorded.test, recorded.name) != (obtained.test, obtained.name):
        return f"it was made for {recorded.test or recorded.name!r}"
    for key, output in obtained.outputs.items():
        before = recorded.outputs.get(key)
        if before is None:
            continue
        if before.threshold != output.threshold:
            return f"{key!r}: threshold {before.threshold} -> {output.threshold}"
        a, b = before.tolerance, output.tolerance
        stated = not (a.basis and b.basis)
        if stated and (a.rtol, a.atol, a.basis) != (b.rtol, b.atol, b.basis):
            shown = [allowed(tolerance, output.dtype) for tolerance in (a, b)]
            return f"{key!r}: {shown[0]} -> {shown[1].removeprefix('allowed ')}"
    comparison = compare_goldens(recorded, obtained)
    if comparison.equal:
        return ""
    return describe_comparison(comparison, fixture=fixture)


def _other_windows(a: FixtureState | None, b: FixtureState | None) -> str:
    """Return how the windows of a golden changed from `a` to `b`."""
    if a is None or b is None:
        return "it was recorded " + ", now ".join(
            "without a fixture" if state is None else f"with fixture {state.name!r}"
            for state in (a, b)
        )
    if (a.name, a.content_version) == (b.name, b.content_version):
        if a.shape != b.shape:
            return f"it was recorded with windows of {a.shape}, now {b.shape}"
        if a.windows != b.windows:
            return (
                f"it was recorded with other windows of fixture {a.name!r} "
                f"({listed(a.windows)}; now {listed(b.windows)})"
            )
    return "it was recorded with fixture " + ", now with ".join(
        f"{state.name!r} (content version {state.content_version}, digest "
        f"{state.digest[:12]})"
        for state in (a, b)
    )


def _shown(path: Path | None) -> str:
    """Return a path relative to the current folder if it is inside."""
    if path is None:
        return "in memory"
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class GoldenChecker:
    """Compare outputs of a test with its goldens: the pytest fixture ``golden``.

    Parameters
    ----------
    folder : pathlib.Path
        Folder with the goldens of the test file.
    nodeid : str
        Node id of the test.
    updating : bool
        Whether to write the current outputs and pass.
    log : Log
        Log of this test run.
    """

    def __init__(self, *, folder: Path, nodeid: str, updating: bool, log: Log) -> None:
        self._folder = folder
        self._nodeid = nodeid
        self._test = nodeid.partition("::")[2]
        self._updating = updating
        self._log = log
        self._names: set[str] = set()

    def check(
        self,
        name: str,
        value: object,
        *,
        fixture: Fixture | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        threshold: float | None = None,
        nan_ok: bool = False,
        keep: Sequence[str] | None = None,
    ) -> None:
        """Compare a value with its golden.

        Parameters
        ----------
        name : str
            Name of the golden, unique in the test.
        value : array, tensor, number, string, None, or dict, list, dataclass of these
            Output of the code under test.
        fixture : Fixture or None
            Input of the code, if axis 0 of `value` runs over its windows. The report
            then names windows, detections and scores.
        rtol, atol : float or None
            Tolerances to record and to use instead of the recorded ones. None: the
            recorded ones, which default to values by dtype and device.
        threshold : float or None
            Value per sample above which a sample is a detection. None: 0.5 if all
            values are in [0, 1], otherwise 0.
        nan_ok : bool
            Whether NaN may be recorded.
        keep : sequence of str or None
            Keys, fields or positions of the outermost level to keep. None: all.

        Raises
        ------
        GoldenMismatchError
            If the value differs, or if the golden was missing or was written by this
            run. A missing golden is written, except under CI.
        SpecError
            If a golden cannot hold the value.
        """
        __tracebackhide__ = True
        self._settle(
            name,
            lambda: make_golden(
                value,
                name=name,
                fixture=fixture,
                rtol=rtol,
                atol=atol,
                threshold=threshold,
                keep=keep,
            ),
            fixture=fixture,
            rtol=rtol,
            atol=atol,
            nan_ok=nan_ok,
        )

    def check_model(
        self,
        name: str,
        model: Callable[..., Any],
        fixture: Fixture,
        *,
        batch_size: int = 4,
        rtol: float | None = None,
        atol: float | None = None,
        threshold: float | None = None,
        nan_ok: bool = False,
        keep: Sequence[str] | None = None,
        layout: str = PLAIN,
    ) -> None:
        """Compare outputs of a model with a golden and find where a change begins.

        Parameters
        ----------
        name : str
            Name of the golden, unique in the test.
        model : torch.nn.Module
            Model for signals (n, n_channels, n_times), or with the axes of `layout`.
            Call `eval()` first.
        fixture : Fixture
            The windows.
        batch_size : int
            Windows per batch; the first batch is traced.
        rtol, atol : float or None
            Tolerances instead of the recorded ones, as in `check`.
        threshold : float or None
            Detection threshold, as in `check`.
        nan_ok : bool
            Whether NaN may be recorded, as in `check`.
        keep : sequence of str or None
            Outputs to keep, as in `check`.
        layout : str
            Axes of the input, such as ``"B1CT"``, ``"BTC"`` or ``"BCS200"`` for patches
            of 200 samples, as in `run_smoke`.

        Raises
        ------
        GoldenMismatchError
            As in `check`.
        SpecError
            If a golden cannot hold the output, or if the output is random.
        """
        __tracebackhide__ = True

        def find(obtained: Golden) -> Randomness | None:
            from bgb_fixtures.golden.randomness import find_randomness

            return find_randomness(
                lambda: model, fixture, obtained, batch_size=batch_size, keep=keep
            )

        self._settle(
            name,
            lambda: run_model(
                model,
                fixture,
                name=name,
                batch_size=batch_size,
                rtol=rtol,
                atol=atol,
                threshold=threshold,
                keep=keep,
                layout=layout,
            ),
            fixture=fixture,
            layout=layout,
            rtol=rtol,
            atol=atol,
            nan_ok=nan_ok,
            find=find,
        )

    def check_events(
        self,
        name: str,
        events: object,
        *,
        fixture: Fixture | None = None,
        atol: float | None = None,
    ) -> None:
        """Compare events, such as seizures found by post-processing, with a golden.

        Parameters
        ----------
        name : str
            Name of the golden, unique in the test.
        events : list
            Events in seconds: `Event`, (onset, duration) or (onset, duration, label).
            With `fixture`, one list per window.
        fixture : Fixture or None
            Input of the code. The report then names windows and gives the score.
        atol : float or None
            Tolerance of onset and end in seconds, instead of the recorded one. The
            default is 0.001.

        Raises
        ------
        GoldenMismatchError
            If events were gained, lost, shifted or relabelled; otherwise as in `check`.
        SpecError
            If the values are not events.
        """
        __tracebackhide__ = True
        self._settle(
            name,
            lambda: make_events_golden(events, name=name, fixture=fixture, atol=atol),
            fixture=fixture,
            rtol=None,
            atol=atol,
            nan_ok=False,
        )

    def _settle(
        self,
        name: str,
        obtain: Callable[[], Golden],
        *,
        fixture: Fixture | None,
        layout: str | None = None,
        rtol: float | None,
        atol: float | None,
        nan_ok: bool,
        find: Callable[[Golden], Randomness | None] = lambda _: None,
    ) -> None:
        __tracebackhide__ = True
        path = self._claim(name)
        outcome, note = "refused", ""
        try:
            if path in self._log.written:
                outcome = "rerun"
                msg = (
                    f"golden {name!r} was written by this run, so it proves nothing: "
                    f"{_shown(path)}. Check it, commit it and start another run"
                )
                raise GoldenMismatchError(msg)
            if self._updating:
                note = self._update(obtain(), path, fixture, nan_ok=nan_ok, find=find)
                outcome = "updated" if note else "kept"
                outcome = "written" if note.endswith(": new") else outcome
                return
            if not path.exists():
                outcome = "missing" if ci_variable() else "refused"
                msg = self._write_first(
                    obtain, path, name=name, nan_ok=nan_ok, find=find
                )
                outcome = "written"
                raise GoldenMismatchError(msg)
            outcome = "differed"
            recorded = self._load(path, name)
            # Check this first, as running the model may take long.
            check_windows(recorded, fixture)
            if layout is not None:
                check_layout(recorded, layout)
            obtained = obtain()
            comparison = compare_goldens(recorded, obtained, rtol=rtol, atol=atol)
            if not comparison.equal:
                refuse_difference(
                    comparison,
                    fixture=fixture,
                    advice=f"pytest --bgb-golden-update {shlex.quote(self._nodeid)}",
                    randomness=find(obtained),
                )
            outcome = "matched"
        finally:
            self._log.entries.append((outcome, str(path), note))

    def _claim(self, name: str) -> Path:
        """Return the path of a golden; fail if its name or file is already in use."""
        __tracebackhide__ = True
        check_name(name)
        if name in self._names:
            msg = f"golden {name!r} was already checked in this test; use another name"
            raise SpecError(msg)
        self._names.add(name)
        path = self._folder / file_name_of(self._test, name)
        other = self._log.tests.setdefault(path, self._nodeid)
        if other != self._nodeid:
            msg = (
                f"{_shown(path)!r}: two tests share this golden ({other!r} and "
                f"{self._nodeid!r}). Rename one of them"
            )
            raise SpecError(msg)
        return path

    def _load(self, path: Path, name: str) -> Golden:
        """Load the golden of this test; raise any error without a traceback."""
        __tracebackhide__ = True
        try:
            recorded = load_golden(path)
        except FixtureError as error:
            # Users do not need the traceback through the file reader.
            raise type(error)(str(error)) from None
        if (recorded.test, recorded.name) != (as_stored(self._test), name):
            made_for = recorded.test or "bgb-fixtures golden record"
            msg = (
                f"{str(path)!r} was made for another test (found {made_for!r}, golden "
                f"{recorded.name!r}; expected {self._test!r}, golden {name!r}). If the "
                "test was renamed: pytest --bgb-golden-update "
                f"{shlex.quote(self._nodeid)}"
            )
            raise GoldenMismatchError(msg)
        return recorded

    def _update(
        self,
        obtained: Golden,
        path: Path,
        fixture: Fixture | None,
        *,
        nan_ok: bool,
        find: Callable[[Golden], Randomness | None],
    ) -> str:
        __tracebackhide__ = True
        golden = self._signed(obtained, find=find)
        note = update(golden, path, fixture=fixture, nan_ok=nan_ok)
        large = size_note(golden)
        return f"{note}\n  {large}" if note and large else note

    def _write_first(
        self,
        obtain: Callable[[], Golden],
        path: Path,
        *,
        name: str,
        nan_ok: bool,
        find: Callable[[Golden], Randomness | None],
    ) -> str:
        """Write a missing golden and return a message with the next steps."""
        __tracebackhide__ = True
        variable = ci_variable()
        if variable is not None:
            msg = (
                f"golden {name!r} is missing: {_shown(path)}. Goldens are not written "
                f"under CI ({variable} is set): run this test on your machine and "
                "commit the file"
            )
            raise GoldenMismatchError(msg)
        golden = self._signed(obtain(), find=find)
        save(golden, path, nan_ok=nan_ok)
        self._log.written.add(path)
        parts = [
            f"{key} {output.dtype} {output.array.shape}"
            for key, output in golden.outputs.items()
        ]
        more = f" and {len(parts) - 5} more" if len(parts) > 5 else ""
        text = (
            f"golden {name!r} was missing and is now written: {_shown(path)} "
            f"({', '.join(parts[:5])}{more}; {show_size(path.stat().st_size)}). Check it, "
            "commit it and rerun the test"
        )
        large = size_note(golden)
        return f"{text}\n{large}" if large else text

    def _signed(
        self, golden: Golden, *, find: Callable[[Golden], Randomness | None]
    ) -> Golden:
        """Return the golden with the name of this test added; refuse random output."""
        randomness = find(golden)
        if randomness is not None and randomness.by_seed:
            msg = f"golden {golden.name!r} is not written: {randomness}"
            raise SpecError(msg)
        return replace(golden, test=as_stored(self._test))
