"""From a spec to a fixture file.

Invariant: nothing is written before every chosen window was read and checked, and no
file is left that holds text which identifies its source.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bgb_fixtures.build.listed import plan_listed
from bgb_fixtures.build.plan import Plan, plan_windows
from bgb_fixtures.build.privacy import check_anonymous, texts_of_recordings
from bgb_fixtures.build.process import read_content
from bgb_fixtures.build.repetition import (
    check_covered,
    check_outcome,
    is_exact,
    make_plan,
    repeat_plan,
)
from bgb_fixtures.build.saved import check_plan_target, save_plan
from bgb_fixtures.errors import SpecError
from bgb_fixtures.format.layout import FIXTURE
from bgb_fixtures.format.store import check_target
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from bgb_fixtures.build.saved import SavedPlan
    from bgb_fixtures.corpora import Source
    from bgb_fixtures.corpora.corpus import CorpusSource
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.format.records import WindowRecord
    from bgb_fixtures.format.write import Content
    from bgb_fixtures.request.spec import FixtureSpec

__all__ = [
    "BuildReport",
    "build_fixture",
    "build_from_plan",
    "plan_fixture",
    "synthesise",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """Say what was built.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    windows : tuple of WindowRecord
        What it holds.
    missing_kinds : tuple of str
        Kinds of window that the source does not have at this window length.
    n_recordings : int
        Annotated recordings that the source offered.
    left_out : tuple of str
        What is wrong with recordings that were chosen and cannot be used, a line each.
    n_problems : dict of str to int
        Recordings that the source did not offer, by the reason.
    differing : tuple of str
        Built from a saved plan: arrays that are not those of the plan to the last bit,
        as another version of a library filtered or resampled.
    """

    path: Path
    windows: tuple[WindowRecord, ...]
    missing_kinds: tuple[str, ...]
    n_recordings: int
    left_out: tuple[str, ...] = ()
    n_problems: dict[str, int] = field(default_factory=dict)
    differing: tuple[str, ...] = ()


def build_fixture(
    spec: FixtureSpec,
    path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | WebPath | None = None,
    annotations: str | os.PathLike[str] | None = None,
    strict: bool = False,
    plan_path: str | os.PathLike[str] | None = None,
    planning: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BuildReport:
    """Build a fixture file from a spec.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    path : str or path
        The file to write; an older fixture there is replaced.
    root : str, path, WebPath or None
        Folder or file of the recordings, or their web address; None for the synthetic
        source.
    annotations : str, path or None
        Source ``edf`` only: file or folder of the annotations; None: beside or in the
        recordings.
    strict : bool
        Whether a recording that cannot be used is an error, even if another can take
        its place.
    plan_path : str, path or None
        Where to save a plan, from which `build_from_plan` makes the same file; not of
        the synthetic source, whose spec does that.
    planning : callable or None
        Called with (recordings done, recordings in all) before any sample is read.
    progress : callable or None
        Called with (steps done, steps in all); a step is a window, or a recording
        that profile zscore-1 sums up.

    Returns
    -------
    report : BuildReport
        What was built.

    Raises
    ------
    SpecError
        If the request cannot be met; for example no window would hold a seizure.
    SourceError
        If a chosen recording cannot be read with certainty.
    FetchError
        If a web server does not give what it should.
    PrivacyError
        If the file would hold text that identifies a recording.
    FormatError
        If nobody could read the plan, as for a recording with a line feed in its name.
    TargetError
        If a file cannot be written. In each case there is no new fixture.
    """
    # Before the work begins: it may take minutes.
    check_target(Path(path), FIXTURE)
    if plan_path is not None:
        if spec.source == "synthetic":
            msg = "source 'synthetic' needs no plan: its spec gives the same bytes"
            raise SpecError(msg)
        check_plan_target(plan_path, beside=path)
    source = _get_source(spec, root, annotations=annotations, strict=strict)
    plan = _plan(spec, source, strict=strict, progress=planning)
    content = read_content(plan, source, progress=progress)

    def describe(file: Path) -> None:
        # Before the fixture gets its place: there is none without the plan.
        if plan_path is not None:
            save_plan(make_plan(plan, cast("CorpusSource", source), file), plan_path)

    if spec.source == "synthetic":
        target = write_fixture(content, path)
    else:
        corpus = cast("CorpusSource", source)
        target = _write_anonymous(content, plan, corpus, path, check=describe)
    return BuildReport(
        path=target,
        windows=content.windows,
        missing_kinds=() if spec.quotas or spec.listed else plan.missing_kinds,
        n_recordings=len(plan.recordings),
        left_out=plan.left_out_lines,
        n_problems=Counter(finding.problem for finding in plan.problems),
    )


def build_from_plan(
    saved: SavedPlan,
    path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | WebPath,
    annotations: str | os.PathLike[str] | None = None,
    planning: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BuildReport:
    """Build the fixture that a plan was saved of, from another copy of the corpus.

    Parameters
    ----------
    saved : SavedPlan
        From `bgb_fixtures.build.saved.load_plan`.
    path : str or path
        The file to write; an older fixture there is replaced.
    root : str, path or WebPath
        As for `build_fixture`: the copy.
    annotations : str, path or None
        As for `build_fixture`.
    planning : callable or None
        As for `repeat_plan`: called with (recordings done, recordings in all).
    progress : callable or None
        As for `build_fixture`.

    Returns
    -------
    report : BuildReport
        What was built: the same bytes. Where samples were filtered, resampled or
        interpolated they may differ, and `differing` says in which arrays.

    Raises
    ------
    SourceError
        If a recording of the plan is missing or not the same.
    FormatError
        If the plan does not know all bytes that its windows need.
    IntegrityError
        If the fixture would not be that of the plan.
    PrivacyError
        If the file would hold text that identifies a recording.
    TargetError
        If the file cannot be written. In each case there is no new file.
    """
    check_target(Path(path), FIXTURE)
    source = cast(
        "CorpusSource", _get_source(saved.spec, root, annotations=annotations)
    )
    plan = repeat_plan(saved, source, progress=planning)
    content = read_content(plan, source, progress=progress)
    check_covered(saved, source)
    differing: list[str] = []

    def compare(file: Path) -> None:
        differing.extend(check_outcome(saved, file, exact=is_exact(plan)))

    target = _write_anonymous(content, plan, source, path, check=compare)
    return BuildReport(
        path=target,
        windows=content.windows,
        missing_kinds=(),
        n_recordings=len(plan.recordings),
        differing=tuple(differing),
    )


def _write_anonymous(
    content: Content,
    plan: Plan,
    source: CorpusSource,
    path: str | os.PathLike[str],
    *,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Write a fixture that holds nothing which identifies a recording."""
    chosen = {w.recording.name: w.recording for w in plan.windows}
    texts = texts_of_recordings(source, chosen.values())

    def check_all(file: Path) -> None:
        check_anonymous(file, texts, where=str(path))
        if check is not None:
            check(file)

    return write_fixture(content, path, check=check_all)


def plan_fixture(
    spec: FixtureSpec,
    *,
    root: str | os.PathLike[str] | WebPath | None = None,
    annotations: str | os.PathLike[str] | None = None,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Say what `build_fixture` would take, without reading a sample.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    root : str, path, WebPath or None
        As for `build_fixture`.
    annotations : str, path or None
        As for `build_fixture`.
    strict : bool
        As for `build_fixture`.
    progress : callable or None
        Called with (recordings done, recordings in all).

    Returns
    -------
    plan : Plan
        Windows, and why all others were passed over.

    Raises
    ------
    SpecError
        If the request cannot be met.
    SourceError
        If no recording can be used.
    """
    source = _get_source(spec, root, annotations=annotations, strict=strict)
    return _plan(spec, source, strict=strict, progress=progress)


def _plan(
    spec: FixtureSpec,
    source: Source,
    *,
    strict: bool,
    progress: Callable[[int, int], None] | None,
) -> Plan:
    if spec.source == "synthetic":
        return plan_windows(spec, source, source.recordings())
    corpus = cast("CorpusSource", source)
    if spec.listed:
        names = [recording.name for recording in spec.listed]
        digests = dict(spec.sha256)
        named = corpus.named_recordings(names, sha256=digests, progress=progress)
        return plan_listed(spec, source, named, progress=progress)
    recordings = corpus.recordings(progress)
    plan = plan_windows(spec, source, recordings, strict=strict, progress=progress)
    return replace(plan, problems=corpus.problems)


def synthesise(spec: FixtureSpec) -> Content:
    """Generate the windows of a synthetic spec, without a file.

    Parameters
    ----------
    spec : FixtureSpec
        Of the synthetic source; its windows may all be without a seizure.

    Returns
    -------
    content : Content
        What `build_fixture` would write.
    """
    source = _get_source(spec, None)
    return read_content(plan_windows(spec, source, source.recordings()), source)


def _get_source(
    spec: FixtureSpec,
    root: str | os.PathLike[str] | WebPath | None,
    *,
    annotations: str | os.PathLike[str] | None = None,
    strict: bool = False,
) -> Source:
    if spec.source == "synthetic":
        if root is not None:
            msg = f"source 'synthetic' reads no files; drop --root {str(root)!r}"
            raise SpecError(msg)
        from bgb_fixtures.build.synthetic import SyntheticSource

        return SyntheticSource(
            spec.recordings,
            seed=spec.seed or 0,
            recipe=spec.recipe,
            sfreq=spec.sfreq or 256.0,
        )
    if root is None:
        msg = (
            f"source {spec.source!r} needs --root: the folder of the database, a part "
            "of it, or one recording"
        )
        raise SpecError(msg)
    from bgb_fixtures.corpora import get_source

    return get_source(
        spec.source,
        root,
        splits=spec.splits,
        annotations=annotations,
        label_pattern=spec.label_pattern,
        strict=strict,
    )
