"""What a history says by which items it holds, whatever their ratings: a sum of item vectors."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import kernel
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array

ROWS_PER_BLOCK = 256


def history_bags(history: CSR, item_vectors: Float32Array) -> Float64Array:
    r"""The bag :math:`\frac{1}{\sqrt{n_u}} \sum_{j \in S_u} z_j` of each row (B, I); shape (B, q), float64.

    An empty history has an empty bag, zeros. Sums are taken row by row in the order of the history: the same
    bits alone and in any batch.
    """
    return sum_of_bags(history, item_vectors) / np.sqrt(np.maximum(history.row_lengths, 1))[:, None]


def sum_of_bags(rows: CSR, vectors: Float32Array) -> Float64Array:
    """The sum of the vectors (I, q) of the columns of each row (B, I), not scaled; shape (B, q), float64."""
    bags = np.zeros((rows.n_rows, vectors.shape[1]))

    def add(start: int, stop: int) -> None:
        _sum_bags(rows.indptr[start : stop + 1], rows.indices, vectors, bags[start:stop])

    map_blocks(add, rows.n_rows, ROWS_PER_BLOCK)
    return bags


@kernel
def _sum_bags(indptr: Int64Array, indices: Int32Array, vectors: Float32Array, bags: Float64Array) -> None:
    for row in range(bags.shape[0]):
        for entry in range(indptr[row], indptr[row + 1]):
            for column in range(vectors.shape[1]):
                bags[row, column] += np.float64(vectors[indices[entry], column])
