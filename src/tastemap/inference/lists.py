"""The best items for batches of users: float32 blocks find candidates, one float64 kernel settles the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.top_k import TopK
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.models.base import Model, UserStates

BLOCK_SCORES = 4_000_000
"""Scores held at once by one thread: 16 MB of float32."""

USERS_AT_ONCE = 512
"""Users whose lists a thread makes together."""

USER_BLOCK = 4096
"""Users whose states are held at a time where all of many users are looked at."""


def top_lists(
    states: UserStates, k: int, *, seen: CSR, allowed: BoolArray | None = None
) -> tuple[Int32Array, Float64Array]:
    """The `k` best unseen, allowed items of each user.

    Parameters
    ----------
    states : UserStates
        B users, fitted or folded in.
    k : int
        List length, >= 1.
    seen : CSR of shape (B, I)
        Items that must not appear.
    allowed : array of shape (I,), bool, or None
        Items that may appear at all; None allows all.

    Returns
    -------
    (items, scores) : arrays of shape (B, min(k, I)), int32 and float64
        By falling score, equal scores by rising item index. Where fewer items are valid the rest of
        the row is -1 and ``-inf``.

    Notes
    -----
    2k + 16 candidates come from float32 scores, whose rounding could swap near neighbors; their float64
    scores decide. Memory: a block of scores a thread, never users x items: as many items at once as suit the
    state, so that scores are compared before they leave the cache of the processor.
    """
    n_items = seen.n_columns
    mask = np.ones(n_items, np.bool_) if allowed is None else allowed
    width = min(k, n_items)
    items = np.full((len(states), width), -1, np.int32)
    scores = np.full((len(states), width), -np.inf)

    n_at_once = max(1, min(states.items_at_once, n_items))

    def rank(start: int, stop: int) -> None:
        block = states if stop - start == len(states) else states.take(np.arange(start, stop))
        indptr = seen.indptr[start : stop + 1]
        best = TopK(2 * k + 16, seen_indptr=indptr, seen_indices=seen.indices, allowed=mask)
        for first in range(0, n_items, n_at_once):
            best.add(block.score_range(first, first + n_at_once), first)
        candidates, exact = best.columns_by(block.score)
        items[start:stop], scores[start:stop] = candidates[:, :width], exact[:, :width]

    with single_threaded_blas():
        map_blocks(rank, len(states), max(1, min(USERS_AT_ONCE, BLOCK_SCORES // n_at_once)))
    return items, scores


def user_blocks(
    states_of: Callable[[Int64Array], UserStates], n_users: int
) -> Iterator[tuple[Int64Array, UserStates]]:
    """The rows 0 … n_users - 1 in blocks, each with the states of its users."""
    for start in range(0, n_users, USER_BLOCK):
        rows = np.arange(start, min(start + USER_BLOCK, n_users))
        yield rows, states_of(rows)


def lists_of(model: Model, user_index: IntArray, k: int, *, seen: CSR) -> Int32Array:
    """Lists of many fitted users, shape (B, min(k, I)), as :func:`top_lists` makes them, a block at a time.

    Parameters
    ----------
    model : Model
    user_index : array of shape (B,), int
    k : int
    seen : CSR of shape (U, I)
        Items that must not appear, for every fitted user.
    """
    lists = np.empty((len(user_index), min(k, seen.n_columns)), np.int32)
    for rows, states in user_blocks(lambda rows: model.users(user_index[rows]), len(user_index)):
        lists[rows], _ = top_lists(states, k, seen=seen.take(user_index[rows]))
    return lists
