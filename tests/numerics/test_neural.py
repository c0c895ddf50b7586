"""Gradients, losses, optimizers and fits of the models trained by PyTorch, against independent calculations."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from tastemap.data import Interactions, RatingScale, make_interactions
from tastemap.errors import InvalidValueError, TastemapError
from tastemap.linalg.csr import row_numbers
from tastemap.linalg.types import Float64Array
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.neural import losses
from tastemap.neural.device import own_threads, pick_device
from tastemap.neural.dot import DotProduct
from tastemap.neural.fit import epochs, fit
from tastemap.neural.optimizers import SGD, Adam
from tastemap.neural.schedule import one_cycle
from tests.toys import planted

SMALL = {"n_factors": 3, "batch_size": 64, "learning_rate": 0.05, "n_epochs": 4}


def small(**change: object) -> DotConfig:
    return DotConfig.model_validate({**SMALL, **change})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def train() -> Interactions:
    return planted().interactions


def predictions(model: FactorModel, data: Interactions) -> Float64Array:
    return model.link.apply(model.users(data.user_index).score(data.item_index[:, None])[:, 0])


def refit_predictions(model: FactorModel, data: Interactions) -> Float64Array:
    """Predictions of the training rows when every user is folded in from the training history."""
    rows = row_numbers(data.by_user.indptr)
    states = model.fold_in(data.by_user).take(rows)
    return model.link.apply(states.score(data.item_index[:, None])[:, 0])


def rms(values: Float64Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def numeric_gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Central differences, entry by entry."""
    gradient, step = torch.zeros_like(at), 1e-6
    for place in np.ndindex(*at.shape):
        there = at.clone()
        there[place] += step
        back = at.clone()
        back[place] -= step
        gradient[place] = (function(there) - function(back)) / (2.0 * step)
    return gradient


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(rng(seed).normal(size=shape))


ITEMS = doubles(5, 3, seed=1)
USERS_OF_BATCH, ITEMS_OF_BATCH = torch.tensor([0, 2, 2, 3]), torch.tensor([4, 0, 4, 1])
RATINGS = torch.tensor([4.0, 2.0, 5.0, 3.0], dtype=torch.float64)


def batch_loss(user_factors: Tensor, rating_range: tuple[float, float] | None) -> Tensor:
    module = DotProduct(
        user_factors, ITEMS, user_bias=True, item_bias=True, global_bias=0.3, rating_range=rating_range
    )
    module.user_factors = nn.Parameter(user_factors, requires_grad=False)
    return losses.mean_squared_error(module(USERS_OF_BATCH, ITEMS_OF_BATCH), RATINGS)


DIFFERENTIABLE: dict[str, Callable[[Tensor], Tensor]] = {
    "mean_squared_error": lambda x: losses.mean_squared_error(x[:, 0], RATINGS),
    "mean_squared_norm": losses.mean_squared_norm,
    "gravity": lambda x: losses.gravity(x, ITEMS),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_gradient_of_a_loss_is_its_finite_difference(name: str) -> None:
    at = doubles(4, 3).requires_grad_()
    DIFFERENTIABLE[name](at).backward()  # type: ignore[no-untyped-call]
    assert at.grad is not None
    expected = numeric_gradient(DIFFERENTIABLE[name], at.detach())
    torch.testing.assert_close(at.grad, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("rating_range", [None, (0.5, 5.5)])
def test_the_gradient_of_the_module_is_its_finite_difference(rating_range: tuple[float, float] | None) -> None:
    users = doubles(4, 3, seed=2)
    module = DotProduct(
        users.clone(), ITEMS, user_bias=True, item_bias=True, global_bias=0.3, rating_range=rating_range
    )
    losses.mean_squared_error(module(USERS_OF_BATCH, ITEMS_OF_BATCH), RATINGS).backward()  # type: ignore[no-untyped-call]
    assert module.user_factors.grad is not None
    expected = numeric_gradient(lambda x: batch_loss(x, rating_range), users)
    torch.testing.assert_close(module.user_factors.grad, expected, rtol=1e-6, atol=1e-8)


def test_gravity_by_gramians_is_the_dense_mean_over_all_pairs() -> None:
    users = doubles(7, 3)
    torch.testing.assert_close(losses.gravity(users, ITEMS), (users @ ITEMS.T).square().mean())


def test_long_sums_are_taken_in_chunks_without_losing_a_row() -> None:
    users, items = doubles(2 * losses.CHUNK + 5, 2), doubles(losses.CHUNK + 1, 2, seed=1)
    gramians = (users.T @ users) * (items.T @ items)
    torch.testing.assert_close(losses.gravity(users, items), gramians.sum() / (len(users) * len(items)))
    torch.testing.assert_close(losses.mean_squared_norm(users), users.square().sum() / len(users))
    zeros = torch.zeros(len(users), dtype=torch.float64)
    torch.testing.assert_close(losses.mean_squared_error(users[:, 0], zeros), users[:, 0].square().mean())


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_an_optimizer_takes_the_same_steps_as_its_namesake_in_torch(kind: str) -> None:
    ours, theirs = (nn.Parameter(doubles(4, 3)) for _ in range(2))
    if kind == "sgd":
        mine: SGD | Adam = SGD([(ours, 0.1)])
        reference: torch.optim.Optimizer = torch.optim.SGD([theirs], lr=0.01, momentum=0.9, weight_decay=0.1)
    else:
        mine = Adam([(ours, 0.1)], beta2=0.99, epsilon=1e-5, decoupled=kind == "adamw")
        optimizer = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
        reference = optimizer([theirs], lr=0.01, betas=(0.9, 0.99), eps=1e-5, weight_decay=0.1)
    for _ in range(20):
        for parameter in (ours, theirs):
            parameter.grad = None
            losses.gravity(parameter, ITEMS).backward()  # type: ignore[no-untyped-call]
        mine.step(0.01, 0.9)
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_one_cycle_rises_for_a_quarter_of_the_steps_and_falls_to_a_trace() -> None:
    schedule = one_cycle(0.5, 1000)
    rates, momenta = zip(*(schedule(step) for step in range(1000)), strict=True)
    assert rates[0] == pytest.approx(0.5 / 25)
    assert np.argmax(rates) == np.argmin(momenta) == 250
    assert [rates[250], momenta[250]] == pytest.approx([0.5, 0.85])
    assert list(schedule(1000)) == pytest.approx([0.5e-5, 0.95])
    assert np.all(np.diff(rates[:251]) > 0.0)
    assert np.all(np.diff(rates[250:]) < 0.0)


def test_planted_factors_are_recovered_down_to_the_noise() -> None:
    data = planted(150, 100, 3, density=0.3, noise=0.1, seed=3).interactions
    held_out = rng(1).random(len(data)) < 0.1
    config = DotConfig(
        n_factors=3,
        sigmoid=False,
        init_std=0.1,
        batch_size=128,
        n_epochs=40,
        learning_rate=0.03,
        regularization=3e-4,
    )
    model = fit(data.select(~held_out), config, rng=rng())
    test = data.select(held_out)
    assert test.n_users <= model.n_users
    users = data.select(~held_out).users.indices(test.users.ids)[test.user_index]
    items = data.select(~held_out).items.indices(test.items.ids)[test.item_index]
    predicted = model.link.apply(model.users(users).score(items[:, None])[:, 0])
    assert float(test.values.std()) > 0.7
    assert rms(predicted - test.values) < 0.2


def test_the_same_seed_gives_the_same_model_and_another_seed_another() -> None:
    first, again, other = (fit(train(), small(), rng=rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.user_factors, again.user_factors)
    np.testing.assert_array_equal(first.item_bias, again.item_bias)
    assert not np.array_equal(first.user_factors, other.user_factors)


ALONE: list[tuple[dict[str, object], dict[str, object]]] = [
    ({}, {"n_factors": 4}),
    ({}, {"user_bias": False}),
    ({}, {"item_bias": False}),
    ({}, {"global_mean": False}),
    ({}, {"sigmoid": False}),
    ({}, {"range_margin": 1.0}),
    ({}, {"range_low": 0.0}),
    ({}, {"range_high": 6.0}),
    ({}, {"init": "uniform"}),
    ({}, {"init_mean": 0.02}),
    ({}, {"init_std": 0.02}),
    ({}, {"optimizer": "sgd"}),
    ({}, {"optimizer": "adamw"}),
    ({}, {"learning_rate": 0.01}),
    ({}, {"schedule": "constant"}),
    ({"schedule": "constant"}, {"momentum": 0.5}),
    ({}, {"beta2": 0.9}),
    ({}, {"epsilon": 1e-3}),
    ({}, {"batch_size": 32}),
    ({}, {"n_epochs": 5}),
    ({}, {"stop_epoch": 1}),
    ({}, {"regularization": 1e-4}),
    ({"optimizer": "adamw"}, {"weight_decay": 0.1}),
    ({}, {"bias_share": 0.5}),
    ({}, {"factor_regularization": 0.1}),
    ({}, {"gravity": 0.1}),
]


@pytest.mark.parametrize(("beside", "change"), ALONE, ids=lambda setting: "-".join(setting) or "defaults")
def test_each_option_alone_changes_the_predictions(
    beside: dict[str, object], change: dict[str, object]
) -> None:
    settings: dict[str, object] = {**SMALL, "n_epochs": 2, **beside}
    base = fit(train(), DotConfig.model_validate(settings), rng=rng())
    changed = fit(train(), DotConfig.model_validate({**settings, **change}), rng=rng())
    assert not np.array_equal(predictions(base, train()), predictions(changed, train()))


def test_every_option_of_the_config_is_tested_alone() -> None:
    tested = {option for _, change in ALONE for option in change}
    assert set(DotConfig.model_fields) - tested == {"device", "validation_fraction", "patience", "tolerance"}


def test_an_epoch_reports_the_parts_of_its_loss() -> None:
    config = small(factor_regularization=0.2, gravity=0.3)
    *_, last = epochs(train(), config, rng=rng())
    assert set(last.losses) == {"loss", "train_rmse", "regularization", "gravity"}
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
    with pytest.raises(TastemapError, match=r"learning_rate.*(inf|nan) in epoch \d+, step \d+.*a tenth"):
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
    [{}, {"sigmoid": False}, {"user_bias": False}, {"factor_regularization": 0.05}, {"gravity": 0.3}],
    ids=lambda change: "-".join(change) or "l2",
)
def test_at_convergence_fold_in_returns_the_fitted_rows(change: dict[str, object]) -> None:
    data = planted(30, 20, density=0.5).interactions
    model = fit(data, DotConfig.model_validate({**CONVERGED, **change}), rng=rng())
    folded = model.fold_in(data.by_user)
    assert rms(model.user_factors.astype(np.float64)) > 0.05
    np.testing.assert_allclose(folded.factors, model.user_factors, atol=2e-3)
    np.testing.assert_allclose(folded.bias, model.user_bias, atol=2e-3)


def test_the_user_loss_has_the_weights_of_the_training_loss() -> None:
    data = train()
    config = small(regularization=0.01, bias_share=0.25, factor_regularization=0.5, gravity=2.0)
    loss = fit(data, config, rng=rng()).user_side
    n = len(data)
    assert loss is not None
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
    ],
)
def test_training_histories_fold_in_close_to_the_fitted_users(
    settings: dict[str, object], bound: float
) -> None:
    data = planted(150, 100, density=0.3).interactions
    config = DotConfig.model_validate({"n_factors": 8, "batch_size": 128, "learning_rate": 0.02, **settings})
    model = fit(data, config, rng=rng())
    assert rms(predictions(model, data) - data.values) < 0.75 * float(data.values.std())
    assert rms(refit_predictions(model, data) - predictions(model, data)) < bound


def test_without_biases_or_mean_their_places_are_zero() -> None:
    config = small(user_bias=False, item_bias=False, global_mean=False, sigmoid=False)
    model = fit(train(), config, rng=rng())
    assert model.global_bias == 0.0
    assert not model.user_bias.any()
    assert not model.item_bias.any()
    assert model.user_side is not None
    assert model.user_side.bias_regularization is None
    assert model.link.kind == "clip"


def test_the_sigmoid_starts_at_the_mean_rating() -> None:
    config = DotConfig(n_factors=2, init_std=1e-6, learning_rate=1e-9, n_epochs=1)
    model = fit(train(), config, rng=rng())
    np.testing.assert_allclose(predictions(model, train()), train().values.mean(), atol=1e-4)
    assert (model.link.low, model.link.high) == (0.5, 5.5)


def test_a_history_of_one_rating_folds_in_without_a_penalty() -> None:
    ratings = np.array([1.0, 5.0, 4.0, 2.0, 5.0], np.float32)
    data, _ = make_interactions([1, 2, 2, 3, 3], [1, 1, 2, 2, 3], ratings, rating_scale=RatingScale(1.0, 5.0))
    model = fit(data, DotConfig(n_factors=4, regularization=0.0, n_epochs=2), rng=rng())
    assert np.isfinite(refit_predictions(model, data)).all()


def test_the_device_falls_back_to_the_processor_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == (torch.device("cpu"), None)
    assert pick_device("cpu") == (torch.device("cpu"), None)
    device, note = pick_device("cuda")
    assert device == torch.device("cpu")
    assert note is not None
    assert "no CUDA device" in note


def test_the_number_of_torch_threads_is_restored() -> None:
    before = torch.get_num_threads()
    with own_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


DIGEST = """
import hashlib, numpy as np, torch
from tastemap.models.dot import DotConfig
from tastemap.neural import device, fit as neural
from tests.toys import planted
device.WORTH_SHARING = 1  # several threads even on small tensors
data = planted(9_000, 200, density=0.02).interactions
settings = dict(n_factors=9, batch_size=8192, n_epochs=2, factor_regularization=0.1)
for change in ({}, {"optimizer": "adamw", "weight_decay": 0.1}, {"optimizer": "sgd"}, {"gravity": 0.1}):
    model = neural.fit(data, DotConfig(**settings, **change), rng=np.random.default_rng(0))
    arrays = (model.user_factors, model.item_factors, model.user_bias, model.item_bias)
    print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest(), model.user_side)
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
    assert len(set(printed[0])) == 5
    assert printed[0] == printed[1]
