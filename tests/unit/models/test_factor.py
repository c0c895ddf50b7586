from __future__ import annotations

import numpy as np
import pytest

from tastemap.errors import InvalidValueError
from tastemap.linalg.csr import empty_rows
from tastemap.linalg.types import Int32Array
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel


def random_model(n_users: int = 6, n_items: int = 9, d: int = 4) -> FactorModel:
    """Random factors and biases; no loss, so nothing can be folded in."""
    rng = np.random.default_rng(0)
    return FactorModel(
        user_factors=rng.normal(size=(n_users, d)).astype(np.float32),
        item_factors=rng.normal(size=(n_items, d)).astype(np.float32),
        user_bias=rng.normal(size=n_users).astype(np.float32),
        item_bias=rng.normal(size=n_items).astype(np.float32),
        global_bias=3.5,
        link=Link("clip", 1.0, 5.0),
        user_side=None,
    )


def all_items(n_users: int, n_items: int) -> Int32Array:
    """Every item for every user."""
    return np.tile(np.arange(n_items, dtype=np.int32), (n_users, 1))


def test_a_model_says_its_size_in_one_line() -> None:
    assert repr(random_model()) == "FactorModel of 6 users, 9 items, 4 factors"


@pytest.mark.parametrize("d", [0, 1, 4])
def test_chosen_scores_and_all_scores_are_the_written_sum(d: int) -> None:
    model = random_model(d=d)
    users = model.users(np.arange(6))
    expected = (
        3.5
        + model.user_bias[:, None].astype(np.float64)
        + model.item_bias.astype(np.float64)
        + model.user_factors.astype(np.float64) @ model.item_factors.astype(np.float64).T
    )
    np.testing.assert_allclose(users.score(all_items(6, 9)), expected, rtol=1e-12)
    np.testing.assert_allclose(users.score_range(), expected, rtol=1e-5)
    assert users.score(all_items(6, 9)).dtype == np.float64
    assert users.score_range().dtype == np.float32


def test_a_score_has_the_same_bits_alone_and_in_a_batch() -> None:
    model = random_model(d=33)
    batch = model.users(np.arange(6)).score(all_items(6, 9))
    alone = [
        [model.users(np.array([u])).score(np.array([[i]], np.int32))[0, 0] for i in range(9)] for u in range(6)
    ]
    assert batch.tobytes() == np.array(alone).tobytes()


def test_an_unknown_user_or_item_contributes_zero() -> None:
    model = random_model()
    users = model.users(np.array([-1, 2]))
    scores = users.score(np.array([[3, -1], [3, -1]], np.int32))
    assert scores[0].tolist() == pytest.approx([3.5 + model.item_bias[3], 3.5])
    assert scores[1, 1] == pytest.approx(3.5 + model.user_bias[2])
    np.testing.assert_allclose(users.score_range()[0], 3.5 + model.item_bias, rtol=1e-6)


def test_a_model_without_users_answers_for_unknown_ones() -> None:
    model = random_model(n_users=0)
    np.testing.assert_allclose(model.users(np.array([-1])).score_range()[0], 3.5 + model.item_bias, rtol=1e-6)


def test_take_reorders_the_states() -> None:
    model = random_model()
    np.testing.assert_array_equal(
        model.users(np.arange(6)).take(np.array([4, 1])).score_range(),
        model.users(np.array([4, 1])).score_range(),
    )
    assert len(model.users(np.array([4, 1]))) == 2


def test_without_a_user_side_a_history_changes_nothing() -> None:
    model = random_model()
    assert not model.fold_in(empty_rows(2, 9)).factors.any()
    split = model.contributions(empty_rows(1, 9), np.array([4, 2], np.int32))
    np.testing.assert_allclose(split.baseline, 3.5 + model.item_bias[[4, 2]])
    assert split.values.shape == (2, 0)


def test_similarity_is_by_factors_alone() -> None:
    model = random_model()
    Y = model.item_factors.astype(np.float64)
    norms = np.linalg.norm(Y, axis=1)
    np.testing.assert_allclose(model.similarity(2, "dot"), Y @ Y[2], rtol=1e-6)
    np.testing.assert_allclose(model.similarity(2, "cosine"), Y @ Y[2] / (norms * norms[2]), rtol=1e-6)
    assert model.similarity(2, "cosine")[2] == pytest.approx(1.0)


def test_the_cosine_with_a_zero_vector_is_zero() -> None:
    model = random_model()
    model.item_factors[5] = 0.0
    assert model.similarity(2, "cosine")[5] == 0.0
    assert not model.similarity(5, "cosine").any()


def test_a_model_of_biases_alone_has_no_similar_items() -> None:
    with pytest.raises(InvalidValueError, match="no item vectors"):
        random_model(d=0).similarity(1, "cosine")


def test_the_sigmoid_link_stays_within_its_range_and_its_slope_is_its_derivative() -> None:
    link = Link("sigmoid", 0.5, 5.5)
    score = np.array([-900.0, -2.0, 0.0, 1.5, 900.0])
    assert link.apply(score)[[0, 2, 4]].tolist() == [0.5, 3.0, 5.5]
    step = 1e-6
    slope = (link.apply(score + step) - link.apply(score - step)) / (2 * step)
    np.testing.assert_allclose(link.slope(score), slope, atol=1e-8)


def test_the_clip_link_cuts_at_the_scale_and_the_identity_does_not() -> None:
    score = np.array([-3.0, 2.5, 9.0])
    assert Link("clip", 1.0, 5.0).apply(score).tolist() == [1.0, 2.5, 5.0]
    assert Link().apply(score).tolist() == [-3.0, 2.5, 9.0]
    assert Link("clip", 1.0, 5.0).slope(score).tolist() == [1.0, 1.0, 1.0]
