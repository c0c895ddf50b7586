r"""Some steps of preconditioned conjugate gradients for every row of a ridge problem, from where it stands.

An exact solve costs O(n d^2 + d^3) a row, a step O(n d). The matrix B that all rows share is diagonal in its
own eigenvectors; so vectors are rotated once, a step then needs no d x d product, and the diagonal of each
row's whole system (B + p_u I + Y'WY) is a good preconditioner. Few steps suffice, the more so as alternating
solves start each row near its solution. Every step lowers the row's objective. Sources: Hestenes and Stiefel,
"Methods of conjugate gradients for solving linear systems", 1952; Takács, Pilászy, Tikk, "Applications of the
conjugate gradient method for implicit feedback collaborative filtering", RecSys 2011 (warm starts, few steps).
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.products import ROWS_PER_PRODUCT, product_by_rows
from tastemap.linalg.ridge import RidgeRows
from tastemap.linalg.threads import map_spans, single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array

ROUNDING = 2.0**-44
"""The share of its first squared length at which a residual is rounding only: the square of float32's."""


def improve_rows(problem: RidgeRows, start: Float32Array, n_steps: int) -> tuple[Float32Array, Float64Array]:
    """Take `n_steps` steps towards the minimum in each row.

    Parameters
    ----------
    problem : RidgeRows
        With a penalty on every coordinate: ``n_penalized == d``.
    start : array of shape (B, d), float32
        Where each row stands.
    n_steps : int
        Steps, >= 1. With d steps the minimum is reached up to rounding.

    Returns
    -------
    (improved, losses) : arrays of shape (B, d), float32, and (B,), float64
        Where each row stands then, and its objective there.

    Notes
    -----
    Cost O(nnz d s + B d^2) for s steps, sums in float32; memory: one copy of the features and of the rows.
    Rows are independent: the same bits at any thread count.
    """
    d = problem.shape[1]
    if problem.n_penalized != d:
        raise ValueError("every coordinate needs the row's penalty: rotated, they are not to be told apart")
    with single_threaded_blas():
        eigenvalues, rotation = np.linalg.eigh(problem.common_penalty)
    diagonal = np.maximum(eigenvalues, 0.0).astype(np.float32)  # (d,)
    features = product_by_rows(problem.features, rotation, ROWS_PER_PRODUCT)
    pull = (problem.common_pull @ rotation).astype(np.float32)
    improved = product_by_rows(start, rotation, ROWS_PER_PRODUCT)
    losses = np.zeros(len(start))
    rows, penalty = problem.rows, problem.row_penalty.astype(np.float32)

    def improve(first: int, last: int) -> None:
        longest = int(rows.row_lengths[first:last].max(initial=0))
        _improve_block(
            rows.indptr, rows.indices, problem.weights, problem.targets, features, diagonal, pull, penalty,
            first, last, n_steps, np.empty((longest, d), np.float32), np.empty((6, d), np.float32), improved,
            losses,
        )  # fmt: skip

    map_spans(improve, problem.spans)
    return product_by_rows(improved, rotation.T, ROWS_PER_PRODUCT), losses


@kernel
def _copy_rows(features: Float32Array, indices: Int32Array, gathered: Float32Array) -> None:
    """Copy the features of a row's entries beside each other.

    Fetching them from all over the memory takes several times as long as a pass over the copy.
    """
    for entry in range(len(indices)):
        row = indices[entry]
        for k in range(features.shape[1]):
            gathered[entry, k] = features[row, k]


@fast_kernel
def _residual(
    Y: Float32Array,
    weights: FloatArray,
    targets: FloatArray,
    x: Float32Array,
    residual: Float32Array,
    curvature: Float32Array,
) -> float:
    """Add Y'W(t - Yx) to `residual` and the diagonal of Y'WY to `curvature`; returns the squared errors.

    Four entries at a time, so that a vector unit has independent sums to work on.
    """
    n, loss = len(weights), 0.0
    for e in range(0, n - 3, 4):
        y0, y1, y2, y3 = Y[e], Y[e + 1], Y[e + 2], Y[e + 3]
        s0 = s1 = s2 = s3 = np.float32(0.0)
        for k in range(len(x)):
            s0 += x[k] * y0[k]
            s1 += x[k] * y1[k]
            s2 += x[k] * y2[k]
            s3 += x[k] * y3[k]
        w0, w1, w2, w3 = weights[e], weights[e + 1], weights[e + 2], weights[e + 3]
        s0, s1, s2, s3 = targets[e] - s0, targets[e + 1] - s1, targets[e + 2] - s2, targets[e + 3] - s3
        loss += w0 * s0 * s0 + w1 * s1 * s1 + w2 * s2 * s2 + w3 * s3 * s3
        s0, s1, s2, s3 = w0 * s0, w1 * s1, w2 * s2, w3 * s3
        for k in range(len(x)):
            residual[k] += s0 * y0[k] + s1 * y1[k] + s2 * y2[k] + s3 * y3[k]
        for k in range(len(x)):  # a loop of its own: with more arrays to keep apart LLVM uses no vectors
            curvature[k] += w0 * y0[k] * y0[k] + w1 * y1[k] * y1[k] + w2 * y2[k] * y2[k] + w3 * y3[k] * y3[k]
    for e in range(n - n % 4, n):
        s0 = targets[e] - _dot(x, Y[e])
        loss += weights[e] * s0 * s0
        for k in range(len(x)):
            residual[k] += weights[e] * s0 * Y[e, k]
            curvature[k] += weights[e] * Y[e, k] * Y[e, k]
    return loss


@fast_kernel
def _add_product(Y: Float32Array, weights: FloatArray, p: Float32Array, product: Float32Array) -> None:
    """Add Y'WYp to `product`."""
    n = len(weights)
    for e in range(0, n - 3, 4):
        y0, y1, y2, y3 = Y[e], Y[e + 1], Y[e + 2], Y[e + 3]
        s0 = s1 = s2 = s3 = np.float32(0.0)
        for k in range(len(p)):
            s0 += p[k] * y0[k]
            s1 += p[k] * y1[k]
            s2 += p[k] * y2[k]
            s3 += p[k] * y3[k]
        s0, s1, s2, s3 = weights[e] * s0, weights[e + 1] * s1, weights[e + 2] * s2, weights[e + 3] * s3
        for k in range(len(p)):
            product[k] += s0 * y0[k] + s1 * y1[k] + s2 * y2[k] + s3 * y3[k]
    for e in range(n - n % 4, n):
        s0 = weights[e] * _dot(p, Y[e])
        for k in range(len(p)):
            product[k] += s0 * Y[e, k]


@fast_kernel
def _dot(left: Float32Array, right: Float32Array) -> np.float32:
    total = np.float32(0.0)
    for k in range(len(left)):
        total += left[k] * right[k]
    return total


@kernel
def _improve_block(
    indptr: Int64Array,
    indices: Int32Array,
    weights: FloatArray,
    targets: FloatArray,
    features: Float32Array,
    diagonal: Float32Array,
    pull: Float32Array,
    row_penalty: Float32Array,
    first: int,
    last: int,
    n_steps: int,
    gathered: Float32Array,
    room: Float32Array,
    improved: Float32Array,
    losses: Float64Array,
) -> None:
    residual, curvature, scaled, p, product, shared = room[0], room[1], room[2], room[3], room[4], room[5]
    d = len(diagonal)
    for row in range(first, last):
        x, begin, end = improved[row], indptr[row], indptr[row + 1]
        loss = 0.0
        for k in range(d):
            shared[k] = diagonal[k] + row_penalty[row]
            curvature[k] = shared[k]
            residual[k] = pull[k] - shared[k] * x[k]
            loss -= x[k] * (residual[k] + pull[k])  # x'(B + p)x - 2 g'x
        Y, w = gathered[: end - begin], weights[begin:end]
        _copy_rows(features, indices[begin:end], Y)
        loss += _residual(Y, w, targets[begin:end], x, residual, curvature)
        for k in range(d):
            scaled[k] = residual[k] / curvature[k] if curvature[k] > 0.0 else np.float32(0.0)
            p[k] = scaled[k]
        length = _dot(residual, scaled)
        rounding = ROUNDING * length
        for _ in range(n_steps):
            if not length > rounding:
                break
            for k in range(d):
                product[k] = shared[k] * p[k]
            _add_product(Y, w, p, product)
            bend = _dot(p, product)
            if not bend > 0.0:
                break
            step = length / bend
            loss -= float(step * length)
            for k in range(d):
                x[k] += step * p[k]
                residual[k] -= step * product[k]
                scaled[k] = residual[k] / curvature[k] if curvature[k] > 0.0 else np.float32(0.0)
            before = length
            length = _dot(residual, scaled)
            for k in range(d):
                p[k] = scaled[k] + length / before * p[k]
        losses[row] = loss
