"""What the generator is asked for: plain values, no request and no file.

Invariant: times are seconds from the start of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgb_fixtures.eeg.events import Event, seconds_to_span

__all__ = ["Artefact", "Scenario", "Seizure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seizure(Event):
    """Ask for a seizure, at a factor in [0.1, 3] to the size that its type draws."""

    amplitude: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """Ask for what is no seizure and may look like one, at a factor to its size.

    Its kind is one of `bgb_fixtures.synthetic.ARTEFACT_KINDS`.
    """

    onset: float
    duration: float
    kind: str
    amplitude: float = 1.0

    def span(self, sfreq: float) -> tuple[int, int]:
        """Return its samples as half-open `[start, stop)`."""
        return seconds_to_span(self.onset, self.duration, sfreq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Say what one recording holds: whose, how long, and what happens in it.

    Recordings of one subject (a number from 1) share its parameters. Plain events have
    amplitude 1. Artefacts may overlap each other and the seizures. The state is
    ``"awake"`` or ``"sleep"``.
    """

    subject: int
    duration: float
    events: tuple[Event, ...]
    artefacts: tuple[Artefact, ...] = ()
    state: str = "awake"
