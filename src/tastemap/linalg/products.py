"""Matrix products in fixed blocks of rows, so that their bits do not depend on the number of threads."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.types import Float32Array, FloatArray


def product_by_rows(matrix: Float32Array, right: FloatArray, rows_per_block: int) -> Float32Array:
    """``matrix @ right`` in float32, shape (n, m), for shapes (n, r) and (r, m); O(n r m)."""
    right = right.astype(np.float32)
    product = np.empty((len(matrix), right.shape[1]), np.float32)

    def block(start: int, stop: int) -> None:
        np.matmul(matrix[start:stop], right, out=product[start:stop])

    with single_threaded_blas():
        map_blocks(block, len(matrix), rows_per_block)
    return product
