"""Where in the user's code an exception came from, and a limit on time.

Invariant: a limit leaves the process' alarm and its handler as they were, those of
pytest-timeout included.
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
    "TimeLimitExceeded",
    "describe_error",
    "is_library",
    "show_path",
    "time_limit",
]

_OURS = str(Path(__file__).parent)
_PYTHON = str(Path(threading.__file__).parent)


class TimeLimitExceeded(BaseException):
    """Stop a check; not an Exception, so that a model's `except Exception` lets it by."""


def is_library(filename: str) -> bool:
    """Tell whether a file belongs to this package, torch or Python, not to the user.

    Parameters
    ----------
    filename : str
        As in a traceback.

    Returns
    -------
    library : bool
        True if no user wants to be sent there.
    """
    in_site = "site-packages" in Path(filename).parts
    return in_site or filename.startswith((_OURS, _PYTHON, "<"))


def show_path(filename: str) -> str:
    """Return a path relative to the current folder if it is in there.

    Parameters
    ----------
    filename : str
        Any path.

    Returns
    -------
    path : str
        The same file.
    """
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except ValueError:
        return filename


def describe_error(error: BaseException) -> tuple[str, str]:
    """Return what an exception says, in one line, and the user's line that raised it.

    Parameters
    ----------
    error : BaseException
        As caught.

    Returns
    -------
    reason : str
        Type and message.
    place : str
        ``file:line in function``; empty if no frame is the user's.
    """
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


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceeded inside the block when its time is over.

    Parameters
    ----------
    seconds : float
        Limit; at most this and the time until Python runs its next instruction.

    Raises
    ------
    TimeLimitExceeded
        If the block takes longer.

    Notes
    -----
    Works by SIGALRM, so in the main thread of a process that has that signal. Elsewhere,
    and while C code runs without returning, the block cannot be interrupted: it is
    judged when it returns. Only another process can stop it (see `watch`).
    """
    start = time.monotonic()
    can_interrupt = (
        hasattr(signal, "SIGALRM")
        and threading.current_thread() is threading.main_thread()
    )
    if not can_interrupt:
        yield
        if time.monotonic() - start > seconds:
            raise TimeLimitExceeded
        return

    def stop(_signum: int, _frame: FrameType | None) -> None:
        raise TimeLimitExceeded

    handler = signal.signal(signal.SIGALRM, stop)
    # Repeated: a model may catch the first one.
    waiting, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(
            signal.SIGALRM, handler if handler is not None else signal.SIG_DFL
        )
        if waiting:
            left = max(waiting - (time.monotonic() - start), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
