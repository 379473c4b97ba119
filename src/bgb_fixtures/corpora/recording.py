"""Values that a corpus returns: licence, recording with its seizures, finding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bgb_fixtures.eeg.annotations import LabelCount
    from bgb_fixtures.eeg.events import Event

__all__ = [
    "CC0",
    "EDF_SUFFIXES",
    "PROBLEMS",
    "Finding",
    "Licence",
    "Located",
    "Recording",
]

EDF_SUFFIXES = (".edf", ".bdf")
PROBLEMS = {
    "annotation": "annotations are invalid or ambiguous",
    "unannotated": "not annotated, which does not mean seizure-free",
    "no-signal": "annotated, but its EDF or BDF file is missing",
    "split": "in split {split}, not used without --split {split}",
    "excluded": "left out by name",
}
"""Reasons why a recording is unusable; ``{split}`` is its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """The licence of a corpus.

    Attributes
    ----------
    name : str
        Short name, an SPDX identifier where there is one.
    url : str
        Address of its text.
    attribution : str
        What to cite; may be empty.
    redistributable : bool
        Whether a fixture built from the corpus may be redistributed.
    """

    name: str
    url: str
    attribution: str
    redistributable: bool


CC0 = Licence(
    name="CC0-1.0",
    url="https://creativecommons.org/publicdomain/zero/1.0/",
    attribution="",
    redistributable=True,
)
"""Licence of synthetic data, dedicated to the public domain: nobody was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """The files of a recording.

    Attributes
    ----------
    signal : str
        Path or address of the EDF or BDF file; empty if there is none.
    annotations : tuple of str
        Paths or addresses of its annotation files, the authoritative one first.
    place : str
        File and place of its annotations, for messages.
    error : str
        Problem found while its files were located; empty if none.
    entry : object
        Data that the corpus has already read, such as its entry in a list.
    """

    signal: str = ""
    annotations: tuple[str, ...] = ()
    place: str = ""
    error: str = ""
    entry: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording with its annotations.

    Attributes
    ----------
    name : str
        The corpus' own name, e.g. ``"chb01/chb01_03.edf"``; unique, the order of
        recordings, and never written to a fixture.
    subject : str
        The corpus' own subject; never written to a fixture.
    split : str
        ``"train"`` if the corpus has no splits.
    duration : float or None
        Seconds; None if the annotations do not state it.
    events : tuple of Event
        All seizures, in order of onset; empty if annotated as seizure-free.
    located : Located
        Its files.
    labels : tuple of LabelCount
        Interpretation of its labels, if they are free text.
    """

    name: str
    subject: str
    split: str
    duration: float | None
    events: tuple[Event, ...]
    located: Located = field(default_factory=Located, compare=False)
    labels: tuple[LabelCount, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result for one recording of a corpus: usable, or the problem.

    Attributes
    ----------
    name : str
        The recording: the path from the root to its file, with ``/``.
    split : str
        Empty if unknown.
    has_signal : bool
        Whether its EDF or BDF file exists.
    recording : Recording or None
        None if its annotations are missing, invalid or ambiguous.
    problem : str
        A key of `PROBLEMS`; empty if the recording can be used.
    message : str
        One line with the problem and a remedy; empty without a problem.
    labels : tuple of LabelCount
        Interpretation of its labels, if they are free text.
    """

    name: str
    split: str
    has_signal: bool
    recording: Recording | None
    problem: str = ""
    message: str = ""
    labels: tuple[LabelCount, ...] = ()
