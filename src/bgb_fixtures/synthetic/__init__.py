"""Synthetic scalp EEG with seizures, identical on every machine; numpy only.

A `Scenario` describes a recording, a recipe generates it, and
`bgb_fixtures.synthetic.recording.generate` returns the samples. Recipes share `head`
(potentials of a source at the electrodes), `streams` (random numbers), `shapes` and
`waves`. Each recipe is a package with its own subject, background, artefacts and
seizures. This module defines the names that a request may use, and imports nothing.

Invariant: a recipe never changes; any change that affects a sample needs a new recipe.
"""

__all__ = [
    "ARTEFACT_KINDS",
    "FIRST_RECIPE",
    "RECIPE",
    "RECIPES",
    "SEIZURE_TYPES",
    "SFREQ",
    "STATES",
]

RECIPES = ("synthetic-1", "synthetic-2")
"""Versions of the generator; part of the name of every random stream."""

FIRST_RECIPE = RECIPES[0]
"""Recipe of a spec that names none, as such specs date from when there was only one."""

RECIPE = RECIPES[-1]
"""Recipe of new specs written by this release."""

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

_FIRST_KINDS = (
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
ARTEFACT_KINDS = {
    "synthetic-1": _FIRST_KINDS,
    "synthetic-2": (*_FIRST_KINDS, "electrode", "movement"),
}
"""Recipe -> what looks like a seizure to a machine and is none: artefacts of eye, muscle
and electrode, interictal discharges, and graphoelements of sleep."""

STATES = ("awake", "sleep")
