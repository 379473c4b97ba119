"""From ``my.models:make_detector`` to a model.

Invariant: whatever is wrong with a path, a factory or its arguments is said in one line
with what was looked for; a module of the user is imported, and run, here only.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import SpecError
from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["find_factory", "import_object", "read_config", "split_target"]


def split_target(target: str) -> tuple[str, str]:
    """Split an import path.

    Parameters
    ----------
    target : str
        ``module:name``; the name may have dots.

    Returns
    -------
    module, name : str
        Its two parts.

    Raises
    ------
    SpecError
        If it is not of this form.
    """
    module, colon, name = target.partition(":")
    parts = [*module.split("."), *name.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        msg = f"expected MODULE:NAME, as in my.models:make_detector; got {target!r}"
        raise SpecError(msg)
    return module, name


def read_config(path: Path) -> dict[str, Any]:
    """Read the keyword arguments of a factory.

    Parameters
    ----------
    path : pathlib.Path
        TOML, or JSON if its name ends so.

    Returns
    -------
    config : dict
        The table.

    Raises
    ------
    SpecError
        If the file cannot be read, or is no table.
    """
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        msg = f"config {str(path)!r}: {error}"
        raise SpecError(msg) from error
    if not isinstance(value, dict):
        msg = f"config {str(path)!r}: expected a table, got {type(value).__name__}"
        raise SpecError(msg)
    return value


def import_object(target: str) -> Any:
    """Import what an import path names; the current folder is looked in first.

    Parameters
    ----------
    target : str
        ``module:name``.

    Returns
    -------
    value : object
        What is there.

    Raises
    ------
    Failed
        If there is no such module or name.
    """
    module_name, name = split_target(target)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        value: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if not f"{module_name}.".startswith(f"{missing}."):
            raise
        msg = f"no module {missing!r} in {here!r}, nor installed; asked for {target!r}"
        raise Failed(msg) from None
    for part in name.split("."):
        if not hasattr(value, part):
            known = [word for word in dir(value) if not word.startswith("_")]
            close = difflib.get_close_matches(part, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            file = getattr(value, "__file__", None)
            where = f" ({file})" if file else ""
            msg = f"{module_name!r}{where} has no {part!r}{hint}"
            raise Failed(msg)
        value = getattr(value, part)
    return value


def find_factory(value: Any, config: dict[str, Any]) -> Callable[[], Any] | None:
    """Return a function without arguments that makes the model.

    Parameters
    ----------
    value : object
        As imported: a class or a function makes models; anything else is one.
    config : dict
        Keyword arguments.

    Returns
    -------
    make : callable or None
        None if `value` is the model itself.

    Raises
    ------
    Failed
        If the factory does not take these arguments, or needs others.
    """
    name = getattr(value, "__qualname__", type(value).__name__)
    is_factory = inspect.isclass(value) or inspect.isroutine(value)
    if not is_factory:
        if config:
            msg = f"{name} is a model already, so --config has no use"
            raise Failed(msg)
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        # Some builtins have none.
        return lambda: value(**config)
    try:
        signature.bind(**config)
    except TypeError as error:
        needed = [
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            and parameter.name not in config
        ]
        hint = (
            f"needs {', '.join(needed)}: give --config FILE, a TOML or JSON table of "
            "its keyword arguments"
            if needed
            else f"{error}; its parameters: {signature}"
        )
        msg = f"{name}{signature} {hint}" if needed else f"{name}: {hint}"
        raise Failed(msg) from None
    return lambda: value(**config)
