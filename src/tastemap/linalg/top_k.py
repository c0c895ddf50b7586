"""Exact top-k of score blocks, in the order all lists share: by score, then by item index."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from tastemap.linalg.jit import kernel
from tastemap.linalg.types import BoolArray, Float64Array, FloatArray, Int32Array, Int64Array

LANES = 64
"""Scores that are compared at once with the worst one kept; where none is better, none is looked at singly."""


class TopK:
    """The `k` best allowed, unseen columns of each row, of scores that come a block of columns at a time.

    Parameters
    ----------
    k : int
        Columns that are kept of a row, at most.
    seen_indptr, seen_indices : arrays of shape (B + 1,) and (nnz,)
        Columns that must not appear, row by row, rising within a row.
    allowed : array of shape (I,), bool
        Columns that may appear at all.
    dtype : data type
        Of the scores, float32 or float64.

    Notes
    -----
    A heap of k entries a row: O(B I) and seldom more. Blocks that stay in the processor's cache are worth their
    calls. Which columns are kept does not depend on the order in which they come.
    """

    def __init__(
        self,
        k: int,
        *,
        seen_indptr: Int64Array,
        seen_indices: Int32Array,
        allowed: BoolArray,
        dtype: DTypeLike = np.float32,
    ) -> None:
        shape = len(seen_indptr) - 1, min(k, len(allowed))
        self._limits = seen_indptr, seen_indices, allowed
        self._scores = np.empty(shape, dtype)
        self._columns = np.full(shape, -1, np.int32)
        self._sizes = np.zeros(shape[0], np.int64)
        self._rows = np.arange(shape[0])

    def add(self, scores: FloatArray, columns: Int32Array, rows: Int64Array | None = None) -> None:
        """Look at scores of shape (r, b) of `columns` (b,), each new, in `rows` (r,); all rows by default."""
        if self._columns.size:  # a heap without room has no root to compare with
            heaps = self._scores, self._columns, self._sizes
            _add_block(scores, columns, self._rows if rows is None else rows, *self._limits, *heaps)

    def worst(self, rows: Int64Array) -> FloatArray:
        """The score below which no column will be kept any more, of each of `rows`; for k >= 1."""
        is_full = self._sizes[rows] == self._columns.shape[1]
        return np.where(is_full, self._scores[rows, 0], -np.inf)

    def columns(self) -> Int32Array:
        """Columns by falling score, equal scores by rising column, shape (B, min(k, I)), int32; call it last.

        -1 stands where no valid column is left. A NaN score is never returned.
        """
        if self._columns.size:
            _sort(self._scores, self._columns, self._sizes)
        return self._columns

    def columns_by(self, score: Callable[[Int32Array], Float64Array]) -> tuple[Int32Array, Float64Array]:
        """The columns that were kept, by falling exact score instead, and these scores; call it last.

        `score` gets columns (B, k), some of them -1, and returns their scores. Equal scores are listed by
        rising column; where no valid column is left stand -1 and ``-inf``.
        """
        scores = score(self._columns)
        if scores.size:
            _sort(scores, self._columns, self._sizes)
        return self._columns, scores


def top_k(
    scores: FloatArray, k: int, *, seen_indptr: Int64Array, seen_indices: Int32Array, allowed: BoolArray
) -> Int32Array:
    """The `k` best allowed, unseen columns of each row of whole scores (B, I): a :class:`TopK` of one block."""
    best = TopK(k, seen_indptr=seen_indptr, seen_indices=seen_indices, allowed=allowed, dtype=scores.dtype)
    best.add(scores, np.arange(scores.shape[1], dtype=np.int32))
    return best.columns()


def strongest(values: Float64Array, n: int) -> Int32Array:
    """The places of the `n` values of each row (k, s) farthest from 0, shape (k, min(n, s)), int32.

    The farthest first; of equally far ones the first.
    """
    shape = len(values), min(n, values.shape[1])
    distances, places = np.empty(shape), np.empty(shape, np.int32)
    if places.size:
        _find_strongest(values, distances, places, np.zeros(shape[0], np.int64))
    return places


@kernel
def _worse(score: float, item: int, other_score: float, other_item: int) -> bool:
    return score < other_score or (score == other_score and item > other_item)


@kernel
def _sift_down(heap_scores: FloatArray, heap_items: Int32Array, size: int, root: int) -> None:
    """Restore the heap whose root is its worst entry."""
    score, item = heap_scores[root], heap_items[root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and _worse(
            heap_scores[child + 1], heap_items[child + 1], heap_scores[child], heap_items[child]
        ):
            child += 1
        if not _worse(heap_scores[child], heap_items[child], score, item):
            break
        heap_scores[root], heap_items[root] = heap_scores[child], heap_items[child]
        root = child
    heap_scores[root], heap_items[root] = score, item


@kernel
def _heapify(heap_scores: FloatArray, heap_items: Int32Array, size: int) -> None:
    for root in range(size // 2 - 1, -1, -1):
        _sift_down(heap_scores, heap_items, size, root)


@kernel
def offer(heap_scores: FloatArray, heap_items: Int32Array, size: int, score: float, item: int) -> int:
    """Keep the best entries offered so far, of which the heap holds `size`; returns how many it holds now.

    Of equal scores the lower item is kept, whatever the order in which they come.
    """
    k = len(heap_items)
    if size == k and not _worse(heap_scores[0], heap_items[0], score, item):
        return size
    place = size if size < k else 0
    heap_scores[place] = score
    heap_items[place] = item
    if size == k:
        _sift_down(heap_scores, heap_items, k, 0)
        return k
    if size + 1 == k:
        _heapify(heap_scores, heap_items, k)
    return size + 1


@kernel
def _holds_as_good(scores: FloatArray, worst: float) -> bool:
    """Whether a score is not below `worst`; without a branch in the loop, so that it runs in vectors."""
    found = False
    for place in range(len(scores)):
        found = found | (scores[place] >= worst)
    return found


@kernel
def _may_appear(column: int, seen: Int32Array, allowed: BoolArray) -> bool:
    """Whether a column is allowed, and not among rising `seen` ones: O(log s)."""
    if not allowed[column]:
        return False
    low, high = 0, len(seen)
    while low < high:
        middle = (low + high) // 2
        if seen[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low == len(seen) or seen[low] != column


@kernel
def _fill(
    scores: FloatArray,
    columns: Int32Array,
    seen: Int32Array,
    allowed: BoolArray,
    heap_scores: FloatArray,
    heap_items: Int32Array,
    size: int,
) -> tuple[int, int]:
    """Put columns that may appear into a heap that holds `size`, until it is full.

    Returns how many entries were looked at, and how many the heap holds now.
    """
    k = len(heap_items)
    for place in range(len(scores)):
        if size == k:
            return place, size
        if scores[place] > -np.inf and _may_appear(columns[place], seen, allowed):
            heap_scores[size] = scores[place]
            heap_items[size] = columns[place]
            size += 1
            if size == k:
                _heapify(heap_scores, heap_items, k)
    return len(scores), size


@kernel
def _improve(
    scores: FloatArray,
    columns: Int32Array,
    seen: Int32Array,
    allowed: BoolArray,
    heap_scores: FloatArray,
    heap_items: Int32Array,
) -> None:
    """Replace the worst entries of a full heap by better ones that may appear."""
    worst = heap_scores[0]
    for start in range(0, len(scores), LANES):
        lanes = scores[start : start + LANES]
        if not _holds_as_good(lanes, worst):
            continue
        for place in range(len(lanes)):
            if lanes[place] >= worst:
                column = columns[start + place]
                if _worse(worst, heap_items[0], lanes[place], column) and _may_appear(column, seen, allowed):
                    heap_scores[0] = lanes[place]
                    heap_items[0] = column
                    _sift_down(heap_scores, heap_items, len(heap_items), 0)
                    worst = heap_scores[0]


@kernel
def _add_block(
    scores: FloatArray,
    columns: Int32Array,
    rows: Int64Array,
    seen_indptr: Int64Array,
    seen_indices: Int32Array,
    allowed: BoolArray,
    heap_scores: FloatArray,
    heap_items: Int32Array,
    sizes: Int64Array,
) -> None:
    for place in range(len(rows)):
        row = rows[place]
        seen = seen_indices[seen_indptr[row] : seen_indptr[row + 1]]
        passed = 0
        if sizes[row] < heap_items.shape[1]:
            passed, sizes[row] = _fill(
                scores[place], columns, seen, allowed, heap_scores[row], heap_items[row], sizes[row]
            )
        _improve(scores[place, passed:], columns[passed:], seen, allowed, heap_scores[row], heap_items[row])


@kernel
def _sort(scores: FloatArray, items: Int32Array, sizes: Int64Array) -> None:
    """Turn the first entries of each row, as many as `sizes` says, into a list, best first."""
    for row in range(len(sizes)):
        row_scores, row_items, size = scores[row], items[row], sizes[row]
        row_scores[size:] = -np.inf
        _heapify(row_scores, row_items, size)
        for last in range(size - 1, 0, -1):  # the worst goes to the end of the list
            row_scores[0], row_scores[last] = row_scores[last], row_scores[0]
            row_items[0], row_items[last] = row_items[last], row_items[0]
            _sift_down(row_scores, row_items, last, 0)


@kernel
def _find_strongest(
    values: Float64Array, distances: Float64Array, places: Int32Array, sizes: Int64Array
) -> None:
    for row in range(len(values)):
        for place in range(values.shape[1]):
            sizes[row] = offer(distances[row], places[row], sizes[row], abs(values[row, place]), place)
    _sort(distances, places, sizes)
