"""Record, or check, our own goldens in ``fixtures/golden/``.

``python tools/make_goldens.py`` rewrites those that no longer match and prints the
changes; the tests compare with them. Outputs are limited to what is needed to detect a
change: three electrodes for the processing chain, the three windows of split `dev` for
the detectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from reference_models import find_seizures, make_tcn, make_unet

from bgb_fixtures import load_fixture
from bgb_fixtures.eeg.events import events_to_mask, mask_to_spans, seconds_to_span
from bgb_fixtures.eeg.kinds import category_of
from bgb_fixtures.eeg.scaling import (
    Moments,
    brain_go_brr_window,
    raw_1,
    standardise_brain_go_brr,
    zscore_1,
)
from bgb_fixtures.golden import Golden, make_golden, run_model
from bgb_fixtures.golden.check import update
from bgb_fixtures.golden.names import golden_path
from bgb_fixtures.golden.record import make_events_golden

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

FOLDER = Path(__file__).parents[1] / "fixtures" / "golden"
ELECTRODES = ("Fp1", "Cz", "O2")
# Onsets and durations as in annotation files, at sampling rates of real recordings.
SECONDS = ((36.8868, 14.2945), (0.0, 0.0039), (1862.1, 40.4), (2996.0, 40.0))
RATES = (250.0, 256.0, 400.0, 512.0, 1000.0)


def _microvolts() -> npt.NDArray[np.float64]:
    """Return three electrodes of `tiny`, (n_windows, 3, n_times)."""
    fixture = load_fixture("tiny")
    rows = [fixture.ch_names.index(name) for name in ELECTRODES]
    return fixture.microvolts()[:, rows].astype(np.float64)


def exact_profiles() -> dict[str, Any]:
    """Return model-ready values of the profiles with guaranteed bytes."""
    microvolts = _microvolts()
    moments = Moments()
    for window in microvolts[3:]:
        moments.add(window)
    scale, offset = moments.scale_and_offset(ch_names=ELECTRODES, where="tiny")
    return {
        "raw": raw_1(microvolts[0]).values,
        "scale": scale,
        "offset": offset,
        "zscore": zscore_1(microvolts[0], scale, offset).values,
        "n_clipped": zscore_1(40 * microvolts[0], scale, offset).n_clipped,
    }


def filtered_profile() -> dict[str, Any]:
    """Return model-ready values of the profile that filters whole recordings."""
    recording = _microvolts().transpose(1, 0, 2).reshape(len(ELECTRODES), -1)
    at_256, at_200 = (
        standardise_brain_go_brr(recording, sfreq=sfreq) for sfreq in (256.0, 200.0)
    )
    return {
        "at_256": brain_go_brr_window(at_256, start=2560, stop=5120).values,
        "at_200": brain_go_brr_window(at_200, start=2560, stop=5120).values,
        "scale": at_256.scale,
    }


def labels_and_events() -> dict[str, Any]:
    """Return labels from events, events from labels, and samples from seconds."""
    fixture = load_fixture()
    labels = np.stack(
        [
            events_to_mask(window.events, sfreq=256.0, n_times=15360)
            for window in fixture.windows
        ]
    )
    spans = [
        (row, start, stop)
        for row, values in enumerate(labels)
        for start, stop in mask_to_spans(values)
    ]
    categories = [
        ("none", "partial", "full").index(category_of(int(row.sum()), 15360))
        for row in labels
    ]
    return {
        "labels": labels[:, ::16],
        "spans": np.array(spans),
        "categories": np.array(categories),
        "samples": np.array(
            [
                [seconds_to_span(onset, duration, rate) for rate in RATES]
                for onset, duration in SECONDS
            ]
        ),
    }


def _model(make: Callable[[], Any], name: str) -> Golden:
    return run_model(make(), load_fixture().select(split="dev"), name=name)


def _seizures(make: Callable[[], Any], name: str, threshold: float) -> Golden:
    """Make a golden of a detector's events after post-processing."""
    fixture = load_fixture().select(split="dev")
    logits = run_model(make(), fixture, name=name).outputs[name].array
    events = find_seizures(logits, threshold=threshold, sfreq=fixture.sfreq)
    # Allow five samples, as rounding could move a crossing of the threshold.
    return make_events_golden(events, name=name, fixture=fixture, atol=0.02)


GOLDENS: dict[str, Callable[[], Golden]] = {
    "exact": lambda: make_golden(exact_profiles(), name="exact", rtol=0, atol=0),
    # Other versions of scipy may move single values by one step of float32.
    "filtered": lambda: make_golden(
        filtered_profile(), name="filtered", rtol=1e-6, atol=1e-6
    ),
    "events": lambda: make_golden(labels_and_events(), name="events"),
    "unet": lambda: _model(make_unet, "unet"),
    "tcn": lambda: _model(make_tcn, "tcn"),
    "unet-seizures": lambda: _seizures(make_unet, "unet-seizures", 0.4),
    "tcn-seizures": lambda: _seizures(make_tcn, "tcn-seizures", -0.6),
}


def main() -> None:
    """Rewrite the goldens that no longer match."""
    for name, make in GOLDENS.items():
        path = golden_path(FOLDER, name)
        note = update(make(), path, fixture=None, nan_ok=False)
        print(note or f"{path}: matches")


if __name__ == "__main__":
    main()
