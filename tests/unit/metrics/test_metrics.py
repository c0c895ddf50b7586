"""Hand-worked figures and answers at the edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tastemap.errors import InvalidValueError
from tastemap.linalg.types import BoolArray, Float64Array, Int64Array
from tastemap.metrics import beyond, ranking, rating

RANKING = [
    ranking.precision,
    ranking.recall,
    ranking.ndcg,
    ranking.average_precision,
    ranking.reciprocal_rank,
    ranking.hit_rate,
]
each = pytest.mark.parametrize("metric", RANKING, ids=lambda metric: metric.__name__)
Metric = Callable[[BoolArray, Int64Array, int], Float64Array]

# Hits at places 2 and 4 of 4; three relevant items, one of them not listed.
HITS = np.array([[False, True, False, True]])
THREE = np.array([3])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (ranking.precision, 2 / 4),
        (ranking.recall, 2 / 3),
        (ranking.ndcg, (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3) + 1 / 2)),
        (ranking.average_precision, (1 / 2 + 2 / 4) / 3),
        (ranking.reciprocal_rank, 1 / 2),
        (ranking.hit_rate, 1.0),
    ],
)
def test_a_ranking_metric_gives_the_figure_worked_by_hand(metric: Metric, expected: float) -> None:
    assert metric(HITS, THREE, 4)[0] == pytest.approx(expected, abs=1e-15)


@each
def test_a_user_without_a_relevant_item_has_no_answer(metric: Metric) -> None:
    assert np.isnan(metric(np.zeros((1, 3), np.bool_), np.array([0]), 3)[0])


@each
def test_a_list_without_a_hit_scores_zero(metric: Metric) -> None:
    assert metric(np.zeros((1, 3), np.bool_), np.array([2]), 3)[0] == 0.0


@each
def test_a_short_list_scores_as_if_filled_up_with_items_that_miss(metric: Metric) -> None:
    short, filled = np.array([[True]]), np.array([[True, False, False, False, False]])
    assert metric(short, np.array([2]), 5)[0] == metric(filled, np.array([2]), 5)[0]


@each
def test_an_empty_list_scores_zero(metric: Metric) -> None:
    assert metric(np.zeros((2, 0), np.bool_), np.array([1, 1]), 5).tolist() == [0.0, 0.0]


@each
def test_no_users_give_no_figures(metric: Metric) -> None:
    assert metric(np.zeros((0, 5), np.bool_), np.zeros(0, np.int64), 5).shape == (0,)


def test_precision_divides_by_k_even_if_there_are_fewer_relevant_items() -> None:
    assert ranking.precision(np.array([[True, False, False, False]]), np.array([1]), 4)[0] == 0.25


@pytest.mark.parametrize(
    ("hits", "n_relevant", "k", "said"),
    [
        (HITS, THREE, 0, "k must be >= 1"),
        (HITS, THREE, 3, "m <= k = 3"),
        (HITS, np.array([3, 3]), 4, "n_relevant shape"),
        (HITS[0], THREE, 4, "shape"),
        (HITS, np.array([1]), 4, "at least the number of hits"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    hits: BoolArray, n_relevant: Int64Array, k: int, said: str
) -> None:
    with pytest.raises(InvalidValueError, match=said):
        ranking.ndcg(hits, n_relevant, k)


def test_errors_of_no_rows_are_not_a_number() -> None:
    assert np.isnan(rating.rmse(np.zeros(0), np.zeros(0)))


def test_errors_are_summed_in_float64() -> None:
    ratings = np.full(1_000_000, 3.0, np.float32)
    predictions = np.full(1_000_000, 3.1, np.float32)
    assert rating.rmse(ratings, predictions) == pytest.approx(float(np.float32(3.1)) - 3.0, rel=1e-12)


def test_ratings_and_predictions_of_different_shape_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="same shape"):
        rating.rmse(np.zeros(2), np.zeros(3))
    with pytest.raises(InvalidValueError, match="same shape"):
        rating.error_sums(np.zeros(2, np.int64), np.zeros(2), np.zeros(3), 1)


def test_one_item_in_all_lists_gives_the_largest_gini_and_equal_exposure_the_smallest() -> None:
    assert beyond.gini(np.array([0, 0, 0, 7])) == pytest.approx(3 / 4)
    assert beyond.gini(np.array([7, 7, 7, 7])) == 0.0


def test_catalog_metrics_answer_for_nothing_shown_and_for_no_catalog() -> None:
    nothing = np.zeros(4, np.int64)
    assert (beyond.coverage(nothing), beyond.gini(nothing)) == (0.0, 0.0)
    assert [part.tolist() for part in beyond.novelty_sums(np.full((2, 3), -1), np.ones(4))] == [[0, 0], [0, 0]]
    assert np.isnan(beyond.coverage(nothing[:0]))
    assert np.isnan(beyond.gini(nothing[:0]))


def test_an_item_nobody_has_is_as_novel_as_one_that_one_user_has() -> None:
    bits = beyond.information(np.array([0, 1]), 16)
    assert bits.tolist() == [4.0, 4.0]


def test_more_owners_than_users_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="n_users"):
        beyond.information(np.array([5]), 4)
