"""Find the usable recordings of a corpus, and the reasons why others are unusable.

Invariant: a usable recording has valid, unambiguous annotations and a file; every other
recording is reported with the reason.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.labels import say_unmatched, sum_labels
from bgb_fixtures.corpora.places import open_bytes
from bgb_fixtures.corpora.recording import PROBLEMS, Finding
from bgb_fixtures.errors import (
    AnnotationError,
    SourceError,
    SpecError,
    counted,
    shorten,
    suggest,
)

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.recording import Located, Recording
    from bgb_fixtures.eeg.annotations import LabelCount

__all__ = [
    "annotation_digests",
    "check_splits",
    "iter_findings",
    "named_recordings",
    "problem_lines",
    "usable_recordings",
]

_log = logging.getLogger(__name__)
_CHUNK = 16 * 2**20
_LEAST_EDF_BYTES = 512
"""Size of a header with one signal."""
_POINTERS = {
    b"/annex/objects/": "git annex get",
    b"version https://git-lfs": "git lfs pull",
}
"""Content of placeholder files of recordings that were not fetched -> fetch command."""


def iter_findings(
    corpus: Corpus, progress: Callable[[int, int], None] | None = None
) -> Iterator[Finding]:
    """Yield every recording that is annotated or has a file, sorted by name.

    A problem with one recording is in its finding and does not affect the others.
    `progress` is called with (recordings done, recordings in total).
    """
    located = corpus.find()
    for done, name in enumerate(sorted(located), 1):
        yield _finding(corpus, name, located[name])
        if progress is not None:
            progress(done, len(located))


def _finding(corpus: Corpus, name: str, located: Located) -> Finding:
    split = corpus.split_of(name)
    recording = None
    labels: tuple[LabelCount, ...] = ()
    problem = message = ""
    absent = _say_absent(corpus, located.signal)
    try:
        if located.error:
            problem, message = "annotation", located.error
        elif absent and located.signal and located.signal in located.annotations:
            problem = "no-signal"
            message = f"recording {name!r}: {absent}"
        elif not located.annotations:
            problem = "unannotated"
            message = f"recording {name!r} {corpus.why_unannotated}"
        else:
            recording = corpus.annotate(name, located)
            if recording.subject in corpus.dev_subjects:
                recording = replace(recording, split="dev")
            split, labels = recording.split, recording.labels
    except SourceError as error:
        labels = error.labels if isinstance(error, AnnotationError) else ()
        problem, message = "annotation", str(error)
    if recording is not None and absent:
        problem = "no-signal"
        message = f"recording {name!r}: annotated, and {absent}"
    elif recording is not None and not corpus.offers(split):
        problem = "split"
        message = f"recording {name!r} is in split {split!r}" + (
            ", which is kept blind; to use it, request it by name (--split)"
            if not corpus.splits
            else f"; requested: {', '.join(corpus.splits)}"
        )
    return Finding(
        name=name,
        split=split,
        has_signal=not absent,
        recording=recording,
        problem=problem,
        message=message,
        labels=labels,
    )


def _say_absent(corpus: Corpus, address: str) -> str:
    """Return why the file of a recording is missing; empty if it exists."""
    if not address:
        return "its file is missing here"
    place = corpus.place_of(address)
    if not isinstance(place, Path):
        return ""
    try:
        # Data managers leave a placeholder shorter than any EDF file.
        is_short = place.stat().st_size < _LEAST_EDF_BYTES
        beginning = place.read_bytes() if is_short else b""
    except FileNotFoundError:
        return (
            "its file is a link to nothing; fetch it ('git annex get', 'datalad get')"
        )
    except OSError:
        # Opening the file will report the error.
        return ""
    for prefix, command in _POINTERS.items():
        if beginning.startswith(prefix):
            return (
                f"its file is only a pointer to the recording; fetch it ('{command}')"
            )
    return ""


def usable_recordings(
    corpus: Corpus,
    *,
    exclude: Collection[str] = (),
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Recording, ...], tuple[Finding, ...]]:
    """Return the usable recordings of the requested splits, and all other findings.

    Both are sorted by name. `exclude` has names of recordings to skip, valid or not.
    `strict` raises AnnotationError for the first recording with invalid annotations.
    SourceError if no recording is usable, SpecError if an excluded one does not exist.
    """
    usable: list[Recording] = []
    problems: list[Finding] = []
    names = []
    for finding in iter_findings(corpus, progress):
        names.append(finding.name)
        if finding.name in exclude:
            message = f"recording {finding.name!r}: left out by name, as requested"
            problems.append(replace(finding, problem="excluded", message=message))
            continue
        if finding.problem == "annotation" and strict:
            raise AnnotationError(finding.message)
        if finding.problem or finding.recording is None:
            problems.append(finding)
        else:
            usable.append(finding.recording)
    for name in sorted(set(exclude) - set(names)):
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]!r}? Otherwise " if close else ""
        msg = (
            f"no recording {name!r} to exclude below {str(corpus.root)!r}; {hint}pass a "
            "path relative to that folder, as printed by --dry-run and scan --json"
        )
        raise SpecError(msg)
    annotated = [*usable, *(p.recording for p in problems if p.recording)]
    if annotated:
        _check_subjects(corpus, annotated)
    check_splits(corpus.splits, [*usable, *problems])
    usable_line = f"{counted(len(usable), 'recording')} can be used"
    _log.info(
        "%s: %s", corpus.title, "; ".join([usable_line, *problem_lines(problems)])
    )
    if not usable:
        raise SourceError(_nothing_usable(corpus, problems))
    return tuple(usable), tuple(problems)


def problem_lines(problems: Iterable[Finding]) -> Iterator[str]:
    """Yield the number of unusable recordings for each reason."""
    counts = Counter(PROBLEMS[p.problem].format(split=p.split) for p in problems)
    for reason, n in sorted(counts.items()):
        yield f"{counted(n, 'recording')}: {reason}"


def check_splits(
    requested: Iterable[str], found: Iterable[Recording | Finding]
) -> None:
    """Raise SpecError if a requested split is mistyped, or none has a recording.

    Part of a corpus may lack one of several splits; that is logged.
    """
    requested = set(requested)
    splits = sorted({one.split for one in found if one.split})
    absent = sorted(requested - set(splits)) if splits else []
    for split in absent:
        hint = suggest(split, splits)
        msg = (
            f"no recording in split {split!r}{hint} Splits here: "
            f"{', '.join(map(repr, splits))}"
        )
        is_typo = bool(difflib.get_close_matches(split, splits))
        if is_typo or len(absent) == len(requested):
            raise SpecError(msg)
        _log.warning("%s", msg)


def _check_subjects(corpus: Corpus, recordings: Sequence[Recording]) -> None:
    """Raise SpecError if a subject requested for split ``dev`` does not exist."""
    subjects = sorted({recording.subject for recording in recordings})
    for subject in sorted(corpus.dev_subjects.difference(subjects)):
        hint = suggest(subject, subjects)
        msg = (
            f"no annotated recording belongs to subject {subject!r}, requested for split "
            f"'dev'{hint} Subjects here: {', '.join(map(repr, subjects))}"
        )
        raise SpecError(shorten(msg))


def _nothing_usable(corpus: Corpus, problems: Sequence[Finding]) -> str:
    root = repr(str(corpus.root))
    if not problems:
        return (
            f"{root}: no {corpus.title} recording found (looked for {corpus.sought} in "
            "this folder and all folders below). Pass the folder of the recordings with "
            "--root"
        )
    bad = next((p for p in problems if p.problem == "annotation"), problems[0])
    labels = sum_labels(problem.labels for problem in problems)
    reasons = "; ".join(problem_lines(problems))
    parts = [
        f"{root} has no usable {corpus.title} recording ({reasons})",
        say_unmatched(corpus.rules, labels),
        f"The first: {bad.message}" if bad.problem != "split" else "",
        corpus.advice_unannotated if bad.problem == "unannotated" else "",
    ]
    return ". ".join(filter(None, parts))


def named_recordings(
    corpus: Corpus,
    names: Collection[str],
    *,
    sha256: Mapping[str, str],
    complete: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Recording, ...]:
    """Find recordings by name and read only their annotations.

    `sha256` has the required digests of annotation files, by name as in
    `annotation_digests`; if `complete`, there must be no other annotation file.
    SourceError if a recording is missing or unusable, or its annotation file is missing
    or has another digest.
    """
    located = corpus.find(frozenset(names))
    for name in sorted(names):
        if name not in located:
            raise SourceError(_not_found(corpus, name, located))
    _check_file_names(
        corpus, sha256, {name: located[name] for name in names}, complete=complete
    )
    known: dict[str, str] = {}
    recordings = []
    for done, name in enumerate(sorted(names), 1):
        _check_digests(corpus, name, located[name], sha256, known)
        finding = _finding(corpus, name, located[name])
        if finding.problem == "annotation":
            raise AnnotationError(finding.message)
        if finding.problem or finding.recording is None:
            raise SourceError(finding.message)
        recordings.append(finding.recording)
        if progress is not None:
            progress(done, len(names))
    return tuple(recordings)


def _not_found(corpus: Corpus, name: str, located: Mapping[str, Located]) -> str:
    close = difflib.get_close_matches(name, located, n=1)
    hint = f"did you mean {close[0]!r}? Otherwise " if close else ""
    return (
        f"recording {name!r} is not below {str(corpus.root)!r}; {hint}pass the root "
        f"of {corpus.title} that its name is relative to, or fetch it"
    )


def _check_file_names(
    corpus: Corpus,
    sha256: Mapping[str, str],
    located: Mapping[str, Located],
    *,
    complete: bool,
) -> None:
    known = {
        corpus.annotation_name(name, of_recording, path): path
        for name, of_recording in located.items()
        for path in of_recording.annotations
    }
    for file_name in sorted(sha256.keys() - known):
        close = difflib.get_close_matches(file_name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        msg = (
            f"annotation file {file_name!r}: the spec has its SHA-256, and no "
            f"recording that it lists has a file of this name here; {hint}Found: "
            f"{', '.join(sorted(known)) or 'none'}. For source edf, pass their folder "
            "with --annotations"
        )
        raise SourceError(msg)
    for file_name in sorted(known.keys() - sha256.keys()) if complete else ():
        msg = (
            f"{known[file_name]!r}: the fixture of the spec was built without this "
            f"annotation file (found {', '.join(sorted(known))}; expected "
            f"{', '.join(sorted(sha256)) or 'none'}). Is it another version of the "
            "corpus? Remove the file, or build without the digests"
        )
        raise SourceError(msg)


def _check_digests(
    corpus: Corpus,
    name: str,
    located: Located,
    sha256: Mapping[str, str],
    known: dict[str, str],
) -> None:
    for path in located.annotations:
        expected = sha256.get(corpus.annotation_name(name, located, path))
        if expected is None:
            continue
        obtained = _digest(corpus, path, known)
        if obtained != expected:
            msg = (
                f"{path!r}: expected SHA-256 {expected}, got {obtained}: these are "
                "not the annotations that the spec was saved with. Is it another "
                "version of the corpus? Fetch the file again, or look at what changed"
            )
            raise AnnotationError(msg)


def annotation_digests(
    corpus: Corpus, recordings: Collection[Recording]
) -> dict[str, str]:
    """Return the SHA-256 of each annotation file of some recordings.

    The key is the corpus' own name of the file, a path from its folder. For annotations
    inside a recording, it is the recording's own name.
    """
    known: dict[str, str] = {}
    return {
        corpus.annotation_name(recording.name, recording.located, path): _digest(
            corpus, path, known
        )
        for recording in recordings
        for path in recording.located.annotations
    }


def _digest(corpus: Corpus, path: str, known: dict[str, str]) -> str:
    """Return a digest, computed once because many recordings may share a list."""
    if path not in known:
        place = corpus.place_of(path)
        if not isinstance(place, Path):
            known[path] = place.sha256()
            return known[path]
        source = open_bytes(place)
        try:
            digest = hashlib.sha256()
            for start in range(0, source.size, _CHUNK):
                digest.update(source.read(start, min(start + _CHUNK, source.size)))
        finally:
            source.close()
        known[path] = digest.hexdigest()
    return known[path]
