"""SGD and Adam, written out: a page to read, and no waiting for what ``torch.optim`` imports (2 s).

Both match their namesakes in ``torch.optim`` to rounding. Learning rate and momentum come with every
step, from the schedule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

Penalized = tuple[nn.Parameter, float]
"""A parameter and its penalty: λ of ``λ/2 p^2`` in the loss, or a decoupled decay."""


class Optimizer(Protocol):
    """Moves parameters along their gradients."""

    def step(self, learning_rate: float, momentum: float) -> None:
        """Move every parameter once, and forget the gradients."""


class SGD:
    """Stochastic gradient descent with momentum; the penalty is part of the gradient."""

    def __init__(self, parameters: Sequence[Penalized]) -> None:
        self._parameters = parameters
        self._velocities = [torch.zeros_like(p) for p, _ in parameters]

    @torch.no_grad()
    def step(self, learning_rate: float, momentum: float) -> None:
        """``v = momentum v + g``, ``p -= learning_rate v``."""
        for (p, penalty), v in zip(self._parameters, self._velocities, strict=True):
            v.mul_(momentum).add_(_gradient(p, penalty))
            p.sub_(v, alpha=learning_rate)


class Adam:
    """Adam (Kingma & Ba 2015); with `decoupled` AdamW (Loshchilov & Hutter 2019).

    Parameters
    ----------
    parameters : sequence of (parameter, penalty)
    beta2, epsilon : float
    decoupled : bool
        Whether the penalty shrinks parameters directly instead of joining the gradient, where the division
        by the root of ``v`` would weaken it for parameters with large gradients.
    """

    def __init__(
        self, parameters: Sequence[Penalized], *, beta2: float, epsilon: float, decoupled: bool
    ) -> None:
        self._parameters = parameters
        self._beta2, self._epsilon, self._decoupled = beta2, epsilon, decoupled
        self._means = [torch.zeros_like(p) for p, _ in parameters]
        self._squares = [torch.zeros_like(p) for p, _ in parameters]
        self._n_steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float, momentum: float) -> None:
        """Running means of g and g^2, then ``p -= learning_rate m / (sqrt(v) + epsilon)``, bias-corrected."""
        self._n_steps += 1
        size = learning_rate / (1.0 - momentum**self._n_steps)
        root = 1.0 / math.sqrt(1.0 - self._beta2**self._n_steps)
        for (p, penalty), m, v in zip(self._parameters, self._means, self._squares, strict=True):
            g = _gradient(p, 0.0 if self._decoupled else penalty)
            if self._decoupled and penalty:
                p.mul_(1.0 - learning_rate * penalty)
            m.lerp_(g, 1.0 - momentum)
            v.mul_(self._beta2).addcmul_(g, g, value=1.0 - self._beta2)
            p.addcdiv_(m, v.sqrt().mul_(root).add_(self._epsilon), value=-size)


def _gradient(parameter: nn.Parameter, penalty: float) -> Tensor:
    """The gradient of the loss plus ``penalty/2 p^2``; it is taken away from the parameter."""
    gradient = parameter.grad
    assert gradient is not None, "every parameter takes part in every batch"
    parameter.grad = None
    return gradient.add_(parameter, alpha=penalty) if penalty else gradient
