"""Matrix products in fixed blocks of rows, so that their bits do not depend on the number of threads."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.types import Float32Array, FloatArray

ROWS_PER_PRODUCT = 4096
"""Rows at a time where all users or all items are turned into another basis."""

CACHE_LINE = 64
"""Bytes that a processor fetches at a time."""


def empty_lines(n_rows: int, n_columns: int) -> Float32Array:
    """An array (n, m) of float32, not filled, that begins with a cache line.

    NumPy's begin 16 bytes later: a row of 256 bytes then takes five lines instead of four to fetch.
    """
    room = np.empty(n_rows * n_columns + CACHE_LINE // 4, np.float32)
    first = -room.ctypes.data % CACHE_LINE // 4
    return room[first : first + n_rows * n_columns].reshape(n_rows, n_columns)


def product_by_rows(matrix: Float32Array, right: FloatArray, rows_per_block: int) -> Float32Array:
    """``matrix @ right`` in float32, shape (n, m), for shapes (n, r) and (r, m); O(n r m)."""
    right = right.astype(np.float32)
    product = empty_lines(len(matrix), right.shape[1])

    def block(start: int, stop: int) -> None:
        np.matmul(matrix[start:stop], right, out=product[start:stop])

    with single_threaded_blas():
        map_blocks(block, len(matrix), rows_per_block)
    return product
