"""Records that several reads need: each is read once, and forgotten after the last."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.edf import MemorySource, edf_bytes

from bgb_fixtures.edf.header import parse_header, read_header_bytes
from bgb_fixtures.edf.records import EdfFile, RecordReader
from bgb_fixtures.edf.source import HashedSource
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

N_RECORDS = 200
# Two signals of 2 samples a record: every record holds other bytes.
HEADER_BYTES, RECORD_BYTES = 768, 8
DIGITAL = np.arange(4 * N_RECORDS, dtype=np.int16).reshape(2, -1)
DATA = edf_bytes(["Fz", "Cz"], DIGITAL, sfreq=2)


def records(first: int, last: int) -> bytes:
    return DATA[
        HEADER_BYTES + first * RECORD_BYTES : HEADER_BYTES + last * RECORD_BYTES
    ]


def make_reader(*, in_order: bool = False) -> tuple[RecordReader, MemorySource]:
    source = MemorySource(data=DATA)
    raw = read_header_bytes(source)
    header = parse_header(raw, size=source.size, name="made.edf")
    source.reads.clear()
    return RecordReader(source, header, in_order=in_order), source


def records_read(source: MemorySource) -> list[tuple[int, int]]:
    """Return which records were read, in order."""
    return [
        ((start - HEADER_BYTES) // RECORD_BYTES, (stop - HEADER_BYTES) // RECORD_BYTES)
        for start, stop in source.reads
    ]


def n_held(reader: RecordReader) -> int:
    return sum(held.last - held.first for held in reader._held)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(3, 7)], [(3, 7)], id="one"),
        pytest.param([(3, 7), (9, 12)], [(3, 7), (9, 12)], id="apart"),
        pytest.param([(3, 7), (7, 12)], [(3, 7), (7, 12)], id="side-by-side"),
        pytest.param([(3, 7), (5, 12)], [(3, 7), (7, 12)], id="overlapping"),
        pytest.param([(5, 12), (3, 7)], [(5, 12), (3, 5)], id="overlapping-backwards"),
        pytest.param([(3, 12), (5, 7)], [(3, 12)], id="inside"),
        pytest.param([(5, 7), (3, 12)], [(5, 7), (3, 5), (7, 12)], id="around"),
        pytest.param([(3, 7), (3, 7), (3, 7)], [(3, 7)], id="three-times"),
        pytest.param(
            [(3, 5), (7, 9), (0, 12)],
            [(3, 5), (7, 9), (0, 3), (5, 7), (9, 12)],
            id="around-two",
        ),
        pytest.param([(3, 3), (2, 4)], [(2, 4)], id="of-no-length"),
    ],
)
def test_what_two_announced_reads_share_is_read_once(
    spans: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    reader, source = make_reader()
    reader.announce(spans)
    assert [reader.read(*span) for span in spans] == [records(*span) for span in spans]
    assert records_read(source) == expected
    assert n_held(reader) == 0


def test_reads_that_were_not_announced_are_read_each_time() -> None:
    reader, source = make_reader()
    assert [reader.read(3, 7), reader.read(5, 9)] == [records(3, 7), records(5, 9)]
    assert records_read(source) == [(3, 7), (5, 9)]
    assert n_held(reader) == 0


def test_a_read_that_was_not_announced_takes_what_is_held() -> None:
    reader, source = make_reader()
    reader.announce([(3, 7), (5, 6)])
    reader.read(3, 7)
    assert reader.read(4, 8) == records(4, 8)
    assert records_read(source) == [(3, 7), (4, 5), (6, 8)]


def test_only_what_is_needed_again_is_held() -> None:
    reader, _ = make_reader()
    reader.announce([(0, 100), (40, 60), (50, 120)])
    held = []
    for span in [(0, 100), (40, 60), (50, 120)]:
        reader.read(*span)
        held.append(n_held(reader))
    # Of the first read 40 to 100, then 50 to 100, then nothing.
    assert held == [60, 50, 0]


def test_in_order_skipped_records_are_read_in_pieces_and_held_if_needed() -> None:
    reader, source = make_reader(in_order=True)
    spans = [(150, 160), (10, 12)]
    reader.announce(spans)
    assert [reader.read(*span) for span in spans] == [records(*span) for span in spans]
    assert records_read(source) == [(0, 64), (64, 128), (128, 150), (150, 160)]
    assert n_held(reader) == 0


spans_of_records = st.tuples(st.integers(0, N_RECORDS), st.integers(0, N_RECORDS)).map(
    lambda pair: (min(pair), max(pair))
)


@given(spans=st.lists(spans_of_records, max_size=12), in_order=st.booleans())
def test_any_announced_reads_give_the_records_and_read_none_twice(
    spans: Sequence[tuple[int, int]], *, in_order: bool
) -> None:
    reader, source = make_reader(in_order=in_order)
    reader.announce(spans)
    for i, span in enumerate(spans):
        assert reader.read(*span) == records(*span)
        to_come = {record for later in spans[i + 1 :] for record in range(*later)}
        held = [record for a, b, _ in reader._held for record in range(a, b)]
        assert len(held) == len(set(held))
        assert set(held) <= to_come
    assert n_held(reader) == 0
    read = [record for span in records_read(source) for record in range(*span)]
    needed = {record for span in spans for record in range(*span)}
    if in_order:
        # From the first to the last, without a gap: so a file is hashed.
        assert read == [*range(max(needed, default=-1) + 1)]
    else:
        assert len(read) == len(set(read))
        assert set(read) == needed


@given(
    spans=st.lists(spans_of_records.filter(lambda s: s[0] < s[1]), max_size=8),
    announced=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_reads_that_come_otherwise_than_announced_are_right_all_the_same(
    spans: Sequence[tuple[int, int]], announced: Sequence[bool]
) -> None:
    reader, _ = make_reader()
    reader.announce(
        span
        for span, is_announced in zip(spans, announced, strict=False)
        if is_announced
    )
    for span in spans:
        assert reader.read(*span) == records(*span)


# Of an open file


def test_samples_are_announced_as_the_records_that_hold_them() -> None:
    source = MemorySource(data=DATA)
    with EdfFile(source) as edf:
        source.reads.clear()
        edf.announce([0, 1], [(3, 5), (4, 8)])
        assert edf.read_digital([0, 1], 3, 5).tolist() == DIGITAL[:, 3:5].tolist()
        assert edf.read_digital([1], 4, 8).tolist() == DIGITAL[1:, 4:8].tolist()
    # Two samples a record: samples 3 to 5 are in records 1 and 2.
    assert records_read(source) == [(1, 3), (3, 4)]


def test_the_digest_of_the_whole_file_comes_from_one_pass() -> None:
    source = MemorySource(data=DATA)
    hashed = HashedSource(source)
    with EdfFile(hashed, in_order=True) as edf:
        edf.announce([0], [(300, 310), (0, 5), (100, 200)])
        for span in ((300, 310), (0, 5), (100, 200)):
            assert edf.read_digital([0], *span).tolist() == [[*range(*span)]]
        assert hashed.sha256() == hashlib.sha256(DATA).hexdigest()
    assert source.reads[0][0] == 0
    assert source.reads[-1][1] == len(DATA)
    assert all(one[1] == other[0] for one, other in pairwise(source.reads))


def digest(first: int, last: int) -> str:
    return hashlib.sha256(DATA[:HEADER_BYTES] + records(first, last)).hexdigest()


def span_of(first: int, last: int) -> tuple[int, int]:
    return HEADER_BYTES + first * RECORD_BYTES, HEADER_BYTES + last * RECORD_BYTES


def test_digests_are_of_the_header_and_the_records_of_each_read() -> None:
    with EdfFile(MemorySource(data=DATA)) as edf:
        edf.read_digital([0], 0, 4)
        assert edf.digests == {}
        edf.record_digests()
        edf.announce([0], [(3, 5), (4, 8)])
        edf.read_digital([0], 3, 5)
        # Half of it is held: its digest is that of what it consists of.
        edf.read_digital([0], 4, 8)
        assert edf.digests == {span_of(1, 3): digest(1, 3), span_of(2, 4): digest(2, 4)}


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        pytest.param(
            {span_of(1, 3): "0" * 64},
            "made.edf', header and bytes 776-792: expected SHA-256 0{64} as in the spec, "
            f"found {digest(1, 3)}",
            id="another-digest",
        ),
        pytest.param(
            {span_of(1, 4): digest(1, 4)},
            "made.edf', bytes 776-792: the spec has no SHA-256 for these bytes",
            id="other-bytes",
        ),
    ],
)
def test_bytes_that_are_not_those_expected_are_refused(
    expected: dict[tuple[int, int], str], message: str
) -> None:
    with EdfFile(MemorySource(data=DATA)) as edf:
        edf.record_digests(expected)
        with pytest.raises(SourceError, match=message):
            edf.read_digital([0], 3, 5)


def test_bytes_that_are_those_expected_are_read() -> None:
    with EdfFile(MemorySource(data=DATA)) as edf:
        edf.record_digests({span_of(1, 3): digest(1, 3)})
        assert edf.read_digital([0], 3, 5).tolist() == [[3, 4]]
