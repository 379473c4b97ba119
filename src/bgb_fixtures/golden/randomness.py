"""Check whether a model returns the same output in a second run.

Invariant: the random generators of the process are left in their original state.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bgb_fixtures.golden.compare import compare_goldens
from bgb_fixtures.golden.record import run_model
from bgb_fixtures.golden.report import first_difference_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.golden.compare import Comparison
    from bgb_fixtures.golden.content import Golden

__all__ = ["Randomness", "find_randomness"]

_SEED = 1
"""Differs from 0, the seed with which models are created and run."""


class Randomness:
    """The difference between two runs of a model.

    `by_seed` is true if the same seed gives the same output, and `by_weights` if a new
    instance of the model has different weights.
    """

    def __init__(
        self, comparison: Comparison, *, by_seed: bool, by_weights: bool
    ) -> None:
        self._comparison = comparison
        self.by_seed = by_seed
        self.by_weights = by_weights

    def __str__(self) -> str:
        """Return a sentence that names the first module that differs."""
        change = self._comparison.changes[0]
        differs = ""
        if change.far is not None:
            n_far = int(change.far.sum())
            differs = f" ({change.key!r}: {n_far} of {change.far.size} values)"
        first = first_difference_of(self._comparison)
        if self.by_weights and first is not None:
            return (
                "the weights are random: two models created with the same seed "
                f"differ: {first.lines[0]}. Draw the weights from the seeded "
                "generators of random, numpy or torch"
            )
        if self.by_seed:
            what = (
                f"the output is random: a run with another random seed differs{differs}"
            )
        else:
            what = (
                "the output is not repeatable: runs with the same random seed differ"
                f"{differs}; does the model keep state between calls?"
            )
        if first is None:
            return what
        training = any(
            call.training and call.name == first.module
            for trace in (self._comparison.obtained.trace,)
            if trace is not None
            for call in trace.calls
        )
        hint = f". `{first.module}` is in train mode: call model.eval()" * training
        return f"{what}; {first.lines[1]}{hint}"


def find_randomness(
    make: Callable[[], Callable[..., Any]],
    fixture: Fixture,
    first: Golden,
    *,
    batch_size: int,
    keep: Sequence[str] | None,
    remakes: bool = False,
) -> Randomness | None:
    """Run the first batch again with another seed; return None if the output is equal.

    `make` returns the model to run; `remakes` states whether it creates a new one each
    time.
    """
    from bgb_fixtures.smoke.snapshot import kept_random_state, set_seed

    n_windows = min(batch_size, len(fixture))
    windows = fixture.take(range(n_windows))

    def run() -> Golden:
        model = make()
        set_seed(_SEED)
        return run_model(
            model,
            windows,
            name=first.name,
            batch_size=batch_size,
            keep=keep,
            layout=first.layout,
        )

    with kept_random_state():
        second = run()
        comparison = compare_goldens(_first_rows(first, second), second)
        if comparison.equal:
            return None
        begun = first_difference_of(comparison)
        return Randomness(
            comparison,
            by_seed=compare_goldens(second, run()).equal,
            # A model that is reused may have updated its buffers in the first run.
            by_weights=remakes and begun is not None and bool(begun.weights_changed),
        )


def _first_rows(golden: Golden, shorter: Golden) -> Golden:
    """Return a golden whose outputs are cut to the number of rows in a shorter one."""
    outputs = {}
    for key, output in golden.outputs.items():
        other = shorter.outputs.get(key)
        rows = output.array
        if other is not None and rows.ndim and other.array.ndim:
            rows = rows[: len(other.array)]
        outputs[key] = replace(output, array=rows)
    return replace(golden, outputs=outputs, fixture=shorter.fixture)
