"""The validation part of a training set: which rows, and the figure that decides when to stop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, Interactions
from tastemap.inference.lists import lists_of
from tastemap.inference.predict import score_pairs
from tastemap.linalg.csr import CSR, from_pairs, row_numbers
from tastemap.linalg.pairs import find_hits
from tastemap.linalg.placement import spans
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array
from tastemap.metrics.ranking import ndcg
from tastemap.metrics.rating import rmse
from tastemap.models.base import Model, Objective
from tastemap.rng import stream

LARGEST_SAMPLE = 10_000
"""Validation rows kept with a model, so that anyone can look at predictions beside ratings."""

RANKED_USERS = 2_000
"""Users whose lists are ranked after each epoch; enough to tell two epochs apart, cheap on any data."""

LIST_LENGTH = 10


@dataclass(frozen=True, eq=False)
class Validation:
    """An inner training set, and held-out rows in its indices.

    Parameters
    ----------
    inner : Interactions
        What is known of the users; its items are not listed.
    learned : Interactions
        The part of `inner` that the search is fitted to, with the same indices.
    held_out : Interactions
        The other rows, with ids of their own.
    user_index, item_index : arrays of shape (n,), int32
        Indices of the held-out rows in `inner`; -1 where all of a user's or an item's rows were held out.
    metric : str
        ``validation_rmse`` or ``validation_ndcg@10``.
    ranked : CSR or None
        For ranking: the held-out positive items of at most 2,000 users of `inner`, by inner indices.
    ranked_users : array or None
        The inner indices of these users.
    """

    inner: Interactions
    learned: Interactions
    held_out: Interactions
    user_index: Int32Array
    item_index: Int32Array
    metric: str
    ranked: CSR | None
    ranked_users: Int32Array | None

    def cost(self, figure: float) -> float:
        """The figure as something to make small."""
        return figure if self.ranked is None else -figure

    def figure(self, model: Model) -> float:
        """The validation figure of a model fitted to `inner`."""
        if self.ranked is None or self.ranked_users is None:
            return rmse(self.held_out.values, self._predicted(model))
        lists = lists_of(model, self.ranked_users, LIST_LENGTH, seen=self.inner.by_user)
        users, items = row_numbers(self.ranked.indptr), self.ranked.indices
        hits, _ = find_hits(lists, users, items, self.ranked.n_columns)
        return float(ndcg(hits, self.ranked.row_lengths, LIST_LENGTH).mean())

    def predictions(self, model: Model) -> pl.DataFrame | None:
        """Up to 10,000 held-out rows, evenly spread, with predictions; None for ranking."""
        if self.ranked is not None:
            return None
        step = -(-len(self.held_out) // LARGEST_SAMPLE)
        held = self.held_out
        spread = replace(
            held,
            user_index=held.user_index[::step],
            item_index=held.item_index[::step],
            values=held.values[::step],
            timestamps=None,
            folds=None,
        )
        predicted = score_pairs(model, self.user_index[::step], self.item_index[::step])
        prediction = pl.Series("prediction", model.link.apply(predicted).astype(np.float32))
        return spread.frame().with_columns(prediction)

    def _predicted(self, model: Model) -> Float64Array:
        return model.link.apply(score_pairs(model, self.user_index, self.item_index))


def hold_out(
    train: Interactions, objective: Objective, fraction: float, seed: int, positive_min: float | None
) -> Validation | None:
    """Hold out a random `fraction` of the rows; None if it is 0 or would leave nothing on either side.

    Rows below `positive_min` are neither learned from nor relevant, but those left in are not listed either.
    """
    held = _drawn(train, fraction, stream(seed, "validation"))
    if not held.any() or held.all():
        return None
    inner, held_out = train.select(~held), train.select(held)
    learned = inner.at_least(positive_min)
    user_index = inner.users.indices(held_out.users.ids)[held_out.user_index]
    item_index = inner.items.indices(held_out.items.ids)[held_out.item_index]
    if objective == "rating":
        return Validation(inner, learned, held_out, user_index, item_index, "validation_rmse", None, None)
    relevant = (user_index != UNKNOWN) & (item_index != UNKNOWN) & held_out.by_user.reaches(positive_min)
    users = np.unique(user_index[relevant])
    if not len(users) or not len(learned):
        return None
    if len(users) > RANKED_USERS:
        users = np.sort(stream(seed, "validation users").choice(users, RANKED_USERS, replace=False))
    place = np.searchsorted(users, user_index)
    place = np.minimum(place, len(users) - 1)
    chosen = relevant & (users[place] == user_index)
    ranked = from_pairs(place[chosen], item_index[chosen], held_out.values[chosen], (len(users), inner.n_items))
    metric = f"validation_ndcg@{LIST_LENGTH}"
    return Validation(inner, learned, held_out, user_index, item_index, metric, ranked, users)


def _drawn(train: Interactions, fraction: float, rng: np.random.Generator) -> BoolArray:
    """A mask that is true for about this share of the rows."""
    held: BoolArray = train.placement.empty(len(train), np.bool_)
    for span in spans(len(train), train.placement.block):
        held[span] = rng.random(span.stop - span.start) < fraction
    return held
