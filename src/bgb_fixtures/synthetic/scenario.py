"""Input of the generator: plain values, independent of requests and files.

Invariant: times are seconds from the start of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgb_fixtures.eeg.events import Event, seconds_to_span

__all__ = ["Artefact", "Scenario", "Seizure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seizure(Event):
    """A seizure, whose amplitude is multiplied by a factor in [0.1, 3]."""

    amplitude: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """An event that may look like a seizure, with a factor for its amplitude.

    Its kind is one of `bgb_fixtures.synthetic.ARTEFACT_KINDS`.
    """

    onset: float
    duration: float
    kind: str
    amplitude: float = 1.0

    def span(self, sfreq: float) -> tuple[int, int]:
        """Return the samples of the event as half-open `[start, stop)`."""
        return seconds_to_span(self.onset, self.duration, sfreq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Description of one recording: its subject, length and events.

    Recordings of one subject (a number from 1) share its parameters. Plain events have
    amplitude 1. Artefacts may overlap each other and the seizures. The state is
    ``"awake"`` or ``"sleep"``.
    """

    subject: int
    duration: float
    events: tuple[Event, ...]
    artefacts: tuple[Artefact, ...] = ()
    state: str = "awake"
