"""Load a model from an import path such as ``my.models:make_detector``.

Invariant: a problem with the path, the factory or its arguments is reported in one line
that states what was expected. A library that cannot be imported is an error of the
environment, not a verdict on the detector.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import json
import sys
import tomllib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import MissingPackageError, SpecError
from bgb_fixtures.smoke.limits import describe_error, is_library
from bgb_fixtures.smoke.report import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

__all__ = [
    "find_device",
    "find_factory",
    "import_object",
    "needs_one_argument",
    "raise_import_failure",
    "read_config",
    "split_target",
]


def split_target(target: str) -> tuple[str, str]:
    """Split an import path ``module:name``, whose name may have dots."""
    module, colon, name = target.partition(":")
    parts = [*module.split("."), *name.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        msg = f"expected MODULE:NAME, as in my.models:make_detector; got {target!r}"
        raise SpecError(msg)
    return module, name


def find_device(name: str | None) -> torch.device | None:
    """Return the device with this name.

    Raises SpecError if there is no such name, and MissingPackageError if the device
    cannot be used here.
    """
    import torch

    if name is None:
        return None
    try:
        device = torch.device(name)
    except RuntimeError:
        msg = f"unknown device {name!r}; expected for example cpu, cuda, cuda:1 or mps"
        raise SpecError(msg) from None
    try:
        torch.empty(1, device=device)
    except Exception as error:
        # Each type of device raises another error.
        msg = (
            f"device {name!r} is not available on this machine or in this build of "
            "torch"
        )
        raise MissingPackageError(msg) from error
    return device


def read_config(path: Path) -> dict[str, Any]:
    """Read keyword arguments for a factory from a TOML file, or JSON if so named."""
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
    """Import the object of an import path; the current folder is searched first.

    Raises Failed if there is no such module or name, and MissingPackageError if a
    library that the module needs cannot be imported.
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
            raise_import_failure(error)
            raise
        msg = (
            f"module {missing!r} is neither in {here!r} nor installed (needed for "
            f"{target!r})"
        )
        close = _similar_module(missing)
        if close:
            msg += f"; did you mean {close!r}?"
        elif module_name.endswith(".py"):
            msg += f"; write {module_name.removesuffix('.py')}:{name}, without .py"
        raise Failed(msg) from None
    except Exception as error:
        raise_import_failure(error)
        raise
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise _unknown_name(value, module_name, part) from None
        except Exception as error:
            # Some packages import their modules on attribute access.
            raise_import_failure(error)
            raise
    return value


def _similar_module(missing: str) -> str:
    """Return the module below the current folder with a similar name; "" if none."""
    *parents, last = missing.split(".")
    folder = Path.cwd().joinpath(*parents)
    try:
        known = {
            path.stem
            for path in folder.iterdir()
            if path.suffix == ".py"
            or (path.is_dir() and next(path.glob("*.py"), None) is not None)
        }
    except OSError:
        return ""
    close = difflib.get_close_matches(last, sorted(known), n=1)
    return ".".join([*parents, close[0]]) if close else ""


def _unknown_name(value: Any, module_name: str, part: str) -> Failed:
    known = [word for word in dir(value) if not word.startswith("_")]
    similar = difflib.get_close_matches(part, known, n=5)
    close = next((word for word in similar if _may_be_meant(value, word)), None)
    hint = f"; did you mean {close!r}?" if close else ""
    file = getattr(value, "__file__", None)
    where = f" ({file})" if file else ""
    return Failed(f"{module_name!r}{where} has no {part!r}{hint}")


def _may_be_meant(value: Any, name: str) -> bool:
    """Return whether an attribute is a module or could be a detector or make one."""
    try:
        found = getattr(value, name)
    except Exception:  # noqa: BLE001 - some packages import modules on attribute access
        return False
    return callable(found) or inspect.ismodule(found)


def raise_import_failure(error: BaseException) -> None:
    """Raise MissingPackageError if an exception is a failed import of a library."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not is_library(frame.filename)]
    importing = own[-1].line.strip() if own and own[-1].line else ""
    in_import = importing.startswith(("import ", "from "))
    if isinstance(error, ImportError):
        if _is_of_user(error):
            return
    elif not in_import or frames[-1] is own[-1]:
        return
    reason, place = describe_error(error)
    library = importing.split()[1].partition(".")[0] if in_import else ""
    what = repr(library) if library else "a library that the detector needs"
    where = f" ({place})" if place else ""
    msg = (
        f"{what} cannot be imported{where}: {reason}. This is a problem of the "
        "environment, not of the detector: install or repair the library"
    )
    raise MissingPackageError(msg) from error


def _is_of_user(error: ImportError) -> bool:
    """Return whether the user's own module lacks the imported name or submodule."""
    top = str(error.name).partition(".")[0]
    package = sys.modules.get(top)
    file = getattr(package, "__file__", None) or error.path
    if file is None and package is not None:
        file = next(iter(getattr(package, "__path__", [])), None)
    return file is not None and not is_library(str(file))


def _is_routine(value: Any) -> bool:
    """Return whether an object is a function or class, and so not itself a model."""
    return (
        inspect.isclass(value)
        or inspect.isroutine(value)
        or isinstance(value, functools.partial)
    )


def _needed(value: Any, config: dict[str, Any]) -> Iterator[str]:
    """Yield the required arguments of a function that the config lacks."""
    for parameter in inspect.signature(value).parameters.values():
        is_open = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        has_default = parameter.default is not parameter.empty
        if not (is_open or has_default or parameter.name in config):
            yield parameter.name


def needs_one_argument(value: Any) -> bool:
    """Return whether an object is a function of one argument, perhaps a detector."""
    if not _is_routine(value) or inspect.isclass(value):
        return False
    try:
        return len(list(_needed(value, {}))) == 1
    except (TypeError, ValueError):
        return False


def find_factory(value: Any, config: dict[str, Any]) -> Callable[[], Any] | None:
    """Return a function without arguments that makes a model; None for a model.

    Classes and functions are called with the keyword arguments `config`. Raises Failed
    if they do not accept these arguments or require others.
    """
    name = getattr(value, "__qualname__", type(value).__name__)
    if not _is_routine(value):
        if config:
            msg = f"{name} is already a model, so --config does not apply; drop it"
            raise Failed(msg)
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        # Some builtins have no signature.
        return lambda: value(**config)
    try:
        signature.bind(**config)
    except TypeError as error:
        needed = list(_needed(value, config))
        if needed:
            msg = (
                f"{name}{signature} needs {', '.join(needed)}: pass --config FILE, a "
                "TOML or JSON file with its keyword arguments"
            )
        else:
            msg = f"{name}: {error}; its parameters: {signature}"
        raise Failed(msg) from None
    return lambda: value(**config)
