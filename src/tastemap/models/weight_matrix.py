"""The matrix of item-to-item weights, dense or sparse: what a sum of weights over a history needs of it.

Both kinds sum a pair in the order of the history and in float64, so a score does not depend on how its weights
are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from tastemap.linalg.cosine import cosine_to, cosines, row_norms
from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import kernel
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array

COLUMNS_PER_BLOCK = 2048
"""Columns of dense weights that are summed at once: 8 kB of float32."""


class WeightMatrix(Protocol):
    """Weights W of shape (I, I); ``W[j, i]`` is what having seen item ``j`` adds to item ``i``."""

    @property
    def n_items(self) -> int:
        """The number of items I."""

    @property
    def items_at_once(self) -> int:
        """The number of items for which :meth:`sum_range` is quickest, on the whole."""

    def sum_range(self, history: CSR, start: int, stop: int) -> Float32Array:
        """Sums of the rows of each history's items, those columns of them, shape (B, stop - start), float32."""

    def sum_pairs(self, history: CSR, item_index: Int32Array) -> Float64Array:
        """The same for chosen items, shape (B, k), float64, in history order; 0 for item -1."""

    def between(self, items: Int32Array, item_index: Int32Array) -> Float64Array:
        """What each of s `items` adds to each of k others, shape (k, s), float64."""

    def from_item(self, item_index: int) -> Float64Array:
        """What one item adds to every item, shape (I,), float64."""

    def cosine_to(self, item_index: int) -> Float64Array:
        """Cosine of every row with one row, shape (I,), float64; 0 where a row is zero."""

    def cosines(self, item_index: Int32Array) -> Float64Array:
        """Cosines among n rows, shape (n, n), float64; 0 where a row is zero."""


@dataclass(frozen=True, eq=False)
class DenseWeights:
    """All weights, in an array of shape (I, I), float32."""

    matrix: Float32Array

    @property
    def n_items(self) -> int:
        """The number of items I."""
        return len(self.matrix)

    @cached_property
    def norms(self) -> Float64Array:
        """Lengths of the rows, shape (I,): shared by all cosines."""
        return row_norms(self.matrix)

    @property
    def items_at_once(self) -> int:
        """Sums of a user stay in the first cache of a processor core."""
        return COLUMNS_PER_BLOCK

    def sum_range(self, history: CSR, start: int, stop: int) -> Float32Array:
        """O(nnz (stop - start))."""
        scores = np.zeros((history.n_rows, stop - start), np.float32)
        _sum_rows(history.indptr, history.indices, self.matrix, start, scores)
        return scores

    def sum_pairs(self, history: CSR, item_index: Int32Array) -> Float64Array:
        """O(k nnz)."""
        scores = np.empty(item_index.shape)
        _sum_pairs(history.indptr, history.indices, self.matrix, item_index, scores)
        return scores

    def between(self, items: Int32Array, item_index: Int32Array) -> Float64Array:
        """Parts of columns."""
        weights: Float64Array = self.matrix[items, item_index[:, None]].astype(np.float64)
        return weights

    def from_item(self, item_index: int) -> Float64Array:
        """A row."""
        weights: Float64Array = self.matrix[item_index].astype(np.float64)
        return weights

    def cosine_to(self, item_index: int) -> Float64Array:
        """O(I^2)."""
        return cosine_to(self.matrix, self.norms, item_index)

    def cosines(self, item_index: Int32Array) -> Float64Array:
        """O(n^2 I)."""
        return cosines(self.matrix[item_index])


@kernel
def _sum_rows(
    indptr: Int64Array, indices: Int32Array, weights: Float32Array, start: int, scores: Float32Array
) -> None:
    """Fill in sums of the columns from `start` on."""
    for row in range(scores.shape[0]):
        for entry in range(indptr[row], indptr[row + 1]):
            source = weights[indices[entry], start : start + scores.shape[1]]
            for item in range(scores.shape[1]):
                scores[row, item] += source[item]


@kernel
def _sum_pairs(
    indptr: Int64Array, indices: Int32Array, weights: Float32Array, item_index: Int32Array, scores: Float64Array
) -> None:
    for row in range(item_index.shape[0]):
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            score = 0.0
            if item >= 0:
                for entry in range(indptr[row], indptr[row + 1]):
                    score += np.float64(weights[indices[entry], item])
            scores[row, place] = score
