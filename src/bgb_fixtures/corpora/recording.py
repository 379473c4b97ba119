"""The values of a corpus: a licence, a recording with its seizures, and what was found."""

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
    "split": "in a split that was not requested",
    "excluded": "left out by name",
}
"""Why a recording is not offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What may be done with the data of a corpus.

    Attributes
    ----------
    name : str
        Short name, an SPDX identifier where there is one.
    url : str
        Where its text is.
    attribution : str
        What to cite; may be empty.
    redistributable : bool
        Whether a fixture made from the corpus may be given to others.
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
"""Of synthetic data, dedicated to the public domain: no person is behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the files of a recording are.

    Attributes
    ----------
    signal : str
        Path or address of the EDF or BDF file; empty if there is none.
    annotations : tuple of str
        Likewise of its annotation files, the one that counts first.
    place : str
        Where its annotations are, for messages.
    error : str
        What was wrong while its files were looked for.
    entry : object
        What the corpus has already read about it, such as its entry in a list.
    """

    signal: str = ""
    annotations: tuple[str, ...] = ()
    place: str = ""
    error: str = ""
    entry: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What the annotations say about one recording.

    Attributes
    ----------
    name : str
        The corpus' own name, e.g. ``"chb01/chb01_03.edf"``; unique, the order of
        recordings, and never written to a fixture.
    subject : str
        The corpus' own subject; never written to a fixture.
    split : str
        ``"train"`` where the corpus has no splits.
    duration : float or None
        Seconds, if the annotations say so.
    events : tuple of Event
        All seizures, in order of onset; empty if it is annotated as seizure-free.
    located : Located
        Where its files are.
    labels : tuple of LabelCount
        What its labels were read as, where they are free text.
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
    """What became of one recording that a corpus names.

    Attributes
    ----------
    name : str
        The recording: the path from the root to its file, with ``/``.
    split : str
        Empty if it is not known.
    has_signal : bool
        Whether its EDF or BDF file exists.
    recording : Recording or None
        None if its annotations are missing, invalid or ambiguous.
    problem : str
        A key of `PROBLEMS`; empty if the recording can be used.
    message : str
        One line: what is wrong with what, and what to do; empty without a problem.
    labels : tuple of LabelCount
        What its labels were read as, where they are free text.
    """

    name: str
    split: str
    has_signal: bool
    recording: Recording | None
    problem: str = ""
    message: str = ""
    labels: tuple[LabelCount, ...] = ()
