"""Options that describe the detector; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["NOTE", "Declaration"]

NOTE = (
    "smoke cannot know which order of the channels and which scale trained weights "
    "expect. Record their output with `bgb-fixtures golden record` and check that."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Properties of the detector stated by the user, which are not detected then."""

    layout: str | None = None
    output: str | None = None
    positive_classes: tuple[int, ...] = ()
    allow_frozen: bool = False
    allow_unused: tuple[str, ...] = ()

    def allows_unused(self, name: str) -> bool:
        """Return whether a parameter may be unused or frozen.

        A pattern matches the name of a parameter or the path of a module that contains
        it.
        """
        parts = name.split(".")
        paths = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return any(
            fnmatchcase(p, pattern) for pattern in self.allow_unused for p in paths
        )
