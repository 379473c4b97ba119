"""``bgb-fixtures smoke``."""

from __future__ import annotations

import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bgb_fixtures.commands.adapt_options import (
    given_options,
    layout_option,
    shape_options,
)
from bgb_fixtures.commands.common import checked, import_path, print_json, within
from bgb_fixtures.errors import MissingPackageError
from bgb_fixtures.smoke.catalogue import CAN_SKIP, SENTENCES
from bgb_fixtures.smoke.report import TableWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.smoke.report import CheckResult, SmokeReport
    from bgb_fixtures.smoke.supervisor import Request

__all__ = ["smoke"]

_SUBJECTS = ("target", "command", "image")
_WITH_PROGRAM = ("fixture", "time_limit", "as_json", "junit")
_EXIT_CODES = {"works": 0, "fails": 1, "was not checked": 2}


class _EnvironmentFailure(click.ClickException):
    """An error that says nothing about the detector."""

    exit_code = _EXIT_CODES["was not checked"]


def _help_of_checks() -> str:
    lines = [
        textwrap.fill(f"{name:<10} {sentence}", width=78, subsequent_indent=" " * 11)
        for name, sentence in SENTENCES.items()
    ]
    return "\n".join(lines)


def _command(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    from bgb_fixtures.smoke.szcore.program import split_command

    return checked(value, split_command)


def _check_usage(context: click.Context) -> None:
    """Reject options that do not go together."""
    given = [
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name))
        is ParameterSource.COMMANDLINE
    ]
    subjects = [item for item in given if item.name in _SUBJECTS]
    if len(subjects) != 1:
        msg = "expected one of TARGET, --command and --image"
        raise click.UsageError(msg)
    [subject] = subjects
    if subject.name == "target":
        return
    for parameter in given:
        if parameter is not subject and parameter.name not in _WITH_PROGRAM:
            msg = f"{parameter.opts[0]} does not apply to {subject.opts[0]}"
            raise click.UsageError(msg)


@click.command(
    help=f"""Check a detector on known seizures.

    TARGET is the import path of a function or class that makes the detector, as in
    my.models:make_detector, or of the detector itself; the current folder is searched
    first. The detector maps float32 windows (B, channels, T) to logits per sample, per
    step or per window, for one class or several. Other layouts, such as
    (B, 1, channels, T), are detected automatically. The detector runs in its own process,
    which is stopped if a check does not return.

    With --command instead of TARGET: any program that reads an EDF file and writes a TSV
    file of seizures. With --image: a container image, run as the SzCORE benchmark
    runs it. Either is run on EDF files of the windows. It passes if it writes a valid
    file, finds at least half of the seizures, marks less than half of the background, and
    places onsets within 10 s.

    Exit code 0 if the detector works, 1 if a check fails or an input file is invalid, 2
    for wrong usage or if nothing could be checked (for example, PyTorch is missing or the
    device is unavailable). The checks of TARGET:

    \b
{textwrap.indent(_help_of_checks(), "    ")}
    """,
    epilog="Example: bgb-fixtures smoke my.models:make_detector",
)
@click.argument("target", callback=import_path, required=False)
@click.option(
    "--command",
    callback=_command,
    metavar="COMMAND",
    help='Program to check instead of a detector, such as "my-detector {edf} {tsv}".',
)
@click.option(
    "--image",
    metavar="IMAGE",
    help="Container image to check instead, run with Docker or Podman.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    help="TOML or JSON file with keyword arguments for the function or class.",
)
@click.option(
    "--fixture", metavar="NAME_OR_PATH", help="Windows to use [the packaged smoke]."
)
@shape_options
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "mps"]),
    help="Device to run on [the model's device].",
)
@layout_option("detected")
@click.option(
    "--output",
    metavar="NAME",
    help="Key or index of the logits in the output [detected].",
)
@click.option(
    "--positive-class",
    "positive_classes",
    multiple=True,
    type=int,
    callback=within(least=0),
    metavar="N",
    help="Class that is a seizure, numbered from 0; repeatable [all but 0].",
)
@click.option(
    "--loss",
    callback=import_path,
    metavar="MODULE:NAME",
    help="Your loss(logits, labels), checked and used in training.",
)
@click.option(
    "--step",
    callback=import_path,
    metavar="MODULE:NAME",
    help="Your training step to check: step(model, signals, labels), or "
    "make_step(model) that returns step(signals, labels).",
)
@click.option(
    "--skip",
    multiple=True,
    type=click.Choice(CAN_SKIP),
    metavar="CHECK",
    help="Check to skip; repeatable.",
)
@click.option("--allow-frozen", is_flag=True, help="Accept frozen parameters.")
@click.option(
    "--allow-unused",
    multiple=True,
    metavar="PATTERN",
    help="Accept unused or frozen parameters or modules with this name, such as "
    "'decoder.*'; repeatable.",
)
@click.option(
    "--time-limit",
    type=float,
    callback=within(above=0),
    default=30.0,
    metavar="SECONDS",
    help="Time limit per check, or per file for --command and --image [30].",
)
@click.option(
    "--seed",
    type=int,
    callback=within(least=0, most=2**32 - 1),
    default=0,
    metavar="N",
    help="Seed of the random generators [0].",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the report as JUnit XML to this file.",
)
@click.pass_context
def smoke(
    context: click.Context,
    /,
    target: str | None,
    command: str | None,
    image: str | None,
    config: str | None,
    fixture: str | None,
    device: str | None,
    layout: str | None,
    output: str | None,
    positive_classes: tuple[int, ...],
    loss: str | None,
    step: str | None,
    skip: tuple[str, ...],
    allow_frozen: bool,  # noqa: FBT001
    allow_unused: tuple[str, ...],
    time_limit: float,
    seed: int,
    as_json: bool,  # noqa: FBT001
    junit: Path | None,
    **shape: Any,
) -> None:
    """Run the checks; the help text is passed to the decorator."""
    _check_usage(context)
    table = TableWriter(click.echo)
    on_result = None if as_json else table.add

    def run() -> SmokeReport:
        if target is None:
            from bgb_fixtures.smoke.szcore import run_command, run_image

            check, subject = (
                (run_image, image) if command is None else (run_command, command)
            )
            return check(
                str(subject),
                fixture=fixture,
                time_limit=time_limit,
                on_result=on_result,
            )
        from bgb_fixtures.smoke.options import Declaration
        from bgb_fixtures.smoke.supervisor import Request

        request = Request(
            target=target,
            config=config,
            fixture=fixture,
            shape=given_options(shape),
            device=device,
            loss=loss,
            step=step,
            declared=Declaration(
                layout=layout,
                output=output,
                positive_classes=positive_classes,
                allow_frozen=allow_frozen,
                allow_unused=allow_unused,
            ),
            names=tuple(name for name in SENTENCES if name not in skip),
            time_limit=time_limit,
            seed=seed,
        )
        return _run_target(request, on_result)

    try:
        report = run()
    except MissingPackageError as error:
        if junit is not None:
            from bgb_fixtures.smoke.junit import write_error

            write_error(target or command or str(image), str(error), junit)
        raise _EnvironmentFailure(str(error)) from error
    if junit is not None:
        from bgb_fixtures.smoke.junit import write_junit

        write_junit(report, junit)
    if as_json:
        print_json(report.to_json())
    else:
        table.end()
        click.echo(report.last_lines)
    sys.exit(_EXIT_CODES[report.verdict])


def _run_target(
    request: Request, on_result: Callable[[CheckResult], None] | None
) -> SmokeReport:
    from bgb_fixtures.smoke.supervisor import run_supervised

    if find_spec("torch") is None:
        msg = (
            "smoke needs PyTorch, which is not installed; "
            'run: pip install "bgb-fixtures[torch]"'
        )
        raise MissingPackageError(msg)
    return run_supervised(request, on_result=on_result)
