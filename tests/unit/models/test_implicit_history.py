"""Users whose factors start from a prior: what their history holds, whatever the ratings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from tastemap.artifacts import load, save
from tastemap.linalg.csr import CSR, empty_rows, from_pairs
from tastemap.linalg.types import Float64Array
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel
from tastemap.models.history_bags import history_bags
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.user_loss import UserLoss
from tests.saved import factors_recommender

N_ITEMS, N_FACTORS = 14, 3
LINKS = {"clip": Link("clip", 1.0, 5.0), "sigmoid": Link("sigmoid", 0.5, 5.5)}
LOSS = UserLoss(0.3, frequency_power=0.5, bias_regularization=1.2)


def model_of(link: str, *, history_scale: float = 0.4) -> FactorModel:
    rng = np.random.default_rng(0)
    history_factors = (history_scale * rng.normal(size=(N_ITEMS, N_FACTORS))).astype(np.float32)
    return FactorModel(
        user_factors=np.zeros((0, N_FACTORS), np.float32),
        item_factors=(0.6 * rng.normal(size=(N_ITEMS, N_FACTORS))).astype(np.float32),
        user_bias=np.zeros(0, np.float32),
        item_bias=(0.3 * rng.normal(size=N_ITEMS)).astype(np.float32),
        global_bias=3.4 if link == "clip" else 0.4,
        link=LINKS[link],
        user_side=ImplicitHistory(LOSS, history_factors),
    )


def histories() -> CSR:
    """Five users with 1 … 10 items rated 1 … 5."""
    rng = np.random.default_rng(1)
    pairs = [(user, item) for user, n in enumerate((1, 2, 4, 7, 10)) for item in rng.permutation(N_ITEMS)[:n]]
    rows, columns = np.array(pairs).T
    return from_pairs(rows, columns, rng.integers(1, 6, len(rows)).astype(np.float32), (5, N_ITEMS))


def prior_of(model: FactorModel, history: CSR, row: int) -> Float64Array:
    """The prior as its formula has it."""
    assert isinstance(model.user_side, ImplicitHistory)
    items, _ = history.row(row)
    total: Float64Array = model.user_side.history_factors[items].astype(np.float64).sum(axis=0)
    prior: Float64Array = total / np.sqrt(len(items))
    return prior


def test_a_bag_is_the_sum_of_vectors_over_the_root_of_their_number() -> None:
    model, history = model_of("clip"), histories()
    assert isinstance(model.user_side, ImplicitHistory)
    bags = history_bags(history, model.user_side.history_factors)
    for row in range(history.n_rows):
        np.testing.assert_allclose(bags[row], prior_of(model, history, row), atol=1e-12)
        alone = history_bags(history.take(np.array([row])), model.user_side.history_factors)
        np.testing.assert_array_equal(alone[0], bags[row])


def written_loss(model: FactorModel, history: CSR, row: int) -> Callable[[Float64Array], float]:
    """The loss of one user's deviation (the first coordinates) and bias (the last), prior included."""
    items, values = history.row(row)
    prior = prior_of(model, history, row)
    Y = model.item_factors.astype(np.float64)
    assert LOSS.bias_regularization is not None
    bias_penalty = LOSS.bias_regularization

    def value(point: Float64Array) -> float:
        own, bias = point[:N_FACTORS], point[N_FACTORS]
        score = model.global_bias + model.item_bias[items] + bias + Y[items] @ (prior + own)
        rating = model.link.apply(score) if model.link.kind == "sigmoid" else score
        penalty = LOSS.regularization * np.sqrt(len(items)) * (own @ own)
        return float(((values - rating) ** 2).sum() + penalty + bias_penalty * bias**2)

    return value


@pytest.mark.parametrize("link", LINKS)
def test_fold_in_reaches_the_minimum_over_deviations_from_the_prior(link: str) -> None:
    model, history = model_of(link), histories()
    state = model.fold_in(history)
    for row in range(history.n_rows):
        loss = written_loss(model, history, row)
        best = minimize(loss, np.zeros(N_FACTORS + 1), method="BFGS", options={"gtol": 1e-9}).x
        expected = prior_of(model, history, row) + best[:N_FACTORS]
        np.testing.assert_allclose(state.factors[row], expected, atol=2e-3)
        np.testing.assert_allclose(state.bias[row], best[N_FACTORS], atol=2e-3)


@pytest.mark.parametrize("link", LINKS)
def test_reasons_add_up_to_the_folded_in_score(link: str) -> None:
    model, history = model_of(link), histories()
    for row in range(history.n_rows):
        alone = history.take(np.array([row]))
        score = model.fold_in(alone).score(np.array([[5]], np.int32))[0, 0]
        split = model.contributions(alone, np.array([5], np.int32))
        assert split.additive
        assert split.baseline[0] == pytest.approx(model.global_bias + float(model.item_bias[5]))
        assert split.baseline[0] + split.values[0].sum() == pytest.approx(score, abs=1e-4)


def test_an_entry_counts_by_being_there_even_where_its_rating_says_nothing() -> None:
    model, history = model_of("clip"), histories().take(np.array([4]))
    loss = replace(LOSS, regularization=1e9, bias_regularization=1e9)  # ratings cannot move such a user
    assert isinstance(model.user_side, ImplicitHistory)
    model = replace(model, user_side=replace(model.user_side, loss=loss))
    prior = prior_of(model, history, 0)
    np.testing.assert_allclose(model.fold_in(history).factors[0], prior, atol=1e-6)
    values = model.contributions(history, np.array([5], np.int32)).values[0]
    assert values.sum() == pytest.approx(float(prior @ model.item_factors[5]), abs=1e-6)
    assert np.abs(values).min() > 0.0


def test_without_history_factors_it_is_the_loss_alone() -> None:
    model, history = model_of("sigmoid", history_scale=0.0), histories()
    np.testing.assert_allclose(
        model.fold_in(history).factors, replace(model, user_side=LOSS).fold_in(history).factors, atol=1e-7
    )


def test_saved_priors_fold_in_to_the_same_bits(tmp_path: Path) -> None:
    made = factors_recommender()
    assert isinstance(made.model, FactorModel)
    assert isinstance(made.model.user_side, UserLoss)
    history_factors = np.arange(10, dtype=np.float32).reshape(5, 2) / np.float32(16)
    side = ImplicitHistory(made.model.user_side, history_factors)
    made = replace(made, model=replace(made.model, user_side=side))
    loaded = load(save(made, tmp_path / "saved"))
    everything = np.tile(np.arange(5, dtype=np.int32), (6, 1))
    history = made.train.interactions.by_user
    before, after = (one.model.fold_in(history).score(everything) for one in (made, loaded))
    np.testing.assert_array_equal(before, after)
    without = load(save(factors_recommender(), tmp_path / "without")).model.fold_in(history).score(everything)
    assert not np.array_equal(before, without)


def test_an_empty_history_gives_zeros_and_no_reasons() -> None:
    state = model_of("sigmoid").fold_in(empty_rows(2, N_ITEMS))
    assert not state.factors.any()
    assert not state.bias.any()
    none = model_of("sigmoid").contributions(empty_rows(1, N_ITEMS), np.array([3], np.int32))
    assert none.values.shape == (1, 0)


def test_a_history_is_folded_in_the_same_alone_and_in_a_batch() -> None:
    model, history = model_of("sigmoid"), histories()
    together = model.fold_in(history)
    for row in range(history.n_rows):
        alone = model.fold_in(history.take(np.array([row])))
        np.testing.assert_allclose(alone.factors[0], together.factors[row], atol=1e-5)
