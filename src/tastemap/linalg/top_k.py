"""Exact top-k of score blocks, and the order all lists share: by score, then by item index."""

from __future__ import annotations

import numpy as np

from tastemap.linalg.jit import kernel
from tastemap.linalg.types import BoolArray, Float32Array, Float64Array, FloatArray, Int32Array, Int64Array


def top_k(
    scores: FloatArray, k: int, *, seen_indptr: Int64Array, seen_indices: Int32Array, allowed: BoolArray
) -> Int32Array:
    """The `k` best allowed, unseen columns of each row.

    Parameters
    ----------
    scores : array of shape (B, I), float32
        One row a user. Entries of seen items are overwritten with ``-inf``.
    seen_indptr, seen_indices : arrays of shape (B + 1,) and (nnz,)
        Columns that must not appear, row by row.
    allowed : array of shape (I,), bool
        Columns that may appear at all.

    Returns
    -------
    array of shape (B, min(k, I)), int32
        Columns by falling score, equal scores by rising column; -1 where no valid column is left.
        A NaN score is never returned.

    Notes
    -----
    One pass with a heap of k entries a row: O(B I) and seldom more.
    """
    found = np.full((scores.shape[0], min(k, scores.shape[1])), -1, np.int32)
    if found.size:  # a heap without room has no root to compare with
        heap_scores, heap_items = np.empty(found.shape[1], scores.dtype), np.empty(found.shape[1], np.int32)
        _select(scores, seen_indptr, seen_indices, allowed, heap_scores, heap_items, found)
    return found


def order_by_score(scores: Float64Array, items: Int32Array) -> Int64Array:
    """The order within each row of (B, k): falling score, then rising item; items of -1 go last."""
    rank = np.where(items < 0, np.inf, -scores)
    return np.lexsort((items, rank), axis=-1)


@kernel
def _worse(score: float, item: int, other_score: float, other_item: int) -> bool:
    return score < other_score or (score == other_score and item > other_item)


@kernel
def _sift_down(heap_scores: FloatArray, heap_items: Int32Array, size: int, root: int) -> None:
    """Restore the heap whose root is its worst entry."""
    while True:
        child = 2 * root + 1
        if child >= size:
            return
        if child + 1 < size and _worse(
            heap_scores[child + 1], heap_items[child + 1], heap_scores[child], heap_items[child]
        ):
            child += 1
        if not _worse(heap_scores[child], heap_items[child], heap_scores[root], heap_items[root]):
            return
        heap_scores[root], heap_scores[child] = heap_scores[child], heap_scores[root]
        heap_items[root], heap_items[child] = heap_items[child], heap_items[root]
        root = child


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
def _fill(scores: FloatArray, allowed: BoolArray, heap_scores: FloatArray, heap_items: Int32Array) -> int:
    """Keep the best allowed entries of one row in the heap; returns how many there are."""
    k, size = len(heap_items), 0
    for item in range(len(scores)):
        score = scores[item]
        if not score > -np.inf or not allowed[item]:
            continue
        if size < k:
            heap_scores[size] = score
            heap_items[size] = item
            size += 1
            if size == k:
                _heapify(heap_scores, heap_items, k)
        elif score > heap_scores[0]:  # a tie loses: its column is larger
            heap_scores[0] = score
            heap_items[0] = item
            _sift_down(heap_scores, heap_items, k, 0)
    if size < k:
        _heapify(heap_scores, heap_items, size)
    return size


@kernel
def _select(
    scores: Float32Array,
    seen_indptr: Int64Array,
    seen_indices: Int32Array,
    allowed: BoolArray,
    heap_scores: Float32Array,
    heap_items: Int32Array,
    found: Int32Array,
) -> None:
    for row in range(scores.shape[0]):
        for entry in range(seen_indptr[row], seen_indptr[row + 1]):
            scores[row, seen_indices[entry]] = -np.inf
        size = _fill(scores[row], allowed, heap_scores, heap_items)
        for last in range(size - 1, -1, -1):  # the worst goes to the end of the list
            found[row, last] = heap_items[0]
            heap_scores[0] = heap_scores[last]
            heap_items[0] = heap_items[last]
            _sift_down(heap_scores, heap_items, last, 0)
