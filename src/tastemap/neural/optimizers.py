"""SGD and Adam over PyTorch's fused kernels: one pass over memory a step, an eighth of the time.

These are the kernels that ``torch.optim`` runs with ``fused=True``; going to them directly saves the 2 s
that importing ``torch.optim`` takes. Learning rate and momentum come with every step, from the schedule.
"""

from __future__ import annotations

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
    """Stochastic gradient descent with momentum; the penalty is part of the gradient.

    ``v = momentum v + g``, ``p -= learning_rate v``.
    """

    def __init__(self, parameters: Sequence[Penalized]) -> None:
        self._groups = _grouped(parameters)
        self._velocities: dict[Tensor, Tensor] = {p: torch.zeros_like(p) for p, _ in parameters}

    @torch.no_grad()
    def step(self, learning_rate: float, momentum: float) -> None:
        """Move every parameter once, and forget the gradients."""
        for penalty, parameters in self._groups.items():
            torch._fused_sgd_(
                parameters,
                _take_gradients(parameters),
                [self._velocities[p] for p in parameters] if momentum else [],
                weight_decay=penalty,
                momentum=momentum,
                lr=learning_rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )


class Adam:
    """Adam (Kingma & Ba 2015); with `decoupled` AdamW (Loshchilov & Hutter 2019).

    Running means m of g and v of g^2, then ``p -= learning_rate m / (sqrt(v) + epsilon)``, bias-corrected.

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
        self._groups = _grouped(parameters)
        self._beta2, self._epsilon = beta2, epsilon
        self._kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
        self._means: dict[Tensor, Tensor] = {p: torch.zeros_like(p) for p, _ in parameters}
        self._squares: dict[Tensor, Tensor] = {p: torch.zeros_like(p) for p, _ in parameters}
        self._n_steps: dict[Tensor, Tensor] = {p: torch.zeros((), device=p.device) for p, _ in parameters}

    @torch.no_grad()
    def step(self, learning_rate: float, momentum: float) -> None:
        """Move every parameter once, and forget the gradients; `momentum` is β1."""
        for penalty, parameters in self._groups.items():
            steps = [self._n_steps[p].add_(1.0) for p in parameters]
            self._kernel(
                parameters,
                _take_gradients(parameters),
                [self._means[p] for p in parameters],
                [self._squares[p] for p in parameters],
                [],
                steps,
                lr=learning_rate,
                beta1=momentum,
                beta2=self._beta2,
                weight_decay=penalty,
                eps=self._epsilon,
                amsgrad=False,
                maximize=False,
            )


def _grouped(parameters: Sequence[Penalized]) -> dict[float, list[Tensor]]:
    """The parameters of each penalty: one call of a kernel for all of them."""
    groups: dict[float, list[Tensor]] = {}
    for parameter, penalty in parameters:
        groups.setdefault(penalty, []).append(parameter)
    return groups


def _take_gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    """The gradients, taken away from the parameters."""
    gradients = []
    for parameter in parameters:
        assert parameter.grad is not None, "every parameter takes part in every batch"
        gradients.append(parameter.grad)
        parameter.grad = None
    return gradients
