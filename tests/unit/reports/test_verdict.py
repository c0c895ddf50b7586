"""The verdict names the right model, compares it with the right baseline, and admits what is not clear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tastemap.evaluation.records import Difference, Estimate, EvaluationRecord, ModelResult
from tastemap.reports.verdict import headline_metrics, paired, ranked, verdict
from tests.records import COUNTS, PROTOCOL, movie_record, result


def _record(*models: ModelResult, differences: tuple[Difference, ...] = ()) -> EvaluationRecord:
    return EvaluationRecord("toy", "f00d", False, PROTOCOL, COUNTS, models, differences)


BIAS = result("bias", rmse=0.95, is_baseline=True)
ALS = result("als", rmse=0.912)


def test_the_headline_metrics_are_rmse_and_ndcg_or_the_first_there_is() -> None:
    assert headline_metrics(movie_record()) == ["rmse", "ndcg@10"]
    only = ModelResult("x", "ranking", False, {}, {"recall@10": Estimate(0.1, 0.1, 0.1)}, 0, 0)
    assert headline_metrics(_record(only)) == ["recall@10"]
    assert headline_metrics(_record()) == []


def test_models_are_ranked_by_the_better_direction_of_the_metric() -> None:
    assert [row.model for row in ranked(movie_record(), "rmse")] == ["als", "dot", "bias"]
    assert [row.model for row in ranked(movie_record(), "ndcg@10")][:3] == ["ials", "ease", "popularity"]


def test_a_figure_that_is_not_a_number_is_not_ranked() -> None:
    broken = replace(ALS, metrics={"rmse": Estimate(float("nan"), float("nan"), float("nan"))})
    assert [row.model for row in ranked(_record(BIAS, broken), "rmse")] == ["bias"]


def test_a_clear_win_is_said_with_its_figure_interval_and_gain() -> None:
    record = _record(BIAS, ALS, differences=(Difference("als", "bias", "rmse", -0.038, -0.04, -0.03),))
    assert verdict(record, "rmse") == (
        "als predicts ratings best: RMSE 0.912 (0.904–0.920), 4.0\u202f% better than the best baseline, bias. "
        "The difference is clear: its interval leaves out zero."
    )


def test_an_unclear_win_is_not_called_clear() -> None:
    record = _record(BIAS, ALS, differences=(Difference("als", "bias", "rmse", -0.038, -0.1, 0.01),))
    assert "not clear" in verdict(record, "rmse")


def test_a_difference_kept_the_other_way_round_is_turned() -> None:
    kept = Difference("bias", "als", "rmse", 0.038, 0.03, 0.04)
    turned = paired(_record(BIAS, ALS, differences=(kept,)), "als", "bias", "rmse")
    assert turned == Difference("als", "bias", "rmse", -0.038, -0.04, -0.03)
    assert paired(_record(BIAS, ALS, differences=(kept,)), "als", "bias", "mae") is None


def test_a_difference_without_an_interval_is_turned_and_said_to_have_none() -> None:
    record = _record(BIAS, ALS, differences=(Difference("bias", "als", "rmse", 0.038, None, None),))
    assert paired(record, "als", "bias", "rmse") == Difference("als", "bias", "rmse", -0.038, None, None)
    assert "Too few users were tested for an interval" in verdict(record, "rmse")


def test_a_missing_difference_is_admitted() -> None:
    assert "holds no paired difference" in verdict(_record(BIAS, ALS), "rmse")


def test_a_baseline_that_wins_is_said_to_win() -> None:
    record = _record(replace(BIAS, metrics=result("b", rmse=0.9).metrics), ALS)
    assert verdict(record, "rmse").startswith("No model beats the baseline bias: RMSE 0.900")


def test_models_that_cannot_be_told_apart_from_the_best_are_named() -> None:
    assert "als and dot cannot be told apart" in verdict(movie_record(), "rmse")
    assert "ials and ease cannot be told apart" in verdict(movie_record(), "ndcg@10")


def test_a_large_gain_is_said_as_a_multiple() -> None:
    record = _record(result("popularity", ndcg=0.1, is_baseline=True), result("ials", ndcg=0.32))
    assert "3.2 times the best baseline" in verdict(record, "ndcg@10")


@pytest.mark.parametrize(
    ("models", "wanted"),
    [
        ((ALS,), "als is the only model measured"),
        ((ALS, replace(ALS, model="dot")), "No baseline was measured"),
        ((BIAS, replace(BIAS, model="mean")), "Only baselines were measured"),
        (
            (result("p", ndcg=0.0, is_baseline=True), result("x", ndcg=0.1)),
            "against 0.000 for the best baseline",
        ),
        ((replace(ALS, model="p", is_baseline=True), ALS), "No model beats the baseline p"),
    ],
)
def test_odd_line_ups_have_a_sentence(models: tuple[ModelResult, ...], wanted: str) -> None:
    record = _record(*models)
    assert wanted in verdict(record, headline_metrics(record)[0])


def test_a_metric_nobody_has_gets_no_verdict() -> None:
    assert verdict(_record(ALS), "ndcg@10") == ""
