"""Comparing one row of a matrix with all rows: float32 is read once, sums are float64."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.jit import fast_kernel
from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array

VALUES_PER_BLOCK = 1_000_000
"""Values read by one thread before the next block: a tenth of a millisecond's work and more."""


def row_norms(vectors: Float32Array) -> Float64Array:
    """Length of each row of `vectors` (n, d), shape (n,), float64."""
    norms: Float64Array = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    return norms


def dots_to(vectors: Float32Array, row: int) -> Float64Array:
    """Dot product of every row of `vectors` (n, d) with one row, shape (n,), float64.

    Every row is summed in the same order, so equal rows have equal bits.
    """
    dots = np.empty(len(vectors))

    def block(start: int, stop: int) -> None:
        _dots(vectors[start:stop], vectors[row], dots[start:stop])

    map_blocks(block, len(vectors), max(1, VALUES_PER_BLOCK // max(1, vectors.shape[1])))
    return dots


def cosine_to(vectors: Float32Array, norms: Float64Array, row: int) -> Float64Array:
    """Cosine of every row of `vectors` with one row, given :func:`row_norms`; 0 where a vector is zero.

    Rounding could take the cosine of equal rows past 1, which no cosine is.
    """
    scale = norms * norms[row]
    cosine: Float64Array = np.divide(
        dots_to(vectors, row), scale, out=np.zeros(len(vectors)), where=scale > 0.0
    )
    return np.clip(cosine, -1.0, 1.0, out=cosine)


def cosines(vectors: Float32Array) -> Float64Array:
    """Cosines among the rows of `vectors` (n, d), shape (n, n), float64; 0 where a vector is zero. O(n^2 d)."""
    wide = vectors.astype(np.float64)
    with single_threaded_blas():
        return cosines_of_dots(wide @ wide.T)


def cosines_of_dots(dots: Float64Array) -> Float64Array:
    """Cosines from the dot products among n vectors, (n, n), in their place."""
    norms = np.sqrt(np.diagonal(dots))
    scale = norms[:, None] * norms
    np.divide(dots, scale, out=dots, where=scale > 0.0)
    return np.clip(dots, -1.0, 1.0, out=dots)


@fast_kernel
def _dots(vectors: Float32Array, one: Float32Array, dots: Float64Array) -> None:
    for row in range(vectors.shape[0]):
        dot = 0.0
        for column in range(vectors.shape[1]):
            dot += np.float64(vectors[row, column]) * np.float64(one[column])
        dots[row] = dot
