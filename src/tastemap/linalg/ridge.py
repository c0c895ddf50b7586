r"""Weighted ridge solves, one small dense system a row: the engine of ALS and of fold-in.

For row :math:`u` with stored columns :math:`S`, weights :math:`w_i` and targets :math:`t_i`,
:func:`ridge_rows` returns the unique minimiser over :math:`x` of

.. math:: \sum_{i \in S} w_i (x^\top y_i - t_i)^2 + x^\top P_u x,

with the penalty :math:`P_u = B + \operatorname{diag}(p_u)`: a matrix common to all rows and a
diagonal of the row's own. :func:`ridge_row_reference` is the same in plain NumPy.
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array

ROWS_PER_BLOCK = 64
"""Rows one thread takes at a time: small, since popular rows cost thousands of times more than rare ones."""


def ridge_rows(
    indptr: Int64Array,
    indices: Int32Array,
    weights: FloatArray,
    targets: FloatArray,
    features: Float32Array,
    *,
    common_penalty: Float64Array,
    row_penalty: Float64Array,
) -> Float32Array:
    """Solve the ridge problem of every row.

    Parameters
    ----------
    indptr, indices : arrays of shape (B + 1,) and (nnz,)
        The stored columns of each row.
    weights, targets : arrays of shape (nnz,), float
        Weight (> 0) and target of each entry.
    features : array of shape (I, d), float32
        One vector a column; fixed.
    common_penalty : array of shape (d, d), float64
        The part of the quadratic penalty that all rows share.
    row_penalty : array of shape (B, d), float64
        The diagonal part, row by row. Where both are zero the system may be singular:
        a pivot that is not positive gives a zero coordinate.

    Returns
    -------
    array of shape (B, d), float32
        The minimisers. A row without entries is zero.

    Notes
    -----
    Cost O(nnz d^2 + B d^3); sums in float64. Rows are independent: the same bits at any thread count.
    """
    n_rows, d = len(indptr) - 1, features.shape[1]
    solved = np.zeros((n_rows, d), np.float32)

    def solve(start: int, stop: int) -> None:
        _ridge_block(
            indptr, indices, weights, targets, features, common_penalty, row_penalty, start, stop, solved
        )

    if d:
        map_blocks(solve, n_rows, ROWS_PER_BLOCK)
    return solved


def ridge_row_reference(
    Y: FloatArray, weights: FloatArray, targets: FloatArray, penalty: FloatArray
) -> Float64Array:
    """The minimiser for one row: ``(Y' W Y + P) x = Y' W t`` with ``Y`` (s, d) and ``P`` (d, d)."""
    Y64 = Y.astype(np.float64)
    return np.linalg.solve(Y64.T @ (weights[:, None] * Y64) + penalty, Y64.T @ (weights * targets))


@fast_kernel
def _accumulate(A: Float64Array, b: Float64Array, y: Float64Array, weight: float, target: float) -> None:
    """A += w y y' (lower triangle), b += w t y."""
    for row in range(len(b)):
        scaled = weight * y[row]
        b[row] += scaled * target
        for column in range(row + 1):
            A[row, column] += scaled * y[column]


@fast_kernel
def _dot(left: Float64Array, right: Float64Array, length: int) -> float:
    total = 0.0
    for column in range(length):
        total += left[column] * right[column]
    return total


@kernel
def _cholesky_solve(A: Float64Array, b: Float64Array) -> None:
    """Solve A x = b in place (x in b) from the lower triangle of a positive definite A."""
    d = len(b)
    for row in range(d):
        for column in range(row):
            pivot = A[column, column]
            rest = A[row, column] - _dot(A[row], A[column], column)
            A[row, column] = rest / pivot if pivot > 0.0 else 0.0
        square = A[row, row] - _dot(A[row], A[row], row)
        A[row, row] = np.sqrt(square) if square > 0.0 else 0.0
    for row in range(d):  # L z = b
        pivot = A[row, row]
        b[row] = (b[row] - _dot(A[row], b, row)) / pivot if pivot > 0.0 else 0.0
    for row in range(d - 1, -1, -1):  # L' x = z
        pivot = A[row, row]
        b[row] = b[row] / pivot if pivot > 0.0 else 0.0
        for column in range(row):
            b[column] -= A[row, column] * b[row]


@kernel
def _ridge_block(
    indptr: Int64Array,
    indices: Int32Array,
    weights: FloatArray,
    targets: FloatArray,
    features: Float32Array,
    common_penalty: Float64Array,
    row_penalty: Float64Array,
    start: int,
    stop: int,
    solved: Float32Array,
) -> None:
    d = features.shape[1]
    A = np.empty((d, d))
    b = np.empty(d)
    y = np.empty(d)
    for row in range(start, stop):
        if indptr[row] == indptr[row + 1]:
            continue
        A[:] = common_penalty
        b[:] = 0.0
        for factor in range(d):
            A[factor, factor] += row_penalty[row, factor]
        for entry in range(indptr[row], indptr[row + 1]):
            y[:] = features[indices[entry]]
            _accumulate(A, b, y, weights[entry], targets[entry])
        _cholesky_solve(A, b)
        solved[row] = b
