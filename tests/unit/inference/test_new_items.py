from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastemap.artifacts import load, save
from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.errors import InvalidValueError
from tastemap.inference import explain, recommend, similar_items, with_new_items
from tastemap.linalg.types import Float64Array
from tastemap.models.factor import FactorModel
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.toys import planted, planted_ratings

SETTINGS: dict[str, dict[str, object]] = {
    "als": {"n_factors": 3, "n_epochs": 120, "regularization": 0.1, "validation_fraction": 0.0},
    "ials": {
        "n_factors": 6,
        "n_epochs": 250,
        "regularization": 0.05,
        "unobserved_weight": 0.2,
        "alpha": 0.5,
        "recency": 1.0,
        "validation_fraction": 0.0,
    },
    "dot": {"n_epochs": 2},
    "gibbs": {"n_factors": 3, "n_epochs": 12, "burn_in": 4},
    "mlp": {"n_epochs": 1},
    "softmax": {"n_epochs": 1},
}
ABSENT = (0, 7, 31, 59)
"""Ids of items, the first and the last among them, that a fit does not see."""


@cache
def whole() -> Dataset:
    return planted(200, 60)


def rows_of(items: tuple[int, ...]) -> pl.DataFrame:
    frame = whole().interactions.frame()
    return frame.filter(pl.col("item_id").is_in(items))


@cache
def fitted(name: str) -> Recommender:
    """Fitted to all items but the absent ones."""
    data = whole()
    kept = ~np.isin(data.interactions.items.ids.to_numpy()[data.interactions.item_index], ABSENT)
    return fit(data.select(kept), name, settings=SETTINGS.get(name), rng=0)


def normal_equations(
    model: FactorModel, recommender: Recommender, item: int
) -> tuple[Float64Array, Float64Array]:
    """Both sides of A y = b for one item, written from the loss: users fixed, a 1 for the item's bias."""
    loss, data = model.user_side, recommender.train.interactions
    users, values = data.by_item.row(item)
    X = np.hstack([model.user_factors, np.ones((data.n_users, 1))]).astype(np.float64)
    y = np.append(model.item_factors[item], model.item_bias[item]).astype(np.float64)
    d = model.n_factors
    if recommender.name == "als":
        rest = values - model.global_bias - model.user_bias[users].astype(np.float64)
        A = X[users].T @ X[users]
        b = X[users].T @ rest
        A[:d, :d] += loss.regularization * len(users) ** loss.frequency_power * np.eye(d)  # type: ignore[union-attr]
        A[d, d] += loss.bias_regularization  # type: ignore[union-attr]
        return A @ y, b
    times = data.timestamps
    assert times is not None
    later = [
        int(
            (
                times[data.user_index == user] > times[(data.user_index == user) & (data.item_index == item)]
            ).sum()
        )
        for user in users
    ]
    confidence = (1 + 0.5 * values) * (1 + 2.0 ** (-np.array(later) / 5.0))
    work = len(users) + 0.2 * data.n_users
    A = X[users].T @ (confidence[:, None] * X[users]) + 0.2 * X.T @ X
    A[:d, :d] += 0.05 * work * np.eye(d)
    return A[:d, :d] @ y[:d], (X[users].T @ confidence)[:d]


@pytest.mark.parametrize("name", ["als", "ials"])
def test_a_new_item_solves_its_normal_equations_with_the_users_fixed(name: str) -> None:
    before = fitted(name)
    after = with_new_items(before, rows_of(ABSENT))
    assert isinstance(after.model, FactorModel)
    assert isinstance(before.model, FactorModel)
    np.testing.assert_array_equal(after.model.user_factors, before.model.user_factors)
    for id in ABSENT:
        left, right = normal_equations(after.model, after, after.items.index(id))
        np.testing.assert_allclose(left, right, atol=2e-5 * np.abs(right).max())


@pytest.mark.parametrize("name", ["als", "ials"])
def test_an_item_that_is_taken_out_and_folded_in_comes_back_as_the_fit_left_it(name: str) -> None:
    full = fit(whole(), name, settings=SETTINGS[name], rng=0)
    model, data = full.model, whole().interactions
    assert isinstance(model, FactorModel)
    kept = ~np.isin(np.arange(60), ABSENT)
    rest = replace(model, item_factors=model.item_factors[kept], item_bias=model.item_bias[kept])
    train = whole().select(kept[data.item_index])
    back = with_new_items(replace(full, model=rest, train=train), rows_of(ABSENT)).model
    assert isinstance(back, FactorModel)
    # The last half step of the fit moved the users once more after the items, by this little at convergence.
    np.testing.assert_allclose(
        back.item_factors, model.item_factors, atol=5e-3 * np.abs(model.item_factors).max()
    )
    np.testing.assert_allclose(back.item_bias, model.item_bias, atol=5e-3)


@pytest.mark.parametrize("name", ["als", "dot"])
def test_a_new_item_is_scored_as_it_was_planted(name: str) -> None:
    truth = planted_ratings(200, 60, 3, np.random.default_rng(0))
    settings = {"n_epochs": 40, "n_factors": 4, "batch_size": 256, "learning_rate": 0.02}
    before = fitted("als") if name == "als" else fit(fitted("als").train, "dot", settings=settings, rng=0)
    after = with_new_items(before, rows_of(ABSENT))
    everybody = after.model.users(np.arange(200))
    for id in ABSENT:
        scores = everybody.score(np.full((200, 1), after.items.index(id), np.int32))[:, 0]
        unseen = ~np.isin(np.arange(200), after.train.interactions.by_item.row(after.items.index(id))[0])
        assert np.corrcoef(scores[unseen], truth[unseen, id])[0, 1] > 0.9


def test_all_that_follows_works_and_known_items_keep_their_scores(tmp_path: Path) -> None:
    before = fitted("als")
    after = with_new_items(before, rows_of(ABSENT))
    assert after.items.ids.to_list() == list(range(60))
    old, moved = (r.model.users(np.arange(5)).score_range() for r in (before, after))
    kept = np.setdiff1d(np.arange(60), ABSENT)
    np.testing.assert_allclose(moved[:, kept], old, atol=1e-5)
    listed = recommend(after, k=60).frame
    seen = after.train.interactions.frame().select("user_id", "item_id")
    assert listed.join(seen, on=["user_id", "item_id"]).is_empty()
    assert set(ABSENT) <= set(listed["item_id"].to_list())
    assert len(similar_items(after, 7, min_common_users=0).frame) == 10
    assert explain(after, 3, 7).score == pytest.approx(explain(after, 3, 7).prediction, abs=2.0)
    loaded = load(save(after, tmp_path / "more"))
    assert recommend(loaded, k=5).frame.equals(recommend(after, k=5).frame)
    assert loaded.train.report.n_kept == len(whole().interactions)


def test_users_whom_the_model_does_not_know_help_if_it_knows_something_of_them() -> None:
    before = fitted("als")
    known = whole().interactions.frame().filter(pl.col("user_id") < 12)
    # Twelve people under new names, with all they have rated; and twelve of whom only the new item is known.
    twins = known.with_columns(user_id=pl.format("twin {}", pl.col("user_id")))
    strangers = twins.filter(item_id=7).with_columns(user_id=pl.lit("stranger ") + pl.col("user_id"))
    named = known.with_columns(pl.col("user_id").cast(pl.String))
    n_users = twins.filter(item_id=7).height
    assert n_users >= 3
    of_twins = with_new_items(before, pl.concat([twins, strangers]), min_users=n_users)
    assert of_twins.train.interactions.by_item.row_lengths[of_twins.items.index(7)] == 0
    assert len(of_twins.users) == len(before.users)
    of_users = with_new_items(before, named, min_users=n_users)
    assert isinstance(of_twins.model, FactorModel)
    assert isinstance(of_users.model, FactorModel)
    place = of_users.items.index(7)
    np.testing.assert_allclose(
        of_twins.model.item_factors[of_twins.items.index(7)], of_users.model.item_factors[place], atol=1e-4
    )
    assert with_new_items(before, strangers, min_users=1) is before


def test_items_with_few_users_and_events_without_new_items_change_nothing() -> None:
    before = fitted("als")
    few = rows_of((7,)).head(4)
    assert with_new_items(before, few) is before
    assert len(with_new_items(before, few, min_users=4).items) == len(before.items) + 1
    assert with_new_items(before, rows_of((3, 4))) is before
    assert with_new_items(before, few.clear()) is before


def test_events_need_no_times_and_ids_may_be_text() -> None:
    rows = rows_of(ABSENT)
    as_text = rows.select(pl.col("user_id", "item_id").cast(pl.String), "rating")
    plain, text = (with_new_items(fitted("als"), frame) for frame in (rows, as_text))
    assert isinstance(plain.model, FactorModel)
    assert isinstance(text.model, FactorModel)
    np.testing.assert_array_equal(plain.model.item_factors, text.model.item_factors)
    times, latest = text.train.interactions.timestamps, fitted("als").train.interactions.timestamps
    assert times is not None
    assert latest is not None
    assert (times[np.isin(text.train.interactions.item_index, ABSENT)] == latest.max()).all()


def test_counts_and_values_below_the_lowest_positive() -> None:
    made, _ = make_interactions(np.arange(60) % 20, np.arange(60) % 7, np.ones(60, np.float32))
    data = Dataset("counts", made, Catalog.empty(), None, LoadReport(60, 60))
    before = fit(data, "ials", settings={"n_factors": 2, "n_epochs": 3}, rng=0)
    after = with_new_items(before, pl.DataFrame({"user_id": range(6), "item_id": [99] * 6}))
    assert after.train.interactions.values[after.train.interactions.item_index == 7].tolist() == [1.0] * 6
    high = fit(whole(), "ials", settings={"n_factors": 2, "n_epochs": 3}, positive_min=3.0, rng=0)
    low = pl.DataFrame({"user_id": range(6), "item_id": [99] * 6, "rating": [2.0] * 6})
    assert with_new_items(high, low) is high
    mixed = low.with_columns(rating=pl.Series([5.0] * 5 + [2.0]))
    taken = with_new_items(high, mixed)
    assert isinstance(taken.model, FactorModel)
    assert taken.model.item_factors[-1].any()


def test_of_histories_that_speak_by_their_items_a_new_item_says_nothing_yet() -> None:
    settings = {"n_factors": 3, "n_epochs": 5, "implicit_history": True, "validation_fraction": 0.0}
    before = fit(fitted("als").train, "als", settings=settings, rng=0)
    after = with_new_items(before, rows_of(ABSENT))
    assert isinstance(before.model, FactorModel)
    assert isinstance(after.model, FactorModel)
    sides = before.model.user_side, after.model.user_side
    assert isinstance(sides[0], ImplicitHistory)
    assert isinstance(sides[1], ImplicitHistory)
    kept = np.setdiff1d(np.arange(60), ABSENT)
    assert not sides[1].history_factors[list(ABSENT)].any()
    np.testing.assert_array_equal(sides[1].history_factors[kept], sides[0].history_factors)
    assert after.model.item_factors[list(ABSENT)].any(axis=1).all()
    history = after.train.interactions.by_user
    assert np.isfinite(after.model.fold_in(history).score_range()).all()


@pytest.mark.parametrize("name", ["ease", "itemknn", "popularity", "gibbs", "mlp", "softmax"])
def test_models_that_only_a_fit_can_extend_say_so(name: str) -> None:
    with pytest.raises(InvalidValueError, match="cannot take in items that its fit has not seen"):
        with_new_items(fitted(name), rows_of(ABSENT))


def test_what_cannot_be_read_is_refused_in_a_sentence() -> None:
    before, rows = fitted("als"), rows_of(ABSENT)
    for events, message in (
        (rows.drop("rating"), "add rating"),
        (rows.with_columns(item_id=pl.lit("a film")), "Got 'a film'"),
        (rows.with_columns(rating=9.0), "Got 9"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            with_new_items(before, events)
    with pytest.raises(InvalidValueError, match=r"min_users must be an integer >= 1\. Got 0"):
        with_new_items(before, rows, min_users=0)


@pytest.mark.parametrize("has_times", [True, False])
def test_rows_of_new_items_stand_where_a_sort_of_all_rows_would_put_them(has_times: bool) -> None:
    before = fitted("als")
    data = before.train.interactions
    if not has_times:
        before = replace(before, train=replace(before.train, interactions=replace(data, timestamps=None)))
    strangers = pl.DataFrame({"user_id": [999], "item_id": [ABSENT[0]], "rating": [3.0], "timestamp": [5]})
    rows = rows_of(ABSENT).cast({"user_id": pl.Int64, "rating": pl.Float64})
    events = pl.concat([rows.sample(fraction=1.0, shuffle=True, seed=1), strangers])
    found = with_new_items(before, events).train.interactions
    one = before.train.interactions.frame()
    expected = pl.concat([one, rows.select(one.columns).cast(one.schema)]).sort("user_id", "item_id")
    assert found.frame().equals(expected)
    assert np.array_equal(found.user_index, np.sort(found.user_index))
