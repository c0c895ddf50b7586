"""Why an item has its score: a baseline, what each of the user's own items adds, and a remainder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.data import Id
from tastemap.inference.history import history_of
from tastemap.inference.items import item_titles
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float64Array, Int32Array
from tastemap.models.base import UserStates
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.plurals import plural


@dataclass(frozen=True, eq=False)
class Explanation:
    """``baseline + reasons["contribution"].sum() + remainder`` is the score, before the link.

    Parameters
    ----------
    item_id : int or str
    title : str or None
    score : float
    prediction : float or None
        The predicted rating in stars; None for a ranking model.
    baseline : float
        The score with the user's own items taken away.
    reasons : DataFrame
        One row an item of the user: ``item_id, title, rating, contribution``, the strongest first, be it for
        or against the item.
    remainder : float
        What the reasons leave over: zero up to rounding where reasons are additive and the last step of fitting
        solves the users (``bias``, ``als``, ``ials``, ``itemknn``, ``ease``, and every folded-in history).
    additive : bool
        False where a contribution is the score less the score without that item (``mlp``, ``softmax``): such
        differences need not add up, and `remainder` holds what they leave over.
    """

    item_id: Id
    title: str | None
    score: float
    prediction: float | None
    baseline: float
    reasons: pl.DataFrame
    remainder: float
    additive: bool

    def __repr__(self) -> str:
        name = f"item {self.item_id!r}" if self.title is None else f"{self.title} ({self.item_id!r})"
        return f"Explanation of {name}: score {self.score:.4g}, {plural(len(self.reasons), 'reason')}"


@dataclass(frozen=True, eq=False)
class ListReasons:
    """Why k items have their scores: ``baseline + values.sum(axis=1)``, up to a remainder.

    Parameters
    ----------
    baseline : array of shape (k,), float64
        The scores with the user's own items taken away.
    values : array of shape (k, s), float64
        What each item of the history adds to each score.
    item_index : array of shape (s,), int32
        The items of the history.
    additive : bool
        As in :class:`Explanation`.
    """

    baseline: Float64Array
    values: Float64Array
    item_index: Int32Array
    additive: bool


def reasons(recommender: Recommender, history: CSR, item_index: Int32Array) -> ListReasons:
    """Split the scores of a whole list over one history.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    history : CSR of shape (1, I)
        The user's own items, s of them.
    item_index : array of shape (k,), int32
        Known items.

    Notes
    -----
    Cost O(s d^2 + d^3) once and O(s d + d^2) an item. Source: Hu, Koren, Volinsky 2008, section 5.
    """
    parts = recommender.model.contributions(history, item_index)
    return ListReasons(parts.baseline, parts.values, history.indices, parts.additive)


def explain(recommender: Recommender, user_id: Id, item_id: Id) -> Explanation:
    """Split the score of an item for a fitted user over the user's training items.

    *Stability: caller-stable.*

    Raises
    ------
    UnknownUserError, UnknownItemError
        If an id is not in the training data.

    Notes
    -----
    Cost O(s d^2 + d^3) for s training items of the user. Source: Hu, Koren, Volinsky 2008, section 5.
    """
    check_recommender(recommender)
    user = np.array([recommender.users.index(user_id)])
    item_index = recommender.items.index(item_id)
    history = recommender.train.interactions.by_user.take(user)
    return _split(recommender, recommender.model.users(user), history, item_index)


def explain_for_history(recommender: Recommender, ratings: Mapping[Id, float], item_id: Id) -> Explanation:
    """Split the score of an item for somebody known only by some ratings.

    *Stability: caller-stable.*

    Raises
    ------
    UnknownItemError
        If `item_id` is unknown, or no item of the history is known.
    """
    history = history_of(recommender, ratings).items
    item_index = recommender.items.index(item_id)
    return _split(recommender, recommender.model.fold_in(history), history, item_index)


def _split(recommender: Recommender, state: UserStates, history: CSR, item_index: int) -> Explanation:
    model, index = recommender.model, np.array([item_index], np.int32)
    score = state.score(index[None])[0]
    parts = reasons(recommender, history, index)
    baseline, values = float(parts.baseline[0]), parts.values[0]
    titles = item_titles(recommender)
    order = np.lexsort((history.indices, -np.abs(values)))
    table = pl.DataFrame(
        [
            recommender.items.take(history.indices[order]),
            titles.gather(history.indices[order].astype(np.int64)).rename("title"),
            pl.Series("rating", history.values[order]),
            pl.Series("contribution", values[order]),
        ]
    )
    return Explanation(
        item_id=recommender.items.to_id(item_index),
        title=titles[item_index],
        score=float(score[0]),
        prediction=float(model.link.apply(score)[0]) if recommender.objective == "rating" else None,
        baseline=baseline,
        reasons=table,
        remainder=float(score[0]) - baseline - float(values.sum()),
        additive=parts.additive,
    )
