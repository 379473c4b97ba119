"""What the engine of the fuzzer and its targets share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = ["FindingError", "Target", "require"]


class FindingError(Exception):
    """A reader did what it must not."""


def require(*, holds: bool, otherwise: str) -> None:
    """Raise what the fuzzer notes.

    Parameters
    ----------
    holds : bool
        What has to be.
    otherwise : str
        What is wrong if it is not.

    Raises
    ------
    FindingError
        If it does not hold.
    """
    if not holds:
        raise FindingError(otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Say how one reader is fuzzed.

    Attributes
    ----------
    name : str
        Unique, without a dot.
    seeds : tuple of bytes
        Good files.
    mutate : callable
        Given a generator and a seed: the kind of mutation, for the table, and the input.
    runs : tuple of str
        Keys of ``fuzz.RUNS``, all of which read each input.
    unsigned : frozenset of str
        Kinds whose inputs no run but ``"trust"`` may accept, unless they are the seed.
    suffix : str
        How the name of the file ends.
    """

    name: str
    seeds: tuple[bytes, ...]
    mutate: Callable[[Random, bytes], tuple[str, bytes]]
    runs: tuple[str, ...]
    unsigned: frozenset[str] = frozenset()
    suffix: str = ".h5"
