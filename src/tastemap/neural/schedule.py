"""How the step size and the momentum move over a run.

The one-cycle schedule is that of Smith, "A disciplined approach to neural network hyper-parameters:
part 1", 2018, with half cosines instead of straight lines; cosine restarts are those of Loshchilov and
Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tastemap.models.neural_config import NeuralConfig

Schedule = Callable[[int], tuple[float, float]]
"""From the number of a step (0, 1, …) to its learning rate and momentum."""

WARM_UP = 0.25
"""Share of the steps of one-cycle in which the learning rate rises."""
START_DIVISOR = 25.0
END_DIVISOR = 1e5
HIGH_MOMENTUM, LOW_MOMENTUM = 0.95, 0.85


def make_schedule(config: NeuralConfig, steps_per_epoch: int) -> Schedule:
    """The schedule that the settings name."""
    if config.schedule == "one-cycle":
        return one_cycle(config.learning_rate, config.n_epochs * steps_per_epoch)
    rate = _rate_of_epoch(config)
    warm_up = config.warm_up_epochs * steps_per_epoch

    def at(step: int) -> tuple[float, float]:
        rising = min(1.0, (step + 1) / warm_up) if warm_up else 1.0
        return rising * rate(step / steps_per_epoch), config.momentum

    return at


def one_cycle(peak: float, n_steps: int) -> Schedule:
    """Learning rate peak/25 → peak → peak/100,000, momentum 0.95 → 0.85 → 0.95, by half cosines.

    The last step is one short of that end, so its rate lies a bit above peak/100,000.

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


def _rate_of_epoch(config: NeuralConfig) -> Callable[[float], float]:
    """The learning rate by the epochs that have passed, parts of one included."""
    if config.schedule == "steps":
        rates = (config.learning_rate, *config.step_rates)
        return lambda passed: rates[bisect_right(config.step_epochs, passed)]
    if config.schedule == "cosine-restarts":
        return lambda passed: _cosine(config.learning_rate, 0.0, _share_of_cycle(config.cycle_epochs, passed))
    return lambda passed: config.learning_rate


def _share_of_cycle(lengths: Sequence[int], passed: float) -> float:
    """How much of the present cycle has passed; the last length repeats."""
    for length in lengths[:-1]:
        if passed < length:
            return passed / length
        passed -= length
    return passed % lengths[-1] / lengths[-1]


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` (share 0) to `end` (share 1) along half a cosine."""
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))
