"""``bgb-fixtures golden record|check|update``."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bgb_fixtures.commands.adapt_options import adapted, layout_option, shape_options
from bgb_fixtures.commands.common import Progress, import_path, print_json, say, within
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
    from bgb_fixtures.golden.randomness import Randomness

__all__ = ["golden"]


@click.group(
    epilog="Example: bgb-fixtures golden record my.models:make_detector --name unet"
)
def golden() -> None:
    """Record the outputs of a detector and compare with them.

    Random numbers are seeded, and the detector runs in eval mode without gradients.
    """


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options shared by all three commands."""
    for decorate in reversed(
        (
            click.argument("model", callback=import_path),
            click.option(
                "--fixture", metavar="NAME_OR_PATH", help="Fixture to run on [smoke]."
            ),
            shape_options,
            layout_option("BCT, or as recorded"),
            click.option(
                "--split", metavar="NAME", help="Use only windows from this split."
            ),
            click.option(
                "--name", metavar="NAME", help="Name of the golden [FUNCTION of MODEL]."
            ),
            click.option(
                "--dir", "folder", default="golden", metavar="DIR",
                help="Folder of the goldens [golden].",
            ),
            click.option(
                "--batch-size", type=int, callback=within(least=1), default=4,
                metavar="N", help="Windows per batch [4].",
            ),
            click.option(
                "--device", metavar="NAME",
                help="Device to run on, such as cuda [the model's device].",
            ),
            click.option(
                "--config", type=click.Path(exists=True, dir_okay=False),
                metavar="FILE", help=(
                    "TOML or JSON file with keyword arguments for FUNCTION."
                ),
            ),
            click.option(
                "--keep", multiple=True, metavar="KEY",
                help="Output to keep, such as logits; repeatable [all].",
            ),
            click.option(
                "--rtol", type=float, callback=within(least=0), metavar="X",
                help="Relative tolerance [by dtype and device].",
            ),
            click.option(
                "--atol", type=float, callback=within(least=0), metavar="X",
                help="Absolute tolerance [by dtype and device].",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


def _writing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the two commands that write."""
    for decorate in (
        click.option("--in-ci", is_flag=True, help="Write the golden even under CI."),
        click.option("--nan-ok", is_flag=True, help="Allow NaN in the outputs."),
        click.option(
            "--threshold", type=float, metavar="X",
            help="Detection threshold [0.5 for probabilities, otherwise 0].",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What to run, on which windows, and the path of its golden."""

    model: str
    name: str
    path: Path
    fixture: Fixture
    batch_size: int
    device: str | None
    config: str | None
    keep: tuple[str, ...] | None
    layout: str | None
    options: dict[str, float | None]

    def run(self) -> Golden:
        if find_spec("torch") is None:
            msg = (
                "running a model needs PyTorch, which is not installed; "
                'run: pip install "bgb-fixtures[torch]"'
            )
            raise MissingPackageError(msg)
        from bgb_fixtures.golden.content import PLAIN
        from bgb_fixtures.golden.record import run_model
        from bgb_fixtures.smoke.loading import find_device

        try:
            find_device(self.device)
        except SpecError as error:
            raise click.BadParameter(str(error), param_hint="'--device'") from error
        made = self._make()
        with Progress("running") as progress, _code_of_user(self.model, "run"):
            return run_model(
                made,
                self.fixture,
                name=self.name,
                batch_size=self.batch_size,
                keep=self.keep,
                layout=self.layout or PLAIN,
                progress=progress.show,
                **self.options,
            )

    def find_randomness(self, first: Golden) -> Randomness | None:
        """Run the model again, recreated if possible, with another seed and compare."""
        from bgb_fixtures.golden.randomness import find_randomness

        _, factory = _find(self.model, self.config)
        with _code_of_user(self.model, "run"):
            return find_randomness(
                self._make,
                self.fixture,
                first,
                batch_size=self.batch_size,
                keep=self.keep,
                remakes=factory is not None,
            )

    def _make(self) -> Any:
        import torch

        from bgb_fixtures.smoke.snapshot import set_seed

        found, factory = _find(self.model, self.config)
        # Seed after the import, which may draw random numbers, but only the first time.
        set_seed(0)
        with _code_of_user(self.model, "made"):
            made = found if factory is None else factory()
        if not callable(made):
            msg = (
                f"{self.model!r} is of type {type(made).__name__}; expected a model that "
                "can be called"
            )
            raise SpecError(msg)
        if isinstance(made, torch.nn.Module):
            made.eval()
            if self.device is not None:
                made.to(self.device)
        return made


@contextmanager
def _code_of_user(model: str, doing: str) -> Iterator[None]:
    """Turn an exception in the user's code into a one-line error with its place."""
    from bgb_fixtures.smoke.limits import describe_error

    try:
        yield
    except SpecError as error:
        # As text: the keys of the user's requests are not options of this command.
        raise SpecError(str(error)) from error
    except FixtureError:
        raise
    except Exception as error:
        reason, place = describe_error(error)
        where = f" [at {place}]" if place else ""
        advice = "".join(f". {note}" for note in getattr(error, "__notes__", ()))
        msg = f"{model!r} failed while it was {doing}: {reason}{where}{advice}"
        raise SpecError(msg) from error


def _again(verb: str) -> str:
    """Return the command that applies another verb to the same golden."""
    context = click.get_current_context()
    given = {"folder": "--dir"} | {
        key: f"--{key.replace('_', '-')}"
        for key in (
            *("fixture", "window_length", "sfreq", "montage", "profile", "layout"),
            *("split", "name", "batch_size", "device", "config"),
        )
    }
    words = ["bgb-fixtures", "golden", verb, context.params["model"]]
    for key, option in given.items():
        if context.get_parameter_source(key) is ParameterSource.COMMANDLINE:
            value = context.params[key]
            words += [option, ",".join(value) if type(value) is list else str(value)]
    for key in context.params["keep"]:
        words += ["--keep", key]
    return shlex.join(words)


def _find(model: str, config: str | None) -> tuple[Any, Callable[[], Any] | None]:
    """Import the object named by MODEL; return it and its factory, None for a model."""
    from bgb_fixtures.smoke.loading import find_factory, import_object, read_config
    from bgb_fixtures.smoke.report import Failed

    arguments = {} if config is None else read_config(Path(config))
    with _code_of_user(model, "imported"):
        try:
            found = import_object(model)
            return found, find_factory(found, arguments)
        except Failed as error:
            raise SpecError(str(error)) from error


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
    keep: tuple[str, ...],
    layout: str | None,
    **options: Any,
) -> _Request:
    """Find the windows and the file before the model is imported."""
    from bgb_fixtures.fixture import load_fixture
    from bgb_fixtures.golden.names import golden_path

    name = name or model.rpartition(":")[2].rpartition(".")[2]
    path = golden_path(folder, name)
    # Adapt before selecting the split, as in tests that select from an adapted fixture.
    loaded = adapted(load_fixture(fixture), options)
    return _Request(
        model=model,
        name=name,
        path=path,
        fixture=loaded if split is None else loaded.select(split=split),
        batch_size=batch_size,
        device=device,
        config=config,
        keep=keep or None,
        layout=layout,
        options={
            key: options[key] for key in ("rtol", "atol", "threshold") if key in options
        },
    )


def _as_recorded(wanted: _Request) -> _Request:
    """Return a request with the layout of the golden to replace, unless it has one.

    GoldenMismatchError if the golden has another fixture and none is named, or other
    windows and no option selects windows.
    """
    from bgb_fixtures.golden.record import check_windows, fixture_state
    from bgb_fixtures.golden.store import load_golden

    if not wanted.path.exists():
        return wanted
    try:
        recorded = load_golden(wanted.path)
    except FixtureError:
        # An unreadable golden is replaced and has no layout to keep.
        return wanted
    given = click.get_current_context().params
    options = ("window_length", "sfreq", "montage", "profile", "split")
    here = fixture_state(wanted.fixture)
    if (
        recorded.fixture is not None
        and given["fixture"] is None
        and (
            recorded.fixture.name != here.name
            or all(given[key] is None for key in options)
        )
    ):
        # The same windows in another content version are what update is for.
        before = replace(
            recorded.fixture, content_version=here.content_version, digest=here.digest
        )
        if before != here:
            otherwise = f"pass --fixture {here.name} to rewrite it with these windows"
            check_windows(recorded, wanted.fixture, otherwise=otherwise)
    return replace(wanted, layout=wanted.layout or recorded.layout)


def _refuse_ci(*, in_ci: bool) -> None:
    from bgb_fixtures.golden.ci import ci_variable

    variable = ci_variable()
    if variable is not None and not in_ci:
        msg = (
            f"goldens are not written under CI ({variable} is set). Record it on your "
            "machine and commit the file, or add --in-ci"
        )
        raise click.UsageError(msg)


def _refuse_random(wanted: _Request, obtained: Golden) -> None:
    randomness = wanted.find_randomness(obtained)
    if randomness is None:
        return
    if randomness.by_seed or randomness.by_weights:
        msg = f"golden {obtained.name!r} is not written: {randomness}"
        raise SpecError(msg)
    say(f"warning: {randomness}")


def _say_size(obtained: Golden) -> None:
    from bgb_fixtures.golden.check import size_note

    note = size_note(obtained, keep=lambda keys: " ".join(f"--keep {k}" for k in keys))
    if note:
        say(note)


def _facts(obtained: Golden, path: Path) -> dict[str, Any]:
    from bgb_fixtures.golden.as_text import output_to_json

    return {
        "path": str(path),
        "name": obtained.name,
        "bytes": path.stat().st_size,
        "outputs": {
            key: output_to_json(output) for key, output in obtained.outputs.items()
        },
        "layout": obtained.layout,
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
    """Run MODEL and record its outputs as a new golden.

    MODEL is an import path MODULE:NAME, such as my.models:make_detector: a function or
    class that makes the detector, or the detector itself. The current folder is searched
    first.
    """
    from bgb_fixtures.golden.check import save
    from bgb_fixtures.golden.content import PLAIN
    from bgb_fixtures.golden.report import show_size

    _refuse_ci(in_ci=in_ci)
    wanted = _prepare(model, **request)
    path = wanted.path
    if path.exists():
        msg = f"{str(path)!r} already exists. To rewrite it: {_again('update')}"
        raise TargetError(msg)
    obtained = wanted.run()
    _refuse_random(wanted, obtained)
    save(obtained, path, nan_ok=nan_ok)
    _say_size(obtained)
    facts = _facts(obtained, path)
    if as_json:
        print_json(facts)
        return
    click.echo(f"wrote {path}: {show_size(facts['bytes'])}")
    for key, output in facts["outputs"].items():
        click.echo(
            f"  {key}: {output['dtype']} {output['shape']}, allowed "
            f"{output['atol']:g} + {output['rtol']:g} x |expected| "
            f"({output['tolerance']})"
        )
    if obtained.layout != PLAIN:
        click.echo(f"  input: layout {obtained.layout}")
    click.echo(f"  trace: {facts['modules']} module calls")


@golden.command(
    epilog="Example: bgb-fixtures golden check my.models:make_detector --name unet"
)
@_options
@click.option(
    "--html", metavar="FILE", help="Also write the comparison as an HTML page."
)
def check(
    model: str,
    as_json: bool,  # noqa: FBT001
    html: str | None,
    **request: Any,
) -> None:
    """Run MODEL and compare its outputs with the golden.

    MODEL is an import path MODULE:NAME, such as my.models:make_detector: a function or
    class that makes the detector, or the detector itself. The current folder is searched
    first. Exit code 1 if the outputs differ.
    """
    from bgb_fixtures.golden.check import refuse_difference
    from bgb_fixtures.golden.compare import compare_goldens
    from bgb_fixtures.golden.record import check_layout, check_windows
    from bgb_fixtures.golden.report import comparison_to_json
    from bgb_fixtures.golden.store import load_golden

    if html is not None:
        from bgb_fixtures.report.html import check_page_target

        check_page_target(Path(html))
    wanted = _prepare(model, **request)
    path, fixture = wanted.path, wanted.fixture
    if not path.exists():
        msg = f"golden {str(path)!r} is missing. Record it: {_again('record')}"
        raise FixtureNotFoundError(msg)
    recorded = load_golden(path)
    # Check this first, as running the model may take long.
    check_windows(recorded, fixture)
    if wanted.layout is not None:
        check_layout(recorded, wanted.layout)
    wanted = replace(wanted, layout=recorded.layout)
    obtained = wanted.run()
    rtol, atol = request["rtol"], request["atol"]
    comparison = compare_goldens(recorded, obtained, rtol=rtol, atol=atol)
    advice = _again("update")
    if html is not None:
        from bgb_fixtures.golden.page import comparison_to_page
        from bgb_fixtures.report.html import write_page

        page = comparison_to_page(comparison, fixture=fixture, advice=advice)
        write_page(Path(html), page)
        say(f"wrote {html}")
    if as_json:
        print_json(
            {"path": str(path), **comparison_to_json(comparison, fixture=fixture)}
        )
        sys.exit(0 if comparison.equal else 1)
    randomness = None if comparison.equal else wanted.find_randomness(obtained)
    refuse_difference(comparison, fixture=fixture, advice=advice, randomness=randomness)
    click.echo(f"{path}: matches")


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
    """Run MODEL and rewrite its golden if it no longer matches.

    MODEL is an import path MODULE:NAME, such as my.models:make_detector: a function or
    class that makes the detector, or the detector itself. The current folder is searched
    first. Exit code 1 if the golden has other windows and no option selects these.
    """
    from bgb_fixtures.golden.check import update as write_again

    _refuse_ci(in_ci=in_ci)
    wanted = _as_recorded(_prepare(model, **request))
    obtained, path = wanted.run(), wanted.path
    _refuse_random(wanted, obtained)
    done = "rewrote" if path.exists() else "wrote"
    note = write_again(obtained, path, fixture=wanted.fixture, nan_ok=nan_ok)
    if note:
        _say_size(obtained)
    if as_json:
        print_json({"changed": bool(note), "note": note, **_facts(obtained, path)})
        return
    click.echo(f"{done} {note}" if note else f"{path}: matches; left as it is")
