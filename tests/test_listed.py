"""Specs that list recordings in files: what is read, refused, and kept in the fixture."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.requests import load_recorded, recorded

from bgb_fixtures.build import build_fixture, select_fixture
from bgb_fixtures.build.privacy import check_anonymous, texts_below
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.chbmit import corpus as chbmit_module
from bgb_fixtures.corpora.chbmit.summary import iter_entries
from bgb_fixtures.corpora.find import named_recordings
from bgb_fixtures.corpora.tusz.corpus import TuszCorpus
from bgb_fixtures.eeg.montage import find_montage
from bgb_fixtures.errors import (
    AnnotationError,
    ChannelNotFoundError,
    PrivacyError,
    SourceError,
    SpecError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.request.recorded import (
    ListedRecording,
    Listing,
    RecordedRequest,
    bare_request,
)
from bgb_fixtures.request.spec import load_spec, parse_spec, spec_to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

# What the twins hold (seed 0, 4 or 6 recordings of 30 s), read off their annotations.
ONE = "chb81/chb81_01.edf"
SEIZURE = [[3, 16]]
NONE = "chb82/chb82_01.edf"
TUSZ = "edf/train/synthaaa/s001_2015/01_tcp_ar/synthaaa_s001_t000.edf"
DEV = "edf/dev/synthaab/s001_2015/02_tcp_le/synthaab_s001_t000.edf"
EVAL = "edf/eval/synthaac/s001_2015/01_tcp_ar/synthaac_s001_t000.edf"
DIGEST = "ab" * 32
TOML = f"""
name = "mini"
source = "chbmit"
window_length = 4

[[recordings]]
name = "{ONE}"
split = "train"
seizures = {SEIZURE}
windows = [20, 1.5]

[[recordings]]
name = "{NONE}"
split = "dev"
seizures = []
windows = [8]

[sha256]
"chb81/chb81-summary.txt" = "{DIGEST}"
"""


@pytest.fixture
def own(chbmit: Path, tmp_path: Path) -> Path:
    """Copy the twin of CHB-MIT, to be changed."""
    return shutil.copytree(chbmit, tmp_path / "own")


def request(*recordings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "source": "chbmit",
        "window_length": 4,
        "recordings": list(recordings) or [{"name": ONE, "windows": [1, 20]}],
        **changes,
    }


def listing(*recordings: dict[str, Any], **changes: Any) -> RecordedRequest:
    return recorded(request(*recordings, **changes), where="spec 'mine.toml'")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# The spec


def test_a_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    assert load_spec(path) == RecordedRequest(
        name="mini",
        source="chbmit",
        window_length=4,
        montage=find_montage("double-banana"),
        selection=Listing(
            recordings=(
                ListedRecording(
                    name=ONE, windows=(20, 1.5), split="train", seizures=((3, 16),)
                ),
                ListedRecording(name=NONE, windows=(8,), split="dev", seizures=()),
            ),
            sha256=(("chb81/chb81-summary.txt", DIGEST),),
        ),
    )


def test_a_list_survives_json(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    spec = load_spec(path)
    text = json.dumps(spec_to_json(spec), sort_keys=True)
    assert parse_spec(json.loads(text), where="x") == spec


def test_what_is_only_checked_is_no_part_of_a_bare_spec(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    bare = bare_request(load_recorded(path), {ONE: "rec-01", NONE: "rec-02"})
    assert spec_to_json(bare) == {
        "name": "mini",
        "content_version": 1,
        "source": "chbmit",
        "window_length": 4,
        "montage": "double-banana",
        "profile": "raw-1",
        "recordings": [
            {"name": "rec-01", "split": "train", "windows": [20, 1.5]},
            {"name": "rec-02", "split": "dev", "windows": [8]},
        ],
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("quotas", {"onset": 1}, id="quotas"),
        pytest.param("per_kind", 2, id="per-kind"),
        pytest.param("per_subject", 2, id="per-subject"),
        pytest.param("per_type", 2, id="per-type"),
        pytest.param("seed", 1, id="seed"),
        pytest.param("types", ["fnsz"], id="types"),
        pytest.param("splits", ["train"], id="splits"),
    ],
)
def test_what_chooses_windows_is_refused_beside_a_list(key: str, value: object) -> None:
    message = rf"spec 'mine\.toml', {key}: expected none, as \[\[recordings\]\] lists"
    with pytest.raises(SpecError, match=message):
        listing(**{key: value})


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        pytest.param(
            {"windows": [1]},
            r"recordings\[0\]\.name: expected the name that the source gives it, such "
            r"as 'chb01/chb01_03\.edf'.*got nothing",
            id="no-name",
        ),
        pytest.param(
            {"name": "/data/a.edf", "windows": [1]},
            r"recordings\[0\]\.name: .*a path from the root, with /, got '/data/a\.edf'",
            id="absolute",
        ),
        pytest.param(
            {"name": "C:/a.edf", "windows": [1]},
            r"recordings\[0\]\.name: .*got 'C:/a\.edf'",
            id="drive",
        ),
        pytest.param(
            {"name": "a/../b.edf", "windows": [1]},
            r"recordings\[0\]\.name: .*got 'a/\.\./b\.edf'",
            id="dots",
        ),
        pytest.param(
            {"name": "a\nb.edf", "windows": [1]},
            r"recordings\[0\]\.name: .*got 'a\\nb\.edf'",
            id="line-feed",
        ),
        pytest.param(
            {"name": ONE},
            r"recordings\[0\]\.windows: expected a list of at least one onset in "
            r"seconds, got nothing",
            id="no-windows",
        ),
        pytest.param(
            {"name": ONE, "windows": [1, -2]},
            r"recordings\[0\]\.windows\[1\]: expected a number from 0 to 1e\+07 s, got -2",
            id="before-the-start",
        ),
        pytest.param(
            {"name": ONE, "windows": [10, 1, 13]},
            r"recordings\[0\]\.windows: expected onsets 4 s apart: windows may not "
            r"overlap, got \[10, 1, 13\]",
            id="overlap",
        ),
        pytest.param(
            {"name": ONE, "windows": [1], "split": "Train"},
            r"recordings\[0\]\.split: expected 1 to 16 lower-case .*, got 'Train'",
            id="split",
        ),
        pytest.param(
            {"name": ONE, "windows": [1], "seizures": [3, 16]},
            r"recordings\[0\]\.seizures\[0\]: expected \[start, end\] in seconds, got 3",
            id="no-pairs",
        ),
        pytest.param(
            {"name": ONE, "windows": [1], "seizures": [[16, 3]]},
            r"recordings\[0\]\.seizures\[0\]: expected an end after its start, "
            r"got \[16, 3\]",
            id="backwards",
        ),
        pytest.param(
            {"name": ONE, "windows": [1], "seizures": [[16, 20], [3, 4]]},
            r"recordings\[0\]\.seizures: .*in order, .*got \[\[16, 20\], \[3, 4\]\]",
            id="out-of-order",
        ),
        pytest.param(
            {"name": ONE, "window": [1]},
            r"unknown key 'recordings\[0\]\.window' for source 'chbmit'; did you mean "
            r"'recordings\[0\]\.windows'\?",
            id="misspelt",
        ),
    ],
)
def test_an_impossible_entry_is_refused(
    recording: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        listing(recording)


def test_a_recording_is_listed_once() -> None:
    one = {"name": ONE, "windows": [1]}
    with pytest.raises(SpecError, match=f"each recording once.*got '{ONE} 2 times'"):
        listing(one, one)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"a.txt": "12"}, r"sha256\.a\.txt: .*got '12'", id="no-digest"),
        pytest.param({"../a": DIGEST}, r"sha256: .*got '\.\./a'", id="no-name"),
    ],
)
def test_an_impossible_digest_is_refused(value: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        listing(sha256=value)


def test_digests_without_a_list_are_refused() -> None:
    with pytest.raises(SpecError, match=r"sha256: expected none, as no \[\[recordings"):
        parse_spec({"source": "chbmit", "sha256": {"a": DIGEST}}, where="x")


def test_a_list_does_not_take_other_recordings_for_missing_electrodes() -> None:
    with pytest.raises(
        SpecError, match="missing: 'drop-window' selects other recordings"
    ):
        listing(missing="drop-window")


def test_a_corpus_with_splits_takes_none_from_the_spec() -> None:
    one = {"name": TUSZ, "windows": [1], "split": "train"}
    with pytest.raises(SpecError, match="split: expected none, as source 'tusz' says"):
        listing(one, source="tusz")


# The build


def test_windows_come_in_the_order_of_the_list(chbmit: Path, tmp_path: Path) -> None:
    spec = listing(
        {"name": NONE, "windows": [8]}, {"name": ONE, "windows": [20, 1, 12.5]}
    )
    build_fixture(spec, tmp_path / "a.h5", root=chbmit)
    with load_fixture(tmp_path / "a.h5") as fixture:
        assert [(w.recording, w.onset, w.kind) for w in fixture.windows] == [
            ("rec-02", 8.0, "background"),
            ("rec-01", 20.0, "background"),
            ("rec-01", 1.0, "onset"),
            ("rec-01", 12.5, "offset"),
        ]


def test_listed_windows_hold_what_chosen_ones_hold(
    chbmit: Path, tmp_path: Path
) -> None:
    chosen = parse_spec({"source": "chbmit", "window_length": 4}, where="x")
    build_fixture(chosen, tmp_path / "chosen.h5", root=chbmit)
    with load_fixture(tmp_path / "chosen.h5") as one:
        first = one.windows[0]
        spec = listing({"name": ONE, "windows": [first.onset]})
        build_fixture(spec, tmp_path / "listed.h5", root=chbmit)
        with load_fixture(tmp_path / "listed.h5") as other:
            assert other.windows[0] == first
            np.testing.assert_array_equal(other.signals[0], one.signals[0])


def test_splits_of_the_list_are_those_of_the_fixture(
    chbmit: Path, tmp_path: Path
) -> None:
    spec = listing(
        {"name": ONE, "windows": [1]}, {"name": NONE, "windows": [8], "split": "dev"}
    )
    report = build_fixture(spec, tmp_path / "a.h5", root=chbmit)
    assert [window.split for window in report.windows] == ["train", "dev"]


def test_a_subject_is_in_one_split(chbmit: Path) -> None:
    spec = listing(
        {"name": ONE, "windows": [1]},
        {"name": "chb81/chb81_02.edf", "windows": [8], "split": "dev"},
    )
    message = "'chb81/chb81_01.edf' and 'chb81/chb81_02.edf' belong to one subject"
    with pytest.raises(SpecError, match=message):
        select_fixture(spec, root=chbmit)


def test_a_blind_split_has_to_be_asked_for(tusz: Path) -> None:
    asked = {"name": EVAL, "windows": [9]}
    with pytest.raises(SourceError, match="in split 'eval', which is kept blind"):
        select_fixture(listing(asked, source="tusz"), root=tusz)
    spec = listing(asked, source="tusz", splits=["eval"])
    (window,) = select_fixture(spec, root=tusz).windows
    assert (window.recording.split, window.kind) == ("eval", "onset")


def test_seizures_that_the_annotations_confirm_pass(chbmit: Path) -> None:
    spec = listing({"name": ONE, "windows": [1], "seizures": SEIZURE})
    assert len(select_fixture(spec, root=chbmit).windows) == 1


@pytest.mark.parametrize(
    ("seizures", "told"),
    [
        pytest.param([[3, 17]], "seizures at 3-17 s", id="another-end"),
        pytest.param([], "no seizures", id="none"),
        pytest.param([[3, 16], [20, 25]], "seizures at 3-16 s, 20-25 s", id="more"),
    ],
)
def test_other_seizures_than_the_spec_says_are_refused(
    chbmit: Path, seizures: list[list[float]], told: str
) -> None:
    spec = listing({"name": ONE, "windows": [1], "seizures": seizures})
    message = (
        rf"recordings\[0\] '{ONE}': the spec has {told}, but the annotations have "
        r"seizures at 3-16 s"
    )
    with pytest.raises(SourceError, match=message):
        select_fixture(spec, root=chbmit)


def test_a_recording_that_is_not_there_is_named(chbmit: Path) -> None:
    spec = listing({"name": "chb81/chb81-01.edf", "windows": [1]})
    message = "'chb81/chb81-01.edf' is not below .*did you mean 'chb81/chb81_01.edf'"
    with pytest.raises(SourceError, match=message):
        select_fixture(spec, root=chbmit)


def test_a_recording_without_its_file_is_named(own: Path) -> None:
    (own / ONE).unlink()
    with pytest.raises(
        SourceError, match=f"'{ONE}': annotated, and its file is missing"
    ):
        select_fixture(listing(), root=own)


def test_a_window_behind_the_end_is_refused(chbmit: Path) -> None:
    spec = listing({"name": ONE, "windows": [1, 27]})
    message = (
        rf"recordings\[0\] '{ONE}', windows\[1\]: expected a window of 4 s inside the "
        r"recording, which ends at 30 s; got 27 to 31 s"
    )
    with pytest.raises(SpecError, match=message):
        select_fixture(spec, root=chbmit)


def test_windows_without_a_seizure_are_no_fixture(chbmit: Path) -> None:
    spec = listing({"name": ONE, "windows": [20]})
    with pytest.raises(SpecError, match="spec lists 1 window, none with a seizure"):
        select_fixture(spec, root=chbmit)


def test_a_missing_electrode_is_an_error(chbmit: Path) -> None:
    spec = listing(montage=["Fp1-F7", "A1-T3"])
    with pytest.raises(ChannelNotFoundError, match=r"chb81_01\.edf' lacks A1-T3"):
        select_fixture(spec, root=chbmit)


def test_listed_recordings_of_other_rates_are_resampled_if_asked(
    tusz: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(tusz, tmp_path / "own")
    with (root / DEV).open("r+b") as file:
        # Half as long a record: 512 Hz.
        file.seek(244)
        file.write(b"0.5     ")
    both = ({"name": TUSZ, "windows": [1]}, {"name": DEV, "windows": [1]})
    with pytest.raises(
        SpecError, match=r"different rates .found 256 Hz, and 512 Hz in 'edf/"
    ):
        select_fixture(listing(*both, source="tusz"), root=root)
    spec = listing(*both, source="tusz", sfreq=256)
    build_fixture(spec, tmp_path / "a.h5", root=root)
    with load_fixture(tmp_path / "a.h5") as fixture:
        assert fixture.signals.shape == (2, 19, 1024)


# Nothing else is read


def test_other_recordings_may_be_broken(own: Path, tmp_path: Path) -> None:
    (own / "chb81" / "chb81_02.edf").write_bytes(b"torn")
    (own / "chb82" / "chb82-summary.txt").write_bytes(b"File Name: oops")
    build_fixture(listing(), tmp_path / "a.h5", root=own)


def test_only_folders_of_listed_recordings_are_listed(
    tusz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    walk = TuszCorpus._walk

    def spy(self: Any, located: Any, **options: Any) -> Any:
        for below, names in walk(self, located, **options):
            listed.append(below)
            yield below, names

    monkeypatch.setattr(TuszCorpus, "_walk", spy)
    named_recordings(TuszCorpus(tusz), [TUSZ], sha256={})
    assert listed == [
        "",
        "edf/",
        "edf/train/",
        "edf/train/synthaaa/",
        "edf/train/synthaaa/s001_2015/",
        "edf/train/synthaaa/s001_2015/01_tcp_ar/",
    ]


def test_only_summaries_of_listed_cases_are_read(
    chbmit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def spy(path: Any) -> Any:
        read.append(path.name)
        return iter_entries(path)

    monkeypatch.setattr(chbmit_module, "iter_entries", spy)
    select_fixture(listing(), root=chbmit)
    assert read == ["chb81-summary.txt"]


def test_a_flat_annotation_of_two_recordings_belongs_to_none(
    tusz: Path, tmp_path: Path
) -> None:
    name = "synthaaa_s001_t000"
    for folder in ("one", "two"):
        (tmp_path / "edf" / folder).mkdir(parents=True)
        shutil.copy(tusz / TUSZ, tmp_path / "edf" / folder)
    (tmp_path / "notes").mkdir()
    shutil.copy((tusz / TUSZ).with_suffix(".csv_bi"), tmp_path / "notes")
    spec = listing({"name": f"one/{name}.edf", "windows": [2]}, source="edf")
    with pytest.raises(SourceError, match="has no annotation file in "):
        select_fixture(spec, root=tmp_path / "edf", annotations=tmp_path / "notes")


# Digests


def test_annotations_with_the_digest_of_the_spec_pass(chbmit: Path) -> None:
    summary = sha256(chbmit / "chb81" / "chb81-summary.txt")
    spec = listing(sha256={"chb81/chb81-summary.txt": summary})
    assert len(select_fixture(spec, root=chbmit).windows) == 2


def test_names_of_digests_are_the_same_for_one_case(chbmit: Path) -> None:
    summary = sha256(chbmit / "chb81" / "chb81-summary.txt")
    spec = listing(sha256={"chb81/chb81-summary.txt": summary})
    assert len(select_fixture(spec, root=chbmit / "chb81").windows) == 2


def test_annotations_with_another_digest_are_not_believed(own: Path) -> None:
    summary = own / "chb81" / "chb81-summary.txt"
    before = sha256(summary)
    summary.write_bytes(summary.read_bytes().replace(b"16 seconds", b"11 seconds"))
    spec = listing(sha256={"chb81/chb81-summary.txt": before})
    message = (
        rf"chb81-summary\.txt': expected SHA-256 {before}, got {sha256(summary)}: .*"
        r"Is it another version of the corpus\?"
    )
    with pytest.raises(AnnotationError, match=message):
        select_fixture(spec, root=own)


def test_a_digest_of_no_annotation_file_is_refused(chbmit: Path) -> None:
    spec = listing(sha256={"chb82/chb82-summary.txt": DIGEST})
    message = (
        r"annotation file 'chb82/chb82-summary\.txt': .*no recording that it lists has "
        r"a file of this name here; did you mean 'chb81/chb81-summary\.txt'\?"
    )
    with pytest.raises(SourceError, match=message):
        select_fixture(spec, root=chbmit)


@pytest.mark.parametrize(
    "flat", [pytest.param(True, id="flat"), pytest.param(False, id="same-folders")]
)
def test_annotations_in_a_folder_of_their_own_have_names_in_it(
    tusz: Path, tmp_path: Path, *, flat: bool
) -> None:
    root = tusz / "edf" / "train"
    recording = TUSZ.removeprefix("edf/train/")
    below = "" if flat else recording.rpartition("/")[0] + "/"
    folder = tmp_path / "annotations" / below
    folder.mkdir(parents=True)
    (folder / "synthaaa_s001_t000.csv_bi").write_bytes(
        (root / recording).with_suffix(".csv_bi").read_bytes()
    )
    name = f"{below}synthaaa_s001_t000.csv_bi"
    one = {"name": recording, "windows": [2]}
    spec = listing(one, source="edf", montage="10-20", sha256={name: "00" * 32})
    with pytest.raises(AnnotationError, match="expected SHA-256 0000"):
        select_fixture(spec, root=root, annotations=tmp_path / "annotations")


# Nothing of the source gets into the file


def test_names_and_digests_of_the_spec_are_not_in_the_fixture(
    own: Path, tmp_path: Path
) -> None:
    summary = sha256(own / "chb81" / "chb81-summary.txt")
    spec = listing(
        {"name": ONE, "windows": [1, 20], "seizures": SEIZURE},
        sha256={"chb81/chb81-summary.txt": summary},
    )
    path = build_fixture(spec, tmp_path / "a.h5", root=own).path
    raw = path.read_bytes()
    assert b"chb81" not in raw
    assert summary.encode() not in raw
    with load_fixture(path) as fixture:
        assert fixture.records.spec["recordings"] == [
            {"name": "rec-01", "windows": [1.0, 20.0]}
        ]
    check_anonymous(path, texts_below(own))


def test_a_name_of_a_recording_in_a_stored_spec_is_found(
    make_content: Callable[..., Content], chbmit: Path, tmp_path: Path
) -> None:
    # What a build without pseudonyms would write.
    content = make_content(
        source={"name": "chbmit"},
        spec=spec_to_json(listing({"name": ONE, "windows": [1]})),
    )
    path = write_fixture(content, tmp_path / "leak.h5")
    with pytest.raises(PrivacyError, match="would hold 5 characters of the"):
        check_anonymous(path, texts_below(chbmit))


def test_a_split_that_names_someone_ends_with_nothing_written(
    own: Path, tmp_path: Path
) -> None:
    (own / "chb81").rename(own / "chb77")
    (own / "chb77" / "chb81-summary.txt").rename(own / "chb77" / "chb77-summary.txt")
    spec = listing({"name": "chb77/chb81_01.edf", "windows": [1], "split": "chb77"})
    with pytest.raises(PrivacyError, match="would hold 5 characters"):
        build_fixture(spec, tmp_path / "a.h5", root=own)
    assert not (tmp_path / "a.h5").exists()


# The command


def test_a_dry_run_of_a_list_says_what_would_be_taken(
    chbmit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    summary = sha256(chbmit / "chb81" / "chb81-summary.txt")
    path.write_text(TOML.replace(DIGEST, summary), encoding="utf-8")
    arguments = ["build", "--spec", str(path), "--root", str(chbmit), "--dry-run"]
    main(arguments, standalone_mode=False)
    assert capsys.readouterr().out.splitlines() == [
        (
            "selection: 3 windows of 4 s at 256 Hz, 1 with a seizure, from 2 of 2 "
            "recordings (2 file headers read)"
        ),
        f"  background  train  {ONE} at 20 s",
        f"  onset       train  {ONE} at 1.5 s (seiz)",
        f"  background  dev    {NONE} at 8 s",
    ]
