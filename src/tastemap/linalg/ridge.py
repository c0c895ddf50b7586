r"""Weighted ridge solves, one small dense system a row: the engine of ALS and of fold-in.

For row :math:`u` with stored columns :math:`S`, weights :math:`w_i` and targets :math:`t_i`,
:func:`ridge_rows` returns the unique minimiser over :math:`x` of

.. math:: \sum_{i \in S} w_i (x^\top y_i - t_i)^2 + x^\top B x - 2 g^\top x + p_u \sum_{k < m} x_k^2,

with a matrix B and a vector g that all rows share and a penalty :math:`p_u` of the row's own on the first m
coordinates. :func:`ridge_row_reference` is the same in plain NumPy; :mod:`tastemap.linalg.conjugate` comes
near the minimum at less cost; :mod:`tastemap.linalg.ridge_split` says what each entry adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.threads import map_spans
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array

ENTRIES_PER_CHUNK = 256
"""Entries of a row gathered at a time: their features stay in the processor's first caches."""

BLOCK_WORK = 16_384
"""Entries that one thread takes at a time, counting d more for each row: popular rows cost thousands of
times more than rare ones."""


@dataclass(frozen=True, eq=False)
class RidgeRows:
    """The problems of B rows; see the formula above.

    Parameters
    ----------
    rows : CSR of shape (B, I)
        The stored columns of each row; values are not read.
    weights, targets : arrays of shape (nnz,), float
        Weight (> 0) and target of each entry. May be broadcast from one number.
    features : array of shape (I, d), float32
        One vector a column; fixed.
    common_penalty : array of shape (d, d), float64
        B, symmetric.
    common_pull : array of shape (d,), float64
        g.
    row_penalty : array of shape (B,), float64
        p. Where both penalties are zero the system may be singular: a pivot that is not positive gives a zero
        coordinate.
    n_penalized : int
        m, at most d.
    """

    rows: CSR
    weights: FloatArray
    targets: FloatArray
    features: Float32Array
    common_penalty: Float64Array
    common_pull: Float64Array
    row_penalty: Float64Array
    n_penalized: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and coordinates, (B, d)."""
        return self.rows.n_rows, self.features.shape[1]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Spans of rows of about equal work."""
        return self.rows.work_spans(self.features.shape[1], BLOCK_WORK)


def ridge_rows(problem: RidgeRows) -> tuple[Float32Array, Float64Array]:
    """Solve the problem of every row exactly.

    Returns
    -------
    (solved, losses) : arrays of shape (B, d), float32, and (B,), float64
        The minimisers, and what they leave of the objective above.

    Notes
    -----
    Cost O(nnz d^2 + B d^3); sums in float32 over 256 entries, in float64 beyond.
    Rows are independent: the same bits at any thread count.
    """
    n_rows, d = problem.shape
    solved, losses = np.zeros((n_rows, d), np.float32), np.zeros(n_rows)
    rows = problem.rows
    # Kernels are compiled for whole arrays of float32, which is what ratings and counts are.
    weights = np.ascontiguousarray(problem.weights, np.float32)
    targets = np.ascontiguousarray(problem.targets, np.float32)

    def solve(start: int, stop: int) -> None:
        # 16 columns more than a chunk: rows 1,024 bytes apart would fall into the same few cache sets.
        chunk = np.empty((2, d, ENTRIES_PER_CHUNK + 16), np.float32)
        _ridge_block(
            rows.indptr, rows.indices, weights, targets, problem.features, problem.common_penalty,
            problem.common_pull, problem.row_penalty, problem.n_penalized, start, stop,
            np.empty((d, d)), np.empty((2, d)), chunk[0], chunk[1], solved, losses,
        )  # fmt: skip

    map_spans(solve, problem.spans)
    return solved, losses


def ridge_row_reference(
    Y: FloatArray, weights: FloatArray, targets: FloatArray, penalty: FloatArray, pull: FloatArray | float = 0.0
) -> Float64Array:
    """The minimiser for one row: ``(Y' W Y + P) x = Y' W t + g`` with ``Y`` (s, d) and ``P`` (d, d)."""
    Y64 = Y.astype(np.float64)
    A = Y64.T @ (weights[:, None] * Y64) + penalty
    return np.linalg.solve(A.astype(np.float64), (Y64.T @ (weights * targets) + pull).astype(np.float64))


@fast_kernel
def _gather(
    features: Float32Array,
    indices: Int32Array,
    weights: Float32Array,
    targets: Float32Array,
    columns: Float32Array,
    weighted: Float32Array,
    b: Float64Array,
) -> float:
    """Transpose the features of a chunk of entries into rows: Y' and Y'W; add Y'Wt to b; returns t'Wt."""
    for entry in range(len(indices)):
        row = indices[entry]
        for factor in range(len(b)):
            columns[factor, entry] = features[row, factor]
    for factor in range(len(b)):
        total = 0.0
        for entry in range(len(indices)):
            weighted[factor, entry] = columns[factor, entry] * weights[entry]
            total += weighted[factor, entry] * targets[entry]
        b[factor] += total
    squares = 0.0
    for entry in range(len(indices)):
        squares += np.float64(weights[entry]) * targets[entry] * targets[entry]
    return squares


@fast_kernel
def add_gramian(weighted: FloatArray, columns: FloatArray, n: int, A: Float64Array) -> None:
    """A += Y'WY (at least the lower triangle) over the `n` entries of a chunk.

    Tiles of 4 x 2 sums stay in registers: each pass over a chunk loads six rows for eight products.
    Sums over one chunk are of the type of its values, between chunks float64. A row beyond d is its last row
    again, whose sum is then not stored.
    """
    d = len(A)
    for i in range(0, d, 4):
        i1, i2, i3 = min(i + 1, d - 1), min(i + 2, d - 1), min(i + 3, d - 1)
        for j in range(0, min(i + 4, d), 2):
            j1 = min(j + 1, d - 1)
            s00 = s01 = s10 = s11 = s20 = s21 = s30 = s31 = np.float32(0.0)
            for entry in range(n):
                y0, y1 = columns[j, entry], columns[j1, entry]
                w0, w1, w2, w3 = (
                    weighted[i, entry],
                    weighted[i1, entry],
                    weighted[i2, entry],
                    weighted[i3, entry],
                )
                s00 += w0 * y0
                s01 += w0 * y1
                s10 += w1 * y0
                s11 += w1 * y1
                s20 += w2 * y0
                s21 += w2 * y1
                s30 += w3 * y0
                s31 += w3 * y1
            _store(A, i, j, j1, s00, s01)
            if i1 > i:
                _store(A, i1, j, j1, s10, s11)
            if i2 > i1:
                _store(A, i2, j, j1, s20, s21)
            if i3 > i2:
                _store(A, i3, j, j1, s30, s31)


@fast_kernel
def _store(A: Float64Array, row: int, j: int, j1: int, left: np.float32, right: np.float32) -> None:
    A[row, j] += left
    if j1 > j:
        A[row, j1] += right


@fast_kernel
def dot(left: Float64Array, right: Float64Array, length: int) -> float:
    """The sum of the products of the first `length` values."""
    total = 0.0
    for column in range(length):
        total += left[column] * right[column]
    return total


@kernel
def cholesky(A: Float64Array) -> None:
    """Cholesky's factor of a positive definite A, in place, from and in its lower triangle."""
    d = len(A)
    for row in range(d):
        for column in range(row):
            pivot = A[column, column]
            rest = A[row, column] - dot(A[row], A[column], column)
            A[row, column] = rest / pivot if pivot > 0.0 else 0.0
        square = A[row, row] - dot(A[row], A[row], row)
        A[row, row] = np.sqrt(square) if square > 0.0 else 0.0


@kernel
def solve_cholesky(A: Float64Array, b: Float64Array) -> None:
    """Solve A x = b in place (x in b), given :func:`cholesky` of A."""
    d = len(b)
    for row in range(d):  # L z = b
        pivot = A[row, row]
        b[row] = (b[row] - dot(A[row], b, row)) / pivot if pivot > 0.0 else 0.0
    for row in range(d - 1, -1, -1):  # L' x = z
        pivot = A[row, row]
        b[row] = b[row] / pivot if pivot > 0.0 else 0.0
        for column in range(row):
            b[column] -= A[row, column] * b[row]


@kernel
def _ridge_block(
    indptr: Int64Array,
    indices: Int32Array,
    weights: Float32Array,
    targets: Float32Array,
    features: Float32Array,
    common_penalty: Float64Array,
    common_pull: Float64Array,
    row_penalty: Float64Array,
    n_penalized: int,
    start: int,
    stop: int,
    A: Float64Array,
    vectors: Float64Array,
    columns: Float32Array,
    weighted: Float32Array,
    solved: Float32Array,
    losses: Float64Array,
) -> None:
    d = features.shape[1]
    b, x = vectors[0], vectors[1]
    for row in range(start, stop):
        for factor in range(d):
            for other in range(d):
                A[factor, other] = common_penalty[factor, other]
            b[factor] = common_pull[factor]
        for factor in range(n_penalized):
            A[factor, factor] += row_penalty[row]
        loss = 0.0
        for first in range(indptr[row], indptr[row + 1], ENTRIES_PER_CHUNK):
            last = min(first + ENTRIES_PER_CHUNK, indptr[row + 1])
            loss += _gather(
                features, indices[first:last], weights[first:last], targets[first:last], columns, weighted, b
            )
            add_gramian(weighted, columns, last - first, A)
        for factor in range(d):
            x[factor] = b[factor]
        cholesky(A)
        solve_cholesky(A, x)
        for factor in range(d):
            solved[row, factor] = x[factor]
            loss -= x[factor] * b[factor]  # the minimum of t'Wt - 2 b'x + x'Ax, where Ax = b
        losses[row] = loss
