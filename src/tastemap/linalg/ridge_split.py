r"""What each entry of a ridge problem adds to products with its solution.

The minimizer of one row of :mod:`tastemap.linalg.ridge` is linear in the targets, so for a vector v

.. math:: v^\top x = v^\top A^{-1} g + \sum_{j \in S} (v^\top A^{-1} y_j) \, w_j t_j,
   \qquad A = B + p I_m + Y^\top W Y .

One factorization of A serves all vectors, and each of them is summed by itself: the same bits alone and
among others.
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.ridge import RidgeRows, add_gramian, cholesky, solve_cholesky
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array


def ridge_split(problem: RidgeRows, vectors: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Split the products of k vectors with the solution of a single row of s entries.

    Parameters
    ----------
    problem : RidgeRows
        Of one row.
    vectors : array of shape (k, d), float64

    Returns
    -------
    (rest, values) : arrays of shape (k,) and (k, s), float64
        What the common pull g and what each entry adds; together they are the product.

    Notes
    -----
    Cost O(s d^2 + d^3) once and O(s d + d^2) a vector; all sums in float64.
    """
    n_entries, (k, d) = len(problem.rows.indices), vectors.shape
    weights = np.ascontiguousarray(problem.weights, np.float64)
    targets = np.ascontiguousarray(problem.targets, np.float64)
    A, reach = problem.common_penalty.copy(), vectors.copy()
    rest, values = np.empty(k), np.empty((k, n_entries))
    # Rows of a power of two of bytes apart would fall into the same few cache sets.
    room = np.empty((2, d, n_entries + 8 - n_entries % 8 + 8))
    _split(
        problem.rows.indices, weights, targets, problem.features, problem.common_pull,
        float(problem.row_penalty[0]), problem.n_penalized, A, reach, room[0], room[1], rest, values,
    )  # fmt: skip
    return rest, values


@kernel
def _split(
    indices: Int32Array,
    weights: Float64Array,
    targets: Float64Array,
    features: Float32Array,
    common_pull: Float64Array,
    row_penalty: float,
    n_penalized: int,
    A: Float64Array,
    reach: Float64Array,
    columns: Float64Array,
    weighted: Float64Array,
    rest: Float64Array,
    values: Float64Array,
) -> None:
    n, d = len(indices), len(A)
    for factor in range(n_penalized):
        A[factor, factor] += row_penalty
    for entry in range(n):
        for factor in range(d):
            columns[factor, entry] = features[indices[entry], factor]
            weighted[factor, entry] = columns[factor, entry] * weights[entry]
    add_gramian(weighted, columns, n, A)
    cholesky(A)
    for row in range(len(reach)):
        solve_cholesky(A, reach[row])  # A^-1 v
        total = 0.0
        for factor in range(d):
            total += reach[row, factor] * common_pull[factor]
        rest[row] = total
        _add_columns(columns, reach[row], values[row])
        for entry in range(n):
            values[row, entry] *= weights[entry] * targets[entry]


@fast_kernel
def _add_columns(columns: Float64Array, reach: Float64Array, values: Float64Array) -> None:
    """``v'A^-1 y`` of every entry: a pass over the entries for each coordinate, four at a time."""
    d = len(reach)
    for entry in range(len(values)):
        values[entry] = 0.0
    for first in range(0, d - 3, 4):
        r0, r1, r2, r3 = reach[first], reach[first + 1], reach[first + 2], reach[first + 3]
        for entry in range(len(values)):
            values[entry] += (
                r0 * columns[first, entry]
                + r1 * columns[first + 1, entry]
                + r2 * columns[first + 2, entry]
                + r3 * columns[first + 3, entry]
            )
    for factor in range(d - d % 4, d):
        for entry in range(len(values)):
            values[entry] += reach[factor] * columns[factor, entry]
