"""``bgb-fixtures build``."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.adapt_options import parse_montage
from bgb_fixtures.commands.annotation_options import (
    annotation_options,
    given_options,
    labels_to_json,
)
from bgb_fixtures.commands.common import (
    Progress,
    is_there,
    known_word,
    opened_root,
    options_of,
    print_json,
    replaced_by,
    say,
    usage_error,
)
from bgb_fixtures.errors import SpecError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bgb_fixtures.build import BuildReport
    from bgb_fixtures.build.quotas import Window
    from bgb_fixtures.build.select import Selection
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.request.recorded import RecordedRequest
    from bgb_fixtures.request.spec import Request
    from bgb_fixtures.request.synthetic import SyntheticRequest

__all__ = ["build"]

# Repeatable options that are tables or lists with another name in a spec.
_LISTS = {"split": "splits", "seizure_type": "types", "dev_subject": "dev_subjects"}
_OF_RECORDINGS = {
    *("per_kind", "per_subject", "per_type", "quotas", "splits", "types", "exclude"),
    *("aliases", "label_format", "reference", "unit", "missing"),
    *("min_distance", "dev_subjects", "licence", "attribution"),
    *("label_pattern", "background_pattern", "ignore_labels", "start_label"),
    *("end_label", "columns", "decimal", "per_second"),
}
_MOST_LINES = 10
_OF_WINDOWS = {"windows", "ictal_share"}


def _pairs(values: tuple[str, ...], expected: str) -> dict[str, str]:
    """Split LEFT=RIGHT at its last equals sign."""
    pairs = {}
    for value in values:
        left, equals, right = value.rpartition("=")
        if not equals or not left:
            msg = f"expected {expected}; got {value!r}"
            raise click.BadParameter(msg)
        if left in pairs:
            msg = f"given twice: {left!r}"
            raise click.BadParameter(msg)
        pairs[left] = right
    return pairs


def _aliases(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    return _pairs(values, "LABEL=OTHER")


def _quotas(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Convert onset=4 and dev:none=2 to the table of a spec."""
    expected = "WORD=N, such as onset=4 or dev:none=2"
    table: dict[str, Any] = {}
    for place, number in _pairs(values, expected).items():
        if not number.isdecimal():
            msg = f"expected {expected}; got '{place}={number}'"
            raise click.BadParameter(msg)
        split, word = place.rpartition(":")[::2]
        of_split = table.setdefault(split, {}) if split else table
        if not isinstance(of_split, dict) or word in of_split:
            msg = f"{word or split!r} is given as a split and as a kind"
            raise click.BadParameter(msg)
        of_split[word] = int(number)
    return table


@click.command(
    epilog="Example: bgb-fixtures build --source chbmit --root chbmit/1.0.0 "
    "--montage double-banana --out real.h5"
)
@click.option(
    "--spec",
    metavar="FILE",
    help="Spec to build: a TOML file, or a packaged one: smoke, tiny, smoke-1, tiny-1 "
    "or chbmit-smoke.",
)
@click.option(
    "--source",
    callback=known_word,
    metavar="NAME",
    help="Where the recordings come from: bids, chbmit, edf, siena or tusz. Needs --root.",
)
@click.option(
    "--root",
    metavar="PATH",
    help="Folder of the corpus or a part of it, or one recording; also a web address "
    "(chbmit and siena only).",
)
@annotation_options
@click.option(
    "--split",
    multiple=True,
    metavar="NAME",
    help="Use only recordings of this split; repeatable [all but eval].",
)
@click.option(
    "--dev-subject",
    multiple=True,
    metavar="ID",
    help="Put the recordings of this subject into split dev; repeatable. Not for sources "
    "with splits of their own.",
)
@click.option(
    "--quota",
    "quotas",
    multiple=True,
    callback=_quotas,
    metavar="WORD=N",
    help="Exactly N windows of a kind (onset, offset, whole, ictal, background) or "
    "category (none, partial, full); SPLIT:WORD=N for one split; repeatable. Kinds and "
    "categories without a quota get no windows.",
)
@click.option(
    "--per-kind",
    type=int,
    metavar="N",
    help="Maximum windows of each kind (onset, offset, whole, ictal, background) [2]; "
    "not with --quota.",
)
@click.option(
    "--per-subject", type=int, metavar="N", help="Maximum windows per subject."
)
@click.option(
    "--per-type",
    type=int,
    metavar="N",
    help="Maximum windows per seizure type.",
)
@click.option(
    "--min-distance",
    type=float,
    metavar="SECONDS",
    help="Minimum time between a background window and a seizure in the same recording "
    "[0].",
)
@click.option(
    "--type",
    "seizure_type",
    multiple=True,
    metavar="CODE",
    help="Use only seizures of this type, a TUSZ code such as fnsz; repeatable.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="NAME",
    help="Skip this recording, given as a path relative to --root, as printed by "
    "--dry-run and scan --json; repeatable.",
)
@click.option(
    "--window-length", type=float, metavar="SECONDS", help="Length of a window [60]."
)
@click.option(
    "--montage",
    callback=parse_montage,
    metavar="NAME",
    help="10-20 [default], average, szcore-19, double-banana [default for chbmit], "
    "double-banana-16, chbmit-18, tcp-20, tcp-22, or rows separated by commas: "
    "Fp1-F7,Cz, or channels by their own label: LA1,BTEleft SD.",
)
@click.option(
    "--names",
    type=click.Choice(["10-20", "10-10"]),
    help="Name channels T3-T5 (10-20) or T7-P7 (10-10) [10-20].",
)
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    callback=_aliases,
    metavar="LABEL=OTHER",
    help="Treat a channel with the first label as if it had the second; repeatable.",
)
@click.option(
    "--label-format",
    metavar="FORM",
    help="Format of the channel labels, such as 'POL {electrode}' or "
    "'{electrode}:{reference}' [common formats].",
)
@click.option(
    "--reference",
    metavar="ELECTRODE",
    help="The electrode that all others are recorded against, such as Cz; its own "
    "channel is filled with zeros.",
)
@click.option(
    "--unit",
    type=click.Choice(["uV", "mV", "V", "nV"]),
    help=(
        "Unit of channels whose header names none, or '?V' [such channels are "
        "rejected]."
    ),
)
@click.option(
    "--missing",
    type=click.Choice(["error", "drop-window", "interpolate"]),
    help="What to do if a recording lacks an electrode of the montage: stop (error), "
    "skip the recording (drop-window), or compute the electrode from its neighbours "
    "(interpolate) [error].",
)
@click.option(
    "--profile",
    callback=known_word,
    metavar="NAME",
    help="raw-1 (microvolts), zscore-1 (standardised by the mean and standard deviation "
    "of the seizure-free signal, clipped at 10 standard deviations), or "
    "brain-go-brr-3.1 (the input of that detector: filtered and scaled over the whole "
    "recording; montage 10-20 only) [raw-1; with --windows zscore-1].",
)
@click.option(
    "--sfreq",
    type=float,
    metavar="HZ",
    help="Sampling frequency; other recordings are resampled [the rate that the "
    "recordings share; with --windows 256].",
)
@click.option(
    "--band-pass",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="Band-pass filter between two frequencies in Hz, without delay.",
)
@click.option(
    "--windows",
    type=int,
    metavar="N",
    help="Generate N windows of synthetic EEG, each from a different subject; from 5 "
    "windows on, the last fifth is in split dev.",
)
@click.option(
    "--seed",
    type=int,
    metavar="K",
    help="With --windows: seed for the generator [0]. With --source: visit recordings "
    "in a seeded random order [by name].",
)
@click.option(
    "--ictal-share",
    type=float,
    metavar="SHARE",
    help="With --windows: share of the windows with a seizure [0.5].",
)
@click.option(
    "--licence",
    metavar="NAME",
    help="Licence of your own data: CC0-1.0, PDDL-1.0, CC-BY-4.0, CC-BY-SA-4.0, "
    "ODC-By-1.0 or ODbL-1.0; with any other, the fixture is not redistributable "
    "[unknown] (edf and bids only).",
)
@click.option(
    "--attribution",
    metavar="TEXT",
    help="What to cite for your own data (edf and bids only).",
)
@click.option(
    "--name", metavar="NAME", help="Name of the fixture [the name of the source]."
)
@click.option(
    "--out",
    metavar="FILE",
    help="File to write; an existing fixture is replaced [NAME.h5 in this folder].",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Stop at the first recording that cannot be used, even if others can. "
    "Recordings without annotations are always skipped.",
)
@click.option(
    "--save-spec",
    metavar="FILE",
    help="Also write a spec that lists the recordings used, with their names, window "
    "positions and digests. Anyone with the same corpus builds identical bytes "
    "from it (recordings only).",
)
@click.option("--save-plan", hidden=True, callback=replaced_by("--save-spec FILE"))
@click.option(
    "--plan",
    hidden=True,
    callback=replaced_by("--spec FILE, with a spec from --save-spec"),
)
@click.option(
    "--dry-run",
    is_flag=True,
    help=(
        "Print which windows would be selected and why others would not; write nothing."
    ),
)
@click.option(
    "--check",
    is_flag=True,
    help="With --dry-run: also read the windows, to find every problem of a build.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON; with --dry-run, every candidate.",
)
def build(
    spec: str | None,
    root: str | None,
    annotations: str | None,
    out: str | None,
    *,
    save_spec: str | None,
    strict: bool,
    dry_run: bool,
    check: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build a fixture file.

    Without options: the default fixture, 18 windows of synthetic EEG, as smoke.h5 in
    the current folder. With --source and --root: windows with and without seizures from
    real recordings; only headers and the needed records are read. With --windows: as
    many synthetic windows as you like. With --spec and --root: what a spec lists, for
    example the fixture of somebody else, from your copy of the corpus.
    """
    from bgb_fixtures.request.recorded import RecordedRequest

    request = _request_from_options(spec, options)
    if not isinstance(request, RecordedRequest):
        _refuse_files(root=root, annotations=annotations, save_spec=save_spec)
    elif root is None:
        msg = f"source {request.source!r} needs --root PATH"
        raise click.UsageError(msg)
    elif annotations is not None and request.source != "edf":
        msg = (
            "--annotations applies to --source edf only; other corpora have their own "
            "annotations"
        )
        raise click.UsageError(msg)
    if save_spec is not None and dry_run:
        msg = (
            "--save-spec goes with a build: a saved spec holds digests of the bytes that "
            "are read, and --dry-run reads none"
        )
        raise click.UsageError(msg)
    if check and not dry_run:
        msg = "--check applies to --dry-run only; a build always reads its windows"
        raise click.UsageError(msg)
    place = opened_root(request.source, root)
    if isinstance(request, RecordedRequest):
        _warn_of_blind_split(request)
        if dry_run:
            _dry_run(
                request,
                place,
                annotations,
                strict=strict,
                check=check,
                as_json=as_json,
            )
            return
    elif dry_run:
        _print_synthetic(request, as_json=as_json)
        return
    from bgb_fixtures.build import build_fixture

    target = out if out is not None else f"{request.name}.h5"
    replaced = is_there(target)
    with Progress("planning") as planning, Progress("building") as progress:
        report = build_fixture(
            request,
            target,
            root=place,
            annotations=annotations,
            strict=strict,
            save_spec=save_spec,
            planning=planning.show,
            progress=progress.show,
        )
    _report(report, request, replaced=replaced, save_spec=save_spec, as_json=as_json)


def _refuse_files(
    *, root: str | None, annotations: str | None, save_spec: str | None
) -> None:
    """Refuse options for recordings if the EEG is synthetic."""
    if root is not None:
        msg = "--root needs --source NAME; the synthetic source reads no files"
        raise click.UsageError(msg)
    if annotations is not None:
        msg = (
            "--annotations applies to --source edf only; other corpora have their own "
            "annotations"
        )
        raise click.UsageError(msg)
    if save_spec is not None:
        msg = (
            "--save-spec is for recordings; the spec of synthetic EEG gives the same "
            "bytes to everyone"
        )
        raise click.UsageError(msg)


def _warn_of_blind_split(request: RecordedRequest) -> None:
    from bgb_fixtures.request.recorded import Listing

    if isinstance(request.selection, Listing) and "eval" in request.splits:
        click.echo(
            "this spec uses split 'eval', which is kept blind: never tune on a fixture "
            "that is built from it",
            err=True,
        )


def _dry_run(
    request: RecordedRequest,
    place: str | WebPath | None,
    annotations: str | None,
    *,
    strict: bool,
    check: bool,
    as_json: bool,
) -> None:
    from bgb_fixtures.build import select_fixture

    with Progress("planning") as progress:
        selection = select_fixture(
            request,
            root=place,
            annotations=annotations,
            strict=strict,
            check=check,
            progress=progress.show,
        )
    if check:
        say("checked: every window of the selection was read")
    (_print_json_selection if as_json else _print_selection)(selection)


def _report(
    report: BuildReport,
    request: Request,
    *,
    replaced: bool,
    save_spec: str | None,
    as_json: bool,
) -> None:
    """Print what was built."""
    from bgb_fixtures.request.recorded import Listing, RecordedRequest

    recorded = isinstance(request, RecordedRequest)
    repeated = (
        isinstance(request, RecordedRequest)
        and isinstance(request.selection, Listing)
        and request.selection.fixture is not None
    )
    n_positive = sum(w.category != "none" for w in report.windows)
    if as_json:
        answer = {
            "path": str(report.path),
            "replaced": replaced,
            "n_windows": len(report.windows),
            "n_positive": n_positive,
            "n_recordings": report.n_recordings,
            "missing_kinds": report.missing_kinds,
            "crowded_kinds": report.crowded_kinds,
            "other_lengths": report.other_lengths,
            "left_out": report.left_out,
            "problems": report.n_problems,
            "labels": labels_to_json(report.labels),
        }
        if repeated:
            answer["differing"] = report.differing
        if save_spec is not None:
            answer["spec"] = save_spec
        print_json(answer)
        return
    click.echo(
        f"{'replaced' if replaced else 'wrote'} {report.path}: "
        f"{counted(len(report.windows), 'window')}, {n_positive} with a seizure, "
        f"{report.path.stat().st_size / 1e6:.1f} MB"
    )
    if save_spec is not None:
        click.echo(f"wrote {save_spec}: the spec, which names the recordings")
    if repeated:
        _print_sameness(report)
    elif recorded:
        _print_omissions(report)


def _print_sameness(report: BuildReport) -> None:
    if not report.differing:
        click.echo("identical to the fixture of the spec")
        return
    # Show this even with --quiet, as the file has another digest.
    click.echo(
        f"not identical to the fixture of the spec: {', '.join(report.differing)} "
        "differ. Recordings, windows and labels are the same; filters of another "
        "version of scipy may differ by one grid step (see bgb-fixtures diff)",
        err=True,
    )


def _print_omissions(report: BuildReport) -> None:
    from bgb_fixtures.corpora.labels import label_lines

    for line in label_lines(report.labels):
        say(line)
    if report.missing_kinds:
        say(
            "kinds of window not found in the "
            f"{counted(report.n_recordings, 'annotated recording')} at this window "
            f"length: {', '.join(report.missing_kinds)}"
        )
    for line in (*_crowded_lines(report.crowded_kinds), *_few(report.other_lengths)):
        say(line)
    for line in (*report.problems, *_few(report.left_out)):
        say(f"left out: {line}")


def _crowded_lines(kinds: dict[str, str]) -> Iterator[str]:
    for reason in dict.fromkeys(kinds.values()):
        of_reason = [kind for kind in kinds if kinds[kind] == reason]
        other = "background" if of_reason[0] != "background" else "onset"
        # The reason of a limit begins with its option.
        advice = (
            "To include one, raise this limit"
            if reason.startswith("--")
            else "To include one, set the number of every kind with --quota, for example "
            f"--quota {of_reason[0]}=1 --quota {other}=2"
        )
        names = ", ".join(of_reason)
        yield f"kinds available but not chosen: {names} ({reason}). {advice}"


def _few(lines: Sequence[str]) -> Iterator[str]:
    """Yield the first lines only; a partial download gives thousands of them."""
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        n_more = counted(len(lines) - _MOST_LINES, "more recording")
        yield f"and {n_more} (--json lists all)"


def _print_synthetic(request: SyntheticRequest, *, as_json: bool) -> None:
    """Print the windows of a synthetic request, which has no other candidates."""
    from bgb_fixtures.build.synthetic import synthetic_windows

    windows = synthetic_windows(request)
    if as_json:
        print_json(
            {
                "sfreq": request.sfreq,
                "window_length": request.window_length,
                "n_recordings": len(request.recordings),
                "headers_read": 0,
                "interpolated": {},
                "unused_recordings": [],
                "windows": [_window_to_json(w, request.sfreq) for w in windows],
                "passed_over": [],
            }
        )
        return
    _print_windows(
        windows, request, sfreq=request.sfreq, n_recordings=len(request.recordings)
    )


def _print_windows(
    windows: Sequence[Window],
    request: Request,
    *,
    sfreq: float,
    n_recordings: int,
    n_headers: int = 0,
) -> None:
    n_positive = sum(w.kind not in ("background", "artefact") for w in windows)
    n_chosen = len({window.recording.name for window in windows})
    opened = f" ({counted(n_headers, 'file header')} read)" if n_headers else ""
    click.echo(
        f"selection: {counted(len(windows), 'window')} of {request.window_length:g} s at "
        f"{sfreq:g} Hz, {n_positive} with a seizure, from {n_chosen} of "
        f"{counted(n_recordings, 'recording')}{opened}"
    )
    for window in windows:
        types = f" ({', '.join(window.types)})" if window.types else ""
        click.echo(
            f"  {window.kind:<10}  {window.recording.split:<5}  "
            f"{_shown(window.recording.name)} at {window.start / sfreq:g} s{types}"
        )


def _print_selection(selection: Selection) -> None:
    from bgb_fixtures.corpora.labels import label_lines

    _print_windows(
        selection.windows,
        selection.request,
        sfreq=selection.sfreq,
        n_recordings=len(selection.recordings),
        n_headers=len(selection.headers),
    )
    for name, electrodes in selection.interpolated.items():
        click.echo(f"  interpolated in {_shown(name)}: {', '.join(electrodes)}")
    for line in (*label_lines(selection.labels), *_few(selection.other_lengths)):
        click.echo(line)
    windows: Counter[str] = Counter()
    recordings: dict[str, set[str]] = {}
    for window, reason in selection.iter_passed_over():
        windows[reason] += 1
        recordings.setdefault(reason, set()).add(window.recording.name)
    n_short = Counter(
        reason
        for recording, reason in selection.iter_unused()
        if recording.name not in selection.left_out
    )
    if not (windows or n_short or selection.left_out or selection.problems):
        return
    click.echo("not selected:")
    for reason, count in windows.most_common():
        place = counted(len(recordings[reason]), "recording")
        click.echo(f"  {counted(count, 'window')} in {place}: {reason}")
    for reason, count in n_short.items():
        click.echo(f"  {counted(count, 'recording')}: {reason}")
    for line in (*selection.problem_lines, *_few(selection.left_out_lines)):
        click.echo(f"  {line}")


def _shown(name: str) -> str:
    """Escape unprintable characters in a name, as names of files are not trusted."""
    return name if name.isprintable() else repr(name)


def _print_json_selection(selection: Selection) -> None:
    """Print all candidates one by one, as a corpus can have a million of them."""
    unused = [
        {"recording": recording.name, "reason": reason}
        for recording, reason in selection.iter_unused()
    ]
    unused += [
        {"recording": finding.name, "reason": finding.message}
        for finding in selection.problems
    ]
    head = {
        "sfreq": selection.sfreq,
        "window_length": selection.request.window_length,
        "n_recordings": len(selection.recordings),
        "headers_read": len(selection.headers),
        "interpolated": selection.interpolated,
        "unused_recordings": unused,
        "labels": labels_to_json(selection.labels),
        "other_lengths": selection.other_lengths,
        "windows": [_window_to_json(w, selection.sfreq) for w in selection.windows],
    }
    # Leave the object open for a list that is too long to hold in memory.
    click.echo(json.dumps(head, indent=2, sort_keys=True)[: -len("\n}")])
    click.echo(',  "passed_over": [', nl=False)
    separator = "\n"
    for window, reason in selection.iter_passed_over():
        value = _window_to_json(window, selection.sfreq) | {"reason": reason}
        line = json.dumps(value)
        click.echo(f"{separator}    {line}", nl=False)
        separator = ",\n"
    click.echo("\n  ]\n}")


def _window_to_json(window: Window, sfreq: float) -> dict[str, Any]:
    return {
        "kind": window.kind,
        "split": window.recording.split,
        "subject": window.recording.subject,
        "recording": window.recording.name,
        "onset": window.start / sfreq,
        "types": window.types,
    }


def _request_from_options(spec: str | None, options: dict[str, Any]) -> Request:
    from bgb_fixtures.request.spec import load_default_spec, load_spec, parse_spec

    given = {
        _LISTS.get(key, key): value for key, value in given_options(options).items()
    }
    if spec is not None and given:
        msg = (
            f"--spec already describes the build; drop {options_of(given)}, or write "
            "it into the spec"
        )
        raise click.UsageError(msg)
    if spec is not None:
        return load_spec(spec)
    if not given:
        return load_default_spec()
    if given.get("source", "synthetic") != "synthetic":
        _refuse_options(given, _OF_WINDOWS, "synthetic EEG")
        try:
            return parse_spec(given)
        except SpecError as error:
            raise usage_error(error) from error
    if "source" in given and "windows" not in given:
        msg = "--source synthetic needs --windows N"
        raise click.UsageError(msg)
    if "windows" not in given:
        msg = (
            f"{options_of(given)} need{'s' * (len(given) == 1)} --windows N (synthetic "
            "EEG) or --source NAME --root PATH (recordings). To change the default "
            "fixture, use bgb-fixtures adapt"
        )
        raise click.UsageError(msg)
    _refuse_options(given, _OF_RECORDINGS, "recordings")
    return _composed_request(given)


def _composed_request(given: dict[str, Any]) -> SyntheticRequest:
    from bgb_fixtures.request.compose import compose_request

    request = {key: value for key, value in given.items() if key != "source"}
    if request.get("ictal_share") == 0:
        msg = (
            "--ictal-share 0 gives no window with a seizure; a fixture needs at least "
            "one. Pass a larger share"
        )
        raise click.UsageError(msg)
    try:
        return compose_request(request.pop("windows"), **request)
    except SpecError as error:
        raise usage_error(error) from error


def _refuse_options(given: dict[str, Any], names: set[str], what: str) -> None:
    wrong = sorted(names & given.keys())
    if wrong:
        msg = f"{options_of(wrong)} applies to {what} only; drop it"
        raise click.UsageError(msg)
