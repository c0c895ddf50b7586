"""The waist: what a fitted model *is*, whatever it was fitted by. Everything downstream knows only this.

A model answers for batches of users through :class:`UserStates`. A fitted user and a folded-in
history give the same kind of state, so nothing that ranks, predicts or explains can tell them apart.
The shapes: :class:`tastemap.models.factor.FactorModel`, :class:`tastemap.models.network.Network` and
:class:`tastemap.models.item_weights.ItemWeights`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from tastemap.errors import InvalidValueError
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, IntArray
from tastemap.models.rating_samples import RatingSpread

Objective = Literal["rating", "ranking"]
Measure = Literal["cosine", "dot"]


class UserStates(Protocol):
    """What a model knows of B users, ready to score items."""

    def __len__(self) -> int:
        """The number of users B."""

    def take(self, rows: IntArray) -> UserStates:
        """The states of the given rows, in the given order."""

    def score(self, item_index: Int32Array) -> Float64Array:
        """Scores of chosen items, shape (B, k), float64, for `item_index` of shape (B, k).

        Item -1 is an unknown item: the item side contributes zero. The sum of one pair is always
        taken in the same order, so a score has the same bits alone and in any batch.
        """

    @property
    def items_at_once(self) -> int:
        """The number of items for which :meth:`score_range` is quickest, on the whole."""

    def score_range(self, start: int = 0, stop: int | None = None) -> Float32Array:
        """Scores of the items from `start` to before `stop`, all by default: to find candidates, not to show.

        Shape (B, b), float32, an array of its own that may be changed.
        """

    def by_reach(self) -> UsersByReach | None:
        """The same users before items in an order that lets lists end early; None where that does not pay."""

    def spread(self, item_index: Int32Array) -> RatingSpread | None:
        """How far ratings of items (B, k) spread; None if the model does not know how sure it is.

        Nothing is known of item -1, nor of a user without a history.
        """


class UsersByReach(Protocol):
    """B users before all items, in falling order of how high an item can score at most."""

    def __len__(self) -> int:
        """The number of users B."""

    @property
    def items(self) -> Int32Array:
        """All items in that order, shape (I,), int32."""

    @property
    def items_at_once(self) -> int:
        """The number of items for which :meth:`score_range` is quickest, on the whole."""

    def take(self, rows: IntArray) -> UsersByReach:
        """The given rows, in the given order."""

    def score_range(self, start: int, stop: int) -> Float32Array:
        """Scores of ``items[start:stop]``, shape (B, b), float32: to find candidates, not to show."""

    def ceiling(self, start: int) -> Float64Array:
        """What no score of :meth:`score_range` from `start` on is above, rounding included: (B,), float64."""


class Model(Protocol):
    """One of the shapes: frozen, made of arrays, sharing this interface."""

    @property
    def n_users(self) -> int:
        """Fitted users U."""

    @property
    def n_items(self) -> int:
        """Fitted items I."""

    @property
    def link(self) -> Link:
        """From a score to a predicted rating."""

    def users(self, user_index: IntArray) -> UserStates:
        """States of fitted users; index -1 is an unknown user, a state like that of an empty history."""

    def fold_in(self, history: CSR) -> UserStates:
        """States of users known only by `history`, shape (B, I), with ratings in stars or counts."""

    def contributions(self, history: CSR, item_index: Int32Array) -> Contributions:
        """How the entries of one user's `history`, shape (1, I), make up the scores of known items, (k,).

        What all items need is done once, so that the reasons of a list cost little more than those of an item.
        """

    def similarity(self, item_index: int, measure: Measure) -> Float64Array:
        """Similarity of every item to one item, shape (I,), float64.

        Raises
        ------
        InvalidValueError
            If the model does not tell items apart by anything but a bias.
        """

    def similarities(self, item_index: Int32Array) -> Float64Array:
        """Cosines among n items, shape (n, n), float64: of the same vectors as :meth:`similarity`.

        Raises
        ------
        InvalidValueError
            As for :meth:`similarity`.
        """

    def with_items(self, places: Int32Array, histories: CSR, user_index: IntArray) -> Model:
        """The model with J more items, found from the users who have them, who stay as they are.

        Parameters
        ----------
        places : array of shape (J,), int32
            Where the new items stand among all I + J, rising.
        histories : CSR of shape (U', I + J)
            All that is known of the users who have a new item.
        user_index : array of shape (U',)
            Who they are; -1 for somebody to be folded in from the other items of the history.

        Raises
        ------
        InvalidValueError
            If only a fit can place items.
        """


@dataclass(frozen=True, eq=False)
class Contributions:
    """``baseline + values.sum(axis=1)`` are the scores of k items for the folded-in history of s entries.

    Parameters
    ----------
    baseline : array of shape (k,), float64
        The scores with the user's own items taken away.
    values : array of shape (k, s), float64
        What each entry of the history adds, in the order of the history.
    additive : bool
        False where `values` are leave-one-out differences, which need not add up.
    """

    baseline: Float64Array
    values: Float64Array
    additive: bool = True


@dataclass(frozen=True)
class Link:
    """The map from a score to a predicted rating.

    ``identity`` for ranking models (a score has no scale); ``clip`` cuts at the rating scale;
    ``sigmoid`` is ``low + (high - low) / (1 + exp(-score))``.
    """

    kind: Literal["identity", "clip", "sigmoid"] = "identity"
    low: float = 0.0
    high: float = 0.0

    def apply(self, score: Float64Array) -> Float64Array:
        """Predicted ratings of scores, any shape, float64."""
        if self.kind == "clip":
            return np.clip(score, self.low, self.high)
        if self.kind == "sigmoid":
            # tanh does not overflow: 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2
            return self.low + (self.high - self.low) * 0.5 * (1.0 + np.tanh(0.5 * score))
        return score

    def slope(self, score: Float64Array) -> Float64Array:
        """The derivative by the score; 1 for ``clip``, which fitting ignores."""
        if self.kind == "sigmoid":
            share = (self.apply(score) - self.low) / (self.high - self.low)
            return (self.high - self.low) * share * (1.0 - share)
        return np.ones_like(score)


def check_items(item_index: Int32Array, n_items: int) -> None:
    """Raise if an index is neither an item (0 … n_items - 1) nor unknown (-1): kernels do not look."""
    if item_index.size and (item_index.min() < -1 or item_index.max() >= n_items):
        raise InvalidValueError(
            f"item_index must be from -1 (unknown) to {n_items - 1}. "
            f"Got {int(item_index.min())} to {int(item_index.max())}."
        )


def no_item_vectors(what: str) -> InvalidValueError:
    """The error of :meth:`Model.similarity` for a model that has no vectors."""
    return InvalidValueError(
        f"{what} has no item vectors, so items have no similarity. Fit another model, such as als or ease."
    )


def no_new_items(what: str) -> InvalidValueError:
    """The error of :meth:`Model.with_items` for a model that cannot take in items."""
    return InvalidValueError(
        f"{what} cannot take in items that its fit has not seen. Fit it again with their interactions, or use "
        "als, ials or dot."
    )
