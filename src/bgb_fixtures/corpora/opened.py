"""Open recordings: each file is opened once in a build, and its header read once."""

from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bgb_fixtures.corpora.places import open_bytes
from bgb_fixtures.edf.records import EdfFile, MontageSignal
from bgb_fixtures.edf.source import HashedSource
from bgb_fixtures.eeg.channels import is_scalp
from bgb_fixtures.eeg.events import event_past_end
from bgb_fixtures.eeg.montage import resolve_montage
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.recording import Recording
    from bgb_fixtures.edf.source import ByteSource
    from bgb_fixtures.eeg.montage import Montage
    from bgb_fixtures.eeg.signal import Signal

__all__ = ["OpenRecording", "OpenRecordings"]

_log = logging.getLogger(__name__)

_MOST_OPEN = 256
"""Open files; the usual limit of a process is 1024. Beyond this, the oldest is closed,
which happens only if annotations do not state durations (TUSZ 1.5)."""


class OpenRecording:
    """A recording with an open file whose header, but no sample, has been read."""

    def __init__(self, recording: Recording, corpus: Corpus, edf: EdfFile) -> None:
        self.recording = recording
        self.edf = edf
        self._corpus = corpus
        self._signal: MontageSignal | None = None
        self._labels = corpus.labels_of(edf.header)
        self._assumptions = dict.fromkeys(corpus.assumptions(recording, edf.header))
        header = edf.header
        if header.declared_records not in (-1, header.n_records):
            self._assumptions["the complete records count, not those of the header"] = (
                None
            )
            _log.warning(
                "%s: the header declares %d records, but the file holds %d complete "
                "ones, which count",
                recording.name,
                header.declared_records,
                header.n_records,
            )

    @property
    def duration(self) -> float:
        """Duration of all complete data records in seconds."""
        header = self.edf.header
        return float(header.n_records * header.record_duration)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Assumptions made about the recording so far, without identifying text."""
        return tuple(self._assumptions)

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """Spans `[start, stop)` without a gap, in samples of the latest signal."""
        return () if self._signal is None else self._signal.stretches

    def signal(
        self,
        montage: Montage,
        *,
        to_sfreq: float | None = None,
        between_gaps: bool = False,
    ) -> Signal:
        """Return the rows of a montage, checked against the annotations.

        `to_sfreq` is the rate in Hz that the rows will be resampled to, if any. With
        `between_gaps`, a recording may have gaps. SourceError if the rows cannot be
        computed unambiguously, AnnotationError if a seizure ends after the recording.
        """
        name = self.recording.name
        rows = resolve_montage(self._labels, montage, where=name)
        signal = self._signal = MontageSignal(
            self.edf, rows, to_sfreq=to_sfreq, between_gaps=between_gaps
        )
        self._check_events(signal)
        self._corpus.check(self, rows)
        if any(row.minus and not row.reference for row in rows):
            assumption = (
                "no reference is named; derivations are differences of channels that "
                "are taken to share one"
            )
            self._assumptions[assumption] = None
        if signal.sfreq != signal.header_sfreq:
            assumption = (
                f"{signal.header_sfreq:.10g} Hz in the header is read as "
                f"{signal.sfreq:.10g} Hz, from where a ratio of integers leads to "
                f"{to_sfreq:g} Hz"
            )
            self._assumptions[assumption] = None
        if signal.unit_assumed:
            assumption = (
                "the unit of channels whose header names none is that of the spec"
            )
            self._assumptions[assumption] = None
        for row in rows:
            if "-" not in row.ch_name and is_scalp(row.reference):
                assumption = f"electrodes are recorded against {row.reference}"
                self._assumptions[assumption] = None
        return self._corpus.checked_signal(signal, rows, where=name)

    def announce(self, spans: Iterable[tuple[int, int]]) -> None:
        """Announce the spans of samples that the latest signal will read, in order."""
        if self._signal is not None:
            self._signal.announce(spans)

    def _check_events(self, signal: MontageSignal) -> None:
        """Check that every seizure ends within the recording."""
        event = event_past_end(
            self.recording.events, sfreq=signal.sfreq, n_times=signal.n_times
        )
        if event is None:
            return
        length = signal.n_times / signal.sfreq
        place, remedy = self._corpus.late_end(self.recording, event, length=length)
        msg = (
            f"{place}: seizure of {Path(self.recording.located.signal).name!r} ends at "
            f"{event.onset + event.duration:g} s, but the file holds {length:g} s. "
            f"{remedy}, or exclude it with --exclude {self.recording.name!r}"
        )
        raise AnnotationError(msg)


class OpenRecordings:
    """The recordings that one build opens, by name; all are closed together.

    With `whole_digests`, the SHA-256 of each whole file is computed while it is read.
    `unit` is the unit of channels whose header names none.
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        whole_digests: bool = False,
        unit: str | None = None,
    ) -> None:
        self.corpus = corpus
        self._unit = unit
        self._whole_digests = whole_digests
        self._opened: OrderedDict[str, OpenRecording] = OrderedDict()

    def open(self, recording: Recording) -> OpenRecording:
        """Open a recording on the first call; return the same object afterwards.

        SourceError if the file is not EDF or BDF, or contradicts its annotations.
        """
        name = recording.name
        if name not in self._opened:
            while len(self._opened) >= _MOST_OPEN:
                _, oldest = self._opened.popitem(last=False)
                oldest.edf.close()
            self._opened[name] = self._open(recording)
        self._opened.move_to_end(name)
        return self._opened[name]

    def _open(self, recording: Recording) -> OpenRecording:
        place = self.corpus.place_of(recording.located.signal)
        source: ByteSource = open_bytes(place)
        if self._whole_digests:
            source = HashedSource(source)
        edf = EdfFile(source, in_order=self._whole_digests, unit=self._unit)
        try:
            return OpenRecording(recording, self.corpus, edf)
        except BaseException:
            edf.close()
            raise

    def close(self) -> None:
        """Close every file."""
        while self._opened:
            _, opened = self._opened.popitem()
            opened.edf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
