"""A disk on which the k-th call that changes something fails."""

from __future__ import annotations

import builtins
import errno
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["Disk"]


class _Handle:
    """A file that is open for writing; half of a write that fails is done."""

    def __init__(self, file: Any, path: str, disk: Disk) -> None:
        self._file, self._path, self._disk = file, path, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: Any) -> int:
        if self._disk.fails("write", self._path):
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            self._disk.fail(errno.ENOSPC)
        return int(self._file.write(data))

    def close(self) -> None:
        if not self._file.closed:
            fails = self._disk.fails("close", self._path)
            self._file.close()
            if fails:
                self._disk.fail(errno.EIO)


@dataclass
class Disk:
    """See every call that changes something under a folder; let the k-th one fail."""

    folder: Path
    fail_at: int = 0
    calls: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)

    def fails(self, what: str, path: str) -> bool:
        if not path or not str(Path(path).absolute()).startswith(str(self.folder)):
            return False
        self.calls.append(f"{what} {Path(path).absolute().name}")
        return len(self.calls) == self.fail_at

    def fail(self, number: int) -> None:
        raise OSError(number, os.strerror(number))

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        for name, number in (
            ("mkdir", errno.ENOSPC), ("open", errno.EIO), ("replace", errno.EIO),
            ("rename", errno.EIO), ("chmod", errno.EPERM), ("unlink", errno.EIO),
            ("rmdir", errno.EIO), ("fsync", errno.EIO), ("close", errno.EIO),
        ):  # fmt: skip
            patch.setattr(os, name, self._wrap(name, getattr(os, name), number))
        opened = io.open

        def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            path = str(file) if isinstance(file, str | Path) else ""
            if not set(mode) & set("wax+"):
                return opened(file, mode, *args, **kwargs)
            if self.fails("create", path):
                self.fail(errno.ENOSPC)
            stream = opened(file, mode, *args, **kwargs)
            self.names[stream.fileno()] = path
            return _Handle(stream, path, self)

        patch.setattr(io, "open", open_)
        patch.setattr(builtins, "open", open_)

    def _wrap(
        self, name: str, function: Callable[..., Any], number: int
    ) -> Callable[..., Any]:
        def wrapped(first: Any, *args: Any, **kwargs: Any) -> Any:
            path = self.names.get(first, "") if isinstance(first, int) else str(first)
            if kwargs.get("dir_fd") is not None:
                path = str(Path(self.names[kwargs["dir_fd"]]) / path)
            fails = self.fails(name, path)
            if fails and name != "close":
                self.fail(number)
            done = function(first, *args, **kwargs)
            if name == "open":
                self.names[done] = path
            elif name == "close":
                self.names.pop(first, None)
            if fails:
                self.fail(number)
            return done

        return wrapped
