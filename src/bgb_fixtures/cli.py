"""The command line: which commands there are; each is a module of its own.

Invariant: results go to stdout, progress and messages to stderr; exit code 0 done, 1 the
data or the check failed, 2 wrong usage. A command is imported when it is asked for, and
imports what it needs when it runs.
"""

from __future__ import annotations

import errno
import signal
import sys
from importlib import import_module
from typing import Any

import click

from bgb_fixtures import __version__
from bgb_fixtures.errors import FixtureError

__all__ = ["main", "run"]

# Module in bgb_fixtures.commands, and the command in it, have the same name.
_COMMANDS = (
    "build",
    "card",
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
        """Run the command; turn an error of ours into one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except FixtureError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is not None or error.errno in (None, errno.EPIPE):
                raise
            # A full disk behind stdout.
            msg = f"the answer cannot be written: {error.strerror}"
            raise click.ClickException(msg) from error


def run() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, with nothing left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main(prog_name="bgb-fixtures")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bgb-fixtures")
def main() -> None:
    """Build, inspect and verify small fixtures of EEG with known seizures."""
