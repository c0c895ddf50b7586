from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tastemap.linalg.csr import CSR, from_pairs
from tastemap.models.item_weights import ItemWeights


def random_model(n_items: int = 8) -> ItemWeights:
    """Random weights and five users, the last without a history."""
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(rng.random((4, n_items)) < 0.5)
    history = from_pairs(rows, columns, rng.integers(1, 6, len(rows)).astype(np.float32), (5, n_items))
    return ItemWeights(rng.normal(size=(n_items, n_items)).astype(np.float32), history)


def dense_history(history: CSR) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One where a user has seen an item."""
    seen = np.zeros((history.n_rows, history.n_columns))
    for row in range(history.n_rows):
        seen[row, history.row(row)[0]] = 1.0
    return seen


def test_scores_are_sums_of_weights_over_the_seen_items() -> None:
    model = random_model()
    users = model.users(np.arange(5))
    expected = dense_history(model.history) @ model.weights.astype(np.float64)
    every_item = np.tile(np.arange(8, dtype=np.int32), (5, 1))
    np.testing.assert_allclose(users.score(every_item), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(users.score_all(), expected, rtol=1e-5, atol=1e-5)
    assert (model.n_users, model.n_items, len(users)) == (5, 8, 5)


def test_an_unknown_user_or_item_scores_zero() -> None:
    model = random_model()
    scores = model.users(np.array([-1, 0])).score(np.array([[2, -1], [2, -1]], np.int32))
    assert scores[0].tolist() == [0.0, 0.0]
    assert scores[1, 1] == 0.0


def test_a_folded_in_history_scores_as_the_fitted_user_with_that_history() -> None:
    model = random_model()
    fitted, folded = model.users(np.array([2, 0])), model.fold_in(model.history.take(np.array([2, 0])))
    assert fitted.score_all().tobytes() == folded.score_all().tobytes()
    assert fitted.take(np.array([1])).score_all().tobytes() == folded.score_all()[1:].tobytes()


def test_the_reasons_add_up_to_the_score() -> None:
    model = random_model()
    alone = model.history.take(np.array([1]))
    for item in range(8):
        split = model.contributions(alone, item)
        score = model.fold_in(alone).score(np.array([[item]], np.int32))[0, 0]
        assert split.baseline == 0.0
        assert split.values.sum() == pytest.approx(score, abs=1e-9)


def test_entries_below_the_lowest_positive_do_not_count() -> None:
    whole = random_model().history
    model = replace(random_model(), positive_min=4.0)
    alone = whole.take(np.array([1]))
    assert (alone.values < 4.0).any()
    split = model.contributions(alone, 2)
    np.testing.assert_array_equal(split.values[alone.values < 4.0], 0.0)
    assert split.values.sum() == pytest.approx(model.fold_in(alone).score(np.array([[2]], np.int32))[0, 0])
    assert model.fold_in(whole).history.values.min() >= 4.0


def test_similarity_is_a_row_of_weights_or_the_cosine_of_rows() -> None:
    model = random_model()
    W = model.weights.astype(np.float64)
    norms = np.linalg.norm(W, axis=1)
    np.testing.assert_allclose(model.similarity(3, "dot"), W[3], rtol=1e-6)
    np.testing.assert_allclose(model.similarity(3, "cosine"), W @ W[3] / (norms * norms[3]), rtol=1e-6)
