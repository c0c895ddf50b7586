"""Lists as arrays, with all rules kept: what the tables of ``recommend`` and the service are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastemap.inference.diversity import marginal_order, pool_size
from tastemap.inference.lists import top_lists
from tastemap.inference.rules import Prepared
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import BoolArray, Float32Array, Float64Array, Int32Array, IntArray
from tastemap.models.base import Model, UserStates
from tastemap.models.recommender import Recommender


@dataclass(frozen=True, eq=False)
class Ranking:
    """Lists of B users.

    Parameters
    ----------
    item_index : array of shape (B, min(k, I)), int32
        In the order of the list; -1 behind its end.
    scores : array of shape (B, min(k, I)), float64
        The model's; ``-inf`` behind the end. They fall from place to place where nothing is pinned and
        diversity is 0.
    pinned : array of shape (B, min(k, I)), bool
        Whether an item stands there because it is pinned.
    """

    item_index: Int32Array
    scores: Float64Array
    pinned: BoolArray


def rank(recommender: Recommender, states: UserStates, seen: CSR, k: int, prepared: Prepared) -> Ranking:
    """The lists of B users.

    Parameters
    ----------
    recommender : Recommender
    states : UserStates
        B users, fitted or folded in.
    seen : CSR of shape (B, I)
        Items that must not appear unless they are pinned.
    k : int
        List length, >= 1.
    prepared : Prepared
        ``rules.prepare(recommender)``, which may be kept.

    Notes
    -----
    Costs what :func:`tastemap.inference.lists.top_lists` does; with diversity also O(n^2 d) a user, for the
    similarities among a pool of n items: :func:`tastemap.inference.diversity.pool_size`.
    """
    pins = prepared.pins[:k]
    if not len(pins) and not prepared.diversity:
        items, scores = top_lists(states, k, seen=seen, allowed=prepared.allowed)
        return Ranking(items, scores, np.zeros(items.shape, np.bool_))
    allowed = prepared.allowed.copy()
    allowed[pins] = False
    items, scores = _others(recommender.model, states, seen, k - len(pins), prepared.diversity, pins, allowed)
    first = np.repeat(pins[None], len(states), axis=0)  # (B, p)
    width = min(k, recommender.model.n_items)
    everything = np.hstack([first, items])[:, :width]
    is_pinned = np.repeat((np.arange(width) < len(pins))[None], len(states), axis=0)
    return Ranking(everything, np.hstack([states.score(first), scores])[:, :width], is_pinned)


def popular(recommender: Recommender, k: int, prepared: Prepared, seen: CSR) -> Ranking:
    """Lists for people of whom nothing is known: the score is the number of training interactions.

    Of equally popular items the one with the lower index comes first. `seen` (B, I) and the rest as for
    :func:`rank`.
    """
    states = _Popularity(recommender.train.interactions.popularity.astype(np.float64), seen.n_rows)
    return rank(recommender, states, seen, k, prepared)


def _others(
    model: Model, states: UserStates, seen: CSR, n: int, diversity: float, pins: Int32Array, allowed: BoolArray
) -> tuple[Int32Array, Float64Array]:
    """What stands behind the pins: items and scores (B, <= n)."""
    if not n:
        return np.zeros((len(states), 0), np.int32), np.zeros((len(states), 0))
    if not diversity:
        return top_lists(states, n, seen=seen, allowed=allowed)
    pools, pool_scores = top_lists(states, pool_size(n), seen=seen, allowed=allowed)
    width = min(n, pools.shape[1])
    items, scores = np.full((len(states), width), -1, np.int32), np.full((len(states), width), -np.inf)
    for row, (pool, its_scores) in enumerate(zip(pools, pool_scores, strict=True)):
        candidates = pool[pool >= 0]
        its_scores = its_scores[: len(candidates)]
        cosines = model.similarities(np.concatenate([pins, candidates]))
        nearest = cosines[: len(pins), len(pins) :].max(axis=0, initial=-1.0)
        among = cosines[len(pins) :, len(pins) :]
        picked = marginal_order(its_scores, among, nearest, width, diversity)
        items[row, : len(picked)], scores[row, : len(picked)] = candidates[picked], its_scores[picked]
    return items, scores


@dataclass(frozen=True, eq=False)
class _Popularity:
    """B users of whom nothing is known: the states of a model whose scores are `counts` (I,), float64."""

    counts: Float64Array
    n_users: int

    def __len__(self) -> int:
        return self.n_users

    def take(self, rows: IntArray) -> _Popularity:
        return _Popularity(self.counts, len(rows))

    def score(self, item_index: Int32Array) -> Float64Array:
        return np.where(item_index >= 0, self.counts[item_index], 0.0)

    @property
    def items_at_once(self) -> int:
        return len(self.counts)

    def score_range(self, start: int = 0, stop: int | None = None) -> Float32Array:
        return np.tile(self.counts[start:stop].astype(np.float32), (self.n_users, 1))

    def by_reach(self) -> None:
        return None

    def spread(self, item_index: Int32Array) -> None:
        return None
