r"""Draws from the posterior of linear regressions, one small problem a row: the engine of Gibbs sampling.

For a row with stored columns :math:`S`, vectors :math:`y_i`, targets :math:`t_i` with noise of precision
:math:`\alpha`, and the prior :math:`x \sim N(m, \Lambda^{-1})`, the posterior is normal with

.. math::
    A = \Lambda + \alpha \sum_{i \in S} y_i y_i^\top, \qquad
    A\, \mathrm{E}[x] = \Lambda m + \alpha \sum_{i \in S} t_i y_i,

and covariance :math:`A^{-1}`. With the Cholesky factor :math:`A = L L^\top` and a standard normal z,
:math:`x = \mathrm{E}[x] + L^{-\top} z` is a draw. :func:`row_posterior_reference` is the same in plain NumPy.
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.ridge import ENTRIES_PER_CHUNK, ROWS_PER_BLOCK, add_gramian, dot
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array


def draw_rows(
    rows: CSR,
    vectors: Float32Array,
    offsets: Float32Array,
    noise_precision: float,
    prior_means: Float64Array,
    prior_precision: Float64Array,
    normals: FloatArray,
) -> tuple[Float32Array, Float64Array]:
    """Draw the vector of every row from its posterior.

    Parameters
    ----------
    rows : CSR of shape (B, I)
        Observed values.
    vectors : array of shape (I, D), float32
        One vector a column; fixed.
    offsets : array of shape (I,), float32
        What is taken from a value for a target, column by column.
    noise_precision : float
        α > 0, one over the variance of a target.
    prior_means : array of shape (B, D), float64
    prior_precision : array of shape (D, D), float64
        Λ, positive definite.
    normals : array of shape (B, D), float
        A standard normal for each coordinate; zeros give the posterior means.

    Returns
    -------
    (draws, squares) : arrays of shape (B, D), float32, and (B,), float64
        The draws, and the sum of squared residuals of each row under its draw.

    Notes
    -----
    Cost O(nnz D^2 + B D^3); gramians are summed in float32 over 256 entries, in float64 beyond.
    Rows are independent: the same bits at any thread count.
    """
    n_rows, d = rows.n_rows, vectors.shape[1]
    draws, squares = np.empty((n_rows, d), np.float32), np.empty(n_rows)

    def draw(start: int, stop: int) -> None:
        # 16 columns more than a chunk: rows 1,024 bytes apart would fall into the same few cache sets.
        chunk = np.empty((d + 1, ENTRIES_PER_CHUNK + 16), np.float32)
        _draw_block(
            rows.indptr, rows.indices, rows.values, vectors, offsets, noise_precision, prior_means,
            prior_precision, normals, start, stop,
            np.empty((d + 1, d + 1)), np.empty((d, d)), np.empty(d), np.empty(d), chunk, draws, squares,
        )  # fmt: skip

    map_blocks(draw, n_rows, ROWS_PER_BLOCK)
    return draws, squares


def row_posterior_reference(
    Y: FloatArray,
    targets: FloatArray,
    noise_precision: float,
    prior_mean: FloatArray,
    prior_precision: FloatArray,
) -> tuple[Float64Array, Float64Array]:
    """Mean (D,) and precision (D, D) of one row, for vectors ``Y`` (s, D) and targets (s,)."""
    Y64 = Y.astype(np.float64)
    precision = prior_precision.astype(np.float64) + noise_precision * Y64.T @ Y64
    right = prior_precision @ prior_mean + noise_precision * Y64.T @ targets
    mean = np.linalg.solve(precision, right).astype(np.float64)
    return mean, precision


@fast_kernel
def _gather_with_targets(
    vectors: Float32Array,
    offsets: Float32Array,
    indices: Int32Array,
    values: Float32Array,
    columns: Float32Array,
) -> None:
    """Transpose the vectors of a chunk of entries into rows of `columns`, with the targets as the last row."""
    d = vectors.shape[1]
    for entry in range(len(indices)):
        row = indices[entry]
        for factor in range(d):
            columns[factor, entry] = vectors[row, factor]
        columns[d, entry] = values[entry] - offsets[row]


@fast_kernel
def _product(matrix: Float64Array, vector: Float64Array, product: Float64Array) -> None:
    """``product += matrix @ vector`` for a symmetric matrix, read from its lower triangle."""
    d = len(vector)
    for row in range(d):
        product[row] += matrix[row, row] * vector[row]
        for column in range(row):
            product[row] += matrix[row, column] * vector[column]
            product[column] += matrix[row, column] * vector[row]


@kernel
def _cholesky_draw(A: Float64Array, b: Float64Array, normals: FloatArray) -> None:
    """Put ``A^-1 b + L^-T normals`` into b, with A = L L' in the lower triangle of A."""
    d = len(b)
    for row in range(d):
        for column in range(row):
            A[row, column] = (A[row, column] - dot(A[row], A[column], column)) / A[column, column]
        A[row, row] = np.sqrt(A[row, row] - dot(A[row], A[row], row))
    for row in range(d):  # L w = b, and the noise: L' x = w + z
        b[row] = (b[row] - dot(A[row], b, row)) / A[row, row]
    for row in range(d - 1, -1, -1):
        b[row] = (b[row] + normals[row]) / A[row, row]
        for column in range(row):
            b[column] -= A[row, column] * b[row]


@kernel
def _draw_block(
    indptr: Int64Array,
    indices: Int32Array,
    values: Float32Array,
    vectors: Float32Array,
    offsets: Float32Array,
    noise_precision: float,
    prior_means: Float64Array,
    prior_precision: Float64Array,
    normals: FloatArray,
    start: int,
    stop: int,
    G: Float64Array,
    A: Float64Array,
    x: Float64Array,
    b: Float64Array,
    columns: Float32Array,
    draws: Float32Array,
    squares: Float64Array,
) -> None:
    d = vectors.shape[1]
    for row in range(start, stop):
        for factor in range(d + 1):
            for other in range(factor + 1):
                G[factor, other] = 0.0  # [Y t]'[Y t]
        for first in range(indptr[row], indptr[row + 1], ENTRIES_PER_CHUNK):
            last = min(first + ENTRIES_PER_CHUNK, indptr[row + 1])
            _gather_with_targets(vectors, offsets, indices[first:last], values[first:last], columns)
            add_gramian(columns, columns, last - first, G)
        for factor in range(d):
            x[factor] = noise_precision * G[d, factor]
            b[factor] = -2.0 * G[d, factor]
            for other in range(factor + 1):
                A[factor, other] = prior_precision[factor, other] + noise_precision * G[factor, other]
        _product(prior_precision, prior_means[row], x)
        _cholesky_draw(A, x, normals[row])
        for factor in range(d):
            draws[row, factor] = x[factor]
        # |t - Yx|^2 = t't + x'(Y'Yx - 2 Y't)
        _product(G, x, b)
        squares[row] = G[d, d] + dot(x, b, d)
