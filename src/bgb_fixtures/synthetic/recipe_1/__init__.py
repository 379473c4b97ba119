"""Recipe synthetic-1, which is frozen: it generates fixtures of content version 1."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.events import seconds_to_sample
from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES, subtract_reference
from bgb_fixtures.synthetic.recipe_1.artefacts import (
    add_artefact,
    add_eyes,
    add_sleep,
    add_tension,
)
from bgb_fixtures.synthetic.recipe_1.background import add_background
from bgb_fixtures.synthetic.recipe_1.canvas import Canvas
from bgb_fixtures.synthetic.recipe_1.seizures import add_seizure
from bgb_fixtures.synthetic.recipe_1.subject import Subject, make_subject

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.synthetic.scenario import Scenario
    from bgb_fixtures.synthetic.streams import Streams

    Array = npt.NDArray[np.float64]

__all__ = ["draw", "make_subject"]


def draw(scenario: Scenario, subject: Subject, streams: Streams) -> Array:
    """Return the potentials against the reference, without amplifier noise."""
    canvas = Canvas.blank(seconds_to_sample(scenario.duration, SFREQ))
    for i, event in enumerate(scenario.events):
        start, stop = event.span(SFREQ)
        add_seizure(
            replace(canvas, amplitude=getattr(event, "amplitude", 1.0)),
            subject,
            streams.child(f"seizure-{i}"),
            label=event.label,
            start=start,
            stop=stop,
        )
    for i, artefact in enumerate(scenario.artefacts):
        start, stop = artefact.span(SFREQ)
        add_artefact(
            replace(canvas, amplitude=artefact.amplitude),
            subject,
            streams.child(f"artefact-{i}"),
            kind=artefact.kind,
            start=start,
            stop=stop,
        )
    if scenario.state == "sleep":
        add_sleep(canvas, subject, streams)
    else:
        add_eyes(canvas, subject, streams)
        add_tension(canvas, subject, streams)
    add_background(canvas, subject, streams, state=scenario.state)
    potentials = canvas.scalp_uv
    subtract_reference(potentials, subject.reference)
    potentials *= subject.gains[:, None]
    _add_mains(potentials, subject, streams)
    return potentials


def _add_mains(potentials: Array, subject: Subject, streams: Streams) -> None:
    """Add power line noise, with one phase and a gain for each electrode."""
    gains = subject.mains_uv * streams.uniforms("mains", len(ELECTRODES))
    # Use integers, so that the phase stays exact in hour-long recordings.
    turn = np.arange(potentials.shape[1]) * int(subject.mains_hz) % SFREQ
    sine = np.sin(np.arange(SFREQ) * (2 * np.pi / SFREQ))
    potentials += gains[:, None] * sine[turn]
