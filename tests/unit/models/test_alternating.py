"""Both alternating solvers, ``ials`` and ``als``: what they say of their loss, and what their settings do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from tastemap.data import Dataset
from tastemap.errors import DataError, DivergedError
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float64Array
from tastemap.models import als, ials
from tastemap.models.als import ALSConfig
from tastemap.models.factor import FactorModel
from tastemap.models.history_bags import history_bags
from tastemap.models.history_regression import HistoryRegression
from tastemap.models.ials import IALSConfig
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.leading_rows import leading_rows
from tastemap.models.user_loss import UserLoss
from tastemap.training import fit
from tests.toys import communities, planted

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "biases": {"biases": True, "bias_regularization": 0.7},
    "biases, no unseen pairs": {"biases": True, "unobserved_weight": 0.0, "regularization": 0.5},
    "ratings": {"alpha": 0.5},
    "counts": {"alpha": 2.0, "log_values": True, "frequency_power": 0.5},
    "recency": {"recency": 4.0, "recency_half_life": 2.0, "alpha": 0.3},
    "recency and biases": {"recency": 4.0, "biases": True},
    "popular unseen pairs": {"unobserved_power": 0.4},
    "gradients, popular unseen pairs": {"unobserved_power": 0.4, "solver": "cg"},
    "gradients": {"solver": "cg", "cg_steps": 2, "recency": 1.0},
}


def timed() -> Dataset:
    """Ratings at times that often fall together."""
    data = planted()
    times = np.random.default_rng(5).integers(0, 40, len(data.interactions))
    return replace(data, interactions=replace(data.interactions, timestamps=times))


def configured(name: str, **more: object) -> IALSConfig:
    """A config of `ials`, small enough for a toy."""
    common = {"n_factors": 4, "n_epochs": 4, "regularization": 0.02, "unobserved_weight": 0.2}
    return IALSConfig.model_validate(common | SETTINGS[name] | more)


def confidences(config: IALSConfig, history: CSR) -> Float64Array:
    """c of each entry, one entry after the other."""
    assert history.times is not None
    weights = []
    for row in range(history.n_rows):
        span = slice(history.indptr[row], history.indptr[row + 1])
        for value, time in zip(history.values[span].tolist(), history.times[span].tolist(), strict=True):
            age = int((history.times[span] > time).sum())
            told = np.log1p(value) if config.log_values else value
            weights.append(
                (1 + config.alpha * told) * (1 + config.recency * 0.5 ** (age / config.recency_half_life))
            )
    return np.array(weights)


def written_objective(data: Dataset, model: FactorModel, config: IALSConfig) -> float:
    """The objective of the module's first lines, over every pair, divided by the number of seen ones."""
    seen = data.interactions
    X, Y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    b, c = model.user_bias.astype(np.float64), model.item_bias.astype(np.float64)
    score = X @ Y.T + b[:, None] + c
    at_seen = score[seen.user_index, seen.item_index]
    total = float(confidences(config, seen.by_user) @ (1.0 - at_seen) ** 2)
    shares = seen.popularity**config.unobserved_power
    shares = shares / shares.mean()
    total += config.unobserved_weight * float((shares * score**2).sum())
    for rows, factors, n_others in ((seen.by_user, X, seen.n_items), (seen.by_item, Y, shares * seen.n_users)):
        work = (rows.row_lengths + config.unobserved_weight * n_others) ** config.frequency_power
        total += config.regularization * float(work @ (factors**2).sum(axis=1))
    return (total + config.bias_regularization * float((b**2).sum() + (c**2).sum())) / len(seen)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_loss_that_ials_tells_is_the_written_one_and_never_rises(name: str) -> None:
    data, config = timed(), configured(name)
    told = []
    for epoch in ials.epochs(data, config, rng=np.random.default_rng(0)):
        told.append(epoch.losses["loss"])
        assert told[-1] == pytest.approx(written_objective(data, epoch.model, config), rel=1e-5)
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(told))
    assert told[-1] < told[0]


@pytest.mark.parametrize("name", SETTINGS)
def test_no_step_aside_of_a_user_lowers_the_objective_of_ials(name: str) -> None:
    data, config, rng = timed(), configured(name), np.random.default_rng(1)
    model = ials.fit(data, config, rng=np.random.default_rng(0))
    least = written_objective(data, model, config)
    for _ in range(128):
        aside = replace(
            model,
            user_factors=model.user_factors + (0.02 * rng.normal(size=model.user_factors.shape)).astype("f4"),
            user_bias=model.user_bias + (0.02 * config.biases * rng.normal(size=model.n_users)).astype("f4"),
        )
        assert written_objective(data, aside, config) > least


@pytest.mark.parametrize("name", SETTINGS)
def test_no_item_of_a_fit_that_has_settled_would_be_better_longer_or_shorter(name: str) -> None:
    data, config = timed(), configured(name, n_epochs=300)
    model = ials.fit(data, config, rng=np.random.default_rng(0))
    least = written_objective(data, model, config)
    for item, factor in product(range(model.n_items), (0.97, 1.03)):
        aside = model.item_factors.copy()
        aside[item] *= factor
        assert written_objective(data, replace(model, item_factors=aside), config) > least - 1e-9


@pytest.mark.parametrize("name", SETTINGS)
def test_a_fitted_user_is_what_folding_the_history_in_gives(name: str) -> None:
    data = timed()
    model = ials.fit(data, configured(name), rng=np.random.default_rng(0))
    folded = model.fold_in(data.interactions.by_user)
    np.testing.assert_allclose(folded.factors, model.user_factors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(folded.bias, model.user_bias, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", SETTINGS)
def test_reasons_add_up_with_every_kind_of_confidence_and_biases(name: str) -> None:
    data = timed()
    model = ials.fit(data, configured(name), rng=np.random.default_rng(0))
    for user in range(0, model.n_users, 5):
        history = data.interactions.by_user.take(np.array([user]))
        split = model.contributions(history, np.array([3], np.int32))
        score = model.users(np.array([user])).score(np.array([[3]], np.int32))[0, 0]
        assert split.baseline[0] + split.values.sum() == pytest.approx(score, abs=1e-4)


def test_a_fit_by_gradients_that_is_cut_is_repeated_by_what_it_resolved_to() -> None:
    settings = {"solver": "cg", "cg_steps": 1, "n_epochs": 8, "n_factors": 4, "validation_fraction": 0.0}
    asked = []

    def stop(phase: str, done: int) -> bool:
        asked.append(done)
        return done == 3

    cut = fit(timed(), "ials", settings=settings, rng=0, stop=stop)
    again = fit(timed(), "ials", settings=cut.resolved.model_dump(), rng=0)
    assert cut.interrupted
    assert len(asked) == 3
    left, right = cut.model, again.model
    assert isinstance(left, FactorModel)
    assert isinstance(right, FactorModel)
    assert left.user_factors.tobytes() == right.user_factors.tobytes()
    folded = left.fold_in(timed().interactions.by_user)
    np.testing.assert_allclose(folded.factors, left.user_factors, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", ["als", "ials"])
def test_systems_that_are_singular_up_to_rounding_are_told_with_what_to_do(model: str) -> None:
    settings: dict[str, object] = {"n_factors": 39, "regularization": 1e-9, "validation_fraction": 0.0}
    if model == "ials":
        settings["unobserved_weight"] = 0.0
    with pytest.raises(DivergedError, match="Raise regularization, or lower n_factors"):
        fit(timed(), model, settings=settings, rng=0, keep_partial=False)


def test_gradients_come_to_where_exact_solves_come() -> None:
    data = timed()
    losses = {
        solver: [
            epoch.losses["loss"]
            for epoch in ials.epochs(
                data,
                configured("plain", solver=solver, n_epochs=12, init="random"),
                rng=np.random.default_rng(0),
            )
        ][-1]
        for solver in ("cholesky", "cg")
    }
    assert losses["cg"] == pytest.approx(losses["cholesky"], rel=2e-3)


def test_leading_rows_span_the_leading_directions_of_what_was_seen() -> None:
    train, rng = timed().interactions, np.random.default_rng(4)
    M = np.zeros((train.n_users, train.n_items))
    M[train.user_index, train.item_index] = 1.0
    start = rng.normal(size=(train.n_users, 10)).astype(np.float32)
    found = leading_rows(train, start)
    first = np.linalg.svd(M)[0][:, 0]  # the direction of all activity, far ahead of the others
    span = np.linalg.qr(found.astype(np.float64))[0]
    assert np.linalg.norm(span.T @ first) > 0.99
    assert np.square(found).mean() == pytest.approx(np.square(start).mean(), rel=1e-4)
    squares = found.astype(np.float64).T @ found
    np.testing.assert_allclose(squares / squares[0, 0], np.eye(10), atol=1e-4)


def test_more_factors_than_the_data_has_directions_stay_finite() -> None:
    model = ials.fit(timed(), configured("plain", n_factors=80, init="leading"), rng=np.random.default_rng(0))
    assert np.isfinite(model.user_factors).all()
    assert np.isfinite(model.item_factors).all()


def test_a_start_from_leading_directions_is_ahead_after_one_epoch() -> None:
    losses = {}
    for init in ("random", "leading"):
        config = configured("plain", init=init, n_epochs=1)
        losses[init] = next(ials.epochs(timed(), config, rng=np.random.default_rng(0))).losses["loss"]
    assert losses["leading"] < losses["random"]


def test_the_latest_interaction_weighs_most_and_a_history_without_times_is_all_latest() -> None:
    loss = configured("recency", alpha=0.0).row_loss()
    timed = CSR(
        np.array([0, 4]), np.arange(4, dtype=np.int32), np.ones(4, np.float32), 4, np.array([30, 10, 20, 30])
    )
    assert loss.confidences(timed).tolist() == pytest.approx([5.0, 1.0 + 4.0 * 0.5**1.5, 3.0, 5.0])
    assert loss.confidences(replace(timed, times=None)).tolist() == [5.0] * 4


def test_a_confidence_that_is_not_positive_is_refused_with_what_to_do() -> None:
    history = CSR(np.array([0, 2]), np.arange(2, dtype=np.int32), np.array([3.0, -2.0], np.float32), 2)
    for log_values in (False, True):
        loss = UserLoss(0.1, implicit=True, alpha=0.5, log_values=log_values)
        with pytest.raises(DataError, match=r"Got a value of -2 with alpha 0\.5; lower alpha"):
            loss.confidences(history)


def test_biases_and_gradients_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="biases=true works with solver=cholesky or auto alone"):
        configured("biases", solver="cg")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"unobserved_power": 0.5, "biases": True}, "unobserved_power must be 0 with biases=true"),
        ({"log_values": True}, "alpha is 0"),
        ({"alpha": 1e300}, "less than or equal to"),
        ({"recency": 1e30}, "less than or equal to"),
        ({"init_std": 1e300}, "less than or equal to"),
    ],
)
def test_settings_of_ials_that_cannot_work_are_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IALSConfig.model_validate(settings)


def test_recency_without_times_is_refused() -> None:
    data = timed()
    untimed = replace(data, interactions=replace(data.interactions, timestamps=None))
    with pytest.raises(DataError, match="recency needs interactions with times"):
        fit(untimed, "ials", settings={"recency": 1.0}, rng=0)


def test_large_data_takes_gradients_unless_it_may_not() -> None:
    large = 24_500_000, 221_000
    steps = IALSConfig().cg_steps
    assert [IALSConfig(n_factors=d).steps_for(*large) for d in (16, 64, 128)] == [None, steps, steps]
    assert IALSConfig(biases=True).steps_for(*large) is None
    assert IALSConfig(solver="cholesky").steps_for(*large) is None
    assert IALSConfig(solver="cg", cg_steps=5).steps_for(1000, 100) == 5


def test_the_solver_is_chosen_by_operations_not_by_interactions() -> None:
    few_entries_many_rows = 71_000, 17_000  # nearly all of an exact epoch is factorizations
    assert IALSConfig(n_factors=128).steps_for(*few_entries_many_rows) == IALSConfig().cg_steps
    assert IALSConfig().steps_for(100_000, 2_625) is None  # a moment's work
    assert IALSConfig(cg_steps=40).steps_for(1_000_000, 10_000) is None  # so many steps save too little


ALS_SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "by history": {"implicit_history": True, "history_regularization": 2.0},
}


@pytest.mark.parametrize("name", ALS_SETTINGS)
def test_the_losses_that_als_tells_are_the_written_ones_and_never_rise(name: str) -> None:
    data, config = timed(), ALSConfig(n_factors=3, n_epochs=5, **ALS_SETTINGS[name])
    seen, told = data.interactions, []
    for epoch in als.epochs(data, config, rng=np.random.default_rng(0)):
        model, Z = epoch.model, np.zeros((seen.n_items, 3), np.float32)
        if isinstance(model.user_side, ImplicitHistory):
            Z = model.user_side.history_factors
        X, Y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
        b, c = model.user_bias.astype(np.float64), model.item_bias.astype(np.float64)
        score = (X @ Y.T + b[:, None] + c + model.global_bias)[seen.user_index, seen.item_index]
        squared = float(((seen.values - score) ** 2).sum())
        total = squared + config.bias_regularization * float((b**2).sum() + (c**2).sum())
        beyond = X - history_bags(seen.by_user, Z)
        for rows, factors in ((seen.by_user, beyond), (seen.by_item, Y)):
            work = rows.row_lengths**config.frequency_power
            total += config.regularization * float(work @ (factors**2).sum(axis=1))
        total += config.history_regularization * float((Z.astype(np.float64) ** 2).sum())
        told.append(epoch.losses["loss"])
        assert told[-1] == pytest.approx(total / len(seen), rel=1e-5)
        assert epoch.losses["train_rmse"] == pytest.approx(np.sqrt(squared / len(seen)), rel=1e-5)
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(told))


def test_a_user_fitted_with_a_history_prior_is_what_folding_the_history_in_gives() -> None:
    data = timed()
    config = ALSConfig(n_factors=3, n_epochs=5, **ALS_SETTINGS["by history"])
    model = als.fit(data, config, rng=np.random.default_rng(0))
    folded = model.fold_in(data.interactions.by_user)
    np.testing.assert_allclose(folded.factors, model.user_factors, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(folded.bias, model.user_bias, rtol=1e-3, atol=1e-5)


def test_a_prior_by_history_helps_where_what_is_owned_tells_the_community() -> None:
    data, shared = communities()
    held_out = shared & (np.random.default_rng(0).random(len(shared)) < 0.6)
    train = replace(data, interactions=data.interactions._keep(~held_out))
    test = data.interactions._keep(held_out)
    errors = {}
    for name, settings in ALS_SETTINGS.items():
        config = ALSConfig(n_factors=4, n_epochs=30, regularization=0.3, **settings)
        model = als.fit(train, config, rng=np.random.default_rng(0))
        score = model.users(test.user_index).score(test.item_index[:, None])[:, 0]
        errors[name] = float(np.sqrt(np.mean((test.values - score) ** 2)))
    assert errors["by history"] < 0.8 * errors["plain"]


def test_history_factors_come_to_the_closed_form_of_their_regression() -> None:
    train, rng = timed().interactions, np.random.default_rng(3)
    X = rng.normal(size=(train.n_users, 3)).astype(np.float32)
    regression = HistoryRegression(train, rng.uniform(0.5, 4.0, train.n_users), 1.5)
    H = np.zeros((train.n_users, train.n_items))
    H[train.user_index, train.item_index] = 1.0
    H /= np.sqrt(H.sum(axis=1, keepdims=True))
    A = H.T @ (regression.weights[:, None] * H) + 1.5 * np.eye(train.n_items)
    exact = np.linalg.solve(A, H.T @ (regression.weights[:, None] * X))
    found = np.zeros((train.n_items, 3), np.float32)
    for _ in range(12):
        found = regression.improved(found, X)
    np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(regression.priors(found), H @ exact, rtol=1e-3, atol=1e-4)
