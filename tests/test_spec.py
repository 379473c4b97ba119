"""The request: what is allowed, what is refused and how, and the way back."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.requests import recorded, synthetic

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import find_montage
from bgb_fixtures.eeg.scaling import PROFILES
from bgb_fixtures.errors import SpecError
from bgb_fixtures.request.annotation_rules import AnnotationRules
from bgb_fixtures.request.recorded import (
    Criteria,
    Quota,
    RecordedRequest,
    kinds_of_quota,
)
from bgb_fixtures.request.samples import window_samples
from bgb_fixtures.request.spec import (
    load_default_spec,
    load_spec,
    parse_spec,
    spec_to_json,
)
from bgb_fixtures.request.synthetic import RecordingSpec
from bgb_fixtures.synthetic.scenario import Artefact, Seizure

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL: dict[str, Any] = {
    "name": "small",
    "source": "synthetic",
    "seed": 7,
    "window_length": 10,
    "recordings": [
        {
            "subject": 1,
            "split": "train",
            "duration": 40,
            "windows": [0, 20],
            "events": [
                {"onset": 4, "duration": 8, "label": "fnsz"},
                {"onset": 24.5, "duration": 1.5, "label": "mysz", "amplitude": 0.5},
            ],
            "artefacts": [{"onset": 30, "duration": 6, "kind": "chewing"}],
            "state": "sleep",
        }
    ],
}


def changed(*path: str | int, to: object) -> dict[str, Any]:
    """Return `SMALL` with one value changed."""
    value = copy.deepcopy(SMALL)
    table: Any = value
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = to
    return value


def test_spec_of_a_recording_is_read() -> None:
    spec = synthetic(SMALL)

    assert spec.recordings == (
        RecordingSpec(
            subject=1,
            split="train",
            duration=40.0,
            events=(
                Seizure(onset=4.0, duration=8.0, label="fnsz"),
                Seizure(onset=24.5, duration=1.5, label="mysz", amplitude=0.5),
            ),
            windows=(0.0, 20.0),
            artefacts=(Artefact(onset=30.0, duration=6.0, kind="chewing"),),
            state="sleep",
        ),
    )


def test_what_is_not_said_has_a_default() -> None:
    value = {
        "source": "synthetic",
        "recordings": [
            {
                "subject": 1,
                "duration": 60,
                "events": [{"onset": 1, "duration": 5, "label": "absz"}],
            }
        ],
    }
    spec = synthetic(value)

    assert (spec.name, spec.seed, spec.window_length) == ("synthetic", 0, 60.0)
    assert (spec.montage.name, spec.profile.name) == ("10-20", "zscore-1")
    # Specs without a recipe were written when there was one.
    assert spec.recipe == "synthetic-1"
    assert spec.recordings[0].windows == (0.0,)
    assert spec.recordings[0].state == "awake"
    assert spec.recordings[0].artefacts == ()


def test_spec_names_its_recipe() -> None:
    spec = synthetic(SMALL | {"recipe": "synthetic-2"})

    assert spec.recipe == "synthetic-2"
    assert spec_to_json(spec)["recipe"] == "synthetic-2"


def test_first_recipe_is_left_out_of_json() -> None:
    # As in the files that were written when there was no other.
    spec = synthetic(SMALL | {"recipe": "synthetic-1"})

    assert "recipe" not in spec_to_json(spec)


def test_artefact_that_came_with_a_later_recipe_needs_it() -> None:
    value = json.loads(json.dumps(SMALL))
    value["recordings"][0]["artefacts"][0]["kind"] = "movement"

    with pytest.raises(SpecError, match=r"kind: expected one of .* got 'movement'"):
        parse_spec(value, where="a test")
    spec = synthetic(value | {"recipe": "synthetic-2"})
    assert spec.recordings[0].artefacts[0].kind == "movement"


def test_recipe_is_for_synthetic_eeg_only() -> None:
    message = "unknown key 'recipe' for source 'tusz'"
    with pytest.raises(SpecError, match=message):
        parse_spec({"source": "tusz", "recipe": "synthetic-2"}, where="a test")


@pytest.mark.parametrize(
    "name", ["smoke.toml", "tiny.toml", "specs/smoke-1.toml", "specs/tiny-1.toml"]
)
def test_shipped_spec_survives_json(name: str) -> None:
    spec = load_spec(FIXTURES / name)

    assert parse_spec(json.loads(json.dumps(spec_to_json(spec))), where="x") == spec


def test_every_key_of_a_recording_survives_json() -> None:
    spec = parse_spec(SMALL, where="a test")

    assert parse_spec(json.loads(json.dumps(spec_to_json(spec))), where="x") == spec


def test_defaults_are_left_out_of_json() -> None:
    recording = spec_to_json(parse_spec(SMALL, where="a test"))["recordings"][0]

    assert "amplitude" not in recording["events"][0]
    assert recording["events"][1]["amplitude"] == 0.5


def test_plain_event_is_written_like_a_seizure_of_amplitude_one() -> None:
    spec = synthetic(SMALL)
    recording = RecordingSpec(
        subject=1,
        split="train",
        duration=10,
        events=(Event(onset=1, duration=2, label="absz"),),
        windows=(0,),
    )
    value = spec_to_json(dataclasses.replace(spec, recordings=(recording,)))

    assert value["recordings"][0]["events"] == [
        {"onset": 1, "duration": 2, "label": "absz"}
    ]


def test_span_of_an_artefact_is_half_open() -> None:
    artefact = Artefact(onset=1.5, duration=0.25, kind="pop")

    assert artefact.span(256) == (384, 448)


REFUSED = [
    pytest.param(
        changed("recordings", to=[]),
        "recordings: expected at least one recording to generate, got []",
        id="no-recordings",
    ),
    pytest.param(
        changed("recordings", 0, "windows", to=[]),
        "recordings[0].windows: expected a list of at least one onset in seconds, "
        "got []",
        id="no-windows",
    ),
    pytest.param(
        changed("recordings", 0, "events", to=[]),
        "recordings: expected at least one window with a seizure; got 0 events",
        id="no-positives",
    ),
    pytest.param(
        changed("window_length", to=41),
        "recordings[0].duration: expected a number from 41 to 3600 s, got 40",
        id="window-longer-than-recording",
    ),
    pytest.param(
        changed("recordings", 0, "windows", to=[0, 31]),
        "recordings[0].windows[1]: expected a number from 0 to 30 s, got 31",
        id="window-past-the-end",
    ),
    pytest.param(
        changed("recordings", 0, "windows", to=[0, 9]),
        "recordings[0].windows: expected onsets in order, 10 s apart, got [0, 9]",
        id="windows-overlap",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "label", to="xxsz"),
        "recordings[0].events[0].label: expected one of 'fnsz', 'gnsz', 'spsz', "
        "'cpsz', 'absz', 'tnsz', 'cnsz', 'tcsz', 'atsz', 'mysz', got 'xxsz'",
        id="unknown-type",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "label", to="seiz"),
        "recordings[0].events[0].label: expected one of 'fnsz'",
        id="type-without-a-pattern",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "amplitude", to=-1),
        "recordings[0].events[0].amplitude: expected a number from 0.1 to 3, got -1",
        id="negative-amplitude",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "amplitude", to=0),
        "recordings[0].events[0].amplitude: expected a number from 0.1 to 3, got 0",
        id="seizure-that-nobody-can-see",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "amplitude", to=True),
        "recordings[0].events[0].amplitude: expected a number from 0.1 to 3, got True",
        id="amplitude-that-is-no-number",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "duration", to=0.1),
        "recordings[0].events[0].duration: expected a number from 0.25 to 36 s, got 0.1",
        id="seizure-shorter-than-a-spike-and-wave",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "duration", to=37),
        "recordings[0].events[0].duration: expected a number from 0.25 to 36 s, got 37",
        id="seizure-past-the-end",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "duration", to=22),
        "recordings[0].events: expected events in order, without overlap, got 24.5",
        id="seizures-overlap",
    ),
    pytest.param(
        changed("recipe", to="synthetic-9"),
        "recipe: expected one of 'synthetic-1', 'synthetic-2', got 'synthetic-9'",
        id="unknown-recipe",
    ),
    pytest.param(
        changed("recordings", 0, "artefacts", 0, "kind", to="sneeze"),
        "recordings[0].artefacts[0].kind: expected one of 'blink', 'chewing', "
        "'drift', 'focal-spikes', 'k-complexes', 'muscle', 'pop', 'saccade', "
        "'spike-waves', 'spindles', got 'sneeze'",
        id="unknown-artefact",
    ),
    pytest.param(
        changed("recordings", 0, "artefacts", 0, "onset", to=40),
        "recordings[0].artefacts[0].onset: expected a number from 0 to 39.9961 s, got 40",
        id="artefact-past-the-end",
    ),
    pytest.param(
        changed("recordings", 0, "artefacts", 0, "amplitude", to=-0.5),
        "recordings[0].artefacts[0].amplitude: expected a number from 0.1 to 3, got -0.5",
        id="negative-amplitude-of-an-artefact",
    ),
    pytest.param(
        changed("recordings", 0, "artefacts", 0, "size", to=2),
        "unknown key 'recordings[0].artefacts[0].size'",
        id="unknown-key",
    ),
    pytest.param(
        changed("recordings", 0, "artefacts", to="chewing"),
        "recordings[0].artefacts: expected a list of tables, got 'chewing'",
        id="artefacts-that-are-no-list",
    ),
    pytest.param(
        changed("recordings", 0, "state", to="drunk"),
        "recordings[0].state: expected one of 'awake', 'sleep', got 'drunk'",
        id="unknown-state",
    ),
    pytest.param(
        changed("recordings", 0, "duration", to=3601),
        "recordings[0].duration: expected a number from 10 to 3600 s, got 3601",
        id="recording-too-long",
    ),
    pytest.param(
        changed("recordings", 0, "subject", to=0),
        "recordings[0].subject: expected an integer from 1 to 999, got 0",
        id="subject-zero",
    ),
    pytest.param(
        changed("sfreq", to=50),
        "sfreq: expected a number from 100 to 1024 Hz, got 50",
        id="low-rate",
    ),
    pytest.param(
        changed("seed", to=-1),
        "seed: expected an integer from 0 to 4294967295, got -1",
        id="negative-seed",
    ),
    pytest.param(
        changed("window_length", to=0),
        "window_length: expected a number from 1 to 3600 s, got 0",
        id="window-of-no-length",
    ),
]


@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_impossible_request_is_refused_with_file_key_value_and_what_is_allowed(
    value: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        parse_spec(value, where="spec 'small.toml'")

    assert str(caught.value).startswith("spec 'small.toml'")


def test_seizures_outside_all_windows_are_no_positives() -> None:
    value = changed("recordings", 0, "windows", to=[13.5])

    with pytest.raises(SpecError, match="got 2 events, none of them inside a window"):
        parse_spec(value, where="spec 'small.toml'")


def test_subject_in_two_splits_is_refused() -> None:
    value = copy.deepcopy(SMALL)
    value["recordings"].append(value["recordings"][0] | {"split": "dev"})

    with pytest.raises(SpecError, match="subject 1 is in split 'train' and in 'dev'"):
        parse_spec(value, where="a test")


def test_default_spec_is_smoke() -> None:
    assert load_default_spec() == load_spec(FIXTURES / "smoke.toml")


def test_spec_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"missing\.toml' cannot be read: No such file"):
        load_spec(tmp_path / "missing.toml")


def test_name_with_a_nul_is_no_spec() -> None:
    with pytest.raises(SpecError, match=r"spec 'a\\x00b' cannot be read: .*null byte"):
        load_spec("a\0b")


def test_spec_that_is_not_toml_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = \n", encoding="utf-8")

    with pytest.raises(SpecError, match=r"broken\.toml' is not TOML: .*line 1"):
        load_spec(path)


def test_window_of_2_3_seconds_has_230_samples_at_100_hz() -> None:
    assert window_samples(2.3, 100) == 230


def test_window_that_ends_between_samples_is_refused() -> None:
    with pytest.raises(
        SpecError, match=(r"2\.3 s is not a whole number of samples at 256")
    ):
        window_samples(2.3, 256)


# Recordings in files

EVERYTHING = """
name = "mine"
source = "edf"
window_length = 10
montage = ["Cz", "Fp1-F7"]
profile = "zscore-1"
sfreq = 200
seed = 7
splits = ["train", "dev"]
types = ["fnsz", "gnsz"]
per_subject = 3
per_type = 5
min_distance = 30
missing = "interpolate"
band_pass = [0.5, 70]
label_pattern = "sz.*"
dev_subjects = ["sub-1", "sub-2"]
licence = "CC-BY-4.0"
attribution = "We, 2026\\nhttps://example.org"
background_pattern = "bckg|n.*"
ignore_labels = ["note", "eyes open"]
aliases = { "ch 1" = "EEG FP1-REF" }
quotas = { onset = 4, none = 10, dev = { partial = 1, none = 2 } }
"""


def real(**changes: Any) -> RecordedRequest:
    return recorded({"source": "tusz", **changes}, where="spec 'mine.toml'")


def test_every_key_for_recordings_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EVERYTHING, encoding="utf-8")
    assert load_spec(path) == RecordedRequest(
        name="mine",
        source="edf",
        window_length=10,
        montage=find_montage(["Cz", "Fp1-F7"], aliases=[("ch 1", "EEG FP1-REF")]),
        profile=PROFILES["zscore-1"],
        sfreq=200,
        selection=Criteria(
            quotas=(
                Quota(word="none", n_windows=2, split="dev"),
                Quota(word="partial", n_windows=1, split="dev"),
                Quota(word="none", n_windows=10),
                Quota(word="onset", n_windows=4),
            ),
            types=("fnsz", "gnsz"),
            per_subject=3,
            per_type=5,
            min_distance=30,
            seed=7,
        ),
        splits=("train", "dev"),
        missing="interpolate",
        band_pass=(0.5, 70),
        dev_subjects=("sub-1", "sub-2"),
        licence="CC-BY-4.0",
        attribution="We, 2026\nhttps://example.org",
        rules=AnnotationRules(
            label_pattern="sz.*",
            background_pattern="bckg|n.*",
            ignore_labels=("note", "eyes open"),
        ),
    )


def test_every_key_for_recordings_survives_json(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EVERYTHING, encoding="utf-8")
    spec = load_spec(path)
    text = json.dumps(spec_to_json(spec), sort_keys=True)
    assert parse_spec(json.loads(text), where="x") == spec


@pytest.mark.parametrize(
    ("source", "montage"),
    [
        pytest.param("chbmit", "double-banana", id="chbmit"),
        pytest.param("tusz", "10-20", id="tusz"),
        pytest.param("bids", "10-20", id="bids"),
        pytest.param("edf", "10-20", id="edf"),
        pytest.param("siena", "10-20", id="siena"),
    ],
)
def test_recordings_have_defaults(source: str, montage: str) -> None:
    spec = parse_spec({"source": source}, where="a test")
    assert spec == RecordedRequest(
        name=source,
        source=source,
        montage=find_montage(montage),
        profile=PROFILES["raw-1"],
        selection=Criteria(per_kind=2),
    )
    assert spec_to_json(spec) == {
        "name": source,
        "content_version": 1,
        "source": source,
        "window_length": 60.0,
        "montage": montage,
        "profile": "raw-1",
        "per_kind": 2,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"quotas": {"onsets": 2}},
            "quotas.onsets: unknown kind or category 'onsets'; did you mean 'onset'? "
            "Expected one of: none, partial, full, onset, offset, whole, ictal, ",
            id="unknown-kind",
        ),
        pytest.param(
            {"quotas": {"dev": {"onsets": 2}}},
            "quotas.dev.onsets",
            id="unknown-of-split",
        ),
        pytest.param(
            {"quotas": {"onset": 0}},
            "quotas.onset: expected an integer from 1 to 100000, got 0",
            id="no-windows",
        ),
        pytest.param(
            {"per_kind": 2.0},
            "mine.toml', per_kind: expected an integer from 1 to 100000, got 2.0",
            id="whole-float",
        ),
        pytest.param(
            {"quotas": {"onset": 1}, "per_kind": 2},
            "mine.toml': per_kind cannot be combined with quotas; drop one",
            id="quotas-and-per-kind",
        ),
        pytest.param(
            {"quotas": {"eval": {"onset": 1}}},
            "found a quota for split 'eval', but the requested splits are all but 'eval'",
            id="quota-of-the-blind-split",
        ),
        pytest.param(
            {"quotas": {"dev": {"onset": 1}}, "splits": ["train"]},
            "found a quota for split 'dev', but the requested splits are 'train'; add it "
            "to splits",
            id="quota-of-a-split-not-taken",
        ),
        pytest.param(
            {"quotas": {"none": 2, "dev": {"background": 1}}},
            "mine.toml': the quotas request no window with a seizure; a fixture needs at "
            "least one: add for example quotas partial=1",
            id="quotas-without-a-seizure",
        ),
        pytest.param(
            {"types": ["bckg"]}, "types: unknown seizure type", id="no-seizure"
        ),
        pytest.param({"splits": ["a", "a"]}, "splits: expected a list of", id="twice"),
        pytest.param({"per_type": 0}, "per_type: expected an integer", id="type-limit"),
        pytest.param(
            {"per_subject": 1.5}, "per_subject: expected an integer", id="subject-limit"
        ),
        pytest.param(
            {"missing": "zeros"},
            "missing: expected one of 'error', 'drop-window', 'interpolate', got 'zeros'",
            id="zeros",
        ),
        pytest.param(
            {"missing": "interpolate", "montage": "tcp-22"},
            "the montage has A1, A2",
            id="interpolated-ears",
        ),
        pytest.param(
            {"band_pass": [70, 0.5]},
            "band_pass: expected the lower frequency first, got [70, 0.5]",
            id="band-upside-down",
        ),
        pytest.param(
            {"band_pass": 40}, "band_pass: expected two frequencies", id="half-a-band"
        ),
        pytest.param(
            {"band_pass": [0.5, 40], "profile": "brain-go-brr-3.1"},
            "band_pass cannot be used with profile 'brain-go-brr-3.1', which has its own",
            id="two-filters",
        ),
        pytest.param(
            {"label_pattern": "sz"},
            "label_pattern applies to source edf and bids only; drop it",
            id="pattern-of-another-source",
        ),
        pytest.param(
            {"source": "edf", "label_pattern": "(sz"},
            "label_pattern: expected a regular expression, got '(sz'",
            id="no-pattern",
        ),
        pytest.param(
            {"aliases": {"ch 1": "left"}},
            "mine.toml', aliases: expected a label",
            id="alias",
        ),
        pytest.param(
            {"montage": ["Fp1", "Fp1-XX"]},
            "mine.toml', montage: expected an electrode such as 'Fp1' or",
            id="unknown-row",
        ),
        pytest.param(
            {"montage": "tcp"}, "'tcp-22', or a list of rows, got 'tcp'", id="montage"
        ),
        pytest.param({"seed": "x"}, "seed: expected an integer", id="seed"),
        pytest.param({"quotes": {}}, "unknown key 'quotes'", id="misspelt"),
    ],
)
def test_impossible_request_for_recordings_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        real(**changes)


def test_keys_for_recordings_are_unknown_to_the_synthetic_source() -> None:
    with pytest.raises(SpecError, match="unknown key 'quotas', 'types'"):
        parse_spec(SMALL | {"quotas": {}, "types": []}, where="a test")


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        pytest.param("none", ("background",), id="none"),
        pytest.param("partial", ("onset", "offset", "whole"), id="partial"),
        pytest.param("full", ("ictal",), id="full"),
        pytest.param("onset", ("onset",), id="kind"),
    ],
)
def test_a_category_counts_its_kinds(word: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of_quota(word) == kinds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"windowlength": 10},
            r"unknown key 'windowlength'; did you mean 'window_length'\?",
            id="misspelt",
        ),
        pytest.param(
            {"source": "chbmit"},
            r"unknown key 'recordings\[0\]\.duration', 'recordings\[0\]\.subject' for "
            "source 'chbmit'",
            id="recordings-of-files",
        ),
        pytest.param(
            {"quotas": {"none": 1}},
            "unknown key 'quotas' for source 'synthetic'",
            id="quotas-of-synthetic",
        ),
    ],
)
def test_wrong_key_is_named_before_what_follows_from_it(
    change: dict[str, object], message: str
) -> None:
    recordings = [{"subject": 1, "duration": 30}]
    spec = {"source": "synthetic", "recordings": recordings} | change
    with pytest.raises(SpecError, match=message):
        parse_spec(spec, where="here")


def test_missing_key_is_told_from_a_wrong_value() -> None:
    with pytest.raises(SpecError, match=r"source: expected one of .*, got nothing"):
        parse_spec({}, where="here")
