"""Items in the order of how high they can score: lists that end early are the lists of all items."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.inference import lists
from tastemap.inference.lists import top_lists
from tastemap.linalg.csr import CSR, empty_rows, from_pairs
from tastemap.models import factor
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel, FactorUsers
from tastemap.models.reach import FEWEST_ITEMS, LONG_ITEMS, item_reach

N_USERS, N_ITEMS = 40, FEWEST_ITEMS + 900
N_FACTORS = 12


def long_tailed(seed: int, *, is_whole: bool = False) -> FactorModel:
    """A few long items and many short ones; the second user is nobody, whose scores are all the same.

    Factors that are whole numbers make many scores equal.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.permutation(np.geomspace(8.0, 0.01, N_ITEMS))[:, None]
    items, users = rng.normal(size=(N_ITEMS, N_FACTORS)) * lengths, rng.normal(size=(N_USERS, N_FACTORS))
    if is_whole:
        items, users = np.rint(items), np.rint(users)
    users[1] = 0.0
    bias = rng.normal(size=N_USERS).astype(np.float32)
    no_bias = np.zeros(N_ITEMS, np.float32)
    return FactorModel(users.astype(np.float32), items.astype(np.float32), bias, no_bias, 3.5, Link(), None)


def some_seen(seed: int) -> CSR:
    """Of the third user everything but two items, of others a part or nothing."""
    rng = np.random.default_rng(seed)
    is_seen = rng.random((N_USERS, N_ITEMS)) < rng.choice([0.0, 0.01, 0.3], (N_USERS, 1))
    is_seen[2] = True
    is_seen[2, [7, 4000]] = False
    rows, columns = np.nonzero(is_seen)
    return from_pairs(rows, columns, np.ones(len(rows), np.float32), (N_USERS, N_ITEMS))


@pytest.mark.parametrize("is_whole", [False, True], ids=["real", "whole"])
@pytest.mark.parametrize("k", [1, 10, 300])
@pytest.mark.parametrize("first_items", [50, 1024])
def test_lists_that_end_early_are_those_of_all_items(
    k: int, first_items: int, is_whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "FIRST_ITEMS", first_items)
    model, seen = long_tailed(3, is_whole=is_whole), some_seen(4)
    allowed = np.random.default_rng(5).random(N_ITEMS) < 0.9
    states = model.users(np.arange(N_USERS))
    assert states.by_reach() is not None
    items, scores = top_lists(states, k, seen=seen, allowed=allowed)
    alone = [
        top_lists(model.users(np.array([user])), k, seen=seen.take(np.array([user])), allowed=allowed)
        for user in range(N_USERS)
    ]
    assert np.vstack([found for found, _ in alone]).tobytes() == items.tobytes()
    monkeypatch.setattr(FactorUsers, "by_reach", lambda users: None)
    of_all, their_scores = top_lists(states, k, seen=seen, allowed=allowed)
    assert of_all.tobytes() == items.tobytes()
    assert their_scores.tobytes() == scores.tobytes()


def test_a_list_ends_early_and_somebody_without_a_taste_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = long_tailed(0)
    scored = np.zeros(N_USERS)
    plain = FactorUsers.score_items

    def counted(users: FactorUsers, chosen: slice | np.ndarray) -> np.ndarray:
        found = plain(users, chosen)
        scored[: len(users)] += found.shape[1]
        return found

    monkeypatch.setattr(FactorUsers, "score_items", counted)
    monkeypatch.setattr(factor, "SCORES_AT_ONCE", 1)
    top_lists(model.users(np.arange(N_USERS)), 10, seen=empty_rows(N_USERS, N_ITEMS))
    assert scored[0] == N_ITEMS  # the one whose scores are all equal
    assert scored[1:].sum() < 0.5 * (N_USERS - 1) * N_ITEMS


@pytest.mark.parametrize("seed", range(4))
def test_no_score_is_above_the_ceiling(seed: int) -> None:
    model = long_tailed(seed)
    users = model.users(np.arange(N_USERS)).by_reach()
    assert users is not None
    scores = users.score_range(0, N_ITEMS)
    in_order = model.users(np.arange(N_USERS)).score_range()[:, users.items]
    np.testing.assert_allclose(
        scores, in_order, rtol=1e-4, atol=1e-5
    )  # scores near zero are sums of larger parts
    for start in (0, 1, 100, N_ITEMS - 1):
        assert (scores[:, start:] <= users.ceiling(start)[:, None]).all()
    some = np.array([3, 1])
    assert users.take(some).ceiling(9).tolist() == users.ceiling(9)[some].tolist()
    assert sorted(users.items.tolist()) == list(range(N_ITEMS))


def test_a_single_factor_reaches_its_ceiling() -> None:
    model = long_tailed(1)
    one = FactorModel(
        np.ones((1, 1), np.float32),
        np.abs(model.item_factors[:, :1]),
        np.zeros(1, np.float32),
        model.item_bias,
        0.0,
        Link(),
        None,
    )
    users = one.users(np.zeros(1, np.int64)).by_reach()
    assert users is not None
    np.testing.assert_allclose(users.ceiling(5), users.score_range(5, 6)[0], rtol=1e-4)


def test_items_stay_in_index_order_where_lengths_say_little() -> None:
    rng = np.random.default_rng(0)
    tailed = np.geomspace(1.0, 1e-3, FEWEST_ITEMS)
    assert item_reach(tailed) is not None
    assert item_reach(tailed[:-1]) is None  # few items
    assert item_reach(rng.uniform(0.3, 1.0, FEWEST_ITEMS)) is None
    assert item_reach(np.zeros(FEWEST_ITEMS)) is None
    only_one_is_long = np.ones(FEWEST_ITEMS)
    only_one_is_long[LONG_ITEMS - 1] = 100.0
    assert item_reach(only_one_is_long) is None


def test_equal_lengths_keep_the_order_of_the_items() -> None:
    lengths = np.repeat([1.0, 8.0, 0.5], FEWEST_ITEMS)
    made = item_reach(lengths)
    assert made is not None
    first = np.arange(FEWEST_ITEMS)
    assert made.items.tolist() == [*(first + FEWEST_ITEMS), *first, *(first + 2 * FEWEST_ITEMS)]
    assert made.lengths[FEWEST_ITEMS] == 1.0


def test_items_with_biases_stay_in_index_order() -> None:
    model = long_tailed(0)
    bias = np.zeros(N_ITEMS, np.float32)
    bias[9] = 0.5
    biased = FactorModel(model.user_factors, model.item_factors, model.user_bias, bias, 0.0, Link(), None)
    assert biased.users(np.arange(2)).by_reach() is None
