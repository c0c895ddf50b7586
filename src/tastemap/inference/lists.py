"""The best items for batches of users: float32 blocks find candidates, one float64 kernel settles the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.top_k import TopK
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.models.base import Model, UsersByReach, UserStates

BLOCK_SCORES = 4_000_000
"""Scores held at once by one thread: 16 MB of float32."""

USERS_AT_ONCE = 512
"""Users whose lists a thread makes together."""

FIRST_ITEMS = 1024
"""Items that are looked at first where they come by reach."""

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
    state, so that scores are compared before they leave the cache of the processor. Where the state knows how
    high items can score at most (:meth:`UserStates.by_reach`), a list ends when no item left could enter it.
    """
    n_items = seen.n_columns
    mask = np.ones(n_items, np.bool_) if allowed is None else allowed
    width = min(k, n_items)
    items = np.full((len(states), width), -1, np.int32)
    scores = np.full((len(states), width), -np.inf)

    n_at_once = max(1, min(states.items_at_once, n_items))
    by_reach = states.by_reach()

    def rank(start: int, stop: int) -> None:
        rows = np.arange(start, stop)
        block = states if len(rows) == len(states) else states.take(rows)
        indptr = seen.indptr[start : stop + 1]
        best = TopK(2 * k + 16, seen_indptr=indptr, seen_indices=seen.indices, allowed=mask)
        if by_reach is None:
            _look_at_all(best, block, n_items, n_at_once)
        else:
            _look_by_reach(best, by_reach if block is states else by_reach.take(rows))
        candidates, exact = best.columns_by(block.score)
        items[start:stop], scores[start:stop] = candidates[:, :width], exact[:, :width]

    with single_threaded_blas():
        map_blocks(rank, len(states), max(1, min(USERS_AT_ONCE, BLOCK_SCORES // n_at_once)))
    return items, scores


def _look_at_all(best: TopK, block: UserStates, n_items: int, n_at_once: int) -> None:
    columns = np.arange(n_items, dtype=np.int32)
    for first in range(0, n_items, n_at_once):
        stop = min(first + n_at_once, n_items)
        best.add(block.score_range(first, stop), columns[first:stop])


def _look_by_reach(best: TopK, users: UsersByReach) -> None:
    """Look at items until none that is left can be among the best; a user who is done drops out."""
    items = users.items
    rows, first = np.arange(len(users)), 0
    while first < len(items) and len(rows):
        # Ever larger steps: one user is often done after few items, and needs few calls otherwise.
        stop = min(first + min(users.items_at_once, max(FIRST_ITEMS, first)), len(items))
        best.add(users.score_range(first, stop), items[first:stop], rows)
        first = stop
        if first < len(items):
            waiting = users.ceiling(first) >= best.worst(rows)
            if not waiting.all():
                users, rows = users.take(np.flatnonzero(waiting)), rows[waiting]


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
