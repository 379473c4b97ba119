"""Miniature corpora: the grammar of each layout, and that nothing in them is wrong.

What is read here is read by small parsers that follow the formats, not by the code that
wrote it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import struct
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import mne
import numpy as np
import pyedflib
import pytest
from support.searched import search

from bgb_fixtures.build import build_fixture
from bgb_fixtures.cli import main
from bgb_fixtures.corpora.chbmit.corpus import ChbmitCorpus
from bgb_fixtures.corpora.twin import LAYOUTS, CorpusReport, write_corpus
from bgb_fixtures.corpora.twin.plan import PlannedRecording, plan_recordings
from bgb_fixtures.edf.writer import EdfChannel, write_edf, write_edf_pieces
from bgb_fixtures.eeg.events import Event
from bgb_fixtures.errors import MissingPackageError, SourceError, SpecError, TargetError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.request.spec import parse_spec
from bgb_fixtures.request.synthetic import RecordingSpec
from bgb_fixtures.synthetic.recipes import make_subject
from bgb_fixtures.synthetic.recording import generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    Plan = tuple[PlannedRecording, ...]

ALL = ("tusz", "chbmit", "bids")
N, DURATION, SEED = 6, 20, 1
# The order of the generator, written out: montage 10-20, then the ears.
ELECTRODES = [
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz", "Fp2", "F4",
    "C4", "P4", "F8", "T4", "T6", "O2", "A1", "A2",
]  # fmt: skip
CHBMIT_LABELS = [
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4",
    "F4-C4", "C4-P4", "P4-O2", "FP2-F8", "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ",
    "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8",
]  # fmt: skip
SZCORE_LABELS = [
    "Fp1-Avg", "F3-Avg", "C3-Avg", "P3-Avg", "O1-Avg", "F7-Avg", "T3-Avg", "T5-Avg",
    "Fz-Avg", "Cz-Avg", "Pz-Avg", "Fp2-Avg", "F4-Avg", "C4-Avg", "P4-Avg", "O2-Avg",
    "F8-Avg", "T4-Avg", "T6-Avg",
]  # fmt: skip
LEFT = [
    "FP1-F7", "F7-T3", "T3-T5", "T5-O1", "A1-T3", "T3-C3", "C3-CZ", "FP1-F3", "F3-C3",
    "C3-P3", "P3-O1",
]  # fmt: skip
RIGHT = [
    "FP2-F8", "F8-T4", "T4-T6", "T6-O2", "CZ-C4", "C4-T4", "T4-A2", "FP2-F4", "F4-C4",
    "C4-P4", "P4-O2",
]  # fmt: skip


class Answer(NamedTuple):
    """What the command said."""

    code: int | str | None
    out: str
    err: str


class Corpus(NamedTuple):
    """A written corpus, and what was asked of the generator for it."""

    root: Path
    report: CorpusReport
    plan: Plan

    def edf(self, planned: PlannedRecording, layout: str) -> Path:
        return self.root / LAYOUTS[layout].edf_name(planned)


def _write(layout: str, root: Path) -> Corpus:
    report = write_corpus(layout, root, n_recordings=N, duration=DURATION, seed=SEED)
    form = LAYOUTS[layout]
    plan = plan_recordings(
        n_recordings=N,
        duration=DURATION,
        seed=SEED,
        splits=form.splits,
        steps_per_s=form.steps_per_s,
    )
    return Corpus(root, report, plan)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    folder = tmp_path_factory.mktemp("corpora")
    return {layout: _write(layout, folder / layout) for layout in ALL}


@pytest.fixture(params=ALL)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def plan_one() -> Callable[..., PlannedRecording]:
    """Plan one recording by hand: 30 s of patient 0, whose focus is on the left."""

    def make(
        *events: Event,
        patient: int = 0,
        take: int = 0,
        duration: float = 30,
        start: datetime = datetime(2015, 1, 1, 9, 0, 0),  # noqa: DTZ001
        side: str = "L",
    ) -> PlannedRecording:
        number = next(
            n for n in range(1, 99) if make_subject(seed=0, number=n).focus_side == side
        )
        spec = RecordingSpec(
            subject=number,
            split="train",
            duration=duration,
            events=events,
            windows=(),
        )
        return PlannedRecording(
            patient=patient,
            take=take,
            subject=make_subject(seed=0, number=number),
            seed=0,
            spec=spec,
            start=start,
        )

    return make


def _write_one(layout: str, root: Path, *plan: PlannedRecording) -> None:
    """Write recordings without a signal, and their annotation files."""
    form = LAYOUTS[layout]
    for planned in plan:
        form.write_recording(root, planned, [np.zeros((21, 2560), np.int16)])
    if form.write_lists is not None:
        form.write_lists(root, plan)


def _header(path: Path) -> dict[str, list[str]]:
    """Read an EDF header by the table of the format."""
    raw = path.read_bytes()
    n = int(raw[252:256])
    fields = {"fixed": [raw[:256].decode("ascii")]}
    position = 256
    for name, width in (
        ("label", 16),
        ("transducer", 80),
        ("unit", 8),
        ("pmin", 8),
        ("pmax", 8),
        ("dmin", 8),
        ("dmax", 8),
        ("prefilter", 80),
        ("samples", 8),
        ("reserved", 32),
    ):
        fields[name] = [
            raw[position + i * width : position + (i + 1) * width].decode("ascii")
            for i in range(n)
        ]
        fields[name] = [value.rstrip(" ") for value in fields[name]]
        position += n * width
    return fields


def _signals(path: Path) -> list[tuple[str, npt.NDArray[np.int32]]]:
    """Read label and digital values of each signal with pyedflib."""
    with pyedflib.EdfReader(str(path)) as reader:
        return [
            (label, reader.readSignal(i, digital=True))
            for i, label in enumerate(reader.getSignalLabels())
        ]


def _electrodes(planned: PlannedRecording) -> dict[str, npt.NDArray[np.int64]]:
    """Generate the recording once more: electrode -> steps of 0.125 uV."""
    signal = generate(planned.spec, seed=SEED, run=planned.take + 1)
    return dict(zip(ELECTRODES, signal.digital.astype(np.int64), strict=True))


def _digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _read_tusz(
    path: Path,
) -> tuple[dict[str, str], list[tuple[str, float, float, str]]]:
    """Read a .csv or .csv_bi: what the head says, and the rows."""
    head = {}
    rows = []
    lines = path.read_text(encoding="ascii").split("\n")
    columns = lines.index("channel,start_time,stop_time,label,confidence")
    for line in lines[: columns - 1]:
        match = re.fullmatch(r"# (\w+) = (\S.*)", line)
        assert match, line
        head[match[1]] = match[2]
    assert lines[columns - 1] == "#"
    assert lines[-1] == ""
    for line in lines[columns + 1 : -1]:
        match = re.fullmatch(
            r"([A-Z0-9]+(?:-[A-Z0-9]+)?),(\d+\.\d{4}),(\d+\.\d{4}),([a-z]{4}),1\.0000",
            line,
        )
        assert match, line
        rows.append((match[1], float(match[2]), float(match[3]), match[4]))
    return head, rows


def _mask(spans: list[tuple[float, float]]) -> list[int]:
    """Label samples as the first consumer does: truncation, half-open."""
    mask = np.zeros(DURATION * 256, np.uint8)
    for start, stop in spans:
        mask[int(start * 256) : int(stop * 256)] = 1
    return [int(i) for i in np.flatnonzero(np.diff(mask, prepend=0, append=0))]


def _truth(planned: PlannedRecording) -> list[int]:
    """Return the samples at which seizures begin and end."""
    return [sample for event in planned.spec.events for sample in event.span(256)]


def _read_sidecar(raw: bytes) -> list[tuple[int, int]]:
    """Read (code, sample) of a WFDB annotation file."""
    found, position, time = [], 0, 0
    while (word := struct.unpack_from("<H", raw, position)[0]) != 0:
        position += 2
        code, interval = word >> 10, word & 0x3FF
        if code == 59:
            high, low = struct.unpack_from("<hH", raw, position)
            time += high * 65536 + low
            position += 4
        elif code == 63:
            position += interval + interval % 2
        else:
            time += interval
            found.append((code, time))
    assert position + 2 == len(raw)
    return found


def _edf_files(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob("**/*.edf"))


# What holds for every layout


def test_same_request_gives_the_same_bytes_in_another_folder(
    layout: str, corpora: dict[str, Corpus], tmp_path: Path
) -> None:
    again = _write(layout, tmp_path / "elsewhere under another name")

    assert _digests(again.root) == _digests(corpora[layout].root)


def test_another_seed_gives_other_signals(layout: str, tmp_path: Path) -> None:
    for seed in (3, 4):
        write_corpus(
            layout, tmp_path / f"{seed}", n_recordings=1, duration=10, seed=seed
        )

    first, second = (
        _signals(next(_edf_files(tmp_path / f"{s}")))[0][1] for s in (3, 4)
    )
    assert not np.array_equal(first, second)


def test_first_recording_by_name_holds_a_seizure(
    layout: str, corpora: dict[str, Corpus]
) -> None:
    corpus = corpora[layout]
    by_name = {
        corpus.edf(planned, layout): planned.spec.events for planned in corpus.plan
    }

    assert by_name[next(_edf_files(corpus.root))]


def test_a_corpus_of_one_recording_holds_a_seizure(layout: str, tmp_path: Path) -> None:
    report = write_corpus(layout, tmp_path / "one", n_recordings=1, duration=10)

    assert [len(recording.events) for recording in report.recordings] == [1]
    assert len(list(_edf_files(report.path))) == 1


def test_report_names_every_edf_file(layout: str, corpora: dict[str, Corpus]) -> None:
    corpus = corpora[layout]
    on_disk = [p.relative_to(corpus.root).as_posix() for p in _edf_files(corpus.root)]

    assert [r.name for r in corpus.report.recordings] == on_disk


def test_header_is_plain_edf_without_name_or_today(
    layout: str, corpora: dict[str, Corpus]
) -> None:
    path = next(_edf_files(corpora[layout].root))
    fixed = _header(path)["fixed"][0]

    assert fixed[:8] == "0       "
    assert fixed[8:88].rstrip() == "X X X X"
    assert fixed[88:168].rstrip() == "Startdate 01-JAN-2015 X X X"
    assert fixed[168:184] == "01.01.1500.00.00"
    assert fixed[192:236].strip() == ""  # EDF+ would say EDF+C here
    assert fixed[236:252] == "20      1       "


def test_every_signal_has_steps_of_an_eighth_over_16_bits(
    layout: str, corpora: dict[str, Corpus]
) -> None:
    header = _header(next(_edf_files(corpora[layout].root)))

    assert set(header["pmin"]) == {"-4096"}
    assert set(header["pmax"]) == {"4095.875"}
    assert set(header["dmin"]) == {"-32768"}
    assert set(header["dmax"]) == {"32767"}


def test_no_file_tells_where_when_or_by_what_it_was_made(
    layout: str, corpora: dict[str, Corpus]
) -> None:
    now = datetime.now(tz=UTC)
    clues = (
        str(corpora[layout].root.parent).encode(),
        now.strftime("%Y-%m-%d").encode(),
        now.strftime("%d.%m.%y").encode(),
        now.strftime("%d-%b-%Y").upper().encode(),
        b"edfio",
        version("edfio").encode(),
        np.__version__.encode(),
    )
    text = b"".join(
        path.read_bytes()[:8192]
        for path in sorted(corpora[layout].root.rglob("*"))
        if path.is_file()
    )

    assert [clue for clue in clues if clue in text] == []


def test_readme_says_synthetic_licence_and_command(
    layout: str, corpora: dict[str, Corpus]
) -> None:
    text = (corpora[layout].root / "README.md").read_text(encoding="ascii")

    assert "Everything here is synthetic" in text
    assert "Licence: CC0-1.0" in text
    assert (
        f"bgb-fixtures corpus --layout {layout} --out DIR --recordings 6 --duration 20 "
        "--seed 1\n"
    ) in text


def test_readme_lists_type_and_time_of_every_seizure(
    layout: str, corpora: dict[str, Corpus]
) -> None:
    corpus = corpora[layout]
    text = (corpus.root / "README.md").read_text(encoding="ascii")
    rows = re.findall(r"^\| (\S+\.edf) \| (.*) \|$", text, re.MULTILINE)

    assert rows == [
        (
            recording.name,
            "; ".join(
                f"{e.label} {e.onset:g}-{e.onset + e.duration:g}"
                for e in recording.events
            )
            or "none",
        )
        for recording in corpus.report.recordings
    ]


def test_progress_counts_recordings(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_corpus(
        "bids",
        tmp_path / "out",
        n_recordings=2,
        duration=10,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(0, 2), (1, 2), (2, 2)]


# Samples


def test_tusz_samples_are_those_generated(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["tusz"]
    for planned in corpus.plan:
        expected = {n.upper(): row for n, row in _electrodes(planned).items()}
        signals = dict(_signals(corpus.edf(planned, "tusz")))
        obtained = {
            match[1]: signal
            for label, signal in signals.items()
            if (match := re.fullmatch(r"EEG (?!EKG)(\w+)-(?:REF|LE)", label))
        }
        assert set(expected) == set(obtained)
        for name, row in expected.items():
            np.testing.assert_array_equal(obtained[name], row, err_msg=name)


def test_chbmit_samples_are_exact_differences(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["chbmit"]
    new = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    for planned in corpus.plan:
        rows = {new.get(n, n).upper(): row for n, row in _electrodes(planned).items()}
        signals = _signals(corpus.edf(planned, "chbmit"))
        exact = [(label, row) for label, row in signals if "FT" not in label]
        assert len(exact) == 20
        for label, row in exact:
            anode, cathode = label.split("-")
            np.testing.assert_array_equal(row, rows[anode] - rows[cathode], label)


def test_chbmit_ft9_and_ft10_are_estimated_from_their_neighbours(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["chbmit"]
    rows = _electrodes(corpus.plan[0])
    signals = dict(_signals(corpus.edf(corpus.plan[0], "chbmit")))
    ft9 = (3 * rows["F7"] - rows["T3"] + 6 * rows["A1"]) / 8
    ft10 = (3 * rows["F8"] - rows["T4"] + 6 * rows["A2"]) / 8

    assert np.abs(signals["T7-FT9"] - (rows["T3"] - ft9)).max() <= 0.5
    assert np.abs(signals["FT10-T8"] - (ft10 - rows["T4"])).max() <= 0.5
    assert np.abs(signals["FT9-FT10"] - (ft9 - ft10)).max() <= 1


def test_bids_samples_are_against_the_average_of_the_19(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["bids"]
    for planned in corpus.plan:
        rows = _electrodes(planned)
        mean = np.mean([rows[name] for name in ELECTRODES[:19]], axis=0)
        for label, row in _signals(corpus.edf(planned, "bids")):
            error = row - (rows[label.removesuffix("-Avg")] - mean)
            assert np.abs(error).max() < 0.5, label


def test_mne_reads_back_every_step(layout: str, corpora: dict[str, Corpus]) -> None:
    path = next(_edf_files(corpora[layout].root))
    eeg = [
        (label, row)
        for label, row in _signals(path)
        if label not in ("IBI", "BURSTS", "SUPPR")
    ]
    # mne numbers repeated labels, and warns of it.
    raw = mne.io.read_raw_edf(path, verbose="ERROR")
    obtained = raw.get_data(picks=range(len(eeg))) * 1e6 / 0.125

    assert raw.info["sfreq"] == 256
    np.testing.assert_allclose(obtained, [row for _, row in eeg], rtol=0, atol=1e-6)


# TUSZ


def test_tusz_tree_has_the_names_of_the_corpus(corpora: dict[str, Corpus]) -> None:
    digests = _digests(corpora["tusz"].root)
    names = [n for n in digests if n not in ("README.md", "synthetic.json")]
    pattern = (
        r"edf/(train|dev|eval)/(synth[a-z]{3})/s001_2015/(01_tcp_ar|02_tcp_le)/"
        r"\2_s001_t00[0-2]\.(edf|csv|csv_bi)"
    )

    assert [n for n in names if not re.fullmatch(pattern, n)] == []
    assert len(names) == 3 * N


def test_tusz_patients_are_in_one_split_only() -> None:
    plan = plan_recordings(
        n_recordings=30,
        duration=10,
        seed=0,
        splits=("train", "dev", "eval"),
        steps_per_s=16,
    )
    names = [LAYOUTS["tusz"].edf_name(planned) for planned in plan]
    places = {tuple(name.split("/")[1:3]) for name in names}
    patients = [patient for _, patient in places]

    assert len(patients) == len(set(patients)) > 6
    assert {split for split, _ in places} == {"train", "dev", "eval"}
    assert len({planned.spec.subject for planned in plan}) == len(patients)


def test_tusz_signals_against_the_average(corpora: dict[str, Corpus]) -> None:
    path = next(corpora["tusz"].root.glob("edf/train/**/01_tcp_ar/*.edf"))
    header = _header(path)

    assert header["label"] == [
        *("EEG FP1-REF", "EEG FP2-REF", "EEG F3-REF", "EEG F4-REF", "EEG C3-REF"),
        *("EEG C4-REF", "EEG P3-REF", "EEG P4-REF", "EEG O1-REF", "EEG O2-REF"),
        *("EEG F7-REF", "EEG F8-REF", "EEG T3-REF", "EEG T4-REF", "EEG T5-REF"),
        *("EEG T6-REF", "EEG A1-REF", "EEG A2-REF", "EEG FZ-REF", "EEG CZ-REF"),
        *("EEG PZ-REF", "EEG EKG1-REF", "IBI", "BURSTS", "SUPPR"),
    ]
    assert header["samples"] == ["256"] * 22 + ["1"] * 3
    assert header["unit"] == ["uV"] * 22 + ["sec", "brst/min", "%"]


def test_tusz_signals_against_the_ears(corpora: dict[str, Corpus]) -> None:
    path = next(corpora["tusz"].root.glob("edf/**/02_tcp_le/*.edf"))
    header = _header(path)

    assert header["label"][:8] == [
        *("EEG FP1-LE", "EEG FP2-LE", "EEG F3-LE", "EEG F4-LE", "EEG C3-LE"),
        *("EEG C4-LE", "EEG A1-LE", "EEG A2-LE"),
    ]
    assert header["label"][-1] == "EEG EKG-LE"
    assert header["samples"] == ["256"] * 22


def test_tusz_folder_agrees_with_the_reference_of_the_subject(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["tusz"]
    for planned in corpus.plan:
        reference = generate(planned.spec, seed=SEED).reference
        folder = corpus.edf(planned, "tusz").parent.name
        assert (reference, folder) in {("AR", "01_tcp_ar"), ("LE", "02_tcp_le")}


def test_tusz_head_of_annotations(corpora: dict[str, Corpus]) -> None:
    root = corpora["tusz"].root
    for path in [*root.glob("**/*.csv"), *root.glob("**/*.csv_bi")]:
        assert _read_tusz(path)[0] == {
            "version": "csv_v1.0.0",
            "bname": path.stem,
            "duration": "20.00 secs",
            "montage_file": "$NEDC_NFC/lib/nedc_eas_default_montage.txt",
        }


def test_tusz_binary_rows_are_seizures_or_one_background(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["tusz"]
    for planned in corpus.plan:
        _, rows = _read_tusz(corpus.edf(planned, "tusz").with_suffix(".csv_bi"))
        expected = [
            ("TERM", e.onset, e.onset + e.duration, "seiz") for e in planned.spec.events
        ]
        assert rows == (expected or [("TERM", 0.0, 20.0, "bckg")])


def test_tusz_typed_and_binary_files_label_the_same_samples(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["tusz"]
    for planned in corpus.plan:
        path = corpus.edf(planned, "tusz")
        _, typed = _read_tusz(path.with_suffix(".csv"))
        _, binary = _read_tusz(path.with_suffix(".csv_bi"))
        from_typed = _mask([(a, b) for _, a, b, label in typed if label != "bckg"])
        from_binary = _mask([(a, b) for _, a, b, label in binary if label == "seiz"])
        assert from_typed == from_binary == _truth(planned)


def test_tusz_typed_rows_cover_each_pair_of_the_montage_without_gap(
    corpora: dict[str, Corpus],
) -> None:
    for path in corpora["tusz"].root.glob("**/*.csv"):
        _, rows = _read_tusz(path)
        pairs = list(dict.fromkeys(row[0] for row in rows))
        assert sorted(pairs) == sorted(LEFT + RIGHT)
        for pair in pairs:
            borders = [(a, b) for name, a, b, _ in rows if name == pair]
            assert borders[0][0] == 0
            assert borders[-1][1] == 20
            assert [b for _, b in borders[:-1]] == [a for a, _ in borders[1:]]


@pytest.mark.parametrize(
    ("label", "side", "other_side"),
    [
        pytest.param("gnsz", "L", (4.0, 14.0), id="generalised-everywhere-at-once"),
        pytest.param("fnsz", "L", (8.0, 14.0), id="focal-left-spreads"),
        pytest.param("cpsz", "R", (8.0, 14.0), id="focal-right-spreads"),
        pytest.param("spsz", "L", None, id="simple-partial-stays"),
    ],
)
def test_tusz_pairs_take_part_as_the_seizure_spreads(
    label: str,
    side: str,
    other_side: tuple[float, float] | None,
    plan_one: Callable[..., PlannedRecording],
    tmp_path: Path,
) -> None:
    planned = plan_one(Event(onset=4, duration=10, label=label), side=side)
    _write_one("tusz", tmp_path, planned)
    _, rows = _read_tusz(next(tmp_path.glob("**/*.csv")))
    ictal = {pair: (a, b) for pair, a, b, code in rows if code == label}
    first, second = (LEFT, RIGHT) if side == "L" else (RIGHT, LEFT)

    assert {ictal.get(pair) for pair in first} == {(4.0, 14.0)}
    assert {ictal.get(pair) for pair in second} == {other_side}


def test_tusz_without_fz_and_pz_is_one_file(tmp_path: Path) -> None:
    report = write_corpus(
        "tusz", tmp_path / "out", n_recordings=3, duration=10, without_fz_pz=True
    )
    labels = {
        r.name: " ".join(_header(report.path / r.name)["label"])
        for r in report.recordings
    }
    lacking = [r.name for r in report.recordings if r.without == ("Fz", "Pz")]

    assert len(lacking) == 1
    assert lacking == [n for n, text in labels.items() if "EEG FZ" not in text]
    assert lacking == [n for n, text in labels.items() if "EEG PZ" not in text]
    assert all("EEG CZ" in text for text in labels.values())


def test_tusz_ecg_beats_at_the_rate_of_the_subject(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["tusz"]
    signals = dict(_signals(corpus.edf(corpus.plan[0], "tusz")))
    r_waves = np.flatnonzero(np.diff(signals["EEG EKG1-REF"] > 5000, prepend=0) == 1)
    expected = DURATION * corpus.plan[0].subject.heart_hz

    assert abs(len(r_waves) - expected) <= 2


# CHB-MIT


def test_chbmit_tree_has_the_names_of_the_database(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["chbmit"]

    assert sorted(_digests(corpus.root)) == [
        "README.md",
        "RECORDS",
        "RECORDS-WITH-SEIZURES",
        "SHA256SUMS.txt",
        "SUBJECT-INFO",
        "chb81/chb81-summary.txt",
        "chb81/chb81_01.edf",
        "chb81/chb81_01.edf.seizures",
        "chb81/chb81_02.edf",
        "chb81/chb81_03.edf",
        "chb82/chb82-summary.txt",
        "chb82/chb82_01.edf",
        "chb82/chb82_02.edf",
        "chb82/chb82_02.edf.seizures",
        "chb82/chb82_03.edf",
        "synthetic.json",
    ]


def test_chbmit_lists(corpora: dict[str, Corpus]) -> None:
    root = corpora["chbmit"].root

    assert (root / "RECORDS").read_bytes() == (
        b"chb81/chb81_01.edf\nchb81/chb81_02.edf\nchb81/chb81_03.edf\n"
        b"chb82/chb82_01.edf\nchb82/chb82_02.edf\nchb82/chb82_03.edf\n"
    )
    assert (root / "RECORDS-WITH-SEIZURES").read_bytes() == (
        b"chb81/chb81_01.edf\nchb82/chb82_02.edf\n"
    )
    assert (root / "SUBJECT-INFO").read_bytes() == (
        b"Case\tGender\tAge (years)\n\nchb81\tF\t 8\nchb82\tM\t 9\n"
    )


def test_chbmit_list_of_digests_has_every_file_of_the_database(
    corpora: dict[str, Corpus],
) -> None:
    root = corpora["chbmit"].root
    digests = _digests(root)
    for name in ("README.md", "SHA256SUMS.txt", "synthetic.json"):
        del digests[name]

    lines = (root / "SHA256SUMS.txt").read_text(encoding="ascii").splitlines()

    assert lines == [f"{digest} {name}" for name, digest in sorted(digests.items())]


def test_chbmit_signals_are_the_standard_set(corpora: dict[str, Corpus]) -> None:
    header = _header(next(_edf_files(corpora["chbmit"].root)))

    assert header["label"] == CHBMIT_LABELS
    assert header["samples"] == ["256"] * 23
    assert header["unit"] == ["uV"] * 23


def test_chbmit_repeated_and_reversed_derivations_agree(
    corpora: dict[str, Corpus],
) -> None:
    rows = [row for _, row in _signals(next(_edf_files(corpora["chbmit"].root)))]

    np.testing.assert_array_equal(rows[14], rows[22])  # T8-P8, twice
    np.testing.assert_array_equal(rows[2], -rows[18])  # T7-P7 and P7-T7


def test_chbmit_closed_loops_sum_to_zero(corpora: dict[str, Corpus]) -> None:
    rows = dict(_signals(next(_edf_files(corpora["chbmit"].root))))
    temporal = rows["FP1-F7"] + rows["F7-T7"] + rows["T7-P7"] + rows["P7-O1"]
    central = rows["FP1-F3"] + rows["F3-C3"] + rows["C3-P3"] + rows["P3-O1"]

    np.testing.assert_array_equal(temporal, central)


def test_chbmit_summary_numbers_two_seizures(
    plan_one: Callable[..., PlannedRecording], tmp_path: Path
) -> None:
    two = plan_one(
        Event(onset=3, duration=6, label="cpsz"),
        Event(onset=20, duration=7, label="absz"),
    )
    none = plan_one(take=1, start=datetime(2015, 1, 1, 23, 59, 50))  # noqa: DTZ001
    _write_one("chbmit", tmp_path, two, none)
    text = (tmp_path / "chb81" / "chb81-summary.txt").read_text(encoding="ascii")

    assert text.startswith(
        "Data Sampling Rate: 256 Hz\n"
        "*************************\n"
        "\n"
        "Channels in EDF Files:\n"
        "**********************\n"
        "Channel 1: FP1-F7\n"
    )
    assert text.endswith(
        "Channel 23: T8-P8\n"
        "\n"
        "File Name: chb81_01.edf\n"
        "File Start Time: 09:00:00\n"
        "File End Time: 09:00:30\n"
        "Number of Seizures in File: 2\n"
        "Seizure 1 Start Time: 3 seconds\n"
        "Seizure 1 End Time: 9 seconds\n"
        "Seizure 2 Start Time: 20 seconds\n"
        "Seizure 2 End Time: 27 seconds\n"
        "\n"
        "File Name: chb81_02.edf\n"
        "File Start Time: 23:59:50\n"
        "File End Time: 24:00:20\n"
        "Number of Seizures in File: 0\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("patient", "line"),
    [
        pytest.param(0, "Seizure Start Time: 3 seconds", id="as-in-chb01"),
        pytest.param(1, "Seizure 1 Start Time: 3 seconds", id="as-in-chb08"),
    ],
)
def test_chbmit_summary_of_one_seizure_has_both_hands(
    patient: int,
    line: str,
    plan_one: Callable[..., PlannedRecording],
    tmp_path: Path,
) -> None:
    event = Event(onset=3, duration=6, label="cpsz")
    _write_one("chbmit", tmp_path, plan_one(event, patient=patient))
    text = next(tmp_path.glob("*/*-summary.txt")).read_text(encoding="ascii")

    assert line in text.split("\n")


def test_chbmit_sidecar_is_that_of_chb01_03(
    plan_one: Callable[..., PlannedRecording], tmp_path: Path
) -> None:
    # 2996 to 3036 s: the seizure, and the bytes, of the database's chb01_03.
    event = Event(onset=2996, duration=40, label="cpsz")
    _write_one("chbmit", tmp_path, plan_one(event, duration=3600))

    assert (tmp_path / "chb81" / "chb81_01.edf.seizures").read_bytes() == (
        b"\x00\x58\x17\xfc## time resolution: 256\x00"
        b"\x00\xec\xff\xff\xff\xff\x01\x00"
        b"\x00\xec\x0b\x00\x00\xb4\x00\x80"
        b"\x00\xec\x00\x00\x00\x28\x00\x84"
        b"\x00\x00"
    )


def test_chbmit_sidecar_and_summary_agree(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["chbmit"]
    for summary in corpus.root.glob("*/*-summary.txt"):
        for block in summary.read_text(encoding="ascii").split("\n\n")[2:]:
            name = re.search(r"File Name: (\S+)", block)
            if name is None:
                continue
            seconds = [int(s) for s in re.findall(r"Time: (\d+) seconds", block)]
            sidecar = summary.with_name(f"{name[1]}.seizures")
            marks = _read_sidecar(sidecar.read_bytes()) if seconds else []
            assert sidecar.exists() == bool(seconds)
            assert [t for code, t in marks if code in (32, 33)] == [
                256 * s for s in seconds
            ]


def test_chbmit_source_finds_the_seizures_that_were_written(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["chbmit"]
    obtained = {
        recording.name: [(e.onset, e.duration) for e in recording.events]
        for recording in search(ChbmitCorpus, corpus.root).recordings()
    }

    assert obtained == {
        recording.name: [(e.onset, e.duration) for e in recording.events]
        for recording in corpus.report.recordings
    }


def test_a_fixture_can_be_built_from_the_chbmit_twin(
    corpora: dict[str, Corpus], tmp_path: Path
) -> None:
    corpus = corpora["chbmit"]
    spec = parse_spec({"source": "chbmit", "window_length": 10}, where="test")
    build_fixture(spec, tmp_path / "mini.h5", root=corpus.root)

    with load_fixture(tmp_path / "mini.h5") as fixture:
        assert {"none", "partial"} <= {w.category for w in fixture.windows}
        window = fixture.windows[0]
        start = round(window.onset * 256)
        rows = _electrodes(corpus.plan[0])
        expected = (rows["Fp1"] - rows["F7"])[start : start + 2560] * 0.125
        np.testing.assert_array_equal(fixture.signals[0, 0], expected)
        inside = np.zeros(DURATION * 256, np.uint8)
        first, last = corpus.plan[0].spec.events[0].span(256)
        inside[first:last] = 1
        np.testing.assert_array_equal(fixture.labels[0], inside[start : start + 2560])


@pytest.mark.edf
def test_chbmit_summary_begins_as_the_real_one(
    corpora: dict[str, Corpus], shared_data: Path
) -> None:
    real = shared_data / "chbmit-annotations" / "chb01" / "chb01-summary.txt"
    head = real.read_bytes().replace(b"\r\n", b"\n").split(b"File Name", 1)[0]
    made = (corpora["chbmit"].root / "chb81" / "chb81-summary.txt").read_bytes()

    assert made.split(b"File Name", 1)[0] == head


@pytest.mark.edf
def test_tusz_head_is_that_of_real_annotations(
    corpora: dict[str, Corpus], shared_data: Path
) -> None:
    real = next((shared_data / "tusz-format" / "noise-edf").glob("**/*.csv_bi"))
    made = next(corpora["tusz"].root.glob("**/*.csv_bi"))

    def shape(path: Path) -> list[str]:
        lines = path.read_text(encoding="ascii").split("\n")[:6]
        return [re.sub(r"[a-z]{8}_s\d{3}_t\d{3}|\d+\.\d\d ", "?", x) for x in lines]

    assert shape(made) == shape(real)


# BIDS


def test_bids_tree_has_a_full_set_of_files_per_run(corpora: dict[str, Corpus]) -> None:
    names = sorted(_digests(corpora["bids"].root))
    stem = "/ses-01/eeg/sub-0{}_ses-01_task-szMonitoring_run-0{}_{}"

    assert names == sorted(
        [
            ".bidsignore",
            "README.md",
            "dataset_description.json",
            "participants.tsv",
            "synthetic.json",
            "task-szMonitoring_events.json",
            *(
                f"sub-0{subject}" + stem.format(subject, run, suffix)
                for subject in (1, 2)
                for run in (1, 2, 3)
                for suffix in ("eeg.edf", "eeg.json", "events.tsv", "channels.tsv")
            ),
        ]
    )


def test_bids_description_says_synthetic_and_free(corpora: dict[str, Corpus]) -> None:
    path = corpora["bids"].root / "dataset_description.json"
    description = json.loads(path.read_text(encoding="ascii"))

    assert description["License"] == "CC0"
    assert description["Name"] == "Synthetic EEG with seizures"
    assert description["DatasetType"] == "raw"
    assert "synthetic" in description["GeneratedBy"][0]["Description"]


def test_bids_participants_are_the_subjects(corpora: dict[str, Corpus]) -> None:
    path = corpora["bids"].root / "participants.tsv"

    assert path.read_bytes() == b"participant_id\nsub-01\nsub-02\n"


def test_bids_signals_are_those_that_szcore_asks_for(
    corpora: dict[str, Corpus],
) -> None:
    header = _header(next(_edf_files(corpora["bids"].root)))

    assert header["label"] == SZCORE_LABELS
    assert header["samples"] == ["256"] * 19


def test_bids_channels_are_those_of_the_edf_file(corpora: dict[str, Corpus]) -> None:
    for path in corpora["bids"].root.glob("**/*_channels.tsv"):
        with path.open(encoding="ascii", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        assert [row["name"] for row in rows] == SZCORE_LABELS
        assert {(row["type"], row["units"]) for row in rows} == {("EEG", "uV")}


def test_bids_sidecar_describes_the_recording(corpora: dict[str, Corpus]) -> None:
    path = next(corpora["bids"].root.glob("sub-01/**/*run-01_eeg.json"))
    sidecar = json.loads(path.read_text(encoding="ascii"))

    assert sidecar["TaskName"] == "szMonitoring"
    assert sidecar["SamplingFrequency"] == 256
    assert sidecar["RecordingDuration"] == 20
    assert sidecar["EEGChannelCount"] == 19
    assert sidecar["PowerLineFrequency"] in (50, 60)
    assert sidecar["SoftwareFilters"] == "n/a"


def test_bids_events_of_a_recording_with_a_seizure(
    plan_one: Callable[..., PlannedRecording], tmp_path: Path
) -> None:
    planned = plan_one(Event(onset=3.25, duration=6.5, label="tcsz"))
    _write_one("bids", tmp_path, planned)

    assert next(tmp_path.glob("**/*_events.tsv")).read_bytes() == (
        b"onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
        b"3.25\t6.50\tsz_gen_m_tonicClonic\tn/a\tn/a\t2015-01-01 09:00:00\t30.00\n"
    )


def test_bids_events_of_a_recording_without_one(
    plan_one: Callable[..., PlannedRecording], tmp_path: Path
) -> None:
    _write_one("bids", tmp_path, plan_one())

    assert next(tmp_path.glob("**/*_events.tsv")).read_bytes() == (
        b"onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
        b"0.00\t30.00\tbckg\tn/a\tn/a\t2015-01-01 09:00:00\t30.00\n"
    )


def test_bids_events_label_the_samples_of_the_seizure(
    corpora: dict[str, Corpus],
) -> None:
    corpus = corpora["bids"]
    for planned in corpus.plan:
        edf = corpus.edf(planned, "bids")
        path = edf.with_name(edf.name.replace("_eeg.edf", "_events.tsv"))
        with path.open(encoding="ascii", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        spans = [
            (float(row["onset"]), float(row["onset"]) + float(row["duration"]))
            for row in rows
            if row["eventType"].startswith("sz")
        ]
        assert _mask(spans) == _truth(planned)


# The plan


def _plan(n: int, *, duration: int = 60, seed: int = 0, layout: str = "tusz") -> Plan:
    return plan_recordings(
        n_recordings=n,
        duration=duration,
        seed=seed,
        splits=LAYOUTS[layout].splits,
        steps_per_s=LAYOUTS[layout].steps_per_s,
    )


@pytest.mark.parametrize("n", [6, 7, 10, 25, 60])
def test_a_third_to_a_half_of_the_recordings_hold_a_seizure(
    n: int, layout: str
) -> None:
    share = sum(bool(p.spec.events) for p in _plan(n, layout=layout)) / n

    assert 0.33 <= share <= 0.51


@pytest.mark.parametrize("n", [6, 7, 10, 25])
def test_every_split_has_recordings_with_and_without_seizure(n: int) -> None:
    seen = {(p.spec.split, bool(p.spec.events)) for p in _plan(n)}

    assert len(seen) == 6


def test_three_recordings_give_every_split_a_seizure() -> None:
    plan = _plan(3)

    assert [p.spec.split for p in plan] == ["train", "dev", "eval"]
    assert all(p.spec.events for p in plan)


def test_types_of_seizures_vary() -> None:
    types = {event.label for p in _plan(20) for event in p.spec.events}

    assert types == {"cpsz", "gnsz", "fnsz", "absz", "tcsz", "spsz", "tnsz"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("duration", [10, 11, 20, 60, 600])
def test_seizures_last_4_s_and_keep_3_s_from_the_ends(
    duration: int, seed: int, layout: str
) -> None:
    for planned in _plan(12, duration=duration, seed=seed, layout=layout):
        events = planned.spec.events
        borders = [t for e in events for t in (e.onset, e.onset + e.duration)]
        assert all(e.duration >= 4 for e in events)
        assert borders == sorted(borders)
        assert all(3 <= t <= duration - 3 for t in borders)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        pytest.param("tusz", 1 / 16, id="four-decimals"),
        pytest.param("bids", 1 / 4, id="two-decimals"),
        pytest.param("chbmit", 1.0, id="whole-seconds"),
    ],
)
def test_seizures_lie_on_the_grid_of_the_annotation_files(
    name: str, step: float
) -> None:
    times = [
        time
        for planned in _plan(20, layout=name)
        for event in planned.spec.events
        for time in (event.onset, event.duration)
    ]

    assert all(time % step == 0 for time in times)


def test_some_recordings_of_a_minute_hold_two_seizures() -> None:
    numbers = {len(p.spec.events) for seed in range(5) for p in _plan(12, seed=seed)}

    assert numbers == {0, 1, 2}


def test_recordings_of_a_patient_follow_each_other() -> None:
    starts = [p.start for p in _plan(3, layout="chbmit")]

    assert [f"{start:%H:%M:%S}" for start in starts] == [
        "00:00:00",
        "00:01:07",
        "00:02:14",
    ]


# Impossible requests


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param(
            {"n_recordings": 0},
            "recordings: expected a whole number from 1 to 999, got 0",
            id="no-recordings",
        ),
        pytest.param(
            {"n_recordings": 1000},
            "recordings: expected a whole number from 1 to 999, got 1000",
            id="too-many",
        ),
        pytest.param(
            {"duration": 9},
            "duration: expected a whole number from 10 to 3600, got 9; a seizure of 4 s "
            "with 3 s on either side is the shortest",
            id="too-short-for-a-seizure",
        ),
        pytest.param(
            {"duration": 30.5},
            "whole number from 10 to 3600, got 30.5",
            id="half-second",
        ),
        pytest.param({"duration": float("nan")}, "3600, got nan", id="nan"),
        pytest.param({"duration": float("inf")}, "3600, got inf", id="infinite"),
        pytest.param({"seed": -1}, "seed: expected a whole number from 0", id="seed"),
        pytest.param(
            {"layout": "chb"},
            "unknown layout 'chb'; .*layouts: 'tusz', 'tusz-1.5', 'chbmit', 'siena', 'b",
            id="layout",
        ),
        pytest.param(
            {"rates": [250, 1000]},
            "rates: expected Hz of 250, 256, 400, 512 for layout 'tusz', got 1000",
            id="rate",
        ),
        pytest.param(
            {"rates": [250], "layout": "siena"},
            "rates: expected Hz of 512 for layout 'siena', got 250",
            id="rate-of-siena",
        ),
        pytest.param(
            {"cases": ["chb01"]},
            "cases: expected one of the layouts 'chbmit', 'siena', got 'tusz'",
            id="cases-elsewhere",
        ),
        pytest.param(
            {"cases": ["../chb01"], "layout": "chbmit"},
            "cases: expected names such as chb01 and chb21, got '../chb01'",
            id="case-name",
        ),
        pytest.param(
            {"cases": ["PN00", "PN00"], "layout": "siena", "n_recordings": 2},
            "cases: expected each name once, got PN00, PN00",
            id="case-twice",
        ),
        pytest.param(
            {"cases": ["chb01", "chb21"], "layout": "chbmit"},
            r"cases: expected at most one per recording \(1\), got 2",
            id="more-cases-than-recordings",
        ),
        pytest.param(
            {"without_fz_pz": True, "layout": "bids"},
            "only layout 'tusz' has such files, got 'bids'",
            id="fz-pz-elsewhere",
        ),
    ],
)
def test_impossible_request_names_what_is_allowed_and_writes_nothing(
    request_: dict[str, object], message: str, tmp_path: Path
) -> None:
    asked: dict[str, object] = {"layout": "tusz", "n_recordings": 1, "duration": 10}

    with pytest.raises(SpecError, match=message):
        write_corpus(out=tmp_path / "out", **(asked | request_))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def _write_small(out: Path | str) -> CorpusReport:
    return write_corpus("bids", out, n_recordings=1, duration=10)


def test_folder_with_files_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")

    with pytest.raises(TargetError, match=r"'.*mine' is a folder that is not empty"):
        _write_small(tmp_path / "mine")
    assert _digests(tmp_path).keys() == {"mine/notes.txt"}


def test_file_in_the_way_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")

    with pytest.raises(
        TargetError, match=r"'.*mine' is a file; expected the name of a"
    ):
        _write_small(tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "keep"


def test_missing_parent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"folder '.*nowhere'"):
        _write_small(tmp_path / "nowhere" / "out")


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    _write_small(tmp_path / "out")

    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert len(list(_edf_files(tmp_path / "out"))) == 1


def test_current_folder_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TargetError, match=r"'\.' is the current folder"):
        _write_small(".")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(OSError(28, "No space left on device"), TargetError, id="full"),
        pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="interrupt"),
    ],
)
def test_nothing_is_left_when_the_second_recording_fails(
    error: BaseException,
    expected: type[BaseException],
    tmp_path: Path,
) -> None:
    def fail(done: int, _total: int) -> None:
        if done == 2:
            raise error

    with pytest.raises(expected, match=r"No space left on device|^$"):
        write_corpus(
            "tusz", tmp_path / "out", n_recordings=3, duration=10, progress=fail
        )
    assert list(tmp_path.iterdir()) == []


def test_missing_edfio_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "edfio", None)

    with pytest.raises(MissingPackageError, match=r'"bgb-fixtures\[build\]"'):
        _write_small(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_value_beyond_16_bits_is_not_cut_off(tmp_path: Path) -> None:
    channel = EdfChannel(label="FP1-F7", digital=np.full(256, 32768, np.int32))

    with pytest.raises(SourceError, match=r"'FP1-F7': .* 32768 to 32768 do not fit"):
        write_edf(tmp_path / "x.edf", [channel], start=datetime(2015, 1, 1))  # noqa: DTZ001


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("n_lost", [1, 100, 4095, 5000])
def test_an_edf_file_whose_last_bytes_cannot_be_written_is_an_error(
    n_lost: int, tmp_path: Path
) -> None:
    import resource

    channel = EdfChannel(label="EEG Fp1", digital=np.full(512 * 20, 257, np.int16))
    start = datetime(2015, 1, 1)  # noqa: DTZ001
    write_edf(tmp_path / "whole.edf", [channel], start=start)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "whole.edf").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - n_lost, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_edf(tmp_path / "cut.edf", [channel], start=start)
        with pytest.raises(OSError, match="File too large"):
            write_edf_pieces(tmp_path / "cut.edf", [[channel]], start=start)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_an_edf_file_written_in_pieces_is_the_file_written_at_once(
    tmp_path: Path,
) -> None:
    digital = np.arange(-2560, 2560, dtype=np.int16)
    trend = np.arange(20, dtype=np.int16)
    start = datetime(2015, 1, 1)  # noqa: DTZ001

    def channels(first: int, last: int) -> list[EdfChannel]:
        return [
            EdfChannel(label="EEG Fp1", digital=digital[first * 256 : last * 256]),
            EdfChannel(label="IBI", digital=trend[first:last], sfreq=1, unit="sec"),
        ]

    write_edf(tmp_path / "whole.edf", channels(0, 20), start=start)
    write_edf_pieces(
        tmp_path / "pieces.edf",
        (channels(*part) for part in ((0, 9), (9, 10), (10, 20))),
        start=start,
    )
    assert (tmp_path / "pieces.edf").read_bytes() == (
        tmp_path / "whole.edf"
    ).read_bytes()


# The command


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run the command; click's own runner keeps stderr apart from 8.2 on only."""

    def run(*arguments: str | Path) -> Answer:
        with pytest.raises(SystemExit) as done:
            main(["corpus", *map(str, arguments)], prog_name="bgb-fixtures")
        return Answer(done.value.code, *capsys.readouterr())

    return run


def test_command_writes_and_says_what(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    out = tmp_path / "mini"
    result = run(
        *("--layout", "chbmit", "--out", out, "--recordings", "2"),
        *("--duration", "10", "--seed", "7"),
    )

    assert result.code == 0, result.err
    assert result.out.startswith(f"wrote {out}: 2 recordings, 1 with a seizure, ")
    assert len(list(_edf_files(out))) == 2


def test_command_answers_in_json(run: Callable[..., Answer], tmp_path: Path) -> None:
    out = tmp_path / "mini"
    result = run(
        *("--layout", "tusz", "--out", out, "--recordings", "1"),
        *("--duration", "10", "--without-fz-pz", "--json"),
    )
    answer = json.loads(result.out)

    assert answer["path"] == str(out)
    (recording,) = answer["recordings"]
    assert recording["without"] == ["Fz", "Pz"]
    assert recording["duration"] == 10
    assert set(recording["events"][0]) == {"onset", "duration", "label"}


def test_command_fails_in_one_line(run: Callable[..., Answer], tmp_path: Path) -> None:
    result = run("--layout", "tusz", "--out", tmp_path / "x", "--duration", "5")

    assert result.code == 1
    assert result.err.startswith("Error: --duration: expected a whole number from 10")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--layout", "chb"], "'chb' is not one of", id="layout"),
        pytest.param(
            ["--layout", "bids", "--without-fz-pz"],
            "--without-fz-pz goes with --layout tusz or tusz-1.5, not with bids",
            id="option-of-another-layout",
        ),
        pytest.param(
            ["--layout", "chbmit", "--rates", "250"],
            "--rates goes with --layout tusz or tusz-1.5, not with chbmit",
            id="rates-of-another-layout",
        ),
        pytest.param(
            ["--layout", "tusz", "--cases", "chb01"],
            "--cases goes with --layout chbmit or siena, not with tusz",
            id="cases-of-another-layout",
        ),
        pytest.param(
            ["--layout", "tusz", "--rates", "250,fast"],
            "--rates: expected numbers such as 250,256,400, got '250,fast'",
            id="rates-that-are-no-numbers",
        ),
    ],
)
def test_command_used_wrongly_ends_with_2(
    arguments: list[str],
    message: str,
    run: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    result = run("--out", tmp_path / "x", *arguments)

    assert result.code == 2
    assert message in result.err
