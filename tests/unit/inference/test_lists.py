"""Lists where float32 cannot tell items apart, and lists of many users in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.inference import lists
from tastemap.inference.lists import lists_of, top_lists
from tastemap.linalg.csr import empty_rows, from_pairs
from tastemap.linalg.threads import use_threads
from tastemap.models import factor
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel

N_USERS = 3
K = 5
N_MANY = 8
N_NEAR = 2 * K + 16
"""Items that stand level in float32: as many as there are candidates."""


def near_ties() -> FactorModel:
    """The last of `N_NEAR` good items is the best, by a billionth of a star each; forty worse ones follow."""
    near = np.arange(N_NEAR) * 1e-9
    return FactorModel(
        user_factors=np.zeros((N_USERS, 0), np.float32),
        item_factors=np.zeros((N_NEAR + 40, 0), np.float32),
        user_bias=np.zeros(N_USERS, np.float32),
        item_bias=np.concatenate([near, np.full(40, -1.0)]).astype(np.float32),
        global_bias=3.5,
        link=Link("clip", 1.0, 5.0),
        user_side=None,
    )


def test_the_candidates_hold_item_factorsthat_float32_cannot_tell_apart_and_float64_orders_them() -> None:
    model = near_ties()
    states = model.users(np.arange(N_USERS))
    assert len(np.unique(states.score_range()[:, :N_NEAR])) == 1  # without candidates to spare: items 0 … 4
    items, scores = top_lists(states, K, seen=empty_rows(N_USERS, model.n_items))
    assert items.tolist() == [[25, 24, 23, 22, 21]] * N_USERS
    assert (np.diff(scores, axis=1) < 0.0).all()


def test_seen_item_factorsleave_their_candidates_to_others() -> None:
    model = near_ties()
    # The best item and one of the worse ones are seen by the second user alone.
    seen = from_pairs(np.array([1, 1]), np.array([25, 30]), np.ones(2, np.float32), (N_USERS, model.n_items))
    items, _ = top_lists(model.users(np.arange(N_USERS)), K, seen=seen)
    assert items.tolist() == [[25, 24, 23, 22, 21], [24, 23, 22, 21, 20], [25, 24, 23, 22, 21]]


@pytest.mark.parametrize("at_once", [1, 7, 26, 1000])
def test_blocks_of_item_factorsdo_not_change_the_lists(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor, "FEWEST_ITEMS", at_once)
    monkeypatch.setattr(factor, "SCORES_AT_ONCE", 1)
    model = near_ties()
    seen = from_pairs(np.array([1, 1]), np.array([25, 30]), np.ones(2, np.float32), (N_USERS, model.n_items))
    allowed = np.arange(model.n_items) != 22
    items, _ = top_lists(model.users(np.arange(N_USERS)), K, seen=seen, allowed=allowed)
    assert items.tolist() == [[25, 24, 23, 21, 20], [24, 23, 21, 20, 19], [25, 24, 23, 21, 20]]


@pytest.mark.parametrize("block", [1, 2, 100])
def test_lists_of_users_in_any_order_and_blocks_are_their_own(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "USER_BLOCK", block)
    model = near_ties()
    seen = from_pairs(np.array([1]), np.array([25]), np.ones(1, np.float32), (N_USERS, model.n_items))
    found = lists_of(model, np.array([2, 1, 0, 1]), K, seen=seen)
    assert found[:, 0].tolist() == [25, 24, 25, 24]
    assert found[:2].tolist() == [[25, 24, 23, 22, 21], [24, 23, 22, 21, 20]]
    assert lists_of(model, np.zeros(0, np.int64), 4, seen=seen).shape == (0, 4)


def random_model(rng: np.random.Generator, n_items: int, *, has_bias: bool) -> FactorModel:
    """Small whole numbers, whose scores tie and have no rounding."""
    n_factors = int(rng.integers(0, 5))
    user_factors, item_factors = (
        rng.integers(-2, 3, (n, n_factors)).astype(np.float32) for n in (N_MANY, n_items)
    )
    user_bias, item_bias = (rng.integers(-1, 2, n).astype(np.float32) * has_bias for n in (N_MANY, n_items))
    return FactorModel(user_factors, item_factors, user_bias, item_bias, 1.0 * has_bias, Link(), None)


@pytest.mark.parametrize("seed", range(12))
def test_a_list_made_alone_has_the_bits_of_the_batch_and_is_that_of_a_full_sort(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_items, k = int(rng.integers(1, 90)), int(rng.integers(1, 40))
    model = random_model(rng, n_items, has_bias=seed % 2 == 0)
    is_seen = rng.random((N_MANY, n_items)) < rng.choice([0.0, 0.3, 1.0], (N_MANY, 1))  # of some users all
    rows, columns = np.nonzero(is_seen)
    seen = from_pairs(rows, columns, np.ones(len(rows), np.float32), (N_MANY, n_items))
    allowed = rng.random(n_items) < 0.8 if seed % 3 == 0 else None
    everybody = np.arange(N_MANY)
    items, scores = top_lists(model.users(everybody), k, seen=seen, allowed=allowed)
    exact = model.users(everybody).score(np.tile(np.arange(n_items, dtype=np.int32), (N_MANY, 1)))
    valid = ~is_seen if allowed is None else ~is_seen & allowed
    for user in everybody:
        alone = everybody[user : user + 1]
        mine, my_scores = top_lists(model.users(alone), k, seen=seen.take(alone), allowed=allowed)
        assert mine.tobytes() == items[user].tobytes()
        assert my_scores.tobytes() == scores[user].tobytes()
        best = sorted(np.flatnonzero(valid[user]), key=lambda item: (-exact[user, item], item))[:k]
        assert mine[0].tolist() == best + [-1] * (min(k, n_items) - len(best))


def test_lists_of_fitted_like_factors_are_the_same_alone_in_a_batch_and_at_any_number_of_threads() -> None:
    rng = np.random.default_rng(5)
    lengths = rng.lognormal(sigma=0.8, size=(3000, 1))
    users, item_factors = ((rng.normal(size=(n, 24)) * lengths[:n]).astype(np.float32) for n in (700, 3000))
    no_bias = np.zeros(700, np.float32), np.zeros(3000, np.float32)
    model = FactorModel(users, item_factors, *no_bias, 0.0, Link(), None)
    nobody = empty_rows(700, 3000)
    items, scores = top_lists(model.users(np.arange(700)), 20, seen=nobody)
    for count in (1, 3):
        with use_threads(count):
            again = top_lists(model.users(np.arange(700)), 20, seen=nobody)
        assert (again[0].tobytes(), again[1].tobytes()) == (items.tobytes(), scores.tobytes())
    for user in range(0, 700, 50):
        alone = top_lists(model.users(np.array([user])), 20, seen=empty_rows(1, 3000))
        assert (alone[0].tobytes(), alone[1].tobytes()) == (items[user].tobytes(), scores[user].tobytes())
