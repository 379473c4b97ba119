"""Write a self-contained HTML page, whose security policy forbids loading anything.

Invariant: a page is written completely or not at all, and loads and runs nothing.
"""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING

from bgb_fixtures.errors import SpecError, TargetError
from bgb_fixtures.report.style import STYLE
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["check_page_target", "make_document", "write_page"]

# The browser enforces this policy: no external resources and no scripts.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def check_page_target(target: Path) -> None:
    """Raise SpecError or TargetError if `target` cannot be written as an .html page."""
    if target.suffix.lower() not in (".html", ".htm"):
        msg = f"{str(target)!r}: expected a name that ends in .html"
        raise SpecError(msg)
    try:
        reason = _reason_against(target)
    except OSError as error:
        reason = error.strerror
    if reason:
        msg = f"{str(target)!r} cannot be written: {reason}"
        raise TargetError(msg)


def _reason_against(target: Path) -> str | None:
    if target.is_dir():
        return "it is a folder; name a file in it"
    if not target.parent.is_dir():
        return f"folder {str(target.parent)!r} does not exist; create it first"
    if not os.access(target.parent, os.W_OK):
        return f"no permission to write to folder {str(target.parent)!r}"
    return None


def make_document(title: str, parts: Iterable[str], *, style: str = "") -> bytes:
    """Return a whole page as UTF-8; `parts` are HTML with all text escaped.

    `style` is CSS for this kind of page, added after the common style.
    """
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}{style}</style>",
            "</head>",
            "<body>",
            *parts,
            "</body>",
            "</html>",
            "",
        ]
    ).encode("utf-8")


def write_page(target: Path, page: bytes) -> None:
    """Write a page and move it into place."""
    with new_file(target) as draft:
        draft.write_bytes(page)
