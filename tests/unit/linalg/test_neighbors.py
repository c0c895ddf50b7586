from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.linalg.csr import CSR, from_pairs
from tastemap.linalg.neighbors import nearest_columns
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import BoolArray, Float64Array


def nearest(has: BoolArray, shrinkage: float, k: int) -> CSR:
    rows, columns = np.nonzero(has)
    entries = from_pairs(rows, columns, np.ones(len(rows), np.float32), has.shape)
    return nearest_columns(entries, entries.transposed, shrinkage=shrinkage, k=k)


def reference(has: BoolArray, shrinkage: float, k: int) -> Float64Array:
    """All cosines, then all but the greatest k of each row taken away."""
    X = has.astype(np.float64)
    C = X.T @ X
    n = np.diag(C)
    scale = np.sqrt(np.outer(n, n)) + shrinkage
    cosines = np.divide(C, scale, out=np.zeros_like(C), where=scale > 0.0)
    np.fill_diagonal(cosines, 0.0)
    for row in cosines:
        row[np.argsort(-row, kind="stable")[k:]] = 0.0
    return cosines


def dense(found: CSR) -> Float64Array:
    matrix = np.zeros((found.n_rows, found.n_columns))
    for row in range(found.n_rows):
        columns, values = found.row(row)
        assert (np.diff(columns) > 0).all()
        matrix[row, columns] = values
    return matrix


@st.composite
def tables(draw: st.DrawFn) -> BoolArray:
    """Small tables of who has what, where many cosines are equal and some columns are empty."""
    n_rows, n_columns = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    cells = draw(st.lists(st.booleans(), min_size=n_rows * n_columns, max_size=n_rows * n_columns))
    return np.array(cells).reshape(n_rows, n_columns)


@given(has=tables(), shrinkage=st.sampled_from([0.0, 1.0, 12.5]), k=st.integers(1, 12))
def test_the_neighbors_are_those_of_the_whole_matrix(has: BoolArray, shrinkage: float, k: int) -> None:
    found = dense(nearest(has, shrinkage, k))
    np.testing.assert_array_equal(found, reference(has, shrinkage, k).astype(np.float32))


def test_several_blocks_of_columns_give_the_same_bits_at_any_number_of_threads() -> None:
    has = np.random.default_rng(0).random((80, 300)) < 0.1
    made = []
    for threads in (1, 2, 3):
        with use_threads(threads):
            made.append(nearest(has, 2.0, 20))
    for found in made:
        assert found.indptr.tobytes() == made[0].indptr.tobytes()
        assert found.indices.tobytes() == made[0].indices.tobytes()
        assert found.values.tobytes() == made[0].values.tobytes()
    np.testing.assert_array_equal(dense(made[0]), reference(has, 2.0, 20).astype(np.float32))


@pytest.mark.parametrize(
    "has", [np.ones((3, 1), np.bool_), np.zeros((3, 4), np.bool_), np.eye(4, dtype=np.bool_)]
)
def test_columns_that_share_nothing_have_no_neighbors(has: BoolArray) -> None:
    found = nearest(has, 0.0, 5)
    assert (found.n_rows, found.n_columns, len(found.values)) == (has.shape[1], has.shape[1], 0)
