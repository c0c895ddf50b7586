r"""What a history says of a user of a :class:`tastemap.models.network.Network`: the loss and its minimum.

.. math:: \sum_{i \in S} (r_i - f(s(x, y_i)))^2 + \lambda_u \lVert x - \bar x \rVert^2

over the user's inputs x, items and layers fixed; :math:`\bar x` is the mean user. Gauss-Newton steps reach it
in a handful of small solves where a gradient method needs a hundred evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.types import Float64Array, IntArray

if TYPE_CHECKING:
    from tastemap.models.network import Network

MOST_STEPS = 20
MOST_HALVINGS = 5
CONVERGED = 1e-4
"""Share of the loss by which a step must lower it for another one to follow."""


@dataclass(frozen=True, eq=False)
class HistoryProblem:
    """The loss above for one history.

    Parameters
    ----------
    model : Network
    items : array of shape (s,)
    values : array of shape (s,), float64
        Ratings in stars.
    """

    model: Network
    items: IntArray
    values: Float64Array

    def solve(self, start: Float64Array | None = None) -> Float64Array:
        """The minimiser, shape (p,), by Gauss-Newton from the mean user or `start`; a local one.

        A step is halved until the loss falls; the search ends where it no longer does.
        """
        current = self.model.mean_user.astype(np.float64) if start is None else start
        if not len(self.items):
            return self.model.mean_user.astype(np.float64)
        loss, gradient, hessian = self.expansion(current)
        for _ in range(MOST_STEPS):
            step = -np.linalg.solve(hessian, gradient)
            for _ in range(MOST_HALVINGS):
                proposed = current + step
                new_loss, new_gradient, new_hessian = self.expansion(proposed)
                if new_loss <= loss:
                    break
                step *= 0.5
            else:
                return current
            fell = loss - new_loss
            current, loss, gradient, hessian = proposed, new_loss, new_gradient, new_hessian
            if fell <= CONVERGED * loss:
                break
        return current

    def without_each(self, inputs: Float64Array) -> Float64Array:
        """Minimisers with one entry of the history taken away, shape (s, p), one step from the whole minimum.

        Without entry j the gradient is ``-r_j a_j`` and the Gauss-Newton matrix ``H - a_j a_j'``, so the step
        is ``H^-1 a_j r_j / (1 - a_j' H^-1 a_j)`` (Sherman and Morrison 1950). Kinks make it rough:
        :func:`tastemap.models.network_without.without_each` goes on for chosen entries.
        """
        if len(self.items) < 2:  # nothing is left, and the user is the mean one
            return np.tile(self.model.mean_user.astype(np.float64), (len(self.items), 1))
        residual, slopes = self.linearized(inputs)  # (s,), (s, p)
        hessian = self.expansion(inputs)[2]
        moves = np.linalg.solve(hessian, slopes.T).T  # (s, p)
        leverage = np.einsum("sp,sp->s", slopes, moves)  # below 1, since the penalty is positive
        others: Float64Array = inputs + moves * (residual / (1.0 - leverage))[:, None]
        return others

    def expansion(self, inputs: Float64Array) -> tuple[float, Float64Array, Float64Array]:
        """Half the loss at user inputs (p,), its gradient (p,) and its Gauss-Newton matrix (p, p)."""
        residual, slopes = self.linearized(inputs)
        lengths = np.array([len(self.items)])
        penalty = self.model.user_loss.factor_penalty(lengths, self.model.n_items)[0]
        away = inputs - self.model.mean_user
        loss = 0.5 * float(residual @ residual + penalty * (away @ away))
        hessian = slopes.T @ slopes + penalty * np.eye(len(inputs))
        return loss, slopes.T @ residual + penalty * away, hessian

    def linearized(self, inputs: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Predicted less actual ratings (s,), and derivatives by the inputs (s, p), by backpropagation."""
        model = self.model
        hidden = model.gated(inputs) @ model.user_weights.T + model.item_part[self.items]  # (s, h)
        gates = []
        for weights, offsets in model.later_layers:
            gates.append(hidden > 0.0)
            hidden = (hidden * gates[-1]) @ weights.T + offsets  # (s, h_out)
        products = model.item_products[self.items]  # (s, m)
        score = hidden[:, 0] + products @ inputs[: model.n_products]  # (s,)
        at_score = model.link.slope(score)[:, None]  # (s, 1)
        pull = at_score
        for (weights, _), gate in zip(reversed(model.later_layers), reversed(gates), strict=True):
            pull = (pull @ weights) * gate  # (s, h_in)
        slopes = pull @ model.user_weights  # (s, p)
        if model.input_relu:
            slopes = slopes * (inputs > 0.0)
        slopes[:, : model.n_products] += at_score * products
        return model.link.apply(score) - self.values, slopes
