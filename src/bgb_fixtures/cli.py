"""The command line: a group of commands, each in its own module.

Invariant: results go to stdout, progress and messages to stderr. The exit code is 0 for
success, 1 if the data or a check failed, 2 for wrong usage. A command is imported when
it is requested, and imports its dependencies when it runs.
"""

from __future__ import annotations

import errno
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from bgb_fixtures import __version__
from bgb_fixtures.commands.common import QUIET, with_options
from bgb_fixtures.errors import FixtureError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main", "run"]

# A module in bgb_fixtures.commands and its command have the same name.
_COMMANDS = (
    "adapt",
    "build",
    "corpus",
    "diff",
    "export",
    "golden",
    "info",
    "plot",
    "report",
    "scan",
    "smoke",
    "verify",
)


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            module = import_module(f"bgb_fixtures.commands.{cmd_name}")
            self.add_command(getattr(module, cmd_name))
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn an error of this package into one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except SpecError as error:
            raise click.ClickException(with_options(error)) from error
        except FixtureError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is not None or error.errno in (None, errno.EPIPE):
                raise
            # For example, stdout is redirected to a full disk.
            msg = f"the output cannot be written: {error.strerror}"
            raise click.ClickException(msg) from error


def run() -> None:
    """Run the command line; SIGTERM stops it like Ctrl-C, without temporary files."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main(prog_name="bgb-fixtures")


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="bgb-fixtures")
@click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="Print only results, warnings and errors; goes before COMMAND.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show the package's log messages on stderr; goes before COMMAND.",
)
@click.pass_context
def main(
    context: click.Context,
    quiet: bool,  # noqa: FBT001
    verbose: bool,  # noqa: FBT001
) -> None:
    """Build, inspect and verify small fixtures of EEG with known seizures.

    Each COMMAND has a --help with an example. To enable completion in bash (for zsh or
    fish, replace bash_source with zsh_source or fish_source):

    \b
      eval "$(_BGB_FIXTURES_COMPLETE=bash_source bgb-fixtures)"

    With NO_COLOR set, or TERM=dumb, progress is printed as plain lines.
    """  # noqa: D301 (a backspace is how click keeps lines)
    if quiet and verbose:
        msg = "--quiet and --verbose exclude each other; drop one"
        raise click.UsageError(msg)
    context.meta[QUIET] = quiet
    if verbose:
        context.call_on_close(_log_to_stderr())


def _log_to_stderr() -> Callable[[], None]:
    """Show the package's log messages on stderr; return a function that stops this."""
    # Imported here, because few runs need it and all others start faster without it.
    import logging

    logger = logging.getLogger("bgb_fixtures")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)

    return end
