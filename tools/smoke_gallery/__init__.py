"""Detectors with one known fault each, and healthy detectors.

Used by tools/smoke_power.py and the tests to measure whether the smoke checks find
faults. Invariant: no check knows this package; a fault counts as found only if the
check that it names fails, and no other. Unless stated otherwise, a model takes float32
(n_windows, 19, n_times), with n_times a multiple of 16, at 256 Hz, and its random
numbers come from torch's global generator.
"""

from __future__ import annotations

from smoke_gallery.entry import Entry
from smoke_gallery.healthy import HEALTHY
from smoke_gallery.information import INFORMATION
from smoke_gallery.interfaces import INTERFACES
from smoke_gallery.model_faults import MODEL_FAULTS
from smoke_gallery.training_faults import TRAINING_FAULTS

__all__ = [
    "FAULTS",
    "HEALTHY",
    "INFORMATION",
    "INTERFACES",
    "MODEL_FAULTS",
    "TRAINING_FAULTS",
    "Entry",
]

FAULTS = (*MODEL_FAULTS, *TRAINING_FAULTS)
