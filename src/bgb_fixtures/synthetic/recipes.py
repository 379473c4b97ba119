"""The recipes by name, and the interface of a recipe."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from bgb_fixtures.synthetic import RECIPE, RECIPES
from bgb_fixtures.synthetic.streams import Streams

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.synthetic.scenario import Scenario

    Array = npt.NDArray[np.float64]

__all__ = ["Recipe", "Subject", "get_recipe", "make_subject"]


class Subject(Protocol):
    """Parameters of a subject that every recipe defines."""

    @property
    def reference(self) -> str:
        """``"AR"``, average of the 19, or ``"LE"``, mean of the ears."""

    @property
    def focus_side(self) -> str:
        """``"L"`` or ``"R"``."""

    @property
    def mains_hz(self) -> float:
        """Frequency of the power line in Hz."""

    @property
    def heart_hz(self) -> float:
        """Heart rate in Hz."""

    @property
    def floor_uv(self) -> float:
        """Deviation of the amplifier's white noise in microvolts."""


class Recipe(Protocol):
    """A version of the generator, implemented by the package of the same name."""

    def make_subject(self, streams: Streams, /) -> Subject:
        """Draw the parameters of a subject from the streams of that subject."""

    def draw(self, scenario: Scenario, subject: Subject, streams: Streams, /) -> Array:
        """Return the signal without amplifier noise in microvolts, shape (21, n_times).

        Rows are in the order of `head.ELECTRODES`, against the reference of the
        subject.
        """


def get_recipe(name: str) -> Recipe:
    """Return a recipe by its name in `bgb_fixtures.synthetic.RECIPES`."""
    number = RECIPES.index(name) + 1
    return cast("Recipe", import_module(f"bgb_fixtures.synthetic.recipe_{number}"))


def make_subject(*, seed: int, number: int, recipe: str = RECIPE) -> Subject:
    """Return the parameters of subject `number`, from 1, given by seed and recipe."""
    streams = Streams.of_seed(seed, recipe).child(f"sub-{int(number)}")
    return get_recipe(recipe).make_subject(streams)
