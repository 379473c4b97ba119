"""``bgb-fixtures build``."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures.commands.common import (
    Progress,
    known_word,
    opened_root,
    print_json,
    say,
)
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bgb_fixtures.build import BuildReport
    from bgb_fixtures.build.plan import Plan
    from bgb_fixtures.build.saved import SavedPlan
    from bgb_fixtures.build.windows import Window
    from bgb_fixtures.request.spec import FixtureSpec

__all__ = ["build"]

# Options of several values that are tables or lists in a spec, under another name.
_LISTS = {"split": "splits", "seizure_type": "types"}
_OF_RECORDINGS = {
    *("sfreq", "per_kind", "per_subject", "per_type", "quotas", "splits", "types"),
    *("aliases", "missing", "band_pass", "label_pattern"),
}
_MOST_LINES = 10
_OF_WINDOWS = {"windows", "ictal_share"}


def _montage(
    context: click.Context, param: click.Parameter, value: str | None
) -> str | list[str] | None:
    from bgb_fixtures.eeg.montage import MONTAGES, electrode_name

    if value is not None and value not in MONTAGES:
        rows = [row.strip() for row in value.split(",")]
        if len(rows) > 1 or any(map(electrode_name, value.split("-"))):
            return rows
    return known_word(context, param, value)


def _pairs(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Split LEFT=RIGHT at its last equals sign."""
    pairs = {}
    for value in values:
        left, equals, right = value.rpartition("=")
        if not equals or not left or left in pairs:
            msg = f"expected LEFT=RIGHT, and each left side once; got {value!r}"
            raise click.BadParameter(msg)
        pairs[left] = right
    return pairs


def _quotas(
    context: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Turn onset=4 and dev:none=2 into the table of a spec."""
    table: dict[str, Any] = {}
    for place, number in _pairs(context, param, values).items():
        if not number.isdecimal():
            msg = f"expected for example onset=4 or dev:none=2; got '{place}={number}'"
            raise click.BadParameter(msg)
        split, _, word = place.rpartition(":")
        (table.setdefault(split, {}) if split else table)[word] = int(number)
    return table


@click.command(
    epilog="Example: bgb-fixtures build --source chbmit --root chbmit/1.0.0 "
    "--montage double-banana --out real.h5"
)
@click.option(
    "--spec",
    metavar="FILE",
    help="TOML file that says what to build, or a packaged one: smoke, tiny, smoke-1, "
    "tiny-1 or chbmit-smoke.",
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
    help="The folder of the corpus, a part of it, or one recording; of chbmit and siena a "
    "web address, too.",
)
@click.option(
    "--annotations",
    metavar="PATH",
    help="Of source edf: file or folder of annotations [beside or in the recordings].",
)
@click.option(
    "--label-pattern",
    metavar="REGEX",
    help="Of source edf: labels that are seizures [SzCORE and TUSZ codes].",
)
@click.option(
    "--split",
    multiple=True,
    metavar="NAME",
    help="Only recordings of this split; may be repeated [all but eval].",
)
@click.option(
    "--quota",
    "quotas",
    multiple=True,
    callback=_quotas,
    metavar="WORD=N",
    help="Exactly N windows of a kind (onset, offset, whole, ictal, background) or "
    "category (none, partial, full); SPLIT:WORD=N for one split; may be repeated.",
)
@click.option(
    "--per-kind",
    type=int,
    metavar="N",
    help="Without --quota, at most N windows of each kind: onset, offset, whole, ictal, "
    "background [2].",
)
@click.option(
    "--per-subject", type=int, metavar="N", help="At most N windows of one subject."
)
@click.option(
    "--per-type",
    type=int,
    metavar="N",
    help="At most N windows with one type of seizure.",
)
@click.option(
    "--type",
    "seizure_type",
    multiple=True,
    metavar="CODE",
    help="Only seizures of this type, a code of TUSZ such as fnsz; may be repeated.",
)
@click.option(
    "--window-length", type=float, metavar="SECONDS", help="Length of a window [60]."
)
@click.option(
    "--montage",
    callback=_montage,
    metavar="NAME",
    help="10-20, double-banana [the default for chbmit], szcore-19, tcp-20, tcp-22, or "
    "rows with commas between: Fp1-F7,Cz.",
)
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    callback=_pairs,
    metavar="LABEL=OTHER",
    help="Read a channel with this label as if it had the other; may be repeated.",
)
@click.option(
    "--missing",
    type=click.Choice(["error", "drop-window", "interpolate"]),
    help="What to do with recordings that lack an electrode [error].",
)
@click.option(
    "--profile",
    callback=known_word,
    metavar="NAME",
    help="raw-1 (microvolts) [the default for recordings], zscore-1 (scaled by the "
    "seizure-free signal, clipped at 10), or brain-go-brr-3.1 (the input of that "
    "detector: filtered and scaled over the whole recording; montage 10-20 only).",
)
@click.option(
    "--sfreq",
    type=float,
    metavar="HZ",
    help="Sampling frequency; other recordings are resampled [the one that the "
    "recordings share].",
)
@click.option(
    "--band-pass",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="Filter between two frequencies in Hz, without delay.",
)
@click.option(
    "--windows",
    type=int,
    metavar="N",
    help="Generate N windows of synthetic EEG, each of another subject; with 5 or more "
    "the last fifth is split dev.",
)
@click.option(
    "--seed",
    type=int,
    metavar="K",
    help="Of --windows: draw other subjects [0]. Of --source: ask recordings in an order "
    "that is drawn [by name].",
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
@click.option(
    "--strict",
    is_flag=True,
    help="End at the first recording that cannot be used, even if another can. "
    "Unannotated recordings are not covered: they are always left out.",
)
@click.option(
    "--save-plan",
    metavar="FILE",
    help="Of recordings: write down what was used, their names, places and digests, so "
    "that others with the same corpus can make the same fixture.",
)
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    help="Make the fixture of a plan that someone saved; needs --root.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print which windows would be taken and why the others are not; write nothing.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the answer as JSON; of --dry-run, every candidate.",
)
def build(
    spec: str | None,
    root: str | None,
    annotations: str | None,
    out: str | None,
    *,
    save_plan: str | None,
    plan_file: str | None,
    strict: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build a fixture file.

    Without options: the default fixture, 18 windows of synthetic EEG, as smoke.h5 in
    this folder. With --source and --root: windows with and without seizures out of
    real recordings, of which only headers and the needed records are read. With
    --windows: as many synthetic windows as you like. With --plan and --root: the
    fixture of someone else, from your copy of the corpus.
    """
    saved = None
    if plan_file is not None:
        flags = {
            "spec": spec, "save_plan": save_plan, "strict": strict, "dry_run": dry_run
        }  # fmt: skip
        saved = _load_plan(plan_file, {**options, **flags})
    request = _spec_from_options(spec, options) if saved is None else saved.spec
    if root is not None and request.source == "synthetic":
        msg = "--root needs --source NAME; the synthetic source reads no files"
        raise click.UsageError(msg)
    if root is None and request.source != "synthetic":
        msg = f"source {request.source!r} needs --root PATH"
        raise click.UsageError(msg)
    if annotations is not None and request.source != "edf":
        msg = "--annotations is for --source edf; other corpora have their own"
        raise click.UsageError(msg)
    if save_plan is not None:
        _check_save_plan(request, dry_run=dry_run)
    place = opened_root(request.source, root)
    places: dict[str, Any] = {"root": place, "annotations": annotations}
    if dry_run:
        from bgb_fixtures.build import plan_fixture

        with Progress("planning") as progress:
            plan = plan_fixture(
                request, **places, strict=strict, progress=progress.show
            )
        (_print_json_plan if as_json else _print_plan)(plan)
        return
    from bgb_fixtures.build import build_fixture, build_from_plan

    target = out if out is not None else f"{request.name}.h5"
    with Progress("planning") as planning, Progress("building") as progress:
        places |= {"planning": planning.show, "progress": progress.show}
        if saved is not None:
            report = build_from_plan(saved, target, **places)
        else:
            report = build_fixture(
                request, target, **places, strict=strict, plan_path=save_plan
            )
    n_positive = sum(w.category != "none" for w in report.windows)
    if as_json:
        answer = {
            "path": str(report.path),
            "n_windows": len(report.windows),
            "n_positive": n_positive,
            "n_recordings": report.n_recordings,
            "missing_kinds": report.missing_kinds,
            "left_out": report.left_out,
            "problems": report.n_problems,
        }
        if saved is not None:
            answer["differing"] = report.differing
        if save_plan is not None:
            answer["plan"] = save_plan
        print_json(answer)
        return
    click.echo(
        f"wrote {report.path}: {len(report.windows)} windows, {n_positive} with a "
        f"seizure, {report.path.stat().st_size / 1e6:.1f} MB"
    )
    if save_plan is not None:
        click.echo(f"wrote {save_plan}: the plan; it names the recordings")
    if saved is not None:
        _print_sameness(report)
    elif request.source != "synthetic":
        _print_omissions(report)


def _load_plan(path: str, others: dict[str, Any]) -> SavedPlan:
    from bgb_fixtures.build.saved import load_plan

    # A seed of 0 is given, too, although it equals False.
    given = [k for k, v in others.items() if v is not False and v not in (None, (), {})]
    if given:
        msg = f"--plan says what to build, window by window; drop {_named(given)}"
        raise click.UsageError(msg)
    plan = load_plan(path)
    if "eval" in plan.spec.splits:
        click.echo(
            "this plan takes split 'eval', which is kept blind: never tune on what is "
            "built of it",
            err=True,
        )
    return plan


def _check_save_plan(request: FixtureSpec, *, dry_run: bool) -> None:
    if request.source == "synthetic":
        msg = (
            "--save-plan is for recordings in files; the spec of synthetic EEG gives "
            "the same bytes to everyone"
        )
        raise click.UsageError(msg)
    if dry_run:
        msg = (
            "--save-plan goes with a build: a plan holds digests of the bytes that are "
            "read, and --dry-run reads none"
        )
        raise click.UsageError(msg)


def _print_sameness(report: BuildReport) -> None:
    if not report.differing:
        click.echo("the same bytes as the fixture of the plan")
        return
    # Not for --quiet to hide: this file has another digest.
    click.echo(
        f"not the same bytes as the fixture of the plan: {', '.join(report.differing)} "
        "differ. Recordings, windows and labels are the same; filters of another "
        "version of scipy may differ by one grid step (see bgb-fixtures diff)",
        err=True,
    )


def _print_omissions(report: BuildReport) -> None:
    if report.missing_kinds:
        say(
            f"kinds of window not found in the {report.n_recordings} annotated "
            f"recordings at this window length: {', '.join(report.missing_kinds)}"
        )
    for line in (*_problem_lines(report.n_problems), *_few(report.left_out)):
        say(f"left out: {line}")


def _few(lines: Sequence[str]) -> Iterator[str]:
    """Give the first lines; a partial download leaves out thousands."""
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} recordings more (--json has all)"


def _problem_lines(n_problems: dict[str, int]) -> Iterator[str]:
    from bgb_fixtures.corpora.corpus import PROBLEMS

    for word, count in sorted(n_problems.items()):
        yield f"{count} recording{'s' * (count != 1)}: {PROBLEMS.get(word, word)}"


def _print_plan(plan: Plan) -> None:
    n_positive = sum(w.kind not in ("background", "artefact") for w in plan.windows)
    used = {window.recording.name for window in plan.windows}
    click.echo(
        f"plan: {len(plan.windows)} windows of {plan.spec.window_length:g} s at "
        f"{plan.sfreq:g} Hz, {n_positive} with a seizure, from {len(used)} of "
        f"{len(plan.recordings)} recordings; {len(plan.headers)} headers read"
    )
    for window in plan.windows:
        types = f" ({', '.join(window.types)})" if window.types else ""
        click.echo(
            f"  {window.kind:<10}  {window.recording.split:<5}  "
            f"{_shown(window.recording.name)} at {window.start / plan.sfreq:g} s{types}"
        )
    for name, electrodes in plan.interpolated.items():
        click.echo(f"  interpolated in {_shown(name)}: {', '.join(electrodes)}")
    windows: Counter[str] = Counter()
    recordings: dict[str, set[str]] = {}
    for window, reason in plan.iter_passed_over():
        windows[reason] += 1
        recordings.setdefault(reason, set()).add(window.recording.name)
    n_short = Counter(
        reason
        for recording, reason in plan.iter_unused()
        if recording.name not in plan.left_out
    )
    if not (windows or n_short or plan.left_out or plan.problems):
        return
    click.echo("passed over:")
    for reason, count in windows.most_common():
        n_recordings = len(recordings[reason])
        click.echo(f"  {count} windows of {n_recordings} recordings: {reason}")
    for reason, count in n_short.items():
        click.echo(f"  {count} recordings: {reason}")
    problems = Counter(finding.problem for finding in plan.problems)
    for line in (*_problem_lines(problems), *_few(plan.left_out_lines)):
        click.echo(f"  {line}")


def _shown(name: str) -> str:
    """Return a name that moves no cursor: whoever made the files chose it."""
    return name if name.isprintable() else repr(name)


def _print_json_plan(plan: Plan) -> None:
    """Print all candidates one after the other; a corpus has a million of them."""
    unused = [
        {"recording": recording.name, "reason": reason}
        for recording, reason in plan.iter_unused()
    ]
    unused += [
        {"recording": finding.name, "reason": finding.message}
        for finding in plan.problems
    ]
    head = {
        "sfreq": plan.sfreq,
        "window_length": plan.spec.window_length,
        "n_recordings": len(plan.recordings),
        "headers_read": len(plan.headers),
        "interpolated": plan.interpolated,
        "unused_recordings": unused,
        "windows": [_window_to_json(window, plan) for window in plan.windows],
    }
    # The object stays open for the list that is too long to be held.
    click.echo(json.dumps(head, indent=2, sort_keys=True)[: -len("\n}")])
    click.echo(',  "passed_over": [', nl=False)
    separator = "\n"
    for window, reason in plan.iter_passed_over():
        line = json.dumps(_window_to_json(window, plan) | {"reason": reason})
        click.echo(f"{separator}    {line}", nl=False)
        separator = ",\n"
    click.echo("\n  ]\n}")


def _window_to_json(window: Window, plan: Plan) -> dict[str, Any]:
    return {
        "kind": window.kind,
        "split": window.recording.split,
        "subject": window.recording.subject,
        "recording": window.recording.name,
        "onset": window.start / plan.sfreq,
        "types": window.types,
    }


def _spec_from_options(spec: str | None, options: dict[str, Any]) -> FixtureSpec:
    from bgb_fixtures.request.spec import load_default_spec, load_spec, parse_spec

    given = {
        _LISTS.get(key, key): list(value) if isinstance(value, tuple) else value
        for key, value in options.items()
        if value not in (None, (), {})
    }
    if spec is not None and given:
        msg = f"--spec says it all; drop {_named(given)}, or write it into the spec"
        raise click.UsageError(msg)
    if spec is not None:
        return load_spec(spec)
    if not given:
        return load_default_spec()
    if given.get("source", "synthetic") != "synthetic":
        _refuse_options(given, _OF_WINDOWS, "synthetic EEG")
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
    _refuse_options(given, _OF_RECORDINGS, "recordings")
    return _composed_spec(given)


def _composed_spec(given: dict[str, Any]) -> FixtureSpec:
    from bgb_fixtures.request.compose import compose_spec

    request = {key: value for key, value in given.items() if key != "source"}
    n_windows = request.pop("windows")
    try:
        return compose_spec(n_windows, **({"seed": 0} | request))
    except SpecError as error:
        raise click.UsageError(str(error)) from error


def _refuse_options(given: dict[str, Any], names: set[str], what: str) -> None:
    wrong = sorted(names & given.keys())
    if wrong:
        msg = f"{_named(wrong)}: only for {what}; drop it"
        raise click.UsageError(msg)


def _named(keys: Any) -> str:
    """Return options as they are typed."""
    typed = {"splits": "split", "types": "type", "quotas": "quota", "aliases": "alias"}
    return ", ".join("--" + typed.get(k, k).replace("_", "-") for k in sorted(keys))
