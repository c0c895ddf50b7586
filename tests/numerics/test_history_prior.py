"""``dot`` with implicit histories: the module of the priors, and what the fitted model makes of them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tastemap.linalg.csr import CSR, from_pairs
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.models.history_bags import history_bags
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.neural.fit_dot import fit
from tastemap.neural.history import HistoryPrior
from tests.toys import communities, planted

N_USERS, N_ITEMS, N_FACTORS = 6, 5, 3


def histories() -> CSR:
    """Six users; the fourth has nothing, and nobody has item 2."""
    rows = np.array([0, 0, 1, 2, 2, 2, 4, 5, 5])
    columns = np.array([0, 3, 4, 0, 1, 3, 4, 1, 4])
    return from_pairs(rows, columns, np.ones(len(rows), np.float32), (N_USERS, N_ITEMS))


def start(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(N_ITEMS, N_FACTORS)))


def test_the_priors_are_the_bags_of_history_factors() -> None:
    priors = HistoryPrior(histories(), start().float())().detach().numpy()
    np.testing.assert_allclose(priors, history_bags(histories(), start().float().numpy()), atol=1e-6)
    assert not priors[3].any()


def test_the_gradient_of_the_priors_is_its_finite_difference() -> None:
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=(N_USERS, N_FACTORS)))
    prior = HistoryPrior(histories(), start())
    (prior().tanh() * weights).sum().backward()
    gradient = prior.history_factors.grad
    assert gradient is not None
    assert not gradient[2].any()
    with torch.no_grad():
        for place in np.ndindex(N_ITEMS, N_FACTORS):
            losses = []
            for move in (1e-6, -2e-6):
                prior.history_factors[place] += move
                losses.append(float((prior().tanh() * weights).sum()))
            prior.history_factors[place] += 1e-6
            assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(float(gradient[place]), abs=1e-7)


def test_a_history_tells_of_a_taste_that_few_ratings_cannot() -> None:
    dataset, is_shared = communities()
    # most shared ratings are hidden: about one is left for each user
    hidden = is_shared & (np.random.default_rng(1).random(len(is_shared)) < 0.8)
    shown, test = dataset.select(~hidden), dataset.select(hidden).interactions
    users = shown.interactions.users.indices(test.users.ids)[test.user_index]
    items = shown.interactions.items.indices(test.items.ids)[test.item_index]
    errors = {}
    for implicit_history in (False, True):
        config = DotConfig(
            n_factors=4,
            implicit_history=implicit_history,
            batch_size=64,
            n_epochs=40,
            learning_rate=0.03,
            init_std=0.1,
        )
        model = fit(shown, config, rng=np.random.default_rng(0))
        predicted = model.link.apply(model.users(users).score(items[:, None])[:, 0])
        errors[implicit_history] = float(np.sqrt(np.mean((predicted - test.values) ** 2)))
    assert errors[True] < 0.7 * errors[False]


def test_fitted_users_are_their_priors_and_what_is_their_own() -> None:
    dataset = planted()
    config = DotConfig(
        n_factors=3, implicit_history=True, batch_size=64, n_epochs=4, learning_rate=0.05, regularization=0.05
    )
    model: FactorModel = fit(dataset, config, rng=np.random.default_rng(0))
    assert isinstance(model.user_side, ImplicitHistory)
    priors = history_bags(dataset.interactions.by_user, model.user_side.history_factors)
    assert np.linalg.norm(priors) > 0.1
    assert np.linalg.norm(model.user_factors - priors) < np.linalg.norm(model.user_factors)


def test_gravity_beside_implicit_history_is_refused() -> None:
    with pytest.raises(ValueError, match="gravity must be 0 with implicit_history"):
        DotConfig(implicit_history=True, gravity=0.1)
