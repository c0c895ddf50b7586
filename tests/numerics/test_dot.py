"""Fits of ``dot`` by PyTorch, and how its users fold in, against independent calculations."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

from tastemap.data import Catalog, Dataset, Interactions, LoadReport, RatingScale, make_interactions
from tastemap.errors import DivergedError, InvalidValueError
from tastemap.linalg.csr import row_numbers
from tastemap.linalg.types import Float64Array
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss
from tastemap.neural.fit_dot import epochs, fit
from tests.toys import planted, planted_ratings

SMALL = {"n_factors": 3, "batch_size": 64, "learning_rate": 0.05, "n_epochs": 4}


def small(**change: object) -> DotConfig:
    return DotConfig.model_validate({**SMALL, **change})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def train() -> Dataset:
    return planted()


def predictions(model: FactorModel, data: Interactions) -> Float64Array:
    return model.link.apply(model.users(data.user_index).score(data.item_index[:, None])[:, 0])


def refit_predictions(model: FactorModel, data: Interactions) -> Float64Array:
    """Predictions of the training rows when every user is folded in from the training history."""
    rows = row_numbers(data.by_user.indptr)
    states = model.fold_in(data.by_user).take(rows)
    return model.link.apply(states.score(data.item_index[:, None])[:, 0])


def rms(values: Float64Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def test_planted_factors_are_recovered_down_to_the_noise() -> None:
    dataset = planted(150, 100, 3, density=0.3, noise=0.1, seed=3)
    config = DotConfig(
        n_factors=3,
        sigmoid=False,
        init_std=0.1,
        batch_size=128,
        n_epochs=40,
        learning_rate=0.03,
        regularization=3e-4,
    )
    model = fit(dataset, config, rng=rng())
    truth = planted_ratings(150, 100, 3, rng(3))
    predicted = model.link.apply(model.users(np.arange(150)).score_range().astype(np.float64))
    unseen = np.ones(truth.shape, np.bool_)
    unseen[dataset.interactions.user_index, dataset.interactions.item_index] = False
    assert float(truth[unseen].std()) > 0.7
    assert rms((predicted - truth)[unseen]) < 0.17
    # every planted direction is there, the weakest too
    planted_directions = np.linalg.svd(truth - truth.mean(), full_matrices=False)[2][:3]
    found_directions = np.linalg.svd(predicted - predicted.mean(), full_matrices=False)[2][:3]
    cosines = np.linalg.svd(planted_directions @ found_directions.T, compute_uv=False)
    assert cosines.min() > 0.98


def test_the_same_seed_gives_the_same_model_and_another_seed_another() -> None:
    first, again, other = (fit(train(), small(), rng=rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.user_factors, again.user_factors)
    np.testing.assert_array_equal(first.item_bias, again.item_bias)
    assert not np.array_equal(first.user_factors, other.user_factors)


def test_an_epoch_reports_the_parts_of_its_loss() -> None:
    config = small(factor_regularization=0.2, gravity=0.3)
    *_, last = epochs(train(), config, rng=rng())
    assert set(last.losses) == {"loss", "train_rmse", "regularization", "gravity", "learning_rate"}
    parts = last.losses["train_rmse"] ** 2 + last.losses["regularization"] + last.losses["gravity"]
    assert last.losses["loss"] == pytest.approx(parts)


def test_a_stopped_run_is_repeated_by_its_resolved_settings() -> None:
    config = small(n_epochs=6)
    models = [epoch.model for epoch in epochs(train(), config, rng=rng())]
    repeated = [epoch.model for epoch in epochs(train(), config.resolved(3), rng=rng())]
    assert (len(models), len(repeated)) == (6, 3)
    np.testing.assert_array_equal(models[2].user_factors, repeated[2].user_factors)
    assert models[2].user_side == repeated[2].user_side


def test_a_model_that_was_yielded_stays_as_it_was() -> None:
    models = epochs(train(), small(), rng=rng())
    first = next(models).model
    before = first.user_factors.copy()
    second = next(models).model
    np.testing.assert_array_equal(first.user_factors, before)
    assert not np.array_equal(second.user_factors, before)


def test_a_loss_that_is_no_longer_finite_stops_with_advice() -> None:
    config = DotConfig(sigmoid=False, optimizer="sgd", schedule="constant", learning_rate=1000.0)
    with pytest.raises(DivergedError, match=r"learning_rate.*(inf|nan) in epoch \d+, step \d+.*a tenth"):
        fit(train(), config, rng=rng())


def test_a_range_that_leaves_out_the_mean_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"range_low and range_high must enclose.*0\.5 and 1"):
        fit(train(), DotConfig(range_high=1.0), rng=rng())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"optimizer": "adamw", "regularization": 0.1}, "set weight_decay instead"),
        ({"optimizer": "sgd", "weight_decay": 0.1}, "set regularization, or optimizer=adamw"),
        ({"range_low": 5.0, "range_high": 1.0}, "range_low must be below range_high"),
        ({"n_epochs": 3, "stop_epoch": 4}, "stop_epoch must be <= n_epochs"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DotConfig.model_validate(settings)


# A full-batch run to the minimum, so that the fitted rows are the minimum of the user loss.
CONVERGED: dict[str, object] = {
    "n_factors": 3,
    "optimizer": "adam",
    "schedule": "one-cycle",
    "learning_rate": 0.03,
    "batch_size": 100_000,
    "n_epochs": 3000,
    "init_std": 0.3,
    "bias_share": 0.5,
    "regularization": 4e-3,
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sigmoid": False},
        {"user_bias": False},
        {"factor_regularization": 0.05},
        {"gravity": 0.3},
        {"implicit_history": True},
    ],
    ids=lambda change: "-".join(change) or "l2",
)
def test_at_convergence_fold_in_returns_the_fitted_rows(change: dict[str, object]) -> None:
    dataset = planted(30, 20, density=0.5)
    data = dataset.interactions
    model = fit(dataset, DotConfig.model_validate({**CONVERGED, **change}), rng=rng())
    folded = model.fold_in(data.by_user)
    assert rms(model.user_factors.astype(np.float64)) > 0.05
    np.testing.assert_allclose(folded.factors, model.user_factors, atol=2e-3)
    np.testing.assert_allclose(folded.bias, model.user_bias, atol=2e-3)


def test_the_user_loss_has_the_weights_of_the_training_loss() -> None:
    dataset = train()
    data = dataset.interactions
    config = small(regularization=0.01, bias_share=0.25, factor_regularization=0.5, gravity=2.0)
    loss = fit(dataset, config, rng=rng()).user_side
    n = len(data)
    assert isinstance(loss, UserLoss)
    assert loss.regularization == pytest.approx(n * 0.01 / 2 + n * 0.5 / data.n_users)
    assert loss.bias_regularization == pytest.approx(n * 0.01 * 0.25 / 2)
    assert loss.unobserved_weight == pytest.approx(n * 2.0 / (data.n_users * data.n_items))
    assert loss.frequency_power == 0.0


@pytest.mark.parametrize(
    ("settings", "bound"),
    [
        ({}, 0.1),
        ({"optimizer": "adamw", "weight_decay": 0.5}, 0.15),
        ({"regularization": 0.0}, 0.25),
        ({"optimizer": "adamw", "weight_decay": 0.3, "gravity": 0.2}, 0.15),
        ({"optimizer": "adamw", "weight_decay": 0.3, "implicit_history": True}, 0.15),
    ],
)
def test_training_histories_fold_in_close_to_the_fitted_users(
    settings: dict[str, object], bound: float
) -> None:
    dataset = planted(150, 100, density=0.3)
    data = dataset.interactions
    config = DotConfig.model_validate({"n_factors": 8, "batch_size": 128, "learning_rate": 0.02, **settings})
    model = fit(dataset, config, rng=rng())
    assert rms(predictions(model, data) - data.values) < 0.75 * float(data.values.std())
    assert rms(refit_predictions(model, data) - predictions(model, data)) < bound


def test_without_biases_or_mean_their_places_are_zero() -> None:
    config = small(user_bias=False, item_bias=False, global_mean=False, sigmoid=False)
    model = fit(train(), config, rng=rng())
    assert model.global_bias == 0.0
    assert not model.user_bias.any()
    assert not model.item_bias.any()
    assert isinstance(model.user_side, UserLoss)
    assert model.user_side.bias_regularization is None
    assert model.link.kind == "clip"


def test_the_sigmoid_starts_at_the_mean_rating() -> None:
    config = DotConfig(n_factors=2, init_std=1e-6, learning_rate=1e-9, n_epochs=1)
    model = fit(train(), config, rng=rng())
    np.testing.assert_allclose(
        predictions(model, train().interactions), train().interactions.values.mean(), atol=1e-4
    )
    assert (model.link.low, model.link.high) == (0.5, 5.5)


def test_a_history_of_one_rating_folds_in_without_a_penalty() -> None:
    ratings = np.array([1.0, 5.0, 4.0, 2.0, 5.0], np.float32)
    data, _ = make_interactions([1, 2, 2, 3, 3], [1, 1, 2, 2, 3], ratings, rating_scale=RatingScale(1.0, 5.0))
    dataset = Dataset("five", data, Catalog.empty(), None, LoadReport(5, 5))
    model = fit(dataset, DotConfig(n_factors=4, regularization=0.0, n_epochs=2), rng=rng())
    assert np.isfinite(refit_predictions(model, data)).all()


DIGEST = """
import hashlib, numpy as np, torch
from tastemap.models.dot import DotConfig
from tastemap.neural import device, fit_dot as neural
from tests.toys import planted
device.WORTH_SHARING = 1  # several threads even on small tensors
data = planted(9_000, 200, density=0.02)
settings = dict(n_factors=9, batch_size=8192, n_epochs=2, factor_regularization=0.1)
changes = (
    {},
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "sgd"},
    {"gravity": 0.1},
    {"implicit_history": True},
)
for change in changes:
    model = neural.fit(data, DotConfig(**settings, **change), rng=np.random.default_rng(0))
    arrays = (model.user_factors, model.item_factors, model.user_bias, model.item_bias)
    loss = getattr(model.user_side, "loss", model.user_side)
    print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest(), loss)
"""


def test_one_and_two_threads_give_the_same_bytes() -> None:
    printed = []
    for threads in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "TASTEMAP_THREADS": threads},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        printed.append(run.stdout.split("\n"))
    assert len(set(printed[0])) == 6
    assert printed[0] == printed[1]
