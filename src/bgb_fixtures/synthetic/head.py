"""Potentials of sources in the head at the electrodes.

Invariant: potentials are in the order of `ELECTRODES` and relative to infinity; the
reference of a recording is subtracted last.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.montage import MONTAGES

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = [
    "ELECTRODES",
    "N_SCALP",
    "REGIONS",
    "direction",
    "electrode_positions",
    "mix",
    "mixing_matrix",
    "patch",
    "subtract_reference",
    "weights",
]

N_SCALP = 19
_PIECE = 512
ELECTRODES = (*MONTAGES["10-20"], "A1", "A2")
"""The 19 of montage 10-20 in its order, then the ears."""

_LEFT_AND_MIDLINE = {
    # BESA angles in degrees: theta from Cz, phi from the right ear.
    "Fp1": (-92, -72),
    "F7": (-92, -36),
    "T3": (-92, 0),
    "T5": (-92, 36),
    "O1": (-92, 72),
    "F3": (-60, -51),
    "P3": (-60, 51),
    "C3": (-46, 0),
    "Fz": (46, 90),
    "Cz": (0, 0),
    "Pz": (46, -90),
    "A1": (-118, 8),
}
_RIGHT = {
    "Fp2": "Fp1",
    "F8": "F7",
    "T4": "T3",
    "T6": "T5",
    "O2": "O1",
    "F4": "F3",
    "P4": "P3",
    "C4": "C3",
    "A2": "A1",
}

REGIONS = {
    # Centre of the patches of each region; the right side is mirrored.
    "LT": (-86, -8),  # mid-temporal
    "LA": (-94, -34),  # anterior temporal
    "LQ": (-88, 34),  # posterior temporal
    "LF": (-62, -50),  # frontal
    "LP": (-60, 52),  # parietal
    "LC": (-44, 0),  # central
    "LO": (-88, 70),  # occipital
    "MF": (44, 90),  # mid-frontal
    "MC": (8, 90),  # vertex
}
REGIONS |= {
    f"R{name[1]}": (-theta, -phi)
    for name, (theta, phi) in REGIONS.items()
    if name[0] == "L"
}

_N_SOURCES = 256
_SOURCE_RADIUS = 0.85
_RADII = (0.92, 0.87)  # skull to scalp, brain to skull; the scalp has radius 1
_SKULL = 1 / 60  # conductivity of the skull relative to brain and scalp
_N_DEGREES = 40


def direction(theta: float, phi: float) -> Array:
    """Return the unit vector (3,) of BESA angles in degrees.

    x points to the right ear, y to the nasion, z to Cz.
    """
    t, p = np.radians(theta), np.radians(phi)
    return np.array([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)])


@cache
def electrode_positions() -> Array:
    """Return the positions of the electrodes as unit vectors (21, 3)."""
    angles = dict(_LEFT_AND_MIDLINE)
    for name, mirrored in _RIGHT.items():
        theta, phi = _LEFT_AND_MIDLINE[mirrored]
        angles[name] = (-theta, -phi)
    return np.array([direction(*angles[name]) for name in ELECTRODES])


@cache
def _sources() -> Array:
    """Return 256 unit vectors spread evenly over a cap (Fibonacci)."""
    i = np.arange(_N_SOURCES)
    z = 1 - 1.35 * (i + 0.5) / _N_SOURCES
    turn = i * (np.pi * (3 - np.sqrt(5.0)))
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


def _shell_coefficients() -> Array:
    """Return c_n: potential at the scalp per Legendre polynomial of degree n.

    The source is a radial dipole in three concentric shells. In each, the potential of
    degree n is A r^n + B r^-(n+1). No current leaves the scalp; at each interface,
    potential and radial current are continuous. The equations are solved from the
    outside inwards.
    """
    coefficients = []
    for n in range(1, _N_DEGREES + 1):
        a, b = n + 1.0, float(n)
        for radius, ratio in zip(_RADII, (1 / _SKULL, _SKULL), strict=True):
            value = a * radius**n + b * radius ** -(n + 1)
            slope = n * a * radius**n - (n + 1) * b * radius ** -(n + 1)
            a = ((n + 1) * value + slope * ratio) / ((2 * n + 1) * radius**n)
            b = (n * value - slope * ratio) * radius ** (n + 1) / (2 * n + 1)
        coefficients.append((2 * n + 1) * n * _SOURCE_RADIUS ** (n - 1) / b)
    return np.array(coefficients)


@cache
def _lead_field() -> Array:
    """Return the potential of each source at each electrode, shape (21, 256)."""
    cosine = np.clip(electrode_positions() @ _sources().T, -1, 1)
    before, legendre = np.ones_like(cosine), cosine
    total = np.zeros_like(cosine)
    for n, c in enumerate(_shell_coefficients(), 1):
        total += c * legendre
        before, legendre = (
            legendre,
            ((2 * n + 1) * cosine * legendre - n * before) / (n + 1),
        )
    return total


def _patch_weights(centres: Array, sigma: float) -> Array:
    """Return Gaussian weights of the sources, shape (n_centres, 256)."""
    angle = np.arccos(np.clip(centres @ _sources().T, -1, 1))
    values: Array = np.exp(-0.5 * np.square(angle / np.radians(sigma)))
    return values


def patch(centre: Array, *, sigma: float) -> Array:
    """Return the potential of a patch in a direction at the electrodes, shape (21,).

    `sigma` is its width in degrees; the maximum over the 19 scalp electrodes is 1.
    """
    potential: Array = _lead_field() @ _patch_weights(centre[None], sigma)[0]
    potential /= np.abs(potential[:N_SCALP]).max()
    return potential


@cache
def mixing_matrix(sigma: float, *, mirror: float = 0.0) -> Array:
    """Return the mixing matrix of uncorrelated patches all over the cap, (21, 21).

    `sigma` is their width in degrees; each also acts on the other side of the head, by
    the factor `mirror`. The matrix is the symmetric square root of the correlation.
    Unlike other roots, it has no ambiguity of sign or rotation that LAPACK libraries
    resolve differently.
    """
    seen = _lead_field() @ _patch_weights(_sources(), sigma).T
    if mirror:
        other_side = _sources() * np.array([-1.0, 1.0, 1.0])
        seen = seen + mirror * (_lead_field() @ _patch_weights(other_side, sigma).T)
    covariance = seen @ seen.T
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    # An independent part of each electrode avoids small eigenvalues.
    correlation = 0.97 * correlation + 0.03 * np.eye(len(correlation))
    values, vectors = np.linalg.eigh(correlation)
    root: Array = (vectors * np.sqrt(values)) @ vectors.T
    return root


def mix(matrix: Array, rows: Array) -> Array:
    """Multiply a small matrix (n_electrodes, n_rows) with long rows (n_rows, n_times).

    The pieces are so small that BLAS uses one thread. For 21 rows more threads are
    slower, up to 300 times if other processes use the cores.
    """
    mixed = np.empty((len(matrix), rows.shape[1]))
    for start in range(0, rows.shape[1], _PIECE):
        piece = slice(start, start + _PIECE)
        mixed[:, piece] = matrix @ rows[:, piece]
    return mixed


def weights(table: dict[str, float], *, other: float = 0.0) -> Array:
    """Return one weight per electrode of `ELECTRODES`, from a table by name."""
    return np.array([table.get(name, other) for name in ELECTRODES])


def subtract_reference(potentials: Array, reference: str) -> None:
    """Subtract the reference ``"AR"`` or ``"LE"`` from (21, n_times) in place."""
    used = potentials[:N_SCALP] if reference == "AR" else potentials[N_SCALP:]
    potentials -= used.mean(axis=0)
