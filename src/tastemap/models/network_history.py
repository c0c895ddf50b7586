r"""What a history says of a user of a :class:`tastemap.models.network.Network`: the loss and its minimum.

.. math:: \sum_{i \in S} (r_i - f(g(x, y_i)))^2 + \lambda_u \lVert x - \bar x \rVert^2

over the user's inputs x, items and layers fixed; :math:`\bar x` is the mean user.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.types import Float64Array, IntArray

if TYPE_CHECKING:
    from tastemap.models.network import Network

MOST_STEPS = 200
CONVERGED = 1e-6
"""Largest entry of the gradient, in squared stars, at which a minimum is accepted."""


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

    def without(self, entry: int) -> HistoryProblem:
        """The problem with one entry of the history taken away."""
        return replace(self, items=np.delete(self.items, entry), values=np.delete(self.values, entry))

    def solve(self, start: Float64Array | None = None) -> Float64Array:
        """The minimiser, shape (p,), by L-BFGS from the mean user or `start`; a local one."""
        mean = self.model.mean_user.astype(np.float64)
        if not len(self.items):
            return mean
        from scipy.optimize import minimize  # here, since the import takes a third of a second

        found = minimize(
            self.loss_and_gradient,
            mean if start is None else start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": MOST_STEPS, "gtol": CONVERGED, "ftol": 1e-14},
        )
        solution: Float64Array = found.x
        return solution

    def loss_and_gradient(self, inputs: Float64Array) -> tuple[float, Float64Array]:
        """The loss at user inputs (p,), and its gradient (p,)."""
        model = self.model
        penalty = model.user_loss.row_penalty(np.array([len(self.items)]), model.n_items, 1)[0, 0]
        away = inputs - model.mean_user
        errors, gradient = self._errors(inputs)
        return errors + float(penalty * (away @ away)), gradient + 2.0 * penalty * away

    def fit_gradient(self, inputs: Float64Array) -> Float64Array:
        """The gradient of the squared errors alone, shape (p,)."""
        return self._errors(inputs)[1]

    def _errors(self, inputs: Float64Array) -> tuple[float, Float64Array]:
        """The sum of squared errors and its gradient, by backpropagation."""
        model = self.model
        user_weights = model.layers[0].weights[:, : model.n_user_inputs].astype(np.float64)  # (h, p)
        hidden = model.gated(inputs) @ user_weights.T + model.item_part[self.items]  # (s, h)
        gates = []
        for layer in model.layers[1:]:
            gates.append(hidden > 0.0)
            hidden = (hidden * gates[-1]) @ layer.weights.T.astype(np.float64) + layer.offsets  # (s, h_out)
        score = hidden[:, 0]  # (s,)
        residual = model.link.apply(score) - self.values
        pull = (2.0 * residual * model.link.slope(score))[:, None]  # (s, 1)
        for layer, gate in zip(reversed(model.layers[1:]), reversed(gates), strict=True):
            pull = (pull @ layer.weights.astype(np.float64)) * gate  # (s, h_in)
        gradient = pull.sum(axis=0) @ user_weights  # (p,)
        return float(residual @ residual), gradient * (inputs > 0.0) if model.input_relu else gradient
