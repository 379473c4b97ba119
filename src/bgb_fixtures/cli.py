"""The command line.

Invariant: results go to stdout, progress and messages to stderr; exit code 0 done, 1 the
data or the check failed, 2 wrong usage. Each command imports what it needs.
"""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import click

from bgb_fixtures import __version__
from bgb_fixtures.errors import FixtureError, SpecError

if TYPE_CHECKING:
    from bgb_fixtures.loader import Fixture
    from bgb_fixtures.spec import FixtureSpec

__all__ = ["main"]


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn an error of ours into one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except FixtureError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bgb-fixtures")
def main() -> None:
    """Build, inspect and verify small fixtures of EEG with known seizures."""


def _known_word(
    _: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Refuse a word that is not known; a slip of the pen gets a suggestion."""
    from bgb_fixtures.montage import MONTAGES
    from bgb_fixtures.spec import PROFILES, SOURCES

    name = str(param.name)
    words = {"source": SOURCES, "montage": tuple(MONTAGES), "profile": PROFILES}[name]
    if value is not None and value not in words:
        close = difflib.get_close_matches(value.lower(), words, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(map(repr, words))
        msg = f"unknown {name} {value!r}; {hint}{name.title()}s: {known}"
        raise click.BadParameter(msg)
    return value


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


@main.command(
    epilog="Example: bgb-fixtures build --source chbmit --root chbmit/1.0.0 "
    "--montage double-banana --out real.h5"
)
@click.option("--spec", metavar="FILE", help="TOML file that says what to build.")
@click.option(
    "--source",
    callback=_known_word,
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
    callback=_known_word,
    metavar="NAME",
    help="10-20, or double-banana [the default for chbmit].",
)
@click.option(
    "--profile",
    callback=_known_word,
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
    with _Progress("building") as progress:
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


class _Progress:
    """A bar on stderr, for people only."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def show(self, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = click.progressbar(
                length=total, label=self._label, file=sys.stderr
            )
        self._bar.update(done - self._bar.pos)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()


@main.command(epilog="Example: bgb-fixtures info smoke")
@click.argument("fixture", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="Print index and records as JSON."
)
def info(fixture: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show what a fixture holds: windows, channels, licence, attribution.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. Index and
    records are checked; the arrays are not (see verify).
    """
    from bgb_fixtures.loader import load_fixture

    with load_fixture(fixture, verify=False) as loaded:
        if as_json:
            value = {"index": asdict(loaded.index), "records": asdict(loaded.records)}
            click.echo(json.dumps(value, indent=2, sort_keys=True))
        else:
            click.echo(_describe(loaded))


def _seconds(value: float) -> str:
    """Show milliseconds at most, and no zeros at the end."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _describe(fixture: Fixture) -> str:
    from bgb_fixtures.h5 import CATEGORIES, FORMAT_VERSION

    index, records = fixture.index, fixture.records
    licence = records.licence
    n_windows, n_channels, n_times = fixture.signals.shape
    unit = "dimensionless" if records.unit == "1" else records.unit
    facts = [
        ("fixture", f"{index.name}, content version {index.content_version}"),
        (
            "file",
            f"{fixture.path} ({index.file_size / 1e6:.1f} MB, format version {FORMAT_VERSION})",
        ),
        (
            "signals",
            (
                f"{n_windows} windows x {n_channels} channels x {n_times} samples "
                f"({n_times / index.sfreq:g} s at {index.sfreq:g} Hz), {unit}"
            ),
        ),
        ("profile", records.profile["name"]),
        ("montage", f"{records.montage}: {' '.join(records.ch_names)}"),
        (
            "counts",
            ", ".join(
                f"{index.counts[name]} {name}"
                for name in CATEGORIES
                if index.counts[name]
            ),
        ),
        ("source", _describe_source(records.source)),
        ("licence", f"{licence['name']} ({licence['url']})"),
    ]
    if not licence["redistributable"]:
        facts.append(("", "NOT REDISTRIBUTABLE: do not publish this file"))
    facts += [("cite", part) for part in licence["attribution"].splitlines()]
    facts += [("changes", licence["changes"]), ("digest", index.digest)]
    lines = [f"{key:<9}{value}" for key, value in facts]
    return "\n".join([*lines, "", *_table(fixture)])


def _describe_source(source: dict[str, Any]) -> str:
    """Name the source, and what of its state a person can read."""
    parts = [str(source.get("name", "unknown"))]
    parts += [f"{key} {source[key]}" for key in ("recipe", "seed") if key in source]
    return ", ".join([*parts, *map(str, source.get("assumptions", ()))])


def _table(fixture: Fixture) -> list[str]:
    heads = (
        "id", "split", "subject", "recording", "onset s", "category", "kind",
        "clipped", "seizures in the window: code start-stop s",
    )  # fmt: skip
    rows = [
        (
            w.id,
            w.split,
            w.subject,
            w.recording,
            _seconds(w.onset),
            w.category,
            w.kind,
            str(w.n_clipped),
            ", ".join(
                f"{e.label} {_seconds(e.onset)}-{_seconds(e.onset + e.duration)}"
                for e in w.events
            ),
        )
        for w in fixture.windows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]


@main.command(epilog="Example: bgb-fixtures verify real.h5")
@click.argument("fixture", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def verify(fixture: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Prove a fixture: every byte, every label, both sides of the file.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. Exit code 1
    if anything is wrong.
    """
    from bgb_fixtures.verify import verify_fixture

    try:
        proof = verify_fixture(fixture)
    except FixtureError as error:
        if as_json:
            answer = {"verified": False, "error": str(error)}
            click.echo(json.dumps(answer, indent=2, sort_keys=True))
            sys.exit(1)
        raise
    if as_json:
        answer = {
            "verified": True,
            "path": str(proof.path),
            "digest": proof.digest,
            "checks": proof.checks,
        }
        click.echo(json.dumps(answer, indent=2, sort_keys=True))
        return
    click.echo(f"{proof.path}: verified")
    for check in proof.checks:
        click.echo(f"  {check}")
    click.echo(f"  digest {proof.digest}")


@main.command(epilog="Example: bgb-fixtures plot smoke --window 3 --out w3.png")
@click.argument("fixture", required=False)
@click.option(
    "--window",
    "windows",
    multiple=True,
    required=True,
    metavar="N_OR_ID",
    help="Which window: its number from 1, or its id. Repeat it for several.",
)
@click.option(
    "--montage",
    default="double-banana",
    callback=_known_word,
    metavar="NAME",
    help="double-banana or 10-20 [double-banana].",
)
@click.option(
    "--start",
    type=float,
    metavar="SECONDS",
    help="Where in the window the page begins [a third of a page before the first "
    "border of a seizure, or 0].",
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
    help="Microvolts between two lines [by the amplitude].",
)
@click.option(
    "--dpi",
    type=click.IntRange(20, 600),
    default=110,
    metavar="N",
    help="Pixels per inch; a page has 11 x 9 inches [110].",
)
@click.option(
    "--out", required=True, metavar="FILE", help="Picture to write: .png, .pdf, .svg."
)
def plot(
    fixture: str | None,
    windows: tuple[str, ...],
    montage: str,
    start: float | None,
    length: float,
    gain: float | None,
    dpi: int,
    out: str,
) -> None:
    """Draw windows as clinical pages, with a spectrogram for each side of the head.

    FIXTURE is a name or a path; without one, the packaged fixture smoke. Negative is
    up; the seizure is shaded.
    """
    from bgb_fixtures.loader import load_fixture
    from bgb_fixtures.plot import draw_windows, save_figure

    with load_fixture(fixture) as loaded:
        figure = draw_windows(
            loaded,
            [_row_of(loaded, window) for window in windows],
            montage=montage,
            start=start,
            length=length,
            gain_uv=gain,
        )
        click.echo(f"wrote {save_figure(figure, out, dpi=dpi)}")


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


@main.command(
    epilog="Example: bgb-fixtures corpus --layout tusz --out mini-tusz --recordings 8"
)
@click.option(
    "--layout",
    required=True,
    type=click.Choice(("tusz", "chbmit", "bids")),
    help="Whose folders, file names, labels and annotation files to write.",
)
@click.option("--out", required=True, metavar="DIR", help="The folder to make.")
@click.option(
    "--recordings", type=int, default=6, metavar="N", help="How many recordings [6]."
)
@click.option(
    "--duration",
    type=float,
    default=60,
    metavar="SECONDS",
    help="Length of each, in whole seconds [60].",
)
@click.option("--seed", type=int, default=0, metavar="K", help="Draw others [0].")
@click.option(
    "--without-fz-pz",
    is_flag=True,
    help="tusz: the last recording of train lacks Fz and Pz.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def corpus(
    layout: str,
    out: str,
    recordings: int,
    duration: float,
    seed: int,
    without_fz_pz: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a miniature corpus of synthetic EDF recordings with seizures.

    Its folders, file names, channel labels and annotation files are those of TUSZ,
    CHB-MIT or a BIDS data set, so that programs which read the real one can be tested
    on it. The same options give the same bytes. Free to use (CC0); see its README.md.
    """
    from bgb_fixtures.corpus import write_corpus

    if without_fz_pz and layout != "tusz":
        msg = f"--without-fz-pz goes with --layout tusz, not with {layout}"
        raise click.UsageError(msg)
    with _Progress("writing") as progress:
        report = write_corpus(
            layout,
            out,
            n_recordings=recordings,
            duration=duration,
            seed=seed,
            without_fz_pz=without_fz_pz,
            progress=progress.show,
        )
    if as_json:
        answer = {
            "path": str(report.path),
            "layout": layout,
            "seed": seed,
            "recordings": [asdict(r) for r in report.recordings],
        }
        click.echo(json.dumps(answer, indent=2, sort_keys=True))
        return
    n_positive = sum(bool(r.events) for r in report.recordings)
    size = sum(p.stat().st_size for p in report.path.rglob("*") if p.is_file())
    click.echo(
        f"wrote {report.path}: {len(report.recordings)} recordings, {n_positive} with "
        f"a seizure, {size / 1e6:.1f} MB; what they hold: {report.path / 'README.md'}"
    )
