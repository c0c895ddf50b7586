from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.csr import CSR
from tastemap.linalg.ridge import RidgeRows, ridge_rows
from tastemap.linalg.ridge_split import ridge_split

N_ITEMS = 30


def problem_of(n_entries: int, d: int, n_penalized: int) -> RidgeRows:
    rng = np.random.default_rng(n_entries + d)
    items = np.sort(rng.choice(N_ITEMS, n_entries, replace=False)).astype(np.int32)
    history = CSR(np.array([0, n_entries]), items, np.ones(n_entries, np.float32), N_ITEMS)
    features = rng.normal(size=(N_ITEMS, d)).astype(np.float32)
    common = np.eye(d) + 0.1 * features.astype(np.float64).T @ features
    weights, targets = rng.uniform(0.5, 2.0, n_entries), rng.normal(size=n_entries)
    return RidgeRows(
        history, weights, targets, features, common, rng.normal(size=d), np.array([0.7]), n_penalized
    )


@pytest.mark.parametrize(
    ("n_entries", "d", "n_penalized"), [(0, 3, 3), (1, 1, 0), (7, 4, 3), (25, 9, 9), (30, 6, 5)]
)
def test_the_parts_are_those_of_a_dense_solution_and_add_up_to_it(
    n_entries: int, d: int, n_penalized: int
) -> None:
    problem = problem_of(n_entries, d, n_penalized)
    vectors = np.random.default_rng(1).normal(size=(5, d))
    rest, values = ridge_split(problem, vectors)
    Y = problem.features[problem.rows.indices].astype(np.float64)  # (s, d)
    penalty = problem.common_penalty + np.diag(0.7 * (np.arange(d) < n_penalized))
    A = Y.T @ (problem.weights[:, None] * Y) + penalty
    expected = vectors @ np.linalg.solve(A, (Y * (problem.weights * problem.targets)[:, None]).T)  # (5, s)
    np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(rest, vectors @ np.linalg.solve(A, problem.common_pull), rtol=1e-10, atol=1e-12)
    solved, _ = ridge_rows(problem)
    np.testing.assert_allclose(rest + values.sum(axis=1), vectors @ solved[0], atol=1e-5)


def test_a_vector_is_split_to_the_same_bits_alone_and_among_others() -> None:
    problem, vectors = problem_of(25, 9, 8), np.random.default_rng(1).normal(size=(6, 9))
    rest, values = ridge_split(problem, vectors)
    for row in range(6):
        alone, alone_values = ridge_split(problem, vectors[row : row + 1])
        assert alone[0] == rest[row]
        assert alone_values[0].tobytes() == values[row].tobytes()


def test_without_coordinates_nothing_is_added_and_the_inputs_stay() -> None:
    problem = problem_of(4, 0, 0)
    rest, values = ridge_split(problem, np.zeros((3, 0)))
    assert not rest.any()
    assert values.shape == (3, 4)
    assert not values.any()
    problem, vectors = problem_of(4, 3, 3), np.ones((2, 3))
    before = problem.common_penalty.copy()
    ridge_split(problem, vectors)
    np.testing.assert_array_equal(problem.common_penalty, before)
    np.testing.assert_array_equal(vectors, 1.0)
