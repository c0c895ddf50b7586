r"""Known features of rows, decomposed once so that a sampler can use them cheaply.

A matrix of features :math:`F = P \operatorname{diag}(s) Q^\top` enters a linear model only through
:math:`F \beta = P \operatorname{diag}(s) \gamma` with :math:`\gamma = Q^\top \beta`. In these coordinates the
columns of F are orthogonal, so that the rows of γ can be drawn independently: a sweep costs two products with P
where a solve with F'F would stand otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tastemap.data.feature_columns import FeatureColumn
from tastemap.linalg.csr import CSR, row_numbers
from tastemap.linalg.gramian import gramian
from tastemap.linalg.products import product_by_rows
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray

SMALLEST = 1e-8
"""Share of the largest eigenvalue of F'F below which a direction is rounding."""
ROWS_PER_BLOCK = 256


@dataclass(frozen=True, eq=False)
class SideFeatures:
    """Features of n rows as the left half of their singular value decomposition.

    Parameters
    ----------
    left : array of shape (n, r), float32
        P, orthonormal columns.
    singular : array of shape (r,), float64
        s > 0.
    """

    left: Float32Array
    singular: Float64Array

    def project(self, rows: FloatArray) -> Float64Array:
        """``P' rows`` for rows of shape (n, D), shape (r, D)."""
        return product_by_rows(self.left.T, rows, ROWS_PER_BLOCK).astype(np.float64)

    def expand(self, weights: FloatArray) -> Float64Array:
        """``P weights`` for weights of shape (r, D), shape (n, D)."""
        return product_by_rows(self.left, weights, ROWS_PER_BLOCK).astype(np.float64)


def decomposed(features: Float32Array) -> SideFeatures:
    """Decompose features of shape (n, m) by the gramian of the smaller side; O(n m min(n, m))."""
    n, m = features.shape
    with single_threaded_blas():
        if n <= m:
            squares, left = np.linalg.eigh(gramian(features.T))
        else:
            squares, right = np.linalg.eigh(gramian(features))
        kept = squares > SMALLEST * max(squares.max(initial=0.0), np.finfo(np.float64).tiny)
        singular = np.sqrt(squares[kept])
        if n > m:
            left = features.astype(np.float64) @ (right / np.sqrt(np.where(kept, squares, 1.0)))
    return SideFeatures(np.ascontiguousarray(left[:, kept], np.float32), singular)


def history_matrix(history: CSR) -> Float32Array:
    """One over the root of a row's length at each entry of the row, 0 elsewhere; dense, shape (n, m)."""
    matrix = np.zeros((history.n_rows, history.n_columns), np.float32)
    rows = row_numbers(history.indptr)
    matrix[rows, history.indices] = (1.0 / np.sqrt(np.maximum(history.row_lengths, 1)))[rows]
    return matrix


def column_matrix(columns: Sequence[FeatureColumn]) -> Float32Array:
    """A column for each value of each feature, 1 where a row has it, less its mean; dense, shape (n, m).

    The mean row is zero, and so is a row of which nothing is known.
    """
    parts = []
    for column in columns:
        matrix = np.zeros((column.values.n_rows, column.n_values))
        matrix[row_numbers(column.values.indptr), column.values.indices] = 1.0
        known = column.values.row_lengths > 0
        parts.append((matrix - matrix[known].mean(axis=0) if known.any() else matrix) * known[:, None])
    return np.hstack(parts).astype(np.float32)
