"""Find what the command line calls ``my.models:make_detector``, and make it.

Invariant: code of the user that fails keeps its own traceback; what is not found is told
with what there is.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["find_factory", "make_from"]


def find_factory(text: str) -> Any:
    """Import ``module:attribute``; the current folder is on the import path.

    Parameters
    ----------
    text : str
        Such as ``"my.models:make_detector"``; the attribute may have dots.

    Returns
    -------
    factory : object
        The attribute.

    Raises
    ------
    SpecError
        If the text has another form, or there is no such module or attribute. Errors
        inside the module come out as they are.
    """
    name, colon, attribute = text.partition(":")
    if not (colon and name and attribute):
        msg = f"{text!r}: expected MODULE:FUNCTION, such as my.models:make_detector"
        raise SpecError(msg)
    value: Any = _import(name)
    for part in attribute.split("."):
        if not hasattr(value, part):
            names = [n for n in dir(value) if not n.startswith("_")]
            close = difflib.get_close_matches(part, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {names[:20]}"
            msg = f"{text!r}: {name} has no {part!r}; {hint}"
            raise SpecError(msg)
        value = getattr(value, part)
    return value


def _import(name: str) -> ModuleType:
    folder = os.getcwd()  # noqa: PTH109
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that the user's own code misses is another matter.
        missing = str(error.name)
        if name != missing and not name.startswith(missing + "."):
            raise
        msg = (
            f"there is no module {name!r}: neither in this folder nor installed; expected "
            "MODULE:FUNCTION, such as my.models:make_detector"
        )
        raise SpecError(msg) from error


def make_from(text: str) -> Any:
    """Make what a factory makes.

    Parameters
    ----------
    text : str
        As for `find_factory`. A function or class is called without arguments; a
        ready-made model is taken as it is.

    Returns
    -------
    model : object
        Callable.

    Raises
    ------
    SpecError
        If it is not there, or what it makes cannot be called.
    """
    factory = find_factory(text)
    torch = sys.modules.get("torch")
    ready = torch is not None and isinstance(factory, torch.nn.Module)
    if not ready and not callable(factory):
        msg = f"{text!r} is a {type(factory).__name__}; expected a function or a class"
        raise SpecError(msg)
    model = factory if ready else factory()
    if not callable(model):
        msg = f"{text!r} made a {type(model).__name__}; expected a model that can be called"
        raise SpecError(msg)
    return model
