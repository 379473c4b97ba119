"""What a build reads of its recordings: each is opened once, and no byte read twice."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.edf import edf_bytes
from support.requests import recorded

from bgb_fixtures.build import build_fixture, select_fixture
from bgb_fixtures.corpora.manifest import write_manifest
from bgb_fixtures.corpora.places import open_bytes
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import FixtureError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import load_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.edf.source import ByteSource

ELECTRODES = MONTAGES["10-20"]
SFREQ = 64
SECONDS = 300
SEIZURE = (100, 190)
HEADER_BYTES = 256 * (19 + 1)
RECORD_BYTES = 2 * 19 * SFREQ
HOWS = ["build", "save", "rebuild"]
"""A build, a build that saves its spec, and one from such a spec."""


class Spy:
    """A byte source that writes down what is read of it."""

    def __init__(self, inner: ByteSource) -> None:
        self._inner = inner
        self.name = inner.name
        self.size = inner.size
        self.reads: list[tuple[int, int]] = []
        self.closed = False

    def read(self, start: int, stop: int) -> bytes:
        assert not self.closed
        self.reads.append((start, stop))
        return self._inner.read(start, stop)

    def close(self) -> None:
        self.closed = True
        self._inner.close()


class Spies:
    """Every file that was opened as a recording, in order."""

    def __init__(self) -> None:
        self.opened: list[Spy] = []
        self.most_open = 0

    def open(self, place: Any) -> Spy:
        spy = Spy(open_bytes(place))
        self.opened.append(spy)
        self.most_open = max(self.most_open, sum(not s.closed for s in self.opened))
        return spy

    def names(self) -> list[str]:
        return [Path(spy.name).name for spy in self.opened]

    def one(self, name: str) -> Spy:
        """Return the only source of a recording."""
        (spy,) = (spy for spy in self.opened if Path(spy.name).name == name)
        return spy


@pytest.fixture
def spies(monkeypatch: pytest.MonkeyPatch) -> Spies:
    watched = Spies()
    monkeypatch.setattr("bgb_fixtures.corpora.opened.open_bytes", watched.open)
    return watched


def read_once(spy: Spy) -> list[tuple[int, int]]:
    """Return the bytes that were read, without borders between; none of them twice."""
    reads = sorted(span for span in spy.reads if span[0] < span[1])
    for one, other in pairwise(reads):
        assert one[1] <= other[0], f"bytes {other[0]}-{one[1]} of {spy.name} twice"
    merged: list[tuple[int, int]] = []
    for start, stop in reads:
        first = merged.pop()[0] if merged and merged[-1][1] == start else start
        merged.append((first, stop))
    return merged


def records(*spans: tuple[int, int], record_bytes: int = RECORD_BYTES) -> Any:
    """Return the bytes of the header and of records, which are seconds."""
    places = [
        tuple(HEADER_BYTES + second * record_bytes for second in span) for span in spans
    ]
    if places and places[0][0] == HEADER_BYTES:
        return [(0, places[0][1]), *places[1:]]
    return [(0, HEADER_BYTES), *places]


def add(
    root: Path,
    name: str,
    *seizures: tuple[float, float],
    seconds: int = SECONDS,
    sfreq: int = SFREQ,
    labels: tuple[str, ...] = ELECTRODES,
) -> None:
    """Write a recording of noise, and annotations that do not say how long it is."""
    rng = np.random.default_rng(len(name))
    noise = rng.integers(-800, 800, (len(labels), seconds * sfreq), np.int16)
    root.mkdir(exist_ok=True)
    (root / name).write_bytes(edf_bytes(labels, noise, sfreq=sfreq))
    rows = [f"{start}\t{stop - start}\tsz\n" for start, stop in seizures]
    text = "onset\tduration\teventType\n" + "".join(rows or [f"0\t{seconds}\tbckg\n"])
    (root / name).with_suffix(".tsv").write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a folder with a recording of five minutes, and two more that are not used."""
    folder = tmp_path / "root"
    add(folder, "a.edf", SEIZURE)
    add(folder, "b.edf", seconds=10)
    add(folder, "c.edf", seconds=10)
    return folder


@pytest.fixture(params=HOWS)
def build(
    request: pytest.FixtureRequest, spies: Spies, root: Path, tmp_path: Path
) -> Callable[..., None]:
    """Give a function that builds from `root`, in one of three ways."""

    def run(**changes: Any) -> None:
        asked: Any = recorded({"source": "edf", "window_length": 4, **changes})
        saved = None if request.param == "build" else tmp_path / "saved.toml"
        build_fixture(asked, tmp_path / "f.h5", root=root, save_spec=saved)
        if saved is not None and request.param == "rebuild":
            spies.opened.clear()
            build_fixture(load_spec(saved), tmp_path / "g.h5", root=root)
            assert (tmp_path / "g.h5").read_bytes() == (tmp_path / "f.h5").read_bytes()

    return run


def listed(*onsets: float) -> dict[str, Any]:
    return {"recordings": [{"name": "a.edf", "windows": list(onsets)}]}


# Raw windows


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        pytest.param([98], records((98, 102)), id="one"),
        pytest.param([98.5], records((98, 103)), id="within-a-second"),
        pytest.param([98, 10], records((10, 14), (98, 102)), id="two"),
        pytest.param([98, 102], records((98, 106)), id="side-by-side"),
        pytest.param([98.5, 102.5], records((98, 107)), id="in-one-record"),
        pytest.param([0, 98, 296], records((0, 4), (98, 102), (296, 300)), id="ends"),
    ],
)
def test_raw_1_reads_the_header_and_the_records_of_its_windows_once(
    build: Callable[..., None],
    spies: Spies,
    onsets: list[float],
    expected: list[tuple[int, int]],
) -> None:
    build(**listed(*onsets))
    assert spies.names() == ["a.edf"]
    assert read_once(spies.one("a.edf")) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # 2 * ceil(1.65 * 64 / 1) + 1 taps reach 106 samples, 1.65 s, to each side.
        pytest.param({"band_pass": [1, 20]}, records((96, 104)), id="band-pass"),
        # 25 / 32 of the samples: 13 to each side, from a multiple of 32.
        pytest.param({"sfreq": 50}, records((97, 103)), id="resampled"),
        pytest.param(
            {"sfreq": 50, "band_pass": [1, 20]}, records((96, 104)), id="both"
        ),
    ],
)
def test_a_filter_reads_the_records_of_its_context_as_well(
    build: Callable[..., None],
    spies: Spies,
    change: dict[str, Any],
    expected: list[tuple[int, int]],
) -> None:
    build(**listed(98), **change)
    assert spies.names() == ["a.edf"]
    assert read_once(spies.one("a.edf")) == expected


def test_windows_side_by_side_share_the_records_of_their_context(
    build: Callable[..., None], spies: Spies
) -> None:
    build(**listed(98, 102, 106, 20), band_pass=[1, 20], sfreq=50)
    assert spies.names() == ["a.edf"]
    assert read_once(spies.one("a.edf")) == records((18, 26), (96, 112))


@pytest.mark.parametrize("onsets", [[98], [98, 10], [98.5, 102.5]])
def test_of_a_twin_every_byte_is_read_once_for_its_digest(
    build: Callable[..., None], spies: Spies, root: Path, onsets: list[float]
) -> None:
    write_manifest(root, layout="tusz", recipe="synthetic-1", seed=0)
    build(**listed(*onsets))
    assert spies.names() == ["a.edf"]
    assert read_once(spies.one("a.edf")) == [(0, (root / "a.edf").stat().st_size)]


# Profiles of the whole recording


@pytest.mark.parametrize("window_length", [4, 70])
@pytest.mark.parametrize(
    "onsets",
    [
        pytest.param([110], id="in-the-seizure"),
        pytest.param([98.5], id="from-background-into-it"),
        pytest.param([30, 110, 185], id="in-and-around-it"),
        pytest.param([110, 30], id="backwards"),
    ],
)
@pytest.mark.parametrize("change", [{}, {"band_pass": [1, 20]}, {"sfreq": 50}])
def test_zscore_1_reads_no_byte_twice(
    build: Callable[..., None],
    spies: Spies,
    request: pytest.FixtureRequest,
    window_length: int,
    onsets: list[float],
    change: dict[str, Any],
) -> None:
    build(**listed(*onsets), profile="zscore-1", window_length=window_length, **change)
    assert spies.names() == ["a.edf"]
    spy = spies.one("a.edf")
    read = read_once(spy)
    if request.node.callspec.params["build"] != "build":
        # For the digest of the file, all of it.
        assert read == [(0, spy.size)]
    elif window_length == 4 and onsets == [110] and not change:
        # Without: the background, and the window in the seizure.
        assert read == records((0, 100), (110, 114), (190, 300))


def test_brain_go_brr_reads_every_byte_once(
    build: Callable[..., None], spies: Spies, root: Path
) -> None:
    add(root, "a.edf", (30, 60), seconds=100, sfreq=256)
    build(**listed(28, 40), profile="brain-go-brr-3.1")
    assert spies.names() == ["a.edf"]
    spy = spies.one("a.edf")
    assert read_once(spy) == [(0, spy.size)]


@st.composite
def builds(draw: st.DrawFn) -> dict[str, Any]:
    length = draw(st.sampled_from([4, 25, 70]))
    starts = st.integers(0, (SECONDS - length) * 4)
    first, last = SEIZURE
    onsets: list[float] = [
        draw(st.integers((first - length) * 4 + 1, last * 4 - 1)) / 4
    ]
    for start in draw(st.lists(starts, max_size=5)):
        if all(abs(start / 4 - onset) >= length for onset in onsets):
            onsets.append(start / 4)
    return listed(*draw(st.permutations(onsets))) | {
        "source": "edf",
        "window_length": length,
        "profile": draw(st.sampled_from(["raw-1", "zscore-1"])),
        **draw(st.sampled_from([{}, {"band_pass": [1, 20]}, {"sfreq": 50}])),
        **draw(st.sampled_from([{}, {"montage": "szcore-19"}])),
    }


@settings(max_examples=30, deadline=None)
@given(asked=builds(), save=st.booleans())
def test_no_build_reads_a_byte_twice(
    tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Any], *, save: bool
) -> None:
    folder = tmp_path_factory.mktemp("any")
    add(folder / "root", "a.edf", SEIZURE)
    spies = Spies()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bgb_fixtures.corpora.opened.open_bytes", spies.open)
        build_fixture(
            recorded(asked),
            folder / "f.h5",
            root=folder / "root",
            save_spec=folder / "s.toml" if save else None,
        )
    read = read_once(spies.one("a.edf"))
    if save and asked["profile"] == "zscore-1":
        assert read == [(0, spies.one("a.edf").size)]


# Which recordings


def test_of_candidates_that_are_not_chosen_the_header_is_read(
    spies: Spies, root: Path, tmp_path: Path
) -> None:
    # How long they are, only their headers say.
    request = recorded({"source": "edf", "window_length": 20, "quotas": {"ictal": 1}})
    report = build_fixture(request, tmp_path / "f.h5", root=root)
    assert {window.recording for window in report.windows} == {"rec-01"}
    assert sorted(spies.names()) == ["a.edf", "b.edf", "c.edf"]
    for name in ("b.edf", "c.edf"):
        assert read_once(spies.one(name)) == [(0, HEADER_BYTES)]
    assert len(read_once(spies.one("a.edf"))) == 2


def test_a_selection_reads_headers_alone(spies: Spies, root: Path) -> None:
    select_fixture(recorded({"source": "edf", "window_length": 4}), root=root)
    assert sorted(spies.names()) == ["a.edf", "b.edf", "c.edf"]
    assert {tuple(read_once(spy)) for spy in spies.opened} == {((0, HEADER_BYTES),)}
    assert all(spy.closed for spy in spies.opened)


def test_a_recording_with_interpolated_electrodes_is_opened_once(
    build: Callable[..., None], spies: Spies, root: Path
) -> None:
    labels = tuple(name for name in ELECTRODES if name != "Fz")
    add(root, "a.edf", SEIZURE, labels=labels)
    build(**listed(98), missing="interpolate")
    assert spies.names() == ["a.edf"]
    header, window = read_once(spies.one("a.edf"))
    assert header == (0, 256 * 19)
    assert window == (256 * 19 + 98 * 2 * 18 * SFREQ, 256 * 19 + 102 * 2 * 18 * SFREQ)


def test_of_time_stamps_only_the_first_and_the_last_are_read_by_themselves(
    build: Callable[..., None], spies: Spies, root: Path
) -> None:
    add(root, "a.edf", SEIZURE)
    raw = (root / "a.edf").read_bytes()
    # EDF+D with the stamps in place of the last electrode, 64 samples of 2 bytes.
    labels = (*ELECTRODES[:-1], "EDF Annotations")
    header = bytearray(raw[:HEADER_BYTES])
    header[192:197] = b"EDF+D"
    header[256 : 256 + 16 * 19] = "".join(f"{name:16}" for name in labels).encode()
    rows = np.frombuffer(raw[HEADER_BYTES:], np.uint8).reshape(SECONDS, -1).copy()
    for second, row in enumerate(rows):
        row[-2 * SFREQ :] = 0
        stamp = b"+%d\x14\x14" % second
        row[-2 * SFREQ :][: len(stamp)] = [*stamp]
    (root / "a.edf").write_bytes(header + rows.tobytes())

    build(**listed(0, 98), montage=["Fp1", "Cz"])

    assert spies.names() == ["a.edf"]
    spy = spies.one("a.edf")
    # They say that there is no gap; a window may need their records again.
    for record in (0, SECONDS - 1):
        stop = HEADER_BYTES + (record + 1) * RECORD_BYTES
        spy.reads.remove((stop - 2 * SFREQ, stop))
    assert read_once(spy) == records((0, 4), (98, 102))


# Closed again


@pytest.fixture
def refused(spies: Spies, root: Path, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Give a function that tries a build which fails."""

    def run(**changes: Any) -> None:
        request = recorded({"source": "edf", "window_length": 4, **changes})
        with pytest.raises(FixtureError):
            build_fixture(request, tmp_path / "f.h5", root=root)

    yield run
    assert spies.opened
    assert all(spy.closed for spy in spies.opened)


def test_every_recording_is_closed_after_a_build(
    build: Callable[..., None], spies: Spies
) -> None:
    build(profile="zscore-1")
    assert len(spies.opened) > 1
    assert all(spy.closed for spy in spies.opened)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"montage": ["Fp1", "Oz"]}, id="no-electrode"),
        pytest.param({"quotas": {"whole": 9}}, id="quota"),
        pytest.param({"band_pass": [1, 40]}, id="filter-above-half-the-rate"),
        pytest.param({"name": "root-of-a.edf"}, id="privacy"),
    ],
)
def test_every_recording_is_closed_after_a_build_that_fails(
    refused: Callable[..., None], changes: dict[str, Any]
) -> None:
    refused(**changes)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"torn" * 500, id="no-edf"),
        pytest.param(b"0".ljust(252) + b"19  " + bytes(2000), id="torn-header"),
    ],
)
def test_a_file_that_is_no_recording_is_closed(
    refused: Callable[..., None], root: Path, data: bytes
) -> None:
    (root / "a.edf").write_bytes(data)
    refused()


def test_a_flat_channel_ends_a_build_with_all_files_closed(
    refused: Callable[..., None], root: Path
) -> None:
    flat = np.zeros((19, SECONDS * SFREQ), np.int16)
    (root / "a.edf").write_bytes(edf_bytes(ELECTRODES, flat, sfreq=SFREQ))
    refused(profile="zscore-1")


def test_only_so_many_files_are_open_at_a_time(
    spies: Spies, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bgb_fixtures.corpora.opened._MOST_OPEN", 2)
    request = recorded({"source": "edf", "window_length": 4, "per_kind": 1})
    one = build_fixture(request, tmp_path / "one.h5", root=root).path
    assert spies.most_open == 2
    # A recording that was closed meanwhile is opened again, and read right.
    assert len(spies.opened) > 3
    monkeypatch.undo()
    other = build_fixture(request, tmp_path / "other.h5", root=root).path
    assert one.read_bytes() == other.read_bytes()
    with load_fixture(one) as fixture:
        assert len(fixture) == 4
