"""Time limits, and locations of exceptions in the user's code.

Invariant: a time limit restores the alarm of the process and its handler, including
those of pytest-timeout.
"""

from __future__ import annotations

import signal
import threading
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = [
    "PATIENCE",
    "Deadline",
    "Stopwatch",
    "TimeLimitExceeded",
    "describe_error",
    "is_library",
    "show_path",
    "time_limit",
]

_OURS = str(Path(__file__).parents[1])
_PYTHON = str(Path(threading.__file__).parent)


PATIENCE = 4.0
"""Factor by which code may exceed the limit if other programs slow it down."""
BUSY = 0.1
"""Share of processor time below which code past its limit counts as hanging."""


class TimeLimitExceeded(BaseException):
    """Time limit of a check; `except Exception` in a model does not catch it."""


def is_library(filename: str) -> bool:
    """Return whether a file belongs to this package, torch or Python."""
    in_site = "site-packages" in Path(filename).parts
    return in_site or filename.startswith((_OURS, _PYTHON, "<"))


def show_path(filename: str) -> str:
    """Return a path relative to the current folder if it is inside."""
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except ValueError:
        return filename


def describe_error(error: BaseException) -> tuple[str, str]:
    """Return an exception as one line of text, and the user's line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{show_path(frame.filename)}:{frame.lineno} in {frame.name}"
        for frame in frames
        if not is_library(frame.filename)
    ]
    message = " ".join(str(error).split())
    reason = (
        f"{type(error).__name__}: {message:.400}" if message else type(error).__name__
    )
    return reason, places[-1] if places else ""


class Deadline:
    """Deadline of a loop with a planned duration in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the deadline was set."""
        return time.monotonic() - self._start

    @property
    def is_over(self) -> bool:
        """Whether the planned time is over."""
        return self.spent > self.seconds


class Stopwatch:
    """Wall-clock time and processor time since creation.

    Code that hangs uses the processor all the time or not at all. Code that is slowed
    down by other programs uses it part of the time.
    """

    def __init__(self) -> None:
        self._wall, self._processor = time.monotonic(), time.process_time()

    @property
    def wall(self) -> float:
        """Elapsed seconds of wall-clock time."""
        return time.monotonic() - self._wall

    def is_waiting(self, limit: float) -> bool:
        """Return whether code past its limit was only slowed down by other programs."""
        wall, processor = self.wall, time.process_time() - self._processor
        return BUSY * wall < processor < limit and wall < PATIENCE * limit


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceeded inside the block when its time is over.

    On a busy machine the block gets up to `PATIENCE` times as long (see `Stopwatch`).
    The limit uses SIGALRM, so it works only in the main thread and on systems with that
    signal. Elsewhere, and while C code does not return, the block cannot be interrupted
    and is judged when it returns. Only another process can stop it (see `supervisor`).
    """
    watch = Stopwatch()
    can_interrupt = (
        hasattr(signal, "SIGALRM")
        and threading.current_thread() is threading.main_thread()
    )
    if not can_interrupt:
        yield
        if watch.wall > seconds and not watch.is_waiting(seconds):
            raise TimeLimitExceeded
        return

    def stop(_signum: int, _frame: FrameType | None) -> None:
        if not watch.is_waiting(seconds):
            raise TimeLimitExceeded

    handler = signal.signal(signal.SIGALRM, stop)
    # Repeat the alarm, as a model may catch the first exception.
    waiting, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(
            signal.SIGALRM, handler if handler is not None else signal.SIG_DFL
        )
        if waiting:
            left = max(waiting - watch.wall, 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
