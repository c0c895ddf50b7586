"""Lists for users, for everybody, and for a history given at query time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, Id, Ids
from tastemap.errors import check_type
from tastemap.inference import notes
from tastemap.inference.history import history_of
from tastemap.inference.items import id_list, item_titles
from tastemap.inference.ranking import rank
from tastemap.inference.rules import Rules, check_k
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.models.base import UserStates
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.plurals import plural

ANY_ITEM = Rules()


@dataclass(frozen=True, eq=False)
class Recommendations:
    """Lists as a table, and what a person should know about them.

    Parameters
    ----------
    frame : DataFrame
        ``user_id`` (not for a history), ``item_id``, ``rank`` from 1, ``score``, ``prediction`` (in stars; null
        for ranking models, whose scores have no scale), ``title``, ``pinned`` (whether the rules put it there).
        Lists stand in the order asked for. With diversity the order is not that of the scores.
    k : int
        The length asked for.
    n_users : int
        Lists that were made.
    notes : tuple of str
        Why a list is shorter than `k`; which users, items or texts of a filter are unknown; pins left out.
    """

    frame: pl.DataFrame
    k: int
    n_users: int
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        lists = plural(self.n_users, "list")
        return f"Recommendations: {lists} of up to {plural(self.k, 'item')}, {plural(len(self.frame), 'row')}"


def recommend(
    recommender: Recommender,
    user_ids: Ids | Id | None = None,
    *,
    k: int = 10,
    rules: Rules = ANY_ITEM,
    exclude_seen: bool = True,
    strict: bool = True,
) -> Recommendations:
    """The best items for each user.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    user_ids : sequence of ids, one id, or None
        Users of the training data; None means all of them, in id order.
    k : int
        List length, >= 1.
    rules : Rules
        Items to exclude, the only items allowed, a catalog filter, a minimum of support, items to stand first,
        and how different items should be.
    exclude_seen : bool
        Whether items of a user's training history are left out.
    strict : bool
        Whether an unknown user is an error; otherwise unknown users are left out and counted in the notes.

    Raises
    ------
    UnknownUserError, UnknownItemError, FilterError, InvalidValueError
        For an unknown id, a filter that does not parse, or k < 1.

    Notes
    -----
    Exact: no item is left out that could stand in a list. O(U I d) time at most; memory a block of scores
    a thread.
    """
    check_k(k)
    check_recommender(recommender)
    said: list[str] = []
    if user_ids is None:
        user_index = np.arange(len(recommender.users), dtype=np.int32)
    else:
        user_ids = id_list(user_ids)
        user_index = recommender.users.indices(user_ids)
        unknown = user_index == UNKNOWN
        if unknown.any():
            if strict:
                recommender.users.index(list(user_ids)[int(np.flatnonzero(unknown)[0])])
            said.append(f"{plural(int(unknown.sum()), 'user')} not in the training data, hence without a list.")
            user_index = user_index[~unknown]
    history = recommender.train.interactions.by_user.take(user_index)
    seen = history if exclude_seen else empty_rows(len(user_index), len(recommender.items))
    frame, short = _lists(recommender, recommender.model.users(user_index), seen, k, rules)
    frame = frame.with_columns(recommender.users.take(user_index).gather(frame["row"]).alias("user_id"))
    return Recommendations(_ordered(frame, "user_id"), k, len(user_index), (*said, *short))


def recommend_for_history(
    recommender: Recommender,
    ratings: Mapping[Id, float],
    *,
    k: int = 10,
    rules: Rules = ANY_ITEM,
    exclude_seen: bool = True,
) -> Recommendations:
    """The best items for somebody known only by some ratings; nothing is stored.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    ratings : mapping of item id to rating in stars (or count)
    k, rules, exclude_seen
        As in :func:`recommend`.

    Raises
    ------
    UnknownItemError
        If no item of the history is known.
    """
    check_k(k)
    history = history_of(recommender, ratings)
    seen = history.items if exclude_seen else empty_rows(1, len(recommender.items))
    frame, short = _lists(recommender, recommender.model.fold_in(history.items), seen, k, rules)
    unknown = notes.unknown_items(len(history.unknown), history.unknown)
    low = notes.low_ratings(recommender, history.items)
    return Recommendations(_ordered(frame), k, 1, (*unknown, *low, *short))


def _lists(
    recommender: Recommender, states: UserStates, seen: CSR, k: int, rules: Rules
) -> tuple[pl.DataFrame, list[str]]:
    """A table of ``row`` and the columns of a list, and notes about short and flat lists."""
    check_type("rules", rules, Rules, "Rules", "write for example tastemap.Rules(where='year > 2000')")
    prepared = rules.prepare(recommender)
    found = rank(recommender, states, seen, k, prepared)
    row, place = np.nonzero(found.item_index >= 0)
    item_index, score = found.item_index[row, place], found.scores[row, place]
    prediction = pl.Series("prediction", recommender.model.link.apply(score))
    if recommender.objective == "ranking":
        prediction = pl.Series("prediction", [None] * len(score), dtype=pl.Float64)
    frame = pl.DataFrame(
        [
            pl.Series("row", row),
            recommender.items.take(item_index),
            pl.Series("rank", place + 1, dtype=pl.Int64),
            pl.Series("score", score),
            prediction,
            item_titles(recommender).gather(item_index).rename("title"),
            pl.Series("pinned", found.pinned[row, place]),
        ]
    )
    return frame, notes.of_lists(found, k, prepared)


def _ordered(frame: pl.DataFrame, *first: str) -> pl.DataFrame:
    return frame.select(*first, "item_id", "rank", "score", "prediction", "title", "pinned")
