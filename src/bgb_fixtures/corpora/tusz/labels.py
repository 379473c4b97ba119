"""The labels of TUSZ, and which of them are seizures."""

from __future__ import annotations

from bgb_fixtures.eeg.events import SZCORE_CODES

__all__ = ["NOT_A_SEIZURE", "tusz_label"]

NOT_A_SEIZURE = ("bckg", "nesz")
"""Background, and non-epileptic attacks."""


def tusz_label(label: str) -> str | None:
    """Return the TUSZ code of a seizure, or None for a label that is not a seizure.

    ValueError, listing the known labels, for an unknown label.
    """
    if label in SZCORE_CODES:
        return label
    if label in NOT_A_SEIZURE:
        return None
    known = ", ".join([*NOT_A_SEIZURE, *SZCORE_CODES])
    msg = f"unknown label {label!r}; expected a seizure or background: {known}"
    raise ValueError(msg)
