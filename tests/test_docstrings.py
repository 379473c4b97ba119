"""The public API, as CONTRIBUTING.md lists it, is documented in full."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"
# Parameters and what is returned are described, in order, under their own names.
CHECKS = {
    *("GL06", "GL07", "PR01", "PR02", "PR03", "PR04", "PR10"),
    *("RT01", "RT03", "SS03", "SS05", "YD01"),
}


def public_names() -> list[str]:
    """Return the dotted names in the list of CONTRIBUTING.md."""
    _, listed = CONTRIBUTING.read_text().split("<!-- public API -->")
    return re.findall(r"^    (bgb_fixtures\.[\w.]+)$", listed, re.MULTILINE)


def load(name: str) -> Any:
    """Import the object with a dotted name."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def documented(name: str) -> list[str]:
    """Return a name and, for a class, its own public methods."""
    thing = load(name)
    if not inspect.isclass(thing):
        return [name]
    methods = [
        f"{name}.{key}"
        for key, value in vars(thing).items()
        if key[0] != "_" and inspect.isfunction(value)
    ]
    return [name, *methods]


def load_any(name: str) -> Any:
    """Import the object with a dotted name, or the method of one."""
    owner, _, attribute = name.rpartition(".")
    is_method = owner.rpartition(".")[2][:1].isupper()
    return getattr(load(owner), attribute) if is_method else load(name)


def skipped(thing: Any) -> set[str]:
    """Return the checks that a class with a section Attributes need not pass."""
    listed = inspect.isclass(thing) and "Attributes\n" in (inspect.getdoc(thing) or "")
    return {"PR01", "PR02", "PR03"} if listed else set()


def test_the_list_of_contributing_is_sorted_and_complete() -> None:
    names = public_names()
    assert names == sorted(names, key=lambda n: (n.count(".") > 1, n))
    import bgb_fixtures

    top = {f"bgb_fixtures.{name}" for name in bgb_fixtures.__all__}
    assert top <= set(names)


@pytest.mark.parametrize("name", public_names())
def test_public_names_have_complete_numpydoc_docstrings(name: str) -> None:
    validate = pytest.importorskip("numpydoc.validate").validate
    problems = [
        f"{one}: {code} {text}"
        for one in documented(name)
        for code, text in validate(one)["errors"]
        if code in CHECKS - skipped(load_any(one))
    ]
    assert problems == []
