"""Make a folder of files in one step.

Invariant: the folder is there in full or not at all; a folder that holds anything else
is left as it is.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.errors import TargetError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["check_new_folder", "new_folder"]


def check_new_folder(out: str | os.PathLike[str]) -> Path:
    """Return the path of a folder that may be made.

    Parameters
    ----------
    out : str or path
        The folder to make; it may exist if it is empty.

    Returns
    -------
    path : pathlib.Path
        The same, absolute.

    Raises
    ------
    TargetError
        If something is there that a new folder would replace, or the folder around it
        is missing.
    """
    path = Path(out).absolute()
    try:
        _check_new_folder(path, out)
    except OSError as error:
        if isinstance(error, TargetError):
            raise
        msg = f"{str(out)!r} cannot be made: {error.strerror}"
        raise TargetError(msg) from error
    return path


def _check_new_folder(path: Path, out: str | os.PathLike[str]) -> None:
    if path.is_dir():
        if any(path.iterdir()):
            msg = (
                f"{str(out)!r} is a folder with files in it; they are left as they are. "
                "Name a new folder"
            )
            raise TargetError(msg)
        if path.is_symlink() or path.samefile(Path.cwd()):
            msg = (
                f"{str(out)!r} is the current folder, or a link to a folder; it would be "
                "replaced as a whole. Name a new folder"
            )
            raise TargetError(msg)
    elif path.exists() or path.is_symlink():
        msg = f"{str(out)!r} is a file; expected the name of a folder to make"
        raise TargetError(msg)
    elif not path.parent.is_dir():
        msg = f"{str(out)!r} cannot be made: there is no folder {str(path.parent)!r}"
        raise TargetError(msg)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill, and move it into place at the end.

    Parameters
    ----------
    path : pathlib.Path
        From `check_new_folder`.

    Yields
    ------
    temporary : pathlib.Path
        An empty folder beside `path`; removed if the block ends with an error.

    Raises
    ------
    TargetError
        If a file cannot be written. Nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        if path.is_dir():
            # Only an empty folder can be removed, and Windows renames onto none.
            path.rmdir()
        temporary.rename(path)
    except TargetError:
        raise
    except OSError as error:
        msg = f"{str(path)!r} cannot be written: {error.strerror or error}"
        raise TargetError(msg) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(temporary)
