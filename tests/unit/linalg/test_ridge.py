from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.csr import CSR
from tastemap.linalg.ridge import ROWS_PER_BLOCK, ridge_row_reference, ridge_rows
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import Float32Array, Float64Array

TOLERANCE = 2e-5


class Problem:
    """A random ridge problem of several rows, the first of them empty."""

    def __init__(self, d: int, *, weighted: bool, dense_penalty: bool, n_rows: int = 7, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        lengths = np.concatenate(([0, 1], rng.integers(1, 20, n_rows - 2)))
        self.indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        self.indices = np.concatenate([np.sort(rng.permutation(25)[:n]) for n in lengths]).astype(np.int32)
        nnz = len(self.indices)
        self.weights = rng.uniform(0.5, 40.0, nnz) if weighted else np.ones(nnz)
        self.targets = rng.normal(size=nnz)
        self.features: Float32Array = rng.normal(size=(25, d)).astype(np.float32)
        root = rng.normal(size=(d, d))
        self.common: Float64Array = root.T @ root if dense_penalty else np.zeros((d, d))
        self.diagonal: Float64Array = rng.uniform(0.05, 3.0, (n_rows, d))

    def solve(self) -> Float32Array:
        """The fast solver's answer."""
        return ridge_rows(
            self.indptr,
            self.indices,
            self.weights,
            self.targets,
            self.features,
            common_penalty=self.common,
            row_penalty=self.diagonal,
        )

    def row(self, row: int) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
        """Features, weights, targets and penalty of one row, in float64."""
        entries = slice(self.indptr[row], self.indptr[row + 1])
        Y = self.features[self.indices[entries]].astype(np.float64)
        return Y, self.weights[entries], self.targets[entries], self.common + np.diag(self.diagonal[row])


grid = pytest.mark.parametrize(
    ("d", "weighted", "dense_penalty"),
    [(d, weighted, dense) for d in (1, 2, 8, 33) for weighted in (False, True) for dense in (False, True)],
)


@grid
def test_the_fast_solver_agrees_with_the_reference(d: int, weighted: bool, dense_penalty: bool) -> None:
    problem = Problem(d, weighted=weighted, dense_penalty=dense_penalty)
    solved = problem.solve()
    for row in range(1, len(solved)):
        expected = ridge_row_reference(*problem.row(row))
        np.testing.assert_allclose(solved[row], expected, rtol=TOLERANCE, atol=TOLERANCE)


@grid
def test_the_solution_satisfies_the_normal_equations(d: int, weighted: bool, dense_penalty: bool) -> None:
    problem = Problem(d, weighted=weighted, dense_penalty=dense_penalty)
    solved = problem.solve().astype(np.float64)
    for row in range(1, len(solved)):
        Y, weights, targets, penalty = problem.row(row)
        A, b = Y.T @ (weights[:, None] * Y) + penalty, Y.T @ (weights * targets)
        scale = np.abs(A) @ np.abs(solved[row]) + np.abs(b)  # what float32 rounding of x is relative to
        assert np.all(np.abs(A @ solved[row] - b) <= TOLERANCE * scale)


def test_moving_away_from_the_solution_raises_the_loss() -> None:
    problem = Problem(4, weighted=True, dense_penalty=True)
    rng = np.random.default_rng(1)
    for row, solved in enumerate(problem.solve().astype(np.float64)):
        Y, weights, targets, penalty = problem.row(row)

        def loss(
            x: Float64Array,
            Y: Float64Array = Y,
            weights: Float64Array = weights,
            targets: Float64Array = targets,
            penalty: Float64Array = penalty,
        ) -> float:
            return float(weights @ (Y @ x - targets) ** 2 + x @ penalty @ x)

        for _ in range(5):
            assert loss(solved + 0.01 * rng.normal(size=4)) > loss(solved)


def test_a_row_without_entries_is_zero() -> None:
    assert not Problem(3, weighted=True, dense_penalty=True).solve()[0].any()


def test_a_feature_that_is_never_there_and_not_penalized_gets_a_zero_coordinate() -> None:
    history = CSR(np.array([0, 2]), np.array([0, 1], np.int32), np.array([4.0, 2.0], np.float32), 2)
    features = np.array([[1.0, 0.0], [2.0, 0.0]], np.float32)
    solved = ridge_rows(
        history.indptr,
        history.indices,
        np.ones(2),
        history.values,
        features,
        common_penalty=np.zeros((2, 2)),
        row_penalty=np.zeros((1, 2)),
    )
    # Least squares in the first feature alone: (1 * 4 + 2 * 2) / (1 + 4).
    np.testing.assert_allclose(solved, [[8 / 5, 0.0]], rtol=1e-6)


def test_without_factors_there_is_nothing_to_solve() -> None:
    problem = Problem(1, weighted=False, dense_penalty=False)
    problem.features, problem.common, problem.diagonal = (
        np.zeros((25, 0), np.float32),
        np.zeros((0, 0)),
        np.zeros((7, 0)),
    )
    assert problem.solve().shape == (7, 0)


def test_the_solution_has_the_same_bits_at_one_and_two_threads() -> None:
    problem = Problem(8, weighted=True, dense_penalty=True, n_rows=3 * ROWS_PER_BLOCK + 5)
    with use_threads(1):
        alone = problem.solve()
    with use_threads(2):
        together = problem.solve()
    assert alone.tobytes() == together.tobytes()
