from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tastemap.linalg.csr import CSR, from_pairs
from tastemap.linalg.types import Float32Array
from tastemap.models.item_weights import ItemWeights
from tastemap.models.sparse_weights import SparseWeights
from tastemap.models.weight_matrix import DenseWeights

BOTH_KINDS = pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])


def random_weights(n_items: int = 8) -> Float32Array:
    """Half of them zero; item 5 adds nothing to any."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(n_items, n_items)) * (rng.random((n_items, n_items)) < 0.5)
    weights[5] = 0.0
    return weights.astype(np.float32)


def random_model(is_sparse: bool = False, n_items: int = 8) -> ItemWeights:
    """Random weights and five users, the last without a history."""
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(rng.random((4, n_items)) < 0.5)
    history = from_pairs(rows, columns, rng.integers(1, 6, len(rows)).astype(np.float32), (5, n_items))
    weights = random_weights(n_items)
    if not is_sparse:
        return ItemWeights(DenseWeights(weights), history)
    rows, columns = np.nonzero(weights)
    return ItemWeights(
        SparseWeights(from_pairs(rows, columns, weights[rows, columns], (n_items, n_items))), history
    )


def dense_history(history: CSR) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One where a user has seen an item."""
    seen = np.zeros((history.n_rows, history.n_columns))
    for row in range(history.n_rows):
        seen[row, history.row(row)[0]] = 1.0
    return seen


def test_a_model_says_its_size_in_one_line() -> None:
    assert repr(random_model()) == "ItemWeights of 5 users, 8 items"


@BOTH_KINDS
def test_scores_are_sums_of_weights_over_the_seen_items(is_sparse: bool) -> None:
    model = random_model(is_sparse)
    users = model.users(np.arange(5))
    expected = dense_history(model.history) @ random_weights().astype(np.float64)
    every_item = np.tile(np.arange(8, dtype=np.int32), (5, 1))
    np.testing.assert_allclose(users.score(every_item), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(users.score_range(), expected, rtol=1e-5, atol=1e-5)
    assert (model.n_users, model.n_items, len(users)) == (5, 8, 5)


@BOTH_KINDS
def test_an_unknown_user_or_item_scores_zero(is_sparse: bool) -> None:
    model = random_model(is_sparse)
    scores = model.users(np.array([-1, 0])).score(np.array([[2, -1], [2, -1]], np.int32))
    assert scores[0].tolist() == [0.0, 0.0]
    assert scores[1, 1] == 0.0


@BOTH_KINDS
def test_a_folded_in_history_scores_as_the_fitted_user_with_that_history(is_sparse: bool) -> None:
    model = random_model(is_sparse)
    fitted, folded = model.users(np.array([2, 0])), model.fold_in(model.history.take(np.array([2, 0])))
    assert fitted.score_range().tobytes() == folded.score_range().tobytes()
    assert fitted.take(np.array([1])).score_range().tobytes() == folded.score_range()[1:].tobytes()


@BOTH_KINDS
def test_the_reasons_add_up_to_the_score(is_sparse: bool) -> None:
    model = random_model(is_sparse)
    alone = model.history.take(np.array([1]))
    items = np.arange(8, dtype=np.int32)
    split = model.contributions(alone, items)
    scores = model.fold_in(alone).score(items[None])[0]
    assert not split.baseline.any()
    np.testing.assert_allclose(split.values.sum(axis=1), scores, atol=1e-12)


@BOTH_KINDS
def test_entries_below_the_lowest_positive_do_not_count(is_sparse: bool) -> None:
    whole = random_model(is_sparse).history
    model = replace(random_model(is_sparse), positive_min=4.0)
    alone = whole.take(np.array([1]))
    assert (alone.values < 4.0).any()
    split = model.contributions(alone, np.array([2], np.int32))
    np.testing.assert_array_equal(split.values[0, alone.values < 4.0], 0.0)
    assert split.values.sum() == pytest.approx(model.fold_in(alone).score(np.array([[2]], np.int32))[0, 0])
    assert model.fold_in(whole).history.values.min() >= 4.0


@BOTH_KINDS
def test_similarity_is_a_row_of_weights_or_the_cosine_of_rows(is_sparse: bool) -> None:
    model = random_model(is_sparse)
    W = random_weights().astype(np.float64)
    norms = np.linalg.norm(W, axis=1)
    np.testing.assert_allclose(model.similarity(3, "dot"), W[3], rtol=1e-6)
    lengths = np.where(norms > 0.0, norms * norms[3], 1.0)
    np.testing.assert_allclose(model.similarity(3, "cosine"), W @ W[3] / lengths, rtol=1e-6, atol=1e-12)
    assert not model.similarity(5, "cosine").any()


def test_dense_and_sparse_weights_give_the_same_scores_to_the_bit() -> None:
    every_item = np.tile(np.arange(8, dtype=np.int32), (5, 1))
    dense, sparse = (random_model(is_sparse).users(np.arange(5)) for is_sparse in (False, True))
    assert dense.score(every_item).tobytes() == sparse.score(every_item).tobytes()
    np.testing.assert_array_equal(dense.score_range(), sparse.score_range())


def test_sparse_sums_have_the_same_bits_whichever_way_they_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(is_sparse=True, n_items=60)
    dense = random_model(is_sparse=False, n_items=60)
    chosen = np.random.default_rng(2).integers(-1, 60, (5, 30)).astype(np.int32)
    whole_rows = model.weights.sum_pairs(model.history, chosen)
    monkeypatch.setattr("tastemap.models.sparse_weights.SEARCHES", 0)
    searched = model.weights.sum_pairs(model.history, chosen)
    assert (
        whole_rows.tobytes() == searched.tobytes() == dense.weights.sum_pairs(dense.history, chosen).tobytes()
    )
    assert not whole_rows[chosen < 0].any()


@BOTH_KINDS
def test_cosines_among_items_are_those_of_their_rows(is_sparse: bool) -> None:
    model = random_model(is_sparse)
    items = np.array([3, 5, 0, 7, 3], np.int32)
    W = random_weights()[items].astype(np.float64)
    norms = np.linalg.norm(W, axis=1)
    norms[1] = 1.0  # item 5 has no weights, and is like nothing
    np.testing.assert_allclose(model.similarities(items), (W @ W.T) / np.outer(norms, norms), atol=1e-7)
    assert model.similarities(items)[1].tolist() == [0.0] * 5
