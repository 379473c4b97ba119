"""The cache of brain-go-brr-v2 (4.x and 3.x), with names of the EDF files it expects.

Invariant: index and manifest of the cache describe its windows correctly; no patient is
in two splits; a window without the shape, channel order and unit that the detector
expects is refused. In a file of 4.x for validation, windows are 10 s apart.

References
----------
brain-go-brr-v2 v3.1.1 and files of v3.8 to v4.4, ``src/brain_brr/data`` and ``train``,
https://github.com/Clarity-Digital-Twin/brain-go-brr-v2
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.kinds import category_of
from bgb_fixtures.eeg.montage import MONTAGES, proper_rows
from bgb_fixtures.export.layout import (
    Layout,
    edf_name,
    group_recordings,
    patient_name,
    split_problems,
    write_npz,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture

__all__ = ["LAYOUT", "LAYOUT_3"]

_SFREQ = 256.0
_N_TIMES = 15360
_STRIDE = 2560
"""Samples between the windows of a file, 10 s, as expected by its validation."""
_KEYS = {
    # category -> key of the manifest
    "partial": "partial_seizure",
    "full": "full_seizure",
    "none": "no_seizure",
}
_CACHES = {
    # split -> folder in the cache; the detector's `evaluate` always reads "test"
    "train": "train",
    "dev": "dev",
    "eval": "test",
}
_SPLITS = tuple(_CACHES)
_PROFILES = {
    # profile -> how its values compare with those that the detector computes
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _CacheFile:
    """A recording for the detector: an EDF name, and rows of the fixture."""

    split: str
    edf: str
    rows: tuple[int, ...]

    @property
    def stem(self) -> str:
        return self.edf.rpartition("/")[2].removesuffix(".edf")


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
            f"its profile is {records.profile['name']!r}, in {records.unit}; the "
            "cache holds z-scores, which cannot be computed from a window alone: "
            f"build the fixture with --profile {' or '.join(_PROFILES)}"
        )
    missing = [s for s in ("train", "dev") if all(w.split != s for w in windows)]
    if missing:
        problems.append(
            f"it has no window in split {' or '.join(missing)}; the detector trains on "
            "train and validates on dev"
        )
    elif not any((w.split, w.category) == ("train", "partial") for w in windows):
        problems.append(
            "no window of split train has category 'partial', which the detector's "
            "balanced sampling needs"
        )
    return problems + split_problems(fixture)


def _files_of_3(fixture: Fixture) -> list[_CacheFile]:
    """Return one file per recording."""
    return [
        _CacheFile(split=r.split, edf=edf_name(r, 0), rows=r.rows)
        for r in group_recordings(fixture)
    ]


def _files_of_4(fixture: Fixture) -> list[_CacheFile]:
    """Return files with windows 10 s apart; in split train, one file per recording.

    In the order of their names, files with a partly ictal window come first, as do such
    patients and sessions, because a detector that limits its files uses the first ones.
    """

    def lacks_partial(rows: Iterable[int]) -> bool:
        return all(fixture.windows[row].category != "partial" for row in rows)

    recordings = group_recordings(fixture)
    rows_of: dict[str, list[int]] = {}
    for recording in recordings:
        rows_of.setdefault(recording.patient, []).extend(recording.rows)
    patients = sorted(
        rows_of, key=lambda patient: (lacks_partial(rows_of[patient]), patient)
    )
    names = {patient: patient_name(i) for i, patient in enumerate(patients, 1)}
    recordings.sort(key=lambda r: (names[r.patient], lacks_partial(r.rows), r.session))
    sessions: Counter[str] = Counter()
    files = []
    for recording in recordings:
        sessions[recording.patient] += 1
        named = replace(
            recording,
            patient=names[recording.patient],
            session=sessions[recording.patient],
        )
        runs = [recording.rows]
        if recording.split != "train":
            runs = sorted(_runs(fixture, recording.rows), key=lacks_partial)
        files += [
            _CacheFile(split=named.split, edf=edf_name(named, token), rows=rows)
            for token, rows in enumerate(runs)
        ]
    return files


def _runs(fixture: Fixture, rows: Sequence[int]) -> list[tuple[int, ...]]:
    """Split rows of a recording into runs of windows that begin 10 s apart."""
    starts = {row: round(fixture.windows[row].onset * _SFREQ) for row in rows}
    ordered = sorted(rows, key=lambda row: (starts[row], row))
    borders = [
        i
        for i, (one, other) in enumerate(pairwise(ordered), 1)
        if starts[other] - starts[one] != _STRIDE
    ]
    return [
        tuple(ordered[start:stop])
        for start, stop in pairwise([0, *borders, len(ordered)])
    ]


def _write_of_3(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    def write(cache: Path, file: _CacheFile) -> str:
        name = f"{file.stem}_windows.npz"
        signals, labels = _arrays(fixture, file)
        write_npz(cache / name, {"windows": signals, "labels": labels})
        return name

    files = _files_of_3(fixture)
    _write(fixture, folder, files, write=write, done=done)
    return _notes(fixture, files, _NOTES_OF_3, cache_key=_CACHE_KEY_OF_3)


def _write_of_4(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    def write(cache: Path, file: _CacheFile) -> str:
        signals, labels = _arrays(fixture, file)
        name = f"{file.stem}_data.npy"
        _write_npy(cache / name, signals)
        _write_npy(cache / f"{file.stem}_labels.npy", labels)
        return name

    files = _files_of_4(fixture)
    _write(fixture, folder, files, write=write, done=done)
    return _notes(fixture, files, _NOTES_OF_4)


def _arrays(
    fixture: Fixture, file: _CacheFile
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    rows = list(file.rows)
    return fixture.signals[rows], fixture.labels[rows].astype(np.float32)


def _write_npy(path: Path, array: npt.NDArray[np.float32]) -> None:
    """Write a byte-reproducible npy file in C order."""
    array = np.ascontiguousarray(array)
    header: dict[str, Any] = np.lib.format.header_data_from_array_1_0(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        # Do not use np.save: its array.tofile ignores errors in writing the last few
        # bytes.
        file.write(array.data.cast("B"))


def _write(
    fixture: Fixture,
    folder: Path,
    files: Sequence[_CacheFile],
    *,
    write: Callable[[Path, _CacheFile], str],
    done: Callable[[int], None],
) -> None:
    """Write empty EDF files and a cache; `write` returns the name for the manifest."""
    n_done = 0
    in_split: dict[str, list[tuple[_CacheFile, str]]] = {}
    for file in files:
        edf = folder / "edf" / file.edf
        edf.parent.mkdir(parents=True, exist_ok=True)
        edf.touch()
        cache = folder / "cache" / _CACHES[file.split]
        cache.mkdir(parents=True, exist_ok=True)
        in_split.setdefault(file.split, []).append((file, write(cache, file)))
        n_done += len(file.rows)
        done(n_done)
    for split, named in in_split.items():
        cache = folder / "cache" / _CACHES[split]
        _write_json(cache / "manifest.json", _manifest(fixture, named))
        index = {
            "files": [file.edf for file, _ in named],
            "window_counts": [len(file.rows) for file, _ in named],
        }
        _write_json(cache / "_dataset_index.json", index)
    if "eval" not in in_split:
        test = folder / "cache" / "test"
        test.mkdir()
        for path in (folder / "cache" / "dev").iterdir():
            shutil.copyfile(path, test / path.name)


def _manifest(
    fixture: Fixture, named: Sequence[tuple[_CacheFile, str]]
) -> dict[str, list[dict[str, str | int]]]:
    manifest: dict[str, list[dict[str, str | int]]] = {
        key: [] for key in _KEYS.values()
    }
    for file, name in named:
        for place, row in enumerate(file.rows):
            labels = fixture.labels[row]
            category = category_of(int(np.count_nonzero(labels)), len(labels))
            manifest[_KEYS[category]].append({"cache_file": name, "window_idx": place})
    return manifest


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(f"{json.dumps(value, indent=2)}\n".encode("ascii"))


# In 3.x the experiment section had its own cache_dir.
_CACHE_KEY_OF_3 = """\
    experiment:
      cache_dir: DIR/cache
"""
_NOTES_OF_3 = """\
- `<stem>_windows.npz`: `windows` float32 (n, 19, 15360), `labels` float32 (n, 15360), not
  compressed. One file per recording of the fixture; its windows need not follow each other
  at 10 s, as those of the detector do, so figures per 24 h are a check of plumbing only.
"""
_NOTES_OF_4 = """\
- Written for brain-go-brr-v2 4.x, from what its files of v3.8 to v4.4 say; 4.x itself was
  not run. Its 3.x needs the layout `brain-go-brr-3`.
- Per file a pair, `<stem>_data.npy` float32 (n, 19, 15360) and `<stem>_labels.npy` float32
  (n, 15360) of 0 and 1. It maps them read-only: an item must be copied before it is
  changed in place.
- Its validation puts window i of a file at 10 i seconds. So the windows of a file in
  `dev` and `test` lie 10 s apart in their recording, and each other window has a file of
  its own. In `train` a file has all windows of a recording.
- Files with a partly ictal window come first. Figures per 24 h are a check of plumbing
  only.
"""


def _notes(
    fixture: Fixture, files: Sequence[_CacheFile], notes: str, *, cache_key: str = ""
) -> str:
    tested = "eval" if any(file.split == "eval" for file in files) else "dev"
    rows = []
    for file in sorted(files, key=lambda file: _SPLITS.index(file.split)):
        found = [fixture.windows[row] for row in file.rows]
        parts = ", ".join(f"{w.id} ({w.category})" for w in found)
        rows.append(f"| {file.edf} | {parts} |")
    train = [w.category for w in fixture.windows if w.split == "train"]
    partial, full, none = (train.count(name) for name in _KEYS)
    # Its BalancedSeizureDataset uses all partial windows, 0.3 times as many full ones
    # and 2.5 times as many without a seizure.
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
{cache_key}
`python -m src evaluate CHECKPOINT DIR/edf/{tested}` reads `cache/test`, a copy of the
windows of {tested}. No EDF file is opened as long as the cache is there: those in `edf/`
are empty, and only their names count.

## Worth knowing

{_PROFILES[fixture.records.profile["name"]]}\
{notes}\
- Train has {partial} partial, {full} full and {none} without a seizure; balanced sampling
  takes {drawn[0]}, {drawn[1]} and {drawn[2]} of them.{few}
- With `BGB_LIMIT_FILES=N` it takes the first N train files and the first N // 5 dev files,
  at least one; it then rewrites the index itself.

## Files

| name in `edf/` | windows |
| --- | --- |
{chr(10).join(rows)}
"""


LAYOUT = Layout(
    title="the cache of brain-go-brr-v2 4.x",
    problems=_problems,
    write=_write_of_4,
)

LAYOUT_3 = Layout(
    title="the npz cache of brain-go-brr-v2 3.x",
    problems=_problems,
    write=_write_of_3,
)
