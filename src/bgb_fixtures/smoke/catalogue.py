"""Which checks there are, each in a sentence: the help of the command line.

Invariant: importing this imports nothing; the order is that of the run.
"""

from __future__ import annotations

__all__ = ["CAN_SKIP", "NEEDED", "SENTENCES"]

SENTENCES = {
    "build": "the factory gives a torch module or another callable",
    "shape": "one logit (or two, for two classes) comes out per sample or per window",
    "finite": "output and loss are finite, in training and in eval mode; the first "
    "module that makes a NaN or Inf is named",
    "gradients": "every parameter gets a finite, non-zero gradient; dead and frozen "
    "ones are named",
    "update": "parameters move with a training step, and stay finite",
    "learns": "a few steps overfit a few clips around seizures: ictal scores rise above "
    "background, and by more than labels shifted by seconds explain",
    "windows": "different windows give different output",
    "channels": "every channel matters, and so does their order",
    "alignment": "a change of the input at one time changes the output at that time, "
    "not seconds away",
    "logits": "the output is logits: on both sides of zero, not already a probability",
    "batch": "in eval mode, the output for a window depends on that window only",
    "single": "a batch of one window gives what that window gives among others",
    "repeat": "in eval mode, the same input gives the same output again, and is left "
    "as it was",
    "lengths": "other window lengths, if the model takes them, give output of their "
    "length",
    "scale": "volts for microvolts, values times 1000 and flat channels make no NaN",
    "state": "state dict and checkpoint hold all that the output depends on",
    "device": "on a GPU: half precision is finite, and the CPU gives the same output",
    "cost": "time and memory of a whole window are reported",
    "loss": "your loss (--loss) is finite, falls when ictal scores rise, follows the "
    "labels in place, and can become small",
    "step": "your training step (--step) moves every trainable parameter, forgets old "
    "gradients, shows the model what the labels are of, follows the labels in place, "
    "and lowers its loss",
}
"""Name of a check -> what it says of a model that passes."""

NEEDED = ("build", "shape")
"""Checks without which no other can run."""

CAN_SKIP = tuple(name for name in SENTENCES if name not in NEEDED)
"""Checks that may be left out."""
