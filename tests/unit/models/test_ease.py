from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tastemap.data import Catalog, Dataset, Interactions, LoadReport, make_interactions
from tastemap.errors import InvalidValueError
from tastemap.linalg.types import Float64Array
from tastemap.models import ease
from tastemap.models.weight_matrix import DenseWeights


def random_rows(n_users: int, n_items: int) -> Interactions:
    """Some random items of each user; every item is somebody's."""
    rng = np.random.default_rng(0)
    has = rng.random((n_users, n_items)) < 0.1
    has[np.arange(n_items) % n_users, np.arange(n_items)] = True
    users, items = np.nonzero(has)
    made, _ = make_interactions(users.tolist(), items.tolist(), np.ones(len(users), np.float32))
    return made


def matrix(rows: Interactions) -> Float64Array:
    dense = np.zeros((rows.n_users, rows.n_items))
    dense[rows.user_index, rows.item_index] = 1.0
    return dense


def dataset(rows: Interactions) -> Dataset:
    return Dataset("random", rows, Catalog.empty(), None, LoadReport(len(rows), len(rows)))


def fit(rows: Interactions, regularization: float, frequency_power: float = 0.0) -> Float64Array:
    config = ease.EASEConfig(regularization=regularization, frequency_power=frequency_power)
    weights = ease.fit(dataset(rows), config, rng=np.random.default_rng(0)).weights
    assert isinstance(weights, DenseWeights)
    return weights.matrix.astype(np.float64)


@pytest.mark.parametrize("n_users", [30, 90])  # few users, and many: another matrix is inverted
@pytest.mark.parametrize(("regularization", "power"), [(0.5, 0.0), (200.0, 0.0), (3.0, 0.5), (0.7, 1.0)])
def test_the_weights_are_the_closed_form_of_the_paper(
    n_users: int, regularization: float, power: float
) -> None:
    rows = random_rows(n_users, 70)  # more items than one strip
    X = matrix(rows)
    P = np.linalg.inv(X.T @ X + np.diag(regularization * X.sum(axis=0) ** power))
    expected = -P / np.diag(P)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(fit(rows, regularization, power), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n_items", [12, 70])
def test_each_column_is_the_ridge_regression_of_an_item_on_the_others(n_items: int) -> None:
    rows = random_rows(30, n_items)
    X, found = matrix(rows), fit(rows, 2.0, 0.5)
    penalty = 2.0 * X.sum(axis=0) ** 0.5
    for item in range(n_items):
        others = np.arange(n_items) != item
        A = X[:, others]
        alone = np.linalg.solve(A.T @ A + np.diag(penalty[others]), A.T @ X[:, item])
        np.testing.assert_allclose(found[others, item], alone, rtol=1e-5, atol=1e-7)
    assert not np.diag(found).any()


@pytest.mark.parametrize("n_users", [190, 400])  # either way to the weights
def test_fitting_holds_one_float64_matrix_and_the_weights(n_users: int) -> None:
    rows = random_rows(n_users, 400)
    fit(rows, 1.0)  # kernels are compiled and SciPy is loaded
    tracemalloc.start()
    ease.fit(dataset(rows), ease.EASEConfig(), rng=np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.6 * 8 * 400**2  # 1.5; a copy that LAPACK makes would be one more


def test_a_catalog_too_large_for_a_dense_matrix_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "LARGEST_MATRIX_BYTES", 8 * 12**2 - 1)
    with pytest.raises(InvalidValueError, match="Use ials"):
        fit(random_rows(30, 12), 1.0)
