"""Generate windows of synthetic EEG in memory.

Invariant: window i depends only on the arguments and i, and is the same window that
``bgb-fixtures build --windows`` writes for the same arguments.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.build import synthesise
from bgb_fixtures.eeg.montage import split_rows
from bgb_fixtures.format.layout import dump_json
from bgb_fixtures.memory import fixture_in_memory
from bgb_fixtures.request.compose import compose_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.fixture import Fixture

__all__ = ["synthetic_fixture"]


def synthetic_fixture(
    n_windows: int,
    *,
    seed: int = 0,
    ictal_share: float = 0.5,
    window_length: float = 60.0,
    sfreq: float = 256.0,
    montage: str | Sequence[str] = "10-20",
    profile: str = "zscore-1",
    band_pass: tuple[float, float] | None = None,
    names: str = "10-20",
) -> Fixture:
    """Generate windows of synthetic EEG with known seizures, in memory.

    Parameters
    ----------
    n_windows : int
        Number of windows, from 1 to 999, each from another subject. With 5 or more, the
        last fifth is in split ``"dev"``.
    seed : int
        Seed in [0, 2^32); another seed gives other subjects.
    ictal_share : float
        Share of windows that hold part of a seizure, in [0, 1]. The first n windows have
        this share for every n.
    window_length : float
        Seconds, from 1 to 600, a multiple of 1/16.
    sfreq : float
        Hz, from 100 to 1024. EEG is generated at 256 Hz; other rates need SciPy, and
        above 256 Hz the signals hold nothing above 128 Hz.
    montage : str or sequence of str
        Name of a montage, or rows such as ``"Fp1-F7"`` and ``"Cz"``.
    profile : str
        ``"zscore-1"``: scaled by the seizure-free signal of the subject and clipped at
        10; ``"raw-1"``: microvolts.
    band_pass : tuple of float or None
        Edges in Hz of a zero-phase filter; needs SciPy.
    names : str
        ``"10-20"``: T3-T5; ``"10-10"``: T7-P7.

    Returns
    -------
    fixture : Fixture
        A fixture in memory, without a file. Signals are float32, shape (n_windows,
        n_channels, n_times), and labels uint8, shape (n_windows, n_times).

    Raises
    ------
    SpecError
        If an argument is outside its range.
    MissingPackageError
        If SciPy is required and not installed.

    Notes
    -----
    Windows with a seizure alternate between the kinds onset, offset, whole and ictal;
    every second window without one holds an artefact. A window of 60 s takes about 0.1 s
    on one core. At 256 Hz without a filter, the values are the same on every machine;
    otherwise the last bits may differ between versions of SciPy.

    Examples
    --------
    >>> from bgb_fixtures import synthetic_fixture
    >>> fixture = synthetic_fixture(4, seed=1, window_length=4, montage="tcp-20")
    >>> fixture.signals.shape, fixture.window_labels("any").tolist()
    ((4, 20, 1024), [1, 0, 1, 0])
    """
    request = compose_request(
        n_windows,
        seed=seed,
        ictal_share=ictal_share,
        window_length=window_length,
        sfreq=sfreq,
        montage=split_rows(montage),
        profile=profile,
        band_pass=band_pass,
        names=names,
    )
    content = synthesise(request)
    digest = hashlib.sha256(dump_json(content.spec)).hexdigest()
    return fixture_in_memory(content, path=Path("synthetic"), digest=digest)
