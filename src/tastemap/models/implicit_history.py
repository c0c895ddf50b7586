r"""A user side that expects something of a user by the items of a history, before any rating is looked at.

.. math:: x_u = p_u + v_u, \qquad p_u = \frac{1}{\sqrt{n_u}} \sum_{j \in S_u} z_j

z_j are the history factors of item j, learned with the rest; v_u is what the ratings say beyond the prior p_u.
Which films a person watched tells much of a taste even without a rating. Source: Koren, "Factorization meets
the neighborhood: a multifaceted collaborative filtering model", KDD 2008, section 5 (SVD++).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.base import Contributions
from tastemap.models.history_bags import history_bags
from tastemap.models.user_loss import UserLoss, UserProblem

if TYPE_CHECKING:
    from tastemap.models.factor import FactorModel


@dataclass(frozen=True, eq=False)
class ImplicitHistory:
    """The user side of a model whose users deviate from a prior; see the formula above.

    Parameters
    ----------
    loss : UserLoss
        What v_u minimises, with the prior as a part of each score: its penalties are on v_u alone.
    history_factors : array of shape (I, d), float32
    """

    loss: UserLoss
    history_factors: Float32Array

    def fold_in(self, model: FactorModel, history: CSR) -> tuple[Float32Array, Float32Array]:
        """Prior plus the minimiser for each row of `history`; an empty row gives zeros."""
        problem, priors = self._problem(model, history)
        own_factors, bias = problem.solve()
        return (priors + own_factors).astype(np.float32), bias

    def contributions(self, model: FactorModel, history: CSR, item_index: int) -> Contributions:
        """Split the folded-in score of an item: an entry adds by its rating and by being there.

        The first part is that of :meth:`UserLoss.contributions` with the prior given; the second is
        ``z_j'y / sqrt(n)``. Together they add up to the score.
        """
        problem, _ = self._problem(model, history)
        vector = model.item_factors[item_index]
        counts = history.reaches(self.loss.positive_min)
        seen = self.history_factors[history.indices[counts]].astype(np.float64)  # (s, d)
        by_presence = seen @ vector.astype(np.float64) / np.sqrt(max(len(seen), 1))  # (s,)
        values = np.zeros(len(history.indices))
        values[counts] = problem.split(vector) + by_presence
        return Contributions(model.global_bias + float(model.item_bias[item_index]), values)

    def _problem(self, model: FactorModel, history: CSR) -> tuple[UserProblem, Float64Array]:
        """What is solved for v and b, and the priors (B, d)."""
        problem = self.loss.problem(model, history)
        entries = problem.history
        priors = history_bags(entries, self.history_factors)  # (B, d)
        rows = np.repeat(np.arange(entries.n_rows), entries.row_lengths)  # (nnz,)
        items = model.item_factors[entries.indices]  # (nnz, d)
        said = np.einsum("nd,nd->n", priors[rows], items, dtype=np.float64)  # (nnz,)
        return replace(problem, offset=problem.offset + said), priors
