"""The Croissant description of the packaged fixtures says what they are."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from bgb_fixtures import load_fixture

croissant: Any = importlib.import_module("croissant")
PATH = Path(__file__).parents[1] / "fixtures" / "croissant.json"


def test_committed_description_is_up_to_date(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert croissant.main(["--check"]) == 0
    assert "up to date" in capsys.readouterr().out


def test_stale_description_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "croissant.json"
    stale.write_text(PATH.read_text("utf-8").replace("win-01", "win-99"))
    assert croissant.main(["--check", str(stale)]) == 1
    assert "stale" in capsys.readouterr().out


def test_files_have_the_digests_that_it_gives() -> None:
    for file in json.loads(PATH.read_text("utf-8"))["distribution"]:
        raw = PATH.with_name(file["contentUrl"]).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == file["sha256"]


def test_every_window_is_listed() -> None:
    smoke, _ = json.loads(PATH.read_text("utf-8"))["recordSet"]
    with load_fixture("smoke") as fixture:
        kinds = [window.kind for window in fixture.windows]
    assert [row["windows-of-smoke/kind"] for row in smoke["data"]] == kinds


@pytest.mark.filterwarnings("default")
def test_mlcroissant_accepts_it() -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs mlcroissant")
    dataset = mlcroissant.Dataset(str(PATH))
    records = list(dataset.records("windows-of-smoke"))
    assert len(records) == 18
    assert not dataset.metadata.ctx.issues.errors
