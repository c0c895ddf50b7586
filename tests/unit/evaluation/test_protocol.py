"""The ranking protocol: what is ranked, masked, relevant, left out and counted."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.data import RatingScale
from tastemap.evaluation import describe, evaluate, evaluate_recommender
from tastemap.evaluation.fold import make_fold, relevance_bound
from tastemap.evaluation.records import EvaluationRecord
from tastemap.plurals import plural
from tests.toys import checkerboard, hand_dataset, planted
from tests.unit.evaluation.by_hand import TEST_ROWS, dataset, recommender


def figure(record: EvaluationRecord, metric: str, model: str = "als") -> float:
    return record.result(model).metrics[metric].value


def test_baselines_stand_first_in_every_table_of_ratings() -> None:
    record = evaluate(planted(), ["als"], n_draws=10)
    assert [(row.model, row.is_baseline) for row in record.models] == [
        ("popularity", True),
        ("bias", True),
        ("als", False),
    ]


def test_a_baseline_that_is_asked_for_stands_there_once() -> None:
    record = evaluate(planted(), ["bias", "popularity", "bias"], n_draws=10)
    assert [row.model for row in record.models] == ["popularity", "bias"]


def test_implicit_feedback_has_no_bias_and_no_errors_and_every_row_is_relevant() -> None:
    record = evaluate(checkerboard(), ["ease"], k=3, n_draws=10)
    assert [row.model for row in record.models] == ["popularity", "ease"]
    assert all("rmse" not in row.metrics for row in record.models)
    assert (record.protocol.relevant_min, record.counts.n_users_without_relevant) == (None, 0)


def test_a_model_that_knows_the_checkerboard_beats_popularity() -> None:
    record = evaluate(checkerboard(), ["ease"], k=3, n_draws=100)
    assert figure(record, "ndcg@3", "ease") > figure(record, "ndcg@3", "popularity")


@pytest.mark.parametrize(("scale", "bound"), [((1, 5), 4.0), ((0.5, 5), 3.875), ((0, 100), 75.0)])
def test_relevance_starts_three_quarters_up_the_scale(scale: tuple[float, float], bound: float) -> None:
    rows = dataset([("u", 1, scale[0]), ("u", 2, scale[1])], scale=RatingScale(*scale)).interactions
    assert relevance_bound(rows, rows, None) == bound
    assert relevance_bound(rows, rows, 2.5) == 2.5


def test_the_scale_of_the_training_data_decides_for_a_small_test_file() -> None:
    test = dataset([("u1", 4, 3.0), ("u1", 5, 4.0)], scale=RatingScale(3.0, 4.0)).interactions
    assert relevance_bound(test, hand_dataset().interactions, None) == 4.0


def test_a_lower_bound_makes_more_rows_relevant() -> None:
    record = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, relevant_min=2.0, n_draws=10)
    assert (record.protocol.relevant_min, record.counts.n_users_without_relevant) == (2.0, 0)
    # Now u1 has two relevant items, both listed, and u3's item 1 stands at place 1.
    assert figure(record, "recall@2") == pytest.approx((1 + 1 + 1 + 1 / 2 + 1) / 5)


def test_without_a_relevant_row_there_are_errors_only_and_a_note_says_so() -> None:
    record = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, relevant_min=6.0, n_draws=10)
    assert set(record.result("als").metrics) == {"rmse", "rmse_known", "mae", "coverage@2", "gini@2"}
    assert figure(record, "coverage@2") == 0.0
    assert any("No test row is relevant" in note for note in record.notes)


def test_only_training_rows_are_masked_unless_others_are_given_and_those_are_counted() -> None:
    also = dataset([("u1", 4, 1.0), ("u9", 1, 1.0), ("u1", 1, 5.0), ("u8", 1, 1.0), ("u2", 99, 1.0)])
    record = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, also_mask=also, n_draws=10)
    # u1's row of item 1 is a training row, u8 is not tested, item 99 is unknown: two pairs count.
    assert (record.protocol.also_given, record.protocol.also_masked) == (5, 2)
    assert "masked too: 2 of 5 pairs given" in " ".join(describe(record))
    # u1 is shown 5 alone, now at place 1; u9 is shown 2 and 3, and misses.
    assert figure(record, "mrr@2") == pytest.approx((1 + 1 + 1 + 0) / 4)
    assert any("are never listed" in note for note in record.notes)


@pytest.mark.parametrize(
    "rows",
    [
        [("nobody", 1, 1.0), ("u1", 99, 1.0)],  # ids of something else
        [("u1", 1, 1.0)],  # a training row
        [("u4", 5, 1.0)],  # a user without a test row
    ],
)
def test_a_mask_that_masks_nothing_is_a_warning(rows: list[tuple[str, int, float]]) -> None:
    record = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, also_mask=dataset(rows), n_draws=10)
    assert (record.protocol.also_given, record.protocol.also_masked) == (len(rows), 0)
    said = describe(record)
    assert any(f"masked too: 0 of {plural(len(rows), 'pair')} given" in sentence for sentence in said)
    assert any(sentence.startswith(f"Careful: of {plural(len(rows), 'pair')}") for sentence in said)


def test_without_a_mask_nothing_is_said_of_one() -> None:
    record = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, n_draws=10)
    assert record.protocol.also_given is None
    assert not any("masked too" in sentence for sentence in describe(record))


def test_a_test_row_that_was_a_training_row_can_never_be_listed_and_is_noted() -> None:
    record = evaluate_recommender(recommender(), dataset([("u1", 1, 5.0)]), k=5, n_draws=10)
    assert figure(record, "hit_rate@5") == 0.0
    assert any(note.startswith("Careful: 1 of 1 test rows are training rows") for note in record.notes)


def test_users_held_out_whole_are_folded_in_from_their_visible_part() -> None:
    record = evaluate(planted(), ["als"], split="users", n_draws=10)
    assert record.counts.n_unknown_users == 0
    assert figure(record, "rmse") < figure(record, "rmse", "bias")
    assert figure(record, "ndcg@10") > figure(record, "ndcg@10", "popularity")


def test_over_folds_the_figure_is_the_mean_of_the_folds() -> None:
    record = evaluate(planted(), ["als"], split="folds", n_draws=10)
    for row in record.models:
        for name, estimate in row.metrics.items():
            assert len(estimate.folds) == record.protocol.n_folds == 5
            assert estimate.value == pytest.approx(sum(estimate.folds) / 5), name
    assert record.counts.n_test == len(planted().interactions)


def test_text_ids_in_a_test_file_meet_integer_ids_of_the_training_data() -> None:
    as_text = dataset([(user, item, stars) for user, item, stars in TEST_ROWS if item != 77])
    other = dataset([(user, str(item), stars) for user, item, stars in TEST_ROWS if item != 77])  # type: ignore[misc]
    of_text, of_integers = (
        evaluate_recommender(recommender(), rows, k=2, n_draws=10) for rows in (other, as_text)
    )
    assert of_text.result("als").metrics == of_integers.result("als").metrics


@pytest.mark.parametrize("bound", [3.3, np.float64(3.3), np.float32(3.3)])
def test_a_rating_of_as_many_stars_as_the_bound_is_relevant_whatever_type_the_bound_has(bound: float) -> None:
    test = dataset([("u1", 4, 3.3), ("u1", 5, 3.2), ("u2", 3, 3.3)])
    record = evaluate_recommender(recommender(), test, k=2, relevant_min=bound, n_draws=10)
    assert record.counts.n_users_without_relevant == 0
    assert figure(record, "recall@2") == 1.0
    assert type(record.protocol.relevant_min) is float


def test_a_held_out_user_without_a_visible_row_that_training_knows_is_unknown() -> None:
    train = dataset([("t1", 1, 5.0), ("t1", 2, 4.0), ("t2", 1, 3.0), ("t2", 2, 2.0)])
    test = dataset([("h1", 2, 5.0), ("h2", 2, 5.0), ("h3", 2, 5.0)])
    visible = dataset(
        [("h1", 1, 4.0), ("h2", 99, 4.0)]
    )  # of h2 an item that training does not know; of h3 none
    users = test.interactions.users
    fold = make_fold(train, test, users, bound=None, fold_in=visible)
    assert dict(zip(users.ids, fold.tested.known_user.tolist(), strict=True)) == {
        "h1": True,
        "h2": False,
        "h3": False,
    }
    known = dataset([("t1", 2, 5.0), ("h1", 1, 5.0)])
    assert make_fold(train, known, known.interactions.users, bound=None).tested.known_user.tolist() == [
        False,
        True,
    ]
