"""Item-to-item weights of which most are zero: a few neighbors of each item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tastemap.linalg.cosine import cosines_of_dots
from tastemap.linalg.csr import CSR, row_numbers
from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array

SEARCHES = 8
"""Weights of a row that are added up in the time that one of them is searched for."""


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
        """O(k nnz log n), or O(nnz n) where that is less; the same bits either way."""
        scores = np.empty(item_index.shape)
        if item_index.shape[1] * SEARCHES * self.n_items > len(self.rows.indices):
            room = np.zeros(self.n_items)
            _sum_all_then_pick(history.indptr, history.indices, *self._arrays, item_index, room, scores)
        else:
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
        """O(n^2 m) for rows of m weights."""
        dots = np.empty((len(item_index), len(item_index)))
        _dots_among(*self._arrays, item_index, np.zeros(self.n_items), dots)
        return cosines_of_dots(dots)

    @property
    def _arrays(self) -> tuple[Int64Array, Int32Array, Float32Array]:
        return self.rows.indptr, self.rows.indices, self.rows.values

    def _by_row(self, entries: Float64Array) -> Float64Array:
        sums: Float64Array = np.bincount(row_numbers(self.rows.indptr), entries, self.n_items).astype(
            np.float64
        )
        return sums


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
        items = indices[indptr[row] : indptr[row + 1]]
        _add_rows(items, weight_indptr, weight_indices, weight_values, scores[row])


@kernel
def _add_rows(
    items: Int32Array,
    weight_indptr: Int64Array,
    weight_indices: Int32Array,
    weight_values: Float32Array,
    sums: FloatArray,
) -> None:
    for item in items:
        for weight in range(weight_indptr[item], weight_indptr[item + 1]):
            sums[weight_indices[weight]] += weight_values[weight]


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
def _sum_all_then_pick(
    indptr: Int64Array,
    indices: Int32Array,
    weight_indptr: Int64Array,
    weight_indices: Int32Array,
    weight_values: Float32Array,
    item_index: Int32Array,
    room: Float64Array,
    scores: Float64Array,
) -> None:
    """The same sums in the same order, by adding up whole rows; `room` (I,) is zero before and after."""
    for row in range(item_index.shape[0]):
        items = indices[indptr[row] : indptr[row + 1]]
        _add_rows(items, weight_indptr, weight_indices, weight_values, room)
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            scores[row, place] = room[item] if item >= 0 else 0.0
        for item in items:
            for weight in range(weight_indptr[item], weight_indptr[item + 1]):
                room[weight_indices[weight]] = 0.0


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


@kernel
def _dots_among(
    weight_indptr: Int64Array,
    weight_indices: Int32Array,
    weight_values: Float32Array,
    items: Int32Array,
    room: Float64Array,
    dots: Float64Array,
) -> None:
    """Dot products among some rows; `room` (I,) is zero before and after."""
    for row in range(len(items)):
        first, last = weight_indptr[items[row]], weight_indptr[items[row] + 1]
        for place in range(first, last):
            room[weight_indices[place]] = weight_values[place]
        for other in range(row + 1):
            start, stop = weight_indptr[items[other]], weight_indptr[items[other] + 1]
            dot = _dot_at(room, weight_indices[start:stop], weight_values[start:stop])
            dots[row, other] = dot
            dots[other, row] = dot
        for place in range(first, last):
            room[weight_indices[place]] = 0.0


@fast_kernel
def _dot_at(dense: Float64Array, indices: Int32Array, values: Float32Array) -> float:
    n, s0, s1, s2, s3 = len(indices), 0.0, 0.0, 0.0, 0.0
    for place in range(0, n - 3, 4):
        s0 += dense[indices[place]] * values[place]
        s1 += dense[indices[place + 1]] * values[place + 1]
        s2 += dense[indices[place + 2]] * values[place + 2]
        s3 += dense[indices[place + 3]] * values[place + 3]
    for place in range(n - n % 4, n):
        s0 += dense[indices[place]] * values[place]
    return s0 + s1 + s2 + s3
