"""``bgb-fixtures build``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.common import Progress, known_word
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from bgb_fixtures.spec import FixtureSpec

__all__ = ["build"]


@click.command(
    epilog="Example: bgb-fixtures build --source chbmit --root chbmit/1.0.0 "
    "--montage double-banana --out real.h5"
)
@click.option("--spec", metavar="FILE", help="TOML file that says what to build.")
@click.option(
    "--source",
    callback=known_word,
    metavar="NAME",
    help="Where the recordings come from: chbmit. Needs --root.",
)
@click.option(
    "--root",
    metavar="PATH",
    help="The database folder, the folder of one case, or one EDF file.",
)
@click.option(
    "--window-length", type=float, metavar="SECONDS", help="Length of a window [60]."
)
@click.option(
    "--montage",
    callback=known_word,
    metavar="NAME",
    help="10-20, or double-banana [the default for chbmit].",
)
@click.option(
    "--profile",
    callback=known_word,
    metavar="NAME",
    help="raw-1 (microvolts) [the default for chbmit], zscore-1 (scaled by the "
    "seizure-free signal, clipped at 10), or brain-go-brr-3.1 (the input of that "
    "detector: filtered and scaled over the whole recording; montage 10-20 only).",
)
@click.option(
    "--sfreq",
    type=float,
    metavar="HZ",
    help="Sampling frequency [the one that the recordings share].",
)
@click.option(
    "--per-kind",
    type=int,
    metavar="N",
    help="At most N windows of each kind: onset, offset, whole, ictal, background [2].",
)
@click.option(
    "--windows",
    type=int,
    metavar="N",
    help="Generate N windows of synthetic EEG, each of another subject; with 5 or more "
    "the last fifth is split dev.",
)
@click.option(
    "--seed", type=int, metavar="K", help="Of --windows: draw other subjects [0]."
)
@click.option(
    "--ictal-share",
    type=float,
    metavar="SHARE",
    help="Of --windows: share of them with a seizure [0.5].",
)
@click.option(
    "--name", metavar="NAME", help="Name of the fixture [the name of the source]."
)
@click.option("--out", metavar="FILE", help="File to write [NAME.h5 in this folder].")
def build(
    spec: str | None,
    root: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Build a fixture file.

    Without options: the default fixture, 18 windows of synthetic EEG, as smoke.h5 in
    this folder. With --source and --root: windows with and without seizures out of
    real recordings, of which only headers and the needed records are read. With
    --windows: as many synthetic windows as you like.
    """
    from bgb_fixtures.builder import build_fixture

    request = _spec_from_options(spec, options)
    if root is not None and request.source == "synthetic":
        msg = "--root needs --source chbmit; the synthetic source reads no files"
        raise click.UsageError(msg)
    if root is None and request.source != "synthetic":
        msg = f"source {request.source!r} needs --root PATH"
        raise click.UsageError(msg)
    target = out if out is not None else f"{request.name}.h5"
    with Progress("building") as progress:
        report = build_fixture(request, target, root=root, progress=progress.show)
    n_positive = sum(w.category != "none" for w in report.windows)
    click.echo(
        f"wrote {report.path}: {len(report.windows)} windows, {n_positive} with a "
        f"seizure, {report.path.stat().st_size / 1e6:.1f} MB"
    )
    if report.missing_kinds and request.source != "synthetic":
        click.echo(
            f"kinds of window not found in the {report.n_recordings} annotated "
            f"recordings at this window length: {', '.join(report.missing_kinds)}",
            err=True,
        )


def _spec_from_options(spec: str | None, options: dict[str, Any]) -> FixtureSpec:
    from bgb_fixtures.spec import load_default_spec, load_spec, parse_spec

    given = {key: value for key, value in options.items() if value is not None}
    if spec is not None and given:
        names = ", ".join("--" + key.replace("_", "-") for key in sorted(given))
        msg = f"--spec says it all; drop {names}, or write it into the spec"
        raise click.UsageError(msg)
    if spec is not None:
        return load_spec(spec)
    if not given:
        return load_default_spec()
    if given.get("source", "synthetic") != "synthetic":
        _refuse_options(given, {"windows", "seed", "ictal_share"}, "synthetic EEG")
        try:
            return parse_spec(given, where="options")
        except SpecError as error:
            raise click.UsageError(str(error)) from error
    if "windows" not in given:
        msg = (
            "say what to choose from: --source chbmit --root DIR for recordings, "
            "--windows N for synthetic EEG, or a file that describes it: --spec FILE"
        )
        raise click.UsageError(msg)
    _refuse_options(given, {"sfreq", "per_kind"}, "recordings")
    return _composed_spec(given)


def _composed_spec(given: dict[str, Any]) -> FixtureSpec:
    from bgb_fixtures.synthetic.compose import compose_spec

    request = {key: value for key, value in given.items() if key != "source"}
    n_windows = request.pop("windows")
    try:
        return compose_spec(n_windows, **({"seed": 0} | request))
    except SpecError as error:
        raise click.UsageError(str(error)) from error


def _refuse_options(given: dict[str, Any], names: set[str], what: str) -> None:
    wrong = sorted(names & given.keys())
    if wrong:
        options = ", ".join("--" + name.replace("_", "-") for name in wrong)
        msg = f"{options}: only for {what}; drop it"
        raise click.UsageError(msg)
