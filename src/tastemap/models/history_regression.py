r"""History factors that say best what users are like: a regression of user factors on histories.

With user factors X, row weights :math:`w_u` and :math:`p_u = n_u^{-1/2} \sum_{j \in S_u} z_j` the history
factors Z (I, d) minimise

.. math:: \sum_u w_u \lVert x_u - p_u \rVert^2 + \lambda_z \lVert Z \rVert^2 .

Every coordinate is a regression of its own with the same matrix, H'WH + λ_z I with a row
:math:`n_u^{-1/2}` at the items of each history in H. It is never formed: a step of conjugate gradients costs
two products with H. Sources: Koren, KDD 2008 (SVD++, the prior); Simm et al., "Macau: scalable Bayesian
factorization with high-dimensional side information using MCMC", MLSP 2017 (alternating it with the rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tastemap.data import Interactions
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.history_bags import history_bags, sum_of_bags

STEPS = 6
"""Steps of conjugate gradients at a time: they go on from the last history factors."""


@dataclass(frozen=True, eq=False)
class HistoryRegression:
    """The regression above.

    Parameters
    ----------
    train : Interactions
        Whose histories they are.
    weights : array of shape (U,), float64
        w.
    regularization : float
        λ_z, > 0.
    """

    train: Interactions
    weights: Float64Array
    regularization: float

    def priors(self, history_factors: Float32Array) -> Float32Array:
        """The prior p of every user, shape (U, d); O(n d)."""
        return history_bags(self.train.by_user, history_factors).astype(np.float32)

    def improved(self, history_factors: Float32Array, user_factors: Float32Array) -> Float32Array:
        """History factors (I, d) nearer to the minimum for these user factors (U, d); O(n d) a step."""
        Z = history_factors.astype(np.float64)
        residual = self._to_items(user_factors.astype(np.float64)) - self._product(Z)
        scaled = residual / self._diagonal
        direction, length = scaled, (residual * scaled).sum(axis=0)  # (I, d), (d,)
        for _ in range(STEPS):
            product = self._product(direction)
            curvature = (direction * product).sum(axis=0)
            step = np.divide(length, curvature, out=np.zeros_like(length), where=curvature > 0.0)
            Z += step * direction
            residual = residual - step * product
            scaled = residual / self._diagonal
            before, length = length, (residual * scaled).sum(axis=0)
            direction = (
                scaled + np.divide(length, before, out=np.zeros_like(length), where=before > 0.0) * direction
            )
        return Z.astype(np.float32)

    def penalty(self, history_factors: Float32Array) -> float:
        """λ_z times the squares of the history factors."""
        return self.regularization * float(np.square(history_factors, dtype=np.float64).sum())

    def _product(self, Z: Float64Array) -> Float64Array:
        """(H'WH + λ_z I) Z, shape (I, d)."""
        return self._to_items(history_bags(self.train.by_user, Z.astype(np.float32))) + self.regularization * Z

    def _to_items(self, rows: Float64Array) -> Float64Array:
        """H'W times rows (U, d), shape (I, d)."""
        weighted = (self.weights / self._roots)[:, None] * rows
        return sum_of_bags(self.train.by_item, weighted.astype(np.float32))

    @cached_property
    def _roots(self) -> Float64Array:
        """The roots of n, 1 for an empty history, shape (U,)."""
        roots: Float64Array = np.sqrt(np.maximum(self.train.by_user.row_lengths, 1))
        return roots

    @cached_property
    def _diagonal(self) -> Float64Array:
        """The diagonal of the matrix, which preconditions it, shape (I, 1)."""
        shares = (self.weights / self._roots**2)[:, None].astype(np.float32)
        return sum_of_bags(self.train.by_item, shares) + self.regularization
