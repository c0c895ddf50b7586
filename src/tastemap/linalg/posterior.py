r"""Draws from the posterior of linear regressions, one small problem a row: the engine of Gibbs sampling.

For a row with stored columns :math:`S`, vectors :math:`y_i`, targets :math:`t_i` with noise of precision
:math:`\alpha`, and the prior :math:`x \sim N(m, \Lambda^{-1})`, the posterior is normal with

.. math::
    A = \Lambda + \alpha \sum_{i \in S} y_i y_i^\top, \qquad
    A\, \mathrm{E}[x] = \Lambda m + \alpha \sum_{i \in S} t_i y_i,

and covariance :math:`A^{-1}`. With the Cholesky factor :math:`A = U^\top U` and a standard normal z,
:math:`x = \mathrm{E}[x] + U^{-1} z` is a draw. :func:`row_posterior_reference` is the same in plain NumPy.
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.ridge import ENTRIES_PER_CHUNK, add_gramian
from tastemap.linalg.side_by_side import factorize, solve_back
from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array

ROWS_PER_BLOCK = 128
"""Rows that one thread takes at a time."""
MOST_LANES, FEWEST_LANES = 64, 16
"""Rows factorized beside each other: fewer where the systems are large."""
CACHED_NUMBERS = 2**18
"""Numbers of systems beside each other that stay in the processor's caches: 2 MiB."""
MULTIPLE = 16
"""Zeros fill a chunk of entries up to a multiple of this: entries beyond one would be summed one by one."""


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
    lanes = min(max(CACHED_NUMBERS // (d * (d + 1)), FEWEST_LANES), MOST_LANES)
    draws, squares = np.empty((n_rows, d), np.float32), np.empty(n_rows)

    def draw(start: int, stop: int) -> None:
        # 16 columns more than a chunk: rows 1,024 bytes apart would fall into the same few cache sets.
        chunk = np.empty((d + 1, ENTRIES_PER_CHUNK + 16), np.float32)
        pulls = prior_means[start:stop] @ prior_precision  # (rows, D): Λ m
        _draw_block(
            rows.indptr, rows.indices, rows.values, vectors, offsets, noise_precision, pulls,
            prior_precision, normals, start, stop, np.empty((d + 1, d + 1)), chunk,
            np.empty((d, d + 1, lanes)), np.empty((d + 1, lanes)), draws, squares,
        )  # fmt: skip

    with single_threaded_blas():
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
) -> int:
    """Transpose the vectors of a chunk of entries into rows of `columns`, with the targets as the last row.

    Four entries at a time, and zeros up to the multiple that is returned.
    """
    d, n = vectors.shape[1], len(indices)
    whole = n - n % 4
    for entry in range(0, whole, 4):
        row0, row1, row2, row3 = indices[entry], indices[entry + 1], indices[entry + 2], indices[entry + 3]
        for factor in range(d):
            columns[factor, entry] = vectors[row0, factor]
            columns[factor, entry + 1] = vectors[row1, factor]
            columns[factor, entry + 2] = vectors[row2, factor]
            columns[factor, entry + 3] = vectors[row3, factor]
    for entry in range(whole, n):
        for factor in range(d):
            columns[factor, entry] = vectors[indices[entry], factor]
    for entry in range(n):
        columns[d, entry] = values[entry] - offsets[indices[entry]]
    filled = (n + MULTIPLE - 1) // MULTIPLE * MULTIPLE
    for factor in range(d + 1):
        for entry in range(n, filled):
            columns[factor, entry] = 0.0
    return filled


@kernel
def _build_systems(
    indptr: Int64Array,
    indices: Int32Array,
    values: Float32Array,
    vectors: Float32Array,
    offsets: Float32Array,
    noise_precision: float,
    prior_precision: Float64Array,
    start: int,
    stop: int,
    G: Float64Array,
    columns: Float32Array,
    pulls: Float64Array,
    systems: Float64Array,
    sums: Float64Array,
) -> None:
    """Fill the systems of the rows from `start` to `stop`; lanes beyond them get those of the last row.

    `pulls` are Λ m of these rows, and become the right sides b.
    """
    d = vectors.shape[1]
    for lane in range(systems.shape[2]):
        row = start + lane
        if row < stop:
            for factor in range(d + 1):
                for other in range(factor + 1):
                    G[factor, other] = 0.0  # [Y t]'[Y t]
            for first in range(indptr[row], indptr[row + 1], ENTRIES_PER_CHUNK):
                last = min(first + ENTRIES_PER_CHUNK, indptr[row + 1])
                n = _gather_with_targets(vectors, offsets, indices[first:last], values[first:last], columns)
                add_gramian(columns, columns, n, G)
            for factor in range(d):
                pulls[lane, factor] += noise_precision * G[d, factor]  # now the right side b
        for factor in range(d):
            systems[factor, d, lane] = pulls[min(lane, stop - start - 1), factor]
            sums[factor, lane] = G[d, factor]
            for other in range(factor + 1):
                systems[other, factor, lane] = (
                    prior_precision[factor, other] + noise_precision * G[factor, other]
                )
        sums[d, lane] = G[d, d]


@kernel
def _draw_block(
    indptr: Int64Array,
    indices: Int32Array,
    values: Float32Array,
    vectors: Float32Array,
    offsets: Float32Array,
    noise_precision: float,
    pulls: Float64Array,
    prior_precision: Float64Array,
    normals: FloatArray,
    start: int,
    stop: int,
    G: Float64Array,
    columns: Float32Array,
    systems: Float64Array,
    sums: Float64Array,
    draws: Float32Array,
    squares: Float64Array,
) -> None:
    d, _, lanes = systems.shape
    for head in range(start, stop, lanes):
        last = min(head + lanes, stop)
        _build_systems(
            indptr, indices, values, vectors, offsets, noise_precision, prior_precision, head, last,
            G, columns, pulls[head - start : last - start], systems, sums,
        )  # fmt: skip
        factorize(systems)
        for row in range(head, last):
            lane = row - head
            squares[row] = sums[d, lane]
            for factor in range(d):
                systems[factor, d, lane] += normals[row, factor]
                squares[row] += systems[factor, d, lane] * normals[row, factor] / noise_precision
        solve_back(systems)
        # |t - Yx|^2 = t't - 2 x'Y't + x'Y'Yx, and α x'Y'Yx = x'Ax - x'Λx with x'Ax = x'b + (Ux)'z
        for row in range(head, last):
            lane = row - head
            for factor in range(d):
                x = systems[factor, d, lane]
                draws[row, factor] = x
                of_prior = 0.5 * prior_precision[factor, factor] * x
                for other in range(factor):
                    of_prior += prior_precision[factor, other] * systems[other, d, lane]
                squares[row] += x * (pulls[row - start, factor] - 2.0 * of_prior) / noise_precision
                squares[row] -= 2.0 * x * sums[factor, lane]
