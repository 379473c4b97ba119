"""``bgb-fixtures golden record|check|update``."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bgb_fixtures.commands.common import Progress, print_json, say
from bgb_fixtures.errors import (
    FixtureError,
    FixtureNotFoundError,
    MissingPackageError,
    SpecError,
    TargetError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.content import Golden

__all__ = ["golden"]


@click.group(
    epilog="Example: bgb-fixtures golden record my.models:make_detector --name unet"
)
def golden() -> None:
    """Record what a detector gives, and check that it still does.

    MODEL is MODULE:FUNCTION, or a class or a model; the current folder is on the import
    path. Random numbers are seeded, and it is run in eval mode without gradients.
    """


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all three commands ask for."""
    for decorate in reversed(
        (
            click.argument("model"),
            click.option(
                "--fixture", metavar="NAME_OR_PATH", help="Which fixture [smoke]."
            ),
            click.option(
                "--split", metavar="NAME", help="Only the windows of this split."
            ),
            click.option(
                "--name", metavar="NAME", help="Name of the golden [FUNCTION of MODEL]."
            ),
            click.option(
                "--dir", "folder", default="golden", metavar="DIR",
                help="Where goldens are [golden].",
            ),
            click.option(
                "--batch-size", type=click.IntRange(1), default=4, metavar="N",
                help="Windows at a time [4].",
            ),
            click.option(
                "--device", metavar="NAME", help="Where to run, such as cuda [its own]."
            ),
            click.option(
                "--config", type=click.Path(exists=True, dir_okay=False),
                metavar="FILE", help="TOML or JSON table: arguments of FUNCTION.",
            ),
            click.option(
                "--rtol", type=click.FloatRange(0), metavar="X",
                help="Relative tolerance [by dtype and device].",
            ),
            click.option(
                "--atol", type=click.FloatRange(0), metavar="X",
                help="Absolute tolerance [by dtype and device].",
            ),
            click.option("--json", "as_json", is_flag=True, help="Answer in JSON."),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


def _writing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what the two commands that write ask for."""
    for decorate in (
        click.option("--in-ci", is_flag=True, help="Write under CI too."),
        click.option("--nan-ok", is_flag=True, help="Let outputs hold NaN."),
        click.option(
            "--threshold", type=float, metavar="X",
            help="Values above are detections [0.5 for probabilities, else 0].",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is to be run, on what, and where its golden is."""

    model: str
    name: str
    path: Path
    fixture: Fixture
    batch_size: int
    device: str | None
    config: str | None
    options: dict[str, float | None]

    def run(self) -> Golden:
        if find_spec("torch") is None:
            msg = (
                "running a model needs PyTorch, which is not installed; "
                'run: pip install "bgb-fixtures[torch]"'
            )
            raise MissingPackageError(msg)
        import torch

        from bgb_fixtures.golden.record import run_model
        from bgb_fixtures.smoke.snapshot import set_seed

        # A factory that initialises weights gives the same ones each time.
        set_seed(0)
        made = _make(self.model, self.config)
        if isinstance(made, torch.nn.Module):
            made.eval()
            if self.device is not None:
                made.to(self.device)
        with Progress("running") as progress, _code_of_user(self.model, "run"):
            return run_model(
                made,
                self.fixture,
                name=self.name,
                batch_size=self.batch_size,
                progress=progress.show,
                **self.options,
            )


@contextmanager
def _code_of_user(model: str, doing: str) -> Iterator[None]:
    """Turn what the user's code raises into one line that says where."""
    from bgb_fixtures.smoke.limits import describe_error

    try:
        yield
    except FixtureError:
        raise
    except Exception as error:
        reason, place = describe_error(error)
        where = f" [at {place}]" if place else ""
        msg = f"{model!r} failed while it was {doing}: {reason}{where}"
        raise SpecError(msg) from error


def _again(verb: str) -> str:
    """Return a command that does something else with the same golden."""
    context = click.get_current_context()
    given = {"folder": "--dir"} | {
        key: f"--{key.replace('_', '-')}"
        for key in ("fixture", "split", "name", "batch_size", "device", "config")
    }
    words = ["bgb-fixtures", "golden", verb, context.params["model"]]
    for key, option in given.items():
        if context.get_parameter_source(key) is ParameterSource.COMMANDLINE:
            words += [option, str(context.params[key])]
    return shlex.join(words)


def _make(model: str, config: str | None) -> Any:
    from bgb_fixtures.smoke.loading import find_factory, import_object, read_config
    from bgb_fixtures.smoke.report import Failed

    arguments = {} if config is None else read_config(Path(config))
    try:
        found = import_object(model)
        factory = find_factory(found, arguments)
    except Failed as error:
        raise SpecError(str(error)) from error
    with _code_of_user(model, "made"):
        made = found if factory is None else factory()
    if not callable(made):
        msg = (
            f"{model!r}: expected a model that can be called, got {type(made).__name__}"
        )
        raise SpecError(msg)
    return made


def _prepare(
    model: str,
    *,
    fixture: str | None,
    split: str | None,
    name: str | None,
    folder: str,
    batch_size: int,
    device: str | None,
    config: str | None,
    **options: float | None,
) -> _Request:
    """Find the windows and the file, before the model is imported."""
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.golden.check import golden_path
    from bgb_fixtures.smoke.loading import split_target

    split_target(model)
    name = name or model.rpartition(":")[2].rpartition(".")[2]
    path = golden_path(folder, name)
    loaded = load_fixture(fixture)
    return _Request(
        model=model,
        name=name,
        path=path,
        fixture=loaded if split is None else loaded.select(split=split),
        batch_size=batch_size,
        device=device,
        config=config,
        options=options,
    )


def _refuse_ci(*, in_ci: bool) -> None:
    from bgb_fixtures.golden.check import under_ci

    if under_ci() and not in_ci:
        msg = (
            "under CI (the variable CI is set) no golden is written; do it on your "
            "machine and commit the file, or say --in-ci"
        )
        raise click.UsageError(msg)


def _facts(obtained: Golden, path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "name": obtained.name,
        "bytes": path.stat().st_size,
        "outputs": {
            key: {
                "dtype": output.dtype,
                "shape": list(output.array.shape),
                "rtol": output.tolerance.rtol,
                "atol": output.tolerance.atol,
                "tolerance": output.tolerance.source,
            }
            for key, output in obtained.outputs.items()
        },
        "modules": 0 if obtained.trace is None else len(obtained.trace.calls),
    }


@golden.command(
    epilog="Example: bgb-fixtures golden record my.models:make_detector --name unet"
)
@_options
@_writing_options
def record(
    model: str,
    nan_ok: bool,  # noqa: FBT001
    in_ci: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    **request: Any,
) -> None:
    """Run MODEL and keep what it gives, as a new golden."""
    from bgb_fixtures.golden.check import save

    _refuse_ci(in_ci=in_ci)
    wanted = _prepare(model, **request)
    path = wanted.path
    if path.exists():
        msg = f"{str(path)!r} is there already; to write it again: {_again('update')}"
        raise TargetError(msg)
    obtained = wanted.run()
    save(obtained, path, nan_ok=nan_ok)
    facts = _facts(obtained, path)
    if as_json:
        print_json(facts)
        return
    click.echo(f"wrote {path}: {facts['bytes'] / 1e3:.0f} kB")
    for key, output in facts["outputs"].items():
        click.echo(
            f"  {key}: {output['dtype']} {output['shape']}, allowed "
            f"{output['atol']:g} + {output['rtol']:g} x |expected| "
            f"({output['tolerance']})"
        )
    click.echo(f"  trace of {facts['modules']} calls of modules")


@golden.command(
    epilog="Example: bgb-fixtures golden check my.models:make_detector --name unet"
)
@_options
@click.option(
    "--html", metavar="FILE", help="Write the comparison as a page, equal or not."
)
def check(
    model: str,
    as_json: bool,  # noqa: FBT001
    html: str | None,
    **request: Any,
) -> None:
    """Run MODEL and compare with its golden.

    Exit code 1 if it does not hold.
    """
    from bgb_fixtures.golden.check import refuse_difference
    from bgb_fixtures.golden.compare import compare_goldens
    from bgb_fixtures.golden.record import check_windows
    from bgb_fixtures.golden.report import comparison_to_json
    from bgb_fixtures.golden.store import load_golden

    if html is not None:
        from bgb_fixtures.report.document import check_page_target

        check_page_target(Path(html))
    wanted = _prepare(model, **request)
    path, fixture = wanted.path, wanted.fixture
    if not path.exists():
        msg = f"no golden {str(path)!r}; record it: {_again('record')}"
        raise FixtureNotFoundError(msg)
    recorded = load_golden(path)
    # Before the model runs for nothing.
    check_windows(recorded, fixture)
    obtained = wanted.run()
    rtol, atol = request["rtol"], request["atol"]
    comparison = compare_goldens(recorded, obtained, rtol=rtol, atol=atol)
    advice = _again("update")
    if html is not None:
        from bgb_fixtures.golden.page import comparison_to_page
        from bgb_fixtures.report.document import write_page

        page = comparison_to_page(comparison, fixture=fixture, advice=advice)
        write_page(Path(html), page)
        say(f"wrote {html}")
    if as_json:
        print_json(
            {"path": str(path), **comparison_to_json(comparison, fixture=fixture)}
        )
        sys.exit(0 if comparison.equal else 1)
    refuse_difference(comparison, fixture=fixture, advice=advice)
    click.echo(f"{path}: holds")


@golden.command(
    epilog="Example: bgb-fixtures golden update my.models:make_detector --name unet"
)
@_options
@_writing_options
def update(
    model: str,
    nan_ok: bool,  # noqa: FBT001
    in_ci: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    **request: Any,
) -> None:
    """Run MODEL and write its golden again, saying what changed."""
    from bgb_fixtures.golden.check import update as write_again

    _refuse_ci(in_ci=in_ci)
    wanted = _prepare(model, **request)
    obtained, path = wanted.run(), wanted.path
    note = write_again(obtained, path, fixture=wanted.fixture, nan_ok=nan_ok)
    if as_json:
        print_json(
            {"changed": note is not None, "note": note, **_facts(obtained, path)}
        )
        return
    click.echo(note or f"{path}: holds exactly this already; left as it is")
