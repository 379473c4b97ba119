"""No name, date, path or free text of a source is in a fixture.

Invariant: what is searched for are the texts that say who was recorded, when, where and
by whom; what a fixture says of itself, its numbers and the words of the format are not
taken for them. No message holds the text that it is about.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from bgb_fixtures.corpora.remote.web import WebPath, is_web_address
from bgb_fixtures.edf.annotations import annotation_texts
from bgb_fixtures.edf.byte_source import is_there, open_bytes
from bgb_fixtures.edf.header import header_texts
from bgb_fixtures.eeg.events import SZCORE_CODES
from bgb_fixtures.eeg.montage import electrode_name
from bgb_fixtures.errors import PrivacyError, SourceError
from bgb_fixtures.format.layout import LINE_LENGTH, parse_json
from bgb_fixtures.format.records import KINDS, parse_index
from bgb_fixtures.request.spec import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bgb_fixtures.corpora import Recording
    from bgb_fixtures.corpora.corpus import CorpusSource
    from bgb_fixtures.edf.byte_source import CorpusPath
    from bgb_fixtures.format.records import Index

__all__ = [
    "IdentifyingTexts",
    "check_anonymous",
    "texts_below",
    "texts_of_recordings",
]

LEAST_LENGTH = 4
"""Bytes of UTF-8; shorter texts are in every file by chance."""
LEAST_BYTES_IN_SAMPLES = 8
"""Four bytes that happen to spell a text are in one of 20 files of 14 MB: samples are
searched for longer ones."""
_LEAST_DIGITS = 6
_EDF_SUFFIXES = (".edf", ".bdf")
_ANNOTATION_SUFFIXES = (
    *(".csv", ".csv_bi", ".tsv", ".txt", ".tse", ".tse_bi", ".lbl", ".lbl_bi"),
    *(".seizures", ".json"),
)
_CHUNK = 16 * 2**20
# Words that say what kind of text this is, not whose. A text of nothing else, and of
# single letters, identifies nobody: 'Startdate X X X', 'seizure onset', 'EDF+C'.
_GENERIC_WORDS = """
age annotation annotations avg background bckg bdf bname channel channels confidence
corpus csv data duration edf eeg end ends event events eventtype false file female ictal
label lbl left male montage name none null number offset onset patient rate record
recording ref right sampling seconds seiz seizure seizures signal signals start startdate
stop sz term time true tse tsv type unknown version
"""
_GENERIC = frozenset(
    {*_GENERIC_WORDS.split()}
    | {code.lower() for pair in SZCORE_CODES.items() for code in pair}
)
# References that a channel label names.
_REFERENCES = frozenset({"ar", "av", "avg", "car", "cs2", "le", "ref"})
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]*")
_WORD = re.compile(r"[^\W_]+")
_FIELD = re.compile(r"[\t\r\n\0,;=\"]|:\s")
# Every byte above ASCII: in UTF-8 any of them may be part of a letter.
_PRINTABLE = re.compile(rb"[ -~\t\x80-\xff]{4,}")
# What a document holds that is no text of a source. Numbers stand behind a colon, a
# comma or a bracket; strings with commas lose nothing but numbers to this.
_NUMBER = re.compile(
    rb"(?<=[:,\[])\s?-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?(?=\s?[,\]}])"
)
_OWN = r"[0-9a-f]{64}|(?:sub|rec|win)-[0-9]{2,9}"
"""Digests, and the names that a fixture gives to subjects, recordings and windows."""
_SPLITS = ("train", "dev", "eval", "test", "dev_test")


@dataclass(slots=True)
class IdentifyingTexts:
    """Texts to search for, and where each stands.

    Attributes
    ----------
    origins : dict of str to str
        Text to a description of its place, such as ``"the header of 'a.edf'"``.
    unreadable : list of str
        Files whose texts could not be read.
    people : set of str
        Those of a header that are about the recording, not about its signals; in lower
        case. Not even the name of a channel may hold them.
    """

    origins: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def add(self, text: str, origin: str) -> None:
        """Take a text and its words, as far as they identify anything.

        Parameters
        ----------
        text : str
            As it stands in a file or a path.
        origin : str
            Where it stands.
        """
        if text in self._seen:
            return
        self._seen.add(text)
        for part in (text.strip(), *_words(text)):
            if _is_identifying(part):
                self.origins.setdefault(part, origin)

    def add_path(self, path: str, origin: str) -> None:
        """Take a path below the root, its folders, and names without extension.

        Parameters
        ----------
        path : str
            With ``/``.
        origin : str
            What it is a path of.
        """
        self.add(path, origin)
        for part in path.split("/"):
            self.add(part, origin)
            self.add(part.split(".")[0], origin)

    def add_file(self, path: CorpusPath, *, where: str) -> None:
        """Take the texts in a recording or in an annotation file.

        Parameters
        ----------
        path : path or WebPath
            The file.
        where : str
            What it is called in messages.
        """
        try:
            if path.suffix.lower() in _EDF_SUFFIXES:
                with closing(open_bytes(path)) as source:
                    header = header_texts(source)
                    # To look at the texts in every record of hours would be to fetch a
                    # recording on the web in full. What was never fetched cannot be in
                    # a fixture, and of the records that were, channels of the montage
                    # alone are decoded.
                    on_web = isinstance(path, WebPath)
                    texts = () if on_web else annotation_texts(source)
                of_recording, of_signals = (
                    [_decode(text.encode("latin-1")) for text in part]
                    for part in header
                )
                for text in (*of_recording, *of_signals):
                    self.add(text, f"the header of {where}")
                self.people |= _identifying_parts(of_recording)
                for text in texts:
                    self.add(text, f"the annotations in {where}")
                return
            for run in _PRINTABLE.findall(path.read_bytes()):
                for field in _FIELD.split(_decode(run)):
                    self.add(field.strip(" #'{}[]"), f"the annotations {where}")
        except (SourceError, OSError):
            self.unreadable.append(where)


def _identifying_parts(texts: Iterable[str]) -> set[str]:
    """Return texts and their words in lower case, as far as they identify anything."""
    parts = (part for text in texts for part in (text.strip(), *_words(text)))
    return {part.lower() for part in parts if _is_identifying(part)}


def _decode(raw: bytes) -> str:
    """Read bytes of no known code page; those of UTF-8 are hardly ever of another."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # A field of fixed width may end inside a letter.
        whole = raw[: error.start]
        if error.reason == "unexpected end of data" and not whole.isascii():
            return whole.decode("utf-8")
        return raw.decode("latin-1")


def _words(text: str) -> Iterator[str]:
    """Yield what stands between blanks, and the words in that."""
    for part in text.split():
        if _DECIMAL.fullmatch(part):
            continue
        yield part
        for word in _WORD.findall(part):
            # A year or a count is in many files; longer numbers are someone's.
            if not word.isdigit() or len(word) >= _LEAST_DIGITS:
                yield word


def _is_identifying(text: str) -> bool:
    # Three letters of a name that is not English are as telling as four.
    n_bytes = len(text.encode("utf-8", "surrogatepass"))
    if n_bytes < LEAST_LENGTH or _DECIMAL.fullmatch(text):
        return False
    words = [word.lower() for word in _WORD.findall(text)]
    if all(len(word) == 1 or word in _GENERIC for word in words):
        return False
    if text.lower() in _GENERIC:
        return False
    parts = re.sub(r"^EEG\s+", "", text, flags=re.IGNORECASE).split("-")
    return not all(
        electrode_name(part.strip()) or part.strip().lower() in _REFERENCES
        for part in parts
    )


def texts_of_recordings(
    source: CorpusSource, recordings: Iterable[Recording]
) -> IdentifyingTexts:
    """Return what identifies some recordings.

    Parameters
    ----------
    source : CorpusSource
        Where they come from.
    recordings : iterable of Recording
        Recordings of the source.

    Returns
    -------
    texts : IdentifyingTexts
        From names, paths, headers and annotations.
    """
    texts = IdentifyingTexts()
    for recording in recordings:
        where = repr(recording.name)
        texts.add_path(recording.name, f"the path of {where}")
        texts.add(recording.subject, f"the subject of {where}")
        for path in source.files(recording):
            texts.add(str(path.absolute()), f"the path of {where}")
            texts.add_path(path.name, f"the path of {where}")
            texts.add_file(path, where=repr(path.name))
    return texts


def texts_below(
    root: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> IdentifyingTexts:
    """Return what identifies anything in a folder, whatever corpus it is.

    Parameters
    ----------
    root : str or path
        A folder, or one recording.
    progress : callable or None
        Called with (files done, files in all).

    Returns
    -------
    texts : IdentifyingTexts
        From the paths below the root, and from headers and annotation files there.

    Raises
    ------
    SourceError
        If there are no recordings.
    """
    if is_web_address(root):
        msg = (
            f"{str(root)!r}: headers and annotations of a whole folder are not fetched "
            "to be searched for; build did so for the recordings that it used. Give a "
            "folder"
        )
        raise SourceError(msg)
    root = Path(root)
    if not is_there(root):
        msg = f"{str(root)!r}: there is no such folder or file"
        raise SourceError(msg)
    wanted = (*_EDF_SUFFIXES, *_ANNOTATION_SUFFIXES)
    files = [root] if root.is_file() else sorted(_files_below(root))
    files = [path for path in files if path.suffix.lower() in wanted and _is_file(path)]
    if not any(path.suffix.lower() in _EDF_SUFFIXES for path in files):
        msg = f"{str(root)!r}: there is no EDF or BDF file to compare with"
        raise SourceError(msg)
    texts = IdentifyingTexts()
    texts.add(str(root.absolute()), "the path of the folder")
    for done, path in enumerate(files, 1):
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        texts.add_path(name, f"the path {name!r}")
        texts.add_file(path, where=repr(name))
        if progress is not None:
            progress(done, len(files))
    return texts


def _files_below(root: Path) -> Iterator[Path]:
    """Yield all files; links are followed, as sources do, but never in circles."""

    def refuse(error: OSError) -> NoReturn:
        msg = (
            f"{error.filename!r} cannot be listed: {error.strerror}; what is in it cannot "
            "be searched for"
        )
        raise SourceError(msg) from error

    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in names)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # It is named among those that could not be read.
        return True


def check_anonymous(
    path: str | os.PathLike[str], texts: IdentifyingTexts, *, where: str | None = None
) -> None:
    """Search all bytes of a fixture for texts that identify its source.

    Parameters
    ----------
    path : str or path
        A fixture that has passed the checks of a reader.
    texts : IdentifyingTexts
        What to search for: in any case, as ASCII, Latin-1, UTF-8, UTF-16 of both byte
        orders, and escaped as in JSON.
    where : str or None
        What the file is called in messages; None: its path.

    Raises
    ------
    PrivacyError
        If one is found.

    Notes
    -----
    Before the search, numbers and the words of the format are blanked in everything
    but the samples: keys, licence, profile, electrodes, kinds, names like ``sub-01``.
    In the samples only texts of eight bytes and more are searched for.
    """
    needles = _Needles(texts.origins)
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer,
    ):
        index = parse_index(buffer, size=len(buffer), where=repr(str(path)))
        blank = _vocabulary(buffer, index, texts.people, where=repr(str(path)))
        # The first line holds two lengths and a digest.
        start = LINE_LENGTH
        for array in sorted(index.arrays.values(), key=lambda entry: entry.offset):
            stop = array.offset + array.length
            text = _blanked(buffer[start : array.offset], blank)
            found = needles.find(text, least=LEAST_LENGTH) or _in_samples(
                needles, buffer, array.offset, stop
            )
            if found is not None:
                raise _found(found, texts, start=start, where=where or str(path))
            start = stop
        found = needles.find(_blanked(buffer[start:], blank), least=LEAST_LENGTH)
        if found is not None:
            raise _found(found, texts, start=start, where=where or str(path))


def _in_samples(
    needles: _Needles, buffer: mmap.mmap, start: int, stop: int
) -> tuple[int, str] | None:
    for place in range(start, stop, _CHUNK):
        # Overlapping, so that a text on the border of two pieces is in one of them.
        piece = buffer[place : min(place + _CHUNK + needles.longest, stop)]
        found = needles.find(piece.lower(), least=LEAST_BYTES_IN_SAMPLES)
        if found is not None:
            return found
    return None


def _found(
    found: tuple[int, str], texts: IdentifyingTexts, *, start: int, where: str
) -> PrivacyError:
    offset, text = found
    msg = (
        f"{where!r} would hold {len(text)} characters of {texts.origins[text]}, near "
        f"byte {start + offset}; fixtures hold nothing that identifies a recording. "
        "Look at the name, the aliases and the label_pattern of the spec"
    )
    return PrivacyError(msg)


class _Needles:
    """Many texts in all encodings, searched for at once."""

    def __init__(self, origins: Mapping[str, str]) -> None:
        self._by_prefix: defaultdict[int, dict[bytes, str]] = defaultdict(dict)
        self.longest = 0
        for text in origins:
            for pattern in _encodings(text):
                prefix = int.from_bytes(pattern[:4], "little")
                self._by_prefix[prefix][pattern] = text
                self.longest = max(self.longest, len(pattern))
        self._prefixes = np.array(sorted(self._by_prefix), np.uint32)
        # Two bytes rule out nearly every place, and fit into a table.
        self._table = np.zeros(2**16, bool)
        self._table[self._prefixes & 0xFFFF] = True

    def find(self, haystack: bytes, *, least: int) -> tuple[int, str] | None:
        """Return place and text of a pattern of at least so many bytes, or None."""
        for shift in range(4):
            n_words = max(len(haystack) - shift, 0) // 4
            words = np.frombuffer(haystack, "<u4", count=n_words, offset=shift)
            maybe = np.flatnonzero(self._table[words & 0xFFFF])
            for place in maybe[np.isin(words[maybe], self._prefixes)]:
                start = 4 * int(place) + shift
                for pattern, text in self._by_prefix[int(words[place])].items():
                    if len(pattern) >= least and haystack.startswith(pattern, start):
                        return start, text
        return None


def _encodings(text: str) -> set[bytes]:
    """Return a text as bytes, in lower case as far as it is ASCII."""
    texts = {text}
    if not text.isascii():
        texts |= {text.lower(), text.upper(), text.title()}
    for one in tuple(texts):
        # UTF-8 that was read as Latin-1, here or by whoever wrote the text.
        with suppress(UnicodeError):
            texts.add(one.encode("latin-1").decode("utf-8"))
        with suppress(UnicodeError):
            texts.add(one.encode("utf-8").decode("latin-1"))
    texts |= {json.dumps(one)[1:-1] for one in texts}
    encoded = set()
    for one in texts:
        for encoding in ("latin-1", "utf-8", "utf-16-le", "utf-16-be"):
            with suppress(UnicodeEncodeError):
                encoded.add(one.encode(encoding).lower())
    return {pattern for pattern in encoded if len(pattern) >= LEAST_LENGTH}


def _blanked(part: bytes, blank: re.Pattern[bytes]) -> bytes:
    """Return a part of the file in lower case, without numbers and known words."""
    text = part.lower()
    for pattern in (blank, _NUMBER):
        text = pattern.sub(lambda match: b"\1" * len(match[0]), text)
    return text


def _vocabulary(
    buffer: mmap.mmap, index: Index, people: set[str], *, where: str
) -> re.Pattern[bytes]:
    """Return a pattern of what the file says in the words of the format."""
    start, stop = index.records_span
    records = parse_json(buffer[start:stop], where=where, what="records")
    document = parse_json(buffer[LINE_LENGTH:start], where=where, what="index")
    spec = records["spec"]
    words = {*_keys(document), *_keys({**records, "spec": {}}), *spec}
    words |= {*KINDS, *(kind for kinds in KINDS.values() for kind in kinds)}
    words |= {*_SPLITS, *MISSING, *SZCORE_CODES, *SZCORE_CODES.values()}
    words |= {str(value) for value in records["licence"].values()}
    words |= {records["profile"]["name"], *records["profile"]["steps"]}
    words |= {records["source"]["name"], records["montage"], records["unit"]}
    if records["source"]["name"] == "synthetic":
        # What recordings were asked to hold. Those in files are listed by names.
        words |= set(_strings(spec.get("recordings", [])))
    # Rows of a montage are electrodes, and aliases what the user calls channels.
    aliases = spec.get("aliases", {})
    channels = {*records["ch_names"], *aliases, *aliases.values()}
    words |= {
        name for name in channels if people.isdisjoint(_identifying_parts([name]))
    }
    escaped = {json.dumps(word)[1:-1].lower() for word in words if word}
    escaped |= {word.lower() for word in words if word}
    longest_first = sorted(escaped, key=lambda word: (-len(word), word))
    alternatives = "|".join(re.escape(word) for word in longest_first)
    # In a column of HDF5 texts of one length follow each other: traintraintrain.
    pattern = rf"(?<![0-9a-z])(?:{alternatives}|{_OWN})+(?![0-9a-z])"
    return re.compile(pattern.encode())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)
