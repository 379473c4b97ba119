"""Synthetic scalp EEG with seizures, the same bytes on every machine; numpy only.

A `Scenario` says what a recording holds, a recipe draws it, and
`bgb_fixtures.synthetic.recording.generate` returns the samples. Recipes share `head`
(what an electrode sees of a source), `streams` (random numbers), `shapes` and `waves`;
each is a package with a subject, a background, artefacts and seizures of its own. This
module holds the names that a request may use, and imports nothing.

Invariant: a recipe never changes; whatever would change a sample is a new recipe.
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
"""What a spec without a recipe means: those were written when there was one."""

RECIPE = RECIPES[-1]
"""Recipe of everything that is composed by this release."""

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
