"""Targets of the fuzzer for what sources read: EDF, annotations and specs.

Invariant: what is accepted is held against a second, simpler reader of the same bytes;
what one input may cost is counted in the time of its process. Used by ``tools/fuzz.py``.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
import struct
import tempfile
import time
import tomllib
import warnings
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from click.testing import CliRunner
from fuzz_target import FindingError, Target, require
from hostile import source_seeds as seeds

from bgb_fixtures.cli import main
from bgb_fixtures.commands.build import build  # noqa: F401 (imported before memory is limited
from bgb_fixtures.commands.scan import scan  # noqa: F401
from bgb_fixtures.corpora.bids.corpus import BidsCorpus
from bgb_fixtures.corpora.bids.events import parse_events_tsv, szcore_label
from bgb_fixtures.corpora.chbmit.summary import parse_summary
from bgb_fixtures.corpora.chbmit.wfdb import parse_sidecar
from bgb_fixtures.corpora.remote.web import _parse_list
from bgb_fixtures.corpora.seizures import seizures_of
from bgb_fixtures.corpora.siena.lists import ListEntry, parse_seizure_list
from bgb_fixtures.corpora.siena.subjects import SubjectInfo, parse_subject_info
from bgb_fixtures.corpora.tusz.csv import parse_csv
from bgb_fixtures.corpora.tusz.labels import tusz_label
from bgb_fixtures.corpora.tusz.lbl import parse_lbl
from bgb_fixtures.corpora.tusz.tse import parse_tse
from bgb_fixtures.edf.annotations import annotation_texts, read_edf_annotations
from bgb_fixtures.edf.header import header_texts
from bgb_fixtures.edf.records import EdfFile, MontageSignal
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.montage import resolve_montage
from bgb_fixtures.errors import ChannelNotFoundError, SourceError
from bgb_fixtures.request.recorded import Listing, RecordedRequest
from bgb_fixtures.request.spec import load_spec, parse_spec, spec_to_json, spec_to_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from random import Random

    from bgb_fixtures.eeg.annotations import Annotations
    from bgb_fixtures.eeg.events import Event

__all__ = ["LIMIT_CPU_S", "RUNS", "TARGETS"]

LIMIT_CPU_S = 2.0
"""Seconds of this process that one input may take, of at most some MB."""
_MOST_RECORD_BYTES = 2**20
"""Of records that are read; larger ones are only opened, as one alone is the budget."""


# What the child does


@contextmanager
def _placed(path: Path, name: str) -> Iterator[Path]:
    """Yield a copy of an input under the name that its reader expects."""
    data, size = seeds.split_sparse(path.read_bytes())
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        placed = Path(folder) / name
        placed.write_bytes(data)
        if size > len(data):
            os.truncate(placed, size)
        yield placed


def _watched(run: Callable[[Path], None], *, times: int = 1) -> Callable[[Path], None]:
    """Make a warning, and too much time, a finding; a run may read several times."""

    @functools.wraps(run)
    def watched(path: Path) -> None:
        begin = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                run(path)
        finally:
            taken = time.process_time() - begin
            require(holds=taken <= times * LIMIT_CPU_S, otherwise=f"took {taken:.1f} s")

    return watched


class _Watched:
    """A `ByteSource` that writes down what is read."""

    def __init__(self, path: Path) -> None:
        self._inner = LocalFile(path)
        self.name = self._inner.name
        self.size = self._inner.size
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, stop: int) -> bytes:
        inside = 0 <= start <= stop <= self.size
        require(
            holds=inside, otherwise=f"read of [{start}, {stop}) of {self.size} bytes"
        )
        self.reads.append((start, stop))
        return self._inner.read(start, stop)

    def close(self) -> None:
        self._inner.close()


class _Witness:
    """An EDF file as its bytes say, read as simply as can be."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        fixed = self._file.read(256)
        n = self.n_signals = int(fixed[252:256].strip(b" \0"))
        rest = self._file.read(256 * n).decode("latin-1")
        self.header_bytes = 256 * (n + 1)
        self.width = 3 if fixed[:1] == b"\xff" else 2
        self.columns: dict[str, list[str]] = {}
        start = 0
        for name, (width, _) in seeds.SIGNAL_FIELDS.items():
            self.columns[name] = [
                rest[at : at + width].strip(" \0")
                for at in range(start, start + n * width, width)
            ]
            start += n * width
        self.n_samples = [int(text) for text in self.columns["samples per record"]]
        self.record_bytes = self.width * sum(self.n_samples)
        self.n_records = (path.stat().st_size - self.header_bytes) // self.record_bytes
        self.duration = Fraction(fixed[244:252].decode("latin-1").strip(" \0"))
        self.is_gapped = fixed[192:].lstrip(b" \0")[:5] in (b"EDF+D", b"BDF+D")

    def sample(self, signal: int, place: int) -> int:
        record, rest = divmod(place, self.n_samples[signal])
        at = self.header_bytes + record * self.record_bytes
        at += self.width * (sum(self.n_samples[:signal]) + rest)
        self._file.seek(at)
        return int.from_bytes(self._file.read(self.width), "little", signed=True)

    def microvolts(self, signal: int, place: int) -> float:
        low, high, floor, ceiling = (
            Fraction(self.columns[f"{kind} {end}"][signal])
            for kind in ("physical", "digital")
            for end in ("minimum", "maximum")
        )
        value = (self.sample(signal, place) - floor) * (high - low) / (ceiling - floor)
        unit = self.columns["physical dimension"][signal]
        return float((value + low) * {"mV": 1000, "V": 10**6}.get(unit, 1))

    def close(self) -> None:
        self._file.close()


def _spans(n_times: int, step: int) -> list[tuple[int, int]]:
    """Return windows at the borders and in the middle of a recording."""
    middle = n_times // 2
    wanted = [
        *((0, 0), (n_times, n_times), (0, 1), (n_times - 1, n_times), (0, 5)),
        *((middle - 1, middle + 2), (step - 1, step + 1), (0, min(n_times, 40))),
    ]
    return [(a, b) for a, b in wanted if 0 <= a <= b <= n_times]


def _check_reads(source: _Watched, witness: _Witness, first: int, last: int) -> None:
    """See that nothing but header and the records [first, last) was read."""
    start = witness.header_bytes + first * witness.record_bytes
    stop = witness.header_bytes + last * witness.record_bytes
    for a, b in source.reads:
        # Where there may be gaps, times count from the first record.
        of_first = witness.header_bytes <= a and witness.is_gapped
        allowed = of_first and b <= witness.header_bytes + witness.record_bytes
        inside = b <= witness.header_bytes or (start <= a and b <= stop) or allowed
        require(holds=inside, otherwise=f"read [{a}, {b}) for records {first}-{last}")


def _check_signal(edf: EdfFile, source: _Watched, witness: _Witness, i: int) -> None:
    """Read windows of one signal in both units."""
    step = witness.n_samples[i]
    n_times = witness.n_records * step
    for start, stop in _spans(n_times, step):
        source.reads.clear()
        try:
            digital = edf.read_digital([i], start, stop)
        except SourceError:
            refused = step and not witness.is_gapped
            require(holds=not refused, otherwise=f"samples {start}-{stop} are refused")
            continue
        _check_reads(source, witness, start // step, -(-stop // step))
        expected = [witness.sample(i, place) for place in range(start, stop)]
        right = digital.tolist() == [expected]
        require(holds=right, otherwise=f"samples {start}-{stop} of signal {i} differ")
        try:
            obtained = edf.read_uv([i], start, stop)
        except SourceError:
            continue
        wanted = np.array([[witness.microvolts(i, at) for at in range(start, stop)]])
        extent = abs(float(witness.columns["physical maximum"][i])) + abs(
            float(witness.columns["physical minimum"][i])
        )
        close = np.allclose(obtained, wanted, rtol=1e-9, atol=1e-6 * extent)
        require(holds=bool(close), otherwise=f"microvolts of signal {i} differ")
    for start, stop in ((-1, 1), (0, n_times + 1), (n_times, n_times + 1), (1, 0)):
        with suppress(SourceError):
            edf.read_digital([i], start, stop)
            raise FindingError(f"read samples [{start}, {stop}) of {n_times}")  # noqa: EM102, TRY003


def _check_montage(edf: EdfFile, source: _Watched, witness: _Witness) -> None:
    """Read windows of all rows of a montage."""
    labels = [signal.label for signal in edf.header.signals]
    try:
        rows = resolve_montage(labels, "10-20", where=edf.name)
    except ChannelNotFoundError:
        rows = resolve_montage(labels, "double-banana", where=edf.name)
    signal = MontageSignal(edf, rows)
    rate = Fraction(witness.n_samples[rows[0].plus[0]]) / witness.duration
    require(holds=signal.sfreq == float(rate), otherwise="rate differs")
    step = witness.n_samples[rows[0].plus[0]]
    for start, stop in _spans(signal.n_times, step):
        source.reads.clear()
        data = signal.read(start, stop)
        _check_reads(source, witness, start // step, -(-stop // step))
        for row, values in zip(rows, data, strict=True):
            for k, place in enumerate(range(start, stop)):
                wanted = witness.microvolts(row.plus[0], place)
                if row.minus:
                    wanted -= witness.microvolts(row.minus[0], place)
                right = math.isclose(values[k], wanted, rel_tol=1e-9, abs_tol=1e-3)
                right = right or abs(wanted) > 1e9  # units that no head has
                require(holds=right, otherwise=f"{row.ch_name} differs at {place}")


@_watched
def _run_edf(path: Path) -> None:
    with _placed(path, "night.edf") as placed:
        source = _Watched(placed)
        with EdfFile(source) as edf, closing(_Witness(placed)) as witness:
            header = edf.header
            told = [
                (header.header_bytes, witness.header_bytes, "header bytes"),
                (header.record_bytes, witness.record_bytes, "record bytes"),
                (header.n_records, witness.n_records, "records"),
                (header.record_duration, witness.duration, "duration"),
                (header.discontinuous, witness.is_gapped, "EDF+D"),
                ([s.label for s in header.signals], witness.columns["label"], "label"),
            ]
            for obtained, expected, what in told:
                otherwise = f"{what}: {obtained} for {expected}"
                require(holds=obtained == expected, otherwise=otherwise)
            _check_reads(source, witness, 0, 0)
            header_texts(edf.raw_header)
            if header.record_bytes > _MOST_RECORD_BYTES:
                return
            for i in range(min(header.n_records and witness.n_signals, 4)):
                _check_signal(edf, source, witness, i)
            if witness.n_signals >= 18:
                _check_montage(edf, source, witness)


@_watched
def _run_window(path: Path) -> None:
    """Read all of the first signal; whatever refuses it is told."""
    with _placed(path, "night.edf") as placed, EdfFile(LocalFile(placed)) as edf:
        first = edf.header.signals[0].samples_per_record
        edf.read_uv([0], 0, first * edf.header.n_records)


def _simple_tals(witness: _Witness, path: Path) -> list[tuple[Decimal, str]]:
    """Return (time as written, text), in order."""
    found = []
    data = path.read_bytes()
    for record in range(witness.n_records):
        for i, label in enumerate(witness.columns["label"]):
            if label not in ("EDF Annotations", "BDF Annotations"):
                continue
            at = witness.header_bytes + record * witness.record_bytes
            at += witness.width * sum(witness.n_samples[:i])
            for tal in data[at : at + witness.width * witness.n_samples[i]].split(
                b"\0"
            ):
                stamp, *texts = tal.split(b"\x14")
                if tal:
                    found += [(stamp.split(b"\x15")[0], text) for text in texts]
    return [(Decimal(stamp.decode()), _decoded(text)) for stamp, text in found]


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip()


@_watched
def _run_tal(path: Path) -> None:
    with _placed(path, "night.edf") as placed:
        with EdfFile(LocalFile(placed)) as edf:
            # What takes seconds, and ends, is not for here.
            if 10**5 < edf.header.n_records < 10**7:
                return
            annotation_texts(edf)
        annotations = read_edf_annotations(placed)
        with closing(_Witness(placed)) as witness:
            if placed.stat().st_size < 2**20:
                told = _simple_tals(witness, placed)
                origin = told[0][0] if told else Decimal(0)
                expected = [(time - origin, text) for time, text in told if text]
                obtained = [(span.start, span.label) for span in annotations.spans]
                require(holds=obtained == expected, otherwise="other texts or times")
            length = witness.n_records * witness.duration
        close = math.isclose(annotations.duration or 0, length, rel_tol=1e-12)
        require(holds=close, otherwise="duration differs")
        if annotations.spans:
            events = seizures_of(annotations, _is_seizure, path=placed)
            _check_events(events, annotations)


def _is_seizure(label: str) -> str | None:
    return "seiz" if label.lower().startswith("s") else None


def _check_events(events: Sequence[Event], annotations: Annotations) -> None:
    """See that events are in order and lie in the recording."""
    before = 0.0
    for event in events:
        require(holds=event.onset >= before, otherwise=f"{event} is out of order")
        before = event.onset
        finite = math.isfinite(event.onset) and 0 < event.duration < math.inf
        require(holds=finite, otherwise=f"{event} has no length")
        end = event.onset + event.duration
        inside = (
            annotations.duration is None or end <= float(annotations.duration) + 0.02
        )
        require(holds=inside, otherwise=f"{event} ends after the recording")


def _check_duration(duration: Decimal | float | None) -> None:
    sound = duration is None or (math.isfinite(duration) and duration > 0)
    require(holds=sound, otherwise=f"a recording lasts {duration} s")


_LONG_LINE = 10_000
"""Characters of a line that the second reader, which is slow, leaves out."""
_STEM = "aaaaaajy_s001_t000"
_PARSERS: Mapping[str, tuple[str, Callable[[Path], Annotations], Any]] = {
    "csv": (f"{_STEM}.csv", parse_csv, tusz_label),
    "tse": (f"{_STEM}.tse", parse_tse, tusz_label),
    "lbl": (f"{_STEM}.lbl", parse_lbl, tusz_label),
    "tsv": ("sub-01_events.tsv", parse_events_tsv, szcore_label),
}


def _rows(name: str, lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that hold a stretch."""
    there = [n for n, line in enumerate(lines, 1) if line.strip()]
    if name != "tsv":
        there = [n for n in there if not lines[n - 1].startswith("#")]
    if name == "lbl":
        return [n for n in there if lines[n - 1].startswith("label")]
    return there[1:]


def _run_text(name: str, path: Path) -> None:
    file_name, parse, meaning = _PARSERS[name]
    with _placed(path, file_name) as placed:
        annotations = parse(placed)
        lines = placed.read_bytes().decode("utf-8-sig").split("\n")
        rows = [span.line for span in annotations.spans]
        require(holds=rows == _rows(name, lines), otherwise="rows got lost")
        for span in annotations.spans:
            if len(lines[span.line - 1]) > _LONG_LINE:
                continue
            words = re.split(r"[\t\s,{}\[\]]+", lines[span.line - 1])
            numbers = []
            for word in words:
                with suppress(ArithmeticError):
                    numbers.append(Decimal(word))
            right = span.start in numbers
            length = None if span.stop is None else span.stop - span.start
            right = right and (span.stop in [*numbers, None] or length in numbers)
            require(holds=right, otherwise=f"line {span.line} does not say {span}")
        events = seizures_of(annotations, meaning, path=placed)
        _check_duration(annotations.duration)
        _check_events(events, annotations)


@_watched
def _run_summary(path: Path) -> None:
    with _placed(path, "chb01-summary.txt") as placed:
        entries = parse_summary(placed)
        told = []
        for line in placed.read_bytes().decode("latin-1").split("\n"):
            head, _, rest = line.strip().lower().rpartition(":")
            if head.startswith("seizure") and "time" in head:
                told.append(Decimal(rest.strip().rstrip("second ")))
        times = [t for entry in entries for pair in entry.seizures for t in pair]
        require(holds=times == told, otherwise=f"{times} for {told}"[:500])
        for entry in entries:
            _check_duration(entry.duration)
            _check_pairs(entry.seizures, entry.duration)


def _check_pairs(
    pairs: Iterable[tuple[Any, Any]], duration: float | Decimal | None
) -> None:
    before = 0
    for start, stop in pairs:
        sound = before <= start < stop and (duration is None or stop <= duration)
        require(holds=sound, otherwise=f"seizure at {start}-{stop} s")
        before = stop


@_watched
def _run_sidecar(path: Path) -> None:
    with _placed(path, "chb01_03.edf.seizures") as placed:
        seizures = parse_sidecar(placed)
        data = placed.read_bytes()
        # Another way to take it apart: words first.
        words = [data[i] + 256 * data[i + 1] for i in range(0, len(data) - 1, 2)]
        sample, marks, i = 0, [], 0
        while words[i]:
            code, interval = divmod(words[i], 1024)
            i += 1
            if code == 59:
                step = (words[i] << 16) + words[i + 1]
                sample += step - (2**32 if step >= 2**31 else 0)
                i += 2
            elif code == 63:
                i += (interval + 1) // 2
            elif code not in (60, 61, 62):
                sample += interval
                marks += [sample] if code in (32, 33) else []
        rates = {
            float(m / t) for m, t in zip(marks, sum(seizures, ()), strict=True) if t
        }
        require(holds=len(rates) <= 2, otherwise=f"several rates: {rates}")


@_watched
def _run_siena(path: Path) -> None:
    with _placed(path, "Seizures-list-PN00.txt") as placed:
        found = parse_seizure_list(placed)
        text = placed.read_bytes().decode("latin-1").lower()
        most = text.count("seizure")
        require(holds=0 < found.n_seizures <= most, otherwise="seizures from nowhere")
        for name, entry in found.entries.items():
            if not isinstance(entry, ListEntry):
                raise entry
            require(holds=name.startswith("PN00"), otherwise=f"{name!r} of PN00")
            require(holds=0 <= entry.start < 86400, otherwise="start")
            _check_duration(entry.duration)
            _check_pairs(entry.seizures, entry.duration)


@_watched
def _run_subjects(path: Path) -> None:
    with _placed(path, "subject_info.csv") as placed:
        for info in parse_subject_info(placed).values():
            if not isinstance(info, SubjectInfo):
                raise info
            require(holds=0 <= info.n_seizures < 10**4, otherwise="number of seizures")


@_watched
def _run_licence(path: Path) -> None:
    with _placed(path, "dataset_description.json") as placed:
        licence = BidsCorpus(placed.parent).licence
        # Only what the file says plainly lets others have the data.
        stated = json.loads(placed.read_bytes())
        stated = stated.get("License") if isinstance(stated, dict) else None
        free = isinstance(stated, str) and re.search(
            r"CC|CREATIVE|PUBLIC|PDDL|ODC|OPEN|ODBL", stated.upper()
        )
        sound = bool(free) or not licence.redistributable
        require(holds=sound, otherwise=f"{licence.name} out of {stated!r}")


@_watched
def _run_participants(path: Path) -> None:
    with _placed(path, "participants.tsv") as placed:
        splits = BidsCorpus(placed.parent)._split_of
        for split in splits.values():
            if not isinstance(split, str):
                raise split
            known = split in ("train", "dev", "eval")
            require(holds=known, otherwise=f"split {split!r}")


@_watched
def _run_digests(path: Path) -> None:
    raw, size = seeds.split_sparse(path.read_bytes())
    raw = raw.ljust(min(size, 2**24), b"\0")
    lines = raw.decode("utf-8", "replace").split("\n")
    for name, digest in _parse_list(
        raw, where="https://example.org/SHA256SUMS.txt"
    ).items():
        parts = name.split("/")
        below = not {"", ".", ".."} & set(parts) and "\\" not in name
        require(holds=below, otherwise=f"a path that leaves the folder: {name!r}")
        there = any(line.startswith(digest) and name in line for line in lines[:100])
        require(holds=there or len(lines) > 100, otherwise=f"{name!r} from nowhere")


@_watched
def _run_spec(path: Path) -> None:
    with _placed(path, "spec.toml") as placed:
        spec = load_spec(placed)
        for value in (spec_to_json(spec), tomllib.loads(spec_to_toml(spec))):
            again = parse_spec(value, where="the spec")
            require(holds=again == spec, otherwise="written, it reads otherwise")
        if isinstance(spec, RecordedRequest) and isinstance(spec.selection, Listing):
            _check_listing(spec.selection)


def _check_listing(listing: Listing) -> None:
    names = [name for name, _ in listing.sha256]
    for recording in listing.recordings:
        names.append(recording.name)
        for part in recording.read:
            most = math.inf if recording.size is None else recording.size
            sound = 0 <= part.start < part.stop <= most
            require(holds=sound, otherwise=f"bytes {part.start}-{part.stop} of {most}")
    for name in names:
        below = not name.startswith("/") and ".." not in name.split("/")
        require(holds=below, otherwise=f"a path that leaves the root: {name!r}")


def _run_folder(path: Path) -> None:
    """Scan a corpus, and plan a build of it; nothing may end in a traceback."""
    files = seeds.unpack(path.read_bytes())
    source = files.pop("SOURCE").decode()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name, data in files.items():
            place = Path(folder) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        root = ["--source", source, "--root", folder]
        montage = "double-banana" if source == "chbmit" else "10-20"
        pattern = ["--label-pattern", "seizure|sz.*"] if source == "edf" else []
        short = ["--window-length", "2", "--per-kind", "1", "--montage", montage]
        told = _invoke(["scan", *root, *pattern, "--json"])
        if told.exit_code == 0:
            _check_scan(json.loads(told.stdout))
        _invoke(["scan", *root, *pattern])
        planned = _invoke(["build", *root, *pattern, *short, "--dry-run"])
        left = {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*.*")}
        require(holds=left <= files.keys(), otherwise=f"wrote {left - files.keys()}")
    if planned.exit_code:
        raise SourceError(planned.stderr.strip().replace(folder, ""))


def _invoke(arguments: list[str]) -> Any:
    done = CliRunner().invoke(main, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise FindingError(f"{arguments[0]}: traceback") from done.exception  # noqa: EM102, TRY003
    require(holds="Traceback" not in done.output, otherwise="a traceback is shown")
    usage = done.exit_code == 2
    require(holds=not usage, otherwise=f"taken for wrong usage: {done.output[-300:]}")
    return done


def _check_scan(told: dict[str, Any]) -> None:
    for recording in told["recordings"]:
        _check_duration(recording["duration"])
        for event in recording["events"]:
            end = event["onset"] + event["duration"]
            within = (
                recording["duration"] is None or end <= recording["duration"] + 0.02
            )
            sound = event["onset"] >= 0 and event["duration"] > 0 and within
            require(holds=sound, otherwise=f"{recording['name']}: {event}")


RUNS: Mapping[str, Callable[[Path], object]] = {
    # key -> reads a file, raises a FixtureError to refuse it, or a FindingError
    "edf": _run_edf,
    "window": _run_window,
    "tal": _run_tal,
    "summary": _run_summary,
    "sidecar": _run_sidecar,
    "siena": _run_siena,
    "subjects": _run_subjects,
    "licence": _run_licence,
    "participants": _run_participants,
    "digests": _run_digests,
    "spec": _run_spec,
    # Three commands.
    "folder": _watched(_run_folder, times=3),
} | {name: _watched(functools.partial(_run_text, name)) for name in _PARSERS}


# How inputs are made

_TEXT_NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "00",
    "1.",
    ".5",
    "+1",
    "1e3",
    "1E-99",
    "1e99",
    "1e999999",
    "-1e999999",
    "0x10",
    "1_0",
    "nan",
    "inf",
    "-Infinity",
    "1,5",
    "0.0000001",
    "4294967296",
    "9223372036854775808",
    "999999999",
    "9999999999",
    "999999999.999999999999",
    "0.000000000001",
    "-999999999",
]
_TOKENS = [
    *(b"\0", b"\x1b[2J", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\n", b"\t"),
    *(b'"', b"'", b"#", b",", b"=", b":", b"{", b"}", b"[", b"]", b"..", b"/", b"\\"),
    *("\u0663".encode(), "\u00b2".encode(), "\u2028".encode(), "\u017f".encode()),
    *(b"\xc3", b"\xed\xa0\x80", b"a" * 300, b"[" * 3000, b"(" * 3000, b'{"a":' * 3000),
]
_RUNS_OF = [
    *(b" ", b"\t", b"1", b"a", b"[", b"]", b"(", b",", b"=", b":", b"{", b"'", b"_"),
    *(b"1 ", b" 1", b"[]", b"] ", b"1,", b"a ", b"1:'", b"\n", b"0\n", b". ", b"/"),
    *(b"\0", b"\xc2\xa0", b"-", b"1.", b"#\n", b"# "),
]
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")


def _near(rng: Random, number: bytes) -> bytes:
    """Return a number near this one, or at a border."""
    value = float(number) if len(number) < 18 else 0.0
    near = [value + 1, value - 1, -value, value * 1000, value + 1e-9, value / 7]
    if rng.random() < 0.5:
        return f"{rng.choice(near):.12g}".encode()
    if rng.random() < 0.03:
        return b"1" * rng.choice([30, 5000, 10**6])
    return rng.choice(_TEXT_NUMBERS).encode()


def _mutate_lines(rng: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    for _ in range(rng.choice([1, 1, 2, 5])):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        how = rng.randrange(5)
        if how == 0 and len(lines) > 1:
            del lines[i]
        elif how == 1:
            lines.insert(i, lines[j])
        elif how == 2:
            lines[i], lines[j] = lines[j], lines[i]
        elif how == 3:
            lines[i] = lines[i][: rng.randrange(len(lines[i]) + 1)]
        else:
            lines[i] += lines[j]
    return b"\n".join(lines)


def _mutate_numbers(rng: Random, data: bytes) -> bytes:
    for _ in range(rng.choice([1, 1, 2, 4])):
        matches = list(_NUMBER.finditer(data))
        if matches:
            match = rng.choice(matches)
            data = data[: match.start()] + _near(rng, match[0]) + data[match.end() :]
    return data


def _mutate_tokens(rng: Random, data: bytes) -> bytes:
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(data) + 1)
        data = (
            data[:place] + rng.choice(_TOKENS) + data[place + rng.choice([0, 0, 1]) :]
        )
    return data


def _mutate_encoding(rng: Random, data: bytes) -> bytes:
    text = data.decode("latin-1")
    how = rng.randrange(6)
    if how == 0:
        return b"\xef\xbb\xbf" + data
    if how == 1:
        return data.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b"\0\n"]))
    if how == 2:
        return text.encode(rng.choice(["utf-16", "utf-32", "utf-16-be", "utf-7"]))
    if how == 3:
        return text.swapcase().encode("latin-1")
    if how == 4:
        digits = str.maketrans("0123456789", "".join(map(chr, range(0x660, 0x66A))))
        return text.translate(digits).encode()
    blanks = rng.choice(["\u00a0", "\u3000", "\t", "  ", ""])
    return text.replace(" ", blanks).encode()


def _mutate_long(rng: Random, data: bytes) -> bytes:
    """Put a long run of one thing in: patterns must not try all ways to match it."""
    run = rng.choice(_RUNS_OF)
    size = rng.choice([1000, 30_000, 30_000, 30_000, 10**6])
    place = rng.randrange(len(data) + 1)
    if rng.random() < 0.5:
        # Behind a word or a mark, where a pattern goes on.
        ends = [m.end() for m in re.finditer(rb"[A-Za-z]+|[=:,#{\[]", data)]
        place = rng.choice(ends or [place])
    return data[:place] + run * (size // len(run)) + data[place:]


def _mutate_many(rng: Random, data: bytes) -> bytes:
    """Repeat a piece of the file up to a megabyte."""
    lines = data.split(b"\n")
    i = rng.randrange(len(lines))
    j = i + rng.choice([1, 1, 2, 5])
    piece = b"\n".join(lines[i:j]) + rng.choice([b"\n", b"\n", b" ", b","])
    times = rng.choice([3, 1000, 100_000]) // len(piece) + 1
    return b"\n".join([*lines[:i], piece * times, *lines[j:]])


def _mutate_bytes(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(changed) + 1)
        how = rng.randrange(4)
        if how == 0 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            del changed[place : place + rng.choice([1, 2, 16])]
        elif how == 2:
            changed[place : place + 1] = bytes([rng.randrange(256)])
        else:
            del changed[place:]
    return bytes(changed)


_TEXT_MUTATIONS: Mapping[str, Callable[[Random, bytes], bytes]] = {
    "lines": _mutate_lines,
    "numbers": _mutate_numbers,
    "tokens": _mutate_tokens,
    "encoding": _mutate_encoding,
    "long": _mutate_long,
    "many": _mutate_many,
    "bytes": _mutate_bytes,
}


def mutate_text(rng: Random, data: bytes) -> tuple[str, bytes]:
    """Return a mutation of a text: one change, or two of different kinds."""
    kind = rng.choice(list(_TEXT_MUTATIONS))
    data = _TEXT_MUTATIONS[kind](rng, data)
    if rng.random() < 0.25 and len(data) < 10**5:
        data = _TEXT_MUTATIONS[rng.choice(["lines", "numbers", "tokens"])](rng, data)
    return kind, data


_FIELD_TEXTS = [
    *_TEXT_NUMBERS,
    *(
        "",
        "many",
        "1 2",
        "2\0",
        "\0",
        "\xb2",
        "\xffBIOSEMI",
        "-1",
        "2",
        "3",
        "5",
        "9999",
    ),
    *("99999999", "1e300", "9e99", "9e-99", "1e-9", "0.1", "-0.5", "1000000", "65535"),
    *("-32768", "32767", "32768", "8388607", "-8388608", "EDF+C", "EDF+D", "BDF+D"),
    *("EDF Annotations", "uV", "mV", "V", "\xb5V", "DegC", "EEG Fp1", "Fp1", "\x1b[2J"),
]


def _mutate_field(rng: Random, data: bytes) -> bytes:
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(list(seeds.FIELDS))
        data = seeds.set_field(data, name, rng.choice(_FIELD_TEXTS))
    return data


def _mutate_signal(rng: Random, data: bytes) -> bytes:
    n_signals = int(data[252:256])
    for _ in range(rng.choice([1, 1, 2, 4])):
        name = rng.choice(list(seeds.SIGNAL_FIELDS))
        index = rng.randrange(n_signals)
        data = seeds.set_signal(data, index, name, rng.choice(_FIELD_TEXTS))
    return data


def _mutate_header(rng: Random, data: bytes) -> bytes:
    """Change single bytes of the header."""
    size = 256 * (int(data[252:256]) + 1)
    return _mutate_bytes(rng, data[:size]).ljust(size)[:size] + data[size:]


def _mutate_count(rng: Random, data: bytes) -> bytes:
    """Say another number of signals, and a length that fits it."""
    count = rng.choice([0, 1, 2, 9, 100, 9998, 9999])
    data = seeds.set_field(data, "number of signals", str(count))
    data = seeds.set_field(data, "header bytes", str(256 * (count + 1)))
    if rng.random() < 0.5:
        short = 256 * (count + 1) - 256 - (len(data) - 256)
        text = rng.choice([b" ", b"1       ", b"\0", b"EEG Fp1 "])
        data += (text * (max(short, 0) // len(text) + 1))[: max(short, 0)]
        data += bytes(rng.choice([0, 1, 4000]))
    return data


def _mutate_size(rng: Random, data: bytes) -> bytes:
    """Cut off or add at a border; or behind a hole, which takes no room."""
    header = 256 * (int(data[252:256]) + 1)
    borders = [0, 8, 252, 256, 512, header, header + 2, len(data) - 16, len(data)]
    place = max(rng.choice(borders) + rng.choice([-1, 0, 0, 1]), 0)
    how = rng.randrange(4)
    if how == 0:
        return data[:place]
    if how == 1:
        return data + rng.randbytes(rng.choice([1, 2, 255, 5000]))
    if how == 2:
        return seeds.sparse(data, rng.choice([2**20, 2**40, 2**40 + 7]))
    signal = rng.randrange(int(data[252:256]))
    text = rng.choice(["99999999", "1000000", "40000000"])
    changed = seeds.set_signal(data, signal, "samples per record", text)
    return seeds.sparse(changed, 2**40)


def _mutate_samples(rng: Random, data: bytes) -> bytes:
    """Change samples, which nobody may notice."""
    header = 256 * (int(data[252:256]) + 1)
    changed = bytearray(data)
    for _ in range(rng.choice([1, 8, 100])):
        place = rng.randrange(header, len(changed))
        changed[place] = rng.choice([0, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    return bytes(changed)


_TAL_PIECES = [
    *(
        b"\0",
        b"\x14",
        b"\x15",
        b"\x14\x14",
        b"\x14\0",
        b"+",
        b"-",
        b".",
        b"+1",
        b"\xc3",
    ),
    *(b"+1e5\x14", b"+999999999999\x14a\x14", b"+0." + b"1" * 30 + b"\x14\x14", b"nan"),
    *(
        b"+1\x15-1\x14a\x14\0",
        b"+1\x15\x14a\x14\0",
        b"+\xd9\xa3\x14a\x14\0",
        b"1\x14a\x14\0",
    ),
    *(b"+1\x150\x14a\x14\0", b"-5\x1510\x14a\x14\0", b"+2\x14\xed\xa0\x80\x14\0"),
]


def _mutate_tal(rng: Random, data: bytes) -> bytes:
    """Change what is near the marks of annotations."""
    changed = bytearray(data)
    header = 256 * (int(data[252:256]) + 1)
    for _ in range(rng.choice([1, 1, 2, 4])):
        marks = [i for i in range(header, len(data)) if data[i] in (0x14, 0x15)]
        place = max(rng.choice(marks or [header]) + rng.randrange(-4, 4), header)
        piece = rng.choice(_TAL_PIECES)
        changed[place : place + len(piece)] = piece
    return bytes(changed[: len(data)])


def _mutate_long_tal(rng: Random, _: bytes) -> bytes:
    """Make room for one long annotation."""
    n_samples = rng.choice([3000, 10_000, 100_000])
    piece = rng.choice(
        [b"1", b"\0", b"\x14", b"a\x14", b"+0\x14a\x14\0", b"\x15", b"+1\0"]
    )
    head = rng.choice([b"+0\x14\x14\0", b"+0", b"", b"+0\x14", b"+0.", b"-0\x14\x14"])
    tail = rng.choice([b"", b"\x14\x14", b"\x14a\x14\0"])
    middle = piece * ((2 * n_samples - len(head) - len(tail)) // len(piece))
    return seeds.make_edf(
        [{}, {"label": "EDF Annotations", "samples per record": str(n_samples)}],
        n_records=rng.choice([1, 2]),
        tals=[(head + middle + tail)[: 2 * n_samples]] * 2,
        reserved=rng.choice(["EDF+C", "EDF+D"]),
    )


_EDF_MUTATIONS: Mapping[str, Callable[[Random, bytes], bytes]] = {
    "field": _mutate_field,
    "signal": _mutate_signal,
    "header": _mutate_header,
    "count": _mutate_count,
    "size": _mutate_size,
    "samples": _mutate_samples,
    "tal": _mutate_tal,
    "long-tal": _mutate_long_tal,
}


def mutate_edf(rng: Random, data: bytes) -> tuple[str, bytes]:
    """Return a mutation of an EDF file."""
    kind = rng.choice(list(_EDF_MUTATIONS))
    return kind, _EDF_MUTATIONS[kind](rng, data)


def mutate_tals(rng: Random, data: bytes) -> tuple[str, bytes]:
    """Return a mutation of an EDF+ file, mostly of its annotations."""
    kind = rng.choice(
        ["tal", "tal", "tal", "long-tal", "samples", "signal", "field", "size"]
    )
    return kind, _EDF_MUTATIONS[kind](rng, data)


def mutate_sidecar(rng: Random, data: bytes) -> tuple[str, bytes]:
    """Return a mutation of a file of 16-bit words."""
    kind = rng.choice(["words", "bytes", "many"])
    if kind == "bytes":
        return kind, _mutate_bytes(rng, data)
    words = list(struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2]))
    for _ in range(rng.choice([1, 2, 4])):
        code = rng.choice([0, 1, 32, 33, 59, 60, 61, 62, 63])
        place = rng.randrange(len(words) + 1)
        value = rng.choice([code << 10, (code << 10) + 1023, 0xFFFF, 0x8000, 0, 1])
        words[place : place + rng.choice([0, 1])] = [value]
    if kind == "many":
        place = rng.randrange(len(words))
        words[place:place] = words[place : place + 4] * 20_000
    return kind, struct.pack(f"<{len(words)}H", *words)


def mutate_folder(rng: Random, data: bytes) -> tuple[str, bytes]:
    """Return a corpus with one or two files mutated, swapped, lost or renamed."""
    files = seeds.unpack(data)
    kind = files["SOURCE"].decode()
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice([name for name in files if name != "SOURCE"])
        how = rng.randrange(10)
        if how == 0 and len(files) > 2:
            del files[name]
        elif how == 1:
            files[name] = files[rng.choice(list(files))]
        elif how == 2:
            files[name] = rng.choice([b"", b"\0", b"x"])
        elif name.endswith(".edf") and len(files[name]) > 512:
            with suppress(ValueError):
                mutated = mutate_edf(rng, files[name])[1]
                files[name] = seeds.split_sparse(mutated)[0]
        elif name.endswith(".seizures"):
            files[name] = mutate_sidecar(rng, files[name] or b"\0\0")[1]
        else:
            files[name] = mutate_text(rng, files[name])[1]
    return kind, seeds.pack(files)


# Targets


def _packed() -> tuple[bytes, ...]:
    return tuple(
        seeds.pack(files | {"SOURCE": source.encode()})
        for source, files in seeds.folder_seeds().items()
    )


def _make_target(
    name: str,
    good: Callable[[], tuple[bytes, ...]],
    mutate: Callable[[Random, bytes], tuple[str, bytes]],
) -> Callable[[Path], Target]:
    def target(_: Path) -> Target:
        return Target(
            name=name, seeds=good(), mutate=mutate, runs=(name,), suffix=".in"
        )

    target.__name__ = name
    return target


_TEXTS: Mapping[str, tuple[bytes, ...]] = {
    "csv": (seeds.CSV, seeds.CSV_BI),
    "tse": (seeds.TSE,),
    "lbl": (seeds.LBL,),
    "tsv": (seeds.TSV, seeds.TSV_BACKGROUND),
    "summary": (seeds.SUMMARY,),
    "siena": (seeds.SIENA,),
    "subjects": (seeds.SUBJECTS,),
    "licence": (seeds.DESCRIPTION,),
    "participants": (seeds.PARTICIPANTS,),
    "digests": (seeds.DIGESTS,),
    "spec": seeds.SPECS,
}
TARGETS: tuple[Callable[[Path], Target], ...] = (
    _make_target("edf", seeds.edf_seeds, mutate_edf),
    _make_target("tal", seeds.tal_seeds, mutate_tals),
    *(
        _make_target(name, functools.partial(tuple, texts), mutate_text)
        for name, texts in _TEXTS.items()
    ),
    _make_target(
        "sidecar",
        lambda: (seeds.sidecar(2996, 3036), seeds.sidecar(1, 2, 3, 70_000)),
        mutate_sidecar,
    ),
    _make_target("folder", _packed, mutate_folder),
)
