"""Models whose score is a sum of item-to-item weights over the user's own items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tastemap.linalg.cosine import cosine_to, row_norms
from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import kernel
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.models.base import Contributions, Link, Measure, check_items


@dataclass(frozen=True, eq=False)
class ItemWeights:
    r"""Score :math:`s_{ui} = \sum_{j \in S_u} W_{ji}`: the history is the state, nothing is solved.

    Parameters
    ----------
    weights : array of shape (I, I), float32
        ``weights[j, i]`` is what having seen item ``j`` adds to item ``i``.
    history : CSR of shape (U, I)
        What the model learned from the fitted users; each interaction counts once, whatever its value.
    positive_min : float or None
        Entries of a history with a lower value do not count; None: all do.
    """

    weights: Float32Array
    history: CSR
    positive_min: float | None = None

    @property
    def link(self) -> Link:
        """None: scores have no scale."""
        return Link()

    @property
    def n_users(self) -> int:
        """Fitted users U."""
        return self.history.n_rows

    @property
    def n_items(self) -> int:
        """Fitted items I."""
        return len(self.weights)

    @cached_property
    def norms(self) -> Float64Array:
        """Lengths of the rows of weights, shape (I,): shared by all cosines."""
        return row_norms(self.weights)

    def users(self, user_index: IntArray) -> HistoryUsers:
        """States of fitted users: their histories; index -1 gives an empty one."""
        return HistoryUsers(self, self.history.take(user_index))

    def fold_in(self, history: CSR) -> HistoryUsers:
        """The history itself, as far as it counts."""
        return HistoryUsers(self, history.at_least(self.positive_min))

    def contributions(self, history: CSR, item_index: int) -> Contributions:
        """One weight per item of the history that counts; the baseline is zero."""
        weights = self.weights[history.indices, item_index].astype(np.float64)
        return Contributions(0.0, np.where(history.reaches(self.positive_min), weights, 0.0))

    def similarity(self, item_index: int, measure: Measure) -> Float64Array:
        """``dot``: the weights of the item itself; ``cosine``: between rows of weights."""
        if measure == "cosine":
            return cosine_to(self.weights, self.norms, item_index)
        weights: Float64Array = self.weights[item_index].astype(np.float64)
        return weights


@dataclass(frozen=True, eq=False)
class HistoryUsers:
    """B users as the items they interacted with, a CSR of shape (B, I)."""

    model: ItemWeights
    history: CSR

    def __len__(self) -> int:
        return self.history.n_rows

    def take(self, rows: IntArray) -> HistoryUsers:
        """The states of the given rows."""
        return HistoryUsers(self.model, self.history.take(rows))

    def score(self, item_index: Int32Array) -> Float64Array:
        """Scores of chosen items, shape (B, k), float64, summed in history order."""
        check_items(item_index, self.model.n_items)
        scores = np.empty(item_index.shape)
        _sum_pairs(self.history.indptr, self.history.indices, self.model.weights, item_index, scores)
        return scores

    def score_all(self) -> Float32Array:
        """Scores of all items, shape (B, I), float32; O(nnz I)."""
        scores = np.zeros((len(self), self.model.n_items), np.float32)
        _sum_rows(self.history.indptr, self.history.indices, self.model.weights, scores)
        return scores


@kernel
def _sum_rows(indptr: Int64Array, indices: Int32Array, weights: Float32Array, scores: Float32Array) -> None:
    for row in range(scores.shape[0]):
        for entry in range(indptr[row], indptr[row + 1]):
            source = weights[indices[entry]]
            for item in range(scores.shape[1]):
                scores[row, item] += source[item]


@kernel
def _sum_pairs(
    indptr: Int64Array, indices: Int32Array, weights: Float32Array, item_index: Int32Array, scores: Float64Array
) -> None:
    for row in range(item_index.shape[0]):
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            score = 0.0
            if item >= 0:
                for entry in range(indptr[row], indptr[row + 1]):
                    score += np.float64(weights[indices[entry], item])
            scores[row, place] = score
