"""Synthetic scalp EEG with seizures, the same bytes on every machine; numpy only.

From head to recording: `head` (what an electrode sees of a source), `streams` (random
numbers), `subject`, `background`, `artefacts`, `seizures`, `recording` (all of it
together: `bgb_fixtures.synthetic.recording.generate`). This module holds the names that
a request may use, and imports nothing.

Invariant: whatever changes a sample changes `RECIPE`.
"""

__all__ = ["ARTEFACT_KINDS", "RECIPE", "SEIZURE_TYPES", "SFREQ", "STATES"]

RECIPE = "synthetic-1"
"""Version of the generator; part of the name of every random stream."""

SFREQ = 256
"""Hz."""

SEIZURE_TYPES = (
    "fnsz",
    "gnsz",
    "spsz",
    "cpsz",
    "absz",
    "tnsz",
    "cnsz",
    "tcsz",
    "atsz",
    "mysz",
)
"""TUSZ codes with a pattern; all of `bgb_fixtures.eeg.events.SZCORE_CODES` but seiz."""

ARTEFACT_KINDS = (
    "blink",
    "chewing",
    "drift",
    "focal-spikes",
    "k-complexes",
    "muscle",
    "pop",
    "saccade",
    "spike-waves",
    "spindles",
)
"""What looks like a seizure to a machine and is none: artefacts of eye, muscle and
electrode, interictal discharges, and graphoelements of sleep."""

STATES = ("awake", "sleep")
