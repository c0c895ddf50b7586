r"""A user side that expects something of a user by the items of a history, before any rating is looked at.

.. math:: x_u = p_u + v_u, \qquad p_u = \frac{1}{\sqrt{n_u}} \sum_{j \in S_u} z_j

z_j are the history factors of item j, learned with the rest; v_u is what the ratings say beyond the prior p_u.
A model may expect something of the bias as well, in the same way: then item j has a history bias beside z_j.
Which films a person watched tells much of a taste even without a rating. Source: Koren, "Factorization meets
the neighborhood: a multifaceted collaborative filtering model", KDD 2008, section 5 (SVD++).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array
from tastemap.models.base import Contributions
from tastemap.models.history_bags import history_bags
from tastemap.models.user_loss import UserLoss
from tastemap.models.user_problem import UserProblem

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
    history_bias : array of shape (I,), float32, or None
        None: a history says nothing of the bias.
    """

    loss: UserLoss
    history_factors: Float32Array
    history_bias: Float32Array | None = None

    def fold_in(self, model: FactorModel, history: CSR) -> tuple[Float32Array, Float32Array]:
        """Prior plus the minimiser for each row of `history`; an empty row gives zeros."""
        problem, priors, prior_bias = self._problem(model, history)
        own_factors, bias = problem.solve()
        return (priors + own_factors).astype(np.float32), (prior_bias + bias).astype(np.float32)

    def contributions(self, model: FactorModel, history: CSR, item_index: Int32Array) -> Contributions:
        """Split the folded-in scores of items: an entry adds by its rating and by being there.

        The first part is that of :meth:`UserLoss.contributions` with the prior given; the second is
        ``(z_j'y + the history bias of j) / sqrt(n)``. Together they add up to the score.
        """
        problem, _, _ = self._problem(model, history)
        vectors = model.item_factors[item_index]  # (k, d)
        rest, by_rating = problem.split(vectors)
        seen = self._vectors[problem.history.indices].astype(np.float64)  # (s, d + 1)
        reach = np.hstack([vectors, np.ones((len(vectors), 1))])  # (k, d + 1)
        by_presence = reach @ seen.T / np.sqrt(max(len(seen), 1))  # (k, s)
        baseline = rest + model.global_bias + model.item_bias[item_index]
        return Contributions(baseline, self.loss.at_entries(history, by_rating + by_presence))

    @cached_property
    def _vectors(self) -> Float32Array:
        """History factors with the history bias as the last column, shape (I, d + 1)."""
        bias = (
            np.zeros(len(self.history_factors), np.float32) if self.history_bias is None else self.history_bias
        )
        return np.hstack([self.history_factors, bias[:, None]])

    def _problem(self, model: FactorModel, history: CSR) -> tuple[UserProblem, Float64Array, Float64Array]:
        """What is solved for v and the rest of b, and the priors (B, d) and (B,)."""
        problem = self.loss.problem(model, history)
        entries = problem.history
        bags = history_bags(entries, self._vectors)  # (B, d + 1)
        priors, prior_bias = bags[:, :-1], bags[:, -1]
        rows = np.repeat(np.arange(entries.n_rows), entries.row_lengths)  # (nnz,)
        items = model.item_factors[entries.indices]  # (nnz, d)
        said = np.einsum("nd,nd->n", priors[rows], items, dtype=np.float64) + prior_bias[rows]  # (nnz,)
        return replace(problem, offset=problem.offset + said), priors, prior_bias
