"""The public choice out of CHB-MIT: its composition, and a build of it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import defaultdict
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import loopback
from support.requests import listing_of, load_recorded

from bgb_fixtures.build import build_fixture
from bgb_fixtures.corpora.chbmit.summary import parse_summary
from bgb_fixtures.corpora.chbmit.twin import CH_NAMES
from bgb_fixtures.edf.writer import EdfChannel, write_edf
from bgb_fixtures.fixture import load_fixture

if TYPE_CHECKING:
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.request.recorded import RecordedRequest

RECORD_BYTES = 2 * 256 * len(CH_NAMES)


@pytest.fixture(scope="module")
def spec() -> RecordedRequest:
    return load_recorded("chbmit-smoke")


@pytest.fixture(scope="module")
def database(spec: RecordedRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the recordings and summaries that the spec names; 4 h each, and silent."""
    root = tmp_path_factory.mktemp("chbmit")
    silence = np.zeros(256, np.int32)
    channels = [EdfChannel(label=name, digital=silence) for name in CH_NAMES]
    summaries: defaultdict[str, list[str]] = defaultdict(list)
    for listed in listing_of(spec).recordings:
        case, _, file_name = listed.name.partition("/")
        path = root / listed.name
        path.parent.mkdir(exist_ok=True)
        write_edf(path, channels, start=datetime(2000, 1, 1))  # noqa: DTZ001 (EDF has no zone)
        with path.open("r+b") as file:
            file.seek(236)
            file.write(b"14400   ")
        # A hole: zeros that take no room on the disk.
        os.truncate(path, 256 * (1 + len(CH_NAMES)) + 14400 * RECORD_BYTES)
        seizures = listed.seizures or ()
        summaries[case] += [
            f"File Name: {file_name}",
            f"Number of Seizures in File: {len(seizures)}",
        ]
        for start, end in seizures:
            summaries[case] += [
                f"Seizure Start Time: {start:g} seconds",
                f"Seizure End Time: {end:g} seconds",
            ]
    for case, lines in summaries.items():
        (root / case / f"{case}-summary.txt").write_text("\n".join(lines), "ascii")
    return root


def undigested(spec: RecordedRequest) -> RecordedRequest:
    """Leave the digests out: the summaries here are not those of the database."""
    listing = dataclasses.replace(listing_of(spec), sha256=())
    return dataclasses.replace(spec, selection=listing)


@pytest.fixture(scope="module")
def built(
    spec: RecordedRequest, database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Fixture:
    path = tmp_path_factory.mktemp("built") / "chbmit-smoke.h5"
    return load_fixture(build_fixture(undigested(spec), path, root=database).path)


def test_it_is_composed_like_smoke(built: Fixture) -> None:
    assert [(w.split, w.category, w.kind) for w in built.windows] == [
        ("train", "partial", "onset"),
        ("train", "none", "background"),
        ("train", "partial", "offset"),
        ("train", "none", "background"),
        ("train", "partial", "whole"),
        ("train", "none", "background"),
        ("train", "partial", "whole"),
        ("train", "none", "background"),
        ("train", "full", "ictal"),
        *[("train", "none", "background")] * 6,
        ("dev", "partial", "onset"),
        *[("dev", "none", "background")] * 2,
    ]


def test_its_share_of_ictal_samples_is_what_it_says(built: Fixture) -> None:
    assert built.labels.mean() == pytest.approx(0.178, abs=0.0005)


def test_subjects_of_dev_are_in_no_other_split(built: Fixture) -> None:
    subjects = {
        split: {w.subject for w in windows}
        for split, windows in groupby(built.windows, key=lambda w: w.split)
    }
    assert {split: len(names) for split, names in subjects.items()} == {
        "train": 7,
        "dev": 2,
    }
    assert subjects["train"].isdisjoint(subjects["dev"])


def test_first_recording_by_name_holds_a_seizure(built: Fixture) -> None:
    first = min(w.recording for w in built.windows)

    assert built.windows[0].recording == first
    assert built.windows[0].events


def test_over_the_web_it_costs_megabytes_and_is_the_same_file(
    spec: RecordedRequest,
    database: Path,
    built: Fixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("requests", reason="needs the extra remote")
    monkeypatch.setenv("BGB_FIXTURES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Recordings are not fetched as a whole, so their digests do not matter.
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(database)}\n"
        if path.suffix == ".txt"
        else f"{'0' * 64} {path.relative_to(database)}\n"
        for path in sorted(database.glob("chb*/*"))
    ]
    (database / "SHA256SUMS.txt").write_text("".join(lines), encoding="ascii")

    with loopback.Loopback(database) as server:
        report = build_fixture(undigested(spec), tmp_path / "web.h5", root=server.url)

    assert report.path.read_bytes() == built.path.read_bytes()
    # 18 minutes of 23 signals, the first 16 KiB of 10 recordings, and texts.
    assert server.n_sent < 18 * 60 * RECORD_BYTES + 10 * 16384 + 10_000


@pytest.mark.edf
def test_its_seizures_are_those_of_the_real_summaries(
    spec: RecordedRequest, shared_data: Path
) -> None:
    told = {
        f"{name.partition('/')[0]}/{entry.file_name}": tuple(
            (float(start), float(end)) for start, end in entry.seizures
        )
        for name, _ in listing_of(spec).sha256
        for entry in parse_summary(shared_data / "chbmit-annotations" / name)
    }

    recordings = listing_of(spec).recordings
    assert {listed.name: listed.seizures for listed in recordings} == {
        listed.name: told[listed.name] for listed in recordings
    }


@pytest.mark.edf
def test_its_digests_are_those_of_the_real_summaries(
    spec: RecordedRequest, shared_data: Path
) -> None:
    digests = listing_of(spec).sha256
    assert len(digests) == 9
    for name, digest in digests:
        raw = (shared_data / "chbmit-annotations" / name).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == digest
