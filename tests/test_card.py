"""The data card: what is generated in it is what the packaged fixtures say."""

from __future__ import annotations

from pathlib import Path

import pytest
from card import main, write_card

from bgb_fixtures.errors import FormatError, SpecError

CARD = Path(__file__).parents[1] / "DATA.md"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Copy the committed card, where it may be changed."""
    path = tmp_path / "DATA.md"
    path.write_bytes(CARD.read_bytes())
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_committed_card_is_up_to_date() -> None:
    assert write_card(CARD, check=True) == (), "run: python tools/card.py"


def test_card_starts_with_yaml_that_names_the_licence() -> None:
    start, front, _ = CARD.read_text(encoding="utf-8").split("---\n", 2)
    assert start == ""
    assert "\nlicense: cc0-1.0\n" in front
    assert "\n- config_name: smoke\n  splits:\n  - name: train\n" in front
    assert "\n    num_examples: 18\n  download_size: 21428786\n" in front


def test_yaml_of_the_card_has_sizes_of_both_fixtures() -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    front = yaml.safe_load(CARD.read_text(encoding="utf-8").split("---\n", 2)[1])
    assert front["license"] == "cc0-1.0"
    assert [
        (info["config_name"], info["splits"][0]["num_examples"], info["download_size"])
        for info in front["dataset_info"]
    ] == [("smoke", 18, 21_428_786), ("tiny", 5, 1_118_568)]


def test_card_has_a_row_for_a_window_with_two_seizures() -> None:
    row = (
        "| win-07 | train | sub-04 | partial, whole | 18.3 % | absz 12-21.5, "
        "mysz 40-41.5 |\n"
    )
    assert row in CARD.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        pytest.param("21,428,786 bytes", "21,428,787 bytes", "fixtures", id="size"),
        pytest.param("| win-01 | train", "| win-01 | dev", "windows", id="split"),
        pytest.param("num_examples: 5", "num_examples: 6", "sizes", id="front-matter"),
    ],
)
def test_check_says_what_is_stale_and_changes_nothing(
    card: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, name: str
) -> None:
    edit(card, old, new)
    stale = card.read_bytes()

    code = main(["--check", str(card)])

    assert code == 1
    assert f"stale: {name}; run: python tools/card.py {card}" in capsys.readouterr().err
    assert card.read_bytes() == stale


def test_card_is_written_again_and_text_by_hand_is_kept(card: Path) -> None:
    edit(card, "| ictal share of samples | 18.6 %", "| ictal share of samples | 99 %")
    edit(card, "\n# Data", "\n# A word by hand: Data")

    code = main([str(card)])

    expected = CARD.read_bytes().replace(b"\n# Data", b"\n# A word by hand: Data")
    assert code == 0
    assert card.read_bytes() == expected
    assert [path.name for path in card.parent.iterdir()] == ["DATA.md"]


def test_card_that_lost_a_mark_is_refused(card: Path) -> None:
    edit(card, "<!-- generated: windows -->\n", "")
    with pytest.raises(
        SpecError, match="generated parts sizes, fixtures; expected each"
    ):
        write_card(card)


def test_card_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.md"
    with pytest.raises(FormatError, match=r"none\.md' cannot be read: No such file"):
        write_card(path)
    assert main([str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Error: card '{path}' cannot be read")
