"""Windows of any origin, in the longitudinal bipolar montage at 256 Hz.

Fixtures, windows composed from a seed, real excerpts where they are, and two toys.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.montage import MONTAGES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

SFREQ = 256
PIECE_S = 10  # the length of the real excerpts that the ranges come from
EPOCH_S = 2
EPOCH = EPOCH_S * SFREQ
DERIVATIONS = MONTAGES["double-banana"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """Hold one window of any origin."""

    name: str
    subject: str  # for leaving subjects out
    bipolar_uv: Array  # montage double-banana in microvolts, (18, n_times)
    electrodes_uv: Array | None  # montage 10-20, any reference, (19, n_times)
    ready: npt.NDArray[np.float32]  # what a model sees, (n_channels, n_times)
    events: tuple[tuple[str, int, int], ...]  # type, first and first sample after it

    @cached_property
    def ictal(self) -> npt.NDArray[np.bool_]:
        """True for ictal samples, shape (n_times,)."""
        mask = np.zeros(self.bipolar_uv.shape[1], bool)
        for _, start, stop in self.events:
            mask[start:stop] = True
        return mask


def to_bipolar(electrodes_uv: Array) -> Array:
    """Subtract electrodes: (19, n_times) in montage 10-20 to (18, n_times)."""
    index = {name: row for row, name in enumerate(MONTAGES["10-20"])}
    pairs = [[index[part] for part in name.split("-")] for name in DERIVATIONS]
    plus, minus = np.array(pairs).T
    bipolar_uv: Array = electrodes_uv[plus] - electrodes_uv[minus]
    return bipolar_uv


def read_fixture(path: str | Path) -> list[Window]:
    """Read all windows of a fixture file at 256 Hz, montage 10-20 or double-banana."""
    from bgb_fixtures import load_fixture

    windows = []
    with load_fixture(path) as fixture:
        if fixture.sfreq != SFREQ:
            msg = f"{path}: expected {SFREQ} Hz, found {fixture.sfreq:g} Hz"
            raise SystemExit(msg)
        referential = fixture.ch_names == MONTAGES["10-20"]
        microvolts = fixture.microvolts().astype(np.float64)
        for row, record in enumerate(fixture.windows):
            spans = [(event.label, *event.span(SFREQ)) for event in record.events]
            data_uv = microvolts[row]
            windows.append(
                Window(
                    name=f"{record.id} {record.kind}",
                    subject=record.subject,
                    bipolar_uv=to_bipolar(data_uv) if referential else data_uv,
                    electrodes_uv=data_uv if referential else None,
                    ready=np.array(fixture.signals[row]),
                    events=tuple(spans),
                )
            )
    return windows


def compose_windows(
    n_windows: int, *, seed: int, window_length: float = 20.0
) -> list[Window]:
    """Generate windows as `bgb-fixtures build --windows` does, in microvolts."""
    from bgb_fixtures.build import synthesise
    from bgb_fixtures.request.compose import compose_request

    request = compose_request(
        n_windows, seed=seed, window_length=window_length, profile="raw-1"
    )
    content = synthesise(request)
    return [
        Window(
            name=f"{seed}: {record.id} {record.kind}",
            subject=f"{seed}: {record.subject}",
            bipolar_uv=to_bipolar(data_uv.astype(np.float64)),
            electrodes_uv=data_uv.astype(np.float64),
            ready=data_uv,
            events=tuple((event.label, *event.span(SFREQ)) for event in record.events),
        )
        for record, data_uv in zip(content.windows, content.signals, strict=True)
    ]


def read_real(folder: Path) -> list[Window]:
    """Read the real excerpts: 10 s before onset, then the seizure or 10 s of it.

    `folder` holds ``chbmit-mini`` (whole seizures) and ``chbmit-chunks`` (10-20 s after
    onset, joined here to the 10 s before onset). One window per seizure.
    """
    before = PIECE_S * SFREQ
    windows = []
    for path in sorted(folder.glob("chbmit-mini/chb01/*.edf")):
        data_uv = _read_bipolar(path)
        if data_uv.shape[1] > before:
            windows.append(_real_window(path.stem, data_uv, before))
    for path in sorted(folder.glob("chbmit-chunks/*_preictal.edf")):
        name = path.stem[:8]
        (ictal,) = folder.glob(f"chbmit-chunks/{name}_*_ictal.edf")
        data_uv = np.hstack([_read_bipolar(path), _read_bipolar(ictal)])
        windows.append(_real_window(name, data_uv, before))
    return standardise(windows)


def _real_window(name: str, data_uv: Array, onset: int) -> Window:
    return Window(
        name=name,
        subject=name[:5],
        bipolar_uv=data_uv,
        electrodes_uv=None,
        ready=data_uv.astype(np.float32),
        events=(("seiz", onset, data_uv.shape[1]),),
    )


def _read_bipolar(path: Path) -> Array:
    import pyedflib

    from bgb_fixtures.eeg.montage import resolve_montage

    with pyedflib.EdfReader(str(path)) as reader:
        labels = reader.getSignalLabels()
        rows = resolve_montage(labels, "double-banana", where=path.name)
        return np.array([reader.readSignal(row.plus[0]) for row in rows])


def standardise(windows: Sequence[Window]) -> list[Window]:
    """Divide `ready` by the standard deviation of each subject's background.

    `ready` becomes that of the electrodes if there are any, else of the derivations.
    """
    scale: dict[str, Array] = {}
    for subject in {window.subject for window in windows}:
        background = [
            _channels(window)[:, ~window.ictal]
            for window in windows
            if window.subject == subject
        ]
        joined = np.hstack(background)
        size = joined.std(axis=1) if joined.shape[1] > 1 else np.ones(len(joined))
        scale[subject] = np.maximum(size, 1e-9)[:, None]
    return [
        dataclasses.replace(
            window, ready=(_channels(window) / scale[window.subject]).astype(np.float32)
        )
        for window in windows
    ]


def _channels(window: Window) -> Array:
    if window.electrodes_uv is None:
        return window.bipolar_uv
    return window.electrodes_uv


def make_white_noise(windows: Sequence[Window], *, seed: int = 0) -> list[Window]:
    """Replace the signal by white noise, the same in a seizure as outside.

    20 uV at 19 independent electrodes; windows and seizures stay where they are.
    """
    rng = np.random.default_rng(seed)
    return standardise(
        [
            _from_electrodes(
                window, 20 * rng.standard_normal((19, len(window.ictal))), window.events
            )
            for window in windows
        ]
    )


def make_sine_on_noise(windows: Sequence[Window], *, seed: int = 0) -> list[Window]:
    """Replace the signal by the usual toy: pink noise, and a sine in the seizure.

    Noise of 20 uV with a power spectrum of 1 / f at each electrode; in the seizure, 3 Hz
    of 60 uV in all of them, with gains between 0.5 and 1.5 so that a bipolar montage
    does not cancel it.
    """
    rng = np.random.default_rng(seed)
    made = []
    for window in windows:
        n_times = len(window.ictal)
        shape = 1 / np.sqrt(np.maximum(np.fft.rfftfreq(n_times, 1 / SFREQ), 0.5))
        noise = np.fft.irfft(
            np.fft.rfft(rng.standard_normal((19, n_times))) * shape, n_times
        )
        noise *= 20 / noise.std(axis=1, keepdims=True)
        sine = np.sin(2 * np.pi * 3 * np.arange(n_times) / SFREQ) * window.ictal
        gains = rng.uniform(0.5, 1.5, (19, 1))
        made.append(_from_electrodes(window, noise + 60 * gains * sine, window.events))
    return standardise(made)


def _from_electrodes(
    window: Window, electrodes_uv: Array, events: tuple[tuple[str, int, int], ...]
) -> Window:
    return Window(
        name=window.name,
        subject=window.subject,
        bipolar_uv=to_bipolar(electrodes_uv),
        electrodes_uv=electrodes_uv,
        ready=electrodes_uv.astype(np.float32),
        events=events,
    )
