"""tools/published_detectors.py on import paths; braindecode itself is not needed."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")
published: Any = importlib.import_module("published_detectors")

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
from torch import nn

def works():
    return nn.Sequential(nn.Conv1d(19, 4, 9, padding=4), nn.GELU(), nn.Conv1d(4, 1, 1))

def fails():
    return nn.Sequential(works(), nn.Sigmoid())

def lacks():
    import library_that_is_not_there
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of detectors in the current folder."""
    (tmp_path / "published_models.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return "published_models"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["published_detectors.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        published.main()
    return int(str(ended.value.code))


def test_table_has_a_row_per_import_path_and_goes_to_a_file(
    models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "table.md"
    code = run(monkeypatch, f"{models}:works", f"{models}:lacks", "--out", str(out))
    rows = out.read_text(encoding="utf-8").splitlines()[-2:]
    assert rows[0].startswith(f"| {models}:works | 256 Hz, 60 s | works |  |  | ")
    assert rows[1].startswith(
        f"| {models}:lacks | - | not run | 'library_that_is_not_there' cannot be imported"
    )
    assert code == 0


def test_failure_that_nobody_looked_into_is_marked_and_ends_with_exit_code_1(
    models: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, f"{models}:fails") == 1
    assert "| fails | `logits`: NEW: outputs lie in [0, 1]" in capsys.readouterr().out


def test_failure_that_was_looked_into_is_worded(
    models: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {(f"{models}:fails", "logits"): "it ends in a sigmoid"}
    monkeypatch.setattr(published, "FINDINGS", known)
    assert run(monkeypatch, f"{models}:fails") == 0
    assert "| fails | `logits`: it ends in a sigmoid |" in capsys.readouterr().out


def test_windows_are_cut_one_after_the_other() -> None:
    whole = published.load_fixture()
    cut = published.cut_windows(10.0, 256)
    assert cut.signals.shape == (6 * 18, 19, 2560)
    # The six parts of the first window, then those of the second.
    assert np.array_equal(cut.signals[6 * 4 + 1], whole.signals[4, :, 2560:5120])
    assert np.array_equal(cut.labels[6 * 4 + 1], whole.labels[4, 2560:5120])


def test_labels_at_another_rate_are_those_of_the_same_times() -> None:
    pytest.importorskip("scipy", reason="resampling needs scipy")
    cut = published.cut_windows(60.0, 200)
    assert cut.signals.shape == (18, 19, 12000)
    assert cut.sfreq == 200
    # The first window has a seizure from 38 s to its end.
    assert np.flatnonzero(cut.labels[0])[[0, -1]].tolist() == [7600, 11999]
