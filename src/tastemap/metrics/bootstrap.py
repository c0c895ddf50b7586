r"""Intervals by resampling users: users are independent of each other, the rows of one user are not.

A draw gives every user a weight :math:`w_u`, how often the user was drawn: multinomial with U trials.
Statistics are ratios of sums over users, so a draw costs a product of matrices, no new lists:

.. math:: \theta_f(w) = \frac{\sum_u w_u\, a_{uf}}{\sum_u w_u\, b_{uf}}, \qquad
          \theta(w) = \frac{1}{F} \sum_{f=1}^{F} \theta_f(w)

over F folds; for RMSE :math:`\theta_f` is the root of that ratio. A user is drawn in all folds
together, and all models get the same weights, so differences between models are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastemap.errors import InvalidValueError

_Floats = NDArray[np.float64]

BLOCK_ENTRIES = 2**22
"""Weights held at a time (32 MiB); it fixes the order of sums, so it must not depend on the machine."""

FEWEST_USERS = 6
"""Users that a 95 % interval needs: by chance alone, five of five differ the same way once in 16 times."""


@dataclass(frozen=True, eq=False)
class Ratio:
    """A statistic of users.

    Parameters
    ----------
    numerators, denominators : arrays of shape (F, U), float64
        What each user adds in each fold. NDCG: the user's NDCG and 1, or 0 and 0 for a user who is
        left out. RMSE: the sum of squared errors and the number of rows.
    root : bool
        Whether to take the root of each fold's ratio.
    """

    numerators: _Floats
    denominators: _Floats
    root: bool = False

    @property
    def n_users(self) -> int:
        """Users that count in some fold, whose denominator is not zero."""
        return int(np.count_nonzero((self.denominators > 0.0).any(axis=0)))

    def fold_figures(self) -> _Floats:
        """The figure of each fold over all users, shape (F,); NaN for a fold without a denominator.

        >>> two_users = Ratio(np.array([[5.0, 4.0]]), np.array([[2.0, 1.0]]), root=True)
        >>> two_users.fold_figures().round(4)  # sqrt(9 / 3)
        array([1.7321])
        """
        return _quotients(self.numerators.sum(axis=1), self.denominators.sum(axis=1), self.root)


def mean_of_folds(figures: _Floats) -> _Floats:
    """Mean over the last axis, shape (..., F) -> (...), leaving out folds that are NaN; NaN if all are.

    >>> mean_of_folds(np.array([[1.0, 3.0], [1.0, np.nan], [np.nan, np.nan]]))
    array([ 2.,  1., nan])
    """
    defined = ~np.isnan(figures)
    return _quotients(np.where(defined, figures, 0.0).sum(axis=-1), defined.sum(axis=-1), root=False)


def bootstrap(ratios: Sequence[Ratio], *, n_draws: int, rng: np.random.Generator) -> _Floats:
    """Draw users with replacement and compute every statistic on every draw.

    Parameters
    ----------
    ratios : sequence of Ratio
        All over the same U users and in the same order of users.
    n_draws : int
        R ≥ 1.
    rng : Generator

    Returns
    -------
    array of shape (R, n_ratios), float64
        NaN where a draw leaves no fold a denominator.

    Raises
    ------
    InvalidValueError
        If n_draws < 1 or the ratios are not over the same users.

    Notes
    -----
    O(R U F n_ratios) time in blocks of :data:`BLOCK_ENTRIES` weights.

    Examples
    --------
    A statistic that is the same for every user does not vary.

    >>> same = Ratio(np.full((1, 5), 0.5), np.ones((1, 5)))
    >>> bootstrap([same], n_draws=3, rng=np.random.default_rng(0))[:, 0]
    array([0.5, 0.5, 0.5])
    """
    if n_draws < 1:
        raise InvalidValueError(f"n_draws must be >= 1. Got {n_draws}.")
    if len({ratio.numerators.shape[-1] for ratio in ratios}) > 1:
        raise InvalidValueError("ratios must all be over the same users. Got different numbers of users.")
    if not ratios or not ratios[0].numerators.size:
        return np.full((n_draws, len(ratios)), np.nan)
    parts = [np.concatenate((ratio.numerators, ratio.denominators)) for ratio in ratios]  # each (2F, U)
    columns = np.concatenate(parts).T  # (U, sum 2F)
    ends = np.cumsum([len(part) for part in parts])
    draws = np.empty((n_draws, len(ratios)))
    block = max(1, BLOCK_ENTRIES // len(columns))
    for start in range(0, n_draws, block):
        stop = min(start + block, n_draws)
        sums = user_weights(len(columns), stop - start, rng) @ columns  # (b, sum 2F)
        for column, (ratio, end, part) in enumerate(zip(ratios, ends, parts, strict=True)):
            mine = sums[:, end - len(part) : end]
            above, below = np.split(mine, 2, axis=1)  # (b, F) each
            draws[start:stop, column] = mean_of_folds(_quotients(above, below, ratio.root))
    return draws


def user_weights(n_users: int, n_draws: int, rng: np.random.Generator) -> _Floats:
    """How often each user is drawn when n_users are drawn with replacement, shape (n_draws, n_users).

    >>> user_weights(4, 2, np.random.default_rng(0)).sum(axis=1)
    array([4., 4.])
    """
    weights = np.empty((n_draws, n_users))
    for draw in range(n_draws):
        weights[draw] = np.bincount(rng.integers(n_users, size=n_users), minlength=n_users)
    return weights


def interval(draws: _Floats, n_users: int) -> tuple[float, float] | None:
    """The 2.5 and 97.5 percentiles of draws of shape (R,), those that are NaN left out.

    None if all are NaN, or if `n_users`, the users that count, are fewer than :data:`FEWEST_USERS`: draws
    of so few vary too little, and those of a single user not at all.

    >>> interval(np.arange(101.0), 50), interval(np.arange(101.0), 5)
    ((2.5, 97.5), None)
    """
    defined = draws[~np.isnan(draws)]
    if n_users < FEWEST_USERS or not len(defined):
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def _quotients(above: _Floats, below: NDArray[Any], root: bool) -> _Floats:
    quotients = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotients, where=below > 0)
    return np.sqrt(quotients) if root else quotients
