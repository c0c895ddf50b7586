r"""How far predicted ratings are from the ratings: in stars, lower is better.

With test rows :math:`T`, ratings :math:`r_{ui}` and predicted ratings :math:`\hat r_{ui}`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastemap.errors import InvalidValueError

_Floats = NDArray[np.floating[Any]]


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


def mae(ratings: _Floats, predictions: _Floats) -> float:
    r"""Mean absolute error, in stars.

    .. math:: \mathrm{MAE} = \frac{1}{|T|} \sum_{(u, i) \in T} |\hat r_{ui} - r_{ui}|

    Parameters
    ----------
    ratings, predictions : arrays of shape (n,)
        In stars. Sums are taken in float64.

    Returns
    -------
    float
        0 if every prediction is exact; NaN if there is no row. Never above :func:`rmse`.

    Raises
    ------
    InvalidValueError
        If the shapes differ.

    Examples
    --------
    Errors of 1, 0 and 2 stars: ``(1 + 0 + 2) / 3``.

    >>> mae(np.array([4.0, 3.0, 1.0]), np.array([5.0, 3.0, 3.0]))
    1.0
    """
    errors = _errors(ratings, predictions)
    return float(np.mean(np.abs(errors))) if len(errors) else float("nan")


def _errors(ratings: _Floats, predictions: _Floats) -> NDArray[np.float64]:
    if ratings.ndim != 1 or ratings.shape != predictions.shape:
        raise InvalidValueError(
            "ratings and predictions must have the same shape (n,). "
            f"Got {ratings.shape} and {predictions.shape}; give one prediction per rating."
        )
    return predictions.astype(np.float64) - ratings.astype(np.float64)
