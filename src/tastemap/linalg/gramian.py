"""The gramian F'F, in fixed chunks so that its bits do not depend on the number of threads."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray

ROWS_PER_CHUNK = 8192


def gramian(factors: FloatArray) -> Float64Array:
    """``factors.T @ factors`` in float64, shape (d, d), for factors of shape (n, d); O(n d^2)."""
    d = factors.shape[1]

    def part(start: int, stop: int) -> Float64Array:
        chunk = factors[start:stop].astype(np.float64)  # (<= 8192, d)
        return chunk.T @ chunk

    with single_threaded_blas():
        parts = map_blocks(part, len(factors), ROWS_PER_CHUNK)
    return sum(parts, np.zeros((d, d)))


def moments(factors: Float32Array, offset: Float32Array) -> Float64Array:
    """The gramian of ``[y, 1, o]``, shape (d + 2, d + 2), for factors (n, d) and offsets (n,); O(n d^2)."""
    ones = np.ones((len(factors), 1), np.float32)
    return gramian(np.hstack([factors, ones, offset[:, None]]))
