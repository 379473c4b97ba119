"""``bgb-fixtures corpus``."""

from __future__ import annotations

from dataclasses import asdict

import click

from bgb_fixtures.commands.common import Progress, print_json
from bgb_fixtures.errors import counted

__all__ = ["corpus"]


@click.command(
    epilog="Example: bgb-fixtures corpus --layout tusz --out mini-tusz --recordings 8"
)
@click.option(
    "--layout",
    required=True,
    type=click.Choice(("tusz", "tusz-1.5", "chbmit", "siena", "bids")),
    help="Corpus whose folders, file names, labels and annotation files to imitate.",
)
@click.option("--out", required=True, metavar="DIR", help="Folder to create.")
@click.option(
    "--recordings", type=int, default=6, metavar="N", help="Number of recordings [6]."
)
@click.option(
    "--duration",
    type=float,
    default=60,
    metavar="SECONDS",
    help="Length of each recording, in whole seconds from 10 to 3600 [60].",
)
@click.option(
    "--seed", type=int, default=0, metavar="K", help="Seed for the generator [0]."
)
@click.option(
    "--without-fz-pz",
    is_flag=True,
    help="Omit Fz and Pz from the last train recording (tusz and tusz-1.5 only).",
)
@click.option(
    "--rates",
    metavar="HZ,...",
    help="Sampling rates (250, 256, 400 or 512 Hz), assigned to patients in turn, such "
    "as 250,256,400 [256] (tusz and tusz-1.5 only).",
)
@click.option(
    "--cases",
    metavar="NAME,...",
    help="Patient names, such as chb01,chb21 [names that are not in the database] "
    "(chbmit and siena only).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def corpus(
    layout: str,
    out: str,
    recordings: int,
    duration: float,
    seed: int,
    without_fz_pz: bool,  # noqa: FBT001
    rates: str | None,
    cases: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a small corpus of synthetic EDF recordings.

    Some recordings contain seizures. Folders, file names, channel labels and annotation
    files are those of TUSZ, CHB-MIT, Siena or a BIDS data set, so that programs which
    read the real one can be tested on it. The same options give the same bytes. Free to
    use (CC0); see its README.md.
    """
    from bgb_fixtures.corpora.twin import write_corpus

    for option, given, layouts in (
        ("--without-fz-pz", without_fz_pz, ("tusz", "tusz-1.5")),
        ("--rates", rates, ("tusz", "tusz-1.5")),
        ("--cases", cases, ("chbmit", "siena")),
    ):
        if given and layout not in layouts:
            msg = (
                f"{option} goes with --layout {' or '.join(layouts)}, not with {layout}"
            )
            raise click.UsageError(msg)
    with Progress("writing") as progress:
        report = write_corpus(
            layout,
            out,
            n_recordings=recordings,
            duration=duration,
            seed=seed,
            without_fz_pz=without_fz_pz,
            rates=_numbers(rates),
            cases=_parts(cases),
            progress=progress.show,
        )
    if as_json:
        answer = {
            "path": str(report.path),
            "layout": layout,
            "seed": seed,
            "recordings": [asdict(r) for r in report.recordings],
        }
        print_json(answer)
        return
    n_positive = sum(bool(r.events) for r in report.recordings)
    size = sum(p.stat().st_size for p in report.path.rglob("*") if p.is_file())
    click.echo(
        f"wrote {report.path}: {counted(len(report.recordings), 'recording')}, "
        f"{n_positive} with a seizure, {size / 1e6:.1f} MB; see "
        f"{report.path / 'README.md'}"
    )


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _parts(text))
    except ValueError:
        msg = f"--rates: expected numbers such as 250,256,400, got {text!r}"
        raise click.UsageError(msg) from None
