"""Build a fixture file from a request: choose, read, write, verify, publish.

Invariant: nothing is published before every chosen window has been read and checked,
and no file with text that identifies its source is left behind.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.errors import SpecError
from bgb_fixtures.format.store import check_target
from bgb_fixtures.format.write import write_draft
from bgb_fixtures.request.recorded import Listing, RecordedRequest
from bgb_fixtures.request.spec import check_spec_target, write_spec
from bgb_fixtures.staging import new_files

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from bgb_fixtures.build.select import Selection
    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.format.records import WindowRecord
    from bgb_fixtures.format.write import Content
    from bgb_fixtures.request.synthetic import SyntheticRequest

__all__ = ["BuildReport", "build_fixture", "select_fixture", "synthesise"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What was built.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    windows : tuple of WindowRecord
        Windows of the fixture.
    missing_kinds : tuple of str
        Kinds of window that do not exist at this window length.
    crowded_kinds : dict of str to str
        Kinds of window that exist but were not selected, with the reason.
    other_lengths : tuple of str
        Recordings whose annotations state another duration than the file, one line
        each.
    n_recordings : int
        Number of annotated recordings found in the corpus.
    left_out : tuple of str
        Selected recordings that cannot be used, with the reason, one line each.
    n_problems : dict of str to int
        Number of recordings that cannot be used, by key of the reason.
    problems : tuple of str
        Number of recordings that cannot be used, one line for each reason.
    labels : tuple of LabelCount
        How free-text labels were read, and how often each occurs.
    differing : tuple of str
        Arrays that differ from a saved spec, because another version of a library
        filtered or resampled them.
    """

    path: Path
    windows: tuple[WindowRecord, ...]
    missing_kinds: tuple[str, ...] = ()
    crowded_kinds: dict[str, str] = field(default_factory=dict)
    other_lengths: tuple[str, ...] = ()
    n_recordings: int = 0
    left_out: tuple[str, ...] = ()
    n_problems: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    labels: tuple[LabelCount, ...] = ()
    differing: tuple[str, ...] = ()


def build_fixture(
    request: SyntheticRequest | RecordedRequest,
    path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | WebPath | None = None,
    annotations: str | os.PathLike[str] | None = None,
    strict: bool = False,
    save_spec: str | os.PathLike[str] | None = None,
    planning: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BuildReport:
    """Build a fixture file.

    Parameters
    ----------
    request : SyntheticRequest or RecordedRequest
        What to build, from `bgb_fixtures.request.spec.load_spec` or `parse_spec`. If it
        has digests, it is built only from the same bytes.
    path : str or path
        File to write. An existing fixture is replaced.
    root : str, path, WebPath or None
        Folder, file or web address of the recordings; None for synthetic EEG.
    annotations : str, path or None
        File or folder of the annotations (source ``edf`` only). None: beside or inside
        the recordings.
    strict : bool
        Whether a recording that cannot be used is an error, even if another can replace
        it.
    save_spec : str, path or None
        File for a spec that lists the windows used, with digests; published together
        with the fixture. Not for synthetic EEG, whose spec gives the same bytes anyway.
    planning : callable or None
        Called with (recordings done, recordings in total) before any sample is read.
    progress : callable or None
        Called with (steps done, steps in total). A step is a window, or a recording
        whose statistics profile ``zscore-1`` computes.

    Returns
    -------
    report : BuildReport
        What was built.

    Raises
    ------
    SpecError
        If the request cannot be fulfilled, for example if no window holds a seizure.
    SourceError
        If a selected recording is invalid, ambiguous, or differs from the spec.
    FetchError
        If a web server does not return the expected bytes.
    IntegrityError
        If the fixture would differ from the saved spec.
    PrivacyError
        If the file would hold text that identifies a recording.
    TargetError
        If a file cannot be written. After any error there is no new file.
    """
    target = Path(path)
    # Checked first, because the build may take minutes.
    check_target(target)
    if save_spec is not None:
        check_spec_target(Path(save_spec), beside=target)
    if isinstance(request, RecordedRequest):
        corpus = _open_corpus(request, root, annotations=annotations)
        return _build_recorded(
            request,
            corpus,
            target,
            strict=strict,
            spec_target=None if save_spec is None else Path(save_spec),
            planning=planning,
            progress=progress,
        )
    if save_spec is not None:
        msg = (
            "synthetic EEG needs no saved spec, because its own spec gives the same "
            "bytes; drop --save-spec"
        )
        raise SpecError(msg)
    if root is not None:
        msg = f"source 'synthetic' reads no files; drop --root {str(root)!r}"
        raise SpecError(msg)
    content = synthesise(request, progress=progress)
    with new_files(target) as (draft,):
        write_draft(content, draft, target=target)
    return BuildReport(
        path=target, windows=content.windows, n_recordings=len(request.recordings)
    )


def _build_recorded(
    request: RecordedRequest,
    corpus: Corpus,
    target: Path,
    *,
    strict: bool,
    spec_target: Path | None,
    planning: Callable[[int, int], None] | None,
    progress: Callable[[int, int], None] | None,
) -> BuildReport:
    from bgb_fixtures.build.digests import (
        Digests,
        check_outcome,
        is_exact,
        saved_request,
    )
    from bgb_fixtures.build.privacy import check_anonymous, texts_of_recordings
    from bgb_fixtures.build.recorded import read_recorded
    from bgb_fixtures.build.select import select_windows
    from bgb_fixtures.corpora.manifest import find_manifest
    from bgb_fixtures.corpora.opened import OpenRecordings

    manifest = find_manifest(corpus)
    save = spec_target is not None
    digests = Digests(request, wanted=save)
    whole_digests = digests.needs_whole_digests or manifest is not None
    with OpenRecordings(
        corpus, whole_digests=whole_digests, unit=request.unit
    ) as opened:
        selection, content, digests = read_recorded(
            select_windows(request, opened, strict=strict, progress=planning),
            opened,
            manifest=manifest,
            strict=strict,
            save=save,
            planning=planning,
            progress=progress,
        )
        texts = texts_of_recordings(opened, selection.chosen)
    differing: tuple[str, ...] = ()
    # The spec is published first, because a spec without its fixture does no harm.
    targets = (target,) if spec_target is None else (spec_target, target)
    with new_files(*targets) as (*spec_drafts, draft):
        write_draft(content, draft, target=target)
        check_anonymous(draft, texts, where=str(target))
        listing = request.selection
        if isinstance(listing, Listing) and listing.fixture is not None:
            differing = check_outcome(
                listing.fixture, draft, target=target, exact=is_exact(selection)
            )
        for spec_draft in spec_drafts:
            saved = saved_request(selection, corpus, digests, draft)
            write_spec(saved, spec_draft, target=targets[0])
    return BuildReport(
        path=target,
        windows=content.windows,
        missing_kinds=selection.missing_kinds,
        crowded_kinds=selection.crowded_kinds,
        other_lengths=selection.other_lengths,
        n_recordings=len(selection.recordings),
        left_out=selection.left_out_lines,
        n_problems=Counter(finding.problem for finding in selection.problems),
        problems=selection.problem_lines,
        labels=selection.labels,
        differing=differing,
    )


def select_fixture(
    request: RecordedRequest,
    *,
    root: str | os.PathLike[str] | WebPath | None,
    annotations: str | os.PathLike[str] | None = None,
    strict: bool = False,
    check: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Selection:
    """Return the windows that `build_fixture` would choose, without reading a sample.

    With `check` the samples are read, and unreadable recordings are skipped as in a
    build.
    """
    from bgb_fixtures.build.recorded import read_recorded
    from bgb_fixtures.build.select import select_windows
    from bgb_fixtures.corpora.opened import OpenRecordings

    corpus = _open_corpus(request, root, annotations=annotations)
    with OpenRecordings(corpus, unit=request.unit) as opened:
        selection = select_windows(request, opened, strict=strict, progress=progress)
        if not check:
            return selection
        return read_recorded(
            selection, opened, strict=strict, planning=progress, progress=progress
        ).selection


def synthesise(
    request: SyntheticRequest,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Content:
    """Generate the windows of a request in memory; they may all be seizure-free."""
    from bgb_fixtures.build.synthetic import read_synthetic

    return read_synthetic(request, progress=progress)


def _open_corpus(
    request: RecordedRequest,
    root: str | os.PathLike[str] | WebPath | None,
    *,
    annotations: str | os.PathLike[str] | None,
) -> Corpus:
    if root is None:
        msg = (
            f"source {request.source!r} needs --root: the folder of the database, a "
            "part of it, or one recording"
        )
        raise SpecError(msg)
    from bgb_fixtures.corpora import open_corpus
    from bgb_fixtures.corpora.licences import KNOWN_LICENCES, stated_licence

    corpus = open_corpus(
        request.source,
        root,
        splits=request.splits,
        annotations=annotations,
        rules=request.rules,
        dev_subjects=request.dev_subjects,
    )
    # Checked before the work begins.
    licence = stated_licence(request, corpus.licence)
    if request.licence is not None and not licence.redistributable:
        _log.warning(
            "licence %r is not known to allow redistribution, so the fixture is marked "
            "not redistributable. Known: %s",
            request.licence,
            KNOWN_LICENCES,
        )
    return corpus
