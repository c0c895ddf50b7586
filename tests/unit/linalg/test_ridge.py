from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tastemap.linalg.conjugate import improve_rows
from tastemap.linalg.csr import CSR
from tastemap.linalg.ridge import BLOCK_WORK, RidgeRows, ridge_row_reference, ridge_rows
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import Float32Array, Float64Array

TOLERANCE = 2e-5
N_ITEMS = 25


def problem_of(
    d: int, *, weighted: bool = True, dense: bool = True, biased: bool = False, n_rows: int = 7, seed: int = 0
) -> RidgeRows:
    """A random problem of several rows, the first one empty; `biased` frees the last coordinate of a row."""
    rng = np.random.default_rng(seed)
    lengths = np.concatenate(([0, 1], rng.integers(1, 20, n_rows - 2)))
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    indices = np.concatenate([np.sort(rng.permutation(N_ITEMS)[:n]) for n in lengths]).astype(np.int32)
    nnz, root = len(indices), rng.normal(size=(d, d))
    return RidgeRows(
        CSR(indptr, indices, np.ones(nnz, np.float32), N_ITEMS),
        weights=rng.uniform(0.5, 40.0, nnz).astype(np.float32)
        if weighted
        else np.broadcast_to(np.float32(1.0), nnz),
        targets=rng.normal(size=nnz).astype(np.float32),
        features=rng.normal(size=(N_ITEMS, d)).astype(np.float32),
        common_penalty=root.T @ root if dense else 0.1 * biased * np.eye(d),
        common_pull=rng.normal(size=d) if dense else np.zeros(d),
        row_penalty=rng.uniform(0.5, 3.0, n_rows),
        n_penalized=d - biased,
    )


def row_of(problem: RidgeRows, row: int) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Features, weights, targets and penalty of one row, in float64."""
    entries = slice(problem.rows.indptr[row], problem.rows.indptr[row + 1])
    Y = problem.features[problem.rows.indices[entries]].astype(np.float64)
    diagonal = problem.row_penalty[row] * (np.arange(Y.shape[1]) < problem.n_penalized)
    weights, targets = problem.weights[entries].astype(np.float64), problem.targets[entries].astype(np.float64)
    return Y, weights, targets, problem.common_penalty + np.diag(diagonal)


def objective_of(problem: RidgeRows, row: int) -> Callable[[Float64Array], float]:
    """The objective of one row as the module writes it."""
    Y, weights, targets, penalty = row_of(problem, row)

    def value(x: Float64Array) -> float:
        return float(weights @ (Y @ x - targets) ** 2 + x @ penalty @ x - 2.0 * problem.common_pull @ x)

    return value


grid = pytest.mark.parametrize(
    ("d", "weighted", "dense", "biased"),
    [
        (d, weighted, dense, biased)
        for d in (1, 2, 8, 33)
        for weighted in (False, True)
        for dense in (False, True)
        for biased in (False, True)
    ],
)


@grid
def test_the_fast_solver_agrees_with_the_reference(d: int, weighted: bool, dense: bool, biased: bool) -> None:
    problem = problem_of(d, weighted=weighted, dense=dense, biased=biased)
    solved, losses = ridge_rows(problem)
    for row in range(len(solved)):
        expected = ridge_row_reference(*row_of(problem, row), problem.common_pull)
        np.testing.assert_allclose(solved[row], expected, rtol=TOLERANCE, atol=2 * TOLERANCE)
        assert losses[row] == pytest.approx(objective_of(problem, row)(expected), rel=1e-4, abs=1e-4)


@grid
def test_the_solution_satisfies_the_normal_equations(d: int, weighted: bool, dense: bool, biased: bool) -> None:
    problem = problem_of(d, weighted=weighted, dense=dense, biased=biased)
    solved = ridge_rows(problem)[0].astype(np.float64)
    for row in range(len(solved)):
        Y, weights, targets, penalty = row_of(problem, row)
        A, b = Y.T @ (weights[:, None] * Y) + penalty, Y.T @ (weights * targets) + problem.common_pull
        scale = np.abs(A) @ np.abs(solved[row]) + np.abs(b)  # what float32 rounding of x is relative to
        assert np.all(np.abs(A @ solved[row] - b) <= TOLERANCE * scale)


@pytest.mark.parametrize("biased", [False, True])
def test_moving_away_from_the_solution_in_any_of_128_directions_raises_the_loss(biased: bool) -> None:
    problem = problem_of(4, biased=biased)
    rng = np.random.default_rng(1)
    for row, solved in enumerate(ridge_rows(problem)[0].astype(np.float64)):
        value = objective_of(problem, row)
        for _ in range(128):
            assert value(solved + 0.01 * rng.normal(size=4)) > value(solved)


def test_a_row_without_entries_and_pull_is_zero() -> None:
    assert not ridge_rows(problem_of(3, dense=False))[0][0].any()


def test_a_feature_that_is_never_there_and_not_penalized_gets_a_zero_coordinate() -> None:
    problem = RidgeRows(
        CSR(np.array([0, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32), 2),
        weights=np.ones(2),
        targets=np.array([4.0, 2.0]),
        features=np.array([[1.0, 0.0], [2.0, 0.0]], np.float32),
        common_penalty=np.zeros((2, 2)),
        common_pull=np.zeros(2),
        row_penalty=np.zeros(1),
        n_penalized=2,
    )
    solved, losses = ridge_rows(problem)
    # Least squares in the first feature alone: (1 * 4 + 2 * 2) / (1 + 4).
    np.testing.assert_allclose(solved, [[8 / 5, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(losses, [(4 - 8 / 5) ** 2 + (2 - 16 / 5) ** 2], rtol=1e-6)


def test_without_factors_there_is_nothing_to_solve() -> None:
    solved, losses = ridge_rows(problem_of(0, weighted=False, dense=False))
    assert solved.shape == (7, 0)
    assert losses.shape == (7,)


@grid
def test_as_many_steps_as_factors_reach_the_exact_solution(
    d: int, weighted: bool, dense: bool, biased: bool
) -> None:
    problem = replace(problem_of(d, weighted=weighted, dense=dense, biased=biased), n_penalized=d)
    exact, least = ridge_rows(problem)
    improved, losses = improve_rows(problem, np.zeros_like(exact), 2 * d)
    np.testing.assert_allclose(improved, exact, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(losses, least, rtol=1e-4, atol=1e-4)


def test_every_step_lowers_the_objective_that_is_told() -> None:
    problem = problem_of(8)
    start: Float32Array = np.random.default_rng(2).normal(size=(7, 8)).astype(np.float32)
    before = [objective_of(problem, row)(x) for row, x in enumerate(start.astype(np.float64))]
    for n_steps in range(1, 6):
        improved, losses = improve_rows(problem, start, n_steps)
        actual = [objective_of(problem, row)(x) for row, x in enumerate(improved.astype(np.float64))]
        np.testing.assert_allclose(losses, actual, rtol=1e-4, atol=1e-3)
        assert np.all(np.array(actual) <= np.array(before) + 1e-9)
        assert sum(actual) < sum(before)
        before = actual


def test_a_row_that_stands_at_its_solution_stays_there() -> None:
    problem = problem_of(8)
    exact, _ = ridge_rows(problem)
    np.testing.assert_allclose(improve_rows(problem, exact, 3)[0], exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("d", [2, 4, 64])
def test_a_hundred_steps_stay_at_the_solution(d: int) -> None:
    problem = problem_of(d, dense=False, n_rows=300)
    exact, _ = ridge_rows(problem)
    improved, _ = improve_rows(problem, np.zeros_like(exact), 100)
    np.testing.assert_allclose(improved, exact, rtol=5e-3, atol=5e-4)


def test_no_rows_have_no_solution_to_find() -> None:
    problem = replace(
        problem_of(3), rows=CSR(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), N_ITEMS)
    )
    problem = replace(problem, row_penalty=np.zeros(0), weights=np.zeros(0), targets=np.zeros(0))
    assert ridge_rows(problem)[0].shape == (0, 3)
    assert improve_rows(problem, np.zeros((0, 3), np.float32), 2)[0].shape == (0, 3)


def test_steps_need_the_same_penalty_on_every_coordinate() -> None:
    problem = problem_of(8, biased=True)
    with pytest.raises(ValueError, match="every coordinate"):
        improve_rows(problem, np.zeros(problem.shape, np.float32), 3)


def test_solutions_have_the_same_bits_at_one_and_two_threads() -> None:
    problem = problem_of(8, n_rows=BLOCK_WORK // 5)
    assert len(problem.spans) > 2
    start = np.zeros(problem.shape, np.float32)
    answers = []
    for n_threads in (1, 2):
        with use_threads(n_threads):
            answers.append(
                [part.tobytes() for part in (*ridge_rows(problem), *improve_rows(problem, start, 3))]
            )
    assert answers[0] == answers[1]
