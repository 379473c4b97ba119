"""``bgb-fixtures plot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bgb_fixtures.commands.adapt_options import parse_montage
from bgb_fixtures.commands.common import Progress, within
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from bgb_fixtures.fixture import Fixture

__all__ = ["plot"]


@click.command(epilog="Example: bgb-fixtures plot smoke --window 3 --out w3.png")
@click.argument("fixture", required=False)
@click.option(
    "--window",
    "windows",
    multiple=True,
    required=True,
    metavar="N_OR_ID",
    help="Window to draw, as its number from 1 or its id; repeatable.",
)
@click.option(
    "--montage",
    default="double-banana",
    callback=parse_montage,
    metavar="NAME",
    help="Montage to draw, such as 10-20, tcp-20 or average, or rows separated by commas "
    "[double-banana].",
)
@click.option(
    "--start",
    type=float,
    metavar="SECONDS",
    help="Start of the page within the window [a third of a page before the first "
    "seizure onset or end, or 0].",
)
@click.option(
    "--length",
    type=float,
    default=15.0,
    metavar="SECONDS",
    help="Length of the page [15].",
)
@click.option(
    "--gain",
    type=float,
    metavar="UV",
    help="Microvolts between adjacent traces [chosen from the amplitude].",
)
@click.option(
    "--dpi",
    type=int,
    callback=within(least=20, most=600),
    default=110,
    metavar="N",
    help="Pixels per inch; a page is 11 x 9 inches [110].",
)
@click.option(
    "--out", required=True, metavar="FILE", help="Image to write (.png, .pdf or .svg)."
)
def plot(
    fixture: str | None,
    windows: tuple[str, ...],
    montage: str | list[str],
    start: float | None,
    length: float,
    gain: float | None,
    dpi: int,
    out: str,
) -> None:
    """Draw windows as clinical pages with spectrograms.

    One spectrogram for each side of the head. FIXTURE is a name or a path; without one,
    the packaged fixture smoke. Negative is up; the seizure is shaded.
    """
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.report.plot import draw_windows, save_figure

    with load_fixture(fixture) as loaded, Progress("drawing") as progress:
        figure = draw_windows(
            loaded,
            [_row_of(loaded, window) for window in windows],
            montage=montage,
            start=start,
            length=length,
            gain_uv=gain,
            # Saving the image takes half of the time.
            progress=lambda done, total: progress.show(done, 2 * total),
        )
        target = save_figure(figure, out, dpi=dpi)
        progress.show(2 * len(windows), 2 * len(windows))
    click.echo(f"wrote {target}")


def _row_of(fixture: Fixture, window: str) -> int:
    ids = [record.id for record in fixture.windows]
    if window in ids:
        return ids.index(window)
    if window.isdecimal() and 1 <= int(window) <= len(ids):
        return int(window) - 1
    msg = (
        f"no window {window!r} in {str(fixture.path)!r}; expected a number from 1 to "
        f"{len(ids)}, or an id: {', '.join(ids)}"
    )
    raise SpecError(msg)
