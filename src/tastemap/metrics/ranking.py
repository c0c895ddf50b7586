r"""How good lists are, one figure a user: in 0 … 1, higher is better.

Every metric takes the same three things and is vectorized over B users:

- ``hits``, bool of shape (B, m) with m ≤ k: whether the item at each place of the list is relevant, as
  :func:`find_hits` tells. Places without an item are not hits; a list shorter than k has fewer hits to
  offer, nothing else changes.
- ``n_relevant``, int of shape (B,): the relevant test items :math:`|R_u|` of each user, those that can
  never be recommended (unknown to the model, masked) included.
- ``k``: the length the list should have.

A user without a relevant item has no answer: NaN, so that nobody averages such a user in by accident.
In the formulas :math:`h_{uj}` is 1 if place :math:`j = 1 \dots k` holds a relevant item, else 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastemap.errors import InvalidValueError

_Hits = NDArray[np.bool_]
_Counts = NDArray[np.integer[Any]]
_Figures = NDArray[np.float64]


def find_hits(lists: _Counts, users: _Counts, items: _Counts, n_items: int) -> tuple[_Hits, _Hits]:
    """Which places of the lists hold a relevant item, and which relevant items are listed.

    Parameters
    ----------
    lists : array of shape (B, m), int
        Item indices, -1 where a list is shorter.
    users, items : arrays of shape (n,), int
        The relevant items: the list 0 … B - 1 and the item index of each, -1 for an item that no list
        can hold. No pair stands there twice.
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
    relevant = users.astype(np.int64) * n_items + items  # (n,), one number per pair
    shown = np.arange(len(lists), dtype=np.int64)[:, None] * n_items + lists  # (B, m)
    hits: _Hits = np.isin(shown, relevant[known]) & listed
    found: _Hits = np.isin(relevant, shown[listed]) & known
    return hits, found


def precision(hits: _Hits, n_relevant: _Counts, k: int) -> _Figures:
    r"""Share of the k places that hold a relevant item.

    .. math:: P@k(u) = \frac{1}{k} \sum_{j=1}^{k} h_{uj}

    Divides by k even if the list is shorter or the user has fewer relevant items, so a user with
    ``n_relevant < k`` cannot reach 1.

    Returns
    -------
    array of shape (B,), float64
        NaN for a user without a relevant item.

    Raises
    ------
    InvalidValueError
        If shapes do not fit, k < 1, or a user has more hits than relevant items.

    Examples
    --------
    Relevant items at places 1 and 3 of 4: ``2 / 4``. The other user has nothing relevant.

    >>> hits = np.array([[True, False, True, False], [False, False, False, False]])
    >>> precision(hits, np.array([3, 0]), k=4)
    array([0.5, nan])
    """
    checked = _check(hits, n_relevant, k)
    return _where_relevant(checked.sum(axis=1) / k, n_relevant)


def recall(hits: _Hits, n_relevant: _Counts, k: int) -> _Figures:
    r"""Share of the user's relevant items that are in the list.

    .. math:: R@k(u) = \frac{1}{|R_u|} \sum_{j=1}^{k} h_{uj}

    A user with more than k relevant items cannot reach 1.

    Returns
    -------
    array of shape (B,), float64
        NaN for a user without a relevant item.

    Raises
    ------
    InvalidValueError
        As :func:`precision`.

    Examples
    --------
    Two of three relevant items are listed: ``2 / 3``.

    >>> recall(np.array([[True, False, True, False]]), np.array([3]), k=4).round(4)
    array([0.6667])
    """
    checked = _check(hits, n_relevant, k)
    return _where_relevant(checked.sum(axis=1) / np.maximum(n_relevant, 1), n_relevant)


def ndcg(hits: _Hits, n_relevant: _Counts, k: int) -> _Figures:
    r"""Normalized discounted cumulative gain with binary gains.

    .. math::
        \mathrm{NDCG}@k(u) = \frac{\sum_{j=1}^{k} h_{uj} / \log_2(j + 1)}
        {\sum_{j=1}^{\min(k, |R_u|)} 1 / \log_2(j + 1)}

    The ideal list starts with all relevant items, at most k of them: 1 can always be reached.

    Returns
    -------
    array of shape (B,), float64
        NaN for a user without a relevant item.

    Raises
    ------
    InvalidValueError
        As :func:`precision`.

    References
    ----------
    .. [1] Järvelin, Kekäläinen. Cumulated Gain-Based Evaluation of IR Techniques. ACM TOIS 2002.

    Examples
    --------
    Relevant at places 1 and 3, three relevant items: ``(1 + 1/2) / (1 + 1/log2(3) + 1/2)``, that is
    ``1.5 / 2.1309``.

    >>> ndcg(np.array([[True, False, True, False]]), np.array([3]), k=4).round(4)
    array([0.7039])
    """
    checked = _check(hits, n_relevant, k)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))  # (k,)
    ideal = np.cumsum(discounts)[np.clip(n_relevant, 1, k) - 1]  # (B,)
    # A padded last place, and sums in one order: a perfect list gives exactly 1.
    places = np.pad(checked, ((0, 0), (0, k - checked.shape[1])))  # (B, k)
    gains = np.cumsum(places * discounts, axis=1)[:, -1]  # (B,)
    return _where_relevant(gains / ideal, n_relevant)


def average_precision(hits: _Hits, n_relevant: _Counts, k: int) -> _Figures:
    r"""Mean precision at the places of the relevant items; its mean over users is MAP.

    .. math::
        AP@k(u) = \frac{1}{\min(k, |R_u|)} \sum_{j=1}^{k} h_{uj} \cdot \frac{1}{j} \sum_{l=1}^{j} h_{ul}

    Returns
    -------
    array of shape (B,), float64
        NaN for a user without a relevant item.

    Raises
    ------
    InvalidValueError
        As :func:`precision`.

    Examples
    --------
    Relevant at places 1 and 3, three relevant items: ``(1/1 + 2/3) / 3``.

    >>> average_precision(np.array([[True, False, True, False]]), np.array([3]), k=4).round(4)
    array([0.5556])
    """
    checked = _check(hits, n_relevant, k)
    places = np.arange(1, checked.shape[1] + 1)  # (m,)
    precision_at = np.cumsum(checked, axis=1) / places  # (B, m)
    best = np.clip(n_relevant, 1, k)
    return _where_relevant((checked * precision_at).sum(axis=1) / best, n_relevant)


def reciprocal_rank(hits: _Hits, n_relevant: _Counts, k: int) -> _Figures:
    r"""One over the place of the first relevant item; its mean over users is MRR.

    .. math:: RR@k(u) = 1 / \min \{ j \le k : h_{uj} = 1 \}

    Returns
    -------
    array of shape (B,), float64
        0 if no relevant item is listed; NaN for a user without a relevant item.

    Raises
    ------
    InvalidValueError
        As :func:`precision`.

    Examples
    --------
    The first relevant item stands at place 2.

    >>> reciprocal_rank(np.array([[False, True, True, False]]), np.array([3]), k=4)
    array([0.5])
    """
    checked = _check(hits, n_relevant, k)
    if not checked.shape[1]:
        return _where_relevant(np.zeros(len(checked)), n_relevant)
    first = 1.0 / (checked.argmax(axis=1) + 1)  # (B,)
    return _where_relevant(np.where(checked.any(axis=1), first, 0.0), n_relevant)


def hit_rate(hits: _Hits, n_relevant: _Counts, k: int) -> _Figures:
    r"""Whether the list holds any relevant item at all.

    .. math:: HR@k(u) = \max_{j \le k} h_{uj}

    Returns
    -------
    array of shape (B,), float64
        1 or 0; NaN for a user without a relevant item.

    Raises
    ------
    InvalidValueError
        As :func:`precision`.

    Examples
    --------
    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([1, 1]), k=2)
    array([1., 0.])
    """
    checked = _check(hits, n_relevant, k)
    return _where_relevant(np.where(checked.any(axis=1), 1.0, 0.0), n_relevant)


def _where_relevant(figures: _Figures, n_relevant: _Counts) -> _Figures:
    return np.where(n_relevant > 0, figures, np.nan)


def _check(hits: _Hits, n_relevant: _Counts, k: int) -> _Hits:
    if k < 1:
        raise InvalidValueError(f"k must be >= 1. Got {k}.")
    if hits.ndim != 2 or hits.shape[1] > k or n_relevant.shape != (len(hits),):
        raise InvalidValueError(
            f"hits must have shape (B, m) with m <= k = {k}, and n_relevant shape (B,). "
            f"Got {hits.shape} and {n_relevant.shape}; cut the lists to k places."
        )
    if (hits.sum(axis=1) > n_relevant).any():
        raise InvalidValueError(
            "n_relevant must be at least the number of hits of each user. Got a user with more hits; "
            "a relevant item may stand in a list only once."
        )
    return hits
