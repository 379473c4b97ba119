"""The annotations inside EDF+ and BDF+ files: lists of time-stamped texts (TALs).

Invariant: only the header and the bytes of annotation signals are read. Texts may name
people, so they are returned for matching but never appear in a message of this module.

References
----------
EDF+, section 2.2, https://www.edfplus.info/specs/edfplus.html.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.edf.header import ADVICE
from bgb_fixtures.edf.records import ANNOTATION_LABELS, MOST_SECONDS, EdfFile
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.annotations import Annotations, Span, to_nanosecond
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path


__all__ = ["annotation_texts", "read_edf_annotations"]

_TAL = re.compile(
    rb"([+-][0-9]{1,9}(?:\.[0-9]{0,100})?)(?:\x15([0-9]{1,9}(?:\.[0-9]{0,100})?))?"
    rb"\x14(.*)\x14",
    re.DOTALL,
)
# For finditer(), because splitting at zero bytes could give a huge list of empty parts.
_TALS = re.compile(rb"[^\0]+")
_PARTS = re.compile(rb"[^\0\x14\x15]+")
_MOST_RECORDS = 10**7
"""Records are read one by one; with records of 1 s, this is four months."""
_MOST_BYTES = 2**30
"""Size of all annotations; those of a day have about 10 MB."""
_TIME = re.compile(r"[+-]?[0-9.]+")


def read_edf_annotations(path: Path) -> Annotations:
    """Read the annotations inside an EDF+ or BDF+ file, in seconds from its first sample.

    Each text is one stretch; its stop is None without a duration. Line numbers are
    record numbers. AnnotationError if there is no annotation signal, or its content is
    invalid.
    """
    with EdfFile(LocalFile(path)) as edf:
        header = edf.header
        indices = _annotation_signals(edf)
        if not indices:
            msg = (
                f"{str(path)!r} holds no annotations: it has no signal 'EDF "
                "Annotations'. Pass an annotation file"
            )
            raise AnnotationError(msg)
        duration = _seconds(header.n_records * header.record_duration)
        origin: Decimal | None = None
        stamped = -1
        spans = []
        for record, raw in edf.iter_signal_bytes(indices):
            for onset, length, texts in _tals(raw, path=path, record=record):
                if origin is None:
                    # A recording may begin a fraction of a second after the time
                    # in its header; the first time stamp is this fraction.
                    origin = onset
                start = to_nanosecond(onset - origin)
                if header.discontinuous and record > stamped:
                    # The first text of a record is its start, also after gaps.
                    end = start + _seconds(header.record_duration)
                    if end > MOST_SECONDS:
                        _fail_end(path, record, end)
                    duration = max(duration, end)
                    stamped = record
                spans += [
                    Span(
                        start=start,
                        stop=None if length is None else start + to_nanosecond(length),
                        label=text,
                        line=record + 1,
                    )
                    for text in texts
                ]
    return Annotations(spans=tuple(spans), duration=duration)


def _fail_end(path: Path, record: int, end: Decimal) -> NoReturn:
    msg = (
        f"{str(path)!r}, record {record + 1}: ends {end:.10g} s after the first record "
        f"begins, expected at most {MOST_SECONDS} s; {ADVICE}"
    )
    raise AnnotationError(msg)


def _seconds(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def annotation_texts(edf: EdfFile) -> tuple[str, ...]:
    """Return each distinct text in the annotation signals of a file, even if malformed.

    Plain EDF has none.
    """
    texts: dict[str, None] = {}
    for _, raw in edf.iter_signal_bytes(_annotation_signals(edf)):
        for part in _PARTS.finditer(raw):
            if text := _decode(part[0]):
                texts[text] = None
    return tuple(text for text in texts if not _TIME.fullmatch(text))


def _annotation_signals(edf: EdfFile) -> list[int]:
    signals = enumerate(edf.header.signals)
    indices = [i for i, signal in signals if signal.label in ANNOTATION_LABELS]
    header = edf.header
    n_samples = sum(header.signals[i].samples_per_record for i in indices)
    n_bytes = header.n_records * n_samples * header.sample_bytes
    if indices and (header.n_records > _MOST_RECORDS or n_bytes > _MOST_BYTES):
        msg = (
            f"{edf.name!r}: expected at most {_MOST_BYTES} bytes of annotations in "
            f"{_MOST_RECORDS} records, got {n_bytes} in {header.n_records}; fetch the "
            "file again"
        )
        raise AnnotationError(msg)
    return indices


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        # EDF+ requires UTF-8; older writers used the code page of the machine.
        return raw.decode("latin-1").strip()


def _tals(
    raw: bytes, *, path: Path, record: int
) -> Iterator[tuple[Decimal, Decimal | None, list[str]]]:
    """Yield (onset, duration, texts) of each TAL; a time-keeping TAL has no text."""
    for tal in _TALS.finditer(raw):
        match = _TAL.fullmatch(tal[0])
        if match is None:
            _fail(path, record)
        texts = [_decode(text) for text in match[3].split(b"\x14")]
        yield (
            Decimal(match[1].decode("ascii")),
            None if match[2] is None else Decimal(match[2].decode("ascii")),
            [text for text in texts if text],
        )


def _fail(path: Path, record: int) -> NoReturn:
    msg = (
        f"{str(path)!r}, record {record + 1}, 'EDF Annotations': expected "
        "'+onset[\\x15duration]\\x14text\\x14', got something else. Pass an "
        "annotation file instead"
    )
    raise AnnotationError(msg)
