"""Check that a fixture contains no name, date, path or free text of its source.

Invariant: the search covers all texts that say who was recorded, when, where and by
whom. A fixture's own names, its numbers and the words of the format do not count as
matches. No message contains the text that was found.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bgb_fixtures.corpora.places import is_there, is_web_address
from bgb_fixtures.edf.annotations import annotation_texts
from bgb_fixtures.edf.header import header_texts
from bgb_fixtures.edf.records import EdfFile
from bgb_fixtures.edf.source import LocalFile
from bgb_fixtures.eeg.channels import electrode_name
from bgb_fixtures.eeg.events import SZCORE_CODES
from bgb_fixtures.eeg.kinds import KINDS
from bgb_fixtures.errors import PrivacyError, SourceError
from bgb_fixtures.format.layout import LINE_LENGTH, parse_json
from bgb_fixtures.format.records import parse_index
from bgb_fixtures.request.annotation_rules import RULE_KEYS
from bgb_fixtures.request.recorded import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bgb_fixtures.corpora.opened import OpenRecording, OpenRecordings
    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.recording import Recording
    from bgb_fixtures.format.records import Index

__all__ = [
    "IdentifyingTexts",
    "check_anonymous",
    "texts_below",
    "texts_of_recordings",
]

LEAST_LENGTH = 4
"""Bytes of UTF-8; shorter texts occur in every file by chance."""
_LEAST_DIGITS = 6
_EDF_SUFFIXES = (".edf", ".bdf")
_ANNOTATION_SUFFIXES = (
    *(".csv", ".csv_bi", ".tsv", ".txt", ".tse", ".tse_bi", ".lbl", ".lbl_bi"),
    *(".seizures", ".json"),
)
# Words that describe a kind of text. A text made only of these words and of single
# letters identifies nobody: 'Startdate X X X', 'seizure onset', 'EDF+C'.
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
# Names of references in channel labels.
_REFERENCES = frozenset({"ar", "av", "avg", "car", "cs2", "le", "ref"})
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]*")
_WORD = re.compile(r"[^\W_]+")
_FIELD = re.compile(r"[\t\r\n\0,;=\"]|:\s")
# Every byte above ASCII: in UTF-8 any of them may be part of a letter.
_PRINTABLE = re.compile(rb"[ -~\t\x80-\xff]{4,}")
# JSON numbers, which are not text of a source. They follow a colon, a comma or a
# bracket; of a string with commas, this can match only numbers.
_NUMBER = re.compile(
    rb"(?<=[:,\[])\s?-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?(?=\s?[,\]}])"
)
_OWN = r"[0-9a-f]{64}|(?:sub|rec|win)-[0-9]{2,9}"
"""Digests, and the fixture's own names of subjects, recordings and windows."""
_SPLITS = ("train", "dev", "eval", "test", "dev_test")


@dataclass(slots=True)
class IdentifyingTexts:
    """Texts to search for, and where each was found.

    Attributes
    ----------
    origins : dict of str to str
        Text -> description of its place, such as ``"the header of 'a.edf'"``.
    unreadable : list of str
        Files whose texts could not be read.
    people : set of str
        Texts of a header about the recording rather than its signals, in lower case.
        Even channel names must not contain them.
    """

    origins: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def add(self, text: str, origin: str) -> None:
        """Add a text and its words, if they are identifying."""
        if text in self._seen:
            return
        self._seen.add(text)
        for part in (text.strip(), *_words(text)):
            if _is_identifying(part):
                self.origins.setdefault(part, origin)

    def add_path(self, path: str, origin: str) -> None:
        """Add a path below the root, its folders, and names without extension."""
        self.add(path, origin)
        for part in path.split("/"):
            self.add(part, origin)
            self.add(part.split(".")[0], origin)

    def add_recording(self, edf: EdfFile, *, where: str) -> None:
        """Add the texts in the header of a recording."""
        of_recording, of_signals = (
            [_decode(text.encode("latin-1")) for text in part]
            for part in header_texts(edf.raw_header)
        )
        for text in (*of_recording, *of_signals):
            self.add(text, f"the header of {where}")
        self.people |= _identifying_parts(of_recording)

    def add_inner_annotations(self, edf: EdfFile, *, where: str) -> None:
        """Add the annotations inside a recording (EDF+)."""
        for text in annotation_texts(edf):
            self.add(text, f"the annotations in {where}")

    def add_annotation_file(self, path: CorpusPath, *, where: str) -> None:
        """Add the texts of an annotation file."""
        for run in _PRINTABLE.findall(path.read_bytes()):
            for part in _FIELD.split(_decode(run)):
                self.add(part.strip(" #'{}[]"), f"the annotations {where}")


def _identifying_parts(texts: Iterable[str]) -> set[str]:
    """Return the identifying texts and words in lower case."""
    parts = (part for text in texts for part in (text.strip(), *_words(text)))
    return {part.lower() for part in parts if _is_identifying(part)}


def _decode(raw: bytes) -> str:
    """Decode as UTF-8 if valid (other encodings rarely are), otherwise as Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # A fixed-width field may end in the middle of a character.
        whole = raw[: error.start]
        if error.reason == "unexpected end of data" and not whole.isascii():
            return whole.decode("utf-8")
        return raw.decode("latin-1")


def _words(text: str) -> Iterator[str]:
    """Yield the parts between blanks, and the words of each part."""
    for part in text.split():
        if _DECIMAL.fullmatch(part):
            continue
        yield part
        for word in _WORD.findall(part):
            # Years and counts occur in many files; longer numbers may identify someone.
            if not word.isdigit() or len(word) >= _LEAST_DIGITS:
                yield word


def _is_identifying(text: str) -> bool:
    # Measured in bytes: three non-ASCII letters identify as well as four ASCII ones.
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
    opened: OpenRecordings, recordings: Iterable[Recording]
) -> IdentifyingTexts:
    """Return identifying texts of recordings: names, paths, headers, annotations."""
    texts = IdentifyingTexts()
    for recording in recordings:
        where = repr(recording.name)
        texts.add_path(recording.name, f"the path of {where}")
        texts.add(recording.subject, f"the subject of {where}")
        one: OpenRecording = opened.open(recording)
        located = recording.located
        for address in dict.fromkeys((located.signal, *located.annotations)):
            place = opened.corpus.place_of(address)
            named = repr(place.name)
            texts.add(str(place.absolute()), f"the path of {where}")
            texts.add_path(place.name, f"the path of {where}")
            # Text that was never read cannot be in a fixture, so annotations inside a
            # recording count only if the seizures come from them.
            if address == located.signal:
                texts.add_recording(one.edf, where=named)
                if address in located.annotations:
                    texts.add_inner_annotations(one.edf, where=named)
                continue
            try:
                texts.add_annotation_file(place, where=named)
            except (SourceError, OSError):
                texts.unreadable.append(named)
    return texts


def texts_below(
    root: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> IdentifyingTexts:
    """Return the identifying texts of all files in a folder, for any corpus."""
    if is_web_address(root):
        msg = (
            f"{str(root)!r}: headers and annotations of a whole remote folder are not "
            "fetched; build already searched those of the recordings that it used. "
            "Pass a local folder"
        )
        raise SourceError(msg)
    root = Path(root)
    if not is_there(root):
        msg = f"{str(root)!r}: no such folder or file"
        raise SourceError(msg)
    wanted = (*_EDF_SUFFIXES, *_ANNOTATION_SUFFIXES)
    files = [root] if root.is_file() else sorted(_files_below(root))
    files = [path for path in files if path.suffix.lower() in wanted and _is_file(path)]
    if not any(path.suffix.lower() in _EDF_SUFFIXES for path in files):
        msg = f"{str(root)!r}: found no EDF or BDF file to compare with"
        raise SourceError(msg)
    texts = IdentifyingTexts()
    texts.add(str(root.absolute()), "the path of the folder")
    for done, path in enumerate(files, 1):
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        texts.add_path(name, f"the path {name!r}")
        try:
            if path.suffix.lower() in _EDF_SUFFIXES:
                with EdfFile(LocalFile(path)) as edf:
                    texts.add_recording(edf, where=repr(name))
                    texts.add_inner_annotations(edf, where=repr(name))
            else:
                texts.add_annotation_file(path, where=repr(name))
        except (SourceError, OSError):
            texts.unreadable.append(repr(name))
        if progress is not None:
            progress(done, len(files))
    return texts


def _files_below(root: Path) -> Iterator[Path]:
    """Yield all files; follow links, as sources do, but visit each folder once."""

    def refuse(error: OSError) -> NoReturn:
        msg = (
            f"{error.filename!r} cannot be listed: {error.strerror}; its recordings "
            "cannot be compared"
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
        # The caller reports it among the unreadable files.
        return True


def check_anonymous(
    path: str | os.PathLike[str], texts: IdentifyingTexts, *, where: str | None = None
) -> None:
    """Raise PrivacyError if a fixture holds a text that identifies its source.

    Everything except samples and labels is searched: documents and columns of text,
    ignoring case, as ASCII, UTF-8 and JSON escapes. Numbers and the words of the format
    do not count: keys, licence, profile, electrodes, kinds, names like ``sub-01``. The
    fixture must already be validated; `where` is its name in messages.
    """
    # Mapped, because the arrays, which are most of the file, are not searched.
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw,
    ):
        index = parse_index(raw, size=len(raw), where=repr(str(path)))
        patterns = [
            (pattern, text) for text in texts.origins for pattern in _encodings(text)
        ]
        # The first line holds two lengths and a digest.
        start = LINE_LENGTH
        arrays = sorted(index.arrays.values(), key=lambda entry: entry.offset)
        blank: re.Pattern[bytes] | None = None
        for stop, after in (
            *((a.offset, a.offset + a.length) for a in arrays),
            (None, 0),
        ):
            part = raw[start:stop].lower()
            found = [one for one in patterns if one[0] in part]
            # Blanking can only remove matches, so a part without matches needs none.
            if found:
                blank = blank or _vocabulary(
                    raw, index, texts.people, where=repr(str(path))
                )
                part = _blanked(part, blank)
            for pattern, text in found:
                if pattern in part:
                    msg = (
                        f"{where or str(path)!r} would hold {len(text)} characters of "
                        f"{texts.origins[text]}, near byte {start + part.index(pattern)}; "
                        "fixtures hold nothing that identifies a recording. Look at the "
                        "name, the aliases and the label_pattern of the spec"
                    )
                    raise PrivacyError(msg)
            start = after


def _encodings(text: str) -> set[bytes]:
    """Return the possible encodings of a text, with ASCII letters in lower case."""
    texts = {text}
    if not text.isascii():
        texts |= {text.lower(), text.upper(), text.title()}
    for one in tuple(texts):
        # UTF-8 that was decoded as Latin-1, here or by the author of the text.
        with suppress(UnicodeError):
            texts.add(one.encode("latin-1").decode("utf-8"))
        with suppress(UnicodeError):
            texts.add(one.encode("utf-8").decode("latin-1"))
    texts |= {json.dumps(one)[1:-1] for one in texts}
    encoded = set()
    for one in texts:
        with suppress(UnicodeEncodeError):
            encoded.add(one.encode("utf-8").lower())
    return {pattern for pattern in encoded if len(pattern) >= LEAST_LENGTH}


def _blanked(part: bytes, blank: re.Pattern[bytes]) -> bytes:
    """Return a lower-case part of the file with numbers and known words blanked."""
    for pattern in (blank, _NUMBER):
        part = pattern.sub(lambda match: b"\1" * len(match[0]), part)
    return part


def _vocabulary(
    raw: bytes | mmap.mmap, index: Index, people: set[str], *, where: str
) -> re.Pattern[bytes]:
    """Return a pattern that matches the words of the format and the request."""
    start, stop = index.records_span
    records = parse_json(raw[start:stop], where=where, what="records")
    document = parse_json(raw[LINE_LENGTH:start], where=where, what="index")
    spec = records["spec"]
    words = {*_keys(document), *_keys({**records, "spec": {}}), *spec}
    words |= {*KINDS, *(kind for kinds in KINDS.values() for kind in kinds)}
    words |= {*_SPLITS, *MISSING, *SZCORE_CODES, *SZCORE_CODES.values()}
    words |= {str(value) for value in records["licence"].values()}
    words |= {str(spec[key]) for key in ("licence", "attribution") if key in spec}
    words |= {records["profile"]["name"], *records["profile"]["steps"]}
    words |= {records["source"]["name"], records["montage"], records["unit"]}
    # Layout and recipe of a twin, which are never free text.
    words |= set(_strings(records["source"].get("synthetic")))
    words |= {*records["source"].get("assumptions", ())}
    if records["source"]["name"] == "synthetic":
        # Requested contents. For recordings in files, this list holds their names.
        words |= set(_strings(spec.get("recordings", [])))
    # Rows of a montage are electrodes, and aliases are the user's names of channels.
    aliases = spec.get("aliases", {})
    channels = {*records["ch_names"], *aliases, *aliases.values()}
    channels.add(spec.get("label_format", ""))
    words |= {
        name for name in channels if people.isdisjoint(_identifying_parts([name]))
    }
    # Labels in a request are its author's own words, unless they name the subject.
    authored = {text for key in RULE_KEYS for text in _strings(spec.get(key))}
    words |= {
        text for text in authored if people.isdisjoint(_identifying_parts([text]))
    }
    escaped = {json.dumps(word)[1:-1].lower() for word in words if word}
    escaped |= {word.lower() for word in words if word}
    longest_first = sorted(escaped, key=lambda word: (-len(word), word))
    alternatives = "|".join(re.escape(word) for word in longest_first)
    # In an HDF5 column, texts of equal length follow each other: traintraintrain.
    pattern = rf"(?:{alternatives}|{_OWN})+(?![0-9a-z])".encode()
    # Most bytes are zeros: look at the first byte before trying hundreds of words.
    first = {re.escape(word.encode()[:1]) for word in escaped}
    begins = b"(?<![0-9a-z])(?=[%s0-9a-z])" % b"".join(sorted(first))
    return re.compile(begins + pattern)


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
