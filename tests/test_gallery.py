"""The gallery of the site has a picture of everything that the generator makes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bgb_fixtures.eeg.kinds import KINDS
from bgb_fixtures.synthetic import ARTEFACT_KINDS, SEIZURE_TYPES

if TYPE_CHECKING:
    from types import ModuleType

TOOL = Path(__file__).parents[1] / "tools" / "make_gallery.py"


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_gallery", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "make_gallery", module)
        spec.loader.exec_module(module)
    return module


def test_gallery_shows_every_kind_seizure_and_artefact(gallery: ModuleType) -> None:
    kinds, seizures, artefacts = (
        [entry.name for entry in section] for section in gallery.SECTIONS.values()
    )
    every_kind = {kind for kinds in KINDS.values() for kind in kinds}
    assert sorted(kinds) == sorted(every_kind - {"artefact"})
    assert sorted(seizures) == sorted(SEIZURE_TYPES)
    assert sorted(artefacts) == sorted(ARTEFACT_KINDS["synthetic-2"])


def test_page_gives_the_label_in_seconds_of_the_window(gallery: ModuleType) -> None:
    page = gallery.gallery_page("pictures")
    assert '<img src="pictures/absz.png"' in page
    # From 20 to 90 s of the recording, in a window that begins at 60 s.
    assert "### offset\n\n**Label: `fnsz`, 0 to 30 s.**" in page
    assert "### blink\n\n**Label: no seizure.**" in page


def test_pictures_are_drawn_as_named(
    gallery: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = gallery.SECTIONS["Kinds of window"]
    monkeypatch.setattr(gallery, "SECTIONS", {"Kinds of window": kinds})
    drawn: list[str] = []
    draw = gallery.draw_windows

    def note(fixture, rows, **options):  # type: ignore[no-untyped-def]
        drawn.append(fixture.windows[rows[0]].kind)
        return draw(fixture, rows, **options)

    monkeypatch.setattr(gallery, "draw_windows", note)
    gallery.draw_gallery(tmp_path / "pictures")
    assert drawn == ["onset", "offset", "whole", "ictal", "background"]
    assert {path.stem for path in (tmp_path / "pictures").iterdir()} == set(drawn)
