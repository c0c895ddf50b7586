"""Pairs of a row and a column as one number each, and which of them are among others."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.types import BoolArray, Int64Array, IntArray


def pair_keys(rows: IntArray, columns: IntArray, n_columns: int) -> Int64Array:
    """One number a pair, int64, in the order of rows, then columns; shapes are broadcast."""
    keys: Int64Array = rows.astype(np.int64) * n_columns + columns
    return keys


def is_among(queried: Int64Array, keys: Int64Array) -> BoolArray:
    """Whether each queried key, of any shape, is one of `keys`, which rise (shape (n,)).

    O(log n) a query. ``numpy.isin`` sorts both sides together, which takes many times as long.

    >>> is_among(np.array([[3, 4], [9, 1]]), np.array([1, 3, 5])).tolist()
    [[True, False], [False, True]]
    """
    if not len(keys):
        return np.zeros(queried.shape, np.bool_)
    place = np.minimum(np.searchsorted(keys, queried), len(keys) - 1)
    found: BoolArray = keys[place] == queried
    return found


def find_hits(lists: IntArray, users: IntArray, items: IntArray, n_items: int) -> tuple[BoolArray, BoolArray]:
    """Which places of lists hold an item of a set of their user, and which items of the sets are listed.

    Parameters
    ----------
    lists : array of shape (B, m), int
        Item indices, -1 where a list is shorter.
    users, items : arrays of shape (n,), int
        The sets: the list 0 … B - 1 and the item index of each member, -1 for an item that no list can
        hold. No other pair stands there twice.
    n_items : int
        Items of the catalog.

    Returns
    -------
    (hits, found) : arrays of shape (B, m) and (n,), bool

    Examples
    --------
    >>> hits, found = find_hits(np.array([[3, 1], [0, -1]]), np.array([0, 1, 1]), np.array([1, 2, -1]), 4)
    >>> hits.tolist(), found.tolist()
    ([[False, True], [False, False]], [True, False, False])
    """
    known, listed = items >= 0, lists >= 0
    members = pair_keys(users, items, n_items)  # (n,)
    shown = pair_keys(np.arange(len(lists))[:, None], lists, n_items)  # (B, m)
    hits = is_among(shown, _sorted(members[known])) & listed
    found = is_among(members, _sorted(shown[listed])) & known
    return hits, found


def _sorted(keys: Int64Array) -> Int64Array:
    """Rising; a stable sort is quick on keys that mostly rise already."""
    return np.sort(keys, kind="stable")
