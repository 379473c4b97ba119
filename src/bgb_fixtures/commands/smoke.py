"""``bgb-fixtures smoke``."""

from __future__ import annotations

import sys
import textwrap
from importlib.util import find_spec

import click
from click.core import ParameterSource

from bgb_fixtures.commands.common import print_json
from bgb_fixtures.errors import MissingPackageError, SpecError
from bgb_fixtures.smoke.catalogue import CAN_SKIP, SENTENCES
from bgb_fixtures.smoke.report import TableWriter

__all__ = ["smoke"]

_WITH_COMMAND = ("command", "fixture", "time_limit", "as_json")


def _help_of_checks() -> str:
    lines = [
        textwrap.fill(f"{name:<10} {sentence}", width=78, subsequent_indent=" " * 11)
        for name, sentence in SENTENCES.items()
    ]
    return "\n".join(lines)


def _target(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    from bgb_fixtures.smoke.importing import split_target

    if value is not None:
        try:
            split_target(value)
        except SpecError as error:
            raise click.BadParameter(str(error)) from error
    return value


def _command(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    from bgb_fixtures.smoke.szcore.program import split_command

    if value is not None:
        try:
            split_command(value)
        except SpecError as error:
            raise click.BadParameter(str(error)) from error
    return value


def _check_usage(context: click.Context) -> None:
    """Refuse what does not go together."""
    given = [
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name))
        is ParameterSource.COMMANDLINE
    ]
    names = {str(parameter.name) for parameter in given}
    if len(names & {"target", "command"}) != 1:
        msg = "expected either TARGET or --command, one of them"
        raise click.UsageError(msg)
    if "command" in names:
        for parameter in given:
            if parameter.name not in _WITH_COMMAND:
                msg = f"{parameter.opts[0]} has no meaning with --command"
                raise click.UsageError(msg)


@click.command(
    help=f"""Tell whether a detector is alive, by known seizures.

    TARGET is the import path of a function or class that makes the detector, as in
    my.models:make_detector, or of the detector itself; the current folder is looked in
    first. The detector maps float32 (B, channels, T) to logits per sample, (B, T),
    (B, 1, T), (B, T, 1), for two classes (B, 2, T), (B, T, 2), or per window, (B,),
    (B, 1), (B, 2). It runs in a process of its own, which is ended if a check does not
    return. Exit code 1 if a check fails.

    With --command instead of TARGET: any program that reads an EDF file and writes a TSV
    file of seizures, as SzCORE runs it. See docs/szcore.md. The checks of TARGET:

    \b
{textwrap.indent(_help_of_checks(), "    ")}
    """,
    epilog="Example: bgb-fixtures smoke my.models:make_detector",
)
@click.argument("target", callback=_target, required=False)
@click.option(
    "--command",
    callback=_command,
    metavar="COMMAND",
    help='Program to check instead, such as "my-detector {edf} {tsv}".',
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    help="TOML or JSON table: keyword arguments of the function or class.",
)
@click.option(
    "--fixture", metavar="NAME_OR_PATH", help="Windows to use [the packaged smoke]."
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda", "mps"]), help="Where to run."
)
@click.option(
    "--loss",
    callback=_target,
    metavar="MODULE:NAME",
    help="Your loss(logits, labels); used in training, and checked.",
)
@click.option(
    "--step",
    callback=_target,
    metavar="MODULE:NAME",
    help="Your step(model, signals, labels), or make_step(model) that returns "
    "step(signals, labels); checked.",
)
@click.option(
    "--skip",
    multiple=True,
    type=click.Choice(CAN_SKIP),
    metavar="CHECK",
    help="Leave a check out; may be given again.",
)
@click.option(
    "--allow-frozen", is_flag=True, help="Parameters that are frozen are meant to be."
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For each check, or for each file of --command.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def smoke(
    context: click.Context,
    target: str | None,
    command: str | None,
    config: str | None,
    fixture: str | None,
    device: str | None,
    loss: str | None,
    step: str | None,
    skip: tuple[str, ...],
    allow_frozen: bool,  # noqa: FBT001
    time_limit: float,
    seed: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Run the checks; the help is above."""
    _check_usage(context)
    table = TableWriter(click.echo)
    on_result = None if as_json else table.add
    if command is not None:
        from bgb_fixtures.smoke.szcore import run_command

        report = run_command(
            command, fixture=fixture, time_limit=time_limit, on_result=on_result
        )
    else:
        from bgb_fixtures.smoke.watch import Request, run_watched

        if find_spec("torch") is None:
            msg = (
                "smoke needs PyTorch, which is not installed; "
                'run: pip install "bgb-fixtures[torch]"'
            )
            raise MissingPackageError(msg)
        report = run_watched(
            Request(
                target=str(target),
                config=config,
                fixture=fixture,
                device=device,
                loss=loss,
                step=step,
                names=tuple(name for name in SENTENCES if name not in skip),
                time_limit=time_limit,
                seed=seed,
                allow_frozen=allow_frozen,
            ),
            on_result=on_result,
        )
    if as_json:
        print_json(report.to_json())
    else:
        table.end()
        click.echo(report.summary)
    sys.exit(0 if report.passed else 1)
