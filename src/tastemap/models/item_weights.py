"""Models whose score is a sum of item-to-item weights over the user's own items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, IntArray
from tastemap.models.base import Contributions, Link, Measure, check_items, no_new_items
from tastemap.models.weight_matrix import WeightMatrix
from tastemap.plurals import plural


@dataclass(frozen=True, eq=False)
class ItemWeights:
    r"""Score :math:`s_{ui} = \sum_{j \in S_u} W_{ji}`: the history is the state, nothing is solved.

    Parameters
    ----------
    weights : WeightMatrix of shape (I, I)
        W, dense or sparse: what having seen item ``j`` adds to item ``i``.
    history : CSR of shape (U, I)
        What the model learned from the fitted users; each interaction counts once, whatever its value.
    positive_min : float or None
        Entries of a history with a lower value do not count; None: all do.
    """

    weights: WeightMatrix
    history: CSR
    positive_min: float | None = None

    def __repr__(self) -> str:
        return f"ItemWeights of {plural(self.n_users, 'user')}, {plural(self.n_items, 'item')}"

    @property
    def link(self) -> Link:
        """The identity: scores have no scale."""
        return Link()

    @property
    def n_users(self) -> int:
        """Fitted users U."""
        return self.history.n_rows

    @property
    def n_items(self) -> int:
        """Fitted items I."""
        return self.weights.n_items

    def users(self, user_index: IntArray) -> HistoryUsers:
        """States of fitted users: their histories; index -1 gives an empty one."""
        return HistoryUsers(self, self.history.take(user_index))

    def fold_in(self, history: CSR) -> HistoryUsers:
        """The history itself, as far as it counts."""
        return HistoryUsers(self, history.at_least(self.positive_min))

    def contributions(self, history: CSR, item_index: Int32Array) -> Contributions:
        """One weight per item of the history that counts; the baselines are zero."""
        weights = self.weights.between(history.indices, item_index)
        counts = history.reaches(self.positive_min)
        return Contributions(np.zeros(len(item_index)), np.where(counts, weights, 0.0))

    def similarity(self, item_index: int, measure: Measure) -> Float64Array:
        """``dot``: the weights of the item itself; ``cosine``: between rows of weights."""
        if measure == "cosine":
            return self.weights.cosine_to(item_index)
        return self.weights.from_item(item_index)

    def similarities(self, item_index: Int32Array) -> Float64Array:
        """Cosines between rows of weights."""
        return self.weights.cosines(item_index)

    def with_items(self, places: Int32Array, histories: CSR, user_index: IntArray) -> ItemWeights:
        """Refused: weights between items come from all users at once."""
        raise no_new_items("A model of item-to-item weights")


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
        return self.model.weights.sum_pairs(self.history, item_index)

    @property
    def items_at_once(self) -> int:
        """As many as suits the weights."""
        return self.model.weights.items_at_once

    def score_range(self, start: int = 0, stop: int | None = None) -> Float32Array:
        """Scores of neighboring items, shape (B, b), float32."""
        return self.model.weights.sum_range(self.history, *slice(start, stop).indices(self.model.n_items)[:2])

    def by_reach(self) -> None:
        """None: what a sum of weights can reach at most is not known."""

    def spread(self, item_index: Int32Array) -> None:
        """None: there are no samples."""
