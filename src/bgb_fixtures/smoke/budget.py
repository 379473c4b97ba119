"""Duration of passes and training steps, and how many fit into the time limit.

Invariant: a check of a slow model does less, or is skipped with the reason. A check
fails because of its duration only if it hangs.
"""

from __future__ import annotations

from bgb_fixtures.smoke.report import Skipped

__all__ = ["Budget"]

SHORT = 0.1
LONG = 0.4
"""Shares of the time limit planned for a check without and with training."""
BACKWARD = 4
"""A backward pass takes about as long as this many forward passes."""
PARAMETER_S = 2e-8
"""Seconds to step a parameter, on one core."""
SLOW = 1 / 30
"""Share of the time limit for one window above which a long check is not a hang."""


class Budget:
    """Plan based on the measured seconds of a forward pass, per window and per clip.

    `step_s` is the duration of a training step in seconds; 0 until one was measured.
    """

    def __init__(self, *, time_limit: float, n_parameters: int) -> None:
        self.time_limit = time_limit
        self.short_s = SHORT * time_limit
        self.long_s = LONG * time_limit
        self.window_s = self.clip_s = self.step_s = 0.0
        self._n_parameters = n_parameters

    @property
    def is_slow(self) -> bool:
        """Whether a check may take its time limit without hanging."""
        return self.window_s > SLOW * self.time_limit

    def n_rows(self, passes: int, *, least: int, each_s: float) -> int:
        """Return how many windows, at most three, a check has time for."""
        n_rows = min(3, int(self.short_s / max(passes * each_s, 1e-9)))
        if n_rows < least:
            self.skip("pass", passes * least, each_s, self.short_s)
        return n_rows

    def expect_step(self, n_clips: int) -> float:
        """Estimate the duration in seconds of a training step with `n_clips` clips."""
        passes = (1 + BACKWARD) * n_clips * self.clip_s
        return passes + PARAMETER_S * self._n_parameters

    def n_clips(self, choices: tuple[int, ...], *, per_clip: int) -> int:
        """Return the first of `choices`, times `per_clip` clips, that is fast enough.

        The last choice may take longer; if it takes too long, the check is skipped.
        """
        for choice in choices:
            if self.expect_step(choice * per_clip) <= 2 * self.short_s:
                return choice
        step_s = self.expect_step(choices[-1] * per_clip)
        if step_s > self.long_s:
            self.skip("training step", 1, step_s, self.long_s)
        return choices[-1]

    def n_steps(self, most: int, *, least: int, expected_s: float) -> int:
        """Return how many training steps, at most `most`, a check has time for."""
        step_s = self.step_s or expected_s
        n_steps = min(most, int(self.long_s / max(step_s, 1e-9)))
        if n_steps < least:
            self.skip("training step", least, step_s, self.long_s)
        return n_steps

    def skip(self, what: str, count: int, each_s: float, planned_s: float) -> None:
        """Skip the check: it has no time for `count` passes or steps of `each_s`."""
        many = (
            f"{count} {what}{'es' if what.endswith('s') else 's'}"
            if count > 1
            else f"one {what}"
        )
        msg = (
            f"too slow: {many} of {each_s:.2g} s would take longer than the "
            f"{planned_s:g} s planned for this check; raise --time-limit"
        )
        raise Skipped(msg)
