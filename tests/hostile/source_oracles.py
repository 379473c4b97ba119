"""Read recordings, annotations and specs, and compare with a simpler reader.

Invariant: what one input may cost is counted in the time of its process.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
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

from bgb_fixtures.cli import main
from bgb_fixtures.commands.build import build  # noqa: F401 (imported before memory is limited)
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
from hostile import source_seeds as seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bgb_fixtures.eeg.annotations import Annotations

__all__ = ["ORACLES"]

# Coverage, which reads in this process, traces every line.
LIMIT_CPU_S = 20.0 if "READ_HERE" in os.environ else 2.0
"""Seconds of this process that one command may take, on at most some MB."""
_MOST_RECORD_BYTES = 2**20
"""Larger records are only opened, as one alone is the budget of the worker."""
_NANOSECOND = Decimal("1e-9")
_LONG_LINE = 10_000
"""Characters of a line that the second reader, which is slow, leaves out."""

ORACLES: dict[str, Callable[[Path], object]] = {}


def _oracle(
    name: str, file_name: str, *, times: int = 1
) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register an oracle, which is given a copy of the input under this name.

    A warning fails it, and so does too much time.
    """

    def register(check: Callable[[Path], None]) -> Callable[[Path], None]:
        @functools.wraps(check)
        def oracle(path: Path) -> None:
            with _placed(path, file_name) as placed, warnings.catch_warnings():
                warnings.simplefilter("error")
                begin = time.process_time()
                try:
                    check(placed)
                finally:
                    taken = time.process_time() - begin
                    assert taken <= times * LIMIT_CPU_S, f"took {taken:.1f} s"

        ORACLES[name] = oracle
        return check

    return register


@contextmanager
def _placed(path: Path, name: str) -> Iterator[Path]:
    data, size = seeds.split_sparse(path.read_bytes())
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        placed = Path(folder) / name
        placed.write_bytes(data)
        if size > len(data):
            os.truncate(placed, size)
        yield placed


# EDF and BDF


class _Watched:
    """A `ByteSource` that writes down what is read."""

    def __init__(self, path: Path) -> None:
        self._inner = LocalFile(path)
        self.name = self._inner.name
        self.size = self._inner.size
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, stop: int) -> bytes:
        assert 0 <= start <= stop <= self.size, f"read [{start}, {stop}) of {self.size}"
        self.reads.append((start, stop))
        return self._inner.read(start, stop)

    def close(self) -> None:
        self._inner.close()


class _Witness:
    """An EDF file as its bytes say, read as simply as possible."""

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

    def place(self, record: int, signal: int) -> int:
        before = self.width * sum(self.n_samples[:signal])
        return self.header_bytes + record * self.record_bytes + before

    def sample(self, signal: int, sample: int) -> int:
        record, rest = divmod(sample, self.n_samples[signal])
        self._file.seek(self.place(record, signal) + self.width * rest)
        return int.from_bytes(self._file.read(self.width), "little", signed=True)

    def microvolts(self, signal: int, sample: int) -> float:
        low, high, floor, ceiling = (
            Fraction(self.columns[f"{kind} {end}"][signal])
            for kind in ("physical", "digital")
            for end in ("minimum", "maximum")
        )
        value = (self.sample(signal, sample) - floor) * (high - low) / (ceiling - floor)
        unit = self.columns["physical dimension"][signal]
        factors = {"nv": Fraction(1, 1000), "mv": Fraction(1000), "v": Fraction(10**6)}
        return float((value + low) * factors.get(unit.lower(), Fraction(1)))

    def check_reads(self, source: _Watched, first: int, last: int) -> None:
        """Check that nothing but the header and the records [first, last) was read."""
        start, stop = self.place(first, 0), self.place(last, 0)
        for a, b in source.reads:
            # Where there may be gaps, times count from the first record.
            onset = self.is_gapped and self.place(0, 0) <= a and b <= self.place(1, 0)
            fits = b <= self.header_bytes or start <= a <= b <= stop or onset
            assert fits, f"read [{a}, {b}) for records {first}-{last}"

    def close(self) -> None:
        self._file.close()


def _windows(n_times: int, step: int) -> list[tuple[int, int]]:
    """Return windows at the borders and in the middle of a recording."""
    middle = n_times // 2
    wanted = [
        *((0, 0), (n_times, n_times), (0, 1), (n_times - 1, n_times), (0, 5)),
        *((middle - 1, middle + 2), (step - 1, step + 1), (0, min(n_times, 40))),
    ]
    return [(a, b) for a, b in wanted if 0 <= a <= b <= n_times]


def _check_signal(edf: EdfFile, source: _Watched, witness: _Witness, i: int) -> None:
    """Read windows of one signal in both units."""
    step = witness.n_samples[i]
    n_times = witness.n_records * step
    for start, stop in _windows(n_times, step):
        source.reads.clear()
        try:
            digital = edf.read_digital([i], start, stop)
        except SourceError:
            refusable = not step or witness.is_gapped
            assert refusable, f"samples {start}-{stop} are refused"
            continue
        witness.check_reads(source, start // step, -(-stop // step))
        expected = [witness.sample(i, place) for place in range(start, stop)]
        assert digital.tolist() == [expected], f"samples {start}-{stop} of {i} differ"
        try:
            obtained = edf.read_uv([i], start, stop)
        except SourceError:
            continue
        wanted = np.array([[witness.microvolts(i, at) for at in range(start, stop)]])
        extent = sum(
            abs(float(witness.columns[f"physical {end}"][i]))
            for end in ("minimum", "maximum")
        )
        close = np.allclose(obtained, wanted, rtol=1e-9, atol=1e-6 * extent)
        assert close, f"microvolts of signal {i} differ"
    for start, stop in ((-1, 1), (0, n_times + 1), (n_times, n_times + 1), (1, 0)):
        with suppress(SourceError):
            edf.read_digital([i], start, stop)
            msg = f"read samples [{start}, {stop}) of {n_times}"
            raise AssertionError(msg)


def _check_montage(edf: EdfFile, source: _Watched, witness: _Witness) -> None:
    """Read windows of all rows of a montage."""
    labels = [signal.label for signal in edf.header.signals]
    try:
        rows = resolve_montage(labels, "10-20", where=edf.name)
    except ChannelNotFoundError:
        rows = resolve_montage(labels, "double-banana", where=edf.name)
    signal = MontageSignal(edf, rows)
    step = witness.n_samples[rows[0].plus[0]]
    assert signal.sfreq == float(Fraction(step) / witness.duration), "rate differs"
    for start, stop in _windows(signal.n_times, step):
        source.reads.clear()
        data = signal.read(start, stop)
        witness.check_reads(source, start // step, -(-stop // step))
        for row, values in zip(rows, data, strict=True):
            for value, place in zip(values, range(start, stop), strict=True):
                wanted = witness.microvolts(row.plus[0], place)
                if row.minus:
                    wanted -= witness.microvolts(row.minus[0], place)
                right = math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-3)
                # No head gives values beyond 1e9 uV.
                assert right or abs(wanted) > 1e9, f"{row.ch_name} differs at {place}"


@_oracle("edf", "night.edf")
def _read_edf(path: Path) -> None:
    source = _Watched(path)
    with EdfFile(source) as edf, closing(_Witness(path)) as witness:
        header = edf.header
        for obtained, expected, what in (
            (header.header_bytes, witness.header_bytes, "header bytes"),
            (header.record_bytes, witness.record_bytes, "record bytes"),
            (header.n_records, witness.n_records, "records"),
            (header.record_duration, witness.duration, "duration"),
            (header.discontinuous, witness.is_gapped, "EDF+D"),
            ([s.label for s in header.signals], witness.columns["label"], "label"),
        ):
            assert obtained == expected, f"{what}: {obtained} for {expected}"
        witness.check_reads(source, 0, 0)
        header_texts(edf.raw_header)
        if header.record_bytes > _MOST_RECORD_BYTES:
            return
        for i in range(min(header.n_records and witness.n_signals, 4)):
            _check_signal(edf, source, witness, i)
        if witness.n_signals >= 18:
            _check_montage(edf, source, witness)


@_oracle("window", "night.edf")
def _read_first_signal(path: Path) -> None:
    with EdfFile(LocalFile(path)) as edf:
        first = edf.header.signals[0].samples_per_record
        edf.read_uv([0], 0, first * edf.header.n_records)


# Annotations inside EDF+


def _simple_tals(witness: _Witness, data: bytes) -> list[tuple[int, Decimal, str]]:
    """Return (record, time as written, text) of each annotation, in order."""
    found = []
    for record in range(witness.n_records):
        for i, label in enumerate(witness.columns["label"]):
            if label in ("EDF Annotations", "BDF Annotations"):
                at = witness.place(record, i)
                raw = data[at : at + witness.width * witness.n_samples[i]]
                for tal in filter(None, raw.split(b"\0")):
                    stamp, *texts = tal.split(b"\x14")
                    onset = Decimal(stamp.split(b"\x15")[0].decode())
                    found += [(record, onset, _decoded(text)) for text in texts]
    return found


def _meaning_of_text(text: str) -> str | None:
    return "seiz" if text.lower().startswith("s") else None


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip()


@_oracle("tal", "night.edf")
def _read_tals(path: Path) -> None:
    with EdfFile(LocalFile(path)) as edf:
        # Reading these ends, but takes seconds.
        if 10**5 < edf.header.n_records < 10**7:
            return
        annotation_texts(edf)
    annotations = read_edf_annotations(path)
    with closing(_Witness(path)) as witness:
        if path.stat().st_size < 2**20:
            told = _simple_tals(witness, path.read_bytes())
            origin = told[0][1] if told else Decimal(0)
            expected = [(time - origin, text) for _, time, text in told if text]
            obtained = [(span.start, span.label) for span in annotations.spans]
            same = len(obtained) == len(expected) and all(
                _is_one_of(time, [stated]) and text == label
                for (time, label), (stated, text) in zip(
                    obtained, expected, strict=True
                )
            )
            assert same, "other texts or times"
        length = witness.n_records * witness.duration
        if witness.is_gapped and path.stat().st_size < 2**20:
            # Behind gaps, the first stamp of a record says when it begins.
            firsts = {record: time for record, time, _ in reversed(told)}
            ends = [Fraction(t - origin) + witness.duration for t in firsts.values()]
            length = max(length, *ends) if ends else length
    assert math.isclose(annotations.duration or 0, length, rel_tol=1e-12), "duration"
    backwards = [
        s for s in annotations.spans if s.stop is not None and s.stop < s.start
    ]
    assert not backwards, f"{backwards} end before they start"
    if annotations.spans:
        _check_seizures(annotations, _meaning_of_text, path)


# Annotation files


def _check_seizures(
    annotations: Annotations, meaning: Callable[[str], Any], path: Path
) -> None:
    """Check that seizures are in order and lie in the recording."""
    before = 0.0
    for event in seizures_of(annotations, meaning, path=path):
        assert event.onset >= before, f"{event} is out of order"
        before = event.onset
        _check_event(event.onset, event.duration, annotations.duration)


def _check_event(onset: float, length: float, duration: Decimal | float | None) -> None:
    assert 0 <= onset < math.inf, f"a seizure at {onset} s"
    assert 0 < length < math.inf, f"a seizure of {length} s"
    inside = duration is None or onset + length <= float(duration) + 0.02
    assert inside, f"a seizure of {onset} + {length} s in {duration} s"


def _check_duration(duration: Decimal | float | None) -> None:
    sound = duration is None or (math.isfinite(duration) and duration > 0)
    assert sound, f"a recording lasts {duration} s"


def _check_pairs(
    pairs: Iterable[tuple[Any, Any]], duration: float | Decimal | None
) -> None:
    before = 0
    for start, stop in pairs:
        sound = before <= start < stop and (duration is None or stop <= duration)
        assert sound, f"seizure at {start}-{stop} s"
        before = stop


def _check_inside(name: str) -> None:
    parts = name.split("/")
    inside = not {"", ".", ".."} & set(parts) and "\\" not in name
    assert inside, f"a path that leaves the folder: {name!r}"


def _rows(name: str, lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that hold a stretch."""
    there = [n for n, line in enumerate(lines, 1) if line.strip()]
    if name != "tsv":
        there = [n for n in there if not lines[n - 1].startswith("#")]
    if name == "lbl":
        return [n for n in there if lines[n - 1].startswith("label")]
    return there[1:]


def _is_one_of(time: Decimal | None, written: Iterable[Decimal | None]) -> bool:
    """Say whether a time is one of those that are written, to the nanosecond."""
    return any(
        time == one
        or (time is not None and one is not None and abs(time - one) <= _NANOSECOND)
        for one in written
    )


def _numbers(line: str) -> Iterator[Decimal]:
    decimal_commas = (word.replace(",", ".") for word in re.split(r"[\s;]+", line))
    for word in (*re.split(r"[\t\s,{}\[\]]+", line), *decimal_commas):
        with suppress(ArithmeticError):
            yield Decimal(word)


def _read_table(
    name: str, parse: Callable[[Path], Annotations], meaning: Any, path: Path
) -> None:
    annotations = parse(path)
    lines = path.read_bytes().decode("utf-8-sig").split("\n")
    rows = [span.line for span in annotations.spans]
    assert rows == _rows(name, lines), "rows got lost"
    for span in annotations.spans:
        if len(lines[span.line - 1]) > _LONG_LINE:
            continue
        numbers = [*_numbers(lines[span.line - 1])]
        length = None if span.stop is None else span.stop - span.start
        ends = _is_one_of(span.stop, [*numbers, None]) or _is_one_of(length, numbers)
        right = _is_one_of(span.start, numbers) and ends
        assert right, f"line {span.line} does not say {span}"
        finite = span.start.is_finite() and (span.stop is None or span.stop.is_finite())
        assert finite, f"line {span.line} is read as {span}"
    _check_duration(annotations.duration)
    _check_seizures(annotations, meaning, path)


_STEM = "aaaaaajy_s001_t000"
for _name, _file_name, _parse, _meaning in (
    ("csv", f"{_STEM}.csv", parse_csv, tusz_label),
    ("tse", f"{_STEM}.tse", parse_tse, tusz_label),
    ("lbl", f"{_STEM}.lbl", parse_lbl, tusz_label),
    ("tsv", "sub-01_events.tsv", parse_events_tsv, szcore_label),
):
    _oracle(_name, _file_name)(functools.partial(_read_table, _name, _parse, _meaning))


@_oracle("summary", "chb01-summary.txt")
def _read_summary(path: Path) -> None:
    entries = parse_summary(path)
    told = []
    for line in path.read_bytes().decode("latin-1").split("\n"):
        head, _, rest = line.strip().lower().rpartition(":")
        if head.startswith("seizure") and "time" in head:
            told.append(Decimal(rest.strip().rstrip("second ")))
    times = [t for entry in entries for pair in entry.seizures for t in pair]
    assert times == told, f"{times} for {told}"[:500]
    for entry in entries:
        _check_duration(entry.duration)
        _check_pairs(entry.seizures, entry.duration)


@_oracle("sidecar", "chb01_03.edf.seizures")
def _read_sidecar(path: Path) -> None:
    seizures = parse_sidecar(path)
    data = path.read_bytes()
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
    times = [time for pair in seizures for time in pair]
    rates = {float(m / t) for m, t in zip(marks, times, strict=True) if t}
    assert len(rates) <= 2, f"several rates: {rates}"


@_oracle("siena", "Seizures-list-PN00.txt")
def _read_siena(path: Path) -> None:
    found = parse_seizure_list(path)
    most = path.read_bytes().decode("latin-1").lower().count("seizure")
    assert 0 < found.n_seizures <= most, "seizures from nowhere"
    for name, entry in found.entries.items():
        if not isinstance(entry, ListEntry):
            raise entry
        assert name.startswith("PN00"), f"{name!r} of PN00"
        assert 0 <= entry.start < 86400, f"start at {entry.start} s of the day"
        _check_duration(entry.duration)
        _check_pairs(entry.seizures, entry.duration)


@_oracle("subjects", "subject_info.csv")
def _read_subjects(path: Path) -> None:
    for info in parse_subject_info(path).values():
        if not isinstance(info, SubjectInfo):
            raise info
        assert 0 <= info.n_seizures < 10**4, f"{info.n_seizures} seizures"


@_oracle("licence", "dataset_description.json")
def _read_licence(path: Path) -> None:
    licence = BidsCorpus(path.parent).licence
    # Only what the file says plainly lets others have the data.
    stated = json.loads(path.read_bytes())
    stated = stated.get("License") if isinstance(stated, dict) else None
    free = isinstance(stated, str) and re.search(
        r"CC|CREATIVE|PUBLIC|PDDL|ODC|OPEN|ODBL", stated.upper()
    )
    assert free or not licence.redistributable, f"{licence.name} out of {stated!r}"


@_oracle("participants", "participants.tsv")
def _read_participants(path: Path) -> None:
    for split in BidsCorpus(path.parent)._split_of.values():
        if not isinstance(split, str):
            raise split
        assert split in ("train", "dev", "eval"), f"split {split!r}"


# Lists of digests, and specs


@_oracle("digests", "SHA256SUMS.txt")
def _read_digests(path: Path) -> None:
    with path.open("rb") as file:
        raw = file.read(2**24)
    lines = raw.decode("utf-8", "replace").split("\n")
    for name, digest in _parse_list(raw, where="https://example.org/list").items():
        _check_inside(name)
        there = any(line.startswith(digest) and name in line for line in lines[:100])
        assert there or len(lines) > 100, f"{name!r} from nowhere"


@_oracle("spec", "spec.toml")
def _read_spec(path: Path) -> None:
    spec = load_spec(path)
    for value in (spec_to_json(spec), tomllib.loads(spec_to_toml(spec))):
        again = parse_spec(value, where="the spec")
        assert again == spec, "written, it reads otherwise"
    if isinstance(spec, RecordedRequest) and isinstance(spec.selection, Listing):
        for name, _ in spec.selection.sha256:
            _check_inside(name)
        for recording in spec.selection.recordings:
            _check_inside(recording.name)
            most = math.inf if recording.size is None else recording.size
            for part in recording.read:
                where = f"bytes {part.start}-{part.stop} of {most}"
                assert 0 <= part.start < part.stop <= most, where


# Whole corpora


@_oracle("folder", "corpus.zip", times=3)
def _read_folder(path: Path) -> None:
    """Scan a corpus, and choose windows of it; nothing may end in a traceback."""
    files = seeds.unpack(path.read_bytes())
    source = files.pop("SOURCE").decode()
    folder = path.parent / "corpus"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    root = ["--source", source, "--root", str(folder)]
    root += ["--label-pattern", "seizure|sz.*"] if source == "edf" else []
    montage = "double-banana" if source == "chbmit" else "10-20"
    short = ["--window-length", "2", "--per-kind", "1", "--montage", montage]
    told = _invoke(["scan", *root, "--json"])
    if told.exit_code == 0:
        for recording in json.loads(told.stdout)["recordings"]:
            _check_duration(recording["duration"])
            for event in recording["events"]:
                _check_event(event["onset"], event["duration"], recording["duration"])
    _invoke(["scan", *root])
    chosen = _invoke(["build", *root, *short, "--dry-run"])
    left = {file.relative_to(folder).as_posix() for file in folder.rglob("*.*")}
    assert left <= files.keys(), f"wrote {left - files.keys()}"
    if chosen.exit_code:
        raise SourceError(chosen.stderr.strip().replace(str(folder), ""))


def _invoke(arguments: list[str]) -> Any:
    done = CliRunner().invoke(main, arguments)
    ended = done.exception is None or isinstance(done.exception, SystemExit)
    assert ended, f"{arguments[0]} ends with {done.exception!r}"
    assert "Traceback" not in done.output, "a traceback is shown"
    assert done.exit_code != 2, f"taken for wrong usage: {done.output[-300:]}"
    return done
