"""Full batches: dot products of fixed pairs, rows in parts, models made when they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tastemap.linalg.types import Float32Array
from tastemap.models.dot import DotConfig
from tastemap.models.mlp import MLPConfig
from tastemap.neural import fit_dot, fit_mlp
from tastemap.neural.pairs import pair_dots
from tests.toys import planted

PLAIN = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "batch_size": 100_000}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_dots_of_fixed_pairs_and_their_gradients_are_those_of_gathered_rows() -> None:
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(6, 3, generator=draw, requires_grad=True)
    Y = torch.randn(5, 3, generator=draw, requires_grad=True)
    users, items = torch.tensor([0, 0, 2, 2, 2, 5]), torch.tensor([1, 4, 0, 1, 3, 4])  # users 1, 3, 4 have none
    by_item = torch.argsort(items, stable=True)
    weights = torch.randn(6, generator=draw)

    gathered = (X[users] * Y[items]).sum(dim=1)
    expected = torch.autograd.grad(gathered @ weights, (X, Y))
    dots = pair_dots(X, Y, users, items, by_item)
    found = torch.autograd.grad(dots @ weights, (X, Y))

    torch.testing.assert_close(dots, gathered)
    torch.testing.assert_close(found, expected)


def test_a_batch_in_parts_takes_the_same_step_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**PLAIN, "n_epochs": 3, "user_size": 3, "item_size": 3, "layers": (4,)}
    config, data = MLPConfig.model_validate(settings), planted()

    def scores() -> Float32Array:
        return fit_mlp.fit(data, config, rng=rng()).users(np.arange(5)).score_range()

    whole = scores()
    monkeypatch.setattr(fit_mlp, "ROWS_AT_ONCE", 100)
    assert data.interactions.n_users + data.interactions.n_items < len(data.interactions) / 2
    np.testing.assert_allclose(scores(), whole, rtol=1e-4, atol=1e-5)


def test_steps_without_momentum_follow_the_gradient() -> None:
    """With factors of zero only biases move: by the rate times the gradient of the mean squared error."""
    data = planted()
    settings = {**PLAIN, "n_epochs": 1, "sigmoid": False, "regularization": 0.0, "learning_rate": 1.0}
    config = DotConfig.model_validate({**settings, "init_std": 1e-12, "global_mean": False, "user_bias": False})
    model = fit_dot.fit(data, config, rng=rng())
    rows = data.interactions
    sums = np.bincount(rows.item_index, weights=rows.values, minlength=rows.n_items)
    np.testing.assert_allclose(model.item_bias, 2.0 * sums / len(rows), rtol=1e-5)


def test_the_model_of_an_epoch_is_made_once_and_stays_as_it_was() -> None:
    config = DotConfig.model_validate({**PLAIN, "n_epochs": 3})
    asked = [epoch.model for epoch in fit_dot.epochs(planted(), config, rng=rng())]
    again = [epoch.model for epoch in fit_dot.epochs(planted(), config.resolved(2), rng=rng())]
    np.testing.assert_array_equal(asked[1].item_factors, again[1].item_factors)
    assert not np.array_equal(asked[1].item_factors, asked[2].item_factors)
    first = next(iter(fit_dot.epochs(planted(), config, rng=rng())))
    assert first.model is first.model
