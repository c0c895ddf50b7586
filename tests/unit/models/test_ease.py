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


def fit(rows: Interactions, regularization: float) -> Float64Array:
    config = ease.EASEConfig(regularization=regularization)
    weights = ease.fit(dataset(rows), config, rng=np.random.default_rng(0)).weights
    assert isinstance(weights, DenseWeights)
    return weights.matrix.astype(np.float64)


@pytest.mark.parametrize("regularization", [0.5, 200.0])
def test_the_weights_are_the_closed_form_of_the_paper(regularization: float) -> None:
    rows = random_rows(40, 70)  # more items than one strip, more items than users
    X = matrix(rows)
    P = np.linalg.inv(X.T @ X + regularization * np.eye(70))
    expected = -P / np.diag(P)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(fit(rows, regularization), expected, rtol=1e-5, atol=1e-7)


def test_each_column_is_the_ridge_regression_of_an_item_on_the_others() -> None:
    rows = random_rows(30, 12)
    X, found = matrix(rows), fit(rows, 2.0)
    for item in range(12):
        others = np.arange(12) != item
        A = X[:, others]
        alone = np.linalg.solve(A.T @ A + 2.0 * np.eye(11), A.T @ X[:, item])
        np.testing.assert_allclose(found[others, item], alone, rtol=1e-5, atol=1e-7)
    assert not np.diag(found).any()


def test_fitting_holds_one_float64_matrix_and_the_weights() -> None:
    rows = random_rows(30, 400)
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
