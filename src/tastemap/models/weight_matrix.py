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
from tastemap.linalg.csr import CSR, row_numbers
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


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """The weights that are not zero, n of a row: a CSR of shape (I, I)."""

    rows: CSR

    @property
    def n_items(self) -> int:
        """The number of items I."""
        return self.rows.n_rows

    @cached_property
    def norms(self) -> Float64Array:
        """Lengths of the rows, shape (I,): shared by all cosines."""
        squares = self.rows.values.astype(np.float64) ** 2
        norms: Float64Array = np.sqrt(self._by_row(squares))
        return norms

    @property
    def items_at_once(self) -> int:
        """All: where the columns of a range begin in a row would have to be found."""
        return self.n_items

    def sum_range(self, history: CSR, start: int, stop: int) -> Float32Array:
        """O(B I + nnz n), whatever the range."""
        scores = np.zeros((history.n_rows, self.n_items), np.float32)
        _sum_sparse_rows(history.indptr, history.indices, *self._arrays, scores)
        return scores[:, start:stop] if stop - start < self.n_items else scores

    def sum_pairs(self, history: CSR, item_index: Int32Array) -> Float64Array:
        """O(k nnz log n)."""
        scores = np.empty(item_index.shape)
        _sum_sparse_pairs(history.indptr, history.indices, *self._arrays, item_index, scores)
        return scores

    def between(self, items: Int32Array, item_index: Int32Array) -> Float64Array:
        """A search in the row of each of `items` for each of the others."""
        weights = np.empty((len(item_index), len(items)))
        _look_up(*self._arrays, items, item_index, weights)
        return weights

    def from_item(self, item_index: int) -> Float64Array:
        """A row, with its zeros."""
        weights = np.zeros(self.n_items)
        columns, values = self.rows.row(item_index)
        weights[columns] = values
        return weights

    def cosine_to(self, item_index: int) -> Float64Array:
        """O(I n)."""
        products = self.rows.values * self.from_item(item_index)[self.rows.indices]
        scale = self.norms * self.norms[item_index]
        cosine: Float64Array = np.divide(
            self._by_row(products), scale, out=np.zeros(self.n_items), where=scale > 0.0
        )
        return np.clip(cosine, -1.0, 1.0, out=cosine)

    def cosines(self, item_index: Int32Array) -> Float64Array:
        """As of dense rows, of the columns that one of them has."""
        rows = self.rows.take(item_index)
        columns, place = np.unique(rows.indices, return_inverse=True)
        vectors = np.zeros((rows.n_rows, len(columns)), np.float32)
        vectors[row_numbers(rows.indptr), place] = rows.values
        return cosines(vectors)

    @property
    def _arrays(self) -> tuple[Int64Array, Int32Array, Float32Array]:
        return self.rows.indptr, self.rows.indices, self.rows.values

    def _by_row(self, entries: Float64Array) -> Float64Array:
        sums: Float64Array = np.bincount(row_numbers(self.rows.indptr), entries, self.n_items).astype(
            np.float64
        )
        return sums


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


@kernel
def _sum_sparse_rows(
    indptr: Int64Array,
    indices: Int32Array,
    weight_indptr: Int64Array,
    weight_indices: Int32Array,
    weight_values: Float32Array,
    scores: Float32Array,
) -> None:
    for row in range(scores.shape[0]):
        for entry in range(indptr[row], indptr[row + 1]):
            item = indices[entry]
            for weight in range(weight_indptr[item], weight_indptr[item + 1]):
                scores[row, weight_indices[weight]] += weight_values[weight]


@kernel
def _weight(
    weight_indptr: Int64Array, weight_indices: Int32Array, weight_values: Float32Array, row: int, column: int
) -> float:
    """One weight, by halving what is left of the sorted columns of its row."""
    low, high = weight_indptr[row], weight_indptr[row + 1]
    while low < high:
        middle = (low + high) // 2
        if weight_indices[middle] < column:
            low = middle + 1
        else:
            high = middle
    if low < weight_indptr[row + 1] and weight_indices[low] == column:
        return np.float64(weight_values[low])
    return 0.0


@kernel
def _sum_sparse_pairs(
    indptr: Int64Array,
    indices: Int32Array,
    weight_indptr: Int64Array,
    weight_indices: Int32Array,
    weight_values: Float32Array,
    item_index: Int32Array,
    scores: Float64Array,
) -> None:
    for row in range(item_index.shape[0]):
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            score = 0.0
            if item >= 0:
                for entry in range(indptr[row], indptr[row + 1]):
                    score += _weight(weight_indptr, weight_indices, weight_values, indices[entry], item)
            scores[row, place] = score


@kernel
def _look_up(
    weight_indptr: Int64Array,
    weight_indices: Int32Array,
    weight_values: Float32Array,
    items: Int32Array,
    columns: Int32Array,
    weights: Float64Array,
) -> None:
    for row in range(len(columns)):
        for place in range(len(items)):
            weights[row, place] = _weight(
                weight_indptr, weight_indices, weight_values, items[place], columns[row]
            )
