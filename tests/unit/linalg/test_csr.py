from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from tastemap.linalg.csr import CSR, empty_rows, from_pairs, offsets, row_numbers, stable_order
from tastemap.linalg.types import Float32Array


def random_pairs(n_rows: int = 13, n_columns: int = 9, seed: int = 0) -> sparse.csr_array:
    """A random sparse matrix with empty rows and columns."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 6, (n_rows, n_columns)) * (rng.random((n_rows, n_columns)) < 0.3)
    dense[[0, n_rows - 1]] = 0
    dense[:, 4] = 0
    return sparse.csr_array(dense.astype(np.float32))


def shuffled(matrix: sparse.csr_array, seed: int = 1) -> CSR:
    """The matrix built from its entries in random order."""
    entries = matrix.tocoo()
    order = np.random.default_rng(seed).permutation(entries.nnz)
    return from_pairs(entries.row[order], entries.col[order], entries.data[order], matrix.shape)


def dense(matrix: CSR) -> Float32Array:
    """The matrix written out."""
    written: Float32Array = sparse.csr_array(
        (matrix.values, matrix.indices, matrix.indptr), shape=(matrix.n_rows, matrix.n_columns)
    ).toarray()
    return written


def assert_same(made: CSR, expected: sparse.csr_array) -> None:
    """The three arrays agree with SciPy's, dtypes included."""
    expected.sort_indices()
    assert (made.n_rows, made.n_columns) == expected.shape
    np.testing.assert_array_equal(made.indptr, expected.indptr)
    np.testing.assert_array_equal(made.indices, expected.indices)
    np.testing.assert_array_equal(made.values, expected.data)
    dtypes = [array.dtype.name for array in (made.indptr, made.indices, made.values)]
    assert dtypes == ["int64", "int32", "float32"]


def test_pairs_in_any_order_give_scipys_matrix_with_sorted_columns() -> None:
    matrix = random_pairs()
    assert_same(shuffled(matrix), matrix)


def test_the_transposed_matrix_is_scipys_transposed_matrix() -> None:
    matrix = random_pairs()
    assert_same(shuffled(matrix).transposed, matrix.T.tocsr())


def test_transposing_twice_gives_the_matrix_back() -> None:
    matrix = random_pairs()
    assert_same(shuffled(matrix).transposed.transposed, matrix)


def test_entries_below_a_bound_are_left_out_and_rows_stay() -> None:
    matrix = random_pairs()
    high = matrix.copy()
    high.data[high.data < 4.0] = 0.0
    high.eliminate_zeros()
    assert_same(shuffled(matrix).at_least(4.0), high)
    assert_same(shuffled(matrix).at_least(None), matrix)
    assert len(shuffled(matrix).at_least(9.0).indices) == 0


def test_take_gives_rows_in_the_asked_order_with_repeats() -> None:
    matrix = random_pairs()
    rows = np.array([5, 0, 5, 12, 3])
    assert_same(shuffled(matrix).take(rows), matrix[rows])


def test_take_gives_an_empty_row_for_an_unknown_row() -> None:
    matrix = shuffled(random_pairs())
    taken = matrix.take(np.array([-1, 2, -1]))
    np.testing.assert_array_equal(dense(taken)[1], dense(matrix)[2])
    assert taken.row_lengths.tolist() == [0, int(matrix.row_lengths[2]), 0]


@pytest.mark.parametrize("row", [-1, 0, 5, 12])
def test_a_row_is_taken_alone_as_among_others(row: int) -> None:
    matrix = shuffled(random_pairs())
    matrix = replace(matrix, times=np.arange(len(matrix.indices)))
    alone, among = matrix.take(np.array([row], np.int32)), matrix.take(np.array([row, -1]))
    assert alone.indptr.tolist() == among.indptr[:2].tolist()
    for name in ("indptr", "indices", "values", "times"):
        mine, others = getattr(alone, name), getattr(among, name)
        assert mine.dtype == others.dtype
        assert mine.tolist() == (others[:2] if name == "indptr" else others).tolist()


def test_a_row_that_there_is_not_is_refused_alone_as_among_others() -> None:
    matrix = shuffled(random_pairs())
    for rows in ([matrix.n_rows], [0, matrix.n_rows]):
        with pytest.raises(IndexError):
            matrix.take(np.array(rows))


def test_take_of_no_rows_is_a_matrix_without_rows() -> None:
    taken = shuffled(random_pairs()).take(np.array([], np.int64))
    assert (taken.n_rows, taken.n_columns, len(taken.indices)) == (0, 9, 0)


def test_take_of_unknown_rows_works_on_a_matrix_without_rows() -> None:
    taken = empty_rows(0, 4).take(np.array([-1, -1]))
    assert (taken.n_rows, taken.n_columns, len(taken.values)) == (2, 4, 0)


def test_a_row_is_its_columns_and_values() -> None:
    made = from_pairs(np.array([1, 0, 1]), np.array([2, 1, 0]), np.array([3.0, 4.0, 5.0], np.float32), (2, 3))
    columns, values = made.row(1)
    assert (columns.tolist(), values.tolist()) == ([0, 2], [5.0, 3.0])
    assert made.row_lengths.tolist() == [1, 2]


def test_empty_rows_have_no_entry() -> None:
    assert_same(empty_rows(3, 5), sparse.csr_array((3, 5), dtype=np.float32))


@pytest.mark.parametrize("n_groups", [1, 7, 50])
def test_the_counting_sort_is_numpys_stable_sort(n_groups: int) -> None:
    keys = np.random.default_rng(2).integers(0, n_groups, 400)
    np.testing.assert_array_equal(stable_order(keys, n_groups), np.argsort(keys, kind="stable"))


def test_offsets_and_row_numbers_undo_each_other() -> None:
    keys = np.array([0, 0, 2, 2, 2, 5])
    bounds = offsets(keys, 7)
    assert bounds.tolist() == [0, 2, 2, 5, 5, 5, 6, 6]
    np.testing.assert_array_equal(row_numbers(bounds), keys)
