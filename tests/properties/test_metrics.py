"""The fast metrics against slow ones, and what must hold for any lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tastemap.linalg.types import BoolArray, Float64Array, Int64Array
from tastemap.metrics import beyond, ranking, rating
from tastemap.metrics.bootstrap import Ratio, bootstrap, user_weights
from tests.properties import slow_metrics as slow

Fast = Callable[[BoolArray, Int64Array, int], Float64Array]
Slow = Callable[[slow.List, slow.Relevant, int], float]

PAIRS: list[tuple[Fast, Slow]] = [
    (ranking.precision, slow.precision),
    (ranking.recall, slow.recall),
    (ranking.ndcg, slow.ndcg),
    (ranking.average_precision, slow.average_precision),
    (ranking.reciprocal_rank, slow.reciprocal_rank),
    (ranking.hit_rate, slow.hit_rate),
]
by_name = pytest.mark.parametrize(("fast", "slowly"), PAIRS, ids=[fast.__name__ for fast, _ in PAIRS])


@dataclass(frozen=True)
class Lists:
    """Lists of items 0 … n_items - 1 for users with relevant items, some of which no list can hold."""

    k: int
    n_items: int
    listed: list[list[int]]
    relevant: list[frozenset[int]]

    def arrays(self) -> tuple[BoolArray, Int64Array]:
        width = min(self.k, self.n_items)
        hits = np.zeros((len(self.listed), width), np.bool_)
        for row, (items, relevant) in enumerate(zip(self.listed, self.relevant, strict=True)):
            for place, item in enumerate(items):
                hits[row, place] = item in relevant
        return hits, np.array([len(relevant) for relevant in self.relevant], np.int64)

    def padded(self) -> Int64Array:
        lists = np.full((len(self.listed), self.k), -1, np.int64)
        for row, items in enumerate(self.listed):
            lists[row, : len(items)] = items
        return lists


@st.composite
def lists(draw: st.DrawFn) -> Lists:
    k, n_items, n_users = draw(st.integers(1, 8)), draw(st.integers(1, 10)), draw(st.integers(1, 5))
    catalog = st.integers(0, n_items - 1)
    beyond_catalog = st.integers(0, n_items + 2)
    listed = [draw(st.lists(catalog, unique=True, max_size=min(k, n_items))) for _ in range(n_users)]
    relevant = [frozenset(draw(st.sets(beyond_catalog, max_size=n_items))) for _ in range(n_users)]
    return Lists(k, n_items, listed, relevant)


@by_name
@given(case=lists())
def test_a_fast_ranking_metric_equals_the_slow_one_and_has_no_answer_without_relevant_items(
    fast: Fast, slowly: Slow, case: Lists
) -> None:
    figures = fast(*case.arrays(), case.k)
    for figure, items, relevant in zip(figures, case.listed, case.relevant, strict=True):
        if relevant:
            assert figure == pytest.approx(slowly(items, frozenset(relevant), case.k), abs=1e-12)
            assert 0.0 <= figure <= 1.0
        else:
            assert np.isnan(figure)


@pytest.mark.parametrize(
    "fast", [ranking.recall, ranking.ndcg, ranking.average_precision, ranking.reciprocal_rank, ranking.hit_rate]
)
@given(k=st.integers(1, 40), data=st.data())
def test_a_list_that_starts_with_all_relevant_items_scores_exactly_one(
    fast: Fast, k: int, data: st.DataObject
) -> None:
    n_relevant = data.draw(st.integers(1, k))
    hits = (np.arange(k) < n_relevant)[None, :]
    assert fast(hits, np.array([n_relevant]), k)[0] == 1.0


@given(k=st.integers(1, 20), extra=st.integers(0, 20))
def test_ndcg_and_average_precision_reach_one_when_there_are_more_relevant_items_than_places(
    k: int, extra: int
) -> None:
    hits, n_relevant = np.ones((1, k), np.bool_), np.array([k + extra])
    assert ranking.ndcg(hits, n_relevant, k)[0] == 1.0
    assert ranking.average_precision(hits, n_relevant, k)[0] == 1.0
    assert ranking.precision(hits, n_relevant, k)[0] == 1.0


@by_name
@given(case=lists(), data=st.data())
def test_the_order_of_users_does_not_matter(fast: Fast, slowly: Slow, case: Lists, data: st.DataObject) -> None:
    hits, n_relevant = case.arrays()
    order = np.array(data.draw(st.permutations(range(len(hits)))))
    np.testing.assert_array_equal(
        fast(hits, n_relevant, case.k)[order], fast(hits[order], n_relevant[order], case.k)
    )


@given(case=lists(), data=st.data())
def test_moving_a_hit_one_place_up_never_lowers_a_figure(case: Lists, data: st.DataObject) -> None:
    hits, n_relevant = case.arrays()
    moves = [
        (row, place) for row, place in zip(*np.nonzero(hits), strict=True) if place and not hits[row, place - 1]
    ]
    assume(moves)
    row, place = data.draw(st.sampled_from(moves))
    better = hits.copy()
    better[row, [place - 1, place]] = [True, False]
    for fast, _ in PAIRS:
        assert fast(better, n_relevant, case.k)[row] >= fast(hits, n_relevant, case.k)[row]


@given(case=lists(), data=st.data())
def test_catalog_metrics_equal_the_slow_ones_and_survive_renaming_of_items(
    case: Lists, data: st.DataObject
) -> None:
    catalog = list(range(case.n_items))
    renamed = np.array([*data.draw(st.permutations(catalog)), -1])  # -1 stays the padding
    padded = case.padded()
    for numbers in (padded, renamed[padded]):
        counts = beyond.exposure(numbers, case.n_items)
        assert beyond.coverage(counts) == pytest.approx(slow.coverage(case.listed, catalog))
        assert beyond.gini(counts) == pytest.approx(slow.gini(case.listed, catalog), abs=1e-12)
        assert 0.0 <= beyond.gini(counts) <= 1.0 - 1.0 / case.n_items + 1e-12


@given(case=lists(), data=st.data())
def test_novelty_equals_the_slow_one(case: Lists, data: st.DataObject) -> None:
    n_users = data.draw(st.integers(1, 50))
    owners = data.draw(st.lists(st.integers(0, n_users), min_size=case.n_items, max_size=case.n_items))
    bits = beyond.information(np.array(owners), n_users)
    surprise, listed = beyond.novelty_sums(case.padded(), bits)
    assert listed.tolist() == [len(items) for items in case.listed]
    for user, items in enumerate(case.listed):
        if items:
            expected = slow.novelty([items], dict(enumerate(owners)), n_users)
            assert surprise[user] / listed[user] == pytest.approx(expected, abs=1e-12)
            assert 0.0 <= expected <= np.log2(n_users) + 1e-12  # a mean of equal values may round up
        else:
            assert surprise[user] == 0.0


@given(case=lists())
def test_hits_are_the_relevant_items_in_the_lists_and_found_are_those_that_are_listed(case: Lists) -> None:
    pairs = [(user, item) for user, relevant in enumerate(case.relevant) for item in sorted(relevant)]
    users = np.array([user for user, _ in pairs], np.int64)
    items = np.array([item if item < case.n_items else -1 for _, item in pairs], np.int64)
    hits, found = ranking.find_hits(case.padded(), users, items, case.n_items)
    expected, _ = case.arrays()
    np.testing.assert_array_equal(hits[:, : expected.shape[1]], expected)
    assert not hits[:, expected.shape[1] :].any()
    assert found.tolist() == [item in case.listed[user] for user, item in pairs]


stars = st.floats(0.5, 5.0, width=32)


@given(st.lists(st.tuples(stars, stars), min_size=1))
def test_errors_equal_the_slow_ones_and_mae_is_never_above_rmse(rows: list[tuple[float, float]]) -> None:
    ratings, predictions = (np.array(side) for side in zip(*rows, strict=True))
    found = rating.rmse(ratings, predictions)
    users = np.arange(len(rows)) % 3
    squares, sizes, counts = (part.sum() for part in rating.error_sums(users, ratings, predictions, 3))
    absolute = sizes / counts
    assert found == pytest.approx(np.sqrt(squares / counts), abs=1e-9)
    assert found == pytest.approx(slow.rmse(list(ratings), list(predictions)), abs=1e-9)
    assert absolute == pytest.approx(slow.mae(list(ratings), list(predictions)), abs=1e-9)
    assert absolute <= found + 1e-9


amounts = st.floats(0.0, 10.0, width=32)


@given(
    folds=st.integers(1, 3).flatmap(
        lambda n: st.lists(
            st.lists(st.tuples(amounts, st.integers(0, 3)), min_size=4, max_size=4), min_size=n, max_size=n
        )
    ),
    root=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_a_bootstrap_draw_equals_the_slow_figure_of_users_counted_by_their_weights(
    folds: list[list[tuple[float, int]]], root: bool, seed: int
) -> None:
    above = [[part if count else 0.0 for part, count in fold] for fold in folds]
    below = [[float(count) for _, count in fold] for fold in folds]
    ratio = Ratio(np.array(above), np.array(below), root)
    found = bootstrap([ratio], n_draws=5, rng=np.random.default_rng(seed))[:, 0]
    for figure, weights in zip(found, user_weights(4, 5, np.random.default_rng(seed)), strict=True):
        expected = slow.drawn_figure(list(weights), above, below, root=root)
        assert figure == pytest.approx(expected, abs=1e-6, nan_ok=True)
