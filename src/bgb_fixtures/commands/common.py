"""Helpers shared by several commands.

Invariant: this module imports click and nothing heavy.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import click

from bgb_fixtures.errors import Key, SpecError, counted, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.corpora.remote.http import Traffic
    from bgb_fixtures.corpora.remote.web import WebPath

__all__ = [
    "QUIET",
    "Progress",
    "checked",
    "import_path",
    "is_there",
    "known_word",
    "opened_root",
    "options_of",
    "print_json",
    "replaced_by",
    "say",
    "usage_error",
    "with_options",
    "within",
]

_OPTIONS = {
    "aliases": "alias",
    "dev_subjects": "dev-subject",
    "quotas": "quota",
    "splits": "split",
    "types": "type",
}
"""Keys of a spec whose option has another name."""

_LEAST_S = 0.1
"""Minimum time in seconds between two notes next to a bar."""

QUIET = "bgb_fixtures.quiet"
"""Key in a context's `meta` that records whether the user passed --quiet."""


def options_of(keys: Iterable[str]) -> str:
    """Return the options for keys of a spec, such as --quota for quotas.dev.none."""
    names = sorted({re.split(r"[.[]", key)[0] for key in keys})
    return ", ".join("--" + _OPTIONS.get(n, n).replace("_", "-") for n in names)


def with_options(error: SpecError) -> str:
    """Return the message of an error, with options in place of the keys of a spec."""
    return "".join(options_of([p]) if isinstance(p, Key) else p for p in error.parts)


def usage_error(error: SpecError) -> click.UsageError:
    """Return an error about options as click words it, for exit code 2."""
    text = with_options(error)
    match error.parts:
        case [Key() as key, rest, *_] if rest.startswith(": "):
            option = options_of([key])
            text = f"Invalid value for '{option}'{text.removeprefix(option)}"
    return click.UsageError(text)


def replaced_by(new: str) -> Callable[..., None]:
    """Return a callback for an option that was replaced by `new`."""

    def refuse(_: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            msg = f"{param.opts[0]} was removed: plans became specs. Use {new}"
            raise click.UsageError(msg)

    return refuse


def known_word(
    _: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Refuse an unknown word and suggest a similar one."""
    from bgb_fixtures.eeg.montage import MONTAGES
    from bgb_fixtures.eeg.scaling import PROFILES
    from bgb_fixtures.request.spec import SOURCES

    name = str(param.name)
    words = {"source": SOURCES, "montage": tuple(MONTAGES), "profile": tuple(PROFILES)}[
        name
    ]
    if value is not None and value not in words:
        # --windows is the only way to ask for synthetic EEG without a spec.
        listed = [word for word in words if word != "synthetic"]
        hint = suggest(value.lower(), listed)
        known = ", ".join(map(repr, listed))
        msg = f"unknown {name} {value!r}{hint} {name.title()}s: {known}"
        raise click.BadParameter(msg)
    return value


def checked(value: str | None, check: Callable[[str], object]) -> str | None:
    """Return the value of an option that `check` accepts, or None."""
    if value is not None:
        try:
            check(value)
        except SpecError as error:
            raise click.BadParameter(str(error)) from error
    return value


def import_path(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse anything but an import path ``module:name``."""
    from bgb_fixtures.smoke.loading import split_target

    return checked(value, split_target)


def is_there(path: str) -> bool:
    """Return whether a path exists; a path that cannot be looked up fails later."""
    try:
        return Path(path).exists()
    except OSError:
        return False


def within(
    *, least: float | None = None, most: float | None = None, above: float | None = None
) -> Callable[..., Any]:
    """Return a callback that refuses numbers outside of a range.

    click's own ranges would print formulas such as ``x>=1`` in the help.
    """
    if least is not None and most is not None:
        words = f"{least} to {most}"
    else:
        words = f"at least {least}" if above is None else f"more than {above}"

    def check(_: click.Context, __: click.Parameter, value: Any) -> Any:
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and not (
                (least is None or number >= least)
                and (above is None or number > above)
                and (most is None or number <= most)
            ):
                msg = f"expected {words}, got {number!r}"
                raise click.BadParameter(msg)
        return value

    return check


def say(message: str) -> None:
    """Print a note on stderr unless the user passed --quiet.

    Do not use it for warnings that restrict how the result may be used.
    """
    if not _is_quiet():
        click.echo(message, err=True)


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def _is_plain() -> bool:
    """Return whether the terminal supports plain text only, without cursor control."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


class Progress:
    """A progress bar on stderr, for terminals only; one line if plain text only."""

    _entered: ClassVar[list[Progress]] = []

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._told = False
        self._noted_s = 0.0

    def __enter__(self) -> Self:
        self._entered.append(self)
        return self

    @classmethod
    def note(cls, text: str) -> None:
        """Show progress within a step as a note next to the current bar."""
        # If two bars were entered together, the second one starts when the first one
        # ends.
        begun = [progress for progress in cls._entered if progress._bar is not None]
        for progress in begun[-1:] or cls._entered[:1]:
            progress._note(text)

    def _note(self, text: str) -> None:
        if self._is_silent() or time.monotonic() < self._noted_s + _LEAST_S:
            return
        self._noted_s = time.monotonic()
        if self._bar is None:
            click.echo(f"\r{self._label}  {text}", nl=False, err=True)
            self._told = True
        else:
            self._bar.label = f"{self._label} ({text})"
            self._bar.render_progress()

    def _is_silent(self) -> bool:
        """Return whether no bar is shown; on a plain terminal, print the label once."""
        if not sys.stderr.isatty() or _is_quiet():
            return True
        if _is_plain() and not self._told:
            click.echo(f"{self._label} ...", err=True)
            self._told = True
        return _is_plain()

    def show(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._is_silent():
            return
        old = self._bar
        # A new stage starts a new line, as a bar does not go back.
        if old is None or done < old.pos or total != old.length:
            label = self._label if old is None else old.label
            self._bar = click.progressbar(length=total, label=label, file=sys.stderr)
        self._bar.update(done - self._bar.pos)

    def __exit__(self, *_: object) -> None:
        self._entered.remove(self)
        if self._bar is not None:
            self._bar.render_finish()
        elif self._told and not _is_plain():
            click.echo(err=True)


def opened_root(source: str, root: str | None) -> str | WebPath | None:
    """Open a root that is a URL; print at the end what was fetched."""
    from bgb_fixtures.corpora import open_root
    from bgb_fixtures.corpora.places import is_web_address

    if root is None or not is_web_address(root):
        return root
    from bgb_fixtures.corpora.remote.web import WebPath

    try:
        with Progress("connecting"):
            Progress.note("")
            path = open_root(source, root)
    except SpecError as error:
        raise usage_error(error) from error
    if not isinstance(path, WebPath):
        return root
    session = path.folder.session
    session.listener = lambda traffic: Progress.note(f"{traffic.n_bytes / 1e6:.1f} MB")
    context = click.get_current_context()
    context.call_on_close(lambda: _say_traffic(session.traffic))
    return path


def _say_traffic(traffic: Traffic) -> None:
    say(
        f"fetched {_amount(traffic.n_bytes)} in {counted(traffic.n_requests, 'request')}; "
        f"{_amount(traffic.n_cached)} more came from the cache"
    )


def _amount(n_bytes: int) -> str:
    return f"{n_bytes / 1e3:.0f} kB" if n_bytes < 1e5 else f"{n_bytes / 1e6:.1f} MB"


def print_json(answer: object) -> None:
    """Print a result as JSON on stdout."""
    click.echo(json.dumps(answer, indent=2, sort_keys=True))
