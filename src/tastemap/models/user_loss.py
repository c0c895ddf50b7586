r"""The loss of one user with the item side fixed: what ALS alternates and fold-in solves.

With :math:`s_i = o_i + b + x^\top y_i` (offset :math:`o_i = \mu + b_i`) and the model's link f,

.. math::
    \sum_{i \in S} c_i (t_i - f(s_i))^2 + \alpha_0 \sum_{i=1}^{I} q_i^2
    + \lambda (n + \alpha_0 I)^p \lVert x \rVert^2 + \lambda_b b^2 .

Explicit feedback: targets are ratings, confidences 1, :math:`q_i = x^\top y_i`. Implicit feedback: targets
are 1, :math:`q_i = s_i`, and confidences grow with the rating or count r and fall with the age a of an entry,
the number of the user's later ones: :math:`c = (1 + \alpha g(r)) (1 + \rho\, 2^{-a / h})`, with
g(r) = r or log(1 + r).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tastemap.errors import DataError
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, IntArray
from tastemap.models.base import Contributions
from tastemap.models.user_problem import UserProblem

if TYPE_CHECKING:
    from tastemap.models.factor import FactorModel


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
        What a value adds to confidence; implicit feedback only.
    positive_min : float or None
        Entries of a history with a lower value take no part: they are not in S. None: all are.
    log_values : bool
        Whether g is ``log(1 + r)``.
    recency : float
        ρ, what being the latest adds to confidence, as a share; implicit feedback only. Entries without
        times count as the latest.
    recency_half_life : float
        h, in later entries of the same user.
    """

    regularization: float
    frequency_power: float = 0.0
    bias_regularization: float | None = None
    unobserved_weight: float = 0.0
    implicit: bool = False
    alpha: float = 0.0
    positive_min: float | None = None
    log_values: bool = False
    recency: float = 0.0
    recency_half_life: float = 1.0

    def fold_in(self, model: FactorModel, history: CSR) -> tuple[Float32Array, Float32Array]:
        """The minimiser for each row of `history`; zeros for an empty one, unless items pull at the bias."""
        return self.problem(model, history).solve()

    def contributions(self, model: FactorModel, history: CSR, item_index: Int32Array) -> Contributions:
        """Split the folded-in scores of items over the history (Hu et al. 2008, section 5)."""
        rest, values = self.problem(model, history).split(model.item_factors[item_index])
        baseline = rest + model.global_bias + model.item_bias[item_index]
        return Contributions(baseline, self.at_entries(history, values))

    def at_entries(self, history: CSR, values: Float64Array) -> Float64Array:
        """What was found for the entries that count, (k, n), and zeros for the others of a history, (k, s)."""
        if self.positive_min is None:
            return values
        everywhere = np.zeros((len(values), len(history.indices)))
        everywhere[:, history.reaches(self.positive_min)] = values
        return everywhere

    def problem(self, model: FactorModel, history: CSR) -> UserProblem:
        """What is solved for the rows of `history`."""
        history = history.at_least(self.positive_min)
        moments = model.item_moments if self.unobserved_weight else None
        offset = model.global_bias + model.item_bias[history.indices].astype(np.float64)  # (nnz,)
        weights, penalty = self.confidences(history), self.factor_penalty(history.row_lengths, model.n_items)
        return UserProblem(self, model.link, history, weights, penalty, offset, model.item_factors, moments)

    @property
    def weighs(self) -> bool:
        """Whether confidences differ from entry to entry."""
        return self.implicit and bool(self.alpha or self.recency)

    def confidences(self, history: CSR) -> FloatArray:
        """Weight of each entry, shape (nnz,), float32.

        Raises
        ------
        DataError
            If a value is so low that its weight would not be positive.
        """
        weights: FloatArray = np.broadcast_to(np.float32(1.0), len(history.indices))
        if self.implicit and self.alpha:
            values = history.values.astype(np.float32)
            with np.errstate(
                invalid="ignore", divide="ignore"
            ):  # a logarithm that is not there is refused below
                weights = weights + np.float32(self.alpha) * (np.log1p(values) if self.log_values else values)
            if len(weights) and not weights.min() > 0.0:
                grown = "log(1 + r)" if self.log_values else "r"
                raise DataError(
                    f"A confidence, 1 + alpha {grown}, must be > 0. Got a value of {values.min():g} with alpha "
                    f"{self.alpha:g}; lower alpha, or set positive_min."
                )
        if self.implicit and self.recency:
            half_lives = history.later_entries / np.float32(self.recency_half_life)
            weights = weights * (np.float32(1.0) + np.float32(self.recency) * np.exp2(-half_lives))
        return weights

    def targets(self, values: FloatArray) -> FloatArray:
        """Target of each seen pair, shape (nnz,)."""
        return np.broadcast_to(np.float32(1.0), len(values)) if self.implicit else values

    def factor_penalty(self, lengths: IntArray, n_items: int | Float64Array) -> Float64Array:
        """The penalty on the factors of users with so many entries of so many items, shape (B,)."""
        work = (lengths + self.unobserved_weight * n_items).astype(np.float64)
        penalty: Float64Array = self.regularization * work**self.frequency_power
        return penalty

    def shared(self, item_moments: Float64Array | None, n_factors: int) -> tuple[Float64Array, Float64Array]:
        """The quadratic form A and the pull g of what all users share, ``x'Ax - 2 g'x``: (p, p) and (p,).

        The last coordinate is the bias, where there is one. `item_moments` is as
        :func:`tastemap.linalg.gramian.moments` gives it.
        """
        has_bias = self.bias_regularization is not None
        p = n_factors + has_bias
        penalty, pull = np.zeros((p, p)), np.zeros(p)
        if has_bias:
            penalty[-1, -1] = self.bias_regularization
        if item_moments is None or not self.unobserved_weight:
            return penalty, pull
        covered = p if self.implicit else n_factors
        penalty[:covered, :covered] += self.unobserved_weight * item_moments[:covered, :covered]
        if self.implicit and has_bias:
            pull -= self.unobserved_weight * item_moments[:p, -1]
        return penalty, pull


@dataclass(frozen=True, eq=False)
class PriorLoss(UserLoss):
    r"""With :math:`\theta^\top \Pi\, \theta`, :math:`\theta = [x, b]`, besides: a normal prior around zero.

    Where Π is the precision of the prior over that of the noise, the minimizer is the mean of the posterior.
    Where unseen pairs of some items weigh more than α0, Π is the gramian of what they weigh more.

    Parameters
    ----------
    penalty : array of shape (p, p), float32
        Π, symmetric; p is d + 1 with a bias, else d. With the other penalties it is positive definite.
    """

    penalty: Float32Array = field(kw_only=True)

    def shared(self, item_moments: Float64Array | None, n_factors: int) -> tuple[Float64Array, Float64Array]:
        """Those of the loss, and Π."""
        penalty, pull = super().shared(item_moments, n_factors)
        return penalty + self.penalty, pull
