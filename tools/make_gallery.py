"""Draw every kind of window, seizure and artefact for the documentation site.

``docs/conf.py`` calls it at each build; as a script, it writes to a folder.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bgb_fixtures.build import build_fixture
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.report.plot import draw_windows, save_figure
from bgb_fixtures.request.spec import parse_spec

WINDOW_S = 60
DPI = 90


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture: a window, and a description of what to look for."""

    name: str
    text: str
    onset: float
    duration: float
    label: str | None = None
    first: float = 0.0
    start: float | None = None
    state: str = "awake"

    def recording(self, subject: int) -> dict[str, Any]:
        """Return the table of a spec that generates the window."""
        span = {"onset": self.onset, "duration": self.duration}
        table: dict[str, Any] = {
            "subject": subject,
            "split": "train",
            "duration": 120,
            "windows": [self.first],
            "state": self.state,
        }
        if self.label is None:
            if self.duration:
                table["artefacts"] = [span | {"kind": self.name}]
        else:
            table["events"] = [span | {"label": self.label}]
        return table


def _seizure(code: str, duration: float, text: str) -> Entry:
    return Entry(code, text, 20, duration, label=code)


def _artefact(kind: str, duration: float, text: str, *, state: str = "awake") -> Entry:
    return Entry(kind, text, 20, duration, start=18, state=state)


SECTIONS = {
    "Kinds of window": (
        Entry("onset", "The seizure begins in the window and continues after it; the last "
              "label is 1. Compare the shaded rhythm with the seconds before it.",
              30, 60, label="cpsz"),
        Entry("offset", "The seizure began before the window and ends in it; the first "
              "label is 1. Slow waves over the focus may follow: their label is 0.",
              20, 70, label="fnsz", first=60),
        Entry("whole", "The seizure begins and ends in the window; the first and last "
              "labels are 0. Muscle activity covers most of this one.", 15, 30, label="cpsz"),
        Entry("ictal", "Every label is 1: the window has no onset, and no background "
              "for comparison.", 20, 90, label="gnsz", first=40),
        Entry("background", "No seizure and no added artefact. Look for the posterior "
              "rhythm in P3-O1 and P4-O2, and for the muscle burst and the blink that "
              "any recording may hold.", 0, 0),
    ),
    "Types of seizure": (
        _seizure("fnsz", 30, "Focal. Rhythmic activity begins on one side, sharpens, "
                 "slows down and spreads."),
        _seizure("cpsz", 30, "Focal with impaired awareness. Rhythmic theta of one "
                 "temporal region slows to delta and may reach the other side."),
        _seizure("spsz", 30, "Focal with awareness. It involves a few electrodes and is "
                 "hardly larger than the background: easy to miss."),
        _seizure("gnsz", 30, "Generalised. Irregular spike-waves on both sides, which "
                 "slow down."),
        _seizure("absz", 10, "Absence. Spike-waves near 3 Hz, largest over the frontal "
                 "region, that begin and end suddenly; no slowing follows."),
        _seizure("tnsz", 14, "Tonic. The EEG flattens. Then a fast rhythm grows and slows "
                 "down, with muscle activity."),
        _seizure("cnsz", 20, "Clonic. Rhythmic discharges on both sides, with a burst of "
                 "muscle activity at each jerk."),
        _seizure("tcsz", 38, "Tonic-clonic. A tonic rhythm is buried in muscle activity; "
                 "clonic bursts slow down, and the EEG is suppressed after the end "
                 "(label 0)."),
        _seizure("atsz", 4, "Atonic. Polyspike-waves, then attenuation."),
        _seizure("mysz", 1.5, "Myoclonic. One short polyspike-wave discharge with a "
                 "muscle jerk: a test of short events."),
    ),
    "Artefacts and other negatives": (
        _artefact("blink", 10, "Smooth deflections of the frontal rows Fp1 and Fp2, about "
                  "a third of a second long."),
        _artefact("saccade", 10, "Steps of opposite sign at F7 and F8 that decay within "
                  "a second: the eyes move sideways."),
        _artefact("muscle", 8, "Bursts of fast, spiky activity, mostly above 25 Hz and "
                  "largest over the temporal and frontal regions."),
        _artefact("chewing", 10, "Muscle bursts one to two times per second: rhythmic, "
                  "and so a classical false positive."),
        _artefact("movement", 8, "Large irregular slow waves with muscle activity: a high "
                  "amplitude, but not the rhythm of a seizure."),
        _artefact("electrode", 12, "One bad electrode: only the rows that share it are "
                  "disturbed, mostly with opposite signs."),
        _artefact("pop", 10, "Sudden steps of one electrode that return exponentially; "
                  "the two rows of a chain that share it mirror each other."),
        _artefact("drift", 12, "Waves far slower than any brain rhythm, as from sweat; "
                  "the display filter removes most of them."),
        _artefact("focal-spikes", 12, "Interictal discharges: a sharp negative wave of "
                  "one region, then a slow wave. They do not evolve; label 0."),
        _artefact("spike-waves", 12, "Generalised runs of a few spike-waves, too short "
                  "for a seizure; label 0."),
        _artefact("spindles", 12, "Sleep: runs of 12-14 Hz about a second long, largest "
                  "over the central region.", state="sleep"),
        _artefact("k-complexes", 12, "Sleep: single large slow waves over the central "
                  "and frontal regions.", state="sleep"),
    ),
}  # fmt: skip


def draw_gallery(folder: Path) -> None:
    """Draw each entry as NAME.png in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [entry for section in SECTIONS.values() for entry in section]
    spec = {
        "name": "gallery",
        "source": "synthetic",
        "recipe": "synthetic-2",
        "window_length": WINDOW_S,
        "profile": "raw-1",
        "recordings": [entry.recording(i) for i, entry in enumerate(entries, 1)],
    }
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "gallery.h5"
        build_fixture(parse_spec(spec, where="gallery"), path)
        with load_fixture(path) as fixture:
            for row, entry in enumerate(entries):
                figure = draw_windows(fixture, [row], start=entry.start)
                save_figure(figure, folder / f"{entry.name}.png", dpi=DPI)


def gallery_page(folder: str) -> str:
    """Return the page in Markdown; the pictures are in `folder` next to it."""
    lines = [
        "# Gallery",
        "",
        "These are windows of recipe `synthetic-2`, drawn by `bgb-fixtures plot` when this",
        "page was built. The traces show 15 s of the double banana, negative up, with seizures",
        "shaded. The spectrograms below show the whole minute. All of it is synthetic: no",
        "patient was recorded. Select a picture to enlarge it.",
    ]
    for title, entries in SECTIONS.items():
        lines += ["", f"## {title}"]
        for entry in entries:
            alternative = f"Clinical page of {entry.name} with spectrograms"
            lines += [
                "",
                f"### {entry.name}",
                "",
                f"**Label: {_label(entry)}.** {entry.text}",
                "",
                (
                    f'<a href="{folder}/{entry.name}.png"><img src="{folder}/{entry.name}.png" '
                    f'alt="{alternative}" width="990" height="810" loading="lazy"></a>'
                ),
            ]
    return "\n".join(lines) + "\n"


def _label(entry: Entry) -> str:
    if entry.label is None:
        return "no seizure"
    first = max(entry.onset - entry.first, 0)
    last = min(entry.onset + entry.duration - entry.first, WINDOW_S)
    return f"`{entry.label}`, {first:g} to {last:g} s"


if __name__ == "__main__":
    draw_gallery(Path(sys.argv[1]))
