"""Canaries: what identifies a recording is in no fixture, and is found if it is."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from bgb_fixtures.build import build_fixture
from bgb_fixtures.build.privacy import IdentifyingTexts, check_anonymous, texts_below
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import PrivacyError, SourceError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.records import ARRAYS, parse_index
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

# Names in other scripts; their UTF-8 holds bytes that Latin-1 has no letters for.
FOREIGN = {
    "header": "Иванов_Пётр 患者田中太郎 Éva",
    "annotation": "Анна saw 鈴木一郎 and Ása",
    "path": "Отделение/佐藤花子_Øyvind",
}
FOREIGN_CANARIES = [
    *("Иванов", "Пётр", "患者田中太郎", "Éva", "Анна", "鈴木一郎", "Ása"),
    *("Отделение", "佐藤花子", "Øyvind"),
]
# One text for each place where a source can name someone; none is in another.
HEADER = {
    "patient": "QX-0042 F 02-MAY-1951 Vermeulen_Josefien",
    "recording": "Startdate 03-NOV-2011 PSG-77123 Tech/Okonkwo Nihon_ZZ81",
    "date": "03.11.11",
    "time": "21.47.09",
    "reserved": "wardKestrel",
    "label": "Polsensor9",
    "transducer": "AgAgCl snr 5581-XKCD",
    "prefilter": "HP:0.07Hz amp Brandywine",
    "signal_reserved": "bedside Tulip",
}
CANARIES = [
    *("QX-0042", "02-MAY-1951", "Vermeulen", "Josefien", "03-NOV-2011", "PSG-77123"),
    *("Okonkwo", "Nihon_ZZ81", "03.11.11", "21.47.09", "wardKestrel", "Polsensor9"),
    *("5581-XKCD", "Brandywine", "bedside Tulip", "Lindqvist", "Marlow1969"),
    *("Fenwick", "2011-11-03 21:47:09", "Zanzibar"),
]


def write_edf(path: Path, **changes: str) -> None:
    """Write 19 electrodes of noise at 64 Hz, one of no use, and canaries around."""
    text = {**HEADER, **changes}
    seconds = 40
    labels = [*(f"EEG {name.upper()}-REF" for name in MONTAGES["10-20"]), text["label"]]
    n_signals = len(labels)
    patient = text["patient"].encode().ljust(80)[:80]
    header = f"{'0':8}".encode() + patient + f"{text['recording']:80}".encode()
    header += f"{text['date']}{text['time']}{256 * (n_signals + 1):<8}".encode()
    header += f"{text['reserved']:44}{seconds:<8}{1:<8}{n_signals:<4}".encode()
    header += "".join(f"{label:16}" for label in labels).encode()
    for value, width in (
        (text["transducer"], 80),
        ("uV", 8),
        ("-1000", 8),
        ("1000", 8),
        ("-2000", 8),
        ("2000", 8),
        (text["prefilter"], 80),
        ("64", 8),
        (text["signal_reserved"], 32),
    ):
        header += f"{value:{width}}".encode() * n_signals
    rng = np.random.default_rng(1)
    samples = rng.integers(-200, 200, (seconds, n_signals, 64)).astype("<i2")
    path.write_bytes(header + samples.tobytes())


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Make a folder with one recording, canaries in its name and its annotations."""
    folder = tmp_path / "corpus" / "Lindqvist"
    folder.mkdir(parents=True)
    write_edf(folder / "Marlow1969.edf")
    (folder / "Marlow1969.tsv").write_text(
        "onset\tduration\teventType\tchannels\tdateTime\tnotes\n"
        "10.00\t20.00\tsz_foc\tn/a\t2011-11-03 21:47:09\tFenwick saw the Zanzibar\n",
        encoding="utf-8",
    )
    return tmp_path / "corpus"


@pytest.fixture
def build(corpus: Path, tmp_path: Path) -> Callable[..., Path]:
    """Build `out.h5` from the corpus; keywords change the spec."""

    def run(**changes: Any) -> Path:
        request = {"source": "edf", "window_length": 8, **changes}
        spec = parse_spec(request, where="a test")
        return build_fixture(spec, tmp_path / "out.h5", root=corpus).path

    return run


# What is built


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_is_in_a_fixture(build: Callable[..., Path], canary: str) -> None:
    assert canary.lower().encode() not in build().read_bytes().lower()


@pytest.mark.parametrize("canary", CANARIES)
def test_every_canary_is_searched_for(corpus: Path, canary: str) -> None:
    assert canary in texts_below(corpus).origins


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("vermeulen", "the header of 'Marlow1969.edf'", id="patient"),
        pytest.param("from-qx-0042-on", "the header of", id="inside-a-longer-name"),
        pytest.param(
            "lindqvist", "the path of 'Lindqvist/Marlow1969.edf'", id="folder"
        ),
        pytest.param("the-marlow1969", "the path of", id="file"),
        pytest.param("zanzibar", "annotations 'Marlow1969.tsv'", id="annotation"),
        pytest.param("brandywine", "the header of", id="prefilter"),
        pytest.param("polsensor9", "the header of", id="label-of-no-use"),
    ],
)
def test_a_build_that_would_tell_ends_with_nothing_written(
    build: Callable[..., Path], tmp_path: Path, name: str, place: str
) -> None:
    with pytest.raises(PrivacyError, match=f"characters of .*{place}"):
        build(name=name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]


def test_the_message_does_not_tell_either(build: Callable[..., Path]) -> None:
    with pytest.raises(PrivacyError, match="9 characters of the header") as error:
        build(name="vermeulen")
    assert "ermeulen" not in str(error.value)


def test_an_older_fixture_stays_as_it_was(
    build: Callable[..., Path], tmp_path: Path
) -> None:
    before = build().read_bytes()
    with pytest.raises(PrivacyError, match=r"out\.h5' would hold"):
        build(name="zanzibar")
    assert (tmp_path / "out.h5").read_bytes() == before


def test_a_label_pattern_is_its_author_s_but_may_not_name_who_was_recorded(
    build: Callable[..., Path], corpus: Path
) -> None:
    (corpus / "Lindqvist" / "Marlow1969.tsv").write_text(
        "onset\tduration\teventType\n10\t20\tKrampf Fenwick\n35\t2\tKrampf Vermeulen\n",
        encoding="utf-8",
    )
    background = {"background_pattern": ".*n"}
    assert build(label_pattern="Krampf Fenwick", **background).is_file()
    with pytest.raises(PrivacyError, match="the label_pattern of the spec"):
        build(label_pattern="Krampf Vermeulen", background_pattern=".*k")
    assert build(label_pattern="Kr.*").is_file()


# Other scripts


@pytest.fixture
def foreign_corpus(tmp_path: Path) -> Path:
    """Make a folder with one recording and names that are not ASCII everywhere."""
    path = tmp_path / "corpus" / f"{FOREIGN['path']}.edf"
    path.parent.mkdir(parents=True)
    write_edf(path, patient=FOREIGN["header"])
    path.with_suffix(".tsv").write_text(
        f"onset\tduration\teventType\tnotes\n10\t20\tsz\t{FOREIGN['annotation']}\n",
        encoding="utf-8",
    )
    return tmp_path / "corpus"


@pytest.mark.parametrize("canary", FOREIGN_CANARIES)
def test_names_in_other_scripts_are_searched_for(
    foreign_corpus: Path, leaking: Callable[[str], Path], canary: str
) -> None:
    found = texts_below(foreign_corpus)
    assert canary in found.origins
    with pytest.raises(PrivacyError, match="would hold"):
        check_anonymous(leaking(f"see {canary.upper()}, please"), found)


@pytest.mark.parametrize("canary", FOREIGN_CANARIES)
def test_names_in_other_scripts_are_in_no_fixture(
    foreign_corpus: Path, tmp_path: Path, canary: str
) -> None:
    spec = parse_spec({"source": "edf", "window_length": 8}, where="a test")
    path = build_fixture(spec, tmp_path / "out.h5", root=foreign_corpus).path
    assert canary.encode() not in path.read_bytes()


def test_utf_8_that_was_read_as_latin_1_is_found(
    leaking: Callable[[str], Path],
) -> None:
    path = leaking("Пётр".encode().decode("latin-1"))
    with pytest.raises(PrivacyError, match="4 characters of a test"):
        check_anonymous(path, texts("Пётр"))


def test_a_name_that_the_width_of_its_field_cuts_is_searched_for(corpus: Path) -> None:
    # An odd number of bytes before letters of two: the 80th is half a letter.
    write_edf(corpus / "Lindqvist" / "Marlow1969.edf", patient="x Романов " + "Ж" * 50)
    assert "Романов" in texts_below(corpus).origins


def test_latin_1_annotations_are_searched_for(corpus: Path) -> None:
    notes = "onset\tduration\teventType\tnotes\n1\t2\tsz\tBjørn\n"
    (corpus / "Lindqvist" / "Marlow1969.tsv").write_bytes(notes.encode("latin-1"))
    assert "Bjørn" in texts_below(corpus).origins


# No false alarms


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"patient": "X X X X"}, id="anonymous-patient"),
        pytest.param({"recording": "Startdate X X X X"}, id="anonymous-recording"),
        pytest.param({"transducer": "Unknown"}, id="unknown-transducer"),
        pytest.param({"patient": "montage 10-20"}, id="words-of-the-format"),
        pytest.param({"recording": "onset offset whole ictal"}, id="kinds"),
        pytest.param({"patient": "channel float32 raw-1"}, id="profile"),
        pytest.param({"reserved": "EDF"}, id="reserved"),
        pytest.param({"patient": "8.0 64.0 10.000000"}, id="numbers"),
        pytest.param({"patient": "train dev eval"}, id="splits"),
    ],
)
def test_words_that_are_in_every_fixture_are_no_hit(
    build: Callable[..., Path], corpus: Path, changes: dict[str, str]
) -> None:
    write_edf(corpus / "Lindqvist" / "Marlow1969.edf", **changes)
    assert build().is_file()


def test_subjects_that_have_the_names_of_pseudonyms_are_no_hit(
    build: Callable[..., Path], corpus: Path
) -> None:
    (corpus / "Lindqvist").rename(corpus / "sub-01")
    assert build().is_file()


def test_an_alias_may_quote_a_label(build: Callable[..., Path], corpus: Path) -> None:
    write_edf(corpus / "Lindqvist" / "Marlow1969.edf", label="Oz special")
    aliases = {"Oz special": "EEG OZ-REF"}
    path = build(aliases=aliases, montage=["Oz", "Cz-Oz"])
    with load_fixture(path) as fixture:
        assert fixture.records.spec["aliases"] == aliases


@pytest.mark.parametrize("label", ["Vermeulen", "EEG JOSEFIEN-REF"])
def test_an_alias_may_not_hold_what_the_header_says_of_the_patient(
    build: Callable[..., Path], corpus: Path, label: str
) -> None:
    write_edf(corpus / "Lindqvist" / "Marlow1969.edf", label=label)
    with pytest.raises(PrivacyError, match=r"\d characters of the header"):
        build(aliases={label: "EEG OZ-REF"}, montage=["Oz", "Cz-Oz"])


# The search itself


@pytest.fixture
def leaking(
    make_content: Callable[..., Content], tmp_path: Path
) -> Callable[[str], Path]:
    """Write a small fixture whose records hold a text."""

    def write(text: str) -> Path:
        source = {"name": "synthetic", "note": text}
        return write_fixture(make_content(source=source), tmp_path / "leak.h5")

    return write


def texts(*wanted: str) -> IdentifyingTexts:
    found = IdentifyingTexts()
    for text in wanted:
        found.add(text, "a test")
    return found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Ravn", id="four-letters"),
        pytest.param("4711", id="four-digits"),
        pytest.param("12/3", id="four-characters"),
        pytest.param("Mont", id="begins-like-a-word-of-the-format"),
        pytest.param("RAVN the Red", id="several-words"),
        pytest.param("C:\\patients\\ravn", id="backslashes"),
    ],
)
def test_a_text_in_the_records_is_found(
    leaking: Callable[[str], Path], text: str
) -> None:
    path = leaking(f"see {text.upper()}, please")
    with pytest.raises(PrivacyError, match=f"hold {len(text)} characters of a test"):
        check_anonymous(path, texts(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Rav", id="three-letters"),
        pytest.param("256.0", id="number"),
        pytest.param("seizure onset", id="generic-words"),
        pytest.param("FP1-F7", id="derivation"),
        pytest.param("EEG F3-REF", id="label"),
        pytest.param("X X X X", id="single-letters"),
    ],
)
def test_a_text_that_identifies_nobody_is_not_searched_for(text: str) -> None:
    assert texts(text).origins == {}


def test_a_fixture_without_the_texts_passes(small_fixture: Path) -> None:
    check_anonymous(small_fixture, texts("Ravn", "4711", "1.2.84", "Mont"))


@pytest.mark.parametrize("place", ["column", "structures", "end"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Bjørnstjerne", id="utf-8"),
        pytest.param("BJØRNSTJERNE", id="capitals"),
        pytest.param("Bj\\u00f8rnstjerne", id="escaped-as-in-json"),
    ],
)
def test_a_text_is_found_in_every_part_that_is_no_array(
    small_fixture: Path, tmp_path: Path, place: str, text: str
) -> None:
    path = tmp_path / "patched.h5"
    shutil.copy(small_fixture, path)
    raw = path.read_bytes()
    index = parse_index(raw, size=len(raw), where="a test")
    scale = index.arrays["scale"]
    with h5py.File(path) as file:
        column = file["subject"].id.get_offset()
    starts = {
        "column": column,
        "structures": scale.offset + scale.length + 13,
        "end": len(raw) - 20,
    }
    with path.open("r+b") as file:
        file.seek(starts[place])
        file.write(text.encode())
    with pytest.raises(PrivacyError, match="12 characters of a test"):
        check_anonymous(path, texts("Bjørnstjerne"))


@pytest.mark.parametrize("name", ARRAYS)
def test_bytes_of_numbers_are_no_text(
    small_fixture: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "chance.h5"
    shutil.copy(small_fixture, path)
    raw = path.read_bytes()
    array = parse_index(raw, size=len(raw), where="a test").arrays[name]
    with path.open("r+b") as file:
        file.seek(array.offset)
        file.write(b"ravn")
    check_anonymous(path, texts("ravn"))


# Afterwards, with the corpus at hand


def test_a_folder_without_recordings_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no EDF or BDF file to compare with"):
        texts_below(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("nowhere", "nowhere': no such folder", id="missing"),
        pytest.param("x" * 300, "xx' cannot be reached: File name", id="impossible"),
    ],
)
def test_a_folder_that_is_not_there_is_no_proof(
    name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=message):
        texts_below(tmp_path / name)


def test_a_folder_that_is_a_link_is_searched_and_a_circle_ends(
    corpus: Path, tmp_path: Path
) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "Lindqvist").symlink_to(corpus / "Lindqvist")
    (linked / "again").symlink_to(linked)
    found = texts_below(linked)
    assert {"Marlow1969", "Vermeulen"} <= found.origins.keys()


def test_a_folder_that_cannot_be_listed_is_not_passed_over(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("Lindqvist"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    write_edf(corpus / "a.edf")
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="Lindqvist' cannot be listed: Permission"):
        texts_below(corpus)


def test_a_file_that_cannot_be_read_is_named_and_its_path_searched_for(
    corpus: Path,
) -> None:
    (corpus / "Lindqvist" / "Osterhaus.edf").write_bytes(b"not a recording")
    found = texts_below(corpus)
    assert found.unreadable == ["'Lindqvist/Osterhaus.edf'"]
    assert "Osterhaus" in found.origins


def test_one_recording_can_be_compared_with(corpus: Path) -> None:
    found = texts_below(corpus / "Lindqvist" / "Marlow1969.edf")
    assert {"Marlow1969", "Vermeulen"} <= found.origins.keys()
