"""``bgb-fixtures adapt``."""

from __future__ import annotations

from typing import Any

import click

from bgb_fixtures.commands.adapt_options import adapting_options, given_options
from bgb_fixtures.commands.common import is_there, print_json
from bgb_fixtures.errors import counted

__all__ = ["adapt"]


@click.command(
    epilog="Example: bgb-fixtures adapt smoke --window-length 4 --sfreq 200 "
    "--montage tcp-20 --out mine.h5"
)
@click.argument("fixture", required=False)
@adapting_options
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="File to write; an existing fixture is replaced.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def adapt(
    fixture: str | None,
    out: str,
    as_json: bool,  # noqa: FBT001
    **options: Any,
) -> None:
    """Write a fixture in another length, rate or montage.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. New windows are
    cut from each original window, beginning at its start; events are clipped, and labels
    follow from them at the new rate. The same fixture and options give the same bytes;
    the file records the digest of the fixture it was adapted from.
    """
    from bgb_fixtures.adapt import adapted_content
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.format.write import write_fixture

    given = given_options(options)
    if not given:
        msg = (
            "nothing to adapt; pass an option such as --window-length 4 or --sfreq 200"
        )
        raise click.UsageError(msg)
    with load_fixture(fixture) as source:
        content = adapted_content(source, **given)
    replaced = is_there(out)
    path = write_fixture(content, out)
    n_windows, n_channels, n_times = content.signals.shape
    n_positive = sum(window.category != "none" for window in content.windows)
    if as_json:
        print_json(
            {
                "path": str(path),
                "replaced": replaced,
                "n_windows": n_windows,
                "n_positive": n_positive,
                "shape": [n_windows, n_channels, n_times],
                "sfreq": content.sfreq,
            }
        )
        return
    click.echo(
        f"{'replaced' if replaced else 'wrote'} {path}: {counted(n_windows, 'window')} "
        f"of {counted(n_channels, 'channel')} and {n_times / content.sfreq:g} s at "
        f"{content.sfreq:g} Hz, {n_positive} with a seizure, "
        f"{path.stat().st_size / 1e6:.1f} MB"
    )
