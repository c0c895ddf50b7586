r"""The users of a :class:`tastemap.models.network.Network` whom a history makes without one of its entries.

Without entry j the loss of a history is

.. math:: L_j(x) = \tfrac{1}{2} \sum_{i \in S \setminus j} (f(s(x, y_i)) - r_i)^2
          + \tfrac{1}{2} \lambda_{S \setminus j} \lVert x - \bar x \rVert^2 .

These minima lie near that of the whole history, so they are looked for together, by steps that share the
Gauss-Newton matrix H there, a_j the slopes of entry j (Sherman and Morrison 1950):

.. math:: x_j \leftarrow x_j - t_j \, (H - a_j a_j^\top)^{-1} \nabla L_j(x_j) .

The matrix stays, the gradients are new in each step: past a kink of the layers the first step points elsewhere,
and the next ones mend that for the price of a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.types import Float64Array, IntArray

if TYPE_CHECKING:
    from tastemap.models.network_history import HistoryProblem

STEPS = 5
MOST_HALVINGS = 8
BLOCK_VALUES = 2**17
"""Hidden values of a layer that are worked at once; they stay in the processor's cache."""


def without_each(problem: HistoryProblem, inputs: Float64Array, entries: IntArray) -> Float64Array:
    """Minimisers with one entry of the history taken away, shape (b, p), float64, a row for each of `entries`.

    Parameters
    ----------
    problem : HistoryProblem
        Of s >= 2 entries.
    inputs : array of shape (p,), float64
        The minimiser of the whole history.
    entries : array of shape (b,)
        Which entry to take away, as a place in the history.

    Notes
    -----
    Cost O(b s h) for each of at most :data:`STEPS` steps, h all hidden values, and O(s p^2 + p^3) once.
    """
    left_out = _LeftOut(problem, inputs)
    widest = max(len(layer.offsets) for layer in problem.model.layers)
    n_rows = max(1, BLOCK_VALUES // (len(problem.items) * widest))
    blocks = [left_out.descend(entries[at : at + n_rows]) for at in range(0, len(entries), n_rows)]
    return np.vstack(blocks)


@dataclass(frozen=True, eq=False)
class _LeftOut:
    """The losses L_j around the minimum of the whole history."""

    problem: HistoryProblem
    inputs: Float64Array

    @cached_property
    def penalty(self) -> float:
        """λ of a history that is shorter by one."""
        model = self.problem.model
        shorter = np.array([len(self.problem.items) - 1])
        return float(model.user_loss.factor_penalty(shorter, model.n_items)[0])

    @cached_property
    def residual(self) -> Float64Array:
        """Predicted less actual ratings, shape (s,)."""
        return self.problem.linearized(self.inputs)[0]

    @cached_property
    def slopes(self) -> Float64Array:
        """Derivatives a of the predictions, shape (s, p)."""
        return self.problem.linearized(self.inputs)[1]

    @cached_property
    def hessian(self) -> Float64Array:
        """H, shape (p, p), with the penalty of the shorter history."""
        return self.slopes.T @ self.slopes + self.penalty * np.eye(len(self.inputs))

    @cached_property
    def solved_slopes(self) -> Float64Array:
        """Rows ``H^-1 a_j``, shape (s, p)."""
        return self._solve(self.slopes)

    def descend(self, entries: IntArray) -> Float64Array:
        """:data:`STEPS` steps for each of b left-out entries, shape (b, p).

        A step is halved until the loss falls; where it does not, the search has ended.
        """
        found = np.tile(self.inputs, (len(entries), 1))
        loss, gradient = self.start(entries)
        moving = np.arange(len(entries))
        for _ in range(STEPS):
            step = self.newton_step(gradient[moving], entries[moving])
            left = moving
            for _ in range(MOST_HALVINGS):
                proposed = found[left] + step
                new_loss, new_gradient = self.expansion(proposed, entries[left])
                falls = new_loss < loss[left]
                moved = left[falls]
                found[moved], loss[moved], gradient[moved] = (
                    proposed[falls],
                    new_loss[falls],
                    new_gradient[falls],
                )
                left, step = left[~falls], 0.5 * step[~falls]
                if not len(left):
                    break
            moving = np.setdiff1d(moving, left)
            if not len(moving):
                break
        return found

    def start(self, entries: IntArray) -> tuple[Float64Array, Float64Array]:
        """L_j at the minimum of the whole history, shape (b,), and their gradients, shape (b, p)."""
        away = self.inputs - self.problem.model.mean_user
        taken = self.residual[entries]
        loss = 0.5 * (self.residual @ self.residual - taken**2 + self.penalty * (away @ away))
        whole = self.slopes.T @ self.residual + self.penalty * away
        return loss, whole - taken[:, None] * self.slopes[entries]

    def newton_step(self, gradient: Float64Array, entries: IntArray) -> Float64Array:
        """``-(H - a_j a_j')^-1 g_j`` for gradients g, shape (b, p)."""
        solved, slopes = self.solved_slopes[entries], self.slopes[entries]  # (b, p)
        leverage = (slopes * solved).sum(axis=1)  # (b,), below 1, since the penalty is positive
        plain = self._solve(gradient)
        share = (slopes * plain).sum(axis=1) / (1.0 - leverage)
        step: Float64Array = -(plain + solved * share[:, None])
        return step

    def expansion(self, inputs: Float64Array, entries: IntArray) -> tuple[Float64Array, Float64Array]:
        """L_j at user inputs (b, p), shape (b,), and their gradients (b, p), by backpropagation."""
        model, items = self.problem.model, self.problem.items
        user_part = model.gated(inputs) @ model.user_weights.T  # (b, h)
        hidden = user_part[:, None, :] + model.item_part[items]  # (b, s, h)
        gates = []
        for weights, offsets in model.later_layers:
            gates.append(hidden > 0.0)
            hidden = np.maximum(hidden, 0.0, out=hidden) @ weights.T + offsets  # (b, s, h_out)
        products = model.item_products[items]  # (s, m)
        score = hidden[:, :, 0] + inputs[:, : model.n_products] @ products.T  # (b, s)
        residual = model.link.apply(score) - self.problem.values
        residual[np.arange(len(entries)), entries] = 0.0
        away = inputs - model.mean_user
        loss = 0.5 * ((residual**2).sum(axis=1) + self.penalty * (away**2).sum(axis=1))
        at_score = residual * model.link.slope(score)  # (b, s)
        pull = at_score[:, :, None]
        for (weights, _), gate in zip(model.later_layers[:0:-1], gates[:0:-1], strict=True):
            pull = (pull @ weights) * gate  # (b, s, h_in)
        if len(gates) == 1:  # a matrix product adds up over the entries, several times faster
            total = (at_score[:, None, :] @ gates[0].astype(np.float64))[:, 0] * model.later_layers[0][0][0]
        else:
            total = ((pull @ model.later_layers[0][0]) * gates[0]).sum(axis=1)
        gradient = total @ model.user_weights
        if model.input_relu:
            gradient *= inputs > 0.0
        gradient[:, : model.n_products] += at_score @ products
        return loss, gradient + self.penalty * away

    def _solve(self, right: Float64Array) -> Float64Array:
        return np.asarray(np.linalg.solve(self.hessian, right.T).T, np.float64)
