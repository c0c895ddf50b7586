"""How the step size and the momentum move over a run.

The one-cycle schedule is that of Smith, "A disciplined approach to neural network hyper-parameters:
part 1", 2018, with half cosines instead of straight lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], tuple[float, float]]
"""From the number of a step (0, 1, …) to its learning rate and momentum."""

WARM_UP = 0.25
"""Share of the steps in which the learning rate rises."""
START_DIVISOR = 25.0
END_DIVISOR = 1e5
HIGH_MOMENTUM, LOW_MOMENTUM = 0.95, 0.85


def one_cycle(peak: float, n_steps: int) -> Schedule:
    """Learning rate peak/25 → peak → peak/100,000, momentum 0.95 → 0.85 → 0.95, by half cosines.

    Few steps at the peak find a wide valley; the long way down settles in it, so the last epoch is
    normally the best.
    """
    rising = WARM_UP * n_steps

    def at(step: int) -> tuple[float, float]:
        if step < rising:
            share = step / rising
            return _cosine(peak / START_DIVISOR, peak, share), _cosine(HIGH_MOMENTUM, LOW_MOMENTUM, share)
        share = (step - rising) / (n_steps - rising)
        return _cosine(peak, peak / END_DIVISOR, share), _cosine(LOW_MOMENTUM, HIGH_MOMENTUM, share)

    return at


def constant(learning_rate: float, momentum: float) -> Schedule:
    """The same values at every step."""
    return lambda step: (learning_rate, momentum)


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` (share 0) to `end` (share 1) along half a cosine."""
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))
