"""From a spec to a file: what is opened, what is refused, what the file holds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest
from support.edf import LSB_UV, MemorySource, edf_bytes
from support.requests import recorded, synthetic

from bgb_fixtures import build as build_module
from bgb_fixtures.build import build_fixture, select_fixture
from bgb_fixtures.build.quotas import choose_windows
from bgb_fixtures.corpora.chbmit.loops import LoopCheckedSignal
from bgb_fixtures.corpora.corpus import Corpus
from bgb_fixtures.corpora.recording import Licence, Located, Recording
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.eeg.scaling import brain_go_brr_window, standardise_brain_go_brr
from bgb_fixtures.eeg.signal import DerivedSignal
from bgb_fixtures.errors import (
    ChannelNotFoundError,
    FixtureError,
    SourceError,
    SpecError,
    TargetError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.annotation_rules import NO_RULES
from bgb_fixtures.request.spec import load_default_spec, parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bgb_fixtures.build import BuildReport
    from bgb_fixtures.build.quotas import Choice
    from bgb_fixtures.build.select import Selection
    from bgb_fixtures.eeg.montage import Row
    from bgb_fixtures.eeg.signal import Signal
    from bgb_fixtures.request.recorded import RecordedRequest
    from bgb_fixtures.request.synthetic import SyntheticRequest

LICENCE = Licence(
    name="ODC-By-1.0", url="https://example.org", attribution="A.", redistributable=True
)


class FakeFile:
    """The file of a recording, at no place on this machine."""

    def __init__(self, corpus: FakeCorpus, name: str) -> None:
        self.name = name
        self._corpus = corpus

    def absolute(self) -> str:
        return f"somewhere/{self.name}"

    def read_bytes(self) -> bytes:
        """Return the annotations, in which nothing is searched here."""
        return b""

    def open_ranges(self) -> FakeSource:
        return self._corpus.open_file(self.name)


@dataclass(kw_only=True)
class FakeSource(MemorySource):
    """A file in memory; the log is in samples, as its records are of one second."""

    log: list[tuple[Any, ...]]
    sfreq: int
    n_signals: int

    def read(self, start: int, stop: int) -> bytes:
        header_bytes = 256 * (self.n_signals + 1)
        if start >= header_bytes:
            first, last = (
                (place - header_bytes) // (2 * self.n_signals)
                for place in (start, stop)
            )
            self.log.append(("read", self.name, first, last))
        return super().read(start, stop)

    def close(self) -> None:
        super().close()
        self.log.append(("close", self.name))


class FakeCorpus(Corpus):
    """Recordings in memory, and a log of what is done with them.

    `data_uv` has the samples of each in microvolts, `lacking` the channels that a
    recording does not have, and `broken` why its file cannot be opened.
    """

    title = "Fake"
    licence = LICENCE

    def __init__(self) -> None:
        self.root = Path("somewhere")
        self.splits = ()
        self.rules = NO_RULES
        self.dev_subjects = frozenset()
        self.listed: list[Recording] = []
        self.data_uv: dict[str, npt.NDArray[np.float64]] = {}
        self.rates: dict[str, int] = {}
        self.broken: dict[str, SourceError] = {}
        self.lacking: dict[str, tuple[str, ...]] = {}
        self.log: list[tuple[Any, ...]] = []

    def add(
        self,
        name: str,
        *seizures: tuple[float, float],
        n_seconds: int = 60,
        sfreq: int = 64,
        duration: float | None = -1,
        subject: str = "chb01",
        n_channels: int = 18,
        split: str = "train",
    ) -> Self:
        """Add a recording with seizures from onset to end, in seconds.

        `duration` is what the annotations say: -1 for the truth, None for nothing.
        """
        rng = np.random.default_rng(len(self.listed))
        noise = rng.normal(0, 20, (19, n_seconds * sfreq))
        data_uv = np.rint(noise * 8) / 8
        if n_channels == 18:
            # Differences, as the loops of the montage are checked.
            pairs = [row.split("-") for row in MONTAGES["double-banana"]]
            place = MONTAGES["10-20"].index
            data_uv = np.array(
                [data_uv[place(a)] - data_uv[place(b)] for a, b in pairs]
            )
        self.data_uv[name], self.rates[name] = data_uv, sfreq
        self.listed.append(
            Recording(
                name=name,
                subject=subject,
                split=split,
                duration=n_seconds if duration == -1 else duration,
                events=tuple(
                    Event(onset=a, duration=b - a, label="fnsz") for a, b in seizures
                ),
                located=Located(signal=name, annotations=(f"{name}.txt",)),
            )
        )
        return self

    def find(self, _: object = None) -> dict[str, Located]:
        return {recording.name: recording.located for recording in self.listed}

    def annotate(self, name: str, _: Located) -> Recording:
        return next(r for r in self.listed if r.name == name)

    def split_of(self, name: str) -> str:
        return self.annotate(name, Located()).split

    def place_of(self, address: str) -> Any:
        return FakeFile(self, address)

    def checked_signal(
        self, signal: Signal, rows: Sequence[Row], *, where: str
    ) -> Signal:
        return LoopCheckedSignal(signal, [row.ch_name for row in rows], where=where)

    def open_file(self, name: str) -> FakeSource:
        self.log.append(("open", name))
        if name in self.broken:
            raise self.broken[name]
        data_uv, sfreq = self.data_uv[name], self.rates[name]
        montage = "double-banana" if len(data_uv) == 18 else "10-20"
        held = [
            (label, row)
            for label, row in zip(MONTAGES[montage], data_uv / LSB_UV, strict=True)
            if label not in self.lacking.get(name, ())
        ]
        labels = [label for label, _ in held]
        digital = np.array([row for _, row in held]).astype(np.int16)
        return FakeSource(
            data=edf_bytes(labels, digital, sfreq=sfreq),
            name=name,
            log=self.log,
            sfreq=sfreq,
            n_signals=len(labels),
        )

    def opened(self) -> set[str]:
        return {entry[1] for entry in self.log if entry[0] == "open"}


def make_spec(**changes: Any) -> RecordedRequest:
    return recorded({"source": "chbmit", "window_length": 4, **changes})


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> FakeCorpus:
    """Stand in for the corpus of the request."""
    fake = FakeCorpus()
    monkeypatch.setattr("bgb_fixtures.corpora.open_corpus", lambda *_, **__: fake)
    return fake


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., BuildReport]:
    """Build `a.h5` in an empty folder; keywords change the spec."""

    def run(**changes: Any) -> BuildReport:
        return build_fixture(make_spec(**changes), tmp_path / "a.h5", root="somewhere")

    return run


def places(report: BuildReport) -> list[tuple[str, str, float]]:
    return [(w.kind, w.recording, w.onset) for w in report.windows]


# Selection


def test_quotas_are_met_and_stored(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40), split="dev")
    quotas = {"onset": 1, "dev": {"partial": 1, "none": 2}}
    report = build(quotas=quotas)
    assert [(w.split, w.kind) for w in report.windows] == [
        ("train", "onset"),
        ("dev", "background"),
        ("dev", "onset"),
        ("dev", "background"),
    ]
    with load_fixture(report.path) as fixture:
        assert fixture.records.spec["quotas"] == quotas
    assert report.missing_kinds == ()


def test_a_quota_that_cannot_be_met_says_what_is_there(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", split="dev")
    message = (
        r"quotas not filled: dev:onset 1 \(got 0\), whole 2 \(got 0\)\. Candidates of "
        r"4 s, some of which overlap: dev: onset 0, offset 0, whole 0, ictal 0, "
        r"background 15; train: onset 1, offset 1, whole 0, ictal 5, background 10"
    )
    with pytest.raises(SpecError, match=message):
        build(quotas={"whole": 2, "dev": {"onset": 1}})


def test_limits_that_keep_a_quota_short_are_named(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40))
    with pytest.raises(
        SpecError,
        match=r"\. Not chosen: 1 onset window: --per-subject limit of 1 reached",
    ):
        build(quotas={"onset": 2}, per_subject=1)


def test_a_type_that_is_not_there_is_answered_with_those_that_are(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), (50, 55))
    with pytest.raises(
        SpecError, match=r"\(2 fnsz\); none has a requested type \(absz\)"
    ):
        build(types=["absz"])


def test_a_type_that_is_not_there_is_not_blamed_on_a_bad_recording(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a").add("b", (20, 40))
    source.broken["a"] = SourceError("broken")
    message = r"requested type \(mysz\)\. 1 recording skipped, the first: broken"
    with pytest.raises(SpecError, match=message):
        build(types=["mysz"])


def test_the_only_recording_with_a_wanted_seizure_says_why_it_is_left_out(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a").add("b", (20, 40)).add("c")
    source.broken["a"] = SourceError("broken")
    source.broken["b"] = SourceError("torn")
    with pytest.raises(SourceError, match=r"^torn$"):
        build()


def test_quotas_without_a_seizure_are_no_fixture(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    with pytest.raises(SpecError, match="quotas request no window with a seizure"):
        build(quotas={"none": 2})
    assert not source.log


# Recordings that cannot be used


def test_a_bad_recording_gives_way_to_another_and_is_reported(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40))
    source.broken["a"] = SourceError("'a.edf', header bytes: expected 5120, got 3")
    report = build(per_kind=1)
    assert {w.recording for w in report.windows} == {"rec-01"}
    assert report.left_out == ("'a.edf', header bytes: expected 5120, got 3",)


@pytest.mark.parametrize("duration", [60.0, None])
def test_many_bad_recordings_cost_few_turns(
    source: FakeCorpus, monkeypatch: pytest.MonkeyPatch, duration: float | None
) -> None:
    turns = []

    def counted(*given: Any, **named: Any) -> Choice:
        turns.append(1)
        return choose_windows(*given, **named)

    monkeypatch.setattr("bgb_fixtures.build.select.choose_windows", counted)
    for i in range(300):
        # Every other one is shorter than its annotations say, the rest broken.
        source.add(f"a{i:03}", (0, 1), n_seconds=2, duration=duration)
    for recording in source.listed[::2]:
        source.broken[recording.name] = SourceError("broken")
    source.add("z", (20, 40))
    assert {w.recording.name for w in select().windows} == {"z"}
    assert len(turns) <= 3


def test_a_bad_recording_ends_a_strict_build(
    source: FakeCorpus, tmp_path: Path
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40))
    source.broken["a"] = SourceError("broken")
    with pytest.raises(SourceError, match="broken"):
        build_fixture(make_spec(), tmp_path / "a.h5", root="x", strict=True)


def test_a_bad_recording_ends_a_build_that_needs_it(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40))
    source.broken["a"] = SourceError("broken")
    with pytest.raises(SpecError, match="1 recording skipped, the first: broken"):
        build(quotas={"onset": 2})


def test_a_recording_without_an_electrode_ends_the_build_by_default(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_channels=19).add("b", (20, 40), n_channels=19)
    source.lacking["a"] = ("Fz", "Pz")
    message = r"'a' lacks Fz, Pz.* --missing drop-window; .* --missing interpolate"
    with pytest.raises(ChannelNotFoundError, match=message):
        build(montage="10-20")


def test_a_recording_without_an_electrode_can_be_dropped(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_channels=19).add("b", (20, 40), n_channels=19)
    source.lacking["a"] = ("Fz", "Pz")
    report = build(montage="10-20", missing="drop-window", per_kind=1)
    assert report.left_out == ("1 recording: no Fz, Pz (--missing drop-window)",)
    with load_fixture(report.path) as fixture:
        assert fixture.records.spec["missing"] == "drop-window"


def test_a_missing_electrode_can_be_interpolated_and_the_file_says_so(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_channels=19).add("b", n_channels=19)
    source.lacking["a"] = ("Fz", "Pz")
    report = build(montage="szcore-19", missing="interpolate", per_kind=1)
    with load_fixture(report.path) as fixture:
        records = fixture.records
        assert records.source["interpolated"] == {"rec-01": ["Fz", "Pz"]}
        assert records.profile["steps"][2].startswith(
            "electrodes that a recording lacks"
        )
        assert records.profile["steps"][3] == "minus the mean of all rows, in float64"
        assert records.montage == "szcore-19"
        mean = fixture.signals.mean(axis=1)
    np.testing.assert_allclose(mean, 0, atol=1e-4)


def test_too_many_missing_electrodes_are_not_interpolated(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_channels=19)
    source.lacking["a"] = ("Fz", "Pz", "Cz", "C3", "C4")
    with pytest.raises(ChannelNotFoundError, match="'a' lacks C3, Fz, Cz, Pz, C4"):
        build(montage="10-20", missing="interpolate")


def test_a_channel_that_is_not_what_its_label_says_ends_the_build(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    source.data_uv["a"][2] *= -1
    with pytest.raises(SourceError, match=r"'a', .* T3-T5 .* have the same ends"):
        build()


# Selections without a build


def select(**changes: Any) -> Selection:
    return select_fixture(make_spec(**changes), root="somewhere")


def test_a_selection_holds_the_windows_that_a_build_takes(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b").add("c", (10, 13))
    windows = select().windows
    assert [(w.kind, w.start / 64) for w in windows] == [
        (w.kind, w.onset) for w in build().windows
    ]


def test_a_selection_reads_headers_of_chosen_recordings_and_no_samples(
    source: FakeCorpus,
) -> None:
    for i in range(9):
        source.add(f"a{i}", (20, 40))
    selected = select(quotas={"onset": 2})
    assert [w.recording.name for w in selected.windows] == ["a0", "a1"]
    assert sorted(source.log) == [
        ("close", "a0"),
        ("close", "a1"),
        ("open", "a0"),
        ("open", "a1"),
    ]


def test_a_selection_says_why_recordings_give_nothing(source: FakeCorpus) -> None:
    source.add("a", (20, 40)).add("b", (20, 40)).add("c", n_seconds=3)
    source.broken["a"] = SourceError("broken")
    unused = [(r.name, reason) for r, reason in select().iter_unused()]
    assert unused == [("a", "broken"), ("c", "shorter than a window")]


# Which recordings are opened


def test_only_chosen_recordings_are_opened(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b").add("c").add("d", (20, 40)).add("e")
    report = build(per_kind=1)
    assert {w.recording for w in report.windows} == {"rec-01"}
    assert source.opened() == {"a"}


def test_of_a_raw_recording_only_the_windows_are_read(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    report = build(per_kind=1)
    reads = [entry[2:] for entry in source.log if entry[0] == "read"]
    # 64 Hz, 4 s: 256 samples.
    assert reads == [
        (round(w.onset * 64), round(w.onset * 64) + 256) for w in report.windows
    ]


def test_every_opened_recording_is_closed(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b")
    build(profile="zscore-1")
    actions = [entry[:2] for entry in source.log if entry[0] != "read"]
    assert sorted(actions) == [
        ("close", "a"),
        ("close", "b"),
        ("open", "a"),
        ("open", "b"),
    ]


def test_a_recording_that_is_too_short_is_not_opened(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (0, 3), n_seconds=3).add("b", (20, 40))
    build()
    assert source.opened() == {"b"}


def test_nothing_is_opened_when_no_recording_has_a_seizure(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a").add("b")
    with pytest.raises(SpecError, match="2 annotated recordings with 0 seizures"):
        build()
    assert source.log == []


def test_the_header_is_asked_where_the_annotations_give_no_duration(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), duration=None).add("b", duration=None)
    assert places(build(per_kind=1)) == [
        ("background", "rec-01", 8.0),
        ("onset", "rec-01", 18.0),
        ("ictal", "rec-01", 28.0),
        ("offset", "rec-01", 38.0),
    ]


@pytest.mark.parametrize(
    "duration", [pytest.param(90.0, id="too-long"), pytest.param(45.0, id="too-short")]
)
def test_the_header_corrects_a_wrong_duration(
    source: FakeCorpus, build: Callable[..., BuildReport], duration: float
) -> None:
    source.add("a", (20, 40), duration=duration)
    # Background first in [0, 20), then in [40, 60): the middle of the true stretch.
    obtained = [p for p in places(build()) if p[0] == "background"]
    assert obtained == [("background", "rec-01", 8.0), ("background", "rec-01", 48.0)]


def test_a_recording_whose_header_is_shorter_than_a_window_gives_way_to_another(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", n_seconds=2, duration=60).add("b").add("c", (20, 40))
    report = build(per_kind=1)
    assert "a" in source.opened()
    assert ("background", "rec-01", 28.0) in places(report)


def test_the_choice_does_not_depend_on_the_order_of_the_recordings(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (10, 12), sfreq=64).add("c", (30, 50)).add("d")
    forward = build()
    source.listed.reverse()
    assert build().windows == forward.windows


# What is refused


def test_no_annotated_recording_is_refused(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    del source.listed[:]
    with pytest.raises(
        SourceError,
        match=r"^'somewhere': no Fake recording found \(looked for EDF files in this "
        r"folder and all folders below\). Pass the folder of the recordings with --root$",
    ):
        build()


def test_a_window_longer_than_every_recording_is_refused(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    with pytest.raises(
        SpecError, match=r"no window of 61 s .* 1 seizure; use a shorter --window-len"
    ):
        build(window_length=61)


@pytest.mark.parametrize("duration", [-1, None])
@pytest.mark.parametrize("sfreq", [None, 64])
def test_the_longest_recording_tells_how_short_a_window_has_to_be(
    source: FakeCorpus,
    build: Callable[..., BuildReport],
    duration: float | None,
    sfreq: float | None,
) -> None:
    source.add("a", (2, 4), n_seconds=40, duration=duration).add("c", n_seconds=70)
    source.add("b", (20, 40), n_seconds=50, duration=duration)
    message = "shorter --window-length (the longest recording with a seizure has 50 s)"
    rate = {} if sfreq is None else {"sfreq": sfreq}
    with pytest.raises(SpecError, match=re.escape(message)):
        build(window_length=60, **rate)


def test_unfilled_quotas_tell_the_longest_recording_if_it_is_shorter_than_a_window(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_seconds=50, duration=None)
    message = "Candidates of 60 s, .*: none; the longest recording has 50 s"
    with pytest.raises(SpecError, match=message):
        build(window_length=60, quotas={"partial": 1})


def test_no_longest_recording_is_told_if_the_length_of_one_is_not_known(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_seconds=50).add("b", (20, 40), duration=None)
    source.broken["b"] = SourceError("torn")
    message = "use a shorter --window-length. 1 recording skipped, the first: torn"
    with pytest.raises(SpecError, match=f"{re.escape(message)}$"):
        build(window_length=60)


def test_a_seizure_in_a_recording_that_proves_too_short_is_no_positive_window(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (0, 3), n_seconds=3, duration=None).add("b")
    with pytest.raises(SpecError, match="no window of 4 s with a seizure found in"):
        build()


def test_different_rates_of_chosen_recordings_are_refused(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40), sfreq=50)
    with pytest.raises(SpecError, match=r"rates .found 64 Hz, and 50 Hz in 'b'"):
        build()


def test_another_rate_in_a_recording_that_is_not_chosen_does_not_matter(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", sfreq=50, duration=None)
    assert {w.recording for w in build(per_kind=1).windows} == {"rec-01"}


def test_recordings_of_other_rates_are_resampled_if_a_rate_is_asked_for(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40), sfreq=50)
    report = build(sfreq=64)
    with load_fixture(report.path) as fixture:
        assert fixture.signals.shape[2] == 256
        assert fixture.records.profile["steps"][2] == (
            "recordings of 50 Hz: scipy.signal.resample_poly to 64 Hz, as over the whole "
            "recording, its last sample repeated beyond its ends"
        )


def test_a_window_of_no_whole_number_of_samples_is_refused(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    with pytest.raises(SpecError, match=r"window of 4\.01 s is not a whole number"):
        build(window_length=4.01)


def test_a_seizure_behind_the_end_of_its_recording_is_refused(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_seconds=30, duration=60)
    with pytest.raises(
        SourceError, match="seizure of 'a' ends at 40 s, but the file holds 30 s"
    ):
        build()


def test_a_seizure_that_ends_a_rounding_behind_its_recording_is_not(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 60.0001))
    assert build().windows


def test_a_flat_channel_is_refused_by_recording_and_name(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    source.data_uv["a"][17] = 0.2
    with pytest.raises(SourceError, match="recording 'a': channel Cz-Pz is flat"):
        build(profile="zscore-1")


def test_a_recording_without_seizure_free_signal_is_refused_for_zscore_1(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (0, 60))
    with pytest.raises(SourceError, match="recording 'a' has no seizure-free signal"):
        build(profile="zscore-1")


class Nan(DerivedSignal):
    """What no EDF file can hold."""

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        return self._inner.read(start, stop) * np.nan


def test_a_value_that_is_not_finite_is_refused(
    source: FakeCorpus,
    build: Callable[..., BuildReport],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source.add("a", (20, 40))
    monkeypatch.setattr(source, "checked_signal", lambda signal, *_, **__: Nan(signal))
    with pytest.raises(SpecError, match="holds a value that is not finite"):
        build()


def test_a_root_for_the_synthetic_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="'synthetic' reads no files; drop --root"):
        build_fixture(load_default_spec(), tmp_path / "a.h5", root="x")


def test_no_root_for_a_source_of_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="source 'chbmit' needs --root: the folder of"):
        build_fixture(make_spec(), tmp_path / "a.h5")


@pytest.mark.parametrize(
    "seizures",
    [
        pytest.param([], id="no-seizure"),
        pytest.param([(20, 90)], id="seizure-behind-the-end"),
    ],
)
def test_nothing_is_written_on_an_error(
    source: FakeCorpus,
    build: Callable[..., BuildReport],
    tmp_path: Path,
    seizures: list[tuple[float, float]],
) -> None:
    source.add("a", *seizures)
    with pytest.raises(FixtureError, match="seizure"):
        build()
    assert list(tmp_path.iterdir()) == []


def test_an_older_fixture_stays_as_it_was_on_an_error(
    source: FakeCorpus, build: Callable[..., BuildReport], tmp_path: Path
) -> None:
    source.add("a", (20, 40))
    build()
    before = (tmp_path / "a.h5").read_bytes()
    source.data_uv["a"][:] *= -1
    source.data_uv["a"][2] *= -1
    with pytest.raises(SourceError, match="have the same ends"):
        build()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]


def test_a_target_that_cannot_be_written_is_refused(
    source: FakeCorpus, tmp_path: Path
) -> None:
    source.add("a", (20, 40))
    with pytest.raises(TargetError, match="folder"):
        build_fixture(make_spec(), tmp_path / "none" / "a.h5", root="x")


# What the file holds


def test_labels_and_signals_are_those_of_the_recording(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    report = build(per_kind=1)
    fixture = load_fixture(report.path)
    # background 8-12 s, onset 18-22 s, ictal 28-32 s, offset 38-42 s at 64 Hz.
    starts = [512, 1152, 1792, 2432]
    data_uv = source.data_uv["a"].astype(np.float32)
    ictal = np.zeros(3840, np.uint8)
    ictal[1280:2560] = 1
    assert np.array_equal(fixture.signals, [data_uv[:, s : s + 256] for s in starts])
    assert np.array_equal(fixture.labels, [ictal[s : s + 256] for s in starts])


def test_window_records_follow_from_the_events(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    windows = build(per_kind=1).windows
    assert [(w.id, w.category, w.kind, w.onset) for w in windows] == [
        ("win-01", "none", "background", 8.0),
        ("win-02", "partial", "onset", 18.0),
        ("win-03", "full", "ictal", 28.0),
        ("win-04", "partial", "offset", 38.0),
    ]
    assert [[(e.onset, e.duration, e.label) for e in w.events] for w in windows] == [
        [],
        [(2.0, 2.0, "fnsz")],
        [(0.0, 4.0, "fnsz")],
        [(0.0, 2.0, "fnsz")],
    ]


def test_zscore_1_scales_by_the_seizure_free_signal_and_not_by_the_window(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    data_uv = source.data_uv["a"]
    data_uv[:, 1280:2560] *= 5
    fixture = load_fixture(build(profile="zscore-1", per_kind=1).path)
    free = np.concatenate([data_uv[:, :1280], data_uv[:, 2560:]], axis=1)
    # One scale for all windows, background and ictal.
    assert np.abs(fixture.scale - free.std(axis=1)).max() < 0.001
    assert np.abs(fixture.offset - free.mean(axis=1)).max() < 0.001
    spread = fixture.signals.std(axis=(1, 2))
    assert 0.9 < spread[0] < 1.1
    assert 4 < spread[2] < 6


def test_zscore_1_reads_all_seizure_free_signal_in_pieces_of_a_minute(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), n_seconds=150)
    build(profile="zscore-1")
    reads = [entry[2:] for entry in source.log if entry[0] == "read"]
    assert reads[:3] == [(0, 1280), (2560, 6400), (6400, 9600)]


def test_zscore_1_scales_each_recording_by_itself(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b", (20, 40))
    source.data_uv["b"] *= 3
    fixture = load_fixture(build(profile="zscore-1").path)
    scale = {
        w.recording: fixture.scale[i].mean() for i, w in enumerate(fixture.windows)
    }
    assert scale["rec-02"] / scale["rec-01"] == pytest.approx(3, rel=0.02)


def test_zscore_1_gives_microvolts_back_but_for_clipped_samples(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    data_uv = source.data_uv["a"]
    data_uv[3, 1900] = 4000
    report = build(profile="zscore-1", per_kind=1)
    fixture = load_fixture(report.path)
    difference = np.rint(fixture.microvolts()[2] * 8) / 8 - data_uv[:, 1792:2048]
    # Only the sample that was clipped, in window 3, channel 3.
    assert np.argwhere(difference).tolist() == [[3, 1900 - 1792]]
    assert [w.n_clipped for w in report.windows] == [0, 0, 1, 0]


def test_pseudonyms_are_numbers_in_sorted_order_of_those_selected(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("z.edf", (20, 40), subject="ann").add(
        "m.edf", subject="bob", n_seconds=2
    )
    source.add("b.edf", (20, 40), subject="zoe").add("a.edf", n_seconds=2)
    windows = build().windows
    assert sorted({(w.recording, w.subject) for w in windows}) == [
        ("rec-01", "sub-02"),
        ("rec-02", "sub-01"),
    ]


def test_recordings_of_one_subject_share_its_pseudonym(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), subject="s1").add("b", (20, 40), subject="s2")
    source.add("c", (20, 40), subject="s1")
    windows = build(per_kind=3).windows
    assert sorted({(w.recording, w.subject) for w in windows}) == [
        ("rec-01", "sub-01"),
        ("rec-02", "sub-02"),
        ("rec-03", "sub-01"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("profile", ["raw-1", "zscore-1"])
def test_no_name_or_path_of_the_source_is_in_the_file(
    source: FakeCorpus, tmp_path: Path, encoding: str, profile: str
) -> None:
    source.add("Jürgen-1950/KANARI.edf", (20, 40), subject="Müller-KANARI")
    target = tmp_path / "KANARI-target.h5"
    report = build_fixture(
        make_spec(profile=profile), target, root="/home/KANARI/Jürgen"
    )
    content = report.path.read_bytes()
    canaries = ["KANARI", "Jürgen", "1950", "Müller", "home", str(tmp_path), ".edf"]
    assert [c for c in canaries if c.encode(encoding) in content] == []


def test_records_say_what_was_done_and_under_which_licence(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    records = load_fixture(build(profile="zscore-1").path).records
    assert records.profile["name"] == "zscore-1"
    assert records.profile["steps"][-1] == "float32"
    assert (records.unit, records.montage) == ("1", "double-banana")
    assert records.licence["attribution"] == "A."
    assert records.licence["changes"] == (
        "windows of 4 s, montage double-banana, profile zscore-1; "
        "subjects and recordings renamed"
    )


def test_records_hold_the_spec_from_which_an_equal_file_can_be_built(
    source: FakeCorpus, build: Callable[..., BuildReport], tmp_path: Path
) -> None:
    source.add("a", (20, 40))
    report = build(per_kind=1)
    spec = json.loads(json.dumps(load_fixture(report.path).records.spec))
    again = build_fixture(parse_spec(spec, where="x"), tmp_path / "b.h5", root="x")
    assert again.path.read_bytes() == report.path.read_bytes()


def test_report_names_the_kinds_that_are_missing(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40)).add("b")
    report = build()
    assert (report.missing_kinds, report.n_recordings) == (("whole",), 2)


@pytest.mark.parametrize(
    ("profile", "n_steps"),
    [pytest.param("raw-1", 4, id="windows"), pytest.param("zscore-1", 5, id="+scale")],
)
def test_progress_counts_to_the_end(
    source: FakeCorpus, tmp_path: Path, profile: str, n_steps: int
) -> None:
    source.add("a", (20, 40))
    calls: list[tuple[int, int]] = []
    build_fixture(
        make_spec(per_kind=1, profile=profile),
        tmp_path / "a.h5",
        root="x",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(i + 1, n_steps) for i in range(n_steps)]


# brain-go-brr-3.1


@pytest.mark.parametrize("sfreq", [250, 256])
def test_brain_go_brr_windows_are_cut_from_the_processed_whole_recording(
    source: FakeCorpus, build: Callable[..., BuildReport], sfreq: int
) -> None:
    source.add("a", (20, 40), sfreq=sfreq, n_channels=19)
    report = build(profile="brain-go-brr-3.1", montage="10-20", per_kind=1)
    fixture = load_fixture(report.path)
    whole = standardise_brain_go_brr(source.data_uv["a"], sfreq=sfreq)
    onset = brain_go_brr_window(whole, start=18 * 256, stop=22 * 256)
    assert (fixture.sfreq, fixture.windows[1].onset) == (256.0, 18.0)
    assert np.array_equal(fixture.signals[1], onset.values)
    assert fixture.labels[1].tolist() == [0] * 512 + [1] * 512


def test_brain_go_brr_takes_recordings_of_different_rates(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), sfreq=250, n_channels=19)
    source.add("b", (20, 40), sfreq=400, n_channels=19, duration=None)
    report = build(profile="brain-go-brr-3.1", montage="10-20")
    assert {w.recording for w in report.windows} == {"rec-01", "rec-02"}


def test_brain_go_brr_reads_each_recording_once_and_whole(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40), sfreq=250, n_channels=19)
    build(profile="brain-go-brr-3.1", montage="10-20")
    assert [e for e in source.log if e[0] == "read"] == [("read", "a", 0, 15000)]


def test_brain_go_brr_refuses_a_montage_that_its_model_does_not_take(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    with pytest.raises(
        SpecError, match=r"19 electrodes .* montage '10-20', got 'double-banana'"
    ):
        build(profile="brain-go-brr-3.1")


def test_brain_go_brr_refuses_another_rate_than_its_own(
    source: FakeCorpus, build: Callable[..., BuildReport]
) -> None:
    source.add("a", (20, 40))
    with pytest.raises(SpecError, match=r"sfreq: expected 256 Hz, .* got 250 Hz"):
        build(profile="brain-go-brr-3.1", montage="10-20", sfreq=250)


# The synthetic source


def make_synthetic(**changes: Any) -> SyntheticRequest:
    request = {
        "source": "synthetic",
        "window_length": 4,
        "recordings": [
            {
                "subject": 2,
                "split": "train",
                "duration": 20,
                "windows": [4, 12],
                "events": [{"onset": 6, "duration": 8, "label": "fnsz"}],
                "artefacts": [{"onset": 17, "duration": 2, "kind": "blink"}],
            },
            {"subject": 1, "split": "dev", "duration": 10, "windows": [0, 5]},
        ],
        **changes,
    }
    return synthetic(request)


def test_synthetic_windows_are_those_that_the_spec_lists(tmp_path: Path) -> None:
    report = build_fixture(make_synthetic(), tmp_path / "a.h5")
    assert [(w.kind, w.split, w.subject, w.onset) for w in report.windows] == [
        ("onset", "train", "sub-02", 4.0),
        ("offset", "train", "sub-02", 12.0),
        ("background", "dev", "sub-01", 0.0),
        ("background", "dev", "sub-01", 5.0),
    ]


@pytest.mark.parametrize("profile", ["raw-1", "zscore-1"])
def test_the_same_synthetic_spec_gives_the_same_bytes(
    tmp_path: Path, profile: str
) -> None:
    spec = make_synthetic(profile=profile)
    first = build_fixture(spec, tmp_path / "a.h5").path.read_bytes()
    assert build_fixture(spec, tmp_path / "b.h5").path.read_bytes() == first


def test_synthetic_zscore_1_gives_the_microvolts_of_raw_1_back(tmp_path: Path) -> None:
    raw = load_fixture(
        build_fixture(make_synthetic(profile="raw-1"), tmp_path / "raw.h5").path
    )
    scaled = load_fixture(build_fixture(make_synthetic(), tmp_path / "z.h5").path)
    steps = np.rint(scaled.microvolts() * 8) / 8
    kept = np.abs(scaled.signals) < 10
    assert kept.mean() > 0.99
    assert np.array_equal(steps[kept], raw.signals[kept])


def test_synthetic_zscore_1_scales_by_subject(tmp_path: Path) -> None:
    recordings = [
        {"subject": 1, "duration": 10, "windows": [0, 5], "events": [
            {"onset": 1, "duration": 5, "label": "fnsz"}]},
        {"subject": 1, "duration": 10},
        {"subject": 2, "duration": 10},
    ]  # fmt: skip
    spec = make_synthetic(recordings=recordings)
    scale = load_fixture(build_fixture(spec, tmp_path / "a.h5").path).scale
    assert np.array_equal(scale[0], scale[2])
    assert not np.array_equal(scale[0], scale[3])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("", "is a folder; expected the name of a file", id="empty"),
        pytest.param("/", "is a folder; expected the name of a file", id="root"),
        pytest.param("nowhere/a.h5", "folder", id="no-folder"),
    ],
)
def test_target_that_cannot_be_is_refused_before_the_work_begins(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(build_module, "synthesise", None)
    with pytest.raises(TargetError, match=message):
        build_fixture(load_default_spec(), name)
