"""Intervals of figures and differences: where they are, and where there are too few users for one."""

from __future__ import annotations

import json

import pytest

from tastemap.data import Dataset
from tastemap.evaluation import compare, describe, evaluate, evaluate_recommender, table
from tastemap.evaluation.comparison import MetricChange
from tastemap.evaluation.records import Difference, Estimate, EvaluationRecord
from tastemap.reports.evaluation import evaluation_report
from tests.toys import hand_dataset, planted
from tests.unit.evaluation.by_hand import dataset, recommender

UPSIDE_DOWN = (1.0, 2.0, 3.0, 4.0, 5.0)


@pytest.fixture(scope="module")
def record() -> EvaluationRecord:
    return evaluate(planted(), ["als", "ials"], k=5, n_draws=200, rng=3)


def ends(found: Estimate | Difference | MetricChange) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def worst_items_of(n_users: int) -> Dataset:
    """A test row of each of some new users: item 5, which b predicts exactly and a misses by four stars."""
    return dataset([(f"v{user}", 5, 5.0) for user in range(n_users)])


def test_a_figure_lies_in_its_interval_and_figures_of_all_lists_together_have_none(
    record: EvaluationRecord,
) -> None:
    for row in record.models:
        for name, estimate in row.metrics.items():
            if name in ("coverage@5", "gini@5"):
                assert (estimate.low, estimate.high) == (None, None)
            else:
                low, high = ends(estimate)
                assert low <= estimate.value <= high, (row.model, name)


def test_a_difference_lies_in_its_interval(record: EvaluationRecord) -> None:
    for row in record.differences:
        low, high = ends(row)
        assert low <= row.value <= high


def test_paired_differences_are_narrower_than_the_intervals_of_both(record: EvaluationRecord) -> None:
    difference = next(row for row in record.differences if (row.model, row.metric) == ("als", "rmse"))
    low, high = ends(difference)
    both = [ends(record.result(name).metrics["rmse"]) for name in ("als", "bias")]
    assert high - low < sum(top - bottom for bottom, top in both)
    assert difference.clear


@pytest.mark.parametrize("n_users", [1, 2, 5])
def test_few_test_users_give_figures_without_intervals_and_no_clear_difference(n_users: int) -> None:
    found = evaluate_recommender(recommender(UPSIDE_DOWN), worst_items_of(n_users), k=2, n_draws=200)
    for row in found.models:
        assert "rmse" in row.metrics or row.model == "popularity"
        assert all((figure.low, figure.high) == (None, None) for figure in row.metrics.values())
    assert found.result("als").metrics["rmse"].value == 0.0
    assert found.differences
    assert not any(row.clear for row in found.differences)
    assert all((row.low, row.high) == (None, None) for row in found.differences)
    first = json.loads(json.dumps(found.as_json(), allow_nan=False))["models"][1]["metrics"]["rmse"]
    assert (first["low"], first["high"]) == (None, None)
    assert table(found)["rmse_low"].null_count() == len(found.models)
    assert "fewer than 6 users have none" in " ".join(describe(found))


def test_the_page_of_few_test_users_claims_no_interval_and_nothing_clear() -> None:
    page = evaluation_report(evaluate_recommender(recommender(UPSIDE_DOWN), worst_items_of(1), k=2, n_draws=50))
    assert "Too few users were tested for an interval" in page
    assert ">no interval<" in page
    assert ">clear<" not in page
    assert "The difference is clear" not in page


def test_six_users_are_enough() -> None:
    found = evaluate_recommender(recommender(UPSIDE_DOWN), worst_items_of(6), k=2, n_draws=200)
    assert ends(found.result("als").metrics["rmse"]) == (0.0, 0.0)
    assert next(row for row in found.differences if (row.model, row.metric) == ("als", "rmse")).clear


def test_users_without_a_relevant_row_do_not_count_for_intervals_of_lists() -> None:
    rows = [(f"v{user}", 5, 5.0 if user < 5 else 2.0) for user in range(30)]
    found = evaluate_recommender(recommender(), dataset(rows), k=2, n_draws=50).result("als").metrics
    ends(found["rmse"])
    assert (found["ndcg@2"].low, found["ndcg@2"].high) == (None, None)


@pytest.mark.parametrize(("n_users", "clear"), [(1, False), (5, False), (6, True)])
def test_a_change_is_clear_only_where_enough_users_were_compared(n_users: int, clear: bool) -> None:
    found = compare(recommender(), recommender(UPSIDE_DOWN), test=worst_items_of(n_users), k=2, n_draws=200)
    change = found.metric("rmse")
    assert change.change == -4.0
    assert change.clear is clear
    assert (change.low is None) is not clear


def test_a_split_of_few_users_has_no_interval() -> None:
    found = evaluate(hand_dataset(), [], split="random", n_draws=20)
    assert found.counts.n_users < 6
    assert all(figure.low is None for row in found.models for figure in row.metrics.values())
