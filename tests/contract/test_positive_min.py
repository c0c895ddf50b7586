"""What ratings below `positive_min` are to a ranking model: nothing to learn from, and a reason not to list."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastemap.artifacts import load, save
from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.evaluation import evaluate
from tastemap.inference import explain, recommend, recommend_for_history
from tastemap.inference.explain import explain_for_history
from tastemap.linalg.csr import CSR, from_pairs, row_numbers
from tastemap.linalg.types import BoolArray, Float64Array
from tastemap.models.base import Model
from tastemap.models.item_weights import ItemWeights
from tastemap.models.recommender import Recommender
from tastemap.models.weight_matrix import DenseWeights
from tastemap.training import MODELS, fit
from tastemap.training.validation import hold_out
from tests.toys import STARS, planted

RANKING = sorted(name for name, entry in MODELS.items() if entry.objective == "ranking")
EVERY_RANKING_MODEL = pytest.mark.parametrize("name", RANKING)
QUICK: dict[str, dict[str, object]] = {
    "ials": {"n_factors": 4, "n_epochs": 4, "alpha": 0.5},
    "itemknn": {"n_neighbors": 6},
    "softmax": {"n_factors": 4, "input_size": 8, "layers": [8], "n_epochs": 6, "batch_size": 16},
}
LEAVE_ONE_OUT = {"softmax"}

LOWEST = 3.0
GRUMBLER, FLOP = 1_000, 2_000
"""A user who liked nothing, and an item that nobody liked."""


@cache
def toy() -> Dataset:
    rows = planted(n_users=50, n_items=30).interactions.frame()
    users = [*rows["user_id"].to_list(), *[GRUMBLER] * 4, *range(6)]
    items = [*rows["item_id"].to_list(), *range(4), *[FLOP] * 6]
    values = np.concatenate([rows["rating"].to_numpy(), np.linspace(1.0, 2.9, 10)]).astype(np.float32)
    interactions, _ = make_interactions(users, items, values, rating_scale=STARS)
    return Dataset("toy", interactions, Catalog.empty(), None, LoadReport(len(values), len(values)))


@cache
def fitted(name: str) -> Recommender:
    return fit(toy(), name, settings=QUICK.get(name), positive_min=LOWEST, rng=0)


def all_scores(model: Model) -> Float64Array:
    items = np.tile(np.arange(model.n_items, dtype=np.int32), (model.n_users, 1))
    return model.users(np.arange(model.n_users)).score(items)


def history_of(user: int) -> dict[int | str, float]:
    data = toy().interactions
    items, values = data.by_user.row(data.users.index(user))
    return dict(zip(data.items.take(items).to_list(), values.tolist(), strict=True))


@EVERY_RANKING_MODEL
def test_an_item_that_a_user_rated_low_is_never_listed(name: str) -> None:
    data = toy().interactions
    frame = recommend(fitted(name), k=data.n_items).frame
    pairs = [*data.frame().select("user_id", "item_id").rows(), *frame.select("user_id", "item_id").rows()]
    assert len(pairs) == len(set(pairs)) == data.n_users * data.n_items


@EVERY_RANKING_MODEL
def test_low_ratings_teach_nothing_however_low_they_are(name: str) -> None:
    data = toy().interactions
    low = data.values < LOWEST
    assert 0 < low.sum() < len(low)
    others = replace(data, values=np.where(low, np.float32(1.25), data.values))
    again = fit(replace(toy(), interactions=others), name, settings=QUICK.get(name), positive_min=LOWEST, rng=0)
    np.testing.assert_array_equal(all_scores(again.model), all_scores(fitted(name).model))
    assert again.losses.equals(fitted(name).losses)


@EVERY_RANKING_MODEL
def test_a_whole_training_history_folds_in_as_its_fitted_user(name: str) -> None:
    model, data = fitted(name).model, toy().interactions
    items = np.tile(np.arange(data.n_items, dtype=np.int32), (data.n_users, 1))
    np.testing.assert_allclose(model.fold_in(data.by_user).score(items), all_scores(model), atol=1e-5)


@EVERY_RANKING_MODEL
def test_low_ratings_are_reasons_of_exactly_zero_and_the_others_add_up(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    for user in [*data.users.ids.to_list()[:6], GRUMBLER]:
        for item in (*data.items.ids.to_list()[:4], FLOP):
            for found in (
                explain(recommender, user, item),
                explain_for_history(recommender, history_of(user), item),
            ):
                assert found.reasons.height == len(history_of(user))
                low = found.reasons.filter(pl.col("rating") < LOWEST)
                assert low.height > 0
                assert (low["contribution"] == 0.0).all()
                assert found.additive == (name not in LEAVE_ONE_OUT)
                if not found.additive:
                    continue
                assert abs(found.remainder) <= 1e-5
                assert found.baseline + found.reasons["contribution"].to_numpy().sum() == pytest.approx(
                    found.score, abs=1e-5
                )


@EVERY_RANKING_MODEL
def test_a_low_rating_in_a_new_history_changes_no_score_but_the_item_is_not_listed(name: str) -> None:
    liked: dict[int | str, float] = {1: 5.0, 4: LOWEST}
    with_low = recommend_for_history(fitted(name), {**liked, 2: 1.0, 7: 2.5}, k=100).frame
    alone = recommend_for_history(fitted(name), liked, k=100).frame
    assert with_low["item_id"].to_list() == alone.filter(~pl.col("item_id").is_in([2, 7]))["item_id"].to_list()
    scores = alone.join(with_low, on="item_id")
    assert scores.height == with_low.height
    assert (scores["score"] == scores["score_right"]).all()


@EVERY_RANKING_MODEL
def test_who_liked_nothing_scores_as_a_stranger_and_what_nobody_liked_as_nothing(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    user, item = data.users.index(GRUMBLER), data.items.index(FLOP)
    scores = all_scores(recommender.model)
    items = np.arange(data.n_items, dtype=np.int32)[None, :]
    np.testing.assert_array_equal(scores[user], recommender.model.users(np.array([-1])).score(items)[0])
    if name == "softmax":  # every item has a probability, and this one a low one
        assert (scores[:, item] < np.median(scores, axis=1)).all()
    else:
        assert not scores[:, item].any()


def test_a_list_for_who_liked_nothing_says_that_it_has_no_order() -> None:
    said = "1 list in no particular order: all items score the same, as for somebody who liked nothing."
    assert recommend(fitted("ease"), [GRUMBLER, 3], k=4).notes == (said,)
    assert recommend_for_history(fitted("ials"), {2: 1.0, 7: 2.5}, k=4).notes == (said,)
    assert recommend(fitted("ease"), [3], k=4).notes == ()
    assert recommend(fitted("popularity"), [GRUMBLER], k=4).notes == ()


@EVERY_RANKING_MODEL
def test_a_saved_model_keeps_what_counts_as_positive(name: str, tmp_path: Path) -> None:
    save(fitted(name), tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(all_scores(again.model), all_scores(fitted(name).model))
    assert recommend(again, k=8).frame.equals(recommend(fitted(name), k=8).frame)
    for user in (0, 3, GRUMBLER):
        ratings = history_of(user)
        expected = recommend_for_history(fitted(name), ratings, k=8).frame
        assert recommend_for_history(again, ratings, k=8).frame.equals(expected)
    save(again, tmp_path / "copy")
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (tmp_path / "model", tmp_path / "copy")
    ]
    assert digests[0] == digests[1]


@EVERY_RANKING_MODEL
def test_the_lowest_rating_of_all_changes_nothing(name: str) -> None:
    plain = fit(toy(), name, settings=QUICK.get(name), rng=0)
    same = fit(toy(), name, settings=QUICK.get(name), positive_min=STARS.low, rng=0)
    np.testing.assert_array_equal(all_scores(same.model), all_scores(plain.model))


def test_an_evaluation_masks_what_was_seen_and_disliked() -> None:
    # Everybody's last row is the test. Item 1 is the favorite, which user 0 disliked; user 0 liked item 2 last.
    # The other users disliked item 3 last, so their test rows are not relevant.
    rows = [(0, 1, 1.0, 1), (0, 3, 5.0, 2), (0, 2, 5.0, 9)]
    rows += [(user, 1, 5.0, 1) for user in range(1, 7)] + [(user, 2, 5.0, 2) for user in (1, 2, 3)]
    rows += [(7, 4, 5.0, 1)] + [(user, 3, 1.0, 9) for user in range(1, 8)]
    users, items, values, times = (list(column) for column in zip(*rows, strict=True))
    interactions, _ = make_interactions(
        users, items, np.array(values, np.float32), timestamps=np.array(times), rating_scale=STARS
    )
    data = Dataset("seen", interactions, Catalog.empty(), None, LoadReport(len(rows), len(rows)))
    settings = {"popularity": {"positive_min": 4.0}}
    record = evaluate(data, ["popularity"], split="leave-last", k=1, settings=settings, n_draws=2)
    found = record.result("popularity")
    assert found.settings["positive_min"] == 4.0
    assert found.metrics["ndcg@1"].value == 1.0


def dense(rows: CSR) -> BoolArray:
    """Which pairs are entries, shape (B, I)."""
    found = np.zeros((rows.n_rows, rows.n_columns), np.bool_)
    found[row_numbers(rows.indptr), rows.indices] = True
    return found


def test_the_lists_that_stop_a_search_leave_out_what_was_seen_and_disliked() -> None:
    validation = hold_out(toy().interactions, "ranking", 0.3, 0, LOWEST)
    assert validation is not None
    assert validation.ranked is not None
    inner, learned = validation.inner, validation.learned
    held = np.zeros((inner.n_users, inner.n_items), np.bool_)
    held[validation.ranked_users, :] = dense(validation.ranked)
    disliked = dense(inner.by_user) & ~dense(learned.by_user)
    assert disliked.any()
    # What was disliked scores most, then what was held out: lists are perfect if the former is left out.
    stars = (2.0 * disliked + held).astype(np.float32)
    users, items = np.nonzero(stars)
    history = from_pairs(users, items, stars[users, items], (inner.n_users, inner.n_items))
    model = ItemWeights(DenseWeights(np.eye(inner.n_items, dtype=np.float32)), history)
    assert validation.figure(model) == pytest.approx(1.0)
