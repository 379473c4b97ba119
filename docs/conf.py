"""The documentation site: ``make docs`` builds it, with warnings as errors."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bgb_fixtures

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from make_gallery import draw_gallery, gallery_page

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
# Names as CONTRIBUTING.md lists them, so that the reference has each of them.
PUBLIC = re.findall(
    r"^    (bgb_fixtures\.\S+)$",
    (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("<!-- public API -->")[2],
    re.MULTILINE,
)
# Pages of the repository that the site shows, by the name of the page that includes them.
INCLUDED = {
    "DATA.md": "format.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}

GALLERY = "_gallery"
"""Folder of the built site with the pictures."""

project = "bgb-fixtures"
author = "The bgb-fixtures authors"
copyright = author  # noqa: A001 (Sphinx wants this name)
version = release = bgb_fixtures.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
myst_fence_as_directive: list[str] = []
exclude_patterns = ["_build"]
nitpicky = False
# Otherwise "--option" in help texts becomes a dash.
smartquotes = False
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = f"bgb-fixtures {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}


def api_page() -> str:
    """Return the page of the Python interface, a section per module."""
    lines = ["# Python API"]
    modules: dict[str, list[str]] = {}
    for name in PUBLIC:
        modules.setdefault(name.rpartition(".")[0], []).append(name)
    for module, names in modules.items():
        lines += ["", f"## {module}", ""]
        for name in names:
            is_class = isinstance(_find(name), type)
            directive = "autoclass" if is_class else "autofunction"
            lines += ["```{eval-rst}", f".. {directive}:: {name}"]
            lines += ["   :members:"] if is_class else []
            lines += ["```", ""]
    return "\n".join(lines) + "\n"


def _find(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


def _at_home(_: Sphinx, name: str, source: list[str]) -> None:
    """Let links between files of the repository lead to pages of the site."""
    text = source[0]
    if name == "api":
        text = api_page()
    if name == "gallery":
        text = gallery_page(GALLERY)
    if f"{name}.md" in INCLUDED.values():
        [file] = [file for file, page in INCLUDED.items() if page == f"{name}.md"]
        text = (ROOT / file).read_text("utf-8").replace("](docs/", "](")
    for file, page in INCLUDED.items():
        text = re.sub(rf"\]\((?:\.\./)?{re.escape(file)}", f"]({page}", text)
    source[0] = text


def _draw(app: Sphinx) -> None:
    """Draw the gallery into the site; no picture of it is in the repository."""
    if app.builder.format == "html":
        draw_gallery(Path(app.outdir) / GALLERY)


def setup(app: Sphinx) -> None:
    """Connect the hooks above."""
    app.connect("builder-inited", _draw)
    app.connect("source-read", _at_home)
