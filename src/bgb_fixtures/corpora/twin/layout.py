"""The description of a corpus layout, used by `write_corpus`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.edf.writer import write_edf_pieces
from bgb_fixtures.synthetic import SFREQ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.corpora.twin.plan import PlannedRecording
    from bgb_fixtures.edf.writer import EdfChannel

__all__ = ["Layout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The file layout of a corpus.

    Attributes
    ----------
    title : str
        Name of the corpus.
    notes : str
        Markdown list of notes, for the README of a corpus.
    splits : tuple of str
        Splits in the order in which recordings are assigned to them.
    steps_per_s : int
        Annotations hold multiples of 1 / `steps_per_s` seconds exactly.
    edf_name : callable
        (planned recording) -> path of its EDF file inside the corpus, with ``/``.
    iter_channels : callable
        (planned recording, pieces) -> the channels of each piece. Pieces are int16 of
        shape (21, n_times), whole seconds at the rate of the recording, in the order of
        `bgb_fixtures.synthetic.head.ELECTRODES`.
    write_annotations : callable or None
        (path of the EDF file, planned recording): write the files beside it; None if
        there are none.
    write_lists : callable or None
        (root, plan): write the files of the whole corpus; None if there are none.
    rates : tuple of int
        Allowed sampling rates in Hz, the usual rate first.
    case_form : str
        Pattern of the names of patients, if they can be chosen.
    types : tuple of str
        TUSZ codes assigned to patients in turn, if all seizures of a patient have one
        type and every recording has a seizure; empty otherwise.
    """

    title: str
    notes: str
    splits: tuple[str, ...]
    steps_per_s: int
    edf_name: Callable[[PlannedRecording], str]
    iter_channels: Callable[
        [PlannedRecording, Iterable[npt.NDArray[np.int16]]],
        Iterable[Sequence[EdfChannel]],
    ]
    write_annotations: Callable[[Path, PlannedRecording], None] | None
    write_lists: Callable[[Path, Sequence[PlannedRecording]], None] | None
    rates: tuple[int, ...] = (SFREQ,)
    case_form: str = ""
    types: tuple[str, ...] = ()

    def write_recording(
        self,
        root: Path,
        planned: PlannedRecording,
        pieces: Iterable[npt.NDArray[np.int16]],
    ) -> None:
        """Write the EDF file of a recording and the files beside it."""
        path = root / self.edf_name(planned)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_edf_pieces(path, self.iter_channels(planned, pieces), start=planned.start)
        if self.write_annotations is not None:
            self.write_annotations(path, planned)
