"""The generator as a source: recordings from the spec instead of from files.

Invariant: a window cut from here holds the digital values that an EDF file of the same
recording would hold, times 0.125 microvolts.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bgb_fixtures.corpora import Licence, Recording
from bgb_fixtures.eeg.montage import resolve_montage
from bgb_fixtures.errors import SpecError
from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.recording import LSB_UV, SyntheticRecording, generate

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import TracebackType

    import numpy.typing as npt

    from bgb_fixtures.eeg.montage import Montage, Row
    from bgb_fixtures.request.spec import RecordingSpec

__all__ = ["SyntheticSource"]


class SyntheticSignal:
    """A generated recording, opened for a montage.

    Parameters
    ----------
    recording : SyntheticRecording
        What was generated.
    rows : sequence of Row
        The montage.
    """

    def __init__(self, recording: SyntheticRecording, rows: Sequence[Row]) -> None:
        self._digital = recording.digital
        self._rows = rows

    @property
    def sfreq(self) -> float:
        """256 Hz."""
        return float(SFREQ)

    @property
    def n_times(self) -> int:
        """Number of samples in the recording."""
        return int(self._digital.shape[1])

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return a stretch of the montage.

        Parameters
        ----------
        start, stop : int
            Samples `[start, stop)`.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts, exact multiples of 0.125.
        """
        data = np.empty((len(self._rows), stop - start))
        for i, row in enumerate(self._rows):
            data[i] = self._digital[row.plus[0], start:stop]
            if row.minus:
                data[i] -= self._digital[row.minus[0], start:stop]
        return data * LSB_UV

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class SyntheticSource:
    """Recordings that are generated as the spec lists them.

    Parameters
    ----------
    recordings : sequence of RecordingSpec
        In the order in which they are named.
    seed : int
        Of every random stream.
    recipe : str
        One of `bgb_fixtures.synthetic.RECIPES`.
    sfreq : float
        256 Hz.

    Raises
    ------
    SpecError
        If another rate is asked for.
    """

    def __init__(
        self,
        recordings: Sequence[RecordingSpec],
        *,
        seed: int,
        recipe: str,
        sfreq: float,
    ) -> None:
        if sfreq != SFREQ:
            msg = f"the synthetic source has {SFREQ} Hz, got sfreq {sfreq!r}"
            raise SpecError(msg)
        self._seed, self._recipe = seed, recipe
        runs: Counter[int] = Counter()
        self._asked: dict[str, tuple[RecordingSpec, int]] = {}
        for i, recording in enumerate(recordings, 1):
            runs[recording.subject] += 1
            # Four digits, so that names sort in the order of the spec.
            self._asked[f"recording-{i:04d}"] = (recording, runs[recording.subject])
        self._generated: dict[str, SyntheticRecording] = {}

    @property
    def licence(self) -> Licence:
        """Dedicated to the public domain: no person is behind this data."""
        return Licence(
            name="CC0-1.0",
            url="https://creativecommons.org/publicdomain/zero/1.0/",
            attribution="",
            redistributable=True,
        )

    def identity(self, names: Collection[str]) -> dict[str, Any]:  # noqa: ARG002
        """Return what the records of a fixture keep: recipe, seed, and drafts taken.

        Parameters
        ----------
        names : collection of str
            Not used; all recordings of the spec count.

        Returns
        -------
        identity : dict
            JSON values.
        """
        return {
            "recipe": self._recipe,
            "seed": self._seed,
            "recordings": [
                {"salt": generated.salt, "margin": generated.margin}
                for generated in map(self._generate, self._asked)
            ],
        }

    def recordings(self) -> Sequence[Recording]:
        """Return every recording of the spec, in its order.

        Returns
        -------
        recordings : list of Recording
            Named in that order, too.
        """
        return [
            Recording(
                name=name,
                subject=f"subject-{asked.subject:03d}",
                split=asked.split,
                duration=asked.duration,
                events=asked.events,
            )
            for name, (asked, _) in self._asked.items()
        ]

    def open(self, recording: Recording, montage: Montage | str) -> SyntheticSignal:
        """Generate a recording, once, and open it for a montage.

        Parameters
        ----------
        recording : Recording
            One of `recordings`.
        montage : Montage or str
            What is wanted, or a name of `bgb_fixtures.eeg.montage.MONTAGES`.

        Returns
        -------
        signal : SyntheticSignal
            The recording.
        """
        generated = self._generate(recording.name)
        rows = resolve_montage(generated.ch_names, montage, where=recording.name)
        return SyntheticSignal(generated, rows)

    def _generate(self, name: str) -> SyntheticRecording:
        if name not in self._generated:
            asked, run = self._asked[name]
            self._generated[name] = generate(
                asked, seed=self._seed, run=run, recipe=self._recipe
            )
        return self._generated[name]
