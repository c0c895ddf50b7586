r"""A start for alternations: user rows that span roughly the leading directions of what was seen.

One step of orthogonal iteration with the matrix M of zeros and ones, from random rows :math:`X_0` (U, d):

.. math:: Y = \operatorname{orth}(M^\top X_0), \qquad X = \operatorname{orth}(M Y) .

Alternations from random rows spend their first epochs finding these directions; the step costs less than one
epoch. Source: Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011,
section 4.5.
"""

from __future__ import annotations

import numpy as np

from tastemap.data import Interactions
from tastemap.linalg.gramian import gramian
from tastemap.linalg.products import ROWS_PER_PRODUCT, product_by_rows
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array
from tastemap.models.history_bags import sum_of_bags

NEGLIGIBLE = 1e-10
"""The share of the largest squared length below which a direction is rounding only."""


def leading_rows(train: Interactions, start: Float32Array) -> Float32Array:
    """Rows of the users, shape (U, d), float32, with the mean square of `start` (U, d); O(n d + U d^2)."""
    items = _orthogonal(sum_of_bags(train.by_item, start).astype(np.float32))  # (I, d)
    users = _orthogonal(sum_of_bags(train.by_user, items).astype(np.float32))
    scale = np.sqrt(np.square(start, dtype=np.float64).mean() / np.square(users, dtype=np.float64).mean())
    return users * np.float32(scale)


def _orthogonal(rows: Float32Array) -> Float32Array:
    """The rows times the matrix that makes the columns orthonormal: X (X'X)^(-1/2), up to a rotation."""
    with single_threaded_blas():
        squares, directions = np.linalg.eigh(gramian(rows))
    lengths = np.sqrt(np.maximum(squares, NEGLIGIBLE * squares[-1]))
    return product_by_rows(rows, directions / lengths, ROWS_PER_PRODUCT)
