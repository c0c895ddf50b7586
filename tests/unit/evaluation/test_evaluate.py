"""The record: arguments, repeatability, agreement with plain loops, differences, slices, the table."""

from __future__ import annotations

import gc
import json
import sys
import weakref
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tastemap.data import Dataset, make_interactions
from tastemap.data.splits import make_splits
from tastemap.errors import InvalidValueError, TastemapError, UnknownNameError
from tastemap.evaluation import describe, evaluate, evaluate_recommender, table
from tastemap.evaluation.records import EvaluationRecord
from tastemap.evaluation.slices import groups
from tastemap.linalg.threads import use_threads
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.properties import slow_metrics as slow
from tests.toys import hand_dataset, planted
from tests.unit.evaluation.by_hand import TEST_ROWS, dataset, recommender


@pytest.fixture(scope="module")
def record() -> EvaluationRecord:
    return evaluate(planted(), ["als", "ials"], k=5, n_draws=200, rng=3)


def without_times(record: EvaluationRecord) -> EvaluationRecord:
    return replace(record, models=tuple(replace(row, fit_s=0.0, predict_s=0.0) for row in record.models))


def test_figures_equal_those_of_plain_loops_over_dense_scores(record: EvaluationRecord) -> None:
    data = planted()
    (split,) = make_splits(data, "random", rng=3)
    fitted = fit(split.train, "als", rng=3)
    scores = fitted.model.users(np.arange(fitted.model.n_users)).score_range()
    found: dict[str, list[float]] = {
        name: [] for name in ("precision", "recall", "ndcg", "map", "mrr", "hit_rate")
    }
    rows = split.test.interactions.frame()
    owned = split.train.interactions.frame()
    items = fitted.items.ids.to_list()
    for (user,), part in rows.group_by("user_id"):
        relevant = frozenset(part.filter(pl.col("rating") >= 4.0)["item_id"].to_list())
        if not relevant:
            continue
        seen = set(owned.filter(pl.col("user_id") == user)["item_id"].to_list())
        row = scores[fitted.users.index(user)]
        order = sorted(
            (-float(score), item) for score, item in zip(row, items, strict=True) if item not in seen
        )
        listed = [item for _, item in order[:5]]
        for name, metric in (
            ("precision", slow.precision),
            ("recall", slow.recall),
            ("ndcg", slow.ndcg),
            ("map", slow.average_precision),
            ("mrr", slow.reciprocal_rank),
            ("hit_rate", slow.hit_rate),
        ):
            found[name].append(metric(listed, relevant, 5))
    for name, figures in found.items():
        assert record.result("als").metrics[f"{name}@5"].value == pytest.approx(np.mean(figures), abs=1e-12)


def test_the_same_seed_gives_the_same_record_at_any_number_of_threads(record: EvaluationRecord) -> None:
    for count in (1, 2):
        with use_threads(count):
            again = evaluate(planted(), ["als", "ials"], k=5, n_draws=200, rng=3)
        assert without_times(again) == without_times(record)


def test_blocks_of_any_size_give_the_same_record(
    record: EvaluationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tastemap.inference.lists.USER_BLOCK", 7)
    monkeypatch.setattr("tastemap.evaluation.measure.ROW_BLOCK", 5)
    again = evaluate(planted(), ["als", "ials"], k=5, n_draws=200, rng=3)
    assert without_times(again) == without_times(record)


def test_another_seed_gives_another_record(record: EvaluationRecord) -> None:
    again = evaluate(planted(), ["als", "ials"], k=5, n_draws=200, rng=4)
    assert again.result("als").metrics["rmse"] != record.result("als").metrics["rmse"]


def test_renaming_users_and_items_in_order_changes_no_figure(record: EvaluationRecord) -> None:
    rows = planted().interactions
    renamed, _ = make_interactions(
        [f"user {index:04d}" for index in rows.user_index],
        [f"item {index:04d}" for index in rows.item_index],
        rows.values.copy(),
        timestamps=rows.timestamps,
        rating_scale=rows.rating_scale,
    )
    again = evaluate(replace(planted(), interactions=renamed), ["als", "ials"], k=5, n_draws=200, rng=3)
    assert [row.metrics for row in again.models] == [row.metrics for row in record.models]


def test_the_order_and_number_of_other_models_changes_no_figure_of_a_model(record: EvaluationRecord) -> None:
    alone = evaluate(planted(), ["als"], k=5, n_draws=200, rng=3)
    assert alone.result("als").metrics == record.result("als").metrics


def test_settings_reach_the_model_they_are_for() -> None:
    record = evaluate(planted(), ["als"], settings={"als": {"n_factors": 2}}, n_draws=10)
    assert record.result("als").settings["n_factors"] == 2


def test_differences_are_those_of_the_figures_and_hold_each_model_against_best_and_baseline(
    record: EvaluationRecord,
) -> None:
    pairs = {(row.model, row.other, row.metric) for row in record.differences}
    assert {pair for pair in pairs if pair[2] == "rmse"} == {("bias", "als", "rmse"), ("als", "bias", "rmse")}
    assert ("als", "popularity", "ndcg@5") in pairs
    assert ("popularity", "als", "ndcg@5") in pairs
    assert len(pairs) == len(record.differences)
    for row in record.differences:
        figures = [record.result(name).metrics[row.metric].value for name in (row.model, row.other)]
        assert row.model != row.other
        assert row.value == pytest.approx(figures[0] - figures[1])


@pytest.mark.parametrize("split", ["random", "folds", "temporal", "leave-last"])
def test_slices_divide_users_and_rows_without_remainder(split: str) -> None:
    record = evaluate(planted(), [], split=split, n_draws=5)
    by_activity = sum(part.n for part in record.slices if part.by == "user activity")
    by_popularity = sum(part.n for part in record.slices if part.by == "item popularity")
    assert by_popularity == record.counts.n_test
    assert by_activity == (60 if split == "folds" else record.counts.n_users)


def test_groups_keep_equal_amounts_together_and_zero_apart() -> None:
    found = groups(np.array([0.0, 5.0, 5.0, 5.0, 5.0]), "in training")
    assert [(label, int(mask.sum())) for label, mask in found] == [("unknown", 1), ("5 in training", 4)]


def test_only_the_metrics_asked_for_are_there_with_or_without_their_list_length() -> None:
    record = evaluate(planted(), ["als"], k=5, metrics=["ndcg", "recall@5"], n_draws=5)
    assert list(record.result("als").metrics) == ["recall@5", "ndcg@5"]
    record = evaluate(planted(), ["als"], metrics=["mae"], n_draws=5)
    assert [list(row.metrics) for row in record.models] == [[], ["mae"], ["mae"]]


def test_the_record_goes_through_json_unchanged(record: EvaluationRecord) -> None:
    assert json.loads(json.dumps(record.as_json(), allow_nan=False))["models"][2]["model"] == "als"


def test_the_table_has_a_row_a_model_and_a_null_where_a_model_has_no_answer(record: EvaluationRecord) -> None:
    frame = table(record)
    assert frame["model"].to_list() == ["popularity", "bias", "als", "ials"]
    assert frame.columns[:6] == ["model", "objective", "is_baseline", "rmse", "rmse_low", "rmse_high"]
    assert frame["rmse"].is_null().to_list() == [True, False, False, True]
    estimate = record.result("als").metrics["ndcg@5"]
    assert frame.row(2, named=True)["ndcg@5_high"] == estimate.high


def test_the_protocol_is_told_in_sentences() -> None:
    record = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, n_draws=10)
    said = " ".join(describe(record))
    for part in (
        "8 test rows of 5 test users",
        "at least 4",
        "1 user and 1 item, in 2 test rows",
        "10 bootstrap",
    ):
        assert part in said
    json.dumps(asdict(record), allow_nan=False)


def test_users_with_a_single_interaction_are_noted() -> None:
    record = evaluate(hand_dataset(), [], split="leave-last", n_draws=5)
    assert any("single interaction" in note for note in record.notes)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"models": ["asl"]}, UnknownNameError, "Did you mean als"),
        ({"models": "als"}, InvalidValueError, r"write \['als'\]"),
        ({"metrics": ["ndgc@10"]}, UnknownNameError, "Did you mean ndcg@10"),
        ({"metrics": ["ndcg@20"]}, UnknownNameError, "ndcg@10"),
        ({"metrics": []}, InvalidValueError, "one or more names"),
        ({"metrics": "rmse"}, InvalidValueError, "must be a list"),
        ({"k": 0}, InvalidValueError, "k must be an int >= 1"),
        ({"n_draws": 0}, InvalidValueError, "n_draws must be an int >= 1"),
        ({"settings": {"ials": {}}}, UnknownNameError, "model in settings"),
        ({"settings": {"als": {"factors": 3}}}, UnknownNameError, "n_factors"),
        ({"split": "randm"}, UnknownNameError, "random"),
    ],
)
def test_an_argument_that_is_wrong_is_named(
    arguments: dict[str, object], error: type[TastemapError], said: str
) -> None:
    call: dict[str, object] = {"data": planted(), "models": ["als"], **arguments}
    with pytest.raises(error, match=said):
        evaluate(**call)  # type: ignore[arg-type]


def test_errors_of_ratings_are_refused_where_there_are_no_ratings() -> None:
    implicit = Dataset(
        "clicks", replace(planted().interactions, rating_scale=None), planted().catalog, None, planted().report
    )
    with pytest.raises(InvalidValueError, match="rmse needs ratings"):
        evaluate(implicit, ["ials"], metrics=["rmse"])


def test_a_model_that_has_diverged_is_named_instead_of_measured() -> None:
    broken = recommender((np.nan, 4.0, 3.0, 2.0, 1.0))
    with pytest.raises(TastemapError, match=r"als predicts ratings that are not finite for 2 of 8"):
        evaluate_recommender(broken, dataset(TEST_ROWS), k=2)


def test_models_and_training_data_of_a_fold_are_gone_before_the_next_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[weakref.ref[object]] = []
    alive: list[int] = []

    def watched(train: Dataset, name: str, **arguments: Any) -> Recommender:
        alive.append(sum(one() is not None for one in made))
        fitted = fit(train, name, **arguments)
        made.extend((weakref.ref(fitted), weakref.ref(train)))
        return fitted

    monkeypatch.setattr(sys.modules["tastemap.evaluation.evaluate"], "fit", watched)
    gc.disable()  # nothing may wait for the collector of cycles
    try:
        evaluate(planted(), ["ease"], split="folds", n_draws=5)
    finally:
        gc.enable()
    # Three models a fold; while the second and the third are fitted, references to the fold's own data live.
    assert alive == [0, 1, 2] * 5
