"""The request: what is allowed, what is refused and how, and the way back."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bgb_fixtures.errors import SpecError
from bgb_fixtures.events import Event
from bgb_fixtures.spec import (
    Artefact,
    RecordingSpec,
    Seizure,
    load_default_spec,
    load_spec,
    parse_spec,
    spec_to_json,
    window_samples,
)

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
    spec = parse_spec(SMALL, where="a test")

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
    spec = parse_spec(value, where="a test")

    assert (spec.name, spec.seed, spec.window_length) == ("synthetic", 0, 60.0)
    assert (spec.montage, spec.profile) == ("10-20", "zscore-1")
    assert spec.recordings[0].windows == (0.0,)
    assert spec.recordings[0].state == "awake"
    assert spec.recordings[0].artefacts == ()


@pytest.mark.parametrize("name", ["smoke.toml", "tiny.toml"])
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
    spec = parse_spec(SMALL, where="a test")
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
        "recordings[0].duration: expected a number in [41, 3600], got 40",
        id="window-longer-than-recording",
    ),
    pytest.param(
        changed("recordings", 0, "windows", to=[0, 31]),
        "recordings[0].windows[1]: expected a number in [0, 30], got 31",
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
        "recordings[0].events[0].amplitude: expected a number in [0.1, 3], got -1",
        id="negative-amplitude",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "amplitude", to=0),
        "recordings[0].events[0].amplitude: expected a number in [0.1, 3], got 0",
        id="seizure-that-nobody-can-see",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "amplitude", to=True),
        "recordings[0].events[0].amplitude: expected a number in [0.1, 3], got True",
        id="amplitude-that-is-no-number",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "duration", to=0.1),
        "recordings[0].events[0].duration: expected a number in [0.25, 36], got 0.1",
        id="seizure-shorter-than-a-spike-and-wave",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "duration", to=37),
        "recordings[0].events[0].duration: expected a number in [0.25, 36], got 37",
        id="seizure-past-the-end",
    ),
    pytest.param(
        changed("recordings", 0, "events", 0, "duration", to=22),
        "recordings[0].events: expected events in order, without overlap, got 24.5",
        id="seizures-overlap",
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
        "recordings[0].artefacts[0].onset: expected a number in [0, 39.9961], got 40",
        id="artefact-past-the-end",
    ),
    pytest.param(
        changed("recordings", 0, "artefacts", 0, "amplitude", to=-0.5),
        "recordings[0].artefacts[0].amplitude: expected a number in [0.1, 3], got -0.5",
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
        "recordings[0].duration: expected a number in [10, 3600], got 3601",
        id="recording-too-long",
    ),
    pytest.param(
        changed("recordings", 0, "subject", to=0),
        "recordings[0].subject: expected an integer in [1, 999], got 0",
        id="subject-zero",
    ),
    pytest.param(
        changed("sfreq", to=250),
        "sfreq: expected 256 Hz, the rate of the synthetic source, got 250.0",
        id="other-rate",
    ),
    pytest.param(
        changed("seed", to=-1),
        "seed: expected an integer in [0, 4294967295], got -1",
        id="negative-seed",
    ),
    pytest.param(
        changed("window_length", to=0),
        "window_length: expected a number in [1, 3600], got 0",
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


def test_spec_that_is_not_toml_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = \n", encoding="utf-8")

    with pytest.raises(SpecError, match=r"broken\.toml' is not TOML: .*line 1"):
        load_spec(path)


def test_window_of_2_3_seconds_has_230_samples_at_100_hz() -> None:
    spec = parse_spec({"source": "chbmit", "window_length": 2.3}, where="here")
    assert window_samples(spec, 100) == 230


def test_window_that_ends_between_samples_is_refused() -> None:
    spec = parse_spec({"source": "chbmit", "window_length": 2.3}, where="here")
    with pytest.raises(SpecError, match=r"2\.3 s is no whole number of samples at 256"):
        window_samples(spec, 256)
