"""People whom the fit never saw get intervals as fitted users do, from their history alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tastemap.artifacts import load, save
from tastemap.data import Dataset, make_interactions
from tastemap.inference.intervals import spread_of
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.linalg.posterior import row_posterior_reference
from tastemap.linalg.types import BoolArray, Float64Array
from tastemap.models.factor import FactorModel
from tastemap.models.rating_samples import RatingSamples
from tastemap.models.recommender import Recommender
from tastemap.models.user_priors import UserPriors
from tastemap.training import fit
from tests.toys import STARS, as_dataset, hand_dataset, planted, with_features
from tests.unit.inference.test_intervals import SETTINGS

ITEMS = np.array([[3, 50, 7, 99]], np.int32)


def even() -> Dataset:
    """Ratings of 800 users in whole stars: half of the users have 12 ratings, half 40; all rate alike."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(800, 2)), rng.normal(size=(100, 2))
    users = np.repeat(np.arange(800), np.where(np.arange(800) % 2, 40, 12))
    items = np.concatenate([rng.permutation(100)[:n] for n in np.bincount(users)])
    expected = 3.2 + 0.7 * np.sum(left[users] * right[items], axis=1)
    stars = np.clip(np.round(expected + 0.7 * rng.normal(size=len(users))), 1, 5)
    return as_dataset(make_interactions(users, items, stars.astype(np.float32), rating_scale=STARS)[0])


@cache
def fitted() -> tuple[Recommender, Dataset, BoolArray]:
    """A model that never saw a fifth of the users, all the data, and which users these are."""
    data = even()
    newcomer = np.random.default_rng(2).random(data.interactions.n_users) < 0.2
    train = data.select(~newcomer[data.interactions.user_index])
    settings = {**SETTINGS, "calibration_parts": 4}
    return fit(train, "gibbs", settings=settings, rng=0), data, newcomer


def samples_of(recommender: Recommender) -> tuple[RatingSamples, UserPriors]:
    assert isinstance(recommender.model, FactorModel)
    samples = recommender.model.samples
    assert samples is not None
    assert samples.priors is not None
    return samples, samples.priors


def histories() -> CSR:
    recommender, data, newcomer = fitted()
    assert recommender.model.n_items == data.interactions.n_items  # so that item indices are the same
    return data.interactions.by_user.take(np.flatnonzero(newcomer))


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_intervals_hold_their_share_of_what_newcomers_rate_next(level: float) -> None:
    recommender, _, _ = fitted()
    rows, rng, inside = histories(), np.random.default_rng(3), []
    for person in range(rows.n_rows):
        items, ratings = rows.row(person)
        given = rng.permutation(len(items)) < len(items) // 2
        history = CSR(np.array([0, given.sum()]), items[given], ratings[given], rows.n_columns)
        states = recommender.model.fold_in(history)
        asked = items[~given][None, :]
        predicted = recommender.model.link.apply(states.score(asked))[0]
        found = spread_of(recommender, states, asked, predicted)
        assert found is not None
        lower, upper = found.interval(level)
        inside.append((lower - 1e-6 <= ratings[~given]) & (ratings[~given] <= upper + 1e-6))
    assert np.concatenate(inside).mean() == pytest.approx(level, abs=0.03)


def test_each_sample_solves_for_the_person() -> None:
    recommender, _, _ = fitted()
    samples, priors = samples_of(recommender)
    history = histories().take(np.array([4]))
    (found,) = samples.posteriors(history) or ()
    n, d = priors.means.shape
    items = samples.item_samples[history.indices].astype(np.float64).reshape(-1, n, d)
    bag = priors.directions[history.indices].astype(np.float64).sum(axis=0) / np.sqrt(len(history.indices))
    for s in (0, 5, n - 1):
        Y, bias = items[:, s].copy(), items[:, s, -1].copy()
        Y[:, -1] = 1.0
        expected = priors.means[s] + bag @ priors.weights[:, s * d : (s + 1) * d].astype(np.float64)
        mean, precision = row_posterior_reference(
            Y,
            history.values - bias,
            1.0 / float(samples.noise[s]) ** 2,
            expected,
            priors.precisions[s * d : (s + 1) * d],
        )
        np.testing.assert_allclose(found.means[s], mean, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(np.linalg.inv(found.covariances[s]), precision, rtol=1e-6, atol=1e-8)


def test_the_spread_is_that_of_draws_from_what_each_sample_says() -> None:
    recommender, _, _ = fitted()
    samples, priors = samples_of(recommender)
    (person,) = samples.posteriors(histories().take(np.array([0]))) or ()
    rng, (n, d) = np.random.default_rng(0), priors.means.shape
    vector = samples.item_samples[50].astype(np.float64).reshape(n, d)
    scores = []
    for s in range(n):
        rows = rng.multivariate_normal(person.means[s], person.covariances[s], 4_000)
        scores.append(rows[:, :-1] @ vector[s, :-1] + rows[:, -1] + vector[s, -1])
    noise = np.square(samples.noise.astype(np.float64)).mean()
    expected = np.sqrt(np.concatenate(scores).var() + noise) * samples.calibration.item_scale[50]
    found = samples.spread((person,), np.array([[50]], np.int32)).stars[0, 0]
    assert found == pytest.approx(expected, rel=0.01)


def stars_of(recommender: Recommender, history: CSR) -> Float64Array:
    found = recommender.model.fold_in(history).spread(np.repeat(ITEMS, history.n_rows, axis=0))
    assert found is not None
    return found.stars


def test_the_same_history_gives_the_same_spread_alone_and_among_others() -> None:
    recommender, _, _ = fitted()
    rows = histories().take(np.array([3, 1, 2]))
    together = stars_of(recommender, rows)
    for place in range(3):
        alone = stars_of(recommender, rows.take(np.array([place])))
        np.testing.assert_array_equal(together[place], alone[0])
    states = recommender.model.fold_in(rows)
    taken = states.take(np.array([2, 0])).spread(np.repeat(ITEMS, 2, axis=0))
    assert taken is not None
    np.testing.assert_array_equal(taken.stars, together[[2, 0]])


def test_more_is_known_of_a_person_with_more_ratings() -> None:
    recommender, _, _ = fitted()
    row = histories().take(np.array([int(np.argmax(histories().row_lengths))]))
    few = CSR(np.array([0, 2]), row.indices[:2], row.values[:2], row.n_columns)
    assert (stars_of(recommender, few) > stars_of(recommender, row)).all()


def test_a_fitted_user_folded_in_again_has_about_the_fitted_spread() -> None:
    recommender, _, _ = fitted()
    users = np.arange(40)
    asked = np.repeat(ITEMS, 40, axis=0)
    fitted_spread = recommender.model.users(users).spread(asked)
    assert fitted_spread is not None
    again = stars_of(recommender, recommender.train.interactions.by_user.take(users))
    scale = samples_of(recommender)[0].calibration.user_scale[users]
    assert np.mean(again / (fitted_spread.stars / scale[:, None])) == pytest.approx(1.0, abs=0.05)


def test_nothing_is_known_without_a_history_or_of_an_unknown_item() -> None:
    recommender, _, _ = fitted()
    assert np.isnan(stars_of(recommender, empty_rows(1, recommender.model.n_items))).all()
    found = recommender.model.fold_in(histories().take(np.array([0]))).spread(np.array([[-1, 3]], np.int32))
    assert found is not None
    assert np.isnan(found.stars).tolist() == [[True, False]]


def test_features_that_are_not_known_of_a_person_make_the_expectation_wider() -> None:
    data = with_features(planted())
    settings = {**SETTINGS, "user_features": ["age"], "implicit_history": False}
    model = fit(data, "gibbs", settings=settings, rng=0)
    samples, priors = samples_of(model)
    n, d = priors.means.shape
    users = samples.user_samples.astype(np.float64).reshape(-1, n, d)
    expected = np.linalg.inv(priors.precisions.astype(np.float64).reshape(n, d, d))
    between = np.mean([np.cov(users[:, s].T) for s in range(n)], axis=0)
    assert np.trace(expected.mean(axis=0)) == pytest.approx(np.trace(between), rel=0.25)


def test_a_saved_model_gives_the_same_intervals(tmp_path: Path) -> None:
    recommender, _, _ = fitted()
    again = load(save(recommender, tmp_path / "model"))
    rows = histories().take(np.arange(3))
    np.testing.assert_array_equal(stars_of(recommender, rows), stars_of(again, rows))
    before, after = (
        one.model.users(np.arange(5)).spread(ITEMS.repeat(5, axis=0)) for one in (recommender, again)
    )
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.stars, after.stars)
    np.testing.assert_array_equal(before.groups, after.groups)


def test_a_model_saved_without_what_samples_expect_of_users_says_nothing_of_newcomers(tmp_path: Path) -> None:
    settings = {"n_factors": 2, "n_epochs": 4, "burn_in": 0}
    recommender = fit(hand_dataset(), "gibbs", settings=settings, rng=0)
    assert isinstance(recommender.model, FactorModel)
    samples, _ = samples_of(recommender)
    older = replace(recommender, model=replace(recommender.model, samples=replace(samples, priors=None)))
    again = load(save(older, tmp_path / "model"))
    history = recommender.train.interactions.by_user.take(np.array([0]))
    assert again.model.fold_in(history).spread(np.array([[0]], np.int32)) is None
    assert again.model.users(np.array([0])).spread(np.array([[0]], np.int32)) is not None
