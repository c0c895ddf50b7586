"""One model on one fold: predictions and lists for blocks of users, and what each user adds to each metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tastemap.errors import TastemapError
from tastemap.evaluation.fold import Fold, Tested
from tastemap.evaluation.names import METRICS, metric_of
from tastemap.inference.lists import top_lists, user_blocks
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.metrics import beyond, ranking, rating
from tastemap.models.base import UserStates
from tastemap.models.recommender import Recommender

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

Sums = Mapping[str, tuple[Float64Array, Float64Array]]
"""For each metric that is a ratio of sums over users: what each of T users adds above and below, (T,) each."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What one model did on one fold with T test users and n test rows.

    Parameters
    ----------
    sums : Sums
    fixed : dict of str to float
        Metrics of all lists together.
    predictions : array of shape (n,), float64, or None
        Predicted ratings of the test rows.
    row_hit : array of shape (n,), bool, or None
        Whether each test row is relevant and listed for its user.
    """

    sums: Sums
    fixed: dict[str, float]
    predictions: Float64Array | None
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
    tested = fold.tested
    rates = "rating" in families and recommender.objective == "rating" and not tested.rows.is_implicit
    predictions = np.empty(len(tested.rows)) if rates else None
    lists = _no_lists(fold, k) if families != {"rating"} else None  # (T, m)
    for users, states in user_blocks(_states_of(recommender, fold), tested.n_users):
        if predictions is not None:
            _predict(recommender, fold, users, states, predictions)
        if lists is not None:
            _list(fold, users, states, k, lists)
    sums: dict[str, tuple[Float64Array, Float64Array]] = {}
    fixed: dict[str, float] = {}
    row_hit = None
    if predictions is not None:
        _check_finite(recommender, predictions)
        sums.update(_rating_sums(tested, predictions))
    if lists is not None:
        hits, row_hit = _hits(fold, lists)
        sums.update(_ranking_sums(fold, hits, lists, k))
        counts = beyond.exposure(lists, fold.n_items)
        fixed = {f"coverage@{k}": beyond.coverage(counts), f"gini@{k}": beyond.gini(counts)}
    return Measured(
        sums={name: sums[name] for name in names if name in sums},
        fixed={name: fixed[name] for name in names if name in fixed},
        predictions=predictions,
        row_hit=row_hit,
    )


def error_sums(users: IntArray, ratings: Float64Array, predictions: Float64Array, n_users: int) -> Sums:
    """What each user adds to ``rmse`` and ``mae``."""
    squared, absolute, rows = rating.error_sums(users, ratings, predictions, n_users)
    return {"rmse": (squared, rows), "mae": (absolute, rows)}


def _states_of(recommender: Recommender, fold: Fold) -> Callable[[Int64Array], UserStates]:
    model = recommender.model
    if fold.folds_in:
        return lambda users: model.fold_in(fold.history.take(users))
    return lambda users: model.users(fold.user_index[users])


def _predict(
    recommender: Recommender, fold: Fold, users: Int64Array, states: UserStates, predictions: Float64Array
) -> None:
    """Fill in the predicted ratings of the block's test rows; unknown sides contribute zero."""
    ends = fold.tested.rows.by_user.indptr
    last = ends[users[-1] + 1]
    for first in range(ends[users[0]], last, ROW_BLOCK):
        rows = slice(first, min(first + ROW_BLOCK, last))
        row_states = states.take(fold.tested.rows.user_index[rows] - users[0])
        score = row_states.score(fold.item_index[rows, None])[:, 0]  # (b,)
        predictions[rows] = recommender.model.link.apply(score)


def _no_lists(fold: Fold, k: int) -> Int32Array:
    return np.full((fold.tested.n_users, min(k, fold.n_items)), -1, np.int32)


def _list(fold: Fold, users: Int64Array, states: UserStates, k: int, lists: Int32Array) -> None:
    """Fill in the lists of the block's users who have a relevant test row."""
    wanted = np.flatnonzero(fold.tested.n_relevant[users] > 0)
    if len(wanted):
        lists[users[wanted]], _ = top_lists(states.take(wanted), k, seen=fold.masked.take(users[wanted]))


def _rating_sums(tested: Tested, predictions: Float64Array) -> Sums:
    rows, known = tested.rows, tested.known_row
    ratings = rows.values.astype(np.float64)
    of_known = error_sums(rows.user_index[known], ratings[known], predictions[known], tested.n_users)
    every = error_sums(rows.user_index, ratings, predictions, tested.n_users)
    return {**every, "rmse_known": of_known["rmse"]}


def _ranking_sums(fold: Fold, hits: BoolArray, lists: Int32Array, k: int) -> Sums:
    """Each user's figure and 1, or 0 and 0 for a user without a relevant row; novelty by listed items."""
    n_relevant = fold.tested.n_relevant
    counted = (n_relevant > 0).astype(np.float64)  # (T,)
    train = fold.train.interactions
    bits = beyond.information(train.popularity, train.n_users)
    return {
        **{
            METRICS[stem].name(k): (np.nan_to_num(figure(hits, n_relevant, k), nan=0.0), counted)
            for stem, figure in PER_USER.items()
        },
        f"novelty@{k}": beyond.novelty_sums(lists, bits),
    }


def _hits(fold: Fold, lists: Int32Array) -> tuple[BoolArray, BoolArray]:
    """Whether each place of each list is relevant, (T, m), and whether each test row is hit, (n,)."""
    rows = np.flatnonzero(fold.tested.relevant)
    row_hit = np.zeros(len(fold.tested.rows), np.bool_)
    users = fold.tested.rows.user_index[rows]
    hits, row_hit[rows] = ranking.find_hits(lists, users, fold.item_index[rows], fold.n_items)
    return hits, row_hit


def _check_finite(recommender: Recommender, predictions: Float64Array) -> None:
    broken = int((~np.isfinite(predictions)).sum())
    if broken:
        raise TastemapError(
            f"{recommender.name} predicts ratings that are not finite for {broken:,} of {len(predictions):,} "
            "test rows: its fit has diverged; raise its regularization."
        )
