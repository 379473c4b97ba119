"""Simple explanations of a difference: reordered windows, a factor, a delay.

Invariant: an explanation is reported only if it reproduces every value within tolerance
(for a shift in time: all but those near the borders).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.compare import far_apart
from bgb_fixtures.golden.dtypes import widen

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.golden.content import Tolerance

    Numbers = npt.NDArray[Any]

__all__ = ["describe_motion"]

_UNEXPLAINED = 0.02
"""Share of values that may differ after a shift, as convolutions see the borders."""
_LARGEST_SHIFT = 0.25
"""Largest shift to try, as a share of the length of a window."""


def describe_motion(
    expected: Numbers,
    obtained: Numbers,
    tolerance: Tolerance,
    *,
    windows: tuple[str, ...] | None,
    sfreq: float | None,
) -> list[str]:
    """Return sentences that explain how two arrays differ; empty if none fits.

    Axis 0 is `windows` unless they are None; the last axis is time unless `sfreq` is
    None.
    """
    if expected.size < 2 or expected.dtype.kind not in "fc":
        return []
    found = []
    # Infinities and overflows have no explanation here; they are reported elsewhere.
    with np.errstate(all="ignore"):
        if windows is not None:
            found.append(_order(expected, obtained, tolerance, windows))
        if sfreq is not None:
            found.append(_shift(expected, obtained, tolerance, sfreq))
        found.append(_scale(expected, obtained, tolerance))
    return [sentence for sentence in found if sentence]


def _order(
    expected: Numbers, obtained: Numbers, tolerance: Tolerance, windows: tuple[str, ...]
) -> str:
    n = len(windows)
    for step in (s for k in range(1, n // 2 + 1) for s in (k, -k)):
        # Compare one window first, which rules out most orders.
        if far_apart(expected[-step % n], obtained[0], tolerance).any():
            continue
        if not far_apart(np.roll(expected, step, axis=0), obtained, tolerance).any():
            plural = "s" * (abs(step) > 1)
            return (
                f"the outputs are rolled by {step:+d} window{plural}: {windows[0]} now has "
                f"the output of {windows[-step % n]}"
            )
    return ""


def _shift(
    expected: Numbers, obtained: Numbers, tolerance: Tolerance, sfreq: float
) -> str:
    """Find the shift at which both arrays agree best, and check that they are close."""
    finite = np.isfinite(expected).all() and np.isfinite(obtained).all()
    if expected.dtype.kind == "c" or not finite:
        return ""
    a, b = (widen(side).reshape(-1, side.shape[-1]) for side in (expected, obtained))
    n_times = a.shape[1]
    size = 2 * n_times
    spectra = [
        np.fft.rfft(side - side.mean(axis=1, keepdims=True), size) for side in (a, b)
    ]
    agreement = np.fft.irfft(spectra[1] * spectra[0].conj(), size).sum(axis=0)
    shift = int(agreement.argmax())
    shift -= size * (shift > n_times)
    if shift == 0 or abs(shift) > _LARGEST_SHIFT * n_times:
        return ""
    before = a[:, max(-shift, 0) : n_times - max(shift, 0)]
    after = b[:, max(shift, 0) : n_times - max(-shift, 0)]
    # A constant equals itself at every shift.
    if far_apart(before, after, tolerance).mean() > _UNEXPLAINED or not np.ptp(a):
        return ""
    way = "later" if shift > 0 else "earlier"
    plural = "s" * (abs(shift) > 1)
    return (
        f"the output is shifted in time: {abs(shift) / sfreq:.4g} s {way} "
        f"({abs(shift)} sample{plural})"
    )


def _scale(expected: Numbers, obtained: Numbers, tolerance: Tolerance) -> str:
    """Fit obtained = factor * expected + offset by least squares."""
    finite = np.isfinite(expected) & np.isfinite(obtained)
    a, b = widen(expected[finite]), widen(obtained[finite])
    if a.size < 2 or not np.abs(a - a.mean()).any():
        return ""
    deviations = a - a.mean()
    # Try a factor or an offset alone first, so that neither is reported with a rounding
    # error as the other.
    alone = np.vdot(a, b) / np.vdot(a, a)
    factor = np.vdot(deviations, b - b.mean()) / np.vdot(deviations, deviations)
    for gain, offset in ((alone, 0), (1, (b - a).mean()), (factor, None)):
        shown = b.mean() - gain * a.mean() if offset is None else offset
        fitted = widen(expected) * gain + shown
        if gain == 0 or far_apart(fitted, widen(obtained), tolerance).any():
            continue
        words = [f"multiplied by {_number(gain)}"] if gain != 1 else []
        words += [f"changed by adding {_number(shown)}"] if shown else []
        return f"every value is {' and '.join(words)}"
    return ""


def _number(value: Any) -> str:
    value = complex(value)
    return f"{value.real:.4g}" if value.imag == 0 else f"{value:.4g}"
