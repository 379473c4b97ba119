"""Write a file or a folder of files atomically, even if the process fails at any time.

Invariant: a target is either completely old or completely new. New files are written to
a temporary folder beside the target, synced, and moved into place; nothing else in this
package writes to a path that a user named.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.errors import FixtureError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["check_new_folder", "new_file", "new_files", "new_folder"]

_log = logging.getLogger(__name__)

# Without the name of the target, which may already have the maximum length.
_PREFIX, _SUFFIX = ".bgb-fixtures-", ".tmp"


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Yield a path to write a file to, and move the file to its target at the end.

    An existing file is replaced, and its permissions are kept. An existing link is
    replaced instead of the file it points to, which may be the only copy. If the block
    raises an error, the target is unchanged. TargetError if the file cannot be written.
    """
    with new_files(target) as (draft,):
        yield draft


@contextmanager
def new_files(*targets: Path) -> Iterator[tuple[Path, ...]]:
    """Yield paths to write files to, and publish all files at the end, or none.

    See `new_file`. All but the last should be small, because an existing file is copied
    before it is replaced, to restore it if a later file cannot be published.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(_staging(target)) for target in targets]
        for target in targets:
            if target.exists() and not target.is_file():
                kind = "a folder" if target.is_dir() else "not a regular file"
                msg = f"{str(target)!r} is {kind}; expected the name of a file to write"
                raise TargetError(msg)
        drafts = tuple(
            folder / target.name
            for folder, target in zip(folders, targets, strict=True)
        )
        yield drafts
        for draft in drafts:
            _sync_file(draft)
        with ExitStack() as undo:
            for draft, target in zip(drafts, targets, strict=True):
                if target is not targets[-1]:
                    undo.callback(_restorer(target, draft.parent))
                _publish(draft, target)
            undo.pop_all()


def _publish(draft: Path, target: Path) -> None:
    try:
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    except OSError as error:
        msg = f"{str(target)!r} cannot be written: {error.strerror or error}"
        raise TargetError(msg) from error


def _restorer(target: Path, folder: Path) -> Callable[[], None]:
    """Return a function that restores the current file from a copy in `folder`."""
    existed = target.exists()
    copy = folder / ("old" if target.name != "old" else "older")
    if existed:
        shutil.copy2(target, copy)

    def restore() -> None:
        if existed:
            copy.replace(target)
        else:
            target.unlink(missing_ok=True)

    return restore


def check_new_folder(out: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a folder to create; TargetError if that will fail."""
    path = Path(out).absolute()
    try:
        _check_new_folder(path, out)
    except OSError as error:
        if isinstance(error, TargetError):
            raise
        msg = f"{str(out)!r} cannot be created: {error.strerror}"
        raise TargetError(msg) from error
    return path


def _check_new_folder(path: Path, out: str | os.PathLike[str]) -> None:
    if path.is_dir():
        if any(path.iterdir()):
            msg = (
                f"{str(out)!r} is a folder that is not empty; nothing was changed. "
                "Name a new folder"
            )
            raise TargetError(msg)
        if path.is_symlink() or path.samefile(Path.cwd()):
            msg = (
                f"{str(out)!r} is the current folder, or a link to a folder, "
                "which would be replaced as a whole. Name a new folder"
            )
            raise TargetError(msg)
    elif path.exists() or path.is_symlink():
        msg = f"{str(out)!r} is a file; expected the name of a folder to create"
        raise TargetError(msg)
    elif not path.parent.is_dir():
        msg = (
            f"{str(out)!r} cannot be created: folder {str(path.parent)!r} does not "
            "exist. Create it first"
        )
        raise TargetError(msg)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, and move it into place at the end."""
    with _staging(path) as staging:
        draft = staging / path.name
        draft.mkdir()
        yield draft
        _sync_tree(draft)
        # Checked again, because another run may have filled the folder, which a rename
        # would not replace.
        _check_new_folder(path, path)
        if path.is_dir():
            shutil.copymode(path, draft)
            if sys.platform == "win32":
                path.rmdir()
        draft.rename(path)


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside a target; errors name the target."""
    try:
        _sweep(target.parent)
        staging, lock = _make_staging(target.parent)
        try:
            yield staging
        finally:
            # If this fails, a later run removes the folder.
            with suppress(OSError):
                shutil.rmtree(staging)
            if lock is not None:
                os.close(lock)
        _sync_folder(target.parent)
    except OSError as error:
        if isinstance(error, FixtureError):
            raise
        msg = f"{str(target)!r} cannot be written: {error.strerror or error}"
        raise TargetError(msg) from error


def _make_staging(parent: Path) -> tuple[Path, int | None]:
    """Create a folder, locked for the life of this process if locks are supported."""
    while True:
        staging = parent / f"{_PREFIX}{secrets.token_hex(4)}{_SUFFIX}"
        staging.mkdir()
        try:
            lock = _lock(staging)
        except (BlockingIOError, FileNotFoundError):
            # Another run is sweeping and locked the folder first.
            continue
        except OSError:
            # Without locks, other runs cannot lock the folder either and do not sweep
            # it.
            return staging, None
        if staging.exists():
            return staging, lock
        os.close(lock)


def _lock(staging: Path) -> int:
    """Lock a folder until the returned handle is closed."""
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    import fcntl

    handle = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _sweep(parent: Path) -> None:
    """Remove temporary folders of killed runs."""
    for staging in parent.glob(f"{_PREFIX}*{_SUFFIX}"):
        # Skip a folder that is in use or that this user may not remove.
        with suppress(OSError):
            lock = _lock(staging)
            try:
                shutil.rmtree(staging)
            finally:
                os.close(lock)
            _log.warning("removed %s, left by a run that was killed", staging)


def _sync_file(path: Path) -> None:
    # Windows syncs only files that are open for writing.
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            _sync_tree(path)
        else:
            _sync_file(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Sync the names in a folder, if the system supports it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        # Windows cannot open folders, and some folders are writable but not readable.
        return
    try:
        os.fsync(handle)
    except OSError as error:
        # Not every file system supports syncing folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)
