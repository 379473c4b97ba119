"""What the sources of recordings in files share: find, annotate, open.

Invariant: what is offered is annotated with certainty and has a file; everything else is
found and said, with the reason. Nothing depends on the order in which a folder lists its
files.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
from abc import ABC, abstractmethod
from bisect import insort
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bgb_fixtures.corpora.remote.web import WebPath, is_web_address
from bgb_fixtures.edf.byte_source import (
    ByteSource,
    CorpusPath,
    corpus_path,
    is_there,
    open_bytes,
)
from bgb_fixtures.edf.records import EdfFile, MontageSignal
from bgb_fixtures.eeg.montage import resolve_montage
from bgb_fixtures.errors import AnnotationError, SourceError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from bgb_fixtures.corpora import Licence, Recording
    from bgb_fixtures.eeg.montage import Montage, Row

__all__ = [
    "BLIND_SPLIT",
    "PROBLEMS",
    "CorpusSource",
    "Finding",
    "Located",
    "list_folder",
]

_log = logging.getLogger(__name__)

BLIND_SPLIT = "eval"
"""Nobody should tune on it (AAREADME of TUSZ), so it has to be asked for by name."""
PROBLEMS = {
    "annotation": "annotations cannot be read with certainty",
    "unannotated": "no annotations, which does not mean free of seizures",
    "no-signal": "annotated, and there is no EDF or BDF file",
    "split": "in a split that was not asked for",
}
"""Why a recording is not offered."""
EDF_SUFFIXES = (".edf", ".bdf")
_CHUNK = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say what became of one recording that a corpus names.

    Attributes
    ----------
    name : str
        The recording; the path from the root to its file, with ``/``.
    split : str
        Empty if it is not known.
    has_signal : bool
        Whether there is a file of it.
    recording : Recording or None
        None if its annotations are not there, or not certain.
    problem : str
        A key of `PROBLEMS`; empty if the recording can be used.
    message : str
        One line: what is wrong with what, and what to do; empty without a problem.
    """

    name: str
    split: str
    has_signal: bool
    recording: Recording | None
    problem: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Say where the files of a recording are.

    Attributes
    ----------
    signal : str
        Path or address of the EDF or BDF file; empty if there is none.
    annotations : tuple of str
        Likewise of its annotation files, the one that counts first; empty if there are
        none.
    place : str
        Where its annotations are, for messages.
    error : str
        What was wrong while it was looked for.
    """

    signal: str
    annotations: tuple[str, ...]
    place: str = ""
    error: str = ""


class _Kept:
    """A `ByteSource` of which it is kept what was read."""

    def __init__(self, inner: ByteSource, ranges: list[tuple[int, int]]) -> None:
        self._inner = inner
        self._ranges = ranges
        self.name = inner.name
        self.size = inner.size

    def read(self, start: int, stop: int) -> bytes:
        """Read the bytes `[start, stop)`."""
        data = self._inner.read(start, stop)
        insort(self._ranges, (start, stop))
        return data

    def close(self) -> None:
        """Close the file."""
        self._inner.close()


class CorpusSource(ABC):
    """Recordings in files below a folder, or one of them.

    Parameters
    ----------
    root : str, path or WebPath
        The folder of the corpus or a part of it, or one recording; of sources that can
        be read over the web its address, too.
    splits : sequence of str
        Splits to offer; empty: all but ``eval``.
    strict : bool
        Whether `recordings` raises for the first recording whose annotations are not
        certain.

    Raises
    ------
    SourceError
        If there is nothing at `root`.
    """

    title: ClassVar[str]
    on_web: ClassVar[bool] = False
    """Whether a root may be a web address."""

    def __init__(
        self,
        root: str | os.PathLike[str] | WebPath,
        *,
        splits: Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        root = self.open_root(root)
        if not is_there(root):
            # Path has made s3:/ of s3://.
            is_other = isinstance(root, Path) and ":/" in str(root)
            hint = "; a web address begins with https://" if is_other else ""
            msg = f"{str(root)!r}: there is no such folder or file{hint}"
            raise SourceError(msg)
        self._root = root
        self._splits = tuple(splits)
        self._strict = strict
        self._wanted: frozenset[str] | None = None
        self._located: dict[str, Located] = {}
        self._digests: dict[str, str] = {}
        self._problems: tuple[Finding, ...] = ()
        self._noted: set[str] = set()
        self._ranges: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._assumed: dict[str, set[str]] = {}

    @classmethod
    def open_root(cls, root: str | os.PathLike[str] | WebPath) -> CorpusPath:
        """Return the place that a user named.

        Parameters
        ----------
        root : str, path or WebPath
            A path, or a web address.

        Returns
        -------
        place : path or WebPath
            Of an address, the list of its corpus is read.

        Raises
        ------
        SpecError
            If this source cannot be read over the web.
        FetchError
            If there is no corpus at an address.
        """
        if not cls.on_web and (isinstance(root, WebPath) or is_web_address(root)):
            msg = (
                f"{cls.title} cannot be read over the web, as chbmit and siena can; "
                f"got {str(root)!r}. Download it, and give the folder"
            )
            raise SpecError(msg)
        return corpus_path(root)

    @property
    def _folder(self) -> Path:
        """The root of a source that is not on the web."""
        if isinstance(self._root, WebPath):
            raise TypeError(self._root)
        return self._root

    @property
    @abstractmethod
    def licence(self) -> Licence:
        """What may be done with the data."""

    def identity(self, names: Collection[str]) -> dict[str, Any]:
        """Return what the records of a fixture keep: what was assumed.

        Parameters
        ----------
        names : collection of str
            The recordings that are in the fixture; all were opened.

        Returns
        -------
        identity : dict
            JSON values; no recording is named.
        """
        counts = {
            assumption: len(assumed.intersection(names))
            for assumption, assumed in sorted(self._assumed.items())
        }
        assumptions = [f"{n} recording(s): {text}" for text, n in counts.items() if n]
        return {"assumptions": assumptions} if assumptions else {}

    def _assume(self, assumption: str, name: str) -> None:
        """Keep what was decided about a recording; the text names none."""
        self._assumed.setdefault(assumption, set()).add(name)

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What the last call of `recordings` did not offer, and why; by name."""
        return self._problems

    @abstractmethod
    def _find(self) -> dict[str, Located]:
        """Find the files of every recording; read none of them."""

    @abstractmethod
    def _annotate(self, name: str, located: Located) -> Recording:
        """Read the annotations of a recording, or raise AnnotationError."""

    @abstractmethod
    def _split(self, name: str) -> str:
        """Return the split of a recording; empty if it is not known."""

    def findings(
        self, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Finding]:
        """Read the annotations of one recording after another.

        Parameters
        ----------
        progress : callable or None
            Called with (recordings done, recordings in all).

        Yields
        ------
        finding : Finding
            For every recording that is annotated or has a file, sorted by name. What
            is wrong with one is said in its finding and does not touch the others.
        """
        self._wanted = None
        self._located = located = self._find()
        for done, name in enumerate(sorted(located), 1):
            yield self._finding(name, located[name])
            if progress is not None:
                progress(done, len(located))

    def _finding(self, name: str, located: Located) -> Finding:
        split = self._split(name)
        has_signal = bool(located.signal)
        recording = None
        problem = message = ""
        try:
            if located.error:
                problem, message = "annotation", located.error
            elif not located.annotations:
                problem = "unannotated"
                message = f"recording {name!r}: {self._why_unannotated()}"
            else:
                recording = self._annotate(name, located)
                split = recording.split
        except SourceError as error:
            problem, message = "annotation", str(error)
        if recording is not None and not has_signal:
            problem = "no-signal"
            message = f"recording {name!r}: annotated, and there is no file of it here"
        elif recording is not None and not self._wants(split):
            problem = "split"
            message = f"recording {name!r} is in split {split!r}" + (
                ", which is kept blind: ask for it by name if you mean it"
                if not self._splits
                else f"; asked for: {', '.join(self._splits)}"
            )
        return Finding(
            name=name,
            split=split,
            has_signal=has_signal,
            recording=recording,
            problem=problem,
            message=message,
        )

    @property
    def _top(self) -> Path:
        """The folder to look in: the root, or that of the one recording asked for."""
        return self._folder if self._folder.is_dir() else self._folder.parent

    def _walk(
        self, located: dict[str, Located], *, skip: Sequence[str] = ()
    ) -> Iterator[tuple[str, list[str]]]:
        """Yield (path from the root with ``/`` at its end, sorted names of its files).

        A folder that cannot be listed is noted in `located`; one that is in `skip` is
        passed over at the top. Hidden files do not count: macOS leaves ``._name.edf``
        beside ``name.edf``. Of a root that is a file only its folder is listed.
        """
        pending = [""]
        # Links are followed, as data managers make them, but never in circles.
        seen = set()
        while pending:
            below = pending.pop()
            folder = self._top / below
            files: list[str] = []
            folders: list[str] = []
            try:
                status = folder.stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if not entry.name.startswith("."):
                            (folders if entry.is_dir() else files).append(entry.name)
            except OSError as error:
                msg = f"{str(folder)!r} cannot be listed: {error.strerror}"
                if not below:
                    raise SourceError(msg) from error
                located[below] = Located(signal="", annotations=(), error=msg)
                continue
            yield below, sorted(files)
            if self._root.is_dir():
                names = sorted(folders, reverse=True)
                pending += [
                    f"{below}{name}/"
                    for name in names
                    if (below or name not in skip) and self._leads(f"{below}{name}/")
                ]

    def _leads(self, folder: str) -> bool:
        """Say whether a recording that is wanted can be below a folder."""
        wanted = self._wanted
        return wanted is None or any(name.startswith(folder) for name in wanted)

    def _why_unannotated(self) -> str:
        return (
            "has no annotation file: unannotated, which does not mean free of seizures"
        )

    def _wants(self, split: str) -> bool:
        return split in self._splits if self._splits else split != BLIND_SPLIT

    def recordings(
        self, progress: Callable[[int, int], None] | None = None
    ) -> tuple[Recording, ...]:
        """Read the annotations; return what can be used.

        Parameters
        ----------
        progress : callable or None
            Called with (recordings done, recordings in all).

        Returns
        -------
        recordings : tuple of Recording
            Every recording of the wanted splits that is annotated with certainty and
            has a file, sorted by name. For the others see `problems`.

        Raises
        ------
        AnnotationError
            In strict mode, for the first recording whose annotations are not certain.
        SourceError
            If no recording is left.
        """
        usable = []
        problems = []
        for finding in self.findings(progress):
            if finding.problem == "annotation" and self._strict:
                raise AnnotationError(finding.message)
            if finding.problem or finding.recording is None:
                problems.append(finding)
            else:
                usable.append(finding.recording)
        self._problems = tuple(problems)
        counts = Counter(finding.problem for finding in problems)
        _log.info(
            "%s: %d recordings can be used%s",
            self.title,
            len(usable),
            "".join(
                f"; {counts[key]} cannot: {why}"
                for key, why in PROBLEMS.items()
                if counts[key]
            ),
        )
        if not usable:
            raise SourceError(self._nothing(counts))
        return tuple(usable)

    def named_recordings(
        self,
        names: Collection[str],
        *,
        sha256: Mapping[str, str],
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[Recording, ...]:
        """Find some recordings and read their annotations, and those of no other.

        Parameters
        ----------
        names : collection of str
            Names of recordings.
        sha256 : mapping of str to str
            Digests that annotation files of these have to have, by the name of the
            file as in `annotation_digests`; it may leave files out.
        progress : callable or None
            Called with (recordings done, recordings in all).

        Returns
        -------
        recordings : tuple of Recording
            In order of their names.

        Raises
        ------
        SourceError
            If one is not there, cannot be used, or is in a split that was not asked
            for; if there is no such annotation file, or it has another digest.
        """
        self._wanted = frozenset(names)
        self._located = located = self._find()
        self._problems = ()
        recordings = []
        for name in sorted(names):
            if name not in located:
                raise SourceError(self._not_there(name))
        self._check_names(sha256, names)
        for done, name in enumerate(sorted(names), 1):
            self._check_digests(name, sha256)
            finding = self._finding(name, located[name])
            if finding.problem == "annotation":
                raise AnnotationError(finding.message)
            if finding.problem or finding.recording is None:
                raise SourceError(finding.message)
            recordings.append(finding.recording)
            if progress is not None:
                progress(done, len(names))
        return tuple(recordings)

    def _not_there(self, name: str) -> str:
        close = difflib.get_close_matches(name, self._located, n=1)
        hint = f"did you mean {close[0]!r}? Else " if close else ""
        return (
            f"recording {name!r} is not below {str(self._root)!r}; {hint}give the root "
            f"of {self.title} that its name is a path from, or fetch it"
        )

    def _check_names(self, sha256: Mapping[str, str], names: Collection[str]) -> None:
        known = {
            self._annotation_name(name, path)
            for name in names
            for path in self._located[name].annotations
        }
        for file_name in sorted(sha256.keys() - known):
            close = difflib.get_close_matches(file_name, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            msg = (
                f"annotation file {file_name!r}: the spec or plan has its SHA-256, and no "
                f"recording that it lists has a file of this name here; {hint}There are: "
                f"{', '.join(sorted(known)) or 'none'}. Of source edf say where they are "
                "with --annotations"
            )
            raise SourceError(msg)

    def _check_digests(self, name: str, sha256: Mapping[str, str]) -> None:
        for path in self._located[name].annotations:
            expected = sha256.get(self._annotation_name(name, path))
            if expected is None:
                continue
            obtained = self._digest(path)
            if obtained != expected:
                msg = (
                    f"{path!r}: expected SHA-256 {expected}, got {obtained}: the "
                    "annotations are not those that were meant. Another version of "
                    "the corpus? Fetch the file again, or look at what changed"
                )
                raise AnnotationError(msg)

    def annotation_digests(self, name: str) -> dict[str, str]:
        """Return the SHA-256 of each annotation file of a recording.

        Parameters
        ----------
        name : str
            Of a recording that was found.

        Returns
        -------
        digests : dict of str to str
            By the name of the file as the source has it, a path from its folder;
            where annotations are in the recording, its own.
        """
        return {
            self._annotation_name(name, path): self._digest(path)
            for path in self._located[name].annotations
        }

    def _annotation_name(self, name: str, path: str) -> str:  # noqa: ARG002
        """Return what the source calls an annotation file of a recording."""
        return path.removeprefix(f"{self._top}/")

    def _digest(self, path: str) -> str:
        file = self._file(path)
        if isinstance(file, WebPath):
            return file.sha256()
        if path not in self._digests:
            source = open_bytes(file)
            try:
                digest = hashlib.sha256()
                for start in range(0, source.size, _CHUNK):
                    digest.update(source.read(start, min(start + _CHUNK, source.size)))
            finally:
                source.close()
            self._digests[path] = digest.hexdigest()
        return self._digests[path]

    def _nothing(self, counts: Counter[str]) -> str:
        msg = f"{str(self._root)!r} holds no recording of {self.title} that can be used"
        if not counts:
            return f"{msg}: there is none at all"
        reasons = [f"{n} x {PROBLEMS[key]}" for key, n in sorted(counts.items())]
        bad = next((p for p in self._problems if p.problem == "annotation"), None)
        first = bad or self._problems[0]
        return f"{msg}: {'; '.join(reasons)}. The first: {first.message}"

    def files(self, recording: Recording) -> tuple[CorpusPath, ...]:
        """Return the files that a recording comes from.

        Parameters
        ----------
        recording : Recording
            One of `recordings()`.

        Returns
        -------
        paths : tuple of path or WebPath
            Its EDF or BDF file, then its annotation files.
        """
        located = self._located[recording.name]
        return tuple(
            map(self._file, dict.fromkeys((located.signal, *located.annotations)))
        )

    def _file(self, address: str) -> CorpusPath:
        """Return the place of a file that `_find` has located."""
        root = self._root
        return root.at(address) if isinstance(root, WebPath) else Path(address)

    def open_file(self, name: str) -> ByteSource:
        """Open the file of a recording; keep which of its bytes are read.

        Parameters
        ----------
        name : str
            Of a recording that was found.

        Returns
        -------
        source : ByteSource
            To be closed by the caller.
        """
        source = open_bytes(self._file(self._located[name].signal))
        return _Kept(source, self._ranges[name])

    def bytes_read(self, name: str) -> tuple[tuple[int, int], ...]:
        """Return which bytes of the file of a recording were read so far.

        Parameters
        ----------
        name : str
            Of one of `recordings()`.

        Returns
        -------
        ranges : tuple of tuple of int
            `[start, stop)`; in order, and neither overlapping nor touching.
        """
        merged: list[tuple[int, int]] = []
        for start, stop in self._ranges[name]:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return tuple(merged)

    def _channel_labels(self, edf: EdfFile) -> list[str]:
        """Return the labels of a file; the slips of a corpus put right."""
        return [signal.label for signal in edf.header.signals]

    def open(self, recording: Recording, montage: Montage | str) -> MontageSignal:
        """Open one recording; read its header and check it.

        Parameters
        ----------
        recording : Recording
            One of `recordings()`.
        montage : Montage or str
            The montage, or its name.

        Returns
        -------
        signal : MontageSignal
            To be closed by the caller.

        Raises
        ------
        SourceError
            If the file cannot give the montage with certainty.
        AnnotationError
            If a seizure lies behind the end of the recording.
        """
        edf = EdfFile(self.open_file(recording.name))
        try:
            labels = self._channel_labels(edf)
            rows = resolve_montage(labels, montage, where=recording.name)
            signal = MontageSignal(edf, rows)
            self._check_file(recording, edf, rows, signal)
        except BaseException:
            edf.close()
            raise
        if any(is_assumed(row, labels) for row in rows):
            self._assume(
                "no reference is named; derivations are differences of channels that "
                "are taken to share one",
                recording.name,
            )
        if recording.name not in self._noted:
            self._noted.add(recording.name)
            self._note(recording.name, edf)
        return signal

    def _check_file(
        self,
        recording: Recording,
        edf: EdfFile,  # noqa: ARG002
        rows: Sequence[Row],  # noqa: ARG002
        signal: MontageSignal,
    ) -> None:
        """Compare a file with its annotations: they must be about the same."""
        _check_inside(recording, signal, self._located[recording.name])

    def _note(self, name: str, edf: EdfFile) -> None:
        """Warn of what was decided while the header was read."""
        header = edf.header
        if header.declared_records not in (-1, header.n_records):
            self._assume("the complete records count, not those of the header", name)
            _log.warning(
                "%s: the header declares %d records, the file holds %d complete ones; "
                "these count",
                name,
                header.declared_records,
                header.n_records,
            )


def is_assumed(row: Row, labels: Sequence[str]) -> bool:
    """Say whether a difference is right only if two channels share a reference.

    Parameters
    ----------
    row : Row
        A row of a montage.
    labels : sequence of str
        The labels of the file.

    Returns
    -------
    assumed : bool
        True for a difference of channels whose labels name no reference, such as ``F7``
        (CHB-MIT chb12_28 and chb12_29).
    """
    return bool(row.minus) and "-" not in labels[row.plus[0]]


def _check_inside(
    recording: Recording, signal: MontageSignal, located: Located
) -> None:
    for event in recording.events:
        # Annotations round to 0.1 ms, so an end may lie a fraction of a sample outside.
        if event.span(signal.sfreq)[1] > signal.n_times + 1:
            place = located.place or repr(located.annotations[0])
            msg = (
                f"{place}: seizure of {Path(located.signal).name!r} ends at "
                f"{event.onset + event.duration:g} s, and the file holds "
                f"{signal.n_times / signal.sfreq:g} s; fetch the file again, or remove "
                "it from the folder"
            )
            raise AnnotationError(msg)


def list_folder(folder: CorpusPath) -> list[CorpusPath]:
    """Return what is in a folder, sorted by name, without hidden files.

    Parameters
    ----------
    folder : path or WebPath
        The folder.

    Returns
    -------
    paths : list of path or WebPath
        macOS leaves ``._name.edf`` beside ``name.edf``; such files are left out.

    Raises
    ------
    SourceError
        If it cannot be listed.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        msg = f"{str(folder)!r} cannot be listed: {error.strerror}"
        raise SourceError(msg) from error
