"""The TUH EEG Seizure Corpus: versions 2 (`.csv`) and 1.5 (`.tse`, `.lbl`).

Invariant: background is the recording minus its seizures; rows labelled `bckg` are not
trusted, because half of those in real `.csv_bi` files end after a second. The set
`eval` is blind and is used only if requested by name. Fixtures built from this corpus
are never redistributable.

References
----------
AAREADME of TUSZ 2.0.3; Shah et al. (2018), Frontiers in Neuroinformatics 12:83,
https://doi.org/10.3389/fninf.2018.00083.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.corpus import Corpus
from bgb_fixtures.corpora.recording import EDF_SUFFIXES, Licence, Located, Recording
from bgb_fixtures.corpora.seizures import seizures_of
from bgb_fixtures.corpora.text import fail
from bgb_fixtures.corpora.tusz.csv import parse_csv
from bgb_fixtures.corpora.tusz.labels import tusz_label
from bgb_fixtures.corpora.tusz.lbl import parse_lbl
from bgb_fixtures.corpora.tusz.tse import parse_tse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bgb_fixtures.eeg.annotations import Annotations
    from bgb_fixtures.eeg.events import Event

__all__ = ["TuszCorpus"]

_LICENCE = Licence(
    name="TUH data use agreement",
    url="https://isip.piconepress.com/projects/nedc/html/tuh_eeg/",
    attribution=(
        "Shah, V. et al. (2018). The Temple University Hospital Seizure Detection "
        "Corpus. Frontiers in Neuroinformatics 12:83. "
        "https://doi.org/10.3389/fninf.2018.00083\n"
        "Obeid, I. & Picone, J. (2016). The Temple University Hospital EEG Data Corpus. "
        "Frontiers in Neuroscience 10:196. https://doi.org/10.3389/fnins.2016.00196"
    ),
    redistributable=False,
)
# In order of precedence: files with seizure types before files without, and the newer
# format before the older.
_TYPED = (".csv", ".tse", ".lbl")
_BINARY = (".csv_bi", ".tse_bi", ".lbl_bi")
_PARSERS: dict[str, Callable[[Path], Annotations]] = {
    ".csv": parse_csv,
    ".csv_bi": parse_csv,
    ".tse": parse_tse,
    ".tse_bi": parse_tse,
    ".lbl": parse_lbl,
    ".lbl_bi": parse_lbl,
}
# aaaaaajy_s001_t000, or 00000258_s002_t000 in version 1.5.
_STEM = re.compile(r"([A-Za-z0-9]+)_s[0-9]+_t[0-9]+")
# Folder -> split; version 1.5.0 calls it dev_test.
_SPLITS = {"train": "train", "dev": "dev", "dev_test": "dev", "eval": "eval"}


class TuszCorpus(Corpus):
    """TUSZ recordings below a folder, or one recording."""

    title = "TUSZ"
    sought = "files *.edf with annotations such as *.csv_bi"

    @property
    def licence(self) -> Licence:
        """The TUH data use agreement, which does not allow redistribution."""
        return _LICENCE

    def find(self, wanted: Collection[str] | None = None) -> dict[str, Located]:
        """Find recordings, and annotation files with or without a recording."""
        located: dict[str, Located] = {}
        only = None if self.folder.is_dir() else self.folder.stem
        for below, names in self._walk(located, wanted=wanted):
            files: dict[str, dict[str, str]] = {}
            for name in names:
                stem, dot, suffix = name.rpartition(".")
                kind = (dot + suffix).lower()
                if kind in _PARSERS or kind in EDF_SUFFIXES:
                    files.setdefault(stem, {})[kind] = f"{self.top}/{below}{name}"
            for stem, of_stem in files.items():
                signal = next((of_stem[s] for s in EDF_SUFFIXES if s in of_stem), "")
                # A corpus also contains unrelated tables.
                if stem == (only or stem) and (signal or _STEM.fullmatch(stem)):
                    located[f"{below}{stem}.edf"] = Located(
                        signal=signal,
                        annotations=tuple(
                            of_stem[s] for s in (*_TYPED, *_BINARY) if s in of_stem
                        ),
                    )
        return located

    def split_of(self, name: str) -> str:
        """Return the split named by a folder above the recording; empty if none is."""
        for folder in name.split("/")[:-1]:
            if folder in _SPLITS:
                return _SPLITS[folder]
        # The root may be a split or lie in one. Only folder names below 'edf' certainly
        # belong to the corpus.
        parts = self.folder.resolve().parts
        if self.folder.is_dir() and parts[-1] in _SPLITS:
            return _SPLITS[parts[-1]]
        for above, folder in pairwise(parts):
            if above == "edf" and folder in _SPLITS:
                return _SPLITS[folder]
        return ""

    def annotate(self, name: str, located: Located) -> Recording:
        """Read the authoritative annotation file, and compare it with the other one."""
        paths = [Path(path) for path in located.annotations]
        counts = paths[0]
        match = _STEM.fullmatch(counts.stem)
        if match is None:
            problem = (
                "expected a name like 'aaaaaajy_s001_t000', which names the subject"
            )
            fail(counts, 0, problem)
        split = self.split_of(name)
        if not split:
            problem = (
                "is not in a folder 'train', 'dev' or 'eval', so its split is "
                "unknown; pass the folder of the corpus as root"
            )
            fail(counts, 0, problem)
        annotations = _PARSERS[counts.suffix.lower()](counts)
        events = seizures_of(annotations, tusz_label, path=counts)
        witness = next((p for p in paths if p.suffix.lower() in _BINARY), None)
        if witness not in (None, counts):
            _check_witness(annotations, events, counts=counts, witness=witness)
        duration = annotations.duration
        return Recording(
            name=name,
            subject=match[1],
            split=split,
            duration=None if duration is None else float(duration),
            events=events,
            located=located,
        )


def _check_witness(
    annotations: Annotations,
    events: Sequence[Event],
    *,
    counts: Path,
    witness: Path,
) -> None:
    """Compare the annotation file with types to the one without.

    Borders may differ, because one is annotated per channel, but a seizure must be in
    both. Non-epileptic attacks (`nesz`) may be in either.
    """
    seen = seizures_of(
        _PARSERS[witness.suffix.lower()](witness), tusz_label, path=witness
    )
    attacks = [
        (float(span.start), float(span.stop or span.start))
        for span in annotations.spans
        if span.label == "nesz"
    ]
    typed = [(e.onset, e.onset + e.duration) for e in events]
    spans = [(e.onset, e.onset + e.duration) for e in seen]
    for here, there, one, other in (
        (typed, spans, counts, witness),
        (spans, typed + attacks, witness, counts),
    ):
        # Among the seizures that start before this one ends, one must end after it
        # starts.
        starts = sorted(a for a, _ in there)
        ends = list(accumulate((b for _, b in sorted(there)), max))
        for start, stop in here:
            n_before = bisect_left(starts, stop)
            if not n_before or ends[n_before - 1] <= start:
                problem = (
                    f"has a seizure at {start:g}-{stop:g} s that is not in "
                    f"{other.name!r}; one of the two is wrong"
                )
                fail(one, 0, problem)
