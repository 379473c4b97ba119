"""The life of a golden in a test: written once, compared ever after, updated on request.

Invariant: a test passes only if a golden was there and held, or if updating was asked
for; nothing is blessed silently, and under CI nothing is written unless that was asked
for too.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bgb_fixtures.errors import FormatError, GoldenMismatchError, SpecError, TargetError
from bgb_fixtures.golden.compare import compare_goldens
from bgb_fixtures.golden.record import (
    check_windows,
    make_golden,
    refuse_nan,
    run_model,
)
from bgb_fixtures.golden.report import describe_comparison
from bgb_fixtures.golden.store import is_golden, load_golden, write_golden

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.compare import Comparison
    from bgb_fixtures.golden.content import Golden

__all__ = [
    "GoldenChecker",
    "assert_holds",
    "file_name_of",
    "golden_path",
    "refuse_difference",
    "save",
    "under_ci",
    "update",
]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_MAX_FILE_NAME = 120


def under_ci() -> bool:
    """Return whether this runs on a CI service.

    Returns
    -------
    ci : bool
        Whether the environment variable ``CI`` is set, and not to 0, no or false.
    """
    return os.environ.get("CI", "").lower() not in ("", "0", "no", "false")


def check_name(name: str) -> None:
    """Refuse a name that is not fit for a file.

    Parameters
    ----------
    name : str
        What a golden is to be called.

    Raises
    ------
    SpecError
        If it has other characters than letters, digits, _ and -.
    """
    if not _NAME.fullmatch(name):
        msg = (
            f"golden name {name!r:.80}: expected 1 to 64 letters, digits, _ or -, such as "
            "'logits'"
        )
        raise SpecError(msg)


def golden_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Return the file of a golden that was recorded from the command line.

    Parameters
    ----------
    folder : str or path
        The folder of the goldens.
    name : str
        What it is called.

    Returns
    -------
    path : pathlib.Path
        ``FOLDER/NAME.h5``.
    """
    check_name(name)
    return Path(folder) / f"{name}.h5"


def file_name_of(test: str, name: str) -> str:
    """Return the file name of a golden of a test.

    Parameters
    ----------
    test : str
        Class and function with parameters: ``"TestUNet::test_it[half-2]"``.
    name : str
        What the golden is called in the test.

    Returns
    -------
    file_name : str
        Readable: ``"TestUNet.test_it_half-2.logits.h5"``; where characters had to be
        replaced or the name was too long, with eight digits that tell it from others.
    """
    readable = test.replace("::", ".").replace("[", "_").replace("]", "")
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", readable)
    if kept != readable or len(kept) > _MAX_FILE_NAME:
        kept = (
            f"{kept[:_MAX_FILE_NAME]}-{hashlib.sha256(test.encode()).hexdigest()[:8]}"
        )
    return f"{kept}.{name}.h5"


def save(golden: Golden, path: Path, *, nan_ok: bool) -> None:
    """Write a golden; its folder is made if need be.

    Parameters
    ----------
    golden : Golden
        What to write.
    path : pathlib.Path
        Where.
    nan_ok : bool
        Whether it may hold NaN.

    Raises
    ------
    SpecError
        If it holds NaN and may not.
    TargetError
        If it cannot be written.
    """
    __tracebackhide__ = True
    if not nan_ok:
        refuse_nan(golden)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{str(path.parent)!r} cannot be made: {error.strerror}"
        raise TargetError(msg) from error
    write_golden(golden, path)


def assert_holds(
    recorded: Golden,
    obtained: Golden,
    *,
    fixture: Fixture | None,
    rtol: float | None = None,
    atol: float | None = None,
    advice: str,
) -> None:
    """Raise unless all outputs are within tolerance.

    Parameters
    ----------
    recorded, obtained : Golden
        Before and now.
    fixture : Fixture or None
        The windows that went in.
    rtol, atol : float or None
        Tolerances instead of the recorded ones.
    advice : str
        How to accept a change that was meant.

    Raises
    ------
    GoldenMismatchError
        If an output differs, or what went in does; the message is the whole report.
    """
    # pytest shows the test's own line, not ours.
    __tracebackhide__ = True
    check_windows(recorded, fixture)
    comparison = compare_goldens(recorded, obtained, rtol=rtol, atol=atol)
    refuse_difference(comparison, fixture=fixture, advice=advice)


def refuse_difference(
    comparison: Comparison, *, fixture: Fixture | None, advice: str
) -> None:
    """Raise unless a comparison found all outputs within tolerance.

    Parameters
    ----------
    comparison : Comparison
        What was compared.
    fixture : Fixture or None
        The windows that went in.
    advice : str
        How to accept a change that was meant.

    Raises
    ------
    GoldenMismatchError
        If an output differs; the message is the whole report.
    """
    __tracebackhide__ = True
    if comparison.equal:
        return
    recorded = comparison.recorded
    text = describe_comparison(comparison, fixture=fixture)
    msg = (
        f"golden {recorded.name!r} does not hold any more: {_shown(recorded.path)}\n"
        f"{text}\nif this change is meant: {advice}"
    )
    raise GoldenMismatchError(msg)


def update(
    obtained: Golden, path: Path, *, fixture: Fixture | None, nan_ok: bool
) -> str | None:
    """Write a golden again if it would differ.

    Parameters
    ----------
    obtained : Golden
        What the code gives now.
    path : pathlib.Path
        Its file; need not exist.
    fixture : Fixture or None
        The windows that went in.
    nan_ok : bool
        Whether it may hold NaN.

    Returns
    -------
    note : str or None
        What changed, in words; None if the file holds exactly this and was left alone.
    """
    if not path.exists():
        save(obtained, path, nan_ok=nan_ok)
        return f"{_shown(path)}: new"
    try:
        recorded = load_golden(path)
    except FormatError as error:
        if not is_golden(path):
            raise
        save(obtained, path, nan_ok=nan_ok)
        return f"{_shown(path)}: was damaged, written again ({error})"
    if _same(recorded, obtained):
        return None
    if recorded.fixture != obtained.fixture:
        text = "recorded with other windows"
    else:
        comparison = compare_goldens(recorded, obtained)
        text = (
            describe_comparison(comparison, fixture=fixture)
            if comparison.changes
            else ""
        )
    save(obtained, path, nan_ok=nan_ok)
    return f"{_shown(path)}: {text or 'changed within tolerance'}"


def _same(recorded: Golden, obtained: Golden) -> bool:
    """Return whether outputs are the same bits, under the same tolerances."""
    keys = list(recorded.outputs)
    if keys != sorted(obtained.outputs) and keys != list(obtained.outputs):
        return False
    states = (recorded.fixture, recorded.model, recorded.trace is None)
    if states != (obtained.fixture, obtained.model, obtained.trace is None):
        return False
    for key in keys:
        a, b = recorded.outputs[key], obtained.outputs[key]
        facts = (a.dtype, a.array.shape, a.tolerance, a.threshold)
        if facts != (b.dtype, b.array.shape, b.tolerance, b.threshold):
            return False
        if a.array.tobytes() != b.array.tobytes():
            return False
    return True


def _shown(path: Path | None) -> str:
    """Show a path as short as it can be from here."""
    if path is None:
        return "in memory"
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class GoldenChecker:
    """Check outputs against goldens in the name of one test; the fixture ``golden``.

    Parameters
    ----------
    folder : pathlib.Path
        Where the goldens of the test file are.
    test : str
        Class and function with parameters.
    updating : bool
        Whether to write what the code gives now, and pass.
    used, notes : list
        Appended to: files of this test; what an update changed.
    """

    def __init__(
        self,
        *,
        folder: Path,
        test: str,
        updating: bool,
        used: list[Path],
        notes: list[str],
    ) -> None:
        self._folder = folder
        self._test = test
        self._updating = updating
        self._used = used
        self._notes = notes
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
    ) -> None:
        """Check a value against its golden.

        Parameters
        ----------
        name : str
            What it is called; each name once in a test.
        value : array, tensor, number, or nested dict of these
            What the code under test gave.
        fixture : Fixture or None
            What went in, if axis 0 is its windows: the message then tells windows,
            detections and score.
        rtol, atol : float or None
            Tolerances instead of the recorded ones. Recorded are these, or defaults by
            dtype and device.
        threshold : float or None
            Above it, a value per sample is a detection; None: 0.5 where all values lie
            in [0, 1], else 0.
        nan_ok : bool
            Whether NaN may be recorded.

        Raises
        ------
        GoldenMismatchError
            If the value differs, or there was no golden; it is then written, except
            under CI.
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
    ) -> None:
        """Run a model over windows and check what it gives; says where it began.

        Parameters
        ----------
        name : str
            What it is called; each name once in a test.
        model : torch.nn.Module
            Takes signals (n, n_channels, n_times). It runs as it is: call `eval()` first.
        fixture : Fixture
            The windows.
        batch_size : int
            Windows at a time; the first batch is traced.
        rtol, atol : float or None
            Tolerances instead of the recorded ones, as in `check`.
        threshold : float or None
            Detection threshold, as in `check`.
        nan_ok : bool
            Whether NaN may be recorded as expected, as in `check`.

        Raises
        ------
        GoldenMismatchError
            As in `check`.
        SpecError
            If the model gives something that a golden cannot hold.
        """
        __tracebackhide__ = True
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
            ),
            fixture=fixture,
            rtol=rtol,
            atol=atol,
            nan_ok=nan_ok,
        )

    def _settle(
        self,
        name: str,
        obtain: Callable[[], Golden],
        *,
        fixture: Fixture | None,
        rtol: float | None,
        atol: float | None,
        nan_ok: bool,
    ) -> None:
        __tracebackhide__ = True
        check_name(name)
        if name in self._names:
            msg = f"golden {name!r} was checked before in this test; give another name"
            raise SpecError(msg)
        self._names.add(name)
        path = self._folder / file_name_of(self._test, name)
        self._used.append(path)
        if self._updating:
            note = update(obtain(), path, fixture=fixture, nan_ok=nan_ok)
            if note is not None:
                self._notes.append(note)
            return
        if not path.exists():
            self._write_first(obtain(), path, nan_ok=nan_ok)
        recorded = load_golden(path)
        # Before a model runs for nothing.
        check_windows(recorded, fixture)
        assert_holds(
            recorded,
            obtain(),
            fixture=fixture,
            rtol=rtol,
            atol=atol,
            advice="pytest --bgb-golden-update, for this test",
        )

    def _write_first(self, obtained: Golden, path: Path, *, nan_ok: bool) -> NoReturn:
        __tracebackhide__ = True
        if under_ci():
            msg = (
                f"there is no golden {obtained.name!r}: {_shown(path)}. Under CI none is "
                "written: run this test on your machine and commit the file"
            )
            raise GoldenMismatchError(msg)
        save(obtained, path, nan_ok=nan_ok)
        parts = ", ".join(
            f"{key} {output.dtype} {output.array.shape}"
            for key, output in obtained.outputs.items()
        )
        msg = (
            f"there was no golden {obtained.name!r}; it is written now: {_shown(path)} "
            f"({parts}). Look whether it is right, commit it, and run the test again"
        )
        raise GoldenMismatchError(msg)
