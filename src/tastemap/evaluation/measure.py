"""One model on one fold: predictions and lists for blocks of users, and what each user adds to each metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tastemap.errors import TastemapError
from tastemap.evaluation.fold import Fold
from tastemap.evaluation.names import METRICS, metric_of
from tastemap.inference.lists import top_lists
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array
from tastemap.metrics import beyond, ranking
from tastemap.models.base import UserStates
from tastemap.models.recommender import Recommender

USER_BLOCK = 4096
"""Test users held at a time; lists inside are made in smaller blocks still."""

ROW_BLOCK = 65_536
"""Test rows scored at a time."""

PER_USER: dict[str, Callable[[BoolArray, Int64Array, int], Float64Array]] = {
    "precision": ranking.precision,
    "recall": ranking.recall,
    "ndcg": ranking.ndcg,
    "map": ranking.average_precision,
    "mrr": ranking.reciprocal_rank,
    "hit_rate": ranking.hit_rate,
}


@dataclass(frozen=True, eq=False)
class Measured:
    """What one model did on one fold with T test users and n test rows.

    Parameters
    ----------
    sums : dict of str to (array of shape (T,), array of shape (T,))
        For each metric that is a ratio of sums over users: what each user adds above and below.
    fixed : dict of str to float
        Metrics of all lists together.
    predictions : array of shape (n,), float64, or None
        Predicted ratings of the test rows.
    lists : array of shape (T, m), int32, or None
        Listed items, -1 where there is none; all -1 for a user without a relevant test row.
    row_hit : array of shape (n,), bool, or None
        Whether each test row is relevant and listed for its user.
    """

    sums: dict[str, tuple[Float64Array, Float64Array]]
    fixed: dict[str, float]
    predictions: Float64Array | None
    lists: Int32Array | None
    row_hit: BoolArray | None


def measure(recommender: Recommender, fold: Fold, names: Sequence[str], k: int) -> Measured:
    """Compute the metrics `names` that this model has an answer for.

    Rating metrics need a model of ratings and rated test rows; lists are made only for users with a
    relevant test row. All items of the training data are ranked, in blocks: no array is users x items.

    Raises
    ------
    TastemapError
        If a predicted rating is not finite.
    """
    families = {metric_of(name).family for name in names}
    rates = "rating" in families and recommender.objective == "rating" and not fold.test.is_implicit
    ranks = families != {"rating"}
    predictions = np.empty(len(fold.test)) if rates else None
    lists = np.full((fold.n_users, min(k, fold.n_items)), -1, np.int32) if ranks else None  # (T, m)
    for start, states in _blocks(recommender, fold):
        if predictions is not None:
            _predict(recommender, fold, start, states, predictions)
        if lists is not None:
            _list(fold, start, states, k, lists)
    sums: dict[str, tuple[Float64Array, Float64Array]] = {}
    fixed: dict[str, float] = {}
    row_hit = None
    if predictions is not None:
        _check_finite(recommender, predictions)
        sums.update(_rating_sums(fold, predictions))
    if lists is not None:
        hits, row_hit = _hits(fold, lists)
        sums.update(_ranking_sums(fold, hits, lists, k))
        counts = beyond.exposure(lists, fold.n_items)
        fixed = {f"coverage@{k}": beyond.coverage(counts), f"gini@{k}": beyond.gini(counts)}
    return Measured(
        sums={name: sums[name] for name in names if name in sums},
        fixed={name: fixed[name] for name in names if name in fixed},
        predictions=predictions,
        lists=lists,
        row_hit=row_hit,
    )


def _blocks(recommender: Recommender, fold: Fold) -> Iterator[tuple[int, UserStates]]:
    """States of the test users, with the first user of each block."""
    for start in range(0, fold.n_users, USER_BLOCK):
        users = np.arange(start, min(start + USER_BLOCK, fold.n_users))
        if fold.folds_in:
            yield start, recommender.model.fold_in(fold.history.take(users))
        else:
            yield start, recommender.model.users(fold.user_index[users])


def _predict(
    recommender: Recommender, fold: Fold, start: int, states: UserStates, predictions: Float64Array
) -> None:
    """Fill in the predicted ratings of the block's test rows; unknown sides contribute zero."""
    ends = fold.test.by_user.indptr
    for first in range(ends[start], ends[start + len(states)], ROW_BLOCK):
        rows = slice(first, min(first + ROW_BLOCK, ends[start + len(states)]))
        row_states = states.take(fold.test.user_index[rows] - start)
        score = row_states.score(fold.item_index[rows, None])[:, 0]  # (b,)
        predictions[rows] = recommender.model.link.apply(score)


def _list(fold: Fold, start: int, states: UserStates, k: int, lists: Int32Array) -> None:
    """Fill in the lists of the block's users who have a relevant test row."""
    wanted = np.flatnonzero(fold.n_relevant[start : start + len(states)] > 0)
    if len(wanted):
        users = wanted + start
        lists[users], _ = top_lists(states.take(wanted), k, seen=fold.masked.take(users))


def _rating_sums(fold: Fold, predictions: Float64Array) -> dict[str, tuple[Float64Array, Float64Array]]:
    """Each user's sums of squared and absolute errors, and numbers of rows."""
    user, n_users = fold.test.user_index, fold.n_users
    error = predictions - fold.test.values.astype(np.float64)  # (n,)
    known = fold.known_row

    def total(amount: Float64Array) -> Float64Array:
        return np.bincount(user, amount, n_users).astype(np.float64)  # (T,)

    rows = total(np.ones(len(error)))
    return {
        "rmse": (total(error**2), rows),
        "rmse_known": (total(known * error**2), total(known.astype(np.float64))),
        "mae": (total(np.abs(error)), rows),
    }


def _ranking_sums(
    fold: Fold, hits: BoolArray, lists: Int32Array, k: int
) -> dict[str, tuple[Float64Array, Float64Array]]:
    """Each user's figure and 1, or 0 and 0 for a user without a relevant row; novelty by listed items."""
    counted = (fold.n_relevant > 0).astype(np.float64)  # (T,)
    sums = {
        METRICS[stem].name(k): (np.nan_to_num(figure(hits, fold.n_relevant, k), nan=0.0), counted)
        for stem, figure in PER_USER.items()
    }
    train = fold.train.interactions
    listed = lists >= 0
    bits = np.append(beyond.information(train.popularity, train.n_users), 0.0)  # the last for places of -1
    sums[f"novelty@{k}"] = (bits[lists].sum(axis=1), listed.sum(axis=1).astype(np.float64))
    return sums


def _hits(fold: Fold, lists: Int32Array) -> tuple[BoolArray, BoolArray]:
    """Whether each place of each list is relevant, (T, m), and whether each test row is hit, (n,)."""
    row_hit = np.zeros(len(fold.test), np.bool_)
    rows = np.flatnonzero(fold.relevant & (fold.item_index >= 0))
    keys = fold.test.user_index[rows].astype(np.int64) * fold.n_items + fold.item_index[rows]
    order = np.argsort(keys, kind="stable")  # ids of another type need not be in the order of the indices
    rows, keys = rows[order], keys[order]
    if not len(keys) or not lists.shape[1]:
        return np.zeros(lists.shape, np.bool_), row_hit
    queried = np.arange(len(lists), dtype=np.int64)[:, None] * fold.n_items + lists  # (T, m)
    place = np.minimum(np.searchsorted(keys, queried), len(keys) - 1)
    hits = (keys[place] == queried) & (lists >= 0)
    row_hit[rows[place[hits]]] = True
    return hits, row_hit


def _check_finite(recommender: Recommender, predictions: Float64Array) -> None:
    broken = int((~np.isfinite(predictions)).sum())
    if broken:
        raise TastemapError(
            f"{recommender.name} predicts ratings that are not finite for {broken:,} of {len(predictions):,} "
            "test rows: its fit has diverged; raise its regularization."
        )
