"""The npz cache of brain-go-brr-v2, and names of EDF files for what it globs for.

Invariant: what the cache says of its windows (index, manifest) is so; no patient is in
two splits; a window has the shape, the order of channels and the unit that the detector
was made for, or is refused.

References
----------
brain-go-brr-v2 v3.1.1, ``src/brain_brr/data``,
https://github.com/Clarity-Digital-Twin/brain-go-brr-v2
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.kinds import category_of
from bgb_fixtures.eeg.montage import MONTAGES, proper_rows
from bgb_fixtures.export.layout import (
    Layout,
    edf_name,
    group_recordings,
    split_problems,
    write_npz,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bgb_fixtures.export.layout import RecordingRows
    from bgb_fixtures.fixture import Fixture

__all__ = ["LAYOUT"]

_SFREQ = 256.0
_N_TIMES = 15360
_KEYS = {
    # category -> key of the manifest
    "partial": "partial_seizure",
    "full": "full_seizure",
    "none": "no_seizure",
}
_CACHES = {
    # split -> folder in the cache; its `evaluate` reads "test", whatever it is given
    "train": "train",
    "dev": "dev",
    "eval": "test",
}
_PROFILES = {
    # profile -> how its values compare with what the detector computes
    "zscore-1": """\
- **Like, not equal, to what the detector computes.** Its own preprocessing filters the
  whole recording (0.5-120 Hz, 60 Hz notch) and scales each channel by its standard
  deviation over all of it, seizures included. These windows (profile zscore-1) are not
  filtered and are scaled by the seizure-free signal. Both are z-scores clipped at 10.
""",
    "brain-go-brr-3.1": """\
- **The values that the detector computes** (profile brain-go-brr-3.1), if the fixture was
  built from whole recordings; a recording that was cut before has other filter transients
  and another scale, and its windows are like, not equal.
""",
}


def _problems(fixture: Fixture) -> list[str]:
    records, n_times = fixture.records, fixture.signals.shape[2]
    windows = fixture.windows
    problems = []
    if proper_rows(records.ch_names) != MONTAGES["10-20"]:
        problems.append(
            f"its channels are those of montage {records.montage!r}, "
            f"{', '.join(records.ch_names)}; expected all 19 of montage '10-20', in "
            "its order"
        )
    if (fixture.sfreq, n_times) != (_SFREQ, _N_TIMES):
        problems.append(
            f"its windows have {n_times} samples at {fixture.sfreq:g} Hz; expected "
            f"{_N_TIMES} at {_SFREQ:g} Hz (60 s)"
        )
    if records.profile["name"] not in _PROFILES:
        problems.append(
            f"its profile is {records.profile['name']!r}, in {records.unit}; the cache "
            "holds z-scores, which a window alone does not give: build the fixture with "
            f"--profile {' or '.join(_PROFILES)}"
        )
    missing = [s for s in ("train", "dev") if all(w.split != s for w in windows)]
    if missing:
        problems.append(
            f"it has no window in split {' or '.join(missing)}; the detector trains on "
            "train and validates on dev"
        )
    elif not any((w.split, w.category) == ("train", "partial") for w in windows):
        problems.append(
            "no window of split train has category 'partial', without which balanced "
            "sampling of the detector stops"
        )
    return problems + split_problems(fixture)


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    n_done = 0
    in_split: dict[str, list[RecordingRows]] = {}
    for recording in group_recordings(fixture):
        in_split.setdefault(recording.split, []).append(recording)
        edf = folder / "edf" / edf_name(recording, 0)
        edf.parent.mkdir(parents=True)
        edf.touch()
        rows = list(recording.rows)
        cache = folder / "cache" / _CACHES[recording.split]
        cache.mkdir(parents=True, exist_ok=True)
        write_npz(
            cache / _cache_name(recording),
            {
                "windows": fixture.signals[rows],
                "labels": fixture.labels[rows].astype(np.float32),
            },
        )
        n_done += len(rows)
        done(n_done)
    for split, recordings in in_split.items():
        cache = folder / "cache" / _CACHES[split]
        _write_json(cache / "manifest.json", _manifest(fixture, recordings))
        index = {
            "files": [edf_name(recording, 0) for recording in recordings],
            "window_counts": [len(recording.rows) for recording in recordings],
        }
        _write_json(cache / "_dataset_index.json", index)
    if "eval" not in in_split:
        test = folder / "cache" / "test"
        test.mkdir()
        for file in (folder / "cache" / "dev").iterdir():
            shutil.copyfile(file, test / file.name)
    return _notes(fixture, in_split)


def _cache_name(recording: RecordingRows) -> str:
    stem = edf_name(recording, 0).rpartition("/")[2].removesuffix(".edf")
    return f"{stem}_windows.npz"


def _manifest(
    fixture: Fixture, recordings: Sequence[RecordingRows]
) -> dict[str, list[dict[str, str | int]]]:
    manifest: dict[str, list[dict[str, str | int]]] = {
        key: [] for key in _KEYS.values()
    }
    for recording in recordings:
        name = _cache_name(recording)
        for place, row in enumerate(recording.rows):
            labels = fixture.labels[row]
            category = category_of(int(np.count_nonzero(labels)), len(labels))
            manifest[_KEYS[category]].append({"cache_file": name, "window_idx": place})
    return manifest


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(f"{json.dumps(value, indent=2)}\n".encode("ascii"))


def _notes(fixture: Fixture, in_split: dict[str, list[RecordingRows]]) -> str:
    tested = "eval" if "eval" in in_split else "dev"
    rows = []
    for recordings in in_split.values():
        for recording in recordings:
            found = [fixture.windows[row] for row in recording.rows]
            parts = ", ".join(f"{w.id} ({w.category})" for w in found)
            rows.append(f"| {edf_name(recording, 0)} | {parts} |")
    train = [w.category for w in fixture.windows if w.split == "train"]
    partial, full, none = (train.count(name) for name in _KEYS)
    # What its BalancedSeizureDataset takes: all, 0.3 and 2.5 times as many.
    drawn = (partial, min(full, int(0.3 * partial)), min(none, int(2.5 * partial)))
    few = (
        "\n  With fewer than 4 partial windows it never draws a full one."
        if partial < 4
        else ""
    )
    return f"""\
## Use

In the configuration of brain-go-brr-v2, with the path of this folder for DIR:

    data:
      data_dir: DIR/edf
      cache_dir: DIR/cache
      split_policy: official_tusz
      use_balanced_sampling: true
    experiment:
      cache_dir: DIR/cache

`python -m src evaluate CHECKPOINT DIR/edf/{tested}` reads `cache/test`, a copy of the
windows of {tested}. No EDF file is opened as long as the cache is there: those in `edf/`
are empty, and only their names count.

## Worth knowing

{_PROFILES[fixture.records.profile["name"]]}\
- `<stem>_windows.npz`: `windows` float32 (n, 19, 15360), `labels` float32 (n, 15360), not
  compressed. One file per recording of the fixture; its windows need not follow each other
  at 10 s, as those of the detector do, so figures per 24 h are a check of plumbing only.
- Train has {partial} partial, {full} full and {none} without a seizure; balanced sampling
  takes {drawn[0]}, {drawn[1]} and {drawn[2]} of them.{few}
- With `BGB_LIMIT_FILES=N` it takes the first N train files and the first N // 5 dev files,
  at least one; the index is then written anew, by itself.

## Files

| name in `edf/` | windows |
| --- | --- |
{chr(10).join(rows)}
"""


LAYOUT = Layout(
    title="the cache of brain-go-brr-v2",
    problems=_problems,
    write=_write,
)
