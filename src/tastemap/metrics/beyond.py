r"""What lists do to a catalog, apart from being right: how much of it they show, and how evenly.

Lists are item indices of shape (B, k), padded with -1 where a list is shorter; padding never counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastemap.errors import InvalidValueError

_Ints = NDArray[np.integer[Any]]


def exposure(lists: _Ints, n_items: int) -> NDArray[np.int64]:
    """How many of the lists hold each item, shape (n_items,), int64.

    >>> exposure(np.array([[0, 2], [2, -1]]), 4)
    array([1, 0, 2, 0])
    """
    return np.bincount(lists[lists >= 0], minlength=n_items).astype(np.int64)


def coverage(counts: _Ints) -> float:
    r"""Share of the catalog that is recommended to anyone.

    .. math:: \mathrm{coverage} = |\{ i : e_i > 0 \}| \,/\, I

    Parameters
    ----------
    counts : array of shape (I,), int
        :math:`e_i`, the lists that hold each item of the catalog; see :func:`exposure`.

    Returns
    -------
    float
        In 0 … 1; 0 if there is no list; NaN for an empty catalog.

    Examples
    --------
    Two of four items are listed.

    >>> coverage(np.array([1, 0, 2, 0]))
    0.5
    """
    return float(np.count_nonzero(counts) / len(counts)) if len(counts) else float("nan")


def information(popularity: _Ints, n_users: int) -> NDArray[np.float64]:
    r"""Surprise of each item, in bits: :math:`-\log_2` of the share of users who have it.

    An item nobody has is taken as one that a single user has, the rarest there can be.

    Parameters
    ----------
    popularity : array of shape (I,), int
        Users who have each item.
    n_users : int
        All users.

    Returns
    -------
    array of shape (I,), float64

    Raises
    ------
    InvalidValueError
        If `n_users` is smaller than 1 or than a popularity.

    Examples
    --------
    Of 8 users all have the first item, half the second, nobody the third.

    >>> information(np.array([8, 4, 0]), 8)
    array([0., 1., 3.])
    """
    if n_users < max(1, int(popularity.max(initial=0))):
        raise InvalidValueError(
            f"n_users must be at least 1 and at least the largest popularity. Got {n_users} users; "
            "count each user once per item."
        )
    # log2(n) - log2(p) is exactly 0 for p = n and never gives -0.0
    surprise: NDArray[np.float64] = np.log2(n_users) - np.log2(np.maximum(popularity, 1))
    return surprise


def novelty_sums(lists: _Ints, bits: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""What each list adds to novelty, the mean surprise of the listed items; 1 bit more: half as many users.

    .. math:: \mathrm{novelty} = \frac{\sum_u \sum_{i \in L_u} -\log_2 (n_i / U)}{\sum_u |L_u|}

    Parameters
    ----------
    lists : array of shape (B, k), int
        Item indices, -1 where a list is shorter.
    bits : array of shape (I,), float64
        From :func:`information`.

    Returns
    -------
    (surprise, listed) : arrays of shape (B,), float64
        The bits of the listed items, and how many there are.

    Examples
    --------
    Items 0, 1 and 2 are listed: a novelty of ``(1 + 3) / (2 + 1)``.

    >>> novelty_sums(np.array([[0, 1], [2, -1]]), np.array([0.0, 1.0, 3.0]))
    (array([1., 3.]), array([2., 1.]))
    """
    listed = lists >= 0
    surprise = np.append(bits, 0.0)[lists].sum(axis=1)  # the last for places of -1
    return surprise, listed.sum(axis=1).astype(np.float64)


def gini(counts: _Ints) -> float:
    r"""Inequality of exposure over the catalog: 0 if all items are shown alike, near 1 if one item has it all.

    With exposures sorted to rise, :math:`e_{(1)} \le \dots \le e_{(I)}`,

    .. math:: G = \frac{\sum_{j=1}^{I} (2j - I - 1)\, e_{(j)}}{I \sum_j e_{(j)}} .

    Parameters
    ----------
    counts : array of shape (I,), int
        The lists that hold each item of the catalog; items never shown count with 0.

    Returns
    -------
    float
        In 0 … (I - 1) / I; 0 if nothing is shown; NaN for an empty catalog.

    Examples
    --------
    Exposures 0, 0, 1, 2: ``(-3 * 0 - 1 * 0 + 1 * 1 + 3 * 2) / (4 * 3)``.

    >>> round(gini(np.array([1, 0, 2, 0])), 4)
    0.5833
    """
    if not len(counts):
        return float("nan")
    n_items, total = len(counts), int(counts.sum())
    if not total:
        return 0.0
    rising = np.sort(counts).astype(np.int64)
    place = np.arange(1, n_items + 1, dtype=np.int64)
    return float(((2 * place - n_items - 1) * rising).sum() / (n_items * total))
