"""The check that a checkpoint contains everything that affects the output."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import torch

from bgb_fixtures.smoke.checks.measure import rms, same, show_difference, spread
from bgb_fixtures.smoke.limits import describe_error
from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.snapshot import set_seed

if TYPE_CHECKING:
    from bgb_fixtures.smoke.detector import Detector

__all__ = ["state"]


def state(detector: Detector) -> str:
    """Save a checkpoint, load it into an untrained model and compare the outputs."""
    if not detector.is_module or not detector.model.state_dict():
        msg = "the state dict is missing or empty"
        raise Skipped(msg)
    signals = detector.probe(passes=3)
    detector.reset_warm()
    model = detector.model
    model.eval()
    expected = detector.scores(signals)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    note = ""
    try:
        saved = torch.load(buffer, weights_only=True)
    except Exception:  # noqa: BLE001 - torch raises several kinds
        buffer.seek(0)
        saved = torch.load(buffer, weights_only=False)
        note = "; it needs weights_only=False"
    detector.reset()
    copies = [("the untrained model", model)]
    if detector.make_model is not None:
        # Use another seed, so that random values that are not saved will differ.
        set_seed(detector.seed + 1)
        copies.append(("a newly created model", detector.make_model()))
    contract = detector.known_contract()
    for what, target in copies:
        try:
            target.load_state_dict(saved)
        except Exception as error:
            reason, place = describe_error(error)
            msg = f"the checkpoint does not load into {what}: {reason}"
            raise Failed(msg, place=place) from error
        target.to(detector.device).eval()
        with torch.no_grad():
            logits = contract.output.pick(contract.run(target, signals.clone()))
            obtained = contract.output.scores(logits).double()
        difference = rms(obtained - expected) / spread(detector, expected)
        if not difference <= same(detector):
            msg = (
                f"{what} with the saved state gives other outputs (difference "
                f"{show_difference(difference)}): some state is neither a parameter nor "
                "a buffer"
            )
            raise Failed(msg)
    size = buffer.getbuffer().nbytes
    names = " and ".join(what for what, _ in copies)
    return f"saved, loaded into {names}, {size / 1e6:.2f} MB{note}"
