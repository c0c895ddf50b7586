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
    model = recommender.model
    score = state.score(np.array([[item_index]], np.int32))[0, 0]
    parts = model.contributions(history, item_index)
    titles = item_titles(recommender)
    order = np.lexsort((history.indices, -np.abs(parts.values)))
    reasons = pl.DataFrame(
        [
            recommender.items.take(history.indices[order]),
            titles.gather(history.indices[order].astype(np.int64)).rename("title"),
            pl.Series("rating", history.values[order]),
            pl.Series("contribution", parts.values[order]),
        ]
    )
    return Explanation(
        item_id=recommender.items.to_id(item_index),
        title=titles[item_index],
        score=float(score),
        prediction=float(model.link.apply(np.array([score]))[0]) if recommender.objective == "rating" else None,
        baseline=parts.baseline,
        reasons=reasons,
        remainder=float(score) - parts.baseline - float(parts.values.sum()),
        additive=parts.additive,
    )
