"""Where two traces of a model part.

Invariant: what is named is the first call, in order of execution, that took or gave
something out of tolerance, or that only one of both has.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.golden.content import Call, Trace

__all__ = ["Origin", "find_origin"]


Pair = tuple[int | None, int | None]
# Share of the calls with equal class, settings and weights below which two models are
# not the same one with a change.
_SAME_STRUCTURE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Say where two traces part.

    Attributes
    ----------
    module : str or None
        Path of the first module whose output left tolerance, or that is missing; empty:
        the model's input differs; None: no module that was traced left it.
    inputs_equal : bool
        Whether what that module took was within tolerance.
    weights_equal : bool
        Whether its own weights are the same bytes.
    weights_changed : tuple of str
        All modules whose weights are not.
    lines : tuple of str
        The same and more in words.
    """

    module: str | None
    inputs_equal: bool
    weights_equal: bool
    weights_changed: tuple[str, ...]
    lines: tuple[str, ...]


def _align(before: Trace, after: Trace) -> tuple[list[Pair], bool]:
    """Pair the calls of two traces; say whether it is still the same structure.

    None stands for a call that the other trace lacks.
    """
    names = [[(c.name, c.kind) for c in t.calls] for t in (before, after)]
    if names[0] == names[1]:
        return [(i, i) for i in range(len(names[0]))], True
    # A layer that was dropped from a Sequential renames all that follow; weights and
    # settings say which is which.
    signatures = [
        [f"{c.kind} {c.settings} {c.weights}" for c in t.calls] for t in (before, after)
    ]
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, signatures[0], signatures[1], autojunk=False)
    for _, i, i_stop, j, j_stop in matcher.get_opcodes():
        both = min(i_stop - i, j_stop - j)
        pairs += [(i + n, j + n) for n in range(both)]
        pairs += [(n, None) for n in range(i + both, i_stop)]
        pairs += [(None, n) for n in range(j + both, j_stop)]
    return pairs, matcher.ratio() >= _SAME_STRUCTURE


def _side_equal(
    before: Trace, after: Trace, pair: tuple[int, int], side: int, relative: float
) -> bool:
    """Return whether what two calls took (0) or gave (1) is within tolerance."""
    i, j = pair
    a, b = before.calls[i], after.calls[j]
    if (a.dtypes[side], a.shapes[side]) != (b.dtypes[side], b.shapes[side]):
        return False
    numbers_a, numbers_b = before.statistics[i, side], after.statistics[j, side]
    if not np.array_equal(numbers_a[:2], numbers_b[:2]):
        return False
    scale = numbers_a[-1]
    values_a = np.concatenate([numbers_a[2:], before.samples[i, side]])
    values_b = np.concatenate([numbers_b[2:], after.samples[j, side]])
    finite = np.isfinite(values_a) & np.isfinite(values_b)
    with np.errstate(invalid="ignore"):
        close = np.abs(values_b - values_a) <= relative * (scale + np.abs(values_a))
    same = (values_a == values_b) | (np.isnan(values_a) & np.isnan(values_b))
    return bool(np.where(finite, close, same).all())


def find_origin(before: Trace, after: Trace, *, relative: float) -> Origin:
    """Find where two traces part.

    Parameters
    ----------
    before, after : Trace
        Recorded and now.
    relative : float
        Allowed difference, in units of the root mean square of a tensor and relative to
        each value.

    Returns
    -------
    origin : Origin
        The first module that left tolerance, and what is known about it.
    """
    pairs, same_structure = _align(before, after)
    changed = [
        before.calls[i].name
        for i, j in pairs
        if i is not None and j is not None
        if before.calls[i].weights != after.calls[j].weights
    ]
    weights_changed = tuple(dict.fromkeys(changed))
    module, inputs_equal, weights_equal, lines = _first_difference(
        before, after, pairs, relative
    )
    if same_structure:
        lines = [*_weights_lines(weights_changed, before), *lines]
        lines += _other_lines(before, after, pairs, module)
    else:
        words = (
            f"another model: {len(before.calls)} calls of modules recorded, "
            f"{len(after.calls)} now, few of them alike"
        )
        lines = [words, *lines]
    return Origin(
        module=module,
        inputs_equal=inputs_equal,
        weights_equal=weights_equal,
        weights_changed=weights_changed,
        lines=tuple(lines),
    )


def _weights_lines(changed: Sequence[str], before: Trace) -> list[str]:
    n_modules = len({call.name for call in before.calls if call.weights})
    if not changed:
        return [f"same weights in all {n_modules} modules that have any"]
    names = ", ".join(f"`{name}`" for name in changed[:5])
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    return [f"weights changed: {names}{more} (of {n_modules} modules that have any)"]


def _first_difference(
    before: Trace,
    after: Trace,
    pairs: Sequence[Pair],
    relative: float,
) -> tuple[str | None, bool, bool, list[str]]:
    last = "the model's input"
    for i, j in pairs:
        if j is None and i is not None:
            call = before.calls[i]
            words = f"{_shown(call)} was run when recorded and is not run now"
            return call.name, True, True, [words]
        if i is None and j is not None:
            call = after.calls[j]
            words = f"{_shown(call)} is run now and was not when recorded"
            return call.name, True, True, [words]
        if i is None or j is None:
            continue
        a, b = before.calls[i], after.calls[j]
        took = _side_equal(before, after, (i, j), 0, relative)
        gave = _side_equal(before, after, (i, j), 1, relative)
        if took and gave:
            last = a.title
            continue
        if not a.name:
            return "", False, True, [_input_words(before, after)]
        return (
            a.name,
            took,
            a.weights == b.weights,
            _call_lines(a, b, took=took, last=last),
        )
    words = "no module left tolerance"
    if max(before.n_calls, after.n_calls) > len(pairs):
        words += f" among the first {len(pairs)} of {before.n_calls} calls"
    words += (
        "; what differs is computed after the last of them, or in windows that were not "
        "traced"
    )
    return None, True, True, [words]


def _shown(call: Call) -> str:
    settings = f"({call.settings})" if call.settings else ""
    return f"`{call.name}` ({call.kind}{settings})"


def _input_words(before: Trace, after: Trace) -> str:
    a, b = before.calls[0], after.calls[0]
    if (a.dtypes[0], a.shapes[0]) != (b.dtypes[0], b.shapes[0]):
        return (
            f"the model's input differs already: {a.dtypes[0]} {list(a.shapes[0])} "
            f"recorded, {b.dtypes[0]} {list(b.shapes[0])} now"
        )
    numbers = [
        f"root mean square {t.statistics[0, 0, -1]:.4g}, "
        f"median {t.statistics[0, 0, 4]:.4g}"
        for t in (before, after)
    ]
    return f"the model's input differs already: {numbers[0]} recorded; {numbers[1]} now"


def _call_lines(a: Call, b: Call, *, took: bool, last: str) -> list[str]:
    if not took:
        return [
            (
                f"what {a.title} takes differs, though {last} and all before agree: look "
                "at the code between them"
            )
        ]
    weights = "same weights" if a.weights == b.weights else "weights changed"
    lines = [
        f"same input, {weights if a.weights else 'no weights'}; first differs at {a.title}"
    ]
    if (a.kind, a.settings) != (b.kind, b.settings):
        lines.append(f"it was {_shown(a)} and is {_shown(b)}")
    if a.training != b.training:
        lines.append(f"it was in {_mode(a)} mode and is in {_mode(b)} mode")
    if (a.dtypes[1], a.shapes[1]) != (b.dtypes[1], b.shapes[1]):
        lines.append(
            f"it gave {a.dtypes[1]} {list(a.shapes[1])} and gives {b.dtypes[1]} "
            f"{list(b.shapes[1])}"
        )
    return lines


def _mode(call: Call) -> str:
    return "train" if call.training else "eval"


def _other_lines(
    before: Trace,
    after: Trace,
    pairs: Sequence[Pair],
    first: str | None,
) -> list[str]:
    """Say what else changed, besides the module that was named already."""
    modes, settings = {}, {}
    for i, j in pairs:
        if i is None or j is None:
            continue
        a, b = before.calls[i], after.calls[j]
        if a.name in ("", first):
            continue
        if a.training != b.training:
            modes[a.name] = f"now in {_mode(b)} mode"
        if (a.kind, a.settings) != (b.kind, b.settings):
            settings[a.name] = f"{_shown(a)} is {_shown(b)}"
    lines = []
    if modes:
        names = ", ".join(f"`{name}`" for name in list(modes)[:5])
        more = f" and {len(modes) - 5} more" if len(modes) > 5 else ""
        lines.append(f"also {next(iter(modes.values()))}: {names}{more}")
    lines += [f"also changed: {words}" for words in list(settings.values())[:5]]
    return lines
