"""Lists where float32 cannot tell items apart, and lists of many users in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.inference import lists
from tastemap.inference.lists import lists_of, top_lists
from tastemap.linalg.csr import empty_rows, from_pairs
from tastemap.models import factor
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel

N_USERS = 3
K = 5
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


def test_the_candidates_hold_items_that_float32_cannot_tell_apart_and_float64_orders_them() -> None:
    model = near_ties()
    states = model.users(np.arange(N_USERS))
    assert len(np.unique(states.score_range()[:, :N_NEAR])) == 1  # without candidates to spare: items 0 … 4
    items, scores = top_lists(states, K, seen=empty_rows(N_USERS, model.n_items))
    assert items.tolist() == [[25, 24, 23, 22, 21]] * N_USERS
    assert (np.diff(scores, axis=1) < 0.0).all()


def test_seen_items_leave_their_candidates_to_others() -> None:
    model = near_ties()
    # The best item and one of the worse ones are seen by the second user alone.
    seen = from_pairs(np.array([1, 1]), np.array([25, 30]), np.ones(2, np.float32), (N_USERS, model.n_items))
    items, _ = top_lists(model.users(np.arange(N_USERS)), K, seen=seen)
    assert items.tolist() == [[25, 24, 23, 22, 21], [24, 23, 22, 21, 20], [25, 24, 23, 22, 21]]


@pytest.mark.parametrize("at_once", [1, 7, 26, 1000])
def test_blocks_of_items_do_not_change_the_lists(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor, "ITEMS_PER_BLOCK", at_once)
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
