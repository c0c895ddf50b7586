"""Intervals of predicted ratings hold as many ratings as they say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from tastemap.data import Dataset, make_interactions
from tastemap.errors import InvalidValueError
from tastemap.inference import predict, predict_table
from tastemap.inference.intervals import Spread
from tastemap.models.factor import FactorModel
from tastemap.models.rating_samples import N_GROUPS, SHARES, Calibration, RatingSamples, scales
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.toys import STARS, planted

SETTINGS = {"n_factors": 3, "n_epochs": 80, "burn_in": 20}


def uneven() -> Dataset:
    """Ratings of 800 users in whole stars: half of the users have 12 ratings, half 40; some rate at whim."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(800, 2)), rng.normal(size=(100, 2))
    users = np.repeat(np.arange(800), np.where(np.arange(800) % 2, 40, 12))
    items = np.concatenate([rng.permutation(100)[:n] for n in np.bincount(users)])
    noise = np.where(users % 2, 0.4, 1.0) * rng.normal(size=len(users))
    stars = np.clip(np.round(3.2 + 0.7 * np.sum(left[users] * right[items], axis=1) + noise), 1, 5)
    rows, _ = make_interactions(users, items, stars.astype(np.float32), rating_scale=STARS)
    return replace(planted(), interactions=rows)


@cache
def fitted() -> tuple[Recommender, Dataset]:
    data = uneven()
    held = np.random.default_rng(1).random(len(data.interactions)) < 0.25
    train = data.select(~held)
    return fit(train, "gibbs", settings={**SETTINGS, "calibration_parts": 4}, rng=0), data.select(held)


def pairs_of(data: Dataset) -> tuple[pl.Series, pl.Series]:
    rows = data.interactions
    return rows.users.take(rows.user_index), rows.items.take(rows.item_index)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_calibrated_intervals_hold_their_share_for_busy_and_for_rare_users(level: float) -> None:
    recommender, test = fitted()
    found = predict(recommender, *pairs_of(test), level=level)
    inside = found["lower"].to_numpy() <= test.interactions.values + 1e-6
    inside &= test.interactions.values <= found["upper"].to_numpy() + 1e-6
    busy = test.interactions.users.ids.to_numpy()[test.interactions.user_index] % 2 == 1
    assert inside[busy].mean() == pytest.approx(level, abs=0.04)
    assert inside[~busy].mean() == pytest.approx(level, abs=0.06)
    width = (found["upper"] - found["lower"]).to_numpy()
    assert width[busy].mean() < 0.9 * width[~busy].mean()


def test_chances_of_many_stars_are_met() -> None:
    recommender, test = fitted()
    chance = predict(recommender, *pairs_of(test), at_least=4.0)["chance"].to_numpy()
    happened = test.interactions.values >= 4.0
    for low in np.arange(0.0, 1.0, 0.25):
        chosen = (chance >= low) & (chance < low + 0.25)
        assert happened[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.08)


def test_a_higher_bar_is_never_likelier() -> None:
    recommender, test = fitted()
    chances = [
        predict(recommender, *pairs_of(test), at_least=bar)["chance"].to_numpy() for bar in (1.0, 3.0, 4.5)
    ]
    assert (chances[0] >= chances[1]).all()
    assert (chances[1] >= chances[2]).all()
    assert chances[0].mean() > 0.95


@pytest.mark.parametrize("bar", [5.01, 6.0, 0.99, -1.0, float("nan"), float("inf")])
def test_a_bar_that_no_rating_of_the_scale_can_be_is_refused(bar: float) -> None:
    recommender, test = fitted()
    with pytest.raises(InvalidValueError, match=r"at_least must be a rating of .*, from 1 to 5\. Got"):
        predict(recommender, *pairs_of(test), at_least=bar)


def test_the_lowest_rating_is_reached_for_certain_where_the_pair_is_known() -> None:
    recommender, test = fitted()
    users, items = pairs_of(test)
    chance = predict(recommender, [users[0], -5], [items[0], items[0]], at_least=1.0)["chance"]
    assert chance.to_list() == [1.0, None]


def test_left_out_the_level_is_95_percent() -> None:
    recommender, test = fitted()
    pairs = pairs_of(test)
    assert predict(recommender, *pairs).equals(predict(recommender, *pairs, level=0.95))


def test_pairs_that_are_not_known_have_no_interval() -> None:
    recommender, test = fitted()
    users, items = pairs_of(test)
    found = predict(recommender, [users[0], -5, users[0]], [items[0], items[0], -7], at_least=4.0)
    for column in ("lower", "upper", "chance"):
        assert found[column].is_null().to_list() == [False, True, True]


def test_intervals_stay_within_the_scale_and_around_the_prediction() -> None:
    recommender, test = fitted()
    found = predict(recommender, *pairs_of(test))
    assert found["lower"].min() >= 1.0  # type: ignore[operator]
    assert found["upper"].max() <= 5.0  # type: ignore[operator]
    assert ((found["lower"] <= found["prediction"]) & (found["prediction"] <= found["upper"])).all()


def test_an_interval_ends_at_ratings_that_can_be_given_or_at_the_prediction() -> None:
    recommender, test = fitted()
    found = predict(recommender, *pairs_of(test), level=0.9)
    for end in ("lower", "upper"):
        value = found[end].to_numpy()
        at_prediction = value == found["prediction"].to_numpy()
        assert ((value == np.round(value)) | at_prediction).all()


def test_ends_of_intervals_leave_out_no_rating_that_can_be_given() -> None:
    stars = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    prediction, spread = np.array([3.6, 3.6, 4.9, np.nan]), np.array([1.0, 0.1, 0.5, np.nan])
    groups = np.zeros(4, np.int64)
    wide = Spread(Calibration.normal(1, 1), 1.0, 5.0, prediction, spread, groups, stars[:0])
    snapped = replace(wide, ratings=stars)
    for level in (0.5, 0.95):
        (low, high), (lower, upper) = wide.interval(level), snapped.interval(level)
        held, kept = (
            (stars >= ends[0][:, None]) & (stars <= ends[1][:, None]) for ends in ((low, high), (lower, upper))
        )
        np.testing.assert_array_equal(held, kept)
        assert np.nansum(upper - lower) < np.nansum(high - low)
    np.testing.assert_allclose(snapped.interval(0.95)[0][:3], [2.0, 3.6, 4.0])
    assert np.isnan(lower[3])


def test_a_table_gets_the_columns_too() -> None:
    recommender, test = fitted()
    users, items = pairs_of(test)
    table = pl.DataFrame({"user_id": users[:3], "item_id": items[:3], "lower": ["a", "b", "c"]})
    found = predict_table(recommender, table, at_least=4.0)
    assert found.columns[-3:] == ["lower", "upper", "chance"]
    assert found["lower"].dtype == pl.Float64


def test_models_without_samples_say_so() -> None:
    recommender = fit(planted(), "bias", rng=0)
    assert "lower" not in predict(recommender, [0], [0]).columns
    with pytest.raises(InvalidValueError, match=r"at_least needs .* bias does not"):
        predict(recommender, [0], [0], at_least=4.0)
    with pytest.raises(InvalidValueError, match=r"level needs .* bias does not"):
        predict(recommender, [0], [0], level=0.8)
    with pytest.raises(InvalidValueError, match=r"level must be above 0 and below 1, such as 0\.95\. Got 95"):
        predict(recommender, [0], [0], level=95.0)


def test_calibration_does_not_change_the_predictions() -> None:
    recommender, test = fitted()
    plain = fit(recommender.train, "gibbs", settings=SETTINGS, rng=0)
    for model in (plain.model, recommender.model):
        assert isinstance(model, FactorModel)
        assert model.samples is not None
    np.testing.assert_array_equal(
        predict(plain, *pairs_of(test))["prediction"], predict(recommender, *pairs_of(test))["prediction"]
    )


def test_the_spread_is_that_of_the_samples_and_the_noise() -> None:
    rng = np.random.default_rng(0)
    users, items = (rng.normal(size=(n, 5, 3)).astype(np.float16) for n in (4, 6))  # five samples, d = 2
    noise = rng.random(5).astype(np.float32)
    samples = RatingSamples(
        users.reshape(4, 15), items.reshape(6, 15), noise, Calibration.normal(4, 6), np.full(4, 7)
    )
    left, right = users[2].astype(float), items[5].astype(float)
    scores = (left[:, :2] * right[:, :2]).sum(axis=1) + left[:, 2] + right[:, 2]
    expected = np.sqrt(scores.var() + np.square(noise.astype(float)).mean())
    assert samples.spread(np.array([2]), np.array([[5]], np.int32)).stars[0, 0] == pytest.approx(
        expected, rel=1e-5
    )


def test_without_held_out_ratings_errors_are_normal() -> None:
    normal = Calibration.normal(1, 1)
    group = normal.groups(np.array([0, 10_000]))
    np.testing.assert_allclose(normal.reach(group, 0.95), 1.96, atol=0.01)
    np.testing.assert_allclose(normal.chance_above(group, np.array([0.0, 1.0])), [0.5, 0.1587], atol=0.005)


def test_groups_are_of_equal_size_and_one_without_errors_takes_all() -> None:
    lengths = np.arange(100)
    errors = np.random.default_rng(0).normal(size=60)
    # one error each of the last sixty users: nobody of the first two groups is held out
    calibration = Calibration.of(errors, np.arange(40, 100), np.arange(60), lengths, 60)
    assert np.bincount(calibration.groups(lengths)).tolist() == [20] * N_GROUPS
    np.testing.assert_allclose(calibration.quantiles[0], np.quantile(errors, SHARES), rtol=1e-6)
    same = Calibration.of(errors, np.arange(60), np.arange(60), np.full(60, 7), 60)
    assert len(same.quantiles) == len(same.edges) + 1


def test_the_scale_of_an_error_does_not_know_it() -> None:
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(50), 40)
    errors = rng.normal(size=2_000) * np.where(index < 25, 0.5, 1.5)
    others, found = scales(errors, index, 51)
    assert found[:25].max() < found[25:50].min()
    assert found[50] == 1.0  # nobody's errors: as usual
    changed = errors.copy()
    changed[7] = 0.0
    again, _ = scales(changed * np.sqrt(np.mean(errors**2) / np.mean(changed**2)), index, 51)
    assert again[7] == pytest.approx(others[7], rel=1e-2)
    assert again[8] < others[8]
