r"""How far predicted ratings are from the ratings: in stars, lower is better.

With test rows :math:`T`, ratings :math:`r_{ui}` and predicted ratings :math:`\hat r_{ui}`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastemap.errors import InvalidValueError

_Floats = NDArray[np.floating[Any]]
_Ints = NDArray[np.integer[Any]]
_Figures = NDArray[np.float64]


def rmse(ratings: _Floats, predictions: _Floats) -> float:
    r"""Root mean squared error, in stars.

    .. math:: \mathrm{RMSE} = \sqrt{\frac{1}{|T|} \sum_{(u, i) \in T} (\hat r_{ui} - r_{ui})^2}

    Parameters
    ----------
    ratings, predictions : arrays of shape (n,)
        In stars. Sums are taken in float64.

    Returns
    -------
    float
        0 if every prediction is exact; NaN if there is no row.

    Raises
    ------
    InvalidValueError
        If the shapes differ.

    Examples
    --------
    Errors of 1, 0 and 2 stars: ``sqrt((1 + 0 + 4) / 3)``.

    >>> round(rmse(np.array([4.0, 3.0, 1.0]), np.array([5.0, 3.0, 3.0])), 4)
    1.291
    """
    errors = _errors(ratings, predictions)
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else float("nan")


def error_sums(
    users: _Ints, ratings: _Floats, predictions: _Floats, n_users: int
) -> tuple[_Figures, _Figures, _Figures]:
    r"""What each user adds to RMSE and MAE: squared errors, absolute errors, rows.

    .. math:: \mathrm{RMSE} = \sqrt{\frac{\sum_u \sum_{i \in T_u} (\hat r_{ui} - r_{ui})^2}{\sum_u |T_u|}}, \;
              \mathrm{MAE} = \frac{\sum_u \sum_{i \in T_u} |\hat r_{ui} - r_{ui}|}{\sum_u |T_u|}

    Parameters
    ----------
    users : array of shape (n,), int
        The user 0 … n_users - 1 of each row.
    ratings, predictions : arrays of shape (n,)
        In stars. Sums are taken in float64.
    n_users : int

    Returns
    -------
    (squared, absolute, rows) : arrays of shape (n_users,), float64
        0 for a user without a row.

    Raises
    ------
    InvalidValueError
        If the shapes differ.

    Examples
    --------
    Errors of 1 and 0 stars for the first user, 2 for the second: an MAE of ``(1 + 2) / (2 + 1)``.

    >>> error_sums(np.array([0, 0, 1]), np.array([4.0, 3.0, 1.0]), np.array([5.0, 3.0, 3.0]), 2)
    (array([1., 4.]), array([1., 2.]), array([2., 1.]))
    """
    errors = _errors(ratings, predictions)

    def total(amounts: _Figures) -> _Figures:
        return np.bincount(users, amounts, n_users).astype(np.float64)  # (U,)

    return total(errors**2), total(np.abs(errors)), total(np.ones(len(errors)))


def _errors(ratings: _Floats, predictions: _Floats) -> _Figures:
    if ratings.ndim != 1 or ratings.shape != predictions.shape:
        raise InvalidValueError(
            "ratings and predictions must have the same shape (n,). "
            f"Got {ratings.shape} and {predictions.shape}; give one prediction per rating."
        )
    return predictions.astype(np.float64) - ratings.astype(np.float64)
