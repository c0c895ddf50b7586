"""Every figure of one evaluation, worked by hand; the table of lists and hits is in by_hand.py."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from tastemap.evaluation import evaluate_recommender
from tastemap.evaluation.records import EvaluationRecord
from tests.unit.evaluation.by_hand import TEST_ROWS, dataset, ranking_only, recommender

SECOND = 1 / np.log2(3)  # the gain at place 2

# Predictions: the item's stars; 1, the lowest rating, for item 77, whose side adds nothing to 0.
SQUARED_ERRORS = [0, 9, 4, 4, 9, 0, 16, 0]
KNOWN_SQUARED_ERRORS = [0, 9, 4, 4, 9, 0]

# Users who have items 1 … 5: 4, 3, 3, 2, 1 of 6; the lists show them 1, 2, 2, 2, 1 times.
BITS = [np.log2(6 / owners) for owners in (4, 3, 3, 2, 1)]

EXPECTED = {
    "rmse": np.sqrt(sum(SQUARED_ERRORS) / 8),
    "rmse_known": np.sqrt(sum(KNOWN_SQUARED_ERRORS) / 6),
    "mae": (0 + 3 + 2 + 2 + 3 + 0 + 4 + 0) / 8,
    "precision@2": (1 / 2 + 2 / 2 + 1 / 2 + 1 / 2) / 4,
    "recall@2": (1 / 1 + 2 / 2 + 1 / 2 + 1 / 1) / 4,
    "ndcg@2": (SECOND / 1 + 1 + 1 / (1 + SECOND) + 1) / 4,
    "map@2": (1 / 2 + 1 + 1 / 2 + 1) / 4,
    "mrr@2": (1 / 2 + 1 + 1 + 1) / 4,
    "hit_rate@2": 1.0,
    "coverage@2": 5 / 5,
    "novelty@2": (BITS[0] + 2 * BITS[1] + 2 * BITS[2] + 2 * BITS[3] + BITS[4]) / 8,
    "gini@2": (-4 * 1 - 2 * 1 + 0 * 2 + 2 * 2 + 4 * 2) / (5 * 8),
}


@pytest.fixture(scope="module")
def record() -> EvaluationRecord:
    return evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, n_draws=200)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_figure_is_the_one_worked_by_hand(record: EvaluationRecord, name: str) -> None:
    assert record.result("als").metrics[name].value == pytest.approx(EXPECTED[name], abs=1e-12)


def test_all_metrics_are_there_in_the_order_of_tables(record: EvaluationRecord) -> None:
    assert list(record.result("als").metrics) == list(EXPECTED)


def test_everything_left_out_or_unknown_is_counted(record: EvaluationRecord) -> None:
    assert asdict(record.counts) == {
        "n_train": 13,
        "n_test": 8,
        "n_users": 5,
        "n_unknown_users": 1,
        "n_unknown_items": 1,
        "n_rows_unknown": 2,
        "n_users_without_relevant": 1,
    }


def test_a_ranking_model_has_the_same_lists_and_no_errors_of_ratings() -> None:
    found = evaluate_recommender(ranking_only(recommender()), dataset(TEST_ROWS), k=2, n_draws=10)
    metrics = found.result("ials").metrics
    assert list(metrics) == list(EXPECTED)[3:]
    assert metrics["ndcg@2"].value == pytest.approx(EXPECTED["ndcg@2"], abs=1e-12)


def test_lists_longer_than_what_is_left_to_show_are_scored_as_they_are() -> None:
    # u1 can be shown 2 items only, u9 all 5; of ten places the hits fill at most two.
    found = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=10, n_draws=10).result("als").metrics
    assert found["precision@10"].value == pytest.approx((1 + 2 + 1 + 1) / 10 / 4)
    assert found["recall@10"].value == pytest.approx((1 + 1 + 1 / 2 + 1) / 4)


def test_blocks_of_any_size_give_the_same_figures(
    record: EvaluationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tastemap.inference.lists.USER_BLOCK", 2)
    monkeypatch.setattr("tastemap.evaluation.measure.ROW_BLOCK", 1)
    again = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, n_draws=200)
    assert again.result("als").metrics == record.result("als").metrics


def test_user_slices_hold_the_figures_of_their_users(record: EvaluationRecord) -> None:
    found = {part.label: part for part in record.slices if part.by == "user activity"}
    assert {label: part.n for label, part in found.items()} == {
        "unknown": 1,  # u9
        "2 in training": 3,  # u2, u3, u5
        "3 in training": 1,  # u1
    }
    two = found["2 in training"].figures["als"]
    assert two["rmse"] == pytest.approx(np.sqrt((4 + 4 + 9 + 0 + 16) / 5))
    assert two["ndcg@2"] == pytest.approx((1 + 1 / (1 + SECOND)) / 2)
    assert found["unknown"].figures["als"] == {"rmse": 0.0, "recall@2": 1.0, "ndcg@2": 1.0}


def test_item_slices_hold_the_figures_of_their_rows(record: EvaluationRecord) -> None:
    # Popularity of the test rows: 2, 1, 3, 2, 4, 3, unknown, 4.
    found = {part.label: part for part in record.slices if part.by == "item popularity"}
    assert {label: part.n for label, part in found.items()} == {
        "unknown": 1,
        "1–2 in training": 3,
        "3 in training": 2,
        "4 in training": 2,
    }
    assert found["unknown"].figures["als"] == {"recall@2": 0.0, "rmse": 4.0}
    assert found["1–2 in training"].figures["als"]["rmse"] == pytest.approx(np.sqrt((0 + 9 + 4) / 3))
    assert found["4 in training"].figures["als"] == {"recall@2": 1.0, "rmse": pytest.approx(np.sqrt(9 / 2))}
