"""Read the windows of a selection from their recordings.

Invariant: a recording with inconsistent samples is skipped before the fixture is built
from the others, like a recording with an inconsistent header.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from bgb_fixtures.build.digests import Digests
from bgb_fixtures.build.read import Origin, Part, Pseudonyms, read_content
from bgb_fixtures.build.select import select_again
from bgb_fixtures.build.signals import native_signal, processed_signal, signal_steps
from bgb_fixtures.corpora.licences import stated_licence
from bgb_fixtures.corpora.recording import CC0
from bgb_fixtures.errors import SourceError
from bgb_fixtures.request.recorded import Listing, bare_request
from bgb_fixtures.request.spec import spec_to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.build.select import Selection
    from bgb_fixtures.corpora.manifest import Manifest
    from bgb_fixtures.corpora.opened import OpenRecording, OpenRecordings
    from bgb_fixtures.format.write import Content

__all__ = ["Reading", "read_recorded"]


class Reading(NamedTuple):
    """The windows that could be read, their content, and the digests of their bytes."""

    selection: Selection
    content: Content
    digests: Digests


def read_recorded(
    selection: Selection,
    opened: OpenRecordings,
    *,
    manifest: Manifest | None = None,
    strict: bool = False,
    save: bool = False,
    planning: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """Read the windows of a selection; replace windows of unreadable recordings.

    With `strict`, or if the request lists its windows, the first unreadable recording
    raises SourceError. `save` records the digests for a saved spec. If `manifest` lists
    all chosen files, the fixture states that its EEG is synthetic.
    """
    listed = isinstance(selection.request.selection, Listing)
    while True:
        digests = Digests(selection.request, wanted=save)
        begun: list[str] = []
        names = Pseudonyms(selection.windows)
        try:
            content = read_content(
                _iter_groups(selection, opened, digests, begun),
                _origin(selection, opened, names, manifest),
                names=names,
                n_times=selection.n_times,
                sfreq=selection.sfreq,
                progress=progress,
            )
        except SourceError as error:
            if strict or listed or not begun:
                raise
            selection = select_again(
                selection, opened, without=begun[-1], why=error, progress=planning
            )
            continue
        return Reading(selection, content, digests)


def _iter_groups(
    selection: Selection,
    opened: OpenRecordings,
    digests: Digests,
    begun: list[str],
) -> Iterator[list[Part]]:
    """Yield the recordings one by one, appending the name of each to `begun`."""
    request = selection.request
    rows: dict[str, list[int]] = {}
    for row, window in enumerate(selection.windows):
        rows.setdefault(window.recording.name, []).append(row)
    for recording in selection.chosen:
        begun.append(recording.name)
        one = opened.open(recording)
        digests.begin(one)
        signal, _ = native_signal(one, request)
        # A profile with a rate of its own resamples the whole recording itself.
        if request.profile.sfreq is None:
            signal = processed_signal(
                signal, sfreq=selection.sfreq, band_pass=request.band_pass
            )
        part = Part(
            recording=recording,
            windows=tuple((r, selection.windows[r]) for r in rows[recording.name]),
            signal=signal,
            announce=one.announce,
            scaled_with=f"recording {recording.name!r}",
        )
        yield [part]
        digests.end(one)


def _origin(
    selection: Selection,
    opened: OpenRecordings,
    names: Pseudonyms,
    manifest: Manifest | None,
) -> Origin:
    request = selection.request

    @cache
    def is_generated() -> bool:
        return manifest is not None and manifest.covers(opened, selection.chosen)

    def identity() -> dict[str, Any]:
        found = _identity(selection, opened, names)
        if manifest is not None and is_generated():
            found["synthetic"] = {
                "layout": manifest.layout,
                "recipe": manifest.recipe,
                "seed": manifest.seed,
            }
        return found

    profile = request.profile
    between = signal_steps(
        request.montage,
        rates=[]
        if profile.sfreq is not None
        else [selection.headers[r.name].sfreq for r in selection.chosen],
        sfreq=selection.sfreq,
        band_pass=request.band_pass,
        interpolated=bool(selection.interpolated),
    )
    place = profile.extra_steps_at
    return Origin(
        name=request.name,
        content_version=request.content_version,
        window_length=request.window_length,
        montage=request.montage,
        profile=profile,
        steps=(*profile.steps[:place], *between, *profile.steps[place:]),
        source=identity,
        licence=lambda: (
            CC0 if is_generated() else stated_licence(request, opened.corpus.licence)
        ),
        spec=spec_to_json(bare_request(request, names.recordings)),
    )


def _identity(
    selection: Selection, opened: OpenRecordings, names: Pseudonyms
) -> dict[str, Any]:
    """Return the assumptions and interpolated electrodes, without the corpus' names."""
    counts: dict[str, int] = {}
    for recording in selection.chosen:
        one: OpenRecording = opened.open(recording)
        for assumption in one.assumptions:
            counts[assumption] = counts.get(assumption, 0) + 1
    excluded = selection.request.criteria.exclude
    if excluded:
        counts["left out by name"] = len(excluded)
    identity: dict[str, Any] = {"name": selection.request.source}
    if counts:
        identity["assumptions"] = [
            f"{n} recording(s): {text}" for text, n in sorted(counts.items())
        ]
    if selection.interpolated:
        identity["interpolated"] = {
            names.recordings[name]: list(electrodes)
            for name, electrodes in selection.interpolated.items()
        }
    return identity
