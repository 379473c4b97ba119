"""The proof of a fixture; what it refuses is in test_refusals.py."""

from __future__ import annotations

import dataclasses
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bgb_fixtures import fixture as loader
from bgb_fixtures.cli import main
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import FixtureNotFoundError, FormatError, IntegrityError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format import map as mapping
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_proof_lists_what_was_checked(small_fixture: Path) -> None:
    proof = verify_fixture(small_fixture)
    assert proof.path == small_fixture
    assert proof.digest == load_fixture(small_fixture).index.digest
    assert proof.checks == (
        "155928 bytes, all covered by a matching SHA-256",
        ("3 of 4 windows hold a seizure: 2 partial, 1 full, 1 none, as the labels say"),
        "labels follow from the events, sample by sample",
        "signals, scale and offset are finite, and scale is greater than 0",
        "the HDF5 side agrees with index and records",
    )


def test_first_scale_that_cannot_be_is_named_with_its_file(
    make_content: Callable[..., Content], tmp_path: Path
) -> None:
    path = tmp_path / "new.h5"
    scale = np.full((4, 3), 0.5, np.float32)
    scale[1, 2] = scale[3, 0] = 0
    message = rf"^'{re.escape(str(path))}': array 'scale' at \(1, 2\): .* got 0\.0"
    with pytest.raises(FormatError, match=message):
        write_fixture(make_content(scale=scale), path)


def test_seizure_that_begins_in_an_onset_window_lasts_to_its_last_sample(
    make_content: Callable[..., Content], tmp_path: Path
) -> None:
    content = make_content()
    labels = content.labels.copy()
    labels[0, 511] = 0
    event = Event(onset=0.5, duration=383 / 256, label="fnsz")
    first = dataclasses.replace(content.windows[0], events=(event,))
    content = make_content(labels=labels, windows=(first, *content.windows[1:]))
    with pytest.raises(FormatError, match="'onset', but its last label is not ictal"):
        write_fixture(content, tmp_path / "new.h5")


def test_missing_fixture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.h5"
    with pytest.raises(FixtureNotFoundError, match=re.escape(f"no fixture '{path}'")):
        verify_fixture(path)


def test_file_that_this_process_loaded_before_is_checked_all_the_same(
    small_fixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.h5"
    shutil.copy(small_fixture, path)
    monkeypatch.setattr(loader, "_SETTLED_S", -1.0)
    # Stand for a file system that shows no change.
    for module in (loader, mapping):
        monkeypatch.setattr(module, "file_identity", lambda _: (path.stat().st_ino,))
    load_fixture(path)
    bad = bytearray(path.read_bytes())
    bad[-1] ^= 1
    path.write_bytes(bad)
    load_fixture(path)
    with pytest.raises(IntegrityError, match="HDF5 structures and padding"):
        verify_fixture(path)


def rebuild(
    capsys: pytest.CaptureFixture[str], path: Path | str
) -> tuple[Any, str, str]:
    """Run ``verify --rebuild``."""
    code: Any = 0
    try:
        main(["verify", str(path), "--rebuild"], prog_name="bgb-fixtures")
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_synthetic_fixture_is_what_its_spec_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = rebuild(capsys, "tiny")
    assert code == 0
    assert "  matches its spec: rebuilt, every byte is the same\n" in out


def test_fixture_that_is_not_what_its_spec_says_is_told_by_window(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = load_fixture("tiny", mode="copy")
    signals = tiny.signals.copy()
    signals[1, 2, 3] += np.float32(0.5)
    records = tiny.records
    content = Content(
        name=tiny.index.name,
        content_version=tiny.index.content_version,
        sfreq=tiny.sfreq,
        ch_names=records.ch_names,
        montage=records.montage,
        unit=records.unit,
        profile=records.profile,
        source=records.source,
        licence=records.licence,
        spec=records.spec,
        windows=tuple(tiny.windows),
        signals=signals,
        labels=tiny.labels,
        scale=tiny.scale,
        offset=tiny.offset,
    )
    path = write_fixture(content, tmp_path / "forged.h5")
    code, _, err = rebuild(capsys, path)
    assert code == 1
    assert (
        "forged.h5' does not match its spec; the spec builds a different file:" in err
    )
    assert "different: 1 of 5 windows changed" in err


def test_adapted_fixture_cannot_be_built_from_its_spec_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.h5"
    main(
        ["adapt", "tiny", "--window-length", "5", "--out", str(out)],
        standalone_mode=False,
    )
    capsys.readouterr()
    code, _, err = rebuild(capsys, out)
    assert code == 1
    assert (
        "mine.h5': it was adapted from another fixture, so it cannot be rebuilt" in err
    )


def test_fixture_of_recordings_cannot_be_built_from_its_spec_alone(
    chbmit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "real.h5"
    words = ["--source", "chbmit", "--root", str(chbmit), "--window-length", "10"]
    main(["build", *words, "--out", str(out)], standalone_mode=False)
    capsys.readouterr()
    code, _, err = rebuild(capsys, out)
    assert code == 1
    assert "only a synthetic fixture can be rebuilt from its spec alone (found " in err
