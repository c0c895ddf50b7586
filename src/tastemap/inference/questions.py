"""Which items to ask a new person about: known to many, judged differently, and unlike each other."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tastemap.errors import InvalidValueError
from tastemap.inference.similar import common_users
from tastemap.linalg.types import Float64Array, Int64Array
from tastemap.models.recommender import Recommender, check_recommender

CANDIDATES = 60
"""Items among which the most unlike ones are chosen, if no more are wanted."""


def informative_items(recommender: Recommender, n: int = 10, *, leave_out: Collection[int] = ()) -> Int64Array:
    """Items whose ratings say most of a new person's taste, in the order in which to ask.

    *Stability: experimental.*

    An item counts by the logarithm of its popularity (else most people cannot answer) times the entropy of
    its ratings (else everybody answers alike), times one less the largest share of users in common with an
    item asked before. Source: Rashid et al., "Getting to know you: learning new user preferences in
    recommender systems", IUI 2002, section 3; the last factor is ours.

    Parameters
    ----------
    recommender : Recommender
    n : int
        How many, >= 1.
    leave_out : collection of int
        Item indices not to ask about.

    Returns
    -------
    array of shape (at most n,), int64
        Item indices.

    Raises
    ------
    InvalidValueError
        If n < 1.
    """
    check_recommender(recommender)
    if n < 1:
        raise InvalidValueError(f"n must be >= 1. Got {n}.")
    data = recommender.train.interactions
    value = np.log1p(data.popularity) * (1.0 if data.is_implicit else _entropy(recommender))
    value[list(leave_out)] = 0.0
    candidates = np.lexsort((np.arange(len(value)), -value))[: max(CANDIDATES, n)]
    candidates = candidates[value[candidates] > 0.0]
    freedom, chosen = np.ones(len(value)), []
    for _ in range(min(n, len(candidates))):
        item = int(candidates[np.argmax((value * freedom)[candidates])])
        chosen.append(item)
        shared = common_users(recommender, item) / np.sqrt(
            np.maximum(1, data.popularity * data.popularity[item])
        )
        freedom = np.minimum(freedom, 1.0 - shared)
        candidates = candidates[candidates != item]
    return np.array(chosen, np.int64)


def _entropy(recommender: Recommender) -> Float64Array:
    """Entropy of the ratings of each item, in nats, shape (I,)."""
    data = recommender.train.interactions
    levels, level = np.unique(data.values, return_inverse=True)
    counts = np.zeros((data.n_items, len(levels)))
    np.add.at(counts, (data.item_index, level), 1.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0.0)
    entropy: Float64Array = -(shares * logs).sum(axis=1)
    return entropy
