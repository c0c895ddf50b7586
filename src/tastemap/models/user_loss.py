r"""The loss of one user with the item side fixed, and its minimiser: what ALS alternates and fold-in solves.

With :math:`s_i = o_i + b + x^\top y_i` (offset :math:`o_i = \mu + b_i`) and the model's link f,

.. math::
    \sum_{i \in S} c_i (t_i - f(s_i))^2 + \alpha_0 \sum_{i=1}^{I} (x^\top y_i)^2
    + \lambda (n + \alpha_0 I)^p \lVert x \rVert^2 + \lambda_b b^2 .

Explicit feedback: targets are ratings, confidences 1. Implicit feedback: targets are 1, confidences
:math:`1 + \alpha r`. A link that is not linear is handled by Gauss-Newton steps, each a ridge solve.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.csr import CSR, row_numbers
from tastemap.linalg.ridge import ridge_rows
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, IntArray
from tastemap.models.base import Contributions, Link

if TYPE_CHECKING:
    from tastemap.models.factor import FactorModel

GAUSS_NEWTON_STEPS = 10
CONVERGED = 1e-5
"""A step whose largest coordinate is below this is the last one."""
SMALLEST_SLOPE = 1e-3
"""Floor for the link's derivative: a saturated sigmoid says nothing and must not divide by zero."""


@dataclass(frozen=True)
class UserLoss:
    """The constants of the loss above; kept with the model, so that fold-in uses what fitting used.

    Parameters
    ----------
    regularization : float
        λ, the weight on ``x``.
    frequency_power : float
        p: 0 gives every user the same λ, 1 scales it by the length of the history.
    bias_regularization : float or None
        λ_b, the weight on the user bias; None where the model has none.
    unobserved_weight : float
        α0, the weight of every pair, seen or not, towards 0.
    implicit : bool
        Whether targets are 1 instead of ratings.
    alpha : float
        Scale from values to confidences: ``1 + alpha * value``; implicit feedback only.
    positive_min : float or None
        Entries of a history with a lower value take no part: they are not in S. None: all are.
    """

    regularization: float
    frequency_power: float = 0.0
    bias_regularization: float | None = None
    unobserved_weight: float = 0.0
    implicit: bool = False
    alpha: float = 0.0
    positive_min: float | None = None

    def fold_in(self, model: FactorModel, history: CSR) -> tuple[Float32Array, Float32Array]:
        """The minimiser for each row of `history`; an empty row gives zeros."""
        return self.problem(model, history).solve()

    def contributions(self, model: FactorModel, history: CSR, item_index: int) -> Contributions:
        """Split the folded-in score of an item over the history (Hu et al. 2008, section 5)."""
        values = np.zeros(len(history.indices))
        values[history.reaches(self.positive_min)] = self.problem(model, history).split(
            model.item_factors[item_index]
        )
        return Contributions(model.global_bias + float(model.item_bias[item_index]), values)

    def problem(self, model: FactorModel, history: CSR) -> UserProblem:
        """What is solved for the rows of `history`."""
        history = history.at_least(self.positive_min)
        gram = model.item_gramian if self.unobserved_weight else None
        offset = model.global_bias + model.item_bias[history.indices].astype(np.float64)  # (nnz,)
        return UserProblem(self, model.link, history, offset, model.item_factors, gram)

    def confidences(self, values: FloatArray) -> Float64Array:
        """Weight of each seen pair, shape (nnz,)."""
        if not (self.implicit and self.alpha):
            return np.ones(len(values))
        return 1.0 + self.alpha * values.astype(np.float64)

    def targets(self, values: FloatArray) -> Float64Array:
        """Target of each seen pair, shape (nnz,)."""
        return np.ones(len(values)) if self.implicit else values.astype(np.float64)

    def row_penalty(self, lengths: IntArray, n_items: int, n_factors: int) -> Float64Array:
        """The diagonal penalty of each user, shape (B, d), or (B, d + 1) with a bias in the last column."""
        scale = (lengths + self.unobserved_weight * n_items).astype(np.float64) ** self.frequency_power
        penalty = np.repeat(self.regularization * scale[:, None], n_factors, axis=1)  # (B, d)
        if self.bias_regularization is None:
            return penalty
        return np.hstack([penalty, np.full((len(lengths), 1), self.bias_regularization)])

    def common_penalty(self, item_gramian: Float64Array | None, n_columns: int) -> Float64Array:
        """α0 Y'Y over the factor columns, zero elsewhere; shape (n_columns, n_columns)."""
        penalty = np.zeros((n_columns, n_columns))
        if item_gramian is not None and self.unobserved_weight:
            d = len(item_gramian)
            penalty[:d, :d] = self.unobserved_weight * item_gramian
        return penalty


@dataclass(frozen=True, eq=False)
class PriorLoss(UserLoss):
    r"""With :math:`\theta^\top \Pi\, \theta`, :math:`\theta = [x, b]`, besides: a normal prior around zero.

    Π is the precision of the prior over that of the noise: then the minimizer is the mean of the posterior.

    Parameters
    ----------
    penalty : array of shape (d + 1, d + 1), float32
        Π, symmetric, positive definite.
    """

    penalty: Float32Array = field(kw_only=True)

    def common_penalty(self, item_gramian: Float64Array | None, n_columns: int) -> Float64Array:
        """Π and α0 Y'Y, shape (d + 1, d + 1)."""
        return super().common_penalty(item_gramian, n_columns) + self.penalty


@dataclass(frozen=True, eq=False)
class UserProblem:
    """The loss for B histories at once.

    Parameters
    ----------
    loss, link
        Of the model.
    history : CSR of shape (B, I)
        What the users are solved for, all of it: `loss.positive_min` has been applied.
    offset : array of shape (nnz,), float64, or float
        What the score of each entry is without the user's side.
    item_factors : array of shape (I, d), float32
    item_gramian : array of shape (d, d) or None
        Needed only if ``loss.unobserved_weight`` is not zero.
    """

    loss: UserLoss
    link: Link
    history: CSR
    offset: Float64Array | float
    item_factors: Float32Array
    item_gramian: Float64Array | None

    def solve(self) -> tuple[Float32Array, Float32Array]:
        """The minimiser: factors (B, d) and biases (B,), float32. O(nnz d^2 + B d^3) a step."""
        weights, targets = self.loss.confidences(self.history.values), self._targets()
        if self.link.kind != "sigmoid":
            targets -= self.offset
            solved = self._ridge(weights, targets)
        else:
            solved = self._gauss_newton(weights, targets)
        d = self.item_factors.shape[1]
        if self.loss.bias_regularization is None:
            return solved, np.zeros(len(solved), np.float32)
        return np.ascontiguousarray(solved[:, :d]), np.ascontiguousarray(solved[:, d])

    def split(self, item_vector: Float32Array) -> Float64Array:
        """What each entry of a single history adds to ``b + x'y`` of an item, shape (s,), float64.

        The minimiser is linear in the (working) targets: ``x = A^-1 sum_j w_j y_j t_j``, so entry j
        adds ``y' A^-1 y_j w_j t_j``. With a sigmoid the targets are those of the last Gauss-Newton step.
        """
        features, place = self._features
        Y = features[place].astype(np.float64)  # (s, d)
        weights, working = self.loss.confidences(self.history.values), self._targets() - self.offset
        if self.link.kind == "sigmoid":
            solved = self._gauss_newton(weights, self._targets())
            weights, working = self._linearized(weights, self._targets(), Y @ solved[0])
        if not len(Y) or not Y.shape[1]:
            return np.zeros(len(Y))
        penalty = self._common(Y.shape[1]) + np.diag(self._row_penalty()[0])
        A = Y.T @ (weights[:, None] * Y) + penalty  # (d, d)
        vector = item_vector.astype(np.float64)
        if self.loss.bias_regularization is not None:
            vector = np.append(vector, 1.0)
        return (Y @ np.linalg.solve(A, vector)) * weights * working

    @cached_property
    def _features(self) -> tuple[Float32Array, Int32Array]:
        """Vectors, with a 1 for the bias where there is one, and the place of each entry's vector, (nnz,)."""
        vectors, place = self.item_factors, self.history.indices
        if self.loss.bias_regularization is None:
            return vectors, place
        if len(place) < len(vectors):  # a few histories need no copy of all items
            vectors, place = vectors[place], np.arange(len(place), dtype=np.int32)
        return np.hstack([vectors, np.ones((len(vectors), 1), np.float32)]), place

    def _targets(self) -> Float64Array:
        return self.loss.targets(self.history.values)

    def _row_penalty(self) -> Float64Array:
        return self.loss.row_penalty(self.history.row_lengths, *self.item_factors.shape)

    def _common(self, n_columns: int) -> Float64Array:
        return self.loss.common_penalty(self.item_gramian, n_columns)

    def _ridge(self, weights: Float64Array, targets: Float64Array) -> Float32Array:
        features, place = self._features
        return ridge_rows(
            self.history.indptr,
            place,
            weights,
            targets,
            features,
            common_penalty=self._common(features.shape[1]),
            row_penalty=self._row_penalty(),
        )

    def _linearized(
        self, weights: Float64Array, targets: Float64Array, side: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """Weights and targets of the ridge problem that touches the loss at the current user side."""
        score = self.offset + side
        slope = np.maximum(self.link.slope(score), SMALLEST_SLOPE)
        # f(s + ds) ~ f(s) + f'(s) ds, so c (t - f)^2 becomes c f'^2 (ds - (t - f) / f')^2
        return weights * slope**2, side + (targets - self.link.apply(score)) / slope

    def _gauss_newton(self, weights: Float64Array, targets: Float64Array) -> Float32Array:
        """At most ten steps from zero; a user's step is halved until the user's loss falls.

        A user stays put once converged, whatever the others do: the same bits alone and in any batch.
        """
        rows = row_numbers(self.history.indptr)
        current = np.zeros((self.history.n_rows, self._features[0].shape[1]), np.float32)
        loss = self._loss(current, rows, weights, targets)
        active = np.ones(len(current), np.bool_)
        for _ in range(GAUSS_NEWTON_STEPS):
            side = self._side(current, rows)
            proposed = self._ridge(*self._linearized(weights, targets, side))
            for _ in range(4):
                proposed_loss = self._loss(proposed, rows, weights, targets)
                worse = proposed_loss > loss
                if not worse.any():
                    break
                proposed[worse] = 0.5 * (proposed[worse] + current[worse])
            moved = active & (proposed_loss <= loss)
            active = moved & (np.abs(proposed - current).max(axis=1, initial=0.0) >= CONVERGED)
            current[moved], loss[moved] = proposed[moved], proposed_loss[moved]
            if not active.any():
                break
        return current

    def _side(self, solved: Float32Array, rows: IntArray) -> Float64Array:
        """``b + x'y`` of every entry, shape (nnz,)."""
        features, place = self._features
        side: Float64Array = np.einsum("nd,nd->n", solved[rows], features[place], dtype=np.float64)
        return side

    def _loss(
        self,
        solved: Float32Array,
        rows: IntArray,
        weights: Float64Array,
        targets: Float64Array,
    ) -> Float64Array:
        """The loss of every user, shape (B,)."""
        residual = targets - self.link.apply(self.offset + self._side(solved, rows))
        fit = np.bincount(rows, weights=weights * residual**2, minlength=len(solved))
        x = solved.astype(np.float64)
        loss: Float64Array = fit + (self._row_penalty() * x**2).sum(axis=1)
        loss += ((x @ self._common(x.shape[1])) * x).sum(axis=1)
        return loss
