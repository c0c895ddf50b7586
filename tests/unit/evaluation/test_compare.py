"""Two recommenders side by side."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tastemap.data.splits import train_test_split
from tastemap.errors import InvalidValueError
from tastemap.evaluation import compare, evaluate, evaluate_recommender
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tastemap.training.fit import with_evaluation
from tests.toys import hand_dataset, planted
from tests.unit.evaluation.by_hand import TEST_ROWS, dataset, ranking_only, recommender

UPSIDE_DOWN = (1.0, 2.0, 3.0, 4.0, 5.0)


def test_figures_of_both_are_those_worked_by_hand() -> None:
    found = compare(recommender(), recommender(UPSIDE_DOWN), test=dataset(TEST_ROWS), k=2)
    rmse, mrr = found.metric("rmse"), found.metric("mrr@2")
    # b predicts 4, 5; 3, 4; 1; 2, 1 (item 77 is unknown); 1
    squared = [4, 1, 4, 0, 1, 4, 16, 16]
    assert rmse.a == pytest.approx(np.sqrt(42 / 8))
    assert rmse.b == pytest.approx(np.sqrt(sum(squared) / 8))
    assert rmse.change == pytest.approx(rmse.b - rmse.a)
    assert rmse.relative == pytest.approx(rmse.b / rmse.a - 1)
    # b lists 5, 4; 5, 4; 4, 3; 5, 4: u1 hits at place 1, u2 at place 2, u5 and u9 miss.
    assert [mrr.a, mrr.b] == pytest.approx([3.5 / 4, 1.5 / 4])
    assert mrr.source == "test"


def test_a_recommender_against_itself_differs_in_nothing() -> None:
    found = compare(recommender(), recommender(), test=dataset(TEST_ROWS), k=2)
    assert all(change.change == 0.0 and not change.clear for change in found.metrics)
    assert found.overlap is not None
    assert (found.overlap.overlap, found.overlap.jaccard, found.overlap.identical) == (1.0, 1.0, 1.0)
    assert (found.gain, found.lose) == ((), ())


def test_overlap_is_the_one_worked_by_hand() -> None:
    # a lists 4,5 | 3,4 | 1,2 | 2,5 | 2,3 | 1,3; b lists 5,4 | 5,4 | 5,2 | 5,2 | 4,3 | 5,4
    found = compare(recommender(), recommender(UPSIDE_DOWN), k=2).overlap
    assert found is not None
    assert (found.n_shared_users, found.n_users) == (6, 6)
    assert found.overlap == pytest.approx((1 + 1 / 2 + 1 / 2 + 1 + 1 / 2 + 0) / 6)
    assert found.jaccard == pytest.approx((1 + 1 / 3 + 1 / 3 + 1 + 1 / 3 + 0) / 6)
    assert found.identical == 0.0
    assert [(part.label, part.n_users) for part in found.by_activity] == [
        ("1–2 in training", 4),
        ("3 in training", 2),
    ]


def test_items_that_gain_and_lose_places_are_named_with_their_titles() -> None:
    found = compare(recommender(), recommender(UPSIDE_DOWN), k=2)
    # Lists that hold items 1 … 5: a 2, 3, 3, 2, 2; b 0, 2, 1, 4, 5.
    assert [(row.item_id, row.title, round(6 * row.change)) for row in found.gain] == [
        (5, "Epsilon (2001)", 3),
        (4, "Delta (1995)", 2),
    ]
    assert [(row.item_id, round(6 * row.change)) for row in found.lose] == [(1, -2), (3, -2), (2, -1)]


def test_segments_say_who_gains_and_who_loses() -> None:
    found = compare(recommender(), recommender(UPSIDE_DOWN), test=dataset(TEST_ROWS), k=2)
    rows = {(row.label, row.metric): row for row in found.segments}
    of_two = rows["2 in training", "ndcg@2"]  # u2 falls from both to one hit, u5 from one to none
    assert (of_two.n_users, of_two.share_better, of_two.share_worse) == (2, 0.0, 1.0)
    assert rows["3 in training", "ndcg@2"].share_better == 1.0  # u1
    # Squared errors: u2 8 to 4, u3 9 to 1, u5 16 to 20
    errors = rows["2 in training", "rmse"]
    assert [errors.share_better, errors.share_worse] == pytest.approx([2 / 3, 1 / 3])


def test_recommenders_with_other_items_and_users_meet_by_id() -> None:
    other = dataset([("u1", 2, 5.0), ("u2", 3, 5.0), ("v1", 0, 5.0), ("v1", 77, 5.0), ("v2", 77, 5.0)])
    found = compare(recommender(), fit(other, "popularity"), k=2)
    # a lists 4, 5 for u1 and 3, 4 for u2; b lists 77 and 0, the first of those that one user has, for both.
    assert found.overlap is not None
    assert (found.overlap.n_shared_users, found.overlap.overlap) == (2, 0.0)
    assert [(row.item_id, row.a, row.b) for row in found.gain] == [(0, 0.0, 1.0), (77, 0.0, 1.0)]
    assert [(row.item_id, row.a, row.b) for row in found.lose] == [(4, 1.0, 0.0), (3, 0.5, 0.0), (5, 0.5, 0.0)]
    assert any("different interactions" in note for note in found.notes)


def test_without_test_data_errors_come_from_the_validation_rows_that_both_kept() -> None:
    rows = pl.DataFrame({"user_id": ["u1", "u1", "u2"], "item_id": [4, 5, 3], "rating": [4.0, 2.0, 5.0]})
    a = replace(recommender(), validation=rows.with_columns(prediction=pl.Series([3.0, 2.0, 5.0])))
    b = replace(recommender(), validation=rows.with_columns(prediction=pl.Series([4.0, 4.0, 1.0]))[1:])
    found = compare(a, b, k=2)
    assert {change.metric for change in found.metrics} == {"rmse", "mae"}
    rmse = found.metric("rmse")
    assert [rmse.a, rmse.b] == pytest.approx([0.0, np.sqrt((4 + 16) / 2)])
    assert rmse.source == "validation"
    assert rmse.relative is None
    # No option is named: pages show this note too.
    assert "Ranking metrics need test data that neither model was fitted to." in found.notes


def evaluated(name: str, split: str = "random") -> Recommender:
    data = planted()
    return with_evaluation(fit(data, name, rng=0), evaluate(data, [name], split=split, n_draws=5).as_json())


def test_without_test_data_other_metrics_come_from_evaluations_saved_under_the_same_protocol() -> None:
    found = compare(evaluated("ials"), evaluated("ease"))
    change = found.metric("ndcg@10")
    assert (change.source, change.low, change.clear) == ("evaluation", None, False)
    saved = evaluate(planted(), ["ease"], n_draws=5)
    assert change.b == saved.result("ease").metrics["ndcg@10"].value
    assert not compare(evaluated("ials"), evaluated("ease", "temporal")).metrics


def test_test_rows_that_a_model_was_trained_on_are_counted_and_noted_for_each_model() -> None:
    data = planted()
    train, test = train_test_split(data, rng=0)
    n = len(test.interactions)
    found = compare(fit(train, "bias", rng=0), fit(data, "popularity", rng=0), test=test, n_draws=5)
    assert (found.n_test, found.n_trained_a, found.n_trained_b) == (n, 0, n)
    careful = [note for note in found.notes if note.startswith("Careful")]
    assert len(careful) == 1
    assert f"{n:,} of {n:,} test rows are training rows of B, popularity." in careful[0]


def test_users_that_nobody_shares_are_noted() -> None:
    data = hand_dataset()
    other = dataset([("v1", 1, 5.0), ("v1", 2, 4.0), ("v2", 1, 4.0)])
    found = compare(fit(data, "popularity"), fit(other, "popularity"))
    assert found.overlap is None
    assert any("No user is known to both" in note for note in found.notes)


def test_rating_and_ranking_models_are_compared_by_what_both_answer() -> None:
    found = compare(recommender(), ranking_only(recommender()), test=dataset(TEST_ROWS), k=2)
    assert "rmse" not in {change.metric for change in found.metrics}
    with pytest.raises(InvalidValueError, match="no rmse of both models"):
        found.metric("rmse")


def test_the_comparison_is_repeatable_and_goes_through_json_tables_and_sentences() -> None:
    train, test = train_test_split(planted(), rng=0)
    a, b = fit(train, "bias", rng=0), fit(train, "als", rng=0)
    found = compare(a, b, test=test, k=5, rng=1)
    assert found == compare(a, b, test=test, k=5, rng=1)
    json.dumps(found.as_json(), allow_nan=False)
    change = found.metric("rmse")
    assert change.low is not None
    assert change.high is not None
    assert change.low < change.change < change.high < 0.0  # als has the smaller error
    assert change.clear
    titles = [title for title, _ in found.tables()]
    assert titles == [
        "Metrics",
        "Who gains and who loses",
        "Overlap of lists by activity",
        "Items shown more and less often",
    ]
    assert any(sentence.startswith("rmse goes from") for sentence in found.sentences())


def test_a_sample_of_users_stands_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tastemap.evaluation.overlap.LARGEST_SAMPLE", 3)
    found = compare(recommender(), recommender(UPSIDE_DOWN), k=2).overlap
    assert found is not None
    assert (found.n_shared_users, found.n_users) == (6, 3)


@pytest.mark.parametrize("arguments", [{"k": 0}, {"n_draws": 0}])
def test_numbers_out_of_range_are_named(arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(arguments))):
        compare(recommender(), recommender(), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("n_shared", "has_interval"), [(5, False), (6, True)])
def test_errors_of_known_rows_are_over_rows_that_both_models_know(n_shared: int, has_interval: bool) -> None:
    of_a, of_b, shared = (
        [(f"{name}{user}", item, float(stars)) for user in range(n) for item, stars in ((1, 2), (2, 4), (3, 5))]
        for name, n in (("a", 8), ("b", 9), ("s", n_shared))
    )
    a, b = (
        fit(dataset([*of_a[:-1], *shared]), "bias"),
        fit(dataset([*of_b[:-3], *shared, ("s0", 7, 1.0)]), "bias"),
    )
    # Only users s… and items 1 to 3 are known to both.
    tested = [(user, item, 6.0 - stars) for user, item, stars in shared]
    others = [("a1", 2, 1.0), ("b1", 2, 1.0), ("s0", 7, 5.0), ("s1", 99, 5.0), *of_a[:12], *of_b[:12]]
    found = compare(a, b, test=dataset([*tested, *others]), n_draws=50).metric("rmse_known")
    for side, figure in ((a, found.a), (b, found.b)):
        alone = evaluate_recommender(side, dataset(tested), n_draws=1).result("bias")
        assert figure == pytest.approx(alone.metrics["rmse"].value)
    # Every model knows more than six of the users; what counts are those that both know.
    assert (found.low is not None) is has_interval
