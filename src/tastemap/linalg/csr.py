"""A compressed sparse row matrix: three arrays, nothing more, ready for kernels and memory maps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tastemap.linalg.jit import kernel
from tastemap.linalg.placement import IN_MEMORY, Placement
from tastemap.linalg.types import BoolArray, Float32Array, Int32Array, Int64Array, IntArray


@dataclass(frozen=True, eq=False)
class CSR:
    """Rows of (column, value) pairs; the columns of a row are sorted and distinct.

    Parameters
    ----------
    indptr : array of shape (n_rows + 1,), int64
        Row ``r`` owns entries ``indptr[r]:indptr[r + 1]``.
    indices : array of shape (nnz,), int32
        Columns.
    values : array of shape (nnz,), float32
        Ratings in stars, or counts of implicit interactions.
    n_columns : int
        The number of columns of the matrix.
    times : array of shape (nnz,), int64, or None
        When each entry came about, in seconds since 1970; None where nobody knows.
    """

    indptr: Int64Array
    indices: Int32Array
    values: Float32Array
    n_columns: int
    times: Int64Array | None = None

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.indptr) - 1

    @cached_property
    def row_lengths(self) -> Int64Array:
        """Entries of each row, shape (n_rows,), int64."""
        return self.indptr[1:] - self.indptr[:-1]  # `np.diff` takes six times as long for one row

    def row(self, row: int) -> tuple[Int32Array, Float32Array]:
        """Columns and values of one row, as views of shape (s,)."""
        start, stop = self.indptr[row], self.indptr[row + 1]
        return self.indices[start:stop], self.values[start:stop]

    def take(self, rows: IntArray) -> CSR:
        """The given rows, in the given order; row -1 is an empty row."""
        if len(rows) == 1 and 0 <= rows[0] < self.n_rows:  # a twentieth of the time of the arithmetic below
            start, stop = self.indptr[rows[0]], self.indptr[rows[0] + 1]
            times = None if self.times is None else self.times[start:stop].copy()
            bounds, own = np.array([0, stop - start]), self.indices[start:stop].copy()
            return CSR(bounds, own, self.values[start:stop].copy(), self.n_columns, times)
        known = rows >= 0
        lengths = np.where(known, self.row_lengths[np.where(known, rows, 0)], 0) if self.n_rows else 0 * rows
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)  # (B + 1,)
        starts = np.where(known, self.indptr[np.where(known, rows, 0)], 0)  # (B,)
        source = np.repeat(starts - indptr[:-1], lengths) + np.arange(indptr[-1])  # (nnz,)
        return self._chosen(indptr, source)

    def reaches(self, lowest: float | None) -> BoolArray:
        """Whether each value is at least `lowest`, shape (nnz,), bool; every one is where it is None."""
        return np.ones(len(self.values), np.bool_) if lowest is None else self.values >= lowest

    def at_least(self, lowest: float | None) -> CSR:
        """The same rows without the entries below `lowest`."""
        if lowest is None:
            return self
        kept = self.reaches(lowest)
        indptr = np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))[self.indptr]
        return self._chosen(indptr, kept)

    def _chosen(self, indptr: Int64Array, entries: IntArray | BoolArray) -> CSR:
        times = None if self.times is None else self.times[entries]
        return CSR(indptr, self.indices[entries], self.values[entries], self.n_columns, times)

    def work_spans(self, row_work: int, block_work: int) -> list[tuple[int, int]]:
        """Spans of consecutive rows of about equal work: a row costs its entries and `row_work` besides.

        A span ends with the row that reaches `block_work`, so one long row may make it longer.
        """
        if self.n_rows <= 1:
            return [(0, 1)] * self.n_rows
        work = self.indptr[1:] + row_work * np.arange(1, self.n_rows + 1)  # (n_rows,), rising
        ends = np.unique(np.searchsorted(work, np.arange(block_work, work[-1] + block_work, block_work)) + 1)
        ends = np.minimum(ends, self.n_rows)
        return [
            (start, stop)
            for start, stop in zip([0, *ends.tolist()], ends.tolist(), strict=False)
            if start < stop
        ]

    @cached_property
    def later_entries(self) -> Float32Array:
        """How many entries of its row are later than each entry, shape (nnz,); zeros without times.

        O(nnz log nnz), computed once.
        """
        if self.times is None or not len(self.times):
            return np.zeros(len(self.indices), np.float32)
        rows = row_numbers(self.indptr)
        order = np.lexsort((self.times, rows))
        rows, times = rows[order], self.times[order]
        ends_run = np.append((rows[1:] != rows[:-1]) | (times[1:] != times[:-1]), True)  # (nnz,)
        run_end = np.flatnonzero(ends_run)[np.cumsum(ends_run) - ends_run] + 1  # behind the last of equal times
        later = np.empty(len(order), np.float32)
        later[order] = self.indptr[rows + 1] - run_end
        return later

    @cached_property
    def transposed(self) -> CSR:
        """The same entries by column, without times: O(nnz), computed once."""
        return self.transpose(IN_MEMORY)

    def transpose(self, placement: Placement) -> CSR:
        """The same entries by column, without times, made where `placement` says.

        O(nnz) for each run of columns that has as many entries as the placement allows at a time.
        """
        indptr = offsets(self.indices, self.n_columns)
        rows, values = (
            placement.empty(len(self.indices), np.int32),
            placement.empty(len(self.indices), np.float32),
        )
        position = indptr[:-1].copy()
        for low, high in runs(indptr, placement.block):
            _scatter_columns(self.indptr, self.indices, self.values, low, high, position, rows, values)
        return CSR(indptr, rows, values, self.n_rows)

    def row_blocks(self, n_entries: int) -> list[tuple[int, int]]:
        """Spans of consecutive rows that have at most `n_entries` together, or are one row with more."""
        return runs(self.indptr, n_entries)

    def rows_between(self, start: int, stop: int) -> CSR:
        """Consecutive rows, as views."""
        first, last = self.indptr[start], self.indptr[stop]
        times = None if self.times is None else self.times[first:last]
        indptr = self.indptr[start : stop + 1] - first
        return CSR(indptr, self.indices[first:last], self.values[first:last], self.n_columns, times)


def from_pairs(rows: IntArray, columns: IntArray, values: Float32Array, shape: tuple[int, int]) -> CSR:
    """A CSR from unordered, distinct (row, column, value) triples, in O(nnz + rows + columns)."""
    by_column = stable_order(columns, shape[1])
    order = by_column[stable_order(rows[by_column], shape[0])]
    return CSR(
        offsets(rows, shape[0]), columns[order].astype(np.int32), values[order].astype(np.float32), shape[1]
    )


def empty_rows(n_rows: int, n_columns: int) -> CSR:
    """A CSR of `n_rows` rows without an entry."""
    return CSR(np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), n_columns)


def offsets(keys: IntArray, n_groups: int) -> Int64Array:
    """Where each group starts once entries are ordered by key, shape (n_groups + 1,), int64."""
    return np.concatenate(([0], np.cumsum(counts(keys, n_groups)))).astype(np.int64)


def counts(keys: IntArray, n_groups: int) -> Int64Array:
    """How often each of 0 … n_groups - 1 occurs, shape (n_groups,), int64; without a wider copy of the keys."""
    found = np.zeros(n_groups, np.int64)
    _count(keys, found)
    return found


def runs(indptr: Int64Array, n_entries: int | None) -> list[tuple[int, int]]:
    """Spans of consecutive groups with at most `n_entries` together, or of one group with more."""
    n = len(indptr) - 1
    if n_entries is None:
        return [(0, n)]
    found, start = [], 0
    while start < n:
        stop = int(np.searchsorted(indptr, indptr[start] + n_entries, side="right")) - 1
        found.append((start, max(stop, start + 1)))
        start = found[-1][1]
    return found


def offsets_of_sorted(keys: Int32Array, n_groups: int) -> Int64Array:
    """The same for keys that never decrease, in O(n_groups log n): a binary search for each group.

    >>> offsets_of_sorted(np.array([0, 0, 2], np.int32), 3)
    array([0, 2, 2, 3])
    """
    # Group numbers of another type than the keys would make a copy of all keys.
    return np.searchsorted(keys, np.arange(n_groups + 1, dtype=keys.dtype)).astype(np.int64)


def row_numbers(indptr: Int64Array) -> Int32Array:
    """The row of each entry, shape (nnz,), int32."""
    return np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))


def stable_order(keys: IntArray, n_groups: int) -> Int64Array:
    """The stable ordering of entries by key, a counting sort in O(n), shape (n,), int64."""
    order = np.empty(len(keys), np.int64)
    _counting_order(keys, offsets(keys, n_groups)[:-1].copy(), order)
    return order


@kernel
def _count(keys: IntArray, found: Int64Array) -> None:
    for entry in range(len(keys)):
        found[keys[entry]] += 1


@kernel
def _scatter_columns(
    indptr: Int64Array,
    indices: Int32Array,
    values: Float32Array,
    low: int,
    high: int,
    position: Int64Array,
    rows: Int32Array,
    by_column: Float32Array,
) -> None:
    """Put the entries of columns `low` to `high` where each column has its next place."""
    for row in range(len(indptr) - 1):
        for entry in range(indptr[row], indptr[row + 1]):
            column = indices[entry]
            if low <= column < high:
                rows[position[column]] = row
                by_column[position[column]] = values[entry]
                position[column] += 1


@kernel
def _counting_order(keys: IntArray, position: Int64Array, order: Int64Array) -> None:
    for entry in range(len(keys)):
        key = keys[entry]
        order[position[key]] = entry
        position[key] += 1
