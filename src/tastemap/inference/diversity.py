r"""Lists of items that are good and unlike each other: maximal marginal relevance.

From a pool of candidates the next item of a list is

.. math:: \arg\max_i \; (1 - \delta) \, r_i - \delta \max_{j \text{ picked}} \cos(y_i, y_j),

with the relevance r, the scores of the pool scaled to [0, 1], and the diversity δ. Source: Carbonell and
Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing summaries", SIGIR
1998.
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.types import Float64Array, Int64Array

SMALLEST_POOL = 100
POOL_PER_PLACE = 5
LARGEST_POOL = 500
"""Unless a list is longer: time and memory rise by the square, 2 MB for this many."""


def pool_size(k: int) -> int:
    """How many of the best items a list of `k` is picked from."""
    return max(k, min(LARGEST_POOL, max(SMALLEST_POOL, POOL_PER_PLACE * k)))


def marginal_order(
    scores: Float64Array, similarities: Float64Array, nearest: Float64Array, k: int, diversity: float
) -> Int64Array:
    """The places in the pool of the items picked, in the order they are picked, shape (min(k, n),).

    Parameters
    ----------
    scores : array of shape (n,), float64
        Of the pool, the best first: of equal gains the first is taken.
    similarities : array of shape (n, n), float64
        Cosines within the pool.
    nearest : array of shape (n,), float64
        The largest cosine of each with what stands in the list already; -1 where nothing does.
    k : int
    diversity : float
        δ, 0 to 1.

    >>> alike = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> marginal_order(np.array([3.0, 2.9, 2.0]), alike, np.full(3, -1.0), 2, 0.6)
    array([0, 2])
    """
    width = np.ptp(scores) if len(scores) else 0.0
    relevance = (scores - scores.min()) / width if width > 0.0 else np.zeros(len(scores))
    wanted, nearest = (1.0 - diversity) * relevance, nearest.copy()
    picked = np.empty(min(k, len(scores)), np.int64)
    for place in range(len(picked)):
        best = int(np.argmax(wanted - diversity * nearest))
        picked[place], wanted[best] = best, -np.inf
        np.maximum(nearest, similarities[best], out=nearest)
    return picked
