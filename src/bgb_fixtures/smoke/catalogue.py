"""Names of the checks, what each one verifies, and which failures explain which.

Invariant: this module imports nothing. Checks are in the order of a run, and each comes
after every check that can explain its failure.
"""

from __future__ import annotations

__all__ = ["CAN_SKIP", "CAUSES", "NEEDED", "SENTENCES", "WARM"]

SENTENCES = {
    "build": "the factory returns a torch module or another callable",
    "shape": (
        "the model returns one logit, or one per class, per sample, step or window"
    ),
    "loss": "your loss (--loss) is finite, falls when ictal scores rise, follows each "
    "sample's own label, and can become small",
    "finite": "output and loss are finite, in training and in eval mode; the first "
    "module that makes a NaN or Inf is named",
    "repeat": "in eval mode, the same input gives the same output twice, and is not "
    "modified",
    "batch": "in eval mode, the output for a window depends on that window only",
    "single": "a window alone gives the same output as in a larger batch",
    "scale": "outputs change with the input at the amplitude of the fixture; volts "
    "instead of microvolts, values times 1000 and flat channels give no NaN",
    "windows": "different windows give different outputs",
    "gradients": "every parameter gets a finite, non-zero gradient; unused and frozen "
    "ones are named by module",
    "update": "a training step changes every parameter with a gradient, and keeps it "
    "finite",
    "logits": "the outputs are logits: on both sides of zero, not probabilities, and "
    "not normalised over time or over the batch",
    "channels": "every channel affects the output, and so does their order",
    "alignment": "a change of the input at one time changes the output at that time, "
    "not seconds away",
    "learns": "a few steps overfit a few clips around seizures: ictal scores rise "
    "above background, and fit the labels better than labels shifted by "
    "seconds",
    "lengths": "other window lengths, if the model accepts them, give outputs of "
    "matching length",
    "state": (
        "the state dict and the checkpoint hold everything that the output depends on"
    ),
    "device": (
        "on a GPU: half precision gives finite output, and the CPU gives the same "
        "output"
    ),
    "cost": "time and memory for a whole window are reported",
    "step": "your training step (--step) changes every trainable parameter, clears "
    "old gradients, runs in training mode, gives the model the windows and "
    "channels that the labels belong to, and lowers its loss",
}
"""Name of a check -> what holds for a detector that passes it."""

NEEDED = ("build", "shape")
"""Checks without which no other can run."""

_UNSTEADY = ("finite", "repeat", "batch", "single")
CAUSES: dict[str, tuple[str, ...]] = {
    "build": (),
    "shape": (),
    "loss": (),
    "finite": ("loss",),
    "repeat": ("finite",),
    "batch": ("finite", "repeat"),
    "single": ("finite", "repeat", "batch"),
    "scale": ("finite", "repeat"),
    "windows": (*_UNSTEADY, "scale"),
    "gradients": ("loss", "finite", "windows"),
    "update": ("loss", "finite", "windows", "gradients"),
    "logits": (*_UNSTEADY, "windows", "gradients"),
    "channels": (*_UNSTEADY, "scale", "windows"),
    "alignment": (*_UNSTEADY, "scale", "windows"),
    "learns": (
        "loss", *_UNSTEADY, "scale", "windows", "gradients", "update", "logits", "channels",
        "alignment",
    ),
    "lengths": ("finite",),
    "state": (*_UNSTEADY,),
    "device": (*_UNSTEADY,),
    "cost": ("finite", "single", "gradients"),
    "step": ("loss", "finite", "single", "windows", "gradients"),
}  # fmt: skip
"""Name of a check -> the checks whose failure explains a failure of this one.

One fault makes many checks fail. Only the first of them, the cause, counts as failed;
the others are consequences and are skipped.
"""

WARM = frozenset(
    ("scale", "windows", "update", "logits", "batch", "channels", "alignment", "state")
)
"""Checks that use the model after a few training steps, which `gradients` runs."""

CAN_SKIP = tuple(name for name in SENTENCES if name not in NEEDED)
"""Checks that the user may skip."""
