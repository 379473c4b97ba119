"""Small contents of fixtures, made by hand: for tests, hostile files and the benchmark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bgb_fixtures.eeg.events import Event
from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.format.content import Content
from bgb_fixtures.format.records import WindowRecord

__all__ = ["N_TIMES", "SFREQ", "many_windows", "small_content"]

SFREQ = 256.0
N_TIMES = 512
# (kind, category, ictal samples as [start, stop)), each window 2 s long
_WINDOWS = (
    ("onset", "partial", 128, 512),
    ("ictal", "full", 0, 512),
    ("background", "none", 0, 0),
    ("whole", "partial", 64, 320),
)


def small_content() -> Content:
    """Return 4 windows of 3 channels and 512 samples at 256 Hz.

    Windows w0 to w3 are of kind onset, ictal, background (train, sub-01) and whole (dev,
    sub-02).
    """
    labels = np.zeros((4, N_TIMES), np.uint8)
    windows = []
    for row, (kind, category, start, stop) in enumerate(_WINDOWS):
        labels[row, start:stop] = 1
        event = Event(
            onset=start / SFREQ, duration=(stop - start) / SFREQ, label="fnsz"
        )
        windows.append(
            WindowRecord(
                id=f"w{row}",
                category=category,
                kind=kind,
                split="train" if row < 3 else "dev",
                subject="sub-01" if row < 3 else "sub-02",
                recording=f"rec-{row + 1:02d}",
                onset=10.0 * row,
                n_clipped=0,
                events=(event,) if stop > start else (),
            )
        )
    # Multiples of 1/8 in [-4, 4): small, exact, and different in every row.
    values = np.arange(12)[:, None] + 37 * np.arange(N_TIMES)
    return Content(
        name="small",
        content_version=1,
        sfreq=SFREQ,
        ch_names=("Fp1", "F3", "C3"),
        montage="10-20",
        unit="1",
        profile={"name": "zscore-1", "steps": ["by hand"]},
        source={"name": "synthetic"},
        licence={
            "name": "CC0-1.0",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/",
            "attribution": "none needed",
            "redistributable": True,
            "changes": "made for a test",
        },
        spec={"source": "synthetic"},
        windows=tuple(windows),
        signals=(values % 64 / 8 - 4).astype(np.float32).reshape(4, 3, N_TIMES),
        labels=labels,
        scale=np.full((4, 3), 20.0, np.float32),
        offset=np.array([[0.0, 1.0, -2.0]] * 4, np.float32),
    )


def many_windows(n_windows: int) -> Content:
    """Return windows of 1 s of 19 channels at 256 Hz; every other one has an onset."""
    ch_names = MONTAGES["10-20"]
    n_times = int(SFREQ)
    rng = np.random.default_rng(0)
    one = rng.standard_normal((1, len(ch_names), n_times)).astype(np.float32)
    labels = np.zeros((n_windows, n_times), np.uint8)
    labels[::2, n_times // 2 :] = 1
    windows = tuple(
        WindowRecord(
            id=f"w{i}",
            category="none" if i % 2 else "partial",
            kind="background" if i % 2 else "onset",
            split="train",
            subject="sub-01",
            recording="rec-01",
            onset=float(i),
            n_clipped=0,
            events=() if i % 2 else (Event(onset=0.5, duration=0.5, label="fnsz"),),
        )
        for i in range(n_windows)
    )
    return replace(
        small_content(),
        ch_names=ch_names,
        unit="uV",
        profile={"name": "raw-1", "steps": ["noise"]},
        windows=windows,
        signals=np.tile(one, (n_windows, 1, 1)),
        labels=labels,
        scale=np.ones((n_windows, len(ch_names)), np.float32),
        offset=np.zeros((n_windows, len(ch_names)), np.float32),
    )
