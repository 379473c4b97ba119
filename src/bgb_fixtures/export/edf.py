"""One EDF+C file per window, with its seizures as annotations.

Invariant: a sample is labelled as ictal exactly if its time is inside the annotation of
a seizure; the rounding error of the 16-bit samples is stated.

References
----------
EDF+, https://www.edfplus.info/specs/edfplus.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.edf.steps import (
    START,
    Steps,
    describe_steps,
    edf_channels,
    label_problems,
    samples_problems,
    window_steps,
)
from bgb_fixtures.edf.writer import (
    TICKS_PER_S,
    EdfAnnotation,
    import_edfio,
    write_edf,
)
from bgb_fixtures.export.layout import Layout, event_spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.fixture import Fixture

__all__ = ["LAYOUT"]


def _problems(fixture: Fixture) -> list[str]:
    problems = samples_problems(fixture) + label_problems(_labels(fixture))
    if fixture.sfreq >= TICKS_PER_S:
        problems.append(
            f"its rate is {fixture.sfreq:g} Hz; expected less than {TICKS_PER_S} Hz, "
            "whose samples annotations in steps of 0.1 ms tell apart"
        )
    return problems


def _labels(fixture: Fixture) -> list[str]:
    return [f"EEG {ch_name}" for ch_name in fixture.ch_names]


def _write(fixture: Fixture, folder: Path, done: Callable[[int], None]) -> str:
    import_edfio()
    rows: list[str] = []
    channels: list[Steps] = []
    for row, window in enumerate(fixture.windows):
        name = f"{window.split}/{window.id}.edf"
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        steps = window_steps(fixture, row)
        annotations = _annotations(fixture, row)
        write_edf(
            path,
            edf_channels(_labels(fixture), steps, sfreq=fixture.sfreq),
            start=START,
            annotations=annotations,
        )
        texts = ", ".join(annotation.text for annotation in annotations)
        rows.append(f"| {name} | {window.category} | {window.subject} | {texts} |")
        channels += [channel.summary() for channel in steps]
        done(len(rows))
    return _notes(fixture, channels, rows)


def _annotations(fixture: Fixture, row: int) -> list[EdfAnnotation]:
    """Return one annotation per seizure, or one of background for the whole window."""
    n_times, sfreq = fixture.signals.shape[2], int(fixture.sfreq)
    spans = [
        (start, stop, event.label) for start, stop, event in event_spans(fixture, row)
    ]
    annotations = []
    for start, stop, text in spans or [(0, n_times, "bckg")]:
        # Rounding down leaves both ends after the previous sample, so no sample changes
        # sides.
        onset = start * TICKS_PER_S // sfreq
        end = stop * TICKS_PER_S // sfreq
        annotations.append(EdfAnnotation(onset=onset, duration=end - onset, text=text))
    return annotations


def _notes(fixture: Fixture, channels: list[Steps], rows: list[str]) -> str:
    example = f"{fixture.windows[0].split}/{fixture.windows[0].id}.edf"
    return f"""\
## Use

    import mne

    raw = mne.io.read_raw_edf("{example}", infer_types=True)
    print(raw.ch_names, raw.annotations)

## Worth knowing

- One EDF+C file per window, records of 1 s. Every date is 2015-01-01; patient and
  recording are `X`.
- {describe_steps(fixture, channels)}
- Annotations have the code of TUSZ for the type of a seizure (`seiz` where it is not
  known), from start to end; a file without a seizure has one, `bckg`, over all of it.
  Times are in steps of 0.1 ms, rounded down: the first sample of a seizure is the first
  one that is not before its onset, and so for its end.

## Files

| file | category | subject | annotations |
| --- | --- | --- | --- |
{chr(10).join(rows)}
"""


LAYOUT = Layout(
    title="EDF+C files with annotations, one per window",
    problems=_problems,
    write=_write,
)
