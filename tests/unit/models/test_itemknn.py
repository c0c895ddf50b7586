from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tastemap.data import Catalog, Dataset, Interactions, LoadReport, make_interactions
from tastemap.errors import DataError, InvalidValueError
from tastemap.linalg.csr import row_numbers
from tastemap.linalg.types import Float64Array
from tastemap.models import itemknn
from tastemap.models.item_weights import ItemWeights
from tastemap.models.sparse_weights import SparseWeights
from tastemap.training import fit as fit_by_name
from tests.toys import STARS, checkerboard, hand_dataset, planted


def fit(train: Dataset, **settings: float | None) -> ItemWeights:
    config = itemknn.ItemKNNConfig.model_validate(settings)
    return itemknn.fit(train, config, rng=np.random.default_rng(0))


def dense(model: ItemWeights) -> Float64Array:
    assert isinstance(model.weights, SparseWeights)
    rows = model.weights.rows
    matrix = np.zeros((model.n_items, model.n_items))
    matrix[row_numbers(rows.indptr), rows.indices] = rows.values
    return matrix


def reference(train: Interactions, n_neighbors: int, shrinkage: float) -> Float64Array:
    """The equation of the module, on dense matrices."""
    X = np.zeros((train.n_users, train.n_items))
    X[train.user_index, train.item_index] = 1.0
    n = X.sum(axis=0)
    W = (X.T @ X) / (np.sqrt(np.outer(n, n)) + shrinkage)
    np.fill_diagonal(W, 0.0)
    np.put_along_axis(W, np.argsort(-W, axis=1, kind="stable")[:, n_neighbors:], 0.0, axis=1)
    return W


@pytest.mark.parametrize(("n_neighbors", "shrinkage"), [(3, 0.0), (10, 7.5), (39, 2.0)])
def test_the_weights_are_the_shrunk_cosines_of_the_nearest(n_neighbors: int, shrinkage: float) -> None:
    data = planted()
    found = dense(fit(data, n_neighbors=n_neighbors, shrinkage=shrinkage))
    np.testing.assert_array_equal(
        found, reference(data.interactions, n_neighbors, shrinkage).astype(np.float32)
    )


def test_a_cosine_worked_by_hand() -> None:
    # Items 1 and 2 of the hand matrix: four and three users, two of them the same.
    found = dense(fit(hand_dataset(), shrinkage=0.5))
    assert found[0, 1] == pytest.approx(2 / (np.sqrt(12) + 0.5), rel=1e-7)
    assert found[1, 4] == 0.0


def test_what_a_rating_or_count_says_beyond_being_there_does_not_count() -> None:
    rows = planted().interactions.frame()
    users, items = rows["user_id"].to_list(), rows["item_id"].to_list()
    counts, _ = make_interactions(users, items, np.arange(1, len(users) + 1, dtype=np.float32))
    others = Dataset("counts", counts, Catalog.empty(), None, LoadReport(len(users), len(users)))
    np.testing.assert_array_equal(dense(fit(others)), dense(fit(planted())))


def test_more_neighbors_than_items_are_all_items() -> None:
    data = planted()
    np.testing.assert_array_equal(dense(fit(data, n_neighbors=10_000)), dense(fit(data, n_neighbors=39)))


def test_the_reasons_of_a_fitted_model_sum_to_its_scores() -> None:
    model = fit(planted(), n_neighbors=5)
    for user in range(10):
        history = model.history.take(np.array([user]))
        scores = model.users(np.array([user])).score(np.arange(40, dtype=np.int32)[None, :])[0]
        split = model.contributions(history, np.arange(40, dtype=np.int32))
        np.testing.assert_allclose(split.baseline + split.values.sum(axis=1), scores, atol=1e-12)


def test_one_item_or_nothing_positive_is_refused_by_name() -> None:
    alone, _ = make_interactions([1, 2, 3], [7, 7, 7], np.ones(3, np.float32))
    with pytest.raises(DataError, match="Got 3 and 1"):
        fit_by_name(Dataset("alone", alone, Catalog.empty(), None, LoadReport(3, 3)), "itemknn", rng=0)
    low, _ = make_interactions([1, 2], [7, 8], np.ones(2, np.float32), rating_scale=STARS)
    with pytest.raises(InvalidValueError, match="lower positive_min"):
        fit_by_name(
            Dataset("low", low, Catalog.empty(), None, LoadReport(2, 2)), "itemknn", positive_min=4.0, rng=0
        )


def test_items_that_nobody_has_in_common_have_no_weights() -> None:
    apart, _ = make_interactions([1, 2, 3], [7, 8, 9], np.ones(3, np.float32))
    model = fit(Dataset("apart", apart, Catalog.empty(), None, LoadReport(3, 3)))
    assert not dense(model).any()
    assert not model.users(np.arange(3)).score_range().any()
    assert not model.similarity(0, "cosine").any()


def test_weights_too_large_for_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = checkerboard()  # each of 20 items has nine others with users in common
    monkeypatch.setattr(itemknn, "LARGEST_WEIGHTS_BYTES", 8 * 20 * 5)
    fit(data, n_neighbors=5)
    with pytest.raises(InvalidValueError, match="lower n_neighbors"):
        fit(data, n_neighbors=6)


def test_fitting_makes_no_matrix_of_all_pairs_of_items() -> None:
    data = planted(n_users=100, n_items=1_000, density=0.02)
    fit(data, n_neighbors=10)  # kernels are compiled, transposes kept
    tracemalloc.start()
    fit(data, n_neighbors=10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * 1_000**2  # half a byte for each pair of items
