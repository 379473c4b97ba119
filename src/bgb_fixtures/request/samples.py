"""Convert the length of a window to a whole number of samples."""

from __future__ import annotations

from bgb_fixtures.eeg.events import seconds_to_sample
from bgb_fixtures.errors import SpecError

__all__ = ["window_samples"]


def window_samples(window_length: float, sfreq: float) -> int:
    """Return window_length * sfreq; SpecError if that is not a whole number."""
    n_times = seconds_to_sample(window_length, sfreq)
    # Compare with rounding the other way, because in binary 2.3 s at 100 Hz is not
    # exactly 230 samples.
    if n_times != -seconds_to_sample(-window_length, sfreq):
        msg = (
            f"a window of {window_length:g} s is not a whole number of samples at "
            f"{sfreq:.10g} Hz"
        )
        raise SpecError(msg)
    return n_times
