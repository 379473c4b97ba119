"""A miniature corpus of synthetic EDF recordings in the layout of a real one.

For testing code that reads EDF: recordings, annotation files and lists as in TUSZ,
CHB-MIT, Siena or a BIDS data set, with seizures that are known to the sample.

Invariant: the same request gives the same bytes in every file; a corpus is written
completely, in a folder of its own, or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.bids import twin as bids
from bgb_fixtures.corpora.chbmit import twin as chbmit
from bgb_fixtures.corpora.manifest import MANIFEST_NAME, write_manifest
from bgb_fixtures.corpora.siena import twin as siena
from bgb_fixtures.corpora.tusz import twin as tusz
from bgb_fixtures.corpora.twin.pieces import iter_pieces
from bgb_fixtures.corpora.twin.plan import plan_recordings
from bgb_fixtures.edf.writer import import_edfio
from bgb_fixtures.errors import Key, SpecError
from bgb_fixtures.staging import check_new_folder, new_folder
from bgb_fixtures.synthetic import RECIPE

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bgb_fixtures.corpora.twin.layout import Layout
    from bgb_fixtures.corpora.twin.plan import PlannedRecording
    from bgb_fixtures.eeg.events import Event

__all__ = ["LAYOUTS", "CorpusRecording", "CorpusReport", "write_corpus"]


LAYOUTS = {
    "tusz": tusz.LAYOUT,
    "tusz-1.5": tusz.LAYOUT_1_5,
    "chbmit": chbmit.LAYOUT,
    "siena": siena.LAYOUT,
    "bids": bids.LAYOUT,
}
"""Name of a layout -> the layout."""

_EXAMPLES = {"chbmit": "chb01 and chb21", "siena": "PN00 and PN01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRecording:
    """One recording of a written corpus.

    Attributes
    ----------
    name : str
        Path of the EDF file inside the corpus, with ``/``.
    split : str
        ``"train"``, ``"dev"`` or ``"eval"``.
    duration : float
        Seconds.
    sfreq : int
        Hz.
    events : tuple of Event
        Seizures, exact to the sample, with their type.
    without : tuple of str
        Electrodes that the file lacks.
    """

    name: str
    split: str
    duration: float
    sfreq: int
    events: tuple[Event, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusReport:
    """The folder and recordings that were written.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    recordings : tuple of CorpusRecording
        Sorted by name.
    """

    path: Path
    recordings: tuple[CorpusRecording, ...]


def write_corpus(
    layout: str,
    out: str | os.PathLike[str],
    *,
    n_recordings: int,
    duration: float,
    seed: int = 0,
    without_fz_pz: bool = False,
    rates: Sequence[int] = (),
    cases: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> CorpusReport:
    """Write a miniature corpus.

    Parameters
    ----------
    layout : str
        ``"tusz"`` (2.x), ``"tusz-1.5"``, ``"chbmit"``, ``"siena"`` or ``"bids"``.
    out : str or path
        Folder to create; it may exist if it is empty.
    n_recordings : int
        Number of recordings, 1 to 999. The first by name holds a seizure. With 6 or more,
        a third to a half hold one, and every split has recordings with and without.
    duration : float
        Whole seconds per recording, 10 to 3600. It does not affect memory use.
    seed : int
        Seed for patients, seizures and signals, 0 to 4294967295.
    without_fz_pz : bool
        Whether the last recording of split ``train`` lacks Fz and Pz, as 3 % of the files
        of TUSZ do (TUSZ only).
    rates : sequence of int
        Sampling rates in Hz, of 250, 256, 400 and 512, assigned to patients in turn (TUSZ
        only). Empty: 256. The EEG is generated at 256 Hz and resampled.
    cases : sequence of str
        Names of the patients, such as ``"chb01"``, for programs that contain names from
        the real corpus (CHB-MIT and Siena only). Recordings are distributed among them.
        Empty: names that the real corpus does not have.
    progress : callable or None
        Called with (recordings done, recordings in total), first with 0 done.

    Returns
    -------
    report : CorpusReport
        What was written.

    Raises
    ------
    SpecError
        If an argument is invalid.
    TargetError
        If the folder is not empty or cannot be written. Nothing is left behind.
    MissingPackageError
        If edfio is not installed.
    """
    if layout not in LAYOUTS:
        known = ", ".join(repr(name) for name in LAYOUTS)
        msg = f"unknown layout {layout!r}; layouts: {known}"
        raise SpecError(msg)
    form = LAYOUTS[layout]
    if without_fz_pz and form not in (tusz.LAYOUT, tusz.LAYOUT_1_5):
        msg = f"without Fz and Pz: only layout 'tusz' has such files, got {layout!r}"
        raise SpecError(msg)
    _check_rates(layout, rates)
    _check_cases(layout, cases, n_recordings=n_recordings)
    plan = plan_recordings(
        n_recordings=n_recordings,
        duration=duration,
        seed=seed,
        splits=form.splits,
        steps_per_s=form.steps_per_s,
        rates=tuple(rates) or form.rates[:1],
        cases=tuple(cases),
        types=form.types,
    )
    if without_fz_pz:
        last = max(i for i, p in enumerate(plan) if p.spec.split == "train")
        lacking = replace(plan[last], without=("Fz", "Pz"))
        plan = (*plan[:last], lacking, *plan[last + 1 :])
    report = CorpusReport(path=check_new_folder(out), recordings=_describe(form, plan))
    import_edfio()
    with new_folder(report.path) as folder:
        if progress is not None:
            progress(0, len(plan))
        for done, planned in enumerate(plan, 1):
            form.write_recording(folder, planned, iter_pieces(planned))
            if progress is not None:
                progress(done, len(plan))
        if form.write_lists is not None:
            form.write_lists(folder, plan)
        readme = _readme(layout, report.recordings, seed=seed, rates=rates, cases=cases)
        (folder / "README.md").write_bytes(readme.encode("ascii"))
        # Written last, because it lists all files.
        write_manifest(folder, layout=layout, recipe=RECIPE, seed=seed)
    return report


def _check_rates(layout: str, rates: Sequence[int]) -> None:
    allowed = LAYOUTS[layout].rates
    wrong = [rate for rate in rates if rate not in allowed]
    if wrong:
        msg = (
            f": expected Hz of {', '.join(map(str, sorted(allowed)))} for layout "
            f"{layout!r}, got {wrong[0]!r}"
        )
        raise SpecError(Key("rates"), msg)


def _check_cases(layout: str, cases: Sequence[str], *, n_recordings: int) -> None:
    form = LAYOUTS[layout].case_form
    if cases and not form:
        named = ", ".join(repr(n) for n, other in LAYOUTS.items() if other.case_form)
        msg = f": expected one of the layouts {named}, got {layout!r}; drop "
        raise SpecError(Key("cases"), msg, Key("cases"))
    for case in cases:
        if not re.fullmatch(form, case):
            msg = f": expected names such as {_EXAMPLES[layout]}, got {case!r}"
            raise SpecError(Key("cases"), msg)
    if len(set(cases)) < len(cases):
        msg = f": expected each name once, got {', '.join(cases)}"
        raise SpecError(Key("cases"), msg)
    if len(cases) > n_recordings:
        msg = (
            f": expected at most one per recording ({n_recordings}), got "
            f"{len(cases)}. Request more recordings"
        )
        raise SpecError(Key("cases"), msg)


def _describe(
    form: Layout, plan: Sequence[PlannedRecording]
) -> tuple[CorpusRecording, ...]:
    recordings = (
        CorpusRecording(
            name=form.edf_name(planned),
            split=planned.spec.split,
            duration=planned.spec.duration,
            sfreq=planned.sfreq,
            events=planned.spec.events,
            without=planned.without,
        )
        for planned in plan
    )
    return tuple(sorted(recordings, key=lambda recording: recording.name))


def _readme(
    layout: str,
    recordings: Sequence[CorpusRecording],
    *,
    seed: int,
    rates: Sequence[int],
    cases: Sequence[str],
) -> str:
    """Return a README that explains the folder, without version, path or date."""
    duration = recordings[0].duration
    rows = [f"| {r.name} | {_seizures(r)} |" for r in recordings]
    option = " --without-fz-pz" if any(r.without for r in recordings) else ""
    option += f" --rates {','.join(map(str, rates))}" if rates else ""
    option += f" --cases {','.join(cases)}" if cases else ""
    found = sorted({r.sfreq for r in recordings})
    hz = " and ".join(filter(None, [", ".join(map(str, found[:-1])), str(found[-1])]))
    return f"""\
# Synthetic EEG in the layout of {LAYOUTS[layout].title}

Everything here is synthetic: made by the generator of bgb-fixtures (recipe {RECIPE}).
Nobody was recorded; names, dates and times are invented. No file comes from the corpus
whose layout this is. Use it to test programs that read EDF and annotations; no claim
about the performance of a detector on patients may be drawn from it.

Licence: CC0-1.0, https://creativecommons.org/publicdomain/zero/1.0/. Do with it what you
like.

Made again, byte for byte, by

    bgb-fixtures corpus --layout {layout} --out DIR --recordings {len(recordings)} \
--duration {duration:g} --seed {seed}{option}

## Worth knowing

- {len(recordings)} recordings of {duration:g} s at {hz} Hz; EDF, records of 1 s.
- {MANIFEST_NAME} lists every file with its SHA-256. By it `bgb-fixtures build` knows
  that a fixture made of these files is synthetic, and says so, with their licence; if one
  file differs, or the manifest is missing, the fixture has the licence of the corpus.
{LAYOUTS[layout].notes}
## Seizures

Type (TUSZ code), start and end in seconds from the start of the recording.

| file | seizures |
| --- | --- |
{chr(10).join(rows)}
"""


def _seizures(recording: CorpusRecording) -> str:
    parts = [
        # Times in a long recording can have more than six digits.
        f"{e.label} {e.onset:.10g}-{e.onset + e.duration:.10g}"
        for e in recording.events
    ]
    if recording.without:
        parts.append(f"lacks {' and '.join(recording.without)}")
    return "; ".join(parts) or "none"
