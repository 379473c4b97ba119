"""Search for the first module call in which two traces of a model differ.

Invariant: the reported call is the first one, in order of execution, whose input or
output is out of tolerance or that only one of the traces has.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.golden.content import Call, Trace

__all__ = ["FirstDifference", "find_first_difference"]


Pair = tuple[int | None, int | None]
# If the share of calls with equal class, settings and weights is below this, the traces
# come from two different models, not from one that was changed.
_SAME_STRUCTURE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDifference:
    """The first difference between two traces.

    `module` is the path of the first module whose output is out of tolerance or that is
    missing; it is empty if the model's input differs, and None if every traced module
    is within tolerance. `inputs_equal` and `weights_equal` describe that module.
    `weights_changed` lists all modules whose weights changed. `all_weights_changed` is
    true if the structure is the same but every module has different weights. `lines`
    are the report as text.
    """

    module: str | None
    inputs_equal: bool
    weights_equal: bool
    weights_changed: tuple[str, ...]
    all_weights_changed: bool
    lines: tuple[str, ...]


def _align(before: Trace, after: Trace) -> tuple[list[Pair], bool]:
    """Pair the calls of two traces and return whether their structure is the same.

    In a pair, None marks a call that the other trace lacks.
    """
    names = [[(c.name, c.kind) for c in t.calls] for t in (before, after)]
    if names[0] == names[1]:
        return [(i, i) for i in range(len(names[0]))], True
    # Removing a layer from a Sequential renames all later ones, so they are matched by
    # weights and settings.
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
    """Return whether the inputs (side 0) or outputs (1) of two calls are close."""
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


def find_first_difference(
    before: Trace, after: Trace, *, relative: float
) -> FirstDifference:
    """Find the first difference between a recorded trace and a new one.

    `relative` is the allowed difference, both in units of the root mean square of a
    tensor and relative to each value.
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
            f"this is a different model: {len(before.calls)} module calls recorded, "
            f"{len(after.calls)} now, most of them different"
        )
        lines = [words, *lines]
    with_weights = {call.name for call in before.calls if call.weights}
    return FirstDifference(
        module=module,
        inputs_equal=inputs_equal,
        weights_equal=weights_equal,
        weights_changed=weights_changed,
        all_weights_changed=same_structure
        and bool(with_weights)
        and with_weights == set(weights_changed),
        lines=tuple(lines),
    )


def _weights_lines(changed: Sequence[str], before: Trace) -> list[str]:
    n_modules = len({call.name for call in before.calls if call.weights})
    modules = f"module{'s' * (n_modules != 1)} with weights"
    if not changed:
        return [f"same weights in all {n_modules} {modules}"]
    names = ", ".join(f"`{name}`" for name in changed[:5])
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    return [f"weights changed: {names}{more} (of {n_modules} {modules})"]


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
            words = f"{_shown(call)} ran when recorded and no longer runs"
            return call.name, True, True, [words]
        if i is None and j is not None:
            call = after.calls[j]
            words = f"{_shown(call)} runs now and did not when recorded"
            return call.name, True, True, [words]
        if i is None or j is None:
            continue
        a, b = before.calls[i], after.calls[j]
        same_input = _side_equal(before, after, (i, j), 0, relative)
        if same_input and _side_equal(before, after, (i, j), 1, relative):
            last = a.title
            continue
        if not a.name:
            return "", False, True, [_input_words(before, after)]
        return (
            a.name,
            same_input,
            a.weights == b.weights,
            _call_lines(a, b, same_input=same_input, last=last),
        )
    words = "the output of every traced module is within tolerance"
    if max(before.n_calls, after.n_calls) > len(pairs):
        words = (
            f"the outputs of the first {len(pairs)} of {before.n_calls} calls are within "
            "tolerance"
        )
    words += "; the difference arises after them, or in windows that were not traced"
    return None, True, True, [words]


def _shown(call: Call) -> str:
    settings = f"({call.settings})" if call.settings else ""
    return f"`{call.name}` ({call.kind}{settings})"


def _input_words(before: Trace, after: Trace) -> str:
    a, b = before.calls[0], after.calls[0]
    if (a.dtypes[0], a.shapes[0]) != (b.dtypes[0], b.shapes[0]):
        return (
            f"the model's input already differs: {a.dtypes[0]} {list(a.shapes[0])} "
            f"recorded, {b.dtypes[0]} {list(b.shapes[0])} now"
        )
    numbers = [
        f"root mean square {t.statistics[0, 0, -1]:.4g}, "
        f"median {t.statistics[0, 0, 4]:.4g}"
        for t in (before, after)
    ]
    return f"the model's input already differs: {numbers[0]} recorded; {numbers[1]} now"


def _call_lines(a: Call, b: Call, *, same_input: bool, last: str) -> list[str]:
    if not same_input:
        return [
            (
                f"the input to {a.title} differs, but {last} and every earlier output are "
                "unchanged: look at the code between them"
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
            f"it returned {a.dtypes[1]} {list(a.shapes[1])} and now returns "
            f"{b.dtypes[1]} {list(b.shapes[1])}"
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
    """Describe other changes than in the module `first`."""
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
