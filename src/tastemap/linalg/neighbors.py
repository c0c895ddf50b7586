"""The columns of a sparse matrix that are most like each column, without the whole matrix of pairs."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import kernel
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.top_k import offer
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array

COLUMNS_PER_BLOCK = 64
"""Columns whose pairs one thread counts before the next block."""


def nearest_columns(by_row: CSR, by_column: CSR, *, shrinkage: float, k: int) -> CSR:
    r"""The `k` columns with the greatest shrunk cosine to each column, among those that share a row with it.

    .. math:: s_{ji} = \frac{c_{ji}}{\sqrt{n_j n_i} + h}

    for the c rows that two columns share and the n entries of each: the values of the entries do not count.

    Parameters
    ----------
    by_row, by_column : CSR of shape (R, C) and (C, R)
        The same entries by row and by column.
    shrinkage : float
        h >= 0, in rows.
    k : int
        Neighbors of a column, at most.

    Returns
    -------
    CSR of shape (C, C)
        Row ``j`` holds the neighbors of column ``j``, never ``j`` itself; of equal cosines the lower column.

    Notes
    -----
    O(sum of n_r^2) for rows of n_r entries, and O(log k) for each pair of columns that share a row. Columns
    are taken in blocks: a thread holds two int32 for each column, and nothing of shape (C, C) exists. Counts
    are exact, so the bits do not depend on the number of threads.
    """
    n_columns = by_row.n_columns
    k = min(k, n_columns - 1)
    if k < 1:
        return CSR(np.zeros(n_columns + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), n_columns)

    def block(start: int, stop: int) -> tuple[Int64Array, Int32Array, Float32Array]:
        columns = np.full((stop - start, k), n_columns, np.int32)
        cosines = np.zeros((stop - start, k))
        _nearest(
            *(by_column.indptr, by_column.indices, by_row.indptr, by_row.indices),
            *(shrinkage, start, columns, cosines),
            *(np.zeros(n_columns, np.int32), np.empty(n_columns, np.int32)),
        )
        order = np.argsort(columns, axis=1)  # free places go last
        columns = np.take_along_axis(columns, order, axis=1)
        taken = columns < n_columns
        values = np.take_along_axis(cosines, order, axis=1)[taken].astype(np.float32)
        return taken.sum(axis=1), columns[taken], values

    blocks = map_blocks(block, n_columns, COLUMNS_PER_BLOCK)
    lengths, columns, values = (np.concatenate(part) for part in zip(*blocks, strict=True))
    return CSR(np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), columns, values, n_columns)


@kernel
def _nearest(
    column_indptr: Int64Array,
    column_rows: Int32Array,
    row_indptr: Int64Array,
    row_columns: Int32Array,
    shrinkage: float,
    start: int,
    columns: Int32Array,
    cosines: Float64Array,
    shared: Int32Array,
    met: Int32Array,
) -> None:
    """Fill in the neighbors of the columns from `start`; `shared` is zero before and after, `met` is room."""
    for place in range(columns.shape[0]):
        column = start + place
        n_met = 0
        for entry in range(column_indptr[column], column_indptr[column + 1]):
            row = column_rows[entry]
            for other_entry in range(row_indptr[row], row_indptr[row + 1]):
                other = row_columns[other_entry]
                if shared[other] == 0:
                    met[n_met] = other
                    n_met += 1
                shared[other] += 1
        size, n_here = 0, column_indptr[column + 1] - column_indptr[column]
        for number in range(n_met):
            other = met[number]
            if other != column:
                n_there = column_indptr[other + 1] - column_indptr[other]
                # One root of the product, which is exact where it can be: equal cosines have equal bits.
                cosine = shared[other] / (np.sqrt(np.float64(n_here) * np.float64(n_there)) + shrinkage)
                size = offer(cosines[place], columns[place], size, cosine, other)
            shared[other] = 0
